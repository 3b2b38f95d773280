//! The parts of the native code that are pure: their own tests run here, on Linux.
#![allow(dead_code)] // Windows calls them.
#![allow(clippy::unnecessary_map_or)] // What it proposes is newer than Rust 1.63.

#[path = "../../installers/contract/src/lib.rs"]
mod contract;

#[path = "../../installers/windows/src/acl.rs"]
mod acl;
#[path = "../../installers/connector/src/config.rs"]
mod config;
#[path = "../../installers/windows/src/merge.rs"]
mod merge;
#[path = "../../installers/windows/src/ctl/pattern.rs"]
mod pattern;
#[path = "../../installers/windows/src/report.rs"]
mod report;
#[path = "../../installers/windows/src/root.rs"]
mod root;
#[path = "../../installers/windows/src/settings.rs"]
mod settings;
