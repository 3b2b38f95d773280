//! The native actions of the MSI (docs/windows.md): a DLL that msiexec calls, by itself and as SYSTEM.
//!
//! It imports from system32 only, runs nothing, and never panics: with panic=abort that would end msiexec's helper process, which rolls
//! back.

mod configure;
mod defaults;
mod in_the_way;
mod journal;
mod msi;
mod neighbour;
mod preflight;
mod replacing;

use contract::checks;
use contract::exit_codes as code;
use in_the_way::others;
use msi::{version_of, Installation};
use native::report::{self, document, Ending, Report};
use native::service::Service;
use native::settings::{keys, Settings};
use native::{clock, folder, machine, places, policy, token};
use preflight::Facts;
use std::io;
use std::time::Duration;

const SUCCESS: u32 = 0;
const INSTALL_FAILURE: u32 = 1603;

/// The deferred actions, whose data `Preflight` completes with what only the session knows.
const DEFERRED: [&str; 8] = ["PreflightAgain", "Undo", "Stopped", "MakeRoot", "Configure", "Started", "Done", "Leave"];
/// What the command line names features by.
const FEATURES_BY_NAME: [&str; 2] = ["ADDLOCAL", "REMOVE"];
/// Those that write the checks into install.json.
const LAST: [&str; 2] = ["Started", "Done"];
/// How long the service may take to stop its containers.
const PATIENCE: Duration = Duration::from_secs(60);

/// The settings as an immediate action sees them, and the list of containers where it is another one than the property says.
fn from_properties(installation: &Installation) -> (Settings, Option<String>) {
    let mut settings = Settings::default();
    for key in keys().chain(FEATURES_BY_NAME) {
        settings.set(key, &installation.property(key));
    }
    for (key, property) in [("PRODUCT", "ProductName"), ("VERSION", "ProductVersion")] {
        if settings.get(key).is_empty() {
            settings.set(key, &installation.property(property));
        }
    }
    let previous = match installation.property("PREVIOUS") {
        known if !known.is_empty() => known,
        _ if !installation.property("Installed").is_empty() => settings.get("VERSION").to_string(),
        _ => first_version(&installation.property("OLDER_VERSION")),
    };
    settings.set("PREVIOUS", &previous);
    places::adopt(settings.get("NAMES"));
    let containers = settings.settle_containers(!installation.property("Installed").is_empty());
    heed_policy(&mut settings);
    settings.set("STARTED_AT", &clock::now());
    settings.set("RUN_ID", &machine::random());
    (settings, containers)
}

/// FindRelatedProducts leaves product codes joined by semicolons.
fn first_version(products: &str) -> String {
    products.split(';').map(version_of).find(|version| !version.is_empty()).unwrap_or_default()
}

/// The settings as a deferred action sees them.
fn from_data(installation: &Installation) -> Settings {
    let mut settings = Settings::from_data(&installation.property("CustomActionData"));
    places::adopt(settings.get("NAMES"));
    heed_policy(&mut settings);
    settings
}

/// What a group policy gives counts over what was asked for. The registry goes on keeping what was asked for.
fn heed_policy(settings: &mut Settings) {
    let policy = policy::given(settings.get("POLICY_KEY"));
    settings.heed(&policy);
}

/// Who installs, where that is SYSTEM or an elevated administrator. A deferred action is SYSTEM, and is told who it was that asked:
/// what he made is as good as SYSTEM's own.
fn installer(settings: &Settings) -> Option<String> {
    if !settings.is_asked_by_an_administrator() {
        return None;
    }
    let own = token::privileged()?;
    Some(settings.get("USER")).filter(|user| !user.is_empty()).map(String::from).or(Some(own))
}

/// Tells the log about every check and everybody about the failures; writes install.json where it is refused.
fn judge(installation: &Installation, settings: &Settings, facts: &Facts, report: &Report) -> u32 {
    for line in report.lines() {
        installation.log(&line);
    }
    let code = match report.code() {
        Some(code) => code,
        None => return SUCCESS,
    };
    installation.error(&report.message(settings.get("PRODUCT")));
    record(
        installation,
        settings,
        ("refused", code, "checks before the installation failed"),
        &report.json(),
        facts.user.as_deref(),
    );
    INSTALL_FAILURE
}

fn record(installation: &Installation, settings: &Settings, ending: (&str, i32, &str), checks: &str, user: Option<&str>) {
    let (outcome, code, message) = ending;
    // An unprivileged account would leave a folder of its own, which every later installation has to refuse.
    let user = match user {
        Some(user) => user,
        None => return installation.log("install.json is not written without administrator's rights"),
    };
    match write_result(settings, &Ending { outcome, code, message, checks, finished_at: &clock::now() }, user) {
        Ok(()) => installation.log(&format!("install.json: {outcome}, {code}")),
        Err(error) => installation.log(&format!("install.json is not written: {error}")),
    }
}

/// `user` installs, and is privileged.
fn write_result(settings: &Settings, ending: &Ending, user: &str) -> io::Result<()> {
    let document = document(settings, ending);
    note(settings, &document, user)?;
    // Looked at again: much may have happened since Preflight. A wrong one is told by Preflight.
    let asked = settings.get("RESULT");
    match asked.is_empty() || preflight::result_fault(asked, user).is_some() {
        true => Ok(()),
        false => folder::write_new(asked, document.as_bytes()),
    }
}

/// Writes install.json, where it is not a neighbour's.
fn note(settings: &Settings, document: &str, user: &str) -> io::Result<()> {
    if neighbour::neighbour(settings, user).is_some() {
        return Ok(());
    }
    let runtime = places::runtime();
    folder::make_private(&runtime, user)?;
    folder::replace(&format!("{runtime}\\install.json"), document.as_bytes())
}

/// Writes install.json where a launch condition is about to refuse a downgrade or another root. Fails by itself where the root is no folder
/// of a drive that is there: costing would end with an error of Windows Installer's own.
#[no_mangle]
pub extern "system" fn RefuseDowngrade(session: u32) -> u32 {
    let installation = Installation(session);
    let (mut settings, _) = from_properties(&installation);
    let mut report = Report::default();
    if installation.property("ALLUSERS") != "1" {
        let fault = "ALLUSERS is not 1: it is installed for the computer, not for one user";
        report.add(&checks::SETTINGS, "", report::failed(fault, "leave ALLUSERS out"));
        let ending = ("refused", code::USAGE, "what was asked for cannot be installed");
        record(&installation, &settings, ending, &report.json(), token::privileged().as_deref());
        return SUCCESS;
    }
    for (fault, remedy) in others(&installation, &settings) {
        report.add(&checks::OTHER, "", report::failed(fault, remedy));
    }
    if report.code().is_some() {
        let newer = first_version(&installation.property("NEWER_VERSION"));
        if !newer.is_empty() {
            settings.set("PREVIOUS", &newer);
        }
        let ending = ("refused", code::OTHER, "another version or root is in the way");
        record(&installation, &settings, ending, &report.json(), token::privileged().as_deref());
        return SUCCESS;
    }
    // Where it was not given, it is known after costing, as the Directory table has it.
    match !settings.root().is_empty() && preflight::misplaced(&settings).is_some() {
        true => {
            let facts = facts(&installation, &settings);
            judge(&installation, &settings, &facts, &preflight::run(&settings, &facts))
        }
        false => SUCCESS,
    }
}

/// What the checks of an immediate action know.
fn facts(installation: &Installation, settings: &Settings) -> Facts {
    Facts {
        user: token::privileged(),
        elevates: !installation.property("Privileged").is_empty(),
        maintains: !installation.property("Installed").is_empty(),
        others: Some(others(installation, settings)),
    }
}

/// All checks, before any change.
#[no_mangle]
pub extern "system" fn Preflight(session: u32) -> u32 {
    let installation = Installation(session);
    let (settings, containers) = from_properties(&installation);
    let facts = facts(&installation, &settings);
    let report = preflight::run(&settings, &facts);
    complete(&installation, &settings, &facts, &report);
    if let Some(list) = containers {
        remember(&installation, &settings, &list);
    }
    if report.code().is_none() && !installation.property("OLDER_VERSION").is_empty() {
        replacing::announce();
    }
    judge(&installation, &settings, &facts, &report)
}

/// Gives the deferred actions what they cannot ask for.
fn complete(installation: &Installation, settings: &Settings, facts: &Facts, report: &Report) {
    let mut more = String::new();
    for key in ["PRODUCT", "VERSION", "PREVIOUS", "STARTED_AT", "RUN_ID", "RESULT"] {
        more += &format!("|{key}={}", settings.get(key).replace('|', " "));
    }
    more += &format!("|USER={}", facts.user.as_deref().unwrap_or(""));
    if facts.maintains {
        more += "|MAINTENANCE=1";
    }
    // Without rollback there is no commit either, and Done never runs.
    let set = |name: &str| !installation.property(name).is_empty();
    if set("RollbackDisabled") || set("DISABLEROLLBACK") {
        more += "|ROLLBACK=0";
    }
    for action in DEFERRED {
        let data = installation.property(action);
        let checks = if LAST.contains(&action) { format!("|CHECKS={}", report.json().replace('|', " ")) } else { String::new() };
        installation.set_property(action, &format!("{data}{more}{checks}"));
    }
}

/// Has the registry and the deferred actions know the list of containers that was settled.
fn remember(installation: &Installation, settings: &Settings, list: &str) {
    installation.log(&format!("CONTAINERS is {list} now"));
    installation.set_property("CONTAINERS", list);
    for action in DEFERRED {
        let data = installation.property(action);
        installation.set_property(action, &format!("{data}|CONTAINERS={list}|GIVEN={}", settings.get("GIVEN")));
    }
}

/// The same checks by the account that makes the changes.
#[no_mangle]
pub extern "system" fn PreflightAgain(session: u32) -> u32 {
    let installation = Installation(session);
    let settings = from_data(&installation);
    let facts = Facts { user: installer(&settings), elevates: false, maintains: settings.is_maintenance(), others: None };
    let report = preflight::run(&settings, &facts);
    let judged = judge(&installation, &settings, &facts, &report);
    if judged == SUCCESS && !settings.can_roll_back() {
        begun(&installation, &settings, facts.user.as_deref());
    }
    judged
}

/// Without rollback nothing of ours runs after a failure of Windows Installer's own: install.json says so until the end says otherwise.
fn begun(installation: &Installation, settings: &Settings, user: Option<&str>) {
    let message = "the installation has not come to its end, and nothing is put back: rollback is off (DISABLEROLLBACK)";
    let ending = Ending { outcome: "failed", code: code::ROLLBACK_FAILED, message, checks: "", finished_at: &clock::now() };
    let noted = user.map_or(Ok(()), |user| note(settings, &document(settings, &ending), user));
    noted.err().into_iter().for_each(|error| installation.log(&format!("install.json is not written: {error}")));
}

/// Tells why, and ends the installation. Undo says in install.json how that went; where rollback is off, nobody else does.
fn fails(installation: &Installation, settings: &Settings, why: &str) -> u32 {
    installation.error(why);
    if !settings.can_roll_back() {
        let message = format!("{why} Nothing is put back: rollback is off (DISABLEROLLBACK).");
        let ending = ("failed", code::ROLLBACK_FAILED, message.as_str());
        record(installation, settings, ending, "", installer(settings).as_deref());
    }
    INSTALL_FAILURE
}

/// What brings the service back after a failure, and lets it stop in good order at a shutdown. The installation is worth having without
/// either, so a refusal is told and no more.
fn recovery(settings: &Settings) -> Vec<String> {
    let name = settings.get("SERVICE");
    if name.is_empty() {
        return Vec::new();
    }
    let recover = || Service::configure(name)?.recover();
    let take_time = || Service::configure(name)?.take_time_at_shutdown(PATIENCE);
    let refused = |what: &str, error: io::Error| format!("the {what} of {name} cannot be set: {error}");
    let recover = recover().err().map(|error| refused("recovery actions", error));
    recover.into_iter().chain(take_time().err().map(|error| refused("time at shutdown", error))).collect()
}

/// The root, where it is not there: made by us, so that nobody else can have.
#[no_mangle]
pub extern "system" fn MakeRoot(session: u32) -> u32 {
    let installation = Installation(session);
    let settings = from_data(&installation);
    match configure::make_root(&settings, &installer(&settings).unwrap_or_default()) {
        Ok(()) => SUCCESS,
        Err(why) => {
            let what = format!("{} cannot be installed in {}: {why}.", settings.get("PRODUCT"), settings.root());
            fails(&installation, &settings, &what)
        }
    }
}

/// csclient.cfg, the folders of the runtime, the vendor's registry key, the service's recovery.
#[no_mangle]
pub extern "system" fn Configure(session: u32) -> u32 {
    let installation = Installation(session);
    let settings = from_data(&installation);
    let user = installer(&settings).unwrap_or_default();
    match configure::configure(&settings, &user) {
        Ok(warnings) => {
            for warning in warnings.into_iter().chain(recovery(&settings)) {
                installation.log(&format!("warning: {warning}"));
            }
            SUCCESS
        }
        Err(why) => fails(&installation, &settings, &format!("{} cannot be configured: {why}.", settings.get("PRODUCT"))),
    }
}

/// Windows Installer starts the service where it installed it; where only a container came or went, we do.
fn came_up(settings: &Settings, name: &str) -> Result<(), String> {
    if settings.is_maintenance() {
        Service::control(name).and_then(|service| service.start()).map_err(|error| format!("it does not start: {error}"))?;
    }
    Service::open(name).ok_or_else(|| "it is not registered".to_string())?.came_up()?;
    configure::note_started(settings, &installer(settings).unwrap_or_default());
    Ok(())
}

/// Makes sure that the service stays up, where it was started.
#[no_mangle]
pub extern "system" fn Started(session: u32) -> u32 {
    let installation = Installation(session);
    let settings = from_data(&installation);
    let name = settings.get("SERVICE");
    let up = match settings.starts() && !name.is_empty() {
        true => came_up(&settings, name),
        false => Ok(()),
    };
    match up {
        Ok(()) => {
            if !settings.can_roll_back() {
                finish(&installation, &settings);
            }
            SUCCESS
        }
        Err(why) => {
            let logs = places::runtime() + r"\logs";
            let what = format!("The service {name} did not come up: {why}.\r\n\r\nWhat to do: see {logs} and the event log.");
            fails(&installation, &settings, &what)
        }
    }
}

/// Puts everything back, and says so in install.json. Never fails.
#[no_mangle]
pub extern "system" fn Undo(session: u32) -> u32 {
    let installation = Installation(session);
    let settings = from_data(&installation);
    let user = installer(&settings);
    let undone = configure::undo(&settings, user.as_deref().unwrap_or(""));
    if settings.is_maintenance() && settings.starts() {
        // Stopped may have stopped it, and what runs then is what ran before.
        let started = Service::control(settings.get("SERVICE")).and_then(|service| service.start());
        started.err().into_iter().for_each(|error| installation.log(&format!("undo: the service does not start: {error}")));
    }
    for problem in &undone.problems {
        installation.log(&format!("undo: {problem}"));
    }
    let saved = format!(
        "the installation failed, and not everything could be put back; what was saved is in {}",
        journal::Journal::place()
    );
    let ending = match undone.code {
        code::NOT_STARTED => ("rolled_back", undone.code, "the service did not start; everything was put back"),
        code::FAILED => ("rolled_back", undone.code, "the installation failed; everything was put back"),
        _ => ("failed", undone.code, saved.as_str()),
    };
    record(&installation, &settings, ending, "", user.as_deref());
    SUCCESS
}

/// Removes what was made at run time, when the product is uninstalled. Never fails.
#[no_mangle]
pub extern "system" fn Leave(session: u32) -> u32 {
    let installation = Installation(session);
    let settings = from_data(&installation);
    let user = installer(&settings).unwrap_or_default();
    if replacing::is_announced(&user) {
        installation.log("leave: another version comes; what was made at run time stays");
        return SUCCESS;
    }
    for problem in configure::leave(&settings, &user) {
        installation.log(&format!("leave: {problem}"));
    }
    SUCCESS
}

/// Waits until the process of the stopped service has ended: before that, its program can be neither removed nor replaced. Stops it where
/// only a container comes or goes, which Windows Installer does not. Never fails.
#[no_mangle]
pub extern "system" fn Stopped(session: u32) -> u32 {
    let installation = Installation(session);
    let settings = from_data(&installation);
    let name = settings.get("SERVICE");
    if settings.is_maintenance() && settings.is_asked_by_an_administrator() && !name.is_empty() {
        if let Err(error) = Service::control(name).and_then(|service| service.stop(PATIENCE)) {
            installation.log(&format!("stopped: {name} does not stop: {error}"));
        }
    }
    if let Some(program) = configure::await_end(settings.root()) {
        installation.log(&format!("stopped: {} is still in use", program.display()));
    }
    SUCCESS
}

/// Says in install.json that all went well. Never fails.
#[no_mangle]
pub extern "system" fn Done(session: u32) -> u32 {
    let installation = Installation(session);
    finish(&installation, &from_data(&installation));
    SUCCESS
}

fn finish(installation: &Installation, settings: &Settings) {
    if let Err(error) = journal::Journal::close() {
        installation.log(&format!("done: what could have been put back is still there: {error}"));
    }
    let (outcome, message) = match settings.get("PREVIOUS") {
        "" => ("installed", "installed"),
        previous if previous == settings.get("VERSION") => ("reinstalled", "installed again"),
        _ => ("upgraded", "upgraded"),
    };
    record(installation, settings, (outcome, 0, message), settings.get("CHECKS"), installer(settings).as_deref());
}
