//! `linkpack plan` and `linkpack merge`.

use super::arguments::{number, ProductArguments, SigningArguments};
use super::cache::CacheTerms;
use super::screen::Screen;
use super::told::{self, Built};
use super::{build, examples, progress};
use crate::build::plan::{self, Local, Made, Status, Wish, MOST_JOBS};
use crate::compress::CacheChoice;
use crate::error::{Error, IoContext, Result};
use crate::inspect::text::counted;
use clap::{Args, Subcommand};
use globset::GlobBuilder;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// `plan status` ends with it where jobs are left.
const OPEN: u8 = 3;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct PlanArguments {
    #[command(subcommand)]
    pub verb: Option<PlanVerb>,
    #[command(flatten)]
    pub make: MakeArguments,
}

#[derive(Debug, Subcommand)]
pub enum PlanVerb {
    /// Run the jobs that are not done, on this machine
    #[command(after_help = examples::PLAN_RUN)]
    Run(RunArguments),
    /// Show how far a plan is
    #[command(after_help = examples::PLAN_STATUS)]
    Status(StatusArguments),
}

/// What a build takes, but for where packages go and what signs them.
#[derive(Debug, Args)]
pub struct MakeArguments {
    #[command(flatten)]
    pub product: ProductArguments,
    /// A site file, or a pattern in quotes such as 'sites/*.toml'; repeat it for several
    #[arg(short = 's', long = "site", value_name = "SITE.toml")]
    pub sites: Vec<PathBuf>,
    /// The plan's folder: on a disk that all builders see
    #[arg(short = 'o', long, default_value = "plan", value_name = "DIR")]
    pub output: PathBuf,
    /// About how many sites share a job, where there are many: each job reads the payload once
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = number::<u16>(1..=65_535))]
    pub sites_per_job: u16,
    /// The most jobs
    #[arg(long, value_name = "N", default_value_t = MOST_JOBS, value_parser = number::<usize>(2..=100_000))]
    pub max_jobs: usize,
    /// How many threads each job takes [default: 1, and all processors for the job that fills the cache]
    #[arg(short = 'j', long, value_name = "N", value_parser = number::<u16>(1..=1024))]
    pub jobs: Option<u16>,
    /// The cache that all jobs share [default: a folder in the plan's]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    #[command(flatten)]
    pub terms: CacheTerms,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
    /// Print nothing but warnings and errors
    #[arg(short = 'q', long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct RunArguments {
    /// The plan's folder
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// How many jobs run side by side [default: the number of processors]
    #[arg(long, value_name = "N", value_parser = number::<u16>(1..=1024))]
    pub local: Option<u16>,
    /// How many threads each job takes, over what the plan says
    #[arg(short = 'j', long, value_name = "N", value_parser = number::<u16>(1..=1024))]
    pub jobs: Option<u16>,
    /// Print nothing but warnings and errors
    #[arg(short = 'q', long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct StatusArguments {
    /// The plan's folder
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Digest every package: one that is not what its job wrote is not done
    #[arg(long)]
    pub check: bool,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct MergeArguments {
    /// The plan's folder
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// The folder that packages go to
    #[arg(short = 'o', long, default_value = "dist", value_name = "DIR")]
    pub output: PathBuf,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
    /// Print nothing but warnings and errors
    #[arg(short = 'q', long)]
    pub quiet: bool,
    #[command(flatten)]
    pub signing: SigningArguments,
}

/// Runs the verb.
pub fn run(arguments: &PlanArguments) -> ExitCode {
    let (done, json) = match &arguments.verb {
        None => (make(&arguments.make), arguments.make.json),
        Some(PlanVerb::Run(arguments)) => (run_here(arguments), false),
        Some(PlanVerb::Status(arguments)) => match plan::status(&arguments.plan, arguments.check) {
            Ok(status) => return show(&status, arguments),
            Err(error) => (Err(error), arguments.json),
        },
    };
    match done {
        Ok(shown) => super::conclude(&shown, false),
        Err(error) => super::failed(&error, json),
    }
}

fn make(arguments: &MakeArguments) -> Result<String> {
    let screen = Screen::new(arguments.quiet);
    let epoch = super::epoch::epoch(std::env::var_os("SOURCE_DATE_EPOCH"))?;
    let cache = CacheChoice::Temporary(std::env::temp_dir()).into();
    let options = build::options_of(&arguments.product, sites(&arguments.sites)?, arguments.output.clone(), cache, epoch);
    let wish = Wish {
        folder: arguments.output.clone(),
        sites_each: usize::from(arguments.sites_per_job),
        most_jobs: arguments.max_jobs,
        cache: arguments.cache.clone(),
        cache_key: arguments.terms.cache_key.clone(),
        cache_limit: arguments.terms.cache_limit,
        threads: arguments.jobs.map(usize::from),
    };
    let made = plan::make(&options, &wish, &screen)?;
    if arguments.json {
        return Ok(told::json(&made));
    }
    tell(&made, &arguments.output, &screen);
    Ok(String::new())
}

fn tell(made: &Made, folder: &Path, screen: &Screen) {
    let (sites, jobs) = (counted(made.sites, "site", "sites"), counted(made.jobs, "job", "jobs"));
    screen.result(&format!("planned {} {}: {sites} in {jobs}, {} of them done", made.product, made.version, made.done));
    screen.result(&format!("next: linkpack plan run {0}, then linkpack merge {0}", folder.display()));
}

/// Site files; of a pattern those that it matches, sorted.
fn sites(given: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut all: Vec<PathBuf> = Vec::new();
    for site in given {
        let name = site.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if site.exists() || !name.contains(['*', '?', '[']) {
            all.push(site.clone());
            continue;
        }
        let wrong = |error: globset::Error| Error::new(format!("{} is not a pattern: {}", site.display(), error.kind()));
        let pattern = GlobBuilder::new(name).literal_separator(true).build().map_err(wrong)?.compile_matcher();
        let folder = crate::new_file::folder(site);
        let entries = std::fs::read_dir(folder).or_cannot("read", folder)?;
        let mut found: Vec<PathBuf> = entries
            .flatten()
            .filter(|entry| pattern.is_match(entry.file_name()))
            .map(|entry| folder.join(entry.file_name()))
            .collect();
        if found.is_empty() {
            return Err(Error::new(format!("no file matches {}", site.display()))
                .help("write the pattern in quotes, relative to this folder: -s 'sites/*.toml'"));
        }
        found.sort();
        all.extend(found);
    }
    let mut once = std::collections::BTreeSet::new();
    all.retain(|site| once.insert(site.clone()));
    Ok(all)
}

fn run_here(arguments: &RunArguments) -> Result<String> {
    let screen = Screen::log(arguments.quiet);
    let began = Instant::now();
    let program = std::env::current_exe().map_err(|error| Error::new(format!("cannot find linkpack's own program: {error}")))?;
    let local = Local {
        workers: arguments.local.map_or_else(super::processors, usize::from),
        program,
        arguments: arguments.jobs.map(|jobs| vec!["-j".to_owned(), jobs.to_string()]).unwrap_or_default(),
    };
    let count = plan::run_local(&arguments.plan, &local, &screen)?;
    let jobs = counted(count, "job is", "jobs are");
    screen.result(&format!(
        "{jobs} done in {}; next: linkpack merge {}",
        progress::span(began.elapsed()),
        arguments.plan.display()
    ));
    Ok(String::new())
}

fn show(status: &Status, arguments: &StatusArguments) -> ExitCode {
    let shown = if arguments.json { told::json(status) } else { text(status, arguments.check) };
    match super::conclude(&shown, false) {
        ExitCode::SUCCESS if !status.complete => ExitCode::from(OPEN),
        code => code,
    }
}

fn text(status: &Status, checked: bool) -> String {
    let unread = if checked { "" } else { " as the jobs say; --check reads every package" };
    let mut lines = vec![
        ("plan", format!("{} {}, {}", status.product, status.version, status.folder.display())),
        ("done", format!("{} of {}{unread}", status.done, counted(status.jobs, "job", "jobs"))),
        ("failed", status.failed.to_string()),
        ("begun", format!("{}, at work or killed", status.begun)),
        ("waiting", status.waiting.to_string()),
        ("sites", format!("{} of {}", status.sites_done, status.sites)),
        ("packages", format!("{}, {}", status.packages, progress::size(status.bytes))),
    ];
    const MOST: usize = 20;
    lines.extend(status.failures.iter().take(MOST).map(|failure| ("failed job", format!("{}: {}", failure.job, failure.why))));
    if status.failures.len() > MOST {
        lines.push(("", format!("and {} more: --json lists them", status.failures.len() - MOST)));
    }
    lines.iter().map(|(name, value)| format!("{name:<12}{value}\n")).collect()
}

/// Puts a plan's packages together.
pub fn merge(arguments: &MergeArguments) -> ExitCode {
    let screen = Screen::new(arguments.quiet);
    if let Err(error) = plan::prepare(&arguments.plan) {
        return super::failed(&error, arguments.json);
    }
    let began = Instant::now();
    let merged = plan::epoch(&arguments.plan).and_then(|epoch| {
        plan::merge(&arguments.plan, &arguments.output, &super::sign::options(&arguments.signing, epoch), &screen)
    });
    let warnings = screen.warnings();
    match merged {
        Ok(report) if arguments.json => super::conclude(&told::json(&Built { report, warnings }), false),
        Ok(report) => {
            let packages = counted(report.packages.len(), "package", "packages");
            let time = progress::span(began.elapsed());
            screen.result(&format!("merged {packages} into {} in {time}", arguments.output.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            drop(screen);
            super::failed_after(&error, arguments.json, warnings)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sites;
    use std::path::{Path, PathBuf};

    #[test]
    fn a_pattern_stands_for_the_files_that_it_matches_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        ["b.toml", "a.toml", "x.txt", "odd[1].toml"].iter().for_each(|name| std::fs::write(path(name), "").unwrap());
        let of = |given: &[&str]| sites(&given.iter().map(|name| path(name)).collect::<Vec<_>>());
        let names = |found: Vec<PathBuf>| {
            found.iter().map(|found| found.file_name().unwrap().to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(of(&["?.toml"]).unwrap()), ["a.toml", "b.toml"]);
        assert_eq!(names(of(&["b.toml", "*.toml"]).unwrap()), ["b.toml", "a.toml", "odd[1].toml"]);
        assert_eq!(names(of(&["odd[1].toml"]).unwrap()), ["odd[1].toml"]);
        assert!(of(&["*.json"]).unwrap_err().what().contains("no file matches"));
        assert_eq!(sites(&[Path::new("absent.toml").into()]).unwrap(), [Path::new("absent.toml")]);
    }
}
