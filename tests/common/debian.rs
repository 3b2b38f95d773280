//! The Debian system in which dpkg, apt, rpm, dnf, systemd and the shells play their part.
use super::{cmd, fixture, need};
use std::path::{Path, PathBuf};

/// What the tests run on, unless LINKPACK_SUITE names another release (`scripts/campaign systems`).
pub(super) fn suite() -> String {
    std::env::var("LINKPACK_SUITE").unwrap_or_else(|_| "bookworm".to_owned())
}
const MIRROR: &str = "http://deb.debian.org/debian";

/// Releases of Ubuntu; scripts/campaign says where the key of its archive lies.
const UBUNTU: [&str; 4] = ["bionic", "focal", "jammy", "noble"];
const UBUNTU_MIRROR: &str = "http://archive.ubuntu.com/ubuntu";
const UBUNTU_KEYRING: &str = "LINKPACK_UBUNTU_KEYRING";

/// rpm and dnf share the root with dpkg: its rpm database is empty, and one root is built in half the time of two.
const PACKAGES: &str = "systemd,systemd-sysv,sudo,passwd,procps,debconf-utils,busybox-static,rpm";

fn packages(suite: &str) -> String {
    // Ubuntu has had dnf since 20.04.
    let dnf = if suite == "bionic" { "" } else { ",dnf" };
    format!("{PACKAGES}{dnf}")
}

/// Run in the new root. dpkg keeps no exclusions (packages under test must unpack whole), apt knows no source but what a test adds,
/// and the machine has an identity, as an installed one does.
const FINISH: &str = r#"
rm -f "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$1/etc/apt/sources.list" "$1"/etc/apt/sources.list.d/*
echo 0123456789abcdef0123456789abcdef >"$1/etc/machine-id"
echo endpoint >"$1/etc/hostname"
echo "127.0.0.1 localhost endpoint" >"$1/etc/hosts"
"#;

/// A minimal Debian, made once (about 45 s). Do not write to it: take a [`super::Scratch`] of it.
pub fn root() -> PathBuf {
    root_of(&suite())
}

/// The same of a certain release.
pub fn root_of(suite: &str) -> PathBuf {
    // A name for each release: what an older recipe of one name made is removed, and a test may be using the other.
    let packages = packages(suite);
    fixture(&format!("debian-{suite}"), &[suite, &packages, FINISH].concat(), |dir| {
        let hook = format!("--customize-hook={FINISH}");
        bootstrap(&dir.join("root"), suite, &["--variant=apt", &format!("--include={packages}"), &hook]);
    })
    .join("root")
}

/// Runs mmdebstrap into `dir` with what this machine's apt knows of Debian.
pub(super) fn bootstrap(dir: &Path, suite: &str, options: &[&str]) {
    need("mmdebstrap", "mmdebstrap");
    cmd("mmdebstrap")
        .args(["--mode=root", "--quiet"])
        .args(apt_options(suite))
        .args(["doc", "man", "locale", "info"].map(|d| format!("--dpkgopt=path-exclude=/usr/share/{d}/*")))
        .args(options)
        .args([suite.as_ref(), dir.as_os_str(), "-".as_ref()])
        .stdin(sources(suite))
        .limit(900)
        .run()
        .ok();
}

/// This machine's own Debian mirrors, since it can reach them; otherwise the public one.
fn sources(suite: &str) -> String {
    if UBUNTU.contains(&suite) {
        let keyring = std::env::var(UBUNTU_KEYRING)
            .unwrap_or_else(|_| panic!("{UBUNTU_KEYRING} is not set: run scripts/campaign systems {suite}"));
        return format!("deb [signed-by={keyring}] {UBUNTU_MIRROR} {suite} main universe\n");
    }
    let format = "$(REPO_URI) $(CODENAME) $(COMPONENT)";
    let known = cmd("apt-get").args(["indextargets", "--format", format, "Created-By: Packages", "Origin: Debian"]).run();
    let mut lines: Vec<String> = known.stdout.lines().filter_map(|line| source_line(line, suite)).collect();
    if !lines.iter().any(|l| l.contains(&format!(" {suite} "))) {
        lines = vec![format!("deb {MIRROR} {suite} main")];
    }
    lines.sort();
    lines.dedup();
    lines.join("\n") + "\n"
}

fn source_line(target: &str, wanted: &str) -> Option<String> {
    let mut words = target.split_whitespace();
    let (uri, suite, component) = (words.next()?, words.next()?, words.next()?);
    let ours = suite == wanted || suite.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('-'));
    (ours && component == "main").then(|| format!("deb {uri} {suite} main"))
}

/// A machine that works from a mirror of an older day has told its apt not to mind.
fn apt_options(suite: &str) -> Vec<String> {
    let set = cmd("apt-config").args(["shell", "VALID", "Acquire::Check-Valid-Until", "DATE", "Acquire::Check-Date"]).run();
    let options = [("VALID='false'", "Acquire::Check-Valid-Until"), ("DATE='false'", "Acquire::Check-Date")];
    // Such a mirror's unstable is an older day's, too, of which this machine's apt knows nothing.
    let other = suite == "sid";
    options
        .iter()
        .filter(|(line, _)| other || set.stdout.contains(line))
        .map(|(_, key)| format!("--aptopt={key} \"false\""))
        .collect()
}
