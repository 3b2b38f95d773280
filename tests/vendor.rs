//! As a new user would: a manifest with Debian's own zabbix-agent2 and prometheus-node-exporter as containers, all three packages,
//! each installed, upgraded and removed on a machine with systemd.
mod common;
use common::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const LINKPACK: &str = env!("CARGO_BIN_EXE_linkpack");

/// The agents, and the libraries of theirs that a minimal Debian may lack.
const AGENTS: [&str; 2] = ["zabbix-agent2", "prometheus-node-exporter"];
const LIBRARIES: [&str; 4] = ["libpcre2-8-0", "libsqlite3-0", "libssl3", "zlib1g"];

const MANIFEST: &str = r#"[product]
name = "acme-monitoring"
title = "Acme monitoring"
version = "VERSION"
publisher = "Acme Ltd"
contact = "Acme Ltd <support@acme.example>"
license = "Proprietary"
description = "monitoring agents under one connector"

[connector]
executable = { linux = "vlink" }
payload = { linux-x86_64 = "connector" }

[[container]]
name = "zabbix"
command = ["usr/sbin/zabbix_agent2", "-f", "-c", "{dir}/etc/zabbix/zabbix_agent2.conf"]
throttle = { nice = 10 }

[container.payload]
linux-x86_64 = [
  { source = "debs/zabbix-agent2.deb", exclude = ["lib/systemd", "usr/lib/tmpfiles.d", "etc/init.d", "etc/logrotate.d", "usr/share"] },
  "zabbix",
]

[[container]]
name = "node-exporter"
command = ["usr/bin/prometheus-node-exporter", "--web.listen-address=127.0.0.1:9100"]

[container.payload]
linux-x86_64 = { source = "debs/prometheus-node-exporter.deb", exclude = ["lib/systemd", "etc", "usr/share"] }
"#;

/// The vendor's file names folders of the system; in a container the working folder serves.
const ZABBIX_CONF: &str =
    "Server=127.0.0.1\nHostname=endpoint\nLogType=console\nPidFile=zabbix_agent2.pid\nControlSocket=agent.sock\n";

/// Debian's packages, downloaded once.
fn debs() -> PathBuf {
    fixture("vendor-debs", &format!("{AGENTS:?}{LIBRARIES:?}"), |folder| {
        cmd("apt-get").args(["-q", "download"]).args(AGENTS).args(LIBRARIES).dir(folder).run().ok();
        for file in fs::read_dir(folder).expect("list the packages").flatten() {
            let name = file.file_name().into_string().expect("a package's name is plain");
            let package = name.split('_').next().expect("a name").to_owned();
            fs::rename(file.path(), folder.join(format!("{package}.deb"))).expect("rename a package");
        }
    })
}

/// The three packages of one version.
fn build(folder: &Path, version: &str) -> [PathBuf; 3] {
    fs::write(folder.join("linkpack.toml"), MANIFEST.replace("VERSION", version)).expect("write the manifest");
    cmd(LINKPACK).args(["build", "--no-cache", "-q"]).dir(folder).run().ok();
    let dist = folder.join("dist");
    [
        dist.join(format!("acme-monitoring_{version}_amd64.deb")),
        dist.join(format!("acme-monitoring-{version}-1.x86_64.rpm")),
        dist.join(format!("acme-monitoring-{version}-linux-x86_64.run")),
    ]
}

/// What a user puts together: the connector, the vendors' packages, a configuration of his own.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("make a folder");
    let sample = folder.path().join("sample");
    cmd(LINKPACK).args(["init", "--sample"]).arg(&sample).run().ok();
    fs::rename(sample.join("connector"), folder.path().join("connector")).expect("take the connector");
    std::os::unix::fs::symlink(debs(), folder.path().join("debs")).expect("link the packages");
    fs::create_dir_all(folder.path().join("zabbix/etc/zabbix")).expect("make a folder");
    fs::write(folder.path().join("zabbix/etc/zabbix/zabbix_agent2.conf"), ZABBIX_CONF).expect("write the configuration");
    folder
}

fn machine_with_libraries() -> Scratch {
    let scratch = Scratch::debian();
    for library in LIBRARIES {
        scratch.copy_in(&debs().join(format!("{library}.deb")), &format!("/opt/{library}.deb"));
    }
    scratch.sh("dpkg --force-depends -i /opt/*.deb && rm /opt/*.deb").ok();
    scratch
}

/// Both agents answer on their ports, and the connector has not had to restart them.
fn agents_answer(machine: &Machine) {
    let answer = "exec 3<>/dev/tcp/127.0.0.1/9100 && printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q node_load1 <&3";
    let (start, limit) = (Instant::now(), Duration::from_secs(120));
    loop {
        let exporter = machine.cmd("bash").args(["-c", answer]).run();
        let zabbix = machine.cmd("bash").args(["-c", "exec 3<>/dev/tcp/127.0.0.1/10050"]).run();
        if exporter.code == Some(0) && zabbix.code == Some(0) {
            break;
        }
        let status = || machine.sh("cat /var/run/intigua/status /var/log/intigua/*.log; journalctl -u vlink | tail -20");
        assert!(start.elapsed() < limit, "the agents do not answer:\n{exporter}{zabbix}{}", status());
        std::thread::sleep(Duration::from_millis(300));
    }
    let status = machine.read("/var/run/intigua/status");
    for agent in ["zabbix", "node-exporter"] {
        let line = status.lines().find(|line| line.starts_with(&format!("container\t{agent}\trunning\t")));
        let restarts = line.and_then(|line| line.split('\t').nth(4));
        assert_eq!(restarts, Some("0"), "{agent}:\n{status}");
    }
}

fn installs_starts_upgrades_and_uninstalls(format: usize, install: &str, upgrade: &str, remove: &str) {
    let project = project();
    let scratch = machine_with_libraries();
    for (version, place) in [("1.0.0", "/opt/one"), ("1.1.0", "/opt/two")] {
        scratch.copy_in(&build(project.path(), version)[format], place);
    }
    let machine = scratch.boot();
    machine.sh(install).ok();
    agents_answer(&machine);
    let identity = machine.sh("grep vlinkCoreId /usr/local/intigua/components/csclient.cfg").ok().line().to_owned();
    machine.sh(upgrade).ok();
    agents_answer(&machine);
    assert_eq!(machine.sh("systemctl is-active vlink; systemctl is-enabled vlink").ok().line(), "active\nenabled");
    assert_eq!(machine.sh("grep vlinkCoreId /usr/local/intigua/components/csclient.cfg").ok().line(), identity);
    assert!(machine.read("/var/log/intigua/install.json").contains("\"upgraded\""));
    machine.sh(remove).ok();
    machine.sh("systemctl is-active vlink").fails();
    machine.sh("pgrep -l 'vlink|zabbix|prometheus'").exits(1);
    machine
        .sh("ls -d /usr/local/intigua /etc/init.d/vlink /lib/systemd/system/vlink.service /etc/intigua")
        .fails()
        .never_says("\n/");
}

#[test]
fn the_deb_with_two_vendors_agents_lives_its_whole_life() {
    installs_starts_upgrades_and_uninstalls(
        0,
        "cp /opt/one /a.deb && apt-get install -y /a.deb",
        "dpkg -i /opt/two",
        "dpkg -P acme-monitoring",
    );
}

#[test]
fn the_rpm_with_two_vendors_agents_lives_its_whole_life() {
    installs_starts_upgrades_and_uninstalls(1, "rpm -i --nodeps /opt/one", "rpm -U --nodeps /opt/two", "rpm -e acme-monitoring");
}

#[test]
fn the_run_with_two_vendors_agents_lives_its_whole_life() {
    installs_starts_upgrades_and_uninstalls(2, "sh /opt/one", "sh /opt/two", "sh /opt/two --uninstall --purge");
}
