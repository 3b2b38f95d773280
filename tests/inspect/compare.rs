//! Several packages at once, what changed between two, the headers alone, and the verdict.
use super::*;

#[test]
fn the_last_line_is_the_verdict() {
    let said = linkpack().arg("inspect").arg(package("rpm")).run().ok().stdout;
    let last = said.lines().last().expect("lines");
    assert!(last.starts_with("verdict        not signed; all ") && last.ends_with(" match"), "{last}");
    // Without a terminal there are no colours.
    assert!(!said.contains('\u{1b}'));
    let folder = tempfile::tempdir().expect("make a folder");
    let cut = folder.path().join("cut.deb");
    let mut bytes = fs::read(package("deb")).expect("read it");
    bytes.truncate(bytes.len() - 200);
    // The last member's size is what the header says.
    bytes.resize(bytes.len() + 200, 0);
    fs::write(&cut, bytes).expect("write it");
    let said = linkpack().arg("inspect").arg(&cut).run().ok().stdout;
    assert!(said.lines().last().expect("lines").starts_with("verdict        FAILED: "), "{said}");
    assert_eq!(report(&package("deb"))["verdict"]["tone"], "open");
}

#[test]
fn several_packages_are_shown_and_one_that_cannot_be_read_hides_none() {
    let said = linkpack().arg("inspect").arg(package("deb")).arg("/nowhere.deb").arg(package("rpm")).run();
    assert_eq!(said.code, Some(1));
    assert!(said.stdout.contains("(deb)\n") && said.stdout.contains("(rpm)\n") && said.stderr.contains("/nowhere.deb"), "{said}");
    let said = linkpack().args(["inspect", "--json"]).arg(package("deb")).arg(package("rpm")).run().ok();
    let document: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let formats: Vec<&str> =
        document["packages"].as_array().expect("a list").iter().filter_map(|one| one["format"].as_str()).collect();
    assert_eq!(formats, ["deb", "rpm"]);
}

#[test]
fn the_headers_alone_say_the_same_but_for_digests() {
    for extension in ["deb", "rpm", "run", "msi"] {
        let said = linkpack().args(["inspect", "--json", "--quick"]).arg(package(extension)).run().ok();
        let quick: Value = serde_json::from_str(&said.stdout).expect("JSON");
        let whole = report(&package(extension));
        for same in ["identity", "root", "services", "settings", "relations", "scripts", "signatures"] {
            assert_eq!(quick[same], whole[same], "{extension}: {same}");
        }
        let files = |report: &Value| -> Vec<(String, u64, String)> {
            let files = report["files"].as_array().expect("files").iter();
            let kind = |file: &Value| file["kind"].as_str().unwrap_or_default().replace("hard-link", "file");
            files.map(|file| (file["path"].to_string(), file["size"].as_u64().unwrap_or_default(), kind(file))).collect()
        };
        assert_eq!(files(&quick), files(&whole), "{extension}");
        assert!(quick["files"].as_array().expect("files").iter().all(|file| file.get("sha256").is_none()), "{extension}");
        assert!(quick["damage"].as_array().expect("damage").is_empty(), "{extension}: {}", quick["damage"]);
        assert!(quick["verdict"]["text"].as_str().expect("a text").contains("headers alone"), "{extension}");
    }
}

#[test]
fn what_changed_is_told_as_text_json_and_page() {
    let (old, new) = (package("deb"), package("rpm"));
    let said = linkpack().args(["inspect", "--diff"]).arg(&old).arg(&old).run().ok().stdout;
    assert!(said.ends_with("verdict        no difference\n"), "{said}");
    let said = linkpack().args(["inspect", "--diff"]).arg(&old).arg(&new).run().ok().stdout;
    assert!(said.lines().any(|line| line.starts_with("scripts        + %pre")), "{said}");
    assert!(said.lines().any(|line| line.starts_with("scripts        - preinst")), "{said}");
    assert!(said.lines().last().expect("lines").starts_with("verdict        different: "), "{said}");
    let said = linkpack().args(["inspect", "--diff", "--json"]).arg(&old).arg(&new).run().ok();
    let document: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!(document["same"], false);
    assert!(document["sections"].as_array().expect("sections").iter().any(|section| section["name"] == "scripts"));
    let folder = tempfile::tempdir().expect("make a folder");
    let page = folder.path().join("diff.html");
    linkpack().args(["inspect", "--diff", "--html"]).arg(&page).arg(&old).arg(&new).run().ok();
    let text = fs::read_to_string(&page).expect("read the page");
    assert!(text.contains("default-src 'none'") && text.contains("<tr class=\"added\">"), "{}", &text[..2000]);
    linkpack().args(["inspect", "--diff"]).arg(&old).run().exits(1);
}
