//! Tar archives as DEB and `.run` need them: GNU headers (GNU tar manual, "Basic Tar Format"), owner root, one time for all.

use super::PreparedFile;
use crate::compress::Layout;
use crate::error::{Error, Result};
use crate::payload::Kind;
use tar::{EntryType, Header};

/// Tar's unit of length, in bytes.
const BLOCK: u64 = 512;

/// Adds one prepared file under the name `path` (no leading slash; the caller adds `./` where the format wants it).
///
/// # Errors
/// As [`Layout`]'s.
pub fn append(layout: &mut Layout, path: &[u8], file: &PreparedFile, mtime: i64) -> Result<()> {
    let (kind, name, link): (_, _, &[u8]) = match &file.entry.kind {
        Kind::Directory => (EntryType::Directory, [path, b"/"].concat(), b""),
        Kind::File(_) => (EntryType::Regular, path.to_vec(), b""),
        Kind::Symlink(target) => (EntryType::Symlink, path.to_vec(), target),
    };
    layout.entry(file.entry.path.as_bytes())?;
    let size = if kind == EntryType::Regular { file.len() } else { 0 };
    let mut header = header(kind, file.entry.mode, size, mtime)?;
    let long = long_name(layout, EntryType::GNULongLink, link)?;
    header.as_gnu_mut().ok_or_else(not_gnu)?.linkname[..long.len()].copy_from_slice(long);
    let long = long_name(layout, EntryType::GNULongName, &name)?;
    header.as_gnu_mut().ok_or_else(not_gnu)?.name[..long.len()].copy_from_slice(long);
    header.set_cksum();
    layout.bytes(header.as_bytes())?;
    file.add_content(layout)?;
    pad(layout, size)
}

/// Adds a file of `len` bytes that is made piece by piece (mode 0644), under a short name.
///
/// # Errors
/// As [`Layout`]'s.
pub fn append_made(layout: &mut Layout, name: &[u8], len: u64, pieces: impl Iterator<Item = Vec<u8>>, mtime: i64) -> Result<()> {
    let mut header = header(EntryType::Regular, 0o644, len, mtime)?;
    header.as_gnu_mut().ok_or_else(not_gnu)?.name[..name.len()].copy_from_slice(name);
    header.set_cksum();
    layout.bytes(header.as_bytes())?;
    for piece in pieces {
        layout.bytes(&piece)?;
    }
    pad(layout, len)
}

/// Ends the archive: two blocks of zeros.
pub fn finish(layout: &mut Layout) -> Result<()> {
    layout.bytes(&[0; 2 * BLOCK as usize])
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
fn long_name<'n>(layout: &mut Layout, kind: EntryType, name: &'n [u8]) -> Result<&'n [u8]> {
    const FIELD: usize = 100;
    if name.len() < FIELD {
        return Ok(name);
    }
    let size = name.len() as u64 + 1;
    let mut header = header(kind, 0o644, size, 0)?;
    let own = b"././@LongLink";
    header.as_gnu_mut().ok_or_else(not_gnu)?.name[..own.len()].copy_from_slice(own);
    header.set_cksum();
    layout.bytes(header.as_bytes())?;
    layout.bytes(name)?;
    layout.bytes(&[0])?;
    pad(layout, size)?;
    Ok(&name[..FIELD])
}

fn pad(layout: &mut Layout, size: u64) -> Result<()> {
    let rest = (BLOCK - size % BLOCK) % BLOCK;
    layout.bytes(&[0; BLOCK as usize][..rest as usize])
}

fn not_gnu() -> Error {
    Error::new("tar header is not a GNU one")
}
