//! A library that is injected, small enough to be harmless in any process: it notes each process it is loaded into
//! and shows that process's program the computer name of LINK_VIRTUAL_HOSTNAME. Needs kernel32 alone.

use std::ffi::c_void;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::raw::c_char;
use std::path::PathBuf;

const DLL_PROCESS_ATTACH: u32 = 1;
const PAGE_READWRITE: u32 = 4;
const ERROR_BUFFER_OVERFLOW: u32 = 111;
/// The log is a sign of life, not a record: it stops growing here.
const MAX_LOG: u64 = 64 * 1024;
/// Offsets of the "PE Format": e_lfanew, and from the signature the import directory's address (PE32+).
const E_LFANEW: usize = 0x3c;
const IMPORT_DIRECTORY: usize = 0x90;

#[link(name = "kernel32")]
extern "system" {
    fn GetModuleHandleA(name: *const c_char) -> *const u8;
    fn GetProcAddress(module: *const u8, name: *const c_char) -> usize;
    fn GetComputerNameW(buffer: *mut u16, size: *mut u32) -> i32;
    fn VirtualProtect(address: *mut c_void, size: usize, protection: u32, old: *mut u32) -> i32;
    fn SetLastError(code: u32);
}

#[no_mangle]
extern "system" fn DllMain(_: *mut c_void, reason: u32, _: *mut c_void) -> i32 {
    if reason == DLL_PROCESS_ATTACH {
        note();
        // SAFETY: the loader has laid out the program's image, and no other thread runs yet.
        unsafe { show_virtual_name() };
    }
    1
}

/// A line "PID PROGRAM" in the container's working directory.
fn note() {
    let chosen = std::env::var_os("LINK_TRACER_LOG").filter(|path| !path.is_empty()).map(PathBuf::from);
    let usual = || std::env::var_os("LINK_WORK").map(|work| PathBuf::from(work).join("injected.log"));
    let file = chosen.or_else(usual).map(|path| OpenOptions::new().append(true).create(true).open(path));
    if let Some(Ok(mut file)) = file {
        let program = std::env::current_exe().unwrap_or_default();
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if file.metadata().map_or(false, |data| data.len() < MAX_LOG) {
            let _ = file.write_all(format!("{} {name}\n", std::process::id()).as_bytes());
        }
    }
}

/// GetComputerNameW as the program sees it.
unsafe extern "system" fn virtual_computer_name(buffer: *mut u16, size: *mut u32) -> i32 {
    let name = match std::env::var("LINK_VIRTUAL_HOSTNAME") {
        Ok(name) if !name.is_empty() => name,
        // SAFETY: the caller's arguments are those of the function that this one stands in for.
        _ => return unsafe { GetComputerNameW(buffer, size) },
    };
    let wide: Vec<u16> = name.encode_utf16().chain([0]).collect();
    // SAFETY: as GetComputerNameW, this trusts the caller that the buffer is as long as the size says.
    unsafe {
        if buffer.is_null() || (*size as usize) < wide.len() {
            *size = wide.len() as u32;
            SetLastError(ERROR_BUFFER_OVERFLOW);
            return 0;
        }
        buffer.copy_from_nonoverlapping(wide.as_ptr(), wide.len());
        *size = wide.len() as u32 - 1;
    }
    1
}

/// Puts `virtual_computer_name` in the place of GetComputerNameW in the program's import table.
///
/// # Safety
/// Called by the loader, before another thread runs.
unsafe fn show_virtual_name() {
    // SAFETY: the names end in a zero.
    let (image, real) = unsafe {
        let kernel = GetModuleHandleA("kernel32.dll\0".as_ptr().cast());
        (GetModuleHandleA(std::ptr::null()), GetProcAddress(kernel, "GetComputerNameW\0".as_ptr().cast()))
    };
    let dword = |at: usize| {
        // SAFETY: the loader has laid out the image, and its headers and tables say where the next one lies.
        unsafe { image.add(at).cast::<u32>().read_unaligned() as usize }
    };
    let mut descriptor = dword(dword(E_LFANEW) + IMPORT_DIRECTORY);
    if descriptor == 0 || real == 0 {
        return;
    }
    // IMAGE_IMPORT_DESCRIPTOR: names' table, time, forwarder, the library's name, addresses' table.
    while dword(descriptor + 12) != 0 {
        // SAFETY: a table of addresses ends in a zero.
        unsafe {
            let mut slot = image.add(dword(descriptor + 16)).cast::<usize>() as *mut usize;
            while *slot != 0 {
                if *slot == real {
                    replace(slot, virtual_computer_name as usize);
                }
                slot = slot.add(1);
            }
        }
        descriptor += 20;
    }
}

/// # Safety
/// The slot is one of an import table.
unsafe fn replace(slot: *mut usize, value: usize) {
    let (mut before, mut ignored) = (0, 0);
    let size = std::mem::size_of::<usize>();
    // SAFETY: the slot can be written once its page can.
    unsafe {
        if VirtualProtect(slot.cast(), size, PAGE_READWRITE, &mut before) != 0 {
            *slot = value;
            VirtualProtect(slot.cast(), size, before, &mut ignored);
        }
    }
}
