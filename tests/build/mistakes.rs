//! Mistakes that people make in a manifest, each with what linkpack says: the line, the reason in plain words, a right form to type.

use super::{text, Product};

/// A manifest without a mistake, with much in it.
const GOOD: &str = r#"[product]
name = "acme-agent"
title = "Acme agent"
version = "1.0"
publisher = "Acme Ltd"
contact = "Acme Ltd <support@acme.example>"
license = "Proprietary"
upgrade-code = "6E1E459E-B1B6-4DFD-91B5-DF572F892F1F"
homepage = "https://acme.example"
systems = ["debian-12", "rhel-8", "rhel-9"]
description = """
Acme's connector and its agents
Exporter, monit and our probe."""

[root]
linux = "/opt/acme/intigua"
windows = 'D:\Acme\Intigua'

[connector]
server-url = "https://core.acme.example:443"
executable = { linux = "vlink" }
payload = { linux-x86_64 = "connector" }

[[container]]
name = "exporter"
required = true
command = ["bin/pulse", "--web.listen-address=127.0.0.1:9100"]
payload = { linux-x86_64 = { source = "pulse", exclude = ["doc/**"] } }
throttle = { nice = 10, max-cpu-percent = 25 }

[[container]]
name = "monit"
command = ["bin/pulse", "-c", "{dir}/conf/monitrc"]
payload = { linux-x86_64 = [{ source = "pulse", config = ["doc/**"] }, "pulse"] }
"#;

fn product() -> Product {
    let product = Product::new();
    product.write("pulse/doc/readme", "read me\n");
    product.write("linkpack.toml", GOOD);
    product
}

/// An edit of the manifest, what is said of it, and the line that is shown.
type Mistake = (&'static str, &'static str, &'static [&'static str], &'static str);

const MISTAKES: &[Mistake] = &[
    ("title = ", "titel = ", &["unknown key \"titel\"", "help: write \"title\""], "titel"),
    (
        "[[container]]\nname = \"monit\"",
        "[[containers]]\nname = \"monit\"",
        &["unknown key \"containers\"", "write \"container\""],
        "containers",
    ),
    ("[[container]]\nname = \"exporter\"", "[container]\nname = \"exporter\"", &["help: "], "container"),
    (
        "version = \"1.0\"",
        "version = 1.0",
        &["version is 1.0, a number, and a text in quotes is needed", "help: write version = \"1.0\""],
        "1.0",
    ),
    ("name = \"acme-agent\"", "name = acme-agent", &["in quotes", "help: write name = \"acme-agent\""], "acme-agent"),
    (
        "'D:\\Acme\\Intigua'",
        "\"D:\\Acme\\Intigua\"",
        &["backslash", "help: write the text in single quotes: 'D:\\Acme\\Intigua'"],
        "windows",
    ),
    ("[root]\n", "[names]\nservice = \"Acme Link\"\n[root]\n", &["is no name for a service", "\"vlink\""], "Acme Link"),
    ("[root]\n", "[names]\nsevice = \"acme\"\n[root]\n", &["unknown key \"sevice\"", "help: write \"service\""], "sevice"),
    ("[root]\n", "[names]\nvendor = \"dpkg\"\n[root]\n", &["is a folder of the system's own"], "dpkg"),
    ("[root]\n", "[names]\nstart-link = 100\n[root]\n", &["is no number from 1 to 99"], "100"),
    (
        "[root]\n",
        "[names]\ncontainers-folder = \"vagentmanager\"\n[root]\n",
        &["connector-folder and containers-folder are both", "help: give each"],
        "vagentmanager",
    ),
    ("[root]\n", "[names]\nservice = \"monit\"\n[root]\n", &["has the service's name", "monit.log"], "name = \"monit\""),
    ("version = \"1.0\"", "version = \"v1.0\"", &["help: write \"1.0\""], "v1.0"),
    ("version = \"1.0\"", "version = \"2.0-rc1\"", &["help: write \"2.0~rc1\""], "2.0-rc1"),
    ("version = \"1.0\"", "version = \"2.0.0-1\"", &["\"2.0.0.1\" for what comes after 2.0.0, or \"2.0.0~1\""], "2.0.0-1"),
    ("name = \"acme-agent\"", "name = \"Acme Agent\"", &["help: write \"acme-agent\""], "Acme Agent"),
    (
        "{ source = \"pulse\", exclude",
        "{ source = \"pulze\", exclude",
        &["there is no ", "pulze", "help: write \"pulse\""],
        "\"pulze\"",
    ),
    (", \"pulse\"] }", ", \"plus/pulse\"] }", &["there is no ", "help: name a folder"], "plus/pulse"),
    (
        "linux-x86_64 = \"connector\"",
        "linux-x86_64 = \"https://acme.example/c.tar\"",
        &["on the network", "curl -fLo c.tar"],
        "https://acme.example/c.tar",
    ),
    (
        "executable = { linux = \"vlink\" }",
        "executable = { linux = \"bin/vlink\" }",
        &["has no file \"bin/vlink\"", "help: write executable.linux = \"vlink\""],
        "\"bin/vlink\"",
    ),
    (
        "executable = { linux = \"vlink\" }",
        "executable = \"vlink\"",
        &["executable is \"vlink\", a text, and a table is needed", "help: write executable = { linux = \"vlink\" }"],
        "\"vlink\"",
    ),
    (
        "command = [\"bin/pulse\", \"-c\"",
        "command = [\"usr/bin/pulse\", \"-c\"",
        &["has no file \"usr/bin/pulse\"", "help: write command = [\"bin/pulse\", \"-c\", \"{dir}/conf/monitrc\"]"],
        "usr/bin/pulse",
    ),
    (
        "command = [\"bin/pulse\", \"-c\"",
        "command = [\"/usr/sbin/pulse\", \"-c\"",
        &["the payload has \"bin/pulse\"", "help: write command = [\"bin/pulse\", \"-c\", "],
        "/usr/sbin/pulse",
    ),
    (
        "linux-x86_64 = \"connector\"",
        "linux-amd64 = \"connector\"",
        &["\"linux-amd64\" is not known here", "help: write \"linux-x86_64\""],
        "linux-amd64",
    ),
    ("linux-x86_64 = \"connector\"", "windows-x64 = \"connector\"", &["help: write \"windows-x86_64\""], "windows-x64"),
    ("linux-x86_64 = \"connector\"", "linux-arm64 = \"connector\"", &["help: write \"linux-aarch64\""], "linux-arm64"),
    ("linux-x86_64 = \"connector\"", "linux-riscv64 = \"connector\"", &["help: write one of: linux-x86_64, "], "linux-riscv64"),
    ("\"rhel-8\"", "\"centos-8\"", &["\"centos-8\" is not known here", "help: write \"rhel-8\""], "centos-8"),
    ("\"rhel-8\"", "\"debian-14\"", &["help: write one of: debian-10, "], "debian-14"),
    ("name = \"monit\"", "name = \"exporter\"", &["two containers are called \"exporter\""], "name = \"exporter\""),
    ("name = \"monit\"", "name = \"monit\"\nname = \"monit2\"", &["the key name is there twice", "remove one of them"], "monit2"),
    ("nice = 10", "nice = -5", &["-5 is out of range", "help: write a whole number from 0 to 19"], "nice = -5"),
    ("nice = 10", "nice = \"10\"", &["a whole number", "help: write nice = 10"], "nice = \"10\""),
    (
        "required = true",
        "required = \"yes\"",
        &["required is \"yes\", a text, and true or false", "help: write required = true"],
        "\"yes\"",
    ),
    ("required = true", "watchdog = { first = 1 }", &["1 is a span of time without its unit", "write \"1s\""], "first = 1"),
    ("required = true", "watchdog = { first = \"1\" }", &["without its unit", "write \"1s\""], "first = \"1\""),
    ("required = true", "watchdog = { first = \"soon\" }", &["not a span of time", "write \"500ms\""], "soon"),
    ("\"/opt/acme/intigua\"", "\"/opt\"", &["belongs to the system", "help: write an absolute folder"], "\"/opt\""),
    ("\"/opt/acme/intigua\"", "\"/tmp/acme\"", &["no endpoint takes", "help: write an absolute folder"], "\"/tmp/acme\""),
    ("\"/opt/acme/intigua\"", "\"opt/acme\"", &["not an absolute path", "help: write an absolute folder"], "\"opt/acme\""),
    (
        "contact = \"Acme Ltd <support@acme.example>\"\n",
        "",
        &["the key \"contact\" is missing", "contact = \"Example Ltd <support@example.com>\""],
        "[product]",
    ),
    (
        "\"Acme Ltd <support@acme.example>\"",
        "\"Acme\"",
        &["has no mail address", "help: write \"Acme <support@example.com>\""],
        "contact",
    ),
    (
        "\"Acme Ltd <support@acme.example>\"",
        "\"support@acme.example\"",
        &["has no name", "help: write \"Example Ltd <support@acme.example>\""],
        "contact",
    ),
    (
        "\"https://core.acme.example:443\"",
        "\"core.acme.example:443\"",
        &["is not a URL: it does not begin with https://", "help: write \"https://core.acme.example:443\""],
        "core.acme",
    ),
    (
        "exclude = [\"doc/**\"]",
        "exclude = [\"doc/[x\"]",
        &["not a valid glob", "help: write a path relative to the payload"],
        "payload",
    ),
    ("6E1E459E-B1B6", "6E1E459-B1B6", &["is not a GUID", "upgrade-code = \""], "upgrade-code"),
    ("homepage = ", "server-url = ", &["unknown key \"server-url\"", "help: write it in [connector]"], "server-url"),
    ("server-url = ", "server_url = ", &["unknown key \"server_url\"", "help: write \"server-url\""], "server_url"),
    ("\"rhel-8\", \"rhel-9\"]", "\"rhel-8\", \"rhel-9\"", &["the list that begins here has no end"], "systems"),
    (
        "systems = [\"debian-12\", \"rhel-8\", \"rhel-9\"]",
        "systems = \"debian-12\"",
        &["systems is \"debian-12\", a text, and a list is needed", "help: write systems = [\"debian-12\"]"],
        "systems",
    ),
    ("{dir}/conf", "{directory}/conf", &["\"{directory}\" is no placeholder", "help: write {dir}"], "{directory}"),
    ("{dir}/conf", "{DIR}/conf", &["help: write {dir}"], "{DIR}"),
    ("required = true", "inject = \"preload\"", &["names no library"], "inject"),
    ("required = true", "inject = \"preload\"\nlibrary = \"lib/nothere.so\"", &["has no file \"lib/nothere.so\""], "library"),
    (
        "[root]",
        "[deb]\ndepends = [\"libc6 > 2.28\"]\n[root]",
        &["without parentheses", "help: write \"libc6 (>= 2.28)\""],
        "libc6 > 2.28",
    ),
    (
        "[root]",
        "[rpm]\nrequires = [\"glibc>=2.28\"]\n[root]",
        &["is not an RPM dependency", "help: write \"glibc >= 2.28\""],
        "glibc>=2.28",
    ),
    (
        "payload = { linux-x86_64 = { source = \"pulse\", exclude = [\"doc/**\"] } }",
        "payload = {}",
        &["has no payload"],
        "payload = {}",
    ),
    ("required = true", "run-as = \"my user\"", &["is not an account's name"], "my user"),
    (
        "[connector]\nserver-url",
        "[connector]\nrun-as = \"My User\"\nserver-url",
        &["is not an account's name", "\"auto\""],
        "My User",
    ),
    // What comes from the environment, and its misspellings.
    (
        "version = \"1.0\"",
        "version = { evn = \"V\" }",
        &[
            "version is a table, and a text in quotes is needed",
            "or version = { env = \"NAME\" } to take it from the environment",
        ],
        "evn",
    ),
    ("version = \"1.0\"", "version = { env = \"LP_NOT_SET\" }", &["variable LP_NOT_SET is not set", "LP_NOT_SET=..."], "env"),
    // A misspelt required key is one mistake.
    ("license = ", "licence = ", &["unknown key \"licence\"", "help: write \"license\""], "licence"),
    ("contact = ", "maintainer = ", &["unknown key \"maintainer\"", "help: write \"contact\""], "maintainer"),
    ("required = true", "cmd = [\"bin/pulse\"]", &["unknown key \"cmd\"", "help: write \"command\""], "cmd"),
    (
        "linux-x86_64 = \"connector\"",
        "linux-x86_64 = 5",
        &["the path of a folder, an archive or a package is needed", "help: write linux-x86_64 = \"a folder or package\""],
        "linux-x86_64 = 5",
    ),
    ("nice = 10", "max-memory-kb = -1", &["max-memory-kb is -1", "help: write max-memory-kb = 1"], "-1"),
    (
        "command = [\"bin/pulse\", \"--web.listen-address=127.0.0.1:9100\"]",
        "command = [5]",
        &["in the list command, this is 5", "help: write \"5\""],
        "[5]",
    ),
    (
        "required = true",
        "inject = 5",
        &["a text in quotes, or one for each system,", "help: write inject = \"preload\""],
        "inject",
    ),
    (
        "\"https://core.acme.example:443\"",
        "\"wss://core.acme.example:443\"",
        &["is not a URL of https or http", "help: write \"https://core.acme.example:443\""],
        "wss:",
    ),
    (
        "\"https://core.acme.example:443\"",
        "\"https://a.example;https://b.example\"",
        &["is not one URL", "others in fallback-urls"],
        "a.example;",
    ),
    ("title = \"Acme agent\"", "title = ", &["the key title has no value", "help: write title = \"...\""], "title"),
    ("title = \"Acme agent\"", "title: \"Acme agent\"", &["the key title has no value", "write title = VALUE"], "title:"),
    ("[root]", "[root", &["the header of this table has no end", "help: write [root]"], "[root"),
    (
        "[[container]]\nname = \"exporter\"",
        "[container.exporter]",
        &["the key container is there twice", "[[container]]"],
        "[[container]]",
    ),
    ("required = true", "purl = \"generic/x\"", &["is not a package URL", "pkg:generic/monit@5.33.0"], "purl"),
    ("required = true", "inject = \"dll\"\nlibrary = \"x\"", &["inject = \"dll\" is not available on Linux"], "inject"),
    (
        "[[container]]\nname = \"exporter\"",
        "[connector.protocols]\nprimary = \"https\"\n[[container]]\nname = \"exporter\"",
        &["is not a protocol and a port", "\"https:443\""],
        "primary",
    ),
    (
        "[[container]]\nname = \"exporter\"",
        "[connector.settings]\nserverUrl = \"x\"\n[[container]]\nname = \"exporter\"",
        &["serverUrl is set by server-url", "help: write server-url in [connector]"],
        "serverUrl",
    ),
    // Lists and tables in each other's places.
    (
        "nice = 10, max-cpu-percent = 25 }",
        "nice = 10, max-cpu-percent = 25 }\nwatchdog = []",
        &["watchdog is a list, and a table is needed"],
        "watchdog",
    ),
    (
        "throttle = { nice = 10, max-cpu-percent = 25 }",
        "throttle = [10, 25, 1000]",
        &["throttle is a list, and a table is needed"],
        "throttle",
    ),
    ("[root]\n", "[[deb]]\ndepends = [\"libc6\"]\n[root]\n", &["deb is one table", "help: write [deb]"], "[[deb]]"),
    ("[root]\n", "[product.deb]\n[root]\n", &["unknown key \"deb\"", "help: write [deb]"], "product.deb"),
    (
        "[\"debian-12\", \"rhel-8\", \"rhel-9\"]",
        "[[\"debian-12\"]]",
        &["this is a list, and a text", "help: write \"debian-12\""],
        "systems",
    ),
    // Words of other files.
    ("[product]\n", "[package]\n", &["unknown key \"package\"", "help: write \"product\""], "package"),
    ("[root]\n", "[msi]\n[root]\n", &["help: write [connector.windows]"], "msi"),
    ("[root]\n", "[deb]\npre-depends = [\"libc6\"]\n[root]\n", &["help: write \"depends\""], "pre-depends"),
    ("[root]\n", "[rpm]\ndepends = [\"glibc\"]\n[root]\n", &["help: write \"requires\""], "depends"),
    ("[root]\n", "[rpm]\nrequires = [\"glibc => 2\"]\n[root]\n", &["help: write \"glibc >= 2\""], "glibc => 2"),
    (
        "[root]\n",
        "[rpm]\nrequires = [\"glibc (>= 2)\"]\n[root]\n",
        &["in parentheses", "help: write \"glibc >= 2\""],
        "glibc (>= 2)",
    ),
    ("[root]\n", "[rpm]\nrequires = [\"aa, bb\"]\n[root]\n", &["help: write \"aa\", \"bb\""], "aa, bb"),
    ("[root]\n", "[rpm]\nepoch = 4294967296\n[root]\n", &["at most 4294967295"], "epoch"),
    ("[root]\n", "[deb]\npriority = 5\n[root]\n", &["help: write priority = \"optional\""], "priority"),
    (
        "homepage = \"https://acme.example\"",
        "auto-depends = no",
        &["no is not how true or false is written", "help: write auto-depends = false"],
        "auto-depends",
    ),
    ("homepage = \"https://acme.example\"", "auto-depends = False", &["help: write auto-depends = false"], "auto-depends"),
    ("required = true", "required = yes", &["help: write required = true"], "required"),
    ("required = true", "description = \"x\"", &["unknown key \"description\"", "help: write it in [product]"], "description"),
    ("title = \"Acme agent\"", "title = true", &["title is true, and a text in quotes is needed"], "title"),
    ("title = \"Acme agent\"", "title = “Acme”", &["help: write title = \"Acme\""], "title"),
    ("title = \"Acme agent\"", "title = \"a\", x = 1", &["something follows the value of title", "a line of its own"], "title"),
    ("title = \"Acme agent\"", "title == \"a\"", &["one = too many", "help: write title = \"a\""], "title"),
    ("title = \"Acme agent\"", "= \"a\"", &["the key before the = is missing", "help: write KEY = \"a\""], "= \"a\""),
    ("title = \"Acme agent\"", "// a title", &["// begins no comment here", "help: write # a title"], "// a title"),
    ("name = \"acme-agent\"", "name = \"Ünïcode\"", &["help: write one such as \"acme-agent\""], "name"),
    ("name = \"acme-agent\"", "name = \"a\"", &["help: write one such as \"acme-agent\""], "name"),
    ("version = \"1.0\"", "version = \"1.0 beta2\"", &["help: write \"1.0~beta2\""], "beta2"),
    ("version = \"1.0\"", "version = { env = \"A B\" }", &["is no name of an environment variable"], "A B"),
    // Targets in others' words.
    ("linux-x86_64 = \"connector\"", "linux = \"connector\"", &["help: write \"linux-x86_64\""], "linux"),
    ("linux-x86_64 = \"connector\"", "aarch64-unknown-linux-gnu = \"connector\"", &["help: write \"linux-aarch64\""], "aarch64"),
    ("linux-x86_64 = \"connector\"", "darwin-arm64 = \"connector\"", &["help: write one of: linux-x86_64, "], "darwin"),
    ("\"rhel-8\"", "\"debian\"", &["help: write one of: debian-10, debian-11, debian-12, debian-13"], "debian"),
    // Sources that no shell has seen.
    ("linux-x86_64 = \"connector\"", "linux-x86_64 = \"~/connector\"", &["~ stands for nothing"], "~/connector"),
    ("linux-x86_64 = \"connector\"", "linux-x86_64 = \"$HOME/c\"", &["$ stands for nothing"], "$HOME"),
    ("linux-x86_64 = \"connector\"", "linux-x86_64 = \"connector/*.so\"", &["include = [\"*\"]"], "*.so"),
    ("linux-x86_64 = \"connector\"", "linux-x86_64 = \"file:///opt/c\"", &["help: write \"/opt/c\""], "file:"),
    ("linux-x86_64 = \"connector\"", "linux-x86_64 = \"s3://b/c.tar\"", &["with the tool that is for it"], "s3:"),
    ("linux-x86_64 = \"connector\"", "linux-x86_64 = \"git@example.com:a/b.git\"", &["on another machine"], "git@"),
    ("linux-x86_64 = \"connector\"", "linux-x86_64 = \"  \"", &["path is empty"], "linux-x86_64"),
    ("server-url = ", "fallback-url = ", &["help: write \"fallback-urls\""], "fallback-url"),
    ("core.acme.example:443", "core.acme.example:99999", &["has \"99999\" for a port"], "99999"),
    ("nice = 10", "max-memory-kb = \"2G\"", &["help: write max-memory-kb = 2097152"], "2G"),
    ("required = true", "watchdog = { first = \"1d\" }", &["help: write \"24h\""], "1d"),
    ("required = true", "watchdog = { first = \"5 min\" }", &["help: write \"5m\""], "5 min"),
    ("[root]\n", "[connector.retry]\nfirst = \"1h\"\nmax = \"1m\"\n[root]\n", &["the delays of retry do not grow"], "retry"),
    ("required = true", "environment = { \"A B\" = \"x\" }", &["cannot be an environment variable"], "A B"),
    ("{dir}/conf/monitrc", "{dir/conf/monitrc", &["\"{dir\" has no closing brace", "help: write {dir}"], "{dir/"),
    ("command = [\"bin/pulse\", \"-c\"", "command = [\"bin\\\\pulse\", \"-c\"", &["with / between folders"], "bin"),
    ("command = [\"bin/pulse\", \"-c\"", "command = [\"bin/pulse -c\"", &["an element of its own"], "pulse -c"),
    ("command = [\"bin/pulse\", \"-c\"", "command = [\"../pulse\", \"-c\"", &["leaves its folder", "without .."], "../pulse"),
    ("\"/opt/acme/intigua\"", "\"/\"", &["is the whole file system"], "linux"),
    (
        "description = \"\"\"\nAcme's connector and its agents\n",
        "description = \"\"\"\n\n",
        &["the description has no first line"],
        "description",
    ),
];

#[test]
fn each_mistake_is_shown_with_its_line_and_a_right_form() {
    let product = product();
    let names_of_rust =
        ["u8", "u32", "i64", "usize", "struct ", "enum ", "literal string", "invalid type", "variant", "floating point", "serde"];
    let mut wrong = Vec::new();
    for (old, new, expected, line) in MISTAKES {
        assert!(GOOD.contains(old), "{old}");
        product.write("linkpack.toml", GOOD.replacen(old, new, 1));
        let output = product.build(&["-f", "deb"]);
        let said = text(&output.stderr);
        let shown = said.lines().any(|shown| shown.contains(" | ") && shown.contains(line));
        let fine = expected.iter().all(|part| said.contains(part)) && !names_of_rust.iter().any(|name| said.contains(name));
        if output.status.code() != Some(1) || !fine || !shown || !said.contains("--> linkpack.toml:") {
            wrong.push(format!("--- {old} -> {new}\nexpected {expected:?} and the line with {line}\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What the carets of the first excerpt stand below.
fn marked(said: &str) -> &str {
    let lines: Vec<&str> = said.lines().collect();
    let at = lines.iter().position(|line| line.trim_start().starts_with("| ") && line.ends_with('^')).expect("carets");
    let (from, to) = (lines[at].find('^').expect("a caret"), lines[at].len());
    &lines[at - 1][from..to]
}

#[test]
fn the_carets_stand_below_the_value_that_is_wrong() {
    let product = product();
    for (old, new, expected) in [
        ("exclude = [\"doc/**\"]", "exclude = [\"doc/**\", \"doc/[x\"]", "\"doc/[x\""),
        ("config = [\"doc/**\"]", "config = [\"/\"]", "\"/\""),
        ("{dir}/conf", "{DIR}/conf", "\"{DIR}/conf/monitrc\""),
        ("command = [\"bin/pulse\", \"-c\"", "command = [\"usr/bin/pulse\", \"-c\"", "\"usr/bin/pulse\""),
        ("\"rhel-8\"", "\"centos-6\"", "\"centos-6\""),
        ("nice = 10", "nicee = 10", "nicee"),
    ] {
        product.write("linkpack.toml", GOOD.replacen(old, new, 1));
        let said = product.refused(&["-f", "deb"]);
        assert_eq!(marked(&said), expected, "{said}");
    }
}

#[test]
fn the_good_manifest_is_built_in_silence() {
    let output = product().build(&["-q", "-f", "deb"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
}

#[test]
fn several_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let product = product();
    let edits = [
        ("title = ", "titel = "),
        ("version = \"1.0\"", "version = 1.0"),
        ("\"Acme Ltd <support@acme.example>\"", "\"Acme\""),
        ("\"/opt/acme/intigua\"", "\"/tmp/x\""),
        ("nice = 10", "nice = 99"),
        ("{dir}/conf", "{DIR}/conf"),
    ];
    let text_of = edits.iter().fold(GOOD.to_owned(), |text, (old, new)| text.replacen(old, new, 1));
    product.write("linkpack.toml", text_of);
    let said = product.refused(&[]);
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    let expected = [
        "unknown key \"titel\"",
        "version is 1.0",
        "has no mail address",
        "no endpoint takes",
        "99 is out of range",
        "no placeholder",
        "6 mistakes in all",
    ];
    assert_eq!(errors.len(), expected.len(), "{said}");
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.contains(expected), "{error} instead of {expected}");
    }
    let lines: Vec<usize> =
        said.lines().filter_map(|line| line.trim().strip_prefix("--> linkpack.toml:")?.split(':').next()?.parse().ok()).collect();
    assert!(lines.is_sorted() && lines.len() == 6, "{said}");
}

#[test]
fn several_sources_that_are_missing_are_told_at_once() {
    let product = product();
    product.write(
        "linkpack.toml",
        GOOD.replacen("\"connector\"", "\"conector\"", 1).replacen("source = \"pulse\"", "source = \"puls\"", 1),
    );
    let said = product.refused(&[]);
    assert!(said.contains("write \"connector\"") && said.contains("write \"pulse\"") && said.contains("2 mistakes"), "{said}");
}
