//! The header structure: an index of tags and a store of their values, all integers big-endian.
//!
//! Specification: <https://rpm-software-management.github.io/rpm/manual/format_header.html>. The `rpm` crate reads this structure and
//! names its tags; it cannot write ours, because its strings are UTF-8 (names of files are bytes) and its writer is private.

use crate::error::{Error, Result};
use crate::format::patch::write_failed;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

/// Header magic, version 1, four reserved bytes.
const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0];
/// Tag, type, offset into the store, number of values.
const ENTRY_LEN: usize = 16;
/// Of 64-bit numbers.
const MAX_ALIGNMENT: usize = 8;
/// The longest store that rpm reads, in bytes (HEADER_DATA_MAX in rpm's lib/header.c).
const STORE_LIMIT: usize = 0x0fff_ffff;

/// The values of one tag. They are made each time that the header is written, and not kept: a package of a hundred thousand files has
/// dozens of megabytes of them.
pub struct Value<'a> {
    /// The type's number in the index.
    kind: u32,
    /// What the value's offset must be a multiple of.
    alignment: usize,
    /// Writes the values as the store has them and says how many there are.
    write: Writer<'a>,
}

type Writer<'a> = Box<dyn Fn(&mut dyn Write) -> io::Result<u32> + 'a>;

/// The number of the BIN type.
const BINARY: u32 = 7;

impl<'a> Value<'a> {
    /// INT16.
    pub fn int16(numbers: impl IntoIterator<Item = u16, IntoIter: Clone + 'a>) -> Self {
        Value::numbers(3, numbers, u16::to_be_bytes)
    }

    /// INT32.
    pub fn int32(numbers: impl IntoIterator<Item = u32, IntoIter: Clone + 'a>) -> Self {
        Value::numbers(4, numbers, u32::to_be_bytes)
    }

    /// INT64.
    pub fn int64(numbers: impl IntoIterator<Item = u64, IntoIter: Clone + 'a>) -> Self {
        Value::numbers(5, numbers, u64::to_be_bytes)
    }

    /// STRING: one string without NUL.
    pub fn text(text: impl AsRef<[u8]>) -> Self {
        Value::texts_of_kind(6, [text.as_ref().to_vec()])
    }

    /// BIN.
    pub fn binary(bytes: impl Into<Vec<u8>>) -> Self {
        Value::numbers(BINARY, bytes.into(), u8::to_be_bytes)
    }

    /// STRING_ARRAY.
    pub fn texts<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T, IntoIter: Clone + 'a>) -> Self {
        Value::texts_of_kind(8, texts)
    }

    /// I18NSTRING in one language, the "C" that HEADERI18NTABLE names.
    pub fn translated(text: impl AsRef<[u8]>) -> Self {
        Value::texts_of_kind(9, [text.as_ref().to_vec()])
    }

    fn numbers<N: 'a, const WIDTH: usize>(
        kind: u32,
        numbers: impl IntoIterator<Item = N, IntoIter: Clone + 'a>,
        big_endian: fn(N) -> [u8; WIDTH],
    ) -> Self {
        let numbers = numbers.into_iter();
        let write = move |store: &mut dyn Write| {
            let mut count = 0;
            for number in numbers.clone() {
                count += 1;
                store.write_all(&big_endian(number))?;
            }
            Ok(count)
        };
        Value { kind, alignment: WIDTH, write: Box::new(write) }
    }

    fn texts_of_kind<T: AsRef<[u8]>>(kind: u32, texts: impl IntoIterator<Item = T, IntoIter: Clone + 'a>) -> Self {
        let texts = texts.into_iter();
        let write = move |store: &mut dyn Write| {
            let mut count = 0;
            for text in texts.clone() {
                count += 1;
                store.write_all(text.as_ref())?;
                store.write_all(&[0])?;
            }
            Ok(count)
        };
        Value { kind, alignment: 1, write: Box::new(write) }
    }
}

/// A header under construction; tags come out in ascending order.
#[derive(Default)]
pub struct Header<'a> {
    entries: BTreeMap<u32, Value<'a>>,
}

impl<'a> Header<'a> {
    /// Sets a tag.
    pub fn put(&mut self, tag: u32, value: Value<'a>) {
        self.entries.insert(tag, value);
    }

    /// Sets a tag to one string.
    pub fn put_text(&mut self, tag: u32, text: impl AsRef<[u8]>) {
        self.put(tag, Value::text(text));
    }

    /// Sets a tag to an array of strings.
    pub fn put_texts<T: AsRef<[u8]>>(&mut self, tag: u32, texts: impl IntoIterator<Item = T, IntoIter: Clone + 'a>) {
        self.put(tag, Value::texts(texts));
    }

    /// Sets a tag to 32-bit numbers.
    pub fn put_numbers(&mut self, tag: u32, numbers: impl IntoIterator<Item = u32, IntoIter: Clone + 'a>) {
        self.put(tag, Value::int32(numbers));
    }

    /// Lays the header out, all entries inside the region that `region` names (an "immutable" or a signature region).
    ///
    /// The region's own entry comes first in the index. Its value comes last in the store: an index entry again, whose offset leads
    /// back over the whole index.
    ///
    /// # Errors
    /// The store is longer than rpm reads.
    pub fn encode(&self, region: u32) -> Result<Encoded<'_, 'a>> {
        let index_len = (self.entries.len() + 1) * ENTRY_LEN;
        let mut index = Vec::with_capacity(index_len);
        let mut end: usize = 0;
        for (tag, value) in &self.entries {
            let offset = end.next_multiple_of(value.alignment);
            let mut counted = Counted { inner: io::sink(), count: offset };
            let count = (value.write)(&mut counted).map_err(write_failed)?;
            end = counted.count;
            push_entry(&mut index, [*tag, value.kind, offset as u32, count]);
        }
        let store_len = end + ENTRY_LEN;
        if store_len > STORE_LIMIT {
            return Err(Error::new(format!("the RPM's header would take {store_len} bytes; rpm reads {STORE_LIMIT} at most"))
                .help("package fewer files, for instance as an archive that the container unpacks"));
        }
        let mut front = MAGIC.to_vec();
        front.extend_from_slice(&((index_len / ENTRY_LEN) as u32).to_be_bytes());
        front.extend_from_slice(&(store_len as u32).to_be_bytes());
        push_entry(&mut front, [region, BINARY, end as u32, ENTRY_LEN as u32]);
        front.extend_from_slice(&index);
        let mut trailer = Vec::with_capacity(ENTRY_LEN);
        push_entry(&mut trailer, [region, BINARY, (index_len as u32).wrapping_neg(), ENTRY_LEN as u32]);
        Ok(Encoded { header: self, front, end, trailer })
    }
}

/// A header whose layout is known; its bytes are made as they are written.
pub struct Encoded<'h, 'a> {
    header: &'h Header<'a>,
    /// What comes before the store.
    front: Vec<u8>,
    /// Where the last value ends in the store.
    end: usize,
    /// The region's value.
    trailer: Vec<u8>,
}

impl Encoded<'_, '_> {
    /// The header's length in bytes.
    pub fn len(&self) -> usize {
        self.front.len() + self.end + self.trailer.len()
    }

    /// Writes the header.
    ///
    /// # Errors
    /// As `out`'s.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(64 << 10, out);
        out.write_all(&self.front)?;
        let mut store = Counted { inner: &mut out, count: 0 };
        for value in self.header.entries.values() {
            let padding = store.count.next_multiple_of(value.alignment) - store.count;
            store.write_all(&[0; MAX_ALIGNMENT][..padding])?;
            (value.write)(&mut store)?;
        }
        out.write_all(&self.trailer)?;
        out.flush()
    }

    /// SHA-256 over the header's bytes.
    ///
    /// # Errors
    /// None in practice: a digest takes whatever is written.
    pub fn sha256(&self) -> Result<[u8; 32]> {
        let mut digest = Sha256::new();
        self.write(&mut digest).map_err(write_failed)?;
        Ok(digest.finalize().into())
    }
}

/// Counts what it passes on.
struct Counted<W> {
    inner: W,
    count: usize,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.count += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn push_entry(index: &mut Vec<u8>, fields: [u32; 4]) {
    for field in fields {
        index.extend_from_slice(&field.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: u32 = 63;
    /// Magic, number of index entries, length of the store.
    const INTRO_LEN: usize = 8 + 4 + 4;

    fn bytes(header: &Header) -> Vec<u8> {
        let encoded = header.encode(REGION).unwrap();
        let mut bytes = Vec::new();
        encoded.write(&mut bytes).unwrap();
        assert_eq!(bytes.len(), encoded.len());
        bytes
    }

    fn u32_at(bytes: &[u8], at: usize) -> usize {
        u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
    }

    /// Tag, type, offset, count of every index entry, and the store.
    fn parts(bytes: &[u8]) -> (Vec<[usize; 4]>, &[u8]) {
        let count = u32_at(bytes, 8);
        let entry = |i: usize| [0, 4, 8, 12].map(|field| u32_at(bytes, INTRO_LEN + i * ENTRY_LEN + field));
        let store = &bytes[INTRO_LEN + count * ENTRY_LEN..];
        assert_eq!(store.len(), u32_at(bytes, 12));
        ((0..count).map(entry).collect(), store)
    }

    #[test]
    fn integers_are_aligned_to_their_size() {
        let mut header = Header::default();
        header.put_text(1000, "odd");
        header.put(1001, Value::int16([7]));
        header.put_text(1002, "x");
        header.put_numbers(1003, [0x0102_0304]);
        header.put(1004, Value::binary([9]));
        header.put(1005, Value::int64([1, 2]));
        let bytes = bytes(&header);
        let (index, store) = parts(&bytes);
        let places: Vec<_> = index[1..].iter().map(|&[tag, kind, offset, count]| (tag, kind, offset, count)).collect();
        let expected = [(1000, 6, 0, 1), (1001, 3, 4, 1), (1002, 6, 6, 1), (1003, 4, 8, 1), (1004, 7, 12, 1), (1005, 5, 16, 2)];
        assert_eq!(places, expected);
        assert_eq!(store[..16], *b"odd\0\0\x07x\0\x01\x02\x03\x04\x09\0\0\0");
        assert_eq!(store.len(), 32 + ENTRY_LEN);
    }

    #[test]
    fn the_region_comes_first_and_its_trailer_leads_back_over_the_index() {
        let mut header = Header::default();
        header.put_text(1001, "b");
        header.put_text(1000, "a");
        let bytes = bytes(&header);
        let (index, store) = parts(&bytes);
        assert_eq!(index.iter().map(|entry| entry[0]).collect::<Vec<_>>(), [63, 1000, 1001]);
        assert_eq!(index[0], [63, 7, store.len() - 16, 16]);
        let back = u32_at(store, store.len() - 8) as u32 as i32;
        assert_eq!(back, -3 * ENTRY_LEN as i32);
    }

    #[test]
    fn a_string_array_keeps_empty_strings_and_any_bytes() {
        let mut header = Header::default();
        header.put_texts(1117, [b"".as_slice(), b"\xff\n", b""]);
        let bytes = bytes(&header);
        let (index, store) = parts(&bytes);
        assert_eq!(index[1], [1117, 8, 0, 3]);
        assert_eq!(store[..5], *b"\0\xff\n\0\0");
    }
}
