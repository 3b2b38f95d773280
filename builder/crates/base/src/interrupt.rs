//! Whether the user asked to stop. Long loops ask [`check`]; the command line's signal handler calls [`request`].

use crate::error::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Asks all work to stop at its next [`check`]. Safe to call from a signal handler; it cannot be taken back.
pub fn request() {
    REQUESTED.store(true, Ordering::Relaxed);
}

/// # Errors
/// [`Error::interrupted`] once [`request`] was called.
pub fn check() -> Result<()> {
    if REQUESTED.load(Ordering::Relaxed) {
        return Err(Error::interrupted());
    }
    Ok(())
}
