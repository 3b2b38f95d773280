//! What an MSI must know of the payload's programs.

use crate::error::Result;
use crate::format::PreparedFile;
use crate::payload::window::Blocks;
use crate::payload::{pe, Kind};

pub use crate::payload::pe::{Machine, Program};

/// Reads a file's headers and version resource; `None` for what is not a program.
///
/// # Errors
/// The content cannot be read.
pub fn read(file: &PreparedFile) -> Result<Option<Program>> {
    let Kind::File(content) = &file.entry.kind else { return Ok(None) };
    let mut blocks = Blocks::open(content)?;
    let program = pe::read(&mut blocks);
    blocks.failed.map_or(Ok(program), Err)
}

/// What a program runs on; `None` for what is no program that can be started.
///
/// # Errors
/// The content cannot be read.
pub fn machine(file: &PreparedFile) -> Result<Option<Machine>> {
    Ok(read(file)?.filter(|program| !program.library).map(|program| program.machine))
}
