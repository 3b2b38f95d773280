//! scripts/windows-check.ps1 tries what docs/windows.md claims: one id each, and its steps end under Wine as it says.

#[path = "msiexec/endpoint.rs"]
mod endpoint;
mod msi;
#[path = "msi/sample.rs"]
mod sample;
#[path = "msi/wine.rs"]
mod wine;

use endpoint::Endpoint;
use sample::Sample;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `W` and two digits, at the beginning of what follows each of these marks.
fn ids(text: &str, mark: &str) -> BTreeSet<String> {
    let digits = |id: &str| id.len() == 3 && id.starts_with('W') && id[1..].bytes().all(|byte| byte.is_ascii_digit());
    text.split(mark).skip(1).filter_map(|rest| rest.get(..3)).filter(|id| digits(id)).map(str::to_owned).collect()
}

#[test]
fn every_claim_is_tried_and_nothing_else() {
    let claims = ids(&read("docs/windows.md"), "\n| ");
    let tried = ids(&read("scripts/windows-check.ps1"), "'");
    assert!(claims.len() > 15, "{claims:?}");
    assert_eq!(claims, tried);
    for line in
        read("docs/windows.md").lines().filter(|line| line.starts_with("| W") && ids(&format!("\n{line}"), "\n| ").len() == 1)
    {
        let known = line.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        assert!(["run", "read", "believed"].contains(&known), "{line}");
    }
}

/// The lines `Step 'ID' 'ARGUMENTS' CODE`, in their order.
fn steps() -> Vec<(String, String, i32)> {
    let script = read("scripts/windows-check.ps1");
    let step = |line: &str| {
        let (id, rest) = line.trim().strip_prefix("Step '")?.split_once("' '")?;
        let (arguments, code) = rest.rsplit_once("' ")?;
        let code = code.split_whitespace().next()?.parse().ok()?;
        Some((id.to_owned(), arguments.to_owned(), code))
    };
    script.lines().filter_map(step).collect()
}

#[test]
fn the_steps_that_need_no_other_package_end_under_wine_as_the_script_says() {
    let endpoint = Endpoint::new();
    let msi = endpoint.take(&Sample::new());
    let steps: Vec<_> =
        steps().into_iter().filter(|(_, arguments, _)| !arguments.contains(['{']) || arguments.contains("{MSI}")).collect();
    let mut played = 0;
    for (id, arguments, code) in
        steps.iter().filter(|(_, arguments, _)| !arguments.contains("{MST}") && !arguments.contains("{OTHER}"))
    {
        let words: Vec<String> = arguments.split(' ').map(|word| word.replace("{MSI}", &msi).replace("\"\"", "")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        println!("{id}: {arguments}");
        endpoint.msiexec(&words, msi::exit::code(*code));
        played += 1;
        // The removal that ends the first half: what follows installs anew.
        if id == "W15" {
            break;
        }
    }
    assert!(played > 8, "{played} of {steps:?}");
}
