//! A unit's file: a head, then the packed bytes.

use super::seal::Seal;
use super::segment::Segment;
use super::unit::Key;
use rustix::fs::{Mode, OFlags};
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;

/// The first bytes of a unit's file; its digit changes with the layout.
const MAGIC: &[u8; 8] = b"LPUNIT2\n";
/// Magic, plain length, CRC-32, unpadded length, BLAKE3 of the packed bytes, the seal over all that.
pub const HEAD_LEN: usize = 8 + 8 + 4 + 8 + 32 + 32;

/// Opens a plain file, and nothing else that others may have put under its name: a link is not followed, a FIFO not waited for.
pub fn open_plain(path: &Path) -> std::io::Result<(File, Metadata)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let meta = file.metadata()?;
    match meta.is_file() {
        true => Ok((file, meta)),
        false => Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is not a plain file")),
    }
}

/// The head of a unit whose packed bytes have this digest.
pub fn head(name: &Key, segment: &Segment, digest: &blake3::Hash, seal: &Seal) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&segment.plain_len.to_le_bytes());
    head.extend_from_slice(&segment.crc32.to_le_bytes());
    head.extend_from_slice(&segment.unpadded_len.to_le_bytes());
    head.extend_from_slice(digest.as_bytes());
    let seal = seal.of(name, &head);
    head.extend_from_slice(seal.as_bytes());
    head
}

/// What a unit's file says of it, where its head has the right seal.
pub fn read_head(name: &Key, file: &mut File, seal: &Seal) -> Option<(Segment, blake3::Hash)> {
    let mut bytes = [0; HEAD_LEN];
    file.read_exact(&mut bytes).ok()?;
    parse_head(name, &bytes, seal)
}

/// As [`read_head`], of the head's bytes.
pub fn parse_head(name: &Key, bytes: &[u8; HEAD_LEN], seal: &Seal) -> Option<(Segment, blake3::Hash)> {
    let (said, sealed) = bytes.split_at(HEAD_LEN - 32);
    if !said.starts_with(MAGIC) || seal.of(name, said) != blake3::Hash::from_slice(sealed).ok()? {
        return None;
    }
    let number = |at: usize| Some(u64::from_le_bytes(said[at..at + 8].try_into().ok()?));
    let crc32 = u32::from_le_bytes(said[16..20].try_into().ok()?);
    let segment = Segment { plain_len: number(8)?, crc32, unpadded_len: number(20)? };
    Some((segment, blake3::Hash::from_slice(&said[28..]).ok()?))
}
