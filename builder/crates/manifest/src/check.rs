//! What must hold between values of a manifest, beyond each value's own rule.

use super::fault::Fault;
use super::model::{ContainerTable, Inject, Manifest, Target};
use super::place::{steps, Step};
use super::placeholder::{self, Doubt};
use super::settings::WithSettings;
use super::site::Site;
use super::span::Span;
use super::text::Text;
use contract::names::{Names, NAMES};
use contract::rules::{self, System};
use contract::settings::{keyed, Rule, SETTINGS};
use std::collections::BTreeMap;

/// Lines of csclient.cfg that several settings make, or the endpoint itself. Those of one setting stand in the contract.
const RESERVED: &[&str] = &["serverUrl", "vlinkCoreId", "vlinkMachineId"];

/// Something wrong, and where.
pub struct Problem {
    what: String,
    help: String,
    path: Vec<Step>,
}

impl Problem {
    fn new(path: Vec<Step>, what: impl Into<String>, help: impl Into<String>) -> Self {
        Problem { what: what.into(), help: help.into(), path }
    }

    /// The way to the value that is wrong.
    pub fn path(&self) -> &[Step] {
        &self.path
    }

    /// Finds the place in the file's text.
    pub fn into_fault(self, text: &Text) -> Fault {
        Fault { what: self.what, help: Some(self.help), note: None, span: text.find(&self.path), path: self.path }
    }
}

/// What the checks made of the values.
#[derive(Debug, Default)]
pub struct Checked {
    /// Free settings, flattened.
    pub settings: BTreeMap<String, String>,
    /// What may be a mistake.
    pub warnings: Vec<String>,
}

/// Checks a manifest.
pub fn manifest(manifest: &Manifest) -> (Checked, Vec<Problem>) {
    let (mut checked, mut problems) = (Checked::default(), Vec::new());
    let description = &manifest.product.description;
    if description.trim().is_empty() || description.lines().next().is_none_or(|first| first.trim().is_empty()) {
        let help = "write description = \"One line that says what it is.\\nMore lines when there is more to say.\"";
        problems.push(Problem::new(steps!["product", "description"], "the description has no first line", help));
    }
    if manifest.product.systems.as_ref().is_some_and(Vec::is_empty) {
        let help = "write systems = [\"debian-12\", \"rhel-9\"], or leave the key out to mean all";
        problems.push(Problem::new(steps!["product", "systems"], "systems names no system", help));
    }
    problems.extend(names(manifest, &mut checked.warnings));
    problems.extend(plain_settings(&manifest.connector, manifest, &steps!["connector"]));
    if manifest.connector.payload.is_empty() {
        let help = "write payload = { linux-x86_64 = \"connector\" } in [connector]";
        problems.push(Problem::new(steps!["connector", "payload"], "the connector has no payload", help));
    }
    for (at, argument) in manifest.connector.arguments.iter().flatten().enumerate() {
        let path = steps!["connector", "arguments", at];
        placeholders(path, argument, placeholder::OF_CONNECTOR, false, &mut checked.warnings, &mut problems);
    }
    let retry = &manifest.connector.retry;
    let first = retry.first.unwrap_or(Span::milliseconds(1));
    if !grow(retry.factor.unwrap_or(1), first, retry.max.unwrap_or(first)) {
        let help = "write first = \"1s\", factor = 2, max = \"1m\"";
        problems.push(Problem::new(steps!["connector", "retry"], "the delays of retry do not grow", help));
    }
    containers(manifest, &mut checked.warnings, &mut problems);
    match flatten(&manifest.connector.settings, &steps!["connector", "settings"]) {
        Ok(settings) => checked.settings = settings,
        Err(problem) => problems.push(problem),
    }
    (checked, problems)
}

/// That the names fit each other, the root and the containers.
fn names(manifest: &Manifest, warnings: &mut Vec<String>) -> Vec<Problem> {
    let names = &manifest.names.0;
    let mut problems = Vec::new();
    let (connector, containers) = (names.get("connector-folder"), names.get("containers-folder"));
    if connector.eq_ignore_ascii_case(containers) {
        let what = format!("connector-folder and containers-folder are both \"{containers}\"");
        problems.push(Problem::new(steps!["names", "containers-folder"], what, "give each of them a name of its own"));
    }
    // The MSI's column that they travel in.
    const LONGEST: usize = 250;
    let together = names.changed(";").len();
    if together > LONGEST {
        let what = format!("the names take {together} bytes together, and an MSI has room for {LONGEST}");
        problems.push(Problem::new(steps!["names"], what, "write shorter ones"));
    }
    warnings.extend(shared(names));
    let service = names.get("service");
    for (at, container) in manifest.container.iter().enumerate().filter(|(_, one)| one.get_ref().name.as_str() == service) {
        let what = format!("container \"{}\" has the service's name: both would write {service}.log", container.get_ref().name);
        let help = "give the container another name, or the service: service = ... in [names]";
        problems.push(Problem::new(steps!["container", at, "name"], what, help));
    }
    if let Some(problem) = manifest.root.linux.as_ref().and_then(|root| root_problem(root.as_str(), names)) {
        problems.push(Problem::new(steps!["root", "linux"], problem, "write an absolute folder of the product's own"));
    }
    problems
}

/// What two products would still share where one has new names: that is seldom meant.
fn shared(names: &Names) -> Option<String> {
    const TOGETHER: [&[&str]; 2] = [&["service", "vendor"], &["windows-service", "windows-vendor", "registry-key"]];
    TOGETHER.iter().find_map(|keys| {
        let is_new = |key: &&str| NAMES.iter().any(|name| name.key == *key && name.default != names.get(key));
        let (new, old): (Vec<&str>, Vec<&str>) = keys.iter().copied().partition(is_new);
        (!new.is_empty() && !old.is_empty()).then(|| {
            let (new, old) = (new.join(", "), old.join(", "));
            format!("[names] has another {new} and the usual {old}: a product that has that, too, cannot be installed beside it")
        })
    })
}

/// What is wrong with a root that is, or lies in, one of the product's own folders beside it. Below its site folder or default root it may.
fn root_problem(root: &str, names: &Names) -> Option<String> {
    let inside = |key: &&str| format!("{root}/").starts_with(&format!("{}/", names.place(key)));
    let place = ["etc", "lib", "log", "run"].into_iter().find(inside)?;
    Some(format!("\"{root}\" lies in {}, which is not for an install root", names.place(place)))
}

fn containers(manifest: &Manifest, warnings: &mut Vec<String>, problems: &mut Vec<Problem>) {
    let mut names = BTreeMap::new();
    for (at, spanned) in manifest.container.iter().enumerate() {
        let container = spanned.get_ref();
        if names.insert(container.name.as_str(), ()).is_some() {
            let what = format!("two containers are called \"{}\"", container.name);
            problems.push(Problem::new(steps!["container", at, "name"], what, "give each container its own name"));
        }
        problems
            .extend(container_problem(container).map(|(key, what, help)| Problem::new(steps!["container", at, key], what, help)));
        let systems = [Target::LinuxX86_64, Target::WindowsX86_64];
        // One command may be for both.
        let commands: BTreeMap<&[String], Target> =
            systems.into_iter().rev().map(|target| (container.words(target), target)).collect();
        for (words, target) in commands {
            // A shell has its own use for ${...}.
            let shell = words.first().and_then(|program| program.rsplit('/').next()).is_some_and(|name| name.ends_with("sh"));
            for (index, word) in words.iter().enumerate() {
                let path = steps!["container", at, "command", target.system(), index];
                placeholders(path, word, placeholder::OF_CONTAINERS, shell, warnings, problems);
            }
        }
        for (name, value) in &container.environment {
            let path = steps!["container", at, "environment", name.as_str()];
            placeholders(path, value, placeholder::OF_CONTAINERS, false, warnings, problems);
        }
    }
}

fn placeholders(
    path: Vec<Step>,
    text: &str,
    known: &[&str],
    shell: bool,
    warnings: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) {
    match placeholder::doubt(text, known, shell) {
        Some(Doubt::Misspelt(what, help)) => problems.push(Problem::new(path, what, help)),
        Some(Doubt::Literal(what)) => warnings.push(what),
        None => {}
    }
}

/// What is wrong with a container: the key, the sentence, and what to write.
fn container_problem(container: &ContainerTable) -> Option<(&'static str, String, &'static str)> {
    let name = &container.name;
    if container.payload.is_empty() {
        let what = format!("container \"{name}\" has no payload");
        return Some(("payload", what, "write payload = { linux-x86_64 = \"a folder or package\" }"));
    }
    if let Some(problem) = container.payload.keys().find_map(|target| run_problem(container, *target)) {
        return Some(problem);
    }
    let bad = |name: &str| {
        name.is_empty()
            || name.contains(|c: char| c == '=' || c.is_whitespace() || c.is_control())
            || name.starts_with(|c: char| c.is_ascii_digit())
    };
    if let Some(variable) = container.environment.keys().find(|key| bad(key)) {
        let what = format!("container \"{name}\": \"{}\" cannot be an environment variable", variable.escape_debug());
        return Some(("environment", what, "use letters, digits and _ only"));
    }
    if let Some((variable, _)) = container.environment.iter().find(|(_, value)| value.contains('\0')) {
        let what = format!("container \"{name}\": the value of {variable} contains a NUL, which no environment can");
        return Some(("environment", what, "write it without \\u0000"));
    }
    let watchdog = &container.watchdog;
    if !grow(watchdog.factor, watchdog.first, watchdog.max) {
        let what = format!("container \"{name}\": the watchdog's delays do not grow");
        return Some(("watchdog", what, "write first = \"1s\", factor = 2, max = \"1m\""));
    }
    None
}

/// Whether delays grow from the first to the longest.
fn grow(factor: u32, first: Span, max: Span) -> bool {
    factor > 0 && first.as_milliseconds() > 0 && max.as_milliseconds() >= first.as_milliseconds()
}

/// What is wrong with how a container is run on a target.
fn run_problem(container: &ContainerTable, target: Target) -> Option<(&'static str, String, &'static str)> {
    let (name, system) = (&container.name, target.system());
    if container.command.is_some() && container.words(target).is_empty() {
        let what = format!("container \"{name}\" has a payload for {} but no command.{system}", target.name());
        return Some(("command", what, "write command = { linux = [\"bin/agent\"], windows = [\"bin/agent.exe\"] }"));
    }
    match (container.inject(target), container.library(target)) {
        (Inject::Preload | Inject::Dll, _) if container.command.is_none() => {
            let what = format!("container \"{name}\" has no command, so there is nothing to inject into");
            Some(("inject", what, "write command = [\"bin/agent\"], or remove inject"))
        }
        (Inject::None, Some(_)) => {
            let what = format!("container \"{name}\" names a library but injects nothing");
            Some(("library", what, "write inject = \"preload\" (on Windows \"dll\"), or remove library"))
        }
        (Inject::Preload | Inject::Dll, None) => {
            let what = format!("container \"{name}\" is injected into, but names no library");
            Some(("inject", what, "write library = \"lib/name.so\", relative to the payload"))
        }
        (Inject::Dll, _) if target.is_linux() => {
            let what = format!("container \"{name}\": inject = \"dll\" is not available on Linux");
            Some(("inject", what, "write inject = { linux = \"preload\", windows = \"dll\" }"))
        }
        (Inject::Preload, _) if !target.is_linux() => {
            let what = format!("container \"{name}\": inject = \"preload\" is not available on Windows");
            Some(("inject", what, "write inject = { linux = \"preload\", windows = \"dll\" }"))
        }
        _ => None,
    }
}

/// Checks a site against the manifest.
pub fn site(site: &WithSettings<Site>, manifest: &Manifest) -> (Checked, Vec<Problem>) {
    let (mut checked, mut problems) = (Checked::default(), Vec::new());
    let known: Vec<&str> = manifest.container.iter().map(|container| container.get_ref().name.as_str()).collect();
    for (at, name) in site.containers.iter().flatten().enumerate().filter(|(_, name)| !known.contains(&name.as_str())) {
        let help = format!("write some of: {}", known.join(", "));
        problems.push(Problem::new(steps!["containers", at], format!("the product has no container \"{name}\""), help));
    }
    problems.extend(plain_settings(site, manifest, &[]));
    if let Some(problem) = site.linux_root().and_then(|root| root_problem(root.as_str(), &manifest.names.0)) {
        problems.push(Problem::new(steps!["root"], problem, "write an absolute folder of the product's own"));
    }
    for (at, forced) in site.forced.iter().enumerate().filter(|(_, forced)| !site.gives_any(forced.0)) {
        let key = forced.0.key();
        let help = format!("write {key} = ... in the site file, or leave it out of forced");
        problems.push(Problem::new(steps!["forced", at], format!("{key} is forced, and the site file has no {key}"), help));
    }
    match flatten(&site.settings, &steps!["settings"]) {
        Ok(settings) => checked.settings = settings,
        Err(problem) => problems.push(problem),
    }
    (checked, problems)
}

/// The plain settings of a table, by the contract's rules and for each system that the product has a payload for.
fn plain_settings<T>(table: &WithSettings<T>, manifest: &Manifest, above: &[Step]) -> Vec<Problem> {
    let targets = manifest.connector.payload.keys();
    let values = keyed().flat_map(|setting| targets.clone().map(move |target| (setting, *target)));
    let mut problems: Vec<Problem> = Vec::new();
    for (setting, target) in values {
        let system = if target.is_linux() { System::Linux } else { System::Windows };
        let Some(value) = table.plain(setting.name).and_then(|value| value.get(target)) else { continue };
        let Some(fault) = rules::fault(setting.rule, value.as_str(), system) else { continue };
        let path = [above, &[Step::Key(setting.key())]].concat();
        if problems.iter().any(|problem| problem.path == path) {
            continue;
        }
        let key = setting.key();
        let what = format!("{key} = \"{value}\" {fault} on {}", target.system());
        let help = format!("write {key} = \"{}\"; or {key} = {{ linux = ..., windows = ... }}", example(setting.rule, system));
        problems.push(Problem::new(path, what, help));
    }
    problems
}

fn example(rule: Rule, system: System) -> &'static str {
    match (rule, system) {
        (Rule::Path, System::Windows) => "C:/ProgramData/Acme/file",
        (Rule::Path, System::Linux) => "/etc/intigua/file",
        (Rule::Identity, _) => "id-1",
        _ => "https://core.example:443",
    }
}

/// Nested tables and dotted keys into lines of csclient.cfg.
fn flatten(table: &toml::Table, above: &[Step]) -> Result<BTreeMap<String, String>, Problem> {
    let mut lines = BTreeMap::new();
    let place = |key: &String| [above, &[Step::Key(key.clone())]].concat();
    let mut stack: Vec<(String, Vec<Step>, &toml::Value)> =
        table.iter().map(|(key, value)| (key.clone(), place(key), value)).collect();
    while let Some((key, path, value)) = stack.pop() {
        let text = match value {
            toml::Value::Table(inner) => {
                let below = |name: &String| [&path[..], &[Step::Key(name.clone())]].concat();
                stack.extend(inner.iter().map(|(name, value)| (format!("{key}.{name}"), below(name), value)));
                continue;
            }
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            toml::Value::Array(_) | toml::Value::Datetime(_) => {
                let what = format!("the setting \"{key}\" is neither a text, a number nor true or false");
                return Err(Problem::new(path, what, "write the value as a text, as csclient.cfg is to have it"));
            }
        };
        line(&key, &text, path)?;
        lines.insert(key, text);
    }
    Ok(lines)
}

fn line(key: &str, value: &str, path: Vec<Step>) -> Result<(), Problem> {
    let own = SETTINGS.iter().find(|setting| setting.config_key == key).map(|setting| (setting.key(), setting.is_plain()));
    if RESERVED.contains(&key) || own.is_some() {
        let (what, help) = match (key, own) {
            (_, Some((own, plain))) => {
                let place = if plain { "in [connector] or in the site file" } else { "in the site file" };
                (format!("{key} is set by {own}"), format!("write {own} {place}"))
            }
            ("serverUrl", _) => {
                (format!("{key} is set by server-url"), "write server-url in [connector] or in the site file".into())
            }
            ("vlinkCoreId", _) => {
                (format!("{key} is set by core-id, or made on the endpoint"), "write core-id in the site file".into())
            }
            _ => (format!("{key} is made on the endpoint"), "remove it".to_owned()),
        };
        return Err(Problem::new(path, what, help));
    }
    let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if key.is_empty() || !key.chars().all(good) {
        let what = format!("\"{}\" cannot be a setting's name", key.escape_debug());
        return Err(Problem::new(path, what, "use letters, digits, dots, _ and - only"));
    }
    if value.chars().any(char::is_control) {
        return Err(Problem::new(path, format!("the setting \"{key}\" contains a control character"), "write it as one line"));
    }
    Ok(())
}
