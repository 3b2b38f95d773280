//! DEB packages (deb(5), deb-control(5)): control, files, md5sums, signatures as members of their own.

use super::dpkg;
use super::entries::Entries;
use super::limits;
use super::manager::{tests, Libc, Manager, Scripts};
use super::openpgp;
use super::ours;
use super::reader::{Aside, Opened, Reader};
use super::report::{path_text, text, FileFacts, FileKind, Format, Part, Report};
use super::watch::{Algorithm, Keep, Watch};
use super::{plain, Depth, Package};
use base::error::Result;
use manifest::Installer;
use payload::deb::{is_old, members, second_stream, Member};
use payload::decode::{Beyond, Codec, Input, Stream, Unpacker};
use payload::elf::Glibc;
use payload::gather::FoundKind;
use payload::tar;
use std::collections::{BTreeMap, HashSet};

/// Bytes of an ar member's header (ar(5)).
const AR_HEADER: u64 = 60;

/// A package of dpkg's.
pub struct Deb;

impl Reader for Deb {
    fn begins(&self, first: &[u8]) -> bool {
        first == b"!<arch>\n" || is_old(first)
    }

    fn read(&self, opened: Opened) -> Result<Package> {
        read(opened.input, opened.file, opened.depth).map(plain)
    }

    fn manager(&self) -> Option<&'static Manager> {
        Some(&DPKG)
    }

    fn aside(&self, report: &Report) -> Aside {
        Aside::parts(report, |part, at| {
            part.name.starts_with("_gpg").then(|| at - AR_HEADER..(at + part.size).next_multiple_of(2))
        })
    }
}

const DPKG: Manager = Manager {
    installer: Installer::Dpkg,
    fields: |identity| {
        [("Maintainer", &identity.contact), ("Description", &identity.summary), ("Architecture", &identity.architecture)]
    },
    has_policy: true,
    relocates: false,
    lists_digests: false,
    marking: "list it in conffiles",
    libc: Libc { package: Some("libc6"), relations: &["depends", "pre-depends", "recommends"], version: libc },
    scripts: Scripts {
        last: "postinst",
        last_starts: &["postinst"],
        stops: &["prerm", "preinst"],
        starts: &["postinst"],
        is_removal: |conditions| {
            let any = |all: &[&str]| tests(conditions, all);
            any(&["!= upgrade"]) || (any(&["= remove", "remove)", "remove|", "|remove", "deconfigure)"]) && !any(&["upgrade"]))
        },
        remedy: "stop it for remove alone, or start it in postinst (deb-systemd-invoke start)",
    },
};

/// `libc6 (>= 2.34)`
fn libc(relation: &str) -> Option<Glibc> {
    let first = relation.split('|').next()?;
    let (name, rest) = first.split_once('(')?;
    let version = rest.trim_start().strip_prefix(">=").or_else(|| rest.trim_start().strip_prefix(">>"))?;
    let version = version.trim().trim_end_matches([')', ' ']).split(['-', '+', '~']).next()?;
    name.trim().split(':').next().filter(|name| *name == "libc6").and_then(|_| Glibc::parse(version))
}

/// Reads a package.
///
/// # Errors
/// It is no ar archive of a Debian package. Lesser faults become damage.
fn read(input: &mut Input, file: FileFacts, depth: Depth) -> Result<Report> {
    let name = file.name.clone();
    let size = file.size;
    let mut report = Report::new(Format::Deb, file);
    let members = members(input, &name)?;
    let mut first = [0; 8];
    let len = input.peek(&mut first)?;
    if is_old(&first[..len]) {
        report.notes.push("it has the format 0.939: dpkg reads it, and apt does not".to_owned());
    } else {
        version(input, &members[0], &mut report)?;
        if let Some(what) = dpkg::order(&members) {
            report.damaged("members", what);
        }
    }
    let end = members.last().map_or(0, |member| member.offset + member.size);
    if end + end % 2 < report.file.size {
        let more = report.file.size - end;
        report.notes.push(format!("{more} bytes follow its last member; dpkg does not read them, and no signature covers them"));
    }
    for member in &members {
        let (name, size) = (text(member.name.as_bytes()), member.size);
        report.parts.push(Part { name, offset: Some(member.offset), size, codec: None });
    }
    let control = match members.iter().position(|member| member.name.starts_with("control.tar")) {
        Some(at) => control(input, &members, at, &mut report)?,
        None => {
            report.damaged("control.tar", "there is none");
            BTreeMap::new()
        }
    };
    let sums = control.get(b"md5sums".as_slice());
    let limit = limits::unpacked_as_stated(size, installed_size(&control));
    match members.iter().position(|member| member.name.starts_with("data.tar")) {
        Some(at) => {
            let watch = match depth {
                Depth::Headers => Watch::idle(limit),
                _ => Watch::new(sums.is_some().then_some(Algorithm::Md5), limit).looking(depth.looks()),
            };
            data(input, &members, at, (limit, watch), &control, depth, &mut report)?;
        }
        None => report.damaged("data.tar", "there is none"),
    }
    for member in members.iter().filter(|member| member.name.starts_with("_gpg")) {
        let bytes = read_member(input, member)?;
        report.signatures.push(openpgp::signature(bytes, member.name.clone()));
    }
    Ok(report)
}

/// The first member is the format's version on a line of its own: 2 and a minor number.
fn version(input: &mut Input, member: &Member, report: &mut Report) -> Result<()> {
    let bytes = read_member(input, member)?;
    let line = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
    let minor = line.strip_prefix(b"2.").is_some_and(|minor| !minor.is_empty() && minor.iter().all(u8::is_ascii_digit));
    if !minor || line.len() == bytes.len() {
        report.damaged("debian-binary", "it is not the line 2.0");
    }
    Ok(())
}

/// Says what follows a member's compressed archive.
fn beyond(stream: &Stream, member: &Member, report: &mut Report) {
    match stream.beyond() {
        Beyond { bytes: 0, .. } => {}
        Beyond { bytes, stream: true } => report.damaged(member.name.clone(), second_stream(bytes)),
        Beyond { bytes, .. } => {
            let name = text(member.name.as_bytes());
            report.notes.push(format!("{bytes} bytes follow the compressed archive in {name}; dpkg does not read them"));
        }
    }
}

/// The files of control.tar by their names.
type Control = BTreeMap<Vec<u8>, Vec<u8>>;

fn open<'i>(input: &'i mut Input, members: &[Member], at: usize, report: &mut Report, limit: u64) -> Result<Option<Stream<'i>>> {
    let member = &members[at];
    match input.stream_for(Unpacker::Dpkg, member.name.clone(), member.offset, member.size) {
        Ok(stream) => {
            let codec = stream.codec();
            report.parts[at].codec = Some(codec.name().to_owned());
            // dpkg chooses the decompressor by the name.
            let extension = member.name.split_once(".tar").map_or("", |(_, extension)| extension);
            // What it unpacks as gzip may be plain.
            let fits = extension == codec.extension() || (extension, codec) == (".gz", Codec::Plain);
            if !fits {
                let codec = codec.name();
                report.damaged(member.name.clone(), format!("its name ends in \".tar{extension}\", and it is {codec}"));
            }
            Ok(Some(stream.limited(limit)))
        }
        Err(error) if error.is_interrupted() => Err(error),
        Err(error) => {
            report.damaged_by(member.name.clone(), &error);
            Ok(None)
        }
    }
}

fn control(input: &mut Input, members: &[Member], at: usize, report: &mut Report) -> Result<Control> {
    let mut control = Control::new();
    let Some(mut stream) = open(input, members, at, report, 2 * limits::CONTROL)? else { return Ok(control) };
    if let Codec::Bzip2 | Codec::Lzma = stream.codec() {
        let codec = stream.codec().name();
        report.damaged(members[at].name.clone(), format!("it is compressed with {codec}, which dpkg takes for data.tar alone"));
    }
    let (mut count, mut stranger, mut folder) = (0, None, None);
    let done = tar::walk(&mut stream, &mut Keep::default(), &mut |member| {
        count += 1;
        stranger = stranger.or(unread_by_dpkg(member.dialect));
        if count > 1000 {
            return Err(base::Error::new("it has more than 1000 control files"));
        }
        let name = member.name.strip_prefix(b"./").unwrap_or(&member.name).to_vec();
        match member.kind {
            FoundKind::File(bytes) => drop(control.insert(name, bytes)),
            FoundKind::Directory if !matches!(name.as_slice(), b"" | b".") => folder = folder.take().or(Some(name)),
            _ => {}
        }
        Ok(())
    });
    beyond(&stream, &members[at], report);
    drop(stream);
    report.settle(&members[at].name, done)?;
    if let Some(what) = stranger {
        report.damaged(members[at].name.clone(), what);
    }
    if let Some(folder) = folder {
        report.damaged(members[at].name.clone(), format!("it has the folder {}, which dpkg refuses", path_text(&folder)));
    }
    if let Some(fault) = control.get(b"triggers".as_slice()).and_then(|text| dpkg::triggers(&String::from_utf8_lossy(text))) {
        report.damaged("triggers", fault);
    }
    match control.get(b"control".as_slice()) {
        Some(bytes) => {
            for fault in dpkg::faults(&String::from_utf8_lossy(bytes)) {
                report.damaged("control", fault);
            }
            identity(&text(bytes), report);
        }
        None => report.damaged("control.tar", "it has no control file"),
    }
    for name in ["preinst", "modules", "postinst", "prerm", "postrm", "config"] {
        if let Some(script) = control.get(name.as_bytes()) {
            report.script(name, interpreter(script), script);
        }
    }
    if let Some(templates) = control.get(b"templates".as_slice()) {
        questions(&String::from_utf8_lossy(templates), report);
    }
    // What our preinst reads carries the facts; in packages of older builds the preinst itself does.
    if let Some(script) = control.get(b"modules".as_slice()).or(control.get(b"preinst".as_slice())) {
        ours::facts(&String::from_utf8_lossy(script), report);
    }
    Ok(control)
}

/// Why dpkg does not read an entry that other readers of tar do.
fn unread_by_dpkg(dialect: tar::Dialect) -> Option<&'static str> {
    match dialect {
        tar::Dialect::Plain => None,
        tar::Dialect::Pax => Some("it has PAX headers, which dpkg refuses: write it with tar --format=gnu"),
        tar::Dialect::Sparse => Some("it has sparse files, which dpkg refuses: write it without tar's --sparse"),
    }
}

/// The program of a script's first line.
pub(super) fn interpreter(script: &[u8]) -> Option<String> {
    let line = script.split(|&b| b == b'\n').next()?.strip_prefix(b"#!")?;
    Some(text(&line[..line.len().min(200)]))
}

const RELATIONS: [&str; 9] =
    ["Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances", "Provides", "Conflicts", "Breaks", "Replaces"];

fn identity(control: &str, report: &mut Report) {
    let fields = fields(control);
    let get = |name: &str| fields.get(&name.to_ascii_lowercase()).cloned().unwrap_or_default();
    let (summary, description) = {
        let all = get("Description");
        let (first, rest) = all.split_once('\n').unwrap_or((&all, ""));
        (first.to_owned(), unfolded(rest))
    };
    let identity = &mut report.identity;
    identity.name = get("Package");
    identity.version = get("Version");
    identity.architecture = get("Architecture");
    (identity.summary, identity.description) = (summary, description);
    identity.contact = get("Maintainer");
    identity.homepage = get("Homepage");
    identity.section = get("Section");
    for (field, empty) in [("Package", get("Package").is_empty()), ("Version", get("Version").is_empty())] {
        if empty {
            report.damaged("control", format!("it has no {field}"));
        }
    }
    for kind in RELATIONS {
        for one in get(kind).split(',').map(|one| one.split_whitespace().collect::<Vec<_>>().join(" ")) {
            if !one.is_empty() {
                report.relate(&kind.to_ascii_lowercase(), one);
            }
        }
    }
    if get("Auto-Built-Package") == "debug-symbols" {
        report.notes.push("it holds debug symbols of another package".to_owned());
    }
}

/// What its control file says that it takes on the endpoint, in bytes.
fn installed_size(control: &Control) -> u64 {
    let Some(bytes) = control.get(b"control".as_slice()) else { return 0 };
    let kib = fields(&text(bytes)).get("installed-size").and_then(|size| size.parse::<u64>().ok());
    kib.unwrap_or_default().saturating_mul(1024)
}

/// The first stanza's fields by their names in small letters; lines that go on keep their line breaks.
fn fields(control: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut last: Option<String> = None;
    for line in control.trim_start_matches('\n').lines().take_while(|line| !line.trim().is_empty()) {
        if line.starts_with([' ', '\t']) {
            if let Some(value) = last.as_ref().and_then(|name| fields.get_mut(name)) {
                let value: &mut String = value;
                value.push('\n');
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            let name = name.trim_end().to_ascii_lowercase();
            fields.insert(name.clone(), value.trim().to_owned());
            last = Some(name);
        }
    }
    fields
}

/// A folded text (Policy 5.6.13) as it reads.
fn unfolded(text: &str) -> String {
    let lines = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
    lines.map(|line| if line == "." { "" } else { line }).collect::<Vec<_>>().join("\n")
}

/// debconf's questions and their defaults (debconf-devel(7)).
fn questions(templates: &str, report: &mut Report) {
    for stanza in templates.split("\n\n") {
        let fields = fields(stanza);
        if let Some(name) = fields.get("template") {
            let secret = fields.get("type").is_some_and(|kind| kind == "password");
            let value = fields.get("default").cloned().unwrap_or_default();
            let value = if secret && !value.is_empty() { super::report::MASK.to_owned() } else { value };
            report.set(name.clone(), value);
        }
    }
}

fn data(
    input: &mut Input,
    members: &[Member],
    at: usize,
    (limit, mut watch): (u64, Watch),
    control: &Control,
    depth: Depth,
    report: &mut Report,
) -> Result<()> {
    let Some(mut stream) = open(input, members, at, report, limit)? else { return Ok(()) };
    let mut entries = Entries::default();
    let mut stranger = None;
    let done = tar::walk(&mut stream, &mut watch, &mut |member| {
        stranger = stranger.or(unread_by_dpkg(member.dialect));
        entries.member("/", member)
    });
    beyond(&stream, &members[at], report);
    drop(stream);
    if let Some(what) = stranger {
        report.damaged(members[at].name.clone(), what);
    }
    let whole = done.is_ok();
    report.settle(&members[at].name, done)?;
    entries.link();
    let conffiles = control.get(b"conffiles".as_slice()).map(|text| conffiles(text)).unwrap_or_default();
    let mut missing = conffiles.clone();
    for file in entries.files.iter_mut().filter(|file| conffiles.contains(&file.path)) {
        file.config = true;
        missing.remove(&file.path);
    }
    for path in missing.iter().filter(|_| whole) {
        report.odd("conffile-missing", path.clone(), "conffiles lists it, and the package does not have it");
    }
    if let Some(text) = control.get(b"conffiles".as_slice()) {
        let folders: HashSet<&str> =
            entries.files.iter().filter(|file| file.kind == FileKind::Directory).map(|file| file.path.as_str()).collect();
        for fault in dpkg::conffiles(&String::from_utf8_lossy(text), |path| folders.contains(path)) {
            report.damaged("conffiles", fault);
        }
    }
    if depth == Depth::Headers {
        entries.files.iter_mut().for_each(|file| file.sha256 = None);
    } else if let Some(sums) = control.get(b"md5sums".as_slice()) {
        claims(sums, &entries, whole, report);
    } else if report.claims.is_empty() {
        report
            .notes
            .push("it has no md5sums: dpkg makes that list itself; only the archives' own checksums were compared".to_owned());
    }
    ours::services(entries.files.iter().map(|file| file.path.as_str()), report);
    report.files = entries.files;
    Ok(())
}

/// Lines of absolute paths; those with a flag before the path name no file of this package.
fn conffiles(text: &[u8]) -> HashSet<String> {
    let lines = text.split(|&b| b == b'\n').map(|line| line.trim_ascii_end());
    lines.filter(|line| line.starts_with(b"/")).map(path_text).collect()
}

/// Lines of md5sum(1) against the files.
fn claims(sums: &[u8], entries: &Entries, whole: bool, report: &mut Report) {
    let by_path = entries.by_path();
    let mut claimed = HashSet::new();
    for line in sums.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
        let Some((digest, name)) = sum_line(line) else {
            let line = path_text(&line[..line.len().min(200)]);
            report.damaged("md5sums", format!("its line \"{line}\" is no digest with a name"));
            continue;
        };
        let path = format!("/{}", path_text(name.strip_prefix(b"./").or(name.strip_prefix(b"/")).unwrap_or(&name)));
        match by_path.get(path.as_str()).map(|&at| (at, &entries.seen[at])) {
            Some((at, Some(seen))) => {
                if !claimed.insert(at) {
                    report.damaged("md5sums", format!("it lists {path} twice"));
                }
                report.claims.file(&path, Algorithm::Md5.name(), &digest, seen.digest(Algorithm::Md5));
            }
            // What could not be read is said already.
            _ if !whole => {}
            Some((_, None)) => report.claims.file_text(&path, "kind", false, || ("a file".into(), "no regular file".into())),
            None => report.claims.file_text(&path, "presence", false, || ("in md5sums".into(), "not in data.tar".into())),
        }
    }
    let files = entries.files.iter().enumerate().filter(|(_, file)| file.kind == FileKind::File && !file.config);
    let unlisted = files.filter(|(at, _)| !claimed.contains(at)).count();
    if unlisted > 0 {
        report.notes.push(format!("{unlisted} files besides configuration have no line in md5sums"));
    }
}

/// Digest and name; of a line that begins with a backslash, `\\` and `\n` in the name stand for themselves.
fn sum_line(line: &[u8]) -> Option<([u8; 16], Vec<u8>)> {
    let (escaped, line) = line.strip_prefix(b"\\").map_or((false, line), |rest| (true, rest));
    let mut digest = [0; 16];
    hex::decode_to_slice(line.get(..32)?, &mut digest).ok()?;
    let name =
        line[32..].strip_prefix(b"  ").or_else(|| line[32..].strip_prefix(b" *")).or_else(|| line[32..].strip_prefix(b" "))?;
    if !escaped {
        return Some((digest, name.to_vec()));
    }
    let mut plain = Vec::new();
    let mut bytes = name.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                other => *other,
            },
            byte => byte,
        });
    }
    Some((digest, plain))
}

fn read_member(input: &mut Input, member: &Member) -> Result<Vec<u8>> {
    use std::io::{Read, Seek, SeekFrom};
    let mut bytes = Vec::new();
    let done = input
        .seek(SeekFrom::Start(member.offset))
        .and_then(|_| input.by_ref().take(member.size.min(limits::SIGNATURE)).read_to_end(&mut bytes));
    done.map_err(|error| payload::decode::damaged(&member.name, &error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_md5sums_may_be_escaped() {
        let digest = "900150983cd24fb0d6963f7d28e17f72";
        let line = |text: &str| sum_line(text.as_bytes()).map(|(_, name)| name);
        assert_eq!(line(&format!("{digest}  usr/a b")).unwrap(), b"usr/a b");
        assert_eq!(line(&format!("\\{digest}  a\\nb\\\\c")).unwrap(), b"a\nb\\c");
        assert_eq!(line("nothing"), None);
        assert_eq!(line(&format!("{digest}usr/a")), None);
    }

    #[test]
    fn a_folded_description_reads_as_it_was_meant() {
        let fields = fields("Package: a\nDescription: first\n second\n .\n third\nX: y\n\nPackage: other\n");
        assert_eq!(fields["description"], "first\n second\n .\n third");
        assert_eq!(unfolded(" second\n .\n third"), "second\n\nthird");
        assert_eq!(fields["package"], "a");
    }
}
