//! One gzip member (RFC 1952) out of units that were deflated independently, each ended at a byte boundary.

use super::deflate;
use super::nature::Nature;
use super::segment::Segment;
use base::error::{Error, Result};
use libdeflater::{CompressionLvl, Compressor};
use std::cell::RefCell;

/// libdeflate's level. On 446 MB of agents (docs/benchmark.md) 5 makes 0.3% more than `gzip -9` does, 6 makes 0.5% less
/// in half as much time again, and 4 makes 2.5% more.
const LEVEL: i32 = 5;

/// The member header: deflate, no flags, no time, unknown system.
pub const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// An empty final deflate block (fixed Huffman codes): ends a stream of open-ended units.
const FINAL_BLOCK: [u8; 2] = [0x03, 0x00];

thread_local! {
    /// Kept for its tables, which take longer to make than a small unit to compress.
    static COMPRESSOR: RefCell<Option<Compressor>> = const { RefCell::new(None) };
}

/// Deflates `plain` into `packed`, which is empty, so that any other unit may follow.
pub fn compress(nature: Nature, plain: &[u8], packed: &mut Vec<u8>) -> Result<Segment> {
    match nature {
        Nature::Dense => deflate::store(plain, packed),
        _ if plain.is_empty() => {}
        _ => {
            deflated(plain, packed)?;
            deflate::open_end(packed).ok_or_else(|| Error::new("libdeflate made a stream that does not end where it should"))?;
        }
    }
    Ok(Segment { plain_len: plain.len() as u64, crc32: crc32fast::hash(plain), unpadded_len: packed.len() as u64 })
}

fn deflated(plain: &[u8], packed: &mut Vec<u8>) -> Result<()> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let level = CompressionLvl::new(LEVEL).map_err(|_| Error::new(format!("libdeflate has no level {LEVEL}")))?;
        let compressor = kept.get_or_insert_with(|| Compressor::new(level));
        packed.resize(compressor.deflate_compress_bound(plain.len()), 0);
        let len = compressor.deflate_compress(plain, packed);
        packed.truncate(len.map_err(|error| Error::new(format!("deflate failed: {error}")))?);
        Ok(())
    })
}

/// What ends the member: the final block, the CRC-32 of everything and its length modulo 2^32.
pub fn trailer(units: impl Iterator<Item = Segment> + Clone) -> Vec<u8> {
    let mut crc = crc32fast::Hasher::new();
    for unit in units.clone() {
        crc.combine(&crc32fast::Hasher::new_with_initial_len(unit.crc32, unit.plain_len));
    }
    let plain_len: u64 = units.map(|unit| unit.plain_len).sum();
    let mut bytes = FINAL_BLOCK.to_vec();
    bytes.extend_from_slice(&crc.finalize().to_le_bytes());
    bytes.extend_from_slice(&(plain_len as u32).to_le_bytes());
    bytes
}
