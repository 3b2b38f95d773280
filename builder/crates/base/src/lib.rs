//! What every part of linkpack knows and none of them owns.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod deb_version;
pub mod error;
pub mod http;
pub mod interrupt;
pub mod listener;
pub mod lists;
pub mod new_file;
pub mod regular;
pub mod run_layout;
pub mod workdir;

pub use error::{Error, Result};
