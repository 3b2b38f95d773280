//! Containers under accounts of their own. Needs root, as the connector does for that.

mod common;

use std::fs;
use std::os::unix::fs::{symlink, MetadataExt};
use std::time::Duration;

use common::{owner, pids, runs, until, Endpoint};

const NOBODY: u32 = 65_534;
const AS_NOBODY: &str = r#", "run-as": "nobody""#;

/// A shell, a child in its group and a grandchild that left group and session.
const FAMILY: &str = "sleep 300 & one=$!; setsid sh -c 'sleep 300 & echo $! $$ >far; wait' & \
    until [ -s far ]; do sleep 0.05; done; echo $$ $one $(cat far) >all.new; mv all.new all; wait";

/// Real, effective, saved and file system ids, as the kernel writes them.
fn ids(pid: u32, kind: &str) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    pids(text.lines().find_map(|line| line.strip_prefix(kind)).unwrap())
}

#[test]
fn a_container_runs_under_the_account_that_it_names() {
    let endpoint = Endpoint::new();
    let script = "{ pwd; env | sort; } >env.new; mv env.new env; echo out; exec sleep 60";
    endpoint.script("a", script, AS_NOBODY);
    endpoint.script("b", "exec sleep 60", "");
    let mut running = endpoint.start();
    let text = endpoint.await_output("a", "env");
    let pid: u32 = endpoint.await_state("a", "running")[3].parse().unwrap();
    for kind in ["Uid:", "Gid:"] {
        assert_eq!(ids(pid, kind), [NOBODY; 4], "{kind}");
    }
    assert_eq!(ids(pid, "Groups:"), [NOBODY]);
    let work = endpoint.work("a");
    assert_eq!(owner(&work), (NOBODY, NOBODY));
    assert_eq!(owner(&work.join("env")), (NOBODY, NOBODY));
    let home = format!("HOME={}", work.display());
    for line in [home.as_str(), "USER=nobody", "LOGNAME=nobody", work.to_str().unwrap()] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
    let log = endpoint.log_dir().join("a.log");
    until("its output is in its log", || fs::read_to_string(&log).unwrap_or_default() == "out\n");
    assert_eq!(owner(&log).0, 0, "the log stays the connector's");
    let other: u32 = endpoint.await_state("b", "running")[3].parse().unwrap();
    assert_eq!(ids(other, "Uid:"), [0; 4]);
    assert_eq!(owner(&endpoint.work("b")).0, 0);
    running.stop();
}

#[test]
fn everything_of_another_account_is_stopped_and_nothing_outlives_a_killed_connector() {
    let endpoint = Endpoint::new();
    endpoint.script("a", FAMILY, AS_NOBODY);
    let mut running = endpoint.start();
    let family = pids(&endpoint.await_output("a", "all"));
    assert!(family.len() == 4 && family.iter().all(|pid| ids(*pid, "Uid:") == [NOBODY; 4]));
    running.signal("TERM");
    let (status, took) = running.end();
    assert!(status.success() && took < Duration::from_secs(10), "{took:?}");
    assert!(!family.iter().any(|pid| runs(*pid)));

    fs::remove_file(endpoint.work("a").join("all")).unwrap();
    endpoint.script("a", "sleep 300 & echo $$ $! >all.new; mv all.new all; wait", AS_NOBODY);
    let mut running = endpoint.start();
    let family = pids(&endpoint.await_output("a", "all"));
    running.signal("KILL");
    running.end();
    until("all are gone", || !family.iter().any(|pid| runs(*pid)));
}

#[test]
fn what_hides_from_its_group_and_environment_is_known_by_its_account() {
    common::what_is_left_is_ended("setsid env -i sleep 300 & echo $! >>left; sleep 0.3; exit 1", AS_NOBODY);
}

#[test]
fn limits_hold_for_another_account_too() {
    let endpoint = Endpoint::new();
    let throttle = r#", "run-as": "nobody", "throttle": { "nice": -5, "max-memory-kb": 200000 }"#;
    endpoint.script("a", "nice >nice; exec sleep 60", throttle);
    let mut running = endpoint.start();
    assert_eq!(endpoint.await_output("a", "nice"), "-5\n", "only root may raise a priority");
    assert_eq!(common::memory_limit(&endpoint, "a"), "204800000");
    running.stop();
}

#[test]
fn a_container_of_an_unknown_account_fails_and_says_so() {
    let endpoint = Endpoint::new();
    endpoint.script("a", "exec sleep 60", r#", "run-as": "no-such-account""#);
    endpoint.script("b", "exec sleep 60", "");
    let mut running = endpoint.start();
    let status = endpoint.await_state("a", "failed");
    assert!(status[6].contains("there is no account 'no-such-account'"), "{status:?}");
    endpoint.await_state("b", "running");
    running.stop();
}

#[test]
fn a_connector_that_is_not_root_cannot_start_another_accounts_container() {
    let endpoint = Endpoint::new();
    endpoint.script("a", "exec sleep 60", r#", "run-as": "daemon""#);
    endpoint.script("b", "exec sleep 60", AS_NOBODY);
    let mut running = endpoint.start_as_nobody();
    let status = endpoint.await_state("a", "failed");
    assert!(status[6].contains("only a connector that runs as root"), "{status:?}");
    endpoint.await_state("b", "running");
    running.stop();
}

#[test]
fn a_working_directory_changes_hands_with_what_its_owner_made_there_and_no_more() {
    let endpoint = Endpoint::new();
    let (work, victim) = (endpoint.work("a"), endpoint.base.join("victim"));
    fs::create_dir_all(work.join("queue")).unwrap();
    fs::write(work.join("queue/state"), "kept\n").unwrap();
    fs::write(&victim, "precious").unwrap();
    fs::hard_link(&victim, work.join("hard")).unwrap();
    symlink(&victim, work.join("soft")).unwrap();
    symlink(&endpoint.base, work.join("folder")).unwrap();
    fs::write(work.join("foreign"), "").unwrap();
    common::give(&work.join("foreign"), 1);
    endpoint.script("a", "cat queue/state >seen.new; mv seen.new seen; exec sleep 60", AS_NOBODY);
    let mut running = endpoint.start();
    assert_eq!(endpoint.await_output("a", "seen"), "kept\n");
    for path in [&work, &work.join("queue"), &work.join("queue/state")] {
        assert_eq!(owner(path), (NOBODY, NOBODY), "{path:?}");
    }
    assert_eq!((owner(&victim).0, owner(&endpoint.base).0, owner(&work.join("foreign")).0), (0, 0, 1));
    assert_eq!(fs::metadata(&victim).unwrap().nlink(), 2);
    running.stop();
}
