use super::*;

fn store(folder: &Path) -> Arc<Store> {
    Store::open(CacheChoice::Folder(folder.to_path_buf()), 1).unwrap()
}

fn shared(folder: &Path, seed: u8) -> Arc<Store> {
    let key = Some(super::super::seal::tests::key(seed));
    Store::open(Cache { key, ..CacheChoice::Folder(folder.to_path_buf()).into() }, 2).unwrap()
}

fn put(store: &Store, plain: &[u8]) -> Unit {
    store.put(Codec::Gzip, Nature::General, &Bytes(plain)).unwrap()
}

fn bytes(store: &Store, unit: &Unit) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut collect = |block: &[u8]| {
        bytes.extend_from_slice(block);
        Ok(())
    };
    store.read(unit, &mut collect).map(|()| bytes)
}

#[test]
fn a_damaged_unit_is_compressed_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let plain: Vec<u8> = (0..100_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let unit = put(&store, &plain);
    let good = bytes(&store, &unit).unwrap();
    let path = store.path(&unit.key);
    let file = fs::read(&path).unwrap();
    type Damage = fn(&mut Vec<u8>);
    let damages: [Damage; 6] = [
        |file| file[HEAD_LEN + 3] ^= 1,
        |file| *file.last_mut().unwrap() ^= 1,
        |file| file[10] ^= 1,
        |file| file.truncate(HEAD_LEN - 1),
        |file| file.truncate(file.len() - 1),
        |file| file.push(0),
    ];
    for damage in damages {
        let mut damaged = file.clone();
        damage(&mut damaged);
        fs::write(&path, damaged).unwrap();
        assert!(store.find(Codec::Gzip, unit.key).is_none());
        assert_eq!(bytes(&store, &put(&store, &plain)).unwrap(), good);
    }
}

#[test]
fn a_unit_without_the_right_seal_is_a_miss() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other, none) = (shared(folder.path(), 1), shared(folder.path(), 2), store(folder.path()));
    let unit = put(&ours, b"one content");
    let swapped = put(&ours, b"another one");
    assert!(shared(folder.path(), 1).find(Codec::Gzip, unit.key).is_some());
    assert!(other.find(Codec::Gzip, unit.key).is_none() && none.find(Codec::Gzip, unit.key).is_none());
    // A good unit in another's place.
    let own = fs::read(ours.path(&unit.key)).unwrap();
    fs::copy(ours.path(&swapped.key), ours.path(&unit.key)).unwrap();
    assert!(ours.find(Codec::Gzip, unit.key).is_none());
    put(&none, b"one content");
    assert!(ours.find(Codec::Gzip, unit.key).is_none());
    put(&ours, b"one content");
    assert!(fs::read(ours.path(&unit.key)).unwrap() == own);
}

#[test]
fn a_unit_that_is_exchanged_after_it_was_found_stops_the_build() {
    let folder = tempfile::tempdir().unwrap();
    let store = shared(folder.path(), 1);
    let unit = put(&store, &[7; 100_000]);
    let mut file = fs::read(store.path(&unit.key)).unwrap();
    *file.last_mut().unwrap() ^= 1;
    fs::write(store.path(&unit.key), file).unwrap();
    assert!(bytes(&store, &unit).unwrap_err().what().contains("was changed during the build"));
}

#[test]
fn what_lies_under_a_units_name_and_is_no_file_is_a_miss() {
    let folder = tempfile::tempdir().unwrap();
    let store = shared(folder.path(), 1);
    let unit = put(&store, b"content");
    let path = store.path(&unit.key);
    let copy = folder.path().join("copy");
    fs::rename(&path, &copy).unwrap();
    std::os::unix::fs::symlink(&copy, &path).unwrap();
    assert!(store.find(Codec::Gzip, unit.key).is_none());
    fs::remove_file(&path).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::from_raw_mode(0o666)).unwrap();
    assert!(store.find(Codec::Gzip, unit.key).is_none());
    assert_eq!(bytes(&store, &put(&store, b"content")).unwrap().len() as u64, unit.packed_len());
}

#[test]
fn a_checked_unit_of_other_content_is_compressed_again() {
    let folder = tempfile::tempdir().unwrap();
    let open = |check| {
        let cache = Cache { check, ..CacheChoice::Folder(folder.path().to_path_buf()).into() };
        Store::open(cache, 1).unwrap()
    };
    for codec in [Codec::Gzip, Codec::Zstd, Codec::Xz] {
        let plain: Vec<u8> = (0..200_000_u32).map(|i| (i / 100) as u8).collect();
        let put = |store: &Store, plain: &[u8]| store.put(codec, Nature::General, &Bytes(plain)).unwrap();
        let (first, other) = (open(false), [&plain[1..], &[9]].concat());
        let (right, wrong) = (put(&first, &plain), put(&first, &other));
        fs::copy(first.path(&wrong.key), first.path(&right.key)).unwrap();
        assert_eq!(put(&first, &plain).digest, wrong.digest, "{codec:?}: nothing is known without the check");
        let checking = open(true);
        assert_eq!(put(&checking, &plain).digest, right.digest, "{codec:?}");
        put(&checking, &plain);
        assert_eq!(checking.used(), CacheUse { found: 1, compressed: 1, ..CacheUse::default() }, "{codec:?}");
    }
}

#[test]
fn a_cache_that_is_only_read_serves_and_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path());
    let unit = put(&first, b"there");
    let before = fs::read_dir(first.path(&unit.key).parent().unwrap()).unwrap().count();
    let cache = Cache { read_only: true, ..CacheChoice::Folder(folder.path().to_path_buf()).into() };
    let reading = Store::open(cache, 1).unwrap();
    put(&reading, b"there");
    let fresh = put(&reading, b"not there");
    assert_eq!(reading.used(), CacheUse { found: 1, compressed: 1, ..CacheUse::default() });
    assert!(!first.path(&fresh.key).exists() && bytes(&reading, &fresh).is_ok());
    assert_eq!(fs::read_dir(first.path(&unit.key).parent().unwrap()).unwrap().count(), before);
}

#[test]
fn two_builders_that_start_cold_share_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let stores = [shared(folder.path(), 1), shared(folder.path(), 1)];
    let contents: Vec<Vec<u8>> = (0..24_u32).map(|seed| super::super::nature::tests::noise(400_000 + seed as usize)).collect();
    std::thread::scope(|scope| {
        for store in &stores {
            scope.spawn(|| {
                let mut queue = super::super::Ordered::new(store.pool());
                for plain in contents.clone() {
                    let store = store.clone();
                    queue.submit(move || store.put(Codec::Xz, Nature::General, &Bytes(&plain))).unwrap();
                }
                while queue.oldest().unwrap().is_some() {}
            });
        }
    });
    let [one, two] = stores.map(|store| store.used());
    assert_eq!(one.compressed + two.compressed, 24, "{one:?} {two:?}");
}

#[test]
fn a_thread_that_waits_for_anothers_unit_compresses_the_next_one_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let (other, waiting) = (shared(folder.path(), 1), Store::open(CacheChoice::Folder(folder.path().to_path_buf()), 1).unwrap());
    let key = content_key(Codec::Gzip, Nature::General, &Bytes(b"first")).unwrap();
    let claim = other.claim(&key).unwrap().unwrap();
    let mut queue = super::super::Ordered::new(waiting.pool());
    for plain in [b"first", b"other"] {
        let store = waiting.clone();
        queue.submit(move || store.put(Codec::Gzip, Nature::General, &Bytes(plain))).unwrap();
    }
    let begun = std::time::Instant::now();
    while waiting.used().compressed == 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the second unit waits for the first");
        std::thread::sleep(Duration::from_millis(2));
    }
    drop(claim);
    while queue.oldest().unwrap().is_some() {}
    assert_eq!(waiting.used().compressed, 2);
}

#[test]
fn what_was_made_is_found_by_its_recipe_and_by_what_it_was_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let Err(key) = store.find_made("one", &[b"a", b"bc"]).unwrap() else { panic!("found before it was made") };
    store.keep_made(key, b"x").unwrap();
    assert!(matches!(store.find_made("one", &[b"a", b"bc"]).unwrap(), Ok(bytes) if bytes == b"x"));
    for (recipe, from) in [("two", [&b"a"[..], b"bc"]), ("one", [b"ab", b"c"]), ("one", [b"", b"abc"])] {
        assert!(store.find_made(recipe, &from).unwrap().is_err());
    }
}

#[test]
fn a_unit_that_is_gone_is_an_error_and_not_a_hole() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let unit = put(&store, &[7; 100_000]);
    fs::write(store.path(&unit.key), "").unwrap();
    assert!(bytes(&store, &unit).is_err());
    fs::remove_file(store.path(&unit.key)).unwrap();
    assert!(bytes(&store, &unit).is_err());
}

#[test]
fn codec_and_nature_are_part_of_what_a_unit_is_found_by() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let mut keys = std::collections::HashSet::new();
    for codec in [Codec::Gzip, Codec::Zstd, Codec::Xz] {
        for nature in [Nature::General, Nature::X86] {
            assert!(keys.insert(store.put(codec, nature, &Bytes(b"content")).unwrap().key));
        }
    }
}

#[test]
fn trimming_removes_the_least_recently_used_units_first() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let (old, new) = (put(&store, b"old"), put(&store, b"new"));
    File::open(store.path(&old.key)).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    prune::trim(folder.path(), fs::metadata(store.path(&new.key)).unwrap().len()).unwrap();
    assert!(bytes(&store, &old).is_err());
    assert!(bytes(&store, &new).is_ok());
}

#[test]
fn a_cache_in_use_by_another_build_is_not_trimmed() {
    let folder = tempfile::tempdir().unwrap();
    let (one, _other) = (store(folder.path()), store(folder.path()));
    one.trim().unwrap();
    assert!(flock(one.lock.as_ref().unwrap(), FlockOperation::NonBlockingLockExclusive).is_err());
}
