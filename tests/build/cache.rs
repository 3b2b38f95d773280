//! The cache that others can write, too.
use super::*;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use std::os::unix::fs::PermissionsExt;

/// A unit's file: what its head says, a digest of that, and the packed bytes (builder/crates/compress/src/unit_file.rs).
const SAID: usize = 60;
const HEAD: usize = 92;
const TRUE: &[u8] = b"#!/bin/sh\nexit 0\n";
const FORGED: &[u8] = b"#!/bin/sh\nevil 0\n";

/// Exchanges a program in every unit of gzip that holds it, as whoever can write the cache and has no key does; how many.
fn forge(cache: &Path) -> usize {
    let forged = |bytes: &[u8]| -> Option<Vec<u8>> {
        let mut plain = Vec::with_capacity(12 << 20);
        Decompress::new(false).decompress_vec(&bytes[HEAD..], &mut plain, FlushDecompress::Sync).ok()?;
        let at = plain.windows(TRUE.len()).position(|part| part == TRUE)?;
        plain[at..at + FORGED.len()].copy_from_slice(FORGED);
        let mut packed = Vec::with_capacity(12 << 20);
        Compress::new(Compression::new(9), false).compress_vec(&plain, &mut packed, FlushCompress::Sync).ok()?;
        let mut file = bytes[..16].to_vec();
        file.extend(crc32fast::hash(&plain).to_le_bytes());
        file.extend((packed.len() as u64).to_le_bytes());
        file.extend(blake3::hash(&packed).as_bytes());
        assert_eq!(file.len(), SAID);
        file.extend(blake3::hash(&file).as_bytes().to_vec());
        Some([file, packed].concat())
    };
    let units = cached(cache).into_iter().filter_map(|(path, bytes)| Some((path, forged(&bytes)?)));
    units.map(|(path, bytes)| fs::write(path, bytes).unwrap()).count()
}

pub fn key(product: &Product) {
    product.write("key", noise(32, 3));
    fs::set_permissions(product.path("key"), fs::Permissions::from_mode(0o600)).unwrap();
}

fn mode(folder: &Path, mode: u32) {
    fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_forged_unit_is_a_miss_under_a_key_and_others_folders_want_one() {
    let product = Product::new();
    key(&product);
    fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["--codec", "fast", "-f", "deb,run"], more].concat()
    }
    let clean = product.built(&with(&["--no-cache"]));
    let keyed = with(&["--cache", "shared", "--cache-key", "key"]);
    assert!(clean == product.built(&keyed));
    assert!(forge(&product.path("shared")) > 0, "no unit was forged");
    assert!(clean == product.built(&keyed));
    // The control: a private cache believes what is in it, and is refused when others can write it.
    let private = with(&["--cache", "private"]);
    assert!(clean == product.built(&private));
    assert!(forge(&product.path("private")) > 0, "no unit was forged");
    assert!(clean != product.built(&private));
    assert!(clean == product.built(&with(&["--cache", "private", "--cache-check"])));
    for open in [0o777, 0o1777] {
        mode(&product.path("private"), open);
        let said = product.refused_again(&private);
        assert!(said.contains("others can write to the cache private") && said.contains("--cache-key FILE"), "{said}");
    }
    mode(&product.path("shared"), 0o777);
    assert!(clean == product.built(&keyed));
    // Other builders read what this one writes.
    let kept = cached(&product.path("shared"));
    assert!(kept.keys().all(|path| fs::metadata(path).unwrap().permissions().mode() & 0o444 == 0o444));
    mode(&product.path("key"), 0o644);
    assert!(product.refused_again(&keyed).contains("others can read or change the cache key"));
}

#[test]
fn builders_that_start_cold_compress_everything_once() {
    let product = Product::of_several_units();
    key(&product);
    let start = |output, cache| {
        let common = ["--codec", "fast", "-f", "deb,rpm", "-j", "1", "--json", "-q", "--cache-key", "key"];
        let arguments = [&common[..], &["--cache", cache, "-o", output]].concat();
        product.command(&arguments).stdout(std::process::Stdio::piped()).spawn().unwrap()
    };
    let end = |child: std::process::Child| {
        let output = child.wait_with_output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let [found, compressed] = ["found", "compressed"].map(|name| document["cache"][name].as_u64().unwrap());
        (found, compressed)
    };
    let (found, all) = end(start("alone", "own"));
    let [one, two] = [start("one", "shared"), start("two", "shared")].map(end);
    assert_eq!(one.1 + two.1, all, "{one:?} {two:?}");
    assert_eq!(one.0 + two.0, 2 * found + all, "{one:?} {two:?}");
    let [alone, first, second] = ["alone", "one", "two"].map(|folder| files(&product.path(folder)));
    assert!(alone == first && alone == second);
    // What is only read is not written, and serves.
    let before = cached(&product.path("shared"));
    let readonly =
        ["--codec", "fast", "-f", "deb,rpm", "--cache", "shared", "--cache-key", "key", "--cache-read-only", "--json", "-q"];
    let output = product.build(&readonly);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["cache"]["compressed"], 0, "{}", text(&output.stderr));
    assert!(before == cached(&product.path("shared")));
}

#[test]
fn cache_show_and_prune_tell_what_is_there_and_what_goes() {
    let product = Product::new();
    key(&product);
    product.built(&["--codec", "fast", "-f", "deb", "--cache", "shared", "--cache-key", "key"]);
    let cache = |arguments: &[&str]| {
        let mut command = Command::new(LINKPACK);
        let output = command.current_dir(product.folder.path()).arg("cache").args(arguments).output().unwrap();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let units = cached(&product.path("shared")).len();
    let json = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let show = |more: &[&str]| json(&cache(&[&["show", "--cache", "shared", "--json"], more].concat()).1);
    assert_eq!(show(&[])["seals"]["other"], units);
    let survey = show(&["--cache-key", "key"]);
    assert_eq!((&survey["units"], &survey["seals"]["this_key"]), (&units.into(), &units.into()));
    assert_eq!((&survey["claims"], &survey["open"]), (&serde_json::json!([]), &Value::Null));
    let (code, said) = cache(&["show", "--cache", "shared"]);
    assert!(code == Some(0) && said.contains("by a key or damaged"), "{said}");
    let (code, said) = cache(&["prune", "--cache", "shared", "--cache-limit", "0", "--json"]);
    assert_eq!((code, &json(&said)["removed"], &json(&said)["units"]), (Some(0), &units.into(), &0.into()), "{said}");
    assert!(cached(&product.path("shared")).is_empty());
    let (code, said) = cache(&["prune", "--cache", "connector"]);
    assert!(code == Some(1) && said.contains("no build used connector as its cache"), "{said}");
    // What a build keeps is held down, too.
    product.built(&["--codec", "fast", "-f", "deb", "--cache", "shared", "--cache-limit", "0"]);
    assert!(cached(&product.path("shared")).is_empty());
}
