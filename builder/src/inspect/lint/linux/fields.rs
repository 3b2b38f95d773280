//! What a package says of itself: there, and of the form that tools read.

use super::{Findings, Place, Subject};
use crate::inspect::report::{FileKind, Format};
use crate::manifest::{is_contact, relation};

pub(super) fn check(subject: &Subject, findings: &mut Findings) {
    let identity = &subject.report.identity;
    let fields: &[(&str, &str)] = match subject.report.format {
        Format::Deb => {
            &[("Maintainer", &identity.contact), ("Description", &identity.summary), ("Architecture", &identity.architecture)]
        }
        Format::Rpm => &[("Summary", &identity.summary), ("License", &identity.license), ("Description", &identity.description)],
        _ => return,
    };
    for (field, _) in fields.iter().filter(|(_, value)| value.trim().is_empty()) {
        let what = format!("it has no {field}");
        let remedy = "add it: administrators and their tools read it";
        // rpm installs it all the same.
        match subject.is(Format::Rpm) {
            true => findings.warning("field-missing", Place::part(field), what, remedy),
            false => findings.error("field-missing", Place::part(field), what, remedy),
        }
    }
    name(subject, findings);
    if subject.is(Format::Deb) {
        let contact = identity.contact.as_str();
        if !contact.trim().is_empty() && !is_contact(contact) {
            let what = format!("\"{contact}\" is not a name and a mail address");
            findings.error("maintainer", Place::part("Maintainer"), what, "write Name <name@domain>");
        }
        copyright(subject, findings);
        relations(subject, findings);
    }
}

/// What dpkg refuses the whole package for.
fn relations(subject: &Subject, findings: &mut Findings) {
    for relation in &subject.report.relations {
        let wrong = relation.what.split(['|', ',']).find_map(|one| relation::deb(one).err());
        let Some(wrong) = wrong else { continue };
        let what = wrong.split("; write ").next().unwrap_or_default().to_owned();
        // A single < or > is old and still read.
        let old = relation.what.contains("(< ") || relation.what.contains("(> ");
        let remedy = "write name, name (>= VERSION) or alternatives with | between them";
        match old {
            true => findings.warning(
                "relation-old",
                Place::part(&relation.kind),
                what,
                "write <= or >= (what < and > have meant), << or >>",
            ),
            false => findings.error("relation", Place::part(&relation.kind), what, remedy),
        }
    }
}

fn name(subject: &Subject, findings: &mut Findings) {
    let (name, deb) = (&subject.report.identity.name, subject.is(Format::Deb));
    let fine = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c) || (!deb && (c.is_ascii_uppercase() || c == '_'))
    };
    let start = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || (!deb && c == '_'));
    if !name.is_empty() && (!start || !name.chars().all(fine) || (deb && name.len() < 2)) {
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
