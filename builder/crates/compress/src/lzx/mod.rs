//! LZX as cabinets have it (MS-CAB, MS-PATCH 2.x): windows of 32 KiB to 2 MiB, frames of 32 KiB, x86 calls translated.
//!
//! A folder's plain text is cut into frames; each is packed to a whole number of 16-bit words, one CFDATA block a frame. What a frame refers
//! to is the folder's text before it, as far back as the window reaches. Blocks, which have codes of their own, may span frames.

mod decode;
mod e8;
mod encode;
mod huffman;
mod matches;
mod parse;

pub use decode::Decoder;
pub use encode::{Encoder, Frame, Part, HISTORY, WINDOW_BITS as WRITTEN_WINDOW_BITS};

/// Plain bytes of a frame; a folder's last one may have less.
pub const FRAME: usize = 32 << 10;
/// The windows that cabinets know, as powers of two.
pub const WINDOW_BITS: std::ops::RangeInclusive<u32> = 15..=21;
/// Literals are the first symbols of the main code; behind them stand offset slots with eight length headers each.
const LITERALS: usize = 256;
const LENGTH_HEADERS: usize = 8;
/// The shortest match, the length that the last header stands for, and the longest match.
const SHORTEST: usize = 2;
const LONG: usize = SHORTEST + LENGTH_HEADERS - 1;
const LONGEST: usize = 257;
/// Symbols of the code for lengths of [`LONG`] and more.
const LENGTHS: usize = LONGEST - LONG + 1;
/// Symbols of the code in which the lengths of other codes are written, and of the code for an offset's three lowest bits.
const PRETREE: usize = 20;
const ALIGNED: usize = 8;
/// Offset slots of the largest window.
const MOST_SLOTS: usize = 50;
const MOST_MAIN: usize = LITERALS + MOST_SLOTS * LENGTH_HEADERS;
/// Slots that stand for the three offsets used last.
const RECENT: usize = 3;
/// What is added to an offset before it is cut into slot and extra bits.
const OFFSET_BIAS: u32 = 2;
/// Block types.
const VERBATIM: u32 = 1;
const ALIGNED_OFFSET: u32 = 2;
const STORED: u32 = 3;
/// Bits of a block's length.
const BLOCK_LENGTH_BITS: u32 = 24;

/// The number of offset slots of a window of this many bits.
const fn slots(window_bits: u32) -> usize {
    match window_bits {
        0..=19 => 2 * window_bits as usize,
        20 => 42,
        _ => MOST_SLOTS,
    }
}

/// How many bits of an offset follow its slot.
const fn extra_bits(slot: usize) -> u32 {
    match slot {
        0..=3 => 0,
        4..=35 => slot as u32 / 2 - 1,
        _ => 17,
    }
}

/// The first biased offset of each slot.
const SLOT_BASE: [u32; MOST_SLOTS + 1] = {
    let mut base = [0; MOST_SLOTS + 1];
    let mut slot = 0;
    while slot < MOST_SLOTS {
        base[slot + 1] = base[slot] + (1 << extra_bits(slot));
        slot += 1;
    }
    base
};

#[cfg(test)]
mod tests;
