//! Small real packages, made by the tools that everyone uses, once.
use super::targets::inside::compound;
use super::*;
use std::fs;
use std::path::{Path, PathBuf};

/// Makes a file of each kind in the folder it runs in; a target's seeds are the files of its name.
const RECIPE: &str = include_str!("seeds.sh");

const MANIFEST: &str = include_str!("../../templates/manifest/linkpack.toml");
const SAMPLE: &str = include_str!("../../templates/manifest/sample.toml");
const SITE: &str = include_str!("../../templates/manifest/example-site.toml");

/// The seeds of a target.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let text = |text: &str| text.as_bytes().to_vec();
    match target {
        "manifest" => vec![text(MANIFEST), text(SAMPLE)],
        "site" => vec![text(&format!("{SAMPLE}\n#site\n{SITE}"))],
        _ => made(target),
    }
}

fn made(target: &str) -> Vec<Vec<u8>> {
    let mut names: Vec<_> =
        fs::read_dir(folder()).expect("read the seeds").map(|entry| entry.expect("an entry").path()).collect();
    names.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{target}."))));
    names.sort();
    assert!(!names.is_empty(), "no seeds of {target}");
    names.iter().map(|path| fs::read(path).expect("read a seed")).collect()
}

/// The public halves of the keys that the signed seeds are signed with.
pub fn keys() -> [PathBuf; 2] {
    ["key.openpgp", "key.certificate"].map(|name| folder().join(name))
}

fn folder() -> PathBuf {
    fixture("fuzz-packages", RECIPE, make)
}

/// What `make` needs besides dpkg: commands, and Debian's packages of them.
const TOOLS: [(&str, &str); 11] = [
    ("zip", "zip"),
    ("rpmbuild", "rpm"),
    ("wixl", "wixl"),
    ("makeself", "makeself"),
    ("zstd", "zstd"),
    ("xz", "xz-utils"),
    ("gpg", "gnupg"),
    ("openssl", "openssl"),
    ("debsigs", "debsigs"),
    ("ar", "binutils"),
    ("python3", "python3"),
];

fn make(folder: &Path) {
    TOOLS.iter().for_each(|(tool, package)| need(tool, package));
    cmd("sh").env("LINKPACK", env!("CARGO_BIN_EXE_linkpack")).args(["-euc", RECIPE]).dir(folder).run().ok();
    for name in ["msi.ours-fast", "msi.ours-lzx", "msi.ours-signed"] {
        let path = folder.join(name);
        let small = cut(&fs::read(&path).expect("read an MSI"));
        fs::write(path, small).expect("write an MSI");
    }
}

/// An MSI whose large streams are cut: programs, and the cabinet. Its tables and its signature stay whole.
fn cut(msi: &[u8]) -> Vec<u8> {
    const ENOUGH: usize = 20_000;
    let mut streams = compound::streams(msi).expect("an MSI of ours");
    streams.iter_mut().for_each(|(_, content)| content.truncate(ENOUGH));
    compound::written(&streams).expect("an MSI in memory")
}
