//! Custom actions: no scripts, nothing run from Temp, nothing unasked at an uninstall.

use super::super::{Findings, Place};
use crate::msi::Msi;
use std::collections::HashMap;

/// The kind of a custom action, without its options.
const KIND: i32 = 0x3F;
/// A DLL of the Binary table.
const DLL: i32 = 1;
/// A program of the Binary table: it is unpacked to Temp and run there.
const EMBEDDED_PROGRAM: i32 = 2;
/// A program whose path is a folder and a name, or a property.
const PROGRAM_IN_FOLDER: i32 = 34;
const PROGRAM_IN_PROPERTY: i32 = 50;
/// JScript and VBScript, from a binary, a file, a text or a property.
const SCRIPTS: [i32; 8] = [5, 6, 21, 22, 37, 38, 53, 54];

pub(super) fn check(msi: &Msi, findings: &mut Findings) {
    for row in msi.database.rows("CustomAction") {
        let kind = row.number("Type").unwrap_or(0) & KIND;
        let place = || Place::cell("CustomAction", &row, "Type");
        if SCRIPTS.contains(&kind) {
            let what = "it is a script, which security software blocks and Windows no longer runs everywhere".to_owned();
            findings.error("action-script", place(), what, "write the action as a native DLL");
        }
        let (source, target) = (row.text("Source").unwrap_or_default(), row.text("Target").unwrap_or_default());
        let temp = |text: &str| text.to_ascii_uppercase().contains("TEMP");
        let from_temp = kind == EMBEDDED_PROGRAM
            || ([PROGRAM_IN_FOLDER, PROGRAM_IN_PROPERTY].contains(&kind) && (temp(source) || temp(target)));
        if from_temp {
            let what = "it runs a program from a Temp folder, where others may write and allow-lists forbid it".to_owned();
            findings.error("action-temp", place(), what, "write the action as a native DLL, or run an installed program");
        }
    }
    let kinds: HashMap<&str, i32> =
        msi.database.rows("CustomAction").filter_map(|row| Some((row.text("Action")?, row.number("Type")? & KIND))).collect();
    for row in msi.database.rows("InstallExecuteSequence") {
        let is_dll = row.text("Action").and_then(|action| kinds.get(action)) == Some(&DLL);
        if is_dll && row.text("Condition").is_none() {
            let what = "it runs at an uninstall too, where its failure keeps the product on the machine".to_owned();
            let place = Place::cell("InstallExecuteSequence", &row, "Condition");
            findings.warning("action-at-uninstall", place, what, "give it a condition such as NOT REMOVE");
        }
    }
}
