//! Signing and its verification, judged by rpm, dpkg, debsig-verify, osslsigncode, openssl and gpg. Keys are made here.
#[path = "common/mod.rs"]
mod common;

use common::{cmd, need, Cmd};
use linkpack::build::signatures::{self, proves};
use linkpack::trust::keys::Keys;
use linkpack::trust::Verdict;
use std::fs;
use std::path::{Path, PathBuf};

const PASSWORD: &str = "correct-horse-battery";

/// What all tests sign with, and unsigned packages of the sample.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sh(&self, line: &str) -> Cmd {
        cmd("sh").args(["-ec", line]).dir(self.folder.path()).env("GNUPGHOME", self.path("gnupg"))
    }
}

const MAKE_KEYS: &str = r#"umask 077
mkdir gnupg
made() { gpg --batch --quiet --pinentry-mode loopback --passphrase "$1" --quick-gen-key "$2" "$3" sign 2y; }
made '' 'RSA <rsa@example>' rsa2048; made correct-horse-battery 'Ed <ed@example>' ed25519; made '' 'Other <other@example>' ed25519
gpg --batch --armor --export-secret-keys rsa@example >rsa.sec
gpg --batch --pinentry-mode loopback --passphrase correct-horse-battery --export-secret-keys ed@example >ed.sec
for one in rsa ed other; do gpg --armor --export $one@example >$one.asc; done
ca() { openssl req -x509 -newkey rsa:2048 -nodes -keyout $1.key -out $1.pem -subj "/CN=$1" -days 30 \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null; }
ca ca; ca stranger
issue() { # NAME EKU FROM UNTIL
    openssl req -new -key $1.key -subj "/CN=$1" -out csr
    printf 'extendedKeyUsage=critical,%s\nkeyUsage=critical,digitalSignature\n' $2 >ext
    openssl ca -batch -config ca.cnf -in csr -out $1.pem -notext -startdate $3 -enddate $4 -extfile ext 2>/dev/null; }
cat >ca.cnf <<END
[ca]
default_ca=d
[d]
database=index
new_certs_dir=.
certificate=ca.pem
private_key=ca.key
serial=serial
default_md=sha256
policy=p
unique_subject=no
[p]
commonName=supplied
END
: >index; echo 1000 >serial
ecdsa() { openssl ecparam -genkey -name prime256v1 -noout -out $1.key; }
ecdsa ec; issue ec codeSigning 20200101000000Z 20990101000000Z
openssl genrsa -out code.key 2048 2>/dev/null; issue code codeSigning 20200101000000Z 20990101000000Z
ecdsa old; issue old codeSigning 20200101000000Z 20210101000000Z
ecdsa web; issue web serverAuth 20200101000000Z 20990101000000Z
openssl genrsa -out tsa.key 2048 2>/dev/null; issue tsa timeStamping 20200101000000Z 20990101000000Z
printf '%s\n' correct-horse-battery >password
openssl pkcs12 -export -inkey code.key -in code.pem -certfile ca.pem -passout file:password -out code.p12
openssl pkcs12 -export -legacy -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1 -inkey code.key -in code.pem -passout file:password -out legacy.p12
openssl pkcs8 -topk8 -v2 aes-256-cbc -in ec.key -passout file:password -out ec.enc
for one in ec code; do openssl pkey -in $one.key -pubout -out $one.pub; done
cat >tsa.cnf <<END
[tsa]
default_tsa=t
[t]
serial=tsa.serial
signer_digest=sha256
default_policy=1.2.3.4
digests=sha256
signer_cert=tsa.pem
signer_key=tsa.key
certs=ca.pem
ess_cert_id_alg=sha256
END
echo 01 >tsa.serial
"#;

impl Drop for Bench {
    /// gpg's agent would live on.
    fn drop(&mut self) {
        let _ = std::process::Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", self.path("gnupg")).status();
    }
}

fn bench() -> Bench {
    for (tool, package) in [("gpg", "gnupg"), ("openssl", "openssl"), ("rpm", "rpm"), ("osslsigncode", "osslsigncode")] {
        need(tool, package);
    }
    let bench = Bench { folder: tempfile::tempdir().expect("a folder") };
    bench.sh(MAKE_KEYS).run().ok();
    linkpack().args(["init", "--sample"]).arg(bench.path("product")).run().ok();
    let built = linkpack().args(["build", "--no-cache", "-o"]).arg(bench.path("plain")).dir(bench.path("product")).run().ok();
    built.says("unsigned: ");
    bench
}

fn linkpack() -> Cmd {
    cmd(env!("CARGO_BIN_EXE_linkpack")).env("SOURCE_DATE_EPOCH", "1700000000")
}

/// A copy of the unsigned packages.
fn copy(bench: &Bench) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(bench.path("plain")).expect("packages").flatten() {
        fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
    }
    folder
}

fn package(folder: &Path, format: &str) -> PathBuf {
    let found = fs::read_dir(folder).expect("packages").flatten().map(|entry| entry.path());
    found.into_iter().find(|path| path.extension().is_some_and(|end| end == format)).expect("a package")
}

/// `linkpack sign` in the folder of the keys.
fn sign(bench: &Bench, path: &Path, options: &str) -> Cmd {
    linkpack()
        .arg("sign")
        .arg(path)
        .args(options.split_whitespace())
        .dir(bench.folder.path())
        .env("GNUPGHOME", bench.path("gnupg"))
}

fn verdicts(bench: &Bench, path: &Path, key: &str) -> Vec<Verdict> {
    let keys = Keys::read(&[bench.path(key)]).expect("a key");
    signatures::verify(path, &keys).expect("readable").into_iter().map(|one| one.verdict).collect()
}

#[track_caller]
fn judged(bench: &Bench, path: &Path, key: &str) -> Verdict {
    let mut all = verdicts(bench, path, key);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[track_caller]
fn is_bad(verdict: &Verdict, why: &str) {
    assert!(matches!(verdict, Verdict::Bad { why: said } if said.contains(why)), "{verdict:?}");
}

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
    sign(bench, &msi, "--key old.key --cert old.pem").run().ok();
    is_bad(&judged(bench, &msi, "ca.pem"), "expired");
    sign(bench, &msi, "--key web.key --cert web.pem").run().ok();
    is_bad(&judged(bench, &msi, "ca.pem"), "not for code signing");
}

#[test]
fn osslsigncodes_own_signature_is_known_and_a_changed_package_is_not() {
    let bench = &bench();
    let folder = copy(bench);
    let (msi, out) = (package(folder.path(), "msi"), folder.path().join("other.msi"));
    let line = |hash: &str| {
        let (msi, out) = (msi.display(), out.display());
        format!("rm -f {out}; osslsigncode sign -h {hash} -certs code.pem -key code.key -in {msi} -out {out}")
    };
    bench.sh(&line("sha256")).run().ok();
    assert!(judged(bench, &out, "ca.pem").is_good(), "{:?}", judged(bench, &out, "ca.pem"));
    bench.sh(&line("sha1")).run().ok();
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
fn a_password_is_in_no_command_line_and_in_nothing_that_is_said() {
    let bench = &bench();
    let folder = copy(bench);
    // Of this test alone: the others' keys are made with theirs on command lines.
    let password = format!("battery-{}-staple", std::process::id());
    fs::write(bench.path("own"), &password).unwrap();
    bench.sh("openssl pkcs8 -topk8 -v2 aes-256-cbc -in ec.key -passout file:own -out own.enc").run().ok();
    let pattern = password.replace("-staple", "-[s]taple");
    let watch = format!(
        "grep -l {pattern} /proc/[0-9]*/cmdline 2>/dev/null | grep -q . && echo LEAK >leaked; \
         env | grep -q {pattern} && echo LEAK >leaked; gpg --batch --quiet --local-user rsa@example --detach-sign"
    );
    // Not by the harness, which has the environment on its own command lines.
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_linkpack"))
        .arg("sign")
        .arg(folder.path())
        .args(["--key", "own.enc", "--password-env", "THE_PASSWORD", "--openpgp-command", &watch])
        .env("THE_PASSWORD", &password)
        .env("GNUPGHOME", bench.path("gnupg"))
        .current_dir(bench.folder.path())
        .output()
        .expect("linkpack runs");
    let said = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    assert!(run.status.success() && !said.contains(&password), "{said}");
    assert!(!bench.path("leaked").exists(), "the password was seen");
    let wrong = sign(bench, folder.path(), "--key ec.enc --password-env THE_PASSWORD").env("THE_PASSWORD", "not-this-one").run();
    wrong.exits(1).says("the password does not open the key").never_says("not-this-one");
    sign(bench, folder.path(), "--key ec.enc").run().exits(1).says("--password-file");
    fs::set_permissions(bench.path("web.key"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    sign(bench, &package(folder.path(), "run"), "--key web.key").run().ok().says("can be read by others");
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
        ["Verified OK", "Signature, key ID", "Verified package", "Signature verification: ok", "good, ", "the same to the byte"]
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
