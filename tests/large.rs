//! Very many files in bounded memory.
mod common;
use common::*;
use std::fs;
use std::path::Path;
use std::process::Command;

const LINKPACK: &str = env!("CARGO_BIN_EXE_linkpack");

const MANIFEST: &str = r#"[product]
name = "large"
title = "Large"
version = "1"
publisher = "Example"
contact = "Example <a@example.com>"
license = "MIT"
description = "many files"
[connector]
executable = { linux = "vlink" }
payload = { linux-x86_64 = "connector" }
"#;

fn product(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir(folder.join("connector")).expect("make a folder");
    fs::write(folder.join("linkpack.toml"), MANIFEST).expect("write the manifest");
    fs::write(folder.join("connector/vlink"), "#!/bin/sh\n").expect("write a program");
    fs::set_permissions(folder.join("connector/vlink"), fs::Permissions::from_mode(0o755)).expect("chmod");
}

/// The most memory that a build may take, in KiB.
const MEMORY: u64 = 128 << 10;

/// How much memory a build took at its peak, in KiB.
fn peak_of_build(folder: &Path, arguments: &[&str]) -> u64 {
    let mut build = Command::new(LINKPACK);
    peak(build.args(["build", "-q", "--no-cache", "-j", "2"]).args(arguments).current_dir(folder))
}

#[test]
fn a_hundred_thousand_files_take_at_most_128_mib() {
    let folder = tempfile::tempdir().expect("make a folder");
    let path = folder.path();
    product(path);
    for index in 0..100_000 {
        let below = path.join(format!("connector/modules-{:03}", index / 1000));
        if index % 1000 == 0 {
            fs::create_dir(&below).expect("make a folder");
        }
        fs::write(below.join(format!("module-{index:06}.py")), format!("{index}\n")).expect("write a file");
    }
    cmd("tar").args(["--create", "--file=connector.tar", "--directory=connector", "."]).dir(path).run().ok();
    let from_tar = MANIFEST.replace("\"connector\"", "\"connector.tar\"");
    fs::write(path.join("tar.toml"), from_tar).expect("write the manifest");
    let peaks = [
        ("a folder into all formats", peak_of_build(path, &["-f", "deb,rpm,run"])),
        ("a tar archive", peak_of_build(path, &["-m", "tar.toml", "-f", "run"])),
        ("two of xz's encoders beside them", peak_of_build(path, &["-f", "rpm", "--codec", "small"])),
    ];
    for (what, peak) in peaks {
        assert!(peak > 0 && peak < MEMORY, "{what}: {peak} KiB");
    }
}
