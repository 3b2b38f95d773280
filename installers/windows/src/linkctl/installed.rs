//! What is installed here.

use contract::names;
use native::config::Config;
use native::folder::{self, Kind};
use native::places;
use native::registry::{Key, UNINSTALL};
use std::fs;

/// An installation.
pub struct Installed {
    /// Without a backslash at its end.
    pub root: String,
    pub product: String,
    pub version: String,
    /// Windows Installer's name for it, in braces.
    pub product_code: Option<String>,
}

impl Installed {
    /// From the place of this program, else from the registry.
    pub fn find() -> Option<Installed> {
        let setup = places::place("setup-key");
        let root = own_root().or_else(|| registered_root(&setup))?;
        let product_code = Key::open(&setup)
            .and_then(|key| key.text("ProductCode"))
            .filter(|code| Key::open(&format!("{UNINSTALL}\\{code}")).is_some())
            .or_else(|| registered_product(&root));
        let entry = product_code.as_ref().and_then(|code| Key::open(&format!("{UNINSTALL}\\{code}")));
        let text = |name: &str| entry.as_ref().and_then(|key| key.text(name)).unwrap_or_default();
        Some(Installed { product: text("DisplayName"), version: text("DisplayVersion"), root, product_code })
    }

    /// csclient.cfg.
    pub fn config_file(&self) -> String {
        format!("{}\\components\\csclient.cfg", self.root)
    }

    /// The endpoint's identity; empty where there is none or it may not be read.
    pub fn core_id(&self) -> String {
        let bytes = fs::read(self.config_file()).unwrap_or_default();
        Config::parse(&bytes).get("vlinkCoreId").unwrap_or("").to_string()
    }

    /// The names of the containers, sorted.
    pub fn containers(&self) -> Vec<String> {
        let place = format!("{}\\{}", self.root, places::names().get("containers-folder"));
        let is_folder = |name: &String| folder::kind(&format!("{place}\\{name}")) == Kind::Folder;
        folder::names(&place).into_iter().filter(is_folder).collect()
    }
}

/// Takes the product's names from the file beside this program; where there is none they are the default ones.
pub fn adopt_names() {
    let file = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.parent()?.join(names::FILE)));
    places::adopt(&file.and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default());
}

/// The root that a registry key names.
pub fn registered_root(key: &str) -> Option<String> {
    let root = Key::open(key)?.text(places::names().get("root-value"))?;
    Some(root.trim_end_matches('\\').to_string()).filter(|root| !root.is_empty())
}

fn own_root() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    let root = program.parent()?.parent()?.to_str()?.trim_start_matches(r"\\?\").trim_end_matches('\\').to_string();
    let is_root = folder::kind(&format!("{root}\\{}", places::names().get("connector-folder"))) == Kind::Folder;
    is_root.then(|| root)
}

fn registered_product(root: &str) -> Option<String> {
    let is_ours = |code: &String| {
        let place = Key::open(&format!("{UNINSTALL}\\{code}")).and_then(|key| key.text("InstallLocation")).unwrap_or_default();
        code.starts_with('{') && place.trim_end_matches('\\').eq_ignore_ascii_case(root)
    };
    Key::open(UNINSTALL)?.names().into_iter().find(is_ours)
}

/// Where the connector writes its logs.
pub fn logs() -> String {
    places::runtime() + r"\logs"
}

/// Where the connector says how it is.
pub fn run() -> String {
    places::runtime() + r"\run"
}
