//! Files that are read and replaced whole, and what a container is given. Where the connector is root, names in folders
//! of other accounts are traps: they are looked up in a folder held open, and links are not followed.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{symlink, DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::io::AsRawFd;
use std::path::{Path, PathBuf};

use super::directory::{open_plain, refuse_second_name, Directory};
use super::sys;
use crate::platform::MAX_SETTINGS_BYTES;

/// How deep a working directory may be for what lies in it to change its owner.
const DEEPEST: usize = 32;

/// Reads csclient.cfg.
pub fn read_settings(path: &Path) -> io::Result<Vec<u8>> {
    let (directory, name) = Directory::of(path)?;
    let file = open_plain(&directory.at(name), OpenOptions::new().read(true))?;
    let (me, owner) = (sys::effective_user(), directory.owner()?.0);
    if me == 0 && owner != 0 {
        // The account may have given a name in its folder to a file that only root may read.
        refuse_second_name(&file)?;
    }
    let mut bytes = Vec::new();
    file.take(MAX_SETTINGS_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SETTINGS_BYTES {
        return Err(io::Error::new(io::ErrorKind::Other, "larger than 1 MiB"));
    }
    Ok(bytes)
}

/// Replaces a file that only its owner may read, durably.
pub fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    DirBuilder::new().recursive(true).mode(0o755).create(directory)?;
    replace(path, bytes, 0o600, true)
}

/// Replaces a file that everybody may read. Not durable: it means nothing after a reboot.
pub fn replace_public(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, 0o644, false)
}

fn replace(path: &Path, bytes: &[u8], mode: u32, durable: bool) -> io::Result<()> {
    let (directory, name) = Directory::of(path)?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.tmp", std::process::id()));
    let (temporary, target) = (directory.at(Path::new(&temporary)), directory.at(name));
    let _ = fs::remove_file(&temporary);
    let owner = owner_of_new(&directory, &target)?;
    let written = fill(&temporary, owner, bytes, mode, durable).and_then(|()| fs::rename(&temporary, &target));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written?;
    if durable {
        directory.sync()?;
    }
    Ok(())
}

/// Written by root, a file stays its owner's; in another account's folder, where a name says nothing of who made
/// the file, it is that account's.
fn owner_of_new(directory: &Directory, target: &Path) -> io::Result<(u32, u32)> {
    let owner = directory.owner()?;
    let old = fs::symlink_metadata(target).ok().filter(|old| old.is_file() && owner.0 == 0);
    Ok(old.map_or(owner, |old| (old.uid(), old.gid())))
}

fn fill(temporary: &Path, owner: (u32, u32), bytes: &[u8], mode: u32, durable: bool) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(temporary)?;
    if sys::effective_user() == 0 {
        let _ = sys::change_owner(file.as_raw_fd(), owner.0, owner.1);
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

/// A container's working directory, made where there is none. `owner` is whom the container runs under; where the
/// connector is root and the directory was another's, what that one made there changes hands as well.
pub fn ensure_work(path: &Path, owner: (u32, u32)) -> io::Result<Directory> {
    let (parent, name) = Directory::of(path)?;
    match DirBuilder::new().mode(0o750).create(parent.at(name)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if !fs::symlink_metadata(parent.at(name))?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::Other, "not a directory"));
    }
    let work = parent.enter(name)?;
    let before = work.owner()?.0;
    if sys::effective_user() == 0 && before != owner.0 {
        hand_over(&work, before, owner, DEEPEST)?;
    }
    Ok(work)
}

/// The directory itself comes last: until then this is done again at the next start.
fn hand_over(directory: &Directory, from: u32, to: (u32, u32), deepest: usize) -> io::Result<()> {
    for entry in fs::read_dir(directory.at(Path::new(".")))? {
        let name = PathBuf::from(entry?.file_name());
        let path = directory.at(&name);
        let kind = match fs::symlink_metadata(&path) {
            Ok(found) if found.uid() == from => found.file_type(),
            _ => continue,
        };
        if kind.is_dir() && deepest > 0 {
            hand_over(&directory.enter(&name)?, from, to, deepest - 1)?;
        } else if kind.is_file() {
            let file = open_plain(&path, OpenOptions::new().read(true))?;
            // A second name could be one that root relies on elsewhere.
            if file.metadata()?.uid() == from && refuse_second_name(&file).is_ok() {
                sys::change_owner(file.as_raw_fd(), to.0, to.1)?;
            }
        }
    }
    match directory.owner()?.0 {
        owner if owner == from => directory.give(to),
        _ => Ok(()),
    }
}

/// Opens a log for appending: a plain file with one name. It is made where there is none and the folder allows it.
pub fn open_log(path: &Path) -> io::Result<File> {
    let (directory, name) = Directory::of(path)?;
    let path = directory.at(name);
    let mut options = OpenOptions::new();
    options.append(true).mode(0o640);
    let file = match open_plain(&path, &mut options) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create_log(&path, &mut options)?,
        other => other?,
    };
    refuse_second_name(&file)?;
    Ok(file)
}

/// Makes a log that is not there.
pub fn create_log(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.create_new(true).custom_flags(sys::O_NOFOLLOW | sys::NONBLOCK).open(path)
}

/// A path for LD_PRELOAD, whose syntax has no way to write spaces and colons: where the library's path has any, a
/// link in the run directory.
pub fn preloadable(library: &Path, run_dir: &Path, name: &str) -> Result<PathBuf, String> {
    if is_preloadable(library) {
        return Ok(library.to_path_buf());
    }
    let name = PathBuf::from(format!("{name}.so"));
    let link = run_dir.join(PRELOAD).join(&name);
    if !is_preloadable(&link) {
        return Err(format!("the dynamic loader can preload neither {} nor {}", library.display(), link.display()));
    }
    let made = preload_directory(run_dir).and_then(|directory| {
        let _ = fs::remove_file(directory.at(&name));
        symlink(library, directory.at(&name))
    });
    made.map_err(|error| format!("cannot make {}: {error}", link.display()))?;
    Ok(link)
}

const PRELOAD: &str = "preload";

/// Who may write here chooses what containers load.
fn preload_directory(run_dir: &Path) -> io::Result<Directory> {
    let run = Directory::open(run_dir)?;
    match DirBuilder::new().mode(0o755).create(run.at(Path::new(PRELOAD))) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let directory = run.enter(Path::new(PRELOAD))?;
    match (directory.owner()?.0, run.owner()?.0) {
        (made_by, above) if made_by == sys::effective_user() && (above == made_by || above == 0) => Ok(directory),
        _ => Err(io::Error::new(io::ErrorKind::PermissionDenied, "the folder is another account's")),
    }
}

/// Removes what was made in the run directory but for the lock.
pub fn clean(run_dir: &Path) {
    if let Ok(run) = Directory::open(run_dir) {
        // Neither follows links.
        let _ = fs::remove_dir_all(run.at(Path::new(PRELOAD)));
        let _ = fs::remove_file(run.at(Path::new("status")));
    }
}

fn is_preloadable(path: &Path) -> bool {
    path.to_str().map_or(false, |text| !text.contains(|c: char| c == ':' || c == '$' || c.is_whitespace()))
}
