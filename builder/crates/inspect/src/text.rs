//! A report as text for people.

use super::report::{FileEntry, FileKind, Report};
use super::tree::{bytes, separator, Node};
use base::error::steers;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a text shows besides the summary.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown {
    /// Every file.
    pub files: bool,
    /// The scripts' texts.
    pub scripts: bool,
}

/// Lines of relations or settings of one kind before the rest is counted.
const LINES: usize = 40;
/// Folders in the tree of sizes.
const FOLDERS: usize = 30;
/// What a screen is wide, and what the names in front of values take of it.
const COLUMNS: usize = 80;
const NAMES: usize = 14;

/// The text, which ends with the verdict; what a package says cannot steer a terminal.
pub fn text(report: &Report, shown: Shown, verdict: &str) -> String {
    let mut out = String::new();
    identity(report, &mut out);
    parts(report, &mut out);
    lists(report, &mut out);
    if shown.files {
        files(report, &mut out);
    } else {
        tree(report, &mut out);
    }
    if shown.scripts {
        scripts(report, &mut out);
    }
    out += "\n";
    // One space more than a name's column has, as in `linkpack inspect --diff`.
    let _ = writeln!(out, "verdict        {}", plain(verdict));
    out
}

/// A text with everything that steers terminals, or that reverses the reading direction, made visible.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The same with its lines kept.
pub fn plain_lines(text: &str) -> String {
    text.chars().map(|c| if steers(c) && c != '\n' && c != '\t' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn line(out: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", format!("{name:<NAMES$}{}", plain(value)).trim_end());
    }
}

/// Words as a paragraph behind a name.
fn words(out: &mut String, mut name: &str, words: impl Iterator<Item = String>) {
    let mut row = String::new();
    for word in words {
        if !row.is_empty() && row.chars().count() + 1 + word.chars().count() > COLUMNS - NAMES {
            line(out, std::mem::take(&mut name), &row);
            row.clear();
        }
        if !row.is_empty() {
            row.push(' ');
        }
        row.push_str(&word);
    }
    line(out, name, &row);
}

fn identity(report: &Report, out: &mut String) {
    let id = &report.identity;
    let version = match (id.epoch, id.release.as_str()) {
        (Some(epoch), release) if !release.is_empty() => format!("{epoch}:{}-{release}", id.version),
        (None, release) if !release.is_empty() => format!("{}-{release}", id.version),
        _ => id.version.clone(),
    };
    let source = if id.source { ", source" } else { "" };
    let _ = writeln!(out, "{} {} ({}{source})", plain(&id.name), plain(&version), report.format.name());
    let facts = [
        ("summary", id.summary.as_str()),
        ("architecture", &id.architecture),
        ("publisher", &id.publisher),
        ("contact", &id.contact),
        ("license", &id.license),
        ("homepage", &id.homepage),
        ("product code", &id.product_code),
        ("upgrade code", &id.upgrade_code),
        ("package code", &id.package_code),
        ("made by", report.made_by.as_deref().unwrap_or_default()),
        ("root", report.root.as_deref().unwrap_or_default()),
        ("file", &report.file.name),
        ("size", &format!("{} ({})", bytes(report.file.size), report.file.size)),
        ("sha256", &report.file.sha256),
    ];
    facts.into_iter().for_each(|(name, value)| line(out, name, value));
    for service in &report.services {
        line(out, "service", &[service.name.as_str(), &service.program, &service.start].map(str::trim).join("  "));
    }
}

fn parts(report: &Report, out: &mut String) {
    for part in &report.parts {
        let codec = part.codec.as_deref().map(|codec| format!(", {codec}")).unwrap_or_default();
        line(out, "part", &format!("{}: {}{codec}", part.name, bytes(part.size)));
    }
    if report.signatures.is_empty() {
        line(out, "signature", "none");
    }
    for signature in &report.signatures {
        let algorithm = signature.algorithm.as_deref().unwrap_or("unknown algorithm");
        let key = signature.key.as_deref().unwrap_or("unknown key");
        line(out, "signature", &format!("{} {algorithm} by {key} ({})", signature.kind, signature.place));
    }
    for (what, count) in &report.claims.held {
        line(out, "OK", &format!("{count} x {what}"));
    }
    for claim in report.claims.listed.iter().filter(|claim| !claim.holds()).take(LINES) {
        line(out, "DIFFERS", &difference(&claim.subject, &claim.algorithm, &claim.claimed, &claim.found));
    }
    for damage in report.damage.iter().take(LINES) {
        line(out, if damage.unread { "NOT READ" } else { "DAMAGED" }, &format!("{}: {}", damage.part, damage.what));
    }
    report.notes.iter().take(LINES).for_each(|note| line(out, "note", note));
}

/// How many of something: "1 error", "2 errors".
pub fn counted(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

/// One difference in a sentence.
pub fn difference(subject: &str, algorithm: &str, claimed: &str, found: &str) -> String {
    format!("{subject}: {algorithm} is {found}, and should be {claimed}")
}

fn lists(report: &Report, out: &mut String) {
    let mut kind = "";
    let mut count = 0;
    for relation in &report.relations {
        count = if relation.kind == kind { count + 1 } else { 1 };
        kind = &relation.kind;
        match count {
            1..=LINES => line(out, kind, &relation.what),
            n if n == LINES + 1 => line(out, kind, "... (--json has them all)"),
            _ => {}
        }
    }
    for setting in report.settings.iter().take(LINES) {
        line(out, "setting", &format!("{} = {}", setting.name, setting.value));
    }
    if report.settings.len() > LINES {
        line(out, "setting", &format!("... and {} more (--json has them all)", report.settings.len() - LINES));
    }
    scripts_by_program(report, out);
    words(out, "tables", report.tables.iter().map(|(name, rows)| format!("{name}:{rows}")));
}

/// Names of scripts; many of them are counted by what runs them.
fn scripts_by_program(report: &Report, out: &mut String) {
    const FEW: usize = 16;
    const NAMED: usize = 6;
    if report.scripts.len() <= FEW {
        return words(out, "scripts", report.scripts.iter().map(|script| script.name.clone()));
    }
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for script in &report.scripts {
        groups.entry(script.interpreter.as_deref().unwrap_or("no interpreter")).or_default().push(&script.name);
    }
    for (program, names) in groups {
        let more = names.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" ... and {more} more (--scripts prints them)") } else { String::new() };
        let named = names[..names.len().min(NAMED)].join(" ");
        line(out, "scripts", &format!("{} x {program}: {named}{more}", names.len()));
    }
}

/// The largest folders, each with its size and number of files.
fn tree(report: &Report, out: &mut String) {
    let (root, separator) = (Node::of(report), separator(report));
    let (size, entries) = (bytes(root.size), counted(report.files.len(), "entry", "entries"));
    let _ = writeln!(out, "\n{size:>10}  {:>7} {} in {entries}", root.files, if root.files == 1 { "file" } else { "files" });
    // What is smaller than a fiftieth of everything would only make the list long.
    let least = root.size / 50;
    let (mut shown, mut left_out) = (0, 0);
    // Largest first, each before what is in it.
    let mut stack: Vec<(usize, &str, &Node)> = root.by_size().into_iter().rev().map(|(name, node)| (0, name, node)).collect();
    while let Some((depth, name, node)) = stack.pop() {
        let (way, node) = node.unbranched(name, separator);
        if shown == FOLDERS || node.size < least || (node.size == 0 && depth > 0) {
            left_out += node.files;
            continue;
        }
        shown += 1;
        let slash = if node.is_folder() { separator.to_string() } else { String::new() };
        let _ = writeln!(out, "{:>10}  {:>7}  {}{}{slash}", bytes(node.size), node.files, "  ".repeat(depth), plain(&way));
        stack.extend(node.by_size().into_iter().rev().map(|(name, node)| (depth + 1, name, node)));
    }
    if left_out > 0 {
        let _ = writeln!(out, "{:>10}  {left_out:>7}  smaller ones (--files lists all)", "");
    }
}

fn files(report: &Report, out: &mut String) {
    let _ = writeln!(out);
    for file in &report.files {
        let marks = [(file.config, " config"), (file.ghost, " ghost")];
        let marks: String = marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark).collect();
        let arrow = if file.kind == FileKind::HardLink { " link to " } else { " -> " };
        let target = file.target.as_deref().map(|target| format!("{arrow}{}", plain(target))).unwrap_or_default();
        let owner = format!("{}/{}", file.owner.as_deref().unwrap_or("-"), file.group.as_deref().unwrap_or("-"));
        let digest = file.sha256.map_or_else(|| "-".to_owned(), |digest| hex::encode(&digest[..8]));
        let _ = writeln!(
            out,
            "{} {:<12} {:>12} {digest:<16} {}{target}{marks}",
            mode(file),
            plain(&owner),
            file.size,
            plain(&file.path)
        );
    }
}

/// Kind and permissions as ls(1) shows them.
pub fn mode(file: &FileEntry) -> String {
    let kind = match file.kind {
        FileKind::File | FileKind::HardLink => '-',
        FileKind::Directory => 'd',
        FileKind::Symlink => 'l',
        FileKind::Special => '?',
    };
    let Some(mode) = file.mode else { return format!("{kind}---------") };
    let mut text = String::from(kind);
    for (shift, special, set, unset) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => set,
            (false, true) => unset,
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

fn scripts(report: &Report, out: &mut String) {
    for script in &report.scripts {
        let interpreter = script.interpreter.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
        let _ = writeln!(out, "\n== {}{}\n{}", plain(&script.name), plain(&interpreter), plain_lines(script.text.trim_end()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_a_package_do_not_reach_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
        assert_eq!(plain("exe\u{202e}gpj"), "exe\u{fffd}gpj");
        assert_eq!(plain_lines("a\n\tb\u{7}"), "a\n\tb\u{fffd}");
    }

    #[test]
    fn words_fill_lines_of_a_screen_and_a_long_one_has_its_own() {
        let mut out = String::new();
        words(&mut out, "tables", (0..30).map(|at| format!("Table{at}")).chain(["x".repeat(100), "end".into()]));
        assert!(out.starts_with("tables        Table0 Table1"), "{out}");
        assert!(out.lines().skip(1).all(|line| line.starts_with(&" ".repeat(NAMES))), "{out}");
        assert_eq!(out.lines().filter(|line| line.len() > COLUMNS).count(), 1, "{out}");
    }

    #[test]
    fn modes_look_as_ls_shows_them() {
        let mut file = FileEntry::new("a".into(), FileKind::File);
        file.mode = Some(0o4755);
        assert_eq!(mode(&file), "-rwsr-xr-x");
        file.mode = Some(0o1666);
        assert_eq!(mode(&file), "-rw-rw-rwT");
    }
}
