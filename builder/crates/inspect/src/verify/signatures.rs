//! The boundary to what knows keys: every signature of a package or a folder's lists, and what became of it.

use super::SUMS_SIGNATURE;
use crate::openpgp::UNREADABLE;
use crate::report::{Report, Signature};
use base::error::Result;
use serde::Serialize;
use std::path::Path;

/// A signature and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Judged {
    /// The signature as the package has it.
    #[serde(flatten)]
    pub signature: Signature,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// No key was given.
    NotChecked,
    /// It is by one of the keys and covers these bytes: whose it is.
    Good(String),
    /// It is not: why.
    Bad(String),
    /// Another key made it, and a given one another signature of the package: whose it is.
    Other(String),
}

impl Outcome {
    /// Whether the package must be refused for it.
    pub fn fails(&self) -> bool {
        matches!(self, Outcome::Bad(_))
    }
}

/// Judges signatures by keys.
pub trait Judge: Sync {
    /// All signatures of a package; where keys are given, one that fails stands for a package without any.
    ///
    /// # Errors
    /// The user interrupted.
    fn package(&self, path: &Path, report: &Report) -> Result<Vec<Judged>>;

    /// What is to be said of signatures of what is inside of a package.
    ///
    /// # Errors
    /// The user interrupted.
    fn inside(&self, _path: &Path, _report: &Report) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// The signature of a folder's SHA256SUMS.
    ///
    /// # Errors
    /// It cannot be read.
    fn sums(&self, folder: &Path) -> Result<Vec<Judged>>;
}

/// Has no key: says which signatures there are.
#[derive(Debug, Clone, Copy)]
pub struct NoKeys;

impl Judge for NoKeys {
    fn package(&self, _: &Path, report: &Report) -> Result<Vec<Judged>> {
        let judged = |signature: &Signature| {
            // That takes no key to see.
            let outcome = match signature.kind == UNREADABLE {
                true => Outcome::Bad("it is no signature that can be read".to_owned()),
                false => Outcome::NotChecked,
            };
            Judged { signature: signature.clone(), outcome }
        };
        Ok(report.signatures.iter().map(judged).collect())
    }

    fn sums(&self, folder: &Path) -> Result<Vec<Judged>> {
        let there = folder.join(SUMS_SIGNATURE).exists();
        Ok(there.then(|| Judged { signature: detached(SUMS_SIGNATURE), outcome: Outcome::NotChecked }).into_iter().collect())
    }
}

/// A signature of which nothing is known but its place.
pub fn detached(place: &str) -> Signature {
    Signature { kind: "detached".to_owned(), algorithm: None, key: None, place: place.to_owned(), bytes: Vec::new() }
}
