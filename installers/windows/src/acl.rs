//! Who may change a folder: a judgement over its security descriptor (MS-DTYP 2.4.6), nothing but bytes in and sentences out.

/// Rights by which a folder's contents, or what stands at its path, can be changed.
const WRITE_DATA: u32 = 0x2;
const APPEND_DATA: u32 = 0x4;
const DELETE_CHILD: u32 = 0x40;
const DELETE: u32 = 0x1_0000;
const WRITE_DAC: u32 = 0x4_0000;
const WRITE_OWNER: u32 = 0x8_0000;
const GENERIC_ALL: u32 = 0x1000_0000;
const GENERIC_WRITE: u32 = 0x4000_0000;
/// FILE_ALL_ACCESS.
const EVERYTHING: u32 = 0x1F_01FF;

/// What makes a folder unfit to hold what SYSTEM runs.
pub const CHANGES: u32 = WRITE_DATA | APPEND_DATA | DELETE_CHILD | DELETE | WRITE_DAC | WRITE_OWNER;
/// What makes a folder unfit to stand above it: its children can be replaced. The root of a data drive lets every user create folders
/// in it by default, which replaces nothing.
pub const REPLACES_CHILDREN: u32 = DELETE_CHILD | WRITE_DAC | WRITE_OWNER;
/// The same of a folder that is no drive: it can be renamed with all that is in it, and another put in its place.
pub const REPLACES_FOLDER: u32 = REPLACES_CHILDREN | DELETE;

/// A security identifier as text: `S-1-5-32-544`.
pub type Sid = String;

/// What counts of a security descriptor.
#[derive(Debug, PartialEq)]
pub struct Descriptor {
    /// Who owns the object.
    pub owner: Option<Sid>,
    /// `None`: there is no DACL, and everybody may do everything.
    pub entries: Option<Vec<Entry>>,
}

/// An access control entry that is in force for the folder itself.
#[derive(Debug, PartialEq)]
pub struct Entry {
    /// Whether it grants or denies.
    pub allows: bool,
    /// The rights.
    pub mask: u32,
    /// Whose rights.
    pub sid: Sid,
}

/// Reads a self-relative security descriptor. `None` where it is none.
pub fn parse(bytes: &[u8]) -> Option<Descriptor> {
    const DACL_PRESENT: u16 = 0x4;
    let control = u16_at(bytes, 2)?;
    let owner_at = u32_at(bytes, 4)? as usize;
    let dacl_at = u32_at(bytes, 16)? as usize;
    let owner = if owner_at == 0 { None } else { Some(sid(bytes.get(owner_at..)?)?) };
    let entries = if control & DACL_PRESENT == 0 || dacl_at == 0 { None } else { Some(entries(bytes.get(dacl_at..)?)?) };
    Some(Descriptor { owner, entries })
}

fn entries(acl: &[u8]) -> Option<Vec<Entry>> {
    const INHERIT_ONLY: u8 = 0x8;
    let count = u16_at(acl, 4)?;
    let mut rest = acl.get(8..)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let (kind, flags, size) = (*rest.first()?, *rest.get(1)?, usize::from(u16_at(rest, 2)?));
        let ace = rest.get(..size).filter(|ace| ace.len() >= 8)?;
        // Allowed and denied, plain (0, 1) and with a condition behind the SID (9, 10). An allowing condition is taken as met,
        // a denying one as not. Entries for objects of a directory service do not stand on files.
        let allows = matches!(kind, 0 | 9);
        if flags & INHERIT_ONLY == 0 && matches!(kind, 0 | 1 | 9) {
            entries.push(Entry { allows, mask: mapped(u32_at(ace, 4)?), sid: sid(ace.get(8..)?)? });
        }
        rest = rest.get(size..)?;
    }
    Some(entries)
}

/// Generic rights as the file system maps them.
fn mapped(mask: u32) -> u32 {
    let all = if mask & GENERIC_ALL == 0 { 0 } else { EVERYTHING };
    let write = if mask & GENERIC_WRITE == 0 { 0 } else { WRITE_DATA | APPEND_DATA };
    mask | all | write
}

fn sid(bytes: &[u8]) -> Option<Sid> {
    let count = usize::from(*bytes.get(1)?);
    let authority = bytes.get(2..8)?.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let mut text = format!("S-{}-{authority}", bytes.first()?);
    for index in 0..count {
        text += &format!("-{}", u32_at(bytes, 8 + 4 * index)?);
    }
    Some(text)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

impl Descriptor {
    /// The groups of ordinary users that have one of these rights, by the names that people know, each once.
    pub fn ordinary_with(&self, rights: u32) -> Vec<&'static str> {
        let entries = match &self.entries {
            Some(entries) => entries,
            None => return vec!["Everyone"],
        };
        let mut found = Vec::new();
        let mut denied: Vec<(&str, u32)> = Vec::new();
        for entry in entries {
            if !entry.allows {
                denied.push((&entry.sid, entry.mask));
                continue;
            }
            let name = match ordinary(&entry.sid) {
                Some(name) => name,
                None => continue,
            };
            let taken =
                denied.iter().filter(|(sid, _)| *sid == entry.sid || *sid == EVERYONE).fold(0, |all, (_, mask)| all | mask);
            if entry.mask & rights & !taken != 0 && !found.contains(&name) {
                found.push(name);
            }
        }
        found
    }

    /// The owner, who can always change who may what, where that is neither the system nor its administrators nor `also`.
    pub fn foreign_owner(&self, also: &str) -> Option<&str> {
        match self.owner.as_deref() {
            Some(owner) if is_trusted(owner) || owner == also => None,
            Some(owner) => Some(owner),
            None => Some("nobody"),
        }
    }
}

const EVERYONE: &str = "S-1-1-0";

/// The name of a group that ordinary users are in.
fn ordinary(sid: &str) -> Option<&'static str> {
    Some(match sid {
        EVERYONE => "Everyone",
        "S-1-2-0" => "LOCAL",
        "S-1-2-1" => "CONSOLE LOGON",
        "S-1-5-2" => "NETWORK",
        "S-1-5-3" => "BATCH",
        "S-1-5-4" => "INTERACTIVE",
        "S-1-5-6" => "SERVICE",
        "S-1-5-7" => "ANONYMOUS LOGON",
        "S-1-5-11" => "Authenticated Users",
        "S-1-5-14" => "REMOTE INTERACTIVE LOGON",
        "S-1-5-15" => "This Organization",
        "S-1-5-32-545" => "Users",
        "S-1-5-32-546" => "Guests",
        "S-1-5-32-547" => "Power Users",
        "S-1-15-2-1" | "S-1-15-2-2" => "application packages",
        _ => match domain_account(sid)? {
            513 => "Domain Users",
            514 => "Domain Guests",
            515 => "Domain Computers",
            _ => return None,
        },
    })
}

fn is_trusted(sid: &str) -> bool {
    const SYSTEM: &str = "S-1-5-18";
    const ADMINISTRATORS: &str = "S-1-5-32-544";
    const TRUSTED_INSTALLER: &str = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
    // The built-in Administrator, Domain Admins, Enterprise Admins.
    matches!(sid, SYSTEM | ADMINISTRATORS | TRUSTED_INSTALLER) || matches!(domain_account(sid), Some(500 | 512 | 519))
}

/// The relative id of an account of a machine or domain.
fn domain_account(sid: &str) -> Option<u32> {
    sid.strip_prefix("S-1-5-21-")?.rsplit('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sid_bytes(text: &str) -> Vec<u8> {
        let numbers: Vec<u64> = text[2..].split('-').map(|n| n.parse().unwrap()).collect();
        let mut bytes = vec![numbers[0] as u8, (numbers.len() - 2) as u8];
        bytes.extend_from_slice(&numbers[1].to_be_bytes()[2..]);
        numbers[2..].iter().for_each(|n| bytes.extend_from_slice(&(*n as u32).to_le_bytes()));
        bytes
    }

    /// (type, flags, mask, sid) as Windows stores them.
    fn descriptor(owner: &str, aces: &[(u8, u8, u32, &str)]) -> Vec<u8> {
        let mut acl = Vec::new();
        for (kind, flags, mask, sid) in aces {
            let sid = sid_bytes(sid);
            acl.extend_from_slice(&[*kind, *flags]);
            acl.extend_from_slice(&(8 + sid.len() as u16).to_le_bytes());
            acl.extend_from_slice(&mask.to_le_bytes());
            acl.extend_from_slice(&sid);
        }
        let owner = sid_bytes(owner);
        let mut bytes = vec![1, 0, 0x04, 0x80];
        for at in [20, 0, 0, 20 + owner.len() as u32] {
            bytes.extend_from_slice(&at.to_le_bytes());
        }
        bytes.extend_from_slice(&owner);
        bytes.extend_from_slice(&[2, 0]);
        bytes.extend_from_slice(&(8 + acl.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&(aces.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&acl);
        bytes
    }

    const ADMINS: &str = "S-1-5-32-544";
    const USERS: &str = "S-1-5-32-545";
    const AUTHENTICATED: &str = "S-1-5-11";
    const MODIFY: u32 = 0x1301BF;
    const READ: u32 = 0x1200A9;
    const FULL: u32 = 0x1F01FF;

    fn who(aces: &[(u8, u8, u32, &str)], rights: u32) -> Vec<&'static str> {
        parse(&descriptor(ADMINS, aces)).unwrap().ordinary_with(rights)
    }

    #[test]
    fn a_folder_as_the_msi_locks_it_is_nobody_elses() {
        let locked = [(0, 3, FULL, "S-1-5-18"), (0, 3, FULL, ADMINS), (0, 3, READ, USERS)];
        assert!(who(&locked, CHANGES).is_empty());
        assert_eq!(parse(&descriptor(ADMINS, &locked)).unwrap().foreign_owner(""), None);
    }

    #[test]
    fn every_group_of_ordinary_users_that_may_write_is_named() {
        let open = [
            (0, 3, MODIFY, AUTHENTICATED),
            (0, 0, 0x2, USERS),
            (0, 0, 0x4, "S-1-5-21-1-2-3-513"),
            (0, 0, 0x4000_0000, "S-1-5-4"),
        ];
        assert_eq!(who(&open, CHANGES), ["Authenticated Users", "Users", "Domain Users", "INTERACTIVE"]);
        for right in [0x2, 0x4, 0x40, 0x1_0000, 0x4_0000, 0x8_0000, 0x1000_0000, 0x4000_0000] {
            assert_eq!(who(&[(0, 0, right, "S-1-1-0")], CHANGES), ["Everyone"], "{right:#x}");
        }
        assert!(who(&[(0, 0, READ | 0x100 | 0x80, "S-1-1-0")], CHANGES).is_empty());
    }

    #[test]
    fn what_only_children_inherit_does_not_count() {
        assert!(who(&[(0, 0x0B, MODIFY, AUTHENTICATED)], CHANGES).is_empty());
    }

    #[test]
    fn a_data_drive_as_windows_makes_it_may_stand_above_a_root_and_a_profile_may_not() {
        let drive = [(0, 0, FULL, ADMINS), (0, 0, MODIFY, AUTHENTICATED), (0, 0x0B, MODIFY, AUTHENTICATED), (0, 0, READ, USERS)];
        assert!(who(&drive, REPLACES_CHILDREN).is_empty());
        assert_eq!(who(&[(0, 3, FULL, USERS)], REPLACES_CHILDREN), ["Users"]);
        assert_eq!(who(&[(0, 3, MODIFY, AUTHENTICATED)], REPLACES_FOLDER), ["Authenticated Users"]);
        assert!(who(&[(0, 3, READ, USERS)], REPLACES_FOLDER).is_empty());
    }

    #[test]
    fn a_denial_before_it_takes_a_right_away_and_one_after_it_does_not() {
        assert!(who(&[(1, 0, FULL, USERS), (0, 0, MODIFY, USERS)], CHANGES).is_empty());
        assert!(who(&[(1, 0, FULL, "S-1-1-0"), (0, 0, MODIFY, USERS)], CHANGES).is_empty());
        assert_eq!(who(&[(0, 0, MODIFY, USERS), (1, 0, FULL, USERS)], CHANGES), ["Users"]);
        assert_eq!(who(&[(1, 0, 0x2, USERS), (0, 0, MODIFY, USERS)], CHANGES), ["Users"]);
        assert_eq!(who(&[(1, 0, FULL, USERS), (0, 0, MODIFY, AUTHENTICATED)], CHANGES), ["Authenticated Users"]);
    }

    #[test]
    fn no_list_at_all_lets_everyone_in_and_an_empty_one_nobody() {
        let mut bytes = descriptor(ADMINS, &[]);
        assert!(parse(&bytes).unwrap().ordinary_with(CHANGES).is_empty());
        bytes[2] = 0;
        assert_eq!(parse(&bytes).unwrap().ordinary_with(CHANGES), ["Everyone"]);
    }

    #[test]
    fn an_owner_is_the_system_an_administrator_or_who_installs() {
        let owner = |sid: &str, also: &str| parse(&descriptor(sid, &[])).unwrap().foreign_owner(also).map(str::to_string);
        for sid in ["S-1-5-18", ADMINS, "S-1-5-21-1-2-3-500", "S-1-5-21-1-2-3-512"] {
            assert_eq!(owner(sid, ""), None, "{sid}");
        }
        assert_eq!(owner("S-1-5-21-1-2-3-1001", "").as_deref(), Some("S-1-5-21-1-2-3-1001"));
        assert_eq!(owner("S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1001"), None);
        assert!(owner(USERS, "").is_some());
    }

    #[test]
    fn broken_descriptors_are_none_and_never_a_panic() {
        let whole = descriptor(ADMINS, &[(0, 0, FULL, USERS)]);
        for len in 0..whole.len() {
            assert!(parse(&whole[..len]).is_none(), "{len}");
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] = 0xFF;
            let _ = parse(&bytes);
        }
    }
}
