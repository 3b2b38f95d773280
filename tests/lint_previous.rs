//! `linkpack lint --previous OLD.msi`: what goes wrong when one package replaces another.

mod msi;

use linkpack::inspect::lint::{against_previous, Finding};
use linkpack::inspect::msi::{read, Msi, Value};
use linkpack::inspect::Package;
use msi::Product;
use std::io::Cursor;
use std::process::Command;

fn package(version: &'static str) -> Msi {
    read(Cursor::new(Product { version, ..Product::default() }.build().unwrap()), None).unwrap()
}

fn rules(old: &Msi, new: &Msi) -> Vec<(&'static str, String)> {
    let found = against_previous(&Package::of_msi(old.clone()), &Package::of_msi(new.clone()));
    found.into_iter().map(|finding: Finding| (finding.rule, format!("{}: {}", finding.place, finding.what))).collect()
}

fn set(msi: &mut Msi, table: &str, column: &str, matches: impl Fn(&str) -> bool, value: &str) {
    let table = msi.database.tables.get_mut(table).unwrap();
    let at = table.position(column).unwrap();
    let row = table.rows.iter_mut().find(|row| matches(&row[0].to_string())).unwrap();
    row[at] = Value::Text(value.into());
}

fn key_of(msi: &Msi, name: &str) -> String {
    let file = msi.database.rows("File").find(|row| row.text("FileName").is_some_and(|text| text.ends_with(name)));
    file.unwrap().text("File").unwrap().to_owned()
}

#[test]
fn our_own_versions_replace_each_other_without_a_finding() {
    let none = Vec::new();
    assert_eq!(rules(&package("1.0.0"), &package("1.1.0")), none);
    assert_eq!(rules(&package("2.0.0~rc1"), &package("2.0.0")), none);
    let one = package("1.0.0");
    assert_eq!(rules(&one, &one), none);
}

#[test]
fn what_an_upgrade_would_lose_is_found() {
    let (old, new) = (package("1.1.0"), package("1.2.0"));
    let only = |old: &Msi, new: &Msi, rule: &str, part: &str| {
        let found = rules(old, new);
        assert!(!found.is_empty() && found.iter().all(|(name, _)| *name == rule), "{rule}: {found:?}");
        assert!(found.iter().any(|(_, what)| what.contains(part)), "{part}: {found:?}");
    };
    only(&new, &old, "upgrade-range", "1.2.0");
    let mut other = new.clone();
    set(&mut other, "Property", "Value", |key| key == "UpgradeCode", "{FFFFFFFF-0000-0000-0000-000000000000}");
    only(&old, &other, "upgrade-code", "do not find each other");
    let mut other = new.clone();
    set(&mut other, "Property", "Value", |key| key == "ProductCode", old.database.property("ProductCode").unwrap());
    only(&old, &other, "upgrade-product-code", "1638");

    let program = key_of(&new, "vlinkservice.exe");
    let mut lower = new.clone();
    set(&mut lower, "File", "Version", |key| key == program, "3.1.4.1");
    assert!(rules(&old, &lower).is_empty(), "REINSTALLMODE overwrites");
    set(&mut lower, "Property", "Value", |key| key == "REINSTALLMODE", "omus");
    only(&old, &lower, "upgrade-file-version", "from version 3.1.4.159 to 3.1.4.1");

    let component = program.replacen('f', "c", 1);
    let mut other = new.clone();
    set(&mut other, "Component", "ComponentId", |key| key == component, "{FFFFFFFF-0000-0000-0000-000000000000}");
    only(&old, &other, "upgrade-component", "one path in two components");
    let mut moved = new.clone();
    set(&mut moved, "File", "FileName", |key| key == program, "other.exe");
    only(&old, &moved, "upgrade-component", "other.exe");
    let mut fewer = new.clone();
    fewer.database.tables.get_mut("Feature").unwrap().rows.retain(|row| row[0].to_string() != "tracer");
    only(&old, &fewer, "upgrade-feature", "Feature[tracer]");
}

#[test]
fn the_command_line_names_the_previous_package() {
    let folder = tempfile::tempdir().unwrap();
    let save = |version| Product { version, ..Product::default() }.save(folder.path(), &format!("{version}.msi"));
    let (old, new) = (save("1.1.0"), save("1.0.0"));
    let output = Command::new(env!("CARGO_BIN_EXE_linkpack")).arg("lint").arg(&new).arg("--previous").arg(&old).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error[upgrade-range]: Upgrade: no row replaces version 1.1.0"), "{said}");
}
