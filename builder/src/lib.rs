//! linkpack: DEB, RPM and self-extracting packages of a connector and its containers, from one manifest.

pub mod build;
pub mod cli;
pub mod compress;
mod deb_version;
pub mod endpoint;
pub mod error;
pub mod format;

pub mod inspect;
pub mod interrupt;
pub mod kit;
pub mod listener;
mod lists;
pub mod manifest;
pub mod memory;
mod msi_schema;
pub mod payload;
pub mod rules;
pub mod trust;
mod workdir;

pub use error::{Error, Result};
