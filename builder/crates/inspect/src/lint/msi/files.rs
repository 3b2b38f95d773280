//! Files, media and cabinets: every file where its sequence says, with the version or the hash it has (ICE04, 35, 60).

use super::super::{Findings, Place};
use super::category;
use super::identity::Machine;
use crate::msi::{Cabinet, Member, Msi, Row, Seen};
use payload::pe;
use std::collections::{BTreeMap, HashMap, HashSet};

/// msidbFileAttributesNoncompressed: it lies beside the package.
const UNCOMPRESSED: i32 = 0x2000;
const REBUILD: &str = "build the package again: the tables and the cabinets are not of one build";

/// A medium: its number, its cabinet, and the last of its sequence numbers.
struct Medium<'a> {
    disk: i32,
    last: i32,
    cabinet: Option<&'a str>,
}

pub(super) fn check(msi: &Msi, findings: &mut Findings) {
    let mut media: Vec<Medium> = msi
        .database
        .rows("Media")
        .filter_map(|row| {
            Some(Medium { disk: row.number("DiskId")?, last: row.number("LastSequence")?, cabinet: row.text("Cabinet") })
        })
        .collect();
    media.sort_by_key(|medium| (medium.last, medium.disk));
    let mut files: Vec<(i32, Row)> = msi.database.rows("File").filter_map(|row| Some((row.number("Sequence")?, row))).collect();
    files.sort_by_key(|(sequence, _)| *sequence);
    let mut packed: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    let mut before = None;
    for (sequence, row) in &files {
        let place = || Place::cell("File", row, "Sequence");
        if before.replace(*sequence) == Some(*sequence) {
            let what = format!("another file has the number {sequence}");
            findings.error("file-sequence", place(), what, "number the files from 1 on, each once");
        }
        let first = media.partition_point(|medium| medium.last < *sequence);
        match media.get(first) {
            None => {
                let what = format!("{sequence} is above every LastSequence of Media");
                findings.error("file-media", place(), what, "raise Media.LastSequence to its last file's Sequence");
            }
            Some(medium) if row.number("Attributes").unwrap_or(0) & UNCOMPRESSED == 0 => {
                packed.entry(medium.cabinet.unwrap_or_default()).or_default().push(*row);
            }
            Some(_) => {}
        }
    }
    for (name, cabinet) in &msi.cabinets {
        self::cabinet(name, cabinet, packed.get(name.as_str()).map_or(&[], Vec::as_slice), findings);
    }
    contents(msi, findings);
}

/// What each file holds, by its key, as far as its cabinet could be read.
pub(super) fn seen(msi: &Msi) -> HashMap<&str, &Seen> {
    let members = msi.cabinets.values().filter_map(|cabinet| match cabinet {
        Cabinet::Read(members) => Some(members),
        _ => None,
    });
    members.flatten().filter_map(|member| Some((member.name.as_str(), member.content.as_ref()?))).collect()
}

fn cabinet(name: &str, cabinet: &Cabinet, files: &[Row], findings: &mut Findings) {
    let place = || Place::row("Media", name);
    let members = match cabinet {
        Cabinet::Missing if files.is_empty() => return,
        Cabinet::Missing => {
            let what = format!("there is no cabinet {name}");
            let remedy = "put the cabinet beside the package under this very name, or build with embedded cabinets";
            return findings.error("cabinet-missing", place(), what, remedy);
        }
        Cabinet::Damaged(why) => {
            let what = format!("the cabinet {name} is damaged: {why}");
            return findings.error("cabinet-damaged", place(), what, "build the package again, or fetch it again");
        }
        Cabinet::Listed(members, why) => {
            let what = format!("the contents of {name} were not checked: {why}");
            findings.warning(
                "cabinet-unread",
                place(),
                what,
                "put all cabinets of the set there, packed with LZX or MSZIP, to have their contents checked",
            );
            members
        }
        Cabinet::Read(members) => members,
    };
    let keys: Vec<&str> = files.iter().filter_map(|row| row.text("File")).collect();
    if let Some(what) = difference(&keys, members) {
        findings.error("cabinet-order", place(), format!("in {name}, {what}"), REBUILD);
    }
    let sizes: HashMap<&str, u32> = members.iter().map(|member| (member.name.as_str(), member.size)).collect();
    for row in files {
        let (size, table) = (sizes.get(row.text("File").unwrap_or_default()), row.number("FileSize"));
        if let (Some(&size), Some(table)) = (size, table) {
            if i64::from(size) != i64::from(table) {
                let what = format!("the table says {table} bytes, the cabinet has {size}");
                findings.error("cabinet-size", Place::cell("File", row, "FileSize"), what, REBUILD);
            }
        }
    }
}

/// The first place where a cabinet's members are not the files in the order of their numbers.
fn difference(keys: &[&str], members: &[Member]) -> Option<String> {
    let at = (0..keys.len().max(members.len()))
        .find(|&at| keys.get(at).copied() != members.get(at).map(|member| member.name.as_str()))?;
    Some(match (keys.get(at), members.get(at)) {
        (Some(key), Some(member)) => format!("{} stands where the File table has {key}", member.name),
        (Some(key), None) => format!("{key} is missing"),
        (None, member) => format!("{} is not in the File table", member.map_or("", |member| member.name.as_str())),
    })
}

/// Versions and hashes, which decide at a repair and an upgrade whether a file is replaced.
fn contents(msi: &Msi, findings: &mut Findings) {
    let hashes: HashMap<&str, Row> = msi.database.rows("MsiFileHash").filter_map(|row| Some((row.text("File_")?, row))).collect();
    let keys: HashSet<&str> = msi.database.rows("File").filter_map(|row| row.text("File")).collect();
    let seen = seen(msi);
    for row in msi.database.rows("File") {
        let Some(key) = row.text("File") else { continue };
        let version = row.text("Version");
        // Its replacement follows another file's: no version and no hash of its own counts.
        if version.is_some_and(|version| keys.contains(version)) {
            continue;
        }
        self::version(&row, version, seen.get(key).copied(), findings);
        if let Some(program) = seen.get(key).and_then(|seen| seen.program.as_ref()) {
            machine(msi, key, program.machine, findings);
        }
        match (version, hashes.get(key)) {
            (None, None) => {
                let what = "a file without a version has no MsiFileHash".to_owned();
                let remedy = "add the file's MD5: without it, repair and upgrade replace the file every time";
                findings.warning("file-hash", Place::row("File", key), what, remedy);
            }
            (None, Some(hash)) => {
                let Some(seen) = seen.get(key) else { continue };
                let listed = md5(hash);
                if seen.is_empty() && listed == seen.md5 {
                    let what = "an empty file has the MD5 of nothing: Windows Installer takes the hash of an empty file to be 0"
                        .to_owned();
                    let remedy = "write 0 into all four parts: repair and upgrade else replace the file every time";
                    findings.warning("file-hash", Place::row("MsiFileHash", key), what, remedy);
                } else if seen.file_hash() != listed {
                    let what = "the hash is not that of the file in the cabinet".to_owned();
                    findings.error("file-hash", Place::row("MsiFileHash", key), what, REBUILD);
                }
            }
            (Some(_), Some(_)) => {
                let what = "a file with a version has a hash as well".to_owned();
                findings.error("file-hash", Place::row("MsiFileHash", key), what, "leave the hash out: the version decides");
            }
            (Some(_), None) => {}
        }
    }
}

/// 64-bit Windows runs 32-bit programs, and Windows on ARM both of the others'.
fn machine(msi: &Msi, key: &str, program: pe::Machine, findings: &mut Findings) {
    const ARM64: pe::Machine = pe::Machine::Other(0xAA64);
    let runs = match Machine::of(msi) {
        None => return,
        Some(Machine::X86) => program == pe::Machine::X86,
        Some(Machine::X64) => matches!(program, pe::Machine::X86 | pe::Machine::X64),
        Some(Machine::Arm64) => matches!(program, pe::Machine::X86 | pe::Machine::X64) || program == ARM64,
    };
    if !runs {
        let what = format!("it is a program for {program}, which the package's platform does not run");
        findings.error("program-machine", Place::row("File", key), what, "ship the program that is built for this platform");
    }
}

fn version(row: &Row, table: Option<&str>, seen: Option<&Seen>, findings: &mut Findings) {
    let place = || Place::cell("File", row, "Version");
    if table.is_some() && row.text("Language").is_none() {
        let what = "a file with a version has no language".to_owned();
        let remedy = "write the language of its version resource, or 0 where it has none";
        findings.warning("file-version", Place::cell("File", row, "Language"), what, remedy);
    }
    let Some(seen) = seen else { return };
    let resource = seen.program.as_ref().and_then(|program| program.version.as_ref()).map(|version| version.number.as_str());
    match (table, resource) {
        (Some(table), None) if category::offence("Version", table).is_none() => {
            let what = format!("the table says version {table}, and the file has no version resource");
            findings.error("file-version", place(), what, "leave Version and Language null and add the file's hash");
        }
        (Some(table), Some(resource)) if numbers(table) != numbers(resource) => {
            let what = format!("the table says version {table}, the file's version resource {resource}");
            findings.error("file-version", place(), what, REBUILD);
        }
        (None, Some(resource)) => {
            let what = format!("the file has a version resource, {resource}, and the table no version");
            let remedy = "write the version and language of the file into the File table";
            findings.warning("file-version", place(), what, remedy);
        }
        _ => {}
    }
}

/// The four numbers of a version, missing ones 0.
fn numbers(version: &str) -> [u32; 4] {
    let mut numbers = [0; 4];
    for (number, text) in numbers.iter_mut().zip(version.split('.')) {
        *number = text.parse().unwrap_or(u32::MAX);
    }
    numbers
}

fn md5(hash: &Row) -> [u8; 16] {
    let mut md5 = [0; 16];
    for (bytes, column) in md5.chunks_exact_mut(4).zip(["HashPart1", "HashPart2", "HashPart3", "HashPart4"]) {
        // The one number that reads as null.
        bytes.copy_from_slice(&hash.number(column).unwrap_or(i32::MIN).to_le_bytes());
    }
    md5
}
