//! What formats do with a stream that is known whole: digest it before their headers, and copy it behind them.

use super::patch::write_failed;
use crate::compress::Packed;
use crate::error::Result;
use sha2::{Digest, Sha256};
use std::io::Write;

/// The SHA-256 of `before` and the stream.
pub fn sha256(before: &[u8], packed: &Packed) -> Result<[u8; 32]> {
    let mut digest = Sha256::new_with_prefix(before);
    packed.read(&mut |block| {
        digest.update(block);
        Ok(())
    })?;
    Ok(digest.finalize().into())
}

/// Writes the stream to a package.
pub fn copy(packed: &Packed, out: &mut (impl Write + ?Sized)) -> Result<()> {
    packed.read(&mut |block| out.write_all(block).map_err(write_failed))
}
