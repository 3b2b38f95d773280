//! The catalogue and the tables of an MSI, from their streams: column after column, numbers with an offset, texts as references.

use super::container::Container;
use super::database::{Column, Database, Kind, Table, Value};
use super::strings::Strings;
use super::Damage;
use base::error::{Error, Result};
use std::collections::BTreeMap;
use std::io::{Read, Seek};

/// Columns of one table, by Windows Installer's own limit.
const MOST_COLUMNS: usize = 32;

/// Characters of a table's or column's name: a longer one cannot be stored.
const LONGEST_NAME: usize = 64;
/// Bytes of text in all cells together, each counted where it is used: a dozen times what 70,000 files need. A text that is stored
/// once can be referred to millions of times, and every check reads it every time.
const TEXT_LIMIT: usize = 256 << 20;
/// Cells of all tables together, a row counted as two more: twice what 70,000 files need.
const MOST_CELLS: usize = 4_000_000;

/// What may still be read.
struct Budget {
    /// Bytes of text.
    text: usize,
    /// Cells.
    cells: usize,
}

impl Budget {
    fn new() -> Self {
        Budget { text: TEXT_LIMIT, cells: MOST_CELLS }
    }
}

/// Reads every table that the catalogue names.
///
/// # Errors
/// The string pool or the catalogue is missing. A table that cannot be read is left out and said in `damage`.
pub fn read<R: Read + Seek>(container: &mut Container<R>, damage: &mut Vec<Damage>) -> Result<Database> {
    let mut need = |name: &str| {
        container
            .table(name)?
            .ok_or_else(|| Error::new(format!("there is no {name} stream: this is no Windows Installer database")))
    };
    let (pool, data) = (need("_StringPool")?, container.table("_StringData")?.unwrap_or_default());
    let strings = Strings::parse(&pool, &data)?;
    let catalogue = catalogue(container, &strings, damage)?;
    let mut database = Database { code_page: strings.code_page, ..Database::default() };
    let mut left = Budget::new();
    for (name, columns) in catalogue {
        let bytes = match container.table(&name) {
            Ok(bytes) => bytes.unwrap_or_default(),
            Err(error) => {
                damage.push(Damage { part: name, what: error.what().to_owned() });
                continue;
            }
        };
        let mut table = Table { columns, rows: Vec::new() };
        if let Err(what) = fill(&mut table, &bytes, &strings, &mut left) {
            damage.push(Damage { part: name.clone(), what });
        }
        database.tables.insert(name, table);
    }
    Ok(database)
}

/// The columns of _Tables and _Columns, which no table lists; none of others.
pub fn own_columns(table: &str) -> Vec<Column> {
    let column = |name: &str, kind: Kind, key: bool| Column { name: name.to_owned(), kind, key, nullable: !key };
    let text = Kind::Text { len: 64 };
    match table {
        "_Tables" => vec![column("Name", text, true)],
        "_Columns" => vec![
            column("Table", text, true),
            column("Number", Kind::Short, true),
            column("Name", text, false),
            column("Type", Kind::Short, false),
        ],
        _ => Vec::new(),
    }
}

/// The tables of _Tables with their columns of _Columns.
fn catalogue<R: Read + Seek>(
    container: &mut Container<R>,
    strings: &Strings,
    damage: &mut Vec<Damage>,
) -> Result<BTreeMap<String, Vec<Column>>> {
    let [mut tables, mut described] = ["_Tables", "_Columns"].map(|name| Table { columns: own_columns(name), rows: Vec::new() });
    let mut left = Budget::new();
    for (name, table) in [("_Tables", &mut tables), ("_Columns", &mut described)] {
        let bytes = container.table(name)?.ok_or_else(|| Error::new(format!("there is no {name} stream")))?;
        if let Err(what) = fill(table, &bytes, strings, &mut left) {
            damage.push(Damage { part: name.to_owned(), what });
        }
    }
    let mut numbered: BTreeMap<&str, BTreeMap<i32, Column>> = BTreeMap::new();
    for row in described.rows() {
        let (Some(table), Some(number), Some(name), Some(bits)) =
            (row.text("Table"), row.number("Number"), row.text("Name"), row.number("Type"))
        else {
            continue;
        };
        numbered.entry(table).or_default().insert(number, column(name, bits));
    }
    let mut catalogue = BTreeMap::new();
    for name in tables.rows().filter_map(|row| row.text("Name")) {
        let columns: Vec<Column> = numbered.remove(name).unwrap_or_default().into_values().collect();
        if columns.is_empty() || columns.len() > MOST_COLUMNS {
            damage.push(Damage { part: shortened(name), what: format!("the table has {} columns", columns.len()) });
            continue;
        }
        if columns.iter().map(|column| column.name.as_str()).chain([name]).any(|name| name.len() > LONGEST_NAME) {
            damage.push(Damage { part: shortened(name), what: "the name of the table or of a column is too long".to_owned() });
            continue;
        }
        catalogue.insert(name.to_owned(), columns);
    }
    Ok(catalogue)
}

fn shortened(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}

/// A column from its type's bits in _Columns.
pub fn column(name: &str, bits: i32) -> Column {
    const TEXT: i32 = 0x400;
    const STRING: i32 = 0x800;
    const NULLABLE: i32 = 0x1000;
    const KEY: i32 = 0x2000;
    let len = (bits & 0xFF) as u16;
    let kind = match (bits & STRING != 0, bits & TEXT != 0) {
        (true, false) if len == 0 => Kind::Stream,
        (true, _) => Kind::Text { len },
        (false, _) if len == 4 => Kind::Long,
        (false, _) => Kind::Short,
    };
    Column { name: name.to_owned(), kind, key: bits & KEY != 0, nullable: bits & NULLABLE != 0 }
}

/// Reads the rows from a table's stream; what cannot be read of them is null, and the reason is returned.
fn fill(table: &mut Table, bytes: &[u8], strings: &Strings, left: &mut Budget) -> Result<(), String> {
    let widths: Vec<usize> = table.columns.iter().map(|column| width(column.kind, strings)).collect();
    let width: usize = widths.iter().sum();
    let count = bytes.len() / width;
    let cells = count.saturating_mul(widths.len() + 2);
    left.cells = left.cells.checked_sub(cells).ok_or("it has more cells than any installer's")?;
    let mut lost = None;
    table.rows = (0..count).map(|_| Vec::with_capacity(widths.len())).collect();
    let mut start = 0;
    for (column, width) in table.columns.iter().zip(widths) {
        for (index, row) in table.rows.iter_mut().enumerate() {
            let stored = &bytes[start + index * width..][..width];
            let raw = stored.iter().rev().fold(0_u32, |value, &byte| value << 8 | u32::from(byte));
            let mut value = value(column.kind, raw, strings).unwrap_or_else(|| {
                lost = Some(format!("a value of {} refers to text {raw}, which the string pool does not have", column.name));
                Value::Null
            });
            if let Value::Text(text) = &value {
                match left.text.checked_sub(text.len()) {
                    Some(rest) => left.text = rest,
                    None => {
                        lost = Some("its texts are longer than any installer's".to_owned());
                        value = Value::Null;
                    }
                }
            }
            row.push(value);
        }
        start += count * width;
    }
    if count * width != bytes.len() {
        return Err(format!("its {} bytes are no whole number of rows of {width} bytes", bytes.len()));
    }
    lost.map_or(Ok(()), Err)
}

pub fn width(kind: Kind, strings: &Strings) -> usize {
    match kind {
        Kind::Text { .. } => strings.width,
        Kind::Long => 4,
        Kind::Short | Kind::Stream => 2,
    }
}

/// `None` where a text is referred to that does not exist.
pub fn value(kind: Kind, raw: u32, strings: &Strings) -> Option<Value> {
    if raw == 0 {
        return Some(Value::Null);
    }
    Some(match kind {
        Kind::Text { .. } => Value::Text(strings.text(raw)?.clone()),
        Kind::Short => Value::Number(raw as i32 - 0x8000),
        Kind::Long => Value::Number((raw ^ 0x8000_0000) as i32),
        Kind::Stream => Value::Stream,
    })
}
