//! From a descriptor to everything the platform needs to start the container.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::descriptor::{Descriptor, Inject, Throttle};
use crate::platform;
use contract::names::{self, Names};

/// The directories of one connector.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The install root.
    pub root: PathBuf,
    /// Holds vlink.pid, vlink.lock and status.
    pub run_dir: PathBuf,
    /// Holds the containers' output.
    pub log_dir: PathBuf,
    /// What the product goes by.
    pub names: Names,
}

impl Layout {
    /// The directories of a root whose other ones are the system's own.
    pub fn new(root: PathBuf) -> Layout {
        let names = Names::read(&fs::read_to_string(root.join(names::FILE)).unwrap_or_default());
        let (run_dir, log_dir) = platform::default_directories(&names);
        Layout { root, run_dir, log_dir, names }
    }

    /// The connector's own log.
    pub fn own_log(&self) -> PathBuf {
        self.log(self.names.get("service"))
    }

    /// The settings and the identity.
    pub fn config(&self) -> PathBuf {
        self.components().join("csclient.cfg")
    }

    /// What the connector and its containers write.
    pub fn components(&self) -> PathBuf {
        self.root.join("components")
    }

    /// The log of a container or of the connector itself.
    pub fn log(&self, name: &str) -> PathBuf {
        self.log_dir.join(format!("{name}.log"))
    }

    /// The containers' payloads.
    pub fn containers(&self) -> PathBuf {
        self.root.join(self.names.get("containers-folder"))
    }
}

/// One container, ready to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    pub name: String,
    /// The account that it runs under, where that is not the connector's.
    pub run_as: Option<String>,
    pub program: PathBuf,
    /// Without the program.
    pub arguments: Vec<String>,
    /// The whole environment, in the order of precedence: of two equal names the last counts.
    pub environment: Vec<(String, String)>,
    pub inject: Inject,
    /// Absolute; present where `inject` asks for one.
    pub library: Option<PathBuf>,
    /// The working directory, made on demand.
    pub work: PathBuf,
    /// Where its output is appended.
    pub log: PathBuf,
    pub throttle: Throttle,
}

/// What csclient.cfg says of every container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usual {
    /// The limits of containers without their own.
    pub throttle: Throttle,
    /// How the core server is reached: each key of csclient.cfg that is there, by the name of its variable.
    pub environment: Vec<(String, String)>,
}

/// Keys of csclient.cfg that containers get, and the variables that carry them.
const HANDED_ON: [(&str, &str); 2] = [("proxyUrl", "LINK_PROXY_URL"), ("proxyCredentialsFile", "LINK_PROXY_CREDENTIALS_FILE")];

impl Usual {
    /// Reads it from csclient.cfg.
    pub fn of(config: &Config) -> Usual {
        let given =
            HANDED_ON.iter().filter_map(|(key, variable)| Some((variable, config.get(key).filter(|value| !value.is_empty())?)));
        Usual {
            throttle: usual_throttle(config),
            environment: given.map(|(variable, value)| (variable.to_string(), value.to_string())).collect(),
        }
    }
}

/// Puts a launch together. `base` is the platform's minimal environment.
pub fn launch(layout: &Layout, descriptor: &Descriptor, base: &[(&str, &str)], usual: &Usual) -> Launch {
    let dir = layout.containers().join(&descriptor.name);
    let work = layout.components().join(&descriptor.name);
    let fill = |text: &str| filled(text, &[("{root}", &layout.root), ("{dir}", &dir), ("{work}", &work)]);
    let command: Vec<String> = descriptor.command.iter().map(|argument| fill(argument)).collect();

    let own = |name: &str, value: &Path| (name.to_string(), value.to_string_lossy().into_owned());
    let mut environment: Vec<(String, String)> = base.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    environment.extend(usual.environment.iter().cloned());
    environment.push(own("HOME", &work));
    if let Some(account) = &descriptor.run_as {
        environment.extend(["USER", "LOGNAME"].map(|name| (name.to_string(), account.clone())));
    }
    environment.extend(descriptor.environment.iter().map(|(name, value)| (name.clone(), fill(value))));
    // Last: a descriptor may choose HOME or PATH, but not where it is.
    environment.push(own("LINK_ROOT", &layout.root));
    environment.push(("LINK_CONTAINER".to_string(), descriptor.name.clone()));
    environment.push(own("LINK_CONTAINER_DIR", &dir));
    environment.push(own("LINK_WORK", &work));

    Launch {
        name: descriptor.name.clone(),
        run_as: descriptor.run_as.clone(),
        // An absolute command replaces the directory.
        program: dir.join(&command[0]),
        arguments: command[1..].to_vec(),
        environment,
        inject: descriptor.inject,
        library: descriptor.library.as_ref().filter(|_| descriptor.inject != Inject::None).map(|library| dir.join(library)),
        log: layout.log(&descriptor.name),
        work,
        throttle: Throttle {
            nice: descriptor.throttle.nice.or(usual.throttle.nice),
            max_cpu_percent: descriptor.throttle.max_cpu_percent.or(usual.throttle.max_cpu_percent),
            max_memory_kb: descriptor.throttle.max_memory_kb.or(usual.throttle.max_memory_kb),
        },
    }
}

/// The limits that globalThrottleCfg sets for containers without their own.
fn usual_throttle(config: &Config) -> Throttle {
    let key = |name: &str| config.get(&format!("globalThrottleCfg.{name}")).map(str::trim);
    if key("endPointThrottlingEnabled") != Some("true") {
        return Throttle::default();
    }
    let number = |name: &str, usual: u64| match key(name) {
        None => Some(usual),
        Some(text) => text.parse::<u64>().ok().filter(|n| *n > 0),
    };
    Throttle {
        nice: None,
        max_cpu_percent: number("maxCpuPercent", 50).map(|n| n.min(100_000) as u32),
        max_memory_kb: number("maxMemoryKB", 1_000_000).map(|n| n.min(1_000_000_000_000)),
    }
}

/// Replaces placeholders in one pass, so that a path that looks like a placeholder is not replaced again.
fn filled(text: &str, values: &[(&str, &PathBuf)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match values.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, path)) => {
                out.push_str(&path.to_string_lossy());
                rest = &rest[name.len()..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        Layout {
            root: PathBuf::from("/opt/a b"),
            run_dir: PathBuf::from("/run/x"),
            log_dir: PathBuf::from("/log"),
            names: Names::default(),
        }
    }

    #[test]
    fn placeholders_and_relative_commands_become_paths() {
        let text = r#"{ "name": "p", "command": ["bin/p", "{dir}/x:{work}:{root}{other}"], "environment": { "K": "{work}" } }"#;
        let launch = launch(&layout(), &Descriptor::parse(text).unwrap(), &[("PATH", "/bin")], &Usual::default());
        assert_eq!(launch.program, PathBuf::from("/opt/a b/Intigua-Libs/p/bin/p"));
        assert_eq!(launch.arguments, ["/opt/a b/Intigua-Libs/p/x:/opt/a b/components/p:/opt/a b{other}"]);
        assert!(launch.environment.contains(&("K".to_string(), "/opt/a b/components/p".to_string())));
        assert_eq!(launch.log, PathBuf::from("/log/p.log"));
    }

    #[test]
    fn an_absolute_command_stays_as_it_is() {
        let descriptor = Descriptor::parse(r#"{ "name": "p", "command": ["/bin/sh"], "library": "unused.so" }"#).unwrap();
        let launch = launch(&layout(), &descriptor, &[], &Usual::default());
        assert_eq!(launch.program, PathBuf::from("/bin/sh"));
        assert_eq!(launch.library, None);
    }

    #[test]
    fn a_descriptor_cannot_lie_about_where_it_is() {
        let text = r#"{ "name": "p", "command": ["x"], "environment": { "LINK_WORK": "/", "HOME": "/h" } }"#;
        let launch = launch(&layout(), &Descriptor::parse(text).unwrap(), &[], &Usual::default());
        let last = |name: &str| launch.environment.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!(last("LINK_WORK"), Some("/opt/a b/components/p"));
        assert_eq!(last("HOME"), Some("/h"));
    }

    #[test]
    fn global_limits_apply_only_when_enabled_and_never_over_a_containers_own() {
        let text = "globalThrottleCfg.maxCpuPercent: \"20\"\n";
        assert_eq!(usual_throttle(&Config::parse(text.as_bytes())), Throttle::default());
        let text = format!("{text}globalThrottleCfg.endPointThrottlingEnabled: \"true\"\n");
        let usual = Usual::of(&Config::parse(text.as_bytes()));
        assert_eq!(usual.throttle, Throttle { nice: None, max_cpu_percent: Some(20), max_memory_kb: Some(1_000_000) });
        let descriptor =
            Descriptor::parse(r#"{ "name": "p", "command": ["x"], "throttle": { "max-cpu-percent": 70 } }"#).unwrap();
        let throttle = launch(&layout(), &descriptor, &[], &usual).throttle;
        assert_eq!((throttle.max_cpu_percent, throttle.max_memory_kb), (Some(70), Some(1_000_000)));
    }
    #[test]
    fn the_way_to_the_core_server_reaches_containers_where_it_is_set() {
        let descriptor = Descriptor::parse(r#"{ "name": "p", "command": ["x"] }"#).unwrap();
        let of = |text: &str| launch(&layout(), &descriptor, &[], &Usual::of(&Config::parse(text.as_bytes()))).environment;
        assert!(of("proxyUrl: \"http://p:3128\"\n").contains(&("LINK_PROXY_URL".to_string(), "http://p:3128".to_string())));
        assert!(!of("proxyUrl: \"\"\n").iter().any(|(name, _)| name.starts_with("LINK_PROXY")));
    }
}
