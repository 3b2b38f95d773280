//! Every program that reads our packages on endpoints, and every codec: what comes out is what went in.

mod common;

use common::{cmd, need, Output, Place, Scratch};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const INSTALLED: &str = "/usr/local/intigua/vAgentManager";

const MANIFEST: &str = r#"[product]
name = "sample"
title = "Sample"
version = "1.0.0"
publisher = "Example Ltd"
contact = "Example Ltd <support@example.com>"
license = "MIT"
description = "sample product"
systems = ["debian-12", "rhel-9"]

[connector]
executable = { linux = "vlink" }
payload = { linux-x86_64 = "connector" }
"#;

/// One product's DEB, RPM and .run, and the .run's payload.
struct Made {
    folder: tempfile::TempDir,
}

impl Made {
    /// A program of several units, bytes that do not compress, a file of several units, and many small files.
    fn of(codec: &str) -> Made {
        let made = Made { folder: tempfile::tempdir().unwrap() };
        made.write("linkpack.toml", MANIFEST.as_bytes());
        made.write("connector/vlink", b"#!/bin/sh\nexec sleep 1000\n");
        fs::set_permissions(made.path("connector/vlink"), fs::Permissions::from_mode(0o755)).unwrap();
        let program = fs::read(env!("CARGO_BIN_EXE_linkpack")).unwrap();
        assert!(program.starts_with(b"\x7fELF"));
        made.write("connector/program", &program[..3 << 20]);
        made.write("connector/dense", &noise(700_000));
        made.write("connector/long", &(0..9_500_000_u32).map(|i| (i / 1000).wrapping_mul(i) as u8).collect::<Vec<u8>>());
        for at in 0..300 {
            made.write(&format!("connector/small/{at}.txt"), format!("{at}, and a text\n").repeat(at + 1).as_bytes());
        }
        let build = cmd(env!("CARGO_BIN_EXE_linkpack")).args(["build", "--no-cache", "-f", "deb,rpm,run", "--codec", codec]);
        build.env("SOURCE_DATE_EPOCH", "1700000000").dir(made.path("")).run().ok();
        let run = made.package("run");
        let info = cmd("sh").arg(&run).args(["--info", "--json"]).run().ok();
        let info: Value = serde_json::from_str(&info.stdout).unwrap();
        let offset = info["payload_offset"].as_u64().unwrap() as usize;
        made.write("payload", &fs::read(run).unwrap()[offset..]);
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn package(&self, extension: &str) -> PathBuf {
        let mut entries = fs::read_dir(self.path("dist")).unwrap().map(|entry| entry.unwrap().path());
        entries.find(|path| path.extension().is_some_and(|found| found == extension)).unwrap()
    }

    /// Runs a script beside the packages.
    fn sh(&self, script: &str) -> Output {
        cmd("sh").args(["-ec", script]).dir(self.path("")).run()
    }

    /// Unpacks into `out` by a script, and compares.
    fn unpacked_by(&self, script: &str) {
        self.sh(&format!("rm -rf out; mkdir out; {script}")).ok();
        self.sh("diff -r connector \"$(find out -type d -name vAgentManager)\"").ok();
    }

    /// Installs /srv/package by a command, in a root of its own, and compares.
    fn installed_by(&self, command: &str, extension: &str) {
        let scratch = Scratch::debian();
        scratch.copy_in(&self.package(extension), "/srv/package");
        self.sh("tar -cf connector.tar connector").ok();
        scratch.copy_in(&self.path("connector.tar"), "/srv/connector.tar");
        // Debian's minimal installation has neither: only a .run needs them.
        for tool in ["xz", "zstd"] {
            scratch.copy_in(&Path::new("/usr/bin").join(tool), &format!("/usr/bin/{tool}"));
            scratch.sh(&format!("chmod 755 /usr/bin/{tool}")).ok();
        }
        scratch.sh(command).ok();
        scratch.sh(&format!("tar -xf /srv/connector.tar -C /srv && diff -r /srv/connector {INSTALLED}/")).ok();
    }

    /// The readers that take every codec.
    fn read_by_all(&self) {
        for (tool, package) in [("dpkg-deb", "dpkg"), ("rpm2cpio", "rpm"), ("cpio", "cpio"), ("xz", "xz-utils"), ("zstd", "zstd")]
        {
            need(tool, package);
        }
        self.unpacked_by("dpkg-deb --extract dist/*.deb out");
        self.unpacked_by("rpm2cpio dist/*.rpm | (cd out; cpio -idm --quiet)");
        self.unpacked_by("sh dist/*.run --quiet --extract out/x");
        self.unpacked_by("tar -xf payload -C out");
        self.sh("rpm -K --nosignature dist/*.rpm").ok().says("digests OK");
        self.installed_by("dpkg -i /srv/package", "deb");
        self.installed_by("rpm -U --nodeps /srv/package", "rpm");
        self.installed_by("sh /srv/package --no-start", "run");
    }
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 9_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn every_reader_takes_gzip() {
    let made = Made::of("fast");
    made.read_by_all();
    made.sh("gzip -t <payload").ok();
    made.unpacked_by("busybox gunzip -c <payload | busybox tar -x -f - -C out");
    made.unpacked_by(
        "python3 -c 'import gzip, shutil, sys; shutil.copyfileobj(gzip.open(\"payload\"), sys.stdout.buffer)' | tar -x -C out",
    );
}

#[test]
fn every_reader_takes_zstd() {
    need("zstd", "zstd");
    let made = Made::of("zstd");
    made.read_by_all();
    made.sh("zstd -tq <payload").ok();
    let frames =
        |listed: Output| listed.stdout.lines().nth(1).unwrap().split_whitespace().next().unwrap().parse::<u32>().unwrap();
    assert!(frames(made.sh("cp payload payload.zst; zstd --list payload.zst").ok()) > 1);
    // dpkg takes one frame only.
    assert_eq!(frames(made.sh("ar p dist/*.deb data.tar.zst >data.zst; zstd --list data.zst").ok()), 1);
}

#[test]
fn every_reader_takes_xz() {
    need("xz", "xz-utils");
    let made = Made::of("small");
    made.read_by_all();
    made.sh("xz -t <payload").ok();
    made.unpacked_by(
        "python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(\"payload\"), sys.stdout.buffer)' | tar -x -C out",
    );
    let listed = made.sh("cp payload payload.xz; xz --list -vv payload.xz").ok().stdout;
    let blocks: Vec<&str> = listed.lines().filter(|line| line.contains("--lzma2=")).collect();
    // Number, stream, offsets, sizes, ratio, check, its value, the header's length, and which sizes it names: c, u.
    assert!(blocks.len() > 4 && blocks.iter().all(|line| line.split_whitespace().nth(10) == Some("cu")), "{listed}");
    assert!(blocks.iter().any(|line| line.contains("--x86 --lzma2=")), "no filter for programs:\n{listed}");
}

#[test]
fn xz_unpacks_our_blocks_on_several_threads() {
    let made = Made::of("small");
    // Nobody reads: xz waits with all its threads started.
    let mut child = std::process::Command::new("xz");
    child.args(["-dc", "-T2", "--"]).arg(made.path("payload.xz")).stdout(std::process::Stdio::piped());
    fs::copy(made.path("payload"), made.path("payload.xz")).unwrap();
    let mut child = child.spawn().unwrap_or_else(|error| panic!("xz: {error}; apt-get install xz-utils"));
    let tasks = format!("/proc/{}/task", child.id());
    let deadline = Instant::now() + Duration::from_secs(60);
    let count = || fs::read_dir(Path::new(&tasks)).map_or(0, Iterator::count);
    // The one that reads, and two that decode.
    while count() < 3 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    let threads = count();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(threads, 3, "xz -T2 runs {threads} threads on our payload");
}

#[test]
fn a_run_is_refused_by_name_where_its_tool_is_missing() {
    for (codec, tool) in [("zstd", "zstd"), ("small", "xz")] {
        let made = Made::of(codec);
        let scratch = Scratch::debian();
        scratch.copy_in(&made.package("run"), "/srv/package.run");
        scratch.sh(&format!("rm -f $(command -v {tool})")).ok();
        let before = scratch.tree("/usr");
        for verb in ["", "--list", "--extract /srv/out"] {
            scratch.sh(&format!("sh /srv/package.run {verb}")).exits(15).says(&format!("needed tools are missing: {tool}"));
        }
        assert_eq!(before, scratch.tree("/usr"));
    }
}

/// busybox's xz has no filter for x86, and would find our programs corrupted.
#[test]
fn a_run_is_refused_with_the_reason_where_xz_is_busyboxs() {
    let made = Made::of("small");
    made.sh("busybox unxz -c <payload >/dev/null").fails();
    let scratch = Scratch::debian();
    scratch.copy_in(&made.package("run"), "/srv/package.run");
    scratch.sh("rm -f $(command -v xz); ln -s $(command -v busybox) /usr/bin/xz").ok();
    for verb in ["", "--preflight", "--list", "--extract /srv/out"] {
        scratch.sh(&format!("sh /srv/package.run {verb}")).exits(15).says("xz of XZ Utils is needed");
    }
    assert!(!scratch.exists(INSTALLED));
}
