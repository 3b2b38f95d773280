//! How much memory a command takes.
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Seconds after which a command hangs.
const LIMIT: Duration = Duration::from_secs(200);

/// Runs a command to its end, without its stdout: its peak of memory in KiB, its exit code and what it said on stderr.
#[track_caller]
pub fn peak_of(command: &mut Command) -> (u64, Option<i32>, String) {
    let said = tempfile::tempfile().expect("make a file");
    let stderr = said.try_clone().expect("share a file");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().expect("start a command");
    let mut peak = 0;
    let start = Instant::now();
    while child.try_wait().expect("wait for a command").is_none() {
        if start.elapsed() > LIMIT {
            let _ = child.kill();
            panic!("{command:?} hangs");
        }
        peak = resident(&child).unwrap_or(peak);
        std::thread::sleep(Duration::from_millis(5));
    }
    let code = child.wait().expect("wait for a command").code();
    (peak, code, text(said))
}

/// The peak of a command that has to succeed, in KiB.
#[track_caller]
pub fn peak(command: &mut Command) -> u64 {
    let (peak, code, said) = peak_of(command);
    assert_eq!(code, Some(0), "{command:?}: {said}");
    peak
}

fn resident(child: &Child) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

fn text(mut file: fs::File) -> String {
    use std::io::{Read, Seek};
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("read what was said");
    String::from_utf8_lossy(&bytes).into_owned()
}
