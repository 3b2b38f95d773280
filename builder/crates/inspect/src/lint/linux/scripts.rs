//! Maintainer scripts and scriptlets: that they run on a plain system without a network, fail when something fails, and cannot be tricked.

use super::shell::{code, commands, Command};
use super::{syntax, Findings, Place, Subject};
use crate::report::Script;

pub(super) fn check(subject: &Subject, findings: &mut Findings) {
    if subject.manager().is_none() {
        return;
    }
    for script in &subject.report.scripts {
        let interpreter = script.interpreter.as_deref().unwrap_or_default();
        let program = interpreter.split_whitespace().next().unwrap_or_default();
        if let Some(at) = script.text.split('\n').position(|line| line.ends_with('\r')) {
            let what = format!("line {} ends in a carriage return, as on Windows: no shell runs it as it is meant", at + 1);
            findings.error("script-carriage-return", Place::part(&script.name), what, "write it with the line breaks of Unix");
        }
        if !first_line(subject, script, program, findings) {
            continue;
        }
        let base = program.rsplit('/').next().unwrap_or_default();
        if !matches!(base, "sh" | "bash" | "dash" | "") {
            continue;
        }
        if let Some((line, what)) = syntax::fault(&script.text) {
            let what = format!("line {line}: {what}: no shell runs it");
            findings.error("script-syntax", Place::part(&script.name), what, "try it with sh -n");
            continue;
        }
        if matches!(script.name.as_str(), "preinst" | "%pre" | "%pretrans") {
            verdict(script, interpreter, findings);
        }
        if subject.has_policy() && base != "bash" {
            bashisms(script, findings);
        }
        if subject.has_policy() && script.name != "config" && !fails(script, interpreter) {
            let what = "it goes on when a command fails: it has no set -e".to_owned();
            findings.warning("script-errors", Place::part(&script.name), what, "begin it with set -e");
        }
        for command in commands(&script.text) {
            judge(script, &command, findings);
        }
        temporary(script, findings);
    }
}

/// The line that says what runs a script; whether it can be judged further.
fn first_line(subject: &Subject, script: &Script, program: &str, findings: &mut Findings) -> bool {
    let place = || Place::part(&script.name);
    if subject.has_policy() && script.text.starts_with("\x7fELF") {
        return false;
    }
    if subject.has_policy() && program.is_empty() {
        let what = "its first line names no interpreter: dpkg cannot run it".to_owned();
        findings.error("script-interpreter", place(), what, "begin it with #!/bin/sh");
        return false;
    }
    let known = ["/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/"].iter().any(|folder| program.starts_with(folder));
    if !program.is_empty() && !known && program != "<lua>" {
        let what = format!("{program} is an interpreter that not every system has at that path");
        findings.error("script-interpreter", place(), what, "use #!/bin/sh");
        return false;
    }
    true
}

fn fails(script: &Script, interpreter: &str) -> bool {
    let option = |word: &str| word.starts_with('-') && !word.starts_with("--") && word.contains('e');
    let sets = |command: &Command| {
        command.program() == "set" && command.arguments().iter().any(|word| option(word) || word == "errexit")
    };
    interpreter.split_whitespace().skip(1).any(option) || commands(&script.text).iter().any(sets)
}

/// A script that runs before anything is changed, complains, and lets the installation go on all the same.
fn verdict(script: &Script, interpreter: &str, findings: &mut Findings) {
    const COMPLAINTS: [&str; 7] = ["error:", "error ", "fatal", "aborting", "not supported", "unsupported", "must be"];
    let refuses = |command: &Command| {
        let fails = command.arguments().first().is_some_and(|code| code != "0");
        matches!(command.program(), "exit" | "return") && fails || command.program() == "false"
    };
    if fails(script, interpreter) || commands(&script.text).iter().any(refuses) {
        return;
    }
    let complains = |line: &&str| {
        let line = line.trim_start().to_ascii_lowercase();
        let said = line.contains("echo ") || line.contains("printf ");
        !line.starts_with('#') && said && COMPLAINTS.iter().any(|word| line.contains(word))
    };
    if let Some(at) = script.text.lines().position(|line| complains(&line)) {
        let what = format!("line {} tells of an error, and no line makes the script fail: the installation goes on", at + 1);
        findings.warning("script-verdict", Place::part(&script.name), what, "end with exit 1 there");
    }
}

/// What dash, which is Debian's sh, does not know: the few forms that are certain.
fn bashisms(script: &Script, findings: &mut Findings) {
    for (at, line) in code(&script.text).iter().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let keyword = |word: &&str| matches!(*word, "if" | "then" | "while" | "until" | "&&" | "||" | "!" | "elif" | "do");
        let leads = |at: usize| at == 0 || words.get(at - 1).is_some_and(|word| keyword(word) || word.ends_with(';'));
        let first = words.first().copied().unwrap_or_default();
        let array = first.split_once("=(").is_some_and(|(name, rest)| {
            !name.is_empty() && !rest.starts_with('(') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        let found = if words.iter().enumerate().any(|(at, word)| *word == "[[" && leads(at)) {
            "[["
        } else if line.contains("<<<") {
            "<<<"
        } else if matches!(first, "declare" | "typeset" | "pushd" | "popd" | "shopt") {
            first
        } else if first == "source" && words.len() > 1 {
            "source"
        } else if array {
            "an array"
        } else {
            continue;
        };
        let what = format!("line {} has {found}, which bash knows and sh does not", at + 1);
        findings.error(
            "script-bashism",
            Place::part(&script.name),
            what,
            "write it for sh, or begin the script with #!/bin/bash",
        );
    }
}

fn judge(script: &Script, command: &Command, findings: &mut Findings) {
    let (program, arguments) = (command.program(), command.arguments());
    let has = |words: &[&str]| arguments.iter().any(|word| words.contains(&word.as_str()));
    let short = |letters: &str| {
        arguments.first().is_some_and(|word| {
            word.starts_with('-') && !word.starts_with("--") && word[1..].starts_with(|c| letters.contains(c))
        })
    };
    let place = || Place::part(&script.name);
    let manages = match program {
        "apt" | "apt-get" | "aptitude" | "yum" | "dnf" | "zypper" => {
            has(&["install", "remove", "purge", "upgrade", "dist-upgrade", "update", "erase"])
        }
        "dpkg" => short("irP") || has(&["--install", "--remove", "--purge", "--unpack", "--configure"]),
        "rpm" => short("iUFe") || has(&["--install", "--upgrade", "--erase", "--import"]),
        _ => false,
    };
    if manages {
        let what =
            format!("line {} runs {program} while it is locked by the very installation that runs the script", command.line);
        findings.error("script-installs", place(), what, "let the package depend on what it needs");
    }
    if program.len() > 1 && program.starts_with('%') {
        let what = format!("line {} runs {program}: a macro that rpmbuild did not know", command.line);
        findings.error(
            "script-macro",
            place(),
            what,
            "require the macros at build time (systemd-rpm-macros), or write what they do",
        );
    }
    let fetches = match program {
        "curl" | "wget" => !has(&["--version", "--help"]),
        "pip" | "pip3" | "npm" | "gem" => has(&["install"]),
        "git" => has(&["clone", "pull", "fetch"]),
        _ => false,
    };
    if fetches {
        let what = format!("line {} fetches from a network with {program}: a closed site has none", command.line);
        findings.error("script-network", place(), what, "ship what it fetches");
    }
}

/// Files in /tmp by a fixed name: a user can put a link there first, and root then writes through it.
fn temporary(script: &Script, findings: &mut Findings) {
    for (at, line) in script.text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#')) {
        for folder in ["/tmp/", "/var/tmp/"] {
            let written = line.match_indices(folder).any(|(start, _)| {
                let before = line[..start].trim_end_matches(['"', '\'', ' ']);
                let name: String = line[start + folder.len()..]
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || "._-".contains(*c))
                    .collect();
                let rest = &line[start + folder.len() + name.len()..];
                before.ends_with('>')
                    && !name.is_empty()
                    && !name.contains("XXXXXX")
                    && !rest.starts_with('$')
                    && !rest.starts_with('/')
            });
            if written {
                let what = format!("line {} writes to a file in {folder} whose name everybody knows", at + 1);
                findings.error("script-temporary", Place::part(&script.name), what, "use mktemp");
            }
        }
    }
}
