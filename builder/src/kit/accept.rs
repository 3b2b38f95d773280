//! Acceptance of a kit at the site: what was verified by which keys, and what is different from the kit before.

use super::input::{json, small_bytes, Kind};
use super::old::{self, OldKit};
use super::stage::digest;
use super::times::moment;
use super::{DescribedFile, Description, DESCRIPTION};
use crate::error::{Error, Result};
use crate::inspect;
use crate::inspect::report::Report;
use crate::inspect::verify::{SUMS, SUMS_SIGNATURE};
use crate::new_file;
use crate::trust::key::PublicKey;
use crate::trust::signer::Signer;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Files, components and scripts that one list of the report names.
const MOST: usize = 1000;

/// What is to be accepted, and by whom.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The kit.
    pub kit: PathBuf,
    /// Fingerprints of keys that are trusted, as `sha256:` and 64 digits.
    pub fingerprints: Vec<String>,
    /// The kit that the site has: its key is trusted, and the key that it names as the next.
    pub against: Option<PathBuf>,
    /// How many of the trusted keys have to have signed.
    pub require: usize,
    /// Who accepts.
    pub who: String,
    /// When, in seconds since 1970.
    pub time: i64,
}

/// What came of it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Acceptance {
    /// Whether the kit may be used.
    pub accepted: bool,
    /// Where the kit lies.
    pub kit: String,
    /// What the kit says of itself.
    pub description: Description,
    /// SHA-256 of its SHA256SUMS, which stands for all of it.
    pub sums_sha256: String,
    /// Who accepts.
    pub who: String,
    /// When, as RFC 3339 has it.
    pub when: String,
    /// The signatures of SHA256SUMS.
    pub signatures: Vec<Signed>,
    /// How many by trusted keys were asked for.
    pub required: usize,
    /// Files whose digests were compared.
    pub files: usize,
    /// Why it is refused, if so.
    pub faults: Vec<String>,
    /// What the packages hold and do.
    pub packages: Vec<Package>,
    /// What is different from the kit before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
}

/// A signature of SHA256SUMS.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Signed {
    /// The file.
    pub file: String,
    /// The fingerprint of the key that made it; none where no key of the kit did.
    pub by: Option<String>,
    /// Why that key is trusted; none where it is not.
    pub trusted: Option<String>,
}

/// What an administrator asks of a package.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Package {
    /// Its path in the kit.
    pub path: String,
    /// Its version.
    pub version: String,
    /// How many entries it installs.
    pub entries: usize,
    /// Files with the set-uid or set-gid bit.
    pub set_uid: Vec<String>,
    /// Services that it registers.
    pub services: Vec<String>,
    /// Scripts that run at installation and removal.
    pub scripts: Vec<String>,
}

/// Differences to the kit before.
#[derive(Debug, Default, Serialize, schemars::JsonSchema)]
pub struct Changes {
    /// Where that kit lies.
    pub kit: String,
    /// Its time, in seconds since 1970.
    pub time: u32,
    /// Packages and bills that are new.
    pub added: Vec<String>,
    /// That are gone.
    pub removed: Vec<String>,
    /// Packages of a new version, with what is different in them.
    pub packages: Vec<PackageChanges>,
    /// Components of the bills: those that are new, gone, of another version or licence.
    pub components: Vec<String>,
}

/// Differences of a package to its version before.
#[derive(Debug, Default, Serialize, schemars::JsonSchema)]
pub struct PackageChanges {
    /// The paths of both.
    pub from: String,
    /// As `from`, of the new one.
    pub to: String,
    /// Each as a line: `added /path`, `removed service x`.
    pub lines: Vec<String>,
    /// How many more there are.
    pub more: usize,
}

/// Verifies a kit and describes it.
///
/// # Errors
/// It is not a kit, or cannot be read. What speaks against it is in [`Acceptance::faults`].
pub fn accept(request: &Request) -> Result<Acceptance> {
    let kit = OldKit::read(&request.kit)?;
    let before = request.against.as_deref().map(OldKit::read).transpose()?;
    let mut faults = Vec::new();
    let trusted = trusted(request, before.as_ref())?;
    let signatures = signatures(&request.kit, &kit, &trusted)?;
    let good: BTreeSet<&str> =
        signatures.iter().filter(|one| one.trusted.is_some()).filter_map(|one| one.by.as_deref()).collect();
    if good.len() < request.require {
        faults.push(format!("{} of the {} signatures by trusted keys that are asked for", good.len(), request.require));
    }
    faults.extend(differing(&request.kit, &kit)?);
    // A kit whose description names another key cannot be the one before the next.
    if !kit.is_signed_by_its_own_key().unwrap_or(false) {
        faults.push(format!("{DESCRIPTION} names another key than the one in keys/vendor.pub, or that did not sign it"));
    }
    if let Some(before) = before.as_ref().filter(|before| before.description.time > kit.description.time) {
        let (own, before) = (moment(i64::from(kit.description.time)), moment(i64::from(before.description.time)));
        faults.push(format!(
            "it is older than the kit that the site has ({own} and {before}): somebody may want to bring back a known fault"
        ));
    }
    // Two kits may be of one second.
    if before.as_ref().is_some_and(|before| before.description.previous.as_ref() == Some(&kit.sums_sha256)) {
        faults.push("it is the kit before the one that the site has: somebody may want to bring back a known fault".to_owned());
    }
    let reports = match faults.is_empty() {
        true => reports(&request.kit, &kit.description, &mut faults)?,
        // Only what a signed list names is read.
        false => BTreeMap::new(),
    };
    let packages = reports.iter().map(|(path, report)| package(path, report)).collect();
    let changes = match (&before, &request.against, faults.is_empty()) {
        (Some(before), Some(folder), true) => Some(changes(folder, before, &request.kit, &kit, &reports)?),
        _ => None,
    };
    let when = moment(request.time);
    Ok(Acceptance {
        accepted: faults.is_empty(),
        kit: request.kit.display().to_string(),
        sums_sha256: kit.sums_sha256,
        description: kit.description,
        who: request.who.clone(),
        when,
        signatures,
        required: request.require,
        files: kit.sums.len(),
        faults,
        packages,
        changes,
    })
}

/// Adds a further person's signature, for sites where two have to sign. Returns the file that holds it.
///
/// # Errors
/// The kit is not whole, the key fails, the folder cannot be written.
pub fn countersign(folder: &Path, signer: &Signer) -> Result<String> {
    let kit = OldKit::read(folder)?;
    if let Some(fault) = differing(folder, &kit)?.first() {
        return Err(
            Error::new(format!("{} is not what its {SUMS} says: {fault}", folder.display())).help("copy it again, and verify it")
        );
    }
    let fingerprint = signer.public().fingerprint();
    if fingerprint == kit.description.keys.sums {
        return Err(Error::new(format!("{} is signed by this key already: {fingerprint}", folder.display()))
            .note("a second signature by one key does not stand for a second person")
            .help("sign with another person's key"));
    }
    let digits: String = fingerprint.trim_start_matches("sha256:").chars().take(16).collect();
    let signature = signer.sign(&kit.digest(), "sums")?;
    let file = format!("{}{digits}", old::COSIGNATURE);
    new_file::write(&folder.join(format!("{}{digits}", old::COSIGNER)), signer.public().to_pem().as_bytes())?;
    new_file::write(&folder.join(&file), &signature)?;
    Ok(file)
}

/// Fingerprints and why they are trusted.
fn trusted(request: &Request, before: Option<&OldKit>) -> Result<BTreeMap<String, String>> {
    let mut trusted = BTreeMap::new();
    if let Some(before) = before {
        if !before.is_signed_by_its_own_key()? {
            return Err(Error::new("the kit to compare with is not signed by its own key: it was changed since it was accepted")
                .help("name the folder of the kit that was accepted last"));
        }
        let keys = &before.description.keys;
        trusted.insert(keys.sums.clone(), "it signed the kit before".to_owned());
        trusted.extend(keys.next.iter().map(|next| (next.clone(), "the kit before names it as the next".to_owned())));
    }
    trusted.extend(request.fingerprints.iter().map(|one| (one.clone(), "its fingerprint was given".to_owned())));
    match trusted.is_empty() {
        true => Err(Error::new("there is nothing to know the vendor by: what stands in the kit proves nothing")
            .help("give --fingerprint from the sheet, or the kit that was accepted before with --against")),
        false => Ok(trusted),
    }
}

/// Every signature beside SHA256SUMS, judged by the public keys that lie in the kit; the fingerprints say which of them count.
fn signatures(folder: &Path, kit: &OldKit, trusted: &BTreeMap<String, String>) -> Result<Vec<Signed>> {
    let mut keys = Vec::new();
    let mut files = Vec::new();
    for path in old::walk(folder)? {
        if path == "keys/vendor.pub" || path.starts_with(old::COSIGNER) {
            keys.extend(PublicKey::from_pem(&super::input::small(&folder.join(&path))?));
        } else if path.starts_with(SUMS_SIGNATURE) {
            files.push(path);
        }
    }
    let digest: [u8; 32] = kit.digest();
    let judge = |file: String| {
        let path = folder.join(&file);
        let signature = small_bytes(&path)?;
        let key = keys.iter().find(|key| PublicKey::judge(std::slice::from_ref(*key), &digest, &signature).is_good());
        let by = key.map(PublicKey::fingerprint);
        let trusted = by.as_ref().and_then(|by| trusted.get(by)).cloned();
        Ok(Signed { file, by, trusted })
    };
    files.into_iter().map(judge).collect()
}

/// A sentence for each file that is not what SHA256SUMS says.
fn differing(folder: &Path, kit: &OldKit) -> Result<Vec<String>> {
    let sizes: BTreeMap<&str, u64> = kit.description.files.iter().map(|file| (file.path.as_str(), file.size)).collect();
    let compare = |(path, sha256): (&String, &String)| {
        let full = folder.join(path);
        let Some(meta) = full.symlink_metadata().ok().filter(|meta| meta.is_file()) else {
            return Ok(Some(format!("{path}: missing, or no regular file")));
        };
        // A hole of terabytes is not read to its end.
        if sizes.get(path.as_str()).is_some_and(|size| *size != meta.len()) {
            return Ok(Some(format!("{path}: changed")));
        }
        let (_, found) = digest(&full)?;
        Ok((found != *sha256).then(|| format!("{path}: changed")))
    };
    let found: Vec<Option<String>> = kit.sums.par_iter().map(compare).collect::<Result<_>>()?;
    let described = kit.description.files.iter().filter(|file| kit.sums.get(&file.path) != Some(&file.sha256));
    let told = described.map(|file| format!("{}: {DESCRIPTION} says of it what {SUMS} does not", file.path));
    Ok(found.into_iter().flatten().chain(told).take(MOST).collect())
}

/// The packages, read; what cannot be read is a fault.
fn reports(folder: &Path, description: &Description, faults: &mut Vec<String>) -> Result<BTreeMap<String, Report>> {
    let mut reports = BTreeMap::new();
    for file in description.files.iter().filter(|file| is_package(file)) {
        crate::interrupt::check()?;
        match inspect::read(&folder.join(&file.path)) {
            Ok(package) => {
                let mut report = package.report;
                faults.extend(
                    report.damage.iter().take(MOST).map(|damage| format!("{}: {}: {}", file.path, damage.part, damage.what)),
                );
                // Texts are compared by their digests: a kit may hold many packages.
                report.parts.clear();
                reports.insert(file.path.clone(), report);
            }
            Err(error) if error.is_interrupted() => return Err(error),
            Err(error) => faults.push(format!("{}: {}", file.path, error.what())),
        }
    }
    Ok(reports)
}

fn is_package(file: &DescribedFile) -> bool {
    !matches!(file.kind, Kind::Beside | Kind::Bill)
}

fn package(path: &str, report: &Report) -> Package {
    Package {
        path: path.to_owned(),
        version: report.identity.version.clone(),
        entries: report.files.len(),
        set_uid: set_uid(report).into_iter().take(MOST).collect(),
        services: report.services.iter().map(|service| format!("{} ({})", service.name, service.start)).collect(),
        scripts: report.scripts.iter().map(|script| script.name.clone()).take(MOST).collect(),
    }
}

fn set_uid(report: &Report) -> BTreeSet<String> {
    const BITS: u32 = 0o6000;
    let with = report.files.iter().filter(|file| file.mode.is_some_and(|mode| mode & BITS != 0));
    with.map(|file| file.path.clone()).collect()
}

fn changes(
    old_folder: &Path,
    before: &OldKit,
    folder: &Path,
    kit: &OldKit,
    reports: &BTreeMap<String, Report>,
) -> Result<Changes> {
    let paths = |kit: &OldKit| -> BTreeSet<String> { kit.description.files.iter().map(|file| file.path.clone()).collect() };
    let (old, new) = (paths(before), paths(kit));
    let mut changes = Changes {
        kit: old_folder.display().to_string(),
        time: before.description.time,
        added: new.difference(&old).cloned().collect(),
        removed: old.difference(&new).cloned().collect(),
        ..Changes::default()
    };
    for file in kit.description.files.iter().filter(|file| is_package(file) && !old.contains(&file.path)) {
        let same = |other: &&DescribedFile| {
            other.kind == file.kind && other.name == file.name && other.architecture == file.architecture && is_package(other)
        };
        // The last in the kit before's order: of several versions the one that sorts last.
        let (Some(other), Some(report)) = (before.description.files.iter().rfind(same), reports.get(&file.path)) else {
            continue;
        };
        let earlier = inspect::read(&old_folder.join(&other.path))?.report;
        let mut lines = compared(&earlier, report);
        let more = lines.len().saturating_sub(MOST);
        lines.truncate(MOST);
        changes.packages.push(PackageChanges { from: other.path.clone(), to: file.path.clone(), lines, more });
    }
    let (old, new) = (components(old_folder, before)?, components(folder, kit)?);
    changes.components.extend(new.difference(&old).map(|one| format!("added {one}")));
    changes.components.extend(old.difference(&new).map(|one| format!("removed {one}")));
    changes.components.truncate(MOST);
    Ok(changes)
}

/// What is different between two versions of a package, a line each.
fn compared(old: &Report, new: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let mut sets = |what: &str, old: BTreeSet<String>, new: BTreeSet<String>| {
        lines.extend(new.difference(&old).map(|one| format!("added {what}{one}")));
        lines.extend(old.difference(&new).map(|one| format!("removed {what}{one}")));
    };
    sets("set-uid or set-gid ", set_uid(old), set_uid(new));
    let services =
        |report: &Report| report.services.iter().map(|one| format!("{}: {} ({})", one.name, one.program, one.start)).collect();
    sets("service ", services(old), services(new));
    let relations = |report: &Report| report.relations.iter().map(|one| format!("{} {}", one.kind, one.what)).collect();
    sets("relation ", relations(old), relations(new));
    let scripts = |report: &Report| report.scripts.iter().map(|one| one.name.clone()).collect();
    sets("script ", scripts(old), scripts(new));
    for script in &new.scripts {
        if old.scripts.iter().any(|other| other.name == script.name && other.text != script.text) {
            lines.push(format!("changed script {}", script.name));
        }
    }
    let files = |report: &Report| -> BTreeMap<String, (Option<[u8; 32]>, Option<u32>)> {
        report.files.iter().map(|file| (file.path.clone(), (file.sha256, file.mode))).collect()
    };
    let (old, new) = (files(old), files(new));
    for (path, facts) in &new {
        match old.get(path) {
            None => lines.push(format!("added {path}")),
            Some(other) if other != facts => lines.push(format!("changed {path}")),
            Some(_) => {}
        }
    }
    lines.extend(old.keys().filter(|path| !new.contains_key(*path)).map(|path| format!("removed {path}")));
    lines
}

/// The components of all CycloneDX bills: name, version and licences.
fn components(folder: &Path, kit: &OldKit) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for file in kit.description.files.iter().filter(|file| file.path.ends_with(".cdx.json")) {
        let path = folder.join(&file.path);
        let Ok(bill) = json(&path) else { continue };
        for component in bill["components"].as_array().into_iter().flatten().filter(|one| one["type"] != "file") {
            let text = |name: &str| component[name].as_str().unwrap_or_default().to_owned();
            let licences = component["licenses"].as_array().into_iter().flatten();
            let licences: Vec<&str> = licences
                .filter_map(|one| {
                    one["expression"].as_str().or(one["license"]["id"].as_str()).or(one["license"]["name"].as_str())
                })
                .collect();
            found.insert(format!("{} {} ({})", text("name"), text("version"), licences.join(", ")));
        }
    }
    Ok(found)
}
