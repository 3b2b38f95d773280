//! Keys, packages and kits that all tests share.
use crate::common::{cmd, fixture, need, Cmd};
use std::fs;
use std::path::{Path, PathBuf};

/// The name of the sample's packages.
pub const NAME: &str = "intigua-sample";
/// The time of the packages.
pub const EPOCH: &str = "1750000000";
/// What a kit is signed with.
pub const SIGNING: &str = "--key key.pem --openpgp-key rsa.sec";

/// rsa: without an end, so that a kit holds; short: expires; other and stranger: of nobody here.
const MAKE: &str = r#"umask 077
mkdir gnupg
export GNUPGHOME="$PWD/gnupg"
made() { gpg --batch --quiet --passphrase '' --faked-system-time 20240101T000000! --quick-gen-key "$1@example" "$2" sign "$3"; }
made rsa rsa3072 never; made short ed25519 20y; made other ed25519 never
for one in rsa short other; do gpg --batch --armor --export-secret-keys $one@example >$one.sec; gpg --armor --export $one@example >$one.asc; done
gpgconf --kill all
for one in key stranger; do
    openssl ecparam -genkey -name prime256v1 -noout -out $one.pem
    openssl pkey -in $one.pem -pubout -out $one.pub
done
"#;

/// One build of the sample in a version.
const BUILD: &str = r#"sed -i "0,/^version = /s/^version = .*/version = \"$1\"/" demo/linkpack.toml
"$LINKPACK" build -q --no-cache --key key.pem --openpgp-key rsa.sec -m demo/linkpack.toml -o "dist-$1"
"#;

pub fn linkpack() -> Cmd {
    cmd(env!("CARGO_BIN_EXE_linkpack")).env("SOURCE_DATE_EPOCH", EPOCH)
}

/// Keys, the sample in two versions (dist-1.0.0, dist-1.1.0) signed by them, and a kit of the first. Made once; not to be written in.
pub fn material() -> PathBuf {
    need("gpg", "gnupg");
    need("openssl", "openssl");
    let binary = fs::metadata(env!("CARGO_BIN_EXE_linkpack")).and_then(|meta| meta.modified()).expect("the binary's time");
    let recipe = format!("{MAKE}{BUILD}{EPOCH}{SIGNING}{binary:?}");
    fixture("kit", &recipe, |folder| {
        linkpack().args(["init", "--sample", "demo"]).dir(folder).run().ok();
        cmd("sh").args(["-euc", MAKE]).dir(folder).run().ok();
        for version in ["1.0.0", "1.1.0"] {
            cmd("sh")
                .args(["-euc", BUILD, "build", version])
                .env("LINKPACK", env!("CARGO_BIN_EXE_linkpack"))
                .env("SOURCE_DATE_EPOCH", EPOCH)
                .dir(folder)
                .run()
                .ok();
        }
        make(folder, "dist-1.0.0 -o kit").run().ok();
    })
}

/// `linkpack kit` in the material's folder, with its keys.
pub fn make(folder: &Path, arguments: &str) -> Cmd {
    linkpack().arg("kit").args(arguments.split_whitespace()).args(SIGNING.split(' ')).dir(folder)
}

/// A folder of a test's own with the material in it.
pub fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    cmd("cp").args(["-a", "--reflink=auto"]).arg(format!("{}/.", material().display())).arg(folder.path()).run().ok();
    folder
}

/// A command of a channel's page in a kit, as it stands there but for its remark: the one that begins so.
#[track_caller]
pub fn command_of(kit: &Path, channel: &str, begin: &str) -> String {
    let page = fs::read_to_string(kit.join("channels").join(channel).join("README.txt")).unwrap().replace('\r', "");
    let found = page.lines().filter_map(|line| line.strip_prefix("    ")).find(|line| line.starts_with(begin));
    let line = found.unwrap_or_else(|| panic!("no command begins with {begin}:\n{page}"));
    line.split("   ").next().unwrap().trim_end().to_owned()
}

/// The fingerprint of a public key in PEM, by openssl.
pub fn fingerprint(pem: &Path) -> String {
    let script = "openssl pkey -pubin -in \"$1\" -outform DER | sha256sum | cut -c1-64";
    cmd("sh").args(["-c", script, "sh"]).arg(pem).run().ok().line().to_owned()
}

/// Changes one byte in the middle of a file.
pub fn damage(path: &Path) {
    let mut bytes = fs::read(path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).expect("write");
}
