//! The signature header: what proves the header, and how long the package is.

use super::header::{Header, Value};
use crate::compress::Packed;
use crate::error::{Error, Result};
use ::rpm::IndexSignatureTag as Tag;
use sha2::{Digest, Sha256};

/// The signature header's length in bytes, whatever it holds: reserved space fills it up.
///
/// A multiple of 8, as the header after it must start on one. The reserved space is where signatures go later without moving the rest
/// of the package; rpmbuild leaves 4 KiB for them, too.
pub const LEN: usize = 4352;

/// The signature header of a package with this main header.
///
/// # Errors
/// None in practice: the fixed length leaves room for every tag that is put here.
pub fn header(main_header: &[u8], payload: &Packed) -> Result<Vec<u8>> {
    sized(main_header, payload.plain_len(), payload.len())
}

fn sized(main_header: &[u8], plain_len: u64, packed_len: u64) -> Result<Vec<u8>> {
    let mut header = Header::default();
    header.put_text(Tag::RPMSIGTAG_SHA256 as u32, hex::encode(Sha256::digest(main_header)));
    let size = main_header.len() as u64 + packed_len;
    let short = |number: u64| u32::try_from(number).ok().filter(|&number| number < u32::MAX);
    match (short(size), short(plain_len)) {
        (Some(size), Some(plain_len)) => {
            header.put_numbers(Tag::RPMSIGTAG_SIZE as u32, [size]);
            header.put_numbers(Tag::RPMSIGTAG_PAYLOADSIZE as u32, [plain_len]);
        }
        _ => {
            header.put(Tag::RPMSIGTAG_LONGSIZE as u32, Value::Int64(vec![size]));
            header.put(Tag::RPMSIGTAG_LONGARCHIVESIZE as u32, Value::Int64(vec![plain_len]));
        }
    }
    filled(header, LEN)
}

/// A signature header of this length, reserved space filling it up.
///
/// # Errors
/// What is in it takes more.
pub(super) fn filled(mut header: Header, len: usize) -> Result<Vec<u8>> {
    let encode = |header: &Header| header.clone().encode(Tag::HEADER_SIGNATURES as u32);
    let mut reserve = |len: usize| {
        header.put(Tag::RPMSIGTAG_RESERVEDSPACE as u32, Value::Binary(vec![0; len]));
        encode(&header)
    };
    let used = reserve(0)?.len();
    let room =
        len.checked_sub(used).ok_or_else(|| Error::new(format!("the RPM's signature header takes {used} bytes of {len}")))?;
    reserve(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_packages_have_signature_headers_of_one_length() {
        let limit = u64::from(u32::MAX);
        for (plain_len, packed_len) in [(0, 0), (limit, 1), (1, limit), (limit - 1, limit - 20), (9 << 30, 8 << 30)] {
            let bytes = sized(b"header", plain_len, packed_len).unwrap();
            assert_eq!(bytes.len(), LEN, "{plain_len} {packed_len}");
            assert_eq!(bytes.len() % 8, 0);
        }
    }
}
