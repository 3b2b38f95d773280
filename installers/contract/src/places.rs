//! The places on an endpoint that a product's names make ([`super::names`]), each with whose it is. The shell has those with a
//! variable as `LP_P_...` (templates/linux/facts.sh); Rust asks by the key.

use super::names::Names;
use super::rules::System;

/// One place.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// By which code asks for it.
    pub key: &'static str,
    /// The system that has it.
    pub system: System,
    /// Where it is; `{name}` stands for one of the names, `<root>` for the install root.
    pub pattern: &'static str,
    /// Whose it is.
    pub owner: &'static str,
    /// One sentence, without its first capital and its full stop.
    pub summary: &'static str,
}

const fn linux(key: &'static str, pattern: &'static str, owner: &'static str, summary: &'static str) -> Place {
    Place { key, system: System::Linux, pattern, owner, summary }
}

const fn windows(key: &'static str, pattern: &'static str, summary: &'static str) -> Place {
    Place { key, system: System::Windows, pattern, owner: "SYSTEM", summary }
}

const ACCOUNT: &str = "the account of RUN_AS";
const ROOT: &str = "root";

/// All of them.
pub const PLACES: [Place; 22] = [
    linux("root", "/usr/local/{vendor}", ROOT, "the default install root, `<root>` below"),
    linux("connector", "<root>/{connector-folder}", ROOT, "the connector's files"),
    linux("containers", "<root>/{containers-folder}", ROOT, "the containers' files, a folder each"),
    linux("etc", "/etc/{vendor}", ROOT, "location.conf, which names the root, and install.conf, the answer file"),
    linux("lib", "/var/lib/{vendor}", ROOT, "the installers' state, lock and journal, and what removals have kept"),
    linux(
        "log",
        "/var/log/{vendor}",
        ROOT,
        "install.json, install.log, and the logs of connector and containers, which are the account's",
    ),
    linux("run", "/var/run/{vendor}", ACCOUNT, "the process's number and the connector's status"),
    linux("site", "/usr/share/{vendor}", ROOT, "PRODUCT.site, which a site's configuration package brings"),
    linux("unit", "/lib/systemd/system/{service}.service", ROOT, "the unit; below /usr/lib or /etc where /lib does not take it"),
    linux("init", "/etc/init.d/{service}", ROOT, "the init script, where there is such a folder"),
    linux("start-3", "/etc/rc3.d/S{start-link}{service}", ROOT, "a link to it"),
    linux(
        "start-5",
        "/etc/rc5.d/S{start-link}{service}",
        ROOT,
        "a link to it; without systemd there are more, K{stop-link} for those that stop",
    ),
    linux("logrotate", "/etc/logrotate.d/{service}", ROOT, "when logs are rotated, where there is such a folder"),
    linux("turn", "/var/run/{service}.lock", ROOT, "lets one start of the init script run at a time"),
    windows("windows-root", r"C:\Program Files\{windows-vendor}", "the default install root"),
    windows("runtime", r"%ProgramData%\{windows-vendor}", r"install.json, undo, logs and run"),
    windows("setup-key", r"SOFTWARE\{registry-key}", "the key below HKLM that holds root, version and settings"),
    windows(
        "policy-key",
        r"SOFTWARE\Policies\{registry-key}",
        "the key below HKLM whose values a group policy gives for settings",
    ),
    windows("vendor-key", r"{registry-key}", "the key below HKLM where the vendor's scripts look for the root"),
    windows("service-key", r"System\CurrentControlSet\Services\{windows-service}", "the service in the registry, below HKLM"),
    windows(
        "event-source",
        r"System\CurrentControlSet\Services\EventLog\Application\{windows-service}",
        "where the event log finds the texts of its events",
    ),
    windows("replacing", r"Global\{windows-vendor}Replacing", "an event that exists while a version is replaced"),
];

impl Names {
    /// A place of this product.
    ///
    /// # Panics
    /// There is no place of that key.
    pub fn place(&self, key: &str) -> String {
        let place = PLACES.iter().find(|place| place.key == key);
        self.fill(place.unwrap_or_else(|| panic!("no place is called {key}")).pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::NAMES;
    use super::*;

    #[test]
    fn places_are_made_of_the_names_alone_and_have_keys_of_their_own() {
        let names = Names::default();
        for (at, place) in PLACES.iter().enumerate() {
            assert!(!names.place(place.key).contains(['{', '}']), "{}", place.key);
            assert!(PLACES[..at].iter().all(|other| other.key != place.key), "{}", place.key);
        }
        for name in NAMES.iter().filter(|name| name.key != "root-value") {
            assert!(PLACES.iter().any(|place| place.pattern.contains(&format!("{{{}}}", name.key))), "{}", name.key);
        }
    }

    #[test]
    fn places_of_products_whose_names_differ_are_apart() {
        let mut other = Names::default();
        for (key, value) in [
            ("service", "acme"),
            ("vendor", "acme"),
            ("windows-service", "Acme"),
            ("windows-vendor", "Acme"),
            ("registry-key", r"Acme\setup"),
        ] {
            assert!(other.set(key, value));
        }
        for place in PLACES.iter().filter(|place| !place.pattern.starts_with("<root>")) {
            assert_ne!(Names::default().place(place.key), other.place(place.key), "{}", place.key);
        }
    }
}
