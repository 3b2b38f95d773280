//! Versions as dpkg compares them (deb-version(7)), and lists of relations without what others in them imply.

use std::cmp::Ordering;

/// Compares two versions of Debian's.
pub fn compare(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| {
        let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        (epoch.parse::<u64>().unwrap_or(0), upstream.to_owned(), revision.to_owned())
    };
    let (a, b) = (parts(a), parts(b));
    a.0.cmp(&b.0).then_with(|| by_pieces(&a.1, &b.1)).then_with(|| by_pieces(&a.2, &b.2))
}

fn by_pieces(a: &str, b: &str) -> Ordering {
    // A tilde comes before the end, letters before other characters.
    let weight = |byte: Option<&u8>| match byte {
        None => 0,
        Some(b'~') => -1,
        Some(byte) if byte.is_ascii_digit() => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    };
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        while a.first().is_some_and(|byte| !byte.is_ascii_digit()) || b.first().is_some_and(|byte| !byte.is_ascii_digit()) {
            match weight(a.first()).cmp(&weight(b.first())) {
                Ordering::Equal => (a, b) = (rest(a), rest(b)),
                other => return other,
            }
        }
        let (left, right) = (number(&mut a), number(&mut b));
        match left.len().cmp(&right.len()).then_with(|| left.cmp(right)) {
            Ordering::Equal => {}
            other => return other,
        }
    }
    Ordering::Equal
}

fn rest(bytes: &[u8]) -> &[u8] {
    bytes.get(1..).unwrap_or_default()
}

/// The digits that bytes begin with, without zeros before them.
fn number<'b>(bytes: &mut &'b [u8]) -> &'b [u8] {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
    let (digits, after) = bytes.split_at(end);
    *bytes = after;
    &digits[digits.iter().position(|&byte| byte != b'0').unwrap_or(digits.len())..]
}

/// One list behind another: of relations to the same packages that differ in their smallest versions alone, one stays, with the larger.
pub fn merged(first: Vec<String>, more: Vec<String>) -> Vec<String> {
    let mut all: Vec<(Option<Vec<Since>>, String)> = Vec::new();
    for text in first.into_iter().chain(more.into_iter().flat_map(|text| split(&text))) {
        let parsed = parse(&text);
        let same = |(other, known): &&mut (Option<Vec<Since>>, String)| match (other, &parsed) {
            (Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.name == b.name),
            _ => *known == text,
        };
        match (all.iter_mut().find(same), &parsed) {
            (Some((Some(known), line)), Some(parsed)) => {
                let before = known.clone();
                known.iter_mut().zip(parsed).for_each(|(known, new)| known.raise(new));
                if *known != before {
                    *line = known.iter().map(Since::text).collect::<Vec<_>>().join(" | ");
                }
            }
            (Some(_), _) => {}
            (None, _) => all.push((parsed, text)),
        }
    }
    let firm: Vec<Since> = all.iter().filter(|(_, text)| !text.contains('|')).filter_map(|(_, text)| firm(text)).collect();
    let implied = |one: &Option<Vec<Since>>| one.iter().flatten().any(|wanted| firm.iter().any(|has| has.implies(wanted)));
    all.retain(|(parsed, text)| match text.contains('|') {
        true => !implied(parsed),
        false => !firm.iter().any(|has| has.is_more_than(text)),
    });
    all.into_iter().map(|(_, text)| text).collect()
}

/// A relation without alternatives that asks for a version or a later one.
fn firm(text: &str) -> Option<Since> {
    match text.split_once("(=") {
        Some((name, version)) => {
            Some(Since { name: name.trim().to_owned(), version: Some(version.trim().strip_suffix(')')?.to_owned()) })
        }
        None => parse(text)?.pop(),
    }
}

fn split(text: &str) -> Vec<String> {
    text.split(',').map(|one| one.trim().to_owned()).collect()
}

/// A package, and the oldest version that will do.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Since {
    name: String,
    version: Option<String>,
}

impl Since {
    fn raise(&mut self, other: &Since) {
        let newer = match (&self.version, &other.version) {
            (Some(known), Some(new)) => compare(new, known) == Ordering::Greater,
            (None, new) => new.is_some(),
            (_, None) => false,
        };
        if newer {
            self.version.clone_from(&other.version);
        }
    }

    /// Whether what fits this fits the other, too.
    fn implies(&self, other: &Since) -> bool {
        let as_new = |version: &String| self.version.as_ref().is_some_and(|own| compare(own, version) != Ordering::Less);
        self.name == other.name && other.version.as_ref().is_none_or(as_new)
    }

    /// Whether a relation to this package alone asks for less.
    fn is_more_than(&self, text: &str) -> bool {
        let other = parse(text).filter(|all| all.len() == 1).and_then(|mut all| all.pop());
        other.is_some_and(|other| other != *self && self.implies(&other))
    }

    fn text(&self) -> String {
        match &self.version {
            Some(version) => format!("{} (>= {version})", self.name),
            None => self.name.clone(),
        }
    }
}

/// The alternatives of a relation; `None` where one compares otherwise than by `>=`.
fn parse(text: &str) -> Option<Vec<Since>> {
    let one = |text: &str| {
        let text = text.trim();
        let Some((name, version)) = text.split_once('(') else {
            return (!text.contains([',', ' '])).then(|| Since { name: text.to_owned(), version: None });
        };
        let version = version.strip_prefix(">=")?.trim().strip_suffix(')')?.trim().to_owned();
        Some(Since { name: name.trim().to_owned(), version: Some(version) })
    };
    text.split('|').map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_dpkg_compares_them() {
        for (a, sign, b) in [
            ("1.0", "lt", "1.1"),
            ("1.9", "lt", "1.10"),
            ("1.0~rc1", "lt", "1.0"),
            ("1.0", "lt", "1.0a"),
            ("1.0a", "lt", "1.0+b"),
            ("9", "lt", "1:1"),
            ("1.0-1", "lt", "1.0-2"),
            ("1.0-1", "gt", "1.0"),
            ("1.007", "eq", "1.7"),
            ("2.36-9+deb12u4", "gt", "2.36"),
            ("1:1.2.13.dfsg", "gt", "1:1.2.3.4"),
        ] {
            let ours = match compare(a, b) {
                Ordering::Less => "lt",
                Ordering::Equal => "eq",
                Ordering::Greater => "gt",
            };
            assert_eq!(ours, sign, "{a} {b}");
            let dpkg = std::process::Command::new("dpkg").args(["--compare-versions", a, sign, b]).status().unwrap();
            assert!(dpkg.success(), "dpkg: {a} {sign} {b}");
        }
    }

    #[test]
    fn of_relations_to_one_package_the_strictest_stays() {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let first = list(&["libc6 (>= 2.28)", "adduser | passwd"]);
        let more = list(&[
            "libc6 (>= 2.34)",
            "adduser | passwd",
            "a1 (>= 2) | b1 (>= 2), zlib1g",
            "a1 | b1 (>= 3)",
            "c1 (<< 3)",
            "c1 (<< 3)",
        ]);
        let all = ["libc6 (>= 2.34)", "adduser | passwd", "a1 (>= 2) | b1 (>= 3)", "zlib1g", "c1 (<< 3)"];
        assert_eq!(merged(first, more), all);
        let first = list(&["libssl3 (>= 3.0.0)", "libsnmp40 (= 5.9-2)", "zlib1g"]);
        let more = list(&[
            "libssl3 | libssl3t64",
            "libssl3 (>= 3.0.5) | libssl3t64 (>= 3.0.5)",
            "libsnmp40 | libsnmp40t64",
            "libsnmp40 (>= 5.8)",
        ]);
        let all = ["libssl3 (>= 3.0.0)", "libsnmp40 (= 5.9-2)", "zlib1g", "libssl3 (>= 3.0.5) | libssl3t64 (>= 3.0.5)"];
        assert_eq!(merged(first, more), all);
    }
}
