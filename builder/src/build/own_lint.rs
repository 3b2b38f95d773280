//! What `linkpack lint` calls an error in a package is a warning of the build that made it. The headers are enough: what is in the files
//! was looked at while they were packed.

use super::Package;
use crate::error::Result;
use crate::inspect::lint::{headers, Severity};
use crate::inspect::{read_to, Depth};
use crate::listener::Listener;
use crate::manifest::Product;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

/// Findings that are told of one package.
const TOLD: usize = 10;

/// Judges the packages of a folder by rules that the manifest does not allow.
///
/// # Errors
/// One cannot be read, which is a fault of linkpack, or the user interrupted.
pub fn check(product: &Product, output: &Path, packages: &[Package], listener: &dyn Listener) -> Result<()> {
    let manifest = product.manifest();
    let allowed: BTreeSet<&str> = manifest.lint.allow.iter().map(|rule| rule.as_str()).collect();
    let systems = manifest.product.systems.as_deref().unwrap_or_default();
    // Of a hundred sites' packages the first of each format speaks for all: they hold the same files and scripts, and differ in values
    // that the manifest's own rules have judged. Reading all of them would take as long as writing them.
    let mut seen = BTreeSet::new();
    let judged: Vec<&Package> = packages
        .iter()
        .filter(|package| package.format.format().is_some() && seen.insert((package.format, &package.target, package.overlay)))
        .collect();
    let judged: Vec<Result<Vec<String>>> = judged
        .par_iter()
        .map(|package| {
            let read = read_to(&output.join(&package.file), None, Depth::Headers)?;
            let errors =
                headers(&read, systems).into_iter().filter(|one| one.severity == Severity::Error && !allowed.contains(one.rule));
            Ok(errors
                .map(|one| format!("{}: lint: error[{}]: {}: {}; {}", package.file, one.rule, one.place, one.what, one.remedy))
                .collect())
        })
        .collect();
    for errors in judged {
        let errors = errors?;
        errors.iter().take(TOLD).for_each(|error| listener.warning(error));
        if errors.len() > TOLD {
            listener.warning(&format!("and {} more: linkpack lint {} lists them", errors.len() - TOLD, output.display()));
        }
    }
    Ok(())
}
