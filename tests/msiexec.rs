//! MSIs as msiexec plays them, under Wine: install, choose, repair, upgrade, refuse, roll back, remove.

mod msi;
#[path = "msi/wine.rs"]
mod wine;

use msi::{service, Product, SETUP_KEY};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wine::Wine;

/// What is left of an exit code in the eight bits that Wine hands on.
const fn code(full: i32) -> i32 {
    full & 0xFF
}
const DONE: i32 = 0;
/// ERROR_INSTALL_FAILURE.
const FAILED: i32 = code(1603);
const SERVICE: &str = r"System\CurrentControlSet\Services\vAgentManager";

/// A package where Wine sees it as Windows would: in a folder of drive C.
fn package(wine: &Wine, product: &Product, name: &str) -> String {
    product.save(&wine.drive(), name);
    format!(r"C:\{name}")
}

fn default_root(wine: &Wine) -> PathBuf {
    wine.drive().join("Program Files/Intigua")
}

/// Every file below a folder, relative to it; a folder that is not there has none.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_path_buf()];
    while let Some(next) = left.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for entry in entries.flatten() {
            if entry.path().is_dir() {
                left.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn log(wine: &Wine) -> String {
    fs::read_to_string(wine.drive().join("service.log")).unwrap_or_default().replace('\r', "")
}

#[test]
fn a_silent_install_runs_the_service_and_removal_leaves_nothing_but_edited_files() {
    let wine = Wine::new();
    let msi = package(&wine, &Product::default(), "one.msi");
    assert_eq!(wine.msiexec(&["/i", &msi]), DONE);
    let root = default_root(&wine);
    let expected = [
        "Intigua-Libs/pulse/pulse.bin",
        "Intigua-Libs/tracer/Größe.txt",
        "Intigua-Libs/tracer/deep/deeper/file.txt",
        "vAgentManager/a long name, with commas.txt",
        "vAgentManager/agent.conf",
        "vAgentManager/empty",
        "vAgentManager/vlinkservice.exe",
    ];
    assert_eq!(files(&root), expected);
    assert!(fs::read(root.join("Intigua-Libs/pulse/pulse.bin")).unwrap() == msi::large());
    assert!(root.join("components").is_dir() && root.join("vAgentManager/spool").is_dir());
    assert!(wine.running_services().contains("Intigua connector"), "{}", wine.running_services());
    assert!(log(&wine).contains(r#"run --root "C:\Program Files\Intigua\.""#), "{}", log(&wine));
    assert_eq!(wine.registry(SERVICE, "Start").as_deref(), Some("0x2"));
    assert_eq!(wine.registry(SERVICE, "ObjectName").as_deref(), Some("LocalSystem"));
    assert_eq!(wine.registry(SETUP_KEY, "IntiguaRootDir").as_deref(), Some(r"C:\Program Files\Intigua\"));
    assert_eq!(wine.registry(SETUP_KEY, "SERVER_URL").as_deref(), Some("https://core.example:443"));

    assert_eq!(wine.msiexec(&["/x", &msi]), DONE);
    assert_eq!(files(&root), ["vAgentManager/agent.conf"]);
    assert!(!root.join("Intigua-Libs").exists() && !root.join("components").exists());
    assert!(!wine.has_key(SERVICE) && !wine.has_key(SETUP_KEY));
    // Wine does not wait until a service has stopped.
    let patience = Instant::now();
    while !log(&wine).ends_with("stopped\n") {
        assert!(patience.elapsed() < Duration::from_secs(30), "{}", log(&wine));
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_root_with_spaces_is_installed_repaired_and_remembered() {
    let wine = Wine::new();
    let msi = package(&wine, &Product { config: b"", ..Product::default() }, "one.msi");
    let arguments = ["/i", &msi, r"INSTALLDIR=C:\My Own\Agents", "SERVER_URL=https://other.example", "CORE_ID=abc"];
    assert_eq!(wine.msiexec(&arguments), DONE);
    let root = wine.drive().join("My Own/Agents");
    assert!(log(&wine).contains(r#"--root "C:\My Own\Agents\.""#), "{}", log(&wine));
    assert!(!default_root(&wine).exists());
    assert_eq!(wine.registry(SETUP_KEY, "IntiguaRootDir").as_deref(), Some(r"C:\My Own\Agents\"));

    fs::remove_file(root.join("Intigua-Libs/tracer/Größe.txt")).unwrap();
    assert_eq!(wine.msiexec(&["/i", &msi, "REINSTALL=ALL", "REINSTALLMODE=amus"]), DONE);
    assert!(root.join("Intigua-Libs/tracer/Größe.txt").exists());
    assert_eq!(wine.registry(SETUP_KEY, "SERVER_URL").as_deref(), Some("https://other.example"));
    assert_eq!(wine.registry(SETUP_KEY, "CORE_ID").as_deref(), Some("abc"));

    // The next version goes where the first one is, without being told; another root is refused.
    let next = package(&wine, &Product { version: "1.1.0", ..Product::default() }, "two.msi");
    assert_eq!(wine.msiexec(&["/i", &next, r"INSTALL_ROOT=C:\Elsewhere"]), FAILED);
    assert_eq!(fs::read_to_string(root.join("Intigua-Libs/tracer/deep/deeper/file.txt")).unwrap(), "1.0.0");
    assert_eq!(wine.msiexec(&["/i", &next]), DONE);
    assert_eq!(fs::read_to_string(root.join("Intigua-Libs/tracer/deep/deeper/file.txt")).unwrap(), "1.1.0");
    assert_eq!(wine.registry(SETUP_KEY, "SERVER_URL").as_deref(), Some("https://other.example"));
    assert!(!default_root(&wine).exists() && !wine.drive().join("Elsewhere").exists());
}

#[test]
fn an_upgrade_keeps_the_edited_config_and_a_downgrade_is_refused() {
    let wine = Wine::new();
    let old = package(&wine, &Product::default(), "old.msi");
    let new = package(&wine, &Product { version: "1.2.0", config: b"level=2\n", ..Product::default() }, "new.msi");
    assert_eq!(wine.msiexec(&["/i", &old]), DONE);
    let root = default_root(&wine);
    fs::write(root.join("vAgentManager/agent.conf"), "level=9\n").unwrap();
    assert_eq!(wine.msiexec(&["/i", &new]), DONE);
    assert_eq!(fs::read_to_string(root.join("vAgentManager/agent.conf")).unwrap(), "level=9\n");
    assert_eq!(fs::read_to_string(root.join("Intigua-Libs/tracer/deep/deeper/file.txt")).unwrap(), "1.2.0");
    assert!(wine.running_services().contains("Intigua connector"));

    assert_eq!(wine.msiexec(&["/i", &old]), FAILED);
    assert_eq!(fs::read_to_string(root.join("Intigua-Libs/tracer/deep/deeper/file.txt")).unwrap(), "1.2.0");
    assert!(wine.running_services().contains("Intigua connector"));
}

#[test]
fn features_are_chosen_by_container_or_by_feature_and_required_ones_always_come() {
    let wine = Wine::new();
    let msi = package(&wine, &Product::default(), "one.msi");
    let root = default_root(&wine);
    let installed = || (root.join("Intigua-Libs/pulse").exists(), root.join("Intigua-Libs/tracer").exists());
    for (choice, expected) in
        [("CONTAINERS=pulse", (true, false)), ("CONTAINERS=pulse,tracer", (true, true)), ("ADDLOCAL=tracer", (true, true))]
    {
        assert_eq!(wine.msiexec(&["/i", &msi, choice]), DONE);
        assert_eq!(installed(), expected, "{choice}");
        assert!(root.join("vAgentManager/vlinkservice.exe").exists(), "{choice}");
        assert_eq!(wine.msiexec(&["/x", &msi]), DONE);
        assert_eq!(installed(), (false, false), "{choice}");
    }
}

#[test]
fn an_image_has_the_service_registered_and_not_started() {
    let wine = Wine::new();
    let msi = package(&wine, &Product::default(), "one.msi");
    assert_eq!(wine.msiexec(&["/i", &msi, "IMAGE=1"]), DONE);
    assert_eq!(wine.registry(SERVICE, "Start").as_deref(), Some("0x2"));
    assert!(!wine.running_services().contains("Intigua connector"));
    assert_eq!(log(&wine), "");
}

/// The DLL of the tests, built by mingw: it notes in C:\actions.log what was called with what, and refuses where C:\refuse exists.
fn library() -> Vec<u8> {
    msi::compile("actions.c", &["-shared", "-lmsi"])
}

#[test]
fn a_native_check_refuses_before_any_change() {
    let wine = Wine::new();
    let msi = package(&wine, &Product { library: Some(library()), ..Product::default() }, "one.msi");
    fs::write(wine.drive().join("refuse"), "").unwrap();
    assert_eq!(wine.msiexec(&["/i", &msi]), FAILED);
    assert!(!default_root(&wine).exists());
    assert!(!wine.has_key(SERVICE) && !wine.has_key(SETUP_KEY));
    assert_eq!(actions(&wine), ["check [C:\\Program Files\\Intigua\\]"]);
}

#[test]
fn native_actions_are_called_in_their_stages_with_their_data_and_not_at_removal() {
    let wine = Wine::new();
    let msi = package(&wine, &Product { library: Some(library()), ..Product::default() }, "one.msi");
    assert_eq!(wine.msiexec(&["/i", &msi, "SERVER_URL=https://given.example"]), DONE);
    let data = r"[C:\Program Files\Intigua\|https://given.example]";
    let expected = [r"check [C:\Program Files\Intigua\]".to_owned(), format!("check_again {data}"), format!("done {data}")];
    assert_eq!(actions(&wine), expected);
    assert_eq!(wine.msiexec(&["/x", &msi]), DONE);
    assert_eq!(actions(&wine).len(), expected.len() + 1, "only the commit action has no condition: {:?}", actions(&wine));
}

#[test]
fn a_failed_install_calls_the_rollback_action() {
    let wine = Wine::new();
    let product = Product { library: Some(library()), executable: service(&["-DFAILS"]), ..Product::default() };
    let msi = package(&wine, &product, "one.msi");
    assert_eq!(wine.msiexec(&["/i", &msi]), code(1627));
    assert!(actions(&wine).last().unwrap().starts_with("undo ["), "{:?}", actions(&wine));
}

fn actions(wine: &Wine) -> Vec<String> {
    let log = fs::read_to_string(wine.drive().join("actions.log")).unwrap_or_default();
    log.lines().map(str::to_owned).collect()
}

#[test]
fn a_service_that_fails_to_start_is_rolled_back_with_nothing_left() {
    let wine = Wine::new();
    let msi = package(&wine, &Product { executable: service(&["-DFAILS"]), ..Product::default() }, "one.msi");
    // Windows says 1603 there.
    assert_eq!(wine.msiexec(&["/i", &msi]), code(1627));
    assert!(log(&wine).starts_with("failed\n"), "{}", log(&wine));
    // Wine's rollback spares the file that administrators edit; the one of Windows does not.
    assert_eq!(files(&default_root(&wine)), ["vAgentManager/agent.conf"]);
    assert!(!wine.has_key(SERVICE) && !wine.has_key(SETUP_KEY));
}
