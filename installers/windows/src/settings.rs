//! What this installation was asked for: the settings and facts that the package hands to its native actions.

use contract::rules::{self, System};
use contract::settings::{of_windows, Rule};

/// Every key that a native action reads, as a property or in CustomActionData (docs/windows.md): the settings, and these facts.
pub fn keys() -> impl Iterator<Item = &'static str> {
    of_windows().map(|setting| setting.name).chain(FACTS.iter().copied())
}

const FACTS: &[&str] = &[
    "PRODUCT",
    "VERSION",
    "PREVIOUS",
    "GIVEN",
    "SiteLines",
    "PAYLOAD_KB",
    "DEEPEST",
    "SERVICE",
    "HOLDS",
    "REQUIRES",
    "RESULT",
    "NAMES",
    "POLICY_KEY",
];

/// The names of the settings that a group policy gives. No MSI has a key of this name.
const OF_POLICY: &str = "(policy)";

/// Keys and values; a key that is absent reads as empty.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    values: Vec<(String, String)>,
}

impl Settings {
    /// From CustomActionData: `KEY=value|KEY=value`.
    pub fn from_data(data: &str) -> Settings {
        let pairs = data.split('|').filter_map(|pair| pair.split_once('='));
        Settings { values: pairs.map(|(key, value)| (key.trim().to_string(), value.to_string())).collect() }
    }

    /// The value of a key; the last one where it stands twice.
    pub fn get(&self, key: &str) -> &str {
        self.values.iter().rev().find(|(known, _)| known == key).map_or("", |(_, value)| value)
    }

    /// Sets a key over whatever value it has.
    pub fn set(&mut self, key: &str, value: &str) {
        self.values.push((key.to_string(), value.to_string()));
    }

    /// The install root without the backslash that Windows Installer ends folders with.
    pub fn root(&self) -> &str {
        self.get("INSTALL_ROOT").trim_end_matches('\\')
    }

    /// Takes what a group policy gives over everything else, as if it were given for this very run.
    pub fn heed(&mut self, policy: &[(&str, String)]) {
        for (key, value) in policy {
            self.set(key, value);
        }
        let names: Vec<&str> = policy.iter().map(|(key, _)| *key).collect();
        self.set(OF_POLICY, &names.join(","));
    }

    /// Whether a group policy gives the setting.
    fn is_policy(&self, key: &str) -> bool {
        self.get(OF_POLICY).split(',').any(|given| given == key)
    }

    /// Whether the setting was given for this very run.
    pub fn is_given(&self, key: &str) -> bool {
        self.get("GIVEN").split(',').any(|given| given.trim() == key) || (!key.is_empty() && self.is_policy(key))
    }

    /// Whether an installed product is repaired or changed.
    pub fn is_maintenance(&self) -> bool {
        self.get("MAINTENANCE") == "1"
    }

    /// Whether whoever asked may change what is installed: SYSTEM or an elevated administrator, by the token of the one who asked. A
    /// deferred action runs as SYSTEM whoever that was.
    pub fn is_asked_by_an_administrator(&self) -> bool {
        !self.is_maintenance() || !self.get("USER").is_empty()
    }

    /// Whether the path of the payload's deepest file stays below what programs without long-path support open (MAX_PATH).
    pub fn depth_fault(&self) -> Option<String> {
        const LONGEST: usize = 259;
        let deepest = self.get("DEEPEST").trim().parse::<usize>().unwrap_or(0);
        let len = self.root().encode_utf16().count() + 1 + deepest;
        let most = LONGEST.saturating_sub(deepest + 1);
        (len > LONGEST).then(|| {
            format!("is too long: a file below it has {len} characters, and Windows opens {LONGEST}; the root may have {most}")
        })
    }

    /// Whether a golden image is being made.
    pub fn is_image(&self) -> bool {
        self.get("IMAGE") == "1"
    }

    /// Whether the service is to be started.
    pub fn starts(&self) -> bool {
        !self.is_image() && self.get("NO_START") != "1"
    }

    /// One sentence for each value that cannot be installed. The root has a check of its own.
    pub fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = of_windows()
            .filter_map(|setting| {
                let of_policy = if self.is_policy(setting.name) { " of the group policy" } else { "" };
                Some(format!("{}{of_policy} {}", setting.name, self.fault(setting.name, setting.rule)?))
            })
            .collect();
        if self.is_image() && !self.get("CORE_ID").is_empty() {
            faults.push("CORE_ID cannot go into an image: every clone would have it".to_string());
        }
        faults
    }

    fn fault(&self, key: &str, rule: Rule) -> Option<String> {
        if let Some(fault) = rules::fault(rule, self.get(key), System::Windows) {
            return Some(fault.to_string());
        }
        if rule == Rule::Containers {
            self.containers_fault()
        } else {
            None
        }
    }

    /// HOLDS and REQUIRES name the package's containers; a package that does not say so is not checked.
    fn containers_fault(&self) -> Option<String> {
        let chosen = names(self.get("CONTAINERS"));
        let holds = names(self.get("HOLDS"));
        if chosen.is_empty() || chosen == ["*"] || holds.is_empty() {
            return None;
        }
        if let Some(unknown) = chosen.iter().find(|name| !holds.contains(name)) {
            let holds = holds.join(", ");
            return Some(format!("names {unknown}, which this package does not hold (it holds: {holds})"));
        }
        let left_out = names(self.get("REQUIRES")).into_iter().find(|name| !chosen.contains(name))?;
        Some(format!("leaves out {left_out}, which is required"))
    }
}

fn names(list: &str) -> Vec<&str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::Settings;

    fn faults(data: &str) -> String {
        Settings::from_data(data).faults().join("; ")
    }

    #[test]
    fn data_is_read_with_equal_signs_in_values_and_the_last_value_counts() {
        let settings =
            Settings::from_data(r"INSTALL_ROOT=C:\My Own\|SERVER_URL=https://a?b=c|GIVEN=SERVER_URL,IMAGE|SERVER_URL=x|odd");
        assert_eq!((settings.root(), settings.get("SERVER_URL"), settings.get("odd")), (r"C:\My Own", "x", ""));
        assert!(settings.is_given("IMAGE") && !settings.is_given("CORE_ID") && !settings.is_given(""));
    }

    #[test]
    fn what_is_installed_is_changed_by_administrators_alone() {
        for (data, may) in [("", true), ("MAINTENANCE=1", false), ("MAINTENANCE=1|USER=S-1-5-18", true), ("USER=", true)] {
            assert_eq!(Settings::from_data(data).is_asked_by_an_administrator(), may, "{data}");
        }
    }

    #[test]
    fn a_root_leaves_room_for_the_deepest_file() {
        let fault = |data: &str| Settings::from_data(data).depth_fault();
        assert_eq!(fault(r"INSTALL_ROOT=D:\Agents\|DEEPEST=249"), None);
        assert!(fault(r"INSTALL_ROOT=D:\Agents\|DEEPEST=250").unwrap().contains("the root may have 8"));
        assert_eq!(fault(r"INSTALL_ROOT=D:\Agents"), None);
    }

    #[test]
    fn values_that_cannot_be_installed_are_named_all_at_once() {
        let all =
            faults("IMAGE=yes|CORE_ID=a b|TOKEN_FILE=token|SERVER_URL=https://a;https://b|CONTAINERS=plse|HOLDS=pulse,tracer");
        for part in ["IMAGE must", "CORE_ID may", "TOKEN_FILE must", "SERVER_URL must", "names plse", "it holds: pulse, tracer"] {
            assert!(all.contains(part), "{part}: {all}");
        }
        let mut settings = Settings::default();
        settings.set("SERVER_URL", "https://a|IMAGE=1");
        assert!(settings.faults()[0].starts_with("SERVER_URL holds"));
    }

    #[test]
    fn a_group_policy_counts_as_given_and_its_faults_are_named_as_its_own() {
        let mut settings = Settings::from_data("SERVER_URL=https://mine|PROXY_URL=http://p|GIVEN=PROXY_URL");
        settings.heed(&[("SERVER_URL", "https://theirs".to_string()), ("TOKEN_FILE", "token".to_string())]);
        assert_eq!((settings.get("SERVER_URL"), settings.get("PROXY_URL")), ("https://theirs", "http://p"));
        assert!(
            settings.is_given("SERVER_URL")
                && settings.is_given("PROXY_URL")
                && !settings.is_given("")
                && !settings.is_given("IMAGE")
        );
        assert_eq!(settings.faults().len(), 1);
        assert!(settings.faults()[0].starts_with("TOKEN_FILE of the group policy must be an absolute path"));
    }

    #[test]
    fn a_required_container_cannot_be_left_out_and_an_image_has_no_identity() {
        assert!(faults("CONTAINERS=tracer|HOLDS=pulse,tracer|REQUIRES=pulse").contains("leaves out pulse"));
        assert_eq!(faults(r"CONTAINERS=pulse|HOLDS=pulse,tracer|REQUIRES=pulse|TOKEN_FILE=D:\t|CORE_ID=a.b:c-1"), "");
        assert!(faults("IMAGE=1|CORE_ID=x").contains("every clone"));
    }
}
