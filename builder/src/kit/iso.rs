//! A kit as an image of a disc: ISO 9660 (ECMA-119) at level 3, Rock Ridge (RRIP 1.09) for Unix, Joliet for Windows.
//!
//! Nothing in it is of the machine that writes it, so that one kit is one image. Folders lie as deep as they are, as xorriso has them.

use super::tree::Tree;
use crate::error::{Error, IoContext, Result};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};

const SECTOR: u64 = 2048;
/// The largest extent: whole sectors below 4 GiB.
pub const EXTENT: u64 = (1 << 32) - SECTOR;
/// Joliet's limit, in units of UTF-16.
const JOLIET: usize = 64;
/// Sectors after the last file: drives read ahead.
const TAIL: u64 = 150;
const FIRST_FREE: u64 = 19;
const DIRECTORY: u8 = 0x02;
const MORE_EXTENTS: u8 = 0x80;

/// Which of the two trees of names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Iso,
    Joliet,
}

/// One tree of names over the folders and files that both share.
struct Side {
    names: Names,
    folders: Vec<Vec<u8>>,
    files: Vec<Vec<u8>>,
    /// Numbers of folders in the path table's order.
    order: Vec<usize>,
    /// Bytes of each folder's records.
    sizes: Vec<u64>,
    /// First sector of each folder.
    extents: Vec<u64>,
    /// First sectors of the path tables: little-endian, big-endian.
    tables: [u64; 2],
    table_size: u64,
    /// Bytes of the largest extent.
    extent: u64,
}

/// What an image says of itself.
#[derive(Debug, Clone)]
pub struct Volume<'a> {
    /// Its label, as far as ISO 9660 has the letters.
    pub label: &'a str,
    /// The time of everything in it, in seconds since 1970.
    pub time: u32,
    /// The largest part of a file: [`EXTENT`], or less, in whole sectors.
    pub extent: u64,
}

/// The bytes of the image.
///
/// # Errors
/// A name is too long for Joliet, or there are more bytes than an image holds.
pub fn size(tree: &Tree, volume: &Volume) -> Result<u64> {
    Ok(Layout::of(tree, volume)?.sectors * SECTOR)
}

/// Writes the image.
///
/// # Errors
/// A name is too long for Joliet, a file cannot be read, the image not be written.
pub fn write(tree: &Tree, volume: &Volume, out: &mut File) -> Result<()> {
    let layout = Layout::of(tree, volume)?;
    let failed = |error: io::Error| Error::new(format!("cannot write the ISO image: {error}"));
    let mut out = BufWriter::with_capacity(1 << 18, out);
    layout.head(&mut out).map_err(failed)?;
    out.flush().map_err(failed)?;
    let out = out.get_mut();
    for file in &tree.files {
        crate::interrupt::check()?;
        let mut from = File::open(&file.source).or_cannot("read", &file.source)?.take(file.size);
        let copied = io::copy(&mut from, *out).map_err(failed)?;
        if copied != file.size {
            return Err(Error::new(format!("{} became shorter while it was read", file.source.display())));
        }
        pad(*out, file.size).map_err(failed)?;
    }
    for _ in 0..TAIL {
        out.write_all(&[0; SECTOR as usize]).map_err(failed)?;
    }
    Ok(())
}

struct Layout<'a> {
    tree: &'a Tree,
    label: String,
    time: jiff::civil::DateTime,
    sides: [Side; 2],
    /// First sector of each file.
    files: Vec<u64>,
    /// The sector of Rock Ridge's own description.
    extension: u64,
    sectors: u64,
}

impl<'a> Layout<'a> {
    fn of(tree: &'a Tree, volume: &Volume) -> Result<Layout<'a>> {
        let extent = volume.extent;
        let mut sides = [Side::new(tree, Names::Iso, extent)?, Side::new(tree, Names::Joliet, extent)?];
        let mut next = FIRST_FREE;
        let mut take = |bytes: u64| {
            let at = next;
            next += bytes.div_ceil(SECTOR);
            at
        };
        for side in &mut sides {
            side.tables = [take(side.table_size), take(side.table_size)];
        }
        for side in &mut sides {
            side.extents = side.sizes.iter().map(|size| take(*size)).collect();
        }
        let extension = take(SECTOR);
        let files = tree.files.iter().map(|file| take(file.size)).collect();
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let label = volume.label.chars().take(16).map(plain).collect();
        let sectors = next + TAIL;
        if u32::try_from(sectors).is_err() {
            return Err(Error::new("an ISO image holds no more than 8 TiB"));
        }
        let time = jiff::Timestamp::from_second(i64::from(volume.time)).expect("32 bits are in range");
        Ok(Layout { tree, label, time: jiff::tz::Offset::UTC.to_datetime(time), sides, files, extension, sectors })
    }

    /// All that lies before the files.
    fn head(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&[0; 16 * SECTOR as usize])?;
        for side in &self.sides {
            out.write_all(&self.descriptor(side))?;
        }
        let mut end = [0; SECTOR as usize];
        end[..7].copy_from_slice(b"\xffCD001\x01");
        out.write_all(&end)?;
        for side in &self.sides {
            for big in [false, true] {
                let table = self.path_table(side, big);
                out.write_all(&table)?;
                pad(out, table.len() as u64)?;
            }
        }
        for side in &self.sides {
            for number in 0..self.tree.folders.len() {
                out.write_all(&self.records(side, number))?;
            }
        }
        let extension = extension_reference();
        out.write_all(&extension)?;
        pad(out, extension.len() as u64)
    }

    /// A volume descriptor (ECMA-119, 8.4 and 8.5).
    fn descriptor(&self, side: &Side) -> Vec<u8> {
        let joliet = side.names == Names::Joliet;
        let mut out = vec![if joliet { 2 } else { 1 }];
        out.extend(b"CD001\x01\x00");
        let text = |out: &mut Vec<u8>, text: &str, width: usize| {
            let mut bytes = side.text(text);
            let blank = side.text(" ");
            while bytes.len() + blank.len() <= width {
                bytes.extend(&blank);
            }
            bytes.resize(width, 0);
            out.extend(bytes);
        };
        text(&mut out, "", 32);
        text(&mut out, &self.label, 32);
        out.extend([0; 8]);
        both32(&mut out, self.sectors as u32);
        let mut escapes = [0; 32];
        if joliet {
            // UCS-2, level 3.
            escapes[..3].copy_from_slice(b"%/E");
        }
        out.extend(escapes);
        for value in [1, 1, SECTOR as u16] {
            both16(&mut out, value);
        }
        both32(&mut out, side.table_size as u32);
        out.extend((side.tables[0] as u32).to_le_bytes());
        out.extend([0; 4]);
        out.extend((side.tables[1] as u32).to_be_bytes());
        out.extend([0; 4]);
        out.extend(self.record(&[0], side.extents[0], side.sizes[0], DIRECTORY, &[]));
        for _ in 0..4 {
            text(&mut out, "", 128);
        }
        for _ in 0..3 {
            text(&mut out, "", 37);
        }
        let stamp = self.time.strftime("%Y%m%d%H%M%S00").to_string();
        for value in [stamp.as_str(), &stamp, "0000000000000000", "0000000000000000"] {
            out.extend(value.as_bytes());
            out.push(0);
        }
        out.extend([1, 0]);
        out.resize(SECTOR as usize, 0);
        out
    }

    /// ECMA-119, 9.4.
    fn path_table(&self, side: &Side, big: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let mut places = vec![0; side.order.len()];
        for (place, number) in side.order.iter().enumerate() {
            places[*number] = place + 1;
        }
        for number in &side.order {
            let name = &side.folders[*number];
            out.extend([name.len() as u8, 0]);
            let (extent, parent) = (side.extents[*number] as u32, places[self.tree.folders[*number].parent] as u16);
            match big {
                true => out.extend([extent.to_be_bytes().as_slice(), &parent.to_be_bytes()].concat()),
                false => out.extend([extent.to_le_bytes().as_slice(), &parent.to_le_bytes()].concat()),
            }
            out.extend(name);
            if name.len() % 2 == 1 {
                out.push(0);
            }
        }
        out
    }

    /// A folder's records, in whole sectors.
    fn records(&self, side: &Side, number: usize) -> Vec<u8> {
        let folder = &self.tree.folders[number];
        let mut out = Vec::new();
        let directory =
            |name: &[u8], of: usize, susp: &[u8]| self.record(name, side.extents[of], side.sizes[of], DIRECTORY, susp);
        let rock = |name: Option<&str>, of: usize| match side.names {
            Names::Iso => self.rock_ridge(name, 0o040_755, 2 + self.tree.folders[of].folders.len() as u32),
            Names::Joliet => Vec::new(),
        };
        let mut own = rock(None, number);
        if number == 0 && side.names == Names::Iso {
            own = [b"SP\x07\x01\xbe\xef\x00".as_slice(), &own, &self.continuation()].concat();
        }
        append(&mut out, &directory(&[0], number, &own));
        append(&mut out, &directory(&[1], folder.parent, &rock(None, folder.parent)));
        for entry in side.sorted(self.tree, number) {
            match entry {
                Entry::Folder(of) => {
                    append(&mut out, &directory(&side.folders[of], of, &rock(Some(&self.tree.folders[of].name), of)));
                }
                Entry::File(of) => {
                    let file = &self.tree.files[of];
                    let susp = match side.names {
                        Names::Iso => self.rock_ridge(Some(&file.name), file.mode, 1),
                        Names::Joliet => Vec::new(),
                    };
                    let mut at = self.files[of];
                    for (size, more) in extents(file.size, side.extent) {
                        let flags = if more { MORE_EXTENTS } else { 0 };
                        append(&mut out, &self.record(&side.files[of], at, size, flags, &susp));
                        at += size.div_ceil(SECTOR);
                    }
                }
            }
        }
        out.resize(out.len().next_multiple_of(SECTOR as usize), 0);
        out
    }

    /// ECMA-119, 9.1.
    fn record(&self, name: &[u8], extent: u64, size: u64, flags: u8, susp: &[u8]) -> Vec<u8> {
        let mut out = vec![record_len(name.len(), susp.len()) as u8, 0];
        both32(&mut out, extent as u32);
        both32(&mut out, size as u32);
        out.extend(self.stamp());
        out.extend([flags, 0, 0]);
        both16(&mut out, 1);
        out.push(name.len() as u8);
        out.extend(name);
        if name.len().is_multiple_of(2) {
            out.push(0);
        }
        out.extend(susp);
        out.resize(out.len().next_multiple_of(2), 0);
        out
    }

    fn stamp(&self) -> [u8; 7] {
        let time = &self.time;
        [
            (time.year() - 1900) as u8,
            time.month() as u8,
            time.day() as u8,
            time.hour() as u8,
            time.minute() as u8,
            time.second() as u8,
            0,
        ]
    }

    /// Mode, links, owner and name as Unix has them, and the time.
    fn rock_ridge(&self, name: Option<&str>, mode: u32, links: u32) -> Vec<u8> {
        let mut out = b"PX\x24\x01".to_vec();
        for value in [mode, links, 0, 0] {
            both32(&mut out, value);
        }
        out.extend(b"TF\x0c\x01\x02");
        out.extend(self.stamp());
        if let Some(name) = name {
            out.extend(b"NM");
            out.extend([5 + name.len() as u8, 1, 0]);
            out.extend(name.as_bytes());
        }
        out
    }

    /// Where the description of Rock Ridge lies.
    fn continuation(&self) -> Vec<u8> {
        let mut out = b"CE\x1c\x01".to_vec();
        for value in [self.extension as u32, 0, extension_reference().len() as u32] {
            both32(&mut out, value);
        }
        out
    }
}

/// SUSP's ER for RRIP 1.09.
fn extension_reference() -> Vec<u8> {
    let (id, about) = ("RRIP_1991A", "THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS");
    let source =
        "PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN PRIMARY VOLUME DESCRIPTOR FOR \
                  CONTACT INFORMATION.";
    let mut out = b"ER".to_vec();
    out.extend([8 + (id.len() + about.len() + source.len()) as u8, 1]);
    out.extend([id.len() as u8, about.len() as u8, source.len() as u8, 1]);
    for text in [id, about, source] {
        out.extend(text.as_bytes());
    }
    out
}

enum Entry {
    Folder(usize),
    File(usize),
}

impl Side {
    fn new(tree: &Tree, names: Names, extent: u64) -> Result<Side> {
        let mut side = Side {
            names,
            folders: vec![vec![0]; tree.folders.len()],
            files: vec![Vec::new(); tree.files.len()],
            order: vec![0],
            sizes: Vec::new(),
            extents: vec![0; tree.folders.len()],
            tables: [0; 2],
            table_size: 0,
            extent,
        };
        for folder in &tree.folders {
            let mut taken = BTreeSet::new();
            for number in &folder.folders {
                side.folders[*number] = side.name(&tree.folders[*number].name, true, &mut taken)?;
            }
            for number in &folder.files {
                side.files[*number] = side.name(&tree.files[*number].name, false, &mut taken)?;
            }
        }
        side.sizes = (0..tree.folders.len()).map(|number| side.records_len(tree, number)).collect();
        // Level by level, in each by the parents' order, then by name.
        let mut level = vec![0];
        while !level.is_empty() {
            let below = level.iter().flat_map(|number| {
                let mut folders = tree.folders[*number].folders.clone();
                folders.sort_by_key(|folder| side.folders[*folder].clone());
                folders
            });
            level = below.collect();
            side.order.extend(&level);
        }
        if u16::try_from(side.order.len()).is_err() {
            return Err(Error::new("an ISO image holds no more than 65,535 folders"));
        }
        let entry = |number: &usize| (8 + side.folders[*number].len().next_multiple_of(2)) as u64;
        side.table_size = side.order.iter().map(entry).sum();
        Ok(side)
    }

    fn name(&self, name: &str, folder: bool, taken: &mut BTreeSet<Vec<u8>>) -> Result<Vec<u8>> {
        if self.names == Names::Joliet {
            let len = name.encode_utf16().count();
            return match len <= JOLIET {
                true => Ok(self.text(name)),
                false => Err(Error::new(format!(
                    "the name {name} is too long for an ISO image: {len} characters, and Windows reads {JOLIET}"
                ))
                .help("give the package a shorter name or version, or use --zip")),
            };
        }
        let plain = |text: &str| -> String {
            text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
        };
        let (base, end) = match name.rsplit_once('.').filter(|(base, _)| !folder && !base.is_empty()) {
            Some((base, end)) => (plain(base), plain(end)),
            None => (plain(name), String::new()),
        };
        let end: String = end.chars().take(3).collect();
        let written = |base: &str| if folder { base.to_owned() } else { format!("{base}.{end};1") };
        for count in 0..10_000 {
            let tail = if count == 0 { String::new() } else { format!("_{count}") };
            let kept: String = base.chars().take(24 - tail.len()).collect();
            let name = written(&format!("{kept}{tail}")).into_bytes();
            if taken.insert(name.clone()) {
                return Ok(name);
            }
        }
        Err(Error::new(format!("more than 10,000 files have names like {name} in one folder: ISO 9660 cannot tell them apart")))
    }

    fn text(&self, text: &str) -> Vec<u8> {
        match self.names {
            Names::Iso => text.as_bytes().to_vec(),
            Names::Joliet => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        }
    }

    /// Folders and files of a folder, by their names.
    fn sorted(&self, tree: &Tree, number: usize) -> Vec<Entry> {
        let folder = &tree.folders[number];
        let folders = folder.folders.iter().map(|of| (&self.folders[*of], Entry::Folder(*of)));
        let files = folder.files.iter().map(|of| (&self.files[*of], Entry::File(*of)));
        let mut entries: Vec<_> = folders.chain(files).collect();
        entries.sort_by_key(|(name, _)| *name);
        entries.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Bytes of a folder's records, in whole sectors, none of which a record crosses.
    fn records_len(&self, tree: &Tree, number: usize) -> u64 {
        const ROCK: usize = 36 + 12;
        let rock = |name: usize| if self.names == Names::Iso { ROCK + 5 + name } else { 0 };
        let plain = if self.names == Names::Iso { ROCK } else { 0 };
        let first = if self.names == Names::Iso && number == 0 { plain + 7 + 28 } else { plain };
        let mut len = record_len(1, first) + record_len(1, plain);
        let mut add = |size: usize| {
            let left = SECTOR as usize - len % SECTOR as usize;
            len += if size > left { left + size } else { size };
        };
        for entry in self.sorted(tree, number) {
            match entry {
                Entry::Folder(of) => add(record_len(self.folders[of].len(), rock(tree.folders[of].name.len()))),
                Entry::File(of) => {
                    let file = &tree.files[of];
                    extents(file.size, self.extent).for_each(|_| add(record_len(self.files[of].len(), rock(file.name.len()))));
                }
            }
        }
        (len as u64).next_multiple_of(SECTOR)
    }
}

/// The parts of a file, and whether another one follows.
fn extents(size: u64, extent: u64) -> impl Iterator<Item = (u64, bool)> {
    let count = size.div_ceil(extent).max(1);
    (0..count).map(move |at| (extent.min(size - at * extent), at + 1 < count))
}

fn record_len(name: usize, susp: usize) -> usize {
    (33 + name + (name + 1) % 2 + susp).next_multiple_of(2)
}

/// Adds a record; one that would cross a sector's end begins the next.
fn append(out: &mut Vec<u8>, record: &[u8]) {
    let left = SECTOR as usize - out.len() % SECTOR as usize;
    if record.len() > left {
        out.resize(out.len() + left, 0);
    }
    out.extend(record);
}

/// Fills the sector that something of this length ends in.
fn pad(out: &mut impl Write, len: u64) -> io::Result<()> {
    let over = (len.next_multiple_of(SECTOR) - len) as usize;
    out.write_all(&[0; SECTOR as usize][..over])
}

fn both16(out: &mut Vec<u8>, value: u16) {
    out.extend(value.to_le_bytes());
    out.extend(value.to_be_bytes());
}

fn both32(out: &mut Vec<u8>, value: u32) {
    out.extend(value.to_le_bytes());
    out.extend(value.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_above_4_gib_is_in_parts_of_whole_sectors() {
        assert_eq!(extents(0, EXTENT).collect::<Vec<_>>(), [(0, false)]);
        assert_eq!(extents(EXTENT, EXTENT).collect::<Vec<_>>(), [(EXTENT, false)]);
        assert_eq!(extents(EXTENT + 1, EXTENT).collect::<Vec<_>>(), [(EXTENT, true), (1, false)]);
    }

    #[test]
    fn records_have_even_lengths_and_stay_in_their_sector() {
        assert_eq!([record_len(1, 0), record_len(2, 0), record_len(5, 3)], [34, 36, 42]);
        let mut out = vec![0; 2000];
        append(&mut out, &[1; 60]);
        assert_eq!((out.len(), out[2047], out[2048]), (2108, 0, 1));
    }
}
