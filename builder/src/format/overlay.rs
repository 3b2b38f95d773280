//! What a site's overlays for Linux have in common: their names, and the site's file as a configuration package brings it.

use super::door::SiteJob;
use super::PreparedFile;
use crate::error::Result;
use crate::manifest::Product;
use crate::payload::TreePath;

/// The name that the configuration packages of all sites of a product stand for, and exclude each other by.
pub fn overlay_name(product: &Product) -> String {
    format!("{}-site", product.manifest().product.name)
}

/// `NAME-site-SITE`: a full package of the site has the name `NAME-SITE`.
pub fn package_name(product: &Product) -> String {
    format!("{}-{}", overlay_name(product), product.site_name().unwrap_or_default())
}

/// The site's own version, else the product's.
pub fn version(product: &Product) -> &str {
    let own = product.site().and_then(|site| site.version.as_ref());
    own.unwrap_or(&product.manifest().product.version).as_str()
}

/// A line about the package.
pub fn description(product: &Product) -> String {
    format!("settings of {} for {}", product.site_name().unwrap_or_default(), product.manifest().product.title)
}

/// The site's file.
pub fn file(site: &SiteJob) -> Result<PreparedFile> {
    let path = TreePath::new(format!("{}.site", site.product.manifest().product.name).as_bytes())?;
    Ok(PreparedFile::made(path, site.answers.as_bytes().to_vec(), 0o644, site.mtime))
}

/// Relations as texts.
pub fn texts_of(list: &[impl ToString]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}
