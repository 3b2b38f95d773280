//! What makes a build pleasant to script and to watch: values from the command line and the environment, documents, summaries.

use super::{text, Product, MANIFEST};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn values_are_given_beside_the_manifest_and_recorded() {
    let product = Product::new();
    product.write("data/table.csv", "1,2\n");
    symlink("/etc/localtime", product.path("data/zone")).unwrap();
    let more = "\n[[container]]\nname = \"data\"\nlicense = \"MIT\"\nsupplier = \"Data Ltd\"\npurl = \"pkg:generic/data@7\"\n\
        payload = { linux-x86_64 = { source = \"data\", outside-links = [\"zone\"] } }\n";
    let manifest = MANIFEST
        .replace("\"Example Ltd\"", "{ env = \"LP_TEST_PUBLISHER\" }")
        .replace("executable = { linux = \"vlink\" }\n", "");
    product.write("linkpack.toml", manifest + more);
    let given = [
        "--product-version",
        "2.5~rc1",
        "--set",
        "container.pulse.title=A, b",
        "--set",
        "container.pulse.throttle.nice=7",
        "--set",
        "product.systems=debian-12",
        "--set",
        "connector.fallback-urls=[\"https://b.example\"]",
        "--no-tilde",
        "--summary",
        "summary.md",
    ];
    let output = product.command(&given).env("LP_TEST_PUBLISHER", "From Outside").output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    // Lines for people have prefixes, or are the table at the end; nothing in them steers a terminal.
    let table = said.lines().position(|line| line.trim_start().starts_with("size ")).expect("a table");
    for line in said.lines().take(table) {
        assert!(["note: ", "warning: ", "wrote ", "progress: "].iter().any(|prefix| line.starts_with(prefix)), "{line}");
    }
    assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{said:?}");
    assert!(said.contains("kept links that lead out of it, by outside-links: \"zone\" -> \"/etc/localtime\""), "{said}");
    assert!(said.lines().last().unwrap().starts_with("built 3 packages in "), "{said}");
    assert!(said.lines().any(|line| line.ends_with(" s  dist/sample_2.5.rc1_amd64.deb") && line.contains('%')), "{said}");

    let read = |name: &str| fs::read(product.path("dist").join(name)).unwrap_or_else(|_| panic!("{name}"));
    let record: Value = serde_json::from_slice(&read("manifest.json")).unwrap();
    let expected = serde_json::json!({ "connector.fallback-urls": "[\"https://b.example\"]", "container.0.throttle.nice": "7",
        "container.0.title": "A, b", "product.publisher": "From Outside", "product.systems": "debian-12", "product.version": "2.5~rc1" });
    assert_eq!(record["set"], expected);
    let provenance: Value = serde_json::from_slice(&read("sample-2.5.rc1.provenance.json")).unwrap();
    assert_eq!(provenance["predicate"]["buildDefinition"]["externalParameters"]["set"], expected);
    let summary = fs::read_to_string(product.path("summary.md")).unwrap();
    assert!(summary.contains("### sample 2.5\\~rc1") && summary.contains("| sample\\_2.5.rc1\\_amd64.deb |"), "{summary}");

    let unpacked = std::process::Command::new("dpkg-deb")
        .args(["-x", "dist/sample_2.5.rc1_amd64.deb", "raw"])
        .current_dir(product.folder.path())
        .status();
    assert!(unpacked.unwrap().success());
    let libs = product.path("raw/usr/local/intigua/Intigua-Libs");
    let descriptor =
        |name: &str| -> Value { serde_json::from_slice(&fs::read(libs.join(name).join("container.json")).unwrap()).unwrap() };
    assert_eq!((&descriptor("pulse")["title"], &descriptor("pulse")["throttle"]["nice"]), (&"A, b".into(), &7.into()));
    assert_eq!(descriptor("data")["command"], serde_json::json!([]));
    assert_eq!(fs::read_link(libs.join("data/zone")).unwrap().to_str(), Some("/etc/localtime"));
    let bom: Value = serde_json::from_slice(&read("sample-2.5.rc1-linux-x86_64.cdx.json")).unwrap();
    let data = bom["components"].as_array().unwrap().iter().find(|part| part["name"] == "data").unwrap();
    assert_eq!(
        (&data["purl"], &data["supplier"]["name"], &data["licenses"][0]["expression"]),
        (&"pkg:generic/data@7".into(), &"Data Ltd".into(), &"MIT".into())
    );

    // The same values build the same packages; others are said to differ in what was given.
    let verify = |given: &[&str]| {
        let mut command = std::process::Command::new(super::LINKPACK);
        command.args(["verify", "dist", "--rebuild", "linkpack.toml"]).args(given).env("LP_TEST_PUBLISHER", "From Outside");
        let done = command.current_dir(product.folder.path()).output().unwrap();
        (done.status.code(), text(&done.stdout) + &text(&done.stderr))
    };
    let (code, said) = verify(&given[..10]);
    assert!(code == Some(0) && said.matches("rebuild: identical").count() == 3, "{said}");
    let (code, said) = verify(&given[..6]);
    assert!(
        code == Some(1) && said.contains("--set connector.fallback-urls=") && said.contains("--set product.systems="),
        "{said}"
    );

    // What an earlier build left is not covered by SHA256SUMS any more.
    let output =
        product.command(&["-f", "deb", "-q", "--product-version", "3.0"]).env("LP_TEST_PUBLISHER", "x").output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("sample_2.5.rc1_amd64.deb") && said.contains("earlier build"), "{said}");
}

#[test]
fn what_is_given_is_judged_as_the_manifest_is_and_the_option_is_shown() {
    let product = Product::new();
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["--product-version", "v1.0"],
            &["\"v1.0\" is not a version", "--> command line:1:19", "--product-version v1.0", "write \"1.0\""],
        ),
        (&["--set", "product.version=2.0-rc1"], &["--> command line:1:23", "write \"2.0~rc1\""]),
        (&["--set", "product.titel=x"], &["unknown key \"titel\"", "--> command line:1:15", "write \"title\""]),
        (&["--set", "container.puls.title=x"], &["the manifest has no container \"puls\"", "write pulse"]),
        (&["--set", "container.pulse.throttle.nice=much"], &["nice is", "a whole number"]),
        (&["--set", "container.pulse.required=yes"], &["true or false", "--> command line:1:32"]),
        (&["--set", "connector.payload={ linux-x86_64 = 1"], &["--> command line:1:"]),
        (&["--set", "product.name.x=1"], &["name is no table in the manifest"]),
        (&["--set", "product.version=", "--set", "product.license="], &["2 mistakes in all"]),
    ];
    for (given, expected) in cases {
        let said = product.refused(given);
        for part in *expected {
            assert!(said.contains(part), "{given:?}: {part}: {said}");
        }
    }
    for usage in ["product.version", "=1", "a b=1"] {
        let output = product.build(&["--set", usage]);
        assert_eq!(output.status.code(), Some(2), "{usage}");
        assert!(text(&output.stderr).contains("write KEY=VALUE"), "{}", text(&output.stderr));
    }
    product.write("linkpack.toml", MANIFEST.replace("\"1.0.0\"", "{ env = \"LP_TEST_VERSION\" }"));
    let said = product.refused(&[]);
    assert!(
        said.contains("the environment variable LP_TEST_VERSION is not set") && said.contains("linkpack.toml:4:11"),
        "{said}"
    );
    let output = product.command(&[]).env("LP_TEST_VERSION", "v2").output().unwrap();
    let said = text(&output.stderr);
    assert!(said.contains("write \"2\"") && said.contains("comes from the environment variable LP_TEST_VERSION"), "{said}");
}

#[test]
fn what_is_wrong_is_in_the_document_too() {
    let product = Product::new();
    product.write("linkpack.toml", MANIFEST.replace("title = ", "titel = "));
    let output = product.build(&["--json", "--summary", "summary.md"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let errors = document["errors"].as_array().unwrap();
    assert_eq!((output.status.code(), errors.len()), (Some(1), 1), "{document:#}");
    let expected = serde_json::json!({ "what": "unknown key \"titel\"", "file": "linkpack.toml", "line": 3, "column": 1, "notes": [],
        "help": "write \"title\"" });
    assert_eq!(errors[0], expected);
    assert!(fs::read_to_string(product.path("summary.md")).unwrap().contains("build failed"), "no summary");
}
