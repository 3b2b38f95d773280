//! Is everything in place? A row each, as in the checks before an installation.

use super::installed::{registered_root, Installed};
use super::{code, core, refuse, say, Service};
use native::acl::CHANGES;
use native::folder::{self, Kind};
use native::registry::Key;
use native::report::{failed, Outcome, Report};
use native::{places, policy};

const AGAIN: &str = "install the package again";

/// `linkctl check`; with `core` it also counts whether the core server can be reached.
pub fn check(installed: &Installed, as_json: bool, core: bool) -> i32 {
    let mut report = report(installed);
    let program = program();
    core::check(installed, program.as_deref(), core, as_json, &mut report);
    if as_json {
        say(&format!("{{ \"ok\": {}, \"checks\": {} }}", report.code().is_none(), report.json()));
    }
    for check in &report.checks {
        if let Outcome::Failed { fault, remedy } = &check.outcome {
            refuse(0, fault, &format!("check {}, {}", check.id, check.path), remedy);
        }
    }
    if report.code().is_some() {
        return code::NOT_IN_PLACE;
    }
    if !as_json {
        say("everything is in place");
    }
    code::DONE
}

fn report(installed: &Installed) -> Report {
    let mut report = Report::default();
    let mut add = |id, path: &str, fault: Option<String>, seen: &str, remedy: &str| {
        let outcome = match fault {
            Some(fault) => failed(fault, remedy),
            None => Outcome::Passed(seen.to_string()),
        };
        report.note(id, code::NOT_IN_PLACE, path, outcome);
    };
    add("service", &places::service(), service_fault(installed), "registered, automatic, quoted", AGAIN);
    for key in [places::place("setup-key"), places::place("vendor-key")] {
        let named = registered_root(&key).map_or(false, |root| root.eq_ignore_ascii_case(&installed.root));
        let fault = (!named).then(|| format!(r"HKLM\{key} does not name the root {}", installed.root));
        add("location", &key, fault, &installed.root, "linkctl restart, or install the package again");
    }
    let config = installed.config_file();
    let remedy =
        format!("icacls \"{}\\components\" /inheritance:r /grant *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F", installed.root);
    add("config", &config, config_fault(&config), "there, and ordinary users may not change it", &remedy);
    add("files", &installed.root, files_fault(installed), "there", AGAIN);
    let (given, faults) = policy::judged(&places::place("policy-key"));
    let seen = if given.is_empty() { "none".to_string() } else { format!("gives {}", given.join(", ")) };
    let fault = Some(faults.join("; ")).filter(|faults| !faults.is_empty());
    add("policy", &places::place("policy-key"), fault, &seen, "correct the group policy, then gpupdate /target:computer");
    let running = Service::open(&places::service()).map_or(false, |service| service.is_running());
    add("running", "", (!running).then(|| "the service does not run".to_string()), "the service runs", "linkctl start");
    report
}

fn service_fault(installed: &Installed) -> Option<String> {
    let service = places::service();
    let key = match Key::open(&places::place("service-key")) {
        Some(key) => key,
        None => return Some(format!("the service {service} is not registered")),
    };
    const AUTOMATIC: u32 = 2;
    let program = key.text("ImagePath").unwrap_or_default();
    let inside = format!("{}\\", installed.root).to_lowercase();
    if !program.trim_start_matches('"').to_lowercase().starts_with(&inside) {
        return Some(format!("the service {service} runs {program}, which is not below {}", installed.root));
    }
    if !program.starts_with('"') && inside.contains(' ') {
        return Some(format!("the service {service} runs {program}, which is not in quotes"));
    }
    (key.number("Start") != Some(AUTOMATIC)).then(|| format!("the service {service} does not start automatically"))
}

fn config_fault(path: &str) -> Option<String> {
    if folder::kind(path) != Kind::File {
        return Some(format!("{path} is missing"));
    }
    match folder::descriptor(path) {
        Err(error) => Some(format!("the permissions of {path} cannot be read: {error}")),
        Ok(found) => {
            let groups = found.ordinary_with(CHANGES).join(", ");
            (!groups.is_empty()).then(|| format!("{groups} may change {path}"))
        }
    }
}

/// The service's program, by its registration.
fn program() -> Option<String> {
    let image = Key::open(&places::place("service-key"))?.text("ImagePath")?;
    image.strip_prefix('"').and_then(|rest| rest.split('"').next()).map(String::from)
}

/// The service's program and every container's description; contents are Windows Installer's to verify.
fn files_fault(installed: &Installed) -> Option<String> {
    let program = program();
    let folder = format!("{}\\{}", installed.root, places::names().get("containers-folder"));
    let described = installed.containers().into_iter().map(|name| format!("{folder}\\{name}\\container.json"));
    let missing: Vec<String> = program.into_iter().chain(described).filter(|path| folder::kind(path) != Kind::File).collect();
    (!missing.is_empty()).then(|| format!("not as installed: {} is missing", missing.join("; ")))
}
