//! What an OpenPGP signature says of itself (RFC 9580, section 5.2): algorithms and the signer's key. Nothing is checked here.

use super::report::Signature;

/// What a signature is called that is none.
pub const UNREADABLE: &str = "of an unknown kind";

/// A signature for the report, whatever the bytes are.
pub fn signature(bytes: Vec<u8>, place: String) -> Signature {
    let facts = packet(&bytes).and_then(facts);
    let armored = bytes.starts_with(b"-----BEGIN PGP");
    let kind = match (&facts, armored) {
        (Some(_), _) => "OpenPGP",
        (None, true) => "OpenPGP (armored)",
        (None, false) => UNREADABLE,
    };
    let (algorithm, key) = facts.map_or((None, None), |(algorithm, key)| (Some(algorithm), key));
    Signature { kind: kind.to_owned(), algorithm, key, place, bytes }
}

/// The body of the one packet, when it is a signature.
fn packet(bytes: &[u8]) -> Option<&[u8]> {
    const SIGNATURE: u8 = 2;
    let tag = *bytes.first()?;
    let (at, len) = if tag & 0xC0 == 0xC0 {
        match *bytes.get(1)? {
            len @ 0..=191 => (2, usize::from(len)),
            high @ 192..=223 => (3, ((usize::from(high) - 192) << 8) + usize::from(*bytes.get(2)?) + 192),
            255 => (6, u32::from_be_bytes(bytes.get(2..6)?.try_into().ok()?) as usize),
            _ => return None,
        }
    } else {
        let width = 1 << (tag & 3);
        if tag & 0x80 == 0 {
            return None;
        } else if width > 4 {
            (1, bytes.len() - 1)
        } else {
            (1 + width, bytes.get(1..1 + width)?.iter().fold(0_usize, |len, &byte| len << 8 | usize::from(byte)))
        }
    };
    let kind = if tag & 0xC0 == 0xC0 { tag & 0x3F } else { (tag >> 2) & 0xF };
    bytes.get(at..at.checked_add(len)?).filter(|_| kind == SIGNATURE)
}

/// Algorithms and key of a signature's body; nothing where its numbers do not fill it.
fn facts(body: &[u8]) -> Option<(String, Option<String>)> {
    let (key, hash, issuer, rest) = match *body.first()? {
        3 => {
            const HASHED: u8 = 5;
            let (key, hash) = (*body.get(15)?, *body.get(16)?);
            (key, hash, Some(hex::encode(body.get(7..15)?)), body.get(19..).filter(|_| body[1] == HASHED)?)
        }
        version @ (4 | 6) => {
            let width = if version == 6 { 4 } else { 2 };
            let number = |at: usize| Some(body.get(at..at + width)?.iter().fold(0_usize, |n, &byte| n << 8 | usize::from(byte)));
            let hashed = body.get(4 + width..(4 + width).checked_add(number(4)?)?)?;
            let after = 4 + width + hashed.len();
            let plain = body.get(after + width..(after + width).checked_add(number(after)?)?)?;
            let rest = body.get(after + width + plain.len() + 2..)?;
            let salt = if version == 6 { 1 + usize::from(*rest.first()?) } else { 0 };
            let (hashed, plain) = (Subpackets::of(hashed)?, Subpackets::of(plain)?);
            // A signature without its time is of no time.
            if !hashed.has_time {
                return None;
            }
            (*body.get(2)?, *body.get(3)?, hashed.issuer.or(plain.issuer), rest.get(salt..)?)
        }
        _ => return None,
    };
    is_filled(key, rest).then(|| (algorithms(key, hash), issuer))
}

/// Whether the numbers of a signature by that algorithm take all of these bytes.
fn is_filled(key: u8, mut rest: &[u8]) -> bool {
    let numbers = match key {
        1..=3 => 1,
        17 | 19 | 22 => 2,
        27 => return rest.len() == 64,
        28 => return rest.len() == 114,
        _ => return !rest.is_empty(),
    };
    for _ in 0..numbers {
        let Some((bits, after)) = rest.split_at_checked(2) else { return false };
        let len = usize::from(u16::from_be_bytes([bits[0], bits[1]])).div_ceil(8);
        let Some(after) = after.get(len..) else { return false };
        rest = after;
    }
    rest.is_empty()
}

/// What is read of subpackets.
#[derive(Default)]
struct Subpackets {
    /// The issuer's fingerprint (subpacket 33), or its key's id (16).
    issuer: Option<String>,
    has_time: bool,
}

impl Subpackets {
    fn of(mut bytes: &[u8]) -> Option<Self> {
        let mut read = Subpackets::default();
        let mut fingerprint = None;
        while let Some(&first) = bytes.first() {
            let (len, at): (usize, usize) = match first {
                len @ 0..=191 => (usize::from(len), 1),
                high @ 192..=254 => (((usize::from(high) - 192) << 8) + usize::from(*bytes.get(1)?) + 192, 2),
                255 => (u32::from_be_bytes(bytes.get(1..5)?.try_into().ok()?) as usize, 5),
            };
            let body = bytes.get(at..at.checked_add(len)?)?;
            match body.first()? & 0x7F {
                2 => read.has_time = body.len() == 5,
                33 => fingerprint = Some(hex::encode(body.get(2..)?)),
                16 => read.issuer = Some(hex::encode(&body[1..])),
                _ => {}
            }
            bytes = &bytes[at + len..];
        }
        read.issuer = fingerprint.or(read.issuer);
        Some(read)
    }
}

fn algorithms(key: u8, hash: u8) -> String {
    let key = match key {
        1..=3 => "RSA",
        17 => "DSA",
        19 => "ECDSA",
        22 | 27 => "EdDSA",
        28 => "Ed448",
        30 => "ML-DSA-65 with Ed25519",
        31 => "ML-DSA-87 with Ed448",
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

    /// A body of version 4 by RSA over SHA-256: hashed and other subpackets, and the number.
    fn body(hashed: &[u8], plain: &[u8], number: &[u8]) -> Vec<u8> {
        let len = |bytes: &[u8]| (bytes.len() as u16).to_be_bytes();
        [&[4, 0, 1, 8][..], &len(hashed), hashed, &len(plain), plain, &[0xAB, 0xCD], number].concat()
    }

    const TIME: [u8; 6] = [5, 2, 0, 0, 0, 1];
    const ISSUER: [u8; 10] = [9, 16, 1, 2, 3, 4, 5, 6, 7, 8];

    fn of(body: &[u8]) -> Signature {
        signature([&[0xC2, body.len() as u8][..], body].concat(), "here".into())
    }

    #[test]
    fn a_signature_names_its_algorithms_and_its_key() {
        let signature = of(&body(&TIME, &ISSUER, &[0, 9, 1, 2]));
        assert_eq!(signature.algorithm.as_deref(), Some("RSA/SHA-256"));
        assert_eq!(signature.key.as_deref(), Some("0102030405060708"));
        let old = [&[3, 5, 0, 0, 0, 0, 1][..], &ISSUER[2..], &[1, 8, 0xAB, 0xCD, 0, 9, 1, 2]].concat();
        assert_eq!(of(&old).key.as_deref(), Some("0102030405060708"));
    }

    #[test]
    fn what_rpm_calls_invalid_is_no_signature() {
        let whole = body(&TIME, &ISSUER, &[0, 9, 1, 2]);
        for (what, body) in [
            ("cut", whole[..whole.len() - 1].to_vec()),
            ("longer than its number", [&whole[..], &[0]].concat()),
            ("of no time", body(&ISSUER, &TIME, &[0, 9, 1, 2])),
            ("of a subpacket that is cut", body(&[&TIME[..], &[9, 16]].concat(), &[], &[0, 9, 1, 2])),
            ("zeroed", [&whole[..4], &[0; 6], &whole[10..]].concat()),
        ] {
            assert_eq!(of(&body).kind, UNREADABLE, "{what}");
        }
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
