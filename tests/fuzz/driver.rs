//! Cases in a process of their own, whose memory and time are watched: what ends it keeps the case that did.
use super::*;
use rustix::process::{setrlimit, Resource, Rlimit};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Seconds for each target in an ordinary run of the tests.
const SECONDS: u64 = 10;
/// What a case may add to the memory of the process, in KiB.
const MEMORY: u64 = 256 << 10;
/// Where a bomb hits before the machine runs out of it, in bytes of address space.
const ADDRESSES: u64 = 3 << 30;
/// Seconds of the processor that a case may take.
const PATIENCE: u64 = 20;

/// Runs a target on mutations of its seeds, in this very test run once more in a process of its own.
#[track_caller]
pub fn survives(target: &str, test: &str) {
    if let Some(folder) = std::env::var_os("LINKPACK_FUZZ_FOLDER") {
        return try_cases(target, Path::new(&folder));
    }
    let folder = tempfile::tempdir_in("/dev/shm").expect("make a folder");
    let mut command = Command::new(std::env::current_exe().expect("this test's path"));
    command.args([test, "--exact", "--nocapture"]).env("LINKPACK_FUZZ_FOLDER", folder.path());
    command.env("LINKPACK_FUZZ_KEYS", std::env::join_paths(seeds::keys()).expect("paths without colons"));
    let output = command.output().expect("run this test again");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let kept = keep(target, folder.path());
        panic!("{target}: {}; the case is kept: LINKPACK_FUZZ_CASE={}\n{said}", output.status, kept.display());
    }
    let counted = said.lines().find(|line| line.contains(" cases tried")).unwrap_or_else(|| panic!("no count: {said}"));
    eprintln!("{counted}");
}

fn keep(target: &str, folder: &Path) -> PathBuf {
    let kept = target_dir().join(format!("tmp/fuzz-{target}-{}", std::process::id()));
    let _ = fs::copy(folder.join("case"), &kept);
    kept
}

fn try_cases(target: &str, folder: &Path) {
    let work = folder.join("work");
    fs::create_dir(&work).expect("make a folder");
    let limit = Rlimit { current: Some(ADDRESSES), maximum: Some(ADDRESSES) };
    if let Some(case) = std::env::var_os("LINKPACK_FUZZ_CASE") {
        setrlimit(Resource::As, limit).expect("limit the address space");
        return again(target, &work, Path::new(&case));
    }
    let seeds = seeds::of(target);
    setrlimit(Resource::As, limit).expect("limit the address space");
    // The seeds themselves first: they are good, and bring the process to its usual size.
    for seed in &seeds {
        targets::run(target, &work, seed);
    }
    let base = resident("VmRSS");
    watch();
    let mut random = Random(setting("LINKPACK_FUZZ_SEED", 1));
    let end = Instant::now() + Duration::from_secs(setting("LINKPACK_FUZZ_SECONDS", SECONDS));
    let (mut cases, mut largest) = (0, 0);
    while Instant::now() < end {
        let case = mutate::case(target, &seeds, &mut random);
        fs::write(folder.join("case"), &case).expect("keep the case");
        CASE.fetch_add(1, Ordering::Relaxed);
        one_case(target, &work, &case, base);
        largest = largest.max(resident("VmHWM").saturating_sub(base));
        cases += 1;
    }
    let left: Vec<_> = fs::read_dir(folder).expect("read the folder").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left.len(), 2, "written beside the case: {left:?}");
    eprintln!("linkpack: {target}: {cases} cases tried, at most {} MiB above the usual", largest >> 10);
}

/// A kept case, or all those in a folder, such as the corpus that libFuzzer has grown.
fn again(target: &str, work: &Path, kept: &Path) {
    let cases: Vec<PathBuf> = match fs::read_dir(kept) {
        Ok(entries) => entries.map(|entry| entry.expect("an entry").path()).collect(),
        Err(_) => vec![kept.to_path_buf()],
    };
    let (base, mut largest) = (resident("VmRSS"), 0);
    for case in &cases {
        one_case(target, work, &fs::read(case).expect("read a case"), base);
        largest = largest.max(resident("VmHWM"));
    }
    eprintln!("linkpack: {target}: {} cases tried again, at most {} MiB in all", cases.len(), largest >> 10);
}

fn one_case(target: &str, work: &Path, bytes: &[u8], base: u64) {
    // The peak from here on.
    fs::write("/proc/self/clear_refs", "5").expect("reset the peak of memory");
    targets::run(target, work, bytes);
    let peak = resident("VmHWM").saturating_sub(base);
    assert!(peak <= MEMORY, "the case took {} MiB", peak >> 10);
    for entry in fs::read_dir(work).expect("read the folder").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().into_string().expect("a name of ours");
        assert!(name.starts_with("case.") || name.ends_with(".toml"), "the case left {name}");
    }
}

/// A number of kibibytes in /proc/self/status.
fn resident(key: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").expect("read /proc/self/status");
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).expect("a number of kibibytes")
}

static CASE: AtomicU64 = AtomicU64::new(0);

/// Ends the process when one case takes too much of the processor's time, however busy the machine is.
fn watch() {
    std::thread::spawn(|| {
        let (mut case, mut began) = (0, 0);
        loop {
            std::thread::sleep(Duration::from_millis(300));
            let (now, used) = (CASE.load(Ordering::Relaxed), seconds_used());
            if now != case {
                (case, began) = (now, used);
            } else if used > began + PATIENCE {
                eprintln!("the case takes more than {PATIENCE} s");
                std::process::exit(70);
            }
        }
    });
}

/// Seconds of the processor that this process has used.
fn seconds_used() -> u64 {
    let text = fs::read_to_string("/proc/self/stat").expect("read /proc/self/stat");
    let fields = text.rsplit(") ").next().expect("fields").split(' ').collect::<Vec<_>>();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("ticks")).sum();
    const TICKS: u64 = 100;
    ticks / TICKS
}
