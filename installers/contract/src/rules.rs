//! Which values the settings take. The builder and the native code for Windows call this; the scripts have the same in
//! `lp_setting_fault` (installers/linux/settings.sh). tests/rules/settings.txt is tried on all of them.

use super::settings::{Rule, Setting};

/// The system of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Linux.
    Linux,
    /// Windows.
    Windows,
}

/// What is wrong with a value, to be read behind the setting's name; `None` where nothing is. An empty value is none, and fits.
///
/// Roots, accounts and names of containers depend on the machine and the package: they are looked at elsewhere.
pub fn fault(rule: Rule, value: &str, system: System) -> Option<&'static str> {
    let untold = unfit(value, system);
    if untold.is_some() || value.is_empty() {
        return untold;
    }
    match rule {
        Rule::Url => url_fault(value, system),
        Rule::Urls => value.split(';').find_map(|url| url_fault(url, system)),
        Rule::Path => path_fault(value, system),
        Rule::Identity if !value.chars().all(|c| c.is_ascii_alphanumeric() || "._:-".contains(c)) => {
            Some("may hold letters, digits and . _ : - only")
        }
        Rule::Flag if !matches!(value, "0" | "1") => Some("must be 0 or 1"),
        _ => None,
    }
}

/// What no value may hold, whatever the setting.
pub fn unfit(value: &str, system: System) -> Option<&'static str> {
    if value.chars().any(char::is_control) {
        return Some("holds a control character");
    }
    // There the values travel as KEY=value|KEY=value, and stand in quotes in csclient.cfg and on the service's command line.
    (system == System::Windows && value.contains(['|', '"'])).then_some("holds a quote or |")
}

/// What is wrong with what a group policy gives for a setting. The value is not shown: it might be a secret in the wrong place.
pub fn policy_fault(setting: &Setting, value: &str) -> Option<String> {
    Some(format!("{} of the group policy {}", setting.name, fault(setting.rule, value, System::Windows)?))
}

fn url_fault(url: &str, system: System) -> Option<&'static str> {
    if url.contains([';', ' ']) {
        return Some("must be one URL");
    }
    if url.contains(['"', '\'', '\\', '|', '<', '>']) || url.chars().any(char::is_whitespace) {
        return Some("holds a character that no URL has");
    }
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or("");
    if rest.is_empty() || rest.starts_with(['/', ':']) {
        return Some("is no URL; write something like https://core.example:443");
    }
    // On Linux its places are root's alone.
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let has_password = authority.rsplit_once('@').map_or(false, |(user, _)| user.contains(':'));
    if has_password && system == System::Windows {
        return Some("holds a password, which every user of the machine could read in the registry");
    }
    None
}

/// The feature of an MSI that installs a container of that name: an identifier (Windows Installer SDK).
pub fn feature(container: &str) -> String {
    let name: String = container.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{name}")
    } else {
        name
    }
}

/// Whether Windows takes a name, with whatever ending, for a device ("Naming Files, Paths, and Namespaces"): no file or folder goes by it.
pub fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_uppercase();
    let numbered = |device: &str| {
        let mut number = stem.strip_prefix(device).unwrap_or_default().chars();
        matches!((number.next(), number.next()), (Some('1'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}'), None))
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") || numbered("COM") || numbered("LPT")
}

fn path_fault(path: &str, system: System) -> Option<&'static str> {
    match system {
        System::Linux if path.contains('\\') => Some("holds a backslash"),
        System::Linux if path.starts_with('/') => None,
        System::Windows if is_absolute_on_windows(path) => None,
        _ => Some("must be an absolute path (of the file; never the secret itself)"),
    }
}

/// A path with a drive and its root, or a share.
fn is_absolute_on_windows(path: &str) -> bool {
    is_below_a_drive(path) || path.starts_with(r"\\")
}

/// A path of Windows that begins with a drive and its root, and goes on.
pub fn is_below_a_drive(path: &str) -> bool {
    let mut characters = path.chars();
    let begin = (characters.next(), characters.next(), characters.next());
    let drive = matches!(begin, (Some(drive), Some(':'), Some('\\' | '/')) if drive.is_ascii_alphabetic());
    drive && characters.next().is_some()
}
