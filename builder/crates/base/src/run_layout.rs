//! Where a `.run` keeps its digest and its signature.

/// The bytes before the first one that `LP_SUM` and the signature cover: `#!/bin/sh`, the line `LP_SUM=` with its 64 digits, and the
/// line `LP_SIG=` with its field.
pub const RUN_SUM_COVERS_FROM: u64 = 10 + 72 + 708;

/// Where the 64 hexadecimal digits of `LP_SUM` lie in a stub, in bytes.
pub const RUN_SUM_AT: std::ops::Range<u64> = 17..81;

/// Where the signature's field lies in a stub, in bytes: base-64, ` #` and as many dashes as fill it. It takes what RSA with 4096 bits
/// makes.
pub const RUN_SIGNATURE_AT: std::ops::Range<u64> = 89..789;

/// The signature's field for some base-64, empty for none; `None` where it does not fit.
pub fn run_signature_field(base64: &str) -> Option<String> {
    let len = (RUN_SIGNATURE_AT.end - RUN_SIGNATURE_AT.start) as usize;
    let dashes = len.checked_sub(base64.len() + 2)?;
    Some(format!("{base64} #{}", "-".repeat(dashes)))
}
