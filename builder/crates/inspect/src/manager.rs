//! What a package manager takes for granted, as far as the rules of [`crate::lint`] have to know: each format's stands beside what reads it.

use super::report::Identity;
use manifest::Installer;
use payload::elf::Glibc;

/// A package manager.
pub struct Manager {
    /// Which systems have it.
    pub installer: Installer,
    /// What every package says of itself, with the names of the fields.
    pub fields: fn(&Identity) -> [(&'static str, &str); 3],
    /// Whether Debian Policy holds: names in small letters, all of /etc in conffiles, /bin/sh is dash, scripts stop at errors, a package
    /// makes its own accounts.
    pub has_policy: bool,
    /// Whether it installs into another root on demand.
    pub relocates: bool,
    /// Whether a package's header has the digests of its files.
    pub lists_digests: bool,
    /// How a file is marked as configuration.
    pub marking: &'static str,
    /// How packages ask for the C library.
    pub libc: Libc,
    /// Which scripts run when.
    pub scripts: Scripts,
}

/// How packages ask for the C library.
pub struct Libc {
    /// The package, where programs are to depend on it by its name.
    pub package: Option<&'static str>,
    /// Kinds of relations that ask for it.
    pub relations: &'static [&'static str],
    /// The version that a relation asks for.
    pub version: fn(&str) -> Option<Glibc>,
}

/// The order of a package's scripts, as far as services are concerned.
pub struct Scripts {
    /// The last to run at an installation.
    pub last: &'static str,
    /// Those that run then or later.
    pub last_starts: &'static [&'static str],
    /// Those that may stop a service at an upgrade.
    pub stops: &'static [&'static str],
    /// Those that run after them.
    pub starts: &'static [&'static str],
    /// Whether these conditions hold at the package's removal and not at its upgrade.
    pub is_removal: fn(&str) -> bool,
    /// What to do about a service that an upgrade stops.
    pub remedy: &'static str,
}

/// Whether one of these tests is among the conditions.
pub(crate) fn tests(conditions: &str, tests: &[&str]) -> bool {
    tests.iter().any(|test| conditions.contains(test))
}
