//! Any package back into one report of what it holds; [`lint`] judges reports, [`verify`] the claims in them. The bytes may be anyone's:
//! nothing here trusts them, writes anything, or follows what is inside.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod compound;
mod deb;
pub mod diff;
mod digest;
mod dpkg;
mod entries;
pub mod html;
pub mod limits;
pub mod lint;
pub mod look;
mod makeself;
pub mod manager;
pub mod msi;
mod openpgp;
mod ours;
mod product;
pub mod reader;
pub mod report;
mod rpm;
mod run;
mod site;
pub mod text;
pub mod transform;
pub mod tree;
mod treemap;
pub mod verify;
pub mod watch;

pub use ours::facts_of;
pub use product::{installed, Installed};
pub use report::Report;
pub use rpm::signatures as rpm_signatures;

use base::error::{Error, IoContext, Result};
use base::listener::Silent;
use payload::decode::Input;
use reader::{Opened, Reader};
use report::{FileFacts, Format};
use std::path::Path;
use watch::Algorithm;

/// The door of a format: the one place on this floor that goes by its name.
pub fn reader(format: Format) -> &'static dyn Reader {
    match format {
        Format::Deb => &deb::Deb,
        Format::Rpm => &rpm::Rpm,
        Format::Run => &run::Run,
        Format::Msi => &compound::Msi,
        Format::Mst => &compound::Mst,
        Format::Site => &site::Site,
    }
}

/// A package: the report that all formats have, and what only an MSI has.
#[derive(Debug, Clone)]
pub struct Package {
    /// What it is and holds.
    pub report: Report,
    /// The database of an MSI.
    pub msi: Option<Box<msi::Msi>>,
    /// What a transform changes.
    pub transform: Option<Box<msi::transform::Transform>>,
}

impl Package {
    /// An MSI that was read from elsewhere than a file.
    pub fn of_msi(msi: msi::Msi) -> Self {
        let file = FileFacts { name: String::new(), size: 0, sha256: String::new() };
        Package { report: product::report(&msi, file, Depth::Whole), msi: Some(Box::new(msi)), transform: None }
    }
}

/// How much of a package is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What its headers say: no content is looked at and no digest is compared. A format without such headers is read all the same.
    Headers,
    /// All of it, compared with what it claims, as `verify` does; what kinds of contents there are is left out.
    Claims,
    /// The same, and looked at, as `lint` does.
    Contents,
    /// The same, and the digest of the file itself.
    Whole,
}

impl Depth {
    /// Whether contents are read and compared with what is said of them.
    fn compares(self) -> bool {
        self != Depth::Headers
    }

    /// Whether it is told what kinds of contents there are.
    fn looks(self) -> bool {
        matches!(self, Depth::Contents | Depth::Whole)
    }
}

/// Reads a package, and what lies beside it as a part of it.
///
/// # Errors
/// It cannot be read, is of a format that has no reader, or is too damaged to say anything about its parts.
pub fn read(path: &Path) -> Result<Package> {
    read_to(path, None, Depth::Whole)
}

/// The same as far as `depth`; `base` is the package that a transform is for.
///
/// # Errors
/// As [`read`]'s; and the base cannot be read.
pub fn read_to(path: &Path, base: Option<&Path>, depth: Depth) -> Result<Package> {
    let meta = std::fs::metadata(path).or_cannot("read", path)?;
    if !meta.is_file() {
        return Err(Error::new(format!("{} is not a file", path.display())).help("name a .deb, .rpm, .run or .msi file"));
    }
    let mut input = Input::open(path, &Silent)?;
    let format = recognise(&mut input, path)?;
    let size = input.size();
    let file = FileFacts { name: name(path), size, sha256: String::new() };
    let wanted = if depth == Depth::Whole { vec![Algorithm::Sha256.hasher()] } else { Vec::new() };
    let sha256 = digest::Beside::start(&mut input, 0..size, wanted, &file.name)?;
    let about = |error: Error| match error.is_interrupted() {
        true => error,
        false => error.note(format!("in {}", path.display())),
    };
    let opened = Opened { input: &mut input, path, file, depth, base };
    let package = reader(format).read(opened);
    let mut package = package.map_err(about)?;
    let sha256 = sha256.finish();
    // A file that was cut meanwhile is said to have been.
    input.unchanged()?;
    package.report.file.sha256 = hex::encode(sha256?.concat());
    Ok(package)
}

/// Whether a file begins as a package does. Scripts and databases of other kinds go by their names.
///
/// # Errors
/// It cannot be read.
pub fn is_package(path: &Path) -> Result<bool> {
    let mut input = Input::open(path, &Silent)?;
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    match recognise(&mut input, path) {
        Ok(format) => Ok(reader(format).may_end_in(&ending)),
        Err(error) if error.is_interrupted() => Err(error),
        Err(_) => Ok(false),
    }
}

/// The format of a file by its first bytes; a transform begins as a package of Windows Installer does.
///
/// # Errors
/// It cannot be read, or begins as none does.
pub fn format_of(path: &Path) -> Result<Format> {
    recognise(&mut Input::open(path, &Silent)?, path)
}

fn plain(report: Report) -> Package {
    Package { report, msi: None, transform: None }
}

/// The tables and the summary of the package that a transform is for.
///
/// # Errors
/// It is no MSI, or cannot be read.
pub fn tables(path: &Path) -> Result<(msi::Database, msi::Summary)> {
    let file = base::regular::open(path)?;
    msi::read_tables(file).map_err(|error| error.note(format!("in {}", path.display())))
}

/// The format by the first bytes.
fn recognise(input: &mut Input, path: &Path) -> Result<Format> {
    let mut first = [0; 8];
    let len = input.peek(&mut first)?;
    Format::ALL.into_iter().find(|format| reader(*format).begins(&first[..len])).ok_or_else(|| {
        Error::new(format!(
            "{} is not a package (expected .deb, .rpm, .msi, .mst, .site or a self-extracting script)",
            path.display()
        ))
        .help("name a package; archives are payloads: linkpack build reads them")
    })
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| report::path_text(name.as_encoded_bytes())).unwrap_or_default()
}
