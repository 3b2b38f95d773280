//! The signature of a `.run`: in the base64 of its third line, over every byte after that line, so that a site checks it with
//! `tail -n +4 X.run | openssl dgst -sha256 -verify KEY -signature SIG`.
//!
//! Lines 1 to 3 are outside of it: they are read strictly, since a shell would run whatever else stood there.

use super::FIRST_LINES;
use crate::endpoint::{RUN_SIGNATURE_AT, RUN_SUM_AT, RUN_SUM_COVERS_FROM};
use crate::error::{Error, Result};
use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};
use std::io::{Read, Seek, SeekFrom, Write};

/// Bytes of the longest signature that has room: a 4096-bit RSA key's is 512 bytes long.
const LONGEST: usize = (RUN_SIGNATURE_AT.end - RUN_SIGNATURE_AT.start) as usize / 4 * 3;

/// What the first three lines of a `.run` say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The SHA-256 that the file claims for every byte after line 3.
    pub sum: [u8; 32],
    /// The signature, if there is one: DER for ECDSA, PKCS#1 v1.5 for RSA, over that SHA-256.
    pub signature: Option<Vec<u8>>,
}

/// Reads the first three lines.
///
/// # Errors
/// They are not those of linkpack's `.run`: another script, or something slipped into lines that no digest covers.
pub fn read(file: &mut (impl Read + Seek)) -> Result<Head> {
    let mut head = vec![0; RUN_SUM_COVERS_FROM as usize];
    file.rewind().and_then(|()| file.read_exact(&mut head)).map_err(|error| not_ours(&error.to_string()))?;
    parse(&head)
}

fn parse(head: &[u8]) -> Result<Head> {
    let [sum, signature] = [RUN_SUM_AT, RUN_SIGNATURE_AT].map(|at| &head[at.start as usize..at.end as usize]);
    let between = &head[RUN_SUM_AT.end as usize..RUN_SIGNATURE_AT.start as usize];
    if !head.starts_with(FIRST_LINES.as_bytes()) || between != b"\nLP_SIG=" || head.last() != Some(&b'\n') {
        return Err(not_ours("they are not #!/bin/sh, LP_SUM= and LP_SIG="));
    }
    let mut stated = [0; 32];
    if sum.iter().any(u8::is_ascii_uppercase) || hex::decode_to_slice(sum, &mut stated).is_err() {
        return Err(not_ours("LP_SUM is not a SHA-256"));
    }
    let text = std::str::from_utf8(signature).map_err(|_| not_ours("LP_SIG is not base64"))?.trim_end_matches(' ');
    let signature = Base64::decode_vec(text).map_err(|_| not_ours("LP_SIG is not base64"))?;
    Ok(Head { sum: stated, signature: Some(signature).filter(|signature| !signature.is_empty()) })
}

/// The SHA-256 of what a signature covers, as the bytes are.
///
/// # Errors
/// The file cannot be read; the user interrupted.
pub fn covered(file: &mut (impl Read + Seek)) -> Result<[u8; 32]> {
    let failed = |error: std::io::Error| Error::new(format!("cannot read the .run: {error}"));
    file.seek(SeekFrom::Start(RUN_SUM_COVERS_FROM)).map_err(failed)?;
    let (mut digest, mut block) = (Sha256::new(), vec![0; 128 << 10]);
    loop {
        crate::interrupt::check()?;
        match file.read(&mut block).map_err(failed)? {
            0 => return Ok(digest.finalize().into()),
            count => digest.update(&block[..count]),
        }
    }
}

/// Puts a signature into the file, in the place of any other; `None` takes it out. Nothing else moves.
///
/// # Errors
/// The file is no `.run` of linkpack; the signature is too long; the file cannot be written.
pub fn put(file: &mut (impl Read + Write + Seek), signature: Option<&[u8]>) -> Result<()> {
    read(file)?;
    let signature = signature.unwrap_or_default();
    if signature.len() > LONGEST {
        return Err(Error::new(format!("a signature of {} bytes has no room in a .run, which takes {LONGEST}", signature.len()))
            .help("sign with ECDSA P-256, or an RSA key of 4096 bits at most"));
    }
    let room = (RUN_SIGNATURE_AT.end - RUN_SIGNATURE_AT.start) as usize;
    let value = format!("{:<room$}", Base64::encode_string(signature));
    let written = file.seek(SeekFrom::Start(RUN_SIGNATURE_AT.start)).and_then(|_| file.write_all(value.as_bytes()));
    written.map_err(|error| Error::new(format!("cannot write the signature into the .run: {error}")))
}

fn not_ours(why: &str) -> Error {
    Error::new("the first three lines are not those of a .run of this linkpack")
        .note(why.to_owned())
        .help("do not run it; get the file again from where it was made")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn file() -> Vec<u8> {
        format!("{FIRST_LINES}{}\nLP_SIG={}\nthe rest\n", "0a".repeat(32), " ".repeat(700)).into_bytes()
    }

    #[test]
    fn a_signature_comes_back_and_goes_again_without_moving_a_byte() {
        let mut signed = Cursor::new(file());
        assert_eq!(read(&mut signed).unwrap(), Head { sum: [10; 32], signature: None });
        let digest = covered(&mut signed).unwrap();
        assert_eq!(digest[..], Sha256::digest("the rest\n")[..]);
        for len in [71, 512, LONGEST] {
            put(&mut signed, Some(&vec![7; len])).unwrap();
            assert_eq!(read(&mut signed).unwrap().signature, Some(vec![7; len]));
            assert_eq!(covered(&mut signed).unwrap(), digest);
        }
        assert!(put(&mut signed, Some(&[7; LONGEST + 1])).is_err());
        put(&mut signed, None).unwrap();
        assert_eq!(signed.into_inner(), file());
    }

    #[test]
    fn nothing_else_may_stand_in_the_lines_that_nothing_covers() {
        let good = file();
        for (at, byte) in
            [(2, b'x'), (17, b'A'), (20, b' '), (81, b';'), (83, b'X'), (89, b';'), (95, b'A'), (400, b'\n'), (789, b' ')]
        {
            let mut bad = good.clone();
            bad[at] = byte;
            assert!(read(&mut Cursor::new(bad)).is_err(), "byte {at}");
        }
        assert!(read(&mut Cursor::new(&good[..500])).is_err());
        let mut spaced = good.clone();
        spaced[89..98].copy_from_slice(b"QUJD QUJD");
        assert!(read(&mut Cursor::new(spaced)).is_err());
    }
}
