//! Lists of relations without what others in them imply.

use crate::deb_version::compare;
use std::cmp::Ordering;

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
