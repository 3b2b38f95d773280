//! What the MSI's native actions (src/actions, a DLL) and linkctl.exe (src/linkctl) share (docs/windows.md).
//!
//! Nothing newer than Rust 1.63 and no dependencies but the contract and the declarations of Windows, so that plain `rustc` calls build it
//! (builder/build_windows.rs). What needs no system is compiled and tested on every system.

pub mod acl;
#[path = "../../connector/src/clock.rs"]
pub mod clock;
#[path = "../../connector/src/config.rs"]
pub mod config;
#[cfg(windows)]
pub mod folder;
#[cfg(windows)]
pub mod machine;
pub mod merge;
pub mod pattern;
#[cfg(windows)]
pub mod places;
#[cfg(windows)]
pub mod policy;
#[cfg(windows)]
pub mod registry;
pub mod report;
pub mod root;
#[cfg(windows)]
pub mod security;
#[cfg(windows)]
pub mod service;
pub mod settings;
#[cfg(windows)]
pub mod token;
