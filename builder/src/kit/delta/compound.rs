//! Compound files (MS-CFB): the streams of an MSI lie in sectors between those of the allocation table; here each is in one piece.

use super::view::Extent;
use crate::error::{IoContext, Result};
use crate::regular;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

const MAGIC: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
const HEADER: u64 = 512;
/// Sectors that can be: the others are marks.
const LAST_SECTOR: u32 = 0xffff_fffa;
/// An entry of the directory, and the kind of a stream.
const ENTRY: usize = 128;
const STREAM: u8 = 2;

/// The parts of a compound file, stream by stream, and what lies around them behind; none where it is no compound file, or one with
/// faults: it is read as it is then.
///
/// # Errors
/// The file cannot be read.
pub fn streams(path: &Path) -> Result<Vec<Extent>> {
    let file = regular::open(path)?;
    let len = file.metadata().or_cannot("read", path)?.len();
    let mut header = [0; HEADER as usize];
    if len < HEADER || file.read_exact_at(&mut header, 0).is_err() || !header.starts_with(&MAGIC) {
        return Ok(Vec::new());
    }
    Ok(Compound::open(file, len, &header).and_then(|compound| compound.extents()).unwrap_or_default())
}

struct Compound {
    file: File,
    len: u64,
    sector: u64,
    fat: Vec<u32>,
    directory: u32,
    /// Shorter streams lie in a stream of their own.
    cutoff: u64,
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl Compound {
    fn open(file: File, len: u64, header: &[u8]) -> Option<Compound> {
        let sector = match header[30] {
            9 => 512,
            12 => 4096,
            _ => return None,
        };
        let mut compound =
            Compound { file, len, sector, fat: Vec::new(), directory: u32_at(header, 48), cutoff: u64::from(u32_at(header, 56)) };
        let mut tables: Vec<u32> = (0..109).map(|index| u32_at(header, 76 + 4 * index)).collect();
        let mut next = u32_at(header, 68);
        let per_sector = sector as usize / 4;
        while next < LAST_SECTOR {
            let more = compound.read(next)?;
            tables.extend((0..per_sector - 1).map(|index| u32_at(&more, 4 * index)));
            next = u32_at(&more, sector as usize - 4);
            if tables.len() as u64 > len / sector + 109 + per_sector as u64 {
                return None;
            }
        }
        for table in tables.into_iter().filter(|table| *table < LAST_SECTOR) {
            let bytes = compound.read(table)?;
            compound.fat.extend((0..per_sector).map(|index| u32_at(&bytes, 4 * index)));
        }
        Some(compound)
    }

    fn read(&self, number: u32) -> Option<Vec<u8>> {
        let mut bytes = vec![0; self.sector as usize];
        self.file.read_exact_at(&mut bytes, (u64::from(number) + 1) * self.sector).ok()?;
        Some(bytes)
    }

    /// The sectors of a chain, as parts of the file.
    fn chain(&self, first: u32) -> Option<Vec<Extent>> {
        let mut extents: Vec<Extent> = Vec::new();
        let (mut next, mut count) = (first, 0);
        while next < LAST_SECTOR {
            let at = (u64::from(next) + 1) * self.sector;
            match extents.last_mut().filter(|(start, len)| start + len == at) {
                Some((_, len)) => *len += self.sector,
                None => extents.push((at, self.sector)),
            }
            next = *self.fat.get(next as usize)?;
            count += 1;
            // A chain that runs in a circle.
            if count > self.fat.len() {
                return None;
            }
        }
        Some(extents)
    }

    fn extents(&self) -> Option<Vec<Extent>> {
        let mut extents = Vec::new();
        for (at, len) in self.chain(self.directory)? {
            for at in (at..at + len).step_by(ENTRY) {
                let mut entry = [0; ENTRY];
                self.file.read_exact_at(&mut entry, at).ok()?;
                let size = u64::from_le_bytes(entry[120..128].try_into().ok()?);
                if entry[66] == STREAM && size >= self.cutoff {
                    extents.extend(self.chain(u32_at(&entry, 116))?);
                }
            }
        }
        let mut sorted = extents.clone();
        sorted.sort_unstable();
        let mut done = 0;
        for (at, len) in sorted {
            if at < done || at + len > self.len {
                return None;
            }
            if at > done {
                extents.push((done, at - done));
            }
            done = at + len;
        }
        if done < self.len {
            extents.push((done, self.len - done));
        }
        Some(extents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn every_byte_is_in_one_part_and_long_streams_are_in_one_piece() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let text: Vec<u8> = (0..300_000_u32).flat_map(|number| number.to_le_bytes()).collect();
        let mut file = cfb::create(&path).unwrap();
        file.create_stream("/short").unwrap().write_all(b"short").unwrap();
        // Two streams that grow in turns.
        for part in text.chunks(100_000) {
            for name in ["/one", "/two"] {
                let mut stream = if file.exists(name) { file.open_stream(name) } else { file.create_stream(name) }.unwrap();
                std::io::Seek::seek(&mut stream, std::io::SeekFrom::End(0)).unwrap();
                stream.write_all(part).unwrap();
            }
        }
        file.flush().unwrap();
        drop(file);
        let extents = streams(&path).unwrap();
        let mut sorted = extents.clone();
        sorted.sort_unstable();
        let len = std::fs::metadata(&path).unwrap().len();
        assert_eq!(sorted.iter().fold(0, |done, (at, len)| if *at == done { done + len } else { u64::MAX / 2 }), len);
        let view = super::super::view::View::open(&path, &extents).unwrap();
        let mut bytes = Vec::new();
        crate::compress::Source::read(&view, 0, len, &mut |block| {
            bytes.extend_from_slice(block);
            Ok(())
        })
        .unwrap();
        assert!(bytes.starts_with(&text));
        // Cut files are read as they are.
        for len in [0, 8, 511, 600, 5000] {
            let cut = folder.path().join("cut");
            std::fs::write(&cut, &std::fs::read(&path).unwrap()[..len]).unwrap();
            assert!(streams(&cut).unwrap().iter().all(|(at, bytes)| at + bytes <= len as u64));
        }
    }
}
