//! Services and permissions (ICE102, 104, and our own).

use super::super::{Findings, Place};
use super::files;
use super::identity::Machine;
use crate::msi::{Msi, Row};
use payload::pe;
use std::collections::{HashMap, HashSet};

pub(super) fn check(msi: &Msi, findings: &mut Findings) {
    programs(msi, findings);
    texts(msi, findings);
    upgrades(msi, findings);
    for row in msi.database.rows("MsiServiceConfig") {
        if let Some(what) = illegal(&row) {
            let place = Place::cell("MsiServiceConfig", &row, "Argument");
            findings.error("service-config", place, what, "use what ChangeServiceConfig2 knows for this ConfigType");
        }
    }
    for row in msi.database.rows("MsiServiceConfigFailureActions") {
        if row.text("Actions").is_some_and(|actions| actions.split("[~]").any(|action| action == "1" || action.contains('['))) {
            let what = "restarting as recovery action: Windows Installer is denied it, and the installation ends with error 1939"
                .to_owned();
            let remedy = "leave the row out, and set the recovery by an action of your own, with SERVICE_START on the handle";
            findings.error("service-recovery", Place::cell("MsiServiceConfigFailureActions", &row, "Actions"), what, remedy);
        }
    }
    let rows = |table: &str| msi.database.rows(table).next().is_some();
    if rows("LockPermissions") && rows("MsiLockPermissionsEx") {
        let what = "LockPermissions and MsiLockPermissionsEx both have rows: the installation fails".to_owned();
        findings.error("permission-tables", Place::part("LockPermissions"), what, "use MsiLockPermissionsEx alone");
    }
}

/// The key path of a service's component is its program: that is what Windows Installer registers.
fn programs(msi: &Msi, findings: &mut Findings) {
    let text = |table: &'static str, key: &'static str, column: &'static str| -> HashMap<&str, &str> {
        msi.database.rows(table).filter_map(|row| Some((row.text(key)?, row.text(column)?))).collect()
    };
    let (key_paths, names) = (text("Component", "Component", "KeyPath"), text("File", "File", "FileName"));
    let seen = files::seen(msi);
    for row in msi.database.rows("ServiceInstall") {
        let place = Place::cell("ServiceInstall", &row, "Component_");
        let key = key_paths.get(row.text("Component_").unwrap_or_default());
        let file = key.and_then(|key| Some((*key, *names.get(key)?)));
        let Some((key, name)) = file.filter(|(_, name)| name.to_ascii_lowercase().ends_with(".exe")) else {
            let what = "the key path of its component is no .exe, which is what would be registered".to_owned();
            findings.error("service-program", place, what, "make the service's program the key path of its component");
            continue;
        };
        let Some(seen) = seen.get(key) else { continue };
        const ARM64: u16 = 0xAA64;
        let wanted = Machine::of(msi).map(|machine| match machine {
            Machine::X86 => pe::Machine::X86,
            Machine::X64 => pe::Machine::X64,
            Machine::Arm64 => pe::Machine::Other(ARM64),
        });
        let what = match &seen.program {
            None => format!("{name} is no Windows program"),
            Some(program) if program.library => format!("{name} is a library"),
            Some(program) if wanted.is_some_and(|wanted| wanted != program.machine) => {
                format!("{name} is for {}, which the package is not", program.machine)
            }
            Some(_) => continue,
        };
        findings.error("service-program", place, what, "put the program of the package's platform there");
    }
}

/// A service that the older version's removal deletes is gone only when the last handle to it is closed (services.msc keeps one): until then
/// the new version cannot register it (1072, 1923).
fn upgrades(msi: &Msi, findings: &mut Findings) {
    const DELETE_AT_UNINSTALL: i32 = 0x80;
    const ONLY_DETECT: i32 = 2;
    let replaces = msi.database.rows("Upgrade").any(|row| row.number("Attributes").unwrap_or(0) & ONLY_DETECT == 0);
    let steps = || msi.database.rows("InstallExecuteSequence");
    let deletes = steps().find(|row| row.text("Action") == Some("DeleteServices"));
    let removes = steps().any(|row| row.text("Action") == Some("RemoveExistingProducts"));
    let Some(deletes) = deletes.filter(|_| replaces && removes) else { return };
    if deletes.text("Condition").is_some_and(|condition| condition.contains("UPGRADINGPRODUCTCODE")) {
        return;
    }
    let installed: HashSet<&str> = msi.database.rows("ServiceInstall").filter_map(|row| row.text("Name")).collect();
    let deleted = msi.database.rows("ServiceControl").find_map(|row| {
        let name = row.text("Name").filter(|name| installed.contains(name))?;
        (row.number("Event").unwrap_or(0) & DELETE_AT_UNINSTALL != 0).then_some(name)
    });
    if let Some(name) = deleted {
        let what = format!(
            "it deletes the service {name} at a major upgrade as well: while anything has it open, it cannot be made again"
        );
        let place = Place::cell("InstallExecuteSequence", &deletes, "Condition");
        findings.warning(
            "service-upgrade",
            place,
            what,
            "add NOT UPGRADINGPRODUCTCODE to the condition: the new version reconfigures it",
        );
    }
}

/// What people read of a service is Formatted: a name in brackets is replaced by the property of that name, by nothing where there is none.
fn texts(msi: &Msi, findings: &mut Findings) {
    let properties: HashSet<&str> = msi.database.rows("Property").filter_map(|row| row.text("Property")).collect();
    for row in msi.database.rows("ServiceInstall") {
        for column in ["DisplayName", "Description"] {
            let text = row.text(column).unwrap_or_default();
            let Some(lost) = bracketed(text).find(|name| !properties.contains(name)) else { continue };
            let what = format!("[{lost}] is shown as nothing: there is no property of that name");
            let place = Place::cell("ServiceInstall", &row, column);
            findings.warning("service-text", place, what, "write [\\[] and [\\]] for brackets that are to be shown");
        }
    }
}

/// The names in brackets that may be properties of the package: no files, components, environment variables or escapes, and no public
/// ones, which may come from the command line.
fn bracketed(text: &str) -> impl Iterator<Item = &str> {
    let pieces = text.split('[').skip(1).filter_map(|rest| rest.split_once(']').map(|(name, _)| name));
    let word = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || " _.".contains(c));
    pieces.filter(word).filter(|name| !name.is_empty() && name.chars().any(|c| c.is_ascii_lowercase() || c == ' '))
}

/// SERVICE_CONFIG_*: what each may be set to.
fn illegal(row: &Row) -> Option<String> {
    let (kind, argument) = (row.number("ConfigType")?, row.text("Argument").unwrap_or_default());
    let fine = match kind {
        // Delayed start, actions also without a crash: a switch.
        3 | 4 => ["0", "1"].contains(&argument) || argument.contains('['),
        // The service's SID: none, unrestricted, restricted.
        5 => ["0", "1", "3"].contains(&argument) || argument.contains('['),
        // Privileges, separated by [~].
        6 => argument.is_empty() || argument.split("[~]").all(|name| name.starts_with("Se") || name.starts_with('[')),
        // Milliseconds before a shutdown.
        7 => argument.parse::<u32>().is_ok() || argument.contains('['),
        _ => return Some(format!("there is no ConfigType {kind}")),
    };
    (!fine).then(|| format!("ConfigType {kind} cannot be set to {argument:?}"))
}
