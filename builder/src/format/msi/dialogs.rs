//! The dialogs of a double click: root, features, progress, the end, and the questions Windows Installer itself asks.

use super::database::{row, Database};
use crate::error::Result;

/// Asks for the root.
pub const ROOT: &str = "RootDlg";
/// Offers removal where the product is installed.
pub const MAINTENANCE: &str = "MaintenanceDlg";
/// Shows progress.
pub const PROGRESS: &str = "ProgressDlg";
/// All went well.
pub const SUCCESS: &str = "SuccessDlg";
/// The user cancelled.
pub const CANCELLED: &str = "CancelledDlg";
/// Something failed.
pub const FAILED: &str = "FailedDlg";
const FEATURES: &str = "FeaturesDlg";
const CANCEL: &str = "CancelDlg";
const ERROR: &str = "ErrorDlg";
const IN_USE: &str = "FilesInUse";
/// Where Windows Installer puts its message.
const ERROR_TEXT: &str = "ErrorText";

/// Bits of Control.Attributes.
const VISIBLE: i32 = 0x1;
const ENABLED: i32 = 0x2;
const SUNKEN: i32 = 0x4;
const NO_PREFIX: i32 = 0x0002_0000;
/// Bits of Dialog.Attributes.
const SHOWN: i32 = 0x1;
const MODAL: i32 = 0x2;
const MINIMIZE: i32 = 0x4;
const ERROR_DIALOG: i32 = 0x0001_0000;
/// In installer units.
const WIDTH: i32 = 320;
const HEIGHT: i32 = 200;
const MARGIN: i32 = 15;

/// A control that takes the focus, and what its use does: event, argument.
struct Focus<'a> {
    name: &'a str,
    kind: &'a str,
    place: [i32; 4],
    property: Option<&'a str>,
    text: &'a str,
    events: &'a [(&'a str, &'a str)],
}

/// The buttons' place: the first from the right is 0.
fn button<'a>(name: &'a str, text: &'a str, place: i32, events: &'a [(&'a str, &'a str)]) -> Focus<'a> {
    Focus {
        name,
        kind: "PushButton",
        place: [WIDTH - MARGIN - 60 - 66 * place, HEIGHT - 28, 60, 17],
        property: None,
        text,
        events,
    }
}

/// Fills Dialog, Control, ControlEvent, EventMapping, ListBox, TextStyle, UIText and the properties that name dialogs.
pub fn add(database: &mut Database) -> Result<()> {
    database.add("Property", row!["DefaultUIFont", "Normal"])?;
    database.add("Property", row!["ErrorDialog", ERROR])?;
    database.add("TextStyle", row!["Normal", "Tahoma", 8, (), ()])?;
    const BOLD: i32 = 1;
    database.add("TextStyle", row!["Heading", "Tahoma", 10, (), BOLD])?;
    for (key, text) in UI_TEXTS {
        database.add("UIText", row![*key, *text])?;
    }
    for (action, text) in ACTION_TEXTS {
        database.add("ActionText", row![*action, *text, ()])?;
    }
    database.create("ListBox")?;
    questions(database)?;
    progress(database)?;
    endings(database)?;
    errors(database)
}

fn questions(database: &mut Database) -> Result<()> {
    let cancel = [("SpawnDialog", CANCEL)];
    let path = Focus {
        name: "Root",
        kind: "PathEdit",
        place: [MARGIN, 80, WIDTH - 2 * MARGIN, 18],
        property: Some("INSTALL_ROOT"),
        text: "",
        events: &[],
    };
    let next = [("SetTargetPath", "INSTALL_ROOT"), ("NewDialog", FEATURES)];
    let controls = [path, button("Next", "&Next >", 1, &next), button("Cancel", "Cancel", 0, &cancel)];
    let text = "[ProductName] [ProductVersion] will run as a service of this computer. Choose the folder to install it in:";
    dialog(database, ROOT, MODAL | MINIMIZE, "Install [ProductName]", text, &controls, "Next")?;

    let tree = Focus {
        name: "Features",
        kind: "SelectionTree",
        place: [MARGIN, 36, WIDTH - 2 * MARGIN, 90],
        property: Some("_BrowseProperty"),
        text: "Features",
        events: &[],
    };
    // Every container that is installed here runs: the tree has chosen.
    let (back, install) = ([("NewDialog", ROOT)], [("[CONTAINERS]", "*"), ("EndDialog", "Return")]);
    let controls = [
        tree,
        button("Back", "< &Back", 2, &back),
        button("Install", "&Install", 1, &install),
        button("Cancel", "Cancel", 0, &cancel),
    ];
    dialog(database, FEATURES, MODAL | MINIMIZE, "Choose what is installed", "", &controls, "Install")?;
    for (name, event, y) in [("About", "SelectionDescription", 130), ("Size", "SelectionSize", 148)] {
        let label = VISIBLE | ENABLED | NO_PREFIX;
        database.add("Control", row![FEATURES, name, "Text", MARGIN, y, WIDTH - 2 * MARGIN, 16, label, (), (), (), ()])?;
        database.add("EventMapping", row![FEATURES, name, event, "Text"])?;
    }

    let remove = [("Remove", "ALL"), ("EndDialog", "Return")];
    let controls = [button("RemoveAll", "&Remove", 1, &remove), button("Cancel", "Cancel", 0, &cancel)];
    dialog(
        database,
        MAINTENANCE,
        MODAL | MINIMIZE,
        "Remove [ProductName]",
        "[ProductName] is installed on this computer.",
        &controls,
        "Cancel",
    )?;

    let (yes, no) = ([("EndDialog", "Exit")], [("EndDialog", "Return")]);
    let controls = [button("Yes", "&Yes", 1, &yes), button("No", "&No", 0, &no)];
    dialog(database, CANCEL, MODAL, "Cancel", "Do you want to cancel the installation of [ProductName]?", &controls, "No")
}

fn progress(database: &mut Database) -> Result<()> {
    let cancel = [("SpawnDialog", CANCEL)];
    dialog(database, PROGRESS, MINIMIZE, "[ProductName]", "", &[button("Cancel", "Cancel", 0, &cancel)], "Cancel")?;
    let mut add = |name: &str, kind: &str, place: [i32; 4], attributes: i32, event: &str, attribute: &str| {
        let [x, y, width, height] = place;
        database.add("Control", row![PROGRESS, name, kind, x, y, width, height, attributes, (), (), (), ()])?;
        database.add("EventMapping", row![PROGRESS, name, event, attribute])
    };
    add("ActionText", "Text", [MARGIN, 60, WIDTH - 2 * MARGIN, 20], VISIBLE | ENABLED | NO_PREFIX, "ActionText", "Text")?;
    add("Progress", "ProgressBar", [MARGIN, 84, WIDTH - 2 * MARGIN, 12], VISIBLE, "SetProgress", "Progress")
}

fn endings(database: &mut Database) -> Result<()> {
    for (name, heading, text, result) in [
        (SUCCESS, "Done", "[ProductName]: everything was done as you asked.", "Return"),
        (CANCELLED, "Cancelled", "The installation was cancelled. Nothing was changed.", "Exit"),
        (FAILED, "Failed", "The installation failed and was undone. The log says why: msiexec /i FILE /l*v LOG.", "Exit"),
    ] {
        dialog(
            database,
            name,
            MODAL | MINIMIZE,
            heading,
            text,
            &[button("Finish", "&Finish", 0, &[("EndDialog", result)])],
            "Finish",
        )?;
    }
    Ok(())
}

/// The dialogs that Windows Installer fills itself: their controls' names are its own.
fn errors(database: &mut Database) -> Result<()> {
    let answers = [
        ("A", "&Abort", "ErrorAbort"),
        ("I", "&Ignore", "ErrorIgnore"),
        ("N", "&No", "ErrorNo"),
        ("O", "OK", "ErrorOk"),
        ("R", "&Retry", "ErrorRetry"),
        ("Y", "&Yes", "ErrorYes"),
        ("C", "Cancel", "ErrorCancel"),
    ];
    let events: Vec<[(&str, &str); 1]> = answers.iter().map(|(_, _, argument)| [("EndDialog", *argument)]).collect();
    let buttons: Vec<Focus> = answers.iter().zip(&events).map(|((name, text, _), event)| button(name, text, 0, event)).collect();
    dialog(database, ERROR, MODAL | ERROR_DIALOG, "[ProductName]", "", &buttons, "O")?;
    let attributes = VISIBLE | ENABLED | NO_PREFIX;
    database.add(
        "Control",
        row![ERROR, ERROR_TEXT, "Text", MARGIN, 40, WIDTH - 2 * MARGIN, 120, attributes, (), "Information", (), ()],
    )?;

    let list = Focus {
        name: "List",
        kind: "ListBox",
        place: [MARGIN, 70, WIDTH - 2 * MARGIN, 90],
        property: Some("FileInUseProcess"),
        text: "",
        events: &[],
    };
    let (retry, ignore, exit) = ([("EndDialog", "Retry")], [("EndDialog", "Ignore")], [("EndDialog", "Exit")]);
    let controls =
        [list, button("Retry", "&Retry", 2, &retry), button("Ignore", "&Ignore", 1, &ignore), button("Exit", "E&xit", 0, &exit)];
    let text = "These programs use files that have to be replaced. Close them and retry.";
    dialog(database, IN_USE, MODAL, "Files in use", text, &controls, "Retry")
}

/// Adds a dialog with a heading, a text and its controls: Enter presses `default`, Escape the last one.
fn dialog(
    database: &mut Database,
    name: &str,
    attributes: i32,
    heading: &str,
    text: &str,
    controls: &[Focus],
    default: &str,
) -> Result<()> {
    // ICE20: an error dialog begins with its text. The buttons of the moment are Windows Installer's choice.
    let first = if attributes & ERROR_DIALOG == 0 { controls[0].name } else { ERROR_TEXT };
    let last = controls[controls.len() - 1].name;
    let attributes = SHOWN | attributes;
    database.add("Dialog", row![name, 50, 50, WIDTH, HEIGHT, attributes, "[ProductName]", first, default, last])?;
    let label = VISIBLE | ENABLED | NO_PREFIX;
    let heading = format!("{{\\Heading}}{heading}");
    database.add("Control", row![name, "Heading", "Text", MARGIN, 12, WIDTH - 2 * MARGIN, 18, label, (), heading, (), ()])?;
    if !text.is_empty() {
        database
            .add("Control", row![name, "Explanation", "Text", MARGIN, 36, WIDTH - 2 * MARGIN, 36, label, (), text, (), ()])?;
    }
    for (index, control) in controls.iter().enumerate() {
        let [x, y, width, height] = control.place;
        let sunken = if control.kind == "PushButton" { 0 } else { SUNKEN };
        let bits = VISIBLE | ENABLED | sunken;
        let next = controls[(index + 1) % controls.len()].name;
        let row = row![name, control.name, control.kind, x, y, width, height, bits, control.property, control.text, next, ()];
        database.add("Control", row)?;
        for (place, (event, argument)) in control.events.iter().enumerate() {
            database.add("ControlEvent", row![name, control.name, *event, *argument, "1", place as i32 + 1])?;
        }
    }
    Ok(())
}

/// What the selection tree says.
const UI_TEXTS: &[(&str, &str)] = &[
    ("bytes", "bytes"),
    ("KB", "KB"),
    ("MB", "MB"),
    ("GB", "GB"),
    ("MenuAbsent", "Entire feature will be unavailable"),
    ("MenuAllLocal", "Entire feature will be installed on local hard drive"),
    ("MenuLocal", "Will be installed on local hard drive"),
    ("SelAbsentAbsent", "This feature will remain uninstalled"),
    ("SelAbsentLocal", "This feature will be installed on the local hard drive"),
    ("SelLocalAbsent", "This feature will be completely removed"),
    ("SelLocalLocal", "This feature will remain on your local hard drive"),
    ("SelChildCostNeg", "This feature frees up [1] on your hard drive."),
    ("SelChildCostPos", "This feature requires [1] on your hard drive."),
    ("SelCostPending", "Compiling cost for this feature..."),
    ("SelParentCostNegNeg", "This feature frees up [1]; its subfeatures free up [4]."),
    ("SelParentCostPosPos", "This feature requires [1]; its subfeatures require [4]."),
    ("ScriptInProgress", "Gathering required information..."),
    ("TimeRemaining", "Time remaining: {[1] minutes }{[2] seconds}"),
    ("VolumeCostAvailable", "Available"),
    ("VolumeCostDifference", "Difference"),
    ("VolumeCostRequired", "Required"),
    ("VolumeCostSize", "Disk Size"),
    ("VolumeCostVolume", "Volume"),
];

/// What the progress dialog and the log say.
const ACTION_TEXTS: &[(&str, &str)] = &[
    ("InstallValidate", "Validating install"),
    ("RemoveExistingProducts", "Removing the older version"),
    ("StopServices", "Stopping services"),
    ("DeleteServices", "Deleting services"),
    ("RemoveFiles", "Removing files"),
    ("RemoveRegistryValues", "Removing system registry values"),
    ("CreateFolders", "Creating folders"),
    ("InstallFiles", "Copying new files"),
    ("WriteRegistryValues", "Writing system registry values"),
    ("InstallServices", "Installing new services"),
    ("MsiConfigureServices", "Setting recovery actions"),
    ("StartServices", "Starting services"),
    ("RegisterProduct", "Registering product"),
    ("PublishFeatures", "Publishing product features"),
    ("PublishProduct", "Publishing product information"),
];
