//! The manifest as it is written: TOML on one side, the JSON Schema on the other, both from these types.

use super::linux_root::LinuxRoot;
use super::names::NamesTable;
use super::relation::{DebRelation, DebSection, RpmRelation, RpmRelease};
use super::settings::WithSettings;
use super::source::SourceSpec;
use super::span::Span;
use super::system::PerSystem;
use super::systems::System;
pub use super::target::Target;
use super::values::{Account, Command, Contact, Line, Name, PackageUrl, Protocol, RelativePath, RuleName, Url, Version, Whole};
use super::windows::{ConnectorWindows, UpgradeCode, WindowsRoot};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `linkpack.toml`: what is packaged and how it behaves on an endpoint.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// What the packages are called.
    pub product: ProductTable,
    /// Where the packages install by default.
    #[serde(default)]
    pub root: RootTable,
    /// What the product goes by on an endpoint.
    #[serde(default)]
    pub names: NamesTable,
    /// The service.
    pub connector: WithSettings<ConnectorTable>,
    /// The managed agents.
    #[serde(default)]
    #[schemars(with = "Vec<ContainerTable>")]
    pub container: Vec<toml::Spanned<ContainerTable>>,
    /// What only DEB packages need.
    #[serde(default)]
    pub deb: DebTable,
    /// What only RPM packages need.
    #[serde(default)]
    pub rpm: RpmTable,
    /// How `linkpack lint`, and build's own check, judge the packages.
    #[serde(default)]
    pub lint: LintTable,
}

/// What lint need not say of the product's packages.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LintTable {
    /// Rules whose findings are meant, by name (docs/lint-rules.md). A comment behind each may say why.
    #[serde(default)]
    pub allow: Vec<RuleName>,
}

/// Names and texts of the product.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProductTable {
    /// The package's name.
    pub name: Name,
    /// The name people read.
    pub title: Line,
    /// The version of the whole product.
    pub version: Version,
    /// Who makes it.
    pub publisher: Line,
    /// Whom to write to: `Name <mail@example>`.
    pub contact: Contact,
    /// An SPDX licence expression, or the name of the licence.
    pub license: Line,
    /// Where to read more.
    pub homepage: Option<Url>,
    /// A picture for Windows' list of programs and for Intune, relative to the manifest: a square PNG of 32 to 256 pixels a side.
    pub icon: Option<Line>,
    /// The first line is the synopsis, the rest the description.
    pub description: String,
    /// The MSI's UpgradeCode: one GUID for the product's whole life.
    pub upgrade_code: Option<UpgradeCode>,
    /// The Linux systems that the packages are for: `--codec zstd` is refused unless all of them read it. All that linkpack knows when
    /// absent, and all with dpkg or with rpm where none of those is named.
    #[schemars(length(min = 1))]
    pub systems: Option<Vec<System>>,
    /// Whether packages ask for what their files need; true when absent. See docs/dependencies.md.
    pub auto_depends: Option<bool>,
    /// Libraries (`libfoo.so.1`), interpreters and packages that they do not ask for all the same.
    #[serde(default)]
    pub auto_exclude: Vec<Line>,
}

/// The default install roots.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RootTable {
    /// On Linux; `/usr/local/intigua` when absent, with the vendor of `[names]`.
    pub linux: Option<LinuxRoot>,
    /// On Windows; `C:\Program Files\Intigua` when absent, with the windows-vendor of `[names]`.
    pub windows: Option<WindowsRoot>,
}

/// The connector: the service that runs the containers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConnectorTable {
    /// The core server.
    pub server_url: Option<Url>,
    /// The Linux account: root, a sudoer, or `auto`, an account of the product's own.
    pub run_as: Option<Account>,
    /// The service's program, relative to its payload.
    #[serde(default)]
    pub executable: Executables,
    /// The program's arguments; `{root}` stands for the install root. `run --root {root}` when absent.
    pub arguments: Option<Vec<String>>,
    /// The program's arguments for `linkctl check`, to try whether the core server can be reached; not tried without them.
    #[serde(default)]
    pub core_check: Vec<String>,
    /// Limits that hold for every container without its own.
    #[serde(default)]
    pub throttle: ConnectorThrottle,
    /// Further lines of csclient.cfg, by dotted key.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub settings: toml::Table,
    /// What `linkctl seal` removes besides identity, working folders and logs: shell patterns relative to the root.
    #[serde(default)]
    pub seal_paths: Vec<RelativePath>,
    /// Where the connector's files come from, by target.
    #[schemars(with = "Payload")]
    pub payload: BTreeMap<Target, SourceSpec>,
    /// How the connector reaches its server.
    #[serde(default)]
    pub protocols: Protocols,
    /// How long operations may take, by name.
    #[serde(default)]
    pub timeouts: BTreeMap<Name, Span>,
    /// How operations are tried again.
    #[serde(default)]
    pub retry: Retry,
    /// What only Windows packages need.
    #[serde(default)]
    pub windows: ConnectorWindows,
}

/// Sources by target, as the schema shows them: a target's name is one of these, so that an editor can complete it.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "the schema is made of it, and nothing else")]
struct Payload {
    /// Linux on x86-64.
    #[serde(rename = "linux-x86_64")]
    linux_x86_64: Option<SourceSpec>,
    /// Linux on 64-bit ARM.
    #[serde(rename = "linux-aarch64")]
    linux_aarch64: Option<SourceSpec>,
    /// Windows on x86-64.
    #[serde(rename = "windows-x86_64")]
    windows_x86_64: Option<SourceSpec>,
    /// Windows on 32-bit x86.
    #[serde(rename = "windows-x86")]
    windows_x86: Option<SourceSpec>,
}

/// The service's program for each system.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Executables {
    /// On Linux; `vlink` when absent.
    linux: Option<RelativePath>,
    /// On Windows; `vlinkservice.exe` when absent.
    windows: Option<RelativePath>,
}

impl Executables {
    /// The program on a target's system.
    pub fn of(&self, target: Target) -> &str {
        let (named, default) = match target.is_linux() {
            true => (&self.linux, "vlink"),
            false => (&self.windows, "vlinkservice.exe"),
        };
        named.as_ref().map_or(default, RelativePath::as_str)
    }

    /// Whether the manifest names the program of a target's system.
    pub fn names(&self, target: Target) -> bool {
        if target.is_linux() {
            self.linux.is_some()
        } else {
            self.windows.is_some()
        }
    }
}

/// Limits that the connector applies to all containers (csclient.cfg: `globalThrottleCfg`).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConnectorThrottle {
    /// Whether to throttle at all.
    pub enabled: Option<bool>,
    /// Percent of one processor.
    pub max_cpu_percent: Option<u32>,
    /// Memory in KiB.
    pub max_memory_kb: Option<u64>,
    /// Percent of load above which the server counts as busy.
    pub server_busy_threshold: Option<u32>,
    /// Seconds above the limit before throttling begins.
    pub engage_seconds: Option<u32>,
    /// Seconds below the limit before it ends.
    pub disengage_seconds: Option<u32>,
}

/// The protocols towards the server, as `NAME:PORT`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Protocols {
    /// For instance `https:443`.
    pub primary: Option<Protocol>,
    /// For instance `ssh:22` or `smb:445`.
    pub fallback: Option<Protocol>,
}

/// How operations are tried again.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Retry {
    /// The first delay.
    pub first: Option<Span>,
    /// Each delay is this many times the one before.
    pub factor: Option<u32>,
    /// The longest delay.
    pub max: Option<Span>,
}

/// One managed agent.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ContainerTable {
    /// Its name, and its folder's below that of all containers.
    pub name: Name,
    /// Its version; a .deb or .rpm payload brings its own.
    pub version: Option<Line>,
    /// The name people read.
    pub title: Option<Line>,
    /// Its licence, for the bill of materials; a .deb or .rpm payload brings its own.
    pub license: Option<Line>,
    /// Who made it, for the bill of materials; a .deb or .rpm payload brings its own.
    pub supplier: Option<Line>,
    /// Its package URL, by which scanners look up its vulnerabilities; a .deb or .rpm payload has its own.
    pub purl: Option<PackageUrl>,
    /// Whether it always runs, whatever CONTAINERS says.
    #[serde(default)]
    pub required: bool,
    /// How the connector gets into the agent's process.
    #[serde(default)]
    pub inject: PerSystem<Inject>,
    /// The library that is injected, relative to the payload.
    pub library: Option<PerSystem<RelativePath>>,
    /// What is run; `{root}`, `{dir}` (the container's folder) and `{work}` (its working folder) are replaced. Without one the container
    /// holds data that others use.
    pub command: Option<PerSystem<Command>>,
    /// The Linux account that the command runs under, where the connector runs as root; the connector's own when absent.
    pub run_as: Option<Account>,
    /// Environment variables of the command.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Its limits.
    #[serde(default)]
    pub throttle: ContainerThrottle,
    /// How it is restarted.
    #[serde(default)]
    pub watchdog: Watchdog,
    /// Where its files come from, by target.
    #[schemars(with = "Payload")]
    pub payload: BTreeMap<Target, SourceSpec>,
}

/// How the connector gets into an agent's process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Inject {
    /// By LD_PRELOAD.
    Preload,
    /// By loading a DLL.
    Dll,
    /// Not at all.
    #[default]
    None,
}

impl ContainerTable {
    /// How the connector gets into the agent's process on a target.
    pub fn inject(&self, target: Target) -> Inject {
        self.inject.get(target).copied().unwrap_or_default()
    }

    /// The program and its arguments on a target; empty where the container holds data alone.
    pub fn words(&self, target: Target) -> &[String] {
        self.command.as_ref().and_then(|command| command.get(target)).map_or(&[], |command| &command.0)
    }

    /// The library that is injected on a target.
    pub fn library(&self, target: Target) -> Option<&RelativePath> {
        self.library.as_ref()?.get(target)
    }
}

impl Inject {
    /// The word in container.json.
    pub fn as_str(self) -> &'static str {
        match self {
            Inject::Preload => "preload",
            Inject::Dll => "dll",
            Inject::None => "none",
        }
    }
}

/// A container's limits.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ContainerThrottle {
    /// Scheduling niceness, 0 to 19.
    pub nice: Option<Whole<0, 19>>,
    /// Percent of one processor.
    pub max_cpu_percent: Option<u32>,
    /// Memory in KiB.
    pub max_memory_kb: Option<u64>,
}

/// How a container is restarted when it ends.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Watchdog {
    /// Whether it is restarted at all.
    pub restart: bool,
    /// The first delay.
    pub first: Span,
    /// Each delay is this many times the one before.
    pub factor: u32,
    /// The longest delay.
    pub max: Span,
    /// After running this long the delays begin anew.
    pub healthy: Span,
}

impl Default for Watchdog {
    fn default() -> Self {
        let [first, max, healthy] = [1_000, 60_000, 60_000].map(Span::milliseconds);
        Watchdog { restart: true, first, factor: 2, max, healthy }
    }
}

/// What only DEB packages need.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct DebTable {
    /// Further relations of the Depends field, such as `libssl3 (>= 3.0)`.
    pub depends: Vec<DebRelation>,
    /// What apt installs along unless it is told not to.
    pub recommends: Vec<DebRelation>,
    /// What apt names and does not install.
    pub suggests: Vec<DebRelation>,
    /// What cannot be installed beside the package.
    pub conflicts: Vec<DebRelation>,
    /// The section; `admin` without one.
    pub section: Option<DebSection>,
    /// The priority; `optional` without one.
    pub priority: Option<DebPriority>,
    /// As in `[product]`, for DEBs alone.
    pub auto_depends: Option<bool>,
    /// As in `[product]`, for DEBs alone.
    pub auto_exclude: Vec<Line>,
    /// The package that has a library or an interpreter: `"libfoo.so.1" = "libfoo1 (>= 1.2)"`.
    pub provided_by: BTreeMap<String, DebRelation>,
}

/// How much a system needs a package (Debian Policy 2.5).
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DebPriority {
    /// Without it the system does not work.
    Required,
    /// Expected on every system.
    Important,
    /// On a system by default.
    Standard,
    /// Everything else.
    Optional,
    /// What conflicts with others, or is of use to few.
    Extra,
}

impl DebPriority {
    /// The field's value.
    pub fn name(self) -> &'static str {
        match self {
            DebPriority::Required => "required",
            DebPriority::Important => "important",
            DebPriority::Standard => "standard",
            DebPriority::Optional => "optional",
            DebPriority::Extra => "extra",
        }
    }
}

/// What only RPM packages need.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RpmTable {
    /// Further requirements, such as `openssl-libs >= 3.0` or `(openssl-libs or compat-openssl11)`.
    pub requires: Vec<RpmRelation>,
    /// What dnf and zypper install along unless they are told not to; rpm before 4.12 passes it over.
    pub recommends: Vec<RpmRelation>,
    /// What they name and do not install.
    pub suggests: Vec<RpmRelation>,
    /// What cannot be installed beside the package.
    pub conflicts: Vec<RpmRelation>,
    /// The release; `1` without one.
    pub release: Option<RpmRelease>,
    /// Compared before the version. It can never be taken back: raise it only where a version went down.
    pub epoch: Option<u32>,
    /// rpm's old classification; `System Environment/Daemons` without one.
    pub group: Option<Line>,
    /// As in `[product]`, for RPMs alone.
    pub auto_depends: Option<bool>,
    /// As in `[product]`, for RPMs alone.
    pub auto_exclude: Vec<Line>,
}
