//! The codecs and what each does to one segment of a stream.

use super::{gzip, xz};
use crate::error::Result;

/// How content is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// gzip (RFC 1952), level 6: read by every system, quick.
    Gzip,
    /// xz, preset 6, CRC64: smaller, slower; read by dpkg and rpm everywhere, by a `.run` where the endpoint has `xz`.
    Xz,
}

/// One independently compressed piece of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Bytes before compression.
    pub plain_len: u64,
    /// CRC-32 (IEEE) of the bytes before compression.
    pub crc32: u32,
    /// gzip: bytes after compression. xz: the block's "Unpadded Size" (xz file format 1.2, section 4.3).
    pub unpadded_len: u64,
}

impl Codec {
    /// The name in messages, manifest.json and the RPM's PAYLOADCOMPRESSOR tag.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Gzip => "gzip",
            Codec::Xz => "xz",
        }
    }

    /// The suffix of a tar archive's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Codec::Gzip => "gz",
            Codec::Xz => "xz",
        }
    }

    /// The level or preset, as PAYLOADFLAGS names it.
    pub fn level(self) -> u32 {
        6
    }

    /// The largest piece of a file, and of glue, that is compressed on its own, in bytes.
    pub fn segment_len(self) -> usize {
        match self {
            Codec::Gzip => 2 << 20,
            Codec::Xz => 8 << 20,
        }
    }

    /// Compresses one segment; `before` is plain text that precedes it in the stream (used where the codec can refer to it).
    pub(super) fn compress(self, plain: &[u8], before: &[u8]) -> Result<(Segment, Vec<u8>)> {
        match self {
            Codec::Gzip => gzip::compress(plain, before),
            Codec::Xz => xz::compress(plain),
        }
    }
}
