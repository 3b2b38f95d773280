//! Zip archives, read through their central directory.
//! Format: PKWARE's APPNOTE.TXT; Unix modes and links as Info-ZIP stores them in the external attributes.

use super::decode::{damaged, Input};
use super::gather::{Found, FoundKind, WARNED};
use super::inflate::{Inflater, Member, Packing};
use super::limits::Entries;
use super::links::{show, LONGEST_TARGET};
use super::select::{Name, Selector};
use super::spool::SpoolFile;
use super::zip_directory::{unsupported, Directory, Entry};
use base::error::Result;
use base::interrupt;
use base::listener::{some_of, Listener};
use std::io::{Read, Take};

/// The file type's bits in a Unix mode.
const TYPE: u32 = 0o170000;

/// Reads the archive: entries in the directory's order, contents into the spool; what the manifest leaves out is not unpacked.
///
/// # Errors
/// A damaged archive; a compression that linkpack does not unpack. Encrypted entries are listed as refused.
pub(super) fn read(
    input: &mut Input,
    name: &str,
    selector: &Selector,
    spool: &mut SpoolFile,
    listener: &dyn Listener,
) -> Result<Vec<Found>> {
    let mut directory = Directory::read(input, name)?;
    let mut found = Entries::of(name);
    let mut unpacker = Unpacker { inflater: Inflater::new(), block: vec![0; 128 * 1024], archive: name, spool, input };
    let mut decoded = Vec::new();
    while let Some(entry) = directory.next(name)? {
        interrupt::check()?;
        let entry_name = unix_name(&entry);
        if selector.skips(&Name::parse(&entry_name).joined) {
            continue;
        }
        if entry.decoded && decoded.len() < MOST_NAMED {
            decoded.push(format!("\"{}\"", show(&entry_name)));
        }
        found.push(unpacker.read_entry(&entry, entry_name)?)?;
    }
    if !decoded.is_empty() {
        listener.warning(&format!(
            "{name}: these names are not in UTF-8 and were read in CP437, as DOS has it: {}",
            some_of(&decoded, WARNED)
        ));
    }
    Ok(found.finish())
}

/// Names that are kept for one warning.
const MOST_NAMED: usize = 1000;

/// What an entry is.
enum EntryKind {
    Directory,
    Symlink,
    File,
    Refused(&'static str),
}

fn kind(entry: &Entry) -> EntryKind {
    /// FILE_ATTRIBUTE_DIRECTORY.
    const DIRECTORY: u32 = 0x10;
    let is_directory = entry.name.ends_with(b"/") || (entry.is_of_dos() && entry.name.ends_with(b"\\"));
    match entry.unix_mode().unwrap_or(0) & TYPE {
        0o040000 if entry.size > 0 => EntryKind::Refused("a folder that holds bytes as a file does"),
        _ if is_directory && entry.size > 0 => EntryKind::Refused("a folder that holds bytes as a file does"),
        0o040000 => EntryKind::Directory,
        _ if is_directory => EntryKind::Directory,
        // As 7-Zip, bsdtar and Windows take them. One with bytes is a file that somebody marked wrongly.
        _ if entry.is_of_dos() && entry.attributes & DIRECTORY != 0 && entry.size == 0 => EntryKind::Directory,
        _ if entry.encrypted => EntryKind::Refused("encrypted; unpack it with its password and package the folder"),
        0o120000 => EntryKind::Symlink,
        0o020000 | 0o060000 => EntryKind::Refused("a device node"),
        0o140000 => EntryKind::Refused("a socket"),
        // What zip reads from a pipe, it stores with the pipe's mode: all readers unpack a file.
        _ => EntryKind::File,
    }
}

/// What is needed to unpack any entry; made once, since an archive may have very many.
struct Unpacker<'a, 'i> {
    inflater: Inflater,
    block: Vec<u8>,
    archive: &'a str,
    spool: &'a mut SpoolFile,
    input: &'a mut Input<'i>,
}

impl Unpacker<'_, '_> {
    fn read_entry(&mut self, entry: &Entry, name: Vec<u8>) -> Result<Found> {
        let (kind, usual_mode) = match kind(entry) {
            EntryKind::Refused(what) => (FoundKind::Refused(what.into()), 0),
            EntryKind::Directory => (FoundKind::Directory, 0o755),
            EntryKind::Symlink => (FoundKind::Symlink(self.link_target(entry)?), 0o777),
            EntryKind::File => {
                let start = self.spool.position();
                let usual_mode = self.unpack(entry)?;
                (FoundKind::File(self.spool.content_since(start)), usual_mode)
            }
        };
        let mode = entry.unix_mode().filter(|&mode| mode != 0).unwrap_or(usual_mode);
        Ok(Found { name, kind, mode, mtime: mtime(entry), config: false, extended: None })
    }

    /// Unpacks a file and says which mode it should have, were none recorded: executable for a program.
    fn unpack(&mut self, entry: &Entry) -> Result<u32> {
        let mut member = open(&mut self.inflater, self.input, entry, self.archive)?;
        let mut program = None;
        loop {
            interrupt::check()?;
            let mut filled = 0;
            while filled < self.block.len() {
                match member.read(&mut self.block[filled..]).map_err(|error| damaged(self.archive, &error))? {
                    0 => break,
                    count => filled += count,
                }
            }
            let block = &self.block[..filled];
            program.get_or_insert(block.starts_with(b"#!") || block.starts_with(b"\x7fELF"));
            if block.is_empty() {
                return Ok(if program == Some(true) { 0o755 } else { 0o644 });
            }
            self.spool.write(block)?;
        }
    }

    fn link_target(&mut self, entry: &Entry) -> Result<Vec<u8>> {
        let mut target = Vec::new();
        let member = open(&mut self.inflater, self.input, entry, self.archive)?;
        member.take(LONGEST_TARGET as u64 + 1).read_to_end(&mut target).map_err(|error| damaged(self.archive, &error))?;
        Ok(target)
    }
}

/// The plain bytes of an entry.
fn open<'a, 'i>(
    inflater: &'a mut Inflater,
    input: &'a mut Input<'i>,
    entry: &Entry,
    archive: &str,
) -> Result<Member<'a, Take<&'a mut Input<'i>>>> {
    entry.seek(input, archive)?;
    let packed = input.take(entry.packed);
    let packing = Packing { method: entry.method, size: entry.size, ends_marked: entry.lzma_end, checksum: entry.crc };
    inflater.member(packed, packing).map_err(|error| damaged(archive, &error))?.ok_or_else(|| {
        let name = show(&entry.name);
        unsupported(archive, format!("its entry \"{name}\" is compressed by {}", method_name(entry.method)))
    })
}

/// A compression that linkpack does not unpack.
fn method_name(method: u16) -> String {
    let name = match method {
        1 => "shrink",
        6 => "implode",
        9 => "deflate64",
        98 => "PPMd",
        other => return format!("method {other}"),
    };
    format!("method {method} ({name})")
}

/// The name with `/`: archives made on DOS and Windows may hold `\`, which those systems cannot have in a name.
fn unix_name(entry: &Entry) -> Vec<u8> {
    let mut name = entry.name.clone();
    if entry.is_of_dos() {
        name.iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/');
    }
    name
}

/// Seconds since 1970: exact where a Unix tool noted them, else DOS's local time taken as UTC, so that builds agree everywhere.
fn mtime(entry: &Entry) -> i64 {
    entry.unix_time.map_or_else(|| dos_seconds(entry.dos_time), i64::from)
}

/// 0 where the date is none.
pub(super) fn dos_seconds((time, date): (u16, u16)) -> i64 {
    let (day, month, year) = (i64::from(date & 31), i64::from(date >> 5 & 15), 1980 + i64::from(date >> 9));
    if day == 0 || !(1..=12).contains(&month) {
        return 0;
    }
    let (second, minute, hour) = (i64::from(time & 31) * 2, i64::from(time >> 5 & 63), i64::from(time >> 11));
    // Days from 1970-01-01 in the Gregorian calendar, years counted from March so that the leap day comes last.
    let (month, year) = ((month + 9) % 12, year - i64::from(month <= 2));
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    days * 86_400 + hour * 3600 + minute * 60 + second
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos_times_become_seconds() {
        let time = |y: u16, mo: u16, d: u16, h: u16, mi: u16, s: u16| {
            dos_seconds(((h << 11) | (mi << 5) | (s / 2), ((y - 1980) << 9) | (mo << 5) | d))
        };
        assert_eq!(time(1980, 1, 1, 0, 0, 0), 315_532_800);
        assert_eq!(time(2000, 2, 29, 12, 0, 2), 951_825_602);
        assert_eq!(time(2026, 11, 23, 20, 0, 0), 1_795_464_000);
        assert_eq!(dos_seconds((0, 0)), 0);
    }
}
