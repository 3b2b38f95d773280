//! Units by content: on disk, so that memory does not grow with the payload, and shared between formats, sites and builds.

use super::codec::{Codec, Segment};
use super::digest::LastDigest;
use super::nature::Nature;
use super::source::{release, with_whole, Bytes, Source};
use crate::error::{Error, IoContext, Result};
use crate::workdir::WorkDir;
use rustix::fs::{flock, FlockOperation};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// The first bytes of a unit's file; its digit changes with the layout.
const MAGIC: &[u8; 8] = b"LPUNIT2\n";
/// Magic, plain length, CRC-32, unpadded length, BLAKE3 of the packed bytes, BLAKE3 of all that.
const HEAD_LEN: usize = 8 + 8 + 4 + 8 + 32 + 32;
/// What a cache may hold after a build, in bytes; the least recently used units go first.
const CACHE_LIMIT: u64 = 4 << 30;
/// What names of unfinished units begin with.
const PARTIAL: &str = ".unit-";
/// A source up to this many bytes is read once, into memory.
const IN_MEMORY: u64 = 4 << 20;
/// How much of a unit is copied at once: it stays in the processor's cache while it is digested.
const BLOCK: usize = 128 << 10;

thread_local! {
    /// A thread's buffer for packed bytes: a new one for each unit would cost its pages every time.
    static PACKED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

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
    pub(super) last_digest: LastDigest,
    _temporary: Option<WorkDir>,
    /// The packed bytes of a store that keeps nothing on disk.
    memory: Option<Mutex<HashMap<Key, Vec<u8>>>>,
}

/// What a unit is found by: a digest of its content or of what it is made from, and of how it is compressed.
pub(super) type Key = [u8; 32];

/// What something is kept by that is no stream's unit ([`Store::keep_made`]).
pub struct MadeKey(Key);

/// The codec that stands for such things: its units are plain bytes.
const BYTES: Codec = Codec::Gzip;

/// A piece of content that the [`Store`] holds in compressed form.
#[derive(Debug, Clone)]
pub struct Unit {
    pub(super) key: Key,
    pub(super) codec: Codec,
    pub(super) segment: Segment,
}

impl Unit {
    /// Bytes before compression.
    pub fn plain_len(&self) -> u64 {
        self.segment.plain_len
    }

    /// Bytes in a stream.
    pub(super) fn packed_len(&self) -> u64 {
        self.codec.packed_len(&self.segment)
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
                Ok(Arc::new(Store { lock: Some(lock), ..Store::at(folder, pool) }))
            }
            CacheChoice::Temporary(parent) => {
                let temporary = WorkDir::new(&parent).or_cannot("create a folder for compressed units in", &parent)?;
                let folder = temporary.path().to_path_buf();
                Ok(Arc::new(Store { _temporary: Some(temporary), ..Store::at(folder, pool) }))
            }
        }
    }

    /// A store in memory, for one package of kilobytes: ten thousand of them leave nothing in the cache.
    pub fn in_memory(pool: Arc<rayon::ThreadPool>) -> Arc<Store> {
        Arc::new(Store { memory: Some(Mutex::default()), ..Store::at(PathBuf::new(), pool) })
    }

    fn at(folder: PathBuf, pool: Arc<rayon::ThreadPool>) -> Store {
        Store { folder, pool, lock: None, last_digest: LastDigest::default(), _temporary: None, memory: None }
    }

    /// The workers that compress.
    pub fn pool(&self) -> Arc<rayon::ThreadPool> {
        self.pool.clone()
    }

    /// Gives the workers' buffers back, once no more large units follow: what comes then needs the memory.
    pub fn release_buffers(&self) {
        self.pool.broadcast(|_| {
            PACKED.take();
            release();
        });
    }

    /// Makes sure that the store holds `plain` compressed by `codec`: compresses it unless an intact unit is there already.
    ///
    /// # Errors
    /// The source's; the store is full; the source changed between two readings.
    pub fn put(&self, codec: Codec, nature: Nature, plain: &dyn Source) -> Result<Unit> {
        // What fits into memory is not read three times.
        if plain.len() <= IN_MEMORY {
            return with_whole(plain, |plain| self.put_source(codec, nature, &Bytes(plain)));
        }
        self.put_source(codec, nature, plain)
    }

    fn put_source(&self, codec: Codec, nature: Nature, plain: &dyn Source) -> Result<Unit> {
        let key = content_key(codec, nature, plain)?;
        self.provide(codec, key, |packed| codec.compress(nature, plain, packed))
    }

    /// The unit of this key: what the store has, where it is intact, else what `make` puts into an empty buffer.
    pub(super) fn provide(&self, codec: Codec, key: Key, make: impl FnOnce(&mut Vec<u8>) -> Result<Segment>) -> Result<Unit> {
        if let Some(memory) = &self.memory {
            let mut packed = Vec::new();
            let segment = make(&mut packed)?;
            memory.lock().unwrap_or_else(PoisonError::into_inner).insert(key, packed);
            return Ok(Unit { key, codec, segment });
        }
        if let Some(unit) = self.find(codec, key) {
            return Ok(unit);
        }
        PACKED.with_borrow_mut(|packed| {
            packed.clear();
            packed.shrink_to(IN_MEMORY as usize);
            let segment = make(packed)?;
            self.save(codec, key, &mut |out| out.write_all(packed).map(|()| segment))
        })
    }

    /// What was made of `from` by the `recipe` before, else the key to keep it under.
    ///
    /// # Errors
    /// The store was changed by someone else.
    pub fn find_made(&self, recipe: &str, from: &[&[u8]]) -> Result<std::result::Result<Vec<u8>, MadeKey>> {
        let mut digest = key_digest(BYTES, b"made");
        for part in std::iter::once(&recipe.as_bytes()).chain(from) {
            digest.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        let key = digest.finalize().into();
        let Some(unit) = self.find(BYTES, key) else { return Ok(Err(MadeKey(key))) };
        let mut bytes = Vec::with_capacity(unit.packed_len() as usize);
        self.read(&unit, &mut |block| {
            bytes.extend_from_slice(block);
            Ok(())
        })?;
        Ok(Ok(bytes))
    }

    /// Keeps what was made.
    ///
    /// # Errors
    /// The store is full.
    pub fn keep_made(&self, key: MadeKey, bytes: &[u8]) -> Result<()> {
        let segment = Segment { plain_len: bytes.len() as u64, crc32: 0, unpadded_len: bytes.len() as u64 };
        self.save(BYTES, key.0, &mut |out| out.write_all(bytes).map(|()| segment)).map(|_| ())
    }

    /// The unit of this key where the store has it intact. Every byte is checked: what follows packs it unread.
    pub(super) fn find(&self, codec: Codec, key: Key) -> Option<Unit> {
        let mut file = File::open(self.path(&key)).ok()?;
        let (segment, digest) = read_head(&mut file)?;
        let unit = Unit { key, codec, segment };
        let mut hasher = blake3::Hasher::new();
        let mut left = unit.packed_len();
        let mut block = vec![0; left.min(BLOCK as u64) as usize];
        while left > 0 {
            let now = left.min(BLOCK as u64) as usize;
            file.read_exact(&mut block[..now]).ok()?;
            hasher.update(&block[..now]);
            left -= now as u64;
        }
        let whole = hasher.finalize() == digest && matches!(file.read(&mut [0]), Ok(0));
        // Best effort: it only tells the trimming that the unit is in use.
        let _ = file.set_modified(SystemTime::now());
        whole.then_some(unit)
    }

    /// Gives a unit's compressed bytes to `each`, in blocks.
    ///
    /// # Errors
    /// The unit's file is gone or of another length: someone else changed the cache during the build. What `each` returns.
    pub(super) fn read(&self, unit: &Unit, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if let Some(memory) = &self.memory {
            let packed = memory.lock().unwrap_or_else(PoisonError::into_inner);
            return packed.get(&unit.key).map_or(Ok(()), |packed| each(packed));
        }
        let path = self.path(&unit.key);
        let damaged = |_| {
            Error::new(format!("the compressed unit {} was damaged during the build", path.display()))
                .help("build again, or with --no-cache")
        };
        let mut file = File::open(&path).or_cannot("read a compressed unit", &path)?;
        file.seek(SeekFrom::Start(HEAD_LEN as u64)).or_cannot("read a compressed unit", &path)?;
        let mut left = unit.packed_len();
        let mut block = vec![0; left.min(BLOCK as u64) as usize];
        while left > 0 {
            let now = left.min(BLOCK as u64) as usize;
            file.read_exact(&mut block[..now]).map_err(damaged)?;
            each(&block[..now])?;
            left -= now as u64;
        }
        Ok(())
    }

    /// Keeps what `write` writes under a key, and what it says of it.
    pub(super) fn save(
        &self,
        codec: Codec,
        key: Key,
        write: &mut dyn FnMut(&mut dyn Write) -> std::io::Result<Segment>,
    ) -> Result<Unit> {
        let path = self.path(&key);
        let folder = path.parent().unwrap_or(&self.folder);
        let full = |error: std::io::Error| {
            Error::io("write a compressed unit to", folder, &error)
                .help("free some space, or choose another folder with --cache DIR")
        };
        let mut temporary = tempfile::Builder::new();
        temporary.prefix(PARTIAL);
        let file = temporary.tempfile_in(folder).or_else(|_| {
            fs::create_dir_all(folder)?;
            temporary.tempfile_in(folder)
        });
        let mut file = file.map_err(full)?;
        let segment = {
            let mut out = Digesting { out: BufWriter::with_capacity(BLOCK, file.as_file_mut()), digest: blake3::Hasher::new() };
            out.out.write_all(&[0; HEAD_LEN]).map_err(full)?;
            let segment = write(&mut out).map_err(full)?;
            let Digesting { mut out, digest } = out;
            out.rewind()
                .and_then(|()| out.write_all(&head(&segment, &digest.finalize())))
                .and_then(|()| out.flush())
                .map_err(full)?;
            segment
        };
        file.persist(&path).map_err(|error| full(error.error))?;
        Ok(Unit { key, codec, segment })
    }

    fn path(&self, key: &Key) -> PathBuf {
        let name = hex::encode(key);
        self.folder.join(&name[..1]).join(&name[1..])
    }

    /// Removes what killed builds left unfinished and the least recently used units beyond the cache's limit, unless another build is
    /// using the cache now.
    pub fn trim(&self) -> Result<()> {
        match &self.lock {
            Some(lock) if flock(lock, FlockOperation::NonBlockingLockExclusive).is_ok() => trim_to(&self.folder, CACHE_LIMIT),
            _ => Ok(()),
        }
    }
}

fn content_key(codec: Codec, nature: Nature, plain: &dyn Source) -> Result<Key> {
    let mut digest = key_digest(codec, b"content");
    digest.update(&[nature as u8]);
    plain.read(0, plain.len(), &mut |block| {
        digest.update(block);
        Ok(())
    })?;
    Ok(digest.finalize().into())
}

/// Begins the digest of a key; `kind` keeps keys of different sorts apart.
pub(super) fn key_digest(codec: Codec, kind: &[u8]) -> blake3::Hasher {
    let mut digest = blake3::Hasher::new();
    for part in [codec.recipe(), kind] {
        digest.update(&[part.len() as u8]).update(part);
    }
    digest
}

struct Digesting<W> {
    out: W,
    digest: blake3::Hasher,
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.digest.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

fn head(segment: &Segment, digest: &blake3::Hash) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&segment.plain_len.to_le_bytes());
    head.extend_from_slice(&segment.crc32.to_le_bytes());
    head.extend_from_slice(&segment.unpadded_len.to_le_bytes());
    head.extend_from_slice(digest.as_bytes());
    let seal = blake3::hash(&head);
    head.extend_from_slice(seal.as_bytes());
    head
}

/// What a unit's file says of it, where its head is intact.
fn read_head(file: &mut File) -> Option<(Segment, blake3::Hash)> {
    let mut bytes = [0; HEAD_LEN];
    file.read_exact(&mut bytes).ok()?;
    let (said, seal) = bytes.split_at(HEAD_LEN - 32);
    if !said.starts_with(MAGIC) || blake3::hash(said) != blake3::Hash::from_slice(seal).ok()? {
        return None;
    }
    let number = |at: usize| Some(u64::from_le_bytes(said[at..at + 8].try_into().ok()?));
    let crc32 = u32::from_le_bytes(said[16..20].try_into().ok()?);
    let segment = Segment { plain_len: number(8)?, crc32, unpadded_len: number(20)? };
    Some((segment, blake3::Hash::from_slice(&said[28..]).ok()?))
}

fn trim_to(folder: &Path, limit: u64) -> Result<()> {
    let mut units = Vec::new();
    for shelf in fs::read_dir(folder).or_cannot("read the cache", folder)?.flatten() {
        let Ok(files) = fs::read_dir(shelf.path()) else { continue };
        for file in files.flatten() {
            if file.file_name().as_encoded_bytes().starts_with(PARTIAL.as_bytes()) {
                let _ = fs::remove_file(file.path());
            } else if let Ok(meta) = file.metadata() {
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

    fn put(store: &Store, plain: &[u8]) -> Unit {
        store.put(Codec::Gzip, Nature::General, &Bytes(plain)).unwrap()
    }

    fn bytes(store: &Store, unit: &Unit) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut collect = |block: &[u8]| {
            bytes.extend_from_slice(block);
            Ok(())
        };
        store.read(unit, &mut collect).map(|()| bytes)
    }

    #[test]
    fn a_damaged_unit_is_compressed_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let plain: Vec<u8> = (0..100_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let unit = put(&store, &plain);
        let good = bytes(&store, &unit).unwrap();
        let path = store.path(&unit.key);
        let file = fs::read(&path).unwrap();
        type Damage = fn(&mut Vec<u8>);
        let damages: [Damage; 6] = [
            |file| file[HEAD_LEN + 3] ^= 1,
            |file| *file.last_mut().unwrap() ^= 1,
            |file| file[10] ^= 1,
            |file| file.truncate(HEAD_LEN - 1),
            |file| file.truncate(file.len() - 1),
            |file| file.push(0),
        ];
        for damage in damages {
            let mut damaged = file.clone();
            damage(&mut damaged);
            fs::write(&path, damaged).unwrap();
            assert!(store.find(Codec::Gzip, unit.key).is_none());
            assert_eq!(bytes(&store, &put(&store, &plain)).unwrap(), good);
        }
    }

    #[test]
    fn what_was_made_is_found_by_its_recipe_and_by_what_it_was_made_of() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let Err(key) = store.find_made("one", &[b"a", b"bc"]).unwrap() else { panic!("found before it was made") };
        store.keep_made(key, b"x").unwrap();
        assert!(matches!(store.find_made("one", &[b"a", b"bc"]).unwrap(), Ok(bytes) if bytes == b"x"));
        for (recipe, from) in [("two", [&b"a"[..], b"bc"]), ("one", [b"ab", b"c"]), ("one", [b"", b"abc"])] {
            assert!(store.find_made(recipe, &from).unwrap().is_err());
        }
    }

    #[test]
    fn a_unit_that_is_gone_is_an_error_and_not_a_hole() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let unit = put(&store, &[7; 100_000]);
        fs::write(store.path(&unit.key), "").unwrap();
        assert!(bytes(&store, &unit).is_err());
        fs::remove_file(store.path(&unit.key)).unwrap();
        assert!(bytes(&store, &unit).is_err());
    }

    #[test]
    fn codec_and_nature_are_part_of_what_a_unit_is_found_by() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let mut keys = std::collections::HashSet::new();
        for codec in [Codec::Gzip, Codec::Zstd, Codec::Xz] {
            for nature in [Nature::General, Nature::X86] {
                assert!(keys.insert(store.put(codec, nature, &Bytes(b"content")).unwrap().key));
            }
        }
    }

    #[test]
    fn trimming_removes_the_least_recently_used_units_first() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let (old, new) = (put(&store, b"old"), put(&store, b"new"));
        File::open(store.path(&old.key)).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        trim_to(folder.path(), fs::metadata(store.path(&new.key)).unwrap().len()).unwrap();
        assert!(bytes(&store, &old).is_err());
        assert!(bytes(&store, &new).is_ok());
    }

    #[test]
    fn a_cache_in_use_by_another_build_is_not_trimmed() {
        let folder = tempfile::tempdir().unwrap();
        let (one, _other) = (store(folder.path()), store(folder.path()));
        one.trim().unwrap();
        assert!(flock(one.lock.as_ref().unwrap(), FlockOperation::NonBlockingLockExclusive).is_err());
    }
}
