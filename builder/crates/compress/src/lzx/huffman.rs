//! Prefix codes whose lengths are limited.

/// Sets the lengths of a code for symbols of these frequencies, none longer than `limit`. A single symbol shares one bit with a
/// neighbour: readers want codes to be complete. No symbols, no code.
pub fn lengths(frequencies: &[u32], limit: usize, lengths: &mut [u8]) {
    lengths.fill(0);
    let mut used: Vec<(u32, u16)> =
        (0..).zip(frequencies).filter(|(_, &frequency)| frequency > 0).map(|(symbol, &frequency)| (frequency, symbol)).collect();
    match used[..] {
        [] => return,
        [(_, only)] => {
            lengths[usize::from(only)] = 1;
            lengths[usize::from(only == 0)] = 1;
            return;
        }
        _ => used.sort_unstable(),
    }
    let counts = counts(&depths(&used), limit);
    // The rarest symbols have the longest codes.
    let mut rarest = used.iter();
    for length in (1..=limit).rev() {
        for (_, symbol) in rarest.by_ref().take(counts[length]) {
            lengths[usize::from(*symbol)] = length as u8;
        }
    }
}

/// How deep the tree's leaves lie, from the rarest on: two queues, of leaves and of inner nodes, both in the order of their weights.
fn depths(used: &[(u32, u16)]) -> Vec<usize> {
    let count = used.len();
    let mut weights: Vec<u64> = used.iter().map(|(frequency, _)| u64::from(*frequency)).collect();
    let mut parents = vec![0; 2 * count - 1];
    let (mut leaf, mut inner) = (0, count);
    while weights.len() < 2 * count - 1 {
        let node = weights.len();
        let mut lightest = || {
            let take_leaf = leaf < count && (inner >= node || weights[leaf] <= weights[inner]);
            let taken = if take_leaf { &mut leaf } else { &mut inner };
            *taken += 1;
            *taken - 1
        };
        let (one, other) = (lightest(), lightest());
        (parents[one], parents[other]) = (node, node);
        weights.push(weights[one] + weights[other]);
    }
    let mut depths = vec![0; 2 * count - 1];
    for node in (0..2 * count - 2).rev() {
        depths[node] = depths[parents[node]] + 1;
    }
    depths.truncate(count);
    depths
}

/// How many codes of each length there are, once those above the limit are shortened and others lengthened for it.
fn counts(depths: &[usize], limit: usize) -> Vec<usize> {
    let mut counts = vec![0; limit + 1];
    depths.iter().for_each(|&depth| counts[depth.min(limit)] += 1);
    let whole = 1_usize << limit;
    let mut sum: usize = (1..=limit).map(|length| counts[length] << (limit - length)).sum();
    while sum > whole {
        // A leaf above the bottom gets a leaf from the bottom as its sibling, which makes room for one code of the limit's length.
        let length = (1..limit).rev().find(|&length| counts[length] > 0).unwrap_or(1);
        counts[limit] -= 1;
        counts[length] -= 1;
        counts[length + 1] += 2;
        sum -= 1;
    }
    counts
}

/// The codes of these lengths.
pub fn codes(lengths: &[u8], codes: &mut [u16]) {
    let mut next = [0_u32; 18];
    lengths.iter().filter(|&&length| length > 0).for_each(|&length| next[usize::from(length) + 1] += 1);
    for length in 1..next.len() {
        next[length] = (next[length] + next[length - 1]) << 1;
    }
    // `next[length]` counted the shorter ones: what it holds now is the first code of its length.
    for (code, &length) in codes.iter_mut().zip(lengths) {
        if length > 0 {
            *code = next[usize::from(length)] as u16;
            next[usize::from(length)] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_complete_and_none_is_longer_than_the_limit() {
        let fibonacci: Vec<u32> = (0..40)
            .scan((1, 1), |state, _| {
                *state = (state.1, state.0 + state.1);
                Some(state.0)
            })
            .collect();
        let even = vec![3; 656];
        for (frequencies, limit) in [
            (&fibonacci, 16),
            (&even, 16),
            (&vec![1, 0, 9], 7),
            (&vec![1, 1, 2, 4, 8, 16, 32, 64], 7),
            (&fibonacci[..20].to_vec(), 15),
        ] {
            let mut of = vec![9; frequencies.len()];
            lengths(frequencies, limit, &mut of);
            let sum: u64 = of.iter().filter(|&&length| length > 0).map(|&length| 1 << (16 - length)).sum();
            assert_eq!(sum, 1 << 16);
            assert!(of.iter().all(|&length| usize::from(length) <= limit));
            assert!(of.iter().zip(frequencies).all(|(&length, &frequency)| (length > 0) == (frequency > 0)));
            let mut all = vec![0; of.len()];
            codes(&of, &mut all);
            let mut prefixes: Vec<(u32, u32)> = of
                .iter()
                .zip(&all)
                .filter(|(&length, _)| length > 0)
                .map(|(&length, &code)| (u32::from(code) << (16 - length), 1 << (16 - length)))
                .collect();
            prefixes.sort_unstable();
            assert!(prefixes.windows(2).all(|pair| pair[0].0 + pair[0].1 == pair[1].0), "codes overlap");
        }
    }

    #[test]
    fn a_code_of_one_symbol_has_a_neighbour_and_one_of_none_is_empty() {
        for (frequencies, expected) in [([0, 0, 5], [1, 0, 1]), ([5, 0, 0], [1, 1, 0]), ([0, 0, 0], [0, 0, 0])] {
            let mut of = [7; 3];
            lengths(&frequencies, 16, &mut of);
            assert_eq!(of, expected);
        }
    }
}
