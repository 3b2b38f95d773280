//! Transforms (MST), anyone's, read back: which rows of a package they add, change and drop.
//!
//! Rows lie one after another, each led by a mask: 0 drops the row of the keys that follow; an odd one inserts as many columns as its
//! upper byte says; any other changes the columns whose bits are set, behind the keys. Texts are of the transform's own string pool.

use super::container::Container;
use super::database::{Column, Database, Kind, Table, Value};
use super::strings::Strings;
use super::summary::{self, Summary};
use super::tables;
use super::Damage;
use base::error::{Error, Result};
use msi_schema::{self, ColumnKind};
use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek};

/// A transform.
#[derive(Debug, Clone)]
pub struct Transform {
    /// What it says of itself and of the package that it is for.
    pub summary: Summary,
    /// What it changes, table by table.
    pub changes: Vec<Change>,
    /// The Authenticode signature: PKCS #7, DER.
    pub signature: Option<Vec<u8>>,
    /// What could not be read.
    pub damage: Vec<Damage>,
    /// Tables whose columns are not known, so that their rows could not be read.
    pub unread: Vec<String>,
    /// The columns of the tables that change, as far as the transform adds any.
    columns: BTreeMap<String, Vec<Column>>,
}

/// What happens to one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its table.
    pub table: String,
    /// What is done with it.
    pub kind: ChangeKind,
    /// Its primary key.
    pub key: Vec<Value>,
    /// The columns that get a value, by their names, without the key's.
    pub values: Vec<(String, Value)>,
}

/// What is done with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is added.
    Insert,
    /// Some of its columns change.
    Update,
    /// It goes.
    Delete,
}

impl Change {
    /// The value of a column, where it is a text.
    pub fn text(&self, column: &str) -> Option<&str> {
        self.values.iter().find_map(|(name, value)| match value {
            Value::Text(text) if name == column => Some(&**text),
            _ => None,
        })
    }

    /// The number in a column.
    pub fn number(&self, column: &str) -> Option<i32> {
        self.values.iter().find_map(|(name, value)| match value {
            Value::Number(number) if name == column => Some(*number),
            _ => None,
        })
    }

    /// The first part of the key as people write it.
    pub fn name(&self) -> String {
        self.key.iter().map(ToString::to_string).collect::<Vec<_>>().join("/")
    }
}

/// Changes that are kept: more than a transform of a whole package has.
const MOST_CHANGES: usize = 500_000;

/// Reads a transform; `None` for another compound file. `base` knows the columns of tables that only its package has.
///
/// # Errors
/// It is no compound file, or has no string pool.
pub fn read<R: Read + Seek>(input: R, base: Option<&Database>) -> Result<Option<Transform>> {
    let mut container = Container::open(input)?;
    if !container.is_transform() {
        return Ok(None);
    }
    let mut damage = Vec::new();
    let pool = container.table("_StringPool")?.ok_or_else(|| Error::new("the transform has no string pool"))?;
    let strings = Strings::parse(&pool, &container.table("_StringData")?.unwrap_or_default())?;
    let summary = container.summary().and_then(|bytes| summary::parse(&bytes)).unwrap_or_else(|error| {
        damage.push(Damage { part: "summary information".to_owned(), what: error.what().to_owned() });
        Summary::default()
    });
    let signature = container.signature().unwrap_or_else(|error| {
        damage.push(Damage { part: "digital signature".to_owned(), what: error.what().to_owned() });
        None
    });
    let mut transform =
        Transform { summary, changes: Vec::new(), signature, damage, unread: Vec::new(), columns: BTreeMap::new() };
    transform.fill(&mut container, &strings, base)?;
    Ok(Some(transform))
}

impl Transform {
    fn fill<R: Read + Seek>(&mut self, container: &mut Container<R>, strings: &Strings, base: Option<&Database>) -> Result<()> {
        // The catalogue comes first: it has the columns of what is added.
        let mut names: Vec<String> = container.table_names().filter(|name| !name.starts_with("_String")).collect();
        names.sort_by_key(|name| (name != "_Tables", name != "_Columns", name.clone()));
        for name in names {
            let bytes = match container.table(&name) {
                Ok(bytes) => bytes.unwrap_or_default(),
                Err(error) => {
                    self.damage.push(Damage { part: name, what: error.what().to_owned() });
                    continue;
                }
            };
            let Some(columns) = self.layout(&name, base) else {
                self.unread.push(name);
                continue;
            };
            if let Err(what) = self.rows(&name, &columns, &bytes, strings) {
                self.damage.push(Damage { part: name, what });
            }
        }
        Ok(())
    }

    /// The columns of a table: the package's, Windows Installer's own, and those that are added.
    fn layout(&self, name: &str, base: Option<&Database>) -> Option<Vec<Column>> {
        let mut columns = match (name, base) {
            ("_Tables" | "_Columns", _) => return Some(tables::own_columns(name)),
            (_, Some(base)) => base.tables.get(name).map(|table| table.columns.clone()).unwrap_or_default(),
            (_, None) => standard(name).unwrap_or_default(),
        };
        columns.extend(self.added(name));
        (!columns.is_empty()).then_some(columns)
    }

    /// The columns that the transform itself adds to a table, in their order.
    fn added(&self, table: &str) -> Vec<Column> {
        let is_added = |change: &&Change| change.table == "_Columns" && change.kind == ChangeKind::Insert;
        let of_table = |change: &&Change| matches!(change.key.first(), Some(Value::Text(name)) if &**name == table);
        let columns = self.changes.iter().filter(is_added).filter(of_table);
        columns.filter_map(|change| Some(tables::column(change.text("Name")?, change.number("Type")?))).collect()
    }

    fn rows(&mut self, name: &str, columns: &[Column], bytes: &[u8], strings: &Strings) -> std::result::Result<(), String> {
        let mut cells = Cells { bytes, strings };
        while !cells.bytes.is_empty() {
            if self.changes.len() == MOST_CHANGES {
                return Err("it changes more rows than any package has".to_owned());
            }
            let mask = cells.number(2)? as usize;
            let (kind, has): (ChangeKind, Box<dyn Fn(usize) -> bool>) = match mask {
                0 => (ChangeKind::Delete, Box::new(|_| false)),
                mask if mask & 1 == 1 => (ChangeKind::Insert, Box::new(move |at| at < mask >> 8)),
                mask => (ChangeKind::Update, Box::new(move |at| mask >> at & 1 == 1)),
            };
            let (mut key, mut values) = (Vec::new(), Vec::new());
            for (at, column) in columns.iter().enumerate() {
                if column.key {
                    key.push(cells.value(column.kind)?);
                } else if has(at) {
                    values.push((column.name.clone(), cells.value(column.kind)?));
                }
            }
            self.changes.push(Change { table: name.to_owned(), kind, key, values });
        }
        if name == "_Columns" {
            let tables: Vec<String> = self.changes.iter().filter_map(|change| change.key.first()).map(Value::to_string).collect();
            self.columns = tables.into_iter().map(|table| (table.clone(), self.added(&table))).collect();
        }
        Ok(())
    }

    /// Every row that is not as the transform expects it, without the cost of changing a package's tables.
    pub fn misfits(&self, database: &Database) -> Vec<String> {
        let touched = |name: &&String| self.changes.iter().any(|change| change.table == **name);
        let tables = database.tables.keys().filter(touched).map(|name| (name.clone(), database.tables[name].clone()));
        self.apply(&mut Database { tables: tables.collect(), ..Database::default() })
    }

    /// Plays the changes over a package's tables, as strictly as Windows Installer does when no difference is borne, and gives back every
    /// row that is not as the transform expects it.
    pub fn apply(&self, database: &mut Database) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, columns) in &self.columns {
            let table = database.tables.entry(name.clone()).or_default();
            table.columns.extend(columns.iter().cloned());
            let width = table.columns.len();
            table.rows.iter_mut().for_each(|row| row.resize(width, Value::Null));
        }
        let mut places: HashMap<&str, HashMap<Vec<Value>, usize>> = HashMap::new();
        for change in self.changes.iter().filter(|change| !change.table.starts_with('_') || change.table == "_Validation") {
            let shown = format!("{}[{}]", change.table, change.name());
            let Some(table) = database.tables.get_mut(&change.table) else {
                problems.push(format!("{shown}: the package has no table {}", change.table));
                continue;
            };
            let keys = places.entry(&change.table).or_insert_with(|| keys(table));
            let at = keys.get(&change.key).copied();
            match (change.kind, at) {
                (ChangeKind::Insert, None) => {
                    keys.insert(change.key.clone(), table.rows.len());
                    table.rows.push(row(table, change));
                }
                (ChangeKind::Insert, Some(_)) => problems.push(format!("{shown} is to be added, and the package has it")),
                (ChangeKind::Update, Some(at)) => set(table, at, change),
                (ChangeKind::Update, None) => {
                    problems.push(format!("{shown} is to be changed, and the package does not have it"))
                }
                (ChangeKind::Delete, Some(at)) => {
                    // The place stays, so that the others keep theirs.
                    table.rows[at].fill(Value::Null);
                    keys.remove(&change.key);
                }
                (ChangeKind::Delete, None) => {
                    problems.push(format!("{shown} is to be dropped, and the package does not have it"))
                }
            }
        }
        for name in places.keys() {
            if let Some(table) = database.tables.get_mut(*name) {
                table.rows.retain(|row| row.iter().any(|value| *value != Value::Null));
            }
        }
        problems
    }
}

fn keys(table: &Table) -> HashMap<Vec<Value>, usize> {
    let count = table.columns.iter().filter(|column| column.key).count();
    table.rows.iter().enumerate().map(|(at, row)| (row[..count.min(row.len())].to_vec(), at)).collect()
}

fn row(table: &Table, change: &Change) -> Vec<Value> {
    let mut keys = change.key.iter();
    let value = |column: &Column| match column.key {
        true => keys.next().cloned().unwrap_or(Value::Null),
        false => change.values.iter().find(|(name, _)| *name == column.name).map_or(Value::Null, |(_, value)| value.clone()),
    };
    table.columns.iter().map(value).collect()
}

fn set(table: &mut Table, at: usize, change: &Change) {
    for (name, value) in &change.values {
        if let Some(column) = table.position(name) {
            table.rows[at][column] = value.clone();
        }
    }
}

/// The columns of a table of Windows Installer's own.
fn standard(name: &str) -> Option<Vec<Column>> {
    let tables = msi_schema::tables().ok()?;
    let kind = |kind: ColumnKind| match kind {
        ColumnKind::Text { len, .. } => Kind::Text { len },
        ColumnKind::Short => Kind::Short,
        ColumnKind::Long => Kind::Long,
        ColumnKind::Stream => Kind::Stream,
    };
    let columns = tables.get(name)?.columns.iter().map(|column| Column {
        name: column.name.to_owned(),
        kind: kind(column.kind),
        key: column.key,
        nullable: column.nullable,
    });
    Some(columns.collect())
}

/// What is left of a table's stream.
struct Cells<'a> {
    bytes: &'a [u8],
    strings: &'a Strings,
}

impl Cells<'_> {
    fn number(&mut self, width: usize) -> std::result::Result<u32, String> {
        let (cell, rest) = self.bytes.split_at_checked(width).ok_or("its last row is cut")?;
        self.bytes = rest;
        Ok(cell.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte)))
    }

    fn value(&mut self, kind: Kind) -> std::result::Result<Value, String> {
        let raw = self.number(tables::width(kind, self.strings))?;
        tables::value(kind, raw, self.strings)
            .ok_or_else(|| format!("it refers to text {raw}, which its string pool does not have"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(texts: &[&str]) -> Strings {
        let mut pool = vec![0xE4, 4, 0, 0];
        texts.iter().for_each(|text| pool.extend([text.len() as u8, 0, 1, 0]));
        Strings::parse(&pool, texts.concat().as_bytes()).unwrap()
    }

    fn changes(table: &str, texts: &[&str], bytes: &[u8]) -> Vec<Change> {
        let mut transform = Transform {
            summary: Summary::default(),
            changes: Vec::new(),
            signature: None,
            damage: Vec::new(),
            unread: Vec::new(),
            columns: BTreeMap::new(),
        };
        let columns = transform.layout(table, None).unwrap();
        transform.rows(table, &columns, bytes, &strings(texts)).unwrap();
        transform.changes
    }

    fn text(value: &str) -> Value {
        Value::Text(value.into())
    }

    /// Bytes that Microsoft's MsiDatabaseGenerateTransform wrote.
    #[test]
    fn rows_of_microsofts_own_transforms_are_read() {
        let texts = ["one", "two", "three"];
        let inserted = changes("Directory", &texts, &[1, 3, 1, 0, 0, 0, 3, 0]);
        assert_eq!((inserted[0].kind, &inserted[0].key), (ChangeKind::Insert, &vec![text("one")]));
        assert_eq!(inserted[0].values[1], ("DefaultDir".to_owned(), text("three")));
        let updated = changes("Directory", &texts, &[4, 0, 2, 0, 3, 0]);
        assert_eq!((updated[0].kind, updated[0].text("DefaultDir")), (ChangeKind::Update, Some("three")));
        assert_eq!(changes("Directory", &texts, &[0, 0, 3, 0])[0].kind, ChangeKind::Delete);
        let media = &changes("Media", &texts, &[1, 6, 0x64, 0x80, 0x64, 0, 0, 0x80, 0, 0, 1, 0, 0, 0, 2, 0])[0];
        assert_eq!((&media.key, media.number("LastSequence")), (&vec![Value::Number(100)], Some(100)));
        assert_eq!((media.text("Cabinet"), media.text("Source")), (Some("one"), Some("two")));
    }

    #[test]
    fn a_change_of_what_is_not_there_is_a_problem() {
        let mut database = Database::default();
        let columns = standard("Property").unwrap();
        database.tables.insert("Property".to_owned(), Table { columns, rows: vec![vec![text("A"), text("1")]] });
        let mut transform = Transform {
            summary: Summary::default(),
            changes: changes("Property", &["A", "B", "2"], &[2, 0, 1, 0, 3, 0, 1, 2, 2, 0, 3, 0]),
            signature: None,
            damage: Vec::new(),
            unread: Vec::new(),
            columns: BTreeMap::new(),
        };
        assert_eq!(transform.apply(&mut database), Vec::<String>::new());
        assert_eq!((database.property("A"), database.property("B")), (Some("2"), Some("2")));
        transform.changes = changes("Property", &["A", "C"], &[1, 2, 1, 0, 2, 0, 2, 0, 2, 0, 1, 0, 0, 0, 2, 0]);
        let problems = transform.apply(&mut database).join("; ");
        for said in ["Property[A] is to be added", "Property[C] is to be changed", "Property[C] is to be dropped"] {
            assert!(problems.contains(said), "{said}: {problems}");
        }
    }
}
