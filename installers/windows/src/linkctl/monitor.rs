//! `linkctl status` for monitoring: one line for Nagios and its kin, a file for Prometheus's textfile collector, in the forms that
//! linkctl on Linux has (installers/linux/monitor.sh).

use super::installed::Installed;
use super::status::{is_running, rows, Row};
use super::{code, refuse, say};
use native::folder::{self, Kind};
use native::places;
use std::path::Path;

const OK: i32 = 0;
const CRITICAL: i32 = 2;
const UNKNOWN: i32 = 3;

/// Wrong arguments, or nothing to look at.
pub fn unknown(why: &str) -> i32 {
    say(&line("UNKNOWN", why));
    UNKNOWN
}

/// `linkctl status --nagios`.
pub fn nagios(installed: &Installed) -> i32 {
    let running = is_running();
    let rows = rows(installed, running);
    let of = |state: &str| rows.iter().filter(|row| row.field(0) == state).count();
    let product = format!("{} {}", installed.product, installed.version);
    let dead: Vec<String> = rows.iter().filter(|row| is_dead(row)).map(dead).collect();
    let (word, code, text) = match (running, dead.is_empty()) {
        (false, _) => ("CRITICAL", CRITICAL, format!("{product} does not run")),
        (_, false) => ("CRITICAL", CRITICAL, format!("{product} runs; {}", dead.join("; "))),
        _ if of("unknown") == rows.len() => ("OK", OK, format!("{product} runs; its connector says nothing of the containers")),
        _ => ("OK", OK, format!("{product} runs; {} of {} containers run", of("running"), rows.len())),
    };
    let restarts: u64 = rows.iter().map(|row| row.number(2)).sum();
    let numbers = format!("containers={};;;0;{} failing={};;0;0 restarts={restarts}c;;;0", of("running"), rows.len(), dead.len());
    say(&format!("{}|{numbers}", line(word, &text)));
    code
}

fn is_dead(row: &Row) -> bool {
    row.field(0) == "failed"
}

fn dead(row: &Row) -> String {
    match row.field(4) {
        "" | "-" => format!("container {} has died", row.name),
        detail => format!("container {} has died: {detail}", row.name),
    }
}

/// What stands behind | is for programs.
fn line(state: &str, text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control()).map(|c| if c == '|' { '/' } else { c }).collect();
    format!("{} {state} - {plain}", places::names().get("service").to_uppercase())
}

/// `linkctl status --prometheus FILE`.
pub fn prometheus(installed: &Installed, file: &str) -> i32 {
    let usage = |what: &str| refuse(code::USAGE, what, file, "linkctl status --prometheus FILE");
    let folder = Path::new(file).parent().filter(|_| !file.ends_with(['\\', '/']));
    match folder.map(|folder| folder.as_os_str().is_empty() || folder.is_dir()) {
        None => return usage("--prometheus needs a file"),
        Some(false) => return usage("the folder of the file is not there"),
        Some(true) => {}
    }
    if !matches!(folder::kind(file), Kind::Missing | Kind::File) {
        return usage("it is a link or a folder");
    }
    match folder::replace(file, text(installed).as_bytes()) {
        Ok(()) => code::DONE,
        Err(error) => refuse(code::FAILED, &format!("it could not be written: {error}"), file, "see space and permissions there"),
    }
}

fn text(installed: &Installed) -> String {
    let running = is_running();
    let rows = rows(installed, running);
    let our = places::names().metric();
    let head = |name: &str, kind: &str, help: &str| format!("# HELP {our}_{name} {help}\n# TYPE {our}_{name} {kind}\n");
    let mut text = head("up", "gauge", "Whether the service runs.") + &format!("{our}_up {}\n", u8::from(running));
    text += &head("info", "gauge", "What is installed.");
    let [product, version] = [&installed.product, &installed.version].map(|value| label(value));
    text += &format!("{our}_info{{package={product},version={version},channel=\"msi\"}} 1\n");
    let mut each = |name: &str, kind: &str, help: &str, value: &dyn Fn(&Row) -> u64| {
        if !rows.is_empty() {
            text += &head(name, kind, help);
        }
        for row in &rows {
            text += &format!("{our}_{name}{{container={}}} {}\n", label(&row.name), value(row));
        }
    };
    each("container_running", "gauge", "Whether the container runs.", &|row| u64::from(row.field(0) == "running"));
    each("container_failing", "gauge", "Whether the container has died.", &|row| u64::from(is_dead(row)));
    let help = "How often the container was started again since the connector started.";
    each("container_restarts_total", "counter", help, &|row| row.number(2));
    text
}

fn label(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
