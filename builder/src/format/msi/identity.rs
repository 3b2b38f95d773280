//! What is known of a package before its tables: identities that are the same in every build, and its default root.

use super::names::components;
use super::{unfit, MsiSpec};
use crate::error::Result;
use crate::payload::TreePath;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// An identity that depends only on the product's family, what it is for, and a value: the same in every build.
pub fn identity(spec: &MsiSpec, purpose: &str, value: &str) -> Uuid {
    Uuid::new_v5(&spec.upgrade_code, format!("{purpose}\n{}\n{value}", spec.platform.name()).as_bytes())
}

/// The package code in the making: another for every different package. It follows from what anyone can read in the package.
#[derive(Default)]
pub struct PackageCode(Sha256);

impl PackageCode {
    /// Takes the SHA-256 of the next file, by sequence numbers, or then the native library.
    pub fn content(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Takes the next table, by their names.
    pub fn table(&mut self, name: &str, bytes: &[u8]) {
        self.0.update(format!("\n{name} {}\n", bytes.len()));
        self.0.update(bytes);
    }

    /// The code of a family's package whose summary, without a code, is this.
    pub fn finish(mut self, family: &Uuid, platform: &str, summary: &[u8]) -> Uuid {
        self.0.update(summary);
        let value = hex::encode(self.0.finalize());
        Uuid::new_v5(family, format!("package\n{platform}\n{value}").as_bytes())
    }
}

/// Where the default root's folders begin, and their names.
pub fn default_root<'a>(spec: &MsiSpec<'a>) -> Result<(Option<&'static str>, Vec<&'a str>)> {
    let help = r"write an absolute path such as 'C:\Program Files\Intigua'";
    let refuse = || unfit(format!("{:?} cannot be an install root on Windows", spec.default_root), help);
    let path = spec.default_root.trim_end_matches('\\');
    let mut parts = path.split('\\');
    let drive = parts.next().unwrap_or_default();
    let names: Vec<&str> = parts.collect();
    let is_drive = drive.len() == 2 && drive.ends_with(':') && drive.starts_with(|c: char| c.is_ascii_alphabetic());
    if !is_drive || names.is_empty() {
        return Err(refuse());
    }
    for name in &names {
        let part = TreePath::new(name.as_bytes()).map_err(|_| refuse())?;
        components(&part, drive, spec.code_page).map_err(|_| refuse())?;
    }
    if drive.eq_ignore_ascii_case("C:") && names.len() > 1 && names[0].eq_ignore_ascii_case("Program Files") {
        let folder = if spec.platform.is_64_bit() { "ProgramFiles64Folder" } else { "ProgramFilesFolder" };
        return Ok((Some(folder), names[1..].to_vec()));
    }
    Ok((None, names))
}
