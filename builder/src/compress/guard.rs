//! Whether somebody else could put units into a cache folder.

use crate::error::{Error, IoContext, Result};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Write permission of the group and of everybody.
const GROUP: u32 = 0o020;
const OTHERS: u32 = 0o002;
const STICKY: u32 = 0o1000;
/// A folder's access control list; while there is one, the mode's group bits are its mask.
const ACL: &str = "system.posix_acl_access";
const HELP: &str =
    "take that right away (chmod, chown, setfacl -b), give a key that only the builders have (--cache-key FILE), or build \
                    with --no-cache";

/// Refuses a folder that anybody but this account and root can change: by its own mode, owner or ACL, by those of the folders above it or
/// of the shelves in it.
///
/// # Errors
/// Which folder it is, and who can change it.
pub fn check(folder: &Path) -> Result<()> {
    let me = Account::new();
    on_the_way(folder, |place, why| refused(folder, place, why))?;
    for shelf in shelves(folder) {
        match fs::symlink_metadata(&shelf) {
            Ok(meta) if meta.is_dir() => me.check(&shelf, None).map_err(|why| refused(folder, &shelf, &why))?,
            Ok(_) => return Err(refused(folder, &shelf, "is not a folder")),
            Err(_) => {}
        }
    }
    Ok(())
}

/// Looks at a folder and all above it.
fn on_the_way(folder: &Path, refused: impl Fn(&Path, &str) -> Error) -> Result<()> {
    let me = Account::new();
    let given = std::path::absolute(folder).or_cannot("find", folder)?;
    let real = fs::canonicalize(folder).or_cannot("find", folder)?;
    // Both ways: who can change a link can change where it leads.
    for path in [&given, &real] {
        let mut below: Option<&Path> = None;
        for place in path.ancestors() {
            me.check(place, below).map_err(|why| refused(place, &why))?;
            below = Some(place);
        }
    }
    Ok(())
}

/// Refuses a folder of finished packages that anybody but this account and root can change.
///
/// # Errors
/// Which folder it is, and who can change it.
pub fn check_packages(folder: &Path) -> Result<()> {
    let changed = |place: &Path, why: &str| {
        Error::new(format!("others can change the packages in {}: {} {why}", folder.display(), place.display()))
            .help("take that right away (chmod, chown, setfacl -b), or make the plan with --cache-key FILE, which seals what jobs write")
    };
    on_the_way(folder, changed)
}

/// Whether nobody can rename what another made in a folder.
pub fn is_sticky(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|meta| meta.mode() & STICKY != 0)
}

/// The folders that units lie in.
pub(super) fn shelves(folder: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    "0123456789abcdef".chars().map(|digit| folder.join(digit.to_string()))
}

fn refused(folder: &Path, place: &Path, why: &str) -> Error {
    Error::new(format!("others can write to the cache {}: {} {why}", folder.display(), place.display()))
        .note("what they put there would be in the packages")
        .help(HELP)
}

/// Whether a file is of this account or root, and theirs alone to change.
pub fn is_own(meta: &Metadata) -> bool {
    let uid = meta.uid();
    (uid == 0 || uid == rustix::process::geteuid().as_raw()) && meta.mode() & (GROUP | OTHERS) == 0
}

/// The account that builds.
struct Account {
    uid: u32,
    /// The owner shown for accounts that a user namespace does not map: it may be root.
    unmapped: Option<u32>,
}

impl Account {
    fn new() -> Account {
        let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let all = map.split_whitespace().nth(2).is_none_or(|count| count == "4294967295");
        let unmapped = || fs::read_to_string("/proc/sys/kernel/overflowuid").ok()?.trim().parse().ok();
        Account { uid: rustix::process::geteuid().as_raw(), unmapped: if all { None } else { unmapped() } }
    }

    fn owns(&self, uid: u32) -> bool {
        uid == 0 || uid == self.uid
    }

    /// `below` is the entry of `place` that counts; all of them when there is none.
    fn check(&self, place: &Path, below: Option<&Path>) -> Result<(), String> {
        let meta = fs::metadata(place).map_err(|error| format!("cannot be looked at: {error}"))?;
        let (uid, mode) = (meta.uid(), meta.mode());
        if !self.owns(uid) && (below.is_none() || self.unmapped != Some(uid)) {
            return Err(format!("belongs to the account {uid}"));
        }
        // In a sticky folder such as /tmp nobody can rename what is ours.
        let ours = |entry: &Path| fs::symlink_metadata(entry).is_ok_and(|meta| self.owns(meta.uid()));
        if mode & STICKY != 0 && below.is_some_and(ours) {
            return Ok(());
        }
        if mode & OTHERS != 0 {
            return Err(format!("is for everybody to write (mode {:o})", mode & 0o7777));
        }
        if mode & GROUP != 0 && (has_acl(place) || !self.is_alone_in(meta.gid())) {
            return Err(format!("is for others to write (mode {:o}, group {})", mode & 0o7777, meta.gid()));
        }
        Ok(())
    }

    /// Whether a group is root's, or has the account's own name and no other member.
    fn is_alone_in(&self, gid: u32) -> bool {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        gid == 0 || is_private(self.uid, gid, &read("/etc/passwd"), &read("/etc/group"))
    }
}

fn is_private(uid: u32, gid: u32, accounts: &str, groups: &str) -> bool {
    let (uid, gid) = (uid.to_string(), gid.to_string());
    let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
    let name = accounts.lines().map(fields).find(|account| account.get(2) == Some(&uid)).map(|account| account[0].clone());
    let group = groups.lines().map(fields).find(|group| group.get(2) == Some(&gid));
    let others = accounts.lines().map(fields).any(|account| account.get(3) == Some(&gid) && account.get(2) != Some(&uid));
    match (name, group) {
        (Some(name), Some(group)) if group.len() == 4 => {
            let members: Vec<&str> = group[3].split(',').map(str::trim).filter(|member| !member.is_empty()).collect();
            group[0] == name && !others && members.iter().all(|member| *member == name)
        }
        _ => false,
    }
}

fn has_acl(place: &Path) -> bool {
    let mut none = [0_u8; 0];
    rustix::fs::getxattr(place, ACL, &mut none).is_ok_and(|len| len > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{chown, symlink, PermissionsExt};

    fn mode(folder: &Path, mode: u32) {
        fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn why(folder: &Path) -> String {
        check(folder).unwrap_err().what().to_owned()
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused_wherever_they_can() {
        let top = tempfile::tempdir().unwrap();
        let above = top.path().join("above");
        let cache = above.join("cache");
        let shelf = cache.join("a");
        fs::create_dir_all(&shelf).unwrap();
        for folder in [&above, &cache, &shelf] {
            mode(folder, 0o755);
        }
        check(&cache).unwrap();
        for folder in [&above, &cache, &shelf] {
            for open in [0o777, 0o757] {
                mode(folder, open);
                assert!(why(&cache).contains(&format!("{} is for everybody", folder.display())));
            }
            mode(folder, 0o755);
        }
        // Sticky: enough above, where the entry is ours; not in the cache, where others could add one.
        mode(&above, 0o1777);
        check(&cache).unwrap();
        mode(&cache, 0o1777);
        assert!(why(&cache).contains("is for everybody"));
        mode(&cache, 0o755);
        mode(&above, 0o755);
        fs::remove_dir(&shelf).unwrap();
        symlink("/tmp", &shelf).unwrap();
        assert!(why(&cache).contains("is not a folder"));
    }

    #[test]
    fn a_link_in_a_folder_that_others_can_write_is_refused() {
        let top = tempfile::tempdir().unwrap();
        let (open, cache) = (top.path().join("open"), top.path().join("cache"));
        [&open, &cache].into_iter().for_each(|folder| fs::create_dir(folder).unwrap());
        symlink(&cache, open.join("link")).unwrap();
        mode(&open, 0o777);
        mode(&cache, 0o755);
        assert!(why(&open.join("link")).contains(&format!("{} is for everybody", open.display())));
    }

    #[test]
    fn another_accounts_folder_and_unit_are_not_ours() {
        let top = tempfile::tempdir().unwrap();
        let cache = top.path().join("cache");
        fs::create_dir(&cache).unwrap();
        mode(&cache, 0o755);
        // Root alone can give a folder away.
        if chown(&cache, Some(4711), None).is_ok() {
            assert!(why(&cache).contains("belongs to the account 4711"));
            assert!(!is_own(&fs::metadata(&cache).unwrap()));
        }
        fs::write(top.path().join("unit"), "").unwrap();
        mode(&top.path().join("unit"), 0o644);
        assert!(is_own(&fs::metadata(top.path().join("unit")).unwrap()));
        mode(&top.path().join("unit"), 0o664);
        assert!(!is_own(&fs::metadata(top.path().join("unit")).unwrap()));
    }

    #[test]
    fn a_group_of_the_accounts_own_is_private_and_no_other_is() {
        let accounts =
            "root:x:0:0::/:/bin/sh\nann:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\neve:x:1002:1001::/:/bin/sh\n";
        let groups = "root:x:0:\nann:x:1000:\nbob:x:1001:\nstaff:x:50:ann\ntwo:x:51:ann,bob\n";
        assert!(is_private(1000, 1000, accounts, groups));
        assert!(!is_private(1001, 1001, accounts, groups), "eve's first group is bob's");
        for gid in [50, 51, 52, 1001] {
            assert!(!is_private(1000, gid, accounts, groups), "{gid}");
        }
        assert!(!is_private(1000, 1000, accounts, "ann:x:1000:bob\n"));
    }
}
