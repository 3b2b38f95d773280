//! The sentences of errors in the TOML itself.

use super::fault::Fault;
use std::ops::Range;

/// A mistake in the TOML itself.
pub fn syntax(text: &str, message: &str, span: Range<usize>) -> Fault {
    let start = span.start.min(text.len());
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let raw = text.get(span.clone()).unwrap_or_default().trim();
    let fault =
        |what: String, help: String, span: Range<usize>| Fault { what, help: Some(help), note: None, span, path: Vec::new() };
    let key = line.trim_start_matches(['-', ' ', '\t']).split(['=', ':', ' ']).next().unwrap_or_default().trim();
    let begins_comment = ["//", "--", ";", "/*", "<!--"].iter().find(|mark| line.trim_start().starts_with(**mark));
    if let Some(mark) = begins_comment {
        let words = line.trim_start().trim_start_matches(mark).trim();
        return fault(format!("{mark} begins no comment here"), format!("write # {words}"), span);
    }
    // Words that are true and false elsewhere, and what a value begins like.
    let value = line.split_once('=').map_or("", |(_, value)| value.split('#').next().unwrap_or_default().trim());
    if ["invalid float", "invalid boolean", "invalid integer", "must be quoted"].iter().any(|part| message.contains(part)) {
        let known = match value.to_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some("true"),
            "false" | "no" | "off" | "n" => Some("false"),
            _ => None,
        };
        if let Some(known) = known {
            return fault(format!("{value} is not how true or false is written"), format!("write {key} = {known}"), span);
        }
        let word = !value.is_empty() && !value.starts_with(['[', '{', '"', '\'']);
        if word {
            let bare = value.trim_matches(|c| "“”„‟‘’‚«»".contains(c));
            return fault("a text stands in quotes".to_owned(), format!("write {key} = \"{bare}\""), span);
        }
    }
    if message.contains("unexpected key or value") {
        let help = "write each KEY = VALUE on a line of its own; a comment begins with #".to_owned();
        return fault(format!("something follows the value of {key}"), help, span);
    }
    if message.contains("unquoted keys cannot be empty") {
        return fault(
            "the key before the = is missing".to_owned(),
            format!("write KEY = {}", if value.is_empty() { "VALUE" } else { value }),
            span,
        );
    }
    if message.contains("extra `=`") || message.contains("extra \"=\"") {
        let value = value.trim_start_matches(['=', ' ']);
        return fault("there is one = too many".to_owned(), format!("write {key} = {value}"), span);
    }
    if raw.is_empty() && message.contains("must be quoted") {
        return fault(
            format!("the key {key} has no value"),
            format!("write {key} = \"...\""),
            line_start..line_start + key.len(),
        );
    }
    if message.contains("invalid key-value pair") {
        let what = "this line is neither a [table] nor a KEY = VALUE".to_owned();
        return fault(what, "write name = \"value\", or put a # before it".to_owned(), span);
    }
    if message.contains("key with no value") {
        return fault(format!("the key {key} has no value"), format!("write {key} = VALUE, with an = between"), span);
    }
    if message.contains("unclosed table") || message.contains("unclosed array table") {
        let name = line.trim().trim_matches(['[', ']']);
        let (open, close) = if line.trim().starts_with("[[") { ("[[", "]]") } else { ("[", "]") };
        return fault("the header of this table has no end".to_owned(), format!("write {open}{name}{close}"), span);
    }
    if message.contains("must be quoted") {
        return fault("a text stands in quotes".to_owned(), format!("write \"{raw}\""), span);
    }
    if message.contains("escaped value") {
        let value = line.split_once('=').map_or("", |(_, value)| value.trim()).trim_matches('"');
        let what = "in double quotes a backslash begins an escape, such as \\n".to_owned();
        return fault(what, format!("write the text in single quotes: '{}'", value.split('"').next().unwrap_or(value)), span);
    }
    if message.contains("invalid basic string") || message.contains("invalid literal string") {
        let what = "a text in quotes has no end in its line".to_owned();
        return fault(
            what,
            "close it with the quote that opens it; a text of several lines stands in \"\"\" ... \"\"\"".to_owned(),
            span,
        );
    }
    if message.contains("duplicate key") {
        let first = text[..start].lines().enumerate().filter(|(_, line)| line.trim_start().starts_with(raw)).last();
        let known = first.map(|(at, _)| format!("; it stands in line {} already", at + 1)).unwrap_or_default();
        let help = match raw {
            "container" => "write every container with two brackets: [[container]], and its name in a line name = \"...\"",
            _ => "remove one of them",
        };
        return fault(format!("the key {raw} is there twice{known}"), help.to_owned(), span);
    }
    if let Some(open) = open_bracket(text, start).filter(|_| message.contains("array") || message.contains("inline table")) {
        let (bracket, close, what) = if text[open..].starts_with('[') { ('[', ']', "list") } else { ('{', '}', "table") };
        return fault(
            format!("the {what} that begins here has no end, or lacks a comma"),
            format!("write a comma between its elements, and {close} behind the last, for each {bracket}"),
            open..open + 1,
        );
    }
    let (what, help) = match message.split_once(", expected ") {
        Some((what, expected)) => (what, format!("{} is expected here", expected.replace('`', "\""))),
        None => (message, "see https://toml.io: a line is key = value, a text stands in quotes, a list in [ ]".to_owned()),
    };
    fault(what.replace('`', "\""), help, span)
}

/// The last bracket or brace before a place that is not closed before it; texts in quotes are passed over.
fn open_bracket(text: &str, end: usize) -> Option<usize> {
    let (mut open, mut quote): (Vec<usize>, Option<char>) = (Vec::new(), None);
    let begins_line = |at: usize| text[..at].rfind('\n').map_or(0, |newline| newline + 1) == at;
    let mut comment = false;
    for (at, c) in text[..end].char_indices() {
        match (quote, c) {
            (_, '\n') => {
                comment = false;
                quote = None;
            }
            _ if comment => {}
            (Some(mark), _) if mark == c => quote = None,
            (Some(_), _) => {}
            (None, '#') => comment = true,
            (None, '"' | '\'') => quote = Some(c),
            // A header, not a list.
            (None, '[') if begins_line(at) => open.clear(),
            (None, '[' | '{') => open.push(at),
            (None, ']' | '}') => drop(open.pop()),
            _ => {}
        }
    }
    open.pop()
}
