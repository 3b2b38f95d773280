//! Rules on transforms (MST).

use super::{Findings, Place};
use crate::msi::transform::{Change, ChangeKind, Transform};
use crate::msi::Value;
use crate::report::is_secret;
use crate::transform::{compares, setting};

/// Scripts, as custom actions.
const SCRIPTS: [i32; 8] = [5, 6, 21, 22, 37, 38, 53, 54];
const KIND: i32 = 0x3F;

pub(super) fn check(transform: &Transform, findings: &mut Findings) {
    for damage in &transform.damage {
        findings.error("damaged", Place::part(&damage.part), damage.what.clone(), "make the transform again, or fetch it again");
    }
    if !compares(&transform.summary) {
        let what = "it asks for no comparison, so Windows applies it to any package, also to another product's".to_owned();
        let remedy = "have at least the upgrade code compared (MSITRANSFORM_VALIDATE_UPGRADECODE)";
        findings.error("transform-validation", Place::part("summary information"), what, remedy);
    }
    for change in &transform.changes {
        row(change, findings);
    }
}

fn row(change: &Change, findings: &mut Findings) {
    let place = || Place::row(&change.table, change.name());
    if let Some((name, value)) = setting(change) {
        if is_secret(name) && !value.is_empty() {
            let what = format!("{name} is a secret by its name, and everyone who reads the transform reads its value");
            findings.error("transform-secret", place(), what, "hand the secret over in a file on the endpoint");
        }
    }
    let public = |name: &str| !name.chars().any(char::is_lowercase);
    let named = matches!(change.key.as_slice(), [Value::Text(name)] if public(name));
    if change.table == "Property" && change.kind != ChangeKind::Delete && named {
        let what = "Windows applies transforms again at every repair and upgrade: the value is then as if given on the command line, over \
                    what was kept or set since";
        let remedy =
            "keep it where that is meant (forced of a site file); else change the value of an action that sets a default";
        findings.warning("transform-forces", place(), what.to_owned(), remedy);
    }
    let kind = change.number("Type").unwrap_or(0) & KIND;
    if change.table == "CustomAction" && SCRIPTS.contains(&kind) {
        let what = "it is a script, which security software blocks and Windows no longer runs everywhere".to_owned();
        findings.error("action-script", place(), what, "write the action as a native DLL");
    }
    let identity = ["ProductCode", "UpgradeCode", "ProductVersion"];
    if change.table == "Property" && matches!(change.key.as_slice(), [Value::Text(name)] if identity.contains(&&**name)) {
        let what =
            "it makes another product of the package: repair, upgrade and removal then need the very same transform".to_owned();
        findings.warning("transform-identity", place(), what, "build a package of its own for another product");
    }
}
