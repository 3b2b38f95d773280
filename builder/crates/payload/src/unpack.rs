//! The compressions that archives come in, and how far each program on the endpoint follows a compressed stream.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// Memory an xz stream may ask of its decoder, in bytes: twice what `xz -9` needs.
pub(super) const XZ_MEMORY: u64 = 144 << 20;
/// Memory above which an xz stream's blocks are not decoded side by side: two of 8 MiB, as linkpack packs them, take half of it.
const XZ_MEMORY_OF_THREADS: u64 = 96 << 20;
/// The largest zstd window, log2 of bytes: 128 MiB, what `zstd --ultra` uses without `--long`.
pub(super) const ZSTD_WINDOW_LOG: u32 = 27;
pub(super) const BLOCK: usize = 128 * 1024;

/// What a stream's first bytes say about its compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Not compressed.
    Plain,
    /// RFC 1952.
    Gzip,
    /// The xz file format.
    Xz,
    /// RFC 8878.
    Zstd,
    /// bzip2's blocks.
    Bzip2,
    /// The predecessor of xz.
    Lzma,
    /// Recognised, but not read: its name.
    Refused(&'static str),
}

impl Codec {
    /// The compression's name.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Plain => "plain",
            Codec::Gzip => "gzip",
            Codec::Xz => "xz",
            Codec::Zstd => "zstd",
            Codec::Bzip2 => "bzip2",
            Codec::Lzma => "lzma",
            Codec::Refused(name) => name,
        }
    }

    /// What names of tar archives with it end in.
    pub fn extension(self) -> &'static str {
        match self {
            Codec::Plain => "",
            Codec::Gzip => ".gz",
            Codec::Xz => ".xz",
            Codec::Zstd => ".zst",
            Codec::Bzip2 => ".bz2",
            Codec::Lzma => ".lzma",
            Codec::Refused(_) => ".unknown",
        }
    }
}

/// Recognises a compression by its magic bytes.
pub fn codec(first: &[u8]) -> Codec {
    match first {
        [0x1f, 0x8b, ..] => Codec::Gzip,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Codec::Xz,
        _ if zstd_frame(first) => Codec::Zstd,
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, ..] | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, ..] => {
            Codec::Bzip2
        }
        [b'L', b'Z', b'I', b'P', ..] => Codec::Refused("lzip"),
        [0x1f, 0x9d, ..] => Codec::Refused("compress (.Z)"),
        [0x04, 0x22, 0x4d, 0x18, ..] => Codec::Refused("lz4"),
        [0x89, b'L', b'Z', b'O', ..] => Codec::Refused("lzop"),
        _ if lzma(first) => Codec::Lzma,
        _ => Codec::Plain,
    }
}

/// A frame of data, or one to skip.
fn zstd_frame(first: &[u8]) -> bool {
    matches!(first, [0x28, 0xb5, 0x2f, 0xfd, ..]) || skippable(first)
}

fn skippable(first: &[u8]) -> bool {
    matches!(first, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// The format has no magic bytes: its usual properties, a dictionary as its tools make them, and a length that can be one.
fn lzma(first: &[u8]) -> bool {
    let Some((&[properties, d0, d1, d2, d3], rest)) = first.split_first_chunk::<5>() else { return false };
    let dictionary = u32::from_le_bytes([d0, d1, d2, d3]);
    // A power of two, or one and a half of it.
    let tools = dictionary.count_ones() == 1 || dictionary.count_ones() == 2 && dictionary & (dictionary >> 1) != 0;
    let Some(len) = rest.first_chunk::<8>().map(|len| u64::from_le_bytes(*len)) else { return false };
    properties == 0x5d && tools && dictionary >= 4096 && (len == u64::MAX || len < 1 << 48)
}

/// Who unpacks a stream on the endpoint, and so how far it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpacker {
    /// The compressions' own tools: all streams, one after the other, and nothing else.
    Tools,
    /// dpkg: all members of gzip, the first stream of anything else; what follows is not read (lib/dpkg/compress.c).
    Dpkg,
    /// rpm: all members of gzip, all frames of zstd, the first stream of anything else (rpmio/rpmio.c).
    Rpm,
}

impl Unpacker {
    /// Whether it goes on after a stream, where these bytes follow.
    fn goes_on(self, codec: Codec, next: &[u8]) -> bool {
        match (codec, self) {
            (Codec::Gzip, _) => next.starts_with(&[0x1f, 0x8b]),
            (Codec::Zstd, Unpacker::Tools | Unpacker::Rpm) => zstd_frame(next),
            (Codec::Bzip2 | Codec::Xz, Unpacker::Tools) => self::codec(next) == codec,
            _ => false,
        }
    }

    /// Whether it reads a stream that begins so.
    fn begins(self, codec: Codec, first: &[u8]) -> bool {
        !(self == Unpacker::Dpkg && codec == Codec::Zstd && skippable(first))
    }
}

/// What follows the compressed data that an unpacker reads, and that it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Beyond {
    /// Bytes.
    pub bytes: u64,
    /// Whether they begin as another stream of the same compression.
    pub stream: bool,
}

/// Buffered input that can be looked at beyond what one read brought.
pub(super) struct Ahead<R> {
    input: R,
    buffer: Box<[u8]>,
    at: usize,
    len: usize,
}

impl<R: Read> Ahead<R> {
    pub(super) fn new(input: R) -> Self {
        Ahead { input, buffer: vec![0; BLOCK].into(), at: 0, len: 0 }
    }

    /// The next `count` bytes; fewer at the end.
    pub(super) fn look(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.len - self.at < count {
            self.buffer.copy_within(self.at..self.len, 0);
            (self.at, self.len) = (0, self.len - self.at);
            match self.input.read(&mut self.buffer[self.len..]) {
                Ok(0) => break,
                Ok(more) => self.len += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(&self.buffer[self.at..self.len.min(self.at + count)])
    }

    /// Reads to the end: how many bytes were left, and whether all of them are 0.
    fn rest(&mut self) -> io::Result<(u64, bool)> {
        let (mut count, mut zeros) = (0, true);
        loop {
            let bytes = self.fill_buf()?;
            if bytes.is_empty() {
                return Ok((count, zeros));
            }
            zeros &= bytes.iter().all(|&byte| byte == 0);
            let len = bytes.len();
            count += len as u64;
            self.consume(len);
        }
    }
}

impl<R: Read> Read for Ahead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Ahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.len {
            self.look(1)?;
        }
        Ok(&self.buffer[self.at..self.len])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

/// One stream of a compression, which knows where it ends.
enum One<R: Read> {
    Gzip(Box<flate2::bufread::GzDecoder<Ahead<R>>>),
    Xz(Box<liblzma::bufread::XzDecoder<Ahead<R>>>),
    Bzip2(Box<bzip2::bufread::BzDecoder<Ahead<R>>>),
    Zstd(Box<Frame<R>>),
}

impl<R: Read> One<R> {
    fn new(codec: Codec, mut input: Ahead<R>) -> io::Result<Self> {
        Ok(match codec {
            Codec::Xz => {
                let decoder = xz(input.look(XZ_HEAD)?)?;
                One::Xz(Box::new(liblzma::bufread::XzDecoder::new_stream(input, decoder)))
            }
            Codec::Lzma => {
                let decoder = liblzma::stream::Stream::new_lzma_decoder(XZ_MEMORY)?;
                One::Xz(Box::new(liblzma::bufread::XzDecoder::new_stream(input, decoder)))
            }
            Codec::Bzip2 => One::Bzip2(Box::new(bzip2::bufread::BzDecoder::new(input))),
            Codec::Zstd => One::Zstd(Box::new(Frame::new(input)?)),
            Codec::Gzip | Codec::Plain | Codec::Refused(_) => One::Gzip(Box::new(flate2::bufread::GzDecoder::new(input))),
        })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            One::Gzip(decoder) => decoder.read(buffer),
            One::Xz(decoder) => decoder.read(buffer),
            One::Bzip2(decoder) => decoder.read(buffer),
            One::Zstd(frame) => frame.read(buffer),
        }
    }

    fn input(&mut self) -> &mut Ahead<R> {
        match self {
            One::Gzip(decoder) => decoder.get_mut(),
            One::Xz(decoder) => decoder.get_mut(),
            One::Bzip2(decoder) => decoder.get_mut(),
            One::Zstd(frame) => &mut frame.input,
        }
    }

    /// For the next stream of the same input.
    fn again(self, codec: Codec) -> io::Result<Self> {
        Ok(match self {
            One::Gzip(decoder) => One::new(codec, decoder.into_inner())?,
            One::Xz(decoder) => One::new(codec, decoder.into_inner())?,
            One::Bzip2(decoder) => One::new(codec, decoder.into_inner())?,
            // Frames may be a few bytes each, and a decoder of its own for each takes longer than they do.
            One::Zstd(frame) => One::Zstd(Box::new(frame.again()?)),
        })
    }
}

/// An xz stream whose blocks say their sizes is decoded on all processors. Where the first block is small, threads would cost more than
/// they save, and would unpack all of a block of which the caller may want the beginning.
fn xz(head: &[u8]) -> io::Result<liblzma::stream::Stream> {
    const SMALL: u64 = 1 << 16;
    if xz_block(head).is_some_and(|packed| packed < SMALL) {
        return Ok(liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, 0)?);
    }
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(16)) as u32;
    let mut builder = liblzma::stream::MtStreamBuilder::new();
    builder.threads(threads).memlimit_threading(XZ_MEMORY_OF_THREADS).memlimit_stop(XZ_MEMORY);
    Ok(builder.decoder()?)
}

/// What [`xz_block`] looks at: the stream's header, and of the first block's the size, the flags and the packed size.
const XZ_HEAD: usize = 12 + 2 + 9;

/// The packed size of a stream's first block, where its header says it (the .xz file format, 3.1).
fn xz_block(head: &[u8]) -> Option<u64> {
    const SIZE_IS_THERE: u8 = 0x40;
    let (flags, size) = (head.get(13)?, head.get(14..)?);
    let end = size.iter().position(|byte| byte & 0x80 == 0).filter(|_| flags & SIZE_IS_THERE != 0)?;
    Some(size[..=end].iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f)))
}

/// A frame of zstd.
struct Frame<R> {
    input: Ahead<R>,
    decoder: zstd::stream::raw::Decoder<'static>,
    done: bool,
}

impl<R: Read> Frame<R> {
    fn new(input: Ahead<R>) -> io::Result<Self> {
        let mut decoder = zstd::stream::raw::Decoder::new()?;
        decoder.set_parameter(zstd::stream::raw::DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
        Ok(Frame { input, decoder, done: false })
    }

    fn again(mut self) -> io::Result<Self> {
        zstd::stream::raw::Operation::reinit(&mut self.decoder)?;
        Ok(Frame { done: false, ..self })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use zstd::stream::raw::Operation;
        while !self.done && !buffer.is_empty() {
            let packed = self.input.fill_buf()?;
            let at_end = packed.is_empty();
            let status = self.decoder.run_on_buffers(packed, buffer)?;
            self.input.consume(status.bytes_read);
            self.done = status.remaining == 0;
            if status.bytes_written > 0 {
                return Ok(status.bytes_written);
            }
            if at_end && !self.done {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a zstd frame is cut"));
            }
        }
        Ok(0)
    }
}

/// Stream after stream of one compression, as far as its unpacker goes.
pub(super) struct Chain<R: Read> {
    one: Option<One<R>>,
    codec: Codec,
    unpacker: Unpacker,
    beyond: Rc<Cell<Beyond>>,
}

impl<R: Read> Chain<R> {
    /// `beyond` gets what follows, once all was read.
    pub(super) fn new(mut input: Ahead<R>, codec: Codec, unpacker: Unpacker, beyond: Rc<Cell<Beyond>>) -> io::Result<Self> {
        if !unpacker.begins(codec, input.look(4)?) {
            return Err(invalid("it begins with a frame to skip, which dpkg does not know"));
        }
        Ok(Chain { one: Some(One::new(codec, input)?), codec, unpacker, beyond })
    }

    /// At the end of a stream: whether another one follows that is read as well.
    fn next(&mut self) -> io::Result<bool> {
        let Some(one) = &mut self.one else { return Ok(false) };
        let input = one.input();
        if self.codec == Codec::Xz && self.unpacker == Unpacker::Tools {
            // Padding between streams, by fours.
            while input.look(4)? == [0; 4] {
                input.consume(4);
            }
        }
        if self.unpacker.goes_on(self.codec, input.look(12)?) {
            self.one = self.one.take().map(|one| one.again(self.codec)).transpose()?;
            return Ok(true);
        }
        let stream = self::codec(input.look(16)?) == self.codec;
        let (count, zeros) = input.rest()?;
        self.one = None;
        match self.unpacker {
            // gzip takes zeros, with which tapes and some tools fill a last block.
            Unpacker::Tools if count > 0 && !(zeros && self.codec == Codec::Gzip) => {
                Err(invalid(&format!("{count} bytes follow its compressed data that are none")))
            }
            Unpacker::Tools => Ok(false),
            Unpacker::Dpkg | Unpacker::Rpm => {
                self.beyond.set(Beyond { bytes: count, stream });
                Ok(false)
            }
        }
    }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

impl<R: Read> Read for Chain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(one) = &mut self.one {
            match one.read(buffer)? {
                0 => drop(self.next()?),
                count => return Ok(count),
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lzma_is_told_from_a_tar_whose_first_file_is_called_like_it() {
        let head = |dictionary: u32, len: u64| [&[0x5d][..], &dictionary.to_le_bytes(), &len.to_le_bytes()].concat();
        for dictionary in [1 << 16, 1 << 23, 3 << 20] {
            assert_eq!(codec(&head(dictionary, u64::MAX)), Codec::Lzma);
            assert_eq!(codec(&head(dictionary, 123_456)), Codec::Lzma);
        }
        let mut tar = b"]".to_vec();
        tar.resize(512, 0);
        assert_eq!(codec(&tar), Codec::Plain);
        assert_eq!(codec(&head(0x6973_6874, u64::MAX)), Codec::Plain);
        assert_eq!(codec(&head(1 << 16, 1 << 50)), Codec::Plain);
        assert_eq!(codec(b"]"), Codec::Plain);
    }

    #[test]
    fn a_look_ahead_does_not_depend_on_how_the_bytes_come() {
        struct Drops<'a>(&'a [u8]);
        impl Read for Drops<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let len = self.0.len().min(1);
                buffer[..len].copy_from_slice(&self.0[..len]);
                self.0 = &self.0[len..];
                Ok(len)
            }
        }
        let mut ahead = Ahead::new(Drops(b"abcdef"));
        assert_eq!(ahead.look(4).unwrap(), b"abcd");
        ahead.consume(3);
        assert_eq!(ahead.look(2).unwrap(), b"de");
        assert_eq!(ahead.look(9).unwrap(), b"def");
        assert_eq!(ahead.rest().unwrap(), (3, false));
        assert_eq!(ahead.look(1).unwrap(), b"");
    }

    #[test]
    fn what_follows_a_stream_is_told_or_refused() {
        let packed = zstd::encode_all(&b"text"[..], 1).unwrap();
        let read = |unpacker, more: &[u8]| {
            let beyond = Rc::default();
            let bytes = [&packed[..], more].concat();
            let mut chain = Chain::new(Ahead::new(&bytes[..]), Codec::Zstd, unpacker, Rc::clone(&beyond)).unwrap();
            let mut text = Vec::new();
            chain.read_to_end(&mut text).map(|_| (text.len(), beyond.get().bytes, beyond.get().stream))
        };
        assert_eq!(read(Unpacker::Tools, b"").unwrap(), (4, 0, false));
        assert_eq!(read(Unpacker::Tools, &packed).unwrap(), (8, 0, false));
        assert!(read(Unpacker::Tools, b"more").unwrap_err().to_string().contains("4 bytes follow"));
        assert_eq!(read(Unpacker::Rpm, &packed).unwrap(), (8, 0, false));
        assert_eq!(read(Unpacker::Rpm, b"more").unwrap(), (4, 4, false));
        assert_eq!(read(Unpacker::Dpkg, &packed).unwrap(), (4, packed.len() as u64, true));
    }
}
