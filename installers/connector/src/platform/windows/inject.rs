//! A library into a process that has not begun to run: a thread there calls LoadLibraryW first.

use std::ffi::c_void;
use std::io;
use std::mem::size_of_val;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::Path;
use std::ptr::{null, null_mut};

use winsys::*;

const MEM_COMMIT_AND_RESERVE: DWORD = 0x3000;
const MEM_RELEASE: DWORD = 0x8000;
const PAGE_READWRITE: DWORD = 4;
/// The time for the libraries' own beginnings, in ms. The connector waits, so it is short.
const PATIENCE: DWORD = 10_000;

/// Loads the library into the suspended process. The error is one sentence; the process is then of no use.
pub fn inject(process: &OwnedHandle, library: &Path) -> Result<(), String> {
    let cannot = |why: &str| format!("cannot load {} into it: {why}", library.display());
    if is_32_bit(process) {
        return Err(cannot("its process is 32-bit, and this connector can inject into 64-bit processes only"));
    }
    let path = wide_path(library);
    load(process.as_raw_handle(), &path).map_err(|error| cannot(&error.to_string()))
}

fn is_32_bit(process: &OwnedHandle) -> bool {
    let mut wow64 = 0;
    // SAFETY: the handle is open.
    unsafe { IsWow64Process(process.as_raw_handle(), &mut wow64) != 0 && wow64 != 0 }
}

fn load(process: HANDLE, path: &[u16]) -> io::Result<()> {
    let size = size_of_val(path);
    // SAFETY: the memory is the other process's; it is written before it is read, and freed when no thread reads it.
    unsafe {
        let there = VirtualAllocEx(process, null_mut(), size, MEM_COMMIT_AND_RESERVE, PAGE_READWRITE);
        checked(i32::from(!there.is_null()))?;
        checked(WriteProcessMemory(process, there, path.as_ptr().cast(), size, null_mut()))?;
        let thread = CreateRemoteThread(process, null(), 0, load_library()?, there, 0, null_mut());
        checked(i32::from(!thread.is_null()))?;
        let thread = OwnedHandle::from_raw_handle(thread);
        if WaitForSingleObject(thread.as_raw_handle(), PATIENCE) != WAIT_OBJECT_0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "loading does not end"));
        }
        VirtualFreeEx(process, there, 0, MEM_RELEASE);
        let mut module = 0;
        checked(GetExitCodeThread(thread.as_raw_handle(), &mut module))?;
        match module {
            0 => Err(io::Error::new(io::ErrorKind::Other, "the system's loader refused it")),
            _ => Ok(()),
        }
    }
}

/// LoadLibraryW: kernel32 lies at one address in all processes of one bitness.
fn load_library() -> io::Result<*const c_void> {
    // SAFETY: both names end with a zero, and kernel32 is always loaded.
    let address = unsafe { GetProcAddress(GetModuleHandleW(wide("kernel32.dll").as_ptr()), "LoadLibraryW\0".as_ptr().cast()) };
    checked(i32::from(!address.is_null())).map(|()| address)
}
