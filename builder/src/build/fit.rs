//! Names and paths that a package manager can write into a package and no system can unpack: refused here, where they can be shortened.

use crate::error::{Error, Result};
use crate::format::{writer, Unpacking};
use crate::manifest::{Format, Product};
use crate::payload::{Entry, Kind, Tree};

/// NAME_MAX and PATH_MAX of Linux, in bytes; the latter counts the NUL.
const NAME: usize = 255;
const PATH: usize = 4096;
/// Entries named in one error.
const NAMED: usize = 10;

/// # Errors
/// All entries that a format cannot hold.
pub fn check(products: &[Product], formats: &[Format], tree: &Tree) -> Result<()> {
    for format in formats.iter().copied() {
        let Some(how) = writer(format).and_then(|writer| writer.unpacking()) else { continue };
        let above = products.iter().map(|product| above(product, how)).max().unwrap_or_default();
        let faults: Vec<String> = tree.entries().iter().filter_map(|entry| fault(entry, format, how, above)).collect();
        if faults.is_empty() {
            continue;
        }
        let count = if faults.len() == 1 { "one name".to_owned() } else { format!("{} names", faults.len()) };
        let mut error = Error::new(format!("the {} package cannot hold {count}", format.name())).help(format!(
            "shorten or rename, leave the files out with exclude = [...] in the payload's table, or leave {} out of -f",
            format.name()
        ));
        for fault in faults.iter().take(NAMED) {
            error = error.note(fault.clone());
        }
        return Err(match faults.len().saturating_sub(NAMED) {
            0 => error,
            more => error.note(format!("and {more} more")),
        });
    }
    Ok(())
}

/// How many bytes stand before a path.
fn above(product: &Product, how: &Unpacking) -> usize {
    let version = product.manifest().product.version.as_str().len();
    let versions = if how.versions { "/versions/-r99".len() + version } else { 0 };
    product.linux_root().len() + versions + 1
}

fn fault(entry: &Entry, format: Format, how: &Unpacking, above: usize) -> Option<String> {
    let path = entry.path.as_bytes();
    let suffix = match entry.kind {
        Kind::Directory => "",
        _ if entry.config => how.edited,
        _ => how.suffix,
    };
    let name = entry.path.file_name();
    let shown = entry.path.display();
    let shown = if shown.chars().count() > 80 { shown.chars().take(77).collect::<String>() + "..." } else { shown };
    if name.len() + suffix.len() > NAME {
        let why = if suffix.is_empty() {
            String::new()
        } else {
            format!(", since {} adds {} while it unpacks", how.program, suffix.len())
        };
        return Some(format!(
            "\"{shown}\" has a name of {} bytes, and {} may have at most {}{why}",
            name.len(),
            format.name(),
            NAME - suffix.len()
        ));
    }
    if above + path.len() + suffix.len() + 1 > PATH {
        let most = PATH - 1 - suffix.len() - above;
        return Some(format!("\"{shown}\" is a path of {} bytes, and below the install root at most {most} fit", path.len()));
    }
    let blank = entry.config && how.cuts_blanks && name.last().is_some_and(u8::is_ascii_whitespace);
    blank.then(|| format!("\"{shown}\" is a configuration file that ends in a space, which dpkg's list of conffiles cuts off"))
}
