//! The signature header: what proves the header, and how long the package is.

use super::header::{Encoded, Header, Value};
use crate::compress::Packed;
use crate::error::{Error, Result};
use crate::format::patch::write_failed;
use ::rpm::IndexSignatureTag as Tag;

/// The signature header's length in bytes, whatever it holds: reserved space fills it up.
///
/// A multiple of 8, as the header after it must start on one. The reserved space is where signatures go later without moving the rest
/// of the package; rpmbuild leaves 4 KiB for them, too.
pub const LEN: usize = 4352;

/// The signature header of a package with this main header.
///
/// # Errors
/// None in practice: the fixed length leaves room for every tag that is put here.
pub fn header(main_header: &Encoded, payload: &Packed) -> Result<Vec<u8>> {
    sized(main_header.sha256()?, payload.plain_len(), main_header.len() as u64 + payload.len())
}

/// `size` is that of the main header and the compressed payload.
fn sized(main_sha256: [u8; 32], plain_len: u64, size: u64) -> Result<Vec<u8>> {
    let mut header = Header::default();
    header.put_text(Tag::RPMSIGTAG_SHA256 as u32, hex::encode(main_sha256));
    let short = |number: u64| u32::try_from(number).ok().filter(|&number| number < u32::MAX);
    match (short(size), short(plain_len)) {
        (Some(size), Some(plain_len)) => {
            header.put_numbers(Tag::RPMSIGTAG_SIZE as u32, [size]);
            header.put_numbers(Tag::RPMSIGTAG_PAYLOADSIZE as u32, [plain_len]);
        }
        _ => {
            header.put(Tag::RPMSIGTAG_LONGSIZE as u32, Value::int64([size]));
            header.put(Tag::RPMSIGTAG_LONGARCHIVESIZE as u32, Value::int64([plain_len]));
        }
    }
    filled(header, LEN)
}

/// A signature header of this length, reserved space filling it up.
///
/// # Errors
/// What is in it takes more.
pub(super) fn filled(mut header: Header, len: usize) -> Result<Vec<u8>> {
    let mut reserve = |len: usize| {
        header.put(Tag::RPMSIGTAG_RESERVEDSPACE as u32, Value::binary(vec![0; len]));
        let mut bytes = Vec::with_capacity(LEN);
        header.encode(Tag::HEADER_SIGNATURES as u32)?.write(&mut bytes).map_err(write_failed)?;
        Ok(bytes)
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
            let bytes = sized([7; 32], plain_len, packed_len).unwrap();
            assert_eq!(bytes.len(), LEN, "{plain_len} {packed_len}");
            assert_eq!(bytes.len() % 8, 0);
        }
    }
}
