//! What linkpack itself puts into an MSI beside the payload.

use crate::payload::TreePath;
use contract::names::FILE as NAMES_FILE;

/// The administrator's program, and where the event log finds the texts of the connector's events.
pub const LINKCTL: &[u8] = b"bin/linkctl.exe";
/// The arguments of the connector's own try to reach the core server, one a line.
pub const CORE_CHECK: &str = "bin/core-check";
/// What is made for one product, in each package anew.
pub const OWN: [&str; 5] = [CORE_CHECK, "bin/csclient.default", "bin/linkctl.exe", NAMES_FILE, "bin/seal.paths"];

/// Whether a file is one of these, in whatever root.
pub fn is_own(path: &TreePath) -> bool {
    let path = path.display().to_string();
    OWN.iter().any(|own| path.strip_suffix(own).is_some_and(|root| root.is_empty() || root.ends_with('/')))
}
