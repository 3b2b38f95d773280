//! What is wrong in a manifest, and where.

use super::place::Step;
use std::ops::Range;

/// A mistake in the text.
#[derive(Debug)]
pub struct Fault {
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub help: Option<String>,
    /// A fact that says why.
    pub note: Option<String>,
    /// Where.
    pub span: Range<usize>,
    /// The way to it.
    pub path: Vec<Step>,
}

impl Fault {
    /// Whether a mistake at a path may be nothing but this one's consequence.
    pub fn covers(&self, path: &[Step]) -> bool {
        let shared = self.path.iter().zip(path).take_while(|(a, b)| a == b).count();
        shared == self.path.len() || shared == path.len() || (shared >= 2 && self.path[0] == Step::from("container"))
    }
}
