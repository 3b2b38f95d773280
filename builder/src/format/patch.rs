//! Writing what is known only later: positions and fields that are filled in after what follows them.

use crate::error::{Error, Result};
use std::io::{Seek, SeekFrom, Write};

/// Where the writer is, in bytes from the start.
pub fn position<W: Seek>(out: &mut W) -> Result<u64> {
    out.stream_position().map_err(write_failed)
}

/// Overwrites bytes written before and returns to the end.
pub fn overwrite<W: Write + Seek>(out: &mut W, at: u64, bytes: &[u8]) -> Result<()> {
    let end = position(out)?;
    out.seek(SeekFrom::Start(at)).map_err(write_failed)?;
    out.write_all(bytes).map_err(write_failed)?;
    out.seek(SeekFrom::Start(end)).map_err(write_failed)?;
    Ok(())
}

/// The error of a package that cannot be written.
pub fn write_failed(error: std::io::Error) -> Error {
    Error::failed("cannot write the package", &error).help("free some space in the output folder, or choose another with -o DIR")
}
