//! What `Configure` changed, kept in a private folder until `Done` or `Undo` has seen it.

use native::folder::{self, Kind};
use native::places;
use std::{fs, io};

/// The notes of one installation.
pub struct Journal {
    folder: String,
    lines: Vec<(String, String)>,
}

/// The note that says whose notes these are: a run that was killed leaves its own behind.
const RUN: &str = "run";

impl Journal {
    /// Where the notes and the saved files are.
    pub fn place() -> String {
        places::runtime() + r"\undo"
    }

    /// Begins anew; what a killed run left goes. The runtime folder has to be private.
    pub fn begin(run: &str, user: &str) -> io::Result<Journal> {
        let folder = Journal::place();
        folder::remove(&folder)?;
        folder::make_private(&folder, user)?;
        let mut journal = Journal { folder, lines: Vec::new() };
        journal.note(RUN, run)?;
        Ok(journal)
    }

    /// The notes of this very run, where it came to make any.
    pub fn open(run: &str, user: &str) -> Option<Journal> {
        let folder = Journal::place();
        if folder::kind(&folder) != Kind::Folder || folder::foreign(&places::runtime(), user).is_some() {
            return None;
        }
        let text = fs::read_to_string(file(&folder)).ok()?;
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let lines = pairs.map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let journal = Journal { folder, lines };
        (journal.get(RUN) == Some(run)).then(|| journal)
    }

    /// Notes something, before it is done.
    pub fn note(&mut self, key: &str, value: &str) -> io::Result<()> {
        self.lines.push((key.to_string(), value.to_string()));
        let text: String = self.lines.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
        folder::replace(&file(&self.folder), text.as_bytes())
    }

    /// The first note of this key.
    pub fn get(&self, wanted: &str) -> Option<&str> {
        self.all(wanted).into_iter().next()
    }

    /// All notes of this key.
    pub fn all(&self, wanted: &str) -> Vec<&str> {
        self.lines.iter().filter(|(key, _)| key == wanted).map(|(_, value)| value.as_str()).collect()
    }

    /// Where a file is saved.
    pub fn saved(&self, name: &str) -> String {
        format!("{}\\{name}", self.folder)
    }

    /// Removes the notes and what was saved.
    pub fn close() -> io::Result<()> {
        folder::remove(&Journal::place())
    }
}

fn file(folder: &str) -> String {
    format!("{folder}\\journal")
}
