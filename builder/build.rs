//! Builds what runs on endpoints and is not text: the reference connector, the sample's library, and all Windows parts.
//!
//! By plain rustc calls: all of it does without dependencies from elsewhere, and one built linkpack must make samples and MSIs offline.

#[path = "build_windows.rs"]
mod windows;

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let out = PathBuf::from(variable("OUT_DIR"));
    let installers =
        Path::new(&variable("CARGO_MANIFEST_DIR")).join("../installers").canonicalize().expect("installers/ is there");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build_windows.rs");
    println!("cargo:rerun-if-changed={}", installers.join("connector/src").display());
    println!("cargo:rerun-if-changed={}", installers.join("connector/samples").display());
    for shared in ["contract", "windows", "winsys"] {
        println!("cargo:rerun-if-changed={}", installers.join(shared).display());
    }
    linux(&installers, &out);
    windows::build(&installers, &out);
}

fn linux(installers: &Path, out: &Path) {
    let connector = installers.join("connector");
    let rustc = || {
        let mut command = Command::new(variable("RUSTC"));
        command.args(["--edition", "2021", "-O", "-C", "strip=symbols", "--target", &variable("TARGET")]);
        // The same bytes whatever folder this was built in.
        command.arg(format!("--remap-path-prefix={}=installers", installers.display()));
        command.env("VLINK_VERSION", variable("CARGO_PKG_VERSION"));
        command
    };
    let contract = out.join("libcontract.rlib");
    let mut library = rustc();
    library.args(["--crate-name", "contract", "--crate-type", "rlib"]);
    run(library.arg(installers.join("contract/src/lib.rs")).arg("-o").arg(&contract));
    let mut vlink = rustc();
    vlink.arg("--extern").arg(format!("contract={}", contract.display()));
    vlink.args(["--crate-name", "vlink", "--crate-type", "bin", "-C", "target-feature=+crt-static"]);
    run(vlink.arg(connector.join("src/main.rs")).arg("-o").arg(out.join("vlink")));
    let mut library = rustc();
    library.args(["--crate-name", "tracer", "--crate-type", "cdylib", "-C", "panic=abort"]);
    // With both hash tables every loader finds the symbols, also one from before DT_GNU_HASH.
    library.args(["-C", "link-arg=-Wl,--hash-style=both"]);
    run(library.arg(connector.join("samples/tracer/tracer.rs")).arg("-o").arg(out.join("libtracer.so")));
}

/// Runs a compiler that has to succeed.
fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(status.success(), "failed: {command:?}");
}

/// A variable that cargo sets for build scripts.
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("cargo did not set {name}"))
}
