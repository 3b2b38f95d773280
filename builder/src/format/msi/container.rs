//! The file around the database: a compound file (MS-CFB) of version 3, written once, one stream after another.

use super::gathered::Gathered;
use crate::error::{Error, Result};
use crate::format::patch;
use cfb::{CompoundFile, Stream, Version};
use std::io::{BufWriter, Read, Seek, Write};
use uuid::Uuid;

/// The root's class: an installation package.
pub const PACKAGE_CLASS: Uuid = Uuid::from_u128(0x000C1084_0000_0000_C000_000000000046);
/// The root's class: a transform.
pub const TRANSFORM_CLASS: Uuid = Uuid::from_u128(0x000C1082_0000_0000_C000_000000000046);
/// What Windows Installer reads: file positions are signed 32-bit numbers.
pub const SIZE_LIMIT: u64 = i32::MAX as u64;
/// Large writes let whole runs of sectors be allocated at once, and keep short streams in one piece.
const BUFFER: usize = 1 << 20;

/// A stream's name and what it is named for.
pub enum StreamName<'a> {
    /// A table of the database.
    Table(&'a str),
    /// Data: a cabinet, or a binary value as `Table.Key`.
    Data(&'a str),
    /// The summary information.
    Summary,
}

/// A compound file that is being written.
pub struct Container<F>(CompoundFile<Gathered<F>>);

impl<F: Read + Write + Seek> Container<F> {
    /// Begins a compound file of a class at the writer's start.
    pub fn create(out: F, class: Uuid) -> Result<Self> {
        let mut file = CompoundFile::create_with_version(Version::V3, Gathered::new(out)).map_err(patch::write_failed)?;
        file.set_storage_clsid("/", class).map_err(patch::write_failed)?;
        Ok(Container(file))
    }

    /// Adds one stream; `body` writes it.
    pub fn stream(
        &mut self,
        name: &StreamName,
        body: impl FnOnce(&mut BufWriter<Stream<Gathered<F>>>) -> Result<()>,
    ) -> Result<()> {
        let stream = self.0.create_stream(format!("/{}", encoded(name)?)).map_err(patch::write_failed)?;
        let mut buffered = BufWriter::with_capacity(BUFFER, stream);
        body(&mut buffered)?;
        let mut stream = buffered.into_inner().map_err(|error| patch::write_failed(error.into_error()))?;
        stream.flush().map_err(patch::write_failed)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// It is larger than Windows Installer reads.
    pub fn finish(mut self) -> Result<()> {
        self.0.flush().map_err(patch::write_failed)?;
        let mut out = self.0.into_inner();
        let len = out.seek(std::io::SeekFrom::End(0)).map_err(patch::write_failed)?;
        if len > SIZE_LIMIT {
            return Err(Error::new(format!("the MSI has {len} bytes; Windows Installer reads {SIZE_LIMIT} at most")));
        }
        Ok(())
    }
}

/// The name in the compound file's directory: two characters of the base-64 alphabet in one UTF-16 unit.
pub fn encoded(name: &StreamName) -> Result<String> {
    let (mut units, plain) = match name {
        StreamName::Summary => return Ok("\u{5}SummaryInformation".to_owned()),
        StreamName::Table(plain) => ("\u{4840}".to_owned(), plain),
        StreamName::Data(plain) => (String::new(), plain),
    };
    let mut rest = plain.chars().peekable();
    while let Some(character) = rest.next() {
        let unit = match (digit(character), rest.peek().copied().and_then(digit)) {
            (None, _) => u32::from(character),
            (Some(low), Some(high)) => {
                rest.next();
                0x3800 + low + (high << 6)
            }
            (Some(low), None) => 0x4800 + low,
        };
        units.push(char::from_u32(unit).ok_or_else(|| Error::new(format!("{plain:?} cannot name a stream")))?);
    }
    const LONGEST: usize = 31;
    if units.encode_utf16().count() > LONGEST {
        return Err(Error::new(format!("{plain:?} is too long for a stream's name")));
    }
    Ok(units)
}

fn digit(character: char) -> Option<u32> {
    Some(match character {
        '0'..='9' => u32::from(character) - u32::from('0'),
        'A'..='Z' => u32::from(character) - u32::from('A') + 10,
        'a'..='z' => u32::from(character) - u32::from('a') + 36,
        '.' => 62,
        '_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_packed_as_windows_installer_packs_them() {
        assert_eq!(encoded(&StreamName::Table("_Tables")).unwrap(), "\u{4840}\u{3f7f}\u{4164}\u{422f}\u{4836}");
        assert_eq!(encoded(&StreamName::Data("a-b")).unwrap(), "\u{4824}-\u{4825}");
        assert!(encoded(&StreamName::Data(&"x".repeat(63))).is_err());
    }
}
