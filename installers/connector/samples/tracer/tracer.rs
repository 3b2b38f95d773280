//! A preload library small enough to be harmless in any process: it notes each process it is loaded into and shows
//! it the host name of LINK_VIRTUAL_HOSTNAME. No standard library, no allocation, no symbol newer than glibc 2.2.5.
//!
//! rustc --edition 2021 -O --crate-type cdylib -C panic=abort tracer.rs -o libtracer.so

#![no_std]

use core::ffi::{c_char, c_int, c_long};

const O_WRONLY: c_int = 0o1;
const O_CREAT: c_int = 0o100;
const O_APPEND: c_int = 0o2000;
const O_NONBLOCK: c_int = 0o4000;
const O_CLOEXEC: c_int = 0o2000000;
#[cfg(target_arch = "x86_64")]
const O_NOFOLLOW: c_int = 0o400000;
#[cfg(target_arch = "aarch64")]
const O_NOFOLLOW: c_int = 0o100000;
#[cfg(target_arch = "x86_64")]
const SYS_UNAME: c_long = 63;
#[cfg(target_arch = "aarch64")]
const SYS_UNAME: c_long = 160;

const SEEK_END: c_int = 2;
const PR_GET_NAME: c_int = 16;
const ENAMETOOLONG: c_int = 36;
/// The log is a sign of life, not a record: it stops growing here.
const MAX_LOG: i64 = 64 * 1024;
/// A host name with its NUL, in each of uname's six fields.
const FIELD: usize = 65;

/// `struct utsname` of Linux.
#[repr(C)]
pub struct Names {
    fields: [[u8; FIELD]; 6],
}

const NODE: usize = 1;

#[link(name = "c")]
extern "C" {
    fn getenv(name: *const c_char) -> *const u8;
    fn open(path: *const u8, flags: c_int, ...) -> c_int;
    fn write(fd: c_int, bytes: *const u8, count: usize) -> isize;
    fn lseek(fd: c_int, offset: i64, whence: c_int) -> i64;
    fn close(fd: c_int) -> c_int;
    fn getpid() -> c_int;
    fn prctl(option: c_int, ...) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
    fn __errno_location() -> *mut c_int;
}

/// Run by the dynamic loader before the program's main.
#[used]
#[link_section = ".init_array"]
static NOTE: extern "C" fn() = note;

extern "C" fn note() {
    // SAFETY: errno is this thread's; it is put back so that the program never sees what happened here.
    unsafe {
        let errno = *__errno_location();
        append_line();
        *__errno_location() = errno;
    }
}

/// A text that ends with NUL, or null.
unsafe fn variable(name: &'static [u8]) -> *const u8 {
    getenv(name.as_ptr().cast())
}

struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    fn new() -> Self {
        Text { bytes: [0; N], length: 0 }
    }

    /// Keeps the last byte NUL; what does not fit is left out.
    fn push(&mut self, byte: u8) {
        if self.length + 1 < N {
            // Volatile, or the compiler makes a call to memcpy of the loop around it, whose version is newer.
            // SAFETY: the place is within the array, as was just asked.
            unsafe { core::ptr::write_volatile(self.bytes.as_mut_ptr().add(self.length), byte) };
            self.length += 1;
        }
    }

    unsafe fn push_text(&mut self, mut text: *const u8) {
        while *text != 0 {
            self.push(*text);
            text = text.add(1);
        }
    }

    fn push_number(&mut self, number: u32) {
        let mut divisor = 1_000_000_000;
        while divisor > 1 && number / divisor == 0 {
            divisor /= 10;
        }
        while divisor > 0 {
            self.push(b'0' + (number / divisor % 10) as u8);
            divisor /= 10;
        }
    }
}

unsafe fn append_line() {
    let mut path = Text::<4096>::new();
    let chosen = variable(b"LINK_TRACER_LOG\0");
    let work = variable(b"LINK_WORK\0");
    if !chosen.is_null() && *chosen != 0 {
        path.push_text(chosen);
    } else if !work.is_null() && *work != 0 {
        path.push_text(work);
        path.push_text(b"/preload.log\0".as_ptr());
    } else {
        return;
    }
    if path.length + 1 >= path.bytes.len() {
        return; // cut off: it would name another file
    }
    let mut command = [0u8; 17];
    prctl(PR_GET_NAME, command.as_mut_ptr());
    let mut line = Text::<64>::new();
    line.push_number(getpid() as u32);
    line.push(b' ');
    line.push_text(command.as_ptr());
    line.push(b'\n');

    // Non-blocking: a FIFO in the file's place must not hold the program up.
    let flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    let fd = open(path.bytes.as_ptr(), flags, 0o640 as c_int);
    if fd < 0 {
        return;
    }
    let size = lseek(fd, 0, SEEK_END);
    if (0..MAX_LOG).contains(&size) {
        write(fd, line.bytes.as_ptr(), line.length);
    }
    close(fd);
}

/// uname(2), with the virtual host name where one is set.
///
/// # Safety
/// As for the C library's function: `names` points to a `struct utsname`.
#[no_mangle]
pub unsafe extern "C" fn uname(names: *mut Names) -> c_int {
    let result = syscall(SYS_UNAME, names) as c_int;
    let name = variable(b"LINK_VIRTUAL_HOSTNAME\0");
    if result == 0 && !name.is_null() && *name != 0 {
        let field = (*names).fields[NODE].as_mut_ptr();
        let mut at = 0;
        while at < FIELD - 1 && *name.add(at) != 0 {
            core::ptr::write_volatile(field.add(at), *name.add(at));
            at += 1;
        }
        core::ptr::write_volatile(field.add(at), 0);
    }
    result
}

/// gethostname(2) on top of `uname`, as in the C library: a name that does not fit is cut off and an error.
///
/// # Safety
/// As for the C library's function: `buffer` has room for `size` bytes.
#[no_mangle]
pub unsafe extern "C" fn gethostname(buffer: *mut u8, size: usize) -> c_int {
    let mut names = Names { fields: [[0; FIELD]; 6] };
    if uname(&mut names) != 0 {
        return -1;
    }
    let name = names.fields[NODE].as_ptr();
    let mut at = 0;
    // Both bounds by hand: a checked index would bring in core's panic code, and with it an exception handler.
    while at < size && at < FIELD {
        let byte = *name.add(at);
        core::ptr::write_volatile(buffer.add(at), byte);
        if byte == 0 {
            return 0;
        }
        at += 1;
    }
    *__errno_location() = ENAMETOOLONG;
    -1
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
