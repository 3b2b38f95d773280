//! Cabinets (MS-CAB): MSZIP or LZX, blocks compressed in parallel, several folders.
//!
//! A job's dictionary is the plain text before it, as far back as the method reaches, so that its blocks can be compressed before their
//! predecessors are done, yet compress as one stream. Where a job begins depends on the contents alone: the bytes do not depend on
//! threads. Each job is kept in the store: the cabinets of several sites are compressed once.

use crate::compress::{lzx, Ordered, Store};
use crate::error::{Error, Result};
pub use crate::format::Packing;
use crate::format::{patch, Digests, PreparedFile};
use crate::listener::Listener;
use crate::payload::TreePath;
use flate2::{Compress, Compression, FlushCompress, Status};
use md5::{Digest, Md5};
use std::io::{Seek, Write};
use std::ops::Range;
use std::sync::Arc;

/// One file of a cabinet under the name it has there.
pub struct Member<'a> {
    /// The File table's key; ASCII.
    pub name: String,
    /// Where it lies in the package, relative to the root.
    pub path: &'a TreePath,
    /// What it holds.
    pub file: &'a PreparedFile,
    /// Whether its MD5 is wanted.
    pub md5: bool,
    /// Whether other packages of the same build have another one: such members have a folder of their own, so that the others' folders
    /// are the same.
    pub own: bool,
}

impl Member<'_> {
    /// Gives the content to `each`, and its digests: those of the very bytes, or what another package of the same build made of them.
    fn read(&self, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<Digests> {
        if let Some(known) = self.file.digests.filter(|known| !self.md5 || known.md5.is_some()) {
            self.file.read_hashed_before(each)?;
            return Ok(known);
        }
        let mut md5 = self.md5.then(Md5::new);
        let sha256 = self.file.read_hashed(&mut |bytes| {
            if let Some(md5) = &mut md5 {
                md5.update(bytes);
            }
            each(bytes)
        })?;
        Ok(Digests { sha256: sha256.unwrap_or_default(), md5: md5.map(|md5| md5.finalize().into()) })
    }
}

impl Packing {
    /// Plain bytes of a job: whole blocks.
    pub fn job_len(self) -> usize {
        match self {
            Packing::Mszip => 32 * BLOCK,
            Packing::Lzx => 256 * BLOCK,
        }
    }

    /// How far back a job may refer: whole blocks.
    pub fn history_len(self) -> usize {
        match self {
            Packing::Mszip => BLOCK,
            Packing::Lzx => lzx::HISTORY,
        }
    }

    /// Plain bytes of a folder: installing one file of it unpacks all of them.
    fn folder_len(self) -> u64 {
        match self {
            Packing::Mszip => FOLDER_LIMIT,
            Packing::Lzx => 32 << 20,
        }
    }

    /// What the bytes depend on beside the content: changes whenever an encoder or its parameters do.
    fn recipe(self) -> &'static str {
        match self {
            Packing::Mszip => "mszip 1",
            Packing::Lzx => "lzx 2",
        }
    }

    /// CFFOLDER's typeCompress.
    fn code(self) -> u16 {
        match self {
            Packing::Mszip => 1,
            Packing::Lzx => 3 | (lzx::WRITTEN_WINDOW_BITS as u16) << 8,
        }
    }

    /// The packing that a CFFOLDER's typeCompress stands for, where it is one of these.
    pub fn of_code(code: u16) -> Option<Packing> {
        [Packing::Mszip, Packing::Lzx].into_iter().find(|packing| packing.code() == code)
    }
}

/// Plain bytes in one CFDATA block (MS-CAB 2.5); also how far back one of MSZIP may refer.
const BLOCK: usize = 32 << 10;
/// On programs and libraries 1% smaller than gcab's level and 2.5 times as fast; the next level takes a fifth longer for 0.3%.
const LEVEL: Compression = Compression::new(5);
/// Plain bytes of one cabinet. A folder ends at 65,535 blocks, and readers count a cabinet's bytes in a signed 32-bit number:
/// this many blocks, stored uncompressed, stay below both together with the list of members.
pub const FOLDER_LIMIT: u64 = 65_000 * BLOCK as u64;
/// Members of one cabinet; its header counts them in 16 bits.
const MEMBER_LIMIT: usize = 60_000;
/// Lengths of CFHEADER, CFFOLDER and the fixed part of CFFILE and CFDATA.
pub(super) const HEADER: usize = 36;
pub(super) const FOLDER: usize = 8;
pub(super) const MEMBER: usize = 16;
const DATA: usize = 8;
/// A deflate block of stored bytes needs five more; MSZIP's own limit is BLOCK + 12.
const STORED_HEAD: usize = 5;
/// What a block that does not compress takes more, at most: the codes of an LZX block are the longest.
const OVERHEAD: usize = 512;

/// Cuts members of these sizes, in bytes, into as few cabinets as the format's limits allow.
///
/// # Errors
/// One file alone is above the limit.
pub fn plan(members: &[Member]) -> Result<Vec<Range<usize>>> {
    let mut cabinets = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, member) in members.iter().enumerate() {
        let size = member.file.len();
        if size > FOLDER_LIMIT {
            return Err(Error::new(format!(
                "{:?} has {size} bytes; a file in an MSI's cabinet has {FOLDER_LIMIT} at most",
                member.file.entry.path
            ))
            .help("split the file, or leave it out with exclude = [...] in the payload's table"));
        }
        if bytes + size > FOLDER_LIMIT || index - start == MEMBER_LIMIT {
            cabinets.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    if start < members.len() {
        cabinets.push(start..members.len());
    }
    Ok(cabinets)
}

/// The most bytes that a cabinet of these members can have.
pub fn longest(members: &[Member]) -> u64 {
    let plain: u64 = members.iter().map(|member| member.file.len()).sum();
    let blocks = plain.div_ceil(BLOCK as u64);
    list_len(members, members.len()) as u64 + plain + blocks * (DATA + OVERHEAD) as u64
}

pub(super) fn list_len(members: &[Member], folders: usize) -> usize {
    HEADER + folders * FOLDER + members.iter().map(|member| MEMBER + member.name.len() + 1).sum::<usize>()
}

/// Cuts a cabinet's members into folders: at files, by their sizes alone.
pub(super) fn folders(members: &[Member], packing: Packing) -> Vec<Range<usize>> {
    let mut folders: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (index, member) in members.iter().enumerate() {
        let fits = bytes == 0
            || member.file.is_empty()
            || (bytes + member.file.len() <= packing.folder_len() && members[index - 1].own == member.own);
        match folders.last_mut() {
            Some(folder) if fits => folder.end = index + 1,
            _ => {
                folders.push(index..index + 1);
                bytes = 0;
            }
        }
        bytes += member.file.len();
    }
    folders
}

/// Writes one cabinet at the writer's start; `mtime` is every member's time, in seconds since 1970. Each content is read once, and
/// digested where it was not before.
///
/// # Errors
/// A content cannot be read or changed since it was prepared, or the writer refuses.
pub fn write<W: Write + Seek>(
    members: &[Member],
    packing: Packing,
    mtime: i64,
    store: &Arc<Store>,
    listener: &dyn Listener,
    out: &mut W,
) -> Result<Vec<Digests>> {
    let folders = folders(members, packing);
    let data_at = list_len(members, folders.len());
    out.write_all(&list(members, &folders, packing, dos_time(mtime)?, data_at)?).map_err(patch::write_failed)?;
    let mut data = DataWriter::new(packing, store, out);
    let mut digests = Vec::with_capacity(members.len());
    for folder in folders {
        for member in &members[folder] {
            digests.push(member.read(&mut |bytes| {
                listener.advance("pack", bytes.len() as u64);
                data.add(bytes)
            })?);
        }
        data.end_folder()?;
    }
    tell(data.finish()?, data_at, out)?;
    Ok(digests)
}

/// Writes where each folder's blocks are and how many, and the cabinet's length, when all are written.
pub(super) fn tell<W: Write + Seek>(folders: Vec<(u16, u64)>, data_at: usize, out: &mut W) -> Result<()> {
    let mut at = data_at as u64;
    for (number, (blocks, len)) in folders.into_iter().enumerate() {
        let place = (HEADER + number * FOLDER) as u64;
        patch::overwrite(out, place, &(at as u32).to_le_bytes())?;
        patch::overwrite(out, place + 4, &blocks.to_le_bytes())?;
        at += len;
    }
    let cabinet_len = u32::try_from(at).map_err(|_| Error::new("a cabinet grew above 4 GiB"))?;
    patch::overwrite(out, 8, &cabinet_len.to_le_bytes())
}

/// Header, folders and list of members; the cabinet's length, and where a folder's blocks are and how many, are zero for now.
pub(super) fn list(
    members: &[Member],
    folders: &[Range<usize>],
    packing: Packing,
    (date, time): (u16, u16),
    data_at: usize,
) -> Result<Vec<u8>> {
    let count = u16::try_from(members.len()).map_err(|_| Error::new("too many members for one cabinet"))?;
    let folder_count = u16::try_from(folders.len()).map_err(|_| Error::new("too many folders for one cabinet"))?;
    let members_at = HEADER + folders.len() * FOLDER;
    let mut bytes = b"MSCF".to_vec();
    for field in [0, 0, 0, members_at as u32, 0] {
        bytes.extend_from_slice(&field.to_le_bytes());
    }
    // Version 1.3, no flags, the only cabinet of its set.
    bytes.extend_from_slice(&[3, 1]);
    for field in [folder_count, count, 0, 0, 0] {
        bytes.extend_from_slice(&field.to_le_bytes());
    }
    for _ in folders {
        bytes.extend_from_slice(&(data_at as u32).to_le_bytes());
        for field in [0, packing.code()] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
    }
    for (number, folder) in folders.iter().enumerate() {
        let mut offset = 0_u64;
        for member in &members[folder.clone()] {
            bytes.extend_from_slice(&(member.file.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&(offset as u32).to_le_bytes());
            const ARCHIVE: u16 = 0x20;
            for field in [number as u16, date, time, ARCHIVE] {
                bytes.extend_from_slice(&field.to_le_bytes());
            }
            bytes.extend_from_slice(member.name.as_bytes());
            bytes.push(0);
            offset += member.file.len();
        }
    }
    Ok(bytes)
}

/// MS-DOS date and time (MS-CAB 2.4), from 1980 to 2107.
fn dos_time(mtime: i64) -> Result<(u16, u16)> {
    const FIRST: i64 = 315_532_800;
    const LAST: i64 = 4_354_819_198;
    let time = jiff::Timestamp::from_second(mtime.clamp(FIRST, LAST));
    let time = time.map_err(|error| Error::new(format!("the time {mtime} cannot be written: {error}")))?;
    let time = jiff::tz::Offset::UTC.to_datetime(time);
    let date = ((time.year() - 1980) << 9) as u16 | (time.month() as u16) << 5 | time.day() as u16;
    Ok((date, (time.hour() as u16) << 11 | (time.minute() as u16) << 5 | (time.second() as u16 / 2)))
}

/// Cuts the folders' plain texts into jobs, and writes the compressed blocks in order.
pub(super) struct DataWriter<'a, W: Write> {
    out: &'a mut W,
    packing: Packing,
    store: Arc<Store>,
    queue: Ordered<Blocks>,
    /// What the next job may refer to, and then its own text.
    text: Vec<u8>,
    history: usize,
    /// Where the next job begins in its folder.
    place: u64,
    /// The number of the folder that is being read.
    folder: usize,
    /// Blocks and bytes of each folder.
    folders: Vec<(u16, u64)>,
}

/// CFDATA records of one folder, one after another.
struct Blocks {
    folder: usize,
    count: u16,
    bytes: Vec<u8>,
}

impl<'a, W: Write> DataWriter<'a, W> {
    pub(super) fn new(packing: Packing, store: &Arc<Store>, out: &'a mut W) -> Self {
        let queue = match packing {
            Packing::Mszip => Ordered::new(store.pool()),
            Packing::Lzx => Ordered::short(store.pool()),
        };
        let (text, folders) = (Vec::new(), vec![(0, 0)]);
        DataWriter { out, packing, store: store.clone(), queue, text, history: 0, place: 0, folder: 0, folders }
    }

    pub(super) fn add(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            // A full job waits for what comes: LZX wants to know which is a folder's last one.
            if self.text.len() - self.history == self.packing.job_len() {
                self.submit(false)?;
            }
            let (now, rest) = bytes.split_at(bytes.len().min(self.packing.job_len() + self.history - self.text.len()));
            self.text.extend_from_slice(now);
            bytes = rest;
        }
        Ok(())
    }

    fn submit(&mut self, last: bool) -> Result<()> {
        let history_len = if last { 0 } else { self.packing.history_len().min(self.text.len()) };
        let mut next = Vec::with_capacity(if last { 0 } else { history_len + self.packing.job_len() });
        next.extend_from_slice(&self.text[self.text.len() - history_len..]);
        let job = Job {
            packing: self.packing,
            text: std::mem::replace(&mut self.text, next),
            history: std::mem::replace(&mut self.history, history_len),
            place: self.place,
            last,
        };
        self.place += (job.text.len() - job.history) as u64;
        let (store, folder) = (self.store.clone(), self.folder);
        let done = self.queue.submit(move || job.blocks(&store, folder))?;
        done.map_or(Ok(()), |blocks| self.put(&blocks))
    }

    fn put(&mut self, blocks: &Blocks) -> Result<()> {
        self.out.write_all(&blocks.bytes).map_err(patch::write_failed)?;
        let folder = &mut self.folders[blocks.folder];
        folder.0 += blocks.count;
        folder.1 += blocks.bytes.len() as u64;
        Ok(())
    }

    pub(super) fn end_folder(&mut self) -> Result<()> {
        if self.text.len() > self.history {
            self.submit(true)?;
        }
        (self.place, self.folder) = (0, self.folder + 1);
        self.folders.push((0, 0));
        Ok(())
    }

    /// Writes what is left and says how many blocks and bytes each folder has.
    pub(super) fn finish(mut self) -> Result<Vec<(u16, u64)>> {
        while let Some(blocks) = self.queue.oldest()? {
            self.put(&blocks)?;
        }
        self.folders.truncate(self.folder);
        Ok(self.folders)
    }
}

/// A part of a folder that is compressed in one go.
struct Job {
    packing: Packing,
    /// What it may refer to, and then its own text.
    text: Vec<u8>,
    history: usize,
    /// Where it begins in its folder.
    place: u64,
    last: bool,
}

impl Job {
    fn blocks(self, store: &Store, folder: usize) -> Result<Blocks> {
        let count = (self.text.len() - self.history).div_ceil(BLOCK) as u16;
        let (history, plain) = self.text.split_at(self.history);
        // The place matters to LZX alone, which translates calls by it.
        let place = if self.packing == Packing::Lzx { self.place } else { 0 };
        let about = [&place.to_le_bytes()[..], &[u8::from(self.last)]].concat();
        let bytes = match store.find_made(self.packing.recipe(), &[&about, history, plain])? {
            Ok(bytes) => bytes,
            Err(key) => {
                let bytes = match self.packing {
                    Packing::Mszip => mszip(plain, history)?,
                    Packing::Lzx => lzx(self),
                };
                store.keep_made(key, &bytes)?;
                bytes
            }
        };
        Ok(Blocks { folder, count, bytes })
    }
}

/// Packs one job: `text` is what it may refer to, `history` bytes, and then its own; `place` is where that begins in its folder.
///
/// # Errors
/// Deflate fails.
pub fn pack_job(packing: Packing, text: Vec<u8>, history: usize, place: u64, last: bool) -> Result<Vec<u8>> {
    match packing {
        Packing::Mszip => mszip(&text[history..], &text[..history]),
        Packing::Lzx => Ok(lzx(Job { packing, text, history, place, last })),
    }
}

/// Appends a CFDATA record.
fn add_block(packed: &[u8], plain_len: usize, bytes: &mut Vec<u8>) {
    let sizes = [packed.len() as u16, plain_len as u16].map(u16::to_le_bytes).concat();
    let checksum = checksum(packed) ^ checksum(&sizes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes.extend_from_slice(&sizes);
    bytes.extend_from_slice(packed);
}

fn lzx(job: Job) -> Vec<u8> {
    let part = lzx::Part { text: job.text, history: job.history, place: job.place, last: job.last };
    let mut bytes = Vec::new();
    for frame in lzx::Encoder::default().frames(part) {
        add_block(&frame.packed, frame.plain_len, &mut bytes);
    }
    bytes
}

/// Compresses one job as one deflate stream that is flushed after every block: what a block may refer to is then hashed once, not
/// again as the next block's dictionary.
fn mszip(plain: &[u8], history: &[u8]) -> Result<Vec<u8>> {
    let mut deflate = Compress::new(LEVEL, false);
    if !history.is_empty() {
        deflate.set_dictionary(history).map_err(|error| Error::new(format!("deflate: {error}")))?;
    }
    let (mut bytes, mut packed) = (Vec::with_capacity(plain.len() / 2), Vec::new());
    for block in plain.chunks(BLOCK) {
        packed.clear();
        packed.extend_from_slice(b"CK");
        deflate_block(&mut deflate, block, &mut packed)?;
        add_block(&packed, block.len(), &mut bytes);
    }
    Ok(bytes)
}

/// Appends one whole deflate stream (RFC 1951); stored where deflate would make it larger than MSZIP allows.
fn deflate_block(deflate: &mut Compress, block: &[u8], packed: &mut Vec<u8>) -> Result<()> {
    packed.reserve(2 * BLOCK);
    let head = packed.len();
    let before = deflate.total_in();
    let status = deflate.compress_vec(block, packed, FlushCompress::Sync);
    let whole = deflate.total_in() - before == block.len() as u64 && packed.len() < packed.capacity();
    if !matches!(status, Ok(Status::Ok)) || !whole {
        return Err(Error::new(format!("deflate did not finish a block: {status:?}")));
    }
    // A flush ends on a byte but leaves the stream open: an empty last block of fixed codes closes it.
    const CLOSE: [u8; 2] = [0x03, 0x00];
    packed.extend_from_slice(&CLOSE);
    if packed.len() - head > block.len() + STORED_HEAD {
        packed.truncate(head);
        let len = block.len() as u16;
        packed.push(1);
        packed.extend_from_slice(&len.to_le_bytes());
        packed.extend_from_slice(&(!len).to_le_bytes());
        packed.extend_from_slice(block);
    }
    Ok(())
}

/// MS-CAB 3.1: 32-bit words XORed; the last one to three bytes count in reverse order.
fn checksum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks_exact(4);
    let tail = words.remainder().iter().fold(0, |tail, &byte| tail << 8 | u32::from(byte));
    words.fold(tail, |sum, word| sum ^ u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::CacheChoice;
    use crate::format::unread;
    use crate::listener::Silent;
    use crate::payload::{Content, Entry, Kind, Tree, TreePath};
    use std::io::{Cursor, Read};

    fn files(contents: &[Vec<u8>]) -> Vec<PreparedFile> {
        let entries = contents.iter().enumerate().map(|(index, bytes)| Entry {
            path: TreePath::new(format!("f{index:03}").as_bytes()).unwrap(),
            kind: Kind::File(Content::memory(bytes.clone())),
            mode: 0o644,
            config: false,
            mtime: 0,
        });
        unread(Tree::new(entries.collect()).unwrap())
    }

    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    fn member(file: &PreparedFile) -> Member<'_> {
        Member { name: file.entry.path.display(), path: &file.entry.path, file, md5: true, own: false }
    }

    fn cabinet(files: &[PreparedFile], packing: Packing, threads: usize) -> Vec<u8> {
        let store = Store::open(CacheChoice::Temporary(std::env::temp_dir()), threads).unwrap();
        written(&files.iter().map(member).collect::<Vec<_>>(), packing, &store)
    }

    fn written(members: &[Member], packing: Packing, store: &Arc<Store>) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        let digests = write(members, packing, 1_700_000_001, store, &Silent, &mut out).unwrap();
        for (digests, member) in digests.iter().zip(members) {
            let Kind::File(content) = &member.file.entry.kind else { panic!("{:?}", member.file.entry) };
            assert_eq!(digests.md5.unwrap()[..], Md5::digest(content.bytes().unwrap())[..]);
        }
        assert!(out.get_ref().len() as u64 <= longest(members));
        out.into_inner()
    }

    #[test]
    fn the_cab_crate_reads_back_every_byte_whatever_the_content() {
        let text: Vec<u8> = (0..3_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 27) as u8).collect();
        let this = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let contents = [
            vec![],
            vec![0; 1],
            noise(100_000),
            text,
            vec![7; 32_768],
            noise(32_767),
            vec![9; 5_000_000],
            vec![],
            this[..this.len().min(6_000_000)].to_vec(),
            noise(1 << 20),
        ];
        for packing in [Packing::Mszip, Packing::Lzx] {
            let made = cabinet(&files(&contents), packing, 2);
            let mut read = cab::Cabinet::new(Cursor::new(&made)).unwrap();
            for (index, content) in contents.iter().enumerate() {
                let mut back = Vec::new();
                read.read_file(&format!("f{index:03}")).unwrap().read_to_end(&mut back).unwrap();
                assert!(&back == content, "f{index:03} by {packing:?}");
            }
            assert_eq!(u32::from_le_bytes(made[8..12].try_into().unwrap()) as usize, made.len());
        }
    }

    #[test]
    fn the_bytes_do_not_depend_on_the_number_of_threads() {
        let files = files(&[noise(3_000_000), vec![1; 4_000_000], b"some text, ".repeat(1_000_000)]);
        for packing in [Packing::Mszip, Packing::Lzx] {
            assert!(cabinet(&files, packing, 1) == cabinet(&files, packing, 3), "{packing:?}");
        }
    }

    #[test]
    fn folders_end_at_files_and_a_large_file_has_one_of_its_own() {
        let size = |len| {
            let entry = Entry {
                path: TreePath::new(b"f").unwrap(),
                kind: Kind::File(Content::spooled(std::path::Path::new("/nowhere").into(), 0, len)),
                mode: 0o644,
                config: false,
                mtime: 0,
            };
            PreparedFile::unread(entry)
        };
        let files = [20 << 20, 12 << 20, 0, 1, 200 << 20, 0, 5, 6].map(size);
        let mut members: Vec<Member> = files.iter().map(member).collect();
        members[7].own = true;
        assert_eq!(folders(&members, Packing::Lzx), [0..3, 3..4, 4..6, 6..7, 7..8]);
        assert_eq!(folders(&members, Packing::Mszip), [0..7, 7..8]);
        assert!(folders(&[], Packing::Lzx).is_empty());
    }

    #[test]
    fn what_two_packages_share_is_compressed_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(CacheChoice::Folder(folder.path().to_path_buf()), 2).unwrap();
        let kept = || {
            std::fs::read_dir(folder.path())
                .unwrap()
                .flatten()
                .filter_map(|shelf| std::fs::read_dir(shelf.path()).ok())
                .flatten()
                .count()
        };
        for packing in [Packing::Mszip, Packing::Lzx] {
            let mut counts = Vec::new();
            for own in [&b"one site"[..], b"another site, of another length", b"one site"] {
                let files = files(&[b"large ".repeat(3_000_000), own.to_vec()]);
                let mut members: Vec<Member> = files.iter().map(member).collect();
                members[1].own = true;
                written(&members, packing, &store);
                counts.push(kept());
            }
            assert_eq!([counts[1] - counts[0], counts[2] - counts[1]], [1, 0], "{packing:?}");
        }
    }

    #[test]
    fn a_block_refers_to_the_block_before_it() {
        // Without history, the second block would hold all of the noise again.
        for packing in [Packing::Mszip, Packing::Lzx] {
            let thrice = cabinet(&files(&[noise(20_000).repeat(3)]), packing, 1);
            assert!(thrice.len() < 22_000, "{} bytes by {packing:?}", thrice.len());
        }
    }

    #[test]
    fn a_file_above_the_limit_is_refused_by_its_name() {
        let entry = |len| Entry {
            path: TreePath::new(b"huge.bin").unwrap(),
            kind: Kind::File(Content::spooled(std::path::Path::new("/nowhere").into(), 0, len)),
            mode: 0o644,
            config: false,
            mtime: 0,
        };
        let file = |len| PreparedFile::unread(entry(len));
        let (large, huge) = (file(FOLDER_LIMIT), file(FOLDER_LIMIT + 1));
        assert!(plan(&[member(&huge)]).err().unwrap().what().contains("huge.bin"));
        assert_eq!(plan(&[member(&large), member(&large)]).unwrap(), [0..1, 1..2]);
    }

    #[test]
    fn times_are_those_of_ms_dos() {
        assert_eq!(dos_time(0).unwrap(), (1 << 5 | 1, 0));
        assert_eq!(dos_time(1_700_000_000).unwrap(), (43 << 9 | 11 << 5 | 14, 22 << 11 | 13 << 5 | 10));
    }
}
