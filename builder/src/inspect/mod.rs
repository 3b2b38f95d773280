//! Any package back into one report of what it holds; [`lint`] judges reports. The bytes may be anyone's: nothing here trusts them.

pub mod lint;
pub mod msi;

use crate::error::{Error, IoContext, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What a package holds, by its format.
#[derive(Debug, Clone)]
pub enum Report {
    /// A Windows Installer package.
    Msi(Box<msi::Msi>),
}

/// Reads a package, and what lies beside it as a part of it.
///
/// # Errors
/// It cannot be read, is of a format that has no reader yet, or is too damaged to say anything about its parts.
pub fn read(path: &Path) -> Result<Report> {
    let mut file = File::open(path).or_cannot("read", path)?;
    let mut magic = Vec::new();
    const COMPOUND_FILE: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
    file.by_ref().take(COMPOUND_FILE.len() as u64).read_to_end(&mut magic).or_cannot("read", path)?;
    if magic != COMPOUND_FILE {
        return Err(Error::new(format!("{} is not an MSI, and only MSIs are linted so far", path.display()))
            .help("lintian judges a .deb, rpmlint an .rpm"));
    }
    let msi = msi::read(file, path.parent()).map_err(|error| error.note(format!("it is about {}", path.display())))?;
    Ok(Report::Msi(Box::new(msi)))
}
