//! What the command takes and prints: allowed rules, folders, the forms of code scanning services.
use super::*;

/// A package with an error (place-top is a warning), its folder, and a file that is no package.
fn faulty() -> Deb {
    Deb::new().file("opt/agent/key", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n", 0o644)
}

fn lint_command(arguments: &[&str], folder: &Path) -> (i32, String, String) {
    let done = cmd(LINKPACK).arg("lint").args(arguments.iter().copied()).dir(folder).run();
    (done.code.unwrap_or(-1), done.stdout, done.stderr)
}

#[test]
fn what_is_allowed_is_counted_and_no_error() {
    let deb = faulty();
    let package = deb.build();
    let folder = package.parent().expect("a folder");
    let name = package.file_name().and_then(|name| name.to_str()).expect("a name");
    let (code, said, _) = lint_command(&[name], folder);
    assert_eq!(code, 1, "{said}");
    let (code, said, _) = lint_command(&["--allow", "secret", name], folder);
    assert!(code == 0 && said.contains("1 finding allowed"), "{said}");
    let (code, _, said) = lint_command(&["--allow", "secrets", name], folder);
    assert!(code == 2 && said.contains("write \"secret\""), "{said}");
    // Beside the package, and where it is named; not its other tables.
    fs::write(folder.join("linkpack.toml"), "[lint]\nallow = [\"secret\"]\n").expect("write a manifest");
    let (code, said, _) = lint_command(&[name], folder);
    assert!(code == 0 && said.contains("1 finding allowed"), "{said}");
    fs::rename(folder.join("linkpack.toml"), folder.join("other.toml")).expect("rename it");
    assert_eq!(lint_command(&[name], folder).0, 1);
    assert_eq!(lint_command(&["--manifest", "other.toml", name], folder).0, 0);
    fs::write(folder.join("other.toml"), "[lint]\nallow = [\"secrt\"]\n").expect("write a manifest");
    let (code, _, said) = lint_command(&["--manifest", "other.toml", name], folder);
    assert!(code == 1 && said.contains("write \"secret\"") && said.contains("other.toml:2:"), "{said}");
}

#[test]
fn a_folder_stands_for_its_packages() {
    let deb = faulty();
    let package = deb.build();
    let folder = package.parent().expect("a folder").join("dist");
    fs::create_dir(&folder).expect("make a folder");
    fs::copy(&package, folder.join("a.deb")).expect("copy");
    fs::copy(&package, folder.join("b.deb")).expect("copy");
    fs::write(folder.join("SHA256SUMS"), "x\n").expect("write");
    fs::write(folder.join("install.sh"), "#!/bin/sh\n").expect("write");
    let (code, said, _) = lint_command(&["dist"], package.parent().expect("a folder"));
    assert!(code == 1 && said.contains("dist/a.deb: error[secret]") && said.contains("dist/b.deb: error[secret]"), "{said}");
    assert!(said.contains("skipped 2 files that are not packages\n2 packages: 2 errors"), "{said}");
    let (code, _, said) = lint_command(&["."], &folder.join(".."));
    assert_eq!(code, 1, "{said}");
    fs::create_dir(folder.join("none")).expect("make a folder");
    let (code, _, said) = lint_command(&["dist/none"], package.parent().expect("a folder"));
    assert!(code == 1 && said.contains("holds no packages"), "{said}");
}

#[test]
fn services_read_the_findings_in_their_forms() {
    let deb = faulty();
    let package = deb.build();
    let folder = package.parent().expect("a folder");
    fs::write(folder.join("cut.deb"), "!<arch>\n").expect("write");
    fs::rename(&package, folder.join("a b.deb")).expect("rename it");
    let document = |format: &str| -> serde_json::Value {
        let (code, said, _) = lint_command(&["--format", format, "a b.deb", "cut.deb"], folder);
        assert_eq!(code, 1, "{said}");
        serde_json::from_str(&said).expect("JSON")
    };
    let sarif = document("sarif");
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "linkpack");
    let (rules, results) =
        (run["tool"]["driver"]["rules"].as_array().expect("rules"), run["results"].as_array().expect("results"));
    let found: Vec<&str> = results.iter().filter_map(|result| result["ruleId"].as_str()).collect();
    assert!(found.contains(&"secret") && found.contains(&"damaged"), "{found:?}");
    for result in results {
        let rule = &rules[result["ruleIndex"].as_u64().expect("an index") as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["help"]["text"].is_string() && rule["shortDescription"]["text"].is_string());
        assert!(
            result["message"]["text"].is_string() && ["error", "warning"].contains(&result["level"].as_str().expect("a level"))
        );
        let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert!(["a%20b.deb", "cut.deb"].contains(&uri.as_str().expect("a uri")), "{uri}");
    }
    let gitlab = document("gitlab");
    let secret = gitlab.as_array().expect("issues").iter().find(|issue| issue["check_name"] == "secret").expect("the secret");
    assert_eq!((&secret["severity"], &secret["location"]["path"]), (&"major".into(), &"a b.deb".into()));
    assert_eq!(secret["fingerprint"].as_str().map(str::len), Some(64));
    let (_, said, _) = lint_command(&["--format", "github", "a b.deb"], folder);
    assert!(
        said.lines().any(|line| line.starts_with("::error file=a b.deb,title=linkpack secret::/opt/agent/key: line 1")),
        "{said}"
    );
    let (code, said, _) = lint_command(&["--explain", "set-uid"], folder);
    assert!(code == 0 && said.contains("severity: error; warning: but an RPM's") && said.contains("setuid-binary"), "{said}");
}

#[test]
fn build_warns_of_what_lint_calls_an_error_and_of_what_its_systems_cannot_run() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("make a folder");
    cmd(LINKPACK).args(["init", "--sample", "demo"]).dir(folder.path()).run().ok();
    let demo = folder.path().join("demo");
    let connector = demo.join("connector");
    fs::write(connector.join("stranger"), program(Some(183))).expect("write a program");
    fs::copy("/bin/ls", connector.join("newer")).expect("copy a program");
    fs::write(connector.join("open"), "x").expect("write a file");
    for (name, mode) in [("stranger", 0o755), ("newer", 0o755), ("open", 0o666)] {
        fs::set_permissions(connector.join(name), fs::Permissions::from_mode(mode)).expect("set a mode");
    }
    let manifest = fs::read_to_string(demo.join("linkpack.toml")).expect("read the manifest");
    let manifest = manifest.replace("[product]\n", "[product]\nsystems = [\"debian-12\", \"rhel-7\"]\n");
    let build = |manifest: &str| {
        fs::write(demo.join("linkpack.toml"), manifest).expect("write the manifest");
        cmd(LINKPACK).args(["build", "--no-cache", "-q", "-t", "linux-x86_64"]).dir(&demo).run().ok().stderr
    };
    let said = build(&manifest);
    assert!(said.contains("warning: vAgentManager/stranger (aarch64) cannot run on the machines of linux-x86_64"), "{said}");
    let newer = said.lines().find(|line| line.contains("is needed by vAgentManager/newer")).expect("the newer one");
    assert!(newer.contains("rhel-7 has 2.17") && !newer.contains("debian-12"), "{newer}");
    assert_eq!(said.matches("lint: error[writable]").count(), 3, "{said}");
    let said = build(&(manifest + "\n[lint]\nallow = [\"writable\"]\n"));
    assert!(!said.contains("lint:"), "{said}");
}
