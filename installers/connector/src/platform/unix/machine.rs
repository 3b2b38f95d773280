//! What the machine is, and chance.

use std::fs::{self, File};
use std::io::{self, Read};

use super::sys;
use crate::identity::Machine;

/// The ids of this machine; the SMBIOS UUID is readable by root only.
pub fn machine() -> Machine {
    let read = |path: &str| fs::read_to_string(path).ok();
    Machine::from_sources(
        read("/etc/machine-id").or_else(|| read("/var/lib/dbus/machine-id")),
        read("/sys/class/dmi/id/product_uuid"),
    )
}

/// 16 random bytes.
pub fn random() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    if sys::random(&mut bytes).is_err() {
        // Kernels before 3.17, and sandboxes that forbid the call.
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    }
    Ok(bytes)
}
