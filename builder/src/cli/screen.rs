//! How messages, errors and progress look: plain without a terminal, bars and colours on one.

use crate::error::{plain, Error, Snippet};
use crate::listener::Listener;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;

/// Puts one line on stderr. That nobody can be told (a full disk, a closed pipe) is no reason to fail: the exit code says the rest.
pub fn say(line: &str) {
    let _ = std::io::stderr().lock().write_all((plain(line.to_owned()) + "\n").as_bytes());
}

/// The text with its judgements in colours, where standard output is a terminal that has them and NO_COLOR (no-color.org) is not set.
pub fn coloured(text: &str) -> String {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    match std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb {
        true => text.split_inclusive('\n').map(painted).collect(),
        false => text.to_owned(),
    }
}

/// A line whose judgement has its colour: what must be refused is red, what is worth a look yellow, what is right green.
fn painted(line: &str) -> String {
    const RED: &str = "\x1b[31m";
    const YELLOW: &str = "\x1b[33m";
    const GREEN: &str = "\x1b[32m";
    const MARKS: [(&str, &str); 12] = [
        ("DIFFERS ", RED),
        ("DAMAGED ", RED),
        ("NOT READ ", YELLOW),
        ("verdict        NOT ", RED),
        ("verdict        correctly signed ", GREEN),
        ("verdict        ", YELLOW),
        (": error[", RED),
        (": error: ", RED),
        (": NOT ", RED),
        (": warning[", YELLOW),
        (": good, ", GREEN),
        (": as claimed: ", GREEN),
    ];
    let starts = |mark: &str| mark.starts_with(':') || line.starts_with(mark);
    let Some((mark, colour)) = MARKS.iter().find(|(mark, _)| starts(mark) && line.contains(mark)) else { return line.to_owned() };
    let Some((before, after)) = line.split_once(mark) else { return line.to_owned() };
    let (colon, mark) = mark.strip_prefix(": ").map_or(("", *mark), |mark| (": ", mark));
    // A mark without the values of a finding is its word alone.
    let (mark, bracket) = mark.strip_suffix('[').map_or((mark, ""), |mark| (mark, "["));
    match mark.starts_with("verdict") || mark.starts_with("NOT ") {
        true => {
            let (after, end) = after.strip_suffix('\n').map_or((after, ""), |after| (after, "\n"));
            format!("{before}{colon}{colour}{mark}{after}\x1b[0m{end}")
        }
        false => format!("{before}{colon}{colour}{mark}\x1b[0m{bracket}{after}"),
    }
}

/// Prints an error: `error:` what happened, the place in the file, `note:` facts, `help:` what to do next.
/// What a package or a file's name contributed to it cannot steer the terminal: [`Error`] holds no such characters, and [`say`] lets none through.
pub fn error(error: &Error) {
    one(error);
    error.more().iter().for_each(one);
    if !error.more().is_empty() {
        say(&format!("error: {} mistakes in all", error.more().len() + 1));
    }
}

fn one(error: &Error) {
    say(&format!("error: {}", error.what()));
    if let Some(snippet) = error.snippet() {
        say(&excerpt(snippet));
    }
    for note in error.notes() {
        say(&format!("note: {}", note));
    }
    if let Some(help) = error.help_text() {
        say(&format!("help: {}", help));
    }
}

/// The line that an error is about, with its number, and carets below what is wrong.
fn excerpt(snippet: &Snippet) -> String {
    let start = snippet.span.start.min(snippet.text.len());
    let line_start = snippet.text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line = snippet.text[line_start..].lines().next().unwrap_or_default();
    let number = snippet.text[..start].matches('\n').count() + 1;
    let before: String = snippet.text[line_start..start].chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let wrong = &snippet.text[start..snippet.span.end.clamp(start, line_start + line.len().max(start - line_start))];
    let carets = "^".repeat(wrong.chars().count().max(1));
    let column = snippet.text[line_start..start].chars().count() + 1;
    let gutter = " ".repeat(number.to_string().len());
    format!("{gutter}--> {}:{number}:{column}\n{gutter} |\n{number} | {line}\n{gutter} | {before}{carets}", snippet.file)
}

/// Tells the user what a build does, on stderr.
pub struct Screen {
    quiet: bool,
    /// None without a terminal.
    bars: Option<Mutex<HashMap<String, ProgressBar>>>,
}

impl Screen {
    /// `quiet` leaves warnings only.
    pub fn new(quiet: bool) -> Self {
        let bars = (!quiet && std::io::stderr().is_terminal()).then(Mutex::default);
        Screen { quiet, bars }
    }

    fn line(&self, line: &str) {
        let bar = self.bars.as_ref().and_then(|bars| bars.lock().ok()?.values().next().cloned());
        match bar {
            Some(bar) => bar.suspend(|| say(line)),
            None => say(line),
        }
    }

    fn bar(&self, task: &str) -> Option<ProgressBar> {
        self.bars.as_ref()?.lock().ok()?.get(task).cloned()
    }
}

impl Listener for Screen {
    fn warning(&self, message: &str) {
        self.line(&format!("warning: {message}"));
    }

    fn info(&self, message: &str) {
        if !self.quiet {
            self.line(message);
        }
    }

    fn begin(&self, task: &str, bytes: u64) {
        let Some(bars) = &self.bars else { return };
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix:>10} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}");
        bar.set_style(style.expect("the template is constant").progress_chars("=> "));
        bar.set_prefix(task.to_owned());
        if let Ok(mut bars) = bars.lock() {
            bars.insert(task.to_owned(), bar);
        }
    }

    fn advance(&self, task: &str, bytes: u64) {
        if let Some(bar) = self.bar(task) {
            bar.inc(bytes);
        }
    }

    fn end(&self, task: &str) {
        if let Some(bar) = self.bars.as_ref().and_then(|bars| bars.lock().ok()?.remove(task)) {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judgements_have_their_colours_and_the_text_stays() {
        assert_eq!(painted("a.deb: error[secret]: /k: x\n"), "a.deb: \x1b[31merror\x1b[0m[secret]: /k: x\n");
        assert_eq!(
            painted("verdict        NOT as claimed: 1 difference\n"),
            "\x1b[31mverdict        NOT as claimed: 1 difference\x1b[0m\n"
        );
        assert_eq!(painted("a.deb: as claimed: 3 x MD5\n"), "a.deb: \x1b[32mas claimed: \x1b[0m3 x MD5\n");
        assert_eq!(painted("help: chmod o-w\n"), "help: chmod o-w\n");
        // Lines of a file are no judgement.
        assert_eq!(painted("-rw-r--r-- /DIFFERS x\n"), "-rw-r--r-- /DIFFERS x\n");
    }

    #[test]
    fn an_excerpt_points_at_what_is_wrong() {
        let text = "[product]\n\tnmae = \"x\"\n".to_owned();
        let shown = excerpt(&Snippet { file: "linkpack.toml".into(), span: 11..15, text });
        assert_eq!(shown, " --> linkpack.toml:2:2\n  |\n2 | \tnmae = \"x\"\n  | \t^^^^");
    }

    #[test]
    fn an_excerpt_of_a_place_beyond_the_text_does_not_panic() {
        let shown = excerpt(&Snippet { file: "f".into(), span: 90..99, text: "a\n".into() });
        assert!(shown.contains("f:2:1"), "{shown}");
    }
}
