//! Values that a build is given beside the manifest's text: `--set KEY=VALUE`, `--product-version V`, and the environment variables
//! that the manifest names as `{ env = "NAME" }`. They are laid over the manifest's table before it is read, so that every rule holds for
//! them, and an error points at the option or at the place that names the variable.

use super::explain;
use super::fault::Fault;
use super::place::Step;
use super::syntax;
use std::borrow::Cow;
use std::ops::Range;
use toml::de::{DeTable, DeValue};
use toml::Spanned;

/// What the command line gives.
#[derive(Debug, Clone, Default)]
pub struct Given {
    settings: Vec<Setting>,
}

/// One option of the command line that gives a value.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The option as it is shown.
    text: String,
    /// The parts of the key, and where each stands in `text`.
    key: Vec<(String, Range<usize>)>,
    /// Where the value stands.
    value: Range<usize>,
}

impl Setting {
    /// `KEY=VALUE` of `--set`; the key is written as in TOML: `product.version`, `container.NAME.command`, `container."a.b".version`.
    ///
    /// # Errors
    /// A sentence: it has no key, or no `=`.
    pub fn parse(argument: &str) -> Result<Self, String> {
        const OPTION: &str = "--set ";
        let wrong = || "write KEY=VALUE with the key's dotted path, such as product.version=1.2.3".to_owned();
        let equals = unquoted_equals(argument).ok_or_else(wrong)?;
        let line = format!("{}=0", &argument[..equals]);
        let (table, errors) = DeTable::parse_recoverable(&line);
        if argument[..equals].contains('\n') || !errors.is_empty() {
            return Err(wrong());
        }
        let mut key = Vec::new();
        let mut at = Some(table.get_ref());
        while let Some((name, value)) = at.and_then(|table| table.iter().next()) {
            let span = name.span();
            key.push((name.get_ref().to_string(), span.start + OPTION.len()..span.end + OPTION.len()));
            at = value.get_ref().as_table();
        }
        let text = format!("{OPTION}{argument}");
        let value = OPTION.len() + equals + 1..text.len();
        Ok(Setting { text, key, value })
    }

    /// The option as it is shown; [`Setting::from_text`] reads it again.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// An option as [`Setting::text`] shows it.
    ///
    /// # Errors
    /// A sentence.
    pub fn from_text(text: &str) -> Result<Self, String> {
        match (text.strip_prefix("--set "), text.strip_prefix("--product-version ")) {
            (Some(argument), _) => Setting::parse(argument),
            (None, Some(version)) => Ok(Setting::product_version(version)),
            (None, None) => Err(format!("{text} is no option that gives a value")),
        }
    }

    /// The product's version.
    pub fn product_version(version: &str) -> Self {
        const OPTION: &str = "--product-version";
        let text = format!("{OPTION} {version}");
        let key = ["product", "version"].map(|part| (part.to_owned(), 0..OPTION.len()));
        let value = OPTION.len() + 1..text.len();
        Setting { text, key: key.to_vec(), value }
    }
}

impl FromIterator<Setting> for Given {
    fn from_iter<I: IntoIterator<Item = Setting>>(settings: I) -> Self {
        Given { settings: settings.into_iter().collect() }
    }
}

impl Given {
    /// The options, as they are shown.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.settings.iter().map(Setting::text)
    }

    /// The manifest's text with the options behind it, a line each: what the places of all values are counted in.
    pub(super) fn text(&self, manifest: &str) -> String {
        let options = self.settings.iter().map(|setting| format!("\n{}", setting.text));
        std::iter::once(manifest.to_owned()).chain(options).collect()
    }

    /// Where each option begins in [`Given::text`].
    fn starts(&self, manifest: &str) -> Vec<usize> {
        let mut at = manifest.len();
        let mut next = |setting: &Setting| {
            let start = at + 1;
            at = start + setting.text.len();
            start
        };
        self.settings.iter().map(&mut next).collect()
    }
}

fn unquoted_equals(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '=') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(mark), _) if mark == c => quote = None,
            _ => {}
        }
    }
    None
}

/// A value that comes from outside the manifest's text.
pub struct Outside {
    /// The way to it.
    pub path: Vec<Step>,
    /// The value as it was given.
    pub value: String,
    /// The environment variable that it comes from; none for an option.
    pub variable: Option<String>,
    /// Where the parts of its key stand; empty where the key is in the manifest.
    key: Vec<(String, Range<usize>)>,
    /// Where it stands.
    span: Range<usize>,
    /// The value as TOML at the place of `span`; none where it is taken as a text.
    toml: Option<String>,
}

/// Reads an environment variable; an error is a sentence.
type Variable = dyn Fn(&str) -> Result<String, String>;

/// What is laid over a manifest, and what cannot be.
///
/// Without `variable` no environment variable is read.
pub fn outside(
    manifest: &str,
    given: &Given,
    schema: &serde_json::Value,
    variable: Option<&Variable>,
) -> (Vec<Outside>, Vec<Fault>) {
    let (table, _) = DeTable::parse_recoverable(manifest);
    let (mut all, mut faults) = (Vec::new(), Vec::new());
    for (setting, start) in given.settings.iter().zip(given.starts(manifest)) {
        let shift = |span: &Range<usize>| span.start + start..span.end + start;
        let key: Vec<_> = setting.key.iter().map(|(name, span)| (name.clone(), shift(span))).collect();
        let value = setting.text[setting.value.clone()].to_owned();
        match way(table.get_ref(), &key) {
            Ok(path) => {
                let span = shift(&setting.value);
                let toml = as_toml(&kinds(schema, &path), &value, span.start);
                all.push(Outside { path, value, variable: None, key, span, toml });
            }
            Err(fault) => faults.push(fault),
        }
    }
    let mut named = Vec::new();
    let Some(variable) = variable else { return (all, faults) };
    variables(table.get_ref(), &[], schema, &mut named);
    for (path, name, span) in named {
        if all.iter().any(|other| path.starts_with(&other.path)) {
            continue;
        }
        if name.is_empty()
            || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            || name.starts_with(|c: char| c.is_ascii_digit())
        {
            let what = format!("\"{}\" is no name of an environment variable", name.escape_debug());
            let help = Some("write one of letters, digits and _, such as { env = \"VERSION\" }".to_owned());
            faults.push(Fault { what, help, note: None, span, path });
            continue;
        }
        match variable(&name) {
            Ok(value) => {
                let toml = as_toml(&kinds(schema, &path), &value, span.start);
                all.push(Outside { path, value, variable: Some(name), key: Vec::new(), span, toml });
            }
            Err(what) => {
                let help = format!("set it for the build ({name}=... linkpack build), or give the value with --set");
                faults.push(Fault { what, help: Some(help), note: None, span, path });
            }
        }
    }
    (all, faults)
}

/// The steps of an option's key: a list is entered by a number, or by the name of its table.
fn way(table: &DeTable, key: &[(String, Range<usize>)]) -> Result<Vec<Step>, Fault> {
    let mut path = Vec::new();
    let mut at: Option<&DeValue> = None;
    for (depth, (part, span)) in key.iter().enumerate() {
        let fault = |what: String, help: &str| Fault {
            what,
            help: Some(help.to_owned()),
            note: None,
            span: span.clone(),
            path: path.clone(),
        };
        let next = match at {
            None if depth == 0 => table.get(part.as_str()),
            None => None,
            Some(DeValue::Table(table)) => table.get(part.as_str()),
            Some(DeValue::Array(list)) => {
                let named =
                    |value: &Spanned<DeValue>| value.get_ref().get("name").and_then(|name| name.get_ref().as_str()) == Some(part);
                let found = list.iter().position(named).or_else(|| part.parse().ok().filter(|index| *index < list.len()));
                let Some(index) = found else {
                    let names: Vec<&str> =
                        list.iter().filter_map(|value| value.get_ref().get("name")?.get_ref().as_str()).collect();
                    let help = explain::suggest(part, &names).replace('"', "");
                    return Err(fault(format!("the manifest has no {} \"{part}\"", key[depth - 1].0), &help));
                };
                path.push(Step::from(index));
                at = list.get(index).map(Spanned::get_ref);
                continue;
            }
            Some(_) => {
                let above = &key[depth - 1].0;
                let help = format!("give a value of {above} itself: {above}={{ ... }}");
                return Err(fault(format!("{above} is no table in the manifest, so it has no {part}"), &help));
            }
        };
        path.push(Step::from(part.as_str()));
        at = next.map(Spanned::get_ref);
    }
    Ok(path)
}

/// The values that are `{ env = "NAME" }` where no table may stand, with the name and the place.
fn variables(table: &DeTable, above: &[Step], schema: &serde_json::Value, found: &mut Vec<(Vec<Step>, String, Range<usize>)>) {
    for (key, value) in table.iter() {
        variable(value, &[above, &[Step::from(key.get_ref().as_ref())]].concat(), schema, found);
    }
}

fn variable(
    value: &Spanned<DeValue>,
    path: &[Step],
    schema: &serde_json::Value,
    found: &mut Vec<(Vec<Step>, String, Range<usize>)>,
) {
    match value.get_ref() {
        DeValue::Table(inner) => {
            let name = inner.get("env").and_then(|name| name.get_ref().as_str()).filter(|_| inner.len() == 1);
            let kinds = kinds(schema, path);
            match name.filter(|_| takes_variable(&kinds)) {
                Some(name) => found.push((path.to_vec(), name.to_owned(), value.span())),
                None => variables(inner, path, schema, found),
            }
        }
        DeValue::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                variable(value, &[path, &[Step::from(index)]].concat(), schema, found);
            }
        }
        _ => {}
    }
}

/// Whether a place of the schema takes `{ env = "NAME" }`: it takes a value, and no table.
fn takes_variable(kinds: &[&str]) -> bool {
    !kinds.is_empty() && !kinds.contains(&"object") && !kinds.contains(&ANY)
}

/// The schema with `{ env = "NAME" }` where that may stand, as editors need it.
pub fn with_variables(schema: &serde_json::Value) -> serde_json::Value {
    fn walk(at: &mut serde_json::Value, root: &serde_json::Value) {
        match at {
            serde_json::Value::Object(fields) => {
                if let Some(serde_json::Value::Object(properties)) = fields.get_mut("properties") {
                    for property in properties.values_mut() {
                        let kinds = kinds_of(vec![&*property], root);
                        if takes_variable(&kinds) {
                            let description = property.as_object_mut().and_then(|fields| fields.remove("description"));
                            let mut both = serde_json::json!({ "anyOf": [property.take(), { "$ref": "#/$defs/Variable" }] });
                            if let Some(description) = description {
                                both["description"] = description;
                            }
                            *property = both;
                        }
                    }
                }
                fields.values_mut().for_each(|inner| walk(inner, root));
            }
            serde_json::Value::Array(list) => list.iter_mut().for_each(|inner| walk(inner, root)),
            _ => {}
        }
    }
    let mut with = schema.clone();
    walk(&mut with, schema);
    with["$defs"]["Variable"] = serde_json::json!({
        "description": "Takes the value from an environment variable.",
        "type": "object",
        "properties": { "env": { "description": "The variable's name.", "type": "string", "minLength": 1 } },
        "required": ["env"],
        "additionalProperties": false,
    });
    with
}

/// The kind of what the schema says nothing of.
const ANY: &str = "any";

/// The kinds of values that the schema takes at a place, as JSON Schema names them; none where it knows no such place.
pub(super) fn kinds<'s>(schema: &'s serde_json::Value, path: &[Step]) -> Vec<&'s str> {
    let mut here = vec![schema];
    for step in path {
        let mut next = Vec::new();
        for one in here.iter().flat_map(|one| branches(one, schema, 0)) {
            match step {
                Step::Key(key) => match one["properties"].get(key) {
                    Some(property) => next.push(property),
                    None => {
                        next.extend(one.get("additionalProperties").filter(|other| **other != serde_json::Value::Bool(false)))
                    }
                },
                Step::Index(_) => next.extend(one.get("items")),
            }
        }
        here = next;
    }
    kinds_of(here, schema)
}

fn kinds_of<'s>(here: Vec<&'s serde_json::Value>, schema: &'s serde_json::Value) -> Vec<&'s str> {
    let mut kinds = Vec::new();
    for one in here.iter().flat_map(|one| branches(one, schema, 0)) {
        match &one["type"] {
            serde_json::Value::String(kind) => kinds.push(kind.as_str()),
            serde_json::Value::Array(list) => kinds.extend(list.iter().filter_map(|kind| kind.as_str())),
            _ if one.get("enum").is_some() || one.get("const").is_some() => kinds.push("string"),
            _ => kinds.push(ANY),
        }
    }
    kinds.retain(|kind| *kind != "null");
    kinds
}

/// A schema without its references and alternatives.
fn branches<'s>(one: &'s serde_json::Value, root: &'s serde_json::Value, depth: usize) -> Vec<&'s serde_json::Value> {
    if depth > 8 {
        return Vec::new();
    }
    if let Some(target) = one["$ref"].as_str().and_then(|path| root.pointer(path.trim_start_matches('#'))) {
        return branches(target, root, depth + 1);
    }
    let alternatives = ["anyOf", "oneOf"].iter().find_map(|key| one[*key].as_array());
    match alternatives {
        Some(list) => list.iter().flat_map(|one| branches(one, root, depth + 1)).collect(),
        None => vec![one],
    }
}

/// The value as TOML, its places those of the option; none where it is a text. A list that is not written as one has this one element.
fn as_toml(kinds: &[&str], value: &str, start: usize) -> Option<String> {
    let takes = |kind: &str| kinds.contains(&kind);
    let opens = value.trim_start().starts_with(['[', '{']);
    let text = kinds.is_empty() || takes("string") || takes(ANY);
    if value.contains('\n') || (text && !(opens && (takes("array") || takes("object")))) {
        return None;
    }
    let padding = "\n".repeat(start.saturating_sub("x=".len()));
    if !opens && takes("array") {
        // A text of JSON is one of TOML; its place is that of the value.
        let text = serde_json::Value::from(value);
        return Some(format!("{}x=[{text}]", "\n".repeat(start.saturating_sub("x=[".len()))));
    }
    let line = format!("{padding}x={value}");
    // What is no TOML is a text of the wrong kind; but what was begun as a list or a table is said to be damaged.
    (opens || DeTable::parse(&line).is_ok_and(|table| table.get_ref().len() == 1)).then_some(line)
}

/// Lays values over a table, in their order.
pub fn lay<'t>(table: &mut DeTable<'t>, outside: &'t [Outside], text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for one in outside {
        let parsed = one.toml.as_deref().map(DeTable::parse_recoverable);
        let value = match parsed {
            None => DeValue::String(Cow::Borrowed(one.value.as_str())),
            Some((_, errors)) if !errors.is_empty() => {
                let error = &errors[0];
                let at =
                    error.span().map_or(one.span.clone(), |span| span.start.min(one.span.end - 1)..span.end.min(one.span.end));
                faults.push(Fault { path: one.path.clone(), ..syntax::syntax(text, error.message(), at) });
                continue;
            }
            Some((parsed, _)) => {
                let mut parsed = parsed.into_inner();
                parsed.remove("x").map_or(DeValue::Boolean(false), Spanned::into_inner)
            }
        };
        put(table, one, Spanned::new(one.span.clone(), value));
    }
    faults
}

fn put<'t>(table: &mut DeTable<'t>, one: &'t Outside, value: Spanned<DeValue<'t>>) {
    let span_of = |depth: usize| one.key.get(depth).map_or(one.span.clone(), |(_, span)| span.clone());
    let mut here = Holder::Table(table);
    for (depth, step) in one.path.iter().enumerate() {
        let last = depth + 1 == one.path.len();
        let next = match (here, step) {
            (Holder::Table(table), Step::Key(key)) => {
                // The place of a key that the manifest has stays, where a variable gives the value.
                let old = table.iter().find(|(name, _)| name.get_ref() == key).map(|(name, _)| name.span());
                let span = if one.key.is_empty() { old.unwrap_or(span_of(depth)) } else { span_of(depth) };
                if last {
                    table.remove(key.as_str());
                    table.insert(Spanned::new(span, Cow::Borrowed(key.as_str())), value);
                    return;
                }
                if !table.contains_key(key.as_str()) {
                    let empty = Spanned::new(span.clone(), DeValue::Table(DeTable::new()));
                    table.insert(Spanned::new(span, Cow::Borrowed(key.as_str())), empty);
                }
                table.get_mut(key.as_str())
            }
            (Holder::List(list), Step::Index(index)) => {
                if let (true, Some(place)) = (last, list.get_mut(*index)) {
                    *place = value;
                    return;
                }
                list.get_mut(*index)
            }
            _ => None,
        };
        here = match next.map(Spanned::get_mut) {
            Some(DeValue::Table(table)) => Holder::Table(table),
            Some(DeValue::Array(list)) => Holder::List(list),
            _ => return,
        };
    }
}

enum Holder<'a, 't> {
    Table(&'a mut DeTable<'t>),
    List(&'a mut toml::de::DeArray<'t>),
}

/// A path as people write it: `container.pulse.version` by the manifest's own key.
pub fn dotted(path: &[Step]) -> String {
    let part = |step: &Step| match step {
        Step::Key(key) if key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) => key.clone(),
        Step::Key(key) => format!("{key:?}"),
        Step::Index(index) => index.to_string(),
    };
    path.iter().map(part).collect::<Vec<_>>().join(".")
}
