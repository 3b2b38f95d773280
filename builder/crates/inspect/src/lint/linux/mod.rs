//! Rules on DEB, RPM and self-extracting packages: what lintian and rpmlint call errors as far as it hurts on an endpoint, and what they
//! do not look for. What may be meant is a warning. Our own packages and the clean ones of Debian have no errors: tests hold it.

mod conffiles;
mod content;
mod fields;
mod links;
mod modes;
mod owners;
mod places;
mod programs;
mod scripts;
mod services;
mod shell;
mod syntax;

use super::{Findings, Place};
use crate::manager::Manager;
use crate::reader;
use crate::report::{Claim, FileEntry, FileKind, Report};
use manifest::System;

/// What the rules look at.
struct Subject<'a> {
    report: &'a Report,
    /// The systems it is meant for, where they were told.
    systems: &'a [System],
}

impl Subject<'_> {
    /// The install root with a slash at its end; where files are relative, nothing.
    fn root(&self) -> Option<String> {
        let root = self.report.root.as_deref().filter(|root| root.starts_with('/') && root.len() > 1)?;
        Some(format!("{}/", root.trim_end_matches('/')))
    }

    /// Whether a path is in the package's own install root: its maker decides what is there.
    fn is_in_root(&self, path: &str) -> bool {
        !path.starts_with('/') || self.root().is_some_and(|root| path.starts_with(&root))
    }

    /// What installs it, where that is a package manager.
    fn manager(&self) -> Option<&'static Manager> {
        reader(self.report.format).manager()
    }

    /// Whether Debian Policy holds for it.
    fn has_policy(&self) -> bool {
        self.manager().is_some_and(|manager| manager.has_policy)
    }

    /// Files that the package brings, with what is listed only left out.
    fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.report.files.iter().filter(|file| !file.ghost)
    }

    /// The relations of some kinds.
    fn relations<'s>(&'s self, kinds: &'s [&'s str]) -> impl Iterator<Item = &'s str> {
        let of_kind = move |kind: &str| kinds.contains(&kind);
        self.report.relations.iter().filter(move |one| of_kind(&one.kind)).map(|one| one.what.as_str())
    }
}

fn is_regular(file: &FileEntry) -> bool {
    matches!(file.kind, FileKind::File | FileKind::HardLink)
}

/// All rules, one after the other.
pub(super) fn check(report: &Report, systems: &[System], findings: &mut Findings) {
    let subject = Subject { report, systems };
    damage(report, findings);
    if report.identity.source {
        return;
    }
    let checks: [fn(&Subject, &mut Findings); 10] = [
        fields::check,
        places::check,
        modes::check,
        owners::check,
        links::check,
        conffiles::check,
        scripts::check,
        services::check,
        programs::check,
        content::check,
    ];
    for check in checks {
        check(&subject, findings);
    }
}

fn damage(report: &Report, findings: &mut Findings) {
    const REMEDY: &str = "build the package again, or fetch it again";
    for damage in &report.damage {
        match damage.unread {
            true => {
                findings.warning("unread", Place::part(&damage.part), damage.what.clone(), "unpack it, and look for yourself")
            }
            false => findings.error("damaged", Place::part(&damage.part), damage.what.clone(), REMEDY),
        }
    }
    for oddity in &report.oddities {
        let remedy = lint_rules::find(oddity.rule).map_or("look at it", |rule| rule.remedy);
        findings.error(oddity.rule, Place::part(&oddity.part), oddity.what.to_owned(), remedy);
    }
    for Claim { subject, algorithm, claimed, found } in report.claims.listed.iter().filter(|claim| !claim.holds()) {
        let what = format!("its {algorithm} is {found}, and the package says {claimed}");
        findings.error("digest", Place::part(subject), what, REMEDY);
    }
    let has_content = report.files.iter().any(|file| file.kind == FileKind::File && !file.ghost);
    let lists_digests = reader(report.format).manager().is_some_and(|manager| manager.lists_digests);
    if lists_digests && has_content && !report.identity.source {
        let stated = |name: &str| report.claims.held.keys().any(|held| held.starts_with(name) && held.ends_with("of files"));
        let any = report.claims.held.keys().any(|held| held.ends_with("of files")) || !report.claims.listed.is_empty();
        if !any {
            let what = "its header has no digests of the files".to_owned();
            findings.error("digest-missing", Place::part("header"), what, "build it with rpmbuild of rpm 4.6 or newer");
        } else if stated("MD5") {
            let what = "its files' digests are MD5".to_owned();
            findings.warning("digest-weak", Place::part("header"), what, "set _binary_filedigest_algorithm to 8: SHA-256");
        }
    }
}
