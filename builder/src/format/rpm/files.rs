//! The files of a package: what the header lists and the payload holds.

use super::header::{Header, Value};
use super::{Ghost, GhostKind, RpmSpec};
use crate::error::{Error, Result};
use crate::format::PreparedFile;
use crate::payload::{Kind, TreePath};
use ::rpm::{FileFlags, FileVerifyFlags, IndexTag};
use std::cmp::Ordering;
use std::collections::BTreeMap;

const DIRECTORY: u16 = 0o040000;
const REGULAR: u16 = 0o100000;
const SYMLINK: u16 = 0o120000;

/// One line of the file list.
#[derive(Debug)]
pub struct Row<'a> {
    /// The prefix, where a file lies below it by its own path; empty for others.
    above: &'a [u8],
    /// The path below it, or the whole absolute path.
    below: &'a [u8],
    /// Type and permission bits, as stat(2) has them.
    pub mode: u16,
    /// Bytes of a file or of a link's target, 0 for a directory.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: u32,
    /// A link's target.
    pub target: &'a [u8],
    /// A regular file's content.
    pub content: Option<&'a PreparedFile>,
    flags: FileFlags,
    verify: u32,
}

impl<'a> Row<'a> {
    /// The absolute path.
    pub fn path(&self) -> Vec<u8> {
        self.parts().concat()
    }

    /// Whether the endpoint makes it: it is listed, but not in the payload.
    pub fn is_ghost(&self) -> bool {
        self.flags.contains(FileFlags::GHOST)
    }

    fn digest(&self) -> String {
        let digests = self.content.and_then(|file| file.digests);
        digests.map(|digests| hex::encode(digests.sha256)).unwrap_or_default()
    }

    /// What the path is made of.
    fn parts(&self) -> [&'a [u8]; 3] {
        let slash: &[u8] = if self.above.is_empty() { b"" } else { b"/" };
        [self.above, slash, self.below]
    }

    /// The parts of the path's directory with its final slash, as DIRNAMES has it.
    fn directory(&self) -> [&'a [u8]; 3] {
        let [above, slash, below] = self.parts();
        [above, slash, &below[..below.len() - self.name().len()]]
    }

    /// The name inside the directory.
    fn name(&self) -> &'a [u8] {
        self.below.rsplit(|&b| b == b'/').next().unwrap_or(self.below)
    }

    fn cmp_path(&self, other: &Row) -> Ordering {
        match self.above == other.above {
            true => self.below.cmp(other.below),
            false => self.parts().into_iter().flatten().cmp(other.parts().into_iter().flatten()),
        }
    }
}

/// What a row is made from, whenever it is looked at: a hundred thousand rows would take as much memory as the header.
#[derive(Debug, Clone, Copy)]
enum Item<'a> {
    Prefix,
    Packaged(&'a PreparedFile),
    Made(&'a Ghost),
}

/// The files of a package in the order of their paths' bytes, in which rpm looks them up.
#[derive(Debug)]
pub struct FileList<'a> {
    prefix: &'a str,
    /// The latest time that a file may carry.
    latest: u32,
    items: Vec<Item<'a>>,
    capabilities: &'a BTreeMap<TreePath, String>,
}

impl<'a> FileList<'a> {
    /// The prefix itself, all files below it, and the ghosts.
    ///
    /// # Errors
    /// Two of them have one path; a path is longer than rpm's payload can hold.
    pub fn new(spec: &'a RpmSpec) -> Result<Self> {
        let latest = u32::try_from(spec.build_time).unwrap_or(if spec.build_time < 0 { 0 } else { u32::MAX });
        let mut items = Vec::with_capacity(1 + spec.files.len() + spec.ghosts.len());
        items.push(Item::Prefix);
        items.extend(spec.files.iter().map(|file| Item::Packaged(file)));
        items.extend(spec.ghosts.iter().map(Item::Made));
        let mut list = FileList { prefix: spec.prefix, latest, items: Vec::new(), capabilities: spec.capabilities };
        items.sort_unstable_by(|a, b| list.row(a).cmp_path(&list.row(b)));
        list.items = items;
        for (row, next) in list.rows().zip(list.rows().skip(1)) {
            if row.cmp_path(&next).is_eq() {
                return Err(Error::new(format!("the RPM would list {} twice", display(&row.path()))));
            }
        }
        // "./usr..." and its NUL take 2 bytes more; rpm's cpio reader takes 4096 (lib/cpio.c).
        if let Some(long) = list.rows().map(|row| row.path()).find(|path| path.len() + 2 > 4096) {
            let shown = display(&long[..80]);
            return Err(Error::new(format!("a path of {} bytes is too long for an RPM: {shown}...", long.len()))
                .help("shorten the names, or exclude the file"));
        }
        Ok(list)
    }

    /// The rows in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'a>> + Clone + '_ {
        self.items.iter().map(|item| self.row(item))
    }

    fn row(&self, item: &Item<'a>) -> Row<'a> {
        match item {
            Item::Prefix => Row {
                above: b"",
                below: self.prefix.as_bytes(),
                mode: DIRECTORY | 0o755,
                size: 0,
                mtime: self.latest,
                target: b"",
                content: None,
                flags: FileFlags::empty(),
                verify: FileVerifyFlags::ALL_FLAGS.bits(),
            },
            Item::Packaged(file) => packaged(self.prefix, file, self.latest),
            Item::Made(ghost) => made_there(self.prefix, ghost, self.latest),
        }
    }

    /// Whether a file is too long for the "newc" cpio format, whose lengths have 32 bits.
    pub fn has_large_files(&self) -> bool {
        self.rows().any(|row| row.size >= u32::MAX.into())
    }

    /// Whether a file has capabilities.
    pub fn has_capabilities(&self) -> bool {
        !self.capabilities.is_empty()
    }

    fn capabilities(&self, row: &Row) -> &'a str {
        let path = row.content.map(|file| &file.entry.path);
        path.and_then(|path| self.capabilities.get(path)).map_or("", String::as_str)
    }

    /// Whether every name is UTF-8, so that the header may say so.
    pub fn is_utf8(&self) -> bool {
        self.rows().all(|row| std::str::from_utf8(&row.path()).is_ok() && std::str::from_utf8(row.target).is_ok())
    }

    /// Puts all tags that describe files.
    pub fn put<'b>(&'b self, header: &mut Header<'b>) {
        self.put_sizes(header);
        self.put_names(header);
        let rows = || self.rows();
        let none = || rows().map(|_| "");
        let root = || rows().map(|_| "root");
        header.put(IndexTag::RPMTAG_FILEMODES as u32, Value::int16(rows().map(|row| row.mode)));
        header.put(IndexTag::RPMTAG_FILERDEVS as u32, Value::int16(rows().map(|_| 0)));
        header.put_numbers(IndexTag::RPMTAG_FILEMTIMES as u32, rows().map(|row| row.mtime));
        header.put_texts(IndexTag::RPMTAG_FILEDIGESTS as u32, rows().map(|row| row.digest()));
        header.put_texts(IndexTag::RPMTAG_FILELINKTOS as u32, rows().map(|row| row.target));
        header.put_numbers(IndexTag::RPMTAG_FILEFLAGS as u32, rows().map(|row| row.flags.bits()));
        header.put_texts(IndexTag::RPMTAG_FILEUSERNAME as u32, root());
        header.put_texts(IndexTag::RPMTAG_FILEGROUPNAME as u32, root());
        header.put_numbers(IndexTag::RPMTAG_FILEVERIFYFLAGS as u32, rows().map(|row| row.verify));
        header.put_numbers(IndexTag::RPMTAG_FILEDEVICES as u32, rows().map(|_| 1));
        header.put_numbers(IndexTag::RPMTAG_FILEINODES as u32, (0..self.items.len()).map(inode));
        header.put_texts(IndexTag::RPMTAG_FILELANGS as u32, none());
        header.put_numbers(IndexTag::RPMTAG_FILEDIGESTALGO as u32, [super::SHA256]);
        if self.has_capabilities() {
            header.put_texts(IndexTag::RPMTAG_FILECAPS as u32, rows().map(|row| self.capabilities(&row)));
        }
    }

    fn put_sizes<'b>(&'b self, header: &mut Header<'b>) {
        let sizes = self.rows().map(|row| row.size);
        let total: u64 = sizes.clone().sum();
        if total < u32::MAX.into() {
            header.put_numbers(IndexTag::RPMTAG_SIZE as u32, [total as u32]);
        } else {
            header.put(IndexTag::RPMTAG_LONGSIZE as u32, Value::int64([total]));
        }
        if self.has_large_files() {
            header.put(IndexTag::RPMTAG_LONGFILESIZES as u32, Value::int64(sizes));
        } else {
            header.put_numbers(IndexTag::RPMTAG_FILESIZES as u32, sizes.map(|size| size as u32));
        }
    }

    /// Directories once each, and for every file its directory's number and its own name.
    fn put_names<'b>(&'b self, header: &mut Header<'b>) {
        let (firsts, numbers) = self.directories();
        let directory = move |index: u32| self.row(&self.items[index as usize]).directory().concat();
        header.put_texts(IndexTag::RPMTAG_DIRNAMES as u32, firsts.into_iter().map(directory));
        header.put_numbers(IndexTag::RPMTAG_DIRINDEXES as u32, numbers);
        header.put_texts(IndexTag::RPMTAG_BASENAMES as u32, self.rows().map(|row| row.name()));
    }

    /// The first file of each directory, directories as they first occur, and for every file its directory's number among them.
    fn directories(&self) -> (Vec<u32>, Vec<u32>) {
        let directory = |index: u32| self.row(&self.items[index as usize]).directory();
        // By directory, and in each by number: a map of a hundred thousand directories would take as much memory as all else here.
        let mut sorted: Vec<u32> = (0..self.items.len() as u32).collect();
        sorted.sort_unstable_by(|&a, &b| directory(a).cmp(&directory(b)).then(a.cmp(&b)));
        // First, for every file, the first file of its directory; then, since that comes before it, its directory's number.
        let mut numbers = vec![0; sorted.len()];
        for alike in sorted.chunk_by(|&a, &b| directory(a) == directory(b)) {
            alike.iter().for_each(|&index| numbers[index as usize] = alike[0]);
        }
        let mut firsts = Vec::new();
        for index in 0..numbers.len() {
            let first = numbers[index];
            if first as usize == index {
                numbers[index] = firsts.len() as u32;
                firsts.push(first);
            } else {
                numbers[index] = numbers[first as usize];
            }
        }
        (firsts, numbers)
    }
}

/// The inode number of the row at `index`: each its own, so that rpm sees no hard links.
pub fn inode(index: usize) -> u32 {
    index as u32 + 1
}

fn packaged<'a>(prefix: &'a str, file: &'a PreparedFile, latest: u32) -> Row<'a> {
    let (kind, target): (_, &[u8]) = match &file.entry.kind {
        Kind::Directory => (DIRECTORY, b""),
        Kind::File(_) => (REGULAR, b""),
        Kind::Symlink(target) => (SYMLINK, target),
    };
    let permissions = if kind == SYMLINK { 0o777 } else { file.entry.mode as u16 & 0o7777 };
    let config = FileFlags::CONFIG | FileFlags::NOREPLACE;
    Row {
        above: prefix.as_bytes(),
        below: file.entry.path.as_bytes(),
        mode: kind | permissions,
        size: file.len(),
        // Later than the build would be a build that cannot be repeated: rpmbuild clamps in the same way.
        mtime: file.entry.mtime.clamp(0, latest.into()) as u32,
        target,
        content: (kind == REGULAR).then_some(file),
        flags: if file.entry.config && kind == REGULAR { config } else { FileFlags::empty() },
        verify: FileVerifyFlags::ALL_FLAGS.bits(),
    }
}

fn made_there<'a>(prefix: &'a str, ghost: &'a Ghost, latest: u32) -> Row<'a> {
    let (mode, target): (_, &[u8]) = match &ghost.kind {
        GhostKind::File { mode } => (REGULAR | (mode & 0o7777), b""),
        GhostKind::Directory { mode } => (DIRECTORY | (mode & 0o7777), b""),
        GhostKind::Link { target } => (SYMLINK | 0o777, target.as_bytes()),
    };
    // The installer sets owner, mode and content on the endpoint, so `rpm -V` has nothing to compare with.
    let checks = FileVerifyFlags::FILEDIGEST
        | FileVerifyFlags::FILESIZE
        | FileVerifyFlags::LINKTO
        | FileVerifyFlags::USER
        | FileVerifyFlags::GROUP
        | FileVerifyFlags::MTIME
        | FileVerifyFlags::MODE
        | FileVerifyFlags::RDEV
        | FileVerifyFlags::CAPS;
    // Apart as packaged files' paths are: one directory is one pair.
    let below = ghost.path.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/'));
    let (above, below) = below.map_or(("", ghost.path.as_ref()), |below| (prefix, below));
    Row {
        above: above.as_bytes(),
        below: below.as_bytes(),
        mode,
        size: target.len() as u64,
        mtime: latest,
        target,
        content: None,
        flags: FileFlags::GHOST,
        verify: !checks.bits(),
    }
}

fn display(path: &[u8]) -> String {
    String::from_utf8_lossy(path).escape_debug().to_string()
}
