//! Whose turn it is to hold lists of all files.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// While a format lays out a package, it holds lists of all files; while it copies the result, it holds none. Of very many files the
/// lists of two formats are too much for memory, so that one lays out while others copy.
#[derive(Debug, Default)]
pub struct Turn(Option<Mutex<()>>);

impl Turn {
    /// One lays out after the other.
    pub fn one_by_one() -> Turn {
        Turn(Some(Mutex::new(())))
    }

    /// All lay out whenever they like.
    pub fn any_time() -> Turn {
        Turn(None)
    }

    /// Waits for the turn, which lasts as long as what this returns.
    pub(super) fn take(&self) -> Option<MutexGuard<'_, ()>> {
        self.0.as_ref().map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
