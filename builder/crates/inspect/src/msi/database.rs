//! The neutral model of an MSI's database: tables, columns with their types, rows.

use std::collections::BTreeMap;
use std::sync::Arc;

/// All tables by name.
#[derive(Debug, Clone, Default)]
pub struct Database {
    /// The code page of all texts; 0 where it is neutral.
    pub code_page: u16,
    /// The tables.
    pub tables: BTreeMap<String, Table>,
}

/// One table.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// Its rows, each with as many values as there are columns.
    pub rows: Vec<Vec<Value>>,
}

/// One column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Part of the primary key.
    pub key: bool,
    /// May be null.
    pub nullable: bool,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text of so many characters; 0 is unlimited.
    Text {
        /// The most characters.
        len: u16,
    },
    /// A 16-bit number.
    Short,
    /// A 32-bit number.
    Long,
    /// A stream named after table and key.
    Stream,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// Nothing, which is also the empty text.
    Null,
    /// A number.
    Number(i32),
    /// A text.
    Text(Arc<str>),
    /// There is a stream.
    Stream,
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Number(number) => number.fmt(f),
            Value::Text(text) => f.write_str(text),
            Value::Stream => f.write_str("a stream"),
        }
    }
}

/// A row with its table.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    table: &'a Table,
    values: &'a [Value],
}

impl Database {
    /// The rows of a table; none where there is no such table.
    pub fn rows(&self, table: &str) -> impl Iterator<Item = Row<'_>> {
        self.tables.get(table).into_iter().flat_map(Table::rows)
    }

    /// The value of a row of the Property table.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.rows("Property").find(|row| row.text("Property") == Some(name))?.text("Value")
    }
}

impl Table {
    /// The rows with the names of their columns.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|values| Row { table: self, values })
    }

    /// Where a column is.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|candidate| candidate.name == column)
    }
}

impl<'a> Row<'a> {
    /// The values in the columns' order.
    pub fn values(&self) -> &'a [Value] {
        self.values
    }

    /// The text in a column; `None` for null, another kind of value, or no such column.
    pub fn text(&self, column: &str) -> Option<&'a str> {
        match self.value(column)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number in a column; `None` for null, another kind of value, or no such column.
    pub fn number(&self, column: &str) -> Option<i32> {
        match self.value(column)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn value(&self, column: &str) -> Option<&'a Value> {
        self.values.get(self.table.position(column)?)
    }

    /// The primary key as people write it: values separated by slashes.
    pub fn key(&self) -> String {
        let keys = self.table.columns.iter().zip(self.values).filter(|(column, _)| column.key);
        keys.map(|(_, value)| value.to_string()).collect::<Vec<_>>().join("/")
    }
}
