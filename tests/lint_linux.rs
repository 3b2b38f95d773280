//! `linkpack lint` on Linux packages: faults are planted in packages of dpkg-deb, rpmbuild and makeself and found; what lintian and rpmlint
//! call an error we call an error; our own packages and Debian's have none.
#[path = "lint_linux/command.rs"]
mod command;
mod common;
use common::*;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const LINKPACK: &str = env!("CARGO_BIN_EXE_linkpack");

/// Findings as (severity, rule, place).
type Found = Vec<(String, String, String)>;

fn lint(package: &Path, options: &[&str]) -> Found {
    let said = cmd(LINKPACK).args(["lint", "--json"]).args(options).arg(package).run();
    let document: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    let document = &document["packages"][0];
    assert!(document.get("unread").is_none(), "{document:#}");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let findings = document["findings"].as_array().expect("findings");
    findings.iter().map(|one| (text(&one["severity"]), text(&one["rule"]), text(&one["place"]))).collect()
}

fn errors(found: &Found) -> Vec<&(String, String, String)> {
    found.iter().filter(|(severity, ..)| severity == "error").collect()
}

/// A DEB in the making; without faults until some are planted.
struct Deb {
    folder: tempfile::TempDir,
}

const CONTROL: &str =
    "Package: agent\nVersion: 1.0-1\nArchitecture: amd64\nMaintainer: Acme <agent@acme.example>\nSection: admin\n\
     Priority: optional\nDepends: libc6 (>= 2.34)\nDescription: an agent\n It watches what is to be watched.\n";

impl Deb {
    fn new() -> Deb {
        let deb = Deb { folder: tempfile::tempdir().expect("make a folder") };
        deb.file("DEBIAN/control", CONTROL, 0o644).file("usr/share/doc/agent/copyright", "its own licence\n", 0o644).file(
            "usr/bin/agent",
            "#!/bin/sh\nexit 0\n",
            0o755,
        )
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("tree").join(name)
    }

    fn file(self, name: &str, bytes: impl AsRef<[u8]>, mode: u32) -> Deb {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("make a folder");
        fs::write(&path, bytes).expect("write a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set a mode");
        self
    }

    fn script(self, name: &str, text: &str) -> Deb {
        self.file(&format!("DEBIAN/{name}"), text, 0o755)
    }

    fn control(self, from: &str, to: &str) -> Deb {
        let text = fs::read_to_string(self.path("DEBIAN/control")).expect("read control");
        assert!(text.contains(from));
        self.file("DEBIAN/control", text.replace(from, to), 0o644)
    }

    fn run(self, program: &str, arguments: &[&str]) -> Deb {
        cmd(program).args(arguments).dir(self.path("")).run().ok();
        self
    }

    fn build(&self) -> PathBuf {
        let package = self.folder.path().join("agent_1.0-1_amd64.deb");
        // Owners as they are: the tests run as root.
        cmd("dpkg-deb").args(["--build", "--nocheck"]).arg(self.path("")).arg(&package).run().ok();
        package
    }
}

/// An ELF program as a compiler left it: this machine's own `true`, with another machine's number.
fn program(machine: Option<u8>) -> Vec<u8> {
    let mut bytes = fs::read("/bin/true").expect("read /bin/true");
    if let Some(machine) = machine {
        bytes[18] = machine;
    }
    bytes
}

const KEY: &str =
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n-----END PRIVATE KEY-----\n";

/// A fault, the rule that finds it, and lintian's tag where lintian calls it an error.
type Planted = (&'static str, &'static str, Option<&'static str>, fn(Deb) -> Deb);

fn planted() -> Vec<Planted> {
    vec![
        ("no maintainer", "field-missing", None, |deb| deb.control("Maintainer: Acme <agent@acme.example>\n", "")),
        ("no address", "maintainer", Some("malformed-contact"), |deb| deb.control("Acme <agent@acme.example>", "Acme")),
        ("architecture", "relation", None, |deb| deb.control("libc6 (>= 2.34)", "libc6 (>= 2.34), foo [amd64]")),
        ("variable", "relation", None, |deb| deb.control("libc6 (>= 2.34)", "${shlibs:Depends}")),
        ("path", "relation", None, |deb| deb.control("libc6 (>= 2.34)", "libc6 (>= 2.34), /bin/sh")),
        ("no copyright", "licence", Some("no-copyright-file"), |deb| deb.run("rm", &["usr/share/doc/agent/copyright"])),
        ("home", "place", Some("dir-or-file-in-home"), |deb| deb.file("home/user/x", "x", 0o644)),
        ("temp", "place", Some("dir-or-file-in-tmp"), |deb| deb.file("tmp/x", "x", 0o644)),
        ("run", "place", Some("dir-or-file-in-run"), |deb| deb.file("run/x", "x", 0o644)),
        ("mnt", "place", Some("dir-or-file-in-mnt"), |deb| deb.file("mnt/x", "x", 0o644)),
        ("world-writable file", "writable", None, |deb| deb.file("usr/lib/agent/x", "x", 0o666)),
        ("world-writable folder", "writable", None, |deb| {
            deb.file("usr/lib/agent/d/x", "x", 0o644).run("chmod", &["777", "usr/lib/agent/d"])
        }),
        ("program without x", "not-executable", None, |deb| deb.file("usr/bin/other", "#!/bin/sh\n", 0o644)),
        ("owner", "owner", Some("wrong-file-owner-uid-or-gid"), |deb| {
            deb.file("usr/lib/agent/x", "x", 0o644).run("chown", &["1234:1234", "usr/lib/agent/x"])
        }),
        ("link climbs", "link-climbs", Some("symlink-has-too-many-up-segments"), |deb| {
            deb.run("ln", &["-s", "../../../../x", "usr/bin/link"])
        }),
        ("device", "special-file", None, |deb| {
            deb.file("usr/lib/agent/x", "x", 0o644).run("mknod", &["usr/lib/agent/null", "c", "1", "3"])
        }),
        ("conffile in usr", "conffile-place", Some("file-in-usr-marked-as-conffile"), |deb| {
            deb.file("usr/lib/agent/x", "x", 0o644).file("DEBIAN/conffiles", "/usr/lib/agent/x\n", 0o644)
        }),
        ("etc unmarked", "conffile-unmarked", Some("file-in-etc-not-marked-as-conffile"), |deb| {
            deb.file("etc/agent.conf", "x", 0o644)
        }),
        ("missing conffile", "conffile-missing", None, |deb| deb.file("DEBIAN/conffiles", "/etc/missing\n", 0o644)),
        ("line breaks of Windows", "script-carriage-return", None, |deb| {
            deb.script("postinst", "#!/bin/sh\r\nset -e\r\nexit 0\r\n")
        }),
        ("no interpreter", "script-interpreter", None, |deb| deb.script("postinst", "set -e\n")),
        ("bashism", "script-bashism", None, |deb| deb.script("postinst", "#!/bin/sh\nset -e\nif [[ $1 = x ]]; then :; fi\n")),
        ("array", "script-bashism", None, |deb| deb.script("postinst", "#!/bin/sh\nset -e\na=(1 2)\n")),
        ("temporary", "script-temporary", None, |deb| deb.script("postinst", "#!/bin/sh\nset -e\necho x >/tmp/agent.log\n")),
        ("apt", "script-installs", None, |deb| deb.script("postinst", "#!/bin/sh\nset -e\napt-get install -y x || true\n")),
        ("dpkg", "script-installs", None, |deb| deb.script("postinst", "#!/bin/sh\nset -e\ndpkg -i /x.deb\n")),
        ("network", "script-network", None, |deb| {
            deb.script("postinst", "#!/bin/sh\nset -e\nif curl -s https://x/y; then :; fi\n")
        }),
        ("python", "interpreter-missing", None, |deb| deb.file("usr/bin/tool", "#!/usr/bin/python3\n", 0o755)),
        ("digest", "digest", Some("md5sum-mismatch"), |deb| {
            deb.file("DEBIAN/md5sums", format!("{:032x}  usr/bin/agent\n", 1), 0o644)
        }),
        ("listed twice", "damaged", None, |deb| deb.run("sh", &["-c", "md5sum usr/bin/agent usr/bin/agent >DEBIAN/md5sums"])),
        ("stopped", "service-stopped", None, |deb| deb.script("prerm", "#!/bin/sh\nset -e\nsystemctl stop agent.service\n")),
        ("stopped at last", "service-stopped", None, |deb| {
            deb.file("usr/lib/systemd/system/agent.service", "[Service]\nExecStart=/usr/bin/agent\n", 0o644)
                .script("postinst", "#!/bin/sh\nset -e\nsystemctl stop agent.service || true\n")
        }),
        ("syntax", "script-syntax", Some("maintainer-shell-script-fails-syntax-check"), |deb| {
            deb.script("postinst", "#!/bin/sh\nset -e\nif [ \"$1\" = configure ]; then\n\techo yes\n")
        }),
        ("quote", "script-syntax", Some("maintainer-shell-script-fails-syntax-check"), |deb| {
            deb.script("postinst", "#!/bin/sh\nset -e\necho \"yes\n")
        }),
        ("key", "secret", None, |deb| deb.file("usr/lib/agent/x.pem", KEY, 0o644)),
        ("key in a script", "secret", None, |deb| {
            deb.script("postinst", &format!("#!/bin/sh\nset -e\ncat >/etc/x <<EOF\n{KEY}EOF\n"))
        }),
        ("machine", "machine", Some("binary-from-other-architecture"), |deb| {
            deb.file("usr/bin/other", program(Some(183)), 0o755)
        }),
        ("all", "machine", Some("arch-independent-package-contains-binary-or-object"), |deb| {
            deb.control("amd64", "all").file("usr/bin/other", program(None), 0o755)
        }),
        ("glibc", "glibc", None, |deb| {
            deb.control("libc6 (>= 2.34)", "libc6 (>= 2.3)").file("usr/bin/other", program(None), 0o755)
        }),
        ("no libc", "libc-missing", None, |deb| {
            deb.control("libc6 (>= 2.34)", "adduser").file("usr/bin/other", program(None), 0o755)
        }),
    ]
}

#[test]
fn a_package_without_faults_has_no_findings() {
    let found = lint(&Deb::new().file("usr/bin/other", program(None), 0o755).build(), &["--system", "debian-13"]);
    assert_eq!(found, []);
}

#[test]
fn each_fault_planted_in_a_deb_is_found_and_lintians_errors_are_ours() {
    need("lintian", "lintian");
    let faults = planted();
    let mut missed = Vec::new();
    let mut packages = Vec::new();
    for (name, rule, _, plant) in &faults {
        let deb = plant(Deb::new());
        let package = deb.build();
        let found = lint(&package, &[]);
        if !errors(&found).iter().any(|(_, found, _)| found == rule) {
            missed.push(format!("{name}: no error of {rule} among {found:?}"));
        }
        packages.push((deb, package));
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    let mut compared = 0;
    for ((name, rule, tag, _), (_, package)) in faults.iter().zip(&packages).filter(|((_, _, tag, _), _)| tag.is_some()) {
        let tag = tag.expect("a tag");
        let said = cmd("lintian").args(["--allow-root", "--no-cfg", "--tags", tag]).arg(package).run().stdout;
        assert!(said.lines().any(|line| line.starts_with("E: ") && line.contains(tag)), "{name} ({rule}): lintian says {said:?}");
        compared += 1;
    }
    println!("{} faults found, {compared} of them errors of lintian too", faults.len());
}

/// A DEB of these files that ar and tar put together, as dpkg-deb would not.
fn assembled(folder: &Path, control: &str, tar: &str, order: &str) -> PathBuf {
    let script = format!(
        "rm -rf c d *.tar.gz x.deb; mkdir -p c d/opt/v d/usr/share/doc/vend; touch d/usr/share/doc/vend/copyright d/opt/v/$(printf %0150d 0); \
         mv control c/control; tar --owner=0 --group=0 -C c -czf control.tar.gz .; tar {tar} --owner=0 --group=0 -C d -czf data.tar.gz .; \
         echo 2.0 >debian-binary; echo x >extra; ar rc x.deb debian-binary {order}"
    );
    fs::write(folder.join("control"), control).expect("write control");
    cmd("sh").args(["-euc", &script]).dir(folder).run().ok();
    folder.join("x.deb")
}

#[test]
fn what_dpkg_refuses_is_an_error() {
    const FINE: &str = "Package: vend\nVersion: 1.0-1\nArchitecture: amd64\nMaintainer: V <v@example.com>\nDescription: x\n";
    const ORDER: &str = "control.tar.gz data.tar.gz";
    let folder = tempfile::tempdir().expect("make a folder");
    let installs = |deb: &Path| {
        cmd("sh")
            .args(["-euc", "rm -rf r; mkdir -p r/var/lib/dpkg/info r/var/lib/dpkg/updates; : >r/var/lib/dpkg/status"])
            .dir(folder.path())
            .run()
            .ok();
        let root = format!("--root={}", folder.path().join("r").display());
        cmd("dpkg")
            .args([&root, "--force-script-chrootless", "--force-architecture", "--force-depends", "-i"])
            .arg(deb)
            .run()
            .code
            == Some(0)
    };
    for (what, control, tar, order, refused) in [
        ("nothing wrong", FINE.to_owned(), "", ORDER, false),
        ("a name that needs GNU's long names", FINE.to_owned(), "--format=gnu", ORDER, false),
        ("a member that dpkg skips", FINE.to_owned(), "", "control.tar.gz data.tar.gz extra", false),
        ("relations", format!("{FINE}Depends: a (>= 1:2.0~), b:any | c, d (<< 3)\nProvides: e (= 1), f\n"), "", ORDER, false),
        ("PAX headers", FINE.to_owned(), "--format=pax", ORDER, true),
        ("the data before the control files", FINE.to_owned(), "", "data.tar.gz control.tar.gz", true),
        ("an architecture in a relation", format!("{FINE}Depends: foo [amd64]\n"), "", ORDER, true),
        ("a comma at the end", format!("{FINE}Depends: foo,\n"), "", ORDER, true),
        ("alternatives in Conflicts", format!("{FINE}Conflicts: a | b\n"), "", ORDER, true),
        ("a version with _", FINE.replace("1.0-1", "1.0_2"), "", ORDER, true),
        ("a version without a number first", FINE.replace("1.0-1", "v1"), "", ORDER, true),
        ("a field twice", format!("{FINE}Section: a\nSection: b\n"), "", ORDER, true),
        ("two paragraphs", format!("{FINE}\nPackage: other\n"), "", ORDER, true),
        ("no last line break", FINE.trim_end().to_owned(), "", ORDER, true),
        ("a line that is no field", format!("{FINE}Section\n"), "", ORDER, true),
    ] {
        let deb = assembled(folder.path(), &control, tar, order);
        assert_eq!(!installs(&deb), refused, "{what}: dpkg itself");
        let found = lint(&deb, &[]);
        assert_eq!(errors(&found).iter().any(|(_, rule, _)| rule == "damaged"), refused, "{what}: {found:?}");
    }
}

#[test]
fn set_gid_gives_the_group_alone() {
    let say = |mode: &'static str| {
        let deb = Deb::new()
            .file("usr/games/x", "#!/bin/sh\n", 0o755)
            .run("chgrp", &["60", "usr/games/x"])
            .run("chmod", &[mode, "usr/games/x"]);
        cmd(LINKPACK).arg("lint").arg(deb.build()).run().ok().stdout
    };
    let said = say("2755");
    assert!(said.contains("with the rights of the group games") && !said.contains("as root"), "{said}");
    let said = say("4755");
    assert!(said.contains("it runs as root whoever") && !said.contains("group"), "{said}");
    assert!(say("6755").contains("as root and with the rights of the group games"));
}

#[test]
fn the_example_of_a_key_is_a_warning() {
    let example = "KEY = \"\"\"\n    -----BEGIN RSA PRIVATE KEY-----\n    MIIBxwIBAAJhAKD0YSHy73nUgysO13XsJmd4fHiFyQ+00R7VVu2iV9Qco\n    ...\n    -----END RSA PRIVATE KEY-----\n\"\"\"\n";
    let found = lint(&Deb::new().file("usr/lib/agent/e.py", example, 0o644).build(), &[]);
    assert!(errors(&found).is_empty() && found.iter().any(|(_, rule, _)| rule == "secret"), "{found:?}");
}

#[test]
fn what_may_be_meant_is_a_warning() {
    for (name, rule, plant) in [
        ("set-uid", "set-uid", (|deb: Deb| deb.file("usr/bin/su", "#!/bin/sh\n", 0o4755)) as fn(Deb) -> Deb),
        ("no set -e", "script-errors", |deb| deb.script("postinst", "#!/bin/sh\nexit 0\n")),
        ("cannot fail", "script-verdict", |deb| {
            deb.script("preinst", "#!/bin/sh\n[ -d /opt ] || echo 'error: there is no /opt' >&2\nexit 0\n")
        }),
        ("local", "place-local", |deb| deb.file("usr/local/lib/x", "x", 0o644)),
        ("empty folder in memory", "place", |deb| deb.run("mkdir", &["-p", "var/run/agent"])),
        ("password", "secret", |deb| {
            deb.file("etc/agent.conf", "DBPassword=Tr0ub4dor&3x\n", 0o644).file("DEBIAN/conffiles", "/etc/agent.conf\n", 0o644)
        }),
    ] {
        let found = lint(&plant(Deb::new()).build(), &[]);
        assert!(found.iter().any(|(severity, found, _)| severity == "warning" && found == rule), "{name}: {found:?}");
        assert!(errors(&found).is_empty(), "{name}: {found:?}");
    }
}

#[test]
fn what_only_looks_like_a_fault_is_none() {
    let deb = Deb::new()
        .script("postinst", "#!/bin/sh\nset -e\n# apt-get install x\necho 'run: wget x'\ncat <<EOF\ncurl x\nEOF\nt=$(mktemp /tmp/x.XXXXXX)\necho x >\"$t\"\ndpkg -s x >/dev/null || true\nrpm -q x || true\n")
        .script("prerm", "#!/bin/sh\nset -e\nif [ \"$1\" = remove ]; then\n\tsystemctl stop agent.service\nfi\n")
        .script("preinst", "#!/bin/sh\nset -e\n[ -d /opt ] || { echo 'error: there is no /opt' >&2; exit 1; }\ncase $1 in done|if) : ;; esac\n")
        .file("usr/lib/agent/key.pem", KEY, 0o600)
        // A cross compiler's library; and a build account's number at the root, which dpkg leaves as it is.
        .file("usr/mips64el-linux-gnuabi64/lib/libx.so.1", program(Some(8)), 0o644)
        .file("usr/lib/agent/compiled.go", program(Some(0)), 0o644)
        .run("chown", &["1234:1234", "."])
        .file("etc/agent.conf", "token-file=/etc/agent/token\npassword=\n", 0o644)
        .file("DEBIAN/conffiles", "/etc/agent.conf\n", 0o644);
    assert_eq!(lint(&deb.build(), &[]), []);
}

#[test]
fn a_glibc_above_the_systems_is_found() {
    let deb = Deb::new().file("usr/bin/other", program(None), 0o755);
    let package = deb.build();
    let found = lint(&package, &["--system", "debian-13", "--system", "debian-10"]);
    assert!(errors(&found).iter().any(|(_, rule, place)| rule == "glibc" && place == "/usr/bin/other"), "{found:?}");
    // An RPM's system does not read it.
    assert_eq!(lint(&package, &["--system", "rhel-7"]), []);
}

#[test]
fn an_unsafe_search_path_is_found() {
    need("gcc", "gcc");
    let folder = tempfile::tempdir().expect("make a folder");
    fs::write(folder.path().join("a.c"), "int main(void) { return 0; }\n").expect("write a program");
    for (path, bad) in [("/tmp/build/lib", true), ("lib", true), ("$ORIGIN/../lib", false), ("/opt/agent/lib", false)] {
        cmd("gcc").args(["-o", "a", "a.c", &format!("-Wl,-rpath,{path}")]).dir(folder.path()).run().ok();
        let bytes = fs::read(folder.path().join("a")).expect("read the program");
        let found = lint(&Deb::new().file("usr/bin/other", bytes, 0o755).build(), &[]);
        assert_eq!(errors(&found).iter().any(|(_, rule, _)| rule == "search-path"), bad, "{path}: {found:?}");
    }
}

/// An RPM of rpmbuild with these lines in its spec file.
fn rpm(folder: &Path, preamble: &str, install: &str, rest: &str) -> PathBuf {
    need("rpmbuild", "rpm");
    let spec = format!(
        "Name: agent\nVersion: 1.0\nRelease: 1\nSummary: an agent\nLicense: MIT\n{preamble}\n%description\nan agent\n\
         %install\nmkdir -p %{{buildroot}}/usr/bin\nprintf '#!/bin/sh\\n' >%{{buildroot}}/usr/bin/agent\nchmod 755 %{{buildroot}}/usr/bin/agent\n{install}\n\
         %files\n/usr/bin/agent\n{rest}\n"
    );
    fs::write(folder.join("agent.spec"), spec).expect("write a spec file");
    let define = format!("_topdir {}", folder.display());
    let _ = fs::remove_dir_all(folder.join("RPMS"));
    cmd("rpmbuild")
        .args(["-bb", "--quiet", "--target", "x86_64", "--define", &define, "--define", "debug_package %{nil}"])
        .arg(folder.join("agent.spec"))
        .run()
        .ok();
    folder.join("RPMS/x86_64/agent-1.0-1.x86_64.rpm")
}

#[test]
fn each_fault_planted_in_an_rpm_is_found_and_rpmlints_errors_are_ours() {
    need("rpmlint", "rpmlint");
    let folder = tempfile::tempdir().expect("make a folder");
    let clean = lint(&rpm(folder.path(), "", "", ""), &[]);
    assert!(errors(&clean).is_empty(), "{clean:?}");
    let put = |path: &str, mode: &str| {
        let parent = Path::new(path).parent().expect("a folder").display();
        format!("mkdir -p %{{buildroot}}{parent}\necho x >%{{buildroot}}{path}\nchmod {mode} %{{buildroot}}{path}")
    };
    let faults: [(&str, &str, Option<&str>, String, &str); 10] = [
        ("home", "place", Some("dir-or-file-in-home"), put("/home/x", "644"), "/home/x"),
        ("temp", "place", Some("dir-or-file-in-tmp"), put("/tmp/x", "644"), "/tmp/x"),
        ("mnt", "place", Some("dir-or-file-in-mnt"), put("/mnt/x", "644"), "/mnt/x"),
        ("world-writable", "writable", Some("world-writable"), put("/usr/lib/agent", "666"), "/usr/lib/agent"),
        ("set-uid", "set-uid", Some("setuid-binary"), put("/usr/bin/su", "4755"), "%attr(4755,root,root) /usr/bin/su"),
        ("stopped", "service-stopped", None, String::new(), "%preun\nsystemctl stop agent.service || :\n"),
        (
            "stopped at last",
            "service-stopped",
            None,
            put("/usr/lib/systemd/system/agent.service", "644"),
            "/usr/lib/systemd/system/agent.service\n%post\nsystemctl stop agent.service || :\n",
        ),
        ("syntax", "script-syntax", Some("shell-syntax-error-in-%post"), String::new(), "%post\nif [ -x /a ]; then\n  /a\n"),
        ("macro", "script-macro", None, String::new(), "%post\n%no_such_macro agent.service\n"),
        ("network", "script-network", None, String::new(), "%post\nwget -q https://x/y || :\n"),
    ];
    let mut compared = 0;
    for (name, rule, tag, install, rest) in &faults {
        let package = rpm(folder.path(), "", install, rest);
        let found = lint(&package, &[]);
        assert!(errors(&found).iter().any(|(_, found, _)| found == rule), "{name}: no error of {rule} among {found:?}");
        if let Some(tag) = tag {
            let said = cmd("rpmlint").arg(&package).run().stdout;
            assert!(said.lines().any(|line| line.contains(": E: ") && line.contains(tag)), "{name}: rpmlint says {said}");
            compared += 1;
        }
    }
    println!("{} faults found, {compared} of them errors of rpmlint too", faults.len());
    // Programs, which no package of Red Hat's marks as configuration.
    let init = put("/etc/rc.d/init.d/agent", "755");
    let found = lint(&rpm(folder.path(), "", &init, "/etc/rc.d/init.d/agent"), &[]);
    assert!(!found.iter().any(|(_, rule, _)| rule == "conffile-unmarked"), "{found:?}");
    let guarded = "%preun\nif [ $1 -eq 0 ]; then\n  systemctl stop agent.service || :\nfi\n";
    let found = lint(&rpm(folder.path(), "", "", guarded), &[]);
    assert!(errors(&found).is_empty(), "{found:?}");
}

#[test]
fn secrets_in_a_makeself_archive_are_found() {
    need("makeself", "makeself");
    let folder = tempfile::tempdir().expect("make a folder");
    fs::create_dir(folder.path().join("in")).expect("make a folder");
    fs::write(folder.path().join("in/key.pem"), KEY).expect("write a key");
    fs::write(folder.path().join("in/setup.sh"), "#!/bin/sh\n").expect("write a script");
    cmd("makeself").args(["--quiet", "in", "out.run", "an archive", "sh", "./setup.sh"]).dir(folder.path()).run().ok();
    let found = lint(&folder.path().join("out.run"), &[]);
    assert!(errors(&found).iter().any(|(_, rule, place)| rule == "secret" && place.ends_with("key.pem")), "{found:?}");
}

#[test]
fn our_own_packages_have_no_errors() {
    let product = Product::sample("1.0.0");
    for format in ["deb", "rpm", "run"] {
        let found = lint(&product.build(format), &["--system", "debian-12", "--system", "rhel-9"]);
        assert!(errors(&found).is_empty(), "{format}: {found:?}");
    }
}

/// A makeself-like package has no root: these rules are ours, so the RPM names one by its Prefix.
#[test]
fn links_that_do_not_follow_the_root_and_a_writable_root_are_found() {
    let folder = tempfile::tempdir().expect("make a folder");
    let install = "mkdir -p %{buildroot}/opt/agent/lib\nln -s /opt/agent/lib/x %{buildroot}/opt/agent/absolute\n\
                   ln -s ../../etc/passwd %{buildroot}/opt/agent/out\nln -s lib/missing %{buildroot}/opt/agent/dangling\n\
                   echo x >%{buildroot}/opt/agent/lib/x";
    let files =
        "%dir %attr(0777,root,root) /opt/agent\n/opt/agent/lib\n/opt/agent/absolute\n/opt/agent/out\n/opt/agent/dangling\n";
    let package = rpm(folder.path(), "Prefix: /opt/agent", install, files);
    let found = lint(&package, &[]);
    for (severity, rule, place) in [
        ("error", "link-root", "/opt/agent/absolute"),
        ("error", "root-writable", "/opt/agent"),
        ("warning", "link-leaves", "/opt/agent/out"),
        ("warning", "link-dangling", "/opt/agent/dangling"),
    ] {
        let wanted = (severity.to_owned(), rule.to_owned(), place.to_owned());
        assert!(found.contains(&wanted), "no {wanted:?} among {found:?}");
    }
}

#[test]
fn debians_own_packages_have_no_errors() {
    const PACKAGES: [&str; 10] = [
        "dash",
        "cron",
        "openssh-server",
        "logrotate",
        "chrony",
        "sudo",
        "dbus",
        "perl-base",
        "nagios-nrpe-server",
        "python3-minimal",
    ];
    let debs = fixture("lint-debs", &format!("{PACKAGES:?}"), |folder| {
        cmd("apt-get").args(["-q", "download"]).args(PACKAGES).dir(folder).run().ok();
    });
    let mut count = 0;
    for deb in fs::read_dir(debs).expect("list the packages").flatten() {
        let found = lint(&deb.path(), &[]);
        assert!(errors(&found).is_empty(), "{}: {found:?}", deb.path().display());
        count += 1;
    }
    assert_eq!(count, PACKAGES.len());
    println!("{count} packages of Debian judged");
}

/// The names of all rules, as the sources have them.
fn rules(folder: &Path, found: &mut std::collections::BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("list the sources").flatten() {
        if entry.path().is_dir() {
            rules(&entry.path(), found);
            continue;
        }
        let text = fs::read_to_string(entry.path()).expect("read a source");
        for call in text.split("findings.").skip(1).filter(|call| call.starts_with("error(") || call.starts_with("warning(")) {
            let first = call.split_once('(').expect("a call").1.trim_start();
            if let Some((rule, _)) = first.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
                found.insert(rule.to_owned());
            }
        }
    }
}

#[test]
fn every_rule_of_the_code_is_in_the_table_and_the_document_has_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = root.ancestors().find(|folder| folder.join("docs/lint-rules.md").exists()).expect("the repository");
    let mut found = std::collections::BTreeSet::new();
    rules(&root.join("builder/crates/inspect/src/lint"), &mut found);
    assert!(found.len() > 80, "{found:?}");
    for rule in &found {
        assert!(linkpack::rules::find(rule).is_some(), "{rule} is not in builder/crates/lint-rules");
    }
    let text = fs::read_to_string(root.join("docs/lint-rules.md")).expect("read the rules");
    for subject in linkpack::rules::Subject::ALL {
        let table = linkpack::rules::table(subject);
        for line in table.lines() {
            assert!(text.contains(line), "docs/lint-rules.md lacks this line of the table:\n{line}");
        }
        assert!(text.contains(&table), "docs/lint-rules.md has other lines in the table of {}", subject.name());
    }
    let named = text.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(named, linkpack::rules::all().count(), "docs/lint-rules.md has rules that the code does not have");
}
