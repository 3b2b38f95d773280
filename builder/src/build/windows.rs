//! A Windows target's package for one product: what the MSI carries beside the payload, and what it does on an endpoint.

use super::assemble::Base;
use super::output::{digest, Output};
use super::{Cabinet, Package};
use crate::endpoint::{self, windows::WindowsParts};
use crate::error::{Error, Result};
use crate::format::msi::{self, ActionSpec, CodePage, Machine, MsiSpec, Platform, Stage};
use crate::format::PreparedFile;
use crate::listener::Listener;
use crate::manifest::steps;
use crate::manifest::{proposed_upgrade_code, Name, Product, RelativePath, Target};
use crate::payload::{Kind, TreePath};
use contract::names::FILE as NAMES_FILE;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::time::Instant;
use uuid::Uuid;

/// Where the defaults of files that administrators edit are shipped.
const DEFAULTS: &[u8] = b"bin/defaults";
/// Neither an uninstall nor the removal of an older version.
const INSTALLS: &str = "NOT (REMOVE ~= \"ALL\")";

/// The native actions as docs/windows.md lists them.
const ACTIONS: [ActionSpec; 10] = [
    action("RefuseDowngrade", Stage::BeforeLaunchConditions, "NOT Installed", false),
    action("Preflight", Stage::BeforeChanges, INSTALLS, false),
    action("PreflightAgain", Stage::FirstDeferred, INSTALLS, false),
    action("Undo", Stage::Rollback, INSTALLS, true),
    action("MakeRoot", Stage::BeforeFiles, INSTALLS, false),
    action("Configure", Stage::BeforeStart, INSTALLS, false),
    action("Started", Stage::AfterStart, INSTALLS, false),
    action("Stopped", Stage::BeforeRemoval, "Installed", true),
    action("Leave", Stage::AfterRemoval, "REMOVE = \"ALL\" AND NOT UPGRADINGPRODUCTCODE", true),
    action("Done", Stage::Commit, INSTALLS, true),
];

const fn action(name: &'static str, stage: Stage, condition: &'static str, may_fail: bool) -> ActionSpec<'static> {
    ActionSpec { name, function: name, stage, condition, may_fail }
}

/// Writes the MSI of a target, and cabinets beside it where it would be too large, to temporary files that `output` keeps.
pub fn write(product: &Product, base: &mut Base, output: &mut Output, listener: &dyn Listener) -> Result<Package> {
    let in_package = |error: Error| error.note("while writing the msi package");
    let parts = endpoint::windows::parts()?;
    add_own(product, base, parts).map_err(in_package)?;
    let bytes = base.files.iter().map(PreparedFile::len).sum();
    listener.begin("pack", bytes);
    let (package, files) = write_files(product, base, parts, output, listener).map_err(in_package)?;
    listener.end("pack");
    listener.wrote(&package.file);
    for (file, name) in files {
        output.keep(file, name);
    }
    Ok(package)
}

/// Refuses what no MSI can be made of, before payloads are read.
pub fn check(product: &Product, target: Target) -> Result<()> {
    platform(target)?;
    endpoint::windows::parts()?;
    upgrade_code(product)?;
    msi::product_version(product.manifest().product.version.as_str()).map(|_| ())
}

/// The code page of the MSI's texts.
fn code_page(product: &Product) -> Result<CodePage> {
    let number = product.manifest().connector.windows.code_page;
    number.map_or(Ok(CodePage::WESTERN), |number| {
        let unknown = || {
            let what = format!("connector.windows.code-page = {number} is no code page that an MSI's texts can be in");
            let help = "write 1250 to 1258, 874, 932, 936, 949, 950 or 65001 (UTF-8); 1252 is what it is without one";
            product.point(Error::new(what).help(help), &steps!["connector", "windows", "code-page"])
        };
        CodePage::new(number).ok_or_else(unknown)
    })
}

fn platform(target: Target) -> Result<Platform> {
    match target {
        Target::WindowsX86_64 => Ok(Platform::X64),
        _ => Err(Error::new(
            "windows-x86: this linkpack was built without a native action for 32-bit Windows, so it makes no such MSI",
        )
        .note("Debian's Rust has a standard library for x86_64 Windows only")
        .help("leave the target out with -t windows-x86_64; its MSI runs 32-bit agents as well")),
    }
}

fn upgrade_code(product: &Product) -> Result<Uuid> {
    let code = product.manifest().product.upgrade_code.as_ref();
    code.map(|code| code.uuid()).ok_or_else(|| {
        Error::new(
            "an MSI needs upgrade-code in [product]: one GUID for the product's whole life, by which versions find each other",
        )
        .help(format!("paste this new one: upgrade-code = \"{}\"", proposed_upgrade_code()))
    })
}

type Written = (Package, Vec<(tempfile::NamedTempFile, String)>);

fn write_files(
    product: &Product,
    base: &mut Base,
    parts: &WindowsParts,
    output: &Output,
    listener: &dyn Listener,
) -> Result<Written> {
    let (name, version) = (product.package_name(), product.manifest().product.version.as_str());
    let file_name = output.name(msi::file_name(&name, version, platform(base.target)?));
    let (began, file) = (Instant::now(), output.partial()?);
    let msi::Written { sidecars, digests } = write_msi(product, base, parts, output, listener, &mut &file)?;
    let regular = base.files.iter_mut().filter(|file| matches!(file.entry.kind, Kind::File(_)));
    regular.zip(digests).for_each(|(file, digests)| file.digests = Some(digests));
    let failed = |error: std::io::Error| {
        Error::failed(&format!("cannot read {file_name} back"), &error).help("choose another output folder with -o DIR")
    };
    let (size, sha256) = File::open(file.path()).and_then(|mut file| digest(&mut file)).map_err(failed)?;
    let mut cabinets = Vec::new();
    let mut whole = vec![(file, file_name.clone())];
    for sidecar in sidecars {
        let (size, sha256) = File::open(sidecar.file.path()).and_then(|mut file| digest(&mut file)).map_err(failed)?;
        cabinets.push(Cabinet { file: sidecar.name.clone(), size, sha256 });
        whole.push((sidecar.file, sidecar.name));
    }
    let site = product.site_name().map(str::to_owned);
    let package = Package {
        file: file_name,
        format: "msi".into(),
        target: base.target.name().into(),
        site,
        overlay: false,
        size,
        sha256,
        cabinets,
        signed: None,
        content: base.files.iter().map(PreparedFile::len).sum(),
        took: began.elapsed(),
    };
    Ok((package, whole))
}

/// The administrator's program, and where the event log finds the texts of the connector's events.
const LINKCTL: &[u8] = b"bin/linkctl.exe";
/// What is made for one product, in each package anew.
const OWN: [&str; 4] = ["bin/csclient.default", "bin/linkctl.exe", NAMES_FILE, "bin/seal.paths"];

/// Puts linkctl and what it and the native actions read among the base's files, in place of another product's: there may be too many
/// files to copy them.
fn add_own(product: &Product, base: &mut Base, parts: &WindowsParts) -> Result<()> {
    base.files.retain(|file| !OWN.iter().any(|own| file.entry.path.as_bytes() == own.as_bytes()));
    differ_in_more_than_case(&base.files)?;
    for file in base.files.iter_mut().filter(|file| file.entry.config && matches!(file.entry.kind, Kind::File(_))) {
        // Windows Installer would overwrite or keep what administrators edit by its times alone. So it is shipped as a default, which
        // `Configure` puts in place where the file was not edited.
        file.entry.path = file.entry.path.below(&TreePath::new(DEFAULTS)?);
        file.entry.config = false;
    }
    let bytes = [
        endpoint::client_defaults(&product.client_settings()),
        parts.linkctl.to_vec(),
        product.names().changed("\r\n").into_bytes(),
        endpoint::seal_paths(&product.manifest().connector.seal_paths),
    ];
    // Without a file of names all are the default.
    for (path, bytes) in OWN.into_iter().zip(bytes).filter(|(path, bytes)| *path != NAMES_FILE || !bytes.is_empty()) {
        base.files.push(PreparedFile::made(TreePath::new(path.as_bytes())?, bytes, 0o644, base.mtime));
    }
    add_folders(&mut base.files, base.mtime);
    base.files.sort_unstable_by(|a, b| a.entry.path.components().cmp(b.entry.path.components()));
    Ok(())
}

/// A file's path in its payload, be it shipped as a default or in its place.
pub fn source_path(path: &TreePath) -> &[u8] {
    let path = path.as_bytes();
    path.strip_prefix(DEFAULTS).and_then(|rest| rest.strip_prefix(b"/")).unwrap_or(path)
}

/// Windows takes names that differ only in case for one.
fn differ_in_more_than_case(files: &[PreparedFile]) -> Result<()> {
    let mut seen: HashMap<String, &TreePath> = HashMap::new();
    for file in files {
        let path = &file.entry.path;
        if let Some(other) = seen.insert(path.display().to_lowercase(), path) {
            return Err(Error::new(format!("{other:?} and {path:?} differ only in case: on Windows they are one"))
                .help("rename one of them, or leave it out with exclude = [...] in the payload's table"));
        }
    }
    Ok(())
}

/// Adds the folders that are missing above files.
fn add_folders(files: &mut Vec<PreparedFile>, mtime: i64) {
    let known: HashSet<&TreePath> =
        files.iter().filter(|file| matches!(file.entry.kind, Kind::Directory)).map(|file| &file.entry.path).collect();
    let mut missing = BTreeSet::new();
    for file in files.iter() {
        let mut parent = file.entry.path.parent();
        while let Some(path) = parent.filter(|path| !known.contains(path) && !missing.contains(path)) {
            parent = path.parent();
            missing.insert(path);
        }
    }
    files.extend(missing.into_iter().map(|path| PreparedFile::directory(path, mtime)));
}

fn write_msi(
    product: &Product,
    base: &Base,
    parts: &WindowsParts,
    output: &Output,
    listener: &dyn Listener,
    out: &mut &tempfile::NamedTempFile,
) -> Result<msi::Written> {
    let programs = Programs::find(product, &base.files)?;
    let environment = Environment { base, parts, programs: &programs, spool: &|| output.partial(), listener };
    environment.with_spec(product, |spec| msi::write(spec, out))
}

/// The tables that transforms change, as the MSI of a manifest has them: of the payload nothing is read.
pub fn settings_tables(product: &Product, base: &Base, listener: &dyn Listener) -> Result<Vec<u8>> {
    let none = || Err(Error::new("settings have no cabinets"));
    let programs = Programs { user_application: None, helpers: Vec::new() };
    let environment = Environment { base, parts: endpoint::windows::parts()?, programs: &programs, spool: &none, listener };
    let mut out = std::io::Cursor::new(Vec::new());
    environment.with_spec(product, |spec| msi::write_settings(spec, &mut out))?;
    Ok(out.into_inner())
}

/// The product's family as Windows Installer writes it.
pub fn family(product: &Product) -> Result<String> {
    Ok(upgrade_code(product)?.braced().to_string().to_uppercase())
}

/// What a specification is made of beside the product.
struct Environment<'a> {
    base: &'a Base<'a>,
    parts: &'a WindowsParts,
    programs: &'a Programs,
    spool: &'a dyn Fn() -> Result<tempfile::NamedTempFile>,
    listener: &'a dyn Listener,
}

impl Environment<'_> {
    fn with_spec<T>(&self, product: &Product, run: impl FnOnce(&MsiSpec) -> Result<T>) -> Result<T> {
        let base = self.base;
        let manifest = product.manifest();
        let table = &manifest.product;
        let name = product.package_name();
        let executable = below_connector(product, manifest.connector.executable.of(base.target))?;
        let synopsis = table.description.trim().lines().next().unwrap_or_default();
        let arguments = product.arguments();
        let folders = container_folders(product, base.target)?;
        let containers: Vec<msi::ContainerSpec> = product
            .containers(base.target)
            .zip(&folders)
            .map(|((container, _), folders)| msi::ContainerSpec {
                name: container.name.as_str(),
                title: container.title.as_ref().map_or(container.name.as_str(), |title| title.as_str()),
                description: if container.required { "Is always installed." } else { "Is installed where it is chosen." },
                required: container.required,
                folders,
            })
            .collect();
        let recorded: Vec<(&str, &TreePath)> = self.programs.helpers.iter().map(|(name, path)| (*name, path)).collect();
        let linkctl = TreePath::new(LINKCTL)?;
        let (names, root) = (product.names(), product.windows_root());
        let setup_key = names.place("setup-key");
        let facts = facts(product, base);
        let facts: Vec<(&str, &str)> = facts.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let settings = settings(product, base.target);
        let settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let forced: Vec<&str> = product.site().into_iter().flat_map(|site| &site.forced).map(|forced| forced.0.name).collect();
        run(&MsiSpec {
            name: &name,
            code_page: code_page(product)?,
            title: table.title.as_str(),
            version: table.version.as_str(),
            manufacturer: table.publisher.as_str(),
            description: synopsis,
            contact: Some(table.contact.as_str()),
            homepage: table.homepage.as_ref().map(|url| url.as_str()),
            upgrade_code: upgrade_code(product)?,
            platform: platform(base.target)?,
            default_root: &root,
            service: msi::ServiceSpec {
                name: names.get("windows-service"),
                title: table.title.as_str(),
                description: synopsis,
                executable: &executable,
                arguments: &arguments,
            },
            containers: &containers,
            files: &base.files,
            private_folders: &[TreePath::new(b"components")?],
            settings: &settings,
            forced: &forced,
            setup_key: &setup_key,
            root_value: names.get("root-value"),
            recorded: &recorded,
            event_messages: base.files.iter().any(|file| file.entry.path == linkctl).then_some(&linkctl),
            at_logon: self.programs.user_application.as_ref(),
            library: Some(msi::LibrarySpec { bytes: self.parts.dll, actions: &ACTIONS, facts: &facts }),
            packing: base.cabinet,
            own: &OWN,
            store: base.store,
            listener: self.listener,
            spool: self.spool,
            mtime: base.mtime,
        })
    }
}

fn below_connector(product: &Product, path: &str) -> Result<TreePath> {
    Ok(TreePath::new(path.as_bytes())?.below(&TreePath::new(product.names().get("connector-folder").as_bytes())?))
}

/// Where each container's files lie, and the defaults of those that administrators edit.
fn container_folders(product: &Product, target: Target) -> Result<Vec<[TreePath; 2]>> {
    let defaults = TreePath::new(DEFAULTS)?;
    let folders = |name: &Name| {
        let folder = TreePath::new(format!("{}/{name}", product.names().get("containers-folder")).as_bytes())?;
        Ok([folder.below(&defaults), folder])
    };
    product.containers(target).map(|(container, _)| folders(&container.name)).collect()
}

/// The settings that an MSI has defaults for, with what manifest and site say of them. The root is packaged; the others are of one run.
pub fn settings(product: &Product, target: Target) -> Vec<(&'static str, String)> {
    let with_default = contract::settings::of_windows().filter(|setting| setting.is_settable());
    with_default.map(|setting| (setting.name, product.setting(setting, target))).collect()
}

/// What the native actions know besides the settings.
fn facts(product: &Product, base: &Base) -> Vec<(&'static str, String)> {
    let names = |required: bool| {
        let containers = product.containers(base.target).filter(|(container, _)| container.required || !required);
        containers.map(|(container, _)| container.name.as_str()).collect::<Vec<_>>().join(",")
    };
    let deepest = base.files.iter().map(|file| file.entry.path.display().encode_utf16().count()).max().unwrap_or(0);
    let kb: u64 = base.files.iter().map(|file| file.len().div_ceil(1024).max(1)).sum();
    vec![
        ("PRODUCT", product.package_name()),
        ("VERSION", product.manifest().product.version.to_string()),
        ("PAYLOAD_KB", kb.to_string()),
        ("DEEPEST", deepest.to_string()),
        ("SERVICE", product.names().get("windows-service").to_owned()),
        ("NAMES", Some(product.names().changed(";")).filter(|names| !names.is_empty()).unwrap_or_else(|| "default".to_owned())),
        ("HOLDS", names(false)),
        ("REQUIRES", names(true)),
    ]
}

/// The connector's programs beside the service.
struct Programs {
    user_application: Option<TreePath>,
    /// By the names of their values in the setup key.
    helpers: Vec<(&'static str, TreePath)>,
}

impl Programs {
    /// Finds them in the payload and checks that each runs where it is meant to.
    fn find(product: &Product, files: &[PreparedFile]) -> Result<Programs> {
        let table = &product.manifest().connector.windows;
        let any = [Machine::X64, Machine::X86];
        let program = |path, key, machines: &[Machine]| program(product, files, path, key, machines);
        let user_application = program(table.user_application.as_ref(), "user-application", &any)?;
        let mut helpers = Vec::new();
        for (value, path, key, machine) in [
            ("Helper32", &table.helper_x86, "helper-x86", Machine::X86),
            ("Helper64", &table.helper_x64, "helper-x64", Machine::X64),
        ] {
            helpers.extend(program(path.as_ref(), key, &[machine])?.map(|path| (value, path)));
        }
        Ok(Programs { user_application, helpers })
    }
}

fn program(
    product: &Product,
    files: &[PreparedFile],
    path: Option<&RelativePath>,
    key: &str,
    machines: &[Machine],
) -> Result<Option<TreePath>> {
    let Some(path) = path else { return Ok(None) };
    let key = format!("windows.{key}");
    let path = below_connector(product, path.as_str())?;
    let found = files.iter().find(|file| file.entry.path == path);
    let Some(file) = found else {
        return Err(Error::new(format!("the connector: its payload has no file {path:?}, which {key} names"))
            .help(format!("name a file of the payload in {key} of [connector], relative to the payload's folder")));
    };
    let wanted = machines.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    match msi::machine(file)? {
        Some(machine) if machines.contains(&machine) => Ok(Some(path)),
        Some(machine) => Err(Error::new(format!("{path:?}, which {key} names, is for {machine}, not for {wanted}"))
            .help(format!("name the program for {wanted} in {key} of [connector]"))),
        None => Err(Error::new(format!("{path:?}, which {key} names, is not a Windows program"))
            .help(format!("name a program (PE) for {wanted} in {key} of [connector]"))),
    }
}
