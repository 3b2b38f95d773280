//! SELinux, by stand-ins that note what they are told.
use super::{machine_with_packages, Sandbox};

/// A machine where SELinux seems to be on; semanage lists `rules` as the administrator's.
fn machine(rules: &str) -> Sandbox {
    let machine = machine_with_packages(Sandbox::new());
    machine.put("/usr/sbin/selinuxenabled", b"#!/bin/sh\nexit 0\n");
    machine.put(
        "/usr/sbin/restorecon",
        b"#!/bin/sh\necho \"restorecon $*\" >>/tmp/said\n[ \"$1\" != -n ] || cat /tmp/would 2>/dev/null\n",
    );
    let semanage = format!("#!/bin/sh\ncase $* in *-l*) echo '{rules}' ;; *) echo \"semanage $*\" >>/tmp/said ;; esac\n");
    machine.put("/usr/sbin/semanage", semanage.as_bytes());
    machine.sh("chmod 755 /usr/sbin/selinuxenabled /usr/sbin/restorecon /usr/sbin/semanage").expect(0);
    machine
}

#[test]
fn a_root_elsewhere_gets_a_lasting_rule_that_goes_with_it() {
    let machine = machine("");
    machine.sh("sh /tmp/one.run --install-root /srv/acme").expect(0);
    let said = machine.ask("cat /tmp/said");
    let (rule, label) =
        (said.find("semanage fcontext -a -e /opt /srv/acme"), said.find("restorecon -R -e /srv/acme/components /srv/acme"));
    assert!(rule.is_some() && rule < label, "{said}");
    machine.sh("/srv/acme/bin/linkctl uninstall --purge").expect(0);
    assert!(machine.ask("cat /tmp/said").contains("semanage fcontext -d -e /opt /srv/acme"));
}

#[test]
fn the_administrators_own_rule_and_labels_stay() {
    let machine = machine("/srv/acme(/.*)?   all files   system_u:object_r:acme_t:s0");
    machine.sh("sh /tmp/one.run --install-root /srv/acme").expect(0);
    // From now on the root's label is another than the policy's: chcon.
    machine.sh("echo 'Would relabel /srv/acme' >/tmp/would; : >/tmp/said; sh /tmp/two.run").expect(0);
    let said = machine.ask("cat /tmp/said");
    assert!(!said.contains("semanage") && !said.contains("-F") && !said.contains("restorecon -R -e /srv/acme/"), "{said}");
}

#[test]
fn without_semanage_such_a_root_is_refused_with_the_command() {
    let machine = machine("");
    machine.sh("rm /usr/sbin/semanage").expect(0);
    let done = machine.sh("sh /tmp/one.run --install-root /srv/acme").expect(12);
    assert!(done.err.contains("semanage fcontext -a -e /opt /srv/acme"), "{}", done.err);
    machine.sh("sh /tmp/one.run --install-root /opt/acme").expect(0);
}
