//! The digest of a source before it is read for a build: whether two plans are about the same content.

use crate::error::{IoContext, Result};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// BLAKE3, hexadecimal, of a file, or of all paths, modes, links and contents in a folder; with their times where they end up in packages.
/// What lies in `own` does not count.
pub fn digest(source: &Path, times: bool, own: &[PathBuf]) -> Result<String> {
    let mut digest = blake3::Hasher::new();
    add(&mut digest, source, source, times, own)?;
    Ok(digest.finalize().to_hex().to_string())
}

fn add(digest: &mut blake3::Hasher, top: &Path, path: &Path, times: bool, own: &[PathBuf]) -> Result<()> {
    crate::interrupt::check()?;
    // What the manifest names may be a link to what it means.
    let meta = if path == top { fs::metadata(path) } else { fs::symlink_metadata(path) }.or_cannot("read", path)?;
    let name = path.strip_prefix(top).unwrap_or(path).as_os_str().as_bytes();
    digest.update(&(name.len() as u64).to_le_bytes()).update(name).update(&meta.mode().to_le_bytes());
    if times && !meta.is_dir() {
        digest.update(&meta.mtime().to_le_bytes());
    }
    if meta.is_symlink() {
        digest.update(fs::read_link(path).or_cannot("read", path)?.as_os_str().as_bytes());
    } else if meta.is_file() {
        let mut content = blake3::Hasher::new();
        content.update_reader(File::open(path).or_cannot("read", path)?).or_cannot("read", path)?;
        digest.update(content.finalize().as_bytes());
    } else if meta.is_dir() {
        let entries = fs::read_dir(path).or_cannot("read", path)?;
        let mut entries: Vec<PathBuf> =
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().or_cannot("read", path)?;
        entries.sort();
        for entry in entries.iter().filter(|entry| !own.contains(entry) && entry.file_name().is_some_and(|name| name != ".git")) {
            add(digest, top, entry, times, own)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_mode_and_byte_counts_and_the_own_folders_do_not() {
        use std::os::unix::fs::{symlink, PermissionsExt};
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let own = [path("plan")];
        let mut seen = std::collections::BTreeSet::new();
        let mut is_new = || seen.insert(digest(folder.path(), false, &own).unwrap());
        assert!(is_new());
        fs::create_dir(path("a")).unwrap();
        assert!(is_new());
        fs::write(path("a/b"), "1").unwrap();
        assert!(is_new());
        fs::write(path("a/b"), "2").unwrap();
        assert!(is_new());
        fs::set_permissions(path("a/b"), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(is_new());
        symlink("b", path("a/c")).unwrap();
        assert!(is_new());
        fs::create_dir(path("plan")).unwrap();
        fs::write(path("plan/x"), "1").unwrap();
        assert!(!is_new());
        let with_times = digest(folder.path(), true, &own).unwrap();
        File::open(path("a/b")).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        assert!(!is_new());
        assert_ne!(with_times, digest(folder.path(), true, &own).unwrap());
    }
}
