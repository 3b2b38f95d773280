//! Recipes of sites' full packages. Each package is built and signed as ever, its recipe is taken, and it is dropped.

use super::output::Output;
use super::{packages, Package, Signing};
use crate::error::{Error, IoContext, Result};
use crate::format::Base;
use crate::kit::delta::recipe::{self, ENDING};
use crate::listener::{Listener, Silent};
use crate::manifest::{Format, Product};
use crate::trust::record::Listed;
use sha2::{Digest, Sha256};
use std::io::Write;

/// What all recipes share.
pub struct Recipes<'a> {
    /// The product with each site.
    pub sites: &'a [Product],
    /// The formats.
    pub formats: &'a [Format],
    /// What signs packages.
    pub signing: &'a Signing,
}

impl Recipes<'_> {
    /// Writes the recipes of all sites' packages for one target, out of the product's, which are signed already.
    ///
    /// # Errors
    /// As a build's; an MSI with cabinets beside it.
    pub fn write(&self, made: &[Package], base: &mut Base, output: &mut Output, listener: &dyn Listener) -> Result<Vec<Package>> {
        let mut products = Vec::new();
        for package in made {
            if !package.cabinets.is_empty() {
                return Err(Error::new(format!("{} has cabinets beside it, and a recipe makes one file", package.file))
                    .help("leave msi out of -f, or build full packages or overlays of it"));
            }
            let path = output.kept(&package.file).ok_or_else(|| Error::new(format!("{} was not kept", package.file)))?;
            products.push((package.format, recipe::Product::open(path, &package.file)?));
        }
        let bulk = output.bulk()?;
        let mut recipes = Vec::new();
        listener.begin("recipes", 0);
        for site in self.sites {
            crate::interrupt::check()?;
            let mut aside = Output::open(bulk.folder(), output.no_tilde())?;
            let mut full = packages::write_all(std::slice::from_ref(site), base, self.formats, &mut aside, &Silent)?;
            aside.sign(&mut full, self.signing, &Silent)?;
            for package in full {
                let product = products.iter().find(|(format, _)| *format == package.format);
                let (Some((_, product)), Some(path)) = (product, aside.kept(&package.file)) else { continue };
                let bytes = product.recipe(path, &package.file, bulk.folder())?;
                let (path, mut file) = bulk.create(&format!("{}.{ENDING}", package.file))?;
                file.write_all(&bytes).or_cannot("write", &path)?;
                recipes.push(Package {
                    file: format!("{}.{ENDING}", package.file),
                    format: Listed::RECIPE,
                    overlay: true,
                    size: bytes.len() as u64,
                    sha256: hex::encode(Sha256::digest(&bytes)),
                    signed: None,
                    ..package
                });
            }
            listener.advance("recipes", 1);
        }
        listener.end("recipes");
        Ok(recipes)
    }
}
