//! The service on machines of different kinds, and the accounts that it runs as.

#[path = "service/account.rs"]
mod account;
#[path = "service/booted.rs"]
mod booted;
mod common;
#[path = "service/labels.rs"]
mod labels;
mod sandbox;

use sandbox::product::{self, GOOD};
use sandbox::{Sandbox, SHELLS};

const UNIT: &str = "/lib/systemd/system/vlink.service";
const PID: &str = "/var/run/intigua/vlink.pid";

/// A connector that writes its number into the file of processes, as the contract wants it.
fn machine_with_packages(machine: Sandbox) -> Sandbox {
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    machine.put("/tmp/two.run", &product::run("2.0", GOOD));
    machine
}

fn message(machine: &Sandbox) -> String {
    let result: serde_json::Value = serde_json::from_str(&machine.ask("cat /var/log/intigua/install.json")).expect("JSON");
    result["message"].as_str().expect("a sentence").to_owned()
}

#[test]
fn a_containers_build_registers_and_starts_nothing() {
    for init in ["sh", "runit", "s6-svscan", "buildkit-runc"] {
        let machine = machine_with_packages(Sandbox::with_init(init));
        machine.sh("sh /tmp/one.run").expect(0);
        assert!(message(&machine).contains("not started: no running system here"), "{init}");
        assert_eq!(machine.ask(&format!("ls {UNIT}; ls {PID} 2>/dev/null || :")), UNIT, "{init}");
    }
    for init in ["init", "tini", "dumb-init"] {
        let machine = machine_with_packages(Sandbox::with_init(init));
        machine.sh("sh /tmp/one.run").expect(0);
        machine.sh("/etc/init.d/vlink status").expect(0);
    }
}

#[test]
fn a_chroot_starts_nothing_although_the_machine_around_it_runs_systemd() {
    let machine = machine_with_packages(Sandbox::new());
    let around = "mkdir -p /run/systemd/system /srv/up /srv/c; mount -t tmpfs t /srv/up; mkdir /srv/up/u /srv/up/w; \
                  mount -t overlay -o lowerdir=/,upperdir=/srv/up/u,workdir=/srv/up/w o /srv/c; \
                  for d in proc run tmp; do mount --rbind /$d /srv/c/$d; done";
    machine.sh(around).expect(0);
    machine.sh("chroot /srv/c sh /tmp/one.run").expect(0);
    assert!(machine.ask("cat /srv/c/var/log/intigua/install.json").contains("no running system here"));
}

#[test]
fn another_ones_unit_or_init_script_is_refused_and_stays() {
    let make = [
        ("/lib/systemd/system/vlink.service", "printf '[Unit]\\nDescription=other\\n' >"),
        ("/etc/systemd/system/vlink.service", "printf '[Unit]\\nDescription=other\\n' >"),
        ("/etc/systemd/system/vlink.service", "ln -s /opt/other.service "),
        ("/etc/init.d/vlink", "printf '#!/bin/sh\\n# other\\n' >"),
        ("/etc/init.d/vlink", "ln -s /opt/other/init "),
        ("/etc/rc3.d/S30vlink", "ln -s /etc/passwd "),
    ];
    for (path, command) in make {
        let machine = machine_with_packages(Sandbox::new());
        machine.sh(&format!("mkdir -p $(dirname {path}); {command}{path}")).expect(0);
        let before = machine.ask(&format!("ls -l {path}; cat {path} 2>&1 || :"));
        let done = machine.sh("sh /tmp/one.run").expect(17);
        assert!(done.err.contains(&format!("{path} is there already")), "{}", done.err);
        assert_eq!(machine.ask(&format!("ls -l {path}; cat {path} 2>&1 || :")), before);
        machine.sh("test -e /usr/local/intigua").expect(1);
    }
}

#[test]
fn what_another_one_put_in_our_place_survives_the_uninstall() {
    let machine = machine_with_packages(Sandbox::new());
    machine.sh("sh /tmp/one.run").expect(0);
    machine.sh(&format!("echo other >{UNIT}; echo other >/etc/init.d/vlink; ln -sf /etc/passwd /etc/rc5.d/S30vlink")).expect(0);
    machine.sh("/usr/local/intigua/bin/linkctl uninstall --purge").expect(0);
    assert_eq!(machine.ask(&format!("cat {UNIT} /etc/init.d/vlink; readlink /etc/rc5.d/S30vlink")), "other\nother\n/etc/passwd");
}

#[test]
fn a_copy_of_the_unit_that_an_administrator_edits_is_his() {
    let machine = machine_with_packages(Sandbox::new());
    machine.sh("sh /tmp/one.run").expect(0);
    let copy = "/etc/systemd/system/vlink.service";
    machine.sh(&format!("cp {UNIT} {copy}; echo Nice=5 >>{copy}")).expect(0);
    machine.sh("sh /tmp/two.run && /usr/local/intigua/bin/linkctl uninstall --purge").expect(0);
    assert_eq!(machine.ask(&format!("tail -n 1 {copy}; ls {UNIT} 2>/dev/null || :")), "Nice=5");
}

#[test]
fn logrotate_has_a_file_that_an_administrator_may_take_over() {
    const FILE: &str = "/etc/logrotate.d/vlink";
    let machine = machine_with_packages(Sandbox::with_init("init"));
    machine.sh("mkdir -p /etc/logrotate.d; sh /tmp/one.run").expect(0);
    let text = machine.ask(&format!("cat {FILE}"));
    assert!(text.starts_with("# Written by linkpack for ") && text.contains("/var/log/intigua/*.log {"), "{text}");
    // Edited under our name it is ours; without the name it is the administrator's, and so is its absence.
    machine.sh(&format!("sed -i s/weekly/daily/ {FILE} && sh /tmp/two.run && grep -q weekly {FILE}")).expect(0);
    machine
        .sh(&format!("sed -i 1d {FILE} && sed -i s/weekly/daily/ {FILE} && sh /tmp/two.run && grep -q daily {FILE}"))
        .expect(0);
    machine.sh(&format!("/usr/local/intigua/bin/linkctl uninstall --purge; grep -q daily {FILE} && rm {FILE}")).expect(0);
    machine.sh(&format!("sh /tmp/one.run && rm {FILE} && sh /tmp/two.run && test ! -e {FILE}")).expect(0);
    machine.sh(&format!("/usr/local/intigua/bin/linkctl uninstall --purge; sh /tmp/one.run && test -e {FILE}")).expect(0);
    machine.sh(&format!("/usr/local/intigua/bin/linkctl uninstall && test ! -e {FILE}")).expect(0);
}

#[test]
fn folders_of_an_init_that_is_not_there_are_not_made() {
    let machine = machine_with_packages(Sandbox::new());
    machine.sh("rm -rf /etc/init.d /etc/rc?.d /etc/rc.d").expect(0);
    machine.sh("sh /tmp/one.run").expect(0);
    assert_eq!(machine.ask("ls -d /etc/init.d /etc/rc* 2>/dev/null || :"), "");
    machine.sh("/usr/local/intigua/bin/linkctl uninstall --purge").expect(0);
}

#[test]
fn a_read_only_usr_has_the_unit_in_etc() {
    let machine = machine_with_packages(Sandbox::new());
    machine.sh("mount --bind /usr /usr && mount -o remount,bind,ro /usr").expect(0);
    let before = machine.listing();
    let unit = "/etc/systemd/system/vlink.service";
    machine.sh("sh /tmp/one.run --install-root /opt/acme/link").expect(0);
    machine.sh(&format!("grep -q /opt/acme/link/vAgentManager/vlink {unit} && ! test -e {UNIT}")).expect(0);
    assert_eq!(machine.ask("readlink /etc/systemd/system/multi-user.target.wants/vlink.service"), unit);
    machine.sh("/opt/acme/link/bin/linkctl check").expect(0);
    machine.sh("sh /tmp/two.run").expect(0);
    machine.sh(&format!("test -e {unit}")).expect(0);
    machine.sh("/opt/acme/link/bin/linkctl uninstall --purge").expect(0);
    assert_eq!(machine.listing(), before);
}

#[test]
fn a_sysv_machine_starts_it_in_every_level_and_stops_it_at_shutdown() {
    let machine = machine_with_packages(Sandbox::new());
    // The administrator wants it off in level 4, and no tool is there that orders the links.
    machine
        .sh("rm -f /usr/sbin/update-rc.d /usr/sbin/insserv; mkdir -p /etc/rc4.d; ln -s ../init.d/vlink /etc/rc4.d/K01vlink")
        .expect(0);
    if machine.ask("ls -d /lib/systemd/systemd 2>/dev/null || :").is_empty() {
        machine.sh("mkdir -p /etc/rc0.d").expect(0);
    }
    machine.sh("sh /tmp/one.run").expect(0);
    let links = "cd /etc && ls -d rc?.d/*vlink";
    let expected =
        "rc0.d/K70vlink\nrc1.d/K70vlink\nrc2.d/S30vlink\nrc3.d/S30vlink\nrc4.d/K01vlink\nrc5.d/S30vlink\nrc6.d/K70vlink";
    assert_eq!(machine.ask(links), expected);
    machine.sh("sh /tmp/two.run").expect(0);
    assert_eq!(machine.ask(links), expected);
}

#[test]
fn the_tools_that_order_the_links_hear_of_it() {
    for tool in ["update-rc.d", "insserv", "chkconfig"] {
        let machine = machine_with_packages(Sandbox::new());
        machine.sh("rm -f /usr/sbin/update-rc.d /usr/sbin/insserv /usr/sbin/chkconfig").expect(0);
        machine.put(&format!("/usr/sbin/{tool}"), b"#!/bin/sh\necho \"$@\" >>/tmp/said\n");
        machine.sh(&format!("chmod 755 /usr/sbin/{tool}; sh /tmp/one.run")).expect(0);
        assert!(machine.ask("head -n 1 /tmp/said").contains("vlink"), "{tool}");
    }
}

#[test]
fn a_lost_file_of_processes_hides_no_connector() {
    let machine = machine_with_packages(Sandbox::with_init("init"));
    let running = "pgrep -f '^[^ ]*( |)/usr/local/intigua/vAgentManager/vlink' | wc -l";
    machine.sh("sh /tmp/one.run").expect(0);
    machine.sh(&format!("rm {PID}; /etc/init.d/vlink status && sh /tmp/two.run")).expect(0);
    assert_eq!((machine.ask(running).as_str(), message(&machine).contains("is upgraded")), ("1", true));
    // Even with the init script that would stop it gone.
    machine.sh(&format!("rm {PID} /etc/init.d/vlink; sh /tmp/two.run --uninstall")).expect(0);
    assert_eq!(machine.ask(running), "0");
}

#[test]
fn what_was_stopped_stays_stopped_over_an_upgrade_and_what_died_is_started() {
    for shell in SHELLS {
        let machine = machine_with_packages(Sandbox::with_shell(shell));
        machine.sh("sh /tmp/one.run && /etc/init.d/vlink stop").expect(0);
        machine.sh("sh /tmp/two.run").expect(0);
        assert!(message(&machine).contains("not started: it was stopped before"), "{shell}");
        machine.sh("/etc/init.d/vlink status").expect(3);
        machine.sh(&format!("/etc/init.d/vlink start && kill -9 $(cat {PID})")).expect(0);
        machine.sh("sh /tmp/two.run").expect(0);
        machine.sh("/etc/init.d/vlink status").expect(0);
    }
}
