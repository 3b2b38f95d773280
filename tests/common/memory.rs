//! How much memory a command takes.
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Seconds after which a command hangs.
const LIMIT: &str = "200";

/// Runs a command to its end, without its stdout: its peak of memory in KiB, its exit code and what it said on stderr.
///
/// The kernel counts, from the first page to the last: looking now and then missed the peaks of short runs. A process of its own
/// starts the command, since the kernel counts what a process had before it became another program, and tests are large.
#[track_caller]
pub fn peak_of(command: &mut Command) -> (u64, Option<i32>, String) {
    let folder = tempfile::tempdir().expect("make a folder");
    let (counted, said) = (folder.path().join("counted"), folder.path().join("said"));
    let mut time = Command::new("time");
    time.args(["-q", "-f", "%M", "-o"])
        .arg(&counted)
        .args(["timeout", LIMIT])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => time.env(name, value),
            None => time.env_remove(name),
        };
    }
    time.current_dir(command.get_current_dir().unwrap_or(Path::new(".")));
    time.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&said).expect("make a file"));
    let code = time.status().unwrap_or_else(|error| panic!("time: {error} (apt-get install time)")).code();
    assert_ne!(code, Some(124), "{command:?} hangs");
    let peak = fs::read_to_string(&counted).expect("what time counted");
    let said = fs::read(&said).expect("what was said");
    let peak = peak.trim().parse().unwrap_or_else(|_| panic!("time: {peak}"));
    (peak, code, String::from_utf8_lossy(&said).into_owned())
}

/// The peak of a command that has to succeed, in KiB.
#[track_caller]
pub fn peak(command: &mut Command) -> u64 {
    let (peak, code, said) = peak_of(command);
    assert_eq!(code, Some(0), "{command:?}: {said}");
    peak
}
