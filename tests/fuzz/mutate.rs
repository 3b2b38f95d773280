//! Cases from seeds: damage of the kinds that readers fall over.
use super::targets::inside::{change, Hands};
use super::*;

/// Numbers that lengths, counts and offsets are wrong by.
const NUMBERS: [u64; 12] =
    [0, 1, 2, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_fffe, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, u64::MAX];

/// Pieces of text that mean something to a reader.
pub const TEXTS: [&[u8]; 20] = [
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

/// One case: a seed, changed once to eight times.
pub fn case(target: &str, seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = pick(seeds, random).clone();
    let mut chosen = Random(random.below(u64::MAX));
    for _ in 0..1 << random.below(4) {
        let mut below = |limit: usize| chosen.below(limit as u64) as usize;
        let mut damage = |bytes: &mut Vec<u8>| damage(bytes, seeds, random);
        bytes = change(target, &bytes, &mut Hands { below: &mut below, damage: &mut damage });
    }
    bytes
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
