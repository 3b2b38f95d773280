//! An endpoint in a temporary directory and the real binary running on it.
#![allow(dead_code)] // each test binary uses its own part

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A root, a run directory and a log directory, removed at the end.
pub struct Endpoint {
    pub base: PathBuf,
}

impl Endpoint {
    pub fn new() -> Endpoint {
        Endpoint::named("e")
    }

    /// `word` becomes part of the root's path.
    pub fn named(word: &str) -> Endpoint {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let base = std::env::temp_dir().join(format!("vlink-test-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        fs::create_dir_all(&base).unwrap();
        let endpoint = Endpoint { base: base.join(word) };
        fs::create_dir_all(endpoint.root()).unwrap();
        endpoint
    }

    pub fn root(&self) -> PathBuf {
        self.base.join("root")
    }

    pub fn run_dir(&self) -> PathBuf {
        self.base.parent().unwrap().join("run")
    }

    pub fn log_dir(&self) -> PathBuf {
        self.base.join("log")
    }

    pub fn config(&self) -> PathBuf {
        self.root().join("components/csclient.cfg")
    }

    pub fn write_config(&self, text: &str) {
        fs::create_dir_all(self.root().join("components")).unwrap();
        fs::write(self.config(), text).unwrap();
    }

    /// A setting's value as it stands in the file.
    pub fn setting(&self, key: &str) -> String {
        let text = fs::read_to_string(self.config()).unwrap();
        let line = text.lines().find(|line| line.starts_with(&format!("{key}: "))).unwrap_or("");
        let quoted = line.split_once('"').map_or("", |(_, quoted)| quoted);
        quoted.trim_end_matches('"').to_string()
    }

    pub fn work(&self, container: &str) -> PathBuf {
        self.root().join("components").join(container)
    }

    /// A file in a container's working directory; empty while it is not there.
    pub fn output(&self, container: &str, file: &str) -> String {
        fs::read_to_string(self.work(container).join(file)).unwrap_or_default()
    }

    /// Adds a container that runs a shell script. `more` is further JSON members, each with a comma in front.
    pub fn script(&self, name: &str, script: &str, more: &str) {
        let json = format!(r#"{{ "name": "{name}", "version": "1.0", "command": ["bin/run"] {more} }}"#);
        self.container(name, &json);
        let program = self.dir(name).join("bin/run");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn container(&self, name: &str, json: &str) {
        fs::create_dir_all(self.dir(name)).unwrap();
        fs::write(self.dir(name).join("container.json"), json).unwrap();
    }

    pub fn dir(&self, name: &str) -> PathBuf {
        self.root().join("Intigua-Libs").join(name)
    }

    pub fn arguments(&self) -> Vec<std::ffi::OsString> {
        let mut arguments = vec!["run".into(), "--root".into(), self.root().into_os_string()];
        arguments.extend(["--run-dir".into(), self.run_dir().into_os_string()]);
        arguments.extend(["--log-dir".into(), self.log_dir().into_os_string()]);
        arguments
    }

    pub fn start(&self) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vlink"));
        command.args(self.arguments());
        self.start_with(command)
    }

    /// The connector's program and arguments, to be started by a command that ends in them.
    pub fn after(&self, program: &str, arguments: &[&str]) -> Running {
        let mut command = Command::new(program);
        command.args(arguments).arg(env!("CARGO_BIN_EXE_vlink")).args(self.arguments());
        self.start_with(command)
    }

    /// The folders of the account nobody, and a connector that runs under it.
    pub fn start_as_nobody(&self) -> Running {
        fs::create_dir_all(self.run_dir()).unwrap();
        for path in [self.run_dir(), self.base.clone()] {
            assert!(Command::new("chown").args(["-R", "65534:65534"]).arg(path).status().unwrap().success());
        }
        self.after("setpriv", &["--reuid", "65534", "--regid", "65534", "--clear-groups"])
    }

    /// Starts a command that becomes the connector; its log goes to `vlink.log`.
    pub fn start_with(&self, mut command: Command) -> Running {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.base.join("vlink.log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Running { child }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.base.join("vlink.log")).unwrap_or_default()
    }

    /// The status file's lines, split at tabs.
    pub fn status(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.run_dir().join("status")).unwrap_or_default();
        text.lines().map(|line| line.split('\t').map(String::from).collect()).collect()
    }

    /// A container's fields: container, name, state, pid, restarts, version, detail.
    pub fn container_status(&self, name: &str) -> Vec<String> {
        let found = self.status().into_iter().find(|line| line[0] == "container" && line[1] == name);
        found.unwrap_or_else(|| vec![String::new(); 7])
    }

    /// A container waits for its very first start, too, for a moment: that is not meant by "waiting".
    pub fn await_state(&self, name: &str, state: &str) -> Vec<String> {
        let is_first_wait = |status: &[String]| status[2] == "waiting" && status[6] == "-";
        until(&format!("{name} is {state}"), || {
            let status = self.container_status(name);
            status[2] == state && !is_first_wait(&status)
        });
        self.container_status(name)
    }

    pub fn await_output(&self, container: &str, file: &str) -> String {
        until(&format!("{container} writes {file}"), || self.output(container, file).ends_with('\n'));
        self.output(container, file)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- vlink.log\n{}", self.log());
        }
        let _ = fs::remove_dir_all(self.base.parent().unwrap());
    }
}

/// A running connector, killed when the test is over.
pub struct Running {
    child: Child,
}

impl Running {
    pub fn of(child: Child) -> Running {
        Running { child }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal such as "TERM".
    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits for the end and says how long it took.
    pub fn end(&mut self) -> (ExitStatus, Duration) {
        let start = Instant::now();
        until("the connector ends", || self.child.try_wait().unwrap().is_some());
        (self.child.wait().unwrap(), start.elapsed())
    }

    pub fn stop(&mut self) {
        self.signal("TERM");
        assert!(self.end().0.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn vlink(arguments: &[&std::ffi::OsStr]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vlink")).args(arguments).output().unwrap()
}

pub fn signal(pid: u32, name: &str) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status().unwrap();
    assert!(status.success(), "kill -{name} {pid}");
}

/// Waits for a condition, at most 20 s.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "in 20 s it did not happen that {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process runs; a zombie does not.
pub fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !matches!(stat.rsplit(')').next().unwrap_or("").trim().chars().next(), None | Some('Z') | Some('X'))
}

pub fn pids(text: &str) -> Vec<u32> {
    text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// User and group of a file, links not followed.
pub fn owner(path: &Path) -> (u32, u32) {
    let found = fs::symlink_metadata(path).unwrap();
    (found.uid(), found.gid())
}

pub fn give(path: &Path, owner: u32) {
    assert!(Command::new("chown").arg("-h").arg(format!("{owner}:{owner}")).arg(path).status().unwrap().success());
}

pub fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// The bytes of memory a running container may use: by its cgroup where it has one of its own, else by its rlimit.
pub fn memory_limit(endpoint: &Endpoint, name: &str) -> String {
    let pid = endpoint.await_state(name, "running")[3].clone();
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let group = groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let limit = fs::read_to_string(format!("/sys/fs/cgroup{group}/memory.max"));
    if let (true, Ok(limit)) = (group.ends_with(&format!("/ct-{name}")), limit) {
        return limit.trim().to_string();
    }
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let data = limits.lines().find_map(|line| line.strip_prefix("Max data size")).unwrap();
    data.split_whitespace().next().unwrap().to_string()
}

/// Starts a container again and again whose script leaves a process behind, and writes its number to `left`: the earlier ones go.
pub fn what_is_left_is_ended(script: &str, more: &str) {
    let endpoint = Endpoint::new();
    endpoint.script("a", script, &format!(r#"{more}, "watchdog": {{ "first-ms": 100, "max-ms": 100 }}"#));
    let mut running = endpoint.start();
    until("it has started three times", || endpoint.output("a", "left").lines().count() >= 3);
    let left = pids(&endpoint.output("a", "left"));
    until("the earlier ones are gone", || !runs(left[0]) && !runs(left[1]));
    running.stop();
}
