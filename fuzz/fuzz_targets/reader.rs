//! The target that LINKPACK_FUZZ_TARGET names, driven by libFuzzer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::OnceLock;

static PLACE: OnceLock<(String, PathBuf)> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let (name, folder) = PLACE.get_or_init(|| {
        let name = std::env::var("LINKPACK_FUZZ_TARGET").expect("LINKPACK_FUZZ_TARGET names a target");
        let folder = std::env::temp_dir().join(format!("linkpack-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("make a folder");
        (name, folder)
    });
    linkpack_fuzz::run(name, folder, bytes);
});
