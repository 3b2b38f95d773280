//! A kit as one zip (APPNOTE 6.3): stored, since packages are compressed; Zip64 where a file or the archive is above 4 GiB.

use super::tree::{File as Entry, Tree};
use crate::error::{Error, IoContext, Result};
use crc32fast::Hasher;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

const LIMIT: u64 = 0xffff_ffff;
const MADE_BY_UNIX: u16 = 3 << 8 | 45;

/// An entry that was written.
struct Written<'a> {
    entry: &'a Entry,
    crc: u32,
    offset: u64,
}

/// The bytes of the archive.
pub fn size(tree: &Tree) -> u64 {
    let (mut offset, mut records, mut buffer) = (0, 0, Vec::new());
    let mut len = |write: &dyn Fn(&mut Vec<u8>)| {
        buffer.clear();
        write(&mut buffer);
        buffer.len() as u64
    };
    for entry in &tree.files {
        records += len(&|out| central(&Written { entry, crc: 0, offset }, (0, 0), out));
        offset += len(&|out| local(entry, (0, 0), out)) + entry.size;
    }
    offset + records + len(&|out| finish(tree.files.len() as u64, offset, records, out))
}

/// Writes the archive; every entry has that time, in seconds since 1970.
///
/// # Errors
/// A file cannot be read, the archive not be written.
pub fn write(tree: &Tree, time: u32, out: &mut File) -> Result<()> {
    let failed = |error: io::Error| Error::new(format!("cannot write the zip: {error}"));
    let stamp = dos_time(time);
    let mut written = Vec::new();
    let mut offset = 0;
    for entry in &tree.files {
        let mut header = Vec::new();
        local(entry, stamp, &mut header);
        out.write_all(&header).map_err(failed)?;
        let crc = copy(entry, out)?;
        // The digest stands before the content that it is of.
        out.seek(SeekFrom::Start(offset + 14)).and_then(|_| out.write_all(&crc.to_le_bytes())).map_err(failed)?;
        written.push(Written { entry, crc, offset });
        offset += header.len() as u64 + entry.size;
        out.seek(SeekFrom::Start(offset)).map_err(failed)?;
    }
    let mut end = BufWriter::new(&mut *out);
    let mut size = 0;
    for one in &written {
        let mut record = Vec::new();
        central(one, stamp, &mut record);
        size += record.len() as u64;
        end.write_all(&record).map_err(failed)?;
    }
    let mut record = Vec::new();
    finish(written.len() as u64, offset, size, &mut record);
    end.write_all(&record).and_then(|()| end.flush()).map_err(failed)
}

/// Copies a file's content and returns its CRC.
fn copy(entry: &Entry, out: &mut File) -> Result<u32> {
    let mut from = File::open(&entry.source).or_cannot("read", &entry.source)?;
    let (mut crc, mut left, mut buffer) = (Hasher::new(), entry.size, vec![0; 1 << 18]);
    while left > 0 {
        crate::interrupt::check()?;
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = from.read(&mut buffer[..most]).or_cannot("read", &entry.source)?;
        if count == 0 {
            return Err(Error::new(format!("{} became shorter while it was read", entry.source.display())));
        }
        crc.update(&buffer[..count]);
        out.write_all(&buffer[..count]).map_err(|error| Error::new(format!("cannot write the zip: {error}")))?;
        left -= count as u64;
    }
    Ok(crc.finalize())
}

fn push16(out: &mut Vec<u8>, value: u16) {
    out.extend(value.to_le_bytes());
}

fn push32(out: &mut Vec<u8>, value: u32) {
    out.extend(value.to_le_bytes());
}

/// What a field of 32 bits says of a value that may need 64.
fn narrow(value: u64) -> u32 {
    u32::try_from(value.min(LIMIT)).expect("at most the limit")
}

/// Version needed, flags, method, time; UTF-8 names.
fn common(large: bool, (date, clock): (u16, u16), out: &mut Vec<u8>) {
    push16(out, if large { 45 } else { 20 });
    push16(out, 1 << 11);
    push16(out, 0);
    push16(out, clock);
    push16(out, date);
}

fn local(entry: &Entry, stamp: (u16, u16), out: &mut Vec<u8>) {
    let large = entry.size >= LIMIT;
    push32(out, 0x0403_4b50);
    common(large, stamp, out);
    push32(out, 0);
    let size = if large { narrow(LIMIT) } else { narrow(entry.size) };
    push32(out, size);
    push32(out, size);
    push16(out, entry.path.len() as u16);
    push16(out, if large { 20 } else { 0 });
    out.extend(entry.path.as_bytes());
    if large {
        push16(out, 1);
        push16(out, 16);
        out.extend(entry.size.to_le_bytes());
        out.extend(entry.size.to_le_bytes());
    }
}

fn central(one: &Written, stamp: (u16, u16), out: &mut Vec<u8>) {
    let Written { entry, crc, offset } = one;
    let mut wide = Vec::new();
    if entry.size >= LIMIT {
        wide.extend(entry.size.to_le_bytes());
        wide.extend(entry.size.to_le_bytes());
    }
    if *offset >= LIMIT {
        wide.extend(offset.to_le_bytes());
    }
    push32(out, 0x0201_4b50);
    push16(out, MADE_BY_UNIX);
    common(!wide.is_empty(), stamp, out);
    push32(out, *crc);
    push32(out, narrow(entry.size));
    push32(out, narrow(entry.size));
    push16(out, entry.path.len() as u16);
    push16(out, if wide.is_empty() { 0 } else { 4 + wide.len() as u16 });
    // Comment, disk, internal attributes.
    out.extend([0; 6]);
    push32(out, entry.mode << 16);
    push32(out, narrow(*offset));
    out.extend(entry.path.as_bytes());
    if !wide.is_empty() {
        push16(out, 1);
        push16(out, wide.len() as u16);
        out.extend(wide);
    }
}

/// The records after the central directory.
fn finish(count: u64, offset: u64, size: u64, out: &mut Vec<u8>) {
    if count >= 0xffff || offset >= LIMIT || size >= LIMIT {
        push32(out, 0x0606_4b50);
        out.extend(44_u64.to_le_bytes());
        push16(out, MADE_BY_UNIX);
        push16(out, 45);
        out.extend([0; 8]);
        for value in [count, count, size, offset] {
            out.extend(value.to_le_bytes());
        }
        push32(out, 0x0706_4b50);
        push32(out, 0);
        out.extend((offset + size).to_le_bytes());
        push32(out, 1);
    }
    push32(out, 0x0605_4b50);
    out.extend([0; 4]);
    let count = count.min(0xffff) as u16;
    push16(out, count);
    push16(out, count);
    push32(out, narrow(size));
    push32(out, narrow(offset));
    push16(out, 0);
}

/// Date and time of MS-DOS, which begins with 1980 and has two seconds.
fn dos_time(time: u32) -> (u16, u16) {
    const FIRST: i64 = 315_532_800;
    let time = jiff::Timestamp::from_second(i64::from(time).max(FIRST)).expect("32 bits are in range");
    let time = jiff::tz::Offset::UTC.to_datetime(time);
    let date = ((time.year() - 1980) as u16) << 9 | (time.month() as u16) << 5 | time.day() as u16;
    (date, (time.hour() as u16) << 11 | (time.minute() as u16) << 5 | (time.second() as u16 / 2))
}
