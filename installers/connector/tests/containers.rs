//! What containers run in: environment, directories, limits, and the two samples.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::{memory_limit, mode, pids, runs, until, Endpoint};

#[test]
fn a_container_sees_its_own_environment_and_nothing_else() {
    let endpoint = Endpoint::new();
    let script = "env | sort >env.new; pwd >>env.new; mv env.new env; cat; echo out; echo err >&2; exec sleep 60";
    endpoint.script("a", script, r#", "environment": { "KEY": "{work}|{dir}|{root}", "LINK_ROOT": "lie" }"#);
    let mut command = Command::new(env!("CARGO_BIN_EXE_vlink"));
    command.args(endpoint.arguments()).env("LEAKED", "secret").env("LD_LIBRARY_PATH", "/nowhere");
    let mut running = endpoint.start_with(command);
    let text = endpoint.await_output("a", "env");
    let (root, dir, work) = (endpoint.root(), endpoint.dir("a"), endpoint.work("a"));
    let (root, dir, work) = (root.display(), dir.display(), work.display());
    let mut names: Vec<&str> = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    names.retain(|name| !matches!(*name, "PWD" | "_" | "SHLVL" | "OLDPWD")); // the shell's own
    let expected = ["HOME", "KEY", "LANG", "LINK_CONTAINER", "LINK_CONTAINER_DIR", "LINK_ROOT", "LINK_WORK", "PATH"];
    assert_eq!(names, expected);
    for line in [
        format!("KEY={work}|{dir}|{root}"),
        format!("HOME={work}"),
        format!("LINK_ROOT={root}"),
        format!("LINK_WORK={work}"),
        format!("LINK_CONTAINER_DIR={dir}"),
        "LINK_CONTAINER=a".to_string(),
        format!("{work}"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
    let log = endpoint.log_dir().join("a.log");
    until("both outputs are in the log", || fs::read_to_string(&log).unwrap() == "out\nerr\n");
    assert_eq!(mode(&log), 0o640);
    assert_eq!(mode(&endpoint.work("a")), 0o750);
    running.stop();
}

#[test]
fn a_log_that_is_a_link_is_not_followed() {
    let endpoint = Endpoint::new();
    let victim = endpoint.base.join("victim");
    fs::write(&victim, "precious\n").unwrap();
    fs::create_dir_all(endpoint.log_dir()).unwrap();
    symlink(&victim, endpoint.log_dir().join("a.log")).unwrap();
    endpoint.script("a", "echo overwritten; exec sleep 60", "");
    let mut running = endpoint.start();
    let status = endpoint.await_state("a", "waiting");
    assert!(status[6].contains("a.log"), "{status:?}");
    running.stop();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious\n");
}

#[test]
fn niceness_and_the_memory_limit_are_in_force() {
    let endpoint = Endpoint::new();
    let throttle = r#", "throttle": { "nice": 7, "max-memory-kb": 200000 }"#;
    endpoint.script("a", "nice >nice; exec sleep 60", throttle);
    let mut running = endpoint.start();
    assert_eq!(endpoint.await_output("a", "nice"), "7\n");
    assert_eq!(memory_limit(&endpoint, "a"), "204800000");
    running.stop();
}

#[test]
fn global_limits_apply_to_containers_without_their_own() {
    let endpoint = Endpoint::new();
    endpoint.write_config("globalThrottleCfg.endPointThrottlingEnabled: \"true\"\nglobalThrottleCfg.maxMemoryKB: \"300000\"\n");
    endpoint.script("a", "exec sleep 60", "");
    endpoint.script("b", "exec sleep 60", r#", "throttle": { "max-memory-kb": 200000 }"#);
    let mut running = endpoint.start();
    assert_eq!(memory_limit(&endpoint, "a"), "307200000");
    assert_eq!(memory_limit(&endpoint, "b"), "204800000");
    running.stop();
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

fn install_sample(endpoint: &Endpoint, name: &str, more: &str) {
    let program = endpoint.dir(name).join("bin").join(name);
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::copy(sample(name).join("bin").join(name), &program).unwrap();
    let json = format!(r#"{{ "name": "{name}", "version": "1.0", "command": ["bin/{name}"] {more} }}"#);
    endpoint.container(name, &json);
}

fn build_tracer(library: &Path) {
    fs::create_dir_all(library.parent().unwrap()).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--edition", "2021", "-O", "--crate-type", "cdylib", "-C", "panic=abort", "-C", "strip=symbols"]);
    let output = command.arg("-o").arg(library).arg(sample("tracer").join("tracer.rs")).output().expect("rustc does not start");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const INJECTED: &str = r#", "inject": "preload", "library": "lib/libtracer.so",
    "environment": { "LINK_VIRTUAL_HOSTNAME": "traced.example" }"#;

fn tracer_is_alive_below(word: &str) {
    let endpoint = Endpoint::named(word);
    install_sample(&endpoint, "tracer", INJECTED);
    build_tracer(&endpoint.dir("tracer").join("lib/libtracer.so"));
    let mut running = endpoint.start();
    let seen = endpoint.await_output("tracer", "seen");
    let pid = endpoint.await_state("tracer", "running")[3].clone();
    assert_eq!(seen, format!("pid={pid}\nhostname=traced.example\n"));
    let log = endpoint.output("tracer", "preload.log");
    assert_eq!(log.lines().next(), Some(format!("{pid} tracer").as_str()), "{log}");
    assert!(log.lines().any(|line| line.ends_with(" uname")), "{log}");
    running.stop();
    assert!(endpoint.output("tracer", "seen").is_empty(), "it was not given the time to clean up");
    let output = fs::read_to_string(endpoint.log_dir().join("tracer.log")).unwrap();
    assert!(!output.contains("ld.so"), "{output}");
}

#[test]
fn the_tracer_sample_sees_the_virtual_host_name_through_its_library() {
    tracer_is_alive_below("plain");
}

#[test]
fn a_root_with_spaces_does_not_keep_a_library_from_being_preloaded() {
    tracer_is_alive_below("with some spaces");
}

#[test]
fn a_missing_library_is_a_failed_start_and_not_a_run_without_it() {
    let endpoint = Endpoint::new();
    install_sample(&endpoint, "tracer", INJECTED);
    let mut running = endpoint.start();
    let status = endpoint.await_state("tracer", "waiting");
    assert!(status[6].contains("libtracer.so"), "{status:?}");
    assert!(endpoint.output("tracer", "seen").is_empty());
    running.stop();
}

#[test]
fn the_tracer_library_needs_no_symbol_newer_than_its_base() {
    let endpoint = Endpoint::new();
    let library = endpoint.base.join("libtracer.so");
    build_tracer(&library);
    let output = Command::new("objdump").arg("-T").arg(&library).output().expect("objdump is missing: apt-get install binutils");
    let table = String::from_utf8(output.stdout).unwrap();
    let base = if cfg!(target_arch = "aarch64") { "(GLIBC_2.17)" } else { "(GLIBC_2.2.5)" };
    let needed: Vec<&str> = table.lines().filter(|line| line.contains("*UND*")).collect();
    assert!(needed.len() > 5, "{table}");
    for line in needed {
        assert!(line.contains(base) || line.contains("  w   D "), "{line}");
    }
    let dynamic = Command::new("objdump").arg("-p").arg(&library).output().unwrap();
    let dynamic = String::from_utf8(dynamic.stdout).unwrap();
    let libraries: Vec<&str> = dynamic.lines().filter_map(|line| line.trim().strip_prefix("NEEDED")).map(str::trim).collect();
    assert_eq!(libraries, ["libc.so.6"]);
}

#[test]
fn the_tracer_library_stops_its_log_from_growing_and_follows_no_link() {
    let endpoint = Endpoint::new();
    let library = endpoint.base.join("libtracer.so");
    build_tracer(&library);
    let run = |log: &Path| {
        let mut command = Command::new("true");
        assert!(command.env("LD_PRELOAD", &library).env("LINK_TRACER_LOG", log).status().unwrap().success());
    };
    let (log, link) = (endpoint.base.join("log.txt"), endpoint.base.join("link"));
    run(&log);
    assert!(fs::read_to_string(&log).unwrap().ends_with(" true\n"));
    symlink(&log, &link).unwrap();
    let before = fs::read(&log).unwrap();
    run(&link);
    assert_eq!(fs::read(&log).unwrap(), before);
    fs::write(&log, vec![b'x'; 64 * 1024]).unwrap();
    run(&log);
    assert_eq!(fs::metadata(&log).unwrap().len(), 64 * 1024);
}

#[test]
fn the_pulse_sample_beats_and_ends_promptly() {
    let endpoint = Endpoint::new();
    install_sample(&endpoint, "pulse", "");
    let mut running = endpoint.start();
    let beat = || pids(endpoint.output("pulse", "heartbeat").split_whitespace().next().unwrap_or("0"))[0];
    until("it beats three times", || beat() >= 3);
    let pid: u32 = endpoint.container_status("pulse")[3].parse().unwrap();
    let start = Instant::now();
    running.stop();
    assert!(start.elapsed() < Duration::from_secs(3), "took {:?}", start.elapsed());
    assert!(!runs(pid));
    assert!(endpoint.output("pulse", "heartbeat").is_empty(), "it was killed, not stopped");
}
