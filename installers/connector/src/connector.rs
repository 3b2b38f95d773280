//! `vlink run`: identity, plan, then the loop of one small daemon.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use crate::cli::VERSION;
use crate::config::Config;
use crate::identity::{self, Outcome};
use crate::launch::{Layout, Usual};
use crate::plan::plan;
use crate::platform::{self, Event, Host};
use crate::policy::Policy;
use crate::status::{self, Container};
use crate::supervisor::Supervisor;
use crate::{clock, log, logs};
use contract::events;

/// The status file is written at least this often, and logs are looked at; the contract says 5 s.
const STATUS_EVERY: Duration = Duration::from_secs(3);

/// Runs until it is told to stop. The error is one sentence for the log.
pub fn run(layout: &Layout) -> Result<(), String> {
    if !layout.root.is_dir() {
        return Err(format!("the install root {} is not a directory; pass the right one with --root", layout.root.display()));
    }
    let mut host = Host::open(layout)?;
    log::line(&format!("version {VERSION}, root {}", layout.root.display()));
    let outcome = work(layout, &mut host);
    host.close();
    outcome
}

/// The connector at work.
struct Work<'a> {
    layout: &'a Layout,
    host: &'a mut Host,
    supervisor: Supervisor,
    /// What counts over csclient.cfg.
    policy: Policy,
    face: Face,
    /// Of every log, in bytes; 0 is none.
    log_limit: u64,
    /// A new identity that could not be written yet.
    unsaved: Option<String>,
    chores_due: Instant,
}

/// What the status file says beyond the containers.
struct Face {
    started_at: String,
    shown: Option<(bool, Vec<Container>)>,
    due: Instant,
    complained: bool,
}

fn work(layout: &Layout, host: &mut Host) -> Result<(), String> {
    let mut unsaved = None;
    let config = own_identity(layout, &mut unsaved)?;
    let now = Instant::now();
    let mut work = Work {
        layout,
        host,
        supervisor: Supervisor::new(layout.clone()),
        policy: Policy::default(),
        face: Face { started_at: clock::now(), shown: None, due: now, complained: false },
        log_limit: 0,
        unsaved,
        chores_due: now,
    };
    work.adopt(&config);
    work.face.show(layout, &work.supervisor);
    // Before the containers are started: a service manager waits for the connector, not for what it starts.
    work.host.ready();
    work.supervisor.tick(Instant::now(), work.host);
    work.face.show(layout, &work.supervisor);
    work.until_stopped();
    Ok(())
}

impl Work<'_> {
    fn until_stopped(&mut self) {
        loop {
            let now = Instant::now();
            let until = self.supervisor.next_tick(now).map_or(self.face.due, |due| due.min(self.face.due));
            for event in self.host.wait(until.saturating_duration_since(now)) {
                self.handle(event);
            }
            self.supervisor.tick(Instant::now(), self.host);
            self.face.show(self.layout, &self.supervisor);
            if !self.supervisor.is_stopping() {
                self.chores();
            } else if self.supervisor.is_down() {
                log::line("stopped");
                return;
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Stop if !self.supervisor.is_stopping() => {
                log::line("asked to stop");
                self.supervisor.stop(Instant::now(), self.host);
            }
            Event::Reload if !self.supervisor.is_stopping() => self.reload(),
            Event::Exited { pid, how, clean } => self.supervisor.exited(pid, &how, clean, Instant::now(), self.host),
            Event::Stop | Event::Reload => {}
        }
    }

    fn reload(&mut self) {
        log::line("reading the configuration again");
        match read(self.layout) {
            Ok(config) => self.adopt(&config),
            Err(why) => log::line(&format!("{why}; going on with the old configuration")),
        }
    }

    fn adopt(&mut self, config: &Config) {
        for problem in config.problems() {
            log::line(&format!("{}: {problem}", self.layout.config().display()));
        }
        self.heed(Policy::read(&self.layout.names));
        let config = self.policy.over(config);
        let (limit, problem) = logs::limit(&config);
        self.log_limit = limit;
        if let Some(problem) = problem {
            log::line(&format!("{}: {problem}", self.layout.config().display()));
        }
        match plan(&self.layout.containers(), &config) {
            Ok(plan) => self.supervisor.adopt(plan, Usual::of(&config), Instant::now(), self.host),
            Err(why) => log::line(&format!("{why}; no container was changed")),
        }
    }

    /// Takes over what the group policy says now, and tells what is new about it.
    fn heed(&mut self, policy: Policy) {
        if policy == self.policy {
            return;
        }
        for fault in policy.faults.iter().filter(|fault| !self.policy.faults.contains(fault)) {
            log::event(&events::POLICY_UNFIT, &format!("{fault}; it is passed over"));
        }
        let given = Some(policy.names()).filter(|names| !names.is_empty()).unwrap_or_else(|| "nothing".to_string());
        log::event(&events::POLICY_CHANGED, &format!("settings of the group policy: {given}"));
        self.policy = policy;
    }

    /// What is done from time to time: a group policy is followed, logs stay small, and a new identity is written when the disk takes it.
    fn chores(&mut self) {
        let now = Instant::now();
        if now < self.chores_due {
            return;
        }
        self.chores_due = now + STATUS_EVERY;
        self.host.keep_up(&self.supervisor.logs(), self.log_limit);
        if Policy::read(&self.layout.names) != self.policy {
            self.reload();
        }
        if self.unsaved.is_some() {
            match own_identity(self.layout, &mut self.unsaved) {
                Ok(_) if self.unsaved.is_none() => log::line("the new identity is written now"),
                Ok(_) => {}
                Err(why) => log::line(&why),
            }
        }
    }
}

/// The configuration as it counts: csclient.cfg, with the group policy's settings over it.
pub fn effective(layout: &Layout) -> Result<Config, String> {
    Ok(Policy::read(&layout.names).over(&read(layout)?))
}

/// csclient.cfg; one that is missing is empty.
pub fn read(layout: &Layout) -> Result<Config, String> {
    let path = layout.config();
    match platform::read_settings(&path) {
        Ok(bytes) => Ok(Config::parse(&bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Config::default()),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}

/// Reads the configuration and makes sure that its identity is this machine's. `unsaved` is the identity that a full
/// disk did not take: the one to use again, and afterwards the one that still waits.
fn own_identity(layout: &Layout, unsaved: &mut Option<String>) -> Result<Config, String> {
    let mut config = read(layout)?;
    let before = config.clone();
    let waiting = unsaved.clone();
    let fresh = || match waiting.clone() {
        Some(id) => Ok(id),
        None => platform::random().map(identity::uuid).map_err(|e| format!("cannot make an identity: {e}")),
    };
    let outcome = identity::ensure(&mut config, platform::machine(), fresh)?;
    if waiting.is_none() {
        tell(&outcome);
    }
    if config == before || save(layout, &config, &outcome, waiting.is_none())? {
        *unsaved = None;
    } else {
        *unsaved = identity::core_id(&config).map(String::from);
    }
    Ok(config)
}

/// Writes the configuration; false where a new identity waits for room on the disk.
fn save(layout: &Layout, config: &Config, outcome: &Outcome, first: bool) -> Result<bool, String> {
    let path = layout.config();
    let error = match platform::replace_private(&path, &config.to_bytes()) {
        Ok(()) => return Ok(true),
        Err(error) => error,
    };
    let why = format!("cannot write {}: {error}", path.display());
    match outcome {
        Outcome::Made | Outcome::Replaced if is_full(&error) => {
            if first {
                log::line(&format!("{why}; going on, and trying again while the connector runs"));
            }
            Ok(false)
        }
        // An identity that is not kept would be another one at each start.
        Outcome::Made | Outcome::Replaced => Err(format!("{why}; let the connector's account write there")),
        _ => {
            log::line(&format!("{why}; let the connector's account write there"));
            Ok(true)
        }
    }
}

fn tell(outcome: &Outcome) {
    match outcome {
        Outcome::Kept => {}
        Outcome::Bound => log::line("the identity is now bound to this machine"),
        Outcome::Made => log::line("made a new identity"),
        Outcome::Replaced => log::event(
            &events::IDENTITY_REPLACED,
            "the identity was another machine's (this is a clone): dropped it and made a new one",
        ),
        Outcome::Unguarded => log::line("no machine id can be read: keeping the identity, but a clone would go unnoticed"),
    }
}

fn is_full(error: &io::Error) -> bool {
    error.raw_os_error().map_or(false, |code| platform::DISK_FULL.contains(&code))
}

impl Face {
    /// Writes the status file where something changed or the last one grows old.
    fn show(&mut self, layout: &Layout, supervisor: &Supervisor) {
        let shown = (supervisor.is_stopping(), supervisor.status());
        let now = Instant::now();
        if self.shown.as_ref() == Some(&shown) && now < self.due {
            return;
        }
        let connector =
            status::Connector { stopping: shown.0, pid: std::process::id(), version: VERSION, started_at: &self.started_at };
        let text = status::render(&connector, &clock::now(), &shown.1);
        let written = platform::replace_public(&layout.run_dir.join("status"), text.as_bytes());
        if let (Err(error), false) = (&written, self.complained) {
            log::line(&format!("cannot write {}: {error}", layout.run_dir.join("status").display()));
        }
        self.complained = written.is_err();
        self.shown = Some(shown);
        self.due = now + STATUS_EVERY;
    }
}
