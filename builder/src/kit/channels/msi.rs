//! What the channels for Windows know of an MSI: codes, command lines, detection, properties.

use super::{exit_codes, Code, Context};
use crate::error::{Error, Result};
use crate::format::msi::icon;
use crate::inspect;
use crate::inspect::report::{Identity, Report, Service, Setting};
use crate::kit::input::{Item, Kind};
use crate::regular;
use contract::settings::Lifetime;
use rayon::prelude::*;
use serde::Serialize;

const LOG: &str = r"%TEMP%\{file}.log";

/// What msiexec exits with.
#[derive(Serialize)]
pub struct ReturnCode {
    pub code: u32,
    /// success, soft-reboot, hard-reboot, retry or failed.
    pub outcome: &'static str,
    pub meaning: &'static str,
}

/// An MSI.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Package {
    pub file: String,
    /// The product's name in the manifest; empty in other makers' MSIs.
    pub product: String,
    pub name: String,
    pub version: String,
    pub publisher: String,
    pub description: String,
    pub architecture: String,
    pub product_code: String,
    pub upgrade_code: String,
    pub package_code: String,
    pub size: u64,
    pub sha256: String,
    /// Bytes of all files when they are installed.
    pub installed_size: u64,
    /// Files beside it that it needs or that are for it.
    pub beside: Vec<String>,
    /// It and those.
    #[serde(skip)]
    pub files: Vec<Facts>,
    pub commands: Commands,
    pub detection: Detection,
    /// Where the outcome of an installation is written.
    pub result: String,
    pub properties: Vec<Setting>,
    /// The key below HKLM whose values it heeds as a group policy; empty where it heeds none.
    pub policy_key: String,
    pub services: Vec<Service>,
    pub processes: Vec<String>,
    /// Settings whose values no log may show: an administrator may take them for the secret itself, or they are the machine's identity.
    #[serde(skip)]
    pub hidden: Vec<String>,
    /// The product's picture, a PNG.
    #[serde(skip)]
    pub icon: Option<Vec<u8>>,
    /// Whether linkpack made it, so that it has install.json and the key of `detection`.
    #[serde(skip)]
    pub ours: bool,
}

/// A file that an installation takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    pub file: String,
    pub sha256: String,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Commands {
    pub install: String,
    pub repair: String,
    pub uninstall: String,
}

/// Installed is what has this value, or a later version in it: it stays over major upgrades, where the product code changes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Detection {
    pub key: String,
    pub value: &'static str,
    pub version: String,
    pub view: &'static str,
}

/// What a script beside an MSI has to know, as a file of its own: nothing of it becomes code.
#[derive(Serialize)]
struct Application<'a> {
    format: u32,
    #[serde(flatten)]
    package: &'a Package,
    files: &'a [Facts],
    hidden: &'a [String],
    return_codes: Vec<ReturnCode>,
    exit_codes: Vec<Code>,
}

impl Package {
    /// The file's name without its end.
    pub fn stem(&self) -> &str {
        self.file.strip_suffix(".msi").unwrap_or(&self.file)
    }

    /// The transforms that are for it, by their names.
    pub fn transforms(&self) -> impl Iterator<Item = &str> {
        self.beside.iter().map(String::as_str).filter(|file| file.ends_with(TRANSFORM))
    }

    /// Megabytes that a machine should have free for it.
    pub fn megabytes(&self) -> u64 {
        self.installed_size.div_ceil(1 << 20)
    }

    /// application.json.
    pub fn application(&self) -> String {
        let application = Application {
            format: 1,
            package: self,
            files: &self.files,
            hidden: &self.hidden,
            return_codes: return_codes(),
            exit_codes: exit_codes(),
        };
        serde_json::to_string_pretty(&application).expect("plain JSON") + "\n"
    }
}

/// How a transform's name ends.
pub const TRANSFORM: &str = ".mst";

/// The MSIs of a kit.
///
/// # Errors
/// One of them, or a transform, cannot be read.
pub fn packages(items: &[Item]) -> Result<Vec<Package>> {
    let of = |kind: Kind| items.iter().filter(move |item| item.kind == kind).collect::<Vec<&Item>>();
    let beside: Vec<(&Item, Option<Identity>)> =
        of(Kind::Beside).into_par_iter().map(|item| Ok((item, transform(item)?))).collect::<Result<_>>()?;
    of(Kind::Msi).into_par_iter().map(|item| package(item, &beside)).collect()
}

/// Those that linkpack made, whose scripts can rely on what docs/windows.md promises.
///
/// # Errors
/// The version of one is none that Windows Installer compares.
pub fn applications<'a>(context: &'a Context) -> Result<impl Iterator<Item = &'a Package>> {
    let packages = context.packages()?;
    for package in packages.iter().filter(|package| package.ours) {
        let fields: Vec<&str> = package.version.split('.').collect();
        let number = |field: &&str| !field.is_empty() && field.len() <= 5 && field.bytes().all(|byte| byte.is_ascii_digit());
        if fields.len() > 4 || !fields.iter().all(number) {
            return Err(Error::new(format!(
                "{} has the version \"{}\", which no tool can compare",
                package.file, package.version
            ))
            .help("build it with a version such as 1.2.3"));
        }
    }
    Ok(packages.iter().filter(|package| package.ours))
}

/// What a transform says of the MSI it is for; `None` for a cabinet, and where it says nothing.
fn transform(item: &Item) -> Result<Option<Identity>> {
    if !item.file.ends_with(TRANSFORM) {
        return Ok(None);
    }
    match inspect::read(&item.source) {
        Ok(inspected) => Ok(Some(inspected.report.identity)),
        Err(error) if error.is_interrupted() => Err(error),
        Err(_) => Ok(None),
    }
}

/// Whether a file that lies beside MSIs is for this one. Where that cannot be told it is.
fn is_beside(report: &Report, stem: &str, file: &str, transform: Option<&Identity>) -> bool {
    match transform {
        Some(identity) => identity.upgrade_code.is_empty() || identity.upgrade_code == report.identity.upgrade_code,
        // A cabinet of ours is called like its MSI, with a number.
        None => !report.is_ours() || file.ends_with(TRANSFORM) || file.starts_with(&format!("{stem}-")),
    }
}

fn package(item: &Item, beside: &[(&Item, Option<Identity>)]) -> Result<Package> {
    let report: Report = inspect::read(&item.source)?.report;
    let file = item.file.clone();
    let stem = file.strip_suffix(".msi").unwrap_or(&file);
    let beside = beside.iter().filter(|(item, identity)| is_beside(&report, stem, &item.file, identity.as_ref()));
    let beside: Vec<&Item> = beside.map(|(item, _)| *item).collect();
    let facts = |item: &Item| Facts { file: item.file.clone(), sha256: item.sha256.clone() };
    let log = LOG.replace("{file}", &file);
    let code = report.identity.product_code.clone();
    let mut processes: Vec<String> = report.services.iter().filter_map(|service| process(&service.program)).collect();
    processes.sort();
    processes.dedup();
    let ours = report.is_ours();
    let names = super::names::of_report(&report);
    let product = report.settings.iter().find(|one| ours && one.name == "PRODUCT").map(|one| one.value.clone());
    Ok(Package {
        commands: Commands {
            install: format!("msiexec /i \"{file}\" /qn /norestart /l*v \"{log}\""),
            repair: format!("msiexec /fomus {code} /qn /norestart /l*v \"{log}\""),
            uninstall: format!("msiexec /x {code} /qn /norestart /l*v \"{log}\""),
        },
        detection: Detection {
            key: format!(r"HKLM\{}", names.place("setup-key")),
            value: "Version",
            version: report.identity.version.clone(),
            view: "64",
        },
        result: names.place("runtime") + r"\install.json",
        file,
        product: product.unwrap_or_default(),
        name: report.identity.name,
        version: report.identity.version,
        publisher: report.identity.publisher,
        description: report.identity.description,
        architecture: report.identity.architecture,
        product_code: code,
        upgrade_code: report.identity.upgrade_code,
        package_code: report.identity.package_code,
        size: item.size,
        sha256: item.sha256.clone(),
        installed_size: report.files.iter().map(|file| file.size).sum(),
        beside: beside.iter().map(|item| item.file.clone()).collect(),
        files: std::iter::once(item).chain(beside).map(facts).collect(),
        hidden: hidden(&report.settings),
        properties: properties(&report.settings),
        policy_key: report
            .settings
            .iter()
            .find(|one| ours && one.name == "POLICY_KEY")
            .map(|one| one.value.clone())
            .unwrap_or_default(),
        icon: if ours { picture(item)? } else { None },
        services: report.services,
        processes,
        ours,
    })
}

/// The picture that the manifest gave it.
fn picture(item: &Item) -> Result<Option<Vec<u8>>> {
    let file = regular::open(&item.source)?;
    let ico = inspect::msi::data(file, &format!("Icon.{}", icon::NAME), 2 * icon::MOST)?;
    Ok(ico.and_then(|ico| icon::to_png(&ico).map(<[u8]>::to_vec)))
}

/// The program's name in a command line.
fn process(program: &str) -> Option<String> {
    const END: &str = ".exe";
    let end = program.to_ascii_lowercase().find(END)? + END.len();
    program[..end].rsplit(['\\', '/', '"']).next().map(str::to_owned)
}

/// What a command line may set, with its default: the properties that reach the elevated part of an installation, without
/// those that it finds out itself.
pub fn properties(all: &[Setting]) -> Vec<Setting> {
    const OWN: [&str; 4] = ["INSTALLDIR", "NEWER_VERSION", "OLDER_VERSION", "PREVIOUS"];
    let value = |name: &str| all.iter().find(|one| one.name == name).map(|one| one.value.clone());
    let names = value("SecureCustomProperties").unwrap_or_default();
    let given = names.split(';').filter(|name| !name.is_empty() && !OWN.contains(name) && !name.starts_with("OLD"));
    given.map(|name| Setting { name: name.to_owned(), value: value(name).unwrap_or_default() }).collect()
}

/// Of those, the ones that no log may show.
fn hidden(all: &[Setting]) -> Vec<String> {
    let marked = all.iter().find(|one| one.name == "MsiHiddenProperties").map_or("", |one| one.value.as_str());
    let is_hidden = |name: &str| {
        let identity = contract::settings::Setting::named(name).is_some_and(|setting| setting.lifetime == Lifetime::Once);
        identity || marked.split(';').any(|one| one == name)
    };
    properties(all).into_iter().map(|one| one.name).filter(|name| is_hidden(name)).collect()
}

/// What msiexec exits with, and what a tool does then.
pub fn return_codes() -> Vec<ReturnCode> {
    [
        (0, "success", "done"),
        (1602, "failed", "cancelled by the user"),
        (1603, "failed", "refused or failed: install.json has the reason"),
        (1605, "failed", "the product is not installed"),
        (1618, "retry", "another installation runs"),
        (1619, "failed", "the package cannot be opened"),
        (1625, "failed", "forbidden by policy"),
        (1638, "failed", "another version is installed"),
        (1641, "hard-reboot", "done; Windows restarts"),
        (3010, "soft-reboot", "done; Windows has to restart"),
    ]
    .map(|(code, outcome, meaning)| ReturnCode { code, outcome, meaning })
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_beside_the_msi_that_it_is_for() {
        let mut report = Report::new(
            crate::inspect::report::Format::Msi,
            crate::inspect::report::FileFacts { name: "a-1-x64.msi".into(), size: 1, sha256: String::new() },
        );
        report.made_by = Some("linkpack".into());
        report.identity.upgrade_code = "{A}".into();
        let of = |code: &str| Identity { upgrade_code: code.into(), ..Identity::default() };
        assert!(is_beside(&report, "a-1-x64", "a-1-x64-1.cab", None) && !is_beside(&report, "a-1-x64", "b-1-x64-1.cab", None));
        assert!(is_beside(&report, "a-1-x64", "site.mst", Some(&of("{A}"))));
        assert!(!is_beside(&report, "a-1-x64", "site.mst", Some(&of("{B}"))));
        assert!(is_beside(&report, "a-1-x64", "of-another-maker.mst", None));
    }
}
