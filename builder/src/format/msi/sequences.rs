//! What Windows Installer does in which order: the five sequence tables. The DLL's actions are [`super::actions`].

use super::database::{row, Database};
use super::settings::{self, Setter, STARTS};
use super::{dialogs, MsiSpec};
use crate::error::Result;

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
    // At a major upgrade the service stays and is reconfigured: deleted, it would be gone only when the last handle is closed
    // (services.msc keeps one), and the new version could not register it (1072).
    ("DeleteServices", "VersionNT AND NOT UPGRADINGPRODUCTCODE", 2000),
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

const ADMINISTER_DIALOGUE: &[(&str, &str, i32)] = &[
    ("CostInitialize", "", 800),
    ("FileCost", "", 900),
    ("CostFinalize", "", 1000),
    ("ExecuteAction", "", 1300),
    (dialogs::SUCCESS, "", -1),
    (dialogs::CANCELLED, "", -2),
    (dialogs::FAILED, "", -3),
];

/// Fills the sequence tables.
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
        // The dialogs show the root and the features; whatever else they set would look like given by the user.
        let shown = |setter: &Setter| setter.in_dialogs || table == "InstallExecuteSequence";
        for (setter, number) in settings::setters(spec).into_iter().filter(shown).zip(AFTER_SEARCH..) {
            database.add(table, row![setter.action, setter.condition, number])?;
        }
        database.add(table, row!["MigrateFeatureStates", settings::keeps_features(), 1200])?;
    }
    let install = "InstallExecuteSequence";
    database.add(install, row!["StartServices", format!("VersionNT AND {STARTS}"), 5900])?;
    const SET_PROPERTY: i32 = 51;
    database.add("CustomAction", row!["SetInstallLocation", SET_PROPERTY, "ARPINSTALLLOCATION", "[INSTALL_ROOT]", ()])?;
    database.add(install, row!["SetInstallLocation", (), 1010])
}
