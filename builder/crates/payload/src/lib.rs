//! Where bytes come from: directories, tar and zip archives, DEB and RPM packages, each read into a [`Tree`] of entries.
//!
//! Archives are streamed once into one file of the build's [`Spool`]; a directory's files stay where they are. Whatever the source,
//! its entries pass the same selection and the same checks (`gather`).

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod beside;
mod broken;
mod content;
mod copyright;
pub mod cpio;
pub mod deb;
pub mod decode;
mod dir;
pub mod elf;
mod extended;
pub mod gather;
mod inflate;
mod left_out;
mod limits;
mod links;
mod outside;
pub mod pe;
pub mod program;
pub mod rpm;
pub mod rpm_header;
mod select;
pub mod sink;
mod spool;
pub mod tar;
mod tree;
mod unpack;
pub mod window;
mod zip;
mod zip_directory;

pub use content::{Content, ContentReader};
pub use outside::Outside;
pub use spool::Spool;
pub use tree::{Entry, Kind, Tree, TreePath};

use base::error::{Error, IoContext, Result};
use base::listener::Listener;
use decode::{Codec, Input};
use gather::{Found, Origin};
use left_out::LeftOut;
use select::Selector;
use spool::SpoolFile;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the manifest says of one source.
///
/// Patterns are globs (`*` within a component, `**` across them) on paths relative to the payload after `strip`; one that matches a
/// directory stands for all in it, except in `setuid`, which names exactly what it keeps.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// A directory, or a .tar (.gz, .xz, .zst, .bz2, .lzma), .zip, .deb or .rpm file; recognised by content, not by name.
    pub path: PathBuf,
    /// How many leading components every name loses; entries with fewer vanish.
    pub strip: usize,
    /// What to take; empty: everything.
    pub include: Vec<String>,
    /// What to leave out, before anything is refused.
    pub exclude: Vec<String>,
    /// Whose set-uid, set-gid and sticky bits to keep.
    pub setuid: Vec<String>,
    /// Which files are configuration, besides those a DEB or RPM declares.
    pub config: Vec<String>,
    /// Which symbolic links to keep though they lead out of the payload.
    pub outside_links: Vec<String>,
    /// Folders of the build itself, which are no part of a directory that they lie in: its output, its cache.
    pub own: Vec<PathBuf>,
}

/// The kind of a package that is a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageKind {
    /// Of dpkg.
    Deb,
    /// Of rpm.
    Rpm,
    /// Of Windows Installer.
    Msi,
}

/// What a DEB, RPM or MSI says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFacts {
    /// What it is.
    pub kind: PackageKind,
    /// The package's name.
    pub name: String,
    /// Its version as its format writes it, with Debian's epoch and revision or RPM's release.
    pub version: String,
    /// RPM's epoch, which is not in `version`.
    pub epoch: Option<u64>,
    /// What it was built of, as its format writes it: a DEB's Source field, an RPM's SOURCERPM.
    pub source: Option<String>,
    /// Its architecture as its format names it.
    pub architecture: Option<String>,
    /// Its licence: RPM's License, or what the files of a DEB's machine-readable copyright file (DEP-5) are under.
    pub license: Option<String>,
    /// One line about it.
    pub summary: Option<String>,
    /// A DEB's Maintainer, an RPM's Vendor or else Packager.
    pub supplier: Option<String>,
    /// Where to read more.
    pub homepage: Option<String>,
    /// A DEB's Depends field, or an RPM's Requires: what the agent may need on the endpoint.
    pub depends: Option<String>,
    /// Each relation of these, and of a DEB's Pre-Depends; without what an RPM requires for its scripts, of itself and of rpm.
    pub relations: Vec<String>,
    /// The names it stands for, its own among them.
    pub provides: Vec<String>,
}

/// A source that was read.
#[derive(Debug)]
pub struct Loaded {
    /// The payload.
    pub tree: Tree,
    /// What the source says of itself, when it is a DEB or RPM.
    pub package: Option<PackageFacts>,
    /// The files that have capabilities, as cap_to_text(3) writes them.
    pub capabilities: BTreeMap<TreePath, String>,
}

/// Bytes of holes from which on they are told.
const MANY_HOLES: u64 = 256 << 20;

/// Reads a source into a tree. Archives unpack into `spool`, which must outlive the tree's contents.
///
/// # Errors
/// A source that is missing, unreadable, damaged, of an unknown format, without a file, or changed while it is read; patterns that are
/// no globs; and, all in one error, entries that cannot be packaged: names that are absolute, climb through `..` or occur twice, links
/// that leave the payload, entries below links, hard links without a target, device nodes, pipes and sockets.
pub fn load(source: &Source, spool: &Spool, listener: &dyn Listener) -> Result<Loaded> {
    let selector = Selector::new(source)?;
    let name = source.path.display().to_string();
    let meta = std::fs::metadata(&source.path).or_cannot("read", &source.path)?;
    let (found, package, is_package) = if meta.is_dir() {
        let left_out = LeftOut::new(source, &selector)?;
        let found = dir::read(&source.path, &left_out)?;
        left_out.tell(&name, listener);
        (found, None, false)
    } else if meta.is_file() {
        let mut input = Input::open(&source.path, listener)?;
        let format = recognise(&mut input, &name)?;
        let mut spooled = spool.file(&name, limits::unpacked(input.size()))?;
        let (found, package) = read_archive(format, &mut input, &name, &selector, &mut spooled, listener)?;
        spooled.flush()?;
        input.unchanged()?;
        if spooled.holes() >= MANY_HOLES {
            let size = spooled.holes() as f64 / f64::from(1 << 30);
            listener.warning(&format!(
                "{name}: its sparse files have holes of {size:.1} GiB: a package has none, so every endpoint writes them"
            ));
        }
        (found, package, matches!(format, Archive::Deb | Archive::Rpm))
    } else {
        return Err(unknown(&name, "neither a directory nor a file"));
    };
    let origin = Origin { name: &name, package: is_package };
    let (tree, capabilities) = gather::tree(found, &selector, &origin, listener)?;
    Ok(Loaded { tree, package, capabilities })
}

#[derive(Debug, Clone, Copy)]
enum Archive {
    Tar,
    Zip,
    Deb,
    Rpm,
}

/// What an ISO image says of itself and where; before that it is free, and often empty like the end of a tar archive.
const ISO: &[u8] = b"CD001";
const ISO_AT: usize = 32_769;

fn recognise(input: &mut Input, name: &str) -> Result<Archive> {
    // As far as the first volume descriptor of an ISO image.
    let mut first = vec![0; ISO_AT + ISO.len()];
    let len = input.peek(&mut first)?;
    if first[..len].ends_with(ISO) {
        return Err(unknown(name, "an ISO image, which linkpack does not read"));
    }
    let first = &first[..len.min(512)];
    if first.is_empty() {
        return Err(unknown(name, "an empty file"));
    }
    if first.starts_with(b"!<arch>\n") || deb::is_old(first) {
        return Ok(Archive::Deb);
    }
    if first.starts_with(&[0xed, 0xab, 0xee, 0xdb]) {
        return Ok(Archive::Rpm);
    }
    // PK00 begins an archive in parts that came to be one.
    if first.starts_with(b"PK\x03\x04")
        || first.starts_with(b"PK00PK\x03\x04")
        || first.starts_with(b"PK\x05\x06")
        || first.starts_with(b"PK\x07\x08")
    {
        return Ok(Archive::Zip);
    }
    // A compressed file can only be a tar archive; that it is one shows when it is read.
    if decode::codec(first) != Codec::Plain || tar::is_header(first) || first.iter().all(|&byte| byte == 0) {
        return Ok(Archive::Tar);
    }
    // A self-extracting zip begins with a program; zip readers look for its directory at the end.
    if input.path().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) {
        return Ok(Archive::Zip);
    }
    match unread(first) {
        Some(format) => Err(unknown(name, &format!("{format}, which linkpack does not read"))),
        None => Err(unknown(name, "of a format that linkpack does not know")),
    }
}

/// Formats that people may take for one of ours, by their first bytes.
fn unread(first: &[u8]) -> Option<&'static str> {
    const FORMATS: [(&[u8], &str); 10] = [
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
        (b"Rar!\x1a\x07", "a RAR archive"),
        (b"070701", "a cpio archive"),
        (b"070702", "a cpio archive"),
        (b"070707", "a cpio archive"),
        (b"\xc7\x71", "a cpio archive"),
        (b"xar!", "a xar archive"),
        (b"MSWIM\0\0\0", "a Windows image (WIM)"),
        (b"hsqs", "a squashfs image"),
        (b"\x7fELF", "a program"),
    ];
    FORMATS.iter().find(|(magic, _)| first.starts_with(magic)).map(|(_, format)| *format)
}

fn unknown(name: &str, what: &str) -> Error {
    Error::new(format!("{name} is {what}"))
        .help("a payload is a directory, a .tar, .tar.gz, .tar.xz, .tar.zst, .tar.bz2 or .tar.lzma, a .zip, a .deb, an .rpm, an .msi or a .cab")
}

fn read_archive(
    format: Archive,
    input: &mut Input,
    name: &str,
    selector: &Selector,
    spool: &mut SpoolFile,
    listener: &dyn Listener,
) -> Result<(Vec<Found>, Option<PackageFacts>)> {
    match format {
        Archive::Tar => {
            let size = input.size();
            Ok((tar::read(&mut input.stream(name.to_string(), 0, size)?, spool)?, None))
        }
        Archive::Zip => Ok((zip::read(input, name, selector, spool, listener)?, None)),
        Archive::Deb => deb::read(input, name, spool).map(|(found, facts)| (found, Some(facts))),
        Archive::Rpm => rpm::read(input, name, spool).map(|(found, facts)| (found, Some(facts))),
    }
}
