//! JSON documents whose long lists are made while they are written.

use base::error::{Error, Result};
use serde::{Serialize, Serializer};
use std::cell::RefCell;
use std::io::Write;

/// A list that is made anew each time it is written.
pub struct List<F>(pub F);

impl<F, I> Serialize for List<F>
where
    F: Fn() -> I,
    I: Iterator,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// The first thing that went wrong while a list was made.
#[derive(Default)]
pub struct Failure(RefCell<Option<Error>>);

impl Failure {
    /// Gives the value, or keeps the error and gives nothing.
    pub fn keep<T>(&self, result: Result<Option<T>>) -> Option<T> {
        result.unwrap_or_else(|error| {
            self.0.borrow_mut().get_or_insert(error);
            None
        })
    }

    /// Writes a document, indented by one space a level.
    ///
    /// # Errors
    /// What was kept, or the document cannot be written.
    pub fn write(&self, document: &impl Serialize, out: &mut dyn Write) -> Result<()> {
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let done = document.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, formatter));
        if let Some(error) = self.0.take() {
            return Err(error);
        }
        let done = done.map_err(std::io::Error::from).and_then(|()| out.write_all(b"\n"));
        done.map_err(|error| Error::new(format!("cannot write the bill of materials: {error}")))
    }
}
