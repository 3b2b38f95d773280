//! The C library's functions that std does not offer, each behind a safe name. Constants are Linux's.

use std::io;
use std::os::raw::{c_char, c_int, c_long, c_uint, c_ulong, c_void};
use std::os::unix::io::RawFd;
use std::time::Duration;

pub const SIGHUP: c_int = 1;
pub const SIGINT: c_int = 2;
pub const SIGKILL: c_int = 9;
pub const SIGTERM: c_int = 15;
pub const SIGCHLD: c_int = 17;

#[cfg(any(target_arch = "aarch64", target_arch = "arm", target_arch = "powerpc64"))]
pub const O_NOFOLLOW: c_int = 0o100000;
#[cfg(not(any(target_arch = "aarch64", target_arch = "arm", target_arch = "powerpc64")))]
pub const O_NOFOLLOW: c_int = 0o400000;

#[cfg(any(target_arch = "aarch64", target_arch = "arm", target_arch = "powerpc64"))]
pub const O_DIRECTORY: c_int = 0o40000;
#[cfg(not(any(target_arch = "aarch64", target_arch = "arm", target_arch = "powerpc64")))]
pub const O_DIRECTORY: c_int = 0o200000;

const SIG_BLOCK: c_int = 0;
const SIG_SETMASK: c_int = 2;
const SIG_DFL: usize = 0;
const SIG_IGN: usize = 1;
const PR_SET_PDEATHSIG: c_int = 1;
const PR_SET_NAME: c_int = 15;
const PR_SET_CHILD_SUBREAPER: c_int = 36;
const CLOEXEC: c_int = 0o2000000;
pub const NONBLOCK: c_int = 0o4000;
const LOCK_EX: c_int = 2;
const LOCK_NB: c_int = 4;
const WNOHANG: c_int = 1;
const POLLIN: i16 = 1;
const PRIO_PROCESS: c_uint = 0;
const RLIMIT_DATA: c_uint = 2;
const SIGINFO_SIZE: usize = 128;

#[repr(C)]
struct SignalSet([c_ulong; 128 / std::mem::size_of::<c_ulong>()]);

#[repr(C)]
struct PollFd {
    fd: c_int,
    events: i16,
    revents: i16,
}

#[repr(C)]
struct Limit {
    soft: c_ulong,
    hard: c_ulong,
}

extern "C" {
    fn fork() -> c_int;
    fn _exit(code: c_int) -> !;
    fn setsid() -> c_int;
    fn getppid() -> c_int;
    fn umask(mask: c_uint) -> c_uint;
    fn kill(pid: c_int, signal: c_int) -> c_int;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn prctl(option: c_int, ...) -> c_int;
    fn signal(number: c_int, handler: usize) -> usize;
    fn sigemptyset(set: *mut SignalSet) -> c_int;
    fn sigaddset(set: *mut SignalSet, signal: c_int) -> c_int;
    fn sigprocmask(how: c_int, set: *const SignalSet, old: *mut SignalSet) -> c_int;
    fn signalfd(fd: c_int, set: *const SignalSet, flags: c_int) -> c_int;
    fn poll(fds: *mut PollFd, count: c_ulong, timeout: c_int) -> c_int;
    fn pipe2(fds: *mut c_int, flags: c_int) -> c_int;
    fn read(fd: c_int, buffer: *mut c_void, count: usize) -> isize;
    fn write(fd: c_int, buffer: *const c_void, count: usize) -> isize;
    fn close(fd: c_int) -> c_int;
    fn flock(fd: c_int, operation: c_int) -> c_int;
    fn fchdir(fd: c_int) -> c_int;
    fn geteuid() -> c_uint;
    fn getegid() -> c_uint;
    fn setgroups(count: usize, groups: *const c_uint) -> c_int;
    fn setgid(group: c_uint) -> c_int;
    fn setuid(user: c_uint) -> c_int;
    fn fchown(fd: c_int, owner: c_uint, group: c_uint) -> c_int;
    fn access(path: *const c_char, mode: c_int) -> c_int;
    fn getrandom(buffer: *mut c_void, count: usize, flags: c_uint) -> isize;
    fn setpriority(which: c_uint, who: c_uint, priority: c_int) -> c_int;
    fn getpriority(which: c_uint, who: c_uint) -> c_int;
    fn getrlimit(resource: c_uint, limit: *mut Limit) -> c_int;
    fn setrlimit(resource: c_uint, limit: *const Limit) -> c_int;
    fn sysconf(name: c_int) -> c_long;
}

fn checked(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Files and directories are made with the modes asked for, whatever started the connector.
pub fn set_umask(mask: u32) {
    // SAFETY: numbers alone.
    unsafe { umask(mask) };
}

/// Forks and runs `child` in the new process, which never returns from here. Only while there is one thread.
pub fn fork_into(child: impl FnOnce()) -> io::Result<u32> {
    // SAFETY: there is one thread, so the child may do as any process does.
    match checked(unsafe { fork() })? {
        0 => {
            child();
            // SAFETY: ends the process; nothing of it is used again.
            unsafe { _exit(0) }
        }
        pid => Ok(pid as u32),
    }
}

pub fn new_session() -> io::Result<()> {
    // SAFETY: no arguments.
    checked(unsafe { setsid() }).map(|_| ())
}

/// The calling process is killed when its parent, which must be `parent`, dies.
pub fn die_with(parent: u32) -> io::Result<()> {
    // SAFETY: numbers alone.
    checked(unsafe { prctl(PR_SET_PDEATHSIG, SIGKILL as c_ulong) })?;
    // SAFETY: no arguments.
    if unsafe { getppid() } as u32 != parent {
        return Err(io::Error::from_raw_os_error(3)); // ESRCH: it died before the line above
    }
    Ok(())
}

/// Orphans of this process's descendants become its children.
pub fn adopt_orphans() -> io::Result<()> {
    // SAFETY: numbers alone.
    checked(unsafe { prctl(PR_SET_CHILD_SUBREAPER, 1 as c_ulong) }).map(|_| ())
}

/// The name that ps shows; at most 15 bytes, then a NUL.
pub fn set_name(name: &'static [u8]) {
    assert!(name.len() <= 16 && name.ends_with(b"\0"));
    // SAFETY: the name ends in a zero, and lives for ever.
    unsafe { prctl(PR_SET_NAME, name.as_ptr()) };
}

/// Sends a signal to one process. Errors do not matter: it may be gone.
pub fn send(pid: u32, number: c_int) {
    // SAFETY: numbers alone.
    unsafe { kill(pid as c_int, number) };
}

/// Sends a signal to a process group.
pub fn send_group(group: u32, number: c_int) {
    // 0 and 1 would mean "my own group" and "everybody".
    if group > 1 {
        // SAFETY: numbers alone.
        unsafe { kill(-(group as c_int), number) };
    }
}

/// Whether a process group has members, zombies included.
pub fn group_exists(group: u32) -> bool {
    // SAFETY: numbers alone.
    let result = unsafe { kill(-(group as c_int), 0) };
    result == 0 || io::Error::last_os_error().raw_os_error() == Some(1) // EPERM: somebody else's, but there
}

/// A child that has ended: its id and raw wait status.
pub fn reap() -> Option<(u32, i32)> {
    let mut status = 0;
    // SAFETY: the status is ours.
    let pid = unsafe { waitpid(-1, &mut status, WNOHANG) };
    if pid > 0 {
        Some((pid as u32, status))
    } else {
        None
    }
}

fn signal_set(numbers: &[c_int]) -> SignalSet {
    let mut set = SignalSet([0; 128 / std::mem::size_of::<c_ulong>()]);
    // SAFETY: the set is ours, and as large as the C library has it.
    unsafe { sigemptyset(&mut set) };
    for number in numbers {
        // SAFETY: as above.
        unsafe { sigaddset(&mut set, *number) };
    }
    set
}

/// Turns the signals into something to read: a descriptor for `wait_signals`.
pub fn open_signals(numbers: &[c_int]) -> io::Result<RawFd> {
    extern "C" fn never_called(_: c_int) {}
    for number in numbers {
        // nohup and init systems may leave signals ignored; ignored ones are never delivered. A handler shows whoever
        // looks (SigCgt in /proc/PID/status, as linkctl does before it sends SIGHUP) that they do not end this program.
        // SAFETY: the handler is a function for ever, and does nothing.
        unsafe { signal(*number, never_called as extern "C" fn(c_int) as usize) };
    }
    let set = signal_set(numbers);
    // SAFETY: the set is ours; nobody asks for the old one.
    checked(unsafe { sigprocmask(SIG_BLOCK, &set, std::ptr::null_mut()) })?;
    // SAFETY: the set is ours.
    checked(unsafe { signalfd(-1, &set, CLOEXEC | NONBLOCK) })
}

/// Waits for signals, at most for `timeout`; returns those that came.
pub fn wait_signals(fd: RawFd, timeout: Duration) -> Vec<c_int> {
    // Rounded up: waking a moment early would make the caller spin.
    let ms = timeout.as_millis().saturating_add(1).min(60_000) as c_int;
    let mut poll_fd = PollFd { fd, events: POLLIN, revents: 0 };
    // SAFETY: one structure, as the count says.
    unsafe { poll(&mut poll_fd, 1, ms) };
    let mut numbers = Vec::new();
    let mut info = [0u8; SIGINFO_SIZE];
    // SAFETY: the buffer is as long as said.
    while unsafe { read(fd, info.as_mut_ptr().cast(), SIGINFO_SIZE) } == SIGINFO_SIZE as isize {
        numbers.push(i32::from_ne_bytes([info[0], info[1], info[2], info[3]]));
    }
    numbers
}

/// Signals as a program expects them. Safe between fork and exec.
pub fn reset_signals(numbers: &[c_int]) {
    for number in numbers {
        // SAFETY: no handler of ours.
        unsafe { signal(*number, SIG_DFL) };
    }
    let none = signal_set(&[]);
    // SAFETY: as in `open_signals`.
    unsafe { sigprocmask(SIG_SETMASK, &none, std::ptr::null_mut()) };
}

pub fn ignore_signals(numbers: &[c_int]) {
    for number in numbers {
        // SAFETY: no handler of ours.
        unsafe { signal(*number, SIG_IGN) };
    }
}

/// A pipe whose ends are closed by exec: (read, write).
pub fn pipe() -> io::Result<(RawFd, RawFd)> {
    let mut fds = [0; 2];
    // SAFETY: the function fills two numbers.
    checked(unsafe { pipe2(fds.as_mut_ptr(), CLOEXEC) })?;
    Ok((fds[0], fds[1]))
}

/// Writes bytes in one call. Safe between fork and exec.
pub fn write_bytes(fd: RawFd, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: the length is the slice's.
    let written = unsafe { write(fd, bytes.as_ptr().cast(), bytes.len()) };
    if written == bytes.len() as isize {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Reads four bytes; `None` at the end.
pub fn read_record(fd: RawFd) -> Option<[u8; 4]> {
    let mut record = [0u8; 4];
    loop {
        // SAFETY: the buffer has four bytes.
        match unsafe { read(fd, record.as_mut_ptr().cast(), 4) } {
            4 => return Some(record),
            n if n < 0 && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => return None,
        }
    }
}

pub fn close_fd(fd: RawFd) {
    // SAFETY: whoever calls owns the descriptor.
    unsafe { close(fd) };
}

/// Closes every descriptor except one.
pub fn close_all_but(kept: RawFd) {
    const SC_OPEN_MAX: c_int = 4;
    // SAFETY: a number alone.
    let most = unsafe { sysconf(SC_OPEN_MAX) }.clamp(64, 4_096) as c_int;
    for fd in (0..most).filter(|fd| *fd != kept) {
        close_fd(fd);
    }
}

/// Takes an exclusive lock without waiting; false where somebody holds it.
pub fn lock(fd: RawFd) -> io::Result<bool> {
    // SAFETY: numbers alone.
    match checked(unsafe { flock(fd, LOCK_EX | LOCK_NB) }) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

pub fn change_owner(fd: RawFd, owner: u32, group: u32) -> io::Result<()> {
    // SAFETY: numbers alone.
    checked(unsafe { fchown(fd, owner, group) }).map(|_| ())
}

/// Makes an open directory the working directory. Safe between fork and exec.
pub fn change_directory(fd: RawFd) -> io::Result<()> {
    // SAFETY: a number alone.
    checked(unsafe { fchdir(fd) }).map(|_| ())
}

pub fn effective_user() -> u32 {
    // SAFETY: no arguments.
    unsafe { geteuid() }
}

pub fn effective_group() -> u32 {
    // SAFETY: no arguments.
    unsafe { getegid() }
}

/// Gives all privileges up for those of an account. Safe between fork and exec.
pub fn become_user(user: u32, group: u32, groups: &[u32]) -> io::Result<()> {
    // SAFETY: the count is the slice's.
    checked(unsafe { setgroups(groups.len(), groups.as_ptr()) })?;
    // SAFETY: a number alone.
    checked(unsafe { setgid(group) })?;
    // SAFETY: a number alone.
    checked(unsafe { setuid(user) }).map(|_| ())
}

/// Whether this account may execute the file.
pub fn executable(path: &std::ffi::CStr) -> io::Result<()> {
    const X_OK: c_int = 1;
    // SAFETY: a `CStr` ends in a zero.
    checked(unsafe { access(path.as_ptr(), X_OK) }).map(|_| ())
}

/// Fills the buffer from the kernel's generator, waiting until it is seeded: at the first boot of a clone that matters.
pub fn random(buffer: &mut [u8; 16]) -> io::Result<()> {
    // SAFETY: the buffer has 16 bytes.
    if unsafe { getrandom(buffer.as_mut_ptr().cast(), 16, 0) } == 16 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Sets the calling process's niceness. Safe between fork and exec.
pub fn set_nice(nice: i32) {
    // SAFETY: numbers alone.
    unsafe { setpriority(PRIO_PROCESS, 0, nice) };
}

pub fn nice_of(pid: u32) -> i32 {
    // SAFETY: numbers alone.
    unsafe { getpriority(PRIO_PROCESS, pid) }
}

/// Limits the calling process's data (heap and private mappings). Safe between fork and exec.
pub fn limit_data(bytes: u64) {
    let mut limit = Limit { soft: 0, hard: 0 };
    // SAFETY: the structure is ours.
    if unsafe { getrlimit(RLIMIT_DATA, &mut limit) } == 0 {
        let most = limit.hard.min(c_ulong::try_from(bytes).unwrap_or(c_ulong::MAX));
        // SAFETY: the structure lives through the call.
        unsafe { setrlimit(RLIMIT_DATA, &Limit { soft: most, hard: most }) };
    }
}
