//! A package's files as folders with sizes, for people to look at.

use super::report::{FileKind, Format, Report};
use std::collections::BTreeMap;

/// Folders deeper than this are shown as one name: no screen is wider, and no stack deeper than it has to be.
const DEEPEST: usize = 40;

/// A folder, or a file without children.
#[derive(Debug, Default)]
pub struct Node {
    /// Bytes of all files in it.
    pub size: u64,
    /// How many files that are.
    pub files: usize,
    /// What is in it, by name.
    pub children: BTreeMap<String, Node>,
}

impl Node {
    /// The tree of a package's files; another name of a file takes no space.
    pub fn of(report: &Report) -> Node {
        let separator = separator(report);
        let mut root = Node::default();
        for file in &report.files {
            let (size, count) = match file.kind {
                FileKind::File if !file.ghost => (file.size, 1),
                _ => (0, 0),
            };
            let mut node = &mut root;
            (node.size, node.files) = (node.size + size, node.files + count);
            for part in file.path.split(separator).filter(|part| !part.is_empty()).take(DEEPEST) {
                node = node.children.entry(part.to_owned()).or_default();
                (node.size, node.files) = (node.size + size, node.files + count);
            }
        }
        root
    }

    /// The folder in which paths part, and the way there: `usr/local/acme` where nothing else is in `usr` and `local`.
    pub fn unbranched(&self, name: &str, separator: char) -> (String, &Node) {
        let (mut way, mut node) = (name.to_owned(), self);
        while let Some((name, child)) = node.children.iter().find(|(_, child)| child.is_folder() && child.files == node.files) {
            if child.size != node.size {
                break;
            }
            if !way.is_empty() {
                way.push(separator);
            }
            way.push_str(name);
            node = child;
        }
        (way, node)
    }

    /// Whether it has something in it.
    pub fn is_folder(&self) -> bool {
        !self.children.is_empty()
    }

    /// What is in it, largest first.
    pub fn by_size(&self) -> Vec<(&str, &Node)> {
        let mut children: Vec<_> = self.children.iter().map(|(name, node)| (name.as_str(), node)).collect();
        children.sort_by(|a, b| b.1.size.cmp(&a.1.size).then(a.0.cmp(b.0)));
        children
    }
}

/// What stands between the folders of a path.
pub fn separator(report: &Report) -> char {
    match report.format {
        Format::Msi => '\\',
        Format::Deb | Format::Rpm | Format::Run => '/',
    }
}

/// A number of bytes as people read it: `12.3 MB`, powers of 1000.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let (mut value, mut unit) = (count as f64 / 1000.0, 0);
    while value >= 999.95 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1000.0, unit + 1);
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::report::{FileEntry, FileFacts};

    #[test]
    fn folders_add_up_and_a_path_of_ten_thousand_folders_does_not_overflow() {
        let mut report = Report::new(Format::Deb, FileFacts { name: String::new(), size: 0, sha256: String::new() });
        for (path, size) in [("/usr/bin/a", 10), ("/usr/bin/b", 20), ("/etc/c", 5)] {
            let mut file = FileEntry::new(path.to_owned(), FileKind::File);
            file.size = size;
            report.files.push(file);
        }
        report.files.push(FileEntry::new("/a".repeat(10_000), FileKind::File));
        let root = Node::of(&report);
        assert_eq!((root.size, root.files), (35, 4));
        assert_eq!(root.by_size()[0].0, "usr");
        assert_eq!(root.children["usr"].children["bin"].size, 30);
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(12_345), "12.3 kB");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(bytes(u64::MAX), "18.4 EB");
    }
}
