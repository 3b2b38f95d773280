//! Random trees: odd names, deep paths, links, modes, and sizes around the borders of blocks and units.
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::Path;

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    Folder,
    File { bytes: Vec<u8>, mode: u32 },
    Link(Vec<u8>),
}

/// Paths below the payload, and what lies there. Parents may be missing: they are plain folders.
#[derive(Debug, Clone, Default)]
pub struct Tree(pub BTreeMap<Vec<u8>, Node>);

/// Names as Unix allows them.
fn unix_name() -> impl Strategy<Value = Vec<u8>> {
    let odd = select(vec![
        &b"with space"[..],
        b"'single' \"double\"",
        b"$HOME `id` \\0",
        b"*?[a]{b}",
        b"-rf",
        b"#hash%41;a=b&c|d",
        b"caf\xe9",
        b"\xff\xfe",
        "ünïcodé 名前".as_bytes(),
        b" lead",
        b"trail ",
        b"tab\there",
        b"new\nline",
        b".hidden",
        b"...",
        b"~",
        b"a:b",
        b"\x7f\x01",
        b"back\\slash",
        b"@LongLink",
        b"TRAILER!!!",
        b"%files",
        b"{}",
    ])
    .prop_map(<[u8]>::to_vec);
    let plain = "[a-zA-Z0-9._+-]{1,12}".prop_map(String::into_bytes);
    let long = (90_usize..200).prop_map(|len| vec![b'n'; len]);
    let bytes = vec(any::<u8>().prop_filter("not in a name", |byte| !matches!(byte, 0 | b'/')), 1..12);
    prop_oneof![6 => plain, 4 => odd, 1 => long, 2 => bytes].prop_filter("no name", |name| !matches!(&name[..], b"." | b".."))
}

/// Names as Windows and code page 1252 allow them.
fn windows_name() -> impl Strategy<Value = Vec<u8>> {
    let odd = select(vec![
        "with space",
        "it's",
        "$HOME %PATH%",
        "#hash;a=b&c",
        "[property]",
        "{braces}",
        "grün",
        "a.b.c",
        "~tilde",
        "100%",
        "(1)",
    ]);
    prop_oneof!["[a-z0-9_]{1,10}(\\.[a-z]{1,5})?".prop_map(String::into_bytes), odd.prop_map(|name| name.as_bytes().to_vec())]
}

/// Lengths around the borders of tar's and cpio's blocks, of cabinets' blocks, and of compression units.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let borders = vec![
        0_usize, 1, 3, 4, 511, 512, 513, 4095, 4096, 10_240, 32_767, 32_768, 32_769, 65_536, 131_071, 131_073, 1_048_576,
        1_048_577,
    ];
    (prop_oneof![3 => 0_usize..300, 2 => select(borders)], any::<u64>(), 0..3_u8).prop_map(|(len, seed, kind)| match kind {
        0 => vec![0; len],
        1 => b"a line of text\n".iter().copied().cycle().take(len).collect(),
        _ => noise(len, seed),
    })
}

fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut random = crate::Random(seed);
    (0..len).map(|_| random.below(256) as u8).collect()
}

fn node(links: bool) -> impl Strategy<Value = Node> {
    let mode = prop_oneof![Just(0o644), Just(0o755), Just(0o600), Just(0o444), Just(0o000), Just(0o711), 0_u32..0o1000];
    let file = (bytes(), mode).prop_map(|(bytes, mode)| Node::File { bytes, mode });
    let target = prop_oneof![
        unix_name(),
        unix_name().prop_map(|name| [b"./sub/", &name[..]].concat()),
        // Some of these leave the payload: then the tree has to be refused.
        unix_name().prop_map(|name| [b"../", &name[..]].concat()),
    ];
    let other =
        if links { prop_oneof![Just(Node::Folder), target.prop_map(Node::Link)].boxed() } else { Just(Node::Folder).boxed() };
    prop_oneof![5 => file, 2 => other]
}

/// `parts` of a path for each entry; entries below another entry that is no folder are left out.
fn tree(name: BoxedStrategy<Vec<u8>>, links: bool) -> impl Strategy<Value = Tree> {
    let entry = (vec(name, 1..5), node(links));
    (vec(entry, 1..16), any::<bool>()).prop_map(move |(entries, twin)| {
        let mut tree = Tree::default();
        for (parts, node) in entries {
            tree.add(parts.join(&b'/'), node);
        }
        // The same bytes under two names, as units are shared.
        let first = tree.0.iter().find(|(_, node)| matches!(node, Node::File { .. })).map(|(_, node)| node.clone());
        if let (true, Some(node)) = (twin, first) {
            tree.add(b"twin".to_vec(), node);
        }
        tree
    })
}

pub fn unix() -> impl Strategy<Value = Tree> {
    tree(unix_name().boxed(), true)
}

pub fn windows() -> impl Strategy<Value = Tree> {
    tree(windows_name().boxed(), false)
}

impl Tree {
    fn add(&mut self, path: Vec<u8>, node: Node) {
        let below = |path: &[u8], other: &[u8]| path.len() > other.len() && path.starts_with(other) && path[other.len()] == b'/';
        let solid = |node: &Node| !matches!(node, Node::Folder);
        let clashes = self
            .0
            .iter()
            .any(|(other, kind)| *other == path || (below(&path, other) && solid(kind)) || (below(other, &path) && solid(&node)));
        if !clashes {
            self.0.insert(path, node);
        }
    }

    /// Makes the files below a folder.
    pub fn write(&self, folder: &Path) {
        for (path, node) in &self.0 {
            let path = folder.join(OsStr::from_bytes(path));
            fs::create_dir_all(path.parent().expect("a parent")).expect("make a folder");
            match node {
                Node::Folder => fs::create_dir_all(&path).expect("make a folder"),
                Node::Link(target) => symlink(OsStr::from_bytes(target), &path).expect("make a link"),
                Node::File { bytes, mode } => {
                    fs::write(&path, bytes).expect("write a file");
                    fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).expect("set a mode");
                }
            }
        }
    }

    /// What lies below a folder.
    pub fn read(folder: &Path) -> Tree {
        let mut tree = Tree::default();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(&next).expect("read a folder").map(|entry| entry.expect("an entry")) {
                let path = entry.path();
                let meta = fs::symlink_metadata(&path).expect("an entry");
                let node = if meta.is_dir() {
                    folders.push(path.clone());
                    Node::Folder
                } else if meta.is_symlink() {
                    Node::Link(fs::read_link(&path).expect("a link").as_os_str().as_bytes().to_vec())
                } else {
                    Node::File { bytes: fs::read(&path).expect("read a file"), mode: meta.permissions().mode() & 0o7777 }
                };
                let name = path.strip_prefix(folder).expect("below the folder").as_os_str().as_bytes().to_vec();
                tree.0.insert(name, node);
            }
        }
        tree
    }
}
