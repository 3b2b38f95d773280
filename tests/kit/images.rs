//! Zips and disc images, read back by other programs; volumes, each a kit of its own.
use crate::common::{cmd, need};
use crate::material::{copy, make};
use linkpack::kit::{iso, tree};
use std::fs::{self, File};
use std::path::Path;

/// The readers of an image, each into a folder of its own: Rock Ridge by two, Joliet by two.
fn read_back(image: &Path, like: &Path) {
    for (tool, package) in
        [("xorriso", "xorriso"), ("7z", "p7zip-full"), ("isoinfo", "genisoimage"), ("bsdtar", "libarchive-tools")]
    {
        need(tool, package);
    }
    let work = tempfile::tempdir().unwrap();
    let sh = |script: &str| cmd("sh").args(["-ec", script, "sh"]).arg(image).arg(like).dir(work.path()).run().ok();
    sh("xorriso -osirrox on -indev \"$1\" -extract / xorriso 2>log || { cat log; exit 1; }; diff -r xorriso \"$2\"; ! grep -iE 'warning|sorry|failure' log");
    // Modes are Unix's, by Rock Ridge.
    sh("for tree in xorriso \"$2\"; do (cd \"$tree\"; find . -type f -printf '%p %m\\n' | sort) >$(basename \"$tree\").list; done; diff *.list");
    sh("7z x -o7z \"$1\" >/dev/null; diff -r 7z \"$2\"");
    sh("mkdir bsd; bsdtar -xf \"$1\" -C bsd; diff -r bsd \"$2\"");
    // isoinfo lists a file once for each of its parts.
    for tree in ["-R", "-J"] {
        let script = format!(
            "isoinfo {tree} -f -i \"$1\" | sort -u >list; (cd \"$2\"; find . -mindepth 1 | sed 's,^\\.,,' | sort) | diff - list"
        );
        sh(&script);
    }
}

#[test]
fn an_image_is_read_by_xorriso_7z_isoinfo_and_bsdtar_and_a_zip_by_unzip_and_7z() {
    need("unzip", "unzip");
    let folder = copy();
    make(folder.path(), "dist-1.0.0 -o again --iso kit.iso --zip kit.zip").run().ok();
    let kit = folder.path().join("kit");
    read_back(&folder.path().join("kit.iso"), &kit);
    let sh = |script: &str| cmd("sh").args(["-ec", script]).dir(folder.path()).run().ok();
    sh("unzip -q -d unzipped kit.zip; diff -r unzipped kit; sh unzipped/verify.sh; 7z t kit.zip >/dev/null; python3 -m zipfile -t kit.zip");
    sh("[ -x unzipped/verify.sh ] && [ ! -x unzipped/index.html ]");
}

#[test]
fn a_file_in_several_parts_many_files_and_long_names_come_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("tree");
    fs::create_dir_all(root.join("a/b/c/d/e/f/g/h/i")).unwrap();
    fs::write(root.join("a/b/c/d/e/f/g/h/i/deep"), "deep").unwrap();
    fs::write(root.join("empty"), "").unwrap();
    // More than one sector of records, and names that ISO 9660 cannot tell apart.
    for at in 0..60 {
        fs::write(root.join(format!("a/a-long-name-that-is-the-same-at-first-{at:03}.tar.gz")), format!("{at}")).unwrap();
    }
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at / 7) as u8).collect();
    fs::write(root.join("parts.bin"), bytes).unwrap();
    let image = folder.path().join("tree.iso");
    // A part is a gibibyte or four elsewhere; to a reader it is the same.
    let volume = iso::Volume { label: "tree", time: 1_750_000_000, extent: 1 << 20 };
    iso::write(&tree::Tree::read(&root).unwrap(), &volume, &mut File::create(&image).unwrap()).unwrap();
    for path in cmd("find").arg(&root).run().ok().stdout.lines() {
        let mode = if Path::new(path).is_dir() { "755" } else { "644" };
        cmd("chmod").args([mode, path]).run().ok();
    }
    read_back(&image, &root);
}

#[test]
fn a_kit_larger_than_a_volume_is_several_that_are_whole_in_themselves() {
    let folder = copy();
    make(folder.path(), "dist-1.0.0 dist-1.1.0 -o all --iso all.iso --volume-size 9M").run().ok();
    let sh = |script: &str| cmd("sh").args(["-ec", script]).dir(folder.path()).run().ok();
    sh("[ ! -e all.iso ] && [ -f all-1.iso ] && [ -f all-2.iso ]");
    sh("for image in all-*.iso; do [ $(stat -c %s $image) -le 9000000 ]; bsdtar -xf $image --one-top-level=$image.d 2>/dev/null || { mkdir $image.d; bsdtar -xf $image -C $image.d; }; sh $image.d/verify.sh; done");
    sh("grep -q '\"1 of ' all-1.iso.d/kit.json; cat all-*.iso.d/SHA256SUMS | grep -E '\\.(deb|rpm|run|msi)$' | sort >parts; grep -E '\\.(deb|rpm|run|msi)$' all/SHA256SUMS | sort | diff - parts");
    make(folder.path(), "dist-1.0.0 -o small --iso s.iso --volume-size 9000000").run().ok();
    make(folder.path(), "dist-1.0.0 -o all --iso all.iso --volume-size 9M")
        .run()
        .ok()
        .says("left over from an older kit: all-1.iso, all-2.iso");
}

#[test]
fn a_name_too_long_for_joliet_is_refused_for_an_image_and_nothing_is_made() {
    let folder = copy();
    let long = format!("{}.run", "a".repeat(70));
    fs::rename(folder.path().join("dist-1.0.0/intigua-sample-1.0.0-linux-x86_64.run"), folder.path().join(&long)).unwrap();
    make(folder.path(), &format!("{long} -o k --iso k.iso")).run().exits(1).says("too long for an ISO image").says("--zip");
    assert!(!folder.path().join("k").exists() && !folder.path().join("k.iso").exists());
    // As root, a device of that name would be gone.
    cmd("mkfifo").arg("pipe").dir(folder.path()).run().ok();
    make(folder.path(), &format!("{long} -o k --zip pipe")).run().exits(1).says("cannot write pipe: it is no regular file");
    make(folder.path(), &format!("{long} -o k --zip k.zip")).run().ok();
}

#[test]
fn a_kit_that_fits_into_a_volume_is_not_cut() {
    let folder = copy();
    let at = folder.path();
    let sources = "dist-1.0.0 dist-1.1.0";
    make(at, &format!("{sources} -o first --iso first.iso --zip first.zip")).run().ok();
    for form in ["iso", "zip"] {
        let size = fs::metadata(at.join(format!("first.{form}"))).unwrap().len();
        make(at, &format!("{sources} -o kit-{form} --{form} whole.{form} --volume-size {size}")).run().ok();
        assert_eq!(fs::read(at.join(format!("whole.{form}"))).unwrap(), fs::read(at.join(format!("first.{form}"))).unwrap());
        make(at, &format!("{sources} -o kit-{form} --{form} cut.{form} --volume-size {}", size - 1)).run().ok();
        assert!(at.join(format!("cut-2.{form}")).exists() && !at.join(format!("cut.{form}")).exists());
    }
}
