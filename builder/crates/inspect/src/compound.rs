//! Windows Installer's two kinds of compound file, which only their contents tell apart: packages and transforms.

use super::msi::{self, transform};
use super::reader::{Aside, Opened, Reader};
use super::{product, tables, Depth, Package};
use crate::report::Report;
use base::error::{IoContext, Result};
use std::fs::File;

/// The first bytes of a compound file (MS-CFB, 2.2).
const MAGIC: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];

/// An installation package.
pub struct Msi;

impl Reader for Msi {
    fn begins(&self, first: &[u8]) -> bool {
        first == MAGIC
    }

    fn may_end_in(&self, ending: &str) -> bool {
        !matches!(ending, "msp" | "msm")
    }

    fn read(&self, opened: Opened) -> Result<Package> {
        let open = || File::open(opened.path).or_cannot("read", opened.path);
        let base = opened.base.map(tables).transpose()?;
        if let Some(read) = transform::read(open()?, base.as_ref().map(|(tables, _)| tables))? {
            let mut report = super::transform::report(&read, opened.file);
            if let Some((tables, summary)) = &base {
                super::transform::against(&read, tables, summary, &mut report.claims);
            }
            return Ok(Package { report, msi: None, transform: Some(Box::new(read)) });
        }
        let msi = match opened.depth {
            Depth::Headers => msi::read_headers(open()?),
            _ => msi::read(open()?, opened.path.parent()),
        }?;
        Ok(Package { report: product::report(&msi, opened.file, opened.depth), msi: Some(Box::new(msi)), transform: None })
    }

    fn separator(&self) -> char {
        '\\'
    }

    fn aside(&self, _: &Report) -> Aside {
        Aside::Streams(msi_schema::SIGNATURE_STREAMS)
    }
}

/// A transform.
pub struct Mst;

impl Reader for Mst {
    /// The package's reader finds it.
    fn begins(&self, _: &[u8]) -> bool {
        false
    }

    fn read(&self, opened: Opened) -> Result<Package> {
        Msi.read(opened)
    }

    fn separator(&self) -> char {
        Msi.separator()
    }

    fn aside(&self, report: &Report) -> Aside {
        Msi.aside(report)
    }
}
