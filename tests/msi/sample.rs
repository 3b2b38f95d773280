//! The sample product as an MSI, made by the linkpack binary under test.
#![allow(dead_code)] // Each test program uses its own part.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const LINKPACK: &str = env!("CARGO_BIN_EXE_linkpack");

/// `linkpack init --sample` in a folder of its own, plus one file of pulse's that administrators edit.
pub struct Sample {
    folder: tempfile::TempDir,
}

impl Sample {
    pub fn new() -> Sample {
        let sample = Sample { folder: tempfile::tempdir().unwrap() };
        let output = Command::new(LINKPACK).args(["init", "--sample"]).arg(sample.path("product")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        sample.write("windows/pulse/etc/pulse.conf", "level=1\n");
        sample.edit("windows-x86_64 = \"windows/pulse\"", "windows-x86_64 = { source = \"windows/pulse\", config = [\"etc/*\"] }")
    }

    /// Another version of it; the file that administrators edit changes with it.
    pub fn version(version: &str) -> Sample {
        let sample = Sample::new();
        sample.write("windows/pulse/etc/pulse.conf", format!("# of {version}\n"));
        sample.edit("version = \"1.0.0\"\npublisher", &format!("version = \"{version}\"\npublisher"))
    }

    /// A path in the product's folder.
    pub fn product(&self, name: &str) -> PathBuf {
        self.path("product").join(name)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.product(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Replaces a text of the manifest.
    #[track_caller]
    pub fn edit(self, from: &str, to: &str) -> Sample {
        let path = self.product("linkpack.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "the sample's manifest has no {from:?}:\n{text}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
        self
    }

    /// `linkpack build --no-cache` with these arguments, in the product's folder.
    pub fn build(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The same, to be run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(LINKPACK);
        command.current_dir(self.path("product")).args(["build", "--no-cache"]).args(arguments);
        command.env("SOURCE_DATE_EPOCH", "1700000000");
        command
    }

    /// Builds the MSI, and expects it to work.
    pub fn msi(&self) -> PathBuf {
        let output = self.build(&["-f", "msi"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let made = fs::read_dir(self.product("dist")).unwrap().map(|entry| entry.unwrap().path());
        made.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "msi")).unwrap()
    }

    /// Builds, and expects a refusal: its message, and nothing in the output folder.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = self.build(arguments);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{message}");
        let left = fs::read_dir(self.product("dist")).map_or(0, |entries| entries.count());
        assert_eq!(left, 0, "left behind after: {message}");
        message
    }
}

/// Every file below a folder, relative to it and sorted; a folder that is not there has none.
pub fn files(folder: &Path) -> Vec<String> {
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
