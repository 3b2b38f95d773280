//! Who runs this.

use std::ptr::{null, null_mut};
use winsys::{self as sys, HANDLE};

const TOKEN_QUERY: u32 = 0x8;
const TOKEN_USER: u32 = 1;
const TOKEN_ELEVATION: u32 = 20;

/// The account by which files are made: the thread's where it impersonates, else the process's.
pub struct Token {
    handle: HANDLE,
}

impl Token {
    /// The token in force.
    pub fn current() -> Option<Token> {
        let mut handle = null_mut();
        // SAFETY: both pseudo handles need no closing, and the out parameter is ours.
        let opened = unsafe {
            sys::OpenThreadToken(sys::GetCurrentThread(), TOKEN_QUERY, 1, &mut handle) != 0
                || sys::OpenProcessToken(sys::GetCurrentProcess(), TOKEN_QUERY, &mut handle) != 0
        };
        opened.then(|| Token { handle })
    }

    /// The account's SID as text.
    pub fn user(&self) -> Option<String> {
        // A u64 buffer is aligned as TOKEN_USER has to be; it begins with a pointer to the SID.
        let mut buffer = [0_u64; 64];
        let mut needed = 0;
        let mut text = null_mut();
        // SAFETY: the buffer's size is given, and the SID lies within it.
        unsafe {
            let size = std::mem::size_of_val(&buffer) as u32;
            if sys::GetTokenInformation(self.handle, TOKEN_USER, buffer.as_mut_ptr().cast(), size, &mut needed) == 0 {
                return None;
            }
            let sid = buffer.as_ptr().cast::<*const std::ffi::c_void>().read();
            if sys::ConvertSidToStringSidW(sid, &mut text) == 0 {
                return None;
            }
            let length = (0..200).take_while(|at| *text.add(*at) != 0).count();
            let sid = String::from_utf16_lossy(std::slice::from_raw_parts(text, length));
            sys::LocalFree(text.cast());
            Some(sid)
        }
    }

    fn is_elevated(&self) -> bool {
        let (mut elevated, mut needed) = (0_u32, 0);
        let data = (&mut elevated as *mut u32).cast();
        // SAFETY: TOKEN_ELEVATION is one 32-bit number.
        let read = unsafe { sys::GetTokenInformation(self.handle, TOKEN_ELEVATION, data, 4, &mut needed) };
        read != 0 && elevated != 0
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // SAFETY: opened by `current`.
        unsafe { sys::CloseHandle(self.handle) };
    }
}

/// Who runs this, where that is SYSTEM or an administrator with all rights: the SID.
pub fn privileged() -> Option<String> {
    const SYSTEM: &str = "S-1-5-18";
    let token = Token::current()?;
    let user = token.user()?;
    (user == SYSTEM || (token.is_elevated() && is_administrator())).then(|| user)
}

/// Whether BUILTIN\Administrators is in force, and not only there for denials.
fn is_administrator() -> bool {
    // SID revision 1, two sub-authorities, authority 5 (NT), 32 (builtin), 544 (administrators).
    const ADMINISTRATORS: [u8; 16] = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
    let mut member = 0;
    // SAFETY: a well-formed SID; no token means the one in force.
    unsafe { sys::CheckTokenMembership(null::<u8>() as HANDLE, ADMINISTRATORS.as_ptr().cast(), &mut member) != 0 && member != 0 }
}
