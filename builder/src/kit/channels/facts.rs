//! One document for the scripts of several channels: packages, settings, codes, time-outs and pauses. The scripts read it; nothing of it
//! stands in them.

use super::msi::{return_codes, ReturnCode};
use super::{exit_codes, Code, Context};
use crate::error::{IoContext, Result};
use crate::kit::input::{Item, Kind};
use contract::settings::{Lifetime, Setting};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

/// facts.json.
#[derive(Serialize)]
pub struct Facts {
    format: u32,
    name: String,
    packages: Vec<Package>,
    settings: Vec<SettingFact>,
    exit_codes: Vec<Code>,
    msiexec_codes: Vec<ReturnCode>,
    /// Seconds an operation may take, with all its tries.
    timeouts: BTreeMap<String, u64>,
    retry: Retry,
}

#[derive(Serialize)]
struct Package {
    file: String,
    /// Where it lies in the kit.
    place: String,
    kind: Kind,
    name: String,
    version: String,
    architecture: String,
    size: u64,
    sha256: String,
}

#[derive(Serialize)]
struct SettingFact {
    name: &'static str,
    summary: &'static str,
    flag: bool,
    hidden: bool,
    windows: bool,
    /// Whether an installed agent can be told another value: by `linkctl set`.
    settable: bool,
    /// Whether it counts for one run only.
    one_run: bool,
}

/// Pauses between tries, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Retry {
    first: f64,
    factor: u64,
    max: f64,
}

/// What counts where the manifest says nothing.
const TIMEOUTS: [(&str, u64); 5] = [("install", 300), ("uninstall", 300), ("upload", 600), ("status", 60), ("reach", 60)];
const RETRY: Retry = Retry { first: 1.0, factor: 2, max: 60.0 };
/// A stub is shorter.
const STUB: u64 = 1 << 20;

impl Facts {
    /// The facts of a kit's packages of some kinds; `None` where it has none of them.
    ///
    /// # Errors
    /// A package cannot be read.
    pub fn of(context: &Context, kinds: &[Kind]) -> Result<Option<Facts>> {
        let items: Vec<&Item> = context.items.iter().filter(|item| kinds.contains(&item.kind)).collect();
        if items.is_empty() {
            return Ok(None);
        }
        let (timeouts, retry) = schedule(context.items)?;
        Ok(Some(Facts {
            format: 1,
            name: context.plan.name.clone(),
            packages: items.into_iter().map(package).collect(),
            settings: context.settings.iter().map(setting).collect(),
            exit_codes: exit_codes(),
            msiexec_codes: return_codes(),
            timeouts,
            retry,
        }))
    }

    /// Seconds that an operation may take.
    pub fn seconds(&self, operation: &str) -> u64 {
        self.timeouts.get(operation).copied().unwrap_or_default()
    }

    /// As JSON, with a line end after it.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain JSON") + "\n"
    }
}

fn package(item: &Item) -> Package {
    let identity = &item.identity;
    Package {
        file: item.file.clone(),
        place: item.place(),
        kind: item.kind,
        name: identity.name.clone(),
        version: identity.version.clone(),
        architecture: identity.architecture.clone(),
        size: item.size,
        sha256: item.sha256.clone(),
    }
}

fn setting(one: &Setting) -> SettingFact {
    SettingFact {
        name: one.name,
        summary: one.summary,
        flag: one.is_flag(),
        hidden: one.hidden,
        windows: one.windows,
        settable: one.is_settable(),
        one_run: one.lifetime == Lifetime::OneRun,
    }
}

/// The manifest's time-outs and pauses, as the stub of the newest `.run` has them for csclient.cfg.
fn schedule(items: &[Item]) -> Result<(BTreeMap<String, u64>, Retry)> {
    let mut text = Vec::new();
    if let Some(item) = items.iter().rfind(|item| item.kind == Kind::Run) {
        let file = File::open(&item.source).or_cannot("read", &item.source)?;
        file.take(STUB).read_to_end(&mut text).or_cannot("read", &item.source)?;
    }
    Ok(scheduled(&String::from_utf8_lossy(&text)))
}

fn scheduled(stub: &str) -> (BTreeMap<String, u64>, Retry) {
    let mut timeouts: BTreeMap<String, u64> = TIMEOUTS.map(|(name, seconds)| (name.to_owned(), seconds)).into();
    let mut retry = RETRY;
    for (key, value) in stub.lines().filter_map(config_line) {
        match key {
            "retry.firstMs" => retry.first = value as f64 / 1000.0,
            "retry.factor" => retry.factor = value,
            "retry.maxMs" => retry.max = value as f64 / 1000.0,
            _ => {
                if let Some(name) = key.strip_prefix("timeouts.").and_then(|key| key.strip_suffix("Seconds")) {
                    timeouts.insert(name.to_owned(), value);
                }
            }
        }
    }
    (timeouts, retry)
}

/// A line of `lp_config_pairs` (templates/linux/texts.sh) whose value is a number.
fn config_line(line: &str) -> Option<(&str, u64)> {
    let (key, value) = line.trim_start().strip_prefix("\"$1\" '")?.strip_suffix('\'')?.split_once("' '")?;
    Some((key, value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifests_times_count_and_else_the_usual_ones() {
        let stub = "lp_config_pairs() {\n    \"$1\" serverUrl x\n    \"$1\" 'retry.firstMs' '500'\n    \"$1\" 'retry.factor' '3'\n    \
                    \"$1\" 'timeouts.installSeconds' '60'\n    \"$1\" 'timeouts.odd-oneSeconds' '5'\n    \"$1\" 'timeouts.uploadSeconds' 'soon'\n}\n";
        let (timeouts, retry) = scheduled(stub);
        assert_eq!(retry, Retry { first: 0.5, factor: 3, max: 60.0 });
        assert_eq!((timeouts["install"], timeouts["upload"], timeouts["odd-one"]), (60, 600, 5));
        assert_eq!(scheduled("\0 no script").1, RETRY);
    }
}
