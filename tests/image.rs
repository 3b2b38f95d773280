//! A golden image as it is used: the DEB baked in by a kit's recipe, booted as one machine, sealed, copied, booted as others.
mod common;
use common::*;
use std::path::Path;

const ROOT: &str = "/usr/local/intigua";
const UUIDS: [&str; 2] = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"];

/// Run in the booted image: waits for both containers, then prints `key value` lines.
const PROBE: &str = r#"
root=/usr/local/intigua
waited=0
until [ "$($root/bin/linkctl containers | grep -c running)" = 2 ] && [ -f $root/components/tracer/seen ] || [ $waited = 60 ]; do
    sleep 1
    waited=$((waited + 1))
done
echo "state $(systemctl is-active vlink)"
echo "running $($root/bin/linkctl containers | grep -c running)"
echo "identity $(sed -n 's/^vlinkCoreId: "\(.*\)"$/\1/p' $root/components/csclient.cfg)"
echo "seen $(sed -n 's/^hostname=//p' $root/components/tracer/seen)"
echo "machine $(cat /etc/machine-id)"
echo "cgroups $(stat -f -c %T /sys/fs/cgroup)"
group=/sys/fs/cgroup$(systemctl show -P ControlGroup vlink)
echo "cpu $(cat "$group/ct-tracer/cpu.max")"
echo "memory $(cat "$group/ct-tracer/memory.max")"
echo "members $(for p in $(cat "$group/ct-tracer/cgroup.procs"); do tr '\000' ' ' </proc/$p/cmdline; done)"
"#;

/// A kit of one package with the recipes for images; what its preseed file does, as a script.
const RECIPE: &str = r#"umask 077
mkdir gnupg
export GNUPGHOME="$PWD/gnupg" SOURCE_DATE_EPOCH=1700000000
gpg --batch --quiet --passphrase '' --faked-system-time 20230101T000000! --quick-gen-key kit@example ed25519 sign never
gpg --batch --armor --export-secret-keys >key.sec
gpgconf --kill all
openssl ecparam -genkey -name prime256v1 -noout -out key.pem
"$LINKPACK" kit "$1" -o kit --key key.pem --openpgp-key key.sec -c images >&2
sed -n '/late_command string/,$p' kit/channels/images/preseed.cfg | sed '1s/.* string//'"#;

/// Does in the root what Debian's installer does with the recipe; what fetches and what enters the new system are stand-ins.
fn bake(scratch: &Scratch, package: &Path) {
    need("gpg", "gnupg");
    let folder = tempfile::tempdir().unwrap();
    let made = cmd("sh").args(["-euc", RECIPE, "sh"]).arg(package).env("LINKPACK", env!("CARGO_BIN_EXE_linkpack"));
    let script = made.dir(folder.path()).run().ok().stdout;
    assert!(script.contains("linkctl\" seal"), "{script}");
    scratch.copy_in(package, "/packages/sample.deb");
    scratch.write("/usr/local/bin/wget", "#!/bin/sh\ncp /packages/sample.deb \"$2\"\n");
    scratch.write("/usr/local/bin/in-target", "#!/bin/sh\nexec \"$@\"\n");
    scratch.write("/packages/late.sh", script);
    let enter = "chmod 755 /usr/local/bin/*; ln -s / /target; sh /packages/late.sh; rm -r /target /packages /usr/local/bin/*";
    scratch.sh(&format!("set -e; {enter}")).ok().says("sealed:");
}

/// The value of a line that the probe printed.
#[track_caller]
fn value(booted: &Booted, key: &str) -> String {
    let line = booted.output.lines().find_map(|line| line.strip_prefix(&format!("{key} ")));
    line.unwrap_or_else(|| panic!("no {key}: {}\n{}", booted.output, booted.console)).trim().to_owned()
}

/// All runs in this boot, as it should; returns the identity.
#[track_caller]
fn identity(booted: &Booted) -> String {
    assert_eq!((value(booted, "state"), value(booted, "running")), ("active".into(), "2".into()), "{}", booted.output);
    assert_eq!(value(booted, "seen"), "tracer.virtual", "the library is preloaded");
    let identity = value(booted, "identity");
    assert!(!identity.is_empty(), "{}", booted.output);
    identity
}

#[test]
fn machines_made_of_a_sealed_image_get_identities_of_their_own() {
    let scratch = Scratch::debian();
    let deb =
        Product::sample("1.0.0").edit("watchdog = {", "throttle = { max-cpu-percent = 40, max-memory-kb = 65536 }\nwatchdog = {");
    bake(&scratch, &deb.build("deb"));
    assert!(!scratch.read(&format!("{ROOT}/components/csclient.cfg")).contains("vlinkCoreId"));
    let golden = Image::of(&scratch);

    let first = golden.boot().uuid(UUIDS[0]).run(PROBE);
    let one = identity(&first);
    assert_eq!(value(&first, "cgroups"), "cgroup2fs");
    assert_eq!((value(&first, "cpu"), value(&first, "memory")), ("40000 100000".into(), "67108864".into()), "{}", first.output);
    assert!(value(&first, "members").contains("bin/tracer"), "{}", first.output);

    // Another machine that was never sealed: the machine id is a copy, the SMBIOS UUID tells. It is sealed before it ends.
    let seal = format!("{PROBE}\n{ROOT}/bin/linkctl seal; systemctl is-active vlink");
    let second = golden.boot().uuid(UUIDS[1]).run(&seal);
    assert_eq!(value(&second, "machine"), value(&first, "machine"));
    let two = identity(&second);
    assert_ne!(two, one);
    assert!(second.output.contains("sealed:") && second.output.trim_end().ends_with("inactive"), "{}", second.output);

    // With both ids the same, only the seal makes the copy a stranger.
    let clone = golden.copy().boot().uuid(UUIDS[1]).run(PROBE);
    assert_eq!(value(&clone, "machine"), value(&second, "machine"));
    let three = identity(&clone);
    assert!(three != one && three != two);
}
