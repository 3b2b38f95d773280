//! That what is secret does not show: in logs, where hidden properties are complete, and in the registry.

use super::super::{Findings, Place};
use crate::msi::secrets::{references, secrets};
use crate::msi::Msi;
use std::collections::BTreeSet;

pub(super) fn check(msi: &Msi, findings: &mut Findings) {
    let hidden: BTreeSet<&str> = msi.database.property("MsiHiddenProperties").unwrap_or_default().split(';').collect();
    let secrets = secrets(msi);
    const LOCAL_MACHINE: i32 = 2;
    for row in msi.database.rows("Registry").filter(|row| row.number("Root") == Some(LOCAL_MACHINE)) {
        if let Some(name) = references(row.text("Value").unwrap_or_default()).find(|name| secrets.contains(name)) {
            let what = format!("{name} is secret by its name or its source, and every user may read the registry of the machine");
            let remedy =
                "keep it in a file that only SYSTEM and administrators may read, and take that file's path as the property";
            findings.warning("secret-registry", Place::cell("Registry", &row, "Value"), what, remedy);
        }
    }
    for name in secrets {
        if !hidden.contains(name) {
            let what = format!("{name} is secret by its name or its source and not in MsiHiddenProperties");
            let remedy = "add it to MsiHiddenProperties: else its value is written into every log";
            findings.error("hidden-property", Place::row("Property", name), what, remedy);
        }
    }
}
