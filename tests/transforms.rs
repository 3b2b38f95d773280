//! `linkpack build -f mst`: a site's transform over one MSI, as msiexec plays it under Wine and as linkpack reads it back.

#[path = "msiexec/endpoint.rs"]
mod endpoint;
mod msi;
#[path = "msi/sample.rs"]
mod sample;
#[path = "msi/wine.rs"]
mod wine;

use endpoint::{text, Endpoint};
use msi::exit::{DONE, FAILED};
use sample::{files, Sample};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SITE: &str = "server-url = \"https://site.example\"\ncontainers = [\"pulse\"]\nroot = { windows = 'D:\\Site Root' }\n\
                    throttle = { max-cpu-percent = 20 }\n[settings]\nown.key = \"a;b|c [x]\"\n";

/// Builds the transform of a site file with this text.
fn transform(sample: &Sample, site: &str, more: &[&str]) -> PathBuf {
    sample.write("acme.toml", site);
    let output = sample.build(&[&["-f", "mst", "-s", "acme.toml"], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    sample.product("dist/intigua-sample-acme.mst")
}

fn linkpack(arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linkpack"));
    let output = command.args(arguments).env("SOURCE_DATE_EPOCH", "1750000000").output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[track_caller]
fn has(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?}: {said}");
    }
}

/// The transform beside the MSI on drive C.
fn bring(endpoint: &Endpoint, transform: &Path) {
    fs::copy(transform, endpoint.c("acme.mst")).unwrap();
}

const APPLIED: &str = r"TRANSFORMS=C:\acme.mst";

#[test]
fn a_sites_transform_gives_defaults_that_what_was_kept_and_the_command_line_go_before() {
    let endpoint = Endpoint::new();
    let sample = Sample::new();
    let mst = transform(&sample, SITE, &[]);
    bring(&endpoint, &mst);
    let one = endpoint.take(&sample);
    let next = Sample::version("1.1.0");
    endpoint.msiexec(&["/i", &one, APPLIED, "TOKEN_FILE=C:\\own token"], DONE);
    let config = endpoint.d("Site Root/components/csclient.cfg");
    has(
        &text(&config),
        &[
            "serverUrl: \"https://site.example;https://core2.example.com:443\"",
            "tokenFile: \"C:\\\\own token\"",
            "containers: \"pulse\"",
            "maxCpuPercent: \"20\"",
            "own.key: \"a;b|c [x]\"",
        ],
    );
    assert!(endpoint.runs() && !endpoint.root().exists());
    assert!(!endpoint.d("Site Root/Intigua-Libs/tracer").exists());
    for (name, value) in [("SERVER_URL", "https://site.example"), ("CONTAINERS", "pulse"), ("IntiguaRootDir", r"D:\Site Root\")] {
        assert_eq!(endpoint.setting(name).as_deref(), Some(value));
    }

    // Kept before the transform, also where Windows Installer applies it again.
    endpoint.msiexec(&["/i", &one, APPLIED, "SERVER_URL=https://special.example", "REINSTALL=ALL", "REINSTALLMODE=amus"], DONE);
    let edited = text(&config).replace("own.key: \"a;b|c [x]\"", "own.key: \"edited\"");
    fs::write(&config, edited).unwrap();
    endpoint.msiexec(&["/i", &one, APPLIED, "REINSTALL=ALL", "REINSTALLMODE=amus"], DONE);
    has(&text(&config), &["https://special.example", "own.key: \"edited\""]);
    assert_eq!(endpoint.setting("SERVER_URL").as_deref(), Some("https://special.example"));

    // It was made for 1.0.0, and fits 1.1.0: a group policy's startup script upgrades with it, once.
    let (kit, started) = startup(&endpoint, &next, &mst);
    assert_eq!(started(), DONE);
    endpoint.ended("upgraded", 0);
    let before = endpoint.result();
    assert_eq!(started(), DONE);
    assert_eq!(endpoint.result(), before, "nothing is installed where the version is there");
    let log = text(&endpoint.c("windows/temp/intigua-sample-1.1.0-x64.startup.log"));
    has(&log, &["installing 1.1.0; found: 1.0.0\n", "msiexec ended with 0\n", "version 1.1.0 is there, nothing to do\n"]);
    has(&text(&config), &["https://special.example", "own.key: \"edited\"", "containers: \"pulse\""]);
    assert!(endpoint.runs() && !endpoint.d("Site Root/Intigua-Libs/tracer").exists());
    assert_eq!(endpoint.setting("Version").as_deref(), Some("1.1.0"));
    detected_and_removed(&endpoint, &kit);
}

/// What ConfigMgr, Intune and programs are told of the MSI is so on this machine: detection, the result, the uninstall command.
fn detected_and_removed(endpoint: &Endpoint, kit: &Path) {
    let stem = "intigua-sample-1.1.0-x64";
    let read = |file: &str| -> serde_json::Value {
        let text = fs::read_to_string(kit.join("channels").join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        serde_json::from_str(&text).unwrap()
    };
    let application = read(&format!("sccm/{stem}/application.json"));
    let rule = &read(&format!("intune/{stem}.json"))["rules"][0];
    let text_of = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    for (key, value, version) in [
        (&application["detection"]["key"], &application["detection"]["value"], &application["detection"]["version"]),
        (&rule["keyPath"], &rule["valueName"], &rule["comparisonValue"]),
    ] {
        let key = text_of(key).replace("HKEY_LOCAL_MACHINE", "HKLM");
        let found = endpoint.wine.registry(key.trim_start_matches(r"HKLM\"), &text_of(value));
        assert_eq!(found, Some(text_of(version)), "{key}");
    }
    let result = text_of(&application["result"]).replace("%ProgramData%", "ProgramData").replace('\\', "/");
    assert!(endpoint.c(&result).is_file(), "{result}");
    for process in application["processes"].as_array().unwrap() {
        assert!(files(&endpoint.d("Site Root")).iter().any(|file| file.ends_with(process.as_str().unwrap())), "{process}");
    }
    let windows = read("windows/windows.json");
    assert_eq!(windows["packages"][0]["commands"], application["commands"]);
    // Wine removes no program that runs.
    assert_eq!(endpoint.wine.run(&[r"D:\Site Root\bin\linkctl.exe", "stop"]).0, 0);
    fs::write(endpoint.c("remove.cmd"), format!("@{}\r\n", text_of(&application["commands"]["uninstall"]))).unwrap();
    assert_eq!(endpoint.wine.run(&["cmd", "/c", r"C:\remove.cmd"]).0, DONE);
    assert_eq!(endpoint.setting("Version"), None, "{}", text(&endpoint.c("log")));
    assert!(!endpoint.d("Site Root/vAgentManager").exists());
}

/// A kit's startup script with its MSI and the transform in a folder with an odd name; what is returned runs it as Windows does at its start.
fn startup<'a>(endpoint: &'a Endpoint, sample: &Sample, mst: &Path) -> (PathBuf, impl Fn() -> i32 + 'a) {
    let made = sample.product("made");
    fs::create_dir(&made).unwrap();
    let key = made.join("key.pem");
    let openssl = ["ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out"];
    assert!(Command::new("openssl").args(openssl).arg(&key).status().unwrap().success());
    let (kit, msi) = (made.join("kit"), sample.msi());
    let (ok, said) = linkpack(&[
        "kit",
        shown(&msi),
        shown(mst),
        "-o",
        shown(&kit),
        "--key",
        shown(&key),
        "--name",
        "agent",
        "-c",
        "gpo,sccm,intune,windows",
    ]);
    assert!(ok, "{said}");
    let share = endpoint.c("a share & more");
    fs::create_dir(&share).unwrap();
    for file in [&msi, mst] {
        fs::copy(file, share.join(file.file_name().unwrap())).unwrap();
    }
    let stem = msi.file_stem().unwrap().to_str().unwrap();
    let script = fs::read_to_string(kit.join("channels/gpo").join(stem).join("startup.cmd")).unwrap();
    has(&script, &["There are: intigua-sample-acme.mst", "rem   SERVER_URL\r\n"]);
    let edited = script.replace("set \"TRANSFORM=\"", "set \"TRANSFORM=intigua-sample-acme.mst\"");
    fs::write(share.join("startup.cmd"), edited).unwrap();
    // cmd /c has rules of its own for quotes.
    fs::write(endpoint.c("start.cmd"), "@call \"C:\\a share & more\\startup.cmd\"\r\n").unwrap();
    (kit, move || endpoint.wine.run(&["cmd", "/c", r"C:\start.cmd"]).0)
}

#[test]
fn a_forced_value_comes_back_at_a_repair_and_another_product_refuses_the_transform() {
    let endpoint = Endpoint::new();
    let sample = Sample::new();
    let forced = "server-url = \"https://forced.example\"\ncore-id = \"abc\"\nforced = [\"server-url\"]\n";
    let mst = transform(&sample, forced, &[]);
    bring(&endpoint, &mst);
    let msi = endpoint.take(&sample);
    endpoint.msiexec(&["/i", &msi, APPLIED, "SERVER_URL=https://special.example", "NO_START=1"], DONE);
    let config = endpoint.root().join("components/csclient.cfg");
    has(&text(&config), &["https://special.example", "vlinkCoreId: \"abc\""]);
    endpoint.msiexec(&["/i", &msi, APPLIED, "NO_START=1", "REINSTALL=ALL", "REINSTALLMODE=amus"], DONE);
    has(&text(&config), &["https://forced.example"]);
    assert_eq!(endpoint.setting("SERVER_URL").as_deref(), Some("https://forced.example"));
    endpoint.msiexec(&["/x", &msi], DONE);

    // Wine does not compare the upgrade code as Windows does: a launch condition of the package's own refuses.
    let other = Sample::new().edit("upgrade-code = \"", "upgrade-code = \"FFFFFFFF-6B1F-4E0A-9C57-8A2D5B7E9F14\" # ");
    let other_msi = endpoint.take(&other);
    endpoint.msiexec(&["/i", &other_msi, APPLIED], FAILED);
    assert!(!endpoint.root().exists(), "{}", text(&endpoint.c("log")));
    let (ok, said) = linkpack(&["verify", shown(&mst), "--base", shown(&other.msi())]);
    assert!(!ok, "{said}");
    has(&said, &["upgrade code", "FFFFFFFF"]);
}

/// Wine's MsiDatabaseApplyTransform without any suppressed error: what does not fit the package is an error.
#[test]
fn transforms_fit_the_package_when_no_difference_is_borne() {
    let endpoint = Endpoint::new();
    let sample = Sample::new();
    bring(
        &endpoint,
        &transform(&sample, &format!("forced = [\"containers\"]\ntoken-file = {{ windows = 'C:\\t' }}\n{SITE}"), &[]),
    );
    let msi = endpoint.take(&sample);
    fs::write(endpoint.c("apply.exe"), msi::compile("apply.c", &["-lmsi"])).unwrap();
    let ask = |query: &str| endpoint.wine.run(&[r"C:\apply.exe", &msi, r"C:\acme.mst", query]);
    let (code, said) = ask("SELECT `Target` FROM `CustomAction` WHERE `Action` = 'Default.SERVER_URL'");
    assert_eq!((code, said.trim()), (0, "https://site.example"));
    let (code, said) = ask("SELECT `Value` FROM `Property` WHERE `Property` = 'CONTAINERS'");
    assert_eq!((code, said.trim()), (0, "pulse"));
    let (code, said) = ask("SELECT `Target` FROM `CustomAction` WHERE `Action` = 'Default.INSTALL_ROOT'");
    assert_eq!((code, said.trim()), (0, r"D:\Site Root\"));
    // A thousand in one build, and a sample of them.
    let file = |site: usize| format!("site{site:04}.toml");
    (0..1000).for_each(|site| sample.write(&file(site), format!("server-url = \"https://core-{site}.example\"\n")));
    let files: Vec<String> = (0..1000).map(file).collect();
    let sites: Vec<&str> = files.iter().flat_map(|file| ["-s", file]).collect();
    let output = sample.build(&[["-f", "mst"].as_slice(), sites.as_slice()].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for site in [0, 333, 500, 999] {
        bring(&endpoint, &sample.product(&format!("dist/intigua-sample-site{site:04}.mst")));
        let (code, said) = ask("SELECT `Target` FROM `CustomAction` WHERE `Action` = 'Default.SERVER_URL'");
        assert_eq!((code, said.trim()), (0, &*format!("https://core-{site}.example")));
    }
}

#[test]
fn a_transform_is_made_for_a_site_and_checked_against_the_msi_that_is_given() {
    let sample = Sample::new();
    has(&sample.refused(&["-f", "mst"]), &["mst holds a site's settings alone", "-s SITE.toml"]);
    let msi = sample.msi();
    let kept = sample.product("base.msi");
    fs::rename(&msi, &kept).unwrap();
    let mst = transform(&sample, SITE, &["--base", shown(&kept)]);
    assert!(fs::metadata(&mst).unwrap().len() <= 4096, "one site takes a few kilobytes");
    let (ok, said) = linkpack(&["verify", shown(&mst), "--base", shown(&kept)]);
    assert!(ok, "{said}");
    has(&said, &["OK: 5 x rows changed in the package", "1 x upgrade code of the package"]);
    let (ok, said) = linkpack(&["inspect", shown(&mst)]);
    assert!(ok, "{said}");
    has(
        &said,
        &["(mst)", r"INSTALL_ROOT = D:\Site Root", "SERVER_URL = https://site.example", "CONTAINERS = pulse", "upgrade code"],
    );
    assert_eq!(
        linkpack(&["lint", shown(&mst)]).1.lines().last().unwrap_or_default().split(": ").nth(1),
        Some("0 errors, 0 warnings")
    );

    let forced = transform(&sample, "server-url = \"https://a\"\nforced = [\"server-url\"]\n", &[]);
    has(&linkpack(&["lint", shown(&forced)]).1, &["warning[transform-forces]", "Property[SERVER_URL]"]);
    let other = sample.edit("upgrade-code = \"", "upgrade-code = \"FFFFFFFF-6B1F-4E0A-9C57-8A2D5B7E9F14\" # ");
    let output = other.build(&["-f", "mst", "-s", "acme.toml", "--base", shown(&kept)]);
    has(&String::from_utf8_lossy(&output.stderr), &["is another product's", "FFFFFFFF"]);
    let output = other.build(&["-f", "msi", "--base", shown(&kept)]);
    has(&String::from_utf8_lossy(&output.stderr), &["is for transforms, and none is built"]);
    other.write("acme.toml", "forced = [\"token-file\"]\n");
    let output = other.build(&["-f", "mst", "-s", "acme.toml"]);
    has(&String::from_utf8_lossy(&output.stderr), &["token-file is forced, and the site file has no token-file", "acme.toml:1"]);
}
