//! The tables of Windows Installer: their columns and what may stand in them: one text is the source of _Columns, of _Validation and of our own checks.

#![warn(clippy::print_stdout, clippy::print_stderr)]

use base::error::{Error, Result};
use encoding_rs::Encoding;
use std::collections::BTreeMap;

/// The stream of a package's Authenticode signature.
pub const SIGNATURE: &str = "\u{5}DigitalSignature";
/// The stream with the digest of names, sizes and times, which signtool adds.
pub const EXTENDED_SIGNATURE: &str = "\u{5}MsiDigitalSignatureEx";
/// The streams of a signature, which is no part of what it covers.
pub const SIGNATURE_STREAMS: &[&str] = &[SIGNATURE, EXTENDED_SIGNATURE];

/// A table's columns, keys first.
#[derive(Debug)]
pub struct Table {
    /// The table's name.
    pub name: &'static str,
    /// Its columns in order.
    pub columns: Vec<Column>,
}

/// One column of a table.
#[derive(Debug)]
pub struct Column {
    /// The column's name.
    pub name: &'static str,
    /// Part of the primary key.
    pub key: bool,
    /// May be null.
    pub nullable: bool,
    /// What it holds.
    pub kind: ColumnKind,
    /// The category in _Validation; `None` for numbers and sets.
    pub category: Option<&'static str>,
    /// Least and largest number.
    pub range: Option<(i32, i32)>,
    /// The tables (separated by `;`) and the column whose values are referred to.
    pub refers_to: Option<(&'static str, i32)>,
    /// The values allowed, separated by `;`.
    pub set: Option<&'static str>,
    /// What it is.
    pub description: &'static str,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text of so many characters at most; 0 is unlimited. Localizable text is marked so in the type.
    Text {
        /// The most characters; 0 for any number.
        len: u16,
        /// Whether it is translated.
        localizable: bool,
    },
    /// A 16-bit number.
    Short,
    /// A 32-bit number.
    Long,
    /// A stream named after table and key.
    Stream,
}

impl Table {
    /// How many columns the primary key has.
    pub fn keys(&self) -> usize {
        self.columns.iter().filter(|column| column.key).count()
    }
}

impl Column {
    /// The type's bits as _Columns stores them.
    pub fn bits(&self) -> u16 {
        const VALID: u16 = 0x100;
        let kind = match self.kind {
            ColumnKind::Text { len, localizable } => 0x0C00 | (u16::from(localizable) << 9) | len,
            ColumnKind::Short => 0x0400 | 2,
            ColumnKind::Long => 4,
            ColumnKind::Stream => 0x0800,
        };
        VALID | kind | u16::from(self.nullable) << 12 | u16::from(self.key) << 13
    }
}

/// All tables that linkpack knows, by name.
///
/// # Errors
/// The text is not well formed, which a test rules out.
pub fn tables() -> Result<BTreeMap<&'static str, Table>> {
    let mut tables = BTreeMap::new();
    let mut current: Option<Table> = None;
    for line in include_str!("tables.txt").lines().filter(|line| !line.starts_with('#')) {
        match (line.strip_prefix("  "), &mut current) {
            (Some(text), Some(table)) => {
                let column = column(text).ok_or_else(|| Error::new(format!("tables.txt: cannot read {line:?}")))?;
                table.columns.push(column);
            }
            _ => {
                let next = Table { name: line, columns: Vec::new() };
                if let Some(done) = current.replace(next) {
                    tables.insert(done.name, done);
                }
            }
        }
    }
    if let Some(done) = current {
        tables.insert(done.name, done);
    }
    Ok(tables)
}

fn column(text: &'static str) -> Option<Column> {
    let (facts, description) = text.split_once(" | ")?;
    let mut words = facts.split_whitespace();
    let name = words.next()?;
    let (kind, nullable) = kind(words.next()?)?;
    let category = words.next().filter(|&word| word != "-");
    let mut column = Column {
        name: name.trim_end_matches('*'),
        key: name.ends_with('*'),
        nullable,
        kind,
        category,
        range: None,
        refers_to: None,
        set: None,
        description,
    };
    for word in words {
        if let Some(target) = word.strip_prefix("->") {
            let (table, number) = target.split_once(':')?;
            column.refers_to = Some((table, number.parse().ok()?));
        } else if let Some(set) = word.strip_prefix('{') {
            column.set = Some(set.strip_suffix('}')?);
        } else {
            let (least, most) = word.split_once("..")?;
            column.range = Some((least.parse().ok()?, most.parse().ok()?));
        }
    }
    Some(column)
}

fn kind(word: &str) -> Option<(ColumnKind, bool)> {
    let letter = word.chars().next()?;
    let len: u16 = word[1..].parse().ok()?;
    let kind = match (letter.to_ascii_lowercase(), len) {
        ('s', len) => ColumnKind::Text { len, localizable: false },
        ('l', len) => ColumnKind::Text { len, localizable: true },
        ('i', 2) => ColumnKind::Short,
        ('i', 4) => ColumnKind::Long,
        ('v', 0) => ColumnKind::Stream,
        _ => return None,
    };
    Some((kind, letter.is_ascii_uppercase()))
}

/// The encoding of a Windows code page; Latin where it is neutral (0, ASCII only) or unknown.
pub fn encoding(code_page: u16) -> &'static Encoding {
    match code_page {
        65001 => encoding_rs::UTF_8,
        932 => encoding_rs::SHIFT_JIS,
        936 => encoding_rs::GBK,
        949 => encoding_rs::EUC_KR,
        950 => encoding_rs::BIG5,
        874 => encoding_rs::WINDOWS_874,
        1250 => encoding_rs::WINDOWS_1250,
        1251 => encoding_rs::WINDOWS_1251,
        1253 => encoding_rs::WINDOWS_1253,
        1254 => encoding_rs::WINDOWS_1254,
        1255 => encoding_rs::WINDOWS_1255,
        1256 => encoding_rs::WINDOWS_1256,
        1257 => encoding_rs::WINDOWS_1257,
        1258 => encoding_rs::WINDOWS_1258,
        _ => encoding_rs::WINDOWS_1252,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_well_formed() {
        let tables = tables().unwrap();
        assert!(tables.len() > 35, "{}", tables.len());
        for table in tables.values() {
            assert!(table.keys() > 0, "{}", table.name);
            assert!(table.columns.iter().take(table.keys()).all(|column| column.key), "{}: keys come first", table.name);
            assert!(table.name.len() <= 31);
        }
    }

    #[test]
    fn types_are_those_of_windows_installer() {
        let tables = tables().unwrap();
        let bits = |table: &str, index: usize| tables[table].columns[index].bits();
        assert_eq!(bits("Property", 0), 0x2D48);
        assert_eq!(bits("Property", 1), 0x0F00);
        assert_eq!(bits("File", 7), 0x0104);
        assert_eq!(bits("Feature", 4), 0x1502);
        assert_eq!(bits("Binary", 1), 0x0900);
    }
}
