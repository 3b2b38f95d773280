//! Judges what packages claim: each digest, size and list against what is there, and folders of packages against their SHA256SUMS and
//! manifest.json.

mod folder;
pub mod signatures;

pub use folder::folder;

pub use base::lists::{MANIFEST, SUMS, SUMS_SIGNATURE};

use super::report::{Claim, Damage, Report};
use super::text::counted;
use base::error::Result;
use serde::Serialize;
use signatures::{Judge, Judged, Outcome};
use std::collections::BTreeMap;
use std::path::Path;

/// What verification of one package or folder found.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
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

/// What a verdict comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Conclusion {
    /// How good it is.
    pub tone: Tone,
    /// In words.
    pub text: String,
}

/// How good a conclusion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Signed by a key that was given, and nothing differs.
    Good,
    /// Nothing differs, and no key was given.
    Open,
    /// It must be refused.
    Bad,
}

impl Conclusion {
    /// Of a package whose headers alone were read.
    pub fn of_headers() -> Self {
        Conclusion { tone: Tone::Open, text: "not compared: its headers alone were read (--quick)".to_owned() }
    }
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

    /// How much of what went wrong there is.
    pub fn faults(&self) -> String {
        let unread = self.damage.iter().filter(|damage| damage.unread).count();
        let bad = self.signatures.iter().filter(|one| one.outcome.fails()).count();
        let counts = [
            (self.differences.len(), "difference", "differences"),
            (self.damage.len() - unread, "part damaged", "parts damaged"),
            (unread, "part not read", "parts not read"),
            (bad, "signature refused", "signatures refused"),
        ];
        let found = counts.iter().filter(|(count, ..)| *count > 0);
        let said: Vec<String> = found.map(|(count, one, more)| counted(*count, one, more)).collect();
        // What was not read is not known to be wrong.
        let unknown = self.differences.is_empty() && bad == 0 && unread == self.damage.len();
        format!("{}: {}", if unknown { "NOT verified" } else { "FAILED" }, said.join(", "))
    }

    /// What it comes to, in a line.
    pub fn conclusion(&self) -> Conclusion {
        if !self.ok {
            return Conclusion { tone: Tone::Bad, text: self.faults() };
        }
        let compared: u64 = self.held.values().sum();
        let match_all = match compared {
            0 => "no checksums in this package to verify".to_owned(),
            1 => "its one digest or size matches".to_owned(),
            count => format!("all {count} digests and sizes match"),
        };
        let of = |outcome: fn(&Outcome) -> Option<&str>| self.signatures.iter().find_map(|one| outcome(&one.outcome));
        let good = of(|outcome| if let Outcome::Good(whose) = outcome { Some(whose) } else { None });
        let (tone, text) = match (good, self.signatures.first()) {
            (Some(whose), _) => (Tone::Good, format!("correctly signed by {whose}; {match_all}")),
            (None, Some(one)) => {
                let key = one.signature.key.as_deref().unwrap_or("an unnamed key");
                (Tone::Open, format!("{match_all}; signed by {key}, which is not checked without --key"))
            }
            (None, None) => (Tone::Open, format!("not signed; {match_all}")),
        };
        Conclusion { tone, text }
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
    judged(path, &super::read_to(path, base, super::Depth::Claims)?.report, judge)
}

/// Judges a package that was read.
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
    verdict.notes.extend(judge.inside(path, report)?);
    verdict.judge();
    Ok(verdict)
}
