//! What all tests sign with: keys of every kind, and unsigned packages of the sample.
use crate::common::{cmd, fixture, fixture_in, need, target_dir, Cmd};
use linkpack::build::signatures;
use linkpack::trust::keys::Keys;
use linkpack::trust::Verdict;
use std::fs;
use std::os::unix::fs::{symlink, MetadataExt};
use std::path::{Path, PathBuf};

/// What all tests sign with, and unsigned packages of the sample.
pub struct Bench {
    pub folder: tempfile::TempDir,
}

impl Bench {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn sh(&self, line: &str) -> Cmd {
        cmd("sh").args(["-ec", line]).dir(self.folder.path()).env("GNUPGHOME", self.path("gnupg"))
    }
}

/// What opens the keys that have a password.
pub const PASSWORD: &str = "correct-horse-battery";

const MAKE_KEYS: &str = r#"umask 077
mkdir gnupg
made() { gpg --batch --quiet --pinentry-mode loopback --passphrase "$1" --quick-gen-key "$2" "$3" sign 2y; }
made '' 'RSA <rsa@example>' rsa2048; made correct-horse-battery 'Ed <ed@example>' ed25519; made '' 'Other <other@example>' ed25519
gpg --batch --armor --export-secret-keys rsa@example >rsa.sec
gpg --batch --pinentry-mode loopback --passphrase correct-horse-battery --export-secret-keys ed@example >ed.sec
for one in rsa ed other; do gpg --armor --export $one@example >$one.asc; done
ca() { faketime 2019-06-01 openssl req -x509 -newkey rsa:2048 -nodes -keyout $1.key -out $1.pem -subj "/CN=$1" -days 30000 \
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
ecdsa young; issue young codeSigning 20980101000000Z 20990101000000Z
printf '%s\n' correct-horse-battery >password
printf '%s\n' not-this-one >wrong
openssl pkcs12 -export -inkey code.key -in code.pem -certfile ca.pem -passout file:password -out code.p12
openssl pkcs12 -export -legacy -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1 -inkey code.key -in code.pem -passout file:password -out legacy.p12
openssl pkcs8 -topk8 -v2 aes-256-cbc -in ec.key -passout file:password -out ec.enc
openssl pkcs8 -topk8 -scrypt -in code.key -passout file:password -out code.enc
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

pub fn bench() -> Bench {
    for (tool, package) in
        [("gpg", "gnupg"), ("openssl", "openssl"), ("rpm", "rpm"), ("osslsigncode", "osslsigncode"), ("faketime", "faketime")]
    {
        need(tool, package);
    }
    let bench = Bench { folder: tempfile::tempdir().expect("a folder") };
    let keys = fixture("sign-keys", MAKE_KEYS, |folder| {
        let home = folder.join("gnupg");
        cmd("sh").args(["-ec", MAKE_KEYS]).dir(folder).env("GNUPGHOME", &home).run().ok();
        cmd("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", &home).run().ok();
    });
    cmd("cp").arg("-a").arg(keys.join(".")).arg(bench.folder.path()).run().ok();
    let packages = packages();
    symlink(packages.join("product"), bench.path("product")).expect("a link");
    symlink(packages.join("plain"), bench.path("plain")).expect("a link");
    bench
}

/// The sample, and unsigned packages of it: made once by each linkpack that is tested.
fn packages() -> PathBuf {
    let program = fs::metadata(env!("CARGO_BIN_EXE_linkpack")).expect("linkpack");
    let recipe = format!("{} {} {}", program.len(), program.mtime(), program.mtime_nsec());
    fixture_in(&target_dir().join("tmp"), "sign-packages", &recipe, |folder| {
        linkpack().args(["init", "--sample"]).arg(folder.join("product")).run().ok();
        let build = linkpack().args(["build", "--no-cache", "-o"]).arg(folder.join("plain")).dir(folder.join("product"));
        build.run().ok().says("unsigned: ");
    })
}

pub fn linkpack() -> Cmd {
    cmd(env!("CARGO_BIN_EXE_linkpack")).env("SOURCE_DATE_EPOCH", "1700000000")
}

/// A copy of the unsigned packages.
pub fn copy(bench: &Bench) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(bench.path("plain")).expect("packages").flatten() {
        fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
    }
    folder
}

pub fn package(folder: &Path, format: &str) -> PathBuf {
    let found = fs::read_dir(folder).expect("packages").flatten().map(|entry| entry.path());
    found.into_iter().find(|path| path.extension().is_some_and(|end| end == format)).expect("a package")
}

/// `linkpack sign` in the folder of the keys.
pub fn sign(bench: &Bench, path: &Path, options: &str) -> Cmd {
    linkpack()
        .arg("sign")
        .arg(path)
        .args(options.split_whitespace())
        .dir(bench.folder.path())
        .env("GNUPGHOME", bench.path("gnupg"))
}

pub fn verdicts(bench: &Bench, path: &Path, key: &str) -> Vec<Verdict> {
    let keys = Keys::read(&[bench.path(key)]).expect("a key");
    signatures::verify(path, &keys).expect("readable").into_iter().map(|one| one.verdict).collect()
}

#[track_caller]
pub fn judged(bench: &Bench, path: &Path, key: &str) -> Verdict {
    let mut all = verdicts(bench, path, key);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[track_caller]
pub fn is_bad(verdict: &Verdict, why: &str) {
    assert!(matches!(verdict, Verdict::Bad { why: said } if said.contains(why)), "{verdict:?}");
}
