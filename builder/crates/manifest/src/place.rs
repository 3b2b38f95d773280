//! Where keys and values stand in a manifest's text.

use std::ops::Range;
use toml::de::{DeTable, DeValue};
use toml::Spanned;

/// A step on the way from the whole file to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into a table.
    Key(String),
    /// Into a list.
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Step::Key(key.to_owned())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Step::Index(index)
    }
}

/// The way to a value from the whole file: `steps!["container", 2, "command"]`.
#[macro_export]
macro_rules! steps {
    ($($step:expr),* $(,)?) => { Vec::from([$($crate::place::Step::from($step)),*]) };
}
pub(crate) use steps;

/// Something that stands in the text.
#[derive(Debug)]
pub struct Node {
    /// The way to it.
    pub path: Vec<Step>,
    /// Where its key stands, for what is in a table.
    pub key: Option<Range<usize>>,
    /// Where its value stands; of a table with a header, the header.
    pub value: Range<usize>,
    /// Whether its value is a list.
    pub is_list: bool,
}

/// Every key and value below a table, parents first.
pub fn nodes(table: &DeTable) -> Vec<Node> {
    let mut all = Vec::new();
    collect(table, &Vec::new(), &mut all);
    all
}

fn collect(table: &DeTable, above: &[Step], all: &mut Vec<Node>) {
    for (key, value) in table.iter() {
        let path = [above, &[Step::from(key.get_ref().as_ref())]].concat();
        all.push(node(&path, Some(key.span()), value));
        inside(value.get_ref(), &path, all);
    }
}

fn node(path: &[Step], key: Option<Range<usize>>, value: &Spanned<DeValue>) -> Node {
    Node { path: path.to_vec(), key, value: value.span(), is_list: matches!(value.get_ref(), DeValue::Array(_)) }
}

fn inside(value: &DeValue, path: &[Step], all: &mut Vec<Node>) {
    match value {
        DeValue::Table(table) => collect(table, path, all),
        DeValue::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                let path = [path, &[Step::from(index)]].concat();
                all.push(node(&path, None, value));
                inside(value.get_ref(), &path, all);
            }
        }
        _ => {}
    }
}

/// The place of a value, or of what is nearest above it; steps that lead nowhere are passed over: a source is a text, a table or a list.
pub fn nearest(nodes: &[Node], text: &str, path: &[Step]) -> Range<usize> {
    let mut at: Option<&Node> = None;
    for step in path {
        let here = at.map(|node| node.path.as_slice()).unwrap_or_default();
        let next = nodes
            .iter()
            .find(|node| node.path.len() == here.len() + 1 && node.path.starts_with(here) && node.path.last() == Some(step));
        at = next.or(at);
    }
    let Some(node) = at else { return 0..0 };
    // What takes several lines is shown by its key.
    let one_line = |span: &Range<usize>| !span.is_empty() && !text[span.clone()].contains('\n');
    match &node.key {
        Some(key) if !one_line(&node.value) => key.clone(),
        _ => node.value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_and_else_what_is_above_it() {
        let text = "[a]\nb = { c = [1, 22] }\n[[d]]\n[[d]]\ne = \"\"\"\nx\n\"\"\"\n";
        let (table, _) = DeTable::parse_recoverable(text);
        let nodes = nodes(table.get_ref());
        let find = |path: &[Step]| nearest(&nodes, text, path);
        let found = |path: &[Step]| &text[find(path)];
        assert_eq!(found(&steps!["a", "b", "c", 1]), "22");
        assert_eq!(found(&steps!["a", "b", "c", 1, "source"]), "22");
        assert_eq!(found(&steps!["a", "b", 0, "c"]), "[1, 22]");
        assert_eq!(found(&steps!["a", "nothing"]), "[a]");
        assert_eq!(found(&steps!["d", 1, "e"]), "e");
        assert_eq!(find(&steps!["d", 1, "f"]).start, 30);
        assert_eq!(find(&steps!["nothing"]), 0..0);
    }
}
