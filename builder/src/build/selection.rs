//! Which formats are built for which targets: what was asked for, and what the connector has a payload for.

use crate::error::{Error, Result};
use crate::format::{asked_for, door, writer};
use crate::listener::Listener;
use crate::manifest::{Format, Product, Target};

/// What is built.
#[derive(Debug)]
pub struct Selection {
    /// At least one; each has a format.
    pub targets: Vec<Target>,
    /// At least one; each has a target.
    pub formats: Vec<Format>,
}

/// Chooses; empty lists ask for whatever the connector has a payload for.
///
/// # Errors
/// A target or a format that was asked for and cannot be built.
pub fn choose(product: &Product, formats: &[Format], asked: &[Target], listener: &dyn Listener) -> Result<Selection> {
    let payload = &product.manifest().connector.payload;
    if let Some(missing) = asked.iter().find(|target| !payload.contains_key(target)) {
        return Err(Error::new(format!("the connector has no payload for {}", missing.name()))
            .help(format!("add {} = \"...\" to payload in [connector], or leave the target out of -t", missing.name())));
    }
    let wanted = |format: &Format| (formats.is_empty() && !door(*format).is_on_request()) || formats.contains(format);
    let has_format = |target: &Target| asked_for().any(|format| wanted(&format) && door(format).is_for(*target));
    if let Some(target) = asked.iter().find(|target| !has_format(target)) {
        return Err(Error::new(format!("none of the formats asked for is for {}", target.name()))
            .help("windows targets get msi and mst, linux targets get deb, rpm and run: see -f and -t"));
    }
    let there = Target::ALL.into_iter().filter(|target| payload.contains_key(target));
    let mut targets: Vec<Target> =
        there.filter(|target| (asked.is_empty() || asked.contains(target)) && has_format(target)).collect();
    leave_out(product, &mut targets, asked, &wanted, listener)?;
    let mut chosen = Vec::new();
    for format in asked_for().filter(wanted) {
        match targets.iter().any(|target| door(format).is_for(*target)) {
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
fn is_meant(product: &Product, format: Format) -> bool {
    let containers = product.manifest().container.iter().map(|container| container.get_ref());
    containers.into_iter().any(|container| container.payload.keys().any(|target| door(format).is_for(*target)))
}

/// Refuses what no package can be made of; leaves a target out that was not asked for by name where its format has another one.
fn leave_out(
    product: &Product,
    targets: &mut Vec<Target>,
    asked: &[Target],
    wanted: &dyn Fn(&Format) -> bool,
    listener: &dyn Listener,
) -> Result<()> {
    for target in targets.clone() {
        for format in asked_for().filter(wanted).filter(|format| door(*format).is_for(target)) {
            let Err(error) = check(format, product, target) else { continue };
            let others = targets.iter().any(|other| door(format).is_for(*other) && *other != target);
            if asked.contains(&target) || !others {
                return Err(error.note(format!("the connector has a payload for {}", target.name())));
            }
            listener.warning(&format!("{error}"));
            targets.retain(|other| *other != target);
            break;
        }
    }
    Ok(())
}

/// Settings alone are laid over packages: what holds for those holds for them.
fn check(format: Format, product: &Product, target: Target) -> Result<()> {
    let over = || asked_for().find(|other| door(*other).overlay() == format && writer(*other).is_some());
    writer(format).or_else(|| over().and_then(writer)).map_or(Ok(()), |writer| writer.check(product, target))
}

fn without_payload(format: Format) -> String {
    format!("the connector has no payload for {}", example(format))
}

fn example(format: Format) -> &'static str {
    Target::ALL.into_iter().find(|target| door(format).is_for(*target)).map_or("its targets", Target::name)
}
