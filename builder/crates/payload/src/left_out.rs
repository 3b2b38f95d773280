//! What of a directory is no part of a payload, though the manifest does not exclude it: what this build or an earlier one writes there,
//! and version control. Without this each build's packages would hold those of the build before.

use super::select::Selector;
use super::Source;
use base::error::{Error, Result};
use base::listener::Listener;
use base::lists::{MANIFEST, SUMS, SUMS_SIGNATURE};
use base::workdir;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{DirEntry, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Names of version control's own folders (and of git's file in a worktree).
const VERSION_CONTROL: [&str; 4] = [".git", ".hg", ".svn", ".bzr"];
/// A longer list is none of a build.
const LONGEST_LIST: u64 = 4 << 20;

/// The rules for one directory, and what they left out.
pub(super) struct LeftOut<'a> {
    selector: &'a Selector,
    /// The build's own folders, by device and inode.
    own: Vec<(u64, u64)>,
    /// The folder that was last looked at, and the files that an earlier build made there.
    made: RefCell<(PathBuf, HashSet<OsString>)>,
    told: RefCell<BTreeSet<String>>,
}

impl<'a> LeftOut<'a> {
    /// # Errors
    /// The source is the build's own folder.
    pub(super) fn new(source: &Source, selector: &'a Selector) -> Result<Self> {
        let own: Vec<_> = source.own.iter().filter_map(|folder| Some(identity(&folder.metadata().ok()?))).collect();
        if source.path.metadata().is_ok_and(|meta| own.contains(&identity(&meta))) {
            return Err(Error::new(format!("{} is this build's own output or cache folder", source.path.display()))
                .help("write packages elsewhere with -o DIR (the cache: --cache DIR), or give a folder below as the payload"));
        }
        Ok(LeftOut { selector, own, made: RefCell::default(), told: RefCell::default() })
    }

    /// Whether an entry of `folder`, which has that name below the directory, is no part of the payload.
    pub(super) fn skips(&self, name: &[u8], folder: &Path, entry: &DirEntry) -> bool {
        if self.selector.skips(name) {
            return true;
        }
        let Some(why) = self.why(folder, entry).filter(|_| !self.selector.names(name)) else { return false };
        self.told.borrow_mut().insert(format!("{} ({why})", String::from_utf8_lossy(name).escape_debug()));
        true
    }

    fn why(&self, folder: &Path, entry: &DirEntry) -> Option<&'static str> {
        let name = entry.file_name();
        if VERSION_CONTROL.iter().any(|own| name == *own) {
            return Some("version control");
        }
        if name.as_bytes().starts_with(workdir::PREFIX.as_bytes()) {
            return Some("a build's temporary folder");
        }
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && !self.own.is_empty() && entry.metadata().is_ok_and(|meta| self.own.contains(&identity(&meta))) {
            return Some("this build's own");
        }
        if self.is_made(folder, &name) || (is_folder && holds_nothing_else(&entry.path())) {
            return Some("packages of an earlier build");
        }
        None
    }

    /// Whether an earlier build made the file of that name in a folder. Folders come one after the other, each whole.
    fn is_made(&self, folder: &Path, name: &OsStr) -> bool {
        let mut made = self.made.borrow_mut();
        if made.0 != folder {
            *made = (folder.to_owned(), made_in(folder).unwrap_or_default());
        }
        made.1.contains(name)
    }

    /// Says what was left out.
    pub(super) fn tell(&self, source: &str, listener: &dyn Listener) {
        const MOST: usize = 8;
        let told = self.told.borrow();
        let mut shown: Vec<&str> = told.iter().map(String::as_str).take(MOST).collect();
        let more = format!("{} more", told.len().saturating_sub(MOST));
        if told.len() > MOST {
            shown.push(&more);
        }
        if !shown.is_empty() {
            listener.info(&format!("{source}: left out {}; include = [...] takes what it names", shown.join(", ")));
        }
    }
}

fn identity(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

/// Whether a folder holds what an earlier build made, and nothing else.
fn holds_nothing_else(folder: &Path) -> bool {
    let Some(made) = made_in(folder) else { return false };
    std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().all(|entry| made.contains(&entry.file_name())))
}

/// The files of linkpack's in a folder; `None` where no build wrote there.
fn made_in(folder: &Path) -> Option<HashSet<OsString>> {
    let read = |name: &str| {
        let path = folder.join(name);
        let fine = std::fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file() && meta.len() <= LONGEST_LIST);
        fine.then(|| std::fs::read_to_string(path).ok()).flatten()
    };
    let sums = read(SUMS)?;
    let manifest: serde_json::Value = serde_json::from_str(&read(MANIFEST)?).ok()?;
    manifest.get("linkpack")?;
    let listed = sums.lines().filter_map(|line| line.split_once("  ")).map(|(_, name)| OsString::from(name));
    let lists = [SUMS, MANIFEST, SUMS_SIGNATURE].map(OsString::from);
    Some(listed.chain(lists).collect())
}
