//! Two products whose names differ, side by side on one machine.
use crate::common::Place;
use crate::sample::{endpoint, offer_as, unchanged, Endpoint, Sample, NAME, ROOT, SHELF};

const OTHER: &str = "acme-sample";
const OTHER_ROOT: &str = "/usr/local/acme";
const NAMES: &str = "[names]\nservice = \"acme-link\"\nvendor = \"acme\"\n\n[connector]\n";

#[test]
fn two_products_of_different_names_live_side_by_side() {
    let scratch = endpoint(&[Sample::new("1.0.0")]);
    for version in ["1.0.0", "1.1.0"] {
        let other = Sample::new(version).edit("name = \"intigua-sample\"", "name = \"acme-sample\"").edit("[connector]\n", NAMES);
        let package = other.build().with_file_name(format!("{OTHER}-{version}-1.x86_64.rpm"));
        offer_as(&scratch, &package, &format!("other-{version}.rpm"));
    }
    let machine = scratch.boot();
    let before = machine.files();
    let process = |service: &str| machine.sh(&format!("systemctl show -P MainPID {service}")).ok().line().to_owned();

    machine.sh(&format!("rpm -i {SHELF}/1.0.0.rpm {SHELF}/other-1.0.0.rpm")).ok();
    machine.is_whole("1.0.0", ROOT);
    assert_eq!(machine.sh("systemctl is-active vlink acme-link").ok().stdout, "active\nactive\n");
    assert_ne!(machine.identity(ROOT), machine.identity(OTHER_ROOT));
    let ours = process("vlink");
    machine.sh(&format!("rpm -U {SHELF}/other-1.1.0.rpm && {OTHER_ROOT}/bin/linkctl check && {ROOT}/bin/linkctl check")).ok();
    assert_eq!(process("vlink"), ours);

    // The removal of one leaves the other's files and process alone.
    let its = process("acme-link");
    machine.purge(ROOT).ok();
    assert_eq!(process("acme-link"), its);
    machine.sh(&format!("rpm -V {OTHER} && {OTHER_ROOT}/bin/linkctl check && test -s /var/log/acme/acme-link.log")).ok();
    assert!(!machine.exists(ROOT) && !machine.exists("/var/log/intigua"), "{NAME} is gone");
    machine.sh(&format!("{OTHER_ROOT}/bin/linkctl purge && rpm -e {OTHER}")).ok();
    unchanged(&before, &machine.files());
}
