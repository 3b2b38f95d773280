//! What the kit's product goes by: texts of templates/channels name its places by markers, `@ETC@` and the like.

use super::choose::newest;
use super::Context;
use crate::error::Result;
use crate::inspect;
use crate::inspect::report::Report;
use crate::kit::input::{Item, Kind};
use contract::names::Names;

/// The fact of templates/linux/facts.sh that has them in a script, and that of an MSI.
const IN_SCRIPTS: &str = "NAMES_ALL";
pub const IN_MSI: &str = "NAMES";

/// The names of the newest package that is ours.
///
/// # Errors
/// The run was interrupted.
pub fn of_kit(context: &Context) -> Result<Names> {
    let kinds = [Kind::Run, Kind::Deb, Kind::Rpm, Kind::Msi];
    let Some(item) = kinds.into_iter().find_map(|kind| newest(context, kind)) else { return Ok(Names::default()) };
    of(item)
}

fn of(item: &Item) -> Result<Names> {
    match inspect::read(&item.source) {
        Ok(inspected) => Ok(of_report(&inspected.report)),
        Err(error) if error.is_interrupted() => Err(error),
        // Verified before; a package of another maker may be one that cannot be looked into.
        Err(_) => Ok(Names::default()),
    }
}

/// The names that a package says; the default ones where it says none.
pub fn of_report(report: &Report) -> Names {
    let of_msi = report.settings.iter().find(|one| one.name == IN_MSI && report.is_ours()).map(|one| one.value.as_str());
    let lines = report.scripts.iter().flat_map(|script| script.text.lines());
    let in_scripts =
        || lines.flat_map(inspect::facts_of).find(|(name, _)| name == IN_SCRIPTS).map(|(_, value)| Names::read(&value));
    of_msi.map(Names::read).or_else(in_scripts).unwrap_or_default()
}

/// What templates write for a place or a name.
pub const MARKERS: [&str; 8] =
    ["@ETC@", "@LIB@", "@LOG@", "@INIT@", "@SERVICE@", "@SETUP_KEY@", "@SETUP_KEY_ESCAPED@", "@ROOT_VALUE@"];

/// A template's text with the markers replaced.
pub fn fill(names: &Names, text: &str) -> String {
    let setup = names.place("setup-key");
    let values = [
        names.place("etc"),
        names.place("lib"),
        names.place("log"),
        names.place("init"),
        names.get("service").to_owned(),
        setup.clone(),
        setup.replace('\\', "\\\\"),
        names.get("root-value").to_owned(),
    ];
    MARKERS.iter().zip(&values).fold(text.to_owned(), |text, (marker, value)| text.replace(marker, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::report::{FileFacts, Format, Script};

    #[test]
    fn a_packages_scripts_say_its_names_and_templates_have_its_places() {
        let file = FileFacts { name: "a.run".into(), size: 1, sha256: String::new() };
        let mut report = Report::new(Format::Run, file);
        assert_eq!(of_report(&report), Names::default());
        let text = "#!/bin/sh\nLP_SERVICE='vlink' LP_NAMES_ALL='vendor=acme;registry-key=Acme\\setup;'\n".into();
        report.scripts.push(Script { name: "stub".into(), interpreter: None, text });
        let names = of_report(&report);
        let text = "@ETC@/install.conf 'HKLM:\\@SETUP_KEY@' \"@SETUP_KEY_ESCAPED@\" @INIT@";
        let filled = "/etc/acme/install.conf 'HKLM:\\SOFTWARE\\Acme\\setup' \"SOFTWARE\\\\Acme\\\\setup\" /etc/init.d/vlink";
        assert_eq!(fill(&names, text), filled);
    }
}
