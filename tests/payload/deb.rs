//! Debian packages made by dpkg-deb, and Debian's own.

use super::*;

/// A package tree in `deb/`, ready for dpkg-deb.
fn package() -> Place {
    need("dpkg-deb", "dpkg");
    let place = Place::new();
    place.write("deb/usr/lib/agent/run", "#!/bin/sh\n");
    place.write("deb/etc/agent.conf", "a = 1\n");
    place.write("deb/etc/plain", "x");
    place.write(
        "deb/DEBIAN/control",
        "Package: agent\nVersion: 2:1.5-3\nArchitecture: amd64\nMaintainer: M <m@example.com>\nDescription: watches\n and reports\n",
    );
    place.write("deb/DEBIAN/conffiles", "/etc/agent.conf\n");
    std::fs::create_dir_all(place.path("deb/usr/bin")).unwrap();
    symlink("/usr/lib/agent/run", place.path("deb/usr/bin/agent")).unwrap();
    place.sh("chmod 0755 deb deb/DEBIAN; chmod 4755 deb/usr/lib/agent/run");
    place
}

#[test]
fn a_package_of_every_compression_is_read_with_its_facts_and_conffiles() {
    let place = package();
    for (codec, options) in [("gzip", ""), ("xz", ""), ("zstd", ""), ("none", "--no-uniform-compression")] {
        place.sh(&format!("dpkg-deb -Z{codec} {options} --root-owner-group -b deb {codec}.deb"));
        let loaded = place.load(&source(place.path(&format!("{codec}.deb")))).unwrap();
        let facts = loaded.package.unwrap();
        assert_eq!(
            (facts.name.as_str(), facts.version.as_str(), facts.summary.as_deref()),
            ("agent", "2:1.5-3", Some("watches"))
        );
        assert_eq!(facts.license, None);
        let tree = loaded.tree;
        assert_eq!(text(&tree, "etc/agent.conf"), "a = 1\n");
        assert!(entry(&tree, "etc/agent.conf").config);
        assert!(!entry(&tree, "etc/plain").config);
        assert_eq!(entry(&tree, "usr/lib/agent/run").mode, 0o755);
        assert!(tree.get(&path("DEBIAN")).is_none());
    }
}

#[test]
fn absolute_links_become_relative_to_the_payload() {
    let place = package();
    place.sh("dpkg-deb --root-owner-group -b deb a.deb");
    assert_eq!(link(&place.tree("a.deb"), "usr/bin/agent"), "../lib/agent/run");
    let loaded = place.load(&Source { strip: 1, ..source(place.path("a.deb")) }).unwrap();
    assert_eq!(link(&loaded.tree, "bin/agent"), "../lib/agent/run");
}

#[test]
fn absolute_links_out_of_the_package_are_refused_unless_excluded() {
    let place = package();
    symlink("/etc/alternatives/agent", place.path("deb/usr/bin/alternative")).unwrap();
    place.sh("dpkg-deb --root-owner-group -b deb a.deb");
    let error = place.error(&source(place.path("a.deb")));
    assert_says(
        &error,
        &["one entry", "\"usr/bin/alternative\": a link to the absolute path \"/etc/alternatives/agent\"", "exclude"],
    );
    place.load(&Source { exclude: vec!["usr/bin/alternative".into()], ..source(place.path("a.deb")) }).unwrap();
    // The target is there, but the manifest left it out.
    let error = place.error(&Source { include: vec!["usr/bin/agent".into(), "etc".into()], ..source(place.path("a.deb")) });
    assert_says(&error, &["\"usr/bin/agent\": a link to the absolute path"]);
}

#[test]
fn a_device_node_in_a_package_is_refused_unless_excluded() {
    let place = package();
    place.sh("mkdir deb/dev; mknod deb/dev/agent c 10 200; dpkg-deb --root-owner-group -b deb a.deb");
    assert_says(&place.error(&source(place.path("a.deb"))), &["dev/agent\": a device node", "exclude"]);
    let loaded = place.load(&Source { exclude: vec!["dev".into()], ..source(place.path("a.deb")) }).unwrap();
    assert!(loaded.tree.get(&path("usr/lib/agent/run")).is_some());
}

#[test]
fn old_formats_and_compressions_are_read_and_other_ar_archives_say_what_to_do() {
    need("ar", "binutils");
    need("bzip2", "bzip2");
    let place = package();
    place.sh("echo x > x.o; ar rc lib.a x.o");
    assert_says(&place.error(&source(place.path("lib.a"))), &["no Debian package", ".deb"]);
    place.sh("dpkg-deb -Zxz -b deb a.deb; ar x a.deb; xz -d data.tar.xz; bzip2 data.tar; ar rc old.deb debian-binary control.tar.xz data.tar.bz2");
    assert_eq!(described(&place.tree("old.deb")), described(&place.tree("a.deb")));
    place.sh(
        "head -c 5000 data.tar.bz2 >part; bzip2 -c part >>data.tar.bz2; ar rc two.deb debian-binary control.tar.xz data.tar.bz2",
    );
    assert_says(&place.error(&source(place.path("two.deb"))), &["data.tar.bz2", "another compressed stream"]);
    place.sh("dpkg-deb --deb-format=0.939000 --root-owner-group -Zgzip -b deb 0939.deb");
    assert_eq!(described(&place.tree("0939.deb")), described(&place.tree("a.deb")));
    place.sh("{ head -c 9 0939.deb; echo 99999999; tail -c +13 0939.deb; } >cut.deb");
    assert_says(&place.error(&source(place.path("cut.deb"))), &["format 0.939", "length"]);
    place.sh("rm cut.deb; ar rc cut.deb debian-binary control.tar.xz");
    assert_says(&place.error(&source(place.path("cut.deb"))), &["control.tar and data.tar"]);
}

/// Debian's own package, downloaded once.
fn debian(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fixtures");
    std::fs::create_dir_all(&folder).unwrap();
    let cached = |folder: &Path| {
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        names.into_iter().find(|path| {
            path.extension().is_some_and(|e| e == "deb")
                && path.file_name().unwrap().to_string_lossy().starts_with(&format!("{name}_"))
        })
    };
    cached(&folder).unwrap_or_else(|| {
        // Into a folder of its own and renamed when whole: an interrupted download is no fixture.
        let fresh = tempfile::tempdir_in(&folder).unwrap();
        run(Command::new("apt-get").args(["download", name]).current_dir(fresh.path()));
        let package = cached(fresh.path()).unwrap();
        let kept = folder.join(package.file_name().unwrap());
        std::fs::rename(package, &kept).unwrap();
        kept
    })
}

#[test]
fn debians_zabbix_agent2_loads() {
    let place = Place::new();
    let loaded = place.load(&source(debian("zabbix-agent2"))).unwrap();
    assert_eq!(loaded.package.unwrap().name, "zabbix-agent2");
    assert_eq!(entry(&loaded.tree, "usr/sbin/zabbix_agent2").mode, 0o755);
    assert!(content(&loaded.tree, "usr/sbin/zabbix_agent2").len() > 1 << 20);
    assert!(entry(&loaded.tree, "etc/zabbix/zabbix_agent2.conf").config);
    assert!(place.warnings().is_empty(), "{:?}", place.warnings());
}

#[test]
fn debians_prometheus_node_exporter_loads_without_its_service() {
    let place = Place::new();
    let exclude = ["lib/systemd", "etc/init.d", "etc/logrotate.d", "usr/share/doc", "usr/share/man"].map(String::from).to_vec();
    let loaded = place.load(&Source { exclude, ..source(debian("prometheus-node-exporter")) }).unwrap();
    assert!(content(&loaded.tree, "usr/bin/prometheus-node-exporter").len() > 1 << 20);
    assert!(entry(&loaded.tree, "etc/default/prometheus-node-exporter").config);
    assert!(loaded.tree.get(&path("lib/systemd")).is_none());
    assert!(place.warnings().is_empty(), "{:?}", place.warnings());
}

#[test]
fn bytes_behind_the_data_are_not_read() {
    let place = package();
    place.sh("dpkg-deb --root-owner-group -b deb a.deb");
    let expected = described(&place.tree("a.deb"));
    for more in ["\\n\\n\\n", "rubbish of more than one header of ar, which is sixty bytes long and ends otherwise\\n"] {
        place.sh(&format!("cp a.deb b.deb; printf '{more}' >>b.deb; dpkg-deb -c b.deb >list"));
        assert_eq!(described(&place.tree("b.deb")), expected, "{more}");
    }
}
