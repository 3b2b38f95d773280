//! What the end-to-end tests stand on: commands with readable failures, throwaway Debian roots, machines and images.
//!
//! ```ignore
//! let scratch = Scratch::debian();                  // milliseconds; gone when dropped, also after a panic or kill -9
//! scratch.copy_in(&deb, "/tmp/x.deb");
//! scratch.sh("dpkg -i /tmp/x.deb").ok();            // a chroot: nothing may be started
//! let machine = scratch.boot();                     // the same root with systemd as process 1, in about two seconds
//! assert_eq!(machine.sh("systemctl is-active vlink").ok().line(), "active");
//! ```
// Each test binary compiles this module and uses its own part of it.
#![allow(dead_code, unused_imports)]

mod cmd;
mod debian;
mod fixture;
mod image;
mod kernel;
mod machine;
mod memory;
mod place;
mod process;
mod product;
mod random;
mod rpms;
mod scratch;
mod sysv;

pub use cmd::{cmd, need, Cmd, Output};
pub use debian::{root as debian_root, root_of as debian_root_of};
pub use fixture::{fixture, fixture_in, target_dir};
pub use image::{Boot, Booted, Image};
pub use machine::Machine;
pub use memory::{peak, peak_of};
pub use place::Place;
pub use product::Product;
pub use random::{setting, Random};
pub use rpms::{built, shell_package};
pub use scratch::Scratch;
pub use sysv::{sysv_generator, Generated};
