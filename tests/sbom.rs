//! Bills of materials and provenance, judged by the official tools of CycloneDX, SPDX and in-toto, and by what the packages really hold.
mod common;
#[path = "sbom/documents.rs"]
mod documents;
use common::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const LINKPACK: &str = env!("CARGO_BIN_EXE_linkpack");

/// Python's tools, each the reference implementation of its form or carrying the official schema.
const TOOLS: [&str; 4] = [
    "cyclonedx-python-lib[json-validation]==11.12.0",
    "spdx-tools==0.8.5",
    "in-toto-attestation==0.9.3",
    "packageurl-python==0.17.6",
];

fn judge() -> PathBuf {
    let venv = fixture("sbom-judges", &format!("{TOOLS:?}"), |folder| {
        need("python3", "python3 python3-venv");
        cmd("python3").args(["-m", "venv", "--copies"]).arg(folder.join("venv")).run().ok();
        // By the module: the scripts of a venv name the folder it was made in.
        cmd(folder.join("venv/bin/python")).args(["-m", "pip", "install", "--quiet"]).args(TOOLS).run().ok();
    });
    venv.join("venv/bin/python")
}

/// The sample with a container from a DEB, one from an RPM, and one of odd names.
struct Project {
    folder: tempfile::TempDir,
}

const CONTAINERS: &str = r#"
[[container]]
name = "agent"
command = ["usr/bin/agent"]
payload = { linux-x86_64 = { source = "agent.deb", exclude = ["usr/share"] } }

[[container]]
name = "probe"
command = ["usr/bin/probe"]
payload = { linux-x86_64 = "probe.rpm" }

[[container]]
name = "odd"
command = ["run.sh"]
payload = { linux-x86_64 = "odd" }

[deb]
"#;

const COPYRIGHT: &str = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
    Files: *\nCopyright: someone\nLicense: GPL-2+\n\nFiles: x\nCopyright: someone\nLicense: Expat or Acme-terms\n\nLicense: GPL-2+\n text\n";

const SPEC: &str = "Name: probe\nEpoch: 3\nVersion: 2.1\nRelease: 4.fc39\nSummary: a probe\nLicense: The probe's own terms\n\
    Vendor: Fedora Project\nURL: https://example.com/probe\nBuildArch: noarch\nRequires: bash >= 4\n%description\na probe\n\
    %install\nmkdir -p %{buildroot}/usr/bin\nprintf '#!/bin/sh\\n' >%{buildroot}/usr/bin/probe\nchmod 755 %{buildroot}/usr/bin/probe\n\
    %files\n/usr/bin/probe\n";

impl Project {
    fn new() -> Project {
        let project = Project { folder: tempfile::tempdir().expect("make a folder") };
        cmd(LINKPACK).args(["init", "--sample"]).arg(project.path("")).run().ok();
        project.edit("\n[deb]\n", CONTAINERS).edit("license = \"Apache-2.0\"", "license = \"Acme's own (\\\"closed\\\") terms\"");
        project.make_deb();
        project.make_rpm();
        project.program("odd/run.sh", b"#!/bin/sh\n");
        for name in ["a name with spaces", "a \"quoted\" 'name'", "back\\slash", "n\u{e4}me"] {
            project.write(&format!("odd/{name}"), name.as_bytes());
        }
        fs::write(project.path("odd").join(std::ffi::OsStr::from_bytes(b"caf\xe9")), b"latin 1").expect("write a file");
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("make a folder");
        fs::write(path, bytes).expect("write a file");
    }

    fn program(&self, name: &str, bytes: &[u8]) {
        self.write(name, bytes);
        cmd("chmod").arg("755").arg(self.path(name)).run().ok();
    }

    fn edit(&self, from: &str, to: &str) -> &Project {
        let text = fs::read_to_string(self.path("linkpack.toml")).expect("read the manifest");
        assert!(text.contains(from), "{from:?} is not in {text}");
        self.write("linkpack.toml", text.replacen(from, to, 1).as_bytes());
        self
    }

    fn make_deb(&self) {
        self.write(
            "deb/DEBIAN/control",
            b"Package: agent\nVersion: 1:2.0+dfsg-3~deb12u1\nSource: agents (2.0+dfsg-3)\nArchitecture: amd64\nMaintainer: Debian Agent Team <agent@lists.debian.org>\n\
              Homepage: https://agent.example.org/\nDepends: libc6 (>= 2.14), adduser\nDescription: an agent\n long\n",
        );
        self.write("deb/usr/share/doc/agent/copyright", COPYRIGHT.as_bytes());
        self.program("deb/usr/bin/agent", &fs::read("/bin/true").expect("read /bin/true"));
        cmd("dpkg-deb").args(["--build", "--root-owner-group"]).arg(self.path("deb")).arg(self.path("agent.deb")).run().ok();
    }

    fn make_rpm(&self) {
        need("rpmbuild", "rpm");
        self.write("probe.spec", SPEC.as_bytes());
        let define = format!("_topdir {}", self.path("rpmbuild").display());
        cmd("rpmbuild").args(["-bb", "--quiet", "--define", &define]).arg(self.path("probe.spec")).run().ok();
        fs::copy(self.path("rpmbuild/RPMS/noarch/probe-2.1-4.fc39.noarch.rpm"), self.path("probe.rpm")).expect("copy the RPM");
    }

    fn build(&self, arguments: &[&str]) -> BTreeMap<String, Vec<u8>> {
        let _ = fs::remove_dir_all(self.path("dist"));
        let build = cmd(LINKPACK).args(["build", "--no-cache", "-q"]).args(arguments).env("SOURCE_DATE_EPOCH", "1700000000");
        build.dir(self.path("")).run().ok();
        let entries = fs::read_dir(self.path("dist")).expect("list the packages").flatten();
        entries
            .map(|entry| (entry.file_name().into_string().expect("a plain name"), fs::read(entry.path()).expect("read")))
            .collect()
    }
}

fn json(made: &BTreeMap<String, Vec<u8>>, name: &str) -> Value {
    serde_json::from_slice(made.get(name).unwrap_or_else(|| panic!("no {name} among {:?}", made.keys()))).expect("JSON")
}

const LINUX: &str = "intigua-sample-1.0.0-linux-x86_64";

fn part<'b>(bom: &'b Value, role: &str) -> &'b Value {
    let components = bom["components"].as_array().expect("components");
    let found = components.iter().find(|component| component["bom-ref"] == format!("part/{role}"));
    found.unwrap_or_else(|| panic!("no {role} in {bom:#}"))
}

fn property<'b>(component: &'b Value, name: &str) -> Option<&'b str> {
    let properties = component["properties"].as_array().expect("properties");
    properties.iter().find(|property| property["name"] == name).and_then(|property| property["value"].as_str())
}

#[test]
fn the_official_tools_find_every_document_valid() {
    let project = Project::new();
    let made = project.build(&["-s", "sites/example.toml"]);
    let documents: Vec<PathBuf> = made
        .keys()
        .filter(|name| [".cdx.json", ".spdx.json", ".provenance.json"].iter().any(|ending| name.ends_with(ending)))
        .map(|name| project.path("dist").join(name))
        .collect();
    assert_eq!(documents.len(), 5, "{documents:?}");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sbom/validate.py");
    let judged = cmd(judge()).arg(script).args(&documents).run().ok();
    assert_eq!(judged.stdout.matches("valid: ").count(), 5, "{judged}");
    println!("{} documents judged", documents.len());

    cmd("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).dir(project.path("dist")).run().ok().says(".cdx.json: OK");
    let manifest = json(&made, "manifest.json");
    for document in manifest["documents"].as_array().expect("documents") {
        let bytes = &made[document["file"].as_str().expect("a name")];
        assert_eq!(document["sha256"], hex::encode(Sha256::digest(bytes)), "{document}");
        assert_eq!(document["size"], bytes.len());
    }
}

#[test]
fn the_tools_refuse_a_damaged_document() {
    let project = Project::new();
    let made = project.build(&["-f", "deb"]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sbom/validate.py");
    for (name, from, to) in [
        (format!("{LINUX}.cdx.json"), "\"application\"", "\"thing\""),
        (format!("{LINUX}.spdx.json"), "SPDXRef-Part-0", "SPDXRef-Part_0"),
        ("intigua-sample-1.0.0.provenance.json".to_owned(), "\"digest\"", "\"digests\""),
    ] {
        let text = String::from_utf8(made[&name].clone()).expect("text");
        assert!(text.contains(from));
        project.write(&format!("bad/{name}"), text.replace(from, to).as_bytes());
        cmd(judge()).arg(&script).arg(project.path("bad").join(&name)).run().fails();
    }
}

#[test]
fn a_deb_and_an_rpm_bring_their_own_name_version_licence_and_url() {
    let made = Project::new().build(&["-f", "deb"]);
    let bom = json(&made, &format!("{LINUX}.cdx.json"));
    let agent = part(&bom, "agent");
    assert_eq!((agent["name"].as_str(), agent["version"].as_str()), (Some("agent"), Some("1:2.0+dfsg-3~deb12u1")));
    assert_eq!(agent["purl"], "pkg:deb/debian/agent@1:2.0%2Bdfsg-3~deb12u1?arch=amd64&upstream=agents%402.0%2Bdfsg-3");
    assert_eq!(agent["licenses"][0]["expression"], "GPL-2.0-or-later AND (MIT OR LicenseRef-Acme-terms)");
    assert_eq!(agent["supplier"]["name"], "Debian Agent Team");
    assert_eq!(property(agent, "linkpack:depends"), Some("libc6 (>= 2.14), adduser"));
    let probe = part(&bom, "probe");
    assert_eq!(probe["purl"], "pkg:rpm/fedora/probe@2.1-4.fc39?arch=noarch&epoch=3&upstream=probe-2.1-4.fc39.src.rpm");
    assert_eq!(probe["licenses"][0]["license"]["name"], "The probe's own terms");
    assert!(property(probe, "linkpack:depends").expect("depends").contains("bash >= 4"));
    let product = &bom["metadata"]["component"];
    assert_eq!(product["licenses"][0]["license"]["name"], "Acme's own (\"closed\") terms");

    let spdx = json(&made, &format!("{LINUX}.spdx.json"));
    let packages = spdx["packages"].as_array().expect("packages");
    let agent = packages.iter().find(|package| package["name"] == "agent").expect("the agent");
    assert_eq!(agent["licenseDeclared"], "GPL-2.0-or-later AND (MIT OR LicenseRef-Acme-terms)");
    assert_eq!(
        agent["externalRefs"][0]["referenceLocator"],
        "pkg:deb/debian/agent@1:2.0%2Bdfsg-3~deb12u1?arch=amd64&upstream=agents%402.0%2Bdfsg-3"
    );
    assert_eq!(spdx["hasExtractedLicensingInfos"].as_array().expect("others").len(), 3);
}

#[test]
fn spdx_lists_every_file_of_the_payload_with_its_digest() {
    let project = Project::new();
    let made = project.build(&["-f", "deb"]);
    let unpacked = project.path("unpacked");
    cmd("dpkg-deb").arg("-x").arg(project.path("dist/intigua-sample_1.0.0_amd64.deb")).arg(&unpacked).run().ok();
    let root = unpacked.join("usr/local/intigua");
    let shown = cmd("find").args(["Intigua-Libs", "vAgentManager", "-type", "f"]).dir(&root).run().ok().stdout;
    let mut there = BTreeSet::new();
    let listed = walk(&root);
    for path in &listed {
        let name = path.strip_prefix(&root).expect("below the root").as_os_str().as_bytes().to_vec();
        if name.starts_with(b"Intigua-Libs/") || name.starts_with(b"vAgentManager/") {
            let name = String::from_utf8(name)
                .unwrap_or_else(|name| String::from_utf8_lossy(name.as_bytes()).replace('\u{fffd}', "\\xe9"));
            there.insert((name, hex::encode(Sha256::digest(fs::read(path).expect("read a file")))));
        }
    }
    let spdx = json(&made, &format!("{LINUX}.spdx.json"));
    let files =
        spdx["packages"].as_array().expect("packages").iter().filter(|package| package["primaryPackagePurpose"] == "FILE");
    let said: BTreeSet<(String, String)> = files
        .map(|file| {
            let text = |value: &Value| value.as_str().expect("text").to_owned();
            (text(&file["name"]), text(&file["checksums"][0]["checksumValue"]))
        })
        .collect();
    assert_eq!(said, there, "{shown}");
    assert!(said.len() > 10 && said.iter().any(|(name, _)| name.ends_with("/caf\\xe9")), "{said:?}");
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("list a folder").flatten() {
        match entry.file_type().expect("a type") {
            kind if kind.is_dir() => files.extend(walk(&entry.path())),
            kind if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    files
}

#[test]
fn programs_are_listed_with_the_build_ids_that_readelf_sees() {
    let project = Project::new();
    let made = project.build(&[]);
    let bom = json(&made, &format!("{LINUX}.cdx.json"));
    let program = &part(&bom, "agent")["components"][0];
    assert_eq!(program["name"], "Intigua-Libs/agent/usr/bin/agent");
    let readelf = cmd("readelf").args(["-nW", "/bin/true"]).run().ok().stdout;
    let id = readelf.lines().find_map(|line| Some(line.split_once("Build ID: ")?.1)).expect("a build id");
    assert_eq!(property(program, "linkpack:elf:build-id"), Some(id.trim()));
    assert_eq!(property(program, "linkpack:elf:needed"), Some("libc.so.6"));

    let windows = json(&made, "intigua-sample-1.0.0-windows-x86_64.cdx.json");
    let service = &part(&windows, "connector")["components"][0];
    assert_eq!(service["name"], "vAgentManager/vlinkservice.exe");
    assert_eq!(property(service, "linkpack:pe:machine"), Some("x64"));
}

#[test]
fn documents_depend_on_content_alone() {
    let project = Project::new();
    let first = project.build(&["-j", "1"]);
    let second = project.build(&["-j", "2"]);
    assert!(first == second, "two builds differ");
    let serial = |made: &BTreeMap<String, Vec<u8>>| {
        let spdx = json(made, &format!("{LINUX}.spdx.json"))["documentNamespace"].clone();
        (json(made, &format!("{LINUX}.cdx.json"))["serialNumber"].clone(), spdx)
    };
    let folder = project.folder.path().to_str().expect("a plain path").to_owned();
    for (name, bytes) in first.iter().filter(|(name, _)| name.ends_with(".json")) {
        assert!(!String::from_utf8_lossy(bytes).contains(&folder), "{name} names the build's folder");
    }
    project.write("odd/more", b"more");
    let other = project.build(&[]);
    assert_ne!(serial(&first).0, serial(&other).0);
    assert_ne!(serial(&first).1, serial(&other).1);
}

#[test]
fn sites_share_the_bills_and_the_provenance_names_them_all() {
    let project = Project::new();
    let text = fs::read_to_string(project.path("sites/example.toml")).expect("read the site");
    project.write("sites/other.toml", text.as_bytes());
    let made = project.build(&["-f", "deb", "-s", "sites/example.toml", "-s", "sites/other.toml"]);
    assert_eq!(made.keys().filter(|name| name.ends_with(".cdx.json")).count(), 1, "{:?}", made.keys());
    let provenance = json(&made, "intigua-sample-1.0.0.provenance.json");
    let parameters = &provenance["predicate"]["buildDefinition"]["externalParameters"];
    assert_eq!(parameters["sites"][1]["digest"]["sha256"], hex::encode(Sha256::digest(text.as_bytes())));
    assert_eq!(parameters["formats"], serde_json::json!(["deb"]));
    let subjects: Vec<&str> = provenance["subject"]
        .as_array()
        .expect("subjects")
        .iter()
        .map(|subject| subject["name"].as_str().expect("a name"))
        .collect();
    let wanted = ["intigua-sample-example_1.0.0_amd64.deb", "intigua-sample-other_1.0.0_amd64.deb"];
    assert!(wanted.iter().all(|name| subjects.contains(name)), "{subjects:?}");
}

#[test]
fn bills_are_left_out_when_asked() {
    let made = Project::new().build(&["-f", "deb", "--no-sbom"]);
    let names: Vec<&str> = made.keys().map(String::as_str).collect();
    assert_eq!(names, ["SHA256SUMS", "intigua-sample-1.0.0.provenance.json", "intigua-sample_1.0.0_amd64.deb", "manifest.json"]);
}
