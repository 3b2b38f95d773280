//! `linkpack inspect`: one report for all formats, held against what the formats' own tools say.

mod common;

use common::{cmd, need, Cmd};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

#[path = "inspect/compare.rs"]
mod compare;

fn linkpack() -> Cmd {
    cmd(env!("CARGO_BIN_EXE_linkpack")).env("SOURCE_DATE_EPOCH", "1700000000")
}

/// The sample product in all formats.
fn dist() -> &'static Path {
    static DIST: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = DIST.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        linkpack().args(["init", "--sample"]).arg(folder.path().join("demo")).run().ok();
        linkpack().args(["build", "--no-cache", "-o", "../dist"]).dir(folder.path().join("demo")).run().ok();
        folder
    });
    Box::leak(folder.path().join("dist").into_boxed_path())
}

fn package(extension: &str) -> PathBuf {
    let mut entries = fs::read_dir(dist()).unwrap().flatten().map(|entry| entry.path());
    entries.find(|path| path.extension().is_some_and(|e| e == extension)).expect("a package")
}

fn report(path: &Path) -> Value {
    let said = linkpack().args(["inspect", "--json"]).arg(path).run().ok();
    serde_json::from_str(&said.stdout).expect("one JSON document")
}

#[test]
fn all_formats_of_a_product_report_the_same_product() {
    for extension in ["deb", "rpm", "run", "msi"] {
        let report = report(&package(extension));
        assert_eq!(report["format"], extension);
        assert_eq!(report["identity"]["version"], "1.0.0", "{extension}");
        assert!(report["made_by"].as_str().unwrap().starts_with("linkpack"), "{extension}: {}", report["made_by"]);
        assert_eq!(report["damage"], Value::Array(vec![]), "{extension}");
        let services = report["services"].as_array().unwrap();
        let name = if extension == "msi" { "vAgentManager" } else { "vlink" };
        assert!(services.iter().any(|service| service["name"] == name), "{extension}: {services:?}");
        let root = report["root"].as_str().unwrap();
        assert!(root.to_lowercase().contains("intigua"), "{extension}: {root}");
        let settings = report["settings"].as_array().unwrap();
        let url = settings.iter().find(|setting| setting["name"].as_str().unwrap().ends_with("SERVER_URL"));
        assert!(url.is_some_and(|url| url["value"].as_str().unwrap().starts_with("https://")), "{extension}: {settings:?}");
        let files = report["files"].as_array().unwrap();
        let connector = if extension == "msi" { "vlinkservice.exe" } else { "vlink" };
        let found = files.iter().find(|file| file["path"].as_str().unwrap().ends_with(connector) && file["sha256"].is_string());
        assert!(found.is_some(), "{extension}: no {connector} with a digest");
        assert!(report["scripts"].as_array().is_some_and(|scripts| !scripts.is_empty()), "{extension}");
    }
}

#[test]
fn a_debs_files_are_those_that_dpkg_unpacks() {
    let deb = package("deb");
    let folder = tempfile::tempdir().unwrap();
    cmd("dpkg-deb").arg("-x").arg(&deb).arg(folder.path()).run().ok();
    let listed = cmd("dpkg-deb").arg("-c").arg(&deb).run().ok().stdout;
    let report = report(&deb);
    let files = report["files"].as_array().unwrap();
    assert_eq!(files.len(), listed.lines().count());
    for file in files.iter().filter(|file| file["kind"] == "file") {
        let path = folder.path().join(file["path"].as_str().unwrap().trim_start_matches('/'));
        let sum = cmd("sha256sum").arg(&path).run().ok().stdout;
        assert_eq!(file["sha256"], sum[..64], "{}", path.display());
        assert_eq!(file["size"], fs::metadata(&path).unwrap().len());
    }
    let field = |name: &str| cmd("dpkg-deb").arg("-f").arg(&deb).arg(name).run().ok().line().to_owned();
    assert_eq!(report["identity"]["contact"], field("Maintainer"));
    assert_eq!(report["identity"]["architecture"], field("Architecture"));
}

#[test]
fn an_rpms_files_are_those_that_rpm_lists() {
    let rpm = package("rpm");
    let format = "[%{FILENAMES}\\t%{FILESIZES}\\t%{FILEDIGESTS}\\t%{FILEMODES:perms}\\t%{FILEUSERNAME}\\n]";
    let listed = cmd("rpm").args(["-qp", "--qf", format]).arg(&rpm).run().ok().stdout;
    let report = report(&rpm);
    let files = report["files"].as_array().unwrap();
    assert_eq!(files.len(), listed.lines().count());
    for (file, line) in files.iter().zip(listed.lines()) {
        let fields: Vec<&str> = line.split('\t').collect();
        assert_eq!(file["path"], fields[0]);
        if file["kind"] == "file" && file["ghost"].is_null() {
            assert_eq!(file["size"].to_string(), fields[1]);
            assert_eq!(file["sha256"], fields[2], "{line}");
        }
        assert_eq!(file["owner"], fields[4]);
    }
    let requires = cmd("rpm").args(["-qp", "--requires"]).arg(&rpm).run().ok().stdout;
    let ours = report["relations"].as_array().unwrap().iter().filter(|one| one["kind"] == "requires");
    let mut ours: Vec<&str> = ours.map(|one| one["what"].as_str().unwrap()).collect();
    let mut theirs: Vec<&str> = requires.lines().collect();
    ours.sort_unstable();
    theirs.sort_unstable();
    ours.dedup();
    theirs.dedup();
    assert_eq!(ours, theirs);
}

#[test]
fn a_run_is_read_without_being_run() {
    let report = report(&package("run"));
    assert_eq!(report["parts"][1]["name"], "payload");
    assert_eq!(report["claims"]["listed"][0]["algorithm"], "SHA-256");
    assert!(report["relations"].as_array().unwrap().iter().any(|one| one["kind"] == "needs" && one["what"] == "tar"));
}

#[test]
fn people_get_a_page_of_text_and_on_demand_all_files_and_scripts() {
    let deb = package("deb");
    linkpack().arg("inspect").arg(&deb).run().ok().says("service").says("signature     none").says("intigua/");
    linkpack().args(["inspect", "--files"]).arg(&deb).run().ok().says("-rwxr-xr-x").says("/usr/share/doc/");
    linkpack().args(["inspect", "--scripts"]).arg(&deb).run().ok().says("== postinst (/bin/sh)");
    linkpack().arg("inspect").run().exits(2);
}

#[test]
fn the_page_is_one_file_that_asks_nobody_for_anything() {
    for extension in ["deb", "rpm", "run", "msi"] {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page.html");
        linkpack().arg("inspect").arg("--html").arg(&page).arg(package(extension)).run().ok();
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.contains("<svg") && text.contains("default-src 'none'"));
        for outside in ["src=\"", "url(", "@import"] {
            assert!(!text.contains(outside), "{extension}: the page has {outside}");
        }
        assert!(text.split("href=").skip(1).all(|link| link.starts_with("\"#map-")), "{extension}: a link leads out of the page");
    }
}

/// What a browser made of a page, and what it asked the network for.
struct Browsed {
    dom: String,
    asked: Vec<String>,
}

/// Opens a page in a real browser, whose only way to a network is a listener of ours.
fn browse(page: &Path) -> Browsed {
    need("chromium", "chromium");
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let proxy = listener.local_addr().expect("an address").to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (end, heard) = (Arc::new(AtomicBool::new(false)), asked.clone());
    let over = end.clone();
    let server = std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if over.load(Ordering::SeqCst) {
                return;
            }
            let mut line = String::new();
            let _ = BufReader::new(&stream).read_line(&mut line);
            heard.lock().expect("a list").push(line);
            let _ = (&stream).write_all(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    let home = tempfile::tempdir().expect("a folder");
    let browser =
        cmd("chromium").env("HOME", home.path()).args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]);
    let browser = browser.args(["--disable-background-networking", "--disable-component-update", "--dump-dom"]);
    let browser = browser.arg(format!("--user-data-dir={}", home.path().display())).arg(format!("--proxy-server={proxy}"));
    let dom = browser.arg(format!("file://{}", page.display())).limit(120).run().ok().stdout;
    end.store(true, Ordering::SeqCst);
    let _ = TcpStream::connect(&proxy);
    server.join().expect("the listener ends");
    let asked = asked.lock().expect("a list").clone();
    Browsed { dom, asked }
}

#[test]
fn a_browser_draws_the_page_runs_nothing_of_the_package_and_asks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    // What it would do if it were no text.
    let evil = "</pre></title></style><img src='http://evil.example/a' onerror=\"document.title='owned'\"><script>document.title='owned'</script>";
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("DEBIAN")).unwrap();
    let control = format!(
        "Package: evil\nVersion: 1\nArchitecture: all\nMaintainer: {evil}\nHomepage: http://evil.example/\nDepends: a\nDescription: {evil}\n {evil}\n"
    );
    fs::write(root.join("DEBIAN/control"), control).unwrap();
    fs::write(root.join("DEBIAN/postinst"), format!("#!/bin/sh\n# {evil}\n")).unwrap();
    fs::set_permissions(root.join("DEBIAN/postinst"), fs::Permissions::from_mode(0o755)).unwrap();
    for at in 0..3 {
        let names = evil.replace('/', &format!("{at}"));
        fs::create_dir_all(root.join(&names)).unwrap();
        fs::write(root.join(&names).join(&names), vec![b'x'; 10_000 * (at + 1)]).unwrap();
        fs::write(root.join(&names).join("&lt;b&gt;"), "x".repeat(5_000)).unwrap();
        std::os::unix::fs::symlink(evil, root.join(format!("link{at}"))).unwrap();
    }
    cmd("dpkg-deb").args(["--root-owner-group", "--nocheck", "-b"]).arg(&root).arg(folder.path().join("evil.deb")).run().ok();
    let page = folder.path().join("evil.html");
    linkpack().arg("inspect").arg("--html").arg(&page).arg(folder.path().join("evil.deb")).run().ok();
    let seen = browse(&page);
    assert!(seen.dom.contains("<title>evil 1 (deb)</title>"), "the package's script ran, or was cut off: {}", &seen.dom[..900]);
    assert!(seen.dom.contains("<button>Path</button>"), "the page's own script did not run");
    assert!(seen.dom.contains("<svg") && seen.dom.contains("id=\"map-1\""), "there is no map of a folder");
    let asked: Vec<_> = seen.asked.iter().filter(|line| line.contains("evil.example")).collect();
    assert!(asked.is_empty(), "{asked:?}");
    // The same as markup does what it says: the browser and the listener would have shown it.
    let control = folder.path().join("control.html");
    fs::write(&control, format!("<title>good</title>{evil}")).unwrap();
    let seen = browse(&control);
    assert!(
        seen.dom.contains("<title>owned</title>") && seen.asked.iter().any(|line| line.contains("evil.example")),
        "{:?}",
        seen.asked
    );
}

#[test]
fn a_hostile_archive_stays_small_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    // A sparse file of exabytes in a DEB, and gigabytes of zeros in another.
    let make = "
import io, tarfile, gzip
def ar(parts):
    out = b'!<arch>\\n'
    for name, data in parts:
        out += b'%-16s%-12d%-6d%-6d%-8s%-10d`\\n' % (name, 0, 0, 0, b'100644', len(data)) + data + b'\\n' * (len(data) % 2)
    return out
def tar(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.PAX_FORMAT) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()
control = gzip.compress(tar([(tarfile.TarInfo('./control'), b'Package: a\\nVersion: 1\\nArchitecture: all\\nMaintainer: a\\nDescription: a\\n')]))
info = tarfile.TarInfo('./a')
info.pax_headers = {'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': str(1 << 60), 'GNU.sparse.name': './a'}
sparse = tar([(info, b'0\\n'.ljust(512, b'\\0'))])
deep = tar([(tarfile.TarInfo('./' + 'd/' * 20000 + 'x'), b'x')])
evil = tar([(tarfile.TarInfo('./\\x1b[2J\\u202e<script>alert(1)</script>'), b'x')])
for name, data in [('sparse', sparse), ('deep', deep), ('evil', evil)]:
    open(name + '.deb', 'wb').write(ar([(b'debian-binary', b'2.0\\n'), (b'control.tar.gz', control), (b'data.tar.gz', gzip.compress(data))]))
";
    cmd("python3").args(["-c", make]).dir(folder.path()).run().ok();
    let limited = |name: &str| {
        let line =
            format!("ulimit -v 1500000; exec {} inspect {name}.deb --html {name}.html --files", env!("CARGO_BIN_EXE_linkpack"));
        cmd("sh").args(["-c", &line]).dir(folder.path()).limit(120).run().ok()
    };
    limited("sparse").says("DAMAGED").never_says("panicked");
    linkpack().arg("verify").arg(folder.path().join("sparse.deb")).run().exits(1).says("more bytes than a package of its size");
    limited("deep").never_says("panicked");
    let said = limited("evil");
    assert!(!said.stdout.contains('\u{1b}') && !said.stdout.contains('\u{202e}'), "{said}");
    let page = fs::read_to_string(folder.path().join("evil.html")).unwrap();
    assert!(!page.contains("<script>alert") && !page.contains('\u{1b}'));
}

/// Every field's name; what a map of the package's own words has for keys is none.
fn fields(value: &Value, found: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Array(all) => all.iter().for_each(|one| fields(one, found)),
        Value::Object(map) => {
            for (name, value) in map {
                found.insert(name.clone());
                if !["tables", "held"].contains(&name.as_str()) {
                    fields(value, found);
                }
            }
        }
        _ => {}
    }
}

#[test]
fn every_field_of_the_documents_is_documented() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/json.md")).expect("docs/json.md");
    let mut found = std::collections::BTreeSet::new();
    let packages = ["deb", "rpm", "run", "msi"].map(package);
    packages.iter().for_each(|package| fields(&report(package), &mut found));
    for verb in ["verify", "lint"] {
        let said = linkpack().args([verb, "--json"]).args(&packages).run().ok();
        fields(&serde_json::from_str(&said.stdout).expect("JSON"), &mut found);
    }
    assert!(found.len() > 40, "{found:?}");
    let missing: Vec<_> = found.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/json.md does not name {missing:?}");
}
