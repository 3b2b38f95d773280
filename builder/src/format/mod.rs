//! The package formats: each turns prepared files and a package's facts into one file, written to a writer it is given.

mod prepared;
pub mod rpm;

pub use prepared::{prepare, Digests, PreparedFile};
