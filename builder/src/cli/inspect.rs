//! `linkpack inspect`: what a package is and holds.

use super::arguments::InspectArguments;
use crate::error::{IoContext, Result};
use crate::inspect::lint::lint;
use crate::inspect::text::{text, Shown};
use crate::inspect::{html, read_with};

/// Prints a package's report, and writes it as a page where that is asked for.
pub fn run(arguments: &InspectArguments) -> Result<()> {
    let package = read_with(&arguments.package, arguments.base.as_deref())?;
    let report = &package.report;
    if let Some(page) = &arguments.html {
        std::fs::write(page, html::page(report, &lint(&package, &[]))?).or_cannot("write", page)?;
        if !arguments.json && !arguments.files && !arguments.scripts {
            return Ok(());
        }
    }
    if arguments.json {
        let document = serde_json::to_string_pretty(report);
        let document = document.map_err(|error| crate::Error::new(format!("cannot write the report as JSON: {error}")))?;
        return super::print(&(document + "\n"));
    }
    super::print(&text(report, Shown { files: arguments.files, scripts: arguments.scripts }))
}
