//! Two products whose names differ, side by side on one machine.
use super::*;

const OTHER: &str = "acme-sample";
const OTHER_ROOT: &str = "/usr/local/acme";
const NAMES: &str = r#"[names]
service = "acme-link"
start-link = 40
vendor = "acme"
connector-folder = "Connector"
containers-folder = "Agents"

[connector]
"#;

fn other(version: &str) -> Product {
    Product::sample(version).edit("name = \"intigua-sample\"", "name = \"acme-sample\"").edit("[connector]\n", NAMES)
}

#[test]
fn two_products_of_different_names_live_side_by_side() {
    let scratch = Scratch::debian();
    let (ours, first) = (put(&scratch, &Product::sample("1.0.0")), put(&scratch, &other("1.0.0")));
    let second = put(&scratch, &other("1.1.0"));
    let renamed = put(&scratch, &other("1.2.0").edit("vendor = \"acme\"", "vendor = \"acme-two\"").edit("acme-link", "acme-two"));
    let machine = scratch.boot();
    let before = listing(&machine);

    machine.sh(&format!("dpkg -i {ours} {first}")).ok();
    let id = everything_runs(&machine, ROOT)["core_id"].clone();
    let its = everything_runs(&machine, OTHER_ROOT);
    assert_eq!((its["product"].as_str(), its["root"].as_str()), (Some(OTHER), Some(OTHER_ROOT)));
    assert_ne!(its["core_id"], id);
    assert_eq!(machine.sh("systemctl is-active vlink acme-link").ok().line(), "active\nactive");
    assert_eq!(machine.sh("readlink /etc/rc3.d/S40acme-link /etc/rc5.d/S40acme-link").ok().line().lines().count(), 2);
    machine.sh(&format!("{OTHER_ROOT}/bin/linkctl check && {ROOT}/bin/linkctl check")).ok();
    machine.sh(&format!("{OTHER_ROOT}/Connector/vlink check --root {OTHER_ROOT}")).ok();
    machine.sh("test -f /run/acme/acme-link.pid && test -s /var/log/acme/pulse.log && test -f /etc/acme/location.conf").ok();
    machine
        .sh(&format!("{OTHER_ROOT}/bin/linkctl status --prometheus /root/acme.prom && grep -q '^acme_link_up 1' /root/acme.prom"))
        .ok();
    machine.sh("rm /root/acme.prom").ok();

    // Each goes its own way: the other's process stays the same one.
    let process = |service: &str| machine.sh(&format!("systemctl show -p MainPID {service}")).ok().line().to_owned();
    let (our_process, its_process) = (process("vlink"), process("acme-link"));
    machine.sh(&format!("dpkg -i {second}")).ok();
    assert_eq!(everything_runs(&machine, OTHER_ROOT)["version"], "1.1.0");
    assert_eq!(process("vlink"), our_process);
    assert_ne!(process("acme-link"), its_process);

    // A version that goes by other names is no upgrade.
    let its_process = process("acme-link");
    machine.sh(&format!("dpkg -i {renamed}")).exits(1).says("under other names");
    machine.sh("dpkg --configure -a; test ! -e /var/lib/acme-two/state").ok();
    assert_eq!((process("acme-link"), process("vlink")), (its_process.clone(), our_process));

    machine.sh(&format!("dpkg --purge {NAME}")).ok();
    assert_eq!(process("acme-link"), its_process);
    everything_runs(&machine, OTHER_ROOT);
    machine.sh(&format!("ls -d {ROOT} /etc/intigua /var/lib/intigua /var/log/intigua /etc/rc3.d/*vlink 2>/dev/null")).exits(2);
    machine.sh(&format!("dpkg --purge {OTHER}")).ok();
    machine.sh("rm -rf /var/log/acme-two").ok();
    same(&before, &listing(&machine));
}
