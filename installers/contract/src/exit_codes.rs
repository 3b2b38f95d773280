//! The exit codes of `.run` and linkctl, which install.json has, too.

/// Done.
pub const DONE: i32 = 0;
/// The command line or a setting is wrong.
pub const USAGE: i32 = 2;
/// Not run as root, or not by an administrator.
pub const PRIVILEGES: i32 = 10;
/// The folder for temporary files.
pub const TEMP: i32 = 11;
/// The install root.
pub const ROOT: i32 = 12;
/// The folder for files of the running service.
pub const RUNTIME: i32 = 13;
/// Too little space.
pub const SPACE: i32 = 14;
/// Another system, processor or missing tools and libraries.
pub const PLATFORM: i32 = 15;
/// Another installer runs.
pub const BUSY: i32 = 16;
/// Another installation is in the way, or it would be a downgrade.
pub const OTHER: i32 = 17;
/// The account that is to run the service.
pub const ACCOUNT: i32 = 18;
/// The package is damaged.
pub const DAMAGED: i32 = 20;
/// The signature is missing or wrong.
pub const SIGNATURE: i32 = 21;
/// It failed, and what was there is back.
pub const FAILED: i32 = 30;
/// The service did not start, and what was there is back.
pub const NOT_STARTED: i32 = 31;
/// It failed, and what was there could not be put back.
pub const ROLLBACK_FAILED: i32 = 32;
/// A container ends again and again, or has died.
pub const CONTAINER: i32 = 33;

/// `linkctl check`: something is not in place.
pub const NOT_IN_PLACE: i32 = 1;
/// `linkctl status`: the service does not run.
pub const NOT_RUNNING: i32 = 3;

/// One exit code.
#[derive(Clone, Copy, Debug)]
pub struct ExitCode {
    /// The number.
    pub code: i32,
    /// What it means, for tables.
    pub meaning: &'static str,
}

impl ExitCode {
    /// Whether an installation can end with it; the others are of `linkctl status` and `linkctl check` alone.
    pub fn is_of_an_installation(&self) -> bool {
        !matches!(self.code, NOT_IN_PLACE | NOT_RUNNING | CONTAINER)
    }

    /// What a tool that deploys packages does with it: `success`, `retry` or `failed`.
    pub fn outcome(&self) -> &'static str {
        match self.code {
            DONE => "success",
            BUSY => "retry",
            _ => "failed",
        }
    }
}

const fn code(code: i32, meaning: &'static str) -> ExitCode {
    ExitCode { code, meaning }
}

/// Every exit code, in order.
pub const EXIT_CODES: &[ExitCode] = &[
    code(DONE, "done"),
    code(NOT_IN_PLACE, "something is not in place (linkctl check)"),
    code(USAGE, "usage: an option or a setting is wrong"),
    code(NOT_RUNNING, "the service does not run (linkctl status)"),
    code(PRIVILEGES, "not root, or not an administrator"),
    code(TEMP, "the temporary folder"),
    code(ROOT, "the install root"),
    code(RUNTIME, "the runtime folder"),
    code(SPACE, "too little space"),
    code(PLATFORM, "the platform: another system or processor, missing tools or libraries"),
    code(BUSY, "busy: another installer runs"),
    code(OTHER, "another installation is in the way, or a downgrade"),
    code(ACCOUNT, "the account that is to run the service"),
    code(DAMAGED, "the package is damaged"),
    code(SIGNATURE, "the signature is missing or wrong"),
    code(FAILED, "failed; what was there is back"),
    code(NOT_STARTED, "the service did not start; what was there is back"),
    code(ROLLBACK_FAILED, "failed, and the way back failed, too"),
    code(CONTAINER, "a container ends again and again, or has died (linkctl check and status)"),
];

#[cfg(test)]
mod tests {
    use super::EXIT_CODES;

    #[test]
    fn codes_rise() {
        assert!(EXIT_CODES.windows(2).all(|pair| pair[0].code < pair[1].code));
    }
}
