//! The jobs' packages in one folder, as one build of all sites would have written it.

use super::super::assemble::Input;
use super::super::output::{digest, Output};
use super::super::{documents, Cabinet, Document, FormatName, Package, Packing, Report, Signing, SigningOptions};
use super::job::record;
use super::{Planned, AGAIN};
use crate::compress::{guard, CacheChoice, CacheUse};
use crate::error::{Error, IoContext, Result};
use crate::listener::{some_of, Listener};
use crate::manifest::{self, Target};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What is read of a job's manifest.json.
#[derive(Deserialize)]
struct Record {
    codec: Option<String>,
    codec_reason: Option<String>,
    cabinet: Option<String>,
    inputs: Value,
    packages: Vec<Listed>,
    documents: Vec<Listed>,
}

/// A package or document of a job.
#[derive(Deserialize, PartialEq)]
struct Listed {
    file: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    kind: String,
    target: Option<String>,
    site: Option<String>,
    size: u64,
    sha256: String,
    #[serde(default)]
    cabinets: Vec<Listed>,
}

/// Checks every package of a plan and puts all into `output`: with the lists, bills and signatures of one build.
///
/// # Errors
/// A job is not done, or its packages are not what it wrote; what a build's end refuses. Nothing has its name then.
pub fn merge(plan: &Path, output: &Path, signing: &SigningOptions, listener: &dyn Listener) -> Result<Report> {
    let planned = Planned::read(plan)?;
    let all: Vec<usize> = (0..planned.plan.sites.len()).collect();
    planned.check(&all)?;
    let temporary = CacheChoice::Temporary(std::env::temp_dir());
    let options = planned.options(&all, output.to_path_buf(), 1, temporary.into())?;
    let product = manifest::load(&options.manifest, &options.given)?;
    let signing = Signing::open(signing, listener)?;
    for format in &options.formats {
        signing.covers(*format, listener)?;
    }
    more_files();
    let records = planned.records()?;
    let first = &records[0].1;
    let mut out = Output::open(output, planned.plan.build.no_tilde)?;
    let (packages, documents) = planned.adopt(&records, signing.signs(), &mut out, listener)?;
    let mut report = Report {
        product: product.manifest().product.name.to_string(),
        version: product.manifest().product.version.to_string(),
        output: output.to_path_buf(),
        codec: first.codec.as_deref().and_then(known_codec),
        codec_reason: first.codec_reason.clone(),
        cabinet: first.cabinet.as_deref().and_then(known_packing),
        packages,
        documents,
        cache: CacheUse::default(),
    };
    let inputs = first.inputs.as_array().into_iter().flatten();
    let inputs: Vec<Input> = inputs.map(|input| Input::of_record(input).ok_or_else(damaged)).collect::<Result<_>>()?;
    out.sign(&mut report.packages, &signing, listener)?;
    let used = planned.plan.sites.iter().map(|site| (site.name.clone(), site.sha256.clone())).collect();
    let provenance = documents::provenance(&product, used, &options, &report, &inputs, &mut out)?;
    report.documents.push(provenance);
    out.warn_of_others(listener);
    out.finish(&product, &options, &report, &inputs, &signing)?;
    Ok(report)
}

/// Every package is open until all have their names: as many as the system allows, not as few as it gives at first.
fn more_files() {
    use rustix::process::{getrlimit, setrlimit, Resource, Rlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Too few are told by the file that cannot be opened.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

fn damaged() -> Error {
    Error::new("a job's manifest.json is damaged").help(AGAIN)
}

fn known_codec(name: &str) -> Option<&'static str> {
    ["gzip", "zstd", "xz"].into_iter().find(|known| *known == name)
}

fn known_packing(name: &str) -> Option<&'static str> {
    [Packing::Mszip, Packing::Lzx].into_iter().map(Packing::name).find(|known| *known == name)
}

impl Planned {
    /// What each job wrote.
    fn records(&self) -> Result<Vec<(PathBuf, Record)>> {
        let mut missing = Vec::new();
        let key = self.key()?;
        for (index, job) in self.plan.jobs.iter().enumerate() {
            let there = self.is_there(job);
            if there && key.is_none() {
                guard::check_packages(&self.output(job))?;
            }
            if !there || !self.is_sealed(job, key.as_ref()) {
                missing.push(index.to_string());
            }
        }
        if !missing.is_empty() {
            let folder = self.folder.display();
            return Err(Error::new(format!(
                "{} of {} jobs are not done: {}",
                missing.len(),
                self.plan.jobs.len(),
                some_of(&missing, 10)
            ))
            .help(format!("linkpack plan run {folder} builds them; linkpack plan status {folder} says more")));
        }
        let read = |job| {
            let output = self.output(job);
            let record: Record = serde_json::from_value(record(&output)?).map_err(|_| damaged())?;
            Ok((output, record))
        };
        let records: Vec<(PathBuf, Record)> = self.plan.jobs.iter().map(read).collect::<Result<_>>()?;
        let first = &records[0].1;
        for (output, record) in &records {
            if record.inputs != first.inputs {
                return Err(Error::new(format!("{} was built of another payload than the first job", output.display()))
                    .help(format!("remove it and run the plan again; if that does not help, {AGAIN}")));
            }
        }
        Ok(records)
    }

    /// Takes the jobs' packages over, in the order of one build.
    fn adopt(
        &self,
        records: &[(PathBuf, Record)],
        change: bool,
        out: &mut Output,
        listener: &dyn Listener,
    ) -> Result<(Vec<Package>, Vec<Document>)> {
        let place: BTreeMap<&str, usize> =
            self.plan.sites.iter().enumerate().map(|(at, site)| (site.name.as_str(), at)).collect();
        let order = |listed: &Listed| {
            let target = self.plan.build.targets.iter().position(|target| listed.target.as_ref() == Some(target));
            let site = listed.site.as_deref().and_then(|site| place.get(site).copied());
            let format = FormatName::ALL.iter().position(|format| format.name() == listed.format);
            (target, listed.format != FormatName::Mst.name(), site, format)
        };
        let mut listed: Vec<(&Path, &Listed)> =
            records.iter().flat_map(|(folder, record)| record.packages.iter().map(move |one| (folder.as_path(), one))).collect();
        listed.sort_by_key(|(_, one)| order(one));
        let files =
            listed.iter().flat_map(|(folder, one)| std::iter::once(*one).chain(&one.cabinets).map(move |one| (*folder, one)));
        let (folder, first) = &records[0];
        let bills: Vec<&Listed> = first.documents.iter().filter(|document| document.kind != "provenance").collect();
        for (other, record) in records {
            let same = record.documents.iter().filter(|document| document.kind != "provenance").eq(bills.iter().copied());
            if !same {
                return Err(
                    Error::new(format!("the bills of materials in {} are not the first job's", other.display())).help(AGAIN)
                );
            }
        }
        let files: Vec<(&Path, &Listed)> = files.chain(bills.iter().map(|bill| (folder.as_path(), *bill))).collect();
        let adopted: Vec<_> = files.par_iter().map(|(folder, one)| take(folder, one, change, out)).collect::<Result<_>>()?;
        for (file, (_, one)) in adopted.into_iter().zip(&files) {
            out.keep(file, one.file.clone());
        }
        listed.iter().for_each(|(_, one)| listener.wrote(&one.file));
        let packages = listed.iter().map(|(_, one)| one.package()).collect::<Option<_>>().ok_or_else(damaged)?;
        Ok((packages, bills.iter().map(|bill| bill.document()).collect::<Option<_>>().ok_or_else(damaged)?))
    }
}

/// A job's file under a name of the output folder's: a second name where the file stays as it is and the file system can, else a copy.
fn take(folder: &Path, one: &Listed, change: bool, out: &Output) -> Result<tempfile::NamedTempFile> {
    crate::interrupt::check()?;
    let path = folder.join(&one.file);
    if one.file.contains('/') {
        return Err(damaged());
    }
    // What another account owns it can change later, too: that is copied.
    let meta = fs::symlink_metadata(&path).or_cannot("read", &path)?;
    let linked = if change || !meta.is_file() || !guard::is_own(&meta) { None } else { out.link(&path)? };
    let mut file = match linked {
        Some(file) => file,
        None => {
            let mut copy = out.partial()?;
            let mut original = File::open(&path).or_cannot("read", &path)?;
            std::io::copy(&mut original, copy.as_file_mut()).or_cannot("copy", &path)?;
            let mode = fs::metadata(&path).or_cannot("read", &path)?.permissions();
            copy.as_file().set_permissions(mode).or_cannot("set the mode of the copy of", &path)?;
            copy
        }
    };
    let (size, sha256) = digest(file.as_file_mut()).or_cannot("read", &path)?;
    match size == one.size && sha256 == one.sha256 {
        true => Ok(file),
        false => {
            Err(Error::new(format!("{} is not what its job wrote", path.display()))
                .help("run the plan again: the job is not done"))
        }
    }
}

impl Listed {
    fn package(&self) -> Option<Package> {
        Some(Package {
            file: self.file.clone(),
            format: FormatName::ALL.into_iter().find(|format| format.name() == self.format)?.name(),
            target: target(self.target.as_deref()?)?,
            site: self.site.clone(),
            overlay: false,
            size: self.size,
            sha256: self.sha256.clone(),
            cabinets: self.cabinets.iter().map(Listed::cabinet).collect(),
            signed: None,
            content: 0,
            took: std::time::Duration::ZERO,
        })
    }

    fn cabinet(&self) -> Cabinet {
        Cabinet { file: self.file.clone(), size: self.size, sha256: self.sha256.clone() }
    }

    fn document(&self) -> Option<Document> {
        Some(Document {
            file: self.file.clone(),
            kind: ["cyclonedx", "spdx"].into_iter().find(|kind| *kind == self.kind)?,
            target: self.target.as_deref().and_then(target),
            size: self.size,
            sha256: self.sha256.clone(),
        })
    }
}

fn target(name: &str) -> Option<&'static str> {
    Target::ALL.into_iter().map(Target::name).find(|known| *known == name)
}
