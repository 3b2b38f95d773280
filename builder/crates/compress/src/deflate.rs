//! Deflate streams (RFC 1951) that do not end: the last block of a whole stream is told that others follow.
//!
//! libdeflate makes whole streams only, but quicker than any encoder that can leave one open. Where its last block begins is
//! nowhere written, so the stream is walked from code to code, without unpacking it.

/// Symbols of the literal/length alphabet (section 3.2.5): end of block, and the first length.
const END: usize = 256;
/// Extra bits of the length codes 257 to 285.
const LENGTH_EXTRA: [u8; 29] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
/// Extra bits of the distance codes.
const DISTANCE_EXTRA: [u8; 30] =
    [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
/// The order in which the lengths of code length codes are written (section 3.2.7).
const CODE_LENGTH_ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// The longest code, in bits.
const LONGEST: usize = 15;
/// Bytes that one stored block holds at most.
const STORED: usize = 65_535;

/// Opens the end of a whole deflate stream: its last block loses the mark of the last one, and an empty stored block takes it to
/// a byte boundary. `None` when the bytes are not one whole stream.
pub fn open_end(stream: &mut Vec<u8>) -> Option<()> {
    let (last, end) = Walk { bytes: stream, at: 0 }.blocks()?;
    if end.div_ceil(8) != stream.len() {
        return None;
    }
    stream[last / 8] &= !(1 << (last % 8));
    // What is left of the last byte may hold the three bits of a stored block's header already; they are zeros like the padding.
    if end % 8 == 0 || end % 8 > 5 {
        stream.push(0);
    }
    stream.extend_from_slice(&[0, 0, 0xff, 0xff]);
    Some(())
}

/// Appends `plain` as stored blocks, none of them the last.
pub fn store(plain: &[u8], packed: &mut Vec<u8>) {
    for block in plain.chunks(STORED) {
        let len = block.len() as u16;
        packed.push(0);
        packed.extend_from_slice(&len.to_le_bytes());
        packed.extend_from_slice(&(!len).to_le_bytes());
        packed.extend_from_slice(block);
    }
}

/// What comes next in a member of open-ended units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A unit of so many bytes, its empty stored block included.
    Unit(usize),
    /// So many bytes of a stored block, which is plain already.
    Stored(usize),
    /// The last block.
    End,
}

/// What a unit or block at the beginning of these bytes is; `None` where it does not end in them.
pub fn next_unit(bytes: &[u8]) -> Option<Next> {
    let mut walk = Walk { bytes, at: 0 };
    loop {
        let first = walk.at == 0;
        if walk.take(1)? == 1 {
            return first.then_some(Next::End);
        }
        match walk.take(2)? {
            0 => {
                let data = walk.at.next_multiple_of(8) + 32;
                walk.stored()?;
                let end = walk.at / 8;
                match (first, walk.at == data) {
                    (true, _) => return Some(Next::Stored(end)),
                    (false, true) => return Some(Next::Unit(end)),
                    (false, false) => {}
                }
            }
            1 => walk.symbols(&Codes::fixed()?)?,
            2 => {
                let codes = walk.codes()?;
                walk.symbols(&codes)?;
            }
            _ => return None,
        }
    }
}

/// A position in a stream, in bits.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Walk<'_> {
    /// Where the last block begins and where it ends.
    fn blocks(&mut self) -> Option<(usize, usize)> {
        loop {
            let start = self.at;
            let last = self.take(1)? == 1;
            match self.take(2)? {
                0 => self.stored()?,
                1 => self.symbols(&Codes::fixed()?)?,
                2 => {
                    let codes = self.codes()?;
                    self.symbols(&codes)?;
                }
                _ => return None,
            }
            if last {
                return Some((start, self.at));
            }
        }
    }

    /// At least 56 bits from here on, with zeros behind the end.
    #[inline(always)]
    fn peek(&self) -> u64 {
        let byte = self.at / 8;
        let word = match self.bytes.get(byte..byte + 8) {
            Some(whole) => u64::from_le_bytes(whole.try_into().expect("eight bytes")),
            None => {
                let mut rest = [0; 8];
                let left = self.bytes.get(byte..).unwrap_or_default();
                rest[..left.len()].copy_from_slice(left);
                u64::from_le_bytes(rest)
            }
        };
        word >> (self.at % 8)
    }

    fn take(&mut self, count: usize) -> Option<u32> {
        let bits = (self.peek() & ((1 << count) - 1)) as u32;
        self.at += count;
        (self.at <= 8 * self.bytes.len()).then_some(bits)
    }

    fn stored(&mut self) -> Option<()> {
        self.at = self.at.next_multiple_of(8);
        let len = self.take(16)?;
        let check = self.take(16)?;
        self.at += 8 * len as usize;
        (len ^ check == 0xffff && self.at <= 8 * self.bytes.len()).then_some(())
    }

    /// Reads the two codes of a dynamic block.
    fn codes(&mut self) -> Option<Codes> {
        let literals = self.take(5)? as usize + 257;
        let distances = self.take(5)? as usize + 1;
        let count = self.take(4)? as usize + 4;
        let mut lengths = [0; 19];
        for &symbol in &CODE_LENGTH_ORDER[..count] {
            lengths[symbol] = self.take(3)? as u8;
        }
        let mut code_lengths = [Step::NONE; SHORT_CODES];
        table(&lengths, |symbol| Step { bits: 0, next: symbol as u8 }, &mut code_lengths)?;
        let mut all = [0_u8; 288 + 32];
        let mut filled = 0;
        while filled < literals + distances {
            let step = code_lengths[self.peek() as usize & (SHORT_CODES - 1)];
            self.at += usize::from(step.bits);
            let (length, times) = match step.next {
                16 => (*all.get(filled.checked_sub(1)?)?, 3 + self.take(2)?),
                17 => (0, 3 + self.take(3)?),
                18 => (0, 11 + self.take(7)?),
                length if usize::from(length) <= LONGEST => (length, 1),
                _ => return None,
            };
            let next = filled + times as usize;
            all.get_mut(filled..next)?.fill(length);
            filled = next;
        }
        Codes::new(&all[..literals], &all[literals..literals + distances])
    }

    /// Walks over a block's symbols, behind its end-of-block code.
    ///
    /// Which alphabet the next code is of is looked up like everything else: a branch would be guessed wrong every few symbols.
    fn symbols(&mut self, codes: &Codes) -> Option<()> {
        let end = 8 * self.bytes.len();
        let mut alphabet = LITERALS;
        while self.at < end {
            // A word has 57 bits at least: enough for two steps, of which a distance's is the longest with 15 + 13 bits.
            let mut word = self.peek();
            for _ in 0..2 {
                let mut step = codes.step(alphabet, word);
                if step.next > DISTANCES {
                    if step.next == Step::LONG {
                        step = codes.long_step(alphabet, word);
                    }
                    self.at += usize::from(step.bits);
                    match step.next {
                        Step::END => return (self.at <= end).then_some(()),
                        LITERALS | DISTANCES => {
                            alphabet = step.next;
                            break;
                        }
                        _ => return None,
                    }
                }
                self.at += usize::from(step.bits);
                word >>= step.bits;
                alphabet = step.next;
            }
        }
        None
    }
}

/// The alphabets, as [`Step::next`] names them.
const LITERALS: u8 = 0;
const DISTANCES: u8 = 1;

/// What a code says: how far to go, and what comes next.
#[derive(Clone, Copy)]
struct Step {
    /// Bits of the code and of what belongs to it.
    bits: u8,
    /// The alphabet of the next code, or one of the constants; in the code length alphabet the symbol.
    next: u8,
}

impl Step {
    /// The end of the block.
    const END: u8 = 2;
    /// The code is longer than the table of short ones knows.
    const LONG: u8 = 3;
    /// There is no such code.
    const NONE: Step = Step { bits: 0, next: 255 };
}

fn literal_step(symbol: usize) -> Step {
    match symbol {
        0..END => Step { bits: 0, next: LITERALS },
        END => Step { bits: 0, next: Step::END },
        _ => LENGTH_EXTRA.get(symbol - 257).map_or(Step::NONE, |&bits| Step { bits, next: DISTANCES }),
    }
}

fn distance_step(symbol: usize) -> Step {
    DISTANCE_EXTRA.get(symbol).map_or(Step::NONE, |&bits| Step { bits, next: LITERALS })
}

/// Bits that the tables of short codes are looked up with: both stay in the nearest cache.
const SHORT: usize = 11;
const SHORT_CODES: usize = 1 << SHORT;

/// The two codes of a block, each as two tables: codes up to [`SHORT`] bits, and all codes where there are longer ones.
struct Codes {
    short: Box<[Step; 2 * SHORT_CODES]>,
    all: [Vec<Step>; 2],
}

impl Codes {
    fn new(literals: &[u8], distances: &[u8]) -> Option<Codes> {
        let mut short = Box::new([Step::NONE; 2 * SHORT_CODES]);
        let (first, second) = short.split_at_mut(SHORT_CODES);
        let all = [table(literals, literal_step, first)?, table(distances, distance_step, second)?];
        Some(Codes { short, all })
    }

    /// The fixed codes (section 3.2.6).
    fn fixed() -> Option<Codes> {
        let mut literals = [8; 288];
        literals[144..256].fill(9);
        literals[256..280].fill(7);
        Codes::new(&literals, &[5; 32])
    }

    #[inline(always)]
    fn step(&self, alphabet: u8, word: u64) -> Step {
        let index = usize::from(alphabet) << SHORT | word as usize & (SHORT_CODES - 1);
        self.short[index & (2 * SHORT_CODES - 1)]
    }

    fn long_step(&self, alphabet: u8, word: u64) -> Step {
        let all = &self.all[usize::from(alphabet)];
        all[word as usize & (all.len() - 1)]
    }
}

/// Fills the tables of the canonical code of these lengths (section 3.2.2); `meaning` says what a symbol is. Gives the table of all
/// codes, empty where there are short ones only; `None` when more codes are asked for than there are.
fn table(lengths: &[u8], meaning: impl Fn(usize) -> Step, short: &mut [Step]) -> Option<Vec<Step>> {
    let longest = usize::from(lengths.iter().copied().max().unwrap_or(0));
    let mut counts = [0_u32; LONGEST + 1];
    lengths.iter().for_each(|&length| counts[usize::from(length)] += 1);
    counts[0] = 0;
    let mut next = [0_u32; LONGEST + 2];
    for bits in 1..=LONGEST {
        next[bits + 1] = (next[bits] + counts[bits]) << 1;
        if next[bits] + counts[bits] > 1 << bits {
            return None;
        }
    }
    let mut all = vec![Step::NONE; if longest > SHORT { 1 << longest } else { 0 }];
    for (symbol, &length) in lengths.iter().enumerate().filter(|(_, &length)| length > 0) {
        let bits = usize::from(length);
        let code = (next[bits].reverse_bits() >> (32 - bits)) as usize;
        next[bits] += 1;
        let step = meaning(symbol);
        let step = Step { bits: length + step.bits, next: step.next };
        if bits > SHORT {
            short[code & (SHORT_CODES - 1)] = Step { bits: 0, next: Step::LONG };
            all.iter_mut().skip(code).step_by(1 << bits).for_each(|place| *place = step);
        } else {
            short.iter_mut().skip(code).step_by(1 << bits).for_each(|place| *place = step);
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::super::nature::tests::noise;
    use super::*;
    use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
    use libdeflater::{CompressionLvl, Compressor};

    /// Texts that make each kind of block: dynamic, fixed, stored, long matches, far distances, few symbols.
    fn texts() -> Vec<Vec<u8>> {
        let prose: Vec<u8> = (0..400_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 27) as u8).collect();
        let far = [noise(30_000), vec![0; 2000], noise(30_000)].concat();
        let mixed = [prose.clone(), noise(200_000), vec![b'x'; 500_000], prose.clone()].concat();
        vec![b"a".to_vec(), b"abcabcabc".to_vec(), vec![7; 1_000_000], noise(100_000), prose, far, mixed]
    }

    fn deflated(text: &[u8], level: i32) -> Vec<u8> {
        let mut compressor = Compressor::new(CompressionLvl::new(level).unwrap());
        let mut packed = vec![0; compressor.deflate_compress_bound(text.len())];
        let len = compressor.deflate_compress(text, &mut packed).unwrap();
        packed.truncate(len);
        packed
    }

    #[test]
    fn opened_streams_follow_each_other_as_one() {
        for level in [0, 1, 5, 6, 12] {
            let mut whole = Vec::new();
            let mut packed = Vec::new();
            for text in texts() {
                let mut one = deflated(&text, level);
                open_end(&mut one).unwrap();
                packed.extend(one);
                whole.extend(text);
            }
            packed.extend([3, 0]);
            let mut back = Vec::with_capacity(whole.len() + 1);
            let status = Decompress::new(false).decompress_vec(&packed, &mut back, FlushDecompress::Finish).unwrap();
            assert_eq!(status, Status::StreamEnd, "level {level}");
            assert!(back == whole, "level {level}");
        }
    }

    #[test]
    fn every_way_to_end_within_a_byte_is_mended() {
        let mut ends = std::collections::BTreeSet::new();
        for len in 1..200 {
            let text = noise(len).iter().map(|byte| byte & 15).collect::<Vec<_>>();
            let mut one = deflated(&text, 5);
            ends.insert(Walk { bytes: &one, at: 0 }.blocks().unwrap().1 % 8);
            open_end(&mut one).unwrap();
            one.extend([3, 0]);
            let mut back = Vec::with_capacity(len + 1);
            Decompress::new(false).decompress_vec(&one, &mut back, FlushDecompress::Finish).unwrap();
            assert_eq!(back, text);
        }
        assert_eq!(ends.len(), 8, "{ends:?}");
    }

    #[test]
    fn another_encoder_s_streams_are_walked_too() {
        for text in texts() {
            let mut packed = Vec::with_capacity(text.len() + 1000);
            Compress::new(Compression::best(), false).compress_vec(&text, &mut packed, FlushCompress::Finish).unwrap();
            assert!(open_end(&mut packed).is_some());
        }
    }

    #[test]
    fn what_is_no_whole_stream_is_refused() {
        let packed = deflated(&texts()[6], 5);
        for len in [0, 1, 2, 100, packed.len() - 1] {
            assert!(open_end(&mut packed[..len].to_vec()).is_none(), "{len} bytes");
        }
        assert!(open_end(&mut [packed.clone(), vec![0]].concat()).is_none());
        assert!(open_end(&mut vec![0xff; 100]).is_none());
    }

    #[test]
    fn damaged_streams_end_the_walk() {
        let packed = deflated(&texts()[4], 5);
        for (index, at) in noise(3000).chunks(3).map(|b| u32::from_le_bytes([b[0], b[1], b[2], 0]) as usize).enumerate() {
            let mut damaged = packed.clone();
            damaged[at % packed.len()] ^= 1 << (index % 8);
            // Whatever comes of it: no panic, no endless loop.
            let _ = open_end(&mut damaged);
        }
    }
}
