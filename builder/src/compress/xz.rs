//! One xz stream of many blocks (xz file format 1.2.1) whose index is rebuilt from independently compressed blocks.

use super::codec::{Codec, Segment};
use crate::error::{Error, Result};
use liblzma::stream::{Action, Check, Status, Stream};

/// Stream Header and Stream Footer are 12 bytes each (sections 2.1.1 and 2.1.2).
const HEADER_LEN: usize = 12;
const FOOTER_LEN: usize = 12;
/// Stream Flags for CRC64 (section 2.1.1.2).
const FLAGS: [u8; 2] = [0x00, 0x04];

/// The Stream Header: magic, flags, CRC-32 of the flags.
pub fn header() -> Vec<u8> {
    let mut bytes = vec![0xfd, b'7', b'z', b'X', b'Z', 0x00];
    bytes.extend_from_slice(&FLAGS);
    bytes.extend_from_slice(&crc32fast::hash(&FLAGS).to_le_bytes());
    bytes
}

/// Compresses `plain` into one block: header, data, padding and check.
pub fn compress(plain: &[u8]) -> Result<(Segment, Vec<u8>)> {
    let stream = single_block_stream(plain)?;
    let (unpadded_len, block_end) =
        block_of(&stream).ok_or_else(|| Error::new("liblzma made a stream of another shape than one block"))?;
    let block = stream[HEADER_LEN..block_end].to_vec();
    let segment = Segment { plain_len: plain.len() as u64, crc32: crc32fast::hash(plain), unpadded_len };
    Ok((segment, block))
}

fn single_block_stream(plain: &[u8]) -> Result<Vec<u8>> {
    let failed = |error| Error::new(format!("xz failed: {error}"));
    let mut encoder = Stream::new_easy_encoder(Codec::Xz.level(), Check::Crc64).map_err(failed)?;
    let mut out = Vec::with_capacity(plain.len() / 3 + 4096);
    loop {
        let done = encoder.total_in() as usize;
        out.reserve((plain.len() - done) / 3 + 4096);
        if encoder.process_vec(&plain[done..], &mut out, Action::Finish).map_err(failed)? == Status::StreamEnd {
            return Ok(out);
        }
    }
}

/// The block's unpadded size as the index has it, and where the padded block ends in the stream.
fn block_of(stream: &[u8]) -> Option<(u64, usize)> {
    let footer = stream.len().checked_sub(FOOTER_LEN)?;
    let backward = u32::from_le_bytes(stream[footer + 4..footer + 8].try_into().ok()?) as usize;
    let index_start = footer.checked_sub((backward + 1) * 4)?;
    let mut index = stream[index_start..footer].iter().copied();
    if (index.next()?, read_vli(&mut index)?) != (0, 1) {
        return None;
    }
    Some((read_vli(&mut index)?, index_start))
}

/// The Index and the Stream Footer (sections 4 and 2.1.2).
pub fn trailer(segments: &[Segment]) -> Vec<u8> {
    let mut index = vec![0];
    write_vli(&mut index, segments.len() as u64);
    for segment in segments {
        write_vli(&mut index, segment.unpadded_len);
        write_vli(&mut index, segment.plain_len);
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

fn read_vli(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let byte = bytes.next()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
