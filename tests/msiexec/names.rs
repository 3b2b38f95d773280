//! Two products whose names differ, side by side on one Windows.

use super::*;

const NAMES: &str = r#"[names]
service = "acme-link"
vendor = "acme"
connector-folder = "Connector"
containers-folder = "Agents"
windows-service = "AcmeLink"
windows-vendor = "Acme"
registry-key = 'Acme Ltd\Link\setup'
root-value = "AcmeRoot"

[connector]
"#;
const ITS_SERVICE: &str = r"System\CurrentControlSet\Services\AcmeLink";
const ITS_SETUP: &str = r"SOFTWARE\Acme Ltd\Link\setup";
const ITS_VENDOR_KEY: &str = r"Acme Ltd\Link\setup";
const ITS_ROOT: &str = r"C:\Program Files\Acme\";

pub fn other(version: &str) -> Sample {
    Sample::version(version)
        .edit("name = \"intigua-sample\"", "name = \"acme-sample\"")
        .edit("title = \"Intigua sample\"", "title = \"Acme sample\"")
        .edit("3D0E4C5A", "4D0E4C5A")
        .edit("[connector]\n", NAMES)
}

#[test]
fn two_products_of_different_names_live_side_by_side() {
    let endpoint = Endpoint::new();
    let (ours, its) = (endpoint.take(&Sample::new()), endpoint.take(&other("1.0.0")));
    let renamed = endpoint.take(&other("1.1.0").edit("windows-vendor = \"Acme\"", "windows-vendor = \"Acme Two\""));
    let third = other("1.0.0").edit("acme-sample", "third-sample").edit("title = \"Acme sample\"", "title = \"Third\"");
    let third =
        third.edit("4D0E4C5A", "5D0E4C5A").edit("\"AcmeLink\"", "\"ThirdLink\"").edit(r"'Acme Ltd\Link\setup'", r"'Third\setup'");
    let third = third
        .edit("windows-vendor = \"Acme\"\n", "")
        .edit("[connector]\n", "[root]\nwindows = 'C:\\Program Files\\Third'\n\n[connector]\n");
    let sharing = endpoint.take(&third);
    let its_services_run = || endpoint.wine.running_services().contains("Acme sample");
    let status = |root: &str| endpoint.wine.run(&[&format!(r"{root}bin\linkctl.exe"), "status"]);
    endpoint.msiexec(&["/i", &ours], DONE);
    endpoint.msiexec(&["/i", &its], DONE);
    endpoint.ended("installed", 0);
    assert!(endpoint.runs() && its_services_run(), "{}", endpoint.wine.running_services());
    let registry = |key: &str, value: &str| endpoint.wine.registry(key, value).unwrap_or_default();
    assert_eq!(registry(ITS_SETUP, "AcmeRoot"), ITS_ROOT);
    assert_eq!(registry(ITS_VENDOR_KEY, "AcmeRoot"), ITS_ROOT);
    assert_eq!(registry(VENDOR_KEY, "IntiguaRootDir"), r"C:\Program Files\Intigua\");
    assert!(registry(ITS_SERVICE, "ImagePath").contains(r"Acme\Connector\vlinkservice.exe"));
    let root = endpoint.c("Program Files/Acme");
    assert!(root.join("Agents/pulse/bin/pulse.exe").is_file() && root.join("Connector").is_dir(), "{:?}", files(&root));
    let log = endpoint.c("ProgramData/Acme/logs/acme-link.log");
    wine::until(60, || text(&endpoint.c("ProgramData/Acme/run/status")).contains("pulse\trunning"), || text(&log));
    let (code, said) = status(ITS_ROOT);
    assert!(code == 0 && said.contains("Acme sample") && said.contains("pulse"), "{code} {said}");

    // A third product that would share our folder below ProgramData is refused, and leaves our results alone.
    let results = endpoint.c("ProgramData/Intigua/install.json");
    let before = text(&results);
    endpoint.msiexec(&["/i", &sharing], FAILED);
    assert_eq!(text(&results), before);
    assert!(!endpoint.c("Program Files/Third").exists() && endpoint.runs());

    // A version that goes by other names is no upgrade.
    endpoint.msiexec(&["/i", &renamed], FAILED);
    let result = text(&endpoint.c("ProgramData/Acme Two/install.json"));
    assert!(result.contains("under other names"), "{result}");
    assert!(its_services_run() && endpoint.runs());

    // Where a product of an older linkpack shares the folder all the same, ours leaves it that product's files.
    let theirs = before.replace("intigua-sample", "another").replace(r"C:\\Program Files\\Intigua", r"C:\\Program Files\\Acme");
    let logs = endpoint.c("ProgramData/Intigua/logs");
    std::fs::write(&results, &theirs).unwrap();
    std::fs::write(logs.join("another.log"), "kept").unwrap();
    assert!(logs.join("vlink.log").is_file());
    endpoint.msiexec(&["/x", &ours], DONE);
    endpoint.is_clean_but_for(&endpoint.root(), &[]);
    assert_eq!((text(&results), text(&logs.join("another.log"))), (theirs, "kept".to_owned()));
    assert!(!logs.join("vlink.log").exists() && its_services_run());
    assert_eq!(status(ITS_ROOT).0, 0);
    endpoint.msiexec(&["/x", &its], DONE);
    assert!(files(&root).is_empty() && !endpoint.c("ProgramData/Acme").exists());
    for key in [ITS_SETUP, ITS_VENDOR_KEY, r"Acme Ltd", r"SOFTWARE\Acme Ltd"] {
        assert!(!endpoint.wine.has_key(key), "{key}");
    }
}
