//! A writer that digests what goes through it, so that a package is not read again.

use sha2::{Digest, Sha256};
use std::io::Write;

/// Writes through to `out` and digests what was written.
pub struct Hashing<W> {
    out: W,
    digest: Sha256,
}

impl<W: Write> Hashing<W> {
    /// Nothing written yet.
    pub fn new(out: W) -> Self {
        Hashing { out, digest: Sha256::new() }
    }

    /// The SHA-256 of all that was written.
    pub fn finish(self) -> [u8; 32] {
        self.digest.finalize().into()
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.digest.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
