//! Payload sources as users have them: made by GNU tar, zip, dpkg-deb and rpmbuild, by hand where those refuse, and Debian's own packages.

#[path = "payload/deb.rs"]
mod deb;
#[path = "payload/dir.rs"]
mod dir;
#[path = "payload/hostile.rs"]
mod hostile;
#[path = "payload/rpm.rs"]
mod rpm;
#[path = "payload/selection.rs"]
mod selection;
#[path = "payload/tar.rs"]
mod tar;
#[path = "payload/zip.rs"]
mod zip;

use linkpack::listener::Listener;
use linkpack::payload::{load, Content, Entry, Kind, Loaded, Source, Spool, Tree, TreePath};
use linkpack::{Error, Result};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use tempfile::TempDir;

/// Keeps the warnings.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Listener for Heard {
    fn warning(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_string());
    }
    fn info(&self, _: &str) {}
}

/// A test's folder, with a spool beside what the test makes.
struct Place {
    folder: TempDir,
    spool: Spool,
    heard: Heard,
}

impl Place {
    fn new() -> Place {
        Place::of(tempfile::tempdir().unwrap())
    }

    /// For tests that make very many files.
    fn in_memory() -> Place {
        Place::of(tempfile::tempdir_in("/dev/shm").unwrap())
    }

    fn of(folder: TempDir) -> Place {
        std::fs::create_dir(folder.path().join("spool")).unwrap();
        let spool = Spool::new(&folder.path().join("spool")).unwrap();
        Place { folder, spool, heard: Heard::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn load(&self, source: &Source) -> Result<Loaded> {
        load(source, &self.spool, &self.heard)
    }

    /// Loads all of a source that is expected to be good.
    fn tree(&self, name: &str) -> Tree {
        self.load(&source(self.path(name))).unwrap_or_else(|error| panic!("{error}: {:?}", error.notes())).tree
    }

    fn error(&self, source: &Source) -> Error {
        match self.load(source) {
            Ok(loaded) => panic!("{} was loaded: {:?}", source.path.display(), names(&loaded.tree)),
            Err(error) => error,
        }
    }

    fn warnings(&self) -> Vec<String> {
        self.heard.0.lock().unwrap().clone()
    }

    /// Runs a shell script in the folder.
    fn sh(&self, script: &str) {
        run(Command::new("sh").args(["-euc", script]).current_dir(self.folder.path()));
    }

    /// A small payload with every kind of entry, in `agent/`.
    fn sample(&self) -> PathBuf {
        let root = self.path("agent");
        self.write("agent/bin/tool", "#!/bin/sh\necho tool\n");
        self.write("agent/etc/agent.conf", "port = 1\n");
        self.write("agent/share/with space, \"quote\" and 'quote'", "spaced");
        self.write("agent/share/two\nlines", "newline");
        std::fs::write(root.join("share").join(OsStr::from_bytes(b"caf\xe9")), "latin").unwrap();
        let long = "long/".repeat(30) + &"n".repeat(120);
        self.write(&format!("agent/{long}"), "long");
        self.write("agent/empty-file", "");
        self.write("agent/large", (0..300_000u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
        std::fs::create_dir(root.join("empty-folder")).unwrap();
        std::fs::hard_link(root.join("large"), root.join("same-as-large")).unwrap();
        symlink("../bin/tool", root.join("etc/link")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        std::fs::set_permissions(root.join("bin/tool"), PermissionsExt::from_mode(0o750)).unwrap();
        std::fs::set_permissions(root.join("etc/agent.conf"), PermissionsExt::from_mode(0o600)).unwrap();
        self.sh("find agent -depth -exec touch -h -d @1700000001 {} +");
        root
    }
}

fn source(path: impl Into<PathBuf>) -> Source {
    Source { path: path.into(), ..Source::default() }
}

/// A tool the tests need; its absence names the package to install.
fn need(tool: &str, package: &str) {
    let found = std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(tool).exists()));
    assert!(found, "{tool} is missing: apt-get install {package}");
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{text}", output.status);
}

fn path(name: impl AsRef<[u8]>) -> TreePath {
    TreePath::new(name.as_ref()).unwrap()
}

fn names(tree: &Tree) -> Vec<String> {
    tree.entries().iter().map(|entry| entry.path.display()).collect()
}

fn entry<'t>(tree: &'t Tree, name: &str) -> &'t Entry {
    tree.get(&path(name)).unwrap_or_else(|| panic!("{name} is not among {:?}", names(tree)))
}

fn content<'t>(tree: &'t Tree, name: &str) -> &'t Content {
    match &entry(tree, name).kind {
        Kind::File(content) => content,
        other => panic!("{name} is {other:?}"),
    }
}

fn text(tree: &Tree, name: &str) -> String {
    String::from_utf8(content(tree, name).bytes().unwrap()).unwrap()
}

fn link(tree: &Tree, name: &str) -> String {
    match &entry(tree, name).kind {
        Kind::Symlink(target) => String::from_utf8(target.clone()).unwrap(),
        other => panic!("{name} is {other:?}"),
    }
}

/// Everything of a tree that must not depend on where it came from.
fn described(tree: &Tree) -> Vec<String> {
    let what = |entry: &Entry| match &entry.kind {
        Kind::Directory => "folder".to_string(),
        Kind::Symlink(target) => format!("link {target:?}"),
        Kind::File(content) => format!("file {:08x} of {}", crc32fast::hash(&content.bytes().unwrap()), content.len()),
    };
    let line = |entry: &Entry| format!("{:?} {:o} {} {}", entry.path, entry.mode, entry.mtime, what(entry));
    tree.entries().iter().map(line).collect()
}

/// Runs the named test once more in a process of its own, under a wrapper; true in that process.
fn in_child(test: &str, wrapper: &[&str]) -> bool {
    if std::env::var_os("LINKPACK_TEST_CHILD").is_some() {
        return true;
    }
    // The wrapper may be an unprivileged user, who cannot enter the build folder.
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let copy = folder.path().join("test");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let mut words = wrapper.iter().map(OsStr::new).chain([copy.as_os_str()]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args([test, "--exact", "--nocapture"]).env("LINKPACK_TEST_CHILD", "1").current_dir("/");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    false
}

/// Lines that all occur somewhere in the error.
fn assert_says(error: &Error, wanted: &[&str]) {
    let all = format!("{error}\n{}\n{}", error.notes().join("\n"), error.help_text().unwrap_or_default());
    for line in wanted {
        assert!(all.contains(line), "no \"{line}\" in:\n{all}");
    }
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}
