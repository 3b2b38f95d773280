//! What the verbs print with `--json`, held against `linkpack schema` by the validator that CycloneDX's tools use.

use super::{cmd, judge, LINKPACK};
use std::fs;
use std::path::PathBuf;

const VALIDATE: &str = "import json, sys, jsonschema\n\
    for what in sys.argv[2:]:\n    \
        name, schema = what.split(':')\n    \
        document = json.load(open(f'{sys.argv[1]}/{name}.json'))\n    \
        jsonschema.Draft202012Validator(json.load(open(f'{sys.argv[1]}/{schema}.schema'))).validate(document)\n    \
        print('valid:', name)\n";

/// A product, and what the verbs print about it.
struct Bench {
    folder: tempfile::TempDir,
    made: Vec<String>,
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a verb; what it prints has to be what the schema of this name says, and not both result and failure.
    fn document(&mut self, name: &str, schema: &str, code: i32, words: &[&str]) {
        let done = cmd(LINKPACK).args(words.iter().copied()).dir(self.folder.path()).run().exits(code);
        let document: serde_json::Value =
            serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{name}: {error}: {done}"));
        assert_eq!(document.get("errors").is_some(), name.ends_with("failed"), "{name}: {document:#}");
        fs::write(self.path(&format!("{name}.json")), &done.stdout).expect("write");
        self.made.push(format!("{name}:{schema}"));
    }
}

#[test]
fn every_document_is_as_its_schema_says() {
    let mut bench = Bench { folder: tempfile::tempdir().expect("a folder"), made: Vec::new() };
    let sample = ["init", "--sample", "p", "--json"];
    bench.document("init", "init", 0, &sample);
    bench.document("init-failed", "init", 1, &sample);
    let build = ["build", "-m", "p/linkpack.toml", "--no-cache", "-q", "--json", "-o", "d"];
    bench.document("build", "build", 0, &build);
    bench.document("build-failed", "build", 1, &[&build[..], &["--set", "product.titel=x"]].concat());
    let made: Vec<String> = ["deb", "rpm", "run", "msi"]
        .map(|ending| {
            let names =
                fs::read_dir(bench.path("d")).expect("list").flatten().filter_map(|entry| entry.file_name().into_string().ok());
            let found = names.into_iter().find(|name| name.ends_with(&format!(".{ending}")));
            format!("d/{}", found.expect(ending))
        })
        .to_vec();
    let made: Vec<&str> = made.iter().map(String::as_str).collect();
    bench.document("inspect", "inspect", 0, &["inspect", "--json", made[0]]);
    bench.document("inspect-all", "inspect", 0, &[&["inspect", "--json"], &made[..]].concat());
    bench.document("inspect-failed", "inspect", 1, &["inspect", "--json", made[0], "p/linkpack.toml"]);
    bench.document("inspect-none-failed", "inspect", 1, &["inspect", "--json", "p/linkpack.toml"]);
    bench.document("diff", "diff", 0, &["inspect", "--diff", "--json", made[0], made[1]]);
    bench.document("verify", "verify", 0, &["verify", "--json", "d"]);
    bench.document("verify-failed", "verify", 1, &["verify", "--json", "d", "nothing"]);
    bench.document("lint", "lint", 0, &["lint", "--json", "d"]);
    bench.document("lint-failed", "lint", 1, &["lint", "--json", "nowhere/", "-m", "nothing"]);
    bench.document("sign-failed", "sign", 1, &["sign", "--json", "d"]);
    let key = "openssl ecparam -genkey -name prime256v1 -noout -out key.pem";
    cmd("sh").args(["-c", key]).dir(bench.folder.path()).run().ok();
    bench.document("sign", "sign", 0, &["sign", "--json", "-q", "d", "--key", "key.pem"]);
    bench.document("kit-failed", "kit", 1, &["kit", "d", "-o", "kit", "--json"]);
    bench.document("preflight", "preflight", 1, &["preflight", "--json", "--root", "/proc/x"]);
    for schema in [
        "init",
        "build",
        "inspect",
        "diff",
        "verify",
        "lint",
        "sign",
        "assemble",
        "kit",
        "accept",
        "preflight",
        "manifest",
        "site",
    ] {
        let printed = cmd(LINKPACK).args(["schema", schema]).run().ok();
        fs::write(bench.path(&format!("{schema}.schema")), printed.stdout).expect("write");
    }
    let judged = cmd(judge()).args(["-c", VALIDATE]).arg(bench.folder.path()).args(&bench.made).run().ok();
    assert_eq!(judged.stdout.matches("valid: ").count(), bench.made.len(), "{judged}");
    // The judge refuses what is wrong.
    let wrong = fs::read_to_string(bench.path("build.json")).expect("read").replace("\"packages\"", "\"pakages\"");
    fs::write(bench.path("wrong.json"), wrong).expect("write");
    cmd(judge()).args(["-c", VALIDATE]).arg(bench.folder.path()).arg("wrong:build").run().fails();
}
