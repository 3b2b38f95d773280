//! What an MSI must know of the payload's programs.

use crate::error::Result;
use crate::format::PreparedFile;
use crate::payload::pe::{self, Headers};
use crate::payload::{Content, Kind};

pub use crate::payload::pe::{Machine, Program};

/// Reads a file's headers and version resource; `None` for what is not a program.
///
/// # Errors
/// The content cannot be read.
pub fn read(file: &PreparedFile) -> Result<Option<Program>> {
    let Kind::File(content) = &file.entry.kind else { return Ok(None) };
    let bytes = part(content, 0, pe::HEADERS)?;
    let Some(Headers { machine, library, resources }) = pe::headers(&bytes) else { return Ok(None) };
    let version = match resources {
        Some(section) => {
            let bytes = part(content, section.at, section.len.min(pe::RESOURCES))?;
            pe::version(&bytes, section.address)
        }
        None => None,
    };
    Ok(Some(Program { machine, library, version }))
}

/// What a program runs on; `None` for what is no program that can be started.
///
/// # Errors
/// The content cannot be read.
pub fn machine(file: &PreparedFile) -> Result<Option<Machine>> {
    Ok(read(file)?.filter(|program| !program.library).map(|program| program.machine))
}

/// Reads `len` bytes from `at`, fewer where the content ends.
fn part(content: &Content, at: u64, len: usize) -> Result<Vec<u8>> {
    let mut reader = content.open()?;
    reader.skip(at)?;
    let mut bytes = vec![0; len];
    let mut filled = 0;
    loop {
        let count = reader.read_block(&mut bytes[filled..])?;
        filled += count;
        if count == 0 || filled == len {
            break;
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
