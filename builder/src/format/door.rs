//! The door of a format: what the rest of linkpack asks of it. The list is [`super::door`].
//!
//! A format that packages the payload has a [`Writer`]; a transform and a site file hold a site's settings alone and have none.

use super::base::Base;
use super::signing::{Signatures, Signing};
use super::{Digests, PreparedFile};
use crate::compress::{Codec, Store};
use crate::endpoint::{self, Facts};
use crate::error::{Error, Result};
use crate::listener::Listener;
use crate::manifest::{Format, Installer, Product, Target};
use crate::payload::TreePath;
use crate::trust::keys::Keys;
use crate::trust::record::Signed;
use crate::trust::Verdict;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tempfile::NamedTempFile;

/// A format as the rest of linkpack sees it.
pub trait Door: Sync {
    /// Whether its packages are for a target.
    fn is_for(&self, target: Target) -> bool {
        target.is_linux()
    }

    /// Whether `-f` takes it: a site file comes with the overlays of another format.
    fn is_asked_for(&self) -> bool {
        true
    }

    /// Whether it is built only where `-f` names it.
    fn is_on_request(&self) -> bool {
        false
    }

    /// What writes its packages; none for one that holds a site's settings alone.
    fn writer(&self) -> Option<&'static dyn Writer>;

    /// The format of what is laid over its packages.
    fn overlay(&self) -> Format;

    /// What writes, site by site, what is laid over its packages.
    ///
    /// # Errors
    /// Nothing can be: of an MSI that was given, for instance.
    fn overlays<'a>(&self, sites: &'a Sites<'a>) -> Result<Box<dyn Overlays + 'a>>;

    /// How its packages are signed.
    fn signatures(&self) -> Signatures;

    /// Whether packages get a signature by these keys: asked before any work, so that a useless key costs none.
    ///
    /// # Errors
    /// A key is of no use for it.
    fn covers(&self, keys: &Signing, _listener: &dyn Listener) -> Result<bool> {
        Ok(self.signatures().are_made_by(keys))
    }

    /// Signs a package in place, over a signature that is there; `None` where no key is for its format. `path` is what the user knows it by.
    ///
    /// # Errors
    /// It is damaged, or cannot be signed.
    fn sign(&self, file: &mut File, path: &Path, keys: &Signing, listener: &dyn Listener) -> Result<Option<Signed>>;

    /// Signs the programs for Windows in a package that was built without a key, before it is signed itself: linkpack's own, and `all`
    /// that nobody has signed where that is asked for.
    ///
    /// # Errors
    /// As [`Door::sign`]'s.
    fn sign_inside(&self, _file: &mut File, _path: &Path, _keys: &Signing, _all: bool, _listener: &dyn Listener) -> Result<()> {
        Ok(())
    }

    /// Judges the signatures of a package, each with its place.
    ///
    /// # Errors
    /// It cannot be read, or is no package of linkpack's.
    fn verify(&self, file: &mut File, path: &Path, keys: &Keys, payload: PayloadDigest) -> Result<Vec<(String, Verdict)>>;
}

/// Whether the payload is known to have the digest that the package's header states of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadDigest {
    /// It has to be read and compared.
    NotCompared,
    /// The caller has compared it.
    Compared,
}

/// Writes packages of a payload.
pub trait Writer: Sync {
    /// Refuses what no package can be made of, before payloads are read.
    ///
    /// # Errors
    /// What is missing or does not fit.
    fn check(&self, _product: &Product, _target: Target) -> Result<()> {
        Ok(())
    }

    /// How its payload is compressed; `None` for a format with a compression of its own, which reads the payload itself.
    fn compression(&self) -> Option<Compression>;

    /// How it unpacks names, where they may be too long for that.
    fn unpacking(&self) -> Option<&'static Unpacking> {
        None
    }

    /// Whether its packages hold file capabilities.
    fn holds_capabilities(&self) -> bool {
        false
    }

    /// Warns of what its packages will not have.
    fn warn(&self, _product: &Product, _base: &Base, _listener: &dyn Listener) {}

    /// Writes a package; `new` makes files in the output folder, which go away unless they are kept.
    ///
    /// # Errors
    /// What the format cannot hold; a payload changed meanwhile; the output folder.
    fn write(&self, job: &Job, new: &dyn Fn() -> Result<NamedTempFile>, listener: &dyn Listener) -> Result<Written>;
}

/// How the payload of a format is compressed.
#[derive(Clone, Copy)]
pub struct Compression {
    /// The package manager that has to read it.
    pub installer: Option<Installer>,
    /// Whether an endpoint has to have the codec's own program to read it.
    pub needs_tool: bool,
}

/// What a format adds to names while it unpacks.
pub struct Unpacking {
    /// Who unpacks.
    pub program: &'static str,
    /// What a name gets at its end.
    pub suffix: &'static str,
    /// What that of a file gets that administrators edit.
    pub edited: &'static str,
    /// Whether files lie in a folder of their version below the root.
    pub versions: bool,
    /// Whether names of files that administrators edit may not end in a blank.
    pub cuts_blanks: bool,
}

/// One product's package of a target, to be written.
pub struct Job<'a> {
    /// The product, with a site or without.
    pub product: &'a Product,
    /// What its packages are made of.
    pub base: &'a Base<'a>,
    scripted: OnceLock<Result<Scripted>>,
}

/// What packages for Linux have of their product alone.
pub struct Scripted {
    /// What their scripts know.
    pub facts: Facts,
    /// `bin/` with linkctl and the scripts' modules.
    own: Vec<PreparedFile>,
}

impl<'a> Job<'a> {
    /// A package of this product.
    pub fn new(product: &'a Product, base: &'a Base<'a>) -> Self {
        Job { product, base, scripted: OnceLock::new() }
    }

    /// What packages for Linux have of their product alone: made once for all their formats.
    ///
    /// # Errors
    /// A fact that no script can hold.
    pub fn scripted(&self) -> Result<&Scripted> {
        self.scripted.get_or_init(|| Scripted::new(self.product, self.base)).as_ref().map_err(Error::clone)
    }

    /// The base's files and the product's own. The list is all that a product takes for each of a hundred thousand files.
    ///
    /// # Errors
    /// As [`Job::scripted`]'s.
    pub fn files(&self) -> Result<Vec<&PreparedFile>> {
        let (base, own) = (&self.base.files, &self.scripted()?.own);
        // No other folder begins with "bin" (contract::names), so they have one place in the order of bytes.
        let at = base.partition_point(|file| file.entry.path.as_bytes() < b"bin".as_slice());
        let mut files = Vec::with_capacity(base.len() + own.len());
        files.extend(&base[..at]);
        files.extend(own);
        files.extend(&base[at..]);
        Ok(files)
    }
}

impl Scripted {
    fn new(product: &Product, base: &Base) -> Result<Self> {
        let facts = super::facts::facts(product, base)?;
        let directory = |path: &str| Ok(PreparedFile::directory(TreePath::new(path.as_bytes())?, base.mtime));
        let mut own = [directory("bin"), directory("bin/lib")].into_iter().collect::<Result<Vec<_>>>()?;
        for file in endpoint::bin_files(&facts)? {
            let path = TreePath::new(file.path.as_bytes())?;
            own.push(PreparedFile::made(path, file.text.into_bytes(), file.mode, base.mtime));
        }
        Ok(Scripted { facts, own })
    }
}

/// A package that was written.
pub struct Written {
    /// The package.
    pub file: NamedTempFile,
    /// The name that it is to have.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// Bytes of the files in it, before compression.
    pub content: u64,
    /// Cabinets that have to lie beside it.
    pub beside: Vec<Sidecar>,
    /// Digests of the base's files that were learned on the way, by their place in its list.
    pub learned: Vec<(usize, Digests)>,
}

/// A file that has to lie beside a package.
#[derive(Debug)]
pub struct Sidecar {
    /// Its name.
    pub name: String,
    /// Its bytes; it goes away unless it is kept.
    pub file: NamedTempFile,
}

/// What the overlays of all sites have in common.
pub struct Sites<'a> {
    /// The product without a site.
    pub product: &'a Product,
    /// The target; of the first, where one overlay fits the packages of several.
    pub target: Target,
    /// The MSI that transforms have to fit; the manifest's own when there is none.
    pub base: Option<&'a Path>,
    /// How payloads are compressed, and where units are.
    pub codec: Codec,
    /// Where compressed units are.
    pub store: &'a Arc<Store>,
    /// SOURCE_DATE_EPOCH.
    pub epoch: Option<i64>,
    /// Who hears of it.
    pub listener: &'a dyn Listener,
}

/// One site's overlay, to be written.
pub struct SiteJob<'a> {
    /// The product with the site.
    pub product: &'a Product,
    /// What the site says on Linux, as the text of a site file.
    pub answers: &'a str,
    /// The time of everything in it, in seconds since 1970.
    pub mtime: i64,
    /// Whose threads compress.
    pub pool: &'a Arc<rayon::ThreadPool>,
}

/// Writes overlays of one format.
pub trait Overlays: Sync {
    /// What they are for, in reports: a target, or `linux` for every architecture.
    fn target(&self) -> &'static str {
        "linux"
    }

    /// A site's: its name and bytes.
    ///
    /// # Errors
    /// What the format cannot hold.
    fn write(&self, site: &SiteJob) -> Result<(String, Vec<u8>)>;
}
