//! `linkctl uninstall`: Windows Installer does it, quietly.

use super::installed::Installed;
use super::{code, refuse};
use native::places;
use std::process::{Command, Stdio};

/// Removes the product and hands on msiexec's exit code.
pub fn uninstall(installed: &Installed) -> i32 {
    let product = match &installed.product_code {
        Some(product) => product,
        None => {
            let what = "Windows Installer knows no product in this root";
            return refuse(code::FAILED, what, &installed.root, "uninstall it in the way it was installed");
        }
    };
    let program = places::windows() + r"\System32\msiexec.exe";
    let mut command = Command::new(&program);
    // From elsewhere: a folder that is somebody's current one cannot be removed.
    command.current_dir(places::windows()).args(["/x", product, "/qn", "/norestart"]).stdin(Stdio::null());
    match command.status() {
        Ok(status) => match status.code().unwrap_or(code::FAILED) {
            code::DONE => code::DONE,
            failed => refuse(
                failed,
                &format!("msiexec ended with {failed}"),
                &format!("{program} /x {product} /qn"),
                "see its log: add /l*v FILE",
            ),
        },
        Err(error) => refuse(code::FAILED, &format!("cannot run msiexec: {error}"), &program, "repair Windows Installer"),
    }
}
