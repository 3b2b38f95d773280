//! Sites as overlays: the product's packages once, and for each site only what differs. Each site file is read, written and forgotten:
//! memory grows with the list of what was made alone.

use super::output::{Bulk, Output};
use super::{Package, Signing};
use crate::endpoint::Answers;
use crate::error::{Error, IoContext, Result};
use crate::format::stream::digest;
use crate::format::{door, SiteJob, Sites};
use crate::listener::Listener;
use crate::manifest::{self, Format, Product, Target};
use contract::settings::SETTINGS;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What sites' answers are told for where they are for every Linux.
const LINUX: Target = Target::LinuxX86_64;

/// What all sites' overlays share.
pub struct Overlays<'a> {
    /// The product without a site.
    pub product: &'a Product,
    /// The site files.
    pub files: &'a [PathBuf],
    /// What writes them, format by format.
    pub writers: &'a [(Format, Box<dyn crate::format::Overlays + 'a>)],
    /// The time of everything in them, in seconds since 1970.
    pub mtime: i64,
    /// What signs them.
    pub signing: &'a Signing,
    /// How many are written at once.
    pub threads: usize,
}

/// What writes the overlays of these formats' packages, each kind of overlay once.
///
/// # Errors
/// There can be none of one.
pub fn writers<'a>(
    formats: &[Format],
    sites: &'a [(Format, Sites<'a>)],
) -> Result<Vec<(Format, Box<dyn crate::format::Overlays + 'a>)>> {
    let mut writers: Vec<(Format, _)> = Vec::new();
    for (format, sites) in sites.iter().filter(|(format, _)| formats.contains(format)) {
        let kind = door(*format).overlay();
        if !writers.iter().any(|(known, _)| *known == kind) {
            writers.push((kind, door(*format).overlays(sites)?));
        }
    }
    Ok(writers)
}

/// Writes the files of a format that holds sites' settings alone, for one target.
///
/// # Errors
/// A value that the format cannot hold; the output folder.
pub fn of_settings(
    products: &[Product],
    format: Format,
    target: Target,
    sites: &[(Format, Sites)],
    output: &mut Output,
) -> Result<Vec<Package>> {
    let Some((_, sites)) = sites.iter().find(|(one, _)| *one == format) else { return Ok(Vec::new()) };
    let sites = Sites { target, ..*sites };
    let writer = door(format).overlays(&sites)?;
    let pool = sites.store.pool();
    let mut packages = Vec::new();
    for product in products {
        crate::interrupt::check()?;
        let answers = answers(product).text()?;
        let site = SiteJob { product, answers: &answers, mtime: sites.epoch.unwrap_or(0), pool: &pool };
        let (file, bytes) = writer.write(&site)?;
        let file = output.name(file);
        let mut partial = output.partial()?;
        partial.write_all(&bytes).or_cannot("write", partial.path())?;
        output.keep(partial, file.clone());
        sites.listener.wrote(&file);
        packages.push(Package {
            target: target.name().into(),
            site: product.site_name().map(str::to_owned),
            ..package(format, file, &bytes)
        });
    }
    Ok(packages)
}

/// What is listed of a small file.
fn package(format: Format, file: String, bytes: &[u8]) -> Package {
    Package {
        file,
        format: format.into(),
        target: Cow::Borrowed(""),
        site: None,
        overlay: false,
        size: bytes.len() as u64,
        sha256: hex::encode(Sha256::digest(bytes)),
        cabinets: Vec::new(),
        signed: None,
        content: 0,
        took: std::time::Duration::ZERO,
    }
}

/// A site whose overlays were written.
pub struct Site {
    /// Its name.
    pub name: String,
    /// The SHA-256 of its file, hexadecimal.
    pub sha256: String,
    /// Its overlays.
    pub packages: Vec<Package>,
}

/// Sites that are told to be wrong, of all.
const TOLD: usize = 10;

/// Reads the site files and forgets them: a mistake in one is told before the product's packages are built.
///
/// # Errors
/// What is wrong with them, several at once.
pub fn check(product: &Product, files: &[PathBuf]) -> Result<()> {
    let read = |file: &PathBuf| {
        let site = manifest::load_site(product, file)?;
        answers(&site).text().map_err(|error| error.note(format!("of {}", file.display())))
    };
    let wrong: Vec<Error> = files.par_iter().filter_map(|file| read(file).err()).collect();
    Error::all(wrong.into_iter().take(TOLD)).map_or(Ok(()), Err)
}

impl Overlays<'_> {
    /// Writes the overlays of all sites, each signed where a key is for its format; in the order of the site files.
    ///
    /// # Errors
    /// What is wrong with site files, several of them at once; two of one name; the output folder; a key.
    pub fn write(&self, output: &mut Output, listener: &dyn Listener) -> Result<Vec<Site>> {
        let bulk = output.bulk()?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads.max(1)).build();
        let pool = Arc::new(pool.map_err(|error| Error::new(format!("cannot start worker threads: {error}")))?);
        let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let bulk = &*bulk;
        let (faults, seen) = (&wrong, &Mutex::new(HashMap::new()));
        let work = || {
            let (mut sites, writer) = (Vec::new(), Writer { all: self, pool: pool.clone(), bulk, seen, listener });
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = self.files.get(index) else { return sites };
                match crate::interrupt::check().and_then(|()| writer.site(index, file)) {
                    Ok(site) => sites.push((index, site)),
                    Err(error) => {
                        let mut faults = faults.lock().unwrap_or_else(PoisonError::into_inner);
                        if faults.len() >= TOLD || error.is_interrupted() {
                            next.store(usize::MAX / 2, Ordering::Relaxed);
                        }
                        faults.push((index, error));
                    }
                }
            }
        };
        listener.begin("sites", 0);
        let mut sites: Vec<(usize, Site)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads.max(1)).map(|_| scope.spawn(work)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
        });
        listener.end("sites");
        let mut wrong = wrong.into_inner().unwrap_or_else(PoisonError::into_inner);
        wrong.sort_by_key(|(index, _)| *index);
        if let Some(error) = Error::all(wrong.into_iter().map(|(_, error)| error).take(TOLD)) {
            return Err(error);
        }
        if sites.len() != self.files.len() {
            return Err(Error::new("a worker thread ended without a result"));
        }
        sites.sort_by_key(|(index, _)| *index);
        Ok(sites.into_iter().map(|(_, site)| site).collect())
    }
}

/// Writes one site's overlays after the other's.
struct Writer<'a> {
    all: &'a Overlays<'a>,
    pool: Arc<rayon::ThreadPool>,
    bulk: &'a Bulk,
    /// The sites that there are, in small letters: Windows knows no capital ones apart.
    seen: &'a Mutex<HashMap<String, usize>>,
    listener: &'a dyn Listener,
}

impl Writer<'_> {
    fn site(&self, index: usize, path: &Path) -> Result<Site> {
        let product = manifest::load_site(self.all.product, path)?;
        let name = product.site_name().unwrap_or_default().to_owned();
        self.refuse_double(&name, index)?;
        let in_site = |error: Error| error.note(format!("while writing the overlays of {}", path.display()));
        let sha256 = super::output::file_sha256(path)?;
        let mut packages = Vec::new();
        let answers = answers(&product).text().map_err(in_site)?;
        let site = SiteJob { product: &product, answers: &answers, mtime: self.all.mtime, pool: &self.pool };
        for (format, writer) in self.all.writers {
            let (file, bytes) = writer.write(&site).map_err(in_site)?;
            let package = self.keep(*format, self.bulk.name(file), writer.target(), &bytes).map_err(in_site)?;
            packages.push(Package { site: Some(name.clone()), content: answers.len() as u64, ..package });
        }
        self.listener.advance("sites", 1);
        Ok(Site { name, sha256, packages })
    }

    fn refuse_double(&self, name: &str, index: usize) -> Result<()> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(other) = seen.insert(name.to_lowercase(), index) else { return Ok(()) };
        let [one, two] = [other.min(index), other.max(index)].map(|index| self.all.files[index].display());
        Err(Error::new(format!("two site files make the site \"{name}\""))
            .note(format!("{one} and {two}"))
            .help("give one of them a name = \"...\" of its own"))
    }

    /// Writes and signs a file that gets its name with all others.
    fn keep(&self, format: Format, file: String, target: &'static str, bytes: &[u8]) -> Result<Package> {
        let (path, mut out) = self.bulk.create(&file)?;
        out.write_all(bytes).or_cannot("write", &path)?;
        let signed = door(format).sign(&mut out, Path::new(&file), self.all.signing, self.listener)?;
        let mut package = Package { target: target.into(), overlay: true, ..package(format, file, bytes) };
        if signed.is_some() {
            (package.size, package.sha256) = digest(&mut out).or_cannot("read", &path)?;
        }
        Ok(Package { signed, ..package })
    }
}

/// What a site says on Linux, and nothing that the product says already.
fn answers(product: &Product) -> Answers {
    let mut answers = Answers {
        product: product.manifest().product.name.to_string(),
        site: product.site_name().unwrap_or_default().to_owned(),
        lines: product.site_lines().clone(),
        ..Answers::default()
    };
    let Some(site) = product.site() else { return answers };
    for setting in SETTINGS.iter().filter(|setting| site.gives(setting, LINUX)) {
        let value = match setting.name {
            "INSTALL_ROOT" => product.linux_root(),
            _ => product.setting(setting, LINUX),
        };
        answers.settings.push((setting.name.to_owned(), value));
    }
    answers
}
