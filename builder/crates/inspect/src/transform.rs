//! A transform (MST) as a report: whom it is for, what it sets and adds; and against the package that it is for.

use super::limits;
use super::msi::transform::{Change, ChangeKind, Transform};
use super::msi::{Database, Summary, Value};
use super::openpgp::UNREADABLE;
use super::report::{is_secret, Claims, FileFacts, Format, Report, Signature, MASK};
use trust::cms;

/// A custom action's type without its options, and the type that sets a property.
const KIND: i32 = 0x3F;
const SET_PROPERTY: i32 = 51;

/// Makes the report.
pub fn report(transform: &Transform, file: FileFacts) -> Report {
    let mut report = Report::new(Format::Mst, file);
    for damage in &transform.damage {
        report.damaged(damage.part.clone(), damage.what.clone());
    }
    for table in &transform.unread {
        let what = "only the package that it is for tells its columns: name that with --base";
        report.damaged_by(format!("table {table}"), &base::Error::new(what).unsupported());
    }
    identity(&transform.summary, &mut report);
    for change in &transform.changes {
        *report.tables.entry(change.table.clone()).or_default() += 1;
        describe(change, &mut report);
    }
    if let Some(bytes) = &transform.signature {
        let place = "stream DigitalSignature".to_owned();
        let kind = if cms::is_signed_data(bytes) { "Authenticode" } else { UNREADABLE };
        report.signatures.push(Signature { kind: kind.into(), algorithm: None, key: None, place, bytes: bytes.clone() });
    }
    report
}

fn identity(summary: &Summary, report: &mut Report) {
    let cut = |text: &Option<String>| text.as_deref().unwrap_or_default().chars().take(limits::TEXT / 4).collect::<String>();
    let about = About::of(summary);
    let identity = &mut report.identity;
    identity.name = cut(&summary.subject);
    identity.publisher = cut(&summary.author);
    identity.product_code = about.product.to_owned();
    identity.version = about.version.to_owned();
    identity.upgrade_code = about.family.to_owned();
    identity.architecture = summary.template.as_deref().unwrap_or_default().split(';').next().unwrap_or_default().to_owned();
    report.made_by = summary.application.clone().filter(|name| !name.is_empty());
    let (validation, borne) = halves(summary);
    for name in names(validation, &COMPARED) {
        report.relate("needs of base", name);
    }
    for name in names(borne, &BORNE) {
        report.relate("accepts", name);
    }
    if validation == 0 {
        report.notes.push("Windows applies it to any package: it has nothing compared".to_owned());
    }
    let (before, after) = (summary.template.as_deref(), summary.new_template.as_deref());
    if let (Some(before), Some(after)) = (before, after.filter(|after| before != Some(after))) {
        report.notes.push(format!("it makes {after} of {before}"));
    }
}

/// Validation and error conditions.
fn halves(summary: &Summary) -> (u32, u32) {
    let number = summary.characters.unwrap_or(0) as u32;
    (number >> 16, number & 0xFFFF)
}

/// MSITRANSFORM_VALIDATE_*.
const COMPARED: [(u32, &str); 11] = [
    (0x1, "language"),
    (0x2, "product code"),
    (0x4, "platform"),
    (0x8, "major version"),
    (0x10, "minor version"),
    (0x20, "update version"),
    (0x40, "version below the base's"),
    (0x80, "version not above the base's"),
    (0x100, "version"),
    (0x200, "version not below the base's"),
    (0x400, "version above the base's"),
];
const BY_FAMILY: (u32, &str) = (0x800, "upgrade code");
/// MSITRANSFORM_ERROR_*.
const BORNE: [(u32, &str); 6] = [
    (0x1, "a row to add that is there"),
    (0x2, "a row to drop that is missing"),
    (0x4, "a table to add that is there"),
    (0x8, "a table to drop that is missing"),
    (0x10, "a row to change that is missing"),
    (0x20, "another code page"),
];

fn names<'a>(bits: u32, known: &[(u32, &'a str)]) -> Vec<&'a str> {
    known.iter().chain([&BY_FAMILY]).filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect()
}

/// Whether Windows compares anything before it applies the transform.
pub fn compares(summary: &Summary) -> bool {
    halves(summary).0 != 0
}

/// What a transform says of the package that it is for: `{ProductCode}version;{ProductCode}version;{UpgradeCode}`.
struct About<'a> {
    product: &'a str,
    version: &'a str,
    family: &'a str,
}

impl<'a> About<'a> {
    fn of(summary: &'a Summary) -> Self {
        let mut parts = summary.revision.as_deref().unwrap_or_default().split(';');
        let base = parts.next().unwrap_or_default();
        // The code has no character of more than one byte, where it is one.
        let (product, version) = base.split_at_checked(38).unwrap_or((base, ""));
        About { product, version, family: parts.nth(1).unwrap_or_default() }
    }
}

/// What a change sets: a property's name and value, or the default of a setting.
pub fn setting(change: &Change) -> Option<(&str, &str)> {
    let key = match change.key.as_slice() {
        [Value::Text(key)] => key.as_ref(),
        _ => return None,
    };
    match (change.table.as_str(), change.kind) {
        ("Property", ChangeKind::Insert | ChangeKind::Update) => Some((key, change.text("Value").unwrap_or_default())),
        ("CustomAction", ChangeKind::Update) => Some((key.strip_prefix("Default.")?, change.text("Target").unwrap_or_default())),
        ("CustomAction", ChangeKind::Insert) if change.number("Type").is_some_and(|kind| kind & KIND == SET_PROPERTY) => {
            Some((change.text("Source")?, change.text("Target").unwrap_or_default()))
        }
        _ => None,
    }
}

fn describe(change: &Change, report: &mut Report) {
    let cut = |text: &str| text.chars().take(limits::TEXT / 4).collect::<String>();
    if let Some((name, value)) = setting(change) {
        report.set(cut(name), cut(value));
        return;
    }
    let sign = match change.kind {
        ChangeKind::Insert => "adds",
        ChangeKind::Update => "changes",
        ChangeKind::Delete => "drops",
    };
    let shown = |(column, value): &(String, Value)| {
        format!("{column} = {}", if is_secret(&change.name()) { MASK.to_owned() } else { value.to_string() })
    };
    let values: Vec<String> = change.values.iter().filter(|(_, value)| *value != Value::Null).map(shown).collect();
    let what = format!("{}[{}] {}", change.table, change.name(), values.join(", "));
    report.relate(sign, cut(what.trim_end()));
}

/// Compares a transform with the package that it is for.
pub fn against(transform: &Transform, base: &Database, summary: &Summary, claims: &mut Claims) {
    let about = About::of(&transform.summary);
    let upper = |text: &str| text.to_ascii_uppercase();
    let property = |name: &str| base.property(name).unwrap_or_default();
    if halves(&transform.summary).0 & BY_FAMILY.0 != 0 {
        claims.part("the package", "upgrade code", upper(about.family), upper(property("UpgradeCode")));
    }
    if halves(&transform.summary).0 & 0x2 != 0 {
        claims.part("the package", "product code", upper(about.product), upper(property("ProductCode")));
    }
    let template = |summary: &Summary| summary.template.clone().unwrap_or_default();
    claims.part("the package", "template", template(&transform.summary), template(summary));
    let mut changed = base.clone();
    let problems = transform.apply(&mut changed);
    let count = transform.changes.len() - problems.len();
    for problem in problems {
        claims.part(&problem, "row", "as the transform expects", "not so");
    }
    *claims.held.entry("rows changed in the package".to_owned()).or_default() += count as u64;
}
