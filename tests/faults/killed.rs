//! kill -9.
use super::rebuilt::Rebuilt;
use super::*;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Tries in an ordinary run of the tests.
const KILLS: u64 = 50;

#[test]
fn a_build_killed_at_any_moment_leaves_whole_packages_and_the_next_one_succeeds() {
    let product = Rebuilt::new();
    let tries = setting("LINKPACK_KILLS", KILLS);
    let mut random = Random(setting("LINKPACK_KILL_SEED", 1));
    let start = |cold: bool| {
        product.reset();
        if cold {
            product.forget_cache();
        }
        let line = product.line();
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).env("SOURCE_DATE_EPOCH", "1700000000").current_dir(product.path("")).stderr(Stdio::null());
        command.spawn().expect("start linkpack")
    };
    let duration = |cold: bool| {
        let mut child = start(cold);
        let began = Instant::now();
        assert!(child.wait().expect("wait for linkpack").success());
        began.elapsed()
    };
    // The fastest of some, so that most of the moments lie within a build.
    let durations = [true, false].map(|cold| (0..3).map(|_| duration(cold)).min().expect("three of them"));
    let (mut killed, mut changed) = (0, 0);
    for try_ in 0..tries {
        // Half of the builds begin with an empty cache; the others with what the one before left there.
        let cold = try_ % 2 == 0;
        let mut child = start(cold);
        // The moments lie evenly over the whole run, each a little elsewhere in its own stretch.
        let part = (try_ as f64 + random.below(1000) as f64 / 1000.0) / tries as f64;
        std::thread::sleep(durations[usize::from(!cold)].mul_f64(part));
        child.kill().expect("kill linkpack");
        killed += u64::from(!child.wait().expect("wait for linkpack").success());
        product.is_whole();
        changed += u64::from(product.is_changed());
        product.build().ok();
        product.is_done();
    }
    eprintln!("linkpack: {tries} tries, {killed} killed at work, {changed} of all had changed packages: every package whole");
    assert!(killed > tries / 4, "{killed} of {tries} builds were at work when they were killed");
}

/// Names change within a millisecond, which chance does not find: there, every call is the last one once.
#[test]
fn a_build_killed_at_any_change_of_a_name_leaves_whole_packages_and_the_next_one_succeeds() {
    need("strace", "strace");
    let product = Rebuilt::new();
    let (mut killed, mut without_list) = (0, 0);
    for call in ["rename", "renameat2", "unlink", "unlinkat"] {
        for number in 1.. {
            product.reset();
            let inject = format!("inject={call}:signal=KILL:when={number}");
            let trace = format!("trace={call}");
            let output =
                product.below(&["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject].map(String::from));
            product.is_whole();
            without_list += u64::from(!product.path("dist/SHA256SUMS").exists());
            if output.code == Some(0) {
                break;
            }
            killed += 1;
            product.build().ok();
            product.is_done();
        }
    }
    eprintln!(
        "linkpack: killed at each of {killed} changes of a name, {without_list} times without SHA256SUMS: every package whole"
    );
    // Two lists set aside, four packages and two lists named, and six old files removed.
    assert!(killed >= 14 && without_list >= 6, "{killed} and {without_list}");
}
