//! DEB packages (deb(5)): an ar archive of debian-binary, control.tar and data.tar.

mod control;
mod lintian;

use super::patch::write_failed;
use super::{hashing, tar, PreparedFile};
use crate::compress::{Codec, Layout, Packed, Store};
use crate::error::{Error, Result};
use crate::payload::TreePath;
use std::collections::{BTreeMap, BTreeSet};
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
    /// `Name <mail@example>`.
    pub maintainer: &'a str,
    /// Who holds the rights.
    pub publisher: &'a str,
    /// Where to read more.
    pub homepage: Option<&'a str>,
    /// The synopsis in the first line, then the description.
    pub description: &'a str,
    /// What must be configured before the preinst runs, if anything.
    pub pre_depends: Option<&'a str>,
    /// The relations of the Depends field.
    pub depends: &'a [String],
    /// A name that this package stands for and excludes others of (a product's sites).
    pub provides: Option<&'a str>,
    /// The licence: an SPDX identifier where there is one.
    pub license: &'a str,
    /// The install root the files lie below, absolute.
    pub root: &'a str,
    /// The files, their paths relative to the root, sorted, parents first.
    pub files: &'a [PreparedFile],
    /// Maintainer scripts and debconf's files, by their name in control.tar.
    pub control_files: &'a [(&'a str, String)],
    /// How both archives are compressed.
    pub codec: Codec,
    /// Where compressed units are.
    pub store: &'a Arc<Store>,
    /// The time of the package and of what linkpack itself adds to it, in seconds since 1970.
    pub mtime: i64,
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
pub fn write(spec: &DebSpec, out: &mut impl Write) -> Result<()> {
    let files = data_files(spec)?;
    if let Some((path, _)) = files.iter().find(|(path, _)| path.as_bytes().contains(&b'\n')) {
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
    for (path, file) in files {
        tar::append(&mut layout, &[b"./", path.as_bytes()].concat(), file)?;
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

/// A path in the archive and what lies there.
type DataFile = (TreePath, PreparedFile);

/// The install root as a path in the archive.
fn root_of(spec: &DebSpec) -> Result<TreePath> {
    TreePath::new(spec.root.trim_start_matches('/').as_bytes())
}

/// The payload below the root, the documentation that Debian Policy asks for, and their parents; sorted, parents first. What lies above the
/// root (`/opt`, `/usr/local`) is the system's or the administrator's: dpkg would remove it with the package where it is then empty.
/// The preinst makes it where it is missing.
fn data_files(spec: &DebSpec) -> Result<Vec<DataFile>> {
    let root = root_of(spec)?;
    let mut files = BTreeMap::new();
    for file in spec.files {
        files.insert(file.entry.path.below(&root), file.clone());
    }
    for (path, bytes) in control::documentation(spec)? {
        let path = TreePath::new(path.as_bytes())?;
        files.insert(path.clone(), PreparedFile::made(path, bytes, 0o644, spec.mtime));
    }
    let mut directories = BTreeSet::from([root.clone()]);
    directories.extend(files.keys().filter_map(TreePath::parent));
    for directory in directories {
        let mut next = Some(directory);
        while let Some(path) = next {
            next = if path == root { None } else { path.parent() };
            files.entry(path.clone()).or_insert_with(|| PreparedFile::directory(path, spec.mtime));
        }
    }
    let mut files: Vec<DataFile> = files.into_iter().collect();
    files.sort_by(|(a, _), (b, _)| a.components().cmp(b.components()));
    Ok(files)
}
