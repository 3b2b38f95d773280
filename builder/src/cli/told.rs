//! Errors and results as JSON documents (docs/json.md), and the JSON Schema of each.

use crate::build::resign::Resigned;
use crate::build::{plan, Comparison, Report};
use crate::compress::prune;
use crate::error::Error;
use crate::inspect::diff::Diff;
use crate::inspect::lint::export;
use crate::inspect::verify::{Conclusion, Verdict};
use crate::{inspect, kit, manifest};
use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::PathBuf;

/// One error, as it is told to people.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Told {
    /// What happened.
    pub what: String,
    /// The file that it points into; `command line` for an option.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line there, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column there, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// Facts that say where or why.
    pub notes: Vec<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Told {
    fn one(error: &Error) -> Told {
        let place = error.snippet().map(|snippet| snippet.place());
        Told {
            what: error.what().to_owned(),
            file: error.snippet().map(|snippet| snippet.file.clone()),
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            notes: error.notes().to_vec(),
            help: error.help_text().map(str::to_owned),
        }
    }

    /// The error, and those that were found with it.
    pub fn all(error: &Error) -> Vec<Told> {
        std::iter::once(error).chain(error.more()).map(Told::one).collect()
    }
}

/// The document of a verb that failed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Failed {
    /// What is wrong, in the order in which it is to be mended.
    pub errors: Vec<Told>,
    /// What was worth a look before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// `linkpack init --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Made {
    /// The manifest.
    pub manifest: PathBuf,
    /// All files that were made, the manifest among them.
    pub files: Vec<PathBuf>,
}

/// `linkpack build --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Built {
    /// What was made.
    #[serde(flatten)]
    pub report: Report,
    /// What is worth a look.
    pub warnings: Vec<String>,
}

/// `linkpack sign --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Signed {
    /// The packages as they are now.
    pub packages: Vec<Resigned>,
}

/// `linkpack verify --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Verified {
    /// Whether the exit code is 0.
    pub ok: bool,
    /// Of each package and folder.
    pub verdicts: Vec<Verdict>,
    /// With `--rebuild`, of each package.
    pub rebuilt: Vec<Comparison>,
    /// What could not be verified at all.
    pub unread: Vec<Unread>,
    /// The same with all that was told of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Told>,
}

/// Something that could not be verified.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Unread {
    /// The path as it was given.
    pub path: String,
    /// Why not.
    pub why: String,
}

/// One package of `linkpack inspect --json`, written without a copy: it may have 300,000 files.
#[derive(Serialize, JsonSchema)]
pub struct Inspected<'a> {
    /// What it is and holds.
    #[serde(flatten)]
    pub report: &'a inspect::report::Report,
    /// What it comes to.
    pub verdict: &'a Conclusion,
}

/// Several packages of `linkpack inspect --json`.
#[derive(Serialize, JsonSchema)]
pub struct AllInspected<'a> {
    /// Those that could be read.
    pub packages: &'a [Inspected<'a>],
    /// Why others could not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Told>,
}

/// `linkpack preflight --json`, which the packages' own script writes.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "the schema is made of it, and nothing else")]
struct Checked {
    /// Whether all checks passed.
    ok: bool,
    /// The exit code that an installation would end with.
    exit_code: u8,
    /// The install root that was checked.
    root: String,
    /// Every check.
    checks: Vec<Check>,
}

/// One check of the preflight.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "the schema is made of it, and nothing else")]
struct Check {
    /// Its name.
    id: String,
    /// What it looked at.
    path: String,
    /// Whether it passed.
    ok: bool,
    /// What it found.
    detail: String,
    /// What to do about it.
    remedy: String,
}

/// What a verb prints: its result, or why there is none.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "the schema is made of it, and nothing else")]
enum Document<T> {
    Done(T),
    Failed(Failed),
}

/// One package, several, or none.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "the schema is made of it, and nothing else")]
enum InspectDocument<'a> {
    One(Inspected<'a>),
    Several(AllInspected<'a>),
}

/// The files and documents that have a JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// The manifest, linkpack.toml
    Manifest,
    /// A site file
    Site,
    /// What init --json prints
    Init,
    /// What build --json prints
    Build,
    /// What sign --json prints
    Sign,
    /// linkpack assemble --json
    Assemble,
    /// What inspect --json prints
    Inspect,
    /// What inspect --diff --json prints
    Diff,
    /// What verify --json prints
    Verify,
    /// What lint --json prints
    Lint,
    /// What kit --json prints
    Kit,
    /// What kit accept --json prints
    Accept,
    /// What kit apply --json prints
    Apply,
    /// What kit cve --json prints
    Cve,
    /// What plan --json prints
    Plan,
    /// What plan status --json prints
    PlanStatus,
    /// What cache show --json prints
    CacheShow,
    /// What cache prune --json prints
    CachePrune,
    /// What preflight --json prints
    Preflight,
}

/// The JSON Schema (draft 2020-12) of a file or document.
pub fn schema(what: SchemaOf) -> String {
    fn of<T: JsonSchema>() -> String {
        let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
        json(&settings.into_generator().into_root_schema_for::<Document<T>>())
    }
    match what {
        SchemaOf::Manifest => manifest::schema(),
        SchemaOf::Site => manifest::site_schema(),
        SchemaOf::Init => of::<Made>(),
        SchemaOf::Build => of::<Built>(),
        SchemaOf::Sign => of::<Signed>(),
        SchemaOf::Assemble => of::<kit::delta::recipe::Assembled>(),
        SchemaOf::Inspect => of::<InspectDocument>(),
        SchemaOf::Diff => of::<Diff>(),
        SchemaOf::Verify => of::<Verified>(),
        SchemaOf::Lint => of::<export::Document>(),
        SchemaOf::Kit => of::<kit::Report>(),
        SchemaOf::Accept => of::<kit::accept::Acceptance>(),
        SchemaOf::Apply => of::<kit::delta::Applied>(),
        SchemaOf::Cve => of::<kit::cve::Report>(),
        SchemaOf::Plan => of::<plan::Made>(),
        SchemaOf::PlanStatus => of::<plan::Status>(),
        SchemaOf::CacheShow => of::<prune::Survey>(),
        SchemaOf::CachePrune => of::<prune::Pruned>(),
        SchemaOf::Preflight => of::<Checked>(),
    }
}

/// A document as text.
pub fn json(document: &impl Serialize) -> String {
    serde_json::to_string_pretty(document).expect("plain JSON") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    fn properties<'s>(schema: &'s Value, found: &mut BTreeSet<&'s str>) {
        match schema {
            Value::Object(fields) => {
                if let Some(Value::Object(properties)) = fields.get("properties") {
                    found.extend(properties.keys().map(String::as_str));
                }
                fields.values().for_each(|inner| properties(inner, found));
            }
            Value::Array(list) => list.iter().for_each(|inner| properties(inner, found)),
            _ => {}
        }
    }

    #[test]
    fn every_field_of_a_document_is_in_its_page() {
        let page = include_str!("../../../docs/json.md");
        let kit = include_str!("../../../docs/kit.md");
        for what in SchemaOf::value_variants() {
            if matches!(what, SchemaOf::Manifest | SchemaOf::Site) {
                continue;
            }
            let schema: Value = serde_json::from_str(&schema(*what)).unwrap();
            let mut found = BTreeSet::new();
            properties(&schema, &mut found);
            assert!(found.len() > 3, "{what:?}");
            for field in found {
                assert!(
                    [page, kit].iter().any(|page| page.contains(&format!("`{field}`"))),
                    "{what:?}: {field} is not in docs/json.md"
                );
            }
        }
    }
}
