//! The DEB as dpkg and apt play it: on a booted systemd, on a machine with SysV init, in a chroot.
mod common;

#[path = "dpkg/image.rs"]
mod image;
#[path = "dpkg/install.rs"]
mod install;
#[path = "dpkg/leave.rs"]
mod leave;
#[path = "dpkg/names.rs"]
mod names;
#[path = "dpkg/refuse.rs"]
mod refuse;
#[path = "dpkg/replace.rs"]
mod replace;
#[path = "dpkg/root.rs"]
mod root;
#[path = "dpkg/upgrade.rs"]
mod upgrade;

use common::*;
use serde_json::Value;
use std::time::{Duration, Instant};

const NAME: &str = "intigua-sample";
const ROOT: &str = "/usr/local/intigua";
const CONFIG: &str = "/usr/local/intigua/components/csclient.cfg";

/// Puts the DEB of a product into a place, and says where.
fn put(place: &impl Place, product: &Product) -> String {
    put_file(place, &product.build("deb"))
}

fn put_file(place: &impl Place, package: &std::path::Path) -> String {
    let path = format!("/packages/{}", package.file_name().unwrap().to_string_lossy());
    place.copy_in(package, &path);
    path
}

/// `dpkg -i`, which asks nothing.
fn install(place: &impl Place, package: &str) -> Output {
    place.cmd("dpkg").args(["--force-confold", "-i", package]).run()
}

/// install.json.
#[track_caller]
fn result(place: &impl Place) -> Value {
    let text = place.read("/var/log/intigua/install.json");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("install.json: {error}:\n{text}"))
}

/// Outcome, exit code and version of install.json.
#[track_caller]
fn outcome(place: &impl Place) -> (String, i64, String) {
    let result = result(place);
    let text = |key: &str| result[key].as_str().unwrap_or_else(|| panic!("{key} in {result}")).to_owned();
    (text("outcome"), result["exit_code"].as_i64().expect("a number"), text("version"))
}

fn is(outcome: &str, code: i64, version: &str) -> (String, i64, String) {
    (outcome.into(), code, version.into())
}

/// Waits until linkctl reports the connector and both containers as running, and returns the report.
#[track_caller]
fn everything_runs(place: &impl Place, root: &str) -> Value {
    let start = Instant::now();
    loop {
        let status = place.cmd(&format!("{root}/bin/linkctl")).args(["status", "--json"]).run();
        let report: Value = serde_json::from_str(&status.stdout).unwrap_or(Value::Null);
        let containers = report["containers"].as_array().cloned().unwrap_or_default();
        let running = containers.iter().filter(|c| c["state"] == "running").count();
        if status.code == Some(0) && running == 2 && report["core_id"].as_str().is_some_and(|id| !id.is_empty()) {
            return report;
        }
        let log = || place.sh("tail -n 30 /var/log/intigua/*.log").stdout;
        assert!(start.elapsed() < Duration::from_secs(120), "not all runs: {status}\n{}", log());
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The value of a key of csclient.cfg.
fn configured(place: &impl Place, key: &str) -> Option<String> {
    let text = place.read(CONFIG);
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{key}: ")))?;
    Some(line.trim_matches('"').to_owned())
}

/// What lies in the root, apart from what package managers and the system itself write down.
fn listing(place: &impl Place) -> Vec<String> {
    const OTHERS: [&str; 9] = [
        "/sys",
        "/packages",
        "/var/lib/dpkg",
        "/var/cache/debconf",
        "/var/log/dpkg.log",
        "/var/log/apt",
        "/var/cache/apt",
        "/var/lib/apt",
        "/var/log/journal",
    ];
    let mut lines = place.tree("/");
    lines.retain(|line| !OTHERS.iter().any(|other| line.contains(&format!(" {other}"))));
    lines
}

/// Compares two listings, and fails with what differs.
#[track_caller]
fn same(before: &[String], after: &[String]) {
    let gone: Vec<_> = before.iter().filter(|line| !after.contains(line)).collect();
    let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert!(gone.is_empty() && new.is_empty(), "gone: {gone:#?}\nnew: {new:#?}");
}

#[test]
fn lintian_finds_no_fault() {
    need("lintian", "lintian");
    let product = Product::sample("1.0.0");
    for package in [product.build("deb"), product.build_site("deb")] {
        let options = ["--fail-on=error,warning", "--allow-root", "--info"];
        let said = cmd("lintian").args(options).arg(package).run().ok();
        assert_eq!(said.stdout, "", "neither a fault nor an override that is not needed");
    }
}

/// No process of the product is left: connector, its guard or a container.
#[track_caller]
fn nothing_runs(place: &impl Place) {
    let found = place.cmd("pgrep").args(["-af", "vAgentManager|Intigua-Libs"]).run();
    assert_eq!((found.code, found.stdout.as_str()), (Some(1), ""), "processes are left");
}
