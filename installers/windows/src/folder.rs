//! Folders and files, with an eye on who made them: nothing here follows a link that it did not expect.

use super::acl::Descriptor;
use super::machine;
use super::security::{self, Security};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use winsys::{self as sys, wide};

const READ_ONLY: u32 = 0x1;
const DIRECTORY: u32 = 0x10;
const REPARSE_POINT: u32 = 0x400;
const BACKUP_SEMANTICS: u32 = 0x0200_0000;
const OPEN_REPARSE_POINT: u32 = 0x0020_0000;
const DELETE_ON_CLOSE: u32 = 0x0400_0000;
const SHARE_ALL: u32 = 0x7;

/// What stands at a path.
#[derive(Debug, PartialEq, Clone, Copy)]
pub enum Kind {
    Missing,
    Folder,
    File,
    /// A junction, a symbolic link, a mounted volume, a placeholder of a cloud.
    Reparse,
}

/// What stands at a path itself, not where it leads.
pub fn kind(path: &str) -> Kind {
    match attributes(path) {
        Err(_) => Kind::Missing,
        Ok(attributes) if attributes & REPARSE_POINT != 0 => Kind::Reparse,
        Ok(attributes) if attributes & DIRECTORY != 0 => Kind::Folder,
        Ok(_) => Kind::File,
    }
}

/// By the path, because a handle tells Wine nothing of links.
fn attributes(path: &str) -> io::Result<u32> {
    const INVALID: u32 = u32::MAX;
    // SAFETY: the path is terminated by zero.
    match unsafe { sys::GetFileAttributesW(wide(path).as_ptr()) } {
        INVALID => Err(sys::last_error()),
        attributes => Ok(attributes),
    }
}

/// The path of what is there without short (8.3) names; `None` where it cannot be told.
pub fn long_name(path: &str) -> Option<String> {
    let mut buffer = vec![0_u16; 1024];
    // SAFETY: the path is terminated by zero, and the size says how long the buffer is.
    let len = unsafe { sys::GetLongPathNameW(wide(path).as_ptr(), buffer.as_mut_ptr(), buffer.len() as u32) } as usize;
    (1..buffer.len()).contains(&len).then(|| String::from_utf16_lossy(&buffer[..len]))
}

/// Owner and DACL of what stands at a path itself.
pub fn descriptor(path: &str) -> io::Result<Descriptor> {
    security::of(&open_itself(path, security::READ_CONTROL)?)
}

fn open_itself(path: &str, access: u32) -> io::Result<File> {
    let flags = BACKUP_SEMANTICS | OPEN_REPARSE_POINT;
    OpenOptions::new().access_mode(access).share_mode(SHARE_ALL).custom_flags(flags).open(path)
}

/// Why a folder that is there must not be used by SYSTEM: it is no folder, a link, or somebody else's. `user` installs.
pub fn foreign(path: &str, user: &str) -> Option<String> {
    match kind(path) {
        Kind::Missing => None,
        Kind::File => Some(format!("{path} is a file")),
        Kind::Reparse => Some(format!("{path} is a reparse point (a link to another place)")),
        Kind::Folder => match descriptor(path) {
            Err(error) => Some(format!("the owner of {path} cannot be read: {error}")),
            Ok(found) => found.foreign_owner(user).map(|owner| format!("{path} belongs to {owner}, who is no administrator")),
        },
    }
}

/// Makes a folder that nobody else can have made: it fails where something is there already.
pub fn make_new(path: &str, security: &Security) -> io::Result<()> {
    // SAFETY: the path is terminated by zero, and the descriptor lives as long as `security`.
    match unsafe { sys::CreateDirectoryW(wide(path).as_ptr(), &security.attributes()) } {
        0 => Err(sys::last_error()),
        _ => Ok(()),
    }
}

/// Makes a private folder, or makes one that is there private. Its parent has to be there.
///
/// # Errors
/// It cannot be made, or what stands there is somebody else's.
pub fn make_private(path: &str, user: &str) -> io::Result<()> {
    let private = Security::private()?;
    let attributes = private.attributes();
    // SAFETY: the path is terminated by zero, and the descriptor lives as long as `private`.
    if unsafe { sys::CreateDirectoryW(wide(path).as_ptr(), &attributes) } != 0 {
        return Ok(());
    }
    let error = sys::last_error();
    if error.kind() != io::ErrorKind::AlreadyExists {
        return Err(error);
    }
    if let Some(why) = foreign(path, user) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    const WRITE_DAC: u32 = 0x4_0000;
    const PROTECTED_DACL: u32 = 0x8000_0004;
    let folder = open_itself(path, WRITE_DAC)?;
    // SAFETY: as above.
    match unsafe { sys::SetKernelObjectSecurity(folder.as_raw_handle().cast(), PROTECTED_DACL, attributes.descriptor) } {
        0 => Err(sys::last_error()),
        _ => Ok(()),
    }
}

/// Does in a folder what an installation will do there: creates a file under a new name, writes, reads back, opens it for
/// execution (the file system's own access check), deletes. The error is the end of the sentence "cannot".
pub fn probe(folder: &str, execute: bool) -> Result<(), String> {
    const READ_WRITE_DELETE: u32 = 0xC001_0000;
    let token = machine::random();
    let path = format!("{}\\linkpack-{token}.tmp", folder.trim_end_matches('\\'));
    let cannot = |what: &str| format!("{what} {folder}");
    let says = |what: &'static str| move |error: io::Error| format!("{}: {error}", cannot(what));
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create_new(true)
        .access_mode(READ_WRITE_DELETE)
        .share_mode(SHARE_ALL)
        .custom_flags(DELETE_ON_CLOSE);
    let mut file = options.open(&path).map_err(says("create a file in"))?;
    file.write_all(token.as_bytes()).map_err(says("write to"))?;
    let mut back = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut back)).map_err(says("read back from"))?;
    if back != token {
        return Err(format!("{}: something else came back", cannot("read back from")));
    }
    const EXECUTE: u32 = 0x20;
    if execute {
        OpenOptions::new().access_mode(EXECUTE).share_mode(SHARE_ALL).open(&path).map_err(says("execute what is in"))?;
    }
    drop(file);
    match kind(&path) {
        Kind::Missing => Ok(()),
        _ => Err(format!("{}: {path} is still there", cannot("delete from"))),
    }
}

/// Writes a file as a whole: under another name, then renamed over. The folder has to be private.
pub fn replace(path: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = format!("{path}.{}.tmp", machine::random());
    let written = write_new(&temporary, bytes).and_then(|()| rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Writes a file that is not there yet.
///
/// # Errors
/// Something is there, be it a link; it cannot be written.
pub fn write_new(path: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Renames over what is there.
pub fn rename(from: &str, to: &str) -> io::Result<()> {
    const REPLACE_EXISTING: u32 = 0x1;
    const WRITE_THROUGH: u32 = 0x8;
    // SAFETY: both are terminated by zero.
    match unsafe { sys::MoveFileExW(wide(from).as_ptr(), wide(to).as_ptr(), REPLACE_EXISTING | WRITE_THROUGH) } {
        0 => Err(sys::last_error()),
        _ => Ok(()),
    }
}

/// Has a file removed when Windows starts the next time: one that runs. Nothing else asks for that start.
pub fn remove_at_restart(path: &str) {
    const DELAY_UNTIL_REBOOT: u32 = 0x4;
    // SAFETY: the path is terminated by zero, and no other one means removal. Where it fails, a file of some kilobytes stays.
    unsafe { sys::MoveFileExW(wide(path).as_ptr(), std::ptr::null(), DELAY_UNTIL_REBOOT) };
}

/// The names in a folder, sorted; none where it is a link or not there.
pub fn names(folder: &str) -> Vec<String> {
    if kind(folder) != Kind::Folder {
        return Vec::new();
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Removes what stands at a path with all that is below it. A link goes itself, what it leads to stays. Nothing there is fine.
///
/// # Errors
/// The first thing that could not be removed; the rest was tried.
pub fn remove(path: &str) -> io::Result<()> {
    let attributes = match attributes(path) {
        Ok(attributes) => attributes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let is_folder = attributes & DIRECTORY != 0;
    let mut failed = None;
    if kind(path) == Kind::Folder {
        for name in names(path) {
            failed = failed.or(remove(&format!("{path}\\{name}")).err());
        }
    }
    if attributes & READ_ONLY != 0 {
        // SAFETY: the path is terminated by zero. Where it fails, so does the removal.
        unsafe { sys::SetFileAttributesW(wide(path).as_ptr(), attributes & !READ_ONLY) };
    }
    let removed = if is_folder { fs::remove_dir(path) } else { fs::remove_file(path) };
    match failed {
        Some(error) => Err(error),
        // One that somebody still has open goes when it is closed.
        None if removed.is_ok() && kind(path) != Kind::Missing => Err(io::Error::new(io::ErrorKind::Other, "it is still there")),
        None => removed,
    }
}
