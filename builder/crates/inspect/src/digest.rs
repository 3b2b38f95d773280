//! Digests of files and of parts of them, a block at a time.

use super::watch::Hasher;
use base::error::{Error, Result};
use payload::beside::{Piece, WORTH_A_THREAD};
use payload::decode::{damaged, Input};
use std::io::{self, Read};
use std::ops::Range;
use std::thread::JoinHandle;

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
pub(super) fn range(input: &mut Input, range: Range<u64>, hashers: Vec<Hasher>, name: &str) -> Result<Vec<Vec<u8>>> {
    let len = range.end.saturating_sub(range.start);
    digests(input.piece(range)?, len, hashers, name)
}

fn digests(mut piece: Piece, len: u64, mut hashers: Vec<Hasher>, name: &str) -> Result<Vec<Vec<u8>>> {
    let wrong = |error: io::Error| damaged(name, &error);
    if feed(&mut piece, &mut hashers, wrong)? < len {
        return Err(wrong(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(hashers.into_iter().map(Hasher::finish).collect())
}

/// The digests of a range, made on another processor while the package is unpacked.
pub(super) enum Beside {
    Made(Result<Vec<Vec<u8>>>),
    Making(JoinHandle<Result<Vec<Vec<u8>>>>),
}

impl Beside {
    /// Begins.
    ///
    /// # Errors
    /// The process has too many open files.
    pub(super) fn start(input: &mut Input, range: Range<u64>, hashers: Vec<Hasher>, name: &str) -> Result<Self> {
        let len = range.end.saturating_sub(range.start);
        if hashers.is_empty() {
            return Ok(Beside::Made(Ok(Vec::new())));
        }
        if len < WORTH_A_THREAD {
            return Ok(Beside::Made(self::range(input, range, hashers, name)));
        }
        let (piece, owned, again) = (input.piece(range.clone())?, name.to_owned(), hashers.clone());
        let digest = move || digests(piece, len, again, &owned);
        Ok(match std::thread::Builder::new().name("digest".to_owned()).spawn(digest) {
            Ok(making) => Beside::Making(making),
            // Without a thread to be had, this one does it.
            Err(_) => Beside::Made(self::range(input, range, hashers, name)),
        })
    }

    /// The digests, in the order of their hashers.
    ///
    /// # Errors
    /// The range cannot be read, or ends too early; the user interrupts.
    pub(super) fn finish(self) -> Result<Vec<Vec<u8>>> {
        match self {
            Beside::Made(made) => made,
            Beside::Making(making) => making.join().unwrap_or_else(|_| Err(Error::new("the thread that digests it failed"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Algorithm;
    use base::listener::Silent;

    #[test]
    fn a_digest_beside_is_that_of_the_range_and_nobody_reads_for_none() {
        let path = std::env::temp_dir().join(format!("linkpack-digest-{}", std::process::id()));
        let bytes: Vec<u8> = (0..2_u32 << 20).map(|at| (at % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let mut input = Input::open(&path, &Silent).unwrap();
        let hashers = || vec![Algorithm::Sha256.hasher(), Algorithm::Md5.hasher()];
        let end = bytes.len() as u64;
        let large = Beside::start(&mut input, 3..end, hashers(), "x").unwrap();
        let cut = Beside::start(&mut input, 3..end + 1, hashers(), "x").unwrap();
        let none = Beside::start(&mut input, 0..u64::MAX, Vec::new(), "x").unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(matches!((&large, &none), (Beside::Making(_), Beside::Made(Ok(_)))));
        let alone: Vec<Vec<u8>> = hashers()
            .into_iter()
            .map(|mut hasher| {
                hasher.update(&bytes[3..]);
                hasher.finish()
            })
            .collect();
        assert_eq!(large.finish().unwrap(), alone);
        assert_eq!(range(&mut input, 3..end, hashers(), "x").unwrap(), alone);
        assert_eq!(cut.finish().unwrap_err().notes(), ["it ends early"]);
    }
}
