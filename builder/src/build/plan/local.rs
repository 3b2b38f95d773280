//! A plan run on this machine: the first job, then the others side by side, each a process of its own.

use super::Planned;
use crate::error::{Error, IoContext, Result};
use crate::interrupt;
use crate::listener::{some_of, Listener};
use rustix::process::{kill_process, Pid, Signal};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::Duration;

/// How often a waiting worker looks at its job and for an interrupt.
const TICK: Duration = Duration::from_millis(20);

/// How jobs are run here.
#[derive(Debug)]
pub struct Local {
    /// How many side by side.
    pub workers: usize,
    /// The program that builds: linkpack.
    pub program: PathBuf,
    /// Options that every job is given.
    pub arguments: Vec<String>,
}

/// Runs all jobs that are not done; how many were run.
///
/// # Errors
/// The first job failed, or others did after all had their turn; an interrupt, which ends the jobs too.
pub fn run(plan: &Path, how: &Local, listener: &dyn Listener) -> Result<usize> {
    let planned = Planned::read(plan)?;
    let count = planned.plan.jobs.len();
    one(&planned, 0, how).map_err(|why| failed(&planned, 0, &why))?;
    listener.info(&format!("job 0 is done, of {count}"));
    let (next, done, wrong) = (AtomicUsize::new(1), AtomicUsize::new(1), Mutex::new(Vec::new()));
    let work = || loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= count || interrupt::check().is_err() {
            return;
        }
        match one(&planned, index, how) {
            Ok(()) => listener.info(&format!("job {index} is done, {} of {count}", done.fetch_add(1, Ordering::Relaxed) + 1)),
            Err(_) if interrupt::check().is_err() => return,
            Err(why) => {
                listener.warning(&format!("job {index} failed: {why}"));
                wrong.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(index);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..how.workers.min(count.saturating_sub(1)) {
            scope.spawn(work);
        }
    });
    interrupt::check()?;
    let mut wrong = wrong.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    wrong.sort_unstable();
    match wrong.is_empty() {
        true => Ok(count),
        false => {
            let named: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            Err(Error::new(format!("{} of {count} jobs failed: {}", wrong.len(), some_of(&named, 10)))
                .help(format!("linkpack plan status {} says why; what is done stays done", planned.folder.display())))
        }
    }
}

fn failed(planned: &Planned, index: usize, why: &str) -> Error {
    match interrupt::check() {
        Err(interrupted) => interrupted,
        Ok(()) => Error::new(format!("job {index} of {} failed: {why}", planned.folder.display())),
    }
}

/// Runs one job to its end; what it said where it failed.
fn one(planned: &Planned, index: usize, how: &Local) -> Result<(), String> {
    let mut command = Command::new(&how.program);
    command.args(["build", "-q", "--plan"]).arg(&planned.folder).args(["--job", &index.to_string()]).args(&how.arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().or_cannot("run", &how.program).map_err(|error| error.to_string())?;
    let mut said = child.stderr.take();
    let said = std::thread::spawn(move || {
        let mut text = Vec::new();
        // A pipe that breaks ends with its process.
        let _ = said.as_mut().map(|pipe| pipe.read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    });
    let mut told = false;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            break status;
        }
        if interrupt::check().is_err() && !told {
            told = true;
            if let Some(pid) = Pid::from_raw(child.id() as i32) {
                // One that has ended meanwhile needs no signal.
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        std::thread::sleep(TICK);
    };
    let said = said.join().unwrap_or_default();
    match status.success() {
        true => Ok(()),
        false => {
            let line = said.lines().find(|line| line.starts_with("error: ")).map(|line| line["error: ".len()..].to_owned());
            Err(line.unwrap_or_else(|| status.to_string()))
        }
    }
}
