//! `linkpack build`.

use super::arguments::BuildArguments;
use super::screen::Screen;
use crate::build::{build, Options, Report};
use crate::compress::CacheChoice;
use crate::error::{Error, Result};
use crate::listener::Listener;
use std::ffi::OsString;
use std::path::PathBuf;

/// Builds packages and says which.
pub fn run(arguments: &BuildArguments) -> Result<()> {
    let screen = Screen::new(arguments.quiet);
    let threads = arguments.jobs.map_or_else(super::processors, usize::from);
    let epoch = epoch(std::env::var_os("SOURCE_DATE_EPOCH"))?;
    let options = Options {
        manifest: arguments.manifest.clone(),
        sites: arguments.sites.clone(),
        formats: arguments.formats.clone(),
        targets: arguments.targets.clone(),
        base: arguments.base.clone(),
        output: arguments.output.clone(),
        threads,
        codec: arguments.codec,
        cabinet: arguments.cabinet,
        cache: cache(arguments),
        epoch,
        signing: super::sign::options(&arguments.signing, epoch),
        sbom: !arguments.no_sbom,
    };
    let report = build(&options, &screen)?;
    match arguments.json {
        true => super::print(&(serde_json::to_string_pretty(&report).expect("plain JSON") + "\n")),
        false => {
            tell(&report, &screen);
            Ok(())
        }
    }
}

fn tell(report: &Report, screen: &Screen) {
    for package in &report.packages {
        let path = report.output.join(&package.file);
        screen.info(&format!("{}  {}", human_size(package.size), path.display()));
        for cabinet in &package.cabinets {
            let path = report.output.join(&cabinet.file);
            screen.info(&format!("{}  {} (has to lie beside the MSI)", human_size(cabinet.size), path.display()));
        }
    }
    for document in &report.documents {
        screen.info(&format!("{}  {}", human_size(document.size), report.output.join(&document.file).display()));
    }
}

fn human_size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{:7.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:7.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

/// `--cache`, else the user's cache folder; a temporary folder with `--no-cache` or where no home is known.
fn cache(arguments: &BuildArguments) -> CacheChoice {
    let temporary = || CacheChoice::Temporary(std::env::temp_dir());
    if arguments.no_cache {
        return temporary();
    }
    if let Some(folder) = &arguments.cache {
        return CacheChoice::Folder(folder.clone());
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    base.map_or_else(temporary, |base| CacheChoice::Folder(base.join("linkpack")))
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
