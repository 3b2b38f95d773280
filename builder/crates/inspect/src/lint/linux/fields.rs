//! What a package says of itself: there, and of the form that tools read.

use super::{Findings, Place, Subject};
use crate::dpkg;
use crate::report::FileKind;
use manifest::is_contact;

pub(super) fn check(subject: &Subject, findings: &mut Findings) {
    let identity = &subject.report.identity;
    let Some(manager) = subject.manager() else { return };
    let fields = (manager.fields)(identity);
    for (field, _) in fields.iter().filter(|(_, value)| value.trim().is_empty()) {
        let what = format!("it has no {field}");
        let remedy = "add it: administrators and their tools read it";
        // rpm installs it all the same.
        match manager.has_policy {
            true => findings.error("field-missing", Place::part(field), what, remedy),
            false => findings.warning("field-missing", Place::part(field), what, remedy),
        }
    }
    name(subject, findings);
    if manager.has_policy {
        let contact = identity.contact.as_str();
        if !contact.trim().is_empty() && !is_contact(contact) {
            let what = format!("\"{contact}\" is not a name and a mail address");
            findings.error("maintainer", Place::part("Maintainer"), what, "write Name <name@domain>");
        }
        copyright(subject, findings);
        relations(subject, findings);
    }
}

/// What dpkg refuses the whole package for, and what it warns of.
fn relations(subject: &Subject, findings: &mut Findings) {
    for relation in &subject.report.relations {
        let place = || Place::part(&relation.kind);
        if let Some(what) = relation.what.split('|').find_map(dpkg::single) {
            let remedy = "write name, name (>= VERSION) or alternatives with | between them";
            findings.error("relation", place(), what, remedy);
        } else if relation.what.split('|').any(|one| is_lax(&relation.kind, one)) {
            let what = format!("\"{}\" is of a form that dpkg warns of", relation.what);
            let remedy = match relation.kind.as_str() {
                "provides" => "write = before the version",
                _ => "write <= or >= (what < and > have meant), << or >>, or = where there is no sign",
            };
            findings.warning("relation-old", place(), what, remedy);
        }
    }
}

/// A single `<` or `>`, no sign at all, and a version that is provided by anything but `=`.
fn is_lax(kind: &str, one: &str) -> bool {
    let Some((_, version)) = one.split_once('(') else { return false };
    let sign: String = version.trim_start().chars().take_while(|c| "<>=".contains(*c)).collect();
    matches!(sign.as_str(), "<" | ">" | "") || (kind == "provides" && sign != "=")
}

fn name(subject: &Subject, findings: &mut Findings) {
    let (name, deb) = (&subject.report.identity.name, subject.has_policy());
    let fine = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c) || (!deb && (c.is_ascii_uppercase() || c == '_'))
    };
    let start = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || (!deb && c == '_'));
    if deb && start && name.len() == 1 && name.chars().all(fine) {
        let what = format!("\"{name}\" is a name of one character, which dpkg takes and archives refuse");
        findings.warning("name", Place::part("Name"), what, "use at least two characters");
    } else if !name.is_empty() && (!start || !name.chars().all(fine)) {
        let what = format!("\"{name}\" is no name of a package");
        let remedy = match deb {
            true => "use small letters, digits, + - and . only, at least two, a letter or digit first",
            false => "use letters, digits, + - . and _ only",
        };
        findings.error("name", Place::part("Name"), what, remedy);
    }
}

/// Policy 12.5: usr/share/doc/PACKAGE/copyright, in the package or in the one whose doc folder it shares.
fn copyright(subject: &Subject, findings: &mut Findings) {
    let folder = format!("/usr/share/doc/{}", subject.report.identity.name);
    let file = format!("{folder}/copyright");
    let there = subject.report.files.iter().any(|entry| {
        entry.path == file || entry.path == format!("{file}.gz") || (entry.path == folder && entry.kind == FileKind::Symlink)
    });
    if !there && !subject.report.files.is_empty() {
        findings.error("licence", Place::part(&file), "it is missing".to_owned(), "ship the licence's text there");
    }
}
