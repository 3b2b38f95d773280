//! What a signature of an MSI covers: the contents of all streams, and where it says so also their names, sizes and times.
//!
//! Neither is written down by Microsoft; both are as osslsigncode computes them and signtool makes them.

use crate::error::{Error, IoContext, Result};
use crate::trust::key::{Hash, Hashing};
use cfb::{CompoundFile, Entry};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Streams and storages of one package, and how deep they lie: transforms are the only storages, one level deep.
const MOST_ENTRIES: usize = 100_000;
const DEEPEST: usize = 16;
/// Streams are read in pieces of this many bytes: many sectors at once.
const PIECE: usize = 256 << 10;
/// 100 ns each, from 1601 to 1970.
const FILETIME_OF_1970: u64 = 116_444_736_000_000_000;

/// A package whose contents are to be digested.
pub struct Covered<'a, F> {
    file: &'a mut CompoundFile<F>,
    path: &'a Path,
}

/// An entry, and its name as the order goes by: UTF-16, closed by a zero.
struct Child {
    name: Vec<u8>,
    path: PathBuf,
    entry: Entry,
}

impl Child {
    /// The name without the closing zero.
    fn bare_name(&self) -> &[u8] {
        &self.name[..self.name.len() - 2]
    }
}

impl<'a, F: Read + Seek> Covered<'a, F> {
    /// `path` is what the user knows the package by.
    ///
    /// # Errors
    /// It claims to hold more than Windows Installer reads.
    pub fn new(file: &'a mut CompoundFile<F>, path: &'a Path) -> Result<Self> {
        let total = file.walk().take(MOST_ENTRIES).fold(0u64, |total, entry| total.saturating_add(entry.len()));
        if total > super::container::SIZE_LIMIT {
            return Err(Error::new(format!("{} claims to hold more than Windows Installer reads", path.display())));
        }
        Ok(Covered { file, path })
    }

    /// What Authenticode signs: the contents of all streams in the order of their names' bytes, a storage's with its class at its end,
    /// behind `metadata` where the package has such a digest.
    ///
    /// # Errors
    /// It cannot be read, or holds more streams than any package.
    pub fn contents(&mut self, hash: Hash, metadata: Option<&[u8]>) -> Result<Vec<u8>> {
        let mut digest = hash.start();
        digest.update(metadata.unwrap_or_default());
        let (mut left, mut piece) = (MOST_ENTRIES, vec![0; PIECE]);
        self.add_contents(Path::new("/"), 0, &mut left, &mut piece, &mut digest).or_cannot("digest", self.path)?;
        Ok(digest.finish())
    }

    /// The digest of names, classes, sizes, flags and times that the stream [`msi_schema::EXTENDED_SIGNATURE`] holds.
    ///
    /// # Errors
    /// As [`Covered::contents`].
    pub fn metadata(&mut self, hash: Hash) -> Result<Vec<u8>> {
        let mut digest = hash.start();
        let (root, mut left) = (Path::new("/"), MOST_ENTRIES);
        let entry = self.file.entry(root).or_cannot("digest", self.path)?;
        digest.update(entry.clsid().to_bytes_le().as_slice());
        digest.update(&entry.state_bits().to_le_bytes());
        self.add_metadata(root, 0, &mut left, &mut digest).or_cannot("digest", self.path)?;
        Ok(digest.finish())
    }

    /// A storage's entries in the order of their names' bytes, without the signature.
    fn children(&self, storage: &Path, depth: usize, left: &mut usize) -> std::io::Result<Vec<Child>> {
        let too_much = || std::io::Error::other("it holds more streams than any package");
        let mut children = Vec::new();
        for entry in self.file.read_storage(storage)? {
            *left = left.checked_sub(1).filter(|_| depth < DEEPEST).ok_or_else(too_much)?;
            // A storage of such a name would be a place that nothing covers.
            let signature = depth == 0 && entry.is_stream() && msi_schema::SIGNATURE_STREAMS.contains(&entry.name());
            if !signature {
                let name = entry.name().encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
                children.push(Child { name, path: storage.join(entry.name()), entry });
            }
        }
        children.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(children)
    }

    fn add_contents(
        &mut self,
        storage: &Path,
        depth: usize,
        left: &mut usize,
        piece: &mut [u8],
        digest: &mut Hashing,
    ) -> std::io::Result<()> {
        for child in self.children(storage, depth, left)? {
            match child.entry.is_stream() {
                true if child.entry.is_empty() => {}
                true => {
                    let mut stream = self.file.open_stream(&child.path)?;
                    loop {
                        match stream.read(piece)? {
                            0 => break,
                            count => digest.update(&piece[..count]),
                        }
                    }
                }
                false => self.add_contents(&child.path, depth + 1, left, piece, digest)?,
            }
        }
        digest.update(&self.file.entry(storage)?.clsid().to_bytes_le());
        Ok(())
    }

    fn add_metadata(&mut self, storage: &Path, depth: usize, left: &mut usize, digest: &mut Hashing) -> std::io::Result<()> {
        for child in self.children(storage, depth, left)? {
            let entry = &child.entry;
            digest.update(child.bare_name());
            match entry.is_stream() {
                true => digest.update(&(entry.len() as u32).to_le_bytes()),
                false => digest.update(&entry.clsid().to_bytes_le()),
            }
            digest.update(&entry.state_bits().to_le_bytes());
            digest.update(&filetime(entry.created()).to_le_bytes());
            digest.update(&filetime(entry.modified()).to_le_bytes());
            if !entry.is_stream() {
                self.add_metadata(&child.path, depth + 1, left, digest)?;
            }
        }
        Ok(())
    }
}

/// 100 ns each since 1601.
fn filetime(time: SystemTime) -> u64 {
    let ticks = |duration: std::time::Duration| (duration.as_nanos() / 100) as u64;
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => FILETIME_OF_1970.saturating_add(ticks(since)),
        Err(before) => FILETIME_OF_1970.saturating_sub(ticks(before.duration())),
    }
}
