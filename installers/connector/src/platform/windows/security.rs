//! Who may touch what the connector writes: SYSTEM and the administrators alone.

use std::ffi::c_void;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::Path;
use std::ptr::null_mut;

use winsys::*;

/// Protected: nothing is inherited from the directory above. docs/windows.md.
const PRIVATE: &str = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
const SDDL_REVISION: DWORD = 1;
const SE_FILE_OBJECT: DWORD = 1;
const OWNER: DWORD = 1;
const LOCAL_SYSTEM: DWORD = 22;
const ADMINISTRATORS: DWORD = 26;
const TOKEN_QUERY: DWORD = 8;
const TOKEN_USER: DWORD = 1;

/// The security of a new private file or directory.
pub struct Private(*mut c_void);

impl Private {
    pub fn new() -> io::Result<Private> {
        let mut descriptor = null_mut();
        // SAFETY: the text ends with a zero; the descriptor is freed when this is dropped.
        checked(unsafe {
            let text = wide(PRIVATE);
            ConvertStringSecurityDescriptorToSecurityDescriptorW(text.as_ptr(), SDDL_REVISION, &mut descriptor, null_mut())
        })?;
        Ok(Private(descriptor))
    }

    /// Valid as long as this lives.
    pub fn attributes(&self) -> SECURITY_ATTRIBUTES {
        let length = std::mem::size_of::<SECURITY_ATTRIBUTES>() as DWORD;
        SECURITY_ATTRIBUTES { length, descriptor: self.0, inherit: 0 }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // SAFETY: the system allocated it, and nobody uses it any more.
        unsafe { LocalFree(self.0) };
    }
}

/// Whether a file belongs to SYSTEM, the administrators or the connector's own account.
pub fn is_ours(path: &Path) -> io::Result<bool> {
    let (mut owner, mut descriptor) = (null_mut(), null_mut());
    // SAFETY: `owner` points into `descriptor`, which is freed after the last use.
    unsafe {
        let name = wide_path(path);
        let nothing = null_mut();
        checked_code(GetNamedSecurityInfoW(
            name.as_ptr(),
            SE_FILE_OBJECT,
            OWNER,
            &mut owner,
            nothing,
            nothing,
            nothing,
            &mut descriptor,
        ))?;
        let trusted = [LOCAL_SYSTEM, ADMINISTRATORS].iter().any(|kind| IsWellKnownSid(owner, *kind) != 0);
        let ours = trusted || is_own_account(owner);
        LocalFree(descriptor);
        Ok(ours)
    }
}

unsafe fn is_own_account(owner: *const c_void) -> bool {
    let mut token = null_mut();
    // SAFETY: the pseudo handle needs no closing; the token's is ours from here on.
    let token = unsafe {
        if OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &mut token) == 0 {
            return false;
        }
        OwnedHandle::from_raw_handle(token)
    };
    // A TOKEN_USER and the account's id behind it; of pointers, for their alignment.
    let mut user = [null_mut::<c_void>(); 32];
    let size = std::mem::size_of_val(&user) as DWORD;
    // SAFETY: the size says how long the buffer is, and the account's id lies within it; the caller's is one, too.
    unsafe {
        GetTokenInformation(token.as_raw_handle(), TOKEN_USER, user.as_mut_ptr().cast(), size, &mut 0) != 0
            && EqualSid(user[0], owner) != 0
    }
}
