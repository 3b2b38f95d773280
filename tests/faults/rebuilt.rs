//! A product that was built once and is built again with another payload, into the same folder.
use super::*;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

pub type Files = BTreeMap<String, Vec<u8>>;

/// What unfinished packages' names begin with.
const PARTIAL: &str = ".linkpack-partial-";
const SUMS: &str = "SHA256SUMS";

pub struct Rebuilt {
    folder: tempfile::TempDir,
    pub old: Files,
    pub new: Files,
}

impl Rebuilt {
    /// The sample product with one file changed since its last build, all formats.
    pub fn new() -> Rebuilt {
        let folder = tempfile::tempdir().expect("make a folder");
        let mut product = Rebuilt { folder, old: Files::new(), new: Files::new() };
        cmd(env!("CARGO_BIN_EXE_linkpack")).args(["init", "--sample"]).arg(product.path("")).run().ok();
        // An archive as well as folders: it goes through the spool.
        product.pack("old");
        product.build().ok();
        product.old = product.output();
        product.pack("new");
        product.build().ok();
        product.new = product.output();
        assert_eq!(product.old.keys().collect::<Vec<_>>(), product.new.keys().collect::<Vec<_>>());
        assert_eq!(product.old.len(), 11, "four packages, two targets' bills, the provenance and two lists");
        assert!(product.old.iter().all(|(name, bytes)| product.new[name] != *bytes), "a package that does not change");
        product
    }

    /// Makes the payload of the container `pulse` an archive with `text` in it, and the title, which the MSI has too, another.
    fn pack(&self, text: &str) {
        let source = self.path("containers/pulse");
        fs::create_dir_all(source.join("share")).expect("make a folder");
        fs::write(source.join("share/text"), text.repeat(50_000)).expect("write a file");
        let tar = ["--create", "--gzip", "--file=pulse.tar.gz", "--sort=name", "--directory=containers/pulse", "."];
        cmd("tar").args(tar).dir(self.path("")).run().ok();
        let manifest = fs::read_to_string(self.path("linkpack.toml")).expect("read the manifest");
        let manifest = manifest.replace("\"containers/pulse\"", "\"pulse.tar.gz\"");
        fs::write(self.path("linkpack.toml"), manifest.replacen("title = \"", &format!("title = \"{text} "), 1))
            .expect("write it");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command line of a build.
    pub fn line(&self) -> Vec<OsString> {
        let words = ["build", "-q", "-j", "1", "--codec", "fast", "--cache", "cache"];
        std::iter::once(env!("CARGO_BIN_EXE_linkpack")).chain(words).map(Into::into).collect()
    }

    pub fn build(&self) -> Output {
        self.below(&[])
    }

    /// Builds below a wrapper, such as strace with its options.
    pub fn below(&self, wrapper: &[String]) -> Output {
        let mut line = wrapper.iter().map(OsString::from).chain(self.line());
        let program = line.next().expect("a command");
        cmd(program).args(line).env("SOURCE_DATE_EPOCH", "1700000000").dir(self.path("")).run()
    }

    fn output(&self) -> Files {
        files(&self.path("dist"))
    }

    /// Puts the packages of the last build back.
    pub fn reset(&self) {
        let _ = fs::remove_dir_all(self.path("dist"));
        fs::create_dir(self.path("dist")).expect("make the output folder");
        self.old.iter().for_each(|(name, bytes)| fs::write(self.path("dist").join(name), bytes).expect("write a package"));
    }

    pub fn forget_cache(&self) {
        let _ = fs::remove_dir_all(self.path("cache"));
    }

    /// Every package is one of the last build or of this one, to the byte, and what lists them agrees with what is there.
    #[track_caller]
    pub fn is_whole(&self) {
        let there = self.output();
        for (name, bytes) in there.iter().filter(|(name, _)| !name.starts_with(PARTIAL)) {
            let whole = [&self.old, &self.new].iter().any(|build| build.get(name) == Some(bytes));
            assert!(whole, "{name} is neither of the last build nor of this one");
        }
        // A list is missing only while names change; packages never are.
        for name in self.old.keys().filter(|name| !is_list(name)) {
            assert!(there.contains_key(name), "{name} is gone");
        }
        let Some(sums) = there.get(SUMS) else { return };
        for line in std::str::from_utf8(sums).expect("text").lines() {
            let (sum, name) = line.split_once("  ").expect("a line of sha256sum");
            assert_eq!(sum, hex::encode(Sha256::digest(&there[name])), "{name} in SHA256SUMS");
        }
        let build = if *sums == self.old[SUMS] { &self.old } else { &self.new };
        assert!(there.get("manifest.json") == build.get("manifest.json"), "manifest.json is of another build than SHA256SUMS");
    }

    /// The last build's packages are there and nothing else.
    #[track_caller]
    pub fn is_as_before(&self) {
        let there = self.output();
        assert!(there == self.old, "not as before: {:?}", changed(&there, &self.old));
    }

    /// Whether any package is another than the last build's.
    pub fn is_changed(&self) -> bool {
        self.output().iter().any(|(name, bytes)| self.old.get(name).is_some_and(|old| old != bytes))
    }

    /// This build's packages are there and nothing else, whatever the system denied.
    #[track_caller]
    pub fn is_built(&self, what: &str) {
        let there = self.output();
        let there: Files = there.into_iter().filter(|(name, _)| !name.starts_with(PARTIAL)).collect();
        assert!(there == self.new, "{what}: not this build's: {:?}", changed(&there, &self.new));
    }

    /// This build's packages are there and nothing else; no killed or failed build left anything anywhere.
    #[track_caller]
    pub fn is_done(&self) {
        let there = self.output();
        assert!(there == self.new, "not this build's: {:?}", changed(&there, &self.new));
        // A folder that was killed before it had its lock may be one that is being made: it goes after a minute.
        let left = ["-name", ".unit-*", "-o", "-path", "*/linkpack-work-*/.lock"];
        let cache = cmd("find").arg(self.path("cache")).args(left).run().ok();
        assert_eq!(cache.stdout, "", "left in the cache");
    }
}

fn is_list(name: &str) -> bool {
    name == SUMS || name == "manifest.json"
}

/// Names that differ in content or are on one side alone.
fn changed<'a>(one: &'a Files, other: &'a Files) -> Vec<&'a String> {
    one.keys().chain(other.keys()).filter(|name| one.get(*name) != other.get(*name)).collect()
}

fn files(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).expect("read the output folder").map(|entry| entry.expect("an entry"));
    entries.map(|entry| (entry.file_name().into_string().expect("text"), fs::read(entry.path()).expect("read"))).collect()
}
