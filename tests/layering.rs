//! The floors of the crate linkpack: nothing imports upwards, no format imports a sibling, and no modules import each other in a circle. What
//! lies below them is crates of its own (builder/crates), where the compiler sees to it.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Top to bottom. Modules of one floor do not know each other. What is not named here (listener, error ...) is everybody's.
const FLOORS: [&[&str]; 5] = [&["cli"], &["build"], &["kit"], &["format"], &["endpoint"]];

/// A format's folder or file below format/; the other files there are shared by all formats.
const FORMATS: [&str; 4] = ["deb", "rpm", "run", "msi"];

#[test]
fn no_module_imports_upwards_or_sideways() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    assert!(files.iter().any(|f| f.ends_with("lib.rs")), "no sources in {}", source.display());
    let mut wrong = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let module = module_of(file.strip_prefix(&source).unwrap());
        wrong.extend(offences(&module, &text));
    }
    assert!(wrong.is_empty(), "imports against the floors of the design:\n{}", wrong.join("\n"));
}

/// Cargo runs no test program that it is not told of: the top is not where it looks for them.
#[test]
fn every_test_program_is_in_the_list_of_cargo() {
    let builder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(builder.join("Cargo.toml")).unwrap();
    let listed: BTreeSet<&str> =
        manifest.lines().filter_map(|line| line.strip_prefix("path = \"../tests/")?.strip_suffix(".rs\"")).collect();
    let mut files = Vec::new();
    for entry in fs::read_dir(builder.join("../tests")).unwrap().map(|entry| entry.unwrap().path()) {
        files.extend(
            entry.extension().filter(|e| *e == "rs").and(entry.file_stem()).map(|name| name.to_str().unwrap().to_owned()),
        );
    }
    assert!(files.len() > 30, "{files:?}");
    assert_eq!(listed, files.iter().map(String::as_str).collect());
}

#[test]
fn an_upward_import_is_found() {
    let found = offences(&["endpoint".into(), "quote".into()], "use std::io;\nuse crate::kit::Stage;\n");
    assert_eq!(found, ["endpoint::quote imports crate::kit::Stage: it lies higher"]);
}

#[test]
fn every_way_to_write_an_import_is_seen() {
    let module = ["endpoint".to_owned(), "facts".to_owned()];
    for import in [
        "use crate::{error::Error, kit::{zip, iso}};",
        "use\n    crate::{\n    kit,\n};",
        "fn f() { crate::kit::zip() }",
        "pub(crate) use super::super::kit::zip;",
        "use super::{super::kit};",
        "use linkpack::kit;",
    ] {
        assert!(!offences(&module, import).is_empty(), "{import}");
    }
    for fine in [
        "use crate::listener::Listener;",
        "use super::product::Product;",
        "// use crate::kit;",
        "let kit = super::kit();",
        "use crate::kitten;",
    ] {
        assert!(offences(&module, fine).is_empty(), "{fine}");
    }
}

#[test]
fn siblings_are_kept_apart_and_shared_files_are_not() {
    let deb = ["format".to_owned(), "deb".to_owned()];
    assert_eq!(offences(&deb, "use crate::format::rpm::Tag;").len(), 1);
    assert_eq!(offences(&deb, "use super::rpm::Tag;").len(), 1);
    assert_eq!(offences(&deb, "use crate::format::{tar, rpm};").len(), 1);
    assert!(offences(
        &deb,
        "use crate::format::tar::Header; use super::prepared::Prepared; use crate::endpoint::x; use crate::manifest::y;"
    )
    .is_empty());
    assert!(offences(&["format".to_owned()], "use crate::format::rpm::Rpm; use self::deb::Deb;").is_empty());
    assert!(offences(&[], "use crate::cli;").is_empty());
}

/// Modules whose own modules import each other in one direction, from a crate's source folder.
const WITHOUT_CIRCLES: [(&str, &[&str]); 12] = [
    ("src", &["cli"]),
    ("src", &["build"]),
    ("src", &["format"]),
    ("src", &["format", "msi"]),
    ("src", &["kit"]),
    ("src", &["endpoint"]),
    ("crates/compress/src", &[]),
    ("crates/inspect/src", &[]),
    ("crates/manifest/src", &[]),
    ("crates/payload/src", &[]),
    ("crates/trust/src", &[]),
    ("crates/inspect/src", &["lint", "linux"]),
];

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let mut found = Vec::new();
    for (source, inside) in WITHOUT_CIRCLES {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
        let mut files = Vec::new();
        rust_files(&source, &mut files);
        let texts = files.iter().map(|file| (module_of(file.strip_prefix(&source).unwrap()), fs::read_to_string(file).unwrap()));
        let circle = circle(inside, &texts.collect::<Vec<_>>());
        found.extend(circle.map(|circle| format!("{}: {}", inside.join("::"), circle.join(" -> "))));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let module = |name: &str, text: &str| (vec!["format".to_owned(), name.to_owned()], text.to_owned());
    let (a, b) = (module("a", "use super::b::B;"), module("b", "fn f() { super::c::c() }"));
    let open = [a.clone(), b.clone(), module("c", "use super::C; #[cfg(test)] mod tests { use super::super::a::A; }")];
    assert_eq!(circle(&["format"], &open), None);
    let closed = [a, b, module("c", "fn c() { crate::format::a::a() }")];
    assert_eq!(circle(&["format"], &closed).unwrap(), ["a", "b", "c", "a"]);
}

/// A way from one of the modules inside `inside` back to it.
fn circle(inside: &[&str], files: &[(Vec<String>, String)]) -> Option<Vec<String>> {
    let own = |path: &[String]| {
        let starts = path.len() > inside.len() && path.iter().zip(inside).all(|(one, other)| one == other);
        starts.then(|| path[inside.len()].clone())
    };
    let nodes: BTreeSet<String> = files.iter().filter_map(|(module, _)| own(module)).collect();
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, text) in files {
        let Some(from) = own(module) else { continue };
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let targets = paths(module, text, true).into_iter().filter_map(|path| own(&path));
        graph.entry(from.clone()).or_default().extend(targets.filter(|to| *to != from && nodes.contains(to)));
    }
    nodes.iter().find_map(|start| way_back(&graph, vec![start.clone()], &mut BTreeSet::new()))
}

fn way_back(graph: &BTreeMap<String, BTreeSet<String>>, way: Vec<String>, seen: &mut BTreeSet<String>) -> Option<Vec<String>> {
    for next in graph.get(way.last()?)? {
        let longer = [&way[..], std::slice::from_ref(next)].concat();
        if *next == way[0] {
            return Some(longer);
        }
        if seen.insert(next.clone()) {
            if let Some(circle) = way_back(graph, longer, seen) {
                return Some(circle);
            }
        }
    }
    None
}

fn rust_files(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
        if entry.is_dir() {
            rust_files(&entry, files);
        } else if entry.extension().is_some_and(|e| e == "rs") {
            files.push(entry);
        }
    }
}

/// `payload/tar.rs` is payload::tar; `payload/mod.rs` is payload; lib.rs and main.rs are the root.
fn module_of(file: &Path) -> Vec<String> {
    let mut parts: Vec<String> = file.with_extension("").iter().map(|p| p.to_string_lossy().into_owned()).collect();
    if matches!(parts.last().map(String::as_str), Some("mod"))
        || matches!(parts.as_slice(), [one] if one == "lib" || one == "main")
    {
        parts.pop();
    }
    parts
}

/// A sentence for each import in `text` that the floors forbid to `module`.
fn offences(module: &[String], text: &str) -> Vec<String> {
    let Some(own) = module.first() else { return Vec::new() };
    let mut found: Vec<String> = imports(module, text)
        .iter()
        .filter_map(|path| {
            Some(format!("{} imports crate::{}: {}", module.join("::"), path.join("::"), why_not(own, module, path)?))
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

fn why_not(own: &str, module: &[String], path: &[String]) -> Option<&'static str> {
    let other = path.first()?;
    if own == other {
        let formats = |p: &[String]| p.get(1).filter(|name| own == "format" && FORMATS.contains(&name.as_str())).cloned();
        let (from, to) = (formats(module)?, formats(path)?);
        return (from != to).then_some("no format knows another");
    }
    let floor = |name: &str| FLOORS.iter().position(|floor| floor.contains(&name));
    let (from, to) = (floor(own)?, floor(other)?);
    match to.cmp(&from) {
        std::cmp::Ordering::Less => Some("it lies higher"),
        std::cmp::Ordering::Equal => Some("it lies on the same floor"),
        std::cmp::Ordering::Greater => None,
    }
}

/// The first one or two names of every path into the crate that `text` mentions, relative ones of `use` resolved from `module`.
fn imports(module: &[String], text: &str) -> Vec<Vec<String>> {
    let mut found = paths(module, text, false);
    found.iter_mut().for_each(|path| path.truncate(2));
    found
}

/// Every path into the crate that `text` mentions; relative ones outside of `use`, too, where that is asked for.
fn paths(module: &[String], text: &str, everywhere: bool) -> Vec<Vec<String>> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let starts = at == 0 || tokens[at - 1] != "::";
        let word = tokens[at].as_str();
        let in_use = everywhere || in_use_statement(&tokens[..at]);
        if starts
            && (word == "crate" || word == "linkpack" || (in_use && (word == "super" || word == "self")))
            && tokens.get(at + 1).is_some_and(|t| t == "::")
        {
            let base = if word == "super" {
                module[..module.len() - 1].to_vec()
            } else if word == "self" {
                module.to_vec()
            } else {
                Vec::new()
            };
            follow(&tokens, at + 2, base, &mut found);
        }
    }
    found
}

fn in_use_statement(before: &[String]) -> bool {
    before.iter().rev().take_while(|t| *t != ";").any(|t| t == "use")
}

/// Reads one path, or the paths of a `{ ... }` group, behind `base`; returns where it ends.
fn follow(tokens: &[String], mut at: usize, mut base: Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|t| t != "}") {
                    at = follow(tokens, at, base.clone(), found).max(at + 1);
                }
                return at + 1;
            }
            "super" => drop(base.pop()),
            "self" => {}
            name if name.starts_with(|c: char| c.is_alphabetic() || c == '_') => base.push(name.to_owned()),
            _ => break,
        }
        at += 1;
        if tokens.get(at).is_none_or(|t| t != "::") {
            break;
        }
        at += 1;
    }
    found.push(base);
    at
}

/// Words, `::` and single signs; comments, strings and white space are left out.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or_default();
        let mut chars = code.chars().peekable();
        while let Some(c) = chars.next() {
            if c.is_alphanumeric() || c == '_' {
                let mut word = c.to_string();
                while let Some(next) = chars.next_if(|n| n.is_alphanumeric() || *n == '_') {
                    word.push(next);
                }
                tokens.push(word);
            } else if c == ':' && chars.next_if_eq(&':').is_some() {
                tokens.push("::".into());
            } else if c == '"' {
                while let Some(inner) = chars.next() {
                    match inner {
                        '\\' => drop(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            } else if !c.is_whitespace() {
                tokens.push(c.into());
            }
        }
    }
    tokens
}
