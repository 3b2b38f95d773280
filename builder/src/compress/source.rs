//! Plain bytes that can be read more than once, so that a unit needs no buffer of its length.

use crate::error::Result;
use std::cell::RefCell;

/// What a unit is made from.
pub trait Source {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Gives `len` bytes from `from` on to `each`, in blocks.
    ///
    /// # Errors
    /// They cannot be read, or are no longer what they were; what `each` returns.
    fn read(&self, from: u64, len: u64, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>;

    /// All of them where they are in memory.
    fn in_memory(&self) -> Option<&[u8]> {
        None
    }

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

    fn in_memory(&self) -> Option<&[u8]> {
        Some(self.0)
    }

    fn read(&self, from: u64, len: u64, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        each(&self.0[from as usize..(from + len) as usize])
    }
}

thread_local! {
    /// A thread's buffer for plain bytes: a new one for each unit would cost its pages every time.
    static PLAIN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Shows all bytes of a source in one piece.
pub(super) fn with_whole<T>(source: &dyn Source, show: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
    if let Some(bytes) = source.in_memory() {
        return show(bytes);
    }
    // Taken and not borrowed: while one unit waits, its thread may work on another.
    let mut plain = PLAIN.take();
    plain.clear();
    source.read(0, source.len(), &mut |block| {
        plain.extend_from_slice(block);
        Ok(())
    })?;
    let shown = show(&plain);
    PLAIN.replace(plain);
    shown
}

/// Gives this thread's buffer back.
pub(super) fn release() {
    PLAIN.take();
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
