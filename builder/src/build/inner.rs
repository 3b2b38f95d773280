//! The programs inside an MSI, and their signatures judged by the keys that the user trusts.

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
    let now = SystemTime::now();
    let mut judged = Vec::new();
    let database = each_program(path, &HASHES, &mut |names, program| {
        // Judging what was read cannot fail.
        let verdicts = program.judge("", anchors, now).unwrap_or_default();
        judged.extend(names.iter().flat_map(|name| verdicts.iter().map(|(_, verdict)| (name.clone(), verdict.clone()))));
    })?;
    let names = long_names(&database);
    let mut by_verdict: BTreeMap<(u8, String), (Verdict, Vec<String>)> = BTreeMap::new();
    for (name, verdict) in judged {
        let key = (order(&verdict), format!("{verdict:?}"));
        let name = names.get(&name).cloned().unwrap_or(name);
        by_verdict.entry(key).or_insert_with(|| (verdict, Vec::new())).1.push(name);
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
fn long_names(database: &Database) -> BTreeMap<String, String> {
    let long = |name: &str| name.rsplit('|').next().unwrap_or_default().to_owned();
    let rows = database.rows("File");
    rows.filter_map(|row| Some((row.text("File")?.to_owned(), long(row.text("FileName")?)))).collect()
}

/// Gives each program in an MSI to `each`: those of its cabinets with the keys of the files that have this content, then those of its
/// Binary table with a name for people.
///
/// # Errors
/// It is no MSI, or cannot be read.
pub fn each_program(path: &Path, hashes: &[Hash], each: &mut dyn FnMut(&[String], &Program)) -> Result<Database> {
    let open = || File::open(path).map_err(|error| Error::io("read", path, &error));
    let mut passing = Passing { hashes, reading: None, names: Vec::new(), each };
    let read = msi::unpack(open()?, path.parent(), Some(&mut passing))?;
    for (at, bytes) in msi::binaries(open()?)?.into_iter().enumerate() {
        passing.begin();
        passing.write(&bytes)?;
        passing.names.push(format!("program {} of the Binary table", at + 1));
    }
    passing.end();
    Ok(read.database)
}

/// Sees contents pass by. Equal files share one.
struct Passing<'a> {
    hashes: &'a [Hash],
    reading: Option<Reading>,
    names: Vec<String>,
    each: &'a mut dyn FnMut(&[String], &Program),
}

impl Passing<'_> {
    fn end(&mut self) {
        let names = std::mem::take(&mut self.names);
        if let Some(program) = self.reading.take().and_then(Reading::finish) {
            (self.each)(&names, &program);
        }
    }
}

impl Contents for Passing<'_> {
    fn begin(&mut self) {
        self.end();
        self.reading = Some(Reading::new(self.hashes));
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(reading) = &mut self.reading {
            reading.update(bytes);
        }
        Ok(())
    }

    fn member(&mut self, name: &str, _: (u16, u16)) {
        self.names.push(name.to_owned());
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
