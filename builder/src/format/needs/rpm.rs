//! What an RPM requires, in the names of rpm's own generators (tools/elfdeps.c and scripts/script.req of rpm).

use super::{Needs, Wanted};
use crate::manifest::relation;
use crate::payload::PackageKind;
use std::collections::BTreeSet;

pub fn requires(needs: &Needs, wanted: &Wanted) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (soname, library) in &needs.libraries {
        if !is_capability(&soname.name) || !wanted.has(&soname.name) {
            continue;
        }
        let marker = if soname.is_64 { "(64bit)" } else { "" };
        all.insert(match soname.is_64 {
            true => format!("{}(){marker}", soname.name),
            false => soname.name.clone(),
        });
        all.extend(library.versions.iter().map(|version| format!("{}({version}){marker}", soname.name)));
    }
    if needs.gnu_hash && wanted.has("rtld(GNU_HASH)") {
        all.insert("rtld(GNU_HASH)".to_owned());
    }
    all.extend(needs.interpreters.keys().filter(|path| wanted.has(path)).cloned());
    let carried = needs.carried.iter().filter(|(kind, _)| *kind == PackageKind::Rpm).map(|(_, relation)| relation);
    let name_of = |relation: &str| relation.split_whitespace().next().unwrap_or_default().to_owned();
    all.extend(carried.filter(|one| relation::rpm(one).is_ok() && wanted.has(&name_of(one))).cloned());
    // Characters that rpm does not take in a name are in no library's.
    all.retain(|one| relation::rpm(one).is_ok());
    all
}

/// rpm passes over what does not look like a library.
fn is_capability(soname: &str) -> bool {
    soname.contains(".so") && ["ld.", "ld-", "ld64.", "ld64-", "lib"].iter().any(|start| soname.starts_with(start))
}
