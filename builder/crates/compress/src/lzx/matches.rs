//! Finds earlier text like the one at a position: binary trees, one for each hash of four bytes, and the last places of two and three.

use super::LONGEST;

/// A match: its length, and how far back it begins.
#[derive(Clone, Copy)]
pub struct Match {
    pub len: u16,
    pub offset: u32,
}

const HASH4_BITS: u32 = 17;
const HASH3_BITS: u32 = 15;
/// Matches of two and three bytes from further away cost more than literals.
const FAR2: usize = 1 << 11;
const FAR3: usize = 1 << 16;
/// Nodes of a tree that are looked at, and those where nothing is searched for.
const DEPTH: u32 = 10;
const SKIP_DEPTH: u32 = 4;
/// A match of this length is good enough.
pub const NICE: usize = 64;

/// The trees of one text. Places are kept with 1 added: 0 is none.
pub struct Finder {
    window: usize,
    /// For each place, by its last bits: the subtrees of what is less and of what is greater.
    children: Vec<u32>,
    heads4: Vec<u32>,
    heads3: Vec<u32>,
    heads2: Vec<u32>,
}

impl Finder {
    /// For a window of so many bytes, a power of two.
    pub fn new(window: usize) -> Self {
        Finder {
            window,
            children: vec![0; 2 * window],
            heads4: vec![0; 1 << HASH4_BITS],
            heads3: vec![0; 1 << HASH3_BITS],
            heads2: vec![0; 1 << 16],
        }
    }

    /// Forgets everything: another text begins.
    pub fn clear(&mut self) {
        [&mut self.heads4, &mut self.heads3, &mut self.heads2].into_iter().for_each(|heads| heads.fill(0));
    }

    /// Takes up the place without a search.
    pub fn skip(&mut self, text: &[u8], at: usize) {
        self.find(text, at, SKIP_DEPTH, &mut Vec::new(), false);
    }

    /// Takes up the place, and appends matches in the order of their lengths.
    pub fn matches(&mut self, text: &[u8], at: usize, found: &mut Vec<Match>) {
        self.find(text, at, DEPTH, found, true);
    }

    #[inline(always)]
    fn find(&mut self, text: &[u8], at: usize, mut depth: u32, found: &mut Vec<Match>, wanted: bool) {
        let most = LONGEST.min(text.len() - at);
        if most < 4 {
            return;
        }
        let word = u32::from_le_bytes([text[at], text[at + 1], text[at + 2], text[at + 3]]);
        let mark = at as u32 + 1;
        let before2 = std::mem::replace(&mut self.heads2[(word & 0xFFFF) as usize], mark) as usize;
        let hash3 = (word << 8).wrapping_mul(0x9E37_79B1) >> (32 - HASH3_BITS);
        let before3 = std::mem::replace(&mut self.heads3[hash3 as usize], mark) as usize;
        let mut node = std::mem::replace(&mut self.heads4[hash4(word)], mark) as usize;
        if most > 4 {
            let next = u32::from_le_bytes([text[at + 1], text[at + 2], text[at + 3], text[at + 4]]);
            let root = (self.heads4[hash4(next)] as usize).max(1) - 1;
            fetch(&self.children, 2 * (root & (self.window - 1)));
            fetch(text, root);
        }
        let mut best = 1;
        if wanted {
            for (before, far, shortest) in [(before2, FAR2, 2), (before3, FAR3, 3)] {
                if before != 0 && at + 1 - before <= far && best < most {
                    let len = common(text, before - 1, at, 0, most);
                    if len >= shortest && len > best {
                        best = len;
                        found.push(Match { len: len as u16, offset: (at + 1 - before) as u32 });
                    }
                }
            }
        }
        best = best.max(3);
        let farthest = self.window - 3;
        let mask = self.window - 1;
        let (mut less, mut greater) = (2 * (at & mask), 2 * (at & mask) + 1);
        let (mut len_less, mut len_greater) = (0, 0);
        loop {
            if node == 0 || at + 1 - node > farthest || depth == 0 {
                (self.children[less], self.children[greater]) = (0, 0);
                return;
            }
            depth -= 1;
            let place = node - 1;
            let pair = 2 * (place & mask);
            fetch(&self.children, pair);
            let len = common(text, place, at, len_less.min(len_greater), most);
            if len > best {
                best = len;
                if wanted {
                    found.push(Match { len: len as u16, offset: (at - place) as u32 });
                }
            }
            if len >= NICE || len == most {
                (self.children[less], self.children[greater]) = (self.children[pair], self.children[pair + 1]);
                return;
            }
            if text[place + len] < text[at + len] {
                self.children[less] = node as u32;
                less = pair + 1;
                node = self.children[less] as usize;
                len_less = len;
            } else {
                self.children[greater] = node as u32;
                greater = pair;
                node = self.children[greater] as usize;
                len_greater = len;
            }
        }
    }
}

/// The tree of a place's four bytes.
#[inline]
fn hash4(word: u32) -> usize {
    (word.wrapping_mul(0x9E37_79B1) >> (32 - HASH4_BITS)) as usize
}

/// Has the processor bring what will be read soon: the trees and the text are larger than its caches, and waiting for them is an eighth of
/// the time. Nothing depends on it.
#[inline]
fn fetch<T>(all: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(wanted) = all.get(at) {
        use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};
        // SAFETY: every x86-64 has the instruction, which reads nothing into the program; the address is one of the slice's.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(wanted).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (all, at);
}

/// How many bytes are the same at both places, `known` of which are known to be; at most `most`.
#[inline]
pub fn common(text: &[u8], before: usize, at: usize, known: usize, most: usize) -> usize {
    let (one, other) = (&text[before..before + most], &text[at..at + most]);
    let mut len = known;
    while let (Some(a), Some(b)) = (one.get(len..len + 8), other.get(len..len + 8)) {
        let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap_or_default());
        let differ = word(a) ^ word(b);
        if differ != 0 {
            return len + differ.trailing_zeros() as usize / 8;
        }
        len += 8;
    }
    while len < most && one[len] == other[len] {
        len += 1;
    }
    len
}
