//! Units of streams that were written earlier: where they lie, what they hold, and packing that makes the same bytes again.
//!
//! Only what linkpack wrote itself is known here. Whoever relies on it packs once and compares.

use super::codec::Codec;
use super::nature::Nature;
use super::source::{part, with_whole, Source};
use super::zstd::OneFrame;
use super::{deflate, gzip, xz, zstd};
use base::error::{Error, Result};
use flate2::{Decompress, FlushDecompress, Status};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};

/// How a unit was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Open-ended deflate blocks in a gzip member.
    Gzip,
    /// A whole gzip member of text, as the kit's lists are.
    GzipText,
    /// A zstd frame of one unit.
    Zstd,
    /// A zstd frame of several units.
    ZstdWhole,
    /// An xz block.
    Xz,
    /// An xz block of a program for x86.
    XzX86,
}

/// A unit in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// How it may have been packed.
    pub form: Form,
    /// Where it begins.
    pub at: u64,
    /// Its bytes in the file.
    pub len: u64,
}

/// The most bytes of a unit, packed or not, but for frames of several units, which are read as they come.
const MOST: u64 = 12 << 20;
/// The longest beginning of a stream.
pub const MAGIC: usize = 12;
/// A member as [`gzip_text`] begins it.
const TEXT_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// gzip without a name and a time, so that the same text is the same file.
pub fn gzip_text(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(9));
    out.write_all(bytes).expect("memory takes everything");
    out.finish().expect("memory takes everything")
}

/// Whether a stream may begin with these bytes.
pub fn may_begin(bytes: &[u8]) -> bool {
    bytes.starts_with(&gzip::HEADER)
        || bytes.starts_with(&TEXT_HEADER)
        || bytes.starts_with(&ZSTD_MAGIC)
        || bytes.starts_with(&xz::header())
}

/// The units of the stream that begins at `at`; none where there is no stream of linkpack's. Bytes between them belong to none.
///
/// # Errors
/// The file cannot be read.
pub fn find(file: &dyn Source, at: u64) -> Result<Vec<Place>> {
    let begin = part(file, at, (file.len() - at).min(MAGIC as u64))?;
    if begin.starts_with(&gzip::HEADER) {
        in_gzip(file, at + gzip::HEADER.len() as u64)
    } else if begin.starts_with(&TEXT_HEADER) && at == 0 && file.len() <= MOST {
        Ok(vec![Place { form: Form::GzipText, at, len: file.len() }])
    } else if begin.starts_with(&ZSTD_MAGIC) {
        in_zstd(file, at)
    } else if begin.starts_with(&xz::header()) {
        in_xz(file, at + begin.len() as u64)
    } else {
        Ok(Vec::new())
    }
}

fn in_gzip(file: &dyn Source, mut at: u64) -> Result<Vec<Place>> {
    let mut units = Vec::new();
    let mut window = Vec::new();
    let mut window_at = at;
    loop {
        base::interrupt::check()?;
        let known = window.get((at - window_at) as usize..).unwrap_or_default();
        match deflate::next_unit(known) {
            Some(deflate::Next::Unit(len)) => {
                units.push(Place { form: Form::Gzip, at, len: len as u64 });
                at += len as u64;
            }
            Some(deflate::Next::Stored(len)) => at += len as u64,
            Some(deflate::Next::End) => return Ok(units),
            None if at == window_at && !window.is_empty() => return Ok(units),
            None => {
                window = part(file, at, (file.len() - at).min(MOST))?;
                window_at = at;
                if window.is_empty() {
                    return Ok(units);
                }
            }
        }
    }
}

fn in_zstd(file: &dyn Source, mut at: u64) -> Result<Vec<Place>> {
    let mut units = Vec::new();
    while let Some((end, plain)) = frame(file, at)? {
        let form = if plain > Codec::Zstd.unit_len() { Form::ZstdWhole } else { Form::Zstd };
        units.push(Place { form, at, len: end - at });
        at = end;
    }
    Ok(units)
}

/// Where the frame at `at` ends, and its length unpacked (RFC 8878, section 3.1.1).
fn frame(file: &dyn Source, at: u64) -> Result<Option<(u64, u64)>> {
    let bytes = |from: u64, len: u64| -> Result<Option<Vec<u8>>> {
        match from.checked_add(len).is_some_and(|end| end <= file.len()) {
            true => part(file, from, len).map(Some),
            false => Ok(None),
        }
    };
    let Some(head) = bytes(at, 5)?.filter(|head| head.starts_with(&ZSTD_MAGIC)) else { return Ok(None) };
    let flags = head[4];
    let single = flags >> 5 & 1;
    let checksum = u64::from(flags >> 2 & 1) * 4;
    let size_len = match flags >> 6 {
        0 => u64::from(single),
        shift => 1 << shift,
    };
    // linkpack's frames say their length and have no dictionary.
    if size_len == 0 || flags & 3 != 0 {
        return Ok(None);
    }
    let size_at = at + 5 + u64::from(1 - single);
    let Some(size) = bytes(size_at, size_len)? else { return Ok(None) };
    let plain = size.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)) + if size_len == 2 { 256 } else { 0 };
    let mut at = size_at + size_len;
    loop {
        let Some(block) = bytes(at, 3)? else { return Ok(None) };
        let header = u32::from_le_bytes([block[0], block[1], block[2], 0]);
        at += 3 + match header >> 1 & 3 {
            1 => 1,
            3 => return Ok(None),
            _ => u64::from(header >> 3),
        };
        if header & 1 == 1 {
            at += checksum;
            return Ok((at <= file.len()).then_some((at, plain)));
        }
    }
}

fn in_xz(file: &dyn Source, mut at: u64) -> Result<Vec<Place>> {
    let mut units = Vec::new();
    while at + xz::HEADER_ROOM as u64 <= file.len() {
        let Some(block) = xz::read_header(&part(file, at, xz::HEADER_ROOM as u64)?) else { break };
        let len = block.unpadded_len().next_multiple_of(4);
        if len > MOST || at + len > file.len() {
            break;
        }
        units.push(Place { form: if block.x86 { Form::XzX86 } else { Form::Xz }, at, len });
        at += len;
    }
    Ok(units)
}

/// Unpacks a unit into `out`.
///
/// # Errors
/// It is damaged, or larger than any unit; `out` cannot be written.
pub fn unpack(file: &dyn Source, place: &Place, out: &mut dyn Write) -> Result<u64> {
    let mut counted = Counted { out, len: 0 };
    if place.form == Form::ZstdWhole {
        let mut decoder = ::zstd::stream::write::Decoder::new(&mut counted).map_err(|error| damaged(&error))?;
        file.read(place.at, place.len, &mut |block| decoder.write_all(block).map_err(|error| damaged(&error)))?;
        decoder.flush().map_err(|error| damaged(&error))?;
        drop(decoder);
        return Ok(counted.len);
    }
    let packed = part(file, place.at, place.len.min(MOST))?;
    let plain = match place.form {
        Form::Gzip => inflate(&packed)?,
        Form::GzipText => whole(flate2::read::GzDecoder::new(packed.as_slice()))?,
        Form::Zstd | Form::ZstdWhole => {
            whole(::zstd::stream::read::Decoder::new(packed.as_slice()).map_err(|error| damaged(&error))?)?
        }
        Form::Xz | Form::XzX86 => {
            let block = xz::read_header(&packed).ok_or_else(|| Error::new("a block of xz has no header"))?;
            let trailer = xz::trailer(std::iter::once(block.segment()));
            let header = xz::header();
            whole(liblzma::read::XzDecoder::new(header.as_slice().chain(packed.as_slice()).chain(trailer.as_slice())))?
        }
    };
    counted.write_all(&plain).map_err(|error| damaged(&error))?;
    Ok(counted.len)
}

/// Unpacks a unit out of the store.
///
/// # Errors
/// It is damaged, or larger than any unit.
pub(super) fn unpack_unit(codec: Codec, packed: &[u8]) -> Result<Vec<u8>> {
    let form = match codec {
        Codec::Gzip => Form::Gzip,
        Codec::Zstd => Form::Zstd,
        Codec::Xz => Form::Xz,
    };
    let mut plain = Vec::new();
    unpack(&super::source::Bytes(packed), &Place { form, at: 0, len: packed.len() as u64 }, &mut plain)?;
    Ok(plain)
}

/// Packs a unit again.
///
/// # Errors
/// The plain bytes cannot be read; `out` cannot be written.
pub fn pack(form: Form, plain: &dyn Source, out: &mut dyn Write) -> Result<()> {
    let failed = |error: std::io::Error| Error::new(format!("cannot write: {error}"));
    let (codec, nature) = match form {
        Form::Gzip => (Codec::Gzip, Nature::General),
        Form::Zstd => (Codec::Zstd, Nature::General),
        Form::Xz => (Codec::Xz, Nature::General),
        Form::XzX86 => (Codec::Xz, Nature::X86),
        Form::GzipText => return with_whole(plain, |plain| out.write_all(&gzip_text(plain)).map_err(failed)),
        Form::ZstdWhole => {
            let threads = std::thread::available_parallelism().map_or(1, usize::from);
            let mut frame: OneFrame<&mut dyn Write> = zstd::OneFrame::new(out, plain.len(), threads)?;
            plain.read(0, plain.len(), &mut |block| frame.add_plain(block))?;
            return frame.finish().map(drop);
        }
    };
    let mut packed = Vec::new();
    codec.compress(nature, plain, &mut packed)?;
    out.write_all(&packed).map_err(failed)
}

struct Counted<'a> {
    out: &'a mut dyn Write,
    len: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.out.write_all(bytes)?;
        self.len += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

fn whole(reader: impl Read) -> Result<Vec<u8>> {
    let mut plain = Vec::new();
    reader.take(MOST + 1).read_to_end(&mut plain).map_err(|error| damaged(&error))?;
    match plain.len() as u64 > MOST {
        true => Err(Error::new("a unit is larger than any that linkpack writes")),
        false => Ok(plain),
    }
}

/// Inflates blocks that do not end.
fn inflate(packed: &[u8]) -> Result<Vec<u8>> {
    let mut decoder = Decompress::new(false);
    let mut plain = Vec::with_capacity(packed.len() * 4);
    loop {
        let (before, used) = (plain.len(), decoder.total_in() as usize);
        let status = decoder.decompress_vec(&packed[used..], &mut plain, FlushDecompress::Sync);
        let status = status.map_err(|error| damaged(&error))?;
        if plain.len() as u64 > MOST {
            return Err(Error::new("a unit is larger than any that linkpack writes"));
        }
        let full = plain.len() == plain.capacity();
        match status {
            Status::StreamEnd => return Ok(plain),
            _ if full => plain.reserve(plain.len().max(4096)),
            _ if decoder.total_in() as usize == packed.len() => return Ok(plain),
            _ if plain.len() == before && decoder.total_in() as usize == used => {
                return Err(Error::new("a unit is damaged: its deflate stream stops"))
            }
            _ => {}
        }
    }
}

fn damaged(error: &dyn std::fmt::Display) -> Error {
    Error::new(format!("a compressed unit cannot be unpacked: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::nature::tests::noise;
    use super::super::source::Bytes;
    use super::super::{CacheChoice, Layout, Store};
    use super::*;

    fn texts() -> [Vec<u8>; 3] {
        let prose = |seed: u32| (0..700_000_u32).map(|i| ((i ^ seed).wrapping_mul(2_654_435_761) >> 27) as u8).collect();
        [prose(0), noise(200_000), prose(7)]
    }

    fn stream(codec: Codec, whole: bool) -> Vec<u8> {
        let store = Store::open(CacheChoice::Temporary(std::env::temp_dir()), 2).unwrap();
        let mut layout = if whole { Layout::one_frame(&store, codec) } else { Layout::new(&store, codec) };
        for text in texts() {
            layout.unit(&store.put(codec, Nature::X86, &Bytes(&text)).unwrap()).unwrap();
        }
        let mut bytes = Vec::new();
        let mut collect = |block: &[u8]| {
            bytes.extend_from_slice(block);
            Ok(())
        };
        layout.finish().unwrap().read(&mut collect).unwrap();
        bytes
    }

    #[test]
    fn what_was_packed_is_found_unpacked_and_packed_to_the_same_bytes() {
        for (codec, whole) in [(Codec::Gzip, false), (Codec::Zstd, false), (Codec::Zstd, true), (Codec::Xz, false)] {
            let packed = stream(codec, whole);
            let before = b"what lies before it, ".to_vec();
            let file = [before.clone(), packed.clone(), b"and behind".to_vec()].concat();
            let units = find(&Bytes(&file), before.len() as u64).unwrap();
            // Noise is stored in a gzip member: there is nothing to unpack.
            let expected = if whole { 1 } else { 3 - usize::from(codec == Codec::Gzip) };
            assert_eq!(units.len(), expected, "{codec:?} {units:?}");
            let mut all = Vec::new();
            for unit in units {
                let mut plain = Vec::new();
                unpack(&Bytes(&file), &unit, &mut plain).unwrap();
                let form = if whole { Form::ZstdWhole } else { unit.form };
                let mut again = Vec::new();
                pack(form, &Bytes(&plain), &mut again).unwrap();
                assert!(again == file[unit.at as usize..][..unit.len as usize], "{codec:?} {unit:?}");
                all.extend(plain);
            }
            let [first, dense, last] = texts();
            let expected = if codec == Codec::Gzip { [first, last].concat() } else { [first, dense, last].concat() };
            assert!(all == expected, "{codec:?}");
        }
    }

    #[test]
    fn cut_and_damaged_streams_are_no_units_or_errors_and_never_more() {
        for codec in Codec::ALL {
            let packed = stream(codec, false);
            for len in (0..40).chain([packed.len() / 2, packed.len() - 1]) {
                let cut = &packed[..len];
                for unit in find(&Bytes(cut), 0).unwrap() {
                    let _ = unpack(&Bytes(cut), &unit, &mut Vec::new());
                }
            }
            for at in noise(60).chunks(3).map(|b| u32::from_le_bytes([b[0], b[1], b[2], 0]) as usize) {
                let mut damaged = packed.clone();
                damaged[at % packed.len()] ^= 1 << (at % 8);
                for unit in find(&Bytes(&damaged), 0).unwrap() {
                    let _ = unpack(&Bytes(&damaged), &unit, &mut Vec::new());
                }
            }
        }
        assert!(find(&Bytes(&gzip_text(b"text")), 0).unwrap().len() == 1);
    }
}
