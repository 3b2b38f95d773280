//! A site file: one customer's settings, laid over the product.

use super::linux_root::LinuxRoot;
use super::model::ConnectorThrottle;
use super::settings::{Forced, WithSettings};
use super::target::Target;
use super::values::{Account, Identity, Name, Url, Version};
use contract::settings::Setting;
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

impl WithSettings<Site> {
    /// Whether the site gives a setting's value to packages for a target.
    pub fn gives(&self, setting: &Setting, target: Target) -> bool {
        match setting.name {
            "INSTALL_ROOT" => {
                if target.is_linux() {
                    self.root.linux.is_some()
                } else {
                    self.root.windows.is_some()
                }
            }
            "SERVER_URL" => self.server_url.is_some(),
            "CORE_ID" => self.core_id.is_some(),
            "RUN_AS" => self.run_as.is_some(),
            "CONTAINERS" => self.containers.is_some(),
            name => self.of(name, target).is_some(),
        }
    }

    /// The same whatever the target.
    pub fn gives_any(&self, setting: &Setting) -> bool {
        Target::ALL.iter().any(|target| self.gives(setting, *target))
    }
}
