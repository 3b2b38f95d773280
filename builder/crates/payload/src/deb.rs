//! Debian packages: an ar archive of `debian-binary`, `control.tar` and `data.tar`, or the format 0.939 before it.
//! Format: deb(5), deb-old(5), deb-control(5), deb-conffiles(5); ar headers have 60 bytes.

use super::decode::{broken, Beyond, Input, Unpacker};
use super::gather::{Found, FoundKind};
use super::select::Name;
use super::spool::SpoolFile;
use super::{copyright, tar, PackageFacts, PackageKind};
use base::error::{Error, Result};
use std::collections::HashSet;
use std::io::{Read, Seek, SeekFrom};

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: usize = 60;
/// Members of one package; three are usual, signatures add a few.
const MOST_MEMBERS: usize = 64;
/// Bytes of `control` or `conffiles`.
const LONGEST_CONTROL: u64 = 4 << 20;

/// A member of the ar archive, within the file.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name, without the blanks that fill it.
    pub name: String,
    /// Where its bytes begin.
    pub offset: u64,
    /// Its length in bytes.
    pub size: u64,
}

/// Reads the package: its data's entries, contents into the spool, conffiles marked as configuration.
///
/// # Errors
/// An ar archive that is no Debian package, or a damaged one.
pub(super) fn read(input: &mut Input, name: &str, spool: &mut SpoolFile) -> Result<(Vec<Found>, PackageFacts)> {
    let members = members(input, name)?;
    let data_start = members.iter().position(|member| member.name.starts_with("data.tar"));
    let control = members.iter().position(|member| member.name.starts_with("control.tar"));
    let (Some(control), Some(data)) = (control, data_start) else {
        return Err(broken(name, "it is an ar archive without the control.tar and data.tar of a Debian package"));
    };
    let mut control = Control::read(input, name, &members[control], spool)?;
    let mut found = read_tar(input, name, &members[data], spool)?;
    control.facts.license = license(&found, &control.facts.name, spool)?;
    for one in &mut found {
        one.config = control.conffiles.contains(&Name::parse(&one.name).joined);
    }
    Ok((found, control.facts))
}

/// What the package's copyright file says, where it is machine-readable; selection may leave that file out later.
fn license(found: &[Found], package: &str, spool: &mut SpoolFile) -> Result<Option<String>> {
    let path = format!("usr/share/doc/{package}/copyright");
    let copyright = found.iter().find_map(|one| match &one.kind {
        FoundKind::File(content) if Name::parse(&one.name).joined == path.as_bytes() => Some(content),
        _ => None,
    });
    let Some(content) = copyright.filter(|content| content.len() <= copyright::LONGEST) else { return Ok(None) };
    spool.flush()?;
    Ok(copyright::license(&String::from_utf8_lossy(&content.bytes()?)))
}

fn read_tar(input: &mut Input, name: &str, member: &Member, spool: &mut SpoolFile) -> Result<Vec<Found>> {
    let mut stream = input.stream_for(Unpacker::Dpkg, format!("{name} ({})", member.name), member.offset, member.size)?;
    let found = tar::read(&mut stream, spool)?;
    match stream.beyond() {
        Beyond { stream: true, bytes } => Err(stream.broken(second_stream(bytes))),
        _ => Ok(found),
    }
}

/// Why dpkg does not have all of a member in several compressed streams.
pub fn second_stream(bytes: u64) -> String {
    format!("another compressed stream of {bytes} bytes follows the first one, which is all that dpkg reads")
}

/// Whether a file begins as one of format 0.939: lines of the version and of control.tar.gz's length, then the two archives.
pub fn is_old(first: &[u8]) -> bool {
    first.starts_with(b"0.93")
}

/// The two archives of format 0.939, which dpkg reads as gzip's.
fn old_members(input: &mut Input, name: &str) -> Result<Option<Vec<Member>>> {
    let mut head = [0; 40];
    let len = input.peek(&mut head)?;
    if !is_old(&head[..len]) {
        return Ok(None);
    }
    let mut lines = head[..len].split_inclusive(|&byte| byte == b'\n');
    let mut line = || lines.next().and_then(|line| line.strip_suffix(b"\n"));
    let (version, size) = (line().unwrap_or_default(), line().unwrap_or_default());
    let digits =
        |text: &[u8]| text.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(text).ok()?.parse::<u64>().ok())?;
    let start = (version.len() + size.len() + 2) as u64;
    let size = version.strip_prefix(b"0.").and_then(digits).and(digits(size));
    let size = size.filter(|&size| start.checked_add(size).is_some_and(|end| end <= input.size()));
    let size = size.ok_or_else(|| broken(name, "it begins as a Debian package of format 0.939, and its length is none"))?;
    let control = Member { name: "control.tar.gz".to_owned(), offset: start, size };
    let data = Member { name: "data.tar.gz".to_owned(), offset: start + size, size: input.size() - start - size };
    Ok(Some(vec![control, data]))
}

/// The members, all of them within the file, up to what is none behind data.tar; the first must be `debian-binary` of format 2. Of
/// format 0.939 these are the archives alone.
pub fn members(input: &mut Input, name: &str) -> Result<Vec<Member>> {
    if let Some(members) = old_members(input, name)? {
        return Ok(members);
    }
    let mut members: Vec<Member> = Vec::new();
    let mut offset = MAGIC.len() as u64;
    while offset < input.size() {
        // dpkg reads no further: what follows may be anything.
        let done = members.iter().any(|member| member.name.starts_with("data.tar"));
        let mut header = [0; HEADER];
        if done && input.size() - offset < HEADER as u64 {
            break;
        }
        read_at(input, name, offset, &mut header)?;
        let Some(member) = parse_header(&header, offset + HEADER as u64) else {
            if done {
                break;
            }
            return Err(broken(name, "an ar header is malformed"));
        };
        let end = member.offset.checked_add(member.size).filter(|&end| end <= input.size());
        let end = end.ok_or_else(|| broken(name, format!("its member {} is cut", member.name)))?;
        members.push(member);
        if members.len() > MOST_MEMBERS {
            return Err(broken(name, "it has too many members for a Debian package"));
        }
        offset = end + end % 2;
    }
    let Some(first) = members.first().filter(|member| member.name == "debian-binary" && member.size >= 4) else {
        return Err(Error::new(format!("{name} is an ar archive, but no Debian package")).help(
            "a payload is a directory, a .tar, .tar.gz, .tar.xz, .tar.zst, .tar.bz2 or .tar.lzma, a .zip, a .deb or an .rpm",
        ));
    };
    let mut version = [0; 2];
    read_at(input, name, first.offset, &mut version)?;
    match &version {
        b"2." => Ok(members),
        _ => Err(Error::new(format!("{name} is a Debian package of a format other than 2.x, which linkpack does not read"))),
    }
}

fn read_at(input: &mut Input, name: &str, offset: u64, buffer: &mut [u8]) -> Result<()> {
    let done = input.seek(SeekFrom::Start(offset)).and_then(|_| input.read_exact(buffer));
    done.map_err(|error| super::decode::damaged(name, &error))
}

/// name(16) mtime(12) uid(6) gid(6) mode(8) size(10) "`\n"
fn parse_header(header: &[u8; HEADER], offset: u64) -> Option<Member> {
    if &header[58..] != b"`\n" {
        return None;
    }
    let text = |range: std::ops::Range<usize>| Some(std::str::from_utf8(&header[range]).ok()?.trim_end_matches(' '));
    let name = text(0..16).filter(|name| name.bytes().all(|byte| byte.is_ascii_graphic()))?;
    let size = text(48..58).filter(|size| size.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
    Some(Member { name: name.strip_suffix('/').unwrap_or(name).to_string(), offset, size })
}

/// What control.tar says.
struct Control {
    facts: PackageFacts,
    /// Names in data.tar, without a leading slash.
    conffiles: HashSet<Vec<u8>>,
}

impl Control {
    fn read(input: &mut Input, name: &str, member: &Member, spool: &mut SpoolFile) -> Result<Control> {
        let found = read_tar(input, name, member, spool)?;
        spool.flush()?;
        let text = |wanted: &[u8]| match found.iter().find(|one| Name::parse(&one.name).joined == wanted) {
            Some(Found { kind: FoundKind::File(content), .. }) if content.len() <= LONGEST_CONTROL => content.bytes().map(Some),
            Some(_) => Err(broken(name, "its control files are not of a Debian package")),
            None => Ok(None),
        };
        let control = text(b"control")?.ok_or_else(|| broken(name, "it has no control file"))?;
        let control = String::from_utf8_lossy(&control);
        let field = |key: &str| field(&control, key).ok_or_else(|| broken(name, format!("its control file has no {key}")));
        let all = |key: &str| folded(&control, key).split(',').map(|one| one.trim().to_owned()).collect::<Vec<_>>();
        let is_relation = |one: &String| !one.is_empty();
        let provided = |one: String| one.split([' ', '(', ':']).next().unwrap_or_default().to_owned();
        let name_of_package = field("Package")?;
        let facts = PackageFacts {
            kind: PackageKind::Deb,
            relations: [all("Pre-Depends"), all("Depends")].concat().into_iter().filter(is_relation).collect(),
            provides: std::iter::once(name_of_package.clone()).chain(all("Provides").into_iter().map(provided)).collect(),
            name: name_of_package,
            version: field("Version")?,
            epoch: None,
            source: field("Source").ok(),
            architecture: field("Architecture").ok(),
            license: None,
            summary: field("Description").ok(),
            supplier: field("Maintainer").ok(),
            homepage: field("Homepage").ok(),
            depends: field("Depends").ok(),
        };
        let conffiles = text(b"conffiles")?.unwrap_or_default();
        Ok(Control { facts, conffiles: parse_conffiles(&conffiles) })
    }
}

/// A field's first line in the first stanza; field names are not case-sensitive.
fn field(control: &str, key: &str) -> Option<String> {
    let stanza = control.trim_start_matches('\n').lines().take_while(|line| !line.trim().is_empty());
    let mut fields = stanza.filter(|line| !line.starts_with([' ', '\t', '#'])).filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(name, _)| name.eq_ignore_ascii_case(key))?;
    Some(value.trim().to_string()).filter(|value| !value.is_empty())
}

/// A field with the lines that continue it, empty where it is missing.
fn folded(control: &str, key: &str) -> String {
    let stanza = control.trim_start_matches('\n').lines().take_while(|line| !line.trim().is_empty());
    let mut lines = stanza.skip_while(|line| !line.split_once(':').is_some_and(|(name, _)| name.eq_ignore_ascii_case(key)));
    let first = lines.next().and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim());
    let more = lines.take_while(|line| line.starts_with([' ', '\t']));
    more.fold(first.to_owned(), |text, line| text + " " + line.trim())
}

/// Lines of absolute paths; one with a flag before the path ("remove-on-upgrade") names no file of this package.
fn parse_conffiles(text: &[u8]) -> HashSet<Vec<u8>> {
    let lines = text.split(|&b| b == b'\n').map(|line| line.trim_ascii_end());
    lines.filter(|line| line.starts_with(b"/")).map(|line| Name::parse(line).joined).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_from_the_first_stanza_whatever_their_case() {
        let control =
            "package: agent\nDescription: an agent\n that has\n Version: no field\nVERSION:1:2-3\n\nPackage: other\nX: y\n";
        assert_eq!(field(control, "Package").unwrap(), "agent");
        assert_eq!(field(control, "Version").unwrap(), "1:2-3");
        assert_eq!(field(control, "Description").unwrap(), "an agent");
        assert_eq!(field(control, "X"), None);
        let control = "Package: agent\nDepends: libc6 (>= 2.14),\n adduser,\n\tzlib1g\nSection: net\n";
        assert_eq!(folded(control, "depends"), "libc6 (>= 2.14), adduser, zlib1g");
        assert_eq!(folded(control, "Provides"), "");
    }

    #[test]
    fn conffiles_with_a_flag_are_not_shipped() {
        let conffiles = parse_conffiles(b"/etc/a\n/etc/with space\nremove-on-upgrade /etc/b\n\n");
        assert_eq!(conffiles, HashSet::from([b"etc/a".to_vec(), b"etc/with space".to_vec()]));
    }

    #[test]
    fn an_ar_header_is_strict() {
        let header = |size: &str| {
            let text = format!("{:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", "data.tar.xz/", 0, 0, 0, 100644);
            <[u8; HEADER]>::try_from(text.as_bytes()).unwrap()
        };
        let member = parse_header(&header("42"), 68).unwrap();
        assert_eq!((member.name.as_str(), member.size, member.offset), ("data.tar.xz", 42, 68));
        assert!(parse_header(&header("-1"), 68).is_none());
        assert!(parse_header(&header("4 2"), 68).is_none());
        assert!(parse_header(&header(""), 68).is_none());
        let mut unterminated = header("42");
        unterminated[59] = 0;
        assert!(parse_header(&unterminated, 68).is_none());
        // A name goes into messages, and those to terminals.
        let mut escaping = header("42");
        escaping[4] = 0x1b;
        assert!(parse_header(&escaping, 68).is_none());
    }
}
