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
fn deflated_entries_are_checked_and_other_methods_refused() {
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
    assert_says(&place.error(&source(place.path("bzip2.zip"))), &["bzip2.zip", "method", "make the archive with deflate"]);
}
