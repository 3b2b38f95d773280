//! Debian's and Ubuntu's packages of common libraries and interpreters, so that a build says the same on every host. It is a small table
//! and no more: what it lacks is asked of the host's dpkg, or stands in the manifest.

use super::host::Host;
use super::{Library, Soname};
use crate::payload::elf::Glibc;

/// Libraries of the C library's package; `libcrypt.so.1` left it in Debian 11.
const OF_GLIBC: [&str; 15] = [
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
    "ld-linux.so.2",
    "libBrokenLocale.so.1",
    "libanl.so.1",
    "libc.so.6",
    "libdl.so.2",
    "libm.so.6",
    "libmvec.so.1",
    "libnsl.so.1",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libthread_db.so.1",
    "libutil.so.1",
];

/// Library and package; names that Debian 13 and Ubuntu 24.04 changed (`t64`: 64-bit time) follow the older ones.
const PACKAGES: &[(&str, &str)] = &[
    ("libX11.so.6", "libx11-6"),
    ("libacl.so.1", "libacl1"),
    ("libatomic.so.1", "libatomic1"),
    ("libattr.so.1", "libattr1"),
    ("libblkid.so.1", "libblkid1"),
    ("libbpf.so.1", "libbpf1"),
    ("libbz2.so.1.0", "libbz2-1.0"),
    ("libcap.so.2", "libcap2"),
    ("libcom_err.so.2", "libcom-err2"),
    ("libcrypto.so.1.1", "libssl1.1"),
    ("libcrypto.so.3", "libssl3 | libssl3t64"),
    ("libcurl-gnutls.so.4", "libcurl3-gnutls | libcurl3t64-gnutls"),
    ("libcurl.so.4", "libcurl4 | libcurl4t64"),
    ("libdbus-1.so.3", "libdbus-1-3"),
    ("libelf.so.1", "libelf1 | libelf1t64"),
    ("libevent-2.1.so.7", "libevent-2.1-7 | libevent-2.1-7t64"),
    ("libexpat.so.1", "libexpat1"),
    ("libffi.so.7", "libffi7"),
    ("libffi.so.8", "libffi8"),
    ("libgcrypt.so.20", "libgcrypt20"),
    ("libgio-2.0.so.0", "libglib2.0-0 | libglib2.0-0t64"),
    ("libglib-2.0.so.0", "libglib2.0-0 | libglib2.0-0t64"),
    ("libgmodule-2.0.so.0", "libglib2.0-0 | libglib2.0-0t64"),
    ("libgmp.so.10", "libgmp10"),
    ("libgnutls.so.30", "libgnutls30 | libgnutls30t64"),
    ("libgobject-2.0.so.0", "libglib2.0-0 | libglib2.0-0t64"),
    ("libgomp.so.1", "libgomp1"),
    ("libgpg-error.so.0", "libgpg-error0"),
    ("libgssapi_krb5.so.2", "libgssapi-krb5-2"),
    ("libidn2.so.0", "libidn2-0"),
    ("libjansson.so.4", "libjansson4"),
    ("libkrb5.so.3", "libkrb5-3"),
    ("libldap-2.5.so.0", "libldap-2.5-0"),
    ("libldap.so.2", "libldap2"),
    ("liblz4.so.1", "liblz4-1"),
    ("liblzma.so.5", "liblzma5"),
    ("libmariadb.so.3", "libmariadb3"),
    ("libmount.so.1", "libmount1"),
    ("libncursesw.so.6", "libncursesw6"),
    ("libnghttp2.so.14", "libnghttp2-14"),
    ("libnl-3.so.200", "libnl-3-200"),
    ("libnsl.so.2", "libnsl2"),
    ("libnuma.so.1", "libnuma1"),
    ("libodbc.so.2", "libodbc2 | libodbc1"),
    ("libpam.so.0", "libpam0g"),
    ("libpcap.so.0.8", "libpcap0.8 | libpcap0.8t64"),
    ("libpcre.so.3", "libpcre3"),
    ("libpcre2-8.so.0", "libpcre2-8-0"),
    ("libpopt.so.0", "libpopt0"),
    ("libpq.so.5", "libpq5"),
    ("libreadline.so.8", "libreadline8 | libreadline8t64"),
    ("libseccomp.so.2", "libseccomp2"),
    ("libselinux.so.1", "libselinux1"),
    ("libsnmp.so.40", "libsnmp40 | libsnmp40t64"),
    ("libsqlite3.so.0", "libsqlite3-0"),
    ("libssl.so.1.1", "libssl1.1"),
    ("libssl.so.3", "libssl3 | libssl3t64"),
    ("libsystemd.so.0", "libsystemd0"),
    ("libtinfo.so.6", "libtinfo6"),
    ("libtirpc.so.3", "libtirpc3 | libtirpc3t64"),
    ("libudev.so.1", "libudev1"),
    ("libuuid.so.1", "libuuid1"),
    ("libuv.so.1", "libuv1 | libuv1t64"),
    ("libxml2.so.2", "libxml2"),
    ("libyaml-0.so.2", "libyaml-0-2"),
    ("libz.so.1", "zlib1g"),
    ("libzstd.so.1", "libzstd1"),
];

/// The compiler's version that has GLIBCXX_3.4.N first, from N = 9 on (libstdc++'s "ABI Policy and Guidelines"); earlier ones: 4.1.1.
const GLIBCXX: [&str; 26] = [
    "4.2.1", "4.3", "4.4", "4.4", "4.4.2", "4.5", "4.6", "4.6", "4.7", "4.8", "4.8", "4.9", "5.2", "6", "7", "7", "8", "9",
    "9.1", "10.2", "11", "12", "13", "13.1", "14", "15",
];

/// Whether the version of a library's package follows from its symbol versions alone.
pub fn has_rule(name: &str) -> bool {
    OF_GLIBC.contains(&name) || matches!(name, "libgcc_s.so.1" | "libstdc++.so.6" | "libcrypt.so.1")
}

/// The relation of a library that is known here.
pub fn relation(soname: &Soname, library: &Library, host: &Host) -> Option<String> {
    let name = soname.name.as_str();
    if soname.is_musl {
        return (name.starts_with("libc.") || name.starts_with("ld-musl")).then(|| "musl".to_owned());
    }
    let since = |package: &str, version: Option<String>| match version {
        Some(version) => format!("{package} (>= {version})"),
        None => package.to_owned(),
    };
    if !soname.is_64 {
        return Some(match name {
            "libgcc_s.so.1" => "lib32gcc-s1 | lib32gcc1".to_owned(),
            "libstdc++.so.6" => since("lib32stdc++6", compiler(library)),
            "libz.so.1" => "lib32z1".to_owned(),
            name if OF_GLIBC.contains(&name) || name == "libcrypt.so.1" => since("libc6-i386", glibc(library)),
            _ => return None,
        });
    }
    match name {
        // Debian 10 and Ubuntu 18.04 have it under its old name.
        "libgcc_s.so.1" => Some(match numbered(library, "GCC_") {
            Some(version) => {
                let version = trimmed(version);
                format!("libgcc-s1 (>= {version}) | libgcc1 (>= 1:{version})")
            }
            None => "libgcc-s1 | libgcc1".to_owned(),
        }),
        "libstdc++.so.6" => Some(since("libstdc++6", compiler(library))),
        "libcrypt.so.1" => Some("libcrypt1 | libc6 (<< 2.30)".to_owned()),
        name if OF_GLIBC.contains(&name) => Some(since("libc6", glibc(library))),
        _ => {
            let (_, packages) = PACKAGES.iter().find(|(known, _)| *known == name)?;
            let version = host.version(soname, library);
            let versioned: Vec<String> = packages.split(" | ").map(|package| since(package, version.clone())).collect();
            Some(versioned.join(" | "))
        }
    }
}

fn glibc(library: &Library) -> Option<String> {
    // The loader that packed relocations need came with 2.36.
    let packed = library.versions.contains("GLIBC_ABI_DT_RELR").then_some(Glibc(2, 36, 0));
    numbered(library, "GLIBC_").max(packed).map(|version| version.to_string())
}

/// GCC's packages have versions such as 3.0, 4.0 and 12.
fn trimmed(version: Glibc) -> String {
    if version.0 > 4 {
        version.0.to_string()
    } else {
        version.to_string()
    }
}

fn compiler(library: &Library) -> Option<String> {
    let newest = library.versions.iter().filter_map(|version| version.strip_prefix("GLIBCXX_3.4.")?.parse::<usize>().ok()).max();
    let Some(newest) = newest else { return (!library.versions.is_empty()).then(|| "4.1.1".to_owned()) };
    Some(match newest.checked_sub(9) {
        Some(at) => GLIBCXX.get(at).unwrap_or(&GLIBCXX[GLIBCXX.len() - 1]).to_string(),
        None => "4.1.1".to_owned(),
    })
}

fn numbered(library: &Library, family: &str) -> Option<Glibc> {
    library.versions.iter().filter_map(|version| version.strip_prefix(family).and_then(Glibc::parse)).max()
}

/// Who brings an interpreter.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// An essential package: nothing depends on it.
    Everywhere,
    /// This one.
    Package(String),
    /// Nobody knows.
    Unknown,
}

/// The package of an interpreter.
pub fn interpreter(path: &str) -> Kind {
    let in_path = ["/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/"].iter().find_map(|folder| path.strip_prefix(folder));
    let Some(name) = in_path.filter(|name| !name.contains('/')) else { return Kind::Unknown };
    let package = match name {
        "sh" | "bash" | "dash" | "env" | "sed" | "grep" | "cat" | "nice" | "sleep" | "tail" | "test" | "true" | "setsid"
        | "ionice" | "su" | "stdbuf" | "timeout" | "nohup" => return Kind::Everywhere,
        // Debian has one of its kinds everywhere, under this name.
        "awk" => return Kind::Everywhere,
        "perl" | "python3" | "ruby" | "zsh" | "gawk" | "mawk" | "mksh" | "ksh" | "expect" | "make" => name,
        "python" => "python-is-python3 | python",
        "python2" | "python2.7" => "python2 | python2.7",
        "php" => "php-cli",
        "node" | "nodejs" => "nodejs",
        "java" => "default-jre-headless | java-runtime-headless",
        "tclsh" => "tcl",
        "busybox" => "busybox | busybox-static",
        name if is_python(name) => name,
        _ => return Kind::Unknown,
    };
    Kind::Package(package.to_owned())
}

fn is_python(name: &str) -> bool {
    name.strip_prefix("python3.").is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, versions: &[&str]) -> Option<String> {
        let soname = Soname { name: name.to_owned(), is_64: true, is_musl: false };
        let versions = versions.iter().map(|version| (*version).to_owned()).collect();
        relation(&soname, &Library { versions, ..Library::default() }, &Host::default())
    }

    #[test]
    fn a_library_s_package_is_as_new_as_the_newest_symbol_version_that_is_used() {
        assert_eq!(of("libc.so.6", &["GLIBC_2.2.5", "GLIBC_2.17"]).unwrap(), "libc6 (>= 2.17)");
        assert_eq!(of("libc.so.6", &["GLIBC_2.34", "GLIBC_ABI_DT_RELR"]).unwrap(), "libc6 (>= 2.36)");
        assert_eq!(of("libgcc_s.so.1", &["GCC_3.0", "GCC_4.2.0"]).unwrap(), "libgcc-s1 (>= 4.2) | libgcc1 (>= 1:4.2)");
        assert_eq!(of("libgcc_s.so.1", &["GCC_12.0.0"]).unwrap(), "libgcc-s1 (>= 12) | libgcc1 (>= 1:12)");
        assert_eq!(of("libstdc++.so.6", &["GLIBCXX_3.4", "CXXABI_1.3"]).unwrap(), "libstdc++6 (>= 4.1.1)");
        assert_eq!(of("libstdc++.so.6", &["GLIBCXX_3.4.21"]).unwrap(), "libstdc++6 (>= 5.2)");
        assert_eq!(of("libstdc++.so.6", &["GLIBCXX_3.4.30"]).unwrap(), "libstdc++6 (>= 12)");
        assert_eq!(of("libssl.so.3", &["OPENSSL_3.0.0"]).unwrap(), "libssl3 | libssl3t64");
        assert_eq!(of("libnobody.so.1", &[]), None);
    }

    #[test]
    fn the_table_is_sorted_and_dpkg_reads_what_it_says() {
        assert!(PACKAGES.is_sorted_by_key(|(name, _)| *name));
        for (_, packages) in PACKAGES {
            packages.split('|').for_each(|one| crate::manifest::relation::deb(one).unwrap());
        }
    }

    #[test]
    fn an_interpreter_is_a_package_s_or_everywhere() {
        assert_eq!(interpreter("/bin/sh"), Kind::Everywhere);
        assert_eq!(interpreter("/usr/bin/python3.11"), Kind::Package("python3.11".to_owned()));
        assert_eq!(interpreter("/opt/x/python3"), Kind::Unknown);
    }
}
