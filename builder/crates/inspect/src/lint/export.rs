//! Findings as people, scripts and code scanning services read them.

use super::{Finding, Severity};
use crate::text::{counted, plain};
use base::error::Error;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{json, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::Path;

/// One package's findings.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Linted {
    package: String,
    /// Why nothing could be said about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<String>,
    findings: Vec<Line>,
    /// Findings of rules that are allowed.
    allowed: usize,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
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

impl Line {
    fn new(finding: Finding) -> Self {
        Line {
            severity: finding.severity.name(),
            rule: finding.rule,
            place: finding.place.to_string(),
            table: finding.place.table,
            row: finding.place.row,
            column: finding.place.column,
            what: finding.what,
            help: finding.remedy,
        }
    }

    fn is_error(&self) -> bool {
        self.severity == Severity::Error.name()
    }

    /// What is wrong and where; nothing of it steers a terminal.
    fn said(&self) -> String {
        plain(&format!("{}: {}", self.place, self.what))
    }
}

impl Linted {
    /// The findings about a package but those of allowed rules.
    pub fn new(package: &Path, mut findings: Vec<Finding>, allow: &BTreeSet<String>) -> Self {
        let all = findings.len();
        findings.retain(|finding| !allow.contains(finding.rule));
        let allowed = all - findings.len();
        let findings = findings.into_iter().map(Line::new).collect();
        Linted { package: package.display().to_string(), unread: None, findings, allowed }
    }

    /// A package that cannot be read.
    pub fn unread(package: &Path, error: &Error) -> Self {
        Linted { package: package.display().to_string(), unread: Some(error.to_string()), findings: Vec::new(), allowed: 0 }
    }

    /// The package as it was named.
    pub fn package(&self) -> &str {
        &self.package
    }

    /// Its findings in one sentence, or why there are none.
    pub fn counted(&self) -> String {
        self.unread.clone().unwrap_or_else(|| counts(&[self]))
    }

    /// Severity, rule and sentence of each finding.
    pub fn told(&self) -> Vec<(&str, &str, String)> {
        self.findings.iter().map(|line| (line.severity, line.rule, line.said())).collect()
    }

    /// Whether it must be refused.
    pub fn failed(&self) -> bool {
        self.unread.is_some() || self.findings.iter().any(Line::is_error)
    }

    /// The findings, and that it cannot be read as one more.
    fn lines(&self) -> Vec<Line> {
        let unread = self.unread.as_ref().map(|why| Line {
            severity: Severity::Error.name(),
            rule: "damaged",
            place: "package".to_owned(),
            table: "package".to_owned(),
            row: None,
            column: None,
            what: why.clone(),
            help: "name a package that linkpack reads",
        });
        unread.into_iter().chain(self.findings.iter().cloned()).collect()
    }
}

/// The document for scripts; docs/json.md describes it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Document<'a> {
    /// Of each package.
    packages: &'a [Linted],
    /// How many files of the folders that were named are no packages.
    skipped: usize,
}

/// One document for scripts.
pub fn json(packages: &[Linted], skipped: usize) -> String {
    serde_json::to_string_pretty(&Document { packages, skipped }).expect("plain JSON") + "\n"
}

/// Lines for people: the findings, then a line of counts for each package.
pub fn text(packages: &[Linted], skipped: usize) -> String {
    let mut shown = String::new();
    for package in packages.iter().filter(|package| package.unread.is_none()) {
        for line in &package.findings {
            shown += &format!("{}: {}[{}]: {}\nhelp: {}\n", package.package, line.severity, line.rule, line.said(), line.help);
        }
        shown += &format!("{}: {}\n", package.package, counts(&[package]));
    }
    if skipped > 0 {
        shown += &format!("skipped {}\n", counted(skipped, "file that is not a package", "files that are not packages"));
    }
    if packages.len() > 1 {
        let all: Vec<&Linted> = packages.iter().collect();
        shown += &format!("{} packages: {}\n", packages.len(), counts(&all));
    }
    shown
}

fn counts(packages: &[&Linted]) -> String {
    let count = |error: bool| {
        packages.iter().map(|package| package.findings.iter().filter(|line| line.is_error() == error).count()).sum::<usize>()
    };
    let unread = packages.iter().filter(|package| package.unread.is_some()).count();
    let allowed: usize = packages.iter().map(|package| package.allowed).sum();
    let mut said = format!("{}, {}", counted(count(true), "error", "errors"), counted(count(false), "warning", "warnings"));
    if allowed > 0 {
        said += &format!(", {}", counted(allowed, "finding allowed", "findings allowed"));
    }
    if unread > 0 {
        said += &format!(", {unread} not read");
    }
    said
}

/// SARIF 2.1.0 (OASIS, 27 March 2020).
pub fn sarif(packages: &[Linted]) -> String {
    let lines: Vec<(&str, Line)> =
        packages.iter().flat_map(|one| one.lines().into_iter().map(|line| (one.package.as_str(), line))).collect();
    let used: Vec<&str> = lines.iter().map(|(_, line)| line.rule).collect::<BTreeSet<_>>().into_iter().collect();
    let rules: Vec<Value> = used.iter().filter_map(|name| lint_rules::find(name)).map(sarif_rule).collect();
    let result = |(package, line): &(&str, Line)| {
        json!({
            "ruleId": line.rule,
            "ruleIndex": used.iter().position(|rule| *rule == line.rule),
            "level": line.severity,
            "message": { "text": line.said() },
            "locations": [{
                "physicalLocation": { "artifactLocation": { "uri": uri(package) } },
                "logicalLocations": [{ "fullyQualifiedName": plain(&line.place) }],
            }],
            "partialFingerprints": { "finding/v1": fingerprint(package, line) },
        })
    };
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "linkpack", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": lines.iter().map(result).collect::<Vec<Value>>(),
        }],
    });
    format!("{document:#}\n")
}

fn sarif_rule(rule: &lint_rules::Rule) -> Value {
    let level = if rule.judged == lint_rules::Judged::Warning { "warning" } else { "error" };
    json!({
        "id": rule.name,
        "shortDescription": { "text": rule.finds },
        "fullDescription": { "text": format!("It finds {}. Severity: {}.", rule.finds, rule.severity()) },
        "help": { "text": rule.remedy },
        "defaultConfiguration": { "level": level },
    })
}

/// A path as a URI reference (RFC 3986): relative where the path is.
fn uri(path: &str) -> String {
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            byte => uri += &format!("%{byte:02X}"),
        }
    }
    uri
}

fn fingerprint(package: &str, line: &Line) -> String {
    let name = package.rsplit('/').next().unwrap_or(package);
    hex::encode(Sha256::digest([name, line.rule, &line.place, &line.what].join("\0")))
}

/// Workflow commands of GitHub Actions, a line each.
pub fn github(packages: &[Linted]) -> String {
    let value = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| value(text).replace(':', "%3A").replace(',', "%2C");
    let mut shown = String::new();
    for package in packages {
        for line in package.lines() {
            let (file, title) = (property(&plain(&package.package)), property(&format!("linkpack {}", line.rule)));
            let said = value(&format!("{}; {}", line.said(), line.help));
            shown += &format!("::{} file={file},title={title}::{said}\n", line.severity);
        }
    }
    shown
}

/// GitLab's Code Quality report: a subset of Code Climate's.
pub fn gitlab(packages: &[Linted]) -> String {
    let issue = |package: &str, line: &Line| {
        json!({
            "description": format!("{}; {}", line.said(), line.help),
            "check_name": line.rule,
            "fingerprint": fingerprint(package, line),
            "severity": if line.is_error() { "major" } else { "minor" },
            "location": { "path": package, "lines": { "begin": 1 } },
        })
    };
    let issues: Vec<Value> =
        packages.iter().flat_map(|one| one.lines().iter().map(|line| issue(&one.package, line)).collect::<Vec<_>>()).collect();
    format!("{:#}\n", Value::from(issues))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_uri() {
        assert_eq!(uri("dist/a b_1.0~rc1.deb"), "dist/a%20b_1.0~rc1.deb");
        assert_eq!(uri("/srv/%.rpm"), "file:///srv/%25.rpm");
    }
}
