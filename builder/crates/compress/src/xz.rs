//! One xz stream of many blocks (xz file format 1.2.1) whose index is made from independently compressed units.
//!
//! A block's header names its sizes, so that readers with several threads (xz from 5.4 on) unpack blocks side by side.

use super::nature::Nature;
use super::segment::Segment;
use super::source::Source;
use base::error::{Error, Result};
use liblzma::stream::{Action, Filters, LzmaOptions, MatchFinder, Mode, Status, Stream};

/// Stream Flags for CRC-32 (section 2.1.1.2): what dpkg-deb takes too, and gzip's checksum serves for both.
const FLAGS: [u8; 2] = [0x00, 0x01];
/// Filter identifiers (section 5.3).
const X86: u64 = 0x04;
const LZMA2: u64 = 0x21;
/// Bytes of every block's header: sizes below 2^35 take five bytes each.
pub const HEADER_ROOM: usize = 24;
/// The largest dictionary in bytes, and the smallest, with what LZMA2's properties byte says for it (section 5.3.1). An encoder takes
/// nearly twelve times as much memory as its dictionary.
const LARGEST: u32 = 4 << 20;
const SMALLEST: (u32, u8) = (64 << 10, 8);

/// The Stream Header: magic, flags, CRC-32 of the flags.
pub fn header() -> Vec<u8> {
    let mut bytes = vec![0xfd, b'7', b'z', b'X', b'Z', 0x00];
    bytes.extend_from_slice(&FLAGS);
    bytes.extend_from_slice(&crc32fast::hash(&FLAGS).to_le_bytes());
    bytes
}

/// Compresses `plain` into one block (section 3): header, data, padding and check.
pub fn compress(nature: Nature, plain: &dyn Source, block: &mut Vec<u8>) -> Result<Segment> {
    let mut crc32 = crc32fast::Hasher::new();
    // The header names the length of what follows it: room is left for the longest.
    block.resize(HEADER_ROOM, 0);
    match nature {
        Nature::Dense => stored(plain, &mut crc32, block)?,
        _ => encoded(nature, plain, &mut crc32, block)?,
    }
    let header = block_header(nature, (block.len() - HEADER_ROOM) as u64, plain.len());
    block[..HEADER_ROOM].copy_from_slice(&header);
    let crc32 = crc32.finalize();
    let check = crc32.to_le_bytes();
    let unpadded_len = (block.len() + check.len()) as u64;
    block.resize(block.len().next_multiple_of(4), 0);
    block.extend_from_slice(&check);
    Ok(Segment { plain_len: plain.len(), crc32, unpadded_len })
}

/// The effort, chosen by measurement (docs/benchmark.md): a branch filter gains more on programs than `xz -6` gains by its longer
/// search, and text gains little from alignment.
fn options(nature: Nature, plain_len: u64) -> Result<LzmaOptions> {
    let mut options = LzmaOptions::new_preset(6).map_err(failed)?;
    options.dict_size(dictionary(plain_len).0).mode(Mode::Normal).match_finder(MatchFinder::BinaryTree4).nice_len(48).depth(24);
    if nature != Nature::X86 {
        options.position_bits(0);
    }
    Ok(options)
}

fn encoded(nature: Nature, plain: &dyn Source, crc32: &mut crc32fast::Hasher, out: &mut Vec<u8>) -> Result<()> {
    let options = options(nature, plain.len())?;
    let mut filters = Filters::new();
    if nature == Nature::X86 {
        filters.x86();
    }
    filters.lzma2(&options);
    let mut encoder = Stream::new_raw_encoder(&filters).map_err(failed)?;
    plain.read(0, plain.len(), &mut |block| {
        crc32.update(block);
        let start = encoder.total_in();
        while encoder.total_in() - start < block.len() as u64 {
            let done = (encoder.total_in() - start) as usize;
            out.reserve(ROOM);
            encoder.process_vec(&block[done..], out, Action::Run).map_err(failed)?;
        }
        Ok(())
    })?;
    loop {
        out.reserve(ROOM);
        if encoder.process_vec(&[], out, Action::Finish).map_err(failed)? == Status::StreamEnd {
            return Ok(());
        }
    }
}

/// The smallest dictionary of a power of two that holds all of a unit, and its properties byte.
fn dictionary(plain_len: u64) -> (u32, u8) {
    let (mut size, mut byte) = SMALLEST;
    while u64::from(size) < plain_len && size < LARGEST {
        size *= 2;
        byte += 2;
    }
    (size, byte)
}

/// Bytes that the output has room for whenever the encoder is called.
const ROOM: usize = 64 << 10;

fn failed(error: liblzma::stream::Error) -> Error {
    Error::new(format!("xz failed: {error}"))
}

/// LZMA2 chunks without compression: a control byte, the size less one, the bytes; a zero ends them.
fn stored(plain: &dyn Source, crc32: &mut crc32fast::Hasher, out: &mut Vec<u8>) -> Result<()> {
    const CHUNK: usize = 64 << 10;
    const RESET_DICTIONARY: u8 = 1;
    const KEEP_DICTIONARY: u8 = 2;
    let mut control = RESET_DICTIONARY;
    plain.read(0, plain.len(), &mut |block| {
        crc32.update(block);
        for chunk in block.chunks(CHUNK) {
            out.push(std::mem::replace(&mut control, KEEP_DICTIONARY));
            out.extend_from_slice(&(chunk.len() as u16).wrapping_sub(1).to_be_bytes());
            out.extend_from_slice(chunk);
        }
        Ok(())
    })?;
    out.push(0);
    Ok(())
}

/// The Block Header (section 3.1) with both sizes, padded to [`HEADER_ROOM`].
fn block_header(nature: Nature, packed_len: u64, plain_len: u64) -> Vec<u8> {
    const BOTH_SIZES: u8 = 0xc0;
    let branches = nature == Nature::X86;
    let filters = if branches { 2 } else { 1 };
    let mut header = vec![0, BOTH_SIZES | (filters - 1)];
    write_vli(&mut header, packed_len);
    write_vli(&mut header, plain_len);
    if branches {
        write_vli(&mut header, X86);
        write_vli(&mut header, 0);
    }
    write_vli(&mut header, LZMA2);
    write_vli(&mut header, 1);
    header.push(dictionary(plain_len).1);
    header.resize(HEADER_ROOM - 4, 0);
    header[0] = (HEADER_ROOM / 4 - 1) as u8;
    let crc = crc32fast::hash(&header);
    header.extend_from_slice(&crc.to_le_bytes());
    header
}

/// What a block's header says.
pub struct Block {
    /// Whether jump targets were made absolute.
    pub x86: bool,
    packed_len: u64,
    plain_len: u64,
}

impl Block {
    /// Header, data and check.
    pub fn unpadded_len(&self) -> u64 {
        HEADER_ROOM as u64 + self.packed_len + 4
    }

    /// The block as a segment whose CRC-32 is not known.
    pub fn segment(&self) -> Segment {
        Segment { plain_len: self.plain_len, crc32: 0, unpadded_len: self.unpadded_len() }
    }
}

/// Reads a header that [`compress`] wrote; `None` of any other.
pub fn read_header(header: &[u8]) -> Option<Block> {
    let mut rest = header.get(..HEADER_ROOM)?.get(2..)?;
    let (packed_len, plain_len) = (read_vli(&mut rest)?, read_vli(&mut rest)?);
    [Nature::General, Nature::X86]
        .into_iter()
        .find(|nature| block_header(*nature, packed_len, plain_len) == header[..HEADER_ROOM])
        .map(|nature| Block { x86: nature == Nature::X86, packed_len, plain_len })
}

/// A variable-length integer below 2^35, as a header has room for.
fn read_vli(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for index in 0..5 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// The Index and the Stream Footer (sections 4 and 2.1.2).
pub fn trailer(units: impl Iterator<Item = Segment> + Clone) -> Vec<u8> {
    let mut index = vec![0];
    write_vli(&mut index, units.clone().count() as u64);
    for unit in units {
        write_vli(&mut index, unit.unpadded_len);
        write_vli(&mut index, unit.plain_len);
    }
    index.resize(index.len().next_multiple_of(4), 0);
    let crc = crc32fast::hash(&index);
    index.extend_from_slice(&crc.to_le_bytes());
    let mut fields = ((index.len() / 4 - 1) as u32).to_le_bytes().to_vec();
    fields.extend_from_slice(&FLAGS);
    index.extend_from_slice(&crc32fast::hash(&fields).to_le_bytes());
    index.extend_from_slice(&fields);
    index.extend_from_slice(b"YZ");
    index
}

/// A variable-length integer (section 1.2).
fn write_vli(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
