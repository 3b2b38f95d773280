//! From the packages of the last build to those of this one, under the same names.
//!
//! SHA256SUMS speaks for the folder: it is taken away before the first package changes and put back when all have. A build killed in
//! between leaves whole packages of either build and no list that contradicts them; one that fails puts everything back.

use crate::error::{Error, IoContext, Result};
use rustix::fs::{flock, renameat_with, FlockOperation, RenameFlags, CWD};
use rustix::io::Errno;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tempfile::TempPath;

/// What names of unfinished packages begin with; they are locked while their build lives.
pub(super) const PARTIAL: &str = ".linkpack-partial-";

/// Gives every file its name, in their order; of the names in `lists`, which tell what is there, nothing is left meanwhile.
///
/// # Errors
/// A name cannot be taken. The folder is then as it was before, where its file system can exchange two names.
pub fn switch(folder: &Path, files: impl IntoIterator<Item = (TempPath, String)>, lists: &[&str]) -> Result<()> {
    // Two builds into one folder take turns. Best effort: not every file system has locks.
    let turn = File::open(folder).or_cannot("open", folder)?;
    let _ = flock(&turn, FlockOperation::LockExclusive);
    let mut switch = Switch { folder, done: Vec::new() };
    let result = lists.iter().try_for_each(|list| switch.withdraw(list)).and_then(|()| {
        files.into_iter().try_for_each(|(file, name)| {
            crate::interrupt::check()?;
            switch.place(file, &name)
        })
    });
    match result {
        Ok(()) => switch.forget(),
        Err(_) => switch.undo(),
    }
    result
}

/// A name that was taken, and what had it before.
struct Step {
    path: PathBuf,
    /// Where the file lies now that had the name.
    before: Option<PathBuf>,
    /// Whether a file of this build has the name, and none had it before or both can be exchanged again.
    placed: bool,
}

struct Switch<'a> {
    folder: &'a Path,
    done: Vec<Step>,
}

impl Switch<'_> {
    /// Takes a list away; one that is not there is none to take.
    fn withdraw(&mut self, name: &str) -> Result<()> {
        let path = self.folder.join(name);
        // A random name that the next build's sweep knows; the empty file under it is replaced.
        let aside = tempfile::Builder::new().prefix(PARTIAL).tempfile_in(self.folder);
        let aside = aside.or_cannot("write to the output folder", self.folder)?.into_temp_path();
        match fs::rename(&path, &aside) {
            Ok(()) => {
                let before = Some(aside.keep().map_err(|error| Error::io("move", &path, &error.error))?);
                self.done.push(Step { path, before, placed: false });
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io("replace", &path, &error)),
        }
    }

    /// Gives a file its name. What had it before takes the temporary one.
    fn place(&mut self, temporary: TempPath, name: &str) -> Result<()> {
        let path = self.folder.join(name);
        if path.is_dir() {
            return Err(Error::new(format!("cannot create {}: there is a folder of that name", path.display())));
        }
        let (before, placed) = match renameat_with(CWD, &*temporary, CWD, &path, RenameFlags::EXCHANGE) {
            Ok(()) => (Some(temporary.keep().map_err(|error| Error::io("create", &path, &error.error))?), true),
            // Nothing has the name, or this file system cannot exchange: then it cannot be undone either.
            Err(error @ (Errno::NOENT | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)) => {
                temporary.persist(&path).map_err(|error| Error::io("create", &path, &error.error))?;
                (None, error == Errno::NOENT)
            }
            Err(error) => return Err(Error::io("create", &path, &error.into())),
        };
        self.done.push(Step { path, before, placed });
        Ok(())
    }

    /// Removes what the last build had. Best effort: the next build sweeps.
    fn forget(self) {
        for before in self.done.into_iter().filter_map(|step| step.before) {
            let _ = fs::remove_file(before);
        }
    }

    /// Puts everything back, the lists last, as they were first. Best effort: what cannot be put back is whole all the same.
    fn undo(self) {
        for Step { path, before, placed } in self.done.into_iter().rev() {
            let _ = match before {
                Some(before) => fs::rename(before, &path),
                None if placed => fs::remove_file(&path),
                None => Ok(()),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::io::Write;

    fn files(folder: &Path) -> BTreeMap<String, String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()).filter(|entry| entry.path().is_file());
        entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())).collect()
    }

    fn made(folder: &Path, names: &[&str]) -> Vec<(TempPath, String)> {
        let file = |name: &&str| {
            let mut file = tempfile::Builder::new().prefix(PARTIAL).tempfile_in(folder).unwrap();
            write!(file, "new {name}").unwrap();
            (file.into_temp_path(), (*name).to_owned())
        };
        names.iter().map(file).collect()
    }

    #[test]
    fn all_names_change_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "old").unwrap();
        fs::write(folder.path().join("LIST"), "old").unwrap();
        switch(folder.path(), made(folder.path(), &["a", "b", "LIST"]), &["LIST"]).unwrap();
        let wanted = ["a", "b", "LIST"].map(|name| (name.to_owned(), format!("new {name}")));
        assert_eq!(files(folder.path()), BTreeMap::from(wanted));
    }

    #[test]
    fn a_name_that_cannot_be_taken_leaves_the_folder_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "LIST"] {
            fs::write(folder.path().join(name), "old").unwrap();
        }
        fs::create_dir(folder.path().join("c")).unwrap();
        let before = files(folder.path());
        let error = switch(folder.path(), made(folder.path(), &["a", "b", "c", "LIST"]), &["LIST", "NONE"]).unwrap_err();
        assert!(error.what().contains("folder of that name"), "{error}");
        assert_eq!(files(folder.path()), before);
        assert!(folder.path().join("c").is_dir());
    }
}
