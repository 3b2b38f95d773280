//! A package against the one that it replaces: that Windows Installer finds the old one, keeps no component twice and loses no file.

use super::super::{Findings, Place};
use crate::msi::{Database, Msi, Row};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Rules that need both packages.
pub(in crate::lint) fn check(old: &Msi, new: &Msi, findings: &mut Findings) {
    identity(old, new, findings);
    components(&old.database, &new.database, findings);
    features(&old.database, &new.database, findings);
}

fn identity(old: &Msi, new: &Msi, findings: &mut Findings) {
    let property = |msi: &Msi, name: &str| msi.database.property(name).unwrap_or_default().to_owned();
    let (code, family) = (property(old, "ProductCode"), property(old, "UpgradeCode"));
    if code.eq_ignore_ascii_case(&property(new, "ProductCode")) {
        if old.summary.revision != new.summary.revision {
            let what = format!("both have the product code {code}: Windows refuses the newer one (1638)");
            findings.error(
                "upgrade-product-code",
                Place::row("Property", "ProductCode"),
                what,
                "give each version a product code of its own",
            );
        }
        return;
    }
    if !family.eq_ignore_ascii_case(&property(new, "UpgradeCode")) {
        let what = format!("it was {family} in the previous package: the versions do not find each other");
        findings.error(
            "upgrade-code",
            Place::row("Property", "UpgradeCode"),
            what,
            "keep the upgrade code for the product's whole life",
        );
        return;
    }
    let version = property(old, "ProductVersion");
    if !new.database.rows("Upgrade").any(|row| replaces(&row, &family, &version)) {
        let what = format!("no row replaces version {version}: both are installed side by side, or the newer one is refused");
        let remedy = "raise the version (its first three numbers count), or widen the range of versions in the Upgrade table";
        findings.error("upgrade-range", Place::part("Upgrade"), what, remedy);
    }
}

/// Whether a row of Upgrade removes that version of that family.
fn replaces(row: &Row, family: &str, version: &str) -> bool {
    const ONLY_DETECT: i32 = 0x2;
    const MIN_INCLUSIVE: i32 = 0x100;
    const MAX_INCLUSIVE: i32 = 0x200;
    let bits = row.number("Attributes").unwrap_or(0);
    let version = numbers(version, 3);
    let above = row.text("VersionMin").is_none_or(|least| {
        let least = numbers(least, 3);
        version > least || (version == least && bits & MIN_INCLUSIVE != 0)
    });
    let below = row.text("VersionMax").is_none_or(|most| {
        let most = numbers(most, 3);
        version < most || (version == most && bits & MAX_INCLUSIVE != 0)
    });
    let same = row.text("UpgradeCode").is_some_and(|code| code.eq_ignore_ascii_case(family));
    same && bits & ONLY_DETECT == 0 && above && below
}

fn numbers(version: &str, count: usize) -> Vec<u64> {
    let mut numbers: Vec<u64> = version.split('.').take(count).map(|text| text.trim().parse().unwrap_or(0)).collect();
    numbers.resize(count, 0);
    numbers
}

/// A component and the file that is its key.
struct Installed<'a> {
    component: &'a str,
    guid: String,
    version: Option<&'a str>,
}

fn components(old: &Database, new: &Database, findings: &mut Findings) {
    let (before, after) = (by_path(old), by_path(new));
    let overwrites = new.property("REINSTALLMODE").is_some_and(|mode| mode.contains('a'));
    for (path, now) in &after {
        let Some(was) = before.get(path) else { continue };
        let place = || Place::row("Component", now.component);
        if was.guid != now.guid {
            let what = format!("{path} was in component {} and is in {}: one path in two components", was.guid, now.guid);
            let remedy = "keep a component's GUID as long as its path stays";
            findings.warning("upgrade-component", place(), what, remedy);
        }
        let (Some(older), Some(newer)) = (was.version, now.version) else { continue };
        if numbers(newer, 4) < numbers(older, 4) && !overwrites {
            let what = format!(
                "{path} goes down from version {older} to {newer}: Windows does not install the component and then removes the old file"
            );
            let remedy = "raise the file's version, or set REINSTALLMODE to amus in the Property table";
            findings.error("upgrade-file-version", place(), what, remedy);
        }
    }
    let paths: HashMap<&str, &str> = after.iter().map(|(path, now)| (now.guid.as_str(), path.as_str())).collect();
    for (path, was) in &before {
        match paths.get(was.guid.as_str()) {
            Some(now) if *now != path.as_str() => {
                let what = format!("component {} was {path} and is {now}: what counts its users is mixed up", was.guid);
                findings.error(
                    "upgrade-component",
                    Place::row("Component", was.component),
                    what,
                    "give another path another GUID",
                );
            }
            _ => {}
        }
    }
}

/// Components by the path of their key file, in small letters.
fn by_path(database: &Database) -> BTreeMap<String, Installed<'_>> {
    let directories: HashMap<&str, (Option<&str>, &str)> = database
        .rows("Directory")
        .filter_map(|row| Some((row.text("Directory")?, (row.text("Directory_Parent"), row.text("DefaultDir")?))))
        .collect();
    let files: HashMap<&str, Row> = database.rows("File").filter_map(|row| Some((row.text("File")?, row))).collect();
    let component = |row: Row<'_>| {
        let file = files.get(row.text("KeyPath")?)?;
        let guid = row.text("ComponentId")?.to_ascii_uppercase();
        let folder = folder(row.text("Directory_")?, &directories);
        let path = format!("{folder}\\{}", long(file.text("FileName")?)).to_lowercase();
        Some((path, guid))
    };
    let rows = database.rows("Component");
    let found = rows.filter_map(|row| {
        let (path, guid) = component(row)?;
        let version = files.get(row.text("KeyPath")?).and_then(|file| file.text("Version"));
        Some((path, Installed { component: row.text("Component")?, guid, version }))
    });
    found.collect()
}

fn long(name: &str) -> &str {
    let name = name.split(':').next().unwrap_or(name);
    name.split_once('|').map_or(name, |(_, long)| long)
}

/// The names from the top down; a directory that is its own ancestor ends it.
fn folder(key: &str, directories: &HashMap<&str, (Option<&str>, &str)>) -> String {
    let (mut names, mut seen, mut at) = (Vec::new(), BTreeSet::new(), Some(key));
    while let Some(key) = at.filter(|key| seen.insert(key.to_string())) {
        match directories.get(key) {
            // The folders of the system and the root have keys that stay.
            Some((Some(parent), name)) if long(name) != "." => {
                names.push(long(name).to_owned());
                at = Some(*parent);
            }
            _ => {
                names.push(key.to_owned());
                break;
            }
        }
    }
    names.reverse();
    names.join("\\")
}

fn features(old: &Database, new: &Database, findings: &mut Findings) {
    let names = |database: &Database| -> BTreeSet<String> {
        database.rows("Feature").filter_map(|row| row.text("Feature").map(str::to_owned)).collect()
    };
    for gone in names(old).difference(&names(new)) {
        let what = "the previous package has it: an upgrade forgets whether it was chosen".to_owned();
        findings.warning(
            "upgrade-feature",
            Place::row("Feature", gone.clone()),
            what,
            "keep the feature's name, where it is meant to go on",
        );
    }
}
