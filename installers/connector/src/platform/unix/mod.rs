//! Linux: processes, signals, limits.

mod account;
mod cgroup;
mod claim;
mod directory;
mod files;
mod guard;
mod machine;
mod names;
mod own_log;
mod rotation;
mod sys;

use std::collections::HashSet;
use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::io::{AsRawFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use self::account::Account;
use self::cgroup::Cgroups;
use self::claim::Claim;
use self::directory::Directory;
use self::guard::Guard;
use super::{Event, System};
use crate::descriptor::Inject;
use crate::launch::{Launch, Layout};
use crate::log;
use contract::names::Names;

pub use self::account::may_run_as;
pub use self::files::{read_settings, replace_private, replace_public};
pub use self::machine::{machine, random};
pub use self::names::addresses;

/// What every container finds in its environment, next to what the contract adds.
pub const BASE_ENVIRONMENT: &[(&str, &str)] =
    &[("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("LANG", "C.UTF-8")];

/// How the connector is told what to do while it runs.
pub const CONTROLS: &str = "SIGTERM and SIGINT stop everything, SIGHUP reads the configuration again and opens the log anew";

/// ENOSPC, EDQUOT.
pub const DISK_FULL: &[i32] = &[28, 122];

const SIGNALS: [i32; 4] = [sys::SIGTERM, sys::SIGINT, sys::SIGHUP, sys::SIGCHLD];

/// Where process number and status go, and where the logs go.
pub fn places(names: &Names) -> [String; 2] {
    [names.place("run"), names.place("log")]
}

/// The same as paths.
pub fn default_directories(names: &Names) -> (PathBuf, PathBuf) {
    let [run_dir, log_dir] = places(names).map(PathBuf::from);
    (run_dir, log_dir)
}

/// Nothing: there are no group policies here.
pub fn policy(_: &Names, _: &str) -> Result<Option<String>, String> {
    Ok(None)
}

/// Nothing: the connector's log is where people and programs look here.
pub fn tell(_: &contract::events::Event, _: &str) {}

/// Runs the connector as the service that it is: here in the foreground, under systemd or an init script.
pub fn serve(layout: &Layout, run: fn(&Layout) -> Result<(), String>) -> Result<(), String> {
    // Files and directories are made with the modes asked for, whatever started the connector.
    sys::set_umask(0o022);
    close_inherited();
    run(layout)
}

/// What the starter left open is nothing for a daemon and its containers: an installer's lock, a pipe that somebody
/// reads to its end.
fn close_inherited() {
    let open = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers: Vec<RawFd> = open.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.into_iter().filter(|fd| *fd > 2).for_each(sys::close_fd);
}

/// The connector's hold on the system.
pub struct Host {
    guard: Guard,
    signals: RawFd,
    cgroups: Option<Cgroups>,
    run_dir: PathBuf,
    /// The connector's own log, where it writes one.
    log: Option<PathBuf>,
    groups: Vec<Group>,
    /// Notes that were logged and need not be logged again.
    noted: HashSet<String>,
    claim: Claim,
}

/// A process group that may have members.
struct Group {
    /// The group's number: the container's first process.
    pid: u32,
    container: String,
    /// The user it runs under, where that is not the connector's.
    user: Option<u32>,
    /// Who has been asked to end. Some programs take a second request as an order to drop everything.
    asked: Vec<u32>,
}

impl Host {
    /// Claims the run directory and prepares signals, guard and cgroups. Only while there is one thread.
    pub fn open(layout: &Layout) -> Result<Host, String> {
        // First, so that a request to stop is never lost and never leaves a pid file behind.
        let signals = sys::open_signals(&SIGNALS).map_err(|e| format!("cannot take signals: {e}"))?;
        let log = own_log::take(&layout.own_log());
        let run_dir = layout.run_dir.clone();
        files::ensure_directory(&run_dir, 0o755).map_err(|e| format!("cannot make {}: {e}", run_dir.display()))?;
        let claim = Claim::take(&run_dir, layout.names.get("service"))?;
        files::ensure_directory(&layout.log_dir, 0o755)
            .unwrap_or_else(|e| log::line(&format!("cannot make {}: {e}", layout.log_dir.display())));
        let _ = std::env::set_current_dir("/");
        sys::adopt_orphans().unwrap_or_else(|e| log::line(&format!("orphans cannot be adopted: {e}")));
        let guard = Guard::start(&[]).map_err(|e| format!("cannot start the guard process: {e}"))?;
        let cgroups = Cgroups::take_over(&[std::process::id(), guard.pid()]);
        Ok(Host { guard, signals, cgroups, run_dir, log, groups: Vec::new(), noted: HashSet::new(), claim })
    }

    /// Waits for something to happen, at most for `timeout`.
    pub fn wait(&mut self, timeout: Duration) -> Vec<Event> {
        let mut events = Vec::new();
        for number in sys::wait_signals(self.signals, timeout) {
            match number {
                sys::SIGTERM | sys::SIGINT => events.push(Event::Stop),
                sys::SIGHUP => {
                    self.reopen_log();
                    events.push(Event::Reload);
                }
                _ => {}
            }
        }
        while let Some((pid, status)) = sys::reap() {
            if pid == self.guard.pid() {
                self.replace_guard();
            } else {
                let (how, clean) = outcome(status);
                events.push(Event::Exited { pid, how, clean });
            }
        }
        events
    }

    /// Tells a service manager that asks for it that the connector is up.
    pub fn ready(&self) {
        let socket = std::env::var_os("NOTIFY_SOCKET").filter(|path| path.as_bytes().starts_with(b"/"));
        if let (Some(path), Ok(sender)) = (socket, UnixDatagram::unbound()) {
            let _ = sender.send_to(b"READY=1", Path::new(&path));
        }
    }

    /// Ends what is left of anything that was started and removes what was made in the run directory.
    pub fn close(self) {
        let guard = self.guard.pid();
        until_gone(|| {
            let left = children().into_iter().filter(|pid| *pid != guard);
            left.map(|pid| sys::send(pid, sys::SIGKILL)).count()
        });
        files::clean(&self.run_dir);
        drop(self.guard);
        until_gone(|| children().len());
    }

    /// What is done every few seconds: the pid file is there, and these logs and the connector's own stay within a
    /// number of bytes, 0 for any number.
    pub fn keep_up(&mut self, logs: &[PathBuf], limit: u64) {
        self.claim.renew();
        if limit == 0 {
            return;
        }
        for log in self.log.iter().chain(logs).cloned().collect::<Vec<_>>() {
            match rotation::bound(&log, limit) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    self.note(format!("{} grows beyond its limit: {error}", log.display()));
                }
                _ => {}
            }
        }
    }

    fn reopen_log(&self) {
        if let Some(path) = &self.log {
            own_log::reopen(path).unwrap_or_else(|error| log::line(&format!("cannot open {} again: {error}", path.display())));
        }
    }

    fn replace_guard(&mut self) {
        let groups: Vec<u32> = self.groups.iter().map(|group| group.pid).collect();
        match Guard::start(&groups) {
            Ok(guard) => self.guard = guard,
            Err(error) => self.note(format!("cannot start the guard process again: {error}")),
        }
    }

    fn note(&mut self, text: String) {
        if !self.noted.contains(&text) {
            log::line(&text);
            self.noted.insert(text);
        }
    }

    /// What runs in a container's cgroup, where there are cgroups.
    fn members(&self, name: &str) -> Vec<u32> {
        self.cgroups.as_ref().map_or_else(Vec::new, |cgroups| cgroups.members(name))
    }

    /// Children that belong to a container: its first process, and what left its process group and became an orphan.
    fn leftovers(&self, name: &str) -> Vec<u32> {
        let (members, user) = (self.members(name), self.sole_user(name));
        let belongs = |pid: &u32| members.contains(pid) || is_marked(*pid, name) || (user.is_some() && user_of(*pid) == user);
        children().into_iter().filter(belongs).collect()
    }

    /// The user of a container that shares it with no other one: then all that runs under it is the container's.
    fn sole_user(&self, name: &str) -> Option<u32> {
        let user = self.groups.iter().find(|group| group.container == name)?.user?;
        let sharing = self.groups.iter().filter(|group| group.user == Some(user)).count();
        Some(user).filter(|_| sharing == 1)
    }

    /// The leftovers, and what lies below them as far as it can be known.
    fn everything_of(&self, name: &str) -> Vec<u32> {
        let mut all = self.leftovers(name);
        all.extend(self.members(name));
        all
    }

    /// Limits by cgroup where possible: the file to enter through, and what is left for the process to limit itself.
    fn limit(&mut self, launch: &Launch) -> (Option<fs::File>, Option<u64>) {
        let (name, throttle) = (&launch.name, &launch.throttle);
        let prepared = self.cgroups.as_ref().and_then(|cgroups| cgroups.prepare(name, throttle).ok());
        let (entrance, applied) = prepared.map_or_else(Default::default, |(file, applied)| (Some(file), applied));
        if throttle.max_cpu_percent.is_some() && !applied.cpu {
            self.note(format!("{name}: max-cpu-percent is not in force: no cgroup with a cpu controller may be written here"));
        }
        (entrance, throttle.max_memory_kb.filter(|_| !applied.memory).map(|kb| kb.saturating_mul(1024)))
    }
}

impl Host {
    /// The command without what the process does to itself.
    fn command(&mut self, launch: &Launch) -> Result<Command, String> {
        let mut command = Command::new(&launch.program);
        command.args(&launch.arguments).env_clear();
        command.envs(launch.environment.iter().map(|(name, value)| (name, value)));
        if let Some(library) = &launch.library {
            let library = files::preloadable(library, &self.run_dir, &launch.name)?;
            let earlier = launch.environment.iter().rev().find(|(name, value)| name == "LD_PRELOAD" && !value.is_empty());
            let mut list = earlier.map_or(String::new(), |(_, value)| format!("{value}:"));
            list.push_str(&library.to_string_lossy());
            command.env("LD_PRELOAD", list);
        }
        let (output, errors) = self.output(launch)?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        Ok(command)
    }

    /// Where a container's output goes. A log that is not there and cannot be made is no reason not to run.
    fn output(&mut self, launch: &Launch) -> Result<(Stdio, Stdio), String> {
        let opened = files::open_log(&launch.log).and_then(|output| Ok((output.try_clone()?, output)));
        match opened {
            Ok((output, errors)) => Ok((output.into(), errors.into())),
            Err(error) if fs::symlink_metadata(&launch.log).is_err() => {
                self.note(format!("{}: its output is lost: cannot make {}: {error}", launch.name, launch.log.display()));
                Ok((Stdio::null(), Stdio::null()))
            }
            Err(error) => Err(format!("{}: {error}", launch.log.display())),
        }
    }
}

impl System for Host {
    fn start(&mut self, launch: &Launch) -> Result<u32, String> {
        vet(launch)?;
        self.everything_of(&launch.name).iter().for_each(|pid| sys::send(*pid, sys::SIGKILL));
        let account = launch.run_as.as_deref().map(Account::find).transpose()?;
        let account = account.filter(|account| !account.is_own());
        let work = work(launch, account.as_ref())?;
        let mut command = self.command(launch)?;
        let (entrance, data) = self.limit(launch);
        let (parent, pipe, nice) = (std::process::id(), self.guard.pipe(), launch.throttle.nice);
        let entrance_fd = entrance.as_ref().map(|file| file.as_raw_fd());
        let work_fd = work.fd();
        let user = account.as_ref().map(|account| account.user);
        let enter = move || {
            sys::new_session()?;
            guard::announce(pipe);
            if let Some(fd) = entrance_fd {
                // Not worth refusing the start: the container then shares the connector's cgroup.
                let _ = sys::write_bytes(fd, b"0");
            }
            if let Some(nice) = nice {
                sys::set_nice(nice);
            }
            if let Some(bytes) = data {
                sys::limit_data(bytes);
            }
            if let Some(account) = &account {
                account.enter()?;
            }
            // After the account's directories have become its own, and with its own rights.
            sys::change_directory(work_fd)?;
            // A change of account would cancel it.
            sys::die_with(parent)?;
            sys::reset_signals(&SIGNALS);
            Ok(())
        };
        // SAFETY: between fork and exec only system calls are made; nothing is allocated, no lock is taken.
        let child = unsafe { command.pre_exec(enter) }.spawn();
        let whom = launch.run_as.as_ref().map_or(String::new(), |account| format!(" as account '{account}'"));
        let pid = child.map_err(|error| format!("{}{whom}: {error}", launch.program.display()))?.id();
        self.groups.push(Group { pid, container: launch.name.clone(), user, asked: Vec::new() });
        if nice.map_or(false, |nice| sys::nice_of(pid) != nice) {
            self.note(format!("{}: its nice value is not in force: not permitted", launch.name));
        }
        Ok(pid)
    }

    fn ask(&mut self, name: &str, pid: u32) {
        let leftovers = self.leftovers(name);
        let group = match self.groups.iter_mut().find(|group| group.pid == pid) {
            Some(group) => group,
            None => return,
        };
        if group.asked.is_empty() {
            group.asked.push(pid);
            sys::send_group(pid, sys::SIGTERM);
        }
        for other in leftovers {
            if !group.asked.contains(&other) {
                group.asked.push(other);
                sys::send(other, sys::SIGTERM);
            }
        }
    }

    fn kill(&mut self, name: &str, pid: u32) {
        sys::send_group(pid, sys::SIGKILL);
        self.everything_of(name).iter().for_each(|other| sys::send(*other, sys::SIGKILL));
    }

    fn alive(&mut self, name: &str, pid: u32) -> bool {
        sys::group_exists(pid) || !self.everything_of(name).is_empty()
    }

    fn forget(&mut self, pid: u32) {
        if let Some(at) = self.groups.iter().position(|group| group.pid == pid) {
            let group = self.groups.swap_remove(at);
            if let Some(cgroups) = &self.cgroups {
                cgroups.remove(&group.container);
            }
        }
        self.guard.forget(pid);
    }
}

/// Whether a container could start now, without starting it; the reason if not: the program is an executable file, the
/// library is there.
pub fn vet(launch: &Launch) -> Result<(), String> {
    if launch.inject == Inject::Dll {
        return Err("inject = \"dll\" works on Windows only; use \"preload\" here".to_string());
    }
    let regular = |path: &Path| match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(format!("{}: not a regular file", path.display())),
        Err(error) => Err(format!("{}: {error}", path.display())),
    };
    regular(&launch.program)?;
    let path = CString::new(launch.program.as_os_str().as_bytes()).map_err(|_| "a NUL in the command".to_string())?;
    sys::executable(&path).map_err(|error| format!("{}: cannot be executed: {error}", launch.program.display()))?;
    // The dynamic loader would only warn about a missing library and run the program without it.
    launch.library.as_deref().map_or(Ok(()), regular)
}

fn work(launch: &Launch, account: Option<&Account>) -> Result<Directory, String> {
    let own = (sys::effective_user(), sys::effective_group());
    let owner = account.map_or(own, |account| (account.user, account.group));
    files::ensure_work(&launch.work, owner).map_err(|error| format!("{}: {error}", launch.work.display()))
}

fn outcome(status: i32) -> (String, bool) {
    match (status & 0x7f, status >> 8 & 0xff) {
        (0, code) => (format!("exit code {code}"), code == 0),
        (signal, _) => (format!("signal {signal}"), false),
    }
}

/// This process's living children, adopted orphans included.
fn children() -> Vec<u32> {
    let me = std::process::id().to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name, in parentheses, may itself hold spaces and parentheses.
        let mut fields = stat.rsplit(')').next().unwrap_or("").split_whitespace();
        let (state, parent) = (fields.next(), fields.next());
        state != Some("Z") && parent == Some(me.as_str())
    })
    .collect()
}

/// Reaps until nothing is left, for half a second at most.
fn until_gone(mut left: impl FnMut() -> usize) {
    for _ in 0..50 {
        if left() == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
        while sys::reap().is_some() {}
    }
}

fn user_of(pid: u32) -> Option<u32> {
    fs::metadata(format!("/proc/{pid}")).ok().map(|found| found.uid())
}

/// Whether a process was started with a container's environment.
fn is_marked(pid: u32, name: &str) -> bool {
    let mark = format!("LINK_CONTAINER={name}").into_bytes();
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == mark)
}
