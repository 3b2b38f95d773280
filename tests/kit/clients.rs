//! The clients of a closed site install from the kit, upgrade, pin, and refuse what was changed.
use crate::common::{cmd, debian_root_of, need, shell_package, Place, Scratch};
use crate::material::{copy, damage, fingerprint, make, NAME};
use std::fs;
use std::path::Path;

pub const KIT: &str = "/media/the kit";
const RELEASE: &str = "linux/apt/dists/stable";

/// Puts a kit into a root, over what lay there.
pub fn carry(scratch: &Scratch, kit: &Path) {
    let packed = cmd("sh").args(["-c", "tar -C \"$1\" -cf \"$1.tar\" .", "sh"]).arg(kit);
    packed.run().ok();
    let bytes = fs::read(kit.with_extension("tar")).expect("the kit's tar");
    let unpack = format!("rm -rf '{KIT}' && mkdir -p '{KIT}' && tar -xf - -C '{KIT}'");
    scratch.cmd("sh").args(["-c", &unpack]).stdin(bytes).run().ok();
}

pub fn apt(arguments: &str) -> String {
    format!("sh '{KIT}/linux/apt/use-apt.sh' {arguments}")
}

/// What apt says of the sample: where from, and which versions.
fn madison(scratch: &Scratch) -> String {
    scratch.sh(&format!("apt-cache madison {NAME}")).ok().stdout
}

/// What an administrator has besides dash and apt: this machine's openssl.
pub fn give_openssl(scratch: &Scratch) {
    let libraries = cmd("sh").args(["-c", "ldd /usr/bin/openssl | grep -o '/.*/lib\\(ssl\\|crypto\\)[^ ]*'"]).run().ok().stdout;
    for file in libraries.lines().chain(["/usr/bin/openssl"]) {
        scratch.copy_in(&fs::canonicalize(file).unwrap(), file);
    }
    scratch.sh("chmod +x /usr/bin/openssl; openssl version").ok();
}

#[test]
fn three_commands_of_the_page_lead_from_the_medium_to_a_running_agent_by_apt_and_by_dnf() {
    let folder = copy();
    let page = fs::read_to_string(folder.path().join("kit/index.html")).unwrap().replace("&#x2f;", "/");
    let commands: Vec<&str> = page
        .split("<pre>")
        .skip(1)
        .filter_map(|rest| rest.split("</pre>").next())
        .flat_map(str::lines)
        .filter(|line| line.contains("/mnt"))
        .collect();
    let [mount, verify, ..] = commands[..] else { panic!("{commands:?}") };
    // The image is what would be mounted; a namespace has no loop devices, so its files are put where they would be.
    assert_eq!(mount, "mount -o ro /dev/sr0 /mnt");
    make(folder.path(), "dist-1.0.0 -o again --iso kit.iso").run().ok();
    cmd("xorriso").args("-osirrox on -indev kit.iso -extract / medium".split(' ')).dir(folder.path()).run().ok();
    cmd("sh").args(["-c", "chmod -R u+w medium; tar -C medium -cf medium.tar ."]).dir(folder.path()).run().ok();
    let right = fingerprint(&folder.path().join("key.pub"));
    for way in ["/linux/apt/", "/linux/rpm/"] {
        let scratch = Scratch::debian();
        give_openssl(&scratch);
        if way == "/linux/rpm/" {
            scratch.copy_in(&shell_package(), "/srv/shell.rpm");
            scratch.sh("rpm -i /srv/shell.rpm").ok();
        }
        let machine = scratch.boot();
        let bytes = fs::read(folder.path().join("medium.tar")).unwrap();
        machine.cmd("tar").args(["-xf", "-", "-C", "/mnt"]).stdin(bytes).run().ok();
        machine.sh(&verify.replace("FINGERPRINT", &right)).ok().says("ok    signature");
        let install = commands.iter().find(|line| line.contains(way)).expect("the page has it");
        machine.sh(install).ok();
        machine.sh("systemctl is-active vlink").ok();
        machine.sh("/usr/local/intigua/bin/linkctl status").ok();
    }
}

#[test]
fn apt_installs_once_then_from_a_source_that_stays_upgrades_and_knows_the_older_version() {
    let folder = copy();
    let scratch = Scratch::debian();
    carry(&scratch, &folder.path().join("kit"));
    let before = scratch.tree("/etc/apt");
    // Three commands from the medium to the installation: mount, verify, this.
    scratch.sh(&apt("--once")).ok();
    scratch.sh(&format!("dpkg -s {NAME}")).ok().says("Version: 1.0.0").says("install ok installed");
    assert_eq!(scratch.tree("/etc/apt"), before, "no source is left behind");
    assert_eq!(madison(&scratch), "", "no list is left behind");

    make(folder.path(), "dist-1.1.0 --into kit").run().ok();
    carry(&scratch, &folder.path().join("kit"));
    scratch.sh(&apt("")).ok().says("next: apt-get install");
    let known = madison(&scratch);
    assert!(known.contains("1.0.0") && known.contains("1.1.0") && known.contains("the%20kit"), "{known}");
    scratch.write("/etc/apt/preferences.d/pin", format!("Package: *\nPin: release l={NAME}\nPin-Priority: 900\n"));
    scratch.sh(&format!("apt-cache policy {NAME}")).ok().says("Candidate: 1.1.0").says(" 900 file:");
    scratch.sh("apt-get -y upgrade").ok();
    scratch.sh(&format!("dpkg -s {NAME}")).ok().says("Version: 1.1.0");
    scratch.sh(&apt("")).ok();
    scratch.write(&format!("/etc/apt/sources.list.d/{NAME}.sources"), "Types: deb\n");
    scratch.sh(&apt("")).exits(1).says("is not of this script");
}

#[test]
fn apt_refuses_another_key_changed_lists_and_a_damaged_signature_on_both_debians() {
    let folder = copy();
    let changed = |name: &str, change: &dyn Fn(&Path)| {
        let kit = folder.path().join(name);
        cmd("cp").arg("-a").arg(folder.path().join("kit")).arg(&kit).run().ok();
        change(&kit);
        kit
    };
    let lists = format!("{RELEASE}/main/binary-amd64");
    let kits = [
        (
            "wrong key",
            changed("stranger", &|kit| {
                let other = format!("-o other --key key.pem --openpgp-key other.sec {}", "dist-deb");
                let deb = folder.path().join("dist-deb");
                fs::create_dir(&deb).unwrap();
                let name = format!("{NAME}_1.0.0_amd64.deb");
                cmd("cp").arg(folder.path().join("dist-1.0.0").join(&name)).arg(deb.join(&name)).run().ok();
                crate::material::linkpack()
                    .args(["sign", "-q", "--openpgp-key", "other.sec"])
                    .arg("dist-deb")
                    .dir(folder.path())
                    .run()
                    .ok();
                crate::material::linkpack().arg("kit").args(other.split(' ')).dir(folder.path()).run().ok();
                // Its repository, and the source of the right key.
                fs::remove_dir_all(kit.join(RELEASE)).unwrap();
                cmd("cp").arg("-r").arg(folder.path().join("other").join(RELEASE)).arg(kit.join(RELEASE)).run().ok();
            }),
        ),
        (
            "changed Packages",
            changed("packages", &|kit| {
                // The one by its digest, too: apt finds that one where the other is wrong.
                for path in cmd("find").arg(kit.join(&lists)).args(["-type", "f"]).run().ok().stdout.lines() {
                    damage(Path::new(path));
                }
            }),
        ),
        (
            "damaged InRelease",
            changed("inrelease", &|kit| {
                let path = kit.join(RELEASE).join("InRelease");
                let text = fs::read_to_string(&path).unwrap().replace("Components: main", "Components: evil");
                fs::write(path, text).unwrap();
            }),
        ),
    ];
    for scratch in [Scratch::debian(), Scratch::new(&debian_root_of("trixie"))] {
        for (what, kit) in &kits {
            carry(&scratch, kit);
            let said = scratch.sh(&apt("--once")).fails();
            assert!(!scratch.exists(&format!("/var/lib/dpkg/info/{NAME}.list")), "{what}: {said}");
        }
        carry(&scratch, &folder.path().join("kit"));
        scratch.sh(&apt("")).ok().never_says("W:");
        scratch.sh(&format!("apt-get install -y --download-only {NAME}")).ok();
        assert!(madison(&scratch).contains("1.0.0"));
    }
}

#[test]
fn apt_and_dnf_install_from_a_kit_that_linkpack_serves() {
    let folder = copy();
    let scratch = Scratch::debian();
    carry(&scratch, &folder.path().join("kit"));
    scratch.copy_in(Path::new(env!("CARGO_BIN_EXE_linkpack")), "/usr/bin/linkpack");
    scratch
        .sh(&format!("chmod +x /usr/bin/linkpack; linkpack kit serve '{KIT}' --listen 127.0.0.1:8080 >/tmp/log 2>&1 & sleep 1"))
        .ok();
    let source = format!("sed 's,^URIs:.*,URIs: http://127.0.0.1:8080/linux/apt,' '{KIT}/linux/apt/{NAME}.sources' >/etc/apt/sources.list.d/a.sources");
    scratch.sh(&format!("{source} && apt-get update && apt-get install -y {NAME}")).ok();
    scratch.sh(&format!("dpkg -s {NAME}")).ok().says("install ok installed");
    scratch.sh(&format!("dpkg --purge {NAME}")).ok();
    scratch.copy_in(&shell_package(), "/srv/shell.rpm");
    scratch.sh("rpm -i /srv/shell.rpm").ok();
    // The page's own commands: the key does not come from the server.
    let key = format!("install -m 644 '{KIT}/keys/vendor.asc' /etc/pki/rpm-gpg/{NAME}.asc");
    let repo = format!("sed 's,^gpgkey=.*,gpgkey=file:///etc/pki/rpm-gpg/{NAME}.asc,; s,file:///mnt,http://127.0.0.1:8080,' '{KIT}/linux/rpm/{NAME}.repo' >/etc/yum.repos.d/a.repo");
    scratch.sh(&format!("mkdir -p /etc/yum.repos.d /etc/pki/rpm-gpg && {key} && {repo} && dnf -y install {NAME}")).ok();
    scratch.sh(&format!("rpm -q {NAME}")).ok().says("1.0.0");
    let log = scratch.read("/tmp/log");
    assert!(log.contains("GET /linux/apt/dists/stable/InRelease 200 OK") && log.contains("by-hash/SHA256/"), "{log}");
    assert!(log.contains("GET /linux/rpm/repodata/repomd.xml 200 OK") && !log.contains("repomd.xml.key"), "{log}");
}

#[test]
fn the_server_gives_parts_and_nothing_outside_of_the_kit() {
    let folder = copy();
    let scratch = Scratch::debian();
    carry(&scratch, &folder.path().join("kit"));
    scratch.copy_in(Path::new(env!("CARGO_BIN_EXE_linkpack")), "/usr/bin/linkpack");
    let serve = format!("chmod +x /usr/bin/linkpack; linkpack kit serve '{KIT}' --listen 127.0.0.1:8080 >/tmp/log 2>&1 & echo $! >/tmp/pid; sleep 1");
    scratch.sh(&serve).ok();
    let ask = |request: &str| {
        let request = format!("printf '{request}' | busybox nc -w 5 127.0.0.1 8080");
        scratch.sh(&request).stdout
    };
    let end = "HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n";
    for path in [
        "/../../etc/passwd",
        "/..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/linux/../../../etc/passwd",
        "/%2e%2e/x",
        "/linux",
        "http://kit/etc/passwd",
        "/%00",
    ] {
        let said = ask(&format!("GET {} {end}", path.replace('%', "%%")));
        assert!(said.starts_with("HTTP/1.1 404") && !said.contains("root:"), "{path}: {said}");
    }
    assert!(ask(&format!("DELETE / {end}")).starts_with("HTTP/1.1 405"));
    assert!(ask("POST / HTTP/1.1\\r\\nContent-Length: 5\\r\\n\\r\\nGET /").contains("405 Method Not Allowed\r\nAllow: GET, HEAD"));
    assert!(ask("GET / HTTP/1.1\\r\\nContent-Length: 5\\r\\n\\r\\nGET /").starts_with("HTTP/1.1 400"));
    assert!(ask("rubbish\\r\\n\\r\\n").starts_with("HTTP/1.1 400"));
    assert!(ask(&format!("GET / {end}")).contains("offline kit of"));
    let part = ask("GET /verify.sh HTTP/1.1\\r\\nRange: bytes=0-8\\r\\nConnection: close\\r\\n\\r\\n");
    assert!(
        part.starts_with("HTTP/1.1 206") && part.contains("Content-Range: bytes 0-8/") && part.ends_with("#!/bin/sh"),
        "{part}"
    );
    for whole in ["GET http://kit/verify.sh HTTP/1.1", "GET /verify.sh HTTP/1.1\\r\\nRange: bytes=0-1,3-4"] {
        assert!(ask(&format!("{whole}\\r\\nConnection: close\\r\\n\\r\\n")).starts_with("HTTP/1.1 200"), "{whole}");
    }
    assert!(ask(&format!("GET /%%zz {end}")).starts_with("HTTP/1.1 400"));
    // What was exchanged since: neither is followed, and neither keeps the server from ending.
    scratch
        .sh(&format!(
            "cd '{KIT}' && rm VERIFY.md copy.sh && ln -s /etc/passwd copy.sh && mkfifo VERIFY.md && mv keys k && ln -s /etc keys"
        ))
        .ok();
    for path in ["/copy.sh", "/VERIFY.md", "/keys/vendor.pub"] {
        let said = ask(&format!("GET {path} {end}"));
        assert!(said.starts_with("HTTP/1.1 500") && !said.contains("root:"), "{path}: {said}");
    }
    scratch.sh("kill -TERM $(cat /tmp/pid); for i in 1 2 3 4 5; do kill -0 $(cat /tmp/pid) 2>/dev/null || exit 0; sleep 1; done; exit 1").ok();
}

#[test]
fn dnf_installs_with_both_checks_and_refuses_another_key_and_a_changed_repomd() {
    let folder = copy();
    let scratch = Scratch::debian();
    scratch.copy_in(&shell_package(), "/srv/shell.rpm");
    scratch.sh("rpm -i /srv/shell.rpm").ok();
    scratch.copy_in(&folder.path().join("other.asc"), "/srv/other.asc");
    carry(&scratch, &folder.path().join("kit"));
    let refused = |how: &str| {
        scratch.sh(&format!("dnf -y install {NAME}")).fails();
        scratch.sh(&format!("rpm -q {NAME}")).fails().says("not installed");
        scratch.sh("rm -rf /var/cache/dnf").ok();
        assert!(!scratch.exists("/usr/local/intigua"), "{how}");
    };
    let repo = |key: &str| {
        let text = fs::read_to_string(folder.path().join(format!("kit/linux/rpm/{NAME}.repo"))).unwrap();
        let text = text.replace("file:///mnt", "file:///media/the%20kit");
        let own = "gpgkey=file:///media/the%20kit/linux/rpm/repodata/repomd.xml.key";
        assert!(text.contains(own) && text.contains("gpgcheck=1") && text.contains("repo_gpgcheck=1"), "{text}");
        scratch.write("/etc/yum.repos.d/kit.repo", text.replace(own, key));
    };
    repo("gpgkey=file:///srv/other.asc");
    refused("another key");
    scratch.sh("rm /etc/yum.repos.d/kit.repo").ok();
    let repomd = format!("{KIT}/linux/rpm/repodata/repomd.xml");
    scratch.sh(&format!("cp '{repomd}' /srv/kept && sed -i 's,<revision>1,<revision>2,' '{repomd}'")).ok();
    scratch.sh(&format!("sh '{KIT}/linux/rpm/use-rpm.sh'")).ok().says("next: dnf install");
    let again = format!("echo other >/etc/pki/rpm-gpg/{NAME}.asc; sh '{KIT}/linux/rpm/use-rpm.sh'");
    scratch.sh(&again).ok().says("note: another key signed the kits");
    refused("a changed repomd.xml");
    scratch.sh(&format!("cp /srv/kept '{repomd}' && rm /etc/yum.repos.d/*.repo")).ok();
    scratch.sh(&format!("sh '{KIT}/linux/rpm/use-rpm.sh' --once")).ok();
    scratch.sh(&format!("rpm -q {NAME}")).ok().says("1.0.0");
    assert!(!scratch.exists(&format!("/etc/yum.repos.d/{NAME}.repo")), "no repository is left behind");
    make(folder.path(), "dist-1.1.0 --into kit").run().ok();
    carry(&scratch, &folder.path().join("kit"));
    scratch.sh(&format!("sh '{KIT}/linux/rpm/use-rpm.sh' && dnf -y upgrade")).ok();
    scratch.sh(&format!("rpm -q {NAME}")).ok().says("1.1.0");
}

#[test]
fn zypper_refreshes_with_the_imported_key_and_refuses_a_changed_repomd() {
    need("zypper", "zypper");
    let folder = copy();
    let kit = folder.path().join("a kit");
    fs::rename(folder.path().join("kit"), &kit).unwrap();
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("etc/zypp/repos.d")).unwrap();
    let zypper =
        |arguments: &[&str]| cmd("zypper").args(["--non-interactive", "--root"]).arg(&root).args(arguments).dir(folder.path());
    // As use-rpm.sh writes it.
    let text = fs::read_to_string(kit.join(format!("linux/rpm/{NAME}.repo"))).unwrap();
    let place = format!("file://{}", kit.display()).replace(' ', "%20");
    fs::write(root.join(format!("etc/zypp/repos.d/{NAME}.repo")), text.replace("file:///mnt", &place)).unwrap();
    // An unknown key is not trusted just because it lies there.
    zypper(&["refresh"]).run().fails();
    zypper(&["--gpg-auto-import-keys", "refresh"]).run().ok();
    zypper(&["search", "-s", NAME]).run().ok().says("1.0.0-1");
    let repomd = kit.join("linux/rpm/repodata/repomd.xml");
    let text = fs::read_to_string(&repomd).unwrap();
    fs::write(&repomd, text.replace("<revision>1", "<revision>2")).unwrap();
    zypper(&["refresh", "--force"]).run().fails();
}
