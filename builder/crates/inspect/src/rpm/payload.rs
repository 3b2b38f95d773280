//! The files that the header lists, against what the payload holds.

use super::Headers;
use crate::entries::Entries;
use crate::limits;
use crate::ours;
use crate::report::{path_text, FileEntry, FileKind, Report};
use crate::watch::{Algorithm, Seen, Watch};
use crate::Depth;
use base::error::{Error, Result};
use payload::cpio::Cpio;
use payload::decode::{Input, Unpacker};
use payload::rpm::{self, File, Payload, CONFIG, TYPE};
use payload::rpm_header::Tag;
use std::cell::{Cell, RefCell};

const FILE_DIGESTS: u32 = 1035;
const USERS: u32 = 1039;
const GROUPS: u32 = 1040;
const FILE_DIGEST_ALGORITHM: u32 = 5011;
/// The digest of the uncompressed payload.
const PLAIN_DIGEST: u32 = 5097;
/// Tags of the signature header: the uncompressed payload's length.
const PLAIN_SIZE: u32 = 1007;
const LONG_PLAIN_SIZE: u32 = 271;
/// Bytes of cpio's last record.
const TRAILER: u64 = 124;

pub(super) fn read(input: &mut Input, rpm: &Headers, depth: Depth, report: &mut Report) -> Result<()> {
    match rpm.header.text(Tag::PayloadFormat).as_deref() {
        None | Some("cpio") => {}
        Some(other) => {
            let error = Error::new(format!("it has the format {other}, which linkpack does not read")).unsupported();
            report.damaged_by("payload", &error);
            return Ok(());
        }
    }
    let files = match rpm::files(&rpm.header, "the header") {
        Ok(files) => files,
        Err(error) => {
            report.damaged_by("header", &error);
            Vec::new()
        }
    };
    let number = rpm.header.numbers(FILE_DIGEST_ALGORITHM).first().copied().unwrap_or(1);
    let algorithm = Algorithm::of_openpgp(number);
    if algorithm.is_none() {
        report.damaged("header", format!("its files' digests are of the unknown algorithm {number}"));
    }
    let contents = match depth {
        Depth::Headers => Vec::new(),
        _ => contents(input, rpm, &files, algorithm, depth, report)?,
    };
    if let Err(error) = list(rpm, &files, &contents, report) {
        report.damaged_by("header", &error);
    }
    if let Some(algorithm) = algorithm.filter(|_| depth.compares()) {
        claims(rpm, &files, &contents, algorithm, report);
    }
    let files = std::mem::take(&mut report.files);
    ours::services(files.iter().map(|file| file.path.as_str()), report);
    report.files = files;
    Ok(())
}

/// Streams the payload: each file's content as it was seen, and the claims about the uncompressed payload.
fn contents(
    input: &mut Input,
    rpm: &Headers,
    files: &[File],
    algorithm: Option<Algorithm>,
    depth: Depth,
    report: &mut Report,
) -> Result<Vec<Option<Seen>>> {
    let plain = Plain::of(rpm);
    let (offset, len) = (rpm.payload_range.start, rpm.payload_range.end - rpm.payload_range.start);
    let sizes = files.iter().filter(|file| file.is_regular()).fold(0, |sum: u64, file| sum.saturating_add(file.size));
    let limit = limits::unpacked_as_stated(len, sizes);
    let stream = input.stream_for(Unpacker::Rpm, "payload".to_owned(), offset, len);
    let (contents, done) = match stream {
        Ok(stream) => {
            if let Some(part) = report.parts.last_mut() {
                part.codec = Some(stream.codec().name().to_owned());
            }
            if let Some(why) = rpm::compressed_otherwise(&rpm.header, stream.codec()) {
                report.damaged("payload", format!("{why}: rpm does not unpack it"));
            }
            let mut stream = stream.limited(limit).observed(|bytes| plain.see(bytes));
            let mut watch = Watch::new(algorithm, limit).looking(depth.looks());
            let read = Payload::new(files).read(&mut Cpio::new(&mut stream), &mut watch);
            let bytes = stream.beyond().bytes;
            if bytes > 0 {
                report.notes.push(format!("{bytes} bytes follow its compressed payload; rpm does not unpack them"));
            }
            read
        }
        Err(error) => (vec![None; files.len()], Err(error)),
    };
    match done {
        Ok(()) => plain.claim(rpm, sizes, report),
        Err(error) if error.is_interrupted() => return Err(error),
        Err(error) => report.damaged_by("payload", &error),
    }
    Ok(contents)
}

/// Length and digest of the uncompressed payload.
struct Plain {
    len: Cell<u64>,
    hasher: RefCell<Option<(Algorithm, crate::watch::Hasher)>>,
}

impl Plain {
    fn of(rpm: &Headers) -> Self {
        let number = rpm.header.numbers(Tag::PayloadDigestAlgo).first().copied().unwrap_or(8);
        let wanted = Algorithm::of_openpgp(number).filter(|_| rpm.header.has(PLAIN_DIGEST));
        Plain { len: Cell::new(0), hasher: RefCell::new(wanted.map(|algorithm| (algorithm, algorithm.hasher()))) }
    }

    fn see(&self, bytes: &[u8]) {
        self.len.set(self.len.get() + bytes.len() as u64);
        if let Some((_, hasher)) = self.hasher.borrow_mut().as_mut() {
            hasher.update(bytes);
        }
    }

    /// `contents` are the bytes of all files.
    fn claim(self, rpm: &Headers, contents: u64, report: &mut Report) {
        let signature = &rpm.signature;
        let size = signature.numbers(LONG_PLAIN_SIZE).first().copied().or(signature.numbers(PLAIN_SIZE).first().copied());
        if let Some(stated) = size {
            // rpm compares it with nothing: Google's rpmpack writes the size of the files, and rpm 4.11.90 did not count the trailer.
            let known = [Some(self.len.get()), self.len.get().checked_sub(TRAILER), Some(contents)];
            let found = if known.contains(&Some(stated)) { stated } else { self.len.get() };
            report.claims.part("unpacked payload", "size", stated.to_string(), found.to_string());
        }
        if let (Some((algorithm, hasher)), Some(stated)) = (self.hasher.into_inner(), rpm.header.text(PLAIN_DIGEST)) {
            let found = hex::encode(hasher.finish());
            report.claims.part("unpacked payload", algorithm.name(), stated.to_ascii_lowercase(), found);
        }
    }
}

/// The header's files as entries.
fn list(rpm: &Headers, files: &[File], contents: &[Option<Seen>], report: &mut Report) -> Result<()> {
    let (users, groups) = (rpm.header.strings(USERS), rpm.header.strings(GROUPS));
    let mut entries = Entries::default();
    let root = if report.identity.source { "" } else { "/" };
    for (at, file) in files.iter().enumerate() {
        let mut person = |names: &[&[u8]]| names.get(at).map(|name| entries.person(&String::from_utf8_lossy(name)));
        let (owner, group) = (person(&users), person(&groups));
        let kind = match file.mode & TYPE {
            _ if file.is_regular() || (file.is_ghost() && file.mode & TYPE == 0o100000) => FileKind::File,
            0o040000 => FileKind::Directory,
            0o120000 => FileKind::Symlink,
            _ => FileKind::Special,
        };
        let mut entry = FileEntry::new(format!("{root}{}", path_text(&file.name)), kind);
        entry.mode = Some(file.mode & 0o7777);
        (entry.owner, entry.group) = (owner, group);
        entry.target = (kind == FileKind::Symlink).then(|| path_text(&file.link));
        entry.mtime = Some(file.mtime);
        entry.config = file.flags & CONFIG != 0;
        entry.ghost = file.is_ghost();
        if kind == FileKind::File {
            entry.size = file.size;
        }
        entries.push(entry, contents.get(at).cloned().flatten())?;
    }
    report.files = entries.files;
    Ok(())
}

/// Each file's digest, and that there is one of each.
fn claims(rpm: &Headers, files: &[File], contents: &[Option<Seen>], algorithm: Algorithm, report: &mut Report) {
    let digests = rpm.header.strings(FILE_DIGESTS);
    // What a damaged payload no longer gave is said once.
    let whole = !report.damage.iter().any(|damage| damage.part == "payload");
    for (at, file) in files.iter().enumerate().filter(|(_, file)| file.is_regular()) {
        let path = || format!("/{}", path_text(&file.name));
        let stated = digests.get(at).copied().unwrap_or_default();
        match contents.get(at).and_then(Option::as_ref) {
            Some(seen) if !stated.is_empty() => {
                let found = hex::encode(seen.digest(algorithm));
                let holds = stated.eq_ignore_ascii_case(found.as_bytes());
                let texts = || (String::from_utf8_lossy(&stated[..stated.len().min(128)]).into_owned(), found);
                report.claims.file_text(&path(), algorithm.name(), holds, texts);
            }
            Some(_) => report.notes.push(format!("{} has no digest in the header", path())),
            None if whole => {
                report.claims.file_text(&path(), "presence", false, || ("in the header".into(), "not in the payload".into()));
            }
            None => {}
        }
    }
}
