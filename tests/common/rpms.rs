//! Packages of rpmbuild's that endpoints need.
use super::{cmd, fixture, need};
use std::fs;
use std::path::PathBuf;

/// An empty package that provides what Debian's rpm database does not know of: /bin/sh, the tools that scriptlets call, and the C
/// library and the compiler's, which the sample's programs need.
pub fn shell_package() -> PathBuf {
    let libraries = "/lib/x86_64-linux-gnu/libc.so.6\n/lib/x86_64-linux-gnu/libm.so.6\n/lib/x86_64-linux-gnu/libgcc_s.so.1\n/lib64/ld-linux-x86-64.so.2\n";
    let offered = cmd("/usr/lib/rpm/elfdeps").arg("--provides").stdin(libraries).run().ok().stdout;
    let offered: Vec<&str> = offered.lines().filter(|line| !line.is_empty()).collect();
    let spec = format!(
        "Name: shell\nVersion: 1\nRelease: 1\nSummary: the shell that is there\nLicense: none\nBuildArch: noarch\n\
         Provides: /bin/sh coreutils findutils gawk grep sed util-linux rtld(GNU_HASH) {}\n%description\n%files\n",
        offered.join(" ")
    );
    built("shell", &spec)
}

/// A package of rpmbuild's, made once.
pub fn built(name: &str, spec: &str) -> PathBuf {
    need("rpmbuild", "rpm");
    fixture(&format!("rpm-{name}"), spec, |dir| {
        fs::write(dir.join("package.spec"), spec).expect("write a spec file");
        let define = |key: &str| format!("{key} {}", dir.display());
        cmd("rpmbuild")
            .args(["-bb", "--quiet", "-D", &define("_topdir"), "-D", &define("_rpmdir")])
            .arg(dir.join("package.spec"))
            .run()
            .ok();
    })
    .join(format!("noarch/{name}-1-1.noarch.rpm"))
}
