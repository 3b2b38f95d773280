//! The maintainer scripts and scriptlets, run by dpkg and by rpm themselves on machines of their own. The packages
//! around them are made by dpkg-deb and rpmbuild: here the scripts are under test, not linkpack's writers.

mod sandbox;

use linkpack::endpoint;
use sandbox::product::{self, BROKEN, GOOD};
use sandbox::Sandbox;

const ROOT: &str = "/usr/local/intigua";

fn result(machine: &Sandbox) -> serde_json::Value {
    serde_json::from_str(&machine.ask("cat /var/log/intigua/install.json")).expect("install.json is JSON")
}

fn service_runs(machine: &Sandbox) -> bool {
    machine.sh("/etc/init.d/vlink status").code == 0
}

/// The host's policy, if it has one, is not under test.
fn machine() -> Sandbox {
    let machine = Sandbox::new();
    machine.sh("rm -f /usr/sbin/policy-rc.d").expect(0);
    machine
}

fn put_tree(machine: &Sandbox, below: &str, version: &str, connector: &str) {
    let facts = product::facts(version);
    for item in product::items(&facts, connector) {
        let path = String::from_utf8(item.path).expect("UTF-8");
        if path.contains('\n') {
            continue; // dpkg's and rpmbuild's own lists cannot hold it
        }
        let path = format!("{below}{ROOT}/{path}");
        machine.sh(&format!("mkdir -p '{}'", path.rsplit_once('/').expect("a directory").0)).expect(0);
        machine.put(&path, &item.bytes);
        machine.sh(&format!("chmod {:o} '{path}'", item.mode)).expect(0);
    }
}

/// Makes /VERSION.deb.
fn deb(machine: &Sandbox, version: &str, connector: &str) -> String {
    let scripts = endpoint::deb_scripts(&product::facts(version)).expect("renders");
    let tree = format!("/build-{version}");
    put_tree(machine, &tree, version, connector);
    machine.sh(&format!("mkdir {tree}/DEBIAN")).expect(0);
    for (name, text) in [
        ("preinst", &scripts.preinst),
        ("postinst", &scripts.postinst),
        ("prerm", &scripts.prerm),
        ("postrm", &scripts.postrm),
        ("config", &scripts.config),
        ("templates", &scripts.templates),
    ] {
        machine.put(&format!("{tree}/DEBIAN/{name}"), text.as_bytes());
        machine.sh(&format!("chmod 755 {tree}/DEBIAN/{name}")).expect(0);
    }
    let control = format!(
        "Package: intigua-link\nVersion: {version}\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: test\n"
    );
    machine.put(&format!("{tree}/DEBIAN/control"), control.as_bytes());
    machine.put(&format!("{tree}/DEBIAN/conffiles"), format!("{ROOT}/vAgentManager/etc/agent.conf\n").as_bytes());
    machine.sh(&format!("dpkg-deb --root-owner-group -b {tree} /{version}.deb && rm -r {tree}")).expect(0);
    format!("/{version}.deb")
}

const DPKG: &str = "DEBIAN_FRONTEND=noninteractive dpkg --force-confold";

#[test]
fn a_deb_is_installed_upgraded_removed_and_purged_without_a_trace() {
    let machine = machine();
    let (one, two) = (deb(&machine, "1.0", GOOD), deb(&machine, "1.10", GOOD));
    let before = machine.listing();
    machine.sh(&format!("{DPKG} -i {one}")).expect(0);
    assert_eq!(result(&machine)["outcome"], "installed");
    assert!(service_runs(&machine));
    let pid = machine.ask("cat /run/intigua/vlink.pid");
    machine.sh(&format!("echo mine >{ROOT}/vAgentManager/etc/agent.conf")).expect(0);

    machine.sh(&format!("{DPKG} -i {two}")).expect(0);
    assert_eq!(result(&machine)["outcome"], "upgraded");
    assert_eq!(result(&machine)["previous_version"], "1.0");
    assert!(service_runs(&machine));
    assert_ne!(machine.ask("cat /run/intigua/vlink.pid"), pid, "restarted");
    assert_eq!(
        machine.ask(&format!("cat {ROOT}/vAgentManager/etc/agent.conf {ROOT}/vAgentManager/version; ls -A {ROOT}/.linkpack")),
        "mine\n1.10state"
    );

    machine.sh(&format!("{DPKG} -i {one}")).expect(1);
    assert_eq!(result(&machine)["exit_code"], 17);
    assert!(service_runs(&machine), "a refused downgrade leaves the service running");
    machine.sh(&format!("ALLOW_DOWNGRADE=1 {DPKG} -i {one}")).expect(0);
    assert!(service_runs(&machine));

    machine.sh("dpkg -r intigua-link").expect(0);
    assert_eq!(
        machine.ask(&format!("find {ROOT} -type f | sort")),
        format!("{ROOT}/components/csclient.cfg\n{ROOT}/vAgentManager/etc/agent.conf")
    );
    assert_eq!(machine.ask("ls /etc/init.d/vlink /etc/rc?.d/*vlink /lib/systemd/system/vlink.service /etc/systemd/system/*/vlink.service 2>/dev/null || :"), "");
    machine.sh("dpkg -P intigua-link").expect(0);
    assert_eq!(machine.listing(), before);
}

#[test]
fn a_deb_that_does_not_come_up_puts_the_old_version_back() {
    let machine = machine();
    let (one, two) = (deb(&machine, "1.0", GOOD), deb(&machine, "2.0", BROKEN));
    machine.sh(&format!("{DPKG} -i {one}")).expect(0);
    let done = machine.sh(&format!("{DPKG} -i {two}")).expect(1);
    assert!(done.err.contains("version 1.0 runs again"), "{}", done.err);
    assert_eq!((&result(&machine)["outcome"], &result(&machine)["exit_code"]), (&"rolled_back".into(), &31.into()));
    assert_eq!(machine.ask(&format!("cat {ROOT}/vAgentManager/version")), "1.0");
    assert!(service_runs(&machine));
    machine.sh("dpkg -P intigua-link").expect(0);
    assert_eq!(machine.ask("ls /var/log/intigua /usr/local/intigua 2>/dev/null || :"), "");
}

#[test]
fn a_deb_follows_the_root_of_the_answer_file_and_of_debconf() {
    let machine = machine();
    let (one, two) = (deb(&machine, "1.0", GOOD), deb(&machine, "2.0", GOOD));
    let before = machine.listing();
    machine.sh("echo 'intigua-link intigua-link/install_root string /opt/jp' | debconf-set-selections").expect(0);
    machine.sh(&format!("{DPKG} -i {one}")).expect(0);
    assert_eq!(
        machine.ask(&format!("cat /etc/intigua/location.conf; readlink {ROOT}; cat /opt/jp/vAgentManager/version")),
        "/opt/jp\n/opt/jp\n1.0"
    );
    machine.sh(&format!("{DPKG} -i {two}")).expect(0);
    assert_eq!(machine.ask(&format!("readlink {ROOT}; cat /opt/jp/vAgentManager/version")), "/opt/jp\n2.0");
    machine.sh("mkdir -p /etc/intigua; echo INSTALL_ROOT=/opt/elsewhere >/etc/intigua/install.conf").expect(0);
    machine.sh(&format!("{DPKG} -i {two}")).expect(1);
    assert_eq!(result(&machine)["exit_code"], 17);
    assert!(service_runs(&machine));
    machine.sh("dpkg -P intigua-link").expect(0);
    assert_eq!(machine.listing(), before);
    machine.sh("mkdir /etc/intigua; echo INSTALL_ROOT=/opt/elsewhere >/etc/intigua/install.conf").expect(0);
    machine.sh(&format!("{DPKG} -i {one}")).expect(0);
    assert_eq!(machine.ask("cat /etc/intigua/location.conf"), "/opt/elsewhere");
}

#[test]
fn a_deb_that_fails_its_checks_changes_nothing() {
    let machine = machine();
    let one = deb(&machine, "1.0", GOOD);
    let before = machine.listing();
    // Nothing runs from /tmp: only one that cannot be written to is a fault.
    machine.sh("mount -o remount,ro /tmp").expect(0);
    machine.sh(&format!("{DPKG} -i {one}")).expect(1);
    assert_eq!(result(&machine)["exit_code"], 11);
    machine.sh("rm -r /var/log/intigua").expect(0);
    assert_eq!(machine.listing(), before);
}

#[test]
fn policy_rc_d_that_declines_is_a_success() {
    let machine = machine();
    let one = deb(&machine, "1.0", GOOD);
    machine.put("/usr/sbin/policy-rc.d", b"#!/bin/sh\nexit 101\n");
    machine.sh("chmod 755 /usr/sbin/policy-rc.d").expect(0);
    machine.sh(&format!("{DPKG} -i {one}")).expect(0);
    assert!(!service_runs(&machine));
    assert!(result(&machine)["message"].as_str().expect("text").contains("policy-rc.d"));
}

/// Makes /VERSION.rpm.
fn rpm(machine: &Sandbox, version: &str, connector: &str) -> String {
    let scripts = endpoint::rpm_scripts(&product::facts(version)).expect("renders");
    let tree = format!("/build-{version}");
    put_tree(machine, &tree, version, connector);
    let escape = |text: &str| text.replace('%', "%%");
    let ghosts = "%ghost /etc/init.d/vlink\n%ghost /lib/systemd/system/vlink.service\n%ghost /etc/intigua/location.conf\n%ghost /var/lib/intigua/state\n";
    let spec = format!(
        "Name: intigua-link\nVersion: {version}\nRelease: 1\nSummary: test\nLicense: none\nPrefix: {ROOT}\nBuildArch: noarch\nAutoReqProv: no\n\
         %description\ntest\n%install\ncp -a {tree}/. %{{buildroot}}/\n\
         %pre\n{}\n%post\n{}\n%preun\n{}\n%postun\n{}\n%posttrans\n{}\n\
         %files\n{ROOT}\n%config(noreplace) {ROOT}/vAgentManager/etc/agent.conf\n{ghosts}",
        escape(&scripts.pre), escape(&scripts.post), escape(&scripts.preun), escape(&scripts.postun), escape(&scripts.posttrans),
    );
    machine.put("/spec", spec.as_bytes());
    machine
        .sh(&format!("rpmbuild -bb --quiet --define '_topdir /rpmbuild' /spec >&2 && mv /rpmbuild/RPMS/noarch/*.rpm /{version}.rpm && rm -r /rpmbuild {tree}"))
        .expect(0);
    format!("/{version}.rpm")
}

#[test]
fn an_rpm_is_installed_upgraded_and_erased_without_a_trace() {
    let machine = machine();
    let (one, two) = (rpm(&machine, "1.0", GOOD), rpm(&machine, "1.10", GOOD));
    let before = machine.listing();
    machine.sh(&format!("rpm -i --nodeps {one}")).expect(0);
    assert_eq!(result(&machine)["outcome"], "installed");
    assert!(service_runs(&machine));
    let pid = machine.ask("cat /run/intigua/vlink.pid");
    machine.sh(&format!("rpm -U --nodeps {two}")).expect(0);
    assert_eq!(result(&machine)["outcome"], "upgraded");
    assert!(service_runs(&machine), "an upgrade never leaves it stopped");
    assert_ne!(machine.ask("cat /run/intigua/vlink.pid"), pid, "restarted");
    assert_eq!(
        machine.ask(&format!("cat {ROOT}/vAgentManager/version; ls -A {ROOT}/.linkpack; ls /etc/rc?.d/S30vlink")),
        "1.10state\n/etc/rc3.d/S30vlink\n/etc/rc5.d/S30vlink"
    );
    machine.sh(&format!("{ROOT}/bin/linkctl purge && rpm -e intigua-link")).expect(0);
    assert_eq!(machine.listing(), before);
}

#[test]
fn an_rpm_that_does_not_come_up_puts_the_old_version_back() {
    let machine = machine();
    let (one, two) = (rpm(&machine, "1.0", GOOD), rpm(&machine, "2.0", BROKEN));
    machine.sh(&format!("rpm -i --nodeps {one}")).expect(0);
    let done = machine.sh(&format!("rpm -U --nodeps {two}"));
    assert!(done.err.contains("version 1.0 runs again"), "{}", done.err);
    assert_eq!(result(&machine)["exit_code"], 31);
    assert_eq!(machine.ask(&format!("cat {ROOT}/vAgentManager/version")), "1.0");
    assert!(service_runs(&machine));
}

#[test]
fn an_rpm_with_a_prefix_is_never_moved_back_by_an_upgrade() {
    let machine = machine();
    let (one, two) = (rpm(&machine, "1.0", GOOD), rpm(&machine, "2.0", GOOD));
    let before = machine.listing();
    machine.sh(&format!("rpm -i --nodeps --prefix /opt/jp {one}")).expect(0);
    assert_eq!(machine.ask("cat /etc/intigua/location.conf /opt/jp/vAgentManager/version"), "/opt/jp\n1.0");
    let done = machine.sh(&format!("rpm -U --nodeps {two}"));
    assert!(done.code != 0 && done.err.contains("rpm -U --prefix /opt/jp"), "{done:?}");
    assert!(service_runs(&machine));
    assert_eq!(machine.ask(&format!("cat /opt/jp/vAgentManager/version; [ ! -e {ROOT} ]")), "1.0");
    machine.sh(&format!("rpm -U --nodeps --prefix /opt/jp {two}")).expect(0);
    assert!(service_runs(&machine));
    machine.sh("/opt/jp/bin/linkctl purge && rpm -e intigua-link").expect(0);
    assert_eq!(machine.listing(), before);
}

#[test]
fn an_rpm_follows_the_root_of_the_answer_file() {
    let machine = machine();
    let (one, two) = (rpm(&machine, "1.0", GOOD), rpm(&machine, "2.0", GOOD));
    machine.sh("mkdir /etc/intigua; echo INSTALL_ROOT=/opt/jp >/etc/intigua/install.conf").expect(0);
    let before = machine.listing();
    machine.sh(&format!("rpm -i --nodeps {one}")).expect(0);
    assert_eq!(
        machine.ask(&format!("cat /etc/intigua/location.conf /opt/jp/vAgentManager/version; readlink {ROOT}")),
        "/opt/jp\n1.0/opt/jp"
    );
    machine.sh(&format!("rpm -U --nodeps {two}")).expect(0);
    assert_eq!(machine.ask("cat /opt/jp/vAgentManager/version"), "2.0");
    assert!(service_runs(&machine));
    machine.sh("/opt/jp/bin/linkctl purge && rpm -e intigua-link").expect(0);
    machine.sh("mkdir /etc/intigua; echo INSTALL_ROOT=/opt/jp >/etc/intigua/install.conf").expect(0);
    assert_eq!(machine.listing(), before);
}

#[test]
fn a_changed_answer_reaches_csclient_cfg_by_dpkg_reconfigure() {
    let machine = machine();
    let one = deb(&machine, "1.0", GOOD);
    machine.sh(&format!("{DPKG} -i {one}")).expect(0);
    let urls = || machine.ask(&format!("sed -n 's/^serverUrl: //p' {ROOT}/components/csclient.cfg"));
    let answer = |question: &str, value: &str| {
        machine.sh(&format!("echo 'intigua-link intigua-link/{question} string {value}' | debconf-set-selections")).expect(0);
        machine.sh("dpkg-reconfigure -f noninteractive intigua-link")
    };
    answer("server_url", "https://answered").expect(0);
    assert_eq!(urls(), "\"https://answered\"");
    // debconf is above what linkctl sets: its answer follows.
    machine.sh(&format!("{ROOT}/bin/linkctl set SERVER_URL=https://set")).expect(0);
    machine.sh("dpkg-reconfigure -f noninteractive intigua-link").expect(0);
    assert_eq!(urls(), "\"https://set\"");
    let done = answer("containers", "unknown");
    assert!(done.code != 0 && done.err.contains("CONTAINERS names"), "{done:?}");
    machine.sh(&format!("{DPKG} -i {one}")).expect(0);
    assert!(service_runs(&machine), "an upgrade goes on");
}
