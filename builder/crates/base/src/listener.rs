//! What library code tells its user while it works; the command line decides how it looks.

/// Receives events of a build. Methods are called from several threads.
pub trait Listener: Sync {
    /// Something the user should look at, though the build goes on.
    fn warning(&self, message: &str);
    /// A fact worth a line.
    fn info(&self, message: &str);
    /// A file is complete and will get this name.
    fn wrote(&self, file: &str) {
        self.info(&format!("wrote {file}"));
    }
    /// A piece of work begins: its name and its size in bytes; 0 where that is not known.
    fn begin(&self, _task: &str, _bytes: u64) {}
    /// The task is at this piece now: a file, and how it is compressed.
    fn at(&self, _task: &str, _piece: &dyn std::fmt::Display) {}
    /// That many more bytes of the task are done.
    fn advance(&self, _task: &str, _bytes: u64) {}
    /// The task ended.
    fn end(&self, _task: &str) {}
}

/// A listener that hears nothing.
pub struct Silent;

impl Listener for Silent {
    fn warning(&self, _: &str) {}
    fn info(&self, _: &str) {}
}

/// The first few of a list, and how many more there are: for a message about all of them.
pub fn some_of(list: &[String], most: usize) -> String {
    let shown = list.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match list.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
