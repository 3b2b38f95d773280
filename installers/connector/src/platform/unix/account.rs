//! Accounts of this machine, from /etc/passwd and /etc/group. The C library's own search would load its plug-ins, which
//! a static program must not do; accounts of a directory service are not found.

use std::fs;
use std::io;

use super::sys;

/// An account that a container runs under.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub user: u32,
    pub group: u32,
    /// All its groups.
    groups: Vec<u32>,
}

impl Account {
    /// The error is one sentence.
    pub fn find(name: &str) -> Result<Account, String> {
        let read = |path: &str| fs::read(path).map_err(|error| format!("run-as: cannot read {path}: {error}"));
        let (users, groups) = (read("/etc/passwd")?, read("/etc/group")?);
        let found = Account::parse(name, &String::from_utf8_lossy(&users), &String::from_utf8_lossy(&groups));
        found.ok_or_else(|| format!("run-as: there is no account '{name}' in /etc/passwd; make it, or name another one"))
    }

    fn parse(name: &str, users: &str, groups: &str) -> Option<Account> {
        let fields = |line: &str| line.split(':').map(String::from).collect::<Vec<_>>();
        let entry = users.lines().map(fields).find(|fields| fields.len() >= 4 && fields[0] == name)?;
        let (user, group) = (entry[2].parse().ok()?, entry[3].parse().ok()?);
        let mut all = vec![group];
        for entry in groups.lines().map(fields).filter(|fields| fields.len() >= 4) {
            let member = entry[3].split(',').any(|member| member.trim() == name);
            all.extend(entry[2].parse::<u32>().ok().filter(|id| member && !all.contains(id)));
        }
        Some(Account { user, group, groups: all })
    }

    /// Whether the connector runs under this very account.
    pub fn is_own(&self) -> bool {
        self.user == sys::effective_user()
    }

    /// Turns the calling process into one of this account, for good. Safe between fork and exec.
    pub fn enter(&self) -> io::Result<()> {
        sys::become_user(self.user, self.group, &self.groups)
    }
}

/// Whether a container may run under this account; the reason if not.
pub fn may_run_as(name: &str) -> Result<(), String> {
    match Account::find(name)? {
        account if account.is_own() || sys::effective_user() == 0 => Ok(()),
        _ => Err(format!("run-as: only a connector that runs as root can start a container under the account '{name}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str =
        "root:x:0:0:root:/root:/bin/sh\n# comment\n+::::::\n_a:x:998:997::/nonexistent:/usr/sbin/nologin\nbad:x:y:1::/:\n";
    const GROUPS: &str = "root:x:0:\n_a:x:997:\nadm:x:4:syslog,_a\nvideo:x:44:b_a\ndouble:x:997:_a\nshort:x:9\n";

    #[test]
    fn an_account_has_its_numbers_and_all_its_groups() {
        let expected = Account { user: 998, group: 997, groups: vec![997, 4] };
        assert_eq!(Account::parse("_a", USERS, GROUPS), Some(expected));
        assert_eq!(Account::parse("bad", USERS, GROUPS), None);
        assert_eq!(Account::parse("+", USERS, GROUPS), None);
        assert_eq!(Account::parse("998", USERS, GROUPS), None);
    }
}
