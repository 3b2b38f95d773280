//! What %pre finds wrong: rpm fails, nothing is changed, and install.json tells all of it.
use crate::common::{built, Place, Product, Scratch};
use crate::sample::{endpoint, unchanged, Endpoint, Sample, ANSWERS, NAME, ROOT};

const ONE: &str = "1.0.0";

/// The ids of the checks that failed, in order; all are listed.
fn failed(place: &impl Place) -> Vec<String> {
    let result = place.result();
    assert_eq!(result["outcome"], "refused", "{result:#}");
    let checks = result["checks"].as_array().expect("checks").clone();
    assert!(checks.len() >= 9, "{result:#}");
    let failed = checks.iter().filter(|check| check["ok"] == false);
    failed
        .map(|check| {
            assert!(!check["remedy"].as_str().unwrap_or_default().is_empty(), "{check:#}");
            check["id"].as_str().expect("an id").to_owned()
        })
        .collect()
}

/// The installation is refused for these reasons with this code and leaves nothing but its report.
#[track_caller]
fn refused(scratch: &Scratch, options: &str, code: i64, reasons: &[&str]) {
    let before = scratch.files();
    scratch.rpm(&format!("-i {options}"), ONE).fails().says("error: ");
    assert_eq!(failed(scratch), reasons, "{:#}", scratch.result());
    assert_eq!(scratch.result()["exit_code"], code);
    scratch.sh(&format!("rpm -q {NAME}")).fails();
    let after: Vec<String> = scratch.files().into_iter().filter(|line| !line.contains(" /var/log/intigua")).collect();
    unchanged(&before, &after);
    scratch.sh("rm -r /var/log/intigua").ok();
}

#[test]
fn a_tmp_that_cannot_be_written_is_refused() {
    let scratch = endpoint(&[Sample::new(ONE)]);
    scratch.read_only("/tmp");
    refused(&scratch, "", 11, &["temp"]);
}

#[test]
fn a_read_only_parent_of_the_root_is_refused() {
    let scratch = endpoint(&[Sample::new(ONE)]);
    scratch.read_only("/usr/local");
    refused(&scratch, "", 12, &["root"]);
    scratch.unmount("/usr/local");
    scratch.rpm("-i", ONE).ok();
}

#[test]
fn a_full_disk_is_refused() {
    let scratch = endpoint(&[Sample::new(ONE)]);
    scratch.tmpfs("/opt/small", "size=512k,mode=755");
    let before = scratch.files();
    scratch.rpm("-i --prefix /opt/small/intigua", ONE).fails().says("more space on the /opt/small filesystem");
    unchanged(&before, &scratch.files());
    // rpm's own sum comes first, unless it is told not to look.
    refused(&scratch, "--ignoresize --prefix /opt/small/intigua", 14, &["space"]);
    scratch.sh("cat /dev/zero >/opt/small/filler 2>/dev/null; true").ok();
    refused(&scratch, "--ignoresize --prefix /opt/small/intigua", 12, &["root", "space"]);
}

/// Its root is as full as a stranger's, and only the .run knows how to go on.
#[test]
fn what_a_killed_first_run_left_is_refused() {
    let scratch = endpoint(&[Sample::new(ONE)]);
    scratch.copy_in(&Product::sample(ONE).build("run"), "/packages/one.run");
    let until = format!("until [ -e {ROOT}/versions ]; do :; done");
    scratch.sh(&format!("setsid sh /packages/one.run >/dev/null 2>&1 & {until}; kill -KILL -$!; wait; :")).ok();
    scratch.sh("test -f /var/lib/intigua/journal && test ! -e /var/lib/intigua/state").ok();
    scratch.rpm("-i", ONE).fails().says("a .run was killed there: run it again");
    assert!(failed(&scratch).iter().all(|id| id == "other"), "{:#}", scratch.result());
    assert_eq!(scratch.result()["exit_code"], 17);
    scratch.sh("sh /packages/one.run --uninstall").ok();
    scratch.rpm("-i", ONE).ok();
}

#[test]
fn a_parent_that_others_may_write_is_refused() {
    let scratch = endpoint(&[Sample::new(ONE)]);
    scratch.sh("mkdir -m 777 /opt/open && mkdir /opt/open/inner").ok();
    refused(&scratch, "--prefix /opt/open/inner/jp", 12, &["root"]);
}

#[test]
fn a_missing_runtime_directory_is_refused() {
    let scratch = endpoint(&[Sample::new(ONE)]);
    scratch.sh("rm /var/run").ok();
    refused(&scratch, "", 13, &["runtime"]);
}

#[test]
fn all_reasons_are_told_together() {
    let scratch = endpoint(&[Sample::new(ONE)]);
    scratch.read_only("/tmp");
    scratch.sh("rm /var/run; mkdir -m 777 /opt/open").ok();
    scratch.write(ANSWERS, "RUN_AS=nobody-there\n");
    refused(&scratch, "--prefix /opt/open/jp", 11, &["account", "temp", "root", "runtime"]);
}

#[test]
fn an_installation_from_another_channel_is_refused() {
    let scratch = endpoint(&[Sample::new(ONE)]);
    scratch.write(
        "/var/lib/intigua/state",
        "product=other-agent\nversion=0.9\nchannel=run\nroot=/opt/jp\nrun_as=root\nimage=0\nlink=\nmade=\nconfig_sum=1\n",
    );
    scratch.sh("mkdir -p /opt/jp/vAgentManager").ok();
    refused(&scratch, "", 17, &["other", "other"]);
    scratch.sh("rm -r /var/lib/intigua").ok();
    // One that the vendor's own installer made.
    scratch.write("/etc/intigua/location.conf", "/opt/old\n");
    scratch.sh("mkdir -p /opt/old/vAgentManager").ok();
    refused(&scratch, "", 17, &["other"]);
}

#[test]
fn a_bad_answer_file_is_refused_with_its_line() {
    let scratch = endpoint(&[Sample::new(ONE)]);
    scratch.write(ANSWERS, "SERVER_URL=https://x\nSERVER_ULR=https://y\n");
    scratch.rpm("-i", ONE).fails().says("line 2").says("SERVER_ULR");
    scratch.reports("refused", 2);
    scratch.sh(&format!("chmod 666 {ANSWERS}")).ok();
    scratch.rpm("-i", ONE).fails().says("not root's alone");
    assert!(!scratch.exists(ROOT) && !scratch.exists("/var/lib/intigua"));
}

#[test]
fn a_refusal_does_not_keep_other_packages_out() {
    let scratch = endpoint(&[Sample::new(ONE)]);
    let spec =
        "Name: other\nVersion: 1\nRelease: 1\nSummary: another package\nLicense: none\nBuildArch: noarch\n%description\n%files\n";
    scratch.copy_in(&built("other", spec), "/srv/packages/other.rpm");
    scratch.read_only("/tmp");
    scratch.sh("rpm -i /srv/packages/*.rpm").fails().says("%pre");
    assert_eq!(scratch.sh("rpm -q other").ok().line(), "other-1-1.noarch");
    scratch.sh(&format!("rpm -q {NAME}")).fails();
    scratch.reports("refused", 11);
}
