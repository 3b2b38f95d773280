//! What other accounts put in the connector's way. Needs root, which the connector is here.

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use common::{fifo, give, mode, owner, until, Endpoint};

const NOBODY: u32 = 65_534;

/// Holds a lock on a file as the account nobody until it is dropped.
struct Locked(Child);

impl Locked {
    fn file(path: &Path) -> Locked {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "flock"]).arg(path);
        Locked(command.args(["sleep", "300"]).spawn().unwrap())
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_lock_on_the_pid_file_keeps_no_connector_out() {
    let endpoint = Endpoint::new();
    endpoint.script("a", "exec sleep 300", "");
    let pid_file = endpoint.run_dir().join("vlink.pid");
    let mut first = endpoint.start();
    endpoint.await_state("a", "running");
    assert_eq!((mode(&pid_file), mode(&endpoint.run_dir().join("vlink.lock"))), (0o644, 0o600));
    let _lock = Locked::file(&pid_file);
    std::thread::sleep(Duration::from_millis(300));
    first.signal("KILL");
    first.end();
    let mut second = endpoint.start();
    until("the second one runs", || fs::read_to_string(&pid_file).unwrap_or_default() == format!("{}\n", second.pid()));
    second.stop();
    assert!(!pid_file.exists());
}

#[test]
fn a_lock_that_others_can_hold_is_replaced() {
    let endpoint = Endpoint::new();
    endpoint.script("a", "exec sleep 300", "");
    fs::create_dir_all(endpoint.run_dir()).unwrap();
    let (lock, victim) = (endpoint.run_dir().join("vlink.lock"), endpoint.base.join("victim"));
    fs::write(&victim, "precious").unwrap();
    let traps: [fn(&Path, &Path); 4] = [
        |lock, _| {
            fs::write(lock, "").unwrap();
            fs::set_permissions(lock, Permissions::from_mode(0o666)).unwrap();
        },
        |lock, _| {
            fs::write(lock, "").unwrap();
            fs::set_permissions(lock, Permissions::from_mode(0o600)).unwrap();
            give(lock, NOBODY);
        },
        |lock, victim| symlink(victim, lock).unwrap(),
        |lock, _| fifo(lock),
    ];
    for trap in traps {
        let _ = fs::remove_file(&lock);
        trap(&lock, &victim);
        let _held = Locked::file(&lock);
        std::thread::sleep(Duration::from_millis(200));
        let mut running = endpoint.start();
        endpoint.await_state("a", "running");
        assert!(fs::symlink_metadata(&lock).unwrap().is_file());
        assert_eq!((mode(&lock), owner(&lock).0), (0o600, 0));
        let (code, _) = endpoint.start().end();
        assert_eq!(code.code(), Some(1), "a second one ran");
        running.stop();
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn neither_connector_nor_containers_hold_what_their_starter_left_open() {
    let endpoint = Endpoint::new();
    endpoint.container("a", r#"{ "name": "a", "command": ["/bin/sleep", "300"] }"#);
    let lock = endpoint.base.join("installers-lock");
    let mut running = endpoint.after("sh", &["-c", r#"exec 9>"$0"; exec "$@""#, lock.to_str().unwrap()]);
    let pid: u32 = endpoint.await_state("a", "running")[3].parse().unwrap();
    let open = |pid: u32| -> Vec<PathBuf> {
        fs::read_dir(format!("/proc/{pid}/fd")).unwrap().filter_map(|fd| fs::read_link(fd.unwrap().path()).ok()).collect()
    };
    assert!(lock.exists() && !open(running.pid()).contains(&lock));
    assert_eq!(open(pid).len(), 3, "{:?}", open(pid));
    running.stop();
}

#[test]
fn settings_that_are_no_plain_file_of_a_sane_size_are_refused_at_once() {
    let endpoint = Endpoint::new();
    let (config, secret) = (endpoint.config(), endpoint.base.join("secret"));
    fs::write(&secret, "hunter2\n").unwrap();
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    give(config.parent().unwrap(), NOBODY);
    type Trap = fn(&Path, &Path);
    let traps: [(Trap, &str); 5] = [
        (|config, secret| symlink(secret, config).unwrap(), "not a regular file"),
        (|config, secret| fs::hard_link(secret, config).unwrap(), "second name"),
        (|config, _| fifo(config), "not a regular file"),
        (|config, _| symlink("/dev/zero", config).unwrap(), "not a regular file"),
        (|config, _| fs::write(config, "#".repeat((1 << 20) + 1)).unwrap(), "larger than 1 MiB"),
    ];
    for (trap, why) in traps {
        let _ = fs::remove_file(&config);
        trap(&config, &secret);
        let start = Instant::now();
        assert_eq!(endpoint.start().end().0.code(), Some(1), "{why}");
        assert!(start.elapsed() < Duration::from_secs(5));
        let last = endpoint.log().lines().last().unwrap().to_string();
        assert!(last.contains("csclient.cfg") && last.contains(why) && !last.contains("hunter2"), "{last}");
    }
    assert_eq!((fs::read_to_string(&secret).unwrap().as_str(), owner(&secret).0), ("hunter2\n", 0));
}

#[test]
fn the_settings_stay_their_accounts_when_root_writes_them() {
    let endpoint = Endpoint::new();
    endpoint.write_config("containers: \"*\"\n");
    give(endpoint.config().parent().unwrap(), NOBODY);
    let mut running = endpoint.start();
    until("it has an identity", || !endpoint.setting("vlinkCoreId").is_empty());
    assert_eq!((owner(&endpoint.config()).0, mode(&endpoint.config())), (NOBODY, 0o600));
    running.stop();
}

#[test]
fn what_the_settings_say_reaches_the_log_short_and_plain() {
    let endpoint = Endpoint::new();
    let names: Vec<String> = (0..5_000).map(|n| format!("/evil/\u{202e}{n}{}.so", "x".repeat(100))).collect();
    endpoint.write_config(&format!("containers: \"{}\"\n{}", names.join(","), "rubbish\n".repeat(5_000)));
    endpoint.script("a", "exec sleep 300", r#", "required": true"#);
    let mut running = endpoint.start();
    endpoint.await_state("a", "running");
    running.stop();
    let log = endpoint.log();
    assert!(log.lines().count() < 200 && log.lines().all(|line| line.len() < 300 && line.is_ascii()), "{}", log.len());
}

#[test]
fn a_working_directory_that_is_a_link_is_not_followed() {
    let endpoint = Endpoint::new();
    let victim = endpoint.base.join("victim");
    fs::create_dir_all(&victim).unwrap();
    endpoint.script("a", "touch been-here; exec sleep 60", r#", "run-as": "nobody""#);
    fs::create_dir_all(endpoint.work("a").parent().unwrap()).unwrap();
    give(endpoint.work("a").parent().unwrap(), NOBODY);
    symlink(&victim, endpoint.work("a")).unwrap();
    let mut running = endpoint.start();
    let status = endpoint.await_state("a", "waiting");
    assert!(status[6].contains("not a directory"), "{status:?}");
    running.stop();
    assert_eq!((owner(&victim).0, fs::read_dir(&victim).unwrap().count()), (0, 0));
}

#[test]
fn the_preload_links_are_not_made_where_somebody_else_points() {
    let endpoint = Endpoint::named("with spaces");
    let victim = endpoint.base.parent().unwrap().join("victim");
    fs::create_dir_all(&victim).unwrap();
    fs::write(victim.join("a.so"), "precious").unwrap();
    fs::create_dir_all(endpoint.run_dir()).unwrap();
    give(&endpoint.run_dir(), NOBODY);
    symlink(&victim, endpoint.run_dir().join("preload")).unwrap();
    endpoint.script("a", "exec sleep 60", r#", "inject": "preload", "library": "container.json""#);
    let mut running = endpoint.start();
    let status = endpoint.await_state("a", "waiting");
    assert!(status[6].contains("preload"), "{status:?}");
    running.stop();
    assert_eq!(fs::read_to_string(victim.join("a.so")).unwrap(), "precious");
}
