//! Where things lie on this machine, by the system's own word: an environment is whoever's.

use super::root::SystemFolders;
use contract::names::Names;
use std::ptr::null_mut;
use std::sync::Mutex;
use winsys as sys;

/// The names of the product at hand; none stands for the default ones.
static NAMES: Mutex<Option<Names>> = Mutex::new(None);

/// Takes the product's names: what the MSI's fact NAMES or `bin\names` says.
pub fn adopt(names: &str) {
    if let Ok(mut known) = NAMES.lock() {
        *known = Some(Names::read(names));
    }
}

/// The product's names.
pub fn names() -> Names {
    NAMES.lock().ok().and_then(|known| known.clone()).unwrap_or_default()
}

/// One of the contract's places, as the product's names make it.
pub fn place(key: &str) -> String {
    names().place(key)
}

/// The service's name.
#[allow(dead_code)] // The native actions have it as a fact.
pub fn service() -> String {
    names().get("windows-service").to_string()
}

/// The Windows folder, without a backslash at its end.
pub fn windows() -> String {
    let mut buffer = [0_u16; 260];
    // SAFETY: the size says how long the buffer is.
    unsafe { sys::GetSystemWindowsDirectoryW(buffer.as_mut_ptr(), buffer.len() as u32) };
    sys::narrow(&buffer)
}

/// ProgramData.
pub fn program_data() -> String {
    const COMMON_APPDATA: i32 = 0x23;
    known(COMMON_APPDATA)
}

/// What the connector and its installer write, below %ProgramData%.
pub fn runtime() -> String {
    place("runtime").replace("%ProgramData%", &program_data())
}

/// Folders that no root may be.
pub fn system_folders() -> SystemFolders {
    const PROGRAM_FILES: i32 = 0x26;
    const PROGRAM_FILES_X86: i32 = 0x2A;
    const COMMON_FILES: i32 = 0x2B;
    const COMMON_FILES_X86: i32 = 0x2C;
    const PUBLIC_DOCUMENTS: i32 = 0x2E;
    let mut shared: Vec<String> =
        [PROGRAM_FILES, PROGRAM_FILES_X86, COMMON_FILES, COMMON_FILES_X86].iter().map(|folder| known(*folder)).collect();
    shared.push(program_data());
    // C:\Users\Public\Documents
    shared.extend(known(PUBLIC_DOCUMENTS).rsplitn(3, '\\').last().map(String::from));
    SystemFolders { windows: windows(), shared, runtime: runtime() }
}

fn known(folder: i32) -> String {
    let mut buffer = [0_u16; 261];
    // SAFETY: the function wants MAX_PATH characters.
    let result = unsafe { sys::SHGetFolderPathW(null_mut(), folder, null_mut(), 0, buffer.as_mut_ptr()) };
    if result == 0 {
        sys::narrow(&buffer)
    } else {
        String::new()
    }
}
