//! The contract's settings in the manifest and in site files.

use super::system::PerSystem;
use super::target::Target;
use super::values::{Line, Url};
use contract::settings::{keyed, BuiltIn, Lifetime, Setting, SETTINGS};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// A table that has, besides the keys of `T`, one for each of the contract's settings that are built in by their keys alone.
#[derive(Debug, Clone)]
pub struct WithSettings<T> {
    table: T,
    keyed: Keyed,
}

/// The values of such settings, by their names.
#[derive(Debug, Clone, Default)]
struct Keyed {
    plain: BTreeMap<&'static str, PerSystem<Line>>,
    lists: BTreeMap<&'static str, Vec<Url>>,
}

impl<T> WithSettings<T> {
    /// The value of a plain setting, by its name.
    pub fn plain(&self, name: &str) -> Option<&PerSystem<Line>> {
        self.keyed.plain.get(name)
    }

    /// The value for a target, of a plain setting or a list.
    pub(super) fn of(&self, name: &str, target: Target) -> Option<String> {
        match self.keyed.lists.get(name) {
            Some(urls) => Some(urls.iter().map(Url::as_str).collect::<Vec<_>>().join(";")),
            None => Some(self.plain(name)?.get(target)?.to_string()),
        }
    }
}

impl<T> Deref for WithSettings<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.table
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for WithSettings<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor(PhantomData))
    }
}

struct TableVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for TableVisitor<T> {
    type Value = WithSettings<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let mut keyed = Keyed::default();
        let table = T::deserialize(MapAccessDeserializer::new(Apart { map, keyed: &mut keyed }))?;
        Ok(WithSettings { table, keyed })
    }
}

/// Takes these settings out of a table and hands on all else. (serde's own `flatten` would take unknown keys, and lose their places.)
struct Apart<'a, A> {
    map: A,
    keyed: &'a mut Keyed,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Apart<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let mut seed = seed;
        loop {
            match self.map.next_key_seed(KeySeed(seed))? {
                None => return Ok(None),
                Some(Key::Other(value)) => return Ok(Some(value)),
                Some(Key::Keyed(setting, unused)) => {
                    let twice = match setting.built_in {
                        BuiltIn::List => self.keyed.lists.insert(setting.name, self.map.next_value()?).is_some(),
                        _ => self.keyed.plain.insert(setting.name, self.map.next_value()?).is_some(),
                    };
                    if twice {
                        return Err(A::Error::custom(format!("{} stands twice", setting.key())));
                    }
                    seed = unused;
                }
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// A key of the table itself, as its own seed reads it; or such a setting, and the seed that was not needed.
enum Key<K, V> {
    Other(V),
    Keyed(&'static Setting, K),
}

struct KeySeed<K>(K);

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for KeySeed<K> {
    type Value = Key<K, K::Value>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for KeySeed<K> {
    type Value = Key<K, K::Value>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        match keyed().find(|setting| setting.key() == key) {
            Some(setting) => Ok(Key::Keyed(setting, self.0)),
            None => self.0.deserialize(StrDeserializer::new(key)).map(Key::Other),
        }
    }
}

impl<T: JsonSchema> JsonSchema for WithSettings<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        for setting in keyed() {
            let mut value = match setting.built_in {
                BuiltIn::List => Vec::<Url>::json_schema(generator),
                _ => PerSystem::<Line>::json_schema(generator),
            };
            value.insert("description".into(), described(setting).into());
            let object = schema.ensure_object();
            let properties = object.entry("properties").or_insert_with(|| serde_json::json!({}));
            if let Some(properties) = properties.as_object_mut() {
                properties.insert(setting.key(), value.to_value());
            }
        }
        schema
    }
}

/// A sentence for the schema.
fn described(setting: &Setting) -> String {
    // What is separated by semicolons elsewhere is a list here.
    let summary =
        if setting.built_in == BuiltIn::List { setting.summary.rsplit_once(',').map(|(summary, _)| summary) } else { None };
    let mut letters = summary.unwrap_or(setting.summary).chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase()).into_iter();
    first.chain(letters).chain(['.']).collect()
}

/// The settings that a site file may force: those that an MSI remembers.
pub fn forcible() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| setting.windows && setting.lifetime == Lifetime::Remembered)
}

/// A setting whose value each installation, repair and upgrade on Windows sets again. The root is none: an upgrade would be refused where
/// it lies elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct Forced(pub &'static Setting);

impl<'de> Deserialize<'de> for Forced {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        forcible().find(|setting| setting.key() == key).map(Forced).ok_or_else(|| {
            let known = forcible().map(|setting| format!("`{}`", setting.key())).collect::<Vec<_>>().join(", ");
            D::Error::custom(format!("unknown variant `{key}`, expected one of {known}"))
        })
    }
}

impl JsonSchema for Forced {
    fn schema_name() -> Cow<'static, str> {
        "Forced".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "enum": forcible().map(Setting::key).collect::<Vec<_>>() })
    }
}
