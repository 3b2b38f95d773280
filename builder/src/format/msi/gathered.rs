//! Small writes to one place, gathered into one: a compound file's allocation table is written four bytes at a time, once for each sector.

use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};

/// Bytes that are held; a larger write goes through.
const MOST: usize = 8 << 10;

/// A file that holds what was written last, for as long as the next writes lie in it or right behind it.
pub struct Gathered<F> {
    file: F,
    /// Where the next byte is read or written.
    at: u64,
    held: Vec<u8>,
    /// Where `held` belongs.
    held_at: u64,
}

impl<F: Read + Write + Seek> Gathered<F> {
    /// A file that is written from its start.
    pub fn new(file: F) -> Self {
        Gathered { file, at: 0, held: Vec::with_capacity(MOST), held_at: 0 }
    }

    /// Where in `held` bytes of this length go, if they do.
    fn place(&self, len: usize) -> Option<usize> {
        let within = usize::try_from(self.at.checked_sub(self.held_at)?).ok()?;
        (within <= self.held.len() && within + len <= MOST).then_some(within)
    }

    /// Writes what is held.
    fn let_go(&mut self) -> Result<()> {
        if !self.held.is_empty() {
            self.file.seek(SeekFrom::Start(self.held_at))?;
            self.file.write_all(&self.held)?;
            self.held.clear();
        }
        self.held_at = self.at;
        Ok(())
    }
}

impl<F: Read + Write + Seek> Write for Gathered<F> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        if self.place(bytes.len()).is_none() {
            self.let_go()?;
        }
        let count = match self.place(bytes.len()) {
            Some(within) => {
                let end = self.held.len().max(within + bytes.len());
                self.held.resize(end, 0);
                self.held[within..within + bytes.len()].copy_from_slice(bytes);
                bytes.len()
            }
            None => {
                self.file.seek(SeekFrom::Start(self.at))?;
                self.file.write(bytes)?
            }
        };
        self.at += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> Result<()> {
        self.let_go()?;
        self.file.flush()
    }
}

impl<F: Read + Write + Seek> Read for Gathered<F> {
    fn read(&mut self, block: &mut [u8]) -> Result<usize> {
        self.let_go()?;
        self.file.seek(SeekFrom::Start(self.at))?;
        let count = self.file.read(block)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl<F: Read + Write + Seek> Seek for Gathered<F> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => {
                self.at.checked_add_signed(by).ok_or_else(|| Error::new(ErrorKind::InvalidInput, "before the file's start"))?
            }
            SeekFrom::End(_) => {
                self.let_go()?;
                self.file.seek(to)?
            }
        };
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// Counts what reaches it.
    struct Counted(Cursor<Vec<u8>>, usize);

    impl Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            self.1 += 1;
            self.0.write(bytes)
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    impl Read for Counted {
        fn read(&mut self, block: &mut [u8]) -> Result<usize> {
            self.0.read(block)
        }
    }

    impl Seek for Counted {
        fn seek(&mut self, to: SeekFrom) -> Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn small_writes_side_by_side_are_one() {
        let mut file = Gathered::new(Counted(Cursor::new(Vec::new()), 0));
        for number in 0..1000_u64 {
            file.seek(SeekFrom::Start(4 * number)).unwrap();
            file.write_all(&[1, 2, 3, number as u8]).unwrap();
        }
        file.flush().unwrap();
        assert_eq!(file.file.1, 1);
        assert_eq!(file.file.0.into_inner()[3996..], [1, 2, 3, 999_u64 as u8]);
    }

    /// Any order of writes, reads and seeks does what it does to a plain file.
    #[test]
    fn it_is_as_a_plain_file_is() {
        let mut plain = Cursor::new(Vec::new());
        let mut file = Gathered::new(Cursor::new(Vec::new()));
        let mut state = 1_u64;
        let mut below = |limit: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % limit
        };
        for step in 0..20_000 {
            let to = match below(4) {
                0 => SeekFrom::Start(below(40_000)),
                1 => SeekFrom::End(-(below(20) as i64).min(plain.get_ref().len() as i64)),
                _ => SeekFrom::Current(below(9) as i64),
            };
            assert_eq!(plain.seek(to).unwrap(), file.seek(to).unwrap());
            if below(8) == 0 {
                let (mut one, mut other) = ([0; 16], [0; 16]);
                assert_eq!(plain.read(&mut one).unwrap(), file.read(&mut other).unwrap());
                assert_eq!(one, other);
            } else {
                let most = if below(50) == 0 { 3 * MOST as u64 } else { 12 };
                let bytes = vec![step as u8; 1 + below(most) as usize];
                plain.write_all(&bytes).unwrap();
                file.write_all(&bytes).unwrap();
            }
        }
        file.flush().unwrap();
        assert!(plain.into_inner() == file.file.into_inner());
    }
}
