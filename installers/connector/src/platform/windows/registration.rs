//! What the system has on record about the connector: its service, and the key that names the root.

use std::io;
use std::path::Path;
use std::ptr::{null, null_mut};

use super::image_path::mended;
use crate::log;
use contract::names::Names;
use winsys::*;

const HKEY_LOCAL_MACHINE: HANDLE = 0x8000_0002_u32 as i32 as isize as HANDLE;

const RRF_RT_REG_SZ: DWORD = 2;
const RRF_SUBKEY_WOW6464KEY: DWORD = 0x1_0000;
const KEY_SET_VALUE: DWORD = 2;
const KEY_WOW64_64KEY: DWORD = 0x100;
const REG_SZ: DWORD = 1;
const LASTING: DWORD = 0;
const VOLATILE: DWORD = 1;
const SC_MANAGER_CONNECT: DWORD = 1;
const SERVICE_QUERY_CONFIG: DWORD = 1;
const SERVICE_CHANGE_CONFIG: DWORD = 2;
const SERVICE_NO_CHANGE: DWORD = u32::MAX;

/// Mends what can be mended. Nothing here is a reason not to run.
pub fn mend(root: &Path, names: &Names) {
    match mend_image_path(names.get("windows-service")) {
        Ok(true) => log::line("the service was registered with an unquoted path: quoted it"),
        Ok(false) => {}
        Err(error) => log::line(&format!("cannot look at the service's own registration: {error}")),
    }
    // Where the vendor's scripts look for the root, and where the MSI writes it.
    let (setup, value) = (names.place("vendor-key"), names.get("root-value"));
    if text_value(&setup, value).is_none() {
        let root = text_value(&names.place("setup-key"), value).unwrap_or_else(|| root.to_string_lossy().into_owned());
        // Windows refuses lasting keys directly below HKEY_LOCAL_MACHINE; the next start makes a volatile one again.
        let name = |options| name_root(&setup, value, &root, options);
        if let Err(error) = name(LASTING).or_else(|_| name(VOLATILE)) {
            log::line(&format!("cannot write HKLM\\{setup}: {error}"));
        }
    }
}

/// What a group policy gives for a setting.
///
/// # Errors
/// What is there is no text.
pub fn policy(names: &Names, setting: &str) -> Result<Option<String>, String> {
    const FILE_NOT_FOUND: i32 = 2;
    match text_of(&names.place("policy-key"), setting) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.raw_os_error() == Some(FILE_NOT_FOUND) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// A text below HKEY_LOCAL_MACHINE, in the registry's 64-bit view.
pub fn text_value(name: &str, value: &str) -> Option<String> {
    text_of(name, value).ok()
}

fn text_of(name: &str, value: &str) -> io::Result<String> {
    let (name, value) = (wide(name), wide(value));
    let mut buffer = [0u16; 8192];
    let mut size = std::mem::size_of_val(&buffer) as DWORD;
    let flags = RRF_RT_REG_SZ | RRF_SUBKEY_WOW6464KEY;
    // SAFETY: names end with zeros, the buffer's size is given.
    let code = unsafe {
        RegGetValueW(HKEY_LOCAL_MACHINE, name.as_ptr(), value.as_ptr(), flags, null_mut(), buffer.as_mut_ptr().cast(), &mut size)
    };
    checked_code(code)?;
    let text = buffer.get(..size as usize / 2).unwrap_or(&[]);
    Ok(String::from_utf16_lossy(text).trim_end_matches('\0').to_string())
}

fn name_root(key: &str, value: &str, root: &str, options: DWORD) -> io::Result<()> {
    let (name, value, root) = (wide(key), wide(value), wide(root));
    let mut key = null_mut();
    // SAFETY: names end with zeros; the key is closed after its only use.
    unsafe {
        let access = KEY_SET_VALUE | KEY_WOW64_64KEY;
        let (no_class, no_security) = (null(), null());
        let made =
            RegCreateKeyExW(HKEY_LOCAL_MACHINE, name.as_ptr(), 0, no_class, options, access, no_security, &mut key, null_mut());
        checked_code(made)?;
        let size = std::mem::size_of_val(&root[..]) as DWORD;
        let written = RegSetValueExW(key, value.as_ptr(), 0, REG_SZ, root.as_ptr().cast(), size);
        RegCloseKey(key);
        checked_code(written)
    }
}

/// A handle of the service manager's.
struct Service(HANDLE);

impl Drop for Service {
    fn drop(&mut self) {
        // SAFETY: the handle is open and ours.
        unsafe { CloseServiceHandle(self.0) };
    }
}

/// Puts the program of this service in quotes where it is not; true where it did.
fn mend_image_path(service: &str) -> io::Result<bool> {
    let own = std::env::current_exe()?.to_string_lossy().into_owned();
    // SAFETY: names end with zeros; the path points into `config`, and is read while that lives.
    unsafe {
        let manager = OpenSCManagerW(null(), null(), SC_MANAGER_CONNECT);
        checked(i32::from(!manager.is_null()))?;
        let manager = Service(manager);
        let service = OpenServiceW(manager.0, wide(service).as_ptr(), SERVICE_QUERY_CONFIG | SERVICE_CHANGE_CONFIG);
        checked(i32::from(!service.is_null()))?;
        let service = Service(service);
        // As much as the system ever needs, in units that keep the structure aligned.
        let mut config = [0u64; 1024];
        let size = std::mem::size_of_val(&config) as DWORD;
        checked(QueryServiceConfigW(service.0, config.as_mut_ptr().cast(), size, &mut 0))?;
        let registered = text((*config.as_ptr().cast::<QUERY_SERVICE_CONFIGW>()).path);
        let quoted = match mended(&registered, &own) {
            Some(quoted) => wide(quoted),
            None => return Ok(false),
        };
        let same = SERVICE_NO_CHANGE;
        let (none, no_tag) = (null(), null_mut());
        checked(ChangeServiceConfigW(service.0, same, same, same, quoted.as_ptr(), none, no_tag, none, none, none, none))?;
        Ok(true)
    }
}

/// A text that ends with a zero.
unsafe fn text(start: *const u16) -> String {
    if start.is_null() {
        return String::new();
    }
    // SAFETY: the caller has a text that ends in zero.
    let text = unsafe { std::slice::from_raw_parts(start, (0..).take_while(|at| *start.add(*at) != 0).count()) };
    String::from_utf16_lossy(text)
}
