//! Where archives unpack to: one file per archive in a private folder of the build.

use super::sink::Sink;
use super::{limits, Content};
use base::error::{Error, IoContext, Result};
use base::workdir::WorkDir;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

/// Zeros from this many bytes on become a hole of the spool file instead of disk space.
const HOLE: usize = 64 * 1024;
/// Up to here the holes of sparse files may lead, in bytes: no package has holes, so that every endpoint writes them as zeros.
const SPARSE: u64 = 16 << 30;
static ZEROS: [u8; HOLE] = [0; HOLE];

/// A build's private folder for what archives unpack to; removed on drop, so it must outlive every [`Content`] made with it.
#[derive(Debug)]
pub struct Spool {
    folder: WorkDir,
    files: AtomicU32,
}

impl Spool {
    /// Makes a folder that only this user may enter, in `parent`.
    ///
    /// # Errors
    /// The parent is missing, full or not writable.
    pub fn new(parent: &Path) -> Result<Spool> {
        let folder = WorkDir::new(parent).map_err(|error| {
            Error::new(format!("cannot create a folder to unpack archives in {}: {error}", parent.display())).help(ELSEWHERE)
        })?;
        Ok(Spool { folder, files: AtomicU32::new(0) })
    }

    /// Opens a new spool file for the contents of `archive`, which may unpack to `limit` bytes.
    pub(super) fn file(&self, archive: &str, limit: u64) -> Result<SpoolFile> {
        let path = self.folder.path().join(self.files.fetch_add(1, Ordering::Relaxed).to_string());
        let file = File::create_new(&path).map_err(|error| write_error(&path, &error))?;
        let file = BufWriter::with_capacity(256 * 1024, file);
        Ok(SpoolFile {
            path: path.into(),
            file,
            written: 0,
            holes: 0,
            position: 0,
            gap: false,
            begun: 0,
            archive: archive.to_owned(),
            limit,
        })
    }
}

const ELSEWHERE: &str = "choose another folder with --cache DIR or TMPDIR";

fn write_error(path: &Path, error: &std::io::Error) -> Error {
    let folder = path.parent().unwrap_or(path);
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Error::new(format!("the disk is full: cannot unpack into {}", folder.display()))
                .note(error.to_string())
                .help(ELSEWHERE)
        }
        _ => Error::io("unpack into", folder, error).help(ELSEWHERE),
    }
}

/// One archive's contents, one after the other.
pub struct SpoolFile {
    path: Arc<Path>,
    file: BufWriter<File>,
    /// Bytes that were written, and those of holes: the position is their sum.
    written: u64,
    holes: u64,
    position: u64,
    /// The file's own position is before a hole.
    gap: bool,
    begun: u64,
    archive: String,
    limit: u64,
}

impl SpoolFile {
    /// Where the next byte goes.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Appends bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() >= HOLE && bytes.chunks(HOLE).all(|chunk| chunk == &ZEROS[..chunk.len()]) {
            self.advance(bytes.len() as u64, 0)?;
            self.gap = true;
            return Ok(());
        }
        if std::mem::take(&mut self.gap) {
            self.file.seek(SeekFrom::Start(self.position)).map_err(|error| write_error(&self.path, &error))?;
        }
        self.advance(bytes.len() as u64, 0)?;
        self.file.write_all(bytes).map_err(|error| write_error(&self.path, &error))
    }

    /// Appends `len` zero bytes that take no space.
    pub(super) fn hole(&mut self, len: u64) -> Result<()> {
        self.advance(0, len)?;
        self.gap = true;
        Ok(())
    }

    /// # Errors
    /// The archive unpacks to more than it may.
    fn advance(&mut self, written: u64, hole: u64) -> Result<()> {
        let bomb = || limits::bomb(&self.archive, self.limit);
        self.written = self.written.checked_add(written).filter(|&sum| sum <= self.limit).ok_or_else(bomb)?;
        self.holes = self.holes.checked_add(hole).filter(|&sum| sum <= SPARSE).ok_or_else(|| {
            Error::new(format!("the sparse files of {} have holes of more than {} GiB", self.archive, SPARSE >> 30))
                .note("a package has no holes: every endpoint would write them as zeros")
                .help("leave the file out with exclude, and let the service make it")
        })?;
        self.position = self.written + self.holes;
        Ok(())
    }

    /// What was appended since `start`, readable after [`SpoolFile::flush`].
    pub(super) fn content_since(&self, start: u64) -> Content {
        Content::spooled(self.path.clone(), start, self.position - start)
    }

    /// Bytes of all holes of sparse files.
    pub(super) fn holes(&self) -> u64 {
        self.holes
    }

    /// Makes what was appended so far readable.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|error| write_error(&self.path, &error))?;
        self.file.get_ref().set_len(self.position).or_cannot("unpack into", &self.path)
    }
}

impl Sink for SpoolFile {
    type Content = Content;

    fn begin(&mut self) {
        self.begun = self.position;
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        SpoolFile::write(self, bytes)
    }

    fn hole(&mut self, len: u64) -> Result<()> {
        SpoolFile::hole(self, len)
    }

    fn end(&mut self) -> Content {
        self.content_since(self.begun)
    }
}
