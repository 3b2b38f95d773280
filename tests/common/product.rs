//! Packages of the sample product, made by the linkpack binary under test.
use super::cmd;
use std::fs;
use std::path::{Path, PathBuf};

/// A connector that ends at once.
const BROKEN: &str = "#!/bin/sh\necho 'this version does not work' >&2\nexit 1\n";

/// The sample product of one version, in a folder of its own: `linkpack init --sample`, plus one file that administrators edit.
pub struct Product {
    folder: tempfile::TempDir,
}

impl Product {
    pub fn sample(version: &str) -> Product {
        let product = Product { folder: tempfile::tempdir().expect("make a folder for a product") };
        linkpack().args(["init", "--sample"]).arg(product.path("")).run().ok();
        fs::create_dir(product.path("containers/pulse/etc")).expect("make a folder");
        fs::write(product.path("containers/pulse/etc/pulse.conf"), format!("# of {version}\n")).expect("write pulse.conf");
        product
            .edit("version = \"1.0.0\"\npublisher", &format!("version = \"{version}\"\npublisher"))
            .edit("\"containers/pulse\"", "{ source = \"containers/pulse\", config = [\"etc/*\"] }")
    }

    /// The same, with a connector that ends at once.
    pub fn broken(version: &str) -> Product {
        let product = Product::sample(version);
        fs::write(product.path("connector/vlink"), BROKEN).expect("break the connector");
        product
    }

    /// Replaces a text of the manifest.
    #[track_caller]
    pub fn edit(self, from: &str, to: &str) -> Product {
        let path = self.path("linkpack.toml");
        let text = fs::read_to_string(&path).expect("read the manifest");
        assert!(text.contains(from), "the sample's manifest has no {from:?}:\n{text}");
        fs::write(path, text.replace(from, to)).expect("write the manifest");
        self
    }

    /// Runs a shell script in the product's folder.
    #[track_caller]
    pub fn shell(&self, script: &str) {
        cmd("sh").args(["-ec", script]).dir(self.path("")).run().ok();
    }

    /// The package of one format; it goes with the product.
    pub fn build(&self, format: &str) -> PathBuf {
        self.build_with(format, &[])
    }

    /// The package of one format for the sample's site, `sites/example.toml`.
    pub fn build_site(&self, format: &str) -> PathBuf {
        self.build_with(format, &["-s", "sites/example.toml"])
    }

    fn build_with(&self, format: &str, options: &[&str]) -> PathBuf {
        let out = self.path(&format!("out{}", options.len()));
        linkpack().args(["build", "--no-cache", "-f", format]).args(options).arg("-o").arg(&out).dir(self.path("")).run().ok();
        let entries = fs::read_dir(&out).expect("read the output folder").flatten().map(|entry| entry.path());
        let mut packages: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == format)).collect();
        assert_eq!(packages.len(), 1, "one package: {packages:?}");
        packages.remove(0)
    }

    fn path(&self, name: &str) -> PathBuf {
        let folder: &Path = self.folder.path();
        folder.join(name)
    }
}

fn linkpack() -> super::Cmd {
    cmd(env!("CARGO_BIN_EXE_linkpack")).env("SOURCE_DATE_EPOCH", "1700000000")
}
