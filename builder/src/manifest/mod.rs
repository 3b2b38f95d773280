//! linkpack.toml and site files: read strictly, checked where they stand, resolved into a [`Product`].

mod check;
mod model;
mod product;
mod read;
mod site;
mod values;

pub use model::{ContainerTable, Inject, Manifest, SourceSpec, SourceTable, Target, Watchdog};
pub use product::Product;
pub use read::{load, load_site, parse, schema};
pub use site::Site;
pub use values::{Command, LinuxRoot, Name, Span, Version};
