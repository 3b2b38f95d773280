//! csclient.cfg: made from the settings, merged where it is there already (docs/endpoint.md).

use super::config::Config;
use super::settings::Settings;
use contract::settings::{of_windows, server_urls};

/// The endpoint's identity, and the machine that it belongs to.
pub const IDENTITY: [&str; 2] = ["vlinkCoreId", "vlinkMachineId"];

/// The new text of csclient.cfg. `existing` is the file as it stands, empty for none; `defaults` are the package's own lines.
/// Every line that exists stays; what is missing is added; a value changes only for a setting given for this very run.
pub fn merge(existing: &[u8], defaults: &[u8], settings: &Settings) -> Vec<u8> {
    let existing = without(existing, dropped(settings));
    let mut config = Config::parse(&existing);
    let given = |names: &[&str]| names.iter().any(|name| settings.is_given(name));
    let url = urls(config.get("serverUrl"), settings);
    let core_id = if settings.is_image() { "" } else { settings.get("CORE_ID") };
    let of_several =
        [("serverUrl", url.as_str(), given(&["SERVER_URL", "FALLBACK_URLS"])), ("vlinkCoreId", core_id, given(&["CORE_ID"]))];
    let of_one = of_windows().filter(|setting| !setting.config_key.is_empty());
    let of_one = of_one.map(|setting| (setting.config_key, settings.get(setting.name), given(&[setting.name])));
    for (key, value, given) in of_several.into_iter().chain(of_one) {
        want(&mut config, key, value, given);
    }
    // A container that the version before held, and this one does not, would be missed at each start.
    let containers = config.get("containers").map(|list| (list.to_string(), settings.fitting(list)));
    if let Some((_, fit)) = containers.filter(|(list, fit)| list != fit) {
        config.set("containers", &fit);
    }
    let defaults_read = Config::parse(defaults);
    for key in keys(defaults) {
        want(&mut config, &key, defaults_read.get(&key).unwrap_or(""), false);
    }
    config.to_bytes()
}

/// The package's lines with a transform's in their place: `key=value;key=value`, where `%` and two hexadecimal digits are a byte.
pub fn with_site(defaults: &[u8], lines: &str) -> Vec<u8> {
    let mut config = Config::parse(defaults);
    for (key, value) in lines.split(';').filter_map(|line| line.split_once('=')) {
        let (key, value) = (decoded(key), decoded(value));
        if !key.chars().chain(value.chars()).any(char::is_control) {
            config.set(&key, &value);
        }
    }
    config.to_bytes()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn want(config: &mut Config, key: &str, value: &str, given: bool) {
    match config.get(key) {
        Some(now) if given && now != value => config.set(key, value),
        None if !value.is_empty() => config.set(key, value),
        _ => {}
    }
}

/// The identity lines that must go: an image has none, and a core id given now is not yet bound to a machine.
fn dropped(settings: &Settings) -> &'static [&'static str] {
    if settings.is_image() {
        &IDENTITY
    } else if settings.is_given("CORE_ID") {
        &IDENTITY[1..]
    } else {
        &[]
    }
}

/// serverUrl takes the fallbacks after semicolons. Where only one of the two is given, the other stays.
fn urls(now: Option<&str>, settings: &Settings) -> String {
    let now = now.unwrap_or("");
    server_urls(now, |name| (now.is_empty() || settings.is_given(name)).then(|| settings.get(name)))
}

/// The file without the lines of these keys; all else to the byte.
pub fn without(bytes: &[u8], keys: &[&str]) -> Vec<u8> {
    let stays = |line: &&[u8]| !key(line).map_or(false, |key| keys.contains(&key.as_str()));
    bytes.split_inclusive(|b| *b == b'\n').filter(stays).flatten().copied().collect()
}

fn keys(bytes: &[u8]) -> Vec<String> {
    bytes.split_inclusive(|b| *b == b'\n').filter_map(key).collect()
}

/// The key of a line, also of one whose value is broken: an identity in it must not survive.
fn key(line: &[u8]) -> Option<String> {
    let end = line.iter().position(|b| *b == b':')?;
    let key = std::str::from_utf8(line.get(..end)?).ok()?.trim();
    let fits = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    fits.then(|| key.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: &[u8] = b"globalThrottleCfg.maxCpuPercent: \"50\"\r\nretry.first: \"1s\"\r\n";

    fn merged(existing: &str, data: &str) -> String {
        String::from_utf8(merge(existing.as_bytes(), DEFAULTS, &Settings::from_data(data))).unwrap()
    }

    #[test]
    fn a_first_installation_writes_what_was_set_and_nothing_empty() {
        let text =
            merged("", r"SERVER_URL=https://a:443|FALLBACK_URLS=https://b;https://c|CONTAINERS=*|TOKEN_FILE=C:\t|CORE_ID=");
        let expected = "serverUrl: \"https://a:443;https://b;https://c\"\ntokenFile: \"C:\\\\t\"\ncontainers: \"*\"\n\
                        globalThrottleCfg.maxCpuPercent: \"50\"\nretry.first: \"1s\"\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_transforms_lines_replace_the_packages_and_come_back_from_their_code() {
        let text = with_site(DEFAULTS, "retry.first=2s;own.key=x%3By%3Dz%7C%5B%C3%A9%5D;odd;cut=%4");
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("maxCpuPercent: \"50\"") && text.contains("retry.first: \"2s\""), "{text}");
        assert!(text.contains("own.key: \"x;y=z|[é]\"") && text.contains("cut: \"%4\""), "{text}");
        assert_eq!(with_site(DEFAULTS, ""), DEFAULTS);
    }

    #[test]
    fn an_upgrade_keeps_every_line_and_adds_what_is_missing() {
        let edited = "# mine\r\nserverUrl: \"https://edited\"\r\nretry.first: \"9s\"\r\nown.key: \"x\"\r\nbroken\r\nvlinkCoreId: \"id\"\r\n";
        let text = merged(edited, "SERVER_URL=https://a|CONTAINERS=*|GIVEN=");
        assert_eq!(text, format!("{edited}containers: \"*\"\nglobalThrottleCfg.maxCpuPercent: \"50\"\n"));
    }

    #[test]
    fn only_a_setting_given_now_changes_a_value_and_the_other_half_of_the_urls_stays() {
        let edited = "serverUrl: \"https://old;https://spare\"\ncontainers: \"pulse\"\n";
        let text = merged(edited, "SERVER_URL=https://new|FALLBACK_URLS=https://built-in|CONTAINERS=*|GIVEN=SERVER_URL");
        assert!(text.starts_with("serverUrl: \"https://new;https://spare\"\ncontainers: \"pulse\"\n"), "{text}");
        let text = merged(edited, "SERVER_URL=https://built-in|FALLBACK_URLS=https://n|GIVEN=FALLBACK_URLS");
        assert!(text.starts_with("serverUrl: \"https://old;https://n\"\n"), "{text}");
    }

    #[test]
    fn a_container_that_is_held_no_more_is_named_no_more() {
        let text = merged("containers: \"pulse,gone\"\n", "CONTAINERS=pulse|HOLDS=pulse,tracer");
        assert!(text.starts_with("containers: \"pulse\"\n"), "{text}");
    }

    #[test]
    fn a_core_id_given_now_is_not_bound_to_the_machine_before() {
        let text = merged("vlinkCoreId: \"a\"\nvlinkMachineId: \"os=1\"\n", "CORE_ID=b|GIVEN=CORE_ID");
        assert!(text.contains("vlinkCoreId: \"b\"\n") && !text.contains("vlinkMachineId"), "{text}");
        let text = merged("vlinkCoreId: \"a\"\nvlinkMachineId: \"os=1\"\n", "CORE_ID=b|GIVEN=");
        assert!(text.starts_with("vlinkCoreId: \"a\"\nvlinkMachineId: \"os=1\"\n"), "{text}");
    }

    #[test]
    fn an_image_keeps_no_identity_be_it_broken_or_given() {
        let text = merged("x: \"1\"\nvlinkCoreId: \"a\nvlinkMachineId: \"os=1\"\n", "IMAGE=1|CORE_ID=b|GIVEN=IMAGE,CORE_ID");
        assert!(text.starts_with("x: \"1\"\nglobal") && !text.contains("vlink"), "{text}");
    }
}
