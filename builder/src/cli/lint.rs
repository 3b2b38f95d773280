//! `linkpack lint`: what is wrong with packages.

use super::arguments::LintArguments;
use super::screen;
use crate::inspect::lint::{against_previous, lint, Finding, Severity};
use crate::inspect::text::{counted, plain};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

/// Lints packages. Exit codes: 0 no errors, though there may be warnings; 1 errors, or a package that cannot be read; 2 usage.
pub fn run(arguments: &LintArguments) -> ExitCode {
    let mut documents = Vec::new();
    let mut failed = false;
    let previous = match arguments.previous.as_deref().map(crate::inspect::read).transpose() {
        Ok(previous) => previous,
        Err(error) => {
            screen::error(&error);
            return ExitCode::FAILURE;
        }
    };
    for package in &arguments.packages {
        let findings = match crate::inspect::read(package) {
            Ok(package) => {
                let mut findings = lint(&package, &arguments.systems);
                findings.extend(previous.iter().flat_map(|previous| against_previous(previous, &package)));
                findings
            }
            Err(error) => {
                screen::error(&error);
                failed = true;
                documents.push(Document {
                    package: package.display().to_string(),
                    unread: Some(error.to_string()),
                    findings: vec![],
                });
                continue;
            }
        };
        failed |= findings.iter().any(|finding| finding.severity == Severity::Error);
        documents.push(Document::new(package, findings));
    }
    let shown = if arguments.json { json(&documents) } else { text(&documents) };
    super::conclude(&shown, failed)
}

/// One package's findings, as scripts read them.
#[derive(Serialize)]
struct Document {
    package: String,
    /// Why nothing could be said about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<String>,
    findings: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    severity: &'static str,
    rule: &'static str,
    /// Table, row and column in one, as people read it.
    place: String,
    table: String,
    row: Option<String>,
    column: Option<String>,
    what: String,
    help: &'static str,
}

impl Document {
    fn new(package: &Path, findings: Vec<Finding>) -> Self {
        let line = |finding: Finding| Line {
            severity: finding.severity.name(),
            rule: finding.rule,
            place: finding.place.to_string(),
            table: finding.place.table,
            row: finding.place.row,
            column: finding.place.column,
            what: finding.what,
            help: finding.remedy,
        };
        Document { package: package.display().to_string(), unread: None, findings: findings.into_iter().map(line).collect() }
    }
}

fn json(documents: &[Document]) -> String {
    let document = serde_json::json!({ "packages": documents });
    format!("{document:#}\n")
}

fn text(documents: &[Document]) -> String {
    let mut shown = String::new();
    for document in documents.iter().filter(|document| document.unread.is_none()) {
        for line in &document.findings {
            // What a foreign package says must not steer the terminal.
            let said = plain(&format!("{}: {}", line.place, line.what));
            shown += &format!("{}: {}[{}]: {said}\nhelp: {}\n", document.package, line.severity, line.rule, line.help);
        }
        let count = |severity: Severity| document.findings.iter().filter(|line| line.severity == severity.name()).count();
        let errors = counted(count(Severity::Error), "error", "errors");
        let warnings = counted(count(Severity::Warning), "warning", "warnings");
        shown += &format!("{}: {errors}, {warnings}\n", document.package);
    }
    shown
}
