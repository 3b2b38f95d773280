//! The installation session as a native action sees it: properties, the log, messages.

use winsys::*;

const SUCCESS: u32 = 0;
const MORE_DATA: u32 = 234;

/// A running installation.
pub struct Installation(pub u32);

impl Installation {
    /// A property's value; empty where there is none.
    pub fn property(&self, name: &str) -> String {
        let name = wide(name);
        grown(|buffer, size| {
            // SAFETY: the size says how long the buffer is.
            unsafe { MsiGetPropertyW(self.0, name.as_ptr(), buffer, size) }
        })
    }

    /// Sets a property; only immediate actions can.
    pub fn set_property(&self, name: &str, value: &str) {
        let (name, value) = (wide(name), wide(value));
        // SAFETY: both are terminated by zero. A deferred action's attempt fails and changes nothing.
        unsafe { MsiSetPropertyW(self.0, name.as_ptr(), value.as_ptr()) };
    }

    /// A line in the log.
    pub fn log(&self, text: &str) {
        const INFO: u32 = 0x0400_0000;
        self.say(INFO, text);
    }

    /// A message for the log and, where there is a user interface, for the user.
    pub fn error(&self, text: &str) {
        const ERROR: u32 = 0x0100_0000;
        self.say(ERROR, text);
    }

    fn say(&self, kind: u32, text: &str) {
        // SAFETY: the record lives until it is closed; texts are terminated by zero. The text is a field of its own, so that
        // brackets in it are not formatted.
        unsafe {
            let record = MsiCreateRecord(1);
            MsiRecordSetStringW(record, 0, wide("[1]").as_ptr());
            MsiRecordSetStringW(record, 1, wide(text).as_ptr());
            MsiProcessMessage(self.0, kind, record);
            MsiCloseHandle(record);
        }
    }
}

/// The version of an installed product.
pub fn version_of(product_code: &str) -> String {
    product_info(product_code, "VersionString")
}

/// The root of an installed product.
pub fn location_of(product_code: &str) -> String {
    product_info(product_code, "InstallLocation")
}

fn product_info(product_code: &str, property: &str) -> String {
    let (code, property) = (wide(product_code), wide(property));
    grown(|buffer, size| {
        // SAFETY: the size says how long the buffer is.
        unsafe { MsiGetProductInfoW(code.as_ptr(), property.as_ptr(), buffer, size) }
    })
}

/// Calls with a buffer that grows until the text fits; empty where the call fails.
fn grown(call: impl Fn(*mut u16, *mut u32) -> u32) -> String {
    let mut buffer = vec![0_u16; 512];
    loop {
        let mut size = buffer.len() as u32;
        match call(buffer.as_mut_ptr(), &mut size) {
            SUCCESS => return String::from_utf16_lossy(buffer.get(..size as usize).unwrap_or(&[])),
            MORE_DATA if (size as usize) < 1 << 20 => buffer = vec![0; (size as usize + 1).max(buffer.len() * 2)],
            _ => return String::new(),
        }
    }
}
