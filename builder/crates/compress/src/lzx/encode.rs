//! Packs a part of a folder. Parts are packed independently of each other, so that they can be packed in parallel and kept: each
//! ends in a block whose codes are known from its last two bytes, so that the next one knows what its own first codes differ from.

use super::parse::{main_symbol, Costs, Frequencies, Item, Parser};
use super::{
    e8, extra_bits, huffman, ALIGNED, ALIGNED_OFFSET, BLOCK_LENGTH_BITS, FRAME, LENGTHS, LITERALS, LONG, MOST_MAIN, PRETREE,
    RECENT, SLOT_BASE, STORED, VERBATIM,
};

/// The window of what is written: the largest, 2 MiB.
pub const WINDOW_BITS: u32 = 21;
/// How far back a part refers, in plain bytes.
pub const HISTORY: usize = 1 << WINDOW_BITS;
/// The size that calls are translated by: Microsoft's own.
const CALLS: i32 = 12_000_000;
/// Plain bytes of a block.
const BLOCK: usize = 3 * FRAME;
/// Plain bytes of the block that ends a part.
const TAIL: usize = 2;
/// Codes are limited to so many bits.
const LONGEST_CODE: usize = 16;
const LONGEST_PRETREE: usize = 15;
const LONGEST_ALIGNED: usize = 7;

/// A packed frame.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The frame's bytes in the cabinet.
    pub packed: Vec<u8>,
    /// Its length before it was packed.
    pub plain_len: usize,
}

/// Packs parts of folders, one after another; kept for its tables.
pub struct Encoder {
    parser: Parser,
    items: Vec<Item>,
}

impl Default for Encoder {
    fn default() -> Self {
        Encoder { parser: Parser::new(HISTORY), items: Vec::new() }
    }
}

/// A part of a folder: whole frames, but for the folder's last one.
pub struct Part {
    /// The plain text, behind what lies before it in the folder as far back as [`HISTORY`].
    pub text: Vec<u8>,
    /// How much of the text lies before the part: whole frames.
    pub history: usize,
    /// Where the part begins in its folder.
    pub place: u64,
    /// The folder ends with it.
    pub last: bool,
}

impl Encoder {
    /// Packs one part.
    pub fn frames(&mut self, part: Part) -> Vec<Frame> {
        let Part { mut text, history, place, last } = part;
        for (number, frame) in text.chunks_mut(FRAME).enumerate() {
            e8::translate(frame, place - history as u64 + (number * FRAME) as u64, CALLS);
        }
        let end = if last { text.len() } else { text.len() - TAIL };
        let mut out = Writer::new(&text[..history]);
        if history == 0 {
            out.bits.put(1, 1);
            out.bits.put(CALLS as u32 >> 16, 16);
            out.bits.put(CALLS as u32 & 0xFFFF, 16);
        }
        self.parser.begin(&text, history);
        // Nothing is known of the offsets that the part before used.
        let mut recent = [0; RECENT];
        let mut costs: Option<Costs> = None;
        let mut start = history;
        while start < end {
            let stop = (start + BLOCK).min(end);
            let block = &text[start..stop];
            self.parser.find(&text, start, stop);
            let passes = if costs.is_some() { 2 } else { 3 };
            let mut now = costs.take().unwrap_or_else(|| Costs::guess(block));
            let mut codes = None;
            for _ in 0..passes {
                self.parser.cheapest(&text, start, stop, recent, &now, &mut self.items);
                let frequencies = Frequencies::count(&self.items, block);
                let made = Codes::new(&frequencies);
                now = Costs::of(&frequencies, made.kind == ALIGNED_OFFSET);
                codes = Some(made);
            }
            costs = Some(now);
            recent = out.block(&self.items, codes.as_ref(), block, recent);
            start = stop;
        }
        if !last {
            out.tail(&text[end..]);
        }
        out.finish()
    }
}

/// The codes of one block.
struct Codes {
    kind: u32,
    main: [u8; MOST_MAIN],
    lengths: [u8; LENGTHS],
    aligned: [u8; ALIGNED],
    /// Bits of all symbols and what belongs to them, without the codes themselves.
    bits: u64,
}

impl Codes {
    fn new(frequencies: &Frequencies) -> Self {
        let mut codes = Codes { kind: VERBATIM, main: [0; MOST_MAIN], lengths: [0; LENGTHS], aligned: [0; ALIGNED], bits: 0 };
        huffman::lengths(&frequencies.main, LONGEST_CODE, &mut codes.main);
        huffman::lengths(&frequencies.lengths, LONGEST_CODE, &mut codes.lengths);
        huffman::lengths(&frequencies.aligned, LONGEST_ALIGNED, &mut codes.aligned);
        let sum = |frequencies: &[u32], lengths: &[u8]| -> u64 {
            frequencies.iter().zip(lengths).map(|(&frequency, &length)| u64::from(frequency) * u64::from(length)).sum()
        };
        let extra = frequencies.main[LITERALS..]
            .iter()
            .enumerate()
            .map(|(symbol, &frequency)| u64::from(frequency) * u64::from(extra_bits(symbol / 8)));
        codes.bits = sum(&frequencies.main, &codes.main) + sum(&frequencies.lengths, &codes.lengths) + extra.sum::<u64>();
        let plain: u64 = frequencies.aligned.iter().map(|&frequency| 3 * u64::from(frequency)).sum();
        let coded = sum(&frequencies.aligned, &codes.aligned) + 3 * ALIGNED as u64;
        if coded < plain && codes.aligned.iter().any(|&length| length > 0) {
            codes.kind = ALIGNED_OFFSET;
            codes.bits -= plain - coded;
        }
        codes
    }
}

/// Writes blocks, and cuts what is written into frames.
struct Writer {
    bits: Bits,
    frames: Vec<Frame>,
    /// Plain bytes of the current frame.
    plain_len: usize,
    /// Lengths of the last codes.
    main: [u8; MOST_MAIN],
    lengths: [u8; LENGTHS],
}

impl Writer {
    /// For a part behind this text.
    fn new(history: &[u8]) -> Self {
        let mut writer =
            Writer { bits: Bits::default(), frames: Vec::new(), plain_len: 0, main: [0; MOST_MAIN], lengths: [0; LENGTHS] };
        if !history.is_empty() {
            writer.main = tail_code(&history[history.len() - TAIL..]);
        }
        writer
    }

    /// Writes a block, stored where that takes less; the recent offsets behind it.
    fn block(&mut self, items: &[Item], codes: Option<&Codes>, text: &[u8], recent: [u32; RECENT]) -> [u32; RECENT] {
        // What the codes themselves take, most often less.
        const CODES: u64 = 256;
        match codes {
            Some(codes) if codes.bits / 8 + CODES < text.len() as u64 || text.len() < CODES as usize => {
                self.coded(items, codes, text);
                items.iter().fold(recent, |recent, item| item.recent_after(recent))
            }
            _ => self.stored(text, recent),
        }
    }

    fn head(&mut self, kind: u32, len: usize) {
        self.bits.put(kind, 3);
        self.bits.put(len as u32 >> 8, BLOCK_LENGTH_BITS - 8);
        self.bits.put(len as u32 & 0xFF, 8);
    }

    fn coded(&mut self, items: &[Item], codes: &Codes, text: &[u8]) {
        self.head(codes.kind, text.len());
        if codes.kind == ALIGNED_OFFSET {
            codes.aligned.iter().for_each(|&length| self.bits.put(u32::from(length), 3));
        }
        write_lengths(&mut self.bits, &self.main[..LITERALS], &codes.main[..LITERALS]);
        write_lengths(&mut self.bits, &self.main[LITERALS..], &codes.main[LITERALS..]);
        write_lengths(&mut self.bits, &self.lengths, &codes.lengths);
        (self.main, self.lengths) = (codes.main, codes.lengths);
        let (mut main, mut lengths, mut aligned) = ([0; MOST_MAIN], [0; LENGTHS], [0; ALIGNED]);
        huffman::codes(&codes.main, &mut main);
        huffman::codes(&codes.lengths, &mut lengths);
        huffman::codes(&codes.aligned, &mut aligned);
        let mut at = 0;
        for item in items {
            let len = item.len();
            if len == 1 {
                let byte = usize::from(text[at]);
                self.bits.put(u32::from(main[byte]), u32::from(codes.main[byte]));
            } else {
                let slot = item.slot();
                let symbol = main_symbol(slot, len);
                self.bits.put(u32::from(main[symbol]), u32::from(codes.main[symbol]));
                if len >= LONG {
                    self.bits.put(u32::from(lengths[len - LONG]), u32::from(codes.lengths[len - LONG]));
                }
                let (extra, within) = (extra_bits(slot), item.place() - SLOT_BASE[slot]);
                if codes.kind == ALIGNED_OFFSET && extra >= 3 {
                    self.bits.put(within >> 3, extra - 3);
                    let low = within as usize % ALIGNED;
                    self.bits.put(u32::from(aligned[low]), u32::from(codes.aligned[low]));
                } else {
                    self.bits.put(within, extra);
                }
            }
            at += len;
            self.passed(len);
        }
    }

    /// Whole frames, or the last ones of a part or folder.
    fn stored(&mut self, text: &[u8], recent: [u32; RECENT]) -> [u32; RECENT] {
        let recent = recent.map(|offset| offset.max(1));
        self.head(STORED, text.len());
        self.bits.pad_with_a_bit();
        for offset in recent {
            self.bits.bytes.extend_from_slice(&offset.to_le_bytes());
        }
        for frame in text.chunks(FRAME) {
            self.bits.bytes.extend_from_slice(frame);
            if text.len() % 2 == 1 && frame.len() < FRAME {
                self.bits.bytes.push(0);
            }
            self.passed(frame.len());
        }
        recent
    }

    /// The block that ends a part: two literals.
    fn tail(&mut self, text: &[u8]) {
        let code = tail_code(text);
        let mut codes = Codes { kind: VERBATIM, main: code, lengths: [0; LENGTHS], aligned: [0; ALIGNED], bits: 0 };
        codes.bits = TAIL as u64;
        self.coded(&[Item::literal(); TAIL], &codes, text);
    }

    fn passed(&mut self, plain: usize) {
        self.plain_len += plain;
        if self.plain_len == FRAME {
            self.end_frame();
        }
    }

    fn end_frame(&mut self) {
        self.bits.pad();
        let packed = std::mem::take(&mut self.bits.bytes);
        self.frames.push(Frame { packed, plain_len: std::mem::take(&mut self.plain_len) });
    }

    fn finish(mut self) -> Vec<Frame> {
        if self.plain_len > 0 {
            self.end_frame();
        }
        self.frames
    }
}

/// The main code of two literals.
fn tail_code(text: &[u8]) -> [u8; MOST_MAIN] {
    let mut code = [0; MOST_MAIN];
    let mut frequencies = [0; MOST_MAIN];
    text.iter().for_each(|&byte| frequencies[usize::from(byte)] += 1);
    huffman::lengths(&frequencies, LONGEST_CODE, &mut code);
    code
}

/// Writes the lengths of a code as their differences to the ones before, runs of them in one.
fn write_lengths(bits: &mut Bits, before: &[u8], now: &[u8]) {
    // A symbol of the pretree, its extra bits and how many, and a second symbol.
    let mut symbols: Vec<(u8, u32, u32, Option<u8>)> = Vec::with_capacity(now.len());
    let mut at = 0;
    while at < now.len() {
        let run = now[at..].iter().take_while(|&&length| length == now[at]).count();
        let difference = (before[at] + 17 - now[at]) % 17;
        let (symbol, taken) = match (now[at], run) {
            (0, 20..) => ((18, run.min(51) as u32 - 20, 5, None), run.min(51)),
            (0, 4..) => ((17, run.min(19) as u32 - 4, 4, None), run.min(19)),
            (1.., 4..) => ((19, run.min(5) as u32 - 4, 1, Some(difference)), run.min(5)),
            _ => ((difference, 0, 0, None), 1),
        };
        symbols.push(symbol);
        at += taken;
    }
    let mut frequencies = [0; PRETREE];
    for (symbol, _, _, second) in &symbols {
        frequencies[usize::from(*symbol)] += 1;
        second.iter().for_each(|&second| frequencies[usize::from(second)] += 1);
    }
    let (mut lengths, mut codes) = ([0; PRETREE], [0; PRETREE]);
    huffman::lengths(&frequencies, LONGEST_PRETREE, &mut lengths);
    huffman::codes(&lengths, &mut codes);
    lengths.iter().for_each(|&length| bits.put(u32::from(length), 4));
    let put =
        |bits: &mut Bits, symbol: u8| bits.put(u32::from(codes[usize::from(symbol)]), u32::from(lengths[usize::from(symbol)]));
    for (symbol, extra, count, second) in symbols {
        put(bits, symbol);
        bits.put(extra, count);
        if let Some(second) = second {
            put(bits, second);
        }
    }
}

/// 16-bit little-endian words, their most significant bit first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u64,
    count: u32,
}

impl Bits {
    /// Up to 17 bits.
    #[inline]
    fn put(&mut self, value: u32, count: u32) {
        self.held = self.held << count | u64::from(value);
        self.count += count;
        while self.count >= 16 {
            self.count -= 16;
            self.bytes.extend_from_slice(&((self.held >> self.count) as u16).to_le_bytes());
        }
    }

    /// Fills the last word with zeros.
    fn pad(&mut self) {
        if self.count > 0 {
            self.put(0, 16 - self.count);
        }
    }

    /// The same, by a whole word where there is nothing to fill.
    fn pad_with_a_bit(&mut self) {
        self.put(0, 16 - self.count);
    }
}
