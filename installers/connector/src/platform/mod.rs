//! What differs between operating systems, behind one trait and a few functions. Another system is a sibling of
//! `unix` that offers the same names: `Host` (with `open`, `wait`, `ready`, `close`), `BASE_ENVIRONMENT`, `machine`,
//! `random`, `replace_private` and `replace_public`.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::{machine, random, replace_private, replace_public, Host, BASE_ENVIRONMENT};

use crate::launch::Launch;

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

/// Whether a container could start now, without starting it; the reason if not.
pub fn vet(launch: &Launch) -> Result<(), String> {
    #[cfg(unix)]
    unix::vet(launch)
}
