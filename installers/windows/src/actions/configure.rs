//! Configuration before the service starts, and its undoing.

use super::defaults;
use super::journal::Journal;
use super::neighbour::{neighbour, own_logs};
use super::preflight::untrusted;
use contract::exit_codes as code;
use native::folder::{self, Kind};
use native::merge::{merge, with_site};
use native::registry::{remove_empty, Key};
use native::security::Security;
use native::settings::Settings;
use native::{places, root};
use std::fs::OpenOptions;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;
use std::{fs, io};

/// Where the vendor's scripts look for the root, and the value there. Windows Installer cannot write there.
fn vendors() -> (String, String) {
    (places::place("vendor-key"), places::names().get("root-value").to_string())
}

/// The notes of [`Journal`].
mod note {
    pub const CONFIG: &str = "config";
    pub const KEPT: &str = "kept";
    pub const ABSENT: &str = "absent";
    pub const HAD: &str = "had";
    pub const MADE: &str = "made";
    pub const SETUP: &str = "setup";
    pub const STARTING: &str = "starting";
    pub const STARTED: &str = "started";
}

const RUNTIME_FOLDERS: [&str; 2] = ["logs", "run"];

fn components(settings: &Settings) -> String {
    format!("{}\\components", settings.root())
}

fn says(what: &str) -> impl Fn(io::Error) -> String + '_ {
    move |error| format!("cannot {what}: {error}")
}

/// Makes the folders, csclient.cfg and the vendor's key. What is less than vital comes back as warnings.
///
/// # Errors
/// A sentence: what could not be made.
pub fn configure(settings: &Settings, user: &str) -> Result<Vec<String>, String> {
    if !settings.is_asked_by_an_administrator() {
        return Err("what is installed is changed by administrators only".to_string());
    }
    // Once more before anything in it runs: it is what MakeRoot made, or what was looked at before.
    if let Some((fault, remedy)) = untrusted(settings.root(), user) {
        return Err(format!("{fault}. What to do: {remedy}"));
    }
    let runtime = places::runtime();
    folder::make_private(&runtime, user).map_err(says(&format!("make {runtime}")))?;
    let mut journal = Journal::begin(settings.get("RUN_ID"), user).map_err(says(&format!("make {}", Journal::place())))?;
    let noted = says("note what will be changed");
    for name in RUNTIME_FOLDERS {
        let path = format!("{runtime}\\{name}");
        if folder::kind(&path) == Kind::Missing {
            journal.note(note::MADE, &path).map_err(&noted)?;
        }
        folder::make_private(&path, user).map_err(says(&format!("make {path}")))?;
    }
    let components = components(settings);
    folder::make_private(&components, user).map_err(says(&format!("make {components}")))?;
    for name in folder::names(&components) {
        journal.note(note::HAD, &name).map_err(&noted)?;
    }
    config(settings, &components, &mut journal)?;
    defaults::place(settings.root(), &mut journal)?;
    let failed = format!(r"set HKLM\{}", vendors().0);
    let warnings = vendor_key(settings, &mut journal).err().map(says(&failed)).into_iter().collect();
    if settings.starts() {
        journal.note(note::STARTING, "1").map_err(&noted)?;
    }
    Ok(warnings)
}

/// Makes the root with the folders above it that are missing: administrators', whatever they would inherit, and never one that somebody
/// put there since the checks. A root that is there keeps its permissions, which are checked again.
///
/// # Errors
/// A sentence: what is in the way.
pub fn make_root(settings: &Settings, user: &str) -> Result<(), String> {
    let root = settings.root();
    let chain = root::chain(root);
    let missing: Vec<&String> = chain.iter().take_while(|path| folder::kind(path) == Kind::Missing).collect();
    let security = Security::root().map_err(says("make a security descriptor"))?;
    for path in missing.iter().rev() {
        folder::make_new(path, &security).map_err(says(&format!("make {path}")))?;
    }
    match untrusted(root, user) {
        Some((fault, remedy)) => Err(format!("{fault}. What to do: {remedy}")),
        None => Ok(()),
    }
}

fn config(settings: &Settings, components: &str, journal: &mut Journal) -> Result<(), String> {
    let path = format!("{components}\\csclient.cfg");
    let cannot = |what: &str| {
        let what = format!("{what} {path}");
        move |error| says(&what)(error)
    };
    let existing = match folder::kind(&path) {
        Kind::Missing => None,
        Kind::File => Some(fs::read(&path).map_err(cannot("read"))?),
        Kind::Folder | Kind::Reparse => return Err(format!("{path} is not a file: move it away")),
    };
    let standing = match &existing {
        None => note::ABSENT,
        Some(bytes) => {
            folder::replace(&journal.saved("csclient.cfg"), bytes).map_err(cannot("save"))?;
            note::KEPT
        }
    };
    journal.note(note::CONFIG, standing).map_err(cannot("note the change of"))?;
    let defaults = fs::read(format!("{}\\bin\\csclient.default", settings.root())).unwrap_or_default();
    let defaults = with_site(&defaults, settings.get("SiteLines"));
    let merged = merge(existing.as_deref().unwrap_or_default(), &defaults, settings);
    if existing.as_ref() == Some(&merged) {
        return Ok(());
    }
    folder::replace(&path, &merged).map_err(cannot("write"))
}

fn vendor_key(settings: &Settings, journal: &mut Journal) -> io::Result<()> {
    let (vendors, value) = vendors();
    let before = Key::open(&vendors).and_then(|key| key.text(&value));
    journal.note(note::SETUP, before.as_deref().unwrap_or(""))?;
    Key::make(&vendors)?.set(&value, settings.get("INSTALL_ROOT"))
}

/// Notes that the service came up, so that a later failure is not taken for its own.
pub fn note_started(settings: &Settings, user: &str) {
    if let Some(mut journal) = Journal::open(settings.get("RUN_ID"), user) {
        // Without the note, a later failure would be blamed on the service: wrong, but no harm.
        let _ = journal.note(note::STARTED, "1");
    }
}

/// What `Undo` did.
pub struct Undone {
    pub code: i32,
    pub problems: Vec<String>,
}

/// Puts back what `configure` changed.
pub fn undo(settings: &Settings, user: &str) -> Undone {
    let journal = match Journal::open(settings.get("RUN_ID"), user) {
        Some(journal) => journal,
        None => {
            // MakeRoot may have come before what failed.
            let _ = fs::remove_dir(settings.root());
            return Undone { code: code::FAILED, problems: Vec::new() };
        }
    };
    let mut problems = Vec::new();
    let mut tried = |what: &str, result: io::Result<()>| problems.extend(result.err().map(says(what)));
    for (path, error) in defaults::undo(settings.root(), &journal) {
        tried(&format!("put back {path}"), Err(error));
    }
    let components = components(settings);
    let config = format!("{components}\\csclient.cfg");
    // What a service that was started made is not from before.
    let had = journal.all(note::HAD);
    for name in folder::names(&components).iter().filter(|name| !had.contains(&name.as_str())) {
        let path = format!("{components}\\{name}");
        tried(&format!("remove {path}"), folder::remove(&path));
    }
    if journal.get(note::CONFIG) == Some(note::KEPT) {
        tried(&format!("put back {config}"), folder::rename(&journal.saved("csclient.cfg"), &config));
    }
    if let Some(before) = journal.get(note::SETUP) {
        match before {
            "" => forget_vendor_key(),
            root => {
                let (vendors, value) = vendors();
                tried("put back the registry", Key::make(&vendors).and_then(|key| key.set(&value, root)));
            }
        }
    }
    let made = journal.all(note::MADE);
    if let Some(run) = made.iter().find(|path| path.ends_with(r"\run")) {
        tried(&format!("remove {run}"), folder::remove(run));
    }
    // Logs say why it failed: only an empty folder goes. So do those that Windows Installer could not remove over csclient.cfg.
    for path in made.iter().copied().chain([components.as_str(), settings.root()]) {
        let _ = fs::remove_dir(path);
    }
    let failed_start = journal.get(note::STARTING).is_some() && journal.get(note::STARTED).is_none();
    let code = match (problems.is_empty(), failed_start) {
        (false, _) => code::ROLLBACK_FAILED,
        (true, true) => code::NOT_STARTED,
        (true, false) => code::FAILED,
    };
    // Where something could not be put back, the saved file is the only copy.
    if problems.is_empty() {
        let _ = Journal::close();
    }
    Undone { code, problems }
}

fn forget_vendor_key() {
    let (vendors, value) = vendors();
    if let Some(key) = Key::edit(&vendors) {
        key.remove(&value);
    }
    let mut emptied = Some(vendors.as_str());
    while let Some(path) = emptied {
        remove_empty(path);
        emptied = path.rsplit_once('\\').map(|(parent, _)| parent);
    }
}

/// Removes what was made at run time. Never fails: what cannot be removed comes back as sentences.
pub fn leave(settings: &Settings, user: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut places = Vec::new();
    match neighbour(settings, user) {
        None => places.push(places::runtime()),
        Some((product, root)) => {
            problems.push(format!("left alone: {}, which {product} in {root} uses", places::runtime()));
            problems.extend(own_logs().iter().filter_map(|log| folder::remove(log).err().map(says(&format!("remove {log}")))));
        }
    }
    match root::fault(settings.root(), &places::system_folders()) {
        Some(fault) => problems.push(format!("left alone: the root {fault}")),
        None => {
            if folder::foreign(settings.root(), user).is_none() {
                defaults::remove(settings.root());
            }
            places.push(components(settings));
        }
    }
    for path in places {
        match folder::foreign(&path, user) {
            Some(why) => problems.push(format!("left alone: {why}")),
            None => problems.extend(remove_patiently(&path).err().map(says(&format!("remove {path}")))),
        }
    }
    forget_vendor_key();
    // Windows Installer could not remove it over `components`.
    let _ = fs::remove_dir(settings.root());
    problems
}

/// Waits until none of the connector's programs runs; gives one that still does after ten seconds.
pub fn await_end(root: &str) -> Option<PathBuf> {
    for _ in 0..40 {
        running(root)?;
        sleep(Duration::from_millis(250));
    }
    running(root)
}

/// A program of the connector that Windows refuses to open for writing, as it does while one runs.
fn running(root: &str) -> Option<PathBuf> {
    const SHARING_VIOLATION: i32 = 32;
    const NO_LINKS: u32 = 0x0020_0000;
    let programs =
        fs::read_dir(Path::new(root).join(places::names().get("connector-folder"))).ok()?.flatten().map(|entry| entry.path());
    programs.filter(|path| path.extension().map_or(false, |name| name.eq_ignore_ascii_case("exe"))).find(|path| {
        let opened = OpenOptions::new().write(true).custom_flags(NO_LINKS).open(path);
        opened.err().and_then(|error| error.raw_os_error()) == Some(SHARING_VIOLATION)
    })
}

/// A process of the service that just ended may still hold a file.
fn remove_patiently(path: &str) -> io::Result<()> {
    for _ in 0..20 {
        if folder::remove(path).is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(250));
    }
    folder::remove(path)
}
