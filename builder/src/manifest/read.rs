//! Reads TOML; every error carries the place in the file and says what to write instead.

use super::check;
use super::model::Manifest;
use super::product::Product;
use super::site::Site;
use super::values::Name;
use crate::error::{Error, IoContext, Result, Snippet};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// A manifest is text that people write; more than this is a mistake, for instance a package given in its place.
const MAX_LEN: u64 = 4 << 20;

/// Reads a manifest. Payload paths in it are relative to its folder.
pub fn load(path: &Path) -> Result<Product> {
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let no_manifest = "name the manifest with -m FILE, or make one with \"linkpack init DIR\"";
    parse(&path.display().to_string(), &text_of(path).map_err(|error| error.help(no_manifest))?, folder)
}

/// Parses a manifest's text; `file` is its name in messages, `folder` what its payload paths are relative to.
pub fn parse(file: &str, text: &str, folder: PathBuf) -> Result<Product> {
    let manifest: Manifest = from_toml(file, text)?;
    let settings = check::manifest(&manifest).map_err(|problem| problem.into_error(file, text))?;
    Ok(Product::new(manifest, folder, settings))
}

/// Reads a site file and lays it over the product.
pub fn load_site(product: &Product, path: &Path) -> Result<Product> {
    let (file, text) = (path.display().to_string(), text_of(path)?);
    let site: Site = from_toml(&file, &text)?;
    let name = match &site.name {
        Some(name) => name.to_string(),
        None => name_of_file(path)?,
    };
    let settings = check::site(&site, product.manifest()).map_err(|problem| problem.into_error(&file, &text))?;
    Ok(product.with_site(name, site, settings))
}

/// The JSON Schema (draft 2020-12) of the manifest.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Manifest);
    serde_json::to_string_pretty(&schema).expect("a schema is plain JSON") + "\n"
}

fn name_of_file(path: &Path) -> Result<String> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = Name::new(stem).map_err(|why| {
        Error::new(format!("the site file {} has no usable name: {why}", path.display()))
            .help("rename the file, or write name = \"...\" in it")
    })?;
    Ok(name.to_string())
}

fn text_of(path: &Path) -> Result<String> {
    let len = std::fs::metadata(path).or_cannot("read", path)?.len();
    if len > MAX_LEN {
        return Err(Error::new(format!("{} is {len} bytes long: that is no manifest", path.display())));
    }
    let bytes = std::fs::read(path).or_cannot("read", path)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::new(format!("{} is not UTF-8 text: byte {at} is wrong", path.display()))
    })
}

fn from_toml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let (what, help) = explain(error.message());
        let error = match error.span() {
            Some(span) => Error::new(what).at(Snippet { file: file.to_owned(), text: text.to_owned(), span }),
            None => Error::new(format!("{file}: {what}")),
        };
        match help {
            Some(help) => error.help(help),
            None => error,
        }
    })
}

/// Splits serde's sentence into what is wrong and what to write instead.
fn explain(message: &str) -> (String, Option<String>) {
    if let Some((what, help)) = message.split_once("; write ") {
        return (what.to_owned(), Some(format!("write {help}")));
    }
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let (unknown, expected) = rest.split_once('`').unwrap_or((rest, ""));
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        return (format!("unknown key \"{unknown}\""), Some(suggest(unknown, &known)));
    }
    if let Some(rest) = message.strip_prefix("unknown variant `") {
        let (unknown, expected) = rest.split_once('`').unwrap_or((rest, ""));
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        return (format!("\"{unknown}\" is not known here"), Some(suggest(unknown, &known)));
    }
    if let Some(rest) = message.strip_prefix("missing field `") {
        let missing = rest.trim_end_matches('`');
        return (format!("the key \"{missing}\" is missing"), Some(format!("add a line {missing} = ... to this table")));
    }
    (message.to_owned(), None)
}

fn suggest(unknown: &str, known: &[&str]) -> String {
    let near = known.iter().map(|key| (strsim::damerau_levenshtein(unknown, key), key)).min();
    match near {
        Some((distance, key)) if distance <= 2.max(key.len() / 3) => format!("write \"{key}\""),
        _ if known.is_empty() => "remove it".to_owned(),
        _ => format!("write one of: {}", known.join(", ")),
    }
}
