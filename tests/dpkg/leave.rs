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

    machine.cmd("dpkg").args(["--remove", NAME]).run().ok();
    nothing_runs(&machine);
    let left = machine.sh(&format!("find {ROOT} /etc/intigua -type f | sort")).ok();
    let notes = format!("{ROOT}/Intigua-Libs/pulse/notes.txt");
    let kept = ["/etc/intigua/install.conf", &conf, &notes, CONFIG];
    assert_eq!(left.line(), kept.join("\n"));
    assert!(
        machine.read(CONFIG).contains("# mine") && configured(&machine, "vlinkCoreId").is_none(),
        "a removed endpoint has no identity"
    );
    machine
        .sh("ls /etc/init.d/vlink /etc/rc?.d/*vlink /lib/systemd/system/vlink.service /etc/systemd/system/*/vlink.service")
        .fails();

    install(&machine, &deb).ok();
    assert_eq!(outcome(&machine), is("installed", 0, "1.0.0"));
    assert_ne!(everything_runs(&machine, ROOT)["core_id"], identity);
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
