//! Deltas: the next kit is made at the site to the byte, or not at all.
use crate::common::{cmd, Output};
use crate::material::{copy, damage, linkpack, make};
use std::fs;
use std::path::Path;

fn apply(folder: &Path, arguments: &str) -> Output {
    linkpack().args(["kit", "apply"]).args(arguments.split(' ')).dir(folder).run()
}

/// Bytes, times and modes of a folder.
fn listing(folder: &Path, kit: &str) -> String {
    let script = "cd \"$1\" && find . -printf '%P %m %s %T@\\n' | sort && find . -type f -exec sha256sum {} + | sort";
    cmd("sh").args(["-c", script, "sh", kit]).dir(folder).run().ok().stdout
}

#[test]
fn a_delta_makes_the_next_kit_to_the_byte_or_none_at_all() {
    let folder = copy();
    let at = folder.path();
    fs::write(at.join("tool"), "#!/bin/sh\n").unwrap();
    make(at, "dist-1.1.0 -o new/ --since kit --tool tool --next-key stranger.pub").run().ok().says("wrote new.delta");
    apply(at, "kit new.delta -o made").ok().says("wrote made");
    assert_eq!(listing(at, "made"), listing(at, "new"));
    cmd("sh").args(["made/verify.sh"]).dir(at).run().ok();
    let steps = fs::read_to_string(at.join("new.delta/APPLY.md")).unwrap();
    assert!(steps.contains("linkpack kit apply") && steps.contains("DELTA/tool/linkpack"), "{steps}");
    cmd("sh").args(["-euc", "cd new.delta; sha256sum -c --quiet SHA256SUMS; openssl dgst -sha256 -verify vendor.pub -signature SHA256SUMS.sig SHA256SUMS"]).dir(at).run().ok();

    let refused = |arguments: &str, said: &str| {
        apply(at, arguments).exits(1).says(said).says("help:");
        assert!(!at.join("x").exists(), "{arguments}");
        let left = cmd("sh").args(["-c", "ls -A | grep -E '^(linkpack-work|\\.linkpack)'"]).dir(at).run();
        assert_eq!(left.line(), "", "left behind after {arguments}");
    };
    refused("new new.delta -o x", "new is already the kit that new.delta makes");
    refused("new.delta new.delta -o x", "is not a kit");
    refused("kit kit -o x", "is not a delta");
    refused("kit new.delta -o demo", "is not a kit");
    for file in ["delta.json", "plan.zst", "steps.zst", "data.zst", "SHA256SUMS", "tool/linkpack"] {
        let path = at.join("new.delta").join(file);
        damage(&path);
        assert_ne!(apply(at, "kit new.delta -o x").code, Some(0), "{file}");
        assert!(!at.join("x").exists(), "{file}");
        damage(&path);
    }
    // Somebody else's delta, whole in itself, and a kit that was changed since it was accepted.
    let resign = "cp -a new.delta other; cp stranger.pub other/vendor.pub; cd other; old=$(grep vendor.pub SHA256SUMS | cut -c1-64); \
        new=$(sha256sum <vendor.pub | cut -c1-64); sed -i \"s/$old/$new/\" SHA256SUMS; openssl dgst -sha256 -sign ../stranger.pem -out SHA256SUMS.sig SHA256SUMS";
    cmd("sh").args(["-euc", resign]).dir(at).run().ok();
    refused("kit other -o x", "signed by another key");
    let deb = at.join("kit/linux/apt/pool/main/i/intigua-sample/intigua-sample_1.0.0_amd64.deb");
    damage(&deb);
    refused("kit new.delta -o x", "was changed since");
    damage(&deb);

    let full =
        "mkdir full; mount -t tmpfs -o size=2m none full; \"$1\" kit apply kit new.delta -o full/kit; echo status $?; ls -A full";
    let said = cmd("unshare").args(["--mount", "sh", "-c", full, "sh", env!("CARGO_BIN_EXE_linkpack")]).dir(at).run();
    assert_eq!(said.line(), "status 1", "{said}");
    said.says("No space left").says("help: free some space");

    fs::write(at.join("new.delta/extra"), "x").unwrap();
    apply(at, "kit new.delta -o foreign").exits(1).says("is not of the delta");
    fs::remove_file(at.join("new.delta/extra")).unwrap();
    cmd("sh").args(["-c", "mv new.delta/steps.zst steps; ln -s ../steps new.delta/steps.zst"]).dir(at).run().ok();
    apply(at, "kit new.delta -o linked").exits(1).says("\"steps.zst\" is no regular file");
    cmd("mv").args(["steps", "new.delta/steps.zst"]).dir(at).run().ok();

    // The next key signs the delta after this one; the old kit is replaced in its place.
    cmd("sh").args(["-euc", "rm dist-1.0.0/SHA256SUMS.sig; mkdir d; cp dist-1.0.0/*.deb d"]).dir(at).run().ok();
    let next =
        "d dist-1.1.0/intigua-sample_1.1.0_amd64.deb -o third --since new --key stranger.pem --openpgp-key rsa.sec --delta over";
    linkpack().arg("kit").args(next.split(' ')).dir(at).run().ok();
    apply(at, "made over -o made").ok();
    assert_eq!(listing(at, "made"), listing(at, "third"));
}

#[test]
fn a_delta_needs_a_kit_before_and_a_place_of_its_own() {
    let folder = copy();
    let at = folder.path();
    make(at, "dist-1.1.0 -o new --delta d").run().exits(1).says("--since OLDKIT");
    make(at, "dist-1.1.0 -o new --tool key.pub").run().exits(1).says("no delta to carry");
    make(at, "dist-1.1.0 -o new --since kit --delta demo").run().exits(1).says("is no delta");
    assert!(!at.join("new").exists());
    make(at, "dist-1.1.0 -o new --zip one --iso one").run().exits(1).says("two outputs would be one");
    make(at, "dist-1.1.0 -o new --zip new/one.zip").run().exits(1).says("within the kit");
    make(at, "dist-1.1.0 -o new --zip nowhere/one.zip").run().exits(1).says("mkdir -p nowhere");
    damage(&at.join("kit/index.html"));
    make(at, "dist-1.1.0 -o new --since kit").run().exits(1).says("would fit no site");
    assert!(!at.join("new").exists() && !at.join("new.delta").exists());
}
