//! One line for the user.

use crate::error::plain;
use std::io::Write;

/// Puts one line on stderr. Where it cannot be written (a full disk, a closed pipe), the exit code has to do.
pub fn say(line: &str) {
    let _ = std::io::stderr().lock().write_all((plain(line.to_owned()) + "\n").as_bytes());
}
