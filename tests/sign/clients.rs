//! Signed packages where clients enforce signatures: dpkg with debsig-verify, apt from a signed repository, dnf with gpgcheck.
use crate::bench::*;
use crate::common::{cmd, fixture, need, shell_package, Place, Scratch};
use std::fs;
use std::path::PathBuf;

const NAME: &str = "intigua-sample";

/// debsig-verify and what it needs that a minimal Debian lacks.
const DEBSIG: [&str; 9] =
    ["debsig-verify", "libexpat1", "libmd0", "gpg", "gpgconf", "libassuan0", "libreadline8", "readline-common", "libsqlite3-0"];

fn debsig_debs() -> PathBuf {
    fixture("debsig-debs", &format!("{DEBSIG:?}"), |folder| {
        cmd("apt-get").args(["-q", "download"]).args(DEBSIG).dir(folder).run().ok();
    })
}

/// A machine whose dpkg installs what rsa.asc signed, and nothing else.
fn strict_dpkg(bench: &Bench) -> Scratch {
    let scratch = Scratch::debian();
    for deb in fs::read_dir(debsig_debs()).expect("packages").flatten() {
        scratch.copy_in(&deb.path(), &format!("/debs/{}", deb.file_name().to_string_lossy()));
    }
    scratch.sh("dpkg -i /debs/*.deb && rm -r /debs && sed -i /^no-debsig/d /etc/dpkg/dpkg.cfg").ok();
    bench.sh(crate::POLICY).run().ok();
    for (from, to) in [("policies", "/etc/debsig/policies"), ("keyrings", "/usr/share/debsig/keyrings")] {
        for key in fs::read_dir(bench.path(from)).expect("keys").flatten() {
            for file in fs::read_dir(key.path()).expect("files").flatten() {
                let (key, name) = (key.file_name(), file.file_name());
                scratch.copy_in(&file.path(), &format!("{to}/{}/{}", key.to_string_lossy(), name.to_string_lossy()));
            }
        }
    }
    scratch
}

#[test]
fn dpkg_that_asks_debsig_verify_installs_the_signed_deb_alone() {
    let bench = &bench();
    let scratch = strict_dpkg(bench);
    let folder = copy(bench);
    let deb = package(folder.path(), "deb");
    scratch.copy_in(&deb, "/packages/unsigned.deb");
    sign(bench, &deb, "--openpgp-key ed.sec --password-file password").run().ok();
    scratch.copy_in(&deb, "/packages/stranger.deb");
    sign(bench, &deb, "--openpgp-key rsa.sec").run().ok();
    scratch.copy_in(&deb, "/packages/signed.deb");
    let mut bytes = fs::read(&deb).expect("read");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    scratch.write("/packages/changed.deb", bytes);
    for wrong in ["unsigned", "stranger", "changed"] {
        scratch.sh(&format!("dpkg -i /packages/{wrong}.deb")).fails().says("debsig");
        assert!(!scratch.exists("/var/lib/dpkg/info/intigua-sample.list"), "{wrong}");
    }
    scratch.sh("dpkg -i /packages/signed.deb").ok().says("Authenticating").says("passed");
    scratch.sh(&format!("dpkg -s {NAME}")).ok().says("Status: install ok installed");
    scratch.sh(&format!("dpkg --verify {NAME}")).ok();
}

#[test]
fn apt_installs_the_signed_deb_from_a_signed_repository_and_no_other() {
    need("apt-ftparchive", "apt-utils");
    let bench = &bench();
    let scratch = strict_dpkg(bench);
    let folder = copy(bench);
    let deb = package(folder.path(), "deb");
    let publish = || {
        let shelf = bench.path("shelf");
        let _ = fs::remove_dir_all(&shelf);
        fs::create_dir(&shelf).expect("a folder");
        fs::copy(&deb, shelf.join("one.deb")).expect("copied");
        bench
            .sh("cd shelf && apt-ftparchive packages . >Packages && apt-ftparchive release . >../Release && \
                 gpg --batch --quiet --local-user rsa@example --clearsign --output InRelease ../Release")
            .run()
            .ok();
        for file in ["one.deb", "Packages", "InRelease"] {
            scratch.copy_in(&shelf.join(file), &format!("/srv/shelf/{file}"));
        }
    };
    scratch.copy_in(&bench.path("rsa.asc"), "/etc/apt/keyrings/site.asc");
    scratch.write("/etc/apt/sources.list.d/site.list", "deb [signed-by=/etc/apt/keyrings/site.asc] file:///srv/shelf ./\n");
    let install = format!("apt-get update && apt-get install -y {NAME}");
    publish();
    scratch.sh(&install).fails().says("debsig");
    assert!(!scratch.exists("/usr/local/intigua"));
    sign(bench, &deb, "--openpgp-key rsa.sec").run().ok();
    publish();
    scratch.sh(&install).ok().says("Authenticating").says("passed");
    scratch.sh(&format!("dpkg -s {NAME}")).ok().says("Status: install ok installed");
}

#[test]
fn dnf_with_gpgcheck_installs_the_signed_rpm_and_refuses_others() {
    need("createrepo_c", "createrepo-c");
    let bench = &bench();
    let scratch = Scratch::debian();
    scratch.copy_in(&shell_package(), "/srv/shell.rpm");
    scratch.sh("rpm -i /srv/shell.rpm").ok();
    let folder = copy(bench);
    let rpm = package(folder.path(), "rpm");
    scratch.copy_in(&bench.path("rsa.asc"), "/srv/site.asc");
    scratch.write(
        "/etc/yum.repos.d/site.repo",
        "[site]\nname=site\nbaseurl=file:///srv/shelf\ngpgcheck=1\ngpgkey=file:///srv/site.asc\nmetadata_expire=0\n",
    );
    let offer = || {
        let shelf = bench.path("shelf");
        let _ = fs::remove_dir_all(&shelf);
        fs::create_dir(&shelf).expect("a folder");
        fs::copy(&rpm, shelf.join("one.rpm")).expect("copied");
        cmd("createrepo_c").arg("-q").arg(&shelf).run().ok();
        // dnf tells lists apart by a time in whole seconds.
        scratch.sh("rm -rf /srv/shelf /var/cache/dnf").ok();
        scratch.copy_in(&shelf.join("one.rpm"), "/srv/shelf/one.rpm");
        for file in fs::read_dir(shelf.join("repodata")).expect("files").flatten() {
            scratch.copy_in(&file.path(), &format!("/srv/shelf/repodata/{}", file.file_name().to_string_lossy()));
        }
    };
    let install = format!("dnf -y install {NAME}");
    offer();
    scratch.sh(&install).fails().says("not signed");
    sign(bench, &rpm, "--openpgp-key ed.sec --password-file password").run().ok();
    offer();
    scratch.sh(&install).fails().says("wrong key(s)");
    assert!(!scratch.exists("/usr/local/intigua"));
    sign(bench, &rpm, "--openpgp-key rsa.sec").run().ok();
    offer();
    scratch.sh(&install).ok();
    scratch.sh(&format!("rpm -q {NAME}")).ok().says("1.0.0");
    scratch.sh(&format!("rpm -qi {NAME}")).ok().says("RSA/SHA256");
}
