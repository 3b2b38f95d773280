//! Security descriptors, to read and to give.

use super::acl::{self, Descriptor};
use std::ffi::c_void;
use std::io;
use std::os::windows::io::AsRawHandle;
use std::ptr::null_mut;
use winsys::{self as sys, wide, SECURITY_ATTRIBUTES};

/// The right to read a descriptor.
pub const READ_CONTROL: u32 = 0x2_0000;

/// Owner and DACL of an open object.
pub fn of(object: &impl AsRawHandle) -> io::Result<Descriptor> {
    const OWNER_AND_DACL: u32 = 0x1 | 0x4;
    // 64 KiB is the most that an ACL can have; u64 for alignment.
    let mut buffer = vec![0_u64; 9 << 10];
    let mut needed = 0;
    let size = (buffer.len() * 8) as u32;
    let object = object.as_raw_handle().cast();
    // SAFETY: the size says how long the buffer is.
    if unsafe { sys::GetKernelObjectSecurity(object, OWNER_AND_DACL, buffer.as_mut_ptr().cast(), size, &mut needed) } == 0 {
        return Err(sys::last_error());
    }
    let bytes: Vec<u8> = buffer.iter().flat_map(|word| word.to_le_bytes()).take(needed.max(20) as usize).collect();
    acl::parse(&bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its security descriptor cannot be read"))
}

/// A security descriptor made from its text form (SDDL).
pub struct Security {
    descriptor: *mut c_void,
}

impl Security {
    /// SYSTEM's and the administrators' alone, inherited by all within, and nothing inherited from above.
    pub fn private() -> io::Result<Security> {
        Security::new("D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)")
    }

    /// The install root's: administrators made it, they and SYSTEM change it, users read and run what is in it.
    pub fn root() -> io::Result<Security> {
        Security::new("O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)")
    }

    /// For what has no children and has to show that administrators made it.
    pub fn owned() -> io::Result<Security> {
        Security::new("O:BAD:P(A;;GA;;;SY)(A;;GA;;;BA)")
    }

    /// For what is made with it; valid as long as this is.
    pub fn attributes(&self) -> SECURITY_ATTRIBUTES {
        let length = std::mem::size_of::<SECURITY_ATTRIBUTES>() as u32;
        SECURITY_ATTRIBUTES { length, descriptor: self.descriptor, inherit: 0 }
    }

    fn new(sddl: &str) -> io::Result<Security> {
        let mut descriptor = null_mut();
        // SAFETY: the text is terminated by zero; the result is freed when dropped.
        let made = unsafe {
            sys::ConvertStringSecurityDescriptorToSecurityDescriptorW(wide(sddl).as_ptr(), 1, &mut descriptor, null_mut())
        };
        match made {
            0 => Err(sys::last_error()),
            _ => Ok(Security { descriptor }),
        }
    }
}

impl Drop for Security {
    fn drop(&mut self) {
        // SAFETY: allocated by the conversion.
        unsafe { sys::LocalFree(self.descriptor) };
    }
}
