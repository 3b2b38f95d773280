//! The central directory of a zip archive: what its entries are, and where their bytes lie.
//! Format: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.12 to 4.3.16, 4.4, 4.5.3 and appendix D; Info-ZIP's extra fields in its `proginfo/extrafld.txt`.

use super::decode::{broken, damaged, Input};
use base::error::{Error, Result};
use std::io::{Read, Seek, SeekFrom};

/// Bytes of the central directory: that of 250,000 files with usual names.
const LONGEST_DIRECTORY: u64 = 32 << 20;
/// The end record without its comment, and with the longest.
const END: usize = 22;
const LONGEST_END: u64 = END as u64 + 0xffff;
const LOCATOR: u64 = 20;
const END64: usize = 56;
const HEADER: usize = 46;
const LOCAL_HEADER: usize = 30;

/// One entry as the central directory has it.
pub(super) struct Entry {
    /// As it is written, `\` included.
    pub name: Vec<u8>,
    /// The name is in CP437 and was decoded.
    pub decoded: bool,
    /// The upper byte of "version made by".
    pub system: u8,
    pub encrypted: bool,
    /// How it is compressed, by APPNOTE's numbers.
    pub method: u16,
    /// LZMA marks its end.
    pub lzma_end: bool,
    /// DOS's time and date.
    pub dos_time: (u16, u16),
    /// Seconds since 1970, where Info-ZIP noted them.
    pub unix_time: Option<i32>,
    pub crc: u32,
    pub packed: u64,
    pub size: u64,
    pub attributes: u32,
    /// Where its local header begins.
    offset: u64,
}

/// The directory's bytes, and how far entries are from where they say.
pub(super) struct Directory {
    bytes: Vec<u8>,
    at: usize,
    /// Bytes before the archive, of a program that unpacks it.
    shift: i64,
    /// Entries that were read, and those that the end record counts.
    read: u64,
    declared: u64,
    /// The count has 16 bits only.
    short: bool,
}

/// What the end record says, or ZIP64's.
struct End {
    at: u64,
    disk: u32,
    first_disk: u32,
    count: u64,
    size: u64,
    offset: u64,
    short: bool,
}

impl Directory {
    /// Finds the directory and reads it.
    ///
    /// # Errors
    /// There is none, it is one of another part, encrypted, or longer than linkpack reads.
    pub(super) fn read(input: &mut Input, archive: &str) -> Result<Directory> {
        let end = End::find(input, archive)?;
        if end.disk != 0 || end.first_disk != 0 {
            return Err(unsupported(archive, "it is one part of an archive in several"));
        }
        let wrong = || broken(archive, "its directory is not where its end record says");
        let there = |input: &mut Input, at: u64| -> Result<bool> {
            Ok(at.checked_add(4).is_some_and(|after| after <= end.at) && bytes_at::<4>(input, archive, at)? == *b"PK\x01\x02")
        };
        let start = match end.at.checked_sub(end.size) {
            Some(start) if end.size == 0 && end.count == 0 => start,
            Some(start) if there(input, start)? => start,
            _ if there(input, end.offset)? => end.offset,
            _ => return Err(wrong()),
        };
        let shift = start as i64 - i64::try_from(end.offset).map_err(|_| wrong())?;
        let len = end.at - start;
        if len > LONGEST_DIRECTORY {
            let what = format!("its directory has {len} bytes, and {LONGEST_DIRECTORY} is the limit");
            return Err(unsupported(archive, what).help("unpack it and give the folder as the source"));
        }
        let mut bytes = vec![0; len as usize];
        input
            .seek(SeekFrom::Start(start))
            .and_then(|_| input.read_exact(&mut bytes))
            .map_err(|error| damaged(archive, &error))?;
        Ok(Directory { bytes, at: 0, shift, read: 0, declared: end.count, short: end.short })
    }

    /// The next entry; none behind the last one, which is where the directory ends and not where a count that wraps says.
    ///
    /// # Errors
    /// The directory is damaged, or ends before all of its entries.
    pub(super) fn next(&mut self, archive: &str) -> Result<Option<Entry>> {
        let rest = &self.bytes[self.at..];
        if !rest.starts_with(b"PK\x01\x02") {
            return self.ended(archive).map(|()| None);
        }
        let (entry, len) = Entry::parse(rest, self.shift).ok_or_else(|| broken(archive, "its directory is cut"))?;
        self.at += len;
        self.read += 1;
        Ok(Some(entry))
    }

    fn ended(&self, archive: &str) -> Result<()> {
        let (read, declared) = (self.read, self.declared);
        let same = read == declared || (self.short && read % 0x1_0000 == declared);
        // A signature of the directory may follow; anything else is an entry that cannot be read.
        let at_end = self.at == self.bytes.len() || self.bytes[self.at..].starts_with(b"PK\x05\x05");
        match same || (at_end && read > declared) {
            true => Ok(()),
            false => Err(broken(archive, format!("its directory lists {read} entries, and its end record says {declared}"))),
        }
    }
}

impl End {
    fn find(input: &mut Input, archive: &str) -> Result<End> {
        let from = input.size().saturating_sub(LONGEST_END);
        let mut tail = vec![0; (input.size() - from) as usize];
        input.seek(SeekFrom::Start(from)).and_then(|_| input.read_exact(&mut tail)).map_err(|error| damaged(archive, &error))?;
        let fits = |at: usize| tail.get(at..at + END).is_some_and(|end| end.starts_with(b"PK\x05\x06"));
        // The record behind which its comment ends the file; else, with bytes behind it, the last.
        let after = |at: usize| at + END + usize::from(u16_at(&tail, at + 20));
        let all = || (0..tail.len()).rev().filter(|&at| fits(at));
        let at = all().find(|&at| after(at) == tail.len()).or_else(|| all().find(|&at| after(at) < tail.len()));
        let Some(at) = at else {
            return Err(broken(
                archive,
                "it has no end record of a zip archive: it is cut, or a part of a set that is not the last",
            ));
        };
        let end = &tail[at..];
        let plain = End {
            at: from + at as u64,
            disk: u32::from(u16_at(end, 4)),
            first_disk: u32::from(u16_at(end, 6)),
            count: u64::from(u16_at(end, 10)),
            size: u64::from(u32_at(end, 12)),
            offset: u64::from(u32_at(end, 16)),
            short: true,
        };
        Ok(End::of_zip64(input, archive, plain.at)?.unwrap_or(plain))
    }

    /// The record of ZIP64, where its locator stands before the end record.
    fn of_zip64(input: &mut Input, archive: &str, end_at: u64) -> Result<Option<End>> {
        let Some(locator_at) = end_at.checked_sub(LOCATOR) else { return Ok(None) };
        let locator = bytes_at::<{ LOCATOR as usize }>(input, archive, locator_at)?;
        if !locator.starts_with(b"PK\x06\x07") {
            return Ok(None);
        }
        // Bytes before the archive move the record; without extensible data, it is right before its locator.
        let places = [u64_at(&locator, 8), locator_at.saturating_sub(END64 as u64)];
        for at in places.into_iter().filter(|at| at.checked_add(END64 as u64).is_some_and(|end| end <= locator_at)) {
            let record = bytes_at::<END64>(input, archive, at)?;
            if !record.starts_with(b"PK\x06\x06") {
                continue;
            }
            const OF_VERSION_2: u64 = 72;
            if u64_at(&record, 4) >= OF_VERSION_2 && at + END64 as u64 + 20 <= locator_at {
                let more = bytes_at::<20>(input, archive, at + END64 as u64)?;
                if u16_at(&more, 0) != 0 || u16_at(&more, 18) != 0 {
                    return Err(unsupported(archive, "its directory is encrypted or compressed"));
                }
            }
            return Ok(Some(End {
                at,
                disk: u32_at(&record, 16),
                first_disk: u32_at(&record, 20),
                count: u64_at(&record, 32),
                size: u64_at(&record, 40),
                offset: u64_at(&record, 48),
                short: false,
            }));
        }
        Err(broken(archive, "its ZIP64 end record is not where its locator says"))
    }
}

impl Entry {
    /// The entry at the beginning of `bytes`, and how many of them it takes.
    fn parse(bytes: &[u8], shift: i64) -> Option<(Entry, usize)> {
        let header = bytes.get(..HEADER)?;
        let len = |at: usize| usize::from(u16_at(header, at));
        let name = bytes.get(HEADER..HEADER + len(28))?;
        let extra = bytes.get(HEADER + len(28)..HEADER + len(28) + len(30))?;
        let whole = HEADER + len(28) + len(30) + len(32);
        bytes.get(..whole)?;
        let (flags, system) = (u16_at(header, 8), header[5]);
        let mut long = Zip64(field(extra, 0x0001).unwrap_or_default());
        let size = long.take(u32_at(header, 24))?;
        let packed = long.take(u32_at(header, 20))?;
        let offset = i64::try_from(long.take(u32_at(header, 42))?).ok()?.checked_add(shift)?;
        let time = field(extra, 0x5455).filter(|time| time.len() >= 5 && time[0] & 1 != 0);
        let (name, decoded) = decoded(name, extra, flags, system);
        let entry = Entry {
            name,
            decoded,
            system,
            encrypted: flags & 1 != 0,
            method: u16_at(header, 10),
            lzma_end: flags & 2 != 0,
            dos_time: (u16_at(header, 12), u16_at(header, 14)),
            unix_time: time.map(|time| u32_at(time, 1) as i32),
            crc: u32_at(header, 16),
            packed,
            size,
            attributes: u32_at(header, 38),
            offset: u64::try_from(offset).ok()?,
        };
        Some((entry, whole))
    }

    /// Whether a system of Microsoft's made it: FAT, OS/2's HPFS, NTFS, VFAT.
    pub(super) fn is_of_dos(&self) -> bool {
        is_of_dos(self.system)
    }

    /// The file type and permissions, where a Unix wrote them: 0 where it wrote none.
    pub(super) fn unix_mode(&self) -> Option<u32> {
        const UNIX: u8 = 3;
        const OS_X: u8 = 19;
        matches!(self.system, UNIX | OS_X).then_some(self.attributes >> 16)
    }

    /// Positions the input at the entry's packed bytes.
    ///
    /// # Errors
    /// They do not lie in the file.
    pub(super) fn seek(&self, input: &mut Input, archive: &str) -> Result<()> {
        let cut = || broken(archive, format!("its entry \"{}\" does not lie in it", super::links::show(&self.name)));
        let (size, packed) = (input.size(), self.packed);
        let within = |start: u64, len: u64| start.checked_add(len).filter(|&end| end <= size).ok_or_else(cut);
        within(self.offset, LOCAL_HEADER as u64)?;
        let header = bytes_at::<LOCAL_HEADER>(input, archive, self.offset)?;
        if !header.starts_with(b"PK\x03\x04") {
            return Err(broken(archive, format!("its entry \"{}\" has no header of its own", super::links::show(&self.name))));
        }
        let names = u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28));
        let start = within(self.offset, LOCAL_HEADER as u64 + names)?;
        within(start, packed)?;
        input.seek(SeekFrom::Start(start)).map(drop).map_err(|error| damaged(archive, &error))
    }
}

/// The numbers of ZIP64's extra field: one for each that did not fit, in their order. DotNetZip writes a second such field, which is none.
struct Zip64<'a>(&'a [u8]);

impl Zip64<'_> {
    fn take(&mut self, short: u32) -> Option<u64> {
        if short != u32::MAX {
            return Some(u64::from(short));
        }
        let Some((long, rest)) = self.0.split_at_checked(8) else {
            // Without the field, it is the number itself.
            return self.0.is_empty().then_some(u64::from(short));
        };
        self.0 = rest;
        Some(u64_at(long, 0))
    }
}

/// The first extra field of that kind.
fn field(mut extra: &[u8], kind: u16) -> Option<&[u8]> {
    while extra.len() >= 4 {
        let len = usize::from(u16_at(extra, 2));
        let data = extra.get(4..4 + len)?;
        if u16_at(extra, 0) == kind {
            return Some(data);
        }
        extra = &extra[4 + len..];
    }
    None
}

fn is_of_dos(system: u8) -> bool {
    matches!(system, 0 | 6 | 10 | 11 | 14)
}

/// The name in UTF-8, and whether that took a decoding. Flag 11 says that it is UTF-8; Info-ZIP's field may hold another form of it; Unix
/// writes bytes; and DOS writes CP437, unless what stands there is UTF-8, as newer programs wrote it before there was a flag.
fn decoded(name: &[u8], extra: &[u8], flags: u16, system: u8) -> (Vec<u8>, bool) {
    const UTF8: u16 = 1 << 11;
    let unicode = field(extra, 0x7075).filter(|field| field.len() > 5 && field[0] == 1);
    if let Some(field) = unicode.filter(|field| u32_at(field, 1) == crc32fast::hash(name)) {
        return (field[5..].to_vec(), false);
    }
    if flags & UTF8 != 0 || !is_of_dos(system) || std::str::from_utf8(name).is_ok() {
        return (name.to_vec(), false);
    }
    (name.iter().map(|&byte| cp437(byte)).collect::<String>().into_bytes(), true)
}

/// A character of the IBM PC.
fn cp437(byte: u8) -> char {
    const UPPER: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
    match byte.checked_sub(128) {
        Some(upper) => UPPER.chars().nth(usize::from(upper)).unwrap_or('?'),
        None => char::from(byte),
    }
}

pub(super) fn unsupported(archive: &str, what: impl std::fmt::Display) -> Error {
    Error::new(format!("cannot read {archive}: {what}"))
        .help("make the archive with deflate, in one part and without a password, or give the unpacked directory as the source")
}

fn bytes_at<const N: usize>(input: &mut Input, archive: &str, at: u64) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    input.seek(SeekFrom::Start(at)).and_then(|_| input.read_exact(&mut bytes)).map_err(|error| damaged(archive, &error))?;
    Ok(bytes)
}

/// Of a slice that is known to be long enough.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_characters_of_the_ibm_pc_are_all_there() {
        let of = |byte| cp437(byte);
        assert_eq!(
            [of(b'a'), of(0x80), of(0x9a), of(0x9e), of(0xb0), of(0xc4), of(0xe1), of(0xff)],
            ['a', 'Ç', 'Ü', '₧', '░', '─', 'ß', '\u{a0}']
        );
        assert!((128..=255).all(|byte| of(byte) != '?'));
    }

    #[test]
    fn a_name_is_decoded_where_its_maker_writes_cp437_alone() {
        let name = |bytes: &[u8], flags, system| String::from_utf8_lossy(&decoded(bytes, b"", flags, system).0).into_owned();
        assert_eq!(name(b"\x9abersicht", 0, 0), "Übersicht");
        assert_eq!(name(b"\x9abersicht", 0, 10), "Übersicht");
        assert_eq!(name("Übersicht".as_bytes(), 0, 0), "Übersicht");
        assert_eq!(decoded(b"\x9abersicht", b"", 0, 3), (b"\x9abersicht".to_vec(), false));
        let mut extra = vec![0x75, 0x70, 10, 0, 1];
        extra.extend(crc32fast::hash(b"\x9a").to_le_bytes());
        extra.extend("日ab".as_bytes());
        assert_eq!(decoded(b"\x9a", &extra, 0, 0).0, "日ab".as_bytes());
    }
}
