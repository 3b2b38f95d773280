//! One site's transform each, over the product's own MSI: of the payload nothing is read, and no MSI is written.

use super::package::{self, Msi};
use super::transform::{self, TransformSpec};
use super::CodePage;
use crate::error::{Error, Result};
use crate::format::door::{Door, Overlays, PayloadDigest, SiteJob, Sites, Writer};
use crate::format::{Base, Signatures, Signing};
use crate::inspect;
use crate::inspect::msi::{Database, Summary};
use crate::listener::Listener;
use crate::manifest::{Format, Product, Target};
use crate::trust::keys::Keys;
use crate::trust::record::Signed;
use crate::trust::Verdict;
use contract::settings::Setting;
use std::fs::File;
use std::io::Cursor;
use std::path::Path;

/// A site's transform of an MSI.
pub struct Mst;

impl Door for Mst {
    fn is_for(&self, target: Target) -> bool {
        Msi.is_for(target)
    }

    fn is_on_request(&self) -> bool {
        true
    }

    fn writer(&self) -> Option<&'static dyn Writer> {
        None
    }

    fn overlay(&self) -> Format {
        Format::Mst
    }

    /// One transform fits the MSIs of both architectures: it has their upgrade code compared.
    fn overlays<'a>(&self, sites: &'a Sites<'a>) -> Result<Box<dyn Overlays + 'a>> {
        let base = Base::empty(sites.target, sites.codec, sites.store, sites.epoch.unwrap_or(0));
        let tables = Tables::of(sites.product, &base, sites.base, sites.listener)?;
        Ok(Box::new(Transforms { tables, target: sites.target, epoch: sites.epoch }))
    }

    fn signatures(&self) -> Signatures {
        Msi.signatures()
    }

    fn covers(&self, keys: &Signing, listener: &dyn Listener) -> Result<bool> {
        Msi.covers(keys, listener)
    }

    fn sign(&self, file: &mut File, path: &Path, keys: &Signing, listener: &dyn Listener) -> Result<Option<Signed>> {
        Msi.sign(file, path, keys, listener)
    }

    fn verify(&self, file: &mut File, path: &Path, keys: &Keys, payload: PayloadDigest) -> Result<Vec<(String, Verdict)>> {
        Msi.verify(file, path, keys, payload)
    }
}

/// Writes transforms, and plays each over the tables that it is for.
struct Transforms {
    tables: Tables,
    target: Target,
    epoch: Option<i64>,
}

impl Overlays for Transforms {
    fn target(&self) -> &'static str {
        self.target.name()
    }

    fn write(&self, site: &SiteJob) -> Result<(String, Vec<u8>)> {
        one(site.product, &self.tables, self.target, self.epoch)
    }
}

/// The tables that transforms change.
struct Tables {
    database: Database,
    summary: Summary,
}

impl Tables {
    /// Those of the MSI that the manifest makes, or of one that was given, which has to be of the same product.
    ///
    /// # Errors
    /// No MSI can be made; the given one cannot be read, is another product's, or was built before packages had what transforms change.
    fn of(product: &Product, base: &Base, given: Option<&Path>, listener: &dyn Listener) -> Result<Tables> {
        let (database, summary) = match given {
            Some(path) => inspect::tables(path)?,
            None => inspect::msi::read_tables(Cursor::new(package::settings_tables(product, base, listener)?))?,
        };
        let tables = Tables { database, summary };
        if let Some(path) = given {
            let (own, given) = (package::family(product)?, tables.property("UpgradeCode"));
            if !own.eq_ignore_ascii_case(given) {
                return Err(Error::new(format!("{} is another product's: its upgrade code is {given}", path.display()))
                    .note(format!("the manifest's is {own}"))
                    .help("give an MSI of this manifest with --base, or leave --base out"));
            }
        }
        Ok(tables)
    }

    fn property(&self, name: &str) -> &str {
        self.database.property(name).unwrap_or_default()
    }
}

/// A site's transform, played over the tables that it is for: its file's name and bytes.
///
/// # Errors
/// A value that an MSI cannot hold.
fn one(product: &Product, tables: &Tables, target: Target, epoch: Option<i64>) -> Result<(String, Vec<u8>)> {
    let name = product.package_name();
    let bytes = bytes(product, tables, target, epoch).and_then(|bytes| fits(&bytes, tables).map(|()| bytes));
    Ok((transform::file_name(&name), bytes.map_err(|error| error.note(format!("while writing the transform of {name}")))?))
}

fn bytes(product: &Product, tables: &Tables, target: Target, epoch: Option<i64>) -> Result<Vec<u8>> {
    let Some(site) = product.site() else { return Err(Error::new("a transform is of a site")) };
    let settings = package::settings(product, target);
    let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
    let defaults: Vec<(&str, &str)> =
        settings.filter(|(name, _)| Setting::named(name).is_some_and(|setting| site.gives(setting, target))).collect();
    let forced: Vec<&str> = site.forced.iter().map(|forced| forced.0.name).collect();
    let forced: Vec<(&str, &str)> = defaults.iter().filter(|(name, _)| forced.contains(name)).copied().collect();
    let lines: Vec<(&str, &str)> = product.site_lines().iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let root = site.root.windows.is_some().then(|| product.windows_root());
    let spec = TransformSpec {
        base: transform::Base {
            code_page: CodePage::new(tables.database.code_page).unwrap_or_default(),
            title: tables.property("ProductName"),
            manufacturer: tables.property("Manufacturer"),
            product_code: tables.property("ProductCode"),
            version: tables.property("ProductVersion"),
            upgrade_code: tables.property("UpgradeCode"),
            template: tables.summary.template.as_deref().unwrap_or_default(),
            forces: &|name| tables.database.property(name).is_some(),
        },
        defaults: &defaults,
        root: root.as_deref(),
        forced: &forced,
        lines: &lines,
        time: epoch,
    };
    let mut out = Cursor::new(Vec::new());
    transform::write(&spec, &mut out)?;
    Ok(out.into_inner())
}

/// What was written has to read back, and to fit the package row by row.
fn fits(bytes: &[u8], tables: &Tables) -> Result<()> {
    let read = inspect::msi::transform::read(Cursor::new(bytes), Some(&tables.database))?;
    let read = read.ok_or_else(|| Error::new("what was written is no transform"))?;
    match read.misfits(&tables.database).into_iter().next() {
        None => Ok(()),
        Some(problem) => Err(Error::new(format!("the transform does not fit the MSI: {problem}"))
            .help("build the MSI again with this linkpack: each setting needs its Default action there")),
    }
}
