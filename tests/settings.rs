//! Settings as desired state: which source counts, what reaches csclient.cfg, and what an administrator asks of linkctl.

#[path = "settings/linkctl.rs"]
mod linkctl;
mod sandbox;

use contract::settings::{keyed, Rule, Setting, SETTINGS};
use linkpack::endpoint::{ContainerFact, Facts};
use sandbox::product::{self, GOOD};
use sandbox::{Sandbox, SHELLS};

const ROOT: &str = "/usr/local/intigua";
const CONFIG: &str = "/usr/local/intigua/components/csclient.cfg";

/// A .run whose facts differ from the usual ones.
fn run_with(version: &str, change: impl FnOnce(&mut Facts)) -> Vec<u8> {
    let mut facts = product::facts(version);
    change(&mut facts);
    let items = product::items(&facts, GOOD);
    product::assemble(&facts, &items)
}

/// The usual product at version 1.0.
fn installed() -> Sandbox {
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    machine.sh("sh /tmp/one.run").expect(0);
    machine
}

/// An account that may become root, whoever asks.
fn with_agent(machine: &Sandbox) {
    machine.put("/usr/bin/sudo", b"#!/bin/sh\necho '    (ALL) NOPASSWD: ALL'\n");
    machine.sh("useradd -m agent; chmod 755 /usr/bin/sudo").expect(0);
}

const AGENT: &str = "setpriv --reuid agent --regid agent --clear-groups";

/// The value of a key, quoted as it stands.
fn value(machine: &Sandbox, key: &str) -> String {
    machine.ask(&format!("sed -n 's/^{key}: //p' {CONFIG}"))
}

#[test]
fn a_changed_site_reaches_what_nobody_edited_under_every_shell() {
    for shell in SHELLS {
        let machine = Sandbox::with_shell(shell);
        machine.put(
            "/tmp/one.run",
            &run_with("1.0", |facts| {
                facts.settings.set("FALLBACK_URLS", "https://f1");
                facts.config.push(("old.key".into(), "x".into()));
            }),
        );
        machine.sh("sh /tmp/one.run").expect(0);
        machine.sh(&format!("sed -i 's|f1|by-hand|' {CONFIG}; echo 'own.key: \"1\"' >>{CONFIG}")).expect(0);
        machine.put(
            "/tmp/two.run",
            &run_with("2.0", |facts| {
                facts.settings.set("SERVER_URL", "https://new");
                facts.settings.set("FALLBACK_URLS", "https://f2");
                facts.settings.set("TOKEN_FILE", "/etc/token");
                facts.config = vec![("globalThrottleCfg.maxCpuPercent".into(), "a\"b\\c".into())];
            }),
        );
        machine.sh("sh /tmp/two.run").expect(0);
        assert_eq!(value(&machine, "serverUrl"), r#""https://new;https://by-hand""#, "{shell}: half of it was edited");
        assert_eq!(value(&machine, "globalThrottleCfg.maxCpuPercent"), r#""a\"b\\c""#, "{shell}");
        assert_eq!(value(&machine, "tokenFile"), r#""/etc/token""#, "{shell}");
        assert_eq!(value(&machine, "old.key"), "", "{shell}: this version does not want it");
        assert_eq!(value(&machine, "own.key"), r#""1""#, "{shell}");
        machine.sh("sh /tmp/two.run").expect(0);
        assert_eq!(value(&machine, "serverUrl"), r#""https://new;https://by-hand""#, "{shell}: an edit stays one");
        assert_eq!(machine.ask("stat -c %a /var/lib/intigua/written"), "600");
    }
}

#[test]
fn each_source_gives_way_to_the_one_above_it() {
    let machine = installed();
    machine.sh(&format!("sed -i 's|https://core.example:443|https://by-hand|' {CONFIG}")).expect(0);
    machine.sh("sh /tmp/one.run").expect(0);
    assert_eq!(value(&machine, "serverUrl"), r#""https://by-hand""#, "an edit stays over the package's own value");
    machine.sh("sh /tmp/one.run --server-url https://option").expect(0);
    machine.sh("sh /tmp/one.run").expect(0);
    assert_eq!(value(&machine, "serverUrl"), r#""https://option""#, "a command line is remembered");
    machine.sh("mkdir -p /etc/intigua; echo SERVER_URL=https://answer >/etc/intigua/install.conf; sh /tmp/one.run").expect(0);
    assert_eq!(value(&machine, "serverUrl"), r#""https://answer""#);
    machine.sh("sh /tmp/one.run SERVER_URL=https://again CONTAINERS=pulse").expect(0);
    assert_eq!((value(&machine, "serverUrl"), value(&machine, "containers")), (r#""https://again""#.into(), r#""pulse""#.into()));
    machine.sh("echo >/etc/intigua/install.conf; sh /tmp/one.run").expect(0);
    assert_eq!(value(&machine, "serverUrl"), r#""https://again""#);
    assert_eq!(machine.ask("stat -c '%a %U' /var/lib/intigua/settings"), "600 root");
}

/// Also those that do not exist yet: the scripts know the settings from the contract's table alone.
#[test]
fn every_plain_setting_reaches_csclient_cfg_from_each_source_and_debconf_asks_for_it() {
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    let sample = |setting: &Setting, source: &str| match setting.rule {
        Rule::Url => format!("https://{source}.example/{}", setting.key()),
        _ => format!("/etc/{source}/{}", setting.key()),
    };
    let shows = |source: &str| {
        for setting in keyed().filter(|setting| setting.is_plain()) {
            assert_eq!(value(&machine, setting.config_key), format!("\"{}\"", sample(setting, source)), "{}", setting.name);
        }
    };
    let given = |source: &str, word: &dyn Fn(&Setting) -> String| {
        keyed()
            .filter(|setting| setting.is_plain())
            .map(|setting| format!("{}={}", word(setting), sample(setting, source)))
            .collect::<Vec<_>>()
    };
    let name = |setting: &Setting| setting.name.to_owned();
    machine.sh(&format!("sh /tmp/one.run {}", given("option", &Setting::option).join(" "))).expect(0);
    shows("option");
    machine.sh(&format!("{ROOT}/bin/linkctl set {}", given("set", &name).join(" "))).expect(0);
    shows("set");
    machine.put("/etc/intigua/install.conf", given("answer", &name).join("\n").as_bytes());
    machine.sh("sh /tmp/one.run").expect(0);
    shows("answer");
    let refused = machine.sh(&format!(
        "sh /tmp/one.run {}",
        keyed().filter(|setting| setting.is_plain()).map(|s| format!("{}=nonsense", s.name)).collect::<Vec<_>>().join(" ")
    ));
    let refused = refused.expect(2);
    for setting in keyed().filter(|setting| setting.is_plain()) {
        assert!(refused.err.contains(setting.name), "{}", refused.err);
    }
    let scripts = linkpack::endpoint::deb_scripts(&product::facts("1.0")).expect("rendered");
    for setting in SETTINGS.iter().filter(|setting| !setting.question.is_empty()) {
        let question = setting.lower("_");
        assert!(scripts.templates.contains(&format!("/{question}\n")) && scripts.config.contains(&question), "{question}");
    }
}

#[test]
fn a_core_id_is_written_once_and_a_new_identity_stays() {
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    machine.sh("mkdir -p /etc/intigua; echo CORE_ID=given >/etc/intigua/install.conf; sh /tmp/one.run").expect(0);
    assert_eq!(value(&machine, "vlinkCoreId"), r#""given""#);
    // What the connector of a clone does.
    machine
        .sh(&format!("sed -i 's/given/of-the-clone/' {CONFIG}; echo 'vlinkMachineId: \"m\"' >>{CONFIG}; sh /tmp/one.run"))
        .expect(0);
    assert_eq!(value(&machine, "vlinkCoreId"), r#""of-the-clone""#);
    assert_eq!(value(&machine, "vlinkMachineId"), r#""m""#);
    machine.sh("echo CORE_ID=other-id >/etc/intigua/install.conf; sh /tmp/one.run").expect(0);
    assert_eq!((value(&machine, "vlinkCoreId"), value(&machine, "vlinkMachineId")), (r#""other-id""#.into(), String::new()));
    machine.sh(&format!("{ROOT}/bin/linkctl seal && sh /tmp/one.run --no-start")).expect(0);
    assert_eq!(value(&machine, "vlinkCoreId"), "", "a sealed image has none, whatever the answer file says");
    assert_eq!(machine.sh("grep -r other-id /var/lib/intigua /usr/local/intigua").code, 1, "nor is it anywhere else");
}

#[test]
fn what_is_of_one_run_is_not_inherited_by_the_next() {
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    machine.put("/tmp/two.run", &product::run("2.0", GOOD));
    machine
        .sh("mkdir -p /etc/intigua; printf 'IMAGE=1\\nALLOW_DOWNGRADE=1\\n' >/etc/intigua/install.conf; sh /tmp/one.run")
        .expect(0);
    machine.sh("/etc/init.d/vlink status").expect(3);
    machine.sh("/etc/init.d/vlink start && sh /tmp/two.run").expect(0);
    let running = machine.ask("ps -o args= -p $(cat /run/intigua/vlink.pid)");
    assert!(running.contains("vlink"), "{running}");
    assert_eq!(machine.ask("grep -c started /var/log/intigua/vlink.log"), "2", "the upgrade of a clone restarts");
    machine.sh("sh /tmp/one.run").expect(17);
}

#[test]
fn an_upgrade_is_not_refused_for_an_answer_that_became_wrong() {
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    let other = |facts: &mut Facts| {
        facts.containers =
            vec![ContainerFact { name: "pulse".into(), required: true }, ContainerFact { name: "newest".into(), required: true }];
    };
    machine.put("/tmp/two.run", &run_with("2.0", other));
    machine.sh("mkdir -p /etc/intigua; printf 'CONTAINERS=pulse,tracer\\nTOKEN_FILE=/t\\n' >/etc/intigua/install.conf; sh /tmp/one.run").expect(0);
    machine.sh("printf 'CONTAINERS=pulse,tracer\\nINSTALL_ROOT=/usr/local/intigua\\nTOKEN_FILE=hunter2\\nHUNTER2\\nhunter2=3\\nIMAGE=maybe\\n' >/etc/intigua/install.conf").expect(0);
    let done = machine.sh("sh /tmp/two.run").expect(0);
    for said in ["line 4", "line 5", "\"tracer\"", "TOKEN_FILE must be"] {
        assert!(done.err.contains(said), "{said}: {}", done.err);
    }
    assert!(!done.err.to_lowercase().contains("hunter2"), "{}", done.err);
    assert_eq!(value(&machine, "containers"), r#""pulse,newest""#);
    assert_eq!(value(&machine, "tokenFile"), r#""/t""#, "a wrong answer leaves what is in place");
    machine.sh("sh /tmp/two.run --containers=pulse").expect(2);
    machine.sh("sh /tmp/two.run --uninstall --purge").expect(0);
    machine.sh("mkdir -p /etc/intigua; echo nonsense >/etc/intigua/install.conf; sh /tmp/two.run").expect(2);
}

#[test]
fn no_value_that_is_not_understood_is_shown_or_logged() {
    let machine = installed();
    for words in [
        "--token=hunter2",
        "hunter2",
        "TOKEN=hunter2",
        "hunter2=",
        "-- hunter2",
        "--core-id 'hunter2 '",
        "--server-url 'a hunter2'",
    ] {
        let done = machine.sh(&format!("sh /tmp/one.run {words}")).expect(2);
        assert!(!(done.err + &done.out).contains("hunter2"), "{words}");
        let done = machine.sh(&format!("{ROOT}/bin/linkctl set {words}")).expect(2);
        assert!(!(done.err + &done.out).contains("hunter2"), "linkctl set {words}");
    }
    assert_eq!(machine.sh("grep -r hunter2 /var/log/intigua /var/lib/intigua").code, 1);
}

#[test]
fn json_is_kept_also_by_usage_errors_and_quiet_is_quiet() {
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    for verb in ["--frobnicate --json", "--json --purge", "word --json", "--json --server-url"] {
        let done = machine.sh(&format!("sh /tmp/one.run {verb}")).expect(2);
        let document: serde_json::Value = serde_json::from_str(&done.out).expect("JSON on stdout");
        assert_eq!((&document["outcome"], &document["exit_code"]), (&"refused".into(), &2.into()), "{verb}");
    }
    for verb in ["", "--server-url https://x", "--uninstall"] {
        let done = machine.sh(&format!("sh /tmp/one.run --quiet {verb}")).expect(0);
        assert_eq!(done.out + &done.err, "", "{verb}");
    }
}

/// What the account may put in the place of csclient.cfg, as shell code run by it in its folder.
const TRAPS: &[(&str, &str)] = &[
    ("a link", "ln -s /etc/shadow csclient.cfg"),
    ("a dangling link", "ln -s /etc/made csclient.cfg"),
    ("a pipe", "mkfifo csclient.cfg"),
    ("a folder", "mkdir -p csclient.cfg/a"),
    ("a second name", "echo x >other; ln other csclient.cfg"),
    ("a huge file", "truncate -s 3G csclient.cfg"),
    ("an unreadable file", "umask 777; echo >csclient.cfg"),
];

#[test]
fn whatever_the_account_puts_in_place_of_csclient_cfg_reaches_nothing() {
    let machine = Sandbox::new();
    with_agent(&machine);
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    machine.sh("sh /tmp/one.run --run-as agent").expect(0);
    for (what, trap) in TRAPS {
        machine.sh(&format!("{AGENT} sh -c 'cd {ROOT}/components && rm -rf csclient.cfg other; {trap}'")).expect(0);
        let done = machine.sh("timeout 60 sh /tmp/one.run").expect(0);
        assert!(done.err.contains("no plain file"), "{what}: {}", done.err);
        assert_eq!(value(&machine, "serverUrl"), r#""https://core.example:443""#, "{what}");
        assert_eq!(machine.ask(&format!("stat -c '%F %U %a' {CONFIG}")), "regular file agent 600", "{what}");
        machine.sh("[ ! -e /etc/made ]").expect(0);
        let readable = machine.ask(&format!("{AGENT} sh -c 'cat {CONFIG}' | grep -c '^root:' || :"));
        assert_eq!(readable, "0", "{what}");
        assert_eq!(machine.ask("stat -c '%U %a' /etc/shadow"), "root 640", "{what}");
    }
    for device in ["mknod csclient.cfg c 1 3", "mknod csclient.cfg c 1 5"] {
        machine.sh(&format!("cd {ROOT}/components && rm -rf csclient.cfg && {device}")).expect(0);
        machine.sh("timeout 60 sh /tmp/one.run").expect(0);
        assert_eq!(machine.ask(&format!("stat -c '%F %U' {CONFIG}")), "regular file agent");
    }
}

#[test]
fn a_folder_that_became_a_link_is_followed_with_the_accounts_rights_alone() {
    let machine = Sandbox::new();
    with_agent(&machine);
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    machine.sh("sh /tmp/one.run --run-as agent").expect(0);
    machine.sh(&format!("mkdir -m 700 /root/private; rm -rf {ROOT}/components; ln -s /root/private {ROOT}/components")).expect(0);
    machine.sh("timeout 120 sh /tmp/one.run").expect(30);
    assert_eq!(machine.ask("ls -A /root/private; stat -c %U /root/private"), "root");
}

#[test]
fn a_file_that_is_no_text_is_left_alone_and_odd_lines_survive() {
    let machine = installed();
    machine.sh(&format!("printf 's\\000e\\000' >{CONFIG}; cp {CONFIG} /tmp/before")).expect(0);
    let done = machine.sh("sh /tmp/one.run --token-file /t").expect(0);
    assert!(done.err.contains("is no text"), "{}", done.err);
    machine.sh(&format!("cmp {CONFIG} /tmp/before")).expect(0);
    machine.sh(&format!("{ROOT}/bin/linkctl set CONTAINERS=pulse")).expect(30);
    machine.sh(&format!("cmp {CONFIG} /tmp/before")).expect(0);

    let odd = "\\377\\n: \"x\"\\nno colon\\n  containers : \"pulse\"\\r\\nserverUrl: unquoted\\n# serverUrl: \"y\"\\nend";
    machine.sh(&format!("printf '{odd}' >{CONFIG}; cp {CONFIG} /tmp/before; sh /tmp/one.run --token-file /t")).expect(0);
    machine.sh(&format!("head -c $(stat -c %s /tmp/before) {CONFIG} | cmp - /tmp/before")).expect(0);
    assert_eq!(value(&machine, "tokenFile"), r#""/t""#);
}
