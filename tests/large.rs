//! A file beyond 8 GiB, where tar's octal size field ends: sparse on disk, whole in the packages.
mod common;
use common::*;
use std::fs::{self, File};
use std::path::Path;

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
