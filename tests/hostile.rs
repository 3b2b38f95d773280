//! Everybody who is not root, while root installs, upgrades, asks and uninstalls: `nobody`, and the account that the connector runs as.
//! Each tries all that it can. Whatever comes of it, root's files and processes stay as they were, nothing of root's is disclosed,
//! and no installer waits for ever.
mod sandbox;

use sandbox::product::{self, GOOD};
use sandbox::Sandbox;

const ROOT: &str = "/usr/local/intigua";
const ACCOUNT: &str = "svc-link";

/// What an attack would like to read, change, remove or end; and the state of all that.
const BAIT: &str = "set -e
echo 'top secret' >/etc/secret; chmod 600 /etc/secret
mkdir -p /srv/guarded/below; echo kept >/srv/guarded/file; echo kept >/srv/guarded/below/file; chmod 700 /srv/guarded/below
echo open >/srv/guarded/open; chmod 666 /srv/guarded/open
sleep 3000 >/dev/null 2>&1 & echo $! >/etc/victim";
const GUARDED: &str = "kill -0 $(cat /etc/victim) && echo alive
find /srv/guarded /etc/secret /etc/passwd /etc/group /etc/cron* /etc/profile.d -printf '%p %y %m %u:%g %s %l\\n' | sort
sha256sum /etc/secret /etc/passwd /srv/guarded/file /srv/guarded/open /srv/guarded/below/file
ls /etc/owned* /root/owned* 2>/dev/null || :";

/// An account's attempts, and how it takes them back. Some fail at once, as they should.
struct Attack {
    name: &'static str,
    does: &'static str,
    undo: &'static str,
    /// Whether it spoils what belongs to the account, so that an installer may refuse.
    spoils: bool,
}

const fn attack(name: &'static str, does: &'static str) -> Attack {
    Attack { name, does, undo: ":", spoils: false }
}

/// On the account's own settings: put back in the end.
const fn spoiling(name: &'static str, does: &'static str) -> Attack {
    const UNDO: &str = "cd /usr/local/intigua/components && { [ ! -f mine ] || { rm -rf csclient.cfg; mv mine csclient.cfg; }; }";
    Attack { name, does, undo: UNDO, spoils: true }
}

const LOGS: &str = "names among the logs";

const ATTACKS: &[Attack] = &[
    attack("locks", "for file in /var/lib/intigua/* /var/run/intigua/*; do flock -n \"$file\" sleep 300 & done"),
    attack(
        LOGS,
        "cd /var/log/intigua && for name in vlink.log vlink.log.1 pulse.log install.log install.json; do
             rm -f $name; ln -s /etc/secret $name; mv $name other; ln /srv/guarded/open $name; mkfifo $name; done; ln -s /srv/guarded link.log",
    ),
    attack("the number of a process of root's", "cat /etc/victim >/var/run/intigua/vlink.pid"),
    attack("pipes to read from", "cd /var/run/intigua && rm -f vlink.pid status && mkfifo vlink.pid status"),
    attack("links to read from", "cd /var/run/intigua && rm -f vlink.pid status; ln -s /etc/secret vlink.pid; ln -s /etc/secret status"),
    attack(
        "what lies in the account's folders",
        "cd /usr/local/intigua/components && ln -s /srv/guarded guarded; ln -s / slash; ln /srv/guarded/open linked; mkfifo pipe
         mkdir -p pulse; ln -s /srv/guarded pulse/var
         mkdir -p 'a\n/srv/guarded'; touch 'x\n/srv/guarded/file\n' -- '-rf' '*' '$(touch /etc/owned)'; chmod 000 'a\n'",
    ),
    attack(
        "root's own names",
        "cd /usr/local/intigua && { mv components aside; mv vAgentManager aside; ln -s /srv/guarded versions/9.9; ln -sfn /srv/guarded current
             echo 'touch /etc/owned' >>bin/linkctl; touch .linkpack/stage; mkdir kept; mv /usr/local/intigua /usr/local/aside; }
         cd /var/lib/intigua && { echo root=/srv/guarded >>state; rm -f state; ln -s /etc/secret journal; }
         echo /srv/guarded >/etc/intigua/location.conf; setfacl -m u:65534:rwx /usr/local/intigua /usr/local",
    ),
    attack("probes", "for name in 1-a 999999-b; do ln -s /etc /tmp/.lp-probe-$name; mkdir -m 777 /tmp/.lp-probe-2$name; done"),
    spoiling("settings that are a link", "cd /usr/local/intigua/components && mv csclient.cfg mine && ln -s /etc/secret csclient.cfg"),
    spoiling("settings that are a pipe", "cd /usr/local/intigua/components && mv csclient.cfg mine && mkfifo csclient.cfg"),
    spoiling("settings that are a folder", "cd /usr/local/intigua/components && mv csclient.cfg mine && mkdir csclient.cfg"),
    spoiling("settings with another name", "cd /usr/local/intigua/components && cp csclient.cfg mine && ln -f /srv/guarded/open csclient.cfg"),
    spoiling(
        "settings that change all the time",
        "cd /usr/local/intigua/components && cp csclient.cfg mine && setsid sh -c 'end=$(($(date +%s) + 25)); while [ $(date +%s) -lt $end ]; do
             ln -sfn /etc/secret csclient.cfg; rm -f csclient.cfg; mkfifo csclient.cfg; rm -f csclient.cfg; cp mine csclient.cfg; done' >/dev/null 2>&1 &",
    ),
];

struct Scene {
    machine: Sandbox,
    guarded: String,
    versions: std::cell::Cell<usize>,
}

impl Scene {
    fn new() -> Scene {
        let machine = Sandbox::new();
        machine.put("/one.run", &product::run("1.0", GOOD));
        machine.put("/two.run", &product::run("2.0", GOOD));
        // Whether sudo lets the account is not what is tried here.
        machine.sh("printf '#!/bin/sh\\necho NOPASSWD: ALL\\n' >/usr/bin/sudo && chmod 755 /usr/bin/sudo").expect(0);
        machine.sh(&format!("useradd --system --no-create-home --home-dir / {ACCOUNT}")).expect(0);
        machine.sh(BAIT).expect(0);
        machine.sh(&format!("timeout 120 sh /one.run --run-as {ACCOUNT}")).expect(0);
        let guarded = machine.ask(GUARDED);
        assert!(guarded.starts_with("alive\n"), "{guarded}");
        Scene { machine, guarded, versions: std::cell::Cell::new(0) }
    }

    /// Runs shell code as somebody, in the background where it says so.
    fn as_user(&self, who: &str, script: &str) {
        self.machine.put("/attack", script.as_bytes());
        self.machine
            .sh(&format!("setpriv --reuid={who} --regid=$(id -g {who}) --init-groups sh /attack >/dev/null 2>&1 </dev/null"));
    }

    /// Ends what an attack has left running.
    fn end(&self, who: &str) {
        self.machine
            .sh(&format!("for pid in $(pgrep -u {who}); do grep -qs vAgentManager /proc/$pid/cmdline || kill -9 $pid; done"));
    }

    /// The other version over this one. 124 would be an installer that waits for ever.
    fn upgrade(&self) -> sandbox::Done {
        self.versions.set(self.versions.get() + 1);
        let file = ["/one.run", "/two.run"][self.versions.get() % 2];
        self.machine.sh(&format!("timeout 120 sh {file} --allow-downgrade"))
    }

    #[track_caller]
    fn is_unharmed(&self, who: &str, what: &str) {
        assert_eq!(self.machine.ask(GUARDED), self.guarded, "{who}: {what}");
        let told = self.machine.sh(&format!(
            "setpriv --reuid={who} --regid=$(id -g {who}) --init-groups grep -rls 'top secret' {ROOT}/components /var/log/intigua /var/run/intigua /tmp"
        ));
        assert_eq!(told.out, "", "{who}: {what}");
    }
}

/// The folder of the logs is the account's own as yet.
fn attacks_of(who: &str) -> impl Iterator<Item = &'static Attack> + '_ {
    ATTACKS.iter().filter(move |attack| who != ACCOUNT || attack.name != LOGS)
}

fn tries_everything(who: &str) {
    let scene = Scene::new();
    for attack in attacks_of(who) {
        scene.as_user(who, attack.does);
        for verb in ["status", "check"] {
            let done = scene.machine.sh(&format!("timeout 60 {ROOT}/bin/linkctl {verb}"));
            assert_ne!(done.code, 124, "{who}: {}: linkctl {verb}", attack.name);
        }
        let done = scene.upgrade();
        scene.is_unharmed(who, attack.name);
        assert_ne!(done.code, 124, "{who}: {}: the upgrade waits: {}", attack.name, done.err);
        let spoiled = attack.spoils && who == ACCOUNT;
        assert!(done.code == 0 || spoiled, "{who}: {}: {}", attack.name, done.err);
        scene.end(who);
        scene.as_user(who, attack.undo);
        if spoiled {
            scene.upgrade().expect(0);
        }
    }
    for attack in attacks_of(who) {
        scene.as_user(who, attack.does);
    }
    scene.machine.sh(&format!("timeout 120 {ROOT}/bin/linkctl seal"));
    scene.is_unharmed(who, "seal");
    let done = scene.machine.sh("timeout 120 sh /one.run --uninstall --purge");
    scene.is_unharmed(who, "removal");
    done.expect(0);
    assert_eq!(scene.machine.ask(&format!("ls {ROOT}/bin {ROOT}/versions /etc/init.d/vlink 2>/dev/null || :")), "", "removed");
}

#[test]
fn nobody_cannot_harm_root_through_an_installation() {
    tries_everything("nobody");
}

#[test]
fn the_account_that_the_connector_runs_as_cannot_harm_root_through_an_installation() {
    tries_everything(ACCOUNT);
}

/// Without its sticky bit, /tmp lets everybody exchange what root makes there.
#[test]
fn a_tmp_without_its_sticky_bit_gives_nobody_a_way_in() {
    let scene = Scene::new();
    scene.machine.sh("chmod 777 /tmp").expect(0);
    scene.as_user(
        "nobody",
        "setsid sh -c 'end=$(($(date +%s) + 30)); while [ $(date +%s) -lt $end ]; do for name in /tmp/.lp-* /tmp/tmp.*; do
             mv \"$name\" /tmp/aside.$$ && mkdir -m 777 \"$name\" && ln -s /srv/guarded/file \"$name/run\"; done; done' >/dev/null 2>&1 &",
    );
    scene.upgrade().expect(0);
    scene.upgrade().expect(0);
    scene.is_unharmed("nobody", "/tmp");
}

/// The account exchanges the file after root has looked at it: here `find` itself does, each time.
#[test]
fn a_pipe_in_place_of_a_file_that_was_looked_at_holds_root_up_no_longer_than_the_limit() {
    let scene = Scene::new();
    let file = format!("{ROOT}/components/csclient.cfg");
    scene
        .machine
        .sh(&format!(
            "mv /usr/bin/find /usr/bin/find.real && printf '%s\\n' '#!/bin/sh' '/usr/bin/find.real \"$@\" || exit' \
                 'case \"$*\" in *{file}*-size*) rm -f {file} && mkfifo {file} && echo exchanged >>/tmp/exchanged ;; esac' >/usr/bin/find &&
             chmod 755 /usr/bin/find"
        ))
        .expect(0);
    let done = scene.machine.sh(&format!("timeout 20 {ROOT}/bin/linkctl status"));
    assert_ne!(done.code, 124, "{}", done.err);
    assert_eq!(scene.machine.ask("cat /tmp/exchanged"), "exchanged", "the pipe was there in time");

    // A process that the limit does not end with its parent would keep the pipe to us open.
    let done = scene.machine.sh(&format!(
        "cd {ROOT}/bin/lib && . ./base.sh && . ./account.sh && lp_as_limit=1 && {{ lp_as {ACCOUNT} sh -c 'sleep 4711; :' | cat; }}; pgrep -f '^sleep 4711'"
    ));
    assert_eq!((done.code, done.out.as_str()), (1, ""), "{}", done.err);
}

/// Who may trace a process may stop it for good, or put a program of his own in its place that keeps our pipe.
#[test]
fn the_account_cannot_trace_what_root_runs_with_its_rights() {
    let scene = Scene::new();
    let look = |process: &str| {
        let script = format!(
            "cd {ROOT}/bin/lib && . ./base.sh && . ./account.sh && {{ {process} & }} && sleep 0.5 &&
             setpriv --reuid={ACCOUNT} --regid={ACCOUNT} --init-groups readlink /proc/$(pgrep -x -f 'sleep 4712')/exe; pkill -x -f 'sleep 4712'"
        );
        scene.machine.sh(&script).out
    };
    // proc(5): these need the right to trace.
    assert!(look(&format!("setpriv --reuid={ACCOUNT} --regid={ACCOUNT} --init-groups sleep 4712")).contains("/sleep"));
    assert_eq!(look(&format!("lp_as {ACCOUNT} sleep 4712")), "");
}
