//! The rpm-md repository: repomd.xml, primary, filelists and other, as createrepo_c writes them and yum, dnf and zypper read them.

use super::input::{Item, Kind};
use super::meta::Rpm;
use super::stage::Stage;
use super::Plan;
use crate::error::{Error, IoContext, Result};
use crate::payload::rpm::{files, File as Listed, TYPE};
use crate::payload::rpm_header::{Header, RELATIONS};
use flate2::write::GzEncoder;
use flate2::Compression;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};

/// Where it lies in the kit.
pub const FOLDER: &str = "linux/rpm";
/// Headers that are taken apart at once: one can be large.
const AT_ONCE: usize = 16;
/// Changelog entries of a package, as createrepo_c keeps them.
const CHANGES: usize = 10;

const DIRECTORY: u32 = 0o040000;
const GHOST: u64 = 1 << 6;
const SIZE: u32 = 1009;
const LONG_SIZE: u32 = 5009;
const ARCHIVE_SIZE: u32 = 1046;
/// Tags of the signature header.
const PAYLOAD_SIZE: [u32; 2] = [271, 1007];

/// Relations in the order of primary.
const ORDER: [&str; 8] = ["provides", "requires", "conflicts", "obsoletes", "suggests", "enhances", "recommends", "supplements"];
/// RPMSENSE_PREREQ and the SCRIPT_* flags: needed before the scriptlets run.
const BEFORE: u64 = 0x40 | 0x200 | 0x400 | 0x800 | 0x1000;

/// Writes metadata and its signature over the packages that lie there already.
///
/// # Errors
/// A package cannot be read, the key fails, the disk is full.
pub fn write(stage: &Stage, items: &[Item], plan: &Plan) -> Result<()> {
    let rpms: Vec<&Item> = items.iter().filter(|item| item.kind == Kind::Rpm).collect();
    if rpms.is_empty() {
        return Ok(());
    }
    let count = rpms.len();
    let common = "http://linux.duke.edu/metadata/";
    let opening = |root: &str, attributes: &str| {
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} {attributes} packages=\"{count}\">\n")
    };
    let mut primary =
        Document::begin(stage, "primary", &opening("metadata", &format!("xmlns=\"{common}common\" xmlns:rpm=\"{common}rpm\"")))?;
    let mut lists = Document::begin(stage, "filelists", &opening("filelists", &format!("xmlns=\"{common}filelists\"")))?;
    let mut other = Document::begin(stage, "other", &opening("otherdata", &format!("xmlns=\"{common}other\"")))?;
    let describe = |some: &[&Item]| -> Result<Vec<Described>> {
        crate::interrupt::check()?;
        some.par_iter().map(|item| Described::of(stage, item, plan)).collect()
    };
    let mut add = |some: Vec<Described>| {
        some.into_iter().try_for_each(|one| {
            primary.add(&one.primary)?;
            lists.add(&one.lists)?;
            other.add(&one.other)
        })
    };
    // While some are compressed, the next ones are read.
    let mut ready = Vec::new();
    for some in rpms.chunks(AT_ONCE) {
        let (added, next) = rayon::join(|| add(std::mem::take(&mut ready)), || describe(some));
        added?;
        ready = next?;
    }
    add(ready)?;
    let data = [primary.end("</metadata>\n", plan)?, lists.end("</filelists>\n", plan)?, other.end("</otherdata>\n", plan)?];
    let repomd = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"{common}repo\" xmlns:rpm=\"{common}rpm\">\n  \
         <revision>{}</revision>\n{}</repomd>\n",
        plan.time,
        data.concat()
    );
    stage.put(&format!("{FOLDER}/repodata/repomd.xml"), repomd.as_bytes())?;
    let signature = plan.openpgp()?.armored("repomd", repomd.as_bytes(), plan.time)?;
    stage.put(&format!("{FOLDER}/repodata/repomd.xml.asc"), signature.as_bytes())?;
    stage.put(&format!("{FOLDER}/repodata/repomd.xml.key"), plan.trusted()?.armored.as_bytes())?;
    stage.put(&format!("{FOLDER}/{}.repo", plan.name), repo(plan).as_bytes())
}

/// Where the key of a repository of that name lies on an endpoint. dnf 4 reads `gpgkey` as an address and dnf5 as a file name, so that
/// nothing in it may need escaping, as the kit's own place does.
pub fn installed_key(name: &str) -> String {
    format!("/etc/pki/rpm-gpg/{name}.asc")
}

/// A repository's description; use-rpm.sh puts the right place into it.
fn repo(plan: &Plan) -> String {
    format!(
        "# {name} from its kit. use-rpm.sh writes this with the kit's own place.\n[{name}]\nname={name}, offline kit\n\
         baseurl=file:///mnt/{FOLDER}\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=file:///mnt/{FOLDER}/repodata/repomd.xml.key\n\
         metadata_expire=0\n",
        name = plan.name
    )
}

/// A package in each of the three documents.
struct Described {
    primary: String,
    lists: String,
    other: String,
}

impl Described {
    fn of(stage: &Stage, item: &Item, plan: &Plan) -> Result<Described> {
        let package = stage.root().join(item.place());
        let rpm = Rpm::read(&package)?;
        let listed = files(&rpm.header, &package.display().to_string())?;
        let version = version(&rpm.header);
        let id = &item.identity;
        let head = format!(
            "<package pkgid=\"{}\" name=\"{}\" arch=\"{}\">\n{version}\n",
            item.sha256,
            xml(&id.name),
            xml(&id.architecture)
        );
        let paths: Vec<String> = listed.iter().map(path).collect();
        let mut lists = head.clone();
        for (file, path) in listed.iter().zip(&paths) {
            put_entry(&mut lists, "  ", file, path);
        }
        lists.push_str("</package>\n");
        let mut other = head;
        changes(&rpm.header, &mut other);
        other.push_str("</package>\n");
        Ok(Described { primary: primary(&rpm, item, plan, &version, &listed, &paths), lists, other })
    }
}

fn primary(rpm: &Rpm, item: &Item, plan: &Plan, version: &str, listed: &[Listed], paths: &[String]) -> String {
    let header = &rpm.header;
    let text = Text(header);
    let first = |tag: u32| header.numbers(tag).first().copied();
    let archive = PAYLOAD_SIZE.iter().find_map(|tag| rpm.signature.numbers(*tag).first().copied());
    let mut out = format!(
        "<package type=\"rpm\">\n  <name>{}</name>\n  <arch>{}</arch>\n{version}\n  <checksum type=\"sha256\" pkgid=\"YES\">{}</checksum>\n",
        xml(&item.identity.name),
        xml(&item.identity.architecture),
        item.sha256
    );
    for (name, tag) in [("summary", 1004), ("description", 1005), ("packager", 1015), ("url", 1020)] {
        let _ = writeln!(out, "  <{name}>{}</{name}>", text.of(tag));
    }
    let (built, installed) = (first(1006).unwrap_or_default(), first(LONG_SIZE).or(first(SIZE)).unwrap_or_default());
    let _ = writeln!(out, "  <time file=\"{}\" build=\"{built}\"/>", plan.time);
    let archive = archive.or(first(ARCHIVE_SIZE)).unwrap_or_default();
    let _ = writeln!(out, "  <size package=\"{}\" installed=\"{installed}\" archive=\"{archive}\"/>", item.size);
    let _ = writeln!(out, "  <location href=\"Packages/{}\"/>\n  <format>", xml(&item.file));
    for (name, tag) in [("license", 1014), ("vendor", 1011), ("group", 1016), ("buildhost", 1007), ("sourcerpm", 1044)] {
        let value = match text.of(tag) {
            none if none.is_empty() && name == "group" => "Unspecified".to_owned(),
            value => value,
        };
        let _ = writeln!(out, "    <rpm:{name}>{value}</rpm:{name}>");
    }
    let _ = writeln!(out, "    <rpm:header-range start=\"{}\" end=\"{}\"/>", rpm.range.start, rpm.range.end);
    relations(header, paths, &mut out);
    for (file, path) in listed.iter().zip(paths).filter(|(_, path)| in_primary(path)) {
        put_entry(&mut out, "    ", file, path);
    }
    out.push_str("  </format>\n</package>\n");
    out
}

/// What dependencies may name without filelists: createrepo's rule.
fn in_primary(path: &str) -> bool {
    path.starts_with("/etc/") || path.contains("bin/") || path == "/usr/lib/sendmail"
}

fn relations(header: &Header, paths: &[String], out: &mut String) {
    let own: HashSet<&String> = paths.iter().filter(|path| in_primary(path)).collect();
    let mut provided = HashSet::new();
    let tags = |kind| RELATIONS.into_iter().find(|relation| relation.0 == kind);
    for (kind, names, flags, versions) in ORDER.into_iter().filter_map(tags) {
        let (flags, versions) = (header.numbers(flags), header.strings(versions));
        let mut seen = HashSet::new();
        let mut lines = String::new();
        let names: Vec<String> =
            header.strings(names).into_iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        let libc = newest_libc(&names);
        for (at, name) in names.iter().enumerate() {
            if kind == "requires" && name.starts_with(LIBC) && libc != Some(name) {
                continue;
            }
            let flag = flags.get(at).copied().unwrap_or_default();
            let said = relation(name, flag, versions.get(at).copied().unwrap_or_default());
            // Of rpm itself, or of the package: nothing for a solver.
            let idle = name.starts_with("rpmlib(") || own.contains(name) || provided.contains(&said);
            if kind == "provides" {
                provided.insert(said.clone());
            } else if kind == "requires" && idle {
                continue;
            }
            let before = if kind == "requires" && flag & BEFORE != 0 { " pre=\"1\"" } else { "" };
            let line = format!("      <rpm:entry{said}{before}/>\n");
            if seen.insert(line.clone()) {
                lines.push_str(&line);
            }
        }
        if !lines.is_empty() {
            let _ = write!(out, "    <rpm:{kind}>\n{lines}    </rpm:{kind}>\n");
        }
    }
}

const LIBC: &str = "libc.so.6";

/// A newer libc has what an older one has: of the versions that a package requires createrepo lists the newest alone.
fn newest_libc(names: &[String]) -> Option<&String> {
    let version = |name: &str| {
        let (_, rest) = name.split_once("(GLIBC_")?;
        rest.split(')').next()?.split('.').map(|part| part.parse::<u32>().ok()).collect::<Option<Vec<_>>>()
    };
    names.iter().filter(|name| name.starts_with(LIBC)).max_by_key(|name| version(name))
}

/// The attributes of a relation.
fn relation(name: &str, flags: u64, version: &[u8]) -> String {
    let sense = match flags & 0b1110 {
        0b0010 => "LT",
        0b0100 => "GT",
        0b1000 => "EQ",
        0b1010 => "LE",
        0b1100 => "GE",
        _ => return format!(" name=\"{}\"", xml(name)),
    };
    let version = String::from_utf8_lossy(version);
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", &version));
    let (version, release) = rest.split_once('-').map_or((rest, None), |(version, release)| (version, Some(release)));
    let release = release.map(|release| format!(" rel=\"{}\"", xml(release))).unwrap_or_default();
    format!(" name=\"{}\" flags=\"{sense}\" epoch=\"{}\" ver=\"{}\"{release}", xml(name), xml(epoch), xml(version))
}

fn version(header: &Header) -> String {
    let text = Text(header);
    let epoch = header.numbers(1003u32).first().copied().unwrap_or_default();
    format!("  <version epoch=\"{epoch}\" ver=\"{}\" rel=\"{}\"/>", text.of(1001), text.of(1002))
}

/// The newest entries, the oldest of them first; entries of one time keep apart by a second each, as createrepo_c has them.
fn changes(header: &Header, out: &mut String) {
    let (times, names, texts) = (header.numbers(1080u32), header.strings(1081u32), header.strings(1082u32));
    let mut entries: Vec<(u64, &[u8], &[u8])> = Vec::new();
    for ((time, name), text) in times.into_iter().zip(names).zip(texts).take(CHANGES) {
        let time = match entries.last() {
            Some((last, ..)) if *last == time + 1 || *last == time => last.saturating_sub(1),
            _ => time,
        };
        entries.push((time, name, text));
    }
    for (time, name, text) in entries.into_iter().rev() {
        let (name, text) = (String::from_utf8_lossy(name), String::from_utf8_lossy(text));
        let _ = writeln!(out, "  <changelog author=\"{}\" date=\"{time}\">{}</changelog>", xml(&name), xml(&text));
    }
}

fn path(file: &Listed) -> String {
    format!("/{}", String::from_utf8_lossy(&file.name).trim_start_matches('/'))
}

/// A file's line.
fn put_entry(out: &mut String, indent: &str, file: &Listed, path: &str) {
    let kind = match file.mode & TYPE {
        DIRECTORY => " type=\"dir\"",
        _ if file.flags & GHOST != 0 => " type=\"ghost\"",
        _ => "",
    };
    for text in [indent, "<file", kind, ">"] {
        out.push_str(text);
    }
    put_xml(out, path);
    out.push_str("</file>\n");
}

/// A header's texts, ready for XML.
struct Text<'a>(&'a Header);

impl Text<'_> {
    fn of(&self, tag: u32) -> String {
        xml(&self.0.text(tag).unwrap_or_default())
    }
}

/// Text as it stands in XML 1.0, which knows no control characters but three.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    put_xml(&mut out, text);
    out
}

fn put_xml(out: &mut String, text: &str) {
    // Most text: no letter of it is written otherwise or left out.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !b"&<>\"".contains(&byte)) {
        out.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(c),
            c if c < ' ' || c == '\u{fffe}' || c == '\u{ffff}' => {}
            c => out.push(c),
        }
    }
}

/// A document that is compressed while it is written.
struct Document<'a> {
    stage: &'a Stage,
    kind: &'static str,
    plain: Counted<GzEncoder<Counted<BufWriter<File>>>>,
}

/// The name of a document before its digest is known.
fn partial(kind: &str) -> String {
    format!("{FOLDER}/repodata/{kind}.partial")
}

impl<'a> Document<'a> {
    fn begin(stage: &'a Stage, kind: &'static str, opening: &str) -> Result<Self> {
        let file = stage.create(&partial(kind))?;
        let packed = Counted::new(BufWriter::new(file));
        let mut document = Document { stage, kind, plain: Counted::new(GzEncoder::new(packed, Compression::new(9))) };
        document.add(opening)?;
        Ok(document)
    }

    fn add(&mut self, text: &str) -> Result<()> {
        self.plain.write_all(text.as_bytes()).or_cannot("write", &self.stage.root().join(partial(self.kind)))
    }

    /// Its `<data>` in repomd.xml.
    fn end(mut self, closing: &str, plan: &Plan) -> Result<String> {
        self.add(closing)?;
        let path = self.stage.root().join(partial(self.kind));
        let (gzip, open_size, open) = self.plain.finish();
        let (mut out, size, packed) = gzip.finish().or_cannot("write", &path)?.finish();
        out.flush().or_cannot("write", &path)?;
        // Short enough for Joliet, and another name for another content all the same.
        let name = format!("{}-{}.xml.gz", &packed[..16], self.kind);
        let place = format!("{FOLDER}/repodata/{name}");
        std::fs::rename(&path, self.stage.root().join(&place)).or_cannot("rename", &path)?;
        self.stage.note(&place, size, packed.clone())?;
        Ok(format!(
            "  <data type=\"{}\">\n    <checksum type=\"sha256\">{packed}</checksum>\n    <open-checksum type=\"sha256\">{open}</open-checksum>\n    \
             <location href=\"repodata/{name}\"/>\n    <timestamp>{}</timestamp>\n    <size>{size}</size>\n    <open-size>{open_size}</open-size>\n  </data>\n",
            self.kind, plan.time
        ))
    }
}

/// Counts and digests what is written through it.
struct Counted<W> {
    out: W,
    size: u64,
    digest: Sha256,
}

impl<W: Write> Counted<W> {
    fn new(out: W) -> Self {
        Counted { out, size: 0, digest: Sha256::new() }
    }

    fn finish(self) -> (W, u64, String) {
        (self.out, self.size, hex::encode(self.digest.finalize()))
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.size += count as u64;
        self.digest.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A name that can be a section of a .repo, a file's name and a label.
///
/// # Errors
/// It cannot.
pub fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    match !name.is_empty() && name.len() <= 40 && name.chars().all(plain) && !name.starts_with(['.', '-']) {
        true => Ok(()),
        false => Err(Error::new(format!("the kit cannot be called \"{name}\""))
            .help("give it a name of letters, digits and . _ - alone, with --name NAME")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_apart_into_epoch_version_and_release() {
        assert_eq!(relation("a", 0, b""), " name=\"a\"");
        assert_eq!(relation("a&b", 8, b"2:1.0-3"), " name=\"a&amp;b\" flags=\"EQ\" epoch=\"2\" ver=\"1.0\" rel=\"3\"");
        assert_eq!(relation("a", 12, b"1.0"), " name=\"a\" flags=\"GE\" epoch=\"0\" ver=\"1.0\"");
    }

    #[test]
    fn xml_holds_no_control_characters() {
        assert_eq!(xml("a\u{1}<\"b\">\n"), "a&lt;&quot;b&quot;&gt;\n");
    }
}
