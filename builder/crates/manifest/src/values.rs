//! Values with rules of their own: checked while the manifest is read, so that an error points at the very value.

use contract::rules::{self, System};
use contract::settings::{BuiltIn, Rule, SETTINGS};
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
    /// One line of text: no control characters, not empty.
    Line, check_line, "^[^\\u0000-\\u001f\\u007f]+$"
);
checked_string!(
    /// Whom to write to: `Name <mail@example.com>`, as package managers want it (Debian Policy 5.6.2).
    Contact, check_contact, "^[^<>\\u0000-\\u001f]*[^<>\\s][^<>\\u0000-\\u001f]*<[^@<>\\s]+@[^@<>\\s]+[.][^@<>\\s]+>$"
);
checked_string!(
    /// An account's name.
    Account, check_account, "^[a-z_][a-z0-9_.-]*[$]?$"
);
checked_string!(
    /// An http or https URL without spaces, quotes, `\`, `|`, `<`, `>` or `;`.
    Url, check_url, "^https?://[^\\s\"';|<>\\\\]+$"
);
checked_string!(
    /// An endpoint's identity, as the server gives it.
    Identity, check_identity, "^[A-Za-z0-9._:-]+$"
);
checked_string!(
    /// A protocol and its port: `https:443`.
    Protocol, check_protocol, "^[a-z][a-z0-9+.-]*:[1-9][0-9]{0,4}$"
);
checked_string!(
    /// A package URL (https://github.com/package-url/purl-spec): `pkg:TYPE/NAME@VERSION`.
    PackageUrl, check_purl, "^pkg:[a-z][a-z0-9.+-]*/[^\\s]+$"
);
checked_string!(
    /// A path relative to the payload's folder, or a file name.
    RelativePath, check_relative, "^[^/]"
);

checked_string!(
    /// The name of a rule of `linkpack lint`.
    RuleName, lint_rules::check, "^[a-z]+(-[a-z]+)*$"
);

fn check_name(text: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-".contains(c);
    let first = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if first && text.len() >= 2 && text.len() <= 100 && text.chars().all(good) {
        return Ok(());
    }
    let shown = text.escape_debug();
    if text.len() > 100 {
        return Err(format!("a name has 100 characters at most, and this one {}; write a shorter one", text.chars().count()));
    }
    let like: String = text.trim().to_lowercase().chars().map(|c| if good(c) { c } else { '-' }).collect();
    let like = like.trim_matches(|c| "+.-".contains(c)).to_owned();
    // Without its other letters it would be another word.
    let instead = match like.len() >= 2 && !text.chars().any(|c| c.is_alphabetic() && !c.is_ascii()) {
        true => format!("; write \"{like}\""),
        false => "; write one such as \"acme-agent\"".to_owned(),
    };
    Err(format!("\"{shown}\" cannot be a name here: two or more of a-z 0-9 + . - are allowed, a letter or digit first{instead}"))
}

fn check_version(text: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || ".+~".contains(c);
    if text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(good) && text.len() <= 64 {
        return Ok(());
    }
    let shown = text.escape_debug();
    let bare = text.trim().trim_start_matches(['v', 'V']);
    // What comes before the version, however it is set off.
    let early =
        |rest: &str| ["alpha", "beta", "rc", "pre", "dev", "snapshot"].iter().any(|word| rest.to_lowercase().starts_with(word));
    let like = match bare.split_once(['_', ' ']) {
        Some((version, rest)) if early(rest.trim()) => format!("{version}~{}", rest.trim()),
        _ => bare.replacen('-', "~", 1),
    };
    let like = like.replace(['-', '_', ' '], ".");
    // A number alone may be a revision, which comes after the version, as well as a pre-release, which comes before it.
    if let Some((version, revision)) = bare.split_once('-').filter(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit())) {
        let revision = revision.replace(['-', '_'], ".");
        let both = [format!("{version}.{revision}"), format!("{version}~{revision}")];
        if both.iter().all(|like| like.starts_with(|c: char| c.is_ascii_digit()) && like.chars().all(good)) {
            let [after, before] = both;
            return Err(format!(
                "\"{shown}\" is not a version that every format can express: \"-\" would begin a package's revision; write \"{after}\" for \
                 what comes after {version}, or \"{before}\" for what comes before it"
            ));
        }
    }
    let instead = match like.starts_with(|c: char| c.is_ascii_digit()) && like.chars().all(good) {
        true => format!("; write \"{like}\""),
        false => String::from("; write something like \"1.2.3\" or \"1.2.3~rc1\""),
    };
    Err(format!(
        "\"{shown}\" is not a version that every format can express: a digit first, then letters, digits, . + ~{instead}"
    ))
}

fn check_line(text: &str) -> Result<(), String> {
    match text.chars().any(char::is_control) || text.trim().is_empty() {
        true => {
            Err("this must be one line of text, not empty and without control characters; write a few words on one line".into())
        }
        false => Ok(()),
    }
}

/// Whether it is a name and a mail address: `Name <mail@example.com>`.
pub fn is_contact(text: &str) -> bool {
    let Some((name, rest)) = text.split_once('<') else { return false };
    let Some(address) = rest.trim_end().strip_suffix('>') else { return false };
    !name.trim().is_empty() && is_address(address)
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let plain = !text.contains(|c: char| c.is_whitespace() || c.is_control() || "<>,".contains(c));
    plain
        && !local.is_empty()
        && !domain.contains('@')
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
}

fn check_contact(text: &str) -> Result<(), String> {
    check_line(text)?;
    if is_contact(text) {
        return Ok(());
    }
    let shown = text.escape_debug();
    let (name, address) = text.split_once('<').unwrap_or((text, ""));
    let (name, address) = (name.trim(), address.trim().trim_end_matches('>').trim());
    Err(match (name, address) {
        (address, "") if is_address(address) => format!("the contact \"{shown}\" has no name; write \"Example Ltd <{address}>\""),
        ("", address) if is_address(address) => format!("the contact \"{shown}\" has no name; write \"Example Ltd <{address}>\""),
        (name, "") if !name.contains('@') => {
            format!("the contact \"{shown}\" has no mail address; write \"{name} <support@example.com>\"")
        }
        _ => format!(
            "the contact \"{shown}\" is not a name and a mail address; write it like \"Example Ltd <support@example.com>\""
        ),
    })
}

fn check_account(text: &str) -> Result<(), String> {
    let body = text.strip_suffix('$').unwrap_or(text);
    let first = body.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c);
    match first && body.chars().all(good) && text.len() <= 32 {
        true => Ok(()),
        false => Err(format!(
            "\"{}\" is not an account's name; write \"root\", \"auto\" or the name of a sudoer such as \"svc-intigua\"",
            text.escape_debug()
        )),
    }
}

fn check_url(text: &str) -> Result<(), String> {
    // A manifest is for all systems until its payloads say otherwise.
    let good = |text: &str| {
        !text.is_empty() && [System::Linux, System::Windows].iter().all(|system| rules::fault(Rule::Url, text, *system).is_none())
    };
    let shown = text.escape_debug();
    if let Some(port) = bad_port(text).filter(|_| good(text)) {
        return Err(format!("\"{shown}\" has \"{port}\" for a port; write a number from 1 to 65535 behind the colon"));
    }
    if good(text) {
        return Ok(());
    }
    Err(match text.split_once("://") {
        _ if text.contains(';') => {
            let others = SETTINGS.iter().find(|setting| setting.built_in == BuiltIn::List).map(|setting| setting.key());
            format!("\"{shown}\" is not one URL: it has a ; in it; write one, and others in {}", others.unwrap_or_default())
        }
        None if good(&format!("https://{text}")) => {
            format!("\"{shown}\" is not a URL: it does not begin with https:// or http://; write \"https://{shown}\"")
        }
        Some((scheme, rest)) if good(&format!("https://{rest}")) && !scheme.starts_with("http") => {
            format!("\"{shown}\" is not a URL of https or http; write \"https://{rest}\", where the server answers there")
        }
        _ => format!("\"{shown}\" is not a URL; write something like \"https://core.example:443\""),
    })
}

/// What stands for a port in a URL and is none.
fn bad_port(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?;
    let (_, port) = host[host.rfind(']').unwrap_or(0)..].split_once(':')?;
    (port.parse::<u16>().ok().filter(|port| *port > 0).is_none()).then_some(port)
}

fn check_identity(text: &str) -> Result<(), String> {
    match rules::fault(Rule::Identity, text, System::Linux) {
        None if !text.is_empty() => Ok(()),
        _ => Err(format!("\"{}\" is not an identity: it may hold letters, digits and . _ : - only", text.escape_debug())),
    }
}

fn check_protocol(text: &str) -> Result<(), String> {
    let good = text.split_once(':').is_some_and(|(name, port)| {
        let name_is_good = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-".contains(c));
        name_is_good && !port.starts_with(['0', '+']) && port.parse::<u16>().is_ok()
    });
    let shown = text.escape_debug();
    good.then_some(()).ok_or_else(|| {
        format!(
            "\"{shown}\" is not a protocol and a port from 1 to 65535; write it like \"https:443\", \"ssh:22\" or \"smb:445\""
        )
    })
}

fn check_purl(text: &str) -> Result<(), String> {
    let good = text.strip_prefix("pkg:").and_then(|rest| rest.split_once('/')).is_some_and(|(kind, name)| {
        let kind_is_good = kind.starts_with(|c: char| c.is_ascii_lowercase())
            && kind.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".+-".contains(c));
        kind_is_good && !name.is_empty() && !name.starts_with(['/', '@']) && name.chars().all(|c| c.is_ascii_graphic())
    });
    let shown = text.escape_debug();
    good.then_some(()).ok_or_else(|| {
        format!(
            "\"{shown}\" is not a package URL; write it like \"pkg:generic/monit@5.33.0\" or \"pkg:github/OWNER/NAME@VERSION\""
        )
    })
}

fn is_relative(text: &str) -> bool {
    !text.chars().any(char::is_control) && !text.split('/').any(|part| matches!(part, "" | "." | ".."))
}

fn check_relative(text: &str) -> Result<(), String> {
    if is_relative(text) {
        return Ok(());
    }
    let inside = text.trim_start_matches(['/', '.']);
    let instead = match is_relative(inside) {
        true => format!("\"{inside}\", relative to the payload's folder"),
        false => "a path relative to the payload's folder, without .. and without a / at its beginning or end".to_owned(),
    };
    Err(format!("\"{}\" is not a path inside the payload; write {instead}", text.escape_debug()))
}

/// A whole number with its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> From<Whole<MIN, MAX>> for u64 {
    fn from(number: Whole<MIN, MAX>) -> u64 {
        number.0.into()
    }
}

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        let fine = u32::try_from(number).ok().filter(|number| (MIN..=MAX).contains(number));
        fine.map(Whole)
            .ok_or_else(|| D::Error::custom(format!("{number} is out of range; write a whole number from {MIN} to {MAX}")))
    }
}

impl<const MIN: u32, const MAX: u32> JsonSchema for Whole<MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("Whole{MIN}To{MAX}").into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
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
        if words.iter().any(|word| word.contains('\0')) {
            return Err(D::Error::custom("a command's words hold no NUL; write them without \\u0000"));
        }
        match words.first().is_some_and(|program: &String| !program.is_empty()) {
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
        assert!(Account::new("Dom\\user").unwrap_err().contains("write \"root\""));
    }

    #[test]
    fn a_contact_is_a_name_and_a_mail_address() {
        assert!(Contact::new("Acme Ltd <support@acme.example>").is_ok());
        for (bad, right) in [
            ("Acme", "write \"Acme <support@example.com>\""),
            ("support@acme.example", "write \"Example Ltd <support@acme.example>\""),
            ("<support@acme.example>", "write \"Example Ltd <support@acme.example>\""),
            ("Acme <support>", "write it like"),
            ("Acme <support@host>", "write it like"),
            ("Acme support@acme.example", "write it like"),
        ] {
            let error = Contact::new(bad).unwrap_err();
            assert!(error.contains(right), "{bad}: {error}");
        }
    }

    #[test]
    fn a_revision_may_come_before_or_after_its_version() {
        let error = Version::new("2.0.0-1").unwrap_err();
        assert!(error.contains("write \"2.0.0.1\" for what comes after 2.0.0, or \"2.0.0~1\""), "{error}");
        assert!(Version::new("2.0-rc1").unwrap_err().ends_with("write \"2.0~rc1\""));
    }
}
