//! Any tree that can be packaged comes back identical from the real clients, to the byte, the mode and the link; any other is refused with
//! a sentence. What was packaged, with any codec, unsigned, signed by the build or signed later, passes linkpack's own inspect, verify and
//! lint. `PROPTEST_CASES=1000 cargo nextest run --test property` tries more (`scripts/campaign property` does it for each release); what
//! fails is made as small as it gets.
mod common;
use common::*;

#[allow(dead_code)]
#[path = "sign/bench.rs"]
mod bench;
#[path = "property/clients.rs"]
mod clients;
#[path = "property/readers.rs"]
mod readers;
#[path = "property/trees.rs"]
mod trees;

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use std::cell::Cell;
use trees::Tree;

/// Trees in an ordinary run of the tests.
const CASES: u32 = 15;

/// Packages each tree and unpacks it again.
fn every_tree(trees: impl proptest::strategy::Strategy<Value = Tree>, small: u32, formats: &[clients::Format]) {
    let cases = setting("PROPTEST_CASES", u64::from(CASES)) as u32;
    let seed = RngSeed::Fixed(setting("LINKPACK_SEED", 1));
    let config = Config { cases, rng_seed: seed, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let (packaged, refused, compared) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let bench = bench::bench();
    let result = TestRunner::new(config).run(&(trees, readers::way(small)), |(tree, way)| {
        for format in formats {
            match clients::round_trip(&bench, &tree, &way, format).map_err(TestCaseError::fail)? {
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
    every_tree(trees::unix(), 3, &clients::UNIX);
}

#[test]
fn any_tree_of_names_that_windows_allows_comes_back_from_msiextract() {
    every_tree(trees::windows(), 1, &clients::WINDOWS);
}
