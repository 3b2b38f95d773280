//! The target that LINKPACK_FUZZ_TARGET names, driven by libFuzzer; half of its changes are made inside of what a case packs.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use linkpack_fuzz::inside::{change, Hands};
use std::path::PathBuf;
use std::sync::OnceLock;

static PLACE: OnceLock<(String, PathBuf)> = OnceLock::new();

/// The target, and a folder for its cases.
fn place() -> &'static (String, PathBuf) {
    PLACE.get_or_init(|| {
        let name = std::env::var("LINKPACK_FUZZ_TARGET").expect("LINKPACK_FUZZ_TARGET names a target");
        let folder = std::env::temp_dir().join(format!("linkpack-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("make a folder");
        (name, folder)
    })
}

fuzz_target!(|bytes: &[u8]| {
    let (name, folder) = place();
    linkpack_fuzz::run(name, folder, bytes);
});

/// How much longer one change makes bytes, at most.
const GROWTH: usize = 4096;

fuzz_mutator!(|bytes: &mut [u8], size: usize, most: usize, seed: u32| {
    let mut state = u64::from(seed) | 1 << 32;
    let mut below = |limit: usize| {
        // Xorshift (Marsaglia).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % limit
    };
    if size == 0 || below(2) == 0 {
        return fuzzer_mutate(bytes, size, most);
    }
    let mut damage = |bytes: &mut Vec<u8>| {
        let len = bytes.len();
        bytes.resize(len + GROWTH, 0);
        let changed = fuzzer_mutate(bytes, len, len + GROWTH);
        bytes.truncate(changed);
    };
    let changed = change(&place().0, &bytes[..size], &mut Hands { below: &mut below, damage: &mut damage });
    if changed.is_empty() || changed.len() > most {
        return fuzzer_mutate(bytes, size, most);
    }
    bytes[..changed.len()].copy_from_slice(&changed);
    changed.len()
});
