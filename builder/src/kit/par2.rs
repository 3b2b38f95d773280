//! Recovery data in PAR2 form (Parity Volume Set Specification 2.0): what a worn disc or a diode lost is repaired by the public par2 tool.
//!
//! Files are cut into slices of one length; a recovery slice is a sum of all of them over GF(2^16). As many slices as there are recovery
//! slices may be lost. The slices are summed up strip by strip, so that memory does not grow with them.

use crate::error::{Error, IoContext, Result};
use crate::inspect::verify::{SUMS, SUMS_SIGNATURE};
use md5::{Digest, Md5};
use rayon::prelude::*;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Where a kit's own recovery data lies.
pub const FOLDER: &str = "recovery";
/// Of the list of digests and its signature: both may be lost, and some of this, too. They are small.
const OF_SUMS: u32 = 300;
/// Slices of a set: more make it fit small damages better, and take longer.
const SLICES: u64 = 1000;
/// Slices that a set can have.
const MOST_SLICES: u64 = 32_768;
/// The shortest slice.
const SHORTEST: u64 = 2048;
/// Bytes of all recovery slices that are summed up at once.
const STRIPS: usize = 24 << 20;
/// Slices that are read at once.
const AT_ONCE: usize = 8;
/// How many bytes of a file its second digest covers.
const BEGINNING: u64 = 16 << 10;

const MAGIC: &[u8; 8] = b"PAR2\0PKT";
const HEAD: usize = 64;
const MAIN: &[u8; 16] = b"PAR 2.0\0Main\0\0\0\0";
const FILE: &[u8; 16] = b"PAR 2.0\0FileDesc";
const CHECKSUMS: &[u8; 16] = b"PAR 2.0\0IFSC\0\0\0\0";
const RECOVERY: &[u8; 16] = b"PAR 2.0\0RecvSlic";
const CREATOR: &[u8; 16] = b"PAR 2.0\0Creator\0";

/// A file of the set.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name, below the folder that par2 is told with -B.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
}

/// A member that was read.
struct Known {
    path: PathBuf,
    id: [u8; 16],
    size: u64,
    description: Vec<u8>,
    checksums: Vec<u8>,
}

/// Writes `STEM.par2` and `STEM.vol0+N.par2` into a folder: recovery data of so many hundredths of the files. Empty files are left out.
///
/// # Errors
/// There are too many files; one cannot be read; the folder cannot be written to.
pub fn write(members: &[Member], percent: u32, folder: &Path, stem: &str) -> Result<Vec<PathBuf>> {
    let mut sizes = Vec::with_capacity(members.len());
    for member in members {
        sizes.push(member.path.metadata().or_cannot("read", &member.path)?.len());
    }
    let slice = slice_len(&sizes)?;
    let mut known = members
        .par_iter()
        .zip(&sizes)
        .filter(|(_, size)| **size > 0)
        .map(|(member, _)| read(member, slice))
        .collect::<Result<Vec<_>>>()?;
    // Numbers of 16 bytes, the last of which counts most.
    known.sort_by(|a, b| a.id.iter().rev().cmp(b.id.iter().rev()));
    let slices: u64 = known.iter().map(|file| file.size.div_ceil(slice)).sum();
    let count = (slices * u64::from(percent)).div_ceil(100).clamp(1, MOST_SLICES) as usize;
    let main = main_body(&known, slice);
    let set: [u8; 16] = Md5::digest(&main).into();
    let critical = critical(&set, &main, &known);
    let index = folder.join(format!("{stem}.par2"));
    let volume = folder.join(format!("{stem}.vol0+{count}.par2"));
    std::fs::write(&index, &critical).or_cannot("write", &index)?;
    recovery(&known, slice as usize, count, &set, &critical, &volume)?;
    Ok(vec![index, volume])
}

/// Writes recovery data of a kit's SHA256SUMS and its signature beside them. No list can name it, since it covers the list.
///
/// # Errors
/// They cannot be read; the folder cannot be written to.
pub fn write_of_sums(kit: &Path) -> Result<Vec<PathBuf>> {
    let members = [SUMS, SUMS_SIGNATURE].map(|name| Member { name: name.to_owned(), path: kit.join(name) });
    write(&members, OF_SUMS, kit, SUMS)
}

/// Whether a kit's path is one of those that [`write_of_sums`] writes.
pub fn is_of_sums(path: &str) -> bool {
    let Some(end) = path.strip_prefix(SUMS).and_then(|rest| rest.strip_suffix(".par2")) else { return false };
    let number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    end.is_empty() || end.strip_prefix(".vol0+").is_some_and(number)
}

/// The length of slices: about [`SLICES`] of them, however the files are cut.
fn slice_len(sizes: &[u64]) -> Result<u64> {
    let total: u64 = sizes.iter().sum();
    let files = sizes.iter().filter(|size| **size > 0).count() as u64;
    if files > MOST_SLICES / 2 {
        return Err(Error::new(format!("PAR2 has room for {} files, and there are {files}", MOST_SLICES / 2))
            .help("ask for recovery data of a zip or an image alone: give the kit's folder to no worn disc"));
    }
    let mut len = (total / SLICES).max(SHORTEST).next_multiple_of(4);
    while sizes.iter().map(|size| size.div_ceil(len)).sum::<u64>() > MOST_SLICES {
        len *= 2;
    }
    Ok(len)
}

fn read(member: &Member, slice: u64) -> Result<Known> {
    let path = &member.path;
    let mut file = File::open(path).or_cannot("read", path)?;
    let (mut whole, mut beginning) = (Md5::new(), Md5::new());
    let (mut size, mut checksums, mut buffer) = (0_u64, Vec::new(), vec![0; slice as usize]);
    loop {
        crate::interrupt::check()?;
        let count = fill(&mut file, &mut buffer).or_cannot("read", path)?;
        if count == 0 {
            break;
        }
        whole.update(&buffer[..count]);
        let first = BEGINNING.saturating_sub(size).min(count as u64) as usize;
        beginning.update(&buffer[..first]);
        buffer[count..].fill(0);
        checksums.extend_from_slice(&Md5::digest(&buffer));
        checksums.extend_from_slice(&crc32fast::hash(&buffer).to_le_bytes());
        size += count as u64;
        if count < buffer.len() {
            break;
        }
    }
    let beginning: [u8; 16] = beginning.finalize().into();
    let name = member.name.as_bytes();
    let id: [u8; 16] = Md5::digest([&beginning[..], &size.to_le_bytes(), name].concat()).into();
    let mut description = [&id[..], &whole.finalize(), &beginning, &size.to_le_bytes(), name].concat();
    description.resize(description.len().next_multiple_of(4), 0);
    checksums.splice(0..0, id);
    Ok(Known { path: path.clone(), id, size, description, checksums })
}

/// Reads as much as there is room for.
fn fill(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

fn main_body(known: &[Known], slice: u64) -> Vec<u8> {
    let mut body = slice.to_le_bytes().to_vec();
    body.extend_from_slice(&(known.len() as u32).to_le_bytes());
    known.iter().for_each(|file| body.extend_from_slice(&file.id));
    body
}

fn packet(set: &[u8; 16], kind: &[u8; 16], body: &[u8]) -> Vec<u8> {
    let covered = [&set[..], kind, body].concat();
    let len = (HEAD + body.len()) as u64;
    [&MAGIC[..], &len.to_le_bytes(), &Md5::digest(&covered), &covered].concat()
}

/// Everything without which no slice is of use.
fn critical(set: &[u8; 16], main: &[u8], known: &[Known]) -> Vec<u8> {
    let mut bytes = packet(set, MAIN, main);
    for file in known {
        bytes.extend(packet(set, FILE, &file.description));
        bytes.extend(packet(set, CHECKSUMS, &file.checksums));
    }
    let mut creator = format!("linkpack {}", env!("CARGO_PKG_VERSION")).into_bytes();
    creator.resize(creator.len().next_multiple_of(4), 0);
    bytes.extend(packet(set, CREATOR, &creator));
    bytes
}

/// The volume: recovery slices, and what is critical before and behind them.
fn recovery(known: &[Known], slice: usize, count: usize, set: &[u8; 16], critical: &[u8], path: &Path) -> Result<()> {
    let file = File::create_new(path).or_cannot("create", path)?;
    file.write_all_at(critical, 0).or_cannot("write", path)?;
    let packet_len = HEAD + 4 + slice;
    let place = |number: usize| (critical.len() + number * packet_len) as u64;
    let field = Field::new();
    let factors = field.factors(known.iter().map(|file| file.size.div_ceil(slice as u64)).sum::<u64>() as usize);
    let strip = (STRIPS / count).clamp(64, slice).next_multiple_of(4).min(slice);
    let mut sums = vec![vec![0_u8; strip]; count];
    for from in (0..slice).step_by(strip) {
        let len = strip.min(slice - from);
        sums.iter_mut().for_each(|sum| sum.fill(0));
        add_all(known, slice, (from, len), &factors, &field, &mut sums)?;
        for (number, sum) in sums.iter().enumerate() {
            let at = place(number) + (HEAD + 4 + from) as u64;
            file.write_all_at(&sum[..len], at).or_cannot("write", path)?;
        }
    }
    for number in 0..count {
        let head = packet(set, RECOVERY, &(number as u32).to_le_bytes());
        let mut digest = Md5::new();
        digest.update(&head[HEAD - 32..]);
        let mut buffer = vec![0; (1 << 18).min(slice)];
        for from in (0..slice).step_by(buffer.len()) {
            let len = buffer.len().min(slice - from);
            file.read_exact_at(&mut buffer[..len], place(number) + (HEAD + 4 + from) as u64).or_cannot("read", path)?;
            digest.update(&buffer[..len]);
        }
        let whole = [&MAGIC[..], &(packet_len as u64).to_le_bytes(), &digest.finalize(), &head[HEAD - 32..]].concat();
        file.write_all_at(&whole, place(number)).or_cannot("write", path)?;
    }
    let mut end = BufWriter::new(&file);
    std::io::Seek::seek(&mut end, std::io::SeekFrom::Start(place(count))).or_cannot("write", path)?;
    end.write_all(critical).and_then(|()| end.flush()).or_cannot("write", path)
}

/// Adds one strip of every slice to the recovery slices.
fn add_all(
    known: &[Known],
    slice: usize,
    (from, len): (usize, usize),
    factors: &[u32],
    field: &Field,
    sums: &mut [Vec<u8>],
) -> Result<()> {
    let mut batch: Vec<(u32, Vec<u8>)> = Vec::with_capacity(AT_ONCE);
    let mut factors = factors.iter();
    for file in known {
        let open = File::open(&file.path).or_cannot("read", &file.path)?;
        for start in (0..file.size).step_by(slice) {
            crate::interrupt::check()?;
            let mut bytes = vec![0; len];
            let at = start + from as u64;
            let there = file.size.saturating_sub(at).min(len as u64) as usize;
            open.read_exact_at(&mut bytes[..there], at).or_cannot("read", &file.path)?;
            batch.push((*factors.next().expect("one for each slice"), bytes));
            if batch.len() == AT_ONCE {
                add(&batch, field, sums);
                batch.clear();
            }
        }
    }
    add(&batch, field, sums);
    Ok(())
}

/// Adds strips, each times its factor to the power of the recovery slice's number.
fn add(batch: &[(u32, Vec<u8>)], field: &Field, sums: &mut [Vec<u8>]) {
    sums.par_iter_mut().enumerate().for_each(|(number, sum)| {
        for (log, bytes) in batch {
            let table = field.table(((u64::from(*log) * number as u64) % ORDER) as u32);
            for (sum, bytes) in sum.chunks_exact_mut(2).zip(bytes.chunks_exact(2)) {
                let product = table[usize::from(bytes[0])] ^ table[256 + usize::from(bytes[1])];
                sum[0] ^= product as u8;
                sum[1] ^= (product >> 8) as u8;
            }
        }
    });
}

/// GF(2^16) over x^16 + x^12 + x^3 + x + 1.
struct Field {
    log: Vec<u16>,
    power: Vec<u16>,
}

const GENERATOR: u32 = 0x1100B;
/// Elements but zero.
const ORDER: u64 = 65_535;

impl Field {
    fn new() -> Field {
        let (mut log, mut power) = (vec![0; 65_536], vec![0; 65_536]);
        let mut element = 1_u32;
        for (exponent, power) in power.iter_mut().enumerate().take(ORDER as usize) {
            log[element as usize] = exponent as u16;
            *power = element as u16;
            element <<= 1;
            if element > 0xffff {
                element ^= GENERATOR;
            }
        }
        Field { log, power }
    }

    /// The logarithms of the slices' constants: powers of two whose exponents have no divisor in common with the field's order.
    fn factors(&self, count: usize) -> Vec<u32> {
        (0..ORDER as u32).filter(|n| n % 3 != 0 && n % 5 != 0 && n % 17 != 0 && n % 257 != 0).take(count).collect()
    }

    /// The products of the element with this logarithm and every low byte, and every high byte.
    fn table(&self, log: u32) -> [u16; 512] {
        let mut table = [0; 512];
        for half in 0..2 {
            for byte in 1..256_usize {
                let sum = u64::from(log) + u64::from(self.log[byte << (8 * half)]);
                table[256 * half + byte] = self.power[(sum % ORDER) as usize];
            }
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_the_specification_s() {
        let field = Field::new();
        // 2^16 is what the generator says; the first constants are 2^1, 2^2, 2^4, 2^7 (the specification's list).
        assert_eq!(field.power[16], 0x100B);
        assert_eq!(field.factors(6), [1, 2, 4, 7, 8, 11]);
        assert_eq!(field.factors(32_768).len(), 32_768);
        let table = field.table(u32::from(field.log[3]));
        assert_eq!((table[5], table[256 + 0x80]), (15, 0x8000 ^ (0x10000_u32 ^ GENERATOR) as u16));
    }

    #[test]
    fn the_list_s_own_recovery_data_is_known_by_its_name() {
        for (path, expected) in [
            ("SHA256SUMS.par2", true),
            ("SHA256SUMS.vol0+12.par2", true),
            ("SHA256SUMS", false),
            ("SHA256SUMS.vol0+.par2", false),
            ("SHA256SUMS.evil.par2", false),
            ("x/SHA256SUMS.par2", false),
        ] {
            assert_eq!(is_of_sums(path), expected, "{path}");
        }
    }

    #[test]
    fn slices_are_few_enough() {
        assert_eq!(slice_len(&[10, 20]).unwrap(), SHORTEST);
        let many = vec![5000; 16_000];
        assert!(many.iter().map(|size: &u64| size.div_ceil(slice_len(&many).unwrap())).sum::<u64>() <= MOST_SLICES);
        assert!(slice_len(&vec![1; 20_000]).unwrap_err().what().contains("room for 16384 files"));
    }
}
