//! How the version that goes learns that another one comes: it must then leave what was made at run time.
//!
//! Windows Installer says so by UPGRADINGPRODUCTCODE. Wine does not, so the session that replaces holds an event as long as it lasts.

use super::places;
use super::security::{self, Security};
use super::sys::{self, wide};

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
    let owner = security::of(event);
    // SAFETY: opened above.
    unsafe { sys::CloseHandle(event) };
    owner.map_or(false, |descriptor| descriptor.foreign_owner(user).is_none())
}
