//! What one archive may ask for. Archives are anyone's bytes: what they claim is limited before it costs memory, time or disk.

use super::broken::broken;
use super::gather::{Found, FoundKind};
use base::error::{Error, Result};

/// Entries of one archive: with all that is kept of each, they take some 200 MB.
pub(super) const MOST_ENTRIES: usize = 250_000;
/// Bytes of the names and link targets of one archive together.
pub(super) const NAMES: usize = 32 << 20;
/// What unpacks to no more than this is never taken for a bomb.
const SMALL: u64 = 1 << 30;
/// Bytes out of one byte in, beyond that: programs and texts come to 20, gzip's best is 1000.
const RATIO: u64 = 200;

/// How many bytes an archive of `packed` bytes may unpack to.
pub(super) fn unpacked(packed: u64) -> u64 {
    packed.saturating_mul(RATIO).max(SMALL)
}

/// The error for an archive that unpacks to more.
pub(super) fn bomb(name: &str, limit: u64) -> Error {
    Error::new(format!("{name} unpacks to more than {} MiB", limit >> 20))
        .note(format!("that is more than {RATIO} times its own size, as in an archive that is made to fill disks"))
        .help("find out where it comes from; where that is meant, unpack it and give the folder as the source")
}

/// An archive's entries, as many as it may have.
pub(super) struct Entries<'a> {
    archive: &'a str,
    found: Vec<Found>,
    names: usize,
}

impl<'a> Entries<'a> {
    /// None yet; `archive` is its name in messages.
    pub(super) fn of(archive: &'a str) -> Self {
        Entries { archive, found: Vec::new(), names: 0 }
    }

    /// # Errors
    /// There are too many, or their names are too long.
    pub(super) fn push(&mut self, one: Found) -> Result<()> {
        let target = match &one.kind {
            FoundKind::Symlink(target) | FoundKind::HardLink(target) => target.len(),
            _ => 0,
        };
        self.names += one.name.len() + target;
        if self.found.len() == MOST_ENTRIES || self.names > NAMES {
            return Err(too_many(self.archive));
        }
        self.found.push(one);
        Ok(())
    }

    /// The entries in their order.
    pub(super) fn finish(self) -> Vec<Found> {
        self.found
    }
}

/// The error for an archive with more entries than [`MOST_ENTRIES`], or more names than [`NAMES`].
pub(super) fn too_many(name: &str) -> Error {
    broken(name, format!("it has more than {MOST_ENTRIES} entries, or more than {} MiB of names", NAMES >> 20))
        .help("where that is meant, unpack it and give the folder as the source")
}
