//! The few functions of Windows that std does not offer, as Windows declares them. All come from system32.
#![allow(non_snake_case)]

use std::ffi::c_void;

pub type Handle = *mut c_void;

/// SECURITY_ATTRIBUTES.
#[repr(C)]
pub struct SecurityAttributes {
    pub length: u32,
    pub descriptor: *mut c_void,
    pub inherit: i32,
}

/// SC_ACTION: what is done, and after how many milliseconds.
#[repr(C)]
pub struct FailureAction {
    pub kind: i32,
    pub delay: u32,
}

/// SERVICE_FAILURE_ACTIONSW.
#[repr(C)]
pub struct FailureActions {
    /// Seconds without a failure after which the count begins anew.
    pub reset_period: u32,
    pub reboot_message: *const u16,
    pub command: *const u16,
    pub count: u32,
    pub actions: *const FailureAction,
}

/// SERVICE_STATUS_PROCESS.
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq)]
pub struct ServiceStatus {
    pub kind: u32,
    pub state: u32,
    pub controls: u32,
    pub exit_code: u32,
    pub specific_exit_code: u32,
    pub check_point: u32,
    pub wait_hint: u32,
    pub process: u32,
    pub flags: u32,
}

/// OSVERSIONINFOW.
#[repr(C)]
pub struct OsVersion {
    pub size: u32,
    pub major: u32,
    pub minor: u32,
    pub build: u32,
    pub platform: u32,
    pub service_pack: [u16; 128],
}

/// SYSTEM_INFO; only its first member is looked at.
#[repr(C)]
pub struct SystemInfo {
    pub architecture: u16,
    pub rest: [u64; 8],
}

#[link(name = "kernel32")]
extern "system" {
    pub fn GetLastError() -> u32;
    pub fn LocalFree(memory: *mut c_void) -> *mut c_void;
    pub fn CloseHandle(handle: Handle) -> i32;
    pub fn GetCurrentProcess() -> Handle;
    pub fn GetCurrentThread() -> Handle;
    pub fn CreateDirectoryW(path: *const u16, attributes: *const SecurityAttributes) -> i32;
    pub fn GetFileAttributesW(path: *const u16) -> u32;
    pub fn SetFileAttributesW(path: *const u16, attributes: u32) -> i32;
    pub fn GetSystemWindowsDirectoryW(buffer: *mut u16, size: u32) -> u32;
    pub fn GetDriveTypeW(root: *const u16) -> u32;
    pub fn GetDiskFreeSpaceExW(folder: *const u16, available: *mut u64, total: *mut u64, free: *mut u64) -> i32;
    pub fn MoveFileExW(from: *const u16, to: *const u16, flags: u32) -> i32;
    pub fn CreateEventW(attributes: *const SecurityAttributes, manual: i32, set: i32, name: *const u16) -> Handle;
    pub fn OpenEventW(access: u32, inherit: i32, name: *const u16) -> Handle;
    pub fn OpenMutexW(access: u32, inherit: i32, name: *const u16) -> Handle;
    pub fn WaitForSingleObject(handle: Handle, milliseconds: u32) -> u32;
    pub fn ReleaseMutex(mutex: Handle) -> i32;
    pub fn GetNativeSystemInfo(info: *mut SystemInfo);
}

#[link(name = "ntdll")]
extern "system" {
    pub fn RtlGetVersion(version: *mut OsVersion) -> i32;
}

#[link(name = "shell32")]
extern "system" {
    pub fn SHGetFolderPathW(window: *mut c_void, folder: i32, token: Handle, flags: u32, path: *mut u16) -> i32;
}

#[link(name = "advapi32")]
extern "system" {
    pub fn SystemFunction036(buffer: *mut c_void, size: u32) -> u8;
    pub fn OpenProcessToken(process: Handle, access: u32, token: *mut Handle) -> i32;
    pub fn OpenThreadToken(thread: Handle, access: u32, as_self: i32, token: *mut Handle) -> i32;
    pub fn GetTokenInformation(token: Handle, class: u32, data: *mut c_void, size: u32, needed: *mut u32) -> i32;
    pub fn CheckTokenMembership(token: Handle, sid: *const c_void, is_member: *mut i32) -> i32;
    pub fn ConvertSidToStringSidW(sid: *const c_void, text: *mut *mut u16) -> i32;
    pub fn ConvertStringSecurityDescriptorToSecurityDescriptorW(
        text: *const u16,
        revision: u32,
        descriptor: *mut *mut c_void,
        size: *mut u32,
    ) -> i32;
    pub fn GetKernelObjectSecurity(handle: Handle, what: u32, descriptor: *mut c_void, size: u32, needed: *mut u32) -> i32;
    pub fn SetKernelObjectSecurity(handle: Handle, what: u32, descriptor: *const c_void) -> i32;
    pub fn RegCreateKeyExW(
        key: Handle,
        path: *const u16,
        reserved: u32,
        class: *const u16,
        options: u32,
        access: u32,
        attributes: *const SecurityAttributes,
        made: *mut Handle,
        disposition: *mut u32,
    ) -> i32;
    pub fn RegOpenKeyExW(key: Handle, path: *const u16, options: u32, access: u32, opened: *mut Handle) -> i32;
    pub fn RegQueryValueExW(
        key: Handle,
        name: *const u16,
        reserved: *mut u32,
        kind: *mut u32,
        data: *mut u8,
        size: *mut u32,
    ) -> i32;
    pub fn RegSetValueExW(key: Handle, name: *const u16, reserved: u32, kind: u32, data: *const u8, size: u32) -> i32;
    pub fn RegDeleteValueW(key: Handle, name: *const u16) -> i32;
    pub fn RegDeleteKeyExW(key: Handle, path: *const u16, access: u32, reserved: u32) -> i32;
    pub fn RegQueryInfoKeyW(
        key: Handle,
        class: *mut u16,
        class_size: *mut u32,
        reserved: *mut u32,
        keys: *mut u32,
        longest_key: *mut u32,
        longest_class: *mut u32,
        values: *mut u32,
        longest_name: *mut u32,
        longest_value: *mut u32,
        descriptor_size: *mut u32,
        written: *mut u64,
    ) -> i32;
    pub fn RegEnumKeyExW(
        key: Handle,
        index: u32,
        name: *mut u16,
        size: *mut u32,
        reserved: *mut u32,
        class: *mut u16,
        class_size: *mut u32,
        written: *mut u64,
    ) -> i32;
    pub fn RegCloseKey(key: Handle) -> i32;
    pub fn OpenSCManagerW(machine: *const u16, database: *const u16, access: u32) -> Handle;
    pub fn OpenServiceW(manager: Handle, name: *const u16, access: u32) -> Handle;
    pub fn QueryServiceStatusEx(service: Handle, level: u32, status: *mut ServiceStatus, size: u32, needed: *mut u32) -> i32;
    pub fn ChangeServiceConfig2W(service: Handle, level: u32, info: *const c_void) -> i32;
    pub fn StartServiceW(service: Handle, count: u32, arguments: *const *const u16) -> i32;
    pub fn ControlService(service: Handle, control: u32, status: *mut ServiceStatus) -> i32;
    pub fn CloseServiceHandle(handle: Handle) -> i32;
}

/// A text as Windows takes it.
pub fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain(std::iter::once(0)).collect()
}

/// A text as Windows gives it, up to its terminating zero.
pub fn narrow(buffer: &[u16]) -> String {
    let end = buffer.iter().position(|c| *c == 0).unwrap_or(buffer.len());
    String::from_utf16_lossy(buffer.get(..end).unwrap_or(buffer))
}

/// The last error of a call that says no more than that it failed.
pub fn last_error() -> std::io::Error {
    std::io::Error::last_os_error()
}

/// 16 hexadecimal digits that nobody can guess.
pub fn random() -> String {
    let mut bytes = [0_u8; 8];
    // Fails never on a running Windows; a predictable name would still be created exclusively.
    // SAFETY: the buffer is as long as said.
    unsafe { SystemFunction036(bytes.as_mut_ptr().cast(), bytes.len() as u32) };
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether Windows Installer is changing the machine: it holds this mutex while it does (documentation of _MSIExecute).
pub fn installer_is_busy() -> bool {
    const SYNCHRONIZE: u32 = 0x10_0000;
    const TIMEOUT: u32 = 0x102;
    // SAFETY: the name is terminated by zero; what was taken is given back.
    unsafe {
        let mutex = OpenMutexW(SYNCHRONIZE, 0, wide(r"Global\_MSIExecute").as_ptr());
        if mutex.is_null() {
            return false;
        }
        let busy = WaitForSingleObject(mutex, 0) == TIMEOUT;
        if !busy {
            ReleaseMutex(mutex);
        }
        CloseHandle(mutex);
        busy
    }
}
