//! Any tree that can be packaged comes back identical from the real clients, to the byte, the mode and the link; any other is refused with
//! a sentence. `PROPTEST_CASES=1000 cargo nextest run --test property` tries more; what fails is made as small as it gets.
mod common;
use common::*;

#[path = "property/clients.rs"]
mod clients;
#[path = "property/trees.rs"]
mod trees;

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use std::cell::Cell;
use trees::Tree;

/// Trees in an ordinary run of the tests.
const CASES: u32 = 25;

/// Packages each tree and unpacks it again.
fn every_tree(trees: impl proptest::strategy::Strategy<Value = Tree>, formats: &[clients::Format]) {
    let cases = setting("PROPTEST_CASES", u64::from(CASES)) as u32;
    let seed = RngSeed::Fixed(setting("LINKPACK_SEED", 1));
    let config = Config { cases, rng_seed: seed, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let (packaged, refused, compared) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let result = TestRunner::new(config).run(&trees, |tree| {
        for format in formats {
            match clients::round_trip(&tree, format).map_err(TestCaseError::fail)? {
                Some(entries) => {
                    packaged.set(packaged.get() + 1);
                    compared.set(compared.get() + entries);
                }
                None => refused.set(refused.get() + 1),
            }
        }
        Ok(())
    });
    let (packaged, refused, compared) = (packaged.get(), refused.get(), compared.get());
    eprintln!("linkpack: {cases} trees, {packaged} packages unpacked with {compared} entries compared, {refused} refused");
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(packaged > refused, "{packaged} packaged, {refused} refused");
}

#[test]
fn any_tree_comes_back_from_dpkg_rpm_and_the_run_file() {
    every_tree(trees::unix(), &clients::UNIX);
}

#[test]
fn any_tree_of_names_that_windows_allows_comes_back_from_msiextract() {
    every_tree(trees::windows(), &clients::WINDOWS);
}
