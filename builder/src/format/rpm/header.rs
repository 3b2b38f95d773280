//! The header structure: an index of tags and a store of their values, all integers big-endian.
//!
//! Specification: <https://rpm-software-management.github.io/rpm/manual/format_header.html>. The `rpm` crate reads this structure and
//! names its tags; it cannot write ours, because its strings are UTF-8 (names of files are bytes) and its writer is private.

use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// Header magic, version 1, four reserved bytes.
const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0];
/// Magic, number of index entries, length of the store.
const INTRO_LEN: usize = 8 + 4 + 4;
/// Tag, type, offset into the store, number of values.
const ENTRY_LEN: usize = 16;
/// The longest store that rpm reads, in bytes (HEADER_DATA_MAX in rpm's lib/header.c).
const STORE_LIMIT: usize = 0x0fff_ffff;

/// The values of one tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// INT16.
    Int16(Vec<u16>),
    /// INT32.
    Int32(Vec<u32>),
    /// INT64.
    Int64(Vec<u64>),
    /// STRING: one string without NUL.
    Text(Vec<u8>),
    /// BIN.
    Binary(Vec<u8>),
    /// STRING_ARRAY.
    Texts(Texts),
    /// I18NSTRING in one language, the "C" that HEADERI18NTABLE names.
    Translated(Vec<u8>),
}

/// The strings of a STRING_ARRAY, each ended by a NUL: a package of 70,000 files has arrays of 70,000.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    count: u32,
    joined: Vec<u8>,
}

impl Texts {
    /// Asks twice for the texts: room that grows with them would leave holes of megabytes in memory.
    fn of<T: AsRef<[u8]>>(texts: impl Iterator<Item = T> + Clone) -> Self {
        let len = texts.clone().map(|text| text.as_ref().len() + 1).sum();
        let mut all = Texts { count: 0, joined: Vec::with_capacity(len) };
        for text in texts {
            all.count += 1;
            all.joined.extend_from_slice(text.as_ref());
            all.joined.push(0);
        }
        all
    }
}

impl Value {
    /// The type's number in the index.
    fn kind(&self) -> u32 {
        match self {
            Value::Int16(_) => 3,
            Value::Int32(_) => 4,
            Value::Int64(_) => 5,
            Value::Text(_) => 6,
            Value::Binary(_) => BINARY,
            Value::Texts(_) => 8,
            Value::Translated(_) => 9,
        }
    }

    /// What the value's offset must be a multiple of.
    fn alignment(&self) -> usize {
        match self {
            Value::Int16(_) => 2,
            Value::Int32(_) => 4,
            Value::Int64(_) => 8,
            _ => 1,
        }
    }

    fn count(&self) -> u32 {
        match self {
            Value::Int16(numbers) => numbers.len() as u32,
            Value::Int32(numbers) => numbers.len() as u32,
            Value::Int64(numbers) => numbers.len() as u32,
            Value::Binary(bytes) => bytes.len() as u32,
            Value::Texts(texts) => texts.count,
            Value::Text(_) | Value::Translated(_) => 1,
        }
    }

    /// Bytes in the store.
    fn len(&self) -> usize {
        match self {
            Value::Int16(numbers) => 2 * numbers.len(),
            Value::Int32(numbers) => 4 * numbers.len(),
            Value::Int64(numbers) => 8 * numbers.len(),
            Value::Binary(bytes) => bytes.len(),
            Value::Texts(texts) => texts.joined.len(),
            Value::Text(text) | Value::Translated(text) => text.len() + 1,
        }
    }

    fn append_to(&self, store: &mut Vec<u8>) {
        match self {
            Value::Int16(numbers) => numbers.iter().for_each(|n| store.extend_from_slice(&n.to_be_bytes())),
            Value::Int32(numbers) => numbers.iter().for_each(|n| store.extend_from_slice(&n.to_be_bytes())),
            Value::Int64(numbers) => numbers.iter().for_each(|n| store.extend_from_slice(&n.to_be_bytes())),
            Value::Binary(bytes) => store.extend_from_slice(bytes),
            Value::Texts(texts) => store.extend_from_slice(&texts.joined),
            Value::Text(text) | Value::Translated(text) => {
                store.extend_from_slice(text);
                store.push(0);
            }
        }
    }
}

/// The number of the BIN type.
const BINARY: u32 = 7;

/// A header under construction; tags come out in ascending order.
#[derive(Debug, Clone, Default)]
pub struct Header {
    entries: BTreeMap<u32, Value>,
}

impl Header {
    /// Sets a tag.
    pub fn put(&mut self, tag: u32, value: Value) {
        self.entries.insert(tag, value);
    }

    /// Sets a tag to one string.
    pub fn put_text(&mut self, tag: u32, text: impl AsRef<[u8]>) {
        self.put(tag, Value::Text(text.as_ref().to_vec()));
    }

    /// Sets a tag to an array of strings.
    pub fn put_texts<T: AsRef<[u8]>>(&mut self, tag: u32, texts: impl IntoIterator<Item = T, IntoIter: Clone>) {
        self.put(tag, Value::Texts(Texts::of(texts.into_iter())));
    }

    /// Sets a tag to 32-bit numbers.
    pub fn put_numbers(&mut self, tag: u32, numbers: impl IntoIterator<Item = u32>) {
        self.put(tag, Value::Int32(numbers.into_iter().collect()));
    }

    /// The header's bytes, all entries inside the region that `region` names (an "immutable" or a signature region).
    ///
    /// The region's own entry comes first in the index. Its value comes last in the store: an index entry again, whose offset leads
    /// back over the whole index.
    ///
    /// # Errors
    /// The store is longer than rpm reads.
    pub fn encode(self, region: u32) -> Result<Vec<u8>> {
        let index_len = (self.entries.len() + 1) * ENTRY_LEN;
        let front = INTRO_LEN + index_len;
        // A hundred thousand files' lists are tens of megabytes: they are let go as they are written, into room of the right size.
        let values: usize = self.entries.values().map(|value| value.len() + 8).sum();
        let mut bytes = Vec::with_capacity(front + values + ENTRY_LEN);
        bytes.resize(front, 0);
        let mut index = Vec::with_capacity(index_len);
        for (tag, value) in self.entries {
            bytes.resize(front + (bytes.len() - front).next_multiple_of(value.alignment()), 0);
            push_entry(&mut index, [tag, value.kind(), (bytes.len() - front) as u32, value.count()]);
            value.append_to(&mut bytes);
        }
        let region_at = (bytes.len() - front) as u32;
        push_entry(&mut bytes, [region, BINARY, (index_len as u32).wrapping_neg(), ENTRY_LEN as u32]);
        let store_len = bytes.len() - front;
        if store_len > STORE_LIMIT {
            return Err(Error::new(format!("the RPM's header would take {store_len} bytes; rpm reads {STORE_LIMIT} at most"))
                .help("package fewer files, for instance as an archive that the container unpacks"));
        }
        let mut start = MAGIC.to_vec();
        start.extend_from_slice(&((index_len / ENTRY_LEN) as u32).to_be_bytes());
        start.extend_from_slice(&(store_len as u32).to_be_bytes());
        push_entry(&mut start, [region, BINARY, region_at, ENTRY_LEN as u32]);
        start.extend_from_slice(&index);
        bytes[..front].copy_from_slice(&start);
        Ok(bytes)
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
        header.put(1001, Value::Int16(vec![7]));
        header.put_text(1002, "x");
        header.put_numbers(1003, [0x0102_0304]);
        header.put(1004, Value::Binary(vec![9]));
        header.put(1005, Value::Int64(vec![1, 2]));
        let bytes = header.encode(REGION).unwrap();
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
        let bytes = header.encode(REGION).unwrap();
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
        let bytes = header.encode(REGION).unwrap();
        let (index, store) = parts(&bytes);
        assert_eq!(index[1], [1117, 8, 0, 3]);
        assert_eq!(store[..5], *b"\0\xff\n\0\0");
    }
}
