//! The cpio archives in RPM payloads: SVR4 "newc" (070701, 070702) and rpm's stripped form (07070X) for files above 4 GiB.
//! Formats: `cpio(5)` for newc; lib/rpmcpio.c of rpm 4.12 and later for the stripped one.

use super::decode::Stream;
use super::sink::Sink;
use base::error::Result;

const LONGEST_NAME: u64 = 64 * 1024;

/// One record's header. Its data is the reader's to fetch before the next record.
#[derive(Debug, PartialEq, Eq)]
pub enum Record {
    /// A record that names its file.
    Named {
        /// The path, byte for byte.
        name: Vec<u8>,
        /// Device and number, which hard links share.
        inode: (u64, u64),
        /// How many names the file has.
        links: u32,
        /// Bytes of data that follow.
        size: u64,
    },
    /// A record that is only the file's index in the RPM's header; the size stands there as well.
    Stripped {
        /// Counted from 0.
        index: usize,
    },
}

/// Walks a cpio archive.
pub struct Cpio<'s, 'a> {
    stream: &'s mut Stream<'a>,
    position: u64,
}

impl<'s, 'a> Cpio<'s, 'a> {
    /// Begins at the stream's place.
    pub fn new(stream: &'s mut Stream<'a>) -> Self {
        Cpio { stream, position: 0 }
    }

    /// The stream, for its place and its errors.
    pub fn stream(&self) -> &Stream<'a> {
        self.stream
    }

    /// The next record; `None` at the trailer, after which the whole stream was read.
    pub fn next_record(&mut self) -> Result<Option<Record>> {
        self.align()?;
        let mut magic = [0; 6];
        self.exact(&mut magic)?;
        match &magic {
            b"07070X" => {
                let mut index = [0; 8];
                self.exact(&mut index)?;
                self.align()?;
                return Ok(Some(Record::Stripped { index: self.hex(&index)? as usize }));
            }
            b"070701" | b"070702" => {}
            _ => return Err(self.stream.broken("its payload is no cpio archive of a kind that RPM writes")),
        }
        // inode mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
        let mut fields = [0; 13 * 8];
        self.exact(&mut fields)?;
        let mut numbers = [0; 13];
        for (number, digits) in numbers.iter_mut().zip(fields.chunks(8)) {
            *number = self.hex(digits)?;
        }
        let [inode, _, _, _, links, _, size, major, minor, _, _, name_size, _] = numbers;
        let mut name = self.stream.small(name_size, LONGEST_NAME, "it has a name")?;
        self.position += name_size;
        self.align()?;
        if name.pop() != Some(0) {
            return Err(self.stream.broken("a name in its payload is not terminated"));
        }
        if name == b"TRAILER!!!" {
            self.stream.drain()?;
            return Ok(None);
        }
        Ok(Some(Record::Named { name, inode: (major << 32 | minor, inode), links: links as u32, size }))
    }

    /// The current record's data, into a sink.
    pub fn copy(&mut self, size: u64, sink: &mut impl Sink) -> Result<()> {
        self.position += size;
        self.stream.copy(size, sink)
    }

    /// Reads over the current record's data.
    pub fn skip(&mut self, size: u64) -> Result<()> {
        self.position += size;
        self.stream.skip(size)
    }

    fn exact(&mut self, buffer: &mut [u8]) -> Result<()> {
        self.position += buffer.len() as u64;
        self.stream.exact(buffer)
    }

    fn align(&mut self) -> Result<()> {
        let padding = self.position.wrapping_neg() % 4;
        self.position += padding;
        self.stream.skip(padding)
    }

    fn hex(&self, digits: &[u8]) -> Result<u64> {
        let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let number = text.and_then(|text| u64::from_str_radix(text, 16).ok());
        number.ok_or_else(|| self.stream.broken("a number in its payload is malformed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Unpacker;

    fn newc(name: &str, data: &[u8]) -> Vec<u8> {
        let numbers = [7, 0o100644, 0, 0, 1, 0, data.len(), 8, 1, 0, 0, name.len() + 1, 0];
        let mut record = b"070701".to_vec();
        numbers.iter().for_each(|n| record.extend(format!("{n:08x}").bytes()));
        record.extend(name.bytes().chain([0]));
        record.resize(record.len().next_multiple_of(4), 0);
        record.extend(data);
        record.resize(record.len().next_multiple_of(4), 0);
        record
    }

    #[test]
    fn named_and_stripped_records_stand_in_one_archive() {
        let stripped = [&b"07070X0000002a\0\0"[..], b"data!\0\0\0"].concat();
        let archive = [newc("./a", b"abc"), stripped, newc("TRAILER!!!", b"")].concat();
        let mut stream = Stream::read_by(Unpacker::Rpm, "x".into(), &archive[..]).unwrap();
        let mut cpio = Cpio::new(&mut stream);
        let named = Record::Named { name: b"./a".to_vec(), inode: (8 << 32 | 1, 7), links: 1, size: 3 };
        assert_eq!(cpio.next_record().unwrap(), Some(named));
        cpio.skip(3).unwrap();
        assert_eq!(cpio.next_record().unwrap(), Some(Record::Stripped { index: 42 }));
        cpio.skip(5).unwrap();
        assert_eq!(cpio.next_record().unwrap(), None);
    }

    #[test]
    fn an_archive_without_its_trailer_is_cut() {
        let archive = newc("a", b"abc");
        let mut stream = Stream::read_by(Unpacker::Rpm, "x".into(), &archive[..]).unwrap();
        let mut cpio = Cpio::new(&mut stream);
        cpio.next_record().unwrap();
        cpio.skip(3).unwrap();
        assert!(cpio.next_record().unwrap_err().notes()[0].contains("ends early"));
    }
}
