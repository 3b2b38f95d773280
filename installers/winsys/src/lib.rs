//! The functions and structures of Windows that std does not offer, as Microsoft's documentation declares them, and their smallest helpers:
//! for the connector, the MSI's native actions and linkctl. All come from system32.
#![cfg(windows)]
#![allow(non_snake_case, non_camel_case_types, clippy::upper_case_acronyms)]

use std::ffi::{c_void, OsStr};
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::path::Path;

pub type BOOL = i32;
pub type DWORD = u32;
pub type HANDLE = *mut c_void;

pub const INFINITE: DWORD = u32::MAX;
pub const WAIT_OBJECT_0: DWORD = 0;
pub const STD_ERROR_HANDLE: DWORD = -12_i32 as u32;
pub const HANDLE_FLAG_INHERIT: DWORD = 1;
pub const FILE_ATTRIBUTE_REPARSE_POINT: DWORD = 0x400;
pub const FILE_FLAG_OPEN_REPARSE_POINT: DWORD = 0x0020_0000;
pub const ERROR_SUCCESS: DWORD = 0;
pub const ERROR_SHARING_VIOLATION: i32 = 32;

#[repr(C)]
pub struct SECURITY_ATTRIBUTES {
    pub length: DWORD,
    pub descriptor: *mut c_void,
    pub inherit: BOOL,
}

#[repr(C)]
pub struct STARTUPINFOEXW {
    pub cb: DWORD,
    pub reserved: *mut u16,
    pub desktop: *mut u16,
    pub title: *mut u16,
    pub position_and_size: [DWORD; 7],
    pub flags: DWORD,
    pub show_window: u16,
    pub reserved2_size: u16,
    pub reserved2: *mut u8,
    pub input: HANDLE,
    pub output: HANDLE,
    pub error: HANDLE,
    pub attributes: *mut c_void,
}

#[repr(C)]
pub struct PROCESS_INFORMATION {
    pub process: HANDLE,
    pub thread: HANDLE,
    pub process_id: DWORD,
    pub thread_id: DWORD,
}

#[repr(C)]
#[derive(Default)]
pub struct JOBOBJECT_EXTENDED_LIMIT_INFORMATION {
    pub process_user_time: i64,
    pub job_user_time: i64,
    pub limit_flags: DWORD,
    pub minimum_working_set: usize,
    pub maximum_working_set: usize,
    pub active_processes: DWORD,
    pub affinity: usize,
    pub priority_class: DWORD,
    pub scheduling_class: DWORD,
    pub io_counters: [u64; 6],
    pub process_memory: usize,
    pub job_memory: usize,
    pub peak_process_memory: usize,
    pub peak_job_memory: usize,
}

#[repr(C)]
pub struct JOBOBJECT_CPU_RATE_CONTROL_INFORMATION {
    pub flags: DWORD,
    pub rate: DWORD,
}

#[repr(C)]
#[derive(Default)]
pub struct JOBOBJECT_BASIC_ACCOUNTING_INFORMATION {
    pub times: [i64; 4],
    pub page_faults: DWORD,
    pub total_processes: DWORD,
    pub active_processes: DWORD,
    pub terminated_processes: DWORD,
}

#[repr(C)]
pub struct SERVICE_TABLE_ENTRYW {
    pub name: *const u16,
    pub main: Option<unsafe extern "system" fn(DWORD, *mut *mut u16)>,
}

#[repr(C)]
pub struct SERVICE_STATUS {
    pub kind: DWORD,
    pub state: DWORD,
    pub accepted: DWORD,
    pub exit_code: DWORD,
    pub specific_exit_code: DWORD,
    pub checkpoint: DWORD,
    pub wait_hint: DWORD,
}

#[repr(C)]
pub struct QUERY_SERVICE_CONFIGW {
    pub kind: DWORD,
    pub start: DWORD,
    pub error_control: DWORD,
    pub path: *const u16,
    pub group: *const u16,
    pub tag: DWORD,
    pub dependencies: *const u16,
    pub account: *const u16,
    pub display_name: *const u16,
}

pub type ControlHandler = unsafe extern "system" fn(DWORD, DWORD, *mut c_void, *mut c_void) -> DWORD;
pub type ConsoleHandler = unsafe extern "system" fn(DWORD) -> BOOL;

/// What is done, and after how many milliseconds.
#[repr(C)]
pub struct SC_ACTION {
    pub kind: i32,
    pub delay: u32,
}

#[repr(C)]
pub struct SERVICE_FAILURE_ACTIONSW {
    /// Seconds without a failure after which the count begins anew.
    pub reset_period: u32,
    pub reboot_message: *const u16,
    pub command: *const u16,
    pub count: u32,
    pub actions: *const SC_ACTION,
}

#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq)]
pub struct SERVICE_STATUS_PROCESS {
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

#[repr(C)]
pub struct OSVERSIONINFOW {
    pub size: u32,
    pub major: u32,
    pub minor: u32,
    pub build: u32,
    pub platform: u32,
    pub service_pack: [u16; 128],
}

/// Only its first member is looked at.
#[repr(C)]
pub struct SYSTEM_INFO {
    pub architecture: u16,
    pub rest: [u64; 8],
}

#[link(name = "advapi32")]
extern "system" {
    pub fn ChangeServiceConfig2W(service: HANDLE, level: DWORD, info: *const c_void) -> BOOL;
    pub fn ChangeServiceConfigW(
        service: HANDLE,
        kind: DWORD,
        start: DWORD,
        error_control: DWORD,
        path: *const u16,
        group: *const u16,
        tag: *mut DWORD,
        dependencies: *const u16,
        account: *const u16,
        password: *const u16,
        display_name: *const u16,
    ) -> BOOL;
    pub fn CheckTokenMembership(token: HANDLE, sid: *const c_void, is_member: *mut BOOL) -> BOOL;
    pub fn CloseServiceHandle(handle: HANDLE) -> BOOL;
    pub fn ControlService(service: HANDLE, control: DWORD, status: *mut SERVICE_STATUS_PROCESS) -> BOOL;
    pub fn ConvertSidToStringSidW(sid: *const c_void, text: *mut *mut u16) -> BOOL;
    pub fn ConvertStringSecurityDescriptorToSecurityDescriptorW(
        text: *const u16,
        revision: DWORD,
        descriptor: *mut *mut c_void,
        size: *mut DWORD,
    ) -> BOOL;
    pub fn DeregisterEventSource(log: HANDLE) -> BOOL;
    pub fn EqualSid(a: *const c_void, b: *const c_void) -> BOOL;
    pub fn GetKernelObjectSecurity(handle: HANDLE, what: DWORD, descriptor: *mut c_void, size: DWORD, needed: *mut DWORD)
        -> BOOL;
    pub fn GetNamedSecurityInfoW(
        name: *const u16,
        kind: DWORD,
        what: DWORD,
        owner: *mut *mut c_void,
        group: *mut *mut c_void,
        dacl: *mut *mut c_void,
        sacl: *mut *mut c_void,
        descriptor: *mut *mut c_void,
    ) -> DWORD;
    pub fn GetTokenInformation(token: HANDLE, class: DWORD, data: *mut c_void, size: DWORD, needed: *mut DWORD) -> BOOL;
    pub fn IsWellKnownSid(sid: *const c_void, kind: DWORD) -> BOOL;
    pub fn OpenProcessToken(process: HANDLE, access: DWORD, token: *mut HANDLE) -> BOOL;
    pub fn OpenSCManagerW(machine: *const u16, database: *const u16, access: DWORD) -> HANDLE;
    pub fn OpenServiceW(manager: HANDLE, name: *const u16, access: DWORD) -> HANDLE;
    pub fn OpenThreadToken(thread: HANDLE, access: DWORD, as_self: BOOL, token: *mut HANDLE) -> BOOL;
    pub fn QueryServiceConfigW(service: HANDLE, config: *mut QUERY_SERVICE_CONFIGW, size: DWORD, needed: *mut DWORD) -> BOOL;
    pub fn QueryServiceStatusEx(
        service: HANDLE,
        level: DWORD,
        status: *mut SERVICE_STATUS_PROCESS,
        size: DWORD,
        needed: *mut DWORD,
    ) -> BOOL;
    pub fn RegCloseKey(key: HANDLE) -> DWORD;
    pub fn RegCreateKeyExW(
        key: HANDLE,
        name: *const u16,
        reserved: DWORD,
        class: *const u16,
        options: DWORD,
        access: DWORD,
        security: *const SECURITY_ATTRIBUTES,
        made: *mut HANDLE,
        disposition: *mut DWORD,
    ) -> DWORD;
    pub fn RegDeleteKeyExW(key: HANDLE, path: *const u16, access: DWORD, reserved: DWORD) -> DWORD;
    pub fn RegDeleteValueW(key: HANDLE, name: *const u16) -> DWORD;
    pub fn RegEnumKeyExW(
        key: HANDLE,
        index: DWORD,
        name: *mut u16,
        size: *mut DWORD,
        reserved: *mut DWORD,
        class: *mut u16,
        class_size: *mut DWORD,
        written: *mut u64,
    ) -> DWORD;
    pub fn RegGetValueW(
        key: HANDLE,
        name: *const u16,
        value: *const u16,
        flags: DWORD,
        kind: *mut DWORD,
        data: *mut c_void,
        size: *mut DWORD,
    ) -> DWORD;
    pub fn RegOpenKeyExW(key: HANDLE, path: *const u16, options: DWORD, access: DWORD, opened: *mut HANDLE) -> DWORD;
    pub fn RegQueryInfoKeyW(
        key: HANDLE,
        class: *mut u16,
        class_size: *mut DWORD,
        reserved: *mut DWORD,
        keys: *mut DWORD,
        longest_key: *mut DWORD,
        longest_class: *mut DWORD,
        values: *mut DWORD,
        longest_name: *mut DWORD,
        longest_value: *mut DWORD,
        descriptor_size: *mut DWORD,
        written: *mut u64,
    ) -> DWORD;
    pub fn RegQueryValueExW(
        key: HANDLE,
        name: *const u16,
        reserved: *mut DWORD,
        kind: *mut DWORD,
        data: *mut u8,
        size: *mut DWORD,
    ) -> DWORD;
    pub fn RegSetValueExW(key: HANDLE, value: *const u16, reserved: DWORD, kind: DWORD, data: *const u8, size: DWORD) -> DWORD;
    pub fn RegisterEventSourceW(machine: *const u16, source: *const u16) -> HANDLE;
    pub fn RegisterServiceCtrlHandlerExW(name: *const u16, handler: ControlHandler, context: *mut c_void) -> HANDLE;
    pub fn ReportEventW(
        log: HANDLE,
        kind: u16,
        category: u16,
        event: DWORD,
        user: *const c_void,
        texts: u16,
        data_size: DWORD,
        text: *const *const u16,
        data: *const c_void,
    ) -> BOOL;
    pub fn SetKernelObjectSecurity(handle: HANDLE, what: DWORD, descriptor: *const c_void) -> BOOL;
    pub fn SetServiceStatus(service: HANDLE, status: *const SERVICE_STATUS) -> BOOL;
    pub fn StartServiceCtrlDispatcherW(table: *const SERVICE_TABLE_ENTRYW) -> BOOL;
    pub fn StartServiceW(service: HANDLE, count: DWORD, arguments: *const *const u16) -> BOOL;
    pub fn SystemFunction036(buffer: *mut c_void, size: DWORD) -> u8;
}

#[link(name = "bcrypt")]
extern "system" {
    pub fn BCryptGenRandom(algorithm: HANDLE, buffer: *mut u8, size: DWORD, flags: DWORD) -> i32;
}

#[link(name = "kernel32")]
extern "system" {
    pub fn AssignProcessToJobObject(job: HANDLE, process: HANDLE) -> BOOL;
    pub fn AttachConsole(process: DWORD) -> BOOL;
    pub fn CloseHandle(handle: HANDLE) -> BOOL;
    pub fn CreateDirectoryW(path: *const u16, security: *const SECURITY_ATTRIBUTES) -> BOOL;
    pub fn CreateEventW(attributes: *const SECURITY_ATTRIBUTES, manual: BOOL, set: BOOL, name: *const u16) -> HANDLE;
    pub fn CreateFileW(
        path: *const u16,
        access: DWORD,
        share: DWORD,
        security: *const SECURITY_ATTRIBUTES,
        disposition: DWORD,
        flags: DWORD,
        template: HANDLE,
    ) -> HANDLE;
    pub fn CreateJobObjectW(security: *const SECURITY_ATTRIBUTES, name: *const u16) -> HANDLE;
    pub fn CreateProcessW(
        program: *const u16,
        command_line: *mut u16,
        process_security: *const SECURITY_ATTRIBUTES,
        thread_security: *const SECURITY_ATTRIBUTES,
        inherit: BOOL,
        flags: DWORD,
        environment: *const c_void,
        directory: *const u16,
        startup: *const STARTUPINFOEXW,
        information: *mut PROCESS_INFORMATION,
    ) -> BOOL;
    pub fn CreateRemoteThread(
        process: HANDLE,
        security: *const SECURITY_ATTRIBUTES,
        stack: usize,
        start: *const c_void,
        parameter: *mut c_void,
        flags: DWORD,
        id: *mut DWORD,
    ) -> HANDLE;
    pub fn DeleteProcThreadAttributeList(list: *mut c_void);
    pub fn FreeConsole() -> BOOL;
    pub fn GenerateConsoleCtrlEvent(event: DWORD, group: DWORD) -> BOOL;
    pub fn GetActiveProcessorCount(group: u16) -> DWORD;
    pub fn GetConsoleProcessList(list: *mut DWORD, count: DWORD) -> DWORD;
    pub fn GetCurrentProcess() -> HANDLE;
    pub fn GetCurrentThread() -> HANDLE;
    pub fn GetDiskFreeSpaceExW(folder: *const u16, available: *mut u64, total: *mut u64, free: *mut u64) -> BOOL;
    pub fn GetDriveTypeW(root: *const u16) -> DWORD;
    pub fn GetExitCodeProcess(process: HANDLE, code: *mut DWORD) -> BOOL;
    pub fn GetExitCodeThread(thread: HANDLE, code: *mut DWORD) -> BOOL;
    pub fn GetFileAttributesW(path: *const u16) -> DWORD;
    pub fn GetLongPathNameW(path: *const u16, buffer: *mut u16, size: DWORD) -> DWORD;
    pub fn GetLastError() -> DWORD;
    pub fn GetModuleHandleW(name: *const u16) -> HANDLE;
    pub fn GetNativeSystemInfo(info: *mut SYSTEM_INFO);
    pub fn GetProcAddress(module: HANDLE, name: *const i8) -> *const c_void;
    pub fn GetStdHandle(which: DWORD) -> HANDLE;
    pub fn GetSystemFirmwareTable(provider: DWORD, table: DWORD, buffer: *mut u8, size: DWORD) -> DWORD;
    pub fn GetSystemWindowsDirectoryW(buffer: *mut u16, size: DWORD) -> DWORD;
    pub fn InitializeProcThreadAttributeList(list: *mut c_void, count: DWORD, flags: DWORD, size: *mut usize) -> BOOL;
    pub fn IsWow64Process(process: HANDLE, wow64: *mut BOOL) -> BOOL;
    pub fn LocalFree(memory: *mut c_void) -> *mut c_void;
    pub fn MoveFileExW(from: *const u16, to: *const u16, flags: DWORD) -> BOOL;
    pub fn OpenEventW(access: DWORD, inherit: BOOL, name: *const u16) -> HANDLE;
    pub fn OpenMutexW(access: DWORD, inherit: BOOL, name: *const u16) -> HANDLE;
    pub fn QueryInformationJobObject(job: HANDLE, class: DWORD, data: *mut c_void, size: DWORD, used: *mut DWORD) -> BOOL;
    pub fn ReleaseMutex(mutex: HANDLE) -> BOOL;
    pub fn ResumeThread(thread: HANDLE) -> DWORD;
    pub fn SetConsoleCtrlHandler(handler: Option<ConsoleHandler>, add: BOOL) -> BOOL;
    pub fn SetErrorMode(mode: DWORD) -> DWORD;
    pub fn SetFileAttributesW(path: *const u16, attributes: DWORD) -> BOOL;
    pub fn SetHandleInformation(handle: HANDLE, mask: DWORD, flags: DWORD) -> BOOL;
    pub fn SetInformationJobObject(job: HANDLE, class: DWORD, data: *const c_void, size: DWORD) -> BOOL;
    pub fn SetStdHandle(which: DWORD, handle: HANDLE) -> BOOL;
    pub fn TerminateJobObject(job: HANDLE, code: DWORD) -> BOOL;
    pub fn TerminateProcess(process: HANDLE, code: DWORD) -> BOOL;
    pub fn UpdateProcThreadAttribute(
        list: *mut c_void,
        flags: DWORD,
        attribute: usize,
        value: *const c_void,
        size: usize,
        previous: *mut c_void,
        returned: *mut usize,
    ) -> BOOL;
    pub fn VirtualAllocEx(process: HANDLE, address: *mut c_void, size: usize, kind: DWORD, protection: DWORD) -> *mut c_void;
    pub fn VirtualFreeEx(process: HANDLE, address: *mut c_void, size: usize, kind: DWORD) -> BOOL;
    pub fn WaitForSingleObject(handle: HANDLE, ms: DWORD) -> DWORD;
    pub fn WriteProcessMemory(
        process: HANDLE,
        address: *mut c_void,
        data: *const c_void,
        size: usize,
        written: *mut usize,
    ) -> BOOL;
}

#[link(name = "msi")]
extern "system" {
    pub fn MsiCloseHandle(handle: DWORD) -> DWORD;
    pub fn MsiCreateRecord(fields: DWORD) -> DWORD;
    pub fn MsiGetProductInfoW(product: *const u16, property: *const u16, value: *mut u16, size: *mut DWORD) -> DWORD;
    pub fn MsiGetPropertyW(session: DWORD, name: *const u16, value: *mut u16, size: *mut DWORD) -> DWORD;
    pub fn MsiProcessMessage(session: DWORD, kind: DWORD, record: DWORD) -> i32;
    pub fn MsiRecordSetStringW(record: DWORD, field: DWORD, value: *const u16) -> DWORD;
    pub fn MsiSetPropertyW(session: DWORD, name: *const u16, value: *const u16) -> DWORD;
}

#[link(name = "ntdll")]
extern "system" {
    pub fn RtlGetVersion(version: *mut OSVERSIONINFOW) -> i32;
}

#[link(name = "shell32")]
extern "system" {
    pub fn SHGetFolderPathW(window: *mut c_void, folder: i32, token: HANDLE, flags: DWORD, path: *mut u16) -> i32;
}

/// A text as the system wants it: UTF-16 with a zero at the end.
pub fn wide(text: impl AsRef<OsStr>) -> Vec<u16> {
    text.as_ref().encode_wide().chain([0]).collect()
}

/// A path as the system wants it; slashes become backslashes, which some functions insist on.
pub fn wide_path(path: &Path) -> Vec<u16> {
    wide(path.components().collect::<std::path::PathBuf>())
}

/// An error unless the result is true.
pub fn checked(result: BOOL) -> io::Result<()> {
    match result {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// An error unless the code is ERROR_SUCCESS.
pub fn checked_code(code: DWORD) -> io::Result<()> {
    match code {
        ERROR_SUCCESS => Ok(()),
        code => Err(io::Error::from_raw_os_error(code as i32)),
    }
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
