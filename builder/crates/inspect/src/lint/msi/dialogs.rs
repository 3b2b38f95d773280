//! The dialogs that Windows Installer itself asks for (ICE20): an error's, and one for each ending.

use super::super::{Findings, Place};
use crate::msi::{Msi, Row};

/// msidbDialogAttributesError.
const ERROR_DIALOG: i32 = 0x0001_0000;
/// Where Windows Installer puts its message.
const ERROR_TEXT: &str = "ErrorText";
/// The endings by their numbers in a sequence of dialogs.
const ENDINGS: [(i32, &str); 3] = [(-1, "success"), (-2, "the user's cancelling"), (-3, "failure")];

pub(super) fn check(msi: &Msi, findings: &mut Findings) {
    if msi.database.rows("Dialog").next().is_none() {
        return;
    }
    error_dialog(msi, findings);
    for table in ["InstallUISequence", "AdminUISequence"] {
        // A package that shows nothing there has no dialog to end with.
        if msi.database.rows(table).next().is_none() {
            continue;
        }
        for (number, ending) in ENDINGS {
            if !msi.database.rows(table).any(|row| row.number("Sequence") == Some(number)) {
                let what = format!("no dialog has the number {number}: nothing is shown at {ending}");
                findings.warning("dialog-ending", Place::part(table), what, "give each ending (-1, -2, -3) a dialog");
            }
        }
    }
}

fn error_dialog(msi: &Msi, findings: &mut Findings) {
    let remedy = "name a dialog in ErrorDialog that has the attribute 65536 and begins with the text control ErrorText";
    let place = || Place::row("Property", "ErrorDialog");
    let Some(name) = msi.database.property("ErrorDialog") else {
        let what = "there are dialogs and none for errors: a refusal's reason is not shown on a double click".to_owned();
        findings.error("dialog-error", place(), what, remedy);
        return;
    };
    let Some(dialog) = msi.database.rows("Dialog").find(|row| row.text("Dialog") == Some(name)) else {
        findings.error("dialog-error", place(), format!("the dialog {name} is not there"), remedy);
        return;
    };
    if let Some(what) = fault(msi, name, &dialog) {
        findings.error("dialog-error", Place::row("Dialog", name), what.to_owned(), remedy);
    }
}

fn fault(msi: &Msi, name: &str, dialog: &Row) -> Option<&'static str> {
    let is_text = |row: &Row| {
        row.text("Dialog_") == Some(name) && row.text("Control") == Some(ERROR_TEXT) && row.text("Type") == Some("Text")
    };
    if dialog.number("Attributes").unwrap_or(0) & ERROR_DIALOG == 0 {
        Some("it has not the attribute of an error dialog")
    } else if !msi.database.rows("Control").any(|row| is_text(&row)) {
        Some("it has no text control ErrorText for the message")
    } else if dialog.text("Control_First") != Some(ERROR_TEXT) {
        Some("it does not begin with its text ErrorText")
    } else {
        None
    }
}
