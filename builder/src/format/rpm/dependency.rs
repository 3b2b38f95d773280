//! Dependencies: what a package provides, requires, conflicts with and obsoletes.
//!
//! Specification: <https://rpm-software-management.github.io/rpm/manual/dependencies.html>.

use super::header::Header;
use super::{Scriptlets, SHELL};
use crate::error::{Error, Result};
use crate::manifest::relation;
use ::rpm::DependencyFlags as Sense;
use ::rpm::IndexTag;
use std::collections::BTreeSet;

/// A name, how its version is compared, and the version; sorted as rpmbuild sorts them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    name: String,
    version: String,
    flags: u32,
}

impl Dependency {
    fn new(name: impl Into<String>, sense: Sense, version: impl Into<String>) -> Self {
        Dependency { name: name.into(), version: version.into(), flags: sense.bits() }
    }

    /// `name = version`.
    pub fn equal(name: impl Into<String>, version: impl Into<String>) -> Self {
        Dependency::new(name, Sense::EQUAL, version)
    }

    /// A capability of rpm itself, without which it cannot install the package.
    pub fn rpmlib(feature: &str, since: &str) -> Self {
        Dependency::new(format!("rpmlib({feature})"), Sense::RPMLIB | Sense::LE, since)
    }

    /// Reads `name` or `name >= 1.0` (also `<`, `<=`, `=`, `>`), or a rich one.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let refused = |why: String| {
            let (what, help) =
                why.split_once("; write ").map(|(what, help)| (what.to_owned(), help.to_owned())).unwrap_or((why, String::new()));
            Error::new(what).help(format!("write {help}"))
        };
        let (name, comparison, version) = relation::rpm(text).map_err(refused)?;
        Ok(Dependency::new(name, comparison_of(comparison), version))
    }

    /// Reads a list.
    pub fn parse_all(texts: &[String]) -> Result<BTreeSet<Self>> {
        texts.iter().map(|text| Dependency::parse(text)).collect()
    }
}

fn comparison_of(word: &str) -> Sense {
    match word {
        "<" => Sense::LESS,
        "<=" => Sense::LE,
        "=" | "==" => Sense::EQUAL,
        ">=" => Sense::GE,
        ">" => Sense::GREATER,
        _ => Sense::ANY,
    }
}

/// The interpreter of each scriptlet that there is.
pub fn of_scriptlets(scriptlets: &Scriptlets) -> impl Iterator<Item = Dependency> + '_ {
    let present = senses(scriptlets).filter(|(script, _)| script.is_some());
    let lua = scriptlets.pretrans.iter().map(|_| Dependency::rpmlib("BuiltinLuaScripts", "4.2.2-1"));
    present.map(|(_, sense)| Dependency::new(SHELL, Sense::INTERP | sense, "")).chain(lua)
}

fn senses(scriptlets: &Scriptlets) -> impl Iterator<Item = (&Option<String>, Sense)> {
    let senses = [
        (&scriptlets.pre, Sense::SCRIPT_PRE),
        (&scriptlets.post, Sense::SCRIPT_POST),
        (&scriptlets.preun, Sense::SCRIPT_PREUN),
        (&scriptlets.postun, Sense::SCRIPT_POSTUN),
        (&scriptlets.posttrans, Sense::POSTTRANS),
    ];
    senses.into_iter()
}

/// The packages of the tools that scriptlets call, by names that Red Hat's, SUSE's, Amazon's and Fedora's systems share. A transaction
/// that makes a system runs a scriptlet only after what it requires: without these, perhaps before there is any tool.
const TOOLS: [&str; 6] = ["coreutils", "findutils", "gawk", "grep", "sed", "util-linux"];

/// What is in place before the scriptlets run where the same transaction installs it, and is not needed elsewhere (OrderWithRequires).
const BEFORE: [&str; 2] = ["/usr/sbin/useradd", "systemd"];

/// The tools that a package's scriptlets call.
pub fn of_tools(scriptlets: &Scriptlets) -> impl Iterator<Item = Dependency> {
    of_senses(scriptlets, &TOOLS)
}

/// What comes before the package in a transaction that holds both.
pub fn order(scriptlets: &Scriptlets) -> BTreeSet<Dependency> {
    of_senses(scriptlets, &BEFORE).collect()
}

fn of_senses(scriptlets: &Scriptlets, names: &'static [&'static str]) -> impl Iterator<Item = Dependency> {
    let senses = senses(scriptlets).filter(|(script, _)| script.is_some()).map(|(_, sense)| sense);
    let all = senses.fold(Sense::ANY, |all, sense| all | sense);
    names.iter().filter(move |_| !all.is_empty()).map(move |name| Dependency::new(*name, all, ""))
}

/// What rich relations, and versions with `~` and `^`, ask of rpm.
pub fn of_relations(dependencies: &BTreeSet<Dependency>) -> Vec<Dependency> {
    let used = |mark| dependencies.iter().any(|dependency| dependency.version.contains(mark));
    let mut needs = Vec::new();
    if dependencies.iter().any(|dependency| dependency.name.starts_with('(')) {
        needs.push(Dependency::rpmlib("RichDependencies", "4.12.0-1"));
    }
    if used('~') {
        needs.push(Dependency::rpmlib("TildeInVersions", "4.10.0-1"));
    }
    if used('^') {
        needs.push(Dependency::rpmlib("CaretInVersions", "4.15.0-1"));
    }
    needs
}

/// The three tags of one kind of dependency: names, flags and versions.
pub struct Tags {
    name: IndexTag,
    flags: IndexTag,
    version: IndexTag,
}

/// What the package offers.
pub const PROVIDES: Tags =
    Tags { name: IndexTag::RPMTAG_PROVIDENAME, flags: IndexTag::RPMTAG_PROVIDEFLAGS, version: IndexTag::RPMTAG_PROVIDEVERSION };
/// What the package needs.
pub const REQUIRES: Tags =
    Tags { name: IndexTag::RPMTAG_REQUIRENAME, flags: IndexTag::RPMTAG_REQUIREFLAGS, version: IndexTag::RPMTAG_REQUIREVERSION };
/// What the package cannot be installed beside.
pub const CONFLICTS: Tags = Tags {
    name: IndexTag::RPMTAG_CONFLICTNAME,
    flags: IndexTag::RPMTAG_CONFLICTFLAGS,
    version: IndexTag::RPMTAG_CONFLICTVERSION,
};
/// What is installed along where that is possible.
pub const RECOMMENDS: Tags = Tags {
    name: IndexTag::RPMTAG_RECOMMENDNAME,
    flags: IndexTag::RPMTAG_RECOMMENDFLAGS,
    version: IndexTag::RPMTAG_RECOMMENDVERSION,
};
/// What goes well with the package.
pub const SUGGESTS: Tags =
    Tags { name: IndexTag::RPMTAG_SUGGESTNAME, flags: IndexTag::RPMTAG_SUGGESTFLAGS, version: IndexTag::RPMTAG_SUGGESTVERSION };
/// What comes before the package where both are installed.
pub const ORDER: Tags =
    Tags { name: IndexTag::RPMTAG_ORDERNAME, flags: IndexTag::RPMTAG_ORDERFLAGS, version: IndexTag::RPMTAG_ORDERVERSION };
/// What the package takes the place of.
pub const OBSOLETES: Tags = Tags {
    name: IndexTag::RPMTAG_OBSOLETENAME,
    flags: IndexTag::RPMTAG_OBSOLETEFLAGS,
    version: IndexTag::RPMTAG_OBSOLETEVERSION,
};

/// Puts a list into the header; an empty one leaves no tags.
pub fn put(header: &mut Header, tags: &Tags, list: BTreeSet<Dependency>) {
    if list.is_empty() {
        return;
    }
    header.put_numbers(tags.flags as u32, list.iter().map(|d| d.flags).collect::<Vec<_>>());
    let (names, versions): (Vec<_>, Vec<_>) = list.into_iter().map(|d| (d.name, d.version)).unzip();
    header.put_texts(tags.name as u32, names);
    header.put_texts(tags.version as u32, versions);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_is_a_name_alone_or_compared_with_a_version() {
        assert_eq!(Dependency::parse("openssl").unwrap(), Dependency::new("openssl", Sense::ANY, ""));
        assert_eq!(Dependency::parse("openssl >= 1:3.0").unwrap(), Dependency::new("openssl", Sense::GE, "1:3.0"));
        assert_eq!(Dependency::parse("libc.so.6(GLIBC_2.17)(64bit)").unwrap().name, "libc.so.6(GLIBC_2.17)(64bit)");
    }

    #[test]
    fn what_rpm_would_read_otherwise_is_refused() {
        for text in ["", "a b", "a => 1", "(a or b", "a >=1", "a >= 1 b", "a >= 1;0", "a\u{e9}", "-a", "a,b"] {
            let error = Dependency::parse(text).expect_err(text);
            assert!(error.help_text().unwrap().contains("write "), "{text}");
        }
    }

    #[test]
    fn a_tilde_in_any_version_asks_for_an_rpm_that_knows_it() {
        let list = BTreeSet::from([Dependency::equal("a", "1.0~rc1-1")]);
        assert_eq!(of_relations(&list), [Dependency::rpmlib("TildeInVersions", "4.10.0-1")]);
    }
}
