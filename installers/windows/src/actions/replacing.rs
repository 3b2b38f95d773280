//! How the version that goes learns that another one comes: it must then leave what was made at run time.
//!
//! Windows Installer says so by UPGRADINGPRODUCTCODE. Wine does not, so the session that replaces holds an event as long as it lasts.

use native::places;
use native::security::{self, Security};
use std::os::windows::io::{FromRawHandle, OwnedHandle};
use winsys::{self as sys, wide};

/// Holds the event until this process, which lasts as long as the session, ends.
pub fn announce() {
    if let Ok(owned) = Security::owned() {
        // SAFETY: the name is terminated by zero. The handle is kept open on purpose.
        unsafe { sys::CreateEventW(&owned.attributes(), 1, 0, wide(&places::place("replacing")).as_ptr()) };
    }
}

/// Whether a session of SYSTEM or of an administrator holds the event. Everybody may make one of that name.
pub fn is_announced(user: &str) -> bool {
    // SAFETY: the name is terminated by zero.
    let event = unsafe { sys::OpenEventW(security::READ_CONTROL, 0, wide(&places::place("replacing")).as_ptr()) };
    if event.is_null() {
        return false;
    }
    // SAFETY: opened above, and closed by nothing else.
    let event = unsafe { OwnedHandle::from_raw_handle(event.cast()) };
    security::of(&event).map_or(false, |descriptor| descriptor.foreign_owner(user).is_none())
}
