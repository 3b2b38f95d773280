//! Starting, watching, stopping, dying.

mod common;

use std::ffi::OsStr;
use std::fs;
use std::time::{Duration, Instant};

use common::{mode, pids, runs, signal, until, vlink, Endpoint};

/// A shell, a child in its group and a grandchild that left the group.
const FAMILY: &str = "sleep 300 & one=$!; setsid sh -c 'sleep 300 & echo $! $$ >far; wait' & \
    until [ -s far ]; do sleep 0.05; done; echo $$ $one $(cat far) >all.new; mv all.new all; wait";

#[test]
fn a_container_that_ends_is_started_again_after_growing_delays() {
    let endpoint = Endpoint::new();
    let watchdog = r#", "watchdog": { "first-ms": 200, "factor": 2, "max-ms": 700 }"#;
    endpoint.script("a", "date +%s%N >>starts; exit 3", watchdog);
    let mut running = endpoint.start();
    until("it has started five times", || endpoint.output("a", "starts").lines().count() >= 5);
    let starts: Vec<u64> = endpoint.output("a", "starts").lines().map(|line| line.parse().unwrap()).collect();
    let gaps: Vec<u64> = starts.windows(2).take(4).map(|pair| (pair[1] - pair[0]) / 1_000_000).collect();
    for (gap, least) in gaps.iter().zip([200, 400, 700, 700]) {
        assert!((least..least + 1_500).contains(gap), "{gaps:?}");
    }
    let status = endpoint.await_state("a", "waiting");
    assert!(status[4].parse::<u32>().unwrap() >= 4, "{status:?}");
    assert_eq!(status[6], "exit code 3; starts again after 700 ms");
    running.stop();
}

#[test]
fn without_restart_it_stays_as_it_ended() {
    let endpoint = Endpoint::new();
    endpoint.script("good", "exit 0", r#", "watchdog": { "restart": false }"#);
    endpoint.script("bad", "kill -KILL $$", r#", "watchdog": { "restart": false }"#);
    let mut running = endpoint.start();
    endpoint.await_state("good", "stopped");
    assert_eq!(endpoint.await_state("bad", "failed")[3..], ["0", "0", "1.0", "signal 9"]);
    running.stop();
}

#[test]
fn what_a_container_leaves_behind_is_ended_before_it_starts_again() {
    common::what_is_left_is_ended("sleep 300 & echo $! >>left; exit 1", "");
}

#[test]
fn sigterm_stops_everything_that_came_from_a_container() {
    let endpoint = Endpoint::new();
    endpoint.script("a", FAMILY, "");
    let mut running = endpoint.start();
    let family = pids(&endpoint.await_output("a", "all"));
    assert_eq!(family.len(), 4);
    assert!(family.iter().all(|pid| runs(*pid)));
    running.signal("TERM");
    let (status, took) = running.end();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
    let left: Vec<&u32> = family.iter().filter(|pid| runs(**pid)).collect();
    assert!(left.is_empty(), "{left:?} of {family:?} still run");
    assert!(!endpoint.run_dir().join("vlink.pid").exists());
    assert!(!endpoint.run_dir().join("status").exists());
}

#[test]
fn a_container_that_ignores_sigterm_is_killed_within_ten_seconds() {
    let endpoint = Endpoint::new();
    endpoint.script("a", "trap '' TERM; echo $$ >pid; while :; do sleep 1; done", "");
    let mut running = endpoint.start();
    let pid = pids(&endpoint.await_output("a", "pid"))[0];
    running.signal("TERM");
    until("the status says stopping", || endpoint.status().first().map_or(false, |line| line[1] == "stopping"));
    let (status, took) = running.end();
    assert_eq!(status.code(), Some(0));
    assert!(took > Duration::from_secs(6) && took < Duration::from_secs(10), "{took:?}");
    assert!(!runs(pid));
}

#[test]
fn kill_9_leaves_no_children() {
    let endpoint = Endpoint::new();
    endpoint.script("a", "sleep 300 & echo $$ $! >all.new; mv all.new all; wait", "");
    let mut running = endpoint.start();
    let family = pids(&endpoint.await_output("a", "all"));
    running.signal("KILL");
    running.end();
    until("all are gone", || !family.iter().any(|pid| runs(*pid)));
    // The next connector is not kept out by what the killed one left.
    fs::remove_file(endpoint.work("a").join("all")).unwrap();
    let mut next = endpoint.start();
    endpoint.await_output("a", "all");
    next.stop();
}

#[test]
fn a_guard_that_was_killed_is_replaced_and_knows_the_containers() {
    let endpoint = Endpoint::new();
    endpoint.script("a", "sleep 300 & echo $$ $! >all.new; mv all.new all; wait", "");
    let mut running = endpoint.start();
    let family = pids(&endpoint.await_output("a", "all"));
    let guards = || {
        let text = fs::read_to_string(format!("/proc/{0}/task/{0}/children", running.pid())).unwrap();
        let mut children = pids(&text);
        children.retain(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).map_or(false, |name| name == "vlink-guard\n"));
        children
    };
    let first = guards();
    assert_eq!(first.len(), 1);
    signal(first[0], "KILL");
    until("there is another guard", || guards().len() == 1 && guards() != first);
    running.signal("KILL");
    running.end();
    until("all are gone", || !family.iter().any(|pid| runs(*pid)));
}

#[test]
fn a_second_connector_is_refused_and_the_first_goes_on() {
    let endpoint = Endpoint::new();
    endpoint.script("a", "exec sleep 300", "");
    let mut first = endpoint.start();
    let status = endpoint.await_state("a", "running");
    let (code, _) = endpoint.start().end();
    assert_eq!(code.code(), Some(1));
    assert!(endpoint.log().contains(&format!("another connector runs already (pid {})", first.pid())), "{}", endpoint.log());
    assert_eq!(fs::read_to_string(endpoint.run_dir().join("vlink.pid")).unwrap(), format!("{}\n", first.pid()));
    assert_eq!(endpoint.container_status("a")[..5], status[..5]);
    first.stop();
}

#[test]
fn a_pid_file_that_was_removed_comes_back() {
    let endpoint = Endpoint::new();
    let mut running = endpoint.start();
    until("it runs", || !endpoint.status().is_empty());
    let pid_file = endpoint.run_dir().join("vlink.pid");
    fs::remove_file(&pid_file).unwrap();
    until("it is there again", || fs::read_to_string(&pid_file).unwrap_or_default() == format!("{}\n", running.pid()));
    running.stop();
    assert!(!pid_file.exists());
}

#[test]
fn broken_containers_do_not_stop_the_others() {
    let endpoint = Endpoint::new();
    endpoint.container("broken", "{ \"name\": ");
    endpoint.container("absent", r#"{ "name": "absent", "command": ["bin/nothing"] }"#);
    endpoint.container("plain", r#"{ "name": "plain", "command": ["container.json"] }"#);
    endpoint.script("good", "exec sleep 300", "");
    let mut running = endpoint.start();
    endpoint.await_state("good", "running");
    let broken = endpoint.await_state("broken", "failed");
    assert!(broken[6].starts_with("container.json: line 1"), "{broken:?}");
    let absent = endpoint.await_state("absent", "waiting");
    assert!(absent[6].contains("bin/nothing: No such file"), "{absent:?}");
    let plain = endpoint.await_state("plain", "waiting");
    assert!(plain[6].contains("cannot be executed: Permission denied"), "{plain:?}");
    until("the start is tried again", || endpoint.container_status("absent")[4] != "0");
    running.stop();
}

#[test]
fn a_program_that_the_system_cannot_run_is_a_failed_start() {
    let endpoint = Endpoint::new();
    endpoint.script("a", "", "");
    fs::write(endpoint.dir("a").join("bin/run"), "#!/no/such/shell\n").unwrap();
    let mut running = endpoint.start();
    let status = endpoint.await_state("a", "waiting");
    assert!(status[6].starts_with("cannot start: ") && status[6].contains("No such file"), "{status:?}");
    running.stop();
}

#[test]
fn the_status_file_has_the_documented_shape_and_stays_fresh() {
    let endpoint = Endpoint::new();
    endpoint.write_config("containers: \"a\"\n");
    endpoint.script("a", "exec sleep 300", "");
    endpoint.script("b", "exec sleep 300", "");
    let mut running = endpoint.start();
    let a = endpoint.await_state("a", "running");
    let status = endpoint.status();
    assert_eq!(status.len(), 3);
    let connector = &status[0];
    assert_eq!(connector.len(), 7);
    assert_eq!(connector[..4], ["connector", "running", &running.pid().to_string(), env!("CARGO_PKG_VERSION")]);
    assert_eq!(connector[4], "-", "everybody may read the file");
    for time in &connector[5..] {
        assert!(time.len() == 20 && &time[10..11] == "T" && time.ends_with('Z'), "{time}");
    }
    assert_eq!(a[..3], ["container", "a", "running"]);
    assert!(runs(a[3].parse().unwrap()));
    assert_eq!(a[4..], ["0", "1.0", "-"]);
    assert_eq!(endpoint.container_status("b"), ["container", "b", "disabled", "0", "0", "1.0", "-"]);
    assert_eq!(mode(&endpoint.run_dir().join("status")), 0o644);
    assert_eq!(mode(&endpoint.run_dir()), 0o755);
    let start = Instant::now();
    until("it is written again", || endpoint.status()[0][6] != connector[6]);
    assert!(start.elapsed() < Duration::from_secs(5));
    running.stop();
}

#[test]
fn sighup_reads_the_choice_of_containers_again() {
    let endpoint = Endpoint::new();
    endpoint.write_config("containers: \"a,b\"\n");
    for name in ["a", "b", "c"] {
        endpoint.script(name, "exec sleep 300", "");
    }
    let mut running = endpoint.start();
    let a = endpoint.await_state("a", "running")[3].clone();
    let process = fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
    let caught = process.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
    assert_eq!(u64::from_str_radix(caught, 16).unwrap() & 1, 1, "linkctl would not dare to send SIGHUP");
    let b: u32 = endpoint.await_state("b", "running")[3].parse().unwrap();
    endpoint.await_state("c", "disabled");
    let settings = fs::read_to_string(endpoint.config()).unwrap();
    fs::write(endpoint.config(), settings.replace("\"a,b\"", "\"a, c\"")).unwrap();
    running.signal("HUP");
    endpoint.await_state("c", "running");
    endpoint.await_state("b", "disabled");
    assert!(!runs(b));
    assert_eq!(endpoint.container_status("a")[3], a, "an untouched container was restarted");
    running.stop();
}

#[test]
fn sigint_stops_as_well_and_an_early_signal_is_not_lost() {
    let endpoint = Endpoint::new();
    endpoint.script("a", "exec sleep 300", "");
    let mut running = endpoint.start();
    until("it holds the pid file", || endpoint.run_dir().join("vlink.pid").exists());
    running.signal("INT");
    assert_eq!(running.end().0.code(), Some(0));
    assert!(!endpoint.run_dir().join("vlink.pid").exists());
}

#[test]
fn check_names_everything_that_is_wrong() {
    let endpoint = Endpoint::new();
    endpoint.script("good", "exec sleep 300", "");
    let root = endpoint.root();
    let check = || vlink(&[OsStr::new("check"), OsStr::new("--root"), root.as_os_str()]);
    let output = check();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("container good 1.0: runs"), "{text}");
    assert!(!endpoint.config().exists(), "a check changed something");

    endpoint.write_config("containers: \"*\"\nnonsense\nlog.maxSizeKB: \"10M\"\n");
    endpoint.container("broken", "[]");
    endpoint.container("whose", r#"{ "name": "whose", "command": ["container.json"], "run-as": "no-such-account" }"#);
    endpoint.container("absent", r#"{ "name": "absent", "command": ["bin/nothing"] }"#);
    endpoint.container("dll", r#"{ "name": "dll", "command": ["container.json"], "inject": "dll", "library": "x.dll" }"#);
    let output = check();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    for problem in [
        "csclient.cfg: line 2",
        "log.maxSizeKB",
        "container whose: run-as",
        "container broken: ",
        "container absent: ",
        "container dll: ",
    ] {
        assert!(text.lines().any(|line| line.starts_with("problem: ") && line.contains(problem)), "{problem} in {text}");
    }
}

#[test]
fn usage_errors_exit_with_2_and_version_and_help_with_0() {
    let code = |arguments: &[&str]| {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        vlink(&arguments).status.code()
    };
    assert_eq!(code(&[]), Some(2));
    assert_eq!(code(&["run"]), Some(2));
    assert_eq!(code(&["run", "--root", "relative"]), Some(2));
    assert_eq!(code(&["run", "--root", "/", "--frobnicate"]), Some(2));
    assert_eq!(code(&["dance"]), Some(2));
    assert_eq!(code(&["--version"]), Some(0));
    assert_eq!(code(&["--help"]), Some(0));
}
