//! What the archive says, asks and reads: usage, checks alone, the answer file, the result.

use super::*;

#[test]
fn it_runs_without_environment_terminal_stdin_or_its_x_bit() {
    let machine = Sandbox::new();
    machine.sh("mkdir '/tmp/a b'").expect(0);
    machine.put("/tmp/a b/one.run", &product::run("1.0", GOOD));
    let done = machine.sh("chmod 600 '/tmp/a b/one.run'; cd '/tmp/a b'; umask 077; setsid env -i /bin/sh one.run --json 0<&-");
    let done = done.expect(0);
    let document: serde_json::Value = serde_json::from_str(&done.out).expect("only JSON on stdout");
    assert_eq!(document["outcome"], "installed");
    assert_eq!(
        machine.ask(&format!("stat -c %a {ROOT} {ROOT}/vAgentManager/ {ROOT}/vAgentManager/etc/agent.conf")),
        "755\n755\n644"
    );
    assert!(service_runs(&machine));
    let done = machine.sh("sh -s < '/tmp/a b/one.run'").expect(2);
    assert!(done.err.contains("its own file"), "{}", done.err);
}

#[test]
fn it_says_what_it_is_and_lists_and_extracts_without_root() {
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    let as_nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    for verb in ["--help", "--info", "--check", "--list"] {
        machine.sh(&format!("{as_nobody} sh /tmp/one.run {verb}")).expect(0);
    }
    assert!(machine.ask("sh /tmp/one.run --list").contains("Intigua-Libs/pulse/with space, quote' and\\0012newline \\0134"));
    let info: serde_json::Value = serde_json::from_str(&machine.ask("sh /tmp/one.run --info --json")).expect("JSON");
    assert_eq!(info["version"], "1.0");
    machine.sh(&format!("{as_nobody} sh /tmp/one.run --extract /tmp/out")).expect(0);
    assert_eq!(machine.ask("cat /tmp/out/vAgentManager/version"), "1.0");
    machine.sh("sh /tmp/one.run --extract=/tmp/out").expect(2);
    for wrong in [
        "--frobnicate",
        "--install-root",
        "--purge",
        "-- x",
        "--containers=unknown",
        "--containers tracer",
        "--image --core-id a",
    ] {
        machine.sh(&format!("sh /tmp/one.run {wrong}")).expect(2);
    }
    machine.sh(&format!("{as_nobody} sh /tmp/one.run")).expect(10);
}

#[test]
fn checks_alone_and_what_is_not_needed_change_nothing() {
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    let before = machine.listing();
    let says = |arguments: &str, code: i32| {
        let done = machine.sh(&format!("sh /tmp/one.run {arguments} --json")).expect(code);
        serde_json::from_str::<serde_json::Value>(&done.out).expect("JSON")["outcome"].clone()
    };
    assert_eq!(says("--preflight", 0), "checked");
    assert_eq!(says("--preflight --install-root /etc", 12), "refused");
    assert_eq!(machine.listing(), before);
    assert_eq!(says("--if-needed", 0), "installed");
    let pid = machine.ask("cat /run/intigua/vlink.pid");
    assert_eq!(says("--if-needed", 0), "unchanged");
    assert_eq!(machine.ask("cat /run/intigua/vlink.pid"), pid);
    machine.sh(&format!("rm {ROOT}/vAgentManager/version")).expect(0);
    assert_eq!(says("--if-needed", 0), "reinstalled", "a missing file is put back");
    for damage in [
        format!("echo x >>{ROOT}/vAgentManager/version"),
        format!("chmod 600 {ROOT}/vAgentManager/version"),
        format!("rm {ROOT}/vAgentManager/version && mkdir {ROOT}/current/vAgentManager/version"),
        "rm /lib/systemd/system/vlink.service".to_owned(),
        "rm /etc/init.d/vlink".to_owned(),
    ] {
        machine.sh(&damage).expect(0);
        machine.sh(&format!("{ROOT}/bin/linkctl check")).expect(1);
        assert_eq!(says("--if-needed", 0), "reinstalled", "{damage}");
        machine.sh(&format!("{ROOT}/bin/linkctl check")).expect(0);
    }
    machine.sh("/etc/init.d/vlink stop").expect(0);
    assert_eq!(says("--if-needed", 0), "reinstalled", "a connector that does not run is started");
}

#[test]
fn the_answer_file_is_read_strictly() {
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    machine.sh("mkdir /etc/intigua").expect(0);
    machine.put(
        "/etc/intigua/install.conf",
        b"# ours\nINSTALL_ROOT=\"/opt/with space\"\r\n\nSERVER_URL=$(touch /tmp/ran)\nFROB=1\nnonsense\n",
    );
    let done = machine.sh("sh /tmp/one.run").expect(2);
    assert!(done.err.contains("line 5") && done.err.contains("line 6"), "{}", done.err);
    machine.put(
        "/etc/intigua/install.conf",
        b"INSTALL_ROOT=\"/opt/with space\"\r\nSERVER_URL=https://$(touch${IFS}/tmp/ran)\nFALLBACK_URLS='https://a;https://b'\nNO_START=1",
    );
    machine.sh("chmod 666 /etc/intigua/install.conf; sh /tmp/one.run").expect(2);
    machine.sh("chmod 644 /etc/intigua/install.conf; sh /tmp/one.run").expect(0);
    assert_eq!(machine.ask("cat /etc/intigua/location.conf; [ ! -e /tmp/ran ]"), "/opt/with space");
    let config = machine.ask("head -1 '/opt/with space/components/csclient.cfg'");
    assert_eq!(config, "serverUrl: \"https://$(touch${IFS}/tmp/ran);https://a;https://b\"");
    assert!(!service_runs(&machine), "NO_START=1");
    machine.sh("'/opt/with space/bin/linkctl' start").expect(0);
    assert!(service_runs(&machine));
    machine.sh("sh /tmp/one.run --install-root /opt/other").expect(17);
    machine.sh("sh /tmp/one.run --uninstall").expect(0);
    assert_eq!(machine.ask("ls -A '/opt/with space'; ls /etc/intigua"), "components\ninstall.conf");
    machine.sh("sh /tmp/one.run --uninstall --purge").expect(0);
    assert_eq!(machine.ask("ls -A /opt"), "");
}

#[test]
fn linkctl_tells_how_things_are() {
    let machine = machine_with("1.0");
    let linkctl = format!("{ROOT}/bin/linkctl");
    machine.put(
        "/run/intigua/status",
        b"connector\trunning\t1\t1.0\tid\tt\tt\ncontainer\tpulse\trunning\t42\t3\t1.0\tfine \"so\"\n",
    );
    let status: serde_json::Value = serde_json::from_str(&machine.ask(&format!("{linkctl} status --json"))).expect("JSON");
    assert_eq!(status["service"], "running");
    assert_eq!(status["containers"][0]["state"], "running");
    assert_eq!(status["containers"][1]["state"], "unknown");
    machine.sh(&format!("{linkctl} check")).expect(0);
    machine.sh(&format!("rm {ROOT}/vAgentManager/version; {linkctl} check")).expect(1);
    assert!(machine.ask(&format!("{linkctl} logs -n 5")).contains("started run --root"));
    machine.sh(&format!("{linkctl} stop && {linkctl} status")).expect(3);
    machine.sh(&format!("{linkctl} frobnicate")).expect(2);
}

#[test]
fn the_result_goes_to_a_new_file_of_roots_alone_under_every_shell() {
    for shell in SHELLS {
        let machine = Sandbox::with_shell(shell);
        machine.put("/tmp/one.run", &product::run("1.0", GOOD));
        let result =
            |file: &str| -> serde_json::Value { serde_json::from_str(&machine.ask(&format!("cat {file}"))).expect("JSON") };
        machine.sh("mkdir -m 700 /srv/r; sh /tmp/one.run --result /srv/r/preflight --preflight").expect(0);
        assert_eq!(result("/srv/r/preflight")["outcome"], "checked", "{shell}");
        machine.sh("sh /tmp/one.run --result=/srv/r/one SERVER_URL=https://x").expect(0);
        assert_eq!(
            machine.ask("stat -c '%a %u' /srv/r/one; cmp /srv/r/one /var/log/intigua/install.json; ls -A /srv/r"),
            "600 0\none\npreflight",
            "{shell}"
        );
        // A wrong command line is told so, too, wherever the option stands.
        machine.sh("sh /tmp/one.run --frob --result /srv/r/two").expect(2);
        let told = result("/srv/r/two");
        assert_eq!((&told["exit_code"], &told["outcome"]), (&2.into(), &"refused".into()), "{shell}");
        if *shell != "busybox" {
            continue;
        }
        machine.sh("sh /tmp/one.run --result /srv/r/three SERVER_URL=").expect(0);
        machine.sh("sh /tmp/one.run --result /srv/r/four --list").expect(2);
        // In a folder of root's below /tmp nobody else can put anything; in /tmp itself, and in others' folders, they can.
        machine.sh("d=$(mktemp -d) && sh /tmp/one.run --preflight --result $d/x && test -s $d/x").expect(0);
        machine.sh("mkdir /srv/theirs /srv/theirs/ours && chown 65534 /srv/theirs; ln -s /srv/r/none /srv/r/link; ln -s /srv/theirs/ours /srv/r/way").expect(0);
        let before = machine.ask("ls -AR /srv; ls -A /tmp; cat /var/log/intigua/install.json");
        for wrong in [
            "/srv/r/one",
            "/srv/r/link",
            "/srv/r/way/x",
            "/tmp/x",
            "/srv/theirs/x",
            "/srv/theirs/ours/x",
            "/srv/none/x",
            "x",
            "/srv/r/",
            "/",
        ] {
            let done = machine.sh(&format!("cd /srv/r && sh /tmp/one.run --json --result {wrong}")).expect(2);
            let told: serde_json::Value = serde_json::from_str(&done.out).expect("JSON");
            assert!(told["message"].as_str().is_some_and(|text| text.contains("--result")), "{shell} {wrong}: {told}");
        }
        machine.sh("sh /tmp/one.run --result").expect(2);
        machine.sh("sh /tmp/one.run --result /srv/r/x --result /srv/r/y").expect(2);
        machine.sh("rm -f /srv/r/x /srv/r/y; /usr/bin/setpriv --reuid 65534 --regid 65534 --clear-groups sh /tmp/one.run --result /srv/theirs/x").expect(2);
        assert_eq!(machine.ask("ls -AR /srv; ls -A /tmp; cat /var/log/intigua/install.json"), before, "{shell}");
        machine.sh("sh /tmp/one.run --uninstall --result /srv/r/last").expect(0);
        assert_eq!(result("/srv/r/last")["outcome"], "uninstalled", "{shell}");
    }
}

/// /bin/sh is a ksh on AIX, Solaris, illumos, OpenBSD and MirBSD; ksh93 has no variables of functions' own and hands over.
#[test]
fn the_shells_of_other_systems_read_and_extract_a_run() {
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    let expected = machine.ask("sh /tmp/one.run --list");
    for shell in ["mksh", "ksh93", "yash", "bash --posix"] {
        machine.sh(&format!("{shell} /tmp/one.run --check")).expect(0);
        assert_eq!(machine.ask(&format!("{shell} /tmp/one.run --list")), expected, "{shell}");
        machine
            .sh(&format!(
                "{shell} /tmp/one.run --extract '/tmp/with {shell}' && test -f '/tmp/with {shell}/vAgentManager/version'"
            ))
            .expect(0);
    }
    // toybox has sha256sum and, as Debian builds it, no dd.
    machine.sh("rm -f /usr/bin/dd /bin/dd").expect(0);
    let done = machine.sh("sh /tmp/one.run --check").expect(15);
    assert!(done.err.contains("needed tools are missing: dd"), "{}", done.err);
}
