//! The digests and sizes that an RPM states of its header and its compressed payload.

use super::Headers;
use crate::report::Report;
use crate::watch::{Algorithm, Hasher};
use base::error::Result;
use payload::decode::Input;
use payload::rpm_header::Tag;
use std::ops::Range;

/// Tags of the signature header.
const SHA1: u32 = 269;
const LONG_SIZE: u32 = 270;
const SHA256: u32 = 273;
const SIZE: u32 = 1000;
const MD5: u32 = 1004;

pub(super) fn check(input: &mut Input, rpm: &Headers, report: &mut Report) -> Result<()> {
    let all = rpm.header_range.start..rpm.payload_range.end;
    let mut claimed = false;
    for (tag, algorithm) in [(SHA1, Algorithm::Sha1), (SHA256, Algorithm::Sha256)] {
        if let Some(stated) = rpm.signature.text(tag) {
            claimed = true;
            let found = hex::encode(digest(input, rpm.header_range.clone(), algorithm.hasher(), report)?);
            report.claims.part("header", algorithm.name(), stated.to_ascii_lowercase(), found);
        }
    }
    if let Some(stated) = rpm.signature.binary(MD5).map(hex::encode) {
        claimed = true;
        let found = hex::encode(digest(input, all.clone(), Algorithm::Md5.hasher(), report)?);
        report.claims.part("header and payload", "MD5", stated, found);
    }
    if !claimed {
        // Every rpm since 3.0 writes one of them.
        report.damaged("signature header", "it has no digest of the header, so nothing covers what the package says");
    }
    let size = rpm.signature.numbers(LONG_SIZE).first().copied().or(rpm.signature.numbers(SIZE).first().copied());
    if let Some(stated) = size {
        report.claims.part("header and payload", "size", stated.to_string(), (all.end - all.start).to_string());
    }
    let Some(stated) = rpm.header.text(Tag::PayloadDigest) else { return Ok(()) };
    let number = rpm.header.numbers(Tag::PayloadDigestAlgo).first().copied().unwrap_or(8);
    match Algorithm::of_openpgp(number) {
        Some(algorithm) => {
            let found = hex::encode(digest(input, rpm.payload_range.clone(), algorithm.hasher(), report)?);
            let stated = stated.to_ascii_lowercase();
            report.payload_compared = stated == found;
            report.claims.part("payload", algorithm.name(), stated, found);
        }
        None => report.damaged("payload", format!("its digest is of the unknown algorithm {number}")),
    }
    Ok(())
}

/// The digest of a range of the file.
fn digest(input: &mut Input, range: Range<u64>, hasher: Hasher, report: &Report) -> Result<Vec<u8>> {
    Ok(crate::digest::range(input, range, vec![hasher], &report.file.name)?.remove(0))
}
