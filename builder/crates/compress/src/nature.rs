//! What kind of bytes a unit holds, which decides how much effort they get.

use super::source::{part, Source};
use base::error::Result;
use libdeflater::{CompressionLvl, Compressor};

/// The kind of a content. It depends on the content alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nature {
    /// Anything.
    General,
    /// A program or library for x86, 32 or 64 bits: jump targets compress better when they are made absolute first.
    X86,
    /// Compressed already.
    Dense,
}

/// Bits in a byte above which a sample counts as compressed already.
const DENSE_ENTROPY: f64 = 7.9;
/// How much of a unit is looked at: this many bytes at so many places.
const SAMPLE: u64 = 32 << 10;
const SAMPLES: u64 = 4;

impl Nature {
    /// The nature of a file by its first bytes: an ELF (gABI, "ELF Header") or PE (PE format, "COFF File Header") for x86.
    pub fn of_file(first: &[u8]) -> Nature {
        match is_x86_elf(first) || is_x86_pe(first) {
            true => Nature::X86,
            false => Nature::General,
        }
    }

    /// The nature of one unit out of a file of this nature.
    pub(super) fn of_unit(self, plain: &dyn Source) -> Result<Nature> {
        Ok(if is_dense(plain)? { Nature::Dense } else { self })
    }
}

fn field(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn is_x86_elf(first: &[u8]) -> bool {
    const I386: u16 = 3;
    const X86_64: u16 = 62;
    first.starts_with(b"\x7fELF") && matches!(field(first, 18), Some(I386 | X86_64))
}

fn is_x86_pe(first: &[u8]) -> bool {
    const I386: u16 = 0x14c;
    const AMD64: u16 = 0x8664;
    let Some(header) = first.get(0x3c..0x40) else { return false };
    let header = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
    first.starts_with(b"MZ")
        && first.get(header..).is_some_and(|rest| rest.starts_with(b"PE\0\0"))
        && matches!(field(first, header + 4), Some(I386 | AMD64))
}

/// Whether compressing gains next to nothing: the bytes are spread evenly, and a quick attempt at some of them confirms it.
fn is_dense(plain: &dyn Source) -> Result<bool> {
    if plain.len() < SAMPLE * SAMPLES {
        return Ok(false);
    }
    let mut some = Vec::new();
    for place in 0..SAMPLES {
        let sample = part(plain, (plain.len() - SAMPLE) * place / (SAMPLES - 1), SAMPLE)?;
        if entropy(&sample) < DENSE_ENTROPY {
            return Ok(false);
        }
        some.extend(sample);
    }
    // Repetitions of dense bytes still compress.
    let mut packed = vec![0; some.len()];
    let Ok(quick) = CompressionLvl::new(1) else { return Ok(false) };
    Ok(Compressor::new(quick).deflate_compress(&some, &mut packed).map_or(true, |len| len > some.len() - some.len() / 64))
}

/// Shannon's entropy of the bytes' frequencies, in bits a byte.
fn entropy(sample: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    sample.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    let total = sample.len() as f64;
    counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count) / total).map(|p| -p * p.log2()).sum()
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::source::Bytes;
    use super::*;

    /// Bytes without any pattern (PCG's multiplier).
    pub fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn programs_for_x86_are_known_by_their_headers() {
        let this = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let expected = if cfg!(target_arch = "x86_64") { Nature::X86 } else { Nature::General };
        assert_eq!(Nature::of_file(&this[..4096]), expected);
        let mut pe = vec![0; 256];
        pe[..2].copy_from_slice(b"MZ");
        pe[0x3c] = 0x80;
        pe[0x80..0x86].copy_from_slice(b"PE\0\0\x64\x86");
        assert_eq!(Nature::of_file(&pe), Nature::X86);
        for len in [0, 2, 0x3e, 0x82, 0x85] {
            assert_eq!(Nature::of_file(&pe[..len]), Nature::General, "{len} bytes");
        }
    }

    #[test]
    fn only_what_does_not_compress_is_dense() {
        let general = |plain: &[u8]| Nature::General.of_unit(&Bytes(plain)).unwrap();
        assert_eq!(general(&noise(300_000)), Nature::Dense);
        assert_eq!(Nature::X86.of_unit(&Bytes(&b"some text, again and again. ".repeat(20_000))).unwrap(), Nature::X86);
        assert_eq!(general(&noise(20_000).repeat(15)), Nature::General);
        assert_eq!(general(&noise(1000)), Nature::General);
        let partly = [noise(200_000), b"text ".repeat(40_000)].concat();
        assert_eq!(general(&partly), Nature::General);
    }
}
