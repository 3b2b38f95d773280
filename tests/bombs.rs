//! Small files that claim to be large: each is refused with a sentence, in bounded memory. Their bytes are made here.
mod common;
use common::*;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use tar::{EntryType, Header};

/// What a process may take, in KiB.
const MEMORY: u64 = 256 << 10;

/// Seconds of processor time that a process may take, counted by the kernel: what is asked of a reader here takes one or two.
const SECONDS: u32 = 60;

const MANIFEST: &str = r#"[product]
name = "bomb"
title = "Bomb"
version = "1"
publisher = "Example"
contact = "Example <a@example.com>"
license = "MIT"
description = "bomb"
[connector]
executable = { linux = "vlink" }
payload = { linux-x86_64 = "PAYLOAD" }
"#;

struct Bomb {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Bomb {
    fn new(name: &str, bytes: &[u8]) -> Bomb {
        let folder = tempfile::tempdir().expect("make a folder");
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("write a bomb");
        Bomb { folder, path }
    }

    /// As a payload, it is refused, and says this.
    #[track_caller]
    fn is_refused(&self, why: &str) {
        let name = self.path.file_name().and_then(|name| name.to_str()).expect("text");
        fs::write(self.folder.path().join("linkpack.toml"), MANIFEST.replace("PAYLOAD", name)).expect("write the manifest");
        self.ends(&["build", "-q", "-j", "2", "--cache", "cache", "-f", "run"], why);
        let left = ["dist", "cache"].map(|below| files_below(&self.folder.path().join(below)));
        assert!(left.concat().iter().all(|path| path.ends_with("lock")), "left: {left:?}");
        if name.ends_with("deb") || name.ends_with("rpm") {
            self.is_read_in_bounds();
        }
    }

    /// As a package, it goes through everything that reads packages, which says something of it and stays small.
    #[track_caller]
    fn is_read_in_bounds(&self) {
        let path = self.path.to_str().expect("text");
        let page = self.folder.path().join("page.html");
        let page = page.to_str().expect("text");
        let verbs: [&[&str]; 5] =
            [&["inspect", "--files", "--scripts"], &["inspect", "--json"], &["inspect", "--html", page], &["verify"], &["lint"]];
        for verb in verbs {
            let (peak, code, said) = self.run(&[verb, &[path]].concat());
            assert!(matches!(code, Some(0 | 1)) && !said.contains("panicked"), "{verb:?}: {code:?}: {said:.2000}");
            assert!(peak < MEMORY, "{verb:?}: {} MiB", peak >> 10);
            eprintln!("linkpack: {}: {}: {} MiB", self.path.file_name().expect("a name").display(), verb.join(" "), peak >> 10);
        }
    }

    /// verify and lint say something of it, and stay small and quick.
    #[track_caller]
    fn is_judged_in_bounds(&self) {
        for verb in ["verify", "lint"] {
            let (peak, code, said) = self.run(&[verb, self.path.to_str().expect("text")]);
            assert!(matches!(code, Some(0 | 1)), "{}, {verb}: {code:?}: {said:.2000}", self.path.display());
            assert!(peak < MEMORY, "{}, {verb}: {} MiB", self.path.display(), peak >> 10);
        }
    }

    /// As an MSI, it is refused or has this finding.
    #[track_caller]
    fn is_an_error(&self, why: &str) {
        self.ends(&["lint", self.path.to_str().expect("text")], why);
        self.is_read_in_bounds();
    }

    #[track_caller]
    fn ends(&self, arguments: &[&str], why: &str) {
        let (peak, code, said) = self.run(arguments);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(why), "no {why:?} in: {said}");
        assert!(peak < MEMORY, "{} MiB: {said}", peak >> 10);
        eprintln!("linkpack: {}: {} MiB", self.path.file_name().expect("a name").to_string_lossy(), peak >> 10);
    }
}

impl Bomb {
    /// linkpack's peak of memory, exit code, and what it said on both outputs.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> (u64, Option<i32>, String) {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("ulimit -t {SECONDS}; exec \"$0\" \"$@\" >&2"), env!("CARGO_BIN_EXE_linkpack")])
            .args(arguments);
        peak_of(command.current_dir(self.folder.path()))
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries
        .map(|entry| entry.expect("an entry").path())
        .flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] })
        .collect()
}

fn header(kind: EntryType, size: u64) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.set_path("vlink").expect("a path");
    header.set_entry_type(kind);
    header.set_mode(0o755);
    // In base 256, as GNU tar writes sizes of 8 GiB and more.
    header.as_old_mut().size.copy_from_slice(&[&[0x80, 0, 0, 0][..], &size.to_be_bytes()].concat());
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("pack");
    encoder.finish().expect("pack")
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).expect("pack");
    encoder.finish().expect("pack")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("pack")
}

#[test]
fn an_archive_of_gigabytes_of_zeros_is_refused_whatever_its_codec() {
    type Pack = fn(&[u8]) -> Vec<u8>;
    let packs: [(&str, Pack); 3] = [("gz", gzip), ("xz", xz), ("zst", zstd)];
    for (name, pack) in packs {
        // Members, streams and frames follow each other as one.
        let zeros = pack(&vec![0; 16 << 20]);
        let bytes = [pack(&header(EntryType::Regular, 2 << 30)), zeros.repeat(128)].concat();
        Bomb::new(&format!("bomb.tar.{name}"), &bytes).is_refused("unpacks to more than");
        // What is skipped is unpacked as well.
        let bytes = [pack(&header(EntryType::Char, 2 << 30)), zeros.repeat(128)].concat();
        Bomb::new(&format!("skipped.tar.{name}"), &bytes).is_refused("unpacks to more than");
    }
}

#[test]
fn a_tar_archive_that_claims_exabytes_is_refused() {
    Bomb::new("long.tar", &header(EntryType::Regular, u64::MAX >> 1)).is_refused("truncated or damaged");
    Bomb::new("name.tar", &header(EntryType::GNULongName, 4 << 30)).is_refused("is the limit");
    Bomb::new("pax.tar", &header(EntryType::XHeader, 4 << 30)).is_refused("is the limit");
    let record = |text: &str| {
        let len = text.len() + 4;
        format!("{len:>2} {text}\n").into_bytes()
    };
    let mut map = [record("GNU.sparse.size=9000000000000000000"), record("GNU.sparse.map=0,0")].concat();
    let mut sparse = header(EntryType::XHeader, map.len() as u64);
    map.resize(512, 0);
    sparse.extend(map);
    sparse.extend(header(EntryType::Regular, 0));
    sparse.extend([0; 1024]);
    Bomb::new("sparse.tar", &sparse).is_refused("holes of more than");
}

#[test]
fn millions_of_entries_and_of_headers_are_refused_or_forgotten() {
    let entries = gzip(&header(EntryType::Regular, 0).repeat(10_000));
    Bomb::new("entries.tar.gz", &entries.repeat(100)).is_refused("more than 250000 entries");
    let records = b"12 key=abcd\n".repeat(80_000);
    for (name, kind) in [("global.tar.gz", EntryType::XGlobalHeader), ("own.tar.gz", EntryType::XHeader)] {
        let mut one = header(kind, records.len() as u64);
        one.extend(&records);
        one.resize(one.len().next_multiple_of(512), 0);
        Bomb::new(name, &gzip(&one).repeat(400)).is_refused("error: ");
    }
    let pieces = b"23 GNU.sparse.offset=0\n".repeat(40_000);
    let mut one = header(EntryType::XHeader, pieces.len() as u64);
    one.extend(&pieces);
    one.resize(one.len().next_multiple_of(512), 0);
    Bomb::new("pieces.tar.gz", &gzip(&one).repeat(400)).is_refused("too many records");
}

/// An RPM whose header has these tags (number, type, count) over the same data.
fn rpm(tags: &[(u32, u32, u32, u32)], data: &[u8]) -> Vec<u8> {
    let intro = |tags: usize, data: usize| {
        let numbers = [tags as u32, data as u32].map(u32::to_be_bytes).concat();
        [&[0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0][..], &numbers].concat()
    };
    let mut lead = vec![0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0];
    lead.resize(96, 0);
    let index =
        tags.iter().flat_map(|&(tag, kind, at, count)| [tag, kind, at, count]).flat_map(u32::to_be_bytes).collect::<Vec<_>>();
    [lead, intro(0, 0), intro(tags.len(), data.len()), index, data.to_vec()].concat()
}

#[test]
fn an_rpm_header_that_multiplies_itself_is_refused() {
    const NAME: (u32, u32, u32, u32) = (1000, 6, 0, 1);
    let facts = [NAME, (1001, 6, 0, 1), (1002, 6, 0, 1)];
    let (bases, dirs, indexes) = (1117, 1118, 1116);
    let mut data = b"x\0".to_vec();
    data.resize(60 << 20, 0);
    let many = [&facts[..], &[(bases, 8, 2, 60_000_000), (dirs, 8, 0, 1), (indexes, 4, 2, 60_000_000)]].concat();
    Bomb::new("many.rpm", &rpm(&many, &data)).is_refused("error: ");
    // One folder's name of a megabyte, for each of 200,000 files.
    let mut data = b"x\0".to_vec();
    data.resize(1 << 20, b'd');
    data.push(0);
    let files = data.len() as u32;
    data.resize(data.len() + (1 << 20), 0);
    let long = [&facts[..], &[(bases, 8, files, 200_000), (dirs, 8, 0, 2), (indexes, 4, files, 200_000)]].concat();
    Bomb::new("long.rpm", &rpm(&long, &data)).is_refused("error: ");
    let mut claims = rpm(&facts, b"x\0");
    claims[96 + 16 + 12..96 + 16 + 16].copy_from_slice(&0x0fff_ffff_u32.to_be_bytes());
    Bomb::new("claims.rpm", &claims).is_refused("larger than rpm allows");
}

#[test]
fn a_deb_that_claims_more_than_there_is_is_refused() {
    let member = |name: &str, size: u64| format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 100_644).into_bytes();
    let start = [b"!<arch>\n".to_vec(), member("debian-binary", 4), b"2.0\n".to_vec()].concat();
    let long = [start.clone(), member("control.tar", 9_999_999_999)].concat();
    Bomb::new("long.deb", &long).is_refused("control.tar is cut");
    let many = [start, member("a", 0).repeat(100)].concat();
    Bomb::new("many.deb", &many).is_refused("too many members");
}

const CONTROL: &str = "Package: a\nVersion: 1\nArchitecture: all\nMaintainer: a <a@e.x>\nDescription: a\n";

/// A DEB around such a data.tar.gz.
fn deb(data: &[u8]) -> Vec<u8> {
    deb_of(&[("control", CONTROL.as_bytes())], "gz", data)
}

/// A tar of these files.
fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        archive.append_data(&mut header, name, *bytes).expect("a tar");
    }
    archive.into_inner().expect("a tar")
}

/// A DEB of these control files and such a data.tar.
fn deb_of(control: &[(&str, &[u8])], codec: &str, data: &[u8]) -> Vec<u8> {
    let name = format!("data.tar.{codec}");
    let parts =
        [("debian-binary", b"2.0\n".to_vec()), ("control.tar.gz", gzip(&tar_of(control))), (name.as_str(), data.to_vec())];
    let members = parts.into_iter().flat_map(|(name, bytes)| member(name, &bytes));
    b"!<arch>\n".iter().copied().chain(members).collect()
}

/// A tar of as many empty entries, each with a name of its own of this length.
fn crowd(kind: EntryType, count: usize, length: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut header = Header::new_ustar();
    for number in 0..count {
        let name = format!("{number:08}/{}", "n".repeat(length - 9));
        header.set_path(name).expect("a path");
        header.set_entry_type(kind);
        header.set_link_name("t".repeat(90)).expect("a target");
        header.set_size(0);
        header.set_mode(0o777);
        header.set_cksum();
        encoder.write_all(header.as_bytes()).expect("pack");
    }
    encoder.write_all(&[0; 1024]).expect("pack");
    encoder.finish().expect("pack")
}

/// What a package may hold at most is what its reader has to keep: as many files as that, writable and set-uid so that lint has something
/// to say of each, and as many names.
#[test]
fn packages_with_as_many_files_as_there_may_be_are_read_in_bounds() {
    Bomb::new("files.deb", &deb(&crowd(EntryType::Regular, 299_000, 100))).is_read_in_bounds();
    Bomb::new("links.deb", &deb(&crowd(EntryType::Symlink, 250_000, 100))).is_read_in_bounds();
    let archive = crowd(EntryType::Regular, 299_000, 100);
    let stub =
        format!("#!/bin/sh\n# This script was generated using Makeself 2.4.5\nfilesizes=\"{}\"\nskip=\"4\"\n", archive.len());
    Bomb::new("files.run", &[stub.into_bytes(), archive].concat()).is_read_in_bounds();
}

#[test]
fn packages_of_gigabytes_of_zeros_are_read_in_bounds() {
    let zeros = gzip(&vec![0; 16 << 20]);
    let bytes = [gzip(&header(EntryType::Regular, 512 << 20)), zeros.repeat(32), gzip(&[0; 1024])].concat();
    Bomb::new("zeros.deb", &deb(&bytes)).is_read_in_bounds();
}

/// Entries of a central directory that all lead to the same bytes, which unpack to `plain` bytes.
fn zip(entries: usize, packed: &[u8], plain: u32, crc: u32) -> Vec<u8> {
    let numbers = [crc.to_le_bytes(), (packed.len() as u32).to_le_bytes(), plain.to_le_bytes()].concat();
    let fixed = |name: &str| [&numbers, &(name.len() as u16).to_le_bytes()[..], &[0, 0]].concat();
    let mut bytes = [b"PK\x03\x04\x14\0\0\0\x08\0\0\0\x21\0", &fixed("00000000")[..], b"00000000", packed].concat();
    let start = bytes.len();
    for number in 0..entries {
        let name = format!("{number:08}");
        bytes.extend([b"PK\x01\x02\x14\0\x14\0\0\0\x08\0\0\0\x21\0", &fixed(&name)[..], &[0; 14], name.as_bytes()].concat());
    }
    let size = (bytes.len() - start) as u32;
    let count = (entries.min(0xffff) as u16).to_le_bytes();
    bytes.extend(
        [b"PK\x05\x06\0\0\0\0", &count[..], &count, &size.to_le_bytes(), &(start as u32).to_le_bytes(), &[0, 0]].concat(),
    );
    bytes
}

#[test]
fn a_zip_whose_entries_overlap_is_refused_before_it_fills_the_disk() {
    let zeros = vec![0; 64 << 20];
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&zeros).expect("pack");
    let packed = encoder.finish().expect("pack");
    let bytes = zip(60, &packed, zeros.len() as u32, crc32fast::hash(&zeros));
    Bomb::new("overlapping.zip", &bytes).is_refused("error: ");
    Bomb::new("many.zip", &zip(1_000_000, b"\x03\0", 0, 0)).is_refused("error: ");
}

/// A name as Windows Installer packs it into two characters a unit; tables are marked.
fn packed_name(name: &str, table: bool) -> String {
    const ALPHABET: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";
    let digits: Vec<u32> = name.chars().map(|c| ALPHABET.find(c).expect("a digit") as u32).collect();
    let units = digits.chunks(2).map(|pair| match pair {
        [one, two] => 0x3800 + (two << 6) + one,
        [one] => 0x4800 + one,
        _ => unreachable!("chunks of two"),
    });
    let mark = table.then_some('\u{4840}');
    mark.into_iter().chain(units.map(|unit| char::from_u32(unit).expect("a character"))).collect()
}

/// An MSI of one table, Media, with one column, Cabinet, and these rows; its texts are 1 `Media`, 2 `Cabinet`, 3 `#x`.
fn msi(pool_more: &[u8], rows: &[u8], cabinet: &[u8]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(std::io::Cursor::new(Vec::new())).expect("a compound file");
    let pool = [&[0, 0, 0, 0, 5, 0, 9, 0, 7, 0, 9, 0, 2, 0, 9, 0][..], pool_more].concat();
    let columns = [[1, 0], [1, 0x80], [2, 0], [0xff, 0x8d]].concat();
    let streams = [
        (packed_name("_StringPool", true), pool),
        (packed_name("_StringData", true), b"MediaCabinet#x".to_vec()),
        (packed_name("_Tables", true), vec![1, 0]),
        (packed_name("_Columns", true), columns),
        (packed_name("Media", true), rows.to_vec()),
        (packed_name("x", false), cabinet.to_vec()),
    ];
    for (name, bytes) in streams {
        file.create_stream(format!("/{name}")).and_then(|mut stream| stream.write_all(&bytes)).expect("a stream");
    }
    file.flush().expect("a compound file");
    file.into_inner().into_inner()
}

#[test]
fn an_msi_with_millions_of_texts_or_cells_is_an_error() {
    Bomb::new("texts.msi", &msi(&[0; 20 << 20], &[3, 0], b"")).is_an_error("more texts than any installer's");
    Bomb::new("cells.msi", &msi(&[], &[3, 0].repeat(8 << 20 >> 1), b"")).is_an_error("more cells than any installer's");
}

#[test]
fn a_cabinet_with_as_many_folders_as_members_takes_no_time() {
    const MANY: u16 = u16::MAX;
    let folder = [0_u8; 8];
    let files_at = 36 + 8 * u32::from(MANY);
    let mut bytes = b"MSCF".to_vec();
    bytes.extend([0; 12]);
    bytes.extend(files_at.to_le_bytes());
    bytes.extend([0, 0, 0, 0, 3, 1]);
    bytes.extend([MANY.to_le_bytes(), MANY.to_le_bytes()].concat());
    bytes.extend([0; 6]);
    bytes.extend(folder.repeat(usize::from(MANY)));
    for number in 0..MANY {
        let member = [&[0; 8][..], &(number % 60_000).to_le_bytes(), &[0; 6], b"m\0"].concat();
        bytes.extend(member);
    }
    Bomb::new("folders.msi", &msi(&[], &[3, 0], &bytes)).is_an_error("error");
}

#[test]
fn a_compound_file_whose_chains_lead_in_circles_is_an_error() {
    let whole = msi(&[0; 40_000], &[3, 0], b"");
    let sector = 1_usize << u16::from_le_bytes([whole[30], whole[31]]);
    let fat = u32::from_le_bytes(whole[76..80].try_into().expect("four bytes")) as usize;
    let start = (fat + 1) * sector;
    // Each sector is followed by itself; then each by the first.
    for target in [None, Some(0_u32)] {
        let mut bytes = whole.clone();
        for number in 0..(sector / 4).min(64) {
            let next = target.unwrap_or(number as u32).to_le_bytes();
            bytes[start + 4 * number..start + 4 * number + 4].copy_from_slice(&next);
        }
        Bomb::new("circle.msi", &bytes).is_an_error("error");
    }
}

/// One for each reader of lists, scripts and streams: counts that nobody has, at which what goes by the square takes hours.
#[test]
fn hostile_counts_take_each_reader_no_more_than_their_bytes() {
    let many = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let control =
        |more: &str| deb_of(&[("control", [CONTROL, more].concat().as_bytes())], "gz", &gzip(&tar_of(&[("opt/a", b"x")])));
    let list = |name: &str, text: &str| {
        deb_of(&[("control", CONTROL.as_bytes()), (name, text.as_bytes())], "gz", &gzip(&tar_of(&[("opt/a", b"x")])))
    };
    let script = |text: &str| list("postinst", &format!("#!/bin/sh\n{}", text.repeat(300_000 / text.len())));
    let small = tar_of(&[("opt/a", b"x")]);
    let data = |codec: &str, bytes: Vec<u8>| deb_of(&[("control", CONTROL.as_bytes())], codec, &bytes);
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0].repeat(200_000);
    let facts = [(1000, 6, 0, 1), (1001, 6, 0, 1), (1002, 6, 0, 1)];
    let tags = |more: Vec<(u32, u32, u32, u32)>| rpm(&[&facts[..], &more].concat(), &b"x\0".repeat(1_000_000));
    let stub = |text: String| {
        [b"#!/bin/sh\n# This script was generated using Makeself 2.4.5\n", text.as_bytes(), b"\nskip=\"5\"\n"].concat()
    };
    let rows = [
        ("fields.deb", control(&many(300_000, &|at| format!("x{at}: y\n")))),
        ("depends.deb", control(&format!("Depends: {}b\n", many(60_000, &|at| format!("a{at}, "))))),
        ("folded.deb", control(&format!("X: y\n{}", " z\n".repeat(200_000)))),
        ("conffiles.deb", list("conffiles", &many(60_000, &|at| format!("/etc/{at}\n")))),
        ("md5sums.deb", list("md5sums", &many(60_000, &|at| format!("{at:032x}  etc/{at}\n")))),
        ("triggers.deb", list("triggers", &"interest /a\n".repeat(100_000))),
        ("templates.deb", list("templates", &"Template: a\nType: password\nDefault: x\n\n".repeat(50_000))),
        ("parentheses.deb", script("(")),
        ("quotes.deb", script("'\"`")),
        ("cases.deb", script("case a in b) ")),
        ("documents.deb", script("cat <<A\n")),
        ("stops.deb", script("systemctl stop a\n")),
        ("members.deb", data("gz", [gzip(&small), gzip(b"").repeat(100_000)].concat())),
        ("tags.rpm", tags((0..65_000).map(|at| (20_000 + at, 6, 0, 1)).collect())),
        ("one-tag.rpm", tags(vec![(1118, 8, 0, 1); 65_000])),
        ("relations.rpm", tags([1049, 1047, 1054, 1090].map(|tag| (tag, 8, 0, 1_000_000)).to_vec())),
        ("triggers.rpm", tags(vec![(1065, 8, 0, 1_000_000), (5066, 8, 0, 1_000_000)])),
        ("variables.run", stub("a=b\n".repeat(100_000))),
        ("one-line.run", stub("a".repeat(2_000_000))),
    ];
    for (name, bytes) in rows {
        Bomb::new(name, &bytes).is_judged_in_bounds();
    }
    // As a payload all frames are read, and dpkg's reader refuses one to skip.
    Bomb::new("frames.tar.zst", &[skipped, zstd(&tar_of(&[("other", b"x")]))].concat()).is_refused("vlink");
}

/// One OpenPGP packet.
fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[0xC0 | kind, 0xFF][..], &(body.len() as u32).to_be_bytes(), body].concat()
}

/// Keys and certificates of a user, who may have them from anyone: each is read or refused with a sentence in plain words.
#[test]
fn hostile_keys_take_no_more_than_their_bytes() {
    let key = packet(6, &[4, 0, 0, 0, 1, 1, 0, 8, 0xFF, 0, 8, 3]);
    let number = [&[0xFF, 0xFF][..], &[0xFF; 8192]].concat();
    let package = deb(&gzip(&tar_of(&[("opt/a", b"x")])));
    let folder = tempfile::tempdir().expect("make a folder");
    fs::write(folder.path().join("a.deb"), package).expect("write a package");
    let armour =
        |head: &str| format!("-----BEGIN PGP PUBLIC KEY BLOCK-----\n{head}\n\nxg==\n-----END PGP PUBLIC KEY BLOCK-----\n");
    let rows = [
        ("users", [key.clone(), packet(13, b"a").repeat(150_000)].concat()),
        ("keys", [key.clone(), packet(13, b"a")].concat().repeat(50_000)),
        ("numbers", packet(6, &[&[4, 0, 0, 0, 1, 1][..], &number, &number].concat()).repeat(60)),
        ("length", vec![0xC6, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 4]),
        ("parts", [&[0xC6][..], &[0xE0, 4].repeat(100_000)].concat()),
        ("packed", packet(8, &[&[1][..], &gzip(&vec![0; 16 << 20])[10..]].concat())),
        ("armour", armour(&"A: b\n".repeat(100_000)).into_bytes()),
        ("nested", [0x30, 0x80].repeat(300_000)),
        ("lengths", [0x30, 0x83, 0xFF, 0xFF, 0xFF].repeat(100_000)),
        ("begins", b"-----BEGIN CERTIFICATE-----\n".repeat(60_000)),
        ("large", vec![b'A'; 8 << 20]),
    ];
    for (name, bytes) in rows {
        let bomb = Bomb::new(name, &bytes);
        let package = folder.path().join("a.deb");
        let (peak, code, said) = bomb.run(&["verify", "--key", name, package.to_str().expect("text")]);
        assert_eq!(code, Some(1), "{name}: {said:.2000}");
        assert!(!said.contains("Error(") && !said.contains("{ "), "{name}: in a programmer's words: {said:.2000}");
        assert!(peak < MEMORY, "{name}: {} MiB", peak >> 10);
    }
}

/// Programs in packages, signatures, a transform, and the lists of a folder and of a product.
#[test]
fn hostile_programs_signatures_and_lists_take_no_more_than_their_bytes() {
    let held = |bytes: &[u8]| deb(&gzip(&tar_of(&[("opt/a", bytes)])));
    // Each of 65,535 segments is the dynamic section, and it lies over all of them.
    let segment = [&[2, 0, 0, 0, 4, 0, 0, 0][..], &[0; 24], &[0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 0, 0], &[0; 16]].concat();
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0".to_vec();
    elf.extend([&[0; 8][..], &[64, 0, 0, 0, 0, 0, 0, 0], &[0; 14], &[56, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0]].concat());
    elf.extend(segment.repeat(65_535));
    // The headers begin in the headers, with as many sections as fit into the number.
    let mut pe = b"MZ".to_vec();
    pe.resize(60, 0);
    pe.extend([&[64, 0, 0, 0][..], b"PE\0\0\x64\x86\xFF\xFF", &[0; 12], &[0xF0, 0, 0x22, 0x20, 0x0B, 0x02]].concat());
    pe.resize(4 << 20, 0x10);
    let signed = |signature: &[u8]| [deb(&gzip(&tar_of(&[("opt/a", b"x")]))), member("_gpgorigin", signature)].concat();
    let many = [&[4, 0, 1, 8, 0xFF, 0xFF][..], &[1, 100].repeat(32_767), &[0]].concat();
    let rows = [
        ("segments.deb", held(&elf)),
        ("sections.deb", held(&pe)),
        ("subpackets.deb", signed(&packet(2, &many))),
        ("packets.deb", signed(&packet(2, &[4]).repeat(100_000))),
        ("nested.msi", signed_msi(&[0x30, 0x80].repeat(300_000))),
        ("lengths.msi", signed_msi(&[0x30, 0x84, 0x7F, 0xFF, 0xFF, 0xFF].repeat(50_000))),
        ("transform.mst", msi(&[0; 4 << 20], &[0xFF, 0xFF, 1, 0].repeat(1 << 20), b"")),
    ];
    for (name, bytes) in rows {
        Bomb::new(name, &bytes).is_judged_in_bounds();
    }
    let sums: String = (0..100_000).map(|at| format!("{at:064x}  f{at}\n")).collect();
    for (list, bytes) in [("SHA256SUMS", sums.as_bytes()), ("manifest.json", &b"{\"a\":".repeat(500_000)), ("manifest.json", b"")]
    {
        let bomb = Bomb::new(list, bytes);
        let (peak, code, said) = bomb.run(&["verify", "."]);
        assert_eq!(code, Some(1), "{list}: {said:.2000}");
        assert!(peak < MEMORY, "{list}: {} MiB", peak >> 10);
    }
    let keys: String = (0..50_000).map(|at| format!("k{at} = 1\n")).collect();
    for text in [format!("x = {}", "[".repeat(1_000_000)), format!("{}a = 1", "a.".repeat(500_000)), keys] {
        Bomb::new("linkpack.toml", text.as_bytes()).ends(&["build", "-f", "run"], "error: ");
    }
}

/// A member of a DEB's archive.
fn member(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut member = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, bytes.len()).into_bytes();
    member.extend(bytes);
    member.resize(member.len().next_multiple_of(2), b'\n');
    member
}

/// An MSI with this Authenticode signature.
fn signed_msi(signature: &[u8]) -> Vec<u8> {
    let plain = msi(&[], &[3, 0], b"");
    let mut file = cfb::CompoundFile::open(std::io::Cursor::new(plain)).expect("a compound file");
    file.create_stream("/\u{5}DigitalSignature").and_then(|mut stream| stream.write_all(signature)).expect("a stream");
    file.flush().expect("a compound file");
    file.into_inner().into_inner()
}
