//! The connector's own log: one line a message, in its own file where it has one, else on stderr.

use contract::events::Event;
use std::fs::File;
use std::io::Write;
use std::sync::Mutex;

/// The longest piece of somebody else's text that is worth a place in a message.
const EXCERPT: usize = 64;

static OWN: Mutex<Option<File>> = Mutex::new(None);

/// From now on lines go to this file.
#[cfg_attr(windows, allow(dead_code))] // a service of Windows has the file in the place of stderr
pub fn use_file(file: File) {
    if let Ok(mut own) = OWN.lock() {
        *own = Some(file);
    }
}

/// Writes one line with the time in front. A log that takes nothing more, such as on a full disk, is no reason to stop.
pub fn line(message: &str) {
    let text = stamped(message);
    if !to_file(&text) {
        to_stderr(&text);
    }
}

/// Writes one line, and tells the system's event log, where there is one.
pub fn event(event: &Event, message: &str) {
    line(message);
    crate::platform::tell(event, &one_line(message));
}

/// Writes why the connector gives up: to the log, and to stderr, where a service manager shows it.
pub fn last_line(message: &str) {
    let text = stamped(message);
    to_file(&text);
    to_stderr(&text);
}

/// A line of a log, with its time and its writer.
pub fn stamped(message: &str) -> String {
    format!("{} vlink[{}]: {}\n", crate::clock::now(), std::process::id(), one_line(message))
}

fn to_file(text: &str) -> bool {
    match OWN.lock() {
        Ok(own) => own.as_ref().map_or(false, |mut file| file.write_all(text.as_bytes()).is_ok()),
        Err(_) => false,
    }
}

fn to_stderr(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// The text with every control character replaced by a space.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The beginning of a text that anyone may have written, safe to show: what is not printable ASCII becomes `?`.
pub fn excerpt(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    let mut shown: String = text.chars().take(EXCERPT).map(safe).collect();
    if text.chars().nth(EXCERPT).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_holds_nothing_that_moves_a_terminal() {
        assert_eq!(excerpt("a b\n\x1b[2J\u{202e}é"), "a b??[2J??");
        assert_eq!(excerpt(&"x".repeat(64)), "x".repeat(64));
        assert_eq!(excerpt(&"x".repeat(65)), format!("{}...", "x".repeat(64)));
    }
}
