//! The maintainer scripts and scriptlets, run by dpkg and by rpm themselves on machines of their own. The packages
//! around them are made by dpkg-deb and rpmbuild: here the scripts are under test, not linkpack's writers.

#[path = "maintainer_scripts/damaged.rs"]
mod damaged;
mod sandbox;

use linkpack::endpoint;
use sandbox::product::{self, BROKEN, GOOD};
use sandbox::{Sandbox, SHELLS};

const ROOT: &str = "/usr/local/intigua";

fn result(machine: &Sandbox) -> serde_json::Value {
    serde_json::from_str(&machine.ask("cat /var/log/intigua/install.json")).expect("install.json is JSON")
}

fn service_runs(machine: &Sandbox) -> bool {
    machine.sh("/etc/init.d/vlink status").code == 0
}

/// The host's policy, if it has one, is not under test.
fn machine() -> Sandbox {
    let machine = Sandbox::new();
    machine.sh("rm -f /usr/sbin/policy-rc.d").expect(0);
    machine
}

fn put_tree(machine: &Sandbox, below: &str, version: &str, connector: &str) {
    let facts = product::facts(version);
    for item in product::items(&facts, connector) {
        let path = String::from_utf8(item.path).expect("UTF-8");
        if path.contains('\n') {
            continue; // dpkg's and rpmbuild's own lists cannot hold it
        }
        let path = format!("{below}{ROOT}/{path}");
        machine.sh(&format!("mkdir -p '{}'", path.rsplit_once('/').expect("a directory").0)).expect(0);
        machine.put(&path, &item.bytes);
        machine.sh(&format!("chmod {:o} '{path}'", item.mode)).expect(0);
    }
}

/// Makes /VERSION.deb.
fn deb(machine: &Sandbox, version: &str, connector: &str) -> String {
    let scripts = endpoint::deb_scripts(&product::facts(version)).expect("renders");
    let tree = format!("/build-{version}");
    put_tree(machine, &tree, version, connector);
    machine.sh(&format!("mkdir {tree}/DEBIAN")).expect(0);
    for (name, text) in [
        ("modules", &scripts.modules),
        ("preinst", &scripts.preinst),
        ("postinst", &scripts.postinst),
        ("prerm", &scripts.prerm),
        ("postrm", &scripts.postrm),
        ("config", &scripts.config),
        ("templates", &scripts.templates),
    ] {
        machine.put(&format!("{tree}/DEBIAN/{name}"), text.as_bytes());
        machine.sh(&format!("chmod 755 {tree}/DEBIAN/{name}")).expect(0);
    }
    let control = format!(
        "Package: intigua-link\nVersion: {version}\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: test\n"
    );
    machine.put(&format!("{tree}/DEBIAN/control"), control.as_bytes());
    machine.put(&format!("{tree}/DEBIAN/conffiles"), format!("{ROOT}/vAgentManager/etc/agent.conf\n").as_bytes());
    machine.sh(&format!("dpkg-deb --root-owner-group -b {tree} /{version}.deb && rm -r {tree}")).expect(0);
    format!("/{version}.deb")
}

const DPKG: &str = "DEBIAN_FRONTEND=noninteractive dpkg --force-confold";

#[test]
fn a_deb_is_installed_upgraded_removed_and_purged_without_a_trace() {
    let machine = machine();
    let (one, two) = (deb(&machine, "1.0", GOOD), deb(&machine, "1.10", GOOD));
    let before = machine.listing();
    machine.sh(&format!("{DPKG} -i {one}")).expect(0);
    assert_eq!(result(&machine)["outcome"], "installed");
    assert!(service_runs(&machine));
    let pid = machine.ask("cat /run/intigua/vlink.pid");
    machine.sh(&format!("echo mine >{ROOT}/vAgentManager/etc/agent.conf")).expect(0);

    machine.sh(&format!("{DPKG} -i {two}")).expect(0);
    assert_eq!(result(&machine)["outcome"], "upgraded");
    assert_eq!(result(&machine)["previous_version"], "1.0");
    assert!(service_runs(&machine));
    assert_ne!(machine.ask("cat /run/intigua/vlink.pid"), pid, "restarted");
    assert_eq!(
        machine.ask(&format!("cat {ROOT}/vAgentManager/etc/agent.conf {ROOT}/vAgentManager/version; ls -A {ROOT}/.linkpack")),
        "mine\n1.10state"
    );

    machine.sh(&format!("{DPKG} -i {one}")).expect(1);
    assert_eq!(result(&machine)["exit_code"], 17);
    assert!(service_runs(&machine), "a refused downgrade leaves the service running");
    machine.sh(&format!("ALLOW_DOWNGRADE=1 {DPKG} -i {one}")).expect(0);
    assert!(service_runs(&machine));

    machine.sh("dpkg -r intigua-link").expect(0);
    assert_eq!(
        machine.ask(&format!("find {ROOT} -type f | sort")),
        format!("{ROOT}/components/csclient.cfg\n{ROOT}/vAgentManager/etc/agent.conf")
    );
    assert_eq!(machine.ask("ls /etc/init.d/vlink /etc/rc?.d/*vlink /lib/systemd/system/vlink.service /etc/systemd/system/*/vlink.service 2>/dev/null || :"), "");
    machine.sh("dpkg -P intigua-link").expect(0);
    assert_eq!(machine.listing(), before);
}

#[test]
fn a_deb_that_does_not_come_up_puts_the_old_version_back() {
    let machine = machine();
    let (one, two) = (deb(&machine, "1.0", GOOD), deb(&machine, "2.0", BROKEN));
    machine.sh(&format!("{DPKG} -i {one}")).expect(0);
    let done = machine.sh(&format!("{DPKG} -i {two}")).expect(1);
    assert!(done.err.contains("version 1.0 runs again"), "{}", done.err);
    assert_eq!((&result(&machine)["outcome"], &result(&machine)["exit_code"]), (&"rolled_back".into(), &31.into()));
    assert_eq!(machine.ask(&format!("cat {ROOT}/vAgentManager/version")), "1.0");
    assert!(service_runs(&machine));
    machine.sh("dpkg -P intigua-link").expect(0);
    assert_eq!(machine.ask("ls /var/log/intigua /usr/local/intigua 2>/dev/null || :"), "");
}

#[test]
fn a_deb_follows_the_root_of_the_answer_file_and_of_debconf() {
    let machine = machine();
    let (one, two) = (deb(&machine, "1.0", GOOD), deb(&machine, "2.0", GOOD));
    let before = machine.listing();
    machine.sh("echo 'intigua-link intigua-link/install_root string /opt/jp' | debconf-set-selections").expect(0);
    machine.sh(&format!("{DPKG} -i {one}")).expect(0);
    assert_eq!(
        machine.ask(&format!("cat /etc/intigua/location.conf; readlink {ROOT}; cat /opt/jp/vAgentManager/version")),
        "/opt/jp\n/opt/jp\n1.0"
    );
    machine.sh(&format!("{DPKG} -i {two}")).expect(0);
    assert_eq!(machine.ask(&format!("readlink {ROOT}; cat /opt/jp/vAgentManager/version")), "/opt/jp\n2.0");
    machine.sh("mkdir -p /etc/intigua; echo INSTALL_ROOT=/opt/elsewhere >/etc/intigua/install.conf").expect(0);
    machine.sh(&format!("{DPKG} -i {two}")).expect(1);
    assert_eq!(result(&machine)["exit_code"], 17);
    assert!(service_runs(&machine));
    machine.sh("dpkg -P intigua-link").expect(0);
    assert_eq!(machine.listing(), before);
    machine.sh("mkdir /etc/intigua; echo INSTALL_ROOT=/opt/elsewhere >/etc/intigua/install.conf").expect(0);
    machine.sh(&format!("{DPKG} -i {one}")).expect(0);
    assert_eq!(machine.ask("cat /etc/intigua/location.conf"), "/opt/elsewhere");
}

#[test]
fn a_deb_that_fails_its_checks_changes_nothing() {
    let machine = machine();
    let one = deb(&machine, "1.0", GOOD);
    let before = machine.listing();
    // Nothing runs from /tmp: only one that cannot be written to is a fault.
    machine.sh("mount -o remount,ro /tmp").expect(0);
    machine.sh(&format!("{DPKG} -i {one}")).expect(1);
    assert_eq!(result(&machine)["exit_code"], 11);
    machine.sh("rm -r /var/log/intigua").expect(0);
    assert_eq!(machine.listing(), before);
}

#[test]
fn policy_rc_d_that_declines_is_a_success() {
    let machine = machine();
    let one = deb(&machine, "1.0", GOOD);
    machine.put("/usr/sbin/policy-rc.d", b"#!/bin/sh\nexit 101\n");
    machine.sh("chmod 755 /usr/sbin/policy-rc.d").expect(0);
    machine.sh(&format!("{DPKG} -i {one}")).expect(0);
    assert!(!service_runs(&machine));
    assert!(result(&machine)["message"].as_str().expect("text").contains("policy-rc.d"));
}

/// Makes /VERSION.rpm.
fn rpm(machine: &Sandbox, version: &str, connector: &str) -> String {
    let scripts = endpoint::rpm_scripts(&product::facts(version)).expect("renders");
    let tree = format!("/build-{version}");
    put_tree(machine, &tree, version, connector);
    let escape = |text: &str| text.replace('%', "%%");
    let ghosts = "%ghost /etc/init.d/vlink\n%ghost /lib/systemd/system/vlink.service\n%ghost /etc/intigua/location.conf\n%ghost /var/lib/intigua/state\n";
    let spec = format!(
        "Name: intigua-link\nVersion: {version}\nRelease: 1\nSummary: test\nLicense: none\nPrefix: {ROOT}\nBuildArch: noarch\nAutoReqProv: no\n\
         %description\ntest\n%install\ncp -a {tree}/. %{{buildroot}}/\n\
         %pre\n{}\n%post\n{}\n%preun\n{}\n%postun\n{}\n%posttrans\n{}\n\
         %files\n{ROOT}\n%config(noreplace) {ROOT}/vAgentManager/etc/agent.conf\n{ghosts}",
        escape(&scripts.pre), escape(&scripts.post), escape(&scripts.preun), escape(&scripts.postun), escape(&scripts.posttrans),
    );
    machine.put("/spec", spec.as_bytes());
    machine
        .sh(&format!("rpmbuild -bb --quiet --define '_topdir /rpmbuild' /spec >&2 && mv /rpmbuild/RPMS/noarch/*.rpm /{version}.rpm && rm -r /rpmbuild {tree}"))
        .expect(0);
    format!("/{version}.rpm")
}

#[test]
fn an_rpm_is_installed_upgraded_and_erased_without_a_trace() {
    let machine = machine();
    let (one, two) = (rpm(&machine, "1.0", GOOD), rpm(&machine, "1.10", GOOD));
    let before = machine.listing();
    machine.sh(&format!("rpm -i --nodeps {one}")).expect(0);
    assert_eq!(result(&machine)["outcome"], "installed");
    assert!(service_runs(&machine));
    let pid = machine.ask("cat /run/intigua/vlink.pid");
    machine.sh(&format!("rpm -U --nodeps {two}")).expect(0);
    assert_eq!(result(&machine)["outcome"], "upgraded");
    assert!(service_runs(&machine), "an upgrade never leaves it stopped");
    assert_ne!(machine.ask("cat /run/intigua/vlink.pid"), pid, "restarted");
    assert_eq!(
        machine.ask(&format!("cat {ROOT}/vAgentManager/version; ls -A {ROOT}/.linkpack; ls /etc/rc?.d/S30vlink")),
        "1.10state\n/etc/rc3.d/S30vlink\n/etc/rc5.d/S30vlink"
    );
    machine.sh(&format!("{ROOT}/bin/linkctl purge && rpm -e intigua-link")).expect(0);
    assert_eq!(machine.listing(), before);
}

#[test]
fn an_rpm_that_does_not_come_up_puts_the_old_version_back() {
    let machine = machine();
    let (one, two) = (rpm(&machine, "1.0", GOOD), rpm(&machine, "2.0", BROKEN));
    machine.sh(&format!("rpm -i --nodeps {one}")).expect(0);
    let done = machine.sh(&format!("rpm -U --nodeps {two}"));
    assert!(done.err.contains("version 1.0 runs again"), "{}", done.err);
    assert_eq!(result(&machine)["exit_code"], 31);
    assert_eq!(machine.ask(&format!("cat {ROOT}/vAgentManager/version")), "1.0");
    assert!(service_runs(&machine));
}

#[test]
fn an_rpm_with_a_prefix_is_never_moved_back_by_an_upgrade() {
    let machine = machine();
    let (one, two) = (rpm(&machine, "1.0", GOOD), rpm(&machine, "2.0", GOOD));
    let before = machine.listing();
    machine.sh(&format!("rpm -i --nodeps --prefix /opt/jp {one}")).expect(0);
    assert_eq!(machine.ask("cat /etc/intigua/location.conf /opt/jp/vAgentManager/version"), "/opt/jp\n1.0");
    let done = machine.sh(&format!("rpm -U --nodeps {two}"));
    assert!(done.code != 0 && done.err.contains("rpm -U --prefix /opt/jp"), "{done:?}");
    assert!(service_runs(&machine));
    assert_eq!(machine.ask(&format!("cat /opt/jp/vAgentManager/version; [ ! -e {ROOT} ]")), "1.0");
    machine.sh(&format!("rpm -U --nodeps --prefix /opt/jp {two}")).expect(0);
    assert!(service_runs(&machine));
    machine.sh("/opt/jp/bin/linkctl purge && rpm -e intigua-link").expect(0);
    assert_eq!(machine.listing(), before);
}

#[test]
fn an_rpm_follows_the_root_of_the_answer_file() {
    let machine = machine();
    let (one, two) = (rpm(&machine, "1.0", GOOD), rpm(&machine, "2.0", GOOD));
    machine.sh("mkdir /etc/intigua; echo INSTALL_ROOT=/opt/jp >/etc/intigua/install.conf").expect(0);
    let before = machine.listing();
    machine.sh(&format!("rpm -i --nodeps {one}")).expect(0);
    assert_eq!(
        machine.ask(&format!("cat /etc/intigua/location.conf /opt/jp/vAgentManager/version; readlink {ROOT}")),
        "/opt/jp\n1.0/opt/jp"
    );
    machine.sh(&format!("rpm -U --nodeps {two}")).expect(0);
    assert_eq!(machine.ask("cat /opt/jp/vAgentManager/version"), "2.0");
    assert!(service_runs(&machine));
    machine.sh("/opt/jp/bin/linkctl purge && rpm -e intigua-link").expect(0);
    machine.sh("mkdir /etc/intigua; echo INSTALL_ROOT=/opt/jp >/etc/intigua/install.conf").expect(0);
    assert_eq!(machine.listing(), before);
}

#[test]
fn what_runs_as_root_is_short() {
    let facts = product::facts("1.0");
    let (deb, rpm) = (endpoint::deb_scripts(&facts).expect("renders"), endpoint::rpm_scripts(&facts).expect("renders"));
    // What checks before anything is unpacked has no files to read from: docs/architecture.md says what it is made of.
    let before_unpacking =
        [("modules", deb.modules, 2320), ("%pre", rpm.pre, 2270)].map(|(name, text, below)| (name.to_owned(), text, below));
    let scripts = [
        ("preinst", deb.preinst),
        ("postinst", deb.postinst),
        ("prerm", deb.prerm),
        ("postrm", deb.postrm),
        ("config", deb.config),
        ("%post", rpm.post),
        ("%preun", rpm.preun),
        ("%postun", rpm.postun),
        ("%posttrans", rpm.posttrans),
    ];
    let scripts = scripts.map(|(name, text)| (name.to_owned(), text, 400));
    let files = endpoint::bin_files(&facts).expect("renders").into_iter().map(|file| (file.path, file.text, 400));
    let counted = before_unpacking.into_iter().chain(scripts).chain(files);
    let counted: Vec<_> = counted.map(|(name, text, below)| (name, text.lines().count(), below)).collect();
    for (name, lines, _) in &counted {
        println!("{lines:5} {name}");
    }
    let long: Vec<_> = counted.iter().filter(|(_, lines, below)| lines >= below).collect();
    assert!(long.is_empty(), "{long:?}");
}

/// An environment in which every tool that minds its variables does something else, and bash finds functions in place of its own commands.
/// A bash that is called as sh does not even begin where one of those is called as a special builtin: `specials` leaves them out.
fn hostile(specials: bool) -> String {
    let special = "exec unset eval export set exit return . :";
    let others =
        "[ test printf echo read cd umask command local env sed grep tr date id tar find od readlink lp_init lp_now main";
    let names = if specials { format!("{special} {others}") } else { others.to_owned() };
    let functions: Vec<_> =
        names.split_whitespace().map(|name| format!("'BASH_FUNC_{name}%%=() {{ /usr/bin/touch /ran; }}'")).collect();
    let variables = [
        "TAR_OPTIONS=--checkpoint=1 --checkpoint-action=exec=touch\\ /ran",
        "XZ_OPT=--bogus",
        "XZ_DEFAULTS=--bogus",
        "GZIP=--bogus",
        "ZSTD_CLEVEL=bogus",
        "OPENSSL_CONF=/hostile/openssl.cnf",
        "GREP_OPTIONS=--bogus",
        "POSIXLY_CORRECT=1",
        "BLOCK_SIZE=1",
        "LS_BLOCK_SIZE=1",
        "DF_BLOCK_SIZE=1",
        "PATH=/hostile:/usr/sbin:/usr/bin:/sbin:/bin",
        "CDPATH=/hostile",
        "IFS=/t",
        "TERM=x\nTAR_OPTIONS=--bogus",
        "LP_ANEW=1",
        "LP_CLEAN=1",
        "LP_D=/hostile",
        "LP_CHANNEL=rpm",
        "LP_VERSION=9",
        "lp_quiet=1",
        "lp_options= INSTALL_ROOT",
        "lp_o_INSTALL_ROOT=/hostile",
        "lp_lib=/hostile",
        "RPM_INSTALL_PREFIX=/hostile",
        "SYSTEMD_OFFLINE=1",
        "PERL5OPT=-Mhostile",
        "PERL5LIB=/hostile",
        "PYTHONPATH=/hostile",
    ];
    // A bash that is told to keep to POSIX refuses such functions itself.
    let variables = variables.into_iter().filter(|variable| !specials || !variable.starts_with("POSIXLY_CORRECT"));
    let quoted = variables.map(|variable| format!("\"$(printf '{variable}')\""));
    quoted.chain(functions).collect::<Vec<_>>().join(" ")
}

/// A machine on which each program that is looked up in the caller's PATH would be noticed.
fn hostile_machine(shell: &str) -> Sandbox {
    let machine = Sandbox::with_shell(shell);
    machine.sh("rm -f /usr/sbin/policy-rc.d; mkdir /hostile; printf '#!/bin/sh\n/usr/bin/touch /ran\n' >/hostile/sed").expect(0);
    machine.sh("chmod 755 /hostile/sed; for tool in tar awk date id ls rm tr find readlink flock; do cp /hostile/sed /hostile/$tool; done").expect(0);
    machine
}

/// The connector's environment, in which all that an installer handed on would be found.
fn environment_of_the_connector(machine: &Sandbox) -> String {
    machine.ask("tr '\\000' '\\n' </proc/$(cat /run/intigua/vlink.pid)/environ")
}

#[test]
fn a_hostile_environment_reaches_nothing_in_a_run_and_linkctl() {
    for shell in SHELLS {
        let machine = hostile_machine(shell);
        machine.put("/one.run", &product::run("1.0", GOOD));
        for caller in ["dash", "bash", "bash --posix", "busybox sh"] {
            let hostile = hostile(caller == "bash");
            let call = |script: &str| machine.sh(&format!("cd /; env -i {hostile} {caller} {script}"));
            call("one.run --quiet").expect(0);
            assert_eq!(result(&machine)["root"], ROOT, "{shell}, {caller}");
            assert!(service_runs(&machine), "{shell}, {caller}");
            let inherited = environment_of_the_connector(&machine);
            let foreign: Vec<_> = inherited.lines().filter(|line| line.contains("hostile") || line.contains("bogus")).collect();
            assert!(foreign.is_empty(), "{shell}, {caller}: {foreign:?}");
            call(&format!("{ROOT}/bin/linkctl status")).expect(0);
            call(&format!("{ROOT}/bin/linkctl uninstall --purge")).expect(0);
            assert_eq!(machine.ask("ls -d /ran /usr/local/intigua 2>/dev/null || :"), "", "{shell}, {caller}");
        }
        // The mark of the second beginning is no way around it.
        machine.sh("env -i LP_ANEW=1 LP_SUM=0 TAR_OPTIONS=--bogus sh /one.run --list").expect(0);
        machine.sh("exec env -i LP_ANEW=$$ TAR_OPTIONS=--bogus sh /one.run --list").expect(15);
    }
}

#[test]
fn a_hostile_environment_reaches_nothing_in_a_deb() {
    // busybox would take its own dpkg for Debian's.
    for shell in ["dash", "bash"] {
        let machine = hostile_machine(shell);
        let one = deb(&machine, "1.0", GOOD);
        machine.sh("echo 'intigua-link intigua-link/server_url string https://asked.example' | debconf-set-selections").expect(0);
        // dpkg and debconf are Perl's and their own to defend, and take their programs from PATH.
        let hostile = hostile(false).replace("/hostile:", "").replace("-Mhostile", "");
        let dpkg = |arguments: &str| machine.sh(&format!("env -i {hostile} DEBIAN_FRONTEND=noninteractive dpkg {arguments}"));
        dpkg(&format!("-i {one}")).expect(0);
        assert_eq!(result(&machine)["root"], ROOT, "{shell}");
        assert!(
            machine.ask(&format!("cat {ROOT}/components/csclient.cfg")).contains("https://asked.example"),
            "debconf is asked"
        );
        let inherited = environment_of_the_connector(&machine);
        let foreign: Vec<_> = inherited.lines().filter(|line| line.contains("hostile") || line.contains("bogus")).collect();
        assert!(foreign.is_empty(), "{shell}: {foreign:?}");
        dpkg("-P intigua-link").expect(0);
        assert_eq!(machine.ask("ls -d /ran /usr/local/intigua 2>/dev/null || :"), "", "{shell}");
    }
}

#[test]
fn a_hostile_environment_reaches_nothing_in_an_rpm() {
    // rpmbuild needs an xargs that is not busybox's.
    for shell in ["dash", "bash"] {
        let machine = hostile_machine(shell);
        let one = rpm(&machine, "1.0", GOOD);
        // Debian's rpm says its "use Alien instead" by a shell of its own.
        let hostile = hostile(false).replace("/hostile:", "").replace("BASH_FUNC_echo%%", "BASH_FUNC_say%%");
        let rpm = |arguments: &str| machine.sh(&format!("env -i {hostile} rpm {arguments}"));
        rpm(&format!("-i --nodeps {one}")).expect(0);
        assert_eq!(result(&machine)["root"], ROOT, "{shell}");
        let inherited = environment_of_the_connector(&machine);
        let foreign: Vec<_> = inherited.lines().filter(|line| line.contains("hostile") || line.contains("bogus")).collect();
        assert!(foreign.is_empty(), "{shell}: {foreign:?}");
        rpm("-e intigua-link").expect(0);
        machine.sh(&format!("env -i {hostile} sh /var/lib/intigua/purge")).expect(0);
        assert_eq!(machine.ask("ls -d /ran /usr/local/intigua 2>/dev/null || :"), "", "{shell}");
    }
}

#[test]
fn closed_descriptors_change_nothing() {
    for shell in SHELLS {
        let machine = Sandbox::with_shell(shell);
        machine.sh("rm -f /usr/sbin/policy-rc.d").expect(0);
        machine.put("/one.run", &product::run("1.0", GOOD));
        for closed in ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
            machine.sh(&format!("sh /one.run {closed}")).expect(0);
            assert!(service_runs(&machine), "{shell}, {closed}");
            assert_eq!(machine.ask(&format!("head -c 2 {ROOT}/components/csclient.cfg; ls -A /")).matches("error").count(), 0);
            machine.sh(&format!("{ROOT}/bin/linkctl status {closed}")).expect(0);
            machine.sh(&format!("sh /one.run --uninstall --purge {closed}")).expect(0);
        }
    }
}

/// A package of a linkpack that had no modules as files may be what an upgrade goes back to.
#[test]
fn a_deb_leaves_also_where_its_modules_are_not_there() {
    let machine = machine();
    let one = deb(&machine, "1.0", GOOD);
    machine.sh(&format!("{DPKG} -i {one}")).expect(0);
    machine.sh(&format!("cp -a {ROOT}/bin/lib /lib-of-old && printf '#!/bin/sh\n/etc/init.d/vlink \"$1\"\n' >{ROOT}/bin/linkctl && rm -r {ROOT}/bin/lib")).expect(0);
    let done = machine.sh("/var/lib/dpkg/info/intigua-link.postinst configure").expect(1);
    assert!(done.err.contains("the files of 1.0 are not here"), "{}", done.err);
    machine.sh("dpkg -P intigua-link").expect(0);
    assert_eq!(machine.ask(&format!("ls -d {ROOT} /etc/init.d/vlink 2>/dev/null; pgrep -f '[v]AgentManager/vlink' || :")), "");
}

#[test]
fn quiet_is_quiet_about_times_in_the_future() {
    let machine = machine();
    let facts = product::facts("1.0");
    let mut items = product::items(&facts, GOOD);
    for item in &mut items {
        item.mtime = 4_000_000_000;
    }
    machine.put("/one.run", &product::assemble(&facts, &items));
    let done = machine.sh("sh /one.run --quiet --extract /out && stat -c %Y /out/vAgentManager/vlink").expect(0);
    assert_eq!((done.out.trim(), done.err.as_str()), ("4000000000", ""));
}

#[test]
fn a_changed_answer_reaches_csclient_cfg_by_dpkg_reconfigure() {
    let machine = machine();
    let one = deb(&machine, "1.0", GOOD);
    machine.sh(&format!("{DPKG} -i {one}")).expect(0);
    let urls = || machine.ask(&format!("sed -n 's/^serverUrl: //p' {ROOT}/components/csclient.cfg"));
    let answer = |question: &str, value: &str| {
        machine.sh(&format!("echo 'intigua-link intigua-link/{question} string {value}' | debconf-set-selections")).expect(0);
        machine.sh("dpkg-reconfigure -f noninteractive intigua-link")
    };
    answer("server_url", "https://answered").expect(0);
    assert_eq!(urls(), "\"https://answered\"");
    // debconf is above what linkctl sets: its answer follows.
    machine.sh(&format!("{ROOT}/bin/linkctl set SERVER_URL=https://set")).expect(0);
    machine.sh("dpkg-reconfigure -f noninteractive intigua-link").expect(0);
    assert_eq!(urls(), "\"https://set\"");
    let done = answer("containers", "unknown");
    assert!(done.code != 0 && done.err.contains("CONTAINERS names"), "{done:?}");
    machine.sh(&format!("{DPKG} -i {one}")).expect(0);
    assert!(service_runs(&machine), "an upgrade goes on");
}

#[test]
fn a_run_waits_for_a_deb_that_is_not_configured() {
    let machine = machine();
    let (one, two) = (product::run("1.0", GOOD), deb(&machine, "2.0", GOOD));
    machine.put("/one.run", &one);
    machine.sh(&format!("sh /one.run && dpkg --unpack {two}")).expect(0);
    let done = machine.sh("sh /one.run --allow-downgrade").expect(17);
    assert!(done.err.contains("dpkg --configure -a"), "{}", done.err);
    machine.sh("dpkg --configure -a").expect(0);
    machine.sh(&format!("{ROOT}/bin/linkctl check && dpkg -P intigua-link && test ! -e {ROOT}")).expect(0);
}

#[test]
fn what_another_one_put_in_the_place_of_a_half_installed_debs_service_survives_its_removal() {
    let machine = machine();
    let one = deb(&machine, "1.0", GOOD);
    machine.sh(&format!("dpkg --unpack {one}; mkdir -p /etc/systemd/system/multi-user.target.wants")).expect(0);
    machine.sh("echo '[Unit]' >/etc/systemd/system/vlink.service; echo '#!/bin/sh' >/etc/init.d/vlink").expect(0);
    machine
        .sh("ln -s ../vlink.service /etc/systemd/system/multi-user.target.wants/; ln -s ../init.d/vlink /etc/rc3.d/S30vlink")
        .expect(0);
    machine.sh("dpkg -P intigua-link").expect(0);
    machine.sh("cat /etc/systemd/system/multi-user.target.wants/vlink.service /etc/rc3.d/S30vlink").expect(0);
}

#[test]
fn an_rpm_erased_without_its_scripts_comes_back_with_its_identity() {
    let machine = machine();
    let one = rpm(&machine, "1.0", GOOD);
    machine.sh(&format!("rpm -i --nodeps {one}")).expect(0);
    machine
        .sh(&format!("echo 'vlinkCoreId: \"mine\"' >>{ROOT}/components/csclient.cfg; rpm -e --noscripts intigua-link"))
        .expect(0);
    machine.sh(&format!("rpm -i --nodeps {one} && grep -q mine {ROOT}/components/csclient.cfg")).expect(0);
    // What another product's state names is not taken up.
    machine.sh(&format!("rpm -e --noscripts intigua-link; sed -i s/^product=.*/product=other/ {ROOT}/.linkpack/state")).expect(0);
    assert_ne!(machine.sh(&format!("rpm -i --nodeps {one}")).code, 0);
}

#[test]
fn the_link_to_the_root_goes_with_the_run_that_took_over_from_an_rpm() {
    let machine = machine();
    let one = rpm(&machine, "1.0", GOOD);
    machine.put("/two.run", &product::run("2.0", GOOD));
    machine.sh("mkdir -p /etc/intigua; echo INSTALL_ROOT=/srv/agent >/etc/intigua/install.conf").expect(0);
    machine
        .sh(&format!("rpm -i --nodeps {one} && test -L {ROOT} && sh /two.run && sh /two.run && sh /two.run --uninstall --purge"))
        .expect(0);
    machine.sh(&format!("test ! -L {ROOT} && test ! -e /srv/agent")).expect(0);
}
