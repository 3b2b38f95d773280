//! Advisories in OSV form (https://ossf.github.io/osv-schema/), as far as matching needs them.

use super::purl::Purl;
use super::version::Rules;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// An advisory.
#[derive(Debug, Deserialize)]
pub struct Advisory {
    /// Its name.
    pub id: String,
    /// Other names of the same.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// One line about it.
    #[serde(default)]
    pub summary: String,
    /// When it was taken back.
    #[serde(default)]
    pub withdrawn: Option<String>,
    #[serde(default)]
    upstream: Vec<String>,
    #[serde(default)]
    related: Vec<String>,
    #[serde(default)]
    severity: Vec<Severity>,
    #[serde(default)]
    database_specific: Value,
    #[serde(default)]
    affected: Vec<Affected>,
}

#[derive(Debug, Deserialize)]
struct Severity {
    #[serde(default)]
    score: String,
}

#[derive(Debug, Deserialize)]
struct Affected {
    #[serde(default)]
    package: Package,
    #[serde(default)]
    ranges: Vec<Range>,
    #[serde(default)]
    versions: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Package {
    #[serde(default)]
    ecosystem: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    purl: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Range {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

/// What an advisory says of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The releases of the distribution that it is about, such as `Debian:12`.
    pub releases: BTreeSet<String>,
    /// The versions in which it is mended.
    pub fixed: BTreeSet<String>,
}

impl Advisory {
    /// How bad it is, in the advisory's own words.
    pub fn severity(&self) -> Option<String> {
        let word = self.database_specific["severity"].as_str().map(str::to_owned);
        word.or_else(|| self.severity.first().map(|severity| severity.score.clone())).filter(|text| !text.is_empty())
    }

    /// The vulnerabilities that a distribution's advisory is about: it may mend several, and statements name each of them.
    pub fn about(&self) -> Vec<&String> {
        match self.upstream.is_empty() && self.aliases.is_empty() {
            true => self.related.iter().filter(|id| id.starts_with("CVE-")).collect(),
            false => self.upstream.iter().collect(),
        }
    }

    /// Whether the component's version is affected, by whichever of its names ([`Purl::known_as`]); of all releases that it may be of.
    pub fn affects(&self, names: &[Purl]) -> Option<Match> {
        // Some converters write the first day of all for "never".
        if self.withdrawn.as_deref().is_some_and(|time| !time.starts_with("0001-")) {
            return None;
        }
        let found = names.iter().flat_map(|purl| self.affected.iter().filter_map(|affected| affected.matches(purl)));
        found.reduce(|mut all, one| {
            all.releases.extend(one.releases);
            all.fixed.extend(one.fixed);
            all
        })
    }
}

impl Affected {
    fn matches(&self, purl: &Purl) -> Option<Match> {
        let (base, release) = self.package.ecosystem.split_once(':').unwrap_or((&self.package.ecosystem, ""));
        let by_name = purl.in_osv().is_some_and(|(ecosystem, name)| ecosystem == base && self.is_named(base, &name));
        let by_purl = self.package.purl.as_deref().and_then(Purl::read).is_some_and(|own| own.is_package(purl));
        if !by_name && !by_purl || !of_release(purl, release) {
            return None;
        }
        let version = purl.full_version();
        let listed = self.versions.contains(&version);
        let mut fixed = BTreeSet::new();
        let mut in_range = false;
        for range in &self.ranges {
            let rules = match range.kind.as_str() {
                "SEMVER" => Some(Rules::Semver),
                "GIT" => None,
                _ => Rules::of(base),
            };
            if let Some(rules) = rules.filter(|rules| range.holds(*rules, &version)) {
                in_range = true;
                let later = |one: &&String| rules.compare(one, &version).is_some_and(std::cmp::Ordering::is_gt);
                fixed.extend(range.events.iter().filter_map(|event| event.fixed.as_ref()).filter(later).cloned());
            }
        }
        let release = (!release.is_empty()).then(|| self.package.ecosystem.clone());
        (listed || in_range).then(|| Match { releases: release.into_iter().collect(), fixed })
    }

    fn is_named(&self, ecosystem: &str, name: &str) -> bool {
        match ecosystem {
            "PyPI" => self.package.name.to_ascii_lowercase().replace(['_', '.'], "-") == name,
            "NuGet" => self.package.name.eq_ignore_ascii_case(name),
            _ => self.package.name == name,
        }
    }
}

/// Whether a component may be of this release: it shows no other one.
fn of_release(purl: &Purl, release: &str) -> bool {
    if release.is_empty() {
        return true;
    }
    let Some(own) = purl.release() else { return true };
    // `22.04:LTS`, `enterprise_linux:9::baseos`, `v3.18`: one of the parts has to be the release, or a part of it such as 9.2.
    let below = |longer: &str, shorter: &str| longer.strip_prefix(shorter).is_some_and(|rest| rest.starts_with('.'));
    let same = |part: &str| {
        let part = part.trim_start_matches('v');
        part == own || below(part, &own) || (!part.is_empty() && below(&own, part))
    };
    // Names without a number (`Rolling`, products) may be anything.
    !release.contains(|c: char| c.is_ascii_digit()) || release.split([':', ' ']).any(same)
}

impl Range {
    /// Whether a version is in it (the specification's evaluation).
    fn holds(&self, rules: Rules, version: &str) -> bool {
        let reached = |from: &str| from == "0" || rules.compare(version, from).is_some_and(std::cmp::Ordering::is_ge);
        let mut events: Vec<(&str, u8)> = Vec::new();
        for event in &self.events {
            events.extend(event.introduced.as_deref().map(|at| (at, 0)));
            events.extend(event.fixed.as_deref().map(|at| (at, 1)));
            events.extend(event.last_affected.as_deref().map(|at| (at, 2)));
        }
        events.sort_by(|a, b| match (a.0, b.0) {
            ("0", "0") => std::cmp::Ordering::Equal,
            ("0", _) => std::cmp::Ordering::Less,
            (_, "0") => std::cmp::Ordering::Greater,
            (a, b) => rules.compare(a, b).unwrap_or(std::cmp::Ordering::Equal),
        });
        let mut affected = false;
        for (at, kind) in events {
            match kind {
                0 if reached(at) => affected = true,
                1 if reached(at) => affected = false,
                2 if rules.compare(version, at).is_some_and(std::cmp::Ordering::is_gt) => affected = false,
                _ => {}
            }
        }
        affected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advisory(package: &str, rest: &str) -> Advisory {
        let json = format!(r#"{{"id": "X-1", "affected": [{{"package": {package}, {rest}}}]}}"#);
        serde_json::from_str(&json).unwrap()
    }

    fn affects(advisory: &Advisory, purl: &str) -> bool {
        advisory.affects(&Purl::read(purl).unwrap().known_as()).is_some()
    }

    #[test]
    fn versions_between_introduced_and_fixed_are_affected() {
        let events = r#""ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.0.11-1~deb12u2"}]}]"#;
        let one = advisory(r#"{"ecosystem": "Debian:12", "name": "openssl"}"#, events);
        assert!(affects(&one, "pkg:deb/debian/openssl@3.0.11-1~deb12u1"));
        assert!(affects(&one, "pkg:deb/debian/libssl3@3.0.11-1~deb12u1?upstream=openssl&distro=debian-12"));
        assert!(!affects(&one, "pkg:deb/debian/libssl3@3.0.11-1~deb12u1?upstream=openssl&distro=trixie"));
        assert!(!affects(&one, "pkg:deb/debian/openssl@3.0.11-1~deb12u2"));
        assert!(!affects(&one, "pkg:deb/ubuntu/openssl@3.0.1"));
        assert!(!affects(&one, "pkg:deb/openssl@3.0.1"));
        let matched = one.affects(&Purl::read("pkg:deb/debian/openssl@1.0").unwrap().known_as()).unwrap();
        assert_eq!((matched.releases.first().unwrap().as_str(), matched.fixed.len()), ("Debian:12", 1));
    }

    #[test]
    fn an_advisory_that_was_taken_back_affects_nothing_and_related_vulnerabilities_are_told() {
        let text = |withdrawn: &str| {
            format!(
                r#"{{"id": "ALSA-1", "withdrawn": "{withdrawn}", "related": ["CVE-1", "ALBA-2", "CVE-3"],
                "affected": [{{"package": {{"ecosystem": "AlmaLinux:9", "name": "x"}}, "versions": ["1-1.el9"]}}]}}"#
            )
        };
        let read = |withdrawn: &str| serde_json::from_str::<Advisory>(&text(withdrawn)).unwrap();
        assert!(!affects(&read("2026-01-02T03:04:05Z"), "pkg:rpm/almalinux/x@1-1.el9"));
        assert!(affects(&read("0001-01-01T00:00:00Z"), "pkg:rpm/almalinux/x@1-1.el9"));
        assert_eq!(read("").about(), ["CVE-1", "CVE-3"]);
    }

    #[test]
    fn releases_are_kept_apart_and_a_source_is_matched_by_its_own_version() {
        let range = |fixed: &str| {
            format!(r#""ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}, {{"fixed": "{fixed}"}}]}}]"#)
        };
        let debian = |release: &str, fixed: &str| {
            format!(r#"{{"package": {{"ecosystem": "Debian:{release}", "name": "x"}}, {}}}"#, range(fixed))
        };
        let json = format!(r#"{{"id": "X", "affected": [{}, {}]}}"#, debian("12", "1.2-1+deb12u2"), debian("13", "1.9-1"));
        let one: Advisory = serde_json::from_str(&json).unwrap();
        assert!(affects(&one, "pkg:deb/debian/libx1@1.2-1%2Bdeb12u1?upstream=x"));
        // Its version says that it is of Debian 12, where this is mended.
        assert!(!affects(&one, "pkg:deb/debian/libx1@1.2-1%2Bdeb12u2?upstream=x"));
        let of_any = one.affects(&Purl::read("pkg:deb/debian/libx1@1.2-1?upstream=x").unwrap().known_as()).unwrap();
        assert_eq!((of_any.releases.len(), of_any.fixed.len()), (2, 2));
        // A rebuild's +b7 is not the source's version.
        let one = advisory(r#"{"ecosystem": "Debian:12", "name": "y"}"#, &range("5-2"));
        assert!(!affects(&one, "pkg:deb/debian/y@5-2~%2Bb7?upstream=y%405-2"));
        let rpm = advisory(r#"{"ecosystem": "Rocky Linux:9", "name": "util-linux"}"#, &range("0:2.37-22.el9"));
        assert!(affects(&rpm, "pkg:rpm/rocky-linux/libuuid@2.37-21.el9?upstream=util-linux-2.37-21.el9.src.rpm"));
        assert!(!affects(&rpm, "pkg:rpm/rocky-linux/libuuid@2.37-22.el9?upstream=util-linux-2.37-22.el9.src.rpm"));
        assert!(!affects(&rpm, "pkg:rpm/rocky-linux/libuuid@2.37-21.el8?upstream=util-linux-2.37-21.el8.src.rpm"));
    }

    #[test]
    fn ranges_that_open_again_and_lists_of_versions_count() {
        let events = r#""versions": ["9.9.9"], "ranges": [{"type": "SEMVER", "events": [
            {"introduced": "2.0.0"}, {"last_affected": "2.1.0"}, {"introduced": "1.0.0"}, {"fixed": "1.2.0"}]}]"#;
        let one = advisory(r#"{"ecosystem": "npm", "name": "@a/b"}"#, events);
        for (version, expected) in
            [("0.9.0", false), ("1.0.0", true), ("1.2.0", false), ("2.1.0", true), ("2.1.1", false), ("9.9.9", true)]
        {
            assert_eq!(affects(&one, &format!("pkg:npm/%40a/b@{version}")), expected, "{version}");
        }
        let unknown = advisory(r#"{"ecosystem": "Maven", "name": "g:a"}"#, r#""versions": ["1.0"]"#);
        assert!(affects(&unknown, "pkg:maven/g/a@1.0") && !affects(&unknown, "pkg:maven/g/a@1.1"));
    }
}
