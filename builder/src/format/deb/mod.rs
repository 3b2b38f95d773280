//! DEB packages (deb(5)): an ar archive of debian-binary, control.tar and data.tar.

mod control;
mod lintian;
mod package;
pub mod signing;

pub use package::Deb;

use super::patch::write_failed;
use super::{hashing, tar, PreparedFile};
use crate::compress::{Codec, Layout, Packed, Store};
use crate::error::{Error, Result};
use crate::payload::{Kind, TreePath};
use std::io::Write;
use std::sync::Arc;

/// Everything a DEB package is made of.
pub struct DebSpec<'a> {
    /// The package's name (Debian Policy 5.6.1).
    pub name: &'a str,
    /// The package's version.
    pub version: &'a str,
    /// Debian's name of the architecture: amd64, arm64.
    pub architecture: &'a str,
    /// What is alike in all packages of a product.
    pub about: About<'a>,
    /// The synopsis in the first line, then the description.
    pub description: &'a str,
    /// What must be configured before the preinst runs, if anything.
    pub pre_depends: Option<&'a str>,
    /// The relations of the Depends field.
    pub depends: &'a [String],
    /// The relations of Recommends, Suggests and Conflicts.
    pub weak: Weak<'a>,
    /// How much a system needs it.
    pub priority: &'a str,
    /// A name that this package stands for and excludes others of: of a product's sites.
    pub provides: Option<&'a str>,
    /// The install root the files lie below, absolute.
    pub root: &'a str,
    /// The files, their paths relative to the root, sorted, parents first.
    pub files: &'a [&'a PreparedFile],
    /// Maintainer scripts, triggers and debconf's files, by their name in control.tar.
    pub control_files: &'a [(&'a str, String)],
    /// How both archives are compressed.
    pub codec: Codec,
    /// Where compressed units are.
    pub store: &'a Arc<Store>,
    /// The time of the package and of what linkpack itself adds to it, in seconds since 1970.
    pub mtime: i64,
}

/// What all packages of a product say alike: its own, and those of its sites.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// `Name <mail@example>`.
    pub maintainer: &'a str,
    /// Who holds the rights.
    pub publisher: &'a str,
    /// Where to read more.
    pub homepage: Option<&'a str>,
    /// The licence: an SPDX identifier where there is one.
    pub license: &'a str,
    /// The section of Debian's archive.
    pub section: &'a str,
}

/// Relations that are none of Depends.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weak<'a> {
    /// Recommends.
    pub recommends: &'a [String],
    /// Suggests.
    pub suggests: &'a [String],
    /// Conflicts.
    pub conflicts: &'a [String],
}

/// The largest number that the ten decimal digits of a member's size hold (ar(5)).
const SIZE_LIMIT: u64 = 9_999_999_999;

/// The file's name: `NAME_VERSION_ARCHITECTURE.deb`.
pub fn file_name(name: &str, version: &str, architecture: &str) -> String {
    format!("{name}_{version}_{architecture}.deb")
}

/// Writes a package.
///
/// # Errors
/// A name that dpkg cannot record (a newline in it), a package above ar's limit, and whatever the writer or the store refuses.
pub fn write(spec: &DebSpec, out: &mut (impl Write + ?Sized)) -> Result<()> {
    let root = root_of(spec)?;
    let made = made_files(spec, &root)?;
    let below = [root.as_bytes(), b"/"].concat();
    let files = data_files(spec, &below, &made);
    if let Some(file) = files.iter().find(|file| file.path().contains(&b'\n')) {
        let path = TreePath::new(&file.path())?;
        return Err(Error::new(format!("dpkg cannot record {path:?}: its lists hold one name a line"))
            .help("rename the file, or leave it out with exclude = [...] in the payload's table"));
    }
    let (control, data) = (control::archive(spec, &files)?, data(spec, &files)?);
    let extension = spec.codec.extension();
    let version = b"2.0\n";
    out.write_all(b"!<arch>\n").map_err(write_failed)?;
    out.write_all(&member("debian-binary", spec.mtime, version.len() as u64)?).map_err(write_failed)?;
    out.write_all(version).map_err(write_failed)?;
    for (name, archive) in [("control.tar", control), ("data.tar", data)] {
        out.write_all(&member(&format!("{name}.{extension}"), spec.mtime, archive.len())?).map_err(write_failed)?;
        hashing::copy(&archive, out)?;
        if archive.len() % 2 == 1 {
            out.write_all(b"\n").map_err(write_failed)?;
        }
    }
    Ok(())
}

/// data.tar, compressed.
fn data(spec: &DebSpec, files: &[DataFile]) -> Result<Packed> {
    let mut layout = Layout::one_frame(spec.store, spec.codec);
    // dpkg-deb begins with the root itself; so do we.
    tar::append(&mut layout, b".", &PreparedFile::directory(root_of(spec)?, spec.mtime))?;
    for DataFile { above, file } in files {
        let path = [b"./", *above, file.entry.path.as_bytes()].concat();
        tar::append(&mut layout, &path, file)?;
    }
    tar::finish(&mut layout)?;
    layout.finish()
}

/// The header of an ar member of so many bytes.
fn member(name: &str, mtime: i64, size: u64) -> Result<Vec<u8>> {
    if size > SIZE_LIMIT {
        return Err(Error::new(format!("{name} has {size} bytes; a DEB's member holds {SIZE_LIMIT} at most"))
            .help("split the product, or build the other formats with -f rpm,run"));
    }
    Ok(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", mtime.max(0), 0, 0, "100644").into_bytes())
}

/// A file of the archive. There can be a hundred thousand, so nothing of them is copied.
pub(super) struct DataFile<'a> {
    /// What the file's own path lies below: the root with its final slash, or nothing.
    above: &'a [u8],
    file: &'a PreparedFile,
}

impl DataFile<'_> {
    /// The path in the archive.
    fn path(&self) -> Vec<u8> {
        [self.above, self.file.entry.path.as_bytes()].concat()
    }

    /// The path's components, to sort parents before what lies below them.
    fn components(&self) -> impl Iterator<Item = &[u8]> {
        let above = self.above.split(|&b| b == b'/').filter(|part| !part.is_empty());
        above.chain(self.file.entry.path.components())
    }
}

/// The install root as a path in the archive.
fn root_of(spec: &DebSpec) -> Result<TreePath> {
    TreePath::new(spec.root.trim_start_matches('/').as_bytes())
}

/// The documentation that Debian Policy asks for, its parents, and the root. What lies above the root (`/opt`, `/usr/local`) is the
/// system's or the administrator's: dpkg would remove it with the package where it is then empty. The preinst makes it where it is missing.
fn made_files(spec: &DebSpec, root: &TreePath) -> Result<Vec<PreparedFile>> {
    let mut made = Vec::new();
    for (path, bytes) in control::documentation(spec)? {
        made.push(PreparedFile::made(TreePath::new(path.as_bytes())?, bytes, 0o644, spec.mtime));
    }
    let mut directories: Vec<TreePath> = vec![root.clone()];
    for file in &made {
        let mut next = file.entry.path.parent();
        while let Some(path) = next.filter(|path| !directories.contains(path)) {
            next = path.parent();
            directories.push(path);
        }
    }
    made.extend(directories.into_iter().map(|path| PreparedFile::directory(path, spec.mtime)));
    Ok(made)
}

/// The payload below the root and what is made for the package; sorted, parents first. Where both have a path, documentation stays and a
/// directory gives way.
fn data_files<'a>(spec: &'a DebSpec, root: &'a [u8], made: &'a [PreparedFile]) -> Vec<DataFile<'a>> {
    let (directories, documents): (Vec<_>, Vec<_>) =
        made.iter().map(|file| DataFile { above: b"", file }).partition(|one| matches!(one.file.entry.kind, Kind::Directory));
    let mut files = Vec::with_capacity(spec.files.len() + made.len());
    files.extend(documents);
    files.extend(spec.files.iter().map(|file| DataFile { above: root, file }));
    files.extend(directories);
    // Documents, payload, directories, as they were put; in place, which takes no memory.
    let rank = |one: &DataFile| match (one.above.is_empty(), &one.file.entry.kind) {
        (true, Kind::Directory) => 2,
        (true, _) => 0,
        (false, _) => 1,
    };
    files.sort_unstable_by(|a, b| a.components().cmp(b.components()).then_with(|| rank(a).cmp(&rank(b))));
    files.dedup_by(|later, earlier| later.components().eq(earlier.components()));
    files
}
