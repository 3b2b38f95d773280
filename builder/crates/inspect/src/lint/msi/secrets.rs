//! That what is secret does not show in logs: hidden properties are complete.

use super::super::{Findings, Place};
use crate::msi::secrets::secrets;
use crate::msi::Msi;
use std::collections::BTreeSet;

pub(super) fn check(msi: &Msi, findings: &mut Findings) {
    let hidden: BTreeSet<&str> = msi.database.property("MsiHiddenProperties").unwrap_or_default().split(';').collect();
    for name in secrets(msi) {
        if !hidden.contains(name) {
            let what = format!("{name} is secret by its name or its source and not in MsiHiddenProperties");
            let remedy = "add it to MsiHiddenProperties: else its value is written into every log";
            findings.error("hidden-property", Place::row("Property", name), what, remedy);
        }
    }
}
