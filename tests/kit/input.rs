//! What a kit is not made of: each fault a sentence, and nothing half made.
use crate::common::{cmd, Output};
use crate::material::{copy, damage, linkpack, make, NAME};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// No kit and nothing on the way to one.
fn nothing(folder: &Path) {
    let left = cmd("sh").args(["-c", "ls -A | grep -E '^(new|linkpack-work|\\.linkpack)'"]).dir(folder).run();
    assert_eq!(left.line(), "", "left behind");
}

fn refused(folder: &Path, arguments: &str, said: &str) -> Output {
    let output = make(folder, arguments).run().exits(1).says(said).says("error:");
    nothing(folder);
    output
}

#[test]
fn a_package_that_was_changed_or_is_missing_is_refused() {
    let folder = copy();
    let dist = folder.path().join("dist-1.0.0");
    for end in ["_1.0.0_amd64.deb", "-1.0.0-1.x86_64.rpm", "-1.0.0-linux-x86_64.run"] {
        let package = dist.join(format!("{NAME}{end}"));
        damage(&package);
        refused(folder.path(), "dist-1.0.0 -o new", end);
        damage(&package);
    }
    // Without a signed list each package is read to its end.
    fs::remove_file(dist.join("SHA256SUMS.sig")).unwrap();
    damage(&dist.join(format!("{NAME}_1.0.0_amd64.deb")));
    refused(folder.path(), "dist-1.0.0 -o new", "_1.0.0_amd64.deb");
    fs::remove_file(dist.join(format!("{NAME}_1.0.0_amd64.deb"))).unwrap();
    refused(folder.path(), "dist-1.0.0 -o new", "missing");
}

#[test]
fn what_is_called_a_package_and_is_none_is_refused() {
    let folder = copy();
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("dist-1.0.0/x.deb")).unwrap();
    refused(folder.path(), "dist-1.0.0 -o new", "x.deb is not a plain file");
}

#[test]
fn unsigned_rpms_and_those_of_another_key_are_refused() {
    let folder = copy();
    make(folder.path(), "demo -o new").run().exits(1);
    linkpack()
        .args(["build", "-q", "--no-cache", "-m", "demo/linkpack.toml", "-f", "rpm", "-o", "unsigned"])
        .dir(folder.path())
        .run()
        .ok();
    refused(folder.path(), "unsigned -o new", "is not signed").says("linkpack sign");
    linkpack().args(["sign", "-q", "--openpgp-key", "other.sec", "unsigned"]).dir(folder.path()).run().ok();
    refused(folder.path(), "unsigned -o new", "another key");
}

#[test]
fn two_packages_of_one_version_with_other_bytes_are_refused_and_the_same_twice_is_fine() {
    let folder = copy();
    linkpack()
        .args("build -q --no-cache -f deb -m demo/linkpack.toml -o again".split(' '))
        .env("SOURCE_DATE_EPOCH", "1750000001")
        .dir(folder.path())
        .run()
        .ok();
    refused(folder.path(), "dist-1.1.0 again -o new", "one package with other bytes");
    refused(folder.path(), "again --into kit dist-1.1.0", "one package with other bytes");
    make(folder.path(), "dist-1.0.0 dist-1.0.0 -o new").run().ok();
    cmd("diff").args(["-r", "kit", "new"]).dir(folder.path()).run().ok();
}

#[test]
fn keys_that_are_missing_or_of_no_use_are_told() {
    let folder = copy();
    let kit = |arguments: &str| linkpack().arg("kit").args(arguments.split(' ')).dir(folder.path()).run();
    kit("dist-1.0.0 -o new --openpgp-key rsa.sec").exits(1).says("no key to sign the kit");
    kit("dist-1.0.0 -o new --key key.pem").exits(1).says("no OpenPGP key").says("--openpgp-key");
    kit("dist-1.0.0 -o new --key key.pem --openpgp-command true").exits(1).says("--openpgp-public");
    kit("dist-1.0.0").exits(2);
    let script = "GNUPGHOME=$PWD/gnupg gpg --batch --quiet --passphrase '' --quick-gen-key crypt@example cv25519 encr 2>/dev/null || \
                  GNUPGHOME=$PWD/gnupg gpg --batch --quiet --passphrase '' --quick-gen-key cert@example ed25519 cert; \
                  GNUPGHOME=$PWD/gnupg gpg --batch --armor --export-secret-keys cert@example >cert.sec; GNUPGHOME=$PWD/gnupg gpgconf --kill all";
    cmd("sh").args(["-c", script]).dir(folder.path()).run().ok();
    kit("dist-1.0.0 -o new --key key.pem --openpgp-key cert.sec").exits(1).says("can sign");
    nothing(folder.path());
    kit("dist-1.0.0/intigua-sample_1.0.0_amd64.deb -o new --key key.pem --openpgp-key short.sec").exits(1).says("another key");
    fs::copy(folder.path().join("dist-1.0.0/intigua-sample-1.0.0-linux-x86_64.run"), folder.path().join("one.run")).unwrap();
    kit("one.run -o new --key key.pem --openpgp-key short.sec").exits(0).says("expires on 2043-12-27");
}

#[test]
fn a_place_with_foreign_files_is_left_alone_and_a_kit_is_replaced_whole() {
    let folder = copy();
    let foreign = folder.path().join("kit/linux/mine.txt");
    fs::write(&foreign, "mine").unwrap();
    for arguments in ["dist-1.1.0 -o kit", "dist-1.1.0 --into kit"] {
        refused(folder.path(), arguments, "files that are not of the kit: linux/mine.txt");
    }
    refused(folder.path(), "dist-1.1.0 -o demo", "is not a kit");
    refused(folder.path(), "dist-1.1.0 -o key.pem", "not a folder");
    assert_eq!(fs::read_to_string(&foreign).unwrap(), "mine");
    fs::remove_file(foreign).unwrap();
    make(folder.path(), "dist-1.1.0 -o kit").run().ok();
    assert!(!folder.path().join("kit/linux/run/intigua-sample-1.0.0-linux-x86_64.run").exists());
    cmd("sh").args(["kit/verify.sh"]).dir(folder.path()).run().ok();
    nothing(folder.path());
}

#[test]
fn hard_links_make_the_same_kit_and_copy_across_file_systems() {
    let folder = copy();
    let dist = folder.path().join("dist-1.0.0/intigua-sample-1.0.0-linux-x86_64.run");
    let before = fs::metadata(&dist).unwrap();
    make(folder.path(), "dist-1.0.0 -o copies --zip copies.zip").run().ok();
    make(folder.path(), "dist-1.0.0 -o links --zip links.zip --hard-links").run().ok();
    for (one, other) in [("copies/SHA256SUMS", "links/SHA256SUMS"), ("copies.zip", "links.zip")] {
        assert_eq!(fs::read(folder.path().join(one)).unwrap(), fs::read(folder.path().join(other)).unwrap(), "{one}");
    }
    let own = |kit: &str| fs::metadata(folder.path().join(kit).join("linux/run/intigua-sample-1.0.0-linux-x86_64.run")).unwrap();
    assert_eq!(own("links").ino(), before.ino());
    assert_ne!(own("copies").ino(), before.ino());
    let after = fs::metadata(&dist).unwrap();
    assert_eq!((after.mtime(), after.mode()), (before.mtime(), before.mode()), "the user's file is as it was");
    cmd("sh").args(["links/verify.sh"]).dir(folder.path()).run().ok();
    // What not everybody may read, or lies elsewhere, is copied.
    fs::set_permissions(&dist, fs::Permissions::from_mode(0o700)).unwrap();
    make(folder.path(), "dist-1.0.0 -o links --hard-links").run().ok();
    assert_ne!(own("links").ino(), before.ino());
    let script = "mkdir other; mount -t tmpfs none other; \"$1\" kit dist-1.0.0 -o other/kit --hard-links --key key.pem --openpgp-key rsa.sec && sh other/kit/verify.sh";
    cmd("unshare").args(["--mount", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_linkpack")]).dir(folder.path()).run().ok();
    nothing(folder.path());
}

#[test]
fn a_full_disk_and_an_interrupt_leave_nothing() {
    let folder = copy();
    let script = "mkdir full; mount -t tmpfs -o size=1m none full; \"$1\" kit dist-1.0.0 -o full/kit --key key.pem --openpgp-key rsa.sec; echo status $?; ls -A full";
    let said = cmd("unshare")
        .args(["--mount", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_linkpack")])
        .env("SOURCE_DATE_EPOCH", "1750000000")
        .dir(folder.path())
        .run();
    assert_eq!(said.line(), "status 1", "{said}");
    said.says("No space left").says("help: free some space");
    // The signal comes while the kit is being signed: all that is left to do then is to give it its name.
    let signing = "kill -TERM $PPID; sleep 0.3; openssl pkeyutl -sign -inkey key.pem";
    let interrupted = linkpack()
        .args([
            "kit",
            "dist-1.0.0",
            "-o",
            "new",
            "--iso",
            "new.iso",
            "--openpgp-key",
            "rsa.sec",
            "--public-key",
            "key.pub",
            "--sign-command",
            signing,
        ])
        .dir(folder.path())
        .run();
    interrupted.exits(1).says("interrupted");
    nothing(folder.path());
    // Whoever waits for a key's pipe can be stopped, too.
    let waiting =
        "mkfifo pipe; timeout -k 20 1 \"$1\" kit dist-1.0.0 -o new --key pipe --openpgp-key rsa.sec; echo status $?; rm pipe";
    let stopped = cmd("sh").args(["-c", waiting, "sh", env!("CARGO_BIN_EXE_linkpack")]).dir(folder.path()).run();
    assert_eq!(stopped.line(), "status 124", "{stopped}");
    stopped.says("interrupted");
    nothing(folder.path());
}

#[test]
fn a_kit_that_takes_its_predecessors_place_has_its_delta_or_none_of_both() {
    let folder = copy();
    // Stopped when the first of the names is given.
    let script = "cp -a kit before; \"$1\" kit dist-1.1.0 -q -o kit --since kit --key key.pem --openpgp-key rsa.sec & pid=$!
        inode=$(stat -c %i kit); while [ \"$(stat -c %i kit)\" = \"$inode\" ] && [ ! -d kit.delta ] && kill -0 $pid 2>/dev/null; do :; done
        kill -INT $pid 2>/dev/null; wait $pid; echo status $?; \"$1\" kit apply before kit.delta -q -o again && diff -r again kit && echo whole";
    let said = cmd("sh").args(["-c", script, "sh", env!("CARGO_BIN_EXE_linkpack")]).env("SOURCE_DATE_EPOCH", "1750000000");
    let said = said.dir(folder.path()).run();
    assert_eq!(said.stdout, "status 0\nwhole\n", "{said}");
    // To apply it once more, as after a kill, is no riddle.
    let again = linkpack().args(["kit", "apply", "again", "kit.delta", "-o", "again"]).dir(folder.path()).run();
    again.exits(1).says("again is already the kit that kit.delta makes");
}

#[test]
fn time_never_goes_back_and_the_name_stays() {
    let folder = copy();
    let earlier = make(folder.path(), "dist-1.1.0 --into kit").env("SOURCE_DATE_EPOCH", "1749999999").run();
    earlier.exits(1).says("earlier time").says("apt ignores lists");
    make(folder.path(), "dist-1.1.0 -o new --since kit")
        .env("SOURCE_DATE_EPOCH", "1749999999")
        .run()
        .exits(1)
        .says("earlier time");
    make(folder.path(), "dist-1.1.0 --into kit --name else").run().exits(1).says("would be \"else\"");
    nothing(folder.path());
    // The key was made after this time: its signatures are of its own.
    let release = |kit: &str| fs::read_to_string(folder.path().join(kit).join("linux/apt/dists/stable/Release")).unwrap();
    make(folder.path(), "dist-1.0.0 -o old").env("SOURCE_DATE_EPOCH", "1000000000").run().ok();
    assert!(release("old").contains("Date: Mon, 01 Jan 2024 00:00:00 GMT"), "{}", release("old"));
    let without = "unset SOURCE_DATE_EPOCH; \"$1\" kit dist-1.0.0 -o newest --key key.pem --openpgp-key rsa.sec";
    cmd("sh").args(["-c", without, "sh", env!("CARGO_BIN_EXE_linkpack")]).dir(folder.path()).run().ok();
    assert!(release("newest").contains("Date: Sun, 15 Jun 2025 15:06:40 GMT"), "{}", release("newest"));
    assert!(release("kit").contains("Date: Sun, 15 Jun 2025 15:06:40 GMT"));
}

#[test]
fn the_next_key_takes_over_from_the_kit_that_names_it() {
    let folder = copy();
    make(folder.path(), "dist-1.0.0 --into kit").run().ok();
    let stranger = "dist-1.1.0 --into kit --key stranger.pem --openpgp-key rsa.sec";
    linkpack().arg("kit").args(stranger.split(' ')).dir(folder.path()).run().exits(1).says("--next-key");
    make(folder.path(), "dist-1.0.0 --into kit --next-key stranger.pub").run().ok();
    fs::remove_file(folder.path().join("dist-1.1.0/SHA256SUMS.sig")).unwrap();
    cmd("sh").args(["-c", "rm dist-1.1.0/*.run"]).dir(folder.path()).run().ok();
    cmd("sh").args(["-c", "mkdir d; cp dist-1.1.0/*.deb d"]).dir(folder.path()).run().ok();
    // What the old key has signed would not verify by the new one.
    let rolled = |place: &str| {
        let line = format!("d {place} --key stranger.pem --openpgp-key rsa.sec");
        linkpack().arg("kit").args(line.split(' ')).dir(folder.path()).run()
    };
    rolled("--into kit").exits(1).says(".run is signed by the key before").says("--since");
    rolled("-o rolled --since kit").ok();
    cmd("sh").arg("rolled/verify.sh").args(["--key", "stranger.pub"]).dir(folder.path()).run().ok();
}
