//! Tar archives as DEB and `.run` need them: GNU headers (GNU tar manual, "Basic Tar Format"), owner root, one time for all.

use super::PreparedFile;
use crate::compress::StreamWriter;
use crate::error::{Error, Result};
use crate::payload::Kind;
use std::io::Write;
use tar::{EntryType, Header};

/// Tar's unit of length, in bytes.
const BLOCK: u64 = 512;

/// Adds one prepared file under the name `path` (no leading slash; the caller adds `./` where the format wants it).
///
/// # Errors
/// As [`StreamWriter`]'s.
pub fn append<W: Write>(stream: &mut StreamWriter<W>, path: &[u8], file: &PreparedFile, mtime: i64) -> Result<()> {
    let (kind, name, link): (_, _, &[u8]) = match &file.entry.kind {
        Kind::Directory => (EntryType::Directory, [path, b"/"].concat(), b""),
        Kind::File(_) => (EntryType::Regular, path.to_vec(), b""),
        Kind::Symlink(target) => (EntryType::Symlink, path.to_vec(), target),
    };
    let size = if kind == EntryType::Regular { file.len() } else { 0 };
    let mut header = header(kind, file.entry.mode, size, mtime)?;
    let long = long_name(stream, EntryType::GNULongLink, link)?;
    header.as_gnu_mut().ok_or_else(not_gnu)?.linkname[..long.len()].copy_from_slice(long);
    let long = long_name(stream, EntryType::GNULongName, &name)?;
    header.as_gnu_mut().ok_or_else(not_gnu)?.name[..long.len()].copy_from_slice(long);
    header.set_cksum();
    stream.glue(header.as_bytes())?;
    file.write_content(stream)?;
    pad(stream, size)
}

/// Ends the archive: two blocks of zeros.
pub fn finish<W: Write>(stream: &mut StreamWriter<W>) -> Result<()> {
    stream.glue(&[0; 2 * BLOCK as usize])
}

fn header(kind: EntryType, mode: u32, size: u64, mtime: i64) -> Result<Header> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header.set_mtime(mtime.max(0) as u64);
    let named = header.set_username("root").and_then(|()| header.set_groupname("root"));
    named.map_err(|error| Error::new(format!("tar header: {error}")))?;
    Ok(header)
}

/// Gives the part of a name that fits the header's 100 bytes; a longer name goes into an entry of its own first.
fn long_name<'n, W: Write>(stream: &mut StreamWriter<W>, kind: EntryType, name: &'n [u8]) -> Result<&'n [u8]> {
    const FIELD: usize = 100;
    if name.len() < FIELD {
        return Ok(name);
    }
    let size = name.len() as u64 + 1;
    let mut header = header(kind, 0o644, size, 0)?;
    let own = b"././@LongLink";
    header.as_gnu_mut().ok_or_else(not_gnu)?.name[..own.len()].copy_from_slice(own);
    header.set_cksum();
    stream.glue(header.as_bytes())?;
    stream.glue(name)?;
    stream.glue(&[0])?;
    pad(stream, size)?;
    Ok(&name[..FIELD])
}

fn pad<W: Write>(stream: &mut StreamWriter<W>, size: u64) -> Result<()> {
    let rest = (BLOCK - size % BLOCK) % BLOCK;
    stream.glue(&[0; BLOCK as usize][..rest as usize])
}

fn not_gnu() -> Error {
    Error::new("tar header is not a GNU one")
}
