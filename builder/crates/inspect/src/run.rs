//! Self-extracting shell archives: linkpack's own, and makeself's, whose headers are read as text and never run.

use super::digest;
use super::entries::Entries;
use super::limits;
use super::makeself;
use super::ours;
use super::reader::{Aside, Opened, Reader};
use super::report::{path_length, path_text, text, FileEntry, FileFacts, FileKind, Format, Part, Report, Signature};
use super::watch::{Algorithm, Keep, Seen, Watch};
use super::{plain, Depth, Package};
use base::error::{Error, Result};
use base::run_layout::{run_signature_field, RUN_SIGNATURE_AT, RUN_SUM_AT, RUN_SUM_COVERS_FROM};
use base64ct::{Base64, Encoding};
use payload::decode::{damaged, Input};
use payload::gather::FoundKind;
use payload::sink::Sink;
use payload::tar;
use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek};

/// What our own stubs begin with, up to the digest.
const OURS: &[u8] = b"#!/bin/sh\nLP_SUM=";
/// Bytes of a stub in which its facts stand.
const FACTS: usize = 512 << 10;
/// The payload's own list, its first member.
const LIST: &str = ".files";

/// A self-extracting shell archive.
pub struct Run;

impl Reader for Run {
    fn begins(&self, first: &[u8]) -> bool {
        first.starts_with(b"#!")
    }

    fn may_end_in(&self, ending: &str) -> bool {
        ending == "run"
    }

    fn read(&self, opened: Opened) -> Result<Package> {
        read(opened.input, opened.file, opened.depth).map(plain)
    }

    fn aside(&self, _: &Report) -> Aside {
        Aside::Bytes(vec![RUN_SIGNATURE_AT])
    }
}

/// Reads a package.
///
/// # Errors
/// It is a shell script of another kind, or its header does not say where its payload is.
fn read(input: &mut Input, file: FileFacts, depth: Depth) -> Result<Report> {
    let head = head(input, &file.name)?;
    if head.starts_with(OURS) {
        return ours(input, file, &head, depth);
    }
    match makeself::recognise(&head) {
        Some(header) => makeself::read(input, file, &head, &header),
        None => Err(Error::new(format!("{} is a shell script, and neither linkpack nor makeself made it", file.name))
            .help("read it before you run it: no tool can say what it does")),
    }
}

/// The first bytes, up to the limit of a stub.
fn head(input: &mut Input, name: &str) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    let done = input.rewind().and_then(|()| input.by_ref().take(limits::STUB).read_to_end(&mut head));
    done.map_err(|error| damaged(name, &error))?;
    Ok(head)
}

fn ours(input: &mut Input, file: FileFacts, head: &[u8], depth: Depth) -> Result<Report> {
    let (name, size) = (file.name.clone(), file.size);
    let mut report = Report::new(Format::Run, file);
    let stated = text(head.get(RUN_SUM_AT.start as usize..RUN_SUM_AT.end as usize).unwrap_or_default());
    let wanted = if depth.compares() { vec![Algorithm::Sha256.hasher()] } else { Vec::new() };
    let digest = digest::Beside::start(input, RUN_SUM_COVERS_FROM.min(size)..size, wanted, &name)?;
    inside(input, head, size, depth, &mut report)?;
    let found = digest.finish()?.concat();
    if depth.compares() {
        report.claims.part_at(0, "everything after line 3", "SHA-256", stated, hex::encode(found));
    }
    Ok(report)
}

/// What the stub says, and the payload behind it.
fn inside(input: &mut Input, head: &[u8], size: u64, depth: Depth, report: &mut Report) -> Result<()> {
    for fault in line_faults(head) {
        report.damaged("stub", fault);
    }
    report.signatures.extend(signature(head));
    // Facts stand at the top; most of what was read is the payload, which is no text.
    let shown = String::from_utf8_lossy(&head[..head.len().min(FACTS)]);
    let facts = ours::facts(&shown, report);
    identify(&facts, report);
    let offset = facts.get("OFFSET").and_then(|text| text.parse().ok()).filter(|&offset: &u64| offset <= head.len() as u64);
    let Some(offset) = offset else {
        report.damaged("stub", "it does not say where the payload begins (LP_OFFSET)");
        return Ok(());
    };
    report.script("stub", Some("/bin/sh".to_owned()), &head[..offset as usize]);
    let codec = facts.get("CODEC").cloned();
    report.parts.push(Part { name: "stub".into(), offset: Some(0), size: offset, codec: None });
    report.parts.push(Part { name: "payload".into(), offset: Some(offset), size: size - offset, codec: None });
    if depth == Depth::Headers {
        list_alone(input, offset, size, report)?;
    } else if let Some(found) = payload(input, offset, size, stated_size(&facts), depth, report)? {
        if let Some(stated) = codec {
            report.claims.part("payload", "codec", stated, found);
        }
    }
    Ok(())
}

/// What is wrong in the lines that no digest covers: a shell would run whatever else stands there.
fn line_faults(head: &[u8]) -> Vec<&'static str> {
    let mut faults = Vec::new();
    if head.get(RUN_SUM_AT.end as usize) != Some(&b'\n') {
        faults.push("its second line is not LP_SUM= and a SHA-256");
    }
    let line = head.get(RUN_SUM_AT.end as usize + 1..RUN_SUM_COVERS_FROM as usize).unwrap_or_default();
    let base64 =
        std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix("LP_SIG=")?.split_once(" #")).map(|(base64, _)| base64);
    let exact = base64.filter(|base64| {
        let digits = base64.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        digits && run_signature_field(base64).is_some_and(|field| line == format!("LP_SIG={field}\n").as_bytes())
    });
    if exact.is_none() {
        faults.push("its third line is not LP_SIG= and a signature");
    }
    faults
}

/// The signature of the third line.
fn signature(head: &[u8]) -> Option<Signature> {
    let field = head.get(RUN_SIGNATURE_AT.start as usize..RUN_SIGNATURE_AT.end as usize)?;
    let (base64, _) = std::str::from_utf8(field).ok()?.split_once(" #")?;
    let bytes = Base64::decode_vec(base64).ok().filter(|bytes| !bytes.is_empty())?;
    let kind = "detached".to_owned();
    Some(Signature { kind, algorithm: None, key: None, place: "LP_SIG, of everything after line 3".to_owned(), bytes })
}

fn identify(facts: &BTreeMap<String, String>, report: &mut Report) {
    let get = |name: &str| facts.get(name).cloned().unwrap_or_default();
    report.identity.name = get("PRODUCT");
    report.identity.summary = get("TITLE");
    report.identity.version = get("VERSION");
    report.identity.architecture = get("ARCH");
    for tool in get("TOOLS").split_whitespace() {
        report.relate("needs", tool);
    }
}

/// What the stub says that its files take on the endpoint, in bytes.
fn stated_size(facts: &BTreeMap<String, String>) -> u64 {
    facts.get("NEEDED_KB").and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default().saturating_mul(1024)
}

/// The tar behind the stub, whose files are said to have `stated` bytes; the name of its codec where that could be told.
fn payload(input: &mut Input, offset: u64, size: u64, stated: u64, depth: Depth, report: &mut Report) -> Result<Option<String>> {
    let limit = limits::unpacked_as_stated(size - offset, stated);
    let mut entries = Entries::default();
    let mut list = None;
    let mut sink = First { list: Keep::default(), watch: Watch::new(None, limit).looking(depth.looks()), first: true };
    let (codec, done) = match input.stream("payload".to_owned(), offset, size - offset) {
        Ok(stream) => {
            let codec = stream.codec().name().to_owned();
            let mut stream = stream.limited(limit);
            let done = tar::walk(&mut stream, &mut sink, &mut |member| match member.kind {
                FoundKind::File(Content::List(bytes)) if member.name == LIST.as_bytes() => {
                    list = Some(bytes);
                    Ok(())
                }
                _ => entries.member("", seen(member)),
            });
            (Some(codec), done)
        }
        Err(error) => (None, Err(error)),
    };
    let whole = done.is_ok();
    report.settle("payload", done)?;
    if let (Some(part), Some(codec)) = (report.parts.last_mut(), &codec) {
        part.codec = Some(codec.clone());
    }
    entries.link();
    match list {
        Some(list) => listed(&list, &mut entries, whole, report),
        None if whole => report.damaged("payload", format!("its first member is not {LIST}, the list of the others")),
        None => {}
    }
    report.files = entries.files;
    Ok(codec)
}

/// The files as the payload's first member lists them; what follows it is not read.
fn list_alone(input: &mut Input, offset: u64, size: u64, report: &mut Report) -> Result<()> {
    let mut list = None;
    let read = input.stream("payload".to_owned(), offset, size - offset).and_then(|stream| {
        let codec = stream.codec().name().to_owned();
        let mut stream = stream.limited(limits::unpacked(size - offset));
        let done = tar::walk(&mut stream, &mut Keep::default(), &mut |member| {
            if let FoundKind::File(bytes) = member.kind {
                list = (member.name == LIST.as_bytes()).then_some(bytes);
            }
            Err(Error::new("the first member is enough"))
        });
        // An end before the first member, or an interrupt.
        done.or_else(|error| if list.is_some() { Ok(()) } else { Err(error) }).map(|()| codec)
    });
    match read {
        Err(error) if error.is_interrupted() => return Err(error),
        Err(error) => report.damaged_by("payload", &error),
        Ok(codec) => {
            if let Some(part) = report.parts.last_mut() {
                part.codec = Some(codec);
            }
        }
    }
    let mut entries = Entries::default();
    for line in list.unwrap_or_default().split(|&b| b == b'\n').filter_map(Line::parse) {
        entries.push(line.entry(), None)?;
    }
    report.files = entries.files;
    Ok(())
}

/// Keeps the first content, which is the list, and watches the others.
struct First {
    list: Keep,
    watch: Watch,
    first: bool,
}

#[derive(Clone)]
enum Content {
    List(Vec<u8>),
    Seen(Seen),
}

impl Sink for First {
    type Content = Content;

    fn begin(&mut self) {
        self.watch.begin();
        self.list.begin();
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.first {
            return self.list.write(bytes);
        }
        self.watch.write(bytes)
    }

    fn hole(&mut self, len: u64) -> Result<()> {
        if self.first {
            return self.list.hole(len);
        }
        self.watch.hole(len)
    }

    fn end(&mut self) -> Content {
        if std::mem::take(&mut self.first) {
            return Content::List(self.list.end());
        }
        Content::Seen(self.watch.end())
    }
}

/// A member whose content is what was seen of it; the bytes of a first member that is no list are looked at now.
fn seen(member: tar::Member<Content>) -> tar::Member<Seen> {
    let kind = match member.kind {
        FoundKind::File(Content::Seen(seen)) => FoundKind::File(seen),
        FoundKind::File(Content::List(bytes)) => {
            let mut watch = Watch::new(None, u64::MAX);
            watch.begin();
            // Without a limit it takes everything.
            let _ = watch.write(&bytes);
            FoundKind::File(watch.end())
        }
        FoundKind::Directory => FoundKind::Directory,
        FoundKind::Symlink(target) => FoundKind::Symlink(target),
        FoundKind::HardLink(target) => FoundKind::HardLink(target),
        FoundKind::Refused(what) => FoundKind::Refused(what),
    };
    let tar::Member { name, mode, mtime, owner, group, dialect, .. } = member;
    tar::Member { name, kind, mode, mtime, owner, group, dialect, extended: None }
}

/// Lines `TYPE<TAB>MODE<TAB>SIZE<TAB>SHA256<TAB>config or -<TAB>PATH` against the members.
fn listed(list: &[u8], entries: &mut Entries, whole: bool, report: &mut Report) {
    let by_path: HashMap<String, usize> = entries.files.iter().enumerate().map(|(at, file)| (file.path.clone(), at)).collect();
    let mut named = vec![false; entries.files.len()];
    for line in list.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
        let Some(claim) = Line::parse(line) else {
            let line = path_text(&line[..line.len().min(200)]);
            report.damaged(LIST, format!("its line \"{line}\" is not of six fields"));
            continue;
        };
        let path = path_text(&claim.path);
        let Some(&at) = by_path.get(&path) else {
            if whole {
                report.claims.file_text(&path, "presence", false, || (format!("in {LIST}"), "not in the payload".into()));
            }
            continue;
        };
        named[at] = true;
        entries.files[at].config = claim.config;
        let found = Line::of(&entries.files[at]);
        report.claims.file_text(&path, "kind and mode", claim.kind_and_mode == found.kind_and_mode, || {
            (claim.kind_and_mode.clone(), found.kind_and_mode)
        });
        report.claims.file_text(&path, "size", claim.size == found.size, || (claim.size.clone(), found.size));
        report.claims.file_text(&path, "SHA-256", claim.sha256 == found.sha256, || (claim.sha256.clone(), found.sha256));
    }
    for (file, _) in entries.files.iter().zip(named).filter(|(_, named)| !named) {
        let texts = || (format!("not in {LIST}"), "in the payload".into());
        report.claims.file_text(&file.path, "presence", false, texts);
    }
}

/// One line of the list, or what it would have to be.
struct Line {
    kind_and_mode: String,
    size: String,
    sha256: String,
    config: bool,
    path: Vec<u8>,
}

impl Line {
    fn parse(line: &[u8]) -> Option<Self> {
        let fields: Vec<&[u8]> = line.splitn(6, |&b| b == b'\t').collect();
        let [kind, mode, size, sha256, config, path] = fields[..] else { return None };
        let kind_and_mode = format!("{} {}", text(kind), text(mode));
        Some(Line { kind_and_mode, size: text(size), sha256: text(sha256), config: config == b"config", path: unescaped(path) })
    }

    fn entry(&self) -> FileEntry {
        let (kind, mode) = self.kind_and_mode.split_once(' ').unwrap_or_default();
        let kind = match kind {
            "d" => FileKind::Directory,
            "l" => FileKind::Symlink,
            _ => FileKind::File,
        };
        let mut entry = FileEntry::new(path_text(&self.path), kind);
        entry.mode = u32::from_str_radix(mode, 8).ok();
        if kind == FileKind::File {
            entry.size = self.size.parse().unwrap_or_default();
        }
        entry.config = self.config;
        entry
    }

    fn of(file: &FileEntry) -> Self {
        let kind = match file.kind {
            FileKind::Directory => "d",
            FileKind::Symlink => "l",
            FileKind::File | FileKind::HardLink => "f",
            FileKind::Special => "?",
        };
        // As lstat tells it: a link's size is its target's length.
        let size = file.target.as_deref().filter(|_| file.kind == FileKind::Symlink).map_or(file.size, path_length);
        Line {
            kind_and_mode: format!("{kind} {:o}", file.mode.unwrap_or_default()),
            size: size.to_string(),
            sha256: file.sha256.map_or_else(|| "-".to_owned(), hex::encode),
            config: file.config,
            path: Vec::new(),
        }
    }
}

/// A name from printf's `%b` form: `\0ooo` is a byte.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut at = 0;
    while let Some(&byte) = name.get(at) {
        let digits = name.get(at + 2..at + 5).filter(|digits| digits.iter().all(|b| (b'0'..=b'7').contains(b)));
        match (name[at..].starts_with(b"\\0"), digits) {
            (true, Some(digits)) => {
                plain.push(digits.iter().fold(0_u32, |value, digit| value << 3 | u32::from(digit - b'0')) as u8);
                at += 5;
            }
            _ => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_list_come_back_byte_for_byte() {
        assert_eq!(unescaped(b"a\\0012b\\0134c \xff"), b"a\nb\\c \xff");
        assert_eq!(unescaped(b"a\\"), b"a\\");
    }
}
