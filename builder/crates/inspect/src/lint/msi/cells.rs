//! Every cell against its column and _Validation (ICE03, 06), and every key it refers to.

use super::super::{Findings, Place};
use super::category;
use crate::msi::{Column, Kind, Msi, Row, Table, Value};
use std::collections::{HashMap, HashSet};

/// A row of _Validation.
struct Rule<'a> {
    nullable: bool,
    least: Option<i32>,
    most: Option<i32>,
    key_tables: Vec<&'a str>,
    key_column: usize,
    category: Option<&'a str>,
    set: Option<Set<'a>>,
}

/// The values that a column may have.
struct Set<'a> {
    text: &'a str,
    values: HashSet<&'a str>,
}

/// Tables that one column may refer to; more is never needed, and it bounds the work.
const MOST_TARGETS: usize = 16;

/// What the keys of other tables are, by table and column: looked up once.
type Known<'a> = HashMap<(&'a str, usize), HashSet<&'a Value>>;

pub(super) fn check(msi: &Msi, findings: &mut Findings) {
    let rules = rules(msi);
    if rules.is_empty() {
        let remedy = "keep the _Validation table: without it, no tool can check the others";
        findings.warning("validation-missing", Place::part("_Validation"), "the table is missing or empty".to_owned(), remedy);
    }
    let mut described: Vec<_> = rules.keys().copied().collect();
    described.sort_unstable();
    for (table, column) in described {
        let Some(there) = msi.database.tables.get(table) else { continue };
        if !there.columns.iter().any(|one| one.name == column) {
            let place = Place { column: Some(column.to_owned()), ..Place::part(table) };
            let remedy = "add the column, or drop its row of _Validation";
            findings.error(
                "column-missing",
                place,
                "_Validation describes it, and the table does not have it".to_owned(),
                remedy,
            );
        }
    }
    let mut known = Known::new();
    for (name, table) in &msi.database.tables {
        unique_keys(name, table, findings);
        for (index, column) in table.columns.iter().enumerate() {
            let rule = rules.get(&(name.as_str(), column.name.as_str()));
            if rule.is_none() && !rules.is_empty() {
                let place = Place { column: Some(column.name.clone()), ..Place::part(name) };
                let remedy = "describe the column in _Validation";
                findings.warning("validation-missing", place, "_Validation has no row for the column".to_owned(), remedy);
            }
            for row in table.rows() {
                cell(name, column, &row, &row.values()[index], rule, findings);
            }
            if let Some(rule) = rule.filter(|rule| !rule.key_tables.is_empty()) {
                references(msi, (name, table, index), rule, &mut known, findings);
            }
        }
    }
}

fn rules(msi: &Msi) -> HashMap<(&str, &str), Rule<'_>> {
    msi.database
        .rows("_Validation")
        .filter_map(|row| {
            let rule = Rule {
                nullable: row.text("Nullable") == Some("Y"),
                least: row.number("MinValue"),
                most: row.number("MaxValue"),
                key_tables: row.text("KeyTable").into_iter().flat_map(|list| list.split(';')).take(MOST_TARGETS).collect(),
                key_column: row.number("KeyColumn").and_then(|number| usize::try_from(number).ok()).unwrap_or(1),
                category: row.text("Category"),
                set: row.text("Set").map(|text| Set { text, values: text.split(';').collect() }),
            };
            Some(((row.text("Table")?, row.text("Column")?), rule))
        })
        .collect()
}

fn unique_keys(name: &str, table: &Table, findings: &mut Findings) {
    let keys: Vec<usize> = (0..table.columns.len()).filter(|&index| table.columns[index].key).collect();
    let mut seen = HashSet::new();
    for row in table.rows() {
        let key: Vec<&Value> = keys.iter().map(|&index| &row.values()[index]).collect();
        if !keys.is_empty() && !seen.insert(key) {
            let what = "another row has the same key".to_owned();
            findings.error("duplicate-key", Place::row(name, row.key()), what, "give each row a key of its own");
        }
    }
}

fn cell(table: &str, column: &Column, row: &Row, value: &Value, rule: Option<&Rule>, findings: &mut Findings) {
    let place = || Place::cell(table, row, &column.name);
    match value {
        Value::Null => {
            // A part of a hash may have the very bits that a null number has.
            let hash = table == "MsiFileHash" && column.name.starts_with("HashPart");
            if !hash && !rule.map_or(column.nullable, |rule| rule.nullable && column.nullable) {
                findings.error("cell-null", place(), "it is null".to_owned(), "give it a value");
            }
        }
        Value::Number(number) => {
            let Some(rule) = rule else { return };
            if let (Some(least), Some(most)) = (rule.least.or(rule.most), rule.most.or(rule.least)) {
                if !(least..=most).contains(number) && !in_set(rule, value) {
                    let what = format!("{number} is not between {least} and {most}");
                    findings.error("cell-range", place(), what, "use a number that _Validation allows");
                }
            } else if rule.set.is_some() && !in_set(rule, value) {
                let what = format!("{number} is not one of {}", one_of(rule));
                findings.error("cell-set", place(), what, "use one of the values that _Validation lists");
            }
        }
        Value::Text(text) => self::text(column, text, value, rule, &place, findings),
        Value::Stream => {}
    }
}

fn text(column: &Column, text: &str, value: &Value, rule: Option<&Rule>, place: &dyn Fn() -> Place, findings: &mut Findings) {
    if let Kind::Text { len: most @ 1.. } = column.kind {
        let len = text.encode_utf16().count();
        if len > usize::from(most) {
            let what = format!("it has {len} characters; the column holds {most}");
            // Windows Installer takes it: ICE03 warns of it, too.
            findings.warning("cell-length", place(), what, "shorten the value");
        }
    }
    let Some(rule) = rule else { return };
    if rule.set.is_some() {
        // Formatted text may become one of them.
        let place = place();
        if !in_set(rule, value) && !text.contains('[') && !category::is_documented(&place.table, &column.name, text) {
            let what = format!("{text:?} is not one of {}", one_of(rule));
            findings.error("cell-set", place, what, "use one of the values that _Validation lists");
        }
        return;
    }
    // A file's version may also be a companion's key. An upgrade's property has a rule of its own.
    let place = place();
    let elsewhere = place.table == "Upgrade" && column.name == "ActionProperty";
    // Several tables are written as a list here, and only here.
    if place.table == "_Validation" && column.name == "KeyTable" {
        return;
    }
    let key = !rule.key_tables.is_empty() && rule.category == Some("Version") && category::is_identifier(text);
    let Some(category) = rule.category.filter(|_| !key && !elsewhere) else { return };
    let Some(why) = category::offence(category, text) else { return };
    match category {
        "Condition" => findings.error("condition-syntax", place, format!("{text:?}: {why}"), "correct the condition"),
        _ => findings.error("cell-category", place, format!("{text:?}: {why}"), "use a value of the column's category"),
    }
}

fn in_set(rule: &Rule, value: &Value) -> bool {
    rule.set.as_ref().is_some_and(|set| match value {
        Value::Text(text) => set.values.contains(&**text),
        other => set.values.contains(other.to_string().as_str()),
    })
}

/// What a value should have been; long lists are cut.
fn one_of(rule: &Rule) -> String {
    const SHOWN: usize = 100;
    rule.set.as_ref().map_or_else(String::new, |set| set.text.chars().take(SHOWN).collect())
}

fn references<'a>(
    msi: &'a Msi,
    (name, table, index): (&str, &Table, usize),
    rule: &Rule<'a>,
    known: &mut Known<'a>,
    findings: &mut Findings,
) {
    let column = rule.key_column.saturating_sub(1);
    for &target in &rule.key_tables {
        known.entry((target, column)).or_insert_with(|| {
            let rows = msi.database.rows(target);
            rows.filter_map(|row| row.values().get(column)).collect()
        });
    }
    for row in table.rows() {
        let value = &row.values()[index];
        let free = match value {
            Value::Text(text) => {
                // Formatted text instead of a feature; a version instead of a companion.
                (rule.category == Some("Shortcut") && text.contains('['))
                    || (rule.category == Some("Version") && !category::is_identifier(text))
            }
            _ => *value == Value::Null,
        };
        let found = rule.key_tables.iter().any(|target| known[&(*target, column)].contains(value));
        if !free && !found && !in_set(rule, value) {
            let place = Place::cell(name, &row, &table.columns[index].name);
            let what = format!("{value} is not in {}", rule.key_tables.join(" or "));
            findings.error("foreign-key", place, what, "add the row that is referred to, or correct the reference");
        }
    }
}
