//! Plans: a build of many sites cut into jobs that any engine can run, in any order, on any machine that sees the plan's folder.
//!
//! A job's id is a digest of all that decides about its packages, and its output folder has that name: a job that was done is done for
//! every plan that has it. plan.json says everything, paths relative to its folder; jobs.jsonl and engines/ say the same for engines.

mod engines;
mod job;
mod local;
mod make;
mod merge;
mod sources;
mod status;

pub use job::{prepare, run as run_job, Done, How};
pub use local::{run as run_local, Local};
pub use make::{make, Made, Wish};
pub use merge::merge;
pub use status::{status, Failure, Status};

use super::{CodecChoice, Options, Packing, PerSite, SigningOptions};
use crate::compress::{Cache, CacheChoice, CacheKey, CACHE_LIMIT};
use crate::error::{Error, IoContext, Result};
use crate::manifest::{Format, Setting, Target};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The plan's own file.
pub const PLAN: &str = "plan.json";
/// A line a job, for engines and people.
pub const JOBS: &str = "jobs.jsonl";
/// Where each job's packages go, in a folder of its id.
const OUTPUTS: &str = "jobs";
/// Files for engines.
const ENGINES: &str = "engines";
/// In a job's folder: the seal over its lists, where the plan has a key.
const SEAL: &str = "SEAL";
/// The cache, where no other was named.
const CACHE: &str = "cache";
/// The version of plan.json.
const FORMAT: u32 = 1;
/// The most jobs of a plan, unless another number was asked for: Slurm's arrays end at 1,000.
pub const MOST_JOBS: usize = 1000;
const AGAIN: &str = "make the plan again with linkpack plan: jobs whose input is the same stay done";

/// plan.json.
#[derive(Debug, Serialize, Deserialize)]
struct Plan {
    format: u32,
    linkpack: String,
    product: String,
    version: String,
    #[serde(flatten)]
    build: Build,
    /// Where compressed content is kept, and what seals it.
    cache: PathBuf,
    cache_key: Option<PathBuf>,
    cache_limit: Option<u64>,
    /// Threads of each job.
    threads: Option<usize>,
    sites: Vec<Site>,
    inputs: Vec<Input>,
    jobs: Vec<Job>,
}

/// What decides about packages, beside the content and the sites: every job's id is of it.
#[derive(Debug, Serialize, Deserialize)]
struct Build {
    manifest: PathBuf,
    manifest_sha256: String,
    /// Options that lay a value over the manifest.
    given: Vec<String>,
    /// Variables that the manifest names.
    environment: BTreeMap<String, String>,
    formats: Vec<Format>,
    targets: Vec<String>,
    codec: String,
    cabinet: Option<String>,
    base: Option<PathBuf>,
    sbom: bool,
    no_tilde: bool,
    source_date_epoch: Option<i64>,
}

/// A site file.
#[derive(Debug, Serialize, Deserialize)]
struct Site {
    name: String,
    file: PathBuf,
    sha256: String,
}

/// A source of the payload.
#[derive(Debug, Serialize, Deserialize)]
struct Input {
    path: PathBuf,
    /// Of its paths, modes and contents.
    blake3: String,
}

/// A job, by its place in the list.
#[derive(Debug, Serialize, Deserialize)]
struct Job {
    id: String,
    /// Places in the list of sites; none for the plain product.
    sites: Vec<usize>,
}

/// A plan and where it lies.
struct Planned {
    folder: PathBuf,
    plan: Plan,
}

impl Planned {
    /// Reads a plan by its folder, or by a file in it.
    fn read(path: &Path) -> Result<Planned> {
        let folder = match path.file_name().is_some_and(|name| name == PLAN || name == JOBS) {
            true => crate::new_file::folder(path),
            false => path,
        };
        let file = folder.join(PLAN);
        let text = fs::read_to_string(&file).or_cannot("read the plan", &file);
        let text = text.map_err(|error| error.help("make one: linkpack plan -m linkpack.toml -s 'sites/*.toml' -o plan"))?;
        let wrong = |why: String| Error::new(format!("{} is not a plan of this linkpack: {why}", file.display())).help(AGAIN);
        let head: Head = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if (head.format, head.linkpack.as_str()) != (FORMAT, env!("CARGO_PKG_VERSION")) {
            return Err(wrong(format!("linkpack {} made it, and this is {}", head.linkpack, env!("CARGO_PKG_VERSION"))));
        }
        let plan: Plan = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let folder = fs::canonicalize(folder).or_cannot("find", folder)?;
        Ok(Planned { folder, plan })
    }

    /// A path of the plan.
    fn resolve(&self, path: &Path) -> PathBuf {
        clean(&self.folder.join(path))
    }

    fn output(&self, job: &Job) -> PathBuf {
        self.folder.join(OUTPUTS).join(&job.id)
    }

    /// Where the reason lies why a job failed.
    fn complaint(&self, job: &Job) -> PathBuf {
        self.folder.join(OUTPUTS).join(format!("{}.failed", job.id))
    }

    fn job(&self, index: usize) -> Result<&Job> {
        self.plan.jobs.get(index).ok_or_else(|| {
            let last = self.plan.jobs.len() - 1;
            Error::new(format!("the plan has no job {index}")).help(format!("its jobs are 0 to {last}: see {JOBS}"))
        })
    }

    /// That the manifest and these site files are still what was planned.
    fn check(&self, sites: &[usize]) -> Result<()> {
        let build = &self.plan.build;
        let sites = sites.iter().map(|&site| &self.plan.sites[site]).map(|site| (&site.file, &site.sha256));
        for (path, sha256) in std::iter::once((&build.manifest, &build.manifest_sha256)).chain(sites) {
            let path = self.resolve(path);
            if sha256_of(&path)? != *sha256 {
                return Err(Error::new(format!("{} has changed since the plan was made", path.display())).help(AGAIN));
            }
        }
        Ok(())
    }

    /// What is built for these sites.
    fn options(&self, sites: &[usize], output: PathBuf, threads: usize, cache: Cache) -> Result<Options> {
        let build = &self.plan.build;
        let unknown = |what: &str| Error::new(format!("the plan names {what}, which this linkpack does not know")).help(AGAIN);
        let target = |name: &String| Target::ALL.into_iter().find(|target| target.name() == name).ok_or_else(|| unknown(name));
        let packing =
            |name: &String| Packing::ALL.into_iter().find(|packing| packing.name() == name).ok_or_else(|| unknown(name));
        Ok(Options {
            manifest: self.resolve(&build.manifest),
            given: build.given.iter().map(|text| Setting::from_text(text).map_err(|_| unknown(text))).collect::<Result<_>>()?,
            sites: sites.iter().map(|&site| self.resolve(&self.plan.sites[site].file)).collect(),
            per_site: PerSite::Packages,
            formats: build.formats.clone(),
            targets: build.targets.iter().map(target).collect::<Result<_>>()?,
            base: build.base.as_deref().map(|base| self.resolve(base)),
            output,
            threads,
            codec: CodecChoice::ALL.into_iter().find(|codec| codec.name() == build.codec).ok_or_else(|| unknown(&build.codec))?,
            cabinet: build.cabinet.as_ref().map(packing).transpose()?,
            cache,
            epoch: build.source_date_epoch,
            signing: SigningOptions::default(),
            sbom: build.sbom,
            no_tilde: build.no_tilde,
            own: vec![self.folder.clone()],
        })
    }

    /// The key that seals what the plan's builders write for each other: units, and finished jobs.
    fn key(&self) -> Result<Option<CacheKey>> {
        self.plan.cache_key.as_deref().map(|key| CacheKey::read(&self.resolve(key))).transpose()
    }

    /// The plan's cache.
    fn cache(&self) -> Result<Cache> {
        let key = self.key()?;
        let folder = CacheChoice::Folder(self.resolve(&self.plan.cache));
        Ok(Cache { key, limit: self.plan.cache_limit.unwrap_or(CACHE_LIMIT), ..folder.into() })
    }

    /// Gives the manifest the variables that it had when the plan was made. To be called before there are threads.
    fn set_environment(&self) {
        for (name, value) in &self.plan.build.environment {
            std::env::set_var(name, value);
        }
    }
}

/// SOURCE_DATE_EPOCH of a plan.
///
/// # Errors
/// There is no plan.
pub fn epoch(plan: &Path) -> Result<Option<i64>> {
    Planned::read(plan).map(|planned| planned.plan.build.source_date_epoch)
}

/// What every version of plan.json has.
#[derive(Deserialize)]
struct Head {
    format: u32,
    linkpack: String,
}

fn sha256_of(path: &Path) -> Result<String> {
    Ok(hex::encode(Sha256::digest(fs::read(path).or_cannot("read", path)?)))
}

/// The way from a folder to a path, both absolute.
fn relative(folder: &Path, path: &Path) -> PathBuf {
    let common = folder.components().zip(path.components()).take_while(|(one, other)| one == other).count();
    let up = folder.components().skip(common).map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(path.components().skip(common)).collect();
    if way.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        way
    }
}

/// An absolute path without `..`; what was relative to a folder whose links are resolved leads there all the same.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_between_two_paths_leads_there() {
        for (folder, path, way) in [
            ("/a/plan", "/a/linkpack.toml", "../linkpack.toml"),
            ("/a/plan", "/a/plan/cache", "cache"),
            ("/a/b", "/c", "../../c"),
            ("/a", "/a", "."),
        ] {
            assert_eq!(relative(Path::new(folder), Path::new(path)), Path::new(way));
            assert_eq!(clean(&Path::new(folder).join(way)), Path::new(path));
        }
    }
}
