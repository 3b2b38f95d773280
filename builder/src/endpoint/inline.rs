//! Shell modules put into a script that has to stand alone: of each module only the functions that the script can reach.
//!
//! The modules keep to a form that makes this safe to read: a function begins with `name() {` and ends with `}`, both at the start of a
//! line, or stands on one line. A text of several lines (`NAME='`, and a line that ends with `'`) is taken where it is named, too; what
//! else stands between functions is always taken.

use std::collections::{BTreeSet, HashMap};

/// A piece of a module with the comment above it.
struct Piece<'a> {
    /// What names a function or a text of several lines; nothing else has one.
    name: Option<&'a str>,
    text: &'a str,
}

/// What `modules` give to a script whose own text is `script`, in their order.
pub fn reachable(modules: &[String], script: &str) -> String {
    let pieces: Vec<Vec<Piece>> = modules.iter().map(|module| pieces(module)).collect();
    let mut bodies: HashMap<&str, Vec<&str>> = HashMap::new();
    for piece in pieces.iter().flatten() {
        if let Some(name) = piece.name {
            bodies.entry(name).or_default().push(piece.text);
        }
    }
    let loose = pieces.iter().flatten().filter(|piece| piece.name.is_none());
    let mut open: Vec<&str> = loose.map(|piece| piece.text).chain([script]).collect();
    let mut wanted = BTreeSet::new();
    while let Some(text) = open.pop() {
        for name in words(text).filter(|word| bodies.contains_key(word)) {
            if wanted.insert(name) {
                open.extend(&bodies[name]);
            }
        }
    }
    let kept = pieces.iter().flatten().filter(|piece| piece.name.is_none_or(|name| wanted.contains(name)));
    let mut text = String::new();
    for piece in kept {
        // Empty lines around what was left out.
        if !piece.text.trim().is_empty() || !text.ends_with("\n\n") {
            text.push_str(piece.text);
        }
    }
    format!("{}\n", text.trim_end())
}

/// The names of a module's functions and texts.
#[cfg(test)]
pub fn names(module: &str) -> Vec<&str> {
    pieces(module).into_iter().filter_map(|piece| piece.name).collect()
}

/// The words of a text that can be names, those of whole-line comments left out.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    code.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')).filter(|word| !word.is_empty())
}

fn pieces(module: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    let mut inside: Option<Begun> = None;
    for line in module.split_inclusive('\n') {
        at += line.len();
        let text = line.trim_end();
        let ends = match inside {
            Some(Begun::Function(_)) => text == "}",
            Some(Begun::Text(_)) => text.ends_with('\''),
            None => {
                inside = begun(text);
                match inside {
                    Some(Begun::Function(_)) => text.ends_with('}'),
                    Some(Begun::Text(_)) => false,
                    None => !text.is_empty() && !text.starts_with('#'),
                }
            }
        };
        // An empty line parts a module's own comment from its first function.
        if ends || (inside.is_none() && text.is_empty()) {
            let name = inside.take().map(|(Begun::Function(name) | Begun::Text(name))| name);
            pieces.push(Piece { name, text: &module[start..at] });
            start = at;
        }
    }
    pieces.push(Piece { name: None, text: &module[start..] });
    pieces
}

/// What a line begins: its name.
enum Begun<'a> {
    Function(&'a str),
    Text(&'a str),
}

fn begun(line: &str) -> Option<Begun<'_>> {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if let Some(name) = line.strip_suffix("='").filter(|name| is_name(name)) {
        return Some(Begun::Text(name));
    }
    let (name, rest) = line.split_once("()")?;
    (is_name(name) && rest.trim_start().starts_with('{')).then_some(Begun::Function(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &str = "# A module.\n\na=1\n\n# Used.\nused() {\n    inner \"$1\" # unused\n}\n\n# Not used.\nunused() {\n    used\n}\n\ninner() { printf x; }\nb='two\nlines'\n";

    #[test]
    fn a_script_gets_what_it_calls_and_what_that_calls() {
        let text = reachable(&[MODULE.to_owned()], "# unused\nused\n");
        assert_eq!(names(&text), ["used", "unused", "inner"], "a word behind code counts, even in a comment");
        let text = reachable(&[MODULE.replace(" # unused", "")], "# unused\nused\n");
        assert_eq!(names(&text), ["used", "inner"]);
        assert!(
            text.starts_with("# A module.\n\na=1\n") && text.contains("# Used.\n") && !text.contains("# Not used."),
            "{text}"
        );
        assert!(text.ends_with("b='two\nlines'\n"), "{text}");
    }

    #[test]
    fn a_text_of_several_lines_is_taken_where_it_is_named() {
        let module = "# For awk.\nPROGRAM='\n    { print }'\n\nused() {\n    awk \"$PROGRAM\"\n}\n\nother() {\n    :\n}\n";
        assert!(reachable(&[module.to_owned()], "used").contains("# For awk.\nPROGRAM='\n    { print }'\n"));
        assert_eq!(names(&reachable(&[module.to_owned()], "other")), ["other"]);
    }

    #[test]
    fn nothing_of_a_module_is_lost_when_all_of_it_is_called() {
        assert_eq!(reachable(&[MODULE.to_owned()], "used; unused"), MODULE);
    }
}
