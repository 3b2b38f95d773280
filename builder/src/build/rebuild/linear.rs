//! DEB, RPM and `.run` byte by byte, but for the bytes that signatures take.

use crate::endpoint::RUN_SIGNATURE_AT;
use crate::error::{IoContext, Result};
use crate::inspect::report::Format;
use crate::inspect::Report;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

/// Bytes of an ar member's header (ar(5)).
const AR_HEADER: u64 = 60;
const BLOCK: usize = 128 << 10;

/// The first place that differs, if any does.
///
/// # Errors
/// A file cannot be read; the user interrupted.
pub fn difference((theirs, their_report): (&Path, &Report), (ours, our_report): (&Path, &Report)) -> Result<Option<String>> {
    let mut pair = [Rest::open(theirs, their_report)?, Rest::open(ours, our_report)?];
    let mut blocks = [vec![0; BLOCK], vec![0; BLOCK]];
    loop {
        crate::interrupt::check()?;
        let at = pair[0].at();
        let counts = [pair[0].fill(&mut blocks[0])?, pair[1].fill(&mut blocks[1])?];
        let (one, other) = (&blocks[0][..counts[0]], &blocks[1][..counts[1]]);
        if one != other {
            let same = one.iter().zip(other).take_while(|(a, b)| a == b).count() as u64;
            // Behind bytes that were set aside this can name the byte before them; the part is what is looked for.
            return Ok(Some(place(their_report, at + same)));
        }
        if counts[0] == 0 {
            return Ok(None);
        }
    }
}

/// The part of the package that this byte is in.
fn place(report: &Report, at: u64) -> String {
    let part = report.parts.iter().rev().find(|part| part.offset.is_some_and(|offset| offset <= at));
    match part {
        Some(part) => format!("{}, at byte {} of it", part.name, at - part.offset.unwrap_or_default()),
        None => format!("byte {at} of the file"),
    }
}

/// What signatures take of a file, in order. An RPM's signature header goes whole: beside signatures it holds digests and sizes of what is
/// compared here, and `verify` holds it against them.
fn aside(report: &Report) -> Vec<Range<u64>> {
    let member = |name: &str, offset: u64, size: u64| match report.format {
        Format::Deb if name.starts_with("_gpg") => Some(offset - AR_HEADER..(offset + size).next_multiple_of(2)),
        Format::Site if name == "signature" => Some(offset..offset + size),
        Format::Rpm if name == "signature header" => Some(offset..offset + size),
        _ => None,
    };
    match report.format {
        Format::Run => vec![RUN_SIGNATURE_AT],
        _ => report.parts.iter().filter_map(|part| member(&part.name, part.offset?, part.size)).collect(),
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
    fn open(path: &'a Path, report: &Report) -> Result<Self> {
        let file = File::open(path).or_cannot("read", path)?;
        Ok(Rest { file, path, at: 0, aside: aside(report) })
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
