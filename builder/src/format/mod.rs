//! The package formats: each turns prepared files and a package's facts into one file, written to a writer it is given.

mod architecture;
mod base;
pub mod deb;
mod door;
mod facts;
mod hashing;
pub mod msi;
pub mod needs;
mod overlay;
mod packing;
mod parts;
mod patch;
mod prepared;
pub mod programs;
pub mod rpm;
pub mod run;
mod signing;
pub mod stream;
mod tar;

pub use base::Base;
pub use door::{Compression, Door, Job, Overlays, Sidecar, SiteJob, Sites, Unpacking, Writer, Written};
pub use packing::Packing;
pub use parts::{folders, Origin, CONNECTOR};
pub use prepared::{prepare, unread, Digests, PreparedFile};
pub use signing::{Signatures, Signing};

use crate::manifest::Format;

/// The door of a format: the one place on this floor that goes by its name.
pub fn door(format: Format) -> &'static dyn Door {
    match format {
        Format::Deb => &deb::Deb,
        Format::Rpm => &rpm::Rpm,
        Format::Run => &run::Run,
        Format::Msi => &msi::Msi,
        Format::Mst => &msi::Mst,
        Format::Site => &run::Site,
    }
}

/// What writes packages of a format; none for one that holds a site's settings alone.
pub fn writer(format: Format) -> Option<&'static dyn Writer> {
    door(format).writer()
}

/// The formats that `-f` takes, in the order in which they are built.
pub fn asked_for() -> impl Iterator<Item = Format> {
    Format::ALL.into_iter().filter(|format| door(*format).is_asked_for())
}
