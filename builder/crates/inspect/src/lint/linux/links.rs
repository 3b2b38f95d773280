//! Symbolic links: that they lead somewhere, wherever the package is installed.

use super::{Findings, Place, Subject};
use crate::report::FileKind;
use std::collections::HashSet;

pub(super) fn check(subject: &Subject, findings: &mut Findings) {
    let paths: HashSet<&str> = subject.report.files.iter().map(|file| file.path.as_str()).collect();
    let root = subject.root();
    let movable = subject.report.is_ours() || subject.manager().is_some_and(|manager| manager.relocates);
    for file in subject.files().filter(|file| file.kind == FileKind::Symlink) {
        // A list of files alone, such as a `.run`'s, does not tell where a link leads.
        let Some(target) = file.target.as_deref() else { continue };
        let place = || Place::part(&file.path);
        let Some(resolved) = resolve(&file.path, target) else {
            let what = format!("its target {target} climbs above the root directory");
            findings.error("link-climbs", place(), what, "count the \"..\" again");
            continue;
        };
        if target.is_empty() || resolved == file.path {
            findings.error("link-loop", place(), "it leads to itself".to_owned(), "name another target");
            continue;
        }
        if let Some(root) = root.as_deref().filter(|_| movable) {
            if target.starts_with(root) {
                let what = format!("its target {target} is right below the default install root alone");
                findings.error("link-root", place(), what, "make it relative: the root is chosen at installation");
                continue;
            }
            if file.path.starts_with(root) && !format!("{resolved}/").starts_with(root) {
                let what = format!("it leads out of the install root, to {target}");
                findings.warning("link-leaves", place(), what, "ship what it needs in the root, or depend on what brings it");
                continue;
            }
        }
        let ours = root.as_ref().is_some_and(|root| resolved.starts_with(root.as_str())) || !file.path.starts_with('/');
        if ours && !exists(&resolved, &paths) {
            let what = format!("its target {target} is not in the package");
            findings.warning("link-dangling", place(), what, "ship the target, or leave the link out");
        } else if target.starts_with('/') && same_top(&file.path, target) && !subject.is_in_root(&file.path) {
            let what = format!("its target {target} is absolute");
            findings.warning("link-absolute", place(), what, "make it relative: it then also works in a chroot's tree");
        }
    }
}

/// Whether a path is in the package, or a folder above something in it.
fn exists(path: &str, paths: &HashSet<&str>) -> bool {
    paths.contains(path) || paths.iter().any(|other| other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
}

fn same_top(path: &str, target: &str) -> bool {
    path.split('/').nth(1) == target.split('/').nth(1)
}

/// The target as a path of the package; `None` where it climbs out.
fn resolve(path: &str, target: &str) -> Option<String> {
    let absolute = path.starts_with('/') || target.starts_with('/');
    let mut parts: Vec<&str> = match target.starts_with('/') {
        true => Vec::new(),
        false => path.split('/').filter(|part| !part.is_empty()).collect(),
    };
    if !target.starts_with('/') {
        parts.pop();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(format!("{}{}", if absolute { "/" } else { "" }, parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn links_are_followed_as_names() {
        assert_eq!(resolve("/usr/lib/a", "../share/b").as_deref(), Some("/usr/share/b"));
        assert_eq!(resolve("/usr/lib/a", "/etc//b/.").as_deref(), Some("/etc/b"));
        assert_eq!(resolve("bin/a", "b").as_deref(), Some("bin/b"));
        assert_eq!(resolve("/usr/a", "../../../b"), None);
    }
}
