//! The connector's own log: one line a message on stderr, where the journal or the init script picks it up.

use std::io::Write;

/// Writes one line with the time in front. Control characters become spaces; a lost stderr is no reason to stop.
pub fn line(message: &str) {
    let text = format!(
        "{} vlink[{}]: {}\n",
        crate::clock::now(),
        std::process::id(),
        one_line(message)
    );
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// The text with every control character replaced by a space.
pub fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
