//! Regular files that somebody else put there. A FIFO in the place of one would keep its reader for ever, and a device has no end.

use crate::error::{Error, IoContext, Result};
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// Opens a regular file, by way of a link if there is one, and never waits.
///
/// # Errors
/// It cannot be opened, or is no regular file.
pub fn open(path: &Path) -> Result<File> {
    // Looked at before, since opening a device may do something to it, and again behind the handle, which cannot be exchanged.
    refuse_others(path, &path.metadata().or_cannot("read", path)?)?;
    let flags = (OFlags::NONBLOCK | OFlags::CLOEXEC).bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).or_cannot("read", path)?;
    refuse_others(path, &file.metadata().or_cannot("read", path)?)?;
    Ok(file)
}

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// As [`open`]; it has more bytes.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(most + 1).read_to_end(&mut bytes).or_cannot("read", path)?;
    match bytes.len() as u64 > most {
        true => Err(Error::new(format!("{} has more than {most} bytes, which is all that is read of it", path.display()))),
        false => Ok(bytes),
    }
}

/// Whether it is a regular file itself, not by way of a link.
pub fn is_plain(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_file())
}

fn refuse_others(path: &Path, meta: &std::fs::Metadata) -> Result<()> {
    let kind = meta.file_type();
    let what = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Err(Error::new(format!("{} is {what}, and no regular file", path.display())).help("put a regular file in its place"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        rustix::fs::mknodat(rustix::fs::CWD, path("fifo"), rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0)
            .unwrap();
        std::os::unix::fs::symlink("fifo", path("link")).unwrap();
        for (name, what) in [("fifo", "a FIFO"), ("link", "a FIFO"), (".", "a folder"), ("/dev/zero", "a device")] {
            let error = open(&path(name)).unwrap_err();
            assert!(error.what().ends_with(&format!("is {what}, and no regular file")), "{error}");
        }
        std::fs::write(path("file"), "12345").unwrap();
        assert_eq!(read(&path("file"), 5).unwrap(), b"12345");
        assert!(read(&path("file"), 4).is_err());
    }
}
