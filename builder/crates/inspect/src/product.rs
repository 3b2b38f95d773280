//! An MSI's database as a report: identity, files with their folders, services, properties, and the database's claims about the cabinets.

use super::msi::secrets::secrets;
use super::msi::{Cabinet, Member, Msi, Row};
use super::openpgp::UNREADABLE;
use super::report::{FileEntry, FileFacts, FileKind, Format, Part, Report, Service, Signature, MASK};
use super::{entries::Entries, limits, Depth};
use std::collections::{BTreeSet, HashMap, HashSet};
use trust::cms;

/// Makes the report.
pub fn report(msi: &Msi, file: FileFacts, depth: Depth) -> Report {
    let mut report = Report::new(Format::Msi, file);
    for damage in &msi.damage {
        report.damaged(damage.part.clone(), damage.what.clone());
    }
    identity(msi, &mut report);
    cabinets(msi, &mut report);
    report.root = root(msi);
    services(msi, &mut report);
    settings(msi, &mut report);
    relations(msi, &mut report);
    actions(msi, &mut report);
    report.tables = msi.database.tables.iter().map(|(name, table)| (name.clone(), table.rows.len())).collect();
    if let Err(error) = files(msi, depth, &mut report) {
        report.damaged_by("File", &error);
    }
    if let Some(bytes) = &msi.signature {
        let place = "stream DigitalSignature".to_owned();
        let kind = if cms::is_signed_data(bytes) { "Authenticode" } else { UNREADABLE };
        report.signatures.push(Signature { kind: kind.into(), algorithm: None, key: None, place, bytes: bytes.clone() });
    }
    report
}

fn identity(msi: &Msi, report: &mut Report) {
    let get = |name: &str| msi.database.property(name).map(cut).unwrap_or_default();
    let identity = &mut report.identity;
    identity.name = get("ProductName");
    identity.version = get("ProductVersion");
    identity.publisher = get("Manufacturer");
    identity.contact = get("ARPCONTACT");
    identity.homepage = get("ARPURLINFOABOUT");
    identity.description = get("ARPCOMMENTS");
    identity.product_code = get("ProductCode");
    identity.upgrade_code = get("UpgradeCode");
    identity.package_code = msi.summary.revision.clone().unwrap_or_default();
    let template = msi.summary.template.clone().unwrap_or_default();
    identity.architecture = template.split(';').next().unwrap_or_default().to_owned();
    report.made_by = msi.summary.application.clone().filter(|name| !name.is_empty());
}

fn cut(text: &str) -> String {
    text.chars().take(limits::TEXT / 4).collect()
}

fn cabinets(msi: &Msi, report: &mut Report) {
    for (name, cabinet) in &msi.cabinets {
        let mut add = |members: &[Member]| {
            let size = members.iter().map(|member| u64::from(member.size)).sum();
            let codecs: BTreeSet<&str> = members.iter().map(|member| member.packing).collect();
            let codec = (!codecs.is_empty()).then(|| codecs.into_iter().collect::<Vec<_>>().join(", "));
            report.parts.push(Part { name: format!("cabinet {name}"), offset: None, size, codec });
        };
        match cabinet {
            Cabinet::Read(members) => add(members),
            Cabinet::Listed(members, why) => {
                add(members);
                report.damaged_by(format!("cabinet {name}"), &base::Error::new(why.clone()).unsupported());
            }
            Cabinet::Missing => report.damaged(format!("cabinet {name}"), "it is not there"),
            Cabinet::Damaged(why) => report.damaged(format!("cabinet {name}"), why.clone()),
        }
    }
}

/// The folder that the package itself says it installs to.
fn root(msi: &Msi) -> Option<String> {
    let folders = Folders::new(msi);
    let baked = |key: &str| {
        let mut setters = msi.database.rows("CustomAction").filter(|row| row.text("Source") == Some(key));
        let setter = setters.find(|row| row.number("Type").is_some_and(|kind| kind & KIND == SET_PROPERTY))?;
        setter.text("Target").filter(|target| !target.contains('[') && !target.is_empty()).map(cut)
    };
    ["INSTALL_ROOT", "INSTALLDIR", "INSTALLLOCATION", "APPLICATIONFOLDER", "INSTALLFOLDER"]
        .iter()
        .find_map(|key| msi.database.property(key).map(cut).or_else(|| baked(key)).or_else(|| folders.known(key)))
}

fn services(msi: &Msi, report: &mut Report) {
    for row in msi.database.rows("ServiceInstall").take(100) {
        let start = match row.number("StartType") {
            Some(2) => "automatic",
            Some(3) => "on demand",
            Some(4) => "disabled",
            _ => "unknown",
        };
        let component = row.text("Component_").unwrap_or_default();
        let by_key = msi.database.rows("Component").find(|row| row.text("Component") == Some(component));
        let key = by_key.and_then(|row| row.text("KeyPath").map(str::to_owned)).unwrap_or_default();
        let file = msi.database.rows("File").find(|row| row.text("File") == Some(&key));
        let program = file.and_then(|row| row.text("FileName").map(long_name)).unwrap_or_default();
        let program = format!("{program} {}", row.text("Arguments").unwrap_or_default()).trim().to_owned();
        report.services.push(Service {
            name: cut(row.text("Name").unwrap_or_default()),
            program: cut(&program),
            start: start.into(),
        });
    }
}

/// A custom action that sets a property, without options.
const SET_PROPERTY: i32 = 51;
const KIND: i32 = 0x3F;

fn settings(msi: &Msi, report: &mut Report) {
    let secrets = secrets(msi);
    let hidden: HashSet<&str> = msi.database.property("MsiHiddenProperties").unwrap_or_default().split(';').collect();
    for row in msi.database.rows("CustomAction").filter(|row| row.number("Type").is_some_and(|kind| kind & KIND == SET_PROPERTY))
    {
        // A default that is baked into an action; one that is made of other properties is no value yet.
        let (Some(source), Some(value)) = (row.text("Source"), row.text("Target")) else { continue };
        // CONTAINERS takes its default by way of another property.
        let name = row.text("Action").and_then(|action| action.strip_prefix("Default.")).unwrap_or(source);
        if name.chars().all(|c| !c.is_lowercase()) && !value.contains('[') {
            report.set(cut(name), if secrets.contains(name) || hidden.contains(name) { MASK.to_owned() } else { cut(value) });
        }
    }
    for row in msi.database.rows("Property") {
        let (Some(name), Some(value)) = (row.text("Property"), row.text("Value")) else { continue };
        let masked = secrets.contains(name) || hidden.contains(name);
        report.set(cut(name), if masked { MASK.to_owned() } else { cut(value) });
    }
}

fn relations(msi: &Msi, report: &mut Report) {
    for row in msi.database.rows("Upgrade") {
        let (code, property) = (row.text("UpgradeCode").unwrap_or_default(), row.text("ActionProperty").unwrap_or_default());
        let range = format!("{} .. {}", row.text("VersionMin").unwrap_or_default(), row.text("VersionMax").unwrap_or_default());
        report.relate("upgrades", cut(&format!("{code} {range} ({property})")));
    }
    for row in msi.database.rows("LaunchCondition") {
        report.relate("requires", cut(row.text("Condition").unwrap_or_default()));
    }
}

fn actions(msi: &Msi, report: &mut Report) {
    let secrets = secrets(msi);
    for row in msi.database.rows("CustomAction").take(limits::LINES) {
        let target = row.text("Target").unwrap_or_default();
        // What a setter of a secret sets is one, too.
        let source = row.text("Source").unwrap_or_default();
        let target = if super::report::is_secret(source) || secrets.contains(source) { MASK } else { target };
        let text =
            format!("type {}: {} {target}", row.number("Type").unwrap_or_default(), row.text("Source").unwrap_or_default());
        let kind = action_kind(row.number("Type").unwrap_or_default());
        report.script(cut(row.text("Action").unwrap_or_default()), Some(format!("custom action: {kind}")), text.as_bytes());
    }
}

/// What an action does, by the lowest bits of its type.
fn action_kind(kind: i32) -> &'static str {
    match kind & KIND {
        1 | 17 => "DLL",
        2 | 18 | 34 | 50 => "program",
        5 | 6 | 21 | 22 | 37 | 38 | 53 | 54 => "script",
        7 | 23 | 39 => "another package",
        19 => "error message",
        35 => "folder",
        51 => "property",
        _ => "of an unknown type",
    }
}

/// The paths of the Directory table's folders.
struct Folders<'a> {
    rows: HashMap<&'a str, (Option<&'a str>, &'a str)>,
}

impl<'a> Folders<'a> {
    fn new(msi: &'a Msi) -> Self {
        let row = |row: Row<'a>| {
            let parent = row.text("Directory_Parent").filter(|parent| Some(*parent) != row.text("Directory"));
            Some((row.text("Directory")?, (parent, row.text("DefaultDir").unwrap_or_default())))
        };
        Folders { rows: msi.database.rows("Directory").filter_map(row).collect() }
    }

    fn known(&self, key: &str) -> Option<String> {
        self.rows.contains_key(key).then(|| self.path(key))
    }

    /// The path of a key: folders that Windows knows in brackets.
    fn path(&self, key: &str) -> String {
        const DEEPEST: usize = 64;
        let (mut parts, mut at) = (Vec::new(), key);
        for _ in 0..DEEPEST {
            let Some((parent, name)) = self.rows.get(at) else {
                parts.push(format!("[{at}]"));
                break;
            };
            let name = long_name(name);
            match parent {
                _ if at.ends_with("Folder") || at == "TARGETDIR" => {
                    if at != "TARGETDIR" || parts.is_empty() {
                        parts.push(format!("[{at}]"));
                    }
                    break;
                }
                None => {
                    parts.push(format!("[{at}]"));
                    break;
                }
                Some(_) if name == "." => {}
                Some(_) => parts.push(name),
            }
            at = parent.unwrap_or_default();
        }
        parts.reverse();
        cut(&parts.join("\\"))
    }
}

/// A file of the File table and where it goes.
pub struct Installed {
    /// Its key, which is its member's name in a cabinet.
    pub key: String,
    /// Its path below the drive, with slashes.
    pub path: String,
    /// It lies beside the package and in no cabinet.
    pub beside: bool,
}

/// What an MSI installs, by its File, Component and Directory tables; folders that Windows knows under their usual names.
pub fn installed(msi: &Msi) -> Vec<Installed> {
    let folders = Folders::new(msi);
    let is_beside = beside(msi);
    let components: HashMap<&str, &str> =
        msi.database.rows("Component").filter_map(|row| Some((row.text("Component")?, row.text("Directory_")?))).collect();
    let file = |row: Row| {
        let folder = components.get(row.text("Component_")?).copied()?;
        let path = format!("{}\\{}", folders.path(folder), long_name(row.text("FileName")?));
        let parts: Vec<String> = path.split('\\').filter(|part| !part.is_empty()).map(usual).collect();
        let beside = is_beside(row.number("Attributes").unwrap_or(0));
        Some(Installed { key: row.text("File")?.to_owned(), path: parts.join("/"), beside })
    };
    msi.database.rows("File").filter_map(file).collect()
}

/// A part of a path; where Windows knows the folder, under its usual name.
fn usual(part: &str) -> String {
    let Some(key) = part.strip_prefix('[').and_then(|part| part.strip_suffix(']')) else { return part.to_owned() };
    let name = match key {
        "ProgramFilesFolder" | "ProgramFiles64Folder" => "Program Files",
        "CommonFilesFolder" | "CommonFiles64Folder" => "Program Files/Common Files",
        "CommonAppDataFolder" => "ProgramData",
        "WindowsFolder" => "Windows",
        "SystemFolder" | "System64Folder" => "Windows/System32",
        other => other,
    };
    name.to_owned()
}

/// Whether a file's attributes say that it lies beside the package.
fn beside(msi: &Msi) -> impl Fn(i32) -> bool {
    // msidbFileAttributesNoncompressed and Compressed; where a file has neither, the word count says it for all.
    const UNCOMPRESSED: i32 = 0x2000;
    const COMPRESSED: i32 = 0x4000;
    const ALL_COMPRESSED: i32 = 2;
    let usually = msi.summary.words.is_some_and(|words| words & ALL_COMPRESSED == 0);
    move |attributes| attributes & UNCOMPRESSED != 0 || (usually && attributes & COMPRESSED == 0)
}

/// The target's long name of a DefaultDir or FileName column.
fn long_name(text: &str) -> String {
    let target = text.split(':').next().unwrap_or_default();
    cut(target.split_once('|').map_or(target, |(_, long)| long))
}

fn files(msi: &Msi, depth: Depth, report: &mut Report) -> base::Result<()> {
    let is_beside = beside(msi);
    let folders = Folders::new(msi);
    let components: HashMap<&str, &str> =
        msi.database.rows("Component").filter_map(|row| Some((row.text("Component")?, row.text("Directory_")?))).collect();
    let mut paths: HashMap<&str, String> = HashMap::new();
    let members = members(msi);
    let unread = depth == Depth::Headers || msi.cabinets.values().any(|cabinet| !matches!(cabinet, Cabinet::Read(_)));
    let hashes: HashMap<&str, Row> = msi.database.rows("MsiFileHash").filter_map(|row| Some((row.text("File_")?, row))).collect();
    let keys: HashSet<&str> = msi.database.rows("File").filter_map(|row| row.text("File")).collect();
    let mut entries = Entries::default();
    for row in msi.database.rows("File") {
        let key = row.text("File").unwrap_or_default();
        let folder = components.get(row.text("Component_").unwrap_or_default()).copied().unwrap_or("unknown");
        let folder = paths.entry(folder).or_insert_with(|| folders.path(folder));
        let path = format!("{folder}\\{}", long_name(row.text("FileName").unwrap_or_default()));
        let mut entry = FileEntry::new(path.clone(), FileKind::File);
        entry.size = row.number("FileSize").unwrap_or(0).max(0) as u64;
        match members.get(key) {
            Some(member) => {
                claims(&path, &row, member, hashes.get(key), &keys, report);
                entry.size = u64::from(member.size);
                entry.sha256 = member.content.as_ref().map(|seen| seen.sha256);
            }
            None if is_beside(row.number("Attributes").unwrap_or(0)) => {
                report.notes.push(format!("{path} lies beside the package and was not looked at"));
            }
            None if unread => {}
            None => {
                let texts = || ("in the File table".to_owned(), "in no cabinet".to_owned());
                report.claims.file_text(&path, "presence", false, texts);
            }
        }
        entries.push(entry, None)?;
    }
    for name in members.keys().filter(|name| !keys.contains(**name)) {
        let texts = || ("not in the File table".to_owned(), "in a cabinet".to_owned());
        report.claims.file_text(&cut(name), "presence", false, texts);
    }
    report.files = entries.files;
    Ok(())
}

/// Every cabinet's members by their names.
fn members(msi: &Msi) -> HashMap<&str, &Member> {
    let lists = msi.cabinets.values().filter_map(|cabinet| match cabinet {
        Cabinet::Read(members) | Cabinet::Listed(members, _) => Some(members),
        Cabinet::Missing | Cabinet::Damaged(_) => None,
    });
    lists.flatten().map(|member| (member.name.as_str(), member)).collect()
}

/// What the tables say of one file, against its cabinet's member.
fn claims(path: &str, row: &Row, member: &Member, hash: Option<&Row>, keys: &HashSet<&str>, report: &mut Report) {
    if let Some(size) = row.number("FileSize") {
        let found = i64::from(member.size);
        let texts = || (size.to_string(), found.to_string());
        report.claims.file_text(path, "size", i64::from(size) == found, texts);
    }
    let Some(seen) = &member.content else { return };
    if let Some(hash) = hash {
        let listed = md5(hash);
        // Many packages list the MD5 of nothing for an empty file; that is what lint is for.
        let found = if listed == seen.md5 { seen.md5 } else { seen.file_hash() };
        report.claims.file(path, "MD5", &listed, &found);
    }
    // A companion's version is that of the file it names.
    let version = row.text("Version").filter(|version| !keys.contains(version));
    let resource = seen.program.as_ref().and_then(|program| program.version.as_ref()).map(|version| version.number.as_str());
    if let (Some(version), Some(resource)) = (version, resource) {
        let texts = || (cut(version), resource.to_owned());
        report.claims.file_text(path, "version", numbers(version) == numbers(resource), texts);
    }
}

/// The four numbers of a version, missing ones 0.
pub(super) fn numbers(version: &str) -> [u32; 4] {
    let mut numbers = [0; 4];
    for (number, text) in numbers.iter_mut().zip(version.split('.')) {
        *number = text.parse().unwrap_or(u32::MAX);
    }
    numbers
}

/// The MD5 of a row of MsiFileHash.
pub(super) fn md5(hash: &Row) -> [u8; 16] {
    let mut md5 = [0; 16];
    for (bytes, column) in md5.chunks_exact_mut(4).zip(["HashPart1", "HashPart2", "HashPart3", "HashPart4"]) {
        // The one number that reads as null.
        bytes.copy_from_slice(&hash.number(column).unwrap_or(i32::MIN).to_le_bytes());
    }
    md5
}
