//! The tree that all packages of one target share: the connector, the containers and their descriptors.

use super::windows;
use crate::compress::{Codec, Store};
use crate::endpoint;
use crate::error::{Error, Result};
use crate::format::PreparedFile;
use crate::listener::Listener;
use crate::manifest::{ContainerTable, Product, SourceSpec, SourceTable, Target};
use crate::payload::{self, Content, Entry, Kind, Loaded, PackageFacts, Source, Spool, Tree, TreePath};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What all packages of one target are made of.
pub struct Base<'a> {
    /// The target.
    pub target: Target,
    /// How it is compressed.
    pub codec: Codec,
    /// Where compressed units are.
    pub store: &'a Arc<Store>,
    /// The time of the package and of what linkpack itself adds to it, in seconds since 1970.
    pub mtime: i64,
    /// Paths relative to the install root, sorted, parents first.
    pub files: Vec<PreparedFile>,
    /// What the DEBs and RPMs among the payloads say of themselves.
    pub origins: Vec<Origin>,
}

/// The package that a payload came from.
pub struct Origin {
    /// "connector", or the container's name.
    pub role: String,
    /// What it says of itself.
    pub package: PackageFacts,
}

/// The tree of a target before its contents are read.
pub struct Trees {
    /// Paths relative to the install root.
    pub tree: Tree,
    /// What the DEBs and RPMs among the payloads say of themselves.
    pub origins: Vec<Origin>,
}

impl Trees {
    /// The newest modification time in the payloads: the packages' time when SOURCE_DATE_EPOCH is not set.
    pub fn newest(&self) -> i64 {
        newest(self.tree.entries())
    }
}

fn newest(entries: &[Entry]) -> i64 {
    entries.iter().filter(|entry| matches!(entry.kind, Kind::File(_))).map(|entry| entry.mtime).max().unwrap_or(0)
}

/// One source of a build, for manifest.json.
#[derive(Debug, Clone, Serialize)]
pub struct Input {
    /// "connector", or the container's name.
    pub name: String,
    /// The target's name.
    pub target: &'static str,
    /// The sources in the manifest's words, lowest first.
    pub sources: Vec<String>,
    files: usize,
    bytes: u64,
    /// SHA-256 over every path, mode and content, hexadecimal.
    pub sha256: String,
}

/// The connector's name among a build's inputs, and its folder.
pub const CONNECTOR: &str = "connector";

/// Reads all payloads of a target into one tree.
pub fn read(product: &Product, target: Target, spool: &Spool, listener: &dyn Listener) -> Result<Trees> {
    let manifest = product.manifest();
    let (mut entries, mut origins) = (Vec::new(), Vec::new());
    let folder = TreePath::new(b"vAgentManager")?;
    let what = "the connector";
    let connector = load(product, &manifest.connector.payload[&target], &folder, what, target, spool, listener)?;
    let executables = &manifest.connector.executable;
    let program = if target.is_linux() { &executables.linux } else { &executables.windows };
    if let Some(program) = program {
        let inside = Inside { tree: &connector.tree, folder: &folder, what };
        inside.require_program(target, program.as_str(), &format!("executable.{}", target.system()))?;
    }
    entries.extend(connector.tree.into_entries());
    origins.extend(connector.package.map(|package| Origin { role: CONNECTOR.to_owned(), package }));
    for container in &manifest.container {
        let container = container.get_ref();
        let what = format!("container \"{}\"", container.name);
        let Some(source) = container.payload.get(&target) else {
            listener.info(&format!("{what} has no payload for {}: left out of its packages", target.name()));
            continue;
        };
        let folder = TreePath::new(&[b"Intigua-Libs/", container.name.as_str().as_bytes()].concat())?;
        let loaded = load(product, source, &folder, &what, target, spool, listener)?;
        check_container(container, target, &Inside { tree: &loaded.tree, folder: &folder, what: &what })?;
        if let Some(depends) = loaded.package.as_ref().and_then(|package| package.depends.as_ref()) {
            let advice = "name what the agent needs in [deb] depends and [rpm] requires";
            listener.info(&format!("{what} comes from a package that depends on {depends}; {advice}"));
        }
        let version = loaded.package.as_ref().map(|package| package.version.clone());
        let newest = newest(loaded.tree.entries());
        entries.extend(loaded.tree.into_entries());
        entries.push(descriptor(container, target, version.as_deref(), &folder, newest)?);
        origins.extend(loaded.package.map(|package| Origin { role: container.name.to_string(), package }));
    }
    let tree = Tree::new(entries).map_err(|error| error.help("container.json is made by linkpack: leave it out with exclude"))?;
    Ok(Trees { tree, origins })
}

/// A payload's layers, each over the one before, below its folder of the root; the package facts of the lowest layer that has any.
fn load(
    product: &Product,
    spec: &SourceSpec,
    folder: &TreePath,
    what: &str,
    target: Target,
    spool: &Spool,
    listener: &dyn Listener,
) -> Result<Loaded> {
    let in_payload = |error: Error| error.note(format!("in the payload of {what} for {}", target.name()));
    let (mut layers, mut package) = (Vec::new(), None);
    for layer in &spec.layers {
        let loaded = payload::load(&source(product, layer), spool, listener).map_err(in_payload)?;
        // At once: the next layer's small pieces then fill the room of the short paths.
        layers.push(loaded.tree.below(folder));
        package = package.or(loaded.package);
    }
    Ok(Loaded { tree: Tree::layered(layers).map_err(in_payload)?, package })
}

fn source(product: &Product, layer: &SourceTable) -> Source {
    let table = layer.clone();
    Source {
        path: product.resolve(layer),
        strip: table.strip,
        include: table.include,
        exclude: table.exclude,
        setuid: table.setuid,
        config: table.config,
    }
}

fn descriptor(container: &ContainerTable, target: Target, version: Option<&str>, folder: &TreePath, mtime: i64) -> Result<Entry> {
    let path = TreePath::new(b"container.json")?.below(folder);
    let kind = Kind::File(Content::memory(endpoint::container_json(container, target, version)));
    Ok(Entry { path, kind, mode: 0o644, config: false, mtime })
}

fn check_container(container: &ContainerTable, target: Target, payload: &Inside) -> Result<()> {
    let program = container.command.get(target).map_or("", |command| &command.0[0]);
    let inside = program.strip_prefix("{dir}/").unwrap_or(program);
    if !inside.starts_with('/') && !inside.starts_with('{') {
        payload.require_program(target, inside, "command")?;
    }
    match container.library(target) {
        Some(library) => payload.require_file(library.as_str(), "library").map(|_| ()),
        None => Ok(()),
    }
}

/// A payload in its folder, whose files the manifest names relative to it.
struct Inside<'a> {
    tree: &'a Tree,
    folder: &'a TreePath,
    /// Whose it is, in messages.
    what: &'a str,
}

impl Inside<'_> {
    fn require_file(&self, path: &str, key: &str) -> Result<&Entry> {
        let is_file = |entry: &&Entry| !matches!(entry.kind, Kind::Directory);
        let found = self.tree.get(&TreePath::new(path.as_bytes())?.below(self.folder)).filter(is_file);
        found.ok_or_else(|| {
            let name = path.rsplit('/').next().unwrap_or(path).as_bytes();
            let similar = self.tree.entries().iter().filter(is_file).find(|entry| entry.path.file_name() == name);
            let relative = |entry: &Entry| TreePath::new(&entry.path.as_bytes()[self.folder.as_bytes().len() + 1..]).ok();
            let help = match similar.and_then(relative) {
                Some(path) => format!("write {key} = {path:?}"),
                None => format!("name a file of the payload in {key}, relative to the payload's folder"),
            };
            Error::new(format!("{}: its payload has no file \"{path}\", which {key} names", self.what)).help(help)
        })
    }

    fn require_program(&self, target: Target, path: &str, key: &str) -> Result<()> {
        let entry = self.require_file(path, key)?;
        // Windows has no such bit, and archives made there carry none.
        match target.is_linux() && matches!(entry.kind, Kind::File(_)) && entry.mode & 0o111 == 0 {
            true => Err(Error::new(format!("{}: \"{path}\" is not executable (mode {:o})", self.what, entry.mode))
                .help("set its x bit in the payload: chmod +x")),
            false => Ok(()),
        }
    }
}

/// The sources of a build as manifest.json lists them.
pub fn inputs(product: &Product, base: &Base) -> Vec<Input> {
    let connector = &product.manifest().connector.payload[&base.target];
    let containers = product.containers(base.target).map(|(container, source)| (container.name.to_string(), source));
    let all = std::iter::once((CONNECTOR.to_owned(), connector)).chain(containers).zip(folders(product, base.target));
    all.map(|((name, source), folder)| input(name, &folder, source, base)).collect()
}

/// The folders of the connector and the containers relative to the root, each with a slash at its end.
pub fn folders(product: &Product, target: Target) -> Vec<String> {
    let containers = product.containers(target).map(|(container, _)| format!("Intigua-Libs/{}/", container.name));
    std::iter::once("vAgentManager/".to_owned()).chain(containers).collect()
}

fn input(name: String, prefix: &str, source: &SourceSpec, base: &Base) -> Input {
    let below = base.files.iter().filter(|file| windows::source_path(&file.entry.path).starts_with(prefix.as_bytes()));
    let (mut files, mut bytes, mut digest) = (0, 0, Sha256::new());
    for file in below {
        if matches!(file.entry.kind, Kind::File(_)) {
            files += 1;
            bytes += file.len();
        }
        digest.update(file.entry.path.as_bytes());
        digest.update(file.entry.mode.to_be_bytes());
        match (&file.entry.kind, file.digests) {
            (Kind::Symlink(target), _) => digest.update(target),
            (_, Some(digests)) => digest.update(digests.sha256),
            _ => {}
        }
        digest.update([0]);
    }
    let sha256 = hex::encode(digest.finalize());
    Input {
        name,
        target: base.target.name(),
        sources: source.layers.iter().map(|layer| layer.source.clone()).collect(),
        files,
        bytes,
        sha256,
    }
}
