//! linkctl.exe: the administrator's door to an installed connector (docs/windows.md), with the words, shapes and exit codes of the
//! linkctl that Linux has.
//!
//! No dependencies and nothing newer than Rust 1.63, so that one plain `rustc` call builds it.

#[path = "src/acl.rs"]
#[allow(dead_code)]
mod acl;
#[path = "../connector/src/config.rs"]
#[allow(dead_code)] // Shared with the connector.
mod config;
#[path = "../contract/src/lib.rs"]
#[allow(dead_code)] // The builder uses the rest.
mod contract;
#[path = "src/ctl/mod.rs"]
mod ctl;
#[path = "src/folder.rs"]
#[allow(dead_code)] // The native actions use the rest.
mod folder;
#[path = "src/merge.rs"]
#[allow(dead_code)]
mod merge;
#[path = "src/places.rs"]
#[allow(dead_code)]
mod places;
#[path = "src/registry.rs"]
#[allow(dead_code)]
mod registry;
#[path = "src/report.rs"]
#[allow(dead_code)]
mod report;
#[path = "src/root.rs"]
#[allow(dead_code)]
mod root;
#[path = "src/security.rs"]
#[allow(dead_code)]
mod security;
#[path = "src/service.rs"]
#[allow(dead_code)] // The native actions set its recovery.
mod service;
#[path = "src/settings.rs"]
#[allow(dead_code)]
mod settings;
#[path = "src/sys.rs"]
#[allow(dead_code)]
mod sys;
#[path = "src/token.rs"]
mod token;

fn main() {
    std::process::exit(ctl::main(std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect()));
}
