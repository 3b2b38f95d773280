//! `linkpack sign`: packages that were built before, and the lists beside them that state their digests.

use super::output::{self, Output};
use super::sign::Signing;
use crate::error::{Error, IoContext, Result};
use crate::format::door;
use crate::format::stream::digest;
use crate::inspect;
use crate::listener::Listener;
use crate::manifest::Format;
use crate::payload::{pe, Content};
use crate::trust::authenticode::About;
use crate::trust::record::{Document, Record, Signed};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// A package after `linkpack sign`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Resigned {
    /// The file.
    pub path: PathBuf,
    /// Its format, or `program`.
    pub format: &'static str,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// Who signed it; none where no key is for its format.
    pub signed: Option<Signed>,
}

/// Bytes of SHA256SUMS or manifest.json.
const LIST_LIMIT: u64 = 64 << 20;

/// Signs packages, and all packages of folders. Each is signed in a copy that then takes its place. In an MSI linkpack's own programs are
/// signed as well, and `all_programs` that nobody has signed where that is asked for.
///
/// # Errors
/// One is no package or cannot be signed; no name then has anything but a whole package, of before or after.
pub fn sign(paths: &[PathBuf], signing: &Signing, all_programs: bool, listener: &dyn Listener) -> Result<Vec<Resigned>> {
    let mut folders: BTreeMap<PathBuf, BTreeMap<PathBuf, What>> = BTreeMap::new();
    for path in paths {
        let whole = path.is_dir();
        let folder = if whole { path.clone() } else { crate::new_file::folder(path).to_path_buf() };
        let found = if whole { packages_in(path)? } else { vec![path.clone()] };
        let folder = folders.entry(folder).or_default();
        for package in found {
            let what = known(&package)?;
            folder.insert(package, what);
        }
    }
    // What cannot be signed is told before the first package is copied.
    let mut covered = BTreeMap::new();
    for what in folders.values().flat_map(BTreeMap::values) {
        if !covered.contains_key(what) {
            covered.insert(*what, door(what.format()).covers(signing, listener)?);
        }
    }
    let mut all = Vec::new();
    for (folder, packages) in &folders {
        let work: Vec<Work> =
            packages.iter().map(|(path, what)| Work { path, what: *what, covered: covered[what], all_programs }).collect();
        all.extend(sign_folder(folder, &work, signing, listener)?);
    }
    Ok(all)
}

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Package(Format),
    /// A program for Windows, which is signed as its MSI is.
    Program,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            What::Package(format) => format.name(),
            What::Program => "program",
        }
    }

    /// The format by whose keys it is signed.
    fn format(self) -> Format {
        match self {
            What::Package(format) => format,
            What::Program => Format::Msi,
        }
    }
}

/// A package or program, and whether there is a key for it.
struct Work<'a> {
    path: &'a Path,
    what: What,
    covered: bool,
    all_programs: bool,
}

fn known(path: &Path) -> Result<What> {
    // A file that cannot be opened is told as such.
    let mut head = Vec::new();
    File::open(path).and_then(|file| file.take(pe::HEADERS as u64).read_to_end(&mut head)).or_cannot("read", path)?;
    if pe::signature_places(&head).is_some() {
        return Ok(What::Program);
    }
    inspect::format_of(path).map(What::Package).map_err(|error| match error.is_interrupted() {
        true => error,
        false => Error::new(format!("{} is not a package that linkpack can sign", path.display()))
            .help("it signs .deb, .rpm, .msi, .mst, .site, its own .run, and programs for Windows (.exe, .dll)"),
    })
}

fn packages_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).or_cannot("list", folder)? {
        let path = entry.or_cannot("list", folder)?.path();
        let ours = path
            .extension()
            .and_then(|end| end.to_str())
            .is_some_and(|end| Format::ALL.iter().any(|format| format.name() == end));
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if ours && !hidden && crate::regular::is_plain(&path) {
            found.push(path);
        }
    }
    match found.is_empty() {
        true => Err(Error::new(format!("{} holds no packages", folder.display()))),
        false => Ok(found),
    }
}

fn sign_folder(folder: &Path, packages: &[Work], signing: &Signing, listener: &dyn Listener) -> Result<Vec<Resigned>> {
    let mut output = Output::open(folder, false)?;
    let mut signed = Vec::new();
    for work in packages {
        if work.covered {
            let (one, file) = sign_one(work, &output, signing, listener)?;
            output.keep(file, name(work.path)?);
            signed.push(one);
        } else {
            signed.push(left_alone(work)?);
        }
    }
    let changed: Vec<&Resigned> = signed.iter().filter(|one| one.signed.is_some()).collect();
    let lists = lists(folder, &changed, signing, listener)?;
    output.finish_with(lists)?;
    Ok(signed)
}

/// What stands beside the packages, as it is to be afterwards.
fn lists(folder: &Path, changed: &[&Resigned], signing: &Signing, listener: &dyn Listener) -> Result<Vec<(String, Vec<u8>)>> {
    let mut sums = BTreeMap::new();
    for one in changed {
        sums.insert(name(&one.path)?, one.sha256.clone());
    }
    let mut lists = Vec::new();
    if let Some(text) = list(&folder.join(output::MANIFEST))? {
        let (manifest, provenance) = new_manifest(folder, &text, changed, &mut sums)?.unwrap_or((text.into_bytes(), None));
        lists.extend(provenance);
        lists.push((output::MANIFEST.to_owned(), manifest));
    }
    let Some(text) = list(&folder.join(output::SUMS))? else { return Ok(lists) };
    let sums = new_sums(&text, &sums);
    let signature = folder.join(output::SUMS_SIGNATURE);
    let mut signed = |bytes| lists.push((output::SUMS_SIGNATURE.to_owned(), bytes));
    match signing.sign_sums(sums.as_bytes())? {
        Some(bytes) => signed(bytes),
        None if !signature.exists() => {}
        None if sums == text => signed(fs::read(&signature).or_cannot("read", &signature)?),
        None => listener
            .warning(&format!("{} is removed: SHA256SUMS changes, and there is no --key to sign it with", signature.display())),
    }
    lists.push((output::SUMS.to_owned(), sums.into_bytes()));
    Ok(lists)
}

fn name(path: &Path) -> Result<String> {
    path.file_name()
        .and_then(|name| name.to_str())
        .map(str::to_owned)
        .ok_or_else(|| Error::new(format!("{} has no name that SHA256SUMS could hold", path.display())).help("rename it"))
}

fn left_alone(work: &Work) -> Result<Resigned> {
    let mut original = File::open(work.path).or_cannot("read", work.path)?;
    resigned(work, &mut original, None)
}

fn sign_one(
    work: &Work,
    output: &Output,
    signing: &Signing,
    listener: &dyn Listener,
) -> Result<(Resigned, tempfile::NamedTempFile)> {
    let path = work.path;
    let mut original = File::open(path).or_cannot("read", path)?;
    let mut copy = output.partial()?;
    let meta = original.metadata().or_cannot("read", path)?;
    copy.as_file().set_permissions(meta.permissions()).or_cannot("set the mode of the copy of", path)?;
    let signed = match work.what {
        What::Package(format) => {
            std::io::copy(&mut original, copy.as_file_mut()).or_cannot("copy", path)?;
            door(format).sign_inside(copy.as_file_mut(), path, signing, work.all_programs, listener)?;
            door(format).sign(copy.as_file_mut(), path, signing, listener)?
        }
        What::Program => {
            let content = Content::file(path, &meta);
            let content = signing.signed_program(&content, &About::default(), true)?.unwrap_or(content);
            let mut reader = content.open()?;
            let mut block = vec![0; content.len().min(256 << 10) as usize];
            loop {
                match reader.read_block(&mut block)? {
                    0 => break,
                    count => copy.write_all(&block[..count]).or_cannot("write", copy.path())?,
                }
            }
            signing.chain().first().map(|end| Signed { kind: "authenticode".into(), key: end.describe() })
        }
    };
    crate::interrupt::check()?;
    Ok((resigned(work, copy.as_file_mut(), signed)?, copy))
}

fn resigned(work: &Work, file: &mut File, signed: Option<Signed>) -> Result<Resigned> {
    let (size, sha256) = digest(file).or_cannot("read", work.path)?;
    Ok(Resigned { path: work.path.to_path_buf(), format: work.what.name(), size, sha256, signed })
}

fn list(path: &Path) -> Result<Option<String>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file.or_cannot("read", path)?,
    };
    let mut text = String::new();
    file.take(LIST_LIMIT).read_to_string(&mut text).or_cannot("read", path)?;
    Ok(Some(text))
}

/// SHA256SUMS with the new digests of files.
fn new_sums(text: &str, changed: &BTreeMap<String, String>) -> String {
    let line = |line: &str| match line.get(66..).and_then(|file| Some((file, changed.get(file)?))) {
        Some((file, sha256)) => format!("{sha256}  {file}\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// A list's name and bytes.
type Named = (String, Vec<u8>);

/// manifest.json with the new digests and lengths, and who signed, and the provenance that names the packages; `None` where it is somebody
/// else's. The provenance's digest joins `sums`.
fn new_manifest(
    folder: &Path,
    text: &str,
    changed: &[&Resigned],
    sums: &mut BTreeMap<String, String>,
) -> Result<Option<(Vec<u8>, Option<Named>)>> {
    let Ok(mut record) = Record::parse(text.as_bytes()) else { return Ok(None) };
    for one in changed {
        let file = name(&one.path)?;
        for package in record.packages.to_mut().iter_mut().filter(|package| package.file == file) {
            package.sha256.clone_from(&one.sha256);
            package.size = one.size;
            package.signed.clone_from(&one.signed);
        }
    }
    let listed = record.documents.to_mut().iter_mut().find(|document| document.kind == "provenance");
    let provenance = match listed {
        Some(listed) => new_provenance(folder, listed, sums)?,
        None => None,
    };
    Ok(Some((record.text(), provenance)))
}

/// The provenance with the new digests of its subjects.
fn new_provenance(folder: &Path, listed: &mut Document, sums: &mut BTreeMap<String, String>) -> Result<Option<Named>> {
    let file = listed.file.clone();
    if file.contains('/') {
        return Ok(None);
    }
    let Some(text) = list(&folder.join(&file))? else { return Ok(None) };
    let Ok(mut statement) = serde_json::from_str::<Value>(&text) else { return Ok(None) };
    for subject in statement["subject"].as_array_mut().into_iter().flatten() {
        if let Some(sha256) = subject["name"].as_str().and_then(|name| sums.get(name)) {
            subject["digest"]["sha256"] = sha256.clone().into();
        }
    }
    let bytes = (serde_json::to_string_pretty(&statement).expect("plain JSON") + "\n").into_bytes();
    let sha256 = hex::encode(Sha256::digest(&bytes));
    listed.size = bytes.len() as u64;
    listed.sha256.clone_from(&sha256);
    sums.insert(file.clone(), sha256);
    Ok(Some((file, bytes)))
}
