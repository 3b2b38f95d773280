//! Files of advisories and statements: as they are given, and as they lie in a kit.

use super::osv::Advisory;
use super::vex::{self, Statement};
use crate::error::{Error, IoContext, Result};
use crate::kit::input::json;
use crate::kit::old::walk;
use crate::kit::stage::{elsewhere, Stage};
use crate::regular;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Where they lie in a kit.
pub const FOLDER: &str = "vulnerabilities/";
const OSV: &str = "vulnerabilities/osv/";
const VEX: &str = "vulnerabilities/vex/";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Osv,
    Vex,
}

/// A file, or a folder of them.
#[derive(Debug, Clone)]
pub struct Data {
    kind: Kind,
    path: PathBuf,
}

impl Data {
    /// Those that were given: files that exist.
    ///
    /// # Errors
    /// One does not, or is in a form that is not read.
    pub fn given(osv: &[PathBuf], vex: &[PathBuf]) -> Result<Vec<Data>> {
        let mut data = Vec::new();
        for (kind, paths) in [(Kind::Osv, osv), (Kind::Vex, vex)] {
            for path in paths {
                let meta = fs::metadata(path)
                    .or_cannot("read", path)
                    .map_err(|error| error.help("name a file or folder of advisories that is there"))?;
                let read = meta.is_dir() || is(path, "json") || (kind == Kind::Osv && is(path, "jsonl"));
                if !read {
                    return Err(Error::new(format!("{} is not a file of advisories by its name", path.display())).help(
                        "give .json, .jsonl with one record a line (OSV), or a folder of .json files; unpack an archive first",
                    ));
                }
                data.push(Data { kind, path: path.clone() });
            }
        }
        Ok(data)
    }

    /// A file of a kit.
    pub fn in_kit(place: &str, path: PathBuf) -> Option<Data> {
        let kind = match () {
            () if place.starts_with(OSV) => Kind::Osv,
            () if place.starts_with(VEX) => Kind::Vex,
            () => return None,
        };
        Some(Data { kind, path })
    }

    /// Reads all of it, to be sure that it can be read.
    ///
    /// # Errors
    /// It cannot, or holds nothing.
    pub fn check(&self) -> Result<()> {
        let mut count = self.statements()?.len();
        self.advisories(&mut |_| {
            count += 1;
            Ok(())
        })?;
        self.holds(count)
    }

    /// # Errors
    /// Nothing was read: to look up nothing would look like good news.
    pub fn holds(&self, count: usize) -> Result<()> {
        match count {
            0 => Err(Error::new(format!("{} holds no advisories or statements", self.path.display())).help(
                "OSV goes to --osv; CSAF and OpenVEX go to --vex, and their products need a package URL, or a name and a version",
            )),
            _ => Ok(()),
        }
    }

    /// Puts it into a kit: OSV as one record a line, statements as they are.
    ///
    /// # Errors
    /// It cannot be read or written, or a file of that name is there.
    pub fn put(&self, stage: &Stage) -> Result<()> {
        let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match self.kind {
            Kind::Osv => self.put_lines(stage, &format!("{OSV}{}.jsonl", plain(&stem(&self.path)))),
            Kind::Vex => files(&self.path)?.iter().try_for_each(|path| {
                let (_, sha256) = crate::kit::stage::digest(path)?;
                stage.copy(path, &format!("{VEX}{}.json", plain(&stem(path))), &sha256)
            }),
        }
    }

    fn put_lines(&self, stage: &Stage, place: &str) -> Result<()> {
        let target = stage.root().join(place);
        let mut out = BufWriter::new(stage.create(place)?);
        let (mut digest, mut size) = (Sha256::new(), 0);
        self.records(&mut |record| {
            let line = record.to_string() + "\n";
            digest.update(&line);
            size += line.len() as u64;
            out.write_all(line.as_bytes()).or_cannot("write", &target).map_err(elsewhere)
        })?;
        out.flush().or_cannot("write", &target).map_err(elsewhere)?;
        stage.note(place, size, hex::encode(digest.finalize()))
    }

    /// Shows each advisory.
    ///
    /// # Errors
    /// One cannot be read; what `each` returns.
    pub fn advisories(&self, each: &mut dyn FnMut(Advisory) -> Result<()>) -> Result<()> {
        if self.kind != Kind::Osv {
            return Ok(());
        }
        self.records(&mut |record| {
            let id = record["id"].as_str().map_or("a record without an id".to_owned(), |id| format!("the record {id}"));
            let advisory = serde_json::from_value(record);
            each(advisory.map_err(|error| {
                Error::new(format!("{}: {id} is not in OSV form: {error}", self.path.display()))
                    .help("give advisories as osv.dev has them; statements of vendors go to --vex")
            })?)
        })
    }

    /// All statements.
    ///
    /// # Errors
    /// A document cannot be read.
    pub fn statements(&self) -> Result<Vec<Statement>> {
        if self.kind != Kind::Vex {
            return Ok(Vec::new());
        }
        let mut statements = Vec::new();
        for path in files(&self.path)? {
            let read = vex::read(&json(&path)?);
            statements.extend(read.map_err(|error| error.note(format!("in {}", path.display())))?);
        }
        Ok(statements)
    }

    /// Shows each record: of a document, of a list, of lines.
    fn records(&self, each: &mut dyn FnMut(Value) -> Result<()>) -> Result<()> {
        for path in files(&self.path)? {
            crate::interrupt::check()?;
            if is(&path, "jsonl") {
                lines(&path, each)?;
                continue;
            }
            match json(&path)? {
                Value::Array(records) => records.into_iter().try_for_each(&mut *each)?,
                Value::Object(mut map) if map.contains_key("vulns") => {
                    let Some(Value::Array(records)) = map.remove("vulns") else { continue };
                    records.into_iter().try_for_each(&mut *each)?;
                }
                record => each(record)?,
            }
        }
        Ok(())
    }
}

fn lines(path: &Path, each: &mut dyn FnMut(Value) -> Result<()>) -> Result<()> {
    /// A record: the longest ones list every commit.
    const MOST: u64 = 64 << 20;
    let mut file = BufReader::new(regular::open(path)?);
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let read = std::io::Read::take(&mut file, MOST).read_until(b'\n', &mut line).or_cannot("read", path)?;
        if read == 0 {
            break;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let record = serde_json::from_slice(&line);
        each(record.map_err(|error| {
            Error::new(format!("{}, line {number}: it is no JSON: {error}", path.display()))
                .help("unpack or download the file again: each line is one record")
        })?)?;
    }
    Ok(())
}

fn is(path: &Path, end: &str) -> bool {
    path.extension().is_some_and(|own| own == end)
}

/// A file, or the .json files of a folder and the folders in it, by their names: databases have one for each year or product.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    // A link to a folder is not followed: it could lead in a circle.
    let mut files: Vec<PathBuf> = walk(path)?.into_iter().map(|name| path.join(name)).filter(|path| is(path, "json")).collect();
    files.sort();
    Ok(files)
}

/// A name that every file system and disc takes.
fn plain(name: &str) -> String {
    let kept: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    let kept: String = kept.trim_start_matches(['.', '-']).chars().take(50).collect();
    if kept.is_empty() {
        "advisories".to_owned()
    } else {
        kept
    }
}
