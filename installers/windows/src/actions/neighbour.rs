//! Another product whose manifest has the same `windows-vendor` in `[names]`: it keeps results, logs and the running service in our folder.

use native::folder::{self, Kind};
use native::report::field;
use native::settings::Settings;
use native::{places, root};
use std::fs;

/// The other product's name and root, where it is installed and was the last to note a result in the folder. `user` installs, and is
/// privileged: what somebody else wrote there does not count.
pub fn neighbour(settings: &Settings, user: &str) -> Option<(String, String)> {
    let runtime = places::runtime();
    if folder::foreign(&runtime, user).is_some() {
        return None;
    }
    let document = fs::read_to_string(format!("{runtime}\\install.json")).ok()?;
    let (product, place) = (field(&document, "product")?, field(&document, "root")?);
    let is_ours = product == settings.get("PRODUCT") || place.to_lowercase() == settings.root().to_lowercase();
    let is_installed = || {
        root::fault(&place, &places::system_folders()).is_none()
            && folder::kind(&format!("{place}\\bin\\linkctl.exe")) == Kind::File
    };
    (!is_ours && is_installed()).then(|| (product, place))
}

/// Our own logs in the folder that a neighbour uses, too. Those of containers may be the neighbour's.
pub fn own_logs() -> Vec<String> {
    let logs = places::runtime() + r"\logs";
    let own = format!("{}.log", places::names().get("service"));
    let names = folder::names(&logs).into_iter().filter(|name| name.starts_with(&own));
    names.map(|name| format!("{logs}\\{name}")).collect()
}
