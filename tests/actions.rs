//! The native code of the MSI as msiexec calls it, under Wine; and linkctl.exe. What Wine does not show (permissions as Windows
//! has them) is judged by pure functions: their tests are in the crate native.

mod msi;
#[path = "actions/package.rs"]
mod package;
#[allow(dead_code)] // It uses its own part of it.
#[path = "msi/wine.rs"]
mod wine;

use msi::exit::{DONE, FAILED, SERVICE_FAILED, SERVICE_KEY};
use package::{Package, SETUP_KEY};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};
use wine::Wine;

/// A Windows with the package in drive C.
struct Endpoint {
    wine: Wine,
}

impl Endpoint {
    fn new() -> Self {
        Endpoint { wine: Wine::new() }
    }

    fn with_mounts(script: &str) -> Self {
        Endpoint { wine: Wine::with_mounts(script) }
    }

    fn install(&self, package: &Package, arguments: &[&str]) -> i32 {
        package.save(&self.wine.drive(), "product.msi");
        let _ = fs::remove_file(self.path("log"));
        self.wine.msiexec(&[&["/i", r"C:\product.msi", "/l*v", r"C:\log"], arguments].concat())
    }

    fn path(&self, path: &str) -> PathBuf {
        self.wine.drive().join(path)
    }

    fn root(&self) -> PathBuf {
        self.path("Program Files/Intigua")
    }

    fn config(&self) -> String {
        fs::read_to_string(self.root().join("components/csclient.cfg")).unwrap_or_default()
    }

    /// install.json.
    fn result(&self) -> Value {
        let text = fs::read_to_string(self.path("ProgramData/Intigua/install.json")).expect("there is an install.json");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Outcome and exit code of install.json.
    fn outcome(&self) -> (String, i64) {
        let result = self.result();
        (result["outcome"].as_str().unwrap().to_owned(), result["exit_code"].as_i64().unwrap())
    }

    /// msiexec's log.
    fn log(&self) -> String {
        let bytes = fs::read(self.path("log")).unwrap_or_default();
        match bytes.strip_prefix(b"\xFF\xFE") {
            Some(wide) => {
                let units: Vec<u16> = wide.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
                String::from_utf16_lossy(&units)
            }
            None => String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    fn linkctl(&self, arguments: &[&str]) -> (i32, String) {
        self.wine.run(&[&[r"C:\Program Files\Intigua\bin\linkctl.exe"], arguments].concat())
    }

    fn runs(&self) -> bool {
        self.wine.running_services().contains("Intigua connector")
    }

    /// Nothing of the product is there, but perhaps install.json.
    #[track_caller]
    fn is_untouched(&self) {
        assert!(!self.root().exists(), "{:?}", names(&self.root()));
        assert!(!self.wine.has_key(SERVICE_KEY) && !self.wine.has_key(SETUP_KEY) && !self.wine.has_key("VMI"));
        let left = names(&self.path("ProgramData/Intigua"));
        assert!(left.is_empty() || left == ["install.json"], "{left:?}");
        let temp: Vec<String> = names(&self.path("windows/temp")).into_iter().filter(|name| name.contains("linkpack")).collect();
        assert!(temp.is_empty(), "{temp:?}");
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn check<'a>(result: &'a Value, id: &str) -> &'a Value {
    let found = result["checks"].as_array().unwrap().iter().find(|check| check["id"] == id);
    found.unwrap_or_else(|| panic!("no check {id} in {result}"))
}

#[test]
fn an_installation_is_checked_configured_started_and_recorded() {
    let endpoint = Endpoint::new();
    let asked = [r"RESULT=C:\Program Files\result.json"];
    assert_eq!(endpoint.install(&Package::default(), &asked), DONE, "{}", endpoint.log());
    let result = endpoint.result();
    let copy = fs::read(endpoint.path("Program Files/result.json")).expect("the result that was asked for");
    assert_eq!(serde_json::from_slice::<Value>(&copy).expect("JSON"), result);
    assert_eq!(endpoint.outcome(), ("installed".into(), 0));
    assert_eq!(result["product"], "sample");
    assert_eq!((&result["version"], &result["previous_version"]), (&"1.0.0".into(), &Value::Null));
    assert_eq!((&result["channel"], &result["root"]), (&"msi".into(), &r"C:\Program Files\Intigua".into()));
    assert!(result["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true), "{result}");
    for id in ["privileges", "platform", "other", "temp", "root", "runtime", "space"] {
        check(&result, id);
        assert!(endpoint.log().contains(&format!("check {id}: ok")), "{id}: {}", endpoint.log());
    }
    let expected = "serverUrl: \"https://core.example:443\"\ncontainers: \"*\"\nglobalThrottleCfg.maxCpuPercent: \"50\"\n";
    assert_eq!(endpoint.config(), expected);
    assert!(endpoint.runs());
    assert_eq!(names(&endpoint.path("ProgramData/Intigua")), ["install.json", "logs", "run"]);
    assert_eq!(endpoint.wine.registry(r"VMI\setup", "IntiguaRootDir").as_deref(), Some(r"C:\Program Files\Intigua\"));
}

#[test]
fn everything_that_is_wrong_is_told_at_once_before_any_change() {
    // A read-only Temp, a root that every user may write, a runtime folder that leads elsewhere, and a package as large as the sea.
    let endpoint = Endpoint::with_mounts("mount --bind windows/temp windows/temp && mount -o remount,bind,ro windows/temp");
    let (open, trap) = (endpoint.path("open"), endpoint.path("trap"));
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    fs::create_dir(&trap).unwrap();
    symlink(&trap, endpoint.path("ProgramData/Intigua")).unwrap();
    let package = Package { payload_kb: "999999999999", ..Package::default() };
    let asked = [r"INSTALL_ROOT=C:\open", "IMAGE=maybe", "CONTAINERS=plse", r"RESULT=C:\open\result.json"];
    assert_eq!(endpoint.install(&package, &asked), FAILED);
    let log = endpoint.log();
    for fault in [
        r"cannot create a file in C:\windows\Temp",
        r"Everyone may write in C:\open",
        r"name a new file in a folder that administrators alone can write to",
        r"C:\ProgramData\Intigua is a reparse point",
        "not enough space",
        "IMAGE must be 0 or 1",
        "names plse, which this package does not hold",
        "What to do: ",
    ] {
        assert!(log.contains(fault), "{fault}: {log}");
    }
    assert!(names(&open).is_empty() && names(&trap).is_empty(), "something was written");
    assert!(!endpoint.wine.has_key(SERVICE_KEY) && !endpoint.wine.has_key(SETUP_KEY));
}

#[test]
fn a_refusal_is_recorded_with_the_smallest_code() {
    let endpoint = Endpoint::new();
    fs::remove_dir_all(endpoint.path("windows/temp")).unwrap();
    let huge = Package { payload_kb: "999999999999", ..Package::default() };
    assert_eq!(endpoint.install(&huge, &[]), FAILED);
    assert_eq!(endpoint.outcome(), ("refused".into(), 11));
    let result = endpoint.result();
    assert_eq!(check(&result, "temp")["remedy"], r"mkdir C:\windows\Temp");
    for (id, ok) in [("temp", false), ("space", false), ("root", true), ("runtime", true)] {
        assert_eq!(check(&result, id)["ok"], ok, "{result}");
    }
    fs::create_dir(endpoint.path("windows/temp")).unwrap();
    endpoint.is_untouched();
}

#[test]
fn roots_that_no_service_should_run_from_are_refused() {
    let endpoint = Endpoint::with_mounts("mkdir locked && mount -t tmpfs -o ro,mode=0755 tmpfs locked");
    symlink(endpoint.path("windows"), endpoint.path("link")).unwrap();
    let open = endpoint.path("open");
    fs::create_dir_all(endpoint.path("half/vAgentManager")).unwrap();
    for folder in [&open, &endpoint.path("half/vAgentManager")] {
        fs::create_dir_all(folder).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    }
    for (root, fault) in [
        (r"C:\locked\Intigua", "cannot create a file in"),
        (r"C:\link", "is a reparse point"),
        (r"C:\half", r"Everyone may write in C:\half\vAgentManager"),
        (r"C:\open\below", r"Everyone may replace what is in C:\open"),
        (r"C:\Windows\System32\Intigua", "is Windows itself or below it"),
        (r"C:\Program Files", "all programs share"),
    ] {
        assert_eq!(endpoint.install(&Package::default(), &[&format!("INSTALL_ROOT={root}")]), FAILED, "{root}");
        assert_eq!(endpoint.outcome(), ("refused".into(), 12), "{root}");
        let result = endpoint.result();
        assert!(check(&result, "root")["detail"].as_str().unwrap().contains(fault), "{root}: {result}");
    }
    assert!(!endpoint.wine.has_key(SERVICE_KEY) && !endpoint.wine.has_key(SETUP_KEY));
}

#[test]
fn a_service_that_does_not_stay_up_is_rolled_back_with_the_earlier_config() {
    for flags in [&["-DFAILS"], &["-DDIES"]] {
        let endpoint = Endpoint::new();
        // What another installation left: it must be as before.
        let components = endpoint.root().join("components");
        fs::create_dir_all(&components).unwrap();
        fs::write(components.join("csclient.cfg"), "serverUrl: \"https://edited\"\n").unwrap();
        let expected = if flags == &["-DFAILS"] { SERVICE_FAILED } else { FAILED };
        let package = Package { flags, ..Package::default() };
        assert_eq!(endpoint.install(&package, &["SERVER_URL=https://given"]), expected, "{flags:?}: {}", endpoint.log());
        assert_eq!(endpoint.outcome(), ("rolled_back".into(), 31), "{flags:?}");
        assert_eq!(endpoint.config(), "serverUrl: \"https://edited\"\n");
        assert_eq!(names(&endpoint.root()), ["components"], "{flags:?}");
        assert_eq!(names(&components), ["csclient.cfg"]);
        assert!(!endpoint.wine.has_key(SERVICE_KEY) && !endpoint.wine.has_key("VMI"));
        assert_eq!(names(&endpoint.path("ProgramData/Intigua")), ["install.json"]);
    }
}

#[test]
fn a_failed_first_installation_leaves_nothing_but_its_record() {
    let endpoint = Endpoint::new();
    assert_eq!(endpoint.install(&Package { flags: &["-DFAILS"], ..Package::default() }, &[]), SERVICE_FAILED);
    assert_eq!(endpoint.outcome(), ("rolled_back".into(), 31));
    endpoint.is_untouched();
}

#[test]
fn an_upgrade_keeps_edited_lines_and_changes_only_what_is_given() {
    let endpoint = Endpoint::new();
    assert_eq!(endpoint.install(&Package::default(), &["SERVER_URL=https://first", "FALLBACK_URLS=https://spare"]), DONE);
    let config = endpoint.root().join("components/csclient.cfg");
    let edited = "# mine\nserverUrl: \"https://edited;https://spare\"\ncontainers: \"*\"\n\
                  globalThrottleCfg.maxCpuPercent: \"9\"\nvlinkCoreId: \"id\"\nvlinkMachineId: \"os=1\"\n";
    fs::write(&config, edited).unwrap();
    let next =
        Package { version: "1.1.0", defaults: "globalThrottleCfg.maxCpuPercent: \"50\"\nnew.key: \"x\"\n", ..Package::default() };
    assert_eq!(endpoint.install(&next, &[]), DONE, "{}", endpoint.log());
    assert_eq!(endpoint.config(), format!("{edited}new.key: \"x\"\n"));
    assert_eq!(endpoint.outcome(), ("upgraded".into(), 0));
    assert_eq!(endpoint.result()["previous_version"], "1.0.0");

    let third = Package { version: "1.2.0", ..Package::default() };
    assert_eq!(endpoint.install(&third, &["SERVER_URL=https://third", "CORE_ID=other"]), DONE, "{}", endpoint.log());
    let expected = edited
        .replace("https://edited", "https://third")
        .replace("\"id\"", "\"other\"")
        .replace("vlinkMachineId: \"os=1\"\n", "");
    assert_eq!(endpoint.config(), format!("{expected}new.key: \"x\"\n"));

    assert_eq!(endpoint.wine.msiexec(&["/i", r"C:\product.msi", "REINSTALL=ALL", "REINSTALLMODE=amus"]), DONE);
    assert_eq!(endpoint.outcome(), ("reinstalled".into(), 0));
    assert_eq!(endpoint.config(), format!("{expected}new.key: \"x\"\n"));
}

#[test]
fn a_downgrade_and_another_root_are_recorded_as_refused() {
    let endpoint = Endpoint::new();
    assert_eq!(endpoint.install(&Package { version: "2.0.0", ..Package::default() }, &[]), DONE);
    let config = endpoint.config();
    assert_eq!(endpoint.install(&Package::default(), &[]), FAILED);
    assert_eq!(endpoint.outcome(), ("refused".into(), 17));
    let result = endpoint.result();
    assert_eq!((&result["version"], &result["previous_version"]), (&"1.0.0".into(), &"2.0.0".into()));
    let later = Package { version: "2.1.0", ..Package::default() };
    assert_eq!(endpoint.install(&later, &[r"INSTALL_ROOT=C:\Elsewhere"]), FAILED);
    assert_eq!(endpoint.outcome(), ("refused".into(), 17));
    assert!(check(&endpoint.result(), "other")["detail"].as_str().unwrap().contains(r"C:\Program Files\Intigua already"));
    assert_eq!(endpoint.config(), config);
    assert!(endpoint.runs());
}

#[test]
fn a_foreign_service_of_our_name_is_not_taken_over() {
    let endpoint = Endpoint::new();
    let made = endpoint.wine.run(&["sc", "create", "vAgentManager", "binPath=", r"C:\windows\notepad.exe"]);
    assert_eq!(made.0, DONE, "{made:?}");
    assert_eq!(endpoint.install(&Package::default(), &[]), FAILED);
    assert_eq!(endpoint.outcome(), ("refused".into(), 17));
    assert!(endpoint.wine.registry(SERVICE_KEY, "ImagePath").unwrap().contains("notepad"));
}

#[test]
fn an_image_is_configured_without_identity_and_not_started() {
    let endpoint = Endpoint::new();
    assert_eq!(endpoint.install(&Package::default(), &["IMAGE=1", "CORE_ID=x"]), FAILED);
    assert_eq!(endpoint.outcome(), ("refused".into(), 2));
    let components = endpoint.root().join("components");
    fs::create_dir_all(&components).unwrap();
    fs::write(components.join("csclient.cfg"), "vlinkCoreId: \"old\"\nvlinkMachineId: \"os=1\"\n").unwrap();
    assert_eq!(endpoint.install(&Package::default(), &["IMAGE=1"]), DONE, "{}", endpoint.log());
    assert!(endpoint.config().starts_with("serverUrl:") && !endpoint.config().contains("vlink"), "{}", endpoint.config());
    assert!(!endpoint.runs());
    assert_eq!(endpoint.result()["image"], true);
    assert_eq!(endpoint.wine.registry(SERVICE_KEY, "Start").as_deref(), Some("0x2"));
}

#[test]
fn an_uninstall_is_never_checked_and_leaves_nothing() {
    let endpoint = Endpoint::new();
    assert_eq!(endpoint.install(&Package::default(), &[]), DONE);
    let work = endpoint.root().join("components/pulse");
    fs::create_dir_all(work.join("queue")).unwrap();
    fs::write(work.join("queue/1"), "").unwrap();
    fs::write(endpoint.path("ProgramData/Intigua/logs/vlink.log"), "line\n").unwrap();
    // What would fail every check.
    fs::remove_dir_all(endpoint.path("windows/temp")).unwrap();
    fs::write(endpoint.path("windows/temp"), "").unwrap();
    assert_eq!(endpoint.wine.msiexec(&["/x", r"C:\product.msi", "/l*v", r"C:\log"]), DONE, "{}", endpoint.log());
    assert!(!endpoint.log().contains("check temp"), "{}", endpoint.log());
    assert!(!endpoint.path("ProgramData/Intigua").exists(), "{:?}", names(&endpoint.path("ProgramData/Intigua")));
    endpoint.is_untouched();
}

#[test]
fn an_installation_goes_back_to_a_killed_ones_folder_and_not_to_its_notes() {
    let endpoint = Endpoint::new();
    let undo = endpoint.path("ProgramData/Intigua/undo");
    fs::create_dir_all(&undo).unwrap();
    fs::write(undo.join("journal"), "run=2020-01-01T00:00:00Z\nconfig=kept\n").unwrap();
    fs::write(undo.join("csclient.cfg"), "serverUrl: \"https://stale\"\n").unwrap();
    assert_eq!(endpoint.install(&Package { flags: &["-DFAILS"], ..Package::default() }, &[]), SERVICE_FAILED);
    assert_eq!(endpoint.outcome(), ("rolled_back".into(), 31));
    assert!(!endpoint.config().contains("stale"));
    endpoint.is_untouched();
}

#[test]
fn linkctl_shows_stops_starts_and_checks() {
    let endpoint = Endpoint::new();
    assert_eq!(endpoint.install(&Package::default(), &[]), DONE);
    let (code, text) = endpoint.linkctl(&["status"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("Intigua sample 1.0.0 is running (C:\\Program Files\\Intigua, .msi)"), "{text}");
    assert!(text.contains("  pulse                unknown"), "{text}");
    let row = "container\tpulse\trunning\t77\t2\t1.0\t-\n";
    fs::write(endpoint.path("ProgramData/Intigua/run/status"), row).unwrap();
    let (_, json) = endpoint.linkctl(&["containers", "--json"]);
    let rows: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&rows[0]["name"], &rows[0]["pid"], &rows[0]["restarts"]), (&"pulse".into(), &77.into(), &2.into()));
    // Nagios and Prometheus; a link, here a folder, is no file to write.
    let dead = "container\tpulse\tfailed\t0\t1\t1.0\ta|b\n";
    fs::write(endpoint.path("ProgramData/Intigua/run/status"), dead).unwrap();
    let (code, text) = endpoint.linkctl(&["status", "--nagios"]);
    assert!(
        code == 2 && text.starts_with("VLINK CRITICAL - Intigua sample 1.0.0 runs; container pulse has died: a/b|"),
        "{code} {text}"
    );
    fs::write(endpoint.path("ProgramData/Intigua/run/status"), row).unwrap();
    let (code, text) = endpoint.linkctl(&["status", "--nagios"]);
    assert!(code == 0 && text.contains("|containers=1;;;0;") && text.trim_end().ends_with("restarts=2c;;;0"), "{code} {text}");
    assert_eq!(endpoint.linkctl(&["status", "--prometheus", r"C:\Program Files\link.prom"]).0, 0);
    let text = fs::read_to_string(endpoint.path("Program Files/link.prom")).unwrap();
    assert!(
        text.contains("\nvlink_up 1\n") && text.contains("\nvlink_container_restarts_total{container=\"pulse\"} 2\n"),
        "{text}"
    );
    assert_eq!(endpoint.linkctl(&["status", "--prometheus", r"C:\Program Files"]).0, 2);
    assert_eq!((endpoint.linkctl(&["status", "--nagios", "--json"]).0, endpoint.linkctl(&["check", "--nagios"]).0), (3, 3));
    // Wine registers the service without quotes, and this one does not mend that as the connector does.
    let (code, json) = endpoint.linkctl(&["check", "--json"]);
    assert!(code == 1 && json.contains("not in quotes"), "{code} {json}");
    let quoted = r#""C:\Program Files\Intigua\vAgentManager\vlinkservice.exe" run"#;
    endpoint.wine.run(&["reg", "add", &format!(r"HKLM\{SERVICE_KEY}"), "/v", "ImagePath", "/d", quoted, "/f"]);
    let (code, json) = endpoint.linkctl(&["check", "--json"]);
    assert_eq!(code, 0, "{json}");
    assert!(!json.contains("\"core\""), "a connector without a try of its own: {json}");
    assert!(endpoint.linkctl(&["check", "--core", "--json"]).1.contains("no check of its own"));

    assert_eq!(endpoint.linkctl(&["stop"]).0, 0);
    assert!(!endpoint.runs());
    let (code, json) = endpoint.linkctl(&["status", "--json"]);
    let status: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &status["service"], &status["channel"]), (3, &"stopped".into(), &"msi".into()));
    let (code, json) = endpoint.linkctl(&["check", "--json"]);
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &report["ok"], &check(&report, "running")["ok"]), (1, &false.into(), &false.into()), "{json}");
    assert_eq!(endpoint.linkctl(&["start"]).0, 0);
    assert!(endpoint.runs());

    fs::write(endpoint.path("ProgramData/Intigua/logs/vlink.log"), "one\ntwo\nthree\n").unwrap();
    assert_eq!(endpoint.linkctl(&["logs", "-n", "2"]), (0, "two\nthree\n".into()));
    assert_eq!(endpoint.linkctl(&["logs", r"..\install"]).0, 2);
    assert_eq!(endpoint.linkctl(&["logs", "nobody"]).0, 30);
    assert_eq!((endpoint.linkctl(&[]).0, endpoint.linkctl(&["fly"]).0, endpoint.linkctl(&["seal", "--hard"]).0), (2, 2, 2));
    assert_eq!(endpoint.linkctl(&["--version"]), (0, "Intigua sample 1.0.0\r\n".replace('\r', "")));
    assert!(endpoint.linkctl(&["--help"]).1.starts_with("usage: linkctl VERB"));
}

#[test]
fn a_sealed_machine_has_no_identity_and_still_starts_at_boot() {
    let endpoint = Endpoint::new();
    assert_eq!(endpoint.install(&Package::default(), &["CORE_ID=template"]), DONE);
    let root = endpoint.root();
    for file in ["components/pulse/queue/1", "vAgentManager/certs/key.pem"] {
        fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        fs::write(root.join(file), "").unwrap();
    }
    fs::write(endpoint.path("ProgramData/Intigua/logs/vlink.log"), "line\n").unwrap();
    fs::write(endpoint.path("ProgramData/Intigua/run/status"), "").unwrap();
    let config = root.join("components/csclient.cfg");
    fs::write(&config, endpoint.config() + "vlinkMachineId: \"os=1\"\nown.key: \"x\"\n").unwrap();
    assert!(endpoint.config().contains("template"));

    let (code, text) = endpoint.linkctl(&["seal"]);
    assert_eq!(code, 0, "{text}");
    for removed in
        [r"csclient.cfg: vlinkCoreId, vlinkMachineId", r"components\pulse", r"vAgentManager\certs", r"logs\vlink.log", "CORE_ID"]
    {
        assert!(text.contains(removed), "{removed}: {text}");
    }
    assert!(!endpoint.runs());
    assert!(endpoint.config().contains("own.key") && !endpoint.config().contains("vlink"), "{}", endpoint.config());
    assert_eq!(names(&root.join("components")), ["csclient.cfg"]);
    assert!(!root.join("vAgentManager/certs").exists() && root.join("vAgentManager/vlinkservice.exe").exists());
    assert!(
        names(&endpoint.path("ProgramData/Intigua/logs")).is_empty()
            && names(&endpoint.path("ProgramData/Intigua/run")).is_empty()
    );
    assert_eq!(endpoint.outcome(), ("installed".into(), 0));
    assert_eq!(endpoint.wine.registry(SERVICE_KEY, "Start").as_deref(), Some("0x2"));
    assert_eq!(endpoint.wine.registry(SETUP_KEY, "CORE_ID").unwrap_or_default(), "");
    // A repaired clone does not become the template again.
    assert_eq!(endpoint.wine.msiexec(&["/i", r"C:\product.msi", "REINSTALL=ALL", "REINSTALLMODE=amus"]), DONE);
    assert!(!endpoint.config().contains("template"), "{}", endpoint.config());
}

#[test]
fn linkctl_uninstalls_by_windows_installer() {
    let endpoint = Endpoint::new();
    assert_eq!(endpoint.install(&Package::default(), &[]), DONE);
    // While msiexec runs, the program is out of its way; where that fails, it is back.
    let msiexec = endpoint.path("windows/system32/msiexec.exe");
    let real = fs::read(&msiexec).unwrap();
    let failing = msi::compile("uninstaller.c", &[]);
    fs::remove_file(&msiexec).unwrap();
    fs::write(&msiexec, failing).unwrap();
    let overrides = r"HKCU\Software\Wine\DllOverrides";
    endpoint.wine.run(&["reg", "add", overrides, "/v", "msiexec.exe", "/d", "native", "/f"]);
    let (code, text) = endpoint.linkctl(&["uninstall"]);
    assert_eq!(code, 3, "{text}");
    endpoint.wine.run(&["reg", "delete", overrides, "/v", "msiexec.exe", "/f"]);
    assert!(endpoint.path("Program Files/Intigua/bin/linkctl.exe").exists());
    fs::write(&msiexec, real).unwrap();
    let (code, text) = endpoint.linkctl(&["uninstall"]);
    assert_eq!(code, 0, "{text}");
    assert!(!endpoint.path("Program Files/Intigua").exists());
    // A program that runs goes when Windows starts the next time.
    let left: Vec<String> =
        names(&endpoint.path("windows/temp")).into_iter().filter(|name| name.starts_with("linkctl-")).collect();
    let asked = [r"HKLM\System\CurrentControlSet\Control\Session Manager", "/v", "PendingFileRenameOperations"];
    let (_, pending) = endpoint.wine.run(&[["reg", "query"].as_slice(), &asked].concat());
    assert!(left.len() == 1 && pending.contains(&left[0]), "{left:?}: {pending}");
    assert!(!endpoint.wine.has_key(SERVICE_KEY) && !endpoint.path("ProgramData/Intigua").exists());
}

#[test]
fn what_a_link_leads_to_survives_seal_and_uninstall() {
    let endpoint = Endpoint::new();
    assert_eq!(endpoint.install(&Package::default(), &[]), DONE);
    let outside = endpoint.path("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("precious"), "").unwrap();
    for place in [endpoint.root().join("components/link"), endpoint.path("ProgramData/Intigua/logs/link")] {
        symlink(&outside, place).unwrap();
    }
    // Wine cannot remove a link to a folder: that is told, not passed over.
    assert_eq!(endpoint.linkctl(&["seal"]).0, 30);
    assert_eq!(names(&outside), ["precious"]);
    assert_eq!(endpoint.wine.msiexec(&["/x", r"C:\product.msi"]), DONE);
    assert_eq!(names(&outside), ["precious"]);
}
