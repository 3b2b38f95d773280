//! Units by content: on disk, so that memory does not grow with the payload, and shared between formats, sites and builds.

use super::codec::{Codec, Segment};
use crate::error::{Error, IoContext, Result};
use crate::workdir::WorkDir;
use rustix::fs::{flock, FlockOperation};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// The first bytes of a unit's file; its digit changes with the layout.
const MAGIC: &[u8; 8] = b"LPUNIT1\n";
/// Magic, plain length, CRC-32, unpadded length.
const HEAD_LEN: usize = 8 + 8 + 4 + 8;
/// SHA-256 of all that precedes it.
const SEAL_LEN: usize = 32;
/// What a cache may hold after a build, in bytes; the least recently used units go first.
const CACHE_LIMIT: u64 = 4 << 30;

/// Where compressed units are kept.
#[derive(Debug, Clone)]
pub enum CacheChoice {
    /// A folder that outlives the build and serves the next one.
    Folder(PathBuf),
    /// A folder inside this one, removed when the build ends.
    Temporary(PathBuf),
}

/// Keeps compressed units by content, codec and level. Safe for several builds at once, and for builds that were killed.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    pool: Arc<rayon::ThreadPool>,
    /// Shared while a build lasts, so that no other build trims what this one counts on.
    lock: Option<File>,
    _temporary: Option<WorkDir>,
}

/// A piece of content that the [`Store`] holds in compressed form.
#[derive(Debug, Clone)]
pub struct Unit {
    codec: Codec,
    digest: [u8; 32],
    plain_len: u64,
}

impl Unit {
    /// Bytes before compression.
    pub fn plain_len(&self) -> u64 {
        self.plain_len
    }
}

impl Store {
    /// Opens the store with `threads` workers.
    ///
    /// # Errors
    /// The folder cannot be made or locked.
    pub fn open(choice: CacheChoice, threads: usize) -> Result<Arc<Store>> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .build()
            .map_err(|error| Error::new(format!("cannot start {threads} worker threads: {error}")))?;
        let pool = Arc::new(pool);
        let choose = "choose another folder with --cache DIR, or build with --no-cache";
        match choice {
            CacheChoice::Folder(folder) => {
                fs::create_dir_all(&folder).or_cannot("create the cache", &folder).map_err(|e| e.help(choose))?;
                let path = folder.join("lock");
                let lock = File::options().create(true).append(true).open(&path).or_cannot("lock the cache", &path);
                let lock = lock.map_err(|e| e.help(choose))?;
                flock(&lock, FlockOperation::LockShared).map_err(|error| Error::io("lock", &path, &error.into()))?;
                Ok(Arc::new(Store { folder, pool, lock: Some(lock), _temporary: None }))
            }
            CacheChoice::Temporary(parent) => {
                let temporary = WorkDir::new(&parent).or_cannot("create a folder for compressed units in", &parent)?;
                let folder = temporary.path().to_path_buf();
                Ok(Arc::new(Store { folder, pool, lock: None, _temporary: Some(temporary) }))
            }
        }
    }

    /// The workers that compress.
    pub fn pool(&self) -> Arc<rayon::ThreadPool> {
        self.pool.clone()
    }

    /// Makes sure that the store holds `plain` compressed by `codec`: compresses it unless an intact unit is there already.
    pub fn put(&self, codec: Codec, plain: &[u8]) -> Result<Unit> {
        let unit = Unit { codec, digest: Sha256::digest(plain).into(), plain_len: plain.len() as u64 };
        let path = self.path(&unit);
        if let Ok(bytes) = fs::read(&path) {
            if parse(&bytes, &unit).is_some() {
                // Best effort: it only tells the trimming that the unit is in use.
                let _ = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
                return Ok(unit);
            }
        }
        let (segment, packed) = codec.compress(plain, &[])?;
        self.save(&path, &segment, &packed)?;
        Ok(unit)
    }

    /// A unit's segment and its compressed bytes.
    ///
    /// # Errors
    /// The unit's file is gone or damaged: someone else changed the cache during the build.
    pub(super) fn read(&self, unit: &Unit) -> Result<(Segment, Vec<u8>)> {
        let path = self.path(unit);
        let mut bytes = fs::read(&path).or_cannot("read a compressed unit", &path)?;
        let segment = parse(&bytes, unit).ok_or_else(|| {
            Error::new(format!("the compressed unit {} was damaged during the build", path.display()))
                .help("build again, or with --no-cache")
        })?;
        bytes.truncate(bytes.len() - SEAL_LEN);
        bytes.drain(..HEAD_LEN);
        Ok((segment, bytes))
    }

    fn path(&self, unit: &Unit) -> PathBuf {
        let name = hex::encode(unit.digest);
        self.folder.join(&name[..2]).join(format!("{}-{}{}", &name[2..], unit.codec.name(), unit.codec.level()))
    }

    fn save(&self, path: &Path, segment: &Segment, packed: &[u8]) -> Result<()> {
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).or_cannot("create", folder)?;
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&segment.plain_len.to_le_bytes());
        head.extend_from_slice(&segment.crc32.to_le_bytes());
        head.extend_from_slice(&segment.unpadded_len.to_le_bytes());
        let seal = Sha256::new().chain_update(&head).chain_update(packed).finalize();
        let full = |error: &std::io::Error| {
            Error::io("write a compressed unit to", folder, error)
                .help("free some space, or choose another folder with --cache DIR")
        };
        let mut file = tempfile::Builder::new().prefix(".unit-").tempfile_in(folder).map_err(|error| full(&error))?;
        for part in [head.as_slice(), packed, &seal] {
            file.write_all(part).map_err(|error| full(&error))?;
        }
        file.persist(path).map_err(|error| full(&error.error))?;
        Ok(())
    }

    /// Removes the least recently used units beyond the cache's limit, unless another build is using the cache now.
    pub fn trim(&self) -> Result<()> {
        match &self.lock {
            Some(lock) if flock(lock, FlockOperation::NonBlockingLockExclusive).is_ok() => trim_to(&self.folder, CACHE_LIMIT),
            _ => Ok(()),
        }
    }
}

/// The segment that a unit's file describes, if the file is intact and is this unit's.
fn parse(bytes: &[u8], unit: &Unit) -> Option<Segment> {
    let sealed = bytes.len().checked_sub(SEAL_LEN)?;
    if sealed < HEAD_LEN || !bytes.starts_with(MAGIC) || Sha256::digest(&bytes[..sealed])[..] != bytes[sealed..] {
        return None;
    }
    let number = |at: usize| Some(u64::from_le_bytes(bytes[at..at + 8].try_into().ok()?));
    let crc32 = u32::from_le_bytes(bytes[16..20].try_into().ok()?);
    let segment = Segment { plain_len: number(8)?, crc32, unpadded_len: number(20)? };
    (segment.plain_len == unit.plain_len).then_some(segment)
}

fn trim_to(folder: &Path, limit: u64) -> Result<()> {
    let mut units = Vec::new();
    for shelf in fs::read_dir(folder).or_cannot("read the cache", folder)?.flatten() {
        let Ok(files) = fs::read_dir(shelf.path()) else { continue };
        for file in files.flatten() {
            if let Ok(meta) = file.metadata() {
                units.push((meta.modified().unwrap_or(SystemTime::UNIX_EPOCH), meta.len(), file.path()));
            }
        }
    }
    let mut total: u64 = units.iter().map(|(_, len, _)| len).sum();
    units.sort();
    for (_, len, path) in units {
        if total <= limit {
            break;
        }
        // A unit that someone else removed meanwhile is as good as removed.
        let _ = fs::remove_file(&path);
        total -= len;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &Path) -> Arc<Store> {
        Store::open(CacheChoice::Folder(folder.to_path_buf()), 1).unwrap()
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let shelves = fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_dir());
        shelves.flat_map(|shelf| fs::read_dir(shelf.path()).unwrap().flatten().map(|file| file.path())).collect()
    }

    #[test]
    fn a_damaged_unit_is_compressed_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let plain = vec![7; 100_000];
        let unit = store.put(Codec::Gzip, &plain).unwrap();
        let (_, good) = store.read(&unit).unwrap();
        let path = files(folder.path()).remove(0);
        let mut damaged = fs::read(&path).unwrap();
        damaged[HEAD_LEN + 3] ^= 1;
        fs::write(&path, damaged).unwrap();
        assert!(store.read(&unit).is_err());
        store.put(Codec::Gzip, &plain).unwrap();
        assert_eq!(store.read(&unit).unwrap().1, good);
    }

    #[test]
    fn trimming_removes_the_least_recently_used_units_first() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let old = store.put(Codec::Gzip, b"old").unwrap();
        let new = store.put(Codec::Gzip, b"new").unwrap();
        File::open(store.path(&old)).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        trim_to(folder.path(), fs::metadata(store.path(&new)).unwrap().len()).unwrap();
        assert!(store.read(&old).is_err());
        assert!(store.read(&new).is_ok());
    }

    #[test]
    fn a_cache_in_use_by_another_build_is_not_trimmed() {
        let folder = tempfile::tempdir().unwrap();
        let (one, _other) = (store(folder.path()), store(folder.path()));
        one.trim().unwrap();
        assert!(flock(one.lock.as_ref().unwrap(), FlockOperation::NonBlockingLockExclusive).is_err());
    }
}
