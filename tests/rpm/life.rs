//! From the first installation to the removal, on a machine with systemd.
use crate::common::{cmd, need, Place};
use crate::sample::{difference, endpoint, offer, unchanged, Endpoint, Sample, NAME, ROOT, SHELF};

const ONE: &str = "1.0.0";
const TWO: &str = "1.1.0";

#[test]
fn an_installation_runs_is_enabled_and_is_known_to_rpm() {
    let scratch = endpoint(&[Sample::new(ONE)]);
    let machine = scratch.boot();
    machine.rpm("-i", ONE).ok();
    machine.is_whole(ONE, ROOT);
    let result = machine.reports("installed", 0);
    assert_eq!(result["channel"], "rpm");
    assert_eq!(result["checks"].as_array().map(Vec::len), Some(9), "{result:#}");
    for path in
        ["/lib/systemd/system/vlink.service", "/etc/init.d/vlink", "/etc/rc3.d/S30vlink", "/etc/intigua/location.conf", ROOT]
    {
        assert_eq!(machine.cmd("rpm").args(["-qf", path]).run().ok().line(), format!("{NAME}-{ONE}-1.x86_64"));
    }
    machine.sh(&format!("{ROOT}/bin/linkctl status")).ok().says("pulse");
}

#[test]
fn dnf_installs_upgrades_downgrades_and_removes() {
    let scratch = endpoint(&[Sample::new(ONE), Sample::new(TWO)]);
    need("createrepo_c", "createrepo-c");
    let outside = scratch.outside();
    let shelf = format!("{}{SHELF}", scratch.inner_root().display());
    cmd(outside[0].clone()).args(outside[1..].to_vec()).args(["createrepo_c", "-q", &shelf]).run().ok();
    scratch.write("/etc/yum.repos.d/local.repo", format!("[local]\nname=local\nbaseurl=file://{SHELF}\ngpgcheck=0\n"));
    let machine = scratch.boot();
    let dnf = |action: &str| machine.sh(&format!("dnf -q -y {action}"));
    dnf(&format!("install {NAME}-{ONE}")).ok();
    machine.is_whole(ONE, ROOT);
    dnf(&format!("upgrade {NAME}")).ok();
    machine.is_whole(TWO, ROOT);
    machine.reports("upgraded", 0);
    dnf(&format!("downgrade {NAME}")).ok();
    machine.is_whole(ONE, ROOT);
    machine.sh(&format!("{ROOT}/bin/linkctl purge")).ok();
    dnf(&format!("remove {NAME}")).ok();
    assert!(!machine.exists(ROOT) && !machine.exists("/var/log/intigua"));
}

#[test]
fn an_upgrade_restarts_the_service_once_and_leaves_it_enabled() {
    let scratch = endpoint(&[Sample::new(ONE), Sample::new(TWO)]);
    let machine = scratch.boot();
    machine.rpm("-i", ONE).ok();
    assert_eq!(machine.starts(), 1);
    let identity = machine.identity(ROOT);
    let process = machine.sh("systemctl show -P MainPID vlink").ok();
    machine.rpm("-U", TWO).ok();
    machine.is_whole(TWO, ROOT);
    assert_eq!(machine.starts(), 2, "{}", machine.sh("journalctl -u vlink").stdout);
    assert_ne!(machine.sh("systemctl show -P MainPID vlink").ok().line(), process.line());
    assert_eq!(machine.identity(ROOT), identity);
    let result = machine.reports("upgraded", 0);
    assert_eq!(result["previous_version"], ONE);

    machine.rpm("-U --replacepkgs", TWO).ok();
    machine.is_whole(TWO, ROOT);
    assert_eq!(machine.starts(), 3);
    machine.reports("reinstalled", 0);
}

#[test]
fn an_upgrade_keeps_what_the_administrator_edited() {
    let scratch = endpoint(&[Sample::new(ONE), Sample::new(TWO)]);
    let machine = scratch.boot();
    machine.rpm("-i", ONE).ok();
    let identity = machine.identity(ROOT);
    let config = format!("{ROOT}/Intigua-Libs/pulse/etc/pulse.conf");
    machine.sh(&format!("echo '# mine' >>{config}; echo 'mine: \"yes\"' >>{ROOT}/components/csclient.cfg")).ok();
    machine.rpm("-U", TWO).ok();
    assert_eq!(machine.read(&config), format!("# of {ONE}\n# mine\n"));
    assert_eq!(machine.read(&format!("{config}.rpmnew")), format!("# of {TWO}\n"));
    machine.sh(&format!("grep -qx 'mine: \"yes\"' {ROOT}/components/csclient.cfg")).ok();
    machine.sh("systemctl is-active vlink && systemctl is-enabled vlink").ok();
    // What the administrator made or edited outlives the package, and what the endpoint is: its identity, queues and logs.
    machine.sh(&format!("rpm -e {NAME}")).ok();
    let left = machine.sh(&format!("find {ROOT} ! -type d ! -path '{ROOT}/components/tracer/*'")).ok();
    let mut left: Vec<&str> = left.stdout.lines().collect();
    left.sort();
    let kept = |name: &str| format!("{ROOT}/{name}");
    assert_eq!(
        left,
        [
            kept("Intigua-Libs/pulse/etc/pulse.conf.rpmnew"),
            kept("Intigua-Libs/pulse/etc/pulse.conf.rpmsave"),
            kept("components/csclient.cfg")
        ]
    );
    assert_eq!(machine.identity(ROOT), identity, "erase and install again is the same endpoint");
    machine.rpm("-i", TWO).ok();
    machine.reports("installed", 0);
    assert_eq!(machine.identity(ROOT), identity);
    // The purge takes it after the removal as well.
    machine.purge(ROOT).ok();
    assert!(!machine.exists(ROOT) && !machine.exists("/var/log/intigua") && !machine.exists("/var/lib/intigua"));
}

#[test]
fn a_service_that_the_administrator_disabled_stays_so() {
    let scratch = endpoint(&[Sample::new(ONE), Sample::new(TWO)]);
    let machine = scratch.boot();
    machine.rpm("-i", ONE).ok();
    machine.sh("systemctl disable --now vlink").ok();
    machine.rpm("-U", TWO).ok();
    assert_eq!(machine.sh("systemctl is-active vlink; systemctl is-enabled vlink").stdout, "inactive\ndisabled\n");
    assert!(!machine.exists("/etc/rc3.d/S30vlink"), "systemctl disable has made it a K link");
    machine.has_files(TWO, ROOT);
    let result = machine.reports("upgraded", 0);
    assert!(result["message"].as_str().unwrap().contains("the administrator has disabled it"), "{result:#}");
}

#[test]
fn a_downgrade_works_when_it_is_asked_for() {
    let scratch = endpoint(&[Sample::new(ONE), Sample::new(TWO)]);
    let machine = scratch.boot();
    machine.rpm("-i", TWO).ok();
    machine.rpm("-U", ONE).fails().says("is newer than");
    machine.is_whole(TWO, ROOT);
    machine.rpm("-U --oldpackage", ONE).ok();
    machine.is_whole(ONE, ROOT);
}

#[test]
fn an_erased_package_leaves_nothing() {
    let scratch = endpoint(&[Sample::new(ONE), Sample::new(TWO)]);
    let machine = scratch.boot();
    let before = machine.files();
    machine.rpm("-i", ONE).ok();
    machine.rpm("-U", TWO).ok();
    machine.identity(ROOT);
    machine.purge(ROOT).ok().never_says("warning");
    machine.sh("systemctl is-active vlink").fails().says("inactive");
    machine.sh("systemctl cat vlink").fails();
    machine.sh("pgrep -f vAgentManager; pgrep pulse; pgrep tracer; pgrep vlink").exits(1);
    unchanged(&before, &machine.files());
}

#[test]
fn an_upgrade_that_does_not_come_up_puts_the_old_version_back() {
    let scratch = endpoint(&[Sample::new(ONE), Sample::new(TWO).broken(), Sample::new("1.2.0")]);
    let machine = scratch.boot();
    machine.rpm("-i", ONE).ok();
    let identity = machine.identity(ROOT);
    let before = machine.tree(ROOT);
    let _ = machine.rpm("-U", TWO).says("did not come up; version 1.0.0 runs again");
    let result = machine.reports("rolled_back", 31);
    assert_eq!(result["previous_version"], ONE, "{result:#}");
    assert_eq!(machine.sh("systemctl is-active vlink; systemctl is-enabled vlink").stdout, "active\nenabled\n");
    assert_eq!(machine.identity(ROOT), identity);
    let changed = difference(&machine.tree(ROOT), &before);
    assert!(changed.iter().all(|line| line.contains("/components/") || line.contains("/.linkpack/")), "{changed:#?}");

    machine.rpm("-U", "1.2.0").ok();
    // Put back by us, a config file is an edited one to rpm: it stays, and the new one lies beside it.
    let config = format!("{ROOT}/Intigua-Libs/pulse/etc/pulse.conf");
    machine.sh(&format!("mv {config}.rpmnew {config}")).ok();
    machine.is_whole("1.2.0", ROOT);
    assert_eq!(machine.reports("upgraded", 0)["previous_version"], ONE);
    assert_eq!(machine.identity(ROOT), identity);
}

#[test]
fn what_a_rollback_put_back_goes_with_the_package() {
    let scratch = endpoint(&[Sample::new(ONE), Sample::new(TWO).broken()]);
    let machine = scratch.live_sysv();
    let before = machine.files();
    machine.rpm("-i", ONE).ok();
    let _ = machine.rpm("-U", TWO).says("version 1.0.0 runs again");
    assert!(machine.exists(&format!("{ROOT}/Intigua-Libs/pulse/share/{ONE}/only")));
    // The config file is not as rpm believes: it saves it like one that was edited.
    let config = format!("{ROOT}/Intigua-Libs/pulse/etc/pulse.conf");
    machine.sh(&format!("rpm -e {NAME}")).ok();
    let left = machine.sh(&format!("find {ROOT}/Intigua-Libs ! -type d; ls {ROOT}/vAgentManager")).fails();
    assert_eq!(left.line(), format!("{config}.rpmsave"));
    machine.rpm("-i", ONE).ok();
    machine.purge(ROOT).ok();
    unchanged(&before, &machine.files());
}

#[test]
fn a_first_installation_that_does_not_come_up_can_be_seen_and_erased() {
    let scratch = endpoint(&[Sample::new(ONE).broken()]);
    let machine = scratch.boot();
    let before = machine.files();
    let _ = machine.rpm("-i", ONE).says("vlink did not come up");
    machine.reports("failed", 31);
    machine.sh("systemctl is-active vlink").fails();
    machine.sh("journalctl -u vlink | grep -q 'this version does not work'").ok();
    machine.purge(ROOT).ok();
    unchanged(&before, &machine.files());

    machine.rpm("-i", ONE).says("vlink did not come up");
    offer(&machine, &Sample::new(TWO));
    machine.rpm("-U", TWO).ok();
    machine.is_whole(TWO, ROOT);
}
