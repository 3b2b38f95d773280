//! The contract's tables in docs/contract.md.

use contract::checks::CHECKS;
use contract::events::EVENTS;
use contract::exit_codes::EXIT_CODES;
use contract::names::{Names, NAMES};
use contract::places::{Place, PLACES};
use contract::settings::{BuiltIn, Lifetime, Setting, SETTINGS};

#[path = "../../../tests/common/documented.rs"]
mod held;

fn settings() -> String {
    let row = |setting: &Setting| {
        let key = match (setting.built_in, setting.name) {
            (BuiltIn::No, _) => "-".to_owned(),
            (_, "INSTALL_ROOT") => "`root`".to_owned(),
            _ => format!("`{}`", setting.key()),
        };
        let lifetime = match setting.lifetime {
            Lifetime::Remembered => "remembered",
            Lifetime::Once => "once",
            Lifetime::Installation => "installation",
            Lifetime::OneRun => "one run",
        };
        let yes = |is: bool| if is { "yes" } else { "-" };
        format!(
            "| `{}` | `{}` | {} | {key} | {lifetime} | {} | {} |\n",
            setting.name,
            format!("{} {}", setting.option(), setting.argument).trim_end(),
            setting.rule.name(),
            yes(setting.windows),
            setting.summary
        )
    };
    let head = "| name | `.run` option | values | manifest, site | counts | MSI | what |\n|---|---|---|---|---|---|---|\n";
    head.to_owned() + &SETTINGS.iter().map(row).collect::<String>()
}

fn exit_codes() -> String {
    let rows = EXIT_CODES.iter().map(|code| format!("| {} | {} |\n", code.code, code.meaning));
    "| code | meaning |\n|---|---|\n".to_owned() + &rows.collect::<String>()
}

fn checks() -> String {
    let yes = |is: bool| if is { "yes" } else { "-" };
    let rows = CHECKS
        .iter()
        .map(|check| format!("| `{}` | {} | {} | {} |\n", check.id, check.code, yes(check.linux), yes(check.windows)));
    "| id | code | Linux | Windows |\n|---|---|---|---|\n".to_owned() + &rows.collect::<String>()
}

fn events() -> String {
    let rows = EVENTS.iter().map(|event| format!("| {} | {} | {} |\n", event.id, event.level.name(), event.summary));
    "| id | level | when |\n|---|---|---|\n".to_owned() + &rows.collect::<String>()
}

fn names() -> String {
    let rows = NAMES.iter().map(|name| format!("| `{}` | `{}` | {} |\n", name.key, name.default, name.summary));
    "| key | default | what |\n|---|---|---|\n".to_owned() + &rows.collect::<String>()
}

fn places() -> String {
    let names = Names::default();
    let row = |place: &Place| {
        let (default, pattern) = (names.place(place.key), place.pattern);
        format!("| `{default}` | `{pattern}` | {} | {} |\n", place.owner, names.fill(place.summary))
    };
    let head = "| by default | made of | owner | what |\n|---|---|---|---|\n";
    head.to_owned() + &PLACES.iter().map(row).collect::<String>()
}

#[test]
fn the_contract_is_documented_as_it_is() {
    held::hold(
        "contract.md",
        &[("settings", settings()), ("exit codes", exit_codes()), ("checks", checks()), ("events", events())],
    );
    held::hold("endpoint.md", &[("names", names()), ("places", places())]);
}

/// What every check does, and in no other way than the table says: the scripts' own calls name their id and code.
#[test]
fn the_scripts_checks_have_the_codes_of_the_contract() {
    let modules = super::render::every_module().expect("the modules");
    let mut seen = Vec::new();
    for line in modules.iter().flat_map(|module| module.lines()) {
        let Some((_, call)) = line.split_once("lp_check ") else { continue };
        let mut words = call.split(' ');
        let (Some(id), Some(code)) = (words.next(), words.next().and_then(|code| code.parse::<i32>().ok())) else { continue };
        // The others are linkctl's own.
        if !(2..33).contains(&code) {
            continue;
        }
        let known = CHECKS.iter().find(|check| check.id == id && check.linux).unwrap_or_else(|| panic!("unknown check: {line}"));
        assert_eq!(known.code, code, "{line}");
        seen.push(id.to_owned());
    }
    for check in CHECKS.iter().filter(|check| check.linux) {
        assert!(seen.iter().any(|id| id == check.id), "no module makes the check {}", check.id);
    }
}
