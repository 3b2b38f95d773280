//! The package formats: the one list, which every part of linkpack shares. What reads a format is its door in the crate inspect, what
//! writes it its door in `builder/src/format`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A package format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Debian and its relatives.
    Deb,
    /// Red Hat, SUSE and their relatives.
    Rpm,
    /// Self-extracting, for every Linux: linkpack's, or makeself's.
    Run,
    /// Windows Installer.
    Msi,
    /// Windows Installer: what changes a package while it is installed.
    Mst,
    /// A site's answers for a `.run`.
    Site,
}

impl Format {
    /// All of them, in the order in which they are built.
    pub const ALL: [Format; 6] = [Format::Deb, Format::Rpm, Format::Run, Format::Msi, Format::Mst, Format::Site];

    /// The name in arguments and reports, and what names of its files end in.
    pub fn name(self) -> &'static str {
        match self {
            Format::Deb => "deb",
            Format::Rpm => "rpm",
            Format::Run => "run",
            Format::Msi => "msi",
            Format::Mst => "mst",
            Format::Site => "site",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
