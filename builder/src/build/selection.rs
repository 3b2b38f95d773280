//! Which formats are built for which targets: what was asked for, and what the connector has a payload for.

use super::packages::FormatName;
use super::windows;
use crate::error::{Error, Result};
use crate::listener::Listener;
use crate::manifest::{Product, Target};

/// What is built.
#[derive(Debug)]
pub struct Selection {
    /// At least one; each has a format.
    pub targets: Vec<Target>,
    /// At least one; each has a target.
    pub formats: Vec<FormatName>,
}

/// Chooses; empty lists ask for whatever the connector has a payload for.
///
/// # Errors
/// A target or a format that was asked for and cannot be built.
pub fn choose(product: &Product, formats: &[FormatName], asked: &[Target], listener: &dyn Listener) -> Result<Selection> {
    let payload = &product.manifest().connector.payload;
    if let Some(missing) = asked.iter().find(|target| !payload.contains_key(target)) {
        return Err(Error::new(format!("the connector has no payload for {}", missing.name()))
            .help(format!("add {} = \"...\" to payload in [connector], or leave the target out of -t", missing.name())));
    }
    let wanted = |format: &FormatName| (formats.is_empty() && !format.is_on_request()) || formats.contains(format);
    let has_format = |target: &Target| FormatName::ALL.iter().any(|format| wanted(format) && format.is_for(*target));
    if let Some(target) = asked.iter().find(|target| !has_format(target)) {
        return Err(Error::new(format!("none of the formats asked for is for {}", target.name()))
            .help("windows targets get msi and mst, linux targets get deb, rpm and run: see -f and -t"));
    }
    let there = Target::ALL.into_iter().filter(|target| payload.contains_key(target));
    let mut targets: Vec<Target> =
        there.filter(|target| (asked.is_empty() || asked.contains(target)) && has_format(target)).collect();
    windows_targets(product, &mut targets, asked, listener)?;
    let mut chosen = Vec::new();
    for format in FormatName::ALL.into_iter().filter(wanted) {
        match targets.iter().any(|target| format.is_for(*target)) {
            true => chosen.push(format),
            // A product for one system alone needs no word of the other's formats.
            false if formats.is_empty() && !is_meant(product, format) => {}
            false if formats.is_empty() => {
                listener.info(&format!("{} is left out: {}", format.name(), without_payload(format)));
            }
            false => {
                return Err(Error::new(format!("{}: {}", format.name(), without_payload(format))).help(format!(
                    "add {} = \"...\" to payload in [connector], or leave {} out of -f",
                    example(format),
                    format.name()
                )))
            }
        }
    }
    Ok(Selection { targets, formats: chosen })
}

/// Whether a container has a payload for a format's targets, though the connector has none.
fn is_meant(product: &Product, format: FormatName) -> bool {
    let containers = product.manifest().container.iter().map(|container| container.get_ref());
    containers.into_iter().any(|container| container.payload.keys().any(|target| format.is_for(*target)))
}

/// Refuses what no MSI can be made of; leaves a Windows target out where it was not asked for by name and another one is built.
fn windows_targets(product: &Product, targets: &mut Vec<Target>, asked: &[Target], listener: &dyn Listener) -> Result<()> {
    for target in targets.clone().into_iter().filter(|target| !target.is_linux()) {
        let Err(error) = windows::check(product, target) else { continue };
        let others = targets.iter().any(|other| !other.is_linux() && *other != target);
        if asked.contains(&target) || !others {
            return Err(error.note(format!("the connector has a payload for {}", target.name())));
        }
        listener.warning(&format!("{error}"));
        targets.retain(|other| *other != target);
    }
    Ok(())
}

fn without_payload(format: FormatName) -> String {
    format!("the connector has no payload for {}", example(format))
}

fn example(format: FormatName) -> &'static str {
    match format {
        FormatName::Msi | FormatName::Mst => Target::WindowsX86_64.name(),
        _ => Target::LinuxX86_64.name(),
    }
}
