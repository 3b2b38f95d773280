//! The connector's own log, and logs that stay within their size. Needs root.

mod common;

use std::fs;
use std::os::unix::fs::{symlink, MetadataExt};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use common::{fifo, give, mode, until, Endpoint, Running};

const NOBODY: u32 = 65_534;

fn own_log(endpoint: &Endpoint) -> PathBuf {
    endpoint.log_dir().join("vlink.log")
}

fn text(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Starts a command that ends in the connector as a service manager does: with this in the place of stderr.
fn as_service(endpoint: &Endpoint, mut command: Command, stderr: impl Into<Stdio>) -> Running {
    command.args(endpoint.arguments()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
    Running::of(command.spawn().unwrap())
}

fn vlink() -> Command {
    Command::new(env!("CARGO_BIN_EXE_vlink"))
}

#[test]
fn a_service_writes_its_own_log_whatever_stderr_is() {
    let endpoint = Endpoint::new();
    let (journal, _journald) = UnixDatagram::pair().unwrap();
    let journal: Stdio = std::os::unix::io::OwnedFd::from(journal).into();
    for (starts, stderr) in [Stdio::null(), journal].into_iter().enumerate() {
        let mut running = as_service(&endpoint, vlink(), stderr);
        until("it says that it runs", || text(own_log(&endpoint)).matches("version ").count() == starts + 1);
        running.stop();
    }
    assert_eq!(mode(&own_log(&endpoint)), 0o640);
}

#[test]
fn a_file_or_pipe_that_somebody_chose_gets_the_log() {
    let endpoint = Endpoint::new();
    let mut running = endpoint.start();
    until("it says that it runs", || endpoint.log().contains("version "));
    running.stop();
    assert!(!own_log(&endpoint).exists());
}

#[test]
fn sighup_opens_a_log_that_was_moved_away_anew() {
    let endpoint = Endpoint::new();
    let mut running = as_service(&endpoint, vlink(), Stdio::null());
    until("it runs", || !endpoint.status().is_empty());
    let moved = endpoint.log_dir().join("vlink.log-20260101");
    fs::rename(own_log(&endpoint), &moved).unwrap();
    running.signal("HUP");
    until("it writes there", || text(own_log(&endpoint)).contains("reading the configuration again"));
    assert!(!text(moved).contains("reading the configuration again"));
    running.stop();
}

#[test]
fn a_trap_in_the_place_of_the_log_is_not_written_to_and_does_not_stop_the_connector() {
    let endpoint = Endpoint::new();
    let victim = endpoint.base.join("victim");
    fs::write(&victim, "precious").unwrap();
    fs::create_dir_all(endpoint.log_dir()).unwrap();
    give(&endpoint.log_dir(), NOBODY);
    let traps: [fn(&PathBuf, &PathBuf); 3] =
        [|victim, log| symlink(victim, log).unwrap(), |victim, log| fs::hard_link(victim, log).unwrap(), |_, log| fifo(log)];
    for trap in traps {
        trap(&victim, &own_log(&endpoint));
        let mut running = as_service(&endpoint, vlink(), Stdio::null());
        until("it runs", || !endpoint.status().is_empty());
        running.stop();
        assert_eq!(text(victim.clone()), "precious");
        fs::remove_file(own_log(&endpoint)).unwrap();
    }
}

#[test]
fn logs_made_in_advance_are_used_where_the_account_can_make_none() {
    let endpoint = Endpoint::new();
    endpoint.write_config("log.maxSizeKB: \"4\"\n");
    endpoint.script("a", "echo ready; yes 0123456789 | head -n 1000; exec sleep 300", "");
    endpoint.script("late", "echo lost; touch up; exec sleep 300", "");
    fs::create_dir_all(endpoint.log_dir()).unwrap();
    let mut running = {
        for name in ["vlink.log", "vlink.log.1", "a.log", "a.log.1"] {
            fs::write(endpoint.log_dir().join(name), "").unwrap();
        }
        fs::create_dir_all(endpoint.run_dir()).unwrap();
        for path in [endpoint.run_dir(), endpoint.base.clone()] {
            assert!(Command::new("chown").args(["-R", "65534:65534"]).arg(path).status().unwrap().success());
        }
        give(&endpoint.log_dir(), 0);
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(env!("CARGO_BIN_EXE_vlink"));
        as_service(&endpoint, command, Stdio::null())
    };
    let older = endpoint.log_dir().join("a.log.1");
    until("the log is cut back", || fs::metadata(&older).unwrap().len() > 0);
    assert!(fs::metadata(&older).unwrap().len() <= 4096 + (1 << 20));
    assert!(fs::metadata(endpoint.log_dir().join("a.log")).unwrap().len() <= 4096);
    assert!(text(own_log(&endpoint)).contains("version "));
    until("a container without a log runs", || endpoint.work("late").join("up").exists());
    assert!(text(own_log(&endpoint)).contains("late: its output is lost"), "{}", text(own_log(&endpoint)));
    let names = fs::read_dir(endpoint.log_dir()).unwrap().count();
    assert_eq!(names, 4);
    running.stop();
}

#[test]
fn logs_stay_within_the_size_that_the_settings_give() {
    let endpoint = Endpoint::new();
    endpoint.write_config("log.maxSizeKB: \"0\"\n");
    endpoint.script("a", "i=0; while :; do i=$((i + 1)); echo line $i; sleep 0.01; done", "");
    let mut running = as_service(&endpoint, vlink(), Stdio::null());
    let log = endpoint.log_dir().join("a.log");
    until("the log has grown", || fs::metadata(&log).map_or(false, |log| log.len() > 3_000));
    let file = fs::metadata(&log).unwrap().ino();
    let older = endpoint.log_dir().join("a.log.1");
    assert!(!older.exists());
    let settings = fs::read_to_string(endpoint.config()).unwrap();
    fs::write(endpoint.config(), settings.replace("\"0\"", "\"2\"")).unwrap();
    running.signal("HUP");
    until("the log is cut back", || older.exists() && fs::metadata(&log).unwrap().len() < 2_048);
    assert_eq!(fs::metadata(&log).unwrap().ino(), file, "the container's log was moved away under its hands");
    let (kept, now) = (text(older), text(log));
    assert!(kept.len() <= 2_048 + 1_024, "{}", kept.len());
    let last: u32 = kept.lines().last().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    let next: u32 = now.lines().next().unwrap_or("line 0").rsplit(' ').next().unwrap().parse().unwrap();
    assert!(next == 0 || next <= last + 2, "lines between {last} and {next} are lost");
    running.stop();
}

#[test]
fn a_full_disk_does_not_end_the_connector_and_the_identity_follows_when_there_is_room() {
    let endpoint = Endpoint::new();
    endpoint.script("a", "exec sleep 300", "");
    let components = endpoint.root().join("components");
    for path in [&components, &endpoint.log_dir()] {
        fs::create_dir_all(path).unwrap();
    }
    let script = r#"for dir in "$0" "$1"; do mount -t tmpfs -o size=16k t "$dir"; dd if=/dev/zero of="$dir/fill" bs=1k 2>/dev/null; done
        shift; exec "$@""#;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", script]).arg(&components).arg(endpoint.log_dir());
    command.arg(env!("CARGO_BIN_EXE_vlink"));
    let mut running = as_service(&endpoint, command, Stdio::null());
    endpoint.await_state("a", "running");
    let inside = |path: PathBuf| PathBuf::from(format!("/proc/{}/root{}", running.pid(), path.display()));
    let config = inside(endpoint.config());
    assert!(!config.exists());
    fs::remove_file(inside(components.join("fill"))).unwrap();
    until("the identity is written", || text(config.clone()).contains("vlinkCoreId: \""));
    let identity = text(config.clone());
    std::thread::sleep(std::time::Duration::from_millis(3_500));
    assert_eq!(text(config), identity);
    running.stop();
}
