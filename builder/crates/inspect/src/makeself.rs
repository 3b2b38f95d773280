//! makeself's self-extracting archives, from 2.1 on: a shell header that names its sums and sizes, then compressed tar archives.
//! <https://makeself.io>. The header is text to read; nothing of it is run.

use super::digest::range as digest;
use super::entries::Entries;
use super::limits;
use super::report::{text, FileFacts, Format, Part, Report};
use super::watch::{Algorithm, Cksum, Hasher, Watch};
use base::error::{Error, Result};
use payload::decode::{damaged, Input};
use payload::tar;
use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use trust::openpgp::from_base64;

/// What the header says of the archives behind it.
pub struct Header {
    version: String,
    variables: BTreeMap<String, String>,
    /// Lines of the header.
    lines: usize,
}

/// Lines that are looked at: a header of makeself has some 700, licences may add to it.
const MOST_LINES: usize = 20_000;
/// Archives behind one header: one, and one for each `--append`.
const MOST_ARCHIVES: usize = 100;

/// Recognises makeself's header in the first bytes of a file.
pub fn recognise(head: &[u8]) -> Option<Header> {
    const MARK: &str = "generated using Makeself ";
    let mut lines = head.split(|&b| b == b'\n').take(MOST_LINES).map(String::from_utf8_lossy);
    let first = lines.next().filter(|line| line.starts_with("#!"))?;
    drop(first);
    let version = lines.by_ref().take(5).find_map(|line| line.split_once(MARK).map(|(_, version)| text(version.as_bytes())))?;
    let mut variables = BTreeMap::new();
    let mut counted = None;
    for line in lines {
        if let Some((name, value)) = line.split_once('=') {
            let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if let (true, Some(value)) = (plain, unquoted(value)) {
                // The header comes first; what the rest of the script sets is not its own.
                variables.entry(name.to_owned()).or_insert(value);
            }
        }
        // Before 2.4 the count stood where it was used.
        // And before 2.1.1 as `head -N`.
        let literal = line.split_once("head -").map(|(_, rest)| rest.strip_prefix("n ").unwrap_or(rest));
        let digits = literal.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
        counted = counted.or(digits.and_then(|digits| digits.parse::<usize>().ok()));
    }
    let lines = variables.get("skip").and_then(|skip| skip.parse().ok()).or(counted)?;
    Some(Header { version, variables, lines })
}

/// The value of an assignment: plain, or in one pair of quotes.
fn unquoted(value: &str) -> Option<String> {
    let value = value.trim_end();
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return rest.strip_suffix(quote).map(|inner| text(inner.as_bytes()));
        }
    }
    Some(text(value.as_bytes()))
}

/// Reads the archives behind the header.
///
/// # Errors
/// The header does not say where they are.
pub fn read(input: &mut Input, file: FileFacts, head: &[u8], header: &Header) -> Result<Report> {
    let (name, size) = (file.name.clone(), file.size);
    let mut report = Report::new(Format::Run, file);
    report.made_by = Some(format!("makeself {}", header.version));
    let get = |name: &str| header.variables.get(name).cloned().unwrap_or_default();
    report.identity.name = get("label");
    report.identity.summary = get("label");
    report.root = Some(get("targetdir")).filter(|folder| !folder.is_empty());
    let start = get("script");
    if !start.is_empty() {
        report.set("script", format!("{start} {}", get("scriptargs")).trim());
    }
    let ends = head.iter().enumerate().filter(|(_, &byte)| byte == b'\n').map(|(at, _)| at + 1);
    let Some(offset) = ends.take(header.lines).nth(header.lines.saturating_sub(1)) else {
        return Err(Error::new(format!("{name} says that its header has {} lines, and it has fewer", header.lines))
            .help("it is truncated or damaged: fetch it again"));
    };
    report.script("header", Some("/bin/sh".to_owned()), &head[..offset]);
    report.parts.push(Part { name: "header".into(), offset: Some(0), size: offset as u64, codec: None });
    let sizes: Vec<Option<u64>> = get("filesizes").split_whitespace().take(MOST_ARCHIVES).map(|size| size.parse().ok()).collect();
    if sizes.is_empty() {
        report.damaged("header", "it does not say how long its archives are (filesizes)");
    }
    if get("SIGNATURE").len() > 1 {
        // In base64; what is none is no signature, and said to be none.
        let bytes = from_base64(get("SIGNATURE").as_bytes()).unwrap_or_default();
        report.signatures.push(super::openpgp::signature(bytes, "header: SIGNATURE, of the archives".to_owned()));
    }
    let mut entries = Entries::default();
    let mut at = offset as u64;
    for (index, len) in sizes.into_iter().enumerate() {
        let part = if index == 0 { "archive".to_owned() } else { format!("archive {}", index + 1) };
        let end = len.and_then(|len| at.checked_add(len)).filter(|&end| end <= size);
        let Some(end) = end else {
            report.damaged(part, "it is shorter than the header says");
            break;
        };
        sums(input, header, index, &part, at..end, &mut report)?;
        archive(input, &part, at..end, &mut entries, &mut report)?;
        at = end;
    }
    if at < size {
        report.claims.part("file", "size", at.to_string(), size.to_string());
    }
    entries.link();
    report.files = entries.files;
    Ok(report)
}

/// The header's sums of one archive; zeros stand for none.
fn sums(
    input: &mut Input,
    header: &Header,
    at: usize,
    part: &str,
    range: std::ops::Range<u64>,
    report: &mut Report,
) -> Result<()> {
    let sums = [
        ("CRCsum", "CRC (cksum)", Hasher::Cksum(Cksum::default())),
        ("MD5", "MD5", Algorithm::Md5.hasher()),
        ("SHA", "SHA-256", Algorithm::Sha256.hasher()),
    ];
    let mut stated = Vec::new();
    let mut hashers = Vec::new();
    for (variable, algorithm, hasher) in sums {
        let value = header.variables.get(variable).and_then(|all| all.split_whitespace().nth(at)).unwrap_or_default();
        if value.bytes().any(|byte| byte != b'0') {
            stated.push((algorithm, value.to_ascii_lowercase()));
            hashers.push(hasher);
        }
    }
    let name = report.file.name.clone();
    let found = digest(input, range, hashers, &name)?;
    for ((algorithm, stated), found) in stated.into_iter().zip(found) {
        let found = match <[u8; 4]>::try_from(found.as_slice()) {
            Ok(crc) => u32::from_be_bytes(crc).to_string(),
            Err(_) => hex::encode(found),
        };
        report.claims.part(part, algorithm, stated, found);
    }
    Ok(())
}

fn archive(input: &mut Input, part: &str, range: std::ops::Range<u64>, entries: &mut Entries, report: &mut Report) -> Result<()> {
    let len = range.end - range.start;
    let limit = limits::unpacked(len);
    let (codec, done) = match readable(input, part, range.start).and_then(|()| input.stream(part.to_owned(), range.start, len)) {
        Ok(stream) => {
            let codec = stream.codec().name().to_owned();
            let mut watch = Watch::new(None, limit);
            (Some(codec), tar::walk(&mut stream.limited(limit), &mut watch, &mut |member| entries.member("", member)))
        }
        Err(error) => (None, Err(error)),
    };
    report.parts.push(Part { name: part.to_owned(), offset: Some(range.start), size: len, codec });
    report.settle(part, done)
}

/// Refuses what is no archive before it is decoded by a program and a password that linkpack has not.
fn readable(input: &mut Input, part: &str, at: u64) -> Result<()> {
    let mut first = Vec::new();
    let read = input.seek(SeekFrom::Start(at)).and_then(|_| input.by_ref().take(64).read_to_end(&mut first));
    read.map_err(|error| damaged(part, &error))?;
    let armoured = first.len() == 64 && first.iter().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(b));
    let how = match () {
        () if first.starts_with(b"Salted__") => "encrypted with openssl",
        () if armoured => "written in base64",
        () => return Ok(()),
    };
    Err(Error::new(format!("{part} is {how}, which linkpack does not read")).unsupported())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_and_a_stranger_is_not() {
        let head = b"#!/bin/sh\n# This script was generated using Makeself 2.4.5\nCRCsum=\"1 2\"\nskip=\"5\"\nlabel='x'\n";
        let header = recognise(head).unwrap();
        assert_eq!((header.version.as_str(), header.lines), ("2.4.5", 5));
        assert_eq!(header.variables["CRCsum"], "1 2");
        let old = b"#!/bin/sh\n# This script was generated using Makeself 2.1.5\noffset=`head -n 403 \"$1\" | wc -c`\n";
        assert_eq!(recognise(old).unwrap().lines, 403);
        let older = b"#!/bin/sh\n# This script was generated using Makeself 2.1.0\noffset=`head -320 \"$1\" | wc -c`\n";
        assert_eq!(recognise(older).unwrap().lines, 320);
        assert!(recognise(b"#!/bin/sh\nexit 0\n").is_none());
    }
}
