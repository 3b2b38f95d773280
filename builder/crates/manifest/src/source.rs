//! Where a payload comes from, as the manifest writes it.

use super::values::checked_string;
use globset::{Glob, GlobBuilder};
use schemars::{json_schema, JsonSchema, Schema, SchemaGenerator};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::Deserialize;
use std::borrow::Cow;

/// Where a payload comes from: a path, a table that also says what to take of it, or a list of these, laid one over the other.
#[derive(Debug, Clone)]
pub struct SourceSpec {
    /// Lowest first: files of a later layer replace those of an earlier one. Never empty.
    pub layers: Vec<SourceTable>,
}

/// A payload's path and what to take of it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceTable {
    /// A directory, .tar[.gz|.xz|.zst], .zip, .deb or .rpm, relative to the manifest.
    pub source: String,
    /// How many leading components of each name are dropped.
    #[serde(default)]
    pub strip: usize,
    /// Globs of what is taken; everything when empty.
    #[serde(default)]
    pub include: Vec<Pattern>,
    /// Globs of what is left out.
    #[serde(default)]
    pub exclude: Vec<Pattern>,
    /// Globs of the files that keep their set-uid and set-gid bits.
    #[serde(default)]
    pub setuid: Vec<Pattern>,
    /// Globs of the files that administrators edit: upgrades keep their changes.
    #[serde(default)]
    pub config: Vec<Pattern>,
    /// Globs of the symbolic links that are kept though they lead out of the payload: the endpoint has to have their targets.
    #[serde(default)]
    pub outside_links: Vec<Pattern>,
}

checked_string!(
    /// A glob of paths relative to the payload: `*` within a component, `**` across them, `\` escapes.
    Pattern, check_pattern, "[^/.]"
);

fn check_pattern(text: &str) -> Result<(), String> {
    glob(text).map(|_| ()).map_err(|why| {
        let shown = text.escape_debug();
        format!(
            "\"{shown}\" is not a valid glob: {why}; write a path relative to the payload: * matches within a component, ** across \
             them, \\ escapes"
        )
    })
}

/// Compiles a pattern.
///
/// # Errors
/// What is wrong with it, in words.
pub fn glob(pattern: &str) -> Result<Glob, String> {
    let plain = pattern.strip_prefix("./").unwrap_or(pattern).trim_matches('/');
    match plain.is_empty() {
        true => Err("it names nothing".to_owned()),
        false => GlobBuilder::new(plain).literal_separator(true).build().map_err(|error| error.kind().to_string()),
    }
}

impl SourceTable {
    /// The path alone: everything in it is taken.
    fn of_path(path: &str) -> Self {
        SourceTable { source: path.to_owned(), ..SourceTable::default() }
    }
}

/// One layer as it is written.
struct Layer(SourceTable);

impl<'de> Deserialize<'de> for Layer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut layers = deserializer.deserialize_any(LayersVisitor { lists: false })?;
        layers.pop().map(Layer).ok_or_else(|| D::Error::custom("a payload names no source"))
    }
}

/// Not an untagged enum: that would say "did not match any variant" instead of naming the unknown key.
struct LayersVisitor {
    /// Whether a list may stand here.
    lists: bool,
}

impl<'de> Visitor<'de> for LayersVisitor {
    type Value = Vec<SourceTable>;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("a path, a table { source, strip, include, exclude, setuid, config, outside-links }, or a list of these")
    }

    fn visit_str<E: serde::de::Error>(self, path: &str) -> Result<Self::Value, E> {
        checked(SourceTable::of_path(path))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        checked(SourceTable::deserialize(MapAccessDeserializer::new(map))?)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        if !self.lists {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self));
        }
        let mut layers = Vec::new();
        while let Some(Layer(layer)) = list.next_element()? {
            layers.push(layer);
        }
        match layers.is_empty() {
            true => Err(A::Error::custom("this list of sources is empty; write a folder, an archive or a package")),
            false => Ok(layers),
        }
    }
}

fn checked<E: serde::de::Error>(table: SourceTable) -> Result<Vec<SourceTable>, E> {
    match table.source.trim().is_empty() || table.source.contains('\0') {
        true => Err(E::custom("a payload's path is empty; write a folder, an archive or a package")),
        false => Ok(vec![table]),
    }
}

impl<'de> Deserialize<'de> for SourceSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(SourceSpec { layers: deserializer.deserialize_any(LayersVisitor { lists: true })? })
    }
}

impl JsonSchema for SourceSpec {
    fn schema_name() -> Cow<'static, str> {
        "Source".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<SourceTable>();
        let layer = json_schema!({ "anyOf": [{ "type": "string", "minLength": 1 }, table] });
        json_schema!({ "anyOf": [layer, { "type": "array", "items": layer, "minItems": 1 }] })
    }
}
