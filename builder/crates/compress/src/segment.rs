//! The lengths and the checksum of a compressed unit, of which the ends of streams are made.

/// What is known of one compressed unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Bytes before compression.
    pub plain_len: u64,
    /// CRC-32 (IEEE) of the bytes before compression.
    pub crc32: u32,
    /// Bytes after compression; for xz the block's "Unpadded Size" (xz file format 1.2.1, section 4.3).
    pub unpadded_len: u64,
}
