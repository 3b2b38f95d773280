//! Members of a zip archive, unpacked one after the other.
//! Formats: PKWARE's APPNOTE.TXT, methods 0 (stored), 8 (deflated), 12 (bzip2), 14 (LZMA, 5.8), 93 (zstd) and 95 (xz); RFC 1951.

use super::unpack::{Ahead, Chain, Codec, Unpacker};
use flate2::{Decompress, FlushDecompress, Status};
use std::io::{Cursor, Error, ErrorKind, Read, Result};
use std::rc::Rc;

/// How a member is packed, from its entry in the directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packing {
    /// APPNOTE's number of the compression.
    pub method: u16,
    /// Plain bytes.
    pub size: u64,
    /// Whether LZMA marks its end; else the size tells it.
    pub ends_marked: bool,
    /// CRC-32 of the plain bytes.
    pub checksum: u32,
}

/// Bytes that stand before those of the archive.
type Headed<R> = std::io::Chain<Cursor<Vec<u8>>, R>;

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

    /// The member whose packed bytes are `packed`, to be read to its end; `None` where its method is one that linkpack does not unpack.
    /// Its last read is an error where the checksum differs.
    ///
    /// # Errors
    /// It does not begin as its method has it.
    pub(super) fn member<R: Read>(&mut self, mut packed: R, packing: Packing) -> Result<Option<Member<'_, R>>> {
        let streams = |codec, head: Vec<u8>, packed: R| {
            let input = Ahead::new(Cursor::new(head).chain(packed));
            Chain::new(input, codec, Unpacker::Tools, Rc::default()).map(|chain| Source::Streams(Box::new(chain)))
        };
        let source = match packing.method {
            0 => Source::Stored(packed),
            8 => {
                self.decoder.reset(false);
                (self.at, self.end, self.ended) = (0, 0, false);
                Source::Deflated(self, packed)
            }
            12 => streams(Codec::Bzip2, Vec::new(), packed)?,
            14 => streams(Codec::Lzma, lzma_head(&mut packed, packing)?, packed)?,
            93 => streams(Codec::Zstd, Vec::new(), packed)?,
            95 => streams(Codec::Xz, Vec::new(), packed)?,
            _ => return Ok(None),
        };
        Ok(Some(Member { source, seen: crc32fast::Hasher::new(), checksum: packing.checksum }))
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

/// The header that a `.lzma` file has, from that of a member: two bytes of version, two of the properties' length (5), the properties.
fn lzma_head(packed: &mut impl Read, packing: Packing) -> Result<Vec<u8>> {
    let mut head = [0; 9];
    packed.read_exact(&mut head)?;
    if head[2..4] != [5, 0] {
        return Err(Error::new(ErrorKind::InvalidData, "its LZMA properties are not 5 bytes long"));
    }
    let size = if packing.ends_marked { u64::MAX } else { packing.size };
    Ok([&head[4..], &size.to_le_bytes()].concat())
}

/// Where a member's plain bytes come from.
enum Source<'a, R: Read> {
    Stored(R),
    Deflated(&'a mut Inflater, R),
    Streams(Box<Chain<Headed<R>>>),
}

/// A member's plain bytes.
pub(super) struct Member<'a, R: Read> {
    source: Source<'a, R>,
    seen: crc32fast::Hasher,
    checksum: u32,
}

impl<R: Read> Read for Member<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = match &mut self.source {
            Source::Stored(packed) => packed.read(buffer)?,
            Source::Deflated(inflater, packed) => inflater.read(packed, buffer)?,
            Source::Streams(chain) => chain.read(buffer)?,
        };
        self.seen.update(&buffer[..count]);
        if count == 0 && !buffer.is_empty() && self.seen.clone().finalize() != self.checksum {
            return Err(Error::new(ErrorKind::InvalidData, "its checksum is another"));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn bzip2(plain: &[u8]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::new(1));
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    /// As `.lzma` has it, with its end marked and its size unknown, and then as a member has it.
    fn lzma(plain: &[u8]) -> Vec<u8> {
        let options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
        let stream = liblzma::stream::Stream::new_lzma_encoder(&options).unwrap();
        let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
        encoder.write_all(plain).unwrap();
        let alone = encoder.finish().unwrap();
        [&[9, 20, 5, 0], &alone[..5], &alone[13..]].concat()
    }

    fn xz(plain: &[u8]) -> Vec<u8> {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn unpacked(packed: &[u8], packing: Packing) -> Result<Vec<u8>> {
        let mut inflater = Inflater::new();
        let mut plain = Vec::new();
        inflater.member(packed, packing)?.expect("a method that is known").read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn members_of_every_method_are_unpacked_and_checked() {
        let plain = b"a line that is there many times\n".repeat(10_000);
        let packing = Packing { method: 0, size: plain.len() as u64, ends_marked: true, checksum: crc32fast::hash(&plain) };
        let zstd = zstd::encode_all(&plain[..], 1).unwrap();
        for (method, packed) in [(12, bzip2(&plain)), (14, lzma(&plain)), (93, zstd), (95, xz(&plain))] {
            let packing = Packing { method, ..packing };
            assert_eq!(unpacked(&packed, packing).unwrap(), plain, "{method}");
            unpacked(&packed, Packing { checksum: 1, ..packing }).expect_err("another checksum");
            unpacked(&packed[..packed.len() / 2], packing).expect_err("a cut member");
            unpacked(&[], packing).expect_err("nothing");
        }
        // The size, where the end is not marked: what is marked all the same is taken too.
        let packing = Packing { method: 14, ends_marked: false, ..packing };
        assert_eq!(unpacked(&lzma(&plain), packing).unwrap(), plain);
        unpacked(&[9, 20, 6, 0, 0, 0, 0, 0, 0, 0], packing).expect_err("properties of another length");
        assert!(Inflater::new().member(&b""[..], Packing { method: 9, ..packing }).unwrap().is_none());
    }
}
