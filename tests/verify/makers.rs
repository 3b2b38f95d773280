//! Packages as other makers and other versions of rpm write them, made by hand: rpm takes them, so verify does.
use crate::common::{cmd, need};
use crate::linkpack;
use md5::{Digest, Md5};
use sha1::Sha1;
use std::fs;
use std::path::{Path, PathBuf};

/// A value of a header: its type, its count and its bytes.
#[derive(Clone)]
pub struct Value(u32, u32, Vec<u8>);

fn text(text: &str) -> Value {
    Value(6, 1, [text.as_bytes(), &[0]].concat())
}

fn texts(all: &[&str]) -> Value {
    Value(8, all.len() as u32, all.iter().flat_map(|one| [one.as_bytes(), &[0]].concat()).collect())
}

fn number(number: u32) -> Value {
    Value(4, 1, number.to_be_bytes().to_vec())
}

fn bytes(bytes: &[u8]) -> Value {
    Value(7, bytes.len() as u32, bytes.to_vec())
}

/// A header of these tags in this order, in a region of that tag, or in none.
fn header(region: Option<u32>, tags: &[(u32, Value)]) -> Vec<u8> {
    let (mut index, mut data) = (Vec::new(), Vec::new());
    let entry = |tag: u32, kind: u32, at: u32, count: u32| [tag, kind, at, count].map(u32::to_be_bytes).concat();
    for (tag, Value(kind, count, bytes)) in tags {
        let width = match kind {
            3 => 2,
            4 => 4,
            _ => 1,
        };
        data.resize(data.len().next_multiple_of(width), 0);
        index.extend(entry(*tag, *kind, data.len() as u32, *count));
        data.extend(bytes);
    }
    if let Some(region) = region {
        let back = (index.len() as u32 + 16).wrapping_neg();
        index.splice(0..0, entry(region, 7, data.len() as u32, 16));
        data.extend(entry(region, 7, back, 16));
    }
    let counts = [(index.len() / 16) as u32, data.len() as u32].map(u32::to_be_bytes).concat();
    [&[0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0][..], &counts, &index, &data].concat()
}

const CONTENT: &[u8] = b"hello world";

/// A cpio archive of one file.
pub fn cpio() -> Vec<u8> {
    let record = |name: &str, bytes: &[u8]| {
        let numbers = [1, 0o100644, 0, 0, 1, 0, bytes.len(), 0, 0, 0, 0, name.len() + 1, 0];
        let mut record = b"070701".to_vec();
        numbers.iter().for_each(|number| record.extend(format!("{number:08x}").bytes()));
        record.extend([name.as_bytes(), &[0]].concat());
        record.resize(record.len().next_multiple_of(4), 0);
        record.extend(bytes);
        record.resize(record.len().next_multiple_of(4), 0);
        record
    };
    [record("./opt/a.txt", CONTENT), record("TRAILER!!!", b"")].concat()
}

/// The main header, without the tags that it is to lack.
fn main_header(region: bool, without: &[u32]) -> Vec<u8> {
    header_of("gzip", region, without)
}

/// The same, where the payload is said to be compressed so.
pub fn header_of(compressor: &str, region: bool, without: &[u32]) -> Vec<u8> {
    let digest = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
    let all = [
        (1000, text("maker")),
        (1001, text("1")),
        (1002, text("1")),
        (1004, text("a package")),
        (1005, text("a package")),
        (1014, text("MIT")),
        (1021, text("linux")),
        (1022, text("noarch")),
        (1028, number(CONTENT.len() as u32)),
        (1030, Value(3, 1, 0o100644_u16.to_be_bytes().to_vec())),
        (1034, number(1_700_000_000)),
        (1035, texts(&[digest])),
        (1036, texts(&[""])),
        (1037, number(0)),
        (1039, texts(&["root"])),
        (1040, texts(&["root"])),
        (1044, text("maker-1-1.src.rpm")),
        (1064, text("4.11.3")),
        (1095, number(1)),
        (1096, number(1)),
        (1116, number(0)),
        (1117, texts(&["a.txt"])),
        (1118, texts(&["/opt/"])),
        (1124, text("cpio")),
        (1125, text(compressor)),
        (5011, number(8)),
    ];
    let kept: Vec<(u32, Value)> = all.into_iter().filter(|(tag, _)| !without.contains(tag)).collect();
    header(region.then_some(63), &kept)
}

/// A package of that header, whose signature header has these tags besides the digests.
pub struct Maker {
    pub main: Vec<u8>,
    pub payload: Vec<u8>,
    pub regions: bool,
    /// What the signature header says of the unpacked payload.
    pub plain_size: usize,
    pub more: Vec<(u32, Value)>,
}

impl Maker {
    pub fn new() -> Maker {
        Maker { main: main_header(true, &[]), payload: cpio(), regions: true, plain_size: cpio().len(), more: Vec::new() }
    }

    fn build(&self) -> Vec<u8> {
        let all = [&self.main[..], &self.payload].concat();
        // The order of rpm 4.11: what the tags' numbers are is no rule.
        let mut tags = vec![
            (1000, number(all.len() as u32)),
            (1004, bytes(&Md5::digest(&all))),
            (269, text(&hex::encode(Sha1::digest(&self.main)))),
            (1007, number(self.plain_size as u32)),
        ];
        if !self.regions {
            tags.retain(|(tag, _)| *tag != 269);
        }
        tags.extend(self.more.iter().cloned());
        let mut signature = header(self.regions.then_some(62), &tags);
        signature.resize(signature.len().next_multiple_of(8), 0);
        let mut lead = vec![0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0, 0, 1];
        lead.extend(b"maker-1-1");
        lead.resize(76, 0);
        lead.extend([0, 1, 0, 5]);
        lead.resize(96, 0);
        [lead, signature, all].concat()
    }

    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join("maker.rpm");
        fs::write(&path, self.build()).unwrap();
        path
    }
}

/// What rpm itself says; its Debian package wants a dependency that says nothing here.
fn rpm_takes(path: &Path) -> bool {
    need("rpmkeys", "rpm");
    cmd("rpmkeys").args(["-Kv", "--nosignature"]).arg(path).run().code == Some(0)
}

#[test]
fn what_rpm_takes_of_other_makers_verify_takes() {
    let folder = tempfile::tempdir().unwrap();
    let no_devices = Maker { main: main_header(true, &[1095]), ..Maker::new() };
    let bare = Maker { main: main_header(true, &[1034, 1036, 1037, 1095, 1096]), ..Maker::new() };
    let no_regions = Maker { main: main_header(false, &[]), regions: false, ..Maker::new() };
    for (what, maker, says) in [
        ("tags in the order of rpm 4.11", Maker::new(), ""),
        ("no devices, as rpmpack wrote none", no_devices, ""),
        ("no flags, links, times and inodes either", bare, ""),
        ("the files' size as the payload's", Maker { plain_size: CONTENT.len(), ..Maker::new() }, ""),
        ("a size without the trailer", Maker { plain_size: cpio().len() - 124, ..Maker::new() }, ""),
        ("version 3 of the format", no_regions, "note: its header has no region, as in version 3"),
    ] {
        let path = maker.write(folder.path());
        assert!(rpm_takes(&path), "{what}: rpm refuses it");
        linkpack().arg("verify").arg(&path).run().ok().says("OK: ").says("1 x SHA-256 of files").says(says);
        linkpack().arg("lint").arg(&path).run().ok().never_says("error[");
        let said = linkpack().args(["inspect", "--files"]).arg(&path).run().ok();
        assert!(said.stdout.contains("/opt/a.txt"), "{what}: {said}");
    }
    let wrong = Maker { plain_size: 77, ..Maker::new() };
    linkpack().arg("verify").arg(wrong.write(folder.path())).run().exits(1).says("unpacked payload: size is");
}

/// A key of gpg's in a folder, and its public half in `key.asc`.
fn key(folder: &Path) {
    need("gpg", "gnupg");
    let script = "mkdir -m 700 gnupg; gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-gen-key 'A <a@example>' rsa2048 sign 2y; \
                  gpg --armor --export a@example >key.asc";
    gpg(folder, script);
}

fn gpg(folder: &Path, script: &str) {
    cmd("sh").args(["-ec", script]).dir(folder).env("GNUPGHOME", folder.join("gnupg")).run().ok();
}

/// The detached signature of some bytes.
fn signed(folder: &Path, bytes: &[u8]) -> Vec<u8> {
    fs::write(folder.join("data"), bytes).unwrap();
    gpg(folder, "rm -f data.sig; gpg --batch --quiet --digest-algo sha256 --detach-sign data");
    fs::read(folder.join("data.sig")).unwrap()
}

#[test]
fn signatures_of_every_place_are_judged_and_what_is_none_is_seen_without_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    key(place);
    let main = Maker::new().main;
    let over_header = signed(place, &main);
    let over_all = signed(place, &[&main[..], &cpio()].concat());
    let base64 = cmd("base64").arg("-w0").arg(place.join("data.sig")).run().ok().stdout;
    let of_all_in_base64 = Value(8, 1, [base64.trim().as_bytes(), &[0]].concat());
    fs::write(place.join("data.sig"), &over_header).unwrap();
    let base64 = cmd("base64").arg("-w0").arg(place.join("data.sig")).run().ok().stdout;
    let in_base64 = Value(8, 1, [base64.trim().as_bytes(), &[0]].concat());
    let verify = |more: Vec<(u32, Value)>, with_key: bool| {
        let path = Maker { more, ..Maker::new() }.write(place);
        let command = linkpack().arg("verify").arg(path);
        if with_key { command.arg("--key").arg(place.join("key.asc")) } else { command }.run()
    };
    // As CentOS 6 and 7 signed: header and payload, and the header alone, whose digests of the files cover the payload.
    verify(vec![(268, bytes(&over_header)), (1002, bytes(&over_all))], true).ok().says("of header and payload): good");
    verify(vec![(268, bytes(&over_header))], true).ok().says("through the digests of its files");
    verify(vec![(1002, bytes(&over_all))], true).ok().says("of header and payload): good");
    verify(vec![(278, in_base64.clone())], true).ok().says("OPENPGP, of the header): good");
    verify(vec![(278, in_base64)], false).ok().says("OPENPGP, of the header): not checked");
    // Over other bytes they are wrong, wherever they stand.
    verify(vec![(268, bytes(&over_all))], true).exits(1).says("was changed");
    verify(vec![(278, of_all_in_base64)], true).exits(1).says("was changed");
    // A packet that nobody can read is no signature: that takes no key to see.
    let cut = over_header[..over_header.len() - 1].to_vec();
    let zeroed: Vec<u8> =
        over_header.iter().enumerate().map(|(at, &byte)| if (9..15).contains(&at) { 0 } else { byte }).collect();
    for broken in [cut, zeroed, b"no signature".to_vec()] {
        verify(vec![(268, bytes(&broken))], false).exits(1).says("it is no signature that can be read");
        verify(vec![(268, bytes(&broken))], true).exits(1).says("error: signature");
    }
    verify(vec![(278, texts(&["!"]))], false).exits(1).says("it is no signature that can be read");
}
