//! The one error type: what happened, where, and what to do next.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// The result of everything in linkpack that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error a release engineer reads: one sentence of what happened, notes of where, help for the next step.
///
/// An error that points into a file carries the file's text and the byte range, which the command line shows as a snippet.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    what: String,
    notes: Vec<String>,
    help: Option<String>,
    snippet: Option<Snippet>,
    interrupted: bool,
    unsupported: bool,
    more: Vec<Error>,
    source: Option<Arc<std::io::Error>>,
}

/// The place in a text file that an error is about.
#[derive(Debug, Clone)]
pub struct Snippet {
    /// The file's name as the user gave it.
    pub file: String,
    /// The whole text of the file.
    pub text: String,
    /// The byte range in `text` that is wrong.
    pub span: std::ops::Range<usize>,
}

impl Snippet {
    /// The line and the column of its beginning, both from 1; columns are characters.
    pub fn place(&self) -> (usize, usize) {
        let start = self.span.start.min(self.text.len());
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        (self.text[..start].matches('\n').count() + 1, self.text[line_start..start].chars().count() + 1)
    }
}

/// Text with nothing in it that a terminal obeys but its own lines and tabs: names and values from anyone's files end up in messages.
pub fn plain(text: String) -> String {
    without(text, |c| steers(c) && c != '\n' && c != '\t')
}

/// The same as one line: a line break in a name would begin a line that looks like ours.
pub fn plain_line(text: String) -> String {
    without(text, steers)
}

/// Whether a character steers terminals, or reverses the reading direction, or is not seen at all.
pub fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn without(text: String, obeyed: impl Fn(char) -> bool) -> String {
    if !text.contains(&obeyed) {
        return text;
    }
    let mut plain = String::new();
    for c in text.chars() {
        match obeyed(c) {
            true => plain.extend(c.escape_default()),
            false => plain.push(c),
        }
    }
    plain
}

impl Error {
    /// An error that says in one sentence what happened.
    pub fn new(what: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            what: plain_line(what.into()),
            notes: Vec::new(),
            help: None,
            snippet: None,
            interrupted: false,
            unsupported: false,
            more: Vec::new(),
            source: None,
        }))
    }

    /// An operating system error: what was tried, on which path, and the system's reason.
    pub fn io(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        Error::failed(&format!("cannot {doing} {}", path.display()), error)
    }

    /// An operating system error behind a sentence of one's own, which it completes: "cannot write the package: no space left". One that
    /// carries an error of ours, as writers hand it on, is that error: an interrupt stays one.
    pub fn failed(what: &str, error: &std::io::Error) -> Self {
        if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            return inner.clone();
        }
        let mut made = Error::new(format!("{what}: {error}"));
        let kept = match error.raw_os_error() {
            Some(code) => std::io::Error::from_raw_os_error(code),
            None => std::io::Error::new(error.kind(), error.to_string()),
        };
        made.0.source = Some(Arc::new(kept));
        made
    }

    /// The user asked to stop (a signal); nothing is wrong with the input.
    pub fn interrupted() -> Self {
        let mut error = Error::new("interrupted: nothing was left under a package's name");
        error.0.interrupted = true;
        error
    }

    /// Whether this is [`Error::interrupted`].
    pub fn is_interrupted(&self) -> bool {
        self.0.interrupted
    }

    /// Says that nothing is wrong with the input: linkpack does not read its kind.
    pub fn unsupported(mut self) -> Self {
        self.0.unsupported = true;
        self
    }

    /// Whether this is one of [`Error::unsupported`].
    pub fn is_unsupported(&self) -> bool {
        self.0.unsupported
    }

    /// Adds a fact that says where or why.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.0.notes.push(plain(note.into()));
        self
    }

    /// Says what to do next; the first help given stays. An interrupt needs none.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        if self.0.interrupted {
            return self;
        }
        self.0.help.get_or_insert_with(|| plain(help.into()));
        self
    }

    /// Points into a text file.
    pub fn at(mut self, snippet: Snippet) -> Self {
        self.0.snippet = Some(snippet);
        self
    }

    /// Errors that were found at once, in the order in which they are told; `None` without any.
    pub fn all(errors: impl IntoIterator<Item = Error>) -> Option<Self> {
        let mut errors = errors.into_iter();
        let mut first = errors.next()?;
        first.0.more.extend(errors);
        Some(first)
    }

    /// Those that were found with this one.
    pub fn more(&self) -> &[Error] {
        &self.0.more
    }

    /// The one sentence.
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// The facts that say where or why, in the order they were added.
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }

    /// What to do next.
    pub fn help_text(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The place in a text file, when the error is about one.
    pub fn snippet(&self) -> Option<&Snippet> {
        self.0.snippet.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Turns an [`std::io::Error`] into an [`Error`] that names what was tried and the path.
pub trait IoContext<T> {
    /// `doing` reads after "cannot": "read", "create", "rename to".
    fn or_cannot(self, doing: &str, path: &Path) -> Result<T>;
}

impl<T> IoContext<T> for std::io::Result<T> {
    fn or_cannot(self, doing: &str, path: &Path) -> Result<T> {
        self.map_err(|error| Error::io(doing, path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::Error;
    use std::path::Path;

    #[test]
    fn an_interrupt_that_a_writer_handed_on_is_still_one_and_asks_for_nothing() {
        let handed_on = std::io::Error::other(Error::interrupted());
        let error = Error::io("write", Path::new("x"), &handed_on).help("free some space");
        assert!(error.is_interrupted() && error.help_text().is_none());
        assert_eq!(error.what(), Error::interrupted().what());
    }

    #[test]
    fn an_error_of_the_system_keeps_its_source() {
        let error = Error::io("read", Path::new("x"), &std::io::Error::from_raw_os_error(28));
        let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<std::io::Error>());
        assert_eq!(source.and_then(std::io::Error::raw_os_error), Some(28));
    }

    #[test]
    fn an_error_has_nothing_in_it_that_a_terminal_obeys() {
        let error = Error::new("a name \u{1b}[2Jé\nerror: forged\u{202e}").note("bell\u{7}").help("tab\tand\nline\u{9b}");
        assert_eq!(error.what(), "a name \\u{1b}[2Jé\\nerror: forged\\u{202e}");
        assert_eq!(error.notes(), ["bell\\u{7}"]);
        assert_eq!(error.help_text(), Some("tab\tand\nline\\u{9b}"));
    }
}
