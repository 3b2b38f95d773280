//! Every reader against mutations of real packages, in CI for seconds and by scripts/fuzz for hours.
//!
//! `LINKPACK_FUZZ_SECONDS=600 LINKPACK_FUZZ_SEED=7 cargo nextest run --test fuzz` tries longer and elsewhere. A case that fails is kept, and
//! `LINKPACK_FUZZ_CASE=FILE` runs it alone.
mod common;
use common::*;

#[path = "fuzz/driver.rs"]
mod driver;
#[path = "fuzz/mutate.rs"]
mod mutate;
#[path = "fuzz/seeds.rs"]
mod seeds;
#[path = "../fuzz/src/lib.rs"]
mod targets;

use driver::survives;

#[test]
fn the_manifest_survives_mutations() {
    survives("manifest", "the_manifest_survives_mutations");
}

#[test]
fn the_site_file_survives_mutations() {
    survives("site", "the_site_file_survives_mutations");
}

#[test]
fn the_tar_reader_survives_mutations() {
    survives("tar", "the_tar_reader_survives_mutations");
}

#[test]
fn the_zip_reader_survives_mutations() {
    survives("zip", "the_zip_reader_survives_mutations");
}

#[test]
fn the_deb_reader_survives_mutations() {
    survives("deb", "the_deb_reader_survives_mutations");
}

#[test]
fn the_rpm_reader_survives_mutations() {
    survives("rpm", "the_rpm_reader_survives_mutations");
}

#[test]
fn the_run_reader_survives_mutations() {
    survives("run", "the_run_reader_survives_mutations");
}

#[test]
fn the_msi_reader_and_lint_survive_mutations() {
    survives("msi", "the_msi_reader_and_lint_survive_mutations");
}

/// Not a test: what scripts/fuzz gives to cargo-fuzz to begin with.
#[test]
#[ignore = "writes seeds to the folder that LINKPACK_FUZZ_SEEDS names"]
fn seeds_for_cargo_fuzz() {
    let folder = std::path::PathBuf::from(std::env::var("LINKPACK_FUZZ_SEEDS").expect("LINKPACK_FUZZ_SEEDS names a folder"));
    for (name, _) in targets::TARGETS {
        let below = folder.join(name);
        std::fs::create_dir_all(&below).expect("make a folder");
        for (number, seed) in seeds::of(name).iter().enumerate() {
            std::fs::write(below.join(format!("seed-{number}")), seed).expect("write a seed");
        }
    }
}
