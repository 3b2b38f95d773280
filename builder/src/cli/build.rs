//! `linkpack build`.

use super::arguments::{BuildArguments, ProductArguments};
use super::screen::Screen;
use super::told::{self, Built};
use super::{cache, progress, summary};
use crate::build::plan::{self, Done, How};
use crate::build::{build, Options, PerSite, Report, SigningOptions};
use crate::compress::Cache;
use crate::error::{Error, Result};
use crate::inspect::text::counted;
use crate::listener::Listener;
use crate::manifest::{Given, Setting};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Builds packages and says which.
pub fn run(arguments: &BuildArguments) -> ExitCode {
    if let Some(Err(error)) = arguments.plan.as_deref().map(plan::prepare) {
        return super::failed(&error, arguments.json);
    }
    let screen = Screen::new(arguments.quiet);
    let began = Instant::now();
    let built = match (&arguments.plan, arguments.job) {
        (Some(plan), Some(job)) => match run_job(plan, job, arguments, &screen) {
            Ok(Done::Built(report)) => Ok(*report),
            Ok(Done::Already(output)) => return already(job, &output, arguments.json, &screen),
            Err(error) => Err(error),
        },
        _ => options(arguments, &screen).and_then(|options| build(&options, &screen)),
    };
    let warnings = screen.warnings();
    if let Some(file) = &arguments.summary {
        if let Err(error) = summary::append(file, &summary::of_build(built.as_ref(), &warnings)) {
            screen.warning(&format!("{error}"));
        }
    }
    let report = match built {
        Ok(report) => report,
        Err(error) => {
            // What is going on is over: no line of it comes after the error.
            drop(screen);
            return super::failed_after(&error, arguments.json, warnings);
        }
    };
    let shown = match arguments.json {
        true => told::json(&Built { report, warnings }),
        false => {
            table(&report, began).iter().for_each(|line| screen.result(line));
            String::new()
        }
    };
    super::conclude(&shown, false)
}

fn run_job(plan: &Path, job: usize, arguments: &BuildArguments, listener: &dyn Listener) -> Result<Done> {
    let how = How {
        threads: arguments.jobs.map(usize::from),
        processors: super::processors(),
        cache: cache::of_job(&arguments.cache)?,
    };
    plan::run_job(plan, job, how, listener)
}

fn already(job: usize, output: &Path, json: bool, screen: &Screen) -> ExitCode {
    screen.result(&format!("job {job} is done already: {}", output.display()));
    if !json {
        return ExitCode::SUCCESS;
    }
    let document = super::plan::AlreadyDone { already: true, output: output.to_path_buf() };
    super::conclude(&told::json(&document), false)
}

fn options(arguments: &BuildArguments, listener: &dyn Listener) -> Result<Options> {
    let epoch = epoch(std::env::var_os("SOURCE_DATE_EPOCH"))?;
    let cache = cache::of_build(&arguments.cache, listener)?;
    Ok(Options {
        per_site: arguments.per_site,
        threads: arguments.jobs.map_or_else(super::processors, usize::from),
        signing: super::sign::options(&arguments.signing, epoch),
        ..options_of(&arguments.product, arguments.sites.clone(), arguments.output.clone(), cache, epoch)
    })
}

/// The options of a build of sites' packages by one thread, unsigned.
pub fn options_of(product: &ProductArguments, sites: Vec<PathBuf>, output: PathBuf, cache: Cache, epoch: Option<i64>) -> Options {
    Options {
        manifest: product.manifest.clone(),
        given: given(product.product_version.as_deref(), &product.set),
        sites,
        per_site: PerSite::Packages,
        formats: product.formats.clone(),
        targets: product.targets.clone(),
        base: product.base.clone(),
        output,
        threads: 1,
        codec: product.codec,
        cabinet: product.cabinet,
        cache,
        epoch,
        signing: SigningOptions::default(),
        sbom: !product.no_sbom,
        no_tilde: product.no_tilde,
        own: Vec::new(),
    }
}

/// The values that are laid over a manifest.
pub fn given(version: Option<&str>, set: &[Setting]) -> Given {
    version.map(Setting::product_version).into_iter().chain(set.iter().cloned()).collect()
}

/// What was made: a line for each file, with what part of its content a package takes, and how long it took to write.
fn table(report: &Report, began: Instant) -> Vec<String> {
    let row =
        |size: u64, ratio: &str, time: &str, what: &str| format!("{:>10}  {ratio:>5}  {time:>7}  {what}", progress::size(size));
    let mut lines = vec![format!("{:>10}  {:>5}  {:>7}  package", "size", "ratio", "time")];
    for package in report.packages.iter().filter(|package| !package.overlay) {
        let path = report.output.join(&package.file);
        let whole = package.size + package.cabinets.iter().map(|cabinet| cabinet.size).sum::<u64>();
        let ratio = match package.content {
            0 => "-".to_owned(),
            content => format!("{}%", whole * 100 / content),
        };
        lines.push(row(package.size, &ratio, &progress::span(package.took), &path.display().to_string()));
        for cabinet in &package.cabinets {
            let path = report.output.join(&cabinet.file);
            lines.push(row(cabinet.size, "", "", &format!("{} (has to lie beside the MSI)", path.display())));
        }
    }
    for document in &report.documents {
        lines.push(row(document.size, "", "", &report.output.join(&document.file).display().to_string()));
    }
    let overlays: Vec<_> = report.packages.iter().filter(|package| package.overlay).collect();
    if let Some(last) = overlays.last() {
        let formats: BTreeSet<&str> = overlays.iter().map(|overlay| overlay.format.name()).collect();
        let what =
            format!("{} of sites ({})", counted(overlays.len(), "overlay", "overlays"), Vec::from_iter(formats).join(", "));
        let size = overlays.iter().map(|overlay| overlay.size).sum();
        lines.push(row(size, "", "", &format!("{what}, such as {}", report.output.join(&last.file).display())));
    }
    lines.push(format!("built {} in {}", counted(report.packages.len(), "package", "packages"), progress::span(began.elapsed())));
    lines
}

/// SOURCE_DATE_EPOCH.
pub fn epoch(value: Option<OsString>) -> Result<Option<i64>> {
    let Some(value) = value else { return Ok(None) };
    let parsed = value.to_str().and_then(|text| text.parse::<u32>().ok());
    parsed.map(|seconds| Some(i64::from(seconds))).ok_or_else(|| {
        Error::new(format!("SOURCE_DATE_EPOCH is \"{}\", not a number of seconds since 1970", value.display()))
            .help("set it to a number such as the last commit's: SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)")
    })
}

#[cfg(test)]
mod tests {
    use super::epoch;

    #[test]
    fn a_source_date_epoch_that_is_no_number_is_refused() {
        assert_eq!(epoch(Some("1700000000".into())).unwrap(), Some(1_700_000_000));
        for bad in ["", "yesterday", "-1", "99999999999999"] {
            assert!(epoch(Some(bad.into())).is_err(), "{bad}");
        }
    }
}
