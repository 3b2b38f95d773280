//! The recipes for images are carried out in a Debian root, with stubs for what is not there: what fetches, and what enters the image.
use crate::common::{cmd, Place, Scratch};
use crate::material::command_of;
use crate::windows_tools::kit;
use serde_json::Value;
use std::fs;

/// Where the kit lies in a root.
const KIT: &str = "/srv/kit";
/// A root that is not the packages' own.
const ROOT: &str = "/opt/agent";

/// A Debian root with the kit and these programs in /usr/local/bin.
fn root(programs: &[(&str, &str)]) -> Scratch {
    let scratch = Scratch::debian();
    let script = "tar -C \"$1\" --exclude='*.intunewin' --exclude='*.msi' -cf - .";
    // The bytes are no text: they go by a file.
    let tar = tempfile::NamedTempFile::new().unwrap();
    cmd("sh").args(["-c", &format!("{script} >\"$2\""), "sh"]).arg(kit()).arg(tar.path()).run().ok();
    let unpack = format!("mkdir -p {KIT} && tar -xf - -C {KIT}");
    scratch.cmd("sh").args(["-c", &unpack]).stdin(fs::read(tar.path()).unwrap()).run().ok();
    for (name, text) in programs {
        scratch.write(&format!("/usr/local/bin/{name}"), format!("#!/bin/sh\n{text}\n"));
    }
    scratch.sh("chmod -f 755 /usr/local/bin/*; :").ok();
    scratch
}

fn recipe(file: &str) -> String {
    fs::read_to_string(kit().join("channels/images").join(file)).unwrap()
}

/// Installed below `root` and sealed: nothing runs, and there is no identity.
#[track_caller]
fn is_sealed(scratch: &Scratch, root: &str, server: &str) {
    let config = scratch.read(&format!("{root}/components/csclient.cfg"));
    assert!(!config.contains("vlinkCoreId") && config.contains(server), "{config}");
    scratch.sh(&format!("{root}/bin/linkctl check && ! ls /var/log/intigua/*.log && ! ls /var/tmp/agent.*")).ok();
}

/// The instructions of a Containerfile: name and rest, with their continued lines.
fn instructions(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut continued = false;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match found.last_mut().filter(|_| continued) {
            Some((_, rest)) => *rest += &format!("\n{line}"),
            None => found.extend(line.split_once(' ').map(|(name, rest)| (name.to_owned(), rest.to_owned()))),
        }
        continued = line.ends_with('\\');
    }
    found
}

/// Runs what a container runs until it has an identity and is healthy, ends it, and prints the identity and how it ended.
const RUN: &str = r#"
"$@" >/tmp/said 2>&1 &
container=$!
waited=0
until grep -q vlinkCoreId /opt/agent/components/csclient.cfg && sh -c "$HEALTH" >/dev/null; do
    sleep 0.2
    waited=$((waited + 1))
    [ $waited -lt 100 ] || { cat /tmp/said; exit 1; }
done
kill -TERM $container
wait $container
echo "$? $(sed -n 's/^vlinkCoreId: //p' /opt/agent/components/csclient.cfg)"
! /etc/init.d/vlink status >/dev/null
grep -q . /tmp/said
"#;

#[test]
fn a_containerfile_makes_an_image_whose_containers_are_strangers_to_each_other() {
    let scratch = root(&[]);
    let steps = instructions(&recipe("Containerfile"));
    let of = |name: &str| steps.iter().filter(|(one, _)| one == name).map(|(_, rest)| rest.as_str()).collect::<Vec<_>>();
    assert!(of("ARG").contains(&"PROXY_URL=") && of("FROM") == ["${BASE}"]);
    let [copy] = of("COPY")[..] else { panic!("{steps:?}") };
    scratch.sh(&format!("cd {KIT} && cp {copy}")).ok();
    let [run] = of("RUN")[..] else { panic!("{steps:?}") };
    let build = |root: &str| {
        let given = [
            ("INSTALL_ROOT", root),
            ("SERVER_URL", "https://a.example:443"),
            ("FALLBACK_URLS", "https://b.example;https://c.example"),
        ];
        given.iter().fold(scratch.cmd("sh").args(["-c", run]), |cmd, (name, value)| cmd.env(*name, *value)).run()
    };
    build("relative").exits(12).says("the install root is not absolute");
    build(ROOT).ok().says("sealed");
    is_sealed(&scratch, ROOT, "https://a.example:443;https://b.example;https://c.example");

    scratch.sh(&format!("cp -a {ROOT} /image")).ok();
    let health = of("HEALTHCHECK")[0].split_once("CMD ").unwrap().1;
    let command: Vec<String> = serde_json::from_str(of("CMD")[0]).unwrap();
    let container = || {
        let words = ["-euc", RUN, "sh"].map(str::to_owned).into_iter().chain(command.clone());
        scratch.cmd("sh").args(words).env("HEALTH", health).run().ok().line().to_owned()
    };
    let one = container();
    assert!(one.starts_with("0 \""), "{one}");
    scratch.sh(&format!("rm -r {ROOT} && cp -a /image {ROOT}")).ok();
    let two = container();
    assert!(two.starts_with("0 \"") && one != two, "{one} {two}");
}

/// `wget -O FILE URL` and `curl -fsS -o FILE URL`, from the kit.
const FETCH: &str = r#"for word in "$@"; do case $before in -O | -o) file=$word ;; esac; before=$word; done; cp "/srv/kit/${word#http://KIT/}" "$file""#;

#[test]
fn a_preseed_file_is_debconfs_and_its_command_installs_and_seals() {
    let scratch = root(&[("wget", FETCH), ("in-target", "exec \"$@\"")]);
    let text = recipe("preseed.cfg").replace("'#SERVER_URL='", "'SERVER_URL=https://a.example:443'");
    scratch.write("/root/preseed.cfg", text.clone());
    let checked = scratch.sh("debconf-set-selections -c /root/preseed.cfg").ok();
    assert_eq!(checked.stderr, "", "it warns there and exits with 0");
    // The judge has an opinion.
    scratch.write("/root/wrong.cfg", text.replacen("d-i preseed/late_command string", "d-i preseed/late_command nonsense", 1));
    assert_ne!(scratch.sh("debconf-set-selections -c /root/wrong.cfg").stderr, "");
    let run = "debconf-set-selections /root/preseed.cfg && ln -s / /target && echo GET preseed/late_command | debconf-communicate d-i >/root/late \
               && cut -d' ' -f2- /root/late >/root/late.sh && sh /root/late.sh";
    scratch.sh(run).ok().says("sealed");
    is_sealed(&scratch, "/usr/local/intigua", "https://a.example:443");
    assert_eq!(scratch.read("/etc/intigua/install.conf").lines().last(), Some("IMAGE=1"));
    assert_eq!(scratch.sh("stat -c %a /etc/intigua/install.conf").ok().line(), "600");
}

#[test]
fn kickstart_installs_and_seals_by_its_script_and_refuses_other_bytes() {
    let scratch = root(&[("curl", FETCH), ("dnf", "exec rpm -U --nodeps \"$3\"")]);
    let text = recipe("kickstart.ks").replace("'#INSTALL_ROOT='", &format!("'INSTALL_ROOT={ROOT}'"));
    let script = text.split_once("%post").unwrap().1.split_once('\n').unwrap().1.split_once("\n%end").unwrap().0.to_owned();
    let digest = script.split_once("echo '").unwrap().1.split_once(' ').unwrap().0;
    let other = script.replace(digest, &"0".repeat(64));
    scratch.cmd("sh").args(["-c", &other]).run().fails();
    assert!(!scratch.exists("/etc/intigua/location.conf"));
    scratch.cmd("sh").args(["-c", &script]).run().ok().says("sealed");
    is_sealed(&scratch, ROOT, "https://core.example.com:443");
}

/// Carries out on this root what virt-customize does on a disk's.
const VIRT: &str = r#"while [ $# -gt 0 ]; do
    case $1 in
        -a) [ "$2" = "/my disk.img" ] || exit 9; shift ;;
        --no-network) ;;
        --copy-in) cp "${2%:*}" "${2##*:}" || exit; shift ;;
        --run-command) sh -c "$2" || exit; shift ;;
        --delete) rm "$2" || exit; shift ;;
        *) exit 9 ;;
    esac
    shift
done"#;

#[test]
fn virt_customize_is_given_settings_as_they_are() {
    let scratch = root(&[("virt-customize", VIRT)]);
    let token = "/etc/o'hara $(id) `b`";
    let run = |arguments: &[&str]| {
        let script = format!("{KIT}/channels/images/virt-customize.sh");
        scratch.cmd("sh").arg(script).args(arguments).run()
    };
    run(&["/my disk.img", "SERVER=https://a.example"]).exits(2).says("SERVER=https://a.example is no setting");
    // The command of the page in the kit, with this site's disk.
    let command = command_of(&kit(), "images", "sh channels/images/virt-customize.sh ").replace("disk.qcow2", "'/my disk.img'");
    scratch
        .cmd("sh")
        .args(["-c", &format!("cd {KIT} && {command} \"$1\""), "sh", &format!("TOKEN_FILE={token}")])
        .run()
        .ok()
        .says("sealed");
    is_sealed(&scratch, "/usr/local/intigua", "https://core.example.com:443");
    assert!(scratch.read("/usr/local/intigua/components/csclient.cfg").contains(&format!("tokenFile: \"{token}\"")));
}

#[test]
fn ignition_fetches_what_the_kit_has_by_its_digest() {
    let config: Value = serde_json::from_str(&recipe("ignition.ign")).unwrap();
    let file = &config["storage"]["files"][1];
    let sums = fs::read_to_string(kit().join("SHA256SUMS")).unwrap();
    let path = file["contents"]["source"].as_str().unwrap().strip_prefix("http://KIT/").unwrap();
    let digest = file["contents"]["verification"]["hash"].as_str().unwrap().strip_prefix("sha256-").unwrap();
    assert!(sums.contains(&format!("{digest}  {path}\n")), "{file}");
    let unit = config["systemd"]["units"][0]["contents"].as_str().unwrap();
    assert!(unit.contains(&format!("ExecStart=/bin/sh {}\n", file["path"].as_str().unwrap())), "{unit}");
}
