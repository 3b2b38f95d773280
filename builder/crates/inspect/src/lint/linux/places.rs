//! Where packages may put files.
//!
//! /usr/local and /opt/VENDOR are the places for what does not come from the distribution: its policy keeps its own packages out of
//! /usr/local, for the administrator's sake. A package with an install root of its own there is what the administrator chose; other files
//! there are a warning, as administrators' own may be overwritten.

use super::{Findings, Place, Subject};
use crate::report::{path_length, FileKind};

/// Folders, why no package may have files below them.
const RESERVED: [(&str, &str); 16] = [
    ("/home/", "it belongs to users"),
    ("/root/", "it belongs to the administrator"),
    ("/tmp/", "it is emptied, and everybody may write to it"),
    ("/var/tmp/", "it is emptied, and everybody may write to it"),
    ("/run/", "it is in memory and gone at the next start"),
    ("/var/run/", "it is in memory and gone at the next start"),
    ("/var/lock/", "it is in memory and gone at the next start"),
    ("/proc/", "it is the kernel's"),
    ("/sys/", "it is the kernel's"),
    ("/dev/", "it is the kernel's and udev's"),
    ("/mnt/", "it is for the administrator's mounts"),
    ("/media/", "it is for removable media"),
    ("/srv/", "its layout is the administrator's"),
    ("/var/mail/", "it holds users' mail"),
    ("/var/spool/cron/crontabs/", "crontab writes it: ship a file in /etc/cron.d"),
    ("/etc/rc.local.d/", "it is the administrator's"),
];

const TOP: [&str; 12] = ["bin", "boot", "etc", "lib", "lib32", "lib64", "libx32", "opt", "sbin", "usr", "var", "srv"];

pub(super) fn check(subject: &Subject, findings: &mut Findings) {
    names(subject, findings);
    for file in subject.files().filter(|file| !subject.is_in_root(&file.path) && file.path.len() > 1) {
        if let Some((folder, why)) = RESERVED.iter().find(|(folder, _)| file.path.starts_with(folder)) {
            // The mount points that a base system brings are folders.
            let empty = file.kind == FileKind::Directory && matches!(*folder, "/var/run/" | "/var/lock/" | "/dev/" | "/run/");
            let what = format!("{folder} is no place for a package: {why}");
            match empty {
                true => findings.warning("place", Place::part(&file.path), what, "make it when the service starts (tmpfiles.d)"),
                false => findings.error("place", Place::part(&file.path), what, "ship it below /usr, /opt or /var/lib"),
            }
        } else if file.path.starts_with("/usr/local/") && file.kind != FileKind::Directory {
            let what = "/usr/local is the administrator's, and the package names no install root there".to_owned();
            findings.warning("place-local", Place::part(&file.path), what, "ship it below /usr or /opt");
        } else if unusual(&file.path) && file.kind != FileKind::Directory {
            let what = "it lies in a folder of the package's own below /".to_owned();
            findings.warning("place-top", Place::part(&file.path), what, "ship it below /usr, /opt or /var/lib");
        }
    }
}

/// Names that cannot be unpacked: dpkg and rpm first do so under nine bytes more.
fn names(subject: &Subject, findings: &mut Findings) {
    const LONGEST: u64 = 255;
    let packaged = subject.manager().is_some();
    for file in subject.files() {
        let most = if packaged && file.kind != FileKind::Directory { LONGEST - 9 } else { LONGEST };
        let longest = file.path.split('/').map(path_length).max().unwrap_or_default();
        if longest > most {
            let what = format!("a name in it has {longest} bytes, and {most} is the most that can be unpacked");
            findings.error("name-length", Place::part(&file.path), what, "give it a shorter name");
        }
    }
}

fn unusual(path: &str) -> bool {
    let top = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    !TOP.contains(&top) && !RESERVED.iter().any(|(folder, _)| folder[1..].starts_with(&format!("{top}/")))
}
