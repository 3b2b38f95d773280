//! What the files of a payload need of the endpoint: libraries, interpreters, and what the vendors' packages among the sources ask for.
//! Each container, and the connector, stands for itself: a library in one is of no use to another. docs/dependencies.md is for users.

mod deb;
mod host;
mod inside;
mod known;
mod rpm;
mod run;
mod version;

use super::parts::{folders, Origin, CONNECTOR};
use super::programs::{runs_on, Program};
use super::PreparedFile;
use crate::error::Result;
use crate::listener::{some_of, Listener};
use crate::manifest::{Product, Target};
use crate::payload::elf::undefined;
use crate::payload::window::Blocks;
use crate::payload::{Kind, PackageKind};
use inside::Inside;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// A library's name, and for which loader it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Soname {
    name: String,
    is_64: bool,
    is_musl: bool,
}

/// What is known of a library that is needed.
#[derive(Debug, Clone, Default)]
struct Library {
    versions: BTreeSet<String>,
    /// The symbols that are looked for in any library by what needs this one; `name@VERSION` where they have one.
    symbols: BTreeSet<String>,
    /// The first file that needs it.
    by: String,
    /// Whether all that need it came in DEBs, whose own Depends bring it.
    is_carried: bool,
}

/// What the files of a target need.
#[derive(Debug, Default)]
pub struct Needs {
    libraries: BTreeMap<Soname, Library>,
    /// Whether a loader is needed that reads DT_GNU_HASH.
    gnu_hash: bool,
    /// Programs that run scripts or commands, by path, each with the first file that names it.
    interpreters: BTreeMap<String, String>,
    /// Folders of the endpoint where a program looks for its libraries besides the loader's own.
    folders: BTreeSet<String>,
    /// What the vendors' packages ask for, with the kind of the package.
    carried: Vec<(PackageKind, String)>,
    /// Debian's packages of all this: the same for all sites of a build.
    resolved: OnceLock<deb::Resolved>,
}

/// The connector or a container.
struct Part<'p> {
    role: &'p str,
    /// Its folder, with a slash at its end.
    folder: String,
    /// The program that it starts, relative to the folder; absolute where it is the endpoint's.
    program: String,
    library_path: Option<&'p str>,
}

impl Needs {
    /// # Errors
    /// A file cannot be read.
    pub fn of(
        product: &Product,
        target: Target,
        files: &[PreparedFile],
        programs: &[Program],
        vendors: &[Origin],
        listener: &dyn Listener,
    ) -> Result<Needs> {
        let mut needs = Needs::default();
        for part in parts(product, target) {
            let below = |path: &[u8]| path.starts_with(part.folder.as_bytes());
            let own: Vec<&Program> =
                programs.iter().filter(|one| below(one.path.as_bytes()) && one.is_for_the_machine()).collect();
            let inside = Inside::of(&own, files.iter().filter(|file| below(file.entry.path.as_bytes())));
            let from_deb = vendors.iter().any(|one| one.role == part.role && one.package.kind == PackageKind::Deb);
            for program in own.into_iter().filter(|program| runs_on(&program.elf, target)) {
                needs.add(program, &part, &inside, from_deb, listener)?;
            }
            let scripts = files.iter().filter(|file| below(file.entry.path.as_bytes()) && !file.may_be_program);
            needs.interpreters_of(scripts, &part, files, listener)?;
            if part.program.starts_with('/') {
                needs.interpreters.entry(part.program.clone()).or_insert_with(|| format!("the command of {}", part.role));
            }
        }
        needs.carry(vendors);
        Ok(needs)
    }

    fn add(&mut self, program: &Program, part: &Part, inside: &Inside, from_deb: bool, listener: &dyn Listener) -> Result<()> {
        let elf = &program.elf;
        let is_musl = elf.interpreter.as_deref().is_some_and(|loader| loader.starts_with("/lib/ld-musl"))
            || elf.needed.iter().any(|name| name.starts_with("libc.musl-"));
        let absolute = elf.search.iter().map(String::as_str).chain(part.library_path.unwrap_or_default().split(':'));
        self.folders.extend(absolute.filter(|folder| folder.starts_with('/')).map(str::to_owned));
        let path = program.path.display();
        let is_the_command = part.library_path.is_none() && path.strip_prefix(&part.folder) == Some(part.program.as_str());
        let mut names: Vec<&String> = elf.needed.iter().collect();
        names.extend(elf.versions.iter().map(|(name, _)| name).filter(|name| !elf.needed.contains(name)));
        let mut symbols = None;
        for name in names {
            match inside.folder_of(name, elf) {
                // What the program is started without, wherever it lies.
                Some(folder) if is_the_command && !inside::is_searched(program, folder) => {
                    let write = folder.strip_prefix(part.folder.trim_end_matches('/')).unwrap_or(folder);
                    listener.warning(&format!(
                        "{path} needs {}, and does not look for it in {folder}: link it with -rpath '$ORIGIN/...', or set environment = {{ LD_LIBRARY_PATH = \"{{dir}}{write}\" }}",
                        name.escape_debug()
                    ));
                }
                Some(_) => continue,
                None => {}
            }
            if symbols.is_none() {
                let mut blocks = Blocks::open(program.content)?;
                symbols = Some(undefined(&mut blocks));
            }
            let soname = Soname { name: name.clone(), is_64: elf.is_64, is_musl };
            let known = self.libraries.entry(soname).or_insert_with(|| Library { is_carried: true, ..Library::default() });
            if known.by.is_empty() {
                known.by.clone_from(&path);
            }
            known.is_carried &= from_deb;
            known.symbols.extend(symbols.iter().flatten().cloned());
            let versions = elf.versions.iter().filter(|(file, _)| file == name).flat_map(|(_, versions)| versions);
            known.versions.extend(versions.cloned());
            self.gnu_hash |= elf.gnu_hash_alone && !is_musl;
        }
        Ok(())
    }

    fn interpreters_of<'f>(
        &mut self,
        scripts: impl Iterator<Item = &'f PreparedFile>,
        part: &Part,
        files: &[PreparedFile],
        listener: &dyn Listener,
    ) -> Result<()> {
        let mut moved = BTreeSet::new();
        for file in scripts.filter(|file| file.entry.mode & 0o111 != 0) {
            let Kind::File(content) = &file.entry.kind else { continue };
            let path = file.entry.path.display();
            if path.contains("/doc/") || path.contains("/example") {
                continue;
            }
            let mut first = [0; 256];
            let len = content.open()?.read_block(&mut first)?;
            let Some(program) = interpreter(&first[..len]).filter(|program| !moved.contains(program)) else { continue };
            if self.interpreters.contains_key(&program) {
                continue;
            }
            // A vendor's folder that moved along with its scripts.
            let inside = [part.folder.as_bytes(), program.trim_start_matches('/').as_bytes()].concat();
            if files.iter().any(|one| one.entry.path.as_bytes() == inside) {
                let shown = program.escape_debug();
                listener.warning(&format!(
                    "{path} is run by {shown}, which the payload brings, and endpoints do not have it in that place: start it by a command, such as [\"{{dir}}{shown}\", ...]"
                ));
                moved.insert(program);
            } else {
                self.interpreters.insert(program, path);
            }
        }
        Ok(())
    }

    /// What the vendors' packages ask for and the product does not hold.
    fn carry(&mut self, vendors: &[Origin]) {
        let here: BTreeSet<&String> = vendors.iter().flat_map(|one| &one.package.provides).collect();
        let name_of = |text: &str| text.split([' ', '(', ':']).find(|word| !word.is_empty()).unwrap_or_default().to_owned();
        for origin in vendors {
            for relation in &origin.package.relations {
                let is_here = !relation.starts_with('(') && relation.split('|').any(|one| here.contains(&name_of(one)));
                let one = (origin.package.kind, relation.clone());
                if !is_here && !self.carried.contains(&one) {
                    self.carried.push(one);
                }
            }
        }
    }

    /// Says what no DEB package is known for.
    pub fn tell_of_unknown(&self, product: &Product, target: Target, listener: &dyn Listener) {
        let is_on = Wanted::of_deb(product).is_on;
        let unknown = if is_on { self.resolved(product, target).unknown.as_slice() } else { &[] };
        if !unknown.is_empty() {
            const NAMED: usize = 5;
            let first = unknown.first().map_or("", |(name, _)| name.as_str());
            let told: Vec<String> =
                unknown.iter().map(|(name, by)| format!("{} (needed by {by})", name.escape_debug())).collect();
            listener.warning(&format!(
                "no DEB package is known that has {}: write [deb] provided-by = {{ {first:?} = \"PACKAGE\" }}, or auto-exclude = [{first:?}] where it is not needed",
                some_of(&told, NAMED)
            ));
        }
    }

    fn resolved(&self, product: &Product, target: Target) -> &deb::Resolved {
        self.resolved.get_or_init(|| deb::resolve(self, product, target))
    }

    /// The relations of a DEB's Depends field behind those of the manifest; those that say more replace those that say less.
    pub fn deb(&self, product: &Product, target: Target) -> Vec<String> {
        let own = product.manifest().deb.depends.iter().map(ToString::to_string).collect();
        if !Wanted::of_deb(product).is_on {
            return own;
        }
        version::merged(own, self.resolved(product, target).relations.clone())
    }

    /// The requirements of an RPM, behind those of the manifest.
    pub fn rpm(&self, product: &Product) -> Vec<String> {
        let own: Vec<String> = product.manifest().rpm.requires.iter().map(ToString::to_string).collect();
        let wanted = Wanted::of_rpm(product);
        if !wanted.is_on {
            return own;
        }
        own.into_iter().chain(rpm::requires(self, &wanted)).collect()
    }

    /// What a `.run` looks for, as its script reads it: libraries, folders, programs.
    pub fn run(&self, product: &Product, target: Target) -> (String, String, String) {
        match Wanted::of_run(product).is_on {
            true => run::lines(self, product, target),
            false => Default::default(),
        }
    }
}

/// What a format's packages ask for.
struct Wanted<'p> {
    is_on: bool,
    excluded: Vec<&'p str>,
}

impl<'p> Wanted<'p> {
    fn of_run(product: &'p Product) -> Self {
        let table = &product.manifest().product;
        let excluded = table.auto_exclude.iter().map(|name| name.as_str()).collect();
        Wanted { is_on: table.auto_depends.unwrap_or(true), excluded }
    }

    fn of_deb(product: &'p Product) -> Self {
        let table = &product.manifest().deb;
        Wanted::of_run(product).but(table.auto_depends, table.auto_exclude.iter().map(|name| name.as_str()))
    }

    fn of_rpm(product: &'p Product) -> Self {
        let table = &product.manifest().rpm;
        Wanted::of_run(product).but(table.auto_depends, table.auto_exclude.iter().map(|name| name.as_str()))
    }

    fn but(mut self, is_on: Option<bool>, excluded: impl Iterator<Item = &'p str>) -> Self {
        self.is_on = is_on.unwrap_or(self.is_on);
        self.excluded.extend(excluded);
        self
    }

    fn has(&self, name: &str) -> bool {
        !self.excluded.contains(&name)
    }
}

fn parts(product: &Product, target: Target) -> Vec<Part<'_>> {
    let manifest = product.manifest();
    let connector = (CONNECTOR, manifest.connector.executable.of(target).to_owned(), None);
    let containers = product.containers(target).map(|(container, _)| {
        let program = container.words(target).first().map_or("", String::as_str);
        let program = program.strip_prefix("{dir}/").unwrap_or(program).to_owned();
        (container.name.as_str(), program, container.environment.get("LD_LIBRARY_PATH").map(String::as_str))
    });
    let all = std::iter::once(connector).chain(containers).zip(folders(product, target));
    all.map(|((role, program, library_path), folder)| Part { role, folder, program, library_path }).collect()
}

/// The program of a script's first line; behind `env`, the one that it looks for.
fn interpreter(text: &[u8]) -> Option<String> {
    let line = text.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split_whitespace();
    let program = words.next().filter(|program| program.starts_with('/'))?;
    if !program.ends_with("/env") {
        return Some(program.to_owned());
    }
    let looked_for = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
    Some(match looked_for {
        // Where every system has them.
        "sh" | "bash" => format!("/bin/{looked_for}"),
        path if path.starts_with('/') => path.to_owned(),
        name => format!("/usr/bin/{name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::interpreter;

    #[test]
    fn a_script_s_first_line_names_its_program() {
        for (line, program) in [
            ("#!/bin/sh -e\n", Some("/bin/sh")),
            ("#! /usr/bin/python3\nx", Some("/usr/bin/python3")),
            ("#!/usr/bin/env -S python3 -u\n", Some("/usr/bin/python3")),
            ("#!/usr/bin/env A=b /opt/x/ruby\n", Some("/opt/x/ruby")),
            ("#!/usr/bin/env bash\n", Some("/bin/bash")),
            ("#!python3\n", None),
            ("#!/usr/bin/env\n", None),
            ("echo\n", None),
        ] {
            assert_eq!(interpreter(line.as_bytes()).as_deref(), program, "{line}");
        }
    }
}
