//! A tree of payload entries, independent of where their bytes come from.

use super::Content;
use base::error::{Error, Result};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A path inside a package: relative, `/`-separated, no empty, `.` or `..` component, no NUL; bytes, since Unix names are bytes. Copies share them.
#[derive(Clone)]
pub struct TreePath {
    /// The bytes of this path, and of others: a hundred thousand pieces of memory take a third more than one.
    text: Arc<Vec<u8>>,
    from: u32,
    len: u32,
}

impl TreePath {
    /// Checks the bytes and makes a path of them; a leading `./` and a trailing `/` are dropped.
    ///
    /// # Errors
    /// Absolute paths, `..`, empty components and NUL bytes.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let mut trimmed = bytes;
        while let Some(rest) = trimmed.strip_prefix(b"./") {
            trimmed = rest;
        }
        while let Some(rest) = trimmed.strip_suffix(b"/") {
            trimmed = rest;
        }
        let shown = escaped(bytes);
        if trimmed.starts_with(b"/") {
            return Err(Error::new(format!("\"{shown}\" is an absolute path")));
        }
        if trimmed.contains(&0) {
            return Err(Error::new(format!("\"{shown}\" contains a NUL byte")));
        }
        for component in trimmed.split(|&b| b == b'/') {
            match component {
                b".." => {
                    return Err(Error::new(format!("\"{shown}\" leaves its folder through \"..\""))
                        .help("name what is inside the payload, without .."))
                }
                b"" | b"." => return Err(Error::new(format!("\"{shown}\" has an empty or \".\" component"))),
                _ => {}
            }
        }
        Ok(TreePath::alone(trimmed.to_vec()))
    }

    fn alone(text: Vec<u8>) -> TreePath {
        TreePath { from: 0, len: text.len() as u32, text: Arc::new(text) }
    }

    /// The bytes of the path.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text[self.from as usize..][..self.len as usize]
    }

    /// This path below `prefix`.
    pub fn below(&self, prefix: &TreePath) -> TreePath {
        TreePath::alone([prefix.as_bytes(), b"/", self.as_bytes()].concat())
    }

    /// The path's directory, `None` for a path of one component.
    pub fn parent(&self) -> Option<TreePath> {
        let slash = self.as_bytes().iter().rposition(|&b| b == b'/')?;
        Some(TreePath { len: slash as u32, ..self.clone() })
    }

    /// Whether this path lies in the directory or in one below it.
    pub fn is_below(&self, directory: &TreePath) -> bool {
        self.as_bytes().strip_prefix(directory.as_bytes()).is_some_and(|rest| rest.starts_with(b"/"))
    }

    /// The components, to sort parents before what lies below them.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.as_bytes().split(|&b| b == b'/')
    }

    /// The last component.
    pub fn file_name(&self) -> &[u8] {
        self.as_bytes().rsplit(|&b| b == b'/').next().unwrap_or_default()
    }

    /// The components of the path's directory, outermost first.
    pub(super) fn parent_components(&self) -> impl Iterator<Item = &[u8]> {
        let path = self.as_bytes();
        let parent = path.iter().rposition(|&b| b == b'/').map_or(&[][..], |slash| &path[..slash]);
        parent.split(|&b| b == b'/').filter(|part| !part.is_empty())
    }

    /// For messages: unprintable and non-UTF-8 bytes are escaped.
    pub fn display(&self) -> String {
        escaped(self.as_bytes())
    }
}

/// Bytes as text for a message, on one line and unambiguous: what is unprintable or not UTF-8 is escaped.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.extend(chunk.valid().escape_debug());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

impl PartialEq for TreePath {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for TreePath {}

impl PartialOrd for TreePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TreePath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for TreePath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl std::fmt::Debug for TreePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.display())
    }
}

/// What an entry is. Device nodes, sockets and fifos are never part of a tree.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file and its bytes.
    File(Content),
    /// A symbolic link and its target's bytes, which stay inside the tree.
    Symlink(Vec<u8>),
}

/// One file, directory or link of a payload.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where it lies in the tree.
    pub path: TreePath,
    /// What it is.
    pub kind: Kind,
    /// Permission bits, 0o7777 at most; set-uid and set-gid only where the manifest asked for them. 0o777 for links.
    pub mode: u32,
    /// Whether the administrator may edit it: it then survives upgrades (dpkg conffile, `%config(noreplace)`).
    pub config: bool,
    /// Modification time in seconds since 1970, as the source has it.
    pub mtime: i64,
}

/// Parents first, and what lies below a directory right after it.
fn sort(entries: &mut [Entry]) {
    entries.sort_by(|a, b| a.path.components().cmp(b.path.components()));
}

/// The directories that sorted entries lie below without listing them.
fn missing_parents(entries: &[Entry]) -> Result<Vec<Entry>> {
    let mut missing = Vec::new();
    // The directories around the entry at hand, outermost first, and the last entry that is none.
    let mut around: Vec<TreePath> = Vec::new();
    let mut solid: Option<&TreePath> = None;
    for entry in entries {
        if let Some(solid) = solid.filter(|solid| entry.path.is_below(solid)) {
            return Err(Error::new(format!("{:?} lies below {solid:?}, which is not a directory", entry.path)));
        }
        while around.pop_if(|directory| !entry.path.is_below(directory)).is_some() {}
        let known = around.len();
        let mut next = entry.path.parent();
        while let Some(parent) = next.filter(|parent| around[..known].last() != Some(parent)) {
            next = parent.parent();
            around.insert(known, parent.clone());
            missing.push(Entry { path: parent, kind: Kind::Directory, mode: 0o755, config: false, mtime: entry.mtime });
        }
        match entry.kind {
            Kind::Directory => around.push(entry.path.clone()),
            _ => solid = Some(&entry.path),
        }
    }
    Ok(missing)
}

/// Entries sorted by path bytes component by component, each path once, every entry's parents present before it.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    entries: Vec<Entry>,
}

impl Tree {
    /// Sorts the entries and adds missing parent directories (mode 0755, the entry's own mtime).
    ///
    /// # Errors
    /// A path that occurs twice, or that lies below something that is not a directory.
    pub fn new(mut entries: Vec<Entry>) -> Result<Self> {
        sort(&mut entries);
        if let Some(twice) = entries.windows(2).find(|pair| pair[0].path == pair[1].path) {
            return Err(Error::new(format!("{:?} occurs twice", twice[0].path)));
        }
        let parents = missing_parents(&entries)?;
        if !parents.is_empty() {
            entries.extend(parents);
            sort(&mut entries);
        }
        Ok(Tree { entries })
    }

    /// Trees laid over each other, the lowest first: where several have a path, the uppermost one's entry stays. A file that was
    /// configuration below remains so.
    ///
    /// # Errors
    /// A directory where another tree has a file or link, or something below one.
    pub fn layered(mut layers: Vec<Tree>) -> Result<Tree> {
        if layers.len() == 1 {
            return Ok(layers.remove(0));
        }
        // Each layer has the parents of its own entries, so that all are there.
        let mut all: Vec<Entry> = layers.into_iter().flat_map(Tree::into_entries).collect();
        // Stable: of one path, the lower comes first.
        sort(&mut all);
        let mut entries: Vec<Entry> = Vec::with_capacity(all.len());
        for mut entry in all {
            if let Some(below) = entries.pop_if(|below| below.path == entry.path) {
                if matches!(below.kind, Kind::Directory) != matches!(entry.kind, Kind::Directory) {
                    return Err(Error::new(format!("{:?} is a directory in one source and none in another", entry.path))
                        .help("leave one of them out with exclude"));
                }
                entry.config |= below.config;
            }
            entries.push(entry);
        }
        missing_parents(&entries)?;
        Ok(Tree { entries })
    }

    /// The same entries below `folder`, which is not one of them. The paths share one piece of memory, in which a directory's path is the
    /// beginning of the next entry's where that lies in it, and the contents' own paths share it, too.
    pub fn below(mut self, folder: &TreePath) -> Tree {
        let above = folder.as_bytes().len() + 1;
        // Where each entry's path starts; one that adds no bytes of its own starts where the next one does.
        let mut starts = vec![0];
        for (index, entry) in self.entries.iter().enumerate() {
            let begins_next = self.entries.get(index + 1).is_some_and(|next| next.path.is_below(&entry.path));
            let own = if begins_next { 0 } else { above as u32 + entry.path.len };
            starts.push(starts[index] + own);
        }
        let mut text = Vec::with_capacity(starts[self.entries.len()] as usize);
        for (entry, bounds) in self.entries.iter().zip(starts.windows(2)) {
            if bounds[0] < bounds[1] {
                text.extend_from_slice(folder.as_bytes());
                text.push(b'/');
                text.extend_from_slice(entry.path.as_bytes());
            }
        }
        let (text, mut top) = (Arc::new(text), Arc::default());
        for (entry, from) in self.entries.iter_mut().zip(starts) {
            let len = entry.path.len;
            if let Kind::File(content) = &mut entry.kind {
                content.share_path(&TreePath { text: text.clone(), from: from + above as u32, len }, &mut top);
            }
            entry.path = TreePath { text: text.clone(), from, len: above as u32 + len };
        }
        self
    }

    /// The same tree with one time for all entries, so that packages do not depend on when files were copied or checked out.
    pub fn at_time(mut self, mtime: i64) -> Self {
        self.entries.iter_mut().for_each(|entry| entry.mtime = mtime);
        self
    }

    /// The entries, parents first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries by value, parents first.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// The bytes of all files together.
    pub fn total_bytes(&self) -> u64 {
        self.entries.iter().map(|e| if let Kind::File(content) = &e.kind { content.len() } else { 0 }).sum()
    }

    /// The entry at a path.
    pub fn get(&self, path: &TreePath) -> Option<&Entry> {
        let found = self.entries.binary_search_by(|e| e.path.components().cmp(path.components())).ok()?;
        self.entries.get(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Folder;
    use std::fs;

    fn entry(path: &str, kind: Kind) -> Entry {
        Entry { path: TreePath::new(path.as_bytes()).unwrap(), kind, mode: 0o644, config: false, mtime: 0 }
    }

    #[test]
    fn a_tree_below_a_folder_has_the_same_paths_there_and_the_same_contents() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("a")).unwrap();
        let top = Folder::new(place.path());
        let scanned = |folder: &Arc<Folder>, name: &str| {
            let path = folder.path().join(name);
            fs::write(&path, name).unwrap();
            Kind::File(Content::in_folder(folder, name.into(), &fs::metadata(&path).unwrap()))
        };
        let a = top.inside("a".as_ref());
        let files = [("a/x", scanned(&a, "x")), ("a/y", scanned(&a, "y")), ("ab", scanned(&top, "ab"))];
        let others = ["a", "a-", "empty", "q", "q/r", "q/r/s"].map(|path| entry(path, Kind::Directory));
        // Not the file that its path in the tree names, as after strip.
        let moved = [("q/r/moved", scanned(&a, "z"))];
        let files = files.into_iter().chain(moved).map(|(path, kind)| entry(path, kind));
        let tree = Tree::new(files.chain(others).collect()).unwrap();
        let before: Vec<_> = tree.entries().iter().map(|entry| format!("top/sub/{}", entry.path.display())).collect();
        let below = tree.below(&TreePath::new(b"top/sub").unwrap());
        let after: Vec<_> = below.entries().iter().map(|entry| entry.path.display()).collect();
        assert_eq!(after, before);
        for (path, bytes) in [("a/x", "x"), ("a/y", "y"), ("ab", "ab"), ("q/r/moved", "z")] {
            let entry = below.get(&TreePath::new(format!("top/sub/{path}").as_bytes()).unwrap()).unwrap();
            let Kind::File(content) = &entry.kind else { panic!("{path} is a file") };
            assert_eq!(content.bytes().unwrap(), bytes.as_bytes());
        }
    }
}
