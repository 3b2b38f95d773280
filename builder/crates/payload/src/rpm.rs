//! RPM packages: files as the header lists them, contents from the cpio payload.
//! Format: "RPM V4 Package format" in rpm's manual; hard links and large files as lib/rpmfi.c of rpm reads them.

use super::cpio::{Cpio, Record};
use super::decode::{broken, damaged, Codec, Input, Stream, Unpacker};
use super::extended::Extended;
use super::gather::{Found, FoundKind};
use super::limits::NAMES;
use super::links::show;
use super::rpm_header::{intro, Header, Tag, INTRO, LEAD};
use super::select::Name;
use super::sink::Sink;
use super::spool::SpoolFile;
use super::{Content, PackageFacts, PackageKind};
use base::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

/// RPMFILE_CONFIG and RPMFILE_GHOST.
pub const CONFIG: u64 = 1 << 0;
const GHOST: u64 = 1 << 6;
/// PGPHASHALGO_SHA256.
const SHA256: u64 = 8;
/// The file type's bits in a mode.
pub const TYPE: u32 = 0o170000;
const REGULAR: u32 = 0o100000;

/// Reads the package: the header's files without ghosts, contents into the spool.
///
/// # Errors
/// A damaged package, or one whose payload does not hold what its header lists.
pub(super) fn read(input: &mut Input, name: &str, spool: &mut SpoolFile) -> Result<(Vec<Found>, PackageFacts)> {
    let (header, payload) = read_header(input, name)?;
    let facts = facts(&header, name)?;
    let files = files(&header, name)?;
    let contents = read_payload(input, name, &header, payload, &files, spool)?;

    let kept = files.into_iter().zip(contents).filter(|(file, _)| !file.is_ghost());
    let mut found = Vec::new();
    for (file, content) in kept {
        found.push(file.into_found(content).ok_or_else(|| broken(name, "its payload lacks files that its header lists"))?);
    }
    Ok((found, facts))
}

/// One header structure, and where in the file it lies.
pub fn header_at(input: &mut Input, name: &str, start: u64, limit: u64) -> Result<(Header, std::ops::Range<u64>)> {
    let (tags, len) = read_intro(input, name, start)?;
    let end = start + INTRO as u64 + len;
    if end > input.size() {
        return Err(broken(name, "its header is cut"));
    }
    if len > limit {
        return Err(broken(name, format!("a header of {len} bytes, and {limit} is the limit")));
    }
    let mut bytes = vec![0; len as usize];
    input.read_exact(&mut bytes).map_err(|error| damaged(name, &error))?;
    Ok((Header::new(tags, bytes), start..end))
}

/// Where the main header begins behind a signature header that ends there: it is padded to 8 bytes; the lead and the intros are
/// multiples of 8 themselves.
pub fn main_header_start(signature_end: u64) -> u64 {
    signature_end.next_multiple_of(8)
}

/// The main header, and the payload's offset.
fn read_header(input: &mut Input, name: &str) -> Result<(Header, u64)> {
    let (_, signature) = read_intro(input, name, LEAD)?;
    let start = main_header_start(LEAD + INTRO as u64 + signature);
    let (header, range) = header_at(input, name, start, u64::MAX)?;
    let payload = range.end;
    if header.has(Tag::SourcePackage) {
        return Err(Error::new(format!("{name} is a source package")).help("give the binary package that was built from it"));
    }
    match header.text(Tag::PayloadFormat).as_deref() {
        None | Some("cpio") => Ok((header, payload)),
        Some(other) => Err(Error::new(format!("{name} has a payload of the format {other}, which linkpack does not read"))
            .help("give the full package, not a delta")),
    }
}

fn read_intro(input: &mut Input, name: &str, offset: u64) -> Result<(u32, u64)> {
    let mut bytes = [0; INTRO];
    let done = input.seek(SeekFrom::Start(offset)).and_then(|_| input.read_exact(&mut bytes));
    done.map_err(|error| damaged(name, &error))?;
    intro(&bytes).ok_or_else(|| broken(name, "its header is malformed or larger than rpm allows"))
}

fn facts(header: &Header, name: &str) -> Result<PackageFacts> {
    let text = |tag| header.text(tag).filter(|text| !text.is_empty());
    let required = |tag| text(tag).ok_or_else(|| broken(name, format!("its header has no {tag:?}")));
    Ok(PackageFacts {
        kind: PackageKind::Rpm,
        name: required(Tag::Name)?,
        version: format!("{}-{}", required(Tag::Version)?, required(Tag::Release)?),
        epoch: header.numbers(Tag::Epoch).first().copied(),
        source: text(Tag::SourceRpm),
        architecture: text(Tag::Arch),
        license: text(Tag::License),
        summary: text(Tag::Summary),
        supplier: text(Tag::Vendor).or_else(|| text(Tag::Packager)),
        homepage: text(Tag::Url),
        depends: requires(header),
        relations: relations(header),
        provides: header.strings(Tag::ProvideName).iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect(),
    })
}

/// What the package's files require of other packages; libraries are left out, since the files tell themselves.
fn relations(header: &Header) -> Vec<String> {
    // RPMSENSE_POSTTRANS, _PREREQ, _PRETRANS, _INTERP, _SCRIPT_PRE to _POSTUN, _SCRIPT_VERIFY, triggers.
    const OF_SCRIPTS: u64 = 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 0xf << 9 | 1 << 13 | 7 << 16;
    const OF_RPM: u64 = 1 << 24 | 1 << 28;
    let provides = header.strings(Tag::ProvideName);
    let wanted = |name: &[u8], flags: u64| {
        let text = String::from_utf8_lossy(name);
        let is_library = text.starts_with("rtld(") || text.split('(').next().is_some_and(|soname| soname.contains(".so"));
        flags & (OF_SCRIPTS | OF_RPM) == 0 && !is_library && !provides.contains(&name)
    };
    let names = header.strings(Tag::RequireName);
    let flags = header.numbers(Tag::RequireFlags);
    let texts = names.iter().zip(header.strings(Tag::RequireVersion)).zip(flags);
    texts
        .filter(|((name, _), flags)| wanted(name, *flags))
        .map(|((name, version), flags)| relation(name, version, flags))
        .collect()
}

/// A requirement as people write it.
fn relation(name: &[u8], version: &[u8], flags: u64) -> String {
    const LESS: u64 = 1 << 1;
    const GREATER: u64 = 1 << 2;
    const EQUAL: u64 = 1 << 3;
    let (name, version) = (String::from_utf8_lossy(name), String::from_utf8_lossy(version));
    let signs = [(LESS, "<"), (GREATER, ">"), (EQUAL, "=")];
    let sign: String = signs.into_iter().filter(|(flag, _)| flags & flag != 0).map(|(_, sign)| sign).collect();
    if version.is_empty() {
        name.into_owned()
    } else {
        format!("{name} {sign} {version}")
    }
}

/// What the package requires, without what it requires of rpm itself; in the header's order.
fn requires(header: &Header) -> Option<String> {
    let (names, versions) = (header.strings(Tag::RequireName), header.strings(Tag::RequireVersion));
    let mut all = Vec::new();
    for ((name, version), flags) in names.iter().zip(versions).zip(header.numbers(Tag::RequireFlags)) {
        if name.starts_with(b"rpmlib(") {
            continue;
        }
        let one = relation(name, version, flags);
        if !all.contains(&one) && all.len() < MOST_REQUIRES {
            all.push(one);
        }
    }
    (!all.is_empty()).then(|| all.join(", "))
}

/// Requirements that are told; an RPM may name thousands of symbol versions.
const MOST_REQUIRES: usize = 500;

/// One file as the header lists it.
pub struct File {
    /// Without the leading slash.
    pub name: Vec<u8>,
    /// Type and permission bits.
    pub mode: u32,
    /// RPMFILE_*.
    pub flags: u64,
    /// Its length in bytes.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// A link's target.
    pub link: Vec<u8>,
    inode: (u64, u64),
    extended: Option<Box<Extended>>,
}

impl File {
    /// Whether the package names it and does not bring it.
    pub fn is_ghost(&self) -> bool {
        self.flags & GHOST != 0
    }

    /// Whether it is a file with content in the payload.
    pub fn is_regular(&self) -> bool {
        self.mode & TYPE == REGULAR && !self.is_ghost()
    }

    /// `None` for a regular file without content.
    fn into_found(self, content: Option<Content>) -> Option<Found> {
        let kind = match self.mode & TYPE {
            REGULAR => FoundKind::File(content?),
            0o040000 => FoundKind::Directory,
            0o120000 => FoundKind::Symlink(self.link),
            0o010000 => FoundKind::Refused("a named pipe".into()),
            0o140000 => FoundKind::Refused("a socket".into()),
            _ => FoundKind::Refused("a device node".into()),
        };
        let config = self.flags & CONFIG != 0;
        Some(Found { name: self.name, kind, mode: self.mode, mtime: self.mtime, config, extended: self.extended })
    }
}

/// The files as the header lists them, ghosts too.
pub fn files(header: &Header, name: &str) -> Result<Vec<File>> {
    let names = names(header).ok_or_else(|| broken(name, "its header's file names do not fit together"))?;
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let sizes = if header.has(Tag::LongFileSizes) { Tag::LongFileSizes } else { Tag::FileSizes };
    let contradicts = || broken(name, "its header does not describe each of its files");
    let column = |tag: Tag| Some(header.numbers(tag)).filter(|column| column.len() == names.len()).ok_or_else(contradicts);
    // What rpm itself does without, as some makers' packages do: Google's rpmpack wrote no devices until 2023.
    let optional = |tag: Tag| if header.has(tag) { column(tag).map(Some) } else { Ok(None) };
    let (sizes, modes) = (column(sizes)?, column(Tag::FileModes)?);
    let (mtimes, flags) = (optional(Tag::FileMtimes)?, optional(Tag::FileFlags)?);
    let (devices, inodes) = (optional(Tag::FileDevices)?, optional(Tag::FileInodes)?);
    let links = header.strings(Tag::FileLinkTos);
    if header.has(Tag::FileLinkTos) && links.len() != names.len() {
        return Err(contradicts());
    }
    let caps = header.strings(Tag::FileCaps);
    let at_or_0 = |column: &Option<Vec<u64>>, at: usize| column.as_ref().map_or(0, |column| column[at]);
    let file = |(at, name): (usize, Vec<u8>)| File {
        name,
        mode: modes[at] as u32,
        flags: at_or_0(&flags, at),
        size: sizes[at],
        mtime: i64::from(at_or_0(&mtimes, at) as u32),
        link: links.get(at).map(|link| link.to_vec()).unwrap_or_default(),
        // Files without a number are no other file's hard link.
        inode: (at_or_0(&devices, at), inodes.as_ref().map_or(at as u64, |inodes| inodes[at])),
        extended: caps.get(at).and_then(|caps| Extended::of_caps(&String::from_utf8_lossy(caps))),
    };
    Ok(names.into_iter().enumerate().map(file).collect())
}

/// The files' names without the leading slash, which the format has and a payload has not. `None` when the header contradicts itself.
fn names(header: &Header) -> Option<Vec<Vec<u8>>> {
    let bases = header.strings(Tag::BaseNames);
    let full: Vec<Vec<u8>> = if bases.is_empty() {
        header.strings(Tag::OldFileNames).into_iter().map(<[u8]>::to_vec).collect()
    } else {
        let (dirs, indexes) = (header.strings(Tag::DirNames), header.numbers(Tag::DirIndexes));
        if indexes.len() != bases.len() {
            return None;
        }
        // A folder's name may stand before each of its files'.
        let mut left = NAMES;
        let joined = bases.iter().zip(indexes).map(|(base, dir)| {
            let dir = dirs.get(dir as usize)?;
            left = left.checked_sub(dir.len() + base.len())?;
            Some([dir, *base].concat())
        });
        joined.collect::<Option<_>>()?
    };
    Some(full.into_iter().map(|name| name.strip_prefix(b"/").map(<[u8]>::to_vec).unwrap_or(name)).collect())
}

/// Each file's content, where the payload has one.
fn read_payload(
    input: &mut Input,
    name: &str,
    header: &Header,
    offset: u64,
    files: &[File],
    spool: &mut SpoolFile,
) -> Result<Vec<Option<Content>>> {
    let hash = RefCell::new(Sha256::new());
    input.seek(SeekFrom::Start(offset)).map_err(|error| damaged(name, &error))?;
    let contents = {
        let mut stream = Stream::read_by(Unpacker::Rpm, format!("{name} (payload)"), Hashing { input, hash: &hash })?;
        if let Some(why) = compressed_otherwise(header, stream.codec()) {
            return Err(broken(name, why));
        }
        let (contents, done) = Payload::new(files).read(&mut Cpio::new(&mut stream), spool);
        done?;
        contents
    };
    if header.numbers(Tag::PayloadDigestAlgo).first() == Some(&SHA256) {
        let declared = header.text(Tag::PayloadDigest).unwrap_or_default();
        if !declared.eq_ignore_ascii_case(&hex::encode(hash.into_inner().finalize())) {
            return Err(broken(name, "its payload does not have the digest that its header states"));
        }
    }
    Ok(contents)
}

/// Why rpm does not unpack the payload, where it is compressed in another way than the header says; what is named nowhere is gzip's, which
/// takes plain bytes as well, and rpm reads xz and lzma alike.
pub fn compressed_otherwise(header: &Header, codec: Codec) -> Option<String> {
    let stated = header.text(Tag::PayloadCompressor).unwrap_or_else(|| "gzip".to_owned());
    let reads: &[Codec] = match stated.as_str() {
        "gzip" => &[Codec::Gzip, Codec::Plain],
        "bzip2" => &[Codec::Bzip2],
        "xz" | "lzma" => &[Codec::Xz, Codec::Lzma],
        "zstd" => &[Codec::Zstd],
        _ => return None,
    };
    (!reads.contains(&codec))
        .then(|| format!("its header says that the payload is compressed with {stated}, and it is {}", codec.name()))
}

/// Digests what passes.
struct Hashing<'h, R> {
    input: R,
    hash: &'h RefCell<Sha256>,
}

impl<R: Read> Read for Hashing<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.hash.borrow_mut().update(&buffer[..count]);
        Ok(count)
    }
}

/// Brings the payload's records and the header's files together. Of a set of hard links only the last record carries the data.
pub struct Payload<'f, S: Sink> {
    files: &'f [File],
    by_name: HashMap<&'f [u8], usize>,
    contents: Vec<Option<S::Content>>,
    /// Named records that wait for their set's data, by the inode in the payload.
    waiting: HashMap<(u64, u64), Vec<usize>>,
}

impl<'f, S: Sink> Payload<'f, S> {
    /// Of the files that the header lists.
    pub fn new(files: &'f [File]) -> Self {
        let by_name = files.iter().enumerate().map(|(at, file)| (file.name.as_slice(), at)).collect();
        Payload { files, by_name, contents: vec![None; files.len()], waiting: HashMap::new() }
    }

    /// Each file's content, where the payload has one; of a damaged payload, what was read before the error is kept too.
    pub fn read(mut self, cpio: &mut Cpio, sink: &mut S) -> (Vec<Option<S::Content>>, Result<()>) {
        let done = self.walk(cpio, sink);
        (self.contents, done)
    }

    fn walk(&mut self, cpio: &mut Cpio, sink: &mut S) -> Result<()> {
        // Sets of hard links by the inode in the header, each with its files in order: what stripped records go by.
        let mut sets: HashMap<(u64, u64), Vec<usize>> = HashMap::new();
        for (at, file) in self.files.iter().enumerate().filter(|(_, file)| file.is_regular()) {
            sets.entry(file.inode).or_default().push(at);
        }
        while let Some(record) = cpio.next_record()? {
            match record {
                Record::Named { name, inode, links, size } => self.named(&name, inode, links, size, cpio, sink)?,
                Record::Stripped { index } => self.stripped(index, &sets, cpio, sink)?,
            }
        }
        // A set of empty files never gets data.
        for at in std::mem::take(&mut self.waiting).into_values().flatten().filter(|&at| self.files[at].size == 0) {
            sink.begin();
            self.contents[at] = Some(sink.end());
        }
        Ok(())
    }

    fn named(&mut self, name: &[u8], inode: (u64, u64), links: u32, size: u64, cpio: &mut Cpio, sink: &mut S) -> Result<()> {
        let Some(&at) = self.by_name.get(Name::parse(name).joined.as_slice()) else {
            return Err(cpio.stream().broken(format!("its payload holds \"{}\", which its header does not list", show(name))));
        };
        if !self.files[at].is_regular() {
            return cpio.skip(size);
        }
        if links > 1 {
            self.waiting.entry(inode).or_default().push(at);
            if size == 0 {
                return Ok(());
            }
        }
        let set = if links > 1 { self.waiting.remove(&inode).unwrap_or_default() } else { vec![at] };
        self.fill(&set, size, cpio, sink)
    }

    fn stripped(&mut self, index: usize, sets: &HashMap<(u64, u64), Vec<usize>>, cpio: &mut Cpio, sink: &mut S) -> Result<()> {
        let Some(file) = self.files.get(index) else {
            return Err(cpio.stream().broken("its payload holds a file that its header does not list"));
        };
        match file.mode & TYPE {
            REGULAR if file.is_ghost() => cpio.skip(file.size),
            REGULAR => match sets.get(&file.inode) {
                Some(set) if set.last() == Some(&index) => self.fill(set, file.size, cpio, sink),
                _ => Ok(()),
            },
            0o120000 => cpio.skip(file.size),
            _ => Ok(()),
        }
    }

    fn fill(&mut self, set: &[usize], size: u64, cpio: &mut Cpio, sink: &mut S) -> Result<()> {
        if let Some(&at) = set.iter().find(|&&at| self.files[at].size != size) {
            let name = show(&self.files[at].name);
            return Err(cpio.stream().broken(format!("\"{name}\" has another size in its payload than in its header")));
        }
        sink.begin();
        cpio.copy(size, sink)?;
        let content = sink.end();
        for &at in set {
            self.contents[at] = Some(content.clone());
        }
        Ok(())
    }
}
