//! Places that are no running system with systemd: image roots, chroots, SysV machines; and installations that must not start.
use crate::common::{cmd, sysv_generator, Place, Scratch};
use crate::sample::{endpoint, unchanged, Endpoint, Sample, ANSWERS, NAME, ROOT, SHELF};

const ONE: &str = "1.0.0";
const TWO: &str = "1.1.0";
const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/vlink.service";

/// Nothing runs yet, and nothing has been made that only a run makes; but the next boot starts it.
fn waits_for_the_boot(scratch: &Scratch, version: &str) {
    assert!(scratch.exists(WANTED));
    assert!(!scratch.exists("/var/run/intigua") && !scratch.exists("/var/log/intigua/vlink.log"));
    scratch.sh(&format!("grep -q vlinkCoreId {ROOT}/components/csclient.cfg")).exits(1);
    scratch.is_registered(version, ROOT);
    assert!(sysv_generator(scratch).units.is_empty(), "the native unit is in charge");
    scratch.boot().is_whole(version, ROOT);
}

#[test]
fn a_chroot_gets_everything_started_at_its_first_boot() {
    let scratch = endpoint(&[Sample::new(ONE), Sample::new(TWO)]);
    let before = scratch.files();
    scratch.rpm("-i", ONE).ok();
    let result = scratch.reports("installed", 0);
    assert!(result["message"].as_str().unwrap().contains("no running system here"), "{result:#}");
    scratch.rpm("-U", TWO).ok();
    scratch.purge(ROOT).ok().never_says("warning");
    unchanged(&before, &scratch.files());
    scratch.rpm("-i", ONE).ok();
    waits_for_the_boot(&scratch, ONE);
}

#[test]
fn rpm_fills_a_root_from_outside() {
    let scratch = endpoint(&[Sample::new(ONE), Sample::new(TWO)]);
    let root = scratch.inner_root();
    let outside = scratch.outside();
    let host = |action: &str| {
        let line = format!("rpm --root '{0}' {action}", root.display());
        cmd(outside[0].clone()).args(outside[1..].to_vec()).args(["sh", "-c", &line]).run()
    };
    let package = |version: &str| format!("'{}{SHELF}/{version}.rpm'", root.display());
    host(&format!("-i {}", package(ONE))).ok();
    host(&format!("-U {}", package(TWO))).ok();
    host(&format!("-V {NAME}")).ok();
    waits_for_the_boot(&scratch, TWO);
    assert!(!std::path::Path::new("/var/lib/intigua").exists(), "this machine is left alone");
}

#[test]
fn a_sysv_machine_starts_it_by_the_init_script() {
    let scratch = endpoint(&[Sample::new(ONE), Sample::new(TWO), Sample::new("1.2.0").broken()]);
    let machine = scratch.live_sysv();
    let before = machine.files();
    machine.rpm("-i", ONE).ok();
    machine.reports("installed", 0);
    machine.sh("/etc/init.d/vlink status").ok().says("vlink is running");
    let process = machine.read("/var/run/intigua/vlink.pid");
    machine.rpm("-U", TWO).ok();
    machine.is_registered(TWO, ROOT);
    assert_ne!(machine.read("/var/run/intigua/vlink.pid"), process);
    machine.sh("/etc/init.d/vlink status").ok().says("vlink is running");

    let _ = machine.rpm("-U", "1.2.0").says("version 1.1.0 runs again");
    machine.reports("rolled_back", 31);
    machine.sh("/etc/init.d/vlink status").ok().says("vlink is running");
    machine.rpm("-U --oldpackage", TWO).ok();
    machine.is_registered(TWO, ROOT);
    machine.purge(ROOT).ok();
    machine.sh("pgrep vlink; pgrep pulse; pgrep tracer").exits(1);
    unchanged(&before, &machine.files());
}

#[test]
fn an_image_is_not_started_and_its_first_boot_makes_the_identity() {
    let scratch = endpoint(&[Sample::new(ONE), Sample::new(TWO)]);
    scratch.write(ANSWERS, "IMAGE=1\n");
    let machine = scratch.boot();
    machine.rpm("-i", ONE).ok();
    assert_eq!(machine.reports("installed", 0)["image"], true);
    assert_eq!(machine.sh("systemctl is-active vlink; systemctl is-enabled vlink").stdout, "inactive\nenabled\n");
    machine.rpm("-U", TWO).ok();
    assert_eq!(machine.sh("systemctl is-active vlink; systemctl is-enabled vlink").stdout, "inactive\nenabled\n");
    machine.sh(&format!("grep -q vlinkCoreId {ROOT}/components/csclient.cfg")).exits(1);
    machine.is_registered(TWO, ROOT);
    machine.stop();
    let booted = scratch.boot();
    booted.is_whole(TWO, ROOT);
    booted.identity(ROOT);
}

#[test]
fn no_start_registers_and_leaves_the_start_to_the_administrator() {
    let scratch = endpoint(&[Sample::new(ONE)]);
    scratch.write(ANSWERS, "NO_START=1\n");
    let machine = scratch.boot();
    machine.rpm("-i", ONE).ok();
    let result = machine.reports("installed", 0);
    assert!(result["message"].as_str().unwrap().contains("NO_START=1"), "{result:#}");
    assert_eq!(machine.sh("systemctl is-active vlink; systemctl is-enabled vlink").stdout, "inactive\nenabled\n");
    machine.sh("systemctl start vlink").ok();
    machine.is_whole(ONE, ROOT);
}

#[test]
fn a_sudoer_may_run_it() {
    let scratch = endpoint(&[Sample::new(ONE), Sample::new(TWO)]);
    scratch.sh("useradd -r agent").ok();
    scratch.write(ANSWERS, "RUN_AS=agent\n");
    let machine = scratch.boot();
    machine.rpm("-i", ONE).fails().says("may not use sudo without a password");
    machine.reports("refused", 18);
    assert!(!machine.exists(ROOT));
    machine.write("/etc/sudoers.d/agent", "agent ALL=(ALL) NOPASSWD: ALL\n");
    machine.rpm("-i", ONE).ok();
    machine.is_whole(ONE, ROOT);
    let owner = |path: &str| machine.cmd("stat").args(["-c", "%U %a", path]).run().ok().line().to_owned();
    assert_eq!(machine.sh("ps -o user= -p $(systemctl show -P MainPID vlink)").ok().line(), "agent");
    assert_eq!(owner(&format!("{ROOT}/components/csclient.cfg")), "agent 600");
    assert_eq!((owner("/var/log/intigua"), owner(&format!("{ROOT}/.linkpack"))), ("root 755".into(), "root 700".into()));
    assert_eq!(owner(&format!("{ROOT}/vAgentManager/vlink")), "root 755");
    // The account stays without the answer file too.
    machine.sh(&format!("rm {ANSWERS}")).ok();
    machine.rpm("-U", TWO).ok();
    machine.is_whole(TWO, ROOT);
    assert_eq!(machine.sh("ps -o user= -p $(systemctl show -P MainPID vlink)").ok().line(), "agent");
}
