//! A site file: one customer's settings, laid over the product.

use super::model::ConnectorThrottle;
use super::system::PerSystem;
use super::values::{Account, Line, LinuxRoot, Name, Url};
use schemars::JsonSchema;
use serde::Deserialize;

/// `SITE.toml`: what one customer changes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Site {
    /// The site's name, added to the package's name; the file's own name without `.toml` when absent.
    pub name: Option<Name>,
    /// Replaces the core server.
    pub server_url: Option<Url>,
    /// Replaces the fallback servers.
    pub fallback_urls: Option<Vec<Url>>,
    /// An identity assigned by the server; only for packages that reach one endpoint.
    pub core_id: Option<Line>,
    /// A file on the endpoint that holds a token; never the token itself.
    pub token_file: Option<PerSystem<Line>>,
    /// Replaces the install roots.
    #[serde(default)]
    pub root: super::model::RootTable,
    /// Replaces the Linux account.
    pub run_as: Option<Account>,
    /// Which containers run; all when absent.
    pub containers: Option<Vec<Name>>,
    /// Of the keys above, those whose values each installation, repair and upgrade on Windows sets again, over what was kept there.
    #[serde(default)]
    pub forced: Vec<Forcible>,
    /// Replaces single limits.
    #[serde(default)]
    pub throttle: ConnectorThrottle,
    /// Adds or replaces lines of csclient.cfg, by dotted key.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub settings: toml::Table,
}

/// A key of a site file that can be forced. The root is none: an upgrade would be refused where it lies elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Forcible {
    /// `server-url`.
    ServerUrl,
    /// `fallback-urls`.
    FallbackUrls,
    /// `token-file`.
    TokenFile,
    /// `containers`.
    Containers,
}

impl Forcible {
    /// The key as site files write it.
    pub fn key(self) -> &'static str {
        match self {
            Forcible::ServerUrl => "server-url",
            Forcible::FallbackUrls => "fallback-urls",
            Forcible::TokenFile => "token-file",
            Forcible::Containers => "containers",
        }
    }

    /// The setting's name on endpoints.
    pub fn setting(self) -> &'static str {
        match self {
            Forcible::ServerUrl => "SERVER_URL",
            Forcible::FallbackUrls => "FALLBACK_URLS",
            Forcible::TokenFile => "TOKEN_FILE",
            Forcible::Containers => "CONTAINERS",
        }
    }
}

impl Site {
    /// Whether the site gives a value for a key.
    pub fn gives(&self, key: Forcible) -> bool {
        match key {
            Forcible::ServerUrl => self.server_url.is_some(),
            Forcible::FallbackUrls => self.fallback_urls.is_some(),
            Forcible::TokenFile => self.token_file.is_some(),
            Forcible::Containers => self.containers.is_some(),
        }
    }

    /// The root of Linux packages, when the site has its own.
    pub fn linux_root(&self) -> Option<&LinuxRoot> {
        self.root.linux.as_ref()
    }
}
