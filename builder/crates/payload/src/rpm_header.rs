//! The header structure of RPM packages, read with every declared size checked.
//!
//! The rpm crate (0.30) reads headers too, but it panics on an offset that lies outside of the header and replaces bytes of names that
//! are not UTF-8; vendors' packages are input, so neither will do here. Format: "RPM V4 Package format" in rpm's manual, and
//! lib/header.c for the limits.

/// Kinds of relations, and the tags of their names, flags and versions.
pub const RELATIONS: [(&str, u32, u32, u32); 8] = [
    ("requires", 1049, 1048, 1050),
    ("provides", 1047, 1112, 1113),
    ("conflicts", 1054, 1053, 1055),
    ("obsoletes", 1090, 1114, 1115),
    ("recommends", 5046, 5048, 5047),
    ("suggests", 5049, 5051, 5050),
    ("supplements", 5052, 5054, 5053),
    ("enhances", 5055, 5057, 5056),
];

/// The lead in front of the signature.
pub const LEAD: u64 = 96;
/// Bytes of a header before its index: magic, version, reserved, counts.
pub const INTRO: usize = 16;
const INDEX_ENTRY: usize = 16;
/// The type of a tag of bytes.
const BINARY: u32 = 7;
/// rpm's own limit of tags, and a quarter of its limit of data: what it holds is taken apart in memory.
const MOST_TAGS: u32 = 0xffff;
const MOST_DATA: u32 = 64 << 20;
/// Values of one tag: no package has as many files, and each takes memory.
const MOST_VALUES: usize = 1_000_000;

/// Tags of the main header, by their names in rpm's rpmtag.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
#[allow(missing_docs, reason = "rpm's documentation has them")]
pub enum Tag {
    Name = 1000,
    Version = 1001,
    Release = 1002,
    Epoch = 1003,
    Summary = 1004,
    Vendor = 1011,
    License = 1014,
    Packager = 1015,
    Url = 1020,
    Arch = 1022,
    OldFileNames = 1027,
    SourceRpm = 1044,
    FileSizes = 1028,
    FileModes = 1030,
    FileMtimes = 1034,
    FileLinkTos = 1036,
    FileFlags = 1037,
    RequireFlags = 1048,
    ProvideName = 1047,
    RequireName = 1049,
    RequireVersion = 1050,
    FileDevices = 1095,
    FileInodes = 1096,
    SourcePackage = 1106,
    DirIndexes = 1116,
    BaseNames = 1117,
    DirNames = 1118,
    PayloadFormat = 1124,
    PayloadCompressor = 1125,
    LongFileSizes = 5008,
    FileCaps = 5010,
    PayloadDigest = 5092,
    PayloadDigestAlgo = 5093,
}

impl From<Tag> for u32 {
    fn from(tag: Tag) -> u32 {
        tag as u32
    }
}

/// The sizes in a header's first 16 bytes: tags, and bytes of index and data together. `None`: no header, or beyond rpm's limits.
pub fn intro(bytes: &[u8; INTRO]) -> Option<(u32, u64)> {
    let (tags, data) = (be32(&bytes[8..]), be32(&bytes[12..]));
    let valid = bytes.starts_with(&[0x8e, 0xad, 0xe8, 0x01]) && tags <= MOST_TAGS && data <= MOST_DATA;
    valid.then(|| (tags, u64::from(tags) * INDEX_ENTRY as u64 + u64::from(data)))
}

/// A header's index and data.
pub struct Header {
    tags: usize,
    bytes: Vec<u8>,
}

impl Header {
    /// `bytes` are the index of that many tags and the data after it, as [`intro`] declared them.
    pub fn new(tags: u32, bytes: Vec<u8>) -> Self {
        Header { tags: tags as usize, bytes }
    }

    /// Type, count and the data from the tag's offset on.
    fn find(&self, tag: impl Into<u32>) -> Option<(u32, usize, &[u8])> {
        let tag = tag.into();
        let (index, data) = self.bytes.split_at_checked(self.tags * INDEX_ENTRY)?;
        let entry = index.chunks_exact(INDEX_ENTRY).find(|entry| be32(entry) == tag)?;
        let count = Some(be32(&entry[12..]) as usize).filter(|&count| count <= MOST_VALUES || be32(&entry[4..]) == BINARY)?;
        Some((be32(&entry[4..]), count, data.get(be32(&entry[8..]) as usize..)?))
    }

    /// Whether it has a value of that tag.
    pub fn has(&self, tag: impl Into<u32>) -> bool {
        let tag = tag.into();
        self.tags().any(|(found, _)| found == tag)
    }

    /// Every tag with its type, in the index's order.
    pub fn tags(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let index = self.bytes.get(..self.tags * INDEX_ENTRY).unwrap_or_default();
        index.chunks_exact(INDEX_ENTRY).map(|entry| (be32(entry), be32(&entry[4..])))
    }

    /// CHAR (1), INT8 (2) or BIN (7): bytes. `None` when the tag is missing or malformed.
    pub fn binary(&self, tag: impl Into<u32>) -> Option<&[u8]> {
        match self.find(tag)? {
            (1 | 2 | BINARY, count, data) => data.get(..count),
            _ => None,
        }
    }

    /// STRING (6), STRING_ARRAY (8) or I18NSTRING (9), whose first is the C locale's. Empty when the tag is missing or malformed.
    pub fn strings(&self, tag: impl Into<u32>) -> Vec<&[u8]> {
        let Some((6 | 8 | 9, count, mut data)) = self.find(tag) else { return Vec::new() };
        let mut strings = Vec::new();
        for _ in 0..count {
            let Some(end) = data.iter().position(|&b| b == 0) else { return Vec::new() };
            strings.push(&data[..end]);
            data = &data[end + 1..];
        }
        strings
    }

    /// The first string, as text.
    pub fn text(&self, tag: impl Into<u32>) -> Option<String> {
        self.strings(tag).first().map(|text| String::from_utf8_lossy(text).into_owned())
    }

    /// INT16 (3), INT32 (4) or INT64 (5). Empty when the tag is missing or malformed.
    pub fn numbers(&self, tag: impl Into<u32>) -> Vec<u64> {
        let Some((kind @ 3..=5, count, data)) = self.find(tag) else { return Vec::new() };
        let width = 1 << (kind - 2);
        let Some(data) = count.checked_mul(width).and_then(|len| data.get(..len)) else { return Vec::new() };
        data.chunks_exact(width).map(|bytes| bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))).collect()
    }
}

fn be32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(tag: Tag, kind: u32, offset: u32, count: u32, data: &[u8]) -> Header {
        let mut bytes: Vec<u8> = [tag as u32, kind, offset, count].iter().flat_map(|n| n.to_be_bytes()).collect();
        bytes.extend(data);
        Header::new(1, bytes)
    }

    #[test]
    fn strings_are_bytes() {
        assert_eq!(header(Tag::BaseNames, 8, 0, 2, b"caf\xe9\0b\0").strings(Tag::BaseNames), [&b"caf\xe9"[..], b"b"]);
        assert_eq!(header(Tag::FileModes, 3, 1, 2, &[9, 0x81, 0xa4, 0, 7]).numbers(Tag::FileModes), [0x81a4, 7]);
    }

    #[test]
    fn offsets_and_counts_beyond_the_data_yield_nothing() {
        assert!(header(Tag::Name, 6, u32::MAX, 1, b"a\0").strings(Tag::Name).is_empty());
        assert!(header(Tag::Name, 6, 0, 1, b"unterminated").strings(Tag::Name).is_empty());
        assert!(header(Tag::BaseNames, 8, 0, u32::MAX, b"a\0").strings(Tag::BaseNames).is_empty());
        assert!(header(Tag::FileSizes, 4, 0, u32::MAX, &[0; 8]).numbers(Tag::FileSizes).is_empty());
        assert!(Header::new(5, vec![0; 16]).strings(Tag::Name).is_empty());
    }

    #[test]
    fn a_header_beyond_rpms_limits_is_none() {
        let intro_of = |tags: u32, data: u32| {
            let mut bytes = [0; INTRO];
            bytes[..4].copy_from_slice(&[0x8e, 0xad, 0xe8, 0x01]);
            bytes[8..12].copy_from_slice(&tags.to_be_bytes());
            bytes[12..].copy_from_slice(&data.to_be_bytes());
            intro(&bytes)
        };
        assert_eq!(intro_of(2, 10), Some((2, 42)));
        assert_eq!(intro_of(0x10000, 10), None);
        assert_eq!(intro_of(2, 0x1000_0000), None);
        assert_eq!(intro(&[0; INTRO]), None);
    }
}
