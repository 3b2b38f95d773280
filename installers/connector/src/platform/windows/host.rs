//! The connector's hold on the system.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::files::{self, Claim};
use super::job::Job;
use super::process::{self, Process};
use super::{console, events, registration, service};
use crate::launch::{Launch, Layout};
use crate::log;
use crate::platform::{Event, System};
use contract::names::Names;
use winsys::SetErrorMode;

/// How the connector is told what to do while it runs.
pub const CONTROLS: &str =
    "stopping the service or Ctrl-C stops everything, the service control PARAMCHANGE reads the configuration again";

/// ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL.
pub const DISK_FULL: &[i32] = &[39, 112];

/// SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SEM_NOOPENFILEERRORBOX: nobody is there to close a message box.
const NO_MESSAGE_BOXES: u32 = 0x8003;
/// How long the end of a container that was ended is waited for, in ms.
const LAST_WAIT: u32 = 500;

/// The connector's hold on the system.
pub struct Host {
    root: PathBuf,
    names: Names,
    run_dir: PathBuf,
    groups: Vec<Group>,
    /// The connector has a console, and its containers share it.
    shared_console: bool,
    /// Notes that were logged and need not be logged again.
    noted: HashSet<String>,
    _claim: Claim,
}

/// A container that has been started.
struct Group {
    process: Process,
    job: Job,
    asked: bool,
}

impl Host {
    /// Claims the run directory and makes the directories.
    pub fn open(layout: &Layout) -> Result<Host, String> {
        console::listen();
        // SAFETY: no pointers.
        unsafe { SetErrorMode(NO_MESSAGE_BOXES) };
        let run_dir = layout.run_dir.clone();
        files::private_directory(&run_dir).map_err(|e| format!("cannot use {}: {e}", run_dir.display()))?;
        let claim = Claim::take(&run_dir.join(format!("{}.pid", layout.names.get("service"))))?;
        files::private_directory(&layout.log_dir).map_err(|e| format!("cannot use {}: {e}", layout.log_dir.display()))?;
        let shared_console = console::is_shared();
        let (root, names) = (layout.root.clone(), layout.names.clone());
        Ok(Host { root, names, run_dir, groups: Vec::new(), shared_console, noted: HashSet::new(), _claim: claim })
    }

    /// Waits for something to happen, at most for `timeout`.
    pub fn wait(&mut self, timeout: Duration) -> Vec<Event> {
        service::progress();
        events::wait(timeout)
    }

    /// Tells the service manager that the connector is up, and mends what the system has on record.
    pub fn ready(&self) {
        service::running();
        if service::is_service() {
            registration::mend(&self.root, &self.names);
        }
    }

    /// Nothing: here logs are bound when they are opened, and nobody can remove the pid file.
    pub fn keep_up(&mut self, _logs: &[PathBuf], _limit: u64) {}

    /// Ends what is left of anything that was started and removes what was made in the run directory.
    pub fn close(self) {
        for group in &self.groups {
            group.job.terminate();
        }
        for group in &self.groups {
            group.process.has_ended(LAST_WAIT);
        }
        let _ = fs::remove_file(self.run_dir.join("status"));
    }

    fn group(&mut self, pid: u32) -> Option<&mut Group> {
        self.groups.iter_mut().find(|group| group.process.pid == pid)
    }

    fn note(&mut self, text: String) {
        if !self.noted.contains(&text) {
            log::line(&text);
            self.noted.insert(text);
        }
    }
}

impl System for Host {
    fn start(&mut self, launch: &Launch) -> Result<u32, String> {
        process::vet(launch)?;
        let (job, limited) = Job::new(&launch.throttle).map_err(|error| format!("cannot make a job: {error}"))?;
        if !limited {
            self.note(format!("{}: max-cpu-percent is not in force: this Windows has no such limit", launch.name));
        }
        let process = process::start(launch, &job, self.shared_console)?;
        let pid = process.pid;
        self.groups.push(Group { process, job, asked: false });
        Ok(pid)
    }

    fn ask(&mut self, _name: &str, pid: u32) {
        let shared = self.shared_console;
        if let Some(group) = self.group(pid).filter(|group| !group.asked) {
            group.asked = true;
            console::ask(pid, shared);
        }
    }

    fn kill(&mut self, _name: &str, pid: u32) {
        if let Some(group) = self.group(pid) {
            group.job.terminate();
        }
    }

    fn alive(&mut self, _name: &str, pid: u32) -> bool {
        self.group(pid).map_or(false, |group| !group.process.has_ended(0) || group.job.active() > 0)
    }

    fn forget(&mut self, pid: u32) {
        self.groups.retain(|group| group.process.pid != pid);
    }
}
