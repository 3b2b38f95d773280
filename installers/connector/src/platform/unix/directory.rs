//! A directory held open: what is done to a name in it cannot be led elsewhere by whoever may write above or in it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::io::{AsRawFd, RawFd};
use std::path::{Path, PathBuf};

use super::sys;

pub struct Directory(File);

impl Directory {
    /// Opens a directory of the connector's layout, whose path is root's to choose, links in it too.
    pub fn open(path: &Path) -> io::Result<Directory> {
        Directory::opened(path, 0)
    }

    /// Opens a directory in this one. A link is refused.
    pub fn enter(&self, name: &Path) -> io::Result<Directory> {
        Directory::opened(&self.at(name), sys::O_NOFOLLOW)
    }

    fn opened(path: &Path, flags: i32) -> io::Result<Directory> {
        OpenOptions::new().read(true).custom_flags(sys::O_DIRECTORY | flags).open(path).map(Directory)
    }

    /// The directory of a file, and the file's name in it.
    pub fn of(path: &Path) -> io::Result<(Directory, &Path)> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => Ok((Directory::open(parent)?, Path::new(name))),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// A path that leads to this very directory's entry, wherever the directory is by now.
    pub fn at(&self, name: &Path) -> PathBuf {
        Path::new("/proc/self/fd").join(self.fd().to_string()).join(name)
    }

    /// User and group.
    pub fn owner(&self) -> io::Result<(u32, u32)> {
        self.0.metadata().map(|found| (found.uid(), found.gid()))
    }

    pub fn give(&self, (user, group): (u32, u32)) -> io::Result<()> {
        sys::change_owner(self.fd(), user, group)
    }

    pub fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Opens a file that must be a plain one. Links are not followed, and a FIFO does not hold up the connector.
pub fn open_plain(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // A device would act when it is opened.
    plain(&std::fs::symlink_metadata(path)?)?;
    let file = options.custom_flags(sys::O_NOFOLLOW | sys::NONBLOCK).open(path)?;
    plain(&file.metadata()?)?;
    Ok(file)
}

fn plain(found: &std::fs::Metadata) -> io::Result<()> {
    match found.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::Other, "not a regular file")),
    }
}

/// Refuses a file with a second name: it may be somebody else's file.
pub fn refuse_second_name(file: &File) -> io::Result<()> {
    match file.metadata()?.nlink() {
        0 | 1 => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::Other, "the file has a second name (hard link)")),
    }
}
