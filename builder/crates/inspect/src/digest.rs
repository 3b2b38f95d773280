//! Digests of files and of parts of them, a block at a time.

use super::watch::Hasher;
use base::error::{Error, Result};
use payload::decode::{damaged, Input};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

const BLOCK: usize = 256 << 10;

/// Feeds all that a reader has to hashers; how many bytes that were.
///
/// # Errors
/// It cannot be read, which `wrong` turns into a sentence; the user interrupts.
pub(super) fn feed(input: &mut impl Read, hashers: &mut [Hasher], wrong: impl Fn(io::Error) -> Error) -> Result<u64> {
    let (mut size, mut block) = (0, vec![0; BLOCK]);
    loop {
        base::interrupt::check()?;
        let count = match input.read(&mut block) {
            Ok(0) => return Ok(size),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(wrong(error)),
        };
        hashers.iter_mut().for_each(|hasher| hasher.update(&block[..count]));
        size += count as u64;
    }
}

/// The digests of a range of a package; `name` stands for it in messages.
///
/// # Errors
/// It cannot be read, or ends before the range does; the user interrupts.
pub(super) fn range(input: &mut Input, range: Range<u64>, mut hashers: Vec<Hasher>, name: &str) -> Result<Vec<Vec<u8>>> {
    let wrong = |error: io::Error| damaged(name, &error);
    input.seek(SeekFrom::Start(range.start)).map_err(wrong)?;
    let len = range.end.saturating_sub(range.start);
    if feed(&mut input.by_ref().take(len), &mut hashers, wrong)? < len {
        return Err(wrong(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(hashers.into_iter().map(Hasher::finish).collect())
}
