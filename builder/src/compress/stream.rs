//! One compressed stream put together from glue and units.

use super::codec::{Codec, Segment};
use super::ordered::Ordered;
use super::store::{Store, Unit};
use super::{gzip, xz};
use crate::error::{Error, Result};
use std::io::Write;
use std::sync::Arc;

/// Writes one compressed stream that any reader of the codec accepts.
///
/// Bytes given to [`StreamWriter::glue`] are compressed in segments of the codec's length; units are copied from the store.
pub struct StreamWriter<W: Write> {
    store: Arc<Store>,
    codec: Codec,
    out: W,
    glue: Vec<u8>,
    /// The end of the glue segment just before, when nothing came between: deflate may refer to it.
    window: Vec<u8>,
    queue: Ordered<(Segment, Vec<u8>)>,
    segments: Vec<Segment>,
    packed_len: u64,
}

/// How long a finished stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamTotals {
    /// Bytes before compression.
    pub plain_len: u64,
    /// Bytes after compression.
    pub packed_len: u64,
}

impl<W: Write> StreamWriter<W> {
    /// Begins a stream on `out`.
    pub fn new(store: &Arc<Store>, codec: Codec, out: W) -> Result<Self> {
        let queue = Ordered::new(store.pool());
        let (glue, window, segments) = (Vec::new(), Vec::new(), Vec::new());
        let mut writer = StreamWriter { store: store.clone(), codec, out, glue, window, queue, segments, packed_len: 0 };
        match codec {
            Codec::Gzip => writer.emit(&gzip::HEADER)?,
            Codec::Xz => writer.emit(&xz::header())?,
        }
        Ok(writer)
    }

    /// Adds bytes that belong to this stream alone.
    pub fn glue(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let room = self.codec.segment_len() - self.glue.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.glue.extend_from_slice(now);
            bytes = later;
            if self.glue.len() == self.codec.segment_len() {
                self.compress_glue()?;
            }
        }
        Ok(())
    }

    /// Adds a unit of the store.
    pub fn splice(&mut self, unit: &Unit) -> Result<()> {
        self.compress_glue()?;
        self.window.clear();
        let (store, unit) = (self.store.clone(), unit.clone());
        let done = self.queue.submit(move || store.read(&unit))?;
        self.write_done(done)
    }

    /// Ends the stream; gives back the writer and the lengths.
    pub fn finish(mut self) -> Result<(W, StreamTotals)> {
        self.compress_glue()?;
        while let Some(done) = self.queue.oldest()? {
            self.write_done(Some(done))?;
        }
        let trailer = match self.codec {
            Codec::Gzip => gzip::trailer(&self.segments),
            Codec::Xz => xz::trailer(&self.segments),
        };
        self.emit(&trailer)?;
        let plain_len = self.segments.iter().map(|segment| segment.plain_len).sum();
        Ok((self.out, StreamTotals { plain_len, packed_len: self.packed_len }))
    }

    fn compress_glue(&mut self) -> Result<()> {
        if self.glue.is_empty() {
            return Ok(());
        }
        crate::interrupt::check()?;
        let plain = std::mem::take(&mut self.glue);
        let window = plain[plain.len().saturating_sub(32 << 10)..].to_vec();
        let before = std::mem::replace(&mut self.window, window);
        let codec = self.codec;
        let done = self.queue.submit(move || codec.compress(&plain, &before))?;
        self.write_done(done)
    }

    fn write_done(&mut self, done: Option<(Segment, Vec<u8>)>) -> Result<()> {
        let Some((segment, packed)) = done else { return Ok(()) };
        self.segments.push(segment);
        self.emit(&packed)
    }

    fn emit(&mut self, bytes: &[u8]) -> Result<()> {
        self.packed_len += bytes.len() as u64;
        self.out.write_all(bytes).map_err(|error| {
            Error::new(format!("cannot write the package: {error}"))
                .help("free some space in the output folder, or choose another with -o DIR")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::CacheChoice;
    use super::*;
    use std::io::Read;

    fn stream(codec: Codec, threads: usize) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(CacheChoice::Temporary(folder.path().to_path_buf()), threads).unwrap();
        let unit = store.put(codec, &vec![b'u'; 300_000]).unwrap();
        let mut writer = StreamWriter::new(&store, codec, Vec::new()).unwrap();
        writer.glue(b"head").unwrap();
        writer.splice(&unit).unwrap();
        writer.splice(&unit).unwrap();
        writer.glue(&long_glue()).unwrap();
        let (bytes, totals) = writer.finish().unwrap();
        assert_eq!(totals.packed_len, bytes.len() as u64);
        assert_eq!(totals.plain_len, plain().len() as u64);
        bytes
    }

    fn long_glue() -> Vec<u8> {
        (0..5_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 27) as u8).collect()
    }

    fn plain() -> Vec<u8> {
        [b"head".to_vec(), vec![b'u'; 600_000], long_glue()].concat()
    }

    #[test]
    fn a_gzip_stream_is_one_member_of_the_same_bytes() {
        let packed = stream(Codec::Gzip, 2);
        let mut back = Vec::new();
        // GzDecoder reads one member only and checks its CRC and length.
        let mut decoder = flate2::bufread::GzDecoder::new(packed.as_slice());
        decoder.read_to_end(&mut back).unwrap();
        assert!(back == plain());
        assert!(decoder.into_inner().is_empty());
    }

    #[test]
    fn an_xz_stream_is_one_stream_of_the_same_bytes() {
        let packed = stream(Codec::Xz, 2);
        let mut back = Vec::new();
        liblzma::read::XzDecoder::new(packed.as_slice()).read_to_end(&mut back).unwrap();
        assert!(back == plain());
    }

    #[test]
    fn the_bytes_do_not_depend_on_the_number_of_threads() {
        assert!(stream(Codec::Gzip, 1) == stream(Codec::Gzip, 4));
    }

    #[test]
    fn an_empty_stream_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(CacheChoice::Temporary(folder.path().to_path_buf()), 1).unwrap();
        for codec in [Codec::Gzip, Codec::Xz] {
            let (packed, _) = StreamWriter::new(&store, codec, Vec::new()).unwrap().finish().unwrap();
            let mut back = Vec::new();
            match codec {
                Codec::Gzip => flate2::bufread::GzDecoder::new(packed.as_slice()).read_to_end(&mut back).unwrap(),
                Codec::Xz => liblzma::read::XzDecoder::new(packed.as_slice()).read_to_end(&mut back).unwrap(),
            };
            assert!(back.is_empty());
        }
    }
}
