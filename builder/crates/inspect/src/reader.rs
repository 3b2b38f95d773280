//! The door of a format on this floor: how it is recognised and read.

use super::manager::Manager;
use super::{Depth, Package};
use crate::report::{FileFacts, Part, Report};
use base::error::Result;
use payload::decode::Input;
use std::ops::Range;
use std::path::Path;

/// Reads one format.
pub trait Reader: Sync {
    /// Whether a file that begins with these bytes, eight where it has them, is one.
    fn begins(&self, first: &[u8]) -> bool;

    /// Whether a file of that ending, in small letters, can be one, where others than packages begin the same.
    fn may_end_in(&self, _ending: &str) -> bool {
        true
    }

    /// Reads a package.
    ///
    /// # Errors
    /// It is none, or too damaged to say anything about its parts. Lesser faults become damage of the report.
    fn read(&self, opened: Opened) -> Result<Package>;

    /// What stands between the folders of a path.
    fn separator(&self) -> char {
        '/'
    }

    /// What installs it on Linux, where that is a package manager.
    fn manager(&self) -> Option<&'static Manager> {
        None
    }

    /// What signatures take of a package: who builds it again without a key has other bytes there.
    fn aside(&self, report: &Report) -> Aside;
}

/// A package that was opened and recognised.
pub struct Opened<'a, 'i> {
    /// Its bytes.
    pub input: &'a mut Input<'i>,
    /// Where it lies.
    pub path: &'a Path,
    /// What is known of the file.
    pub file: FileFacts,
    /// How much of it is read.
    pub depth: Depth,
    /// The package that a transform is for.
    pub base: Option<&'a Path>,
}

/// What signatures take of a package.
pub enum Aside {
    /// Ranges of its bytes, in order.
    Bytes(Vec<Range<u64>>),
    /// Streams of a compound file, in which a signature moves the others about.
    Streams(&'static [&'static str]),
}

impl Aside {
    /// The bytes of parts: of each, as `taken` says.
    pub(crate) fn parts(report: &Report, taken: impl Fn(&Part, u64) -> Option<Range<u64>>) -> Self {
        Aside::Bytes(report.parts.iter().filter_map(|part| taken(part, part.offset?)).collect())
    }
}
