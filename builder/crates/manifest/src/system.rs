//! Values that can differ between Linux and Windows.

use super::target::Target;
use schemars::{json_schema, JsonSchema, Schema, SchemaGenerator};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::Deserialize;
use std::borrow::Cow;
use std::marker::PhantomData;

/// A value for all systems, or `{ linux = VALUE, windows = VALUE }`.
#[derive(Debug, Clone)]
pub enum PerSystem<T> {
    /// The same everywhere.
    Same(T),
    /// One for each system that is named.
    Each(Systems<T>),
}

/// The value of each system.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Systems<T> {
    /// On Linux.
    linux: Option<T>,
    /// On Windows.
    windows: Option<T>,
}

impl<T> PerSystem<T> {
    /// The value for a target's system.
    pub fn get(&self, target: Target) -> Option<&T> {
        match self {
            PerSystem::Same(value) => Some(value),
            PerSystem::Each(systems) if target.is_linux() => systems.linux.as_ref(),
            PerSystem::Each(systems) => systems.windows.as_ref(),
        }
    }
}

impl<T> PerSystem<T> {
    /// How a value for a target is written: `command`, or `command.linux` where systems differ.
    pub fn key(&self, key: &str, target: Target) -> String {
        match self {
            PerSystem::Same(_) => key.to_owned(),
            PerSystem::Each(_) => format!("{key}.{}", target.system()),
        }
    }
}

impl<T: Default> Default for PerSystem<T> {
    fn default() -> Self {
        PerSystem::Same(T::default())
    }
}

/// Not an untagged enum: that would say "did not match any variant" instead of what is wrong with the value.
struct PerSystemVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for PerSystemVisitor<T> {
    type Value = PerSystem<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("a value for all systems, or a table { linux, windows }")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        T::deserialize(StrDeserializer::new(text)).map(PerSystem::Same)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        T::deserialize(SeqAccessDeserializer::new(list)).map(PerSystem::Same)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Systems::deserialize(MapAccessDeserializer::new(map)).map(PerSystem::Each)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for PerSystem<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PerSystemVisitor(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for PerSystem<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}PerSystem", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (value, each) = (generator.subschema_for::<T>(), generator.subschema_for::<Systems<T>>());
        json_schema!({ "anyOf": [value, each] })
    }
}

#[cfg(test)]
mod tests {
    use crate::{parse, Inject, Target};
    use std::path::PathBuf;

    const SAMPLE: &str = include_str!("../../../../templates/manifest/sample.toml");

    fn with(old: &str, new: &str) -> base::Result<crate::Product> {
        assert!(SAMPLE.contains(old), "{old}");
        parse("linkpack.toml", &SAMPLE.replace(old, new), PathBuf::new(), &Default::default())
    }

    #[test]
    fn each_system_has_its_own_value() {
        let product = with("pulse", "pulse").unwrap();
        let tracer = product.manifest().container[1].get_ref();
        let program = |target| tracer.words(target)[0].as_str();
        assert_eq!(program(Target::LinuxX86_64), "bin/tracer");
        assert_eq!(program(Target::WindowsX86_64), "bin/tracer.exe");
        assert_eq!((tracer.inject(Target::LinuxAarch64), tracer.inject(Target::WindowsX86)), (Inject::Preload, Inject::Dll));
    }

    #[test]
    fn one_value_is_for_all_systems() {
        let product = with("{ linux = [\"bin/tracer\"], windows = [\"bin/tracer.exe\"] }", "\"bin/tracer -v\"").unwrap();
        let tracer = product.manifest().container[1].get_ref();
        assert_eq!(tracer.words(Target::WindowsX86_64), ["bin/tracer", "-v"]);
    }

    #[test]
    fn what_a_system_cannot_do_or_lacks_is_refused_where_it_stands() {
        let cases = [
            ("inject = { linux = \"preload\", windows = \"dll\" }", "inject = \"preload\"", "not available on Windows"),
            ("inject = { linux = \"preload\", windows = \"dll\" }", "inject = \"dll\"", "not available on Linux"),
            (", windows = [\"bin/tracer.exe\"] }", " }", "no command.windows"),
            (", windows = \"lib/tracer.dll\" }", " }", "names no library"),
            (", windows = \"dll\" }", ", windws = \"dll\" }", "unknown key \"windws\""),
            (", windows = \"dll\" }", ", windows = \"dl\" }", "\"dl\" is not known here"),
        ];
        for (old, new, expected) in cases {
            let error = with(old, new).unwrap_err();
            assert!(error.what().contains(expected), "{new}: {}", error.what());
            assert!(error.snippet().is_some_and(|snippet| snippet.span.start > 0), "{new}");
        }
    }
}
