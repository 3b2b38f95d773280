//! A cabinet's plain bytes: the first block of an MSZIP folder is unpacked, changed, and packed again.

use super::Hands;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

/// What a packed block begins with.
const MARK: &[u8] = b"CK";
/// Plain bytes of a block (MS-MCI, 2).
const BLOCK: usize = 32 << 10;
const MSZIP: usize = 1;

/// One folder's first block changed; none where there is none of that kind.
pub fn change(bytes: &[u8], hands: &mut Hands) -> Option<Vec<u8>> {
    let folders = short(bytes, 26)?.min(100);
    let folder = 36 + 8 * (hands.below)(folders.max(1));
    let at = long(bytes, folder)?;
    let packed = bytes.get(at + 8..at.checked_add(8 + short(bytes, at + 4)?)?)?;
    if short(bytes, folder + 6)? & 0xF != MSZIP {
        return None;
    }
    let plain = hands.damaged(&unpack(packed.strip_prefix(MARK)?)?);
    let again = [MARK, &pack(&plain[..plain.len().min(BLOCK)])?].concat();
    let mut changed = [&bytes[..at + 8], &again, &bytes[at + 8 + packed.len()..]].concat();
    changed[at + 4..at + 6].copy_from_slice(&u16::try_from(again.len()).ok()?.to_le_bytes());
    // A block that says another length than it has is a case, too.
    if (hands.below)(4) > 0 {
        changed[at + 6..at + 8].copy_from_slice(&(plain.len().min(BLOCK) as u16).to_le_bytes());
    }
    let moved = |place: usize| (place + again.len()).checked_sub(packed.len()).and_then(|place| u32::try_from(place).ok());
    for place in (0..folders).map(|number| 36 + 8 * number).chain([8]) {
        let old = long(bytes, place)?;
        if old > at {
            changed[place..place + 4].copy_from_slice(&moved(old)?.to_le_bytes());
        }
    }
    Some(changed)
}

fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(BLOCK);
    Decompress::new(false).decompress_vec(packed, &mut plain, FlushDecompress::Finish).ok()?;
    Some(plain)
}

fn pack(plain: &[u8]) -> Option<Vec<u8>> {
    let mut packed = Vec::with_capacity(plain.len() + 1024);
    Compress::new(Compression::fast(), false).compress_vec(plain, &mut packed, FlushCompress::Finish).ok()?;
    Some(packed)
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?)))
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?) as usize)
}
