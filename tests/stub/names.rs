//! Two products whose names differ, on a machine with an init script for each.

use super::*;
use contract::names::Names;

const OTHER: &str = "/usr/local/acme";

/// The usual payload of a product that goes by these names.
fn acme(version: &str, service: &str, vendor: &str) -> Vec<u8> {
    let mut facts = product::facts(version);
    for (key, value) in [
        ("service", service),
        ("vendor", vendor),
        ("connector-folder", "Connector"),
        ("containers-folder", "Agents"),
        ("start-link", "5"),
    ] {
        assert!(facts.names.set(key, value), "{key}");
    }
    let own = |path: &str| path.replace("vAgentManager", "Connector").replace("Intigua-Libs", "Agents");
    (facts.product, facts.package) = ("acme-link".into(), "acme-link".into());
    facts.packaged_root = facts.names.place("root");
    facts.folders = facts.folders.iter().map(|path| own(path)).collect();
    facts.seal_paths = facts.seal_paths.iter().map(|path| own(path)).collect();
    let mut items = product::items(&facts, GOOD);
    for item in &mut items {
        item.path = own(&String::from_utf8_lossy(&item.path)).into_bytes();
    }
    product::assemble(&facts, &items)
}

#[test]
fn products_of_different_names_come_and_go_without_each_other() {
    let machine = Sandbox::new();
    let before = machine.listing();
    machine.put("/tmp/ours.run", &product::run("1.0", GOOD));
    machine.put("/tmp/one.run", &acme("1.0", "acme", "acme"));
    machine.put("/tmp/two.run", &acme("2.0", "acme", "acme"));
    machine.put("/tmp/renamed.run", &acme("3.0", "acme-two", "acme-two"));
    machine.put("/tmp/half.run", &acme("3.0", "acme-two", "acme"));
    machine.sh("sh /tmp/ours.run").expect(0);
    machine.sh("sh /tmp/one.run --quiet CORE_ID=of-acme").expect(0);
    let both = "/etc/init.d/vlink status && /etc/init.d/acme status";
    machine.sh(both).expect(0);
    // Where a tool orders the links that stop services, its number counts.
    assert_eq!(machine.ask("readlink -f /etc/rc3.d/S05acme; ls /etc/rc6.d | grep -c acme"), "/etc/init.d/acme\n1");
    let names = machine.ask(&format!("cat {OTHER}/bin/names"));
    assert_eq!(Names::read(&names).get("vendor"), "acme", "{names}");

    machine.sh("sh /tmp/two.run").expect(0);
    machine.sh(both).expect(0);
    assert_eq!(
        machine.ask(&format!("{OTHER}/bin/linkctl --version; {ROOT}/bin/linkctl --version")),
        "acme-link 2.0\nintigua-link 1.0"
    );
    for renamed in ["renamed", "half"] {
        let done = machine.sh(&format!("sh /tmp/{renamed}.run")).expect(17);
        assert!(done.err.contains("under other names"), "{}", done.err);
    }
    machine.sh(both).expect(0);

    // What a plain removal keeps is the product's own, and no product of other names takes it up.
    machine.sh("sh /tmp/two.run --uninstall").expect(0);
    machine.sh("/etc/init.d/vlink status").expect(0);
    machine.sh("sh /tmp/renamed.run").expect(17);
    machine.sh("sh /tmp/one.run").expect(0);
    assert!(machine.ask(&format!("grep CoreId {OTHER}/components/csclient.cfg")).contains("of-acme"));
    machine.sh("sh /tmp/ours.run --uninstall --purge").expect(0);
    machine.sh("/etc/init.d/acme status").expect(0);
    machine.sh(&format!("{OTHER}/bin/linkctl uninstall && sh /var/lib/acme/purge && rm -rf /var/log/acme-two")).expect(0);
    assert_eq!(machine.listing(), before);
}
