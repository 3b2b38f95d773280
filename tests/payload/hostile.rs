//! Archives that the usual tools do not make: written by hand, cut, or with bytes turned.

use super::*;
use ::tar::{Builder, EntryType, Header};

/// A tar archive written entry by entry.
struct Tar(Builder<Vec<u8>>);

impl Tar {
    fn new() -> Tar {
        Tar(Builder::new(Vec::new()))
    }

    /// `name` and `target` are written as they are, whatever they say.
    fn add(&mut self, kind: EntryType, name: &[u8], target: &[u8], data: &[u8]) -> &mut Tar {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target);
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_mtime(1);
        header.set_size(data.len() as u64);
        header.set_cksum();
        self.0.append(&header, data).unwrap();
        self
    }

    fn file(&mut self, name: &str) -> &mut Tar {
        self.add(EntryType::Regular, name.as_bytes(), b"", b"data")
    }

    fn write(self, place: &Place, name: &str) -> Source {
        source(place.write(name, self.0.into_inner().unwrap()))
    }
}

#[test]
fn every_bad_entry_of_a_tar_archive_is_reported_at_once() {
    let place = Place::new();
    let mut tar = Tar::new();
    tar.file("good").file("../up").file("a/../../up").file("/etc/passwd").file("good");
    tar.add(EntryType::Char, b"device", b"", b"").add(EntryType::Fifo, b"pipe", b"", b"");
    tar.add(EntryType::Symlink, b"d/escape", b"../../x", b"").add(EntryType::Symlink, b"absolute", b"/etc", b"");
    tar.add(EntryType::new(b'Q'), b"odd", b"", b"");
    let bad = tar.write(&place, "bad.tar");
    assert_says(
        &place.error(&bad),
        &[
            "9 entries of",
            "bad.tar",
            "\"../up\": a name that leaves the payload",
            "\"a/../../up\": a name that leaves the payload",
            "\"/etc/passwd\": an absolute name",
            "\"good\": a name that occurs twice",
            "\"device\": a device node",
            "\"pipe\": a named pipe",
            "\"d/escape\": a link to \"../../x\", which leaves the payload",
            "\"absolute\": a link to the absolute path \"/etc\"",
            "\"odd\": a tar entry of the unknown type 'Q'",
        ],
    );
    // All but the duplicate can be left out; exclude comes before refusal.
    let exclude = ["**/up", "etc", "device", "pipe", "d", "absolute", "odd", "good"].map(String::from).to_vec();
    assert_says(&place.error(&Source { exclude, ..bad }), &["holds no file"]);
}

#[test]
fn more_than_ten_bad_entries_are_counted() {
    let place = Place::new();
    let mut tar = Tar::new();
    for n in 0..14 {
        tar.file(&format!("../{n}"));
    }
    let error = place.error(&tar.write(&place, "bad.tar"));
    assert_eq!(error.notes().len(), 11);
    assert_says(&error, &["14 entries", "\"../9\"", "and 4 more"]);
}

#[test]
fn an_entry_through_a_link_of_the_archive_is_refused() {
    let place = Place::new();
    let mut tar = Tar::new();
    tar.add(EntryType::Directory, b"real/", b"", b"").add(EntryType::Symlink, b"link", b"real", b"").file("link/file");
    tar.file("plain").file("plain/below");
    let bad = tar.write(&place, "bad.tar");
    let wanted = ["2 entries", "\"link/file\": lies below the link \"link\"", "\"plain/below\": lies below the file \"plain\""];
    assert_says(&place.error(&bad), &wanted);
}

#[test]
fn hard_links_need_their_target_before_them() {
    let place = Place::new();
    let mut tar = Tar::new();
    tar.add(EntryType::Link, b"early", b"file", b"").file("file").add(EntryType::Link, b"lost", b"missing", b"");
    tar.add(EntryType::Link, b"good", b"./file", b"").add(EntryType::Link, b"again", b"good", b"");
    let bad = tar.write(&place, "bad.tar");
    let error = place.error(&bad);
    assert_says(&error, &["2 entries", "\"early\": a hard link to \"file\", which does not come before it", "\"lost\""]);
    let loaded = place.load(&Source { exclude: vec!["early".into(), "lost".into()], ..bad }).unwrap();
    assert_eq!(text(&loaded.tree, "again"), "data");
}

#[test]
fn a_nul_in_a_pax_name_is_refused() {
    let place = Place::new();
    let mut tar = Tar::new();
    tar.add(EntryType::XHeader, b"pax", b"", b"13 path=a\0bc\n").file("short");
    assert_says(&place.error(&tar.write(&place, "bad.tar")), &["a name with a NUL byte"]);
}

#[test]
fn equal_directories_may_repeat() {
    let place = Place::new();
    let mut tar = Tar::new();
    for _ in 0..2 {
        tar.add(EntryType::Directory, b"a/", b"", b"");
    }
    tar.file("a/file");
    assert_eq!(names(&place.load(&tar.write(&place, "a.tar")).unwrap().tree), ["a", "a/file"]);
}

#[test]
fn a_name_with_single_dots_and_double_slashes_is_the_plain_one() {
    let place = Place::new();
    let mut tar = Tar::new();
    tar.file("./a//./b");
    assert_eq!(names(&place.load(&tar.write(&place, "a.tar")).unwrap().tree), ["a", "a/b"]);
}

/// A small archive of every format.
fn archives(place: &Place) -> Vec<PathBuf> {
    need("zip", "zip");
    place.write("a/one", "content one");
    place.write("a/two", "content two ".repeat(50));
    symlink("one", place.path("a/link")).unwrap();
    place.write("deb/DEBIAN/control", "Package: p\nVersion: 1\nArchitecture: all\nMaintainer: m <m@e.x>\nDescription: d\n");
    place.write("deb/opt/file", "data");
    place.sh("chmod 0755 deb deb/DEBIAN");
    place.sh("tar -cf 1.tar a; tar -czf 2.tgz a; tar -cJf 3.txz a; tar --format=posix -c a | zstd -q > 4.tzst; zip -qry 5.zip a; dpkg-deb -Zgzip -b deb 6.deb");
    let spec = "Name: p\nVersion: 1\nRelease: 1\nSummary: s\nLicense: l\nBuildArch: noarch\n%description\n%install\nmkdir -p %{buildroot}/opt\necho x > %{buildroot}/opt/f\n%files\n/opt/f\n";
    place.write("p.spec", spec);
    place.sh("rpmbuild -bb --quiet --define \"_topdir $PWD/top\" p.spec; mv top/RPMS/noarch/*.rpm 7.rpm");
    ["1.tar", "2.tgz", "3.txz", "4.tzst", "5.zip", "6.deb", "7.rpm"].map(|name| place.path(name)).to_vec()
}

#[test]
fn a_cut_archive_is_an_error_that_names_it_and_leaves_nothing() {
    let place = Place::new();
    for archive in archives(&place) {
        let whole = std::fs::read(&archive).unwrap();
        place.load(&source(&archive)).unwrap();
        // Tar pads its archives to 10 KiB after the end marker, ar an odd member by a newline; a cut in there takes nothing away.
        let end = match archive.file_name().unwrap().to_str().unwrap() {
            "1.tar" => whole.iter().rposition(|&b| b != 0).unwrap(),
            "6.deb" if whole.ends_with(b"\n") => whole.len() - 1,
            _ => whole.len(),
        };
        for len in (1..end).step_by((end / 40).max(1)).chain([512, 1024, end - 1]).filter(|&len| len < end) {
            let cut = place.write("cut-archive", &whole[..len]);
            let error = place.error(&source(cut));
            assert!(error.what().contains("cut-archive"), "{} at {len}: {error}", archive.display());
        }
    }
    let spool = place.path("spool");
    drop(place.spool);
    assert!(is_empty(&spool));
}

#[test]
fn no_turned_byte_makes_the_reader_panic() {
    let place = Place::in_memory();
    for archive in archives(&place) {
        let mut bytes = std::fs::read(&archive).unwrap();
        for at in (0..bytes.len()).step_by((bytes.len() / 500).max(1)) {
            let was = bytes[at];
            for turned in [was ^ 0xff, was ^ 1] {
                bytes[at] = turned;
                let turned = place.write("turned", &bytes);
                let spool = Spool::new(&place.path("spool")).unwrap();
                if let Ok(loaded) = load(&source(turned), &spool, &place.heard) {
                    assert!(!loaded.tree.entries().is_empty());
                }
            }
            bytes[at] = was;
        }
    }
}

#[test]
fn an_archive_that_grows_while_it_is_read_is_an_error() {
    let place = Place::new();
    place.write("a/file", "x".repeat(1_000_000));
    place.sh("tar -cf a.tar a");
    /// Appends to the archive at the first sign of progress.
    struct Meddler(PathBuf);
    impl Listener for Meddler {
        fn warning(&self, _: &str) {}
        fn info(&self, _: &str) {}
        fn advance(&self, _: &str, _: u64) {
            let mut file = std::fs::OpenOptions::new().append(true).open(&self.0).unwrap();
            std::io::Write::write_all(&mut file, b"more").unwrap();
        }
    }
    let error = load(&source(place.path("a.tar")), &place.spool, &Meddler(place.path("a.tar"))).err().unwrap();
    assert_says(&error, &["a.tar changed while it was packaged"]);
}
