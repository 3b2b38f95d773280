//! The channel vmware: deploy.py with the real pyvmomi, against a vCenter of the tests whose machines are Debian roots.
use crate::common::{cmd, need, Output, Place, Scratch};
use crate::material::{command_of, copy, make, NAME};
use serde_json::{json, Value};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ends with the test.
struct Center {
    child: Child,
    port: String,
}

impl Drop for Center {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn center(at: &Path) -> Center {
    let made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=center -addext subjectAltName=IP:127.0.0.1 -keyout tls.key -out tls.pem";
    cmd("openssl").args(made.split(' ')).dir(at).run().ok();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/kit/vcenter/fake.py");
    let log = fs::File::create(at.join("center.log")).unwrap();
    let child = Command::new("/usr/bin/python3")
        .arg(script)
        .args(["state.json", "port", "tls.pem", "tls.key"].map(|name| at.join(name)))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("python3");
    let mut center = Center { child, port: String::new() };
    let end = Instant::now() + Duration::from_secs(60);
    while center.port.is_empty() {
        assert!(Instant::now() < end, "{}", fs::read_to_string(at.join("center.log")).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(50));
        center.port = fs::read_to_string(at.join("port")).unwrap_or_default();
    }
    center
}

/// deploy.py of the kit, with passwords from files.
struct Deploy<'a> {
    at: &'a Path,
    port: &'a str,
}

impl Deploy<'_> {
    fn run(&self, arguments: &str) -> Output {
        self.words(&format!("{arguments} --vcenter 127.0.0.1 --user admin --machines machines.csv"))
    }

    /// As the page in the kit has it, with what is this site's own.
    fn by_the_page(&self) -> Output {
        let command = command_of(&self.at.join("kit"), "vmware", "deploy.py install --vcenter ");
        let own = command.replace("vc.example", "127.0.0.1").replace("admin@vsphere.local", "admin");
        self.words(own.strip_prefix("deploy.py ").unwrap())
    }

    fn words(&self, arguments: &str) -> Output {
        let port = self.port;
        let common =
            format!("--port {port} --ca tls.pem --password-file center.pw --guest-password-file guest.pw --timeout reach=4");
        let script = self.at.join("kit/channels/vmware/deploy.py");
        cmd("/usr/bin/python3")
            .arg(script)
            .args(arguments.split_whitespace())
            .args(common.split_whitespace())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONWARNINGS", "ignore")
            .dir(self.at)
            .limit(120)
            .run()
    }

    /// The row of a machine in the report.
    fn row(&self, name: &str) -> Value {
        let report: Value = serde_json::from_str(&fs::read_to_string(self.at.join("report/report.json")).unwrap()).unwrap();
        let rows = report["machines"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name} in {report}")).clone()
    }

    fn calls(&self, begin: &str) -> usize {
        fs::read_to_string(self.at.join("state.json.calls"))
            .unwrap_or_default()
            .lines()
            .filter(|line| line.starts_with(begin))
            .count()
    }
}

fn private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A collection is what its lists say, and its facts are those of the other channels.
const COLLECTION: &str = r#"
import glob, hashlib, json, sys, tarfile
(path,) = glob.glob(sys.argv[1] + "/ansible/*.tar.gz")
tar = tarfile.open(path)
files = {member.name: member for member in tar.getmembers()}
text = lambda name: tar.extractfile(files[name]).read()
manifest, listed = json.loads(text("MANIFEST.json")), json.loads(text("FILES.json"))["files"]
assert manifest["file_manifest_file"]["chksum_sha256"] == hashlib.sha256(text("FILES.json")).hexdigest()
assert {row["name"] for row in listed} - {"."} == set(files) - {"MANIFEST.json", "FILES.json"}
for row in listed:
    assert row["ftype"] != "file" or row["chksum_sha256"] == hashlib.sha256(text(row["name"])).hexdigest(), row
for name in files:
    if name.endswith(".py"):
        compile(text(name), name, "exec")
        assert b"@" + b"NAMESPACE@" not in text(name), name
space = {}
exec(text("plugins/module_utils/facts.py"), space)
facts = json.load(open(sys.argv[1] + "/vmware/facts.json", encoding="utf-8"))
for key in ("settings", "exit_codes", "timeouts", "retry"):
    assert space["FACTS"][key] == facts[key], key
assert facts["timeouts"]["install"] == 300 and facts["retry"] == {"first": 1.0, "factor": 2, "max": 60.0}
"#;

#[test]
fn machines_of_a_vcenter_are_installed_upgraded_resumed_and_removed() {
    need("python3", "python3");
    let found = cmd("/usr/bin/python3").args(["-W", "ignore", "-c", "import pyVmomi"]).run();
    assert!(found.code == Some(0), "pyvmomi is missing: apt-get install python3-pyvmomi\n{found}");
    let folder = copy();
    let at = folder.path();
    // The packages for Linux machines alone: the kit is made in no time.
    let package = |version: &str| format!("dist-{version}/{NAME}-{version}-linux-x86_64.run");
    make(at, &format!("{} {} -o kit -c vmware,ansible,salt,puppet", package("1.0.0"), package("1.1.0"))).run().ok();
    // What no tool here can run is read at least.
    cmd("shellcheck").arg(at.join("kit/channels/vmware/deploy.sh")).run().ok();
    cmd("/usr/bin/python3").args(["-c", COLLECTION, "kit/channels"]).dir(at).run().ok();
    let scratch = Scratch::debian();
    let machine = scratch.live_sysv();
    let root = format!("/proc/{}/root", machine.pid());
    let state = |more: Value| {
        let mut one = json!({ "root": root, "pid": machine.pid(), "password": "guest-pw" });
        one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fs::write(at.join("state.json"), json!({ "machines": { "web 01": one } }).to_string()).unwrap();
    };
    state(json!({}));
    private(&at.join("center.pw"), "center-pw\n");
    private(&at.join("guest.pw"), "guest-pw\n");
    let csv = |version: &str, more: &str| {
        let text =
            format!("name,package,SERVER_URL\nweb 01,{NAME}-{version}-linux-x86_64.run,https://core.example/$HOME`%20\n{more}");
        fs::write(at.join("machines.csv"), text).unwrap();
    };
    let center = center(at);
    let deploy = Deploy { at, port: &center.port };

    // One machine that is, one that is not, and a copy that is damaged on its way at first.
    csv("1.0.0", "no-such,,\n");
    fs::write(at.join("state.json.flip"), "").unwrap();
    deploy.by_the_page().exits(1).says("no machine of this name");
    let row = deploy.row("web 01");
    assert_eq!(
        (&row["outcome"], &row["install"]["outcome"], &row["exit_code"]),
        (&"success".into(), &"installed".into(), &0.into()),
        "{row}"
    );
    assert_eq!((deploy.calls("upload"), &row["waited"]), (2, &json!([1.0])), "{row}");
    assert!(machine.read("/usr/local/intigua/components/csclient.cfg").contains("https://core.example/$HOME`%20"));
    assert_eq!(machine.sh("ls -A /var/tmp").ok().stdout, "", "nothing is left");
    let page = fs::read_to_string(at.join("report/report.html")).unwrap();
    assert!(page.contains("<td>web 01</td>") && !page.contains("guest-pw") && !page.contains("center-pw"), "{page}");
    // What is done is left out; a resumed run that is asked for something else does it.
    let begun = deploy.calls("start");
    csv("1.0.0", "");
    deploy.run("install --resume").ok();
    assert_eq!(deploy.calls("start"), begun);
    csv("1.1.0", "");
    deploy.run("install --resume").ok();
    assert_eq!(deploy.row("web 01")["install"]["outcome"], "upgraded");
    deploy.run("upgrade").ok();
    assert_eq!(deploy.row("web 01")["install"]["outcome"], "unchanged");
    deploy.run("status").ok();

    // The guest is gone once the program has been started: given up in time, and taken up again.
    state(json!({ "away_after_start": true }));
    deploy.run("upgrade --timeout install=1").exits(1).says("the guest does not answer");
    state(json!({}));
    deploy.run("upgrade --resume").ok();
    // It comes back only while we wait for it.
    state(json!({ "starting": true }));
    deploy.run("status").exits(1).says("VMware Tools do not answer");
    state(json!({ "password": "another" }));
    deploy.run("status").exits(1).says("does not accept the user and password");
    assert_eq!(deploy.row("web 01")["tries"], json!({ "reach": 2 }), "a wrong password is not tried again");
    state(json!({}));

    // Busy until two tries were made.
    machine.sh("flock -x /var/lib/intigua/lock sh -c 'until [ -e /run/free ]; do sleep 0.1; done' >/dev/null 2>&1 &").ok();
    fs::write(at.join("machines.csv"), format!("name,package,SERVER_URL\nweb 01,{NAME}-1.1.0-linux-x86_64.run,https://other\n"))
        .unwrap();
    let begun = deploy.calls("start");
    std::thread::scope(|scope| {
        let upgrade = scope.spawn(|| deploy.run("upgrade"));
        while deploy.calls("start") < begun + 2 && !upgrade.is_finished() {
            std::thread::sleep(Duration::from_millis(50));
        }
        machine.write("/run/free", "");
        upgrade.join().unwrap().ok();
    });
    assert_eq!(deploy.row("web 01")["waited"][0], 1.0, "{}", deploy.row("web 01"));
    // The package's own refusal is told by its own code.
    fs::write(at.join("machines.csv"), format!("name,package,SERVER_URL\nweb 01,{NAME}-1.0.0-linux-x86_64.run,\n")).unwrap();
    deploy.run("install").exits(1);
    assert_eq!((&deploy.row("web 01")["exit_code"], &deploy.row("web 01")["install"]["exit_code"]), (&17.into(), &17.into()));
    deploy.run("uninstall --purge").ok();
    assert!(!machine.exists("/usr/local/intigua"));
    deploy.run("status").exits(1).says("nothing is installed");

    // Without guest credentials.
    deploy.run("guestinfo --user-data kit/channels/vmware/user-data.yaml").ok();
    let config = fs::read_to_string(at.join("state.json.config.web 01")).unwrap();
    assert!(config.contains("guestinfo.userdata.encoding") && config.contains("gzip+base64"), "{config}");
    fs::write(at.join("iso"), "[store] kit.iso").unwrap();
    let drive = cmd("/usr/bin/python3").args(["-W", "ignore"]).arg(at.join("kit/channels/vmware/deploy.py"));
    let common =
        ["--vcenter", "127.0.0.1", "--port", &center.port, "--ca", "tls.pem", "--user", "admin", "--password-file", "center.pw"];
    drive.args(["attach-iso", "--iso", "[store] kit.iso", "--machines", "machines.csv"]).args(common).dir(at).run().ok();
    assert!(fs::read_to_string(at.join("state.json.config.web 01")).unwrap().contains("[store] kit.iso"));

    // What is wrong is said before anything is called.
    fs::set_permissions(at.join("guest.pw"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    deploy.run("status").exits(2).says("chmod 600 guest.pw");
    fs::set_permissions(at.join("guest.pw"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    fs::write(at.join("machines.csv"), "name,FROB\nweb 01,1\n").unwrap();
    deploy.run("status").exits(2).says("FROB");
    csv("1.1.0", "");
    private(&at.join("center.pw"), "wrong\n");
    deploy.run("status").exits(2).says("cannot be used");
}
