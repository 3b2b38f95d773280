//! Whether the user asked to stop. Long loops ask [`check`]; the command line's signal handler calls [`request`].

use crate::error::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Asks all work to stop at its next [`check`]. Safe to call from a signal handler; it cannot be taken back.
pub fn request() {
    REQUESTED.store(true, Ordering::Relaxed);
}

/// Does what may wait for somebody else, such as a pipe's writer, and gives it up when the user asks to stop.
///
/// # Errors
/// Those of the work; an interrupt.
pub fn waiting<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    const TICK: Duration = Duration::from_millis(100);
    let (done, result) = mpsc::channel();
    // A system call that waits is begun again after a signal: it is left behind in its thread, which ends with the process.
    std::thread::spawn(move || done.send(work()));
    loop {
        match result.recv_timeout(TICK) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Timeout) => check()?,
            Err(RecvTimeoutError::Disconnected) => return Err(Error::new("a thread that reads a file has failed")),
        }
    }
}

/// # Errors
/// [`Error::interrupted`] once [`request`] was called.
pub fn check() -> Result<()> {
    if REQUESTED.load(Ordering::Relaxed) {
        return Err(Error::interrupted());
    }
    Ok(())
}
