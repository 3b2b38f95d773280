//! Files whose place the user named.

use crate::error::{Error, IoContext, Result};
use std::fs::{FileType, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

/// Whether a new file may get this name: nothing has it, or a file or a link has, whose place it takes.
///
/// # Errors
/// A folder has it, or a device, FIFO or socket, which would be gone: as root `/dev/null` as well.
pub fn replaceable(path: &Path) -> Result<()> {
    match path.symlink_metadata().map(|meta| meta.file_type()) {
        Ok(kind) if kind.is_dir() => Err(Error::new(format!("cannot write {}: there is a folder of that name", path.display()))),
        Ok(kind) if takes_bytes(kind) => Err(Error::new(format!("cannot write {}: it is no regular file", path.display()))
            .help("name a file, which is made or replaced")),
        _ => Ok(()),
    }
}

/// Writes a file whole or not at all, on the disk when it returns; a link in its place is replaced and not followed. What takes bytes as
/// they come (`/dev/stdout`, a FIFO) is given them.
///
/// # Errors
/// It cannot be written; there is a folder of that name.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if path.metadata().is_ok_and(|meta| takes_bytes(meta.file_type())) {
        return OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(bytes)).or_cannot("write", path);
    }
    replaceable(path)?;
    let folder = folder(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".linkpack-partial-").permissions(Permissions::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).or_cannot("write to", folder)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).or_cannot("write", path)?;
    file.persist(path).map(drop).map_err(|error| Error::io("create", path, &error.error))
}

/// The folder that a path lies in.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn takes_bytes(kind: FileType) -> bool {
    kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_is_replaced_a_link_is_not_followed_and_nothing_else_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("other"), "kept").unwrap();
        std::os::unix::fs::symlink("other", path("link")).unwrap();
        for name in ["new", "new", "link"] {
            write(&path(name), b"text").unwrap();
            assert_eq!(fs::read(path(name)).unwrap(), b"text");
        }
        assert_eq!(fs::read(path("other")).unwrap(), b"kept");
        write(Path::new("/dev/null"), b"text").unwrap();
        assert!(replaceable(Path::new("/dev/null")).unwrap_err().what().ends_with("it is no regular file"));
        assert!(write(folder.path(), b"text").unwrap_err().what().ends_with("a folder of that name"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
