//! What an administrator asks of linkctl: settings, containers that do not run, logs.

use super::*;
use serde_json::Value;

const LINKCTL: &str = "/usr/local/intigua/bin/linkctl";

fn json(machine: &Sandbox, command: &str, code: i32) -> Value {
    serde_json::from_str(&machine.sh(&format!("{LINKCTL} {command} --json")).expect(code).out).expect("JSON on stdout")
}

fn starts(machine: &Sandbox) -> String {
    machine.ask("grep -c started /var/log/intigua/vlink.log")
}

#[test]
fn set_writes_all_values_restarts_once_and_is_remembered() {
    for shell in SHELLS {
        let machine = Sandbox::with_shell(shell);
        machine.put("/tmp/one.run", &product::run("1.0", GOOD));
        machine.sh("mkdir -p /etc/intigua; echo TOKEN_FILE=/answer >/etc/intigua/install.conf; sh /tmp/one.run").expect(0);
        machine.sh(&format!("sed -i 's/\"50\"/\"70\"/' {CONFIG}; echo TOKEN_FILE=/later >/etc/intigua/install.conf")).expect(0);
        let done = json(&machine, "set SERVER_URL=https://s CONTAINERS=pulse", 0);
        assert_eq!((&done["outcome"], &done["service"]), (&"set".into(), &"restarted".into()), "{shell}");
        assert_eq!(starts(&machine), "2", "{shell}");
        let config = machine.ask(&format!("cat {CONFIG}"));
        for line in [
            "serverUrl: \"https://s\"",
            "containers: \"pulse\"",
            "globalThrottleCfg.maxCpuPercent: \"70\"",
            "tokenFile: \"/answer\"",
        ] {
            assert!(config.lines().any(|found| found == line), "{shell}: {line} in {config}");
        }
        assert_eq!(json(&machine, "set CONTAINERS=pulse", 0)["outcome"], "unchanged", "{shell}");
        assert_eq!(starts(&machine), "2", "{shell}: nothing to restart for");
        machine.sh("sh /tmp/one.run").expect(0);
        assert_eq!((value(&machine, "serverUrl"), value(&machine, "tokenFile")), (r#""https://s""#.into(), r#""/later""#.into()));
        let done = machine.sh(&format!("{LINKCTL} set TOKEN_FILE=/mine")).expect(0);
        assert!(done.err.contains("install.conf sets TOKEN_FILE, too"), "{shell}: {}", done.err);
    }
}

#[test]
fn set_refuses_all_where_one_is_wrong() {
    let machine = installed();
    let before = machine.ask(&format!("cat {CONFIG}; ls -A /var/lib/intigua {ROOT}/.linkpack"));
    for wrong in [
        "SERVER_URL='a b'",
        "CONTAINERS=unknown",
        "CONTAINERS=tracer",
        "CORE_ID=a/b",
        "TOKEN_FILE=t",
        "INSTALL_ROOT=/opt/x",
        "IMAGE=1",
        "RUN_AS=nobody",
        "FROB=1",
        "word",
    ] {
        assert_eq!(json(&machine, &format!("set SERVER_URL=https://s {wrong}"), 2)["outcome"], "refused", "{wrong}");
        assert_eq!(machine.ask(&format!("cat {CONFIG}; ls -A /var/lib/intigua {ROOT}/.linkpack")), before, "{wrong}");
    }
    json(&machine, "set", 2);
    let done =
        machine.sh(&format!("setpriv --reuid 65534 --regid 65534 --clear-groups {LINKCTL} set SERVER_URL=https://x")).expect(10);
    assert!(done.err.contains("root"), "{}", done.err);
    machine.sh(&format!("flock -x /var/lib/intigua/lock {LINKCTL} set SERVER_URL=https://x")).expect(16);
    assert_eq!(value(&machine, "serverUrl"), r#""https://core.example:443""#);
}

#[test]
fn set_takes_back_what_the_service_does_not_start_with() {
    let machine = Sandbox::new();
    let picky =
        GOOD.replace("echo started", "! grep -q wrong /usr/local/intigua/components/csclient.cfg || exit 1\necho started");
    let facts = product::facts("1.0");
    machine.put("/tmp/one.run", &product::assemble(&facts, &product::items(&facts, &picky)));
    machine.sh("sh /tmp/one.run").expect(0);
    let before = machine.ask(&format!("cat {CONFIG} /var/lib/intigua/written; ls -A /var/lib/intigua {ROOT}/.linkpack"));
    let done = json(&machine, "set SERVER_URL=https://wrong", 31);
    assert_eq!(done["outcome"], "rolled_back");
    assert_eq!(machine.ask(&format!("cat {CONFIG} /var/lib/intigua/written; ls -A /var/lib/intigua {ROOT}/.linkpack")), before);
    machine.sh("/etc/init.d/vlink status").expect(0);
    machine.sh(&format!("{LINKCTL} stop; {LINKCTL} set SERVER_URL=https://wrong")).expect(0);
    assert_eq!(value(&machine, "serverUrl"), r#""https://wrong""#, "a service that is stopped is not started for it");
    machine.sh("/etc/init.d/vlink status").expect(3);
}

#[test]
fn set_signals_a_connector_that_says_it_reads_again() {
    let machine = Sandbox::new();
    let facts = product::facts("1.0");
    let reading = GOOD.replace("echo started", "trap 'echo read again' HUP\necho started");
    machine.put("/tmp/one.run", &product::assemble(&facts, &product::items(&facts, &reading)));
    machine.sh("sh /tmp/one.run").expect(0);
    let pid = machine.ask("cat /run/intigua/vlink.pid");
    assert_eq!(json(&machine, "set CONTAINERS=pulse", 0)["service"], "restarted", "it has written no status file");
    let pid_now = machine.ask("cat /run/intigua/vlink.pid");
    assert_ne!(pid, pid_now);
    machine.put("/run/intigua/status", format!("connector\trunning\t{pid_now}\t1.0\t-\tt\tt\n").as_bytes());
    assert_eq!(json(&machine, "set CONTAINERS=*", 0)["service"], "reloaded");
    assert_eq!(
        machine.ask("cat /run/intigua/vlink.pid; grep -c 'read again' /var/log/intigua/vlink.log"),
        format!("{pid_now}\n1")
    );
    assert_eq!(json(&machine, "set SERVER_URL=https://x", 0)["service"], "restarted", "an address needs more than a signal");
}

/// A status file of the running connector.
fn status_file(machine: &Sandbox, containers: &str) {
    let pid = machine.ask("cat /run/intigua/vlink.pid");
    machine.put("/run/intigua/status", format!("connector\trunning\t{pid}\t1.0\t-\tt\tt\n{containers}").as_bytes());
}

#[test]
fn a_container_that_loops_or_has_died_is_a_failure_with_the_end_of_its_log() {
    let machine = installed();
    machine.sh(&format!("{LINKCTL} check && {LINKCTL} status")).expect(0);
    machine.put("/var/log/intigua/pulse.log", b"one\ntwo\nthe frobnicator \x1b[2J is lost\n");
    for (row, said) in [
        ("container\tpulse\tfailed\t0\t0\t1.0\tcannot be started\n", "has died: cannot be started"),
        (
            "container\tpulse\twaiting\t0\t4\t1.0\texit code 3; starts again after 8 s\n",
            "ends again and again (restarts: 4): exit code 3",
        ),
    ] {
        status_file(&machine, row);
        let done = machine.sh(&format!("{LINKCTL} check")).expect(33);
        assert!(done.err.contains(said) && done.err.contains("the frobnicator [2J is lost"), "{}", done.err);
        let checks = json(&machine, "check", 33);
        assert!(checks["checks"].to_string().contains("is lost"), "{checks}");
        let done = machine.sh(&format!("{LINKCTL} status")).expect(33);
        assert!(done.out.contains(said) && done.out.contains("is lost"), "{}", done.out);
    }
    let pid = machine.ask("cat /run/intigua/vlink.pid");
    status_file(&machine, &format!("container\tpulse\trunning\t{pid}\t0\t1.0\t-\ncontainer\ttracer\tdisabled\t0\t0\t1.0\t-\n"));
    machine.sh(&format!("{LINKCTL} check && {LINKCTL} status")).expect(0);
    let grow = format!("sleep 1; sed -i 's/running\\t{pid}\\t5/running\\t{pid}\\t7/' /run/intigua/status");
    status_file(&machine, &format!("container\tpulse\trunning\t{pid}\t5\t1.0\tlast end: exit code 1\n"));
    machine.sh(&format!("({grow}) & {LINKCTL} status")).expect(33);
    machine
        .sh(&format!("sed -i 's/^connector.running.[0-9]*/connector\\trunning\\t999999/' /run/intigua/status; {LINKCTL} check"))
        .expect(0);
    machine.sh(&format!("{LINKCTL} stop; {LINKCTL} status")).expect(3);
}

#[test]
fn the_accounts_status_file_is_no_trap() {
    let machine = Sandbox::new();
    with_agent(&machine);
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    machine
        .sh("sh /tmp/one.run --run-as agent; echo 'container\tpulse\tfailed\t0\t0\t-\tsecret' >/root/file; chmod 600 /root/file")
        .expect(0);
    for trap in ["ln -s /root/file status", "mkfifo status", "mkdir status", "truncate -s 2G status"] {
        machine.sh(&format!("{AGENT} sh -c 'cd /run/intigua && rm -rf status; {trap}'")).expect(0);
        let done = machine.sh(&format!("timeout 20 {LINKCTL} status")).expect(0);
        assert!(done.out.contains("unknown") && !done.out.contains("secret"), "{trap}: {}", done.out);
    }
}

#[test]
fn the_identity_is_shown_to_root_alone() {
    let machine = installed();
    machine.sh(&format!("echo 'vlinkCoreId: \"id-of-this\"' >>{CONFIG}")).expect(0);
    assert!(machine.ask(&format!("{LINKCTL} status")).contains("identity: id-of-this"));
    assert_eq!(json(&machine, "status", 0)["core_id"], "id-of-this");
    let as_nobody = machine.sh(&format!("setpriv --reuid 65534 --regid 65534 --clear-groups {LINKCTL} status"));
    assert!(as_nobody.out.contains("root only") && !as_nobody.out.contains("id-of-this"), "{as_nobody:?}");
}

#[test]
fn a_template_is_not_told_to_be_started_and_a_rolled_back_version_is_reported() {
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    machine.sh("sh /tmp/one.run --image").expect(0);
    let done = machine.sh(&format!("{LINKCTL} check")).expect(0);
    assert!(!done.err.contains("linkctl start"), "{}", done.err);
    machine.sh(&format!("{LINKCTL} set CORE_ID=a")).expect(2);
    machine.sh(&format!("echo 'vlinkCoreId: \"x\"' >>{CONFIG}; {LINKCTL} check")).expect(1);
    machine.sh(&format!("{LINKCTL} start && {LINKCTL} check")).expect(0);
    machine.put("/var/lib/intigua/rolled_back", b"package=intigua-link\nversion=2.0\n");
    let done = machine.sh(&format!("{LINKCTL} check")).expect(1);
    assert!(done.err.contains("version 2.0 did not come up, and 1.0 was put back"), "{}", done.err);
    assert_eq!(json(&machine, "status", 0)["rolled_back"], true);
}

#[test]
fn logs_are_listed_followed_through_a_rotation_and_never_read_through_a_link() {
    let machine = installed();
    let done = machine.sh(&format!("{LINKCTL} logs nosuch")).expect(2);
    assert!(done.err.contains("there are: install vlink"), "{}", done.err);
    machine.sh(&format!("{LINKCTL} logs pulse")).expect(30);
    let until = |text: &str| format!("timeout 30 sh -c 'until grep -q {text} /tmp/out; do sleep 0.1; done'");
    let follow = format!("echo one >/var/log/intigua/pulse.log; {LINKCTL} logs pulse -f >/tmp/out 2>/dev/null & ");
    let rotate = "cd /var/log/intigua && mv pulse.log pulse.log.1 && echo two >pulse.log";
    machine.sh(&format!("{follow} {} && {rotate} && {}; kill $!", until("one"), until("two"))).expect(0);
    assert_eq!(machine.ask("cat /tmp/out"), "one\ntwo");
    machine.sh(&format!("ln -s /etc/shadow /var/log/intigua/tracer.log; {LINKCTL} logs tracer")).expect(30);
    for wrong in ["-n", "-n x", "--frob", "../x"] {
        machine.sh(&format!("{LINKCTL} logs {wrong}")).expect(2);
    }
    let done = machine.sh(&format!("trap '' PIPE; {LINKCTL} status | true; {LINKCTL} status | head -n 1")).expect(0);
    assert_eq!(done.err, "");
}

#[test]
fn usage_is_complete_and_usage_errors_are_json_where_asked() {
    let machine = installed();
    let usage = machine.ask(&format!("{LINKCTL} --help"));
    for verb in ["status", "start", "stop", "restart", "check", "containers", "logs", "set", "seal", "uninstall"] {
        assert!(usage.contains(verb), "{verb}");
    }
    for wrong in ["frobnicate", "status --frob", "logs -n"] {
        assert_eq!(json(&machine, wrong, 2)["exit_code"], 2, "{wrong}");
    }
}

#[test]
fn nagios_gets_one_line_and_its_codes() {
    let machine = Sandbox::with_shell("busybox");
    let nagios = |code: i32, who: &str| {
        let done = machine.sh(&format!("{who} {LINKCTL} status --nagios")).expect(code);
        assert_eq!(done.out.lines().count(), 1, "{}", done.out);
        let (text, numbers) = done.out.trim_end().split_once('|').unwrap_or((done.out.trim_end(), ""));
        assert!(!numbers.contains('|'), "{}", done.out);
        (text.to_owned(), numbers.to_owned())
    };
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    machine.sh("sh /tmp/one.run").expect(0);
    assert_eq!(nagios(0, "").0, "VLINK OK - intigua-link 1.0 runs; its connector says nothing of the containers");
    let pid = machine.ask("cat /run/intigua/vlink.pid");
    let running = format!("container\tpulse\trunning\t{pid}\t2\t1.0\t-\n");
    status_file(&machine, &running);
    let (text, numbers) = nagios(0, "/usr/bin/setpriv --reuid 65534 --regid 65534 --clear-groups");
    assert_eq!(text, "VLINK OK - intigua-link 1.0 runs; 1 of 2 containers run");
    assert_eq!(numbers, "containers=1;;;0;2 failing=0;;0;0 restarts=2c;;;0");
    machine.put("/var/lib/intigua/rolled_back", b"package=intigua-link\nversion=2.0\n");
    assert!(nagios(1, "").0.starts_with("VLINK WARNING - "));
    status_file(&machine, "container\tpulse\tfailed\t0\t4\t1.0\tcannot | \x1b[2J be started\n");
    let (text, numbers) = nagios(2, "");
    assert!(text.ends_with("container pulse has died: cannot / [2J be started"), "{text}");
    assert_eq!(numbers, "containers=0;;;0;2 failing=1;;0;0 restarts=4c;;;0");
    machine.sh(&format!("{LINKCTL} stop")).expect(0);
    assert_eq!(nagios(2, "").0, "VLINK CRITICAL - intigua-link 1.0 does not run");
    for (wrong, said) in [
        ("status --nagios --frob", "unknown argument: --frob"),
        ("status --nagios --json", "only one of"),
        ("check --nagios", "unknown argument"),
    ] {
        let done = machine.sh(&format!("{LINKCTL} {wrong}")).expect(3);
        assert!(done.out.starts_with("VLINK UNKNOWN - ") && done.out.contains(said), "{}", done.out);
    }
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    machine.sh("sh /tmp/one.run --image").expect(0);
    let done = machine.sh(&format!("{LINKCTL} status --nagios")).expect(0);
    assert!(done.out.starts_with("VLINK OK - intigua-link 1.0 is a template"), "{}", done.out);
    machine.sh(&format!("setpriv --reuid 65534 --regid 65534 --clear-groups {LINKCTL} status --nagios")).expect(3);
    machine
        .sh(&format!(
            "cp -r {ROOT}/versions/1.0/bin /srv/bin; rm -r /var/lib/intigua /etc/intigua; /srv/bin/linkctl status --nagios"
        ))
        .expect(3);
}

#[test]
fn prometheus_gets_a_whole_file_and_nobody_elses_is_followed() {
    let machine = installed();
    let pid = machine.ask("cat /run/intigua/vlink.pid");
    status_file(&machine, &format!("container\tpulse\trunning\t{pid}\t2\t1.0\t-\ncontainer\ttracer\tfailed\t0\t1\t1.0\tx\n"));
    machine.sh("mkdir /srv/prom /srv/theirs && chown 65534:65534 /srv/theirs").expect(0);
    machine
        .sh(&format!(
            "{LINKCTL} status --prometheus /srv/prom/link.prom && cd /srv && {LINKCTL} status --prometheus=theirs/link.prom"
        ))
        .expect(0);
    let text = machine.ask("cat /srv/prom/link.prom");
    assert_eq!(machine.ask("cat /srv/theirs/link.prom"), text);
    assert_eq!(
        machine.ask("stat -c '%a %u' /srv/prom/link.prom /srv/theirs/link.prom; ls -A /srv/prom /srv/theirs | grep -c lp- || :"),
        "644 0\n644 65534\n0"
    );
    let mut described = std::collections::BTreeSet::new();
    for line in text.lines() {
        let name = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ").split([' ', '{']).next().expect("a name");
        match line.starts_with("# ") {
            true => _ = described.insert(name),
            false => assert!(
                described.contains(name) && line.rsplit(' ').next().is_some_and(|value| value.parse::<u32>().is_ok()),
                "{line}"
            ),
        }
    }
    for line in [
        "vlink_up 1",
        "vlink_template 0",
        "vlink_rolled_back 0",
        r#"vlink_info{package="intigua-link",version="1.0",channel="run"} 1"#,
        r#"vlink_container_running{container="pulse"} 1"#,
        r#"vlink_container_failing{container="tracer"} 1"#,
        r#"vlink_container_restarts_total{container="pulse"} 2"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    // Whatever the folder's owner puts there, root follows nothing, and says so.
    machine.sh("cp /etc/passwd /srv/passwd").expect(0);
    for trap in ["ln -s /srv/passwd link.prom", "mkfifo link.prom", "mkdir link.prom"] {
        machine
            .sh(&format!("cd /srv/theirs && rm -rf link.prom && setpriv --reuid 65534 --regid 65534 --clear-groups {trap}"))
            .expect(0);
        machine.sh(&format!("timeout 20 {LINKCTL} status --prometheus /srv/theirs/link.prom")).expect(2);
    }
    machine.sh("cmp /etc/passwd /srv/passwd && ls -A /srv/theirs").expect(0);
    for wrong in ["", "/srv/prom/", "/srv/none/x", "/srv/prom/x --json", "/srv/prom/x --nagios"] {
        let code = if wrong.ends_with("nagios") { 3 } else { 2 };
        machine.sh(&format!("{LINKCTL} status --prometheus {wrong}")).expect(code);
    }
    machine.sh(&format!("cd /srv/prom && {LINKCTL} status --prometheus -x && test -s ./-x")).expect(0);
    machine.sh("mkdir /srv/full && mount -t tmpfs -o size=4k none /srv/full && head -c 4096 /dev/zero >/srv/full/fill").expect(0);
    machine.sh(&format!("{LINKCTL} status --prometheus /srv/full/x")).expect(30);
    assert_eq!(machine.ask("ls -A /srv/full"), "fill");
    machine.sh("mount -t tmpfs -o ro none /srv/prom").expect(0);
    let done = machine.sh(&format!("{LINKCTL} status --prometheus /srv/prom/x")).expect(30);
    assert!(done.err.contains("could not be written"), "{}", done.err);
}

#[test]
fn a_core_that_is_not_reached_is_told_and_counts_where_it_was_asked_for() {
    let machine = Sandbox::new();
    let mut facts = product::facts("1.0");
    facts.core_check = ["check-core", "--root", "{root}", "it's $HOME"].map(String::from).to_vec();
    let connector = "#!/bin/sh\nif [ \"$1\" = check-core ]; then echo \"$@ $(id -u)\" >>/tmp/asked; cat /tmp/answer; exit \"$(cat /tmp/code)\"; fi\n";
    let connector = GOOD.replace("#!/bin/sh\n", connector);
    machine.put("/tmp/one.run", &product::assemble(&facts, &product::items(&facts, &connector)));
    machine.sh("sh /tmp/one.run; echo 'core: https://core is reached' >/tmp/answer; echo 0 >/tmp/code").expect(0);
    let row = |checks: &Value| {
        let mut rows = checks["checks"].as_array().expect("checks").iter();
        rows.find(|row| row["id"] == "core").cloned().expect("a row")
    };
    assert_eq!(row(&json(&machine, "check --core", 0))["detail"], "https://core is reached");
    machine.sh("printf 'try 1: no\nproblem: no core server is reached\x1b\n' >/tmp/answer; echo 1 >/tmp/code").expect(0);
    let quiet = row(&json(&machine, "check", 0));
    assert_eq!((&quiet["ok"], &quiet["path"]), (&true.into(), &"https://core.example:443".into()));
    assert!(quiet["detail"].as_str().is_some_and(|text| text.starts_with("not reached: no core server is reached (")), "{quiet}");
    let done = machine.sh(&format!("{LINKCTL} check")).expect(0);
    assert!(done.err.contains("note: the core server") && done.err.contains("everything is in place"), "{}", done.err);
    let asked = row(&json(&machine, "check --core", 1));
    assert!(asked["ok"] == false && asked["detail"] == "the core server: no core server is reached", "{asked}");
    assert_eq!(
        machine.ask("sort -u /tmp/asked"),
        "check-core --root /usr/local/intigua it's $HOME --once 0\ncheck-core --root /usr/local/intigua it's $HOME 0"
    );
    // A connector that hangs holds up nobody who did not ask.
    machine.sh("rm /tmp/answer; mkfifo /tmp/answer").expect(0);
    assert!(row(&json(&machine, "check", 0))["detail"].to_string().contains("no answer in time"));
    let without = installed();
    without.sh(&format!("{LINKCTL} check")).expect(0);
    let done = without.sh(&format!("{LINKCTL} check --core")).expect(1);
    assert!(done.err.contains("core-check of the manifest"), "{}", done.err);
    without.sh(&format!("{LINKCTL} status --core")).expect(2);
}
