//! What the checks refuse: dpkg fails before anything is changed.
use super::*;

/// The install fails with this code and these failing checks, and nothing but the log folder's answer is new.
#[track_caller]
fn refused(place: &impl Place, deb: &str, code: i64, failing: &[&str]) {
    place.sh("rm -rf /var/log/intigua").ok();
    let before = listing(place);
    install(place, deb).fails();
    let said = result(place);
    assert_eq!((&said["outcome"], &said["exit_code"]), (&"refused".into(), &code.into()), "{said}");
    let checks = said["checks"].as_array().expect("checks");
    let failed: Vec<_> = checks.iter().filter(|c| c["ok"] == false).collect();
    assert_eq!(failed.iter().map(|c| c["id"].as_str().unwrap()).collect::<Vec<_>>(), failing, "{said}");
    assert!(failed.iter().all(|c| c["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty())), "{said}");
    place.sh("rm -rf /var/log/intigua").ok();
    same(&before, &listing(place));
    assert_eq!(place.sh(&format!("dpkg -l {NAME} 2>/dev/null | grep '^i[^n]'")).stdout, "");
}

fn chroot() -> (Scratch, String) {
    let scratch = Scratch::debian();
    let deb = put(&scratch, &Product::sample("1.0.0"));
    (scratch, deb)
}

#[test]
fn a_noexec_tmp() {
    let (scratch, deb) = chroot();
    // Nothing of ours runs there: that is noted, and no reason to refuse.
    scratch.tmpfs("/tmp", "noexec,mode=1777");
    install(&scratch, &deb).ok();
}

#[test]
fn a_read_only_root_and_all_else_that_is_wrong_at_once() {
    let (scratch, deb) = chroot();
    scratch.sh("rm /var/run").ok();
    scratch.read_only("/tmp");
    scratch.read_only("/usr/local");
    scratch.write("/etc/intigua/install.conf", "RUN_AS=nobody-here\n");
    refused(&scratch, &deb, 11, &["account", "temp", "root", "runtime"]);
}

#[test]
fn a_read_only_parent_of_the_root() {
    let (scratch, deb) = chroot();
    scratch.read_only("/usr/local");
    refused(&scratch, &deb, 12, &["root"]);
}

#[test]
fn a_full_disk() {
    let (scratch, deb) = chroot();
    scratch.tmpfs("/opt/small", "size=400k,mode=755");
    scratch.write("/etc/intigua/install.conf", "INSTALL_ROOT=/opt/small/intigua\n");
    refused(&scratch, &deb, 14, &["space"]);
    scratch.sh("head -c 1M /dev/zero >/opt/small/full || :").ok();
    refused(&scratch, &deb, 12, &["root", "space"]);
}

#[test]
fn a_missing_runtime_directory() {
    let (scratch, deb) = chroot();
    scratch.sh("rm /var/run").ok();
    refused(&scratch, &deb, 13, &["runtime"]);
}

#[test]
fn a_parent_that_others_may_write_or_a_link_that_others_made() {
    let (scratch, deb) = chroot();
    scratch.sh("mkdir -m 777 /opt/open; mkdir /opt/fine; ln -s /opt/fine /opt/link; chown -h daemon /opt/link").ok();
    for parent in ["/opt/open", "/opt/link", "/tmp"] {
        scratch.write("/etc/intigua/install.conf", format!("INSTALL_ROOT={parent}/intigua\n"));
        refused(&scratch, &deb, 12, &["root"]);
    }
}

#[test]
fn another_channels_installation() {
    let (scratch, deb) = chroot();
    scratch.write(
        "/var/lib/intigua/state",
        "product=other-agent\nversion=0.9\nchannel=run\nroot=/opt/intigua\nrun_as=root\nimage=0\nlink=\nmade=\nconfig_sum=1\n",
    );
    scratch.sh("mkdir -p /opt/intigua/vAgentManager").ok();
    refused(&scratch, &deb, 17, &["other"]);
    let remedy = install(&scratch, &deb).fails();
    remedy.says("remove it first: /opt/intigua/bin/linkctl uninstall");
}

#[test]
fn files_of_someone_else_in_the_root() {
    let (scratch, deb) = chroot();
    scratch.write("/usr/local/intigua/vAgentManager/theirs", "");
    refused(&scratch, &deb, 17, &["other"]);
}

/// Its root is as full as a stranger's, and only the .run knows how to go on.
#[test]
fn what_a_killed_first_run_left() {
    let scratch = Scratch::debian();
    let product = Product::sample("1.0.0");
    let (deb, run) = (put(&scratch, &product), put_file(&scratch, &product.build("run")));
    let until = format!("until [ -e {ROOT}/versions ]; do :; done");
    scratch.sh(&format!("setsid sh {run} >/dev/null 2>&1 & {until}; kill -KILL -$!; wait; :")).ok();
    scratch.sh("test -f /var/lib/intigua/journal && test ! -e /var/lib/intigua/state").ok();
    install(&scratch, &deb).fails().says("a .run was killed there: run it again");
    assert_eq!(outcome(&scratch), is("refused", 17, "1.0.0"));
    scratch.sh(&format!("sh {run}")).ok();
    assert_eq!(outcome(&scratch), is("installed", 0, "1.0.0"));
    scratch.sh(&format!("{ROOT}/bin/linkctl uninstall --purge")).ok();
    install(&scratch, &deb).ok();
}

#[test]
fn an_answer_file_that_is_not_roots_or_has_unknown_lines() {
    let (scratch, deb) = chroot();
    scratch.write("/etc/intigua/install.conf", "INSTAL_ROOT=/opt/hunter2\n");
    refused(&scratch, &deb, 2, &[]);
    // The rest of the line is not shown: it may be a secret.
    let said = install(&scratch, &deb).fails().never_says("hunter2");
    said.says("the answer file has a line that is no setting: INSTAL_ROOT");
    scratch.sh("echo INSTALL_ROOT=/opt/x >/etc/intigua/install.conf; chown daemon /etc/intigua/install.conf").ok();
    refused(&scratch, &deb, 2, &[]);
}

#[test]
fn another_installation_that_is_under_way() {
    let (scratch, deb) = chroot();
    scratch.sh("mkdir -p /var/lib/intigua; (exec 9>>/var/lib/intigua/lock; flock 9; sleep 8) & sleep 0.5").ok();
    refused(&scratch, &deb, 16, &["busy"]);
}
