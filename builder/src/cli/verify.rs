//! `linkpack verify`: whether packages are as they claim.

use super::arguments::VerifyArguments;
use super::screen::{self, Screen};
use super::summary;
use super::told::{self, Told, Unread, Verified};
use crate::build::{ByKeys, Comparison, Rebuild};
use crate::inspect::text::{difference, plain};
use crate::inspect::verify::signatures::{Judge, NoKeys, Outcome};
use crate::inspect::verify::{self, Verdict};
use crate::Result;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Verifies packages and folders. Exit codes: 0 everything matches; 1 differences, all of them listed, or something unreadable; 2 usage.
pub fn run(arguments: &VerifyArguments) -> ExitCode {
    let judge: Box<dyn Judge> = match ByKeys::read(&arguments.keys) {
        Ok(_) if arguments.keys.is_empty() => Box::new(NoKeys),
        Ok(keys) => Box::new(keys),
        Err(error) => return super::failed(&error, arguments.json),
    };
    let (mut verdicts, mut unread, mut errors, mut read) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut failed = |path: &Path, error: crate::Error| {
        screen::error(&error);
        unread.push(Unread { path: path.display().to_string(), why: error.to_string() });
        errors.extend(Told::all(&error));
    };
    let judged: Vec<_> = arguments.paths.par_iter().map(|path| one(path, arguments.base.as_deref(), &*judge)).collect();
    for (path, judged) in arguments.paths.iter().zip(judged) {
        match judged {
            Ok(more) => {
                verdicts.extend(more);
                read.push(path.clone());
            }
            Err(error) => failed(path, error),
        }
    }
    let comparisons = match rebuilt(&read, arguments, &mut failed) {
        Ok(comparisons) => comparisons,
        Err(error) => return super::failed(&error, arguments.json),
    };
    let differs = |comparison: &Comparison| comparison.difference.is_some();
    let failed = !unread.is_empty() || verdicts.iter().any(|verdict| !verdict.ok) || comparisons.iter().any(differs);
    let verified = Verified { ok: !failed, verdicts, rebuilt: comparisons, unread, errors };
    if let Some(file) = &arguments.summary {
        if let Err(error) = summary::append(file, &summary::of_verify(&verified)) {
            screen::error(&error);
        }
    }
    match arguments.json {
        true => super::conclude(&told::json(&verified), failed),
        false => {
            let lines = verified.verdicts.iter().map(text).chain(verified.rebuilt.iter().map(compared));
            super::conclude_text(&lines.collect::<String>(), failed)
        }
    }
}

fn one(path: &Path, base: Option<&Path>, judge: &dyn Judge) -> Result<Vec<Verdict>> {
    match path.is_dir() {
        true => verify::folder(path, judge),
        false => Ok(vec![verify::package_of(path, base, judge)?]),
    }
}

/// Builds what is at these paths again, where that was asked for.
fn rebuilt(
    paths: &[PathBuf],
    arguments: &VerifyArguments,
    failed: &mut dyn FnMut(&Path, crate::Error),
) -> Result<Vec<Comparison>> {
    let Some(manifest) = &arguments.rebuild else { return Ok(Vec::new()) };
    let rebuild = Rebuild {
        manifest: manifest.clone(),
        given: super::build::given(arguments.product_version.as_deref(), &arguments.set),
        sites: arguments.sites.clone(),
        threads: super::processors(),
        temporary: std::env::temp_dir(),
    };
    rebuild.compare(paths, &Screen::new(true), failed)
}

fn compared(comparison: &Comparison) -> String {
    let aside = match comparison.signatures {
        0 => String::new(),
        count => format!(", {count} x signature set aside"),
    };
    let said = match &comparison.difference {
        None => format!("rebuild: identical{aside}"),
        Some(what) => format!("error: rebuild differs{aside}: {what}"),
    };
    format!("{}: {}\n", plain(&comparison.package), plain(&said))
}

fn text(verdict: &Verdict) -> String {
    let mut lines = Vec::new();
    for claim in &verdict.differences {
        lines.push(format!("error: {}", difference(&claim.subject, &claim.algorithm, &claim.claimed, &claim.found)));
    }
    lines.extend(verdict.damage.iter().map(|damage| format!("error: {}: {}", damage.part, damage.what)));
    for one in &verdict.signatures {
        let signature = &one.signature;
        let by = signature.key.as_deref().map(|key| format!(" by {key}")).unwrap_or_default();
        let algorithm = signature.algorithm.as_deref().map(|algorithm| format!(" {algorithm}")).unwrap_or_default();
        let said = format!("{}{algorithm}{by} ({})", signature.kind, signature.place);
        lines.push(match &one.outcome {
            Outcome::NotChecked => format!("signature {said}: not checked: no --key"),
            Outcome::Good(whose) => format!("signature {said}: good, {whose}"),
            Outcome::Other(whose) => format!("signature {said}: of another key, {whose}"),
            Outcome::Bad(why) => format!("error: signature {said}: {why}"),
        });
    }
    lines.extend(verdict.notes.iter().map(|note| format!("note: {note}")));
    let held: Vec<String> = verdict.held.iter().map(|(what, count)| format!("{count} x {what}")).collect();
    lines.push(match (verdict.ok, held.is_empty()) {
        (true, true) => "no checksums in this package to verify".to_owned(),
        (true, false) => format!("OK: {}", held.join(", ")),
        (false, _) => verdict.faults(),
    });
    // What a package says must not steer the terminal.
    lines.iter().map(|line| format!("{}: {}\n", plain(&verdict.path), plain(line))).collect()
}
