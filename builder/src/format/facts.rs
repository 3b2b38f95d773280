//! What a package's scripts must know of the product.

use super::architecture::architecture;
use super::base::Base;
use crate::endpoint::{ContainerFact, Facts, Settings};
use crate::error::Result;
use crate::manifest::{Product, Target};
use crate::payload::Kind;
use contract::settings::SETTINGS;

/// The facts of one product's packages for one target.
pub fn facts(product: &Product, base: &Base) -> Result<Facts> {
    let manifest = product.manifest();
    let containers = product.containers(base.target);
    let (libraries, library_folders, programs) = base.needs.run(product, base.target);
    Ok(Facts {
        product: manifest.product.name.to_string(),
        package: product.package_name(),
        names: product.names().clone(),
        title: manifest.product.title.to_string(),
        version: manifest.product.version.to_string(),
        packaged_root: product.linux_root(),
        arch: architecture(base.target).machine,
        installed_kb: base.files.iter().map(|file| file.len().div_ceil(1024).max(1)).sum(),
        installed_names: base.files.len(),
        containers: containers
            .map(|(container, _)| ContainerFact { name: container.name.to_string(), required: container.required })
            .collect(),
        executable: manifest.connector.executable.of(base.target).to_owned(),
        arguments: product.arguments(),
        core_check: manifest.connector.core_check.clone(),
        settings: settings(product, base.target),
        config: product.client_settings().into_iter().collect(),
        seal_paths: manifest.connector.seal_paths.iter().map(ToString::to_string).collect(),
        folders: names(base, |kind| matches!(kind, Kind::Directory)),
        others: others(base),
        libraries,
        library_folders,
        programs,
    })
}

/// What manifest and site say of the settings.
fn settings(product: &Product, target: Target) -> Settings {
    let mut settings = Settings::default();
    for setting in SETTINGS {
        settings.set(setting.name, product.setting(setting, target));
    }
    settings
}

/// The names of what is of a kind in the payload, as the endpoint's lists have them. One that is not UTF-8 is left out.
fn names(base: &Base, wanted: impl Fn(&Kind) -> bool) -> Vec<String> {
    let entries = base.files.iter().map(|file| &file.entry).filter(|entry| wanted(&entry.kind));
    let names = entries.filter_map(|entry| std::str::from_utf8(entry.path.as_bytes()).ok());
    names.map(|name| name.replace('\n', "\u{1}")).collect()
}

/// The links, and the files too where a scriptlet can still hold their names.
fn others(base: &Base) -> Vec<String> {
    const MOST: usize = 5000;
    let with_files = base.files.len() <= MOST;
    let links = names(base, |kind| matches!(kind, Kind::Symlink(_)));
    let files = names(base, |kind| with_files && matches!(kind, Kind::File(_)));
    let marked = |mark: &'static str, names: Vec<String>| names.into_iter().map(move |name| format!("{mark}{name}"));
    marked("l", links).chain(marked("f", files)).collect()
}
