//! Folders, and that no two files have one path (ICE30).

use super::super::{Findings, Place};
use crate::msi::Msi;
use std::collections::{HashMap, HashSet};

/// Folders that Windows Installer knows by these keys, of the machine.
const MACHINE: [&str; 13] = [
    "ProgramFilesFolder",
    "ProgramFiles64Folder",
    "CommonFilesFolder",
    "CommonFiles64Folder",
    "SystemFolder",
    "System64Folder",
    "System16Folder",
    "WindowsFolder",
    "WindowsVolume",
    "FontsFolder",
    "CommonAppDataFolder",
    "TempFolder",
    "AdminToolsFolder",
];
/// Folders of one user.
pub(super) const PROFILE: [&str; 9] = [
    "AppDataFolder",
    "LocalAppDataFolder",
    "PersonalFolder",
    "MyPicturesFolder",
    "FavoritesFolder",
    "NetHoodFolder",
    "PrintHoodFolder",
    "RecentFolder",
    "SendToFolder",
];

/// Where directories are: equal numbers are one folder, whatever their keys.
#[derive(Default)]
pub(super) struct Folders<'a> {
    /// The folder of each key, and the system's folder that it is or lies in.
    places: HashMap<&'a str, (usize, Option<&'a str>)>,
    /// Keys that lead round in a circle.
    circular: Vec<&'a str>,
}

impl<'a> Folders<'a> {
    pub(super) fn new(msi: &'a Msi) -> Self {
        let rows: HashMap<&str, (Option<&str>, &str)> = msi
            .database
            .rows("Directory")
            .filter_map(|row| {
                let parent = row.text("Directory_Parent").filter(|parent| Some(*parent) != row.text("Directory"));
                Some((row.text("Directory")?, (parent, long_name(row.text("DefaultDir").unwrap_or_default()))))
            })
            .collect();
        let mut folders = Folders::default();
        let mut numbers: HashMap<(usize, String), usize> = HashMap::new();
        for &key in rows.keys() {
            // From the key up to what is known, then down again: chains may be longer than the stack.
            let (mut chain, mut visited, mut at) = (Vec::new(), HashSet::new(), Some(key));
            while let Some(here) = at.filter(|here| !folders.places.contains_key(here)) {
                if !visited.insert(here) {
                    folders.circular.push(here);
                    break;
                }
                chain.push(here);
                at = rows.get(here).and_then(|(parent, _)| *parent);
            }
            for here in chain.into_iter().rev() {
                let (parent, name) = rows.get(here).copied().unwrap_or_default();
                let above = parent.and_then(|parent| folders.places.get(parent)).copied();
                let place = folders.place(here, above, name, &mut numbers);
                folders.places.insert(here, place);
            }
        }
        folders
    }

    fn place(
        &self,
        key: &'a str,
        above: Option<(usize, Option<&'a str>)>,
        name: &str,
        numbers: &mut HashMap<(usize, String), usize>,
    ) -> (usize, Option<&'a str>) {
        const NOWHERE: usize = 0;
        let system = MACHINE.contains(&key) || PROFILE.contains(&key);
        let (base, name, within) = match above {
            // The system says where these are, not their row.
            _ if system => (NOWHERE, key.to_owned(), Some(key)),
            None => (NOWHERE, key.to_owned(), None),
            Some((above, within)) if name == "." => return (above, within),
            Some((above, within)) => (above, name.to_lowercase(), within),
        };
        let next = numbers.len() + 1;
        (*numbers.entry((base, name)).or_insert(next), within)
    }

    /// The folder of a key of the Directory table.
    pub(super) fn number(&self, key: &str) -> Option<usize> {
        self.places.get(key).map(|(number, _)| *number)
    }

    /// The system's folder that a key of the Directory table is or lies in.
    pub(super) fn system(&self, key: &str) -> Option<&'a str> {
        self.places.get(key)?.1
    }
}

/// The target's long name of a DefaultDir or FileName column.
fn long_name(text: &str) -> &str {
    let target = text.split(':').next().unwrap_or_default();
    target.split_once('|').map_or(target, |(_, long)| long)
}

pub(super) fn check(msi: &Msi, findings: &mut Findings) {
    let folders = Folders::new(msi);
    for key in &folders.circular {
        let what = "its parents lead round in a circle".to_owned();
        findings.error("directory-loop", Place::row("Directory", *key), what, "let Directory_Parent lead up to TARGETDIR");
    }
    let components: HashMap<&str, (Option<usize>, bool)> = msi
        .database
        .rows("Component")
        .filter_map(|row| {
            let folder = folders.number(row.text("Directory_").unwrap_or_default());
            Some((row.text("Component")?, (folder, row.text("Condition").is_some())))
        })
        .collect();
    let mut taken: HashMap<(usize, String), (&str, bool)> = HashMap::new();
    for row in msi.database.rows("File") {
        let (Some(key), Some(name)) = (row.text("File"), row.text("FileName")) else { continue };
        let component = components.get(row.text("Component_").unwrap_or_default());
        let Some(&(Some(folder), conditional)) = component else { continue };
        // The short name is a path of its own: one file must not be found under another's.
        let mut names: Vec<String> = name.split('|').map(str::to_lowercase).collect();
        names.dedup();
        let other = names.into_iter().find_map(|name| taken.insert((folder, name), (key, conditional)));
        let Some((other, otherwise)) = other.filter(|(other, _)| *other != key) else { continue };
        let (place, what) = (Place::row("File", key), format!("{name} is also the path of {other}"));
        if conditional && otherwise {
            let remedy = "make sure that the conditions of their components never hold together";
            findings.warning("path-collision", place, what, remedy);
        } else {
            findings.error("path-collision", place, what, "rename one of them, or leave it out");
        }
    }
}
