//! ConfigMgr: a folder for each MSI, whose scripts make the application, and install, remove and detect on the machines.

use super::fill::fill;
use super::msi::{applications, Package};
use super::Context;
use crate::error::Result;
use minijinja::context;

pub const NAME: &str = "sccm";

const APPLICATION: &str = include_str!("../../../../templates/channels/sccm/New-Application.ps1");
const INSTALL: &str = include_str!("../../../../templates/channels/windows/Install.ps1");
const UNINSTALL: &str = include_str!("../../../../templates/channels/windows/Uninstall.ps1");
const COLLECT: &str = include_str!("../../../../templates/channels/windows/Collect-Logs.ps1");
const DETECT: &str = include_str!("../../../../templates/channels/windows/Detect.ps1");

pub fn write(context: &Context) -> Result<bool> {
    let mut any = false;
    for package in applications(context)? {
        let name = |file: &str| format!("{}/{file}", package.stem());
        for (file, text) in beside_the_msi(package) {
            match file.ends_with(".json") {
                true => context.put(NAME, &name(file), &text)?,
                false => context.put_windows(NAME, &name(file), &text)?,
            }
        }
        context.put_windows(NAME, &name("New-Application.ps1"), APPLICATION)?;
        context.put_windows(NAME, &name("Detect.ps1"), &detect(package)?)?;
        any = true;
    }
    Ok(any)
}

/// What lies beside the MSI where it is installed: the scripts, and what they have to know.
pub fn beside_the_msi(package: &Package) -> [(&'static str, String); 4] {
    [
        ("application.json", package.application()),
        ("Install.ps1", INSTALL.to_owned()),
        ("Uninstall.ps1", UNINSTALL.to_owned()),
        ("Collect-Logs.ps1", COLLECT.to_owned()),
    ]
}

/// A script for consoles that ask for one: it stands alone there.
pub fn detect(package: &Package) -> Result<String> {
    let detection = &package.detection;
    // What .NET compares has two fields at least.
    let version = if detection.version.contains('.') { detection.version.clone() } else { format!("{}.0", detection.version) };
    let key = detection.key.trim_start_matches(r"HKLM\");
    fill(DETECT, context! { version, key, value => detection.value })
}
