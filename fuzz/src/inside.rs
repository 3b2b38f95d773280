//! Changes inside a package: what is packed in it is unpacked, changed and packed again, and the lengths and checksums around it are set
//! right. Damage of packed bytes hardly comes past their checksums; this reaches the readers behind them. Used by both drivers.

mod cabinet;
pub mod compound;
mod mend;
mod packed;
mod parts;

use packed::Codec;

/// Who chooses, and who damages: libFuzzer, or the seeded driver.
pub struct Hands<'a> {
    /// A number below the limit.
    pub below: &'a mut dyn FnMut(usize) -> usize,
    /// Damages bytes; the length may change.
    pub damage: &'a mut dyn FnMut(&mut Vec<u8>),
}

impl Hands<'_> {
    /// The bytes, damaged.
    fn damaged(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        (self.damage)(&mut bytes);
        bytes
    }

    /// An archive, packed or not, damaged below its codec; which may be another one then.
    fn archive(&mut self, bytes: &[u8]) -> Option<(Codec, Vec<u8>)> {
        let (codec, mut plain) = packed::unpack(bytes)?;
        (self.damage)(&mut plain);
        if (self.below)(8) > 0 {
            mend::tar(&mut plain);
        }
        let codec = match (self.below)(4) {
            0 => Codec::ALL[(self.below)(Codec::ALL.len())],
            _ => codec,
        };
        Some((codec, packed::pack(codec, &plain)))
    }
}

/// A case of a target, changed: three of four times inside, where it has an inside.
pub fn change(target: &str, bytes: &[u8], hands: &mut Hands) -> Vec<u8> {
    if (hands.below)(4) > 0 {
        let changed = match target {
            "tar" => hands.archive(bytes).map(|(_, packed)| packed),
            "deb" => parts::deb(bytes, hands),
            "rpm" => parts::rpm(bytes, hands),
            "run" => parts::run(bytes, hands),
            "msi" => compound::change(bytes, hands),
            _ => None,
        };
        if let Some(changed) = changed {
            return changed;
        }
    }
    let mut bytes = hands.damaged(bytes);
    match target {
        "tar" | "deb" if (hands.below)(8) > 0 => mend::tar(&mut bytes),
        "zip" if (hands.below)(8) > 0 => mend::zip(&mut bytes),
        _ => {}
    }
    bytes
}
