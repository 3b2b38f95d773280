//! A package's entries while they are gathered, within the limits on their count and their names.

use super::limits;
use super::report::{path_text, FileEntry, FileKind};
use super::watch::Seen;
use base::error::{Error, Result};
use payload::gather::FoundKind;
use payload::tar::Member;
use std::collections::HashMap;
use std::sync::Arc;

/// The entries, and what was seen of each content.
#[derive(Default)]
pub struct Entries {
    pub files: Vec<FileEntry>,
    /// Of each entry; none for what has no content.
    pub seen: Vec<Option<Seen>>,
    names: usize,
    people: HashMap<String, Arc<str>>,
}

impl Entries {
    /// Adds an entry.
    ///
    /// # Errors
    /// There are more, or longer names, than any package has.
    pub fn push(&mut self, mut entry: FileEntry, seen: Option<Seen>) -> Result<()> {
        self.names += entry.path.len() + entry.target.as_ref().map_or(0, String::len);
        if self.files.len() >= limits::MOST_FILES || self.names > limits::NAMES {
            return Err(Error::new(format!(
                "it lists more than {} files, or more than {} MiB of names",
                limits::MOST_FILES,
                limits::NAMES >> 20
            )));
        }
        if let Some(seen) = &seen {
            entry.size = seen.size;
            entry.sha256 = Some(seen.sha256);
            entry.look.clone_from(&seen.look);
        }
        entry.path.shrink_to_fit();
        self.files.push(entry);
        self.seen.push(seen);
        Ok(())
    }

    /// A person's name as every entry of theirs shares it.
    pub fn person(&mut self, name: &str) -> Arc<str> {
        const MOST: usize = 1000;
        if let Some(known) = self.people.get(name) {
            return known.clone();
        }
        let shared: Arc<str> = name.chars().take(64).collect::<String>().into();
        if self.people.len() < MOST {
            self.people.insert(name.to_owned(), shared.clone());
        }
        shared
    }

    /// Adds a tar archive's member below `root` (`/` where names are the system's, empty where they are relative).
    ///
    /// # Errors
    /// As [`Entries::push`].
    pub fn member(&mut self, root: &str, member: Member<Seen>) -> Result<()> {
        let path = |name: &[u8]| format!("{root}{}", path_text(trimmed(name)));
        let mut who = |(number, name): (u64, Vec<u8>)| match String::from_utf8_lossy(&name).as_ref() {
            "" => self.person(&number.to_string()),
            name => self.person(name),
        };
        let (owner, group) = (who(member.owner), who(member.group));
        let (kind, target, seen) = match member.kind {
            FoundKind::Directory => (FileKind::Directory, None, None),
            FoundKind::File(seen) => (FileKind::File, None, Some(seen)),
            FoundKind::Symlink(target) => (FileKind::Symlink, Some(path_text(&target)), None),
            FoundKind::HardLink(target) => (FileKind::HardLink, Some(path(&target)), None),
            FoundKind::Refused(_) => (FileKind::Special, None, None),
        };
        let mut entry = FileEntry::new(path(&member.name), kind);
        entry.mode = Some(member.mode & 0o7777);
        (entry.owner, entry.group) = (Some(owner), Some(group));
        entry.target = target;
        entry.mtime = Some(member.mtime);
        self.push(entry, seen)
    }

    /// Gives each hard link the content of the file that it is another name of.
    pub fn link(&mut self) {
        let by_path: HashMap<&str, usize> = self
            .files
            .iter()
            .enumerate()
            .filter(|(at, _)| self.seen[*at].is_some())
            .map(|(at, f)| (f.path.as_str(), at))
            .collect();
        let links = self.files.iter().enumerate().filter(|(_, file)| file.kind == FileKind::HardLink);
        let found: Vec<(usize, usize)> =
            links.filter_map(|(at, file)| Some((at, *by_path.get(file.target.as_deref()?)?))).collect();
        for (at, from) in found {
            let seen = self.seen[from].clone();
            self.files[at].size = seen.as_ref().map_or(0, |seen| seen.size);
            self.files[at].sha256 = seen.as_ref().map(|seen| seen.sha256);
            self.files[at].look = seen.as_ref().and_then(|seen| seen.look.clone());
            self.seen[at] = seen;
        }
    }

    /// Where each path is; of several with one path, the last, which is the one that stays on disk.
    pub fn by_path(&self) -> HashMap<&str, usize> {
        self.files.iter().enumerate().map(|(at, file)| (file.path.as_str(), at)).collect()
    }
}

/// A name without `./`, slashes at its beginning and one at its end; the root itself is empty.
fn trimmed(mut name: &[u8]) -> &[u8] {
    while let Some(rest) = name.strip_prefix(b"./").or_else(|| name.strip_prefix(b"/")) {
        name = rest;
    }
    let name = name.strip_suffix(b"/").unwrap_or(name);
    if name == b"." {
        b""
    } else {
        name
    }
}
