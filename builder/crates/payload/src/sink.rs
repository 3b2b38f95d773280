//! Where the contents of an archive's files go while it is streamed.

use base::error::Result;

/// Receives one file's content after another.
pub trait Sink {
    /// What stands for a whole content afterwards; cheap to copy, since hard links share one.
    type Content: Clone;

    /// A file's content begins.
    fn begin(&mut self);

    /// Its next bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// As many zero bytes, of a sparse file.
    fn hole(&mut self, len: u64) -> Result<()>;

    /// The content ended.
    fn end(&mut self) -> Self::Content;
}
