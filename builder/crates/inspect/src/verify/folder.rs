//! A folder of packages: SHA256SUMS, manifest.json, and each package in it.

use super::signatures::Judge;
use super::{judged, Verdict, MANIFEST, SUMS};
use crate::digest;
use crate::limits;
use crate::report::{Claim, Damage, Format};
use crate::watch::{Algorithm, Hasher};
use base::error::{Error, IoContext, Result};
use base::regular::is_plain;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use trust::record::Record;

/// The extension of what travels with packages.
const CABINET: &str = "cab";
/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 100_000;

/// A file that was looked at: length and SHA-256.
#[derive(Clone)]
struct Facts {
    size: u64,
    sha256: String,
}

fn is_package(extension: &str) -> bool {
    Format::ALL.iter().any(|format| format.name() == extension)
}

/// Verifies a folder: its own verdict first, then one of each package in it, by name. What cannot be read becomes damage of its verdict.
///
/// # Errors
/// The folder cannot be read, or holds neither packages nor a list of them.
pub fn folder(path: &Path, judge: &dyn Judge) -> Result<Vec<Verdict>> {
    let names = names(path)?;
    let mut folder = Folder { path, verdict: Verdict::of_folder(path), facts: BTreeMap::new(), listed: BTreeSet::new() };
    let extension = |name: &str| name.rsplit_once('.').map(|(_, extension)| extension.to_owned()).unwrap_or_default();
    let packages: Vec<&String> = names.iter().filter(|name| is_package(&extension(name))).collect();
    let read: Vec<Result<(Option<Facts>, Verdict)>> = packages.par_iter().map(|name| package(path, name, judge)).collect();
    let mut verdicts = Vec::new();
    for (name, read) in packages.into_iter().zip(read) {
        let (facts, verdict) = read?;
        folder.facts.extend(facts.map(|facts| (name.clone(), facts)));
        verdicts.push(verdict);
    }
    let (sums, manifest) = (names.contains(SUMS), names.contains(MANIFEST));
    if verdicts.is_empty() && !sums && !manifest {
        return Err(Error::new(format!("{} holds no packages, no {SUMS} and no {MANIFEST}", path.display()))
            .help("name the folder that linkpack build wrote to (dist)"));
    }
    if sums {
        folder.sums()?;
    }
    if manifest {
        folder.manifest()?;
    }
    if !sums && !manifest {
        folder.verdict.notes.push(format!("it has neither {SUMS} nor {MANIFEST}: only each package's own claims were compared"));
    } else {
        let beside = |name: &&String| is_package(&extension(name)) || extension(name) == CABINET;
        for name in names.iter().filter(beside).filter(|name| !folder.listed.contains(*name)) {
            folder.verdict.notes.push(format!("{name} is not listed in SHA256SUMS or manifest.json"));
        }
    }
    folder.verdict.signatures = judge.sums(path)?;
    folder.verdict.judge();
    verdicts.insert(0, folder.verdict);
    Ok(verdicts)
}

fn names(path: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(path).or_cannot("read", path)?.take(MOST_ENTRIES) {
        if let Ok(name) = entry.or_cannot("read", path)?.file_name().into_string() {
            names.insert(name);
        }
    }
    Ok(names)
}

/// One package of a folder: what SHA256SUMS and manifest.json say something of, and its own verdict.
fn package(folder: &Path, name: &str, judge: &dyn Judge) -> Result<(Option<Facts>, Verdict)> {
    let path = folder.join(name);
    let failed = |what: String| {
        let mut verdict = Verdict::of_folder(&path);
        verdict.damage.push(Damage { part: name.to_owned(), what, unread: false });
        verdict.judge();
        (None, verdict)
    };
    if !is_plain(&path) {
        return Ok(failed("it is no regular file, and links are not followed".to_owned()));
    }
    match crate::read(&path) {
        Ok(package) => {
            let file = &package.report.file;
            let facts = Facts { size: file.size, sha256: file.sha256.clone() };
            Ok((Some(facts), judged(&path, &package.report, judge)?))
        }
        Err(error) if error.is_interrupted() => Err(error),
        Err(error) => {
            let note = error.notes().first().map(|note| format!(": {note}")).unwrap_or_default();
            Ok(failed(format!("{}{note}", error.what())))
        }
    }
}

struct Folder<'a> {
    path: &'a Path,
    verdict: Verdict,
    facts: BTreeMap<String, Facts>,
    /// Names in SHA256SUMS or manifest.json.
    listed: BTreeSet<String>,
}

impl Folder<'_> {
    /// Lines of sha256sum(1).
    fn sums(&mut self) -> Result<()> {
        let Some(text) = self.text(SUMS)? else { return Ok(()) };
        for line in text.lines().filter(|line| !line.is_empty()) {
            let digest = line.get(..64).filter(|digest| digest.bytes().all(|b| b.is_ascii_hexdigit()));
            let name = line.get(64..).and_then(|rest| rest.strip_prefix("  ").or_else(|| rest.strip_prefix(" *")));
            let (Some(digest), Some(name)) = (digest, name) else {
                let line: String = line.chars().take(200).collect();
                self.damaged(SUMS, format!("its line \"{line}\" is no digest with a name"));
                continue;
            };
            self.listed_as(SUMS, name, None, digest)?;
        }
        Ok(())
    }

    /// Sizes and digests of manifest.json, of packages and what else it lists.
    fn manifest(&mut self) -> Result<()> {
        let Some(text) = self.text(MANIFEST)? else { return Ok(()) };
        let record = match Record::parse(text.as_bytes()) {
            Ok(record) => record,
            Err(wrong) => {
                self.damaged(MANIFEST, format!("it {wrong}"));
                return Ok(());
            }
        };
        let documents = record.documents.iter().map(|one| (&one.file, one.size, &one.sha256));
        let packages = record.packages.iter().flat_map(|package| {
            let cabinets = package.cabinets.iter().map(|one| (&one.file, one.size, &one.sha256));
            std::iter::once((&package.file, package.size, &package.sha256)).chain(cabinets)
        });
        for (name, size, digest) in packages.chain(documents) {
            self.listed_as(MANIFEST, name, Some(size), digest)?;
        }
        Ok(())
    }

    fn listed_as(&mut self, list: &str, name: &str, size: Option<u64>, digest: &str) -> Result<()> {
        let differs = |algorithm: &str, claimed: String, found: String| Claim {
            subject: name.to_owned(),
            algorithm: format!("{algorithm} in {list}"),
            claimed,
            found,
        };
        if name.is_empty() || name.contains(['/', '\\', '\0']) || name == "." || name == ".." {
            self.verdict.differences.push(differs(
                "name",
                "a file of this folder".into(),
                "a way out of it, not followed".into(),
            ));
            return Ok(());
        }
        self.listed.insert(name.to_owned());
        let Some(facts) = self.facts(name)? else {
            self.verdict.differences.push(differs("presence", "there".into(), "missing, or no regular file".into()));
            return Ok(());
        };
        let digest = digest.to_ascii_lowercase();
        let mut hold = |algorithm: &str, claimed: String, found: String| match claimed == found {
            true => *self.verdict.held.entry(format!("{algorithm} of {list}")).or_default() += 1,
            false => self.verdict.differences.push(differs(algorithm, claimed, found)),
        };
        hold("SHA-256", digest, facts.sha256);
        if let Some(size) = size {
            hold("size", size.to_string(), facts.size.to_string());
        }
        Ok(())
    }

    /// Length and digest of a file of the folder; none where there is no regular file.
    fn facts(&mut self, name: &str) -> Result<Option<Facts>> {
        if let Some(facts) = self.facts.get(name) {
            return Ok(Some(facts.clone()));
        }
        let path = self.path.join(name);
        if !is_plain(&path) {
            return Ok(None);
        }
        let mut file = File::open(&path).or_cannot("read", &path)?;
        let mut hasher = [Algorithm::Sha256.hasher()];
        let size = digest::feed(&mut file, &mut hasher, |error| Error::io("read", &path, &error))?;
        let facts = Facts { size, sha256: hex::encode(hasher.map(Hasher::finish).concat()) };
        self.facts.insert(name.to_owned(), facts.clone());
        Ok(Some(facts))
    }

    /// A list's text; what cannot be read as text is damage.
    fn text(&mut self, name: &str) -> Result<Option<String>> {
        let path = self.path.join(name);
        if !is_plain(&path) {
            self.damaged(name, "it is no regular file, and links are not followed".to_owned());
            return Ok(None);
        }
        let mut bytes = Vec::new();
        File::open(&path).and_then(|file| file.take(limits::SUMS + 1).read_to_end(&mut bytes)).or_cannot("read", &path)?;
        if bytes.len() as u64 > limits::SUMS {
            self.damaged(name, format!("it has more than {} MiB", limits::SUMS >> 20));
            return Ok(None);
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => {
                self.damaged(name, "it is not UTF-8".to_owned());
                Ok(None)
            }
        }
    }

    fn damaged(&mut self, part: &str, what: String) {
        if self.verdict.damage.len() < limits::LISTED {
            self.verdict.damage.push(Damage { part: part.to_owned(), what, unread: false });
        }
    }
}
