//! The self-extracting archive, run on machines of its own.

#[path = "stub/kills.rs"]
mod kills;
#[path = "stub/names.rs"]
mod names;
mod sandbox;
#[path = "stub/signed.rs"]
mod signed;
#[path = "stub/strangers.rs"]
mod strangers;
#[path = "stub/told.rs"]
mod told;

use sandbox::product::{self, Item, BROKEN, GOOD};
use sandbox::{Sandbox, SHELLS};

const ROOT: &str = "/usr/local/intigua";

fn machine_with(version: &str) -> Sandbox {
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run(version, GOOD));
    machine.sh("sh /tmp/one.run").expect(0);
    machine
}

fn result(machine: &Sandbox) -> serde_json::Value {
    serde_json::from_str(&machine.ask("cat /var/log/intigua/install.json")).expect("install.json is JSON")
}

fn service_runs(machine: &Sandbox) -> bool {
    machine.sh("/etc/init.d/vlink status").code == 0
}

#[test]
fn a_product_is_installed_upgraded_and_removed_without_a_trace_under_every_shell() {
    for shell in SHELLS {
        let machine = Sandbox::with_shell(shell);
        let before = machine.listing();
        machine.put("/tmp/one.run", &product::run("1.0", GOOD));
        machine.put("/tmp/two.run", &product::run("1.10", GOOD));

        machine.sh("sh /tmp/one.run").expect(0);
        assert_eq!(result(&machine)["outcome"], "installed", "{shell}");
        assert!(service_runs(&machine), "{shell}");
        assert_eq!(machine.ask("cat /etc/intigua/location.conf"), ROOT);
        assert_eq!(
            machine.ask("readlink -f /etc/rc3.d/S30vlink; readlink -f /etc/rc5.d/S30vlink"),
            "/etc/init.d/vlink\n/etc/init.d/vlink"
        );
        assert_eq!(machine.ask(&format!("stat -c '%a %U' {ROOT}/components/csclient.cfg")), "600 root");
        assert_eq!(machine.ask(&format!("cat '{ROOT}/Intigua-Libs/pulse/with space, quote'\\'' and\nnewline \\'")), "odd");

        machine.sh("sh /tmp/two.run --quiet").expect(0);
        let done = result(&machine);
        assert_eq!((&done["outcome"], &done["previous_version"]), (&"upgraded".into(), &"1.0".into()), "{shell}");
        assert_eq!(machine.ask(&format!("cat {ROOT}/vAgentManager/version; ls {ROOT}/versions")), "1.101.10", "{shell}");
        assert!(service_runs(&machine), "{shell}");

        machine.sh("sh /tmp/one.run").expect(17);
        assert_eq!(result(&machine)["outcome"], "refused");
        machine.sh("sh /tmp/one.run --allow-downgrade").expect(0);
        machine.sh("sh /tmp/one.run").expect(0);
        assert_eq!(result(&machine)["outcome"], "reinstalled");

        machine.sh(&format!("{ROOT}/bin/linkctl uninstall")).expect(0);
        assert_eq!(machine.ask(&format!("find {ROOT} -type f")), format!("{ROOT}/components/csclient.cfg"), "{shell}");
        machine.sh("sh /tmp/one.run --uninstall --purge").expect(0);
        assert_eq!(machine.listing(), before, "{shell}");
        assert_eq!(machine.ask("ps ax | grep -c '[v]AgentManager' || :"), "0");
    }
}

#[test]
fn a_service_that_does_not_come_up_brings_the_old_version_back() {
    let machine = machine_with("1.0");
    let unit = machine.ask("cat /lib/systemd/system/vlink.service");
    machine.put("/tmp/two.run", &product::run("2.0", BROKEN));
    let done = machine.sh("sh /tmp/two.run").expect(31);
    assert!(done.err.contains("cannot open the frobnicator"), "{}", done.err);
    assert_eq!(result(&machine)["outcome"], "rolled_back");
    assert_eq!(machine.ask(&format!("cat {ROOT}/vAgentManager/version; ls {ROOT}/versions")), "1.01.0");
    assert_eq!(machine.ask("grep ^version= /var/lib/intigua/state"), "version=1.0");
    assert_eq!(machine.ask("cat /lib/systemd/system/vlink.service"), unit);
    assert!(service_runs(&machine));
}

#[test]
fn a_first_installation_that_does_not_come_up_is_removed_again() {
    let machine = Sandbox::new();
    let before = machine.listing();
    machine.put("/tmp/one.run", &product::run("1.0", BROKEN));
    machine.sh("sh /tmp/one.run --install-root /opt/deep/er/root").expect(31);
    assert_eq!(result(&machine)["exit_code"], 31);
    machine.sh("rm -r /var/log/intigua").expect(0);
    assert_eq!(machine.listing(), before);
}

#[test]
fn a_full_disk_while_unpacking_leaves_nothing() {
    let machine = Sandbox::new();
    machine.sh("mkdir /srv/small && mount -t tmpfs -o size=400k,mode=755 small /srv/small").expect(0);
    let facts = product::facts("1.0");
    let mut items = product::items(&facts, GOOD);
    items.push(Item::new("vAgentManager/big", 0o644, vec![7u8; 3_000_000]));
    machine.put("/tmp/one.run", &product::assemble(&facts, &items));
    machine.sh("sh /tmp/one.run --install-root /srv/small/root").expect(30);
    assert_eq!(result(&machine)["outcome"], "rolled_back");
    assert_eq!(machine.ask("ls -A /srv/small"), "");
    assert_eq!(machine.ask("ls -A /etc/init.d/vlink /var/lib/intigua 2>/dev/null || :"), "");
}

#[test]
fn a_damaged_file_writes_nothing() {
    let machine = Sandbox::new();
    let before = machine.listing();
    let good = product::run("1.0", GOOD);
    for at in [1000, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        machine.put("/tmp/bad.run", &bad);
        let done = machine.sh("sh /tmp/bad.run --check");
        assert!(done.code == 20 || done.code == 2, "byte {at}: {done:?}");
        machine.sh("SKIP=1 NOCHECK=1 sh /tmp/bad.run --extract /tmp/out; [ ! -e /tmp/out ]").expect(0);
        assert_eq!(machine.listing(), before);
    }
    machine.put("/tmp/bad.run", &good[..good.len() - 10]);
    machine.sh("sh /tmp/bad.run").expect(20);
    machine.put("/tmp/bad.run", &good[..20_000]);
    machine.sh("sh /tmp/bad.run").expect(2);
}

#[test]
fn a_file_that_is_changed_after_its_check_is_not_installed() {
    let machine = machine_with("1.0");
    machine.put("/tmp/two.run", &product::run("2.0", GOOD));
    machine.put("/tmp/other.run", &product::run("2.0", "#!/bin/sh\n# another one's\nsleep 1000\n"));
    // The first tool that runs between the check and the unpacking, where whoever may write the file changes it.
    machine.sh("mv /usr/bin/mkfifo /usr/bin/mkfifo.real").expect(0);
    machine.put("/usr/bin/mkfifo", b"#!/bin/sh\ncat /tmp/other.run >/tmp/two.run\nexec mkfifo.real \"$@\"\n");
    machine.sh("chmod 755 /usr/bin/mkfifo; cp /tmp/two.run /tmp/again.run").expect(0);

    let done = machine.sh("sh /tmp/two.run").expect(20);
    assert!(done.err.contains("changed while it was read"), "{}", done.err);
    assert_eq!((&result(&machine)["outcome"], &result(&machine)["exit_code"]), (&"rolled_back".into(), &20.into()));
    assert_eq!(
        machine.ask(&format!("cat {ROOT}/vAgentManager/version; ls {ROOT}/versions; ls -A {ROOT}/.linkpack")),
        "1.01.0\nstate"
    );
    assert!(service_runs(&machine));

    machine.sh("cp /tmp/again.run /tmp/two.run; sh /tmp/two.run --extract /tmp/out").expect(20);
    assert_eq!(machine.ask("ls -A /tmp/out"), "");
}

/// The same file with its payload compressed by another tool. Its name takes the room of `gzip`, so nothing moves.
fn recompressed(tool: &str, run: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(run);
    let start = text.find("LP_OFFSET=").expect("an offset") + "LP_OFFSET=".len();
    let payload: usize = text[start..].lines().next().expect("a line").parse().expect("a number");
    let stub = String::from_utf8(run[..payload].to_vec()).expect("the stub is text");
    let codec = format!("{:15}", format!("LP_CODEC='{tool}'"));
    assert!(stub.contains("LP_CODEC='gzip'"), "the stub names its codec");
    let stub = stub.replace("LP_CODEC='gzip'", &codec).replace("readlink gzip'", &format!("readlink {tool:4}'"));
    let mut file = stub.into_bytes();
    assert_eq!(file.len(), payload, "nothing moved");
    let folder = tempfile::tempdir().expect("a directory");
    std::fs::write(folder.path().join("payload.gz"), &run[payload..]).expect("written");
    let convert = format!("gzip -dc payload.gz | {tool} -c >payload");
    let done = std::process::Command::new("sh").args(["-c", &convert]).current_dir(folder.path()).status();
    assert!(done.expect("sh runs").success(), "apt-get install zstd xz-utils");
    file.extend(std::fs::read(folder.path().join("payload")).expect("read"));
    product::seal(&mut file);
    file
}

#[test]
fn xz_and_zstd_payloads_are_installed_and_a_missing_tool_is_named() {
    for (tool, paths) in [("xz", "/usr/bin/xz /bin/xz"), ("zstd", "/usr/bin/zstd /bin/zstd")] {
        let machine = Sandbox::new();
        let before = machine.listing();
        machine.put("/tmp/one.run", &recompressed(tool, &product::run("1.0", GOOD)));
        machine.sh("sh /tmp/one.run --no-start").expect(0);
        assert_eq!(machine.ask(&format!("cat {ROOT}/vAgentManager/version")), "1.0", "{tool}");
        machine.sh("sh /tmp/one.run --uninstall --purge").expect(0);
        machine.sh(&format!("rm -f {paths}")).expect(0);
        for (verb, code) in [("--list", 15), ("--extract /tmp/out", 15), ("", 15), ("--check", 0)] {
            let done = machine.sh(&format!("sh /tmp/one.run {verb}")).expect(code);
            assert!(code == 0 || done.err.contains(&format!("needed tools are missing: {tool}")), "{}", done.err);
        }
        machine.sh("rm -r /var/log/intigua").expect(0);
        assert_eq!(machine.listing(), before, "{tool}");
    }
}

#[test]
fn what_the_administrator_edited_or_added_survives_an_upgrade() {
    let machine = machine_with("1.0");
    machine.sh(&format!(
        "cd {ROOT}; echo mine >vAgentManager/etc/agent.conf; mkdir vAgentManager/etc/d; echo added >'vAgentManager/etc/d/a b'; \
         sed -i 's/\"50\"/\"70\"/' components/csclient.cfg; echo '# note' >>components/csclient.cfg; echo 'vlinkCoreId: \"id-1\"' >>components/csclient.cfg"
    ))
    .expect(0);
    machine.put("/tmp/two.run", &product::run("2.0", GOOD));
    machine.sh("sh /tmp/two.run --server-url 'https://new.example/?a=b' --token-file '/etc/a\"b'").expect(0);
    assert_eq!(
        machine.ask(&format!("cd {ROOT}/vAgentManager/etc; cat agent.conf agent.conf.new d/*")),
        "mine\n# default of 2\nadded"
    );
    let config = machine.ask(&format!("cat {ROOT}/components/csclient.cfg"));
    assert_eq!(config.lines().next(), Some(r#"serverUrl: "https://new.example/?a=b""#));
    assert!(config.contains(r#"tokenFile: "/etc/a\"b""#), "{config}");
    for line in ["globalThrottleCfg.maxCpuPercent: \"70\"", "# note", "vlinkCoreId: \"id-1\"", "containers: \"*\""] {
        assert!(config.lines().any(|found| found == line), "{line} in {config}");
    }
    machine.put("/tmp/three.run", &product::run("2.1", GOOD));
    machine.sh("sh /tmp/three.run --core-id id-2").expect(0);
    assert_eq!(machine.ask(&format!("cd {ROOT}/vAgentManager/etc; cat agent.conf; ls")), "mine\nagent.conf\nd");
    assert_eq!(
        machine
            .ask(&format!("grep -c vlinkCoreId {ROOT}/components/csclient.cfg; grep vlinkCore {ROOT}/components/csclient.cfg")),
        "1\nvlinkCoreId: \"id-2\""
    );

    machine.sh("sh /tmp/three.run --uninstall").expect(0);
    assert_eq!(
        machine.ask(&format!("cd {ROOT}; find . -type f | sort")),
        "./components/csclient.cfg\n./kept/vAgentManager/etc/agent.conf\n./kept/vAgentManager/etc/d/a b"
    );
    assert!(machine.ask(&format!("cat {ROOT}/components/csclient.cfg")).contains("vlinkCoreId: \"id-2\""), "the identity stays");
}

#[test]
fn a_removal_and_an_installation_are_the_same_endpoint() {
    let machine = machine_with("1.0");
    machine
        .sh(&format!("cd {ROOT}/components; echo 'vlinkCoreId: \"id-1\"' >>csclient.cfg; mkdir pulse; echo unsent >pulse/queue; echo old >>/var/log/intigua/vlink.log"))
        .expect(0);
    machine.sh("sh /tmp/one.run --uninstall").expect(0);
    assert!(machine.ask("cat /var/log/intigua/vlink.log").contains("old"));
    machine.sh("sh /tmp/one.run").expect(0);
    assert_eq!(
        machine.ask(&format!("grep -c id-1 {ROOT}/components/csclient.cfg; cat {ROOT}/components/pulse/queue")),
        "1\nunsent"
    );
    assert_eq!(machine.ask("ls /var/lib/intigua"), "lock\nstate\nwritten");
    // A first installation that fails gives back what it found.
    machine.sh("sh /tmp/one.run --uninstall").expect(0);
    machine.put("/tmp/broken.run", &product::run("2.0", BROKEN));
    machine.sh("sh /tmp/broken.run").expect(31);
    assert_eq!(
        machine.ask(&format!("grep -c id-1 {ROOT}/components/csclient.cfg; cat {ROOT}/components/pulse/queue")),
        "1\nunsent"
    );
    machine.sh("sh /tmp/one.run").expect(0);
    assert!(service_runs(&machine));
}

#[test]
fn what_others_put_into_the_root_is_refused_and_left_alone() {
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    machine.put("/tmp/broken.run", &product::run("1.0", BROKEN));
    for name in ["components", "kept", "bin", "versions"] {
        machine.sh(&format!("mkdir -p /srv/app/{name}; echo precious >/srv/app/{name}/parts")).expect(0);
        for run in ["one", "broken"] {
            let done = machine.sh(&format!("sh /tmp/{run}.run --install-root /srv/app")).expect(17);
            assert!(done.err.contains(&format!("/srv/app/{name} is there already")), "{}", done.err);
        }
        machine.sh("sh /tmp/one.run --uninstall --purge").expect(0);
        assert_eq!(machine.ask(&format!("cat /srv/app/{name}/parts; rm -r /srv/app")), "precious");
    }
}

#[test]
fn a_cut_state_is_read_from_its_copy_and_a_missing_root_is_no_empty_place() {
    let machine = machine_with("1.0");
    machine.put("/tmp/two.run", &product::run("2.0", GOOD));
    for damage in [": >state", "head -c 40 state >s; mv s state", "rm state"] {
        machine.sh(&format!("cd /var/lib/intigua && {damage}")).expect(0);
        let done = machine.sh(&format!("{ROOT}/bin/linkctl check")).expect(1);
        assert!(done.err.contains("is missing or cut"), "{}", done.err);
        machine.sh("sh /tmp/two.run --allow-downgrade").expect(0);
        assert_eq!(machine.ask("tail -n 1 /var/lib/intigua/state"), "end=1", "{damage}");
        assert!(service_runs(&machine), "{damage}");
    }
    machine.sh(&format!("/etc/init.d/vlink stop; mv {ROOT} /usr/local/elsewhere; mkdir {ROOT}")).expect(0);
    let done = machine.sh("sh /tmp/two.run").expect(12);
    assert!(done.err.contains("is its file system mounted?"), "{}", done.err);
    machine.sh("sh /tmp/two.run --uninstall").expect(12);
    machine.sh(&format!("rmdir {ROOT}; mv /usr/local/elsewhere {ROOT}; sh /tmp/two.run")).expect(0);
    assert!(!service_runs(&machine), "who stopped it starts it");
    machine.sh("/etc/init.d/vlink start").expect(0);
    assert!(service_runs(&machine));
}

#[test]
fn a_purge_removes_also_what_was_edited() {
    let machine = Sandbox::new();
    let before = machine.listing();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    machine.sh("mkdir /etc/intigua; echo RUN_AS=root >/etc/intigua/install.conf; sh /tmp/one.run").expect(0);
    machine
        .sh(&format!("echo mine >{ROOT}/vAgentManager/etc/agent.conf; echo 'x: \"y\"' >>{ROOT}/components/csclient.cfg"))
        .expect(0);
    machine.sh("sh /tmp/one.run --uninstall --purge").expect(0);
    assert_eq!(machine.listing(), before);
}

#[test]
fn another_channels_installation_is_refused_with_the_command_that_removes_it() {
    let machine = machine_with("1.0");
    machine.sh("sed -i s/channel=run/channel=deb/ /var/lib/intigua/state").expect(0);
    let done = machine.sh("sh /tmp/one.run").expect(17);
    assert!(done.err.contains("dpkg -r intigua-link"), "{}", done.err);
}

#[test]
fn an_image_is_registered_but_neither_started_nor_given_an_identity() {
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    machine.sh("sh /tmp/one.run --image").expect(0);
    assert_eq!(result(&machine)["image"], true);
    assert!(!service_runs(&machine));
    assert_eq!(
        machine.ask("readlink /etc/systemd/system/multi-user.target.wants/vlink.service"),
        "/lib/systemd/system/vlink.service"
    );
    assert!(!machine.ask(&format!("cat {ROOT}/components/csclient.cfg")).contains("vlinkCoreId"));
}

#[test]
fn sealing_removes_identity_certificates_queues_and_logs_and_says_so() {
    let machine = machine_with("1.0");
    machine.sh(&format!(
        "cd {ROOT}/components; printf 'vlinkCoreId: \"x\"\\nvlinkMachineId: \"y\"\\n' >>csclient.cfg; mkdir -p pulse/queue; echo k >pulse/cert.pem; mkdir ../Intigua-Libs/pulse/var"
    ))
    .expect(0);
    let done = machine.sh(&format!("{ROOT}/bin/linkctl seal --json")).expect(0);
    let document: serde_json::Value = serde_json::from_str(&done.out).expect("JSON");
    let removed = document["removed"].to_string();
    for part in ["vlinkCoreId", "components/pulse", "vlink.log", "Intigua-Libs/pulse/var"] {
        assert!(removed.contains(part), "{part} in {removed}");
    }
    assert!(!service_runs(&machine));
    let check = machine.sh(&format!("{ROOT}/bin/linkctl check --json"));
    assert!(check.expect(0).out.contains("its next boot starts the service"), "nobody is told to start a template");
    assert_eq!(
        machine.ask(&format!("ls {ROOT}/components /var/log/intigua; ls -d {ROOT}/Intigua-Libs/pulse/var || :")),
        "/usr/local/intigua/components:\ncsclient.cfg\n\n/var/log/intigua:\ninstall.json"
    );
    assert!(!machine.ask(&format!("cat {ROOT}/components/csclient.cfg")).contains("vlinkMachineId"));
    assert_eq!(machine.ask(&format!("stat -c %a {ROOT}/components/csclient.cfg")), "600");
    machine.sh("/etc/init.d/vlink start").expect(0);
}

#[test]
fn the_service_runs_as_the_account_that_was_chosen() {
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", GOOD));
    machine.sh("useradd -m agent && mkdir -p /etc/sudoers.d").expect(0);
    let done = machine.sh("sh /tmp/one.run --run-as agent").expect(18);
    assert!(done.err.contains("sudo"), "{}", done.err);
    machine.sh("sh /tmp/one.run --run-as nobody-such").expect(18);
    // What sudo would answer: the machine under test may have no sudo.
    machine.put("/usr/bin/sudo", b"#!/bin/sh\necho '    (ALL) NOPASSWD: ALL'\n");
    machine.sh("chmod 755 /usr/bin/sudo; sh /tmp/one.run --run-as=agent").expect(0);
    assert_eq!(machine.ask("ps -o user= -p $(cat /run/intigua/vlink.pid)"), "agent");
    assert_eq!(
        machine.ask(&format!("stat -c '%U %a' {ROOT}/components {ROOT}/components/csclient.cfg /var/log/intigua /run/intigua")),
        "agent 755\nagent 600\nroot 755\nagent 755"
    );
    machine.sh("sh /tmp/one.run").expect(0);
    assert_eq!(machine.ask("ps -o user= -p $(cat /run/intigua/vlink.pid)"), "agent", "an upgrade keeps the account");
}

/// An agent goes on working in its folder while the next version is unpacked: what it has written by its end is there.
#[test]
fn what_an_agent_does_in_its_folder_until_it_is_stopped_is_carried_into_the_next_version() {
    const BUSY: &str = "#!/bin/sh
cd \"$(dirname \"$0\")/../Intigua-Libs/pulse\"
mkdir -p queue; echo job >queue/done; echo early >notes; exec 5>>journal
trap 'rm -f queue/done; rm -rf queue/old; mkdir queue/new; echo late >queue/new/job; mv notes kept-notes; echo stop >&5; exit 0' TERM
mkdir -p queue/old; n=0; while :; do n=$((n + 1)); echo $n >&5; sleep 0.05; done
";
    for shell in SHELLS {
        let machine = Sandbox::with_shell(shell);
        machine.put("/tmp/one.run", &product::run("1.0", BUSY));
        machine.put("/tmp/two.run", &product::run("2.0", GOOD));
        machine.sh("sh /tmp/one.run").expect(0);
        // A folder that is another account's, with links out of the tree.
        machine.sh(&format!(
            "cd {ROOT}/Intigua-Libs/pulse && mkdir theirs && ln -s /srv theirs/away && touch 'theirs/odd\n' && chown -Rh 65534:65534 theirs"
        )).expect(0);
        machine.sh("sh /tmp/two.run").expect(0);
        let found = machine.ask(&format!("cd {ROOT}/Intigua-Libs/pulse && tail -n 1 journal && find queue *notes theirs -print0 | tr '\\n\\000' '+\\n' | sort && stat -c %u theirs && cat queue/new/job && readlink theirs/away"));
        assert_eq!(
            found, "stop\nkept-notes\nqueue\nqueue/new\nqueue/new/job\ntheirs\ntheirs/away\ntheirs/odd+\n65534\nlate\n/srv",
            "{shell}"
        );
        assert_eq!(machine.ask("ls /srv"), "", "{shell}");
    }
}

/// Between two looks an account puts a link where it had a folder: what root copies stays inside the tree.
#[test]
fn a_link_that_was_a_folder_leads_no_copy_out_of_the_tree() {
    const SWAPS: &str = "#!/bin/sh
cd \"$(dirname \"$0\")/../Intigua-Libs/pulse\"
trap 'mv data/in data/was; ln -s /srv/victim data/in; echo late >data/was/late; exit 0' TERM
mkdir -p data/in; echo early >data/in/file; while :; do sleep 0.1; done
";
    let machine = Sandbox::new();
    machine.put("/tmp/one.run", &product::run("1.0", SWAPS));
    machine.put("/tmp/two.run", &product::run("2.0", GOOD));
    machine.sh("mkdir -p /srv/victim && echo kept >/srv/victim/file && sh /tmp/one.run && sh /tmp/two.run").expect(0);
    let found =
        machine.ask(&format!("cat /srv/victim/*; cd {ROOT}/Intigua-Libs/pulse/data && readlink in && cat was/file was/late"));
    assert_eq!(found, "kept\n/srv/victim\nearly\nlate");
}

#[test]
fn what_the_programs_need_and_is_missing_is_named_before_anything_changes() {
    let machine = Sandbox::new();
    let mut facts = product::facts("1.0");
    facts.libraries =
        "64 libc.so.6 libc6 GLIBC_2.2.5\n64 libz.so.1 zlib1g ZLIB_9.9\n64 libnobody.so.1 nobody1\n32 libnobody.so.2 -".to_owned();
    facts.library_folders = "/opt/nowhere/lib".to_owned();
    facts.programs = "/bin/sh\n/usr/bin/nobody".to_owned();
    let items = product::items(&facts, GOOD);
    machine.put("/tmp/one.run", &product::assemble(&facts, &items));
    let before = machine.listing();
    let done = machine.sh("sh /tmp/one.run --preflight").expect(15);
    for named in ["libz.so.1 with ZLIB_9.9", "libnobody.so.1", "libnobody.so.2", "/usr/bin/nobody", "older libraries"] {
        assert!(done.err.contains(named), "{named}: {}", done.err);
    }
    assert!(!done.err.contains("libc.so.6") && !done.err.contains("/bin/sh"), "{}", done.err);
    assert_eq!(machine.listing(), before);

    // Without the one that is too old, the package that has the missing one is named.
    facts.libraries = "64 libc.so.6 libc6 GLIBC_2.2.5\n64 libnobody.so.1 nobody1".to_owned();
    facts.programs.clear();
    machine.put("/tmp/two.run", &product::assemble(&facts, &items));
    let done = machine.sh("sh /tmp/two.run").expect(15);
    assert!(done.err.contains("apt-get install nobody1"), "{}", done.err);
    // A library in a folder of the programs' own is found, if it is one of their class.
    machine
        .sh("mkdir -p /opt/nowhere/lib && echo no library >/opt/nowhere/lib/libnobody.so.1; sh /tmp/two.run --preflight")
        .expect(15);
    machine.sh("cp -L /bin/true /opt/nowhere/lib/libnobody.so.1 && sh /tmp/two.run --preflight").expect(0);
}
