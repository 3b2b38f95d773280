//! Signatures that were damaged, cut, moved or laid upon another package: never a panic, never good where the real tool says no.
use crate::bench::*;
use linkpack::build::signatures::{self, proves};
use linkpack::trust::keys::Keys;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;

pub const SIGNATURE: &str = "/\u{5}DigitalSignature";
pub const EXTENDED: &str = "/\u{5}MsiDigitalSignatureEx";

#[test]
fn damaged_signatures_are_bad_and_never_a_panic() {
    let bench = &bench();
    let folder = copy(bench);
    sign(bench, folder.path(), "--key code.key --cert code.pem --openpgp-key rsa.sec").run().ok();
    let keys = Keys::read(&["ca.pem", "rsa.asc", "code.pub"].map(|name| bench.path(name))).unwrap();
    let mut tried = 0;
    for format in ["deb", "rpm", "run"] {
        let path = package(folder.path(), format);
        let whole = fs::read(&path).unwrap();
        let end = whole.len() - 1;
        let places: Vec<usize> = match format {
            "deb" => (end - 300..end).step_by(7).collect(),
            "rpm" => (96..4500).step_by(53).collect(),
            _ => (0..800).step_by(11).collect(),
        };
        for at in places {
            for byte in [0, 0xFF, whole[at] ^ 1] {
                let mut bytes = whole.clone();
                bytes[at] = byte;
                fs::write(&path, &bytes).unwrap();
                let _ = signatures::verify(&path, &keys);
                tried += 1;
            }
        }
        for len in [0, 8, 100, 900, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..len]).unwrap();
            assert!(!signatures::verify(&path, &keys).is_ok_and(|judged| proves(&judged)), "{format} cut at {len}");
            tried += 1;
        }
    }
    eprintln!("{tried} damaged packages tried");
}

/// A stream of a compound file.
fn stream(msi: &[u8], name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut file = cfb::CompoundFile::open(Cursor::new(msi)).expect("a compound file");
    file.open_stream(name).expect("a stream").read_to_end(&mut bytes).expect("read");
    bytes
}

/// The compound file with another content of a stream, which may be new.
fn with_stream(msi: &[u8], name: &str, content: &[u8]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::open(Cursor::new(msi.to_vec())).expect("a compound file");
    let mut stream = file.create_stream(name).expect("a stream");
    stream.write_all(content).and_then(|()| stream.flush()).expect("written");
    drop(stream);
    file.flush().expect("written");
    file.into_inner().into_inner()
}

/// A place for packages to be judged, by linkpack and by osslsigncode.
struct Court<'a> {
    bench: &'a Bench,
    keys: Keys,
}

impl Court<'_> {
    fn new(bench: &Bench) -> Court<'_> {
        Court { bench, keys: Keys::read(&[bench.path("ca.pem")]).expect("a key") }
    }

    /// Whether linkpack takes it, and what it says.
    fn ours(&self, msi: &[u8]) -> (bool, String) {
        let path = self.bench.path("judged.msi");
        fs::write(&path, msi).expect("written");
        match signatures::verify(&path, &self.keys) {
            Ok(judged) => (
                proves(&judged),
                judged.iter().map(|one| format!("{}: {}", one.place, one.verdict)).collect::<Vec<_>>().join("; "),
            ),
            Err(error) => (false, error.to_string()),
        }
    }

    /// Whether osslsigncode takes the package that was judged last.
    fn theirs(&self) -> bool {
        self.bench.sh("osslsigncode verify -CAfile ca.pem -TSA-CAfile ca.pem -in judged.msi").run().code == Some(0)
    }

    #[track_caller]
    fn takes(&self, msi: &[u8], what: &str) {
        let (ours, said) = self.ours(msi);
        assert!(ours && self.theirs(), "{what}: {said}; osslsigncode takes it: {}", self.theirs());
    }

    #[track_caller]
    fn refuses(&self, msi: &[u8], why: &str) {
        let (ours, said) = self.ours(msi);
        assert!(!ours && said.contains(why), "{why}: {said}");
        assert!(!self.theirs(), "osslsigncode takes what linkpack refuses: {said}");
    }
}

/// An MSI of the sample, signed with a time stamp by linkpack, and its signature.
fn signed(bench: &Bench) -> Vec<u8> {
    let folder = copy(bench);
    let msi = package(folder.path(), "msi");
    let stamp = "openssl ts -reply -config tsa.cnf -queryfile /dev/stdin -out /dev/stdout 2>/dev/null";
    sign(bench, &msi, "--key code.key --cert code.pem").args(["--timestamp-command", stamp]).run().ok();
    fs::read(msi).expect("read")
}

#[test]
fn a_damaged_signature_of_an_msi_is_good_only_where_osslsigncode_takes_it() {
    let bench = &bench();
    let court = Court::new(bench);
    let msi = signed(bench);
    let signature = stream(&msi, SIGNATURE);
    court.takes(&msi, "as it was signed");
    let (mut tried, mut asked, mut good, mut wrong) = (0, 0, 0, Vec::new());
    for at in (0..signature.len()).step_by(7) {
        let mut bad = signature.clone();
        bad[at] ^= 1 << (at % 8);
        let (ours, said) = court.ours(&with_stream(&msi, SIGNATURE, &bad));
        tried += 1;
        // What is good all the same, mostly in the time stamp, has to be so for both: some of each are compared.
        if tried % if ours { 4 } else { 20 } == 0 {
            asked += 1;
            match (ours, court.theirs()) {
                (true, false) => wrong.push(format!("byte {at}, {:02x?}: {said}", &signature[at.saturating_sub(8)..at + 8])),
                (true, true) => good += 1,
                (false, true) => eprintln!("osslsigncode takes a change of byte {at}: {said}"),
                (false, false) => {}
            }
        }
    }
    eprintln!("{tried} damaged signatures of an MSI tried, {asked} compared with osslsigncode, {good} good for both");
    assert!(wrong.is_empty(), "linkpack takes what osslsigncode does not:\n{}", wrong.join("\n"));
    for len in [0, 1, 4, 100, signature.len() / 2, signature.len() - 1] {
        court.refuses(&with_stream(&msi, SIGNATURE, &signature[..len]), "BAD signature: it is not Authenticode");
    }
}

#[test]
fn a_signature_of_another_msi_or_of_another_content_is_named() {
    let bench = &bench();
    let court = Court::new(bench);
    let msi = signed(bench);
    let other = bench.path("site");
    let build = linkpack().args(["build", "-q", "--no-cache", "-f", "msi", "-s", "sites/example.toml", "-o"]).arg(&other);
    build.dir(bench.path("product")).run().ok();
    let other = fs::read(package(&other, "msi")).expect("read");
    court.refuses(&with_stream(&other, SIGNATURE, &stream(&msi, SIGNATURE)), "changed after it was signed");
    court.refuses(&other, "unsigned");
    // The names are covered, and looked at first.
    court.refuses(&with_stream(&msi, "/Added", b"1"), "names, sizes or times of its streams were changed");
    let mut moved = cfb::CompoundFile::open(Cursor::new(msi.clone())).expect("a compound file");
    moved
        .create_storage("/Storage")
        .and_then(|()| moved.create_new_stream("/Storage/One"))
        .expect("made")
        .write_all(b"1")
        .expect("written");
    moved.flush().expect("written");
    court.refuses(&moved.into_inner().into_inner(), "names, sizes or times of its streams were changed");
    // The verb says the same.
    fs::write(bench.path("moved.msi"), with_stream(&msi, "/Added", b"1")).expect("written");
    let verify = linkpack().args(["verify", "--key", "ca.pem", "moved.msi"]).dir(bench.folder.path());
    verify.run().exits(1).says("names, sizes or times of its streams were changed");
}

#[test]
fn the_digest_of_names_and_times_is_checked_where_a_package_has_it() {
    let bench = &bench();
    let court = Court::new(bench);
    let folder = copy(bench);
    let msi = package(folder.path(), "msi");
    for hash in ["sha256", "sha384", "sha512"] {
        let line = "osslsigncode sign -add-msi-dse -certs code.pem -key code.key";
        bench.sh(&format!("rm -f dse.msi; {line} -h {hash} -in {} -out dse.msi", msi.display())).run().ok();
        court.takes(&fs::read(bench.path("dse.msi")).expect("read"), hash);
    }
    let msi = fs::read(bench.path("dse.msi")).expect("read");
    let extended = stream(&msi, EXTENDED);
    assert_eq!(extended.len(), 64);
    for at in (0..extended.len()).step_by(7) {
        let mut bad = extended.clone();
        bad[at] ^= 0x10;
        // osslsigncode computes it anew and compares its length alone.
        let (ours, said) = court.ours(&with_stream(&msi, EXTENDED, &bad));
        assert!(!ours && said.contains("MsiDigitalSignatureEx"), "{said}");
    }
    court.refuses(&with_stream(&msi, EXTENDED, &extended[..32]), "MsiDigitalSignatureEx");
    court.refuses(&with_stream(&msi, EXTENDED, b""), "MsiDigitalSignatureEx");
    court.refuses(&without(&msi, EXTENDED), "changed after it was signed");
    let (ours, said) = court.ours(&with_stream(&signed(bench), EXTENDED, &extended[..32]));
    assert!(!ours && said.contains("MsiDigitalSignatureEx"), "{said}");
    // A signature of linkpack's own covers names as well.
    let own = signed(bench);
    assert_eq!(stream(&own, EXTENDED).len(), 32);
    court.refuses(&renamed(&own), "names, sizes or times");
    // Contents and their order are the same: only names tell.
    let renamed = renamed(&msi);
    court.refuses(&renamed, "names, sizes or times");
    // Signing anew takes both streams away.
    fs::write(bench.path("again.msi"), &msi).expect("written");
    sign(bench, Path::new("again.msi"), "--key ec.key --cert ec.pem").run().ok();
    court.takes(&fs::read(bench.path("again.msi")).expect("read"), "signed anew");
}

fn without(msi: &[u8], name: &str) -> Vec<u8> {
    let mut file = cfb::CompoundFile::open(Cursor::new(msi.to_vec())).expect("a compound file");
    file.remove_stream(name).expect("removed");
    file.flush().expect("written");
    file.into_inner().into_inner()
}

/// The package with the last of its streams, in the order of their names, under a name behind it.
fn renamed(msi: &[u8]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::open(Cursor::new(msi.to_vec())).expect("a compound file");
    let bytes = |name: &str| name.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let last = file.read_root_storage().map(|one| one.name().to_owned()).max_by_key(|name| bytes(name)).expect("a stream");
    let mut content = Vec::new();
    file.open_stream(format!("/{last}")).expect("a stream").read_to_end(&mut content).expect("read");
    file.remove_stream(format!("/{last}")).expect("removed");
    let mut stream = file.create_new_stream(format!("/{last}\u{FFFD}")).expect("a stream");
    stream.write_all(&content).and_then(|()| stream.flush()).expect("written");
    drop(stream);
    file.flush().expect("written");
    file.into_inner().into_inner()
}

#[test]
fn a_second_signature_over_sha256_counts_beside_one_over_sha1() {
    let bench = &bench();
    let folder = copy(bench);
    let keys = Keys::read(&[bench.path("ca.pem")]).unwrap();
    let msi = package(folder.path(), "msi");
    let sign = |hash: &str, more: &str, from: &Path, to: &Path| {
        let line = format!(
            "rm -f '{to}'; osslsigncode sign -h {hash} {more} -certs code.pem -key code.key -in '{from}' -out '{to}'",
            from = from.display(),
            to = to.display()
        );
        bench.sh(&line).run().ok();
    };
    let (old, both, new) = (bench.path("old.msi"), bench.path("both.msi"), bench.path("new.msi"));
    sign("sha1", "", &msi, &old);
    let judged = signatures::verify(&old, &keys).unwrap();
    assert!(!proves(&judged) && judged[0].verdict.to_string().contains("SHA-1"), "{judged:?}");
    sign("sha256", "-nest", &old, &both);
    let judged = signatures::verify(&both, &keys).unwrap();
    assert!(proves(&judged) && judged[0].verdict.to_string().contains("does not count: it is made over SHA-1"), "{judged:?}");
    sign("sha256", "", &msi, &new);
    sign("sha384", "-nest", &new, &both);
    let judged = signatures::verify(&both, &keys).unwrap();
    assert!(proves(&judged) && judged.len() == 2, "{judged:?}");
    // What was changed since is wrong for each of them.
    let mut bytes = fs::read(&both).unwrap();
    let at = bytes.windows(4).position(|bytes| bytes == b"MSCF").unwrap() + 200;
    bytes[at] ^= 1;
    fs::write(&both, bytes).unwrap();
    assert!(!proves(&signatures::verify(&both, &keys).unwrap()));
}
