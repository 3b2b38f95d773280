//! Windows' facts for programs: codes, command lines, detection, properties.

use super::msi::{self, Package, ReturnCode};
use super::{exit_codes, Code, Context};
use crate::error::Result;
use serde::Serialize;

pub const NAME: &str = "windows";

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    packages: &'a [Package],
    /// What msiexec exits with.
    return_codes: Vec<ReturnCode>,
    /// Where the outcome is written, and its codes.
    result: String,
    exit_codes: Vec<Code>,
}

pub fn write(context: &Context) -> Result<bool> {
    let packages = context.packages()?;
    if packages.is_empty() {
        return Ok(false);
    }
    // Each package has its own, too.
    let result = packages.first().map(|package| package.result.clone()).unwrap_or_default();
    let document = Document { format: 1, packages, return_codes: msi::return_codes(), result, exit_codes: exit_codes() };
    let json = serde_json::to_string_pretty(&document).expect("plain JSON") + "\n";
    context.put(NAME, "windows.json", &json)?;
    Ok(true)
}
