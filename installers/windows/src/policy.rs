//! What a group policy gives for settings (docs/windows.md).

use super::registry::Key;
use contract::rules;
use contract::settings::of_policies;

/// The settings that the policy's key has a text for; an empty one is none.
pub fn given(key: &str) -> Vec<(&'static str, String)> {
    let key = match Key::open(key).filter(|_| !key.is_empty()) {
        Some(key) => key,
        None => return Vec::new(),
    };
    let value = |name: &'static str| Some((name, key.text(name).filter(|value| !value.is_empty())?));
    of_policies().filter_map(|setting| value(setting.name)).collect()
}

/// The names of what the policy gives, and a sentence for each value that cannot be used.
pub fn judged(key: &str) -> (Vec<&'static str>, Vec<String>) {
    let given = given(key);
    let fault = |setting: &contract::settings::Setting| {
        let (_, value) = given.iter().find(|(name, _)| *name == setting.name)?;
        rules::policy_fault(setting, value)
    };
    let faults = of_policies().filter_map(fault).collect();
    (given.iter().map(|(name, _)| *name).collect(), faults)
}
