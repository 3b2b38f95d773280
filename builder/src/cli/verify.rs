//! `linkpack verify`: whether packages are as they claim.

use super::arguments::VerifyArguments;
use super::screen::{self, Screen};
use crate::build::{ByKeys, Comparison, Rebuild};
use crate::inspect::text::{counted, difference, plain};
use crate::inspect::verify::signatures::{Judge, NoKeys, Outcome};
use crate::inspect::verify::{self, Verdict};
use crate::Result;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Verifies packages and folders. Exit codes: 0 all as claimed; 1 differences, all of them listed, or something unreadable; 2 usage.
pub fn run(arguments: &VerifyArguments) -> ExitCode {
    let judge: Box<dyn Judge> = match ByKeys::read(&arguments.keys) {
        Ok(_) if arguments.keys.is_empty() => Box::new(NoKeys),
        Ok(keys) => Box::new(keys),
        Err(error) => {
            screen::error(&error);
            return ExitCode::FAILURE;
        }
    };
    let (mut verdicts, mut unread, mut read) = (Vec::new(), Vec::new(), Vec::new());
    let mut failed = |path: &Path, error: crate::Error| {
        screen::error(&error);
        unread.push(serde_json::json!({ "path": path.display().to_string(), "why": error.to_string() }));
    };
    for path in &arguments.paths {
        match one(path, arguments.base.as_deref(), &*judge) {
            Ok(more) => {
                verdicts.extend(more);
                read.push(path.clone());
            }
            Err(error) => failed(path, error),
        }
    }
    let comparisons = match rebuilt(&read, arguments, &mut failed) {
        Ok(comparisons) => comparisons,
        Err(error) => {
            screen::error(&error);
            return ExitCode::FAILURE;
        }
    };
    let differs = |comparison: &Comparison| comparison.difference.is_some();
    let failed = !unread.is_empty() || verdicts.iter().any(|verdict| !verdict.ok) || comparisons.iter().any(differs);
    let shown = if arguments.json {
        format!("{:#}\n", serde_json::json!({ "ok": !failed, "verdicts": verdicts, "rebuilt": comparisons, "unread": unread }))
    } else {
        verdicts.iter().map(text).chain(comparisons.iter().map(compared)).collect()
    };
    super::conclude(&shown, failed)
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
        None => format!("built again: the same to the byte{aside}"),
        Some(what) => format!("error: built again it differs{aside}: {what}"),
    };
    format!("{}: {}\n", plain(&comparison.package), plain(&said))
}

/// How much of what went wrong there is.
fn not_as_claimed(verdict: &Verdict) -> String {
    let unread = verdict.damage.iter().filter(|damage| damage.unread).count();
    let bad = verdict.signatures.iter().filter(|one| one.outcome.fails()).count();
    let counts = [
        (verdict.differences.len(), "difference", "differences"),
        (verdict.damage.len() - unread, "part damaged", "parts damaged"),
        (unread, "part not read", "parts not read"),
        (bad, "signature refused", "signatures refused"),
    ];
    let found = counts.iter().filter(|(count, ..)| *count > 0);
    let said: Vec<String> = found.map(|(count, one, more)| counted(*count, one, more)).collect();
    // What nobody looked at is not known to be wrong.
    let verified =
        if verdict.differences.is_empty() && bad == 0 && unread == verdict.damage.len() { "verified" } else { "as claimed" };
    format!("NOT {verified}: {}", said.join(", "))
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
        (true, true) => "nothing to verify against: it says nothing of its own bytes".to_owned(),
        (true, false) => format!("as claimed: {}", held.join(", ")),
        (false, _) => not_as_claimed(verdict),
    });
    // What a package says must not steer the terminal.
    lines.iter().map(|line| format!("{}: {}\n", plain(&verdict.path), plain(line))).collect()
}
