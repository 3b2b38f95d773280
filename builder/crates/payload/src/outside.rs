//! Sources that a floor above takes apart: their contents go into the spool, their entries through the same selection and checks.

use super::gather::{self, Found, FoundKind, Origin};
use super::limits::{self, Entries};
use super::select::Selector;
use super::sink::Sink;
use super::spool::SpoolFile;
use super::zip::dos_seconds;
use super::{Content, Loaded, PackageFacts, Source, Spool};
use base::error::{IoContext, Result};
use base::listener::Listener;

/// An archive that is being taken apart.
pub struct Outside {
    name: String,
    selector: Selector,
    spool: SpoolFile,
    found: Vec<Found>,
}

impl Outside {
    /// For a source that is a file.
    ///
    /// # Errors
    /// Patterns that are no globs; no room for the contents.
    pub fn new(source: &Source, spool: &Spool) -> Result<Outside> {
        let name = source.path.display().to_string();
        let len = std::fs::metadata(&source.path).or_cannot("read", &source.path)?.len();
        let spool = spool.file(&name, limits::unpacked(len))?;
        Ok(Outside { selector: Selector::new(source)?, spool, name, found: Vec::new() })
    }

    /// A content begins.
    pub fn begin(&mut self) {
        self.spool.begin();
    }

    /// Its next bytes.
    ///
    /// # Errors
    /// The disk is full, or the archive unpacks to more than it may.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.spool.write(bytes)
    }

    /// The content that began last, so far.
    pub fn content(&mut self) -> Content {
        self.spool.end()
    }

    /// Adds a file; its time is DOS's time and date.
    pub fn add(&mut self, path: String, content: Content, modified: (u16, u16)) {
        let mtime = dos_seconds(modified);
        let kind = FoundKind::File(content);
        self.found.push(Found { name: path.into_bytes(), kind, mode: 0o644, mtime, config: false, extended: None });
    }

    /// The payload.
    ///
    /// # Errors
    /// As [`super::load`]'s.
    pub fn finish(mut self, package: Option<PackageFacts>, listener: &dyn Listener) -> Result<Loaded> {
        self.spool.flush()?;
        let mut entries = Entries::of(&self.name);
        self.found.into_iter().try_for_each(|one| entries.push(one))?;
        let origin = Origin { name: &self.name, package: false };
        let (tree, capabilities) = gather::tree(entries.finish(), &self.selector, &origin, listener)?;
        Ok(Loaded { tree, package, capabilities })
    }
}
