//! A cache of compressed units: where it is, how it is used, and its folder.

use super::remote::RemoteCache;
use super::seal::CacheKey;
use base::error::{Error, IoContext, Result};
use rustix::fs::{flock, FlockOperation};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What a cache may hold after a build when nothing else was said, in bytes; the least recently used units go first.
pub const CACHE_LIMIT: u64 = 4 << 30;
/// What names of unfinished units begin with.
pub const PARTIAL: &str = ".unit-";

/// Where compressed units are kept.
#[derive(Debug, Clone)]
pub enum CacheChoice {
    /// A folder that outlives the build and serves the next one.
    Folder(PathBuf),
    /// A folder inside this one, removed when the build ends.
    Temporary(PathBuf),
}

/// A cache and how it is used.
#[derive(Debug, Clone)]
pub struct Cache {
    /// Where it is.
    pub choice: CacheChoice,
    /// Seals its units, where others can write the folder; units without the right seal do not count.
    pub key: Option<CacheKey>,
    /// Units are taken from it, and nothing is written there.
    pub read_only: bool,
    /// What it may hold after a build, in bytes.
    pub limit: u64,
    /// Units that are taken from it are unpacked and compared with the content they stand for.
    pub check: bool,
    /// A cache on a server behind this one; it takes a key.
    pub remote: Option<RemoteCache>,
}

impl From<CacheChoice> for Cache {
    fn from(choice: CacheChoice) -> Cache {
        Cache { choice, key: None, read_only: false, limit: CACHE_LIMIT, check: false, remote: None }
    }
}

impl Cache {
    /// Where a build unpacks archives: in the cache's own folder, which the user chose for what is large, unless others may write there.
    pub fn work_folder(&self) -> PathBuf {
        match &self.choice {
            CacheChoice::Folder(_) if self.key.is_some() || self.read_only => std::env::temp_dir(),
            CacheChoice::Folder(folder) | CacheChoice::Temporary(folder) => folder.clone(),
        }
    }
}

/// How much of a build's content was in the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct CacheUse {
    /// Units that were there, each as often as it was asked for.
    pub found: u64,
    /// Units that were compressed.
    pub compressed: u64,
    /// Units that came from the remote cache.
    #[serde(skip_serializing_if = "is_none")]
    pub fetched: u64,
    /// Units that were sent there.
    #[serde(skip_serializing_if = "is_none")]
    pub sent: u64,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Where else units may go.
pub fn elsewhere(error: Error) -> Error {
    error.help("choose another folder with --cache DIR, or build with --no-cache")
}

/// Makes a folder of the cache. A private one is never for a group to write, whatever the umask.
pub fn make_folder(folder: &Path, private: bool) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(if private { 0o755 } else { 0o777 }).create(folder)
}

/// Locks the cache for use; `None` where nothing can be locked: a folder that is only read, or a file system without locks.
pub fn lock(folder: &Path, read_only: bool) -> Result<Option<File>> {
    let path = folder.join("lock");
    let opened = match File::options().create(!read_only).append(!read_only).read(true).open(&path) {
        // Another account made it, in a shared cache.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => File::open(&path),
        opened => opened,
    };
    let file = match opened {
        Err(_) if read_only => return Ok(None),
        opened => opened.or_cannot("lock the cache", &path).map_err(elsewhere)?,
    };
    use rustix::io::Errno;
    match flock(&file, FlockOperation::LockShared) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(None),
        Err(_) if read_only => Ok(None),
        Err(error) => Err(Error::io("lock", &path, &error.into())),
    }
}
