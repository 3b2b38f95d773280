//! Windows Installer packages, written without Windows: a relational database and cabinets in a compound file.

mod actions;
pub mod cab;
mod cab_again;
mod choice;
mod code_page;
mod container;
mod contents;
mod covered;
mod database;
mod dialogs;
mod gathered;
pub mod icon;
mod identity;
mod mst;
mod names;
mod own;
mod package;
mod pe;
mod product;
mod sequences;
mod service;
mod settings;
pub mod signing;
mod strings;
mod summary;
pub mod transform;
mod version;
mod within;

pub use super::door::Sidecar;
use super::{patch, Digests, PreparedFile};
use crate::compress::Store;
use crate::error::{Error, IoContext, Result};
use crate::listener::Listener;
use crate::payload::TreePath;
use container::{Container, StreamName};
use contents::{Cabinet, Contents};
use database::Database;
use identity::PackageCode;
use std::borrow::Cow;
use std::io::{Read, Seek, Write};
use std::sync::Arc;
use tempfile::NamedTempFile;
use uuid::Uuid;

pub use cab::Packing;
pub use code_page::CodePage;
pub use container::SIZE_LIMIT;
pub use mst::Mst;
pub use own::LINKCTL;
pub use package::Msi;
pub use pe::{machine, Machine};
pub use version::product_version;

/// Everything an MSI is made of.
pub struct MsiSpec<'a> {
    /// The package's name, with the site's where there is one; identifies the product together with its version.
    pub name: &'a str,
    /// What all texts are in.
    pub code_page: CodePage,
    /// The name people read.
    pub title: &'a str,
    /// The version; its first three numbers are the MSI's own ([`product_version`]).
    pub version: &'a str,
    /// Who makes it.
    pub manufacturer: &'a str,
    /// One sentence.
    pub description: &'a str,
    /// Whom to ask.
    pub contact: Option<&'a str>,
    /// Where to read more.
    pub homepage: Option<&'a str>,
    /// The product's picture, as an .ico.
    pub icon: Option<&'a [u8]>,
    /// The product's family, one GUID for its whole life: all other identities derive from it.
    pub upgrade_code: Uuid,
    /// The machines it is for.
    pub platform: Platform,
    /// The default install root: `C:\Program Files\Intigua`, or on any drive.
    pub default_root: &'a str,
    /// The service.
    pub service: ServiceSpec<'a>,
    /// The containers; what lies in none of their folders is the connector's.
    pub containers: &'a [ContainerSpec<'a>],
    /// The files, their paths relative to the root, sorted, parents first.
    pub files: &'a [Placed<'a>],
    /// Folders below the root, made empty, that only SYSTEM and administrators may read.
    pub private_folders: &'a [TreePath],
    /// Public properties that are kept over repair and upgrade, with their defaults (empty: none).
    pub settings: &'a [(&'a str, &'a str)],
    /// Of these, those that every installation, repair and upgrade sets again: rows of Property, over whatever was kept.
    pub forced: &'a [&'a str],
    /// The key below HKEY_LOCAL_MACHINE that holds the root and the settings, such as `SOFTWARE\VMI\setup`. Windows lets no
    /// program make a key directly below HKEY_LOCAL_MACHINE (RegCreateKeyEx), so `VMI\setup` itself would fail there.
    pub setup_key: &'a str,
    /// The value of the root in it.
    pub root_value: &'a str,
    /// Files whose paths stand in the setup key, by their values' names there.
    pub recorded: &'a [(&'a str, &'a TreePath)],
    /// The file that holds the texts of the service's events; the event log then knows the service as a source.
    pub event_messages: Option<&'a TreePath>,
    /// A program that runs when a user logs on, relative to the root.
    pub at_logon: Option<&'a TreePath>,
    /// The native library whose functions check and configure.
    pub library: Option<LibrarySpec<'a>>,
    /// How the cabinets are packed.
    pub packing: Packing,
    /// Those of the files that other packages of the same build have others of.
    pub own: &'a [&'a str],
    /// Whose pool compresses.
    pub store: &'a Arc<Store>,
    /// Hears of each byte that is packed.
    pub listener: &'a dyn Listener,
    /// Makes a file for a cabinet that may not fit into the MSI: in the output's folder, so that it can be renamed there.
    pub spool: &'a dyn Fn() -> Result<NamedTempFile>,
    /// The time of everything, in seconds since 1970.
    pub mtime: i64,
}

/// A file and where it lies in the package.
pub struct Placed<'a> {
    /// The path relative to the root.
    pub path: Cow<'a, TreePath>,
    /// What it holds.
    pub file: &'a PreparedFile,
    /// Its length without the signature that this build gave it: what the package says of its size is the same before and after.
    pub len: u64,
}

impl<'a> Placed<'a> {
    /// In this place.
    pub fn at(path: Cow<'a, TreePath>, file: &'a PreparedFile) -> Self {
        Placed { path, file, len: file.len() }
    }

    /// In its own place.
    pub fn here(file: &'a PreparedFile) -> Self {
        Placed::at(Cow::Borrowed(&file.entry.path), file)
    }
}

/// The machines a package is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// 64-bit Windows on x86-64.
    X64,
    /// 32-bit Windows, or the 32-bit side of a 64-bit one.
    X86,
}

impl Platform {
    /// The name in file names.
    pub fn name(self) -> &'static str {
        match self {
            Platform::X64 => "x64",
            Platform::X86 => "x86",
        }
    }

    /// The summary's template property: platform and languages.
    fn template(self) -> &'static str {
        match self {
            Platform::X64 => "x64;1033",
            Platform::X86 => "Intel;1033",
        }
    }

    fn is_64_bit(self) -> bool {
        self == Platform::X64
    }
}

/// The service that the package registers. It runs as LocalSystem.
pub struct ServiceSpec<'a> {
    /// Its name.
    pub name: &'a str,
    /// The name people see.
    pub title: &'a str,
    /// What it does.
    pub description: &'a str,
    /// Its program, relative to the root.
    pub executable: &'a TreePath,
    /// The program's arguments; `{root}` stands for the install root.
    pub arguments: &'a [String],
}

/// A managed agent: a feature of its own.
pub struct ContainerSpec<'a> {
    /// Its name.
    pub name: &'a str,
    /// The name people read.
    pub title: &'a str,
    /// What it is.
    pub description: &'a str,
    /// Whether it is always installed.
    pub required: bool,
    /// Its folders below the root.
    pub folders: &'a [TreePath],
}

/// A native DLL (64-bit in a 64-bit package) and what is called in it.
pub struct LibrarySpec<'a> {
    /// The DLL.
    pub bytes: &'a [u8],
    /// Its functions.
    pub actions: &'a [ActionSpec<'a>],
    /// What its functions know besides root and settings: keys in capitals and formatted texts. Immediate functions find each key as
    /// a property, deferred ones find everything in CustomActionData: `KEY=value` joined by `|`. `PREVIOUS` (the version that is
    /// replaced) and `GIVEN` (the settings given for this very run, each followed by a comma) are always there.
    pub facts: &'a [(&'a str, &'a str)],
}

/// A function of the DLL, called during installation.
pub struct ActionSpec<'a> {
    /// The action's name, which the log shows.
    pub name: &'a str,
    /// The function exported by the DLL.
    pub function: &'a str,
    /// When it is called.
    pub stage: Stage,
    /// Where it is called at all; Windows Installer's condition syntax. Empty: always.
    pub condition: &'a str,
    /// Whether the installation goes on where it fails.
    pub may_fail: bool,
}

/// When a function of the DLL is called. Within a stage, functions are called in the order they are given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Immediately, with properties readable, before launch conditions can refuse; folders are not resolved yet.
    BeforeLaunchConditions,
    /// Immediately, with properties readable, when the root is known, nothing was changed and nothing was refused by Windows Installer.
    BeforeChanges,
    /// As SYSTEM, before the first change of the new version, after an older one was removed.
    FirstDeferred,
    /// As SYSTEM, undoing what a later stage does, when the installation fails.
    Rollback,
    /// As SYSTEM, when files, registry and services are in place and the service is not started.
    BeforeStart,
    /// As SYSTEM, when the service was started, where it is started at all.
    AfterStart,
    /// As SYSTEM, when files are about to be removed and the service is stopped.
    BeforeRemoval,
    /// As SYSTEM, when files and folders were removed.
    AfterRemoval,
    /// As SYSTEM, when old files are gone and no folder of the new ones was made.
    BeforeFiles,
    /// As SYSTEM, when all went well.
    Commit,
}

/// The file's name: `NAME-VERSION-x64.msi`.
pub fn file_name(name: &str, version: &str, platform: Platform) -> String {
    format!("{name}-{version}-{}.msi", platform.name())
}

/// What was written besides the package, and what was learned on the way.
pub struct Written {
    /// The cabinets that belong beside it: none below 2 GB.
    pub sidecars: Vec<Sidecar>,
    /// Digests of the regular files, in their order.
    pub digests: Vec<Digests>,
}

/// Writes a package at the writer's start, reading each file once.
///
/// # Errors
/// What Windows or an MSI cannot hold (names, versions, sizes), and whatever the writer or a content refuses.
pub fn write<W: Read + Write + Seek>(spec: &MsiSpec, out: &mut W) -> Result<Written> {
    write_within(SIZE_LIMIT, spec, out)
}

/// Writes a package whose cabinets lie beside it where it would grow above `limit` bytes.
///
/// # Errors
/// As [`write`]'s.
pub fn write_within<W: Read + Write + Seek>(limit: u64, spec: &MsiSpec, out: &mut W) -> Result<Written> {
    let contents = Contents::new(spec)?;
    let bound: u64 = contents.cabinets.iter().map(|cabinet| cab::longest(&cabinet.members)).sum();
    let mut container = Container::create(out, container::PACKAGE_CLASS)?;
    let (mut sidecars, mut digests) = (Vec::new(), Vec::new());
    let mut embedded = true;
    if fits(limit, bound) {
        for cabinet in &contents.cabinets {
            let name = StreamName::Data(&cabinet.stream);
            container.stream(&name, |out| {
                digests.extend(cab::write(&cabinet.members, spec.packing, spec.mtime, spec.store, spec.listener, out)?);
                Ok(())
            })?;
        }
    } else {
        sidecars = spool(spec, &contents.cabinets, &mut digests)?;
        let mut len = 0;
        for sidecar in &sidecars {
            len += sidecar.file.as_file().metadata().or_cannot("read", sidecar.file.path())?.len();
        }
        embedded = fits(limit, len);
        if embedded {
            for (cabinet, sidecar) in contents.cabinets.iter().zip(sidecars.drain(..)) {
                container.stream(&StreamName::Data(&cabinet.stream), |out| copy(sidecar, out))?;
            }
        }
    }
    write_database(spec, &contents, embedded, &digests, &mut container)?;
    container.finish()?;
    let digests = contents.in_order_of_files(&digests);
    Ok(Written { sidecars, digests })
}

/// Whether cabinets of so many bytes leave room for the database and for the compound file's own lists.
fn fits(limit: u64, cabinets: u64) -> bool {
    const DATABASE: u64 = 96 << 20;
    cabinets + cabinets / 100 + DATABASE < limit
}

fn spool(spec: &MsiSpec, cabinets: &[Cabinet], digests: &mut Vec<Digests>) -> Result<Vec<Sidecar>> {
    let mut sidecars = Vec::new();
    for cabinet in cabinets {
        let mut file = (spec.spool)()?;
        let mut buffered = std::io::BufWriter::with_capacity(1 << 20, file.as_file_mut());
        digests.extend(cab::write(&cabinet.members, spec.packing, spec.mtime, spec.store, spec.listener, &mut buffered)?);
        buffered.flush().map_err(patch::write_failed)?;
        drop(buffered);
        sidecars.push(Sidecar { name: cabinet.sidecar.clone(), file });
    }
    Ok(sidecars)
}

fn copy(mut sidecar: Sidecar, out: &mut impl Write) -> Result<()> {
    sidecar.file.rewind().or_cannot("read", sidecar.file.path())?;
    std::io::copy(&mut sidecar.file, out).map_err(patch::write_failed)?;
    Ok(())
}

/// Writes the tables that a transform changes, and those that tell the product: what [`write`] would write for the same specification
/// without any file. For who checks transforms; nothing can be installed from it.
///
/// # Errors
/// As [`write`]'s.
pub fn write_settings<W: Read + Write + Seek>(spec: &MsiSpec, out: &mut W) -> Result<()> {
    let contents = Contents::new(spec)?;
    let mut container = Container::create(out, container::PACKAGE_CLASS)?;
    let mut database = Database::new(spec.code_page)?;
    product::add(spec, &mut database)?;
    contents.add(spec, true, &[], &mut database)?;
    settings::add(spec, &contents, &mut database)?;
    sequences::add(spec, None, &mut database)?;
    database.complete()?;
    write_tables(spec, database, PackageCode::default(), &mut container)?;
    container.finish()
}

fn write_database<W: Read + Write + Seek>(
    spec: &MsiSpec,
    contents: &Contents,
    embedded: bool,
    digests: &[Digests],
    container: &mut Container<W>,
) -> Result<()> {
    let mut database = Database::new(spec.code_page)?;
    product::add(spec, &mut database)?;
    contents.add(spec, embedded, digests, &mut database)?;
    service::add(spec, &mut database)?;
    settings::add(spec, contents, &mut database)?;
    dialogs::add(&mut database)?;
    sequences::add(spec, spec.library.as_ref(), &mut database)?;
    actions::add(spec, &mut database)?;
    database.complete()?;
    let mut code = PackageCode::default();
    digests.iter().for_each(|digests| code.content(&digests.sha256));
    let mut stream = |name: String, bytes: &[u8], code: &mut PackageCode| {
        code.content(bytes);
        container.stream(&StreamName::Data(&name), |out| out.write_all(bytes).map_err(patch::write_failed))
    };
    if let Some(icon) = spec.icon {
        stream(format!("Icon.{}", icon::NAME), icon, &mut code)?;
    }
    if let Some(library) = &spec.library {
        stream(format!("Binary.{}", actions::LIBRARY), library.bytes, &mut code)?;
    }
    write_tables(spec, database, code, container)
}

/// Writes tables and summary; `code` has seen what else is in the package.
fn write_tables<W: Read + Write + Seek>(
    spec: &MsiSpec,
    database: Database,
    mut code: PackageCode,
    container: &mut Container<W>,
) -> Result<()> {
    let mut streams = database.streams()?;
    streams.sort_unstable_by_key(|(name, _)| *name);
    // Each is let go when it is written: those of 70,000 files take many megabytes.
    for (name, bytes) in streams.into_iter().filter(|(_, bytes)| !bytes.is_empty()) {
        code.table(name, &bytes);
        container.stream(&StreamName::Table(name), |out| out.write_all(&bytes).map_err(patch::write_failed))?;
    }
    let summary = |package_code| summary::Summary {
        code_page: spec.code_page.of_summary(),
        subject: spec.title,
        author: spec.manufacturer,
        comments: spec.description,
        template: spec.platform.template(),
        package_code,
        time: spec.mtime,
    };
    let platform = spec.platform.template().split(';').next().unwrap_or_default();
    let code = code.finish(&spec.upgrade_code, platform, &summary(Uuid::nil()).bytes()?);
    let bytes = summary(code).bytes()?;
    container.stream(&StreamName::Summary, |out| out.write_all(&bytes).map_err(patch::write_failed))
}

/// The error of a manifest's value that an MSI cannot carry.
fn unfit(what: String, help: &str) -> Error {
    Error::new(what).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::CacheChoice;
    use crate::format::unread;
    use crate::listener::Silent;
    use crate::payload::{Content, Entry, Kind, Tree};
    use std::io::Cursor;

    /// The headers of a program for x86-64, which is all that is looked at.
    fn program() -> Vec<u8> {
        let mut bytes = vec![0; 512];
        bytes[..2].copy_from_slice(b"MZ");
        bytes[0x3C] = 0x40;
        bytes[0x40..0x44].copy_from_slice(b"PE\0\0");
        bytes[0x44..0x46].copy_from_slice(&0x8664_u16.to_le_bytes());
        bytes[0x58..0x5A].copy_from_slice(&0x20B_u16.to_le_bytes());
        bytes
    }

    fn package(limit: u64) -> (Vec<u8>, Vec<Sidecar>) {
        let path = |name: &str| TreePath::new(name.as_bytes()).unwrap();
        let entry = |name, bytes: Vec<u8>| Entry {
            path: path(name),
            kind: Kind::File(Content::memory(bytes)),
            mode: 0o644,
            config: false,
            mtime: 0,
        };
        let entries = vec![entry("bin/service.exe", program()), entry("bin/zeros", vec![0; 4 << 20])];
        let store = Store::open(CacheChoice::Temporary(std::env::temp_dir()), 2).unwrap();
        let files = unread(Tree::new(entries).unwrap());
        let files: Vec<Placed> = files.iter().map(Placed::here).collect();
        let executable = path("bin/service.exe");
        let spec = MsiSpec {
            code_page: Default::default(),
            name: "sample",
            title: "sample",
            version: "1.0.0",
            manufacturer: "Example",
            description: "A sample.",
            contact: None,
            homepage: None,
            icon: None,
            upgrade_code: Uuid::from_u128(7),
            platform: Platform::X64,
            default_root: r"C:\Program Files\Intigua",
            service: ServiceSpec { name: "s", title: "s", description: "", executable: &executable, arguments: &[] },
            containers: &[],
            files: &files,
            private_folders: &[],
            settings: &[],
            forced: &[],
            setup_key: r"SOFTWARE\VMI\setup",
            root_value: "IntiguaRootDir",
            recorded: &[("Helper64", &executable)],
            event_messages: None,
            at_logon: Some(&executable),
            library: None,
            packing: Packing::Mszip,
            own: &[],
            store: &store,
            listener: &Silent,
            spool: &|| Ok(NamedTempFile::new().unwrap()),
            mtime: 0,
        };
        let mut out = Cursor::new(Vec::new());
        let written = write_within(limit, &spec, &mut out).unwrap();
        (out.into_inner(), written.sidecars)
    }

    fn cabinet_named(msi: &[u8]) -> String {
        let mut package = ::msi::Package::open(Cursor::new(msi)).unwrap();
        let row = package.select_rows(::msi::Select::table("Media")).unwrap().next().unwrap();
        row["Cabinet"].as_str().unwrap().to_owned()
    }

    const DATABASE: u64 = 96 << 20;

    #[test]
    fn cabinets_that_surely_fit_are_written_into_the_msi() {
        let (msi, sidecars) = package(SIZE_LIMIT);
        assert!(sidecars.is_empty());
        assert_eq!(cabinet_named(&msi), "#files1.cab");
    }

    #[test]
    fn cabinets_that_fit_only_compressed_are_the_same_in_the_msi() {
        // 4 MiB of zeros do not fit before they are compressed.
        let (msi, sidecars) = package(DATABASE + (1 << 20));
        assert!(sidecars.is_empty());
        assert!(msi == package(SIZE_LIMIT).0);
    }

    #[test]
    fn cabinets_that_do_not_fit_lie_beside_the_msi() {
        let (msi, sidecars) = package(DATABASE);
        assert_eq!(cabinet_named(&msi), "sample-1.0.0-x64-1.cab");
        assert_eq!(sidecars[0].name, "sample-1.0.0-x64-1.cab");
        let mut cabinet = ::cab::Cabinet::new(sidecars[0].file.reopen().unwrap()).unwrap();
        let name = cabinet.folder_entries().next().unwrap().file_entries().nth(1).unwrap().name().to_owned();
        let mut back = Vec::new();
        cabinet.read_file(&name).unwrap().read_to_end(&mut back).unwrap();
        assert!(back == vec![0; 4 << 20]);
    }
}
