//! Zip archives made by Info-ZIP.

use super::*;

#[test]
fn info_zip_archives_keep_modes_links_times_and_names() {
    need("zip", "zip");
    let place = Place::new();
    place.sample();
    // Info-ZIP itself cannot store names with newlines or other bytes than its locale's.
    place.sh("cd agent; rm -f share/two* share/caf*; touch -d @1700000001 share; zip -qry ../a.zip .");
    assert_eq!(described(&place.tree("a.zip")), described(&place.tree("agent")));
}

#[test]
fn a_streamed_zip_with_data_descriptors_is_read() {
    need("zip", "zip");
    let place = Place::new();
    place.write("a/file", "content ".repeat(1000));
    place.sh("zip -qr - a | cat > a.zip");
    assert_eq!(text(&place.tree("a.zip"), "a/file"), "content ".repeat(1000));
}

#[test]
fn without_unix_modes_programs_become_executable() {
    need("zip", "zip");
    let place = Place::new();
    place.write("a/script", "#!/bin/sh\n");
    place.write("a/program", "\x7fELF and so on");
    place.write("a/text", "text");
    place.sh("cd a; chmod 0600 *; zip -qX ../a.zip script program text");
    let mut bytes = std::fs::read(place.path("a.zip")).unwrap();
    for at in central_headers(&bytes) {
        bytes[at + 5] = 0; // Made on DOS,
        bytes[at + 38..at + 42].fill(0); // without attributes.
    }
    place.write("dos.zip", &bytes);
    let tree = place.tree("dos.zip");
    let modes = ["script", "program", "text"].map(|name| entry(&tree, name).mode);
    assert_eq!(modes, [0o755, 0o755, 0o644]);
}

fn central_headers(zip: &[u8]) -> Vec<usize> {
    (0..zip.len() - 4).filter(|&at| zip[at..].starts_with(b"PK\x01\x02")).collect()
}

#[test]
fn backslashes_of_windows_archives_are_separators() {
    need("zip", "zip");
    let place = Place::new();
    place.write("a/bin-x", "x");
    place.sh("cd a; zip -q ../a.zip bin-x");
    let mut bytes = std::fs::read(place.path("a.zip")).unwrap();
    for at in central_headers(&bytes) {
        bytes[at + 5] = 0;
    }
    let bytes = replace(&bytes, b"bin-x", b"bin\\x");
    place.write("windows.zip", bytes);
    assert_eq!(names(&place.tree("windows.zip")), ["bin", "bin/x"]);
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

#[test]
fn encrypted_entries_are_refused_unless_excluded() {
    need("zip", "zip");
    let place = Place::new();
    place.write("a/open", "x");
    place.write("a/secret", "x");
    place.sh("zip -q a.zip a/open; zip -qP word a.zip a/secret");
    assert_says(&place.error(&source(place.path("a.zip"))), &["\"a/secret\": encrypted"]);
    let loaded = place.load(&Source { exclude: vec!["a/secret".into()], ..source(place.path("a.zip")) }).unwrap();
    assert_eq!(names(&loaded.tree), ["a", "a/open"]);
}

#[test]
fn hostile_names_and_links_are_refused_together() {
    need("zip", "zip");
    let place = Place::new();
    place.write("a/1xx", "x");
    place.write("a/2xx", "x");
    place.write("a/3xx", "x");
    place.write("a/4xx", "x");
    place.sh("cd a; rm 4xx; ln -s /etc 4xx; ln -s ../.. up; zip -qy ../a.zip 1xx 2xx 3xx 4xx up");
    let bytes = std::fs::read(place.path("a.zip")).unwrap();
    let bytes = replace(&replace(&replace(&bytes, b"1xx", b"../"), b"2xx", b"/2x"), b"3xx", b"4xx");
    place.write("bad.zip", bytes);
    let error = place.error(&source(place.path("bad.zip")));
    assert_says(
        &error,
        &[
            "\"../\": a name that leaves",
            "\"/2x\": an absolute name",
            "\"4xx\": a name that occurs twice",
            "\"up\": a link to \"../..\"",
        ],
    );
}

#[test]
fn a_wrong_checksum_is_a_damaged_archive() {
    need("zip", "zip");
    let place = Place::new();
    place.write("a/file", "stored as it is");
    place.sh("zip -q0 a.zip a/file");
    let bytes = replace(&std::fs::read(place.path("a.zip")).unwrap(), b"stored", b"Stored");
    place.write("bad.zip", bytes);
    assert_says(&place.error(&source(place.path("bad.zip"))), &["bad.zip", "damaged"]);
}

#[test]
fn packed_entries_are_checked_and_methods_without_a_reader_refused() {
    need("zip", "zip");
    let place = Place::new();
    place.sh("yes 'a line' | head -c 300000 > file; zip -q good.zip file; zip -q -Z bzip2 bzip2.zip file");
    let good = std::fs::read(place.path("good.zip")).unwrap();
    let data = good.windows(4).position(|bytes| bytes == b"UT\x09\0").unwrap() + 40;
    for turned in [data, data + 400] {
        let mut bytes = good.clone();
        bytes[turned] ^= 0x10;
        place.write("bad.zip", bytes);
        assert_says(&place.error(&source(place.path("bad.zip"))), &["bad.zip", "damaged"]);
    }
    assert_eq!(text(&place.tree("bzip2.zip"), "file"), text(&place.tree("good.zip"), "file"));
    // Nothing here writes deflate64: the number alone is changed, in the entry's header and in the directory's.
    let mut bytes = std::fs::read(place.path("bzip2.zip")).unwrap();
    let directory = central_headers(&bytes)[0];
    (bytes[8], bytes[directory + 10]) = (9, 9);
    place.write("deflate64.zip", bytes);
    assert_says(
        &place.error(&source(place.path("deflate64.zip"))),
        &["deflate64.zip", "\"file\" is compressed by method 9 (deflate64)", "make the archive with deflate"],
    );
}

/// A zip archive of stored entries, made by hand: what real tools do not write any more.
struct Zip {
    entries: Vec<u8>,
    directory: Vec<u8>,
    count: usize,
}

/// What an entry's headers say besides its name and content.
#[derive(Clone, Copy)]
struct Traits {
    system: u8,
    attributes: u32,
    flags: u16,
}

const UNIX_FILE: Traits = Traits { system: 3, attributes: 0o100644 << 16, flags: 0 };
const DOS_FILE: Traits = Traits { system: 0, attributes: 0x20, flags: 0 };

impl Zip {
    fn new() -> Zip {
        Zip { entries: Vec::new(), directory: Vec::new(), count: 0 }
    }

    fn add(mut self, name: &[u8], bytes: &[u8], traits: Traits) -> Zip {
        let offset = self.entries.len() as u32;
        let (crc, len) = (crc32fast::hash(bytes).to_le_bytes(), (bytes.len() as u32).to_le_bytes());
        let common =
            [&traits.flags.to_le_bytes()[..], &[0, 0, 0, 0, 0x21, 0], &crc, &len, &len, &(name.len() as u16).to_le_bytes()];
        let common = common.concat();
        self.entries.extend([&b"PK\x03\x04\x14\0"[..], &common, &[0, 0], name, bytes].concat());
        let central = [&b"PK\x01\x02\x14"[..], &[traits.system, 20, 0], &common, &[0; 8], &traits.attributes.to_le_bytes()];
        self.directory.extend([&central.concat()[..], &offset.to_le_bytes(), name].concat());
        self.count += 1;
        self
    }

    /// The archive, whose end record says `count` entries.
    fn counted(&self, count: usize) -> Vec<u8> {
        let count = (count as u16).to_le_bytes();
        let (len, at) = ((self.directory.len() as u32).to_le_bytes(), (self.entries.len() as u32).to_le_bytes());
        let end = [&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &len, &at, &[0, 0]].concat();
        [&self.entries[..], &self.directory, &end].concat()
    }

    fn whole(&self) -> Vec<u8> {
        self.counted(self.count)
    }
}

#[test]
fn every_entry_is_read_whatever_the_end_record_counts() {
    let place = Place::in_memory();
    let mut zip = Zip::new();
    for at in 0..65_540 {
        zip = zip.add(format!("f{at:05}").as_bytes(), b"x", UNIX_FILE);
    }
    // As writers before ZIP64 left it: the count modulo 65,536.
    place.write("wrapped.zip", zip.whole());
    assert_eq!(place.tree("wrapped.zip").entries().len(), 65_540);
    let three = Zip::new().add(b"1", b"a", UNIX_FILE).add(b"2", b"b", UNIX_FILE).add(b"3", b"c", UNIX_FILE);
    place.write("low.zip", three.counted(2));
    assert_eq!(names(&place.tree("low.zip")), ["1", "2", "3"]);
    place.write("high.zip", three.counted(5));
    assert_says(&place.error(&source(place.path("high.zip"))), &["lists 3 entries", "says 5"]);
    // An entry of the directory that cannot be read is missed, not the end.
    let mut bytes = three.whole();
    let second = central_headers(&bytes)[1];
    bytes[second + 1] = b'x';
    place.write("broken.zip", &bytes);
    assert_says(&place.error(&source(place.path("broken.zip"))), &["lists 1 entries", "says 3"]);
}

#[test]
fn bytes_before_and_behind_the_archive_do_no_harm() {
    let place = Place::new();
    let zip = Zip::new().add(b"a", b"content", UNIX_FILE).whole();
    place.write("front.zip", [&b"MZ a program that unpacks it"[..], &zip].concat());
    place.write("behind.zip", [&zip[..], b"\n\n and more"].concat());
    for name in ["front.zip", "behind.zip"] {
        assert_eq!(text(&place.tree(name), "a"), "content", "{name}");
    }
}

#[test]
fn zip64_is_read_as_every_writer_has_it() {
    need("zip", "zip");
    let place = Place::new();
    place.write("a/file", "content");
    place.sh("cd a; zip -q -fz ../forced.zip file; zip -q ../piped.zip - <file");
    assert_eq!(text(&place.tree("forced.zip"), "file"), "content");
    // zip stores what came through a pipe with the pipe's mode.
    let piped = place.tree("piped.zip");
    assert_eq!((text(&piped, "-").as_str(), entry(&piped, "-").mode & 0o600), ("content", 0o600));
    // DotNetZip: an extra field longer than its numbers, and another of the same kind behind it.
    let numbers = [7_u64.to_le_bytes(), 0_u64.to_le_bytes(), [0; 8]].concat();
    let extra = [&[1, 0, 28, 0][..], &numbers, &[0x0a, 0, 0x20, 0], &[1, 0, 24, 0], &[9; 24]].concat();
    let mut zip = Zip::new().add(b"f", b"content", DOS_FILE);
    zip.directory[20..24].fill(0xFF);
    zip.directory[42..46].fill(0xFF);
    zip.directory[30..32].copy_from_slice(&(extra.len() as u16).to_le_bytes());
    zip.directory.extend(&extra);
    place.write("dotnet.zip", zip.whole());
    assert_eq!(text(&place.tree("dotnet.zip"), "f"), "content");
}

#[test]
fn folders_of_dos_are_folders_with_or_without_a_slash() {
    let place = Place::new();
    let folder = Traits { attributes: 0x10, ..DOS_FILE };
    let zip =
        Zip::new().add(b"def", b"", folder).add(b"def/foo", b"x", DOS_FILE).add(b"jkl", b"", folder).add(b"back\\", b"", folder);
    place.write("dos.zip", zip.whole());
    let tree = place.tree("dos.zip");
    assert_eq!(names(&tree), ["back", "def", "def/foo", "jkl"]);
    assert!(["back", "def", "jkl"].iter().all(|name| matches!(entry(&tree, name).kind, Kind::Directory)));
    // A Unix mode says it itself, and bytes are never dropped.
    let unix = Traits { attributes: 0o100644 << 16 | 0x10, ..UNIX_FILE };
    let zip = Zip::new().add(b"empty", b"", unix).add(b"full", b"x", folder);
    place.write("files.zip", zip.whole());
    assert_eq!(text(&place.tree("files.zip"), "full"), "x");
    assert_eq!(text(&place.tree("files.zip"), "empty"), "");
    place.write("lost.zip", Zip::new().add(b"a/", b"bytes", UNIX_FILE).add(b"b", b"x", UNIX_FILE).whole());
    assert_says(&place.error(&source(place.path("lost.zip"))), &["\"a/\": a folder that holds bytes"]);
}

#[test]
fn names_of_dos_are_decoded_and_told() {
    let place = Place::new();
    let utf8 = Traits { flags: 1 << 11, ..DOS_FILE };
    let zip =
        Zip::new().add(b"\x9abersicht.txt", b"x", DOS_FILE).add("größe".as_bytes(), b"x", utf8).add(b"caf\xe9", b"x", UNIX_FILE);
    place.write("names.zip", zip.whole());
    let tree = place.tree("names.zip");
    let found: Vec<&[u8]> = tree.entries().iter().map(|entry| entry.path.as_bytes()).collect();
    assert_eq!(found, [&b"caf\xe9"[..], "größe".as_bytes(), "Übersicht.txt".as_bytes()]);
    assert!(
        place.warnings().iter().any(|said| said.contains("CP437") && said.contains("Übersicht.txt")),
        "{:?}",
        place.warnings()
    );
}

#[test]
fn what_is_refused_is_called_what_it_is() {
    let place = Place::new();
    let whole = Zip::new().add(b"a", b"content", UNIX_FILE).whole();
    let refused = |name: &str, bytes: &[u8], says: &[&str]| {
        place.write(name, bytes);
        let error = place.error(&source(place.path(name)));
        assert_says(&error, says);
        let all = format!("{error} {:?}", error.notes());
        assert!(!all.contains("os error") && !all.contains("::"), "{all}");
    };
    let end = whole.len() - 22;
    refused("cut.zip", &whole[..end], &["no end record"]);
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = whole.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    refused("part.zip", &with(end + 4, &[1, 0]), &["one part of an archive in several"]);
    refused("moved.zip", &with(end + 12, &[1, 0, 0, 0, 1, 0, 0, 0]), &["not where its end record says"]);
    let central = central_headers(&whole)[0];
    refused("elsewhere.zip", &with(central + 42, &[0xF0, 0xFF, 0xFF, 0x7F]), &["\"a\" does not lie in it"]);
    refused("headless.zip", &with(central + 42, &[3, 0, 0, 0]), &["\"a\" has no header of its own"]);
    refused("long.zip", &with(central + 20, &[0xFF, 0xFF, 0xFF, 0x7F]), &["\"a\" does not lie in it"]);
    // A directory that PKZIP encrypted: the end record is of version 2.
    let record =
        [&b"PK\x06\x06"[..], &76_u64.to_le_bytes(), &[62, 0, 62, 0], &[0; 40], &[8, 0], &[0; 16], &[1, 0x66], &[0; 12]].concat();
    let locator = [&b"PK\x06\x07\0\0\0\0"[..], &(end as u64).to_le_bytes(), &[1, 0, 0, 0]].concat();
    refused("hidden.zip", &[&whole[..end], &record, &locator, &whole[end..]].concat(), &["encrypted or compressed"]);
}
