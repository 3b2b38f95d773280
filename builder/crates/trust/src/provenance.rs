//! How packages were made: SLSA provenance in an in-toto statement.
//! Formats: https://in-toto.io/Statement/v1, https://slsa.dev/spec/v1.0/provenance
//!
//! No time and no machine's name: two builds of one input have the same provenance.

use serde::Serialize;
use serde_json::{json, Map, Value};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// A file that was made.
pub struct Subject<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its SHA-256, hexadecimal.
    pub sha256: &'a str,
}

/// Something that packages were made of.
pub struct Material<'a> {
    /// "connector", or a container's name.
    pub name: &'a str,
    /// The target it is for.
    pub target: &'a str,
    /// The sources in the manifest's words, lowest first.
    pub sources: &'a [String],
    /// linkpack's digest of the tree, hexadecimal: every path, mode and content.
    pub tree_sha256: &'a str,
}

/// What decided about the packages besides their content.
#[derive(Default)]
pub struct Parameters<'a> {
    /// The manifest's SHA-256, hexadecimal.
    pub manifest_sha256: &'a str,
    /// Values of the manifest that were given beside its text, by dotted key.
    pub given: BTreeMap<String, String>,
    /// The sites' names and their files' SHA-256, hexadecimal.
    pub sites: Vec<(String, String)>,
    /// The formats that were made.
    pub formats: Vec<&'a str>,
    /// The targets that packages were made for.
    pub targets: Vec<&'a str>,
    /// How payloads are compressed.
    pub codec: Option<&'a str>,
    /// SOURCE_DATE_EPOCH, where it was set.
    pub epoch: Option<i64>,
}

/// What `externalParameters` mean; docs/trust.md says it for people.
const BUILD_TYPE: &str = "urn:linkpack:build:v1";
/// linkpack on the machine that it ran on: this says no more than that.
const BUILDER: &str = "urn:linkpack:builder:local";

/// The statement as it is written: keys in the alphabet's order, as those who read and write it again have them.
#[derive(Serialize)]
struct Statement<'a> {
    #[serde(rename = "_type")]
    kind: &'static str,
    predicate: Predicate<'a>,
    #[serde(rename = "predicateType")]
    predicate_type: &'static str,
    subject: Vec<Named<'a>>,
}

#[derive(Serialize)]
struct Predicate<'a> {
    #[serde(rename = "buildDefinition")]
    definition: Definition<'a>,
    #[serde(rename = "runDetails")]
    details: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Definition<'a> {
    build_type: &'static str,
    external_parameters: External<'a>,
    internal_parameters: Map<String, Value>,
    resolved_dependencies: Vec<Value>,
}

#[derive(Serialize)]
struct External<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    codec: Option<&'a str>,
    formats: &'a [&'a str],
    manifest: Value,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    set: &'a BTreeMap<String, String>,
    sites: Vec<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_date_epoch: Option<i64>,
    targets: &'a [&'a str],
}

#[derive(Serialize)]
struct Named<'a> {
    digest: Digest<'a>,
    name: &'a str,
}

#[derive(Serialize)]
struct Digest<'a> {
    sha256: &'a str,
}

/// Writes the statement, indented, with a newline at its end.
///
/// # Errors
/// `out` takes no more.
pub fn write(subjects: &[Subject], materials: &[Material], parameters: &Parameters, out: &mut dyn Write) -> io::Result<()> {
    let named = |name, sha256| Named { digest: Digest { sha256 }, name };
    let statement = Statement {
        kind: "https://in-toto.io/Statement/v1",
        predicate: Predicate {
            definition: Definition {
                build_type: BUILD_TYPE,
                external_parameters: External {
                    codec: parameters.codec,
                    formats: &parameters.formats,
                    manifest: json!({ "digest": { "sha256": parameters.manifest_sha256 } }),
                    set: &parameters.given,
                    sites: parameters.sites.iter().map(|(name, sha256)| named(name.as_str(), sha256.as_str())).collect(),
                    source_date_epoch: parameters.epoch,
                    targets: &parameters.targets,
                },
                internal_parameters: Map::new(),
                resolved_dependencies: materials.iter().map(material).collect(),
            },
            details: json!({
                "builder": { "id": BUILDER, "version": { "linkpack": env!("CARGO_PKG_VERSION") } },
                "metadata": {},
            }),
        },
        predicate_type: "https://slsa.dev/provenance/v1",
        subject: subjects.iter().map(|subject| named(subject.name, subject.sha256)).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &statement)?;
    out.write_all(b"\n")
}

/// The digest is of the tree that was packaged, not of the archive it came in: hence the name of its algorithm.
fn material(material: &Material) -> Value {
    json!({
        "name": format!("{}/{}", material.target, material.name),
        "digest": { "linkpackTreeSha256": material.tree_sha256 },
        "annotations": { "sources": material.sources },
    })
}
