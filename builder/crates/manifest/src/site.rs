//! A site file: one customer's settings, laid over the product.

use super::model::ConnectorThrottle;
use super::settings::Forced;
use super::values::{Account, Identity, LinuxRoot, Name, Url, Version};
use schemars::JsonSchema;
use serde::Deserialize;

/// `SITE.toml`: what one customer changes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Site {
    /// The site's name, added to the package's name; the file's own name without `.toml` when absent.
    pub name: Option<Name>,
    /// The version of the site's configuration package (`--per-site overlay`); the product's when absent. Raise it with the site's settings.
    pub version: Option<Version>,
    /// Replaces the core server.
    pub server_url: Option<Url>,
    /// An identity assigned by the server; only for packages that reach one endpoint.
    pub core_id: Option<Identity>,
    /// Replaces the install roots.
    #[serde(default)]
    pub root: super::model::RootTable,
    /// Replaces the Linux account.
    pub run_as: Option<Account>,
    /// Which containers run; all when absent.
    pub containers: Option<Vec<Name>>,
    /// Of the keys above, those whose values each installation, repair and upgrade on Windows sets again, over what was kept there.
    #[serde(default)]
    pub forced: Vec<Forced>,
    /// Replaces single limits.
    #[serde(default)]
    pub throttle: ConnectorThrottle,
    /// Adds or replaces lines of csclient.cfg, by dotted key.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub settings: toml::Table,
}

impl Site {
    /// The root of Linux packages, when the site has its own.
    pub fn linux_root(&self) -> Option<&LinuxRoot> {
        self.root.linux.as_ref()
    }
}
