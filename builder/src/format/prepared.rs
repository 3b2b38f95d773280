//! A tree whose contents were read once: hashed for every format's lists, large files cut into compressed units.

use crate::compress::{Codec, Layout, Nature, Ordered, SmallContent, Source, Store, Unit};
use crate::error::{Error, Result};
use crate::listener::Listener;
use crate::memory;
use crate::payload::program::may_be_program;
use crate::payload::{Content, ContentReader, Entry, Kind, Tree, TreePath};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Files of this size and more are compressed as units of their own, which all formats share; smaller ones are glue.
const UNIT_FLOOR: u64 = 256 << 10;
/// How much of a file is read at once, in bytes: it stays in the processor's cache for the second digest.
const BLOCK: usize = 128 << 10;
/// Small files are hashed in batches of so many bytes and so many files: enough to be worth a thread's while.
const BATCH_BYTES: u64 = 1 << 20;
const BATCH_FILES: usize = 64;

/// An entry whose content was read once.
#[derive(Debug, Clone)]
pub struct PreparedFile {
    /// The entry, its path relative to the install root.
    pub entry: Entry,
    /// Digests of the content; `None` for what is not a regular file or was not read yet.
    pub digests: Option<Digests>,
    /// False where the content's first bytes are known and are no program's.
    pub may_be_program: bool,
    /// The content as compressed units; none where the content is glue, as most are: nothing is kept for those.
    #[allow(clippy::box_collection, reason = "a hundred thousand empty vectors take as much as what compresses")]
    units: Option<Box<Vec<Unit>>>,
}

/// The digests that package formats list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// SHA-256, listed by RPM and by the `.run`.
    pub sha256: [u8; 32],
    /// MD5, listed by the MSI's MsiFileHash, and made for it alone; protects against accidents only.
    pub md5: Option<[u8; 16]>,
}

/// A small file that was read.
struct SmallFile {
    index: usize,
    digests: Digests,
    may_be_program: bool,
    kept: Option<Content>,
}

/// Something that was learned of the file at an index.
enum Learned {
    Small(Vec<SmallFile>),
    Unit(usize, Unit),
}

/// Reads every file of the tree once: hashes it and compresses large ones into the store.
///
/// # Errors
/// A file cannot be read or changed since it was scanned; the store is full; the user interrupted.
pub fn prepare(tree: Tree, codec: Codec, store: &Arc<Store>, listener: &dyn Listener) -> Result<Vec<PreparedFile>> {
    // What was thrown away while the tree was made, and then the tree's own list, are gone before the contents' buffers come.
    memory::trim();
    let files = unread(tree);
    let (queue, batch) = (Ordered::new(store.pool()), Vec::new());
    // What is known of a file takes memory, too.
    const KNOWN: u64 = 512;
    let spare = codec.spare_memory().saturating_sub(files.len() as u64 * KNOWN);
    let mut reading = Reading { files, queue, batch, batch_bytes: 0, spare, listener };
    for index in 0..reading.files.len() {
        let Kind::File(content) = &reading.files[index].entry.kind else { continue };
        let content = content.clone();
        if content.len() >= UNIT_FLOOR {
            let path = reading.files[index].entry.path.display();
            listener.at("compress", &format_args!("{path} ({})", codec.name()));
            let digests = reading.large(index, &content, codec, store)?;
            reading.files[index].digests = Some(digests);
        } else {
            reading.small(index, content)?;
        }
    }
    listener.at("compress", &format_args!("the last pieces ({})", codec.name()));
    let files = reading.finish()?;
    store.release_buffers();
    memory::trim();
    Ok(files)
}

/// A tree that is being read.
struct Reading<'a> {
    files: Vec<PreparedFile>,
    queue: Ordered<Learned>,
    batch: Vec<(usize, Content)>,
    batch_bytes: u64,
    /// How many bytes may still be kept in memory.
    spare: u64,
    /// Hears of what is compressed or kept: what was only read may still take long.
    listener: &'a dyn Listener,
}

impl Reading<'_> {
    /// Hashes a file here, while others compress its pieces.
    fn large(&mut self, index: usize, content: &Content, codec: Codec, store: &Arc<Store>) -> Result<Digests> {
        let (mut nature, mut begun, mut read) = (None, 0, 0);
        let sha256 = read_once(content, &mut |block| {
            if read == 0 {
                self.files[index].may_be_program = may_be_program(block);
            }
            let nature = *nature.get_or_insert_with(|| Nature::of_file(block));
            read += block.len() as u64;
            // A piece is handed over as soon as its first block was seen here.
            while begun < read {
                let len = codec.unit_len().min(content.len() - begun);
                let (store, piece) = (store.clone(), Piece(content.part(begun, len)));
                begun += len;
                let done = self.queue.submit(move || Ok(Learned::Unit(index, store.put(codec, nature, &piece)?)))?;
                self.settle(done);
            }
            Ok(())
        })?;
        Ok(Digests { sha256, md5: None })
    }

    fn small(&mut self, index: usize, content: Content) -> Result<()> {
        self.batch_bytes += content.len();
        self.batch.push((index, content));
        match self.batch.len() == BATCH_FILES || self.batch_bytes >= BATCH_BYTES {
            true => self.hash_batch(),
            false => Ok(()),
        }
    }

    fn hash_batch(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        let keep = self.batch_bytes <= self.spare;
        self.spare -= if keep { self.batch_bytes } else { 0 };
        self.batch_bytes = 0;
        let done = self.queue.submit(move || {
            // All are asked for before the first is waited for: small files on a disk are a matter of its latency.
            let open = |(index, content): (usize, Content)| {
                let reader = content.open()?;
                reader.prefetch();
                Ok((index, reader))
            };
            let opened: Vec<_> = batch.into_iter().map(open).collect::<Result<_>>()?;
            let read = |(index, reader): (usize, ContentReader)| {
                crate::interrupt::check()?;
                let bytes = reader.into_bytes()?;
                let digests = Digests { sha256: Sha256::digest(&bytes).into(), md5: None };
                let may_be_program = may_be_program(&bytes);
                Ok(SmallFile { index, digests, may_be_program, kept: keep.then(|| Content::memory(bytes)) })
            };
            Ok(Learned::Small(opened.into_iter().map(read).collect::<Result<_>>()?))
        })?;
        self.settle(done);
        Ok(())
    }

    fn settle(&mut self, done: Option<Learned>) {
        match done {
            Some(Learned::Small(all)) => {
                for SmallFile { index, digests, may_be_program, kept } in all {
                    let file = &mut self.files[index];
                    self.listener.advance("compress", file.len());
                    file.digests = Some(digests);
                    file.may_be_program = may_be_program;
                    if let Some(content) = kept {
                        file.entry.kind = Kind::File(content);
                    }
                }
            }
            Some(Learned::Unit(index, unit)) => {
                self.listener.advance("compress", unit.plain_len());
                self.files[index].units.get_or_insert_default().push(unit);
            }
            None => {}
        }
    }

    fn finish(mut self) -> Result<Vec<PreparedFile>> {
        self.hash_batch()?;
        while let Some(done) = self.queue.oldest()? {
            self.settle(Some(done));
        }
        Ok(self.files)
    }
}

/// The files of a tree, not read yet: for a format that compresses in a way of its own, and learns their digests on the way.
pub fn unread(tree: Tree) -> Vec<PreparedFile> {
    tree.into_entries().into_iter().map(PreparedFile::unread).collect()
}

/// Hashes a content and shows it to `each`, in blocks.
fn read_once(content: &Content, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<[u8; 32]> {
    let mut sha256 = Sha256::new();
    read_blocks(content, &mut |block| {
        sha256.update(block);
        each(block)
    })?;
    Ok(sha256.finalize().into())
}

/// Gives a content to `each`, in blocks.
fn read_blocks(content: &Content, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut reader = content.open()?;
    let mut block = vec![0; content.len().min(BLOCK as u64) as usize];
    loop {
        crate::interrupt::check()?;
        match reader.read_block(&mut block)? {
            0 => return Ok(()),
            count => each(&block[..count])?,
        }
    }
}

/// Gives a content to `each`, in blocks, and its SHA-256.
fn read_digested(content: &Content, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<[u8; 32]> {
    let mut digest = Sha256::new();
    read_blocks(content, &mut |block| {
        digest.update(block);
        each(block)
    })?;
    Ok(digest.finalize().into())
}

/// The same, of a content that was hashed before: the lists with digests are made before this second reading, and must tell the truth.
fn read_unchanged(
    content: &Content,
    sha256: &[u8; 32],
    path: &TreePath,
    each: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    match read_digested(content, each)? == *sha256 {
        true => Ok(()),
        false => Err(Error::new(format!("{path:?} changed while it was packaged"))
            .help("build from a folder that nothing writes to, for instance a copy or a snapshot")),
    }
}

/// Gives a content to `each` like `read_unchanged`; what is in memory cannot have changed.
fn read_again(content: &Content, sha256: &[u8; 32], path: &TreePath, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    match content.is_in_memory() {
        true => read_blocks(content, each),
        false => read_unchanged(content, sha256, path, each),
    }
}

/// A piece of a large file, read when its turn comes: a content that changes meanwhile is noticed by its stamp.
struct Piece(Content);

impl Source for Piece {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read(&self, from: u64, len: u64, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        read_blocks(&self.0.part(from, len), each)
    }
}

impl PreparedFile {
    /// A file that linkpack itself makes, for one package alone.
    pub fn made(path: TreePath, bytes: Vec<u8>, mode: u32, mtime: i64) -> Self {
        let digests = Digests { sha256: Sha256::digest(&bytes).into(), md5: None };
        let may_be_program = may_be_program(&bytes);
        let entry = Entry { path, kind: Kind::File(Content::memory(bytes)), mode, config: false, mtime };
        PreparedFile { entry, digests: Some(digests), may_be_program, units: None }
    }

    /// A directory that linkpack itself makes, for one package alone.
    pub fn directory(path: TreePath, mtime: i64) -> Self {
        let entry = Entry { path, kind: Kind::Directory, mode: 0o755, config: false, mtime };
        PreparedFile::unread(entry)
    }

    /// An entry whose content was not read yet.
    pub fn unread(entry: Entry) -> Self {
        PreparedFile { entry, digests: None, may_be_program: true, units: None }
    }

    /// A file of this one's content over and over, whose digests are not known.
    #[cfg(test)]
    pub(super) fn repeated(self, times: usize) -> Self {
        let len = self.len() * times as u64;
        let kind = Kind::File(Content::spooled(std::path::Path::new("").into(), 0, len));
        let units = self.units.map(|units| Box::new(units.iter().cycle().take(units.len() * times).cloned().collect()));
        PreparedFile { entry: Entry { kind, ..self.entry }, digests: None, may_be_program: true, units }
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

    /// Adds a regular file's content to a package's stream: its units, or itself as glue.
    ///
    /// # Errors
    /// As [`Layout`]'s. A small file that is no longer what was hashed makes the layout fail.
    pub fn add_content(&self, layout: &mut Layout) -> Result<()> {
        for unit in self.units.iter().flat_map(|units| units.iter()) {
            layout.unit(unit)?;
        }
        match (&self.entry.kind, self.digests) {
            (Kind::File(content), Some(digests)) if self.units.is_none() && content.len() <= UNIT_FLOOR => {
                let (content, path, sha256) = (content.clone(), self.entry.path.clone(), digests.sha256);
                let len = content.len() as usize;
                let read = move |out: &mut Vec<u8>| {
                    let mut append = |bytes: &[u8]| {
                        out.extend_from_slice(bytes);
                        Ok(())
                    };
                    read_again(&content, &sha256, &path, &mut append)
                };
                layout.content(SmallContent { sha256, len, read: Box::new(read) })
            }
            // What linkpack itself makes can be longer: the list of a hundred thousand files.
            _ if self.units.is_none() => self.read_content(&mut |bytes| layout.bytes(bytes)),
            _ => Ok(()),
        }
    }

    /// Reads a regular file's content once more, in blocks; nothing for what is not one.
    ///
    /// # Errors
    /// As [`PreparedFile::read_hashed`]'s.
    pub fn read_content(&self, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let Kind::File(content) = &self.entry.kind else { return Ok(()) };
        match self.digests {
            Some(digests) => read_again(content, &digests.sha256, &self.entry.path, each),
            None => read_blocks(content, each),
        }
    }

    /// The same, and gives the content's SHA-256; `None` for what is not a regular file.
    ///
    /// # Errors
    /// As `each`'s, and when the content cannot be read or is no longer what was hashed.
    pub fn read_hashed(&self, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<Option<[u8; 32]>> {
        let Kind::File(content) = &self.entry.kind else { return Ok(None) };
        let sha256 = match self.digests {
            Some(digests) => {
                read_unchanged(content, &digests.sha256, &self.entry.path, each)?;
                digests.sha256
            }
            None => read_digested(content, each)?,
        };
        Ok(Some(sha256))
    }

    /// Reads a regular file's content once more and digests nothing: one that changed since is noticed by its stamp.
    ///
    /// # Errors
    /// As `each`'s, and when the content cannot be read or has another stamp.
    pub fn read_hashed_before(&self, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        match &self.entry.kind {
            Kind::File(content) => read_blocks(content, each),
            _ => Ok(()),
        }
    }
}
