//! linkpack: DEB, RPM and self-extracting packages of a connector and its containers, from one manifest.
//!
//! What lies below the formats is crates of its own (`builder/crates`), so that the compiler keeps imports going down.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod build;
#[allow(clippy::print_stdout, clippy::print_stderr)]
pub mod cli;
pub mod endpoint;
pub mod format;
pub mod kit;
pub mod memory;

pub use base::{deb_version, error, interrupt, listener, lists, new_file, regular, workdir, Error, Result};
pub use {compress, inspect, lint_rules as rules, manifest, payload, trust};
