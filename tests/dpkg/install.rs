//! A first installation, on each kind of system.
use super::*;

#[test]
fn dpkg_and_apt_install_a_running_enabled_service_and_purge_it() {
    let scratch = Scratch::debian();
    let deb = put(&scratch, &Product::sample("1.0.0"));
    let machine = scratch.boot();
    for (add, drop) in [("dpkg -i", "dpkg --purge"), ("apt-get install -y", "apt-get purge -y")] {
        machine.sh(&format!("{add} {deb}")).ok();
        assert_eq!(outcome(&machine), is("installed", 0, "1.0.0"));
        assert_eq!(machine.sh("systemctl is-active vlink; systemctl is-enabled vlink").ok().line(), "active\nenabled");
        everything_runs(&machine, ROOT);
        machine.sh(&format!("{drop} {NAME}")).ok();
        machine.sh("systemctl status vlink").exits(4);
        nothing_runs(&machine);
    }
}

#[test]
fn all_that_the_documentation_names_is_in_its_place() {
    let scratch = Scratch::debian();
    let deb = put(&scratch, &Product::sample("1.0.0"));
    let machine = scratch.boot();
    install(&machine, &deb).ok();

    assert_eq!(machine.read("/etc/intigua/location.conf"), format!("{ROOT}\n"));
    for level in [3, 5] {
        let link = format!("readlink /etc/rc{level}.d/S30vlink; test -x /etc/rc{level}.d/S30vlink");
        assert_eq!(machine.sh(&link).ok().line(), "../init.d/vlink");
    }
    machine.sh("test -x /etc/init.d/vlink && test -f /lib/systemd/system/vlink.service").ok();
    assert_eq!(
        machine.sh(&format!("stat -c '%a %U' {CONFIG} /var/log/intigua /var/run/intigua")).ok().line(),
        "600 root\n755 root\n755 root"
    );
    let result = result(&machine);
    assert_eq!((&result["channel"], &result["root"], &result["previous_version"]), (&"deb".into(), &ROOT.into(), &Value::Null));
    assert!(result["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true), "{result}");

    let status = everything_runs(&machine, ROOT);
    assert_eq!(status["core_id"].as_str(), configured(&machine, "vlinkCoreId").as_deref());
    assert_eq!(configured(&machine, "serverUrl").as_deref(), Some("https://core.example.com:443;https://core2.example.com:443"));
    assert!(
        machine.read(&format!("{ROOT}/components/tracer/seen")).contains("hostname=tracer.virtual"),
        "the library is preloaded"
    );
    machine.sh(&format!("{ROOT}/bin/linkctl containers")).ok().says("pulse").says("tracer");
    machine.sh(&format!("{ROOT}/bin/linkctl check")).ok().says("everything is in place");
    machine.sh(&format!("{ROOT}/vAgentManager/vlink check --root {ROOT}")).ok();
    machine.sh("/etc/init.d/vlink status").ok();
    machine.sh("/etc/init.d/vlink stop").ok();
    machine.sh(&format!("{ROOT}/bin/linkctl status")).exits(3);
    machine.sh("service vlink start").ok();
    everything_runs(&machine, ROOT);
}

#[test]
fn a_chroot_gets_everything_but_a_start_and_its_next_boot_starts_it() {
    let scratch = Scratch::debian();
    let deb = put(&scratch, &Product::sample("1.0.0"));
    install(&scratch, &deb).ok();
    let said = result(&scratch);
    assert!(said["message"].as_str().unwrap().contains("not started: no running system"), "{said}");
    nothing_runs(&scratch);
    assert_eq!(configured(&scratch, "vlinkCoreId"), None);

    let machine = scratch.boot();
    everything_runs(&machine, ROOT);
    assert_eq!(machine.sh("systemctl is-enabled vlink").ok().line(), "enabled");
}

#[test]
fn a_start_that_policy_declines_is_a_success() {
    let scratch = Scratch::debian();
    let deb = put(&scratch, &Product::sample("1.0.0"));
    scratch.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n");
    scratch.sh("chmod +x /usr/sbin/policy-rc.d").ok();
    let machine = scratch.boot();
    install(&machine, &deb).ok();
    assert!(result(&machine)["message"].as_str().unwrap().contains("policy-rc.d declines"));
    assert_eq!(machine.sh("systemctl is-active vlink; systemctl is-enabled vlink").ok().line(), "inactive\nenabled");
    // What policy declines is declined for an upgrade, too; a removal works all the same.
    let newer = put(&machine, &Product::sample("1.1.0"));
    install(&machine, &newer).ok();
    machine.sh("systemctl is-active vlink").exits(3);
    machine.cmd("dpkg").args(["--purge", NAME]).run().ok();
}

#[test]
fn a_machine_with_sysv_init_runs_it_by_the_init_script() {
    let scratch = Scratch::debian();
    let (deb, newer) = (put(&scratch, &Product::sample("1.0.0")), put(&scratch, &Product::sample("1.1.0")));
    let before = listing(&scratch);
    let machine = scratch.live_sysv();
    install(&machine, &deb).ok();
    assert_eq!(outcome(&machine), is("installed", 0, "1.0.0"));
    everything_runs(&machine, ROOT);
    let first = machine.read("/var/run/intigua/vlink.pid");
    install(&machine, &newer).ok();
    assert_eq!(outcome(&machine), is("upgraded", 0, "1.1.0"));
    everything_runs(&machine, ROOT);
    assert_ne!(machine.read("/var/run/intigua/vlink.pid"), first, "restarted");
    machine.sh("service vlink status").ok();
    machine.sh("service vlink stop").ok();
    machine.sh("service vlink status").exits(3);
    nothing_runs(&machine);
    machine.sh("service vlink start").ok();
    everything_runs(&machine, ROOT);
    machine.cmd("dpkg").args(["--purge", NAME]).run().ok();
    nothing_runs(&machine);
    same(&before, &listing(&scratch));
}

#[test]
fn without_the_native_unit_the_sysv_generator_starts_it_in_both_targets() {
    let scratch = Scratch::debian();
    let deb = put(&scratch, &Product::sample("1.0.0"));
    install(&scratch, &deb).ok();
    assert!(sysv_generator(&scratch).units.is_empty(), "the native unit wins");
    scratch.sh("rm /lib/systemd/system/vlink.service").ok();
    let made = sysv_generator(&scratch);
    assert_eq!(made.units, ["vlink.service"]);
    for target in ["graphical", "multi-user"] {
        assert!(made.links.contains(&format!("{target}.target.wants/vlink.service")), "{made:?}");
    }
}

#[test]
fn a_sudoer_runs_the_service_and_others_are_refused() {
    let scratch = Scratch::debian();
    let deb = put(&scratch, &Product::sample("1.0.0"));
    scratch.write("/etc/intigua/install.conf", "RUN_AS=carrier\n");
    let machine = scratch.boot();
    install(&machine, &deb).fails().says("the account carrier does not exist");
    assert_eq!(outcome(&machine), is("refused", 18, "1.0.0"));
    machine.sh("useradd --system --create-home carrier").ok();
    install(&machine, &deb).fails().says("may not use sudo without a password");
    assert_eq!(outcome(&machine), is("refused", 18, "1.0.0"));
    machine.write("/etc/sudoers.d/carrier", "carrier ALL=(ALL) NOPASSWD: ALL\n");
    install(&machine, &deb).ok();
    everything_runs(&machine, ROOT);
    assert_eq!(machine.sh("ps -o user= -C vlink | sort -u").ok().line(), "carrier");
    let owners = format!("stat -c %U {CONFIG} {ROOT}/components /var/log/intigua/vlink.log /var/run/intigua | sort -u");
    assert_eq!(machine.sh(&owners).ok().line(), "carrier");
    assert_eq!(
        machine.sh(&format!("stat -c %U {ROOT} {ROOT}/vAgentManager {ROOT}/.linkpack /var/log/intigua | sort -u")).ok().line(),
        "root"
    );
    machine.stop();
    let machine = scratch.live_sysv();
    machine.sh("/etc/init.d/vlink start").ok();
    everything_runs(&machine, ROOT);
    assert_eq!(machine.sh("ps -o user= -C vlink | sort -u").ok().line(), "carrier");
}
