//! How messages, errors and progress look: plain without a terminal, bars and colours on one.

pub use super::line::say;
use super::progress::Progress;
use crate::error::{plain_line, Error, Snippet};
use crate::listener::Listener;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

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
    const MARKS: [(&str, &str); 14] = [
        ("DIFFERS ", RED),
        ("DAMAGED ", RED),
        ("NOT READ ", YELLOW),
        ("verdict        NOT ", RED),
        ("verdict        FAILED", RED),
        ("verdict        correctly signed ", GREEN),
        ("verdict        ", YELLOW),
        (": error[", RED),
        (": error: ", RED),
        (": FAILED", RED),
        (": NOT verified", RED),
        (": warning[", YELLOW),
        (": good, ", GREEN),
        (": OK: ", GREEN),
    ];
    let starts = |mark: &str| mark.starts_with(':') || line.starts_with(mark);
    let Some((mark, colour)) = MARKS.iter().find(|(mark, _)| starts(mark) && line.contains(mark)) else { return line.to_owned() };
    let Some((before, after)) = line.split_once(mark) else { return line.to_owned() };
    let (colon, mark) = mark.strip_prefix(": ").map_or(("", *mark), |mark| (": ", mark));
    // A mark without the values of a finding is its word alone.
    let (mark, bracket) = mark.strip_suffix('[').map_or((mark, ""), |mark| (mark, "["));
    match mark.starts_with("verdict") || mark.starts_with("NOT ") || mark.starts_with("FAILED") {
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
        say(&below("note: ", note));
    }
    if let Some(help) = error.help_text() {
        say(&below("help: ", help));
    }
}

/// A text of several lines, those after the first one indented: none of them looks like a line of ours.
fn below(before: &str, text: &str) -> String {
    format!("{before}{}", text.replace('\n', "\n  "))
}

/// The line that an error is about, with its number, and carets below what is wrong.
fn excerpt(snippet: &Snippet) -> String {
    let start = snippet.span.start.min(snippet.text.len());
    let line_start = snippet.text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line = snippet.text[line_start..].lines().next().unwrap_or_default();
    let (number, column) = snippet.place();
    let before: String = snippet.text[line_start..start].chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let wrong = &snippet.text[start..snippet.span.end.clamp(start, line_start + line.len().max(start - line_start))];
    let carets = "^".repeat(wrong.chars().count().max(1));
    let gutter = " ".repeat(number.to_string().len());
    format!("{gutter}--> {}:{number}:{column}\n{gutter} |\n{number} | {line}\n{gutter} | {before}{carets}", snippet.file)
}

/// Tells the user what a verb does, on stderr.
pub struct Screen {
    quiet: bool,
    /// What stands before a fact.
    prefix: &'static str,
    /// None where nothing takes long, and with `--quiet`.
    progress: Option<Progress>,
    warnings: Mutex<Vec<String>>,
}

impl Screen {
    /// For work that may take long; `quiet` leaves warnings only.
    pub fn new(quiet: bool) -> Self {
        let progress = (!quiet).then(|| Progress::new(std::io::stderr().is_terminal()));
        Screen { progress, ..Screen::still(quiet) }
    }

    /// For what takes no time.
    pub fn still(quiet: bool) -> Self {
        Screen { quiet, prefix: "note: ", progress: None, warnings: Mutex::default() }
    }

    /// For a log: a line for each fact, as it is.
    pub fn log(quiet: bool) -> Self {
        Screen { prefix: "", ..Screen::still(quiet) }
    }

    /// The warnings so far.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A line of the result.
    pub fn result(&self, line: &str) {
        if !self.quiet {
            self.line(line);
        }
    }

    fn line(&self, line: &str) {
        let line = plain_line(line.to_owned());
        match &self.progress {
            Some(progress) => progress.print(&line),
            None => say(&line),
        }
    }
}

impl Listener for Screen {
    fn warning(&self, message: &str) {
        self.line(&format!("warning: {message}"));
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(plain_line(message.to_owned()));
    }

    fn info(&self, message: &str) {
        self.result(&format!("{}{message}", self.prefix));
    }

    fn wrote(&self, file: &str) {
        self.result(&format!("wrote {file}"));
    }

    fn begin(&self, task: &str, bytes: u64) {
        self.progress.iter().for_each(|progress| progress.begin(task, bytes));
    }

    fn at(&self, task: &str, piece: &dyn std::fmt::Display) {
        self.progress.iter().for_each(|progress| progress.at(task, piece));
    }

    fn advance(&self, task: &str, bytes: u64) {
        self.progress.iter().for_each(|progress| progress.advance(task, bytes));
    }

    fn end(&self, task: &str) {
        self.progress.iter().for_each(|progress| progress.end(task));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judgements_have_their_colours_and_the_text_stays() {
        assert_eq!(painted("a.deb: error[secret]: /k: x\n"), "a.deb: \x1b[31merror\x1b[0m[secret]: /k: x\n");
        assert_eq!(painted("verdict        FAILED: 1 difference\n"), "\x1b[31mverdict        FAILED: 1 difference\x1b[0m\n");
        assert_eq!(painted("a.deb: OK: 3 x MD5\n"), "a.deb: \x1b[32mOK: \x1b[0m3 x MD5\n");
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
