//! One connector for one run directory: a lock, and the pid file that tells others.
//!
//! The lock is a file of its own that nobody else may open: everybody may read the pid file, and who may open a file may
//! lock it.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::io::AsRawFd;
use std::path::{Path, PathBuf};

use super::directory::{open_plain, Directory};
use super::files::replace_public;
use super::{sys, DISK_FULL};
use crate::log;

/// The lock, held for as long as this lives.
pub struct Claim {
    pid_file: PathBuf,
    _lock: File,
}

impl Claim {
    /// Claims the run directory for this process, in files named after the service. The error is one sentence.
    pub fn take(run_dir: &Path, service: &str) -> Result<Claim, String> {
        let [lock_name, pid_name] = ["lock", "pid"].map(|end| format!("{service}.{end}"));
        let (lock_file, pid_file) = (run_dir.join(&lock_name), run_dir.join(&pid_name));
        let cannot = |path: &Path, error: io::Error| format!("cannot write {}: {error}", path.display());
        let directory = Directory::open(run_dir).map_err(|error| cannot(run_dir, error))?;
        let lock = match lock(&directory, &lock_name).map_err(|error| cannot(&lock_file, error))? {
            Some(lock) => lock,
            None => {
                let holder = holder(&directory, &pid_name);
                return Err(format!("another connector runs already (pid {holder}); {} is locked", lock_file.display()));
            }
        };
        let claim = Claim { pid_file, _lock: lock };
        match claim.tell() {
            Err(error) if error.raw_os_error().map_or(false, |code| DISK_FULL.contains(&code)) => {
                log::line(&format!("{}; going on without it", cannot(&claim.pid_file, error)));
            }
            other => other.map_err(|error| cannot(&claim.pid_file, error))?,
        }
        Ok(claim)
    }

    /// Writes the pid file again where it is missing: the disk was full, or somebody cleaned up.
    pub fn renew(&self) {
        if fs::symlink_metadata(&self.pid_file).is_err() {
            let _ = self.tell();
        }
    }

    fn tell(&self) -> io::Result<()> {
        replace_public(&self.pid_file, format!("{}\n", std::process::id()).as_bytes())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.pid_file);
    }
}

/// The locked file; `None` where another connector holds it.
fn lock(directory: &Directory, name: &str) -> io::Result<Option<File>> {
    let path = directory.at(Path::new(name));
    let owner = directory.owner()?;
    loop {
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600).custom_flags(sys::O_NOFOLLOW | sys::NONBLOCK);
        let file = match options.create_new(true).open(&path) {
            Ok(file) => {
                // Made by root in another account's directory, it must stay usable for that account.
                let _ = sys::change_owner(file.as_raw_fd(), owner.0, owner.1);
                file
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !fs::symlink_metadata(&path).map_or(false, |found| is_ours(&found, owner.0)) {
                    let _ = fs::remove_file(&path);
                    continue_if_gone(&path)?;
                    continue;
                }
                options.create_new(false).open(&path)?
            }
            Err(error) => return Err(error),
        };
        if !sys::lock(file.as_raw_fd())? {
            return Ok(None);
        }
        // It may have been replaced between its opening and its locking.
        let (held, named) = (file.metadata()?, fs::symlink_metadata(&path));
        if named.map_or(false, |named| (named.dev(), named.ino()) == (held.dev(), held.ino())) {
            return Ok(Some(file));
        }
    }
}

/// A lock that others could open, or that is no file at all, is not the connector's.
fn is_ours(found: &Metadata, owner: u32) -> bool {
    found.is_file() && found.mode() & 0o077 == 0 && (found.uid() == owner || found.uid() == sys::effective_user())
}

fn continue_if_gone(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::Other, "it is not the connector's own lock and cannot be removed; remove it")),
        Err(_) => Ok(()),
    }
}

/// Who wrote the pid file.
fn holder(directory: &Directory, pid_name: &str) -> String {
    let mut text = String::new();
    if let Ok(file) = open_plain(&directory.at(Path::new(pid_name)), OpenOptions::new().read(true)) {
        let _ = file.take(32).read_to_string(&mut text);
    }
    log::excerpt(text.trim())
}
