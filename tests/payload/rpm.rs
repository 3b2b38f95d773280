//! RPM packages made by rpmbuild.

use super::*;

const SPEC: &str = r#"
Name: agent
Version: 1.5
Release: 3
Summary: watches
License: Apache-2.0
BuildArch: noarch
%description
%install
mkdir -p %{buildroot}/opt/agent/bin %{buildroot}/etc %{buildroot}/var/log
printf '#!/bin/sh\n' > %{buildroot}/opt/agent/bin/run
printf 'a = 1\n' > %{buildroot}/etc/agent.conf
printf 'log' > %{buildroot}/var/log/agent.log
printf 'shared' > %{buildroot}/opt/agent/1
ln %{buildroot}/opt/agent/1 %{buildroot}/opt/agent/2
ln %{buildroot}/opt/agent/1 %{buildroot}/opt/agent/3
: > %{buildroot}/opt/agent/empty
ln %{buildroot}/opt/agent/empty %{buildroot}/opt/agent/empty-too
printf 'spaced' > "%{buildroot}/opt/agent/a b"
ln -s /opt/agent/bin/run %{buildroot}/opt/agent/run
%EXTRA%
%files
%dir %attr(0750,root,root) /opt/agent
%attr(0755,root,root) /opt/agent/bin/run
%attr(4711,root,root) /opt/agent/1
%attr(4711,root,root) /opt/agent/2
%attr(4711,root,root) /opt/agent/3
/opt/agent/empty
/opt/agent/empty-too
"/opt/agent/a b"
/opt/agent/run
%config(noreplace) %attr(0600,root,root) /etc/agent.conf
%ghost /var/log/agent.log
%FILES%
"#;

/// Builds the package of [`SPEC`] with a payload compression and more script and files, as `NAME.rpm`.
fn build(place: &Place, name: &str, compression: &str, extra: &str, files: &str) -> Source {
    need("rpmbuild", "rpm");
    place.write("agent.spec", SPEC.replace("%EXTRA%", extra).replace("%FILES%", files));
    let top = place.path("rpmbuild");
    let define = |text: String| ["--define".to_string(), text];
    run(Command::new("rpmbuild")
        .args(define(format!("_topdir {}", top.display())))
        .args(define(format!("_binary_payload {compression}")))
        .args(define("__os_install_post %{nil}".into()))
        .args(define("source_date_epoch_from_changelog 0".into()))
        .args(["-bb", "--quiet"])
        .arg(place.path("agent.spec")));
    let built = top.join("RPMS/noarch/agent-1.5-3.noarch.rpm");
    let kept = place.path(&format!("{name}.rpm"));
    std::fs::rename(built, &kept).unwrap();
    source(kept)
}

#[test]
fn a_package_of_every_compression_is_read_with_its_facts_flags_and_links() {
    let place = Place::new();
    for (name, compression) in [("gzip", "w6.gzdio"), ("xz", "w2.xzdio"), ("zstd", "w3.zstdio"), ("none", "w.ufdio")] {
        let loaded = place.load(&build(&place, name, compression, "", "")).unwrap();
        let facts = loaded.package.unwrap();
        assert_eq!((facts.name.as_str(), facts.version.as_str()), ("agent", "1.5-3"));
        assert_eq!((facts.license.as_deref(), facts.summary.as_deref()), (Some("Apache-2.0"), Some("watches")));
        let tree = loaded.tree;
        assert_eq!(
            names(&tree),
            [
                "etc",
                "etc/agent.conf",
                "opt",
                "opt/agent",
                "opt/agent/1",
                "opt/agent/2",
                "opt/agent/3",
                "opt/agent/a b",
                "opt/agent/bin",
                "opt/agent/bin/run",
                "opt/agent/empty",
                "opt/agent/empty-too",
                "opt/agent/run"
            ],
            "{name}"
        );
        assert_eq!(text(&tree, "etc/agent.conf"), "a = 1\n");
        assert!(entry(&tree, "etc/agent.conf").config);
        assert_eq!(entry(&tree, "etc/agent.conf").mode, 0o600);
        assert_eq!(entry(&tree, "opt/agent").mode, 0o750);
        for linked in ["opt/agent/1", "opt/agent/2", "opt/agent/3"] {
            assert_eq!(text(&tree, linked), "shared", "{name}");
            assert_eq!(entry(&tree, linked).mode, 0o711);
        }
        assert_eq!(content(&tree, "opt/agent/empty-too").len(), 0);
        assert_eq!(link(&tree, "opt/agent/run"), "bin/run");
    }
}

#[test]
fn a_file_above_4_gib_makes_rpm_strip_its_payload_and_is_read() {
    let place = Place::new();
    // Zeros alone would be a bomb.
    let extra = "truncate -s 4G %{buildroot}/opt/agent/huge; head -c 26000000 /dev/urandom >> %{buildroot}/opt/agent/huge";
    let built = build(&place, "huge", "w1.zstdio", extra, "/opt/agent/huge");
    let tree = place.load(&built).unwrap().tree;
    assert_eq!(content(&tree, "opt/agent/huge").len(), (4 << 30) + 26_000_000);
    assert_eq!(text(&tree, "etc/agent.conf"), "a = 1\n");
    for linked in ["opt/agent/1", "opt/agent/2", "opt/agent/3"] {
        assert_eq!(text(&tree, linked), "shared");
    }
    assert_eq!(content(&tree, "opt/agent/empty").len(), 0);
}

#[test]
fn capabilities_are_kept() {
    let place = Place::new();
    let built =
        build(&place, "caps", "w1.gzdio", "printf x > %{buildroot}/opt/agent/ping", "%caps(cap_net_raw=p) /opt/agent/ping");
    let loaded = place.load(&built).unwrap();
    let kept: Vec<_> = loaded.capabilities.iter().map(|(path, text)| (path.display(), text.as_str())).collect();
    assert_eq!(kept, [("opt/agent/ping".to_owned(), "cap_net_raw=p")]);
    let warnings = place.warnings().join("\n");
    assert!(!warnings.contains("capabilit"), "{warnings}");
}

#[test]
fn a_device_node_is_refused_unless_excluded() {
    let place = Place::new();
    let built = build(&place, "device", "w1.gzdio", "", "%dev(c, 1, 3) %attr(0666,root,root) /dev/agent");
    assert_says(&place.error(&built), &["\"dev/agent\": a device node", "exclude"]);
    place.load(&Source { exclude: vec!["dev".into()], ..built }).unwrap();
}

#[test]
fn absolute_links_out_of_the_package_are_refused() {
    let place = Place::new();
    let built = build(&place, "link", "w1.gzdio", "ln -s /etc/pki/agent %{buildroot}/opt/agent/pki", "/opt/agent/pki");
    assert_says(&place.error(&built), &["\"opt/agent/pki\": a link to the absolute path \"/etc/pki/agent\""]);
}

#[test]
fn a_payload_that_is_not_the_headers_is_refused_by_its_digest() {
    let place = Place::new();
    let built = build(&place, "plain", "w.ufdio", "", "");
    let mut bytes = std::fs::read(&built.path).unwrap();
    let at = (0..bytes.len()).rfind(|&at| bytes[at..].starts_with(b"a = 1\n")).unwrap();
    bytes[at] = b'b';
    std::fs::write(&built.path, bytes).unwrap();
    assert_says(&place.error(&built), &["damaged", "digest"]);
}

#[test]
fn a_source_package_is_refused() {
    let place = Place::new();
    build(&place, "binary", "w1.gzdio", "", "");
    run(Command::new("rpmbuild")
        .args(["--define", &format!("_topdir {}", place.path("rpmbuild").display()), "-bs", "--quiet"])
        .arg(place.path("agent.spec")));
    assert_says(&place.error(&source(place.path("rpmbuild/SRPMS/agent-1.5-3.src.rpm"))), &["is a source package"]);
}
