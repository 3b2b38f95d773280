//! Modes: who may write, run, and run as whom.

use super::{is_regular, Findings, Place, Subject};
use crate::report::{FileEntry, FileKind};

const STICKY: u32 = 0o1000;
const SET_UID: u32 = 0o4000;
const SET_GID: u32 = 0o2000;
const SET_ID: u32 = SET_UID | SET_GID;

/// Folders whose files are run by name.
const BIN: [&str; 9] = [
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/games",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/etc/init.d",
    "/etc/rc.d/init.d",
];

pub(super) fn check(subject: &Subject, findings: &mut Findings) {
    for file in subject.files().filter(|file| file.kind != FileKind::Symlink) {
        let Some(mode) = file.mode else { continue };
        let place = || Place::part(&file.path);
        if file.kind == FileKind::Special {
            let what = "it is a device node, a pipe or a socket".to_owned();
            findings.error("special-file", place(), what, "let the service make it, or udev or tmpfiles.d");
            continue;
        }
        writable(subject, file, mode, findings);
        if is_regular(file) && mode & SET_ID != 0 && mode & 0o111 != 0 {
            let owner = file.owner.as_deref().unwrap_or("its owner");
            let group = format!("the group {}", file.group.as_deref().unwrap_or("of the file"));
            let rights = match (mode & SET_UID != 0, mode & SET_GID != 0) {
                (true, true) => format!("as {owner} and with the rights of {group}"),
                (true, false) => format!("as {owner}"),
                _ => format!("with the rights of {group}"),
            };
            let what = format!("it runs {rights} whoever starts it (mode {mode:04o})");
            let remedy = "drop the bit, or use a service or file capabilities; keep it only where the maker says why";
            // Debian's policy allows what rpmlint calls an error.
            match subject.manager().is_some_and(|manager| !manager.has_policy) {
                true => findings.error("set-uid", place(), what, remedy),
                false => findings.warning("set-uid", place(), what, remedy),
            }
        }
        if is_regular(file) && mode & 0o111 == 0 && is_in_bin(&file.path) && is_runnable(file) && !is_set(subject, &file.path) {
            let what = format!("it is a program that nobody may run (mode {mode:04o})");
            findings.error("not-executable", place(), what, "set its x bits");
        }
    }
}

fn writable(subject: &Subject, file: &FileEntry, mode: u32, findings: &mut Findings) {
    let root = subject.report.root.as_deref().unwrap_or_default().trim_end_matches('/');
    let is_root = file.kind == FileKind::Directory
        && (file.path.is_empty() || file.path == root || root.starts_with(&format!("{}/", file.path)));
    let everybody = mode & 0o002 != 0;
    let shared_temp = matches!(file.path.as_str(), "/tmp" | "/var/tmp") && mode & STICKY != 0;
    if everybody && !shared_temp {
        let (rule, what) = match file.kind {
            _ if is_root && !root.is_empty() => ("root-writable", "everybody may replace what is installed and runs as root"),
            FileKind::Directory => ("writable", "everybody may put files there"),
            _ => ("writable", "everybody may change it"),
        };
        let what = format!("{what} (mode {mode:04o})");
        let place = Place::part(&file.path);
        // Mail spools and the like: anyone may add, nobody may take away.
        match mode & STICKY != 0 && file.kind == FileKind::Directory && !is_root {
            true => findings.warning(rule, place, what, "take the write bit from others unless it is meant"),
            false => findings.error(rule, place, what, "take the write bit from others: chmod o-w"),
        }
    } else if is_root
        && !root.is_empty()
        && mode & 0o020 != 0
        && file.group.as_deref().is_some_and(|group| !matches!(group, "root" | "0" | "wheel" | "staff" | "50"))
    {
        let what =
            format!("the group {} may replace what is installed (mode {mode:04o})", file.group.as_deref().unwrap_or_default());
        findings.error("root-writable", Place::part(&file.path), what, "take the write bit from the group: chmod g-w");
    }
}

/// Whether a script of the package sets its mode at the installation.
fn is_set(subject: &Subject, path: &str) -> bool {
    let sets = |line: &str| line.contains("chmod") && line.contains(path);
    subject.report.scripts.iter().any(|script| script.text.lines().any(sets))
}

fn is_in_bin(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(folder, _)| BIN.contains(&folder))
}

fn is_runnable(file: &FileEntry) -> bool {
    use payload::program::Binary;
    // An object (1) or a core (4) is no program.
    let look = file.look.as_deref();
    look.is_some_and(|look| {
        look.interpreter.is_some() || matches!(&look.binary, Some(Binary::Elf(elf)) if matches!(elf.kind, 2 | 3))
    })
}
