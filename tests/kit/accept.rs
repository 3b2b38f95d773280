//! Acceptance at the site: by the fingerprint, by the kit before, by two persons; and what is different.
use crate::common::{cmd, Cmd};
use crate::material::{copy, damage, fingerprint, linkpack, make};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn accept(folder: &Path, arguments: &str) -> Cmd {
    linkpack().args(["kit", "accept"]).args(arguments.split(' ')).dir(folder)
}

#[test]
fn a_kit_is_accepted_by_its_fingerprint_and_the_report_is_signed_by_the_site() {
    let folder = copy();
    let right = fingerprint(&folder.path().join("key.pub"));
    accept(folder.path(), "kit").run().exits(1).says("nothing to know the vendor by");
    let other = fingerprint(&folder.path().join("stranger.pub"));
    accept(folder.path(), &format!("kit --fingerprint {other}")).run().exits(1).says("0 of the 1 signatures");
    accept(folder.path(), &format!("kit --fingerprint {right} -o report.html --by Anna --key stranger.pem"))
        .run()
        .ok()
        .says("accepted");
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(
        page.contains("By Anna, 2025-06-15T15:06:40Z") && page.contains("its fingerprint was given") && page.contains("vlink"),
        "{page}"
    );
    let check = "openssl dgst -sha256 -verify stranger.pub -signature report.html.sig report.html";
    cmd("sh").args(["-c", check]).dir(folder.path()).run().ok();
    damage(&folder.path().join("kit/linux/run/intigua-sample-1.0.0-linux-x86_64.run"));
    let said = accept(folder.path(), &format!("kit --fingerprint {right} --json -o report.html")).run().exits(1);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(report["accepted"], false);
    assert_eq!(report["faults"][0], "linux/run/intigua-sample-1.0.0-linux-x86_64.run: changed");
    assert!(fs::read_to_string(folder.path().join("report.html")).unwrap().contains("refused"));
}

#[test]
fn the_kit_before_vouches_for_the_next_one_and_the_differences_are_told() {
    let folder = copy();
    make(folder.path(), "dist-1.1.0 -o new --since kit").run().ok();
    let said = accept(folder.path(), "new --against kit --json").run().ok();
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(report["signatures"][0]["trusted"], "it signed the kit before");
    let changes = &report["changes"];
    assert!(changes["added"].to_string().contains("intigua-sample_1.1.0_amd64.deb"), "{changes}");
    assert!(changes["removed"].to_string().contains("intigua-sample_1.0.0_amd64.deb"), "{changes}");
    let deb = changes["packages"].as_array().unwrap().iter().find(|one| one["to"].as_str().unwrap().ends_with(".deb")).unwrap();
    let lines = deb["lines"].to_string();
    assert!(lines.contains("changed script") && lines.contains("changed /"), "{lines}");
    assert!(changes["components"].to_string().contains("1.1.0"), "{changes}");
    // Back to the old one: a downgrade is refused, whoever signed it.
    make(folder.path(), "dist-1.0.0 -o back").env("SOURCE_DATE_EPOCH", "1700000000").run().ok();
    accept(folder.path(), "back --against new").run().exits(1).says("older than the kit that the site has");
    // Of one second, as two builds of one tree are.
    accept(folder.path(), "kit --against new").run().exits(1).says("the kit before the one that the site has");
    let without = "unset SOURCE_DATE_EPOCH; \"$1\" kit dist-1.1.0 -o later --since kit --key key.pem --openpgp-key rsa.sec";
    cmd("sh").args(["-c", without, "sh", env!("CARGO_BIN_EXE_linkpack")]).dir(folder.path()).run().ok();
    let time = |kit: &str| {
        let text = fs::read_to_string(folder.path().join(kit).join("kit.json")).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["time"].as_u64().unwrap()
    };
    assert!(time("later") > time("kit"), "an older kit in its place is seen by its date");
}

#[test]
fn a_list_that_names_files_outside_of_the_kit_is_no_kits_list() {
    let folder = copy();
    let kit = folder.path().join("kit");
    let list = fs::read_to_string(kit.join("SHA256SUMS")).unwrap();
    let digest = "0".repeat(64);
    for (line, said) in
        [("/etc/passwd", "not a path within"), ("../../etc/passwd", "not a path within"), ("kit.json", "stands there twice")]
    {
        fs::write(kit.join("SHA256SUMS"), format!("{list}{digest}  {line}\n")).unwrap();
        let signing = "openssl dgst -sha256 -sign key.pem -out kit/SHA256SUMS.sig kit/SHA256SUMS";
        cmd("sh").args(["-c", signing]).dir(folder.path()).run().ok();
        let right = fingerprint(&folder.path().join("key.pub"));
        accept(folder.path(), &format!("kit --fingerprint {right}")).run().exits(1).says(said);
        crate::material::linkpack()
            .args(["kit", "serve", "kit", "--listen", "127.0.0.1:0"])
            .dir(folder.path())
            .run()
            .exits(1)
            .says(said);
        make(folder.path(), "dist-1.1.0 --into kit").run().exits(1).says(said);
    }
    fs::write(kit.join("SHA256SUMS"), list.lines().rev().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let unsigned = crate::material::linkpack().args(["kit", "serve", "kit", "--listen", "127.0.0.1:0"]).dir(folder.path()).run();
    unsigned.exits(1).says("not signed by its own key");
}

#[test]
fn two_persons_sign_and_one_is_not_enough() {
    let folder = copy();
    let [one, two] = ["key.pub", "stranger.pub"].map(|pem| fingerprint(&folder.path().join(pem)));
    let both = format!("kit --require 2 --fingerprint {one} --fingerprint {two}");
    accept(folder.path(), &both).run().exits(1).says("1 of the 2 signatures");
    // The same key twice is one person.
    let sign = |key: &str| linkpack().args(["kit", "countersign", "kit", "--key", key]).dir(folder.path()).run();
    sign("key.pem").exits(1).says("signed by this key already");
    accept(folder.path(), &both).run().exits(1).says("1 of the 2 signatures");
    sign("stranger.pem").ok();
    accept(folder.path(), &both).run().ok();
    let verified = cmd("dash").args(["kit/verify.sh", "--fingerprint", &one]).dir(folder.path()).run();
    verified.ok().says("of another person, is not checked here");
    make(folder.path(), "dist-1.0.0 -o kit").run().ok();
    damage(&folder.path().join("kit/index.html"));
    sign("stranger.pem").exits(1).says("index.html: changed");
}

#[test]
fn a_file_name_with_a_line_break_does_not_make_a_line_of_its_own() {
    let folder = copy();
    fs::write(folder.path().join("kit/x\naccepted kit: all is well\u{202e}"), "").unwrap();
    let one = fingerprint(&folder.path().join("key.pub"));
    let within = accept(folder.path(), &format!("kit --fingerprint {one} -o kit/linux/report.html")).run();
    within.exits(1).says("would lie within the kit");
    // Nor is a hole of terabytes read to its end.
    let sparse = "cp -a kit sparse; rm sparse/x*; truncate -s 1T sparse/windows/*.msi";
    cmd("sh").args(["-ec", sparse]).dir(folder.path()).run().ok();
    let holes = accept(folder.path(), &format!("sparse --fingerprint {one}")).limit(20).run();
    holes.exits(1).says("x64.msi: changed");
    let said = accept(folder.path(), &format!("kit --fingerprint {one}")).run().exits(1);
    said.says("not of the kit: x\\naccepted kit: all is well\\u{202e}").never_says("\naccepted");
}

#[test]
fn a_description_that_says_other_things_than_the_list_is_told_whoever_signed_it() {
    let folder = copy();
    let one = fingerprint(&folder.path().join("key.pub"));
    let sign = "digest=$(sha256sum <kit.json | cut -c1-64); sed -i \"s/^[0-9a-f]*  kit.json$/$digest  kit.json/\" SHA256SUMS
        openssl dgst -sha256 -sign ../key.pem -out SHA256SUMS.sig SHA256SUMS";
    for (name, change, said) in [
        ("path", "s,\"path\": \"windows/,\"path\": \"../../etc/,", "../../etc/intigua-sample-1.0.0-x64.msi: kit.json says of it"),
        ("digest", "0,/\"sha256\": \"/s//\"sha256\": \"0/", "kit.json says of it what SHA256SUMS does not"),
        ("key", "s/\"sums\": \"sha256:[0-9a-f]*/\"sums\": \"sha256:0/", "kit.json names another key"),
    ] {
        let script = format!("cp -a kit {name}; cd {name}; sed -i '{change}' kit.json; {sign}");
        cmd("sh").args(["-ec", &script]).dir(folder.path()).run().ok();
        accept(folder.path(), &format!("{name} --fingerprint {one}")).run().exits(1).says(said);
    }
}
