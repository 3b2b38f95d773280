//! Removals where something that a package or an administrator made is missing.

use super::{machine, rpm, GOOD, ROOT};

/// rpm takes unit, init script and state before the second half of its removal.
#[test]
fn an_rpm_whose_own_modules_are_gone_leaves_nothing_behind() {
    let machine = machine();
    let one = rpm(&machine, "1.0", GOOD);
    machine.sh(&format!("rpm -i --nodeps {one} && rm -r {ROOT}/bin && rpm -e intigua-link")).expect(0);
    assert_eq!(
        machine.ask("ls /etc/rc?.d/*vlink /etc/systemd/system/*/vlink.service /var/lib/intigua/leaving 2>/dev/null; pgrep -f '[v]AgentManager/' || :"),
        ""
    );
    machine.sh(&format!("grep -q ^root={ROOT}$ /var/lib/intigua/kept.intigua-link && rpm -i --nodeps {one}")).expect(0);
}

#[test]
fn an_administrators_own_link_in_the_roots_place_stays_with_what_it_leads_to() {
    let machine = machine();
    let one = rpm(&machine, "1.0", GOOD);
    machine.sh(&format!("mkdir -p /srv/data && ln -s /srv/data {ROOT} && rpm -i --nodeps {one}")).expect(0);
    let settings = machine.ask(&format!("cat {ROOT}/components/csclient.cfg"));
    machine.sh("rpm -e intigua-link").expect(0);
    assert_eq!(machine.ask(&format!("readlink {ROOT}; cat {ROOT}/components/csclient.cfg")), format!("/srv/data\n{settings}"));
    machine.sh("sh /var/lib/intigua/purge").expect(0);
    assert_eq!(machine.ask(&format!("readlink {ROOT}; ls -A /srv/data")), "/srv/data");
}

/// The paths are in rpm's own list, as ghosts.
#[test]
fn what_another_software_has_put_in_the_place_of_unit_and_script_survives_rpm_e() {
    let machine = machine();
    let one = rpm(&machine, "1.0", GOOD);
    machine.sh(&format!("rpm -i --nodeps {one} && /etc/init.d/vlink stop")).expect(0);
    machine.sh("for file in /lib/systemd/system/vlink.service /etc/init.d/vlink; do rm $file; echo theirs >$file; done; rpm -e intigua-link").expect(0);
    assert_eq!(
        machine
            .ask("cat /lib/systemd/system/vlink.service /etc/init.d/vlink; find /lib/systemd/system /etc/init.d -name '*.lp-*'"),
        "theirs\ntheirs"
    );
}

/// The usual recipe for work in a chroot: /dev, /proc and /run are the outer system's.
#[test]
fn a_removal_in_a_chroot_leaves_the_running_systems_service_alone() {
    let machine = machine();
    let one = rpm(&machine, "1.0", GOOD);
    machine
        .sh("mount -t tmpfs t /srv && cd /srv && mkdir -p up work image && cd image && mkdir usr etc var var/lib var/log dev proc run opt tmp &&
             mount -t overlay -o lowerdir=/usr,upperdir=/srv/up,workdir=/srv/work o usr && ln -s usr/bin usr/sbin usr/lib usr/lib64 . &&
             cp -a /etc/. etc/ && ln -s /run var/run && for dir in dev proc run; do mount --rbind /$dir $dir; done")
        .expect(0);
    machine.sh(&format!("rpm -i --nodeps {one}")).expect(0);
    let before = machine.ask("cat /run/intigua/vlink.pid");
    machine.put("/srv/image/one.run", &super::product::run("1.0", GOOD));
    machine
        .sh("chroot /srv/image sh /one.run --install-root /opt/link && chroot /srv/image sh /one.run --uninstall --purge")
        .expect(0);
    assert_eq!(
        machine.ask("cat /run/intigua/vlink.pid; /etc/init.d/vlink status >/dev/null && echo runs"),
        format!("{before}\nruns")
    );
}
