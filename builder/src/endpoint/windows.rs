//! The programs of the Windows endpoint, built by build.rs and carried inside linkpack.

use crate::error::{Error, Result};
use std::borrow::Cow;

/// What every MSI carries besides the product, for x86_64.
#[derive(Debug)]
pub struct WindowsParts {
    /// The native actions (docs/windows.md), a DLL.
    pub dll: Cow<'static, [u8]>,
    /// `<root>\bin\linkctl.exe`.
    pub linkctl: Cow<'static, [u8]>,
}

/// The sample product's programs, for x86_64.
#[derive(Debug)]
pub struct WindowsSample {
    /// The reference connector.
    pub connector: &'static [u8],
    /// A container without a library.
    pub pulse: &'static [u8],
    /// A container that is injected into.
    pub tracer: &'static [u8],
    /// What is injected.
    pub library: &'static [u8],
}

macro_rules! built {
    ($file:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $file))
    };
}

static PARTS: WindowsParts =
    WindowsParts { dll: Cow::Borrowed(built!("intigua.dll")), linkctl: Cow::Borrowed(built!("linkctl.exe")) };

static SAMPLE: WindowsSample = WindowsSample {
    connector: built!("vlinkservice.exe"),
    pulse: built!("pulse.exe"),
    tracer: built!("tracer.exe"),
    library: built!("tracer.dll"),
};

/// The parts of an MSI.
///
/// # Errors
/// linkpack was built where no compiler for Windows was.
pub fn parts() -> Result<&'static WindowsParts> {
    there().map(|()| &PARTS)
}

/// The Windows side of the sample product.
///
/// # Errors
/// linkpack was built where no compiler for Windows was.
pub fn sample() -> Result<&'static WindowsSample> {
    there().map(|()| &SAMPLE)
}

fn there() -> Result<()> {
    let packages = env!("LINKPACK_NO_WINDOWS");
    if packages.is_empty() {
        return Ok(());
    }
    let what = "this linkpack was built without a compiler for Windows, so it has no programs for Windows and makes no MSI";
    Err(Error::new(what).help(format!("apt-get install {packages}, then build linkpack again")))
}
