//! What is wrong with a package, as its administrators would find out.

pub mod export;
mod linux;
pub mod msi;
mod transform;

use super::msi::Row;
use super::Package;
use manifest::System;
use std::collections::BTreeMap;
use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Installation, repair, upgrade or removal goes wrong on some machine.
    Error,
    /// Worth a look; may be meant.
    Warning,
}

impl Severity {
    /// The word that people read.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One fault.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule's name, which scripts may rely on.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// What is wrong, a sentence's worth.
    pub what: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// A place in a database, as far as it is known: a table, a row by its key, a column. Parts that are no table have a name only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The table or the part of the package.
    pub table: String,
    /// The row's key, values separated by slashes.
    pub row: Option<String>,
    /// The column.
    pub column: Option<String>,
}

impl Place {
    fn part(name: &str) -> Self {
        Place { table: name.to_owned(), ..Place::default() }
    }

    fn row(table: &str, key: impl Into<String>) -> Self {
        Place { table: table.to_owned(), row: Some(key.into()), column: None }
    }

    fn cell(table: &str, row: &Row, column: &str) -> Self {
        Place { column: Some(column.to_owned()), ..Place::row(table, row.key()) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table)?;
        if let Some(row) = &self.row {
            write!(f, "[{row}]")?;
        }
        self.column.as_ref().map_or(Ok(()), |column| write!(f, ".{column}"))
    }
}

/// All findings about a package, rule by rule; `systems` are the Linux systems that it is meant for, as far as they were told.
pub fn lint(package: &Package, systems: &[System]) -> Vec<Finding> {
    let mut findings = Findings::default();
    match (&package.msi, &package.transform) {
        (Some(msi), _) => msi::check(msi, &mut findings),
        (_, Some(transform)) => transform::check(transform, &mut findings),
        _ => linux::check(&package.report, systems, &mut findings),
    }
    findings.finish()
}

/// Findings that a package's headers give, where [`crate::Depth::Headers`] was read: rules on contents have nothing to judge.
pub fn headers(package: &Package, systems: &[System]) -> Vec<Finding> {
    const ON_CONTENT: [&str; 4] = ["cabinet-", "digest", "file-", "service-program"];
    let judged = |finding: &Finding| !ON_CONTENT.iter().any(|start| finding.rule.starts_with(start));
    lint(package, systems).into_iter().filter(judged).collect()
}

/// What goes wrong where an MSI replaces the previous one; nothing about other formats.
pub fn against_previous(previous: &Package, package: &Package) -> Vec<Finding> {
    let mut findings = Findings::default();
    if let (Some(old), Some(new)) = (&previous.msi, &package.msi) {
        msi::previous::check(old, new, &mut findings);
    }
    findings.finish()
}

/// Findings of one rule that are listed; the others are counted. One fault in a generator makes thousands of findings.
const LISTED: usize = 50;

#[derive(Default)]
struct Findings {
    listed: Vec<Finding>,
    counts: BTreeMap<(&'static str, Severity), usize>,
}

impl Findings {
    fn error(&mut self, rule: &'static str, place: Place, what: String, remedy: &'static str) {
        self.add(Finding { rule, severity: Severity::Error, place, what, remedy });
    }

    fn warning(&mut self, rule: &'static str, place: Place, what: String, remedy: &'static str) {
        self.add(Finding { rule, severity: Severity::Warning, place, what, remedy });
    }

    fn add(&mut self, finding: Finding) {
        debug_assert!(
            lint_rules::find(finding.rule).is_some_and(|rule| rule.takes(finding.severity == Severity::Error)),
            "{finding:?}"
        );
        let count = self.counts.entry((finding.rule, finding.severity)).or_default();
        *count += 1;
        if *count <= LISTED {
            self.listed.push(finding);
        }
    }

    fn finish(self) -> Vec<Finding> {
        let mut findings = self.listed;
        for ((rule, severity), count) in self.counts {
            let Some(last) = findings.iter().rev().find(|finding| (finding.rule, finding.severity) == (rule, severity)) else {
                continue;
            };
            if count > LISTED {
                let (place, remedy) = (Place::part(&last.place.table), last.remedy);
                let what = format!("and {} more findings of this rule", count - LISTED);
                findings.push(Finding { rule, severity, place, what, remedy });
            }
        }
        findings
    }
}
