//! Upgrades, downgrades, versions that do not come up, and interruptions.
use super::*;

const PULSE_CONF: &str = "/usr/local/intigua/Intigua-Libs/pulse/etc/pulse.conf";

/// How often systemd has started the service since the boot, as its journal has it.
fn starts(machine: &Machine) -> usize {
    machine.sh("journalctl -q -o cat -u vlink.service").ok().stdout.lines().filter(|line| line.starts_with("Started ")).count()
}

/// The life of a package with the clients of the next release: another dpkg, apt, systemd, libc and sh.
#[test]
fn debian_13_installs_upgrades_rolls_back_and_purges() {
    let scratch = Scratch::new(&debian_root_of("trixie"));
    let product = |version| put(&scratch, &Product::sample(version));
    let (old, new, broken) = (product("1.0.0"), product("1.1.0"), put(&scratch, &Product::broken("1.2.0")));
    let machine = scratch.boot();
    for package in [&old, &new] {
        machine.sh(&format!("apt-get install -y {package}")).ok();
        everything_runs(&machine, ROOT);
    }
    assert_eq!(outcome(&machine), is("upgraded", 0, "1.1.0"));
    // Debian's own tools would not start a disabled unit again.
    machine.sh("systemctl disable vlink").ok();
    machine.sh(&format!("apt-get install -y {broken}")).fails().says("vlink 1.2.0 did not come up; version 1.1.0 runs again");
    everything_runs(&machine, ROOT);
    machine.sh(&format!("apt-get install -y -f && apt-get purge -y {NAME}")).ok();
    nothing_runs(&machine);
}

#[test]
fn an_upgrade_keeps_settings_and_identity_and_restarts_once() {
    let scratch = Scratch::debian();
    let (old, new) = (put(&scratch, &Product::sample("1.0.0")), put(&scratch, &Product::sample("1.1.0")));
    let machine = scratch.boot();
    install(&machine, &old).ok();
    let identity = everything_runs(&machine, ROOT)["core_id"].clone();
    machine.sh(&format!("echo '# mine' >>{CONFIG}; sed -i 's|core.example.com|mine.example.com|' {CONFIG}")).ok();
    machine.write(PULSE_CONF, "mine\n");
    let before = starts(&machine);

    install(&machine, &new).ok();
    assert_eq!(outcome(&machine), is("upgraded", 0, "1.1.0"));
    assert_eq!(result(&machine)["previous_version"], "1.0.0");
    assert_eq!(starts(&machine), before + 1, "one restart");
    assert_eq!(machine.sh("systemctl show -P NRestarts vlink; systemctl is-enabled vlink").ok().line(), "0\nenabled");
    assert_eq!(everything_runs(&machine, ROOT)["core_id"], identity);
    assert_eq!(everything_runs(&machine, ROOT)["version"], "1.1.0");
    assert!(machine.read(CONFIG).contains("# mine\n"));
    assert_eq!(configured(&machine, "serverUrl").as_deref(), Some("https://mine.example.com:443;https://core2.example.com:443"));
    assert_eq!(machine.read(PULSE_CONF), "mine\n");
    assert_eq!(machine.sh(&format!("ls -A {ROOT}/.linkpack; ls /var/lib/intigua")).ok().line(), "state\nlock\nstate\nwritten");

    install(&machine, &new).ok();
    assert_eq!(outcome(&machine), is("reinstalled", 0, "1.1.0"));
    assert_eq!(everything_runs(&machine, ROOT)["core_id"], identity);
    assert_eq!(machine.read(PULSE_CONF), "mine\n");

    let running = starts(&machine);
    install(&machine, &old).fails().says("version 1.1.0 is installed, and 1.0.0 is older");
    assert_eq!(outcome(&machine), is("refused", 17, "1.0.0"));
    assert_eq!(starts(&machine), running, "a refusal leaves the service alone");
    assert_eq!(everything_runs(&machine, ROOT)["version"], "1.1.0");
    machine.cmd("dpkg").args(["--force-confold", "-i", &old]).env("ALLOW_DOWNGRADE", "1").run().ok();
    assert_eq!(outcome(&machine), is("upgraded", 0, "1.0.0"));
    assert_eq!(everything_runs(&machine, ROOT)["core_id"], identity);
    machine.write("/etc/intigua/install.conf", "ALLOW_DOWNGRADE=0\n");
    machine.sh(&format!("apt-get -o Dpkg::Options::=--force-confold install -y {new}")).ok();
    assert_eq!(everything_runs(&machine, ROOT)["version"], "1.1.0");
}

#[test]
fn a_service_that_the_administrator_switched_off_stays_off() {
    let scratch = Scratch::debian();
    let (old, new) = (put(&scratch, &Product::sample("1.0.0")), put(&scratch, &Product::sample("1.1.0")));
    let newest = put(&scratch, &Product::sample("1.2.0"));
    let machine = scratch.boot();
    install(&machine, &old).ok();
    machine.sh("systemctl disable --now vlink").ok();
    install(&machine, &new).ok();
    assert_eq!(machine.sh("systemctl is-active vlink; systemctl is-enabled vlink").fails().line(), "inactive\ndisabled");
    machine.sh("ls /etc/rc?.d/S??vlink").fails();
    nothing_runs(&machine);
    machine.sh("systemctl enable vlink && systemctl stop vlink && systemctl mask vlink").ok();
    install(&machine, &newest).ok();
    assert_eq!(machine.sh("systemctl is-active vlink; systemctl is-enabled vlink").fails().line(), "inactive\nmasked");
    machine.sh("systemctl unmask vlink && systemctl start vlink").ok();
    everything_runs(&machine, ROOT);
    assert_eq!(machine.sh("systemctl is-enabled vlink").ok().line(), "enabled");
}

#[test]
fn a_version_that_does_not_come_up_brings_the_old_one_back() {
    let scratch = Scratch::debian();
    let (old, broken) = (put(&scratch, &Product::sample("1.0.0")), put(&scratch, &Product::broken("1.1.0")));
    let good = put(&scratch, &Product::sample("1.2.0"));
    let machine = scratch.boot();
    install(&machine, &old).ok();
    let identity = everything_runs(&machine, ROOT)["core_id"].clone();
    machine.write(PULSE_CONF, "mine\n");
    let sum = format!("cd {ROOT} && find vAgentManager Intigua-Libs bin -type f -exec sha256sum {{}} + | sort");
    let files = machine.sh(&sum).ok().stdout;

    install(&machine, &broken).fails().says("vlink 1.1.0 did not come up; version 1.0.0 runs again");
    assert_eq!(outcome(&machine), is("rolled_back", 31, "1.1.0"));
    assert_eq!(machine.sh(&sum).ok().stdout, files);
    let status = everything_runs(&machine, ROOT);
    assert_eq!((&status["version"], &status["core_id"]), (&"1.0.0".into(), &identity));
    assert_eq!(machine.sh("systemctl is-enabled vlink").ok().line(), "enabled");

    // dpkg, or apt before any other work, tries what it has unpacked again. It must not take the old files for the new version's, and
    // not fail either, or the host's updates all would. It stays on record.
    machine.sh("dpkg --configure -a").ok().says("1.1.0 did not come up, and version 1.0.0 was put back");
    assert_eq!(everything_runs(&machine, ROOT)["version"], "1.0.0");
    assert_eq!(outcome(&machine), is("rolled_back", 31, "1.1.0"));
    machine.sh(&format!("{ROOT}/bin/linkctl check")).exits(1).says("version 1.1.0 did not come up, and 1.0.0 was put back");

    install(&machine, &good).ok();
    assert_eq!(everything_runs(&machine, ROOT)["version"], "1.2.0");
    assert_eq!(everything_runs(&machine, ROOT)["core_id"], identity);
    assert_eq!(machine.read(PULSE_CONF), "mine\n");
    assert_eq!(machine.sh("dpkg --audit").ok().line(), "");
    assert_eq!(machine.sh(&format!("ls -A {ROOT}/.linkpack")).ok().line(), "state");
}

#[test]
fn a_first_version_that_does_not_come_up_can_be_removed_or_replaced() {
    let scratch = Scratch::debian();
    let (broken, good) = (put(&scratch, &Product::broken("1.0.0")), put(&scratch, &Product::sample("1.1.0")));
    let before = listing(&scratch);
    let machine = scratch.live_sysv();
    install(&machine, &broken).fails().says("vlink did not come up");
    nothing_runs(&machine);
    machine.cmd("dpkg").args(["--purge", NAME]).run().ok();
    same(&before, &listing(&machine));
    machine.cut_power();

    let machine = scratch.boot();
    install(&machine, &broken).fails().says("vlink did not come up");
    assert_eq!(outcome(&machine), is("failed", 31, "1.0.0"));
    nothing_runs(&machine);
    install(&machine, &good).ok();
    assert_eq!(everything_runs(&machine, ROOT)["version"], "1.1.0");
}

#[test]
fn an_interrupted_upgrade_is_finished_by_dpkg_or_by_installing_again() {
    let scratch = Scratch::debian();
    let (old, new) = (put(&scratch, &Product::sample("1.0.0")), put(&scratch, &Product::sample("1.1.0")));
    let machine = scratch.boot();
    install(&machine, &old).ok();
    let identity = everything_runs(&machine, ROOT)["core_id"].clone();
    let targets = [(&new, "1.1.0"), (&old, "1.0.0")].into_iter().cycle();
    for (delay, (deb, version)) in ["0.05", "0.2", "0.4", "0.7", "1.2", "3"].into_iter().zip(targets) {
        let again = format!(
            "export ALLOW_DOWNGRADE=1; setsid dpkg --force-confold -i {deb} >/dev/null 2>&1 </dev/null & sleep {delay}; kill -KILL -$!; wait; \
             dpkg --configure -a --force-confold; dpkg --force-confold -i {deb}"
        );
        machine.sh(&again).ok();
        let status = everything_runs(&machine, ROOT);
        assert_eq!((&status["version"], &status["core_id"]), (&version.into(), &identity), "killed after {delay} s");
        assert_eq!(machine.sh("dpkg --audit; systemctl is-enabled vlink").ok().line(), "enabled");
        assert_eq!(
            machine.sh(&format!("ls -A {ROOT}/.linkpack; ls /var/lib/intigua; dpkg -V {NAME}")).ok().line(),
            "state\nlock\nstate\nwritten"
        );
    }
    machine.cmd("dpkg").args(["--purge", NAME]).run().ok();
    let left = machine.sh("find /usr/local /var/lib/intigua /etc/intigua /etc/init.d /lib/systemd/system /tmp -name '.lp-[0-9]*' -o -path '*intigua*'");
    assert_eq!(left.line(), "");
}
