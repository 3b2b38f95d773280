//! Components: identities, key paths, features (ICE08, 18, 21).

use super::super::{Findings, Place};
use crate::msi::Msi;
use std::collections::{HashMap, HashSet};

/// msidbComponentAttributes*: the key path is a registry value, or an ODBC data source.
const REGISTRY_KEY_PATH: i32 = 4;
const ODBC_KEY_PATH: i32 = 0x20;

pub(super) fn check(msi: &Msi, findings: &mut Findings) {
    let mut identities: HashMap<String, &str> = HashMap::new();
    let pairs = |table: &'static str, first: &'static str, second: &'static str| {
        msi.database.rows(table).filter_map(move |row| Some((row.text(first)?, row.text(second)?)))
    };
    let made: HashSet<(&str, &str)> = pairs("CreateFolder", "Directory_", "Component_").collect();
    let chosen: HashSet<&str> = pairs("FeatureComponents", "Component_", "Feature_").map(|(component, _)| component).collect();
    let files: HashMap<&str, &str> = pairs("File", "File", "Component_").collect();
    let values: HashMap<&str, &str> = pairs("Registry", "Registry", "Component_").collect();
    for row in msi.database.rows("Component") {
        let Some(key) = row.text("Component") else { continue };
        if let Some(identity) = row.text("ComponentId") {
            if let Some(other) = identities.insert(identity.to_ascii_uppercase(), key) {
                let what = format!("{other} has the same identity: removing one takes the other's files");
                findings.error("component-id", Place::cell("Component", &row, "ComponentId"), what, "give each its own GUID");
            }
        }
        if !chosen.contains(key) {
            let what = "it is in no feature, so it is never installed".to_owned();
            findings.error("component-feature", Place::row("Component", key), what, "add a row to FeatureComponents");
        }
        let attributes = row.number("Attributes").unwrap_or(0);
        let owner = match row.text("KeyPath") {
            None => {
                let directory = row.text("Directory_").unwrap_or_default();
                if !made.contains(&(directory, key)) {
                    let what = format!("its key path is the folder {directory}, which nothing keeps when it is empty");
                    let remedy = "add the folder to CreateFolder, or make a file of it the key path";
                    findings.error("component-folder", Place::row("Component", key), what, remedy);
                }
                continue;
            }
            Some(_) if attributes & ODBC_KEY_PATH != 0 => continue,
            Some(path) if attributes & REGISTRY_KEY_PATH != 0 => values.get(path),
            Some(path) => files.get(path),
        };
        if owner != Some(&key) {
            let what = "its key path is not of this component".to_owned();
            let remedy = "use one of its own files or registry values: else it is repaired at every start, or never";
            findings.error("component-keypath", Place::cell("Component", &row, "KeyPath"), what, remedy);
        }
    }
}
