//! Seal: make this machine a template whose clones are strangers to each other.

use super::installed::{logs, run, Installed};
use super::{code, refuse, say, Service, PATIENCE};
use native::folder::{self, Kind};
use native::merge::{without, IDENTITY};
use native::registry::Key;
use native::report::json;
use native::{machine, pattern, places};
use std::{fs, io};

/// Removes identity, certificates, queues, logs; returns the exit code.
pub fn seal(installed: &Installed, as_json: bool) -> i32 {
    if machine::installer_is_busy() {
        return refuse(code::BUSY, "an installation is running", "Windows Installer", "wait until it has ended");
    }
    if let Err(why) = stopped() {
        let what = format!("{} is still running: a running connector would make a new identity at once", places::service());
        return refuse(code::FAILED, &what, &why.to_string(), "stop it, then seal again");
    }
    let mut removed = Vec::new();
    for path in list(installed) {
        if let Err(error) = folder::remove(&path) {
            return refuse(
                code::FAILED,
                "not all could be removed",
                &format!("{path}: {error}"),
                "remove the cause and seal again",
            );
        }
        removed.push(path);
    }
    let config = installed.config_file();
    match forget_identity(&config) {
        Ok(()) => removed.insert(0, format!("{config}: {}", IDENTITY.join(", "))),
        Err(error) => {
            let place = format!("{config}: {error}");
            return refuse(code::FAILED, "the identity could not be removed", &place, "make it writable and seal again");
        }
    }
    // A repair or an upgrade of a clone would write the identity that was given to the template into its csclient.cfg.
    let place = places::place("setup-key");
    let setup = Key::edit(&place).filter(|key| key.text("CORE_ID").map_or(false, |id| !id.is_empty()));
    if let Some(setup) = setup {
        setup.remove("CORE_ID");
        removed.push(format!(r"HKLM\{place}: CORE_ID"));
    }
    report(installed, as_json, &removed);
    code::DONE
}

/// Stops the service and makes sure that it and its process are gone. One that is not registered runs not.
fn stopped() -> io::Result<()> {
    const NOT_REGISTERED: i32 = 1060;
    match Service::control(&places::service()) {
        Ok(service) => service.stop(PATIENCE),
        Err(error) if error.raw_os_error() == Some(NOT_REGISTERED) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What a clone must not inherit. Working folders hold queues and certificates. install.json stays.
fn list(installed: &Installed) -> Vec<String> {
    let components = format!("{}\\components", installed.root);
    let mut list = Vec::new();
    for place in [components.clone(), logs(), run()] {
        let goes = |name: &String| place != components || !name.eq_ignore_ascii_case("csclient.cfg");
        list.extend(folder::names(&place).into_iter().filter(goes).map(|name| format!("{place}\\{name}")));
    }
    let patterns = fs::read_to_string(format!("{}\\bin\\seal.paths", installed.root)).unwrap_or_default();
    for names in patterns.lines().map(str::trim).filter_map(pattern::names) {
        expand(&installed.root, &names, &mut list);
    }
    list
}

/// Every path that fits. A link fits by its name, and is not looked behind.
fn expand(place: &str, names: &[&str], list: &mut Vec<String>) {
    let (wanted, rest) = match names.split_first() {
        Some(split) => split,
        None => return,
    };
    for name in folder::names(place).into_iter().filter(|name| pattern::matches(wanted, name)) {
        let path = format!("{place}\\{name}");
        if rest.is_empty() {
            list.push(path);
        } else if folder::kind(&path) == Kind::Folder {
            expand(&path, rest, list);
        }
    }
}

fn forget_identity(config: &str) -> io::Result<()> {
    if folder::kind(config) == Kind::Missing {
        return Ok(());
    }
    if folder::kind(config) != Kind::File {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a file"));
    }
    let bytes = fs::read(config)?;
    let left = without(&bytes, &IDENTITY);
    if left == bytes {
        return Ok(());
    }
    folder::replace(config, &left)
}

fn report(installed: &Installed, as_json: bool, removed: &[String]) {
    if as_json {
        let list: Vec<String> = removed.iter().map(|path| format!(" {}", json(path))).collect();
        say(&format!("{{ \"sealed\": true, \"root\": {}, \"removed\": [{} ] }}", json(&installed.root), list.join(",")));
        return;
    }
    removed.iter().for_each(|path| say(&format!("removed {path}")));
    say(&format!("sealed: the next boot starts {}, which makes a new identity", places::service()));
}
