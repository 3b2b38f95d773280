//! The lists that a build writes beside its packages.

/// The digests of the folder's packages, as sha256sum(1) reads them.
pub const SUMS: &str = "SHA256SUMS";
/// The detached signature of [`SUMS`].
pub const SUMS_SIGNATURE: &str = "SHA256SUMS.sig";
/// What was built from what.
pub const MANIFEST: &str = "manifest.json";
