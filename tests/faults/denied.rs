//! Calls that fail: a full disk at each write, a broken one at each read.
use super::rebuilt::Rebuilt;
use super::*;

/// Everything that takes space on a disk, but opening.
const WRITES: [&str; 12] = [
    "write",
    "pwrite64",
    "writev",
    "ftruncate",
    "fallocate",
    "copy_file_range",
    "sendfile",
    "rename",
    "renameat2",
    "mkdir",
    "fsync",
    "fdatasync",
];
const READS: [&str; 5] = ["read", "pread64", "readv", "lseek", "getdents64"];

/// Every call up to here fails in an ordinary run of the tests; beyond, fewer and fewer.
const EACH: u64 = 24;

/// Whether `strace` denied a call, by its log.
fn was_denied(log: &str) -> bool {
    log.contains("(INJECTED)")
}

/// Lets each call of a kind fail in turn, and judges each build: how many failed, and how many builds were refused for it.
fn deny(calls: &[&str], error: &str, only: &[&str]) -> (u64, u64) {
    need("strace", "strace");
    let product = Rebuilt::new();
    let counts = calls.iter().map(|call| deny_call(&product, call, error, only));
    counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

/// Lets the n-th of a call of each thread fail, for every n until there is none.
fn deny_call(product: &Rebuilt, call: &str, error: &str, only: &[&str]) -> (u64, u64) {
    let all = std::env::var("LINKPACK_FAULTS").is_ok_and(|value| value == "all");
    let text = |path: &str| product.path(path).to_str().expect("text").to_owned();
    let (mut number, mut tried, mut refused) = (1, 0, 0);
    loop {
        product.reset();
        product.forget_cache();
        let mut wrapper = ["strace", "-f", "-qq", "--seccomp-bpf", "-o"].map(String::from).to_vec();
        wrapper.extend([text("strace.log"), "-e".to_owned(), format!("trace={call}")]);
        wrapper.extend(["-e".to_owned(), format!("inject={call}:error={error}:when={number}")]);
        // Of reads, those of the linker and of the system's own files are not ours.
        wrapper.extend(only.iter().flat_map(|path| ["-P".to_owned(), text(path)]));
        let output = product.below(&wrapper);
        let log = std::fs::read_to_string(product.path("strace.log")).expect("read strace's log");
        if !was_denied(&log) {
            output.ok();
            product.is_done();
            return (tried, refused);
        }
        tried += 1;
        refused += u64::from(judge(product, &output, &log, error));
        number += if all { 1 } else { 1 + number / EACH };
    }
}

/// Whether the build was refused: it then says what and where and leaves everything as it was. One that could do without is whole.
#[track_caller]
fn judge(product: &Rebuilt, output: &Output, log: &str, error: &str) -> bool {
    let denied: Vec<&str> = log.lines().filter(|line| was_denied(line)).collect();
    assert!(!output.stderr.contains("panicked"), "{denied:#?}: {output}");
    match output.code {
        Some(0) => {
            product.is_whole();
            product.is_built(&format!("{denied:#?}"));
            false
        }
        Some(1) => {
            let said = output.stderr.contains("error: cannot ") || output.stderr.contains("error: the disk is full");
            let why = if error == "EIO" { "Input/output error" } else { "No space left" };
            // What it names is in the folder that the test gave, by its own name or from there.
            let folder = product.path("");
            let place = [folder.to_str().expect("text"), "dist", "cache", "linkpack.toml", "pulse", "tracer", "connector"];
            let named = place.iter().any(|place| output.stderr.contains(place));
            // It may have been the sentence itself that could not be written.
            let unsaid = denied.iter().any(|line| line.contains(" write(2, "));
            assert!(unsaid || said && named && output.stderr.contains(why), "{denied:#?}: {output}");
            product.is_as_before();
            true
        }
        _ => panic!("{denied:#?}: {output}"),
    }
}

#[test]
fn a_full_disk_at_any_write_is_said_and_leaves_the_packages_of_the_last_build() {
    let (tried, refused) = deny(&WRITES, "ENOSPC", &[]);
    eprintln!("linkpack: ENOSPC at {tried} writes, {refused} builds refused: every package whole");
    assert!(refused > 10, "{refused} of {tried}");
}

#[test]
fn a_broken_disk_at_any_read_of_the_input_is_said_and_leaves_the_packages_of_the_last_build() {
    let input = ["linkpack.toml", "pulse.tar.gz", "connector/vlink", "containers/tracer/bin/tracer", "containers/tracer"];
    let (tried, refused) = deny(&READS, "EIO", &input);
    eprintln!("linkpack: EIO at {tried} reads of the input, {refused} builds refused: every package whole");
    assert!(refused > 3, "{refused} of {tried}");
}
