//! What this installation was asked for: the settings and facts that the package hands to its native actions.

use contract::rules::{self, feature, System};
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

/// The feature of all that is no container's.
const CONNECTOR_FEATURE: &str = "Connector";
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

    /// Settles which containers are chosen where that is a list and was not given: features that the command line names (ADDLOCAL, REMOVE)
    /// count as if it were given, for whoever adds a container wants it to run; else, of a list that was kept over an upgrade, what this
    /// version holds and requires. The list, where it is another one now.
    pub fn settle_containers(&mut self, is_installed: bool) -> Option<String> {
        let before = self.get("CONTAINERS").to_string();
        if self.is_given("CONTAINERS") || before.is_empty() || before.trim() == "*" {
            return None;
        }
        let named = if is_installed { self.with_features(&before) } else { self.of_features() };
        let is_named = named.is_some();
        let after = match named {
            Some(list) => list,
            None if self.is_kept("CONTAINERS") => self.fitting(&before),
            None => before.clone(),
        };
        // None at all cannot be said: an empty list is no list.
        (!after.is_empty() && after != before).then(|| {
            self.set("CONTAINERS", &after);
            if is_named {
                let given = format!("{}CONTAINERS,", self.get("GIVEN"));
                self.set("GIVEN", &given);
            }
            after
        })
    }

    /// The containers of an installed product when some of their features came and went; `None` where none did.
    fn with_features(&self, before: &str) -> Option<String> {
        let (added, removed) = (names(self.get("ADDLOCAL")), names(self.get("REMOVE")));
        if is_all(&added) {
            return Some("*".to_string());
        }
        let before = names(before);
        let mut after: Vec<&str> = before.iter().copied().filter(|name| !has(&removed, name)).collect();
        after.extend(names(self.get("HOLDS")).into_iter().filter(|name| has(&added, name) && !before.contains(name)));
        (after != before).then(|| after.join(","))
    }

    /// The containers that a first installation or an upgrade names by their features; `None` where it names none.
    fn of_features(&self) -> Option<String> {
        let added = names(self.get("ADDLOCAL"));
        if is_all(&added) {
            return Some("*".to_string());
        }
        let named: Vec<&str> = names(self.get("HOLDS")).into_iter().filter(|name| has(&added, name)).collect();
        (!added.is_empty()).then(|| named.join(","))
    }

    /// Of the containers in a list those that the package holds, and those that it requires: what counts of a list that was kept from a
    /// version that held others. A package that does not say what it holds has them all.
    pub fn fitting(&self, list: &str) -> String {
        let (held, before) = (names(self.get("HOLDS")), names(list));
        if before.contains(&"*") || before.is_empty() || held.is_empty() {
            return list.to_string();
        }
        let missing = names(self.get("REQUIRES")).into_iter().filter(|name| !before.contains(name));
        let fit: Vec<&str> = before.iter().copied().filter(|name| held.contains(name)).chain(missing).collect();
        if fit == before {
            list.to_string()
        } else {
            fit.join(",")
        }
    }

    /// Whether a value comes from an earlier installation, or from the package: nobody gave it for this run.
    fn is_kept(&self, key: &str) -> bool {
        !self.get("PREVIOUS").is_empty() && !self.is_given(key)
    }

    /// Whether what fails is rolled back: then there is a commit as well, and Done runs.
    pub fn can_roll_back(&self) -> bool {
        self.get("ROLLBACK") != "0"
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
        faults.extend(self.features_fault());
        faults
    }

    fn fault(&self, key: &str, rule: Rule) -> Option<String> {
        let value = self.get(key);
        if let Some(fault) = rules::fault(rule, value, System::Windows) {
            // What was right when it was given, and is kept, is no reason to refuse an upgrade. What no value may hold never is.
            let is_borne = self.is_kept(key) && rules::unfit(value, System::Windows).is_none();
            return (!is_borne).then(|| fault.to_string());
        }
        if rule == Rule::Containers {
            self.containers_fault()
        } else {
            None
        }
    }

    /// Features by name (ADDLOCAL, REMOVE) that take away what the product cannot be without, or say another thing than CONTAINERS does.
    fn features_fault(&self) -> Option<String> {
        let (added, removed) = (names(self.get("ADDLOCAL")), names(self.get("REMOVE")));
        let needed = names(self.get("REQUIRES")).into_iter().map(feature).chain(Some(CONNECTOR_FEATURE.to_string()));
        if let Some(needed) = needed.into_iter().find(|needed| removed.contains(&needed.as_str())) {
            return Some(format!("REMOVE names {needed}, which is required; REMOVE=ALL removes the product"));
        }
        let chosen = names(self.get("CONTAINERS"));
        if !self.is_given("CONTAINERS") || chosen.contains(&"*") {
            return None;
        }
        let held = names(self.get("HOLDS"));
        let odd = held.into_iter().find(|name| has(if chosen.contains(name) { &removed } else { &added }, name))?;
        Some(format!("CONTAINERS says another thing of {odd} than ADDLOCAL and REMOVE do: leave those out"))
    }

    /// HOLDS and REQUIRES name the package's containers; a package that does not say so is not checked.
    fn containers_fault(&self) -> Option<String> {
        let value = self.get("CONTAINERS");
        let chosen = names(value);
        let holds = names(self.get("HOLDS"));
        // The features' conditions look for the names between commas, behind which a space may stand.
        let is_odd = |piece: &str| piece.strip_prefix(' ').unwrap_or(piece).contains(' ');
        if value.split(',').any(is_odd) || (chosen.contains(&"*") && value != "*") || (chosen.is_empty() && !value.is_empty()) {
            return Some("must be * or names separated by commas, such as pulse,tracer".to_string());
        }
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

fn is_all(features: &[&str]) -> bool {
    features.iter().any(|name| name.eq_ignore_ascii_case("ALL"))
}

/// Whether a list of features has that of a container.
fn has(features: &[&str], container: &str) -> bool {
    features.contains(&feature(container).as_str())
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
    fn a_list_of_containers_has_its_spaces_where_the_features_conditions_find_the_names() {
        for (list, is_good) in [
            ("*", true),
            ("pulse", true),
            ("pulse, tracer", true),
            (" *", false),
            ("*,pulse", false),
            ("pulse ,tracer", false),
            ("pulse,  tracer", false),
            (",", false),
        ] {
            assert_eq!(faults(&format!("CONTAINERS={list}|HOLDS=pulse,tracer")).is_empty(), is_good, "{list:?}");
        }
    }

    #[test]
    fn a_kept_value_that_became_wrong_is_no_reason_to_refuse_an_upgrade() {
        for (data, is_good) in [
            ("SERVER_URL=core|PREVIOUS=1.0", true),
            ("SERVER_URL=core|PREVIOUS=1.0|GIVEN=SERVER_URL,", false),
            ("SERVER_URL=core", false),
            ("SERVER_URL=https://a\"b|PREVIOUS=1.0", false),
        ] {
            assert_eq!(faults(data).is_empty(), is_good, "{data}");
        }
        let fitting = |list: &str| Settings::from_data("HOLDS=a,b,c|REQUIRES=c").fitting(list);
        assert_eq!(["*", "", "a,gone", "gone", "a, c", "b"].map(fitting), ["*", "", "a,c", "c", "a, c", "b,c"]);
        assert_eq!(Settings::default().fitting("a,gone"), "a,gone");
    }

    #[test]
    fn containers_follow_the_features_that_come_and_go_by_name() {
        let follow = |data: &str| {
            let mut settings = Settings::from_data(data);
            let followed = settings.settle_containers(true);
            assert_eq!(settings.is_given("CONTAINERS"), followed.is_some() || data.contains("GIVEN"), "{data}");
            followed
        };
        assert_eq!(follow("CONTAINERS=a|HOLDS=a,b-b|ADDLOCAL=b_b").as_deref(), Some("a,b-b"));
        assert_eq!(follow("CONTAINERS=a, b-b|HOLDS=a,b-b|REMOVE=b_b").as_deref(), Some("a"));
        assert_eq!(follow("CONTAINERS=a|HOLDS=a,b|ADDLOCAL=ALL").as_deref(), Some("*"));
        for stays in
            ["CONTAINERS=*|HOLDS=a,b|REMOVE=b", "CONTAINERS=a|HOLDS=a,b|REMOVE=a", "CONTAINERS=a|HOLDS=a,b|ADDLOCAL=Connector,a"]
        {
            assert_eq!(follow(stays), None, "{stays}");
        }
        assert_eq!(follow("CONTAINERS=a|HOLDS=a,b|ADDLOCAL=b|GIVEN=CONTAINERS,"), None);
        let first = |data: &str| Settings::from_data(data).settle_containers(false);
        assert_eq!(first("CONTAINERS=a,b|HOLDS=a,b,c|ADDLOCAL=Connector,c,b").as_deref(), Some("b,c"));
        assert_eq!(first("CONTAINERS=a|HOLDS=a,b|ADDLOCAL=ALL").as_deref(), Some("*"));
        assert_eq!(first("CONTAINERS=a,gone|HOLDS=a,b|PREVIOUS=1.0").as_deref(), Some("a"));
        assert_eq!(first("CONTAINERS=a,gone|HOLDS=a,b"), None);
    }

    #[test]
    fn features_by_name_leave_what_is_required_and_say_what_containers_says() {
        for (data, expected) in [
            ("REMOVE=Connector", "REMOVE names Connector"),
            ("REMOVE=a_b|REQUIRES=a-b|HOLDS=a-b", "REMOVE names a_b"),
            ("CONTAINERS=a|ADDLOCAL=b|HOLDS=a,b|GIVEN=CONTAINERS,", "another thing of b"),
            ("CONTAINERS=a|REMOVE=a|HOLDS=a,b|GIVEN=CONTAINERS,", "another thing of a"),
        ] {
            assert!(faults(data).contains(expected), "{data}: {}", faults(data));
        }
        assert_eq!(faults("CONTAINERS=a|ADDLOCAL=Connector,a|REMOVE=b|HOLDS=a,b|GIVEN=CONTAINERS,"), "");
    }

    #[test]
    fn a_required_container_cannot_be_left_out_and_an_image_has_no_identity() {
        assert!(faults("CONTAINERS=tracer|HOLDS=pulse,tracer|REQUIRES=pulse").contains("leaves out pulse"));
        assert_eq!(faults(r"CONTAINERS=pulse|HOLDS=pulse,tracer|REQUIRES=pulse|TOKEN_FILE=D:\t|CORE_ID=a.b:c-1"), "");
        assert!(faults("IMAGE=1|CORE_ID=x").contains("every clone"));
    }
}
