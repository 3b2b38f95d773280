//! What is fuzzed: each function takes anyone's bytes to the same public functions that the command line uses. An error is an answer;
//! a panic, a hang, memory beyond the limit or a tree that leaves its folder is a fault. Run by cargo-fuzz (coverage-guided, nightly)
//! and by tests/fuzz.rs (seeded mutations, any Rust).

pub mod inside;

use linkpack::build::signatures;
use linkpack::inspect::{self, lint};
use linkpack::listener::Listener;
use linkpack::payload::{self, Kind, Source, Spool, Tree};
use linkpack::trust::key_file::KeyFile;
use linkpack::trust::keys::Keys;
use linkpack::{manifest, Error};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A name, and what to do with bytes in a folder of its own.
pub type Target = (&'static str, fn(&Path, &[u8]));

/// All targets.
pub const TARGETS: [Target; 10] = [
    ("manifest", manifest),
    ("site", site),
    ("tar", tar),
    ("zip", zip),
    ("deb", deb),
    ("rpm", rpm),
    ("run", run_file),
    ("msi", msi),
    ("folder", packages_folder),
    ("key", key),
];

/// Runs one target on bytes, in `folder`, which holds nothing else.
pub fn run(name: &str, folder: &Path, bytes: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of this name");
    target(folder, bytes);
}

struct Quiet;

impl Listener for Quiet {
    fn warning(&self, _: &str) {}
    fn info(&self, _: &str) {}
}

fn case(folder: &Path, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("write the case");
    path
}

/// An error can be shown: it says something, has nothing in it that a terminal obeys, and points into its text.
fn is_shown(error: &Error) {
    let sentences = error.notes().iter().map(String::as_str).chain([error.what()]).chain(error.help_text());
    for sentence in sentences {
        assert!(!sentence.is_empty() && !sentence.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')), "{sentence:?}");
    }
    if let Some(snippet) = error.snippet() {
        assert!(snippet.text.get(snippet.span.clone()).is_some(), "a span beyond the text: {:?}", snippet.span);
    }
}

fn manifest(folder: &Path, bytes: &[u8]) {
    if let Err(error) = manifest::load(&case(folder, "linkpack.toml", bytes), &Default::default()) {
        is_shown(&error);
    }
}

/// The plain manifest and, after a line of `#site`, a site file.
fn site(folder: &Path, bytes: &[u8]) {
    let (before, after) = halves(bytes, b"\n#site\n");
    let Ok(product) = manifest::load(&case(folder, "linkpack.toml", before), &Default::default()) else { return };
    if let Err(error) = manifest::load_site(&product, &case(folder, "site.toml", after)) {
        is_shown(&error);
    }
}

/// What comes before a border, and what from it on.
fn halves<'a>(bytes: &'a [u8], border: &[u8]) -> (&'a [u8], &'a [u8]) {
    let at = bytes.windows(border.len()).position(|window| window == border).unwrap_or(bytes.len());
    bytes.split_at(at)
}

/// SHA256SUMS and, after a line of `#manifest`, manifest.json, in a folder with nothing of what they list but the lists themselves.
fn packages_folder(folder: &Path, bytes: &[u8]) {
    const BORDER: &[u8] = b"\n#manifest\n";
    let (sums, manifest) = halves(bytes, BORDER);
    let paths = [("SHA256SUMS", sums), ("manifest.json", manifest.strip_prefix(BORDER).unwrap_or(manifest))]
        .map(|(name, bytes)| case(folder, name, bytes));
    if let Err(error) = inspect::verify::folder(folder, &inspect::verify::signatures::NoKeys) {
        is_shown(&error);
    }
    paths.iter().for_each(|path| fs::remove_file(path).expect("remove a list"));
}

/// A key that signs, and one that is trusted.
fn key(folder: &Path, bytes: &[u8]) {
    for password in [None, Some("x")] {
        if let Err(error) = KeyFile::read(bytes, password) {
            is_shown(&error);
        }
    }
    if let Err(error) = Keys::read(&[case(folder, "case.key", bytes)]) {
        is_shown(&error);
    }
}

/// The keys of the files that LINKPACK_FUZZ_KEYS names, separated by colons; with none, signatures are read all the same.
fn trusted() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let paths: Vec<PathBuf> =
            std::env::var_os("LINKPACK_FUZZ_KEYS").map(|paths| std::env::split_paths(&paths).collect()).unwrap_or_default();
        Keys::read(&paths).expect("read the keys")
    })
}

fn tar(folder: &Path, bytes: &[u8]) {
    load(folder, "case.tar", bytes);
}

fn zip(folder: &Path, bytes: &[u8]) {
    load(folder, "case.zip", bytes);
}

fn deb(folder: &Path, bytes: &[u8]) {
    load(folder, "case.deb", bytes);
    look(folder, "case.deb", bytes);
}

fn rpm(folder: &Path, bytes: &[u8]) {
    load(folder, "case.rpm", bytes);
    look(folder, "case.rpm", bytes);
}

/// Bytes read of each content: enough to see that it is there.
const LOOKED_AT: usize = 64 << 10;

fn load(folder: &Path, name: &str, bytes: &[u8]) {
    let source = Source { path: case(folder, name, bytes), ..Source::default() };
    let spool = Spool::new(folder).expect("make a spool");
    match payload::load(&source, &spool, &Quiet) {
        Ok(loaded) => is_within(&loaded.tree),
        Err(error) => is_shown(&error),
    }
}

/// No name and no link leads out of the tree, and every content is there.
fn is_within(tree: &Tree) {
    let mut block = vec![0; LOOKED_AT];
    for entry in tree.entries() {
        assert!(
            entry.path.components().all(|part| !matches!(part, b"" | b"." | b"..") && !part.contains(&0)),
            "{:?}",
            entry.path
        );
        assert!(entry.mode & !0o777 == 0, "special bits of {:?}", entry.path);
        match &entry.kind {
            Kind::Directory => {}
            Kind::Symlink(target) => {
                assert!(!target.starts_with(b"/") && !target.contains(&0), "{:?} leads to {target:?}", entry.path);
                let up = target.split(|&byte| byte == b'/').take_while(|part| *part == b"..").count();
                assert!(up < entry.path.components().count(), "{:?} leaves the tree", entry.path);
            }
            Kind::File(content) => {
                content.open().and_then(|mut reader| reader.read_block(&mut block)).expect("read a content");
            }
        }
    }
}

fn run_file(folder: &Path, bytes: &[u8]) {
    look(folder, "case.run", bytes);
}

fn msi(folder: &Path, bytes: &[u8]) {
    look(folder, "case.msi", bytes);
}

/// inspect in each of its forms, lint, verify, and whose signatures there are.
fn look(folder: &Path, name: &str, bytes: &[u8]) {
    let path = case(folder, name, bytes);
    match inspect::read(&path) {
        Ok(package) => {
            let findings = lint::lint(&package, &[]);
            let conclusion = inspect::verify::Conclusion::of_headers();
            let everything = inspect::text::Shown { files: true, scripts: true };
            let shown = inspect::text::text(&package.report, everything, &conclusion.text);
            assert!(!shown.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')), "control characters are shown");
            if is_chosen(bytes) {
                inspect::html::page(&package.report, &findings, &conclusion).expect("a page");
            }
        }
        Err(error) => is_shown(&error),
    }
    if let Err(error) = signatures::verify(&path, trusted()) {
        is_shown(&error);
    }
    if is_chosen(bytes) {
        if let Err(error) = inspect::verify::package(&path, &inspect::verify::signatures::NoKeys) {
            is_shown(&error);
        }
    }
}

/// One case of eight, for what takes as long as the reading itself and comes to little after it: always the same cases.
fn is_chosen(bytes: &[u8]) -> bool {
    bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) % 8 == 0
}
