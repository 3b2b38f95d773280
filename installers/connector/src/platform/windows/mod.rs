//! Windows: a service, jobs, injected libraries. What needs no system is tested on every system.
#![cfg_attr(not(windows), allow(dead_code))]

#[cfg(windows)]
mod console;
mod environment;
#[cfg(windows)]
mod events;
#[cfg(windows)]
mod files;
#[cfg(windows)]
mod host;
mod image_path;
#[cfg(windows)]
mod inject;
#[cfg(windows)]
mod job;
#[cfg(windows)]
mod machine;
#[cfg(windows)]
mod process;
mod program;
mod quoting;
#[cfg(windows)]
mod registration;
#[cfg(windows)]
mod security;
#[cfg(windows)]
mod service;
mod smbios;
mod terms;

#[cfg(windows)]
pub use self::{
    files::{default_directories, places, read_settings, replace_private, replace_public},
    host::{Host, CONTROLS, DISK_FULL},
    machine::{machine, random},
    process::{may_run_as, vet, BASE_ENVIRONMENT},
    registration::policy,
    service::{serve, tell},
};

/// The addresses of a host, as the system looks it up.
#[cfg(windows)]
pub fn addresses(host: &str, port: u16) -> std::io::Result<Vec<std::net::SocketAddr>> {
    Ok(std::net::ToSocketAddrs::to_socket_addrs(&(host, port))?.collect())
}
