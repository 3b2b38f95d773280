//! Rules on MSIs. Numbers such as ICE30 name Microsoft's internal consistency evaluators, whose own run needs Windows.

mod actions;
mod category;
mod cells;
mod components;
pub mod condition;
mod dialogs;
mod files;
mod folders;
mod identity;
mod order;
pub(super) mod previous;
mod scope;
mod secrets;
mod service;

use super::{Findings, Place};
use crate::msi::Msi;

/// All rules, one after the other.
pub(super) fn check(msi: &Msi, findings: &mut Findings) {
    for damage in &msi.damage {
        findings.error("damaged", Place::part(&damage.part), damage.what.clone(), "build the package again, or fetch it again");
    }
    let checks: [fn(&Msi, &mut Findings); 11] = [
        cells::check,
        files::check,
        folders::check,
        components::check,
        identity::check,
        order::check,
        actions::check,
        scope::check,
        dialogs::check,
        service::check,
        secrets::check,
    ];
    for check in checks {
        check(msi, findings);
    }
}
