//! Plain bytes that can be read more than once, so that a unit needs no buffer of its length.

use crate::error::Result;

/// What a unit is made from.
pub trait Source {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Gives `len` bytes from `from` on to `each`, in blocks.
    ///
    /// # Errors
    /// They cannot be read, or are no longer what they were; what `each` returns.
    fn read(&self, from: u64, len: u64, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Bytes in memory.
pub struct Bytes<'a>(pub &'a [u8]);

impl Source for Bytes<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self, from: u64, len: u64, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        each(&self.0[from as usize..(from + len) as usize])
    }
}

/// All bytes of a source, for encoders that want them in one piece.
pub(super) fn whole(source: &dyn Source) -> Result<Vec<u8>> {
    part(source, 0, source.len())
}

/// Some bytes of a source.
pub(super) fn part(source: &dyn Source, from: u64, len: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(len as usize);
    source.read(from, len, &mut |block| {
        bytes.extend_from_slice(block);
        Ok(())
    })?;
    Ok(bytes)
}
