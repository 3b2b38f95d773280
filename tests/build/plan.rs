//! A build of many sites in jobs: killed, run again, merged.
use super::*;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;

const FORMATS: &str = "deb,rpm,run,mst,msi";

/// The headers of a program for x64 that does nothing.
fn windows_program() -> Vec<u8> {
    let mut bytes = vec![0; 1024];
    let fields: [(usize, &[u8]); 6] =
        [(0, b"MZ"), (0x3C, &[0x40]), (0x40, b"PE"), (0x44, &[0x64, 0x86]), (0x54, &[0xF0, 0, 2, 0]), (0x58, &[0x0B, 0x02])];
    for (at, field) in fields {
        bytes[at..at + field.len()].copy_from_slice(field);
    }
    bytes
}

impl Product {
    fn with_sites(count: usize) -> Self {
        let product = Product::new();
        let targets = "{ linux-x86_64 = \"connector\", windows-x86_64 = \"connector\" }";
        let manifest = MANIFEST
            .replace("{ linux-x86_64 = \"connector\" }", targets)
            .replace("{ linux = \"vlink\" }", "{ linux = \"vlink\", windows = \"vlink.exe\" }");
        let manifest =
            manifest.replacen("[product]\n", "[product]\nupgrade-code = \"5C4BD1A5-5C0A-4B6E-9E5D-6F5B7B1B6A01\"\n", 1);
        product.write("linkpack.toml", manifest);
        product.write("connector/vlink.exe", windows_program());
        product.write("connector/large", noise(700_000, 5));
        for site in 0..count {
            product.write(&format!("sites/site-{site}.toml"), format!("server-url = \"https://core{site}.example.com\"\n"));
        }
        product
    }

    fn linkpack(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(LINKPACK);
        command.current_dir(self.folder.path()).args(arguments).env("SOURCE_DATE_EPOCH", "1700000000").output().unwrap()
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.linkpack(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn status(&self) -> (Option<i32>, Value) {
        let output = self.linkpack(&["plan", "status", "plan", "--check", "--json"]);
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
    }

    fn jobs(&self) -> Vec<Value> {
        let lines = fs::read_to_string(self.path("plan/jobs.jsonl")).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn a_plan_that_was_killed_and_run_again_merges_into_what_one_build_writes() {
    let product = Product::with_sites(5);
    let plain: Vec<String> = (0..5).flat_map(|site| ["-s".to_owned(), format!("sites/site-{site}.toml")]).collect();
    let arguments: Vec<&str> = ["-f", FORMATS].into_iter().chain(plain.iter().map(String::as_str)).collect();
    let expected = product.built(&arguments);
    product.ok(&["plan", "-s", "sites/*.toml", "-f", FORMATS, "-o", "plan", "--max-jobs", "4"]);
    let jobs = product.jobs();
    assert!((2..=4).contains(&jobs.len()), "{jobs:?}");
    assert!(jobs[0]["needs"].as_array().unwrap().is_empty() && jobs[0]["sites"].as_array().unwrap().len() == 1);
    assert!(jobs[1..].iter().all(|job| job["needs"][0] == jobs[0]["id"]));
    assert_eq!(product.status(), (Some(3), product.status().1));
    // Nothing is merged before all is done.
    let early = product.linkpack(&["merge", "plan", "-o", "merged"]);
    assert!(text(&early.stderr).contains("jobs are not done: 0, 1"), "{}", text(&early.stderr));
    // Killed at work, and run again.
    product.ok(&["build", "-q", "--plan", "plan", "--job", "0"]);
    let last = (jobs.len() - 1).to_string();
    let mut killed = Command::new(LINKPACK);
    killed.current_dir(product.folder.path()).args(["build", "-q", "--plan", "plan", "--job", &last]);
    let mut killed = killed.stderr(std::process::Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(40));
    killed.kill().unwrap();
    killed.wait().unwrap();
    let (code, status) = product.status();
    assert_eq!((code, &status["done"], &status["complete"]), (Some(3), &1.into(), &false.into()), "{status}");
    let kept = product.path("plan/jobs").join(jobs[0]["id"].as_str().unwrap());
    let stamp = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        entries.map(|entry| (entry.file_name(), entry.metadata().unwrap().ino())).collect::<BTreeSet<_>>()
    };
    let before = stamp(&kept);
    product.ok(&["plan", "run", "plan", "--local", "2", "-q"]);
    assert_eq!(before, stamp(&kept), "what was done is done again");
    let (code, status) = product.status();
    assert_eq!((code, &status["complete"], &status["sites_done"]), (Some(0), &true.into(), &5.into()), "{status}");
    product.ok(&["merge", "plan", "-o", "merged"]);
    let merged = files(&product.path("merged"));
    assert_eq!(expected.keys().collect::<Vec<_>>(), merged.keys().collect::<Vec<_>>());
    let different: Vec<&String> =
        expected.iter().filter(|(name, bytes)| merged[*name] != **bytes).map(|(name, _)| name).collect();
    assert!(different.is_empty(), "{different:?}");
    // A package that was damaged since makes its job one that is not done; a site that changes leaves the others done.
    let package = kept.join("sample-site-0_1.0.0_amd64.deb");
    let mut bytes = fs::read(&package).unwrap();
    bytes[100] ^= 1;
    fs::remove_file(&package).unwrap();
    fs::write(&package, bytes).unwrap();
    assert_eq!(product.status().1["open"], serde_json::json!([0]));
    product.ok(&["build", "-q", "--plan", "plan", "--job", "0"]);
    assert_eq!(product.status().0, Some(0));
    product.write("sites/site-4.toml", "server-url = \"https://elsewhere.example.com\"\n");
    let of_4 = jobs.iter().position(|job| job["sites"].as_array().unwrap().contains(&"site-4".into())).unwrap().to_string();
    let again: Value =
        serde_json::from_str(&product.ok(&["plan", "-s", "sites/*.toml", "-f", FORMATS, "--max-jobs", "4", "--json"])).unwrap();
    assert_eq!(again["done"], jobs.len() - 1);
    assert_eq!(product.status().1["open"], serde_json::json!([of_4.parse::<usize>().unwrap()]));
}

#[test]
fn what_others_put_into_a_plan_is_not_merged() {
    use std::os::unix::fs::PermissionsExt;
    let product = Product::with_sites(2);
    product.write("key", noise(32, 3));
    fs::set_permissions(product.path("key"), fs::Permissions::from_mode(0o600)).unwrap();
    for (plan, key) in [("open", None), ("sealed", Some("key"))] {
        let with_key = key.map_or(Vec::new(), |key| vec!["--cache-key", key]);
        product.ok(&[&["plan", "-q", "-s", "sites/*.toml", "-f", "deb", "-o", plan], &with_key[..]].concat());
        // The same job twice at once is built once.
        let start = || {
            let mut command = Command::new(LINKPACK);
            command.current_dir(product.folder.path()).args(["build", "-q", "--json", "--plan", plan, "--job", "0"]);
            command.stdout(std::process::Stdio::piped()).spawn().unwrap()
        };
        let both = [start(), start()].map(|child| text(&child.wait_with_output().unwrap().stdout));
        assert_eq!(both.iter().filter(|said| said.contains("\"already\": true")).count(), 1, "{both:?}");
        product.ok(&["plan", "run", "-q", plan]);
        let first = fs::read_dir(product.path(plan).join("jobs"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.is_dir())
            .unwrap();
        fs::set_permissions(&first, fs::Permissions::from_mode(0o777)).unwrap();
        let merge = || product.linkpack(&["merge", "-q", plan, "-o", "merged"]);
        assert_eq!(merge().status.success(), key.is_some());
        // A package of another's making, with sums that fit.
        let package = fs::read_dir(&first)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension() == Some("deb".as_ref()));
        let package = package.unwrap();
        let digest = |path: &Path| text(&Command::new("sha256sum").arg(path).output().unwrap().stdout)[..64].to_owned();
        let before = digest(&package);
        let mut bytes = fs::read(&package).unwrap();
        bytes[100] ^= 1;
        fs::remove_file(&package).unwrap();
        fs::write(&package, bytes).unwrap();
        let after = digest(&package);
        for list in ["SHA256SUMS", "manifest.json"] {
            let said = fs::read_to_string(first.join(list)).unwrap();
            assert!(said.contains(&before));
            fs::write(first.join(list), said.replace(&before, &after)).unwrap();
        }
        let said = text(&merge().stderr);
        let why = if key.is_some() { "1 of 2 jobs are not done" } else { "others can change the packages in" };
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_plan_whose_input_has_changed_is_refused_and_the_complaint_is_kept() {
    let product = Product::with_sites(2);
    product.ok(&["plan", "-s", "sites/*.toml", "-f", "deb"]);
    let job = |number: &str| {
        let output = product.linkpack(&["build", "-q", "--plan", "plan/plan.json", "--job", number]);
        (output.status.code(), text(&output.stderr))
    };
    product.write("connector/large", noise(700_000, 6));
    let (code, said) = job("0");
    assert!(code == Some(1) && said.contains("connector has changed since the plan was made"), "{said}");
    let (_, status) = product.status();
    assert!(status["failures"][0]["why"].as_str().unwrap().contains("has changed"), "{status}");
    product.write("connector/large", noise(700_000, 5));
    assert_eq!(job("0").0, Some(0));
    assert_eq!(product.status().1["failed"], 0);
    // After the first job, what its digests say.
    product.write("connector/large", noise(700_000, 6));
    let (code, said) = job("1");
    assert!(code == Some(1) && said.contains("since the plan's first job"), "{said}");
    assert_eq!(product.status().1["done"], 1);
    product.write("sites/site-1.toml", "server-url = \"https://elsewhere.example.com\"\n");
    assert!(job("1").1.contains("site-1.toml has changed since the plan was made"));
    let (code, said) = job("7");
    assert!(code == Some(1) && said.contains("the plan has no job 7"), "{said}");
    assert_eq!(product.linkpack(&["build", "--plan", "plan", "--job", "0", "-f", "deb"]).status.code(), Some(2));
    let none = product.linkpack(&["plan", "-s", "sites/*.json"]);
    assert!(text(&none.stderr).contains("no file matches sites/*.json"));
}
