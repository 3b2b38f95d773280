//! One job of a plan: built, or recognised as done.

use super::super::output::{MANIFEST, SUMS};
use super::super::{build, Report};
use super::{sources, Job, Planned, AGAIN, OUTPUTS, SEAL};
use crate::compress::{Cache, CacheKey};
use crate::error::{Error, IoContext, Result};
use crate::format::stream::digest;
use crate::interrupt;
use crate::listener::Listener;
use crate::new_file;
use crate::trust::record::Record;
use rayon::prelude::*;
use rustix::fs::{flock, FlockOperation};
use rustix::io::Errno;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a job that waits for its turn looks again.
const PAUSE: Duration = Duration::from_millis(50);

/// How a job is run; what is not given is as the plan says.
#[derive(Debug)]
pub struct How {
    /// Compressing threads.
    pub threads: Option<usize>,
    /// As many as there are processors: what the job that fills the cache takes.
    pub processors: usize,
    /// Another cache than the plan's.
    pub cache: Option<Cache>,
}

/// What became of a job.
#[derive(Debug)]
pub enum Done {
    /// Its packages were there, and are what SHA256SUMS says.
    Already(PathBuf),
    /// They were built.
    Built(Box<Report>),
}

/// Gives this process the environment that the plan's manifest asks for. To be called before there are threads.
///
/// # Errors
/// There is no plan.
pub fn prepare(plan: &Path) -> Result<()> {
    Planned::read(plan).map(|planned| planned.set_environment())
}

/// Runs a job, unless it is done.
///
/// # Errors
/// As a build's; something has changed since the plan was made.
pub fn run(plan: &Path, index: usize, how: How, listener: &dyn Listener) -> Result<Done> {
    let planned = Planned::read(plan)?;
    let job = planned.job(index)?;
    let output = planned.output(job);
    let _turn = planned.turn(job)?;
    if planned.is_whole(job)? {
        return Ok(Done::Already(output));
    }
    let complaint = planned.complaint(job);
    match planned.build(index, how, listener) {
        Ok(report) => {
            let _ = fs::remove_file(complaint);
            Ok(Done::Built(Box::new(report)))
        }
        Err(error) => {
            if !error.is_interrupted() {
                // For `plan status`; the error itself says more.
                let _ = new_file::write(&complaint, format!("{error}\n").as_bytes());
            }
            Err(error)
        }
    }
}

impl Planned {
    /// Waits until nobody else builds this job: an engine that was killed leaves jobs at work behind, and starts them again. `None` where
    /// the file system has no locks; both build it then, and either's packages are right.
    fn turn(&self, job: &Job) -> Result<Option<File>> {
        let path = self.folder.join(OUTPUTS).join(format!("{}.lock", job.id));
        let Ok(file) = File::options().create(true).append(true).open(path) else { return Ok(None) };
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(file)),
                Err(Errno::WOULDBLOCK) => std::thread::sleep(PAUSE),
                Err(_) => return Ok(None),
            }
            interrupt::check()?;
        }
    }

    fn build(&self, index: usize, how: How, listener: &dyn Listener) -> Result<Report> {
        let job = self.job(index)?;
        let first = &self.plan.jobs[0];
        self.check(&job.sites)?;
        // The first job's digests of the content speak for it from then on.
        if index == 0 || !self.is_there(first) {
            self.check_inputs()?;
        }
        let threads = how.threads.or(self.plan.threads).unwrap_or(if index == 0 { how.processors } else { 1 });
        let cache = how.cache.map_or_else(|| self.cache(), Ok)?;
        let output = self.output(job);
        let key = self.key()?;
        let report = build(&self.options(&job.sites, output.clone(), threads, cache)?, listener)?;
        if index > 0 && self.is_there(first) && record(&output)?.inputs != record(&self.output(first))?.inputs {
            let sums = output.join(SUMS);
            fs::remove_file(&sums).or_cannot("remove", &sums)?;
            return Err(Error::new("the payload has changed since the plan's first job was built").help(AGAIN));
        }
        if let Some(key) = key {
            new_file::write(&output.join(SEAL), self.seal(job, &key)?.as_bytes())?;
        }
        Ok(report)
    }

    fn check_inputs(&self) -> Result<()> {
        let times = self.plan.build.source_date_epoch.is_none();
        for input in &self.plan.inputs {
            let path = self.resolve(&input.path);
            let real = fs::canonicalize(&path).or_cannot("find", &path)?;
            if sources::digest(&real, times, std::slice::from_ref(&self.folder))? != input.blake3 {
                return Err(Error::new(format!("{} has changed since the plan was made", path.display())).help(AGAIN));
            }
        }
        Ok(())
    }

    /// What proves that a builder of this plan wrote a job's lists: others may be able to write the folder.
    fn seal(&self, job: &Job, key: &CacheKey) -> Result<String> {
        let output = self.output(job);
        let [sums, manifest] = [SUMS, MANIFEST].map(|name| fs::read(output.join(name)).or_cannot("read", &output.join(name)));
        Ok(hex::encode(key.seal("linkpack 2026-11-27 seals of finished jobs", &[job.id.as_bytes(), &sums?, &manifest?])) + "\n")
    }

    /// Whether a job has the seal that it has to have.
    pub(super) fn is_sealed(&self, job: &Job, key: Option<&CacheKey>) -> bool {
        let Some(key) = key else { return true };
        let written = fs::read_to_string(self.output(job).join(SEAL)).unwrap_or_default();
        self.seal(job, key).is_ok_and(|seal| seal == written)
    }

    /// Whether a job's packages seem to be there: SHA256SUMS is the last file of a build, and the seal comes after it.
    pub(super) fn is_there(&self, job: &Job) -> bool {
        let output = self.output(job);
        output.join(SUMS).is_file() && (self.plan.cache_key.is_none() || output.join(SEAL).is_file())
    }

    /// Whether they are there and what SHA256SUMS says.
    pub(super) fn is_whole(&self, job: &Job) -> Result<bool> {
        let output = self.output(job);
        if !self.is_sealed(job, self.key()?.as_ref()) {
            return Ok(false);
        }
        let Ok(sums) = fs::read_to_string(output.join(SUMS)) else { return Ok(false) };
        let right = sums.lines().collect::<Vec<_>>().into_par_iter().all(|line| {
            let Some((sha256, name)) = line.split_once("  ") else { return false };
            let found = File::open(output.join(name)).and_then(|mut file| digest(&mut file));
            interrupt::check().is_ok() && !name.contains('/') && found.is_ok_and(|(_, found)| found == sha256)
        });
        interrupt::check()?;
        Ok(right && !sums.is_empty() && record(&output).is_ok())
    }
}

/// The manifest.json of a build's output.
pub(super) fn record(output: &Path) -> Result<Record<'static>> {
    super::super::record::read(output, AGAIN)
}
