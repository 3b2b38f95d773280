//! What is made for ConfigMgr, Intune and group policies, judged by PowerShell's grammar, Microsoft's syntax of the cmdlets, and openssl.
use crate::common::{cmd, fixture, need};
use crate::material::{linkpack, make, material, SIGNING};
use crate::verify::{not_powershell, python_with_powershells_grammar};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const STEM: &str = "intigua-sample-1.0.0-x64";
/// What an MSI may be called, with what means something to PowerShell, cmd, XML, JSON and shells.
const TITLE: &str = "O'Hara & \"Söhne\" <$(calc)> %PATH% `b`; ‘é’";

/// A kit with all channels, of packages for each system, among them an MSI with that title, and of a site's transform. Not to be written in.
pub fn kit() -> PathBuf {
    let material = material();
    let recipe = format!("{TITLE}{}", material.display());
    let folder = fixture("channels", &recipe, |folder| {
        cmd("cp").args(["-a", "--reflink=auto"]).arg(format!("{}/.", material.display())).arg(folder).run().ok();
        let manifest = folder.join("demo/linkpack.toml");
        let text = fs::read_to_string(&manifest).unwrap().replace("1.1.0", "1.0.0");
        let title = toml_text(TITLE);
        let product = format!("icon = \"picture.png\"\ntitle = {title}");
        fs::write(&manifest, text.replacen("title = \"Intigua sample\"", &product, 1)).unwrap();
        cmd("python3").args(["-c", PICTURE, "demo/picture.png"]).dir(folder).run().ok();
        fs::write(folder.join("berlin.toml"), "name = \"berlin\"\nserver-url = \"https://core.berlin.example:443\"\n").unwrap();
        for more in [&["-f", "msi", "-o", "odd"][..], &["-f", "mst", "-s", "berlin.toml", "-o", "site"]] {
            linkpack().args(["build", "-q", "--no-cache", "-m", "demo/linkpack.toml"]).args(more).dir(folder).run().ok();
        }
        let linux =
            ["intigua-sample_1.0.0_amd64.deb", "intigua-sample-1.0.0-1.x86_64.rpm", "intigua-sample-1.0.0-linux-x86_64.run"];
        let linux = linux.map(|file| format!("dist-1.0.0/{file}"));
        make(folder, &format!("odd/{STEM}.msi site/intigua-sample-berlin.mst {} -o all -c all", linux.join(" "))).run().ok();
    });
    folder.join("all")
}

/// A grey square of 64 pixels.
const PICTURE: &str = "import struct, sys, zlib\n\
    part = lambda name, data: struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))\n\
    head = struct.pack('>IIBBBBB', 64, 64, 8, 0, 0, 0, 0)\n\
    open(sys.argv[1], 'wb').write(b'\\x89PNG\\r\\n\\x1a\\n' + part(b'IHDR', head) + part(b'IDAT', zlib.compress((b'\\0' + b'\\x80' * 64) * 64)) + part(b'IEND', b''))";

fn toml_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn scripts_for_configmgr_are_powershell_and_call_its_cmdlets_as_they_are() {
    let folder = kit().join("channels/sccm").join(STEM);
    let scripts: Vec<PathBuf> = ["New-Application", "Install", "Uninstall", "Detect", "Collect-Logs"]
        .iter()
        .map(|name| folder.join(format!("{name}.ps1")))
        .collect();
    assert_eq!(not_powershell(&scripts), "");
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/kit");
    let judged = |script: &Path| {
        let judge = cmd(python_with_powershells_grammar()).arg(top.join("cmdlets.py")).arg(top.join("cmdlets.json"));
        judge.arg(script).run().ok().stdout
    };
    assert_eq!(judged(&scripts[0]), "");
    // The judge sees a wrong value, an unknown parameter, one that is missing, and a cmdlet that there is not.
    let text = fs::read_to_string(&scripts[0]).unwrap();
    let wrong = tempfile::tempdir().unwrap();
    let script = wrong.path().join("wrong.ps1");
    for (right, mistaken) in [
        ("-CodeType Failure", "-CodeType Failed"),
        ("-IsUninstall", "-Uninstall"),
        ("Hive = 'LocalMachine'", ""),
        ("New-CMApplication ", "New-CMProgram "),
    ] {
        assert!(text.contains(right), "{right}");
        fs::write(&script, text.replace(right, mistaken)).unwrap();
        assert_eq!(judged(&script).lines().count(), 1, "{right}");
    }
    for script in &scripts {
        let bytes = fs::read(script).unwrap();
        assert!(bytes.is_ascii() && bytes.windows(2).any(|two| two == b"\r\n"), "{}", script.display());
    }
    // Names are data.
    let application = json(&folder.join("application.json"));
    assert_eq!(application["name"], TITLE);
    assert_eq!(application["beside"], serde_json::json!(["intigua-sample-berlin.mst"]));
    assert!(application["hidden"].to_string().contains("TOKEN_FILE") && application["hidden"].to_string().contains("CORE_ID"));
    let busy = application["exit_codes"].as_array().unwrap().iter().find(|code| code["code"] == 16).unwrap();
    assert_eq!(busy["outcome"], "retry");
}

/// Reads an .intunewin with what is not ours: zipfile, ElementTree, hmac, openssl. Leaves what was packed in the folder `inner`.
const READ: &str = r#"import base64, hashlib, hmac, subprocess, sys, xml.etree.ElementTree as tree, zipfile
outer = zipfile.ZipFile(sys.argv[1])
assert outer.testzip() is None
assert all(one.compress_type == zipfile.ZIP_STORED for one in outer.infolist())
names = ["IntuneWinPackage/Contents/IntunePackage.intunewin", "IntuneWinPackage/Metadata/Detection.xml"]
assert outer.namelist() == names, outer.namelist()
text = outer.read(names[1])
assert b"\r\n" in text and not text.startswith(b"<?xml")
about = tree.fromstring(text)
assert about.get("ToolVersion") == "1.8.6.0"
keys = {one.tag: one.text for one in about.find("EncryptionInfo")}
key, mac_key, vector, mac, digest = (base64.b64decode(keys[name]) for name in ("EncryptionKey", "MacKey", "InitializationVector", "Mac", "FileDigest"))
blob = outer.read(names[0])
assert blob[:32] == mac and blob[32:48] == vector
assert hmac.new(mac_key, blob[32:], hashlib.sha256).digest() == mac
inner = subprocess.run(["openssl", "enc", "-d", "-aes-256-cbc", "-K", key.hex(), "-iv", vector.hex()], input=blob[48:], capture_output=True, check=True).stdout
assert hashlib.sha256(inner).digest() == digest and len(inner) == int(about.findtext("UnencryptedContentSize"))
open("inner.zip", "wb").write(inner)
zipfile.ZipFile("inner.zip").extractall("inner")
print(about.findtext("Name"), about.findtext("SetupFile"), about.findtext("MsiInfo/MsiProductCode"), sep="\n")
"#;

#[test]
fn an_intunewin_is_read_back_by_others_and_its_app_says_what_graph_asks() {
    need("python3", "python3");
    let kit = kit();
    let folder = tempfile::tempdir().unwrap();
    let channel = kit.join("channels/intune");
    let said =
        cmd("python3").args(["-c", READ]).arg(channel.join(format!("{STEM}.intunewin"))).dir(folder.path()).run().ok().stdout;
    let app = json(&channel.join(format!("{STEM}.json")));
    let code = app["msiInformation"]["productCode"].as_str().unwrap();
    assert_eq!(said.lines().collect::<Vec<_>>(), [TITLE, &format!("{STEM}.msi"), code]);
    for file in [format!("{STEM}.msi"), "intigua-sample-berlin.mst".to_owned()] {
        cmd("cmp").arg(folder.path().join("inner").join(&file)).arg(kit.join("windows").join(&file)).run().ok();
    }
    for file in ["Install.ps1", "Uninstall.ps1", "Collect-Logs.ps1", "application.json"] {
        assert!(folder.path().join("inner").join(file).is_file(), "{file}");
    }
    assert_eq!(not_powershell(&[channel.join(format!("{STEM}.Detect.ps1"))]), "");

    // The names and values are Graph's v1.0 (microsoft-graph-types 2.43); `scripts/campaign channels` has the compiler compare them.
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(
        keys(&app),
        "@odata.type applicableArchitectures description displayName fileName installCommandLine installExperience largeIcon \
         minimumFreeDiskSpaceInMB minimumSupportedWindowsRelease msiInformation notes publisher returnCodes rules setupFilePath uninstallCommandLine"
    );
    let icon = &app["largeIcon"];
    assert_eq!((&icon["@odata.type"], &icon["type"]), (&"#microsoft.graph.mimeContent".into(), &"image/png".into()));
    fs::write(folder.path().join("base64"), icon["value"].as_str().unwrap()).unwrap();
    let same = format!("base64 -d base64 | cmp - '{}'", kit.with_file_name("demo/picture.png").display());
    cmd("sh").args(["-c", &same]).dir(folder.path()).run().ok();
    let rule = &app["rules"][0];
    assert_eq!(keys(rule), "@odata.type check32BitOn64System comparisonValue keyPath operationType operator ruleType valueName");
    assert_eq!((&rule["operator"], &rule["comparisonValue"]), (&"greaterThanOrEqual".into(), &"1.0.0".into()));
    assert_eq!(app["displayName"], format!("{TITLE} 1.0.0"));
    let codes = app["returnCodes"].as_array().unwrap();
    for code in codes {
        let kind = code["type"].as_str().unwrap();
        assert!(["failed", "success", "softReboot", "hardReboot", "retry"].contains(&kind), "{kind}");
    }
    assert!(codes.contains(&serde_json::json!({ "returnCode": 1618, "type": "retry" })));
    assert!(codes.contains(&serde_json::json!({ "returnCode": 12, "type": "failed" })), "the codes of install.json");
    let berlin = json(&channel.join(format!("{STEM}.intigua-sample-berlin.json")));
    assert!(berlin["installCommandLine"].as_str().unwrap().ends_with("-File Install.ps1 -Transform intigua-sample-berlin.mst"));
}

/// What Microsoft's schema of administrative templates asks (PolicyDefinitions.xsd, PolicyDefinitionFiles.xsd): each reference has its
/// target and each target a reference, the elements stand in their order, every policy is of the machine and has a place for its value.
const JUDGE: &str = r#"import re, sys, xml.etree.ElementTree as tree
admx, adml, key = tree.parse(sys.argv[1]).getroot(), tree.parse(sys.argv[2]).getroot(), sys.argv[3]
SPACE = "{http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions}"
name = lambda one: one.tag.removeprefix(SPACE)
every = lambda root, what: list(root.iter(SPACE + what))
problems = []
def same(what, one, other):
    if sorted(one) != sorted(other):
        problems.append(f"{what}: {sorted(set(one) ^ set(other)) or 'twice'}")
assert name(admx) == "policyDefinitions" and name(adml) == "policyDefinitionResources"
for root, wanted in ((admx, ["policyNamespaces", "resources", "supportedOn", "categories", "policies"]), (adml, ["displayName", "description", "resources"])):
    if [name(one) for one in root] != wanted or root.get("revision") != "1.0" or root.get("schemaVersion") != "1.0":
        problems.append(f"{name(root)}: {[name(one) for one in root]}")
asked = [value for one in admx.iter() for value in one.attrib.values()]
of = lambda table: [found.group(1) for found in (re.fullmatch(r"\$\(" + table + r"\.([\w]+)\)", value) for value in asked) if found]
same("strings", of("string"), [one.get("id") for one in every(adml, "string")])
same("presentations", of("presentation"), [one.get("id") for one in every(adml, "presentation")])
same("categories", {one.get("ref") for one in every(admx, "parentCategory")}, [one.get("name") for one in every(admx, "category")])
same("supported", {one.get("ref") for one in every(admx, "supportedOn") if one.get("ref")}, [one.get("name") for one in every(admx, "definition")])
policies = every(admx, "policy")
for policy in policies:
    about = policy.get("name")
    if policy.get("class") != "Machine" or policy.get("key") != key or not policy.get("explainText"):
        problems.append(f"{about}: class, key or explanation")
    order = ["parentCategory", "supportedOn", "enabledValue", "disabledValue", "elements"]
    children = [name(one) for one in policy]
    if children != [one for one in order if one in children] or not {"parentCategory", "supportedOn"} <= set(children):
        problems.append(f"{about}: {children}")
    elements = [one for group in policy if name(group) == "elements" for one in group]
    shown = [box.get("refId") for one in every(adml, "presentation") if f"$(presentation.{one.get('id')})" == policy.get("presentation") for box in one]
    same(f"{about}: boxes", [one.get("id") for one in elements], shown)
    if not policy.get("valueName") and not all(one.get("valueName") for one in elements) or not (policy.get("valueName") or elements):
        problems.append(f"{about}: no value")
same("policies", {one.get("name") for one in policies}, [one.get("name") for one in policies])
print("\n".join(problems or [" ".join(one.get("name") for one in policies)]))
"#;

#[test]
fn administrative_templates_refer_to_what_is_there_and_offer_what_is_heeded() {
    need("python3", "python3");
    let channel = kit().join("channels/gpo/PolicyDefinitions");
    let [admx, adml] = ["intigua-sample.admx", "en-US/intigua-sample.adml"].map(|file| channel.join(file));
    let judged = |admx: &Path, adml: &Path| {
        let judge = cmd("python3").args(["-c", JUDGE]).arg(admx).arg(adml).arg(r"SOFTWARE\Policies\VMI\setup");
        judge.run().ok().stdout.trim().to_owned()
    };
    let names: Vec<&str> = contract::settings::of_policies().map(|setting| setting.name).collect();
    assert_eq!(judged(&admx, &adml), names.join(" "));
    let text = fs::read_to_string(&adml).unwrap();
    assert!(
        text.contains("<displayName>O'Hara &amp; &quot;Söhne&quot; &lt;$(calc)&gt; %PATH% `b`; ‘é’</displayName>\r\n"),
        "{text}"
    );
    // The judge has an opinion.
    let wrong = tempfile::tempdir().unwrap();
    let file = wrong.path().join("wrong");
    let admx_text = fs::read_to_string(&admx).unwrap();
    for (right, mistaken) in [
        ("$(string.SERVER_URL)", "$(string.SERVER_URI)"),
        ("class=\"Machine\"", "class=\"User\""),
        ("<text id=\"SERVER_URL\"", "<text id=\"SERVER_URI\""),
        ("<parentCategory ref=\"Agent\" />", ""),
        ("name=\"SUPPORTED_Agent\"", "name=\"SUPPORTED\""),
    ] {
        assert!(admx_text.contains(right), "{right}");
        fs::write(&file, admx_text.replacen(right, mistaken, 1)).unwrap();
        assert_ne!(judged(&file, &adml), names.join(" "), "{mistaken}");
    }
    fs::write(&file, text.replacen("<string id=\"SERVER_URL\"", "<string id=\"X\"", 1)).unwrap();
    assert_ne!(judged(&admx, &file), names.join(" "));
}

#[test]
fn the_page_names_the_channels_and_volumes_leave_room_for_them() {
    let kit = kit();
    let page = fs::read_to_string(kit.join("index.html")).unwrap().replace("&#x2f;", "/");
    for link in [
        format!("href=\"channels/sccm/{STEM}/New-Application.ps1\""),
        "href=\"channels/images/Containerfile\"".to_owned(),
        "<th>intune</th>".to_owned(),
    ] {
        assert!(page.contains(&link), "{link}");
    }
    // At the site there is no other page: it speaks of this kit's files, and of no other document.
    for channel in fs::read_dir(kit.join("channels")).unwrap() {
        let path = channel.unwrap().path().join("README.txt");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("\r\n    ") && !text.contains("](") && !text.contains("STEM"), "{}: {text}", path.display());
        assert!(page.contains(&format!("href=\"{}\"", path.strip_prefix(&kit).unwrap().display())), "{}", path.display());
    }
    let gpo = fs::read_to_string(kit.join("channels/gpo/README.txt")).unwrap();
    for file in [format!("{STEM}\\startup.cmd"), "PolicyDefinitions\\intigua-sample.admx".to_owned()] {
        assert!(gpo.contains(&file) && kit.join("channels/gpo").join(file.replace('\\', "/")).is_file(), "{file}");
    }
    // The MSI lies in an .intunewin, too.
    let folder = tempfile::tempdir().unwrap();
    let signing: Vec<PathBuf> = SIGNING.split(' ').map(|word| material().join(word)).collect();
    let msi = kit.join("windows").join(format!("{STEM}.msi"));
    let size = msi.metadata().unwrap().len() * 2 + (5 << 20);
    linkpack()
        .args(["kit", "-c", "intune", "--name", "agent", "-o", "kit", "--zip", "kit.zip", "--volume-size"])
        .arg(size.to_string())
        .arg(&msi)
        .arg("--key")
        .arg(&signing[1])
        .dir(folder.path())
        .run()
        .ok();
}
