//! Installers that are killed, end by a signal, or run twice at once.

use super::*;

/// A killed process that is inside the kernel keeps the lock until it comes out.
const GONE: &str = "[ ! -e /var/lib/intigua/lock ] || flock /var/lib/intigua/lock true";

#[test]
fn a_kill_at_any_moment_leaves_a_whole_version_and_the_next_run_repairs() {
    let machine = machine_with("1.0");
    machine.put("/tmp/two.run", &product::run("2.0", GOOD));
    for step in 0..12 {
        let delay = format!("{:.3}", 0.02 * f64::from(step * step) + 0.05);
        machine
            .sh(&format!("setsid sh /tmp/two.run >/dev/null 2>&1 & sleep {delay}; kill -9 -$! 2>/dev/null; wait; {GONE}"))
            .expect(0);
        let version = machine.ask(&format!("cat {ROOT}/vAgentManager/version"));
        assert!(version == "1.0" || version == "2.0", "after {delay} s: {version}");
        machine.sh(&format!("test -x {ROOT}/vAgentManager/vlink && test -f {ROOT}/Intigua-Libs/tracer/container.json")).expect(0);
        if version == "2.0" {
            machine.sh("sh /tmp/one.run --allow-downgrade").expect(0);
            assert_eq!(
                machine.ask(&format!("ls {ROOT}/versions | wc -l; ls -A {ROOT}/.linkpack; ls /var/lib/intigua")),
                "1\nstate\nlock\nstate\nwritten"
            );
            assert!(service_runs(&machine));
        }
    }
    machine.sh("sh /tmp/two.run").expect(0);
    assert_eq!(
        machine.ask(&format!("ls {ROOT}/versions | wc -l; ls -A {ROOT}/.linkpack; ls /var/lib/intigua")),
        "1\nstate\nlock\nstate\nwritten"
    );
    assert!(service_runs(&machine));
}

#[test]
fn a_killed_first_installation_is_repaired_by_the_next_run() {
    let machine = Sandbox::new();
    let before = machine.listing();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    for delay in ["0.1", "0.3", "0.7", "1.5", "3"] {
        machine
            .sh(&format!("setsid sh /tmp/one.run >/dev/null 2>&1 & sleep {delay}; kill -9 -$! 2>/dev/null; wait; {GONE}"))
            .expect(0);
        machine.sh("sh /tmp/one.run").expect(0);
        assert!(service_runs(&machine), "after {delay} s");
        machine.sh("sh /tmp/one.run --uninstall --purge").expect(0);
        assert_eq!(machine.listing(), before, "after {delay} s");
    }
}

#[test]
fn a_killed_first_installation_can_be_uninstalled() {
    let machine = Sandbox::new();
    let before = machine.listing();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    for until in ["/var/lib/intigua/journal", "/usr/local/intigua/current", "/etc/init.d/vlink"] {
        let kill =
            format!("setsid sh /tmp/one.run >/dev/null 2>&1 & until [ -e {until} ]; do sleep 0.01; done; kill -9 -$!; wait; :");
        machine.sh(&kill).expect(0);
        machine.sh("sh /tmp/one.run --uninstall --purge").expect(0);
        assert_eq!(machine.listing(), before, "killed when {until} was there");
    }
}

#[test]
fn a_signal_rolls_back() {
    let machine = machine_with("1.0");
    machine.put("/tmp/two.run", &product::run("2.0", BROKEN));
    // A busy machine takes its time until there is anything to roll back.
    let begun = format!("while kill -0 $! && [ ! -e {ROOT}/versions/2.0 ]; do sleep 0.1; done");
    let done = machine.sh(&format!("sh /tmp/two.run & {begun}; kill -TERM $!; wait $!"));
    assert!(done.code == 30 || done.code == 31, "{done:?}");
    assert_eq!(machine.ask(&format!("cat {ROOT}/vAgentManager/version; ls {ROOT}/versions")), "1.01.0");
    assert!(service_runs(&machine));
}

#[test]
fn only_one_installer_runs_at_a_time() {
    let machine = machine_with("1.0");
    machine.sh("flock -x /var/lib/intigua/lock sh /tmp/one.run").expect(16);
}
