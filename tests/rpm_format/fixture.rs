//! A small product, the packages made of it, and the root file systems that real rpm installs them into.

use linkpack::compress::{CacheChoice, Codec, Store};
use linkpack::format::prepare;
use linkpack::format::rpm::{write, About, Ghost, GhostKind, RpmSpec, Scriptlets};
use linkpack::listener::Silent;
use linkpack::payload::{Content, Entry, Kind, Tree, TreePath};
use linkpack::Result;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

pub const PREFIX: &str = "/usr/local/intigua";
pub const BUILD_TIME: i64 = 1_700_000_000;
pub const OLD: i64 = 1_600_000_000;

/// What a package is made of; tests change what they are about.
#[derive(Clone)]
pub struct Product {
    pub version: &'static str,
    pub codec: Codec,
    pub threads: usize,
    pub entries: Vec<Entry>,
    pub ghosts: Vec<Ghost>,
    pub scriptlets: Scriptlets,
    pub requires: Vec<String>,
    pub capabilities: BTreeMap<TreePath, String>,
}

/// A path of a tree.
pub fn path(bytes: impl AsRef<[u8]>) -> TreePath {
    TreePath::new(bytes.as_ref()).unwrap()
}

/// A file in memory.
pub fn file(name: impl AsRef<[u8]>, bytes: impl Into<Vec<u8>>, mode: u32) -> Entry {
    let kind = Kind::File(Content::memory(bytes.into()));
    Entry { path: path(name), kind, mode, config: false, mtime: OLD }
}

/// A file that the administrator may edit.
pub fn config(name: &str, text: &str) -> Entry {
    Entry { config: true, ..file(name, text, 0o640) }
}

/// A symbolic link.
pub fn link(name: &str, target: &str) -> Entry {
    Entry { path: path(name), kind: Kind::Symlink(target.into()), mode: 0o777, config: false, mtime: OLD }
}

/// Bytes that compress somewhat; `len` of them.
pub fn bytes(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 27) as u8).collect()
}

/// A connector, a container with a file longer than several units, a config file, a link, an empty file and an empty directory.
pub fn product() -> Product {
    let newer = Entry { mtime: BUILD_TIME + 1000, ..file("vAgentManager/vlink", b"#!/bin/sh\n".to_vec(), 0o755) };
    let empty = Entry { path: path("Intigua-Libs/pulse/empty"), kind: Kind::Directory, ..newer.clone() };
    let ghost = |path: &str, kind| Ghost { path: path.into(), kind };
    Product {
        version: "1.0~rc1",
        codec: Codec::Gzip,
        threads: 2,
        entries: vec![
            newer,
            empty,
            config("vAgentManager/vlink.conf", "as shipped\n"),
            link("vAgentManager/S30vlink", "vlink"),
            file("bin/linkctl", "#!/bin/sh\n", 0o755),
            file("Intigua-Libs/pulse/big", bytes(5 << 20), 0o644),
            file("Intigua-Libs/pulse/nothing", "", 0o600),
            file("Intigua-Libs/pulse/setuid", "s", 0o4755),
            // Sorted by components, this comes after the directory's files; sorted by bytes, before them.
            file("Intigua-Libs/pulse-1", "p", 0o644),
        ],
        ghosts: vec![
            ghost("/lib/systemd/system/vlink.service", GhostKind::File { mode: 0o644 }),
            ghost("/etc/rc3.d/S30vlink", GhostKind::Link { target: "../init.d/vlink".into() }),
            ghost("/etc/intigua", GhostKind::Directory { mode: 0o755 }),
            ghost("/usr/local/intigua/components", GhostKind::Directory { mode: 0o755 }),
            ghost("/usr/local/intigua/components/csclient.cfg", GhostKind::File { mode: 0o600 }),
        ],
        scriptlets: Scriptlets {
            pre: Some("echo before\n".into()),
            post: Some("echo after 100%\nexit 0\n".into()),
            preun: Some("echo leaving".into()),
            postun: Some("echo left".into()),
            pretrans: None,
            posttrans: Some("echo done".into()),
        },
        requires: vec!["util-linux >= 2.20".into(), "openssl".into()],
        capabilities: BTreeMap::new(),
    }
}

impl Product {
    /// The package of this product, written into `folder` under a name of its own.
    pub fn package(&self, folder: &Path, name: &str) -> PathBuf {
        self.try_package(folder, name).unwrap()
    }

    /// As [`Product::package`], for what is expected to fail.
    pub fn try_package(&self, folder: &Path, name: &str) -> Result<PathBuf> {
        let store = Store::open(CacheChoice::Temporary(folder.to_path_buf()), self.threads)?;
        let files = prepare(Tree::new(self.entries.clone())?, self.codec, &store, &Silent)?;
        let spec = RpmSpec {
            name: "acme-link",
            version: self.version,
            arch: "x86_64",
            summary: "Connector and managed agent containers",
            description: "The connector runs the containers.\n\nIt needs nothing else.\n",
            about: About {
                release: "1",
                epoch: None,
                license: "Apache-2.0",
                url: Some("https://acme.example/link"),
                vendor: Some("Acme"),
                packager: Some("Acme <support@acme.example>"),
                group: None,
            },
            prefix: PREFIX,
            relocatable: true,
            build_time: BUILD_TIME,
            files: &files.iter().collect::<Vec<_>>(),
            ghosts: &self.ghosts,
            capabilities: &self.capabilities,
            scriptlets: self.scriptlets.clone(),
            requires: &self.requires,
            recommends: &[],
            suggests: &[],
            provides: &["acme-connector = 7".to_string()],
            conflicts: &["other-link".to_string()],
            obsoletes: &["old-link < 1.0".to_string()],
            after: &[],
            codec: self.codec,
            store: &store,
        };
        let path = folder.join(name);
        let out = File::create(&path).unwrap();
        write(&spec, &out)?;
        Ok(path)
    }
}

/// Runs a program; a missing one is a panic that names the package it is in.
pub fn run(program: &str, apt: &str, args: &[&str]) -> Output {
    let output = Command::new(program).args(args).env("LC_ALL", "C.UTF-8").output();
    output.unwrap_or_else(|error| panic!("cannot run {program}: {error}; apt-get install {apt}"))
}

/// The program's output, when it succeeded.
pub fn succeed(program: &str, apt: &str, args: &[&str]) -> String {
    let output = run(program, apt, args);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program} {args:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// What `rpm -qp` says about a package.
pub fn query(package: &Path, args: &[&str]) -> String {
    succeed("rpm", "rpm", &[&["-qp"], args, &[package.to_str().unwrap()]].concat())
}

/// A root file system with an rpm database of its own.
pub struct Root(TempDir);

impl Root {
    pub fn new() -> Self {
        Root::within(&std::env::temp_dir())
    }

    /// A root in this folder.
    pub fn within(folder: &Path) -> Self {
        let root = Root(tempfile::tempdir_in(folder).unwrap());
        root.rpm(&["--initdb"]);
        root
    }

    /// Runs rpm on this root; it must succeed. Scriptlets do not run: there is no shell in here.
    pub fn rpm(&self, args: &[&str]) -> String {
        let root = self.0.path().to_str().unwrap();
        succeed("rpm", "rpm", &[&["--root", root, "--dbpath", "/var/lib/rpm"], args].concat())
    }

    pub fn install(&self, package: &Path, args: &[&str]) {
        let package = package.to_str().unwrap();
        let said = self.rpm(&[&["-U", "--nodeps", "--noscripts"], args, &[package]].concat());
        assert_eq!(said, "");
    }

    /// What `rpm -V` finds different from the package.
    pub fn differences(&self, args: &[&str]) -> String {
        let root = self.0.path().to_str().unwrap();
        let verify = ["--root", root, "--dbpath", "/var/lib/rpm", "-V", "--nodeps", "--noscripts", "acme-link"];
        let output = run("rpm", "rpm", &[&verify, args].concat());
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    pub fn path(&self, absolute: &str) -> PathBuf {
        self.0.path().join(absolute.trim_start_matches('/'))
    }

    /// Everything in the root but rpm's database, sorted.
    pub fn listing(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(self.0.path(), &mut found);
        let mut found: Vec<PathBuf> = found.iter().map(|path| path.strip_prefix(self.0.path()).unwrap().to_path_buf()).collect();
        found.retain(|path| !path.starts_with("var"));
        found.sort();
        found
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        found.push(entry.path());
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), found);
        }
    }
}
