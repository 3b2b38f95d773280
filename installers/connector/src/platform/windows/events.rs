//! What happens elsewhere (the service manager's calls, the console's, ended processes) on its way to `Host::wait`.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::platform::Event;

static PENDING: Mutex<Vec<Event>> = Mutex::new(Vec::new());
static ARRIVED: Condvar = Condvar::new();

/// Hands an event over, from any thread.
pub fn push(event: Event) {
    if let Ok(mut pending) = PENDING.lock() {
        pending.push(event);
    }
    ARRIVED.notify_all();
}

/// Waits for events, at most for `timeout`.
pub fn wait(timeout: Duration) -> Vec<Event> {
    let pending = match PENDING.lock() {
        Ok(pending) => pending,
        Err(_) => return Vec::new(),
    };
    match ARRIVED.wait_timeout_while(pending, timeout, |pending| pending.is_empty()) {
        Ok((mut pending, _)) => std::mem::take(&mut *pending),
        Err(_) => Vec::new(),
    }
}
