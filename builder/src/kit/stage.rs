//! The kit in the making: a folder beside its place, whose name is no kit's, and the digests of all that lies in it.

use crate::error::{Error, IoContext, Result};
use crate::workdir::WorkDir;
use crate::{new_file, regular};
use rustix::fs::{renameat_with, RenameFlags, CWD};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

thread_local! {
    /// What copies go through: a fresh one for each of thousands of files costs more than the reading.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 1 << 18]);
}

/// A file of the kit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Bytes.
    pub size: u64,
    /// Hexadecimal.
    pub sha256: String,
}

/// A folder that becomes a kit. Gone when dropped before [`Stage::publish`].
pub struct Stage {
    /// Holds the folder; it is never looked at.
    _work: WorkDir,
    root: PathBuf,
    files: Mutex<BTreeMap<String, Facts>>,
}

impl Stage {
    /// Begins a kit that is to lie at `target`.
    ///
    /// # Errors
    /// The folder above it cannot be written in.
    pub fn beside(target: &Path) -> Result<Stage> {
        let parent = new_file::folder(target);
        fs::create_dir_all(parent).or_cannot("create", parent)?;
        let work = WorkDir::new(parent).or_cannot("write to", parent).map_err(elsewhere)?;
        let root = work.path().join("kit");
        fs::create_dir(&root).or_cannot("create", &root).map_err(elsewhere)?;
        Ok(Stage { _work: work, root, files: Mutex::default() })
    }

    /// Where the kit lies now.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files so far by their paths in the kit.
    pub fn files(&self) -> BTreeMap<String, Facts> {
        self.files.lock().expect("no holder panics").clone()
    }

    /// Writes a file; `path` is relative to the kit.
    ///
    /// # Errors
    /// The disk is full, or the like.
    pub fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let mut file = self.create(path)?;
        file.write_all(bytes).or_cannot("write", &self.root.join(path)).map_err(elsewhere)?;
        self.note(path, bytes.len() as u64, hex::encode(Sha256::digest(bytes)))
    }

    /// Adds the copy of a file that has this SHA-256.
    ///
    /// # Errors
    /// It has another by now; it cannot be read or written.
    pub fn copy(&self, source: &Path, path: &str, sha256: &str) -> Result<()> {
        let mut from = regular::open(source)?;
        let mut to = self.create(path)?;
        let (mut digest, mut size) = (Sha256::new(), 0);
        BUFFER.with_borrow_mut(|buffer| -> Result<()> {
            loop {
                crate::interrupt::check()?;
                let count = from.read(buffer).or_cannot("read", source)?;
                if count == 0 {
                    return Ok(());
                }
                digest.update(&buffer[..count]);
                to.write_all(&buffer[..count]).or_cannot("write", &self.root.join(path)).map_err(elsewhere)?;
                size += count as u64;
            }
        })?;
        self.verified(source, path, size, hex::encode(digest.finalize()), sha256)
    }

    /// Adds a file that has this SHA-256 as a second name of it: no byte is copied, and its owner, mode and time stay.
    /// It is copied where it cannot be linked: from another file system, or where not everybody may read it.
    ///
    /// # Errors
    /// As [`Stage::copy`].
    pub fn link(&self, source: &Path, path: &str, sha256: &str) -> Result<()> {
        let target = self.root.join(path);
        let folder = target.parent().expect("below the root");
        fs::create_dir_all(folder).or_cannot("create", folder).map_err(elsewhere)?;
        let real = source.canonicalize().or_cannot("read", source)?;
        let mode = fs::metadata(&real).or_cannot("read", &real)?.permissions().mode();
        if mode & 0o444 != 0o444 || fs::hard_link(&real, &target).is_err() {
            return self.copy(source, path, sha256);
        }
        let (size, found) = digest(&target)?;
        self.verified(source, path, size, found, sha256)
    }

    fn verified(&self, source: &Path, path: &str, size: u64, found: String, sha256: &str) -> Result<()> {
        match found == sha256 {
            true => self.note(path, size, found),
            false => {
                Err(Error::new(format!("{} is not what was verified: it was changed meanwhile, or damaged", source.display()))
                    .note(format!("its SHA-256 is {found}, and should be {sha256}"))
                    .help("build or copy it again"))
            }
        }
    }

    /// Adds a file that was written to [`Stage::root`] by other means.
    pub fn note(&self, path: &str, size: u64, sha256: String) -> Result<()> {
        let before = self.files.lock().expect("no holder panics").insert(path.to_owned(), Facts { size, sha256 });
        match before {
            None => Ok(()),
            Some(_) => Err(Error::new(format!("two files of the kit would be {path}"))),
        }
    }

    /// Creates a file and the folders above it.
    pub fn create(&self, path: &str) -> Result<File> {
        let path = self.root.join(path);
        let folder = path.parent().expect("below the root");
        fs::create_dir_all(folder).or_cannot("create", folder).map_err(elsewhere)?;
        File::create_new(&path).or_cannot("create", &path).map_err(elsewhere)
    }

    /// SHA256SUMS over all files.
    pub fn sums(&self) -> String {
        self.files().iter().map(|(path, facts)| format!("{}  {path}\n", facts.sha256)).collect()
    }

    /// Gives every file and folder that time and the mode that everybody can read.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn settle(&self, time: i64) -> Result<()> {
        settle(&self.root, SystemTime::UNIX_EPOCH + Duration::from_secs(time.max(0) as u64))
    }

    /// Puts the kit in its place; an older one there is replaced at once and then removed.
    ///
    /// # Errors
    /// It cannot be renamed. What was there is still there then.
    pub fn publish(self, target: &Path) -> Result<()> {
        self.sync()?;
        self.place(target)
    }

    /// Makes sure that it is on the disk before anything gets its name.
    ///
    /// # Errors
    /// It cannot be written; an interrupt.
    pub fn sync(&self) -> Result<()> {
        sync(&self.root)?;
        crate::interrupt::check()
    }

    /// As [`Stage::publish`], of what is on the disk, and whatever the user asks for meanwhile: a kit and its delta belong together.
    ///
    /// # Errors
    /// It cannot be renamed.
    pub fn place(self, target: &Path) -> Result<()> {
        match target.symlink_metadata().is_ok() {
            true => renameat_with(CWD, &self.root, CWD, target, RenameFlags::EXCHANGE),
            false => renameat_with(CWD, &self.root, CWD, target, RenameFlags::NOREPLACE),
        }
        .map_err(|error| Error::io("create", target, &error.into()))
        .map_err(elsewhere)?;
        sync(new_file::folder(target))
    }
}

/// The length and SHA-256 of a file.
///
/// # Errors
/// It cannot be read; an interrupt.
pub fn digest(path: &Path) -> Result<(u64, String)> {
    let mut file = regular::open(path)?;
    let (mut digest, mut size) = (Sha256::new(), 0);
    BUFFER.with_borrow_mut(|buffer| loop {
        crate::interrupt::check()?;
        match file.read(buffer).or_cannot("read", path)? {
            0 => return Ok((size, hex::encode(digest.finalize_reset()))),
            count => {
                digest.update(&buffer[..count]);
                size += count as u64;
            }
        }
    })
}

/// What to do where a kit cannot be written.
pub fn elsewhere(error: Error) -> Error {
    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<io::Error>());
    let help = match source.and_then(io::Error::raw_os_error).map(Errno::from_raw_os_error) {
        None | Some(Errno::NOSPC | Errno::DQUOT) => "free some space, or choose another place with -o",
        Some(_) => "choose another place with -o",
    };
    error.help(help)
}

fn sync(folder: &Path) -> Result<()> {
    let folder_file = File::open(folder).or_cannot("open", folder)?;
    rustix::fs::syncfs(&folder_file).map_err(|error| Error::io("sync", folder, &error.into()))
}

fn settle(path: &Path, time: SystemTime) -> Result<()> {
    let meta = path.symlink_metadata().or_cannot("read", path)?;
    let mut mode = if is_program(path) { 0o755 } else { 0o644 };
    if meta.is_dir() {
        for entry in fs::read_dir(path).or_cannot("list", path)? {
            settle(&entry.or_cannot("list", path)?.path(), time)?;
        }
        mode = 0o755;
    } else if meta.nlink() > 1 {
        // It is the user's file, too.
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).or_cannot("set the mode of", path)?;
    File::open(path).and_then(|file| file.set_modified(time)).or_cannot("set the time of", path)
}

/// What a person runs from a kit.
pub fn is_program(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "sh" || end == "run")
}
