//! The repositories' lists against those of createrepo_c and apt-ftparchive.
use crate::common::{built, cmd, need};
use crate::material::{copy, linkpack, make};
use std::fs;

const SPEC: &str = "Name: odd\nVersion: 1.2~rc1\nRelease: 3\nEpoch: 2\nSummary: quotes \" & <angles>\nLicense: MIT\nBuildArch: noarch\nURL: https://example.com/?a=1&b=2\n\
Provides: odd-api = 2:1.0-1\nRequires: bash >= 4, /bin/sh\nRequires(post): coreutils\nConflicts: even < 3\nObsoletes: older <= 1:2\nRecommends: nice\nSuggests: nicer\nSupplements: other\nEnhances: another\n\
%description\nTwo lines\nand an \u{e9}.\n%post\ntrue\n%install\nmkdir -p %{buildroot}/etc/odd.d %{buildroot}/usr/bin %{buildroot}/opt/odd\n\
echo x >%{buildroot}/etc/odd.conf; echo x >%{buildroot}/usr/bin/odd; echo x >'%{buildroot}/opt/odd/a & b'\n\
%files\n%dir /etc/odd.d\n%config /etc/odd.conf\n/usr/bin/odd\n/opt/odd\n%ghost /opt/ghost\n\
%changelog\n* Tue Jan 02 2024 A <a@example.com> - 2\n- second\n* Mon Jan 01 2024 B <b@example.com> - 1\n- first & last\n";

/// Elements as sorted text, without what depends on the moment; lines that differ are printed.
const COMPARE: &str = r#"
import gzip, sys, glob, xml.etree.ElementTree as E
def flat(kind, folder):
    path, = glob.glob(folder + "/repodata/*-" + kind + ".xml.gz")
    out = []
    for package in E.fromstring(gzip.open(path).read()):
        for time in package.iter("{http://linux.duke.edu/metadata/common}time"): time.attrib.pop("file")
        lines = []
        def walk(one, above):
            name = above + "/" + one.tag.split("}")[1]
            lines.append("%s %s %r" % (name, sorted(one.attrib.items()), (one.text or "").strip()))
            for inner in one: walk(inner, name)
        walk(package, "")
        # createrepo_c says the same relation twice where others lie between.
        out.append("\n".join(sorted(set(lines))))
    return "\n".join(sorted(out))
bad = 0
for kind in ("primary", "filelists", "other"):
    ours, theirs = flat(kind, sys.argv[1]).split("\n"), flat(kind, sys.argv[2]).split("\n")
    assert len(ours) > 3
    for line in sorted(set(ours) ^ set(theirs)):
        bad = 1
        print(kind, "ours  " if line in ours else "theirs", line)
    if len(ours) != len(theirs): bad = 1; print(kind, len(ours), len(theirs))
sys.exit(bad)
"#;

#[test]
fn the_rpm_metadata_is_that_of_createrepo_c() {
    need("createrepo_c", "createrepo-c");
    let folder = copy();
    let odd = built("odd", SPEC);
    let odd = odd.parent().unwrap();
    let dist = folder.path().join("dist-1.1.0");
    cmd("sh").args(["-c", "cp \"$1\"/../noarch/*.rpm \"$2\"/odd.rpm", "sh"]).arg(odd).arg(&dist).run().ok();
    linkpack()
        .args(["sign", "-q", "--openpgp-key", "rsa.sec", "--key", "key.pem", "dist-1.1.0/odd.rpm"])
        .dir(folder.path())
        .run()
        .ok();
    make(folder.path(), "dist-1.0.0 dist-1.1.0 -o both").run().ok();
    let theirs = folder.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    cmd("cp").arg("-a").arg(folder.path().join("both/linux/rpm/Packages")).arg(&theirs).run().ok();
    cmd("createrepo_c").args(["-q", "--no-database"]).arg(&theirs).run().ok();
    cmd("python3").args(["-c", COMPARE, "both/linux/rpm", "theirs"]).dir(folder.path()).run().ok();
}

#[test]
fn the_apt_lists_are_those_of_apt_ftparchive() {
    need("apt-ftparchive", "apt-utils");
    let folder = copy();
    make(folder.path(), "dist-1.0.0 dist-1.1.0 -o both").run().ok();
    let fields = r#"grep -v -E '^(MD5sum|SHA1|SHA512): ' | awk 'BEGIN { RS = ""; FS = "\n" } { for (i = 1; i <= NF; i++) print NR % 2 ? "" : "", $i | "sort" }'"#;
    let script = format!(
        "cd both/linux/apt; apt-ftparchive packages pool | {fields} >../../../theirs; <dists/stable/main/binary-amd64/Packages cat | {fields} >../../../ours; \
         [ $(wc -l <../../../ours) -gt 20 ] && diff ../../../ours ../../../theirs"
    );
    cmd("sh").args(["-c", &script]).dir(folder.path()).run().ok();
}
