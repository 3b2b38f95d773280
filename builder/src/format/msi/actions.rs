//! The DLL's functions: rows of Binary and CustomAction, their place in the sequence, and what they are told.

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
const SEQUENCE: &str = "InstallExecuteSequence";

/// Fills Binary, CustomAction and the sequence for the DLL; nothing where there is none.
pub fn add(spec: &MsiSpec, database: &mut Database) -> Result<()> {
    let Some(library) = &spec.library else { return Ok(()) };
    database.add("Binary", row![LIBRARY, Cell::Stream])?;
    facts(library, database)?;
    let mut number = data(spec, library, database)?;
    for (index, action) in library.actions.iter().enumerate() {
        let condition = action.condition;
        database.add("CustomAction", row![action.name, kind(action), LIBRARY, action.function, ()])?;
        let earlier = library.actions[..index].iter().filter(|other| first(other.stage) == first(action.stage)).count();
        database.add(SEQUENCE, row![action.name, condition, first(action.stage) + earlier as i32])?;
        if is_deferred(action.stage) {
            // A deferred action sees one property only, the one of its own name, as CustomActionData.
            let setter = format!("{}.Data", action.name);
            database
                .add("CustomAction", row![setter.as_str(), SET_PROPERTY | HIDE_TARGET, action.name, format!("[{DATA}]"), ()])?;
            database.add(SEQUENCE, row![setter, condition, number])?;
            number += 1;
        }
    }
    Ok(())
}

/// Properties that the log must not show: an administrator may take TOKEN_FILE for the token itself, and what deferred functions are
/// told holds every setting.
pub fn hidden(spec: &MsiSpec) -> Vec<String> {
    let mut hidden = settings::hidden(spec);
    if let Some(library) = &spec.library {
        hidden.push(DATA.to_owned());
        let deferred = library.actions.iter().filter(|action| is_deferred(action.stage));
        hidden.extend(deferred.map(|action| action.name.to_owned()));
    }
    hidden
}

/// Sets each fact as a property, whatever the command line says of it, before the first function is called.
fn facts(library: &LibrarySpec, database: &mut Database) -> Result<()> {
    const AFTER_SETTINGS: i32 = 300;
    for ((key, value), number) in library.facts.iter().zip(AFTER_SETTINGS..) {
        let action = format!("Fact.{key}");
        database.add("CustomAction", row![action.as_str(), SET_PROPERTY, *key, *value, ()])?;
        database.add(SEQUENCE, row![action, (), number])?;
    }
    Ok(())
}

/// Gathers root, settings and facts in one property, in pieces that fit into the Target column; gives the next free number.
fn data(spec: &MsiSpec, library: &LibrarySpec, database: &mut Database) -> Result<i32> {
    const AFTER_COSTING: i32 = 1011;
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
    let mut number = AFTER_COSTING;
    for (index, piece) in pieces.into_iter().enumerate() {
        let action = format!("{DATA}.{}", index + 1);
        database.add("CustomAction", row![action.as_str(), SET_PROPERTY | HIDE_TARGET, DATA, piece, ()])?;
        database.add(SEQUENCE, row![action, (), number])?;
        number += 1;
    }
    Ok(number)
}

/// The sequence number of a stage's first action.
fn first(stage: Stage) -> i32 {
    match stage {
        Stage::BeforeLaunchConditions => 390,
        // Before InstallValidate, which fails by itself on a full disk.
        Stage::BeforeChanges => 1390,
        Stage::FirstDeferred => 1520,
        Stage::Rollback => 1560,
        Stage::BeforeRemoval => 2100,
        Stage::AfterRemoval => 3650,
        Stage::BeforeFiles => 3680,
        Stage::BeforeStart => 5860,
        Stage::AfterStart => 5910,
        Stage::Commit => 6500,
    }
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
