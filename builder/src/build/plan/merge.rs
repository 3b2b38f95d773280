//! The jobs' packages in one folder, as one build of all sites would have written it.

use super::super::output::Output;
use super::super::{documents, Document, Package, Report, Signing, SigningOptions};
use super::job::record;
use super::{Planned, AGAIN};
use crate::compress::{guard, CacheChoice, CacheUse};
use crate::error::{Error, IoContext, Result};
use crate::format::stream::digest;
use crate::format::{door, writer};
use crate::listener::{some_of, Listener};
use crate::manifest;
use crate::trust::record::Record;
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

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
        door(*format).covers(&signing, listener)?;
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
        codec: first.codec.clone(),
        codec_reason: first.codec_reason.clone().map(Cow::into_owned),
        cabinet: first.cabinet.clone(),
        packages,
        documents,
        cache: CacheUse::default(),
    };
    let all = product.manifest().connector.windows.sign_programs;
    out.sign_inside(&report.packages, &signing, all, listener)?;
    out.sign(&mut report.packages, &signing, listener)?;
    let used = planned.plan.sites.iter().map(|site| (site.name.clone(), site.sha256.clone())).collect();
    let provenance = documents::provenance(&product, used, &options, &report, &first.inputs, &mut out)?;
    report.documents.push(provenance);
    out.warn_of_others(listener);
    out.finish(&product, &options, &report, &first.inputs, &signing)?;
    Ok(report)
}

/// Every package is open until all have their names: as many as the system allows, not as few as it gives at first.
fn more_files() {
    use rustix::process::{getrlimit, setrlimit, Resource, Rlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Too few are told by the file that cannot be opened.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

impl Planned {
    /// What each job wrote.
    fn records(&self) -> Result<Vec<(PathBuf, Record<'static>)>> {
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
            let record = record(&output)?;
            Ok((output, record))
        };
        let records: Vec<(PathBuf, Record<'static>)> = self.plan.jobs.iter().map(read).collect::<Result<_>>()?;
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
        records: &[(PathBuf, Record<'static>)],
        change: bool,
        out: &mut Output,
        listener: &dyn Listener,
    ) -> Result<(Vec<Package>, Vec<Document>)> {
        let place: BTreeMap<&str, usize> =
            self.plan.sites.iter().enumerate().map(|(at, site)| (site.name.as_str(), at)).collect();
        let order = |package: &Package| {
            let target = self.plan.build.targets.iter().position(|target| package.target == *target);
            let site = package.site.as_deref().and_then(|site| place.get(site).copied());
            (target, package.format.format().and_then(writer).is_some(), site, package.format)
        };
        let mut packages: Vec<(&Path, &Package)> =
            records.iter().flat_map(|(folder, record)| record.packages.iter().map(move |one| (folder.as_path(), one))).collect();
        packages.sort_by_key(|(_, one)| order(one));
        let (folder, first) = &records[0];
        let bills: Vec<&Document> = first.documents.iter().filter(is_bill).collect();
        for (other, record) in records {
            if !record.documents.iter().filter(is_bill).eq(bills.iter().copied()) {
                return Err(
                    Error::new(format!("the bills of materials in {} are not the first job's", other.display())).help(AGAIN)
                );
            }
        }
        let mut files = Vec::new();
        for (folder, package) in &packages {
            files.push(Listed { folder, file: &package.file, size: package.size, sha256: &package.sha256 });
            files.extend(package.cabinets.iter().map(|one| Listed {
                folder,
                file: &one.file,
                size: one.size,
                sha256: &one.sha256,
            }));
        }
        files.extend(bills.iter().map(|one| Listed { folder, file: &one.file, size: one.size, sha256: &one.sha256 }));
        let adopted: Vec<_> = files.par_iter().map(|one| take(one, change, out)).collect::<Result<_>>()?;
        for (file, one) in adopted.into_iter().zip(&files) {
            out.keep(file, one.file.to_owned());
        }
        packages.iter().for_each(|(_, one)| listener.wrote(&one.file));
        let packages = packages.into_iter().map(|(_, one)| Package { signed: None, ..one.clone() }).collect();
        Ok((packages, bills.into_iter().cloned().collect()))
    }
}

/// All jobs have the same bills; the provenance is of one job.
fn is_bill(document: &&Document) -> bool {
    document.kind != "provenance"
}

/// A file of a job's, as its manifest.json lists it.
struct Listed<'a> {
    folder: &'a Path,
    file: &'a str,
    size: u64,
    sha256: &'a str,
}

/// A job's file under a name of the output folder's: a second name where the file stays as it is and the file system can, else a copy.
fn take(one: &Listed, change: bool, out: &Output) -> Result<tempfile::NamedTempFile> {
    crate::interrupt::check()?;
    if one.file.contains('/') {
        return Err(Error::new(format!("the manifest.json in {} names a file elsewhere: {}", one.folder.display(), one.file)));
    }
    let path = one.folder.join(one.file);
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
