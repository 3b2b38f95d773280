//! The tree that all packages of one target share: the connector, the containers and their descriptors.

use super::windows_source;
use crate::endpoint;
use crate::error::{Error, Result};
use crate::format::{folders, Base, Origin, CONNECTOR};
use crate::listener::Listener;
use crate::manifest::place::Step;
use crate::manifest::steps;
use crate::manifest::{ContainerTable, Pattern, Product, SourceSpec, SourceTable, Target};
use crate::payload::{self, Content, Entry, Kind, Loaded, PackageFacts, Source, Spool, Tree, TreePath};
use crate::trust::record::Input;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The tree of a target before its contents are read.
pub struct Trees {
    /// Paths relative to the install root.
    pub tree: Tree,
    /// What the DEBs and RPMs among the payloads say of themselves, the lowest of each payload.
    pub origins: Vec<Origin>,
    /// All of them.
    pub vendors: Vec<Origin>,
    /// The files that have capabilities, as cap_to_text(3) writes them.
    pub capabilities: BTreeMap<TreePath, String>,
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

/// Reads payloads for a build.
pub struct Reader<'a> {
    /// What is built.
    pub product: &'a Product,
    /// For which target.
    pub target: Target,
    /// The build's own folders, which are no part of a payload.
    pub own: &'a [PathBuf],
    /// Where archives are unpacked.
    pub spool: &'a Spool,
    /// Who hears of it.
    pub listener: &'a dyn Listener,
}

impl Reader<'_> {
    /// Reads all payloads of the target into one tree.
    pub fn read(&self) -> Result<Trees> {
        let (product, target) = (self.product, self.target);
        let manifest = product.manifest();
        let (mut entries, mut origins, mut vendors) = (Vec::new(), Vec::new(), Vec::new());
        let folder = TreePath::new(product.names().get("connector-folder").as_bytes())?;
        let what = "the connector";
        let place = steps!["connector", "payload", target.name()];
        let (connector, packages) = self.load(&manifest.connector.payload[&target], &folder, what, &place)?;
        vendors.extend(packages.into_iter().map(|package| Origin { role: CONNECTOR.to_owned(), package }));
        self.check_connector(&Inside { tree: &connector.tree, folder: &folder, what })?;
        let mut capabilities = connector.capabilities;
        entries.extend(connector.tree.into_entries());
        origins.extend(connector.package.map(|package| Origin { role: CONNECTOR.to_owned(), package }));
        for (at, container) in manifest.container.iter().enumerate() {
            let container = container.get_ref();
            let what = format!("container \"{}\"", container.name);
            let Some(source) = container.payload.get(&target) else {
                self.listener.info(&format!("{what} has no payload for {}: left out of its packages", target.name()));
                continue;
            };
            let folder = TreePath::new(format!("{}/{}", product.names().get("containers-folder"), container.name).as_bytes())?;
            let (loaded, packages) = self.load(source, &folder, &what, &steps!["container", at, "payload", target.name()])?;
            vendors.extend(packages.into_iter().map(|package| Origin { role: container.name.to_string(), package }));
            self.check_container(container, at, &Inside { tree: &loaded.tree, folder: &folder, what: &what })?;
            let version = loaded.package.as_ref().map(|package| package.version.clone());
            let newest = newest(loaded.tree.entries());
            entries.extend(loaded.tree.into_entries());
            entries.push(descriptor(container, target, version.as_deref(), &folder, newest)?);
            origins.extend(loaded.package.map(|package| Origin { role: container.name.to_string(), package }));
            capabilities.extend(loaded.capabilities);
        }
        let help = "container.json is made by linkpack: leave it out with exclude";
        let tree = Tree::new(entries).map_err(|error| error.help(help))?;
        Ok(Trees { tree, origins, vendors, capabilities })
    }

    /// That the service's program is in its payload.
    fn check_connector(&self, inside: &Inside) -> Result<()> {
        let (executables, target) = (&self.product.manifest().connector.executable, self.target);
        let (program, system) = (executables.of(target), target.system());
        let named = executables.names(target);
        let key = if named { format!("executable.{system}") } else { format!("the default of executable.{system}") };
        let write = |path: &str| match named {
            true => format!("executable.{system} = {path:?}"),
            false => format!("executable.{system} = {path:?} in [connector]"),
        };
        let place = steps!["connector", "executable", system];
        inside.require_program(target, program, &key, &write).map_err(|error| self.product.point(error, &place))
    }

    /// A payload's layers, each over the one before, below its folder of the root, with the facts of the lowest layer that is a package;
    /// and the facts of all that are.
    fn load(&self, spec: &SourceSpec, folder: &TreePath, what: &str, place: &[Step]) -> Result<(Loaded, Vec<PackageFacts>)> {
        let in_payload = |error: Error| error.note(format!("in the payload of {what} for {}", self.target.name()));
        let (mut layers, mut packages, mut capabilities) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (at, layer) in spec.layers.iter().enumerate() {
            let place = [place, &steps![at, "source"]].concat();
            let source = self.source(layer);
            let loaded = match windows_source::load(&source, self.spool, self.listener) {
                Ok(None) => payload::load(&source, self.spool, self.listener),
                Ok(Some(loaded)) => Ok(loaded),
                Err(error) => Err(error),
            };
            let loaded = loaded.map_err(|error| self.product.point(in_payload(error), &place))?;
            // What a later layer replaces has no capabilities of the earlier one's.
            capabilities.retain(|path: &TreePath, _| loaded.tree.get(path).is_none());
            capabilities.extend(loaded.capabilities);
            // At once: the next layer's small pieces then fill the room of the short paths.
            layers.push(loaded.tree.below(folder));
            packages.extend(loaded.package);
        }
        let capabilities = capabilities.into_iter().map(|(path, text)| (path.below(folder), text)).collect();
        let (tree, package) = (Tree::layered(layers).map_err(in_payload)?, packages.first().cloned());
        Ok((Loaded { tree, package, capabilities }, packages))
    }

    fn source(&self, layer: &SourceTable) -> Source {
        let texts = |patterns: &[Pattern]| patterns.iter().map(ToString::to_string).collect();
        Source {
            path: self.product.resolve(layer),
            strip: layer.strip,
            include: texts(&layer.include),
            exclude: texts(&layer.exclude),
            setuid: texts(&layer.setuid),
            config: texts(&layer.config),
            outside_links: texts(&layer.outside_links),
            own: self.own.to_vec(),
        }
    }

    fn check_container(&self, container: &ContainerTable, at: usize, payload: &Inside) -> Result<()> {
        let target = self.target;
        let words = container.words(target);
        let Some(program) = words.first() else { return Ok(()) };
        let inside = program.strip_prefix("{dir}/").unwrap_or(program);
        let key = container.command.as_ref().map_or("command".to_owned(), |command| command.key("command", target));
        let write = |path: &str| {
            let words: Vec<String> =
                std::iter::once(path).chain(words.iter().skip(1).map(String::as_str)).map(|word| format!("{word:?}")).collect();
            format!("{key} = [{}]", words.join(", "))
        };
        // The program, where the command is a list.
        let point = |error: Error, key: &str| self.product.point(error, &steps!["container", at, key, target.system(), 0]);
        if target.is_linux() && inside.starts_with('/') {
            self.check_absolute(inside, payload, &write).map_err(|error| point(error, "command"))?;
        } else if !inside.starts_with(['{', '/', '\\']) && !inside.contains(':') {
            payload.require_program(target, inside, "command", &write).map_err(|error| point(error, "command"))?;
        }
        match container.library(target) {
            Some(library) => {
                let write = |path: &str| format!("library = {path:?}");
                let found = payload.require_file(library.as_str(), "library", &write);
                found.map(|_| ()).map_err(|error| point(error, "library"))
            }
            None => Ok(()),
        }
    }

    /// A program that the endpoint is to have: a build cannot tell whether it has.
    fn check_absolute(&self, program: &str, payload: &Inside, write: &dyn Fn(&str) -> String) -> Result<()> {
        let name = program.rsplit('/').next().unwrap_or_default();
        if ENDPOINT_S_OWN.contains(&name) {
            return Ok(());
        }
        match payload.similar(name.as_bytes()) {
            Some(path) => Err(Error::new(format!(
                "{}: command names {program}, a program of the endpoint's own, and the payload has {path:?}",
                payload.what
            ))
            .help(format!("write {}", write(&path.display())))),
            None => {
                self.listener.warning(&format!(
                    "{}: its command is {program}, which the package does not bring: the endpoint has to have it",
                    payload.what
                ));
                Ok(())
            }
        }
    }
}

/// Programs that endpoints have, or that are looked for there: what a command that begins with a script's interpreter names.
const ENDPOINT_S_OWN: &[&str] =
    &["sh", "bash", "dash", "ksh", "env", "nice", "ionice", "setsid", "sleep", "python3", "perl", "java"];

/// What tells the connector about a container, in its folder.
const DESCRIPTOR: &[u8] = b"container.json";

fn descriptor(container: &ContainerTable, target: Target, version: Option<&str>, folder: &TreePath, mtime: i64) -> Result<Entry> {
    let path = TreePath::new(DESCRIPTOR)?.below(folder);
    let kind = Kind::File(Content::memory(endpoint::container_json(container, target, version)));
    Ok(Entry { path, kind, mode: 0o644, config: false, mtime })
}

/// A payload in its folder, whose files the manifest names relative to it.
struct Inside<'a> {
    tree: &'a Tree,
    folder: &'a TreePath,
    /// Whose it is, in messages.
    what: &'a str,
}

impl Inside<'_> {
    /// A file of that name, or of the nearest to it, relative to the payload.
    fn similar(&self, name: &[u8]) -> Option<TreePath> {
        let files = || self.tree.entries().iter().filter(|entry| !matches!(entry.kind, Kind::Directory));
        let wanted = String::from_utf8_lossy(name);
        let near = |entry: &&Entry| {
            strsim::damerau_levenshtein(&wanted, &String::from_utf8_lossy(entry.path.file_name())) <= wanted.len() / 4
        };
        let found = files().find(|entry| entry.path.file_name() == name).or_else(|| files().find(near));
        found.and_then(|entry| TreePath::new(&entry.path.as_bytes()[self.folder.as_bytes().len() + 1..]).ok())
    }

    fn require_file(&self, path: &str, key: &str, write: &dyn Fn(&str) -> String) -> Result<&Entry> {
        let is_file = |entry: &&Entry| !matches!(entry.kind, Kind::Directory);
        let found = self.tree.get(&TreePath::new(path.as_bytes())?.below(self.folder)).filter(is_file);
        found.ok_or_else(|| {
            let name = path.rsplit('/').next().unwrap_or(path).as_bytes();
            let help = match self.similar(name) {
                Some(path) => format!("write {}", write(&path.display())),
                None if path.contains('\\') => format!("write {}, with / between folders", write(&path.replace('\\', "/"))),
                None if path.contains(' ') => {
                    "write the program and each of its arguments as an element of its own: [\"bin/agent\", \"-f\"]; no shell reads them".to_owned()
                }
                None if ENDPOINT_S_OWN.contains(&path) => {
                    format!("write {}, where the endpoint has its own, or name a file of the payload", write(&format!("/usr/bin/{path}")))
                }
                None => format!("name a file of the payload in {key}, relative to the payload's folder"),
            };
            Error::new(format!("{}: its payload has no file \"{path}\", which {key} names", self.what)).help(help)
        })
    }

    fn require_program(&self, target: Target, path: &str, key: &str, write: &dyn Fn(&str) -> String) -> Result<()> {
        let entry = self.require_file(path, key, write)?;
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

fn input(name: String, prefix: &str, source: &SourceSpec, base: &Base) -> Input {
    // The descriptor is linkpack's own.
    let descriptor = [prefix.as_bytes(), DESCRIPTOR].concat();
    let is_of_source = |path: &[u8]| path.starts_with(prefix.as_bytes()) && path != descriptor;
    let below = base.files.iter().filter(|file| is_of_source(file.entry.path.as_bytes()));
    let (mut files, mut bytes, mut digest) = (0, 0, Sha256::new());
    for file in below {
        let before = base.unsigned.get(&file.entry.path);
        if matches!(file.entry.kind, Kind::File(_)) {
            files += 1;
            bytes += before.map_or(file.len(), |(len, _)| *len);
        }
        digest.update(file.entry.path.as_bytes());
        digest.update(file.entry.mode.to_be_bytes());
        match (&file.entry.kind, before.map(|(_, digests)| *digests).or(file.digests)) {
            (Kind::Symlink(target), _) => digest.update(target),
            (_, Some(digests)) => digest.update(digests.sha256),
            _ => {}
        }
        digest.update([0]);
    }
    let sha256 = hex::encode(digest.finalize());
    Input {
        name,
        target: base.target.name().into(),
        sources: source.layers.iter().map(|layer| layer.source.clone()).collect(),
        files,
        bytes,
        sha256,
    }
}
