//! One gzip member (RFC 1952) out of independently deflated, sync-flushed segments.

use super::codec::{Codec, Segment};
use crate::error::{Error, Result};
use flate2::{Compress, Compression, FlushCompress};

/// The member header: deflate, no flags, no time, unknown system.
pub const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// An empty final deflate block (fixed Huffman codes): ends a stream of sync-flushed segments.
const FINAL_BLOCK: [u8; 2] = [0x03, 0x00];

/// Deflates `plain` and ends it at a byte boundary; `before` is the text just before it, of which deflate can see 32 KiB.
pub fn compress(plain: &[u8], before: &[u8]) -> Result<(Segment, Vec<u8>)> {
    let mut deflate = Compress::new(Compression::new(Codec::Gzip.level()), false);
    if !before.is_empty() {
        let window = &before[before.len().saturating_sub(32 << 10)..];
        deflate.set_dictionary(window).map_err(|error| Error::new(format!("deflate refused its window: {error}")))?;
    }
    // Incompressible data grows by 5 bytes in 16 KiB; the sync flush adds at most 10.
    let mut packed = Vec::with_capacity(plain.len() / 2 + 1024);
    loop {
        let done = deflate.total_in() as usize;
        packed.reserve((plain.len() - done) / 2 + 4096);
        deflate
            .compress_vec(&plain[done..], &mut packed, FlushCompress::Sync)
            .map_err(|error| Error::new(format!("deflate failed: {error}")))?;
        let room = packed.capacity() - packed.len();
        if deflate.total_in() as usize == plain.len() && room > 0 {
            break;
        }
    }
    let segment = Segment { plain_len: plain.len() as u64, crc32: crc32fast::hash(plain), unpadded_len: packed.len() as u64 };
    Ok((segment, packed))
}

/// What ends the member: the final block, the CRC-32 of everything and its length modulo 2^32.
pub fn trailer(segments: &[Segment]) -> Vec<u8> {
    let mut crc = crc32fast::Hasher::new();
    for segment in segments {
        crc.combine(&crc32fast::Hasher::new_with_initial_len(segment.crc32, segment.plain_len));
    }
    let plain_len: u64 = segments.iter().map(|segment| segment.plain_len).sum();
    let mut bytes = FINAL_BLOCK.to_vec();
    bytes.extend_from_slice(&crc.finalize().to_le_bytes());
    bytes.extend_from_slice(&(plain_len as u32).to_le_bytes());
    bytes
}
