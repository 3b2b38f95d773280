//! DEB packages as dpkg-deb reads them, compared with what dpkg-deb itself makes of the same tree.

use linkpack::compress::{CacheChoice, Codec, Store};
use linkpack::format::{self, deb, PreparedFile};
use linkpack::listener::Silent;
use linkpack::payload::{Content, Entry, Kind, Tree, TreePath};
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::Command;

const MTIME: i64 = 1_700_000_000;
const ROOT: &str = "/usr/local/intigua";

fn entry(path: &[u8], kind: Kind, mode: u32) -> Entry {
    Entry { path: TreePath::new(path).unwrap(), kind, mode, config: path.ends_with(b".conf"), mtime: MTIME }
}

fn file(path: &[u8], bytes: &[u8], mode: u32) -> Entry {
    entry(path, Kind::File(Content::memory(bytes)), mode)
}

/// Compressible but not trivial, larger than a unit's floor.
fn large() -> Vec<u8> {
    (0..3_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 26) as u8).collect()
}

fn tree() -> Tree {
    let long = format!("vAgentManager/{}/{}", "d".repeat(90), "f".repeat(120));
    Tree::new(vec![
        file(b"vAgentManager/vlink", &large(), 0o755),
        file(b"vAgentManager/agent.conf", b"a=1\n", 0o640),
        file(b"vAgentManager/with space and 'quote\"", b"odd\n", 0o644),
        file(b"vAgentManager/\xff\xfe-not-utf8", b"bytes\n", 0o600),
        file(b"vAgentManager/empty", b"", 0o644),
        file(long.as_bytes(), b"long\n", 0o644),
        entry(b"vAgentManager/link", Kind::Symlink(b"vlink".to_vec()), 0o777),
        entry(b"vAgentManager/longlink", Kind::Symlink(long.as_bytes()[14..].to_vec()), 0o777),
        entry(b"vAgentManager/private", Kind::Directory, 0o700),
    ])
    .unwrap()
}

fn prepare(tree: Tree, codec: Codec) -> (std::sync::Arc<Store>, Vec<PreparedFile>) {
    let store = Store::open(CacheChoice::Temporary(std::env::temp_dir()), 2).unwrap();
    let files = format::prepare(tree, codec, &store, &Silent).unwrap();
    (store, files)
}

fn package(tree: Tree, codec: Codec) -> Vec<u8> {
    let (store, files) = prepare(tree, codec);
    let depends = ["libc6 (>= 2.28)".to_owned()];
    let spec = deb::DebSpec {
        name: "sample",
        version: "1.2.3~rc1",
        architecture: "amd64",
        about: deb::About {
            maintainer: "Example Ltd <support@example.com>",
            publisher: "Example Ltd",
            homepage: Some("https://example.com"),
            license: "Proprietary",
            section: "admin",
        },
        description: "sample product\nLonger text.\n\n  indented",
        pre_depends: None,
        depends: &depends,
        weak: deb::Weak::default(),
        priority: "optional",
        provides: None,
        root: ROOT,
        files: &files.iter().collect::<Vec<_>>(),
        control_files: &[("postinst", "#!/bin/sh\nset -e\nexit 0\n".to_owned())],
        codec,
        store: &store,
        mtime: MTIME,
    };
    let mut out = Cursor::new(Vec::new());
    deb::write(&spec, &mut out).unwrap();
    out.into_inner()
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output =
        Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e} (apt-get install dpkg)"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn save(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn dpkg_deb_gives_back_every_byte() {
    for codec in [Codec::Gzip, Codec::Zstd, Codec::Xz] {
        let folder = tempfile::tempdir().unwrap();
        let deb = save(folder.path(), "sample.deb", &package(tree(), codec));
        let back = folder.path().join("back");
        run("dpkg-deb", &["--extract", &deb, back.to_str().unwrap()]);
        let root = back.join(&ROOT[1..]);
        assert!(fs::read(root.join("vAgentManager/vlink")).unwrap() == large());
        for entry in tree().entries() {
            use std::os::unix::{ffi::OsStrExt, fs::PermissionsExt};
            let path = root.join(std::ffi::OsStr::from_bytes(entry.path.as_bytes()));
            let meta = path.symlink_metadata().unwrap_or_else(|e| panic!("{:?}: {e}", entry.path));
            match &entry.kind {
                Kind::Symlink(target) => assert_eq!(fs::read_link(&path).unwrap().as_os_str().as_bytes(), target.as_slice()),
                Kind::Directory => assert!(meta.is_dir()),
                Kind::File(content) => assert_eq!(meta.len(), content.len()),
            }
            if !meta.is_symlink() {
                assert_eq!(meta.permissions().mode() & 0o7777, entry.mode, "{:?}", entry.path);
            }
        }
    }
}

/// The one expected difference from dpkg-deb: ours leaves what lies above the root to the system (dpkg would remove an empty /opt).
const ABOVE_THE_ROOT: &str = " ./usr/local/";

#[test]
fn the_package_reads_like_the_one_dpkg_deb_makes_of_the_same_tree() {
    let folder = tempfile::tempdir().unwrap();
    let ours = save(folder.path(), "ours.deb", &package(tree(), Codec::Gzip));
    // dpkg-deb builds from what our package unpacks to, control files included.
    let tree = folder.path().join("tree");
    run("dpkg-deb", &["--raw-extract", &ours, tree.to_str().unwrap()]);
    let theirs = folder.path().join("theirs.deb").to_str().unwrap().to_owned();
    let made = Command::new("dpkg-deb")
        .args(["--root-owner-group", "-Zgzip", "--build", tree.to_str().unwrap(), &theirs])
        .env("SOURCE_DATE_EPOCH", MTIME.to_string())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for question in ["--contents", "--field", "--show"] {
        let sorted = |deb: &str| {
            let mut lines: Vec<String> = run("dpkg-deb", &[question, deb]).lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let (ours, mut theirs) = (sorted(&ours), sorted(&theirs));
        assert!(!ours.iter().any(|line| line.ends_with(ABOVE_THE_ROOT)), "{ours:?}");
        theirs.retain(|line| !line.ends_with(ABOVE_THE_ROOT));
        assert_eq!(ours, theirs, "dpkg-deb {question}");
    }
    let members = |deb: &str| run("ar", &["t", deb]);
    assert_eq!(members(&ours), members(&theirs));
}

#[test]
fn dpkg_makes_the_list_of_md5sums_itself_and_knows_the_conffiles() {
    let folder = tempfile::tempdir().unwrap();
    let deb = save(folder.path(), "sample.deb", &package(tree(), Codec::Gzip));
    let [database, root] = ["database", "root"].map(|name| folder.path().join(name));
    for made in [database.join("info"), database.join("updates"), root.join("usr/local")] {
        fs::create_dir_all(made).unwrap();
    }
    fs::write(database.join("status"), "").unwrap();
    let places = [("--admindir", &database), ("--instdir", &root)].map(|(option, path)| format!("{option}={}", path.display()));
    run("dpkg", &[&places[0], &places[1], "--force-script-chrootless", "--force-depends", "--install", &deb]);
    let list = database.join("info/sample.md5sums");
    let check = Command::new("md5sum").args(["--check", "--quiet"]).arg(&list).current_dir(&root).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    assert_eq!(
        fs::read(&list).unwrap().iter().filter(|byte| **byte == b'\n').count(),
        9,
        "six files and three of the documentation"
    );
    let conffiles = fs::read_to_string(database.join("info/sample.conffiles")).unwrap();
    assert_eq!(conffiles, "/usr/local/intigua/vAgentManager/agent.conf\n");
}

#[test]
fn a_name_with_a_newline_is_refused_since_dpkg_cannot_record_it() {
    let (store, files) = prepare(Tree::new(vec![file(b"a\nb", b"x", 0o644)]).unwrap(), Codec::Gzip);
    let spec = deb::DebSpec {
        name: "sample",
        version: "1",
        architecture: "amd64",
        about: deb::About {
            maintainer: "x <x@example.com>",
            publisher: "Example Ltd",
            homepage: None,
            license: "MIT",
            section: "admin",
        },
        description: "sample",
        pre_depends: None,
        depends: &[],
        weak: deb::Weak::default(),
        priority: "optional",
        provides: None,
        root: ROOT,
        files: &files.iter().collect::<Vec<_>>(),
        control_files: &[],
        codec: Codec::Gzip,
        store: &store,
        mtime: MTIME,
    };
    let error = deb::write(&spec, &mut Cursor::new(Vec::new())).unwrap_err();
    assert!(error.what().contains("a\\nb"), "{error}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert!(package(tree(), Codec::Gzip) == package(tree(), Codec::Gzip));
}
