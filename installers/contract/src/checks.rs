//! The checks before anything is changed.

use super::exit_codes as code;

/// One check.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Its name in install.json and in messages.
    pub id: &'static str,
    /// The exit code where it fails.
    pub code: i32,
    /// Whether Linux packages make it.
    pub linux: bool,
    /// Whether MSIs make it.
    pub windows: bool,
}

const fn check(id: &'static str, code: i32, linux: bool, windows: bool) -> Check {
    Check { id, code, linux, windows }
}

/// Values that cannot be installed.
pub const SETTINGS: Check = check("settings", code::USAGE, false, true);
/// Root, SYSTEM or an administrator.
pub const PRIVILEGES: Check = check("privileges", code::PRIVILEGES, true, true);
/// The temporary folder can be used.
pub const TEMP: Check = check("temp", code::TEMP, true, true);
/// The install root can be used, and nobody else writes there.
pub const ROOT: Check = check("root", code::ROOT, true, true);
/// The folder for files of the running service.
pub const RUNTIME: Check = check("runtime", code::RUNTIME, true, true);
/// Enough space.
pub const SPACE: Check = check("space", code::SPACE, true, true);
/// The system, the processor, the tools.
pub const PLATFORM: Check = check("platform", code::PLATFORM, true, true);
/// The libraries and interpreters that the payload's programs need; a `.run`'s alone, since package managers see to it otherwise.
pub const LIBRARIES: Check = check("libraries", code::PLATFORM, true, false);
/// No other installer runs.
pub const BUSY: Check = check("busy", code::BUSY, true, false);
/// No other installation, no other root, no downgrade.
pub const OTHER: Check = check("other", code::OTHER, true, true);
/// The account that is to run the service.
pub const ACCOUNT: Check = check("account", code::ACCOUNT, true, false);

/// Every check, in the order of the exit codes.
pub const CHECKS: &[&Check] =
    &[&SETTINGS, &PRIVILEGES, &TEMP, &ROOT, &RUNTIME, &SPACE, &PLATFORM, &LIBRARIES, &BUSY, &OTHER, &ACCOUNT];
