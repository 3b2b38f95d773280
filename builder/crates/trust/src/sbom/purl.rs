//! Package URLs: what vulnerability scanners look a package up by. Syntax: https://github.com/package-url/purl-spec

use payload::{PackageFacts, PackageKind};

/// The URL of a DEB, RPM or MSI. Its namespace is the distribution, where the package shows which: another's advisories would mislead.
pub fn of_package(facts: &PackageFacts) -> String {
    let supplier = facts.supplier.as_deref().unwrap_or_default();
    let (kind, namespace) = match facts.kind {
        PackageKind::Deb => ("deb", debian(supplier, &facts.version)),
        // No type of package URLs is Windows Installer's.
        PackageKind::Msi => ("generic", None),
        PackageKind::Rpm => ("rpm", fedora(supplier, &facts.version)),
    };
    let mut purl = format!("pkg:{kind}/");
    if let Some(namespace) = namespace {
        purl += &format!("{namespace}/");
    }
    purl += &format!("{}@{}", encoded(&facts.name), encoded(&facts.version));
    let architecture = facts.architecture.as_ref().map(|name| format!("arch={}", encoded(name)));
    let epoch = facts.epoch.filter(|epoch| *epoch > 0).map(|epoch| format!("epoch={epoch}"));
    let upstream = facts.source.as_deref().and_then(|source| upstream(facts.kind, source));
    let qualifiers: Vec<String> = architecture.into_iter().chain(epoch).chain(upstream).collect();
    if !qualifiers.is_empty() {
        purl += &format!("?{}", qualifiers.join("&"));
    }
    purl
}

/// The source package, which advisories name: of a DEB `NAME`, or `NAME@VERSION` where its version is another; of an RPM the file's name.
fn upstream(kind: PackageKind, source: &str) -> Option<String> {
    let (name, version) = match source.split_once('(') {
        Some((name, version)) if kind == PackageKind::Deb => (name.trim(), version.trim_end_matches(')').trim()),
        _ => (source.trim(), ""),
    };
    let version = if version.is_empty() { String::new() } else { format!("%40{}", encoded(version)) };
    (!name.is_empty()).then(|| format!("upstream={}{version}", encoded(name)))
}

fn debian(maintainer: &str, version: &str) -> Option<&'static str> {
    let from = |domain: &str| maintainer.contains(&format!("@{domain}>")) || maintainer.contains(&format!(".{domain}>"));
    if from("ubuntu.com") || version.contains("ubuntu") {
        return Some("ubuntu");
    }
    from("debian.org").then_some("debian")
}

fn fedora(vendor: &str, version: &str) -> Option<&'static str> {
    const VENDORS: [(&str, &str); 9] = [
        ("fedora", "fedora"),
        ("red hat", "redhat"),
        ("centos", "centos"),
        ("rocky", "rocky-linux"),
        ("almalinux", "almalinux"),
        ("oracle", "oracle"),
        ("amazon", "amzn"),
        ("opensuse", "opensuse"),
        ("suse", "suse"),
    ];
    let vendor = vendor.to_lowercase();
    let by_vendor = VENDORS.iter().find(|(start, _)| vendor.starts_with(start)).map(|(_, name)| *name);
    by_vendor.or_else(|| version.contains(".fc").then_some("fedora").filter(|_| vendor.is_empty()))
}

/// Percent-encoded, as the specification wants it of names, versions and qualifiers.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => out.push(byte as char),
            other => out += &format!("%{other:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_told_as_its_format_has_it() {
        for (kind, source, expected) in [
            (PackageKind::Deb, "openssl", Some("upstream=openssl")),
            (PackageKind::Deb, "bash (5.2.15-2+b1)", Some("upstream=bash%405.2.15-2%2Bb1")),
            (PackageKind::Deb, " ", None),
            (PackageKind::Rpm, "openssl-3.0.7-24.el9.src.rpm", Some("upstream=openssl-3.0.7-24.el9.src.rpm")),
        ] {
            assert_eq!(upstream(kind, source).as_deref(), expected, "{source}");
        }
    }
}
