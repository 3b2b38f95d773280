//! Deltas: a folder that makes the next kit out of the one that a site has.
//!
//! A package is a file of compressed units. Units that the old package has, too, are copied as they are; of the others the plain bytes
//! are described by what the old one holds, and are packed again at the site, where that makes the same bytes. It is tried when the delta
//! is made. Everything else is carried. What comes of it has the digests that the new kit's maker signed, or no kit is made.

mod apply;
mod cabinet;
mod compound;
mod make;
mod matching;
pub mod recipe;
mod view;

pub use apply::{apply, Applied};
pub use make::{make, Request};

use crate::compress::again;
use crate::error::{Error, IoContext, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use view::Extent;

/// What a delta says of itself.
pub const DESCRIPTION: &str = "delta.json";
/// How each file is made (JSON, zstd).
const PLAN: &str = "plan.zst";
/// Copies and literals of all files, as matching writes them down.
const STEPS: &str = "steps.zst";
/// The literals.
const DATA: &str = "data.zst";
/// The public key that signed the delta.
const KEY: &str = "vendor.pub";
/// A linkpack for sites that have none.
const TOOL: &str = "tool/linkpack";
const TEXT: &str = "APPLY.md";
const APPLY: &str = include_str!("../../../../templates/kit/APPLY.md");

/// delta.json.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Description {
    /// The version of this document: 1.
    pub format: u32,
    /// The repositories' name.
    pub name: String,
    /// Which linkpack made it: another may pack other bytes.
    pub made_by: String,
    /// SHA-256 of SHA256SUMS of the kit that the site has.
    pub from: String,
    /// The time of that kit, in seconds since 1970.
    pub from_time: u32,
    /// SHA-256 of SHA256SUMS of the kit that it makes.
    pub to: String,
    /// The time of that kit.
    pub to_time: u32,
    /// Bytes of the new kit's files.
    pub kit_size: u64,
    /// Bytes of literals before compression.
    data_size: u64,
}

/// plan.zst.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Plan {
    files: Vec<Made>,
}

/// A file of the new kit.
#[derive(Debug, Serialize, Deserialize)]
struct Made {
    path: String,
    how: How,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum How {
    /// It is that file of the kit before.
    Kept(String),
    /// It is that file of the new kit, which comes before it.
    Same(String),
    /// It is made.
    Made {
        /// What it is copied from.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        base: Option<Base>,
        /// Its parts in the order in which they are made; none: from the beginning on.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        extents: Vec<Extent>,
        /// Units and what lies between them.
        pieces: Vec<Piece>,
        /// Bytes of its steps.
        steps: u64,
    },
}

/// A file of the kit before, and those of its units whose plain bytes are wanted.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Base {
    path: String,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    extents: Vec<Extent>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    units: Vec<(Form, Extent)>,
}

/// What comes next in a file: bytes as they are, or plain bytes that are packed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Piece {
    #[serde(rename = "l")]
    len: u64,
    #[serde(rename = "f", skip_serializing_if = "Option::is_none", default)]
    form: Option<Form>,
}

/// How units are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    /// A unit of a gzip, zstd or xz stream.
    Unit(again::Form),
    /// A folder's blocks in a cabinet.
    Cabinet(cabinet::Form),
}

/// Refuses a place that holds anything but a delta or nothing.
///
/// # Errors
/// So.
pub fn replaceable(output: &Path) -> Result<()> {
    let Ok(meta) = output.symlink_metadata() else { return Ok(()) };
    let free =
        meta.is_dir() && (output.join(DESCRIPTION).is_file() || fs::read_dir(output).or_cannot("list", output)?.next().is_none());
    match free {
        true => Ok(()),
        false => Err(Error::new(format!("{} is there already, and is no delta", output.display()))
            .help("choose another place with --delta, or remove it")),
    }
}

/// A path without what changes from version to version: numbers and digests.
fn kin(path: &str) -> String {
    const DIGEST: usize = 16;
    let mut kin = String::new();
    for part in path.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let (word, end) = part.split_at(part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).len());
        let changes = word.bytes().all(|byte| byte.is_ascii_digit())
            || (word.len() >= DIGEST && word.bytes().all(|byte| byte.is_ascii_hexdigit()));
        kin.push_str(if changes { "#" } else { word });
        kin.push_str(end);
    }
    kin
}

#[cfg(test)]
mod tests {
    #[test]
    fn files_of_two_versions_are_kin() {
        let digest = |c: &str| c.repeat(64);
        for (a, b) in [
            ("sbom/a-1.0.0.cdx.json".to_owned(), "sbom/a-1.10.2.cdx.json".to_owned()),
            (
                format!("linux/rpm/repodata/{}-primary.xml.gz", digest("a")),
                format!("linux/rpm/repodata/{}-primary.xml.gz", digest("7")),
            ),
        ] {
            assert_eq!(super::kin(&a), super::kin(&b));
        }
        assert_ne!(super::kin("a/primary.xml"), super::kin("a/other.xml"));
    }
}
