//! What architectures are called.

use crate::endpoint::Arch;
use crate::manifest::Target;

/// An architecture as each format names it.
pub struct Architecture {
    /// Debian's name.
    pub deb: &'static str,
    /// RPM's name.
    pub rpm: &'static str,
    /// What the scripts compare with `uname -m`.
    pub machine: Arch,
}

/// A Linux target's architecture.
pub fn architecture(target: Target) -> Architecture {
    match target {
        Target::LinuxAarch64 => Architecture { deb: "arm64", rpm: "aarch64", machine: Arch::Aarch64 },
        _ => Architecture { deb: "amd64", rpm: "x86_64", machine: Arch::X86_64 },
    }
}
