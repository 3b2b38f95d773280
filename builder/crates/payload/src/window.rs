//! Views of a file's bytes for readers of programs: what is asked for at an offset, without the file in memory.

use super::{Content, ContentReader};
use base::error::Result;

/// A view of a file.
pub trait Window {
    /// `len` bytes from `at`, fewer where the file or what is known of it ends.
    fn up_to(&mut self, at: u64, len: usize) -> Vec<u8>;

    /// `len` bytes from `at`; `None` where not all of them are there.
    fn get(&mut self, at: u64, len: usize) -> Option<Vec<u8>> {
        Some(self.up_to(at, len)).filter(|bytes| bytes.len() == len)
    }
}

/// Bytes in memory.
impl Window for &[u8] {
    fn up_to(&mut self, at: u64, len: usize) -> Vec<u8> {
        let rest = usize::try_from(at).ok().and_then(|at| <[u8]>::get(self, at..)).unwrap_or_default();
        rest[..len.min(rest.len())].to_vec()
    }
}

/// Parts of a file that passed by: how it begins, and one part further back.
#[derive(Debug, Default)]
pub struct Kept {
    /// How the file begins.
    pub head: Vec<u8>,
    /// An offset, and bytes from there on.
    pub late: (u64, Vec<u8>),
}

impl Window for Kept {
    fn up_to(&mut self, at: u64, len: usize) -> Vec<u8> {
        let in_head = self.head.as_slice().up_to(at, len);
        if in_head.len() == len {
            return in_head;
        }
        match at.checked_sub(self.late.0).map(|inside| self.late.1.as_slice().up_to(inside, len)) {
            Some(in_late) if in_late.len() > in_head.len() => in_late,
            _ => in_head,
        }
    }
}

/// A content on disk, read in blocks of which a few are kept.
pub struct Blocks {
    reader: ContentReader,
    len: u64,
    kept: Vec<(u64, Vec<u8>)>,
    /// What went wrong while reading: views say `None` only.
    pub failed: Option<base::error::Error>,
}

const BLOCK: u64 = 16 << 10;
const MOST_KEPT: usize = 8;
/// The most that is read at once, in bytes.
pub const LONGEST: usize = 32 << 20;

impl Blocks {
    /// Opens a content.
    ///
    /// # Errors
    /// As [`Content::open`]'s.
    pub fn open(content: &Content) -> Result<Blocks> {
        Ok(Blocks { reader: content.open()?, len: content.len(), kept: Vec::new(), failed: None })
    }

    fn read(&mut self, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let mut filled = 0;
        let done = self.reader.seek(at).and_then(|()| {
            while filled < len {
                match self.reader.read_block(&mut bytes[filled..])? {
                    0 => break,
                    count => filled += count,
                }
            }
            Ok(())
        });
        if let Err(error) = done {
            self.failed.get_or_insert(error);
        }
        bytes.truncate(filled);
        bytes
    }
}

impl Window for Blocks {
    fn up_to(&mut self, at: u64, len: usize) -> Vec<u8> {
        let len = len.min(LONGEST).min(usize::try_from(self.len.saturating_sub(at)).unwrap_or(usize::MAX));
        let start = at / BLOCK * BLOCK;
        let inside = (at - start) as usize;
        if inside + len > BLOCK as usize {
            return self.read(at, len);
        }
        match self.kept.iter().position(|(block, _)| *block == start) {
            Some(known) => self.kept[known..].rotate_left(1),
            None => {
                let block = self.read(start, BLOCK.min(self.len.saturating_sub(start)) as usize);
                if self.kept.len() == MOST_KEPT {
                    self.kept.remove(0);
                }
                self.kept.push((start, block));
            }
        }
        let block = self.kept.last().map_or(&[][..], |(_, block)| block);
        let end = (inside + len).min(block.len());
        block.get(inside..end).unwrap_or_default().to_vec()
    }
}
