//! A request to stop (a signal), asked for by long loops so that they end with an error and clean up behind them.

use crate::error::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Asks everything that runs to stop at its next check; safe to call in a signal handler.
pub fn request() {
    REQUESTED.store(true, Ordering::Relaxed);
}

/// Fails with [`Error::interrupted`] once a stop was requested.
pub fn check() -> Result<()> {
    if REQUESTED.load(Ordering::Relaxed) {
        return Err(Error::interrupted());
    }
    Ok(())
}
