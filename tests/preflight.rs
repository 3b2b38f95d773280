//! The checks before any change, each failing for real; and the form of all rendered scripts.

mod sandbox;

use linkpack::endpoint;
use sandbox::product::{self, GOOD};
use sandbox::{Sandbox, SHELLS};
use serde_json::Value;

fn machine() -> Sandbox {
    machine_of("dash")
}

fn machine_of(shell: &str) -> Sandbox {
    let machine = Sandbox::with_shell(shell);
    machine.put("/preflight", endpoint::preflight_script(&product::facts("1.0")).expect("renders").as_bytes());
    machine.put("/one.run", &product::run("1.0", GOOD));
    machine
}

/// Runs the checks both ways, and sees to it that they changed nothing but the result file.
fn failures(machine: &Sandbox, root: &str, code: i32) -> Vec<(String, Value)> {
    let before = machine.listing();
    let done = machine.sh(&format!("sh /preflight --json --root '{root}'")).expect(code);
    assert_eq!(machine.listing(), before, "preflight changes nothing");
    let document: Value = serde_json::from_str(&done.out).expect("JSON");
    let done = machine.sh(&format!("sh /one.run --json --install-root '{root}'"));
    if code != 0 {
        assert_eq!(done.code, code, "{}", done.err);
        let result: Value = serde_json::from_str(&done.out).expect("JSON");
        assert_eq!(result["outcome"], "refused");
        assert_eq!(result["exit_code"], code);
        machine.sh("rm -rf /var/log/intigua").expect(0);
        assert_eq!(machine.listing(), before, "a refusal changes nothing");
    }
    let checks = document["checks"].as_array().expect("checks").clone();
    let failed = checks.into_iter().filter(|check| check["ok"] == false);
    failed.map(|check| (check["id"].as_str().expect("an id").to_owned(), check)).collect()
}

fn only(failed: &[(String, Value)], id: &str) -> Value {
    let ids: Vec<_> = failed.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, [id], "{failed:?}");
    assert_ne!(failed[0].1["remedy"], "", "a remedy is named");
    failed[0].1.clone()
}

#[test]
fn a_sound_machine_passes_under_every_shell() {
    for shell in SHELLS {
        let machine = machine_of(shell);
        machine.sh("sh /preflight").expect(0);
        let done = machine.sh("sh /one.run --preflight --json").expect(0);
        let document: Value = serde_json::from_str(&done.out).expect("JSON");
        let ids: Vec<_> = document["checks"].as_array().expect("checks").iter().map(|check| check["id"].clone()).collect();
        assert_eq!(ids, ["privileges", "platform", "busy", "other", "account", "temp", "root", "runtime", "space"]);
    }
}

#[test]
fn a_noexec_tmp_is_no_reason_to_refuse() {
    let machine = machine();
    machine.sh("mount -t tmpfs -o noexec,mode=1777 t /tmp").expect(0);
    assert!(failures(&machine, "/opt/x", 0).is_empty());
}

#[test]
fn nothing_is_tried_in_a_tmp_where_others_may_exchange_it() {
    for change in ["chmod 777 /tmp", "chown 65534 /tmp"] {
        let machine = machine();
        machine.sh(&format!("{change}; mkdir -m 777 /tmp/theirs; touch -d 2001-01-01 /tmp")).expect(0);
        let done = machine.sh("sh /one.run --preflight --json").expect(0);
        let document: Value = serde_json::from_str(&done.out).expect("JSON");
        let checks = document["checks"].as_array().expect("checks");
        let temp = checks.iter().find(|check| check["id"] == "temp").expect("a row");
        assert!(temp["detail"].as_str().expect("text").starts_with("not tried"), "{temp}");
        assert_eq!(machine.ask("stat -c %y /tmp | cut -c1-4"), "2001", "nothing was made there");
    }
}

#[test]
fn access_control_lists_that_let_others_write_are_seen() {
    let machine = machine();
    machine
        .sh("mkdir -p /srv/user/x /srv/group/x /srv/default/x /srv/masked/x /srv/reader/x /srv/root/x
             setfacl -m u:65534:rwx /srv/user; setfacl -m g:65534:rwx /srv/group; setfacl -m d:u:65534:rwx /srv/default
             setfacl -m u:65534:rwx,m::rx /srv/masked; setfacl -m u:65534:rx /srv/reader; setfacl -m u:0:rwx /srv/root")
        .expect(0);
    for root in ["/srv/user", "/srv/user/x/y", "/srv/group/x", "/srv/default/x/y"] {
        let check = only(&failures(&machine, root, 12), "root");
        assert!(check["remedy"].as_str().expect("text").contains("setfacl"), "{check}");
    }
    for root in ["/srv/masked/x", "/srv/reader/x", "/srv/root/x"] {
        assert!(failures(&machine, root, 0).is_empty(), "{root}");
        machine.sh("sh /one.run --uninstall --purge").expect(0);
    }
    // Without getfacl the bits of the group, which are the list's mask, decide.
    machine.sh("rm -f /usr/bin/getfacl /bin/getfacl").expect(0);
    only(&failures(&machine, "/srv/user/x", 12), "root");
    assert!(failures(&machine, "/srv/masked/x", 0).is_empty());
}

#[test]
fn a_root_whose_file_system_is_missing_is_refused() {
    let machine = machine();
    machine
        .sh("mkdir -p /opt/data && mount -t tmpfs -o mode=755 disk /opt/data && mkdir /keep && mount --bind /opt/data /keep")
        .expect(0);
    machine.sh("sh /one.run --install-root /opt/data/agent && /etc/init.d/vlink stop && umount /opt/data").expect(0);
    machine.put("/two.run", &product::run("2.0", GOOD));
    let done = machine.sh("sh /two.run").expect(12);
    assert!(done.err.contains("is its file system mounted?"), "{}", done.err);
    machine.sh("rm -f /var/log/intigua/install.json; sh /preflight").expect(12);
    assert_eq!(machine.ask("ls -A /opt/data"), "");
    machine.sh("mount --bind /keep /opt/data && sh /two.run").expect(0);
    assert_eq!(machine.ask("readlink /opt/data/agent/current"), "versions/2.0");
    // A place of /etc/fstab that a first installation would fill.
    machine.sh("sh /one.run --uninstall; echo '/dev/none /srv/my\\\\040disk ext4 defaults 0 0' >>/etc/fstab; mkdir -p '/srv/my disk'").expect(0);
    let done = machine.sh("sh /one.run --install-root '/srv/my disk/agent'").expect(12);
    assert!(done.err.contains("of /etc/fstab, where nothing is mounted"), "{}", done.err);
    machine.sh("mount -t tmpfs -o mode=755 t '/srv/my disk' && sh /one.run --install-root '/srv/my disk/agent'").expect(0);
}

#[test]
fn space_is_looked_at_wherever_something_is_written() {
    let machine = machine();
    for folder in ["/lib/systemd/system", "/etc", "/var/log", "/var/lib", "/run"] {
        machine.sh(&format!("mkdir /keep && cp -a {folder}/. /keep/; mkdir -p {folder}; mount -t tmpfs -o size=64m,mode=755 small {folder} && cp -a /keep/. {folder}/ && head -c 70000000 /dev/zero >{folder}/fill; :")).expect(0);
        let done = machine.sh("sh /preflight --json");
        assert!(
            done.out.contains("not enough space: ") && done.out.contains(&format!("{folder} needs")),
            "{folder}: {}",
            done.err
        );
        machine.sh(&format!("umount {folder} && rm -rf /keep")).expect(0);
    }
}

#[test]
fn the_lock_is_roots_alone_and_one_that_others_could_open_is_replaced() {
    let machine = machine();
    machine.sh("mkdir -m 755 /var/lib/intigua && : >/var/lib/intigua/lock && chmod 644 /var/lib/intigua/lock").expect(0);
    machine
        .sh("setpriv --reuid=65534 --regid=65534 --clear-groups flock /var/lib/intigua/lock sleep 300 >/dev/null 2>&1 &")
        .expect(0);
    machine.sh("sleep 0.5; sh /one.run && stat -c %a:%u /var/lib/intigua/lock | grep -qx 600:0").expect(0);
    machine.sh("setpriv --reuid=65534 --regid=65534 --clear-groups flock -n /var/lib/intigua/lock true").expect(66);
    // An ordinary user's checks cannot ask, and say so.
    let done = machine.sh("setpriv --reuid=65534 --regid=65534 --clear-groups sh /preflight --json").expect(10);
    assert!(done.out.contains("not looked at: only root can open the lock"), "{}", done.out);
    machine.sh("flock /var/lib/intigua/lock sleep 300 >/dev/null 2>&1 &").expect(0);
    machine.sh("sleep 0.5; sh /one.run").expect(16);
    machine.sh("sh /preflight").expect(16);
}

#[test]
fn without_flock_the_lock_names_its_process() {
    let machine = machine();
    machine.sh("rm -f $(command -v flock) && mkdir -m 755 /var/lib/intigua").expect(0);
    let holder = "printf '%s %s\\n' $! $(cut -d ' ' -f 22 /proc/$!/stat) >/var/lib/intigua/lock; echo $! >/holder";
    machine.sh(&format!("sleep 300 >/dev/null 2>&1 & {holder}; chmod 600 /var/lib/intigua/lock")).expect(0);
    machine.sh("sh /one.run").expect(16);
    machine.sh("sh /preflight").expect(16);
    // It was killed, and its number is another process's now: that holds nothing.
    machine.sh("kill $(cat /holder); sleep 300 >/dev/null 2>&1 & echo $! 5 >/var/lib/intigua/lock").expect(0);
    machine.sh("sh /one.run").expect(0);
    machine.sh("ls -A /var/lib/intigua | grep '^[.]lp'").expect(1);
}

#[test]
fn a_full_tmp_is_refused() {
    let machine = machine();
    machine.sh("mount -t tmpfs -o size=64k,mode=1777 t /tmp; head -c 200000 /dev/zero >/tmp/fill; :").expect(0);
    only(&failures(&machine, "/opt/x", 11), "temp");
}

#[test]
fn a_read_only_root_is_refused() {
    let machine = machine();
    machine.sh("mkdir /srv/ro && mount -t tmpfs -o ro,mode=755 r /srv/ro").expect(0);
    let check = only(&failures(&machine, "/srv/ro/a/b", 12), "root");
    assert!(check["detail"].as_str().expect("text").contains("Read-only"), "{check}");
}

#[test]
fn read_only_places_of_state_and_logs_are_refused() {
    for place in ["/var/lib", "/var/log"] {
        let machine = machine();
        machine.sh(&format!("mount --bind {place} {place} && mount -o remount,bind,ro {place}")).expect(0);
        let done = machine.sh("sh /one.run --json").expect(12);
        let document: Value = serde_json::from_str(&done.out).expect("JSON");
        let failed: Vec<_> = document["checks"].as_array().expect("checks").iter().filter(|check| check["ok"] == false).collect();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0]["path"], format!("{place}/intigua"), "{failed:?}");
    }
}

#[test]
fn folders_of_somebody_elses_with_our_names_are_refused_and_stay() {
    for folder in ["/etc/intigua", "/var/lib/intigua", "/var/log/intigua"] {
        let machine = machine();
        machine.sh(&format!("mkdir -p {folder}/sub && echo theirs >{folder}/sub/file && chown -R nobody {folder}")).expect(0);
        let before = machine.ask(&format!("find {folder} -printf '%p %u %m\\n'"));
        let done = machine.sh("sh /one.run --json").expect(12);
        let document: Value = serde_json::from_str(&done.out).expect("JSON");
        let failed = document["checks"].as_array().expect("checks").iter().find(|check| check["ok"] == false);
        assert_eq!(failed.expect("one fails")["path"], folder);
        assert_eq!(machine.ask(&format!("find {folder} -printf '%p %u %m\\n'")), before);
    }
}

#[test]
fn a_noexec_root_is_refused() {
    let machine = machine();
    machine.sh("mkdir /srv/nx && mount -t tmpfs -o noexec,mode=755 r /srv/nx").expect(0);
    only(&failures(&machine, "/srv/nx/a", 12), "root");
}

#[test]
fn too_little_space_is_refused() {
    let machine = machine();
    machine.sh("mkdir /srv/small && mount -t tmpfs -o size=40k,mode=755 r /srv/small").expect(0);
    let check = only(&failures(&machine, "/srv/small/a", 14), "space");
    assert!(check["detail"].as_str().expect("text").contains("/srv/small needs 64 kB"), "{check}");
    machine.sh("mkdir /srv/names && mount -t tmpfs -o nr_inodes=40,mode=755 r /srv/names").expect(0);
    let check = only(&failures(&machine, "/srv/names/a", 14), "space");
    assert!(check["detail"].as_str().expect("text").contains("new names (inodes) and has 39 free"), "{check}");
}

#[test]
fn a_missing_var_run_is_refused_and_a_noexec_one_is_not() {
    let machine = machine();
    machine.sh("mount -o remount,noexec /run").expect(0);
    assert!(failures(&machine, "/opt/x", 0).is_empty());
    machine.sh("sh /one.run --uninstall --purge; rm /var/run").expect(0);
    let check = only(&failures(&machine, "/opt/x", 13), "runtime");
    assert_eq!(check["path"], "/var/run");
}

#[test]
fn no_root_privilege_is_refused_with_everything_else_that_fails() {
    let machine = machine();
    let done = machine.sh("setpriv --reuid=65534 --regid=65534 --clear-groups sh /preflight --json --root /srv/x");
    let document: Value = serde_json::from_str(&done.expect(10).out).expect("JSON");
    let failed: Vec<_> =
        document["checks"].as_array().expect("checks").iter().filter(|c| c["ok"] == false).map(|c| c["id"].clone()).collect();
    assert_eq!(failed, ["privileges", "root", "runtime"]);
}

#[test]
fn a_root_that_others_may_change_is_refused() {
    let machine = machine();
    machine.sh("mkdir -p /srv/w/a /srv/s/a /srv/o/a; chmod 777 /srv/w; chmod 1777 /srv/s; chown 1234 /srv/o; ln -s /srv/w/a /srv/link; ln -s /opt /srv/theirs; chown -h 1234 /srv/theirs").expect(0);
    for root in ["/srv/w/a", "/srv/s/a/b", "/srv/o/a", "/srv/link/x", "/srv/theirs/x", "/srv/theirs"] {
        only(&failures(&machine, root, 12), "root");
    }
    machine.sh("ln -s /opt /srv/ours").expect(0);
    assert!(failures(&machine, "/srv/ours/x", 0).is_empty(), "a link that root made is followed");
}

#[test]
fn roots_are_judged_as_the_list_of_rules_says() {
    let machine = machine();
    for rule in include_str!("rules/roots.txt").lines().filter(|line| !line.starts_with('#')) {
        let (verdict, root) = rule.split_once(' ').expect("a verdict and a root");
        machine.put("/root-to-try", root.as_bytes());
        let done = machine.sh("sh /preflight --json --root \"$(cat /root-to-try)\"");
        let document: Value = serde_json::from_str(&done.out).expect("JSON");
        let checks = document["checks"].as_array().expect("checks");
        let refused = checks.iter().any(|check| check["id"] == "root" && check["ok"] == false);
        assert_eq!(refused, verdict == "bad", "{rule}: {}", done.err);
    }
}

#[test]
fn files_that_are_not_ours_are_not_taken_over() {
    let machine = machine();
    machine.sh("mkdir -p /opt/x/bin /opt/y/vAgentManager /etc/intigua").expect(0);
    only(&failures(&machine, "/opt/x", 17), "other");
    machine.sh("echo /opt/y >/etc/intigua/location.conf").expect(0);
    only(&failures(&machine, "/opt/z", 17), "other");
}

#[test]
fn all_failures_are_reported_together_with_the_smallest_code() {
    let machine = machine();
    machine.sh("mount -t tmpfs -o ro,mode=1777 t /tmp; rm /var/run; mkdir -p /srv/w; chmod 777 /srv/w").expect(0);
    let failed = failures(&machine, "/srv/w/x", 11);
    let ids: Vec<_> = failed.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["temp", "root", "runtime"]);
}

#[test]
fn what_a_killed_preflight_left_is_swept_and_nothing_else() {
    let machine = machine();
    machine
        .sh("cd /tmp && mkdir -m 700 .lp-probe-999999-aa .lp-probe-1-bb .lp-probe-999999-filled .lp-probe-x-aa /usr/local/.lp-probe-999999-cc \
             && touch .lp-probe-999999-aa/run .lp-probe-999999-filled/other && mkdir -m 755 .lp-probe-999999-open \
             && mkdir -m 700 .lp-probe-999999-theirs && chown 65534 .lp-probe-999999-theirs \
             && mkdir -m 700 /srv/target && ln -s /srv/target .lp-probe-999999-link")
        .expect(0);
    machine.sh("sh /one.run --preflight").expect(0);
    assert_eq!(
        machine.ask("cd /tmp && ls -d .lp-probe-* && ls -d /srv/target /usr/local/.lp-probe* 2>/dev/null || :"),
        ".lp-probe-1-bb\n.lp-probe-999999-filled\n.lp-probe-999999-link\n.lp-probe-999999-open\n.lp-probe-999999-theirs\n.lp-probe-x-aa\n/srv/target"
    );
    // Where others may rename folders of root, a name proves nothing.
    machine
        .sh("chmod 777 /tmp; mkdir -m 700 /tmp/.lp-probe-999999-aa; sh /one.run --preflight; test -d /tmp/.lp-probe-999999-aa")
        .expect(0);
}

#[test]
fn every_rendered_script_is_clean_to_shellcheck_and_parses_in_every_shell() {
    let facts = product::facts("1.0");
    let (deb, rpm) = (endpoint::deb_scripts(&facts).expect("renders"), endpoint::rpm_scripts(&facts).expect("renders"));
    let files = endpoint::bin_files(&facts).expect("renders");
    let file = |path: &str| files.iter().find(|file| file.path == path).expect("is there").text.clone();
    let scripts = [
        ("modules", deb.modules),
        ("preinst", deb.preinst),
        ("postinst", deb.postinst),
        ("prerm", deb.prerm),
        ("postrm", deb.postrm),
        ("config", deb.config),
        ("pre", rpm.pre),
        ("post", rpm.post),
        ("preun", rpm.preun),
        ("postun", rpm.postun),
        ("posttrans", rpm.posttrans),
        ("site", endpoint::site_scriptlets(&contract::names::Names::default()).expect("renders").1),
        ("linkctl", file("bin/linkctl")),
        ("texts", format!("#!/bin/sh\n{}", file("bin/lib/texts.sh"))),
        ("preflight", endpoint::preflight_script(&facts).expect("renders")),
        ("stub", endpoint::run_stub_fitted(&facts, linkpack::compress::Codec::Gzip).expect("renders")),
    ];
    let folder = tempfile::tempdir().expect("a directory");
    // shellcheck takes seconds for the long ones: one thread each.
    std::thread::scope(|scope| {
        for (name, text) in &scripts {
            scope.spawn(|| clean_in_every_shell(folder.path(), name, text));
        }
    });
}

fn clean_in_every_shell(folder: &std::path::Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    for shell in [&["dash"][..], &["bash"], &["busybox", "sh"]] {
        let parses = std::process::Command::new(shell[0]).args(&shell[1..]).arg("-n").arg(&path).status();
        assert!(parses.expect("apt-get install dash bash busybox-static").success(), "{name} in {shell:?}");
    }
    // SC3043: dash, ash and bash all have `local`. SC2034, SC2317: a module serves several scripts, and none
    // uses all of it. SC2015: `a && b || return` is meant so. SC2016: the unit and the init script are quoted
    // texts. SC2154: what a module that is read sets. SC2012: `ls -ldn` is POSIX's only way to ask for owner and mode. SC1003: the init
    // script, quoted once more. SC2094: a file that is read in a loop is only named in it. SC2181: the code of a command of several lines.
    let check = std::process::Command::new("shellcheck")
        .args(["-s", "sh", "-e", "SC3043,SC2034,SC2154,SC2317,SC2015,SC2016,SC2012,SC1003,SC2094,SC2181"])
        .arg(&path)
        .output()
        .expect("apt-get install shellcheck");
    assert!(check.status.success(), "{name}: {}", String::from_utf8_lossy(&check.stdout));
}

#[test]
fn the_init_script_is_clean_too_and_keeps_the_lsb_codes() {
    let machine = machine();
    machine.sh("sh /one.run --no-start").expect(0);
    machine.sh("/etc/init.d/vlink status").expect(3);
    machine.sh("/etc/init.d/vlink stop").expect(0);
    machine.sh("/etc/init.d/vlink start && /etc/init.d/vlink start && /etc/init.d/vlink status").expect(0);
    machine.sh("/etc/init.d/vlink force-reload && /etc/init.d/vlink restart").expect(0);
    machine.sh("/etc/init.d/vlink frobnicate").expect(2);
    machine.sh("setpriv --reuid=65534 --regid=65534 --clear-groups /etc/init.d/vlink stop").expect(4);
    machine.sh("kill -9 $(cat /run/intigua/vlink.pid); sleep 0.6; /etc/init.d/vlink status").expect(1);
    machine.sh("rm /run/intigua/vlink.pid; mv /usr/local/intigua/vAgentManager/vlink /x; /etc/init.d/vlink start").expect(5);
    machine.sh("shellcheck -s sh /etc/init.d/vlink || { shellcheck -s sh /etc/init.d/vlink >&2; exit 1; }").expect(0);
}

#[test]
fn the_unit_is_sound_to_systemd_also_with_spaces_in_the_root() {
    let machine = machine();
    let mut facts = product::facts("1.0");
    facts.arguments.push("100% \"$HOME\" \\".into());
    facts.title = "A 100% \"link\" \\".into();
    let items = product::items(&facts, GOOD);
    machine.put("/one.run", &product::assemble(&facts, &items));
    machine.sh("sh /one.run --no-start --install-root '/opt/with space'").expect(0);
    let done = machine.sh("systemd-analyze verify --man=no /lib/systemd/system/vlink.service").expect(0);
    assert_eq!(done.err.lines().filter(|line| line.contains("vlink")).collect::<Vec<_>>(), Vec::<&str>::new());
    let command = machine.ask("grep ^ExecStart= /lib/systemd/system/vlink.service");
    assert_eq!(
        command,
        r#"ExecStart="/opt/with space/vAgentManager/vlink" "run" "--root" "/opt/with space" "100%% \"$$HOME\" \\""#
    );
}
