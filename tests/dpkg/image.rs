//! Golden images: installed without a start, sealed, cloned.
use super::*;

const MACHINE_ID: &str = "/etc/machine-id";

/// The identity that a boot of this root shows.
fn identity_at_boot(scratch: &Scratch) -> String {
    let machine = scratch.boot();
    let identity = everything_runs(&machine, ROOT)["core_id"].as_str().unwrap().to_owned();
    machine.stop();
    identity
}

#[test]
fn an_image_makes_its_identity_at_its_first_boot_and_keeps_it() {
    let scratch = Scratch::debian();
    let deb = put(&scratch, &Product::sample("1.0.0"));
    scratch.write("/etc/intigua/install.conf", "IMAGE=1\n");
    let machine = scratch.boot();
    install(&machine, &deb).ok();
    let said = result(&machine);
    assert_eq!(said["image"], true);
    assert!(said["message"].as_str().unwrap().contains("not started: image mode"), "{said}");
    nothing_runs(&machine);
    assert_eq!(configured(&machine, "vlinkCoreId"), None);
    assert_eq!(machine.sh("systemctl is-enabled vlink").ok().line(), "enabled");
    machine.stop();
    let first = identity_at_boot(&scratch);
    assert_eq!(identity_at_boot(&scratch), first);

    // A clone that was never sealed: the machine's own id differs.
    scratch.write(MACHINE_ID, "fedcba9876543210fedcba9876543210\n");
    let clone = identity_at_boot(&scratch);
    assert_ne!(clone, first);
    assert_eq!(identity_at_boot(&scratch), clone);
}

#[test]
fn a_sealed_machine_holds_nothing_that_its_clones_could_share() {
    let scratch = Scratch::debian();
    let deb = put(&scratch, &Product::sample("1.0.0"));
    let machine = scratch.boot();
    install(&machine, &deb).ok();
    let identity = everything_runs(&machine, ROOT)["core_id"].as_str().unwrap().to_owned();
    machine.sh(&format!("{ROOT}/bin/linkctl seal")).ok().says("vlinkCoreId").says("sealed:");
    nothing_runs(&machine);
    machine.cmd("grep").args(["-rF", &identity, ROOT, "/var/log/intigua", "/var/lib/intigua", "/etc/intigua"]).run().exits(1);
    assert_eq!(machine.sh(&format!("ls -A {ROOT}/components /var/log/intigua")).ok().stdout.matches("csclient.cfg").count(), 1);
    assert_eq!(
        machine.sh("ls -A /var/log/intigua").ok().line(),
        "install.json",
        "how the installation went is no secret of the machine"
    );
    machine.stop();
    assert_ne!(identity_at_boot(&scratch), identity, "the same machine id, and yet another identity");
}
