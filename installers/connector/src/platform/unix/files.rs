//! Files that are replaced whole, and the files that a connector holds while it runs.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{symlink, DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::io::AsRawFd;
use std::path::{Path, PathBuf};

use super::sys;

/// Replaces a file that only its owner may read, durably. An existing file's owner stays.
pub fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(directory)?;
    replace(path, bytes, 0o600, true)
}

/// Replaces a file that everybody may read. Not durable: it means nothing after a reboot.
pub fn replace_public(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, 0o644, false)
}

fn replace(path: &Path, bytes: &[u8], mode: u32, durable: bool) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = directory.join(temporary);
    let _ = fs::remove_file(&temporary);
    let written =
        fill(&temporary, path, bytes, mode, durable).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written?;
    if durable {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

fn fill(temporary: &Path, path: &Path, bytes: &[u8], mode: u32, durable: bool) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(temporary)?;
    if let Ok(old) = fs::symlink_metadata(path) {
        let new = file.metadata()?;
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            // Started by hand as root, the file must stay readable for the run-as account.
            let _ = sys::change_owner(file.as_raw_fd(), old.uid(), old.gid());
        }
    }
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    if durable {
        file.sync_all()?;
    }
    Ok(())
}

/// Makes a directory with exactly this mode where there is none.
pub fn ensure_directory(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(mode).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// A container's working directory. A link in its place is refused: the connector may be root.
pub fn ensure_work(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o750).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::symlink_metadata(path)?.is_dir() {
                Ok(())
            } else {
                Err(io::Error::new(io::ErrorKind::Other, "not a directory"))
            }
        }
        other => other,
    }
}

/// Opens a container's log for appending. Links are refused, and a FIFO does not hold up the connector.
pub fn open_log(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .append(true)
        .create(true)
        .mode(0o640)
        .custom_flags(sys::O_NOFOLLOW | sys::NONBLOCK);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::Other, "not a regular file"));
    }
    Ok(file)
}

/// A path for LD_PRELOAD, whose syntax has no way to write spaces and colons: where the library's path has any, a
/// link in the run directory.
pub fn preloadable(library: &Path, run_dir: &Path, name: &str) -> Result<PathBuf, String> {
    if is_preloadable(library) {
        return Ok(library.to_path_buf());
    }
    let directory = run_dir.join("preload");
    let link = directory.join(format!("{name}.so"));
    if !is_preloadable(&link) {
        return Err(format!(
            "the dynamic loader can preload neither {} nor {}",
            library.display(),
            link.display()
        ));
    }
    let made = ensure_directory(&directory, 0o755).and_then(|()| {
        let _ = fs::remove_file(&link);
        symlink(library, &link)
    });
    made.map_err(|error| format!("cannot make {}: {error}", link.display()))?;
    Ok(link)
}

fn is_preloadable(path: &Path) -> bool {
    path.to_str().map_or(false, |text| {
        !text.contains(|c: char| c == ':' || c == '$' || c.is_whitespace())
    })
}

/// The pid file, locked for as long as this lives.
pub struct Claim {
    path: PathBuf,
    _file: File,
}

impl Claim {
    /// Claims the run directory for this process. The error is one sentence.
    pub fn take(path: &Path) -> Result<Claim, String> {
        let cannot = |error: io::Error| format!("cannot write {}: {error}", path.display());
        loop {
            let mut options = OpenOptions::new();
            options
                .read(true)
                .write(true)
                .create(true)
                .mode(0o644)
                .custom_flags(sys::O_NOFOLLOW);
            let mut file = options.open(path).map_err(cannot)?;
            if !sys::lock(file.as_raw_fd()).map_err(cannot)? {
                let holder = fs::read_to_string(path).unwrap_or_default();
                return Err(format!(
                    "another connector runs already (pid {}); {} is locked",
                    holder.trim(),
                    path.display()
                ));
            }
            // The one before may have removed the file between our opening and locking it.
            let (held, named) = (file.metadata().map_err(cannot)?, fs::symlink_metadata(path));
            if named.map_or(true, |named| {
                (named.dev(), named.ino()) != (held.dev(), held.ino())
            }) {
                continue;
            }
            file.set_len(0).map_err(cannot)?;
            file.write_all(format!("{}\n", std::process::id()).as_bytes())
                .map_err(cannot)?;
            return Ok(Claim {
                path: path.to_path_buf(),
                _file: file,
            });
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
