//! The relational database of an MSI, in memory: rows as they are stored, checked against the schema when they are added.

use super::code_page::CodePage;
use super::strings::Strings;
use crate::error::{Error, Result};
use msi_schema::{self as schema, Column, ColumnKind, Table};
use std::collections::{BTreeMap, HashSet};

/// One value of a row. An empty text is null, as in every MSI.
pub enum Cell {
    /// Nothing.
    Null,
    /// A text.
    Text(String),
    /// A number.
    Number(i32),
    /// That there is a stream named after table and key.
    Stream,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::Text(text)
    }
}

impl From<i32> for Cell {
    fn from(number: i32) -> Self {
        Cell::Number(number)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Null, Into::into)
    }
}

/// A row from values of any kind that is a [`Cell`]; `None::<i32>` is null, and so is `()`.
macro_rules! row {
    ($($value:expr),* $(,)?) => { [$($crate::format::msi::database::Cell::from($value)),*] };
}
pub(super) use row;

impl From<()> for Cell {
    fn from((): ()) -> Self {
        Cell::Null
    }
}

/// All tables and strings of one package.
pub struct Database {
    schema: BTreeMap<&'static str, Table>,
    strings: Strings,
    /// Rows one after another, each value as it is stored: a string's number or an offset number, 0 is null.
    rows: BTreeMap<&'static str, Vec<u32>>,
}

impl Database {
    /// A database without tables, in a code page.
    pub fn new(page: CodePage) -> Result<Self> {
        Ok(Database { schema: schema::tables()?, strings: Strings::new(page), rows: BTreeMap::new() })
    }

    /// Makes sure that a table exists, though it may have no rows.
    pub fn create(&mut self, table: &str) -> Result<()> {
        let name = self.table(table)?.name;
        self.rows.entry(name).or_default();
        Ok(())
    }

    /// Adds a row.
    ///
    /// # Errors
    /// A value that its column cannot hold.
    pub fn add<const N: usize>(&mut self, table: &str, row: [Cell; N]) -> Result<()> {
        let definition = self.schema.get(table).ok_or_else(|| unknown(table))?;
        if definition.columns.len() != N {
            return Err(Error::new(format!("a row of {table} has {N} values instead of {}", definition.columns.len())));
        }
        let stored = self.rows.entry(definition.name).or_default();
        for (column, cell) in definition.columns.iter().zip(row) {
            let value = store(&mut self.strings, column, cell)
                .map_err(|error| error.note(format!("it is the value of {table}.{}", column.name)))?;
            stored.push(value);
        }
        Ok(())
    }

    /// The tables that exist, by name, with their rows.
    pub fn tables(&self) -> impl Iterator<Item = (&Table, std::slice::ChunksExact<'_, u32>)> {
        self.rows.iter().map(|(name, rows)| {
            let table = &self.schema[name];
            (table, rows.chunks_exact(table.columns.len()))
        })
    }

    fn table(&self, name: &str) -> Result<&Table> {
        self.schema.get(name).ok_or_else(|| unknown(name))
    }

    /// Fills _Validation for every table that exists, and checks keys and references.
    ///
    /// # Errors
    /// Two rows with one key, or a reference to what does not exist.
    pub fn complete(&mut self) -> Result<()> {
        self.create("_Validation")?;
        let tables: Vec<&'static str> = self.rows.keys().copied().collect();
        for name in tables {
            for index in 0..self.table(name)?.columns.len() {
                let row = validation(&self.schema[name], index);
                self.add("_Validation", row)?;
            }
        }
        self.unique_keys()?;
        self.references()
    }

    fn unique_keys(&self) -> Result<()> {
        for (table, rows) in self.tables() {
            let mut seen = HashSet::new();
            for row in rows {
                if !seen.insert(&row[..table.keys()]) {
                    return Err(Error::new(format!("two rows of {} have the key {}", table.name, self.shown(table, row))));
                }
            }
        }
        Ok(())
    }

    fn references(&self) -> Result<()> {
        for (table, rows) in self.tables() {
            for (index, column) in table.columns.iter().enumerate() {
                let Some((targets, number)) = column.refers_to else { continue };
                // File.Version may also name a companion file; ours are version numbers.
                if column.category == Some("Version") {
                    continue;
                }
                let mut known = HashSet::new();
                for target in targets.split(';').filter_map(|name| self.rows.get_key_value(name)) {
                    let width = self.schema[target.0].columns.len();
                    known.extend(target.1.chunks_exact(width).map(|row| row[number as usize - 1]));
                }
                let lost = |row: &&[u32]| row[index] != 0 && !known.contains(&row[index]);
                if let Some(row) = rows.clone().find(lost) {
                    let (key, value) = (self.shown(table, row), self.strings.text(row[index]));
                    let (table, column) = (table.name, column.name);
                    return Err(Error::new(format!("{table} {key}: {column} names {value:?}, which is not in {targets}")));
                }
            }
        }
        Ok(())
    }

    fn shown(&self, table: &Table, row: &[u32]) -> String {
        let keys = table.columns.iter().zip(row).filter(|(column, _)| column.key);
        let shown = keys.map(|(column, &value)| match column.kind {
            ColumnKind::Text { .. } => format!("{:?}", self.strings.text(value)),
            ColumnKind::Short => (i64::from(value) - 0x8000).to_string(),
            _ => ((value ^ 0x8000_0000) as i32).to_string(),
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// The streams of the database: the name and the bytes of each table, of _Tables, _Columns and the string pool.
    pub fn streams(mut self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        let mut catalogue: Vec<u32> = Vec::new();
        let mut columns: Vec<[u32; 4]> = Vec::new();
        for name in self.rows.keys() {
            let table = self.strings.number(name)?;
            catalogue.push(table);
            for (index, column) in self.schema[name].columns.iter().enumerate() {
                self.strings.number(name)?;
                let name = self.strings.number(column.name)?;
                columns.push([table, index as u32 + 1 + 0x8000, name, u32::from(column.bits()) + 0x8000]);
            }
        }
        catalogue.sort_unstable();
        columns.sort_unstable();
        let width = self.strings.width();
        let mut streams = Vec::new();
        for (name, rows) in std::mem::take(&mut self.rows) {
            let table = &self.schema[name];
            let widths: Vec<usize> = table.columns.iter().map(|column| stored_width(column.kind, width)).collect();
            let mut rows: Vec<&[u32]> = rows.chunks_exact(widths.len()).collect();
            // Rows are sought by their keys' numbers: unsorted, msiexec refuses the table.
            rows.sort_unstable_by_key(|row| &row[..table.keys()]);
            streams.push((name, column_major(&rows, &widths)));
        }
        let catalogue: Vec<&[u32]> = catalogue.iter().map(std::slice::from_ref).collect();
        let columns: Vec<&[u32]> = columns.iter().map(|row| row.as_slice()).collect();
        streams.push(("_Tables", column_major(&catalogue, &[width])));
        streams.push(("_Columns", column_major(&columns, &[width, 2, width, 2])));
        let (pool, data) = self.strings.into_streams();
        streams.push(("_StringPool", pool));
        streams.push(("_StringData", data));
        Ok(streams)
    }
}

fn unknown(table: &str) -> Error {
    Error::new(format!("the table {table} is not in tables.txt"))
}

/// Bytes of one stored value.
fn stored_width(kind: ColumnKind, reference: usize) -> usize {
    match kind {
        ColumnKind::Text { .. } => reference,
        ColumnKind::Long => 4,
        ColumnKind::Short | ColumnKind::Stream => 2,
    }
}

fn column_major(rows: &[&[u32]], widths: &[usize]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(rows.len() * widths.iter().sum::<usize>());
    for (index, &width) in widths.iter().enumerate() {
        for row in rows {
            bytes.extend_from_slice(&row[index].to_le_bytes()[..width]);
        }
    }
    bytes
}

fn store(strings: &mut Strings, column: &Column, cell: Cell) -> Result<u32> {
    let refuse = |why: String| Err(Error::new(why));
    let value = match (column.kind, cell) {
        (_, Cell::Null) => 0,
        (ColumnKind::Text { len, .. }, Cell::Text(text)) => {
            let count = text.chars().count();
            if len > 0 && count > usize::from(len) {
                return refuse(format!("{text:?} has {count} characters; an MSI allows {len} there"));
            }
            if column.set.is_some_and(|set| !set.split(';').any(|allowed| allowed == text)) {
                return refuse(format!("{text:?} is not one of {}", column.set.unwrap_or_default()));
            }
            strings.number(&text)?
        }
        (ColumnKind::Short | ColumnKind::Long, Cell::Number(number)) => {
            let (least, most) = column.range.unwrap_or(match column.kind {
                ColumnKind::Short => (-32_767, 32_767),
                _ => (-i32::MAX, i32::MAX),
            });
            // A file's hash uses all 32 bits; its one value that reads as null cannot be told apart by any installer.
            if column.range.is_some() && !(least..=most).contains(&number) {
                return refuse(format!("{number} is not between {least} and {most}"));
            }
            if column.set.is_some_and(|set| !set.split(';').any(|allowed| allowed == number.to_string())) {
                return refuse(format!("{number} is not one of {}", column.set.unwrap_or_default()));
            }
            match column.kind {
                ColumnKind::Short => (number + 0x8000) as u32 & 0xFFFF,
                _ => number as u32 ^ 0x8000_0000,
            }
        }
        (ColumnKind::Stream, Cell::Stream) => 1,
        _ => return refuse("a value is of the wrong kind".to_owned()),
    };
    let hash = column.name.starts_with("HashPart");
    if value == 0 && !column.nullable && !hash {
        return refuse(format!("{} must not be empty", column.name));
    }
    Ok(value)
}

fn validation(table: &Table, index: usize) -> [Cell; 10] {
    let column = &table.columns[index];
    row![
        table.name,
        column.name,
        if column.nullable { "Y" } else { "N" },
        column.range.map(|(least, _)| least),
        column.range.map(|(_, most)| most),
        column.refers_to.map(|(table, _)| table),
        column.refers_to.map(|(_, number)| number),
        column.category,
        column.set,
        column.description
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_to_nothing_is_refused_with_its_place() {
        let mut database = Database::new(CodePage::WESTERN).unwrap();
        database.add("CreateFolder", row!["NOWHERE", "c"]).unwrap();
        let error = database.complete().unwrap_err();
        assert!(error.what().contains("CreateFolder") && error.what().contains("NOWHERE"), "{error}");
    }

    #[test]
    fn two_rows_with_one_key_are_refused() {
        let mut database = Database::new(CodePage::WESTERN).unwrap();
        database.add("Property", row!["A", "1"]).unwrap();
        database.add("Property", row!["A", "2"]).unwrap();
        assert!(database.complete().unwrap_err().what().contains("\"A\""));
    }

    #[test]
    fn values_that_a_column_cannot_hold_are_refused() {
        let mut database = Database::new(CodePage::WESTERN).unwrap();
        assert!(database.add("Property", row!["A".repeat(73), "1"]).is_err());
        assert!(database.add("Property", row!["A", ""]).is_err());
        assert!(database.add("Property", row!["A", 1]).is_err());
        assert!(database.add("Media", row![0, 1, (), (), (), ()]).is_err());
        assert!(database.add("RemoveFile", row!["a", "b", (), "c", 4]).is_err());
    }

    #[test]
    fn numbers_are_stored_with_their_offset() {
        let mut database = Database::new(CodePage::WESTERN).unwrap();
        database.add("Media", row![1, 70_000, (), "#a", (), ()]).unwrap();
        database.complete().unwrap();
        let streams = database.streams().unwrap();
        let media = &streams.iter().find(|(name, _)| *name == "Media").unwrap().1;
        assert_eq!(media[..6], [1, 0x80, 0x70, 0x11, 1, 0x80]);
    }
}
