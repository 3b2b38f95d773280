//! Sites as overlays: the product's packages once, and for each site only what differs. Each site file is read, written and forgotten:
//! memory grows with the list of what was made alone.

use super::output::{Bulk, Output};
use super::packages::{overlay_name, FormatName};
use super::transforms::{self, Tables};
use super::{Package, Signing};
use crate::compress::{Codec, Store};
use crate::endpoint::{self, Answers};
use crate::error::{Error, IoContext, Result};
use crate::format::{deb, rpm, site, PreparedFile};
use crate::listener::Listener;
use crate::manifest::{self, Product, Target};
use crate::payload::TreePath;
use contract::settings::SETTINGS;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What sites' answers are told for where they are for every Linux.
const LINUX: Target = Target::LinuxX86_64;
/// What a package of every architecture is for, in reports.
const ANY_LINUX: &str = "linux";

/// What all sites' overlays share.
pub struct Overlays<'a> {
    /// The product without a site.
    pub product: &'a Product,
    /// The site files.
    pub files: &'a [PathBuf],
    /// The formats of the packages that they are laid over.
    pub formats: &'a [FormatName],
    /// The MSI's tables, where there is one.
    pub tables: Option<(Tables, Target)>,
    /// The time of everything in them, in seconds since 1970.
    pub mtime: i64,
    /// SOURCE_DATE_EPOCH.
    pub epoch: Option<i64>,
    /// What signs them.
    pub signing: &'a Signing,
    /// How many are written at once.
    pub threads: usize,
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
        let scriptlets = endpoint::site_scriptlets(self.product.names())?;
        let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let bulk = &*bulk;
        let (scriptlets, faults, seen) = (&scriptlets, &wrong, &Mutex::new(HashMap::new()));
        let work = || {
            let (mut sites, writer) = (Vec::new(), Writer { all: self, pool: pool.clone(), bulk, seen, scriptlets, listener });
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
    /// An RPM's `%posttrans` and `%postun`.
    scriptlets: &'a (String, String),
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
        for format in self.all.formats {
            let (format, file, target, bytes) = match format {
                FormatName::Deb => {
                    let (file, bytes) = self.deb(&product, &answers).map_err(in_site)?;
                    (FormatName::Deb, file, ANY_LINUX, bytes)
                }
                FormatName::Rpm => {
                    let (file, bytes) = self.rpm(&product, &answers).map_err(in_site)?;
                    (FormatName::Rpm, file, ANY_LINUX, bytes)
                }
                FormatName::Run => {
                    (FormatName::Site, site::file_name(&product.package_name()), ANY_LINUX, answers.clone().into_bytes())
                }
                FormatName::Msi | FormatName::Mst => {
                    // Once, where both were asked for.
                    let own = *format == FormatName::Msi || !self.all.formats.contains(&FormatName::Msi);
                    let Some((tables, target)) = self.all.tables.as_ref().filter(|_| own) else { continue };
                    let (file, bytes) = transforms::one(&product, tables, *target, self.all.epoch).map_err(in_site)?;
                    (FormatName::Mst, file, target.name(), bytes)
                }
                FormatName::Site => continue,
            };
            let package = self.keep(format, file, target, &bytes).map_err(in_site)?;
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
    fn keep(&self, format: FormatName, file: String, target: &'static str, bytes: &[u8]) -> Result<Package> {
        let (path, mut out) = self.bulk.create(&file)?;
        out.write_all(bytes).or_cannot("write", &path)?;
        let signed = self.all.signing.sign(format, &mut out, Path::new(&file), self.listener)?;
        let (size, sha256) = match &signed {
            Some(_) => super::output::digest(&mut out).or_cannot("read", &path)?,
            None => (bytes.len() as u64, hex::encode(Sha256::digest(bytes))),
        };
        Ok(Package {
            file,
            format: format.name().into(),
            target: target.into(),
            site: None,
            overlay: true,
            size,
            sha256,
            cabinets: Vec::new(),
            signed,
            content: 0,
            took: std::time::Duration::ZERO,
        })
    }

    /// The site's file, as a configuration package brings it.
    fn file(&self, product: &Product, answers: &str) -> Result<PreparedFile> {
        let path = TreePath::new(format!("{}.site", product.manifest().product.name).as_bytes())?;
        Ok(PreparedFile::made(path, answers.as_bytes().to_vec(), 0o644, self.all.mtime))
    }

    fn deb(&self, product: &Product, answers: &str) -> Result<(String, Vec<u8>)> {
        let table = &product.manifest().product;
        let (name, stands_for) = (package_name(product), overlay_name(product));
        let store = Store::in_memory(self.pool.clone());
        let folder = product.names().place("site");
        let spec = deb::DebSpec {
            name: &name,
            version: version(product),
            architecture: "all",
            maintainer: table.contact.as_str(),
            publisher: table.publisher.as_str(),
            homepage: table.homepage.as_ref().map(|url| url.as_str()),
            description: &description(product),
            pre_depends: None,
            depends: &[],
            weak: deb::Weak::default(),
            section: product.manifest().deb.section.as_ref().map_or("admin", |section| section.as_str()),
            priority: "optional",
            provides: Some(&stands_for),
            license: table.license.as_str(),
            root: &folder,
            files: &[&self.file(product, answers)?],
            control_files: &[],
            codec: Codec::Gzip,
            store: &store,
            mtime: self.all.mtime,
        };
        let mut bytes = Vec::new();
        deb::write(&spec, &mut bytes)?;
        Ok((self.bulk.name(deb::file_name(spec.name, spec.version, spec.architecture)), bytes))
    }

    fn rpm(&self, product: &Product, answers: &str) -> Result<(String, Vec<u8>)> {
        let (table, table_of_rpm) = (&product.manifest().product, &product.manifest().rpm);
        let (name, stands_for) = (package_name(product), [overlay_name(product)]);
        let store = Store::in_memory(self.pool.clone());
        let summary = description(product);
        let folder = product.names().place("site");
        let spec = rpm::RpmSpec {
            name: &name,
            version: version(product),
            release: table_of_rpm.release.as_ref().map_or("1", |release| release.as_str()),
            epoch: table_of_rpm.epoch,
            arch: "noarch",
            summary: &summary,
            description: &summary,
            license: table.license.as_str(),
            url: table.homepage.as_ref().map(|url| url.as_str()),
            vendor: Some(table.publisher.as_str()),
            packager: Some(table.contact.as_str()),
            group: table_of_rpm.group.as_ref().map(|group| group.as_str()),
            prefix: &folder,
            relocatable: false,
            build_time: self.all.mtime,
            files: &[&self.file(product, answers)?],
            ghosts: &[],
            capabilities: &BTreeMap::new(),
            scriptlets: rpm::Scriptlets {
                posttrans: Some(self.scriptlets.0.clone()),
                postun: Some(self.scriptlets.1.clone()),
                ..rpm::Scriptlets::default()
            },
            requires: &[],
            recommends: &[],
            suggests: &[],
            provides: &stands_for,
            conflicts: &stands_for,
            obsoletes: &[],
            after: &[],
            codec: Codec::Gzip,
            store: &store,
        };
        let mut bytes = Vec::new();
        rpm::write(&spec, &mut bytes)?;
        Ok((self.bulk.name(rpm::file_name(spec.name, spec.version, spec.release, spec.arch)), bytes))
    }
}

/// `NAME-site-SITE`: a full package of the site has the name `NAME-SITE`.
fn package_name(product: &Product) -> String {
    format!("{}-{}", overlay_name(product), product.site_name().unwrap_or_default())
}

/// The site's own version, else the product's.
fn version(product: &Product) -> &str {
    let own = product.site().and_then(|site| site.version.as_ref());
    own.unwrap_or(&product.manifest().product.version).as_str()
}

fn description(product: &Product) -> String {
    format!("settings of {} for {}", product.site_name().unwrap_or_default(), product.manifest().product.title)
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
