//! Values below HKEY_LOCAL_MACHINE, in the 64-bit view.

use std::io;
use std::ptr::{null, null_mut};
use winsys::{self as sys, wide, HANDLE};

/// What Add/Remove Programs lists, a key each.
pub const UNINSTALL: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";

const LOCAL_MACHINE: HANDLE = 0xFFFF_FFFF_8000_0002_u64 as HANDLE;
const READ: u32 = 0x2_0019;
const READ_WRITE: u32 = READ | 0x2_0006;
const VIEW_64: u32 = 0x100;
const TEXT: u32 = 1;
const EXPANDING_TEXT: u32 = 2;

/// An open key.
pub struct Key(HANDLE);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: opened by us.
        unsafe { sys::RegCloseKey(self.0) };
    }
}

fn done(status: u32) -> io::Result<()> {
    match status {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error as i32)),
    }
}

impl Key {
    /// Opens a key to read, where it is there.
    pub fn open(path: &str) -> Option<Key> {
        Key::open_for(path, READ)
    }

    /// Opens a key to change, where it is there.
    pub fn edit(path: &str) -> Option<Key> {
        Key::open_for(path, READ_WRITE)
    }

    fn open_for(path: &str, access: u32) -> Option<Key> {
        let mut key = null_mut();
        // SAFETY: the path is terminated by zero, the out parameter ours.
        let status = unsafe { sys::RegOpenKeyExW(LOCAL_MACHINE, wide(path).as_ptr(), 0, access | VIEW_64, &mut key) };
        (status == 0).then(|| Key(key))
    }

    /// Opens a key, making it where it is missing: lasting, and where Windows refuses that, until the next start.
    pub fn make(path: &str) -> io::Result<Key> {
        const LASTING: u32 = 0;
        const VOLATILE: u32 = 1;
        Key::make_as(path, LASTING).or_else(|_| Key::make_as(path, VOLATILE))
    }

    fn make_as(path: &str, options: u32) -> io::Result<Key> {
        let mut key = null_mut();
        // SAFETY: as in `open_for`.
        let status = unsafe {
            let access = READ_WRITE | VIEW_64;
            sys::RegCreateKeyExW(LOCAL_MACHINE, wide(path).as_ptr(), 0, null(), options, access, null(), &mut key, null_mut())
        };
        done(status).map(|()| Key(key))
    }

    /// A text; `None` where there is none of that name.
    pub fn text(&self, name: &str) -> Option<String> {
        let name = wide(name);
        let (mut kind, mut size) = (0, 0);
        // SAFETY: first the size is asked for, then a buffer of that size is filled.
        unsafe {
            let status = sys::RegQueryValueExW(self.0, name.as_ptr(), null_mut(), &mut kind, null_mut(), &mut size);
            if status != 0 || !matches!(kind, TEXT | EXPANDING_TEXT) || size > 1 << 20 {
                return None;
            }
            let mut buffer = vec![0_u16; size as usize / 2 + 1];
            let status =
                sys::RegQueryValueExW(self.0, name.as_ptr(), null_mut(), &mut kind, buffer.as_mut_ptr().cast(), &mut size);
            (status == 0).then(|| sys::narrow(&buffer))
        }
    }

    /// A 32-bit number; `None` where there is none of that name.
    pub fn number(&self, name: &str) -> Option<u32> {
        const NUMBER: u32 = 4;
        let (mut kind, mut size, mut value) = (0, 4, 0_u32);
        let data = (&mut value as *mut u32).cast();
        // SAFETY: the size is the number's.
        let status = unsafe { sys::RegQueryValueExW(self.0, wide(name).as_ptr(), null_mut(), &mut kind, data, &mut size) };
        (status == 0 && kind == NUMBER).then(|| value)
    }

    /// The names of the keys below.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        loop {
            let mut name = [0_u16; 256];
            let mut size = name.len() as u32;
            let none = null_mut();
            // SAFETY: the size says how long the buffer is.
            let status = unsafe {
                let index = names.len() as u32;
                sys::RegEnumKeyExW(self.0, index, name.as_mut_ptr(), &mut size, none, null_mut(), null_mut(), null_mut())
            };
            if status != 0 {
                return names;
            }
            names.push(sys::narrow(&name));
        }
    }

    /// Sets a text.
    pub fn set(&self, name: &str, value: &str) -> io::Result<()> {
        let value = wide(value);
        let size = (value.len() * 2) as u32;
        // SAFETY: the size is that of the value with its zero.
        done(unsafe { sys::RegSetValueExW(self.0, wide(name).as_ptr(), 0, TEXT, value.as_ptr().cast(), size) })
    }

    /// Removes a value.
    pub fn remove(&self, name: &str) {
        // SAFETY: the name is terminated by zero.
        unsafe { sys::RegDeleteValueW(self.0, wide(name).as_ptr()) };
    }

    fn is_empty(&self) -> bool {
        let (mut keys, mut values) = (1, 1);
        let none = null_mut::<u32>();
        // SAFETY: what is not wanted may be null.
        let status = unsafe {
            sys::RegQueryInfoKeyW(
                self.0,
                null_mut(),
                none,
                none,
                &mut keys,
                none,
                none,
                &mut values,
                none,
                none,
                none,
                null_mut(),
            )
        };
        status == 0 && keys == 0 && values == 0
    }
}

/// Removes a key where it holds nothing.
pub fn remove_empty(path: &str) {
    if Key::open(path).map_or(false, |key| key.is_empty()) {
        // SAFETY: the path is terminated by zero.
        unsafe { sys::RegDeleteKeyExW(LOCAL_MACHINE, wide(path).as_ptr(), VIEW_64, 0) };
    }
}
