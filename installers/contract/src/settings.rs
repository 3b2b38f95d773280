//! The settings: what an administrator can tell an installation, under one name on every channel.
//!
//! A new setting is one row of [`SETTINGS`]. From the row come the `.run`'s option and usage, the answer file's key, debconf's question, what
//! `linkctl set` takes and remembers, the MSI's property, its default, registry value and place among the hidden ones, the keys of
//! manifest and site file, the line of csclient.cfg, and the tables of README.md.

/// Which values a setting takes: [`super::rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A folder to install into.
    Root,
    /// One http or https URL.
    Url,
    /// URLs with semicolons between them.
    Urls,
    /// An absolute path of a file.
    Path,
    /// Letters, digits and `. _ : -`.
    Identity,
    /// A Linux account, or `auto`.
    Account,
    /// `*`, or names of containers with commas between them.
    Containers,
    /// `1`, or `0` and empty.
    Flag,
}

impl Rule {
    /// The rule's name in the scripts.
    pub const fn name(self) -> &'static str {
        match self {
            Rule::Root => "root",
            Rule::Url => "url",
            Rule::Urls => "urls",
            Rule::Path => "path",
            Rule::Identity => "identity",
            Rule::Account => "account",
            Rule::Containers => "containers",
            Rule::Flag => "flag",
        }
    }
}

/// How long a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// A command line or `linkctl set` is remembered; csclient.cfg follows every change.
    Remembered,
    /// It becomes the endpoint's own: `linkctl set` changes it, and nothing remembers it (CORE_ID).
    Once,
    /// Decided by the first installation; the state on the endpoint keeps it.
    Installation,
    /// Of one run. In the answer file and in debconf it counts for a first installation only.
    OneRun,
}

/// Where values are built into a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltIn {
    /// Nowhere: the endpoint's administrator alone decides.
    No,
    /// By a key of its own in the manifest's model (builder/crates/manifest/src/model.rs).
    Modelled,
    /// By the setting's key in `[connector]` and in a site file, as a text or by system (`{ linux = "...", windows = "..." }`).
    Plain,
    /// By the setting's key in `[connector]` and in a site file, as a list of URLs.
    List,
}

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name: in the answer file, in `KEY=VALUE`, as the MSI's property.
    pub name: &'static str,
    /// Which values it takes.
    pub rule: Rule,
    /// How long a value counts.
    pub lifetime: Lifetime,
    /// Where manifest and site give it.
    pub built_in: BuiltIn,
    /// The key of csclient.cfg that holds exactly this value; empty where there is none, or where several settings make one line.
    pub config_key: &'static str,
    /// Whether Windows has it: the service runs as LocalSystem there, and Windows Installer refuses downgrades itself.
    pub windows: bool,
    /// Whether an administrator may take it for the secret itself, so that no log shows it.
    pub hidden: bool,
    /// What stands behind the `.run`'s option; empty for a flag.
    pub argument: &'static str,
    /// debconf's short description; empty where debconf does not ask.
    pub question: &'static str,
    /// What an empty value means, for debconf.
    pub unset: &'static str,
    /// What it is, in a few words without a full stop: for `--help` and the documentation.
    pub summary: &'static str,
}

const TEXT: Setting = Setting {
    name: "",
    rule: Rule::Path,
    lifetime: Lifetime::Remembered,
    built_in: BuiltIn::Modelled,
    config_key: "",
    windows: true,
    hidden: false,
    argument: "",
    question: "",
    unset: "none",
    summary: "",
};

const FLAG: Setting = Setting { rule: Rule::Flag, lifetime: Lifetime::OneRun, built_in: BuiltIn::No, unset: "", ..TEXT };

/// Every setting, in the order in which people read them.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "INSTALL_ROOT",
        rule: Rule::Root,
        lifetime: Lifetime::Installation,
        argument: "DIR",
        question: "Install root:",
        unset: "",
        summary: "where to install",
        ..TEXT
    },
    Setting {
        name: "SERVER_URL",
        rule: Rule::Url,
        argument: "URL",
        question: "URL of the core server:",
        summary: "the core server",
        ..TEXT
    },
    Setting {
        name: "FALLBACK_URLS",
        rule: Rule::Urls,
        built_in: BuiltIn::List,
        argument: "URLS",
        question: "Further URLs of the core server:",
        summary: "further URLs of the core server, tried in order, separated by semicolons",
        ..TEXT
    },
    Setting {
        name: "CORE_ID",
        rule: Rule::Identity,
        lifetime: Lifetime::Once,
        argument: "ID",
        question: "Identity given by the core server:",
        unset: "a new one is made",
        summary: "an identity given by the server; made at the first start without one",
        ..TEXT
    },
    Setting {
        name: "TOKEN_FILE",
        config_key: "tokenFile",
        hidden: true,
        built_in: BuiltIn::Plain,
        argument: "FILE",
        question: "Path of the token file:",
        summary: "the file that holds the token; a path, never the secret itself",
        ..TEXT
    },
    Setting {
        name: "PROXY_URL",
        rule: Rule::Url,
        config_key: "proxyUrl",
        built_in: BuiltIn::Plain,
        argument: "URL",
        question: "URL of the proxy to the core server:",
        summary: "the proxy on the way to the core server; direct without one",
        ..TEXT
    },
    Setting {
        name: "PROXY_CREDENTIALS_FILE",
        config_key: "proxyCredentialsFile",
        hidden: true,
        built_in: BuiltIn::Plain,
        argument: "FILE",
        question: "Path of the file with the proxy's credentials:",
        summary: "the file that holds the proxy's user:password; a path, never the secret itself",
        ..TEXT
    },
    Setting {
        name: "RUN_AS",
        rule: Rule::Account,
        lifetime: Lifetime::Installation,
        windows: false,
        argument: "ACCOUNT",
        question: "Account that runs the connector:",
        unset: "root",
        summary: "root, a sudoer without password, or auto (an account of the product's own)",
        ..TEXT
    },
    Setting {
        name: "CONTAINERS",
        rule: Rule::Containers,
        config_key: "containers",
        argument: "LIST",
        question: "Containers to run:",
        unset: "all",
        summary: "* or names separated by commas; required ones always run",
        ..TEXT
    },
    Setting {
        name: "IMAGE",
        question: "Prepare a golden image?",
        unset: "Installs and registers; the first boot starts the connector.",
        summary: "1: for a golden image: install, do not start, make no identity",
        ..FLAG
    },
    Setting {
        name: "NO_START",
        question: "Leave the connector stopped for now?",
        unset: "It is started by the next boot.",
        summary: "1: do not start now",
        ..FLAG
    },
    Setting { name: "ALLOW_DOWNGRADE", windows: false, summary: "1: an older version may replace a newer one", ..FLAG },
];

impl Setting {
    /// Finds a setting by its name.
    pub fn named(name: &str) -> Option<&'static Setting> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// The name with small letters, and another character in place of `_`: `server-url`, `server_url`.
    pub fn lower(&self, separator: &str) -> String {
        self.name.to_ascii_lowercase().replace('_', separator)
    }

    /// Its key in the manifest and in site files.
    pub fn key(&self) -> String {
        self.lower("-")
    }

    /// The `.run`'s option.
    pub fn option(&self) -> String {
        format!("--{}", self.lower("-"))
    }

    /// Whether the option stands alone.
    pub fn is_flag(&self) -> bool {
        self.rule == Rule::Flag
    }

    /// Whether `linkctl set` takes it.
    pub fn is_settable(&self) -> bool {
        matches!(self.lifetime, Lifetime::Remembered | Lifetime::Once)
    }

    /// Whether a group policy can give it: what many machines share, and what csclient.cfg can follow. An identity is one machine's.
    pub fn is_policy(&self) -> bool {
        self.windows && self.lifetime == Lifetime::Remembered
    }

    /// Whether the scripts treat it by its row alone: they write its value to a line of csclient.cfg.
    pub fn is_plain(&self) -> bool {
        self.built_in == BuiltIn::Plain
    }
}

/// The settings whose values are built in by their keys alone.
pub fn keyed() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| matches!(setting.built_in, BuiltIn::Plain | BuiltIn::List))
}

/// What an MSI built from a manifest can be told: every setting that Windows has.
pub fn of_windows() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| setting.windows)
}

/// What a group policy can give.
pub fn of_policies() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| setting.is_policy())
}

/// serverUrl of csclient.cfg, which two settings make: the fallbacks stand behind the core server, after semicolons. One that is not
/// `given` stays as it is `now`.
pub fn server_urls<'a>(now: &'a str, given: impl Fn(&str) -> Option<&'a str>) -> String {
    let (first, rest) = now.split_once(';').unwrap_or((now, ""));
    let (primary, fallbacks) = (given("SERVER_URL").unwrap_or(first), given("FALLBACK_URLS").unwrap_or(rest));
    let separator = if fallbacks.is_empty() { "" } else { ";" };
    format!("{primary}{separator}{fallbacks}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_that_a_policy_can_give_has_a_line_of_csclient_cfg() {
        for setting in of_policies() {
            assert!(
                !setting.config_key.is_empty() || ["SERVER_URL", "FALLBACK_URLS"].contains(&setting.name),
                "{}",
                setting.name
            );
        }
        let given = |name: &'static str, value: &'static str| move |asked: &str| (asked == name).then_some(value);
        assert_eq!(server_urls("a;b;c", given("SERVER_URL", "x")), "x;b;c");
        assert_eq!(server_urls("a;b;c", given("FALLBACK_URLS", "y;z")), "a;y;z");
        assert_eq!(server_urls("", given("SERVER_URL", "x")), "x");
    }

    #[test]
    fn names_are_capital_letters_and_rows_are_complete() {
        for setting in SETTINGS {
            assert!(setting.name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{}", setting.name);
            assert!(!setting.summary.is_empty() && !setting.summary.ends_with('.'), "{}", setting.name);
            assert_eq!(setting.is_flag(), setting.argument.is_empty(), "{}", setting.name);
            assert!(
                !setting.is_plain() || !setting.config_key.is_empty(),
                "{}: a plain setting is a line of csclient.cfg",
                setting.name
            );
            assert_eq!(SETTINGS.iter().filter(|other| other.name == setting.name).count(), 1, "{}", setting.name);
        }
    }
}
