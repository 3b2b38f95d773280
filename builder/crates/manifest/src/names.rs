//! `[names]`: the contract's names, as far as a manifest changes them.

use contract::names::{fault, Form, Name, Names, NAMES};
use schemars::{json_schema, JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt;

/// The names of a product; those that the table leaves out are the default.
#[derive(Debug, Clone, Default)]
pub struct NamesTable(pub Names);

impl<'de> Deserialize<'de> for NamesTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Table)
    }
}

struct Table;

impl<'de> Visitor<'de> for Table {
    type Value = NamesTable;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NamesTable, A::Error> {
        let mut names = Names::default();
        while let Some(name) = map.next_key_seed(Key)? {
            let value = map.next_value_seed(Value(name))?;
            names.set(name.key, &value);
        }
        Ok(NamesTable(names))
    }
}

struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = &'static Name;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        const KEYS: [&str; NAMES.len()] = {
            let mut keys = [""; NAMES.len()];
            let mut at = 0;
            while at < keys.len() {
                keys[at] = NAMES[at].key;
                at += 1;
            }
            keys
        };
        let key = String::deserialize(deserializer)?;
        NAMES.iter().find(|name| name.key == key).ok_or_else(|| D::Error::unknown_field(&key, &KEYS))
    }
}

struct Value(&'static Name);

impl<'de> DeserializeSeed<'de> for Value {
    type Value = String;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        let name = self.0;
        let value = match name.form {
            Form::Number => u32::deserialize(deserializer)?.to_string(),
            _ => String::deserialize(deserializer)?,
        };
        match fault(name.form, &value) {
            None => Ok(value),
            Some(fault) => {
                let (value, Name { key, default, .. }) = (value.escape_debug(), name);
                Err(D::Error::custom(format!("\"{value}\" {fault}; write another one, or leave {key} out for \"{default}\"")))
            }
        }
    }
}

impl JsonSchema for NamesTable {
    fn schema_name() -> Cow<'static, str> {
        "NamesTable".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let property = |name: &Name| {
            let mut letters = name.summary.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase()).into_iter();
            let text: String = first.chain(letters).collect();
            let description = format!("{text}; `{}` when absent.", name.default);
            let schema = match name.form {
                Form::Number => serde_json::json!({ "description": description, "type": "integer", "minimum": 1, "maximum": 99 }),
                _ => serde_json::json!({ "description": description, "type": "string" }),
            };
            (name.key.to_owned(), schema)
        };
        let properties: serde_json::Map<String, serde_json::Value> = NAMES.iter().map(property).collect();
        json_schema!({
            "description": "What the product goes by on an endpoint. Two products whose names differ can be installed side by side.",
            "type": "object", "properties": properties, "additionalProperties": false
        })
    }
}
