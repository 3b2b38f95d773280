//! The files of a package: what the header lists and the payload holds.

use super::header::{Header, Value};
use super::{Ghost, GhostKind, RpmSpec};
use crate::error::{Error, Result};
use crate::format::PreparedFile;
use crate::payload::Kind;
use ::rpm::{FileFlags, FileVerifyFlags, IndexTag};

const DIRECTORY: u16 = 0o040000;
const REGULAR: u16 = 0o100000;
const SYMLINK: u16 = 0o120000;

/// One line of the file list.
#[derive(Debug)]
pub struct Row<'a> {
    /// Absolute.
    pub path: Vec<u8>,
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

impl Row<'_> {
    /// Whether the endpoint makes it: it is listed, but not in the payload.
    pub fn is_ghost(&self) -> bool {
        self.flags.contains(FileFlags::GHOST)
    }

    fn digest(&self) -> String {
        let digests = self.content.and_then(|file| file.digests);
        digests.map(|digests| hex::encode(digests.sha256)).unwrap_or_default()
    }

    /// The path's directory with its final slash, as DIRNAMES has it, and the name inside it.
    fn split(&self) -> (&[u8], &[u8]) {
        let slash = self.path.iter().rposition(|&b| b == b'/').unwrap_or(0);
        self.path.split_at(slash + 1)
    }
}

/// The files of a package in the order of their paths' bytes, in which rpm looks them up.
#[derive(Debug)]
pub struct FileList<'a>(Vec<Row<'a>>);

impl<'a> FileList<'a> {
    /// The prefix itself, all files below it, and the ghosts.
    ///
    /// # Errors
    /// Two of them have one path; a path is longer than rpm's payload can hold.
    pub fn new(spec: &'a RpmSpec) -> Result<Self> {
        let latest = u32::try_from(spec.build_time).unwrap_or(if spec.build_time < 0 { 0 } else { u32::MAX });
        let prefix = Row {
            path: spec.prefix.as_bytes().to_vec(),
            mode: DIRECTORY | 0o755,
            size: 0,
            mtime: latest,
            target: b"",
            content: None,
            flags: FileFlags::empty(),
            verify: FileVerifyFlags::ALL_FLAGS.bits(),
        };
        let mut rows = vec![prefix];
        rows.extend(spec.files.iter().map(|file| packaged(spec.prefix, file, latest)));
        rows.extend(spec.ghosts.iter().map(|ghost| made_there(ghost, latest)));
        rows.sort_by(|a, b| a.path.cmp(&b.path));
        for pair in rows.windows(2) {
            if pair[0].path == pair[1].path {
                return Err(Error::new(format!("the RPM would list {} twice", display(&pair[0].path))));
            }
        }
        // "./usr..." and its NUL take 2 bytes more; rpm's cpio reader takes 4096 (lib/cpio.c).
        if let Some(long) = rows.iter().find(|row| row.path.len() + 2 > 4096) {
            let shown = display(&long.path[..80]);
            return Err(Error::new(format!("a path of {} bytes is too long for an RPM: {shown}...", long.path.len()))
                .help("shorten the names, or exclude the file"));
        }
        Ok(FileList(rows))
    }

    /// The rows in order.
    pub fn rows(&self) -> &[Row<'a>] {
        &self.0
    }

    /// Whether a file is too long for the "newc" cpio format, whose lengths have 32 bits.
    pub fn has_large_files(&self) -> bool {
        self.0.iter().any(|row| row.size >= u32::MAX.into())
    }

    /// Whether every name is UTF-8, so that the header may say so.
    pub fn is_utf8(&self) -> bool {
        self.0.iter().all(|row| std::str::from_utf8(&row.path).is_ok() && std::str::from_utf8(row.target).is_ok())
    }

    /// Puts all tags that describe files.
    pub fn put(&self, header: &mut Header) {
        self.put_sizes(header);
        self.put_names(header);
        let rows = &self.0;
        let none = || rows.iter().map(|_| "");
        let root = || rows.iter().map(|_| "root");
        header.put(IndexTag::RPMTAG_FILEMODES as u32, Value::Int16(rows.iter().map(|row| row.mode).collect()));
        header.put(IndexTag::RPMTAG_FILERDEVS as u32, Value::Int16(vec![0; rows.len()]));
        header.put_numbers(IndexTag::RPMTAG_FILEMTIMES as u32, rows.iter().map(|row| row.mtime));
        header.put_texts(IndexTag::RPMTAG_FILEDIGESTS as u32, rows.iter().map(Row::digest));
        header.put_texts(IndexTag::RPMTAG_FILELINKTOS as u32, rows.iter().map(|row| row.target));
        header.put_numbers(IndexTag::RPMTAG_FILEFLAGS as u32, rows.iter().map(|row| row.flags.bits()));
        header.put_texts(IndexTag::RPMTAG_FILEUSERNAME as u32, root());
        header.put_texts(IndexTag::RPMTAG_FILEGROUPNAME as u32, root());
        header.put_numbers(IndexTag::RPMTAG_FILEVERIFYFLAGS as u32, rows.iter().map(|row| row.verify));
        header.put_numbers(IndexTag::RPMTAG_FILEDEVICES as u32, rows.iter().map(|_| 1));
        header.put_numbers(IndexTag::RPMTAG_FILEINODES as u32, (0..rows.len()).map(inode));
        header.put_texts(IndexTag::RPMTAG_FILELANGS as u32, none());
        header.put_numbers(IndexTag::RPMTAG_FILEDIGESTALGO as u32, [super::SHA256]);
    }

    fn put_sizes(&self, header: &mut Header) {
        let sizes = self.0.iter().map(|row| row.size);
        let total: u64 = sizes.clone().sum();
        if total < u32::MAX.into() {
            header.put_numbers(IndexTag::RPMTAG_SIZE as u32, [total as u32]);
        } else {
            header.put(IndexTag::RPMTAG_LONGSIZE as u32, Value::Int64(vec![total]));
        }
        if self.has_large_files() {
            header.put(IndexTag::RPMTAG_LONGFILESIZES as u32, Value::Int64(sizes.collect()));
        } else {
            header.put_numbers(IndexTag::RPMTAG_FILESIZES as u32, sizes.map(|size| size as u32));
        }
    }

    /// Directories once each, and for every file its directory's number and its own name.
    fn put_names(&self, header: &mut Header) {
        let mut numbers = std::collections::HashMap::new();
        let mut directories = Vec::new();
        let mut indexes = Vec::with_capacity(self.0.len());
        for row in &self.0 {
            let directory = row.split().0;
            let number = *numbers.entry(directory).or_insert_with(|| {
                directories.push(directory);
                directories.len() as u32 - 1
            });
            indexes.push(number);
        }
        header.put_texts(IndexTag::RPMTAG_DIRNAMES as u32, directories);
        header.put_numbers(IndexTag::RPMTAG_DIRINDEXES as u32, indexes);
        header.put_texts(IndexTag::RPMTAG_BASENAMES as u32, self.0.iter().map(|row| row.split().1));
    }
}

/// The inode number of the row at `index`: each its own, so that rpm sees no hard links.
pub fn inode(index: usize) -> u32 {
    index as u32 + 1
}

fn packaged<'a>(prefix: &str, file: &'a PreparedFile, latest: u32) -> Row<'a> {
    let (kind, target): (_, &[u8]) = match &file.entry.kind {
        Kind::Directory => (DIRECTORY, b""),
        Kind::File(_) => (REGULAR, b""),
        Kind::Symlink(target) => (SYMLINK, target),
    };
    let permissions = if kind == SYMLINK { 0o777 } else { file.entry.mode as u16 & 0o7777 };
    let config = FileFlags::CONFIG | FileFlags::NOREPLACE;
    Row {
        path: [prefix.as_bytes(), b"/", file.entry.path.as_bytes()].concat(),
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

fn made_there(ghost: &Ghost, latest: u32) -> Row<'_> {
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
    Row {
        path: ghost.path.as_bytes().to_vec(),
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
