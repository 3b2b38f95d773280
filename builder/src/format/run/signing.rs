//! The signature of a `.run`: base-64 in line 3, over every byte after that line, which is what `openssl dgst -sha256 -verify` takes.

use crate::endpoint::{run_signature_field, RUN_SIGNATURE_AT, RUN_SUM_AT, RUN_SUM_COVERS_FROM};
use crate::error::{Error, IoContext, Result};
use crate::trust::key::{Hash, PublicKey};
use crate::trust::signer::Signer;
use crate::trust::Verdict;
use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The first three lines, which nothing covers: a shell runs them, so there may be nothing in them but what belongs there.
struct FirstLines {
    sum: String,
    /// None for a package without a signature.
    signature: Option<Vec<u8>>,
}

impl FirstLines {
    fn read(file: &mut File, path: &Path) -> Result<FirstLines> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0)).or_cannot("read", path)?;
        file.take(RUN_SUM_COVERS_FROM).read_to_end(&mut bytes).or_cannot("read", path)?;
        FirstLines::parse(&bytes).ok_or_else(|| {
            Error::new(format!("{} is not a .run of linkpack: something else stands in its first three lines", path.display()))
                .help("do not run it before you know where it comes from")
        })
    }

    fn parse(bytes: &[u8]) -> Option<FirstLines> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() as u64 == RUN_SUM_COVERS_FROM)?;
        let part = |range: std::ops::Range<u64>| &text[range.start as usize..range.end as usize];
        let (sum, field) = (part(RUN_SUM_AT), part(RUN_SIGNATURE_AT));
        let (base64, _) = field.split_once(" #")?;
        let exact = format!("#!/bin/sh\nLP_SUM={sum}\nLP_SIG={}\n", run_signature_field(base64)?) == text;
        let hex = sum.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let signature = (!base64.is_empty()).then(|| Base64::decode_vec(base64)).transpose().ok()?;
        (exact && hex).then(|| FirstLines { sum: sum.to_owned(), signature })
    }
}

/// The SHA-256 of what is signed.
fn digest(file: &mut File, path: &Path) -> Result<[u8; 32]> {
    let mut digest = Sha256::new();
    file.seek(SeekFrom::Start(RUN_SUM_COVERS_FROM)).or_cannot("read", path)?;
    std::io::copy(file, &mut digest).or_cannot("read", path)?;
    Ok(digest.finalize().into())
}

/// Signs a package in place; a signature that was there is replaced.
///
/// # Errors
/// No `.run` of linkpack, a damaged one, a key whose signatures are too long, and whatever the signer says.
pub fn sign(file: &mut File, path: &Path, signer: &Signer) -> Result<()> {
    let lines = FirstLines::read(file, path)?;
    let digest = digest(file, path)?;
    if hex::encode(digest) != lines.sum {
        return Err(Error::new(format!("{} is damaged: it is not what LP_SUM in its second line says", path.display()))
            .help("build or copy it again"));
    }
    let base64 = Base64::encode_string(&signer.sign(&digest, "run")?);
    let field = run_signature_field(&base64).ok_or_else(|| {
        Error::new("the key is too long for a .run: its signature does not fit into the third line")
            .help("use ECDSA on P-256, or RSA with 4096 bits at most")
    })?;
    put(file, path, &field)
}

fn put(file: &mut File, path: &Path, field: &str) -> Result<()> {
    file.seek(SeekFrom::Start(RUN_SIGNATURE_AT.start)).and_then(|_| file.write_all(field.as_bytes())).or_cannot("write", path)
}

/// Judges a package's signature.
///
/// # Errors
/// It cannot be read, or is no `.run` of linkpack.
pub fn verify(file: &mut File, path: &Path, keys: &[PublicKey]) -> Result<Vec<(String, Verdict)>> {
    let lines = FirstLines::read(file, path)?;
    let Some(signature) = lines.signature else { return Ok(Vec::new()) };
    let digest = digest(file, path)?;
    let verdict = match hex::encode(digest) == lines.sum {
        false => Verdict::bad("the package is damaged: it is not what LP_SUM in its second line says"),
        true => match keys.iter().find(|key| key.verify(Hash::Sha256, &digest, &signature)) {
            Some(key) => key.weakness().map_or_else(|| Verdict::Good { by: key.fingerprint(), note: None }, Verdict::bad),
            // A raw signature names no key: it is wrong for each that was given, or another's.
            None => Verdict::OtherKey { by: "not one of the given keys, or the signature was changed".to_owned() },
        },
    };
    Ok(vec![("LP_SIG".to_owned(), verdict)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(sum: &str, field: &str) -> Vec<u8> {
        format!("#!/bin/sh\nLP_SUM={sum}\nLP_SIG={field}\n").into_bytes()
    }

    #[test]
    fn nothing_but_digits_and_base64_may_stand_where_no_signature_covers() {
        let (sum, field) = ("a".repeat(64), run_signature_field("AAAA").unwrap());
        assert_eq!(FirstLines::parse(&lines(&sum, &field)).unwrap().signature, Some(vec![0; 3]));
        assert_eq!(FirstLines::parse(&lines(&sum, &run_signature_field("").unwrap())).unwrap().signature, None);
        for (sum, field) in [
            (format!("{}$(id)", "a".repeat(59)), field.clone()),
            (sum.clone(), field.replace("AAAA #-", "$(id) #")),
            (sum.clone(), field.replace("AAAA #--", ";id;AA #")),
            (sum.clone(), field.replacen("#-----", "#\nid #", 1)),
            (sum.clone(), field.replacen("--", "-x", 1)),
            (sum.to_uppercase(), field.clone()),
        ] {
            assert!(FirstLines::parse(&lines(&sum, &field)).is_none(), "{sum} {field}");
        }
    }
}
