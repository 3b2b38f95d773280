//! Where archives unpack to: one file per archive in a private folder of the build.

use super::sink::Sink;
use super::Content;
use crate::error::{Error, IoContext, Result};
use crate::workdir::WorkDir;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

/// Zeros from this many bytes on become a hole of the spool file instead of disk space.
const HOLE: usize = 64 * 1024;
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

    /// Opens a new spool file.
    pub(super) fn file(&self) -> Result<SpoolFile> {
        let path = self.folder.path().join(self.files.fetch_add(1, Ordering::Relaxed).to_string());
        let file = File::create_new(&path).map_err(|error| write_error(&path, &error))?;
        let file = BufWriter::with_capacity(256 * 1024, file);
        Ok(SpoolFile { path: path.into(), file, position: 0, gap: false, begun: 0 })
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
pub(crate) struct SpoolFile {
    path: Arc<Path>,
    file: BufWriter<File>,
    position: u64,
    /// The file's own position is before a hole.
    gap: bool,
    begun: u64,
}

impl SpoolFile {
    /// Where the next byte goes.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Appends bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() >= HOLE && bytes.chunks(HOLE).all(|chunk| chunk == &ZEROS[..chunk.len()]) {
            return self.hole(bytes.len() as u64);
        }
        if std::mem::take(&mut self.gap) {
            self.file.seek(SeekFrom::Start(self.position)).map_err(|error| write_error(&self.path, &error))?;
        }
        self.position += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|error| write_error(&self.path, &error))
    }

    /// Appends `len` zero bytes that take no space.
    pub(super) fn hole(&mut self, len: u64) -> Result<()> {
        let too_large = || Error::new("the archive unpacks to more bytes than a file can hold");
        self.position = self.position.checked_add(len).filter(|&p| p <= i64::MAX as u64).ok_or_else(too_large)?;
        self.gap = true;
        Ok(())
    }

    /// What was appended since `start`, readable after [`SpoolFile::flush`].
    pub(super) fn content_since(&self, start: u64) -> Content {
        Content::spooled(self.path.clone(), start, self.position - start)
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
