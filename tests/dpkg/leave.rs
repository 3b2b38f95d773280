//! Removal, purge, and installing again.
use super::*;

#[test]
fn a_purge_leaves_nothing() {
    let scratch = Scratch::debian();
    let (deb, newer) = (put(&scratch, &Product::sample("1.0.0")), put(&scratch, &Product::sample("1.1.0")));
    let machine = scratch.boot();
    let before = listing(&machine);
    install(&machine, &deb).ok();
    install(&machine, &newer).ok();
    everything_runs(&machine, ROOT);
    machine.write("/usr/local/intigua/Intigua-Libs/pulse/etc/pulse.conf", "mine\n");
    machine.cmd("dpkg").args(["--purge", NAME]).run().ok().never_says("warning");
    nothing_runs(&machine);
    same(&before, &listing(&machine));
    machine.sh("systemctl list-units --all --plain --no-legend | grep vlink").fails();
    assert_eq!(machine.sh("debconf-show intigua-sample").ok().line(), "");
}

#[test]
fn a_removal_keeps_what_the_administrator_made_and_a_purge_takes_it() {
    let scratch = Scratch::debian();
    let deb = put(&scratch, &Product::sample("1.0.0"));
    let machine = scratch.boot();
    let before = listing(&machine);
    machine.write("/etc/intigua/install.conf", "SERVER_URL=https://mine.example.com\n");
    install(&machine, &deb).ok();
    let identity = everything_runs(&machine, ROOT)["core_id"].clone();
    let conf = format!("{ROOT}/Intigua-Libs/pulse/etc/pulse.conf");
    machine.write(&conf, "mine\n");
    machine.sh(&format!("echo '# mine' >>{CONFIG}; echo x >{ROOT}/Intigua-Libs/pulse/notes.txt")).ok();
    machine.sh(&format!("mkdir -p {ROOT}/components/pulse; echo unsent >{ROOT}/components/pulse/queue")).ok();

    machine.cmd("dpkg").args(["--remove", NAME]).run().ok();
    nothing_runs(&machine);
    let left = machine.sh(&format!("find {ROOT} /etc/intigua -type f | grep -v {ROOT}/components/tracer | sort")).ok();
    let notes = format!("{ROOT}/Intigua-Libs/pulse/notes.txt");
    let queue = format!("{ROOT}/components/pulse/queue");
    let kept = ["/etc/intigua/install.conf", &conf, &notes, CONFIG, &queue];
    assert_eq!(left.line(), kept.join("\n"));
    let core_id = configured(&machine, "vlinkCoreId");
    assert_eq!(core_id.as_deref(), identity.as_str(), "a removal keeps the identity, for a reinstallation");
    assert!(machine.exists("/var/log/intigua/install.json") && machine.exists("/var/log/intigua/vlink.log"));
    machine
        .sh("ls /etc/init.d/vlink /etc/rc?.d/*vlink /lib/systemd/system/vlink.service /etc/systemd/system/*/vlink.service")
        .fails();

    install(&machine, &deb).ok();
    assert_eq!(outcome(&machine), is("installed", 0, "1.0.0"));
    assert_eq!(everything_runs(&machine, ROOT)["core_id"], identity);
    assert_eq!(machine.read(&queue), "unsent\n");
    assert_eq!(machine.read(&conf), "mine\n");
    assert!(machine.read(CONFIG).contains("# mine"));
    machine.cmd("dpkg").args(["--remove", NAME]).run().ok();
    machine.cmd("dpkg").args(["--purge", NAME]).run().ok();
    same(&before, &listing(&machine));
}

#[test]
fn linkctl_uninstalls_through_dpkg() {
    let scratch = Scratch::debian();
    let deb = put(&scratch, &Product::sample("1.0.0"));
    let before = listing(&scratch);
    let machine = scratch.live_sysv();
    install(&machine, &deb).ok();
    machine.sh(&format!("{ROOT}/bin/linkctl uninstall --purge")).ok();
    nothing_runs(&machine);
    machine.sh(&format!("dpkg -s {NAME}")).fails();
    same(&before, &listing(&machine));
}
