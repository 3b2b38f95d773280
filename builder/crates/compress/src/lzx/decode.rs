//! Unpacks a folder, frame by frame. Whatever the bytes are, memory is bounded by the window and work by the frames' plain length.

use super::{
    e8, extra_bits, slots, ALIGNED, ALIGNED_OFFSET, BLOCK_LENGTH_BITS, FRAME, LENGTHS, LENGTH_HEADERS, LITERALS, LONG, MOST_MAIN,
    OFFSET_BIAS, PRETREE, RECENT, SHORTEST, SLOT_BASE, STORED, VERBATIM, WINDOW_BITS,
};
use base::error::{Error, Result};

/// The state between the frames of one folder.
pub struct Decoder {
    window: usize,
    main_symbols: usize,
    /// The text so far, at least as far back as the window reaches.
    text: Vec<u8>,
    /// Plain bytes of the folder so far.
    place: u64,
    /// The size that calls are translated by; `None` where they are not.
    calls: Option<i32>,
    recent: [u32; RECENT],
    block: Block,
    /// Lengths of the codes of the last block that had any.
    main_lengths: [u8; MOST_MAIN],
    length_lengths: [u8; LENGTHS],
    main: Code,
    lengths: Code,
    aligned: Code,
}

/// What is left of the current block.
#[derive(Clone, Copy)]
struct Block {
    kind: u32,
    left: usize,
    /// A stored block of an odd length has a byte behind it that means nothing.
    padded: bool,
}

impl Decoder {
    /// For a folder with a window of so many bits.
    ///
    /// # Errors
    /// There is no such window.
    pub fn new(window_bits: u32) -> Result<Self> {
        if !WINDOW_BITS.contains(&window_bits) {
            return Err(Error::new(format!("LZX has no window of {window_bits} bits")));
        }
        Ok(Decoder {
            window: 1 << window_bits,
            main_symbols: LITERALS + slots(window_bits) * LENGTH_HEADERS,
            text: Vec::new(),
            place: 0,
            calls: None,
            recent: [1; RECENT],
            block: Block { kind: VERBATIM, left: 0, padded: false },
            main_lengths: [0; MOST_MAIN],
            length_lengths: [0; LENGTHS],
            main: Code::default(),
            lengths: Code::default(),
            aligned: Code::default(),
        })
    }

    /// Unpacks one frame of `plain_len` bytes.
    ///
    /// # Errors
    /// The frame is damaged. Nothing can be unpacked behind it then.
    pub fn frame(&mut self, packed: &[u8], plain_len: usize) -> Result<Vec<u8>> {
        if plain_len > FRAME {
            return Err(Error::new(format!("an LZX frame has {plain_len} bytes")));
        }
        if self.text.len() >= 2 * self.window {
            self.text.drain(..self.text.len() - self.window);
        }
        let mut bits = Bits::new(packed);
        if self.place == 0 && plain_len > 0 && bits.take(1) == 1 {
            let high = bits.take(16);
            self.calls = Some((high << 16 | bits.take(16)) as i32);
        }
        let start = self.text.len();
        let end = start + plain_len;
        while self.text.len() < end {
            if self.block.left == 0 {
                self.begin_block(&mut bits)?;
                continue;
            }
            let now = self.block.left.min(end - self.text.len());
            match self.block.kind {
                STORED => self.text.extend_from_slice(bits.bytes(now)?),
                _ => self.symbols(&mut bits, now)?,
            }
            self.block.left -= now;
            if self.block.kind == STORED && self.block.left == 0 && self.block.padded {
                self.block.padded = bits.bytes(1).is_err();
            }
        }
        if bits.overran() {
            return Err(ends_early());
        }
        let mut plain = self.text[start..].to_vec();
        if let Some(size) = self.calls {
            e8::undo(&mut plain, self.place, size);
        }
        self.place += plain_len as u64;
        Ok(plain)
    }

    fn begin_block(&mut self, bits: &mut Bits) -> Result<()> {
        if std::mem::take(&mut self.block.padded) {
            bits.bytes(1)?;
        }
        let kind = bits.take(3);
        let high = bits.take(BLOCK_LENGTH_BITS - 8);
        let len = (high << 8 | bits.take(8)) as usize;
        match kind {
            VERBATIM => {}
            ALIGNED_OFFSET => {
                let mut lengths = [0; ALIGNED];
                lengths.iter_mut().for_each(|length| *length = bits.take(3) as u8);
                self.aligned.set(&lengths)?;
            }
            STORED => {
                bits.align();
                let offsets = bits.bytes(4 * RECENT)?;
                for (recent, bytes) in self.recent.iter_mut().zip(offsets.chunks_exact(4)) {
                    *recent = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                }
            }
            other => return Err(Error::new(format!("an LZX block is of the unknown type {other}"))),
        }
        if kind != STORED {
            let (literals, matches) = self.main_lengths[..self.main_symbols].split_at_mut(LITERALS);
            read_lengths(bits, literals)?;
            read_lengths(bits, matches)?;
            self.main.set(&self.main_lengths[..self.main_symbols])?;
            read_lengths(bits, &mut self.length_lengths)?;
            self.lengths.set(&self.length_lengths)?;
        }
        if bits.overran() {
            return Err(ends_early());
        }
        self.block = Block { kind, left: len, padded: kind == STORED && len % 2 == 1 };
        Ok(())
    }

    /// Unpacks `count` bytes of a block that has codes.
    fn symbols(&mut self, bits: &mut Bits, count: usize) -> Result<()> {
        let end = self.text.len() + count;
        let aligned = self.block.kind == ALIGNED_OFFSET;
        while self.text.len() < end {
            let symbol = self.main.read(bits)?;
            let Some(symbol) = symbol.checked_sub(LITERALS) else {
                self.text.push(symbol as u8);
                continue;
            };
            let mut len = symbol % LENGTH_HEADERS + SHORTEST;
            if len == LONG {
                len += self.lengths.read(bits)?;
            }
            let offset = self.offset(symbol / LENGTH_HEADERS, aligned, bits)?;
            if len > end - self.text.len() {
                return Err(Error::new("an LZX match goes on behind the end of its frame or block"));
            }
            self.copy(offset as usize, len)?;
        }
        Ok(())
    }

    fn offset(&mut self, slot: usize, aligned: bool, bits: &mut Bits) -> Result<u32> {
        if slot < RECENT {
            self.recent.swap(0, slot);
            return Ok(self.recent[0]);
        }
        let extra = extra_bits(slot);
        let within = match aligned && extra >= 3 {
            true => bits.take(extra - 3) << 3 | self.aligned.read(bits)? as u32,
            false => bits.take(extra),
        };
        let offset = SLOT_BASE[slot] + within - OFFSET_BIAS;
        self.recent = [offset, self.recent[0], self.recent[1]];
        Ok(offset)
    }

    fn copy(&mut self, offset: usize, len: usize) -> Result<()> {
        let at = self.text.len();
        if offset == 0 || offset > at.min(self.window) {
            return Err(Error::new("an LZX match refers to what lies outside of its window"));
        }
        let from = at - offset;
        if offset >= len {
            self.text.extend_from_within(from..from + len);
        } else {
            for index in from..from + len {
                self.text.push(self.text[index]);
            }
        }
        Ok(())
    }
}

fn ends_early() -> Error {
    Error::new("an LZX frame ends too early")
}

/// Reads the lengths of a code's symbols, each as its difference to the one before.
fn read_lengths(bits: &mut Bits, lengths: &mut [u8]) -> Result<()> {
    let mut pretree = [0; PRETREE];
    pretree.iter_mut().for_each(|length| *length = bits.take(4) as u8);
    let mut code = Code::default();
    code.set(&pretree)?;
    let mut at = 0;
    while at < lengths.len() {
        let (count, length) = match code.read(bits)? {
            17 => (4 + bits.take(4), 0),
            18 => (20 + bits.take(5), 0),
            19 => {
                let count = 4 + bits.take(1);
                (count, changed(lengths[at], code.read(bits)?)?)
            }
            difference => (1, changed(lengths[at], difference)?),
        };
        let run = lengths.get_mut(at..at + count as usize);
        run.ok_or_else(|| Error::new("the lengths of an LZX code go beyond its symbols"))?.fill(length);
        at += count as usize;
    }
    Ok(())
}

fn changed(length: u8, difference: usize) -> Result<u8> {
    match difference {
        0..=16 => Ok((length + 17 - difference as u8) % 17),
        _ => Err(Error::new("an LZX code has a length that there is not")),
    }
}

/// A canonical prefix code of at most 16 bits.
#[derive(Default)]
struct Code {
    /// By the next bits: the symbol and its length, 0 where the code is longer or there is none.
    short: Vec<u16>,
    /// For each length: the first code behind those of this length, its bits moved to the left of 16.
    limits: [u32; 17],
    /// For each length: what to add to a code to have its symbol's index in `sorted`.
    shifts: [i32; 17],
    /// Symbols in the order of their codes.
    sorted: Vec<u16>,
}

/// Bits by which short codes are looked up.
const SHORT: u32 = 10;

impl Code {
    /// Takes the code of these lengths; one without symbols may not be used.
    fn set(&mut self, lengths: &[u8]) -> Result<()> {
        let mut counts = [0_u32; 17];
        lengths.iter().for_each(|&length| counts[usize::from(length)] += 1);
        counts[0] = 0;
        let (mut code, mut index, mut next) = (0_u32, 0_u32, [0_usize; 17]);
        for length in 1..=16 {
            next[length] = index as usize;
            self.shifts[length] = index as i32 - (code >> (16 - length)) as i32;
            code += counts[length] << (16 - length);
            index += counts[length];
            self.limits[length] = code;
        }
        if code != 1 << 16 && code != 0 {
            return Err(Error::new("an LZX code is not complete"));
        }
        self.sorted.clear();
        self.sorted.resize(index as usize, 0);
        for (symbol, &length) in lengths.iter().enumerate().filter(|(_, &length)| length > 0) {
            let place = &mut next[usize::from(length)];
            self.sorted[*place] = symbol as u16;
            *place += 1;
        }
        self.short.clear();
        self.short.resize(1 << SHORT, 0);
        let (mut at, mut index) = (0, 0);
        for length in 1..=SHORT {
            let each = 1 << (SHORT - length);
            for _ in 0..counts[length as usize] {
                self.short[at..at + each].fill(self.sorted[index] << 4 | length as u16);
                at += each;
                index += 1;
            }
        }
        Ok(())
    }

    fn read(&self, bits: &mut Bits) -> Result<usize> {
        let word = bits.peek16();
        let entry = self.short.get((word >> (16 - SHORT)) as usize).copied().unwrap_or(0);
        if entry != 0 {
            bits.skip(u32::from(entry & 15));
            return Ok(usize::from(entry >> 4));
        }
        let length = (SHORT as usize + 1..=16).find(|&length| word < self.limits[length]);
        let length = length.ok_or_else(|| Error::new("an LZX code without symbols is used"))?;
        bits.skip(length as u32);
        let index = (word >> (16 - length)) as i32 + self.shifts[length];
        let symbol = self.sorted.get(index as usize).copied();
        symbol.map(usize::from).ok_or_else(|| Error::new("an LZX code that is not complete is used"))
    }
}

/// A frame's bits: 16-bit little-endian words, their most significant bit first.
struct Bits<'a> {
    bytes: &'a [u8],
    /// The next byte to take up, and the first one that was read as bits.
    at: usize,
    from: usize,
    held: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Bits { bytes, at: 0, from: 0, held: 0, count: 0 }
    }

    /// Takes up words until 16 bits can be had; zeros behind the end, which [`Bits::overran`] tells.
    #[inline]
    fn fill(&mut self) {
        while self.count < 32 {
            let word = match self.bytes.get(self.at..self.at + 2) {
                Some(word) => u16::from_le_bytes([word[0], word[1]]),
                None => 0,
            };
            self.held = self.held << 16 | u64::from(word);
            self.at += 2;
            self.count += 16;
        }
    }

    /// The next 16 bits.
    #[inline]
    fn peek16(&mut self) -> u32 {
        if self.count < 16 {
            self.fill();
        }
        (self.held >> (self.count - 16)) as u32 & 0xFFFF
    }

    #[inline]
    fn skip(&mut self, count: u32) {
        self.count -= count;
    }

    /// Up to 17 bits.
    #[inline]
    fn take(&mut self, count: u32) -> u32 {
        if self.count < count {
            self.fill();
        }
        self.count -= count;
        (self.held >> self.count) as u32 & ((1 << count) - 1)
    }

    /// Where the next bit is, in bits from the first one.
    fn consumed(&self) -> usize {
        8 * (self.at - self.from) - self.count as usize
    }

    /// Whether more was read than there is.
    fn overran(&self) -> bool {
        8 * self.from + self.consumed() > 8 * self.bytes.len()
    }

    /// Goes to the next word, to the one behind it where it is at a word already.
    fn align(&mut self) {
        let at = self.from + 2 * (self.consumed() / 16 + 1);
        self.resume(at);
    }

    fn resume(&mut self, at: usize) {
        (self.at, self.from, self.held, self.count) = (at, at, 0, 0);
    }

    /// Whole bytes, where no bits are under way.
    fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let bytes = self.bytes.get(self.at..self.at.saturating_add(count)).ok_or_else(ends_early)?;
        self.resume(self.at + count);
        Ok(bytes)
    }
}
