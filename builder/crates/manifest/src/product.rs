//! A product as it is packaged: the manifest with one site's settings laid over it.

use super::check::Checked;
use super::linux_root::LinuxRoot;
use super::model::{ConnectorThrottle, ContainerTable, Manifest, Target};
use super::place::Step;
use super::settings::WithSettings;
use super::site::Site;
use super::source::{SourceSpec, SourceTable};
use super::text::Text;
use super::values::Url;
use super::windows::WindowsRoot;
use base::error::Error;
use contract::names::Names;
use contract::settings::{BuiltIn, Setting};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A product, resolved for one site or for none.
#[derive(Debug, Clone)]
pub struct Product {
    /// Shared: ten thousand sites' products are one manifest.
    manifest: Arc<Manifest>,
    /// What relative payload paths start from.
    folder: PathBuf,
    site: Option<(String, WithSettings<Site>)>,
    settings: BTreeMap<String, String>,
    /// The lines of csclient.cfg that the site file itself gives.
    site_lines: BTreeMap<String, String>,
    /// The manifest's text, to point into.
    source: Arc<Text>,
    /// What may be meant, and may be a mistake.
    warnings: Vec<String>,
}

impl Product {
    pub(super) fn new(manifest: Manifest, folder: PathBuf, checked: Checked, source: Text) -> Self {
        let source = Arc::new(source);
        Product {
            manifest: Arc::new(manifest),
            folder,
            site: None,
            settings: checked.settings,
            site_lines: BTreeMap::new(),
            source,
            warnings: checked.warnings,
        }
    }

    /// What of the manifest may be a mistake, a sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The values that were given beside the manifest's text, by dotted key: options, and environment variables that it names.
    pub fn given(&self) -> &BTreeMap<String, String> {
        self.source.given()
    }

    /// Points an error at a value of the manifest.
    pub fn point(&self, error: Error, path: &[Step]) -> Error {
        match self.source.find(path) {
            span if span.is_empty() => error,
            span => self.source.point(error, span, path),
        }
    }

    /// The same product with a site's settings laid over it; `settings` are the site's own, flattened.
    pub(super) fn with_site(&self, name: String, site: WithSettings<Site>, settings: BTreeMap<String, String>) -> Product {
        let mut product = self.clone();
        add_throttle(&mut product.site_lines, &site.throttle);
        product.site_lines.extend(settings.clone());
        product.settings.extend(settings);
        product.site = Some((name, site));
        product
    }

    /// The manifest as written.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The site's name.
    pub fn site_name(&self) -> Option<&str> {
        self.site.as_ref().map(|(name, _)| name.as_str())
    }

    /// The site file; `None` for the plain product.
    pub fn site(&self) -> Option<&WithSettings<Site>> {
        self.site.as_ref().map(|(_, site)| site)
    }

    /// The lines of csclient.cfg that the site file itself gives, server and identity left aside.
    pub fn site_lines(&self) -> &BTreeMap<String, String> {
        &self.site_lines
    }

    /// The package's name: the product's, with `-SITE` added.
    pub fn package_name(&self) -> String {
        match self.site_name() {
            Some(site) => format!("{}-{site}", self.manifest.product.name),
            None => self.manifest.product.name.to_string(),
        }
    }

    /// What it goes by on an endpoint.
    pub fn names(&self) -> &Names {
        &self.manifest.names.0
    }

    /// The install root of Linux packages.
    pub fn linux_root(&self) -> String {
        let chosen = self.site().and_then(|site| site.linux_root()).or(self.manifest.root.linux.as_ref());
        chosen.map_or_else(|| self.names().place("root"), LinuxRoot::to_string)
    }

    /// The install root of Windows packages.
    pub fn windows_root(&self) -> String {
        let chosen = self.site().and_then(|site| site.root.windows.as_ref()).or(self.manifest.root.windows.as_ref());
        chosen.map_or_else(|| self.names().place("windows-root"), WindowsRoot::to_string)
    }

    /// The core server, `None` where the endpoint's administrator names it.
    pub fn server_url(&self) -> Option<&str> {
        let chosen = self.site().and_then(|site| site.server_url.as_ref()).or(self.manifest.connector.server_url.as_ref());
        chosen.map(Url::as_str)
    }

    /// The Linux account that runs the service.
    pub fn run_as(&self) -> &str {
        let chosen = self.site().and_then(|site| site.run_as.as_ref()).or(self.manifest.connector.run_as.as_ref());
        chosen.map_or("root", |account| account.as_str())
    }

    /// An identity assigned by the server.
    pub fn core_id(&self) -> Option<&str> {
        self.site()?.core_id.as_ref().map(|id| id.as_str())
    }

    /// Which containers run: `*`, or names separated by commas; required ones are always among them.
    pub fn chosen_containers(&self) -> String {
        let Some(chosen) = self.site().and_then(|site| site.containers.as_ref()) else { return "*".into() };
        let all = self.manifest.container.iter().map(toml::Spanned::get_ref);
        let named = all.filter(|container| container.required || chosen.contains(&container.name));
        named.map(|container| container.name.as_str()).collect::<Vec<_>>().join(",")
    }

    /// The connector's arguments; `{root}` still to be replaced.
    pub fn arguments(&self) -> Vec<String> {
        let default = || ["run", "--root", "{root}"].map(str::to_owned).to_vec();
        self.manifest.connector.arguments.clone().unwrap_or_else(default)
    }

    /// The containers that have a payload for a target.
    pub fn containers(&self, target: Target) -> impl Iterator<Item = (&ContainerTable, &SourceSpec)> {
        let all = self.manifest.container.iter().map(toml::Spanned::get_ref);
        all.filter_map(move |container| Some((container, container.payload.get(&target)?)))
    }

    /// A source's path as the manifest names it, made relative to the manifest's folder.
    pub fn resolve(&self, source: &SourceTable) -> PathBuf {
        self.folder.join(Path::new(&source.source))
    }

    /// Where the product's picture lies.
    pub fn icon(&self) -> Option<PathBuf> {
        self.manifest.product.icon.as_ref().map(|icon| self.folder.join(icon.as_str()))
    }

    /// The lines of csclient.cfg beyond the server and identity ones: key and value, sorted by key.
    pub fn client_settings(&self) -> BTreeMap<String, String> {
        let connector = &self.manifest.connector;
        let mut lines = BTreeMap::new();
        add_throttle(&mut lines, &connector.throttle);
        if let Some(site) = self.site() {
            add_throttle(&mut lines, &site.throttle);
        }
        let mut add = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                lines.insert(key.to_owned(), value);
            }
        };
        add("protocols.primary", connector.protocols.primary.as_ref().map(ToString::to_string));
        add("protocols.fallback", connector.protocols.fallback.as_ref().map(ToString::to_string));
        add("retry.firstMs", connector.retry.first.map(|span| span.as_milliseconds().to_string()));
        add("retry.factor", connector.retry.factor.map(|factor| factor.to_string()));
        add("retry.maxMs", connector.retry.max.map(|span| span.as_milliseconds().to_string()));
        for (name, span) in &connector.timeouts {
            add(&format!("timeouts.{name}Seconds"), Some(span.as_seconds().to_string()));
        }
        lines.extend(self.settings.clone());
        lines
    }
}

/// The product's own keys for throttling (notes of the vendor's contract: `globalThrottleCfg.*`).
fn add_throttle(lines: &mut BTreeMap<String, String>, throttle: &ConnectorThrottle) {
    let mut add = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            lines.insert(format!("globalThrottleCfg.{key}"), value);
        }
    };
    add("endPointThrottlingEnabled", throttle.enabled.map(|on| on.to_string()));
    add("maxCpuPercent", throttle.max_cpu_percent.map(|percent| percent.to_string()));
    add("maxMemoryKB", throttle.max_memory_kb.map(|kb| kb.to_string()));
    add("serverBusyThreshold", throttle.server_busy_threshold.map(|percent| percent.to_string()));
    add("throttleEngageTimeSeconds", throttle.engage_seconds.map(|seconds| seconds.to_string()));
    add("throttleDisengageTimeSeconds", throttle.disengage_seconds.map(|seconds| seconds.to_string()));
}

impl Product {
    /// What is built in for a setting; empty where there is nothing. INSTALL_ROOT is none of them: the root is packaged.
    pub fn setting(&self, setting: &Setting, target: Target) -> String {
        match (setting.built_in, setting.name) {
            (_, "SERVER_URL") => self.server_url().unwrap_or_default().to_owned(),
            (_, "CORE_ID") => self.core_id().unwrap_or_default().to_owned(),
            (_, "RUN_AS") => self.run_as().to_owned(),
            (_, "CONTAINERS") => self.chosen_containers(),
            (BuiltIn::Plain | BuiltIn::List, name) => {
                let site = self.site().and_then(|site| site.of(name, target));
                site.or_else(|| self.manifest().connector.of(name, target)).unwrap_or_default()
            }
            _ => String::new(),
        }
    }
}
