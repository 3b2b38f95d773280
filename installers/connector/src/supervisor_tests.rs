use super::*;

/// A system on which processes live until they are told to end.
#[derive(Default)]
struct Fake {
    next_pid: u32,
    living: Vec<u32>,
    stubborn: bool,
    broken: bool,
    asked: Vec<u32>,
    killed: Vec<u32>,
    forgotten: Vec<u32>,
}

impl System for Fake {
    fn start(&mut self, _: &Launch) -> Result<u32, String> {
        if self.broken {
            return Err("no such file".to_string());
        }
        self.next_pid += 1;
        self.living.push(self.next_pid);
        Ok(self.next_pid)
    }

    fn ask(&mut self, _: &str, pid: u32) {
        self.asked.push(pid);
        if !self.stubborn {
            self.living.retain(|p| *p != pid);
        }
    }

    fn kill(&mut self, _: &str, pid: u32) {
        self.killed.push(pid);
        self.living.retain(|p| *p != pid);
    }

    fn alive(&mut self, _: &str, pid: u32) -> bool {
        self.living.contains(&pid)
    }

    fn forget(&mut self, pid: u32) {
        self.forgotten.push(pid);
    }
}

struct Bench {
    supervisor: Supervisor,
    system: Fake,
    now: Instant,
}

impl Bench {
    fn new(plan: Vec<Planned>) -> Bench {
        let layout = Layout {
            root: PathBuf::from("/r"),
            run_dir: PathBuf::from("/run"),
            log_dir: PathBuf::from("/log"),
            names: Default::default(),
        };
        let mut bench = Bench { supervisor: Supervisor::new(layout), system: Fake::default(), now: Instant::now() };
        bench.adopt(plan);
        bench
    }

    fn adopt(&mut self, plan: Vec<Planned>) {
        self.supervisor.adopt(plan, Usual::default(), self.now, &mut self.system);
        self.tick(0);
    }

    fn tick(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.supervisor.tick(self.now, &mut self.system);
    }

    fn exit(&mut self, pid: u32, clean: bool) {
        self.supervisor.exited(pid, "exit code 1", clean, self.now, &mut self.system);
    }

    fn states(&self) -> Vec<(String, State)> {
        self.supervisor.status().into_iter().map(|c| (c.name, c.state)).collect()
    }
}

fn planned(name: &str, more: &str) -> Planned {
    let text = format!(r#"{{ "name": "{name}", "command": ["x"] {more} }}"#);
    Planned { name: name.to_string(), chosen: true, descriptor: Descriptor::parse(&text) }
}

fn is(name: &str, state: State) -> (String, State) {
    (name.to_string(), state)
}

#[test]
fn a_container_that_ends_is_started_again_after_its_delay() {
    let mut bench = Bench::new(vec![planned("a", "")]);
    bench.exit(1, false);
    let status = bench.supervisor.status().remove(0);
    assert_eq!((status.state, status.pid, status.detail.as_str()), (State::Waiting, 0, "exit code 1; starts again after 1 s"));
    assert_eq!(bench.system.killed, [1], "what it left behind was not ended");
    bench.tick(0);
    assert_eq!(bench.system.next_pid, 1, "started before its delay was over");
    bench.tick(1);
    let status = bench.supervisor.status().remove(0);
    assert_eq!((status.state, status.pid, status.restarts), (State::Running, 2, 1));
    assert_eq!(status.detail, "last end: exit code 1");
    bench.tick(59);
    assert_eq!(bench.supervisor.status()[0].detail, "last end: exit code 1");
    bench.tick(1);
    assert_eq!(bench.supervisor.status()[0].detail, "", "it has run well for a minute");
}

#[test]
fn a_container_that_loops_never_looks_well() {
    let mut bench = Bench::new(vec![planned("a", r#", "watchdog": { "first-ms": 1000, "max-ms": 1000 }"#)]);
    for ends in 1..=5 {
        bench.exit(ends, false);
        bench.tick(1);
        let status = bench.supervisor.status().remove(0);
        assert_eq!((status.state, status.restarts), (State::Running, u64::from(ends)));
        assert_eq!(status.detail, "last end: exit code 1");
        bench.tick(2);
    }
}

#[test]
fn a_command_that_cannot_start_is_tried_again_with_growing_delays() {
    let mut bench = Bench::new(vec![]);
    bench.system.broken = true;
    bench.adopt(vec![planned("a", "")]);
    assert_eq!(bench.supervisor.status()[0].detail, "cannot start: no such file; starts again after 1 s");
    bench.tick(1);
    assert_eq!(bench.supervisor.status()[0].detail, "cannot start: no such file; starts again after 2 s");
    bench.system.broken = false;
    bench.tick(2);
    assert_eq!(bench.states(), [is("a", State::Running)]);
}

#[test]
fn without_restart_the_way_it_ended_decides_between_stopped_and_failed() {
    let once = r#", "watchdog": { "restart": false }"#;
    let mut bench = Bench::new(vec![planned("a", once), planned("b", once)]);
    bench.exit(1, true);
    bench.exit(2, false);
    bench.tick(3_600);
    assert_eq!(bench.states(), [is("a", State::Stopped), is("b", State::Failed)]);
}

#[test]
fn a_broken_container_fails_alone() {
    let broken = Planned { name: "b".to_string(), chosen: true, descriptor: Err("why".to_string()) };
    let bench = Bench::new(vec![planned("a", ""), broken]);
    assert_eq!(bench.states(), [is("a", State::Running), is("b", State::Failed)]);
    assert_eq!(bench.supervisor.status()[1].detail, "why");
}

#[test]
fn a_stubborn_container_is_killed_after_eight_seconds() {
    let mut bench = Bench::new(vec![planned("a", "")]);
    bench.system.stubborn = true;
    bench.supervisor.stop(bench.now, &mut bench.system);
    bench.tick(7);
    assert!(!bench.supervisor.is_down());
    assert!(bench.system.killed.is_empty());
    bench.tick(1);
    assert_eq!(bench.system.killed, [1]);
    bench.tick(0);
    assert!(bench.supervisor.is_down());
    assert_eq!(bench.system.forgotten, [1]);
}

#[test]
fn a_stop_starts_nothing_any_more() {
    let mut bench = Bench::new(vec![planned("a", ""), planned("b", "")]);
    bench.exit(1, false);
    bench.supervisor.stop(bench.now, &mut bench.system);
    bench.tick(100);
    bench.tick(100);
    assert_eq!(bench.states(), [is("a", State::Stopped), is("b", State::Stopped)]);
    assert_eq!(bench.system.next_pid, 2);
}

#[test]
fn a_new_plan_stops_what_was_left_out_and_leaves_the_unchanged_alone() {
    let mut bench = Bench::new(vec![planned("a", ""), planned("b", ""), planned("c", "")]);
    bench.adopt(vec![planned("a", ""), Planned { chosen: false, ..planned("b", "") }]);
    bench.tick(1);
    assert_eq!(bench.states(), [is("a", State::Running), is("b", State::Disabled)]);
    assert_eq!(bench.system.asked.len(), 2);
    assert!(!bench.system.asked.contains(&1));
}

#[test]
fn a_changed_descriptor_restarts_its_container_once_it_is_down() {
    let mut bench = Bench::new(vec![planned("a", "")]);
    bench.system.stubborn = true;
    bench.adopt(vec![planned("a", r#", "version": "2""#)]);
    assert_eq!(bench.supervisor.status()[0].pid, 1, "the old process is still there");
    bench.system.living.clear();
    bench.tick(1);
    bench.tick(0);
    let status = bench.supervisor.status().remove(0);
    assert_eq!((status.state, status.pid, status.version.as_str()), (State::Running, 2, "2"));
}

#[test]
fn a_container_that_comes_back_while_it_stops_is_started_again() {
    let mut bench = Bench::new(vec![planned("a", "")]);
    bench.system.stubborn = true;
    bench.adopt(vec![]);
    bench.adopt(vec![planned("a", "")]);
    bench.system.living.clear();
    bench.tick(1);
    bench.tick(0);
    assert_eq!(bench.states(), [is("a", State::Running)]);
    assert_eq!(bench.system.next_pid, 2);
}

#[test]
fn the_next_tick_is_the_nearest_start() {
    let mut bench = Bench::new(vec![planned("a", ""), planned("b", "")]);
    assert_eq!(bench.supervisor.next_tick(bench.now), None);
    bench.exit(1, false);
    bench.tick(0);
    assert_eq!(bench.supervisor.next_tick(bench.now), Some(bench.now + Duration::from_secs(1)));
}

#[test]
fn of_a_row_of_ends_the_first_and_the_third_are_for_the_event_log() {
    let mut managed = Managed::new(planned("pulse", ""), Instant::now());
    let mut told = |ran: u64, restarts: bool, clean: bool| {
        managed.ends = if ran >= 60 { 1 } else { managed.ends + 1 };
        managed.worth_an_event(restarts, clean).map(|event| event.id)
    };
    let row: Vec<Option<u32>> = [0, 0, 0, 0, 60, 0, 0].iter().map(|ran| told(*ran, true, false)).collect();
    assert_eq!(row, [Some(6), None, Some(5), None, Some(6), None, Some(5)]);
    assert_eq!((told(0, false, false), told(0, false, true)), (Some(4), None));
}
