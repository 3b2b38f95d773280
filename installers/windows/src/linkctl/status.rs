//! How the connector and its containers are.

use super::installed::{run, Installed};
use super::{code, say, Service};
use native::report::json;
use std::fs;

pub fn is_running() -> bool {
    Service::open(&native::places::service()).map_or(false, |service| service.is_running())
}

/// `linkctl status`.
pub fn status(installed: &Installed, as_json: bool) -> i32 {
    let running = is_running();
    let word = if running { "running" } else { "stopped" };
    let core_id = installed.core_id();
    let rows = rows(installed, running);
    let (product, version, root) = (&installed.product, &installed.version, &installed.root);
    if as_json {
        say(&format!(
            "{{ \"service\": \"{word}\", \"product\": {}, \"version\": {}, \"root\": {}, \"channel\": \"msi\",\n  \
             \"core_id\": {}, \"containers\": {} }}",
            json(product),
            json(version),
            json(root),
            json(&core_id),
            list(&rows)
        ));
    } else {
        say(&format!("{product} {version} is {word} ({root}, .msi)"));
        say(&format!("identity: {core_id}"));
        table(&rows);
    }
    if running {
        code::DONE
    } else {
        code::NOT_RUNNING
    }
}

/// `linkctl containers`.
pub fn containers(installed: &Installed, as_json: bool) -> i32 {
    let rows = rows(installed, is_running());
    if as_json {
        say(&list(&rows));
    } else {
        table(&rows);
    }
    code::DONE
}

/// One container: the fields of its line in the status file after its name.
pub struct Row {
    pub name: String,
    fields: Vec<String>,
}

impl Row {
    /// STATE PID RESTARTS VERSION DETAIL
    pub fn field(&self, index: usize) -> &str {
        self.fields.get(index).map_or("", String::as_str)
    }

    pub fn number(&self, index: usize) -> u64 {
        self.field(index).parse().unwrap_or(0)
    }
}

/// The connector's word on every container, else "unknown": it may write none, and an old file is no news.
pub fn rows(installed: &Installed, running: bool) -> Vec<Row> {
    let text = if running { fs::read_to_string(run() + r"\status").unwrap_or_default() } else { String::new() };
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let row = |name: String| {
        let line = lines.iter().rev().find(|line| line.first() == Some(&"container") && line.get(1) == Some(&name.as_str()));
        let fields = match line {
            Some(line) => line.iter().skip(2).map(|field| field.to_string()).collect(),
            None => ["unknown", "0", "0", "", ""].map(String::from).to_vec(),
        };
        Row { name, fields }
    };
    installed.containers().into_iter().map(row).collect()
}

fn table(rows: &[Row]) {
    for row in rows {
        let [state, pid, restarts, version, detail] = [0, 1, 2, 3, 4].map(|index| row.field(index));
        say(&format!("  {:<20} {state:<9} pid {pid:<7} restarts {restarts:<4} {version} {detail}", row.name));
    }
}

fn list(rows: &[Row]) -> String {
    let object = |row: &Row| {
        let [name, state, version, detail] = [&row.name, row.field(0), row.field(3), row.field(4)].map(json);
        let (pid, restarts) = (row.number(1), row.number(2));
        format!(
            " {{ \"name\": {name}, \"state\": {state}, \"pid\": {pid}, \"restarts\": {restarts}, \"version\": {version}, \"detail\": {detail} }}"
        )
    };
    format!("[{} ]", rows.iter().map(object).collect::<Vec<_>>().join(","))
}
