//! Signing and its verification, judged by rpm, dpkg, debsig-verify, osslsigncode, openssl and gpg. Keys are made here.
#[path = "sign/bench.rs"]
mod bench;
#[path = "sign/clients.rs"]
mod clients;
#[path = "common/mod.rs"]
mod common;
#[path = "sign/damaged.rs"]
mod damaged;
#[path = "sign/dates.rs"]
mod dates;
#[path = "sign/passwords.rs"]
mod passwords;
#[path = "sign/programs.rs"]
mod programs;
#[path = "sign/stamps.rs"]
mod stamps;
#[path = "sign/storages.rs"]
mod storages;

use bench::*;
use common::{cmd, need};
use linkpack::build::signatures::{self, proves};
use linkpack::trust::keys::Keys;
use linkpack::trust::Verdict;
use std::fs;
use std::path::Path;

#[test]
fn rpm_takes_what_rsa_and_ed25519_keys_signed_and_resigning_replaces() {
    let bench = &bench();
    let folder = copy(bench);
    let rpm = package(folder.path(), "rpm");
    let len = fs::metadata(&rpm).unwrap().len();
    bench.sh("mkdir db && rpmkeys --dbpath $PWD/db --import rsa.asc ed.asc").run().ok();
    let check = format!("rpmkeys --dbpath $PWD/db --define '_pkgverify_level all' -Kv {}", rpm.display());
    bench.sh(&check).run().fails();
    for (options, said, key, other) in [
        ("--openpgp-key rsa.sec", "V4 RSA/SHA256 Signature", "rsa.asc", "ed.asc"),
        ("--openpgp-key ed.sec --password-file password", "V4 EdDSA/SHA256 Signature", "ed.asc", "rsa.asc"),
    ] {
        sign(bench, &rpm, options).run().ok();
        bench.sh(&check).run().ok().says(said);
        assert_eq!(fs::metadata(&rpm).unwrap().len(), len, "nothing moves");
        assert!(judged(bench, &rpm, key).is_good());
        assert!(matches!(judged(bench, &rpm, other), Verdict::OtherKey { .. }));
    }
    let mut bytes = fs::read(&rpm).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&rpm, &bytes).unwrap();
    is_bad(&judged(bench, &rpm, "ed.asc"), "payload was changed");
}

#[test]
fn rpmsigns_own_signature_is_known() {
    let bench = &bench();
    let folder = copy(bench);
    let rpm = package(folder.path(), "rpm");
    need("rpmsign", "rpm");
    bench
        .sh(&format!("rpmsign --define '_gpg_name other@example' --define '__gpg /usr/bin/gpg' --addsign {}", rpm.display()))
        .run()
        .ok();
    assert!(proves(&signatures::verify(&rpm, &Keys::read(&[bench.path("other.asc")]).unwrap()).unwrap()));
}

const POLICY: &str = r#"id=$(gpg --with-colons --list-keys rsa@example | awk -F: '/^pub/ { print $5 }')
mkdir -p policies/$id keyrings/$id && gpg --export rsa@example >keyrings/$id/key.gpg
cat >policies/$id/any.pol <<END
<?xml version="1.0"?>
<!DOCTYPE Policy SYSTEM "https://www.debian.org/debsig/1.0/policy.dtd">
<Policy xmlns="https://www.debian.org/debsig/1.0/">
<Origin Name="site" id="$id" Description="site"/>
<Selection><Required Type="origin" File="key.gpg" id="$id"/></Selection>
<Verification><Required Type="origin" File="key.gpg" id="$id"/></Verification>
</Policy>
END
"#;

#[test]
fn debsig_verify_takes_a_signed_deb_and_dpkg_still_reads_it() {
    let bench = &bench();
    need("debsig-verify", "debsig-verify");
    need("debsigs", "debsigs");
    bench.sh(POLICY).run().ok();
    let folder = copy(bench);
    let deb = package(folder.path(), "deb");
    let check = format!("debsig-verify --policies-dir $PWD/policies --keyrings-dir $PWD/keyrings {}", deb.display());
    bench.sh(&check).run().fails();
    assert_eq!(judged(bench, &deb, "rsa.asc"), Verdict::Unsigned);
    sign(bench, &deb, "--openpgp-key rsa.sec").run().ok();
    let first = fs::read(&deb).unwrap();
    bench.sh(&check).run().ok().says("Verified package");
    cmd("dpkg-deb").arg("--contents").arg(&deb).run().ok();
    assert!(judged(bench, &deb, "rsa.asc").is_good());
    sign(bench, &deb, "--openpgp-key rsa.sec").run().ok();
    assert_eq!(fs::read(&deb).unwrap(), first, "the same input, key and time make the same bytes");
    let mut bytes = first.clone();
    bytes[200] ^= 1;
    fs::write(&deb, &bytes).unwrap();
    is_bad(&judged(bench, &deb, "rsa.asc"), "changed");
    fs::write(&deb, &first).unwrap();
    let debsigs = |kind: &str, key: &str| {
        bench.sh(&format!("debsigs --sign={kind} --default-key={key}@example {}", deb.display())).run().ok();
        verdicts(bench, &deb, &format!("{key}.asc"))
    };
    let all = debsigs("archive", "other");
    assert!(matches!(all[..], [Verdict::OtherKey { .. }, Verdict::Good { .. }]), "{all:?}");
    let all = debsigs("maint", "other");
    assert!(matches!(all[..], [Verdict::OtherKey { .. }, Verdict::Good { .. }, Verdict::Good { .. }]), "{all:?}");
    // debsigs asks gpg for the OpenPGP of old, which digests by SHA-1 where the key is RSA.
    fs::write(&deb, fs::read(package(&bench.path("plain"), "deb")).unwrap()).unwrap();
    is_bad(&debsigs("origin", "rsa")[0], "SHA1");
}

#[test]
fn osslsigncode_takes_a_signed_msi_with_and_without_time_stamp() {
    let bench = &bench();
    let folder = copy(bench);
    let msi = package(folder.path(), "msi");
    let check = format!("osslsigncode verify -CAfile ca.pem -TSA-CAfile ca.pem -in {}", msi.display());
    bench.sh(&check).run().fails();
    for options in [
        "--key ec.key --cert ec.pem",
        "--key code.p12 --password-file password",
        "--key legacy.p12 --password-file password",
        "--key code.key --cert code.pem",
    ] {
        sign(bench, &msi, options).run().ok();
        bench.sh(&check).run().ok().says("Intigua sample").says("Signature verification: ok");
        assert!(judged(bench, &msi, "ca.pem").is_good(), "{options}");
        assert!(matches!(judged(bench, &msi, "stranger.pem"), Verdict::OtherKey { .. }), "{options}");
        cmd("msiinfo").arg("tables").arg(&msi).run().ok().says("Property");
    }
    let stamp = "openssl ts -reply -config tsa.cnf -queryfile /dev/stdin -out /dev/stdout 2>/dev/null";
    let stamped = |key: &str| {
        sign(bench, &msi, &format!("--key {key}.key --cert {key}.pem")).args(["--timestamp-command", stamp]).run().ok();
    };
    stamped("code");
    bench.sh(&check).run().ok().says("Timestamp").says("Timestamp Server Signature verification: ok");
    assert!(judged(bench, &msi, "ca.pem").to_string().contains("time stamp 20"));
}

#[test]
fn osslsigncodes_own_signature_is_known_and_a_changed_package_is_not() {
    let bench = &bench();
    let folder = copy(bench);
    let (msi, out) = (package(folder.path(), "msi"), folder.path().join("other.msi"));
    let line = |key: &str, hash: &str| {
        let (msi, out) = (msi.display(), out.display());
        format!("rm -f {out}; osslsigncode sign -h {hash} -certs {key}.pem -key {key}.key -in {msi} -out {out}")
    };
    for (key, hash) in [("code", "sha256"), ("ec", "sha256"), ("ec", "sha384"), ("code", "sha512")] {
        bench.sh(&line(key, hash)).run().ok();
        assert!(judged(bench, &out, "ca.pem").is_good(), "{key} {hash}: {:?}", judged(bench, &out, "ca.pem"));
    }
    bench.sh(&line("code", "sha1")).run().ok();
    is_bad(&judged(bench, &out, "ca.pem"), "SHA-1");
}

#[test]
fn openssl_verifies_the_run_and_the_sums_of_a_folder() {
    let bench = &bench();
    for (options, key) in [("--key ec.enc --password-env THE_PASSWORD", "ec.pub"), ("--key code.key --cert code.pem", "code.pub")]
    {
        let folder = copy(bench);
        sign(bench, folder.path(), options).env("THE_PASSWORD", PASSWORD).run().ok();
        let run = package(folder.path(), "run");
        let (folder, run) = (folder.path().display(), run.display());
        bench
            .sh(&format!("openssl dgst -sha256 -verify {key} -signature {folder}/SHA256SUMS.sig {folder}/SHA256SUMS"))
            .run()
            .ok();
        bench.sh(&format!("cd {folder} && sha256sum -c SHA256SUMS && grep -q '\"kind\": \"detached\"' manifest.json")).run().ok();
        let by_hand = format!(
            "sed -n '3s/^LP_SIG=\\([A-Za-z0-9+/=]*\\) #-*$/\\1/p' {run} | base64 -d >sig && \
             tail -n +4 {run} | openssl dgst -sha256 -verify {key} -signature sig"
        );
        bench.sh(&by_hand).run().ok();
        bench.sh(&format!("sh {run} --verify --key {key}")).run().ok();
        bench.sh(&format!("sh {run} --verify --key {}", if key == "ec.pub" { "code.pub" } else { "ec.pub" })).run().exits(21);
        assert!(judged(bench, Path::new(&run.to_string()), key).is_good());
    }
}

#[test]
fn commands_sign_instead_of_keys() {
    let bench = &bench();
    let folder = copy(bench);
    let service =
        r#"test "$LINKPACK_SIGN_ALGORITHM" = rsa-pkcs1-sha256 && openssl pkeyutl -sign -inkey code.key -pkeyopt digest:sha256"#;
    let gpg = "gpg --batch --quiet --local-user rsa@example --detach-sign";
    sign(bench, folder.path(), "--cert code.pem").args(["--sign-command", service, "--openpgp-command", gpg]).run().ok();
    assert!(judged(bench, &package(folder.path(), "msi"), "ca.pem").is_good());
    assert!(judged(bench, &package(folder.path(), "run"), "code.pub").is_good());
    assert!(judged(bench, &package(folder.path(), "rpm"), "rsa.asc").is_good());
    assert!(judged(bench, &package(folder.path(), "deb"), "rsa.asc").is_good());
    let wrong = "openssl pkeyutl -sign -inkey ec.key";
    let run = sign(bench, folder.path(), "--cert code.pem").args(["--sign-command", wrong]).run().exits(1);
    run.says("is not a signature of the key");
    sign(bench, folder.path(), "--cert code.pem").args(["--sign-command", "exit 3"]).run().exits(1).says("failed");
    assert!(judged(bench, &package(folder.path(), "run"), "code.pub").is_good(), "what was there stays");
}

#[test]
fn a_package_that_no_key_is_for_is_not_even_copied() {
    let bench = &bench();
    let folder = copy(bench);
    let deb = package(folder.path(), "deb");
    let before = fs::read(&deb).unwrap();
    // In blocks of 512 bytes: room for the lists, none for a copy of the package.
    let line = format!("ulimit -f 64; {} sign {} --key ec.key", env!("CARGO_BIN_EXE_linkpack"), deb.display());
    assert!(before.len() > 64 * 512);
    bench.sh(&line).run().ok().says("skipped: no key given for this format");
    assert_eq!(fs::read(&deb).unwrap(), before);
    sign(bench, &package(folder.path(), "msi"), "--key ec.key").run().ok().says("--cert FILE").says("skipped: ");
    // What is no package is told before any other is signed.
    fs::write(folder.path().join("other.deb"), "not one").unwrap();
    let run = fs::read(package(folder.path(), "run")).unwrap();
    sign(bench, folder.path(), "--key ec.key").run().exits(1).says("other.deb is not a package");
    assert_eq!(fs::read(package(folder.path(), "run")).unwrap(), run);
}

#[test]
fn a_build_signs_before_a_package_has_its_name() {
    let bench = &bench();
    let out = bench.path("built");
    let build = linkpack().args(["build", "--no-cache", "-f", "run", "-o"]).arg(&out).dir(bench.path("product"));
    build.arg("--key").arg(bench.path("ec.key")).run().ok().never_says("unsigned");
    assert!(judged(bench, &package(&out, "run"), "ec.pub").is_good());
    assert!(out.join("SHA256SUMS.sig").exists());
    let again = linkpack().args(["build", "--no-cache", "-f", "run", "-o"]).arg(&out).dir(bench.path("product"));
    again.run().ok().says("unsigned: ");
    assert!(!out.join("SHA256SUMS.sig").exists(), "no signature speaks for other sums");
}

/// The page's commands: its indented lines, with packages and folders of this test in the places of its capitals.
fn commands(page: &str, folder: &Path) -> String {
    let lines = page.lines().filter_map(|line| line.strip_prefix("    "));
    let mut script: String = lines.map(|line| format!("{line}\n")).collect();
    for format in ["deb", "rpm", "run", "msi"] {
        let name = package(folder, format).file_name().expect("a name").to_string_lossy().into_owned();
        script = script.replace(&format!("PACKAGE.{format}"), &name);
    }
    script.replace("NAME-VERSION", "intigua-sample-1.0.0").replace("TARGET", "linux-x86_64").replace("PRODUCT", "../product")
}

#[test]
fn what_the_page_for_auditors_says_to_type_works_on_what_a_build_signed() {
    let bench = &bench();
    need("debsig-verify", "debsig-verify");
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/trust.md")).expect("docs/trust.md");
    let line =
        "linkpack build -q --no-cache -m product/linkpack.toml -o site --key code.key --cert code.pem --openpgp-key rsa.sec && \
                cp code.pub site/key.pub && cp rsa.asc site/key.asc && cp ca.pem site/ca.pem && cp ca.pem site/tsa-ca.pem";
    let program = Path::new(env!("CARGO_BIN_EXE_linkpack")).parent().expect("a folder");
    let path = format!("{}:{}", program.display(), std::env::var("PATH").expect("a PATH"));
    let sh = |line: &str| bench.sh(line).env("PATH", &path).env("SOURCE_DATE_EPOCH", "1700000000");
    sh(line).run().ok();
    let site = bench.path("site");
    let script = commands(&page, &site);
    assert!(script.lines().count() > 20 && !script.contains("PACKAGE"), "{script}");
    fs::write(site.join("page.sh"), &script).expect("written");
    let mut done = sh("cd site && sh -eux page.sh").run().ok();
    for said in
        ["Verified OK", "Signature, key ID", "Verified package", "Signature verification: ok", "good, ", "rebuild: identical"]
    {
        done = done.says(said);
    }
    // Each of them sees a change.
    for format in ["deb", "rpm", "run", "msi"] {
        let file = package(&site, format);
        let good = fs::read(&file).expect("read");
        let mut bad = good.clone();
        let at = bad.len() / 2;
        bad[at] ^= 1;
        fs::write(&file, &bad).expect("written");
        let keys = "linkpack verify --key key.pub --key key.asc --key ca.pem";
        sh(&format!("cd site && {keys} {}", file.display())).run().exits(1).says("error:");
        sh(&format!("cd site && {keys} .")).run().exits(1).says("SHA-256 in SHA256SUMS");
        sh(&format!("cd site && linkpack verify --rebuild ../product/linkpack.toml {}", file.display())).run().exits(1);
        fs::write(&file, &good).expect("written");
    }
}

#[test]
fn signing_a_folder_later_keeps_its_lists_and_its_provenance_true() {
    let bench = &bench();
    let folder = copy(bench);
    sign(bench, folder.path(), "--key code.key --cert code.pem --openpgp-key rsa.sec").run().ok();
    linkpack()
        .args(["verify", "--key"])
        .arg(bench.path("code.pub"))
        .arg("--key")
        .arg(bench.path("rsa.asc"))
        .arg("--key")
        .arg(bench.path("ca.pem"))
        .arg(folder.path())
        .run()
        .ok();
    let statement = fs::read_to_string(folder.path().join("intigua-sample-1.0.0.provenance.json")).expect("a statement");
    let statement: serde_json::Value = serde_json::from_str(&statement).expect("JSON");
    let sums = fs::read_to_string(folder.path().join("SHA256SUMS")).expect("sums");
    let subjects = statement["subject"].as_array().expect("subjects");
    assert!(subjects.len() >= 4);
    for subject in subjects {
        let line = format!("{}  {}\n", subject["digest"]["sha256"].as_str().unwrap(), subject["name"].as_str().unwrap());
        assert!(sums.contains(&line), "{line}");
    }
    linkpack()
        .args(["verify", "--rebuild"])
        .arg(bench.path("product/linkpack.toml"))
        .arg(folder.path())
        .run()
        .ok()
        .says("set aside");
}
