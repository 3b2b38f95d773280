//! Units by content: on disk, so that memory does not grow with the payload, and shared between formats, sites and builds.

use super::cache::{elsewhere, lock, make_folder, Cache, CacheChoice, CacheUse, CACHE_LIMIT, PARTIAL};
use super::claim::{self, Claim, Claims};
use super::codec::Codec;
use super::digest::LastDigest;
use super::nature::Nature;
use super::remote::{Behind, There};
use super::seal::Seal;
use super::segment::Segment;
use super::source::{part, release, with_whole, Bytes, Source};
use super::unit::{content_key, key_digest, path_in, Key, Unit};
use super::unit_file::{head, open_plain, read_head, HEAD_LEN};
use super::{again, guard, prune};
use base::error::{Error, IoContext, Result};
use base::workdir::WorkDir;
use rustix::fs::{flock, FlockOperation};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tempfile::NamedTempFile;

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
    /// Asked for what is not here.
    remote: Option<Behind>,
    /// The packed bytes of a store that keeps nothing on disk.
    memory: Option<Mutex<HashMap<Key, Vec<u8>>>>,
}

/// What something is kept by that is no stream's unit ([`Store::keep_made`]).
pub struct MadeKey(Gap);

/// A unit that is nowhere, and ours to make.
struct Gap {
    key: Key,
    there: There,
    /// Held until it is made.
    _claim: Option<Claim>,
}

/// Writes a unit's packed bytes, and says what it is of.
type UnitWriter<'a> = dyn FnMut(&mut dyn Write) -> std::io::Result<Segment> + 'a;

/// The codec that stands for such things: its units are plain bytes.
const BYTES: Codec = Codec::Gzip;

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
        if let Some(chosen) = &cache.remote {
            store.remote = Some(Behind::open(chosen, cache.key, cache.read_only)?);
        }
        if let Some(parent) = temporary {
            let made = WorkDir::new(&parent).or_cannot("create a folder for compressed units in", &parent)?;
            store.folder = made.path().to_path_buf();
            store._temporary = Some(made);
        }
        Ok(Arc::new(store))
    }

    /// How much was found and how much compressed so far.
    pub fn used(&self) -> CacheUse {
        CacheUse {
            found: self.found.load(Ordering::Relaxed),
            compressed: self.compressed.load(Ordering::Relaxed),
            fetched: self.remote.as_ref().map_or(0, Behind::fetched),
            sent: self.remote.as_ref().map_or(0, Behind::sent),
        }
    }

    /// Waits until the remote cache has what it lacked. What is to be said of a server that did not answer.
    ///
    /// # Errors
    /// The server refuses.
    pub fn settle(&self) -> Result<Option<String>> {
        self.remote.as_ref().map_or(Ok(None), Behind::settle)
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
            remote: None,
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
        let right = |unit: &Unit| plain.is_none_or(|plain| self.holds(unit, plain));
        let gap = match self.seek(codec, key, &right)? {
            Ok(unit) => return Ok(unit),
            Err(gap) => gap,
        };
        PACKED.with_borrow_mut(|packed| {
            packed.clear();
            packed.shrink_to(IN_MEMORY as usize);
            let segment = make(packed)?;
            self.fill(codec, gap, &mut |out| out.write_all(packed).map(|()| segment))
        })
    }

    /// The unit of this key: what the store has, or else what `write` writes, which may be too large for memory.
    pub(super) fn keep(&self, codec: Codec, key: Key, write: &mut UnitWriter) -> Result<Unit> {
        match self.seek(codec, key, &|_| true)? {
            Ok(unit) => Ok(unit),
            Err(gap) => self.fill(codec, gap, write),
        }
    }

    /// The unit of this key, here or from the remote cache, where it is intact and `right`; else the gap, which is then ours to fill.
    fn seek(&self, codec: Codec, key: Key, right: &dyn Fn(&Unit) -> bool) -> Result<Result<Unit, Gap>> {
        let found = || self.find(codec, key).filter(right).map(|unit| self.count_found(unit));
        if let Some(unit) = found() {
            return Ok(Ok(unit));
        }
        let claim = self.claim(&key)?;
        // Whoever had the claim before may have kept the unit.
        if let Some(unit) = claim.as_ref().and_then(|_| found()) {
            return Ok(Ok(unit));
        }
        let there = match self.fetch(codec, key)? {
            Ok(unit) if right(&unit) => return Ok(Ok(self.count_found(unit))),
            Ok(_) => There::Wrong,
            Err(there) => there,
        };
        Ok(Err(Gap { key, there, _claim: claim }))
    }

    /// Keeps what `write` writes, here and in the remote cache.
    fn fill(&self, codec: Codec, gap: Gap, write: &mut UnitWriter) -> Result<Unit> {
        let unit = self.save(codec, gap.key, write)?;
        self.offer(&gap.key, gap.there);
        Ok(unit)
    }

    /// Lets the remote cache have a unit.
    fn offer(&self, key: &Key, there: There) {
        if let Some(remote) = &self.remote {
            remote.offer(key, self.path(key), there);
        }
    }

    /// The unit of this key from the remote cache, kept here from now on.
    fn fetch(&self, codec: Codec, key: Key) -> Result<Result<Unit, There>> {
        let Some(remote) = &self.remote else { return Ok(Err(There::Missing)) };
        let path = self.path(&key);
        let folder = path.parent().unwrap_or(&self.folder);
        let full = |error: std::io::Error| full(folder, &error);
        let mut file = self.partial(folder).map_err(full)?;
        let fetched = remote.fetch(codec, &key, &self.seal, file.as_file_mut(), full)?;
        if fetched.is_ok() {
            file.persist(&path).map_err(|error| full(error.error))?;
        }
        Ok(fetched)
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
        let unit = match self.seek(BYTES, key, &|_| true)? {
            Ok(unit) => unit,
            Err(gap) => return Ok(Err(MadeKey(gap))),
        };
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
        self.fill(BYTES, key.0, &mut |out| out.write_all(bytes).map(|()| segment)).map(drop)
    }

    fn count_found(&self, unit: Unit) -> Unit {
        self.found.fetch_add(1, Ordering::Relaxed);
        self.offer(&unit.key, There::Unknown);
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
    fn save(&self, codec: Codec, key: Key, write: &mut UnitWriter) -> Result<Unit> {
        let path = self.path(&key);
        let folder = path.parent().unwrap_or(&self.folder);
        let full = |error: std::io::Error| full(folder, &error);
        let mut file = self.partial(folder).map_err(full)?;
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

    /// A file for a unit that is not whole yet.
    fn partial(&self, shelf: &Path) -> std::io::Result<NamedTempFile> {
        let mut temporary = tempfile::Builder::new();
        // Other builders have to be able to read what a shared cache holds; the umask still applies.
        let mode = if self.private { 0o600 } else { 0o644 };
        temporary.prefix(PARTIAL).permissions(fs::Permissions::from_mode(mode));
        temporary.tempfile_in(shelf).or_else(|_| {
            self.make_shelf(shelf)?;
            temporary.tempfile_in(shelf)
        })
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

fn full(folder: &Path, error: &std::io::Error) -> Error {
    Error::io("write a compressed unit to", folder, error).help("free some space, or choose another folder with --cache DIR")
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
mod tests;
