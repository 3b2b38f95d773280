//! An rpm that is killed, and what rpmlint thinks.
use crate::common::{cmd, need, Machine, Place};
use crate::sample::{endpoint, unchanged, Endpoint, Sample, NAME, ROOT, SHELF};

const ONE: &str = "1.0.0";
const TWO: &str = "1.1.0";

/// Moments from the start of rpm, in hundredths of a second, that lie in different steps of a transaction.
const MOMENTS: [u32; 3] = [10, 30, 90];
const OTHER_MOMENTS: [u32; 3] = [20, 50, 250];

/// An upgrade broken off at `moment`. Returns the identity from before.
fn broken_off(machine: &Machine, moment: u32) -> String {
    machine.rpm("-i", ONE).ok();
    let identity = machine.identity(ROOT);
    // rpm names its temporary files by the second in which it began: another one in the same second stumbles over them.
    let next = "now=$(date +%s); while [ \"$(date +%s)\" = \"$now\" ]; do sleep 0.1; done";
    let kill = format!("rpm -U {SHELF}/{TWO}.rpm & sleep {:.2}; kill -9 $!; {next}", f64::from(moment) / 100.0);
    machine.sh(&kill).ok();
    identity
}

fn completes(machine: &Machine, identity: &str) {
    machine.rpm("-U --replacepkgs", TWO).ok();
    machine.is_whole(TWO, ROOT);
    assert_eq!(machine.identity(ROOT), identity);
}

#[test]
fn a_killed_upgrade_is_completed_by_the_same_command() {
    for moment in MOMENTS {
        let scratch = endpoint(&[Sample::new(ONE), Sample::new(TWO)]);
        let machine = scratch.boot();
        let identity = broken_off(&machine, moment);
        // The scriptlet that was running ends by itself.
        machine.sh("for i in 1 2 3 4 5 6 7 8 9; do pgrep -f '[r]pm-tmp' || exit 0; sleep 1; done; exit 1").ok();
        machine.sh("systemctl is-active vlink").ok();
        completes(&machine, &identity);
    }
}

#[test]
fn an_upgrade_that_lost_its_power_is_completed_by_the_same_command() {
    for moment in OTHER_MOMENTS {
        let scratch = endpoint(&[Sample::new(ONE), Sample::new(TWO)]);
        let machine = scratch.boot();
        let identity = broken_off(&machine, moment);
        machine.cut_power();
        let machine = scratch.boot();
        machine.sh("systemctl is-active vlink").ok();
        completes(&machine, &identity);
    }
}

#[test]
fn a_rollback_keeps_the_set_uid_bit_of_the_old_version() {
    let with_helper = |version: &str| {
        let source = "{ source = \"containers/pulse\", config = [\"etc/*\"]";
        Sample::new(version)
            .edit(source, &format!("{source}, setuid = [\"bin/helper\"]"))
            .file("containers/pulse/bin/helper", &format!("#!/bin/sh\necho {version}\n"))
            .mode("containers/pulse/bin/helper", 0o4755)
    };
    let scratch = endpoint(&[with_helper(ONE), with_helper(TWO).broken()]);
    let machine = scratch.live_sysv();
    machine.rpm("-i", ONE).ok();
    let helper = format!("{ROOT}/Intigua-Libs/pulse/bin/helper");
    let mode = || machine.cmd("stat").args(["-c", "%a", &helper]).run().ok().line().to_owned();
    assert_eq!(mode(), "4755");
    let _ = machine.rpm("-U", TWO).says("version 1.0.0 runs again");
    assert_eq!((machine.read(&helper).as_str(), mode().as_str()), ("#!/bin/sh\necho 1.0.0\n", "4755"));
}

#[test]
fn an_installation_that_cannot_be_registered_is_erased_whole() {
    let scratch = endpoint(&[Sample::new(ONE)]);
    let wants = "/etc/systemd/system/multi-user.target.wants";
    scratch.sh(&format!("rm -rf {wants} && touch {wants}")).ok();
    let before = scratch.files();
    let _ = scratch.rpm("-i", ONE).says("the service could not be registered");
    scratch.reports("failed", 30);
    scratch.sh(&format!("rpm -e {NAME}; [ ! -e /var/lib/intigua/purge ] || sh /var/lib/intigua/purge")).ok();
    unchanged(&before, &scratch.files());
}

#[test]
fn a_refused_upgrade_leaves_the_running_service_alone() {
    let scratch = endpoint(&[Sample::new(ONE), Sample::new(TWO)]);
    let machine = scratch.boot();
    machine.rpm("-i", ONE).ok();
    machine.tmpfs("/tmp", "ro,mode=1777");
    machine.rpm("-U", TWO).fails();
    assert_eq!(machine.reports("refused", 11)["previous_version"], ONE);
    machine.is_whole(ONE, ROOT);
    assert_eq!(machine.starts(), 1);
}

#[test]
fn rpmlint_finds_no_error() {
    need("rpmlint", "rpmlint");
    let sample = Sample::new(ONE);
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/rpmlint.toml");
    cmd("rpmlint").args(["-c", config]).arg(sample.build()).run().ok().says(" 0 errors, ");
}
