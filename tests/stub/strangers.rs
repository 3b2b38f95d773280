//! What is not ours, or only lies where ours does, stays; and those who listen decide nothing.

use super::{machine_with, product, service_runs, Item, Sandbox, BROKEN, GOOD, ROOT};

/// The folder of the logs was there before, with a file of somebody else's.
#[test]
fn another_softwares_logs_survive_a_purge_and_a_first_installation_that_failed() {
    let machine = Sandbox::new();
    machine.put("/good.run", &product::run("1.0", GOOD));
    machine.put("/bad.run", &product::run("1.0", BROKEN));
    machine.sh("mkdir /var/log/intigua && echo theirs >/var/log/intigua/theirs.log").expect(0);
    machine.sh("sh /bad.run").expect(31);
    machine.sh("sh /good.run").expect(0);
    machine.sh("echo old >/var/log/intigua/vlink.log.2.gz; sh /good.run --uninstall --purge").expect(0);
    assert_eq!(machine.ask("ls -A /var/log/intigua"), "theirs.log");
}

#[test]
fn a_disk_that_is_mounted_below_the_root_is_neither_emptied_nor_sealed() {
    let machine = machine_with("1.0");
    machine.sh(&format!("mkdir -p {ROOT}/components/pulse/data && mount -t tmpfs -o size=1m d {ROOT}/components/pulse/data && echo 1 >{ROOT}/components/pulse/data/file")).expect(0);
    let done = machine.sh(&format!("{ROOT}/bin/linkctl seal")).expect(30);
    assert!(done.err.contains("unmount it, then seal"), "{}", done.err);
    assert!(service_runs(&machine), "nothing was changed");
    let done = machine.sh("sh /tmp/one.run --uninstall --purge").expect(30);
    assert!(done.err.contains("a file system is mounted at or below"), "{}", done.err);
    assert_eq!(
        machine.ask(&format!("find {ROOT} -type f")),
        format!("{ROOT}/components/pulse/data/file"),
        "and the identity is gone"
    );
    machine.sh(&format!("umount {ROOT}/components/pulse/data && sh /tmp/one.run --uninstall --purge")).expect(0);
    assert_eq!(machine.ask(&format!("ls -d {ROOT} /var/lib/intigua 2>/dev/null || :")), "");
}

/// Who reads the messages may go away (`| head`), or keep them on a disk that is full.
#[test]
fn messages_that_nobody_takes_end_no_installation() {
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    machine.put("/tmp/two.run", &product::run("2.0", GOOD));
    machine.sh("sh /tmp/one.run >/dev/full 2>&1").expect(0);
    assert!(service_runs(&machine));
    machine.sh("{ sh /tmp/two.run --json; echo $? >/tmp/code; } 2>&1 | true").expect(0);
    assert_eq!(machine.ask(&format!("cat /tmp/code {ROOT}/vAgentManager/version")), "0\n2.0");
    machine.sh(&format!("{ROOT}/bin/linkctl uninstall >/dev/full 2>&1")).expect(0);
}

/// A configuration file of the old version is a folder of the new one, and its folder a file of the next.
#[test]
fn what_was_edited_or_added_where_the_new_version_has_something_else_is_kept_aside() {
    let machine = machine_with("1.0");
    for (version, item) in [
        ("2.0", Item::new("vAgentManager/etc/agent.conf/main", 0o644, "new\n")),
        ("3.0", Item::new("vAgentManager/etc", 0o644, "etc\n")),
    ] {
        let facts = product::facts(version);
        let mut items = product::items(&facts, GOOD);
        items.retain(|item| !item.path.starts_with(b"vAgentManager/etc"));
        items.push(item);
        machine.put(&format!("/tmp/{version}.run"), &product::assemble(&facts, &items));
    }
    let etc = format!("{ROOT}/vAgentManager/etc");
    machine.sh(&format!("echo edited >{etc}/agent.conf && sh /tmp/2.0.run")).expect(0);
    assert_eq!(machine.ask(&format!("cat {etc}/agent.conf/main {ROOT}/kept/vAgentManager/etc/agent.conf")), "new\nedited");
    machine.sh(&format!("echo added >{etc}/mine && sh /tmp/3.0.run && {ROOT}/bin/linkctl check")).expect(0);
    assert_eq!(machine.ask(&format!("cat {etc} {ROOT}/kept/vAgentManager/etc/mine")), "etc\nadded");
}
