//! `linkpack build` as a release engineer's scripts see it: exit codes, messages, files, and what is left behind.

#[path = "build/cache.rs"]
mod cache;
#[path = "build/comfort.rs"]
mod comfort;
mod common;
#[path = "build/mistakes.rs"]
mod mistakes;
#[path = "build/needs.rs"]
mod needs;
#[path = "build/plan.rs"]
mod plan;
#[path = "build/refusals.rs"]
mod refusals;
#[path = "build/relations.rs"]
mod relations;
#[path = "build/remote.rs"]
mod remote;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// What `--codec` takes beside `auto`.
const CODECS: [&str; 3] = ["fast", "zstd", "small"];

const LINKPACK: &str = env!("CARGO_BIN_EXE_linkpack");

/// A small product in a folder of its own.
struct Product {
    folder: tempfile::TempDir,
}

const MANIFEST: &str = r#"[product]
name = "sample"
title = "Sample"
version = "1.0.0"
publisher = "Example Ltd"
contact = "Example Ltd <support@example.com>"
license = "MIT"
description = "sample product"

[connector]
server-url = "https://core.example.com"
executable = { linux = "vlink" }
payload = { linux-x86_64 = "connector" }

[[container]]
name = "pulse"
command = ["bin/pulse"]
payload = { linux-x86_64 = "pulse" }
"#;

impl Product {
    fn new() -> Self {
        let product = Product { folder: tempfile::tempdir().unwrap() };
        product.write("linkpack.toml", MANIFEST);
        product.program("connector/vlink", b"#!/bin/sh\nexit 0\n");
        product.program("pulse/bin/pulse", b"#!/bin/sh\nexit 0\n");
        product
    }

    /// Content that does not compress and content that does, more than one unit of each; for systems that read every codec.
    fn of_several_units() -> Self {
        let product = Product::new();
        product.write("linkpack.toml", MANIFEST.replacen("[product]\n", "[product]\nsystems = [\"debian-12\", \"rhel-9\"]\n", 1));
        product.write("connector/dense", noise(5_000_000, 7));
        product.write("connector/long", (0..9_500_000_u32).map(|i| (i / 1000).wrapping_mul(i) as u8).collect::<Vec<u8>>());
        product
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn program(&self, name: &str, bytes: &[u8]) {
        use std::os::unix::fs::PermissionsExt;
        self.write(name, bytes);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(LINKPACK);
        command.current_dir(self.folder.path()).arg("build").args(arguments).env("SOURCE_DATE_EPOCH", "1700000000");
        if !arguments.iter().any(|argument| argument.contains("cache")) {
            command.arg("--no-cache");
        }
        command
    }

    fn build(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Builds, and expects it to work.
    fn built(&self, arguments: &[&str]) -> BTreeMap<String, Vec<u8>> {
        let output = self.build(arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let folder = arguments.iter().position(|&argument| argument == "-o").map_or("dist", |at| arguments[at + 1]);
        files(&self.path(folder))
    }

    /// Builds, and expects a refusal with exit code 1 and an error line.
    fn refused_again(&self, arguments: &[&str]) -> String {
        let output = self.build(arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains("error: "), "{message}");
        message
    }

    /// Builds, and expects a refusal with nothing in the output folder.
    fn refused(&self, arguments: &[&str]) -> String {
        let message = self.refused_again(arguments);
        let left = if self.path("dist").is_dir() { files(&self.path("dist")) } else { BTreeMap::new() };
        assert!(left.is_empty(), "left behind: {:?}", left.keys());
        message
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap())).collect()
}

/// Bytes that compress to about their own length, so that builds take a while.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

#[test]
fn a_build_makes_three_packages_their_digests_and_a_manifest() {
    let product = Product::new();
    let made = product.built(&[]);
    let names: Vec<&str> = made.keys().map(String::as_str).collect();
    let expected = [
        "SHA256SUMS",
        "manifest.json",
        "sample-1.0.0-1.x86_64.rpm",
        "sample-1.0.0-linux-x86_64.cdx.json",
        "sample-1.0.0-linux-x86_64.run",
        "sample-1.0.0-linux-x86_64.spdx.json",
        "sample-1.0.0.provenance.json",
        "sample_1.0.0_amd64.deb",
    ];
    assert_eq!(names, expected);
    let check =
        Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(product.path("dist")).output().unwrap();
    assert!(check.status.success(), "{}", text(&check.stdout));
    assert_eq!(text(&check.stdout).lines().count(), 6);
    let manifest: Value = serde_json::from_slice(&made["manifest.json"]).unwrap();
    assert_eq!(manifest["packages"].as_array().unwrap().len(), 3);
    assert_eq!(manifest["inputs"][1]["name"], "pulse");
}

#[test]
fn packages_are_readable_by_all_but_the_umask_is_respected() {
    use std::os::unix::fs::PermissionsExt;
    let product = Product::new();
    let build = format!("umask 022; exec '{LINKPACK}' build --no-cache");
    assert!(Command::new("sh").args(["-c", &build]).current_dir(product.folder.path()).output().unwrap().status.success());
    let mode = fs::metadata(product.path("dist/sample_1.0.0_amd64.deb")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[test]
fn the_bytes_depend_on_nothing_but_the_input() {
    let product = Product::of_several_units();
    // Another time of modification, another folder.
    std::thread::sleep(Duration::from_millis(1100));
    let other = Product::of_several_units();
    for codec in CODECS {
        let one = product.built(&["--codec", codec, "-j", "1"]);
        // More threads, then a warm cache.
        assert!(one == other.built(&["--codec", codec, "-j", "5", "--cache", "cache"]), "{codec}");
        assert!(one == other.built(&["--codec", codec, "-j", "2", "--cache", "cache"]), "{codec}");
    }
}

/// Every file of a cache's shelves but what killed builds left there.
fn cached(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let shelves = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let units = shelves.flat_map(|shelf| fs::read_dir(shelf).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>());
    let whole = units.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with(".unit-"));
    whole.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn a_cache_that_was_damaged_gives_the_same_packages_and_is_whole_again() {
    let product = Product::of_several_units();
    for codec in CODECS {
        let arguments = ["--codec", codec, "--cache", codec];
        let expected = product.built(&arguments);
        let units = cached(&product.path(codec));
        assert!(units.len() > 4, "{codec}: {} units", units.len());
        // In the head, and in what follows it.
        for place in [20, 150] {
            for (path, bytes) in &units {
                let mut damaged = bytes.clone();
                let at = place.min(bytes.len() - 1);
                damaged[at] ^= 1;
                fs::write(path, damaged).unwrap();
            }
            assert!(expected == product.built(&arguments), "{codec}, byte {place}");
            assert!(units == cached(&product.path(codec)), "{codec}, byte {place}");
        }
    }
}

#[test]
fn a_cache_that_killed_and_concurrent_builds_used_gives_the_same_packages() {
    let product = Product::of_several_units();
    for codec in CODECS {
        let expected = product.built(&["--codec", codec]);
        let arguments = ["--codec", codec, "--cache", codec, "-o", "out"];
        let mut killed = 0;
        for step in 0..4 {
            // Both at once in one cache; one of them is killed.
            let mut other = product.command(&arguments).stderr(std::process::Stdio::null()).spawn().unwrap();
            let kill =
                signalled_with(&product, &arguments, rustix::process::Signal::KILL, Duration::from_millis(60 + step * 150));
            killed += u32::from(!kill.status.success());
            assert!(other.wait().unwrap().success(), "{codec}");
            assert!(expected.iter().all(|(name, bytes)| fs::read(product.path("out").join(name)).unwrap() == *bytes), "{codec}");
            if step % 2 == 0 {
                fs::remove_dir_all(product.path(codec)).unwrap();
            }
        }
        assert!(killed > 0, "{codec}: every build ended before it was killed");
    }
}

#[test]
fn the_default_codec_is_the_smallest_that_all_can_read_and_the_build_says_why() {
    let product = Product::new();
    for (formats, codec, why) in [("deb,rpm", "xz", "every dpkg and rpm"), ("deb,rpm,run", "gzip", "a .run")] {
        let output = product.build(&["-f", formats, "--json"]);
        assert!(text(&output.stderr).contains(&format!("compressing with {codec} on ")), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
        let manifest = fs::read(product.path("dist/manifest.json")).unwrap();
        for document in [output.stdout, manifest] {
            let document: Value = serde_json::from_slice(&document).unwrap();
            assert_eq!(document["codec"], codec);
            assert!(document["codec_reason"].as_str().unwrap().contains(why), "{document}");
        }
    }
}

#[test]
fn zstd_is_refused_where_a_system_cannot_read_it() {
    let product = Product::new();
    let message = product.refused(&["--codec", "zstd"]);
    assert!(message.contains("cannot be read on debian-10, debian-11, rhel-7"), "{message}");
    assert!(message.contains("help: ") && message.contains("systems = ["), "{message}");
    let systems = |list: &str| {
        product.write("linkpack.toml", MANIFEST.replacen("[product]\n", &format!("[product]\nsystems = {list}\n"), 1))
    };
    systems("[\"debian12\"]");
    assert!(product.refused(&[]).contains("write \"debian-12\""));
    systems("[]");
    assert!(product.refused(&[]).contains("no system"));
    systems("[\"debian-12\", \"rhel-9\"]");
    product.built(&["--codec", "zstd", "-f", "deb,rpm"]);
}

#[test]
fn unknown_keys_are_refused_with_their_line_and_what_to_write_instead() {
    let product = Product::new();
    product.write("linkpack.toml", MANIFEST.replace("publisher", "publishr"));
    let message = product.refused(&[]);
    assert!(message.contains("--> linkpack.toml:5:1"), "{message}");
    assert!(message.contains("help: write \"publisher\""), "{message}");
    product.write("linkpack.toml", MANIFEST.replace("\"pulse\" }", "{ source = \"pulse\", stripp = 1 } }"));
    let message = product.refused(&[]);
    assert!(message.contains("unknown key \"stripp\"") && message.contains("linkpack.toml:18:"), "{message}");
}

#[test]
fn missing_keys_and_wrong_values_are_refused_by_name() {
    let product = Product::new();
    for (old, new, expected) in [
        ("license = \"MIT\"\n", "", "\"license\" is missing"),
        ("version = \"1.0.0\"", "version = \"1.0-rc1\"", "write \"1.0~rc1\""),
        ("name = \"sample\"", "name = \"My Sample\"", "write \"my-sample\""),
        ("linux-x86_64 = \"connector\"", "linux-x64 = \"connector\"", "linux-x86_64"),
        ("command = [\"bin/pulse\"]", "command = [\"sbin/pulse\"]", "write command = [\"bin/pulse\"]"),
        ("payload = { linux-x86_64 = \"pulse\" }", "payload = {}", "has no payload"),
        ("executable = { linux = \"vlink\" }", "executable = { linux = \"nope\" }", "has no file \"nope\""),
        ("payload = { linux-x86_64 = \"pulse\" }", "payload = { linux-x86_64 = \"absent\" }", "absent"),
    ] {
        product.write("linkpack.toml", MANIFEST.replacen(old, new, 1));
        let message = product.refused(&[]);
        assert!(message.contains(expected), "{new}: {message}");
    }
}

#[test]
fn a_missing_manifest_is_said_and_so_is_how_to_make_one() {
    let product = Product::new();
    fs::remove_file(product.path("linkpack.toml")).unwrap();
    let message = product.refused(&[]);
    assert!(message.contains("linkpack.toml") && message.contains("linkpack init"), "{message}");
}

#[test]
fn usage_errors_exit_with_2() {
    let product = Product::new();
    for arguments in [&["--colour"][..], &["-f", "zip"], &["-j", "0"], &["--cache", "x", "--no-cache"]] {
        assert_eq!(product.build(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn sites_get_packages_of_their_own() {
    let product = Product::new();
    product.write("acme.toml", "server-url = \"https://acme.example\"\nroot = { linux = \"/opt/acme\" }\n");
    product.write("other.toml", "name = \"second\"\ncontainers = []\n");
    let made = product.built(&["-s", "acme.toml", "-s", "other.toml", "-f", "deb,run"]);
    for name in ["sample-acme_1.0.0_amd64.deb", "sample-acme-1.0.0-linux-x86_64.run", "sample-second_1.0.0_amd64.deb"] {
        assert!(made.contains_key(name), "{name} among {:?}", made.keys());
    }
    let deb = product.path("dist/sample-acme_1.0.0_amd64.deb");
    let listed = Command::new("dpkg-deb").arg("--contents").arg(deb).output().unwrap();
    assert!(text(&listed.stdout).contains("./opt/acme/vAgentManager/vlink"));
    product.write("bad.toml", "conainers = []\n");
    assert!(text(&product.build(&["-s", "bad.toml"]).stderr).contains("help: write \"containers\""));
    product.write("unknown.toml", "containers = [\"pulse2\"]\n");
    assert!(text(&product.build(&["-s", "unknown.toml"]).stderr).contains("write some of: pulse"));
}

#[test]
fn a_later_source_covers_an_earlier_one() {
    let product = Product::new();
    product.write("own/etc/pulse.conf", "ours\n");
    product.write("pulse/etc/pulse.conf", "theirs\n");
    product.write("pulse/etc/other.conf", "theirs\n");
    let layers = "[{ source = \"pulse\", config = [\"etc\"] }, \"own\"]";
    product.write("linkpack.toml", MANIFEST.replace("linux-x86_64 = \"pulse\"", &format!("linux-x86_64 = {layers}")));
    product.built(&["-f", "deb"]);
    let mut unpack = Command::new("dpkg-deb");
    unpack.args(["--raw-extract", "dist/sample_1.0.0_amd64.deb", "raw"]).current_dir(product.folder.path());
    assert!(unpack.status().unwrap().success());
    let etc = product.path("raw/usr/local/intigua/Intigua-Libs/pulse/etc");
    assert_eq!(fs::read_to_string(etc.join("pulse.conf")).unwrap(), "ours\n");
    assert_eq!(fs::read_to_string(etc.join("other.conf")).unwrap(), "theirs\n");
    let conffiles = fs::read_to_string(product.path("raw/DEBIAN/conffiles")).unwrap();
    assert_eq!(conffiles.lines().count(), 2, "{conffiles}");
    product.write(
        "linkpack.toml",
        MANIFEST.replace("linux-x86_64 = \"pulse\"", "linux-x86_64 = [{ source = \"pulse\", stripp = 1 }]"),
    );
    assert!(product.refused_again(&[]).contains("unknown key \"stripp\""));
}

#[test]
fn json_is_one_document_on_stdout_and_all_else_goes_to_stderr() {
    let product = Product::new();
    let output = product.build(&["--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["packages"].as_array().unwrap().len(), 3);
    assert!(!text(&output.stderr).contains('\u{1b}'), "no colours or bars without a terminal");
    let quiet = product.build(&["-q"]);
    assert!(quiet.stdout.is_empty() && quiet.stderr.is_empty(), "{}", text(&quiet.stderr));
}

/// Runs a shell line in a mount namespace of its own, with `folder` as a tmpfs of these options.
fn with_tmpfs(folder: &Path, options: &str, line: &str) -> Output {
    let script = format!("mount -t tmpfs -o {options} tmpfs \"$1\" && shift && {line}");
    Command::new("unshare").args(["--mount", "sh", "-ec", &script, "sh"]).arg(folder).arg(LINKPACK).output().unwrap()
}

#[test]
fn a_full_output_folder_is_an_error_and_nothing_stays_in_it() {
    let product = Product::new();
    product.write("connector/large", noise(3_000_000, 1));
    fs::create_dir(product.path("dist")).unwrap();
    let line =
        format!("cd '{}'; \"$1\" build --no-cache && exit 99; code=$?; ls -A dist; exit $code", product.folder.path().display());
    let output = with_tmpfs(&product.path("dist"), "size=1m", &line);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("No space left") && message.contains("-o DIR"), "{message}");
    assert_eq!(text(&output.stdout), "", "left in the output folder");
}

#[test]
fn a_read_only_output_folder_is_an_error() {
    let product = Product::new();
    fs::create_dir(product.path("dist")).unwrap();
    let line = format!("cd '{}'; exec \"$1\" build --no-cache", product.folder.path().display());
    let output = with_tmpfs(&product.path("dist"), "ro", &line);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("Read-only file system") && message.contains("-o DIR"), "{message}");
}

/// Starts a build that takes a while and sends it a signal after `delay`.
fn signalled(product: &Product, signal: rustix::process::Signal, delay: Duration) -> Output {
    signalled_with(product, &[], signal, delay)
}

fn signalled_with(product: &Product, arguments: &[&str], signal: rustix::process::Signal, delay: Duration) -> Output {
    let mut child = product.command(arguments);
    let child = child.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(delay);
    let pid = rustix::process::Pid::from_child(&child);
    // The build may have ended already.
    let _ = rustix::process::kill_process(pid, signal);
    child.wait_with_output().unwrap()
}

#[test]
fn an_interrupt_at_any_time_leaves_no_file() {
    let product = Product::new();
    product.write("connector/large", noise(40_000_000, 3));
    let mut interrupted = 0;
    for step in 0..8 {
        let output = signalled(&product, rustix::process::Signal::INT, Duration::from_millis(20 + step * 60));
        if output.status.success() {
            fs::remove_dir_all(product.path("dist")).unwrap();
            continue;
        }
        // Without an exit code the signal came before linkpack listened to it, as it can on a busy machine.
        if let Some(code) = output.status.code() {
            interrupted += 1;
            assert_eq!(code, 1);
            assert!(text(&output.stderr).contains("interrupted"), "{}", text(&output.stderr));
        }
        let left = if product.path("dist").exists() { files(&product.path("dist")) } else { BTreeMap::new() };
        assert!(left.is_empty(), "{:?}", left.keys());
    }
    assert!(interrupted > 0, "every build ended before its signal");
}

#[test]
fn a_killed_build_leaves_whole_packages_or_none_and_the_next_one_sweeps_up() {
    let product = Product::new();
    product.write("connector/large", noise(40_000_000, 3));
    // Of a build that was killed after its packages had their names; mostly none.
    let (mut killed, mut whole) = (0, BTreeMap::new());
    for step in 0..6 {
        let output = signalled(&product, rustix::process::Signal::KILL, Duration::from_millis(30 + step * 100));
        if output.status.success() {
            fs::remove_dir_all(product.path("dist")).unwrap();
            continue;
        }
        killed += 1;
        let left = if product.path("dist").exists() { files(&product.path("dist")) } else { BTreeMap::new() };
        whole.extend(left.into_iter().filter(|(name, _)| !name.starts_with(".linkpack-partial-")));
    }
    assert!(killed > 0, "every build ended before it was killed");
    let made = product.built(&[]);
    assert_eq!(made.len(), 8, "{:?}", made.keys());
    for (name, bytes) in whole {
        assert!(made[&name] == bytes, "{name} was not whole");
    }
}

#[test]
fn a_rebuild_packs_what_changed_and_nothing_else() {
    let product = Product::new();
    for index in 0..3000 {
        product.write(&format!("pulse/share/{index:04}.txt"), format!("{index} is a number\n").repeat(150));
    }
    let build = || {
        let mut command = product.command(&["--cache", "cache", "-f", "deb,rpm,run", "--codec", "fast"]);
        // Without it, files keep the time of their last change, and the package has the newest.
        let output = command.env_remove("SOURCE_DATE_EPOCH").output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let shelves = fs::read_dir(product.path("cache")).unwrap().flatten().filter(|shelf| shelf.path().is_dir());
        shelves.flat_map(|shelf| fs::read_dir(shelf.path()).unwrap().flatten().map(|unit| unit.path())).collect::<Vec<_>>()
    };
    let before = build();
    assert!(before.len() > 20, "{} units", before.len());
    product.write("pulse/share/1500.txt", "changed\n");
    let made = build().into_iter().filter(|unit| !before.contains(unit)).count();
    // For each format the unit of the changed file (a border may move to its neighbour), that of linkctl and what lists digests.
    assert!(made <= 3 * 4, "{made} units were made again of {}", before.len());
}

#[test]
fn two_builds_at_once_into_one_folder_and_one_cache_both_work() {
    let product = Product::new();
    product.write("connector/large", noise(10_000_000, 5));
    let start = || product.command(&["--cache", "cache"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let (one, two) = (start(), start());
    for child in [one, two] {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let together = files(&product.path("dist"));
    assert!(together == product.built(&[]));
}

#[test]
fn memory_does_not_grow_with_the_payload() {
    let product = Product::new();
    let peak = |megabytes: usize| {
        product.write("connector/large", noise(megabytes << 20, 11));
        common::peak(&mut product.command(&["-j", "2"]))
    };
    let (small, large) = (peak(40), peak(160));
    assert!(large < 128 << 10, "{large} KiB for 160 MiB");
    assert!(large < small + (32 << 10), "{small} KiB for 40 MiB, {large} KiB for 160 MiB");
}

#[test]
fn the_schema_is_made_from_the_manifests_own_types() {
    let output = Command::new(LINKPACK).arg("schema").output().unwrap();
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    for table in ["product", "root", "connector", "container", "deb", "rpm"] {
        assert!(schema["properties"][table].is_object(), "{table}");
    }
    let container = &schema["$defs"]["ContainerTable"]["properties"];
    for key in ["name", "command", "inject", "throttle", "watchdog", "payload"] {
        assert!(container[key].is_object(), "{key}");
    }
    // An editor can complete targets, and takes a value from the environment.
    let targets: Vec<&String> = schema["$defs"]["Payload"]["properties"].as_object().unwrap().keys().collect();
    assert_eq!(targets, ["linux-aarch64", "linux-x86_64", "windows-x86", "windows-x86_64"]);
    assert_eq!(schema["$defs"]["ProductTable"]["properties"]["version"]["anyOf"][1]["$ref"], "#/$defs/Variable");
    let site = Command::new(LINKPACK).args(["schema", "site"]).output().unwrap();
    let site: Value = serde_json::from_slice(&site.stdout).unwrap();
    assert!(site["properties"]["token-file"].is_object() && site["additionalProperties"] == false, "{site}");
}

#[test]
fn completions_and_the_manual_page_are_printed() {
    for shell in ["bash", "zsh", "fish"] {
        let output = Command::new(LINKPACK).args(["completions", shell]).output().unwrap();
        assert!(output.status.success() && text(&output.stdout).contains("linkpack"));
    }
    let page = Command::new(LINKPACK).arg("man").output().unwrap();
    assert!(text(&page.stdout).contains(".TH linkpack"));
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(LINKPACK).args(["man", "--out"]).arg(folder.path().join("man1")).output().unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let pages = files(&folder.path().join("man1"));
    let verbs = [
        "init",
        "build",
        "sign",
        "assemble",
        "inspect",
        "verify",
        "lint",
        "kit",
        "plan",
        "merge",
        "cache",
        "preflight",
        "schema",
        "completions",
        "man",
    ];
    for verb in verbs {
        let page = text(pages.get(&format!("linkpack-{verb}.1")).unwrap_or_else(|| panic!("{verb} among {:?}", pages.keys())));
        let help = text(&Command::new(LINKPACK).args([verb, "--help"]).output().unwrap().stdout);
        for shown in [page, help] {
            assert!(shown.contains("Examples:") && shown.contains("Exit codes: 0 "), "{verb}: {shown}");
        }
    }
}

#[test]
fn init_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    let init = |arguments: &[&str]| Command::new(LINKPACK).arg("init").args(arguments).arg(folder.path()).output().unwrap();
    assert!(init(&[]).status.success());
    let before = files(folder.path());
    let again = init(&["--sample"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("exists already"));
    assert!(before == files(folder.path()));
}

#[test]
fn the_sample_product_builds_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let sample = folder.path().join("sample");
    assert!(Command::new(LINKPACK).args(["init", "--sample"]).arg(&sample).output().unwrap().status.success());
    let build = |arguments: &[&str]| {
        let output = Command::new(LINKPACK).args(["build", "--no-cache"]).args(arguments).current_dir(&sample).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    build(&[]);
    build(&["-s", "sites/example.toml", "--codec", "small"]);
    let made = files(&sample.join("dist"));
    assert!(made.contains_key("intigua-sample_1.0.0_amd64.deb"), "{:?}", made.keys());
    assert!(made.contains_key("intigua-sample-example_1.0.0_amd64.deb"), "{:?}", made.keys());
}
