//! The signatures of any package, judged by given keys.

use crate::error::{IoContext, Result};
use crate::format::{door, PayloadDigest};
use crate::inspect;
use crate::trust::key::PublicKey;
use crate::trust::keys::Keys;
use crate::trust::Verdict;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::path::Path;

/// One signature of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Where it is: an RPM's tag, a DEB's member, an MSI's stream; empty for a package without any.
    pub place: String,
    /// What is to be said of it.
    pub verdict: Verdict,
}

/// Judges all signatures of a package; exactly one [`Verdict::Unsigned`] where it has none.
///
/// # Errors
/// It cannot be read, or is no package.
pub fn verify(path: &Path, keys: &Keys) -> Result<Vec<Judged>> {
    verify_with(path, keys, PayloadDigest::NotCompared)
}

/// As [`verify`], with what is known of the payload.
///
/// # Errors
/// As [`verify`].
pub fn verify_with(path: &Path, keys: &Keys, payload: PayloadDigest) -> Result<Vec<Judged>> {
    let format = inspect::format_of(path)?;
    let mut file = File::open(path).or_cannot("read", path)?;
    let judged = door(format).verify(&mut file, path, keys, payload)?;
    if judged.is_empty() {
        return Ok(vec![Judged { place: String::new(), verdict: Verdict::Unsigned }]);
    }
    Ok(judged.into_iter().map(|(place, verdict)| Judged { place, verdict }).collect())
}

/// Whether a package's signatures prove it: one at least is good, and none is wrong. Another key's does no harm.
pub fn proves(judged: &[Judged]) -> bool {
    judged.iter().any(|one| one.verdict.is_good()) && !judged.iter().any(|one| matches!(one.verdict, Verdict::Bad { .. }))
}

/// Judges a detached signature, such as SHA256SUMS.sig, over a file's bytes.
pub fn verify_detached(bytes: &[u8], signature: &[u8], keys: &Keys) -> Verdict {
    PublicKey::judge(&keys.public, &Sha256::digest(bytes).into(), signature)
}
