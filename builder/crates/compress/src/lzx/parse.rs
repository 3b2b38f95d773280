//! Chooses literals and matches for a block: the cheapest path to its end, by what the codes of the block before cost.

use super::matches::{common, Finder, Match, NICE};
use super::{
    extra_bits, ALIGNED, FRAME, LENGTHS, LENGTH_HEADERS, LITERALS, LONG, LONGEST, MOST_MAIN, MOST_SLOTS, OFFSET_BIAS, RECENT,
    SHORTEST, SLOT_BASE,
};

/// A literal (of length 1), or a match of an offset that is one of the recent ones or, biased, one of its own.
#[derive(Clone, Copy, Default)]
pub struct Item(u32);

impl Item {
    const LEN_BITS: u32 = 9;

    fn new(len: usize, place: u32) -> Self {
        Item(place << Self::LEN_BITS | len as u32)
    }

    /// A literal.
    pub fn literal() -> Self {
        Item::new(1, 0)
    }

    /// Plain bytes.
    pub fn len(self) -> usize {
        self.0 as usize & ((1 << Self::LEN_BITS) - 1)
    }

    /// The number of the recent offset, or the biased offset.
    pub fn place(self) -> u32 {
        self.0 >> Self::LEN_BITS
    }

    /// The offset's slot.
    pub fn slot(self) -> usize {
        slot(self.place())
    }

    /// The recent offsets behind it.
    pub fn recent_after(self, recent: [u32; RECENT]) -> [u32; RECENT] {
        let mut after = recent;
        match (self.len(), self.place()) {
            (1, _) | (_, 0) => {}
            (_, place @ 1..=2) => after.swap(0, place as usize),
            (_, place) => after = [place - OFFSET_BIAS, recent[0], recent[1]],
        }
        after
    }
}

/// The slot of a biased offset or of a recent one's number.
fn slot(place: u32) -> usize {
    match place {
        0..=3 => place as usize,
        _ if place >= SLOT_BASE[36] => 36 + ((place - SLOT_BASE[36]) >> 17) as usize,
        _ => {
            let bits = place.ilog2();
            (2 * bits + (place >> (bits - 1) & 1)) as usize
        }
    }
}

/// How often each symbol occurs in a block.
#[derive(Clone)]
pub struct Frequencies {
    pub main: [u32; MOST_MAIN],
    pub lengths: [u32; LENGTHS],
    pub aligned: [u32; ALIGNED],
}

impl Frequencies {
    /// Counts the items of a block; `text` is the block's.
    pub fn count(items: &[Item], text: &[u8]) -> Self {
        let mut all = Frequencies { main: [0; MOST_MAIN], lengths: [0; LENGTHS], aligned: [0; ALIGNED] };
        let mut at = 0;
        for item in items {
            if item.len() == 1 {
                all.main[usize::from(text[at])] += 1;
            } else {
                let slot = item.slot();
                all.main[main_symbol(slot, item.len())] += 1;
                if item.len() >= LONG {
                    all.lengths[item.len() - LONG] += 1;
                }
                if extra_bits(slot) >= 3 {
                    all.aligned[item.place() as usize % ALIGNED] += 1;
                }
            }
            at += item.len();
        }
        all
    }
}

/// The symbol of a match in the main code.
pub fn main_symbol(slot: usize, len: usize) -> usize {
    LITERALS + slot * LENGTH_HEADERS + (len - SHORTEST).min(LENGTH_HEADERS - 1)
}

/// What symbols cost, in parts of a bit.
#[derive(Clone)]
pub struct Costs {
    main: [u32; MOST_MAIN],
    /// By a match's length.
    lengths: [u32; LONGEST + 1],
    /// The lowest bits of offsets; plain bits where the block is not to be an aligned one.
    aligned: [u32; ALIGNED],
}

const BIT: u32 = 16;

impl Costs {
    /// A guess for a text of which nothing is known.
    pub fn guess(text: &[u8]) -> Self {
        let mut counts = [0_u32; 256];
        text.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
        let mut costs = Costs { main: [9 * BIT; MOST_MAIN], lengths: [0; LONGEST + 1], aligned: [3 * BIT; ALIGNED] };
        let total = text.len() as u32;
        for (cost, count) in costs.main.iter_mut().zip(counts) {
            *cost = price(count, total) + BIT;
        }
        costs.main[LITERALS..LITERALS + RECENT * LENGTH_HEADERS].fill(6 * BIT);
        costs.lengths[LONG..].fill(6 * BIT);
        costs
    }

    /// What the ideal code of these frequencies costs.
    pub fn of(frequencies: &Frequencies, aligned: bool) -> Self {
        let mut costs = Costs { main: [0; MOST_MAIN], lengths: [0; LONGEST + 1], aligned: [3 * BIT; ALIGNED] };
        let set = |costs: &mut [u32], frequencies: &[u32]| {
            let total = frequencies.iter().sum();
            costs.iter_mut().zip(frequencies).for_each(|(cost, &frequency)| *cost = price(frequency, total));
        };
        set(&mut costs.main, &frequencies.main);
        set(&mut costs.lengths[LONG..], &frequencies.lengths);
        if aligned {
            set(&mut costs.aligned, &frequencies.aligned);
        }
        costs
    }

    fn offset(&self, place: u32) -> u32 {
        let extra = extra_bits(slot(place));
        match extra {
            0..=2 => extra * BIT,
            _ => (extra - 3) * BIT + self.aligned[place as usize % ALIGNED],
        }
    }
}

/// The logarithm of how rare a symbol is; in whole numbers, which are the same on every machine.
fn price(frequency: u32, total: u32) -> u32 {
    match frequency {
        0 => (log2(total.max(1)) + BIT).clamp(4 * BIT, 17 * BIT),
        _ => (log2(total) - log2(frequency)).max(BIT / 2),
    }
}

/// In parts of a bit.
fn log2(number: u32) -> u32 {
    let whole = number.ilog2();
    let mut mantissa = (u64::from(number) << 31) >> whole;
    let mut result = whole;
    for _ in 0..BIT.ilog2() {
        mantissa = (mantissa * mantissa) >> 31;
        let bit = mantissa >> 32;
        mantissa >>= bit;
        result = result << 1 | bit as u32;
    }
    result
}

/// Where a path has come to.
#[derive(Clone, Copy)]
struct Node {
    cost: u32,
    /// The item that leads here.
    item: Item,
    recent: [u32; RECENT],
}

impl Node {
    /// Takes a path that is cheaper.
    #[inline]
    fn improve(&mut self, cost: u32, item: Item) {
        if cost < self.cost {
            self.cost = cost;
            self.item = item;
        }
    }
}

/// The matches of a block and the paths through it.
pub struct Parser {
    finder: Finder,
    found: Vec<Match>,
    /// For each place of the block: where its matches begin in `found`.
    begins: Vec<u32>,
    nodes: Vec<Node>,
}

impl Parser {
    /// For a window of so many bytes.
    pub fn new(window: usize) -> Self {
        Parser { finder: Finder::new(window), found: Vec::new(), begins: Vec::new(), nodes: Vec::new() }
    }

    /// Begins a text with what is known before it.
    pub fn begin(&mut self, text: &[u8], history: usize) {
        self.finder.clear();
        (0..history).for_each(|at| self.finder.skip(text, at));
    }

    /// Finds the matches of the block `start..end`, which is behind the one before.
    pub fn find(&mut self, text: &[u8], start: usize, end: usize) {
        self.found.clear();
        self.begins.clear();
        let mut skip_to = start;
        for at in start..end {
            self.begins.push(self.found.len() as u32);
            if at < skip_to {
                self.finder.skip(text, at);
                continue;
            }
            self.finder.matches(text, at, &mut self.found);
            let first = self.begins[at - start] as usize;
            if let Some(longest) = self.found[first..].last().filter(|longest| usize::from(longest.len) >= NICE) {
                skip_to = at + usize::from(longest.len);
            }
        }
        self.begins.push(self.found.len() as u32);
    }

    /// The cheapest items for the block whose matches were found.
    pub fn cheapest(
        &mut self,
        text: &[u8],
        start: usize,
        end: usize,
        recent: [u32; RECENT],
        costs: &Costs,
        items: &mut Vec<Item>,
    ) {
        let count = end - start;
        let nowhere = Node { cost: u32::MAX, item: Item(0), recent };
        self.nodes.clear();
        self.nodes.resize(count + 1, nowhere);
        self.nodes[0].cost = 0;
        let mut at = 0;
        while at < count {
            let Node { cost, item, recent } = self.nodes[at];
            let recent = match item.len() {
                0 => recent,
                len => item.recent_after(self.nodes[at - len].recent),
            };
            self.nodes[at].recent = recent;
            let here = start + at;
            let most = LONGEST.min(FRAME - at % FRAME).min(count - at);
            self.nodes[at + 1].improve(cost + costs.main[usize::from(text[here])], Item::literal());
            let mut reached = 1;
            if most >= SHORTEST {
                for (number, &offset) in recent.iter().enumerate() {
                    let offset = offset as usize;
                    if offset == 0
                        || offset > here
                        || text[here] != text[here - offset]
                        || text[here + 1] != text[here + 1 - offset]
                    {
                        continue;
                    }
                    let len = common(text, here - offset, here, 2, most);
                    let first = if len >= NICE { len } else { SHORTEST };
                    self.relax_lengths(at, first, len, cost, number as u32, number, costs);
                    reached = reached.max(len);
                }
            }
            if reached >= NICE {
                at += reached;
                continue;
            }
            let (first, last) = (self.begins[at] as usize, self.begins[at + 1] as usize);
            let mut from = SHORTEST.max(reached + 1);
            let mut far = 1;
            for index in first..last {
                let Match { len, offset } = self.found[index];
                let len = usize::from(len).min(most);
                if len < from {
                    continue;
                }
                let place = offset + OFFSET_BIAS;
                let begin = if len >= NICE { len } else { from };
                self.relax_lengths(at, begin, len, cost + costs.offset(place), place, slot(place), costs);
                from = len + 1;
                far = len;
            }
            at += if far >= NICE { far } else { 1 };
        }
        self.path(count, items);
    }

    #[inline]
    #[allow(clippy::too_many_arguments, reason = "the inner loop: what is known is not looked up again")]
    fn relax_lengths(&mut self, at: usize, first: usize, last: usize, cost: u32, place: u32, slot: usize, costs: &Costs) {
        let symbol = LITERALS + slot * LENGTH_HEADERS;
        let nodes = &mut self.nodes[at + first..=at + last];
        // Side by side, so that nothing is looked up by its place.
        let short = &costs.main[symbol + first.min(LONG) - SHORTEST..symbol + LENGTH_HEADERS - 1];
        let (short_nodes, long_nodes) = nodes.split_at_mut(short.len().min(nodes.len()));
        for ((node, &own), len) in short_nodes.iter_mut().zip(short).zip(first..) {
            node.improve(cost + own, Item::new(len, place));
        }
        let cost = cost + costs.main[symbol + LENGTH_HEADERS - 1];
        let first = first.max(LONG);
        for ((node, &own), len) in long_nodes.iter_mut().zip(&costs.lengths[first..]).zip(first..) {
            node.improve(cost + own, Item::new(len, place));
        }
    }

    /// The items on the way to the end.
    fn path(&self, end: usize, items: &mut Vec<Item>) {
        items.clear();
        let mut at = end;
        while at > 0 {
            let item = self.nodes[at].item;
            items.push(item);
            at -= item.len();
        }
        items.reverse();
    }
}

const _: () = assert!(SLOT_BASE[MOST_SLOTS] == 1 << 21);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_biased_offset_has_the_slot_that_its_base_says() {
        for place in (0..1 << 21).step_by(7).chain(SLOT_BASE[..MOST_SLOTS].iter().copied()).chain([(1 << 21) - 1]) {
            let slot = slot(place);
            assert!(SLOT_BASE[slot] <= place && place < SLOT_BASE[slot + 1], "{place}");
        }
    }

    #[test]
    fn logarithms_are_right_to_a_sixteenth() {
        for number in [1, 2, 3, 5, 100, 1000, 65_535, 65_536, 4_000_000_000] {
            let exact = f64::from(number).log2() * 16.0;
            assert!((f64::from(log2(number)) - exact.floor()).abs() < 1.5, "{number}: {} {exact}", log2(number));
        }
    }
}
