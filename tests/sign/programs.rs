//! The programs for Windows in an MSI are signed as the MSI is, at a build and by `linkpack sign`; osslsigncode and Wine judge.

use crate::bench::{bench, linkpack, package, sign, Bench};
use crate::common::{cmd, need};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The streams of a package, but for those of its own signature.
fn streams(msi: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut file = cfb::open(msi).expect("a compound file");
    let names: Vec<PathBuf> = file.walk().filter(cfb::Entry::is_stream).map(|entry| entry.path().to_owned()).collect();
    let mut streams = BTreeMap::new();
    for name in names.into_iter().filter(|name| !name.to_string_lossy().ends_with("DigitalSignature")) {
        let mut bytes = Vec::new();
        file.open_stream(&name).and_then(|mut stream| stream.read_to_end(&mut bytes)).expect("a stream");
        // Its times are those of the file.
        if !name.to_string_lossy().ends_with("MsiDigitalSignatureEx") {
            streams.insert(name.to_string_lossy().into_owned(), bytes);
        }
    }
    streams
}

/// A build of the sample's MSI.
fn build(bench: &Bench, to: &str, options: &str) -> PathBuf {
    let mut build = linkpack();
    build = build.args(["build", "-q", "--no-cache", "-f", "msi", "-m"]).arg(bench.path("product/linkpack.toml"));
    build.arg("-o").arg(bench.path(to)).args(options.split_whitespace()).dir(bench.folder.path()).run().ok();
    package(&bench.path(to), "msi")
}

/// The programs that the package installs, and its native actions.
fn programs(bench: &Bench, msi: &Path, to: &str) -> Vec<PathBuf> {
    let to = bench.path(to);
    fs::create_dir(&to).expect("a folder");
    cmd("msiextract").arg("-C").arg(&to).arg(msi).run().ok();
    let found = cmd("find").arg(&to).args(["(", "-name", "*.exe", "-o", "-name", "*.dll", ")"]).run().ok();
    let mut all: Vec<PathBuf> = found.stdout.lines().map(PathBuf::from).collect();
    let library = streams(msi).into_values().find(|bytes| bytes.starts_with(b"MZ")).expect("the native actions");
    let at = to.join("actions.dll");
    fs::write(&at, library).expect("written");
    all.push(at);
    all
}

fn judge(bench: &Bench, program: &Path) -> crate::common::Output {
    bench.sh(&format!("osslsigncode verify -CAfile ca.pem -TSA-CAfile ca.pem -in '{}'", program.display())).run()
}

const SIGNED_LATER: &str = "--key code.key --cert code.pem";

#[test]
fn a_build_signs_its_programs_and_sign_makes_the_same_package_of_an_unsigned_one() {
    let bench = &bench();
    need("msiextract", "msitools");
    for packing in ["mszip", "lzx"] {
        let built = build(bench, &format!("built-{packing}"), &format!("--cabinet {packing} {SIGNED_LATER}"));
        let later = build(bench, &format!("later-{packing}"), &format!("--cabinet {packing}"));
        let unsigned = streams(&later);
        sign(bench, later.parent().expect("a folder"), SIGNED_LATER).run().ok();
        let (built_streams, later_streams) = (streams(&built), streams(&later));
        assert_eq!(built_streams.keys().collect::<Vec<_>>(), later_streams.keys().collect::<Vec<_>>());
        for (name, bytes) in &built_streams {
            assert!(later_streams[name] == *bytes, "{packing}: the stream {name:?} differs");
        }
        // A package code stands for one content.
        let summary = built_streams.keys().find(|name| name.contains("SummaryInformation")).expect("a summary");
        assert_ne!(unsigned[summary], built_streams[summary]);
    }
    let later = package(&bench.path("later-mszip"), "msi");
    let once = streams(&later);
    sign(bench, &later, SIGNED_LATER).run().ok();
    assert!(streams(&later) == once, "a second signature changes something");
    let all = programs(bench, &later, "extracted");
    assert_eq!(all.len(), 6, "{all:?}");
    for program in &all {
        judge(bench, program).ok().says("Number of verified signatures: 1");
    }
    let verify = linkpack().args(["verify", "--key"]).arg(bench.path("ca.pem")).arg(&later);
    verify.run().ok().says("programs: ").says(" and 3 more: good signature by CN=code");
    let rebuild = linkpack().args(["verify", "--rebuild"]).arg(bench.path("product/linkpack.toml")).arg(&later);
    rebuild.run().ok().says("rebuild: identical");
    // What only the signer could have written there is no signature of another program.
    let mut changed = fs::read(&all[0]).expect("a program");
    changed[0x400] ^= 1;
    fs::write(&all[0], changed).expect("written");
    judge(bench, &all[0]).fails();
}

#[test]
fn programs_are_signed_by_every_way_that_packages_are_and_the_payloads_on_request() {
    let bench = &bench();
    need("msiextract", "msitools");
    let stamped = "--timestamp-command 'openssl ts -reply -config tsa.cnf -queryfile /dev/stdin'";
    let command = "--sign-command 'openssl pkeyutl -sign -inkey ec.key -pkeyopt digest:sha256' --cert ec.pem";
    bench.sh("cp product/windows/connector/vlinkservice.exe one.exe; osslsigncode sign -h sha1 -certs code.pem -key code.key -in one.exe -out old.exe").run().ok();
    for (options, says) in [
        ("--key code.p12 --password-file password".to_owned(), "CN=code"),
        (format!("{command} {stamped}"), "Timestamp Server Signature verification: ok"),
    ] {
        for name in ["one.exe", "old.exe"] {
            bench.sh(&format!("{} sign {name} {options}", env!("CARGO_BIN_EXE_linkpack"))).run().ok();
            judge(bench, &bench.path(name)).ok().says(says).says("Number of verified signatures: 1");
        }
    }
    bench
        .sh("osslsigncode remove-signature -in one.exe -out bare.exe; cmp bare.exe product/windows/connector/vlinkservice.exe")
        .run()
        .ok();
    // A foreign program of the payload, a few bytes from linkpack's: on request alone, and what its maker signed stays.
    bench.sh("cp -RL product theirs").run().ok();
    let foreign = bench.path("theirs/windows/pulse/bin/foreign.exe");
    let mut bytes = fs::read(bench.path("product/windows/connector/vlinkservice.exe")).expect("a program");
    bytes[0x4E] ^= 1;
    bytes.push(0);
    fs::write(&foreign, bytes).expect("written");
    let line = "osslsigncode sign -h sha1 -certs old.pem -key old.key -in foreign.exe -out old.exe";
    bench.sh(&format!("cd theirs/windows/pulse/bin; for one in old.pem old.key; do cp ../../../../$one .; done; {line}; cp old.exe ../../../../")).run().ok();
    let manifest = fs::read_to_string(bench.path("theirs/linkpack.toml")).expect("a manifest");
    for asked in [false, true] {
        let request = if asked { "\n[connector.windows]\nsign-programs = true\n" } else { "" };
        fs::write(bench.path("theirs/linkpack.toml"), manifest.clone() + request).expect("written");
        let to = format!("theirs-{asked}");
        bench
            .sh(&format!(
                "{} build -q --no-cache -f msi -m theirs/linkpack.toml -o {to} {SIGNED_LATER}",
                env!("CARGO_BIN_EXE_linkpack")
            ))
            .run()
            .ok();
        let msi = package(&bench.path(&to), "msi");
        let all = programs(bench, &msi, &format!("extracted-{asked}"));
        let found = |name: &str| all.iter().find(|path| path.ends_with(name)).expect("a program");
        assert_eq!(judge(bench, found("foreign.exe")).code == Some(0), asked);
        assert!(fs::read(found("old.exe")).expect("a program") == fs::read(bench.path("old.exe")).expect("a program"));
        let rebuild = linkpack().args(["verify", "--rebuild"]).arg(bench.path("theirs/linkpack.toml")).arg(&msi);
        rebuild.run().ok().says("rebuild: identical");
    }
    // `sign` does the same for what others built.
    bench.sh(&format!("{} sign --sign-programs theirs-false {SIGNED_LATER}", env!("CARGO_BIN_EXE_linkpack"))).run().ok();
    let [one, other] = ["theirs-false", "theirs-true"].map(|folder| streams(&package(&bench.path(folder), "msi")));
    assert!(one == other, "the package differs from one of a build");
}
