//! How packages were made: SLSA provenance in an in-toto statement.
//! Formats: https://in-toto.io/Statement/v1, https://slsa.dev/spec/v1.0/provenance
//!
//! No time and no machine's name: two builds of one input have the same provenance.

use serde_json::{json, Map, Value};

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
    pub given: std::collections::BTreeMap<String, String>,
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

/// The statement, indented, with a newline at its end.
pub fn statement(subjects: &[Subject], materials: &[Material], parameters: &Parameters) -> String {
    let digest = |sha256: &str| json!({ "sha256": sha256 });
    let named = |subject: &Subject| json!({ "name": subject.name, "digest": digest(subject.sha256) });
    let mut external = Map::new();
    external.insert("manifest".into(), json!({ "digest": digest(parameters.manifest_sha256) }));
    let sites = parameters.sites.iter().map(|(name, sha256)| json!({ "name": name, "digest": digest(sha256) }));
    external.insert("sites".into(), sites.collect());
    if !parameters.given.is_empty() {
        external.insert("set".into(), json!(parameters.given));
    }
    external.insert("formats".into(), json!(parameters.formats));
    external.insert("targets".into(), json!(parameters.targets));
    if let Some(codec) = parameters.codec {
        external.insert("codec".into(), json!(codec));
    }
    if let Some(epoch) = parameters.epoch {
        external.insert("source_date_epoch".into(), json!(epoch));
    }
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects.iter().map(named).collect::<Vec<Value>>(),
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": external,
                "internalParameters": {},
                "resolvedDependencies": materials.iter().map(material).collect::<Vec<Value>>(),
            },
            "runDetails": {
                "builder": { "id": BUILDER, "version": { "linkpack": env!("CARGO_PKG_VERSION") } },
                "metadata": {},
            },
        },
    });
    serde_json::to_string_pretty(&statement).expect("plain JSON") + "\n"
}

/// The digest is of the tree that was packaged, not of the archive it came in: hence the name of its algorithm.
fn material(material: &Material) -> Value {
    json!({
        "name": format!("{}/{}", material.target, material.name),
        "digest": { "linkpackTreeSha256": material.tree_sha256 },
        "annotations": { "sources": material.sources },
    })
}
