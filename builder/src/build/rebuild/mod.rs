//! Builds packages again from their manifest and compares: those who trust the sources can then trust the packages.
//!
//! Signatures are set aside: those who rebuild do not have the key.

mod compound;
mod difference;
mod linear;

use super::programs;
use super::{build, CodecChoice, Options, Package, Packing, SigningOptions};
use crate::compress::CacheChoice;
use crate::error::{Error, IoContext, Result};
use crate::format::stream::digest;
use crate::format::{door, writer, ProgramSignatures};
use crate::inspect;
use crate::inspect::reader::Aside;
use crate::inspect::verify::MANIFEST as RECORD;
use crate::inspect::Report;
use crate::listener::Listener;
use crate::manifest::{Format, Given, Target};
use crate::trust::record::Record;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to build again, and from what.
#[derive(Debug, Clone)]
pub struct Rebuild {
    /// The manifest.
    pub manifest: PathBuf,
    /// Values of the command line that the packages were built with.
    pub given: Given,
    /// Site files of the packages' sites.
    pub sites: Vec<PathBuf>,
    /// Compressing threads.
    pub threads: usize,
    /// Where the packages are built, and removed again.
    pub temporary: PathBuf,
}

/// How a package compares with what was built again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Comparison {
    /// The package's path as it was given.
    pub package: String,
    /// The first thing that differs; `None` where nothing does.
    pub difference: Option<String>,
    /// Signatures that were set aside.
    pub signatures: usize,
}

/// The format that is asked for to get this file; `None` for a recipe.
fn asked(built: &Package) -> Option<Format> {
    let own = built.format.format()?;
    let lies_below = |format: &Format| door(*format).overlay() == own && writer(*format).is_some();
    match built.overlay {
        true => Format::ALL.into_iter().find(lies_below),
        false => Some(own),
    }
}

impl Rebuild {
    /// Builds packages again and compares each: those at these paths, and all that the manifest.json of a folder among them lists. What
    /// lies in one folder is built in one go. `failed` hears of what could not be compared, and why: there is no manifest.json beside a
    /// package, it does not list it, or names a site whose file was not given; whatever the build refuses.
    ///
    /// # Errors
    /// The user interrupts.
    pub fn compare(
        &self,
        paths: &[PathBuf],
        listener: &dyn Listener,
        failed: &mut dyn FnMut(&Path, Error),
    ) -> Result<Vec<Comparison>> {
        let mut folders: Vec<Folder> = Vec::new();
        for path in paths {
            let (folder, name) = parts(path);
            let at = folders.iter().position(|known| known.path == folder).unwrap_or_else(|| {
                folders.push(Folder { path: folder.to_path_buf(), record: record(folder), wanted: BTreeMap::new() });
                folders.len() - 1
            });
            if let Err(error) = folders[at].want(name, path) {
                failed(path, error);
            }
        }
        let mut comparisons = Vec::new();
        for folder in folders.iter().filter(|folder| !folder.wanted.is_empty()) {
            match self.folder(folder, listener, failed) {
                Ok(compared) => comparisons.extend(compared),
                Err(error) if error.is_interrupted() => return Err(error),
                Err(error) if folder.path.as_os_str().is_empty() => failed(Path::new("."), error),
                Err(error) => failed(&folder.path, error),
            }
        }
        Ok(comparisons)
    }

    /// Builds what is wanted of a folder, and compares.
    fn folder(&self, folder: &Folder, listener: &dyn Listener, failed: &mut dyn FnMut(&Path, Error)) -> Result<Vec<Comparison>> {
        let Ok(record) = &folder.record else { return Ok(Vec::new()) };
        let wanted: Vec<&Package> = folder.wanted.values().collect();
        let again = tempfile::Builder::new().prefix("linkpack-again-").tempdir_in(&self.temporary);
        let again = again
            .or_cannot("create a folder in", &self.temporary)
            .map_err(|error| error.help("set TMPDIR to a folder with room"))?;
        let made = build(&self.options(record, &wanted, again.path(), signatures(&folder.path, &wanted)?)?, listener)?;
        let set = self::record(again.path())?.set.into_owned();
        let compare = |built: &Package| {
            let same = |package: &&Package| {
                package.format == built.format && package.target == built.target && package.site == built.site
            };
            let rebuilt = made.packages.iter().find(same).ok_or_else(|| self.site_missing(built))?;
            let mut comparison = compare(&folder.path.join(&built.file), &again.path().join(&rebuilt.file))?;
            if comparison.difference.is_none() {
                comparison.difference = cabinets(&folder.path, built, rebuilt)?;
            }
            comparison.difference = comparison.difference.map(|what| format!("{what}{}", cause(record, &set, &what)));
            Ok(comparison)
        };
        let mut comparisons = Vec::new();
        for built in wanted {
            match compare(built) {
                Ok(comparison) => comparisons.push(comparison),
                Err(error) if Error::is_interrupted(&error) => return Err(error),
                Err(error) => failed(&folder.path.join(&built.file), error),
            }
        }
        Ok(comparisons)
    }

    fn options(&self, record: &Record, wanted: &[&Package], output: &Path, signatures: ProgramSignatures) -> Result<Options> {
        let unknown = |what: &str, name: &str| {
            Error::new(format!("{RECORD} names the {what} \"{name}\", which this linkpack does not know"))
                .help("use the version of linkpack that made the packages: manifest.json names it")
        };
        let (mut formats, mut targets) = (Vec::new(), Vec::new());
        for built in wanted {
            let target = Target::ALL.into_iter().find(|target| target.name() == built.target);
            let format = asked(built).ok_or_else(|| unknown("format", built.format.name()))?;
            if !formats.contains(&format) {
                formats.push(format);
            }
            if built.overlay {
                continue;
            }
            let target = target.ok_or_else(|| unknown("target", &built.target))?;
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        let choice = |name: &str| CodecChoice::of(name).ok_or_else(|| unknown("codec", name));
        let codec = record.codec.as_deref().map_or(Ok(CodecChoice::AUTO), choice)?;
        let packing =
            |name: &str| Packing::ALL.into_iter().find(|one| one.name() == name).ok_or_else(|| unknown("cabinet", name));
        let cabinet = record.cabinet.as_deref().map_or(Ok(Packing::Mszip), packing)?;
        Ok(Options {
            manifest: self.manifest.clone(),
            given: self.given.clone(),
            per_site: if wanted.iter().any(|built| built.overlay) { super::PerSite::Overlay } else { super::PerSite::Packages },
            sites: self.sites.clone(),
            formats,
            targets,
            output: output.to_path_buf(),
            base: None,
            threads: self.threads,
            codec,
            cabinet: Some(cabinet),
            // What an earlier build left could be what is to be found out.
            cache: CacheChoice::Temporary(self.temporary.clone()).into(),
            epoch: record.source_date_epoch,
            signing: SigningOptions { program_signatures: Arc::new(signatures), ..SigningOptions::default() },
            sbom: false,
            own: Vec::new(),
            no_tilde: wanted.iter().all(|built| !built.file.contains('~')),
        })
    }

    fn site_missing(&self, built: &Package) -> Error {
        let error = Error::new(format!("{} does not build {}", self.manifest.display(), built.file));
        match &built.site {
            Some(site) => error.help(format!("it is of the site \"{site}\": give its file with -s SITE.toml")),
            None => error.help("it was built without a site file: leave -s out, and give the manifest that it was built from"),
        }
    }
}

/// The signatures of the programs in MSIs: a signed program that is built again gets its own.
fn signatures(folder: &Path, wanted: &[&Package]) -> Result<ProgramSignatures> {
    let mut all = ProgramSignatures::new();
    for built in wanted.iter().filter(|built| built.format.format() == Some(Format::Msi)) {
        match programs::signatures_in(&folder.join(&built.file)) {
            Ok(found) => all.extend(found),
            Err(error) if error.is_interrupted() => return Err(error),
            // What cannot be read is told where it is compared.
            Err(_) => {}
        }
    }
    Ok(all)
}

/// A folder with packages that are to be built again.
struct Folder {
    path: PathBuf,
    record: Result<Record<'static>>,
    /// By their files' names.
    wanted: BTreeMap<String, Package>,
}

impl Folder {
    /// Takes a package of the folder, or all of them.
    fn want(&mut self, name: Option<&OsStr>, path: &Path) -> Result<()> {
        let record = self.record.as_ref().map_err(Error::clone)?;
        let wanted: Vec<&Package> =
            record.packages.iter().filter(|built| name.is_none_or(|name| name == built.file.as_str())).collect();
        if wanted.is_empty() {
            return Err(Error::new(format!("{} does not list {}", self.path.join(RECORD).display(), path.display()))
                .help("name a package as build named it, in the folder that it was built into"));
        }
        self.wanted.extend(wanted.into_iter().map(|built| (built.file.clone(), built.clone())));
        Ok(())
    }
}

/// The folder of a path, and the package in it; none where the path is the folder.
fn parts(path: &Path) -> (&Path, Option<&OsStr>) {
    match path.is_dir() {
        true => (path, None),
        // Of a plain name it is empty, and what is in it is again named plainly.
        false => (path.parent().unwrap_or(Path::new("")), path.file_name()),
    }
}

fn record(folder: &Path) -> Result<Record<'static>> {
    let help =
        "name a folder that linkpack build wrote: how a package was built (codec, site, SOURCE_DATE_EPOCH) is read from there";
    super::record::read(folder, help)
}

/// Why a package may differ, where that shows: it was given other values, or its times are the sources' own.
fn cause(record: &Record, set: &BTreeMap<String, String>, difference: &str) -> String {
    if *record.set != *set {
        let values: Vec<String> = record.set.iter().map(|(key, value)| format!(" --set {key}={value:?}")).collect();
        return match values.is_empty() {
            true => "; it was built without --set".to_owned(),
            false => format!("; it was built with{}", values.concat()),
        };
    }
    let times = difference.contains("mtime: ") || difference.contains("build_time");
    match record.source_date_epoch {
        None if times => {
            "; the times of the sources differ: SOURCE_DATE_EPOCH at the build makes the packages independent of them".to_owned()
        }
        _ => String::new(),
    }
}

/// The first cabinet beside an MSI that differs from the one built again.
fn cabinets(folder: &Path, built: &Package, rebuilt: &Package) -> Result<Option<String>> {
    let names = |files: Vec<&String>| files.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let theirs = names(built.cabinets.iter().map(|cabinet| &cabinet.file).collect());
    let ours = names(rebuilt.cabinets.iter().map(|cabinet| &cabinet.file).collect());
    if theirs != ours {
        return Ok(Some(format!("its cabinets: {theirs}, the rebuild has {ours}")));
    }
    for cabinet in &rebuilt.cabinets {
        let path = folder.join(&cabinet.file);
        let mut file = std::fs::File::open(&path).or_cannot("read", &path)?;
        let (_, sha256) = digest(&mut file).or_cannot("read", &path)?;
        if sha256 != cabinet.sha256 {
            return Ok(Some(format!("the cabinet {}", cabinet.file)));
        }
    }
    Ok(None)
}

/// Compares a package with the one that was built again.
fn compare(package: &Path, rebuilt: &Path) -> Result<Comparison> {
    let (theirs, ours) = (inspect::read(package)?.report, inspect::read(rebuilt)?.report);
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let aside = |report: &Report| inspect::reader(report.format).aside(report);
    let place = match (aside(&theirs), aside(&ours)) {
        (Aside::Bytes(in_theirs), Aside::Bytes(in_ours)) => {
            linear::difference(linear::Package { path: package, aside: in_theirs, parts: &theirs.parts }, (rebuilt, in_ours))?
        }
        (Aside::Streams(names), Aside::Streams(_)) => compound::difference(package, rebuilt, names)?,
        _ => Some("its format".to_owned()),
    };
    let difference = match place {
        _ if name(package) != name(rebuilt) => Some(format!("its name: the rebuild is {}", name(rebuilt))),
        // What the bytes mean says more than where they are.
        Some(place) => Some(difference::of_reports(&theirs, &ours).unwrap_or(place)),
        None => None,
    };
    Ok(Comparison { package: package.display().to_string(), difference, signatures: theirs.signatures.len() })
}
