//! Units by content: on disk, so that memory does not grow with the payload, and shared between formats, sites and builds.

use super::claim::{self, Claim, Claims};
use super::codec::{Codec, Segment};
use super::digest::LastDigest;
use super::nature::Nature;
use super::seal::{CacheKey, Seal};
use super::source::{part, release, with_whole, Bytes, Source};
use super::unit_file::{head, open_plain, read_head, HEAD_LEN};
use super::{again, guard, prune};
use crate::error::{Error, IoContext, Result};
use crate::workdir::WorkDir;
use rustix::fs::{flock, FlockOperation};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// What a cache may hold after a build when nothing else was said, in bytes; the least recently used units go first.
pub const CACHE_LIMIT: u64 = 4 << 30;
/// What names of unfinished units begin with.
pub(super) const PARTIAL: &str = ".unit-";
/// How old the time of a unit's last use may become before it is written again.
const REFRESH: Duration = Duration::from_secs(600);
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
}

impl From<CacheChoice> for Cache {
    fn from(choice: CacheChoice) -> Cache {
        Cache { choice, key: None, read_only: false, limit: CACHE_LIMIT, check: false }
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
}

/// Keeps compressed units by content, codec and level. Safe for several builds at once, and for builds that were killed.
#[derive(Debug)]
pub struct Store {
    /// Where units are written.
    folder: PathBuf,
    /// Where others are found and nothing is written.
    also: Option<PathBuf>,
    pool: Arc<rayon::ThreadPool>,
    seal: Seal,
    /// Units of other accounts count only under a key.
    private: bool,
    check: bool,
    limit: u64,
    /// Shared while a build lasts, so that no other build trims what this one counts on.
    lock: Option<File>,
    claims: Option<Claims>,
    found: AtomicU64,
    compressed: AtomicU64,
    pub(super) last_digest: LastDigest,
    _temporary: Option<WorkDir>,
    /// The packed bytes of a store that keeps nothing on disk.
    memory: Option<Mutex<HashMap<Key, Vec<u8>>>>,
}

/// What a unit is found by: a digest of its content or of what it is made from, and of how it is compressed.
pub(super) type Key = [u8; 32];

/// What something is kept by that is no stream's unit ([`Store::keep_made`]).
pub struct MadeKey(Key, #[allow(dead_code, reason = "held until the thing is kept")] Option<Claim>);

/// The codec that stands for such things: its units are plain bytes.
const BYTES: Codec = Codec::Gzip;

/// A piece of content that the [`Store`] holds in compressed form.
#[derive(Debug, Clone)]
pub struct Unit {
    pub(super) key: Key,
    pub(super) codec: Codec,
    pub(super) segment: Segment,
    /// BLAKE3 of the packed bytes.
    digest: blake3::Hash,
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
    /// The folder cannot be made or locked, or others can write to it and there is no key.
    pub fn open(cache: impl Into<Cache>, threads: usize) -> Result<Arc<Store>> {
        let cache: Cache = cache.into();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .build()
            .map_err(|error| Error::new(format!("cannot start {threads} worker threads: {error}")))?;
        let private = cache.key.is_none();
        let mut store = Store {
            seal: cache.key.clone().map_or(Seal::Digest, Seal::Keyed),
            private,
            check: cache.check,
            limit: cache.limit,
            ..Store::of(Arc::new(pool))
        };
        let temporary = match &cache.choice {
            CacheChoice::Folder(folder) => {
                match cache.read_only {
                    true => fs::read_dir(folder).map(drop).or_cannot("read the cache", folder),
                    false => make_folder(folder, private).or_cannot("create the cache", folder),
                }
                .map_err(elsewhere)?;
                if private {
                    guard::check(folder)?;
                }
                store.lock = lock(folder, cache.read_only)?;
                match cache.read_only {
                    true => store.also = Some(folder.clone()),
                    false => (store.folder, store.claims) = (folder.clone(), Some(Claims::new())),
                }
                cache.read_only.then(|| cache.work_folder())
            }
            CacheChoice::Temporary(parent) => Some(parent.clone()),
        };
        if let Some(parent) = temporary {
            let made = WorkDir::new(&parent).or_cannot("create a folder for compressed units in", &parent)?;
            store.folder = made.path().to_path_buf();
            store._temporary = Some(made);
        }
        Ok(Arc::new(store))
    }

    /// How much was found and how much compressed so far.
    pub fn used(&self) -> CacheUse {
        CacheUse { found: self.found.load(Ordering::Relaxed), compressed: self.compressed.load(Ordering::Relaxed) }
    }

    /// A store in memory, for one package of kilobytes: ten thousand of them leave nothing in the cache.
    pub fn in_memory(pool: Arc<rayon::ThreadPool>) -> Arc<Store> {
        Arc::new(Store { memory: Some(Mutex::default()), ..Store::of(pool) })
    }

    /// One that has no place yet.
    fn of(pool: Arc<rayon::ThreadPool>) -> Store {
        Store {
            folder: PathBuf::new(),
            also: None,
            pool,
            seal: Seal::Digest,
            private: true,
            check: false,
            limit: CACHE_LIMIT,
            lock: None,
            claims: None,
            found: AtomicU64::new(0),
            compressed: AtomicU64::new(0),
            last_digest: LastDigest::default(),
            _temporary: None,
            memory: None,
        }
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
        self.provide(codec, key, self.check.then_some(plain), |packed| codec.compress(nature, plain, packed))
    }

    /// Whether what is found is compared with the content: whoever asks for it then has to have that.
    pub(super) fn checks(&self) -> bool {
        self.check
    }

    /// The unit of this key: what the store has, where it is intact and of this content, else what `make` puts into an empty buffer.
    pub(super) fn provide(
        &self,
        codec: Codec,
        key: Key,
        plain: Option<&dyn Source>,
        make: impl FnOnce(&mut Vec<u8>) -> Result<Segment>,
    ) -> Result<Unit> {
        if let Some(memory) = &self.memory {
            let mut packed = Vec::new();
            let segment = make(&mut packed)?;
            let digest = blake3::hash(&packed);
            memory.lock().unwrap_or_else(PoisonError::into_inner).insert(key, packed);
            return Ok(Unit { key, codec, segment, digest });
        }
        let found = || self.find(codec, key).filter(|unit| plain.is_none_or(|plain| self.holds(unit, plain)));
        if let Some(unit) = found() {
            return Ok(self.count_found(unit));
        }
        let claim = self.claim(&key)?;
        // Whoever had the claim before may have kept the unit.
        if let Some(unit) = claim.as_ref().and_then(|_| found()) {
            return Ok(self.count_found(unit));
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
        let mut claim = None;
        let mut unit = self.find(BYTES, key);
        if unit.is_none() {
            claim = self.claim(&key)?;
            unit = claim.as_ref().and_then(|_| self.find(BYTES, key));
        }
        let Some(unit) = unit.map(|unit| self.count_found(unit)) else { return Ok(Err(MadeKey(key, claim))) };
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

    fn count_found(&self, unit: Unit) -> Unit {
        self.found.fetch_add(1, Ordering::Relaxed);
        unit
    }

    /// The right to compress a unit, once nobody else has it; `None` where nobody is asked.
    fn claim(&self, key: &Key) -> Result<Option<Claim>> {
        let Some(claims) = &self.claims else { return Ok(None) };
        let path = self.path(key);
        let (shelf, name) = (path.parent().unwrap_or(&self.folder), path.file_name().unwrap_or_default());
        let claim = shelf.join(format!("{}{}", claim::PREFIX, name.to_string_lossy()));
        claims.wait(&claim, &|| self.make_shelf(shelf))
    }

    /// The unit of this key where the store has it intact. Every byte is checked: what follows packs it unread.
    pub(super) fn find(&self, codec: Codec, key: Key) -> Option<Unit> {
        let (mut file, meta) = self.open_unit(&key).ok()?;
        if self.private && !guard::is_own(&meta) {
            return None;
        }
        let (segment, digest) = read_head(&key, &mut file, &self.seal)?;
        let unit = Unit { key, codec, segment, digest };
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
        if self.also.is_none() && meta.modified().is_ok_and(|used| used.elapsed().is_ok_and(|age| age > REFRESH)) {
            // Best effort: it only tells the trimming that the unit is in use.
            let _ = file.set_modified(SystemTime::now());
        }
        whole.then_some(unit)
    }

    fn open_unit(&self, key: &Key) -> std::io::Result<(File, Metadata)> {
        let path = self.path(key);
        match (open_plain(&path), &self.also) {
            (Err(error), Some(also)) if error.kind() == ErrorKind::NotFound => open_plain(&path_in(also, key)),
            (opened, _) => opened,
        }
    }

    /// Whether a unit unpacks to this content.
    fn holds(&self, unit: &Unit, plain: &dyn Source) -> bool {
        let mut packed = Vec::with_capacity(unit.packed_len() as usize);
        let read = self.read(unit, &mut |block| {
            packed.extend_from_slice(block);
            Ok(())
        });
        let unpacked = read.and_then(|()| again::unpack_unit(unit.codec, &packed));
        let same = |unpacked: Vec<u8>| Ok(unpacked == part(plain, 0, plain.len())?);
        unit.plain_len() == plain.len() && unpacked.and_then(same).unwrap_or(false)
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
        let damaged = || {
            Error::new(format!("the compressed unit {} was changed during the build", path.display()))
                .help("build again, or with --no-cache")
        };
        let (mut file, _) = self.open_unit(&unit.key).or_cannot("read a compressed unit", &path)?;
        // Where others can write, it may have been exchanged since it was found.
        let mut digest = self.seal.is_keyed().then(blake3::Hasher::new);
        file.seek(SeekFrom::Start(HEAD_LEN as u64)).or_cannot("read a compressed unit", &path)?;
        let mut left = unit.packed_len();
        let mut block = vec![0; left.min(BLOCK as u64) as usize];
        while left > 0 {
            let now = left.min(BLOCK as u64) as usize;
            file.read_exact(&mut block[..now]).map_err(|_| damaged())?;
            if let Some(digest) = &mut digest {
                digest.update(&block[..now]);
            }
            each(&block[..now])?;
            left -= now as u64;
        }
        match digest.is_none_or(|digest| digest.finalize() == unit.digest) {
            true => Ok(()),
            false => Err(damaged()),
        }
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
        // Other builders have to be able to read what a shared cache holds; the umask still applies.
        let mode = if self.private { 0o600 } else { 0o644 };
        temporary.prefix(PARTIAL).permissions(fs::Permissions::from_mode(mode));
        let file = temporary.tempfile_in(folder).or_else(|_| {
            self.make_shelf(folder)?;
            temporary.tempfile_in(folder)
        });
        let mut file = file.map_err(full)?;
        let (segment, digest) = {
            let mut out = Digesting { out: BufWriter::with_capacity(BLOCK, file.as_file_mut()), digest: blake3::Hasher::new() };
            out.out.write_all(&[0; HEAD_LEN]).map_err(full)?;
            let segment = write(&mut out).map_err(full)?;
            let Digesting { mut out, digest } = out;
            let digest = digest.finalize();
            out.rewind()
                .and_then(|()| out.write_all(&head(&key, &segment, &digest, &self.seal)))
                .and_then(|()| out.flush())
                .map_err(full)?;
            (segment, digest)
        };
        file.persist(&path).map_err(|error| full(error.error))?;
        self.compressed.fetch_add(1, Ordering::Relaxed);
        Ok(Unit { key, codec, segment, digest })
    }

    fn path(&self, key: &Key) -> PathBuf {
        path_in(&self.folder, key)
    }

    /// Makes a folder for units, in a shared cache with the rights of the folder above.
    fn make_shelf(&self, shelf: &Path) -> std::io::Result<()> {
        make_folder(shelf, self.private)?;
        if !self.private {
            let mode = fs::metadata(&self.folder)?.mode() & 0o7777;
            // Another builder's shelf has its own rights already.
            let _ = fs::set_permissions(shelf, fs::Permissions::from_mode(mode));
        }
        Ok(())
    }

    /// Removes what killed builds left unfinished and the least recently used units beyond the cache's limit, unless another build is
    /// using the cache now.
    pub fn trim(&self) -> Result<()> {
        match &self.lock {
            Some(lock) if self.also.is_none() && flock(lock, FlockOperation::NonBlockingLockExclusive).is_ok() => {
                prune::trim(&self.folder, self.limit).map(drop)
            }
            _ => Ok(()),
        }
    }
}

fn path_in(folder: &Path, key: &Key) -> PathBuf {
    let name = hex::encode(key);
    folder.join(&name[..1]).join(&name[1..])
}

fn elsewhere(error: Error) -> Error {
    error.help("choose another folder with --cache DIR, or build with --no-cache")
}

/// A private cache is never made for a group to write, whatever the umask.
fn make_folder(folder: &Path, private: bool) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(if private { 0o755 } else { 0o777 }).create(folder)
}

/// Locks the cache for use; `None` where nothing can be locked: a folder that is only read, or a file system without locks.
pub(super) fn lock(folder: &Path, read_only: bool) -> Result<Option<File>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &Path) -> Arc<Store> {
        Store::open(CacheChoice::Folder(folder.to_path_buf()), 1).unwrap()
    }

    fn shared(folder: &Path, seed: u8) -> Arc<Store> {
        let key = Some(super::super::seal::tests::key(seed));
        Store::open(Cache { key, ..CacheChoice::Folder(folder.to_path_buf()).into() }, 2).unwrap()
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
    fn a_unit_without_the_right_seal_is_a_miss() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, other, none) = (shared(folder.path(), 1), shared(folder.path(), 2), store(folder.path()));
        let unit = put(&ours, b"one content");
        let swapped = put(&ours, b"another one");
        assert!(shared(folder.path(), 1).find(Codec::Gzip, unit.key).is_some());
        assert!(other.find(Codec::Gzip, unit.key).is_none() && none.find(Codec::Gzip, unit.key).is_none());
        // A good unit in another's place.
        let own = fs::read(ours.path(&unit.key)).unwrap();
        fs::copy(ours.path(&swapped.key), ours.path(&unit.key)).unwrap();
        assert!(ours.find(Codec::Gzip, unit.key).is_none());
        put(&none, b"one content");
        assert!(ours.find(Codec::Gzip, unit.key).is_none());
        put(&ours, b"one content");
        assert!(fs::read(ours.path(&unit.key)).unwrap() == own);
    }

    #[test]
    fn a_unit_that_is_exchanged_after_it_was_found_stops_the_build() {
        let folder = tempfile::tempdir().unwrap();
        let store = shared(folder.path(), 1);
        let unit = put(&store, &[7; 100_000]);
        let mut file = fs::read(store.path(&unit.key)).unwrap();
        *file.last_mut().unwrap() ^= 1;
        fs::write(store.path(&unit.key), file).unwrap();
        assert!(bytes(&store, &unit).unwrap_err().what().contains("was changed during the build"));
    }

    #[test]
    fn what_lies_under_a_units_name_and_is_no_file_is_a_miss() {
        let folder = tempfile::tempdir().unwrap();
        let store = shared(folder.path(), 1);
        let unit = put(&store, b"content");
        let path = store.path(&unit.key);
        let copy = folder.path().join("copy");
        fs::rename(&path, &copy).unwrap();
        std::os::unix::fs::symlink(&copy, &path).unwrap();
        assert!(store.find(Codec::Gzip, unit.key).is_none());
        fs::remove_file(&path).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::from_raw_mode(0o666)).unwrap();
        assert!(store.find(Codec::Gzip, unit.key).is_none());
        assert_eq!(bytes(&store, &put(&store, b"content")).unwrap().len() as u64, unit.packed_len());
    }

    #[test]
    fn a_checked_unit_of_other_content_is_compressed_again() {
        let folder = tempfile::tempdir().unwrap();
        let open = |check| {
            let cache = Cache { check, ..CacheChoice::Folder(folder.path().to_path_buf()).into() };
            Store::open(cache, 1).unwrap()
        };
        for codec in [Codec::Gzip, Codec::Zstd, Codec::Xz] {
            let plain: Vec<u8> = (0..200_000_u32).map(|i| (i / 100) as u8).collect();
            let put = |store: &Store, plain: &[u8]| store.put(codec, Nature::General, &Bytes(plain)).unwrap();
            let (first, other) = (open(false), [&plain[1..], &[9]].concat());
            let (right, wrong) = (put(&first, &plain), put(&first, &other));
            fs::copy(first.path(&wrong.key), first.path(&right.key)).unwrap();
            assert_eq!(put(&first, &plain).digest, wrong.digest, "{codec:?}: nothing is known without the check");
            let checking = open(true);
            assert_eq!(put(&checking, &plain).digest, right.digest, "{codec:?}");
            put(&checking, &plain);
            assert_eq!(checking.used(), CacheUse { found: 1, compressed: 1 }, "{codec:?}");
        }
    }

    #[test]
    fn a_cache_that_is_only_read_serves_and_is_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let first = store(folder.path());
        let unit = put(&first, b"there");
        let before = fs::read_dir(first.path(&unit.key).parent().unwrap()).unwrap().count();
        let cache = Cache { read_only: true, ..CacheChoice::Folder(folder.path().to_path_buf()).into() };
        let reading = Store::open(cache, 1).unwrap();
        put(&reading, b"there");
        let fresh = put(&reading, b"not there");
        assert_eq!(reading.used(), CacheUse { found: 1, compressed: 1 });
        assert!(!first.path(&fresh.key).exists() && bytes(&reading, &fresh).is_ok());
        assert_eq!(fs::read_dir(first.path(&unit.key).parent().unwrap()).unwrap().count(), before);
    }

    #[test]
    fn two_builders_that_start_cold_share_the_work() {
        let folder = tempfile::tempdir().unwrap();
        let stores = [shared(folder.path(), 1), shared(folder.path(), 1)];
        let contents: Vec<Vec<u8>> =
            (0..24_u32).map(|seed| super::super::nature::tests::noise(400_000 + seed as usize)).collect();
        std::thread::scope(|scope| {
            for store in &stores {
                scope.spawn(|| {
                    let mut queue = super::super::Ordered::new(store.pool());
                    for plain in contents.clone() {
                        let store = store.clone();
                        queue.submit(move || store.put(Codec::Xz, Nature::General, &Bytes(&plain))).unwrap();
                    }
                    while queue.oldest().unwrap().is_some() {}
                });
            }
        });
        let [one, two] = stores.map(|store| store.used());
        assert_eq!(one.compressed + two.compressed, 24, "{one:?} {two:?}");
    }

    #[test]
    fn a_thread_that_waits_for_anothers_unit_compresses_the_next_one_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let (other, waiting) =
            (shared(folder.path(), 1), Store::open(CacheChoice::Folder(folder.path().to_path_buf()), 1).unwrap());
        let key = content_key(Codec::Gzip, Nature::General, &Bytes(b"first")).unwrap();
        let claim = other.claim(&key).unwrap().unwrap();
        let mut queue = super::super::Ordered::new(waiting.pool());
        for plain in [b"first", b"other"] {
            let store = waiting.clone();
            queue.submit(move || store.put(Codec::Gzip, Nature::General, &Bytes(plain))).unwrap();
        }
        let begun = std::time::Instant::now();
        while waiting.used().compressed == 0 {
            assert!(begun.elapsed() < Duration::from_secs(20), "the second unit waits for the first");
            std::thread::sleep(Duration::from_millis(2));
        }
        drop(claim);
        while queue.oldest().unwrap().is_some() {}
        assert_eq!(waiting.used().compressed, 2);
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
        prune::trim(folder.path(), fs::metadata(store.path(&new.key)).unwrap().len()).unwrap();
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
