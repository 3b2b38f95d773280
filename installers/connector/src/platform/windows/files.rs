//! Files that are replaced whole, and the files that a connector holds while it runs.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::windows::fs::{MetadataExt, OpenOptionsExt};
use std::os::windows::io::FromRawHandle;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::registration::text_value;
use super::security::{self, Private};
use crate::platform::MAX_SETTINGS_BYTES;
use contract::names::Names;
use winsys::*;

const GENERIC_WRITE: DWORD = 0x4000_0000;
const CREATE_NEW: DWORD = 1;
const INVALID_HANDLE_VALUE: HANDLE = -1_isize as HANDLE;
const MOVEFILE_REPLACE_EXISTING: DWORD = 1;
const MOVEFILE_WRITE_THROUGH: DWORD = 8;
const FILE_SHARE_READ: DWORD = 1;
/// A log this large gives way to a new one at the next start of who writes it; one old one is kept.
const MAX_LOG: u64 = 16 << 20;

/// Where process number and status go, and where the logs go.
pub fn places(names: &Names) -> [String; 2] {
    ["run", "logs"].map(|folder| format!("{}\\{folder}", names.place("runtime")))
}

/// The same as paths.
pub fn default_directories(names: &Names) -> (PathBuf, PathBuf) {
    let data = program_data().to_string_lossy().into_owned();
    let [run_dir, log_dir] = places(names).map(|place| PathBuf::from(place.replace("%ProgramData%", &data)));
    (run_dir, log_dir)
}

/// By the system's own word: an environment is whoever's.
pub fn program_data() -> PathBuf {
    const PROFILES: &str = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList";
    text_value(PROFILES, "ProgramData").map_or_else(|| PathBuf::from("C:\\ProgramData"), PathBuf::from)
}

/// Reads csclient.cfg, which lies where SYSTEM and the administrators alone may write.
pub fn read_settings(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_SETTINGS_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SETTINGS_BYTES {
        return Err(io::Error::new(io::ErrorKind::Other, "larger than 1 MiB"));
    }
    Ok(bytes)
}

/// Replaces a file that SYSTEM and the administrators alone may read, durably.
pub fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    if !directory.exists() {
        make_private(directory)?;
    }
    let temporary = temporary(path)?;
    let written = create_private(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    moved(written, &temporary, path, MOVEFILE_WRITE_THROUGH)
}

/// Replaces a file that everybody may read who may read its directory. Not durable: it means nothing after a reboot.
pub fn replace_public(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary(path)?;
    let mut options = OpenOptions::new();
    let written = options.write(true).create_new(true).open(&temporary).and_then(|mut file| file.write_all(bytes));
    moved(written, &temporary, path, 0)
}

/// A name beside the file for its next contents; what an earlier process of the same number left there is gone.
fn temporary(path: &Path) -> io::Result<PathBuf> {
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let _ = fs::remove_file(&temporary);
    Ok(temporary)
}

fn create_private(path: &Path) -> io::Result<File> {
    let security = Private::new()?;
    let name = wide_path(path);
    // SAFETY: name and security outlive the call; the handle is new and ours.
    unsafe {
        let no_template = std::ptr::null_mut();
        let handle = CreateFileW(name.as_ptr(), GENERIC_WRITE, 0, &security.attributes(), CREATE_NEW, 0, no_template);
        checked(i32::from(handle != INVALID_HANDLE_VALUE))?;
        Ok(File::from_raw_handle(handle))
    }
}

fn moved(written: io::Result<()>, temporary: &Path, path: &Path, flags: DWORD) -> io::Result<()> {
    let (from, to) = (wide_path(temporary), wide_path(path));
    let outcome = written.and_then(|()| {
        let mut tries = 0;
        loop {
            // SAFETY: both names end with a zero.
            let moved = checked(unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), MOVEFILE_REPLACE_EXISTING | flags) });
            tries += 1;
            // Somebody reads the old one just now: a scanner, linkctl.
            if moved.is_ok() || tries == 10 {
                return moved;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    if outcome.is_err() {
        let _ = fs::remove_file(temporary);
    }
    outcome
}

/// A directory for SYSTEM and the administrators alone. One that is there already is used only when it is no link and
/// belongs to one of them; so are the directories above it that lie in ProgramData, where everybody may make some.
pub fn private_directory(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        let in_common = parent.strip_prefix(program_data()).map_or(false, |rest| !rest.as_os_str().is_empty());
        if in_common || !parent.exists() {
            private_directory(parent)?;
        }
    }
    match make_private(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    let refused = |why: &str| Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    if !is_plain_directory(&fs::symlink_metadata(path)?) {
        return refused("it is no plain directory; remove it");
    }
    if !security::is_ours(path)? {
        return refused("it was made by somebody who is no administrator; remove it");
    }
    Ok(())
}

fn make_private(path: &Path) -> io::Result<()> {
    let security = Private::new()?;
    // SAFETY: name and security outlive the call.
    checked(unsafe { CreateDirectoryW(wide_path(path).as_ptr(), &security.attributes()) })
}

fn is_link(found: &Metadata) -> bool {
    found.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0
}

fn is_plain_directory(found: &Metadata) -> bool {
    found.is_dir() && !is_link(found)
}

/// A container's working directory. A link in its place is refused: the connector is SYSTEM.
pub fn ensure_work(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
        make_private(parent)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match is_plain_directory(&fs::symlink_metadata(path)?) {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::Other, "not a plain directory")),
        },
        other => other,
    }
}

/// Opens a log for appending. Links are refused; a large one is put aside first.
pub fn open_log(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path).map_or(false, |found| found.len() > MAX_LOG) {
        let mut old = path.as_os_str().to_os_string();
        old.push(".1");
        let _ = fs::rename(path, &old);
    }
    let file = OpenOptions::new().append(true).create(true).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || is_link(&found) {
        return Err(io::Error::new(io::ErrorKind::Other, "not a regular file"));
    }
    Ok(file)
}

/// The pid file, which nobody else can open for writing as long as this lives.
pub struct Claim {
    path: PathBuf,
    file: Option<File>,
}

impl Claim {
    /// Claims the run directory for this process. The error is one sentence.
    pub fn take(path: &Path) -> Result<Claim, String> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).share_mode(FILE_SHARE_READ).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
        let claimed = options.open(path).and_then(|mut file| {
            file.write_all(format!("{}\n", std::process::id()).as_bytes())?;
            Ok(Claim { path: path.to_path_buf(), file: Some(file) })
        });
        claimed.map_err(|error| match error.raw_os_error() {
            Some(ERROR_SHARING_VIOLATION) => {
                let holder = fs::read_to_string(path).unwrap_or_default();
                format!("another connector runs already (pid {}); {} is locked", holder.trim(), path.display())
            }
            _ => format!("cannot write {}: {error}", path.display()),
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // An open file that is not shared cannot be removed.
        drop(self.file.take());
        let _ = fs::remove_file(&self.path);
    }
}
