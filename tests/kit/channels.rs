//! What other deployment tools are given.
use crate::common::cmd;
use crate::material::{copy, make};
use serde_json::Value;
use std::fs;

#[test]
fn windows_facts_are_those_of_the_msi_and_cloud_init_names_what_is_in_the_kit() {
    let folder = copy();
    let at = folder.path();
    make(at, "dist-1.0.0 -o kit -c windows,cloud-init").run().ok();
    cmd("sh").args(["kit/verify.sh"]).dir(at).run().ok();
    let facts: Value = serde_json::from_str(&fs::read_to_string(at.join("kit/channels/windows/windows.json")).unwrap()).unwrap();
    let package = &facts["packages"][0];
    let file = package["file"].as_str().unwrap();
    // By another reader: msitools.
    let msi = at.join("kit/windows").join(file);
    let property = |name: &str| {
        let rows = cmd("msiinfo").args(["export"]).arg(&msi).arg("Property").run().ok().stdout;
        let row = rows.lines().find_map(|line| line.strip_prefix(&format!("{name}\t")).map(|value| value.trim().to_owned()));
        row.unwrap_or_else(|| panic!("{name}"))
    };
    for (field, name) in [("product_code", "ProductCode"), ("upgrade_code", "UpgradeCode"), ("version", "ProductVersion")] {
        assert_eq!(package[field], property(name), "{name}");
    }
    let commands = &package["commands"];
    let code = property("ProductCode");
    assert!(commands["uninstall"].as_str().unwrap().starts_with(&format!("msiexec /x {code} /qn")), "{commands}");
    assert!(commands["install"].as_str().unwrap().contains(&format!("/i \"{file}\" /qn")), "{commands}");
    let properties = package["properties"].as_array().unwrap();
    assert!(properties.iter().any(|one| one["name"] == "INSTALL_ROOT"), "{package}");
    assert!(package["services"][0]["name"].as_str().is_some_and(|name| !name.is_empty()), "{package}");
    assert!(package["processes"].to_string().contains(".exe"), "{package}");
    assert!(facts["return_codes"].as_array().unwrap().iter().any(|one| one["code"] == 1618 && one["outcome"] == "retry"));
    let run = fs::read_to_string(at.join("kit/channels/cloud-init/run.yaml")).unwrap();
    let sums = fs::read_to_string(at.join("kit/SHA256SUMS")).unwrap();
    let line = sums.lines().find(|line| line.ends_with("linux-x86_64.run")).unwrap();
    assert!(run.starts_with("#cloud-config\n") && run.contains(&line[..64]), "{run}");

    // The keys come with the user data, not from where the packages come.
    for (file, key) in
        [("apt.yaml", "      Signed-By:\n       -----BEGIN PGP PUBLIC KEY"), ("dnf.yaml", "      -----BEGIN PGP PUBLIC KEY")]
    {
        let text = fs::read_to_string(at.join("kit/channels/cloud-init").join(file)).unwrap();
        assert!(text.contains(key) && text.contains("http://KIT/linux/") && !text.contains("file:///mnt"), "{text}");
    }
    make(at, "dist-1.0.0 -o kit -c all").run().ok();
    make(at, "dist-1.0.0 -o kit -c nonsense").run().exits(2).says("name some of ansible, cloud-init, ");
    make(at, "dist-1.0.0/intigua-sample_1.0.0_amd64.deb -o other -c windows")
        .run()
        .exits(1)
        .says("nothing that the channel windows is for");
    assert!(!at.join("other").exists());
}
