//! `linkpack build -f msi`, and the MSI as msiexec plays it under Wine: install, choose, repair, upgrade, refuse, roll back, remove.

#[path = "msiexec/administrator.rs"]
mod administrator;
#[path = "msiexec/endpoint.rs"]
mod endpoint;
mod msi;
#[path = "msiexec/names.rs"]
mod names;
#[path = "msi/sample.rs"]
mod sample;
#[path = "msiexec/transform.rs"]
mod transform;
#[path = "msi/wine.rs"]
mod wine;

use endpoint::{text, Endpoint, VENDOR_KEY};
use msi::exit::{DONE, FAILED, SERVICE_FAILED, SERVICE_KEY};
use msi::service;
use sample::{files, Sample};
use std::fs;

#[test]
fn a_silent_install_runs_the_service_with_its_containers_and_removal_leaves_nothing() {
    let endpoint = Endpoint::new();
    let msi = endpoint.take(&Sample::new());
    endpoint.msiexec(&["/i", &msi], DONE);
    endpoint.ended("installed", 0);
    let root = endpoint.root();
    for file in [
        "Intigua-Libs/pulse/bin/pulse.exe",
        "Intigua-Libs/pulse/container.json",
        "Intigua-Libs/pulse/etc/pulse.conf",
        "Intigua-Libs/tracer/bin/tracer.exe",
        "bin/csclient.default",
        "bin/linkctl.exe",
        "bin/seal.paths",
        "components/csclient.cfg",
        "vAgentManager/vlinkservice.exe",
    ] {
        assert!(root.join(file).is_file(), "{file}: {:?}", files(&root));
    }
    assert!(endpoint.runs(), "{}", endpoint.wine.running_services());
    for container in ["pulse", "tracer"] {
        endpoint.wait_for_status(&[container, "running"]);
    }
    let config = text(&root.join("components/csclient.cfg"));
    for line in [
        "serverUrl: \"https://core.example.com:443;https://core2.example.com:443\"",
        "globalThrottleCfg.maxCpuPercent: \"50\"",
        "vlinkCoreId: \"",
    ] {
        assert!(config.contains(line), "{line}: {config}");
    }
    let registry = |key: &str, value: &str| endpoint.wine.registry(key, value).unwrap_or_default();
    assert_eq!(registry(SERVICE_KEY, "Start"), "0x2");
    assert_eq!(registry(SERVICE_KEY, "ObjectName"), "LocalSystem");
    assert!(registry(SERVICE_KEY, "ImagePath").contains(r#"run --root "C:\Program Files\Intigua\.""#));
    assert_eq!(registry(VENDOR_KEY, "IntiguaRootDir"), r"C:\Program Files\Intigua\");
    for (name, value) in
        [("IntiguaRootDir", r"C:\Program Files\Intigua\"), ("SERVER_URL", "https://core.example.com:443"), ("Version", "1.0.0")]
    {
        assert_eq!(endpoint.setting(name).as_deref(), Some(value));
    }
    assert!(endpoint.setting("ProductCode").unwrap().starts_with('{'));

    let (code, said) = endpoint.wine.run(&[r"C:\Program Files\Intigua\bin\linkctl.exe", "seal"]);
    assert_eq!(code, 0, "{said}");
    assert!(!endpoint.runs());
    assert!(!text(&root.join("components/csclient.cfg")).contains("vlinkCoreId"), "{said}");

    endpoint.msiexec(&["/x", &msi], DONE);
    endpoint.is_clean_but_for(&root, &[]);
    assert!(!endpoint.c("ProgramData/Intigua").exists());
}

#[test]
fn another_drive_and_chosen_containers_are_kept_over_repair_and_upgrade_with_all_edits() {
    let endpoint = Endpoint::new();
    let one = endpoint.take(&Sample::new());
    let next = endpoint.take(&Sample::version("1.1.0"));
    let last = endpoint.take(&Sample::version("1.2.0"));
    endpoint.msiexec(
        &["/i", &one, r"INSTALLDIR=D:\My Own\Agents", "CONTAINERS=pulse", "SERVER_URL=https://given.example", "CORE_ID=abc"],
        DONE,
    );
    let root = endpoint.d("My Own/Agents");
    let (config, edited) = (root.join("components/csclient.cfg"), root.join("Intigua-Libs/pulse/etc/pulse.conf"));
    assert!(endpoint.runs() && !endpoint.root().exists());
    assert!(!root.join("Intigua-Libs/tracer").exists());
    assert!(text(&config).contains("vlinkCoreId: \"abc\"") && text(&config).contains("containers: \"pulse\""));

    fs::remove_file(root.join("Intigua-Libs/pulse/bin/pulse.exe")).unwrap();
    endpoint.msiexec(&["/i", &one, "REINSTALL=ALL", "REINSTALLMODE=amus"], DONE);
    endpoint.ended("reinstalled", 0);
    assert!(root.join("Intigua-Libs/pulse/bin/pulse.exe").exists());

    // Nobody edited it: the next version's default comes. Then somebody does.
    endpoint.msiexec(&["/i", &next], DONE);
    endpoint.ended("upgraded", 0);
    assert_eq!(endpoint.result()["previous_version"], "1.0.0");
    assert_eq!(text(&edited), "# of 1.1.0\n");
    fs::write(&edited, "level=9\n").unwrap();
    let changed = text(&config).replace("https://given.example", "https://edited.example");
    fs::write(&config, changed).unwrap();

    endpoint.msiexec(&["/i", &last, r"INSTALL_ROOT=C:\Elsewhere"], FAILED);
    endpoint.ended("refused", 17);
    endpoint.msiexec(&["/i", &last, "SERVER_URL=https://given.example", "CORE_ID=new"], DONE);
    assert_eq!(text(&edited), "level=9\n");
    assert_eq!(text(&edited.with_extension("conf.new")), "# of 1.2.0\n");
    assert!(text(&config).contains("serverUrl: \"https://given.example") && text(&config).contains("vlinkCoreId: \"new\""));
    assert!(!root.join("Intigua-Libs/tracer").exists() && endpoint.runs());
    for (name, value) in [("IntiguaRootDir", r"D:\My Own\Agents\"), ("CORE_ID", "new"), ("CONTAINERS", "pulse")] {
        assert_eq!(endpoint.setting(name).as_deref(), Some(value));
    }

    endpoint.msiexec(&["/i", &one], FAILED);
    endpoint.ended("refused", 17);
    assert!(endpoint.runs());
    assert_eq!(endpoint.setting("Version").as_deref(), Some("1.2.0"));

    // Wine does not wait until a service has stopped, and removes no program that runs.
    let (code, said) = endpoint.wine.run(&[r"D:\My Own\Agents\bin\linkctl.exe", "stop"]);
    assert_eq!(code, 0, "{said}");
    endpoint.msiexec(&["/x", &last], DONE);
    endpoint.is_clean_but_for(&root, &["Intigua-Libs/pulse/etc/pulse.conf"]);
}

#[test]
fn settings_and_containers_of_an_installed_product_change_with_what_runs() {
    let endpoint = Endpoint::new();
    let msi = endpoint.take(&Sample::new());
    // Without rollback Windows Installer makes no commit, which is where install.json is written else.
    endpoint.msiexec(&["/i", &msi, "CONTAINERS=pulse", "DISABLEROLLBACK=1"], DONE);
    endpoint.ended("installed", 0);
    let root = endpoint.root();
    let tracer = root.join("Intigua-Libs/tracer/bin/tracer.exe");
    assert!(endpoint.runs() && !tracer.exists());

    endpoint.msiexec(&["/i", &msi, "CONTAINERS=pulse,tracer", "SERVER_URL=https://second.example"], DONE);
    endpoint.ended("reinstalled", 0);
    assert!(tracer.exists() && endpoint.runs());
    endpoint.wait_for_status(&["tracer", "running"]);
    let config = || text(&root.join("components/csclient.cfg"));
    assert!(config().contains("https://second.example") && config().contains("containers: \"pulse,tracer\""), "{}", config());
    for (name, value) in [("SERVER_URL", "https://second.example"), ("CONTAINERS", "pulse,tracer")] {
        assert_eq!(endpoint.setting(name).as_deref(), Some(value));
    }

    // A group policy counts over all that; what was asked for is kept beside it.
    let core = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", core.local_addr().unwrap());
    endpoint.policy("SERVER_URL", Some(&server));
    endpoint.msiexec(&["/i", &msi, "CONTAINERS=pulse", "PROXY_URL="], DONE);
    assert!(!tracer.exists() && endpoint.runs(), "{:?}", files(&root));
    assert_eq!(endpoint.setting("CONTAINERS").as_deref(), Some("pulse"));
    assert!(config().contains(&format!("serverUrl: \"{server};https://core2.example.com:443\"")), "{}", config());
    assert_eq!(endpoint.setting("SERVER_URL").as_deref(), Some("https://second.example"));
    what_linkctl_sees_of_policy_and_core(&endpoint, core, &server);

    endpoint.policy("FALLBACK_URLS", Some("hunter2"));
    let before = config();
    endpoint.msiexec(&["/i", &msi, "CONTAINERS=pulse,tracer"], FAILED);
    endpoint.ended("refused", 2);
    let checks = endpoint.result()["checks"].to_string();
    assert!(checks.contains("FALLBACK_URLS of the group policy is no URL") && !checks.contains("hunter2"), "{checks}");
    assert_eq!(config(), before);
    assert!(endpoint.runs());
}

/// `linkctl check` names the policy, tries the way that the policy gives, and says by its exit code when asked to.
fn what_linkctl_sees_of_policy_and_core(endpoint: &Endpoint, core: std::net::TcpListener, server: &str) {
    let linkctl = |arguments: &[&str]| endpoint.wine.run(&[&[r"C:\Program Files\Intigua\bin\linkctl.exe"], arguments].concat());
    let checks = |arguments: &[&str]| {
        let (code, said) = linkctl(arguments);
        let report: serde_json::Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
        let of = |id: &str| report["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap().clone();
        (code, of("policy"), of("core"), said)
    };
    let (code, policy, reached, said) = checks(&["check", "--core", "--json"]);
    assert_eq!((code, &policy["detail"]), (0, &"gives SERVER_URL".into()), "{said}");
    assert!(reached["detail"].as_str().unwrap().starts_with(&format!("{server} is reached, at try 1")), "{said}");

    drop(core);
    let path = endpoint.root().join("components/csclient.cfg");
    let others = text(&path).replace(";https://core2.example.com:443", "").replace("timeouts.checkSeconds", "was");
    fs::write(&path, others + "timeouts.checkSeconds: \"1\"\n").unwrap();
    let (code, _, tried, said) = checks(&["check", "--json"]);
    assert_eq!((code, &tried["ok"]), (0, &true.into()), "{said}");
    assert!(tried["detail"].as_str().unwrap().contains("counts with --core only"), "{said}");
    let (code, _, tried, said) = checks(&["check", "--core", "--json"]);
    assert_eq!((code, &tried["ok"]), (1, &false.into()), "{said}");
    assert!(tried["detail"].as_str().unwrap().contains(&format!("the last answer: {server}: ")), "{said}");

    // The event log finds a text for each id that docs/windows.md lists.
    fs::write(endpoint.c("control.exe"), msi::compile("control.c", &["-municode"])).unwrap();
    let source = r"System\CurrentControlSet\Services\EventLog\Application\vAgentManager";
    let file = endpoint.wine.registry(source, "EventMessageFile").unwrap();
    let texts: String = contract::events::EVENTS.iter().map(|event| format!("{} inserted\n", event.id)).collect();
    assert_eq!(endpoint.wine.run(&[r"C:\control.exe", "event", &file]).1.replace('\r', ""), texts);
}

#[test]
fn a_missing_drive_is_told_by_our_own_checks() {
    let endpoint = Endpoint::new();
    let msi = endpoint.take(&Sample::new());
    endpoint.msiexec(&["/i", &msi, r"INSTALL_ROOT=Q:\Agents"], FAILED);
    endpoint.ended("refused", 12);
    assert!(endpoint.result()["checks"].to_string().contains("is not there"), "{}", endpoint.result());
}

#[test]
fn a_service_that_fails_is_rolled_back_with_nothing_left() {
    let endpoint = Endpoint::new();
    let sample = Sample::new();
    sample.write("windows/connector/vlinkservice.exe", service(&["-DFAILS"]));
    let msi = endpoint.take(&sample);
    endpoint.msiexec(&["/i", &msi], SERVICE_FAILED);
    endpoint.ended("rolled_back", 31);
    endpoint.is_clean_but_for(&endpoint.root(), &[]);
}

#[test]
fn failed_checks_are_all_told_and_nothing_was_changed() {
    let endpoint = Endpoint::new();
    let msi = endpoint.take(&Sample::new());
    fs::rename(endpoint.c("windows/temp"), endpoint.c("windows/other")).unwrap();
    fs::write(endpoint.c("windows/temp"), "in the way").unwrap();
    fs::write(endpoint.c("file"), "not a folder").unwrap();
    endpoint.msiexec(&["/i", &msi, r"INSTALL_ROOT=C:\file\Intigua", "CONTAINERS=plse"], FAILED);
    endpoint.ended("refused", 2);
    let checks = endpoint.result()["checks"].clone();
    let failed: Vec<&str> = checks
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["ok"] == false)
        .map(|check| check["id"].as_str().unwrap())
        .collect();
    assert_eq!(failed, ["settings", "temp", "root", "space"], "{checks}");
    assert_eq!(text(&endpoint.c("file")), "not a folder");
    endpoint.is_clean_but_for(&endpoint.root(), &[]);
}

#[test]
fn an_image_from_a_transform_is_registered_not_started_and_has_no_identity() {
    let endpoint = Endpoint::new();
    let msi = endpoint.take(&Sample::new());
    let properties = [("SERVER_URL", "https://transform.example"), ("CONTAINERS", "pulse")];
    fs::write(endpoint.c("site.mst"), transform::setting(&endpoint.c(&msi[3..]), &properties)).unwrap();
    endpoint.msiexec(&["/i", &msi, r"TRANSFORMS=C:\site.mst", "IMAGE=1"], DONE);
    assert_eq!(endpoint.wine.registry(SERVICE_KEY, "Start").as_deref(), Some("0x2"));
    assert!(!endpoint.runs());
    assert_eq!(endpoint.setting("SERVER_URL").as_deref(), Some("https://transform.example"));
    assert!(!endpoint.root().join("Intigua-Libs/tracer").exists());
    let config = text(&endpoint.root().join("components/csclient.cfg"));
    assert!(config.contains("https://transform.example") && !config.contains("vlinkCoreId"), "{config}");
    // ADDLOCAL chooses as well; the connector and required containers always come.
    endpoint.msiexec(&["/x", &msi], DONE);
    endpoint.msiexec(&["/i", &msi, "ADDLOCAL=tracer", "NO_START=1"], DONE);
    for folder in ["Intigua-Libs/pulse", "Intigua-Libs/tracer", "vAgentManager"] {
        assert!(endpoint.root().join(folder).exists(), "{folder}");
    }
    assert!(!endpoint.runs());
}

#[test]
fn a_release_candidate_and_its_release_replace_each_other() {
    let endpoint = Endpoint::new();
    let candidate = endpoint.take(&Sample::version("2.0.0~rc1"));
    let release = endpoint.take(&Sample::version("2.0.0"));
    for (msi, version) in [(&candidate, "2.0.0~rc1"), (&release, "2.0.0"), (&candidate, "2.0.0~rc1")] {
        endpoint.msiexec(&["/i", msi, "NO_START=1"], DONE);
        assert_eq!(endpoint.setting("Version").as_deref(), Some(version));
        assert_eq!(text(&endpoint.root().join("Intigua-Libs/pulse/etc/pulse.conf")), format!("# of {version}\n"));
    }
    endpoint.msiexec(&["/x", &candidate], DONE);
    endpoint.is_clean_but_for(&endpoint.root(), &[]);
}

#[test]
fn a_cabinet_that_lzx_packed_is_installed_from() {
    let endpoint = Endpoint::new();
    let program: Vec<u8> = fs::read(std::env::current_exe().unwrap()).unwrap().into_iter().cycle().take(9_000_000).collect();
    let more = vec![("vAgentManager/large.bin".to_owned(), linkpack::payload::Content::memory(program.clone()))];
    let product = msi::Product { more, packing: linkpack::format::msi::Packing::Lzx, ..msi::Product::default() };
    product.save(&endpoint.c(""), "lzx.msi");
    endpoint.msiexec(&["/i", r"C:\lzx.msi"], DONE);
    assert!(fs::read(endpoint.root().join("Intigua-Libs/pulse/pulse.bin")).unwrap() == msi::large());
    assert!(fs::read(endpoint.root().join("vAgentManager/large.bin")).unwrap() == program);
    assert_eq!(text(&endpoint.root().join("vAgentManager/agent.conf")), "level=1\n");
    endpoint.msiexec(&["/x", r"C:\lzx.msi"], DONE);
}

#[test]
fn cabinets_beside_the_msi_are_installed_from_and_a_missing_one_leaves_no_file() {
    let endpoint = Endpoint::new();
    let cabinets = msi::Product::default().save_split(&endpoint.c(""), "split.msi");
    let names: Vec<_> = cabinets.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(names, ["sample-1.0.0-x64-1.cab"]);
    assert!(fs::metadata(endpoint.c("split.msi")).unwrap().len() < 1 << 20, "the payload is not in the MSI");
    let elsewhere = endpoint.c("elsewhere.cab");
    fs::rename(&cabinets[0], &elsewhere).unwrap();
    endpoint.msiexec(&["/i", r"C:\split.msi"], FAILED);
    // Folders are not looked at: without native actions nobody removes those that Wine's rollback forgets.
    let leaves_nothing = || {
        assert_eq!(files(&endpoint.root()), Vec::<String>::new(), "{}", text(&endpoint.c("log")));
        endpoint.loses_the_service();
    };
    leaves_nothing();
    fs::rename(&elsewhere, &cabinets[0]).unwrap();
    endpoint.msiexec(&["/i", r"C:\split.msi"], DONE);
    assert!(fs::read(endpoint.root().join("Intigua-Libs/pulse/pulse.bin")).unwrap() == msi::large());
    endpoint.msiexec(&["/x", r"C:\split.msi"], DONE);
    leaves_nothing();
}
