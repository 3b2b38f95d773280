//! Files and folders: Directory, Component, Feature, File, MsiFileHash, Media, CreateFolder, and what is locked.

use super::cab::{self, Member};
use super::choice::not_chosen;
use super::database::{row, Database};
use super::identity::{default_root, identity};
use super::names::{self, Directory};
use super::summary::braced;
use super::{file_name, pe, unfit, ContainerSpec, MsiSpec, Placed};
use crate::error::{Error, Result};
use crate::format::Digests;
use crate::payload::pe::FileVersion;
use crate::payload::{Kind, TreePath};
use std::collections::{BTreeMap, BTreeSet};

/// The feature of everything that is no container's.
pub const CONNECTOR: &str = "Connector";
/// The component of the install root itself.
pub const ROOT_COMPONENT: &str = "RootFolder";
/// Only SYSTEM and administrators; on the root, users may read and execute as well.
const PRIVATE: &str = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
const USERS_READ: &str = "(A;OICI;0x1200a9;;;BU)";
/// msidbComponentAttributes64bit.
const SIXTY_FOUR_BIT: i32 = 0x100;

/// One cabinet: what it holds and its names inside and outside the MSI.
pub struct Cabinet<'a> {
    /// Its files, in the order of their sequence numbers.
    pub members: Vec<Member<'a>>,
    /// The stream's name.
    pub stream: String,
    /// The file's name where it lies beside the MSI.
    pub sidecar: String,
}

/// The payload as an MSI sees it.
pub struct Contents<'a> {
    /// The cabinets in order.
    pub cabinets: Vec<Cabinet<'a>>,
    /// The numbers that their members, one after another, have among the package's regular files.
    order: Vec<usize>,
    /// Versions of their members, one after another.
    versions: Vec<Option<FileVersion>>,
    /// Keys of the Directory table by path.
    directories: BTreeMap<TreePath, String>,
    /// Features of the containers, in their order.
    features: Vec<String>,
}

impl<'a> Contents<'a> {
    /// Looks at the files: what an MSI can carry, and in which cabinets.
    ///
    /// # Errors
    /// A link, a file above the cabinets' limit.
    pub fn new(spec: &MsiSpec<'a>) -> Result<Self> {
        let (mut members, mut order) = (Vec::new(), 0);
        let mut directories = BTreeMap::new();
        for Placed { path, file, .. } in spec.files {
            let path: &TreePath = path;
            match &file.entry.kind {
                Kind::Directory => {
                    directories.insert(path.clone(), key(spec, "d", path));
                }
                Kind::File(_) => {
                    let version = pe::read(file)?.and_then(|program| program.version);
                    let own = spec.own.iter().any(|own| own.as_bytes() == path.as_bytes());
                    let member = Member { name: key(spec, "f", path), path, file, md5: version.is_none(), own };
                    members.push((order, member, version));
                    order += 1;
                }
                Kind::Symlink(_) => {
                    return Err(unfit(
                        format!("{path:?} is a symbolic link; an MSI installs files and folders only"),
                        "put the file itself there, or leave the link out with exclude = [...] in the payload's table",
                    ))
                }
            }
        }
        for folder in spec.private_folders {
            directories.entry(folder.clone()).or_insert_with(|| key(spec, "d", folder));
        }
        // In the last folders: those before are then the same in each package of the build.
        members.sort_by_key(|(_, member, _)| member.own);
        let order = members.iter().map(|(order, ..)| *order).collect();
        let (members, versions): (Vec<Member>, Vec<_>) =
            members.into_iter().map(|(_, member, version)| (member, version)).unzip();
        let package = file_name(spec.name, spec.version, spec.platform);
        let package = package.trim_end_matches(".msi");
        let plan = cab::plan(&members)?;
        let mut members = members.into_iter();
        let cabinets = plan.iter().enumerate().map(|(index, range)| Cabinet {
            members: members.by_ref().take(range.len()).collect(),
            stream: format!("files{}.cab", index + 1),
            sidecar: format!("{package}-{}.cab", index + 1),
        });
        Ok(Contents { cabinets: cabinets.collect(), order, versions, directories, features: features(spec.containers)? })
    }

    /// Digests of the cabinets' members, in the order of the package's files.
    pub fn in_order_of_files(&self, digests: &[Digests]) -> Vec<Digests> {
        let mut ordered: Vec<_> = self.order.iter().zip(digests).collect();
        ordered.sort_unstable_by_key(|(order, _)| **order);
        ordered.into_iter().map(|(_, digests)| *digests).collect()
    }

    /// Fills the tables of files, folders and features; `embedded` says where the cabinets are, `digests` are their members'.
    pub fn add(&self, spec: &MsiSpec, embedded: bool, digests: &[Digests], database: &mut Database) -> Result<()> {
        self.add_features(spec, database)?;
        self.add_directories(spec, database)?;
        self.add_files(spec, embedded, digests, database)?;
        self.add_folders(spec, database)
    }

    /// The feature of a path.
    fn feature(&self, spec: &MsiSpec, path: &TreePath) -> &str {
        let below = |folder: &TreePath| {
            path.as_bytes().strip_prefix(folder.as_bytes()).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
        };
        let inside = |container: &ContainerSpec| container.folders.iter().any(below);
        spec.containers.iter().position(inside).map_or(CONNECTOR, |index| &self.features[index])
    }

    /// The features that are always installed.
    pub fn required_features(&self, spec: &MsiSpec) -> Vec<&str> {
        let containers = spec.containers.iter().zip(&self.features);
        let required = containers.filter(|(container, _)| container.required).map(|(_, feature)| feature.as_str());
        std::iter::once(CONNECTOR).chain(required).collect()
    }

    fn add_features(&self, spec: &MsiSpec, database: &mut Database) -> Result<()> {
        const DISALLOW_ADVERTISE: i32 = 8;
        const DISALLOW_ABSENT: i32 = 16;
        const NOT_BY_DEFAULT: i32 = 1000;
        let mut add = |id: &str, place: usize, title: &str, description: &str, required: bool| {
            let attributes = DISALLOW_ADVERTISE | if required { DISALLOW_ABSENT } else { 0 };
            let display = 2 * place as i32 + 1;
            let (title, description) = (shortened(title, 64), shortened(description, 255));
            database.add("Feature", row![id, (), title, description, display, 1, "INSTALL_ROOT", attributes])
        };
        add(CONNECTOR, 0, spec.service.title, spec.service.description, true)?;
        for (index, (container, feature)) in spec.containers.iter().zip(&self.features).enumerate() {
            add(feature, index + 1, container.title, container.description, container.required)?;
        }
        for (container, feature) in spec.containers.iter().zip(&self.features).filter(|(container, _)| !container.required) {
            let condition = not_chosen(container.name);
            database.add("Condition", row![feature.as_str(), NOT_BY_DEFAULT, condition])?;
        }
        Ok(())
    }

    fn add_directories(&self, spec: &MsiSpec, database: &mut Database) -> Result<()> {
        database.add("Directory", row!["TARGETDIR", (), "SourceDir"])?;
        let (folder, root) = default_root(spec)?;
        let mut parent = "TARGETDIR".to_owned();
        if let Some(folder) = folder {
            database.add("Directory", row![folder, "TARGETDIR", "."])?;
            parent = folder.to_owned();
        }
        for (index, name) in root.iter().enumerate() {
            let last = index + 1 == root.len();
            let id = if last { "INSTALL_ROOT".to_owned() } else { format!("RootParent{}", index + 1) };
            let name = Directory::default().add(name, &TreePath::new(name.as_bytes())?)?;
            database.add("Directory", row![id.as_str(), parent, name])?;
            parent = id;
        }
        let mut neighbours: BTreeMap<Option<TreePath>, Directory> = BTreeMap::new();
        for (path, id) in &self.directories {
            let name = last_name(spec, path)?;
            let name = neighbours.entry(path.parent()).or_default().add(&name, path)?;
            database.add("Directory", row![id.as_str(), self.directory(path.parent().as_ref())?, name])?;
        }
        Ok(())
    }

    /// The key of a path's directory; the root's for none.
    fn directory(&self, path: Option<&TreePath>) -> Result<&str> {
        match path {
            None => Ok("INSTALL_ROOT"),
            Some(path) => self
                .directories
                .get(path)
                .map(String::as_str)
                .ok_or_else(|| Error::new(format!("{path:?} is not a folder of the payload"))),
        }
    }

    fn add_files(&self, spec: &MsiSpec, embedded: bool, digests: &[Digests], database: &mut Database) -> Result<()> {
        let mut neighbours: BTreeMap<Option<TreePath>, Directory> = BTreeMap::new();
        for path in self.directories.keys() {
            let name = last_name(spec, path)?;
            neighbours.entry(path.parent()).or_default().add(&name, path)?;
        }
        let mut sequence = 0;
        let mut known = self.versions.iter().zip(digests);
        for (index, cabinet) in self.cabinets.iter().enumerate() {
            for member in &cabinet.members {
                sequence += 1;
                let path = member.path;
                let name = last_name(spec, path)?;
                let name = neighbours.entry(path.parent()).or_default().add(&name, path)?;
                let (version, digests) = known.next().ok_or_else(|| Error::new("a file was not packed"))?;
                if let (None, Some(md5)) = (version, digests.md5) {
                    // Windows Installer takes an empty file's hash to be zero, not the MD5 of nothing.
                    let md5 = if member.file.is_empty() { [0; 16] } else { md5 };
                    add_hash(md5, &member.name, database)?;
                }
                self.add_file(spec, member, &name, version.as_ref(), sequence, database)?;
            }
            let place = if embedded { format!("#{}", cabinet.stream) } else { cabinet.sidecar.clone() };
            database.add("Media", row![index as i32 + 1, sequence, (), place, (), ()])?;
        }
        database.create("MsiFileHash")?;
        database.create("File")?;
        database.create("Media")
    }

    fn add_file(
        &self,
        spec: &MsiSpec,
        member: &Member,
        name: &str,
        version: Option<&FileVersion>,
        sequence: i32,
        database: &mut Database,
    ) -> Result<()> {
        let Member { path, file, .. } = member;
        let component = component_of(spec, path);
        let directory = self.directory(path.parent().as_ref())?;
        add_component(spec, &component, directory, 0, Some(&member.name), path_text(path), database)?;
        database.add("FeatureComponents", row![self.feature(spec, path), component.as_str()])?;
        let (number, languages) = version.map(|version| (version.number.as_str(), version.languages.as_str())).unzip();
        let size = i32::try_from(file.len()).map_err(|_| Error::new(format!("{path:?} is above 2 GB")))?;
        const VITAL: i32 = 512;
        database.add("File", row![member.name.as_str(), component, name, size, number, languages, VITAL, sequence])
    }

    /// Folders that are made even when empty, and the locks on the root and on private ones.
    fn add_folders(&self, spec: &MsiSpec, database: &mut Database) -> Result<()> {
        add_component(spec, ROOT_COMPONENT, "INSTALL_ROOT", 0, None, "", database)?;
        database.add("FeatureComponents", row![CONNECTOR, ROOT_COMPONENT])?;
        database.add("CreateFolder", row!["INSTALL_ROOT", ROOT_COMPONENT])?;
        let lock = |id: &str, sddl: String, database: &mut Database| {
            database.add("MsiLockPermissionsEx", row![format!("lock.{id}"), id, "CreateFolder", sddl, ()])
        };
        // The library makes the root with its lock, and leaves alone what an administrator set on one that is there.
        if spec.library.is_none() {
            lock("INSTALL_ROOT", format!("{PRIVATE}{USERS_READ}"), database)?;
        }
        database.create("MsiLockPermissionsEx")?;
        let parents: BTreeSet<TreePath> = spec.files.iter().filter_map(|placed| placed.path.parent()).collect();
        for (path, id) in &self.directories {
            let private = spec.private_folders.contains(path);
            if parents.contains(path) && !private {
                continue;
            }
            let component = format!("e{}", &id[1..]);
            add_component(spec, &component, id, 0, None, &format!("{}/", path_text(path)), database)?;
            database.add("FeatureComponents", row![self.feature(spec, path), component.as_str()])?;
            database.add("CreateFolder", row![id.as_str(), component])?;
            if private {
                lock(id, PRIVATE.to_owned(), database)?;
            }
        }
        Ok(())
    }
}

/// A key that depends on the path alone: a letter and 32 hexadecimal digits.
fn key(spec: &MsiSpec, letter: &str, path: &TreePath) -> String {
    format!("{letter}{}", identity(spec, "path", path_text(path)).simple())
}

/// The key of a file.
pub fn file_of(spec: &MsiSpec, path: &TreePath) -> String {
    key(spec, "f", path)
}

/// The key of a file's component.
pub fn component_of(spec: &MsiSpec, path: &TreePath) -> String {
    key(spec, "c", path)
}

/// The path as text; [`names::components`] has refused, or will refuse, what is not.
fn path_text(path: &TreePath) -> &str {
    std::str::from_utf8(path.as_bytes()).unwrap_or_default()
}

/// The path's own name, when the whole path can be one on Windows.
fn last_name(spec: &MsiSpec, path: &TreePath) -> Result<String> {
    Ok(names::components(path, spec.default_root, spec.code_page)?.pop().unwrap_or_default())
}

/// Adds a component whose identity depends on where it lies below the root, wherever the root is.
pub fn add_component(
    spec: &MsiSpec,
    id: &str,
    directory: &str,
    attributes: i32,
    key_path: Option<&str>,
    place: &str,
    database: &mut Database,
) -> Result<()> {
    let guid = braced(identity(spec, "component", &place.to_lowercase()));
    let bits = if spec.platform.is_64_bit() { SIXTY_FOUR_BIT } else { 0 };
    database.add("Component", row![id, guid, directory, attributes | bits, (), key_path])
}

fn add_hash(md5: [u8; 16], id: &str, database: &mut Database) -> Result<()> {
    let part = |index: usize| {
        let bytes = &md5[4 * index..4 * index + 4];
        i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    };
    database.add("MsiFileHash", row![id, 0, part(0), part(1), part(2), part(3)])
}

/// Features named after the containers, in the characters that identifiers have.
pub fn features(containers: &[ContainerSpec]) -> Result<Vec<String>> {
    const LONGEST: usize = 38;
    let mut seen = BTreeSet::from([CONNECTOR.to_ascii_lowercase()]);
    let mut features = Vec::new();
    for container in containers {
        let name = contract::rules::feature(container.name);
        if name.len() > LONGEST || !seen.insert(name.to_ascii_lowercase()) {
            return Err(unfit(
                format!(
                    "the container {:?} cannot be a feature of an MSI: {name:?} is taken, or above {LONGEST} characters",
                    container.name
                ),
                "give the container another name",
            ));
        }
        features.push(name);
    }
    Ok(features)
}

fn shortened(text: &str, len: usize) -> String {
    text.chars().take(len).collect()
}
