//! Translation of x86 calls: the target of each CALL (E8) as a place in the folder rather than as a distance compresses better.

use super::FRAME;

/// Frames of a folder that are translated: those of its first GiB.
const FRAMES: u64 = 32_768;
/// A frame's last bytes are never looked at, so that a call never spans frames.
const SPARED: usize = 10;
const CALL: u8 = 0xE8;
const CALL_LEN: usize = 5;

/// Turns targets into distances again in a frame that begins at `place`; `size` is what the folder's head says.
pub fn undo(frame: &mut [u8], place: u64, size: i32) {
    each(frame, place, |here, target| {
        let size = i64::from(size);
        (-here..size).contains(&target).then(|| if target >= 0 { target - here } else { target + size })
    });
}

/// Shows each call's place in the folder and its operand to `translate`, and writes down what that returns.
fn each(frame: &mut [u8], place: u64, translate: impl Fn(i64, i64) -> Option<i64>) {
    if place >= FRAMES * FRAME as u64 || frame.len() <= SPARED {
        return;
    }
    let end = frame.len() - SPARED;
    let mut at = 0;
    while let Some(next) = frame[at..end].iter().position(|&byte| byte == CALL) {
        at += next;
        let operand = &mut frame[at + 1..at + CALL_LEN];
        let value = i32::from_le_bytes([operand[0], operand[1], operand[2], operand[3]]);
        if let Some(translated) = translate(place as i64 + at as i64, i64::from(value)) {
            operand.copy_from_slice(&(translated as i32).to_le_bytes());
        }
        at += CALL_LEN;
        if at >= end {
            break;
        }
    }
}

/// Turns distances into targets in a frame that begins at `place`: what [`undo`] undoes.
pub fn translate(frame: &mut [u8], place: u64, size: i32) {
    each(frame, place, |here, distance| {
        let size = i64::from(size);
        (-here..size).contains(&distance).then(|| if distance < size - here { distance + here } else { distance - size })
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_translated_is_the_same_again_when_it_is_undone() {
        const SIZE: i32 = 12_000_000;
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as u32
        };
        for place in [0, 32_768, 11_993_088, 12_025_856, 600_014_848, (1 << 30) - 32_768, 1 << 30] {
            for len in [0_usize, 5, 10, 11, 15, 16, 300, 32_768] {
                let mut frame: Vec<u8> = (0..len).map(|_| next() as u8 & 0x0F | 0xE0).collect();
                // Distances around all borders.
                for at in (0..len.saturating_sub(5)).step_by(7) {
                    let here = place as i64 + at as i64;
                    let border = [0, -here, i64::from(SIZE), i64::from(SIZE) - here][next() as usize % 4];
                    frame[at] = CALL;
                    frame[at + 1..at + 5].copy_from_slice(&((border + i64::from(next() % 3) - 1) as i32).to_le_bytes());
                }
                let plain = frame.clone();
                translate(&mut frame, place, SIZE);
                assert!(len < 300 || (frame != plain) == (place < 1 << 30), "{place} {len}");
                undo(&mut frame, place, SIZE);
                assert!(frame == plain, "{place} {len}");
            }
        }
    }
}
