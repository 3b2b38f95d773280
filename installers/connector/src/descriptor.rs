//! container.json: what a container runs and under which conditions (docs/endpoint.md).

use std::path::{Component, Path};
use std::time::Duration;

use crate::backoff::Watchdog;
use crate::json::{self, Value};

/// How the container's library gets into its processes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Inject {
    /// The dynamic loader's preload list.
    Preload,
    /// A DLL, on Windows.
    Dll,
    /// Not at all.
    None,
}

/// Limits; what is absent is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Throttle {
    /// Added to the scheduling priority, -20 to 19.
    pub nice: Option<i32>,
    /// Percent of one processor, 1 to 100000.
    pub max_cpu_percent: Option<u32>,
    /// KiB of memory.
    pub max_memory_kb: Option<u64>,
}

/// One container.json.
#[derive(Clone, Debug, PartialEq)]
pub struct Descriptor {
    pub name: String,
    pub version: String,
    pub required: bool,
    /// The account that the container runs under; the connector's where absent.
    pub run_as: Option<String>,
    pub command: Vec<String>,
    pub inject: Inject,
    /// Relative to the container's directory.
    pub library: Option<String>,
    pub environment: Vec<(String, String)>,
    pub throttle: Throttle,
    pub watchdog: Watchdog,
}

impl Descriptor {
    /// Reads a descriptor. Keys it does not know are ignored, so that a newer package may add some; a key it knows
    /// must have the right type. The error is one sentence.
    pub fn parse(text: &str) -> Result<Descriptor, String> {
        let document = json::parse(text).map_err(|error| error.to_string())?;
        let top = Fields::of(&document, "container.json")?;
        let inject = match top.text("inject")?.as_deref() {
            None | Some("none") => Inject::None,
            Some("preload") => Inject::Preload,
            Some("dll") => Inject::Dll,
            Some(_) => return Err("inject: expected \"preload\", \"dll\" or \"none\"".to_string()),
        };
        let descriptor = Descriptor {
            name: top.text("name")?.ok_or("name is missing")?,
            version: top.text("version")?.unwrap_or_default(),
            required: top.flag("required")?.unwrap_or(false),
            run_as: top.text("run-as")?,
            command: command(&top)?,
            inject,
            library: top.text("library")?.filter(|library| !library.is_empty()),
            environment: environment(&top)?,
            throttle: throttle(&top)?,
            watchdog: watchdog(&top)?,
        };
        descriptor.vetted()
    }

    fn vetted(self) -> Result<Descriptor, String> {
        if !is_name(&self.name) {
            return Err(
                "name: expected letters, digits, '.', '_' and '-', at most 64, starting with a letter or digit".to_string()
            );
        }
        if self.run_as.as_deref().map_or(false, |account| !is_account(account)) {
            return Err("run-as: expected the name of an account, not a number".to_string());
        }
        if self.inject != Inject::None && self.library.is_none() {
            return Err("library is missing: inject needs one".to_string());
        }
        let mut texts = self.command.iter().chain(self.environment.iter().map(|(_, value)| value));
        if texts.any(|text| text.contains('\0')) {
            return Err("command, environment: a NUL character cannot be passed to a program".to_string());
        }
        if let Some(library) = &self.library {
            inside("library", library)?;
        }
        match self.command.first() {
            Some(program) if !Path::new(program).is_absolute() && !program.starts_with('{') => inside("command", program)?,
            None if self.inject != Inject::None => return Err("command is empty: inject needs one".to_string()),
            _ => {}
        }
        Ok(self)
    }
}

/// Whether a text can be a container's name: it becomes the name of directories and log files.
pub fn is_name(text: &str) -> bool {
    let safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    text.len() <= 64 && text.bytes().all(safe) && text.bytes().next().map_or(false, |b| b.is_ascii_alphanumeric())
}

/// Whether a text can be an account's name, by the rules of shadow-utils and systemd; a number is none.
fn is_account(text: &str) -> bool {
    let body = text.strip_suffix('$').unwrap_or(text);
    let safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let first = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    body.len() <= 64 && body.bytes().all(safe) && body.bytes().next().map_or(false, first)
}

fn inside(key: &str, path: &str) -> Result<(), String> {
    // A drive letter or a leading backslash leaves the directory on Windows, and on Windows alone.
    let stays = Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if path.is_empty() || !stays || path.contains('\0') {
        return Err(format!("{key}: '{path}' does not lie below the container's directory"));
    }
    Ok(())
}

fn command(top: &Fields) -> Result<Vec<String>, String> {
    let items = match top.get("command") {
        Some(Value::List(items)) => items,
        Some(other) => return Err(format!("command: expected a list of strings, found {}", other.kind())),
        None => return Err("command is missing".to_string()),
    };
    let mut command = Vec::new();
    for item in items {
        match item {
            Value::Text(text) => command.push(text.clone()),
            other => return Err(format!("command: expected strings, found {}", other.kind())),
        }
    }
    Ok(command)
}

fn environment(top: &Fields) -> Result<Vec<(String, String)>, String> {
    let mut environment = Vec::new();
    for (name, value) in top.section("environment")?.members {
        let text = match value {
            Value::Text(text) => text,
            other => return Err(format!("environment.{name}: expected a string, found {}", other.kind())),
        };
        if name.is_empty() || name.contains(&['=', '\0'][..]) {
            return Err(format!("environment: '{name}' cannot be a variable's name"));
        }
        environment.push((name.clone(), text.clone()));
    }
    Ok(environment)
}

fn throttle(top: &Fields) -> Result<Throttle, String> {
    let section = top.section("throttle")?;
    Ok(Throttle {
        nice: section.number("nice", -20.0, 19.0)?.map(|n| n as i32),
        max_cpu_percent: section.number("max-cpu-percent", 1.0, 100_000.0)?.map(|n| n as u32),
        max_memory_kb: section.number("max-memory-kb", 1.0, 1e12)?.map(|n| n as u64),
    })
}

fn watchdog(top: &Fields) -> Result<Watchdog, String> {
    let section = top.section("watchdog")?;
    let usual = Watchdog::default();
    let day = 86_400_000.0;
    let time = |key: &str, least: f64, usual: Duration| -> Result<Duration, String> {
        Ok(section.number(key, least, day)?.map_or(usual, |ms| Duration::from_millis(ms as u64)))
    };
    let factor = section.real("factor")?.unwrap_or(usual.factor);
    if !(1.0..=1_000.0).contains(&factor) {
        return Err("watchdog.factor: expected a number from 1 to 1000".to_string());
    }
    Ok(Watchdog {
        restart: section.flag("restart")?.unwrap_or(usual.restart),
        // A delay of zero would let a broken container eat a processor.
        first: time("first-ms", 10.0, usual.first)?,
        factor,
        max: time("max-ms", 10.0, usual.max)?,
        healthy: time("healthy-ms", 0.0, usual.healthy)?,
    })
}

/// An object's members, with the object's name for messages.
struct Fields<'a> {
    name: &'a str,
    members: &'a [(String, Value)],
}

impl<'a> Fields<'a> {
    fn of(value: &'a Value, name: &'a str) -> Result<Fields<'a>, String> {
        match value {
            Value::Object(members) => Ok(Fields { name, members }),
            other => Err(format!("{name}: expected an object, found {}", other.kind())),
        }
    }

    /// The value of a key; null counts as absent.
    fn get(&self, key: &str) -> Option<&'a Value> {
        let found = self.members.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value).filter(|value| **value != Value::Null)
    }

    fn wrong(&self, key: &str, expected: &str, found: &Value) -> String {
        let prefix = if self.name == "container.json" { String::new() } else { format!("{}.", self.name) };
        format!("{prefix}{key}: expected {expected}, found {}", found.kind())
    }

    fn section(&self, key: &'a str) -> Result<Fields<'a>, String> {
        self.get(key).map_or(Ok(Fields { name: key, members: &[] }), |value| Fields::of(value, key))
    }

    fn text(&self, key: &str) -> Result<Option<String>, String> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.wrong(key, "a string", other)),
        }
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, String> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.wrong(key, "true or false", other)),
        }
    }

    fn real(&self, key: &str) -> Result<Option<f64>, String> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(*number)),
            Some(other) => Err(self.wrong(key, "a number", other)),
        }
    }

    fn number(&self, key: &str, least: f64, most: f64) -> Result<Option<f64>, String> {
        match self.real(key)? {
            Some(n) if n.fract() != 0.0 || n < least || n > most => {
                Err(format!("{}.{key}: expected a whole number from {least} to {most}", self.name))
            }
            number => Ok(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_descriptor_is_read_in_full() {
        let text = r#"{ "name": "tracer", "version": "1.0", "title": "Tracer", "required": true, "run-as": "_tracer",
            "command": ["bin/tracer", "-f"], "inject": "preload", "library": "lib/libtracer.so",
            "environment": { "KEY": "VALUE" }, "added-later": [1],
            "throttle": { "nice": 10, "max-cpu-percent": 50, "max-memory-kb": 1000000 },
            "watchdog": { "restart": false, "first-ms": 100, "factor": 1.5, "max-ms": 200, "healthy-ms": 300 } }"#;
        let expected = Descriptor {
            name: "tracer".to_string(),
            version: "1.0".to_string(),
            required: true,
            run_as: Some("_tracer".to_string()),
            command: vec!["bin/tracer".to_string(), "-f".to_string()],
            inject: Inject::Preload,
            library: Some("lib/libtracer.so".to_string()),
            environment: vec![("KEY".to_string(), "VALUE".to_string())],
            throttle: Throttle { nice: Some(10), max_cpu_percent: Some(50), max_memory_kb: Some(1_000_000) },
            watchdog: Watchdog {
                restart: false,
                first: Duration::from_millis(100),
                factor: 1.5,
                max: Duration::from_millis(200),
                healthy: Duration::from_millis(300),
            },
        };
        assert_eq!(Descriptor::parse(text), Ok(expected));
    }

    #[test]
    fn what_is_absent_or_null_has_the_documented_default() {
        let found = Descriptor::parse(r#"{ "name": "a", "command": ["x"], "throttle": null, "library": null }"#).unwrap();
        assert_eq!((found.inject, found.required, found.throttle), (Inject::None, false, Throttle::default()));
        assert_eq!(found.watchdog, Watchdog::default());
    }

    #[test]
    fn a_wrong_descriptor_says_which_key_is_wrong() {
        let cases = [
            (r#"[]"#, "container.json: expected an object, found a list"),
            (r#"{"command": ["x"]}"#, "name is missing"),
            (r#"{"name": "a"}"#, "command is missing"),
            (r#"{"name": "a", "command": [], "inject": "preload", "library": "lib/x.so"}"#, "command is empty: inject needs one"),
            (r#"{"name": "a", "command": "x"}"#, "command: expected a list of strings, found a string"),
            (r#"{"name": "a", "command": [1]}"#, "command: expected strings, found a number"),
            (r#"{"name": "a", "command": ["../x"]}"#, "command: '../x' does not lie below the container's directory"),
            (r#"{"name": "a", "command": ["x"], "inject": "magic"}"#, "inject: expected \"preload\", \"dll\" or \"none\""),
            (r#"{"name": "a", "command": ["x"], "inject": "preload"}"#, "library is missing: inject needs one"),
            (
                r#"{"name": "a", "command": ["x"], "inject": "preload", "library": "/lib/x.so"}"#,
                "library: '/lib/x.so' does not lie below the container's directory",
            ),
            (r#"{"name": "a", "command": ["x"], "environment": {"A=B": "c"}}"#, "environment: 'A=B' cannot be a variable's name"),
            (
                r#"{"name": "a", "command": ["x"], "throttle": {"nice": 20}}"#,
                "throttle.nice: expected a whole number from -20 to 19",
            ),
            (
                r#"{"name": "a", "command": ["x"], "watchdog": {"factor": 0.5}}"#,
                "watchdog.factor: expected a number from 1 to 1000",
            ),
            (
                r#"{"name": "a", "command": ["x"], "watchdog": {"restart": 1}}"#,
                "watchdog.restart: expected true or false, found a number",
            ),
            (r#"{"name": "a", "command": ["x"], "run-as": "0"}"#, "run-as: expected the name of an account, not a number"),
            (r#"{"name": "a", "command": ["x"], "run-as": "a:b"}"#, "run-as: expected the name of an account, not a number"),
            (r#"{"name": "a", "command": ["x\u0000"]}"#, "command, environment: a NUL character cannot be passed to a program"),
        ];
        for (text, message) in cases {
            assert_eq!(Descriptor::parse(text), Err(message.to_string()), "{text}");
        }
    }

    #[test]
    fn names_that_would_leave_their_directory_are_refused() {
        for name in ["", ".", "..", ".hidden", "a/b", "a b", "a\nb", &"x".repeat(65)] {
            assert!(!is_name(name), "{name:?}");
        }
        assert!(is_name("zabbix-agent2_1.0"));
    }
}
