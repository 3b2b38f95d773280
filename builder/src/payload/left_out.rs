//! What of a directory is no part of a payload, though the manifest does not exclude it: what this build or an earlier one writes there,
//! and version control. Without this each build's packages would hold those of the build before.

use super::select::Selector;
use super::Source;
use crate::error::{Error, Result};
use crate::listener::Listener;
use crate::workdir;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Names of version control's own folders (and of git's file in a worktree).
const VERSION_CONTROL: [&str; 4] = [".git", ".hg", ".svn", ".bzr"];
/// What a build writes beside its packages: the list of their digests, and what was built from what.
const SUMS: &str = "SHA256SUMS";
const MANIFEST: &str = "manifest.json";
/// A longer list is none of a build.
const LONGEST_LIST: u64 = 4 << 20;

/// The rules for one directory, and what they left out.
pub(super) struct LeftOut<'a> {
    selector: &'a Selector,
    /// The build's own folders, absolute and without links.
    own: Vec<PathBuf>,
    /// Files that earlier builds made, by the folder.
    made: RefCell<HashMap<PathBuf, HashSet<OsString>>>,
    told: RefCell<BTreeSet<String>>,
}

impl<'a> LeftOut<'a> {
    /// # Errors
    /// The source is the build's own folder.
    pub(super) fn new(source: &Source, selector: &'a Selector) -> Result<Self> {
        let own: Vec<PathBuf> = source.own.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
        if source.path.canonicalize().is_ok_and(|path| own.contains(&path)) {
            return Err(Error::new(format!("{} is this build's own output or cache folder", source.path.display()))
                .help("write packages elsewhere with -o DIR (the cache: --cache DIR), or give a folder below as the payload"));
        }
        Ok(LeftOut { selector, own, made: RefCell::default(), told: RefCell::default() })
    }

    /// Whether what has that name below the directory is no part of the payload.
    pub(super) fn skips(&self, name: &[u8], path: &Path) -> bool {
        if self.selector.skips(name) {
            return true;
        }
        let Some(why) = self.why(path).filter(|_| !self.selector.names(name)) else { return false };
        self.told.borrow_mut().insert(format!("{} ({why})", String::from_utf8_lossy(name).escape_debug()));
        true
    }

    fn why(&self, path: &Path) -> Option<&'static str> {
        let name = path.file_name().unwrap_or_default();
        if VERSION_CONTROL.iter().any(|own| name == *own) {
            return Some("version control");
        }
        if name.as_bytes().starts_with(workdir::PREFIX.as_bytes()) {
            return Some("a build's temporary folder");
        }
        let is_folder = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir());
        if is_folder && !self.own.is_empty() && path.canonicalize().is_ok_and(|path| self.own.contains(&path)) {
            return Some("this build's own");
        }
        if self.is_made(path.parent().unwrap_or(path), name) || (is_folder && self.holds_nothing_else(path)) {
            return Some("packages of an earlier build");
        }
        None
    }

    /// Whether an earlier build made the file of that name in a folder.
    fn is_made(&self, folder: &Path, name: &OsStr) -> bool {
        let mut made = self.made.borrow_mut();
        if !made.contains_key(folder) {
            made.insert(folder.to_owned(), made_in(folder).unwrap_or_default());
        }
        made[folder].contains(name)
    }

    fn holds_nothing_else(&self, folder: &Path) -> bool {
        let Ok(entries) = std::fs::read_dir(folder) else { return false };
        self.is_made(folder, SUMS.as_ref()) && entries.flatten().all(|entry| self.is_made(folder, &entry.file_name()))
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
    let lists = [SUMS, MANIFEST, "SHA256SUMS.sig"].map(OsString::from);
    Some(listed.chain(lists).collect())
}
