//! What goes into a kit: packages and what travels with them, all of it verified before anything is made.

use super::meta::{Identity, Rpm};
use crate::error::{Error, IoContext, Result};
use crate::inspect::report::{FileFacts, Format, Report};
use crate::inspect::verify::signatures::{Judge, Outcome};
use crate::inspect::verify::{self, Verdict, MANIFEST, SUMS, SUMS_SIGNATURE};
use crate::inspect::{self, limits};
use crate::listener::{some_of, Listener};
use crate::regular;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What a file of the input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A Debian package.
    Deb,
    /// An RPM.
    Rpm,
    /// A self-extracting script.
    Run,
    /// A Windows Installer package.
    Msi,
    /// A cabinet or transform that lies beside an MSI.
    Beside,
    /// A site's answers for a self-extracting script.
    Site,
    /// A bill of materials, or the provenance.
    Bill,
}

impl Kind {
    fn of(name: &str) -> Option<Kind> {
        const ENDS: [(&str, Kind); 10] = [
            (".deb", Kind::Deb),
            (".rpm", Kind::Rpm),
            (".run", Kind::Run),
            (".msi", Kind::Msi),
            (".cab", Kind::Beside),
            (".mst", Kind::Beside),
            (".site", Kind::Site),
            (".cdx.json", Kind::Bill),
            (".spdx.json", Kind::Bill),
            (".provenance.json", Kind::Bill),
        ];
        ENDS.iter().find(|(end, _)| name.ends_with(end)).map(|(_, kind)| *kind)
    }

    fn is_package(self) -> bool {
        !matches!(self, Kind::Beside | Kind::Bill)
    }
}

/// A file that goes into the kit.
#[derive(Debug, Clone)]
pub struct Item {
    /// Where it lies.
    pub source: PathBuf,
    /// Its name.
    pub file: String,
    /// What it is.
    pub kind: Kind,
    /// Bytes.
    pub size: u64,
    /// Hexadecimal.
    pub sha256: String,
    /// What a package is called.
    pub identity: Identity,
}

impl Item {
    /// Where it lies in the kit.
    pub fn place(&self) -> String {
        let file = &self.file;
        match self.kind {
            Kind::Deb => {
                let name = &self.identity.name;
                let first: String = name.chars().take(1).collect();
                format!("linux/apt/pool/main/{first}/{name}/{file}")
            }
            Kind::Rpm => format!("linux/rpm/Packages/{file}"),
            Kind::Run | Kind::Site => format!("linux/run/{file}"),
            Kind::Msi | Kind::Beside => format!("windows/{file}"),
            Kind::Bill => format!("sbom/{file}"),
        }
    }

    /// Whether it is a site's configuration package, which is laid over another one of these.
    pub fn is_overlay(&self, items: &[Item]) -> bool {
        let of = |name: &str| items.iter().any(|item| item.kind == self.kind && item.identity.name == name);
        let bases = || self.identity.name.match_indices("-site-").map(|(at, _)| &self.identity.name[..at]);
        matches!(self.identity.architecture.as_str(), "all" | "noarch") && bases().any(of)
    }

    /// What no two packages share: a DEB's or RPM's identity. Other files are known by their names.
    fn key(&self) -> String {
        let Identity { name, version, architecture, .. } = &self.identity;
        match self.kind {
            Kind::Deb | Kind::Rpm => format!("{:?} {name} {version} {architecture}", self.kind),
            _ => format!("{:?} {}", self.kind, self.file),
        }
    }
}

/// Reads and verifies folders of packages, and single packages.
///
/// # Errors
/// Whatever `verify` refuses, each fault a sentence; a package that is not signed by the kit's key where clients ask for it.
pub fn collect(sources: &[PathBuf], judge: &(dyn Judge + Sync), listener: &dyn Listener) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for source in sources {
        let meta = fs::metadata(source).or_cannot("read", source)?;
        items.extend(match meta.is_dir() {
            true => folder(source, judge, listener)?,
            false => vec![single(source, judge)?],
        });
    }
    Ok(items)
}

/// Each file once. Packages of one name and version, and files of one place, have to be the same.
///
/// # Errors
/// They are not.
pub fn distinct(items: Vec<Item>) -> Result<Vec<Item>> {
    let mut kept: BTreeMap<String, Item> = BTreeMap::new();
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    for item in items {
        let differ = |other: &Path| {
            Error::new(format!("{} and {} are one package with other bytes", other.display(), item.source.display()))
                .note(format!("both are {}", item.key()))
                .help("give the changed one a version of its own: a client that has one would never see the other")
        };
        match kept.get(&item.key()) {
            Some(other) if other.sha256 == item.sha256 => continue,
            Some(other) => return Err(differ(&other.source)),
            None => {}
        }
        // Windows knows no capital letters apart.
        if let Some(other) = places.insert(item.place().to_lowercase(), item.source.display().to_string()) {
            return Err(Error::new(format!("{other} and {} would have one name in the kit", item.source.display()))
                .help("rename one of them"));
        }
        kept.insert(item.key(), item);
    }
    let mut items: Vec<Item> = kept.into_values().collect();
    items.sort_by_key(Item::place);
    Ok(items)
}

fn folder(path: &Path, judge: &(dyn Judge + Sync), listener: &dyn Listener) -> Result<Vec<Item>> {
    let trusted = trusted_sums(path, judge)?;
    if trusted.is_none() {
        let verdicts = verify::folder(path, judge)?;
        refuse(&verdicts)?;
    }
    let trusted = trusted.unwrap_or_default();
    for name in trusted.keys() {
        if !path.join(name).is_file() {
            return Err(Error::new(format!("{} lacks {name}, which its {SUMS} names", path.display()))
                .help("build or copy the folder again"));
        }
    }
    let mut left_out = Vec::new();
    let mut wanted = Vec::new();
    for entry in fs::read_dir(path).or_cannot("list", path)? {
        let entry = entry.or_cannot("list", path)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = Kind::of(&name).filter(|_| !name.starts_with('.'));
        let is_file = entry.file_type().or_cannot("read", &entry.path())?.is_file();
        match kind {
            _ if [SUMS, SUMS_SIGNATURE, MANIFEST].contains(&name.as_str()) => {}
            Some(kind) if is_file => wanted.push((entry.path(), kind)),
            Some(_) => {
                return Err(Error::new(format!("{} is not a plain file", entry.path().display()))
                    .help("links, folders and devices are not read from a folder: put the package itself there, or name it on the command line"))
            }
            None => left_out.push(name),
        }
    }
    if !left_out.is_empty() {
        left_out.sort();
        listener.info(&format!("left out of the kit, from {}: {}", path.display(), some_of(&left_out, 5)));
    }
    wanted.sort();
    if !wanted.iter().any(|(_, kind)| kind.is_package()) {
        return Err(Error::new(format!("{} holds no packages", path.display()))
            .help("name the folder that linkpack build wrote to (dist)"));
    }
    wanted
        .into_par_iter()
        .map(|(path, kind)| {
            crate::interrupt::check()?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match trusted.get(&name) {
                Some(sha256) => listed(&path, kind, sha256, judge),
                None => read(&path, kind, judge),
            }
        })
        .collect()
}

/// SHA256SUMS of a folder, where the kit's own key signed it: what it names was verified when it was made.
fn trusted_sums(path: &Path, judge: &dyn Judge) -> Result<Option<BTreeMap<String, String>>> {
    let signatures = judge.sums(path)?;
    if !signatures.iter().any(|one| matches!(one.outcome, Outcome::Good(_))) || signatures.iter().any(|one| one.outcome.fails()) {
        return Ok(None);
    }
    Ok(Some(parse_sums(&small(&path.join(SUMS))?)))
}

/// Paths and digests of SHA256SUMS; lines of another form are left out.
pub fn parse_sums(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        let (digest, name) = (line.get(..64)?, line.get(66..)?);
        let hex = digest.bytes().all(|byte| byte.is_ascii_hexdigit()) && matches!(line.get(64..66), Some("  " | " *"));
        hex.then(|| (name.to_owned(), digest.to_ascii_lowercase()))
    };
    text.lines().filter_map(line).collect()
}

/// Paths and digests of a kit's or a delta's SHA256SUMS.
///
/// # Errors
/// A line is not a digest and a path, a path leads out of the folder, or stands twice: another reader could take another one of them.
pub fn strict_sums(text: &str) -> Result<BTreeMap<String, String>> {
    let mut sums = BTreeMap::new();
    // As verify.sh and sha256sum read it, to the byte: no other ends of lines, no mark of a binary file.
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let refused = |why: String| Error::new(format!("{SUMS}, line {number}: {why}")).help("do not use it; copy it again");
        let plain = line.strip_suffix('\n').filter(|line| line.get(64..66) == Some("  ") && !line.ends_with('\r'));
        let Some((path, digest)) = plain.and_then(|line| parse_sums(line).pop_first()) else {
            return Err(refused("it is not a digest and a path".to_owned()));
        };
        if !is_inside(&path) {
            return Err(refused(format!("{path:?} is not a path within the folder")));
        }
        if sums.insert(path.clone(), digest).is_some() {
            return Err(refused(format!("{path} stands there twice")));
        }
    }
    Ok(sums)
}

/// Whether a path stays in its folder.
fn is_inside(path: &str) -> bool {
    !path.is_empty() && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

/// A signature, or another file of bounded size.
pub fn small_bytes(path: &Path) -> Result<Vec<u8>> {
    regular::read(path, limits::SUMS)
}

/// Reads a JSON document of bounded size: a bill, an advisory, a statement.
pub fn json(path: &Path) -> Result<serde_json::Value> {
    const MOST: u64 = 256 << 20;
    let text = regular::read(path, MOST)
        .map_err(|error| error.help("give one record a line, in a file whose name ends in .jsonl, where it is too long"))?;
    serde_json::from_slice(&text).map_err(|error| Error::new(format!("{} is no JSON: {error}", path.display())))
}

/// A text file of bounded size.
pub fn small(path: &Path) -> Result<String> {
    String::from_utf8(small_bytes(path)?).map_err(|_| Error::new(format!("{} is not UTF-8", path.display())))
}

fn single(path: &Path, judge: &(dyn Judge + Sync)) -> Result<Item> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let kind = Kind::of(&name).ok_or_else(|| {
        Error::new(format!("{} is not a package", path.display()))
            .help("name folders that linkpack build wrote to, or .deb, .rpm, .run and .msi files")
    })?;
    read(path, kind, judge)
}

/// A file that no signed list names.
fn read(path: &Path, kind: Kind, judge: &(dyn Judge + Sync)) -> Result<Item> {
    if !kind.is_package() {
        let (size, sha256) = super::stage::digest(path)?;
        return item(path, kind, size, sha256, Identity::default());
    }
    let report = inspect::read(path)?.report;
    let verdict = verify::judged(path, &report, judge)?;
    refuse(std::slice::from_ref(&verdict))?;
    signed(path, kind, !report.signatures.is_empty())?;
    let identity = identity(path, kind, Some(&report))?;
    item(path, kind, report.file.size, report.file.sha256, identity)
}

/// A file of a signed SHA256SUMS: its bytes are compared when they are copied.
fn listed(path: &Path, kind: Kind, sha256: &str, judge: &(dyn Judge + Sync)) -> Result<Item> {
    let size = path.metadata().or_cannot("read", path)?.len();
    let (found, identity) = match kind {
        Kind::Rpm => {
            let rpm = Rpm::read(path)?;
            let mut report =
                Report::new(Format::Rpm, FileFacts { name: path.display().to_string(), size, sha256: sha256.to_owned() });
            inspect::rpm_signatures(&rpm.signature, &mut report);
            // The whole file is compared with the signed list when it is copied.
            report.payload_compared = true;
            signed(path, kind, !report.signatures.is_empty())?;
            refuse(&[verify::judged(path, &report, judge)?])?;
            (sha256.to_owned(), rpm.identity)
        }
        // Their identity takes a reading anyway.
        Kind::Run | Kind::Msi | Kind::Site => {
            let report = inspect::read(path)?.report;
            (report.file.sha256.clone(), identity(path, kind, Some(&report))?)
        }
        Kind::Deb => (sha256.to_owned(), Identity::of_deb(path)?),
        Kind::Beside | Kind::Bill => (sha256.to_owned(), Identity::default()),
    };
    match found == sha256 {
        true => item(path, kind, size, found, identity),
        false => Err(Error::new(format!("{} is not the file that {SUMS} names", path.display()))
            .note(format!("its SHA-256 is {found}, and should be {sha256}"))
            .help("build or copy it again")),
    }
}

/// dnf and zypper ask for an RPM's own signature.
fn signed(path: &Path, kind: Kind, is: bool) -> Result<()> {
    match kind == Kind::Rpm && !is {
        true => Err(Error::new(format!("{} is not signed: dnf and zypper would refuse it", path.display()))
            .help("build it with --openpgp-key, or sign it: linkpack sign --openpgp-key FILE DIST")),
        false => Ok(()),
    }
}

fn identity(path: &Path, kind: Kind, report: Option<&Report>) -> Result<Identity> {
    match (kind, report) {
        (Kind::Deb, _) => Identity::of_deb(path),
        (Kind::Rpm, _) => Ok(Rpm::read(path)?.identity),
        (_, Some(report)) => {
            let id = &report.identity;
            Ok(Identity {
                name: id.name.clone(),
                version: id.version.clone(),
                architecture: id.architecture.clone(),
                publisher: id.publisher.clone(),
                time: report.files.iter().filter_map(|file| file.mtime).max(),
                ..Identity::default()
            })
        }
        (_, None) => Ok(Identity::default()),
    }
}

fn item(path: &Path, kind: Kind, size: u64, sha256: String, identity: Identity) -> Result<Item> {
    let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    for (what, name) in [("file", &file), ("package", &identity.name)] {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._+~^-".contains(c);
        let needed = what == "file" || kind == Kind::Deb;
        if needed && (name.is_empty() || !name.chars().all(plain) || name.starts_with(['.', '-'])) {
            return Err(Error::new(format!("{}: the {what}'s name \"{name}\" cannot be used in a repository", path.display()))
                .help("use letters, digits and . _ + ~ ^ - alone"));
        }
    }
    Ok(Item { source: path.to_path_buf(), file, kind, size, sha256, identity })
}

/// Every fault of the verdicts as an error.
fn refuse(verdicts: &[Verdict]) -> Result<()> {
    let mut faults = Vec::new();
    for verdict in verdicts.iter().filter(|verdict| !verdict.ok) {
        let path = &verdict.path;
        for claim in &verdict.differences {
            let text = inspect::text::difference(&claim.subject, &claim.algorithm, &claim.claimed, &claim.found);
            faults.push(format!("{path}: {text}"));
        }
        faults.extend(verdict.damage.iter().map(|damage| format!("{path}: {}: {}", damage.part, damage.what)));
        for one in &verdict.signatures {
            if let Outcome::Bad(why) = &one.outcome {
                faults.push(format!("{path}: signature ({}): {why}", one.signature.place));
            }
        }
    }
    const MOST: usize = 20;
    faults.truncate(MOST);
    let help = "linkpack verify shows all of it; build the packages again, or sign them by the kit's keys: linkpack sign";
    match Error::all(faults.into_iter().map(|fault| Error::new(fault).help(help))) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(file: &str, sha256: &str, name: &str) -> Item {
        let identity = Identity { name: name.into(), version: "1".into(), architecture: "amd64".into(), ..Identity::default() };
        let kind = Kind::of(file).expect("a known ending");
        Item { source: file.into(), file: file.into(), kind, size: 1, sha256: sha256.into(), identity }
    }

    #[test]
    fn one_package_with_other_bytes_is_refused_and_the_same_bytes_are_kept_once() {
        let kept = distinct(vec![item("a.deb", "1", "a"), item("b.deb", "1", "a")]).unwrap();
        assert_eq!(kept.len(), 1);
        let error = distinct(vec![item("a.deb", "1", "a"), item("b.deb", "2", "a")]).unwrap_err();
        assert!(error.what().contains("other bytes"), "{error}");
    }

    #[test]
    fn names_that_differ_in_capital_letters_alone_are_refused() {
        let error = distinct(vec![item("A.run", "1", "a"), item("a.run", "2", "a")]).unwrap_err();
        assert!(error.what().contains("one name in the kit"), "{error}");
    }

    #[test]
    fn a_kits_list_names_each_file_within_it_once() {
        let digest = "0123456789abcdef".repeat(4);
        assert_eq!(strict_sums(&format!("{digest}  a/b c\n{digest}  d\n")).unwrap().len(), 2);
        for wrong in ["/etc/passwd", "../a", "a/../b", "a//b", "./a", "a/", ""] {
            assert!(strict_sums(&format!("{digest}  {wrong}\n")).is_err(), "{wrong}");
        }
        assert!(strict_sums(&format!("{digest}  a\n{digest}  a\n")).is_err());
        for wrong in [format!("{digest}  a"), format!("{digest}  a\r\n"), format!("{digest} *a\n"), "rubbish\n".to_owned()] {
            assert!(strict_sums(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lines_of_sums_are_digests_and_names() {
        let digest = "0123456789abcdef".repeat(4);
        let parsed = parse_sums(&format!("{digest}  a b\n{digest} *c\nrubbish\n{digest}--d\n"));
        assert_eq!(parsed.keys().collect::<Vec<_>>(), ["a b", "c"]);
    }
}
