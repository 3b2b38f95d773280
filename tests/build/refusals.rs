//! What a build refuses, warns of or leaves out, because an endpoint would find out otherwise.

use super::{files, text, Product, MANIFEST};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

fn listed(product: &Product, package: &str) -> String {
    text(&Command::new("dpkg-deb").arg("-c").arg(product.path(package)).output().unwrap().stdout)
}

/// The project itself is the connector's payload.
fn of_the_whole_folder() -> Product {
    let product = Product::new();
    product.program("vlink", b"#!/bin/sh\nexit 0\n");
    let manifest = MANIFEST.split("[[container]]").next().unwrap().replace("\"connector\" }", "\".\" }");
    product.write("linkpack.toml", manifest);
    product
}

#[test]
fn a_payload_never_holds_what_builds_write() {
    let product = of_the_whole_folder();
    product.write(".git/config", "[core]\n");
    product.write("lib/.git", "gitdir: ../x\n");
    product.write("lib/own", "own\n");
    let first = product.built(&["-f", "deb", "--cache", "cache"])["sample_1.0.0_amd64.deb"].clone();
    let others = product.built(&["-f", "deb", "-o", "other"]);
    let again = product.command(&["-f", "deb", "--cache", "cache"]).output().unwrap();
    assert!(again.status.success(), "{}", text(&again.stderr));
    let said = text(&again.stderr);
    for told in
        [".git (version control)", "dist (this build's own)", "cache (this build's own)", "other (packages of an earlier build)"]
    {
        assert!(said.contains(told), "{told}: {said}");
    }
    let list = listed(&product, "dist/sample_1.0.0_amd64.deb");
    for absent in ["/dist/", "/other/", "/cache", ".git", "SHA256SUMS"] {
        assert!(!list.contains(absent), "{absent}: {list}");
    }
    assert!(list.contains("/lib/own"), "{list}");
    // The cache of the first build is no part of the second, which has another.
    assert_eq!(first.len(), fs::metadata(product.path("dist/sample_1.0.0_amd64.deb")).unwrap().len() as usize);
    assert!(!others.is_empty());
}

#[test]
fn version_control_is_taken_where_include_names_it() {
    let product = Product::new();
    product.write("pulse/.git/config", "[core]\n");
    let manifest = |include: &str| {
        MANIFEST.replace("linux-x86_64 = \"pulse\"", &format!("linux-x86_64 = {{ source = \"pulse\"{include} }}"))
    };
    for (include, there) in [("", false), (", include = [\"bin\", \".git\"]", true)] {
        product.write("linkpack.toml", manifest(include));
        product.built(&["-f", "deb"]);
        assert_eq!(listed(&product, "dist/sample_1.0.0_amd64.deb").contains("/.git/config"), there, "{include}");
    }
}

#[test]
fn the_payload_s_own_folder_is_no_output_folder() {
    let product = Product::new();
    let said = product.refused_again(&["-o", "pulse"]);
    assert!(said.contains("own output or cache folder") && said.contains("-o DIR"), "{said}");
}

#[test]
fn what_the_run_as_account_cannot_run_is_refused_with_file_and_mode() {
    let closed = |path: &str, mode: u32| {
        let product = Product::new();
        product.write("linkpack.toml", MANIFEST.replace("server-url", "run-as = \"svc\"\nserver-url"));
        fs::set_permissions(product.path(path), fs::Permissions::from_mode(mode)).unwrap();
        product
    };
    for (path, mode, shown) in [
        ("connector/vlink", 0o700, "\"vAgentManager/vlink\" (mode 0700)"),
        ("connector/vlink", 0o711, "\"vAgentManager/vlink\" (mode 0711)"),
        ("pulse/bin/pulse", 0o750, "\"Intigua-Libs/pulse/bin/pulse\" (mode 0750)"),
        ("pulse/bin", 0o700, "\"Intigua-Libs/pulse/bin\" (mode 0700)"),
    ] {
        let said = closed(path, mode).refused(&["-f", "deb"]);
        assert!(said.contains("run-as") && said.contains(shown) && said.contains("chmod"), "{path}: {said}");
    }
    // As root it can.
    let product = Product::new();
    fs::set_permissions(product.path("connector/vlink"), fs::Permissions::from_mode(0o700)).unwrap();
    product.built(&["-f", "deb"]);
    // A file beside may be a secret on purpose.
    let product = closed("connector", 0o755);
    product.write("connector/key", "x");
    fs::set_permissions(product.path("connector/key"), fs::Permissions::from_mode(0o600)).unwrap();
    let output = product.build(&["-q", "-f", "deb"]);
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("cannot read \"vAgentManager/key\" (mode 0600)"), "{said}");
    // A container's own account.
    let product = Product::new();
    product.write("linkpack.toml", MANIFEST.replace("command = [", "run-as = \"_pulse\"\ncommand = ["));
    fs::set_permissions(product.path("pulse/bin/pulse"), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(product.refused(&["-f", "deb"]).contains("\"_pulse\""));
}

#[test]
fn a_container_s_account_is_in_its_descriptor() {
    let product = Product::new();
    product.write("linkpack.toml", MANIFEST.replace("command = [", "run-as = \"_pulse\"\ncommand = ["));
    product.built(&["-f", "deb"]);
    let mut unpack = Command::new("dpkg-deb");
    unpack.args(["-x", "dist/sample_1.0.0_amd64.deb", "raw"]).current_dir(product.folder.path());
    assert!(unpack.status().unwrap().success());
    let descriptor = fs::read(product.path("raw/usr/local/intigua/Intigua-Libs/pulse/container.json")).unwrap();
    let descriptor: serde_json::Value = serde_json::from_slice(&descriptor).unwrap();
    assert_eq!(descriptor["run-as"], "_pulse");
}

#[test]
fn capabilities_are_carried_by_the_rpm_and_named_for_the_others() {
    let product = Product::new();
    let set = Command::new("setcap").args(["cap_net_raw,cap_net_admin+ep"]).arg(product.path("pulse/bin/pulse")).status();
    assert!(set.expect("apt-get install libcap2-bin").success());
    let tar = "tar --xattrs --xattrs-include='*' -cf pulse.tar -C pulse .";
    assert!(Command::new("sh").args(["-c", tar]).current_dir(product.folder.path()).status().unwrap().success());
    for source in ["pulse", "pulse.tar"] {
        product.write("linkpack.toml", MANIFEST.replace("\"pulse\" }", &format!("\"{source}\" }}")));
        let output = product.build(&["-q"]);
        let said = text(&output.stderr);
        assert!(
            output.status.success() && said.contains("pulse/bin/pulse\" (cap_net_admin,cap_net_raw=ep); deb and run cannot"),
            "{said}"
        );
        let query = ["-qp", "--filecaps", "--requires", "dist/sample-1.0.0-1.x86_64.rpm"];
        let listed = text(&Command::new("rpm").args(query).current_dir(product.folder.path()).output().unwrap().stdout);
        assert!(
            listed.contains("bin/pulse = cap_net_admin,cap_net_raw=ep")
                || listed.contains("bin/pulse\tcap_net_admin,cap_net_raw=ep"),
            "{listed}"
        );
        assert!(listed.contains("rpmlib(FileCaps) <= 4.6.1-1"), "{listed}");
    }
}

#[test]
fn attributes_that_no_package_carries_are_named() {
    let product = Product::new();
    let set = "setfattr -n user.note -v x pulse/bin/pulse && setfacl -m u:daemon:r pulse/bin/pulse";
    let done = Command::new("sh").args(["-c", set]).current_dir(product.folder.path()).status().unwrap();
    assert!(done.success(), "apt-get install acl attr, on a file system with both");
    let said = text(&product.build(&["-q", "-f", "deb"]).stderr);
    assert!(said.contains("do not carry the access control list of \"bin/pulse\""), "{said}");
    assert!(said.contains("do not carry the extended attribute user.note of \"bin/pulse\""), "{said}");
}

#[test]
fn names_that_no_package_manager_unpacks_are_refused() {
    let name = |len: usize| "n".repeat(len);
    for (len, config, format, limit) in
        [(247, false, "deb", 246), (247, false, "rpm", 246), (246, true, "deb", 245), (252, true, "run", 251)]
    {
        let product = Product::new();
        product.write(&format!("pulse/{}", name(len)), "x");
        let config = if config { ", config = [\"n*\"]" } else { "" };
        product.write("linkpack.toml", MANIFEST.replace("\"pulse\" }", &format!("{{ source = \"pulse\"{config} }} }}")));
        let said = product.refused(&["-f", format]);
        assert!(said.contains(&format!("a name of {len} bytes")) && said.contains(&format!("at most {limit}")), "{said}");
        fs::rename(product.path(&format!("pulse/{}", name(len))), product.path(&format!("pulse/{}", name(limit)))).unwrap();
        product.built(&["-f", format]);
    }
    let product = Product::new();
    product.write("pulse/blank ", "x");
    product.write("linkpack.toml", MANIFEST.replace("\"pulse\" }", "{ source = \"pulse\", config = [\"blank*\"] } }"));
    assert!(product.refused(&["-f", "deb"]).contains("ends in a space"));
    product.built(&["-f", "rpm,run"]);
}

#[test]
fn placeholders_that_may_be_meant_are_named_in_a_warning() {
    let product = Product::new();
    product.write(
        "linkpack.toml",
        MANIFEST.replace("[\"bin/pulse\"]", "[\"bin/pulse\", \"--format={name}\"]\nenvironment = { A = \"{{x}}\" }"),
    );
    let output = product.build(&["-q", "-f", "deb"]);
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("\"{name}\" is passed on as it is") && !said.contains("{x}"), "{said}");
}

#[test]
fn a_certificate_without_a_key_is_refused() {
    let product = Product::new();
    product.write("c.pem", "x");
    let said = product.refused(&["--cert", "c.pem"]);
    assert!(said.contains("--cert c.pem has no key") && said.contains("--key FILE"), "{said}");
}

#[test]
fn a_deb_can_be_installed_on_every_system_that_linkpack_knows() {
    let product = Product::new();
    product.built(&["-f", "deb"]);
    let fields = ["-f", "dist/sample_1.0.0_amd64.deb", "Depends", "Pre-Depends"];
    let said = text(&Command::new("dpkg-deb").args(fields).current_dir(product.folder.path()).output().unwrap().stdout);
    // Ubuntu 18.04 has debconf 1.5.66; init-system-helpers is essential, of any version, and so is dpkg: what its alternative is for is
    // that apt unpacks the package of a site first.
    assert_eq!(said, "Pre-Depends: debconf (>= 0.5) | debconf-2.0, dpkg (>= 1.16.1) | sample-site\n");
}

#[test]
fn what_is_left_of_an_earlier_build_beside_the_sources_is_left_out() {
    let product = of_the_whole_folder();
    product.write("manifest.json", "{ \"linkpack\": \"0.1.0\" }");
    product.write("SHA256SUMS", "00  old_1_amd64.deb\n");
    product.write("old_1_amd64.deb", "x");
    product.write("keep/manifest.json", "{}");
    product.built(&["-f", "deb"]);
    let list = listed(&product, "dist/sample_1.0.0_amd64.deb");
    assert!(!list.contains("old_1_amd64.deb") && !list.contains("vAgentManager/manifest.json"), "{list}");
    assert!(list.contains("vAgentManager/keep/manifest.json") && files(&product.path("keep")).len() == 1, "{list}");
}
