//! Reads TOML; every error carries the place in the file and says what to write instead, and all of them come at once.

use super::check::{self, Problem};
use super::model::{LintTable, Manifest};
use super::product::Product;
use super::repair::{self, Fault};
use super::settings::WithSettings;
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
    let (manifest, checked) = read(file, text, |manifest: &Manifest| check::manifest(manifest))?;
    Ok(Product::new(manifest, folder, checked, (file.to_owned(), text.to_owned())))
}

/// Reads a site file and lays it over the product.
pub fn load_site(product: &Product, path: &Path) -> Result<Product> {
    let (file, text) = (path.display().to_string(), text_of(path)?);
    let (site, checked) = read(&file, &text, |site: &WithSettings<Site>| check::site(site, product.manifest()))?;
    let name = match &site.name {
        Some(name) => name.to_string(),
        None => name_of_file(path)?,
    };
    Ok(product.with_site(name, site, checked.settings))
}

/// Reads what a manifest says to lint, and nothing else of it.
///
/// # Errors
/// It cannot be read, is no TOML, or its `[lint]` has a mistake.
pub fn load_lint(path: &Path) -> Result<LintTable> {
    #[derive(serde::Deserialize)]
    struct Only {
        #[serde(default)]
        lint: LintTable,
    }
    let (only, _) = read(&path.display().to_string(), &text_of(path)?, |_: &Only| (check::Checked::default(), Vec::new()))?;
    Ok(only.lint)
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

/// Reads a text and checks what was read; the errors of both, in the order of the file.
fn read<T: DeserializeOwned>(
    file: &str,
    text: &str,
    check: impl FnOnce(&T) -> (check::Checked, Vec<Problem>),
) -> Result<(T, check::Checked)> {
    let (read, mut faults) = repair::read::<T>(text);
    let Some(read) = read else { return Err(together(file, text, faults)) };
    let (checked, problems) = check(&read);
    // What depends on a mistake may be none.
    let own = problems.into_iter().filter(|problem| !faults.iter().any(|fault| fault.covers(problem.path()))).collect::<Vec<_>>();
    faults.extend(own.into_iter().map(|problem| problem.into_fault(text)));
    match faults.is_empty() {
        true => Ok((read, checked)),
        false => Err(together(file, text, faults)),
    }
}

fn together(file: &str, text: &str, mut faults: Vec<Fault>) -> Error {
    faults.sort_by_key(|fault| (fault.span.start, fault.span.end));
    let one = |fault: Fault| {
        let error = match fault.span == (0..0) && !text.is_empty() && fault.path.len() > 1 {
            true => Error::new(format!("{file}: {}", fault.what)),
            false => Error::new(fault.what).at(Snippet { file: file.to_owned(), text: text.to_owned(), span: fault.span }),
        };
        match fault.help {
            Some(help) => error.help(help),
            None => error,
        }
    };
    Error::all(faults.into_iter().map(one)).unwrap_or_else(|| Error::new(format!("{file} cannot be read")))
}
