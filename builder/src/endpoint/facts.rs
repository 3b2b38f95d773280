//! What the scripts of one package have to know, and which values can be put into them.

use contract::names::Names;
use contract::settings::{Setting, SETTINGS};
use std::collections::BTreeMap;

/// The processor a package is for, as `uname -m` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// x86_64
    X86_64,
    /// aarch64
    Aarch64,
    /// Any: nothing is checked.
    Any,
}

impl Arch {
    /// The name `uname -m` prints; empty for [`Arch::Any`].
    pub fn uname(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::Aarch64 => "aarch64",
            Arch::Any => "",
        }
    }
}

/// One container of the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerFact {
    /// The directory below the containers' folder: letters, digits, `.`, `_`, `-`, `+`.
    pub name: String,
    /// Whether CONTAINERS may leave it out.
    pub required: bool,
}

/// Values built in for the contract's settings, from the site and the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<&'static str, String>);

impl Settings {
    /// Builds a value in; an empty one is none.
    ///
    /// # Panics
    /// The contract has no such setting.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let setting = Setting::named(name).unwrap_or_else(|| panic!("no setting is called {name}"));
        self.0.insert(setting.name, value.into());
    }

    /// The value of a setting; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// The facts of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The product's name, which the packages of all its sites share.
    pub product: String,
    /// The package's name, as dpkg and rpm know it: the product's, and for a site `-SITE` behind it.
    pub package: String,
    /// What the product goes by on an endpoint.
    pub names: Names,
    /// For people: the unit's description, messages.
    pub title: String,
    /// The upstream version: digits, letters, `.`, `+`, `~`, `-`, `_`, `:`-free.
    pub version: String,
    /// The root the files are packaged below.
    pub packaged_root: String,
    /// The processor.
    pub arch: Arch,
    /// Room the unpacked files take, in units of 1024 bytes.
    pub installed_kb: u64,
    /// The unpacked files and folders.
    pub installed_names: usize,
    /// The containers, in the manifest's order.
    pub containers: Vec<ContainerFact>,
    /// The connector's executable, relative to the connector's folder.
    pub executable: String,
    /// Its arguments; `{root}` is replaced on the endpoint. Usually `run --root {root}`.
    pub arguments: Vec<String>,
    /// Its arguments for a try to reach the core server; none where it has no such check.
    pub core_check: Vec<String>,
    /// Built-in settings.
    pub settings: Settings,
    /// Further keys of csclient.cfg, dotted (`globalThrottleCfg.maxCpuPercent`), with their values.
    pub config: Vec<(String, String)>,
    /// Shell patterns relative to the root that `linkctl seal` removes besides its own list.
    pub seal_paths: Vec<String>,
    /// The folders of the payload, relative to the root: what else is a folder there gives way before unpacking. A newline in a name is
    /// written as the byte 1.
    pub folders: Vec<String>,
    /// The payload's links (`l` before the name) and, up to a number that a scriptlet can hold, its files (`f`): a folder in their place gives
    /// way.
    pub others: Vec<String>,
    /// The libraries that the payload's files need, a line each: `64|32 SONAME PACKAGE VERSION...`; a `.run` looks for them.
    pub libraries: String,
    /// Folders where they may lie besides the loader's own, a line each.
    pub library_folders: String,
    /// The programs that its scripts are run by, a line each.
    pub programs: String,
}

/// A fact that cannot stand where the endpoint needs it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {why}: {value:?}; {help}")]
pub struct FactsError {
    /// Which fact.
    pub what: String,
    /// What is wrong with it.
    pub why: &'static str,
    /// The value.
    pub value: String,
    /// What to write instead.
    pub help: &'static str,
}

/// The marker that the endpoint replaces by the resolved root.
pub(super) const ROOT_MARKER: &str = "@LP_ROOT@";

impl Facts {
    /// The executable and its arguments, with the root's marker in place of `{root}`.
    pub(super) fn command(&self) -> Vec<String> {
        self.called(&self.arguments)
    }

    /// The same for the check of the way to the core server; empty where there is none.
    pub(super) fn core_check(&self) -> Vec<String> {
        if self.core_check.is_empty() {
            return Vec::new();
        }
        self.called(&self.core_check)
    }

    fn called(&self, arguments: &[String]) -> Vec<String> {
        let executable = format!("{ROOT_MARKER}/{}/{}", self.names.get("connector-folder"), self.executable);
        let arguments = arguments.iter().map(|argument| argument.replace("{root}", ROOT_MARKER));
        std::iter::once(executable).chain(arguments).collect()
    }

    /// Refuses what a script, a unit or csclient.cfg could only carry wrongly.
    pub(super) fn check(&self) -> Result<(), FactsError> {
        let name = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
        let word = |what: &str, value: &str, allowed: &dyn Fn(char) -> bool| {
            let starts_well = value.starts_with(|c: char| c.is_ascii_alphanumeric());
            refuse_unless(
                starts_well && value.chars().all(allowed),
                what,
                "holds more than letters, digits and . _ + -",
                value,
                "start with a letter or digit, and use only these",
            )
        };
        word("the product's name", &self.product, &name)?;
        word("the package's name", &self.package, &name)?;
        word("the version", &self.version, &|c| name(c) || c == '~')?;
        for container in &self.containers {
            word("a container's name", &container.name, &name)?;
        }
        for (key, _) in &self.config {
            word("a connector setting's key", key, &name)?;
        }
        refuse_unless(
            !self.executable.is_empty()
                && !self.executable.starts_with('/')
                && !self.executable.split('/').any(|part| part == ".."),
            "the connector's executable",
            "is not a path below the connector's folder",
            &self.executable,
            "write it relative to the connector's payload, such as \"vlink\"",
        )?;
        self.texts().try_for_each(|(what, value)| {
            refuse_unless(
                !value.chars().any(char::is_control) && !value.contains("@LP_"),
                what,
                "holds a control character or linkpack's own marker @LP_",
                value,
                "write it in one line of printable text",
            )
        })
    }

    fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let single = [
            ("the title", self.title.as_str()),
            ("the packaged root", self.packaged_root.as_str()),
            ("the connector's executable", self.executable.as_str()),
        ];
        let arguments = self.arguments.iter().chain(&self.core_check).map(|text| ("an argument of the connector", text.as_str()));
        let values = self.config.iter().map(|(_, text)| ("a connector setting", text.as_str()));
        let patterns = self.seal_paths.iter().map(|text| ("a seal path", text.as_str()));
        let settings = SETTINGS.iter().map(|setting| (setting.name, self.settings.get(setting.name)));
        single.into_iter().chain(settings).chain(arguments).chain(values).chain(patterns)
    }
}

fn refuse_unless(fine: bool, what: &str, why: &'static str, value: &str, help: &'static str) -> Result<(), FactsError> {
    if fine {
        return Ok(());
    }
    Err(FactsError { what: what.to_owned(), why, value: value.to_owned(), help })
}
