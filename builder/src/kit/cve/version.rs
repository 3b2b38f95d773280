//! Which of two versions is the newer one, by the rules of where they are used.

use crate::deb_version::{self, epoch, number};
use std::cmp::Ordering;

/// The rules of an ecosystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// Debian policy 5.6.12.
    Debian,
    /// rpm-version(7).
    Rpm,
    /// Semantic Versioning 2.0.0.
    Semver,
    /// Python's version specifiers (PEP 440).
    Python,
}

impl Rules {
    /// The rules of an ecosystem as OSV names it, without its release; `None` where they are not known here.
    pub fn of(ecosystem: &str) -> Option<Rules> {
        match ecosystem {
            "Debian" | "Ubuntu" => Some(Rules::Debian),
            "AlmaLinux" | "Fedora" | "Mageia" | "Red Hat" | "Rocky Linux" | "SUSE" | "openEuler" | "openSUSE" => Some(Rules::Rpm),
            "crates.io" | "Go" | "Hex" | "npm" | "Pub" | "SwiftURL" => Some(Rules::Semver),
            "PyPI" => Some(Rules::Python),
            _ => None,
        }
    }

    /// Compares; `None` where one is no version by these rules.
    pub fn compare(self, a: &str, b: &str) -> Option<Ordering> {
        match self {
            Rules::Debian => Some(deb_version::compare(a, b)),
            Rules::Rpm => Some(rpm(a, b)),
            Rules::Semver => Some(Semver::read(a)?.cmp(&Semver::read(b)?)),
            Rules::Python => Some(python(a)?.cmp(&python(b)?)),
        }
    }
}

fn rpm(a: &str, b: &str) -> Ordering {
    let ((epoch_a, a), (epoch_b, b)) = (epoch(a), epoch(b));
    let split = |version: &str| match version.rsplit_once('-') {
        Some((version, release)) => (version.to_owned(), Some(release.to_owned())),
        None => (version.to_owned(), None),
    };
    let ((version_a, release_a), (version_b, release_b)) = (split(a), split(b));
    // A release that one of them does not have is not asked for.
    let releases = || match (&release_a, &release_b) {
        (Some(a), Some(b)) => rpm_part(a, b),
        _ => Ordering::Equal,
    };
    epoch_a.cmp(&epoch_b).then_with(|| rpm_part(&version_a, &version_b)).then_with(releases)
}

fn rpm_part(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    let matters = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'~' | b'^');
    loop {
        a = &a[a.iter().position(matters).unwrap_or(a.len())..];
        b = &b[b.iter().position(matters).unwrap_or(b.len())..];
        match (a.first(), b.first()) {
            (None, None) => return Ordering::Equal,
            (Some(b'~'), Some(b'~')) | (Some(b'^'), Some(b'^')) => (a, b) = (&a[1..], &b[1..]),
            (Some(b'~'), _) => return Ordering::Less,
            (_, Some(b'~')) => return Ordering::Greater,
            // Behind the same beginning a caret is newer than the end, and older than all else.
            (Some(b'^'), other) => return if other.is_none() { Ordering::Greater } else { Ordering::Less },
            (other, Some(b'^')) => return if other.is_none() { Ordering::Less } else { Ordering::Greater },
            (Some(_), None) => return Ordering::Greater,
            (None, Some(_)) => return Ordering::Less,
            (Some(first), Some(second)) => {
                let (numeric, other) = (first.is_ascii_digit(), second.is_ascii_digit());
                // A number is newer than letters.
                if numeric != other {
                    return if numeric { Ordering::Greater } else { Ordering::Less };
                }
                let order = match numeric {
                    true => number(&mut a).cmp(&number(&mut b)),
                    false => letters(&mut a).cmp(letters(&mut b)),
                };
                if order != Ordering::Equal {
                    return order;
                }
            }
        }
    }
}

fn letters<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let end = bytes.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(bytes.len());
    let (letters, rest) = bytes.split_at(end);
    *bytes = rest;
    letters
}

/// A semantic version; build metadata does not count. Go's `v`, and versions of fewer numbers, are taken, too.
#[derive(Debug, PartialEq, Eq)]
struct Semver {
    numbers: [u64; 3],
    before: Vec<Identifier>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Text(String),
}

impl Semver {
    fn read(text: &str) -> Option<Semver> {
        let text = text.trim().trim_start_matches('v').split('+').next()?;
        let (core, before) = text.split_once('-').unwrap_or((text, ""));
        let mut numbers = [0; 3];
        for (index, part) in core.split('.').enumerate() {
            *numbers.get_mut(index)? = part.parse().ok()?;
        }
        let identifier = |part: &str| part.parse().map(Identifier::Number).unwrap_or(Identifier::Text(part.to_owned()));
        let before = before.split('.').filter(|part| !part.is_empty()).map(identifier).collect();
        Some(Semver { numbers, before })
    }
}

impl Ord for Semver {
    fn cmp(&self, other: &Self) -> Ordering {
        // A version is newer than what was released before it.
        let whole = self.before.is_empty().cmp(&other.before.is_empty());
        self.numbers.cmp(&other.numbers).then(whole).then_with(|| self.before.cmp(&other.before))
    }
}

impl PartialOrd for Semver {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What Python versions are compared by: epoch, release without zeros at its end, and what comes before and after it.
type Python = (u64, Vec<u64>, (i8, u64), (bool, u64), (bool, u64), Vec<Identifier>);

fn python(text: &str) -> Option<Python> {
    let text = text.trim().to_ascii_lowercase();
    let (public, local) = text.split_once('+').unwrap_or((&text, ""));
    let public = public.trim_start_matches('v');
    let (epoch, public) = match public.split_once('!') {
        Some((epoch, rest)) => (epoch.parse().ok()?, rest),
        None => (0, public),
    };
    let end = public.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(public.len());
    let (numbers, mut rest) = public.split_at(end);
    let mut release = Vec::new();
    for part in numbers.trim_end_matches('.').split('.') {
        release.push(part.parse().ok()?);
    }
    while release.len() > 1 && release.last() == Some(&0) {
        release.pop();
    }
    let (mut pre, mut post, mut dev) = (None, None, None);
    loop {
        rest = rest.trim_start_matches(['.', '-', '_']);
        if rest.is_empty() {
            break;
        }
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        let behind = behind.trim_start_matches(['.', '-', '_']);
        let end = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
        let number = if end == 0 { 0 } else { behind[..end].parse().ok()? };
        match word {
            "a" | "alpha" => pre = Some((0, number)),
            "b" | "beta" => pre = Some((1, number)),
            "rc" | "c" | "pre" | "preview" => pre = Some((2, number)),
            "" | "post" | "rev" | "r" => post = Some(number),
            "dev" => dev = Some(number),
            _ => return None,
        }
        if word.is_empty() && end == 0 {
            return None;
        }
        rest = &behind[end..];
    }
    // Without a mark of its own, a development version sorts before all pre-releases, and a release behind them.
    let pre = pre.unwrap_or(if dev.is_some() && post.is_none() { (-1, 0) } else { (3, 0) });
    let local = local.split(['.', '-', '_']).filter(|part| !part.is_empty());
    let local = local.map(|part| part.parse().map(Identifier::Number).unwrap_or(Identifier::Text(part.to_owned())));
    Some((epoch, release, pre, (post.is_some(), post.unwrap_or(0)), (dev.is_none(), dev.unwrap_or(0)), local.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rising(rules: Rules, versions: &str) {
        let versions: Vec<&str> = versions.split(' ').collect();
        for (index, a) in versions.iter().enumerate() {
            for (other, b) in versions.iter().enumerate() {
                assert_eq!(rules.compare(a, b), Some(index.cmp(&other)), "{rules:?} {a} {b}");
            }
        }
    }

    #[test]
    fn versions_rise_as_their_ecosystems_say() {
        rising(
            Rules::Debian,
            "0~~ 0~ 0 1.0~rc1-1 1.0-1~deb12u1 1.0-1 1.0-1+b1 1.0-1.1 1.0a 1.0.1-1 1.2 1.10 1.10+dfsg 1:0.1 2:0",
        );
        rising(Rules::Rpm, "1.0~rc1-1 1.0-1 1.0-1.el9 1.0-2 1.0^20240101-1 1.0.a-1 1.0.1-1 1.2-1 1.10-1 1:0.1-1");
        rising(
            Rules::Semver,
            "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 v1.0.1 1.2 1.10.0 2.0.0",
        );
        rising(Rules::Python, "1.0.dev1 1.0a1.dev1 1.0a1 1.0b2 1.0rc1 1.0 1.0+local.1 1.0.post1 1.1 1.10 1!0.1");
    }

    /// Versions of the bytes that matter, often alike.
    fn pairs() -> Vec<(String, String)> {
        let mut state = 7_u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut one = || -> String {
            let tail: String = (0..next(6)).map(|_| b"0019az~.+."[next(10) as usize] as char).collect();
            format!("1{tail}")
        };
        (0..300).map(|_| (one(), one())).collect()
    }

    #[test]
    fn dpkg_and_rpm_say_the_same() {
        let pairs = pairs();
        for (a, b) in pairs.iter().take(150) {
            let lower = std::process::Command::new("dpkg").args(["--compare-versions", a, "lt", b]).status().unwrap().success();
            assert_eq!(Rules::Debian.compare(a, b) == Some(Ordering::Less), lower, "{a} {b}");
        }
        let calls: String = pairs.iter().map(|(a, b)| format!("print(rpm.vercmp('{a}', '{b}'), ' ') ")).collect();
        let said = std::process::Command::new("rpm").args(["--eval", &format!("%{{lua: {calls}}}")]).output().unwrap().stdout;
        let said: Vec<i32> = String::from_utf8(said).unwrap().split_whitespace().map(|one| one.parse().unwrap()).collect();
        assert_eq!(said.len(), pairs.len());
        for ((a, b), said) in pairs.iter().zip(said) {
            assert_eq!(rpm_part(a, b) as i32, said, "{a} {b}");
        }
    }

    #[test]
    fn versions_that_are_the_same_are_so() {
        for (rules, a, b) in [
            (Rules::Debian, "0:1.0-0", "1.0"),
            (Rules::Debian, "1.00-1", "1.0-01"),
            (Rules::Rpm, "1.0", "1.0-5.el9"),
            (Rules::Rpm, "1_0-1", "1.0-1"),
            (Rules::Semver, "1.2.3+build", "v1.2.3"),
            (Rules::Python, "1.0.0", "1"),
            (Rules::Python, "1.0-RC.1", "1.0c1"),
        ] {
            assert_eq!(rules.compare(a, b), Some(Ordering::Equal), "{a} {b}");
        }
        for wrong in ["", "x", "1.x", "1.2.3.4.5-6_"] {
            assert_eq!(Rules::Semver.compare(wrong, "1.0.0"), None, "{wrong}");
        }
        assert_eq!(Rules::Python.compare("1.0what", "1.0"), None);
    }
}
