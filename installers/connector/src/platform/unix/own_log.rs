//! The connector's own log, opened by the connector under its own account, where it runs as a service.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::files;
use crate::log;

/// The log's path, where the connector has one.
pub fn take(path: &Path) -> Option<PathBuf> {
    if !is_wanted(path) {
        return None;
    }
    let log_dir = path.parent()?;
    files::ensure_directory(log_dir, 0o755).unwrap_or_else(|e| log::line(&format!("cannot make {}: {e}", log_dir.display())));
    if let Err(error) = reopen(path) {
        log::line(&format!("cannot write {}: {error}; logging to stderr", path.display()));
    }
    Some(path.to_path_buf())
}

/// Opens the log anew: somebody may have moved the old one away. The old one stays in use where that fails.
pub fn reopen(path: &Path) -> io::Result<()> {
    files::open_log(path).map(log::use_file)
}

/// A terminal, a pipe or a file in the place of stderr was chosen by somebody, who reads there. A service has the
/// journal's socket there, or nothing; an init script may have put the log itself there.
fn is_wanted(path: &Path) -> bool {
    let stderr = match fs::metadata("/proc/self/fd/2") {
        Ok(stderr) => stderr,
        Err(_) => return true,
    };
    let kind = stderr.file_type();
    let is_null = kind.is_char_device() && fs::metadata("/dev/null").map_or(false, |null| null.rdev() == stderr.rdev());
    let is_log = fs::symlink_metadata(path).map_or(false, |log| (log.dev(), log.ino()) == (stderr.dev(), stderr.ino()));
    kind.is_socket() || is_null || is_log
}
