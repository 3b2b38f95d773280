//! The command line on every seed: what it takes of memory, and that it writes nothing but what it is asked for, by strace's account.
use super::*;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a process may take, in KiB.
const MEMORY: u64 = 256 << 10;

/// What changes a file system. An open counts when it is for writing.
const CHANGES: &str =
    "trace=open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,rename,renameat,renameat2,link,linkat,symlink,\
    symlinkat,unlink,unlinkat,rmdir,truncate,chmod,fchmodat,chown,lchown,fchownat,utimensat,setxattr,lsetxattr,mount,bind,execve";

/// Runs linkpack and says which of its calls changed anything, or ran a program.
fn changes(folder: &Path, arguments: &[OsString]) -> Vec<String> {
    need("strace", "strace");
    let log = tempfile::NamedTempFile::new().expect("make a file");
    let trace = ["-f", "-qq", "--seccomp-bpf", "-s", "4096", "-e", CHANGES, "-e", "signal=none", "-o"];
    let strace = cmd("strace").args(trace).arg(log.path()).arg(env!("CARGO_BIN_EXE_linkpack"));
    let output = strace.args(arguments.iter().cloned()).dir(folder).run();
    assert!(matches!(output.code, Some(0 | 1)) && !output.stderr.contains("panicked"), "{output}");
    let log = fs::read(log.path()).expect("read strace's log");
    let calls = String::from_utf8_lossy(&log).into_owned();
    let opens = |line: &str| line.split_whitespace().nth(1).is_some_and(|call| call.starts_with("open"));
    let writes =
        |line: &&str| !opens(line) || ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| line.contains(flag));
    // The first line is strace starting linkpack; the second half of a call that another thread's has parted has no arguments.
    let begins = |line: &&str| !line.contains("<... ");
    calls.lines().skip(1).filter(begins).filter(writes).map(str::to_owned).collect()
}

/// Every seed of these targets, as a file of its kind.
fn files(folder: &Path, targets: &[&str]) -> Vec<PathBuf> {
    let seeds = targets.iter().flat_map(|target| seeds::of(target).into_iter().enumerate().map(move |one| (target, one)));
    let written = seeds.map(|(target, (number, seed))| {
        let path = folder.join(format!("{number}.{target}"));
        fs::write(&path, seed).expect("write a seed");
        path
    });
    written.collect()
}

#[test]
fn inspect_verify_and_lint_stay_small_and_write_nothing() {
    let folder = tempfile::tempdir().expect("make a folder");
    let packages = files(folder.path(), &["deb", "rpm", "run", "msi"]);
    let keys = seeds::keys().into_iter().flat_map(|key| [OsString::from("--key"), key.into()]);
    let all = |verb: &str| std::iter::once(OsString::from(verb)).chain(packages.iter().map(OsString::from)).collect::<Vec<_>>();
    let mut lines = vec![all("lint"), all("verify"), all("verify").into_iter().chain(keys).collect()];
    lines
        .extend(packages.iter().map(|package| ["inspect".into(), "--files".into(), "--scripts".into(), package.into()].to_vec()));
    let mut most = 0;
    for line in &lines {
        assert_eq!(changes(folder.path(), line), [""; 0], "{line:?}");
        let (peak, _, said) = peak_of(Command::new(env!("CARGO_BIN_EXE_linkpack")).args(line));
        assert!(peak < MEMORY, "{line:?}: {} MiB: {said}", peak >> 10);
        most = most.max(peak);
    }
    let page = folder.path().join("page.html");
    let line = [OsString::from("inspect"), "--html".into(), page.clone().into(), packages[0].clone().into()];
    let changed = changes(folder.path(), &line);
    assert!(
        !changed.is_empty() && changed.iter().all(|call| call.contains(folder.path().to_str().expect("text"))),
        "{changed:#?}"
    );
    eprintln!("linkpack: inspect, verify and lint of {} packages: at most {} MiB, nothing written", packages.len(), most >> 10);
}

const MANIFEST: &str = r#"[product]
name = "hostile"
title = "Hostile"
version = "1"
publisher = "Example"
contact = "Example <a@example.com>"
license = "MIT"
description = "hostile"
[connector]
executable = { linux = "bin/tool" }
payload = { linux-x86_64 = { source = "SOURCE", strip = STRIP } }
"#;

fn is_package(entry: &std::io::Result<fs::DirEntry>) -> bool {
    entry.as_ref().expect("an entry").path().extension().is_some_and(|extension| extension == "deb")
}

/// Archives as payloads, those among them whose names lead out: a build writes below the folders that it is given.
#[test]
fn a_build_writes_below_its_folders_whatever_its_payloads_name() {
    let folder = tempfile::tempdir().expect("make a folder");
    let path = folder.path().to_str().expect("text").to_owned();
    let sources = files(folder.path(), &["tar", "zip", "deb", "rpm"]);
    let mut built = 0;
    for source in &sources {
        let name = source.file_name().and_then(|name| name.to_str()).expect("text");
        // Of packages, the connector lies in opt/agent.
        let strip = if name.ends_with("rpm") { "2" } else { "0" };
        let manifest = MANIFEST.replace("SOURCE", name).replace("STRIP", strip);
        fs::write(folder.path().join("linkpack.toml"), manifest).expect("write the manifest");
        let line = ["build", "-q", "-j", "1", "--cache", "cache", "--no-sbom", "-f", "deb,run"].map(OsString::from);
        let changed = changes(folder.path(), &line);
        // Names are relative to the folder, or below it.
        let within = |call: &String| {
            let names: Vec<&str> = call.split('"').skip(1).step_by(2).collect();
            names
                .iter()
                .all(|name| !name.split('/').any(|part| part == "..") && (!name.starts_with('/') || name.starts_with(&path)))
        };
        let outside: Vec<_> = changed.iter().filter(|call| !within(call)).collect();
        assert!(outside.is_empty(), "{name}: {outside:#?}");
        built += u64::from(fs::read_dir(folder.path().join("dist")).is_ok_and(|mut entries| entries.any(|one| is_package(&one))));
        let _ = fs::remove_dir_all(folder.path().join("dist"));
    }
    assert!(built > 10, "{built} of {} payloads were packaged", sources.len());
    eprintln!("linkpack: {built} of {} payloads packaged, nothing written outside", sources.len());
}
