//! The sentences of errors in a manifest's text: what is wrong in plain words, and what to write instead; never a name of Rust's.

use super::fault::Fault;
use super::place::Step;
use std::ops::Range;

/// The key that a table lacks, by serde's sentence.
pub fn missing(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `").map(|rest| rest.trim_end_matches('`'))
}

/// A mistake in the values.
pub fn value(text: &str, message: &str, span: Range<usize>, path: Vec<Step>) -> Fault {
    let raw = text.get(span.clone()).unwrap_or_default();
    let (what, help) = sentence(message, raw, &path);
    Fault { what, help, note: None, span, path }
}

/// Splits serde's sentence into what is wrong and what to write instead.
fn sentence(message: &str, raw: &str, path: &[Step]) -> (String, Option<String>) {
    let message = message.trim_end();
    if let Some((what, help)) = message.split_once("; write ") {
        return (what.to_owned(), Some(format!("write {help}")));
    }
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let (unknown, expected) = rest.split_once('`').unwrap_or((rest, ""));
        let help = in_another_table(unknown, path).unwrap_or_else(|| suggest(unknown, &in_quotes(expected)));
        return (format!("unknown key \"{unknown}\""), Some(help));
    }
    if let Some(rest) = message.strip_prefix("unknown variant `") {
        let (unknown, expected) = rest.split_once('`').unwrap_or((rest, ""));
        return (format!("\"{unknown}\" is not known here"), Some(suggest(unknown, &in_quotes(expected))));
    }
    if let Some(missing) = missing(message) {
        return (format!("the key \"{missing}\" is missing"), Some(add_key(missing, path)));
    }
    if message == "wanted string or table" {
        return wrong_type("integer `x`", "a string", raw, path);
    }
    let wrong = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    match wrong.and_then(|rest| rest.split_once(", expected ")) {
        Some((found, expected)) => wrong_type(found, expected, raw, path),
        None => (message.to_owned(), None),
    }
}

fn in_quotes(list: &str) -> Vec<&str> {
    list.split('`').skip(1).step_by(2).collect()
}

/// What a required key may look like.
fn add_key(key: &str, path: &[Step]) -> String {
    let example = match key {
        "product" | "connector" => {
            return format!("add the table [{key}] (\"linkpack init DIR\" writes an example of all of it)")
        }
        "contact" => "\"Example Ltd <support@example.com>\"",
        "version" => "\"1.0.0\"",
        "license" => "\"Apache-2.0\"",
        "payload" => "{ linux-x86_64 = \"a folder or package\" }",
        "command" => "[\"bin/agent\", \"-f\"]",
        "source" => "\"a folder or package\"",
        _ => "\"...\"",
    };
    let inline = path.iter().any(|step| *step == Step::from("source"));
    format!("add {} {key} = {example} to this table", if inline { "" } else { "a line" }).replace("  ", " ")
}

/// The last key on the way to a value.
fn key_of(path: &[Step]) -> &str {
    let keys = path.iter().rev().filter_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Index(_) => None,
    });
    keys.into_iter().next().unwrap_or("this")
}

fn wrong_type(found: &str, expected: &str, raw: &str, path: &[Step]) -> (String, Option<String>) {
    let key = key_of(path);
    if let Some(header) = raw.strip_prefix("[[").filter(|_| found == "map" && expected != "a sequence") {
        let name = header.trim_end_matches(']');
        return (format!("[[{name}]] begins one table of a list, and {name} is one table"), Some(format!("write [{name}]")));
    }
    // The place of a table with a header is the header.
    let raw = if raw.starts_with('[') && matches!(found, "map") { "" } else { raw };
    let in_list = matches!(path.last(), Some(Step::Index(_)));
    let (kind, value) = match found.split_once(' ') {
        Some(("boolean", _)) => ("true or false", raw),
        Some(("integer", _)) | Some(("floating", _)) => ("a number", raw),
        Some(("string", _)) => ("a text", raw),
        _ if found == "map" && raw.starts_with(|c: char| c.is_ascii_digit()) => ("a date or a time", raw),
        _ if found == "map" => ("a table", ""),
        _ if found == "sequence" => ("a list", ""),
        _ => ("of another kind", ""),
    };
    let (wanted, mut example) = wanted(key, expected, value, kind);
    // Most likely meant for a value of the environment, which a site file does not take: its keys are in no table.
    if kind == "a table" && wanted == "a text in quotes" && path.len() > 1 {
        example = Some(format!("\"...\", or {key} = {{ env = \"NAME\" }} to take it from the environment"));
    }
    let place = if in_list { format!("in the list {key}, this") } else { key.to_owned() };
    let shown = if value.is_empty() || value.len() > 60 { kind.to_owned() } else { format!("{value}, {kind}") };
    let number = kind == "a number" && wanted.starts_with("a whole number");
    let what = match number {
        true => format!("{place} is {value}, and {wanted} is needed"),
        false => format!("{place} is {shown}, and {wanted} is needed"),
    };
    let help = example.map(|example| {
        if in_list || example.starts_with("[[") {
            format!("write {example}")
        } else {
            format!("write {key} = {example}")
        }
    });
    (what, help)
}

/// What is needed in plain words, and an example.
fn wanted(key: &str, expected: &str, value: &str, kind: &str) -> (String, Option<String>) {
    let bare = value.trim_matches(['"', '\'']);
    let quoted = || Some(format!("\"{}\"", if value.is_empty() { "..." } else { bare }));
    let whole = |range: &str| {
        let digits: String = bare.trim_start_matches('-').chars().take_while(char::is_ascii_digit).collect();
        let fits = digits.parse::<u32>().is_ok();
        (format!("a whole number{range}"), Some(if fits { digits } else { "10".to_owned() }))
    };
    match expected {
        "a string" | "a borrowed string" => match kind {
            "a table" | "a list" => ("a text in quotes".to_owned(), Some("\"...\"".to_owned())),
            _ => ("a text in quotes".to_owned(), quoted()),
        },
        _ if expected.starts_with("a path, a table") => {
            ("the path of a folder, an archive or a package".to_owned(), Some("\"a folder or package\"".to_owned()))
        }
        _ if expected.starts_with("a value for all systems") => match key {
            "command" => ("a list of a program and its arguments".to_owned(), Some("[\"bin/agent\", \"-f\"]".to_owned())),
            "inject" => ("a text in quotes, or one for each system,".to_owned(), Some("\"preload\"".to_owned())),
            _ => ("a text in quotes, or one for each system,".to_owned(), quoted()),
        },
        "a boolean" => {
            let yes = ["yes", "on", "1", "true", "y"].contains(&bare.to_lowercase().as_str());
            ("true or false (without quotes)".to_owned(), Some(if yes { "true" } else { "false" }.to_owned()))
        }
        "u8" => whole(" from 0 to 255"),
        "u32" => whole(" from 0 to 4294967295"),
        "u16" | "u64" | "usize" => whole(", 0 or more,"),
        "i8" | "i16" | "i32" | "i64" | "isize" => whole(""),
        "a sequence" if key == "container" => {
            ("a table with two brackets, one for each container,".to_owned(), Some("[[container]]".to_owned()))
        }
        "a sequence" if kind == "a text" => ("a list".to_owned(), Some(format!("[{value}]"))),
        "a sequence" => ("a list".to_owned(), Some("[\"...\"]".to_owned())),
        _ if expected == "a map" || expected.starts_with("struct ") => table(key, value),
        _ if expected.starts_with("enum ") || expected.starts_with("string or ") || expected.starts_with("variant") => {
            ("a text in quotes".to_owned(), quoted())
        }
        _ => (expected.to_owned(), quoted()),
    }
}

fn table(key: &str, value: &str) -> (String, Option<String>) {
    let example = match key {
        "executable" if !value.is_empty() => Some(format!("{{ linux = {value} }}")),
        "payload" if !value.is_empty() => Some(format!("{{ linux-x86_64 = {value} }}")),
        "root" if !value.is_empty() => Some(format!("{{ linux = {value} }}")),
        "environment" => Some("{ NAME = \"value\" }".to_owned()),
        _ => Some("{ ... }".to_owned()),
    };
    ("a table".to_owned(), example)
}

/// What to write instead of a word that is none of the known ones.
pub fn suggest(unknown: &str, known: &[&str]) -> String {
    if let Some(alias) = alias(unknown, known).or_else(|| other_word(unknown, known)) {
        return format!("write \"{alias}\"");
    }
    // Of targets and systems another word after the dash is another thing.
    let bound = |key: &str| if key.contains(|c: char| c.is_ascii_digit()) { 2 } else { 2.max(key.len() / 3) };
    let near = known.iter().map(|key| (strsim::damerau_levenshtein(unknown, key), key)).min();
    match near {
        Some((distance, key)) if distance <= bound(key) && alike(unknown, key) => format!("write \"{key}\""),
        _ if known.is_empty() => "remove it".to_owned(),
        _ => format!("write one of: {}", known.join(", ")),
    }
}

/// Targets and systems with another number or processor are no misspelling of each other.
fn alike(unknown: &str, known: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    digits(unknown) == digits(known) || !known.contains(|c: char| c.is_ascii_digit())
}

/// Words that other tools have for a key.
fn other_word<'k>(unknown: &str, known: &[&'k str]) -> Option<&'k str> {
    const WORDS: &[(&str, &[&str])] = &[
        ("command", &["cmd", "exec", "exec-start", "execstart", "run", "program", "entrypoint", "args"]),
        ("contact", &["maintainer", "packager", "email", "mail", "support"]),
        ("publisher", &["vendor", "author", "authors", "manufacturer", "company"]),
        ("description", &["desc", "summary", "synopsis"]),
        ("homepage", &["url", "website"]),
        ("environment", &["env", "environ"]),
        ("run-as", &["user", "account", "username", "runas"]),
        ("payload", &["files", "contents", "sources"]),
        ("source", &["src", "path", "from", "file"]),
        ("exclude", &["ignore", "skip"]),
        ("server-url", &["server", "core", "url"]),
        ("watchdog", &["restart", "respawn"]),
        ("throttle", &["limits", "limit", "resources"]),
        ("executable", &["binary", "bin", "exe", "program"]),
        ("requires", &["depends"]),
        ("depends", &["requires"]),
    ];
    let lower = unknown.to_lowercase().replace('_', "-");
    let all = WORDS.iter().filter(|(_, others)| others.contains(&lower.as_str()));
    all.into_iter().find_map(|(word, _)| known.iter().find(|known| *known == word).copied())
}

/// Other names of targets and systems.
fn alias<'k>(unknown: &str, known: &[&'k str]) -> Option<&'k str> {
    let lower = unknown.to_lowercase().replace(['_', ' ', '/'], "-");
    let lower = lower.replace("x86-64", "x64");
    let find = |name: &str| known.iter().find(|known| **known == name).copied();
    let (system, machine) = lower.split_once('-').unwrap_or((lower.as_str(), ""));
    let machine = match machine {
        "amd64" | "x64" | "x86-64" | "intel64" | "64" | "64bit" => "x86_64",
        "arm64" | "aarch64" | "armv8" | "arm" => "aarch64",
        "i386" | "i486" | "i586" | "i686" | "386" | "ia32" | "32" | "32bit" | "x32" | "x86" => "x86",
        other => other,
    };
    let system = match system {
        "win" | "win32" | "win64" | "windows" => "windows",
        "centos" | "rocky" | "rockylinux" | "alma" | "almalinux" | "oracle" | "oraclelinux" | "ol" | "el" | "redhat" => "rhel",
        "suse" | "opensuse" | "leap" | "sle" => "sles",
        "amzn" | "amazonlinux" | "al" => "amazon",
        other => other,
    };
    let release = match lower.as_str() {
        "buster" => Some("debian-10"),
        "bullseye" => Some("debian-11"),
        "bookworm" => Some("debian-12"),
        "trixie" => Some("debian-13"),
        "bionic" => Some("ubuntu-18.04"),
        "focal" => Some("ubuntu-20.04"),
        "jammy" => Some("ubuntu-22.04"),
        "noble" => Some("ubuntu-24.04"),
        _ => None,
    };
    let major = machine.split('.').next().unwrap_or_default();
    release.and_then(find).or_else(|| find(&format!("{system}-{machine}"))).or_else(|| find(&format!("{system}-{major}")))
}

/// "write it in [connector]", for a key that another table has.
fn in_another_table(unknown: &str, path: &[Step]) -> Option<String> {
    let schema: serde_json::Value = serde_json::from_str(&super::schema()).ok()?;
    let here: Vec<&str> =
        path.iter().filter_map(|step| if let Step::Key(key) = step { Some(key.as_str()) } else { None }).collect();
    let here = here.split_last().map(|(_, above)| above.join(".")).unwrap_or_default();
    let mut tables = Vec::new();
    tables_with(&schema, &schema, unknown, "", 0, &mut tables);
    let known_here = tables.contains(&here);
    match tables.as_slice() {
        [] => None,
        _ if known_here => None,
        [one] => Some(format!("write it in {}", bracketed(one))),
        several => {
            let all: Vec<String> = several.iter().map(|table| bracketed(table)).collect();
            Some(format!("write it in one of: {}", all.join(", ")))
        }
    }
}

fn bracketed(table: &str) -> String {
    match table {
        "" => "no table: above the first [table] of the file".to_owned(),
        "container" => "[[container]]".to_owned(),
        _ => format!("[{table}]"),
    }
}

/// The tables that have a key of that name, by the schema.
fn tables_with(
    schema: &serde_json::Value,
    root: &serde_json::Value,
    key: &str,
    table: &str,
    depth: usize,
    all: &mut Vec<String>,
) {
    let target = schema["$ref"].as_str().and_then(|path| root.pointer(path.trim_start_matches('#'))).unwrap_or(schema);
    let Some(properties) = target["properties"].as_object().filter(|_| depth < 3) else {
        // A list's elements, and what may be absent.
        if let Some(items) = target.get("items") {
            tables_with(items, root, key, table, depth, all);
        }
        return;
    };
    if properties.contains_key(key) && !all.contains(&table.to_owned()) {
        all.push(table.to_owned());
    }
    for (name, inner) in properties {
        let below = if table.is_empty() { name.clone() } else { format!("{table}.{name}") };
        tables_with(inner, root, key, &below, depth + 1, all);
    }
}

/// A mistake in the TOML itself.
pub fn syntax(text: &str, message: &str, span: Range<usize>) -> Fault {
    let start = span.start.min(text.len());
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let raw = text.get(span.clone()).unwrap_or_default().trim();
    let fault =
        |what: String, help: String, span: Range<usize>| Fault { what, help: Some(help), note: None, span, path: Vec::new() };
    let key = line.split(['=', ':', ' ']).next().unwrap_or_default().trim();
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
