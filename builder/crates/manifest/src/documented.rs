//! Every key of manifests and site files, as docs/manifest.md and docs/sites.md have them: made from the schema.

use super::{schema, site_schema};
use serde_json::Value;

#[path = "../../../../tests/common/documented.rs"]
mod held;

/// The most values of a set that a cell names.
const NAMED: usize = 6;

/// The tables of a schema, one below the other.
struct Reference<'a> {
    definitions: &'a Value,
    text: String,
}

impl Reference<'_> {
    /// Writes the table of an object, then those of the objects in it.
    fn table(&mut self, heading: &str, object: &Value, path: &str) {
        let Some(keys) = object["properties"].as_object() else { return };
        let required = |key: &str| object["required"].as_array().is_some_and(|list| list.iter().any(|one| one == key));
        let mut below = Vec::new();
        let mut rows = String::new();
        for (key, value) in keys {
            let inner = self.object_of(value);
            let place = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let is_list = value["anyOf"].as_array().is_some_and(|all| all.iter().any(|one| one["type"] == "array"));
            if let Some(inner) = inner {
                let heading = if is_list && path.is_empty() { format!("`[[{place}]]`") } else { format!("`[{place}]`") };
                below.push((heading, inner.clone(), place));
                if path.is_empty() {
                    continue;
                }
            }
            let kind = if inner.is_some() { "table, below".to_owned() } else { self.kind(value) };
            let need = if required(key) { "yes" } else { "-" };
            let what = sentence(value["description"].as_str().unwrap_or_default());
            rows += &format!("| `{key}` | {kind} | {need} | {what} |\n");
        }
        if !rows.is_empty() {
            self.text += &format!("### {heading}\n{}\n\n", sentence(object["description"].as_str().unwrap_or_default()));
            self.text += &format!("| key | value | required | what |\n|---|---|---|---|\n{rows}\n");
        }
        for (heading, inner, place) in below {
            self.table(&heading, &inner, &place);
        }
    }

    /// What `$ref` names, or the value itself.
    fn resolved<'v>(&'v self, value: &'v Value) -> &'v Value {
        match value["$ref"].as_str().and_then(|name| name.rsplit_once('/')) {
            Some((_, name)) => &self.definitions[name],
            None => value,
        }
    }

    /// The ways to write a value, but for null and a variable of the environment, which stand for all.
    fn ways<'v>(&'v self, value: &'v Value) -> Vec<&'v Value> {
        let ways = ["anyOf", "oneOf"].into_iter().find_map(|key| value[key].as_array());
        let is_variable = |one: &Value| one["$ref"].as_str().is_some_and(|name| name.ends_with("/Variable"));
        match ways {
            Some(ways) => {
                let kept = ways.iter().filter(|one| one["type"] != "null" && !is_variable(one));
                kept.map(|one| self.resolved(one)).collect()
            }
            None => vec![self.resolved(value)],
        }
    }

    /// The object with keys of its own that a value is, or that a list is of; none where there are other ways to write it.
    fn object_of<'v>(&'v self, value: &'v Value) -> Option<&'v Value> {
        let [way] = self.ways(value)[..] else {
            let mut ways = self.ways(value).into_iter();
            let list = ways.find(|one| one["type"] == "array")?;
            return self.object_of(&list["items"]);
        };
        match way["type"].as_str() {
            Some("array") => self.object_of(&way["items"]),
            _ => way["properties"].is_object().then_some(way),
        }
    }

    /// A value's kind in a few words.
    fn kind(&self, value: &Value) -> String {
        let mut kinds: Vec<String> = self.ways(value).into_iter().map(|way| self.one_kind(way)).collect();
        kinds.dedup();
        kinds.join(" or ")
    }

    fn one_kind(&self, way: &Value) -> String {
        if let Some(set) = way["enum"].as_array() {
            let names: Vec<String> = set.iter().filter_map(Value::as_str).map(|name| format!("`{name}`")).collect();
            let more = if names.len() > NAMED { ", ..." } else { "" };
            return names[..names.len().min(NAMED)].join(", ") + more;
        }
        if let Some(name) = way["const"].as_str() {
            return format!("`{name}`");
        }
        if way["anyOf"].is_array() || way["oneOf"].is_array() {
            return self.kind(way);
        }
        let kind = match &way["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default(),
            kind => kind.as_str().unwrap_or("any value"),
        };
        match kind {
            "string" => "text".to_owned(),
            "integer" => match (way["minimum"].as_f64(), way["maximum"].as_f64()) {
                (Some(least), Some(most)) => format!("{least} to {most}"),
                _ => "number".to_owned(),
            },
            "boolean" => "true or false".to_owned(),
            "array" => format!("list of {}", self.kind(&way["items"])),
            "object" => "table".to_owned(),
            other => other.to_owned(),
        }
    }
}

/// A description as a cell of a table: one line.
fn sentence(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn reference(schema: &str, heading: &str) -> String {
    let schema: Value = serde_json::from_str(schema).expect("a schema is JSON");
    let mut reference = Reference { definitions: &schema["$defs"], text: String::new() };
    reference.table(heading, &schema, "");
    reference.text
}

#[test]
fn every_key_is_documented_as_the_schema_has_it() {
    held::hold("manifest.md", &[("reference", reference(&schema(), "The file"))]);
    held::hold("sites.md", &[("reference", reference(&site_schema(), "A site file"))]);
}
