//! Owners: accounts that every system has, or that the package makes.

use super::{Findings, Place, Subject};
use std::collections::BTreeSet;

/// Accounts and groups with fixed numbers in Debian's base-passwd and Red Hat's setup; what else systemd's sysusers makes everywhere.
const KNOWN: &str = "root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats _apt nobody nogroup adm tty \
                     disk kmem dialout fax voice cdrom floppy tape sudo audio dip operator src shadow utmp video sasl plugdev staff users \
                     input kvm render sgx wheel shutdown halt ftp lock mem ftpd systemd-journal systemd-network systemd-resolve systemd-timesync dbus";

/// Numbers up to this are the distribution's own; 65534 is nobody's.
const FIXED: u32 = 99;

pub(super) fn check(subject: &Subject, findings: &mut Findings) {
    let mut told = BTreeSet::new();
    // dpkg and rpm leave the owner of a folder as it is that every system has.
    for file in subject.files().filter(|file| !file.path.trim_end_matches('/').is_empty()) {
        for (what, name) in [("owner", &file.owner), ("group", &file.group)] {
            let Some(name) = name.as_deref() else { continue };
            if is_known(name) || is_made(subject, name) || !told.insert((what, name)) {
                continue;
            }
            let what = format!("its {what} is {name}, which the package does not make and not every system has");
            let remedy = "give it to root, or make the account in preinst or %pre, or by sysusers.d";
            // An RPM's account may come from a package that it requires.
            match subject.manager().map(|manager| manager.has_policy) {
                Some(true) => findings.error("owner", Place::part(&file.path), what, remedy),
                Some(false) => findings.warning("owner", Place::part(&file.path), what, remedy),
                None => {}
            }
        }
    }
}

fn is_known(name: &str) -> bool {
    match name.parse::<u32>() {
        Ok(number) => number <= FIXED || number == 65534,
        Err(_) => KNOWN.split_whitespace().any(|known| known == name),
    }
}

/// Whether a script makes the account, or the package says that it is made for it.
fn is_made(subject: &Subject, name: &str) -> bool {
    let makes = |text: &str| ["useradd", "adduser", "groupadd", "addgroup", "sysusers"].iter().any(|tool| text.contains(tool));
    let named = |text: &str| text.split(|c: char| !(c.is_ascii_alphanumeric() || "_-".contains(c))).any(|word| word == name);
    let scripts = subject.report.scripts.iter().any(|script| makes(&script.text) && named(&script.text));
    let provided = [format!("user({name})"), format!("group({name})")];
    scripts || subject.relations(&["requires", "provides"]).any(|what| provided.iter().any(|one| what.starts_with(one.as_str())))
}
