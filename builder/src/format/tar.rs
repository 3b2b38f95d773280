//! Tar archives as DEB and `.run` need them: GNU headers (GNU tar manual, "Basic Tar Format"), owner root.

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
pub fn append(layout: &mut Layout, path: &[u8], file: &PreparedFile) -> Result<()> {
    let (kind, name, link): (_, _, &[u8]) = match &file.entry.kind {
        Kind::Directory => (EntryType::Directory, [path, b"/"].concat(), b""),
        Kind::File(_) => (EntryType::Regular, path.to_vec(), b""),
        Kind::Symlink(target) => (EntryType::Symlink, path.to_vec(), target),
    };
    layout.entry(file.entry.path.as_bytes())?;
    let size = if kind == EntryType::Regular { file.len() } else { 0 };
    let mut header = header(kind, file.entry.mode, size, file.entry.mtime)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::{CacheChoice, Codec, Store};
    use crate::format::{hashing, prepare};
    use crate::listener::Silent;
    use crate::payload::{Content, Entry, Tree, TreePath};
    use std::fs::File;
    use std::process::Command;

    fn entry(name: &str, len: u64) -> Entry {
        let kind = Kind::File(Content::memory(vec![0; len as usize]));
        Entry { path: TreePath::new(name.as_bytes()).unwrap(), kind, mode: 0o644, config: false, mtime: 0 }
    }

    #[test]
    fn gnu_tar_reads_a_file_above_8_gib_and_what_follows_it() {
        // Where the octal digits of a header's size end; one unit over and over, since it takes a minute to read as much.
        const UNIT: u64 = (4 << 20) - 1;
        const TIMES: u64 = (8 << 30) / UNIT + 1;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(CacheChoice::Temporary(folder.path().to_path_buf()), 2).unwrap();
        let tree = Tree::new(vec![entry("huge", UNIT), entry("next", 1)]).unwrap();
        let mut files = prepare(tree, Codec::Zstd, &store, &Silent).unwrap();
        files[0] = files[0].clone().repeated(TIMES as usize);
        let mut layout = Layout::new(&store, Codec::Zstd);
        for file in &files {
            append(&mut layout, file.entry.path.as_bytes(), file).unwrap();
        }
        finish(&mut layout).unwrap();
        let archive = folder.path().join("archive.tar.zst");
        hashing::copy(&layout.finish().unwrap(), &mut File::create(&archive).unwrap()).unwrap();
        let mut list = Command::new("tar");
        let said = list.args(["--utc", "--zstd", "-tvf"]).arg(&archive).output().expect("apt-get install tar zstd");
        let listed = String::from_utf8_lossy(&said.stdout);
        let listed: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
        let size = (UNIT * TIMES).to_string();
        let line = |len, name| vec!["-rw-r--r--", "root/root", len, "1970-01-01", "00:00", name];
        assert_eq!(listed, [line(&size, "huge"), line("1", "next")], "{said:?}");
    }
}
