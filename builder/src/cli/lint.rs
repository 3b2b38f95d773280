//! `linkpack lint`: what is wrong with packages.

use super::arguments::{FindingsFormat, LintArguments};
use super::{screen, summary};
use crate::error::{Error, IoContext, Result};
use crate::inspect::lint::export::{self, Linted};
use crate::inspect::{is_package, lint, read, read_to, Depth, Package};
use crate::manifest::load_lint;
use crate::rules;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What a manifest is called that is looked for beside packages.
const MANIFEST: &str = "linkpack.toml";
/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 100_000;

/// Lints packages. Exit codes: 0 no errors, though there may be warnings; 1 errors, or a package that cannot be read; 2 usage.
pub fn run(arguments: &LintArguments) -> ExitCode {
    if let Some(rule) = &arguments.explain {
        return super::conclude(&explained(rule), false);
    }
    match linted(arguments) {
        Ok((documents, skipped)) => {
            if let Some(file) = &arguments.summary {
                if let Err(error) = summary::append(file, &summary::of_lint(&documents)) {
                    screen::error(&error);
                }
            }
            let format = if arguments.json { FindingsFormat::Json } else { arguments.format };
            let failed = documents.iter().any(Linted::failed);
            let shown = match format {
                FindingsFormat::Text => return super::conclude_text(&export::text(&documents, skipped), failed),
                FindingsFormat::Json => export::json(&documents, skipped),
                FindingsFormat::Sarif => export::sarif(&documents),
                FindingsFormat::Github => export::github(&documents),
                FindingsFormat::Gitlab => export::gitlab(&documents),
            };
            super::conclude(&shown, failed)
        }
        Err(error) => super::failed(&error, arguments.json || arguments.format == FindingsFormat::Json),
    }
}

/// All packages, side by side, and how many files of folders are none.
fn linted(arguments: &LintArguments) -> Result<(Vec<Linted>, usize)> {
    let (packages, skipped) = packages(&arguments.packages)?;
    let allowed = allowed(&packages, arguments)?;
    let previous = arguments.previous.as_deref().map(read).transpose()?;
    let judge = |path: &PathBuf, allow: &BTreeSet<String>| one(path, allow, previous.as_ref(), arguments);
    let judged: Vec<Result<Linted>> = packages.par_iter().zip(&allowed).map(|(path, allow)| judge(path, allow)).collect();
    let mut documents = Vec::new();
    for (path, judged) in packages.iter().zip(judged) {
        documents.push(match judged {
            Err(error) if error.is_interrupted() => return Err(error),
            Err(error) => {
                screen::error(&error);
                Linted::unread(path, &error)
            }
            Ok(linted) => linted,
        });
    }
    Ok((documents, skipped))
}

fn one(path: &Path, allow: &BTreeSet<String>, previous: Option<&Package>, arguments: &LintArguments) -> Result<Linted> {
    let package = read_to(path, None, Depth::Contents)?;
    let mut findings = lint::lint(&package, &arguments.systems);
    findings.extend(previous.into_iter().flat_map(|previous| lint::against_previous(previous, &package)));
    Ok(Linted::new(path, findings, allow))
}

/// The files that were named, and the packages in the folders that were named, by name.
fn packages(paths: &[PathBuf]) -> Result<(Vec<PathBuf>, usize)> {
    let (mut packages, mut skipped) = (Vec::new(), 0);
    for path in paths {
        if !path.is_dir() {
            packages.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).or_cannot("read", path)?.take(MOST_ENTRIES);
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry.or_cannot("read", path)?;
            if entry.file_type().or_cannot("read", &entry.path())?.is_file() {
                files.push(entry.path());
            }
        }
        files.sort();
        let before = packages.len();
        for file in files {
            match is_package(&file)? {
                true => packages.push(file),
                false => skipped += 1,
            }
        }
        if packages.len() == before {
            return Err(Error::new(format!("{} holds no packages", path.display()))
                .help("name the folder that linkpack build wrote to (dist), or packages"));
        }
    }
    Ok((packages, skipped))
}

/// For each package the rules whose findings are not told.
fn allowed(packages: &[PathBuf], arguments: &LintArguments) -> Result<Vec<BTreeSet<String>>> {
    let mut known: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    let mut all = Vec::new();
    for package in packages {
        let mut allow: BTreeSet<String> = arguments.allow.iter().cloned().collect();
        if let Some(manifest) = arguments.manifest.clone().or_else(|| beside(package)) {
            if !known.contains_key(&manifest) {
                let rules = load_lint(&manifest)?.allow.iter().map(|rule| rule.as_str().to_owned()).collect();
                known.insert(manifest.clone(), rules);
            }
            allow.extend(known.get(&manifest).into_iter().flatten().cloned());
        }
        all.push(allow);
    }
    Ok(all)
}

/// The manifest in the package's folder, or in the one above, as it is where build made the package.
fn beside(package: &Path) -> Option<PathBuf> {
    let folder = std::fs::canonicalize(package).ok()?.parent()?.to_owned();
    folder.ancestors().take(2).map(|folder| folder.join(MANIFEST)).find(|manifest| manifest.is_file())
}

fn explained(name: &str) -> String {
    let mut text = String::new();
    for (subject, rule) in rules::all().filter(|(_, rule)| rule.name == name) {
        let like = if rule.like.is_empty() { String::new() } else { format!("shared with: {}\n", rule.like) };
        text += &format!(
            "{name} ({})\nfinds: {}\nseverity: {}\nhelp: {}\n{like}",
            subject.name(),
            rule.finds,
            rule.severity(),
            rule.remedy
        );
    }
    text + &format!("allow it: linkpack lint --allow {name}, or allow = [\"{name}\"] in [lint] of linkpack.toml\n")
}
