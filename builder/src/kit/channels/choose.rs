//! Which package of several a channel names: a kit may hold older versions, other processors, and packages of other makers.

use super::Context;
use crate::deb_version::compare;
use crate::kit::input::{Item, Kind};

/// The newest package of a kind for x86_64, no site's overlay; of the kit's own name where there is one.
pub fn newest<'a>(context: &Context<'a>, kind: Kind) -> Option<&'a Item> {
    let rank = |item: &Item| item.identity.name == context.plan.name;
    let whole = |item: &&Item| item.kind == kind && is_usual(item) && !item.is_overlay(context.items);
    let of_kind = context.items.iter().filter(whole);
    of_kind.max_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| compare(&a.identity.version, &b.identity.version)))
}

/// For the processor of most machines, or for all.
fn is_usual(item: &Item) -> bool {
    matches!(item.identity.architecture.as_str(), "amd64" | "x86_64" | "all" | "noarch")
}
