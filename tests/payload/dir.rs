//! Directories, and what holds for every source.

use super::*;
use std::fs::OpenOptions;

#[test]
fn a_directory_keeps_names_of_any_bytes_modes_links_and_times() {
    let place = Place::new();
    place.sample();
    let tree = place.tree("agent");
    assert_eq!(text(&tree, "share/with space, \"quote\" and 'quote'"), "spaced");
    assert_eq!(text(&tree, "share/two\nlines"), "newline");
    assert!(tree.get(&path(b"share/caf\xe9")).is_some());
    assert_eq!(entry(&tree, "bin/tool").mode, 0o750);
    assert_eq!(entry(&tree, "etc/agent.conf").mode, 0o600);
    assert_eq!(entry(&tree, "etc/agent.conf").mtime, 1_700_000_001);
    assert_eq!(link(&tree, "etc/link"), "../bin/tool");
    assert_eq!(link(&tree, "dangling"), "nowhere");
    assert!(matches!(entry(&tree, "empty-folder").kind, Kind::Directory));
    assert_eq!(content(&tree, "same-as-large").len(), 1_200_000);
}

#[test]
fn a_link_to_a_directory_is_not_entered() {
    let place = Place::new();
    place.write("a/real/file", "x");
    symlink("real", place.path("a/alias")).unwrap();
    assert_eq!(names(&place.tree("a")), ["alias", "real", "real/file"]);
}

#[test]
fn pipes_sockets_and_device_nodes_are_named_together_and_can_be_excluded() {
    let place = Place::new();
    place.write("a/file", "x");
    place.sh("mkfifo a/pipe; mknod a/null c 1 3");
    let _socket = std::os::unix::net::UnixListener::bind(place.path("a/socket")).unwrap();
    let error = place.error(&source(place.path("a")));
    assert_says(&error, &["3 entries", "\"pipe\": a named pipe", "\"null\": a device node", "\"socket\": a socket", "exclude"]);
    let exclude = vec!["pipe".into(), "null".into(), "socket".into()];
    let loaded = place.load(&Source { exclude, ..source(place.path("a")) }).unwrap();
    assert_eq!(names(&loaded.tree), ["file"]);
}

#[test]
fn links_that_leave_a_directory_are_refused() {
    let place = Place::new();
    place.write("a/sub/file", "x");
    symlink("../../outside", place.path("a/sub/up")).unwrap();
    symlink("/etc/passwd", place.path("a/absolute")).unwrap();
    symlink("../..", place.path("a/sub/top")).unwrap();
    let error = place.error(&source(place.path("a")));
    assert_says(
        &error,
        &[
            "3 entries",
            "\"sub/up\": a link to \"../../outside\", which leaves the payload",
            "\"absolute\": a link to the absolute path \"/etc/passwd\"",
        ],
    );
}

#[test]
fn a_missing_an_empty_and_an_unknown_source_say_what_is_accepted() {
    let place = Place::new();
    assert_says(&place.error(&source(place.path("missing"))), &["missing", "No such file"]);
    std::fs::create_dir_all(place.path("empty/folder")).unwrap();
    assert_says(&place.error(&source(place.path("empty"))), &["holds no file"]);
    place.write("nothing.tar", "");
    assert_says(&place.error(&source(place.path("nothing.tar"))), &["an empty file", ".tar.zst"]);
    place.write("agent.vai", "not an archive at all");
    assert_says(&place.error(&source(place.path("agent.vai"))), &["agent.vai", "does not know", ".deb", ".rpm", ".zip"]);
}

#[test]
fn an_unreadable_file_or_folder_is_named() {
    if !in_child("dir::an_unreadable_file_or_folder_is_named", &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]) {
        return;
    }
    let place = Place::new();
    place.write("a/secret", "x");
    place.write("a/plain", "x");
    std::fs::set_permissions(place.path("a/secret"), PermissionsExt::from_mode(0o000)).unwrap();
    assert_says(&place.error(&source(place.path("a"))), &["\"secret\": a file that cannot be read"]);
    place.write("b/locked/file", "x");
    std::fs::set_permissions(place.path("b/locked"), PermissionsExt::from_mode(0o000)).unwrap();
    assert_says(&place.error(&source(place.path("b"))), &["b/locked", "Permission denied", "exclude"]);
    std::fs::set_permissions(place.path("b/locked"), PermissionsExt::from_mode(0o700)).unwrap();
}

#[test]
fn a_file_that_changes_after_the_scan_is_named() {
    let place = Place::new();
    for name in ["grown", "replaced", "removed", "linked", "cut"] {
        place.write(&format!("a/{name}"), vec![7; 100_000]);
    }
    let tree = place.tree("a");
    place.write("a/grown", vec![7; 100_001]);
    place.write("other", vec![7; 100_000]);
    std::fs::rename(place.path("other"), place.path("a/replaced")).unwrap();
    std::fs::remove_file(place.path("a/removed")).unwrap();
    std::fs::rename(place.path("a/linked"), place.path("moved")).unwrap();
    symlink("../moved", place.path("a/linked")).unwrap();
    for name in ["grown", "replaced", "removed", "linked"] {
        let error = content(&tree, name).bytes().unwrap_err();
        assert_says(&error, &[&format!("a/{name} changed while it was packaged")]);
    }
    let mut reader = content(&tree, "cut").open().unwrap();
    let mut block = [0; 1000];
    assert_eq!(reader.read_block(&mut block).unwrap(), 1000);
    OpenOptions::new().write(true).open(place.path("a/cut")).unwrap().set_len(5000).unwrap();
    let error = (0..200).find_map(|_| reader.read_block(&mut block).err()).unwrap();
    assert_says(&error, &["a/cut changed while it was packaged"]);
}

#[test]
fn a_name_taken_by_a_pipe_after_the_scan_does_not_block() {
    let place = Place::new();
    place.write("a/file", "x");
    let tree = place.tree("a");
    place.sh("rm a/file; mkfifo a/file");
    assert_says(&content(&tree, "file").open().err().unwrap(), &["changed while it was packaged"]);
}

#[test]
fn large_files_are_not_read_at_the_scan() {
    let place = Place::new();
    // So large that a scan which read them would not end.
    for (name, tib) in [("five", 5), ("nine", 9)] {
        let file = std::fs::File::create(place.write(&format!("a/{name}"), "")).unwrap();
        file.set_len(tib << 40).unwrap();
    }
    let tree = place.tree("a");
    assert_eq!(content(&tree, "nine").len(), 9 << 40);
    assert_eq!(tree.total_bytes(), 14 << 40);
}

#[test]
fn seventy_thousand_files_load_before_the_runner_gives_up() {
    let place = Place::in_memory();
    for folder in 0..70 {
        let folder = place.path(&format!("a/{folder:02}"));
        std::fs::create_dir_all(&folder).unwrap();
        (0..1000).for_each(|file| std::fs::write(folder.join(file.to_string()), if file == 0 { "x" } else { "" }).unwrap());
    }
    let loaded = place.load(&Source { exclude: vec!["**/999".into(), "*.md".into()], ..source(place.path("a")) }).unwrap();
    assert_eq!(loaded.tree.entries().len(), 70 + 70 * 999);
    place.sh("tar -cf a.tar --exclude=999 -C a .");
    assert_eq!(names(&place.tree("a.tar")), names(&loaded.tree));
}

#[test]
fn an_interrupt_ends_a_load_and_leaves_nothing() {
    if !in_child("dir::an_interrupt_ends_a_load_and_leaves_nothing", &["env"]) {
        return;
    }
    let place = Place::new();
    place.sample();
    place.sh("tar -czf a.tar.gz agent");
    linkpack::interrupt::request();
    for name in ["agent", "a.tar.gz"] {
        assert!(place.error(&source(place.path(name))).is_interrupted());
    }
    drop(place.spool);
    assert!(is_empty(&place.folder.path().join("spool")));
}

#[test]
fn a_full_disk_names_the_folder_and_how_to_choose_another() {
    if !in_child("dir::a_full_disk_names_the_folder_and_how_to_choose_another", &["unshare", "-m"]) {
        return;
    }
    let place = Place::new();
    place.write("a/noise", (0..2_000_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect::<Vec<u8>>());
    place.sh("tar -cf a.tar a; mkdir small; mount -t tmpfs -o size=1m none small");
    let spool = Spool::new(&place.path("small")).unwrap();
    let error = load(&source(place.path("a.tar")), &spool, &place.heard).err().unwrap();
    assert_says(&error, &["disk is full", "/small/linkpack-", "--cache DIR", "TMPDIR"]);
    drop(spool);
    assert!(is_empty(&place.path("small")));
    place.sh("umount small");
}
