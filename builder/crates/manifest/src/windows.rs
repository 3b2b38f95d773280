//! What only Windows packages need of a manifest, and its values' rules.

use super::values::{checked_string, RelativePath};
use contract::rules::is_below_a_drive;
use schemars::{json_schema, JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserializer, Error as _};
use serde::Deserialize;
use std::borrow::Cow;

checked_string!(
    /// A GUID, with or without braces.
    UpgradeCode, check_upgrade_code, "^[{]?[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}[}]?$"
);
checked_string!(
    /// An absolute Windows install root on a drive.
    WindowsRoot, check_root, "^[A-Za-z]:\\\\[^\\\\/].*$"
);

impl UpgradeCode {
    /// The GUID itself.
    pub fn uuid(&self) -> uuid::Uuid {
        uuid::Uuid::try_parse(self.as_str()).expect("it was checked when it was read")
    }
}

/// What only Windows packages need of the connector. All paths are relative to its payload.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConnectorWindows {
    /// The end-user application: a program that runs when a user logs on (HKLM Run).
    pub user_application: Option<RelativePath>,
    /// The code page of the MSI's texts: 1252 (Western European) without one. 65001 is UTF-8.
    pub code_page: Option<u16>,
    /// The helper for 32-bit processes; the endpoint finds its path in the registry, value Helper32 of the key that `[names]` has.
    pub helper_x86: Option<RelativePath>,
    /// The helper for 64-bit processes; Helper64.
    pub helper_x64: Option<RelativePath>,
    /// Whether a build that signs the MSI also signs the payloads' programs and libraries that nobody has signed.
    #[serde(default)]
    pub sign_programs: bool,
}

fn check_upgrade_code(text: &str) -> Result<(), String> {
    let bare = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    match uuid::Uuid::try_parse(bare) {
        Ok(id) if bare.len() == 36 && !id.is_nil() => Ok(()),
        _ => Err(format!(
            "\"{}\" is not a GUID; write one of your own, for instance upgrade-code = \"{}\"",
            text.escape_debug(),
            proposed_upgrade_code()
        )),
    }
}

/// A new random GUID (RFC 9562, version 4), to be pasted into a manifest.
pub fn proposed_upgrade_code() -> String {
    let mut bytes = [0; 16];
    let random = std::fs::File::open("/dev/urandom").and_then(|mut source| std::io::Read::read_exact(&mut source, &mut bytes));
    // Without random bytes, one of a clock that moves in nanoseconds: it has to be unique, not secret.
    if random.is_err() {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        bytes = now.as_nanos().wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_be_bytes();
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string().to_uppercase()
}

/// Folders that belong to Windows: an install root may lie below the first ones, never in the last one.
const SYSTEM_FOLDERS: &[&str] = &["program files", "program files (x86)", "programdata", "users"];

fn check_root(text: &str) -> Result<(), String> {
    let instead = r"write an absolute folder such as 'C:\Program Files\Intigua'";
    if !is_below_a_drive(text) || text.contains('/') || text.chars().count() > 150 {
        return Err(format!(
            "\"{text}\" is not an absolute path on a drive of at most 150 characters, with \\ between folders; {instead}"
        ));
    }
    if let Some(bad) = text[2..].chars().find(|&c| c.is_control() || "<>:\"|?*[]{};%!'&^".contains(c)) {
        return Err(format!(
            "\"{}\" contains {bad:?}, which Windows or Windows Installer treats specially; {instead}",
            text.escape_debug()
        ));
    }
    let folders: Vec<String> = text[3..].split('\\').map(str::to_lowercase).collect();
    if folders.iter().any(|name| name.is_empty() || name.ends_with(['.', ' ']) || name.starts_with(' ')) {
        return Err(format!(
            "\"{text}\" has an empty folder name, or one that begins or ends in a space or ends in a dot; {instead}"
        ));
    }
    let system = folders[0] == "windows" || (folders.len() == 1 && SYSTEM_FOLDERS.contains(&folders[0].as_str()));
    match system {
        true => Err(format!("\"{text}\" belongs to Windows; {instead}")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_absolute_and_not_windows_own() {
        for good in [r"C:\Program Files\Intigua", r"d:\My Agents", r"D:\Größe\x", r"C:\ProgramData\Acme"] {
            assert!(WindowsRoot::new(good).is_ok(), "{good}");
        }
        for bad in [
            r"C:\",
            "C:",
            r"\\server\share",
            "/usr/local",
            "C:/Intigua",
            r"C:\Windows\Intigua",
            r"C:\Program Files",
            r"C:\a\",
            r"C:\a..\b",
            r"C:\a;b",
            r"C:\a[b]",
            r"C:\a%b%",
            "C:\\a\"b",
        ] {
            assert!(WindowsRoot::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_upgrade_code_is_a_guid_and_a_wrong_one_comes_with_a_proposal() {
        for good in ["6F1C7A52-94D3-4E0B-8A55-3C2E9D1077B1", "{6f1c7a52-94d3-4e0b-8a55-3c2e9d1077b1}"] {
            assert!(UpgradeCode::new(good).is_ok(), "{good}");
        }
        for bad in ["", "6F1C7A52", "6F1C7A5294D34E0B8A553C2E9D1077B1", "00000000-0000-0000-0000-000000000000", "{x}"] {
            assert!(UpgradeCode::new(bad).unwrap_err().contains("upgrade-code = \""), "{bad}");
        }
    }
}
