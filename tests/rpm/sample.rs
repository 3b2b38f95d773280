//! Packages of the sample product, and endpoints for them: roots with real rpm and dnf in them.
use crate::common::{cmd, shell_package, Cmd, Place, Scratch};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// The package's name.
pub const NAME: &str = "intigua-sample";
/// The packaged root.
pub const ROOT: &str = "/usr/local/intigua";
/// The answer file.
pub const ANSWERS: &str = "/etc/intigua/install.conf";
/// Where [`Endpoint::offer`] puts packages: not below /tmp, which some tests cover.
pub const SHELF: &str = "/srv/packages";

/// The sample product of one version, with a file that administrators edit and one that only this version has.
pub struct Sample {
    folder: tempfile::TempDir,
    version: String,
}

impl Sample {
    pub fn new(version: &str) -> Sample {
        let sample = Sample { folder: tempfile::tempdir().expect("make a folder for a product"), version: version.to_owned() };
        linkpack().args(["init", "--sample"]).arg(sample.path("")).run().ok();
        sample
            .edit("version = \"1.0.0\"\npublisher", &format!("version = \"{version}\"\npublisher"))
            .edit("\"containers/pulse\"", "{ source = \"containers/pulse\", config = [\"etc/*\"] }")
            .file("containers/pulse/etc/pulse.conf", &format!("# of {version}\n"))
            .file(&format!("containers/pulse/share/{version}/only"), "here\n")
    }

    /// The connector ends at once.
    pub fn broken(self) -> Sample {
        self.file("connector/vlink", "#!/bin/sh\necho 'this version does not work' >&2\nexit 1\n")
    }

    /// Replaces a text of the manifest.
    #[track_caller]
    pub fn edit(self, from: &str, to: &str) -> Sample {
        let path = self.path("linkpack.toml");
        let text = fs::read_to_string(&path).expect("read the manifest");
        assert!(text.contains(from), "the sample's manifest has no {from:?}:\n{text}");
        fs::write(path, text.replace(from, to)).expect("write the manifest");
        self
    }

    /// Writes a file of the product; a script is executable.
    pub fn file(self, name: &str, text: &str) -> Sample {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("make a folder of the product");
        fs::write(&path, text).expect("write a file of the product");
        let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set its mode");
        self
    }

    /// Sets the mode of a file of the product.
    pub fn mode(self, name: &str, mode: u32) -> Sample {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).expect("set a mode");
        self
    }

    /// Builds the RPM; it goes with the sample.
    pub fn build(&self) -> PathBuf {
        linkpack().args(["build", "--no-cache", "-f", "rpm"]).dir(self.path("")).run().ok();
        self.path(&format!("dist/{NAME}-{}-1.x86_64.rpm", self.version))
    }

    /// The same for the sample's site, `sites/example.toml`.
    pub fn build_site(&self) -> PathBuf {
        linkpack()
            .args(["build", "--no-cache", "-f", "rpm", "-s", "sites/example.toml", "-o", "site"])
            .dir(self.path(""))
            .run()
            .ok();
        self.path(&format!("site/{NAME}-example-{}-1.x86_64.rpm", self.version))
    }

    /// The .run of the same version.
    pub fn build_run(&self) -> PathBuf {
        linkpack().args(["build", "--no-cache", "-f", "run", "-o", "run"]).dir(self.path("")).run().ok();
        self.path(&format!("run/{NAME}-{}-linux-x86_64.run", self.version))
    }

    /// Changes the sample's site by a script of sed.
    pub fn edit_site(self, script: &str) -> Sample {
        self.shell(&format!("sed -i '{script}' sites/example.toml"));
        self
    }

    /// Runs a shell script in the product's folder.
    #[track_caller]
    pub fn shell(&self, script: &str) {
        cmd("sh").args(["-ec", script]).dir(self.path("")).run().ok();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn linkpack() -> Cmd {
    cmd(env!("CARGO_BIN_EXE_linkpack")).env("SOURCE_DATE_EPOCH", "1700000000")
}

/// A root whose rpm knows a shell, so that the sample's requirements are met without --nodeps.
pub fn endpoint(samples: &[Sample]) -> Scratch {
    let scratch = Scratch::debian();
    scratch.copy_in(&shell_package(), "/srv/shell.rpm");
    scratch.sh("rpm -i /srv/shell.rpm && rm /srv/shell.rpm").ok();
    samples.iter().for_each(|sample| offer(&scratch, sample));
    scratch
}

/// Puts a sample's package on the shelf, as VERSION.rpm.
pub fn offer(place: &(impl Place + Sized), sample: &Sample) {
    place.copy_in(&sample.build(), &format!("{SHELF}/{}.rpm", sample.version));
}

/// Puts a package on the shelf under a name.
pub fn offer_as(place: &(impl Place + Sized), package: &std::path::Path, name: &str) {
    place.copy_in(package, &format!("{SHELF}/{name}"));
}

/// What a test asks of an endpoint that has the sample, or had it.
pub trait Endpoint: Place + Sized {
    /// `rpm ACTION VERSION.rpm`, for instance `rpm("-U --oldpackage", "1.0.0")`.
    fn rpm(&self, action: &str, version: &str) -> crate::common::Output {
        self.sh(&format!("rpm {action} {SHELF}/{version}.rpm"))
    }

    /// Erases the package with all that an erasure keeps for a reinstallation: identity, queues, logs, edited files.
    fn purge(&self, root: &str) -> crate::common::Output {
        self.sh(&format!("'{root}/bin/linkctl' purge && rpm -e {NAME}"))
    }

    /// install.json as rpm's scriptlets left it.
    #[track_caller]
    fn result(&self) -> serde_json::Value {
        let text = self.read("/var/log/intigua/install.json");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("install.json is no JSON ({error}):\n{text}"))
    }

    /// install.json says how it went.
    #[track_caller]
    fn reports(&self, outcome: &str, code: i64) -> serde_json::Value {
        let result = self.result();
        assert_eq!((result["outcome"].as_str(), result["exit_code"].as_i64()), (Some(outcome), Some(code)), "{result:#}");
        result
    }

    /// The service runs below `root`, is enabled, is registered everywhere, and rpm finds nothing changed.
    #[track_caller]
    fn is_whole(&self, version: &str, root: &str) {
        assert_eq!(self.sh("systemctl is-active vlink; systemctl is-enabled vlink").stdout, "active\nenabled\n");
        self.sh(&format!("readlink -f \"/proc/$(systemctl show -P MainPID vlink)/exe\" | grep -qxF \"$(readlink -f '{root}')/vAgentManager/vlink\"")).ok();
        self.is_registered(version, root);
    }

    /// The files of one version are there, and every place names the same root.
    #[track_caller]
    fn is_registered(&self, version: &str, root: &str) {
        for link in ["/etc/rc3.d/S30vlink", "/etc/rc5.d/S30vlink"] {
            assert_eq!(self.cmd("readlink").args(["-f", link]).run().ok().line(), "/etc/init.d/vlink");
        }
        self.cmd("grep").args(["-qF", root, "/etc/init.d/vlink"]).run().ok();
        self.cmd("grep").args(["-qF", root, "/lib/systemd/system/vlink.service"]).run().ok();
        self.has_files(version, root);
    }

    /// The files of one version and of no other are there, and rpm finds them whole.
    #[track_caller]
    fn has_files(&self, version: &str, root: &str) {
        assert_eq!(self.read("/etc/intigua/location.conf"), format!("{root}\n"));
        assert!(self.exists(&format!("{root}/Intigua-Libs/pulse/share/{version}/only")), "{version} has its file");
        assert_eq!(self.sh(&format!("ls '{root}/Intigua-Libs/pulse/share'")).ok().line(), version);
        assert_eq!(self.sh(&format!("rpm -q {NAME}")).ok().line(), format!("{NAME}-{version}-1.x86_64"));
        assert_eq!(self.sh(&format!("rpm -V {NAME}")).ok().stdout, "");
        assert!(!self.exists(&format!("{root}/.linkpack/previous")) && !self.exists("/var/lib/intigua/journal"));
    }

    /// How often systemd has started the service.
    #[track_caller]
    fn starts(&self) -> usize {
        let journal = self.sh("journalctl --sync; journalctl -q -o cat -u vlink").ok();
        journal.stdout.lines().filter(|line| line.starts_with("Started ")).count()
    }

    /// The identity that the connector made for itself.
    #[track_caller]
    fn identity(&self, root: &str) -> String {
        let script = r#"for i in 1 2 3 4 5 6 7 8 9 10; do grep '^vlinkCoreId: ".' "$1/components/csclient.cfg" && exit; sleep 1; done; exit 1"#;
        self.cmd("sh").args(["-c", script, "sh", root]).run().ok().stdout
    }

    /// Everything there is, apart from rpm's database, packages, and what a running system writes by itself.
    #[track_caller]
    fn files(&self) -> Vec<String> {
        const MOVING: [&str; 9] = [
            " /var/lib/rpm",
            " /var/lib/dnf",
            " /var/cache/dnf",
            " /var/log/dnf",
            " /var/log/hawkey",
            " /var/log/journal",
            " /srv",
            " /var/lib/systemd",
            " /root",
        ];
        let moving = |line: &String| MOVING.iter().any(|path| line.contains(path));
        self.tree("/").into_iter().filter(|line| !moving(line)).collect()
    }
}

impl<P: Place> Endpoint for P {}

/// The lines of one listing that the other has not.
pub fn difference(one: &[String], other: &[String]) -> Vec<String> {
    one.iter().filter(|line| !other.contains(line)).cloned().collect()
}

/// Two listings are the same.
#[track_caller]
pub fn unchanged(before: &[String], after: &[String]) {
    let (gone, new) = (difference(before, after), difference(after, before));
    assert!(gone.is_empty() && new.is_empty(), "gone or changed: {gone:#?}\nnew or changed: {new:#?}");
}
