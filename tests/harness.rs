//! The harness the end-to-end tests stand on does what it says.
mod common;
use common::*;

/// The SysV service and the systemd service of these tests run this.
const DAEMON: &str = "#!/bin/sh\nexec sleep 1000\n";

#[test]
fn a_command_reports_status_output_and_input() {
    let run = cmd("sh").args(["-c", "cat; echo oops >&2; exit 3"]).stdin("hello").run();
    let run = run.exits(3).says("oops").never_says("other");
    assert_eq!(run.line(), "hello");
}

#[test]
#[should_panic(expected = "expected exit status 0: sh -c echo because; exit 7")]
fn an_unexpected_status_fails_the_test_with_what_was_said() {
    cmd("sh").args(["-c", "echo because; exit 7"]).run().ok();
}

#[test]
#[should_panic(expected = "apt-get install no-such-package")]
fn a_missing_tool_names_its_package() {
    need("no-such-tool", "no-such-package");
}

#[test]
#[should_panic(expected = "no end after 1 s")]
fn a_command_that_hangs_fails_the_test() {
    let _ = cmd("sleep").arg("60").limit(1).run();
}

#[test]
fn a_daemon_that_keeps_stdout_open_does_not_hang_the_test() {
    let scratch = Scratch::debian();
    // Longer than a command may take.
    scratch.sh("sleep 600 & echo started").ok().says("started");
}

#[test]
fn a_scratch_root_is_writable_private_and_gone_afterwards() {
    let (one, two) = (Scratch::debian(), Scratch::debian());
    one.write("/opt/deep/down/file", "words");
    assert_eq!(one.read("/opt/deep/down/file"), "words");
    assert!(one.exists("/opt/deep/down/file") && !two.exists("/opt/deep"));
    assert!(!debian_root().join("opt/deep").exists());
    drop(one);
    assert!(!Scratch::debian().exists("/opt/deep"));
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains("tmp/scratch"), "a mount is left behind:\n{mounts}");
}

#[test]
fn a_scratch_root_is_an_offline_chroot_with_a_clean_environment() {
    let scratch = Scratch::debian();
    scratch.cmd("ischroot").run().ok();
    assert_eq!(scratch.sh("tail -n +3 /proc/net/dev | cut -d: -f1").ok().line(), "lo");
    assert!(scratch.sh("env").ok().stdout.lines().all(|l| !l.starts_with("CARGO")));
    assert_eq!(scratch.cmd("/usr/bin/env").no_env().run().ok().stdout, "");
    assert_eq!(scratch.cmd("pwd").dir("/usr/lib").run().ok().line(), "/usr/lib");
}

#[test]
fn real_package_managers_work_in_a_scratch_root() {
    let scratch = Scratch::debian();
    scratch.sh("dpkg --audit && apt-get check && dnf --version && debconf-show debconf").ok();
    assert_eq!(scratch.sh("rpm -qa").ok().stdout, "");
    for shell in ["dash", "bash", "busybox"] {
        scratch.cmd("sh").args(["-c", "command -v \"$0\"", shell]).run().ok();
    }
}

#[test]
fn a_live_machine_without_systemd_keeps_and_reaps_daemons() {
    let scratch = Scratch::debian();
    let machine = scratch.live_sysv();
    machine.cmd("ischroot").run().exits(1);
    assert!(!machine.exists("/run/systemd/system"));
    machine.write("/usr/local/bin/daemon", DAEMON);
    machine.sh("chmod +x /usr/local/bin/daemon; setsid daemon </dev/null >/dev/null 2>&1 & echo $! >/run/daemon.pid").ok();
    machine.sh("kill -0 $(cat /run/daemon.pid)").ok();
    let gone = "kill $(cat /run/daemon.pid); for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 $(cat /run/daemon.pid) || exit 0; sleep 0.5; done; exit 1";
    machine.sh(gone).ok();
    assert_eq!(scratch.read("/usr/local/bin/daemon"), DAEMON);
}

#[test]
fn a_booted_machine_runs_services_and_boots_again_with_its_files() {
    let scratch = Scratch::debian();
    scratch.write("/usr/local/bin/daemon", DAEMON);
    scratch.write(
        "/etc/systemd/system/trivial.service",
        "[Service]\nExecStart=/usr/local/bin/daemon\n[Install]\nWantedBy=multi-user.target\n",
    );
    scratch.sh("chmod +x /usr/local/bin/daemon").ok();
    let machine = scratch.boot();
    machine.cmd("ischroot").run().exits(1);
    assert_eq!(machine.read("/proc/1/comm").trim(), "systemd");
    machine.sh("systemctl is-active trivial").fails().says("inactive");
    machine.sh("systemctl enable --now trivial").ok();
    machine.sh("systemctl is-active trivial").ok().says("active");
    machine.sh("systemctl restart trivial && systemctl stop trivial").ok();
    machine.sh("systemctl is-active trivial").fails();
    machine.sh("systemctl start trivial").ok();
    machine.stop();

    let again = scratch.boot();
    again.sh("systemctl is-active trivial").ok().says("active");
    again.cut_power();
    assert!(scratch.exists("/etc/systemd/system/multi-user.target.wants/trivial.service"));
}

#[test]
fn two_machines_boot_side_by_side() {
    let (left, right) = (Scratch::debian(), Scratch::debian());
    let (left, right) = (left.boot(), right.boot());
    left.write("/run/only-left", "");
    assert!(!right.exists("/run/only-left"));
    left.sh("systemctl is-active multi-user.target").ok();
    right.sh("systemctl is-active multi-user.target").ok();
}

#[test]
fn mounts_make_the_failures_that_preflight_must_find() {
    let scratch = Scratch::debian();
    scratch.tmpfs("/tmp", "noexec,mode=1777");
    scratch.sh("cp /bin/true /tmp/probe && /tmp/probe").fails().says("Permission denied");
    scratch.tmpfs("/opt/full", "size=64k");
    scratch.sh("head -c 1M /dev/zero >/opt/full/file").fails().says("No space left on device");
    scratch.read_only("/srv");
    scratch.sh("touch /srv/file").fails().says("Read-only file system");
    scratch.bind("/opt/full", "/mnt/again");
    assert!(scratch.exists("/mnt/again/file"));
    scratch.unmount("/mnt/again");
    assert!(!scratch.exists("/mnt/again/file"));
    scratch.read_only("/");
    scratch.sh("touch /file").fails().says("Read-only file system");
    let machine = scratch.live_sysv();
    machine.sh("touch /file").fails().says("Read-only file system");
    machine.sh("cp /bin/true /tmp/probe && /tmp/probe").fails();
}

#[test]
fn mounts_made_before_a_boot_are_there_after_it() {
    let scratch = Scratch::debian();
    scratch.tmpfs("/tmp", "noexec,mode=1777");
    let machine = scratch.boot();
    machine.sh("cp /bin/true /tmp/probe && /tmp/probe").fails().says("Permission denied");
}

#[test]
fn a_tree_shows_what_changed() {
    let scratch = Scratch::debian();
    let before = scratch.tree("/opt");
    scratch.sh("ln -s /nowhere '/opt/a link' && echo 12345 >/opt/file").ok();
    let after = scratch.tree("/opt");
    let new: Vec<_> = after.iter().filter(|l| !before.contains(l)).collect();
    assert_eq!(new, ["f 644 root:root 6 /opt/file", "l 777 root:root /opt/a link /nowhere"]);
}

#[test]
fn the_sysv_generator_links_a_service_to_its_targets() {
    let scratch = Scratch::debian();
    scratch.write(
        "/etc/init.d/trivial",
        "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: trivial\n# Default-Start: 3 5\n# Default-Stop:\n### END INIT INFO\n",
    );
    scratch.sh("chmod +x /etc/init.d/trivial; mkdir -p /etc/rc3.d /etc/rc5.d; for d in 3 5; do ln -s ../init.d/trivial /etc/rc$d.d/S30trivial; done").ok();
    let made = sysv_generator(&scratch);
    assert_eq!(made.units, ["trivial.service"]);
    assert_eq!(made.links, ["graphical.target.wants/trivial.service", "multi-user.target.wants/trivial.service"]);
    scratch.sh("rm /etc/init.d/trivial").ok();
    assert!(sysv_generator(&scratch).units.is_empty());
}

#[test]
fn a_fixture_is_made_once_per_recipe_and_its_older_ones_go() {
    let cache = tempfile::tempdir().unwrap();
    let make = |recipe: &str| {
        let made = std::cell::Cell::new(false);
        let place = fixture_in(cache.path(), "thing", recipe, |dir| {
            made.set(true);
            std::fs::write(dir.join("file"), recipe).unwrap();
        });
        (place, made.get())
    };
    let (first, made) = make("one");
    assert!(made && std::fs::read_to_string(first.join("file")).unwrap() == "one");
    assert_eq!(make("one"), (first.clone(), false));
    let (second, made) = make("two");
    assert!(made && second.exists() && !first.exists());
}

#[test]
fn a_fixture_that_fails_leaves_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let failed = std::panic::catch_unwind(|| fixture_in(cache.path(), "thing", "x", |_| panic!("on purpose")));
    assert!(failed.is_err());
    let left: Vec<_> = std::fs::read_dir(cache.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["thing.lock"]);
}

#[test]
fn an_image_boots_as_the_machine_it_is_told_to_be_and_remembers() {
    let scratch = Scratch::debian();
    scratch.write(
        "/etc/systemd/system/trivial.service",
        "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n",
    );
    scratch.sh("systemctl enable trivial && install -o daemon -m 640 /dev/null /etc/owned").ok();
    let image = Image::of(&scratch);
    let clone = image.copy();

    let first = image.boot().run("systemctl is-active trivial; stat -c '%U %a' /etc/owned; touch /var/been-here; exit 4");
    assert_eq!((first.output.trim(), first.status), ("active\ndaemon 640", 4), "{}", first.console);

    let uuid = "11111111-2222-3333-4444-555555555555";
    let ask = "cat /sys/class/dmi/id/product_uuid; test -e /var/been-here; echo $?";
    let booted = clone.boot().uuid(uuid).snapshot().run(ask);
    assert_eq!(booted.output.trim(), format!("{uuid}\n1"));
    let again = image.boot().uuid(uuid).run(ask);
    assert_eq!(again.output.trim(), format!("{uuid}\n0"));
}
