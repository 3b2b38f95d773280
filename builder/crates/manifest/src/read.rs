//! Reads TOML; every error carries the place in the file and says what to write instead, and all of them come at once.

use super::check::{self, Problem};
use super::fault::Fault;
use super::given::{self, Given};
use super::model::{LintTable, Manifest};
use super::place::Step;
use super::product::Product;
use super::repair;
use super::settings::WithSettings;
use super::shape;
use super::site::Site;
use super::syntax;
use super::text::Text;
use super::values::Name;
use base::error::{Error, IoContext, Result};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// A manifest is text that people write; more than this is a mistake, for instance a package given in its place.
const MAX_LEN: u64 = 4 << 20;

/// Reads a manifest with what the command line gives laid over it. Payload paths in it are relative to its folder.
pub fn load(path: &Path, given: &Given) -> Result<Product> {
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let no_manifest = "name the manifest with -m FILE, or make one with \"linkpack init DIR\"";
    parse(&path.display().to_string(), &text_of(path).map_err(|error| error.help(no_manifest))?, folder, given)
}

/// Parses a manifest's text; `file` is its name in messages, `folder` what its payload paths are relative to.
pub fn parse(file: &str, text: &str, folder: PathBuf, given: &Given) -> Result<Product> {
    let (manifest, checked, text) = read(file, text, Some(given), |manifest: &Manifest| check::manifest(manifest))?;
    Ok(Product::new(manifest, folder, checked, text))
}

/// Reads a site file and lays it over the product.
pub fn load_site(product: &Product, path: &Path) -> Result<Product> {
    let no_site = "name a site file with -s FILE; \"linkpack init --sample DIR\" makes one as an example";
    let (file, text) = (path.display().to_string(), text_of(path).map_err(|error| error.help(no_site))?);
    let (site, checked, _) = read(&file, &text, None, |site: &WithSettings<Site>| check::site(site, product.manifest()))?;
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
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Only {
        #[serde(default)]
        lint: LintTable,
    }
    let nothing = |_: &Only| (check::Checked::default(), Vec::new());
    let (only, _, _) = read(&path.display().to_string(), &text_of(path)?, None, nothing)?;
    Ok(only.lint)
}

/// The JSON Schema (draft 2020-12) of the manifest.
pub fn schema() -> String {
    pretty(&given::with_variables(schemars::schema_for!(Manifest).as_value()))
}

/// The JSON Schema of a site file.
pub fn site_schema() -> String {
    pretty(schemars::schema_for!(WithSettings<Site>).as_value())
}

fn pretty(schema: &serde_json::Value) -> String {
    serde_json::to_string_pretty(schema).expect("a schema is plain JSON") + "\n"
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

/// Reads a text and what is laid over it (a manifest alone takes values from elsewhere), and checks what was read; the errors of both, in the order of the file.
fn read<T: DeserializeOwned + schemars::JsonSchema>(
    file: &str,
    manifest: &str,
    given: Option<&Given>,
    check: impl FnOnce(&T) -> (check::Checked, Vec<Problem>),
) -> Result<(T, check::Checked, Text)> {
    let (none, takes_variables) = (Given::default(), given.is_some());
    let given = given.unwrap_or(&none);
    let mut text = Text::new(file, manifest, given);
    let (mut table, errors) = DeTable::parse_recoverable(manifest);
    // What is no TOML leads a reader astray: what comes after it may be no mistake.
    if let Some(error) = errors.first() {
        let fault = syntax::syntax(manifest, error.message(), error.span().unwrap_or(0..0));
        return Err(together(&text, vec![fault]));
    }
    let schema = schemars::schema_for!(T);
    let (outside, mut faults) = given::outside(manifest, given, schema.as_value(), takes_variables.then_some(&variable));
    faults.extend(given::lay(table.get_mut(), &outside, text.all()));
    text.laid(table.get_ref(), &outside);
    faults.extend(shape::lists_for_tables(table.get_mut(), schema.as_value(), text.all()));
    let (read, more) = repair::read::<T>(table, text.all());
    // What was not laid over the manifest may be why it is wrong.
    let consequence =
        |fault: &Fault| faults.iter().any(|earlier| !earlier.path.is_empty() && fault.path.starts_with(&earlier.path));
    let more: Vec<Fault> = more.into_iter().filter(|fault| !consequence(fault)).collect();
    faults.extend(more);
    let Some(read) = read else { return Err(together(&text, faults)) };
    let (checked, problems) = check(&read);
    // What depends on a mistake may be none.
    let own = problems.into_iter().filter(|problem| !faults.iter().any(|fault| fault.covers(problem.path()))).collect::<Vec<_>>();
    faults.extend(own.into_iter().map(|problem| problem.into_fault(&text)));
    match faults.is_empty() {
        true => Ok((read, checked, text)),
        false => Err(together(&text, faults)),
    }
}

/// A required key that is there, misspelt, is one mistake: the unknown key is told, and not that the right one is missing.
fn merge(faults: &mut Vec<Fault>) {
    let beside = |a: &[Step], b: &[Step]| a.len() == b.len() && a[..a.len() - 1] == b[..b.len() - 1];
    let misspelt: Vec<(Vec<Step>, String)> = faults
        .iter()
        .filter_map(|fault| Some((fault.path.clone(), fault.help.clone()?)))
        .filter(|(path, _)| !path.is_empty())
        .collect();
    faults.retain(|fault| {
        let missing = match fault.path.last() {
            Some(Step::Key(key)) if fault.what == format!("the key \"{key}\" is missing") => format!("write \"{key}\""),
            _ => return true,
        };
        !misspelt.iter().any(|(path, help)| *help == missing && beside(path, &fault.path))
    });
}

fn variable(name: &str) -> Result<String, String> {
    match std::env::var(name) {
        Ok(value) => Ok(value),
        Err(std::env::VarError::NotPresent) => Err(format!("the environment variable {name} is not set")),
        Err(std::env::VarError::NotUnicode(_)) => Err(format!("the environment variable {name} is not UTF-8 text")),
    }
}

fn together(text: &Text, mut faults: Vec<Fault>) -> Error {
    merge(&mut faults);
    faults.sort_by_key(|fault| (fault.span.start, fault.span.end));
    let one = |fault: Fault| {
        let nowhere = fault.span == (0..0) && fault.path.len() > 1;
        let mut error = Error::new(if nowhere { format!("{}: {}", text.file(), fault.what) } else { fault.what });
        if let Some(note) = fault.note {
            error = error.note(note);
        }
        if let Some(help) = fault.help {
            error = error.help(help);
        }
        if nowhere {
            error
        } else {
            text.point(error, fault.span, &fault.path)
        }
    };
    Error::all(faults.into_iter().map(one)).unwrap_or_else(|| Error::new("the manifest cannot be read"))
}
