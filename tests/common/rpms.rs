//! Packages of rpmbuild's that endpoints need.
use super::{cmd, fixture, need};
use std::fs;
use std::path::PathBuf;

/// An empty package that provides what Debian's rpm database does not know of: /bin/sh, and the tools that scriptlets call.
pub fn shell_package() -> PathBuf {
    let spec = "Name: shell\nVersion: 1\nRelease: 1\nSummary: the shell that is there\nLicense: none\nBuildArch: noarch\n\
                Provides: /bin/sh coreutils findutils gawk grep sed util-linux\n%description\n%files\n";
    built("shell", spec)
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
