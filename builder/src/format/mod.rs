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
pub mod sign_programs;
mod signing;
pub mod stream;
mod tar;

pub use base::Base;
pub use door::{Compression, Door, Job, Overlays, PayloadDigest, Sidecar, SiteJob, Sites, Unpacking, Writer, Written};
pub use packing::Packing;
pub use parts::{folders, Origin, CONNECTOR};
pub use prepared::{prepare, unread, Digests, PreparedFile};
pub use sign_programs::ProgramSignatures;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::reader;
    use crate::manifest::Target;

    #[test]
    fn every_format_is_for_a_target_and_what_holds_settings_alone_is_laid_over_a_package() {
        for format in Format::ALL {
            assert!(Target::ALL.iter().any(|target| door(format).is_for(*target)), "{format}");
            let over = asked_for().find(|other| writer(*other).is_some() && door(*other).overlay() == format);
            assert_eq!(writer(format).is_none(), door(format).is_on_request(), "{format}");
            assert!(writer(format).is_some() || over.is_some(), "{format}");
        }
    }

    #[test]
    fn a_format_and_what_is_laid_over_it_are_signed_alike() {
        for format in Format::ALL {
            assert_eq!(door(format).signatures(), door(door(format).overlay()).signatures(), "{format}");
        }
    }

    #[test]
    fn what_signs_a_package_says_which_streams_are_set_aside() {
        use crate::inspect::reader::Aside;
        let file = crate::inspect::report::FileFacts { name: String::new(), size: 0, sha256: String::new() };
        let report = crate::inspect::Report::new(Format::Msi, file);
        assert!(matches!(reader(Format::Msi).aside(&report), Aside::Streams(names) if names == msi_schema::SIGNATURE_STREAMS));
    }
}
