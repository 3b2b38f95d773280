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

    /// Whether this one, of a statement, means that one, of a bill.
    pub fn means(&self, of_bill: &Purl) -> bool {
        self.is_package(of_bill) && (self.version.is_empty() || self.version == of_bill.version)
    }

    /// The ecosystem's name and the package's in it, as OSV has them.
    pub fn in_osv(&self) -> Option<(&'static str, String)> {
        let plain = self.name.clone();
        let joined = |by: &str| match self.namespace.is_empty() {
            true => self.name.clone(),
            false => format!("{}{by}{}", self.namespace, self.name),
        };
        Some(match (self.kind.as_str(), self.namespace.as_str()) {
            ("deb", "debian") => ("Debian", self.source().to_owned()),
            ("deb", "ubuntu") => ("Ubuntu", self.source().to_owned()),
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

    /// Debian's advisories name source packages.
    fn source(&self) -> &str {
        let upstream = self.qualifiers.get("upstream").or(self.qualifiers.get("source"));
        upstream.and_then(|name| name.split('@').next()).unwrap_or(&self.name)
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
    fn package_urls_are_read_with_all_their_parts() {
        let purl = Purl::read("pkg:rpm/redhat/openssl-libs@3.0.7-1.el9?arch=x86_64&epoch=1").unwrap();
        assert_eq!((purl.in_osv().unwrap().0, purl.full_version().as_str()), ("Red Hat", "1:3.0.7-1.el9"));
        let purl = Purl::read("pkg:npm/%40scope/name@1.0.0").unwrap();
        assert_eq!(purl.in_osv(), Some(("npm", "@scope/name".to_owned())));
        assert_eq!(Purl::read("pkg:npm/@scope/name").unwrap().version, "");
        assert_eq!(Purl::read("pkg:pypi/Foo_Bar@1%2Blocal").unwrap().in_osv(), Some(("PyPI", "foo-bar".to_owned())));
        let debian = Purl::read("pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&upstream=openssl").unwrap();
        assert_eq!(debian.in_osv(), Some(("Debian", "openssl".to_owned())));
        assert!(Purl::read("pkg:deb/debian/libssl3").unwrap().means(&debian));
        assert!(!Purl::read("pkg:deb/ubuntu/libssl3").unwrap().means(&debian));
        for wrong in ["", "pkg:", "pkg:deb", "pkg:deb/", "npm/x"] {
            assert_eq!(Purl::read(wrong), None, "{wrong}");
        }
    }
}
