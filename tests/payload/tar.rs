//! Tar archives made by GNU tar.

use super::*;
use std::io::Write;
use std::os::unix::fs::MetadataExt;

#[test]
fn every_format_and_compression_gives_the_directorys_tree() {
    need("zstd", "zstd");
    need("xz", "xz-utils");
    let place = Place::new();
    place.sample();
    let expected = described(&place.tree("agent"));
    for format in ["gnu", "posix"] {
        place.sh(&format!("tar --format={format} -C agent -cf {format}.tar ."));
        assert_eq!(described(&place.tree(&format!("{format}.tar"))), expected, "{format}");
    }
    place.sh("gzip -k gnu.tar; xz -0k gnu.tar; bzip2 -k gnu.tar; lzma -0k gnu.tar; zstd -q gnu.tar");
    for name in ["gnu.tar.gz", "gnu.tar.xz", "gnu.tar.zst", "gnu.tar.bz2", "gnu.tar.lzma"] {
        assert_eq!(described(&place.tree(name)), expected, "{name}");
    }
}

#[test]
fn old_formats_are_read_as_well() {
    let place = Place::new();
    place.write("a/sub/file", "x");
    symlink("sub/file", place.path("a/link")).unwrap();
    let expected = described(&place.tree("a"));
    for format in ["v7", "ustar", "oldgnu"] {
        place.sh(&format!("tar --format={format} -C a -cf {format}.tar ."));
        assert_eq!(described(&place.tree(&format!("{format}.tar"))), expected, "{format}");
    }
}

#[test]
fn the_name_of_the_archive_does_not_matter() {
    let place = Place::new();
    place.write("a/file", "x");
    place.sh("tar -czf agent.vai a");
    assert_eq!(names(&place.tree("agent.vai")), ["a", "a/file"]);
}

#[test]
fn several_compressed_streams_read_as_one() {
    let place = Place::new();
    place.sample();
    place.sh("tar -cf a.tar agent; split -b 500000 a.tar part.");
    place.sh("for p in part.*; do gzip -c $p >> a.tgz; xz -0c $p >> a.txz; zstd -qc $p >> a.tzst; bzip2 -c $p >> a.tbz; done; head -c 8 /dev/zero >> a.txz");
    let expected = described(&place.tree("a.tar"));
    for name in ["a.tgz", "a.txz", "a.tzst", "a.tbz"] {
        assert_eq!(described(&place.tree(name)), expected, "{name}");
    }
}

#[test]
fn sparse_files_of_every_kind_unpack_without_taking_space() {
    let place = Place::new();
    let file = std::fs::File::create(place.write("a/image", "")).unwrap();
    file.set_len(9 << 30).unwrap();
    // More pieces than a GNU header holds, the last one short and at the end.
    for gib in 0..9u64 {
        std::os::unix::fs::FileExt::write_all_at(&file, format!("piece {gib}").as_bytes(), gib << 30).unwrap();
    }
    std::os::unix::fs::FileExt::write_all_at(&file, b"the end", (9 << 30) - 7).unwrap();
    for (name, options) in [
        ("gnu", "--format=gnu"),
        ("1.0", "--format=posix --sparse-version=1.0"),
        ("0.1", "--format=posix --sparse-version=0.1"),
        ("0.0", "--format=posix --sparse-version=0.0"),
    ] {
        place.sh(&format!("tar --sparse {options} -cf {name}.tar a"));
        let tree = place.tree(&format!("{name}.tar"));
        assert_eq!(names(&tree), ["a", "a/image"], "{name}");
        let content = content(&tree, "a/image");
        assert_eq!(content.len(), 9 << 30, "{name}");
        let spool = newest(&place);
        let unpacked = std::fs::File::open(&spool).unwrap();
        let mut bytes = [0; 7];
        for gib in 0..9u64 {
            std::os::unix::fs::FileExt::read_exact_at(&unpacked, &mut bytes, gib << 30).unwrap();
            assert_eq!(bytes, *format!("piece {gib}").as_bytes(), "{name}");
        }
        std::os::unix::fs::FileExt::read_exact_at(&unpacked, &mut bytes, (9 << 30) - 7).unwrap();
        assert_eq!(&bytes, b"the end", "{name}");
        assert!(unpacked.metadata().unwrap().blocks() * 512 < 1 << 20, "{name} takes space");
    }
}

fn newest(place: &Place) -> PathBuf {
    let folder = std::fs::read_dir(place.path("spool")).unwrap().next().unwrap().unwrap().path();
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let number = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().parse::<u32>().ok();
    files.filter(|path| number(path).is_some()).max_by_key(number).unwrap()
}

#[test]
fn a_file_above_8_gib_is_read_by_its_size_in_gnu_and_pax_headers() {
    let place = Place::new();
    std::fs::File::create(place.write("a/eight", "")).unwrap().set_len(8 << 30).unwrap();
    for (format, headers) in [("gnu", 512), ("posix", 1536)] {
        // The archive's file is sparse too: its headers come from tar, its data is a hole.
        place.sh(&format!("tar --format={format} -cf - a/eight 2>/dev/null | head -c {headers} > {format}.tar"));
        let archive = std::fs::OpenOptions::new().append(true).open(place.path(&format!("{format}.tar"))).unwrap();
        archive.set_len(headers + (8 << 30)).unwrap();
        (&archive).write_all(&[0; 1024]).unwrap();
        let tree = place.tree(&format!("{format}.tar"));
        assert_eq!(content(&tree, "a/eight").len(), 8 << 30, "{format}");
        assert_eq!(std::fs::metadata(newest(&place)).unwrap().blocks(), 0, "{format}");
    }
}

#[test]
fn a_hard_link_to_something_excluded_keeps_its_content() {
    let place = Place::new();
    place.write("a/1", "shared");
    std::fs::hard_link(place.path("a/1"), place.path("a/2")).unwrap();
    place.sh("tar -cf a.tar a/1 a/2");
    let loaded = place.load(&Source { exclude: vec!["a/1".into()], ..source(place.path("a.tar")) }).unwrap();
    assert_eq!(names(&loaded.tree), ["a", "a/2"]);
    assert_eq!(text(&loaded.tree, "a/2"), "shared");
}

#[test]
fn what_follows_the_end_marker_is_ignored() {
    let place = Place::new();
    place.write("a/file", "x");
    place.sh("tar -cf a.tar a; printf garbage >> a.tar");
    assert_eq!(names(&place.tree("a.tar")), ["a", "a/file"]);
}

#[test]
fn an_archive_made_by_git_is_read() {
    need("git", "git");
    let place = Place::new();
    place.write("repo/file", "x");
    place.sh("cd repo; git init -q; git add .; git -c user.name=n -c user.email=e commit -qm m; git archive --prefix=top/ -o ../a.tar.gz HEAD");
    let loaded = place.load(&Source { strip: 1, ..source(place.path("a.tar.gz")) }).unwrap();
    assert_eq!(names(&loaded.tree), ["file"]);
}

#[test]
fn compressed_data_that_is_no_tar_archive_is_said_to_be_none() {
    let place = Place::new();
    place.write("notes", "just text, nothing else");
    place.sh("gzip notes");
    let error = place.error(&source(place.path("notes.gz")));
    assert_says(&error, &["notes.gz", "not a tar archive"]);
    assert!(!error.what().contains("damaged"), "{error}");
    // Both tars read this; where it was cut between two entries, neither says so.
    place.write("endless.tar", file("a", b"x", |_| {}));
    let error = place.error(&source(place.path("endless.tar")));
    assert_says(&error, &["without tar's end marker", "whether it is whole"]);
    assert!(!error.what().contains("damaged"), "{error}");
}

/// A ustar header with these fields changed before its checksum is made.
fn header(name: &str, kind: u8, size: usize, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..107].copy_from_slice(b"0000644");
    block[108..115].copy_from_slice(b"0000000");
    block[116..123].copy_from_slice(b"0000000");
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[136..147].copy_from_slice(b"14524770400");
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    change(&mut block);
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn file(name: &str, bytes: &[u8], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut entry = header(name, b'0', bytes.len(), change);
    entry.extend(bytes);
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

/// The entries and tar's end marker.
fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

#[test]
fn headers_of_other_tars_are_read_as_gnu_tar_reads_them() {
    let place = Place::new();
    place.write("a", "x");
    place.sh("tar -V 'My backup' -cf label.tar a");
    assert_eq!(names(&place.tree("label.tar")), ["a"]);
    // AIX's time begins with a NUL; others leave fields empty.
    let aix = file("aix", b"x", |block| block[136..148].copy_from_slice(b"\x0014524770400"));
    let empty = file("empty", b"x", |block| block[100..108].fill(0));
    let blank = file("blank", b"x", |block| block[100..124].fill(b' '));
    place.write("fields.tar", archive(&[aix, empty, blank]));
    let tree = place.tree("fields.tar");
    assert_eq!(names(&tree), ["aix", "blank", "empty"]);
    assert_eq!((entry(&tree, "aix").mtime, entry(&tree, "empty").mode), (0o14524770400, 0));
    // Sun's old tar summed signed bytes.
    let mut signed = file("caf", b"x", |block| block[3] = 0xe9);
    let sum: i32 =
        signed[..512].iter().enumerate().map(|(at, &b)| if (148..156).contains(&at) { 32 } else { i32::from(b as i8) }).sum();
    signed[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    place.write("signed.tar", archive(&[signed]));
    assert_eq!(place.tree("signed.tar").entries()[0].path.as_bytes(), b"caf\xe9");
    // What is no number still is none.
    place.write("wrong.tar", archive(&[file("a", b"x", |block| block[136..140].copy_from_slice(b"soon"))]));
    assert_says(&place.error(&source(place.path("wrong.tar"))), &["the time of an entry is no number"]);
}

#[test]
fn a_name_that_tar_was_given_twice_is_one_file() {
    let place = Place::new();
    place.write("bin/agent", "#!/bin/sh\n");
    place.sh("ln bin/agent bin/agent2; tar cf twice.tar bin bin/agent");
    let tree = place.tree("twice.tar");
    assert_eq!(names(&tree), ["bin", "bin/agent", "bin/agent2"]);
    assert_eq!((text(&tree, "bin/agent").as_str(), text(&tree, "bin/agent2").as_str()), ("#!/bin/sh\n", "#!/bin/sh\n"));
    // Without the file before it, it leads nowhere.
    let link = header("a", b'1', 0, |block| block[157] = b'a');
    place.write("alone.tar", archive(&[link, file("b", b"x", |_| ())]));
    assert_says(&place.error(&source(place.path("alone.tar"))), &["\"a\": a hard link to \"a\""]);
}

#[test]
fn names_that_no_system_takes_are_refused() {
    let place = Place::new();
    for (len, says) in [(255, None), (256, Some("a name of 256 bytes, and Linux takes 255"))] {
        let name = "n".repeat(len);
        place.sh(&format!("python3 -c \"import tarfile; t = tarfile.open('long.tar', 'w', format=tarfile.PAX_FORMAT); t.addfile(tarfile.TarInfo('a/{name}')); t.close()\""));
        match says {
            None => assert_eq!(names(&place.tree("long.tar")).len(), 2),
            Some(says) => assert_says(&place.error(&source(place.path("long.tar"))), &[says]),
        }
    }
    assert!(place.warnings().iter().any(|said| said.contains("dpkg and rpm take no name above 246")), "{:?}", place.warnings());
    let deep = "d/".repeat(2000);
    place.sh(&format!("python3 -c \"import tarfile; t = tarfile.open('deep.tar', 'w', format=tarfile.PAX_FORMAT); t.addfile(tarfile.TarInfo('{deep}f')); t.close()\""));
    assert_says(&place.error(&source(place.path("deep.tar"))), &["a path of 4001 bytes"]);
}

#[test]
fn what_holes_cost_on_endpoints_is_told_and_has_a_limit() {
    let place = Place::new();
    for (gib, refused) in [(1_u64, false), (20, true)] {
        std::fs::File::create(place.write("a/image", "")).unwrap().set_len(gib << 30).unwrap();
        place.sh("tar --sparse -cf a.tar a");
        if refused {
            assert_says(&place.error(&source(place.path("a.tar"))), &["holes of more than 16 GiB", "leave the file out"]);
        } else {
            place.tree("a.tar");
            assert!(place.warnings().iter().any(|said| said.contains("holes of 1.0 GiB")), "{:?}", place.warnings());
        }
    }
}
