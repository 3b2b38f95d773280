//! What a source says of a file beyond its mode: capabilities, access control lists, extended attributes.
//!
//! Capabilities are kept as the text of cap_to_text(3), which RPM's FILECAPS holds. Of the others no package of ours carries any, so that
//! their kinds are kept for a warning.

use base64ct::{Base64Unpadded, Encoding};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What is known of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extended {
    /// As cap_to_text(3) writes it: "cap_net_raw=ep".
    pub caps: Option<String>,
    /// What no package carries: "access control list", or an attribute's name.
    pub others: Vec<String>,
}

/// The longest attribute that is looked at, in bytes: VFS_CAP_REVISION_3 takes 24.
const LONGEST: usize = 64 << 10;
/// Kinds of attributes that are kept of one file.
const MOST: usize = 32;
/// Attributes that the endpoint sets for itself, or that mean something on their own system only.
const IGNORED: &[&str] =
    &["security.selinux", "security.ima", "security.evm", "com.apple.", "system.nfs4_acl_xattr", "btrfs.", "user.com.apple."];

impl Extended {
    /// `None` where there is nothing to tell.
    pub fn some(self) -> Option<Box<Extended>> {
        (self != Extended::default()).then(|| Box::new(self))
    }

    /// With these capabilities, as text.
    pub fn of_caps(text: &str) -> Option<Box<Extended>> {
        // Older libcaps begin with "= ".
        let text = text.trim().trim_start_matches("= ").trim();
        Extended { caps: (!text.is_empty() && text != "=").then(|| text.to_owned()), others: Vec::new() }.some()
    }

    /// Adds an attribute by its name in Linux.
    pub fn add(&mut self, name: &str, value: &[u8]) {
        match name {
            "security.capability" => self.caps = text_of(value).or_else(|| self.caps.take()),
            "system.posix_acl_access" | "system.posix_acl_default" => self.add_other("access control list"),
            _ if IGNORED.iter().any(|ignored| name.starts_with(ignored)) => {}
            _ => self.add_other(name),
        }
    }

    /// Whether a PAX record of that key says something of it.
    pub fn is_pax(key: &[u8]) -> bool {
        [&b"SCHILY.xattr."[..], b"SCHILY.acl.", b"LIBARCHIVE.xattr."].iter().any(|start| key.starts_with(start))
    }

    /// Adds a PAX record of star, GNU tar or libarchive; others are left alone.
    pub fn add_pax(&mut self, key: &[u8], value: &[u8]) {
        let Ok(key) = std::str::from_utf8(key) else { return };
        if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
            self.add(name, value);
        } else if let Some(name) = key.strip_prefix("LIBARCHIVE.xattr.") {
            let value = String::from_utf8_lossy(value);
            self.add(name, &Base64Unpadded::decode_vec(value.trim_end_matches('=')).unwrap_or_default());
        } else if key.starts_with("SCHILY.acl.") && is_more_than_a_mode(value) {
            self.add_other("access control list");
        }
    }

    fn add_other(&mut self, what: &str) {
        if self.others.len() < MOST && !self.others.iter().any(|other| other == what) {
            self.others.push(what.to_owned());
        }
    }
}

/// An ACL's text has an entry for a user or group by name, or a mask.
fn is_more_than_a_mode(acl: &[u8]) -> bool {
    let text = String::from_utf8_lossy(acl);
    let entries = text.split([',', '\n']).map(|entry| entry.trim().trim_start_matches("default:"));
    entries.into_iter().any(|entry| entry.starts_with("mask") || entry.split(':').nth(1).is_some_and(|who| !who.is_empty()))
}

/// The attributes of a file, which is not followed where it is a link. Best effort: file systems without attributes have none.
pub fn of_file(path: &Path) -> Option<Box<Extended>> {
    let mut names = [0; 4096];
    let len = rustix::fs::llistxattr(path, &mut names[..]).ok().filter(|len| *len > 0)?;
    let mut extended = Extended::default();
    for name in names[..len].split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; if name == b"security.capability" { LONGEST } else { 0 }];
        let name = std::ffi::OsStr::from_bytes(name);
        let len = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap_or_default().min(value.len());
        extended.add(&name.to_string_lossy(), &value[..len]);
    }
    extended.some()
}

/// The names of capabilities by their bits (linux/capability.h).
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// `struct vfs_cap_data` (linux/capability.h) as cap_to_text(3) writes it; `None` for what is not one, or sets nothing.
fn text_of(data: &[u8]) -> Option<String> {
    let word = |at: usize| Some(u32::from_le_bytes(data.get(at * 4..at * 4 + 4)?.try_into().ok()?));
    let magic = word(0)?;
    let effective = if magic & 1 == 1 { "e" } else { "" };
    let (permitted, inheritable) = match magic >> 24 {
        1 => (u64::from(word(1)?), u64::from(word(2)?)),
        2 | 3 => (u64::from(word(1)?) | u64::from(word(3)?) << 32, u64::from(word(2)?) | u64::from(word(4)?) << 32),
        _ => return None,
    };
    let clause = |set: u64, flags: &str| {
        let name = |bit: usize| NAMES.get(bit).map_or_else(|| bit.to_string(), |name| format!("cap_{name}"));
        let names: Vec<String> = (0..64).filter(|bit| set >> bit & 1 == 1).map(name).collect();
        (!names.is_empty()).then(|| format!("{}={effective}{flags}", names.join(",")))
    };
    let both = permitted & inheritable;
    let clauses = [(permitted & !both, "p"), (inheritable & !both, "i"), (both, "ip")];
    let text: Vec<String> = clauses.into_iter().filter_map(|(set, flags)| clause(set, flags)).collect();
    (!text.is_empty()).then(|| text.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// VFS_CAP_REVISION_2 with the effective bit.
    fn data(permitted: u64, inheritable: u64) -> Vec<u8> {
        let words = [0x0200_0001, permitted as u32, inheritable as u32, (permitted >> 32) as u32, (inheritable >> 32) as u32];
        words.into_iter().flat_map(u32::to_le_bytes).collect()
    }

    #[test]
    fn capabilities_are_written_as_libcap_does() {
        assert_eq!(text_of(&data(1 << 13, 0)).unwrap(), "cap_net_raw=ep");
        assert_eq!(text_of(&data(1 << 12 | 1 << 13, 1 << 13)).unwrap(), "cap_net_admin=ep cap_net_raw=eip");
        assert_eq!(text_of(&data(1 << 39, 0)).unwrap(), "cap_bpf=ep");
        for bad in [&b""[..], &[0; 20], &data(0, 0)] {
            assert_eq!(text_of(bad), None);
        }
    }

    #[test]
    fn archives_write_attributes_in_two_ways() {
        let mut star = Extended::default();
        star.add_pax(b"SCHILY.xattr.security.capability", &data(1 << 13, 0));
        star.add_pax(b"SCHILY.xattr.user.note", b"x");
        star.add_pax(b"SCHILY.xattr.security.selinux", b"x");
        star.add_pax(b"SCHILY.acl.access", b"user::rw-,user:daemon:r--,group::r--,mask::r--,other::r--");
        assert_eq!(star.caps.as_deref(), Some("cap_net_raw=ep"));
        assert_eq!(star.others, ["user.note", "access control list"]);
        let mut libarchive = Extended::default();
        libarchive.add_pax(b"LIBARCHIVE.xattr.security.capability", b"AQAAAgAgAAAAAAAAAAAAAAAAAAA");
        libarchive.add_pax(b"SCHILY.acl.access", b"user::rw-,group::r--,other::r--");
        libarchive.add_pax(b"path", b"x");
        assert_eq!(libarchive, Extended { caps: Some("cap_net_raw=ep".into()), others: Vec::new() });
    }
}
