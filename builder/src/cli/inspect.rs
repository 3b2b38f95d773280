//! `linkpack inspect`: what packages are and hold.

use super::arguments::InspectArguments;
use super::screen;
use super::told::{AllInspected, Failed, Inspected, Told};
use crate::build::ByKeys;
use crate::error::{Error, Result};
use crate::inspect::diff::diff;
use crate::inspect::html;
use crate::inspect::lint::lint;
use crate::inspect::text::{text, Shown};
use crate::inspect::verify::signatures::{Judge, NoKeys};
use crate::inspect::verify::{judged, Conclusion};
use crate::inspect::{read, read_to, Depth, Package};
use crate::new_file;
use rayon::prelude::*;
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

/// Prints packages' reports, and writes a page where that is asked for. Exit codes: 0 shown, whatever the verdict; 1 something cannot be
/// read; 2 usage.
pub fn run(arguments: &InspectArguments) -> ExitCode {
    let done = match (arguments.diff, &arguments.packages[..]) {
        (true, [old, new]) => differences(old, new, arguments),
        (true, _) => Err(Error::new("--diff takes two packages: the old one, and the new one")),
        (false, packages) if packages.len() > 1 && arguments.html.is_some() => {
            Err(Error::new("--html writes the page of one package").help("name one package, or two with --diff"))
        }
        (false, _) => reports(arguments),
    };
    done.unwrap_or_else(|error| super::failed(&error, arguments.json))
}

/// All packages, side by side; one that cannot be read does not hide the others.
fn reports(arguments: &InspectArguments) -> Result<ExitCode> {
    let judge: Box<dyn Judge> = match arguments.keys.is_empty() {
        true => Box::new(NoKeys),
        false => Box::new(ByKeys::read(&arguments.keys)?),
    };
    let read: Vec<Result<(Package, Conclusion)>> =
        arguments.packages.par_iter().map(|path| one(path, arguments, &*judge)).collect();
    let (mut shown, mut packages, mut errors) = (String::new(), Vec::new(), Vec::new());
    for read in read {
        let (package, conclusion) = match read {
            Err(error) if error.is_interrupted() => return Err(error),
            Err(error) => {
                screen::error(&error);
                errors.extend(Told::all(&error));
                continue;
            }
            Ok(read) => read,
        };
        if let Some(page) = &arguments.html {
            let findings = if arguments.quick { Vec::new() } else { lint(&package, &[]) };
            new_file::write(page, html::page(&package.report, &findings, &conclusion)?.as_bytes())?;
            if !arguments.json && !arguments.files && !arguments.scripts {
                continue;
            }
        }
        if arguments.json {
            packages.push((package, conclusion));
            continue;
        }
        if !shown.is_empty() {
            shown += "\n";
        }
        shown += &text(&package.report, Shown { files: arguments.files, scripts: arguments.scripts }, &conclusion.text);
    }
    let failed = !errors.is_empty();
    if !arguments.json {
        return Ok(super::conclude_text(&shown, failed));
    }
    let documents: Vec<Inspected> =
        packages.iter().map(|(package, verdict)| Inspected { report: &package.report, verdict }).collect();
    // One package is its report, several are a list, whatever could be read of them.
    let shown = match (arguments.packages.len(), &documents[..]) {
        (1, [only]) => json(only)?,
        (1, _) => json(&Failed { errors, warnings: Vec::new() })?,
        _ => json(&AllInspected { packages: &documents, errors })?,
    };
    Ok(super::conclude(&shown, failed))
}

fn json(document: &impl Serialize) -> Result<String> {
    serde_json::to_string_pretty(document).map(|text| text + "\n").map_err(no_json)
}

fn one(path: &Path, arguments: &InspectArguments, judge: &dyn Judge) -> Result<(Package, Conclusion)> {
    let base = arguments.base.as_deref();
    if arguments.quick {
        return Ok((read_to(path, base, Depth::Headers)?, Conclusion::of_headers()));
    }
    let package = read_to(path, base, Depth::Whole)?;
    let conclusion = judged(path, &package.report, judge)?.conclusion();
    Ok((package, conclusion))
}

fn no_json(error: serde_json::Error) -> Error {
    Error::new(format!("cannot write the report as JSON: {error}"))
}

fn differences(old: &Path, new: &Path, arguments: &InspectArguments) -> Result<ExitCode> {
    let (old, new) = rayon::join(|| read(old), || read(new));
    let diff = diff(&old?.report, &new?.report);
    if let Some(page) = &arguments.html {
        new_file::write(page, html::diff_page(&diff)?.as_bytes())?;
        if !arguments.json {
            return Ok(ExitCode::SUCCESS);
        }
    }
    Ok(match arguments.json {
        true => super::conclude(&format!("{:#}\n", serde_json::to_value(&diff).map_err(no_json)?), false),
        false => super::conclude_text(&diff.text(), false),
    })
}
