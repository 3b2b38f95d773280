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
        let known = keys(expected);
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let here = || other_word(unknown, &known).filter(|word| ["depends", "requires"].contains(word));
        let help = match here() {
            Some(word) => format!("write \"{word}\""),
            None => in_another_table(unknown, path).unwrap_or_else(|| suggest(unknown, &known)),
        };
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
        return wrong_type(kind_of(raw), "a string", raw, path);
    }
    let wrong = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    match wrong.and_then(|rest| rest.split_once(", expected ")) {
        Some((found, expected)) => wrong_type(found, expected, raw, path),
        None => (message.to_owned(), None),
    }
}

/// The keys of a table. serde does not know those that the contract's settings add.
fn keys(expected: &str) -> Vec<String> {
    let mut keys: Vec<String> = in_quotes(expected).into_iter().map(str::to_owned).collect();
    if keys.iter().any(|key| key == "server-url") {
        keys.extend(contract::settings::keyed().map(|setting| setting.key()));
    }
    keys
}

/// What a value is, as serde calls it.
fn kind_of(raw: &str) -> &'static str {
    match raw.chars().next() {
        Some('[') => "sequence",
        Some('{') => "map",
        Some('"' | '\'') => "string `x`",
        Some('t' | 'f') => "boolean `x`",
        _ => "integer `x`",
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
        Some(("boolean", _)) => ("", raw),
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
    let shown = match (value.is_empty() || value.len() > 60, kind) {
        (_, "") => value.to_owned(),
        (true, kind) => kind.to_owned(),
        (false, kind) => format!("{value}, {kind}"),
    };
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
        let times = bare.trim_end_matches(['B', 'b', 'i']).chars().next_back().filter(|_| key.ends_with("-kb"));
        let times = times.map_or(1, |unit| match unit {
            'M' | 'm' => 1024,
            'G' | 'g' => 1024 * 1024,
            _ => 1,
        });
        let number = digits.parse::<u32>().ok().and_then(|number| number.checked_mul(times));
        (format!("a whole number{range}"), Some(number.map_or("10".to_owned(), |number| number.to_string())))
    };
    match expected {
        "a string" | "a borrowed string" => match kind {
            "a table" | "a list" => ("a text in quotes".to_owned(), by_key(key).or_else(|| Some("\"...\"".to_owned()))),
            _ => ("a text in quotes".to_owned(), by_key(key).or_else(quoted)),
        },
        _ if expected.starts_with("a span of time") => (expected.to_owned(), Some("\"5m\"".to_owned())),
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
        "u32" if bare.parse::<u32>().is_err() && bare.parse::<u64>().is_ok() => whole(" of at most 4294967295"),
        "u16" | "u32" | "u64" | "usize" => whole(", 0 or more,"),
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

/// A value of a key that takes certain texts alone.
fn by_key(key: &str) -> Option<String> {
    let value = match key {
        "priority" => "optional",
        "section" => "admin",
        "inject" => "preload",
        "systems" => "debian-12",
        "run-as" => "root",
        _ => return None,
    };
    Some(format!("\"{value}\""))
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
    let begun: Vec<&str> = known.iter().copied().filter(|key| key.starts_with(&format!("{}-", unknown.to_lowercase()))).collect();
    if begun.len() > 1 {
        return format!("write one of: {}", begun.join(", "));
    }
    if ["msi", "windows"].contains(&unknown.to_lowercase().as_str()) && known.contains(&"connector") {
        return "write [connector.windows]".to_owned();
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
        ("requires", &["depends", "dependencies", "deps", "pre-depends"]),
        ("depends", &["requires", "dependencies", "deps", "pre-depends"]),
        ("conflicts", &["breaks", "replaces", "obsoletes"]),
        ("product", &["package", "project"]),
        ("container", &["agent", "agents"]),
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
    let machine = machine_of(machine).unwrap_or(machine);
    let system = match system {
        "win" | "win32" | "win64" | "windows" => "windows",
        "centos" | "rocky" | "rockylinux" | "alma" | "almalinux" | "oracle" | "oraclelinux" | "ol" | "el" | "redhat" => "rhel",
        "suse" | "opensuse" | "leap" | "sle" => "sles",
        "amzn" | "amazonlinux" | "al" => "amazon",
        other => other,
    };
    if let Some(target) = target(&lower).and_then(|name| find(&name)) {
        return Some(target);
    }
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

/// The name of a processor that others have other names for.
fn machine_of(word: &str) -> Option<&'static str> {
    match word {
        "amd64" | "x64" | "x86-64" | "intel64" | "64" | "64bit" => Some("x86_64"),
        "arm64" | "aarch64" | "armv8" | "arm" => Some("aarch64"),
        "i386" | "i486" | "i586" | "i686" | "386" | "ia32" | "32" | "32bit" | "x32" | "x86" => Some("x86"),
        _ => None,
    }
}

/// The target of a system or a processor alone, or of a compiler's triple.
fn target(words: &str) -> Option<String> {
    let (mut system, mut machine) = (None, None);
    for word in words.split('-') {
        match (word, machine_of(word)) {
            ("linux", _) => system = Some("linux"),
            ("windows", _) => system = Some("windows"),
            (_, Some(name)) => machine = Some(name),
            ("unknown" | "pc" | "gnu" | "musl" | "msvc", _) => {}
            _ => return None,
        }
    }
    (system.is_some() || machine.is_some()).then(|| format!("{}-{}", system.unwrap_or("linux"), machine.unwrap_or("x86_64")))
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
        [one] if one.is_empty() => Some(format!("write {}, with no table before it", bracketed(unknown))),
        [one] => Some(format!("write it in {}", bracketed(one))),
        several => {
            let all: Vec<String> = several.iter().map(|table| bracketed(table)).collect();
            Some(format!("write it in one of: {}", all.join(", ")))
        }
    }
}

fn bracketed(table: &str) -> String {
    match table {
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
