//! The names that a product goes by on an endpoint. Each has a default, which the manifest's `[names]` may change: two products whose
//! names differ live side by side. [`super::places`] has the places that follow from them.
//!
//! The builder renders them into scripts and MSIs. Programs that are built beforehand find those that are not the default in a file of
//! the package, [`FILE`].

use super::rules::System;

/// What a value has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A name for units, scripts and files of Linux.
    Service,
    /// A number of two digits, 1 to 99.
    Number,
    /// A folder's name below /etc, /var/lib, /var/log, /var/run.
    Vendor,
    /// A folder's name below the root.
    Folder,
    /// A service's name on Windows.
    WindowsService,
    /// A folder's name below %ProgramData%.
    WindowsVendor,
    /// The path of a key below HKEY_LOCAL_MACHINE and its SOFTWARE.
    RegistryKey,
    /// The name of a value in the registry.
    RegistryValue,
}

/// One name.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    /// In the manifest, in [`FILE`] and, in braces, in patterns.
    pub key: &'static str,
    /// What it is where the manifest says nothing.
    pub default: &'static str,
    /// Its rule.
    pub form: Form,
    /// The systems on which an upgrade has to keep it, since what it names would stay behind.
    pub lasts_on: &'static [System],
    /// One sentence, without its first capital and its full stop.
    pub summary: &'static str,
}

const fn name(key: &'static str, default: &'static str, form: Form, lasts_on: &'static [System], summary: &'static str) -> Name {
    Name { key, default, form, lasts_on, summary }
}

const NOWHERE: &[System] = &[];
const LINUX: &[System] = &[System::Linux];
const WINDOWS: &[System] = &[System::Windows];
const BOTH: &[System] = &[System::Linux, System::Windows];

/// All of them.
pub const NAMES: [Name; 9] = [
    name("service", "vlink", Form::Service, LINUX, "the service on Linux: unit, init script, logrotate's file; on both systems the connector's own log, and what metrics begin with"),
    name("start-link", "30", Form::Number, NOWHERE, "when the init script starts among others: 30 makes the links S30 and K70"),
    name("vendor", "intigua", Form::Vendor, LINUX, "the folders of settings, state, logs and the running service on Linux, and the default root"),
    name("connector-folder", "vAgentManager", Form::Folder, BOTH, "the connector's folder in the root"),
    name("containers-folder", "Intigua-Libs", Form::Folder, BOTH, "the containers' folder in the root"),
    name("windows-service", "vAgentManager", Form::WindowsService, WINDOWS, "the service on Windows, and its events' source"),
    name("windows-vendor", "Intigua", Form::WindowsVendor, WINDOWS, "the folder of results, logs and the running service below %ProgramData%, and the default root on Windows"),
    name("registry-key", r"VMI\setup", Form::RegistryKey, WINDOWS, r"the key below HKLM and HKLM\SOFTWARE that holds root and settings"),
    name("root-value", "IntiguaRootDir", Form::RegistryValue, WINDOWS, "the value in it that names the root"),
];

/// Where a package keeps the names that are not the default, relative to the root: a line `key=value` each. It is missing where all are.
pub const FILE: &str = "bin/names";

/// A product's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names([String; NAMES.len()]);

impl Default for Names {
    fn default() -> Self {
        Names(NAMES.map(|name| name.default.to_string()))
    }
}

impl Names {
    /// Reads [`FILE`], or the same joined by semicolons. What is unknown or breaks its rule is passed over.
    pub fn read(text: &str) -> Names {
        let mut names = Names::default();
        for (key, value) in text.split(['\n', ';']).filter_map(|row| row.trim_end().split_once('=')) {
            names.set(key, value);
        }
        names
    }

    /// Gives a name another value; whether there is such a name, and the value is one for it.
    pub fn set(&mut self, key: &str, value: &str) -> bool {
        match NAMES.iter().position(|name| name.key == key) {
            Some(at) if fault(NAMES[at].form, value).is_none() => {
                self.0[at] = value.to_string();
                true
            }
            _ => false,
        }
    }

    /// The value of a name.
    ///
    /// # Panics
    /// There is no such name.
    pub fn get(&self, key: &str) -> &str {
        let at = NAMES.iter().position(|name| name.key == key);
        &self.0[at.unwrap_or_else(|| panic!("no name is called {key}"))]
    }

    /// Those that are not the default: `key=value`, in the table's order, with `end` behind each.
    pub fn changed(&self, end: &str) -> String {
        let rows = NAMES.iter().zip(&self.0).filter(|(name, value)| name.default != value.as_str());
        rows.map(|(name, value)| format!("{}={value}{end}", name.key)).collect()
    }

    /// Those that an upgrade has to keep and that are not the default, joined by semicolons: what two versions have to agree on.
    pub fn lasting(&self, system: System) -> String {
        let lasts = |name: &Name| name.lasts_on.contains(&system);
        let rows = NAMES.iter().zip(&self.0).filter(|(name, value)| lasts(name) && name.default != value.as_str());
        rows.map(|(name, value)| format!("{}={value}", name.key)).collect::<Vec<_>>().join(";")
    }

    /// A text with each `{key}` replaced by its value, and `{stop-link}` by the number that undoes `{start-link}`.
    pub fn fill(&self, pattern: &str) -> String {
        let stop = 100 - self.get("start-link").parse::<u32>().unwrap_or(30).min(99);
        let number = |number: u32| format!("{number:02}");
        let start = number(100 - stop);
        let text = pattern.replace("{stop-link}", &number(stop)).replace("{start-link}", &start);
        NAMES.iter().zip(&self.0).fold(text, |text, (name, value)| text.replace(&format!("{{{}}}", name.key), value))
    }

    /// What metrics begin with: letters, digits and underscores.
    pub fn metric(&self) -> String {
        self.get("service").replace('-', "_")
    }
}

/// Folders of the root that are linkpack's own; none of another name may look like `bin` beside them.
const OF_THE_ROOT: [&str; 4] = ["components", "current", "kept", "versions"];

/// Folders of the system below /etc, /usr/local, /usr/share, /var/lib, /var/log and /var/run.
const OF_LINUX: &[&str] = &[
    "alternatives",
    "apparmor",
    "apt",
    "audit",
    "bin",
    "bluetooth",
    "btmp",
    "cache",
    "chrony",
    "containerd",
    "containers",
    "credentials",
    "cron",
    "cups",
    "dbus",
    "dconf",
    "debconf",
    "default",
    "dhcp",
    "dnf",
    "doc",
    "docker",
    "dpkg",
    "etc",
    "faillock",
    "firewalld",
    "fonts",
    "fstab",
    "games",
    "group",
    "grub",
    "gshadow",
    "hosts",
    "icons",
    "include",
    "info",
    "init",
    "initctl",
    "initramfs-tools",
    "issue",
    "journal",
    "kernel",
    "kubelet",
    "lastlog",
    "ldap",
    "lib",
    "lib32",
    "lib64",
    "libexec",
    "locale",
    "lock",
    "log",
    "login",
    "logrotate",
    "lvm",
    "man",
    "messages",
    "misc",
    "mount",
    "network",
    "nfs",
    "opt",
    "os-release",
    "pam",
    "passwd",
    "pki",
    "plymouth",
    "postfix",
    "ppp",
    "private",
    "profile",
    "python3",
    "rpm",
    "rsyslog",
    "run",
    "samba",
    "sbin",
    "sddm",
    "secure",
    "security",
    "selinux",
    "shadow",
    "share",
    "shells",
    "skel",
    "snapd",
    "src",
    "ssh",
    "sshd",
    "ssl",
    "sudo",
    "sudoers",
    "sysconfig",
    "sysctl",
    "syslog",
    "systemd",
    "terminfo",
    "tmpfiles",
    "tuned",
    "ucf",
    "udev",
    "user",
    "users",
    "utmp",
    "vim",
    "wtmp",
    "xdg",
    "yum",
    "zoneinfo",
    "zypp",
];

/// Folders of the system below %ProgramData%, and names that Windows keeps for devices.
const OF_WINDOWS: &[&str] = &[
    "application data",
    "aux",
    "common files",
    "con",
    "desktop",
    "documents",
    "favorites",
    "microsoft",
    "nul",
    "package cache",
    "packages",
    "prn",
    "regid",
    "softwaredistribution",
    "ssh",
    "start menu",
    "templates",
    "usoprivate",
    "usoshared",
    "windows",
    "windows defender",
    "windowsapps",
];

/// What comes first in keys that belong to Windows.
const OF_THE_REGISTRY: &[&str] = &[
    "bcd00000000",
    "classes",
    "clients",
    "components",
    "drivers",
    "hardware",
    "microsoft",
    "odbc",
    "policies",
    "registeredapplications",
    "sam",
    "security",
    "software",
    "system",
    "wow6432node",
];

/// The event log's own sources.
const OF_THE_EVENT_LOG: &[&str] = &["application", "forwardedevents", "security", "setup", "system"];

/// What is wrong with a value, to be read behind it; `None` where nothing is.
pub fn fault(form: Form, value: &str) -> Option<String> {
    let lower = value.to_ascii_lowercase();
    let one_of = |list: &[&str]| list.contains(&lower.as_str());
    let begins = value.starts_with(|c: char| c.is_ascii_alphabetic());
    let ends = value.ends_with(|c: char| c.is_ascii_alphanumeric());
    let consists = |others: &str| value.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c));
    let good = |others: &str, most: usize| begins && ends && consists(others) && value.len() <= most;
    let is = |what: &str| Some(what.to_string());
    match form {
        Form::Service if !good("-_", 30) || lower != value => {
            is("is no name for a service: at most 30 small letters, digits, - and _, with a letter first")
        }
        Form::Service if lower.starts_with("systemd") => is("is a name of systemd's"),
        Form::Number if !(value.len() <= 2 && consists("") && (1..=99).contains(&value.parse().unwrap_or(0))) => {
            is("is no number from 1 to 99")
        }
        Form::Vendor if !good("-_", 30) || lower != value => {
            is("is no name for a folder of the system: at most 30 small letters, digits, - and _, with a letter first")
        }
        Form::Vendor if one_of(OF_LINUX) => is("is a folder of the system's own"),
        Form::Folder if !good("-_", 40) => {
            is("is no name for a folder: at most 40 letters, digits, - and _, with a letter first")
        }
        Form::Folder if one_of(&OF_THE_ROOT) || lower.starts_with("bin") => {
            is("is a folder of linkpack's own in the root, or looks like one")
        }
        Form::Folder if one_of(OF_WINDOWS) => is("is a name that Windows keeps for itself"),
        Form::WindowsService if !good("-_", 80) => {
            is("is no name for a service of Windows: at most 80 letters, digits, - and _, with a letter first")
        }
        Form::WindowsService if one_of(OF_THE_EVENT_LOG) => is("is a name of the event log's own"),
        Form::WindowsVendor if !good(" -_", 40) || value.contains("  ") => {
            is("is no name for a folder: at most 40 letters, digits, single spaces, - and _, with a letter first")
        }
        Form::WindowsVendor if one_of(OF_WINDOWS) => is("is a folder of Windows, or a name that it keeps for itself"),
        Form::RegistryKey => key_fault(&lower).map(str::to_string),
        Form::RegistryValue if !good("-_", 80) => {
            is("is no name for a value of the registry: at most 80 letters, digits, - and _, with a letter first")
        }
        // The MSI's own values of the same key.
        Form::RegistryValue if ["helper32", "helper64", "productcode", "version"].contains(&lower.as_str()) => {
            is("is a value that linkpack writes there itself")
        }
        _ => None,
    }
}

fn key_fault(lower: &str) -> Option<&'static str> {
    let parts: Vec<&str> = lower.split('\\').collect();
    let good = |part: &&str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || " -_".contains(c))
            && !part.starts_with(' ')
            && !part.ends_with(' ')
    };
    if !(2..=4).contains(&parts.len()) || !parts.iter().all(good) || lower.len() > 100 {
        return Some(
            r"is no path of a key such as Acme\setup: 2 to 4 names of letters, digits, spaces, - and _, with \ between them",
        );
    }
    match OF_THE_REGISTRY.contains(&parts[0]) {
        true => Some("begins with a key that belongs to Windows"),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_keep_their_rules_and_need_no_file() {
        for name in NAMES {
            assert_eq!(fault(name.form, name.default), None, "{}", name.key);
        }
        assert_eq!(Names::default().changed("\n"), "");
    }

    #[test]
    fn what_is_written_down_is_read_again() {
        let mut names = Names::default();
        assert!(
            names.set("service", "acme-link") && names.set("registry-key", r"Acme Ltd\setup") && names.set("start-link", "7")
        );
        assert!(!names.set("service", "Acme") && !names.set("nonsense", "x"));
        for end in ["\n", ";", "\r\n"] {
            assert_eq!(Names::read(&names.changed(end)), names, "{end:?}");
        }
        assert_eq!(names.fill("S{start-link}{service} K{stop-link} {registry-key}"), r"S07acme-link K93 Acme Ltd\setup");
        assert_eq!(names.metric(), "acme_link");
        assert_eq!(names.lasting(System::Linux), "service=acme-link");
        assert_eq!(names.lasting(System::Windows), r"registry-key=Acme Ltd\setup");
        assert_eq!(Names::read("service=../x\nvendor\n=\n"), Names::default());
    }

    #[test]
    fn values_that_collide_with_the_system_or_break_its_rules_are_refused() {
        for (form, values) in [
            (
                Form::Service,
                &["", "Acme", "a b", "9a", "a.b", "a/b", "systemd-x", "a-", "é", "abcdefghijklmnopqrstuvwxyz12345"][..],
            ),
            (Form::Number, &["", "0", "00", "100", "x", "-1", "+1", "3 "]),
            (Form::Vendor, &["", "dpkg", "lib", "Acme", "../x", "a b", "systemd", "ssl"]),
            (Form::Folder, &["", "bin", "Bin-x", "components", "Kept", ".linkpack", "a/b", "a\\b", "con", "a b", "-a"]),
            (Form::WindowsService, &["", "Application", "a b", "a/b", "a\\b", "a\"b"]),
            (Form::WindowsVendor, &["", "Microsoft", "a\\b", "a  b", " a", "NUL", "a.", "a%b"]),
            (
                Form::RegistryKey,
                &["", "Acme", r"\Acme\setup", r"Acme\", r"Acme\\setup", r"SOFTWARE\Acme", r"Microsoft\x", r"a\b\c\d\e", "a/b"],
            ),
            (Form::RegistryValue, &["", "Version", "a b", "ProductCode"]),
        ] {
            for value in values {
                assert!(fault(form, value).is_some(), "{form:?} {value:?}");
            }
        }
    }
}
