//! What the dpkg of the build host knows of libraries, where the host is a Debian: symbols files (deb-symbols(5)) and shlibs files
//! (deb-shlibs(5)) of installed packages.

use super::{Library, Soname};
use crate::deb_version::compare;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// A symbols file is at most so long, in bytes: that of the largest C++ libraries is below.
const LONGEST: u64 = 16 << 20;

/// The libraries that were asked for and that an installed package has.
#[derive(Debug, Default)]
pub struct Host {
    libraries: BTreeMap<String, Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// A relation in which `#MINVER#` stands for the version, or one without a version.
    template: String,
    /// The package's version that has each symbol first, by `NAME@VERSION`; `Base` where the symbol has none.
    symbols: HashMap<String, String>,
}

impl Host {
    /// Reads the records of packages of an architecture.
    pub fn read(folder: &Path, architecture: &str, wanted: &BTreeSet<&str>) -> Host {
        let mut host = Host::default();
        if wanted.is_empty() {
            return host;
        }
        let Ok(entries) = std::fs::read_dir(folder) else { return host };
        let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        let of = |ending: &'static str| {
            let wanted = move |name: &&String| {
                let Some(package) = name.strip_suffix(ending) else { return false };
                package.split_once(':').is_none_or(|(_, of)| of == architecture)
            };
            names.iter().filter(wanted).filter_map(|name| {
                let path = folder.join(name);
                let is_short = std::fs::metadata(&path).is_ok_and(|meta| meta.is_file() && meta.len() <= LONGEST);
                is_short.then(|| std::fs::read_to_string(path).ok()).flatten()
            })
        };
        of(".symbols").for_each(|text| host.symbols(&text, wanted));
        of(".shlibs").for_each(|text| host.shlibs(&text, wanted));
        host
    }

    /// `SONAME PACKAGE #MINVER#`, then a line a symbol: ` NAME@VERSION MINIMUM`.
    fn symbols(&mut self, text: &str, wanted: &BTreeSet<&str>) {
        let mut current = None;
        for line in text.lines() {
            if let Some(symbol) = line.strip_prefix(' ') {
                let Some(known) = current.and_then(|name: &str| self.libraries.get_mut(name)) else { continue };
                let mut words = symbol.split_whitespace();
                if let (Some(name), Some(version)) = (words.next(), words.next()) {
                    known.symbols.insert(name.to_owned(), version.to_owned());
                }
            } else if !line.starts_with(['*', '|', '#']) {
                let Some((name, template)) = line.split_once(' ') else { continue };
                current = wanted.contains(name).then_some(name);
                if wanted.contains(name) {
                    let known = Known { template: template.trim().to_owned(), ..Known::default() };
                    self.libraries.entry(name.to_owned()).or_insert(known);
                }
            }
        }
    }

    /// `LIBRARY SOVERSION RELATIONS`: what a program linked on this host would need. Its versions are the host's and say nothing of others.
    fn shlibs(&mut self, text: &str, wanted: &BTreeSet<&str>) {
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.splitn(3, ' ');
            let (Some(library), Some(version), Some(relations)) = (words.next(), words.next(), words.next()) else { continue };
            for name in [format!("{library}.so.{version}"), format!("{library}-{version}.so")] {
                if wanted.contains(name.as_str()) && !library.contains(':') {
                    let template = unversioned(relations);
                    self.libraries.entry(name).or_insert(Known { template, ..Known::default() });
                }
            }
        }
    }

    /// The relation of a library whose package is installed here.
    pub fn relation(&self, soname: &Soname, library: &Library) -> Option<String> {
        let known = self.libraries.get(&soname.name).filter(|_| soname.is_64 && !soname.is_musl)?;
        let version = self.version(soname, library).map(|version| format!("(>= {version})")).unwrap_or_default();
        let relation = known.template.replace("#MINVER#", &version);
        let relation = relation.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(with_old_names(&relation))
    }

    /// The oldest version of its package that has all symbols that are looked for.
    pub fn version(&self, soname: &Soname, library: &Library) -> Option<String> {
        let known = self.libraries.get(&soname.name)?;
        let since = |symbol: &String| match symbol.contains('@') {
            true => known.symbols.get(symbol),
            false => known.symbols.get(&format!("{symbol}@Base")),
        };
        let newest = library.symbols.iter().filter_map(since).max_by(|a, b| compare(a, b));
        newest.filter(|version| compare(version, "0") == Ordering::Greater).cloned()
    }
}

/// Relations without what stands in parentheses.
fn unversioned(relations: &str) -> String {
    let one = |one: &str| one.split('(').next().unwrap_or_default().trim().to_owned();
    let alternatives = |all: &str| all.split('|').map(one).collect::<Vec<_>>().join(" | ");
    relations.split(',').map(alternatives).collect::<Vec<_>>().join(", ")
}

/// Of a name that Debian 13 and Ubuntu 24.04 changed (`libfoo1t64`), the one that older systems have comes first: the newer ones provide it.
fn with_old_names(relation: &str) -> String {
    let alternatives = relation.split(" | ").flat_map(|one| {
        let (name, rest) = one.split_at(one.find(' ').unwrap_or(one.len()));
        let old = name.contains("t64").then(|| format!("{}{rest}", name.replace("t64", "")));
        old.into_iter().chain([one.to_owned()])
    });
    alternatives.collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_newest_symbol_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "liba1t64:amd64.symbols",
            "liba.so.1 liba1t64 #MINVER#\n* Build-Depends-Package: liba-dev\n old@Base 1:1.9\n new@A_2 1:1.10~rc\n newer@A_3 2:0\nlibb.so.1 libb1\n x@Base 3\n",
        );
        write("liba1t64:i386.symbols", "libc.so.9 libc9 #MINVER#\n");
        write(
            "libd1:amd64.shlibs",
            "libd 1 libd1 (>= 9), libdd1 | libde1 (>= 3)\nudeb: libd 1 libd1-udeb\nlibe 2.1 libe (>= 1)\n",
        );
        let wanted = BTreeSet::from(["liba.so.1", "libc.so.9", "libd.so.1", "libe-2.1.so"]);
        let host = Host::read(folder.path(), "amd64", &wanted);
        let of = |name: &str, symbols: &[&str]| {
            let symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
            let soname = Soname { name: name.to_owned(), is_64: true, is_musl: false };
            host.relation(&soname, &Library { symbols, ..Library::default() })
        };
        assert_eq!(of("liba.so.1", &["old", "new@A_2", "x"]).unwrap(), "liba1 (>= 1:1.10~rc) | liba1t64 (>= 1:1.10~rc)");
        assert_eq!(of("liba.so.1", &[]).unwrap(), "liba1 | liba1t64");
        assert_eq!(of("libd.so.1", &["old"]).unwrap(), "libd1, libdd1 | libde1");
        assert_eq!(of("libe-2.1.so", &[]).unwrap(), "libe");
        assert_eq!((of("libb.so.1", &[]), of("libc.so.9", &[])), (None, None));
    }
}
