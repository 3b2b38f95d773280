//! The files of a finished kit, in one order, for the images that are made of it.

use super::stage::is_program;
use crate::error::{IoContext, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder of the kit; the first one is the kit itself.
#[derive(Debug)]
pub struct Folder {
    /// Its name; empty for the kit.
    pub name: String,
    /// Which folder it lies in; of the kit itself.
    pub parent: usize,
    /// Folders in it, by their numbers.
    pub folders: Vec<usize>,
    /// Files in it, by their numbers.
    pub files: Vec<usize>,
}

/// A file of the kit.
#[derive(Debug)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its path in the kit, with slashes.
    pub path: String,
    /// Where it is read from.
    pub source: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Its permissions, in the bits of stat(2).
    pub mode: u32,
}

/// A kit's folders and files, by name; a folder comes before what lies in it.
#[derive(Debug, Default)]
pub struct Tree {
    /// The folders.
    pub folders: Vec<Folder>,
    /// The files.
    pub files: Vec<File>,
}

impl Tree {
    /// Reads a folder.
    ///
    /// # Errors
    /// It cannot be listed.
    pub fn read(root: &Path) -> Result<Tree> {
        let mut tree = Tree::default();
        tree.folder(root, String::new(), String::new(), 0)?;
        Ok(tree)
    }

    fn folder(&mut self, path: &Path, name: String, prefix: String, parent: usize) -> Result<usize> {
        let own = self.folders.len();
        self.folders.push(Folder { name, parent, folders: Vec::new(), files: Vec::new() });
        let mut names = Vec::new();
        for entry in fs::read_dir(path).or_cannot("list", path)? {
            names.push(entry.or_cannot("list", path)?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        for name in names {
            let source = path.join(&name);
            let meta = source.symlink_metadata().or_cannot("read", &source)?;
            let inside = format!("{prefix}{name}");
            if meta.is_dir() {
                let number = self.folder(&source, name, format!("{inside}/"), own)?;
                self.folders[own].folders.push(number);
            } else {
                let mode = 0o100_000 | if is_program(&source) { 0o755 } else { 0o644 };
                self.folders[own].files.push(self.files.len());
                self.files.push(File { name, path: inside, source, size: meta.len(), mode });
            }
        }
        Ok(own)
    }
}
