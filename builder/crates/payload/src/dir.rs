//! A directory as a source: its files stay where they are and are not read, only stamped.

use super::content::{changed, Folder};
use super::gather::{Found, FoundKind};
use super::left_out::LeftOut;
use super::{extended, Content};
use base::error::{Error, Result};
use base::interrupt;
use rustix::fs::{Access, AtFlags, CWD};
use std::fs::{DirEntry, Metadata};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

/// Lists everything below `root` that is not excluded; links are listed, never followed.
///
/// # Errors
/// A folder that cannot be listed, or an entry that vanished meanwhile. A file that cannot be read is listed as refused.
pub(super) fn read(root: &Path, left_out: &LeftOut) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut folders: Vec<(Arc<Folder>, Vec<u8>)> = vec![(Folder::new(root), Vec::new())];
    while let Some((shared, prefix)) = folders.pop() {
        let folder = shared.path();
        let entries = std::fs::read_dir(&folder).map_err(|error| unreadable(&folder, &error))?;
        for entry in entries {
            interrupt::check()?;
            let entry = entry.map_err(|error| unreadable(&folder, &error))?;
            let mut name = prefix.clone();
            name.extend_from_slice(entry.file_name().as_bytes());
            if left_out.skips(&name, &folder, &entry) {
                continue;
            }
            let meta = entry.metadata().map_err(|error| unreadable(&entry.path(), &error))?;
            let kind = kind(&entry, &shared, &meta)?;
            if matches!(kind, FoundKind::Directory) {
                let mut prefix = name.clone();
                prefix.push(b'/');
                folders.push((shared.inside(&entry.file_name()), prefix));
            }
            let extended = if meta.is_symlink() { None } else { extended::of_file(&entry.path()) };
            found.push(Found { name, kind, mode: meta.mode(), mtime: meta.mtime(), config: false, extended });
        }
    }
    Ok(found)
}

fn kind(entry: &DirEntry, folder: &Arc<Folder>, meta: &Metadata) -> Result<FoundKind> {
    let kind = meta.file_type();
    let refused = |what: &str| Ok(FoundKind::Refused(what.into()));
    if kind.is_dir() {
        Ok(FoundKind::Directory)
    } else if kind.is_file() {
        let path = entry.path();
        match rustix::fs::accessat(CWD, &path, Access::READ_OK, AtFlags::EACCESS) {
            Ok(()) => Ok(FoundKind::File(Content::in_folder(folder, entry.file_name(), meta))),
            Err(error) => Ok(FoundKind::Refused(format!("a file that cannot be read: {}", std::io::Error::from(error)))),
        }
    } else if kind.is_symlink() {
        let path = entry.path();
        let target = std::fs::read_link(&path).map_err(|error| unreadable(&path, &error))?;
        Ok(FoundKind::Symlink(target.as_os_str().as_bytes().to_vec()))
    } else if kind.is_fifo() {
        refused("a named pipe")
    } else if kind.is_socket() {
        refused("a socket")
    } else {
        refused("a device node")
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => changed(path),
        _ => Error::io("read", path, error).help("make it readable, or leave it out: exclude = [...] in the manifest"),
    }
}
