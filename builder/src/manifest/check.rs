//! What must hold between values of a manifest, beyond each value's own rule.

use super::model::{ContainerTable, Inject, Manifest, Target};
use super::site::Site;
use super::windows;
use crate::error::{Error, Snippet};
use std::collections::BTreeMap;
use std::ops::Range;

/// Lines of csclient.cfg that have a key of their own in manifests and site files, or that are made on the endpoint.
const RESERVED: &[&str] = &["serverUrl", "vlinkCoreId", "vlinkMachineId", "tokenFile", "containers"];

/// Something wrong, and where.
pub struct Problem {
    what: String,
    help: String,
    place: Place,
}

enum Place {
    Bytes(Range<usize>),
    /// A dotted path of keys, to be found in the text.
    Key(String),
}

impl Problem {
    fn at_key(key: &str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Problem { what: what.into(), help: help.into(), place: Place::Key(key.into()) }
    }

    /// Finds the place in the file's text.
    pub fn into_error(self, file: &str, text: &str) -> Error {
        let span = match self.place {
            Place::Bytes(span) => span,
            Place::Key(key) => find_key(text, &key),
        };
        Error::new(self.what).help(self.help).at(Snippet { file: file.to_owned(), text: text.to_owned(), span })
    }
}

/// The last component of a dotted key where it is first written as a key; the file's start where it is not found.
fn find_key(text: &str, key: &str) -> Range<usize> {
    let last = key.rsplit('.').next().unwrap_or(key);
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = line.len() - line.trim_start().len();
        let body = &line[start..];
        let named = body.trim_start_matches('[').trim_start_matches(['"', '\'']);
        if named.starts_with(key) || named.starts_with(last) || (!last.is_empty() && line.contains(&format!("{last} ="))) {
            let at = offset + line.find(last).unwrap_or(start);
            return at..at + last.len();
        }
        offset += line.len();
    }
    0..0
}

/// Checks a manifest; gives its free settings, flattened.
pub fn manifest(manifest: &Manifest) -> Result<BTreeMap<String, String>, Problem> {
    let description = &manifest.product.description;
    if description.trim().is_empty() || description.lines().next().is_none_or(|first| first.trim().is_empty()) {
        let help = "write description = \"One line that says what it is.\\nMore lines when there is more to say.\"";
        return Err(Problem::at_key("description", "the description has no first line", help));
    }
    if manifest.product.systems.as_ref().is_some_and(Vec::is_empty) {
        let help = "write systems = [\"debian-12\", \"rhel-9\"], or leave the key out to mean all";
        return Err(Problem::at_key("systems", "systems names no system", help));
    }
    containers(manifest)?;
    for target in manifest.connector.payload.keys() {
        executable(manifest, *target)?;
    }
    if manifest.connector.payload.is_empty() {
        let help = "write payload = { linux-x86_64 = \"connector\" } in [connector]";
        return Err(Problem::at_key("payload", "the connector has no payload", help));
    }
    flatten(&manifest.connector.settings)
}

fn executable(manifest: &Manifest, target: Target) -> Result<(), Problem> {
    let executables = &manifest.connector.executable;
    let system = target.system();
    let named = if target.is_linux() { executables.linux.is_some() } else { executables.windows.is_some() };
    if named {
        return Ok(());
    }
    let what = format!("the connector has a payload for {} but no executable.{system}", target.name());
    Err(Problem::at_key("executable", what, format!("write executable = {{ {system} = \"the service's program\" }}")))
}

fn containers(manifest: &Manifest) -> Result<(), Problem> {
    let mut names = BTreeMap::new();
    for spanned in &manifest.container {
        let container = spanned.get_ref();
        let problem = |what: String, help: &str| Problem { what, help: help.to_owned(), place: Place::Bytes(spanned.span()) };
        if names.insert(container.name.as_str(), ()).is_some() {
            return Err(problem(format!("two containers are called \"{}\"", container.name), "give each container its own name"));
        }
        if let Some((what, help)) = container_problem(container) {
            return Err(problem(what, help));
        }
    }
    Ok(())
}

fn container_problem(container: &ContainerTable) -> Option<(String, &'static str)> {
    let name = &container.name;
    if container.payload.is_empty() {
        return Some((
            format!("container \"{name}\" has no payload"),
            "write payload = { linux-x86_64 = \"a folder or package\" }",
        ));
    }
    if let Some(problem) = container.payload.keys().find_map(|target| run_problem(container, *target)) {
        return Some(problem);
    }
    let bad = |name: &str| name.is_empty() || name.contains(['=', '\0']) || name.starts_with(|c: char| c.is_ascii_digit());
    if let Some(variable) = container.environment.keys().find(|key| bad(key)) {
        let what = format!("container \"{name}\": \"{variable}\" cannot be an environment variable");
        return Some((what, "use letters, digits and _ only"));
    }
    if container.throttle.nice.is_some_and(|nice| nice > 19) {
        return Some((format!("container \"{name}\": nice is above 19"), "write a number from 0 to 19"));
    }
    let watchdog = &container.watchdog;
    if watchdog.factor == 0
        || watchdog.first.as_milliseconds() == 0
        || watchdog.max.as_milliseconds() < watchdog.first.as_milliseconds()
    {
        let what = format!("container \"{name}\": the watchdog's delays do not grow");
        return Some((what, "write first = \"1s\", factor = 2, max = \"1m\""));
    }
    None
}

/// What is wrong with how a container is run on a target.
fn run_problem(container: &ContainerTable, target: Target) -> Option<(String, &'static str)> {
    let (name, system) = (&container.name, target.system());
    if container.command.get(target).is_none() {
        let what = format!("container \"{name}\" has a payload for {} but no command.{system}", target.name());
        return Some((what, "write command = { linux = [\"bin/agent\"], windows = [\"bin/agent.exe\"] }"));
    }
    match (container.inject(target), container.library(target)) {
        (Inject::None, Some(_)) => {
            let what = format!("container \"{name}\" names a library but injects nothing");
            Some((what, "write inject = \"preload\" (on Windows \"dll\"), or remove library"))
        }
        (Inject::Preload | Inject::Dll, None) => {
            let what = format!("container \"{name}\" is injected into, but names no library");
            Some((what, "write library = \"lib/name.so\", relative to the payload"))
        }
        (Inject::Dll, _) if target.is_linux() => {
            let what = format!("container \"{name}\" injects a DLL, which Linux has not");
            Some((what, "write inject = { linux = \"preload\", windows = \"dll\" }"))
        }
        (Inject::Preload, _) if !target.is_linux() => {
            let what = format!("container \"{name}\" injects by preloading, which Windows has not");
            Some((what, "write inject = { linux = \"preload\", windows = \"dll\" }"))
        }
        _ => None,
    }
}

/// Checks a site against the manifest; gives its free settings, flattened.
pub fn site(site: &Site, manifest: &Manifest) -> Result<BTreeMap<String, String>, Problem> {
    for name in site.containers.iter().flatten() {
        if !manifest.container.iter().any(|container| container.get_ref().name == *name) {
            let known: Vec<&str> = manifest.container.iter().map(|container| container.get_ref().name.as_str()).collect();
            let help = format!("write some of: {}", known.join(", "));
            return Err(Problem::at_key("containers", format!("the product has no container \"{name}\""), help));
        }
    }
    for target in manifest.connector.payload.keys() {
        token_file(site, *target)?;
    }
    flatten(&site.settings)
}

fn token_file(site: &Site, target: Target) -> Result<(), Problem> {
    let Some(path) = site.token_file.as_ref().and_then(|paths| paths.get(target)) else { return Ok(()) };
    let (absolute, example) = match target.is_linux() {
        true => (path.as_str().starts_with('/'), "/etc/intigua/token"),
        false => (windows::is_absolute(path.as_str()), "C:/ProgramData/Acme/token"),
    };
    if absolute {
        return Ok(());
    }
    let what = format!("token-file = \"{path}\" is not an absolute path on {}", target.system());
    let help = format!(
        "write the path of a file on the endpoint, such as \"{example}\"; or token-file = {{ linux = ..., windows = ... }}"
    );
    Err(Problem::at_key("token-file", what, help))
}

/// Nested tables and dotted keys into lines of csclient.cfg.
fn flatten(table: &toml::Table) -> Result<BTreeMap<String, String>, Problem> {
    let mut lines = BTreeMap::new();
    let mut stack: Vec<(String, &toml::Value)> = table.iter().map(|(key, value)| (key.clone(), value)).collect();
    while let Some((key, value)) = stack.pop() {
        let text = match value {
            toml::Value::Table(inner) => {
                stack.extend(inner.iter().map(|(name, value)| (format!("{key}.{name}"), value)));
                continue;
            }
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            toml::Value::Array(_) | toml::Value::Datetime(_) => {
                let what = format!("the setting \"{key}\" is neither a text, a number nor true or false");
                return Err(Problem::at_key(&key, what, "write the value as a text, as csclient.cfg is to have it"));
            }
        };
        line(&key, &text)?;
        lines.insert(key, text);
    }
    Ok(lines)
}

fn line(key: &str, value: &str) -> Result<(), Problem> {
    if RESERVED.contains(&key) {
        let help = "use server-url and fallback-urls in [connector], or core-id, token-file and containers in a site file";
        return Err(Problem::at_key(key, format!("the setting \"{key}\" has a place of its own"), help));
    }
    let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if key.is_empty() || !key.chars().all(good) {
        let what = format!("\"{}\" cannot be a setting's name", key.escape_debug());
        return Err(Problem::at_key(key, what, "use letters, digits, dots, _ and - only"));
    }
    if value.chars().any(char::is_control) {
        return Err(Problem::at_key(key, format!("the setting \"{key}\" contains a control character"), "write it as one line"));
    }
    Ok(())
}
