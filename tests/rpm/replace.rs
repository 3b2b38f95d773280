//! One package of a product in place of another, a .run among them, and folders and links that change places.
use crate::common::{Machine, Place};
use crate::sample::{endpoint, offer_as, Endpoint, Sample, NAME, ROOT, SHELF};

const ONE: &str = "1.0.0";
const TWO: &str = "1.1.0";
const SITE: &str = "intigua-sample-example";

/// The state names this package, and the connector runs with this identity.
#[track_caller]
fn owns(machine: &Machine, channel: &str, package: &str, identity: &str) {
    let state = machine.read("/var/lib/intigua/state");
    assert!(state.contains(&format!("\npackage={package}\n")) && state.contains(&format!("\nchannel={channel}\n")), "{state}");
    machine.sh("/etc/init.d/vlink status").ok().says("vlink is running");
    assert_eq!(machine.identity(ROOT), identity);
}

#[test]
fn packages_of_one_product_take_each_others_place() {
    let sample = Sample::new(ONE).edit_site("s/^root.*//");
    let scratch = endpoint(std::slice::from_ref(&sample));
    offer_as(&scratch, &sample.build_site(), "site.rpm");
    offer_as(&scratch, &sample.build_run(), "one.run");
    let machine = scratch.live_sysv();
    machine.rpm("-i", ONE).ok();
    let identity = machine.identity(ROOT);

    machine.rpm("-U", "site").ok();
    owns(&machine, "rpm", SITE, &identity);
    machine.sh(&format!("rpm -q {NAME}")).fails();
    machine.sh(&format!("rpm -V --nomtime {SITE}")).ok();

    machine.sh(&format!("sh {SHELF}/one.run -q")).ok();
    owns(&machine, "run", NAME, &identity);
    machine.sh(&format!("rpm -q {SITE}")).fails();
    machine.rpm("-i", ONE).ok();
    owns(&machine, "rpm", NAME, &identity);
    machine.sh(&format!("rpm -V {NAME}")).ok();
    assert!(!machine.exists(&format!("{ROOT}/versions")) && !machine.exists(&format!("{ROOT}/current")));

    machine.sh(&format!("rpm -e {NAME}")).ok();
    machine.rpm("-i", "site").ok();
    owns(&machine, "rpm", SITE, &identity);
    machine.sh(&format!("{ROOT}/bin/linkctl purge && rpm -e {SITE}")).ok();
    assert!(!machine.exists(ROOT) && !machine.exists("/var/lib/intigua") && !machine.exists("/var/log/intigua"));
}

#[test]
fn a_folder_and_a_link_change_places() {
    let sample = |version: &str, script: &str| {
        let sample = Sample::new(version);
        sample.shell(&format!("cd containers/pulse && {script}"));
        sample
    };
    let old = sample(ONE, "mkdir lib d f; echo one >lib/a; echo x >d/x; ln -s d l; echo file >t; echo y >f/y; sed -i 's|config = .\"|&f/y\", \"|' ../../linkpack.toml");
    let new = sample(TWO, "mkdir lib64 l t; echo two >lib64/a; ln -s lib64 lib; echo z >l/z; echo t >t/t; echo f >f");
    let scratch = endpoint(&[old, new]);
    let machine = scratch.live_sysv();
    let pulse = format!("{ROOT}/Intigua-Libs/pulse");
    machine.rpm("-i", ONE).ok();
    machine.sh(&format!("echo added >{pulse}/lib/mine; echo edited >{pulse}/f/y")).ok();

    machine.rpm("-U", TWO).ok();
    let found = machine.sh(&format!("cd {pulse} && readlink lib; cat lib/a l/z t/t f; [ ! -L l ] && [ ! -e d ]; cat {ROOT}/kept/Intigua-Libs/pulse/lib/mine lib/mine {ROOT}/kept/Intigua-Libs/pulse/f/y 2>/dev/null || :"));
    assert_eq!(found.ok().line(), "lib64\ntwo\nz\nt\nf\nadded\nedited");
    machine.sh("/etc/init.d/vlink status").ok().says("vlink is running");
}
