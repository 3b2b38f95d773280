//! linkpack: DEB, RPM and self-extracting packages of a connector and its containers, from one manifest.

pub mod error;
pub mod interrupt;
pub mod listener;
pub mod payload;

pub use error::{Error, Result};
