//! Windows Installer packages, read back: the database, the summary information, and what the cabinets hold.

pub mod cabinet;
mod container;
mod database;
pub mod secrets;
mod strings;
mod summary;
mod tables;
pub mod transform;

use cabinet::Shelf;
pub use cabinet::{Cabinet, Contents, Member, Seen};
pub use container::stream_name;
pub use database::{Column, Database, Kind, Row, Table, Value};
pub use summary::Summary;

use base::error::{Error, Result};
use container::Container;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// An MSI as it is, faults and all.
#[derive(Debug, Clone)]
pub struct Msi {
    /// The tables.
    pub database: Database,
    /// The summary information.
    pub summary: Summary,
    /// The cabinets by their name in the Media table.
    pub cabinets: BTreeMap<String, Cabinet>,
    /// The Authenticode signature: PKCS #7, DER.
    pub signature: Option<Vec<u8>>,
    /// What could not be read, a sentence each, with the table where it is one's.
    pub damage: Vec<Damage>,
}

/// A part that could not be read.
#[derive(Debug, Clone)]
pub struct Damage {
    /// The table, or the stream.
    pub part: String,
    /// What is wrong with it.
    pub what: String,
}

/// Reads the tables and the summary of an MSI, and none of its cabinets.
///
/// # Errors
/// As [`read`]'s.
pub fn read_tables<R: Read + Seek>(input: R) -> Result<(Database, Summary)> {
    let mut container = Container::open(input)?;
    if let Some(what) = container.stranger() {
        return Err(Error::new(format!("it is {what}, and no installation package")).help("name the package that it belongs to"));
    }
    let mut damage = Vec::new();
    let database = tables::read(&mut container, &mut damage)?;
    match damage.into_iter().next() {
        Some(damage) => Err(Error::new(format!("{}: {}", damage.part, damage.what))),
        None => Ok((database, summary::parse(&container.summary()?)?)),
    }
}

/// Reads an MSI; `folder` is where its external cabinets lie.
///
/// # Errors
/// It is no compound file, or has no string pool or catalogue of tables. Lesser faults become [`Msi::damage`].
pub fn read<R: Read + Seek>(input: R, folder: Option<&Path>) -> Result<Msi> {
    unpack(input, folder, None)
}

/// The same, with the files' contents handed to `contents` by their keys in the File table.
///
/// # Errors
/// As [`read`]'s.
pub fn unpack<R: Read + Seek>(mut input: R, folder: Option<&Path>, contents: Option<&mut dyn Contents>) -> Result<Msi> {
    let unreadable = |error| Error::new(format!("the file cannot be read: {error}"));
    let len = input.seek(SeekFrom::End(0)).map_err(unreadable)?;
    input.rewind().map_err(unreadable)?;
    let mut container = Container::open(input)?;
    let mut msi = tables(&mut container)?;
    let names: BTreeSet<String> = msi.database.rows("Media").filter_map(|row| row.text("Cabinet").map(str::to_owned)).collect();
    let mut budget = cabinet::Budget::new(len + beside(folder, &names));
    msi.cabinets = cabinet::read(&names, &mut Cabinets { container: Some(&mut container), folder, contents }, &mut budget)?;
    Ok(msi)
}

/// Unpacks a cabinet that is a file of its own; the others of its set lie beside it under the names that it says.
///
/// # Errors
/// It cannot be read.
pub fn unpack_cabinet(path: &Path, contents: &mut dyn Contents) -> Result<BTreeMap<String, Cabinet>> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (names, folder) = (BTreeSet::from([name]), path.parent());
    let mut budget = cabinet::Budget::new(beside(folder, &names));
    let mut shelf = Cabinets::<'_, '_, File> { container: None, folder, contents: Some(contents) };
    cabinet::read(&names, &mut shelf, &mut budget)
}

/// Reads all of an MSI but its cabinets.
///
/// # Errors
/// As [`read`]'s.
pub fn read_headers<R: Read + Seek>(input: R) -> Result<Msi> {
    tables(&mut Container::open(input)?)
}

/// The streams of the Binary table.
///
/// # Errors
/// It is no compound file.
pub fn binaries<R: Read + Seek>(input: R) -> Result<Vec<Vec<u8>>> {
    Container::open(input)?.binaries()
}

/// A stream of data by its name, `TABLE.KEY`; none where there is none.
///
/// # Errors
/// It is no compound file, or the stream is damaged or has more than `most` bytes.
pub fn data<R: Read + Seek>(input: R, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
    Container::open(input)?.data(name, most)
}

/// The tables that a database has a stream for, where they hold anything: those of its catalogue, and the catalogue itself.
pub fn table_names(database: &Database) -> Vec<String> {
    const CATALOGUE: [&str; 4] = ["_Tables", "_Columns", "_StringPool", "_StringData"];
    database.tables.keys().map(String::as_str).chain(CATALOGUE).map(str::to_owned).collect()
}

/// Where in its table's stream, which has `len` bytes, a row's 32-bit number lies; the row is known by its first column.
pub fn place_of(database: &Database, table: &str, key: &str, column: &str, len: u64) -> Option<u64> {
    let table = database.tables.get(table)?;
    let wanted = table.columns.iter().position(|one| one.name == column && one.kind == Kind::Long)?;
    let row = table.rows.iter().position(|row| matches!(row.first(), Some(Value::Text(text)) if **text == *key))?;
    let width = |column: &Column, reference: u64| match column.kind {
        Kind::Text { .. } => reference,
        Kind::Short | Kind::Stream => 2,
        Kind::Long => 4,
    };
    let rows = table.rows.len() as u64;
    let all = |reference: u64| table.columns.iter().map(|column| width(column, reference)).sum::<u64>() * rows;
    let reference = [2, 3].into_iter().find(|reference| all(*reference) == len)?;
    let before: u64 = table.columns[..wanted].iter().map(|column| width(column, reference)).sum();
    Some(before * rows + row as u64 * 4)
}

fn tables<R: Read + Seek>(container: &mut Container<R>) -> Result<Msi> {
    if let Some(what) = container.stranger() {
        return Err(Error::new(format!("it is {what}, and no installation package")).help("name the package that it belongs to"));
    }
    let mut damage = Vec::new();
    let database = tables::read(container, &mut damage)?;
    let summary = match container.summary().and_then(|bytes| summary::parse(&bytes)) {
        Ok(summary) => summary,
        Err(error) => {
            damage.push(Damage { part: "summary information".to_owned(), what: error.what().to_owned() });
            Summary::default()
        }
    };
    let signature = container.signature().unwrap_or_else(|error| {
        damage.push(Damage { part: "digital signature".to_owned(), what: error.what().to_owned() });
        None
    });
    Ok(Msi { database, summary, cabinets: BTreeMap::new(), signature, damage })
}

/// Bytes of the cabinets that lie beside the package.
fn beside(folder: Option<&Path>, names: &BTreeSet<String>) -> u64 {
    let sizes = names.iter().filter_map(|name| std::fs::metadata(neighbour(folder, name)?).ok());
    sizes.fold(0, |sum, meta| sum.saturating_add(meta.len()))
}

/// Where a cabinet beside the package would be. A name that leads elsewhere is not a neighbour: it is not looked at.
fn neighbour(folder: Option<&Path>, name: &str) -> Option<PathBuf> {
    let plain = !name.starts_with('#') && !name.contains(['/', '\\']) && name != ".." && name != ".";
    let folder = folder.filter(|_| plain)?;
    Some(if folder.as_os_str().is_empty() { Path::new(".").join(name) } else { folder.join(name) })
}

/// The cabinets in a package and beside it.
struct Cabinets<'a, 'c, R> {
    container: Option<&'a mut Container<R>>,
    folder: Option<&'a Path>,
    contents: Option<&'c mut dyn Contents>,
}

/// A cabinet, wherever it lies.
trait Open: BufRead + Seek {}

impl<T: BufRead + Seek> Open for T {}

impl<'a, R: Read + Seek + 'a> Shelf for Cabinets<'a, '_, R> {
    type Input = Box<dyn Open + 'a>;

    fn open(&mut self, name: &str) -> Result<Option<Self::Input>> {
        if let Some(stream) = name.strip_prefix('#') {
            let Some(container) = &mut self.container else { return Ok(None) };
            let stream = container.open_data(stream)?;
            return Ok(stream.map(|stream| Box::new(BufReader::new(stream)) as Self::Input));
        }
        let Some(path) = neighbour(self.folder, name).filter(|path| path.is_file()) else { return Ok(None) };
        let file = File::open(&path).map_err(|error| Error::io("read", &path, &error))?;
        Ok(Some(Box::new(BufReader::new(file))))
    }

    fn contents(&mut self) -> Option<&mut dyn Contents> {
        match &mut self.contents {
            Some(contents) => Some(&mut **contents),
            None => None,
        }
    }
}
