//! kit.json: what a kit says of itself.

use super::input::Kind;
use serde::{Deserialize, Serialize};

/// The file in a kit.
pub const DESCRIPTION: &str = "kit.json";

/// kit.json.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Description {
    /// The version of this document: 1.
    pub format: u32,
    /// What repositories are called.
    pub name: String,
    /// Who they are from.
    pub origin: String,
    /// The time of everything in the kit, in seconds since 1970.
    pub time: u32,
    /// Who made the kit.
    pub made_by: String,
    /// What endpoints trust.
    pub keys: DescribedKeys,
    /// SHA-256 of the kit before's SHA256SUMS, where this one was made from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// Which of several volumes this is: "1 of 3".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// The packages and bills.
    pub files: Vec<DescribedFile>,
}

/// The keys of kit.json.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DescribedKeys {
    /// Of SHA256SUMS: `sha256:` and the digest of the public key.
    pub sums: String,
    /// The OpenPGP key of the repositories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub openpgp: Option<String>,
    /// When that key expires, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub openpgp_expires: Option<u32>,
    /// The key of the kits after this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A package or bill of kit.json.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DescribedFile {
    /// Its path in the kit.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// A package's name.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub name: String,
    /// Its version.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub version: String,
    /// Its architecture.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub architecture: String,
    /// Bytes.
    pub size: u64,
    /// Hexadecimal.
    pub sha256: String,
}
