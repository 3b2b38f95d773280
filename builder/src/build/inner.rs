//! The signatures of the programs inside an MSI, judged by the keys that the user trusts.

use crate::error::{Error, Result};
use crate::inspect::msi::{self, Contents, Database};
use crate::trust::certificate::Certificate;
use crate::trust::key::Hash;
use crate::trust::program::{Program, Reading};
use crate::trust::Verdict;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::SystemTime;

/// Names of programs that are told with a signature.
const MOST_NAMES: usize = 3;

/// What is to be said of the programs in a package's cabinets and its Binary table, a sentence for each verdict; nothing of unsigned ones.
/// The package's own signature covers them as they are: a wrong one of theirs is its maker's fault, and not a reason to refuse it.
///
/// # Errors
/// It is no MSI, or cannot be read.
pub fn told(path: &Path, anchors: &[Certificate]) -> Result<Vec<String>> {
    Ok(judge(path, anchors)?.into_iter().map(|(names, verdict)| format!("{names}: {verdict}")).collect())
}

fn judge(path: &Path, anchors: &[Certificate]) -> Result<Vec<(String, Verdict)>> {
    let mut found = Found { anchors, now: SystemTime::now(), reading: None, judged: Vec::new(), waiting: None };
    let open = || File::open(path).map_err(|error| Error::io("read", path, &error));
    let read = msi::unpack(open()?, path.parent(), Some(&mut found))?;
    found.end();
    let mut by_verdict: BTreeMap<(u8, String), (Verdict, Vec<String>)> = BTreeMap::new();
    let mut add = |name: String, verdict: Verdict| {
        let key = (order(&verdict), format!("{verdict:?}"));
        by_verdict.entry(key).or_insert_with(|| (verdict, Vec::new())).1.push(name);
    };
    let names = names(&read.database);
    for (key, verdict) in found.judged {
        add(names.get(&key).cloned().unwrap_or(key), verdict);
    }
    for (at, bytes) in msi::binaries(open()?)?.into_iter().enumerate() {
        let mut reading = Reading::new(&HASHES);
        reading.update(&bytes);
        for verdict in verdicts(reading.finish(), anchors, SystemTime::now())? {
            add(format!("program {} of the Binary table", at + 1), verdict);
        }
    }
    Ok(by_verdict.into_values().map(|(verdict, names)| (said(names), verdict)).collect())
}

const HASHES: [Hash; 3] = [Hash::Sha256, Hash::Sha384, Hash::Sha512];

fn order(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Bad { .. } => 0,
        Verdict::Good { .. } => 1,
        Verdict::OtherKey { .. } | Verdict::Unsigned => 2,
    }
}

/// `bin\a.exe`, or `5 programs: a.exe, b.exe, c.exe and 2 more`.
fn said(mut names: Vec<String>) -> String {
    names.sort();
    names.dedup();
    let (count, more) = (names.len(), names.len().saturating_sub(MOST_NAMES));
    names.truncate(MOST_NAMES);
    match (count, more) {
        (1, _) => names.remove(0),
        (_, 0) => format!("{count} programs: {}", names.join(", ")),
        _ => format!("{count} programs: {} and {more} more", names.join(", ")),
    }
}

/// The long names of files by their keys in the File table.
fn names(database: &Database) -> BTreeMap<String, String> {
    let long = |name: &str| name.rsplit('|').next().unwrap_or_default().to_owned();
    let rows = database.rows("File");
    rows.filter_map(|row| Some((row.text("File")?.to_owned(), long(row.text("FileName")?)))).collect()
}

fn verdicts(program: Option<Program>, anchors: &[Certificate], now: SystemTime) -> Result<Vec<Verdict>> {
    let Some(program) = program else { return Ok(Vec::new()) };
    Ok(program.judge("", anchors, now)?.into_iter().map(|(_, verdict)| verdict).collect())
}

/// Sees contents pass by.
struct Found<'a> {
    anchors: &'a [Certificate],
    now: SystemTime,
    reading: Option<Reading>,
    /// What became of the content that ended last: equal files share one.
    waiting: Option<Vec<Verdict>>,
    judged: Vec<(String, Verdict)>,
}

impl Found<'_> {
    fn end(&mut self) {
        if let Some(reading) = self.reading.take() {
            // Judging what was read cannot fail.
            self.waiting = verdicts(reading.finish(), self.anchors, self.now).ok();
        }
    }
}

impl Contents for Found<'_> {
    fn begin(&mut self) {
        self.reading = Some(Reading::new(&HASHES));
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(reading) = &mut self.reading {
            reading.update(bytes);
        }
        Ok(())
    }

    fn member(&mut self, name: &str, _: (u16, u16)) {
        self.end();
        let verdicts = self.waiting.iter().flatten().cloned();
        self.judged.extend(verdicts.map(|verdict| (name.to_owned(), verdict)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_one_verdict_are_told_together() {
        let names = |all: &[&str]| said(all.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(names(&["b.exe"]), "b.exe");
        assert_eq!(names(&["b.exe", "a.exe", "a.exe"]), "2 programs: a.exe, b.exe");
        assert_eq!(names(&["e", "d", "c", "b", "a"]), "5 programs: a, b, c and 2 more");
    }
}
