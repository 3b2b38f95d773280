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
