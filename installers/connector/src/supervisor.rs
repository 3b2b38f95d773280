//! The state of every container and what is to happen to it next. Knows no operating system and no clock of its own.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::descriptor::Descriptor;
use crate::launch::{launch, Launch, Layout, Usual};
use crate::log;
use crate::plan::Planned;
use crate::platform::{System, BASE_ENVIRONMENT};
use crate::status::{Container, State};
use contract::events;

/// From asking a container to end to ending it. The contract gives the connector 10 s for everything.
const GRACE: Duration = Duration::from_secs(8);
/// From ending it to giving up on a process that cannot die.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// How often a stopping container is looked at.
const POLL: Duration = Duration::from_millis(100);

/// All containers of one root.
pub struct Supervisor {
    layout: Layout,
    usual: Usual,
    managed: Vec<Managed>,
    stopping: bool,
}

struct Managed {
    planned: Planned,
    phase: Phase,
    backoff: Backoff,
    started_before: bool,
    restarts: u64,
    /// Ends in a row, none after running well.
    ends: u32,
    detail: String,
    /// How the last run ended, or why it did not start.
    last_end: String,
    /// Not in the newest plan any more.
    gone: bool,
}

#[derive(Debug, PartialEq)]
enum Phase {
    Idle(State),
    Waiting { until: Instant },
    Running { pid: u32, since: Instant },
    Stopping { pid: u32, kill_at: Instant },
}

impl Supervisor {
    /// Nothing is started before the first `tick`.
    pub fn new(layout: Layout) -> Supervisor {
        Supervisor { layout, usual: Usual::default(), managed: Vec::new(), stopping: false }
    }

    /// Takes over a plan: containers that changed are stopped and started again, the others are left alone.
    pub fn adopt(&mut self, plan: Vec<Planned>, usual: Usual, now: Instant, system: &mut dyn System) {
        self.usual = usual;
        for managed in &mut self.managed {
            if !plan.iter().any(|planned| planned.name == managed.planned.name) {
                managed.gone = true;
                managed.stop(now, system);
            }
        }
        for planned in plan {
            match self.managed.iter_mut().find(|managed| managed.planned.name == planned.name) {
                Some(managed) if managed.planned == planned && !managed.gone => {}
                Some(managed) => {
                    managed.planned = planned;
                    managed.gone = false;
                    managed.stop(now, system);
                    managed.settle(now);
                }
                None => self.managed.push(Managed::new(planned, now)),
            }
        }
        self.managed.sort_by(|a, b| a.planned.name.cmp(&b.planned.name));
        self.drop_gone();
    }

    /// Does what is due: starts, ends, notices what has ended.
    pub fn tick(&mut self, now: Instant, system: &mut dyn System) {
        for managed in &mut self.managed {
            match managed.phase {
                Phase::Waiting { until } if until <= now => managed.start(&self.layout, &self.usual, now, system),
                Phase::Stopping { pid, kill_at } => {
                    managed.continue_stop(pid, kill_at, now, system);
                    if managed.phase == Phase::Idle(State::Stopped) && !self.stopping {
                        managed.settle(now);
                    }
                }
                Phase::Running { since, .. } => managed.forgive(now.saturating_duration_since(since)),
                _ => {}
            }
        }
        self.drop_gone();
    }

    /// A process has ended; those that are no container's first process do not matter here.
    pub fn exited(&mut self, ended: u32, how: &str, clean: bool, now: Instant, system: &mut dyn System) {
        for managed in &mut self.managed {
            if let Phase::Running { pid, since } = managed.phase {
                if pid == ended {
                    managed.ended(pid, how, clean, now.saturating_duration_since(since), now, system);
                }
            }
        }
    }

    /// Stops everything; nothing is started any more.
    pub fn stop(&mut self, now: Instant, system: &mut dyn System) {
        self.stopping = true;
        for managed in &mut self.managed {
            managed.stop(now, system);
        }
    }

    /// Whether `stop` has been called.
    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Whether no container runs any more.
    pub fn is_down(&self) -> bool {
        self.managed.iter().all(|m| matches!(m.phase, Phase::Idle(_) | Phase::Waiting { .. }))
    }

    /// When `tick` is needed next.
    pub fn next_tick(&self, now: Instant) -> Option<Instant> {
        let due = self.managed.iter().filter_map(|managed| match managed.phase {
            Phase::Waiting { until } => Some(until),
            Phase::Stopping { .. } => Some(now + POLL),
            _ => None,
        });
        due.min()
    }

    /// The lines of the status file.
    pub fn status(&self) -> Vec<Container> {
        self.managed.iter().map(Managed::status).collect()
    }

    /// The logs that containers may be writing.
    pub fn logs(&self) -> Vec<PathBuf> {
        let runnable = self.managed.iter().filter(|managed| managed.planned.descriptor.is_ok());
        runnable.map(|managed| self.layout.log(&managed.planned.name)).collect()
    }

    fn drop_gone(&mut self) {
        self.managed.retain(|managed| !(managed.gone && matches!(managed.phase, Phase::Idle(_))));
    }
}

impl Managed {
    fn new(planned: Planned, now: Instant) -> Managed {
        let mut managed = Managed {
            planned,
            phase: Phase::Idle(State::Stopped),
            backoff: Backoff::default(),
            started_before: false,
            restarts: 0,
            ends: 0,
            detail: String::new(),
            last_end: String::new(),
            gone: false,
        };
        managed.settle(now);
        managed
    }

    /// From rest into the phase that the plan asks for. A container that is stopping gets there when it is down.
    fn settle(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Idle(_)) {
            return;
        }
        self.backoff = Backoff::default();
        self.ends = 0;
        self.detail.clear();
        self.last_end.clear();
        self.phase = match &self.planned.descriptor {
            _ if self.gone => Phase::Idle(State::Stopped),
            Ok(descriptor) if descriptor.command.is_empty() => {
                self.detail = "holds data: nothing to run".to_string();
                Phase::Idle(State::Disabled)
            }
            _ if !self.planned.chosen => Phase::Idle(State::Disabled),
            Ok(_) => Phase::Waiting { until: now },
            Err(why) => {
                self.detail = why.clone();
                log::event(&events::CONTAINER_DIED, &format!("{}: cannot run: {why}", self.planned.name));
                Phase::Idle(State::Failed)
            }
        };
    }

    fn start(&mut self, layout: &Layout, usual: &Usual, now: Instant, system: &mut dyn System) {
        let launch: Launch = match &self.planned.descriptor {
            Ok(descriptor) => launch(layout, descriptor, BASE_ENVIRONMENT, usual),
            Err(_) => return,
        };
        self.restarts += u64::from(self.started_before);
        self.started_before = true;
        match system.start(&launch) {
            Ok(pid) => {
                log::line(&format!("{}: started, pid {pid}", launch.name));
                self.phase = Phase::Running { pid, since: now };
                self.detail.clear();
                if !self.last_end.is_empty() {
                    self.detail = format!("last end: {}", self.last_end);
                }
            }
            Err(why) => self.rest(&format!("cannot start: {why}"), false, Duration::from_secs(0), now),
        }
    }

    fn ended(&mut self, pid: u32, how: &str, clean: bool, ran: Duration, now: Instant, system: &mut dyn System) {
        // What the first process leaves behind would hold on to ports and files that its successor needs.
        system.kill(&self.planned.name, pid);
        system.forget(pid);
        self.rest(how, clean, ran, now);
    }

    /// A container that has run well for long enough: how it ended before says nothing any more.
    fn forgive(&mut self, ran: Duration) {
        if matches!(&self.planned.descriptor, Ok(Descriptor { watchdog, .. }) if ran >= watchdog.healthy) {
            self.detail.clear();
            self.last_end.clear();
        }
    }

    /// After an end or a failed start: the next start, or none.
    fn rest(&mut self, how: &str, clean: bool, ran: Duration, now: Instant) {
        let watchdog = match &self.planned.descriptor {
            Ok(Descriptor { watchdog, .. }) => watchdog,
            Err(_) => return,
        };
        self.last_end = how.to_string();
        self.ends = if ran >= watchdog.healthy { 1 } else { self.ends.saturating_add(1) };
        if watchdog.restart {
            let delay = self.backoff.next(watchdog, ran);
            self.phase = Phase::Waiting { until: now + delay };
            self.detail = format!("{how}; starts again after {}", spoken(delay));
        } else {
            self.phase = Phase::Idle(if clean { State::Stopped } else { State::Failed });
            self.detail = how.to_string();
        }
        let line = format!("{}: {}", self.planned.name, self.detail);
        match self.worth_an_event(watchdog.restart, clean) {
            Some(event) => log::event(event, &line),
            None => log::line(&line),
        }
    }

    /// Of a row of ends the first and the third, or an event log would hold nothing else.
    fn worth_an_event(&self, restarts: bool, clean: bool) -> Option<&'static events::Event> {
        match (restarts, clean, self.ends) {
            (false, true, _) => None,
            (false, false, _) => Some(&events::CONTAINER_DIED),
            (true, _, 1) => Some(&events::CONTAINER_ENDED),
            (true, _, 3) => Some(&events::CONTAINER_LOOPS),
            _ => None,
        }
    }

    fn stop(&mut self, now: Instant, system: &mut dyn System) {
        match self.phase {
            Phase::Running { pid, .. } => {
                log::line(&format!("{}: stopping", self.planned.name));
                system.ask(&self.planned.name, pid);
                self.phase = Phase::Stopping { pid, kill_at: now + GRACE };
                self.detail = "stopping".to_string();
            }
            Phase::Waiting { .. } => {
                self.phase = Phase::Idle(State::Stopped);
                self.detail.clear();
            }
            Phase::Idle(_) | Phase::Stopping { .. } => {}
        }
    }

    fn continue_stop(&mut self, pid: u32, kill_at: Instant, now: Instant, system: &mut dyn System) {
        let name = &self.planned.name;
        let alive = system.alive(name, pid);
        match alive {
            true if now >= kill_at => system.kill(name, pid),
            true => system.ask(name, pid),
            false => {}
        }
        let given_up = alive && now >= kill_at + LAST_WAIT;
        if given_up {
            log::line(&format!("{name}: a process does not die; leaving it behind"));
        }
        if !alive || given_up {
            log::line(&format!("{name}: stopped"));
            system.forget(pid);
            self.phase = Phase::Idle(State::Stopped);
            self.detail.clear();
        }
    }

    fn status(&self) -> Container {
        let (state, pid) = match self.phase {
            Phase::Idle(state) => (state, 0),
            Phase::Waiting { .. } => (State::Waiting, 0),
            Phase::Running { pid, .. } | Phase::Stopping { pid, .. } => (State::Running, pid),
        };
        Container {
            name: self.planned.name.clone(),
            state,
            pid,
            restarts: self.restarts,
            version: self.planned.descriptor.as_ref().map(|d| d.version.clone()).unwrap_or_default(),
            detail: self.detail.clone(),
        }
    }
}

fn spoken(delay: Duration) -> String {
    let ms = delay.as_millis();
    if ms % 1_000 == 0 {
        format!("{} s", ms / 1_000)
    } else {
        format!("{ms} ms")
    }
}

#[cfg(test)]
#[path = "supervisor_tests.rs"]
mod tests;
