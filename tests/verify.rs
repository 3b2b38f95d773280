//! `linkpack verify`: what real tools make is as it claims, and what was changed is named.

mod common;
#[path = "verify/makers.rs"]
mod makers;
#[path = "verify/streams.rs"]
mod streams;

use common::{cmd, fixture, need, Cmd};
use linkpack::build::Rebuild;
use linkpack::inspect::verify::signatures::NoKeys;
use linkpack::inspect::verify::{self, Verdict};
use linkpack::listener::Listener;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

fn linkpack() -> Cmd {
    cmd(env!("CARGO_BIN_EXE_linkpack")).env("SOURCE_DATE_EPOCH", "1700000000")
}

/// The sample product in all formats with one codec, in a folder of its own.
fn dist(codec: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (demo, out) = (folder.path().join("demo"), folder.path().join("dist"));
    linkpack().args(["init", "--sample"]).arg(&demo).run().ok();
    if codec == "zstd" {
        // Not every system reads it.
        let manifest = demo.join("linkpack.toml");
        let text = fs::read_to_string(&manifest).unwrap().replacen(
            "[product]\n",
            "[product]\nsystems = [\"debian-12\", \"rhel-9\"]\n",
            1,
        );
        fs::write(manifest, text).unwrap();
    }
    linkpack().args(["build", "--no-cache", "--codec", codec, "-o"]).arg(&out).dir(&demo).run().ok();
    (folder, out)
}

fn package(folder: &Path, extension: &str) -> PathBuf {
    let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.into_iter().find(|path| path.extension().is_some_and(|e| e == extension)).expect("a package")
}

fn verified(path: &Path) -> Verdict {
    verify::package(path, &NoKeys).unwrap_or_else(|error| panic!("{}: {error}: {:?}", path.display(), error.notes()))
}

#[track_caller]
fn as_claimed(path: &Path) -> Verdict {
    let verdict = verified(path);
    assert!(verdict.ok, "{}: {:?} {:?}", path.display(), verdict.differences, verdict.damage);
    verdict
}

#[test]
fn our_packages_of_every_codec_are_as_they_claim() {
    for codec in ["fast", "small", "zstd"] {
        let (_folder, out) = dist(codec);
        let said = linkpack().arg("verify").arg(&out).run().ok();
        assert!(!said.stdout.contains("error"), "{said}");
        for extension in ["rpm", "run", "msi"] {
            assert!(!as_claimed(&package(&out, extension)).held.is_empty(), "{codec} {extension}");
        }
        as_claimed(&package(&out, "deb"));
    }
}

#[test]
fn a_package_with_links_is_as_it_claims() {
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    linkpack().args(["init", "--sample"]).arg(&demo).run().ok();
    let script = "cd containers/*/ 2>/dev/null || cd $(find . -name '*.sh' -o -type f -perm -1 | head -n 1 | xargs dirname); echo x >aim; \
                  ln -s aim link; ln -s \"$(printf 'a\\303\\251\\\\b\\377')\" odd; mkdir d; ln -s ../aim d/up";
    cmd("sh").args(["-euc", script]).dir(&demo).run().ok();
    let out = folder.path().join("dist");
    linkpack().args(["build", "--no-cache", "-f", "deb,rpm,run", "-o"]).arg(&out).dir(&demo).run().ok();
    for extension in ["deb", "rpm", "run"] {
        as_claimed(&package(&out, extension));
    }
    let said = linkpack().args(["inspect", "--files"]).arg(package(&out, "run")).run().ok();
    assert!(said.stdout.contains("aim"), "the links are in it: {said}");
}

#[test]
fn parts_of_an_msi_that_were_not_read_are_not_verified() {
    let (folder, out) = dist("fast");
    let whole = fs::read(package(&out, "msi")).unwrap();
    let cabinet = whole.windows(4).position(|bytes| bytes == b"MSCF").expect("an embedded cabinet");
    let verify = |at: usize, value: &[u8]| {
        let mut bytes = whole.clone();
        bytes[cabinet + at..cabinet + at + value.len()].copy_from_slice(value);
        fs::write(folder.path().join("changed.msi"), bytes).unwrap();
        linkpack().arg("verify").arg(folder.path().join("changed.msi")).run()
    };
    verify(36 + 6, &[2, 0x15]).exits(1).says("linkpack cannot read Quantum").says("NOT verified: 1 part not read");
    verify(36 + 6, &[3, 0x15]).exits(1).says("an LZX").says("1 part damaged");
    let files_at = u32::from_le_bytes(whole[cabinet + 16..cabinet + 20].try_into().unwrap()) as usize;
    // A member's folder is the fifth of its numbers.
    verify(files_at + 8, &[9, 0]).exits(1).says("is in folder number 9").says("1 part damaged");
    verify(files_at + 8, &[0xFE, 0xFF]).exits(1).says("goes on in another cabinet, and it names none");
}

#[test]
fn what_is_no_installation_package_is_called_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    // A transform is read, and this one is empty.
    for (class, says) in [
        (0x86, "it is a patch (.msp), which changes an installed product, and no installation package"),
        (0x82, "the transform has no string pool"),
    ] {
        let path = folder.path().join("x.msp");
        let mut file = cfb::create(&path).unwrap();
        let class = format!("000C10{class:x}-0000-0000-C000-000000000046");
        file.set_storage_clsid("/", uuid::Uuid::parse_str(&class).unwrap()).unwrap();
        file.flush().unwrap();
        drop(file);
        for verb in ["verify", "lint", "inspect"] {
            linkpack().arg(verb).arg(&path).run().exits(1).says(says);
        }
    }
}

#[test]
fn a_folder_is_held_to_its_lists() {
    let (_folder, out) = dist("fast");
    let run = package(&out, "run");
    let name = run.file_name().unwrap().to_string_lossy().into_owned();
    // A package that nobody lists is told.
    fs::copy(&run, out.join("stranger.run")).unwrap();
    linkpack().arg("verify").arg(&out).run().ok().says("stranger.run is not listed in SHA256SUMS");
    fs::remove_file(out.join("stranger.run")).unwrap();
    // One that is missing is a difference in both lists.
    fs::rename(&run, out.join("elsewhere")).unwrap();
    let said = linkpack().arg("verify").arg(&out).run().exits(1);
    assert_eq!(said.stdout.matches(&format!("{name}: presence in")).count(), 2, "{said}");
    // A link in its place is not followed.
    std::os::unix::fs::symlink("elsewhere", &run).unwrap();
    linkpack().arg("verify").arg(&out).run().exits(1).says("links are not followed");
    fs::remove_file(&run).unwrap();
    // Another whole package in its place is as it claims itself, and not as listed.
    fs::copy(out.join("elsewhere"), &run).unwrap();
    let rpm = package(&out, "rpm");
    let mut bytes = fs::read(&rpm).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&rpm, bytes).unwrap();
    let said = linkpack().args(["verify", "--json"]).arg(&out).run().exits(1);
    let document: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let folder = &document["verdicts"][0];
    assert_eq!(folder["format"], "folder");
    assert_eq!(folder["differences"].as_array().unwrap().len(), 2, "{folder:#}");
    assert_eq!(folder["differences"][0]["algorithm"], "SHA-256 in SHA256SUMS");
}

#[test]
fn a_name_that_leads_out_of_the_folder_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let dist = folder.path().join("dist");
    fs::create_dir(&dist).unwrap();
    fs::write(folder.path().join("secret"), "x").unwrap();
    let digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    let names = ["../secret", "/etc/passwd", "..", "a/b", "", "a\\b"];
    let lines: String = names.iter().map(|name| format!("{digest}  {name}\n")).collect();
    fs::write(dist.join("SHA256SUMS"), lines).unwrap();
    let said = linkpack().arg("verify").arg(&dist).run().exits(1);
    assert_eq!(said.stdout.matches("not followed").count(), names.len(), "{said}");
}

#[test]
fn what_cannot_be_verified_is_said_without_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    for (name, bytes, says) in [
        ("empty.deb", &b""[..], "is not a package (expected .deb, .rpm, .msi, .mst, .site or a self-extracting script)"),
        ("short.rpm", &[0xed, 0xab, 0xee, 0xdb, 3, 0], "damaged"),
        ("ar.deb", b"!<arch>\n", "no Debian package"),
        ("a.run", b"#!/bin/sh\nexit 0\n", "neither linkpack nor makeself"),
        ("a.msi", &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], "compound file"),
    ] {
        linkpack().arg("verify").arg(path(name, bytes)).run().exits(1).says(says).never_says("panicked");
    }
    cmd("mkfifo").arg(folder.path().join("pipe")).run().ok();
    linkpack().arg("verify").arg(folder.path().join("pipe")).limit(20).run().exits(1).says("is not a file");
    linkpack().arg("verify").arg(folder.path().join("nowhere")).run().exits(1).says("cannot read");
    linkpack().arg("verify").run().exits(2);
}

#[test]
fn a_package_without_a_signature_is_refused_when_a_key_is_given() {
    let (folder, out) = dist("fast");
    let key = folder.path().join("key.pem");
    cmd("openssl").args(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"]).arg(&key).run().ok();
    let public = folder.path().join("public.pem");
    cmd("openssl").args(["ec", "-pubout", "-in"]).arg(&key).arg("-out").arg(&public).run().ok();
    linkpack().arg("verify").arg(package(&out, "run")).run().ok();
    linkpack().arg("verify").arg("--key").arg(public).arg(package(&out, "run")).run().exits(1).says("not signed");
}

/// Files with every trait that packages have: hard and symbolic links, an empty file, blanks, and a file that compresses well.
fn tree(folder: &Path) {
    let sh = "mkdir -p 'usr/share/tt/a b' && cd usr/share/tt && seq 1 20000 >seq && ln seq hard && : >empty && ln -s seq link \
              && echo conf >'a b/conf' && printf '#!/bin/sh\\n' >go.sh && chmod 755 go.sh && head -c 3000000 /dev/zero >zeros";
    cmd("sh").args(["-euc", sh]).dir(folder).run().ok();
}

const SPEC: &str = "Name: tt\nVersion: 1.0~rc1\nRelease: 2\nEpoch: 3\nSummary: a test\nLicense: MIT\nBuildArch: noarch\n\
    Requires: bash >= 4\n%define __os_install_post %{nil}\n%description\nabout it\n%install\ncp -a %{tree}/. %{buildroot}/\n\
    : >%{buildroot}/usr/share/tt/ghost\n%post\necho hi\n%files\n%dir /usr/share/tt\n/usr/share/tt/seq\n/usr/share/tt/hard\n\
    /usr/share/tt/empty\n/usr/share/tt/link\n/usr/share/tt/zeros\n/usr/share/tt/go.sh\n\
    %config(noreplace) \"/usr/share/tt/a b/conf\"\n%ghost /usr/share/tt/ghost\n";

/// Payloads, and the numbers of the files' digests.
const KINDS: [(&str, u32); 10] = [
    ("w9.gzdio", 8),
    ("w6.xzdio", 8),
    ("w3.zstdio", 8),
    ("w.ufdio", 8),
    ("w9.bzdio", 8),
    ("w6.lzdio", 8),
    ("w9.gzdio", 1),
    ("w9.gzdio", 2),
    ("w9.gzdio", 10),
    ("w9.gzdio", 11),
];

/// RPMs of every payload and digest, made by rpmbuild.
fn rpms() -> PathBuf {
    fixture("verify-rpms", &format!("{SPEC}{KINDS:?}"), |folder| {
        need("rpmbuild", "rpm");
        let tree_of = folder.join("tree");
        fs::create_dir(&tree_of).unwrap();
        tree(&tree_of);
        fs::write(folder.join("t.spec"), SPEC).unwrap();
        for (payload, digest) in KINDS {
            let define = |name: &str, value: &str| ["--define".to_owned(), format!("{name} {value}")];
            let folder = folder.display().to_string();
            let mut build = cmd("rpmbuild").arg("-bb");
            for (name, value) in [
                ("_topdir", format!("{folder}/top")),
                ("_rpmdir", format!("{folder}/{payload}-{digest}")),
                ("tree", format!("{folder}/tree")),
                ("_binary_payload", payload.to_owned()),
                ("_binary_filedigest_algorithm", digest.to_string()),
            ] {
                build = build.args(define(name, &value));
            }
            build.arg(format!("{folder}/t.spec")).run().ok();
        }
        let source = format!("--define=_topdir {0}/top", folder.display());
        cmd("rpmbuild")
            .args(["-bs", &source, &format!("--define=_srcrpmdir {}/source", folder.display())])
            .arg(folder.join("t.spec"))
            .run()
            .ok();
    })
}

fn rpm_of(kind: &str) -> PathBuf {
    package(&rpms().join(kind).join("noarch"), "rpm")
}

#[test]
fn rpmbuilds_packages_of_every_payload_and_digest_are_as_they_claim() {
    for (kind, digest) in [
        ("w9.gzdio-8", "SHA-256 of files"),
        ("w6.xzdio-8", "SHA-256 of files"),
        ("w3.zstdio-8", "SHA-256 of files"),
        ("w.ufdio-8", "SHA-256 of files"),
        ("w9.bzdio-8", "SHA-256 of files"),
        ("w6.lzdio-8", "SHA-256 of files"),
        ("w9.gzdio-1", "MD5 of files"),
        ("w9.gzdio-2", "SHA-1 of files"),
        ("w9.gzdio-10", "SHA-512 of files"),
        ("w9.gzdio-11", "SHA-224 of files"),
    ] {
        let held = as_claimed(&rpm_of(kind)).held;
        assert_eq!(held.get(digest), Some(&6), "{kind}: {held:?}");
        assert_eq!(held.get("SHA-1 of the package"), Some(&1), "{kind}: {held:?}");
        assert_eq!(held.get("SHA-256 of the package"), Some(&3), "{kind}: header, payload, unpacked payload: {held:?}");
    }
    let source = as_claimed(&package(&rpms().join("source"), "rpm"));
    assert_eq!(source.held.get("SHA-256 of files"), Some(&1));
}

#[test]
fn makeselfs_archives_are_as_they_claim_and_are_never_run() {
    need("makeself", "makeself");
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("in");
    fs::create_dir(&files).unwrap();
    tree(&files);
    let marker = folder.path().join("ran");
    fs::write(files.join("go.sh"), format!("#!/bin/sh\ntouch {}\n", marker.display())).unwrap();
    let mut made = BTreeMap::new();
    for options in [
        "--gzip",
        "--xz",
        "--zstd",
        "--nocomp",
        "--gzip --nox11 --sha256",
        "--gzip --nocrc --nomd5",
        "--bzip2",
        "--base64",
        "--ssl-encrypt --ssl-passwd secret",
    ] {
        let run = folder.path().join(format!("{}.run", options.replace([' ', '-'], "")));
        cmd("makeself").args(options.split(' ')).arg(&files).arg(&run).args(["A label", "sh", "./go.sh"]).run().ok();
        made.insert(options, run);
    }
    for options in ["--gzip", "--xz", "--zstd", "--bzip2", "--nocomp"] {
        let held = as_claimed(&made[options]).held;
        assert_eq!(held.keys().map(String::as_str).collect::<Vec<_>>(), ["CRC (cksum) of the package", "MD5 of the package"]);
    }
    assert_eq!(as_claimed(&made["--gzip --nox11 --sha256"]).held.get("SHA-256 of the package"), Some(&1));
    linkpack().arg("verify").arg(&made["--gzip --nocrc --nomd5"]).run().ok().says("no checksums in this package to verify");
    let unread = |options: &str, why: &str| {
        linkpack().arg("verify").arg(&made[options]).run().exits(1).says(why).says("NOT verified: 1 part not read");
        linkpack().arg("lint").arg(&made[options]).run().ok().says("warning[unread]").says(why);
    };
    unread("--base64", "written in base64");
    unread("--ssl-encrypt --ssl-passwd secret", "encrypted with openssl");
    let mut bytes = fs::read(&made["--gzip"]).unwrap();
    let at = bytes.len() - 100;
    bytes[at] ^= 1;
    fs::write(&made["--gzip"], bytes).unwrap();
    linkpack().arg("verify").arg(&made["--gzip"]).run().exits(1).says("archive: MD5 is").says("CRC (cksum) is");
    assert!(!marker.exists(), "the archive was run");
}

#[test]
fn dpkgs_packages_are_held_to_their_md5sums() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("DEBIAN")).unwrap();
    tree(&root);
    let control = "Package: tt\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: a test\n";
    fs::write(root.join("DEBIAN/control"), control).unwrap();
    let build = |codec: &str| {
        let deb = folder.path().join(format!("{codec}.deb"));
        cmd("dpkg-deb").args(["--root-owner-group", "-b", &format!("-Z{codec}")]).arg(&root).arg(&deb).run().ok();
        deb
    };
    let without = as_claimed(&build("xz"));
    assert!(without.is_without_claims() && without.notes.iter().any(|note| note.contains("no md5sums")), "{:?}", without.notes);
    let sums = cmd("sh").args(["-c", "md5sum $(find usr -type f ! -path '* *')"]).dir(&root).run().ok().stdout;
    fs::write(root.join("DEBIAN/md5sums"), &sums).unwrap();
    for codec in ["gzip", "xz", "zstd", "none"] {
        assert_eq!(as_claimed(&build(codec)).held.get("MD5 of files"), Some(&5), "{codec}");
    }
    // What dpkg-deb of old made: it knows the format still, and ar puts the compressions together.
    let old = "dpkg-deb --root-owner-group --deb-format=0.939000 -Zgzip -b root 0939.deb && ar x xz.deb && xz -d control.tar.xz data.tar.xz && gzip control.tar \
               && bzip2 -k data.tar && lzma data.tar && for end in bz2 lzma; do ar rc $end.deb debian-binary control.tar.gz data.tar.$end; done";
    cmd("sh").args(["-euc", old]).dir(folder.path()).run().ok();
    for name in ["0939.deb", "bz2.deb", "lzma.deb"] {
        cmd("dpkg-deb").arg("-c").arg(folder.path().join(name)).run().ok();
        assert_eq!(as_claimed(&folder.path().join(name)).held.get("MD5 of files"), Some(&5), "{name}");
        linkpack().arg("lint").arg(folder.path().join(name)).run().never_says("error[damaged]");
    }
    let wrong = sums.replacen(&sums[..32], "00000000000000000000000000000000", 1)
        + "d41d8cd98f00b204e9800998ecf8427e  usr/gone\nrubbish\n";
    fs::write(root.join("DEBIAN/md5sums"), wrong).unwrap();
    let verdict = verified(&build("xz"));
    let kinds: Vec<&str> = verdict.differences.iter().map(|claim| claim.algorithm.as_str()).collect();
    assert_eq!(kinds, ["MD5", "presence"]);
    assert!(verdict.damage.iter().any(|damage| damage.what.contains("rubbish")), "{:?}", verdict.damage);
}

/// Keeps what a build says.
#[derive(Default)]
struct Said(Mutex<Vec<String>>);

impl Listener for Said {
    fn warning(&self, message: &str) {
        self.info(message);
    }
    fn info(&self, message: &str) {
        self.0.lock().expect("a list").push(message.to_owned());
    }
}

#[test]
fn packages_of_one_folder_are_built_again_in_one_go_and_a_stranger_among_them_is_named() {
    let (folder, out) = dist("fast");
    let mut paths: Vec<PathBuf> = ["deb", "rpm", "run"].map(|extension| package(&out, extension)).into();
    paths.push(out.join("stranger.deb"));
    fs::copy(&paths[0], &paths[3]).unwrap();
    let manifest = folder.path().join("demo/linkpack.toml");
    let rebuild =
        Rebuild { manifest, given: Default::default(), sites: Vec::new(), threads: 2, temporary: folder.path().to_path_buf() };
    let (said, mut failed) = (Said::default(), Vec::new());
    let compared = rebuild.compare(&paths, &said, &mut |path, error| failed.push((path.to_owned(), error.to_string()))).unwrap();
    assert_eq!(compared.iter().map(|one| one.difference.as_deref()).collect::<Vec<_>>(), [None; 3]);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0].0 == paths[3] && failed[0].1.contains("does not list"), "{failed:?}");
    let builds = said.0.lock().unwrap().iter().filter(|line| line.starts_with("compressing with ")).count();
    assert_eq!(builds, 1, "{:?}", said.0.lock().unwrap());
}

#[test]
fn wixls_packages_are_as_they_claim() {
    need("wixl", "wixl");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "some text\n".repeat(1000)).unwrap();
    let wxs = r#"<?xml version="1.0"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi"><Product Id="*" UpgradeCode="6F1C7A52-94D3-4E0B-8A55-3C2E9D1077B1" Name="W" Version="1.2.3" Manufacturer="M" Language="1033">
<Package InstallerVersion="200" Compressed="yes"/><Media Id="1" Cabinet="a.cab" EmbedCab="yes"/><Property Id="DB_PASSWORD" Value="hunter2"/>
<Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFilesFolder"><Directory Id="INSTALLDIR" Name="W app">
<Component Id="C" Guid="6F1C7A52-94D3-4E0B-8A55-3C2E9D1077B2"><File Id="F1" Name="a.txt" Source="a.txt" KeyPath="yes"/></Component>
</Directory></Directory></Directory><Feature Id="F" Level="1"><ComponentRef Id="C"/></Feature></Product></Wix>"#;
    fs::write(folder.path().join("w.wxs"), wxs).unwrap();
    cmd("wixl").args(["-o", "w.msi", "w.wxs"]).dir(folder.path()).run().ok();
    let held = as_claimed(&folder.path().join("w.msi")).held;
    assert_eq!(held.get("size of files"), Some(&1), "{held:?}");
    linkpack().arg("inspect").arg(folder.path().join("w.msi")).run().ok().says("DB_PASSWORD = (hidden)").never_says("hunter2");
}

/// Flips one bit of a byte here and there, densely where the structure is, and says how many were tried and which of them verify
/// did not see. Bit 5 stays: it only turns a digit of a digest from `a` into `A`.
fn unseen(package: &Path, ranges: &[std::ops::Range<usize>], outside: impl Fn(usize) -> bool) -> (usize, Vec<usize>) {
    const DENSE: usize = 11;
    const SAMPLES: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join(package.file_name().unwrap());
    let whole = fs::read(package).unwrap();
    let (mut tried, mut missed) = (0, Vec::new());
    for range in ranges {
        let step = if range.len() < 100 * DENSE { DENSE } else { range.len() / SAMPLES };
        for at in range.clone().step_by(step).filter(|&at| !outside(at)) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 5);
            fs::write(&changed, bytes).unwrap();
            tried += 1;
            if verify::package(&changed, &NoKeys).is_ok_and(|verdict| verdict.ok) {
                missed.push(at);
            }
        }
    }
    (tried, missed)
}

#[track_caller]
fn assert_seen(package: &Path, ranges: &[std::ops::Range<usize>], outside: impl Fn(usize) -> bool) {
    let (tried, missed) = unseen(package, ranges, outside);
    println!("{}: {tried} changed bytes tried", package.display());
    assert!(
        tried > 50 && missed.is_empty(),
        "of {tried} changes in {}, verify did not see those at {missed:?}",
        package.display()
    );
}

/// Where `part` of a package begins and ends.
fn part(package: &Path, part: &str) -> std::ops::Range<usize> {
    let report = linkpack::inspect::read(package).unwrap().report;
    let part = report.parts.iter().find(|one| one.name.starts_with(part)).unwrap();
    let start = part.offset.unwrap() as usize;
    start..start + part.size as usize
}

/// Outside of every claim: times, owners and modes in ar's headers and the byte that makes a member even (dpkg reads none of them), and
/// in gzip's header the time, the flags of the maker and the system (RFC 1952).
#[test]
fn a_changed_byte_of_a_deb_is_seen() {
    for codec in ["fast", "small"] {
        let (_folder, out) = dist(codec);
        let deb = package(&out, "deb");
        let (control, data) = (part(&deb, "control.tar"), part(&deb, "data.tar"));
        let members = [8 + 60..8 + 60 + 4, control.clone(), data.clone()];
        let outside = |at: usize| {
            let header = members.iter().any(|member| (member.start - 60 + 16..member.start - 12).contains(&at));
            let gzip = codec == "fast" && [control.start, data.start].iter().any(|start| (start + 3..start + 10).contains(&at));
            header || gzip || (at == control.end && control.end % 2 == 1) || (at == data.end && data.end % 2 == 1)
        };
        let ranges = [0..control.start + 300, control.clone(), data.start - 61..data.start + 300, data.clone()];
        let (tried, missed) = unseen(&deb, &ranges, outside);
        println!("{codec}: {tried} changed bytes tried");
        let missed: Vec<_> = missed.into_iter().filter(|&at| !is_padding(&deb, at)).collect();
        assert!(tried > 50 && missed.is_empty(), "of {tried} changes, verify did not see those at {missed:?}");
    }
}

/// Between two blocks a deflate stream has bits that no decoder reads (RFC 1951, 3.2.4): dpkg-deb unpacks the very same archives.
fn is_padding(deb: &Path, at: usize) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("changed.deb");
    let mut bytes = fs::read(deb).unwrap();
    bytes[at] ^= 1 << (at % 5);
    fs::write(&changed, bytes).unwrap();
    let archive = |which: &str, file: &Path| {
        let done = std::process::Command::new("dpkg-deb").arg(which).arg(file).output().expect("dpkg-deb");
        done.status.success().then_some(done.stdout)
    };
    ["--ctrl-tarfile", "--fsys-tarfile"]
        .iter()
        .all(|which| archive(which, deb).is_some_and(|one| archive(which, &changed) == Some(one)))
}

/// Outside of every claim: the lead, which rpm does not read any more; the reserved bytes of the signature header's beginning, its
/// reserved space (where a signature goes later, which must not change any digest) with its entry, and the padding.
#[test]
fn a_changed_byte_of_an_rpm_is_seen() {
    let (_folder, out) = dist("fast");
    for (rpm, reserved) in [(package(&out, "rpm"), true), (rpm_of("w9.gzdio-8"), true), (rpm_of("w.ufdio-8"), true)] {
        assert!(reserved);
        let whole = fs::read(&rpm).unwrap();
        let number = |at: usize| u32::from_be_bytes(whole[at..at + 4].try_into().unwrap()) as usize;
        let (tags, len) = (number(96 + 8), number(96 + 12));
        let index = 96 + 16;
        let data = index + tags * 16;
        // Bytes of the data that a tag other than reserved space uses.
        let mut used = vec![false; len];
        let mut reserved_entries = Vec::new();
        for entry in (0..tags).map(|tag| index + tag * 16) {
            let (tag, kind, offset, count) = (number(entry), number(entry + 4), number(entry + 8), number(entry + 12));
            if tag == 1008 || tag == 999 {
                reserved_entries.push(entry);
                continue;
            }
            let size = match kind {
                4 => 4 * count,
                6 => whole[data + offset..].iter().position(|&byte| byte == 0).unwrap() + 1,
                _ => count,
            };
            used[offset..offset + size].fill(true);
        }
        let header = part(&rpm, "header");
        let outside = |at: usize| {
            let lead = (4..96).contains(&at) || (100..104).contains(&at);
            let entry = reserved_entries.iter().any(|entry| (*entry..entry + 16).contains(&at));
            lead || entry || (data..header.start).contains(&at) && !used.get(at - data).copied().unwrap_or(false)
        };
        let payload = part(&rpm, "payload");
        assert_seen(&rpm, &[0..data + 700, header.clone(), payload], outside);
    }
}

/// Nothing is outside: LP_SUM covers everything behind it, and what stands before it is how the file is known.
#[test]
fn a_changed_byte_of_a_run_is_seen() {
    for codec in ["fast", "small"] {
        let (_folder, out) = dist(codec);
        let run = package(&out, "run");
        let len = fs::metadata(&run).unwrap().len() as usize;
        assert_seen(&run, &[0..500, 500..len, len - 300..len], |_| false);
    }
}

/// Only what the cabinets hold is claimed: by each block's checksum, the File table's sizes and versions, and MsiFileHash. The database
/// itself, the streams of its Binary table and the compound file's own structures have no digest in an MSI without a signature.
#[test]
fn a_changed_byte_of_an_msis_files_is_seen() {
    let (_folder, out) = dist("fast");
    let msi = package(&out, "msi");
    let whole = fs::read(&msi).unwrap();
    let at = whole.windows(4).position(|bytes| bytes == b"MSCF").expect("an embedded cabinet");
    let number = |at: usize| u32::from_le_bytes(whole[at..at + 4].try_into().unwrap()) as usize;
    let (len, first_block) = (number(at + 8), number(at + 36));
    let first = at + first_block;
    assert_seen(&msi, &[first..first + 400, first + 400..at + len], |_| false);
}
