//! What happens in which order: the five sequence tables, and the DLL's actions in them.

use super::database::{row, Database};
use super::settings::{self, STARTS};
use super::{dialogs, ActionSpec, MsiSpec, Stage};
use crate::error::Result;

/// The Binary row of the DLL.
pub const LIBRARY: &str = "Library";

/// What every installation does, beside the setters and the DLL's actions.
const INSTALL: &[(&str, &str, i32)] = &[
    ("FindRelatedProducts", "", 25),
    ("AppSearch", "", 50),
    ("LaunchConditions", "", 400),
    ("ValidateProductID", "", 700),
    ("CostInitialize", "", 800),
    ("FileCost", "", 900),
    ("CostFinalize", "", 1000),
    ("InstallValidate", "", 1400),
    ("InstallInitialize", "", 1500),
    // Here, before the first change of our own, a failure brings the old version back.
    ("RemoveExistingProducts", "", 1510),
    ("ProcessComponents", "", 1600),
    ("UnpublishFeatures", "", 1800),
    ("StopServices", "VersionNT", 1900),
    ("DeleteServices", "VersionNT", 2000),
    ("RemoveRegistryValues", "", 2600),
    ("RemoveFiles", "", 3500),
    ("RemoveFolders", "", 3600),
    ("CreateFolders", "", 3700),
    ("InstallFiles", "", 4000),
    ("WriteRegistryValues", "", 5000),
    ("InstallServices", "VersionNT", 5800),
    ("MsiConfigureServices", "VersionNT", 5850),
    ("RegisterUser", "", 6000),
    ("RegisterProduct", "", 6100),
    ("PublishFeatures", "", 6300),
    ("PublishProduct", "", 6400),
    ("InstallFinalize", "", 6600),
];

/// What a double click does before it installs.
const DIALOGUE: &[(&str, &str, i32)] = &[
    ("FindRelatedProducts", "", 25),
    ("AppSearch", "", 50),
    ("LaunchConditions", "", 400),
    ("ValidateProductID", "", 700),
    ("CostInitialize", "", 800),
    ("FileCost", "", 900),
    ("CostFinalize", "", 1000),
    (dialogs::ROOT, "NOT Installed", 1230),
    (dialogs::MAINTENANCE, "Installed AND NOT RESUME AND NOT Preselected", 1240),
    (dialogs::PROGRESS, "", 1280),
    ("ExecuteAction", "", 1300),
    (dialogs::SUCCESS, "", -1),
    (dialogs::CANCELLED, "", -2),
    (dialogs::FAILED, "", -3),
];

/// What group policy does when it assigns the package.
const ADVERTISE: &[(&str, &str, i32)] = &[
    ("CostInitialize", "", 800),
    ("CostFinalize", "", 1000),
    ("InstallValidate", "", 1400),
    ("InstallInitialize", "", 1500),
    ("PublishFeatures", "", 6300),
    ("PublishProduct", "", 6400),
    ("InstallFinalize", "", 6600),
];

/// What `msiexec /a` does: unpack to a share.
const ADMINISTER: &[(&str, &str, i32)] = &[
    ("CostInitialize", "", 800),
    ("FileCost", "", 900),
    ("CostFinalize", "", 1000),
    ("InstallValidate", "", 1400),
    ("InstallInitialize", "", 1500),
    ("InstallAdminPackage", "", 3900),
    ("InstallFiles", "", 4000),
    ("InstallFinalize", "", 6600),
];

const ADMINISTER_DIALOGUE: &[(&str, &str, i32)] =
    &[("CostInitialize", "", 800), ("FileCost", "", 900), ("CostFinalize", "", 1000), ("ExecuteAction", "", 1300)];

/// Fills the sequence tables, and CustomAction and Binary for the DLL.
pub fn add(spec: &MsiSpec, database: &mut Database) -> Result<()> {
    let tables = [
        ("InstallExecuteSequence", INSTALL),
        ("InstallUISequence", DIALOGUE),
        ("AdvtExecuteSequence", ADVERTISE),
        ("AdminExecuteSequence", ADMINISTER),
        ("AdminUISequence", ADMINISTER_DIALOGUE),
    ];
    for (table, actions) in tables {
        for (action, condition, number) in actions {
            database.add(table, row![*action, *condition, *number])?;
        }
    }
    for table in ["InstallExecuteSequence", "InstallUISequence"] {
        const AFTER_SEARCH: i32 = 51;
        for (setter, number) in settings::setters(spec).into_iter().zip(AFTER_SEARCH..) {
            database.add(table, row![setter.action, setter.condition, number])?;
        }
        database.add(table, row!["MigrateFeatureStates", settings::keeps_features(), 1200])?;
    }
    let install = "InstallExecuteSequence";
    database.add(install, row!["StartServices", format!("VersionNT AND {STARTS}"), 5900])?;
    const SET_PROPERTY: i32 = 51;
    database.add("CustomAction", row!["SetInstallLocation", SET_PROPERTY, "ARPINSTALLLOCATION", "[INSTALL_ROOT]", ()])?;
    database.add(install, row!["SetInstallLocation", (), 1010])?;
    library(spec, database)
}

fn library(spec: &MsiSpec, database: &mut Database) -> Result<()> {
    let Some(library) = &spec.library else { return Ok(()) };
    database.add("Binary", row![LIBRARY, super::database::Cell::Stream])?;
    for (index, action) in library.actions.iter().enumerate() {
        let condition = action.condition;
        database.add("CustomAction", row![action.name, kind(action.stage), LIBRARY, action.function, ()])?;
        let earlier = library.actions[..index].iter().filter(|other| first(other.stage) == first(action.stage)).count();
        let number = first(action.stage) + earlier as i32;
        database.add("InstallExecuteSequence", row![action.name, condition, number])?;
        if kind(action.stage) != DLL {
            // A deferred action sees one property only, the one of its own name, as CustomActionData.
            const SET_PROPERTY: i32 = 51;
            let setter = data_setter(action);
            database.add("CustomAction", row![setter.as_str(), SET_PROPERTY, action.name, library.data, ()])?;
            const AFTER_COSTING: i32 = 1011;
            database.add("InstallExecuteSequence", row![setter, condition, AFTER_COSTING + index as i32])?;
        }
    }
    Ok(())
}

fn data_setter(action: &ActionSpec) -> String {
    format!("{}.Data", action.name)
}

/// The sequence number of a stage's first action.
fn first(stage: Stage) -> i32 {
    match stage {
        Stage::BeforeLaunchConditions => 390,
        Stage::BeforeChanges => 1410,
        Stage::FirstDeferred => 1520,
        Stage::Rollback => 1560,
        Stage::BeforeRemoval => 2100,
        Stage::AfterRemoval => 3650,
        Stage::BeforeStart => 5860,
        Stage::AfterStart => 5910,
        Stage::Commit => 6500,
    }
}

/// An action of a DLL in Binary; called at once, it reads properties itself.
const DLL: i32 = 0x1;

/// Type and options of a DLL's action (msidbCustomActionType*): from Binary; in the script; as SYSTEM.
fn kind(stage: Stage) -> i32 {
    const ROLLBACK: i32 = 0x100;
    const COMMIT: i32 = 0x200;
    const IN_SCRIPT: i32 = 0x400;
    const NO_IMPERSONATION: i32 = 0x800;
    let deferred = DLL | IN_SCRIPT | NO_IMPERSONATION;
    match stage {
        Stage::BeforeLaunchConditions | Stage::BeforeChanges => DLL,
        Stage::FirstDeferred | Stage::BeforeRemoval | Stage::AfterRemoval | Stage::BeforeStart | Stage::AfterStart => deferred,
        Stage::Rollback => deferred | ROLLBACK,
        Stage::Commit => deferred | COMMIT,
    }
}
