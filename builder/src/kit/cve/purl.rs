//! Package URLs, as bills and advisories hold them.

use std::collections::BTreeMap;

/// A package URL that was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Purl {
    /// deb, rpm, npm ...
    pub kind: String,
    /// The distribution, organisation or group; empty where there is none.
    pub namespace: String,
    /// The package.
    pub name: String,
    /// Its version; empty where all are meant.
    pub version: String,
    /// What follows `?`.
    pub qualifiers: BTreeMap<String, String>,
}

impl Purl {
    /// Reads `pkg:type/namespace/name@version?qualifiers#subpath`.
    pub fn read(text: &str) -> Option<Purl> {
        let rest = text.trim().strip_prefix("pkg:")?.trim_start_matches('/');
        let rest = rest.split('#').next()?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (kind, rest) = rest.split_once('/')?;
        let slash = rest.rfind('/').map_or(0, |at| at + 1);
        // An npm scope may begin with an @ that is not encoded.
        let (path, version) = match rest[slash..].split_once('@') {
            Some((name, version)) if !name.is_empty() => (&rest[..slash + name.len()], version),
            _ => (rest, ""),
        };
        let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut qualifiers = BTreeMap::new();
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            qualifiers.insert(key.to_ascii_lowercase(), decoded(value));
        }
        let kind = kind.to_ascii_lowercase();
        let mut name = decoded(name);
        if kind == "pypi" {
            name = name.to_ascii_lowercase().replace(['_', '.'], "-");
        }
        let purl = Purl { kind, namespace: decoded(namespace), name, version: decoded(version), qualifiers };
        (!purl.name.is_empty()).then_some(purl)
    }

    /// Whether both are of one package, in whatever versions.
    pub fn is_package(&self, other: &Purl) -> bool {
        (&self.kind, &self.namespace, &self.name) == (&other.kind, &other.namespace, &other.name)
    }

    /// Whether this one, of a statement, means that one, of a bill: the package, or the source that it was built of.
    pub fn means(&self, of_bill: &Purl) -> bool {
        let same = |one: &Purl| self.is_package(one) && (self.version.is_empty() || self.version == one.version);
        same(of_bill) || of_bill.built_of().is_some_and(|source| same(&source))
    }

    /// The source package that it was built of, where it says so with `upstream`: of a DEB `NAME` or `NAME@VERSION`, of an RPM the file.
    pub fn built_of(&self) -> Option<Purl> {
        let upstream = self.qualifiers.get("upstream").or(self.qualifiers.get("source"))?;
        let (name, version) = match self.kind.as_str() {
            "rpm" => {
                let stem = upstream.strip_suffix(".src.rpm").or(upstream.strip_suffix(".nosrc.rpm"));
                match stem.map(|stem| stem.rsplitn(3, '-').collect::<Vec<_>>()).as_deref() {
                    Some([release, version, name]) => ((*name).to_owned(), format!("{version}-{release}")),
                    _ => (upstream.clone(), self.version.clone()),
                }
            }
            _ => match upstream.split_once('@') {
                Some((name, version)) => (name.to_owned(), version.to_owned()),
                None => (upstream.clone(), self.version.clone()),
            },
        };
        Some(Purl { name, version, ..self.clone() })
    }

    /// What advisories may call it. Debian's, Ubuntu's and Alpine's name source packages; of RPM distributions some do, and others do not.
    pub fn known_as(&self) -> Vec<Purl> {
        match (self.built_of(), self.kind.as_str()) {
            (Some(source), "rpm") if source.name != self.name => vec![self.clone(), source],
            (Some(source), "deb" | "apk") => vec![source],
            _ => vec![self.clone()],
        }
    }

    /// The release of the distribution that it is of: by its qualifier, or by what distributions add to versions for it.
    pub fn release(&self) -> Option<String> {
        const CODENAMES: [(&str, &str); 5] =
            [("buster", "10"), ("bullseye", "11"), ("bookworm", "12"), ("trixie", "13"), ("forky", "14")];
        if let Some(distro) = self.qualifiers.get("distro") {
            let own = distro.rsplit('-').next().unwrap_or(distro);
            return Some(CODENAMES.iter().find(|(name, _)| *name == own).map_or(own, |(_, number)| number).to_owned());
        }
        let marks: &[&str] = match (self.kind.as_str(), self.namespace.as_str()) {
            ("deb", "debian") => &["+deb", "~deb", "~bpo"],
            ("rpm", _) => &[".el", ".fc"],
            _ => return None,
        };
        let digits = |mark: &&str| {
            let (_, rest) = self.version.rsplit_once(*mark)?;
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            (end > 0).then(|| rest[..end].to_owned())
        };
        marks.iter().find_map(digits)
    }

    /// The ecosystem's name and the package's in it, as OSV has them.
    pub fn in_osv(&self) -> Option<(&'static str, String)> {
        let plain = self.name.clone();
        let joined = |by: &str| match self.namespace.is_empty() {
            true => self.name.clone(),
            false => format!("{}{by}{}", self.namespace, self.name),
        };
        Some(match (self.kind.as_str(), self.namespace.as_str()) {
            ("deb", "debian") => ("Debian", plain),
            ("deb", "ubuntu") => ("Ubuntu", plain),
            ("rpm", "almalinux") => ("AlmaLinux", plain),
            ("rpm", "fedora") => ("Fedora", plain),
            ("rpm", "redhat") => ("Red Hat", plain),
            ("rpm", "rocky-linux") => ("Rocky Linux", plain),
            ("rpm", "suse") => ("SUSE", plain),
            ("rpm", "opensuse") => ("openSUSE", plain),
            ("apk", "alpine") => ("Alpine", plain),
            ("cargo", _) => ("crates.io", plain),
            ("composer", _) => ("Packagist", joined("/")),
            ("gem", _) => ("RubyGems", plain),
            ("golang", _) => ("Go", joined("/")),
            ("hex", _) => ("Hex", plain),
            ("maven", _) => ("Maven", joined(":")),
            ("npm", _) => ("npm", joined("/")),
            ("nuget", _) => ("NuGet", plain),
            ("pub", _) => ("Pub", plain),
            ("pypi", _) => ("PyPI", plain),
            _ => return None,
        })
    }

    /// The version with an epoch that stands beside it.
    pub fn full_version(&self) -> String {
        match self.qualifiers.get("epoch").filter(|epoch| *epoch != "0" && !self.version.contains(':')) {
            Some(epoch) => format!("{epoch}:{}", self.version),
            None => self.version.clone(),
        }
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let digits = (first == b'%').then(|| behind.get(..2)).flatten().and_then(|two| std::str::from_utf8(two).ok());
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_and_the_release_are_known_from_what_it_says() {
        let source = |text: &str| Purl::read(text).unwrap().built_of().map(|source| (source.name.clone(), source.full_version()));
        let of = |name: &str, version: &str| Some((name.to_owned(), version.to_owned()));
        assert_eq!(source("pkg:deb/debian/bash@5.2-2%2Bb7?upstream=bash%405.2-2"), of("bash", "5.2-2"));
        assert_eq!(
            source("pkg:rpm/redhat/libuuid@2.32.1-42.el8?epoch=1&upstream=util-linux-2.32.1-42.el8.src.rpm"),
            of("util-linux", "1:2.32.1-42.el8")
        );
        assert_eq!(source("pkg:rpm/suse/x@1-2?upstream=y"), of("y", "1-2"));
        assert_eq!(source("pkg:npm/x@1"), None);
        let names: Vec<String> = Purl::read("pkg:rpm/suse/libx1@1-2?upstream=x-1-2.src.rpm")
            .unwrap()
            .known_as()
            .into_iter()
            .map(|one| one.name)
            .collect();
        assert_eq!(names, ["libx1", "x"]);
        for (text, release) in [
            ("pkg:deb/debian/a@1.0-1%2Bdeb12u3", Some("12")),
            ("pkg:deb/debian/a@1.0-1~bpo11%2B1", Some("11")),
            ("pkg:deb/debian/a@1.0-1%2Bdeb12u3?distro=trixie", Some("13")),
            ("pkg:rpm/redhat/a@1.0-1.el9_4", Some("9")),
            ("pkg:deb/debian/a@1.0-1", None),
            ("pkg:npm/a@1.0-1.el9", None),
        ] {
            assert_eq!(Purl::read(text).unwrap().release().as_deref(), release, "{text}");
        }
    }

    #[test]
    fn package_urls_are_read_with_all_their_parts() {
        let purl = Purl::read("pkg:rpm/redhat/openssl-libs@3.0.7-1.el9?arch=x86_64&epoch=1").unwrap();
        assert_eq!((purl.in_osv().unwrap().0, purl.full_version().as_str()), ("Red Hat", "1:3.0.7-1.el9"));
        let purl = Purl::read("pkg:npm/%40scope/name@1.0.0").unwrap();
        assert_eq!(purl.in_osv(), Some(("npm", "@scope/name".to_owned())));
        assert_eq!(Purl::read("pkg:npm/@scope/name").unwrap().version, "");
        assert_eq!(Purl::read("pkg:pypi/Foo_Bar@1%2Blocal").unwrap().in_osv(), Some(("PyPI", "foo-bar".to_owned())));
        let debian = Purl::read("pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&upstream=openssl").unwrap();
        assert_eq!(debian.known_as()[0].in_osv(), Some(("Debian", "openssl".to_owned())));
        assert!(Purl::read("pkg:deb/debian/libssl3").unwrap().means(&debian));
        assert!(!Purl::read("pkg:deb/ubuntu/libssl3").unwrap().means(&debian));
        assert!(Purl::read("pkg:deb/debian/openssl@3.0.11-1?arch=source").unwrap().means(&debian));
        for wrong in ["", "pkg:", "pkg:deb", "pkg:deb/", "npm/x"] {
            assert_eq!(Purl::read(wrong), None, "{wrong}");
        }
    }
}
