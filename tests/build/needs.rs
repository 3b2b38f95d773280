//! What a package's files need is inside, or asked for: judged by dpkg-shlibdeps, rpm's elfdeps and the `.run`'s own check.
use super::*;
use std::collections::BTreeSet;

/// Programs made by the compiler of the host, and what a vendor's tree holds of libraries.
fn product() -> Product {
    let product = Product::new();
    let script = r#"
        mkdir -p pulse/bin pulse/lib other/lib src
        echo 'int ours(void) { return 1; }' >src/ours.c
        gcc -shared -fPIC -Wl,-soname,libours.so.1 -o pulse/lib/libours.so.1.0 src/ours.c
        ln -s libours.so.1.0 pulse/lib/libours.so.1
        gcc -shared -fPIC -Wl,-soname,libtheirs.so.2 -o other/lib/libtheirs.so.2 src/ours.c
        printf '%s\n' '#include <stdio.h>' '#include <math.h>' '#include <pthread.h>' 'extern char *zlibVersion(void); extern void *inflateGetDictionary(void); extern int ours(void);' \
            'extern const char *SSL_get_version(void *); static void *t(void *x) { return x; }' \
            'int main(int c, char **v) { pthread_t p; pthread_create(&p, 0, t, 0); printf("%s %p %s %d %f", zlibVersion(), inflateGetDictionary(), SSL_get_version(v), ours(), pow(c, 2.5)); return 0; }' >src/pulse.c
        gcc -w -o pulse/bin/pulse src/pulse.c -Wl,-rpath,'$ORIGIN/../lib' pulse/lib/libours.so.1 -l:libz.so.1 -l:libssl.so.3 -lm -lpthread
        gcc -w -o other/other src/ours.c -shared -fPIC -Wl,--no-as-needed pulse/lib/libours.so.1
        printf '%s\n' 'int main(void) { return 0; }' >src/static.c
        gcc -static -o pulse/bin/alone src/static.c
        printf '#!/usr/bin/python3\n' >pulse/bin/script; printf '#!/usr/bin/env perl\n' >pulse/bin/other; chmod 755 pulse/bin/*
        cp /bin/true connector/vlink
    "#;
    let done = Command::new("sh").args(["-ec", script]).current_dir(product.path("")).output().unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
    product.write("linkpack.toml", MANIFEST);
    product
}

fn asked(program: &str, arguments: &[&str], folder: &Path, stdin: &str) -> String {
    use std::io::Write;
    let mut child = Command::new(program);
    child.args(arguments).current_dir(folder).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = child.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{program} {arguments:?}");
    text(&done.stdout)
}

fn words(text: &str, by: char) -> BTreeSet<String> {
    text.split(by).map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

/// What the packages of the last build ask for: the DEB's Depends, the RPM's Requires.
fn asks(product: &Product) -> (BTreeSet<String>, BTreeSet<String>) {
    let dist = product.path("dist");
    let deb = asked("dpkg-deb", &["-f", "sample_1.0.0_amd64.deb", "Depends"], &dist, "");
    let rpm = asked("rpm", &["-qp", "--requires", "sample-1.0.0-1.x86_64.rpm"], &dist, "");
    (words(&deb, ','), words(&rpm, '\n'))
}

#[test]
fn packages_ask_for_what_their_files_need_as_the_fields_own_tools_do() {
    let product = product();
    let done = product.build(&["--no-cache", "-f", "deb,rpm,run"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(!text(&done.stderr).contains("warning"), "{}", text(&done.stderr));
    let (depends, requires) = asks(&product);

    // rpm's own generator, for the files that it looks at: what is executable.
    let files = "connector/vlink\npulse/bin/pulse\npulse/lib/libours.so.1.0\npulse/bin/alone\n";
    let mut theirs = words(&asked("/usr/lib/rpm/elfdeps", &["--requires"], &product.path(""), files), '\n');
    theirs.retain(|one| !one.starts_with("libours"));
    theirs.extend(["/usr/bin/python3", "/usr/bin/perl"].map(str::to_owned));
    assert!(theirs.contains("libz.so.1(ZLIB_1.2.7.1)(64bit)") && theirs.contains("rtld(GNU_HASH)"), "{theirs:?}");
    let tools = ["/bin/sh", "coreutils", "findutils", "gawk", "grep", "sed", "util-linux"];
    let ours: BTreeSet<_> =
        requires.iter().filter(|one| !one.starts_with("rpmlib(") && !tools.contains(&one.as_str())).cloned().collect();
    assert_eq!(ours, theirs);

    // dpkg-shlibdeps, whose answer is in the host's names.
    product.write("debian/control", "Source: sample\n\nPackage: sample\nArchitecture: amd64\n");
    let arguments = ["-O", "--ignore-missing-info", "-Spulse", "connector/vlink", "pulse/bin/pulse", "pulse/lib/libours.so.1.0"];
    let said = asked("dpkg-shlibdeps", &arguments, &product.path(""), "");
    for one in words(said.trim().strip_prefix("shlibs:Depends=").expect("the variable"), ',') {
        let (name, version) = one.split_once(' ').unwrap_or((&one, ""));
        let same = |ours: &&String| ours.split(" | ").any(|ours| ours == one);
        assert!(depends.iter().any(|ours| same(&ours)), "{name} {version}: {depends:?}");
    }
    let names = |set: &BTreeSet<String>| set.iter().map(|one| one.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&depends), ["libc6", "libssl3", "perl", "python3", "zlib1g"]);

    // A .run looks for itself.
    let run = fs::read(product.path("dist/sample-1.0.0-linux-x86_64.run")).unwrap();
    let run = String::from_utf8_lossy(&run);
    assert!(run.contains("64 libz.so.1 zlib1g ZLIB_1.2.7.1") && run.contains("\n/usr/bin/python3'"), "its list");
}

#[test]
fn a_manifest_turns_off_leaves_out_and_names() {
    let product = product();
    // Only another container has libours.so.1, which other needs; nobody has libnobody.so.9.
    let script = "gcc -shared -fPIC -Wl,-soname,libnobody.so.9 -o src/libnobody.so.9 src/ours.c\n\
                  gcc -w -shared -fPIC -Wl,--no-as-needed -o other/agent src/ours.c pulse/lib/libours.so.1 src/libnobody.so.9\nrm -f other/other";
    let done = Command::new("sh").args(["-ec", script]).current_dir(product.path("")).output().unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
    let other = "\n[[container]]\nname = \"other\"\ncommand = [\"agent\"]\npayload = { linux-x86_64 = \"other\" }\n";
    let build = |more: &str| {
        product.write("linkpack.toml", format!("{MANIFEST}{other}{more}"));
        let done = product.build(&["--no-cache", "-q", "-f", "deb,rpm"]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        (asks(&product), text(&done.stderr))
    };
    let ((depends, requires), said) = build("");
    assert!(said.contains("libnobody.so.9 (needed by Intigua-Libs/other/agent)") && said.contains("libours.so.1"), "{said}");
    assert!(said.contains("provided-by = { \"libnobody.so.9\" = \"PACKAGE\" }"), "{said}");
    assert!(requires.contains("libours.so.1()(64bit)") && !depends.iter().any(|one| one.contains("nobody")), "{depends:?}");

    let tables =
        "[deb]\nauto-exclude = [\"python3\", \"libours.so.1\"]\nprovided-by = { \"libnobody.so.9\" = \"libnobody9 (>= 3)\" }\n\
                  [rpm]\nauto-depends = false\nrequires = [\"mine\"]\n";
    let ((depends, requires), said) = build(tables);
    assert_eq!(said, "");
    assert!(depends.contains("libnobody9 (>= 3)") && !depends.contains("python3"), "{depends:?}");
    assert!(
        requires.contains("mine") && !requires.iter().any(|one| one.contains(".so") || one.contains("python")),
        "{requires:?}"
    );

    product.write("linkpack.toml", format!("{MANIFEST}{other}").replace("[product]\n", "[product]\nauto-depends = false\n"));
    assert!(product.build(&["--no-cache", "-q", "-f", "deb,rpm"]).status.success());
    let (depends, requires) = asks(&product);
    assert!(depends.is_empty() && !requires.iter().any(|one| one.contains(".so")), "{depends:?} {requires:?}");
}
