//! Cabinets (MS-CAB): one folder each, MSZIP with history, blocks compressed in parallel.
//!
//! A job's dictionary is the 32 KiB of plain text before it, so that its blocks can be compressed before their predecessors are
//! done, yet compress as one stream. Where a job begins depends on the contents alone: the bytes do not depend on threads.

use crate::compress::{Ordered, Store};
use crate::error::{Error, Result};
use crate::format::{patch, Digests, PreparedFile};
use crate::listener::Listener;
use flate2::{Compress, Compression, FlushCompress, Status};
use md5::{Digest, Md5};
use std::io::{Seek, Write};
use std::ops::Range;
use std::sync::Arc;

/// One file of a cabinet under the name it has there.
pub struct Member<'a> {
    /// The File table's key; ASCII.
    pub name: String,
    /// What it holds.
    pub file: &'a PreparedFile,
    /// Whether its MD5 is wanted.
    pub md5: bool,
}

/// Plain bytes in one CFDATA block (MS-CAB 2.5); also how far back a block may refer.
const BLOCK: usize = 32 << 10;
/// Blocks that one job compresses.
const JOB_BLOCKS: usize = 32;
/// On programs and libraries 1% smaller than gcab's level and 2.5 times as fast; the next level takes a fifth longer for 0.3%.
const LEVEL: Compression = Compression::new(5);
/// Plain bytes of one folder. The format ends at 65,535 blocks, and readers count a cabinet's bytes in a signed 32-bit number:
/// this many blocks, stored uncompressed, stay below both together with the list of members.
pub const FOLDER_LIMIT: u64 = 65_000 * BLOCK as u64;
/// Members of one cabinet; its header counts them in 16 bits.
const MEMBER_LIMIT: usize = 60_000;
/// Lengths of CFHEADER, CFFOLDER and the fixed part of CFFILE and CFDATA.
const HEADER: usize = 36;
const FOLDER: usize = 8;
const MEMBER: usize = 16;
const DATA: usize = 8;
/// A deflate block of stored bytes needs five more; MSZIP's own limit is BLOCK + 12.
const STORED_HEAD: usize = 5;

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
    list_len(members) as u64 + plain + blocks * (DATA + 2 + STORED_HEAD) as u64
}

fn list_len(members: &[Member]) -> usize {
    HEADER + FOLDER + members.iter().map(|member| MEMBER + member.name.len() + 1).sum::<usize>()
}

/// Writes one cabinet at the writer's start; `mtime` is every member's time, in seconds since 1970. Each content is read once: its
/// digests are those of the very bytes that were compressed.
///
/// # Errors
/// A content cannot be read or changed since it was prepared, or the writer refuses.
pub fn write<W: Write + Seek>(
    members: &[Member],
    mtime: i64,
    store: &Arc<Store>,
    listener: &dyn Listener,
    out: &mut W,
) -> Result<Vec<Digests>> {
    let data_at = list_len(members);
    out.write_all(&list(members, mtime, data_at)?).map_err(patch::write_failed)?;
    let mut data = DataWriter::new(store, out);
    let mut digests = Vec::with_capacity(members.len());
    for member in members {
        let mut md5 = member.md5.then(Md5::new);
        let sha256 = member.file.read_hashed(&mut |bytes| {
            if let Some(md5) = &mut md5 {
                md5.update(bytes);
            }
            listener.advance("pack", bytes.len() as u64);
            data.add(bytes)
        })?;
        digests.push(Digests { sha256: sha256.unwrap_or_default(), md5: md5.map(|md5| md5.finalize().into()) });
    }
    let (blocks, len) = data.finish()?;
    let cabinet_len = u32::try_from(data_at as u64 + len).map_err(|_| Error::new("a cabinet grew above 4 GiB"))?;
    patch::overwrite(out, 8, &cabinet_len.to_le_bytes())?;
    patch::overwrite(out, HEADER as u64 + 4, &blocks.to_le_bytes())?;
    Ok(digests)
}

/// Header, folder and list of members; the cabinet's length and its number of blocks are zero for now.
fn list(members: &[Member], mtime: i64, data_at: usize) -> Result<Vec<u8>> {
    let count = u16::try_from(members.len()).map_err(|_| Error::new("too many members for one cabinet"))?;
    let mut bytes = b"MSCF".to_vec();
    for field in [0, 0, 0, (HEADER + FOLDER) as u32, 0] {
        bytes.extend_from_slice(&field.to_le_bytes());
    }
    // Version 1.3, one folder, no flags, the only cabinet of its set.
    bytes.extend_from_slice(&[3, 1]);
    for field in [1, count, 0, 0, 0] {
        bytes.extend_from_slice(&field.to_le_bytes());
    }
    bytes.extend_from_slice(&(data_at as u32).to_le_bytes());
    const MSZIP: u16 = 1;
    for field in [0, MSZIP] {
        bytes.extend_from_slice(&field.to_le_bytes());
    }
    let (date, time) = dos_time(mtime)?;
    let mut offset = 0_u64;
    for member in members {
        bytes.extend_from_slice(&(member.file.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&(offset as u32).to_le_bytes());
        const ARCHIVE: u16 = 0x20;
        for field in [0, date, time, ARCHIVE] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        bytes.extend_from_slice(member.name.as_bytes());
        bytes.push(0);
        offset += member.file.len();
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

/// Cuts the folder's plain text into jobs, and writes the compressed blocks in order.
struct DataWriter<'a, W: Write> {
    out: &'a mut W,
    queue: Ordered<Blocks>,
    plain: Vec<u8>,
    /// The last block of the job before.
    history: Vec<u8>,
    blocks: u16,
    len: u64,
}

/// CFDATA records, one after another.
struct Blocks {
    count: u16,
    bytes: Vec<u8>,
}

impl<'a, W: Write> DataWriter<'a, W> {
    fn new(store: &Arc<Store>, out: &'a mut W) -> Self {
        DataWriter { out, queue: Ordered::new(store.pool()), plain: Vec::new(), history: Vec::new(), blocks: 0, len: 0 }
    }

    fn add(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(JOB_BLOCKS * BLOCK - self.plain.len()));
            self.plain.extend_from_slice(now);
            bytes = rest;
            if self.plain.len() == JOB_BLOCKS * BLOCK {
                self.submit()?;
            }
        }
        Ok(())
    }

    fn submit(&mut self) -> Result<()> {
        let plain = std::mem::take(&mut self.plain);
        let next_history = plain[plain.len().saturating_sub(BLOCK)..].to_vec();
        let history = std::mem::replace(&mut self.history, next_history);
        let done = self.queue.submit(move || compress(&plain, &history))?;
        done.map_or(Ok(()), |blocks| self.put(&blocks))
    }

    fn put(&mut self, blocks: &Blocks) -> Result<()> {
        self.out.write_all(&blocks.bytes).map_err(patch::write_failed)?;
        self.blocks += blocks.count;
        self.len += blocks.bytes.len() as u64;
        Ok(())
    }

    /// Writes what is left and says how many blocks and bytes there are.
    fn finish(mut self) -> Result<(u16, u64)> {
        if !self.plain.is_empty() {
            self.submit()?;
        }
        while let Some(blocks) = self.queue.oldest()? {
            self.put(&blocks)?;
        }
        Ok((self.blocks, self.len))
    }
}

/// Compresses one job as one deflate stream that is flushed after every block: what a block may refer to is then hashed once, not
/// again as the next block's dictionary.
fn compress(plain: &[u8], history: &[u8]) -> Result<Blocks> {
    let mut deflate = Compress::new(LEVEL, false);
    if !history.is_empty() {
        deflate.set_dictionary(history).map_err(|error| Error::new(format!("deflate: {error}")))?;
    }
    let mut blocks = Blocks { count: 0, bytes: Vec::with_capacity(plain.len() / 2) };
    for block in plain.chunks(BLOCK) {
        let head = blocks.bytes.len();
        blocks.bytes.extend_from_slice(&[0; DATA]);
        blocks.bytes.extend_from_slice(b"CK");
        deflate_block(&mut deflate, block, &mut blocks.bytes)?;
        let packed_len = blocks.bytes.len() - head - DATA;
        let sizes = [packed_len as u16, block.len() as u16].map(u16::to_le_bytes).concat();
        let checksum = checksum(&blocks.bytes[head + DATA..]) ^ checksum(&sizes);
        blocks.bytes[head..head + 4].copy_from_slice(&checksum.to_le_bytes());
        blocks.bytes[head + 4..head + DATA].copy_from_slice(&sizes);
        blocks.count += 1;
    }
    Ok(blocks)
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

    fn cabinet(files: &[PreparedFile], threads: usize) -> Vec<u8> {
        let store = Store::open(CacheChoice::Temporary(std::env::temp_dir()), threads).unwrap();
        let members: Vec<Member> = files.iter().map(|file| Member { name: file.entry.path.display(), file, md5: true }).collect();
        let mut out = Cursor::new(Vec::new());
        let digests = write(&members, 1_700_000_001, &store, &Silent, &mut out).unwrap();
        for (digests, file) in digests.iter().zip(files) {
            let Kind::File(content) = &file.entry.kind else { panic!("{:?}", file.entry) };
            assert_eq!(digests.md5.unwrap()[..], Md5::digest(content.bytes().unwrap())[..]);
        }
        assert!(out.get_ref().len() as u64 <= longest(&members));
        out.into_inner()
    }

    #[test]
    fn the_cab_crate_reads_back_every_byte_whatever_the_content() {
        let text: Vec<u8> = (0..3_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 27) as u8).collect();
        let contents = [
            vec![],
            vec![0; 1],
            noise(100_000),
            text,
            vec![7; 32_768],
            noise(32_767),
            vec![9; 5_000_000],
            vec![],
            noise(1 << 20),
        ];
        let made = cabinet(&files(&contents), 2);
        let mut read = cab::Cabinet::new(Cursor::new(&made)).unwrap();
        for (index, content) in contents.iter().enumerate() {
            let mut back = Vec::new();
            read.read_file(&format!("f{index:03}")).unwrap().read_to_end(&mut back).unwrap();
            assert!(&back == content, "f{index:03}");
        }
        assert_eq!(u32::from_le_bytes(made[8..12].try_into().unwrap()) as usize, made.len());
    }

    #[test]
    fn the_bytes_do_not_depend_on_the_number_of_threads() {
        let files = files(&[noise(3_000_000), vec![1; 4_000_000]]);
        assert!(cabinet(&files, 1) == cabinet(&files, 3));
    }

    #[test]
    fn a_block_refers_to_the_block_before_it() {
        // Without history, the second block would hold all of the noise again.
        let thrice = cabinet(&files(&[noise(20_000).repeat(3)]), 1);
        assert!(thrice.len() < 22_000, "{} bytes", thrice.len());
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
        let member = |file| Member { name: "f".into(), file, md5: false };
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
