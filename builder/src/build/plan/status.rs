//! How far a plan is.

use super::job::record;
use super::{Job, Planned};
use crate::error::Result;
use schemars::JsonSchema;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// How far a plan is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Status {
    /// The plan's folder.
    pub folder: PathBuf,
    /// The product's name.
    pub product: String,
    /// The product's version.
    pub version: String,
    /// How many jobs there are.
    pub jobs: usize,
    /// Jobs whose packages are there.
    pub done: usize,
    /// Jobs that failed, and were not run again.
    pub failed: usize,
    /// Jobs that were begun: they are at work, or were killed.
    pub begun: usize,
    /// Jobs that nobody began.
    pub waiting: usize,
    /// How many sites there are.
    pub sites: usize,
    /// Sites whose packages are there.
    pub sites_done: usize,
    /// Packages that are there.
    pub packages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Why jobs failed.
    pub failures: Vec<Failure>,
    /// Jobs that are not done, by their numbers.
    pub open: Vec<usize>,
    /// Whether all are done: linkpack merge can go on.
    pub complete: bool,
}

/// A job that failed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Failure {
    /// Its number.
    pub job: usize,
    /// Its id.
    pub id: String,
    /// What it said.
    pub why: String,
}

/// Looks at a plan. With `check` every package is digested: one that is not what SHA256SUMS says is not done.
///
/// # Errors
/// There is no plan; the user interrupted.
pub fn status(plan: &Path, check: bool) -> Result<Status> {
    let planned = Planned::read(plan)?;
    let plan = &planned.plan;
    let mut status = Status {
        folder: planned.folder.clone(),
        product: plan.product.clone(),
        version: plan.version.clone(),
        jobs: plan.jobs.len(),
        done: 0,
        failed: 0,
        begun: 0,
        waiting: 0,
        sites: plan.sites.len(),
        sites_done: 0,
        packages: 0,
        bytes: 0,
        failures: Vec::new(),
        open: Vec::new(),
        complete: false,
    };
    for (index, job) in plan.jobs.iter().enumerate() {
        let done = if check { planned.is_whole(job)? } else { planned.is_there(job) };
        status.add(&planned, index, job, done);
    }
    status.complete = status.done == status.jobs;
    Ok(status)
}

impl Status {
    fn add(&mut self, planned: &Planned, index: usize, job: &Job, done: bool) {
        if done {
            self.done += 1;
            self.sites_done += job.sites.len();
            if let Ok(record) = record(&planned.output(job)) {
                self.packages += record.packages.len() as u64;
                self.bytes += record.packages.iter().map(|package| package.size).sum::<u64>();
            }
            return;
        }
        self.open.push(index);
        match fs::read_to_string(planned.complaint(job)) {
            Ok(why) => {
                self.failed += 1;
                self.failures.push(Failure { job: index, id: job.id.clone(), why: why.trim().to_owned() });
            }
            Err(_) if planned.output(job).is_dir() => self.begun += 1,
            Err(_) => self.waiting += 1,
        }
    }
}
