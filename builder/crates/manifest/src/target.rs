//! What packages are for.

use schemars::JsonSchema;
use serde::Deserialize;

/// An operating system and an architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
pub enum Target {
    /// Linux on x86-64.
    #[serde(rename = "linux-x86_64")]
    LinuxX86_64,
    /// Linux on 64-bit ARM.
    #[serde(rename = "linux-aarch64")]
    LinuxAarch64,
    /// Windows on x86-64.
    #[serde(rename = "windows-x86_64")]
    WindowsX86_64,
    /// Windows on 32-bit x86.
    #[serde(rename = "windows-x86")]
    WindowsX86,
}

impl Target {
    /// All targets, in the order they are built.
    pub const ALL: [Target; 4] = [Target::LinuxX86_64, Target::LinuxAarch64, Target::WindowsX86_64, Target::WindowsX86];

    /// The name in manifests, arguments and file names.
    pub fn name(self) -> &'static str {
        match self {
            Target::LinuxX86_64 => "linux-x86_64",
            Target::LinuxAarch64 => "linux-aarch64",
            Target::WindowsX86_64 => "windows-x86_64",
            Target::WindowsX86 => "windows-x86",
        }
    }

    /// Whether it is a Linux target.
    pub fn is_linux(self) -> bool {
        matches!(self, Target::LinuxX86_64 | Target::LinuxAarch64)
    }

    /// The system's name in the manifest.
    pub fn system(self) -> &'static str {
        if self.is_linux() {
            "linux"
        } else {
            "windows"
        }
    }

    /// The machine as `uname -m` names it.
    pub fn machine(self) -> &'static str {
        match self {
            Target::LinuxX86_64 | Target::WindowsX86_64 => "x86_64",
            Target::LinuxAarch64 => "aarch64",
            Target::WindowsX86 => "i686",
        }
    }
}
