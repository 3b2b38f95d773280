//! What changed from one package to another.

use super::report::{FileEntry, FileKind, Report};
use super::text::{counted, mode, plain};
use super::tree::bytes;
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything that differs, by what it is about.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Diff {
    /// The file names of both.
    pub old: String,
    /// See above.
    pub new: String,
    /// Whether nothing differs.
    pub same: bool,
    /// What differs; sections without a difference are left out.
    pub sections: Vec<Section>,
}

/// The differences of one kind.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Section {
    /// `files`, `set-uid`, `scripts`, `dependencies` ...
    pub name: &'static str,
    /// What the new package alone has.
    pub added: Vec<Item>,
    /// What the old package alone has.
    pub removed: Vec<Item>,
    /// What both have, and not alike.
    pub changed: Vec<Change>,
}

/// Something that one package has.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// What it is there.
    pub value: String,
}

/// Something that both have.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// What it was.
    pub old: String,
    /// What it is.
    pub new: String,
}

/// Names and what stands for each.
type Facts = BTreeMap<String, String>;

/// Compares two packages.
pub fn diff(old: &Report, new: &Report) -> Diff {
    let both = |name, facts: fn(&Report) -> Facts| section(name, &facts(old), &facts(new));
    let sections = [
        both("identity", identity),
        both("licences", licences),
        both("dependencies", dependencies),
        both("services", services),
        both("settings", settings),
        both("scripts", scripts),
        both("set-uid", set_uid),
        both("modes", modes),
        files(old, new),
        both("signatures", signatures),
    ];
    let sections: Vec<Section> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    Diff { old: old.file.name.clone(), new: new.file.name.clone(), same: sections.is_empty(), sections }
}

impl Section {
    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    /// How much differs, in words.
    pub fn counts(&self) -> String {
        let counts = [(self.added.len(), "added"), (self.removed.len(), "removed"), (self.changed.len(), "changed")];
        let said: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        format!("{}: {}", self.name, said.join(", "))
    }
}

fn section(name: &'static str, old: &Facts, new: &Facts) -> Section {
    let only = |one: &Facts, other: &Facts| -> Vec<Item> {
        let alone = one.iter().filter(|(name, _)| !other.contains_key(*name));
        alone.map(|(name, value)| Item { name: name.clone(), value: value.clone() }).collect()
    };
    let changed = old.iter().filter_map(|(name, old)| {
        let new = new.get(name).filter(|new| *new != old)?;
        Some(Change { name: name.clone(), old: old.clone(), new: new.clone() })
    });
    Section { name, added: only(new, old), removed: only(old, new), changed: changed.collect() }
}

fn identity(report: &Report) -> Facts {
    let id = &report.identity;
    let epoch = id.epoch.map(|epoch| epoch.to_string()).unwrap_or_default();
    let facts = [
        ("name", id.name.as_str()),
        ("version", &id.version),
        ("release", &id.release),
        ("epoch", &epoch),
        ("architecture", &id.architecture),
        ("summary", &id.summary),
        ("publisher", &id.publisher),
        ("contact", &id.contact),
        ("homepage", &id.homepage),
        ("product code", &id.product_code),
        ("upgrade code", &id.upgrade_code),
        ("root", report.root.as_deref().unwrap_or_default()),
        ("made by", report.made_by.as_deref().unwrap_or_default()),
    ];
    facts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn licences(report: &Report) -> Facts {
    let licence = &report.identity.license;
    let own = (!licence.is_empty()).then(|| ("package".to_owned(), licence.clone()));
    own.into_iter().collect()
}

/// A dependency's name and kind lead to its versions.
fn dependencies(report: &Report) -> Facts {
    let mut facts: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for relation in &report.relations {
        let name = relation.what.split([' ', '(']).next().unwrap_or_default();
        facts.entry(format!("{} {name}", relation.kind)).or_default().push(&relation.what);
    }
    facts.into_iter().map(|(name, values)| (name, values.join(", "))).collect()
}

fn services(report: &Report) -> Facts {
    report.services.iter().map(|one| (one.name.clone(), [one.program.as_str(), &one.start].join(" ").trim().to_owned())).collect()
}

fn settings(report: &Report) -> Facts {
    report.settings.iter().map(|one| (one.name.clone(), one.value.clone())).collect()
}

fn signatures(report: &Report) -> Facts {
    let by = |key: &Option<String>| key.clone().unwrap_or_else(|| "an unknown key".to_owned());
    report.signatures.iter().map(|one| (format!("{} ({})", one.kind, one.place), format!("by {}", by(&one.key)))).collect()
}

/// The text decides; what is shown is its length.
fn scripts(report: &Report) -> Facts {
    use sha2::{Digest, Sha256};
    let shown = |text: &str| {
        let digest = hex::encode(&Sha256::digest(text)[..8]);
        format!("{}, sha256 {digest}", counted(text.lines().count(), "line", "lines"))
    };
    report.scripts.iter().map(|one| (one.name.clone(), shown(&one.text))).collect()
}

/// Programs that run as another user or with another group's rights.
fn set_uid(report: &Report) -> Facts {
    let special = |file: &&FileEntry| file.kind != FileKind::Directory && file.mode.is_some_and(|mode| mode & 0o6000 != 0);
    report.files.iter().filter(special).map(|file| (file.path.clone(), format!("{} {}", mode(file), owner(file)))).collect()
}

fn owner(file: &FileEntry) -> String {
    format!("{}/{}", file.owner.as_deref().unwrap_or("-"), file.group.as_deref().unwrap_or("-"))
}

/// Modes and owners of what both have; what came and went is among the files.
fn modes(report: &Report) -> Facts {
    let known = report.files.iter().filter(|file| file.mode.is_some() || file.owner.is_some());
    known.map(|file| (file.path.clone(), format!("{} {}", mode(file), owner(file)))).collect()
}

/// Files by their content, links by their targets.
fn files(old: &Report, new: &Report) -> Section {
    let facts = |report: &Report| -> Facts { report.files.iter().map(|file| (file.path.clone(), content(file))).collect() };
    section("files", &facts(old), &facts(new))
}

fn content(file: &FileEntry) -> String {
    let marks = if file.config { ", configuration" } else { "" };
    match file.kind {
        FileKind::Directory => "folder".to_owned(),
        FileKind::Special => "device, pipe or socket".to_owned(),
        FileKind::Symlink => format!("link to {}", file.target.as_deref().unwrap_or("nothing")),
        FileKind::File | FileKind::HardLink => {
            let digest = file.sha256.map(|digest| format!(", sha256 {}", hex::encode(&digest[..8]))).unwrap_or_default();
            format!("{}{digest}{marks}", bytes(file.size))
        }
    }
}

impl Diff {
    /// Whether it changed, in a line.
    pub fn verdict(&self) -> String {
        match self.same {
            true => "no difference".to_owned(),
            false => format!("different: {}", self.sections.iter().map(Section::counts).collect::<Vec<_>>().join("; ")),
        }
    }

    /// Leaves out of `modes` what came and went: `files` has it.
    fn shown(section: &Section) -> bool {
        section.name != "modes"
    }

    /// Lines that begin with the section and a sign; the last one is the verdict.
    pub fn text(&self) -> String {
        let mut text = format!("old            {}\nnew            {}\n", plain(&self.old), plain(&self.new));
        let mut line = |section: &str, sign: &str, said: String| {
            text += &format!("{section:<14} {sign} {}\n", plain(&said));
        };
        for section in &self.sections {
            let named = |item: &Item| match item.value.is_empty() {
                true => item.name.clone(),
                false => format!("{}  ({})", item.name, item.value),
            };
            if Self::shown(section) {
                section.removed.iter().for_each(|item| line(section.name, "-", named(item)));
                section.added.iter().for_each(|item| line(section.name, "+", named(item)));
            }
            for change in &section.changed {
                line(section.name, "~", format!("{}: {} -> {}", change.name, change.old, change.new));
            }
        }
        text + &format!("verdict        {}\n", plain(&self.verdict()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{FileFacts, Format};

    fn report(version: &str) -> Report {
        let mut report = Report::new(Format::Deb, FileFacts { name: "a.deb".into(), size: 1, sha256: String::new() });
        report.identity.version = version.into();
        report.identity.license = "MIT".into();
        report.relate("depends", "libc6 (>= 2.28)");
        report.script("postinst", None, b"true\n");
        report.set("url", "https://a");
        let mut file = FileEntry::new("/a".into(), FileKind::File);
        (file.mode, file.sha256, file.size) = (Some(0o755), Some([1; 32]), 3);
        report.files.push(file);
        report
    }

    #[test]
    fn a_package_does_not_differ_from_itself() {
        let diff = diff(&report("1"), &report("1"));
        assert!(diff.same && diff.text().ends_with("verdict        no difference\n"), "{}", diff.text());
    }

    #[test]
    fn each_kind_of_difference_is_told() {
        let mut new = report("2");
        new.identity.license = "GPL-2.0-only".into();
        new.relations[0].what = "libc6 (>= 2.34)".into();
        new.scripts[0].text.push_str("false\n");
        new.settings[0].value = "https://b".into();
        (new.files[0].mode, new.files[0].sha256) = (Some(0o4755), Some([2; 32]));
        new.files.push(FileEntry::new("/b".into(), FileKind::Directory));
        new.services.push(crate::report::Service { name: "vlink".into(), ..Default::default() });
        let text = diff(&report("1"), &new).text();
        for line in [
            "identity       ~ version: 1 -> 2",
            "licences       ~ package: MIT -> GPL-2.0-only",
            "dependencies   ~ depends libc6: libc6 (>= 2.28) -> libc6 (>= 2.34)",
            "services       + vlink",
            "settings       ~ url: https://a -> https://b",
            "scripts        ~ postinst: 1 line",
            "set-uid        + /a  (-rwsr-xr-x -/-)",
            "modes          ~ /a: -rwxr-xr-x -/- -> -rwsr-xr-x -/-",
            "files          ~ /a: 3 B, sha256 0101010101010101 -> 3 B, sha256 0202020202020202",
            "files          + /b  (folder)",
            "verdict        different: identity: 1 changed; ",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
