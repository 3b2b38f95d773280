//! `linkpack preflight`: the very checks that packages run, on this machine.

use super::arguments::PreflightArguments;
use crate::endpoint::{self, Arch, Facts, Settings};
use crate::error::{Error, Result};
use contract::names::Names;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// Runs the checks. Exit codes: 0 all hold, 1 some do not (or cannot be run), 2 usage.
pub fn run(arguments: &PreflightArguments) -> ExitCode {
    match checks(arguments) {
        Ok(code @ (0 | 2)) => ExitCode::from(code),
        Ok(_) => ExitCode::FAILURE,
        Err(error) => super::failed(&error, arguments.json),
    }
}

/// The checks of no particular package: the default root, any processor, no payload that needs room.
fn facts() -> Facts {
    Facts {
        product: "linkpack".to_owned(),
        package: "linkpack".to_owned(),
        names: Names::default(),
        title: "linkpack".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        packaged_root: Names::default().place("root"),
        arch: Arch::Any,
        installed_kb: 0,
        installed_names: 0,
        containers: Vec::new(),
        executable: "vlink".to_owned(),
        arguments: Vec::new(),
        core_check: Vec::new(),
        settings: Settings::default(),
        config: Vec::new(),
        seal_paths: Vec::new(),
        folders: Vec::new(),
        others: Vec::new(),
        libraries: String::new(),
        library_folders: String::new(),
        programs: String::new(),
    }
}

fn checks(arguments: &PreflightArguments) -> Result<u8> {
    let script = endpoint::preflight_script(&facts())?;
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().env("PATH", endpoint::PATH);
    // The script comes through a pipe: it is longer than one argument may be.
    shell.args(["-s", "--"]).stdin(Stdio::piped());
    if let Some(root) = &arguments.root {
        shell.arg("--root").arg(root);
    }
    if arguments.json {
        shell.arg("--json");
    }
    let failed = |error: std::io::Error| Error::io("run the checks with", Path::new("/bin/sh"), &error);
    let mut child = shell.spawn().map_err(failed)?;
    let mut stdin = child.stdin.take().ok_or_else(|| Error::new("the shell has no standard input"))?;
    stdin.write_all(script.as_bytes()).map_err(failed)?;
    drop(stdin);
    let code = child.wait().map_err(failed)?.code();
    code.and_then(|code| u8::try_from(code).ok()).ok_or_else(|| Error::new("the checks were ended by a signal"))
}
