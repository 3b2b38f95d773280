//! Settings: public properties that are found again, defaulted, and kept in the registry with the install root.

use super::contents::{add_component, Contents, CONNECTOR};
use super::database::{row, Database};
use super::{unfit, MsiSpec};
use crate::error::Result;

/// The root of an installation that is there already.
pub const OLD_ROOT: &str = "OLDROOT";
/// The root as given, with a backslash at its end as Windows Installer writes it.
pub const ROOT_WITH_SLASH: &str = "RootWithSlash";
/// The setting that chooses containers: `*`, or names separated by commas.
const CONTAINERS: &str = "CONTAINERS";
/// CONTAINERS between commas, to find a name in it.
const CHOSEN: &str = "ChosenContainers";
const COMPONENT: &str = "Settings";
/// Where the root is in the setup key.
const ROOT_VALUE: &str = "IntiguaRootDir";
const LOCAL_MACHINE: i32 = 2;

/// The public properties that the installing side has to accept from the calling one.
pub fn properties(spec: &MsiSpec) -> Vec<String> {
    let own = ["INSTALL_ROOT", "INSTALLDIR", OLD_ROOT, "IMAGE", "NO_START", CONTAINERS, &old(CONTAINERS)];
    let mut names: Vec<String> = own.iter().map(|name| (*name).to_owned()).collect();
    names.extend(spec.settings.iter().flat_map(|(name, _)| [(*name).to_owned(), old(name)]));
    names.sort();
    names.dedup();
    names
}

/// The condition under which a container is not installed by default.
pub fn not_chosen(container: &str) -> String {
    format!("{CONTAINERS} AND {CONTAINERS} <> \"*\" AND NOT ({CHOSEN} ~>< \",{container},\")")
}

/// The condition under which an upgrade takes over which features were installed: nobody asked for others.
pub fn keeps_features() -> String {
    format!("NOT {CONTAINERS} OR {CONTAINERS} = {}", old(CONTAINERS))
}

/// The condition under which the service is started.
pub const STARTS: &str = "NOT (IMAGE = \"1\") AND NOT (NO_START = \"1\")";

fn old(name: &str) -> String {
    format!("OLD_{name}")
}

/// An action that sets a property, in the order of [`add`].
pub struct Setter {
    /// The action's name.
    pub action: String,
    /// When.
    pub condition: String,
}

/// Every setting, CONTAINERS among them.
fn all<'a>(spec: &MsiSpec<'a>) -> Vec<(&'a str, &'a str)> {
    let mut settings = spec.settings.to_vec();
    if !settings.iter().any(|(name, _)| *name == CONTAINERS) {
        settings.push((CONTAINERS, ""));
    }
    settings
}

/// Fills AppSearch, RegLocator, Registry and the CustomAction rows that set properties.
pub fn add(spec: &MsiSpec, contents: &Contents, database: &mut Database) -> Result<()> {
    for (name, _) in spec.settings {
        let public = name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        if !public || !name.starts_with(|c: char| c.is_ascii_uppercase()) {
            return Err(unfit(format!("{name:?} cannot be a setting of an MSI"), "use capital letters, digits and underscores"));
        }
    }
    let component = "SettingsRoot";
    const REGISTRY_KEY_PATH: i32 = 4;
    add_component(spec, COMPONENT, "INSTALL_ROOT", REGISTRY_KEY_PATH, Some(component), "registry", database)?;
    database.add("FeatureComponents", row![CONNECTOR, COMPONENT])?;
    let mut keep = |row: &str, value: &str, property: &str, found: &str| -> Result<()> {
        database.add("Registry", row![row, LOCAL_MACHINE, spec.setup_key, value, format!("[{property}]"), COMPONENT])?;
        const RAW: i32 = 2;
        const SIXTY_FOUR_BIT: i32 = 16;
        let kind = RAW | if spec.platform.is_64_bit() { SIXTY_FOUR_BIT } else { 0 };
        let signature = format!("find.{value}");
        database.add("RegLocator", row![signature.as_str(), LOCAL_MACHINE, spec.setup_key, value, kind])?;
        database.add("AppSearch", row![found, signature])
    };
    keep(component, ROOT_VALUE, "INSTALL_ROOT", OLD_ROOT)?;
    for (name, _) in all(spec) {
        keep(&format!("set.{name}"), name, name, &old(name))?;
    }
    for (setter, property, value) in setter_rows(spec, contents.required_features(spec)) {
        const SET_PROPERTY: i32 = 51;
        database.add("CustomAction", row![setter.action, SET_PROPERTY, property, value, ()])?;
    }
    Ok(())
}

/// The actions that set properties, in the order they run: after AppSearch, before anything is costed.
pub fn setters(spec: &MsiSpec) -> Vec<Setter> {
    setter_rows(spec, Vec::new()).into_iter().map(|(setter, _, _)| setter).collect()
}

/// Each action with the property it sets and the value. The features do not change which actions there are.
fn setter_rows(spec: &MsiSpec, required: Vec<&str>) -> Vec<(Setter, String, String)> {
    let mut rows = Vec::new();
    let mut set = |action: String, property: &str, value: String, condition: String| {
        rows.push((Setter { action, condition }, property.to_owned(), value));
    };
    let root = "INSTALL_ROOT";
    set("RootFromAlias".into(), root, "[INSTALLDIR]".into(), format!("INSTALLDIR AND NOT {root}"));
    set("RootFromRegistry".into(), root, format!("[{OLD_ROOT}]"), format!("{OLD_ROOT} AND NOT {root}"));
    if let Ok((None, _)) = super::product::default_root(spec) {
        let value = escaped(&format!("{}\\", spec.default_root.trim_end_matches('\\')));
        set("RootByDefault".into(), root, value, format!("NOT {root}"));
    }
    set(format!("Set{ROOT_WITH_SLASH}"), ROOT_WITH_SLASH, format!("[{root}]\\"), root.into());
    for (name, default) in all(spec) {
        set(format!("Keep.{name}"), name, format!("[{}]", old(name)), format!("{} AND NOT {name}", old(name)));
        if !default.is_empty() {
            set(format!("Default.{name}"), name, escaped(default), format!("NOT {name}"));
        }
    }
    set(format!("Set{CHOSEN}"), CHOSEN, format!(",[{CONTAINERS}],"), CONTAINERS.into());
    // Whoever names features gets the required ones as well.
    let features = format!("[ADDLOCAL],{}", required.join(","));
    set("AddRequired".into(), "ADDLOCAL", features, "ADDLOCAL AND NOT Installed AND NOT (ADDLOCAL ~= \"ALL\")".into());
    rows
}

/// A text that Windows Installer's formatting leaves as it is.
fn escaped(text: &str) -> String {
    let one = |c: char| if "[]{}".contains(c) { format!("[\\{c}]") } else { c.to_string() };
    text.chars().map(one).collect()
}
