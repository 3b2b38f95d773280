use super::*;

fn random(seed: u64) -> impl FnMut(u32) -> u32 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % u64::from(below)) as u32
    }
}

/// The frames of a folder that is packed in parts of so many frames.
fn packed(text: &[u8], part_frames: usize) -> Vec<Frame> {
    let mut encoder = Encoder::default();
    let mut frames = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let (history, end) = (at.min(HISTORY), (at + part_frames * FRAME).min(text.len()));
        let part = Part { text: text[at - history..end].to_vec(), history, place: at as u64, last: end == text.len() };
        frames.extend(encoder.frames(part));
        at = end;
    }
    frames
}

fn unpacked(frames: &[Frame]) -> Result<Vec<u8>, base::error::Error> {
    let mut decoder = Decoder::new(WRITTEN_WINDOW_BITS)?;
    let mut text = Vec::new();
    for frame in frames {
        text.extend(decoder.frame(&frame.packed, frame.plain_len)?);
    }
    Ok(text)
}

/// Texts of all kinds, around the borders of blocks and frames.
fn texts() -> Vec<Vec<u8>> {
    let mut next = random(7);
    let noise = |len: usize, next: &mut dyn FnMut(u32) -> u32| -> Vec<u8> { (0..len).map(|_| next(256) as u8).collect() };
    let words: Vec<u8> =
        (0..60_000).flat_map(|_| [&b"folder "[..], b"frame ", b"block, ", b"and "][next(4) as usize].to_vec()).collect();
    let this = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let mut texts = vec![vec![5], vec![1, 2], vec![0; 3], vec![0; 32_768], vec![8; 400_001], words, this[..300_000].to_vec()];
    for len in [32_767, 32_768, 32_769, 65_535, 65_537, 131_072] {
        texts.push(noise(len, &mut next));
        // Calls up to the last byte, near and far.
        texts.push((0..len).map(|_| if next(6) == 0 { 0xE8 } else { next(3) as u8 }).collect());
    }
    texts.push([noise(70_001, &mut next), vec![0; 70_000], noise(40_000, &mut next)].concat());
    let piece = noise(50_000, &mut next);
    texts.push([&piece[..], &vec![3; 700_000], &piece].concat());
    texts
}

#[test]
fn what_is_packed_in_parts_of_any_length_is_unpacked_again() {
    for (number, text) in texts().iter().enumerate() {
        for part_frames in [1, 3, 256] {
            let frames = packed(text, part_frames);
            assert!(
                frames.iter().all(|frame| frame.packed.len() <= FRAME + 6144 && frame.packed.len() % 2 == 0),
                "text {number}"
            );
            assert!(frames.iter().rev().skip(1).all(|frame| frame.plain_len == FRAME));
            assert!(unpacked(&frames).unwrap() == *text, "text {number} in parts of {part_frames} frames");
        }
    }
}

#[test]
fn repetitions_are_found_as_far_back_as_the_window_reaches() {
    let mut next = random(3);
    let piece: Vec<u8> = (0..200_000).map(|_| next(256) as u8).collect();
    let near = [&piece[..], &vec![0; HISTORY - 300_000], &piece].concat();
    let far = [&piece[..], &vec![0; HISTORY + 100_000], &piece].concat();
    let len = |text: &[u8]| packed(text, 32).iter().map(|frame| frame.packed.len()).sum::<usize>();
    let (near, far) = (len(&near), len(&far));
    assert!(near < 215_000 && far > 400_000, "{near} {far}");
}

#[test]
fn what_does_not_compress_grows_by_next_to_nothing() {
    let mut next = random(9);
    let noise: Vec<u8> = (0..1_000_000).map(|_| next(256) as u8).collect();
    let len: usize = packed(&noise, 8).iter().map(|frame| frame.packed.len()).sum();
    assert!(len < 1_001_000, "{len}");
}

#[test]
fn damaged_frames_are_errors_or_other_bytes_and_nothing_worse() {
    let texts = texts();
    let mut next = random(11);
    let (mut errors, mut others) = (0, 0);
    for round in 0..3000 {
        let text = &texts[round % texts.len()];
        let text = &text[..text.len().min(70_000)];
        let mut frames = packed_once(text);
        for _ in 0..1 + next(3) {
            let at = next(frames.len() as u32) as usize;
            let packed = &mut frames[at].packed;
            match next(5) {
                0 => packed.truncate(next(packed.len() as u32 + 1) as usize),
                1 => packed.extend([next(256) as u8; 2]),
                2 if packed.len() > 40 => packed[2 + next(38) as usize] ^= 1 << next(8),
                3 => frames[at].plain_len = next(FRAME as u32 + 2) as usize,
                _ if packed.is_empty() => {}
                _ => {
                    let at = next(packed.len() as u32) as usize;
                    packed[at] = next(256) as u8;
                }
            }
        }
        match unpacked(&frames) {
            Err(_) => errors += 1,
            Ok(plain) => {
                assert_eq!(plain.len(), frames.iter().map(|frame| frame.plain_len).sum::<usize>());
                others += 1;
            }
        }
    }
    assert!(errors > 300 && others > 300, "{errors} errors, {others} others");
}

/// Packed frames, which are made once for each text.
fn packed_once(text: &[u8]) -> Vec<Frame> {
    use std::collections::HashMap;
    thread_local!(static MADE: std::cell::RefCell<HashMap<Vec<u8>, Vec<Frame>>> = Default::default());
    MADE.with_borrow_mut(|made| made.entry(text.to_vec()).or_insert_with(|| packed(text, 2)).clone())
}

/// Blocks that the encoder does not write: the smallest window, an odd stored block within a frame, and its pad in the next frame.
#[test]
fn stored_blocks_of_odd_lengths_are_read_wherever_their_pad_is() {
    let words = |bits: &str| -> Vec<u8> {
        let bits: Vec<u8> = bits.bytes().filter(|byte| *byte != b' ').map(|byte| byte - b'0').collect();
        bits.chunks(16)
            .flat_map(|word| {
                word.iter().chain([0; 16].iter()).take(16).fold(0_u16, |word, bit| word << 1 | u16::from(*bit)).to_le_bytes()
            })
            .collect()
    };
    let offsets = [1_u32, 1, 1].map(u32::to_le_bytes).concat();
    let head = |first: &str, len: u32| words(&format!("{first} 011 {len:024b}"));
    // No calls; three bytes and a pad; two bytes.
    let frame = [&head("0", 3)[..], &offsets, b"abc\0", &head("", 2), &offsets, b"de"].concat();
    assert_eq!(Decoder::new(15).unwrap().frame(&frame, 5).unwrap(), b"abcde");
    for pads in [[1, 0], [0, 1]] {
        let mut decoder = Decoder::new(15).unwrap();
        let first = [&head("0", 3)[..], &offsets, b"abc", &vec![0; pads[0]]].concat();
        let second = [&vec![0; pads[1]][..], &head("", 2), &offsets, b"de"].concat();
        assert_eq!(decoder.frame(&first, 3).unwrap(), b"abc");
        assert_eq!(decoder.frame(&second, 2).unwrap(), b"de", "{pads:?}");
    }
    assert!(Decoder::new(15).unwrap().frame(&frame, 6).is_err());
    assert!(Decoder::new(14).is_err() && Decoder::new(22).is_err());
}

#[test]
fn the_slots_of_each_window_reach_its_end() {
    let counts: Vec<usize> = WINDOW_BITS.map(slots).collect();
    assert_eq!(counts, [30, 32, 34, 36, 38, 42, 50]);
    for bits in WINDOW_BITS {
        assert_eq!(SLOT_BASE[slots(bits)], 1 << bits, "{bits}");
    }
}
