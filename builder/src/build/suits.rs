//! Whether the programs of a payload can start where the packages are meant for: their machine, and the glibc of each system that the
//! manifest names.

use crate::format::programs::{runs_on, Program};
use crate::listener::{some_of, Listener};
use crate::manifest::{Product, System, Target};
use crate::payload::elf::{machine_name, Glibc};
use std::collections::BTreeMap;

/// Files named in one message.
const NAMED: usize = 5;

/// Warns of programs that cannot start on a system of the packages.
pub fn check(product: &Product, target: Target, programs: &[Program], listener: &dyn Listener) {
    let systems = product.manifest().product.systems.as_deref().unwrap_or_default();
    let (mut strangers, mut newer) = (Vec::new(), BTreeMap::new());
    for Program { path, elf, .. } in programs {
        let path = path.display();
        if !runs_on(elf, target) {
            strangers.push(format!("{path} ({})", machine_name(elf.machine)));
            continue;
        }
        if let Some(needed) = elf.glibc {
            let older = older(systems, needed);
            if !older.is_empty() {
                newer.entry((needed, older)).or_insert_with(Vec::new).push(path);
            }
        }
    }
    if !strangers.is_empty() {
        listener.warning(&format!(
            "{} cannot run on the machines of {}: ship the programs that were built for it, or leave them out (exclude)",
            some_of(&strangers, NAMED),
            target.name()
        ));
    }
    for ((needed, older), paths) in newer {
        listener.warning(&format!(
            "glibc {needed} is needed by {}, and of product.systems {older}: it does not start there; build it on the oldest of them, or take them out of systems",
            some_of(&paths, NAMED),
        ));
    }
}

/// Which of the systems have an older one, in words; empty where all have it.
fn older(systems: &[System], needed: Glibc) -> String {
    let has = |system: &&System| Glibc::parse(system.glibc()).is_some_and(|has| has < needed);
    let names: Vec<String> =
        systems.iter().filter(has).map(|system| format!("{} has {}", system.name(), system.glibc())).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_with_an_older_glibc_are_named() {
        let systems = [System::Debian12, System::Rhel7];
        assert_eq!(older(&systems, Glibc(2, 17, 0)), "");
        assert_eq!(older(&systems, Glibc(2, 34, 0)), "rhel-7 has 2.17");
        assert_eq!(older(&[], Glibc(2, 99, 0)), "");
    }
}
