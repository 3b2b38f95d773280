//! `linkpack verify`: whether packages are as they claim.

use super::arguments::VerifyArguments;
use super::screen;
use crate::inspect::text::{difference, plain};
use crate::inspect::verify::signatures::Outcome;
use crate::inspect::verify::{self, Verdict};
use std::process::ExitCode;

/// Verifies packages and folders. Exit codes: 0 all as claimed; 1 differences, all of them listed, or something unreadable; 2 usage.
pub fn run(arguments: &VerifyArguments) -> ExitCode {
    let (mut verdicts, mut unread) = (Vec::new(), Vec::new());
    for path in &arguments.paths {
        let done = match path.is_dir() {
            true => verify::folder(path, &arguments.keys),
            false => verify::package(path, &arguments.keys).map(|verdict| vec![verdict]),
        };
        match done {
            Ok(more) => verdicts.extend(more),
            Err(error) => {
                screen::error(&error);
                unread.push(serde_json::json!({ "path": path.display().to_string(), "why": error.to_string() }));
            }
        }
    }
    let mut failed = !unread.is_empty() || verdicts.iter().any(|verdict| !verdict.ok);
    let shown = if arguments.json {
        format!("{:#}\n", serde_json::json!({ "ok": !failed, "verdicts": verdicts, "unread": unread }))
    } else {
        verdicts.iter().map(text).collect()
    };
    if let Err(error) = super::print(&shown) {
        screen::error(&error);
        failed = true;
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
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
            Outcome::Bad(why) => format!("error: signature {said}: {why}"),
        });
    }
    lines.extend(verdict.notes.iter().map(|note| format!("note: {note}")));
    let held: Vec<String> = verdict.held.iter().map(|(what, count)| format!("{count} x {what}")).collect();
    lines.push(match (verdict.ok, held.is_empty()) {
        (true, true) => "nothing to verify against: it says nothing of its own bytes".to_owned(),
        (true, false) => format!("as claimed: {}", held.join(", ")),
        (false, _) => {
            format!("NOT as claimed: {} differences, {} parts damaged", verdict.differences.len(), verdict.damage.len())
        }
    });
    // What a package says must not steer the terminal.
    lines.iter().map(|line| format!("{}: {}\n", plain(&verdict.path), plain(line))).collect()
}
