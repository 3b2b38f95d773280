//! The first thing in which two packages differ, in a report's words.

use crate::inspect::Report;
use serde_json::Value;

/// What says nothing of its own: the file as a whole, where its parts lie, and digests of what is named before them.
const LEFT_OUT: [&str; 5] = ["file", "parts", "signatures", "claims", "notes"];
/// The most characters of a value that are shown.
const SHOWN: usize = 80;

/// The first difference of two reports, if they show one.
pub fn of_reports(theirs: &Report, ours: &Report) -> Option<String> {
    let plain = |report: &Report| {
        let mut value = serde_json::to_value(report).ok()?;
        let fields = value.as_object_mut()?;
        LEFT_OUT.iter().for_each(|name| drop(fields.remove(*name)));
        Some(value)
    };
    first("", &plain(theirs)?, &plain(ours)?)
}

fn first(place: &str, theirs: &Value, ours: &Value) -> Option<String> {
    match (theirs, ours) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let inner = if place.is_empty() { name.clone() } else { format!("{place}, {name}") };
                first(&inner, one.get(name).unwrap_or(&Value::Null), other.get(name).unwrap_or(&Value::Null))
            })
        }
        (Value::Array(one), Value::Array(other)) => {
            let pairs = one.iter().zip(other).enumerate();
            let found = pairs.into_iter().find_map(|(index, (a, b))| first(&named(place, index, a), a, b));
            found.or_else(|| {
                let longer = if one.len() > other.len() { one } else { other };
                let index = one.len().min(other.len());
                let extra = longer.get(index)?;
                let which = if one.len() > other.len() { "only in the package" } else { "only in the rebuild" };
                Some(format!("{}: {which}", named(place, index, extra)))
            })
        }
        _ if theirs == ours => None,
        _ => Some(format!("{place}: {}, the rebuild has {}", shown(theirs), shown(ours))),
    }
}

/// An element by what it is called.
fn named(place: &str, index: usize, element: &Value) -> String {
    let name = ["path", "name", "what"].iter().find_map(|key| element.get(key)?.as_str());
    match name {
        Some(name) => format!("{place}: {name}"),
        None => format!("{place}: number {}", index + 1),
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => format!("\"{text}\""),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::first;
    use serde_json::json;

    #[test]
    fn the_first_difference_is_named_by_what_it_is_about() {
        let theirs = json!({ "identity": { "version": "1" }, "files": [{ "path": "a", "size": 1 }, { "path": "b", "size": 2 }] });
        let mut ours = theirs.clone();
        assert_eq!(first("", &theirs, &ours), None);
        ours["files"][1]["size"] = json!(3);
        assert_eq!(first("", &theirs, &ours).unwrap(), "files: b, size: 2, the rebuild has 3");
        ours["files"].as_array_mut().unwrap().pop();
        assert_eq!(first("", &theirs, &ours).unwrap(), "files: b: only in the package");
        ours["identity"]["version"] = json!("2");
        assert_eq!(first("", &ours, &theirs).unwrap(), "files: b: only in the rebuild");
    }
}
