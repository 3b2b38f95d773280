//! What administrators and their consoles ask for: odd roots, another root than the one that is there, features by name, and upgrades over
//! what an earlier version was given.

use super::*;

/// A version without the container tracer.
fn without_tracer(version: &str) -> Sample {
    let sample = Sample::version(version);
    let text = fs::read_to_string(sample.product("linkpack.toml")).unwrap();
    let (before, rest) = text.split_once("[[container]]\nname = \"tracer\"").unwrap();
    let (_, after) = rest.split_once("[deb]").unwrap();
    sample.write("linkpack.toml", format!("{before}[deb]{after}"));
    sample
}

/// The name in 8.3 characters that Wine gives a folder of drive C.
fn short_name(endpoint: &Endpoint, name: &str) -> String {
    let (_, said) = endpoint.wine.run(&["cmd", "/c", r"dir /x C:\"]);
    let line = said.lines().find(|line| line.trim_end().ends_with(name)).unwrap_or_else(|| panic!("{said}"));
    line.trim_end().trim_end_matches(name).split_whitespace().next_back().unwrap().to_owned()
}

#[test]
fn a_root_may_be_odd_and_stays_where_it_is() {
    let endpoint = Endpoint::new();
    let (ours, its) = (endpoint.take(&Sample::new()), endpoint.take(&names::other("1.0.0")));
    let programs = format!(r"C:\{}", short_name(&endpoint, "Program Files"));
    for (root, fault) in [
        (r"\\nowhere.invalid\share\x", "is on a network or a device"),
        (r"relative\x", "is no absolute path"),
        ("D:/Agents", "is no absolute path"),
        (r"D:\a\[x]", "has the character '['"),
        (r"D:\%TEMP%\x", "has the character '%'"),
        (r"D:\COM²", "which Windows keeps for a device"),
        (r"D:\trail.", "Windows drops dots and spaces"),
        (r"C:\ProgramData\Intigua\x", "the folder of the product's results and logs"),
        (&programs, r#"whose long name is "C:\\Program Files", is a folder that all programs share"#),
    ] {
        endpoint.msiexec(&["/i", &ours, &format!("INSTALL_ROOT={root}")], FAILED);
        endpoint.ended("refused", 12);
        let checks = endpoint.result()["checks"].clone();
        let told = |check: &serde_json::Value| check["detail"].as_str().unwrap().contains(fault);
        let told = checks.as_array().unwrap().iter().any(told);
        assert!(told, "{root}: {checks}");
    }
    let root = r"D:\it's ^1 & $2; ~x,=!@#+`\Größe";
    endpoint.msiexec(&["/i", &ours, &format!("INSTALL_ROOT={root}")], DONE);
    let place = endpoint.d("it's ^1 & $2; ~x,=!@#+`/Größe");
    assert!(place.join("vAgentManager/vlinkservice.exe").is_file(), "{:?}", files(&endpoint.d("")));
    endpoint.wait_for_status(&["tracer", "running"]);
    let linkctl = format!(r"{root}\bin\linkctl.exe");
    let (code, said) = endpoint.wine.run(&[&linkctl, "check"]);
    assert_eq!(code, 0, "{said}");

    // Neither a repair nor another product takes another one's place.
    let config = text(&place.join("components/csclient.cfg"));
    endpoint.msiexec(&["/i", &ours, r"INSTALL_ROOT=D:\Other", "SERVER_URL=https://other.example"], FAILED);
    endpoint.ended("refused", 17);
    endpoint.msiexec(&["/i", &its, &format!("INSTALL_ROOT={root}")], FAILED);
    let its_result = text(&endpoint.c("ProgramData/Acme/install.json"));
    assert!(its_result.contains("Intigua sample is installed in "), "{its_result}");
    assert!(!endpoint.d("Other").exists() && endpoint.runs());
    assert_eq!(text(&place.join("components/csclient.cfg")), config);

    // A console may give the root with every command: the removal is where the product is.
    fs::create_dir_all(endpoint.d("Other/components")).unwrap();
    fs::write(endpoint.d("Other/components/mine"), "kept").unwrap();
    assert_eq!(endpoint.wine.run(&[&linkctl, "stop"]).0, 0);
    endpoint.msiexec(&["/x", &ours, r"INSTALL_ROOT=D:\Other"], DONE);
    endpoint.is_clean_but_for(&place, &[]);
    assert_eq!(text(&endpoint.d("Other/components/mine")), "kept");
}

#[test]
fn what_was_given_follows_features_and_fits_the_next_version() {
    let endpoint = Endpoint::new();
    let one = endpoint.take(&Sample::new());
    let next = endpoint.take(&without_tracer("1.1.0"));
    let chosen = || {
        let config = text(&endpoint.root().join("components/csclient.cfg"));
        let line = config.lines().find(|line| line.starts_with("containers: ")).unwrap_or_default().to_owned();
        (endpoint.setting("CONTAINERS").unwrap_or_default(), line)
    };
    let both = |list: &str| (list.to_owned(), format!("containers: \"{list}\""));
    endpoint.msiexec(&["/i", &one, "CONTAINERS=pulse"], DONE);
    endpoint.msiexec(&["/i", &one, "ADDLOCAL=tracer", "SERVER_URL=https://second.example"], DONE);
    assert_eq!(chosen(), both("pulse,tracer"));
    assert_eq!(endpoint.setting("SERVER_URL").as_deref(), Some("https://second.example"));
    endpoint.wait_for_status(&["tracer", "running"]);
    endpoint.msiexec(&["/i", &one, "REMOVE=tracer"], DONE);
    assert_eq!(chosen(), both("pulse"));
    assert!(endpoint.runs() && !endpoint.root().join("Intigua-Libs/tracer").exists());

    for (wrong, expected) in [
        (&["REMOVE=Connector"][..], "REMOVE names Connector, which is required"),
        (&["CONTAINERS=pulse", "ADDLOCAL=tracer"], "CONTAINERS says another thing of tracer"),
        (&["CONTAINERS=pulse ,tracer"], "must be * or names separated by commas"),
        (&["SERVER_URL=https://user:secret@core.example"], "holds a password, which every user of the machine could read"),
    ] {
        endpoint.msiexec(&[&["/i", &one][..], wrong].concat(), FAILED);
        endpoint.ended("refused", 2);
        let checks = endpoint.result()["checks"].to_string();
        assert!(checks.contains(expected) && !checks.contains("secret"), "{wrong:?}: {checks}");
    }

    // A version that has lost a container is no reason to refuse its upgrade.
    endpoint.msiexec(&["/i", &one, "ADDLOCAL=tracer"], DONE);
    endpoint.msiexec(&["/i", &next], DONE);
    endpoint.ended("upgraded", 0);
    assert_eq!(chosen(), both("pulse"));
    assert!(endpoint.runs());
}

#[test]
fn without_rollback_install_json_says_that_the_installation_failed() {
    let endpoint = Endpoint::new();
    let sample = Sample::new();
    sample.write("windows/connector/vlinkservice.exe", service(&["-DFAILS"]));
    let msi = endpoint.take(&sample);
    endpoint.msiexec(&["/i", &msi, "ALLUSERS="], FAILED);
    endpoint.ended("refused", 2);
    endpoint.msiexec(&["/i", &msi, "DISABLEROLLBACK=1"], SERVICE_FAILED);
    endpoint.ended("failed", 32);
}
