//! Windows' facts for programs: codes, command lines, detection, properties.

use super::{exit_codes, Code, Context};
use crate::error::Result;
use crate::inspect;
use crate::inspect::report::{Report, Service, Setting};
use crate::kit::input::{Item, Kind};
use rayon::prelude::*;
use serde::Serialize;

pub const NAME: &str = "windows";
/// Where an installation keeps its settings (docs/windows.md).
const SETUP: &str = r"HKLM\SOFTWARE\VMI\setup";
const RESULT: &str = r"%ProgramData%\Intigua\install.json";
const LOG: &str = r"%TEMP%\{file}.log";

#[derive(Serialize)]
struct Document {
    format: u32,
    packages: Vec<Package>,
    /// What msiexec exits with.
    return_codes: Vec<ReturnCode>,
    /// Where the outcome is written, and its codes.
    result: &'static str,
    exit_codes: Vec<Code>,
}

#[derive(Debug, Serialize)]
pub struct ReturnCode {
    code: u32,
    /// success, soft-reboot, hard-reboot, retry or failed.
    outcome: &'static str,
    meaning: &'static str,
}

#[derive(Serialize)]
struct Package {
    file: String,
    name: String,
    version: String,
    publisher: String,
    architecture: String,
    product_code: String,
    upgrade_code: String,
    size: u64,
    sha256: String,
    /// Bytes of all files when they are installed.
    installed_size: u64,
    /// Files beside it that it needs or that are for it.
    beside: Vec<String>,
    commands: Commands,
    detection: Detection,
    properties: Vec<Setting>,
    services: Vec<Service>,
    processes: Vec<String>,
}

#[derive(Serialize)]
struct Commands {
    install: String,
    repair: String,
    uninstall: String,
}

/// Installed is what has this value, or a later version in it: it stays over major upgrades, where the product code changes.
#[derive(Serialize)]
struct Detection {
    key: &'static str,
    value: &'static str,
    version: String,
    view: &'static str,
}

pub fn write(context: &Context) -> Result<bool> {
    let items: Vec<&Item> = context.items.iter().filter(|item| item.kind == Kind::Msi).collect();
    let beside: Vec<String> =
        context.items.iter().filter(|item| item.kind == Kind::Beside).map(|item| item.file.clone()).collect();
    let packages: Vec<Package> = items.par_iter().map(|item| package(item, &beside)).collect::<Result<_>>()?;
    if packages.is_empty() {
        return Ok(false);
    }
    let document = Document { format: 1, packages, return_codes: return_codes(), result: RESULT, exit_codes: exit_codes() };
    let json = serde_json::to_string_pretty(&document).expect("plain JSON") + "\n";
    context.put(NAME, "windows.json", &json)?;
    Ok(true)
}

fn package(item: &Item, beside: &[String]) -> Result<Package> {
    let report: Report = inspect::read(&item.source)?.report;
    let file = item.file.clone();
    let log = LOG.replace("{file}", &file);
    let code = report.identity.product_code.clone();
    let mut processes: Vec<String> = report.services.iter().filter_map(|service| process(&service.program)).collect();
    processes.sort();
    processes.dedup();
    Ok(Package {
        commands: Commands {
            install: format!("msiexec /i \"{file}\" /qn /norestart /l*v \"{log}\""),
            repair: format!("msiexec /fomus {code} /qn /norestart /l*v \"{log}\""),
            uninstall: format!("msiexec /x {code} /qn /norestart /l*v \"{log}\""),
        },
        detection: Detection { key: SETUP, value: "Version", version: report.identity.version.clone(), view: "64" },
        file,
        name: report.identity.name,
        version: report.identity.version,
        publisher: report.identity.publisher,
        architecture: report.identity.architecture,
        product_code: code,
        upgrade_code: report.identity.upgrade_code,
        size: item.size,
        sha256: item.sha256.clone(),
        installed_size: report.files.iter().map(|file| file.size).sum(),
        beside: beside.to_vec(),
        properties: properties(&report.settings),
        services: report.services,
        processes,
    })
}

/// The program's name in a command line.
fn process(program: &str) -> Option<String> {
    const END: &str = ".exe";
    let end = program.to_ascii_lowercase().find(END)? + END.len();
    program[..end].rsplit(['\\', '/', '"']).next().map(str::to_owned)
}

/// What a command line may set, with its default: the properties that reach the elevated part of an installation, without
/// those that it finds out itself.
fn properties(all: &[Setting]) -> Vec<Setting> {
    const OWN: [&str; 4] = ["INSTALLDIR", "NEWER_VERSION", "OLDER_VERSION", "PREVIOUS"];
    let value = |name: &str| all.iter().find(|one| one.name == name).map(|one| one.value.clone());
    let names = value("SecureCustomProperties").unwrap_or_default();
    let given = names.split(';').filter(|name| !name.is_empty() && !OWN.contains(name) && !name.starts_with("OLD"));
    given.map(|name| Setting { name: name.to_owned(), value: value(name).unwrap_or_default() }).collect()
}

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
