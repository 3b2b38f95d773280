//! `linkpack cache`, and the options of a build that are about its cache.

use super::arguments::number;
use super::bytes::bytes;
use super::examples;
use super::{progress, told};
use crate::compress::prune::{self, Prune, Pruned, Survey};
use crate::compress::{guard, Cache, CacheChoice, CacheKey, RemoteCache, CACHE_LIMIT};
use crate::error::{Error, Result};
use crate::inspect::text::counted;
use crate::listener::Listener;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The options of a build.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cache")]
pub struct BuildCache {
    /// Keep compressed content here for the next build [default: $XDG_CACHE_HOME/linkpack, else ~/.cache/linkpack]
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    pub cache: Option<PathBuf>,
    /// Keep nothing for the next build
    #[arg(long, conflicts_with_all = ["cache_key", "cache_limit"])]
    pub no_cache: bool,
    #[command(flatten)]
    pub terms: CacheTerms,
    /// Take from the cache and write nothing there
    #[arg(long, conflicts_with_all = ["no_cache", "cache_limit"])]
    pub cache_read_only: bool,
    /// Unpack what is taken from the cache and compare it with the content it stands for
    #[arg(long, conflicts_with = "no_cache")]
    pub cache_check: bool,
    /// Take compressed content from this server, too, and send it what it lacks: http://HOST/PATH (GET, HEAD and PUT) or s3://BUCKET/PREFIX
    #[arg(long, value_name = "URL", requires = "cache_key")]
    pub remote_cache: Option<String>,
    /// Send nothing to the remote cache
    #[arg(long, requires = "remote_cache")]
    pub remote_cache_read_only: bool,
}

impl BuildCache {
    fn remote(&self) -> Option<RemoteCache> {
        let url = self.remote_cache.clone()?;
        Some(RemoteCache { url, read_only: self.remote_cache_read_only })
    }
}

/// What a build and the jobs of a plan say of their cache alike.
#[derive(Debug, Clone, Args)]
pub struct CacheTerms {
    /// Share the cache with others: what was not sealed with this key does not count. A file of 32 random bytes or more that others cannot read
    #[arg(long, value_name = "FILE")]
    pub cache_key: Option<PathBuf>,
    /// What the cache may hold after the build, such as 20G; what was used longest ago goes first [default: 4G]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub cache_limit: Option<u64>,
}

#[derive(Debug, Args)]
pub struct CacheArguments {
    #[command(subcommand)]
    pub verb: CacheVerb,
}

#[derive(Debug, Subcommand)]
pub enum CacheVerb {
    /// Show what the cache holds and who can write there; changes nothing
    #[command(after_help = examples::CACHE_SHOW)]
    Show {
        #[command(flatten)]
        place: Place,
    },
    /// Remove what was used longest ago
    #[command(after_help = examples::CACHE_PRUNE)]
    Prune {
        #[command(flatten)]
        place: Place,
        /// What may be left, such as 20G; 0 removes everything
        #[arg(long, value_name = "SIZE", value_parser = bytes, default_value = "4G")]
        cache_limit: u64,
        /// Remove also what no build used for so many days
        #[arg(long, value_name = "DAYS", value_parser = number::<u32>(0..=36_500))]
        unused_for: Option<u32>,
    },
}

/// Which cache.
#[derive(Debug, Args)]
pub struct Place {
    /// The cache [default: $XDG_CACHE_HOME/linkpack, else ~/.cache/linkpack]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// The key of a shared cache
    #[arg(long, value_name = "FILE")]
    pub cache_key: Option<PathBuf>,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

impl Place {
    fn find(&self) -> Result<(PathBuf, Option<CacheKey>)> {
        let folder = self.cache.clone().or_else(default_folder);
        let folder = folder.ok_or_else(|| Error::new("no cache is known: HOME is not set").help("name one with --cache DIR"))?;
        Ok((folder, self.cache_key.as_deref().map(CacheKey::read).transpose()?))
    }
}

/// Runs the verb.
pub fn run(arguments: &CacheArguments) -> ExitCode {
    let (shown, json) = match &arguments.verb {
        CacheVerb::Show { place } => (show(place), place.json),
        CacheVerb::Prune { place, cache_limit, unused_for } => (prune(place, *cache_limit, *unused_for), place.json),
    };
    match shown {
        Ok(shown) => super::conclude(&shown, false),
        Err(error) => super::failed(&error, json),
    }
}

fn show(place: &Place) -> Result<String> {
    let (folder, key) = place.find()?;
    let survey = prune::survey(&folder, key.as_ref())?;
    Ok(if place.json { told::json(&survey) } else { text(&survey, key.is_some()) })
}

fn prune(place: &Place, limit: u64, days: Option<u32>) -> Result<String> {
    let (folder, key) = place.find()?;
    let unused_for = days.map(|days| Duration::from_secs(u64::from(days) * 86_400));
    let pruned = prune::prune(&folder, &Prune { limit, unused_for, key })?;
    let Pruned { removed, removed_bytes, units, bytes } = &pruned;
    let (gone, left) = (counted(*removed as usize, "unit", "units"), counted(*units as usize, "unit", "units"));
    let text = format!("removed {gone} ({}); {left} left ({})\n", progress::size(*removed_bytes), progress::size(*bytes));
    Ok(if place.json { told::json(&pruned) } else { text })
}

fn text(survey: &Survey, with_key: bool) -> String {
    let mut lines = vec![
        ("cache", survey.folder.display().to_string()),
        ("holds", format!("{}, {}", counted(survey.units as usize, "unit", "units"), progress::size(survey.bytes))),
    ];
    let seals = &survey.seals;
    let sealed = match with_key {
        true => format!("{} by this key, {} by none, {} by another key or damaged", seals.this_key, seals.none, seals.other),
        false => format!("{} by no key, {} by a key or damaged", seals.none, seals.other),
    };
    lines.push(("sealed", sealed));
    if let (Some(first), Some(last)) = (survey.least_recent, survey.most_recent) {
        lines.push(("used", format!("{} ago to {} ago", age(first), age(last))));
    }
    if survey.unfinished > 0 || !survey.claims.is_empty() {
        let mut hosts = survey.claims.clone();
        hosts.sort();
        hosts.dedup();
        let at = if hosts.is_empty() { String::new() } else { format!(", on {}", hosts.join(", ")) };
        lines.push(("being made", format!("{}{at}", counted(survey.unfinished as usize, "unit", "units"))));
    }
    match &survey.open {
        None => lines.push(("written by", "this account and root".to_owned())),
        Some(why) => lines.extend([("written by", "others, too: use it with --cache-key".to_owned()), ("because", why.clone())]),
    }
    lines.iter().map(|(name, value)| format!("{name:<12}{value}\n")).collect()
}

fn age(seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    match now.saturating_sub(seconds) {
        age @ 0..7200 => format!("{} min", age / 60),
        age @ 7200..172_800 => format!("{} h", age / 3600),
        age => format!("{} days", age / 86_400),
    }
}

/// The cache of a build: `--cache`, else the user's cache folder; a temporary folder with `--no-cache` or where no home is known.
///
/// # Errors
/// The key is none.
pub fn of_build(arguments: &BuildCache, listener: &dyn Listener) -> Result<Cache> {
    let key = arguments.terms.cache_key.as_deref().map(CacheKey::read).transpose()?;
    let choice = match (&arguments.cache, default_folder()) {
        _ if arguments.no_cache => None,
        (Some(folder), _) => Some(folder.clone()),
        // Nobody asked for this folder: a build in a home that others can write is slower, and not refused.
        (None, Some(folder)) if key.is_some() || is_private(&folder, listener) => Some(folder),
        _ => None,
    };
    let choice = choice.map_or_else(|| CacheChoice::Temporary(std::env::temp_dir()), CacheChoice::Folder);
    Ok(Cache {
        key,
        read_only: arguments.cache_read_only,
        limit: arguments.terms.cache_limit.unwrap_or(CACHE_LIMIT),
        check: arguments.cache_check,
        remote: arguments.remote(),
        ..choice.into()
    })
}

/// The cache of a plan's job where another than the plan's was named.
///
/// # Errors
/// The key is none.
pub fn of_job(arguments: &BuildCache) -> Result<Option<Cache>> {
    let Some(folder) = &arguments.cache else {
        let other = arguments.terms.cache_key.is_some() || arguments.cache_read_only || arguments.terms.cache_limit.is_some();
        return match other || arguments.cache_check {
            true => Err(Error::new("the plan says which cache its jobs have").help("name another one with --cache DIR as well")),
            false => Ok(None),
        };
    };
    Ok(Some(Cache {
        key: arguments.terms.cache_key.as_deref().map(CacheKey::read).transpose()?,
        read_only: arguments.cache_read_only,
        limit: arguments.terms.cache_limit.unwrap_or(CACHE_LIMIT),
        check: arguments.cache_check,
        remote: arguments.remote(),
        ..CacheChoice::Folder(folder.clone()).into()
    }))
}

fn is_private(folder: &Path, listener: &dyn Listener) -> bool {
    // What is not there yet is made later, below the nearest folder that is.
    let there = folder.ancestors().find(|folder| folder.exists());
    let Some((place, Err(error))) = there.map(|place| (place, guard::check(place))) else { return true };
    // What is made in /tmp is its maker's.
    if place != folder && guard::is_sticky(place) {
        return true;
    }
    listener.warning(&format!("{error}; building without a cache: name one that only you can write with --cache DIR"));
    false
}

fn default_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    base.map(|base| base.join("linkpack"))
}
