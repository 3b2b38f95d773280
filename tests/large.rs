//! What is large: a file beyond 8 GiB, where tar's octal size field ends (sparse on disk, whole in the packages), and very many files.
mod common;
use common::*;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const LINKPACK: &str = env!("CARGO_BIN_EXE_linkpack");
/// One byte more than twelve octal digits less one can say.
const SIZE: u64 = (8 << 30) + 1;

const MANIFEST: &str = r#"[product]
name = "large"
title = "Large"
version = "1"
publisher = "Example"
contact = "Example <a@example.com>"
license = "MIT"
description = "a large file"
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
    File::create(folder.join("connector/huge")).and_then(|file| file.set_len(SIZE)).expect("make a sparse file");
}

#[test]
fn a_file_above_8_gib_is_whole_in_deb_and_run() {
    let folder = tempfile::tempdir().expect("make a folder");
    product(folder.path());
    cmd(LINKPACK).args(["build", "-q", "--no-cache", "-f", "deb,run"]).dir(folder.path()).limit(400).run().ok();
    // dpkg-deb and tar each read their whole archive; the two run side by side.
    let line = |archive: &str, name: &str| format!("{archive} | tar --list --verbose | grep -F ' {SIZE} ' | grep -F {name}");
    let deb = line("dpkg-deb --fsys-tarfile dist/large_1_amd64.deb", "./usr/local/intigua/vAgentManager/huge");
    let run = line(
        r#"{ f=dist/large-1-linux-x86_64.run; o=$(sh $f --info --json | sed -n 's/.*"payload_offset": \([0-9]*\).*/\1/p'); tail -c +$((o + 1)) $f | gzip -dc; }"#,
        "vAgentManager/huge",
    );
    let both = format!("({deb}) & first=$!; ({run}) && wait $first");
    cmd("bash").args(["-o", "pipefail", "-c", &both]).dir(folder.path()).limit(400).run().ok();
}

/// The most memory that a build may take, in KiB.
const MEMORY: u64 = 128 << 10;

/// How much memory a build took at its peak, in KiB.
fn peak(folder: &Path, arguments: &[&str]) -> u64 {
    let mut build = Command::new(LINKPACK);
    build.args(["build", "-q", "--no-cache", "-j", "2"]).args(arguments).current_dir(folder).stdin(Stdio::null());
    let mut child = build.spawn().expect("start linkpack");
    let status = format!("/proc/{}/status", child.id());
    let (mut peak, deadline) = (0, Instant::now() + Duration::from_secs(200));
    while child.try_wait().expect("wait for linkpack").is_none() {
        assert!(Instant::now() < deadline, "the build hangs");
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(child.wait().expect("wait for linkpack").success());
    peak
}

#[test]
fn a_hundred_thousand_files_take_at_most_128_mib() {
    let folder = tempfile::tempdir().expect("make a folder");
    let path = folder.path();
    product(path);
    fs::remove_file(path.join("connector/huge")).expect("remove the large file");
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
        ("a folder into all formats", peak(path, &["-f", "deb,rpm,run"])),
        ("a tar archive", peak(path, &["-m", "tar.toml", "-f", "run"])),
    ];
    for (what, peak) in peaks {
        assert!(peak > 0 && peak < MEMORY, "{what}: {peak} KiB");
    }
}
