//! Zip archives, read through their central directory.
//! Format: PKWARE's APPNOTE.TXT; Unix modes and links as Info-ZIP stores them in the external attributes.

use super::decode::{broken, damaged, Input};
use super::gather::{Found, FoundKind};
use super::inflate::{Inflater, Member};
use super::limits::Entries;
use super::links::LONGEST_TARGET;
use super::select::{Name, Selector};
use super::spool::SpoolFile;
use crate::error::{Error, Result};
use crate::interrupt;
use ::zip::read::{ZipFile, ZipFileEntry};
use ::zip::result::ZipError;
use ::zip::{DateTime, ExtraField, System, ZipArchive};
use std::cell::Cell;
use std::collections::HashSet;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// Bytes of the central directory, and of the search for it: that of 150,000 files with usual names.
const LONGEST_DIRECTORY: u64 = 17 << 20;
/// The file type's bits in a Unix mode.
const TYPE: u32 = 0o170000;

/// Reads the archive: entries in the directory's order, contents into the spool; what the manifest leaves out is not unpacked.
///
/// # Errors
/// A damaged archive; a compression other than deflate. Encrypted entries are listed as refused.
pub(super) fn read(input: &mut Input, name: &str, selector: &Selector, spool: &mut SpoolFile) -> Result<Vec<Found>> {
    let left = Cell::new(LONGEST_DIRECTORY);
    let reader = Bounded { input, left: &left };
    let mut archive = ZipArchive::new(BufReader::new(reader)).map_err(|error| failed(name, error))?;
    left.set(u64::MAX);
    let mut found = Entries::of(name);
    let mut unpacker = Unpacker { inflater: Inflater::new(), block: vec![0; 128 * 1024], archive: name, spool };
    for index in 0..archive.len() {
        interrupt::check()?;
        let entry = archive.by_index_data(index).map_err(|error| failed(name, error))?;
        let entry_name = unix_name(&entry);
        if selector.skips(&Name::parse(&entry_name).joined) {
            continue;
        }
        if let Some(what) = refused(&entry) {
            found.push(Found {
                name: entry_name,
                kind: FoundKind::Refused(what.into()),
                mode: 0,
                mtime: 0,
                config: false,
                extended: None,
            })?;
            continue;
        }
        let file = archive.by_index_raw(index).map_err(|error| failed(name, error))?;
        found.push(unpacker.read_entry(file, entry_name)?)?;
    }
    if archive.has_duplicate_names() {
        let start = archive.central_directory_start();
        duplicates(archive.into_inner(), start, name)?.into_iter().try_for_each(|one| found.push(one))?;
    }
    Ok(found.finish())
}

/// Reads no more than `left` bytes: the zip crate keeps what it reads of the directory, several times as large.
struct Bounded<'a, R> {
    input: R,
    left: &'a Cell<u64>,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.input.read(buffer)?;
        let left = self.left.get().checked_sub(count as u64);
        self.left.set(left.ok_or_else(|| std::io::Error::other("its directory is longer than linkpack reads"))?);
        Ok(count)
    }
}

impl<R: Seek> Seek for Bounded<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.input.seek(to)
    }
}

fn refused(entry: &ZipFileEntry) -> Option<&'static str> {
    match entry.unix_mode().unwrap_or(0) & TYPE {
        _ if entry.encrypted() => Some("encrypted; unpack it with its password and package the folder"),
        0o010000 => Some("a named pipe"),
        0o020000 | 0o060000 => Some("a device node"),
        0o140000 => Some("a socket"),
        _ => None,
    }
}

/// What is needed to unpack any entry; made once, since an archive may have very many.
struct Unpacker<'a> {
    inflater: Inflater,
    block: Vec<u8>,
    archive: &'a str,
    spool: &'a mut SpoolFile,
}

impl Unpacker<'_> {
    fn read_entry<R: Read>(&mut self, file: ZipFile<R>, entry_name: Vec<u8>) -> Result<Found> {
        let mode = file.unix_mode().filter(|&mode| mode != 0 && file.system() == System::Unix);
        let mtime = mtime(&file);
        let kind_bits = mode.unwrap_or(0) & TYPE;
        let (kind, usual_mode) = if entry_name.ends_with(b"/") || kind_bits == 0o040000 {
            (FoundKind::Directory, 0o755)
        } else if kind_bits == 0o120000 {
            (FoundKind::Symlink(self.link_target(file)?), 0o777)
        } else {
            let start = self.spool.position();
            let usual_mode = self.unpack(file)?;
            (FoundKind::File(self.spool.content_since(start)), usual_mode)
        };
        Ok(Found { name: entry_name, kind, mode: mode.unwrap_or(usual_mode), mtime, config: false, extended: None })
    }

    /// Unpacks a file and says which mode it should have, were none recorded: executable for a program.
    fn unpack<R: Read>(&mut self, file: ZipFile<R>) -> Result<u32> {
        let mut member = member(&mut self.inflater, file, self.archive)?;
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

    fn link_target<R: Read>(&mut self, file: ZipFile<R>) -> Result<Vec<u8>> {
        let mut target = Vec::new();
        let member = member(&mut self.inflater, file, self.archive)?;
        member.take(LONGEST_TARGET as u64 + 1).read_to_end(&mut target).map_err(|error| damaged(self.archive, &error))?;
        Ok(target)
    }
}

/// The plain bytes of an entry that was opened raw.
fn member<'a, R: Read>(inflater: &'a mut Inflater, file: ZipFile<'a, R>, archive: &str) -> Result<Member<'a, ZipFile<'a, R>>> {
    let (method, checksum) = (file.compression(), file.crc32());
    let member = inflater.member(file, method, checksum);
    member.ok_or_else(|| unsupported(archive, format!("an entry is compressed by method {method}")))
}

/// Entries whose name came before in the central directory: the zip crate keeps one entry for each name, and does not say which have more.
fn duplicates<R: Read + Seek>(mut reader: R, start: u64, archive: &str) -> Result<Vec<Found>> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    reader.seek(SeekFrom::Start(start)).map_err(|error| damaged(archive, &error))?;
    loop {
        let mut header = [0; 46];
        reader.read_exact(&mut header[..4]).map_err(|error| damaged(archive, &error))?;
        if &header[..4] != b"PK\x01\x02" {
            return Ok(found);
        }
        reader.read_exact(&mut header[4..]).map_err(|error| damaged(archive, &error))?;
        let len = |at: usize| u64::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let mut name = vec![0; len(28) as usize];
        let rest = (len(30) + len(32)) as i64;
        reader.read_exact(&mut name).and_then(|()| reader.seek_relative(rest)).map_err(|error| damaged(archive, &error))?;
        if !seen.insert(name.clone()) {
            let kind = FoundKind::Refused("a name that occurs twice".into());
            found.push(Found { name, kind, mode: 0, mtime: 0, config: false, extended: None });
        }
    }
}

/// The name with `/`: archives made on DOS and Windows may hold `\`, which those systems cannot have in a name.
fn unix_name(entry: &ZipFileEntry) -> Vec<u8> {
    let mut name = entry.name_raw().to_vec();
    if matches!(entry.system(), System::Dos | System::WindowsNTFS | System::VFAT) {
        name.iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/');
    }
    name
}

/// Seconds since 1970: exact where a Unix tool noted them, else DOS's local time taken as UTC, so that builds agree everywhere.
fn mtime<R: Read>(file: &ZipFile<R>) -> i64 {
    let unix = file.extra_data_fields().find_map(|field| match field {
        ExtraField::ExtendedTimestamp(time) => time.mod_time(),
        _ => None,
    });
    // The field is a signed number of 32 bits.
    unix.map(|time| i64::from(time as i32)).or_else(|| file.last_modified().map(dos_seconds)).unwrap_or(0)
}

fn dos_seconds(time: DateTime) -> i64 {
    // Days from 1970-01-01 in the Gregorian calendar, years counted from March so that the leap day comes last.
    let (month, year) = ((i64::from(time.month()) + 9) % 12, i64::from(time.year()) - i64::from(time.month() <= 2));
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + i64::from(time.day()) - 1 - 719_468;
    days * 86_400 + i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second())
}

fn failed(archive: &str, error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => damaged(archive, &error),
        ZipError::UnsupportedArchive(what) => unsupported(archive, what),
        other => broken(archive, other.to_string()),
    }
}

fn unsupported(archive: &str, what: impl std::fmt::Display) -> Error {
    Error::new(format!("cannot read {archive}: {what}"))
        .help("make the archive with deflate and in one part, or give the unpacked directory as the source")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos_times_become_seconds() {
        let time = |y, mo, d, h, mi, s| dos_seconds(DateTime::from_date_and_time(y, mo, d, h, mi, s).unwrap());
        assert_eq!(time(1980, 1, 1, 0, 0, 0), 315_532_800);
        assert_eq!(time(2000, 2, 29, 12, 0, 2), 951_825_602);
        assert_eq!(time(2026, 11, 23, 20, 0, 0), 1_795_464_000);
    }
}
