//! `linkpack build`.

use super::arguments::{number, one_of, ProductArguments, SigningArguments};
use super::epoch::epoch;
use super::screen::Screen;
use super::told::{self, Built};
use super::{cache, progress, summary};
use crate::build::plan::{self, Done, How};
use crate::build::{build, Options, PerSite, Report, SigningOptions};
use crate::compress::Cache;
use crate::error::Result;
use crate::inspect::text::counted;
use crate::listener::Listener;
use crate::manifest::{Given, Setting};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// The arguments.
#[derive(Debug, Args)]
pub struct BuildArguments {
    #[command(flatten)]
    pub product: ProductArguments,
    /// A site file; repeat it for several sites
    #[arg(short = 's', long = "site", value_name = "SITE.toml")]
    pub sites: Vec<PathBuf>,
    /// What is made for each site: packages of its own; its settings alone, which are laid over the product's packages; or recipes, by
    /// which linkpack assemble makes its packages (docs/fleet.md)
    #[arg(long, default_value = "packages", value_name = "WHAT", value_parser = one_of(&PerSite::ALL, PerSite::name))]
    pub per_site: PerSite,
    /// The folder that packages go to
    #[arg(short = 'o', long, default_value = "dist", value_name = "DIR")]
    pub output: PathBuf,
    /// How many threads compress [default: the number of processors]
    #[arg(short = 'j', long, value_name = "N", value_parser = number::<u16>(1..=1024))]
    pub jobs: Option<u16>,
    /// Append a summary in Markdown to this file (GitHub: "$GITHUB_STEP_SUMMARY")
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
    /// Print nothing but warnings and errors
    #[arg(short = 'q', long)]
    pub quiet: bool,
    /// Build one job of this plan, which says everything else; a job that is done is recognised by its sums
    #[arg(long, value_name = "PLAN", requires = "job", conflicts_with_all = ["manifest", "set", "product_version", "sites", "per_site", "formats", "targets",
        "output", "codec", "cabinet", "base", "no_cache", "no_sbom", "no_tilde", "SigningArguments"])]
    pub plan: Option<PathBuf>,
    /// The job's number, from 0
    #[arg(long, value_name = "N", requires = "plan")]
    pub job: Option<usize>,
    #[command(flatten)]
    pub cache: super::cache::BuildCache,
    #[command(flatten)]
    pub signing: SigningArguments,
}

/// `build --plan PLAN --job N --json` of a job that was done.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AlreadyDone {
    /// True.
    pub already: bool,
    /// The folder of its packages.
    pub output: PathBuf,
}

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
    let document = AlreadyDone { already: true, output: output.to_path_buf() };
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
