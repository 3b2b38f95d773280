//! Cases from seeds: damage of the kinds that readers fall over, and what makes it reach them: checksums, and codecs around it.
use super::*;
use std::io::Write;

/// Numbers that lengths, counts and offsets are wrong by.
const NUMBERS: [u64; 12] =
    [0, 1, 2, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_fffe, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, u64::MAX];

/// Pieces of text that mean something to a reader.
const TEXTS: [&[u8]; 20] = [
    b"../",
    b"/",
    b"\0",
    b"9999999999",
    b"[",
    b"]]",
    b"\"\"\"",
    b"{",
    b"= ",
    b"\n",
    b"TRAILER!!!",
    b"07070X",
    b"PK\x01\x02",
    b"PK\x06\x06",
    b"MSCF",
    b"30 path=../../x\n",
    b"19 GNU.sparse.map=0",
    b"\xff\xfe",
    b"0777777777777",
    b"\x80\0\0\0",
];

/// One case: a seed, damaged once to a dozen times, then dressed.
pub fn case(target: &str, seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = pick(seeds, random).clone();
    for _ in 0..1 << random.below(4) {
        damage(&mut bytes, seeds, random);
    }
    match target {
        "tar" => {
            if random.below(8) > 0 {
                mend_tar(&mut bytes);
            }
            packed(&bytes, random.below(6))
        }
        "deb" => {
            if random.below(8) > 0 {
                mend_tar(&mut bytes);
            }
            bytes
        }
        _ => bytes,
    }
}

fn pick<'a, T>(all: &'a [T], random: &mut Random) -> &'a T {
    &all[random.below(all.len() as u64) as usize]
}

fn damage(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    if bytes.is_empty() {
        bytes.push(0);
    }
    let len = bytes.len() as u64;
    // Headers are at the start or at the end as often as anywhere.
    let at = match random.below(4) {
        0 => random.below(len.min(2048)),
        1 => len - 1 - random.below(len.min(512)),
        _ => random.below(len),
    } as usize;
    let most = 1 << random.below(12);
    let size = 1 + random.below((len - at as u64).min(most)) as usize;
    match random.below(11) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.below(256) as u8,
        2 => put(bytes, at, &little(random)),
        3 => {
            let mut number = little(random);
            number.reverse();
            put(bytes, at, &number);
        }
        4 => drop(bytes.drain(at..at + size)),
        5 => {
            let piece = bytes[at..at + size].to_vec();
            let to = random.below(len) as usize;
            bytes.splice(to..to, piece);
        }
        6 => {
            let piece = bytes[at..at + size].to_vec();
            let to = random.below(len) as usize;
            put(bytes, to, &piece);
        }
        7 => {
            let other = pick(seeds, random);
            let from = random.below(other.len() as u64) as usize;
            let piece = &other[from..other.len().min(from + size)];
            put(bytes, at, piece);
        }
        8 => put(bytes, at, pick::<&[u8]>(&TEXTS, random)),
        9 => {
            let text = pick::<&[u8]>(&TEXTS, random).to_vec();
            bytes.splice(at..at, text.repeat(1 << random.below(10)));
        }
        _ if random.below(4) == 0 => bytes.truncate(at),
        // Digits of a number that is written as text.
        _ => bytes[at..]
            .iter_mut()
            .skip_while(|byte| !byte.is_ascii_digit())
            .take_while(|byte| byte.is_ascii_digit())
            .for_each(|byte| *byte = b'7'),
    }
}

/// A number of one to eight bytes, least first.
fn little(random: &mut Random) -> Vec<u8> {
    let number = pick(&NUMBERS, random).to_le_bytes();
    number[..1 << random.below(4)].to_vec()
}

fn put(bytes: &mut [u8], at: usize, piece: &[u8]) {
    let count = piece.len().min(bytes.len() - at);
    bytes[at..at + count].copy_from_slice(&piece[..count]);
}

/// Gives everything that looks like a tar header the checksum it should have, wherever it lies.
fn mend_tar(bytes: &mut [u8]) {
    const MAGIC: &[u8] = b"ustar";
    const MAGIC_AT: usize = 257;
    let starts: Vec<usize> =
        bytes.windows(MAGIC.len()).enumerate().filter(|(_, piece)| *piece == MAGIC).map(|(at, _)| at).collect();
    for start in starts.into_iter().filter_map(|at| at.checked_sub(MAGIC_AT)) {
        let Some(block) = bytes.get_mut(start..start + 512) else { continue };
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

/// As one of the codecs packs it; most cases stay plain.
fn packed(bytes: &[u8], codec: u64) -> Vec<u8> {
    match codec {
        0 => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).expect("pack");
            encoder.finish().expect("pack")
        }
        1 => zstd::encode_all(bytes, 1).expect("pack"),
        2 => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
            encoder.write_all(bytes).expect("pack");
            encoder.finish().expect("pack")
        }
        _ => bytes.to_vec(),
    }
}
