//! Being asked to end: Ctrl-Break, which the connector sends to a container's console, and Ctrl-C.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

static ASKED: Mutex<bool> = Mutex::new(false);
static CHANGED: Condvar = Condvar::new();

#[link(name = "kernel32")]
extern "system" {
    fn SetConsoleCtrlHandler(handler: unsafe extern "system" fn(u32) -> i32, add: i32) -> i32;
}

unsafe extern "system" fn handler(_: u32) -> i32 {
    *ASKED.lock().unwrap() = true;
    CHANGED.notify_all();
    1
}

/// From now on a request to end does not end the program but `wait`.
pub fn prepare() {
    // SAFETY: the handler is a plain function that lives as long as the program.
    unsafe { SetConsoleCtrlHandler(handler, 1) };
}

/// Waits; true as soon as the program has been asked to end.
pub fn wait(time: Duration) -> bool {
    let asked = ASKED.lock().unwrap();
    *CHANGED.wait_timeout_while(asked, time, |asked| !*asked).unwrap().0
}
