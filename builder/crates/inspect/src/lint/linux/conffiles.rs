//! Files that administrators edit: known to the package manager, and where administrators look for them.

use super::{is_regular, Findings, Place, Subject};

/// Programs, which Red Hat's packages never mark.
fn is_init_script(path: &str) -> bool {
    path.starts_with("/etc/init.d/") || path.strip_prefix("/etc/rc.d/").is_some_and(|rest| rest.contains('/'))
}

/// Files that are not edited: the text that explains a folder, and an RPM's init scripts.
fn is_not_edited(subject: &Subject, path: &str) -> bool {
    let readme = path.rsplit('/').next().is_some_and(|name| name.starts_with("README"));
    readme || (!subject.has_policy() && is_init_script(path))
}

pub(super) fn check(subject: &Subject, findings: &mut Findings) {
    let Some(manager) = subject.manager() else { return };
    for file in subject.files().filter(|file| is_regular(file) && !subject.is_in_root(&file.path)) {
        let in_etc = file.path.starts_with("/etc/");
        if file.config && !in_etc {
            let what = "it is configuration outside of /etc".to_owned();
            let remedy = "ship it in /etc, where administrators edit and back it up";
            // Red Hat's own have some below /var and /usr/share.
            match manager.has_policy {
                true => findings.error("conffile-place", Place::part(&file.path), what, remedy),
                false => findings.warning("conffile-place", Place::part(&file.path), what, remedy),
            }
        } else if in_etc && !file.config && !is_not_edited(subject, &file.path) {
            let what =
                "it is in /etc and not marked as configuration: an upgrade overwrites what an administrator changed".to_owned();
            match manager.has_policy {
                true => findings.error("conffile-unmarked", Place::part(&file.path), what, manager.marking),
                false => findings.warning("conffile-unmarked", Place::part(&file.path), what, manager.marking),
            }
        }
    }
}
