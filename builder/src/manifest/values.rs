//! Values with rules of their own: checked while the manifest is read, so that an error points at the very value.

use schemars::{json_schema, JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserializer, Error as _};
use serde::Deserialize;
use std::borrow::Cow;

/// Declares a checked string type: its name, its rule as a function, the rule as a regular expression for the schema.
macro_rules! checked_string {
    ($(#[$doc:meta])* $name:ident, $check:path, $pattern:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks the text; the error says what is wrong and what to write instead.
            pub fn new(text: impl Into<String>) -> Result<Self, String> {
                let text = text.into();
                $check(&text)?;
                Ok($name(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $name::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
            fn inline_schema() -> bool {
                true
            }
        }
    };
}

pub(super) use checked_string;

checked_string!(
    /// A product's, container's or site's name: what Debian (Policy 5.6.1) and RPM both accept as part of a package name.
    Name, check_name, "^[a-z0-9][a-z0-9+.-]+$"
);
checked_string!(
    /// A version that DEB, RPM and the `.run` order alike: digits first, no `-`.
    Version, check_version, "^[0-9][A-Za-z0-9.+~]*$"
);
checked_string!(
    /// An absolute Linux install root.
    LinuxRoot, check_linux_root, "^/[^/].*$"
);
checked_string!(
    /// One line of text: no control characters, not empty.
    Line, check_line, "^[^\\u0000-\\u001f\\u007f]+$"
);
checked_string!(
    /// An account's name.
    Account, check_account, "^[a-z_][a-z0-9_.-]*[$]?$"
);
checked_string!(
    /// An http or https URL without spaces, quotes or `;`.
    Url, check_url, "^https?://[^\\s\"';]+$"
);
checked_string!(
    /// A path relative to the payload's folder, or a file name.
    RelativePath, check_relative, "^[^/]"
);

fn check_name(text: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-".contains(c);
    let first = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if first && text.len() >= 2 && text.len() <= 100 && text.chars().all(good) {
        return Ok(());
    }
    let like: String = text.to_lowercase().chars().map(|c| if good(c) { c } else { '-' }).collect();
    let like = like.trim_matches(|c| "+.-".contains(c)).to_owned();
    let instead = if check_name_shape(&like) { format!("; write \"{like}\"") } else { String::new() };
    Err(format!(
        "\"{text}\" cannot be a package's name: two or more of a-z 0-9 + . - are allowed, a letter or digit first{instead}"
    ))
}

fn check_name_shape(text: &str) -> bool {
    text.len() >= 2
}

fn check_version(text: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || ".+~".contains(c);
    if text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(good) && text.len() <= 64 {
        return Ok(());
    }
    let like = text.trim_start_matches('v').replacen('-', "~", 1).replace(['-', '_'], ".");
    let instead = match like.starts_with(|c: char| c.is_ascii_digit()) && like.chars().all(good) {
        true => format!("; write \"{like}\""),
        false => String::from("; write something like \"1.2.3\" or \"1.2.3~rc1\""),
    };
    Err(format!("\"{text}\" is not a version that every format can express: a digit first, then letters, digits, . + ~{instead}"))
}

/// The directories that belong to the system: an install root may lie below them, never be one of them.
const SYSTEM_DIRECTORIES: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib64",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
    "/var",
    "/var/lib",
    "/var/log",
    "/var/run",
    "/var/tmp",
];

fn check_linux_root(text: &str) -> Result<(), String> {
    let instead = "write an absolute folder such as \"/usr/local/intigua\"";
    if !text.starts_with('/') || text.len() > 200 {
        return Err(format!("\"{text}\" is not an absolute path of at most 200 bytes; {instead}"));
    }
    if text[1..].split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(format!("\"{text}\" has an empty, \".\" or \"..\" component; {instead}"));
    }
    if let Some(bad) = text.chars().find(|&c| c.is_control() || "\"'\\$`%&;|<>*?[]{}()!#~:".contains(c)) {
        return Err(format!(
            "\"{}\" contains {bad:?}, which unit files and shells treat specially; {instead}",
            text.escape_debug()
        ));
    }
    if SYSTEM_DIRECTORIES.contains(&text) {
        return Err(format!("\"{text}\" belongs to the system; {instead}"));
    }
    Ok(())
}

fn check_line(text: &str) -> Result<(), String> {
    match text.chars().any(char::is_control) || text.trim().is_empty() {
        true => Err("this must be one line of text, not empty and without control characters".into()),
        false => Ok(()),
    }
}

fn check_account(text: &str) -> Result<(), String> {
    let body = text.strip_suffix('$').unwrap_or(text);
    let first = body.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c);
    match first && body.chars().all(good) && text.len() <= 32 {
        true => Ok(()),
        false => Err(format!(
            "\"{text}\" is not an account's name; write \"root\", \"auto\" or the name of a sudoer such as \"svc-intigua\""
        )),
    }
}

fn check_url(text: &str) -> Result<(), String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let good =
        |rest: &str| !rest.is_empty() && !rest.contains(|c: char| c.is_whitespace() || c.is_control() || "\"';\\".contains(c));
    match rest.is_some_and(good) {
        true => Ok(()),
        false => Err(format!("\"{}\" is not a URL; write something like \"https://core.example:443\"", text.escape_debug())),
    }
}

fn check_relative(text: &str) -> Result<(), String> {
    let bad = text.is_empty() || text.contains('\0') || text.chars().any(char::is_control);
    match bad || text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        true => Err(format!(
            "\"{}\" is not a path inside the payload; write it without a leading / and without ..",
            text.escape_debug()
        )),
        false => Ok(()),
    }
}

/// A span of time, written as a number and a unit: `500ms`, `1s`, `5m`, `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    milliseconds: u64,
}

impl Span {
    /// A span of that many milliseconds.
    pub const fn milliseconds(milliseconds: u64) -> Self {
        Span { milliseconds }
    }

    /// In milliseconds.
    pub fn as_milliseconds(self) -> u64 {
        self.milliseconds
    }

    /// In seconds, rounded up.
    pub fn as_seconds(self) -> u64 {
        self.milliseconds.div_ceil(1000)
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let factor = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        Some(Span { milliseconds: number.parse::<u64>().ok()?.checked_mul(factor)? })
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || D::Error::custom(format!("\"{text}\" is not a span of time; write \"500ms\", \"1s\", \"5m\" or \"1h\""));
        Span::parse(&text).ok_or_else(wrong)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" })
    }
    fn inline_schema() -> bool {
        true
    }
}

/// A program and its arguments: a list, or one line that is split at spaces (quotes and backslashes are refused: use the list).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command(pub Vec<String>);

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Vec<String>;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a command line, or a list of a program and its arguments")
            }
            fn visit_str<E: serde::de::Error>(self, line: &str) -> Result<Self::Value, E> {
                if line.contains(['"', '\'', '\\']) {
                    return Err(E::custom(
                        "quotes are not interpreted here; write the command as a list: [\"bin/agent\", \"an argument\"]",
                    ));
                }
                Ok(line.split_whitespace().map(str::to_owned).collect())
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = list.next_element()? {
                    words.push(word);
                }
                Ok(words)
            }
        }
        let words = deserializer.deserialize_any(Visitor)?;
        match words.first().is_some_and(|program| !program.is_empty()) && words.iter().all(|word| !word.contains('\0')) {
            true => Ok(Command(words)),
            false => {
                Err(D::Error::custom("a command names at least a program; write \"bin/agent -f\" or [\"bin/agent\", \"-f\"]"))
            }
        }
    }
}

impl JsonSchema for Command {
    fn schema_name() -> Cow<'static, str> {
        "Command".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string", "minLength": 1 },
            { "type": "array", "items": { "type": "string" }, "minItems": 1 }
        ] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_to_write_instead() {
        assert!(Name::new("My Agent").unwrap_err().contains("write \"my-agent\""));
        assert!(Version::new("v1.2-rc1").unwrap_err().contains("write \"1.2~rc1\""));
        assert!(LinuxRoot::new("opt/x").unwrap_err().contains("write an absolute folder"));
        assert!(Account::new("Dom\\user").unwrap_err().contains("write \"root\""));
    }

    #[test]
    fn roots_are_safe_in_shells_and_units() {
        for good in ["/usr/local/intigua", "/opt/my agents/x", "/srv/é"] {
            assert!(LinuxRoot::new(good).is_ok(), "{good}");
        }
        for bad in ["/", "/opt", "/usr/../x", "/x//y", "/x/", "/a$b", "/a\nb", "/a'b", "/a%b", "relative", "/a:b"] {
            assert!(LinuxRoot::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_have_units() {
        assert_eq!(Span::parse("5m"), Some(Span::milliseconds(300_000)));
        for bad in ["5", "m", "", "-1s", "1 s", "99999999999999999999s"] {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
    }
}
