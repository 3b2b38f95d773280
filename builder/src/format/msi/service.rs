//! The service: registered, recovered, started; and the program at logon.

use super::contents::{component_of, file_of};
use super::database::{row, Database};
use super::pe::{self, Machine};
use super::{unfit, MsiSpec, Placed, Platform};
use crate::error::Result;
use crate::payload::TreePath;

/// When the service's settings are applied: at install and at repair.
const INSTALL_AND_REPAIR: i32 = 1 | 4;

/// Fills the tables of services, and the Run key.
pub fn add(spec: &MsiSpec, database: &mut Database) -> Result<()> {
    check_program(spec)?;
    let service = &spec.service;
    let component = component_of(spec, service.executable);
    const OWN_PROCESS: i32 = 0x10;
    const AUTOMATIC: i32 = 2;
    const NORMAL_AND_VITAL: i32 = 0x1 | 0x8000;
    database.add(
        "ServiceInstall",
        row![
            "Service",
            service.name,
            shortened(service.title),
            OWN_PROCESS,
            AUTOMATIC,
            NORMAL_AND_VITAL,
            (),
            (),
            (),
            (),
            command_line(service.arguments),
            component.as_str(),
            shortened(service.description)
        ],
    )?;
    const START: i32 = 0x1;
    const STOP: i32 = 0x2;
    const STOP_AT_UNINSTALL: i32 = 0x20;
    const DELETE_AT_UNINSTALL: i32 = 0x80;
    let events = START | STOP | STOP_AT_UNINSTALL | DELETE_AT_UNINSTALL;
    database.add("ServiceControl", row!["Service", service.name, events, (), 1, component.as_str()])?;
    const DELAYED_AUTO_START: i32 = 3;
    database.add("MsiServiceConfig", row!["Service", service.name, INSTALL_AND_REPAIR, DELAYED_AUTO_START, "1", component])?;
    // Recovery is set by the DLL's Configure: a row of MsiServiceConfigFailureActions with a restart ends every installation with
    // error 1939, since Windows Installer opens the service without the right to start it. The table stays, empty: a transform relies on it.
    database.create("MsiServiceConfigFailureActions")?;
    match spec.at_logon {
        Some(program) => at_logon(spec, program, database),
        None => Ok(()),
    }
}

fn at_logon(spec: &MsiSpec, program: &TreePath, database: &mut Database) -> Result<()> {
    let value = format!("\"[#{}]\"", file_of(spec, program));
    const MACHINE: i32 = 2;
    let run = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Run";
    database.add("Registry", row!["AtLogon", MACHINE, run, spec.name, value, component_of(spec, program)])
}

/// The service's program has to be there and to run on the machines that the package is for.
fn check_program(spec: &MsiSpec) -> Result<()> {
    let path = spec.service.executable;
    let refuse = |why: &str| {
        Err(unfit(
            format!("{path:?} cannot be the service's program: {why}"),
            "name a 64-bit or 32-bit service program, as the package is, in executable.windows of [connector]",
        ))
    };
    let Some(Placed { file, .. }) = spec.files.iter().find(|placed| &*placed.path == path) else {
        return refuse("the payload does not have it");
    };
    let wanted = match spec.platform {
        Platform::X64 => Machine::X64,
        Platform::X86 => Machine::X86,
    };
    match pe::read(file)? {
        None => refuse("it is not a Windows program"),
        Some(program) if program.library => refuse("it is a DLL"),
        Some(program) if program.machine != wanted => {
            refuse(&format!("it is for {}, and the package is for {wanted}", program.machine))
        }
        Some(_) => Ok(()),
    }
}

/// Arguments as one text that C programs split again, with `{root}` as Windows Installer's reference.
fn command_line(arguments: &[String]) -> String {
    arguments.iter().map(|argument| quoted(argument)).collect::<Vec<_>>().join(" ")
}

fn quoted(argument: &str) -> String {
    let mut text = String::new();
    let mut backslashes = 0;
    for (index, piece) in argument.split("{root}").enumerate() {
        let mut piece = piece;
        if index > 0 {
            // The reference ends in a backslash: another one after it is dropped, and at an end it would escape the quote.
            piece = piece.trim_start_matches(['/', '\\']);
            text.push_str("[INSTALL_ROOT]");
            if piece.is_empty() {
                text.push('.');
            }
        }
        for character in piece.chars() {
            if character == '"' {
                text.push_str(&"\\".repeat(backslashes + 1));
            }
            backslashes = if character == '\\' { backslashes + 1 } else { 0 };
            text.push_str(&escaped(character));
        }
    }
    let bare = !argument.is_empty() && !argument.contains("{root}") && !argument.contains([' ', '\t', '"']);
    if bare {
        return text;
    }
    format!("\"{text}{}\"", "\\".repeat(backslashes))
}

/// A character as itself where the column's type is Formatted (Windows Installer SDK, "Formatted").
fn escaped(character: char) -> String {
    match character {
        '[' | ']' | '{' | '}' => format!("[\\{character}]"),
        _ => character.into(),
    }
}

/// A text for DisplayName or Description, which are Formatted and 255 characters wide.
fn shortened(text: &str) -> String {
    let mut short = String::new();
    for piece in text.chars().map(escaped) {
        if short.chars().count() + piece.chars().count() > 255 {
            break;
        }
        short.push_str(&piece);
    }
    short
}

#[cfg(test)]
mod tests {
    use super::{quoted, shortened};

    #[test]
    fn texts_of_the_service_are_shown_as_they_are() {
        assert_eq!(shortened("Agent [Beta] {x}"), r"Agent [\[]Beta[\]] [\{]x[\}]");
        let long = shortened(&"[é".repeat(200));
        assert!(long.chars().count() <= 255 && long.ends_with(r"[\[]é"), "{long}");
    }

    #[test]
    fn arguments_survive_windows_splitting() {
        for (argument, expected) in [
            ("run", "run"),
            ("{root}", r#""[INSTALL_ROOT].""#),
            ("{root}/a b", r#""[INSTALL_ROOT]a b""#),
            ("two words", r#""two words""#),
            (r#"say "hi""#, r#""say \"hi\"""#),
            (r"ends in \ and space\", r#""ends in \ and space\\""#),
            ("", r#""""#),
            ("[x]", r"[\[]x[\]]"),
        ] {
            assert_eq!(quoted(argument), expected);
        }
    }
}
