//! vlink, the reference connector: keeps the containers of one install root running (docs/endpoint.md).
//!
//! No dependencies but the contract and the declarations of Windows, and nothing newer than Rust 1.63: plain `rustc` calls build it. What is specific
//! to an operating system lies behind `platform`.

mod backoff;
mod check;
mod cli;
mod clock;
mod config;
mod connector;
mod core_check;
mod descriptor;
mod identity;
mod json;
mod launch;
mod log;
mod logs;
mod plan;
mod platform;
mod policy;
mod probe;
mod status;
mod supervisor;

fn main() {
    std::process::exit(cli::main(std::env::args_os().skip(1).collect()));
}
