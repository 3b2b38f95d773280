//! A Windows of its own for a test, with what tests ask of it after msiexec.
#![allow(dead_code)] // Each test program uses its own part.

use crate::msi::exit::SERVICE_KEY;
use crate::msi::SETUP_KEY;
use crate::sample::{files, Sample};
use crate::wine::{self, Wine};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

pub const VENDOR_KEY: &str = r"VMI\setup";
/// As `net start` shows the service.
const RUNNING: &str = "Intigua sample";

/// A Windows of its own with drives C and D.
pub struct Endpoint {
    pub wine: Wine,
}

impl Endpoint {
    pub fn new() -> Endpoint {
        let wine = Wine::new();
        let other = wine.drive().with_file_name("drive_d");
        fs::create_dir(&other).unwrap();
        std::os::unix::fs::symlink("../drive_d", wine.drive().with_file_name("dosdevices").join("d:")).unwrap();
        Endpoint { wine }
    }

    /// The sample's MSI in a folder of drive C, as Windows names it.
    pub fn take(&self, sample: &Sample) -> String {
        let msi = sample.msi();
        let name = msi.file_name().unwrap().to_str().unwrap();
        fs::copy(&msi, self.wine.drive().join(name)).unwrap();
        format!(r"C:\{name}")
    }

    #[track_caller]
    pub fn msiexec(&self, arguments: &[&str], expected: i32) {
        let log = self.c("log");
        let _ = fs::remove_file(&log);
        let found = self.wine.msiexec(&[arguments, &["/l*v", r"C:\log"]].concat());
        assert_eq!(found, expected, "msiexec {arguments:?}; install.json: {}\n{}", self.result(), text(&log));
    }

    pub fn c(&self, path: &str) -> PathBuf {
        self.wine.drive().join(path)
    }

    pub fn d(&self, path: &str) -> PathBuf {
        self.wine.drive().with_file_name("drive_d").join(path)
    }

    pub fn root(&self) -> PathBuf {
        self.c("Program Files/Intigua")
    }

    /// install.json; null where there is none.
    pub fn result(&self) -> Value {
        serde_json::from_str(&text(&self.c("ProgramData/Intigua/install.json"))).unwrap_or_default()
    }

    #[track_caller]
    pub fn ended(&self, outcome: &str, code: u32) {
        let result = self.result();
        assert_eq!((result["outcome"].as_str(), result["exit_code"].as_u64()), (Some(outcome), Some(code.into())), "{result}");
    }

    pub fn runs(&self) -> bool {
        self.wine.running_services().contains(RUNNING)
    }

    /// Gives a setting by group policy, or takes it away.
    #[track_caller]
    pub fn policy(&self, setting: &str, value: Option<&str>) {
        self.wine.policy(setting, value);
    }

    pub fn setting(&self, name: &str) -> Option<String> {
        self.wine.registry(SETUP_KEY, name)
    }

    /// Waits for a line of the connector's status file that has all of these words.
    pub fn wait_for_status(&self, words: &[&str]) {
        let path = self.c("ProgramData/Intigua/run/status");
        let shown = || text(&path).lines().any(|line| words.iter().all(|word| line.contains(word)));
        wine::until(120, shown, || format!("a line has {words:?}: {}", text(&path)));
    }

    /// Nothing of the product is on the machine, but what an administrator edited.
    #[track_caller]
    pub fn is_clean_but_for(&self, root: &std::path::Path, edited: &[&str]) {
        assert_eq!(files(root), edited);
        assert_eq!(root.exists(), !edited.is_empty(), "{root:?}");
        for key in [SETUP_KEY, VENDOR_KEY] {
            assert!(!self.wine.has_key(key), "{key}");
        }
        self.loses_the_service();
    }

    /// The service's key goes with the last program that looks at the service, soon after the removal.
    #[track_caller]
    pub fn loses_the_service(&self) {
        wine::until(60, || !self.wine.has_key(SERVICE_KEY), || format!("{SERVICE_KEY} is gone\n{}", text(&self.c("log"))));
    }
}

pub fn text(path: &std::path::Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).replace('\r', "")
}
