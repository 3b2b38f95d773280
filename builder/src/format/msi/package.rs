//! A product as an MSI: what that carries beside the payload, and what it does on an endpoint.

use super::icon;
use super::own::{CORE_CHECK, LINKCTL, OWN};
use super::{
    file_name, machine, product_version, signing, within, ActionSpec, CodePage, ContainerSpec, LibrarySpec, Machine, MsiSpec,
    Placed, Platform, ServiceSpec, Stage,
};
use crate::endpoint::{self, windows::WindowsParts};
use crate::error::{Error, IoContext, Result};
use crate::format::door::{Compression, Door, Job, Overlays, PayloadDigest, Sites, Writer, Written};
use crate::format::stream::digest;
use crate::format::{Base, Digests, PreparedFile, Signatures, Signing};
use crate::inspect;
use crate::listener::Listener;
use crate::manifest::steps;
use crate::manifest::{proposed_upgrade_code, Format, Name, Product, RelativePath, Target};
use crate::payload::{Kind, TreePath};
use crate::regular;
use crate::trust::authenticode::About;
use crate::trust::certificate::Purpose;
use crate::trust::keys::Keys;
use crate::trust::record::Signed;
use crate::trust::Verdict;
use contract::names::FILE as NAMES_FILE;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::path::Path;
use std::time::SystemTime;
use tempfile::NamedTempFile;
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

/// Windows Installer's packages.
pub struct Msi;

impl Door for Msi {
    fn is_for(&self, target: Target) -> bool {
        !target.is_linux()
    }

    fn writer(&self) -> Option<&'static dyn Writer> {
        Some(&Msi)
    }

    fn overlay(&self) -> Format {
        Format::Mst
    }

    fn overlays<'a>(&self, sites: &'a Sites<'a>) -> Result<Box<dyn Overlays + 'a>> {
        super::Mst.overlays(sites)
    }

    fn signatures(&self) -> Signatures {
        Signatures::Authenticode
    }

    fn covers(&self, keys: &Signing, listener: &dyn Listener) -> Result<bool> {
        let Some(end) = keys.chain().first() else {
            if keys.signer().is_some() {
                listener.warning("no MSI is signed: that needs the key's certificate, --cert FILE");
            }
            return Ok(false);
        };
        end.check_use(Purpose::CodeSigning, SystemTime::now()).map_err(|why| {
            Error::new(format!("an MSI cannot be signed by {}: {why}", end.describe()))
                .note("Windows would refuse the signature, and timestamping now cannot fix an expired certificate")
                .help("sign with a certificate for code signing that is valid today (extendedKeyUsage = codeSigning)")
        })?;
        if keys.stamper().is_none() {
            let until = end.valid_until();
            listener
                .info(&format!("without a time stamp an MSI's signature holds no longer than its certificate, until {until}"));
        }
        Ok(true)
    }

    fn sign(&self, file: &mut File, path: &Path, keys: &Signing, listener: &dyn Listener) -> Result<Option<Signed>> {
        let (Some(end), Some(signer)) = (keys.chain().first(), keys.signer()) else { return Ok(None) };
        let about = about(file, listener);
        let signing = signing::MsiSigning { signer, chain: keys.chain(), stamper: keys.stamper(), about: &about };
        signing::sign(file, path, &signing)?;
        Ok(Some(Signed { kind: "authenticode".into(), key: end.describe() }))
    }

    fn sign_inside(&self, file: &mut File, path: &Path, keys: &Signing, all: bool, listener: &dyn Listener) -> Result<()> {
        within::sign(file, path, &within::Request { keys, about: &about(file, listener), all }, listener)
    }

    fn verify(&self, file: &mut File, path: &Path, keys: &Keys, _: PayloadDigest) -> Result<Vec<(String, Verdict)>> {
        signing::verify(file, path, &keys.certificates, SystemTime::now())
    }
}

impl Writer for Msi {
    fn check(&self, product: &Product, target: Target) -> Result<()> {
        check(product, target)
    }

    /// MSZIP or LZX.
    fn compression(&self) -> Option<Compression> {
        None
    }

    /// Writes an MSI, and cabinets beside it where it would be too large.
    fn write(&self, job: &Job, new: &dyn Fn() -> Result<NamedTempFile>, listener: &dyn Listener) -> Result<Written> {
        let (product, base) = (job.product, job.base);
        let parts = match &base.windows {
            Some(signed) => signed,
            None => endpoint::windows::parts()?,
        };
        let own = own(product, base, parts)?;
        let (mut files, mut places) = placed(&base.files, &own)?;
        let folders = missing_folders(&files, base.mtime);
        files.extend(folders.iter().map(Placed::here));
        places.extend(folders.iter().map(|_| None));
        let (mut files, places) = sorted(files, places);
        for placed in &mut files {
            placed.len = base.unsigned.get(&placed.file.entry.path).map_or(placed.len, |(len, _)| *len);
        }
        let content = files.iter().map(|placed| placed.file.len()).sum();
        listener.begin("pack", content);
        let programs = Programs::find(product, &files)?;
        let environment = Environment { base, files: &files, parts, programs: &programs, spool: new, listener };
        let file = new()?;
        let written = environment.with_spec(product, |spec| super::write(spec, &mut &file))?;
        let name = file_name(&product.package_name(), product.manifest().product.version.as_str(), platform(base.target)?);
        // It was not written in order.
        let read = || File::open(file.path()).and_then(|mut file| digest(&mut file));
        let (size, sha256) = read().or_cannot("read back", file.path())?;
        listener.end("pack");
        let learned = learned(&files, &places, written.digests);
        Ok(Written { file, name, size, sha256, content, beside: written.sidecars, learned })
    }
}

/// The digests of the base's files, by their place in its list: those of the package's regular files are in the package's order.
fn learned(files: &[Placed], places: &[Option<usize>], digests: Vec<Digests>) -> Vec<(usize, Digests)> {
    let regular = files.iter().zip(places).filter(|(placed, _)| matches!(placed.file.entry.kind, Kind::File(_)));
    regular.zip(digests).filter_map(|((_, place), digests)| Some(((*place)?, digests))).collect()
}

/// What Windows shows of the package, from its own properties.
fn about(file: &File, listener: &dyn Listener) -> About {
    let clone = || file.try_clone().map_err(|error| Error::new(error.to_string()));
    if let Ok(Some(transform)) = clone().and_then(|file| inspect::msi::transform::read(file, None)) {
        return About { name: transform.summary.subject, url: None };
    }
    match clone().and_then(inspect::msi::read_tables) {
        Ok((database, _)) => {
            let property = |name: &str| database.property(name).filter(|text| !text.is_empty()).map(str::to_owned);
            About { name: property("ProductName"), url: property("ARPURLINFOABOUT").or_else(|| property("ARPHELPLINK")) }
        }
        Err(error) => {
            listener.warning(&format!("the signature will not name the product: {error}"));
            About::default()
        }
    }
}

/// Refuses what no MSI can be made of, before payloads are read.
fn check(product: &Product, target: Target) -> Result<()> {
    platform(target)?;
    endpoint::windows::parts()?;
    upgrade_code(product)?;
    picture(product)?;
    product_version(product.manifest().product.version.as_str()).map(|_| ())
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

/// linkctl and what it and the native actions read.
fn own(product: &Product, base: &Base, parts: &WindowsParts) -> Result<Vec<PreparedFile>> {
    let core_check = &product.manifest().connector.core_check;
    if core_check.iter().any(|argument| argument.is_empty() || argument.chars().any(char::is_control)) {
        return Err(Error::new("core-check in [connector] has an empty argument, or one with a control character")
            .help("write plain words: core-check = [\"check-core\", \"--root\", \"{root}\"]"));
    }
    let bytes = [
        core_check.iter().map(|argument| format!("{argument}\r\n")).collect::<String>().into_bytes(),
        endpoint::client_defaults(&product.client_settings()),
        parts.linkctl.to_vec(),
        product.names().changed("\r\n").into_bytes(),
        endpoint::seal_paths(&product.manifest().connector.seal_paths),
    ];
    let file = |(path, bytes): (&str, Vec<u8>)| Ok(PreparedFile::made(TreePath::new(path.as_bytes())?, bytes, 0o644, base.mtime));
    // Without a file of names all are the default, and without one of arguments the connector has no try of its own.
    let there = |(path, bytes): &(&str, Vec<u8>)| ![NAMES_FILE, CORE_CHECK].contains(path) || !bytes.is_empty();
    OWN.into_iter().zip(bytes).filter(there).map(file).collect()
}

/// Where the payload's files and the package's own lie in the package, and the places of the former in the payload's list.
fn placed<'a>(payload: &'a [PreparedFile], own: &'a [PreparedFile]) -> Result<(Vec<Placed<'a>>, Vec<Option<usize>>)> {
    differ_in_more_than_case(payload)?;
    let defaults = TreePath::new(DEFAULTS)?;
    let place = |file: &'a PreparedFile| match file.entry.config && matches!(file.entry.kind, Kind::File(_)) {
        // Windows Installer would overwrite or keep what administrators edit by its times alone. So it is shipped as a default, which
        // `Configure` puts in place where the file was not edited.
        true => Placed::at(Cow::Owned(file.entry.path.below(&defaults)), file),
        false => Placed::here(file),
    };
    let files = payload.iter().map(place).chain(own.iter().map(Placed::here)).collect();
    Ok((files, (0..payload.len()).map(Some).chain(own.iter().map(|_| None)).collect()))
}

/// In the order of a package: by path, parents first.
fn sorted<'a>(files: Vec<Placed<'a>>, places: Vec<Option<usize>>) -> (Vec<Placed<'a>>, Vec<Option<usize>>) {
    let mut both: Vec<(Placed, Option<usize>)> = files.into_iter().zip(places).collect();
    both.sort_unstable_by(|(a, _), (b, _)| a.path.components().cmp(b.path.components()));
    both.into_iter().unzip()
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

/// The folders that are missing above files.
fn missing_folders(files: &[Placed], mtime: i64) -> Vec<PreparedFile> {
    let folders = files.iter().filter(|placed| matches!(placed.file.entry.kind, Kind::Directory));
    let known: HashSet<&TreePath> = folders.map(|placed| &*placed.path).collect();
    let mut missing = BTreeSet::new();
    for placed in files {
        let mut parent = placed.path.parent();
        while let Some(path) = parent.filter(|path| !known.contains(path) && !missing.contains(path)) {
            parent = path.parent();
            missing.insert(path);
        }
    }
    missing.into_iter().map(|path| PreparedFile::directory(path, mtime)).collect()
}

/// The tables that transforms change, as the MSI of a manifest has them: of the payload nothing is read.
pub fn settings_tables(product: &Product, base: &Base, listener: &dyn Listener) -> Result<Vec<u8>> {
    let none = || Err(Error::new("settings have no cabinets"));
    let programs = Programs { user_application: None, helpers: Vec::new() };
    let parts = endpoint::windows::parts()?;
    let environment = Environment { base, files: &[], parts, programs: &programs, spool: &none, listener };
    let mut out = std::io::Cursor::new(Vec::new());
    environment.with_spec(product, |spec| super::write_settings(spec, &mut out))?;
    Ok(out.into_inner())
}

/// The product's family as Windows Installer writes it.
pub fn family(product: &Product) -> Result<String> {
    Ok(upgrade_code(product)?.braced().to_string().to_uppercase())
}

/// What a specification is made of beside the product.
struct Environment<'a> {
    base: &'a Base<'a>,
    files: &'a [Placed<'a>],
    parts: &'a WindowsParts,
    programs: &'a Programs,
    spool: &'a dyn Fn() -> Result<NamedTempFile>,
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
        let icon = picture(product)?;
        let containers: Vec<ContainerSpec> = product
            .containers(base.target)
            .zip(&folders)
            .map(|((container, _), folders)| ContainerSpec {
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
        let facts = facts(product, base.target, self.files);
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
            icon: icon.as_deref(),
            upgrade_code: upgrade_code(product)?,
            platform: platform(base.target)?,
            default_root: &root,
            service: ServiceSpec {
                name: names.get("windows-service"),
                title: table.title.as_str(),
                description: synopsis,
                executable: &executable,
                arguments: &arguments,
            },
            containers: &containers,
            files: self.files,
            private_folders: &[TreePath::new(b"components")?],
            settings: &settings,
            forced: &forced,
            setup_key: &setup_key,
            root_value: names.get("root-value"),
            recorded: &recorded,
            event_messages: self.files.iter().any(|placed| *placed.path == linkctl).then_some(&linkctl),
            at_logon: self.programs.user_application.as_ref(),
            library: Some(LibrarySpec { bytes: &self.parts.dll, actions: &ACTIONS, facts: &facts }),
            packing: base.cabinet,
            own: &OWN,
            store: base.store,
            listener: self.listener,
            spool: self.spool,
            mtime: base.mtime,
        })
    }
}

/// The product's picture as an .ico.
fn picture(product: &Product) -> Result<Option<Vec<u8>>> {
    let Some(path) = product.icon() else { return Ok(None) };
    let wrong = |error: Error| product.point(error, &steps!["product", "icon"]);
    let png = regular::read(&path, icon::MOST).map_err(wrong)?;
    let made = icon::of_png(&png);
    made.map(Some).map_err(|error| {
        wrong(Error::new(format!("{} cannot be the product's picture: {error}", path.display())).help(icon::HELP))
    })
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
fn facts(product: &Product, target: Target, files: &[Placed]) -> Vec<(&'static str, String)> {
    let names = |required: bool| {
        let containers = product.containers(target).filter(|(container, _)| container.required || !required);
        containers.map(|(container, _)| container.name.as_str()).collect::<Vec<_>>().join(",")
    };
    let deepest = files.iter().map(|placed| placed.path.display().encode_utf16().count()).max().unwrap_or(0);
    let kb: u64 = files.iter().map(|placed| placed.len.div_ceil(1024).max(1)).sum();
    vec![
        ("PRODUCT", product.package_name()),
        ("VERSION", product.manifest().product.version.to_string()),
        ("PAYLOAD_KB", kb.to_string()),
        ("DEEPEST", deepest.to_string()),
        ("SERVICE", product.names().get("windows-service").to_owned()),
        ("NAMES", Some(product.names().changed(";")).filter(|names| !names.is_empty()).unwrap_or_else(|| "default".to_owned())),
        // Says to tools, too, that this package heeds a group policy, and which.
        ("POLICY_KEY", product.names().place("policy-key")),
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
    fn find(product: &Product, files: &[Placed]) -> Result<Programs> {
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
    files: &[Placed],
    path: Option<&RelativePath>,
    key: &str,
    machines: &[Machine],
) -> Result<Option<TreePath>> {
    let Some(path) = path else { return Ok(None) };
    let key = format!("windows.{key}");
    let path = below_connector(product, path.as_str())?;
    let found = files.iter().find(|placed| *placed.path == path);
    let Some(Placed { file, .. }) = found else {
        return Err(Error::new(format!("the connector: its payload has no file {path:?}, which {key} names"))
            .help(format!("name a file of the payload in {key} of [connector], relative to the payload's folder")));
    };
    let wanted = machines.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    match machine(file)? {
        Some(machine) if machines.contains(&machine) => Ok(Some(path)),
        Some(machine) => Err(Error::new(format!("{path:?}, which {key} names, is for {machine}, not for {wanted}"))
            .help(format!("name the program for {wanted} in {key} of [connector]"))),
        None => Err(Error::new(format!("{path:?}, which {key} names, is not a Windows program"))
            .help(format!("name a program (PE) for {wanted} in {key} of [connector]"))),
    }
}
