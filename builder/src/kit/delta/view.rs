//! Files as the delta sees them: the streams of a compound file in one piece each, unpacked units behind a package.

use crate::compress::Source;
use crate::error::{Error, IoContext, Result};
use crate::kit::stage::elsewhere;
use crate::regular;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const BLOCK: usize = 128 << 10;

/// A part of a file: where it begins, and its bytes.
pub type Extent = (u64, u64);

/// A file whose parts are read in an order of their own.
pub struct View {
    file: File,
    path: PathBuf,
    extents: Vec<Extent>,
    /// Where each begins in the view.
    starts: Vec<u64>,
    len: u64,
}

impl View {
    /// The file at `path`, by these parts; none: as it is.
    ///
    /// # Errors
    /// It cannot be read, or is shorter than its parts say.
    pub fn open(path: &Path, extents: &[Extent]) -> Result<View> {
        let file = regular::open(path)?;
        let size = file.metadata().or_cannot("read", path)?.len();
        let extents = if extents.is_empty() { vec![(0, size)] } else { extents.to_vec() };
        let inside = |&(at, len): &Extent| at.checked_add(len).is_some_and(|end| end <= size);
        if !extents.iter().all(inside) {
            return Err(Error::new(format!("{} is shorter than it should be", path.display())));
        }
        Ok(View::of(file, path, extents))
    }

    fn of(file: File, path: &Path, extents: Vec<Extent>) -> View {
        let mut len = 0;
        let mut starts = Vec::with_capacity(extents.len());
        for (_, bytes) in &extents {
            starts.push(len);
            len += bytes;
        }
        View { file, path: path.to_path_buf(), extents, starts, len }
    }
}

impl Source for View {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, mut from: u64, len: u64, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let end = from.checked_add(len).filter(|end| *end <= self.len).ok_or_else(|| self.beyond())?;
        let mut buffer = vec![0; BLOCK.min(len as usize)];
        while from < end {
            let index = self.starts.partition_point(|start| *start <= from) - 1;
            let (at, bytes) = self.extents[index];
            let inside = from - self.starts[index];
            let count = (bytes - inside).min(end - from).min(buffer.len() as u64) as usize;
            if count == 0 {
                return Err(self.beyond());
            }
            self.file.read_exact_at(&mut buffer[..count], at + inside).or_cannot("read", &self.path)?;
            each(&buffer[..count])?;
            from += count as u64;
        }
        Ok(())
    }
}

impl View {
    fn beyond(&self) -> Error {
        Error::new(format!("{} is shorter than it should be", self.path.display()))
    }
}

/// A part of a source.
pub struct Part<'a> {
    source: &'a dyn Source,
    at: u64,
    len: u64,
}

impl<'a> Part<'a> {
    /// `len` bytes from `at` on.
    pub fn new(source: &'a dyn Source, at: u64, len: u64) -> Self {
        Part { source, at, len }
    }
}

impl Source for Part<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, from: u64, len: u64, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.source.read(self.at + from, len, each)
    }
}

/// Sources one behind the other.
pub struct Chain<'a>(pub Vec<&'a dyn Source>);

impl Source for Chain<'_> {
    fn len(&self) -> u64 {
        self.0.iter().map(|source| source.len()).sum()
    }

    fn read(&self, mut from: u64, mut len: u64, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        for source in &self.0 {
            if from >= source.len() {
                from -= source.len();
                continue;
            }
            let count = len.min(source.len() - from);
            source.read(from, count, each)?;
            (from, len) = (0, len - count);
            if len == 0 {
                return Ok(());
            }
        }
        match len {
            0 => Ok(()),
            _ => Err(Error::new("the delta asks for bytes that are not there")),
        }
    }
}

/// A file without a name that is written once and then read.
pub struct Spool {
    file: File,
    folder: PathBuf,
    len: u64,
}

impl Spool {
    /// An empty one in `folder`.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn new(folder: &Path) -> Result<Spool> {
        let file = tempfile::tempfile_in(folder).or_cannot("write to", folder)?;
        Ok(Spool { file, folder: folder.to_path_buf(), len: 0 })
    }
}

impl std::io::Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.len += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Source for Spool {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, mut from: u64, len: u64, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let end = from.checked_add(len).filter(|end| *end <= self.len);
        let end = end.ok_or_else(|| Error::new("the delta asks for bytes that are not there"))?;
        let mut buffer = vec![0; BLOCK.min(len as usize)];
        while from < end {
            let count = ((end - from) as usize).min(buffer.len());
            self.file.read_exact_at(&mut buffer[..count], from).or_cannot("read", &self.folder)?;
            each(&buffer[..count])?;
            from += count as u64;
        }
        Ok(())
    }
}

/// Writes a file by its parts, in the order in which [`View`] reads them.
pub struct Scatter<'a> {
    file: &'a File,
    path: &'a Path,
    extents: Vec<Extent>,
    index: usize,
    inside: u64,
}

impl<'a> Scatter<'a> {
    /// Into a new file; no parts: from its beginning on.
    pub fn new(file: &'a File, path: &'a Path, extents: &[Extent]) -> Self {
        let extents = if extents.is_empty() { vec![(0, u64::MAX)] } else { extents.to_vec() };
        Scatter { file, path, extents, index: 0, inside: 0 }
    }

    /// Writes what comes next.
    ///
    /// # Errors
    /// The disk is full, or the like; there is more than the parts hold.
    pub fn put(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let &(at, len) = self
                .extents
                .get(self.index)
                .ok_or_else(|| Error::new(format!("the delta makes {} longer than it says", self.path.display())))?;
            let count = bytes.len().min((len - self.inside).min(usize::MAX as u64) as usize);
            self.file.write_all_at(&bytes[..count], at + self.inside).or_cannot("write", self.path).map_err(elsewhere)?;
            self.inside += count as u64;
            bytes = &bytes[count..];
            if self.inside == len {
                (self.index, self.inside) = (self.index + 1, 0);
            }
        }
        Ok(())
    }
}
