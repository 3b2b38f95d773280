//! Known vulnerabilities from what a kit carries, and what the vendor says to them.
use crate::common::{cmd, Output};
use crate::material::{copy, damage, linkpack, make};
use serde_json::{json, Value};
use std::fs;
use std::path::Path;

const PRODUCT: &str = "pkg:generic/agent@1.0";

fn component(purl: &str) -> Value {
    json!({ "type": "library", "name": purl, "version": "1", "purl": purl })
}

fn advisory(id: &str, ecosystem: &str, name: &str, fixed: &str) -> Value {
    let kind = if ecosystem == "npm" { "SEMVER" } else { "ECOSYSTEM" };
    json!({ "id": id, "aliases": [format!("CVE-{id}")], "summary": "a fault", "database_specific": { "severity": "HIGH" },
        "affected": [{ "package": { "ecosystem": ecosystem, "name": name },
            "ranges": [{ "type": kind, "events": [{ "introduced": "0" }, { "fixed": fixed }] }] }] })
}

fn cve(folder: &Path, arguments: &str) -> Output {
    linkpack().args(["kit", "cve"]).args(arguments.split(' ')).dir(folder).run()
}

#[test]
fn a_kit_shows_what_is_known_of_its_components_and_what_the_vendor_clears() {
    let folder = copy();
    let at = folder.path();
    cve(at, "kit").exits(1).says("carries no advisories");
    fs::write(at.join("one.json"), advisory("A", "npm", "lodash", "1").to_string()).unwrap();
    cve(at, "kit --osv one.json").exits(1).says("none of the components of kit can be looked up");
    make(at, "dist-1.0.0 -o none --osv one.json").run().ok().says("none of its components can be looked up");
    let bill = json!({ "bomFormat": "CycloneDX", "metadata": { "component": { "name": "agent", "version": "1.0", "purl": PRODUCT } },
        "components": [
            { "type": "application", "name": "outer", "version": "3", "components": [component("pkg:deb/debian/openssl@3.0.11-1~deb12u1")] },
            component("pkg:rpm/redhat/zlib@1.2.11-40.el9?epoch=1"), component("pkg:npm/lodash@4.17.20"), component("pkg:pypi/Jinja2@3.1.2"),
        ] });
    fs::write(at.join("dist-1.0.0/vendor.cdx.json"), bill.to_string()).unwrap();
    let advisories = [
        advisory("A", "Debian:12", "openssl", "3.0.11-1~deb12u2"),
        advisory("B", "Red Hat:enterprise_linux:9", "zlib", "1:1.2.11-41.el9"),
        advisory("C", "npm", "lodash", "4.17.21"),
        advisory("D", "PyPI", "jinja2", "3.1.2"),
        advisory("E", "Debian:12", "zlib", "9"),
    ];
    fs::create_dir_all(at.join("osv/2026")).unwrap();
    fs::write(at.join("osv/2026/one.json"), advisories[0].to_string()).unwrap();
    fs::write(at.join("osv/more.json"), json!({ "vulns": advisories[1..] }).to_string()).unwrap();
    let vex = json!({ "@context": "https://openvex.dev/ns/v0.2.0", "statements": [
        { "vulnerability": { "name": "CVE-C" }, "status": "not_affected", "justification": "vulnerable_code_not_present",
          "products": [{ "@id": PRODUCT, "subcomponents": [{ "@id": "pkg:npm/lodash" }] }] },
        { "vulnerability": { "name": "CVE-B" }, "status": "under_investigation", "products": [{ "@id": PRODUCT }] } ] });
    fs::write(at.join("vex.json"), vex.to_string()).unwrap();
    make(at, "dist-1.0.0 -o kit --osv osv --vex vex.json").run().ok();
    cmd("sh").args(["kit/verify.sh"]).dir(at).run().ok();
    let said = cve(at, "kit --json").exits(3);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    let findings: Vec<(&str, &str, &str)> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["id"].as_str().unwrap(), one["status"].as_str().unwrap(), one["fixed"][0].as_str().unwrap()))
        .collect();
    let expected = [
        ("A", "affected", "3.0.11-1~deb12u2"),
        ("B", "under_investigation", "1:1.2.11-41.el9"),
        ("C", "not_affected", "4.17.21"),
    ];
    assert_eq!(findings, expected);
    assert_eq!((&report["open"], &report["advisories"]), (&json!(2), &json!(5)));
    // The sample's own parts have no package URL: that is said, not passed over.
    assert!(report["not_looked_up"].to_string().contains("pulse 1.0.0"), "{report}");
    cve(at, "kit")
        .exits(3)
        .says("not affected: C CVE-C: pkg:npm/lodash@4.17.20")
        .says("vulnerable_code_not_present")
        .says("3 known, 2 of them open");
    // What the site has heard since counts, too.
    let all = json!({ "document": { "csaf_version": "2.0" },
        "product_tree": { "full_product_names": [{ "product_id": "P", "product_identification_helper": { "purl": PRODUCT } }] },
        "vulnerabilities": [
            { "cve": "CVE-A", "product_status": { "known_not_affected": ["P"] } },
            { "cve": "CVE-B", "product_status": { "known_not_affected": ["P"] } }] });
    fs::write(at.join("all.json"), all.to_string()).unwrap();
    // Of two statements about one thing the worse one counts.
    cve(at, "kit --vex all.json").exits(3).says("not affected: A CVE-A").says("under investigation: B");
    make(at, "dist-1.0.0 --into kit --vex all.json --osv osv/2026/one.json").run().ok();
    cve(at, "kit").exits(0).says("1 known, 0 of them open");
    make(at, "dist-1.1.0 --into kit").run().ok();
    cve(at, "kit").exits(0).says("1 known, 0 of them open");
    damage(&at.join("kit/vulnerabilities/osv/one.jsonl"));
    cve(at, "kit").exits(1).says("is not what SHA256SUMS says");
}

/// As distributions write them: by the source package, about several vulnerabilities, with names for releases.
#[test]
fn distributions_advisories_are_matched_by_the_source_package_and_cleared_one_vulnerability_at_a_time() {
    let folder = copy();
    let at = folder.path();
    let bill = json!({ "bomFormat": "CycloneDX", "metadata": { "component": { "name": "agent", "version": "1.0", "purl": PRODUCT } },
        "components": [
            component("pkg:deb/debian/libpq5@15.3-0%2Bdeb12u1?arch=amd64&upstream=postgresql-15"),
            component("pkg:rpm/rocky-linux/libuuid@2.37.4-18.el9?arch=x86_64&upstream=util-linux-2.37.4-18.el9.src.rpm"),
        ] });
    fs::write(at.join("dist-1.0.0/vendor.cdx.json"), bill.to_string()).unwrap();
    let of = |ecosystem: &str, name: &str, fixed: &str| {
        json!({ "package": { "ecosystem": ecosystem, "name": name, "purl": format!("pkg:deb/debian/{name}?arch=source&distro=bookworm") },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": fixed }] }] })
    };
    let advisories = [
        json!({ "id": "DSA-1", "upstream": ["CVE-1", "CVE-2"], "affected":
            [of("Debian:12", "postgresql-15", "15.5-0+deb12u1"), of("Debian:13", "postgresql-15", "16.1-1")] }),
        json!({ "id": "RLSA-1", "upstream": ["CVE-3"], "affected": [of("Rocky Linux:9", "util-linux", "0:2.37.4-21.el9")] }),
    ];
    fs::write(at.join("osv.json"), json!({ "vulns": advisories }).to_string()).unwrap();
    make(at, "dist-1.0.0 -o kit --osv osv.json").run().ok();
    cve(at, "kit")
        .exits(3)
        .says("affected: DSA-1 CVE-1 CVE-2: pkg:deb/debian/libpq5@15.3-0%2Bdeb12u1?arch=amd64&upstream=postgresql-15; Debian:12; mended in 15.5-0+deb12u1\n")
        .says("affected: RLSA-1 CVE-3: pkg:rpm/rocky-linux/libuuid@");
    let cleared = |ids: &[&str]| {
        let statements: Vec<Value> = ids
            .iter()
            .map(|id| json!({ "vulnerability": { "name": id }, "status": "not_affected", "products": [{ "@id": "pkg:deb/debian/postgresql-15" }] }))
            .collect();
        let document = json!({ "@context": "https://openvex.dev/ns/v0.2.0", "statements": statements });
        fs::write(at.join("vex.json"), document.to_string()).unwrap();
    };
    cleared(&["CVE-1"]);
    cve(at, "kit --vex vex.json").exits(3).says("affected: DSA-1");
    cleared(&["CVE-1", "CVE-2"]);
    cve(at, "kit --vex vex.json").exits(3).says("not affected: DSA-1").says("2 known, 1 of them open");
}

#[test]
fn advisories_that_cannot_be_read_are_refused_before_anything_is_made() {
    let folder = copy();
    let at = folder.path();
    for (name, text, said) in [
        ("a.json", "{", "is no JSON"),
        ("b.jsonl", "{\"id\": \"X\"}\nnonsense\n", "b.jsonl, line 2"),
        ("c.json", "{\"no\": \"id\"}", "not in OSV form"),
        ("d.json", "[]", "holds no advisories"),
        ("e.zip", "", "unpack an archive first"),
    ] {
        fs::write(at.join(name), text).unwrap();
        make(at, &format!("dist-1.0.0 -o new --osv {name}")).run().exits(1).says(said);
    }
    fs::create_dir_all(at.join("empty/below")).unwrap();
    cve(at, "kit --osv empty").exits(1).says("empty holds no advisories");
    // Nobody writes into it: to wait for that would be for ever.
    cmd("mkfifo").args(["empty/below/pipe.json", "pipe.jsonl"]).dir(at).run().ok();
    for options in ["--osv empty", "--osv pipe.jsonl", "--vex empty"] {
        cve(at, &format!("kit {options}")).exits(1).says("is a FIFO, and no regular file");
    }
    make(at, "dist-1.0.0 -o new --vex c.json").run().exits(1).says("neither CSAF 2.0 nor OpenVEX");
    make(at, "dist-1.0.0 -o new --osv none.json").run().exits(1).says("cannot read none.json");
    assert!(!at.join("new").exists());
}
