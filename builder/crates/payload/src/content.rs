//! The bytes of one file, wherever they lie, with a guard against change while they are read.

use super::tree::TreePath;
use base::error::{Error, IoContext, Result};
use rustix::fs::{Advice, OFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::num::NonZeroU64;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The bytes of one file: in memory (made by linkpack), or a range of a file on disk (a payload, or an unpacked archive's spool).
#[derive(Debug, Clone)]
pub struct Content {
    len: u64,
    /// Small itself, and shared by all copies: a payload can have a hundred thousand.
    place: Arc<Place>,
}

#[derive(Debug)]
enum Place {
    Memory(Arc<[u8]>),
    Range { file: FileName, offset: u64, stamp: Option<Stamp> },
    Joined(Box<[Content]>),
}

/// A file's path.
#[derive(Debug, Clone)]
enum FileName {
    Whole(Arc<Path>),
    In {
        folder: Arc<Folder>,
        name: Box<OsStr>,
    },
    /// The path ends as the file's path in the tree, whose bytes it shares.
    Below {
        top: Arc<PathBuf>,
        rest: TreePath,
    },
}

impl FileName {
    fn path(&self) -> PathBuf {
        match self {
            FileName::Whole(path) => path.to_path_buf(),
            FileName::In { folder, name } => folder.path().join(&**name),
            FileName::Below { top, rest } => top.join(OsStr::from_bytes(rest.as_bytes())),
        }
    }
}

/// A folder's path, as its name in another folder: a hundred thousand files share those of their folders, and these what is above them.
#[derive(Debug)]
pub(super) struct Folder {
    above: Option<Arc<Folder>>,
    name: Box<OsStr>,
}

impl Folder {
    pub(super) fn new(path: &Path) -> Arc<Folder> {
        Arc::new(Folder { above: None, name: path.as_os_str().into() })
    }

    pub(super) fn inside(self: &Arc<Self>, name: &OsStr) -> Arc<Folder> {
        Arc::new(Folder { above: Some(self.clone()), name: name.into() })
    }

    pub(super) fn path(&self) -> PathBuf {
        match &self.above {
            Some(above) => above.path().join(&*self.name),
            None => PathBuf::from(&*self.name),
        }
    }
}

/// What must not change between the scan of a file and the end of its reading: its device, inode, size and time, as one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp(NonZeroU64);

impl Stamp {
    pub(super) fn of(meta: &std::fs::Metadata) -> Self {
        // Without a key, so that two stamps of one file are equal; two files of one number do no harm.
        let mut hasher = std::hash::DefaultHasher::new();
        (meta.dev(), meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()).hash(&mut hasher);
        Stamp(NonZeroU64::new(hasher.finish()).unwrap_or(NonZeroU64::MIN))
    }

    /// # Errors
    /// The open file is no longer the one that was stamped.
    pub(super) fn check(&self, handle: &File, path: &Path) -> Result<()> {
        if Stamp::of(&handle.metadata().or_cannot("read", path)?) != *self {
            return Err(changed(path));
        }
        Ok(())
    }
}

/// The error for input that something wrote to during the build.
pub(super) fn changed(path: &Path) -> Error {
    Error::new(format!("{} changed while it was packaged", path.display()))
        .help("build from a folder that nothing writes to, for instance a copy or a snapshot")
}

impl Content {
    /// Bytes that linkpack itself made.
    pub fn memory(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Content { len: bytes.len() as u64, place: Arc::new(Place::Memory(bytes)) }
    }

    /// A whole file as it was when `meta` was taken; reading it fails when it has changed since.
    pub fn file(path: &Path, meta: &std::fs::Metadata) -> Self {
        Content::scanned(FileName::Whole(path.into()), meta)
    }

    /// The file of a folder, in the same way.
    pub(super) fn in_folder(folder: &Arc<Folder>, name: OsString, meta: &std::fs::Metadata) -> Self {
        Content::scanned(FileName::In { folder: folder.clone(), name: name.into_boxed_os_str() }, meta)
    }

    fn scanned(file: FileName, meta: &std::fs::Metadata) -> Self {
        let place = Place::Range { file, offset: 0, stamp: Some(Stamp::of(meta)) };
        Content { len: meta.size(), place: Arc::new(place) }
    }

    /// Has the file's path share the bytes of `rest`, where it ends with them: a hundred thousand names and folders are then kept once.
    /// `top` is what was above the file before, and becomes what is above this one.
    pub(super) fn share_path(&mut self, rest: &TreePath, top: &mut Arc<PathBuf>) {
        let Some(Place::Range { file: file @ FileName::In { .. }, .. }) = Arc::get_mut(&mut self.place) else { return };
        let whole = file.path();
        let above = whole.as_os_str().as_bytes().strip_suffix(rest.as_bytes()).and_then(|above| above.strip_suffix(b"/"));
        let Some(above) = above.filter(|above| !above.is_empty()) else { return };
        if top.as_os_str().as_bytes() != above {
            *top = Arc::new(PathBuf::from(OsStr::from_bytes(above)));
        }
        *file = FileName::Below { top: top.clone(), rest: rest.clone() };
    }

    /// `len` bytes from `offset` of a spool file that belongs to this build alone.
    pub fn spooled(spool: Arc<Path>, offset: u64, len: u64) -> Self {
        Content { len, place: Arc::new(Place::Range { file: FileName::Whole(spool), offset, stamp: None }) }
    }

    /// Several contents one after another: a file of which some bytes are replaced.
    pub fn joined(pieces: Vec<Content>) -> Content {
        Content { len: pieces.iter().map(Content::len).sum(), place: Arc::new(Place::Joined(pieces.into())) }
    }

    /// `len` of the bytes, from `from` on, which must be there.
    pub fn part(&self, from: u64, len: u64) -> Content {
        assert!(from.checked_add(len).is_some_and(|end| end <= self.len), "a part lies within its whole");
        let place = match &*self.place {
            Place::Joined(pieces) => {
                let (mut at, mut within) = (0, Vec::new());
                for piece in pieces {
                    let (start, end) = (from.max(at), (from + len).min(at + piece.len));
                    if start < end {
                        within.push(piece.part(start - at, end - start));
                    }
                    at += piece.len;
                }
                return Content::joined(within);
            }
            Place::Memory(bytes) => Place::Memory(bytes[from as usize..(from + len) as usize].into()),
            Place::Range { file, offset, stamp } => Place::Range { file: file.clone(), offset: offset + from, stamp: *stamp },
        };
        Content { len, place: Arc::new(place) }
    }

    /// Whether the bytes are in memory, where they cannot change.
    pub fn is_in_memory(&self) -> bool {
        matches!(*self.place, Place::Memory(_))
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All bytes in memory, for contents known to be small.
    ///
    /// # Errors
    /// Those of [`Content::open`] and [`ContentReader::read_block`].
    pub fn bytes(&self) -> Result<Vec<u8>> {
        self.open()?.into_bytes()
    }

    /// Opens the bytes for one sequential reading.
    ///
    /// # Errors
    /// The file is gone, unreadable, or not the one that was scanned.
    pub fn open(&self) -> Result<ContentReader> {
        match &*self.place {
            Place::Memory(bytes) => Ok(ContentReader(Reader::Memory { bytes: bytes.clone(), at: 0 })),
            Place::Joined(pieces) => {
                let readers = pieces.iter().map(Content::open).collect::<Result<_>>()?;
                Ok(ContentReader(Reader::Joined { lens: pieces.iter().map(Content::len).collect(), readers, at: 0 }))
            }
            Place::Range { file, offset, stamp } => {
                let path = file.path();
                let mut handle = match stamp {
                    Some(stamp) => open_scanned(&path, stamp)?,
                    None => File::open(&path).or_cannot("read", &path)?,
                };
                if *offset > 0 {
                    handle.seek(SeekFrom::Start(*offset)).or_cannot("read", &path)?;
                }
                Ok(ContentReader(Reader::File { handle, path, start: *offset, len: self.len, left: self.len, stamp: *stamp }))
            }
        }
    }
}

/// Opens a scanned file: never through a link and never waiting for a pipe's writer, should one have taken its name since.
fn open_scanned(path: &Path, stamp: &Stamp) -> Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    match std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(handle) => {
            stamp.check(&handle, path)?;
            Ok(handle)
        }
        Err(error) if error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            Err(changed(path))
        }
        Err(error) => Err(Error::io("read", path, &error)),
    }
}

/// Reads the bytes of one [`Content`], in order.
pub struct ContentReader(Reader);

enum Reader {
    Memory { bytes: Arc<[u8]>, at: usize },
    File { handle: File, path: PathBuf, start: u64, len: u64, left: u64, stamp: Option<Stamp> },
    Joined { readers: Vec<ContentReader>, lens: Vec<u64>, at: u64 },
}

impl ContentReader {
    /// Has the system fetch the bytes meanwhile; they will be read soon.
    pub fn prefetch(&self) {
        match &self.0 {
            Reader::Memory { .. } => {}
            Reader::File { handle, start, len, .. } => {
                // Advice only: nothing is lost where the file system takes none.
                let _ = rustix::fs::fadvise(handle, *start, NonZeroU64::new(*len), Advice::WillNeed);
            }
            Reader::Joined { readers, .. } => readers.iter().for_each(ContentReader::prefetch),
        }
    }

    /// All bytes that are left, for contents known to be small.
    ///
    /// # Errors
    /// Those of [`ContentReader::read_block`].
    pub fn into_bytes(mut self) -> Result<Vec<u8>> {
        let left = match &self.0 {
            Reader::Memory { bytes, at } => bytes.len() - at,
            Reader::File { left, .. } => *left as usize,
            Reader::Joined { lens, at, .. } => (lens.iter().sum::<u64>() - at) as usize,
        };
        let mut bytes = vec![0; left];
        let mut filled = 0;
        while filled < bytes.len() {
            filled += self.read_block(&mut bytes[filled..])?;
        }
        Ok(bytes)
    }

    /// Leaves out `count` bytes, or as many as there are.
    ///
    /// # Errors
    /// The file cannot be positioned.
    pub fn skip(&mut self, count: u64) -> Result<()> {
        match &mut self.0 {
            Reader::Memory { bytes, at } => *at += count.min((bytes.len() - *at) as u64) as usize,
            Reader::File { handle, path, left, .. } => {
                let count = count.min(*left);
                handle.seek_relative(count as i64).or_cannot("read", path)?;
                *left -= count;
            }
            Reader::Joined { at, .. } => {
                let to = *at + count;
                return self.seek(to);
            }
        }
        Ok(())
    }

    /// Goes on from `at`, or from the end where there are fewer bytes.
    ///
    /// # Errors
    /// The file cannot be positioned.
    pub fn seek(&mut self, to: u64) -> Result<()> {
        match &mut self.0 {
            Reader::Memory { bytes, at } => *at = to.min(bytes.len() as u64) as usize,
            Reader::File { handle, path, start, len, left, .. } => {
                let to = to.min(*len);
                handle.seek(SeekFrom::Start(*start + to)).or_cannot("read", path)?;
                *left = *len - to;
            }
            Reader::Joined { readers, lens, at } => {
                let mut begin = 0;
                for (reader, len) in readers.iter_mut().zip(lens.iter()) {
                    reader.seek(to.saturating_sub(begin).min(*len))?;
                    begin += len;
                }
                *at = to.min(begin);
            }
        }
        Ok(())
    }

    /// Fills `buffer` as far as there are bytes left and says how many it read; 0 at the end.
    ///
    /// # Errors
    /// The read fails, or the file ended early or was changed since the scan.
    pub fn read_block(&mut self, buffer: &mut [u8]) -> Result<usize> {
        match &mut self.0 {
            Reader::Memory { bytes, at } => {
                let count = buffer.len().min(bytes.len() - *at);
                buffer[..count].copy_from_slice(&bytes[*at..*at + count]);
                *at += count;
                Ok(count)
            }
            Reader::File { handle, path, left, stamp, .. } => {
                let want = (*left).min(buffer.len() as u64) as usize;
                handle.read_exact(&mut buffer[..want]).map_err(|error| match error.kind() {
                    ErrorKind::UnexpectedEof => changed(path),
                    _ => Error::io("read", path, &error),
                })?;
                *left -= want as u64;
                if *left == 0 {
                    if let Some(stamp) = stamp.take() {
                        stamp.check(handle, path)?;
                    }
                }
                Ok(want)
            }
            Reader::Joined { readers, at, .. } => {
                for reader in readers {
                    let count = reader.read_block(buffer)?;
                    if count > 0 {
                        *at += count as u64;
                        return Ok(count);
                    }
                }
                Ok(0)
            }
        }
    }
}
