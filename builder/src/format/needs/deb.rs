//! What a DEB depends on: packages. Which package has a library is said by the manifest, by the table of `known`, or by the dpkg of a
//! build host that is a Debian; how new it must be follows from the symbol versions and symbols that the files use, never from what the
//! host has.

use super::host::Host;
use super::known::{self, Kind};
use super::{Needs, Soname, Wanted};
use crate::format::architecture::architecture;
use crate::manifest::{relation, Product, Target};
use crate::payload::PackageKind;
use std::collections::BTreeMap;
use std::path::Path;

/// dpkg's records of installed packages.
const DPKG: &str = "/var/lib/dpkg/info";

/// What was found.
#[derive(Debug, Default)]
pub struct Resolved {
    /// Relations of Depends.
    pub relations: Vec<String>,
    /// The package of each library, as apt-get takes it.
    pub packages: BTreeMap<Soname, String>,
    /// Libraries and interpreters of which nobody knows a package, with a file that needs each.
    pub unknown: Vec<(String, String)>,
}

pub fn resolve(needs: &Needs, product: &Product, target: Target) -> Resolved {
    let table = &product.manifest().deb.provided_by;
    let wanted = Wanted::of_deb(product);
    let mut found = Resolved::default();
    let libraries = || needs.libraries.iter().filter(|(soname, _)| wanted.has(&soname.name));
    let asked = libraries().filter(|(soname, _)| soname.is_64 && !soname.is_musl && !table.contains_key(&soname.name));
    let asked = asked.map(|(soname, _)| soname.name.as_str()).filter(|name| !known::has_rule(name)).collect();
    let host = Host::read(Path::new(DPKG), architecture(target).deb, &asked);
    for (soname, library) in libraries() {
        let listed = table.get(&soname.name).map(ToString::to_string);
        match listed.or_else(|| known::relation(soname, library, &host)).or_else(|| host.relation(soname, library)) {
            Some(relation) => {
                let name = relation.split([' ', '|', '(', ',']).next().unwrap_or_default().to_owned();
                found.packages.insert(soname.clone(), name);
                found.relations.push(relation);
            }
            None if library.is_carried => {}
            None => found.unknown.push((soname.name.clone(), library.by.clone())),
        }
    }
    for (program, by) in needs.interpreters.iter().filter(|(program, _)| wanted.has(program)) {
        match table.get(program).map(ToString::to_string).map_or_else(|| known::interpreter(program), Kind::Package) {
            Kind::Package(package) if wanted.has(&package) => found.relations.push(package),
            Kind::Package(_) | Kind::Everywhere => {}
            Kind::Unknown => found.unknown.push((program.clone(), by.clone())),
        }
    }
    let name_of = |one: &str| one.split([' ', '(', ':', '|']).next().unwrap_or_default().to_owned();
    let fine = |one: &&String| one.split('|').all(|one| relation::deb(one).is_ok()) && wanted.has(&name_of(one));
    let carried = needs.carried.iter().filter(|(kind, _)| *kind == PackageKind::Deb).map(|(_, relation)| relation);
    found.relations.retain(|relation| wanted.has(&name_of(relation)));
    found.relations.extend(carried.filter(fine).cloned());
    found
}
