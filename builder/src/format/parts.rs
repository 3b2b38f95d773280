//! The connector and the containers of a target: where they lie, and the packages that they came from.

use crate::manifest::{Product, Target};
use crate::payload::PackageFacts;

/// The package that a payload came from.
pub struct Origin {
    /// "connector", or the container's name.
    pub role: String,
    /// What it says of itself.
    pub package: PackageFacts,
}

/// The connector's name among a build's inputs, and its folder.
pub const CONNECTOR: &str = "connector";

/// The folders of the connector and the containers relative to the root, each with a slash at its end.
pub fn folders(product: &Product, target: Target) -> Vec<String> {
    let names = product.names();
    let containers =
        product.containers(target).map(|(container, _)| format!("{}/{}/", names.get("containers-folder"), container.name));
    std::iter::once(format!("{}/", names.get("connector-folder"))).chain(containers).collect()
}
