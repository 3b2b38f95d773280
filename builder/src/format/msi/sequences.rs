//! What Windows Installer does in which order: the five sequence tables. An action of ours has no number of its own: it stands between those
//! of Windows Installer, whose numbers are the ones that its documentation suggests, and gets the next free one.

use super::actions;
use super::database::{row, Database};
use super::settings::{self, STARTS};
use super::{dialogs, LibrarySpec, MsiSpec, Stage};
use crate::error::{Error, Result};

/// A place in a sequence.
enum Step {
    /// An action with a number: Windows Installer's, or a dialog.
    At(i32, &'static str, When),
    /// Ours, in the order in which they are given.
    Ours(Ours),
}

/// The condition of an action.
enum When {
    Always,
    If(&'static str),
    Told(fn() -> String),
}

impl When {
    fn text(&self) -> String {
        match self {
            When::Always => String::new(),
            When::If(text) => (*text).to_owned(),
            When::Told(text) => text(),
        }
    }
}

/// Actions of ours that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ours {
    /// What sets the settings.
    Settings,
    /// What of that the dialogs show: whatever else they set would look like given by the user.
    ShownSettings,
    /// What the library's functions know besides the settings.
    Facts,
    /// What Windows shows as the folder of the product.
    InstallLocation,
    /// What deferred functions are told.
    Told,
    /// The library's functions of a stage.
    Stage(Stage),
}

use Ours::{Facts, InstallLocation, Settings, ShownSettings, Told};
use Step::{At, Ours as O};
use When::{Always, If};

/// What every installation does.
const INSTALL: &[Step] = &[
    At(25, "FindRelatedProducts", Always),
    At(50, "AppSearch", Always),
    O(Settings),
    O(Facts),
    O(Ours::Stage(Stage::BeforeLaunchConditions)),
    At(400, "LaunchConditions", Always),
    At(700, "ValidateProductID", Always),
    At(800, "CostInitialize", Always),
    At(900, "FileCost", Always),
    At(1000, "CostFinalize", Always),
    O(InstallLocation),
    O(Told),
    At(1200, "MigrateFeatureStates", When::Told(settings::keeps_features)),
    // Before InstallValidate, which fails by itself on a full disk.
    O(Ours::Stage(Stage::BeforeChanges)),
    At(1400, "InstallValidate", Always),
    At(1500, "InstallInitialize", Always),
    // Here, before the first change of our own, a failure brings the old version back.
    At(1510, "RemoveExistingProducts", Always),
    O(Ours::Stage(Stage::FirstDeferred)),
    O(Ours::Stage(Stage::Rollback)),
    At(1600, "ProcessComponents", Always),
    At(1800, "UnpublishFeatures", Always),
    At(1900, "StopServices", If("VersionNT")),
    // At a major upgrade the service stays and is reconfigured: deleted, it would be gone only when the last handle is closed
    // (services.msc keeps one), and the new version could not register it (1072).
    At(2000, "DeleteServices", If("VersionNT AND NOT UPGRADINGPRODUCTCODE")),
    O(Ours::Stage(Stage::BeforeRemoval)),
    At(2600, "RemoveRegistryValues", Always),
    At(3500, "RemoveFiles", Always),
    At(3600, "RemoveFolders", Always),
    O(Ours::Stage(Stage::AfterRemoval)),
    O(Ours::Stage(Stage::BeforeFiles)),
    At(3700, "CreateFolders", Always),
    At(4000, "InstallFiles", Always),
    At(5000, "WriteRegistryValues", Always),
    At(5800, "InstallServices", If("VersionNT")),
    At(5850, "MsiConfigureServices", If("VersionNT")),
    O(Ours::Stage(Stage::BeforeStart)),
    At(5900, "StartServices", When::Told(starts)),
    O(Ours::Stage(Stage::AfterStart)),
    At(6000, "RegisterUser", Always),
    At(6100, "RegisterProduct", Always),
    At(6300, "PublishFeatures", Always),
    At(6400, "PublishProduct", Always),
    O(Ours::Stage(Stage::Commit)),
    At(6600, "InstallFinalize", Always),
];

/// What a double click does before it installs.
const DIALOGUE: &[Step] = &[
    At(25, "FindRelatedProducts", Always),
    At(50, "AppSearch", Always),
    O(ShownSettings),
    At(400, "LaunchConditions", Always),
    At(700, "ValidateProductID", Always),
    At(800, "CostInitialize", Always),
    At(900, "FileCost", Always),
    At(1000, "CostFinalize", Always),
    At(1200, "MigrateFeatureStates", When::Told(settings::keeps_features)),
    At(1230, dialogs::ROOT, If("NOT Installed")),
    At(1240, dialogs::MAINTENANCE, If("Installed AND NOT RESUME AND NOT Preselected")),
    At(1280, dialogs::PROGRESS, Always),
    At(1300, "ExecuteAction", Always),
];

/// What group policy does when it assigns the package.
const ADVERTISE: &[Step] = &[
    At(800, "CostInitialize", Always),
    At(1000, "CostFinalize", Always),
    At(1400, "InstallValidate", Always),
    At(1500, "InstallInitialize", Always),
    At(6300, "PublishFeatures", Always),
    At(6400, "PublishProduct", Always),
    At(6600, "InstallFinalize", Always),
];

/// What `msiexec /a` does: unpack to a share.
const ADMINISTER: &[Step] = &[
    At(800, "CostInitialize", Always),
    At(900, "FileCost", Always),
    At(1000, "CostFinalize", Always),
    At(1400, "InstallValidate", Always),
    At(1500, "InstallInitialize", Always),
    At(3900, "InstallAdminPackage", Always),
    At(4000, "InstallFiles", Always),
    At(6600, "InstallFinalize", Always),
];

const ADMINISTER_DIALOGUE: &[Step] = &[
    At(800, "CostInitialize", Always),
    At(900, "FileCost", Always),
    At(1000, "CostFinalize", Always),
    At(1300, "ExecuteAction", Always),
];

/// Dialogs that end an installation, by what that came to (negative numbers have no order).
const ENDS: &[(&str, i32)] = &[(dialogs::SUCCESS, -1), (dialogs::CANCELLED, -2), (dialogs::FAILED, -3)];

/// Fills the sequence tables; the library's functions have their places where there is one.
pub fn add(spec: &MsiSpec, library: Option<&LibrarySpec>, database: &mut Database) -> Result<()> {
    let ours = |ours: Ours| actions_of(spec, library, ours);
    for (table, steps) in [
        ("InstallExecuteSequence", INSTALL),
        ("InstallUISequence", DIALOGUE),
        ("AdvtExecuteSequence", ADVERTISE),
        ("AdminExecuteSequence", ADMINISTER),
        ("AdminUISequence", ADMINISTER_DIALOGUE),
    ] {
        for Numbered { action, condition, number } in numbered(table, steps, &ours)? {
            database.add(table, row![action, condition, number])?;
        }
    }
    for table in ["InstallUISequence", "AdminUISequence"] {
        for (dialog, number) in ENDS {
            database.add(table, row![*dialog, (), *number])?;
        }
    }
    const SET_PROPERTY: i32 = 51;
    database.add("CustomAction", row![LOCATION, SET_PROPERTY, "ARPINSTALLLOCATION", "[INSTALL_ROOT]", ()])
}

/// The action that says where the product is.
const LOCATION: &str = "SetInstallLocation";

fn starts() -> String {
    format!("VersionNT AND {STARTS}")
}

/// The actions of a place, each with its condition.
fn actions_of(spec: &MsiSpec, library: Option<&LibrarySpec>, ours: Ours) -> Vec<(String, String)> {
    let setters = |shown: bool| {
        let setters = settings::setters(spec).into_iter().filter(|setter| setter.in_dialogs || !shown);
        setters.map(|setter| (setter.action, setter.condition)).collect()
    };
    match (ours, library) {
        (Settings, _) => setters(false),
        (ShownSettings, _) => setters(true),
        (InstallLocation, _) => vec![(LOCATION.to_owned(), String::new())],
        (_, None) => Vec::new(),
        (Facts, Some(library)) => actions::facts(library),
        (Told, Some(library)) => actions::told(spec, library),
        (Ours::Stage(stage), Some(library)) => actions::of_stage(library, stage),
    }
}

/// An action and its number.
#[derive(Debug, PartialEq, Eq)]
struct Numbered {
    action: String,
    condition: String,
    number: i32,
}

/// The actions of a sequence with their numbers.
///
/// # Errors
/// There are more of ours than numbers before the next one of Windows Installer's, or two of one name.
fn numbered(table: &str, steps: &[Step], ours: &dyn Fn(Ours) -> Vec<(String, String)>) -> Result<Vec<Numbered>> {
    let mut all: Vec<Numbered> = Vec::new();
    for step in steps {
        let last = all.last().map_or(0, |last| last.number);
        match step {
            At(number, action, when) => {
                if *number <= last {
                    let before = all.last().map_or("", |last| last.action.as_str());
                    return Err(Error::new(format!("{table}: no number is free for {before} before {action} ({number})"))
                        .help("an MSI has room for some eighty containers: split the product"));
                }
                all.push(Numbered { action: (*action).to_owned(), condition: when.text(), number: *number });
            }
            O(place) => all.extend(ours(*place).into_iter().zip(last + 1..).map(|((action, condition), number)| Numbered {
                action,
                condition,
                number,
            })),
        }
    }
    let mut names: Vec<&str> = all.iter().map(|one| one.action.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::new(format!("{table}: two actions have the name {}", pair[0]))),
        None => Ok(all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(count: usize) -> impl Fn(Ours) -> Vec<(String, String)> {
        move |ours| (0..count).map(|at| (format!("{ours:?}.{at}"), String::new())).collect()
    }

    #[test]
    fn ours_stand_between_those_that_they_are_written_between() {
        let all = numbered("InstallExecuteSequence", INSTALL, &many(3)).unwrap();
        assert!(all.windows(2).all(|pair| pair[0].number < pair[1].number), "{all:?}");
        let at = |action: &str| all.iter().position(|one| one.action == action).unwrap();
        for (before, ours, after) in [
            ("AppSearch", "Settings.0", "Facts.0"),
            ("Facts.2", "Stage(BeforeLaunchConditions).0", "LaunchConditions"),
            ("CostFinalize", "Told.0", "InstallValidate"),
            ("RemoveExistingProducts", "Stage(FirstDeferred).2", "Stage(Rollback).0"),
            ("MsiConfigureServices", "Stage(BeforeStart).0", "StartServices"),
            ("StartServices", "Stage(AfterStart).0", "InstallFinalize"),
        ] {
            assert!(at(before) < at(ours) && at(ours) < at(after), "{before} < {ours} < {after}");
        }
    }

    #[test]
    fn more_actions_than_there_are_numbers_are_refused() {
        let error = numbered("InstallExecuteSequence", INSTALL, &many(300)).unwrap_err();
        assert!(error.what().contains("before LaunchConditions (400)"), "{}", error.what());
        for steps in [DIALOGUE, ADVERTISE, ADMINISTER, ADMINISTER_DIALOGUE] {
            numbered("", steps, &many(40)).unwrap();
        }
    }

    #[test]
    fn two_actions_of_one_name_are_refused() {
        let same = |_| vec![("Same".to_owned(), String::new())];
        assert!(numbered("", INSTALL, &same).unwrap_err().what().contains("two actions have the name Same"));
    }
}
