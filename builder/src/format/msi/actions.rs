//! The DLL's functions: rows of Binary and CustomAction, and what they are told. Where they stand in the sequence is [`super::sequences`]'.

use super::database::{row, Cell, Database};
use super::settings::{self, GIVEN, PREVIOUS, SITE_LINES};
use super::{ActionSpec, LibrarySpec, MsiSpec, Stage};
use crate::error::Result;

/// The Binary row of the DLL.
pub const LIBRARY: &str = "Library";
/// The property that gathers what deferred functions are told.
const DATA: &str = "ActionData";
/// Type 51: sets a property to a formatted text.
const SET_PROPERTY: i32 = 51;

/// Fills Binary and CustomAction for the DLL; nothing where there is none.
pub fn add(spec: &MsiSpec, database: &mut Database) -> Result<()> {
    let Some(library) = &spec.library else { return Ok(()) };
    database.add("Binary", row![LIBRARY, Cell::Stream])?;
    for (key, value) in library.facts {
        database.add("CustomAction", row![fact(key), SET_PROPERTY, *key, *value, ()])?;
    }
    for (action, piece) in data(spec, library) {
        database.add("CustomAction", row![action, SET_PROPERTY | HIDE_TARGET, DATA, piece, ()])?;
    }
    for action in library.actions {
        database.add("CustomAction", row![action.name, kind(action), LIBRARY, action.function, ()])?;
        if is_deferred(action.stage) {
            let data = format!("[{DATA}]");
            database.add("CustomAction", row![setter(action), SET_PROPERTY | HIDE_TARGET, action.name, data, ()])?;
        }
    }
    Ok(())
}

/// The actions that set each fact as a property, whatever the command line says of it: before the first function is called.
pub fn facts(library: &LibrarySpec) -> Vec<(String, String)> {
    library.facts.iter().map(|(key, _)| (fact(key), String::new())).collect()
}

fn fact(key: &str) -> String {
    format!("Fact.{key}")
}

/// The actions that gather what deferred functions are told, and give it to each.
pub fn told(spec: &MsiSpec, library: &LibrarySpec) -> Vec<(String, String)> {
    let deferred = library.actions.iter().filter(|action| is_deferred(action.stage));
    let setters = deferred.map(|action| (setter(action), action.condition.to_owned()));
    data(spec, library).into_iter().map(|(action, _)| (action, String::new())).chain(setters).collect()
}

/// A deferred action sees one property only, the one of its own name, as CustomActionData.
fn setter(action: &ActionSpec) -> String {
    format!("{}.Data", action.name)
}

/// The functions of a stage, in the order they are given in.
pub fn of_stage(library: &LibrarySpec, stage: Stage) -> Vec<(String, String)> {
    let actions = library.actions.iter().filter(|action| action.stage == stage);
    actions.map(|action| (action.name.to_owned(), action.condition.to_owned())).collect()
}

/// Properties that the log must not show: an administrator may take the name of a secret's file for the secret itself, and what deferred
/// functions are told holds every setting.
pub fn hidden(spec: &MsiSpec) -> Vec<String> {
    let mut hidden = settings::hidden(spec);
    if let Some(library) = &spec.library {
        hidden.push(DATA.to_owned());
        let deferred = library.actions.iter().filter(|action| is_deferred(action.stage));
        hidden.extend(deferred.map(|action| action.name.to_owned()));
    }
    hidden
}

/// Root, settings and facts in one property, in pieces that fit into the Target column: actions with their values.
fn data(spec: &MsiSpec, library: &LibrarySpec) -> Vec<(String, String)> {
    const LONGEST: usize = 255;
    let mut keys = vec!["INSTALL_ROOT".to_owned()];
    keys.extend(settings::names(spec));
    keys.extend([PREVIOUS, GIVEN, SITE_LINES].map(str::to_owned));
    keys.extend(library.facts.iter().map(|(key, _)| (*key).to_owned()));
    let mut pieces = vec![String::new()];
    for key in keys {
        let piece = format!("{key}=[{key}]");
        let last = pieces.last_mut().expect("there is always one");
        if last.is_empty() {
            *last = piece;
        } else if last.len() + 1 + piece.len() <= LONGEST {
            last.push('|');
            last.push_str(&piece);
        } else {
            pieces.push(format!("[{DATA}]|{piece}"));
        }
    }
    pieces.into_iter().enumerate().map(|(index, piece)| (format!("{DATA}.{}", index + 1), piece)).collect()
}

fn is_deferred(stage: Stage) -> bool {
    !matches!(stage, Stage::BeforeLaunchConditions | Stage::BeforeChanges)
}

/// msidbCustomActionTypeHideTarget: the log does not show what the function is told.
const HIDE_TARGET: i32 = 0x2000;

/// Type and options of an action (msidbCustomActionType*): from Binary; in the script; as SYSTEM.
fn kind(action: &ActionSpec) -> i32 {
    const DLL: i32 = 0x1;
    const CONTINUE: i32 = 0x40;
    const ROLLBACK: i32 = 0x100;
    const COMMIT: i32 = 0x200;
    const IN_SCRIPT: i32 = 0x400;
    const NO_IMPERSONATION: i32 = 0x800;
    let deferred = DLL | IN_SCRIPT | NO_IMPERSONATION | HIDE_TARGET;
    let kind = match action.stage {
        Stage::BeforeLaunchConditions | Stage::BeforeChanges => DLL,
        Stage::FirstDeferred
        | Stage::BeforeRemoval
        | Stage::AfterRemoval
        | Stage::BeforeFiles
        | Stage::BeforeStart
        | Stage::AfterStart => deferred,
        Stage::Rollback => deferred | ROLLBACK,
        Stage::Commit => deferred | COMMIT,
    };
    kind | if action.may_fail { CONTINUE } else { 0 }
}
