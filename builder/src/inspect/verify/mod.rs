//! Judges what packages claim: each digest, size and list against what is there, and folders of packages against their SHA256SUMS and
//! manifest.json.

mod folder;
pub mod signatures;

pub use folder::folder;

pub use crate::lists::{MANIFEST, SUMS, SUMS_SIGNATURE};

use super::report::{Claim, Damage, Report};
use crate::error::Result;
use serde::Serialize;
use signatures::{Judge, Judged};
use std::collections::BTreeMap;
use std::path::Path;

/// What verification of one package or folder found.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// The path as it was given.
    pub path: String,
    /// `deb`, `rpm`, `run`, `msi`, or `folder`.
    pub format: &'static str,
    /// Nothing differs, nothing is damaged, and no signature fails.
    pub ok: bool,
    /// How many claims of each sort hold.
    pub held: BTreeMap<String, u64>,
    /// Every claim that does not.
    pub differences: Vec<Claim>,
    /// What cannot be read.
    pub damage: Vec<Damage>,
    /// The signatures that are there, and what became of them.
    pub signatures: Vec<Judged>,
    /// What an auditor should know though nothing is wrong.
    pub notes: Vec<String>,
}

impl Verdict {
    fn of_folder(path: &Path) -> Self {
        Verdict {
            path: path.display().to_string(),
            format: "folder",
            ok: true,
            held: BTreeMap::new(),
            differences: Vec::new(),
            damage: Vec::new(),
            signatures: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Whether there was nothing to compare with: no claim, no signature.
    pub fn is_without_claims(&self) -> bool {
        self.ok && self.held.is_empty() && self.signatures.is_empty()
    }

    fn judge(&mut self) {
        let signed = self.signatures.iter().all(|one| !one.outcome.fails());
        self.ok = self.differences.is_empty() && self.damage.is_empty() && signed;
    }
}

/// Verifies one package; `judge` knows whose its signatures must be.
///
/// # Errors
/// It cannot be read at all.
pub fn package(path: &Path, judge: &dyn Judge) -> Result<Verdict> {
    package_of(path, None, judge)
}

/// The same; a transform is compared with `base`, the package that it is for.
///
/// # Errors
/// As [`package`]'s; and the base cannot be read.
pub fn package_of(path: &Path, base: Option<&Path>, judge: &dyn Judge) -> Result<Verdict> {
    judged(path, &super::read_with(path, base)?.report, judge)
}

/// The verdict on a package that was read.
///
/// # Errors
/// The user interrupted.
pub fn judged(path: &Path, report: &Report, judge: &dyn Judge) -> Result<Verdict> {
    let mut verdict = Verdict {
        path: path.display().to_string(),
        format: report.format.name(),
        ok: true,
        held: report.claims.held.clone(),
        differences: report.claims.listed.iter().filter(|claim| !claim.holds()).cloned().collect(),
        damage: report.damage.clone(),
        signatures: judge.package(path, report)?,
        notes: report.notes.clone(),
    };
    verdict.judge();
    Ok(verdict)
}
