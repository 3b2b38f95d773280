//! Things that take long to make, made once and kept below target/fixtures.
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Cargo's target directory of this build.
pub fn target_dir() -> PathBuf {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tmp.parent().expect("cargo puts its tmp below target").to_path_buf()
}

/// The directory that `make` fills, made at the first call and found again by later ones, in any test process, as long as `recipe` is the
/// same text. What an older recipe made is removed.
pub fn fixture(name: &str, recipe: &str, make: impl FnOnce(&Path)) -> PathBuf {
    fixture_in(&target_dir().join("fixtures"), name, recipe, make)
}

/// [`fixture`] in another directory, for the harness's own tests.
pub fn fixture_in(cache: &Path, name: &str, recipe: &str, make: impl FnOnce(&Path)) -> PathBuf {
    fs::create_dir_all(cache).expect("make target/fixtures");
    let key = &hex::encode(Sha256::digest(recipe))[..KEY_LENGTH];
    let place = cache.join(format!("{name}-{key}"));
    let lock = File::create(cache.join(format!("{name}.lock"))).expect("make a lock file");
    lock.lock().expect("lock a fixture"); // another test process may be making it right now
    if !place.exists() {
        let partial = Partial(cache.join(format!("{name}-{key}.partial")));
        let _ = fs::remove_dir_all(&partial.0);
        fs::create_dir(&partial.0).expect("make a fixture's directory");
        make(&partial.0);
        fs::rename(&partial.0, &place).expect("put a fixture in its place");
        remove_older(cache, name, &place);
    }
    place
}

const KEY_LENGTH: usize = 12;

/// A directory that does not outlive a failure.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn remove_older(cache: &Path, name: &str, current: &Path) {
    for entry in fs::read_dir(cache).expect("read target/fixtures").flatten() {
        let file_name = entry.file_name().to_string_lossy().into_owned();
        let key = file_name.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')).unwrap_or_default();
        let is_key = key.len() == KEY_LENGTH && key.bytes().all(|b| b.is_ascii_hexdigit());
        if is_key && entry.path() != current {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
