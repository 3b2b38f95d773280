//! Tar archives: v7, ustar, GNU (long names, sparse files) and PAX, read in one pass.
//!
//! The tar crate parses the headers. Walking the archive is done here, because the crate's walk reads extension records of any declared
//! length into memory, splits PAX records at newlines that belong to a name, and does not know PAX sparse files.
//! Formats: POSIX.1-2017 pax, and "Basic Tar Format" and "Storing Sparse Files" of the GNU tar manual.

use super::decode::{Codec, Stream};
use super::extended::Extended;
use super::gather::{Found, FoundKind};
use super::limits::Entries;
use super::links::show;
use super::sink::Sink;
use super::spool::SpoolFile;
use ::tar::{EntryType, GnuExtSparseHeader, GnuSparseHeader, Header};
use base::error::{Error, Result};
use std::ops::Range;

const BLOCK: usize = 512;
/// Bytes of a GNU long name or link target.
const LONGEST_NAME: u64 = 64 * 1024;
/// Bytes of one PAX header.
const LONGEST_PAX: u64 = 1024 * 1024;
/// Bytes of all PAX records that describe one entry, or that hold for all.
const LONGEST_RECORDS: usize = 4 * 1024 * 1024;
/// Pieces of data in one sparse file.
const MOST_PIECES: usize = 1_000_000;
/// Bytes of the text that lists them.
const LONGEST_MAP: usize = 32 * 1024 * 1024;

/// Whether these bytes are a tar header: one whose checksum is right.
pub fn is_header(block: &[u8]) -> bool {
    if block.len() != BLOCK {
        return false;
    }
    let bytes = || block.iter().enumerate().map(|(at, &byte)| if CHECKSUM.contains(&at) { b' ' } else { byte });
    let sum = bytes().map(u64::from).sum::<u64>();
    // Sun's old tar and others summed signed bytes.
    let signed = bytes().map(|byte| i64::from(byte as i8)).sum::<i64>();
    let declared = octal(&block[CHECKSUM]).filter(|_| block[CHECKSUM].iter().any(u8::is_ascii_digit));
    declared.is_some_and(|declared| declared == sum || i64::try_from(declared) == Ok(signed))
}

/// A number of a header: octal digits between blanks and NULs, or binary. Nothing at all is 0: GNU tar writes a label's fields so, AIX's
/// tar begins its times with a NUL, and others leave out modes.
fn octal(field: &[u8]) -> Option<u64> {
    let blank = |byte: &u8| matches!(byte, 0 | b' ');
    let start = field.iter().position(|byte| !blank(byte)).unwrap_or(field.len());
    let rest = &field[start..];
    let len = rest.iter().position(blank).unwrap_or(rest.len());
    rest[..len].iter().try_fold(0_u64, |number, &digit| match digit {
        b'0'..=b'7' => number.checked_mul(8)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

/// The places of a header's fields.
const MODE: Range<usize> = 100..108;
const UID: Range<usize> = 108..116;
const GID: Range<usize> = 116..124;
const SIZE: Range<usize> = 124..136;
const MTIME: Range<usize> = 136..148;
const CHECKSUM: Range<usize> = 148..156;

/// The field as a number.
///
/// # Errors
/// It is none.
fn field(header: &Header, place: Range<usize>, what: &str, stream: &Stream) -> Result<u64> {
    let bytes = &header.as_bytes()[place];
    let binary = |bytes: &[u8]| {
        // Two's complement, of which the first bit says that it is binary.
        let negative = bytes[0] & 0x40 != 0;
        let first = u64::from(bytes[0] & 0x3F) | if negative { !0x3F } else { 0 };
        let fill = if negative { u64::MAX } else { 0 };
        let fits = bytes.len() <= 8 || (first == fill && bytes[1..bytes.len() - 8].iter().all(|&byte| byte == fill as u8));
        fits.then(|| bytes[1..].iter().fold(first, |number, &byte| number << 8 | u64::from(byte)))
    };
    let number = if bytes[0] & 0x80 != 0 { binary(bytes) } else { octal(bytes) };
    number.ok_or_else(|| stream.broken(format!("the {what} of an entry is no number")))
}

/// What of tar's formats an entry takes beyond GNU tar's long names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Nothing.
    Plain,
    /// PAX headers, its own or those of all.
    Pax,
    /// A sparse file of GNU tar's.
    Sparse,
}

/// One entry as the archive has it.
pub struct Member<C> {
    /// Its name, byte for byte.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: FoundKind<C>,
    /// Permission bits; bits above 0o7777 mean nothing.
    pub mode: u32,
    /// Seconds since 1970.
    pub mtime: i64,
    /// The owner's number and name, which may be empty.
    pub owner: (u64, Vec<u8>),
    /// The same of the group.
    pub group: (u64, Vec<u8>),
    /// Which tar wrote it.
    pub dialect: Dialect,
    /// Capabilities, ACLs and attributes.
    pub extended: Option<Box<Extended>>,
}

/// Reads the whole archive: entries in their order, contents into the spool.
///
/// # Errors
/// As [`walk`].
pub(super) fn read(stream: &mut Stream, spool: &mut SpoolFile) -> Result<Vec<Found>> {
    let archive = stream.name().to_owned();
    let mut found = Entries::of(&archive);
    walk(stream, spool, &mut |Member { name, kind, mode, mtime, extended, .. }| {
        found.push(Found { name, kind, mode, mtime, config: false, extended })
    })?;
    Ok(found.finish())
}

/// Walks the whole archive: contents into the sink, then each entry to `each`.
///
/// # Errors
/// A damaged or truncated archive, and what `each` refuses. What follows tar's end marker is ignored, as tar does.
pub fn walk<S: Sink>(stream: &mut Stream, sink: &mut S, each: &mut dyn FnMut(Member<S::Content>) -> Result<()>) -> Result<()> {
    walk_until(stream, sink, &mut |member| each(member).map(|()| false))
}

/// The same until `each` says that it has what it wants: what follows is not read, and may be anything.
///
/// # Errors
/// As [`walk`], up to there.
pub fn walk_until<S: Sink>(
    stream: &mut Stream,
    sink: &mut S,
    each: &mut dyn FnMut(Member<S::Content>) -> Result<bool>,
) -> Result<()> {
    let mut global = Pax::default();
    let mut next = Extensions::default();
    let mut first = true;
    loop {
        let mut block = [0; BLOCK];
        let len = stream.fill(&mut block)?;
        // Without compression nothing else tells a cut archive from a whole one, where what it lies in does not.
        let alone = stream.codec() == Codec::Plain && !stream.is_of_dpkg();
        let at_end = len == 0 && !first && !alone;
        if at_end || (len == BLOCK && block.iter().all(|&byte| byte == 0)) {
            break;
        }
        if first && !(len == BLOCK && is_header(&block)) {
            return Err(no_archive(stream));
        }
        if len == 0 {
            let what = format!("{} ends without tar's end marker, and nothing else tells whether it is whole", stream.name());
            return Err(Error::new(what).help("fetch it again, or make it again with tar"));
        }
        if len < BLOCK {
            return Err(stream.broken("it ends early"));
        }
        if !is_header(&block) {
            return Err(stream.broken("a header's checksum is wrong"));
        }
        first = false;
        let header = Header::from_byte_slice(&block);
        if !next.absorb(header, &mut global, stream)? {
            let extensions = std::mem::take(&mut next);
            if let Some(member) = entry(header, &extensions, &global, stream, sink)? {
                if each(member)? {
                    return Ok(());
                }
            }
        }
    }
    if !next.is_empty() {
        return Err(stream.broken("its last header describes an entry that is missing"));
    }
    stream.drain()
}

/// What does not begin with a header: a compressed file of another kind is not damaged.
fn no_archive(stream: &Stream) -> Error {
    match stream.codec() {
        Codec::Plain => stream.broken("it is not a tar archive"),
        codec => {
            Error::new(format!("{} is compressed with {}, and what it holds is not a tar archive", stream.name(), codec.name()))
                .help("a compressed payload is a tar archive: put the file into a folder, and name the folder")
        }
    }
}

/// Records that describe the entry after them.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: Pax,
    has_pax: bool,
}

/// Solaris's tar writes its PAX headers under this type.
fn is_solaris_pax(kind: EntryType) -> bool {
    kind.as_byte() == b'X'
}

impl Extensions {
    /// Takes the header's data when it describes another entry, and says whether it does.
    fn absorb(&mut self, header: &Header, global: &mut Pax, stream: &mut Stream) -> Result<bool> {
        let kind = header.entry_type();
        let (limit, what) = match kind {
            EntryType::GNULongName | EntryType::GNULongLink => (LONGEST_NAME, "it has a name"),
            EntryType::XHeader | EntryType::XGlobalHeader => (LONGEST_PAX, "it has a PAX header"),
            kind if is_solaris_pax(kind) => (LONGEST_PAX, "it has a PAX header"),
            _ => return Ok(false),
        };
        let size = field(header, SIZE, "size", stream)?;
        let data = stream.small(size, limit, what)?;
        stream.skip(padding(size))?;
        match kind {
            EntryType::GNULongName => self.name = Some(until_nul(data)),
            EntryType::GNULongLink => self.link = Some(until_nul(data)),
            EntryType::XGlobalHeader => {
                global.there = true;
                global.parse(&data, stream)?;
            }
            _ => {
                self.has_pax = true;
                self.pax.parse(&data, stream)?;
            }
        }
        Ok(true)
    }

    fn is_empty(&self) -> bool {
        self.name.is_none() && self.link.is_none() && self.pax.records.is_empty()
    }
}

fn entry<S: Sink>(
    header: &Header,
    own: &Extensions,
    global: &Pax,
    stream: &mut Stream,
    sink: &mut S,
) -> Result<Option<Member<S::Content>>> {
    let pax = |key: &str| own.pax.get(key).or_else(|| global.get(key));
    let text = |key: &str| pax(key).map(<[u8]>::to_vec);
    let name = text("GNU.sparse.name").or_else(|| text("path")).or_else(|| own.name.clone());
    let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
    let link = text("linkpath").or_else(|| own.link.clone());
    let link = link.unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned());
    let mut size = match pax("size") {
        Some(size) => decimal(size).ok_or_else(|| stream.broken("a PAX size is no number"))?,
        None => field(header, SIZE, "size", stream)?,
    };
    let kind = header.entry_type();
    if kind == EntryType::Link {
        size = 0; // Some writers note the size of the file that is linked to; no data follows, as GNU tar reads it.
    }
    sink.begin();
    let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse);
    if kind == EntryType::GNUSparse {
        let (pieces, real_size) = gnu_pieces(header, stream)?;
        expand(&pieces, size, real_size, stream, sink)?;
    } else if let (true, Some(sparse)) = (is_file, PaxSparse::of(&own.pax, stream)?) {
        let (pieces, map_size) = sparse.pieces(size, stream)?;
        expand(&pieces, size - map_size, sparse.real_size, stream, sink)?;
    } else if is_file {
        stream.copy(size, sink)?;
    } else {
        stream.skip(size)?;
    }
    stream.skip(padding(size))?;
    let kind = match kind {
        // Archives older than POSIX have no type for directories.
        _ if is_file && name.ends_with(b"/") => FoundKind::Directory,
        _ if is_file => FoundKind::File(sink.end()),
        EntryType::Directory => FoundKind::Directory,
        EntryType::Symlink => FoundKind::Symlink(link),
        EntryType::Link => FoundKind::HardLink(link),
        EntryType::Char | EntryType::Block => FoundKind::Refused("a device node".into()),
        EntryType::Fifo => FoundKind::Refused("a named pipe".into()),
        other => match other.as_byte() {
            b'V' => return Ok(None), // The volume's label, whose other fields GNU tar leaves empty.
            b'D' => FoundKind::Directory,
            byte => FoundKind::Refused(format!("a tar entry of the unknown type '{}'", show(&[byte]))),
        },
    };
    let mtime = match pax("mtime") {
        Some(mtime) => seconds(mtime).ok_or_else(|| stream.broken("a PAX mtime is no number"))?,
        None => field(header, MTIME, "time", stream)? as i64,
    };
    let who = |numbers: &str, names: &str, number: Result<u64>, name: Option<&[u8]>| {
        // A number that cannot be read belongs to no known account.
        let number = pax(numbers).and_then(decimal).or_else(|| number.ok()).unwrap_or_default();
        (number, text(names).unwrap_or_else(|| name.unwrap_or_default().to_vec()))
    };
    let owner = who("uid", "uname", field(header, UID, "owner", stream), header.username_bytes());
    let group = who("gid", "gname", field(header, GID, "group", stream), header.groupname_bytes());
    let dialect = match header.entry_type() {
        EntryType::GNUSparse => Dialect::Sparse,
        _ if own.has_pax || global.there => Dialect::Pax,
        _ => Dialect::Plain,
    };
    let mut extended = Extended::default();
    own.pax.records.iter().for_each(|(key, value)| extended.add_pax(key, value));
    let extended = extended.some();
    Ok(Some(Member { name, kind, mode: field(header, MODE, "mode", stream)? as u32, mtime, owner, group, dialect, extended }))
}

/// A file's data as it lies in the archive: offset and length of each piece, ascending; the rest is zeros.
type Pieces = Vec<(u64, u64)>;

fn expand(pieces: &Pieces, stored: u64, real_size: u64, stream: &mut Stream, sink: &mut impl Sink) -> Result<()> {
    let wrong = || stream.broken("the map of a sparse file is wrong");
    let mut at = 0;
    let mut data = 0u64;
    for &(offset, len) in pieces {
        let end = offset.checked_add(len).filter(|&end| offset >= at && end <= real_size).ok_or_else(wrong)?;
        data = data.checked_add(len).filter(|&data| data <= stored).ok_or_else(wrong)?;
        at = end;
    }
    if data != stored {
        return Err(wrong());
    }
    at = 0;
    for &(offset, len) in pieces {
        sink.hole(offset - at)?;
        stream.copy(len, sink)?;
        at = offset + len;
    }
    sink.hole(real_size - at)
}

/// The map of an old GNU sparse file: four pieces in the header, more in blocks after it.
fn gnu_pieces(header: &Header, stream: &mut Stream) -> Result<(Pieces, u64)> {
    let gnu = header.as_gnu().ok_or_else(|| stream.broken("a sparse file without a GNU header"))?;
    let mut pieces = Vec::new();
    let mut more = gnu.is_extended();
    push_pieces(&gnu.sparse, &mut pieces, stream)?;
    while more {
        let mut block = GnuExtSparseHeader::new();
        stream.exact(block.as_mut_bytes())?;
        more = block.is_extended();
        push_pieces(&block.sparse, &mut pieces, stream)?;
    }
    Ok((pieces, number(gnu.real_size(), stream)?))
}

fn push_pieces(blocks: &[GnuSparseHeader], pieces: &mut Pieces, stream: &Stream) -> Result<()> {
    for block in blocks.iter().filter(|block| !block.is_empty()) {
        pieces.push((number(block.offset(), stream)?, number(block.length(), stream)?));
    }
    match pieces.len() > MOST_PIECES {
        true => Err(stream.broken("a sparse file of too many pieces")),
        false => Ok(()),
    }
}

/// A sparse file of the PAX formats 0.0 and 0.1 (map in the header) or 1.0 (map before the data).
struct PaxSparse {
    real_size: u64,
    map: Option<Pieces>,
}

impl PaxSparse {
    fn of(pax: &Pax, stream: &Stream) -> Result<Option<Self>> {
        let size = pax.get("GNU.sparse.realsize").or_else(|| pax.get("GNU.sparse.size"));
        let Some(size) = size else { return Ok(None) };
        let wrong = || stream.broken("the PAX header of a sparse file is wrong");
        let real_size = decimal(size).ok_or_else(wrong)?;
        let numbers: Option<Vec<u64>> = match (pax.get("GNU.sparse.major"), pax.get("GNU.sparse.map")) {
            (Some(b"1"), _) => return Ok(Some(PaxSparse { real_size, map: None })),
            (_, Some(b"")) => Some(Vec::new()),
            (_, Some(map)) => map.split(|&b| b == b',').map(decimal).collect(),
            (_, None) => {
                let pairs = pax.records.iter().filter(|(key, _)| key == b"GNU.sparse.offset" || key == b"GNU.sparse.numbytes");
                pairs.map(|(_, value)| decimal(value)).collect()
            }
        };
        let numbers = numbers.filter(|numbers| numbers.len() % 2 == 0).ok_or_else(wrong)?;
        Ok(Some(PaxSparse { real_size, map: Some(numbers.chunks(2).map(|pair| (pair[0], pair[1])).collect()) }))
    }

    /// The pieces, and how many of the entry's `size` bytes the map took: decimal lines, padded to whole blocks.
    fn pieces(&self, size: u64, stream: &mut Stream) -> Result<(Pieces, u64)> {
        if let Some(map) = &self.map {
            return Ok((map.clone(), 0));
        }
        let mut text = Vec::new();
        let mut lines = 0;
        let mut wanted = 1;
        while lines < wanted {
            let at = text.len();
            if (at + BLOCK) as u64 > size || at >= LONGEST_MAP {
                return Err(stream.broken("the map of a sparse file is cut"));
            }
            text.resize(at + BLOCK, 0);
            stream.exact(&mut text[at..])?;
            lines += text[at..].iter().filter(|&&b| b == b'\n').count();
            if at == 0 {
                let count = text.split(|&b| b == b'\n').next().and_then(decimal).filter(|&n| n <= MOST_PIECES as u64);
                wanted = 1 + 2 * count.ok_or_else(|| stream.broken("the map of a sparse file is wrong"))? as usize;
            }
        }
        let numbers: Option<Vec<u64>> = text.split(|&b| b == b'\n').take(wanted).skip(1).map(decimal).collect();
        let numbers = numbers.ok_or_else(|| stream.broken("the map of a sparse file is wrong"))?;
        Ok((numbers.chunks(2).map(|pair| (pair[0], pair[1])).collect(), text.len() as u64))
    }
}

/// The PAX records that are read, in their order: key and value; of a key that is not for pieces of a sparse file the last one.
#[derive(Default)]
struct Pax {
    records: Vec<(Vec<u8>, Vec<u8>)>,
    /// There was such a header, whatever it held.
    there: bool,
}

/// Keys with one value. Others are not kept.
const KEYS: [&[u8]; 10] = [
    b"path",
    b"linkpath",
    b"size",
    b"mtime",
    b"GNU.sparse.name",
    b"GNU.sparse.realsize",
    b"GNU.sparse.size",
    b"GNU.sparse.major",
    b"GNU.sparse.map",
    b"GNU.sparse.minor",
];
/// Keys with a value for each piece.
const PIECE_KEYS: [&[u8]; 2] = [b"GNU.sparse.offset", b"GNU.sparse.numbytes"];
/// Records of pieces for one entry: what one header of the largest size has.
const MOST_RECORDS: usize = 50_000;

impl Pax {
    /// Adds the records `LENGTH KEY=VALUE\n` of one header.
    fn parse(&mut self, mut data: &[u8], stream: &Stream) -> Result<()> {
        while !data.is_empty() && data[0] != 0 {
            let record = (|| {
                let space = data.iter().position(|&b| b == b' ')?;
                let len = usize::try_from(decimal(&data[..space])?).ok()?;
                let (record, rest) = (data.get(space + 1..len)?, data.get(len..)?);
                let record = record.strip_suffix(b"\n")?;
                let equals = record.iter().position(|&b| b == b'=')?;
                Some((&record[..equals], &record[equals + 1..], rest))
            })();
            let (key, value, rest) = record.ok_or_else(|| stream.broken("a PAX header is malformed"))?;
            self.set(key, value);
            if self.records.len() > MOST_RECORDS {
                return Err(stream.broken("its PAX headers have too many records for one entry"));
            }
            data = rest;
        }
        match self.records.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() > LONGEST_RECORDS {
            true => Err(stream.broken("its PAX headers hold more than any archive's")),
            false => Ok(()),
        }
    }

    fn set(&mut self, key: &[u8], value: &[u8]) {
        let known = self.records.iter_mut().find(|(known, _)| known == key && KEYS.contains(&key));
        match known {
            Some((_, last)) => *last = value.to_vec(),
            None if KEYS.contains(&key) || PIECE_KEYS.contains(&key) => self.records.push((key.to_vec(), value.to_vec())),
            None if Extended::is_pax(key) => self.records.push((key.to_vec(), value.to_vec())),
            None => {}
        }
    }

    /// The last value of a key.
    fn get(&self, key: &str) -> Option<&[u8]> {
        self.records.iter().rev().find(|(k, _)| k == key.as_bytes()).map(|(_, value)| value.as_slice())
    }
}

fn number<T>(field: std::io::Result<T>, stream: &Stream) -> Result<T> {
    field.map_err(|error| stream.broken(error.to_string()))
}

fn decimal(text: &[u8]) -> Option<u64> {
    let all_digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    all_digits.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

/// Whole seconds of a PAX time such as `-1.5`, rounded down.
fn seconds(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let below = whole.starts_with('-') && fraction.bytes().any(|digit| digit != b'0');
    Some(seconds - i64::from(below))
}

/// Bytes up to the next whole block.
fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Unpacker;

    #[test]
    fn pax_values_may_hold_newlines_and_any_byte() {
        let stream = Stream::read_by(Unpacker::Tools, "x".into(), &b""[..]).unwrap();
        let mut pax = Pax::default();
        pax.parse(b"14 path=a\nb\xff\n\n12 mtime=-1\n", &stream).unwrap();
        assert_eq!(pax.get("path"), Some(&b"a\nb\xff\n"[..]));
        assert_eq!(pax.get("mtime"), Some(&b"-1"[..]));
    }

    #[test]
    fn a_pax_record_longer_than_its_header_is_an_error() {
        let stream = Stream::read_by(Unpacker::Tools, "x".into(), &b""[..]).unwrap();
        for wrong in [&b"99 path=a\n"[..], b"3 path=a\n", b"x path=a\n", b"10 path: a\n", b"18446744073709551615 a=b\n"] {
            assert!(Pax::default().parse(wrong, &stream).is_err(), "{}", show(wrong));
        }
    }

    #[test]
    fn times_before_1970_round_down() {
        assert_eq!(seconds(b"1700000000.9"), Some(1_700_000_000));
        assert_eq!(seconds(b"-1.5"), Some(-2));
        assert_eq!(seconds(b"-1"), Some(-1));
        assert_eq!(seconds(b"soon"), None);
    }

    #[test]
    fn a_header_declares_its_own_checksum() {
        let mut header = Header::new_ustar();
        header.set_path("a").unwrap();
        header.set_size(0);
        header.set_cksum();
        assert!(is_header(header.as_bytes()));
        header.as_mut_bytes()[0] = b'b';
        assert!(!is_header(header.as_bytes()));
        assert!(!is_header(&[0; BLOCK]));
    }

    #[test]
    fn an_extension_that_declares_gigabytes_is_refused_before_any_memory_is_taken() {
        let spool = super::super::Spool::new(&std::env::temp_dir()).unwrap();
        let mut header = Header::new_gnu();
        header.set_path("././@LongLink").unwrap();
        header.set_entry_type(EntryType::GNULongName);
        header.set_size(1 << 40);
        header.set_cksum();
        let mut stream = Stream::read_by(Unpacker::Tools, "x".into(), &header.as_bytes()[..]).unwrap();
        let error = read(&mut stream, &mut spool.file("x", u64::MAX).unwrap()).err().unwrap();
        assert!(error.notes()[0].contains("is the limit"), "{:?}", error.notes());
    }
}
