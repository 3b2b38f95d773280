//! Chance, and whether Windows Installer is at work.

use winsys as sys;

/// 16 hexadecimal digits that nobody can guess.
pub fn random() -> String {
    let mut bytes = [0_u8; 8];
    // Fails never on a running Windows; a predictable name would still be created exclusively.
    // SAFETY: the buffer is as long as said.
    unsafe { sys::SystemFunction036(bytes.as_mut_ptr().cast(), bytes.len() as u32) };
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether Windows Installer is changing the machine: it holds this mutex while it does (documentation of _MSIExecute).
pub fn installer_is_busy() -> bool {
    const SYNCHRONIZE: u32 = 0x10_0000;
    const TIMEOUT: u32 = 0x102;
    // SAFETY: the name is terminated by zero; what was taken is given back.
    unsafe {
        let mutex = sys::OpenMutexW(SYNCHRONIZE, 0, sys::wide(r"Global\_MSIExecute").as_ptr());
        if mutex.is_null() {
            return false;
        }
        let busy = sys::WaitForSingleObject(mutex, 0) == TIMEOUT;
        if !busy {
            sys::ReleaseMutex(mutex);
        }
        sys::CloseHandle(mutex);
        busy
    }
}
