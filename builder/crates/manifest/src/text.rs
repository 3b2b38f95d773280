//! A manifest's text with what the command line gives beside it: where each value stands, to point errors at.

use super::given::{dotted, Given, Outside};
use super::place::{self, Node, Step};
use base::error::{Error, Snippet};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::de::DeTable;

/// The texts that a product's values come from.
#[derive(Debug)]
pub struct Text {
    file: String,
    /// The file's text, then the options, a line each.
    all: String,
    /// Bytes of `all` that are the file's.
    len: usize,
    nodes: Vec<Node>,
    /// Ways to values that environment variables give, with the variables' names.
    variables: Vec<(Vec<Step>, String)>,
    /// The values that came from outside the file, by dotted key.
    given: BTreeMap<String, String>,
}

impl Text {
    /// Of a file without anything else.
    pub fn new(file: &str, text: &str, given: &Given) -> Self {
        let all = given.text(text);
        Text { file: file.to_owned(), len: text.len(), all, nodes: Vec::new(), variables: Vec::new(), given: BTreeMap::new() }
    }

    /// Remembers where the values stand, and which of them come from outside the file.
    pub fn laid(&mut self, table: &DeTable, outside: &[Outside]) {
        self.nodes = place::nodes(table);
        for one in outside {
            self.given.insert(dotted(&one.path), one.value.clone());
            self.variables.extend(one.variable.clone().map(|name| (one.path.clone(), name)));
        }
    }

    /// The file's name in messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The file's text and the options.
    pub fn all(&self) -> &str {
        &self.all
    }

    /// The values that came from outside the file, by dotted key.
    pub fn given(&self) -> &BTreeMap<String, String> {
        &self.given
    }

    /// The place of a value, or of what is nearest above it.
    pub fn find(&self, path: &[Step]) -> Range<usize> {
        place::nearest(&self.nodes, &self.all, path)
    }

    /// Points an error at a place: of the file, or of an option.
    pub fn point(&self, error: Error, span: Range<usize>, path: &[Step]) -> Error {
        let given = |(at, name): &(Vec<Step>, String)| {
            path.starts_with(at).then(|| format!("the value comes from the environment variable {name}"))
        };
        let error = match self.variables.iter().find_map(given) {
            Some(note) => error.note(note),
            None => error,
        };
        if span.start <= self.len {
            return error.at(Snippet { file: self.file.clone(), text: self.all[..self.len].to_owned(), span });
        }
        let start = self.all[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let text = self.all[start..].lines().next().unwrap_or_default().to_owned();
        error.at(Snippet { file: "command line".to_owned(), text, span: span.start - start..span.end.max(span.start) - start })
    }
}
