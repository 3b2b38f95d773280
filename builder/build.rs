//! Builds what `linkpack init --sample` brings along: the reference connector and the sample's preload library.
//!
//! By plain rustc calls: both stand alone without dependencies, and one built linkpack must make samples offline.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let out = PathBuf::from(variable("OUT_DIR"));
    let sources = Path::new(&variable("CARGO_MANIFEST_DIR")).join("../installers/connector");
    println!("cargo:rerun-if-changed={}", sources.join("src").display());
    println!("cargo:rerun-if-changed={}", sources.join("samples").display());
    let connector = ["--crate-name", "vlink", "--crate-type", "bin", "-C", "target-feature=+crt-static"];
    rustc(&connector, &sources.join("src/main.rs"), &out.join("vlink"));
    // With both hash tables every loader finds the symbols, also one from before DT_GNU_HASH.
    let library =
        ["--crate-name", "tracer", "--crate-type", "cdylib", "-C", "panic=abort", "-C", "link-arg=-Wl,--hash-style=both"];
    rustc(&library, &sources.join("samples/tracer/tracer.rs"), &out.join("libtracer.so"));
}

fn rustc(options: &[&str], source: &Path, product: &Path) {
    let mut command = Command::new(variable("RUSTC"));
    command.args(["--edition", "2021", "-O", "-C", "strip=symbols", "--target", &variable("TARGET")]);
    command.args(options).arg(source).arg("-o").arg(product).env("VLINK_VERSION", variable("CARGO_PKG_VERSION"));
    let status = command.status().unwrap_or_else(|error| panic!("cannot run rustc: {error}"));
    assert!(status.success(), "rustc could not build {}", source.display());
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("cargo did not set {name}"))
}
