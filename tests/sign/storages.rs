//! Storages inside an MSI, such as embedded transforms: linkpack's signature of them is osslsigncode's, and the other way round.
use crate::bench::*;
use crate::common::need;
use linkpack::build::signatures::{self, proves};
use linkpack::trust::keys::Keys;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

type Compound = cfb::CompoundFile<File>;

/// Makes something in a compound file.
type Shape = fn(&mut Compound);

/// Shapes of storages that packages of other makers have, and some that none has.
const SHAPES: [(&str, Shape); 6] = [
    ("one with a class, like a transform", |file| {
        storage(file, "/Sub", 0x000C_1082);
        stream(file, "/Sub/\u{4840}\u{3f7f}\u{4164}", b"names");
        stream(file, "/Sub/A", &[7; 5000]);
    }),
    ("two levels, and an empty one", |file| {
        storage(file, "/Outer", 1);
        storage(file, "/Outer/Inner", 2);
        stream(file, "/Outer/Inner/Z", b"z");
        stream(file, "/Outer/A", b"a");
        storage(file, "/Empty", 3);
        storage(file, "/Outer/Empty", 0);
    }),
    ("names that begin alike", |file| {
        for name in ["AB", "ABC", "A", "B", "b1", "AB0"] {
            stream(file, &format!("/Zz{name}"), name.as_bytes());
        }
        storage(file, "/ZzA1", 9);
        stream(file, "/ZzA1/x", b"1");
    }),
    ("names out of the order of their letters", |file| {
        for name in ["\u{100}", "\u{1FF}", "\u{201}", "\u{3800}", "\u{10000}", "\u{FFFD}"] {
            stream(file, &format!("/{name}"), name.as_bytes());
        }
    }),
    ("flags and times", |file| {
        storage(file, "/Flagged", 4);
        file.set_state_bits("/Flagged", 0x8000_0001).expect("flags");
        file.set_created_time("/Flagged", SystemTime::UNIX_EPOCH + Duration::new(1_600_000_000, 123_456_700)).expect("a time");
        file.set_modified_time("/Flagged", SystemTime::UNIX_EPOCH - Duration::from_secs(1)).expect("a time");
        stream(file, "/Flagged/One", b"");
        file.set_state_bits("/", 0x40).expect("flags");
    }),
    ("signatures of somebody else's inside", |file| {
        storage(file, "/Other", 5);
        stream(file, "/Other/\u{5}DigitalSignature", b"not the package's");
        stream(file, "/Other/\u{5}MsiDigitalSignatureEx", b"nor this");
        stream(file, "/\u{5}DigitalSignatures", b"a longer name");
    }),
];

fn storage(file: &mut Compound, path: &str, class: u32) {
    file.create_storage(path).expect("a storage");
    file.set_storage_clsid(path, uuid::Uuid::from_u128(u128::from(class) << 96 | 0x46)).expect("a class");
}

fn stream(file: &mut Compound, path: &str, content: &[u8]) {
    let mut stream = file.create_new_stream(path).expect("a stream");
    stream.write_all(content).and_then(|()| stream.flush()).expect("written");
}

fn change(path: &Path, by: impl FnOnce(&mut Compound)) {
    let mut file = cfb::open_rw(path).expect("a compound file");
    by(&mut file);
    file.flush().expect("written");
}

#[test]
fn packages_with_storages_have_the_digests_that_osslsigncode_makes() {
    let bench = &bench();
    let folder = copy(bench);
    let plain = package(folder.path(), "msi");
    let check = |name: &str| bench.sh(&format!("osslsigncode verify -CAfile ca.pem -in {name}")).run();
    let keys = Keys::read(&[bench.path("ca.pem")]).expect("a key");
    let ours = |name: &str| signatures::verify(&bench.path(name), &keys).is_ok_and(|judged| proves(&judged));
    let mut both = 0;
    for (what, shape) in SHAPES {
        fs::copy(&plain, bench.path("ours.msi")).expect("copied");
        change(&bench.path("ours.msi"), shape);
        for (options, out) in [("", "theirs.msi"), ("-add-msi-dse", "extended.msi")] {
            let line = "osslsigncode sign -h sha256 -certs code.pem -key code.key";
            bench.sh(&format!("rm -f {out}; {line} {options} -in ours.msi -out {out}")).run().ok();
            // Where storages lie in storages, it writes a directory that neither it nor anybody else can read.
            let theirs = check(out);
            assert_eq!(ours(out), theirs.code == Some(0), "{what}, {out}: {theirs}");
            both += usize::from(ours(out));
        }
        sign(bench, Path::new("ours.msi"), "--key code.key --cert code.pem").run().ok();
        check("ours.msi").ok();
        assert!(ours("ours.msi"), "{what}");
    }
    assert!(both >= 2 * (SHAPES.len() - 1), "osslsigncode signed {both}");
}

#[test]
fn a_storage_or_a_stream_of_it_that_changes_is_no_longer_signed() {
    let bench = &bench();
    let folder = copy(bench);
    let plain = package(folder.path(), "msi");
    change(&plain, SHAPES[0].1);
    sign(bench, &plain, "--key code.key --cert code.pem").run().ok();
    let changes: [fn(&mut Compound); 4] = [
        |file| stream(file, "/Sub/More", b"more"),
        |file| file.remove_stream("/Sub/A").expect("removed"),
        |file| file.set_storage_clsid("/Sub", uuid::Uuid::nil()).expect("a class"),
        |file| storage(file, "/Another", 0),
    ];
    for by in changes {
        fs::copy(&plain, bench.path("changed.msi")).expect("copied");
        change(&bench.path("changed.msi"), by);
        is_bad(&judged(bench, &bench.path("changed.msi"), "ca.pem"), "names, sizes or times of its streams were changed");
        bench.sh("osslsigncode verify -CAfile ca.pem -in changed.msi").run().fails();
    }
    // A storage in the place of a signature's stream is not set aside: nothing in it would be covered.
    fs::copy(&plain, bench.path("changed.msi")).expect("copied");
    change(&bench.path("changed.msi"), |file| {
        file.remove_stream("/\u{5}MsiDigitalSignatureEx").expect("removed");
        storage(file, "/\u{5}MsiDigitalSignatureEx", 0);
        stream(file, "/\u{5}MsiDigitalSignatureEx/Hidden", b"what nobody signed");
    });
    is_bad(&judged(bench, &bench.path("changed.msi"), "ca.pem"), "changed after it was signed");
}

#[test]
fn what_msibuild_embeds_is_signed_as_osslsigncode_reads_it() {
    need("msibuild", "msitools");
    let bench = &bench();
    let folder = copy(bench);
    let msi = package(folder.path(), "msi");
    let line = format!("printf transform >site.mst; msibuild {} -a Binary.site site.mst", msi.display());
    bench.sh(&line).run().ok();
    sign(bench, &msi, "--key code.key --cert code.pem").run().ok();
    bench.sh(&format!("osslsigncode verify -CAfile ca.pem -in {}", msi.display())).run().ok();
    assert!(judged(bench, &msi, "ca.pem").is_good());
}
