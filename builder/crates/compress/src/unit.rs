//! A unit of compressed content, and what it is found by.

use super::codec::Codec;
use super::nature::Nature;
use super::segment::Segment;
use super::source::Source;
use base::error::Result;
use std::path::{Path, PathBuf};

/// What a unit is found by: a digest of its content or of what it is made from, and of how it is compressed.
pub type Key = [u8; 32];

/// A piece of content that the [`Store`] holds in compressed form.
#[derive(Debug, Clone)]
pub struct Unit {
    pub(super) key: Key,
    pub(super) codec: Codec,
    pub(super) segment: Segment,
    /// BLAKE3 of the packed bytes.
    pub(super) digest: blake3::Hash,
}

impl Unit {
    /// Bytes before compression.
    pub fn plain_len(&self) -> u64 {
        self.segment.plain_len
    }

    /// Bytes in a stream.
    pub(super) fn packed_len(&self) -> u64 {
        self.codec.packed_len(&self.segment)
    }
}

/// Where a unit lies.
pub fn path_in(folder: &Path, key: &Key) -> PathBuf {
    let name = hex::encode(key);
    folder.join(&name[..1]).join(&name[1..])
}

/// What a piece of content is found by.
pub fn content_key(codec: Codec, nature: Nature, plain: &dyn Source) -> Result<Key> {
    let mut digest = key_digest(codec, b"content");
    digest.update(&[nature as u8]);
    plain.read(0, plain.len(), &mut |block| {
        digest.update(block);
        Ok(())
    })?;
    Ok(digest.finalize().into())
}

/// Begins the digest of a key; `kind` keeps keys of different sorts apart.
pub fn key_digest(codec: Codec, kind: &[u8]) -> blake3::Hasher {
    let mut digest = blake3::Hasher::new();
    for part in [codec.recipe(), kind] {
        digest.update(&[part.len() as u8]).update(part);
    }
    digest
}
