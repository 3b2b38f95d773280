//! Every reader against mutations of real packages, in CI for seconds and by scripts/fuzz for hours.
//!
//! `LINKPACK_FUZZ_SECONDS=600 LINKPACK_FUZZ_SEED=7 cargo nextest run --test fuzz` tries longer and elsewhere. A case that fails is kept, and
//! `LINKPACK_FUZZ_CASE=FILE` runs it alone; of a FOLDER, such as libFuzzer's corpus, it runs all.
mod common;
use common::*;

#[path = "fuzz/dictionary.rs"]
mod dictionary;
#[path = "fuzz/driver.rs"]
mod driver;
#[path = "fuzz/mutate.rs"]
mod mutate;
#[path = "fuzz/seeds.rs"]
mod seeds;
#[path = "../fuzz/src/lib.rs"]
mod targets;
#[path = "fuzz/verbs.rs"]
mod verbs;

use driver::survives;
use sha2::{Digest, Sha256};
use targets::inside::{change, Hands};

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

#[test]
fn the_folder_lists_survive_mutations() {
    survives("folder", "the_folder_lists_survive_mutations");
}

#[test]
fn the_key_readers_survive_mutations() {
    survives("key", "the_key_readers_survive_mutations");
}

/// What both drivers rely on: a change lands below the codecs, and the package around it is still read to its end.
#[test]
fn a_change_inside_a_package_reaches_its_files() {
    const FROM: &[u8] = b"port=1\n";
    const TO: &[u8] = b"port=2\n";
    let mut random = Random(1);
    let digest: [u8; 32] = Sha256::digest(TO).into();
    for target in ["deb", "rpm", "run"] {
        let mut reached = 0;
        for seed in seeds::of(target) {
            let mut found = false;
            // The part that is changed is chosen by chance.
            for _ in 0..40 {
                let mut damage = |bytes: &mut Vec<u8>| {
                    let at = bytes.windows(FROM.len()).position(|window| window == FROM);
                    found |= at.is_some();
                    at.into_iter().for_each(|at| bytes[at..at + TO.len()].copy_from_slice(TO));
                };
                let mut below = |limit: usize| random.below(limit as u64) as usize;
                let changed = change(target, &seed, &mut Hands { below: &mut below, damage: &mut damage });
                if found {
                    reached += 1;
                    let folder = tempfile::tempdir().expect("make a folder");
                    let path = folder.path().join("case");
                    std::fs::write(&path, changed).expect("write a package");
                    let report = linkpack::inspect::read(&path).expect("read a package").report;
                    assert!(report.files.iter().any(|file| file.sha256 == Some(digest)), "{target}: {:#?}", report.damage);
                    break;
                }
            }
        }
        assert!(reached >= 4, "{target}: {reached} seeds were changed inside");
    }
}

/// Bytes of the longest seed for libFuzzer, whose cases are as long as scripts/fuzz lets them be; longer ones, which take it a quarter of
/// a second each, are mutated by the tests.
const LONGEST_GUIDED: usize = 128 << 10;

/// Not a test: what scripts/fuzz gives to cargo-fuzz to begin with. A folder of seeds and a dictionary for each target, and the keys.
#[test]
#[ignore = "writes seeds to the folder that LINKPACK_FUZZ_SEEDS names"]
fn seeds_for_cargo_fuzz() {
    let folder = std::path::PathBuf::from(std::env::var("LINKPACK_FUZZ_SEEDS").expect("LINKPACK_FUZZ_SEEDS names a folder"));
    let write = |path: std::path::PathBuf, bytes: &[u8]| std::fs::write(path, bytes).expect("write a seed");
    for (name, _) in targets::TARGETS {
        let below = folder.join(name);
        std::fs::create_dir_all(&below).expect("make a folder");
        let small = seeds::of(name).into_iter().filter(|seed| seed.len() <= LONGEST_GUIDED).enumerate();
        small.for_each(|(number, seed)| write(below.join(format!("seed-{number}")), &seed));
        write(folder.join(format!("{name}.dict")), dictionary::of(name).as_bytes());
    }
    std::fs::create_dir_all(folder.join("keys")).expect("make a folder");
    for key in seeds::keys() {
        let name = key.file_name().expect("a file's name").to_owned();
        write(folder.join("keys").join(name), &std::fs::read(key).expect("read a key"));
    }
}
