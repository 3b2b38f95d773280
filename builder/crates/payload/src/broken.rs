//! What is said of a damaged archive.

use base::error::Error;

/// The error for an archive whose structure is wrong.
pub fn broken(name: &str, why: impl Into<String>) -> Error {
    Error::new(format!("cannot read {name}: it is truncated or damaged")).note(why).help("fetch or make the archive again")
}
