//! What the machine is, and chance.

use std::io;
use std::ptr::{null, null_mut};

use super::registration::text_value;
use super::smbios;
use crate::identity::Machine;
use winsys::*;

const RSMB: DWORD = u32::from_be_bytes(*b"RSMB");
const USE_SYSTEM_PREFERRED_RNG: DWORD = 2;

/// The ids of this machine: MachineGuid, which Windows makes when it is set up, and the SMBIOS UUID.
pub fn machine() -> Machine {
    let guid = text_value("SOFTWARE\\Microsoft\\Cryptography", "MachineGuid");
    Machine::from_sources(guid, firmware_table().and_then(|table| smbios::uuid(&table)))
}

fn firmware_table() -> Option<Vec<u8>> {
    // SAFETY: the buffer's size is given; the system writes no more than that.
    unsafe {
        let size = GetSystemFirmwareTable(RSMB, 0, null_mut(), 0);
        let mut table = vec![0; size as usize];
        let written = GetSystemFirmwareTable(RSMB, 0, table.as_mut_ptr(), size);
        table.truncate(written.min(size) as usize);
        Some(table).filter(|table| !table.is_empty())
    }
}

/// 16 random bytes of the system's own generator.
pub fn random() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    // SAFETY: the buffer's size is given.
    match unsafe { BCryptGenRandom(null::<u8>() as HANDLE, bytes.as_mut_ptr(), 16, USE_SYSTEM_PREFERRED_RNG) } {
        0 => Ok(bytes),
        status => Err(io::Error::new(io::ErrorKind::Other, format!("BCryptGenRandom: status 0x{status:08X}"))),
    }
}
