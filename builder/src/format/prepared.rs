//! A tree whose contents were read once: hashed for every format's lists, large files cut into compressed units.

use crate::compress::{Codec, Ordered, Store, StreamWriter, Unit};
use crate::error::{Error, Result};
use crate::listener::Listener;
use crate::payload::{Content, Entry, Kind, Tree, TreePath};
use md5::{Digest, Md5};
use rayon::prelude::*;
use sha2::Sha256;
use std::io::Write;
use std::sync::Arc;

/// Files of this size and more are compressed as units of their own, which all formats share; smaller ones are glue.
const UNIT_FLOOR: u64 = 256 << 10;
/// How much of a file is read at once when it is copied into a stream, in bytes.
const BLOCK: usize = 256 << 10;

/// An entry whose content was read once.
#[derive(Debug, Clone)]
pub struct PreparedFile {
    /// The entry, its path relative to the install root.
    pub entry: Entry,
    /// Digests of the content; `None` for what is not a regular file.
    pub digests: Option<Digests>,
    /// The content as compressed units; empty where the content is glue.
    units: Vec<Unit>,
}

/// The digests that package formats list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// SHA-256, listed by RPM and by the `.run`.
    pub sha256: [u8; 32],
    /// MD5, listed by DEB's md5sums; protects against accidents only.
    pub md5: [u8; 16],
}

/// Reads every file of the tree once: hashes it and compresses large ones into the store.
///
/// # Errors
/// A file cannot be read or changed since it was scanned; the store is full; the user interrupted.
pub fn prepare(tree: Tree, codec: Codec, store: &Arc<Store>, listener: &dyn Listener) -> Result<Vec<PreparedFile>> {
    let mut queue = Ordered::new(store.pool());
    let mut files = Vec::new();
    let mut compressed: Vec<(usize, Unit)> = Vec::new();
    for (index, entry) in tree.into_entries().into_iter().enumerate() {
        let digests = match &entry.kind {
            Kind::File(content) => {
                let cut = (content.len() >= UNIT_FLOOR).then_some(codec.segment_len());
                let mut each = |block: Vec<u8>| {
                    let store = store.clone();
                    compressed.extend(queue.submit(move || Ok((index, store.put(codec, &block)?)))?);
                    Ok(())
                };
                Some(read_once(content, cut, &mut each, listener)?)
            }
            _ => None,
        };
        files.push(PreparedFile { entry, digests, units: Vec::new() });
    }
    while let Some(done) = queue.oldest()? {
        compressed.push(done);
    }
    for (index, unit) in compressed {
        files[index].units.push(unit);
    }
    Ok(files)
}

/// Reads every file of the tree once and hashes it, several at a time; for a format that compresses in a way of its own.
///
/// # Errors
/// A file cannot be read or changed since it was scanned; the user interrupted.
pub fn prepare_plain(tree: Tree, store: &Store, listener: &dyn Listener) -> Result<Vec<PreparedFile>> {
    let hash = |entry: Entry| {
        let digests = match &entry.kind {
            Kind::File(content) => Some(read_once(content, None, &mut |_| Ok(()), listener)?),
            _ => None,
        };
        Ok(PreparedFile { entry, digests, units: Vec::new() })
    };
    store.pool().install(|| tree.into_entries().into_par_iter().map(hash).collect())
}

/// Hashes a content; hands it out in pieces of `cut` bytes when it is to become units.
fn read_once(
    content: &Content,
    cut: Option<usize>,
    each: &mut dyn FnMut(Vec<u8>) -> Result<()>,
    listener: &dyn Listener,
) -> Result<Digests> {
    let (mut sha256, mut md5) = (Sha256::new(), Md5::new());
    let mut reader = content.open()?;
    let mut left = content.len();
    while left > 0 {
        crate::interrupt::check()?;
        let mut block = vec![0; left.min(cut.unwrap_or(BLOCK) as u64) as usize];
        reader.read_block(&mut block)?;
        left -= block.len() as u64;
        sha256.update(&block);
        md5.update(&block);
        listener.advance("read", block.len() as u64);
        if cut.is_some() {
            each(block)?;
        }
    }
    Ok(Digests { sha256: sha256.finalize().into(), md5: md5.finalize().into() })
}

impl PreparedFile {
    /// A file that linkpack itself makes, for one package alone.
    pub fn made(path: TreePath, bytes: Vec<u8>, mode: u32, mtime: i64) -> Self {
        let digests = Digests { sha256: Sha256::digest(&bytes).into(), md5: Md5::digest(&bytes).into() };
        let kind = Kind::File(Content::memory(bytes));
        PreparedFile { entry: Entry { path, kind, mode, config: false, mtime }, digests: Some(digests), units: Vec::new() }
    }

    /// A directory that linkpack itself makes, for one package alone.
    pub fn directory(path: TreePath, mtime: i64) -> Self {
        let entry = Entry { path, kind: Kind::Directory, mode: 0o755, config: false, mtime };
        PreparedFile { entry, digests: None, units: Vec::new() }
    }

    /// An entry whose content nobody read yet.
    #[cfg(test)]
    pub(crate) fn unread(entry: Entry) -> Self {
        PreparedFile { entry, digests: None, units: Vec::new() }
    }

    /// Bytes of content: a file's length, a link target's length, 0 for a directory.
    pub fn len(&self) -> u64 {
        match &self.entry.kind {
            Kind::File(content) => content.len(),
            Kind::Symlink(target) => target.len() as u64,
            Kind::Directory => 0,
        }
    }

    /// Whether there is no content.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes a regular file's content into a package's stream: units are spliced, small contents read again as glue.
    ///
    /// # Errors
    /// As [`StreamWriter`]'s, and when a small file is no longer what was hashed.
    pub fn write_content<W: Write>(&self, stream: &mut StreamWriter<W>) -> Result<()> {
        for unit in &self.units {
            stream.splice(unit)?;
        }
        if !self.units.is_empty() {
            return Ok(());
        }
        self.read_content(&mut |bytes| stream.glue(bytes))
    }

    /// Reads a regular file's content once more, in blocks; nothing for what is not one.
    ///
    /// # Errors
    /// As `each`'s, and when the content cannot be read or is no longer what was hashed.
    pub fn read_content(&self, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let Kind::File(content) = &self.entry.kind else { return Ok(()) };
        let mut reader = content.open()?;
        let mut block = vec![0; content.len().min(BLOCK as u64) as usize];
        let mut digest = Sha256::new();
        loop {
            crate::interrupt::check()?;
            let count = reader.read_block(&mut block)?;
            if count == 0 {
                break;
            }
            digest.update(&block[..count]);
            each(&block[..count])?;
        }
        // The lists with digests are made before this second reading: they must tell the truth.
        if self.digests.is_some_and(|digests| digest.finalize()[..] != digests.sha256) {
            return Err(Error::new(format!("{:?} changed while it was packaged", self.entry.path))
                .help("build from a folder that nothing writes to, for instance a copy or a snapshot"));
        }
        Ok(())
    }
}
