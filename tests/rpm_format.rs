//! RPM packages as real rpm sees them: checked, installed, moved, upgraded, erased, and compared with rpmbuild's.

#[path = "rpm_format/fixture.rs"]
mod fixture;
#[path = "rpm_format/oracle.rs"]
mod oracle;

use fixture::{bytes, config, file, link, product, query, run, Product, Root, PREFIX};
use linkpack::compress::Codec;
use linkpack::payload::{Content, Entry, Kind};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

const CODECS: [Codec; 3] = [Codec::Gzip, Codec::Zstd, Codec::Xz];

fn check(package: &Path) -> (bool, String) {
    let output = run("rpm", "rpm", &["-Kv", package.to_str().unwrap()]);
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn rpm_finds_all_digests_ok_and_no_md5_or_sha1() {
    let folder = tempfile::tempdir().unwrap();
    for codec in CODECS {
        let package = Product { codec, ..product() }.package(folder.path(), codec.name());
        let (fine, said) = check(&package);
        assert!(fine);
        let digests: Vec<&str> = said.lines().skip(1).map(str::trim).collect();
        assert_eq!(digests, ["Header SHA256 digest: OK", "Payload SHA256 digest: OK"]);
    }
}

#[test]
fn a_bit_that_flips_in_header_or_payload_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let package = product().package(folder.path(), "whole.rpm");
    let whole = fs::read(&package).unwrap();
    for (at, digest) in [(96 + 4352 + 3000, "Header SHA256 digest: BAD"), (whole.len() - 100, "Payload SHA256 digest: BAD")] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        let place = folder.path().join("damaged.rpm");
        fs::write(&place, damaged).unwrap();
        let (fine, said) = check(&place);
        assert!(!fine && said.contains(digest), "{said}");
    }
}

#[test]
fn an_installed_package_has_the_contents_modes_and_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    for codec in CODECS {
        let root = Root::new();
        let package = Product { codec, ..product() }.package(folder.path(), codec.name());
        root.install(&package, &["--define", "_pkgverify_level digest"]);
        assert_eq!(root.differences(&[]), "");
        assert!(fs::read(root.path("/usr/local/intigua/Intigua-Libs/pulse/big")).unwrap() == bytes(5 << 20));
        let mode = |path: &str| fs::metadata(root.path(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode("/usr/local/intigua/Intigua-Libs/pulse/setuid"), 0o4755);
        assert_eq!(mode("/usr/local/intigua/vAgentManager/vlink.conf"), 0o640);
        let link = fs::read_link(root.path("/usr/local/intigua/vAgentManager/S30vlink")).unwrap();
        assert_eq!(link, Path::new("vlink"));
        assert!(root.path("/usr/local/intigua/Intigua-Libs/pulse/empty").is_dir());
    }
}

#[test]
fn ghosts_are_owned_and_not_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::new();
    root.install(&product().package(folder.path(), "p.rpm"), &[]);
    let owned = root.rpm(&["-ql", "acme-link"]);
    for ghost in product().ghosts {
        assert!(owned.lines().any(|line| line == ghost.path), "{ghost:?}");
        assert!(fs::symlink_metadata(root.path(&ghost.path)).is_err(), "{ghost:?}");
    }
}

#[test]
fn prefix_moves_all_that_lies_under_it_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::new();
    root.install(&product().package(folder.path(), "p.rpm"), &["--prefix", "/opt/jp"]);
    assert_eq!(root.differences(&[]), "");
    assert!(root.path("/opt/jp/vAgentManager/vlink").is_file());
    assert!(!root.path("/usr").exists());
    let owned = root.rpm(&["-ql", "acme-link"]);
    assert!(owned.lines().any(|line| line == "/opt/jp/components/csclient.cfg"));
    assert!(owned.lines().any(|line| line == "/lib/systemd/system/vlink.service"));
    root.rpm(&["-e", "--noscripts", "acme-link"]);
    assert!(!root.path("/opt/jp").exists());
}

#[test]
fn an_upgrade_keeps_the_edited_config_and_puts_the_new_one_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let with = |version, text| {
        let entries = vec![config("edited.conf", text), config("untouched.conf", text)];
        Product { version, entries, ..product() }.package(folder.path(), version)
    };
    let root = Root::new();
    root.install(&with("1.0", "old\n"), &[]);
    fs::write(root.path("/usr/local/intigua/edited.conf"), "mine\n").unwrap();
    let output = run_upgrade(&root, &with("1.1", "new\n"));
    assert!(output.contains("edited.conf.rpmnew"), "{output}");
    let read = |name: &str| fs::read_to_string(root.path(&format!("{PREFIX}/{name}"))).unwrap();
    assert_eq!(read("edited.conf"), "mine\n");
    assert_eq!(read("edited.conf.rpmnew"), "new\n");
    assert_eq!(read("untouched.conf"), "new\n");
}

fn run_upgrade(root: &Root, package: &Path) -> String {
    let place = root.path("/");
    let args = ["--root", place.to_str().unwrap(), "--dbpath", "/var/lib/rpm", "-U", "--nodeps", "--noscripts"];
    let output = run("rpm", "rpm", &[&args[..], &[package.to_str().unwrap()]].concat());
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_release_replaces_its_release_candidate() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::new();
    root.install(&product().package(folder.path(), "rc.rpm"), &[]);
    root.install(&Product { version: "1.0", ..product() }.package(folder.path(), "final.rpm"), &[]);
    assert_eq!(root.rpm(&["-q", "acme-link"]), "acme-link-1.0-1.x86_64\n");
}

#[test]
fn erase_leaves_nothing_but_the_directories_that_are_the_system_s() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::new();
    root.install(&product().package(folder.path(), "p.rpm"), &[]);
    fs::create_dir(root.path("/usr/local/intigua/components")).unwrap();
    fs::write(root.path("/usr/local/intigua/components/csclient.cfg"), "made there").unwrap();
    assert_eq!(root.differences(&[]), "");
    root.rpm(&["-e", "--noscripts", "acme-link"]);
    let left: Vec<PathBuf> = root.listing();
    assert_eq!(left, ["usr", "usr/local"].map(PathBuf::from));
}

#[test]
fn scriptlets_arrive_as_they_were_given() {
    let folder = tempfile::tempdir().unwrap();
    let package = product().package(folder.path(), "p.rpm");
    let expected = "preinstall scriptlet (using /bin/sh):\necho before\n\
                    postinstall scriptlet (using /bin/sh):\necho after 100%\nexit 0\n\
                    preuninstall scriptlet (using /bin/sh):\necho leaving\n\
                    postuninstall scriptlet (using /bin/sh):\necho left\n\
                    posttrans scriptlet (using /bin/sh):\necho done\n";
    assert_eq!(query(&package, &["--scripts"]), expected);
}

#[test]
fn a_package_says_what_it_is_and_needs() {
    let folder = tempfile::tempdir().unwrap();
    let package = Product { codec: Codec::Xz, ..product() }.package(folder.path(), "p.rpm");
    let format = "%{NVRA} %{OS} %{SOURCERPM} %{BUILDTIME} %{PREFIXES} %{PAYLOADFORMAT} %{PAYLOADCOMPRESSOR}";
    let expected = "acme-link-1.0~rc1-1.x86_64 linux acme-link-1.0~rc1-1.src.rpm 1700000000 /usr/local/intigua cpio xz";
    assert_eq!(query(&package, &["--qf", format]), expected);
    let needs = query(&package, &["--requires"]);
    for need in [
        "/bin/sh",
        "coreutils",
        "gawk",
        "openssl",
        "util-linux >= 2.20",
        "rpmlib(PayloadIsXz) <= 5.2-1",
        "rpmlib(TildeInVersions) <= 4.10.0-1",
    ] {
        assert!(needs.lines().any(|line| line == need), "{need}");
    }
    assert!(query(&package, &["--provides"]).contains("acme-link(x86-64) = 1.0~rc1-1\n"));
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    for codec in CODECS {
        let with = |threads: usize| {
            let package = Product { codec, threads, ..product() }.package(folder.path(), &threads.to_string());
            fs::read(package).unwrap()
        };
        assert!(with(1) == with(4));
    }
}

#[test]
fn names_of_any_bytes_are_packaged_faithfully() {
    let names: [&[u8]; 8] =
        [b"with space", b"\"quoted'", b"line\nbreak", b"latin\xe9\xff", b"glob*?[x]", b"back\\slash", b"%percent", b"\x01tab\t"];
    let folder = tempfile::tempdir().unwrap();
    let entries = names.iter().map(|name| file(name, *name, 0o644)).collect();
    let package = Product { entries, ..product() }.package(folder.path(), "p.rpm");
    assert!(check(&package).0);
    let root = Root::new();
    root.install(&package, &[]);
    assert_eq!(root.differences(&[]), "");
    for name in names {
        let path = root.path(PREFIX).join(std::ffi::OsStr::from_bytes(name));
        assert_eq!(fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}")), name);
    }
    root.rpm(&["-e", "--noscripts", "acme-link"]);
    assert!(!root.path(PREFIX).exists());
}

#[test]
fn seventy_thousand_files_install_and_verify() {
    let folder = tempfile::tempdir().unwrap();
    let entries = (0..70_000).map(|i| file(format!("Intigua-Libs/many/{:03}/{i}", i % 500), i.to_string(), 0o644)).collect();
    let package = Product { entries, ..product() }.package(folder.path(), "p.rpm");
    // In memory: on a disk that others use, as many files take a minute instead of seconds.
    let root = Root::within(Path::new("/dev/shm"));
    root.install(&package, &[]);
    assert_eq!(root.differences(&[]), "");
    assert_eq!(fs::read_to_string(root.path("/usr/local/intigua/Intigua-Libs/many/499/69999")).unwrap(), "69999");
}

/// A sparse file of `len` bytes whose first and last bytes are marks.
fn sparse(folder: &Path, len: u64) -> Entry {
    let path = folder.join("sparse");
    let sparse = File::create(&path).unwrap();
    sparse.set_len(len).unwrap();
    sparse.write_all_at(b"first", 0).unwrap();
    sparse.write_all_at(b"last", len - 4).unwrap();
    let kind = Kind::File(Content::file(&path, &sparse.metadata().unwrap()));
    Entry { kind, ..file("Intigua-Libs/huge/file", "", 0o644) }
}

#[test]
fn a_file_above_four_gib_installs_from_a_stripped_payload() {
    let folder = tempfile::tempdir().unwrap();
    let len = (4 << 30) + 1;
    let entries = vec![sparse(folder.path(), len), file("Intigua-Libs/small", "small", 0o644)];
    let package = Product { entries, ..product() }.package(folder.path(), "p.rpm");
    assert!(query(&package, &["--requires"]).contains("rpmlib(LargeFiles) <= 4.12.0-1\n"));
    assert_eq!(query(&package, &["--qf", "%{LONGSIZE}"]), (len + 20).to_string());
    let root = Root::new();
    // rpm compares the digests of header, payload and each file itself, so they need not be computed once more.
    root.install(&package, &[]);
    let installed = File::open(root.path("/usr/local/intigua/Intigua-Libs/huge/file")).unwrap();
    assert_eq!(installed.metadata().unwrap().len(), len);
    let mut end = [0; 5];
    installed.read_exact_at(&mut end, len - 5).unwrap();
    assert_eq!(&end, b"\0last");
    assert_eq!(fs::read(root.path("/usr/local/intigua/Intigua-Libs/small")).unwrap(), b"small");
    assert_eq!(root.differences(&["--nofiledigest"]), "");
}

#[test]
fn a_version_with_a_dash_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let error = Product { version: "1.0-rc1", ..product() }.try_package(folder.path(), "p.rpm").unwrap_err();
    assert!(error.help_text().unwrap().contains("1.0~rc1"));
    assert_eq!(fs::metadata(folder.path().join("p.rpm")).unwrap().len(), 0);
}

#[test]
fn a_ghost_that_is_also_packaged_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut twice = product();
    twice.ghosts[0].path = "/usr/local/intigua/bin/linkctl".into();
    let error = twice.try_package(folder.path(), "p.rpm").unwrap_err();
    assert_eq!(error.what(), "the RPM would list /usr/local/intigua/bin/linkctl twice");
}

#[test]
fn rpmlint_finds_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let program = fs::read("/bin/true").unwrap();
    let entries = vec![
        file("vAgentManager/vlink", program, 0o755),
        file("bin/linkctl", "#!/bin/sh\nexit 0\n", 0o755),
        file("Intigua-Libs/pulse/container.json", "{}\n", 0o644),
        link("vAgentManager/S30vlink", "vlink"),
    ];
    let package = Product { entries, ..product() }.package(folder.path(), "acme-link-1.0~rc1-1.x86_64.rpm");
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/rpmlint.toml");
    let output = run("rpmlint", "rpmlint", &["-c", rules, package.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(" 0 errors, "), "{said}");
    assert!(output.status.success(), "{said}");
}
