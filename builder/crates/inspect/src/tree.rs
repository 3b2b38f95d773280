//! A package's files as folders with sizes, for people to look at.

use super::reader;
use super::report::{FileEntry, FileKind, Report};

/// Folders deeper than this are shown as one name: no screen is wider, and no stack deeper than it has to be.
const DEEPEST: usize = 40;

/// A folder, or a file without children. There may be two for each of 300,000 files: they borrow their names and are packed.
#[derive(Debug, Default)]
pub struct Node<'a> {
    /// Bytes of all files in it.
    pub size: u64,
    /// How many files that are.
    pub files: usize,
    /// What is in it, sorted by name.
    pub children: Vec<(&'a str, Node<'a>)>,
}

impl<'a> Node<'a> {
    /// The tree of a package's files; another name of a file takes no space.
    pub fn of(report: &'a Report) -> Node<'a> {
        let paths = Paths { separator: separator(report) };
        let mut files: Vec<&FileEntry> = report.files.iter().collect();
        files.sort_by(|a, b| paths.parts(a).cmp(paths.parts(b)));
        Node::below(&files, &paths, 0)
    }

    /// The node of files whose paths have their first `depth` parts in common.
    fn below(files: &[&'a FileEntry], paths: &Paths, depth: usize) -> Node<'a> {
        let counted = || files.iter().filter(|file| file.kind == FileKind::File && !file.ghost);
        let mut node = Node { size: 0, files: counted().count(), children: Vec::new() };
        node.size = counted().fold(0, |sum, file| sum.saturating_add(file.size));
        let mut rest = files;
        while let Some(first) = rest.first() {
            let name = paths.parts(first).nth(depth);
            let (these, others) = rest.split_at(rest.iter().take_while(|file| paths.parts(file).nth(depth) == name).count());
            // Those without a name here are the folder itself.
            node.children.extend(name.map(|name| (name, Node::below(these, paths, depth + 1))));
            rest = others;
        }
        node.children.shrink_to_fit();
        node
    }

    /// The folder in which paths part, and the way there: `usr/local/acme` where nothing else is in `usr` and `local`.
    pub fn unbranched(&self, name: &str, separator: char) -> (String, &Node<'a>) {
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
    pub fn by_size(&self) -> Vec<(&'a str, &Node<'a>)> {
        let mut children: Vec<_> = self.children.iter().map(|(name, node)| (*name, node)).collect();
        children.sort_by(|a, b| b.1.size.cmp(&a.1.size).then(a.0.cmp(b.0)));
        children
    }
}

/// How a package's paths are divided.
struct Paths {
    separator: char,
}

impl Paths {
    fn parts<'a>(&self, file: &&'a FileEntry) -> impl Iterator<Item = &'a str> + use<'a> {
        file.path.split(self.separator).filter(|part| !part.is_empty()).take(DEEPEST)
    }
}

/// What stands between the folders of a path.
pub fn separator(report: &Report) -> char {
    reader(report.format).separator()
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
    use crate::report::{FileEntry, FileFacts, Format};

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
        let (name, usr) = &root.children[2];
        assert_eq!((*name, usr.children[0].0, usr.children[0].1.size), ("usr", "bin", 30));
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(12_345), "12.3 kB");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(bytes(u64::MAX), "18.4 EB");
    }
}
