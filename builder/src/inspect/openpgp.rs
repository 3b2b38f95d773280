//! What an OpenPGP signature says of itself (RFC 9580, section 5.2): algorithms and the signer's key. Nothing is checked here.

use super::report::Signature;

/// A signature for the report, whatever the bytes are.
pub fn signature(bytes: Vec<u8>, place: String) -> Signature {
    let facts = packet(&bytes).and_then(facts);
    let armored = bytes.starts_with(b"-----BEGIN PGP");
    let kind = match (&facts, armored) {
        (Some(_), _) => "OpenPGP",
        (None, true) => "OpenPGP (armored)",
        (None, false) => "of an unknown kind",
    };
    let (algorithm, key) = facts.map_or((None, None), |(algorithm, key)| (Some(algorithm), key));
    Signature { kind: kind.to_owned(), algorithm, key, place, bytes }
}

/// The body of the first packet, when it is a signature.
fn packet(bytes: &[u8]) -> Option<&[u8]> {
    const SIGNATURE: u8 = 2;
    let tag = *bytes.first()?;
    if tag & 0xC0 == 0xC0 {
        let (len, at): (usize, usize) = match *bytes.get(1)? {
            len @ 0..=191 => (usize::from(len), 2),
            high @ 192..=223 => (((usize::from(high) - 192) << 8) + usize::from(*bytes.get(2)?) + 192, 3),
            255 => (u32::from_be_bytes(bytes.get(2..6)?.try_into().ok()?) as usize, 6),
            _ => return None,
        };
        return bytes.get(at..at.checked_add(len)?).filter(|_| tag & 0x3F == SIGNATURE);
    }
    if tag & 0x80 == 0 || (tag >> 2) & 0xF != SIGNATURE {
        return None;
    }
    let width = 1 << (tag & 3);
    if width > 4 {
        return bytes.get(1..);
    }
    let len = bytes.get(1..1 + width)?.iter().fold(0_usize, |len, &byte| len << 8 | usize::from(byte));
    bytes.get(1 + width..(1 + width).checked_add(len)?)
}

/// Algorithms and key of a signature's body.
fn facts(body: &[u8]) -> Option<(String, Option<String>)> {
    match *body.first()? {
        3 => Some((algorithms(*body.get(15)?, *body.get(16)?), Some(hex::encode(body.get(7..15)?)))),
        version @ (4..=6) => {
            let width = if version == 6 { 4 } else { 2 };
            let number = |at: usize| Some(body.get(at..at + width)?.iter().fold(0_usize, |n, &byte| n << 8 | usize::from(byte)));
            let hashed = body.get(4 + width..4 + width + number(4)?)?;
            let after = 4 + width + hashed.len();
            let plain = body.get(after + width..after + width + number(after)?)?;
            let key = issuer(hashed).or_else(|| issuer(plain));
            Some((algorithms(*body.get(2)?, *body.get(3)?), key))
        }
        _ => None,
    }
}

/// The issuer's fingerprint (subpacket 33), or its key's id (16).
fn issuer(mut subpackets: &[u8]) -> Option<String> {
    let mut id = None;
    while let Some(&first) = subpackets.first() {
        let (len, at): (usize, usize) = match first {
            len @ 0..=191 => (usize::from(len), 1),
            high @ 192..=254 => (((usize::from(high) - 192) << 8) + usize::from(*subpackets.get(1)?) + 192, 2),
            255 => (u32::from_be_bytes(subpackets.get(1..5)?.try_into().ok()?) as usize, 5),
        };
        let body = subpackets.get(at..at.checked_add(len)?)?;
        match body.first().map(|kind| kind & 0x7F) {
            Some(33) => return Some(hex::encode(body.get(2..)?)),
            Some(16) => id = Some(hex::encode(&body[1..])),
            _ => {}
        }
        subpackets = &subpackets[at + len..];
    }
    id
}

fn algorithms(key: u8, hash: u8) -> String {
    let key = match key {
        1..=3 => "RSA",
        17 => "DSA",
        19 => "ECDSA",
        22 | 27 => "EdDSA",
        28 => "Ed448",
        _ => "unknown",
    };
    let hash = match hash {
        1 => "MD5",
        2 => "SHA-1",
        3 => "RIPEMD-160",
        8 => "SHA-256",
        9 => "SHA-384",
        10 => "SHA-512",
        11 => "SHA-224",
        12 => "SHA3-256",
        14 => "SHA3-512",
        _ => "unknown",
    };
    format!("{key}/{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_names_its_algorithms_and_its_key() {
        let subpackets = [&[5, 2, 0, 0, 0, 1][..], &[9, 16, 1, 2, 3, 4, 5, 6, 7, 8]].concat();
        let body = [&[4, 0, 1, 8, 0, 6][..], &subpackets[..6], &[0, 10], &subpackets[6..], &[0, 0]].concat();
        let bytes = [&[0xC2, body.len() as u8][..], &body].concat();
        let signature = signature(bytes, "here".into());
        assert_eq!(signature.algorithm.as_deref(), Some("RSA/SHA-256"));
        assert_eq!(signature.key.as_deref(), Some("0102030405060708"));
    }

    #[test]
    fn any_bytes_make_a_signature_of_some_kind() {
        for byte in 0..=255_u8 {
            for len in 0..40 {
                signature(vec![byte; len], String::new());
                signature([vec![0xC2, len as u8], vec![byte; len]].concat(), String::new());
            }
        }
    }
}
