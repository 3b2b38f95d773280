//! Below a running systemd.
use crate::common::{Machine, Place, Product, Scratch};

const ROOT: &str = "/usr/local/intigua";

fn put(scratch: &Scratch, version: &str, format: &str) -> String {
    let product = Product::sample(version);
    let path = format!("/packages/{version}.{format}");
    scratch.copy_in(&product.build(format), &path);
    path
}

/// Runs a command in the cgroup of the service, as an agent in it would.
fn inside(machine: &Machine<'_>, command: &str) -> crate::common::Output {
    let enter = "g=$(systemctl show -P ControlGroup vlink); for t in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do \
                 [ ! -d $t$g ] || for p in $t$g/cgroup.procs $t$g/*/cgroup.procs; do [ ! -e $p ] || echo $$ >$p 2>/dev/null || :; done; done; ";
    machine.sh(&format!("sh -c '{enter} exec {command}' | cat"))
}

#[test]
fn a_mask_is_the_administrators_in_every_channel() {
    let scratch = Scratch::debian();
    let (run, deb, rpm) = (put(&scratch, "1.0.0", "run"), put(&scratch, "1.0.0", "deb"), put(&scratch, "1.0.0", "rpm"));
    let machine = scratch.boot();
    machine.sh("systemctl mask vlink").ok();
    let rpm = format!("rpm -i --nodeps {rpm}");
    for (install, remove) in [
        (format!("sh {run}"), format!("sh {run} --uninstall --purge")),
        (format!("dpkg -i {deb}"), "dpkg --purge intigua-sample".to_owned()),
        (rpm, "rpm -e intigua-sample".to_owned()),
    ] {
        machine.sh(&install).ok();
        assert!(machine.read("/var/log/intigua/install.json").contains("the administrator has masked it"), "{install}");
        machine.sh("systemctl is-active vlink").fails();
        machine.sh(&remove).ok();
        assert_eq!(machine.sh("readlink /etc/systemd/system/vlink.service").ok().line(), "/dev/null", "{remove}");
    }
}

#[test]
fn an_upgrade_that_the_agent_starts_itself_completes() {
    let scratch = Scratch::debian();
    let (run, newer) = (put(&scratch, "1.0.0", "run"), put(&scratch, "1.1.0", "run"));
    let machine = scratch.boot();
    machine.sh(&format!("sh {run}")).ok();
    inside(&machine, &format!("sh {newer}"));
    assert!(machine.read("/var/lib/intigua/state").contains("version=1.1.0"));
    assert!(machine.read("/var/log/intigua/install.json").contains("\"upgraded\""));
    machine.sh("systemctl is-active vlink").ok();
    machine.sh("test ! -e /var/lib/intigua/journal").ok();
}

#[test]
fn what_was_stopped_stays_stopped_and_the_log_is_found() {
    let scratch = Scratch::debian();
    let (deb, newer) = (put(&scratch, "1.0.0", "deb"), put(&scratch, "1.1.0", "deb"));
    let broken = Product::broken("2.0.0");
    scratch.copy_in(&broken.build("run"), "/packages/broken.run");
    let machine = scratch.boot();
    // Without a file there is a journal, and the message names it.
    machine.sh("sh /packages/broken.run").exits(31).says("journalctl -u vlink");
    machine.sh(&format!("dpkg -i {deb} && systemctl stop vlink && dpkg -i {newer}")).ok();
    machine.sh("systemctl is-active vlink").exits(3);
    assert!(machine.read("/var/log/intigua/install.json").contains("it was stopped before"));
}

#[test]
fn the_account_of_the_products_own_is_confined() {
    let scratch = Scratch::debian();
    let run = put(&scratch, "1.0.0", "run");
    let machine = scratch.boot();
    machine.sh(&format!("sh {run} --run-as auto")).ok();
    machine.sh(&format!("{ROOT}/bin/linkctl status")).ok().says("tracer");
    assert_eq!(machine.sh("ps -o user:32= -p $(systemctl show -P MainPID vlink)").ok().line(), "_intigua-sample");
    let said = machine.sh("systemd-analyze security --no-pager vlink | tail -n 1").ok();
    let value = said.line().split_whitespace().find_map(|word| word.parse::<f32>().ok()).expect("a value");
    assert!(value <= 5.0, "{}", said.line());
    // Its containers run and write where they may.
    machine
        .sh(&format!(
            "for i in 1 2 3 4 5 6 7 8 9 10; do [ ! -s {ROOT}/components/tracer/seen ] || exit 0; sleep 0.5; done; exit 1"
        ))
        .ok();
}
