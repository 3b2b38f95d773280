//! `[deb]` and `[rpm]`: what the manifest says of a package's relations and place, as dpkg and rpm read it.
use super::*;

const TABLES: &str = r#"
[deb]
depends = ["libc6 (>= 2.28), adduser | passwd"]
recommends = ["logrotate"]
suggests = ["sudo"]
conflicts = ["old-agent (<< 2)"]
section = "non-free/net"
priority = "extra"

[rpm]
requires = ["glibc >= 2.17", "(logrotate if systemd)"]
recommends = ["logrotate"]
suggests = ["(sudo or doas)"]
conflicts = ["old-agent < 2"]
release = "3.acme"
epoch = 2
group = "Acme/Agents"
"#;

fn asked(program: &str, arguments: &[&str], file: &Path) -> String {
    let done = Command::new(program).args(arguments).arg(file).output().unwrap_or_else(|_| panic!("{program} is missing"));
    assert!(done.status.success(), "{program}: {}", text(&done.stderr));
    text(&done.stdout)
}

#[test]
fn dpkg_and_rpm_read_every_relation_of_the_manifest() {
    let product = Product::new();
    product.write("linkpack.toml", [MANIFEST, TABLES].concat());
    let built = product.built(&["-f", "deb,rpm"]);
    let find = |end: &str| product.path("dist").join(built.keys().find(|name| name.ends_with(end)).expect(end));

    let mut deb = Command::new("dpkg-deb");
    deb.arg("-f").arg(find(".deb")).args(["Depends", "Recommends", "Suggests", "Conflicts", "Section", "Priority"]);
    let fields = text(&deb.output().unwrap().stdout);
    let expected = "Depends: libc6 (>= 2.28), adduser | passwd\nRecommends: logrotate\nSuggests: sudo\n\
                    Conflicts: old-agent (<< 2)\nSection: non-free/net\nPriority: extra\n";
    let sorted = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(sorted(&fields), sorted(expected));

    let rpm = find("sample-1.0.0-3.acme.x86_64.rpm");
    assert_eq!(asked("rpm", &["-qp", "--qf", "%{EPOCH} %{RELEASE} %{GROUP}\n"], &rpm), "2 3.acme Acme/Agents\n");
    let lines = |what| asked("rpm", &["-qp", what], &rpm);
    for (what, line) in [
        ("--requires", "glibc >= 2.17"),
        ("--requires", "(logrotate if systemd)"),
        ("--requires", "rpmlib(RichDependencies) <= 4.12.0-1"),
        ("--recommends", "logrotate"),
        ("--suggests", "(sudo or doas)"),
        ("--conflicts", "old-agent < 2"),
        ("--provides", "sample = 2:1.0.0-3.acme"),
    ] {
        assert!(lines(what).lines().any(|found| found == line), "{what}: {line} is not in {}", lines(what));
    }
    let checked = Command::new(LINKPACK).arg("verify").arg(product.path("dist")).output().unwrap();
    assert!(checked.status.success(), "{}", text(&checked.stdout));
}

#[test]
fn rich_relations_are_read_as_rpm_reads_them() {
    // `(a or b) c` is two to rpm's spec files, and a relation has a text of its own here.
    for (relation, takes) in [
        ("(a or b)", true),
        ("((a and b) or (c with d >= 1))", true),
        ("(libc.so.6(GLIBC_2.17)(64bit) or musl)", true),
        ("(a and b or c)", false),
        ("(a)", true),
        ("(a or b", false),
        ("(a xor b)", false),
    ] {
        let product = Product::new();
        product.write("linkpack.toml", format!("{MANIFEST}\n[rpm]\nrequires = [\"{relation}\"]\n"));
        // rpm's own word on it: a package that requires it.
        let spec = format!("Name: x\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nRequires: {relation}\n%description\nx\n");
        product.write("x.spec", spec);
        let parsed = Command::new("rpmspec").arg("-P").arg(product.path("x.spec")).output().expect("rpmspec, of the package rpm");
        assert_eq!(parsed.status.success(), takes, "rpm itself: {relation}: {}", text(&parsed.stderr));
        let done = product.build(&["-q", "-f", "rpm"]);
        assert_eq!(done.status.success(), takes, "{relation}: {}", text(&done.stderr));
    }
}
