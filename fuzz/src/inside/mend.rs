//! Checksums set right, so that a reader goes on to what they guard.

/// Gives everything that looks like a tar header the checksum it should have, wherever it lies.
pub fn tar(bytes: &mut [u8]) {
    const MAGIC: &[u8] = b"ustar";
    const MAGIC_AT: usize = 257;
    for start in found(bytes, MAGIC).into_iter().filter_map(|at| at.checked_sub(MAGIC_AT)) {
        let Some(block) = bytes.get_mut(start..start + 512) else { continue };
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

/// Gives every stored entry of a ZIP's central directory, and its local header, the CRC-32 of its bytes.
pub fn zip(bytes: &mut [u8]) {
    for at in found(bytes, b"PK\x01\x02") {
        if let Some((local, crc)) = stored_crc(bytes, at) {
            bytes[at + 16..at + 20].copy_from_slice(&crc);
            bytes[local + 14..local + 18].copy_from_slice(&crc);
        }
    }
}

/// Where the local header of a stored entry is, and what its CRC-32 should be.
fn stored_crc(bytes: &[u8], central: usize) -> Option<(usize, [u8; 4])> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let short = |at: usize| Some(usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    if short(central + 10)? != 0 {
        return None;
    }
    let (size, local) = (number(central + 20)?, number(central + 42)?);
    let start = local.checked_add(30)? + short(local.checked_add(26)?)? + short(local + 28)?;
    let content = bytes.get(start..start.checked_add(size)?)?;
    Some((local, crc32fast::hash(content).to_le_bytes()))
}

/// Gives every block of a cabinet the checksum it should have (MS-CAB, CFDATA).
pub fn cabinet(bytes: &mut [u8]) {
    let short = |bytes: &[u8], at: usize| Some(usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let folders = short(bytes, 26).unwrap_or(0).min(100);
    // Cabinets with reserved areas are nobody's among the seeds.
    for folder in (0..folders).map(|number| 36 + 8 * number) {
        let Some(start) = bytes.get(folder..folder + 4) else { return };
        let mut at = u32::from_le_bytes(start.try_into().expect("four bytes")) as usize;
        for _ in 0..short(bytes, folder + 4).unwrap_or(0) {
            let Some(size) = short(bytes, at.saturating_add(4)) else { break };
            let Some(block) = bytes.get(at + 4..at + 8 + size) else { break };
            let sum = cabinet_sum(&block[..4], cabinet_sum(&block[4..], 0)).to_le_bytes();
            bytes[at..at + 4].copy_from_slice(&sum);
            at += 8 + size;
        }
    }
}

/// The exclusive or of all words, least byte first; what is left at the end counts the other way round.
fn cabinet_sum(bytes: &[u8], seed: u32) -> u32 {
    let words = bytes.chunks_exact(4);
    let rest = words.remainder().iter().fold(0, |word, &byte| word << 8 | u32::from(byte));
    words.fold(seed, |sum, word| sum ^ u32::from_le_bytes(word.try_into().expect("four bytes"))) ^ rest
}

fn found(bytes: &[u8], piece: &[u8]) -> Vec<usize> {
    bytes.windows(piece.len()).enumerate().filter(|(_, window)| *window == piece).map(|(at, _)| at).collect()
}
