//! linkpack, and what unpacks its packages.
use super::bench::Bench;
use super::readers::{self, Way};
use super::trees::{Node, Tree};
use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A format and the shell line that unpacks its package `$1` into `out`.
pub struct Format {
    pub name: &'static str,
    unpack: &'static str,
    /// Where the payload then is, below `out`.
    payload: &'static str,
}

pub const UNIX: [Format; 3] = [
    Format { name: "deb", unpack: "dpkg-deb --extract \"$1\" out", payload: "usr/local/intigua/Intigua-Libs/tree" },
    Format {
        name: "rpm",
        unpack:
            "rpm2cpio \"$1\" >cpio && cd out && cpio --extract --make-directories --preserve-modification-time --quiet <../cpio",
        payload: "usr/local/intigua/Intigua-Libs/tree",
    },
    Format {
        name: "run",
        unpack: "at=$(sh \"$1\" --info --json | sed -n 's/.*\"payload_offset\": *\\([0-9]*\\).*/\\1/p'); \
                 tail -c +$((at + 1)) \"$1\" >tar; case $2 in small) xz -dc <tar ;; zstd) zstd -dc <tar ;; *) gzip -dc <tar ;; esac | tar -xp -C out",
        payload: "Intigua-Libs/tree",
    },
];

pub const WINDOWS: [Format; 1] = [Format { name: "msi", unpack: "msiextract -C out \"$1\" >list", payload: "" }];

const MANIFEST: &str = r#"[product]
name = "property"
title = "Property"
version = "1.0.0"
systems = ["debian-12", "rhel-9"]
publisher = "Example Ltd"
contact = "Example Ltd <support@example.com>"
license = "MIT"
description = "any tree"
upgrade-code = "3D0E4C5A-6B1F-4E0A-9C57-8A2D5B7E9F14"

[connector]
server-url = "https://core.example.com"
executable = { linux = "vlink", windows = "vlinkservice.exe" }
payload = { linux-x86_64 = "connector", windows-x86_64 = "connector-windows" }

[[container]]
name = "tree"
command = { linux = ["of-the-test"], windows = ["of-the-test.exe"] }
payload = { linux-x86_64 = ["tree", "own"], windows-x86_64 = ["tree", "own-windows"] }
"#;

/// Packages a tree as a container, unpacks it and compares: how many entries came back, or none where it was refused.
pub fn round_trip(bench: &Bench, tree: &Tree, way: &Way, format: &Format) -> Result<Option<usize>, String> {
    let folder = tempfile::tempdir().expect("make a folder");
    let place = folder.path();
    prepare(tree, place);
    let build = super::bench::linkpack().args(["build", "-q", "--no-cache", "--no-sbom", "-f", format.name]);
    let build = build.args(["--codec", way.codec]).args(way.build_options(bench));
    let said = build.dir(place).run();
    let dist = fs::read_dir(place.join("dist")).map(|entries| entries.flatten().map(|entry| entry.path()).collect::<Vec<_>>());
    let package = dist.unwrap_or_default().into_iter().find(|path| path.extension().is_some_and(|found| found == format.name));
    match (said.code, package) {
        (Some(0), Some(package)) => {
            readers::take(bench, way, &package, &said.stderr)?;
            fs::create_dir(place.join("out")).expect("make a folder");
            let script = format!("umask 0; {}", format.unpack);
            let unpacked = cmd("sh").args(["-euc", &script, "sh"]).arg(&package).arg(way.codec).dir(place).run();
            if unpacked.code != Some(0) {
                return Err(format!("{} cannot be unpacked: {unpacked}", format.name));
            }
            compare(tree, &place.join("out"), format).map(Some)
        }
        (Some(1), None) if said.stderr.starts_with("error: ") && said.stderr.contains("help: ") => {
            may_be_refused(tree, format, &said.stderr)
        }
        _ => Err(format!("{}: neither packaged nor refused with a sentence: {said}", format.name)),
    }
}

fn prepare(tree: &Tree, place: &Path) {
    fs::write(place.join("linkpack.toml"), MANIFEST).expect("write the manifest");
    for connector in ["connector/vlink", "connector-windows/vlinkservice.exe", "own/of-the-test", "own-windows/of-the-test.exe"] {
        let path = place.join(connector);
        fs::create_dir(path.parent().expect("a parent")).expect("make a folder");
        fs::write(&path, program(connector)).expect("write a program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
    }
    fs::create_dir(place.join("tree")).expect("make a folder");
    tree.write(&place.join("tree"));
}

/// A script, or the least that is a program for Windows on x86-64.
fn program(name: &str) -> Vec<u8> {
    if !name.ends_with(".exe") {
        return b"#!/bin/sh\n".to_vec();
    }
    let mut bytes = b"MZ".to_vec();
    bytes.resize(0x400, 0);
    bytes[0x3c] = 0x80;
    bytes[0x80..0x84].copy_from_slice(b"PE\0\0");
    bytes[0x84..0x86].copy_from_slice(&[0x64, 0x86]);
    bytes[0x94] = 0xf0;
    bytes[0x98..0x9a].copy_from_slice(&[0x0b, 0x02]);
    bytes
}

/// What the tree shows to be no fault of linkpack: everything else has to be packaged.
fn may_be_refused(tree: &Tree, format: &Format, said: &str) -> Result<Option<usize>, String> {
    let no_file = !tree.0.values().any(|node| matches!(node, Node::File { .. }));
    let link = tree
        .0
        .iter()
        .any(|(_, node)| matches!(node, Node::Link(target) if target.starts_with(b"../") || target.starts_with(b"/")));
    let newline = format.name == "deb"
        && tree
            .0
            .iter()
            .any(|(path, node)| path.contains(&b'\n') || matches!(node, Node::Link(target) if target.contains(&b'\n')));
    let windows = format.name == "msi";
    match no_file || link || newline || windows {
        true => Ok(None),
        false => Err(format!("{}: refused, and nothing is wrong with it: {said}", format.name)),
    }
}

fn compare(tree: &Tree, out: &Path, format: &Format) -> Result<usize, String> {
    let payload = if format.payload.is_empty() {
        find_tree(out).ok_or("msiextract brought no container")?
    } else {
        out.join(format.payload)
    };
    let mut there = Tree::read(&payload).0;
    for own in [&b"container.json"[..], b"of-the-test", b"of-the-test.exe"] {
        there.remove(own);
    }
    let windows = format.name == "msi";
    let mut wanted = tree.0.clone();
    if windows {
        // An MSI has neither modes nor, as msiextract unpacks it, empty folders.
        wanted.retain(|_, node| !matches!(node, Node::Folder));
        let no_mode = |node: &mut Node| {
            if let Node::File { mode, .. } = node {
                *mode = 0;
            }
        };
        wanted.values_mut().for_each(no_mode);
        there.values_mut().for_each(no_mode);
    }
    for (path, node) in &wanted {
        if there.get(path) != Some(node) {
            let found = there.get(path).map(brief);
            return Err(format!("{}: {:?} is {found:?}, not {:?}", format.name, String::from_utf8_lossy(path), brief(node)));
        }
    }
    let more = there.iter().find(|(path, node)| !matches!(node, Node::Folder) && !wanted.contains_key(*path));
    match more {
        Some((path, _)) => Err(format!("{}: {:?} was never in the tree", format.name, String::from_utf8_lossy(path))),
        None => Ok(wanted.len()),
    }
}

fn brief(node: &Node) -> String {
    match node {
        Node::File { bytes, mode } => {
            format!("a file of {} bytes, mode {mode:o}, CRC {:08x}", bytes.len(), crc32fast::hash(bytes))
        }
        other => format!("{other:?}"),
    }
}

/// The container's folder in what msiextract makes.
fn find_tree(out: &Path) -> Option<std::path::PathBuf> {
    let found = cmd("find").arg(out).args(["-type", "d", "-path", "*/Intigua-Libs/tree"]).run().ok();
    found.stdout.lines().next().map(Into::into)
}
