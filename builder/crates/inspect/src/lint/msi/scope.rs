//! That everything is the machine's and nothing a user's (ICE38, 57, 64, 91). A service belongs to the machine: a package with one that
//! installs for a user goes wrong, any other may mean it.

use super::super::{Finding, Findings, Place, Severity};
use super::folders::{Folders, PROFILE};
use crate::msi::Msi;
use std::collections::{BTreeSet, HashMap, HashSet};

const CURRENT_USER: i32 = 1;
const USER_OR_MACHINE: i32 = -1;
/// In the summary's word count: the package may be installed without elevation.
const NO_ELEVATION: i32 = 8;

pub(super) fn check(msi: &Msi, findings: &mut Findings) {
    let severity = match msi.database.rows("ServiceInstall").next() {
        Some(_) => Severity::Error,
        None => Severity::Warning,
    };
    let mut found =
        |rule, place, what: &str, remedy| findings.add(Finding { rule, severity, place, what: what.to_owned(), remedy });
    let all_users = msi.database.property("ALLUSERS") == Some("1");
    let remedy = "set ALLUSERS to 1: a deployment as SYSTEM else installs for SYSTEM's own profile";
    if !all_users {
        let what = "the package is not installed for all users";
        found("per-machine", Place::row("Property", "ALLUSERS"), what, remedy);
    }
    if msi.database.property("MSIINSTALLPERUSER").is_some() {
        let what = "the package may be installed for one user";
        found("per-machine", Place::row("Property", "MSIINSTALLPERUSER"), what, "leave the property out");
    }
    if msi.summary.words.is_some_and(|words| words & NO_ELEVATION != 0) {
        let what = "the package says that it needs no elevation";
        found("per-machine", Place::part("summary information"), what, "clear bit 8 of the word count");
    }
    for row in msi.database.rows("Registry") {
        let root = row.number("Root");
        if root == Some(CURRENT_USER) || (root == Some(USER_OR_MACHINE) && !all_users) {
            let what = "the value goes to the user who installs, and to nobody else";
            found("per-user", Place::cell("Registry", &row, "Root"), what, "use HKEY_LOCAL_MACHINE (2)");
        }
    }
    let folders = Folders::new(msi);
    for row in msi.database.rows("Component") {
        let system = folders.system(row.text("Directory_").unwrap_or_default()).unwrap_or_default();
        if PROFILE.contains(&system) {
            let what = format!("it is installed to {system}, the profile of who installs");
            found("per-user", Place::cell("Component", &row, "Directory_"), &what, "use a folder of the machine");
        }
    }
    for key in left(msi, &folders) {
        let what = "it is made in a user's profile, and no row of RemoveFile removes it";
        let remedy = "add a row to RemoveFile, without a file name, for the uninstall (InstallMode 2)";
        found("per-user", Place::row("Directory", key), what, remedy);
    }
}

/// The folders in a profile that components are installed to, and those above them there, that nothing removes (ICE64).
fn left<'a>(msi: &'a Msi, folders: &Folders) -> BTreeSet<&'a str> {
    const AT_REMOVAL: i32 = 2;
    let removed: HashSet<&str> = msi
        .database
        .rows("RemoveFile")
        .filter(|row| row.text("FileName").is_none() && row.number("InstallMode").unwrap_or(0) & AT_REMOVAL != 0)
        .filter_map(|row| row.text("DirProperty"))
        .collect();
    let parents: HashMap<&str, &str> =
        msi.database.rows("Directory").filter_map(|row| Some((row.text("Directory")?, row.text("Directory_Parent")?))).collect();
    let mut left = BTreeSet::new();
    for row in msi.database.rows("Component") {
        let mut at = row.text("Directory_");
        while let Some(key) = at.filter(|key| {
            let in_profile = folders.system(key).is_some_and(|system| PROFILE.contains(&system) && system != *key);
            in_profile && !removed.contains(key) && !left.contains(key)
        }) {
            left.insert(key);
            at = parents.get(key).copied();
        }
    }
    left
}
