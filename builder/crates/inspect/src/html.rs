//! A report as one page: no network, no external part, and nothing of the package but escaped text.

use super::diff::Diff;
use super::lint::{Finding, Severity};
use super::report::{FileEntry, FileKind, Report};
use super::text::{mode, plain_lines};
use super::tree::{bytes, separator, Node};
use super::treemap;
use super::verify::Conclusion;
use base::error::{Error, Result};
use minijinja::{context, escape_formatter, Environment, Value};
use serde::Serialize;
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("../../../../templates/inspect/page.html");
const DIFF: &str = include_str!("../../../../templates/inspect/diff.html");
const STYLE: &str = include_str!("../../../../templates/inspect/page.css");
const SCRIPT: &str = include_str!("../../../../templates/inspect/page.js");
/// Rows of the page's list: browsers get slow beyond.
const ROWS: usize = 20_000;
/// Bytes of all paths in that list.
const PATHS: usize = 4 << 20;
/// Characters of any text but a script's and a description's.
const LONGEST: usize = 2000;
/// Bytes of scripts.
const SCRIPTS: usize = 2 << 20;

/// One row of the list.
#[derive(Serialize)]
struct Row<'a> {
    path: &'a str,
    mode: String,
    owner: String,
    size: String,
    bytes: u64,
    sha256: String,
    target: Option<&'a str>,
    marks: String,
}

impl<'a> Row<'a> {
    fn of(file: &'a FileEntry) -> Self {
        let marks = [(file.config, "config"), (file.ghost, "ghost")];
        Row {
            path: &file.path,
            mode: mode(file),
            owner: format!("{}/{}", file.owner.as_deref().unwrap_or("-"), file.group.as_deref().unwrap_or("-")),
            size: if matches!(file.kind, FileKind::File | FileKind::HardLink) { bytes(file.size) } else { String::new() },
            bytes: file.size,
            sha256: file.sha256.map(hex::encode).unwrap_or_default(),
            target: file.target.as_deref(),
            marks: marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark).collect::<Vec<_>>().join(" "),
        }
    }
}

/// A script as the page shows it.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    interpreter: Option<&'a str>,
    text: &'a str,
}

/// Findings of one rule with one remedy, as the page shows them.
#[derive(Serialize)]
struct Group<'a> {
    severity: &'static str,
    /// The class of its colour.
    tone: &'static str,
    rule: &'a str,
    help: &'a str,
    /// Where, and what.
    found: Vec<(String, &'a str)>,
}

/// The findings by their rules, errors first, each rule where its first finding stands.
fn groups(findings: &[Finding]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();
    for severity in [Severity::Error, Severity::Warning] {
        for one in findings.iter().filter(|finding| finding.severity == severity) {
            let alike = |group: &&mut Group| (group.severity, group.rule, group.help) == (severity.name(), one.rule, one.remedy);
            let found = (one.place.to_string(), one.what.as_str());
            match groups.iter_mut().find(alike) {
                Some(group) => group.found.push(found),
                None => groups.push(Group {
                    severity: severity.name(),
                    tone: if severity == Severity::Error { "bad" } else { "weak" },
                    rule: one.rule,
                    help: one.remedy,
                    found: vec![found],
                }),
            }
        }
    }
    groups
}

/// The page: a report, and what lint found.
///
/// # Errors
/// The template is broken, which is a fault of linkpack.
pub fn page(report: &Report, findings: &[Finding], conclusion: &Conclusion) -> Result<String> {
    let environment = environment(("page.html", PAGE))?;
    let root = Node::of(report);
    let rows = rows(report);
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let differing: Vec<_> = report.claims.listed.iter().filter(|claim| !claim.holds()).take(1000).collect();
    let parts: Vec<_> = report.parts.iter().map(|part| (&part.name, bytes(part.size), part.codec.as_deref())).collect();
    let template = environment.get_template("page.html").map_err(broken)?;
    template
        .render(context! {
            style => Value::from_safe_string(STYLE.to_owned()),
            script => Value::from_safe_string(SCRIPT.to_owned()),
            style_hash => Value::from_safe_string(hash(STYLE)),
            script_hash => Value::from_safe_string(hash(SCRIPT)),
            maps => of(&treemap::maps(&root, separator(report))),
            verdict => of(conclusion),
            findings => of(&groups(findings)),
            errors => count(Severity::Error),
            warnings => count(Severity::Warning),
            modes => report.files.iter().any(|file| file.mode.is_some()),
            format => report.format.name(),
            file => of(&report.file),
            file_size => bytes(report.file.size),
            id => of(&report.identity),
            facts => of(&facts(report)),
            parts => of(&parts),
            services => of(&report.services),
            settings => of(&report.settings),
            relations => of(&report.relations),
            scripts => of(&scripts(report)),
            tables => of(&report.tables),
            signatures => of(&report.signatures),
            held => of(&report.claims.held),
            differing => of(&differing),
            damage => of(&report.damage),
            notes => of(&report.notes),
            rows => of(&rows),
            files => report.files.len(),
            installed => bytes(root.size),
        })
        .map_err(broken)
}

/// The page of what changed between two packages.
///
/// # Errors
/// The template is broken, which is a fault of linkpack.
pub fn diff_page(diff: &Diff) -> Result<String> {
    let environment = environment(("diff.html", DIFF))?;
    let template = environment.get_template("diff.html").map_err(broken)?;
    let rendered = template.render(context! {
        style => Value::from_safe_string(STYLE.to_owned()),
        style_hash => Value::from_safe_string(hash(STYLE)),
        diff => of(diff),
        verdict => diff.verdict(),
    });
    rendered.map_err(broken)
}

fn broken(error: minijinja::Error) -> Error {
    Error::new(format!("the page's template is broken: {error:#}; please report this"))
}

fn environment((name, template): (&'static str, &'static str)) -> Result<Environment<'static>> {
    let mut environment = Environment::new();
    // Whatever is not marked as safe is a text of the package: nothing that steers, and escaped by the template's name.
    environment.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => escape_formatter(out, state, &Value::from(plain_lines(text))),
        _ => escape_formatter(out, state, value),
    });
    environment.add_filter("cut", cut);
    environment.add_template(name, template).map_err(broken)?;
    Ok(environment)
}

/// The first files, as many as a browser bears.
fn rows(report: &Report) -> Vec<Row<'_>> {
    let mut left = PATHS;
    let fits = |file: &&FileEntry| {
        let len = file.path.len() + file.target.as_ref().map_or(0, String::len);
        let fits = len <= left;
        left = left.saturating_sub(len);
        fits
    };
    report.files.iter().take(ROWS).take_while(fits).map(Row::of).collect()
}

/// The scripts, cut where all of them together are longer than a page should be.
fn scripts(report: &Report) -> Vec<Shown<'_>> {
    let mut left = SCRIPTS;
    let mut shown = Vec::new();
    for script in &report.scripts {
        let text = start(&script.text, left);
        left -= text.len();
        shown.push(Shown { name: &script.name, interpreter: script.interpreter.as_deref(), text });
    }
    shown
}

/// A text's first bytes, in whole characters.
fn start(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or_default()]
}

/// A text that is no longer than one should be.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}\u{2026}", &text[..at]),
        None => text.to_owned(),
    }
}

fn of(value: &impl Serialize) -> Value {
    Value::from(minijinja::value::Serde(value))
}

/// Name and value of what an identity may have.
fn facts(report: &Report) -> Vec<(&str, &str)> {
    let id = &report.identity;
    let facts = [
        ("architecture", id.architecture.as_str()),
        ("publisher", &id.publisher),
        ("contact", &id.contact),
        ("license", &id.license),
        ("homepage", &id.homepage),
        ("section", &id.section),
        ("product code", &id.product_code),
        ("upgrade code", &id.upgrade_code),
        ("package code", &id.package_code),
        ("made by", report.made_by.as_deref().unwrap_or_default()),
        ("install root", report.root.as_deref().unwrap_or_default()),
    ];
    facts.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// A source of the page's policy: `sha256-` and base64.
fn hash(text: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(text)))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let value = group.iter().fold(0_u32, |value, &byte| value << 8 | u32::from(byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = LETTERS[(value >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{FileFacts, FileKind, Format};

    #[test]
    fn base64_pads() {
        assert_eq!([&b"f"[..], b"fo", b"foo", b"foob"].map(base64), ["Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }

    #[test]
    fn nothing_of_a_hostile_package_becomes_markup() {
        let evil = "<img src=x onerror=alert(1)>'\"&\u{202e}\u{1b}[2J</script></style>";
        let file = FileFacts { name: evil.into(), size: 1, sha256: evil.into() };
        let mut report = Report::new(Format::Deb, file);
        report.identity.name = evil.into();
        report.identity.homepage = "javascript:alert(1)".into();
        report.made_by = Some(evil.into());
        report.script(evil, Some(evil.into()), evil.as_bytes());
        report.set(evil, evil);
        report.relate(evil, evil);
        report.notes.push(evil.into());
        report.damaged(evil, evil);
        let mut entry = FileEntry::new(format!("/{evil}"), FileKind::File);
        (entry.size, entry.target) = (9, Some(evil.into()));
        report.files.push(entry);
        let finding = Finding {
            rule: "rule",
            severity: Severity::Error,
            place: crate::lint::Place { table: evil.into(), row: Some(evil.into()), column: None },
            what: evil.into(),
            remedy: "help",
        };
        let page = page(&report, &[finding], &Conclusion::of_headers()).unwrap();
        assert!(!page.contains("<img") && !page.contains('\u{202e}') && !page.contains('\u{1b}'));
        for link in page.split("href=").skip(1) {
            assert!(link.starts_with("\"#map-"), "a link of the package would lead out of the page: {}", &link[..40]);
        }
        assert_eq!(page.matches("<script").count(), 1);
        assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
    }

    #[test]
    fn findings_of_one_rule_stand_together_and_errors_first() {
        let finding = |rule, severity, what: &str| Finding {
            rule,
            severity,
            place: crate::lint::Place { table: what.into(), row: None, column: None },
            what: what.into(),
            remedy: "help",
        };
        let all = [
            finding("place", Severity::Warning, "a"),
            finding("owner", Severity::Error, "b"),
            finding("place", Severity::Warning, "c"),
            finding("place", Severity::Error, "d"),
        ];
        let groups = groups(&all);
        let told: Vec<_> = groups.iter().map(|group| (group.tone, group.rule, group.found.len())).collect();
        assert_eq!(told, [("bad", "owner", 1), ("bad", "place", 1), ("weak", "place", 2)]);
    }

    #[test]
    fn the_page_of_a_hundred_thousand_files_with_long_names_and_scripts_is_bounded() {
        let mut report = Report::new(Format::Deb, FileFacts { name: "a".into(), size: 1, sha256: String::new() });
        for at in 0..100_000_u64 {
            let mut entry = FileEntry::new(format!("/{}/{at}/{}", at % 7, "\"&".repeat(50)), FileKind::File);
            (entry.size, entry.mode, entry.sha256) = (at + 1, Some(0o644), Some([7; 32]));
            report.files.push(entry);
        }
        for _ in 0..20 {
            report.script("postinst", None, &b"&".repeat(1 << 20));
            report.relate("depends", "&".repeat(60_000));
        }
        let page = page(&report, &[], &Conclusion::of_headers()).unwrap();
        assert!(page.len() < 40 << 20, "{}", page.len());
        assert!(page.contains("linkpack inspect --files has all"));
    }
}
