//! Settings: public properties that are found again, defaulted, and kept in the registry with the install root.

use super::choice::{not_chosen, CHOSEN};
use super::contents::{add_component, component_of, file_of, Contents, CONNECTOR};
use super::database::{row, Database};
use super::identity::default_root;
use super::{unfit, MsiSpec};
use crate::error::Result;
use contract::settings::{of_windows, Lifetime, Setting};

/// The root of an installation that is there already.
pub const OLD_ROOT: &str = "OLDROOT";
/// The root as given, with a backslash at its end as Windows Installer writes it.
pub const ROOT_WITH_SLASH: &str = "RootWithSlash";
/// The setting that chooses containers: `*`, or names separated by commas.
const CONTAINERS: &str = "CONTAINERS";
/// The value of CONTAINERS where none is chosen. The dialogs need it as well, and a public property would reach the installation as if given.
const CONTAINERS_BY_DEFAULT: &str = "ContainersByDefault";
/// Lines of csclient.cfg that a transform brings, in place of those that the package ships. Private, so that no command line sets them.
pub const SITE_LINES: &str = "SiteLines";
const COMPONENT: &str = "Settings";
/// Where the version is in the setup key.
const VERSION_VALUE: &str = "Version";
/// The version that is there already, as its package wrote it.
pub const PREVIOUS: &str = "PREVIOUS";
/// The settings given for this very run, each followed by a comma.
pub const GIVEN: &str = "GIVEN";
/// Set where the command line itself names features.
const OWN_FEATURES: &str = "FeaturesByName";
/// The upgrade code of the product that a transform is for.
pub const SITE_FAMILY: &str = "SiteFamily";
const LOCAL_MACHINE: i32 = 2;

/// The public properties that the installing side has to accept from the calling one.
pub fn properties(spec: &MsiSpec) -> Vec<String> {
    let own = ["INSTALL_ROOT", "INSTALLDIR", OLD_ROOT, PREVIOUS];
    let mut names: Vec<String> = own.into_iter().chain(of_one_run()).map(str::to_owned).collect();
    names.extend(all(spec).iter().flat_map(|(name, _)| [(*name).to_owned(), old(name)]));
    names.sort();
    names.dedup();
    names
}

/// Settings of one run alone: a repaired or upgraded image starts its service.
fn of_one_run() -> impl Iterator<Item = &'static str> {
    of_windows().filter(|setting| setting.lifetime == Lifetime::OneRun).map(|setting| setting.name)
}

/// Every setting's name.
pub fn names(spec: &MsiSpec) -> Vec<String> {
    all(spec).iter().map(|(name, _)| (*name).to_owned()).chain(of_one_run().map(str::to_owned)).collect()
}

/// The properties of settings that the log must not show.
pub fn hidden(spec: &MsiSpec) -> Vec<String> {
    let is_hidden = |name: &str| Setting::named(name).is_some_and(|setting| setting.hidden);
    let names = all(spec).into_iter().map(|(name, _)| name).filter(|name| is_hidden(name));
    names.flat_map(|name| [name.to_owned(), old(name)]).collect()
}

/// The condition under which an upgrade takes over which features were installed: no others were asked for.
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
    /// Whether the dialogs need what it sets.
    pub in_dialogs: bool,
}

/// Every setting, CONTAINERS among them.
fn all<'a>(spec: &MsiSpec<'a>) -> Vec<(&'a str, &'a str)> {
    let mut settings = spec.settings.to_vec();
    if !settings.iter().any(|(name, _)| *name == CONTAINERS) {
        settings.push((CONTAINERS, ""));
    }
    // Choosing none is not possible: required ones always come, and naming them says so.
    for (_, default) in settings.iter_mut().filter(|(name, default)| *name == CONTAINERS && default.is_empty()) {
        *default = "*";
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
    record(component, spec.root_value, "[INSTALL_ROOT]".into(), spec, database)?;
    find(spec.root_value, OLD_ROOT, spec, database)?;
    record("setup.version", VERSION_VALUE, escaped(spec.version), spec, database)?;
    find(VERSION_VALUE, PREVIOUS, spec, database)?;
    record("setup.product", "ProductCode", "[ProductCode]".into(), spec, database)?;
    for (name, path) in spec.recorded {
        let (key, value) = (format!("setup.{name}"), format!("[#{}]", file_of(spec, path)));
        database.add("Registry", row![key, LOCAL_MACHINE, spec.setup_key, *name, value, component_of(spec, path)])?;
    }
    if let Some(path) = spec.event_messages {
        let key = format!(r"SYSTEM\CurrentControlSet\Services\EventLog\Application\{}", spec.service.name);
        let file = format!("[#{}]", file_of(spec, path));
        for (row, name, value) in [("event.file", "EventMessageFile", file.as_str()), ("event.types", "TypesSupported", "#7")] {
            database.add("Registry", row![row, LOCAL_MACHINE, key.as_str(), name, value, component_of(spec, path)])?;
        }
    }
    for (name, _) in all(spec) {
        record(&format!("set.{name}"), name, format!("[{name}]"), spec, database)?;
        find(name, &old(name), spec, database)?;
    }
    for (setter, property, value) in setter_rows(spec, contents.required_features(spec)) {
        const SET_PROPERTY: i32 = 51;
        database.add("CustomAction", row![setter.action, SET_PROPERTY, property, value, ()])?;
    }
    Ok(())
}

/// Writes a value into the setup key.
fn record(row: &str, name: &str, value: String, spec: &MsiSpec, database: &mut Database) -> Result<()> {
    database.add("Registry", row![row, LOCAL_MACHINE, spec.setup_key, name, value, COMPONENT])
}

/// Finds a value of the setup key again.
fn find(name: &str, property: &str, spec: &MsiSpec, database: &mut Database) -> Result<()> {
    const RAW: i32 = 2;
    const SIXTY_FOUR_BIT: i32 = 16;
    let kind = RAW | if spec.platform.is_64_bit() { SIXTY_FOUR_BIT } else { 0 };
    let signature = format!("find.{name}");
    database.add("RegLocator", row![signature.as_str(), LOCAL_MACHINE, spec.setup_key, name, kind])?;
    database.add("AppSearch", row![property, signature])
}

/// The actions that set properties, in the order they run: after AppSearch, before anything is costed.
pub fn setters(spec: &MsiSpec) -> Vec<Setter> {
    setter_rows(spec, Vec::new()).into_iter().map(|(setter, _, _)| setter).collect()
}

/// The action that gives a setting, or the root, its default, in every package from the first on: what a transform changes
/// ([`super::transform`]). Its name and that its Target is the value are a contract.
pub fn default_action(name: &str) -> String {
    format!("Default.{name}")
}

/// Each action with the property it sets and the value. The features do not change which actions there are.
fn setter_rows(spec: &MsiSpec, required: Vec<&str>) -> Vec<(Setter, String, String)> {
    let mut rows = Vec::new();
    let mut set = |in_dialogs: bool, action: String, property: &str, value: String, condition: String| {
        rows.push((Setter { action, condition, in_dialogs }, property.to_owned(), value));
    };
    let root = "INSTALL_ROOT";
    // What is removed is where it is: a root that a console gives with every command must not lead the clean-up elsewhere.
    let removal = format!("Installed AND {OLD_ROOT} AND REMOVE ~= \"ALL\"");
    set(false, "RootOfInstalled".into(), root, format!("[{OLD_ROOT}]"), removal);
    set(true, "RootFromAlias".into(), root, "[INSTALLDIR]".into(), format!("INSTALLDIR AND NOT {root}"));
    set(true, "RootFromRegistry".into(), root, format!("[{OLD_ROOT}]"), format!("{OLD_ROOT} AND NOT {root}"));
    // Below Program Files the Directory table says it: that folder is not everywhere on C.
    let by_default = match default_root(spec) {
        Ok((None, _)) => root_value(spec.default_root),
        _ => String::new(),
    };
    set(true, default_action(root), root, by_default, format!("NOT {root}"));
    set(true, format!("Set{ROOT_WITH_SLASH}"), ROOT_WITH_SLASH, format!("[{root}]\\"), root.into());
    for (name, default) in all(spec) {
        // Still empty where it was not given; what follows fills it.
        set(false, format!("Given.{name}"), GIVEN, format!("[{GIVEN}]{name},"), name.into());
        let kept = || format!("{} AND NOT {name}", old(name));
        if name == CONTAINERS {
            set(true, default_action(name), CONTAINERS_BY_DEFAULT, escaped(default), String::new());
            set(true, "Chosen.Given".into(), CHOSEN, format!(",[{name}],"), name.into());
            set(true, "Chosen.Before".into(), CHOSEN, format!(",[{}],", old(name)), kept());
            set(true, "Chosen.Default".into(), CHOSEN, format!(",[{CONTAINERS_BY_DEFAULT}],"), format!("NOT {CHOSEN}"));
        }
        if name == CONTAINERS {
            // On an installed product Windows Installer changes no feature and writes no value of the registry unless it is asked to.
            let change = format!("Installed AND {name} AND NOT {OWN_FEATURES}");
            let by_name = "ADDLOCAL OR REMOVE OR REINSTALL OR ADDDEFAULT OR ADDSOURCE";
            set(false, "OwnFeatures".into(), OWN_FEATURES, "1".into(), by_name.into());
            set(false, "Change.Begin".into(), "ADDLOCAL", CONNECTOR.into(), change.clone());
            let features = super::contents::features(spec.containers).unwrap_or_default();
            let optional = spec.containers.iter().zip(&features).filter(|(container, _)| !container.required);
            for (container, feature) in optional {
                let out = not_chosen(container.name);
                set(
                    false,
                    format!("Add.{feature}"),
                    "ADDLOCAL",
                    format!("[ADDLOCAL],{feature}"),
                    format!("{change} AND NOT ({out})"),
                );
                let also = format!("{change} AND REMOVE AND {out}");
                set(false, format!("Drop.{feature}"), "REMOVE", format!("[REMOVE],{feature}"), also);
                set(
                    false,
                    format!("DropFirst.{feature}"),
                    "REMOVE",
                    feature.clone(),
                    format!("{change} AND NOT REMOVE AND {out}"),
                );
            }
        }
        set(false, format!("Keep.{name}"), name, format!("[{}]", old(name)), kept());
        if name == CONTAINERS {
            set(false, format!("Take.{name}"), name, format!("[{CONTAINERS_BY_DEFAULT}]"), format!("NOT {name}"));
        } else {
            set(false, default_action(name), name, escaped(default), format!("NOT {name}"));
        }
    }
    // Settings given for an installed product, or features, which CONTAINERS follows: its registry values are written again, files only
    // where they are missing or older.
    let anew = format!("Installed AND ({GIVEN} OR ADDLOCAL OR REMOVE) AND NOT REINSTALL AND NOT (REMOVE ~= \"ALL\")");
    set(false, "Change.Mode".into(), "REINSTALLMODE", "omus".into(), anew.clone());
    set(false, "Change.Settings".into(), "REINSTALL", CONNECTOR.into(), anew);
    // Where features are named, the required ones are installed as well.
    let features = format!("[ADDLOCAL],{}", required.join(","));
    set(true, "AddRequired".into(), "ADDLOCAL", features, "ADDLOCAL AND NOT Installed AND NOT (ADDLOCAL ~= \"ALL\")".into());
    let by_other_names = "(ADDDEFAULT OR ADDSOURCE) AND NOT ADDLOCAL AND NOT Installed";
    set(true, "AddRequired.Alone".into(), "ADDLOCAL", required.join(","), by_other_names.into());
    rows
}

/// A root as its default action has it.
pub fn root_value(root: &str) -> String {
    escaped(&format!("{}\\", root.trim_end_matches('\\')))
}

/// A text that Windows Installer's formatting leaves as it is.
pub fn escaped(text: &str) -> String {
    let one = |c: char| if "[]{}".contains(c) { format!("[\\{c}]") } else { c.to_string() };
    text.chars().map(one).collect()
}
