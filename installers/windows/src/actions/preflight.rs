//! The checks before any change. All are made, all that fail are told together, and none leaves a trace.

use super::neighbour::neighbour;
use contract::checks;
use contract::rules::{is_below_a_drive, is_device};
use native::acl::{CHANGES, REPLACES_CHILDREN, REPLACES_FOLDER};
use native::folder::{self, Kind};
use native::report::{failed, Outcome, Report};
use native::settings::Settings;
use native::{machine, places, root};
use winsys as sys;

/// What the checks need to know beside the settings.
pub struct Facts {
    /// Who installs: the SID, where that is SYSTEM or an elevated administrator.
    pub user: Option<String>,
    /// Windows Installer itself will change the machine as SYSTEM, whoever asks.
    pub elevates: bool,
    /// An installed product is repaired or changed, which is for administrators alone.
    pub maintains: bool,
    /// What is in the way: a sentence and its remedy. `None` where nobody looked.
    pub others: Option<Vec<(String, String)>>,
}

impl Facts {
    /// Without full rights a look at folders says nothing about what SYSTEM may do there, which looks again before the first change.
    fn leaves_folders(&self) -> bool {
        self.user.is_none() && self.elevates
    }
}

/// Makes all checks.
pub fn run(settings: &Settings, facts: &Facts) -> Report {
    let mut report = Report::default();
    for fault in settings.faults() {
        report.add(&checks::SETTINGS, "", failed(fault, "correct the value and try again"));
    }
    let result = settings.get("RESULT");
    if let Some(fault) = facts.user.as_ref().and_then(|user| result_fault(result, user)) {
        let remedy = "name a new file in a folder that administrators alone can write to, or leave RESULT out";
        report.add(&checks::SETTINGS, result, failed(fault, remedy));
    }
    report.add(&checks::PRIVILEGES, "", privileges(facts));
    report.add(&checks::PLATFORM, "", platform());
    others(settings, facts, &mut report);
    if let Some((product, root)) = facts.user.as_ref().filter(|_| !facts.maintains).and_then(|user| neighbour(settings, user)) {
        let fault = format!("{product}, installed in {root}, keeps its results and logs here");
        let remedy = "uninstall it first, or build this product with another windows-vendor in [names]";
        report.add(&checks::OTHER, &places::runtime(), failed(fault, remedy));
    }
    let windows_temp = places::windows() + r"\Temp";
    report.add(&checks::TEMP, &windows_temp, temp(&windows_temp, facts));
    report.add(&checks::ROOT, settings.root(), install_root(settings, facts));
    let runtime = places::runtime();
    report.add(&checks::RUNTIME, &runtime, runtime_folder(&runtime, facts));
    report.add(&checks::SPACE, settings.root(), space(settings));
    report
}

fn passed(seen: impl Into<String>) -> Outcome {
    Outcome::Passed(seen.into())
}

fn privileges(facts: &Facts) -> Outcome {
    match &facts.user {
        Some(user) => passed(user),
        None if facts.maintains => failed(
            "what is installed is repaired and changed by SYSTEM or an elevated administrator only",
            "start it from a command prompt that was opened with \"Run as administrator\"",
        ),
        None if facts.elevates => passed("Windows Installer makes the changes as SYSTEM"),
        None => failed(
            "this has to be installed by SYSTEM or by an elevated administrator",
            "start it from a command prompt that was opened with \"Run as administrator\", or deploy it as SYSTEM",
        ),
    }
}

fn platform() -> Outcome {
    const AMD64: u16 = 9;
    const ARM64: u16 = 12;
    let mut info = sys::SYSTEM_INFO { architecture: 0, rest: [0; 8] };
    let size = std::mem::size_of::<sys::OSVERSIONINFOW>() as u32;
    let mut version = sys::OSVERSIONINFOW { size, major: 0, minor: 0, build: 0, platform: 0, service_pack: [0; 128] };
    // SAFETY: both fill structures that are ours, and the second knows its size.
    unsafe {
        sys::GetNativeSystemInfo(&mut info);
        sys::RtlGetVersion(&mut version);
    }
    let found = format!("Windows {}.{}.{}", version.major, version.minor, version.build);
    if (version.major, version.minor) < (6, 1) {
        failed(format!("{found} is too old"), "Windows 7, Windows Server 2008 R2 or newer is needed")
    } else if !matches!(info.architecture, AMD64 | ARM64) {
        failed(format!("{found} is not 64-bit"), "take the package for this machine")
    } else {
        passed(found)
    }
}

fn others(settings: &Settings, facts: &Facts, report: &mut Report) {
    let found = match &facts.others {
        Some(found) => found,
        None => return,
    };
    for (fault, remedy) in found {
        report.add(&checks::OTHER, "", failed(fault, remedy));
    }
    if found.is_empty() {
        let seen = match settings.get("PREVIOUS") {
            "" => "nothing is installed".to_string(),
            version => format!("version {version} is installed"),
        };
        report.add(&checks::OTHER, "", passed(seen));
    }
}

fn probed(folder: &str, execute: bool, remedy: &str) -> Outcome {
    match folder::probe(folder, execute) {
        Ok(()) if execute => passed(format!("created, written, read, opened for execution, deleted in {folder}")),
        Ok(()) => passed(format!("created, written, read, deleted in {folder}")),
        Err(why) => failed(format!("cannot {why}"), remedy),
    }
}

const LEFT: &str = "will be looked at as SYSTEM before the first change";

fn temp(folder: &str, facts: &Facts) -> Outcome {
    if facts.leaves_folders() {
        return passed(LEFT);
    }
    match folder::kind(folder) {
        Kind::Folder | Kind::Reparse => {
            let remedy = format!("give SYSTEM and Administrators full control of {folder} (icacls), and look for a full disk and for rules of a virus scanner or AppLocker");
            probed(folder, true, &remedy)
        }
        Kind::File => failed(format!("{folder} is a file"), format!("replace it by a folder: del {folder} & mkdir {folder}")),
        Kind::Missing => failed(format!("{folder} is missing"), format!("mkdir {folder}")),
    }
}

/// What is wrong with the root by its text and its drive: the fault and its remedy.
pub fn misplaced(settings: &Settings) -> Option<(String, String)> {
    let root = settings.root();
    if let Some(fault) = settings.depth_fault() {
        return Some((format!("the install root {root:?} {fault}"), "choose a shorter INSTALL_ROOT".to_string()));
    }
    if let Some(fault) = root::fault(root, &places::system_folders()) {
        let remedy = r"choose a path such as D:\Agents with INSTALL_ROOT".to_string();
        return Some((format!("the install root {root:?} {fault}"), remedy));
    }
    drive(root)
}

fn install_root(settings: &Settings, facts: &Facts) -> Outcome {
    let root = settings.root();
    if let Some((fault, remedy)) = misplaced(settings) {
        return failed(fault, remedy);
    }
    if facts.leaves_folders() {
        return passed(LEFT);
    }
    let chain = root::chain(root);
    if let Some((long, fault)) = long_name(root, &chain) {
        return failed(
            format!("the install root {root:?}, whose long name is {long:?}, {fault}"),
            r"choose a path such as D:\Agents with INSTALL_ROOT",
        );
    }
    if let Some((fault, remedy)) = untrusted(root, facts.user.as_deref().unwrap_or("")) {
        return failed(fault, remedy);
    }
    let nearest = match nearest(&chain) {
        Some(nearest) => nearest,
        None => return failed(format!("nothing of {root} is there"), "choose another INSTALL_ROOT"),
    };
    probed(
        nearest,
        true,
        &format!("give SYSTEM and Administrators full control of {nearest} (icacls), or choose another INSTALL_ROOT"),
    )
}

/// A short (8.3) name may stand for a folder that no root may be: its long name and the fault.
fn long_name(root: &str, chain: &[String]) -> Option<(String, String)> {
    let there = nearest(chain)?;
    let long = format!("{}{}", folder::long_name(there)?, root.strip_prefix(there)?);
    let fault = root::system_fault(&long, &places::system_folders())?;
    Some((long, fault))
}

fn nearest(chain: &[String]) -> Option<&str> {
    chain.iter().map(String::as_str).find(|path| folder::kind(path) != Kind::Missing)
}

/// What is wrong with the drive of a root: the fault and its remedy.
pub fn drive(root: &str) -> Option<(String, String)> {
    let drive = format!("{}\\", root.get(..2)?);
    const NO_ROOT: u32 = 1;
    const REMOTE: u32 = 4;
    const CD: u32 = 5;
    // SAFETY: the path is terminated by zero.
    let fault = match unsafe { sys::GetDriveTypeW(sys::wide(&drive).as_ptr()) } {
        NO_ROOT => "is not there",
        REMOTE => "is a network drive, which SYSTEM does not see",
        CD => "is an optical disc",
        _ => return None,
    };
    Some((format!("the drive {drive} {fault}"), "choose an INSTALL_ROOT on a disk of this machine".to_string()))
}

/// What lets ordinary users change what SYSTEM will run from below the root: the fault and its remedy. `user` installs.
pub fn untrusted(root: &str, user: &str) -> Option<(String, String)> {
    let chain = root::chain(root);
    // Folders of ours below the root; one that is there already must be as trustworthy as the root.
    let names = places::names();
    let within = [names.get("connector-folder"), names.get("containers-folder"), "bin", "components", ".linkpack"];
    let own = within.iter().map(|name| format!("{root}\\{name}"));
    for path in own.chain(std::iter::once(root.to_string())) {
        if let Some(fault) = folder::foreign(&path, user) {
            return Some((fault, format!("move {path} away, or choose another INSTALL_ROOT")));
        }
        if let Some(fault) = open_to_users(&path, CHANGES, "write in") {
            return Some((fault, locked(&path)));
        }
    }
    chain.iter().skip(1).find_map(|path| above(path, user))
}

/// What is wrong with a folder above the root: that others can put something else into the root's place.
fn above(path: &str, user: &str) -> Option<(String, String)> {
    let other = || "choose an INSTALL_ROOT elsewhere, such as below Program Files".to_string();
    match folder::kind(path) {
        Kind::Missing => return None,
        Kind::File => return Some((format!("{path} is a file"), other())),
        // A volume mounted in a folder, and a link that an administrator made, are as good as folders.
        Kind::Folder | Kind::Reparse => {}
    }
    let owner = match folder::descriptor(path) {
        Ok(found) => found.foreign_owner(user).map(String::from),
        Err(error) => return Some((format!("the owner of {path} cannot be read: {error}"), other())),
    };
    if let Some(owner) = owner {
        return Some((format!("{path} belongs to {owner}, who is no administrator"), other()));
    }
    let rights = if path.len() <= 3 { REPLACES_CHILDREN } else { REPLACES_FOLDER };
    Some((open_to_users(path, rights, "replace what is in")?, other()))
}

/// What is wrong with the file that RESULT names, where SYSTEM is to write: it has to be new, and nobody else may be able to put
/// something in its place. An empty name is none.
pub fn result_fault(path: &str, user: &str) -> Option<String> {
    if path.is_empty() {
        return None;
    }
    let folder = path.rsplit_once('\\').map_or("", |(folder, _)| folder);
    let is_odd = |name: &str| name.is_empty() || name.ends_with(['.', ' ']) || is_device(name);
    let has_odd_names = || path[3..].split('\\').any(is_odd);
    if !is_below_a_drive(path) || path.contains('/') || path[2..].contains([':', '?', '*', '<', '>']) || has_odd_names() {
        return Some(format!("RESULT has to be the full name of a file on a drive, not {path}"));
    }
    if folder::kind(path) != Kind::Missing {
        return Some(format!("{path}, which RESULT names, is there already"));
    }
    let folder = if folder.len() == 2 { format!("{folder}\\") } else { folder.to_string() };
    if folder::kind(&folder) != Kind::Folder {
        return Some(format!("{folder}, where RESULT is to be written, is no folder"));
    }
    let fault = folder::foreign(&folder, user).or_else(|| open_to_users(&folder, CHANGES, "write in"));
    fault.or_else(|| root::chain(&folder).iter().skip(1).find_map(|path| above(path, user)).map(|(fault, _)| fault))
}

fn open_to_users(path: &str, rights: u32, what: &str) -> Option<String> {
    if folder::kind(path) == Kind::Missing {
        return None;
    }
    let groups = match folder::descriptor(path) {
        Ok(found) => found.ordinary_with(rights),
        Err(error) => return Some(format!("the permissions of {path} cannot be read: {error}")),
    };
    let fault = format!("{} may {what} {path}, and SYSTEM runs what is installed there", groups.join(", "));
    (!groups.is_empty()).then(|| fault)
}

fn locked(path: &str) -> String {
    format!("icacls \"{path}\" /inheritance:r /grant *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F *S-1-5-32-545:(OI)(CI)RX, after a look at what is in it; or choose another INSTALL_ROOT")
}

/// ProgramData lets every user make folders: one of that name may be a trap.
fn runtime_folder(path: &str, facts: &Facts) -> Outcome {
    if facts.leaves_folders() {
        return passed(LEFT);
    }
    if let Some(fault) = folder::foreign(path, facts.user.as_deref().unwrap_or("")) {
        let old = format!("{path}.{}", machine::random());
        let remedy = match folder::kind(path) {
            // takeown and icacls would change what a link leads to.
            Kind::Reparse => format!("find out who made it, then remove the link, not what it leads to: rmdir \"{path}\""),
            Kind::File => format!("find out who made it, then: move \"{path}\" \"{old}\""),
            Kind::Folder | Kind::Missing => format!(
                "find out who made it, then: takeown /a /f \"{path}\" && icacls \"{path}\" /reset && move \"{path}\" \"{old}\""
            ),
        };
        return failed(fault, remedy);
    }
    let place = match folder::kind(path) {
        Kind::Missing => places::program_data(),
        _ => path.to_string(),
    };
    probed(&place, false, &format!("give SYSTEM and Administrators full control of {place} (icacls)"))
}

/// A tenth more than the files themselves, and room for logs and for what Windows Installer keeps for a rollback.
fn space(settings: &Settings) -> Outcome {
    const MARGIN_KB: u64 = 64 << 10;
    let payload = settings.get("PAYLOAD_KB").trim().parse::<u64>().unwrap_or(0);
    let needed = payload.saturating_add(payload / 10).saturating_add(MARGIN_KB);
    // A share that does not answer would hold everything up.
    let chain = if misplaced(settings).is_none() { root::chain(settings.root()) } else { Vec::new() };
    let place = match nearest(&chain) {
        Some(place) => place,
        None => return passed("not looked at: the root cannot be used"),
    };
    let (mut available, mut total, mut free) = (0, 0, 0);
    // SAFETY: the path is terminated by zero, and the numbers are ours.
    if unsafe { sys::GetDiskFreeSpaceExW(sys::wide(place).as_ptr(), &mut available, &mut total, &mut free) } == 0 {
        let error = sys::last_error();
        return failed(format!("the free space of {place} cannot be read: {error}"), "choose another INSTALL_ROOT");
    }
    let available = available >> 10;
    if available < needed {
        let fault = format!("not enough space for {}: {needed} kB needed, {available} kB free", settings.root());
        return failed(fault, "free space there, or choose an INSTALL_ROOT on another drive");
    }
    passed(format!("{needed} kB needed, {available} kB free"))
}
