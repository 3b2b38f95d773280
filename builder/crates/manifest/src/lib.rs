//! linkpack.toml and site files: read strictly, checked where they stand, resolved into a [`Product`].

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod answers;
mod check;
#[cfg(test)]
mod documented;
mod explain;
mod fault;
mod format;
mod given;
mod linux_root;
mod model;
mod names;
pub mod place;
mod placeholder;
mod product;
mod read;
pub mod relation;
mod repair;
mod rich;
mod settings;
mod shape;
mod site;
mod source;
mod span;
mod syntax;
mod system;
mod systems;
mod target;
mod text;
mod values;
mod windows;

pub use format::Format;
pub use given::{Given, Setting};
pub use linux_root::LinuxRoot;
pub use model::{ContainerTable, DebPriority, Inject, LintTable, Manifest, Target, Watchdog};
pub use product::Product;
pub use read::{load, load_lint, load_site, parse, schema, site_schema};
pub use site::Site;
pub use source::{glob, Pattern, SourceSpec, SourceTable};
pub use span::Span;
pub use systems::{Installer, System};
pub use values::{is_contact, Command, Name, RelativePath, Version};
pub use windows::{proposed_upgrade_code, ConnectorWindows, UpgradeCode, WindowsRoot};
