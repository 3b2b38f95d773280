//! The compound file (MS-CFB) around an MSI: its streams by the names that Windows Installer packs.

use base::error::{Error, Result};
use cfb::{CompoundFile, Stream};
use msi_schema::SIGNATURE;
use std::collections::HashMap;
use std::io::{Read, Seek};

/// Bytes of all tables together, and of each part of the string pool: several times what 70,000 files need. Memory grows with
/// these, not with the package.
const TABLES_LIMIT: u64 = 16 << 20;
const STRINGS_LIMIT: u64 = 24 << 20;
/// The summary information is a page of text.
const SUMMARY_LIMIT: u64 = 1 << 20;
const SUMMARY: &str = "\u{5}SummaryInformation";

/// An open compound file.
pub struct Container<R> {
    file: CompoundFile<R>,
    /// Names as they are in the directory, by whether they are a table's and the unpacked name.
    names: HashMap<(bool, String), String>,
    left: u64,
}

impl<R: Read + Seek> Container<R> {
    /// Opens a compound file and lists its streams.
    pub fn open(input: R) -> Result<Self> {
        let file = CompoundFile::open(input).map_err(unreadable)?;
        let streams = file.read_root_storage().filter(cfb::Entry::is_stream);
        let names = streams.map(|entry| (decoded(entry.name()), entry.name().to_owned())).collect();
        Ok(Container { file, names, left: TABLES_LIMIT })
    }

    /// What the compound file is that is no package, by the class of its root and what it holds.
    pub fn stranger(&self) -> Option<&'static str> {
        let class = self.file.root_entry().clsid().to_string();
        match class.split('-').next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "000c1086" => Some("a patch (.msp), which changes an installed product"),
            "000c1082" => Some("a transform (.mst), which changes a package while it is installed"),
            _ if self.names.contains_key(&(true, "ModuleSignature".to_owned())) => {
                Some("a merge module (.msm), which becomes a part of packages")
            }
            _ => None,
        }
    }

    /// Whether the class of its root is a transform's.
    pub fn is_transform(&self) -> bool {
        self.file.root_entry().clsid().to_string().to_ascii_lowercase().starts_with("000c1082")
    }

    /// The tables that have a stream.
    pub fn table_names(&self) -> impl Iterator<Item = String> + '_ {
        self.names.keys().filter(|(table, _)| *table).map(|(_, name)| name.clone())
    }

    /// The bytes of a table; none where it has no stream, which is how an empty table is stored.
    ///
    /// # Errors
    /// The stream cannot be read, or all tables together are larger than any installer's.
    pub fn table(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(stored) = self.names.get(&(true, name.to_owned())).cloned() else { return Ok(None) };
        if name.starts_with("_String") {
            return self.bytes(&stored, STRINGS_LIMIT).map(Some);
        }
        let bytes = self.bytes(&stored, self.left)?;
        self.left -= bytes.len() as u64;
        Ok(Some(bytes))
    }

    /// The bytes of the summary information.
    pub fn summary(&mut self) -> Result<Vec<u8>> {
        self.bytes(SUMMARY, SUMMARY_LIMIT)
    }

    /// The Authenticode signature, where there is one.
    pub fn signature(&mut self) -> Result<Option<Vec<u8>>> {
        let there = self.names.contains_key(&(false, SIGNATURE.to_owned()));
        there.then(|| self.bytes(SIGNATURE, crate::limits::SIGNATURE)).transpose()
    }

    /// A stream of data, such as a cabinet.
    pub fn open_data(&mut self, name: &str) -> Result<Option<Stream<R>>> {
        let Some(stored) = self.names.get(&(false, name.to_owned())).cloned() else { return Ok(None) };
        self.file.open_stream(format!("/{stored}")).map(Some).map_err(unreadable)
    }

    /// The same, read whole.
    ///
    /// # Errors
    /// It cannot be read, or has more than `most` bytes.
    pub fn data(&mut self, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
        let stored = self.names.get(&(false, name.to_owned())).cloned();
        stored.map(|stored| self.bytes(&stored, most)).transpose()
    }

    /// The streams of the Binary table.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn binaries(&mut self) -> Result<Vec<Vec<u8>>> {
        let stored = self.names.iter().filter(|((table, name), _)| !table && name.starts_with("Binary."));
        let mut stored: Vec<String> = stored.map(|(_, stored)| stored.clone()).collect();
        stored.sort_unstable();
        stored.into_iter().map(|stored| self.bytes(&stored, STRINGS_LIMIT)).collect()
    }

    fn bytes(&mut self, stored: &str, limit: u64) -> Result<Vec<u8>> {
        let stream = self.file.open_stream(format!("/{stored}")).map_err(unreadable)?;
        let mut bytes = Vec::new();
        stream.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > limit {
            return Err(Error::new("the database is larger than any installer's"));
        }
        Ok(bytes)
    }
}

fn unreadable(error: std::io::Error) -> Error {
    Error::new(format!("the compound file cannot be read: {error}"))
}

/// A stream's name as people know it: the table's, or the one that rows of tables say.
pub fn stream_name(stored: &str) -> String {
    match decoded(stored) {
        (true, table) => format!("of the table {table}"),
        (false, name) => format!("{name:?}"),
    }
}

/// Unpacks a name: each unit is one or two characters of a base-64 alphabet, and a first unit of its own marks tables.
fn decoded(name: &str) -> (bool, String) {
    const TABLE: char = '\u{4840}';
    let (table, rest) = name.strip_prefix(TABLE).map_or((false, name), |rest| (true, rest));
    let mut plain = String::new();
    for unit in rest.chars() {
        match u32::from(unit) {
            pair @ 0x3800..=0x47FF => plain.extend([digit(pair & 0x3F), digit((pair - 0x3800) >> 6)]),
            single @ 0x4800..=0x483F => plain.push(digit(single - 0x4800)),
            _ => plain.push(unit),
        }
    }
    (table, plain)
}

fn digit(value: u32) -> char {
    const ALPHABET: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";
    char::from(ALPHABET[value as usize & 63])
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn names_are_unpacked_as_windows_installer_packs_them() {
        assert_eq!(decoded("\u{4840}\u{3f7f}\u{4164}\u{422f}\u{4836}"), (true, "_Tables".to_owned()));
        assert_eq!(decoded("\u{4824}-\u{4825}"), (false, "a-b".to_owned()));
    }
}
