//! What differs between operating systems, behind one trait and a few functions. Each system offers the same names:
//! `Host` (with `open`, `wait`, `ready`, `keep_up`, `close`), `BASE_ENVIRONMENT`, `CONTROLS`, `DISK_FULL`,
//! `places`, `default_directories`, `serve`, `machine`, `random`, `read_settings`, `replace_private`, `replace_public`,
//! `may_run_as`, `vet`, `addresses`, `policy` and `tell`.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use self::unix as system;
#[cfg(any(windows, test))]
mod windows;
#[cfg(windows)]
use self::windows as system;

pub use self::system::{addresses, default_directories, machine, may_run_as, policy, random, serve, tell, vet};
pub use self::system::{places, read_settings, replace_private, replace_public, Host, BASE_ENVIRONMENT, CONTROLS, DISK_FULL};

use crate::launch::Launch;

/// A larger csclient.cfg is none.
pub const MAX_SETTINGS_BYTES: u64 = 1 << 20;

/// Starting and ending containers. A container is its first process and everything that came from it.
pub trait System {
    /// Starts a container and returns its first process's id. The error is one sentence.
    fn start(&mut self, launch: &Launch) -> Result<u32, String>;
    /// Asks everything of the container to end. Called again, it asks only what has appeared since: orphans become
    /// visible one generation after the other.
    fn ask(&mut self, name: &str, pid: u32);
    /// Ends everything of the container at once.
    fn kill(&mut self, name: &str, pid: u32);
    /// Whether anything of the container still runs.
    fn alive(&mut self, name: &str, pid: u32) -> bool;
    /// The container is gone for good: `pid` may soon be somebody else's.
    fn forget(&mut self, pid: u32);
}

/// What `Host::wait` reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Stop everything and end.
    Stop,
    /// Read the configuration again.
    Reload,
    /// A process that this connector started has ended.
    Exited {
        pid: u32,
        /// "exit code 3", "signal 9".
        how: String,
        /// Exit code 0.
        clean: bool,
    },
}
