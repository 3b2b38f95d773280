//! What a package may ask of its reader, whatever it says of itself. Together they keep a process below 256 MB; the decoders' own bounds
//! (xz 128 MiB, a zstd window of 128 MiB) and those of single records (names, PAX headers, sparse maps) are beside their readers in
//! `payload`, those of an MSI's tables and cabinets in `inspect/msi`.

/// Bytes that any package may unpack to, in each of its archives.
pub const UNPACKED_FLOOR: u64 = 4 << 30;
/// Plain bytes for each packed one above that: ten times what programs compress to. A larger ratio needs a small package.
pub const UNPACKED_RATIO: u64 = 200;
/// Plain bytes above that which a package may have that says so where its user sees it, as its size on the endpoint: a hole of 16 GiB packs
/// to nothing.
pub const UNPACKED_STATED: u64 = 64 << 30;
/// What an archive's own headers take beside its files.
const HEADERS: u64 = 1 << 30;
/// Entries of one package.
pub const MOST_FILES: usize = 300_000;
/// Bytes of all names and link targets together.
pub const NAMES: usize = 48 << 20;
/// Bytes of one RPM header: rpm's own limit is 256 MiB, and 100,000 files take 30.
pub const RPM_HEADER: u64 = 48 << 20;
/// Bytes of all files of a DEB's control.tar, and of a `.run`'s list: 200,000 lines of md5sums take 20.
pub const CONTROL: u64 = 32 << 20;
/// Bytes of one script that are kept in the report.
pub const SCRIPT: usize = 1 << 20;
/// Bytes of all scripts that are kept.
pub const SCRIPTS: usize = 8 << 20;
/// Bytes of one text, such as a description.
pub const TEXT: usize = 64 << 10;
/// Relations, settings, and rows of the like, each.
pub const LINES: usize = 20_000;
/// Bytes of a shell script in front of a payload.
pub const STUB: u64 = 2 << 20;
/// Bytes of one signature.
pub const SIGNATURE: u64 = 1 << 20;
/// Differences and unreadable parts that are listed; more are counted.
pub const LISTED: usize = 10_000;
/// Bytes of SHA256SUMS or manifest.json.
pub const SUMS: u64 = 16 << 20;

/// How many bytes an archive of `packed` bytes may unpack to.
pub fn unpacked(packed: u64) -> u64 {
    packed.saturating_mul(UNPACKED_RATIO).max(UNPACKED_FLOOR)
}

/// The same of a package that says that its files have `stated` bytes.
pub fn unpacked_as_stated(packed: u64, stated: u64) -> u64 {
    unpacked(packed).max(stated.min(UNPACKED_STATED) + HEADERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_may_have_what_it_says_up_to_a_bound() {
        assert_eq!(unpacked(1), 4 << 30);
        assert_eq!(unpacked_as_stated(1, 0), 4 << 30);
        assert!(unpacked_as_stated(12 << 20, 12 << 30) > 12 << 30);
        assert_eq!(unpacked_as_stated(1, u64::MAX), UNPACKED_STATED + HEADERS);
    }
}
