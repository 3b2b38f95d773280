//! manifest.json of a folder that a build wrote, read back.

use super::output::MANIFEST;
use crate::error::{Error, IoContext, Result};
use crate::trust::record::Record;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes of it: thousands of packages'.
const LIMIT: u64 = 64 << 20;

/// Reads it; `help` says what to do where it is missing or of another kind.
///
/// # Errors
/// It is not there, cannot be read, or is not a build's.
pub fn read(folder: &Path, help: &str) -> Result<Record<'static>> {
    let path = folder.join(MANIFEST);
    let mut text = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(LIMIT).read_to_end(&mut text));
    read.or_cannot("read", &path).map_err(|error| error.help(help))?;
    Record::parse(&text).map_err(|wrong| Error::new(format!("{} {wrong}", path.display())).help(help))
}
