//! Advisories in OSV form (https://ossf.github.io/osv-schema/), as far as matching needs them.

use super::purl::Purl;
use super::version::Rules;
use serde::Deserialize;
use serde_json::Value;

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
    /// The release of the distribution that it is about, such as `Debian:12`.
    pub release: Option<String>,
    /// The versions in which it is mended.
    pub fixed: Vec<String>,
}

impl Advisory {
    /// How bad it is, in the advisory's own words.
    pub fn severity(&self) -> Option<String> {
        let word = self.database_specific["severity"].as_str().map(str::to_owned);
        word.or_else(|| self.severity.first().map(|severity| severity.score.clone())).filter(|text| !text.is_empty())
    }

    /// Whether the component's version is affected.
    pub fn affects(&self, purl: &Purl) -> Option<Match> {
        if self.withdrawn.is_some() {
            return None;
        }
        self.affected.iter().find_map(|affected| affected.matches(purl))
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
        let mut fixed = Vec::new();
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
        (listed || in_range).then_some(Match { release, fixed })
    }

    fn is_named(&self, ecosystem: &str, name: &str) -> bool {
        match ecosystem {
            "PyPI" => self.package.name.to_ascii_lowercase().replace(['_', '.'], "-") == name,
            "NuGet" => self.package.name.eq_ignore_ascii_case(name),
            _ => self.package.name == name,
        }
    }
}

/// Whether a component may be of this release: it says another one, or none.
fn of_release(purl: &Purl, release: &str) -> bool {
    const CODENAMES: [(&str, &str); 5] =
        [("buster", "10"), ("bullseye", "11"), ("bookworm", "12"), ("trixie", "13"), ("forky", "14")];
    let Some(distro) = purl.qualifiers.get("distro").filter(|_| !release.is_empty()) else { return true };
    let own = distro.rsplit('-').next().unwrap_or(distro);
    let own = CODENAMES.iter().find(|(name, _)| *name == own).map_or(own, |(_, number)| number);
    // `22.04:LTS`, `9.2`: what stands before is enough.
    release == own || release.split(':').any(|part| part == own) || own.split('.').next() == Some(release)
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
        advisory.affects(&Purl::read(purl).unwrap()).is_some()
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
        let matched = one.affects(&Purl::read("pkg:deb/debian/openssl@1.0").unwrap()).unwrap();
        assert_eq!(matched, Match { release: Some("Debian:12".into()), fixed: vec!["3.0.11-1~deb12u2".into()] });
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
