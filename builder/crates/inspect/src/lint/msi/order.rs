//! The sequence tables: known actions, each number once, in an order that works (ICE27, 28, 63, 77, 82).

use super::super::{Findings, Place};
use crate::msi::{Msi, Row};
use std::collections::{HashMap, HashSet};

const TABLES: [&str; 5] =
    ["InstallExecuteSequence", "InstallUISequence", "AdvtExecuteSequence", "AdminExecuteSequence", "AdminUISequence"];

/// Actions that write nothing into the script ("Standard Actions Reference").
const IMMEDIATE: [&str; 28] = [
    "ADMIN",
    "ADVERTISE",
    "AppSearch",
    "CCPSearch",
    "CostFinalize",
    "CostInitialize",
    "DisableRollback",
    "ExecuteAction",
    "FileCost",
    "FindRelatedProducts",
    "ForceReboot",
    "INSTALL",
    "InstallExecute",
    "InstallExecuteAgain",
    "InstallFinalize",
    "InstallInitialize",
    "InstallValidate",
    "IsolateComponents",
    "LaunchConditions",
    "MigrateFeatureStates",
    "RemoveExistingProducts",
    "ResolveSource",
    "RMCCPSearch",
    "ScheduleReboot",
    "MsiSchedulePatches",
    "SEQUENCE",
    "SetODBCFolders",
    "ValidateProductID",
];

/// Actions that write into the script, in an order that works; some are only bound to a few of their neighbours ([`ORDER`]).
const SCRIPTED: [&str; 53] = [
    "AllocateRegistrySpace",
    "ProcessComponents",
    "UnpublishComponents",
    "MsiUnpublishAssemblies",
    "UnpublishFeatures",
    "StopServices",
    "DeleteServices",
    "UnregisterComPlus",
    "SelfUnregModules",
    "UnregisterTypeLibraries",
    "RemoveODBC",
    "UnregisterFonts",
    "RemoveRegistryValues",
    "UnregisterClassInfo",
    "UnregisterExtensionInfo",
    "UnregisterProgIdInfo",
    "UnregisterMIMEInfo",
    "RemoveIniValues",
    "RemoveShortcuts",
    "RemoveEnvironmentStrings",
    "RemoveDuplicateFiles",
    "RemoveFiles",
    "RemoveFolders",
    "CreateFolders",
    "MoveFiles",
    "InstallAdminPackage",
    "InstallFiles",
    "InstallSFPCatalogFile",
    "PatchFiles",
    "DuplicateFiles",
    "BindImage",
    "CreateShortcuts",
    "RegisterClassInfo",
    "RegisterExtensionInfo",
    "RegisterProgIdInfo",
    "RegisterMIMEInfo",
    "WriteRegistryValues",
    "WriteIniValues",
    "WriteEnvironmentStrings",
    "RegisterFonts",
    "InstallODBC",
    "RegisterTypeLibraries",
    "SelfRegModules",
    "RegisterComPlus",
    "InstallServices",
    "MsiConfigureServices",
    "StartServices",
    "RegisterUser",
    "RegisterProduct",
    "PublishComponents",
    "MsiPublishAssemblies",
    "PublishFeatures",
    "PublishProduct",
];

/// What has to come before what, where both are there (the actions' "Sequence Restrictions").
const ORDER: [(&str, &str); 50] = [
    ("FindRelatedProducts", "MigrateFeatureStates"),
    ("FindRelatedProducts", "RemoveExistingProducts"),
    ("CCPSearch", "RMCCPSearch"),
    ("CostInitialize", "FileCost"),
    ("CostInitialize", "CostFinalize"),
    ("FileCost", "CostFinalize"),
    ("CostInitialize", "IsolateComponents"),
    ("IsolateComponents", "CostFinalize"),
    ("CostFinalize", "SetODBCFolders"),
    ("CostFinalize", "MigrateFeatureStates"),
    ("CostFinalize", "InstallValidate"),
    ("InstallValidate", "InstallInitialize"),
    ("InstallValidate", "RemoveExistingProducts"),
    ("InstallInitialize", "InstallExecute"),
    ("InstallInitialize", "InstallFinalize"),
    ("StopServices", "DeleteServices"),
    ("StopServices", "RemoveFiles"),
    ("StopServices", "InstallFiles"),
    ("DeleteServices", "InstallServices"),
    ("UnregisterComPlus", "RegisterComPlus"),
    ("SelfUnregModules", "RemoveFiles"),
    ("RemoveRegistryValues", "WriteRegistryValues"),
    ("RemoveIniValues", "WriteIniValues"),
    ("RemoveEnvironmentStrings", "WriteEnvironmentStrings"),
    ("RemoveShortcuts", "CreateShortcuts"),
    ("RemoveDuplicateFiles", "InstallFiles"),
    ("RemoveFiles", "InstallFiles"),
    ("RemoveFolders", "CreateFolders"),
    ("CreateFolders", "InstallFiles"),
    ("MoveFiles", "InstallFiles"),
    ("InstallFiles", "PatchFiles"),
    ("InstallFiles", "DuplicateFiles"),
    ("PatchFiles", "DuplicateFiles"),
    ("InstallFiles", "SelfRegModules"),
    ("InstallFiles", "RegisterComPlus"),
    ("InstallFiles", "InstallServices"),
    ("InstallServices", "MsiConfigureServices"),
    ("InstallServices", "StartServices"),
    ("MsiConfigureServices", "StartServices"),
    ("PublishFeatures", "PublishProduct"),
    ("InstallInitialize", "ForceReboot"),
    ("ForceReboot", "InstallFinalize"),
    ("InstallFiles", "BindImage"),
    ("InstallFiles", "CreateShortcuts"),
    ("InstallFiles", "RegisterFonts"),
    ("InstallFiles", "RegisterTypeLibraries"),
    ("UnregisterClassInfo", "RegisterClassInfo"),
    ("UnregisterExtensionInfo", "RegisterExtensionInfo"),
    ("UnregisterProgIdInfo", "RegisterProgIdInfo"),
    ("UnregisterMIMEInfo", "RegisterMIMEInfo"),
];

/// What a restart in the middle may not come between: the rest would ask for the source again afterwards (ICE28).
const TOGETHER: [&str; 9] = [
    "RegisterProduct",
    "RegisterUser",
    "PublishProduct",
    "PublishFeatures",
    "CreateShortcuts",
    "RegisterMIMEInfo",
    "RegisterExtensionInfo",
    "RegisterClassInfo",
    "RegisterProgIdInfo",
];

/// msidbCustomActionTypeInScript.
const IN_SCRIPT: i32 = 0x400;
const REORDER: &str = "move the action to where the suggested sequences of Windows Installer have it";

pub(super) fn check(msi: &Msi, findings: &mut Findings) {
    let custom: HashMap<&str, i32> =
        msi.database.rows("CustomAction").filter_map(|row| Some((row.text("Action")?, row.number("Type")?))).collect();
    let dialogs: HashSet<&str> = msi.database.rows("Dialog").filter_map(|row| row.text("Dialog")).collect();
    for table in TABLES {
        let mut rows: Vec<(i32, &str, Row)> = msi
            .database
            .rows(table)
            .filter_map(|row| Some((row.number("Sequence").filter(|&number| number > 0)?, row.text("Action")?, row)))
            .collect();
        rows.sort_by_key(|(number, action, _)| (*number, *action));
        numbers(table, &rows, findings);
        for row in msi.database.rows(table) {
            let Some(action) = row.text("Action") else { continue };
            let known = IMMEDIATE.contains(&action) || SCRIPTED.contains(&action);
            if !known && !custom.contains_key(action) && !dialogs.contains(action) {
                let what = format!("{action} is no standard action, no custom action and no dialog");
                findings.error("action-unknown", Place::row(table, action), what, "add it to CustomAction, or correct the name");
            }
        }
        order(table, &rows, findings);
        restart(table, &rows, findings);
        conditions(msi, table, &rows, findings);
        script(table, &rows, &custom, findings);
        if table == "InstallExecuteSequence" {
            removal(table, &rows, &custom, findings);
        }
    }
}

fn numbers(table: &str, rows: &[(i32, &str, Row)], findings: &mut Findings) {
    for pair in rows.windows(2) {
        let ((first, before, _), (second, action, _)) = (&pair[0], &pair[1]);
        if first == second {
            let what = format!("{before} has the number {first} as well: which one is first is anyone's guess");
            let place = Place { column: Some("Sequence".to_owned()), ..Place::row(table, *action) };
            // ICE82 warns of it, too.
            findings.warning("sequence-number", place, what, "give each action a number of its own");
        }
    }
}

fn order(table: &str, rows: &[(i32, &str, Row)], findings: &mut Findings) {
    let numbers: HashMap<&str, i32> = rows.iter().map(|(number, action, _)| (*action, *number)).collect();
    for (first, then) in ORDER {
        if let (Some(before), Some(after)) = (numbers.get(first), numbers.get(then)) {
            if before > after {
                findings.error("action-order", Place::row(table, then), format!("it comes before {first}"), REORDER);
            }
        }
    }
}

fn restart(table: &str, rows: &[(i32, &str, Row)], findings: &mut Findings) {
    let at = |wanted: &str| rows.iter().find(|(_, action, _)| *action == wanted).map(|(number, ..)| *number);
    let Some(restart) = at("ForceReboot") else { return };
    let (before, after): (Vec<&str>, Vec<&str>) =
        TOGETHER.into_iter().filter(|action| at(action).is_some()).partition(|action| at(action) < Some(restart));
    if let (Some(before), Some(after)) = (before.first(), after.first()) {
        let what = format!("it comes between {before} and {after}, which belong together");
        findings.error("action-order", Place::row(table, "ForceReboot"), what, "put it right before InstallFinalize");
    }
}

/// LaunchConditions is usually the first action; behind AppSearch it has to be where a condition asks for what that finds.
fn conditions(msi: &Msi, table: &str, rows: &[(i32, &str, Row)], findings: &mut Findings) {
    let at = |wanted: &str| rows.iter().find(|(_, action, _)| *action == wanted).map(|(number, ..)| *number);
    if !matches!((at("LaunchConditions"), at("AppSearch")), (Some(conditions), Some(search)) if conditions < search) {
        return;
    }
    let found: HashSet<&str> = msi.database.rows("AppSearch").filter_map(|row| row.text("Property")).collect();
    let word = |c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.';
    for row in msi.database.rows("LaunchCondition") {
        let condition = row.text("Condition").unwrap_or_default();
        if let Some(property) = condition.split(word).find(|word| found.contains(word)) {
            let what = format!("it comes before AppSearch, and a condition asks for {property}, which that sets");
            findings.warning("action-order", Place::row(table, "LaunchConditions"), what, REORDER);
            return;
        }
    }
}

/// What writes into the script lies between InstallInitialize and InstallFinalize, and nowhere in the dialogue's sequences.
fn script(table: &str, rows: &[(i32, &str, Row)], custom: &HashMap<&str, i32>, findings: &mut Findings) {
    let number = |wanted: &str| rows.iter().find(|(_, action, _)| *action == wanted).map(|(number, _, _)| *number);
    let (begin, end) = (number("InstallInitialize"), number("InstallFinalize"));
    for (number, action, _) in rows {
        let deferred = custom.get(action).is_some_and(|kind| kind & IN_SCRIPT != 0);
        if !deferred && !SCRIPTED.contains(action) {
            continue;
        }
        let inside = begin.is_some_and(|begin| begin < *number) && end.is_some_and(|end| *number < end);
        if !inside {
            let what = format!("{action} is not between InstallInitialize and InstallFinalize");
            findings.error("action-outside-script", Place::row(table, *action), what, "move it between the two");
        }
    }
}

/// RemoveExistingProducts in the script's middle must have nothing of the script pending before it (ICE63).
fn removal(table: &str, rows: &[(i32, &str, Row)], custom: &HashMap<&str, i32>, findings: &mut Findings) {
    let at = |wanted: &str| rows.iter().position(|(_, action, _)| *action == wanted);
    let (Some(begin), Some(removal), Some(end)) = (at("InstallInitialize"), at("RemoveExistingProducts"), at("InstallFinalize"))
    else {
        return;
    };
    if removal < begin || removal > end {
        return;
    }
    let done = rows[begin..removal].iter().rposition(|(_, action, _)| action.starts_with("InstallExecute")).unwrap_or(0);
    let pending = rows[begin + done..removal]
        .iter()
        .find(|(_, action, _)| SCRIPTED.contains(action) || custom.get(action).is_some_and(|kind| kind & IN_SCRIPT != 0));
    if let Some((_, action, _)) = pending {
        let what = format!("{action} is in the script before it and not carried out yet");
        let remedy = "put it right after InstallInitialize, after InstallExecute, or after InstallFinalize";
        findings.error("action-order", Place::row(table, "RemoveExistingProducts"), what, remedy);
    }
}
