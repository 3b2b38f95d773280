//! Folders that belong to one build: gone when it ends, and swept up by the next build when it was killed.

use rustix::fs::{flock, FlockOperation};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What the folders' names begin with.
pub const PREFIX: &str = "linkpack-work-";
/// A running build holds a lock on this file of its folder; it took the lock before it gave the file this name.
const LOCK: &str = ".lock";
const UNLOCKED: &str = ".lock.new";
/// A younger folder without that file may be one that is being made.
const GRACE: Duration = Duration::from_secs(60);

/// A private folder (mode 0700); removed with all in it on drop.
#[derive(Debug)]
pub struct WorkDir {
    folder: tempfile::TempDir,
    _lock: File,
}

impl WorkDir {
    /// Makes a folder in `parent`, and removes those of this user's builds that were killed.
    pub fn new(parent: &Path) -> io::Result<WorkDir> {
        sweep(parent);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let lock = File::create_new(folder.path().join(UNLOCKED))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        fs::rename(folder.path().join(UNLOCKED), folder.path().join(LOCK))?;
        Ok(WorkDir { folder, _lock: lock })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Best effort: a build does not depend on it.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) && is_abandoned(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// In a folder like /tmp others may use our prefix: only this user's real directories count.
fn is_abandoned(folder: &Path) -> bool {
    let Ok(meta) = fs::symlink_metadata(folder) else { return false };
    if !meta.is_dir() || meta.uid() != rustix::process::geteuid().as_raw() {
        return false;
    }
    let old = || meta.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok()).is_some_and(|age| age > GRACE);
    match File::open(folder.join(LOCK)) {
        Ok(lock) => flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok(),
        Err(error) => error.kind() == io::ErrorKind::NotFound && old(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(folder: &Path) {
        File::open(folder).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }

    #[test]
    fn a_killed_builds_folder_is_swept_and_a_living_ones_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let living = WorkDir::new(parent.path()).unwrap();
        let dead = parent.path().join(format!("{PREFIX}dead"));
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        let [beginning, never] = ["beginning", "never"].map(|name| parent.path().join(format!("{PREFIX}{name}")));
        [&beginning, &never].into_iter().for_each(|folder| fs::create_dir(folder).unwrap());
        age(&never);
        age(living.path());
        let _next = WorkDir::new(parent.path()).unwrap();
        assert!(!dead.exists() && !never.exists());
        assert!(living.path().exists() && beginning.exists());
    }
}
