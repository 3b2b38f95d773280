//! `vlink run`: identity, plan, then the loop of one small daemon.

use std::fs;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use crate::cli::VERSION;
use crate::config::Config;
use crate::identity::{self, Outcome};
use crate::launch::{usual_throttle, Layout};
use crate::plan::plan;
use crate::platform::{self, Event, Host};
use crate::status::{self, Container};
use crate::supervisor::Supervisor;
use crate::{clock, log};

/// The status file is written at least this often; the contract says 5 s.
const STATUS_EVERY: Duration = Duration::from_secs(3);

/// Runs until it is told to stop. The error is one sentence for the log.
pub fn run(layout: &Layout) -> Result<(), String> {
    if !layout.root.is_dir() {
        return Err(format!(
            "the install root {} is not a directory; pass the right one with --root",
            layout.root.display()
        ));
    }
    let mut host = Host::open(layout)?;
    log::line(&format!(
        "version {VERSION}, root {}",
        layout.root.display()
    ));
    let outcome = work(layout, &mut host);
    host.close();
    outcome
}

/// What the status file says beyond the containers.
struct Face {
    core_id: String,
    started_at: String,
    shown: Option<(bool, Vec<Container>)>,
    due: Instant,
    complained: bool,
}

fn work(layout: &Layout, host: &mut Host) -> Result<(), String> {
    let config = own_identity(layout)?;
    let core_id = identity::core_id(&config).unwrap_or("").to_string();
    let mut face = Face {
        core_id,
        started_at: clock::now(),
        shown: None,
        due: Instant::now(),
        complained: false,
    };
    let mut supervisor = Supervisor::new(layout.clone());
    adopt(layout, &config, &mut supervisor, host);
    supervisor.tick(Instant::now(), host);
    face.show(layout, &supervisor);
    host.ready();
    loop {
        let now = Instant::now();
        let until = supervisor
            .next_tick(now)
            .map_or(face.due, |due| due.min(face.due));
        for event in host.wait(until.saturating_duration_since(now)) {
            handle(event, layout, &mut supervisor, host, &mut face);
        }
        supervisor.tick(Instant::now(), host);
        face.show(layout, &supervisor);
        if supervisor.is_stopping() && supervisor.is_down() {
            log::line("stopped");
            return Ok(());
        }
    }
}

fn handle(
    event: Event,
    layout: &Layout,
    supervisor: &mut Supervisor,
    host: &mut Host,
    face: &mut Face,
) {
    match event {
        Event::Stop if !supervisor.is_stopping() => {
            log::line("asked to stop");
            supervisor.stop(Instant::now(), host);
        }
        Event::Reload if !supervisor.is_stopping() => reload(layout, supervisor, host, face),
        Event::Exited { pid, how, clean } => {
            supervisor.exited(pid, &how, clean, Instant::now(), host)
        }
        Event::Stop | Event::Reload => {}
    }
}

fn reload(layout: &Layout, supervisor: &mut Supervisor, host: &mut Host, face: &mut Face) {
    log::line("reading the configuration again");
    match read(layout) {
        Ok(config) => {
            if let Some(core_id) = identity::core_id(&config) {
                face.core_id = core_id.to_string();
            }
            adopt(layout, &config, supervisor, host);
        }
        Err(why) => log::line(&format!("{why}; going on with the old configuration")),
    }
}

fn adopt(layout: &Layout, config: &Config, supervisor: &mut Supervisor, host: &mut Host) {
    for problem in config.problems() {
        log::line(&format!("{}: {problem}", layout.config().display()));
    }
    match plan(&layout.containers(), config) {
        Ok(plan) => supervisor.adopt(plan, usual_throttle(config), Instant::now(), host),
        Err(why) => log::line(&format!("{why}; no container was changed")),
    }
}

/// The configuration; one that is missing is empty.
pub fn read(layout: &Layout) -> Result<Config, String> {
    let path = layout.config();
    match fs::read(&path) {
        Ok(bytes) => Ok(Config::parse(&bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Config::default()),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}

/// Reads the configuration and makes sure that its identity is this machine's.
fn own_identity(layout: &Layout) -> Result<Config, String> {
    let mut config = read(layout)?;
    let before = config.clone();
    let fresh = || {
        platform::random()
            .map(identity::uuid)
            .map_err(|e| format!("cannot make an identity: {e}"))
    };
    let outcome = identity::ensure(&mut config, platform::machine(), fresh)?;
    match outcome {
        Outcome::Kept => {}
        Outcome::Bound => log::line("the identity is now bound to this machine"),
        Outcome::Made => log::line("made a new identity"),
        Outcome::Replaced => log::line(
            "the identity was another machine's (this is a clone): dropped it and made a new one",
        ),
        Outcome::Unguarded => log::line(
            "no machine id can be read: keeping the identity, but a clone would go unnoticed",
        ),
    }
    if config != before {
        let path = layout.config();
        if let Err(error) = platform::replace_private(&path, &config.to_bytes()) {
            let why = format!(
                "cannot write {}: {error}; let the connector's account write there",
                path.display()
            );
            if outcome != Outcome::Bound {
                // An identity that is not kept would be another one at each start.
                return Err(why);
            }
            log::line(&why);
        }
    }
    Ok(config)
}

impl Face {
    /// Writes the status file where something changed or the last one grows old.
    fn show(&mut self, layout: &Layout, supervisor: &Supervisor) {
        let shown = (supervisor.is_stopping(), supervisor.status());
        let now = Instant::now();
        if self.shown.as_ref() == Some(&shown) && now < self.due {
            return;
        }
        let connector = status::Connector {
            stopping: shown.0,
            pid: std::process::id(),
            version: VERSION,
            core_id: &self.core_id,
            started_at: &self.started_at,
        };
        let text = status::render(&connector, &clock::now(), &shown.1);
        let written = platform::replace_public(&layout.run_dir.join("status"), text.as_bytes());
        if let (Err(error), false) = (&written, self.complained) {
            log::line(&format!(
                "cannot write {}: {error}",
                layout.run_dir.join("status").display()
            ));
        }
        self.complained = written.is_err();
        self.shown = Some(shown);
        self.due = now + STATUS_EVERY;
    }
}
