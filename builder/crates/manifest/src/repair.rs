//! Reading on behind a mistake: what is wrong is taken out, or replaced by a value that is good, so that the next mistake shows as well.
//! What was repaired is never built: all mistakes are reported.

use super::explain;
use super::fault::Fault;
use super::place::{nodes, Node, Step};
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::ops::Range;
use toml::de::{DeArray, DeTable, DeValue, Deserializer};
use toml::Spanned;

/// More mistakes than anyone reads at once.
const MOST: usize = 20;

/// Values that a required key may have.
const GOOD: &[(&str, &str)] = &[
    (
        "product",
        r#"{ name = "xx", title = "x", version = "1", publisher = "x", contact = "x <x@x.example>", license = "x", description = "x" }"#,
    ),
    ("connector", r#"{ payload = {} }"#),
    ("name", "\"xx\""),
    ("title", "\"x\""),
    ("version", "\"1\""),
    ("publisher", "\"x\""),
    ("contact", "\"x <x@x.example>\""),
    ("license", "\"x\""),
    ("description", "\"x\""),
    ("executable", "{}"),
    ("payload", "{}"),
    ("command", "\"x\""),
    ("source", "\"x\""),
];

/// Reads a table; gives the mistakes, and what is read in spite of them. The places of its values are those of `text`.
pub fn read<T: DeserializeOwned>(mut table: Spanned<DeTable>, text: &str) -> (Option<T>, Vec<Fault>) {
    table.get_mut().make_owned();
    let mut faults: Vec<Fault> = Vec::new();
    for _ in 0..MOST {
        let error = match T::deserialize(Deserializer::from(table.clone())) {
            Ok(read) => return (Some(read), faults),
            Err(error) => error,
        };
        let missing = explain::missing(error.message());
        let mut span = error.span().filter(|span| span.end <= text.len());
        let mut path = span.as_ref().map(|span| path_of(table.get_ref(), span, missing)).unwrap_or_default();
        if let Some((step, place)) = element(table.get_ref(), &path, text, error.message()) {
            path.push(step);
            span = Some(place);
        }
        let fault = explain::value(text, error.message(), span.unwrap_or(0..0), path.clone());
        // What lies below a mistake, and what its repair leaves of the value around it.
        let known = faults.iter().any(|earlier| {
            !earlier.path.is_empty() && !path.is_empty() && (path.starts_with(&earlier.path) || earlier.path.starts_with(&path))
        });
        let repaired = match error.message().starts_with("unknown field") {
            true => take_out(table.get_mut(), &path),
            false => repair(table.get_mut(), &path, text.len()),
        };
        if !known {
            faults.push(fault);
        }
        if !repaired {
            break;
        }
    }
    (None, faults)
}

/// The way to what an error is about: the smallest piece of the text around it, or the key that a table lacks.
fn path_of(table: &DeTable, span: &Range<usize>, missing: Option<&str>) -> Vec<Step> {
    let around = |outer: &Range<usize>| outer.start <= span.start && outer.end >= span.end;
    let all = nodes(table);
    let places = all.iter().flat_map(|node| node.key.iter().chain([&node.value]).map(move |span| (span, node)));
    let nearest = places.filter(|(outer, _)| around(outer)).min_by_key(|(outer, _)| outer.len());
    let path = nearest.map(|(_, node)| node.path.clone()).unwrap_or_default();
    match missing {
        Some(key) => [path, vec![Step::from(key)]].concat(),
        None => path,
    }
}

/// The element of a list that an error names: serde knows the place of the list alone, where a value's own rule refuses it.
fn element(table: &DeTable, list: &[Step], text: &str, message: &str) -> Option<(Step, Range<usize>)> {
    let below = |node: &Node| node.path.len() == list.len() + 1 && node.path.starts_with(list);
    nodes(table).into_iter().filter(below).find_map(|node| {
        let step = node.path.last().filter(|step| matches!(step, Step::Index(_)))?;
        let word = text.get(node.value.clone())?.trim_matches(['"', '\'']);
        let named =
            !word.is_empty() && [format!("\"{word}\""), format!("`{word}`")].iter().any(|quoted| message.contains(quoted));
        named.then(|| (step.clone(), node.value))
    })
}

/// Puts something good at a path, or takes out what is there; says whether anything changed.
pub(super) fn repair<'t>(table: &mut DeTable<'t>, path: &[Step], len: usize) -> bool {
    change(table, path, |table, key| repair_key(table, key, len))
}

/// Takes out a key that no table has.
fn take_out(table: &mut DeTable, path: &[Step]) -> bool {
    change(table, path, |table, key| table.remove(key).is_some())
}

/// Changes the table that has the last key of a path, or takes the element out of the list.
fn change<'t>(table: &mut DeTable<'t>, path: &[Step], of_key: impl Fn(&mut DeTable<'t>, &str) -> bool) -> bool {
    let Some((Step::Key(first), rest)) = path.split_first() else { return false };
    let Some((last, _)) = rest.split_last() else { return of_key(table, first) };
    let Some(mut at) = table.get_mut(first.as_str()) else { return false };
    for step in &rest[..rest.len() - 1] {
        let next = match (at.get_mut(), step) {
            (DeValue::Table(table), Step::Key(key)) => table.get_mut(key.as_str()),
            (DeValue::Array(list), Step::Index(index)) => list.get_mut(*index),
            _ => None,
        };
        let Some(next) = next else { return false };
        at = next;
    }
    match (at.get_mut(), last) {
        (DeValue::Table(table), Step::Key(key)) => of_key(table, key),
        (DeValue::Array(list), Step::Index(index)) => {
            let others = std::mem::replace(list, DeArray::new()).into_iter().enumerate().filter(|(at, _)| at != index);
            *list = others.map(|(_, value)| value).collect();
            true
        }
        _ => false,
    }
}

fn repair_key<'t>(table: &mut DeTable<'t>, key: &str, len: usize) -> bool {
    match GOOD.iter().find(|(name, _)| *name == key) {
        Some((_, good)) => {
            // Its places lie behind the text, where no mistake is looked for.
            let text = format!("{}x = {good}", "\n".repeat(len + 1));
            let (mut parsed, _) = DeTable::parse_recoverable(&text);
            parsed.get_mut().make_owned();
            let Some(value) = parsed.into_inner().remove("x") else { return false };
            let (span, owned) = (value.span(), own(value));
            table.remove(key);
            table.insert(Spanned::new(span, Cow::Owned(key.to_owned())), owned);
            true
        }
        None => table.remove(key).is_some(),
    }
}

/// The value with nothing borrowed: it outlives its text.
fn own<'t>(value: Spanned<DeValue<'_>>) -> Spanned<DeValue<'t>> {
    let span = value.span();
    let owned = match value.into_inner() {
        DeValue::String(text) => DeValue::String(Cow::Owned(text.into_owned())),
        DeValue::Table(table) => {
            let owned = table.into_iter().map(|(key, value)| {
                let span = key.span();
                (Spanned::new(span, Cow::Owned(key.into_inner().into_owned())), own(value))
            });
            DeValue::Table(owned.collect())
        }
        // Of what GOOD has, nothing else.
        other => DeValue::Boolean(other.as_bool().unwrap_or_default()),
    };
    Spanned::new(span, owned)
}
