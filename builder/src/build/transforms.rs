//! One site's transform each, over the product's own MSI: of the payload nothing is read, and no MSI is written.

use super::assemble::Base;
use super::output::Output;
use super::{windows, Package};
use crate::error::{Error, IoContext, Result};
use crate::format::msi::transform::{self, TransformSpec};
use crate::format::msi::CodePage;
use crate::inspect;
use crate::inspect::msi::{Database, Summary};
use crate::listener::Listener;
use crate::manifest::{Product, Target};
use contract::settings::Setting;
use sha2::{Digest, Sha256};
use std::io::{Cursor, Write};
use std::path::Path;

/// The tables that transforms change.
pub struct Tables {
    database: Database,
    summary: Summary,
}

impl Tables {
    /// Those of the MSI that the manifest makes, or of one that was given, which has to be of the same product.
    ///
    /// # Errors
    /// No MSI can be made; the given one cannot be read, is another product's, or was built before packages had what transforms change.
    pub fn of(product: &Product, base: &Base, given: Option<&Path>, listener: &dyn Listener) -> Result<Tables> {
        let (database, summary) = match given {
            Some(path) => inspect::tables(path)?,
            None => inspect::msi::read_tables(Cursor::new(windows::settings_tables(product, base, listener)?))?,
        };
        let tables = Tables { database, summary };
        if let Some(path) = given {
            let (own, given) = (windows::family(product)?, tables.property("UpgradeCode"));
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

/// Writes the transforms of all sites, and plays each over the tables that it is for.
///
/// # Errors
/// A value that an MSI cannot hold; the output folder.
pub fn write_all(
    products: &[Product],
    tables: &Tables,
    target: Target,
    epoch: Option<i64>,
    output: &mut Output,
    listener: &dyn Listener,
) -> Result<Vec<Package>> {
    let mut packages = Vec::new();
    for product in products {
        crate::interrupt::check()?;
        let (file_name, bytes) = one(product, tables, target, epoch)?;
        let mut file = output.partial()?;
        file.write_all(&bytes).or_cannot("write", file.path())?;
        output.keep(file, file_name.clone());
        listener.wrote(&file_name);
        packages.push(Package {
            file: file_name,
            format: "mst".into(),
            target: target.name().into(),
            site: product.site_name().map(str::to_owned),
            overlay: false,
            size: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(&bytes)),
            cabinets: Vec::new(),
            signed: None,
            content: 0,
            took: std::time::Duration::ZERO,
        });
    }
    Ok(packages)
}

/// A site's transform, played over the tables that it is for: its file's name and bytes.
///
/// # Errors
/// A value that an MSI cannot hold.
pub fn one(product: &Product, tables: &Tables, target: Target, epoch: Option<i64>) -> Result<(String, Vec<u8>)> {
    let name = product.package_name();
    let bytes = bytes(product, tables, target, epoch).and_then(|bytes| fits(&bytes, tables).map(|()| bytes));
    Ok((transform::file_name(&name), bytes.map_err(|error| error.note(format!("while writing the transform of {name}")))?))
}

fn bytes(product: &Product, tables: &Tables, target: Target, epoch: Option<i64>) -> Result<Vec<u8>> {
    let Some(site) = product.site() else { return Err(Error::new("a transform is of a site")) };
    let settings = windows::settings(product, target);
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
