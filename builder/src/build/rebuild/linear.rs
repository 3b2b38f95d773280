//! Packages byte by byte, but for the bytes that signatures take.

use crate::error::{IoContext, Result};
use crate::inspect::report::Part;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

const BLOCK: usize = 128 << 10;

/// A package that was read.
pub struct Package<'a> {
    /// Where it lies.
    pub path: &'a Path,
    /// What is set aside of it, in order.
    pub aside: Vec<Range<u64>>,
    /// The parts that it consists of.
    pub parts: &'a [Part],
}

/// The first place that differs, if any does.
///
/// # Errors
/// A file cannot be read; the user interrupted.
pub fn difference(theirs: Package, (ours, our_aside): (&Path, Vec<Range<u64>>)) -> Result<Option<String>> {
    let mut pair = [Rest::open(theirs.path, theirs.aside)?, Rest::open(ours, our_aside)?];
    let mut blocks = [vec![0; BLOCK], vec![0; BLOCK]];
    loop {
        crate::interrupt::check()?;
        let at = pair[0].at();
        let counts = [pair[0].fill(&mut blocks[0])?, pair[1].fill(&mut blocks[1])?];
        let (one, other) = (&blocks[0][..counts[0]], &blocks[1][..counts[1]]);
        if one != other {
            let same = one.iter().zip(other).take_while(|(a, b)| a == b).count() as u64;
            // Behind bytes that were set aside this can name the byte before them; the part is what is looked for.
            return Ok(Some(place(theirs.parts, at + same)));
        }
        if counts[0] == 0 {
            return Ok(None);
        }
    }
}

/// The part of the package that this byte is in.
fn place(parts: &[Part], at: u64) -> String {
    let part = parts.iter().rev().find(|part| part.offset.is_some_and(|offset| offset <= at));
    match part {
        Some(part) => format!("{}, at byte {} of it", part.name, at - part.offset.unwrap_or_default()),
        None => format!("byte {at} of the file"),
    }
}

/// A file without what was set aside.
struct Rest<'a> {
    file: File,
    path: &'a Path,
    at: u64,
    aside: Vec<Range<u64>>,
}

impl<'a> Rest<'a> {
    fn open(path: &'a Path, aside: Vec<Range<u64>>) -> Result<Self> {
        let file = File::open(path).or_cannot("read", path)?;
        Ok(Rest { file, path, at: 0, aside })
    }

    fn at(&self) -> u64 {
        self.at
    }

    /// Fills the block, or what is left of the file into it.
    fn fill(&mut self, block: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < block.len() {
            if let Some(hole) = self.aside.iter().find(|range| range.contains(&self.at)) {
                self.at = hole.end;
                self.file.seek(SeekFrom::Start(self.at)).or_cannot("read", self.path)?;
            }
            let next = self.aside.iter().map(|range| range.start).filter(|start| *start > self.at).min();
            let room = (block.len() - filled).min(next.map_or(usize::MAX, |next| (next - self.at) as usize));
            match self.file.read(&mut block[filled..filled + room]).or_cannot("read", self.path)? {
                0 => break,
                count => {
                    filled += count;
                    self.at += count as u64;
                }
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_aside_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "abCDefGH").unwrap();
        let mut rest = Rest { file: File::open(&path).unwrap(), path: &path, at: 0, aside: vec![2..4, 6..8] };
        let mut block = [0; 16];
        let count = rest.fill(&mut block).unwrap();
        assert_eq!(&block[..count], b"abef");
    }
}
