//! Members of a zip archive, unpacked one after the other by one decoder.
//! Formats: PKWARE's APPNOTE.TXT, methods 0 (stored) and 8 (deflated); RFC 1951.

use flate2::{Decompress, FlushDecompress, Status};
use std::io::{Error, ErrorKind, Read, Result};

/// One decoder and its memory for all members: one made for each lies between what is kept of the members, and an archive of 65,000
/// took 700 MB.
pub(super) struct Inflater {
    decoder: Decompress,
    input: Vec<u8>,
    at: usize,
    end: usize,
    ended: bool,
}

impl Inflater {
    pub(super) fn new() -> Inflater {
        Inflater { decoder: Decompress::new(false), input: vec![0; 32 * 1024], at: 0, end: 0, ended: false }
    }

    /// The member whose packed bytes are `packed`, of this method, to be read to its end; `None` where the method is another.
    /// Its last read is an error where the checksum differs.
    pub(super) fn member<R: Read>(&mut self, packed: R, method: u16, checksum: u32) -> Option<Member<'_, R>> {
        let deflated = match method {
            0 => false,
            8 => true,
            _ => return None,
        };
        self.decoder.reset(false);
        (self.at, self.end, self.ended) = (0, 0, false);
        Some(Member { packed, inflater: deflated.then_some(self), seen: crc32fast::Hasher::new(), checksum })
    }

    /// Like [`Read::read`]; where the packed bytes end before the stream does, the checksum tells.
    fn read(&mut self, packed: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
        while !self.ended && !buffer.is_empty() {
            if self.at == self.end {
                (self.at, self.end) = (0, packed.read(&mut self.input)?);
            }
            let before = (self.decoder.total_in(), self.decoder.total_out());
            let status = self.decoder.decompress(&self.input[self.at..self.end], buffer, FlushDecompress::None);
            self.ended = status.map_err(|error| Error::new(ErrorKind::InvalidData, error))? == Status::StreamEnd;
            let consumed = (self.decoder.total_in() - before.0) as usize;
            let produced = (self.decoder.total_out() - before.1) as usize;
            self.at += consumed;
            if produced > 0 || consumed == 0 {
                return Ok(produced);
            }
        }
        Ok(0)
    }
}

/// A member's plain bytes.
pub(super) struct Member<'a, R> {
    packed: R,
    /// `None` where it is stored.
    inflater: Option<&'a mut Inflater>,
    seen: crc32fast::Hasher,
    checksum: u32,
}

impl<R: Read> Read for Member<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = match &mut self.inflater {
            Some(inflater) => inflater.read(&mut self.packed, buffer)?,
            None => self.packed.read(buffer)?,
        };
        self.seen.update(&buffer[..count]);
        if count == 0 && !buffer.is_empty() && self.seen.clone().finalize() != self.checksum {
            return Err(Error::new(ErrorKind::InvalidData, "its checksum is another"));
        }
        Ok(count)
    }
}
