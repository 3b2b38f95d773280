//! From what a source holds to a [`Tree`]: the manifest's selection, the checks every source has to pass, and one report of all that fails.

use super::extended::Extended;
use super::links::{self, show, Links};
use super::select::{Name, Selector, Wanted};
use super::{Content, Entry, Kind, Tree, TreePath};
use base::error::{Error, Result};
use base::interrupt;
use base::listener::{some_of, Listener};
use std::collections::{BTreeMap, HashMap, HashSet};

/// One entry as its source has it, nothing checked.
pub struct Found {
    /// Its path in the source, byte for byte.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: FoundKind,
    /// Permission bits; bits above 0o7777 are ignored.
    pub mode: u32,
    /// Seconds since 1970.
    pub mtime: i64,
    /// The source calls it configuration.
    pub config: bool,
    /// What it has beyond its mode.
    pub extended: Option<Box<Extended>>,
}

/// What an entry is in its source.
#[derive(Clone)]
pub enum FoundKind<C = Content> {
    /// A folder.
    Directory,
    /// A file with its content.
    File(C),
    /// A symbolic link with its target.
    Symlink(Vec<u8>),
    /// Another name for the entry of that name before it.
    HardLink(Vec<u8>),
    /// What no package can hold, in words: "a device node".
    Refused(String),
}

/// What a source is called, and what it may do.
pub(super) struct Origin<'a> {
    /// Its name in messages.
    pub name: &'a str,
    /// A package of the system: absolute link targets mean the package's own root.
    pub package: bool,
}

/// Bytes of a name on Linux (NAME_MAX), and of a path that leaves room for the install root (PATH_MAX is 4096 with its NUL).
const LONGEST_NAME: usize = 255;
const LONGEST_PATH: usize = 3800;
/// dpkg and rpm unpack a file under its name and nine bytes more.
const LONGEST_UNPACKED: usize = LONGEST_NAME - 9;
/// Entries named in one report, before "and N more".
const NAMED: usize = 10;
/// Files named in one warning.
pub(super) const WARNED: usize = 5;

/// Makes the tree, and the list of the files that have capabilities.
///
/// # Errors
/// All entries that cannot be packaged, in one error; a payload without a file; a `setuid` pattern without effect.
pub(super) fn tree(
    found: Vec<Found>,
    selector: &Selector,
    origin: &Origin,
    listener: &dyn Listener,
) -> Result<(Tree, BTreeMap<TreePath, String>)> {
    let mut faults = Faults::default();
    let (mut chosen, copies) = choose(found, selector, &mut faults)?;
    refuse_below_links(&chosen, &mut faults);
    if origin.package {
        rewrite_absolute_links(&mut chosen);
    }
    let kept = refuse_escaping_links(&chosen, selector, &mut faults)?;
    faults.into_result(origin)?;

    if copies.count > 0 {
        listener.info(&format!(
            "{}: {} become files of their own: {} bytes more on every endpoint",
            origin.name,
            if copies.count == 1 { "a hard link".to_owned() } else { format!("{} hard links", copies.count) },
            copies.bytes
        ));
    }
    if !kept.is_empty() {
        let kept = some_of(&kept, WARNED);
        listener.info(&format!("{}: kept links that lead out of it, by outside-links: {kept}", origin.name));
    }
    let long = chosen.iter().filter(|one| one.entry.path.file_name().len() > LONGEST_UNPACKED);
    let long: Vec<String> = long.map(|one| format!("\"{}\"", one.entry.path.display())).collect();
    if !long.is_empty() {
        listener.warning(&format!(
            "{}: a DEB or RPM with it cannot be installed: dpkg and rpm take no name above {LONGEST_UNPACKED} bytes: {}",
            origin.name,
            some_of(&long, WARNED)
        ));
    }
    let dropped = drop_special_bits(&mut chosen, selector);
    warn(&dropped, selector, origin, listener);
    if !chosen.iter().any(|one| matches!(one.entry.kind, Kind::File(_))) {
        return Err(no_file(origin, selector));
    }
    selector.check_setuid(origin.name)?;
    warn_of_attributes(&chosen, origin, listener);
    let capable = |one: &mut Chosen| Some((one.entry.path.clone(), one.extended.as_mut()?.caps.take()?));
    let capabilities = chosen.iter_mut().filter_map(capable).collect();
    Ok((Tree::new(chosen.into_iter().map(|one| one.entry).collect())?, capabilities))
}

/// An entry that belongs to the payload, and its name in the source before `strip`.
struct Chosen {
    entry: Entry,
    original: Vec<u8>,
    extended: Option<Box<Extended>>,
}

#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, name: &[u8], why: impl std::fmt::Display) {
        self.0.push(format!("\"{}\": {why}", show(name)));
    }

    fn into_result(self, origin: &Origin) -> Result<()> {
        let count = self.0.len();
        if count == 0 {
            return Ok(());
        }
        let entries = if count == 1 { "one entry".to_string() } else { format!("{count} entries") };
        let mut error = Error::new(format!("{entries} of {} cannot be packaged", origin.name))
            .help("correct the source, or leave these entries out: exclude = [...] in the manifest");
        for fault in self.0.iter().take(NAMED) {
            error = error.note(fault.clone());
        }
        if count > NAMED {
            error = error.note(format!("and {} more", count - NAMED));
        }
        Err(error)
    }
}

/// Applies strip, exclude and include, and resolves hard links; what is left out is not looked at otherwise.
fn choose(found: Vec<Found>, selector: &Selector, faults: &mut Faults) -> Result<(Vec<Chosen>, Copies)> {
    let mut copies = Copies::default();
    let mut chosen: Vec<Chosen> = Vec::new();
    let mut parents_only: Vec<Chosen> = Vec::new();
    let mut seen: HashMap<TreePath, Option<u32>> = HashMap::new();
    let has_hard_links = found.iter().any(|one| matches!(one.kind, FoundKind::HardLink(_)));
    let mut before: HashMap<Vec<u8>, FoundKind> = HashMap::new();
    for one in found {
        interrupt::check()?;
        let name = Name::parse(&one.name);
        let is_hard_link = matches!(one.kind, FoundKind::HardLink(_));
        // GNU tar writes one for a name that it was given twice: it is no second file.
        if matches!(&one.kind, FoundKind::HardLink(target) if Name::parse(target).joined == name.joined && before.contains_key(&name.joined))
        {
            continue;
        }
        let kind = match one.kind {
            // No second file: GNU tar writes it for a name that it was given twice, and all readers pass over it.
            FoundKind::HardLink(target) if Name::parse(&target).joined == name.joined && before.contains_key(&name.joined) => {
                continue
            }
            FoundKind::HardLink(target) => match before.get(&Name::parse(&target).joined) {
                Some(kind) => kind.clone(),
                None => FoundKind::Refused(format!("a hard link to \"{}\", which does not come before it", show(&target))),
            },
            kind => kind,
        };
        if has_hard_links && matches!(kind, FoundKind::File(_) | FoundKind::Symlink(_)) {
            before.insert(name.joined.clone(), kind.clone());
        }
        let Some(path) = selector.strip(&name.joined) else { continue };
        let wanted = selector.wants(path);
        if wanted == Wanted::No || (wanted == Wanted::AsParent && !matches!(kind, FoundKind::Directory)) {
            continue;
        }
        if name.absolute {
            faults.add(&one.name, "an absolute name");
            continue;
        }
        if name.climbs() {
            faults.add(&one.name, "a name that leaves the payload through \"..\"");
            continue;
        }
        if let Some(len) = path.split(|&byte| byte == b'/').map(<[u8]>::len).find(|len| *len > LONGEST_NAME) {
            faults.add(&one.name, format!("a name of {len} bytes, and Linux takes {LONGEST_NAME}"));
            continue;
        }
        if path.len() > LONGEST_PATH {
            faults.add(&one.name, format!("a path of {} bytes; below the install root, {LONGEST_PATH} is the limit", path.len()));
            continue;
        }
        let Ok(path) = TreePath::new(path) else {
            faults.add(&one.name, "a name with a NUL byte");
            continue;
        };
        let kind = match kind {
            FoundKind::Directory => Kind::Directory,
            FoundKind::File(content) => Kind::File(content),
            FoundKind::Symlink(target) => Kind::Symlink(target),
            FoundKind::HardLink(_) => unreachable!("hard links were resolved above"),
            FoundKind::Refused(what) => {
                faults.add(&one.name, what);
                continue;
            }
        };
        // A directory listed twice alike is common and harmless: tar archives made of several lists have them.
        let directory_mode = matches!(kind, Kind::Directory).then_some(one.mode & 0o7777);
        match seen.insert(path.clone(), directory_mode) {
            Some(earlier) if earlier.is_some() && earlier == directory_mode => continue,
            Some(_) => {
                faults.add(path.as_bytes(), "a name that occurs twice");
                continue;
            }
            None => {}
        }
        if let Kind::File(content) = &kind {
            copies.count += usize::from(is_hard_link);
            copies.bytes += if is_hard_link { content.len() } else { 0 };
        }
        let is_file = matches!(kind, Kind::File(_));
        let config = is_file && (one.config | selector.is_config(path.as_bytes()));
        let mode = if matches!(kind, Kind::Symlink(_)) { 0o777 } else { one.mode & 0o7777 };
        let entry = Entry { path, kind, mode, config, mtime: one.mtime };
        let list = if wanted == Wanted::Yes { &mut chosen } else { &mut parents_only };
        list.push(Chosen { entry, original: name.joined, extended: one.extended });
    }
    add_parents(&mut chosen, parents_only);
    Ok((chosen, copies))
}

/// Hard links, which become files of their own.
#[derive(Default)]
struct Copies {
    count: usize,
    bytes: u64,
}

/// Keeps, of the directories that `include` does not name, those that something included lies in: with their own modes.
fn add_parents(chosen: &mut Vec<Chosen>, candidates: Vec<Chosen>) {
    if candidates.is_empty() {
        return;
    }
    let mut needed = HashSet::new();
    for one in chosen.iter() {
        let mut next = one.entry.path.parent();
        while let Some(parent) = next {
            next = parent.parent();
            if !needed.insert(parent) {
                break;
            }
        }
    }
    chosen.extend(candidates.into_iter().filter(|one| needed.contains(&one.entry.path)));
}

fn refuse_below_links(chosen: &[Chosen], faults: &mut Faults) {
    let solid: HashMap<&[u8], &Kind> = chosen
        .iter()
        .filter(|one| !matches!(one.entry.kind, Kind::Directory))
        .map(|one| (one.entry.path.as_bytes(), &one.entry.kind))
        .collect();
    for one in chosen {
        let path = one.entry.path.as_bytes();
        for (slash, _) in path.iter().enumerate().filter(|(_, &b)| b == b'/') {
            if let Some(kind) = solid.get(&path[..slash]) {
                let what = if matches!(kind, Kind::Symlink(_)) { "the link" } else { "the file" };
                faults.add(path, format!("lies below {what} \"{}\"", show(&path[..slash])));
                break;
            }
        }
    }
}

/// In a DEB or RPM "/usr/lib/x" means the package's own usr/lib/x: says so in a way that holds wherever the tree is installed.
fn rewrite_absolute_links(chosen: &mut [Chosen]) {
    if !chosen.iter().any(|one| matches!(&one.entry.kind, Kind::Symlink(target) if target.starts_with(b"/"))) {
        return;
    }
    let places = original_places(chosen);
    for one in chosen.iter_mut() {
        if let Kind::Symlink(target) = &mut one.entry.kind {
            if let (true, Some(place)) = (target.starts_with(b"/"), places.get(&links::from_root(target))) {
                *target = links::relative(&one.entry.path, place);
            }
        }
    }
}

/// Every name the source has for something in the tree, implied directories included.
fn original_places(chosen: &[Chosen]) -> HashMap<Vec<u8>, TreePath> {
    let mut places = HashMap::new();
    for one in chosen {
        let mut path = Some(one.entry.path.clone());
        let mut original = &one.original[..];
        while let Some(place) = path {
            path = place.parent();
            if places.insert(original.to_vec(), place).is_some() {
                break;
            }
            let slash = original.iter().rposition(|&b| b == b'/').unwrap_or(0);
            original = &original[..slash];
        }
    }
    places
}

/// Refuses the links that lead out of the payload, and gives those that the manifest keeps all the same.
fn refuse_escaping_links(chosen: &[Chosen], selector: &Selector, faults: &mut Faults) -> Result<Vec<String>> {
    let mut kept = Vec::new();
    let targets: Links = chosen
        .iter()
        .filter_map(|one| match &one.entry.kind {
            Kind::Symlink(target) => Some((one.entry.path.as_bytes(), target.as_slice())),
            _ => None,
        })
        .collect();
    for one in chosen {
        if let Kind::Symlink(target) = &one.entry.kind {
            interrupt::check()?;
            match links::fault(&one.entry.path, target, &targets) {
                Some(_) if links::can_be(target) && selector.keeps_link(one.entry.path.as_bytes()) => {
                    kept.push(format!("\"{}\" -> \"{}\"", one.entry.path.display(), show(target)));
                }
                Some(why) => faults.add(one.entry.path.as_bytes(), why),
                None => {}
            }
        }
    }
    Ok(kept)
}

/// Takes set-uid, set-gid and sticky bits away where the manifest does not ask for them, and says where.
fn drop_special_bits(chosen: &mut [Chosen], selector: &Selector) -> Vec<String> {
    let mut dropped = Vec::new();
    for one in chosen.iter_mut().filter(|one| !matches!(one.entry.kind, Kind::Symlink(_))) {
        let entry = &mut one.entry;
        if entry.mode & 0o7000 != 0 && !selector.keeps_setuid(entry.path.as_bytes()) {
            entry.mode &= 0o777;
            dropped.push(format!("\"{}\"", entry.path.display()));
        }
    }
    dropped.sort();
    dropped
}

fn warn(dropped: &[String], selector: &Selector, origin: &Origin, listener: &dyn Listener) {
    if !dropped.is_empty() {
        listener.warning(&format!(
            "{}: dropped the set-uid, set-gid or sticky bit of {}; to keep it, name the file in setuid = [...]",
            origin.name,
            some_of(dropped, WARNED)
        ));
    }
    for (key, pattern) in selector.useless() {
        listener.warning(&format!("{}: the {key} pattern \"{pattern}\" matches nothing", origin.name));
    }
}

/// Names what a source has and no package carries.
fn warn_of_attributes(chosen: &[Chosen], origin: &Origin, listener: &dyn Listener) {
    let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in chosen {
        for what in one.extended.iter().flat_map(|extended| &extended.others) {
            kinds.entry(what).or_default().push(format!("\"{}\"", one.entry.path.display()));
        }
    }
    for (what, files) in kinds {
        let what = if what.contains('.') { format!("extended attribute {what}") } else { what.to_owned() };
        listener.warning(&format!("{}: packages do not carry the {what} of {}", origin.name, some_of(&files, WARNED)));
    }
}

fn no_file(origin: &Origin, selector: &Selector) -> Error {
    let error = Error::new(format!("{} holds no file to package", origin.name));
    match selector.selects() {
        true => error.help("look at strip, include and exclude of this source: together they leave nothing"),
        false => error.help("point the source at the folder or archive that holds the payload"),
    }
}
