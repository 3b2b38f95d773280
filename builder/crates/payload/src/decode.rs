//! Reading archives: the file as it was found, the decompressors with their memory bounds, and one place for what can go wrong.

use super::beside::{Beside, Piece, WORTH_A_THREAD};
pub use super::broken::broken;
use super::content::Stamp;
use super::limits;
use super::sink::Sink;
pub use super::unpack::{codec, Beyond, Codec, Unpacker};
use super::unpack::{Ahead, Chain, BLOCK, XZ_MEMORY, ZSTD_WINDOW_LOG};
use base::error::{Error, IoContext, Result};
use base::interrupt;
use base::listener::Listener;
use std::cell::Cell;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

/// An archive file that is being read; reports its progress, and whether somebody wrote to it meanwhile.
pub struct Input<'a> {
    file: File,
    path: &'a Path,
    task: String,
    size: u64,
    stamp: Stamp,
    listener: &'a dyn Listener,
}

impl<'a> Input<'a> {
    /// Opens a file, whose reading `listener` follows.
    pub fn open(path: &'a Path, listener: &'a dyn Listener) -> Result<Self> {
        let file = base::regular::open(path)?;
        let meta = file.metadata().or_cannot("read", path)?;
        let task = format!("reading {}", path.file_name().unwrap_or(path.as_os_str()).to_string_lossy());
        listener.begin(&task, meta.len());
        Ok(Input { file, path, task, size: meta.len(), stamp: Stamp::of(&meta), listener })
    }

    /// The file's length in bytes when it was opened.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The file's path, as it was opened.
    pub fn path(&self) -> &'a Path {
        self.path
    }

    /// The first bytes, at most as many as `buffer` holds; the next read starts at the beginning again.
    pub fn peek(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.file.rewind().or_cannot("read", self.path)?;
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read(&mut buffer[filled..]).or_cannot("read", self.path)? {
                0 => break,
                count => filled += count,
            }
        }
        self.file.rewind().or_cannot("read", self.path)?;
        Ok(filled)
    }

    /// A byte stream of `len` bytes from `offset`, decompressed when it is compressed.
    ///
    /// `name` stands for it in messages. # Errors: a compression that linkpack does not read.
    pub fn stream(&mut self, name: String, offset: u64, len: u64) -> Result<Stream<'_>> {
        self.stream_for(Unpacker::Tools, name, offset, len)
    }

    /// The same, as far as `unpacker` reads it.
    pub fn stream_for(&mut self, unpacker: Unpacker, name: String, offset: u64, len: u64) -> Result<Stream<'_>> {
        self.file.seek(SeekFrom::Start(offset)).or_cannot("read", self.path)?;
        let limit = limits::unpacked(self.size);
        let stream = match self.worth_a_thread(&name, offset..offset.saturating_add(len))? {
            Some((codec, piece)) => {
                let (this, beyond) = (&*self, Rc::default());
                let progress = move |count| this.listener.advance(&this.task, count);
                let beside = Beside::start(piece, codec, unpacker, Rc::clone(&beyond), progress).or_cannot("read", self.path)?;
                Stream::of(Box::new(beside), name, codec, unpacker, beyond)
            }
            None => Stream::read_by(unpacker, name, self.take(len))?,
        };
        Ok(Stream { limit, left: limit, ..stream })
    }

    /// How a large range is compressed, and its bytes for another processor; `None` where that saves nothing.
    fn worth_a_thread(&self, name: &str, range: Range<u64>) -> Result<Option<(Codec, Piece)>> {
        let alone = || std::thread::available_parallelism().map_or(true, |count| count.get() < 2);
        if range.end - range.start < WORTH_A_THREAD || alone() {
            return Ok(None);
        }
        let mut first = Ahead::new(self.piece(range.clone())?);
        Ok(match codec(first.look(16).map_err(|error| damaged(name, &error))?) {
            Codec::Plain | Codec::Refused(_) => None,
            codec => Some((codec, self.piece(range)?)),
        })
    }

    /// A range of the file, to be read beside everything else that is read of it.
    ///
    /// # Errors
    /// The process has too many open files.
    pub fn piece(&self, range: Range<u64>) -> Result<Piece> {
        Ok(Piece::new(self.file.try_clone().or_cannot("read", self.path)?, range))
    }

    /// # Errors
    /// The file is not the one any more that was opened.
    pub fn unchanged(&self) -> Result<()> {
        self.stamp.check(&self.file, self.path)
    }
}

impl Drop for Input<'_> {
    fn drop(&mut self) {
        self.listener.end(&self.task);
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.listener.advance(&self.task, count as u64);
        Ok(count)
    }
}

impl Seek for Input<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
}

/// Is shown every plain byte.
type Observer<'a> = Box<dyn FnMut(&[u8]) + 'a>;

/// A decompressed stream of an archive's bytes; every error names the archive.
pub struct Stream<'a> {
    reader: Box<dyn Read + 'a>,
    name: String,
    codec: Codec,
    block: Vec<u8>,
    /// How many bytes it may decompress to, and how many of them are left.
    limit: u64,
    left: u64,
    /// Who unpacks it on the endpoint, and what follows it that is not read there.
    unpacker: Unpacker,
    beyond: Rc<Cell<Beyond>>,
    /// Sees every decompressed byte.
    observer: Option<Observer<'a>>,
}

impl<'a> Stream<'a> {
    /// Unpacks `input`, whose first bytes say how; `name` is what errors call it.
    pub fn read_by(unpacker: Unpacker, name: String, input: impl Read + 'a) -> Result<Self> {
        let mut input = Ahead::new(input);
        let codec = codec(input.look(16).map_err(|error| damaged(&name, &error))?);
        let beyond = Rc::default();
        let reader: Box<dyn Read> = match codec {
            Codec::Plain => Box::new(input),
            Codec::Refused(which) => {
                return Err(Error::new(format!("{name} is compressed with {which}, which linkpack does not read"))
                    .unsupported()
                    .help("repack it with gzip, xz or zstd, or give the unpacked directory as the source"))
            }
            _ => Box::new(Chain::new(input, codec, unpacker, Rc::clone(&beyond)).map_err(|error| damaged(&name, &error))?),
        };
        Ok(Stream::of(reader, name, codec, unpacker, beyond))
    }

    fn of(reader: Box<dyn Read + 'a>, name: String, codec: Codec, unpacker: Unpacker, beyond: Rc<Cell<Beyond>>) -> Self {
        let (block, observer) = (vec![0; BLOCK], None);
        Stream { reader, name, codec, block, limit: u64::MAX, left: u64::MAX, unpacker, beyond, observer }
    }

    /// What follows the compressed data that its unpacker reads; known once all of it was read.
    pub fn beyond(&self) -> Beyond {
        self.beyond.get()
    }

    /// Whether it is a member of a DEB, which says how long it is, and which dpkg reads.
    pub(super) fn is_of_dpkg(&self) -> bool {
        self.unpacker == Unpacker::Dpkg
    }

    /// What it is called in messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How the stream is packed.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The same, refused once it has decompressed to more than `limit` bytes.
    pub fn limited(mut self, limit: u64) -> Self {
        (self.limit, self.left) = (limit, limit);
        self
    }

    /// The same, with every decompressed byte shown to `observer` as well.
    pub fn observed(mut self, observer: impl FnMut(&[u8]) + 'a) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// The error for an archive whose structure is wrong.
    pub fn broken(&self, why: impl Into<String>) -> Error {
        broken(&self.name, why)
    }

    /// Fills the buffer as far as the stream goes and says how far that was.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        interrupt::check()?;
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => interrupt::check()?,
                Err(error) => return Err(damaged(&self.name, &error)),
            }
        }
        self.left = self.left.checked_sub(filled as u64).ok_or_else(|| self.too_large())?;
        if let Some(observer) = &mut self.observer {
            observer(&buffer[..filled]);
        }
        Ok(filled)
    }

    /// The error for an archive that unpacks to far more than any of its size does.
    pub fn too_large(&self) -> Error {
        limits::bomb(&self.name, self.limit)
    }

    /// Fills the whole buffer. # Errors: also when the stream ends before that.
    pub fn exact(&mut self, buffer: &mut [u8]) -> Result<()> {
        match self.fill(buffer)? == buffer.len() {
            true => Ok(()),
            false => Err(self.broken("it ends early")),
        }
    }

    /// `len` bytes in memory; `what` they are when they exceed `limit`.
    pub fn small(&mut self, len: u64, limit: u64, what: &str) -> Result<Vec<u8>> {
        if len > limit {
            return Err(self.broken(format!("{what} of {len} bytes, and {limit} is the limit")));
        }
        let mut bytes = vec![0; len as usize];
        self.exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Hands `len` bytes to a sink.
    pub fn copy(&mut self, mut len: u64, sink: &mut impl Sink) -> Result<()> {
        let mut block = std::mem::take(&mut self.block);
        while len > 0 {
            let want = len.min(BLOCK as u64) as usize;
            self.exact(&mut block[..want])?;
            sink.write(&block[..want])?;
            len -= want as u64;
        }
        self.block = block;
        Ok(())
    }

    /// Reads over `len` bytes.
    pub fn skip(&mut self, mut len: u64) -> Result<()> {
        let mut block = std::mem::take(&mut self.block);
        while len > 0 {
            let want = len.min(BLOCK as u64) as usize;
            self.exact(&mut block[..want])?;
            len -= want as u64;
        }
        self.block = block;
        Ok(())
    }

    /// Reads to the end, so that the compression's own checksums are compared.
    pub fn drain(&mut self) -> Result<()> {
        let mut block = std::mem::take(&mut self.block);
        while self.fill(&mut block)? > 0 {}
        self.block = block;
        Ok(())
    }
}

/// The error for a failed read: the disk's, a decoder that would need too much memory, or a damaged archive.
pub fn damaged(name: &str, error: &std::io::Error) -> Error {
    if error.raw_os_error().is_some() {
        return Error::new(format!("cannot read {name}: {error}"));
    }
    let lzma = error.get_ref().and_then(|inner| inner.downcast_ref::<liblzma::stream::Error>());
    if matches!(lzma, Some(liblzma::stream::Error::MemLimit)) || error.to_string().contains("too much memory") {
        return Error::new(format!("cannot read {name}: it needs too much memory to decompress"))
            .note(format!(
                "the limits are {} MiB for xz and a window of {} MiB for zstd",
                XZ_MEMORY >> 20,
                1 << (ZSTD_WINDOW_LOG - 20)
            ))
            .help("repack it with a common level, for instance xz -9 or zstd -19");
    }
    match error.kind() {
        ErrorKind::UnexpectedEof => broken(name, "it ends early"),
        _ => broken(name, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn text_of(packed: &[u8]) -> Result<Vec<u8>> {
        let mut stream = Stream::read_by(Unpacker::Tools, "x".into(), packed)?;
        let mut text = vec![0; 100];
        let len = stream.fill(&mut text)?;
        text.truncate(len);
        Ok(text)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn xz(text: &[u8], dictionary: u32) -> Vec<u8> {
        let mut options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
        options.dict_size(dictionary);
        let filters = liblzma::stream::Filters::new().lzma2(&options).encoder();
        let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), filters);
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    trait Encoder {
        fn encoder(&self) -> liblzma::stream::Stream;
    }
    impl Encoder for liblzma::stream::Filters {
        fn encoder(&self) -> liblzma::stream::Stream {
            liblzma::stream::Stream::new_stream_encoder(self, liblzma::stream::Check::Crc64).unwrap()
        }
    }

    #[test]
    fn several_members_streams_and_frames_read_as_one() {
        assert_eq!(text_of(&[gzip(b"one "), gzip(b"two")].concat()).unwrap(), b"one two");
        assert_eq!(text_of(&[xz(b"one ", 1 << 20), xz(b"two", 1 << 20)].concat()).unwrap(), b"one two");
        let frame = |text: &[u8]| zstd::encode_all(text, 1).unwrap();
        assert_eq!(text_of(&[frame(b"one "), frame(b"two")].concat()).unwrap(), b"one two");
        assert_eq!(text_of(b"plain").unwrap(), b"plain");
    }

    #[test]
    fn a_cut_stream_of_any_codec_is_an_error() {
        for whole in [gzip(b"some text"), xz(b"some text", 1 << 20), zstd::encode_all(&b"some text"[..], 1).unwrap()] {
            let error = text_of(&whole[..whole.len() - 3]).unwrap_err();
            assert!(error.what().contains("truncated or damaged"), "{error}");
        }
    }

    #[test]
    fn an_xz_stream_that_wants_a_gigabyte_is_refused() {
        // The dictionary size is one byte of the block header, guarded by its CRC; so a true encoder makes it, at the largest it can.
        let mut packed = xz(b"text", 1 << 20);
        // Block header: size, flags, filter id 0x21, property size 1, dictionary size, padding, CRC32 of the header.
        assert_eq!(packed[12 + 2], 0x21);
        packed[12 + 4] = 36; // 1 GiB
        let header_len = (packed[12] as usize + 1) * 4;
        let crc = crc32fast::hash(&packed[12..12 + header_len - 4]).to_le_bytes();
        packed[12 + header_len - 4..12 + header_len].copy_from_slice(&crc);
        let error = text_of(&packed).unwrap_err();
        assert!(error.what().contains("too much memory"), "{error}: {:?}", error.notes());
    }

    #[test]
    fn a_zstd_window_beyond_the_limit_is_refused() {
        // A frame header with an explicit window descriptor: exponent 20 makes 1 GiB (10 + 20).
        let packed = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3][..], &[0x01, 0, 0]].concat();
        let error = text_of(&packed).unwrap_err();
        assert!(error.what().contains("too much memory"), "{error}: {:?}", error.notes());
    }

    #[test]
    fn compressions_that_are_not_read_are_refused_with_a_remedy() {
        let error = text_of(&[0x04, 0x22, 0x4d, 0x18, 0x64, 0x40]).unwrap_err();
        assert!(error.what().contains("lz4"));
        assert!(error.help_text().unwrap().contains("xz"));
    }
}
