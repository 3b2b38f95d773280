//! Power cuts under installations and upgrades of all three formats, on ext4 and XFS: a few of those that `scripts/campaign powercut`
//! makes by the hundred. `LINKPACK_CUTS=48 LINKPACK_CUT_SEED=7 cargo nextest run --test powercut` makes more, and elsewhere.
mod common;
use common::*;

/// Two formats, kinds and file systems each: twelve of them, and one cut for each.
const CUTS: u64 = 12;

#[test]
fn what_was_reported_is_whole_after_a_power_cut_and_the_next_run_repairs_the_rest() {
    need("strace", "strace");
    need("mkfs.xfs", "xfsprogs");
    let (cuts, seed) = (setting("LINKPACK_CUTS", CUTS).to_string(), setting("LINKPACK_CUT_SEED", 1).to_string());
    let done = cmd("sh")
        .args([concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/campaign"), "powercut", &cuts, &seed])
        .env("LINKPACK", env!("CARGO_BIN_EXE_linkpack"))
        .env("LINKPACK_DEBIAN", debian_root().to_str().expect("text"))
        .limit(1800)
        .run()
        .ok();
    eprintln!("{}", done.stdout);
    assert!(done.stdout.contains(&format!("{cuts} power cuts")) && done.stdout.ends_with(", 0 wrong\n"), "{done}");
}
