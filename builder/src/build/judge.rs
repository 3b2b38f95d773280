//! Signatures that `verify` meets, judged by the keys that the user trusts.

use super::signatures::{self, proves, verify_detached};
use crate::error::{IoContext, Result};
use crate::format::{door, PayloadDigest};
use crate::inspect::report::{Report, Signature};
use crate::inspect::verify::signatures::{detached, Judge, Judged, NoKeys, Outcome};
use crate::inspect::verify::{SUMS, SUMS_SIGNATURE};
use crate::trust::keys::Keys;
use crate::trust::Verdict;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of a signature, and of SHA256SUMS.
const SIGNATURE_LIMIT: u64 = 64 << 10;
const SUMS_LIMIT: u64 = 16 << 20;

/// Judges by keys.
pub struct ByKeys(Keys);

impl ByKeys {
    /// Reads the keys: OpenPGP keys, certificates and public keys, by what is in the files.
    ///
    /// # Errors
    /// One cannot be read, or holds no key.
    pub fn read(paths: &[PathBuf]) -> Result<Self> {
        Keys::read(paths).map(ByKeys)
    }
}

impl Judge for ByKeys {
    fn package(&self, path: &Path, report: &Report) -> Result<Vec<Judged>> {
        let payload = match report.payload_compared {
            true => PayloadDigest::Compared,
            false => PayloadDigest::NotCompared,
        };
        let judged = match signatures::verify_with(path, &self.0, payload) {
            Ok(judged) => judged,
            Err(error) if error.is_interrupted() => return Err(error),
            Err(error) => return Ok(vec![bad(unknown(report, ""), error.what())]),
        };
        let proven = proves(&judged);
        // Where both read the same signatures, the report knows more about each.
        let known = report.signatures.len() == judged.len();
        let one = |(index, one): (usize, signatures::Judged)| {
            let signature = if known { report.signatures[index].clone() } else { unknown(report, &one.place) };
            Judged { signature, outcome: outcome(one.verdict, proven) }
        };
        Ok(judged.into_iter().enumerate().map(one).collect())
    }

    fn sums(&self, folder: &Path) -> Result<Vec<Judged>> {
        // OpenPGP keys alone say nothing of lists.
        if self.0.public.is_empty() || !folder.join(SUMS).is_file() {
            return Ok(Vec::new());
        }
        let path = folder.join(SUMS_SIGNATURE);
        if !path.is_file() {
            return Ok(vec![bad(detached(SUMS_SIGNATURE), "SHA256SUMS is not signed")]);
        }
        let (sums, signature) = (read(&folder.join(SUMS), SUMS_LIMIT)?, read(&path, SIGNATURE_LIMIT)?);
        let verdict = verify_detached(&sums, &signature, &self.0);
        Ok(vec![Judged { signature: detached(SUMS_SIGNATURE), outcome: outcome(verdict, false) }])
    }
}

/// Judges by the keys that somebody signs with: packages of a format that none of them is for, and unsigned ones, are not judged.
pub struct ByOwn(ByKeys);

impl ByOwn {
    /// Judges by these keys.
    pub fn new(keys: Keys) -> Self {
        ByOwn(ByKeys(keys))
    }
}

impl Judge for ByOwn {
    fn package(&self, path: &Path, report: &Report) -> Result<Vec<Judged>> {
        let known = door(report.format).signatures().are_known_to(&self.0 .0);
        match known && !report.signatures.is_empty() {
            true => self.0.package(path, report),
            false => NoKeys.package(path, report),
        }
    }

    fn sums(&self, folder: &Path) -> Result<Vec<Judged>> {
        match folder.join(SUMS_SIGNATURE).exists() {
            true => self.0.sums(folder),
            false => Ok(Vec::new()),
        }
    }
}

fn outcome(verdict: Verdict, proven: bool) -> Outcome {
    match verdict {
        Verdict::Good { by, note: None } => Outcome::Good(by),
        Verdict::Good { by, note: Some(note) } => Outcome::Good(format!("{by}; {note}")),
        Verdict::Bad { why } => Outcome::Bad(why),
        Verdict::OtherKey { by } if proven => Outcome::Other(by),
        Verdict::OtherKey { by } => Outcome::Bad(format!("made by another key: {by}")),
        Verdict::Unsigned => Outcome::Bad("it is not signed".to_owned()),
    }
}

fn bad(signature: Signature, why: &str) -> Judged {
    Judged { signature, outcome: Outcome::Bad(why.to_owned()) }
}

/// A signature that the report does not have.
fn unknown(report: &Report, place: &str) -> Signature {
    let kind = match place.is_empty() {
        true => "none",
        false => door(report.format).signatures().name(),
    };
    let place = if place.is_empty() { "nowhere" } else { place };
    Signature { kind: kind.to_owned(), ..detached(place) }
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).or_cannot("read", path)?;
    Ok(bytes)
}
