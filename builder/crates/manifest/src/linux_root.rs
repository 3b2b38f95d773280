//! Where packages may be installed on Linux, and where not.

use super::values::checked_string;
use schemars::{json_schema, JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserializer, Error as _};
use serde::Deserialize;
use std::borrow::Cow;

checked_string!(
    /// An absolute Linux install root.
    LinuxRoot, check_linux_root, "^/[^/].*$"
);

/// The directories that belong to the system: an install root may lie below them, never be one of them.
const SYSTEM_DIRECTORIES: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/lost+found",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/selinux",
    "/snap",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/var",
    "/usr/bin",
    "/usr/games",
    "/usr/include",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/libx32",
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
    "/usr/src",
    "/usr/tmp",
    "/usr/local/bin",
    "/usr/local/etc",
    "/usr/local/games",
    "/usr/local/include",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/usr/local/libexec",
    "/usr/local/man",
    "/usr/local/sbin",
    "/usr/local/share",
    "/usr/local/src",
    "/var/adm",
    "/var/backups",
    "/var/cache",
    "/var/crash",
    "/var/db",
    "/var/empty",
    "/var/games",
    "/var/lib",
    "/var/local",
    "/var/lock",
    "/var/log",
    "/var/mail",
    "/var/opt",
    "/var/run",
    "/var/spool",
    "/var/tmp",
    "/var/www",
    "/var/yp",
    "/etc/opt",
    "/etc/init.d",
    "/lib/systemd",
    "/usr/lib/systemd",
    "/lib/modules",
    "/usr/lib/modules",
];

/// Directories below which nothing may be installed, and why.
const NEVER_BELOW: &[(&str, &str)] = &[
    ("/tmp", "anyone may write there, and it is emptied"),
    ("/usr/tmp", "anyone may write there, and it is emptied"),
    ("/var/tmp", "anyone may write there, and it is emptied"),
    ("/dev", "it is empty after each start of the machine"),
    ("/run", "it is empty after each start of the machine"),
    ("/var/run", "it is empty after each start of the machine"),
    ("/var/lock", "it is empty after each start of the machine"),
    ("/proc", "it is the kernel's"),
    ("/sys", "it is the kernel's"),
    ("/selinux", "it is the kernel's"),
    ("/boot", "it is for what starts the machine"),
    ("/etc", "it is for settings: /etc/intigua holds the packages' own"),
    ("/bin", "it is for the system's programs"),
    ("/sbin", "it is for the system's programs"),
    ("/usr/bin", "it is for the system's programs"),
    ("/usr/sbin", "it is for the system's programs"),
    ("/usr/local/bin", "it is for programs, not for folders of them"),
    ("/usr/local/sbin", "it is for programs, not for folders of them"),
    ("/usr/include", "it is for programmers' headers"),
    ("/lib/modules", "it is the kernel's"),
    ("/usr/lib/modules", "it is the kernel's"),
    ("/lib/systemd", "it is systemd's"),
    ("/usr/lib/systemd", "it is systemd's"),
    ("/lost+found", "it is the file system's"),
    ("/var/cache", "it may be emptied at any time"),
    ("/var/crash", "it may be emptied at any time"),
    ("/var/log", "it is for logs: /var/log/intigua holds the connector's"),
    ("/var/mail", "it is for mail"),
    ("/var/spool", "it is for what waits to be processed"),
    ("/var/lib/dpkg", "it is the package manager's"),
    ("/var/lib/apt", "it is the package manager's"),
    ("/var/lib/rpm", "it is the package manager's"),
    ("/usr/lib/sysimage", "it is the package manager's"),
    ("/var/lib/intigua", "it holds the installers' state"),
    ("/snap", "it is for snap's own mounts"),
];

fn check_linux_root(text: &str) -> Result<(), String> {
    let instead = "write an absolute folder such as \"/usr/local/intigua\"";
    if text.len() > 200 {
        return Err(format!("this path has {} bytes, and an install root has 200 at most; {instead}", text.len()));
    }
    if !text.starts_with('/') {
        return Err(format!("\"{text}\" is not an absolute path; {instead}"));
    }
    let trimmed = text.trim_end_matches('/');
    if trimmed.len() < text.len() && trimmed.len() > 1 && check_linux_root(trimmed).is_ok() {
        return Err(format!("\"{text}\" ends in /; write \"{trimmed}\""));
    }
    if text == "/" {
        return Err(format!("\"/\" is the whole file system; {instead}"));
    }
    if text[1..].split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(format!("\"{text}\" has an empty, \".\" or \"..\" component; {instead}"));
    }
    if let Some(bad) = text.chars().find(|&c| c.is_control() || "\"'\\$`%&;|<>*?[]{}()!#~:".contains(c)) {
        return Err(format!(
            "\"{}\" contains {bad:?}, which unit files and shells treat specially; {instead}",
            text.escape_debug()
        ));
    }
    if SYSTEM_DIRECTORIES.contains(&text) {
        return Err(format!("\"{text}\" belongs to the system; {instead}"));
    }
    let is_below = |directory: &str| text == directory || text.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
    match NEVER_BELOW.iter().find(|(directory, _)| is_below(directory)) {
        Some((directory, why)) => {
            Err(format!("\"{text}\" lies in {directory}, where no endpoint takes an install root: {why}; {instead}"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_safe_in_shells_and_units() {
        assert!(LinuxRoot::new("opt/x").unwrap_err().contains("write an absolute folder"));
        for good in
            ["/usr/local/intigua", "/opt/my agents/x", "/srv/é", "/var/opt/x", "/usr/lib/acme", "/var/lib/acme", "/etcetera/x"]
        {
            assert!(LinuxRoot::new(good).is_ok(), "{good}");
        }
        for bad in ["/", "/opt", "/usr/../x", "/x//y", "/x/", "/a$b", "/a\nb", "/a'b", "/a%b", "relative", "/a:b"] {
            assert!(LinuxRoot::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn roots_are_judged_as_the_endpoint_judges_them() {
        let rules = include_str!("../../../../tests/rules/roots.txt").lines().filter(|line| !line.starts_with('#'));
        let mut judged = 0;
        for (verdict, root) in rules.filter_map(|line| line.split_once(' ')) {
            assert_eq!(LinuxRoot::new(root).is_ok(), verdict == "good", "{root}");
            judged += 1;
        }
        assert!(judged > 30);
    }

    #[test]
    fn a_root_that_no_endpoint_takes_is_refused_with_the_reason() {
        for bad in [
            "/tmp/acme",
            "/var/tmp/acme",
            "/dev/shm/acme",
            "/run/x",
            "/var/run/x",
            "/proc/x",
            "/sys/x",
            "/etc/intigua",
            "/etc/acme",
            "/usr/local/bin",
            "/usr/local/bin/acme",
            "/usr/bin/acme",
            "/bin/x",
            "/var/spool",
            "/var/spool/x",
            "/var/log/intigua",
            "/var/lib/intigua",
            "/var/lib/intigua/x",
            "/var/lib/rpm/x",
            "/var/cache/x",
            "/boot/x",
            "/usr/local/share",
            "/usr/src",
            "/var/lib",
        ] {
            let error = LinuxRoot::new(bad).unwrap_err();
            assert!(error.contains("; write an absolute folder"), "{bad}: {error}");
            assert!(error.contains("belongs to the system") || error.contains("no endpoint takes"), "{bad}: {error}");
        }
    }
}
