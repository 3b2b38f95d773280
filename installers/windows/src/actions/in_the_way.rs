//! What else is on the machine and stands in the way: a newer version, another root, another product, a foreign service.

use super::first_version;
use super::msi::{location_of, Installation};
use contract::names;
use contract::rules::System;
use native::places;
use native::registry::{Key, UNINSTALL};
use native::service::Service;
use native::settings::Settings;

/// What stands in the way of this product, each with its remedy.
pub fn others(installation: &Installation, settings: &Settings) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let newer = first_version(&installation.property("NEWER_VERSION"));
    let installed = !installation.property("Installed").is_empty();
    if !installed && !installation.property("NEWER_VERSION").is_empty() {
        let fault = format!("version {newer} is installed, and {} is older", settings.get("VERSION"));
        found.push((fault, "uninstall the newer version first".to_string()));
    }
    // The root that Windows Installer knows counts for what is installed: without it a repair would be one of another place.
    let old_root = match installed {
        true => location_of(&installation.property("ProductCode")),
        false => installation.property("OLDROOT"),
    };
    let old_root = old_root.trim_end_matches('\\');
    let differs = !settings.root().is_empty() && old_root.to_lowercase() != settings.root().to_lowercase();
    if !old_root.is_empty() && differs {
        let fault = format!("it is installed in {old_root} already, and {} was asked for", settings.root());
        found.push((fault, format!("uninstall it there first, or write INSTALL_ROOT=\"{old_root}\"")));
    }
    if let Some(fault) = renamed(&installation.property("OLDER_VERSION")) {
        found.push((fault, "build this version with the same names, or uninstall the older one first".to_string()));
    }
    if let Some(title) = (!installed && found.is_empty()).then(|| occupant(installation, settings.root())).flatten() {
        let fault = format!("{title} is installed in {}", settings.root());
        found.push((fault, "choose another INSTALL_ROOT, or uninstall that first".to_string()));
    }
    let known = installed || !old_root.is_empty() || !installation.property("OLDER_VERSION").is_empty();
    let service = settings.get("SERVICE");
    if !known && found.is_empty() && !service.is_empty() && Service::open(service).is_some() {
        let fault = format!("a service {service} is there that this product did not register");
        found.push((fault, format!("uninstall it by its own means or, if it is a leftover, remove it: sc delete {service}")));
    }
    found
}

/// The title of another product that has the root for its own: the files of both would be one another's.
fn occupant(installation: &Installation, root: &str) -> Option<String> {
    let related = format!("{};{}", installation.property("ProductCode"), installation.property("OLDER_VERSION"));
    let is_related = |code: &str| related.split(';').any(|known| known.eq_ignore_ascii_case(code));
    let lower = |path: &str| path.trim_matches('"').trim_end_matches('\\').to_lowercase();
    let uninstall = |code: &str| Key::open(&format!("{UNINSTALL}\\{code}"));
    let title = |code: String| {
        let key = uninstall(&code).filter(|_| !is_related(&code))?;
        let is_there = lower(&key.text("InstallLocation")?) == lower(root);
        is_there.then(|| key.text("DisplayName").unwrap_or(code))
    };
    Key::open(UNINSTALL).filter(|_| !root.is_empty())?.names().into_iter().find_map(title)
}

/// An upgrade keeps its product's names: what was made by other ones would stay behind. The older version has its own beside linkctl.
fn renamed(older: &str) -> Option<String> {
    let place = older.split(';').map(location_of).find(|place| !place.is_empty())?;
    let text = std::fs::read_to_string(format!("{}\\{}", place.trim_end_matches('\\'), names::FILE.replace('/', "\\")));
    let older = names::Names::read(&text.unwrap_or_default());
    let is_same = older.lasting(System::Windows) == places::names().lasting(System::Windows);
    (!is_same).then(|| format!("the version in {place} is installed under other names ([names] of its manifest)"))
}
