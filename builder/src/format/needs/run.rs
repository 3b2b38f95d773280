//! What a `.run` looks for on the endpoint, in lines that installers/linux/libraries.sh reads.

use super::{Needs, Wanted};
use crate::manifest::{Product, Target};
use crate::payload::elf::Glibc;
use std::collections::{BTreeMap, BTreeSet};

/// Lines of libraries (`64|32 SONAME PACKAGE VERSION...`, the package as Debian calls it or `-`), folders, programs.
pub fn lines(needs: &Needs, product: &Product, target: Target) -> (String, String, String) {
    let wanted = Wanted::of_run(product);
    let packages = &needs.resolved(product, target).packages;
    // Words for a shell: neither blanks nor patterns.
    let plain =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-/@:~".contains(&byte));
    let libraries = needs.libraries.iter().filter(|(soname, _)| wanted.has(&soname.name) && plain(&soname.name));
    let libraries = libraries.map(|(soname, library)| {
        let package = packages.get(soname).map_or("-", String::as_str);
        let versions = newest(&library.versions).into_iter().filter(|version| plain(version));
        let words = [if soname.is_64 { "64" } else { "32" }, &soname.name, package].map(str::to_owned);
        words.into_iter().chain(versions).collect::<Vec<_>>().join(" ")
    });
    let folders = needs.folders.iter().filter(|folder| plain(folder)).cloned();
    let programs = needs.interpreters.keys().filter(|path| wanted.has(path) && plain(path)).cloned();
    (joined(libraries), joined(folders), joined(programs))
}

fn joined(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

/// Of versions that count up (GLIBC_2.4, GLIBC_2.34), the last: a library that has it has the others.
fn newest(versions: &BTreeSet<String>) -> Vec<String> {
    let mut last: BTreeMap<&str, (Glibc, &String)> = BTreeMap::new();
    let mut others = Vec::new();
    for version in versions {
        match version.rsplit_once('_').and_then(|(family, number)| Some((family, Glibc::parse(number)?))) {
            Some((family, number)) => {
                let known = last.entry(family).or_insert((number, version));
                if number > known.0 {
                    *known = (number, version);
                }
            }
            None => others.push(version.clone()),
        }
    }
    last.into_values().map(|(_, version)| version.clone()).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_versions_that_count_up_the_last_is_looked_for() {
        let versions = ["GLIBC_2.4", "GLIBC_2.34", "GLIBC_2.3.4", "GLIBC_ABI_DT_RELR", "OPENSSL_3.0.0"].map(str::to_owned);
        assert_eq!(newest(&BTreeSet::from(versions)), ["GLIBC_2.34", "OPENSSL_3.0.0", "GLIBC_ABI_DT_RELR"]);
    }
}
