//! What the product is: its codes, version, family and platform (ICE24, 61, 80).

use super::super::{Findings, Place};
use super::category;
use super::folders::Folders;
use crate::msi::Msi;
use std::collections::HashSet;

const SIXTY_FOUR_BIT: i32 = 0x100;
const FOLDERS_64: [&str; 3] = ["ProgramFiles64Folder", "CommonFiles64Folder", "System64Folder"];
const FOLDERS_32: [&str; 3] = ["ProgramFilesFolder", "CommonFilesFolder", "SystemFolder"];
const REQUIRED: [&str; 5] = ["ProductCode", "ProductName", "ProductVersion", "ProductLanguage", "Manufacturer"];

/// The machines that a summary's template names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machine {
    X86,
    X64,
    Arm64,
}

impl Machine {
    pub(super) fn of(msi: &Msi) -> Option<Self> {
        match msi.summary.template.as_deref()?.split(';').next()? {
            "" | "Intel" => Some(Machine::X86),
            "x64" | "AMD64" => Some(Machine::X64),
            "Arm64" => Some(Machine::Arm64),
            _ => None,
        }
    }
}

pub(super) fn check(msi: &Msi, findings: &mut Findings) {
    for name in REQUIRED {
        if msi.database.property(name).is_none() {
            let what = "the property is missing".to_owned();
            findings.error("property-missing", Place::row("Property", name), what, "add it: Windows Installer requires it");
        }
    }
    guids(msi, findings);
    version(msi, findings);
    upgrades(msi, findings);
    platform(msi, findings);
}

fn guids(msi: &Msi, findings: &mut Findings) {
    let properties = ["ProductCode", "UpgradeCode"].map(|name| (Place::row("Property", name), msi.database.property(name)));
    let columns = [("Component", "ComponentId"), ("Upgrade", "UpgradeCode")];
    let cells = columns.into_iter().flat_map(|(table, column)| {
        msi.database.rows(table).map(move |row| (Place::cell(table, &row, column), row.text(column)))
    });
    let package = (Place::part("summary information"), msi.summary.revision.as_deref());
    for (place, guid) in properties.into_iter().chain(cells).chain([package]) {
        let Some(guid) = guid else { continue };
        if !category::is_guid(guid) {
            // Other columns are held to their category already.
            if place.table == "Property" || place.row.is_none() {
                findings.error("guid", place, format!("{guid:?} is no GUID in braces"), "write it as {8-4-4-4-12} digits");
            }
        } else if guid.chars().any(|c| c.is_ascii_lowercase()) {
            let what = format!("{guid} has small letters, which Windows Installer takes for another identity");
            findings.error("guid", place, what, "write GUIDs in capital letters");
        }
    }
}

fn version(msi: &Msi, findings: &mut Findings) {
    let Some(version) = msi.database.property("ProductVersion") else { return };
    let numbers: Vec<Option<u32>> = version.split('.').map(|number| number.parse().ok()).collect();
    let fits = numbers.iter().zip([255, 255, 65_535, u32::MAX]).all(|(number, most)| number.is_some_and(|number| number <= most));
    if !fits || numbers.len() > 4 {
        let what = format!("{version:?} is not within 255.255.65535");
        let remedy = "use a version of three numbers: upgrades compare nothing else";
        findings.error("product-version", Place::row("Property", "ProductVersion"), what, remedy);
    }
}

fn upgrades(msi: &Msi, findings: &mut Findings) {
    let secure: HashSet<&str> = msi.database.property("SecureCustomProperties").unwrap_or_default().split(';').collect();
    for row in msi.database.rows("Upgrade") {
        let Some(property) = row.text("ActionProperty") else { continue };
        let place = || Place::cell("Upgrade", &row, "ActionProperty");
        if property.chars().any(char::is_lowercase) {
            let what = format!("{property} has small letters, so that the installing side never sees it");
            findings.error("upgrade-property", place(), what, "use capital letters");
        } else if !secure.contains(property) {
            let what = format!("{property} is not in SecureCustomProperties");
            let remedy = "add it there: else the older version is found and not removed";
            findings.error("upgrade-secure", place(), what, remedy);
        }
    }
}

/// One answer from the summary's template, the components' bits and the folders.
fn platform(msi: &Msi, findings: &mut Findings) {
    let Some(machine) = Machine::of(msi) else {
        let what = format!("the template {:?} names no platform", msi.summary.template.as_deref().unwrap_or_default());
        let place = Place::part("summary information");
        return findings.error("platform", place, what, "write the platform and languages, such as x64;1033");
    };
    const FIRST_WITH_64: i32 = 200;
    if machine != Machine::X86 && msi.summary.pages.is_some_and(|version| version < FIRST_WITH_64) {
        let what = "a 64-bit package asks for a Windows Installer that is too old for it".to_owned();
        findings.error("platform", Place::part("summary information"), what, "require version 200 or later (page count)");
    }
    let folders = Folders::new(msi);
    for row in msi.database.rows("Component") {
        let wide = row.number("Attributes").unwrap_or(0) & SIXTY_FOUR_BIT != 0;
        let system = folders.system(row.text("Directory_").unwrap_or_default()).unwrap_or_default();
        let (in_64, in_32) = (FOLDERS_64.contains(&system), FOLDERS_32.contains(&system));
        let what = match (machine, wide) {
            (Machine::X86, true) => "it is a 64-bit component in a 32-bit package".to_owned(),
            (Machine::X86, false) if in_64 => format!("it is in {system} in a 32-bit package"),
            (Machine::X64 | Machine::Arm64, true) if in_32 => format!("it is a 64-bit component in {system}"),
            (Machine::X64 | Machine::Arm64, false) if in_64 => format!("it is a 32-bit component in {system}"),
            _ => continue,
        };
        let place = Place::cell("Component", &row, "Attributes");
        findings.error("platform", place, what, "let the template, the component's 64-bit bit and its folder agree");
    }
}
