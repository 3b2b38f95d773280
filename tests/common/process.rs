//! Finding the processes that a wrapper (unshare, nsenter, systemd-nspawn) started for us.
use std::ffi::OsString;
use std::fs;

/// The first child of process `pid`, if it has one already.
pub fn first_child(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

pub fn name_of(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// The command line that leads into all namespaces of process `pid`.
pub fn enter_namespaces(pid: u32) -> Vec<OsString> {
    ["nsenter", "--target", &pid.to_string(), "--all"].map(Into::into).to_vec()
}

/// Ends `pid` at once; if it is the first of its PID namespace, the kernel ends all others in there with it.
pub fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}
