//! Packages of one product that take each other's place: plain and site, DEB and .run; and what their removal may touch.
use super::*;

const PULSE_CONF: &str = "/usr/local/intigua/Intigua-Libs/pulse/etc/pulse.conf";
const SITE: &str = "intigua-sample-example";

/// The identity that is running, and the channel and package that the state names.
#[track_caller]
fn runs_as(machine: &Machine, channel: &str, package: &str) -> Value {
    let report = everything_runs(machine, ROOT);
    let state = machine.read("/var/lib/intigua/state");
    assert!(state.contains(&format!("\npackage={package}\n")) && state.contains(&format!("\nchannel={channel}\n")), "{state}");
    assert_eq!(machine.read(PULSE_CONF), "mine\n", "the edit goes along");
    machine.sh("ls /var/lib/intigua/kept.*").fails();
    report["core_id"].clone()
}

#[test]
fn packages_of_one_product_take_each_others_place() {
    let scratch = Scratch::debian();
    let product = Product::sample("1.0.0");
    product.shell("sed -i '/^root/d' sites/example.toml");
    let (plain, site) = (put(&scratch, &product), put_file(&scratch, &product.build_site("deb")));
    let run = put_file(&scratch, &product.build("run"));
    let newer = put_file(&scratch, &Product::sample("1.1.0").build("run"));
    let before = listing(&scratch);
    let machine = scratch.live_sysv();
    install(&machine, &plain).ok();
    let identity = everything_runs(&machine, ROOT)["core_id"].clone();
    machine.write(PULSE_CONF, "mine\n");

    install(&machine, &site).ok();
    assert_eq!(runs_as(&machine, "deb", SITE), identity, "dpkg -i of the site's package");
    machine.sh(&format!("apt-get -o Dpkg::Options::=--force-confold install -y {plain}")).ok();
    assert_eq!(runs_as(&machine, "deb", NAME), identity, "apt back to the plain one");
    // What apt has left of the site's package is nobody's by now.
    machine.cmd("dpkg").args(["--purge", SITE]).run().ok();
    assert_eq!(runs_as(&machine, "deb", NAME), identity);

    machine.sh(&format!("sh {newer} --quiet")).ok();
    assert_eq!(runs_as(&machine, "run", NAME), identity, "a .run over the DEB");
    machine.sh(&format!("dpkg -s {NAME}")).fails();
    machine.sh(&format!("sh {run} --quiet --allow-downgrade")).ok();
    install(&machine, &site).ok();
    assert_eq!(runs_as(&machine, "deb", SITE), identity, "a DEB over the .run");
    assert!(!machine.exists(&format!("{ROOT}/versions")) && !machine.exists(&format!("{ROOT}/current")));
    machine.sh(&format!("dpkg -V {SITE}")).ok();

    machine.sh(&format!("sh {run} --uninstall --purge")).ok();
    nothing_runs(&machine);
    machine.sh("dpkg -l | grep intigua").fails();
    same(&before, &listing(&machine));
}

#[test]
fn a_newcomer_that_does_not_come_up_gives_the_place_back() {
    let scratch = Scratch::debian();
    let (old, run) = (Product::sample("1.0.0"), put_file(&scratch, &Product::broken("1.1.0").build("run")));
    let (plain, broken) = (put(&scratch, &old), put(&scratch, &Product::broken("1.1.0")));
    let machine = scratch.live_sysv();
    install(&machine, &plain).ok();
    let identity = everything_runs(&machine, ROOT)["core_id"].clone();
    machine.write(PULSE_CONF, "mine\n");
    machine.sh(&format!("sh {run}")).exits(31);
    assert_eq!(outcome(&machine), is("rolled_back", 31, "1.1.0"));
    assert_eq!(runs_as(&machine, "deb", NAME), identity);
    machine.sh(&format!("dpkg -V {NAME} | grep -v ' c '; [ ! -e {ROOT}/versions ] && [ ! -e {ROOT}/current ]")).ok();

    let good = put_file(&machine, &old.build("run"));
    machine.sh(&format!("sh {good} --quiet")).ok();
    assert_eq!(runs_as(&machine, "run", NAME), identity);
    install(&machine, &broken).fails().says("version 1.0.0 runs again");
    assert_eq!(runs_as(&machine, "run", NAME), identity);
    // dpkg has unpacked files in the places of the .run's: their removal leaves the .run's alone.
    machine.cmd("dpkg").args(["--remove", NAME]).run().ok();
    assert_eq!(runs_as(&machine, "run", NAME), identity);
}

#[test]
fn the_purge_of_a_removed_package_leaves_a_live_installation_alone() {
    let scratch = Scratch::debian();
    let product = Product::sample("1.0.0");
    let (plain, run) = (put(&scratch, &product), put_file(&scratch, &product.build("run")));
    let machine = scratch.live_sysv();
    install(&machine, &plain).ok();
    everything_runs(&machine, ROOT);
    machine.cmd("dpkg").args(["--remove", NAME]).run().ok();
    machine.sh(&format!("sh {run} --quiet --install-root /opt/other")).ok();
    let identity = everything_runs(&machine, "/opt/other")["core_id"].clone();
    machine.cmd("dpkg").args(["--purge", NAME]).run().ok();
    assert_eq!(everything_runs(&machine, "/opt/other")["core_id"], identity);
    assert!(!machine.exists(ROOT), "what the removal had kept is gone");
    assert!(machine.exists("/var/log/intigua/vlink.log"), "the logs are in use");

    let other =
        put_file(&machine, &Product::sample("1.0.0").edit("name = \"intigua-sample\"", "name = \"other-agent\"").build("run"));
    machine.sh(&format!("sh {other} --uninstall --purge")).exits(17).says("intigua-sample 1.0.0 is installed");
    machine.sh(&format!("sh {other} --quiet")).exits(17);
    everything_runs(&machine, "/opt/other");
}

#[test]
fn a_folder_and_a_link_change_places() {
    let scratch = Scratch::debian();
    let (old, new) = (Product::sample("1.0.0"), Product::sample("1.1.0"));
    for (product, script) in [
        (&old, "mkdir lib d f; echo one >lib/a; echo x >d/x; ln -s d l; echo file >t"),
        (&new, "mkdir lib64 l t; echo two >lib64/a; ln -s lib64 lib; echo z >l/z; echo f >f; echo t >t/t"),
    ] {
        product.shell(&format!("cd containers/pulse && {script}"));
    }
    let (deb, newer) = (put(&scratch, &old), put(&scratch, &new));
    let machine = scratch.live_sysv();
    let pulse = format!("{ROOT}/Intigua-Libs/pulse");
    install(&machine, &deb).ok();
    machine.sh(&format!("echo added >{pulse}/lib/mine")).ok();
    install(&machine, &newer).ok();
    let found = machine.sh(&format!("cd {pulse} && readlink lib; cat lib/a l/z f t/t; [ ! -L l ]; cat {ROOT}/kept/Intigua-Libs/pulse/lib/mine lib/mine 2>/dev/null || :"));
    assert_eq!(found.ok().line(), "lib64\ntwo\nz\nf\nt\nadded");
    everything_runs(&machine, ROOT);
}
