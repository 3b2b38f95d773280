//! The programs of the Windows endpoint, built by build.rs and carried inside linkpack.

use crate::error::{Error, Result};

/// What every MSI carries besides the product, for x86_64.
#[derive(Debug)]
pub struct WindowsParts {
    /// The native actions (docs/windows.md), a DLL.
    pub dll: &'static [u8],
    /// `<root>\bin\linkctl.exe`.
    pub linkctl: &'static [u8],
}

macro_rules! built {
    ($file:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $file))
    };
}

static PARTS: WindowsParts = WindowsParts { dll: built!("intigua.dll"), linkctl: built!("linkctl.exe") };

/// The parts of an MSI.
///
/// # Errors
/// linkpack was built where no compiler for Windows was.
pub fn parts() -> Result<&'static WindowsParts> {
    there()?;
    match PARTS.dll.is_empty() || PARTS.linkctl.is_empty() {
        true => Err(Error::new("this linkpack was built without installers/windows, so it makes no MSI")),
        false => Ok(&PARTS),
    }
}

fn there() -> Result<()> {
    let packages = env!("LINKPACK_NO_WINDOWS");
    if packages.is_empty() {
        return Ok(());
    }
    let what = "this linkpack was built without a compiler for Windows, so it has no programs for Windows and makes no MSI";
    Err(Error::new(what).help(format!("apt-get install {packages}, then build linkpack again")))
}
