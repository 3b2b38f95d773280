//! One compressed stream: laid out first, so that its length is known before its first byte is written.

use super::codec::Codec;
use super::nature::Nature;
use super::ordered::Ordered;
use super::segment::Segment;
use super::source::Bytes;
use super::store::Store;
use super::unit::{key_digest, Unit};
use super::zstd::OneFrame;
use base::error::{Error, Result};
use std::io::Write;
use std::sync::Arc;

/// Lays out one compressed stream that any reader of the codec accepts.
///
/// What is one package's own, archive headers and small files, is the **glue** between units. It is cut into units of its own at
/// places that depend on the entries' names alone, so that a change moves no border but its neighbours'.
pub struct Layout {
    store: Arc<Store>,
    codec: Codec,
    /// The reader takes one frame only.
    whole: bool,
    glue: Glue,
    queue: Ordered<(usize, Unit)>,
    /// `None` while the unit is in the queue.
    units: Vec<Option<Unit>>,
}

/// Glue that is being collected.
#[derive(Default)]
struct Glue {
    parts: Vec<Part>,
    len: usize,
}

enum Part {
    Bytes(Vec<u8>),
    Content(SmallContent),
}

/// A small file's bytes, which are not read when the unit they belong to is in the store.
pub struct SmallContent {
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// How many there are.
    pub len: usize,
    /// Appends them; fails when they are no longer those of the digest.
    pub read: Reading,
}

/// Reads a small file once.
pub type Reading = Box<dyn FnOnce(&mut Vec<u8>) -> Result<()> + Send>;

impl Layout {
    /// An empty stream for readers that take any number of frames.
    pub fn new(store: &Arc<Store>, codec: Codec) -> Self {
        let queue = Ordered::short(store.pool());
        Layout { store: store.clone(), codec, whole: false, glue: Glue::default(), queue, units: Vec::new() }
    }

    /// An empty stream for readers that take one frame only (dpkg); costs a second compression with zstd, nothing with the others.
    pub fn one_frame(store: &Arc<Store>, codec: Codec) -> Self {
        Layout { whole: true, ..Layout::new(store, codec) }
    }

    /// An entry of this name begins here: a place to cut, now and then.
    pub fn entry(&mut self, name: &[u8]) -> Result<()> {
        const ONE_IN: u8 = 8;
        if self.glue.len >= self.codec.glue_len() / 2 && blake3::hash(name).as_bytes()[0].is_multiple_of(ONE_IN) {
            self.cut()?;
        }
        Ok(())
    }

    /// Adds bytes that belong to this stream alone.
    pub fn bytes(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            if self.glue.len >= self.codec.glue_len() {
                self.cut()?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.codec.glue_len() - self.glue.len));
            match self.glue.parts.last_mut() {
                Some(Part::Bytes(last)) => last.extend_from_slice(now),
                _ => self.glue.parts.push(Part::Bytes(now.to_vec())),
            }
            self.glue.len += now.len();
            bytes = later;
        }
        Ok(())
    }

    /// Adds a small file.
    pub fn content(&mut self, content: SmallContent) -> Result<()> {
        if self.glue.len + content.len > self.codec.glue_len() {
            self.cut()?;
        }
        self.glue.len += content.len;
        self.glue.parts.push(Part::Content(content));
        Ok(())
    }

    /// Adds a unit of the store.
    pub fn unit(&mut self, unit: &Unit) -> Result<()> {
        self.cut()?;
        self.units.push(Some(unit.clone()));
        Ok(())
    }

    /// Waits until everything is compressed.
    pub fn finish(mut self) -> Result<Packed> {
        self.cut()?;
        while let Some(done) = self.queue.oldest()? {
            self.settle(Some(done));
        }
        let units: Option<Vec<Unit>> = self.units.into_iter().collect();
        let units = units.ok_or_else(|| Error::new("a unit of the stream was never compressed"))?;
        let packed = Packed { store: self.store, codec: self.codec, units };
        match self.whole && self.codec == Codec::Zstd && packed.units.len() > 1 {
            true => packed.into_one_frame(),
            false => Ok(packed),
        }
    }

    fn cut(&mut self) -> Result<()> {
        base::interrupt::check()?;
        let glue = std::mem::take(&mut self.glue);
        if glue.len == 0 {
            return Ok(());
        }
        let (store, codec, index) = (self.store.clone(), self.codec, self.units.len());
        self.units.push(None);
        let done = self.queue.submit(move || Ok((index, glue.compress(&store, codec)?)))?;
        self.settle(done);
        Ok(())
    }

    fn settle(&mut self, done: Option<(usize, Unit)>) {
        if let Some((index, unit)) = done {
            self.units[index] = Some(unit);
        }
    }
}

impl Glue {
    fn compress(self, store: &Store, codec: Codec) -> Result<Unit> {
        let mut digest = key_digest(codec, b"glue");
        for part in &self.parts {
            let (kind, len, bytes) = match part {
                Part::Bytes(bytes) => (0, bytes.len(), bytes.as_slice()),
                Part::Content(content) => (1, content.len, content.sha256.as_slice()),
            };
            digest.update(&[kind]).update(&(len as u64).to_le_bytes()).update(bytes);
        }
        let key = digest.finalize().into();
        let compress = |plain: &[u8], packed: &mut Vec<u8>| codec.compress(Nature::General, &Bytes(plain), packed);
        if store.checks() {
            let plain = self.plain()?;
            return store.provide(codec, key, Some(&Bytes(&plain)), |packed| compress(&plain, packed));
        }
        store.provide(codec, key, None, |packed| compress(&self.plain()?, packed))
    }

    fn plain(self) -> Result<Vec<u8>> {
        let mut plain = Vec::with_capacity(self.len);
        for part in self.parts {
            match part {
                Part::Bytes(bytes) => plain.extend_from_slice(&bytes),
                Part::Content(content) => (content.read)(&mut plain)?,
            }
        }
        Ok(plain)
    }
}

/// A stream whose every byte is known, in the store.
#[derive(Debug)]
pub struct Packed {
    store: Arc<Store>,
    codec: Codec,
    units: Vec<Unit>,
}

impl Packed {
    /// Bytes before compression.
    pub fn plain_len(&self) -> u64 {
        self.units.iter().map(Unit::plain_len).sum()
    }

    /// Bytes after compression.
    pub fn len(&self) -> u64 {
        let ends = self.header().len() + self.trailer().len();
        ends as u64 + self.units.iter().map(Unit::packed_len).sum::<u64>()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives the stream to `each`, in blocks.
    ///
    /// # Errors
    /// What `each` returns; the store was changed by someone else; the user interrupted.
    pub fn read(&self, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        each(&self.header())?;
        for unit in &self.units {
            base::interrupt::check()?;
            self.store.read(unit, each)?;
        }
        each(&self.trailer())
    }

    /// The SHA-256 of the stream.
    ///
    /// # Errors
    /// As [`Packed::read`]'s.
    pub fn sha256(&self) -> Result<[u8; 32]> {
        let read = |unit: &Unit, each: &mut dyn FnMut(&[u8]) -> Result<()>| self.store.read(unit, each);
        self.store.last_digest.sha256(&self.header(), &self.units, &self.trailer(), &read)
    }

    fn header(&self) -> Vec<u8> {
        self.codec.header()
    }

    fn trailer(&self) -> Vec<u8> {
        self.codec.trailer(self.segments())
    }

    fn segments(&self) -> impl Iterator<Item = Segment> + Clone + '_ {
        self.units.iter().map(|unit| unit.segment)
    }

    /// The same content as one zstd frame, kept in the store as a unit of its own.
    fn into_one_frame(self) -> Result<Packed> {
        let (store, codec) = (self.store.clone(), self.codec);
        let mut digest = key_digest(codec, b"one frame");
        for unit in &self.units {
            digest.update(&unit.key);
        }
        let key = digest.finalize().into();
        let unit = store.keep(codec, key, &mut |out| self.write_one_frame(out))?;
        Ok(Packed { store, codec, units: vec![unit] })
    }

    fn write_one_frame(&self, out: &mut dyn Write) -> std::io::Result<Segment> {
        let failed = |error: Error| std::io::Error::other(error);
        let threads = self.store.pool().current_num_threads();
        let mut unpadded_len = 0;
        let counting = Counting { out, count: &mut unpadded_len };
        let mut frame = OneFrame::new(counting, self.plain_len(), threads).map_err(failed)?;
        for unit in &self.units {
            base::interrupt::check().map_err(failed)?;
            let mut bytes = Vec::with_capacity(unit.packed_len() as usize);
            let mut collect = |block: &[u8]| {
                bytes.extend_from_slice(block);
                Ok(())
            };
            self.store.read(unit, &mut collect).map_err(failed)?;
            frame.add(&bytes).map_err(failed)?;
        }
        frame.finish().map_err(failed)?;
        // zstd checks its content itself: the CRC-32 is not needed.
        Ok(Segment { plain_len: self.plain_len(), crc32: 0, unpadded_len })
    }
}

struct Counting<'a> {
    out: &'a mut dyn Write,
    count: &'a mut u64,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        *self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::CacheChoice;
    use super::*;
    use std::io::Read;

    fn store(threads: usize) -> Arc<Store> {
        Store::open(CacheChoice::Temporary(std::env::temp_dir()), threads).unwrap()
    }

    fn program() -> Vec<u8> {
        let this = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        this[..this.len().min(1_500_000)].to_vec()
    }

    fn long_glue() -> Vec<u8> {
        (0..9_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 27) as u8).collect()
    }

    fn small(bytes: &'static [u8]) -> SmallContent {
        let read = move |out: &mut Vec<u8>| {
            out.extend_from_slice(bytes);
            Ok(())
        };
        SmallContent { sha256: [bytes[0]; 32], len: bytes.len(), read: Box::new(read) }
    }

    fn bytes_of(packed: &Packed) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut collect = |block: &[u8]| {
            bytes.extend_from_slice(block);
            Ok(())
        };
        packed.read(&mut collect).unwrap();
        bytes
    }

    fn packed(codec: Codec, store: &Arc<Store>, mut layout: Layout) -> Vec<u8> {
        let unit = store.put(codec, Nature::X86, &Bytes(&program())).unwrap();
        let dense = store.put(codec, Nature::General, &Bytes(&super::super::nature::tests::noise(200_000))).unwrap();
        layout.entry(b"head").unwrap();
        layout.bytes(b"head").unwrap();
        layout.content(small(b"small file")).unwrap();
        for part in [&unit, &unit, &dense] {
            layout.unit(part).unwrap();
        }
        layout.bytes(&long_glue()).unwrap();
        let packed = layout.finish().unwrap();
        let bytes = bytes_of(&packed);
        assert_eq!(packed.len(), bytes.len() as u64, "{codec:?}");
        assert_eq!(packed.plain_len(), plain().len() as u64);
        bytes
    }

    fn plain() -> Vec<u8> {
        [b"headsmall file".to_vec(), program(), program(), super::super::nature::tests::noise(200_000), long_glue()].concat()
    }

    /// What a reader that takes one member, stream or frame only makes of it.
    fn unpacked(codec: Codec, packed: &[u8]) -> Vec<u8> {
        let mut back = Vec::new();
        match codec {
            Codec::Gzip => {
                let mut decoder = flate2::bufread::GzDecoder::new(packed);
                decoder.read_to_end(&mut back).unwrap();
                assert!(decoder.into_inner().is_empty());
            }
            Codec::Zstd => drop(zstd::Decoder::new(packed).unwrap().single_frame().read_to_end(&mut back).unwrap()),
            Codec::Xz => drop(liblzma::read::XzDecoder::new(packed).read_to_end(&mut back).unwrap()),
        }
        back
    }

    #[test]
    fn a_stream_is_one_member_stream_or_frame_of_the_same_bytes() {
        for codec in Codec::ALL {
            let store = store(2);
            let bytes = packed(codec, &store, Layout::one_frame(&store, codec));
            assert!(unpacked(codec, &bytes) == plain(), "{codec:?}");
        }
    }

    #[test]
    fn zstd_frames_follow_each_other_where_the_reader_takes_them() {
        let store = store(2);
        let bytes = packed(Codec::Zstd, &store, Layout::new(&store, Codec::Zstd));
        assert!(zstd::decode_all(bytes.as_slice()).unwrap() == plain());
    }

    #[test]
    fn the_bytes_do_not_depend_on_the_number_of_threads() {
        for codec in Codec::ALL {
            let [one, four] = [1, 4].map(|threads| {
                let store = store(threads);
                packed(codec, &store, Layout::one_frame(&store, codec))
            });
            assert!(one == four, "{codec:?}");
        }
    }

    #[test]
    fn an_empty_stream_is_whole() {
        for codec in [Codec::Gzip, Codec::Xz] {
            let bytes = bytes_of(&Layout::new(&store(1), codec).finish().unwrap());
            assert!(unpacked(codec, &bytes).is_empty());
        }
    }

    #[test]
    fn a_small_file_in_a_unit_of_the_store_is_not_read() {
        let store = store(1);
        let layout = |read: fn(&mut Vec<u8>) -> Result<()>| {
            let mut layout = Layout::new(&store, Codec::Gzip);
            layout.bytes(b"header").unwrap();
            layout.content(SmallContent { sha256: [1; 32], len: 3, read: Box::new(read) }).unwrap();
            layout.finish()
        };
        let read = |out: &mut Vec<u8>| {
            out.extend_from_slice(b"abc");
            Ok(())
        };
        layout(read).unwrap();
        layout(|_| Err(Error::new("read again"))).unwrap();
    }

    #[test]
    fn a_change_moves_no_border_but_its_neighbours() {
        let store = store(2);
        let keys = |changed: usize| {
            let mut layout = Layout::new(&store, Codec::Gzip);
            for index in 0..3000 {
                layout.entry(format!("file {index}").as_bytes()).unwrap();
                let len = if index == changed { 3999 } else { 2000 };
                layout.bytes(&vec![index as u8; len]).unwrap();
            }
            layout.finish().unwrap().units.iter().map(|unit| unit.key).collect::<std::collections::BTreeSet<_>>()
        };
        let (before, after) = (keys(usize::MAX), keys(40));
        assert!(before.len() > 6, "{} units", before.len());
        assert!(before.difference(&after).count() <= 2);
    }
}
