//! The account that runs the connector: what it owns may be a trap.
use super::{machine_with_packages, message, Sandbox, PID, UNIT};

const ROOT: &str = "/usr/local/intigua";

/// What sudo would answer: the machine under test may have none.
const SUDO: &str = "#!/bin/sh\n[ \"$(id -un)\" = agent ] || exit 1\nexit 0\n";

fn machine_with_agent() -> Sandbox {
    let machine = machine_with_packages(Sandbox::new());
    machine.put("/usr/bin/sudo", SUDO.as_bytes());
    machine.sh("chmod 755 /usr/bin/sudo; useradd agent").expect(0);
    machine
}

/// Runs shell code as the account.
fn as_agent(machine: &Sandbox, script: &str) -> String {
    machine.ask(&format!("setpriv --reuid=agent --regid=agent --clear-groups sh -c '{script}'"))
}

#[test]
fn sudo_itself_says_whether_the_account_may_become_root() {
    let machine = machine_with_agent();
    machine.sh("sh /tmp/one.run --preflight --run-as agent").expect(0);
    // It would list a rule with NOPASSWD, and still want a password.
    machine.put("/usr/bin/sudo", b"#!/bin/sh\ncase $* in *-l*) echo '(ALL) NOPASSWD: ALL'; exit 0 ;; esac\necho 'sudo: a password is required' >&2\nexit 1\n");
    let done = machine.sh("sh /tmp/one.run --preflight --run-as agent").expect(18);
    assert!(done.err.contains("may not use sudo without a password (sudo: a password is required)"), "{}", done.err);
    // One program only.
    machine.put("/usr/bin/sudo", b"#!/bin/sh\nfor word; do last=$word; done\n[ \"$last\" = true ]\n");
    machine.sh("sh /tmp/one.run --preflight --run-as agent").expect(18);
    // A sudo that does not answer holds nobody up.
    machine.put("/usr/bin/sudo", b"#!/bin/sh\nexec sleep 1000\n");
    machine.sh("timeout 60 sh /tmp/one.run --preflight --run-as agent").expect(18);
}

#[test]
fn a_file_of_processes_that_is_a_trap_stops_nobody_and_kills_nobody() {
    let machine = machine_with_agent();
    machine.sh("sh /tmp/one.run --run-as agent").expect(0);
    assert_eq!(machine.ask(&format!("stat -c %U /proc/$(cat {PID})")), "agent");
    // Another's process whose command line looks like ours.
    machine.sh(&format!("sh -c 'sleep 1000; :' {ROOT}/vAgentManager/vlink >/dev/null 2>&1 & echo $! >/tmp/victim")).expect(0);
    let ours = machine.ask(&format!("cat {PID}"));
    as_agent(&machine, &format!("rm -f {PID}; cp /tmp/victim {PID}"));
    machine.sh("/etc/init.d/vlink stop").expect(0);
    machine.sh("kill -0 $(cat /tmp/victim)").expect(0);
    // A pipe that nobody writes to, and a link.
    as_agent(&machine, &format!("rm -f {PID}; mkfifo {PID}"));
    machine.sh("timeout 60 /etc/init.d/vlink status").expect(3);
    machine.sh("timeout 120 sh /tmp/two.run").expect(0);
    as_agent(&machine, &format!("rm -f {PID}; ln -s /tmp/victim {PID}; kill {ours} 2>/dev/null || :"));
    machine.sh("timeout 60 /etc/init.d/vlink stop; kill -0 $(cat /tmp/victim)").expect(0);
    assert!(machine.ask("cat /tmp/victim").parse::<u32>().is_ok(), "the link's target is as it was");
}

#[test]
fn the_account_writes_its_logs_and_makes_no_name_beside_them() {
    let machine = machine_with_agent();
    machine.sh("sh /tmp/one.run --run-as agent").expect(0);
    assert_eq!(machine.ask("stat -c '%U %a' /var/log/intigua"), "root 755");
    let files =
        "cd /var/log/intigua && stat -c '%U %a' vlink.log vlink.log.1 pulse.log pulse.log.1 tracer.log tracer.log.1 | sort -u";
    assert_eq!(machine.ask(files), "agent 640");
    machine.sh("grep -q started /var/log/intigua/vlink.log").expect(0);
    as_agent(&machine, "echo more >>/var/log/intigua/pulse.log; : >/var/log/intigua/pulse.log");
    machine.sh("setpriv --reuid=agent --regid=agent --clear-groups rm -f /var/log/intigua/pulse.log").expect(1);
}

#[test]
fn a_log_folder_of_the_old_layout_is_taken_over_without_its_traps() {
    let machine = machine_with_agent();
    machine.sh("sh /tmp/one.run --run-as agent").expect(0);
    machine.sh("cp /etc/shadow /var/log/secret; chmod 600 /var/log/secret; chown agent: /var/log/intigua; echo old >/var/log/intigua/tracer.log.1").expect(0);
    as_agent(
        &machine,
        "cd /var/log/intigua; rm -f pulse.log pulse.log.1 install.log; ln -s /etc/shadow pulse.log; mkfifo pulse.log.1; \
         mkdir install.log; echo x >install.log/x; mkdir \".a b\"",
    );
    machine.sh("rm -f /var/log/intigua/vlink.log.1; ln /var/log/secret /var/log/intigua/vlink.log.1").expect(0);
    machine.sh("timeout 120 sh /tmp/two.run").expect(0);
    let listed = "cd /var/log/intigua && find . -mindepth 1 ! -name 'install.*' -printf '%P %y %n %u\\n' | sort";
    let expected = "pulse.log f 1 agent\npulse.log.1 f 1 agent\ntracer.log f 1 agent\ntracer.log.1 f 1 agent\nvlink.log f 1 agent\nvlink.log.1 f 1 agent";
    assert_eq!(machine.ask(listed), expected);
    assert_eq!(machine.ask("stat -c '%U %a' /var/log/intigua /var/log/secret /etc/shadow | head -n 2"), "root 755\nroot 600");
    assert_eq!(machine.ask("cat /var/log/intigua/tracer.log.1; stat -c %F /var/log/intigua/install.log"), "old\nregular file");
}

#[test]
fn run_as_auto_makes_an_account_that_needs_no_sudo() {
    let machine = machine_with_packages(Sandbox::new());
    machine.sh("rm -f /usr/bin/sudo; sh /tmp/one.run --run-as auto").expect(0);
    let account = "_intigua-link";
    assert_eq!(machine.ask(&format!("stat -c %U /proc/$(cat {PID})")), account);
    assert_eq!(machine.ask(&format!("stat -c %U {ROOT}/components {ROOT}/components/csclient.cfg | sort -u")), account);
    assert_eq!(machine.ask("cut -d: -f1,6,7 /etc/passwd | tail -n 1"), format!("{account}:/:/usr/sbin/nologin"));
    machine.sh(&format!("grep -qx NoNewPrivileges=yes {UNIT} && ! grep -q @LP_ {UNIT}")).expect(0);
    // It stays without being asked for, and over a removal.
    machine.sh("sh /tmp/two.run").expect(0);
    assert_eq!(machine.ask(&format!("stat -c %U /proc/$(cat {PID})")), account);
    machine.sh(&format!("{ROOT}/bin/linkctl uninstall && id {account}")).expect(0);
    machine.sh(&format!("sh /tmp/two.run --run-as auto && {ROOT}/bin/linkctl uninstall --purge")).expect(0);
    machine.sh(&format!("id {account}")).expect(1);
    machine.sh("sh /tmp/two.run --run-as auto").expect(0);
    // As root it needs none of that.
    machine.sh("sh /tmp/two.run --run-as root").expect(0);
    machine.sh(&format!("! grep -q -e NoNewPrivileges -e @LP_ {UNIT}")).expect(0);
    assert_eq!(machine.ask(&format!("stat -c %U /proc/$(cat {PID}) {ROOT}/components/csclient.cfg | sort -u")), "root");
}

#[test]
fn without_useradd_the_account_is_made_by_other_means() {
    let machine = machine_with_packages(Sandbox::new());
    machine.sh("rm -f /usr/sbin/useradd; command -v systemd-sysusers").expect(0);
    machine.sh("sh /tmp/one.run --run-as auto").expect(0);
    assert_eq!(machine.ask(&format!("stat -c %U /proc/$(cat {PID})")), "_intigua-link");
    let bare = machine_with_packages(Sandbox::new());
    bare.sh("rm -f /usr/sbin/useradd $(command -v systemd-sysusers)").expect(0);
    let done = bare.sh("sh /tmp/one.run --run-as auto").expect(18);
    assert!(done.err.contains("useradd, systemd-sysusers and busybox's adduser are missing"), "{}", done.err);
}

#[test]
fn another_account_gets_copies_and_no_second_names_of_others_files() {
    let machine = machine_with_agent();
    machine.sh("sh /tmp/one.run --run-as agent").expect(0);
    machine.sh("cp /etc/shadow /usr/local/secret; chmod 600 /usr/local/secret").expect(0);
    machine.sh(&format!("ln /usr/local/secret {ROOT}/components/secret")).expect(0);
    as_agent(&machine, &format!("cd {ROOT}/components; mkdir pulse; echo queue >pulse/queue"));
    // A file that the account cannot read is not its own: nothing changes hands.
    machine.sh("sh /tmp/two.run --run-as auto").expect(30);
    machine.sh(&format!("rm {ROOT}/components/secret; sh /tmp/two.run --run-as auto")).expect(0);
    assert_eq!(machine.ask(&format!("stat -c %U {ROOT}/components/pulse/queue /usr/local/secret")), "_intigua-link\nroot");
    machine.sh(&format!("ln -s /etc/shadow {ROOT}/components/link; sh /tmp/two.run --run-as root")).expect(30);
    machine.sh(&format!("rm {ROOT}/components/link; sh /tmp/two.run --run-as root")).expect(0);
    assert_eq!(
        machine.ask(&format!("stat -c %U {ROOT}/components/pulse/queue; cat {ROOT}/components/pulse/queue")),
        "root\nqueue"
    );
    assert!(message(&machine).contains("reinstalled") || message(&machine).contains("upgraded"));
}
