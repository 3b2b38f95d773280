//! linkpack's own readers of what it made.
use super::bench::{linkpack, Bench};
use crate::common::Output;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeSet;
use std::path::Path;

/// How a package is made.
#[derive(Debug, Clone)]
pub struct Way {
    pub codec: &'static str,
    signed: Signed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signed {
    Never,
    ByBuild,
    Later,
}

/// `small` of ten ways compress best: in an MSI that is LZX, which takes seconds a megabyte in a build for tests.
pub fn way(small: u32) -> impl Strategy<Value = Way> {
    let signed = select(vec![Signed::Never, Signed::ByBuild, Signed::Later]);
    let codec = prop_oneof![10 - small => select(vec!["fast", "zstd"]), small => Just("small")];
    (codec, signed).prop_map(|(codec, signed)| Way { codec, signed })
}

impl Way {
    pub fn build_options(&self, bench: &Bench) -> Vec<String> {
        if self.signed == Signed::ByBuild {
            keys(bench)
        } else {
            Vec::new()
        }
    }
}

fn keys(bench: &Bench) -> Vec<String> {
    let path = |name: &str| bench.path(name).display().to_string();
    let options = [("--openpgp-key", "rsa.sec"), ("--key", "code.key"), ("--cert", "code.pem")];
    options.into_iter().flat_map(|(option, file)| [option.to_owned(), path(file)]).collect()
}

/// Lets every reader read a package, before and after it is signed; `said` are the warnings of its build.
pub fn take(bench: &Bench, way: &Way, package: &Path, said: &str) -> Result<(), String> {
    read(bench, package, said, way.signed == Signed::ByBuild)?;
    if way.signed == Signed::Later {
        let dist = package.parent().expect("a folder");
        taken("sign", &linkpack().args(["sign", "-q"]).arg(dist).args(keys(bench)).run())?;
        read(bench, package, said, true)?;
    }
    Ok(())
}

fn read(bench: &Bench, package: &Path, said: &str, signed: bool) -> Result<(), String> {
    let mut verify = linkpack().arg("verify").arg(package.parent().expect("a folder"));
    if signed {
        for key in ["rsa.asc", "code.pem", "ca.pem"] {
            verify = verify.arg("--key").arg(bench.path(key));
        }
    }
    let verified = verify.run();
    taken("verify", &verified)?;
    if signed && !verified.stdout.contains("): good") {
        return Err(format!("verify does not call a signature good: {verified}"));
    }
    taken("inspect", &linkpack().arg("inspect").arg(package).run())?;
    let lint = linkpack().arg("lint").arg(package).run();
    let strangers: Vec<&str> = errors(&lint.stdout).difference(&errors(said)).copied().collect();
    match (lint.code, strangers.is_empty()) {
        (Some(0), _) | (Some(1), true) => Ok(()),
        _ => Err(format!("build did not warn of what lint calls an error: {strangers:?}: {lint}")),
    }
}

fn taken(verb: &str, read: &Output) -> Result<(), String> {
    match read.code {
        Some(0) => Ok(()),
        _ => Err(format!("{verb} does not take what build made: {read}")),
    }
}

/// The rules of all errors in what lint or build said.
fn errors(said: &str) -> BTreeSet<&str> {
    said.split("error[").skip(1).filter_map(|rest| Some(rest.split_once(']')?.0)).collect()
}
