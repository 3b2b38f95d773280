//! Settings that a group policy gives: they count over csclient.cfg for as long as the policy is there, and are not written into it.

use crate::config::Config;
use crate::platform;
use contract::names::Names;
use contract::rules;
use contract::settings::{of_policies, server_urls, Setting};

/// What the policy says now. Systems without group policies have an empty one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    values: Vec<(&'static Setting, String)>,
    /// One sentence for each value that is passed over. None has the value in it: it might be a secret in the wrong place.
    pub faults: Vec<String>,
}

impl Policy {
    /// Reads the policy of a product of these names.
    pub fn read(names: &Names) -> Policy {
        Policy::of(|setting| platform::policy(names, setting))
    }

    /// From what `value` finds under each setting's name. An empty value is none, as everywhere.
    fn of(value: impl Fn(&str) -> Result<Option<String>, String>) -> Policy {
        let mut policy = Policy::default();
        for setting in of_policies() {
            let found = match value(setting.name) {
                Ok(found) => found.filter(|found| !found.is_empty()),
                Err(why) => {
                    policy.faults.push(format!("{} of the group policy cannot be read: {why}", setting.name));
                    None
                }
            };
            match found.as_ref().and_then(|found| rules::policy_fault(setting, found)) {
                Some(fault) => policy.faults.push(fault),
                None => policy.values.extend(found.map(|found| (setting, found))),
            }
        }
        policy
    }

    /// The names of what it gives, for people; empty where it gives nothing.
    pub fn names(&self) -> String {
        self.values.iter().map(|(setting, _)| setting.name).collect::<Vec<_>>().join(", ")
    }

    /// The configuration as it counts: the policy's values over those of csclient.cfg.
    pub fn over(&self, config: &Config) -> Config {
        let mut config = config.clone();
        let (of_urls, plain): (Vec<_>, Vec<_>) = self.values.iter().partition(|(setting, _)| setting.config_key.is_empty());
        for (setting, value) in plain {
            config.set(setting.config_key, value);
        }
        if !of_urls.is_empty() {
            let given = |name: &str| of_urls.iter().find(|(setting, _)| setting.name == name).map(|(_, value)| value.as_str());
            let urls = server_urls(config.get("serverUrl").unwrap_or(""), given);
            config.set("serverUrl", &urls);
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(values: &[(&str, &str)]) -> Policy {
        let found = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string());
        Policy::of(|name| Ok(found(name)))
    }

    #[test]
    fn what_a_policy_gives_counts_over_csclient_cfg_and_the_rest_stays() {
        let config = Config::parse(b"# mine\nserverUrl: \"https://a;https://b\"\nproxyUrl: \"http://p\"\nvlinkCoreId: \"id\"\n");
        let over = policy(&[("SERVER_URL", "https://x"), ("CONTAINERS", "pulse"), ("PROXY_URL", "")]).over(&config);
        assert_eq!(over.get("serverUrl"), Some("https://x;https://b"));
        assert_eq!((over.get("containers"), over.get("proxyUrl")), (Some("pulse"), Some("http://p")));
        let over = policy(&[("FALLBACK_URLS", "https://y;https://z")]).over(&config);
        assert_eq!(over.get("serverUrl"), Some("https://a;https://y;https://z"));
        assert_eq!(policy(&[]).over(&config), config);
        // An identity is one machine's, and a root is the installation's.
        assert_eq!(policy(&[("CORE_ID", "all-the-same"), ("INSTALL_ROOT", r"D:\x")]), Policy::default());
    }

    #[test]
    fn a_value_that_cannot_be_used_is_passed_over_and_named_without_its_text() {
        let found = policy(&[("SERVER_URL", "hunter2"), ("TOKEN_FILE", r"C:\t"), ("PROXY_URL", "http://p\u{7}")]);
        assert_eq!(found.names(), "TOKEN_FILE");
        assert_eq!(found.faults.len(), 2);
        assert!(found.faults[0].starts_with("SERVER_URL of the group policy is no URL"), "{:?}", found.faults);
        assert!(!found.faults.concat().contains("hunter2"));
        let unread = Policy::of(|_| Err("no text".to_string()));
        assert!(unread.values.is_empty() && !unread.faults.is_empty());
    }
}
