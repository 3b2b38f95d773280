//! The package formats: each turns prepared files and a package's facts into one file, written to a writer it is given.

pub mod deb;
mod hashing;
pub mod msi;
mod patch;
mod prepared;
pub mod rpm;
pub mod run;
pub mod site;
mod tar;

pub use prepared::{prepare, unread, Digests, PreparedFile};
