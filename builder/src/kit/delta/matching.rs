//! A stream as copies out of what the site has, and literals.
//!
//! What can be copied from is known by the hashes of its blocks; a match grows from a block to both sides. Behind a difference the same
//! distance is tried first: most changes replace bytes in place.

use crate::compress::Source;
use crate::error::Result;
use std::io::Write;

/// Bytes of the stream that are looked at in one go; no copy reaches over its end.
const PANE: u64 = 16 << 20;
/// Literals that later files may be copied from.
const POOL: usize = 32 << 20;
/// Blocks that a table knows at most.
const MOST_BLOCKS: u64 = 1 << 20;
/// The shortest block, and with it the shortest match.
const SHORTEST: usize = 32;
/// How many bytes may be replaced in place before the distance is given up, and how many have to be the same behind them.
const REPLACED: usize = 64;
const SAME: usize = 16;

/// The length of blocks for a kit whose largest file has so many bytes.
pub fn block_len(largest: u64) -> usize {
    let least = (largest * 2).div_ceil(MOST_BLOCKS) as usize;
    least.next_power_of_two().max(SHORTEST)
}

/// Literals of all files so far, and where new ones go.
pub struct Pool<W: Write> {
    out: W,
    bytes: Vec<u8>,
    /// How many there are, beyond those that are kept.
    len: u64,
    table: Table,
}

impl<W: Write> Pool<W> {
    /// An empty pool that writes to `out`.
    pub fn new(out: W, block: usize) -> Self {
        Pool { out, bytes: Vec::new(), len: 0, table: Table::new((POOL / block) as u64, block) }
    }

    fn add(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.out.write_all(bytes)?;
        self.len += bytes.len() as u64;
        if self.bytes.len() as u64 + bytes.len() as u64 != self.len || self.len as usize > POOL {
            return Ok(());
        }
        let block = self.table.block;
        let mut done = self.bytes.len() / block * block;
        self.bytes.extend_from_slice(bytes);
        while done + block <= self.bytes.len() {
            self.table.insert(hash(&self.bytes[done..done + block]), (done / block) as u32);
            done += block;
        }
        Ok(())
    }

    /// How many literals there are, and what they were written to.
    pub fn finish(self) -> (u64, W) {
        (self.len, self.out)
    }
}

/// Blocks by their hashes: open addressing, the first of those alike is kept.
struct Table {
    block: usize,
    /// The hash's upper half and the block's number, plus one.
    slots: Vec<(u32, u32)>,
}

impl Table {
    fn new(blocks: u64, block: usize) -> Table {
        let slots = (blocks.min(2 * MOST_BLOCKS) * 2).next_power_of_two().max(16) as usize;
        Table { block, slots: vec![(0, 0); slots] }
    }

    fn insert(&mut self, hash: u64, number: u32) {
        let (mask, tag) = (self.slots.len() - 1, (hash >> 32) as u32);
        let mut at = hash as usize & mask;
        // A table that is full of other blocks takes no more.
        for _ in 0..32 {
            match self.slots[at] {
                (_, 0) => {
                    self.slots[at] = (tag, number + 1);
                    return;
                }
                (known, _) if known == tag => return,
                _ => at = (at + 1) & mask,
            }
        }
    }

    fn find(&self, hash: u64) -> Option<u64> {
        let (mask, tag) = (self.slots.len() - 1, (hash >> 32) as u32);
        let mut at = hash as usize & mask;
        for _ in 0..32 {
            match self.slots[at] {
                (_, 0) => return None,
                (known, number) if known == tag => return Some(u64::from(number - 1) * self.block as u64),
                _ => at = (at + 1) & mask,
            }
        }
        None
    }
}

/// Of the polynomial hash that rolls.
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

fn rolled(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum: u64, &byte| sum.wrapping_mul(MULTIPLIER).wrapping_add(u64::from(byte) + 1))
}

/// The rolling sum with all its bits made to count.
fn mixed(sum: u64) -> u64 {
    let sum = (sum ^ sum >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    sum ^ sum >> 32
}

fn hash(bytes: &[u8]) -> u64 {
    mixed(rolled(bytes))
}

/// What a file is copied from: what the site has, and behind it the literals of the pool.
struct From<'a> {
    site: Cached<'a>,
    site_len: u64,
}

/// A source whose last blocks are kept.
struct Cached<'a> {
    source: &'a dyn Source,
    blocks: Vec<(u64, Vec<u8>)>,
}

impl<'a> Cached<'a> {
    const LEN: u64 = 32 << 10;
    const COUNT: usize = 128;

    fn new(source: &'a dyn Source) -> Self {
        Cached { source, blocks: vec![(u64::MAX, Vec::new()); Self::COUNT] }
    }

    /// The kept block that holds `at`, and where in it that is.
    fn block(&mut self, at: u64) -> Result<(&[u8], usize)> {
        let number = at / Self::LEN;
        let slot = number as usize % Self::COUNT;
        if self.blocks[slot].0 != number {
            let start = number * Self::LEN;
            let mut bytes = std::mem::take(&mut self.blocks[slot].1);
            bytes.clear();
            self.source.read(start, Self::LEN.min(self.source.len() - start), &mut |part| {
                bytes.extend_from_slice(part);
                Ok(())
            })?;
            self.blocks[slot] = (number, bytes);
        }
        Ok((&self.blocks[slot].1, (at % Self::LEN) as usize))
    }
}

impl From<'_> {
    /// How many bytes from `at` on are those of `text`.
    fn forward<W: Write>(&mut self, pool: &Pool<W>, at: u64, text: &[u8]) -> Result<usize> {
        if at >= self.site_len {
            let bytes = pool.bytes.get((at - self.site_len) as usize..).unwrap_or_default();
            return Ok(common(bytes, text));
        }
        let mut done = 0;
        while done < text.len() && at + (done as u64) < self.site_len {
            let (block, offset) = self.site.block(at + done as u64)?;
            let (here, same) = (block.len() - offset, common(&block[offset..], &text[done..]));
            done += same;
            if same < here {
                break;
            }
        }
        Ok(done)
    }

    /// How many bytes before `at` are those at the end of `text`.
    fn backward<W: Write>(&mut self, pool: &Pool<W>, at: u64, text: &[u8]) -> Result<usize> {
        let alike = |bytes: &[u8], text: &[u8]| bytes.iter().rev().zip(text.iter().rev()).take_while(|(a, b)| a == b).count();
        if at >= self.site_len {
            return Ok(alike(&pool.bytes[..(at - self.site_len) as usize], text));
        }
        let mut done = 0;
        while done < text.len() && at > done as u64 {
            let (block, offset) = self.site.block(at - done as u64 - 1)?;
            let same = alike(&block[..=offset], &text[..text.len() - done]);
            done += same;
            if same <= offset {
                break;
            }
        }
        Ok(done)
    }
}

fn common(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 16;
    let whole = a.chunks_exact(STEP).zip(b.chunks_exact(STEP)).take_while(|(a, b)| a == b).count() * STEP;
    whole + a[whole..].iter().zip(&b[whole..]).take_while(|(a, b)| a == b).count()
}

/// Copies and literals, written down.
#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    /// Where the copy before ended.
    after: u64,
    /// A copy that the next may go on from.
    open: Option<(u64, u64)>,
}

impl Written {
    fn copy(&mut self, at: u64, len: u64) {
        match &mut self.open {
            Some((start, known)) if *start + *known == at => *known += len,
            _ => {
                self.close();
                self.open = Some((at, len));
            }
        }
    }

    fn literal(&mut self, len: u64) {
        self.close();
        number(&mut self.bytes, len << 1);
    }

    fn close(&mut self) {
        if let Some((at, len)) = self.open.take() {
            number(&mut self.bytes, len << 1 | 1);
            let step = at.wrapping_sub(self.after) as i64;
            number(&mut self.bytes, (step << 1 ^ step >> 63) as u64);
            self.after = at + len;
        }
    }
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Writes down how `text` is made of what the site has and of literals, which go into the pool.
///
/// # Errors
/// Something cannot be read or written.
pub fn describe<W: Write>(text: &dyn Source, site: &dyn Source, pool: &mut Pool<W>) -> Result<Vec<u8>> {
    let block = pool.table.block;
    let mut table = Table::new(site.len() / block as u64, block);
    let (mut number, mut rest) = (0, Vec::new());
    site.read(0, site.len(), &mut |bytes| {
        rest.extend_from_slice(bytes);
        let whole = rest.len() / block * block;
        for one in rest[..whole].chunks_exact(block) {
            table.insert(hash(one), number);
            number += 1;
        }
        rest.drain(..whole);
        Ok(())
    })?;
    let mut written = Written::default();
    let mut from = From { site: Cached::new(site), site_len: site.len() };
    let mut at = 0;
    let mut pane = Vec::new();
    while at < text.len() {
        crate::interrupt::check()?;
        let len = PANE.min(text.len() - at);
        pane.clear();
        text.read(at, len, &mut |bytes| {
            pane.extend_from_slice(bytes);
            Ok(())
        })?;
        one_pane(&pane, &mut from, &table, pool, &mut written)?;
        at += len;
    }
    written.close();
    Ok(written.bytes)
}

fn one_pane<W: Write>(text: &[u8], from: &mut From, table: &Table, pool: &mut Pool<W>, written: &mut Written) -> Result<()> {
    let block = table.block;
    let power = (0..block).fold(1_u64, |power, _| power.wrapping_mul(MULTIPLIER));
    let (mut at, mut done) = (0, 0);
    let mut sum = None;
    while at + block <= text.len() {
        let now = sum.unwrap_or_else(|| rolled(&text[at..at + block]));
        let key = mixed(now);
        let places = [table.find(key), pool.table.find(key).map(|place| place + from.site_len)];
        let mut found = None;
        for place in places.into_iter().flatten() {
            let len = from.forward(pool, place, &text[at..])?;
            if len >= block {
                found = Some((place, len));
                break;
            }
        }
        let Some((place, len)) = found else {
            sum = text.get(at + block).map(|&next| {
                now.wrapping_mul(MULTIPLIER)
                    .wrapping_add(u64::from(next) + 1)
                    .wrapping_sub((u64::from(text[at]) + 1).wrapping_mul(power))
            });
            at += 1;
            continue;
        };
        sum = None;
        let back = from.backward(pool, place, &text[done..at])?;
        literals(&text[done..at - back], pool, written)?;
        written.copy(place - back as u64, (back + len) as u64);
        at += len;
        done = at;
        let mut after = place + len as u64;
        // Bytes that were replaced in place.
        'replaced: while at < text.len() {
            for gap in 1..=REPLACED.min(text.len() - at) {
                let len = from.forward(pool, after + gap as u64, &text[at + gap..])?;
                if len >= SAME {
                    literals(&text[at..at + gap], pool, written)?;
                    written.copy(after + gap as u64, len as u64);
                    at += gap + len;
                    done = at;
                    after += (gap + len) as u64;
                    continue 'replaced;
                }
            }
            break;
        }
    }
    literals(&text[done..], pool, written)
}

fn literals<W: Write>(bytes: &[u8], pool: &mut Pool<W>, written: &mut Written) -> Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    written.literal(bytes.len() as u64);
    pool.add(bytes).map_err(|error| crate::error::Error::new(format!("cannot write the delta: {error}")))
}

/// A copy or a run of literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The next so many literals.
    Literal(u64),
    /// So many bytes from a place of what the site has, or of the literals behind it.
    Copy {
        /// Where they begin.
        at: u64,
        /// How many there are.
        len: u64,
    },
}

/// Reads what [`describe`] wrote; `None` where it is cut or out of bounds.
pub fn steps(mut bytes: &[u8]) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut after = 0_u64;
    while !bytes.is_empty() {
        let head = read_number(&mut bytes)?;
        let len = head >> 1;
        if head & 1 == 0 {
            steps.push(Step::Literal(len));
            continue;
        }
        let step = read_number(&mut bytes)?;
        let at = after.wrapping_add((step >> 1) ^ (step & 1).wrapping_neg());
        after = at.checked_add(len)?;
        steps.push(Step::Copy { at, len });
    }
    Some(steps)
}

fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for index in 0..10 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(7 * index)?;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::Bytes;

    fn noise(len: usize, mut state: u64) -> Vec<u8> {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    fn played(steps: &[u8], site: &[u8], pool: &[u8], literals: &mut usize) -> Vec<u8> {
        let all = [site, pool].concat();
        let mut text = Vec::new();
        for step in super::steps(steps).unwrap() {
            match step {
                Step::Literal(len) => {
                    text.extend_from_slice(&pool[*literals..*literals + len as usize]);
                    *literals += len as usize;
                }
                Step::Copy { at, len } => text.extend_from_slice(&all[at as usize..(at + len) as usize]),
            }
        }
        text
    }

    #[test]
    fn edits_cost_little_and_what_is_new_is_told_once() {
        let old = noise(300_000, 1);
        let mut edited = old.clone();
        for at in (5_000..295_000).step_by(10_000) {
            edited[at] ^= 1;
        }
        edited.splice(100_000..100_000, noise(100, 2));
        edited.drain(200_000..200_500);
        let new = noise(50_000, 3);
        let first = [edited.as_slice(), &new].concat();
        let second = [b"other head ".as_slice(), &new, &old[7..100_003]].concat();
        let mut pool = Pool::new(Vec::new(), block_len(400_000));
        let one = describe(&Bytes(&first), &Bytes(&old), &mut pool).unwrap();
        let two = describe(&Bytes(&second), &Bytes(&old), &mut pool).unwrap();
        let (len, literals) = pool.finish();
        assert_eq!(len, literals.len() as u64);
        assert!(literals.len() < 50_000 + 100 + 400, "{}", literals.len());
        assert!(one.len() + two.len() < 500, "{} {}", one.len(), two.len());
        let mut used = 0;
        assert!(played(&one, &old, &literals, &mut used) == first);
        assert!(played(&two, &old, &literals, &mut used) == second);
    }

    #[test]
    fn nothing_in_common_and_nothing_at_all_are_described_too() {
        for (text, site) in [(noise(1000, 5), Vec::new()), (Vec::new(), noise(100, 6)), (vec![0; 100_000], vec![0; 70])] {
            let mut pool = Pool::new(Vec::new(), 32);
            let steps = describe(&Bytes(&text), &Bytes(&site), &mut pool).unwrap();
            let literals = pool.finish().1;
            assert!(played(&steps, &site, &literals, &mut 0) == text);
        }
    }

    #[test]
    fn cut_steps_are_refused() {
        assert_eq!(steps(&[1]), None);
        assert_eq!(steps(&[0x80]), None);
        assert_eq!(steps(&[0xff; 11]), None);
        assert_eq!(steps(&[4, 5, 2]), Some(vec![Step::Literal(2), Step::Copy { at: 1, len: 2 }]));
    }
}
