//! Which containers there are, and which of them are to run.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::path::Path;

use crate::config::Config;
use crate::descriptor::{is_name, Descriptor};
use crate::log::excerpt;
use crate::platform;

const MAX_DESCRIPTOR_BYTES: u64 = 1 << 20;
/// More containers than this that are named and not there are no mistake in one name.
const MAX_MISSING: usize = 50;

/// One container of the root, or one that the settings name and that is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The directory's name.
    pub name: String,
    /// The settings choose it, or it is required.
    pub chosen: bool,
    /// What to run, or why it cannot run.
    pub descriptor: Result<Descriptor, String>,
}

/// Looks at every directory of `containers` and at the `containers:` setting. Sorted by name.
/// An error only where the directory itself cannot be read; one that is missing holds no containers.
pub fn plan(containers: &Path, config: &Config) -> Result<Vec<Planned>, String> {
    let choice = Choice::of(config.get("containers"));
    let mut planned = Vec::new();
    for name in directories(containers)? {
        let descriptor = descriptor(&containers.join(&name), &name);
        let required = descriptor.as_ref().map_or(false, |d| d.required);
        // Without a command it holds data that others use.
        let runs = descriptor.as_ref().map_or(true, |d| !d.command.is_empty());
        planned.push(Planned { chosen: runs && (required || choice.includes(&name)), descriptor, name });
    }
    // Whatever csclient.cfg says is somebody else's text.
    let there: HashSet<String> = planned.iter().map(|p| p.name.clone()).collect();
    for name in choice.names().iter().filter(|name| !there.contains(*name)).take(MAX_MISSING) {
        let missing = Err("named in csclient.cfg, but not installed".to_string());
        planned.push(Planned { name: excerpt(name), chosen: true, descriptor: missing });
    }
    planned.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(planned)
}

enum Choice {
    All,
    Named(Vec<String>),
}

impl Choice {
    fn of(setting: Option<&str>) -> Choice {
        let names = setting.unwrap_or("*").split(',').map(str::trim).filter(|name| !name.is_empty());
        let mut names: Vec<String> = names.map(String::from).collect();
        names.sort();
        names.dedup();
        if names.iter().any(|name| name == "*") {
            Choice::All
        } else {
            Choice::Named(names)
        }
    }

    fn includes(&self, name: &str) -> bool {
        match self {
            Choice::All => true,
            Choice::Named(names) => names.iter().any(|n| n == name),
        }
    }

    fn names(&self) -> &[String] {
        match self {
            Choice::All => &[],
            Choice::Named(names) => names,
        }
    }
}

fn directories(containers: &Path) -> Result<Vec<String>, String> {
    let cannot = |error: std::io::Error| format!("cannot read {}: {error}", containers.display());
    let entries = match fs::read_dir(containers) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(cannot)?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

fn descriptor(directory: &Path, name: &str) -> Result<Descriptor, String> {
    if !is_name(name) {
        return Err("the directory's name cannot be a container's name".to_string());
    }
    let text = text(&directory.join("container.json")).map_err(|error| format!("container.json: {error}"))?;
    let descriptor = Descriptor::parse(&text).map_err(|why| format!("container.json: {why}"))?;
    if descriptor.name != name {
        return Err(format!("container.json: name is '{}', but the directory's is '{name}'", descriptor.name));
    }
    if let Some(account) = &descriptor.run_as {
        platform::may_run_as(account)?;
    }
    Ok(descriptor)
}

fn text(path: &Path) -> Result<String, String> {
    // A FIFO or a device in this place must not hold up the connector.
    if !fs::metadata(path).map_err(|e| e.to_string())?.is_file() {
        return Err("not a regular file".to_string());
    }
    let file = fs::File::open(path).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    file.take(MAX_DESCRIPTOR_BYTES + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > MAX_DESCRIPTOR_BYTES {
        return Err("larger than 1 MiB".to_string());
    }
    String::from_utf8(bytes).map_err(|_| "not UTF-8".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Root(std::path::PathBuf);

    impl Root {
        fn new(name: &str) -> Root {
            let path = std::env::temp_dir().join(format!("vlink-plan-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Root(path)
        }

        fn add(&self, name: &str, text: &str) {
            fs::create_dir_all(self.0.join(name)).unwrap();
            fs::write(self.0.join(name).join("container.json"), text).unwrap();
        }

        fn plan(&self, containers: &str) -> Vec<Planned> {
            let config = Config::parse(format!("containers: \"{containers}\"\n").as_bytes());
            plan(&self.0, &config).unwrap()
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn chosen(planned: &[Planned]) -> Vec<&str> {
        planned.iter().filter(|p| p.chosen).map(|p| p.name.as_str()).collect()
    }

    #[test]
    fn the_setting_chooses_and_required_containers_stay_chosen() {
        let root = Root::new("choice");
        root.add("a", r#"{ "name": "a", "command": ["x"] }"#);
        root.add("b", r#"{ "name": "b", "command": ["x"], "required": true }"#);
        root.add("c", r#"{ "name": "c", "command": ["x"] }"#);
        assert_eq!(chosen(&root.plan("*")), ["a", "b", "c"]);
        assert_eq!(chosen(&root.plan("")), ["b"]);
        assert_eq!(chosen(&root.plan(" c , b ")), ["b", "c"]);
        // One that holds data has nothing to run, though it is required and named.
        root.add("d", r#"{ "name": "d", "command": [], "required": true }"#);
        assert_eq!(chosen(&root.plan("c,d")), ["b", "c"]);
        let absent = root.plan("zz");
        assert_eq!(chosen(&absent), ["b", "zz"]);
        assert!(absent.iter().any(|p| p.name == "zz" && p.descriptor.is_err()));
    }

    #[test]
    fn a_broken_container_is_listed_with_its_reason_beside_the_good_ones() {
        let root = Root::new("broken");
        root.add("bad", "{");
        root.add("good", r#"{ "name": "good", "command": ["x"] }"#);
        root.add("liar", r#"{ "name": "good", "command": ["x"] }"#);
        fs::create_dir(root.0.join("empty")).unwrap();
        let planned = root.plan("*");
        let wrong: Vec<&str> = planned.iter().filter(|p| p.descriptor.is_err()).map(|p| p.name.as_str()).collect();
        assert_eq!(wrong, ["bad", "empty", "liar"]);
        assert_eq!(planned.len(), 4);
    }

    #[test]
    fn what_the_setting_names_is_shown_short_and_plain() {
        let root = Root::new("names");
        let long = format!("/etc/\u{202e}{}", "x".repeat(5_000));
        let names: Vec<String> = (0..1_000).map(|n| format!("no{n}")).collect();
        let planned = root.plan(&format!("{long},{}", names.join(",")));
        assert_eq!(planned.len(), MAX_MISSING);
        assert!(planned.iter().all(|p| p.name.len() < 80 && p.name.bytes().all(|b| (b' '..0x7f).contains(&b))));
    }

    #[test]
    fn an_account_that_is_not_there_fails_its_container_alone() {
        let root = Root::new("account");
        root.add("a", r#"{ "name": "a", "command": ["x"], "run-as": "no-such-account" }"#);
        root.add("b", r#"{ "name": "b", "command": ["x"] }"#);
        let planned = root.plan("*");
        assert!(planned[0].descriptor.as_ref().unwrap_err().contains("no-such-account"), "{planned:?}");
        assert!(planned[1].descriptor.is_ok());
    }

    #[test]
    fn a_root_without_containers_has_an_empty_plan() {
        assert_eq!(plan(Path::new("/nonexistent/vlink"), &Config::default()), Ok(Vec::new()));
    }
}
