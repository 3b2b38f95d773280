//! Files that administrators edit: shipped as defaults below bin\defaults, put in place where nobody edited them, kept where somebody did.

use super::journal::Journal;
use native::folder::{self, Kind};
use std::{fs, io};

/// The notes of [`Journal`]: a file that was written, before it was; what stood there is saved under this number, or nothing did.
const WRITTEN: &str = "written";
const NOTHING: &str = "-";

fn shipped(root: &str) -> String {
    format!("{root}\\bin\\defaults")
}

/// Each default as it was put in place: what equals it was not edited. Not below components, which a seal clears.
fn placed(root: &str) -> String {
    format!("{}\\defaults", own(root))
}

fn own(root: &str) -> String {
    format!("{root}\\.linkpack")
}

/// Puts every shipped default in place; beside a file that was edited lies a changed default as NAME.new. Notes first what it changes.
///
/// # Errors
/// A sentence: what could not be read or written.
pub fn place(root: &str, journal: &mut Journal) -> Result<(), String> {
    for name in files(&shipped(root)) {
        place_one(root, &name, journal).map_err(|error| format!("cannot put the default of {root}\\{name} in place: {error}"))?;
    }
    Ok(())
}

fn place_one(root: &str, name: &str, journal: &mut Journal) -> io::Result<()> {
    let (live, record) = (format!("{root}\\{name}"), format!("{}\\{name}", placed(root)));
    let default = fs::read(format!("{}\\{name}", shipped(root)))?;
    let (now, before) = (read(&live)?, read(&record)?);
    let edited = now.is_some() && now != before && now.as_ref() != Some(&default);
    let target = if edited { format!("{live}.new") } else { live };
    if before.as_ref() != Some(&default) || (!edited && now.as_ref() != Some(&default)) {
        write(&target, &default, journal)?;
        write(&record, &default, journal)?;
    }
    Ok(())
}

/// A file's bytes; `None` where there is none.
fn read(path: &str) -> io::Result<Option<Vec<u8>>> {
    match folder::kind(path) {
        Kind::Missing => Ok(None),
        Kind::File => fs::read(path).map(Some),
        Kind::Folder | Kind::Reparse => Err(io::Error::new(io::ErrorKind::Other, "what is there is not a file: move it away")),
    }
}

fn write(path: &str, bytes: &[u8], journal: &mut Journal) -> io::Result<()> {
    let standing = read(path)?;
    if standing.as_deref() == Some(bytes) {
        return Ok(());
    }
    let number = journal.all(WRITTEN).len();
    match standing {
        None => journal.note(WRITTEN, &format!("{NOTHING}|{path}"))?,
        Some(old) => {
            folder::replace(&journal.saved(&format!("default{number}")), &old)?;
            journal.note(WRITTEN, &format!("{number}|{path}"))?;
        }
    }
    if let Some((parent, _)) = path.rsplit_once('\\') {
        fs::create_dir_all(parent)?;
    }
    folder::replace(path, bytes)
}

/// Puts back what [`place`] changed, the last change first; what cannot be put back comes back with its error.
pub fn undo(root: &str, journal: &Journal) -> Vec<(String, io::Error)> {
    let mut problems = Vec::new();
    for (number, path) in journal.all(WRITTEN).into_iter().rev().filter_map(|note| note.split_once('|')) {
        let undone = match number {
            NOTHING => folder::remove(path),
            number => folder::rename(&journal.saved(&format!("default{number}")), path),
        };
        problems.extend(undone.err().map(|error| (path.to_string(), error)));
        remove_empty_above(path, root);
    }
    problems
}

/// Removes the folders above a file up to the root, where they are empty: Windows Installer could not remove them over the file.
fn remove_empty_above(path: &str, root: &str) {
    let mut folder = path;
    while let Some((parent, _)) = folder.rsplit_once('\\').filter(|(parent, _)| parent.len() > root.len()) {
        if fs::remove_dir(parent).is_err() {
            break;
        }
        folder = parent;
    }
}

/// Removes every file that is as it was put in place, and folders that are empty then; edited ones stay.
pub fn remove(root: &str) {
    let records = placed(root);
    for name in files(&records) {
        let live = format!("{root}\\{name}");
        let default = fs::read(format!("{records}\\{name}")).ok();
        for path in [&live, &format!("{live}.new")] {
            if default.is_some() && read(path).ok().flatten() == default {
                // A file that cannot be removed stays as an edited one does.
                let _ = folder::remove(path);
            }
        }
        remove_empty_above(&live, root);
    }
    // What was put in place is known no more: all that is left was edited.
    let _ = folder::remove(&own(root));
}

/// Every file below a folder, relative to it; no link is followed.
fn files(top: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![String::new()];
    while let Some(below) = left.pop() {
        for name in folder::names(&format!("{top}{below}")) {
            let path = format!("{below}\\{name}");
            match folder::kind(&format!("{top}{path}")) {
                Kind::Folder => left.push(path),
                Kind::File => found.push(path[1..].to_string()),
                Kind::Missing | Kind::Reparse => {}
            }
        }
    }
    found
}
